//! Names inside of other text.

use std::collections::BTreeMap;

/// Replaces each name that stands by itself: not beside a letter or digit, so that `1-29-6` is found in
/// `istiod-1-29-6-abc` and not in `11-29-6`.
pub(crate) fn tokens(text: &str, names: &BTreeMap<String, String>) -> String {
    replace(text, names, |before, after| {
        let part = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        !part(before) && !part(after)
    })
}

/// Replaces each name that is a whole label of a host: `api.NAME.svc`, or the last part of `POD.NAME`.
pub(crate) fn hosts(text: &str, names: &BTreeMap<String, String>) -> String {
    let mut text = text.to_owned();
    for (old, new) in names {
        let (from, to) = (format!(".{old}.svc"), format!(".{new}.svc"));
        if text.contains(&from) {
            text = text.replace(&from, &to);
        }
        let (from, to) = (format!("/namespaces/{old}/"), format!("/namespaces/{new}/"));
        if text.contains(&from) {
            text = text.replace(&from, &to);
        }
    }
    text
}

/// Replaces names wherever they stand: for names that were invented and are like nothing else.
pub(crate) fn anywhere(text: &str, names: &BTreeMap<String, String>) -> String {
    replace(text, names, |_, _| true)
}

/// Longest name first at each place, so that `team-01-b` is not taken for `team-01`.
fn replace(
    text: &str,
    names: &BTreeMap<String, String>,
    fits: impl Fn(Option<u8>, Option<u8>) -> bool,
) -> String {
    if !names.keys().any(|old| text.contains(old.as_str())) {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut place = 0;
    while place < text.len() {
        let rest = &text[place..];
        let before = place.checked_sub(1).and_then(|place| bytes.get(place)).copied();
        let found = names
            .iter()
            .filter(|(old, _)| {
                rest.starts_with(old.as_str()) && fits(before, bytes.get(place + old.len()).copied())
            })
            .max_by_key(|(old, _)| old.len());
        match found {
            Some((old, new)) => {
                out.push_str(new);
                place += old.len();
            }
            None => {
                let Some(next) = rest.chars().next() else { break };
                out.push(next);
                place += next.len_utf8();
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect()
    }

    #[test]
    fn names_are_found_where_they_stand_alone() {
        let map = names(&[("1-29-6", "x"), ("1-29-6-b", "y")]);
        assert_eq!(
            tokens("istiod-1-29-6-abc.ns, 11-29-6, 1-29-60, 1-29-6-b", &map),
            "istiod-x-abc.ns, 11-29-6, 1-29-60, y"
        );
        let map = names(&[("web", "n")]);
        assert_eq!(
            hosts("bff.web.svc.cluster.local web.example", &map),
            "bff.n.svc.cluster.local web.example"
        );
        assert_eq!(
            hosts("kubernetes://apis/apps/v1/namespaces/web/deployments/web", &map),
            "kubernetes://apis/apps/v1/namespaces/n/deployments/web"
        );
    }
}
