//! Kubernetes quantities (`resource.Quantity`): `100m`, `1.5`, `256Mi`, `2e3`; and what a pod asks for together.

use meshlift_model::k8s::{Container, PodSpec, Resources, StringMap};

/// What the scheduler, quotas and limits count for a pod of what its containers ask: all that runs together, which is
/// its containers and native sidecars, or an init container with the sidecars that were started before it, whatever is
/// more (k8s.io/component-helpers, resource/helpers.go). What a container does not ask counts as nothing, what cannot
/// be summed up as the most there is.
pub(crate) fn of_pod(pod: &PodSpec, asked: impl Fn(&Container) -> Option<i128>) -> i128 {
    let asked = |container: &Container| asked(container).unwrap_or(0);
    let (mut sidecars, mut starting) = (0_i128, 0_i128);
    for container in &pod.init_containers {
        let beside = sidecars.saturating_add(asked(container));
        starting = starting.max(beside);
        if container.restart_policy == "Always" {
            sidecars = beside;
        }
    }
    pod.containers.iter().map(asked).fold(sidecars, i128::saturating_add).max(starting)
}

/// The same of a resource that containers name; quantities that cannot be read count as nothing.
pub(crate) fn sum(pod: &PodSpec, pick: fn(&Resources) -> &StringMap, resource: &str) -> i128 {
    of_pod(pod, |container| thousandths(pick(&container.resources).get(resource)?))
}

/// Value in thousandths; `None` for what is no quantity.
pub(crate) fn thousandths(text: &str) -> Option<i128> {
    let text = text.trim();
    let end = text
        .find(|ch: char| !(ch.is_ascii_digit() || ch == '.' || ch == '-' || ch == '+'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let factor = factor(suffix)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let thousandths = digits(whole, fraction)?.checked_mul(factor)?;
    if fraction.is_empty() {
        return Some(thousandths);
    }
    thousandths.checked_div(10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?)
}

/// The digits before and after the point as one number: every pod has several, so that none is copied for it.
fn digits(whole: &str, fraction: &str) -> Option<i128> {
    let is_negative = whole.starts_with('-');
    let unsigned = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    if unsigned.is_empty() && fraction.is_empty() {
        return None;
    }
    let number = unsigned.chars().chain(fraction.chars()).try_fold(0_i128, |number, digit| {
        number.checked_mul(10)?.checked_add(i128::from(digit.to_digit(10)?))
    })?;
    Some(if is_negative { -number } else { number })
}

/// Thousandths of one unit.
fn factor(suffix: &str) -> Option<i128> {
    let decimal = |power: u32| 10_i128.checked_pow(power.checked_add(3)?);
    match suffix {
        "" => Some(1000),
        "m" => Some(1),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "Ki" => Some(1000 << 10),
        "Mi" => Some(1000 << 20),
        "Gi" => Some(1000 << 30),
        "Ti" => Some(1000 << 40),
        "Pi" => Some(1000 << 50),
        _ => decimal(suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_init_container_counts_with_the_sidecars_that_run_before_it() {
        let container = |cpu: &str, restart_policy: &str| Container {
            resources: Resources {
                requests: StringMap::from([("cpu".to_owned(), cpu.to_owned())]).into(),
                ..Resources::default()
            },
            restart_policy: restart_policy.to_owned(),
            ..Container::default()
        };
        let mut pod = PodSpec {
            init_containers: vec![container("300m", ""), container("1", "Always"), container("2", "")].into(),
            containers: vec![container("500m", "")].into(),
            ..PodSpec::default()
        };
        let cpu = |pod: &PodSpec| sum(pod, |resources| &resources.requests, "cpu");
        assert_eq!(cpu(&pod), 3000);
        pod.containers.push(container("2", ""));
        assert_eq!(cpu(&pod), 3500);
    }

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        assert_eq!(thousandths("100m"), Some(100));
        assert_eq!(thousandths("1.5"), Some(1500));
        assert_eq!(thousandths("3"), Some(3000));
        assert_eq!(thousandths("2Ki"), Some(2_048_000));
        assert_eq!(thousandths("1e3"), Some(1_000_000));
        assert_eq!(thousandths("-1.5Mi"), Some(-1_572_864_000));
        assert_eq!(thousandths("much"), None);
        assert_eq!(thousandths("1e4294967295"), None);
        assert_eq!(thousandths(""), None);
    }
}
