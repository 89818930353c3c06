//! What is damaged on purpose: lists of every kind, in meshes that have something of it, and what judges such a mesh.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use meshlift_mesh::Mesh;
use meshlift_model::intent::Intent;
use meshlift_model::k8s::{
    CustomResourceDefinition, KINDS, KindInfo, KindWork, Objects, Resource, with_kind,
};
use meshlift_model::manifest::Manifest;
use meshlift_model::names::{IstioVersion, ObjectRef};
use meshlift_model::snapshot::{Outlines, Snapshot, SourceStatus};
use meshlift_snapshot::live::{Gathered, ListPages};
use meshlift_testkit::mutations::{Base, TARGET};
use meshlift_testkit::{With, World, made};
use serde_json::Value;

/// Objects above which a mesh takes too long to be judged again and again.
const OBJECTS_MAX: usize = 1000;
/// A target beside [`TARGET`] and the one of a hazard: its definitions are not known.
const LATER: &str = "1.31.1";

/// One object of a list.
#[derive(Clone, PartialEq)]
pub(crate) struct Item {
    /// `namespace/name`.
    pub(crate) name: String,
    pub(crate) json: String,
}

/// Meshes, and their lists.
pub(crate) struct Seeds {
    pub(crate) worlds: Vec<World>,
    /// By place of the world.
    meshes: Vec<Snapshot>,
    /// By kind, by place of the world: of clean meshes as far as there are objects, of others where they have others.
    lists: BTreeMap<&'static str, BTreeMap<usize, Vec<Item>>>,
    manifest: Manifest,
}

/// All seeds, made once.
pub(crate) fn seeds() -> &'static Seeds {
    static SEEDS: OnceLock<Seeds> = OnceLock::new();
    SEEDS.get_or_init(Seeds::new)
}

impl Seeds {
    fn new() -> Self {
        let (worlds, meshes) = worlds();
        let every = Base::ALL.map(|base| (base, as_made(base)));
        let none = BTreeMap::new();
        let mut lists: BTreeMap<&'static str, BTreeMap<usize, Vec<Item>>> = BTreeMap::new();
        for (place, (world, mesh)) in worlds.iter().zip(&meshes).enumerate() {
            let clean = match world.with {
                With::Nothing => None,
                _ => clean(&worlds, place).map(|clean| &meshes[clean]),
            };
            let is_of = |(base, _): &&(Base, _)| is_made(world) && *base == world.base;
            let made = every.iter().find(is_of).map_or(&none, |(_, made)| made);
            for kind in KINDS {
                let items = with_kind(kind.resource, Items { of: mesh, clean, made }).unwrap();
                if !items.is_empty() {
                    lists.entry(kind.resource).or_default().insert(place, items);
                }
            }
        }
        let manifest = meshlift_snapshot::shipped_manifest(&TARGET.parse().unwrap(), true).unwrap();
        Self { worlds, meshes, lists, manifest }
    }

    /// Lists of a kind that differ, by place of the world.
    pub(crate) fn lists(&self, kind: &KindInfo) -> &BTreeMap<usize, Vec<Item>> {
        static NONE: BTreeMap<usize, Vec<Item>> = BTreeMap::new();
        self.lists.get(kind.resource).unwrap_or(&NONE)
    }

    /// Place of the clean mesh that a world is made from.
    pub(crate) fn clean(&self, world: usize) -> usize {
        clean(&self.worlds, world).unwrap()
    }

    /// The list of a kind in a world: where it has no other, that of the clean mesh.
    pub(crate) fn items(&self, world: usize, kind: &KindInfo) -> &[Item] {
        let lists = self.lists(kind);
        lists.get(&world).or_else(|| lists.get(&self.clean(world))).map_or(&[], Vec::as_slice)
    }

    /// The mesh of a world, to be damaged.
    pub(crate) fn mesh(&self, world: usize) -> Snapshot {
        self.meshes[world].clone()
    }

