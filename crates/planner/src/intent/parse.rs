//! From YAML to an intent that says something meshlift can do.

use meshlift_model::defaults::FORMAT_VERSION;
use meshlift_model::intent::{ChoiceKind, Intent, Limits, MoveBy};

use super::error::{IntentError, Place};
use crate::nearest::nearest;

/// Largest intent file that is read, in bytes: a choice for each of thousands of workloads fits in.
const INTENT_BYTES_MAX: usize = 1 << 20;

/// Reads an intent. Nothing of the mesh is asked here.
///
/// # Errors
/// Where the text is no YAML, has an unknown key or a value that does not fit, or asks for what this version
/// cannot do.
pub fn parse(text: &str) -> Result<Intent, IntentError> {
    if text.len() > INTENT_BYTES_MAX {
        return Err(IntentError::TooLarge { limit_bytes: INTENT_BYTES_MAX });
    }
    let mut intent: Intent = serde_saphyr::from_str(text).map_err(|error| yaml_error(&error))?;
    if intent.format_version > FORMAT_VERSION {
        return Err(IntentError::NewerFormat { found: intent.format_version });
    }
    // A file without the line can only be of the first format.
    intent.format_version = FORMAT_VERSION;
    consistent(&intent)?;
    Ok(intent)
}

fn yaml_error(error: &serde_saphyr::Error) -> IntentError {
    let error = error.without_snippet();
    let place = error.location().map(|at| Place { line: at.line(), column: at.column() }).unwrap_or_default();
    match error {
        serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => IntentError::UnknownKey {
            place,
            key: field.clone(),
            nearest: nearest(field, expected.iter().copied()).unwrap_or("none").to_owned(),
        },
        serde_saphyr::Error::SerdeUnknownVariant { variant, expected, .. } => IntentError::Value {
            place,
            what: format!("`{variant}` is none of {}", expected.join(", ")),
            nearest: nearest(variant, expected.iter().copied()).map(str::to_owned),
        },
        serde_saphyr::Error::SerdeMissingField { field, .. } => {
            IntentError::Missing { place, key: (*field).to_owned() }
        }
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
            IntentError::Value { place, what: format!("key `{key}` comes twice"), nearest: None }
        }
        other => {
            let text = other.to_string();
            let what = plainly(text.split(" at line ").next().unwrap_or(&text));
            let nearest = what.split_once("` is no choice").and_then(|(head, _)| nearest_choice(head));
            IntentError::Value { place, what, nearest }
        }
    }
}

