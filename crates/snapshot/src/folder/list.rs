//! One file `api/RESOURCE.json`: a kubectl list, item by item.

use meshlift_model::k8s::{KindWork, Resource};
use meshlift_model::snapshot::{ReadProblem, Snapshot};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use crate::kinds::kind_of;
use crate::limits::PROBLEMS_MAX;
use crate::normal::ITEM_PLACE;
use crate::report::{ReadReport, collapse};

/// Why a file cannot be read as a whole; follows the file's name in a sentence.
#[derive(Clone, Debug)]
pub(super) struct ListError(pub(super) String);

/// What every kubectl list has.
#[derive(Deserialize)]
struct List<Items> {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: ListMeta,
    items: Option<Items>,
}

#[derive(Default, Deserialize)]
struct ListMeta {
    /// Set where the API server sent only a page.
    #[serde(default, rename = "continue")]
    continue_token: Option<String>,
}

impl<Items: Default> List<Items> {
    /// The items of a whole list.
    fn into_items(self) -> Result<Items, ListError> {
        if !self.kind.ends_with("List") {
            let what = if self.kind.is_empty() { "something without a kind" } else { &self.kind };
            return Err(ListError(format!("holds {what}, not a list")));
        }
        if self.metadata.continue_token.is_some_and(|token| !token.is_empty()) {
            return Err(ListError("holds only the first page of its list (metadata.continue is set)".into()));
        }
        Ok(self.items.unwrap_or_default())
    }
}

fn parse<'a, Items: Default + Deserialize<'a>>(
    bytes: Result<&'a [u8], &ListError>,
) -> Result<Items, ListError> {
    let bytes = bytes.map_err(Clone::clone)?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ListError("is empty".into()));
    }
    let list: List<Items> = serde_json::from_slice(bytes).map_err(|error| {
        ListError(if error.is_eof() {
            format!("is cut off ({error})")
        } else {
            format!("is no list ({error})")
        })
    })?;
    list.into_items()
}

/// Items in a list of a kind that is not read.
pub(super) fn count_items(bytes: Result<&[u8], &ListError>) -> Result<usize, ListError> {
    parse::<Vec<IgnoredAny>>(bytes).map(|items| items.len())
}

/// Reads a list of a known kind into the snapshot; yields how many items the file holds.
pub(super) struct ReadList<'a> {
    pub(super) file: &'a str,
    pub(super) bytes: Result<&'a [u8], &'a ListError>,
    pub(super) snapshot: &'a mut Snapshot,
    pub(super) report: &'a mut ReadReport,
}

impl KindWork for ReadList<'_> {
    type Output = Result<usize, ListError>;

    fn run<R: Resource + DeserializeOwned>(self) -> Self::Output {
        let items: Vec<&RawValue> = parse(self.bytes)?;
        let before = self.snapshot.problems.len();
        for (index, item) in items.iter().enumerate() {
            if self.snapshot.problems.len() - before > PROBLEMS_MAX {
                return Err(ListError(format!("holds more than {PROBLEMS_MAX} objects that cannot be read")));
            }
            match read_item::<R>(item, self.report) {
                Ok(object) => R::list_mut(&mut self.snapshot.objects).push(object),
                Err(problem) => self.snapshot.problems.push(ReadProblem {
                    source: R::RESOURCE.to_owned(),
                    place: format!("{ITEM_PLACE}{index}] {}", name_of(item)).trim_end().to_owned(),
                    problem: format!("{problem}; skipped ({})", self.file),
                }),
            }
        }
        Ok(items.len())
    }
}

/// What tells whether an item is of its list's kind.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ItemHead {
    kind: Option<String>,
    api_version: Option<String>,
    metadata: ItemMeta,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ItemMeta {
    name: Option<String>,
    namespace: Option<String>,
}

fn read_item<R: Resource + DeserializeOwned>(item: &RawValue, report: &mut ReadReport) -> Result<R, String> {
    let head: ItemHead = serde_json::from_str(item.get()).map_err(|error| error.to_string())?;
    let api_version = head.api_version.as_deref().unwrap_or(R::API_VERSION);
    if let Some(kind) = &head.kind
        && kind_of(kind, api_version).is_none_or(|known| known.resource != R::RESOURCE)
    {
        return Err(format!("is a {kind} of {api_version}, not one of {}", R::RESOURCE));
    }
    if head.metadata.name.is_none_or(|name| name.is_empty()) {
        return Err("has no metadata.name".to_owned());
    }
    if R::NAMESPACED && head.metadata.namespace.is_none_or(|namespace| namespace.is_empty()) {
        return Err("has no metadata.namespace".to_owned());
    }
    let mut unread = Vec::new();
    let mut json = serde_json::Deserializer::from_str(item.get());
    let object = serde_ignored::deserialize(&mut json, |path| unread.push(collapse(&path)))
        .map_err(|error| error.to_string())?;
    unread.retain(|path| path != "kind" && path != "apiVersion");
    unread.sort();
    unread.dedup();
    if !unread.is_empty() {
        let fields = report.unread_fields.entry(R::RESOURCE.to_owned()).or_default();
        unread.into_iter().for_each(|path| *fields.entry(path).or_default() += 1);
    }
    Ok(object)
}

/// `namespace/name` of an item, as far as it says.
fn name_of(item: &RawValue) -> String {
    let meta = serde_json::from_str::<ItemHead>(item.get()).unwrap_or_default().metadata;
    let parts = [meta.namespace, meta.name];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}