    /// Judges the mesh of a world, damaged. Panics are what is looked for.
    pub(crate) fn judge(&self, world: usize, mesh: Snapshot) {
        let mesh = Mesh::derive(Arc::new(mesh));
        let intent = Intent::default();
        let schemas = Some(&self.manifest.schemas);
        let against =
            meshlift_checks::assess_against(&mesh, &intent, &TARGET.parse().unwrap(), schemas).findings;
        let targets = BTreeSet::from([LATER, self.worlds[world].target()]);
        let later = targets.into_iter().filter(|target| *target != TARGET).flat_map(|target| {
            let target: IstioVersion = target.parse().unwrap();
            meshlift_checks::assess(&mesh, &intent, Some(&target)).findings
        });
        for finding in against.into_iter().chain(later) {
            assert!(!finding.subject.kind.is_empty() && !finding.detail.is_empty(), "{finding:?}");
        }
    }
}

/// Worlds with their meshes, but for those that take too long.
fn worlds() -> (Vec<World>, Vec<Snapshot>) {
    let of = |base: Base| {
        let recording = meshlift_snapshot::fixtures::cluster(base.recording()).unwrap();
        (base, (base.clean(&recording), recording))
    };
    let bases: BTreeMap<Base, (Snapshot, Snapshot)> = Base::ALL.into_iter().map(of).collect();
    let mesh = |world: World| {
        let (clean, recording) = &bases[&world.base];
        (world, world.mesh(clean, recording))
    };
    World::all().into_iter().map(mesh).filter(|(_, mesh)| mesh.objects.len() <= OBJECTS_MAX).unzip()
}

/// True for a mesh with an object of every kind.
pub(crate) fn is_made(world: &World) -> bool {
    matches!(world.with, With::EveryKind)
}

/// Place of the clean mesh that a world is made from.
fn clean(worlds: &[World], world: usize) -> Option<usize> {
    let is_clean = |other: &World| other.base == worlds[world].base && matches!(other.with, With::Nothing);
    worlds.iter().position(is_clean)
}

/// A list as an API server would answer it.
pub(crate) fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let items: Vec<&str> = items.into_iter().collect();
    format!(r#"{{"kind": "List", "metadata": {{}}, "items": [{}]}}"#, items.join(","))
}

/// A list of the mesh is the one that was read.
pub(crate) fn replace(mesh: &mut Snapshot, kind: &KindInfo, pages: ListPages) {
    take(mesh, kind, pages, None);
}

/// An object of the mesh is the one that is read of this.
pub(crate) fn replace_one(mesh: &mut Snapshot, kind: &KindInfo, name: &str, object: &Value) {
    let mut pages = ListPages::new(kind.resource, "/");
    let read = pages.add(list([object.to_string().as_str()]).as_bytes());
    assert!(read.is_ok(), "an object costs the list of {}: {read:?}", kind.resource);
    take(mesh, kind, pages, Some(name));
}

/// Takes a list in place of the one that is there, or of one object of it.
fn take(mesh: &mut Snapshot, kind: &KindInfo, pages: ListPages, one: Option<&str>) {
    let mut gathered = Gathered::default();
    gathered.lists.insert(kind.resource.to_owned(), Ok(pages));
    let mut read = gathered.into_snapshot();
    with_kind(kind.resource, Replace { with: &mut read.objects, of: &mut mesh.objects, one });
    let status = read.sources.remove(kind.resource);
    mesh.sources.insert(kind.resource.to_owned(), status.unwrap_or(SourceStatus::Absent));
    let is_replaced = |of: &ObjectRef| of.kind == kind.kind && one.is_none_or(|name| path(of) == name);
    // Types keep no schema: the rules that the mesh has of a definition stay, unless others are read.
    let is_told = |outline: &Value| outline.as_object().is_none_or(|fields| !fields.is_empty());
    read.outlines.retain(|of, outline| is_told(outline) || !mesh.outlines.contains_key(of));
    mesh.outlines.retain(|of, _| !is_replaced(of) || kind.kind == CustomResourceDefinition::KIND);
    mesh.outlines.extend(read.outlines.iter().map(|(of, outline)| (of.clone(), outline.clone())));
    mesh.problems.extend(read.problems);
}

