//! One consistent renaming of a whole snapshot.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::defaults::{REV_LABEL, TAG_LABEL};
use meshlift_model::k8s::{KINDS, KindWork, Object, Objects, Resource, with_kind};
use meshlift_model::manifest::Manifest;
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::snapshot::{IstiodAnswers, Snapshot};
use serde_json::Value;

use crate::names::invent;
use crate::random::Random;
use crate::replace::{anywhere, hosts, tokens};

/// Names that Kubernetes, Istio or the reader would not expect to change.
const FIXED: [&str; 5] = ["default", "istio-system", "kube-node-lease", "kube-public", "kube-system"];
/// Label of a namespace that repeats its name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// New names for everything in a snapshot that people may call as they like.
#[derive(Clone, Debug)]
pub struct Renaming {
    seed: u64,
    /// Revisions, tags, and names that labels ask for and nothing serves.
    pub(crate) revisions: BTreeMap<String, String>,
    pub(crate) namespaces: BTreeMap<String, String>,
    uids: BTreeMap<String, String>,
}

impl Renaming {
    /// New names for the revisions, tags and namespaces of a snapshot, by a seed.
    ///
    /// The order among all of them and `fixed` stays. `fixed` names stay as they are, where the snapshot has
    /// none of that name: such as the revision that a plan is going to install.
    #[must_use]
    pub fn new(snapshot: &Snapshot, seed: u64, fixed: &[&str]) -> Self {
        let mut random = Random::new(seed);
        let (revisions, namespaces) = (revisions(snapshot), namespaces(snapshot));
        let all: BTreeSet<String> = revisions.union(&namespaces).cloned().collect();
        let stays = FIXED.iter().chain(fixed).copied().filter(|name| !all.contains(*name)).collect();
        let invented = invent(&all, &stays, &mut random);
        let of = |names: &BTreeSet<String>| -> BTreeMap<String, String> {
            names.iter().filter_map(|name| Some((name.clone(), invented.get(name)?.clone()))).collect()
        };
        let uids =
            uids(&snapshot.objects).into_iter().map(|uid| (uid, format!("uid-{:016x}", random.next())));
        Self { seed, revisions: of(&revisions), namespaces: of(&namespaces), uids: uids.collect() }
    }

    /// The snapshot under its new names, shuffled, with new uids.
    #[must_use]
    pub fn snapshot(&self, snapshot: &Snapshot) -> Snapshot {
        let mut random = Random::new(self.seed ^ 1);
        let mut renamed = snapshot.clone();
        renamed.objects = self.objects(&snapshot.objects);
        for kind in KINDS {
            with_kind(kind.resource, Shuffle { objects: &mut renamed.objects, random: &mut random });
        }
        renamed.sources =
            snapshot.sources.iter().map(|(name, status)| (self.name(name), status.clone())).collect();
        renamed.istiods = snapshot
            .istiods
            .iter()
            .map(|(pod, answers)| {
                let mut answers = self.answers(answers);
                if let Some(syncz) = &mut answers.syncz {
                    random.shuffle(syncz);
                }
                if let Some(connections) = &mut answers.connections {
                    random.shuffle(connections);
                }
                (self.name(pod), answers)
            })
            .collect();
        renamed
    }

    /// A manifest whose revision is among the renamed ones; else it stays as it is.
    #[must_use]
    pub fn manifest(&self, manifest: &Manifest) -> Manifest {
        let revision = RevisionName::new(self.name(manifest.revision.as_str()));
        Manifest { revision, objects: self.objects(&manifest.objects), ..manifest.clone() }
    }

    /// A reference under its new name.
    #[must_use]
    pub fn object_ref(&self, reference: &ObjectRef) -> ObjectRef {
        let of_namespace = reference.kind == "Namespace";
        let name = if of_namespace { self.namespace(&reference.name) } else { self.name(&reference.name) };
        ObjectRef::new(&reference.kind, &self.namespace(&reference.namespace), &name)
    }

    /// A namespace's new name.
    #[must_use]
    pub fn namespace(&self, name: &str) -> String {
        self.namespaces.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }

    /// A name or text with revisions and tags in it.
    #[must_use]
    pub fn name(&self, text: &str) -> String {
        tokens(text, &self.revisions)
    }

    /// Gives the old names and uids back, in keys and texts.
    #[must_use]
    pub fn undo(&self, value: &Value) -> Value {
        let names = self.undoing();
        let uids: BTreeMap<&str, &str> =
            self.uids.iter().map(|(old, new)| (new.as_str(), old.as_str())).collect();
        walk(value, &|text| uids.get(text).map_or_else(|| anywhere(text, &names), |uid| (*uid).to_owned()))
    }

