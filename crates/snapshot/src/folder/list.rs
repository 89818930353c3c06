//! A kubectl list, item by item: one file `api/RESOURCE.json`, or one page of an API server.

use meshlift_model::k8s::{KindWork, Resource};
use meshlift_model::outline::{has_outline, outline_of};
use meshlift_model::snapshot::{Outlines, ReadProblem, Snapshot};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_json::value::RawValue;

use super::page::each_item;
use crate::intake::Intake;
use crate::kinds::kind_of;
use crate::limits::PROBLEMS_MAX;
use crate::normal::ITEM_PLACE;
use crate::report::{ReadReport, collapse};
use crate::wire::{self, Page, Part};

/// Why a file cannot be read as a whole; follows the file's name in a sentence.
#[derive(Clone, Debug)]
pub(crate) struct ListError(pub(crate) String);

/// Items of a whole list.
fn parse<'a, T: Deserialize<'a>>(bytes: Result<&'a [u8], &ListError>) -> Result<Vec<T>, ListError> {
    match parse_page(bytes.map_err(Clone::clone)?)? {
        (items, None) => Ok(items),
        (_, Some(_)) => {
            Err(ListError("holds only the first page of its list (metadata.continue is set)".into()))
        }
    }
}

/// Items of a list or of a page of it, and the token of the next page.
fn parse_page<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(Vec<T>, Option<String>), ListError> {
    let mut items = Vec::new();
    let token = each_item(bytes, &mut |item| items.push(item))?;
    Ok((items, token))
}

/// The token of the next page, from the head of a page alone; `None` where the head does not tell: that says nothing.
pub(crate) fn head_token(page: &[u8]) -> Option<String> {
    if wire::is_protobuf(page) {
        return Page::parse(page).ok()?.token;
    }
    const HEAD_MAX: usize = 4096;
    const ITEMS: &[u8] = b"\"items\":";
    let head = page.get(..HEAD_MAX).unwrap_or(page);
    let end = head.windows(ITEMS.len()).position(|window| window == ITEMS)?;
    let without_items = [head.get(..end)?, ITEMS, b"[]}"].concat();
    parse_page::<IgnoredAny>(&without_items).ok()?.1
}

/// Items in a list of a kind that is not read.
pub(super) fn count_items(bytes: Result<&[u8], &ListError>) -> Result<usize, ListError> {
    parse::<IgnoredAny>(bytes).map(|items| items.len())
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
        let Snapshot { objects, problems, outlines, .. } = self.snapshot;
        take_items::<R, _>(&items, 0, self.file, problems, name_of, |item| {
            let object: R = read_item(item, self.report)?;
            take_outline(&object, item, outlines)?;
            R::list_mut(objects).push(object);
            Ok(())
        })?;
        Ok(items.len())
    }
}

/// What there is of a list.
#[derive(Clone, Copy)]
pub(crate) enum PageBytes<'a> {
    /// An answer: a page, or the whole list.
    Answer(&'a [u8]),
    /// Some objects of a list that arrives.
    Part(&'a Part),
}

/// Reads one page of an API server's list of a known kind; yields its items' number and the next page's token.
pub(crate) struct ReadPage<'a> {
    /// Where it was asked for.
    pub(crate) place: &'a str,
    /// Items of the pages before.
    pub(crate) first: usize,
    pub(crate) bytes: PageBytes<'a>,
    pub(crate) intake: &'a mut Intake,
    pub(crate) problems: &'a mut Vec<ReadProblem>,
}

impl KindWork for ReadPage<'_> {
    type Output = Result<(usize, Option<String>), ListError>;

    fn run<R: Resource + DeserializeOwned>(self) -> Self::Output {
        let not_readable = |error| ListError(format!("is no list ({error})"));
        let bytes = match self.bytes {
            PageBytes::Answer(bytes) if wire::is_protobuf(bytes) => {
                return self.of_messages::<R>(Page::parse(bytes).map_err(not_readable)?);
            }
            PageBytes::Part(part) => {
                let page = Page::of_fields(part.kind.clone(), &part.fields).map_err(not_readable)?;
                return self.of_messages::<R>(page);
            }
            PageBytes::Answer(bytes) => bytes,
        };
        if has_outline(R::API_VERSION) {
            return self.one_by_one::<R>(bytes);
        }
        // Pages are sound nearly always, and then one pass is enough.
        let (before, mut count, mut sound) = (self.intake.count::<R>(), 0, true);
        let token = each_item(bytes, &mut |object: R| {
            count += 1;
            sound &= nameless(&object).is_none();
            self.intake.take(object);
        });
        if let (Ok(token), true) = (token, sound) {
            return Ok((count, token));
        }
        self.intake.go_back_to::<R>(before);
        self.one_by_one::<R>(bytes)
    }
}

