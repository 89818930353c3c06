//! Kubernetes quantities (`resource.Quantity`): `100m`, `1.5`, `256Mi`, `2e3`; and what a pod asks for together.

use std::collections::BTreeSet;

use crate::k8s::{Container, PodSpec, Resources, StringMap};

/// Suffixes of whole units.
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

/// Value in thousandths, rounded up; `None` for what is no quantity
/// (k8s.io/apimachinery, pkg/api/resource/quantity.go).
#[must_use]
pub fn thousandths(text: &str) -> Option<i128> {
    let text = text.trim();
    let end = text
        .find(|ch: char| !(ch.is_ascii_digit() || ch == '.' || ch == '-' || ch == '+'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = digits(whole, fraction)?;
    let (factor, divisor) = scale(suffix)?;
    let divisor = divisor.checked_mul(10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?)?;
    let product = digits.checked_mul(factor)?;
    Some(if divisor == 1 { product } else { up(product, divisor) })
}

/// Divided, away from zero.
fn up(number: i128, divisor: i128) -> i128 {
    let rest = if number % divisor == 0 { 0 } else { number.signum() };
    number / divisor + rest
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

/// Thousandths of one unit, as a factor and a divisor.
fn scale(suffix: &str) -> Option<(i128, i128)> {
    match suffix {
        "" => return Some((1000, 1)),
        "m" => return Some((1, 1)),
        "u" => return Some((1, 1000)),
        "n" => return Some((1, 1_000_000)),
        _ => {}
    }
    if let Some((_, factor)) = SUFFIXES.iter().find(|(name, _)| *name == suffix) {
        return Some((factor * 1000, 1));
    }
    let power: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = power.checked_add(3)?;
    let ten = 10_i128.checked_pow(power.unsigned_abs())?;
    Some(if power < 0 { (1, ten) } else { (ten, 1) })
}

/// Thousandths as a quantity: whole, with a binary suffix where one fits, else with `m`.
#[must_use]
pub fn format_thousandths(amount: i128) -> String {
    if amount % 1000 != 0 {
        return format!("{amount}m");
    }
    let whole = amount / 1000;
    let binary = SUFFIXES[..6].iter().rev().find(|(_, factor)| whole != 0 && whole % factor == 0);
    match binary {
        Some((suffix, factor)) => format!("{}{suffix}", whole / factor),
        None => whole.to_string(),
    }
}

/// What is meant of the resources of a container or a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Requests.
    Requests,
    /// Limits.
    Limits,
}

impl Ask {
    /// That of these resources.
    #[must_use]
    pub fn of(self, resources: &Resources) -> &StringMap {
        match self {
            Self::Requests => &resources.requests,
            Self::Limits => &resources.limits,
        }
    }
}

/// True for what a pod may say for all of its containers together (`IsSupportedPodLevelResource`).
#[must_use]
pub fn is_of_pods(resource: &str) -> bool {
    matches!(resource, "cpu" | "memory") || resource.starts_with("hugepages-")
}

/// What the scheduler, quotas and limits count for a pod of what its containers ask: all that runs together, which is
/// its containers and native sidecars, or an init container with the sidecars that were started before it, whatever is
/// more (k8s.io/component-helpers, resource/helpers.go). What a container does not ask counts as nothing, what cannot
/// be summed up as the most there is.
pub fn of_containers(pod: &PodSpec, asked: impl Fn(&Container) -> Option<i128>) -> i128 {
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

/// What a pod says of a resource for all of its containers together; `None` where they speak for themselves. A request
/// that neither it nor a container names is its limit (`defaultPodRequests`).
#[must_use]
pub fn of_whole_pod(pod: &PodSpec, ask: Ask, resource: &str) -> Option<i128> {
    let own = pod.resources.as_deref().filter(|_| is_of_pods(resource))?;
    let limit = || {
        // A container's limit is its request where it names none.
        let names = |one: &Container| {
            [Ask::Requests, Ask::Limits].iter().any(|ask| ask.of(&one.resources).contains_key(resource))
        };
        let is_named = pod.all_containers().any(names);
        own.limits.get(resource).filter(|_| ask == Ask::Requests && !is_named)
    };
    thousandths(ask.of(own).get(resource).or_else(limit)?)
}

/// Thousandths of a resource that a pod asks for; quantities that cannot be read count as nothing.
#[must_use]
pub fn of_pod(pod: &PodSpec, ask: Ask, resource: &str) -> i128 {
    of_whole_pod(pod, ask, resource).unwrap_or_else(|| {
        of_containers(pod, |container| thousandths(ask.of(&container.resources).get(resource)?))
    })
}

/// Resources that a pod or its containers name.
#[must_use]
pub fn named(pod: &PodSpec, ask: Ask) -> BTreeSet<&str> {
    let containers = pod.all_containers().flat_map(|container| ask.of(&container.resources).keys());
    let own = pod.resources.iter().flat_map(|own| ask.of(own).keys().chain(own.limits.keys()));
    let own = own.filter(|name| ask == Ask::Limits || is_of_pods(name));
    containers.chain(own).map(String::as_str).collect()
}

#[cfg(test)]
mod tests;