/// `namespace/name`, as metadata have it.
fn path(of: &ObjectRef) -> String {
    if of.namespace.is_empty() { of.name.to_string() } else { format!("{}/{}", of.namespace, of.name) }
}

/// Objects that are made with all fields, as they were made: their types keep less.
fn as_made(base: Base) -> BTreeMap<ObjectRef, Value> {
    let all = made(base).into_iter().map(|(kind, value)| {
        let text = |pointer| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        (ObjectRef::new(kind.kind, text("/metadata/namespace"), text("/metadata/name")), value)
    });
    all.collect()
}

/// Objects of a list, unless it is the same in the clean mesh.
struct Items<'a> {
    of: &'a Snapshot,
    clean: Option<&'a Snapshot>,
    made: &'a BTreeMap<ObjectRef, Value>,
}

impl KindWork for Items<'_> {
    type Output = Vec<Item>;

    fn run<R: Resource + Clone + PartialEq>(self) -> Vec<Item> {
        if self.clean.is_some_and(|clean| R::list(&clean.objects) == R::list(&self.of.objects)) {
            return Vec::new();
        }
        let item = |object: &R| {
            let made = self.made.get(&object.object_ref()).cloned();
            let value = made.unwrap_or_else(|| value(object, &self.of.outlines));
            Item { name: object.meta().path(), json: value.to_string() }
        };
        R::list(&self.of.objects).iter().map(item).collect()
    }
}

/// An object as JSON, with the fields that only its outline has.
fn value<R: Resource + Clone>(object: &R, outlines: &Outlines) -> Value {
    let mut value = object.clone().into_object().to_value().unwrap();
    let outline = outlines.get(&object.object_ref());
    // That of a definition is none of its spec.
    if let Some(outline) = outline.filter(|_| R::KIND != CustomResourceDefinition::KIND) {
        add_missing(&mut value["spec"], outline);
    }
    value
}

fn add_missing(value: &mut Value, outline: &Value) {
    match (value, outline) {
        (Value::Object(fields), Value::Object(all)) => {
            for (name, more) in all {
                add_missing(fields.entry(name.clone()).or_insert(Value::Null), more);
            }
        }
        (Value::Array(items), Value::Array(all)) => {
            items.iter_mut().zip(all).for_each(|(item, more)| add_missing(item, more));
        }
        (value @ Value::Null, more) => *value = more.clone(),
        _ => {}
    }
}

struct Replace<'a> {
    with: &'a mut Objects,
    of: &'a mut Objects,
    one: Option<&'a str>,
}

impl KindWork for Replace<'_> {
    type Output = ();

    fn run<R: Resource>(self) {
        let list = R::list_mut(self.of);
        list.retain(|object| self.one.is_some_and(|name| object.meta().path() != name));
        list.append(R::list_mut(self.with));
        // As every snapshot is: in order, and each name once.
        let name = |object: &R| (object.meta().namespace.clone(), object.meta().name.clone());
        list.sort_by_key(name);
        list.dedup_by_key(|object| name(object));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kinds of which neither a recording nor a hazard has an object: no check reads more of them than their outline, or
    /// that there are some, but for `Job`, which is read as `CronJob` is. The objects with all fields are theirs.
    const MADE_ALONE: [&str; 4] = ["Job", "Sidecar", "ProxyConfig", "WorkloadGroup"];

    #[test]
    fn every_kind_has_an_object_to_be_damaged() {
        let seeds = seeds();
        let without = KINDS.iter().filter(|kind| seeds.lists(kind).is_empty());
        assert_eq!(without.map(|kind| kind.kind).collect::<Vec<_>>(), Vec::<&str>::new());
        let is_made = |world: &usize| is_made(&seeds.worlds[*world]);
        let made_alone = KINDS.iter().filter(|kind| seeds.lists(kind).keys().all(is_made));
        assert_eq!(made_alone.map(|kind| kind.kind).collect::<Vec<_>>(), MADE_ALONE);
    }
}