impl ReadPage<'_> {
    /// A page as protobuf.
    fn of_messages<R: Resource + DeserializeOwned>(
        self,
        page: Page<'_>,
    ) -> Result<(usize, Option<String>), ListError> {
        let Self { place, first, intake, problems, .. } = self;
        let Page { kind, items, token } = page;
        if kind.strip_suffix("List") != Some(R::KIND) {
            return Err(ListError(format!("holds a {kind:?}, not a list of {}", R::RESOURCE)));
        }
        let name = |item| wire::read_item::<R, ItemHead>(item).map(ItemHead::path).unwrap_or_default();
        take_items::<R, _>(&items, first, place, problems, name, |item| {
            let object: R = wire::read_item::<R, R>(item).map_err(|error| error.to_string())?;
            if let Some(problem) = nameless(&object) {
                return Err(problem.to_owned());
            }
            intake.take(object);
            Ok(())
        })?;
        Ok((items.len(), token))
    }

    /// Each item on its own: what is wrong with it is said, and its outline is kept.
    fn one_by_one<R: Resource + DeserializeOwned>(
        self,
        bytes: &[u8],
    ) -> Result<(usize, Option<String>), ListError> {
        let Self { place, first, intake, problems, .. } = self;
        let (items, token) = parse_page::<&RawValue>(bytes)?;
        take_items::<R, _>(&items, first, place, problems, name_of, |item| {
            let object: R = serde_json::from_str(item.get()).map_err(|error| error.to_string())?;
            if let Some(problem) = nameless(&object) {
                return Err(problem.to_owned());
            }
            take_outline(&object, item, intake.outlines())?;
            intake.take(object);
            Ok(())
        })?;
        Ok((items.len(), token))
    }
}

/// Keeps which fields an object has, where definitions of another version may not take them, and what those that are there
/// demand.
fn take_outline<R: Resource>(object: &R, item: &RawValue, outlines: &mut Outlines) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Item {
        #[serde(default)]
        spec: Value,
    }
    if has_outline(R::API_VERSION) {
        let item: Item = serde_json::from_str(item.get()).map_err(|error| error.to_string())?;
        if let Some(outline) = outline_of(R::API_VERSION, &object.meta().name, &item.spec) {
            outlines.entry(object.object_ref()).or_insert_with(|| outline.into());
        }
    }
    Ok(())
}

/// Counts the items of one page of a kind that is not read.
pub(crate) fn count_page(bytes: &[u8]) -> Result<(usize, Option<String>), ListError> {
    let mut count = 0;
    let token = each_item(bytes, &mut |_: IgnoredAny| count += 1)?;
    Ok((count, token))
}

/// Reads items one by one; one that cannot be read is said and skipped.
fn take_items<R: Resource, I: Copy>(
    items: &[I],
    first: usize,
    place: &str,
    problems: &mut Vec<ReadProblem>,
    name_of: impl Fn(I) -> String,
    mut take: impl FnMut(I) -> Result<(), String>,
) -> Result<(), ListError> {
    let before = problems.len();
    for (index, item) in items.iter().copied().enumerate() {
        if problems.len() - before > PROBLEMS_MAX {
            return Err(ListError(format!("holds more than {PROBLEMS_MAX} objects that cannot be read")));
        }
        if let Err(problem) = take(item) {
            problems.push(ReadProblem {
                source: R::RESOURCE.to_owned(),
                place: format!("{ITEM_PLACE}{}] {}", first + index, name_of(item)).trim_end().to_owned(),
                problem: format!("{problem}; skipped ({place})"),
            });
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

impl ItemHead {
    /// `namespace/name`, as far as it says.
    fn path(self) -> String {
        let parts = [self.metadata.namespace, self.metadata.name];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }
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
    serde_json::from_str(item.get()).map(ItemHead::path).unwrap_or_default()
}
