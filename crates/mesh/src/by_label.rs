//! Who selects whom by labels, without holding all against all.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;

use meshlift_model::k8s::{StringMap, has_all};
use meshlift_model::selector::LabelSelector;

/// Lists up to this long are quicker looked through than looked up.
const FEW: usize = 16;

/// A key and its value.
type Label<'a> = (&'a str, &'a str);

/// Things that select others by labels, such as the Services of a namespace: found by the labels of what they select.
#[derive(Debug)]
pub struct Selectors<'a, T> {
    all: Vec<&'a T>,
    /// Places of those that demand a label, by the label that fewest others demand; `None` for short lists.
    by_label: Option<BTreeMap<Label<'a>, Vec<usize>>>,
    /// Places of those that demand none.
    open: Vec<usize>,
}

impl<'a, T> Selectors<'a, T> {
    /// Of a list, and the labels that each of it demands, among whatever else it may demand.
    pub fn new(all: Vec<&'a T>, demanded: impl Fn(&'a T) -> &'a StringMap) -> Self {
        if all.len() <= FEW {
            return Self { all, by_label: None, open: Vec::new() };
        }
        let mut counts: BTreeMap<Label<'a>, usize> = BTreeMap::new();
        for label in all.iter().flat_map(|one| labels(demanded(one))) {
            *counts.entry(label).or_default() += 1;
        }
        let (mut by_label, mut open): (BTreeMap<_, Vec<usize>>, _) = (BTreeMap::new(), Vec::new());
        for (place, one) in all.iter().enumerate() {
            match labels(demanded(one)).min_by_key(|label| counts.get(label)) {
                Some(rarest) => by_label.entry(rarest).or_default().push(place),
                None => open.push(place),
            }
        }
        Self { all, by_label: Some(by_label), open }
    }

    /// All, in the order of the list.
    #[must_use]
    pub fn all(&self) -> &[&'a T] {
        &self.all
    }

    /// In the order of the list: all that can select what has these labels, and maybe others.
    #[must_use]
    pub fn near(&self, labels: &StringMap) -> Cow<'_, [&'a T]> {
        let Some(by_label) = &self.by_label else { return Cow::Borrowed(&self.all) };
        let found = self::labels(labels).filter_map(|label| by_label.get(&label)).flatten();
        let mut places: Vec<usize> = found.chain(&self.open).copied().collect();
        places.sort_unstable();
        places.into_iter().filter_map(|place| self.all.get(place).copied()).collect()
    }
}

/// Things that others select, such as the pods of a namespace: found by the labels that are demanded of them.
#[derive(Debug)]
pub struct Selected<'a, T> {
    all: Vec<(&'a T, &'a StringMap)>,
    /// Places of things and of labels among theirs, in the order of those labels; made when somebody asks, as most lists
    /// are short, or nobody does.
    by_label: OnceCell<Vec<(usize, usize)>>,
}

impl<'a, T> Selected<'a, T> {
    /// Of a list, with the labels of each.
    pub fn new(all: impl IntoIterator<Item = (&'a T, &'a StringMap)>) -> Self {
        Self { all: all.into_iter().collect(), by_label: OnceCell::new() }
    }

    /// Those that have all of these labels, in the order of the list.
    #[must_use]
    pub fn with(&self, demanded: &StringMap) -> Vec<&'a T> {
        self.those(demanded, |labels| has_all(labels, demanded))
    }

    /// Those that a selector selects, in the order of the list.
    #[must_use]
    pub fn matching(&self, selector: &LabelSelector) -> Vec<&'a T> {
        self.those(&selector.match_labels, |labels| selector.matches(labels))
    }

    fn those(&self, demanded: &StringMap, is_meant: impl Fn(&StringMap) -> bool) -> Vec<&'a T> {
        let meant = |(one, labels): &(&'a T, &StringMap)| is_meant(labels).then_some(*one);
        match self.near(demanded) {
            None => self.all.iter().filter_map(meant).collect(),
            Some(near) => near.iter().filter_map(|(place, _)| meant(self.all.get(*place)?)).collect(),
        }
    }

    /// Those that have one of these labels, the rarest; `None` where all are to be looked at.
    fn near(&self, demanded: &StringMap) -> Option<&[(usize, usize)]> {
        if self.all.len() <= FEW {
            return None;
        }
        let by_label = self.by_label.get_or_init(|| self.index());
        let with = |label| {
            let from = by_label.partition_point(|entry| self.label(*entry) < Some(label));
            let behind = by_label.get(from..).unwrap_or_default();
            behind
                .get(..behind.partition_point(|entry| self.label(*entry) == Some(label)))
                .unwrap_or_default()
        };
        labels(demanded).map(with).min_by_key(|near| near.len())
    }

    fn index(&self) -> Vec<(usize, usize)> {
        let all = self.all.iter().enumerate();
        let mut by_label: Vec<(usize, usize)> =
            all.flat_map(|(place, (_, labels))| (0..labels.len()).map(move |at| (place, at))).collect();
        by_label.sort_by_key(|entry| (self.label(*entry), entry.0));
        by_label
    }

    fn label(&self, (place, at): (usize, usize)) -> Option<Label<'a>> {
        labels(self.all.get(place)?.1).nth(at)
    }
}

fn labels(map: &StringMap) -> impl Iterator<Item = Label<'_>> {
    map.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some_labels() -> impl Strategy<Value = StringMap> {
        let label = ("[a-c]", "[x-z]");
        proptest::collection::vec(label, 0..4).prop_map(|labels| labels.into_iter().collect())
    }

    /// Which of those that look alike they are.
    fn places(found: Vec<&StringMap>) -> Vec<*const StringMap> {
        found.into_iter().map(std::ptr::from_ref).collect()
    }

    proptest! {
        #[test]
        fn whoever_selects_is_found_in_order(
            selectors in proptest::collection::vec(some_labels(), 0..40),
            pod in some_labels(),
        ) {
            let index = Selectors::new(selectors.iter().collect(), |one| one);
            let selecting =
                |all: &[&StringMap]| places(all.iter().copied().filter(|one| has_all(&pod, one)).collect());
            prop_assert_eq!(selecting(&index.near(&pod)), selecting(index.all()));
        }

        #[test]
        fn whoever_is_selected_is_found_in_order(
            pods in proptest::collection::vec(some_labels(), 0..40),
            selector in some_labels(),
        ) {
            let index = Selected::new(pods.iter().map(|pod| (pod, pod)));
            let meant: Vec<&StringMap> = pods.iter().filter(|pod| has_all(pod, &selector)).collect();
            prop_assert_eq!(places(index.with(&selector)), places(meant.clone()));
            let selector = LabelSelector::of_labels(&selector);
            prop_assert_eq!(places(index.matching(&selector)), places(meant));
        }
    }

    #[test]
    fn of_many_few_are_looked_at() {
        let one = |number: usize| -> StringMap {
            let pairs = [("app".to_owned(), number.to_string()), ("part-of".to_owned(), "shop".to_owned())];
            pairs.into_iter().collect()
        };
        let many: Vec<StringMap> = (0..1000).map(one).collect();
        assert_eq!(Selectors::new(many.iter().collect(), |one| one).near(&one(7)).len(), 1);
        assert_eq!(Selected::new(many.iter().map(|pod| (pod, pod))).near(&one(7)).map(<[_]>::len), Some(1));
    }
}
