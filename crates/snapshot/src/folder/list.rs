//! A kubectl list, item by item: one file `api/RESOURCE.json`, or one page of an API server.

use meshlift_model::k8s::{KindWork, Objects, Resource};
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
pub(crate) struct ListError(pub(crate) String);

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
    /// The items, and the token of the next page.
    fn into_page(self) -> Result<(Items, Option<String>), ListError> {
        if !self.kind.ends_with("List") {
            let what = if self.kind.is_empty() { "something without a kind" } else { &self.kind };
            return Err(ListError(format!("holds {what}, not a list")));
        }
        let token = self.metadata.continue_token.filter(|token| !token.is_empty());
        Ok((self.items.unwrap_or_default(), token))
    }
}

fn parse<'a, Items: Default + Deserialize<'a>>(
    bytes: Result<&'a [u8], &ListError>,
) -> Result<Items, ListError> {
    match parse_page(bytes.map_err(Clone::clone)?)? {
        (items, None) => Ok(items),
        (_, Some(_)) => {
            Err(ListError("holds only the first page of its list (metadata.continue is set)".into()))
        }
    }
}

/// Items of a list or of a page of it, and the token of the next page.
fn parse_page<'a, Items: Default + Deserialize<'a>>(
    bytes: &'a [u8],
) -> Result<(Items, Option<String>), ListError> {
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
    list.into_page()
}

/// The token of the next page, from the head of a page alone; `None` where the head does not tell: that says nothing.
pub(crate) fn head_token(page: &[u8]) -> Option<String> {
    const HEAD_MAX: usize = 4096;
    const ITEMS: &[u8] = b"\"items\":";
    let head = page.get(..HEAD_MAX).unwrap_or(page);
    let end = head.windows(ITEMS.len()).position(|window| window == ITEMS)?;
    let without_items = [head.get(..end)?, ITEMS, b"[]}"].concat();
    parse_page::<Vec<IgnoredAny>>(&without_items).ok()?.1
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
        let Snapshot { objects, problems, .. } = self.snapshot;
        take_items::<R>(&items, 0, self.file, objects, problems, |item| read_item(item, self.report))?;
        Ok(items.len())
    }
}

/// Reads one page of an API server's list of a known kind; yields its items' number and the next page's token.
pub(crate) struct ReadPage<'a> {
    /// Where it was asked for.
    pub(crate) place: &'a str,
    /// Items of the pages before.
    pub(crate) first: usize,
    pub(crate) bytes: &'a [u8],
    pub(crate) objects: &'a mut Objects,
    pub(crate) problems: &'a mut Vec<ReadProblem>,
}

impl KindWork for ReadPage<'_> {
    type Output = Result<(usize, Option<String>), ListError>;

    fn run<R: Resource + DeserializeOwned>(self) -> Self::Output {
        // Pages are sound nearly always, and then one pass is enough.
        if let Ok((items, token)) = parse_page::<Vec<R>>(self.bytes)
            && items.iter().all(|object| nameless(object).is_none())
        {
            let count = items.len();
            R::list_mut(self.objects).extend(items);
            return Ok((count, token));
        }
        let (items, token) = parse_page::<Vec<&RawValue>>(self.bytes)?;
        let read = |item: &RawValue| {
            let object: R = serde_json::from_str(item.get()).map_err(|error| error.to_string())?;
            nameless(&object).map_or(Ok(object), |problem| Err(problem.to_owned()))
        };
        take_items::<R>(&items, self.first, self.place, self.objects, self.problems, read)?;
        Ok((items.len(), token))
    }
}

/// Counts the items of one page of a kind that is not read.
pub(crate) fn count_page(bytes: &[u8]) -> Result<(usize, Option<String>), ListError> {
    parse_page::<Vec<IgnoredAny>>(bytes).map(|(items, token)| (items.len(), token))
}

/// Reads items one by one; one that cannot be read is said and skipped.
fn take_items<R: Resource>(
    items: &[&RawValue],
    first: usize,
    place: &str,
    objects: &mut Objects,
    problems: &mut Vec<ReadProblem>,
    mut read: impl FnMut(&RawValue) -> Result<R, String>,
) -> Result<(), ListError> {
    let before = problems.len();
    for (index, item) in items.iter().enumerate() {
        if problems.len() - before > PROBLEMS_MAX {
            return Err(ListError(format!("holds more than {PROBLEMS_MAX} objects that cannot be read")));
        }
        match read(item) {
            Ok(object) => R::list_mut(objects).push(object),
            Err(problem) => problems.push(ReadProblem {
                source: R::RESOURCE.to_owned(),
                place: format!("{ITEM_PLACE}{}] {}", first + index, name_of(item)).trim_end().to_owned(),
                problem: format!("{problem}; skipped ({place})"),
            }),
        }
    }
    Ok(())
}

/// Why an object cannot be told from others.
fn nameless<R: Resource>(object: &R) -> Option<&'static str> {
    if object.meta().name.is_empty() {
        Some("has no metadata.name")
    } else if R::NAMESPACED && object.meta().namespace.is_empty() {
        Some("has no metadata.namespace")
    } else {
        None
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