    /// Gives the old names back in a text; uids only where they are the whole of it.
    #[must_use]
    pub fn undo_text(&self, text: &str) -> String {
        let uid = self.uids.iter().find(|(_, new)| *new == text).map(|(old, _)| old.clone());
        uid.unwrap_or_else(|| anywhere(text, &self.undoing()))
    }

    fn undoing(&self) -> BTreeMap<String, String> {
        let all = self.revisions.iter().chain(&self.namespaces);
        all.map(|(old, new)| (new.clone(), old.clone())).collect()
    }

    fn objects(&self, objects: &Objects) -> Objects {
        let mut renamed = Objects::default();
        for object in objects.to_vec() {
            let kind = object.info().kind;
            let is_namespace = kind == "Namespace";
            let value = object.to_value().unwrap_or_default();
            let mut value = self.value(&value, "");
            if is_namespace && let Some(name) = value.pointer_mut("/metadata/name") {
                *name = self.namespace(name.as_str().unwrap_or_default()).into();
            }
            if let Some(Ok(object)) = Object::from_value(kind, value) {
                renamed.push(object);
            }
        }
        renamed
    }

    /// A part of an object under its new name; `key` is the field that holds it.
    fn value(&self, value: &Value, key: &str) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text, key)),
            Value::Array(items) => items.iter().map(|item| self.value(item, key)).collect(),
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, item)| (self.name(name), self.value(item, name)));
                Value::Object(fields.collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn text(&self, text: &str, key: &str) -> String {
        if let Some(uid) = self.uids.get(text) {
            return uid.clone();
        }
        if key == "namespace" || key == NAMESPACE_NAME {
            return self.namespace(text);
        }
        if (key == "gateways" || key == "hosts")
            && let Some((namespace, rest)) = text.split_once('/')
        {
            return format!("{}/{rest}", self.namespace(namespace));
        }
        hosts(&self.name(text), &self.namespaces)
    }

    fn answers(&self, answers: &IstiodAnswers) -> IstiodAnswers {
        let mut answers = answers.clone();
        for status in answers.syncz.iter_mut().flatten() {
            status.proxy = self.proxy(&status.proxy);
        }
        for connection in answers.connections.iter_mut().flatten() {
            let number = connection.connection_id[connection.proxy().len()..].to_owned();
            connection.connection_id = self.proxy(connection.proxy()) + &number;
        }
        answers
    }

    /// `POD.NAMESPACE`.
    fn proxy(&self, id: &str) -> String {
        match id.rsplit_once('.') {
            Some((pod, namespace)) => format!("{}.{}", self.name(pod), self.namespace(namespace)),
            None => self.name(id),
        }
    }
}

struct Shuffle<'s> {
    objects: &'s mut Objects,
    random: &'s mut Random,
}

impl KindWork for Shuffle<'_> {
    type Output = ();

    fn run<R: Resource>(self) {
        self.random.shuffle(R::list_mut(self.objects));
    }
}

/// Every revision, tag, and name that some label asks for; `default` stays.
fn revisions(snapshot: &Snapshot) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for object in snapshot.objects.to_vec() {
        let value = object.to_value().unwrap_or_default();
        collect(&value, &mut |key, text| {
            if key == REV_LABEL || key == TAG_LABEL {
                names.insert(text.to_owned());
            }
        });
    }
    names.retain(|name| !FIXED.contains(&name.as_str()) && !name.is_empty());
    names
}

fn namespaces(snapshot: &Snapshot) -> BTreeSet<String> {
    let names = snapshot.objects.namespaces.iter().map(|namespace| namespace.metadata.name.clone());
    names.filter(|name| !FIXED.contains(&name.as_str()) && !name.starts_with("kube-")).collect()
}

fn uids(objects: &Objects) -> BTreeSet<String> {
    objects.to_vec().iter().map(|object| object.meta().uid.clone()).filter(|uid| !uid.is_empty()).collect()
}

fn collect(value: &Value, see: &mut impl FnMut(&str, &str)) {
    match value {
        Value::Object(fields) => {
            for (key, item) in fields {
                if let Value::String(text) = item {
                    see(key, text);
                }
                collect(item, see);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn walk(value: &Value, change: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(items) => items.iter().map(|item| walk(item, change)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, item)| (change(key), walk(item, change))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