/// What the parser says, in words of the file.
fn plainly(text: &str) -> String {
    const WORDS: [(&str, &str); 4] = [
        ("expected mapping start", "`key: value` lines belong here"),
        ("expected sequence start", "a list belongs here, such as `[a, b]`"),
        ("expected string scalar", "a text belongs here"),
        ("invalid boolean", "`true` or `false` belongs here"),
    ];
    let known = WORDS.iter().find(|(theirs, _)| text.starts_with(theirs)).map(|(_, ours)| *ours);
    let number = ["invalid u", "invalid i"].iter().any(|start| {
        text.strip_prefix(start).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    known.unwrap_or(if number { "a whole number belongs here" } else { text }).to_owned()
}

/// The choice that a wrong one may have meant: another word, or the same with its argument.
fn nearest_choice(quoted: &str) -> Option<String> {
    const WITH_ARGUMENT: [(&str, &str); 5] = [
        ("allow-unavailable", "N"),
        ("raise-quota", "N"),
        ("set-partition", "0"),
        ("relabel-namespace", "NAME"),
        ("accept-unknown", "SOURCE"),
    ];
    let word = quoted.strip_prefix('`')?.split(' ').next()?;
    let nearest = nearest(word, ChoiceKind::WORDS)?;
    let argument = WITH_ARGUMENT.iter().find(|(choice, _)| *choice == nearest);
    Some(argument.map_or(nearest.to_owned(), |(choice, argument)| format!("{choice} {argument}")))
}

/// What the types alone do not hold.
fn consistent(intent: &Intent) -> Result<(), IntentError> {
    if intent.move_by == MoveBy::Tag {
        return Err(IntentError::MoveByTag { path: "move".to_owned() });
    }
    if let Some((namespace, _)) = intent.moves.iter().find(|(_, by)| **by == MoveBy::Tag) {
        return Err(IntentError::MoveByTag { path: format!("moves.{namespace}") });
    }
    if !intent.windows.is_empty() {
        return Err(IntentError::Windows);
    }
    if let Some(label) = intent.slo_critical.label.as_deref()
        && !label.split_once('=').is_some_and(|(key, value)| !key.is_empty() && !value.is_empty())
    {
        return Err(IntentError::Label { label: label.to_owned() });
    }
    for (index, choice) in intent.choices.iter().enumerate() {
        let path = format!("choices[{index}]");
        if choice.reason.trim().is_empty() {
            return Err(IntentError::NoReason { path, subject: Box::new(choice.subject.clone()) });
        }
        if let Some(until) = choice.until.as_deref()
            && end_of_day(until).is_none()
        {
            return Err(IntentError::Until { path, until: until.to_owned() });
        }
    }
    limits(&intent.limits)
}

/// The last moment of a day `YYYY-MM-DD`, UTC.
pub(crate) fn end_of_day(day: &str) -> Option<meshlift_model::time::Time> {
    (day.len() == 10).then(|| meshlift_model::time::Time::parse(&format!("{day}T23:59:59Z")).ok()).flatten()
}

fn limits(limits: &Limits) -> Result<(), IntentError> {
    // Destructured whole, so that a new limit is not forgotten here.
    let Limits {
        canary_pods_max,
        wave_pods_max,
        concurrent_workloads_max,
        selector_settle_seconds,
        bake_seconds_canary,
        bake_seconds_wave,
        bake_seconds_slo_critical,
        bake_seconds_gateway,
        bake_seconds_control_plane,
        observation_seconds,
        old_istiod_dark_seconds,
    } = limits;
    let counts = [
        ("canary_pods_max", canary_pods_max),
        ("wave_pods_max", wave_pods_max),
        ("concurrent_workloads_max", concurrent_workloads_max),
    ];
    let seconds = [
        ("selector_settle_seconds", selector_settle_seconds),
        ("bake_seconds_canary", bake_seconds_canary),
        ("bake_seconds_wave", bake_seconds_wave),
        ("bake_seconds_slo_critical", bake_seconds_slo_critical),
        ("bake_seconds_gateway", bake_seconds_gateway),
        ("bake_seconds_control_plane", bake_seconds_control_plane),
        ("observation_seconds", observation_seconds),
        ("old_istiod_dark_seconds", old_istiod_dark_seconds),
    ];
    let zero = counts.into_iter().find(|(_, count)| **count == Some(0)).map(|(name, _)| (name, "at least 1"));
    let out_of_range =
        |seconds: &Option<i64>| seconds.is_some_and(|value| !(0..=SECONDS_MAX).contains(&value));
    let seconds = seconds.into_iter().find(|(_, value)| out_of_range(value));
    let seconds = seconds.map(|(name, _)| (name, "from 0 to 31536000 seconds (a year)"));
    match zero.or(seconds) {
        None => Ok(()),
        Some((name, range)) => Err(IntentError::Limit { name, range }),
    }
}

/// Longest time that an intent may set: a year. Longer is a typo.
const SECONDS_MAX: i64 = 31_536_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_intent_is_read() {
        let text = "format_version: 1\ntarget: 1.30.3\nmove: namespace\norder: {canary: [web]}\n\
                    limits: {wave_pods_max: 50, bake_seconds_wave: 60}\nremove_tags: [old]\n\
                    choices:\n  - {subject: Deployment/a/b, choose: raise-quota 2, reason: room, until: 2030-01-31}\n";
        let intent = parse(text).unwrap();
        assert_eq!(intent.choices[0].choose, ChoiceKind::RaiseQuota(2));
        assert_eq!(intent.limits.wave_pods_max, Some(50));
        assert_eq!(parse("").unwrap(), Intent { format_version: 1, ..Intent::default() });
    }

    #[test]
    fn days_end_at_midnight() {
        assert_eq!(end_of_day("2026-02-28").unwrap().to_string(), "2026-02-28T23:59:59Z");
        for day in ["2026-02-30", "tomorrow", "2026-1-1", ""] {
            assert!(end_of_day(day).is_none(), "{day}");
        }
    }
}
