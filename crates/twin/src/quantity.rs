//! Quantities of resources (`k8s.io/apimachinery/pkg/api/resource`), and what pods ask for.

use std::collections::BTreeMap;

use meshlift_model::k8s::{Container, Pod, StringMap};

/// Suffixes of quantities, in thousandths.
const SUFFIXES: &[(&str, i128)] = &[
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("Ei", 1 << 60),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000),
];

/// A quantity in thousandths, rounded up; `None` where the text is no quantity.
#[must_use]
pub(crate) fn parse_milli(text: &str) -> Option<i128> {
    let text = text.trim();
    if let Some(number) = text.strip_suffix('m') {
        return decimal(number, 1);
    }
    for (suffix, factor) in SUFFIXES {
        if let Some(number) = text.strip_suffix(suffix) {
            return decimal(number, factor * 1000);
        }
    }
    if let Some((number, exponent)) = text.split_once(['e', 'E']) {
        let factor = 10_i128.checked_pow(exponent.parse().ok()?)?;
        return decimal(number, factor.checked_mul(1000)?);
    }
    decimal(text, 1000)
}

/// `number × factor`, rounded up; at most nine digits after the point count.
fn decimal(number: &str, factor: i128) -> Option<i128> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let negative = whole.starts_with('-');
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let digits: String = part.chars().take(9).collect();
    let part: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let scale = 10_i128.pow(u32::try_from(digits.len()).ok()?);
    let product = part.checked_mul(factor)?;
    let rounded = (product + scale - 1).div_euclid(scale);
    let whole = whole.checked_mul(factor)?;
    whole.checked_add(if negative { -rounded } else { rounded })
}

/// Thousandths as a quantity: whole, with a binary suffix where one fits, else with `m`.
#[must_use]
pub(crate) fn format_milli(milli: i128) -> String {
    if milli % 1000 != 0 {
        return format!("{milli}m");
    }
    let whole = milli / 1000;
    let binary = SUFFIXES[..6].iter().rev().find(|(_, factor)| whole != 0 && whole % factor == 0);
    match binary {
        Some((suffix, factor)) => format!("{}{suffix}", whole / factor),
        None => whole.to_string(),
    }
}

/// What a pod, or several, ask for: a count of pods and thousandths by resource name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Requests {
    /// Pods.
    pub(crate) pods: i128,
    /// Thousandths by resource name.
    pub(crate) resources: BTreeMap<String, i128>,
}

impl Requests {
    /// What the scheduler counts for a pod.
    pub(crate) fn of_pod(pod: &Pod) -> Self {
        Self { pods: 1, resources: effective(pod, |container| &container.resources.requests) }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.pods += other.pods;
        for (name, milli) in &other.resources {
            *self.resources.entry(name.clone()).or_default() += milli;
        }
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        self.pods -= other.pods;
        for (name, milli) in &other.resources {
            *self.resources.entry(name.clone()).or_default() -= milli;
        }
    }

    /// True if `asked` fits beside this into `allocatable`; what is not listed there is not limited.
    pub(crate) fn leaves_room_for(&self, asked: &Self, allocatable: &StringMap) -> bool {
        let limit = |name: &str| allocatable.get(name).and_then(|text| parse_milli(text));
        let pods_fit = limit("pods").is_none_or(|milli| (self.pods + asked.pods) * 1000 <= milli);
        pods_fit
            && asked.resources.iter().all(|(name, milli)| {
                let used = self.resources.get(name).copied().unwrap_or(0);
                limit(name).is_none_or(|limit| used + milli <= limit)
            })
    }
}

/// Effective amounts of a pod: app containers and native sidecars together, or the largest init container
/// with the sidecars before it (`k8s.io/component-helpers/resource`).
pub(crate) fn effective(pod: &Pod, of: impl Fn(&Container) -> &StringMap) -> BTreeMap<String, i128> {
    let amounts = |container: &Container| -> BTreeMap<String, i128> {
        of(container).iter().filter_map(|(name, text)| Some((name.clone(), parse_milli(text)?))).collect()
    };
    let mut running: BTreeMap<String, i128> = BTreeMap::new();
    let mut peak: BTreeMap<String, i128> = BTreeMap::new();
    for init in &pod.spec.init_containers {
        let native = init.restart_policy == "Always";
        for (name, milli) in amounts(init) {
            let before = running.get(&name).copied().unwrap_or(0);
            let highest = peak.entry(name.clone()).or_default();
            *highest = (*highest).max(before + milli);
            if native {
                running.insert(name, before + milli);
            }
        }
    }
    for container in &pod.spec.containers {
        for (name, milli) in amounts(container) {
            *running.entry(name).or_default() += milli;
        }
    }
    for (name, milli) in peak {
        let total = running.entry(name).or_default();
        *total = (*total).max(milli);
    }
    running
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        for (text, milli) in [
            ("100m", 100),
            ("2", 2000),
            ("1.5", 1500),
            ("128Mi", 134_217_728_000),
            ("1k", 1_000_000),
            ("1e3", 1_000_000),
        ] {
            assert_eq!(parse_milli(text), Some(milli), "{text}");
        }
        assert_eq!(parse_milli("much"), None);
    }

    #[test]
    fn quantities_are_written_canonically() {
        for text in ["100m", "2", "128Mi", "3Gi", "0"] {
            assert_eq!(parse_milli(text).map(format_milli).as_deref(), Some(text));
        }
    }

    #[test]
    fn native_sidecars_count_beside_the_app() {
        let mut pod = Pod::default();
        let container = |milli: &str, policy: &str| {
            let mut container = Container { restart_policy: policy.into(), ..Container::default() };
            container.resources.requests.insert("cpu".into(), milli.into());
            container
        };
        pod.spec.init_containers =
            vec![container("300m", ""), container("100m", "Always"), container("450m", "")].into();
        pod.spec.containers = vec![container("200m", "")].into();
        assert_eq!(Requests::of_pod(&pod).resources["cpu"], 550);
    }
}
