//! Rendered control planes: what `istioctl manifest generate` or `helm template` print.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use meshlift_model::k8s::{
    Container, CustomResourceDefinition, Deployment, Object, ObjectMeta, Objects, Resource,
};
use meshlift_model::manifest::{Manifest, ManifestProfile, Schemas};
use meshlift_model::names::{IstioVersion, RevisionName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{ManifestError, SnapshotError};
use crate::frame::{Frames, sha256_hex};
use crate::kinds::kind_of;
use crate::limits::MANIFEST_BYTES_MAX;
use crate::redact::redact;
use crate::schemas::take_schemas;
use crate::sections::{Assembly, HEAD};

/// Word of the header of packed manifests.
const CONTENT: &str = "manifest";
/// Section of the schemas.
const SCHEMAS: &str = "schemas";
/// Label of whatever belongs to a revision.
const REVISION_LABEL: &str = "istio.io/rev";
/// Revision of an istiod without a name of its own.
const DEFAULT_REVISION: &str = "default";

/// Manifests that are built in: those of the versions that recordings are known of.
const SHIPPED: [(&str, ManifestProfile, &[u8]); 4] = [
    (
        "1.29.6",
        ManifestProfile::Default,
        include_bytes!("../../../fixtures/manifests/1.29.6-default.meshlift"),
    ),
    (
        "1.29.6",
        ManifestProfile::Ambient,
        include_bytes!("../../../fixtures/manifests/1.29.6-ambient.meshlift"),
    ),
    (
        "1.30.3",
        ManifestProfile::Default,
        include_bytes!("../../../fixtures/manifests/1.30.3-default.meshlift"),
    ),
    (
        "1.30.3",
        ManifestProfile::Ambient,
        include_bytes!("../../../fixtures/manifests/1.30.3-ambient.meshlift"),
    ),
];

/// The built-in manifest of a version, with or without the ambient data plane; `None` where none is built in.
#[must_use]
pub fn shipped_manifest(version: &IstioVersion, ambient: bool) -> Option<Manifest> {
    let profile = if ambient { ManifestProfile::Ambient } else { ManifestProfile::Default };
    let version = version.to_string();
    let mut shipped = SHIPPED.iter().filter(|(of, with, _)| *of == version && *with == profile);
    shipped.find_map(|(_, _, bytes)| unpack(bytes, "a built-in manifest").ok())
}

/// Reads a manifest from a file of YAML documents.
///
/// # Errors
/// Where the file cannot be read or is not the manifest of one control plane.
pub fn read_manifest(path: &Path) -> Result<Manifest, ManifestError> {
    let (text, place) = read_text(path)?;
    parse_manifest(&text, &place)
}

/// Text of a file, one byte over the limit at most, and what errors call it.
fn read_text(path: &Path) -> Result<(String, String), ManifestError> {
    let error = |source| ManifestError::Io { path: path.to_owned(), source };
    let mut text = String::new();
    File::open(path).map_err(error)?.take(MANIFEST_BYTES_MAX + 1).read_to_string(&mut text).map_err(error)?;
    Ok((text, path.display().to_string()))
}

/// Reads a manifest from a file, and its objects with all their fields: what an installer needs.
///
/// # Errors
/// As [`read_manifest`].
pub fn read_whole_manifest(path: &Path) -> Result<(Manifest, Vec<Value>), ManifestError> {
    let (text, place) = read_text(path)?;
    Ok((parse_manifest(&text, &place)?, manifest_documents(&text, &place)?))
}

/// Reads a manifest from the text of YAML documents; `place` names it in errors.
///
/// # Errors
/// Where the text is not the manifest of one control plane.
pub fn parse_manifest(text: &str, place: &str) -> Result<Manifest, ManifestError> {
    if text.len() as u64 > MANIFEST_BYTES_MAX {
        return Err(ManifestError::TooLarge { place: place.to_owned(), limit_bytes: MANIFEST_BYTES_MAX });
    }
    let mut rendered = Rendered::default();
    for (index, document) in documents(text).into_iter().enumerate() {
        rendered.take_document(&document).map_err(|what| ManifestError::Document {
            place: place.to_owned(),
            document: index + 1,
            what,
        })?;
    }
    let Rendered { mut objects, schemas, not_read } = rendered;
    redact(&mut objects);
    objects.sort();
    let istiod = only_istiod(&objects, place)?;
    let revision = revision_of(istiod, &objects, place)?;
    let version = version_of(istiod, &objects, place)?;
    let profile = profile_of(istiod, &objects);
    let digest = sha256_hex(text.as_bytes());
    Ok(Manifest { version, revision, profile, objects, schemas, not_read, digest })
}

/// The objects of a manifest's YAML documents with all their fields, in order: what an installer sends.
///
/// # Errors
/// Where a document cannot be read; `place` names the text in errors.
pub fn manifest_documents(text: &str, place: &str) -> Result<Vec<Value>, ManifestError> {
    let mut all = Vec::new();
    for (index, document) in documents(text).into_iter().enumerate() {
        let value: Value = serde_saphyr::from_str(&document).map_err(|error| ManifestError::Document {
            place: place.to_owned(),
            document: index + 1,
            what: first_line(&error.to_string()),
        })?;
        let is_list = value.get("kind").and_then(Value::as_str) == Some("List");
        match value.get("items").and_then(Value::as_array) {
            Some(items) if is_list => all.extend(items.iter().cloned()),
            Some(_) | None => all.push(value),
        }
    }
    Ok(all)
}

/// Splits at separators; one inside of a block of text is indented, so a line's start decides.
fn documents(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for line in text.lines() {
        if line == "---" || line.starts_with("--- ") {
            all.push(String::new());
        } else if let Some(document) = all.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let has_content = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    all.retain(|document| document.lines().any(has_content));
    all
}

/// What the documents of a manifest hold.
#[derive(Default)]
struct Rendered {
    objects: Objects,
    schemas: Schemas,
    not_read: BTreeMap<String, usize>,
}

impl Rendered {
    fn take_document(&mut self, document: &str) -> Result<(), String> {
        let value: Value =
            serde_saphyr::from_str(document).map_err(|error| first_line(&error.to_string()))?;
        let is_list = value.get("kind").and_then(Value::as_str) == Some("List");
        match value.get("items").and_then(Value::as_array) {
            Some(items) if is_list => items.iter().try_for_each(|item| self.take_object(item)),
            Some(_) | None => self.take_object(&value),
        }
    }

    fn take_object(&mut self, value: &Value) -> Result<(), String> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (kind, api_version, name) = (text("/kind"), text("/apiVersion"), text("/metadata/name"));
        if kind.is_empty() || api_version.is_empty() || name.is_empty() {
            return Err(
                "is no Kubernetes object: kind, apiVersion and metadata.name must be there".to_owned()
            );
        }
        match kind_of(kind, api_version) {
            Some(known) => {
                let object = Object::from_value(known.kind, value.clone());
                let object = object.transpose().map_err(|error| format!("{kind} {name}: {error}"))?;
                object.into_iter().for_each(|object| self.objects.push(object));
                if known.kind == CustomResourceDefinition::KIND {
                    take_schemas(value, &mut self.schemas);
                }
            }
            None => *self.not_read.entry(kind.to_owned()).or_default() += 1,
        }
        Ok(())
    }
}

/// The YAML reader adds the text around an error; a line says where it is.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

fn is_istiod(meta: &ObjectMeta) -> bool {
    meta.label("app") == Some("istiod")
}

fn only_istiod<'a>(objects: &'a Objects, place: &str) -> Result<&'a Deployment, ManifestError> {
    let istiods: Vec<_> =
        objects.deployments.iter().filter(|deployment| is_istiod(&deployment.metadata)).collect();
    match istiods.as_slice() {
        [] => Err(ManifestError::NoIstiod { place: place.to_owned() }),
        [istiod] => Ok(istiod),
        several => {
            let names = several.iter().map(|istiod| format!("Deployment {}", istiod.metadata.path()));
            let found = names.collect::<Vec<_>>().join(", ");
            Err(ManifestError::SeveralRevisions { place: place.to_owned(), found })
        }
    }
}

/// The container that runs istiod; the first one where none has the usual name.
fn discovery(istiod: &Deployment) -> Option<&Container> {
    let containers = &istiod.spec.template.spec.containers;
    containers.iter().find(|container| container.name == "discovery").or(containers.first())
}

/// What istiod's environment and labels, and those of its Services and webhooks, agree on.
fn revision_of(istiod: &Deployment, objects: &Objects, place: &str) -> Result<RevisionName, ManifestError> {
    let services = objects.services.iter().map(|service| &service.metadata).filter(|meta| is_istiod(meta));
    let webhooks = objects.mutating_webhooks.iter().map(|webhook| &webhook.metadata);
    let labels = std::iter::once(&istiod.metadata).chain(services).chain(webhooks);
    let environment = discovery(istiod).and_then(|container| container.env_value("REVISION"));
    let mut revisions: BTreeSet<&str> =
        labels.filter_map(|meta| meta.label(REVISION_LABEL)).chain(environment).collect();
    revisions.remove("");
    let mut names = revisions.iter();
    match (names.next(), names.next()) {
        (None, _) => Ok(DEFAULT_REVISION.into()),
        (Some(revision), None) => Ok(RevisionName::new(*revision)),
        (Some(_), Some(_)) => {
            let found: Vec<_> = revisions.iter().map(|revision| format!("revision {revision}")).collect();
            Err(ManifestError::SeveralRevisions { place: place.to_owned(), found: found.join(", ") })
        }
    }
}

/// Tag of istiod's image, else the tag among the values; labels name the chart's version, not Istio's.
fn version_of(istiod: &Deployment, objects: &Objects, place: &str) -> Result<IstioVersion, ManifestError> {
    let image = discovery(istiod).map(|container| container.image.as_str()).unwrap_or_default();
    let from_values = || {
        let values = objects.config_maps.iter().filter_map(|map| map.data.get("merged-values"));
        let mut tags = values.filter_map(|text| {
            let values: Value = serde_json::from_str(text).ok()?;
            IstioVersion::from_loose(values.pointer("/global/tag")?.as_str()?)
        });
        tags.next()
    };
    image_tag(image)
        .and_then(IstioVersion::from_loose)
        .or_else(from_values)
        .ok_or_else(|| ManifestError::NoVersion { place: place.to_owned(), image: image.to_owned() })
}

/// `1.30.3-distroless` of `hub:5000/pilot:1.30.3-distroless@sha256:…`.
fn image_tag(image: &str) -> Option<&str> {
    let name = image.split('@').next()?.rsplit('/').next()?;
    name.split_once(':').map(|(_, tag)| tag)
}

fn profile_of(istiod: &Deployment, objects: &Objects) -> ManifestProfile {
    let flag = discovery(istiod).and_then(|container| container.env_value("PILOT_ENABLE_AMBIENT"));
    let has_ztunnel = objects.daemon_sets.iter().any(|set| set.metadata.label("app") == Some("ztunnel"));
    if flag == Some("true") || has_ztunnel { ManifestProfile::Ambient } else { ManifestProfile::Default }
}

/// All of a manifest but its objects.
#[derive(Deserialize, Serialize)]
struct Head {
    version: IstioVersion,
    revision: RevisionName,
    ambient: bool,
    not_read: BTreeMap<String, usize>,
    digest: String,
}

/// Packs a manifest, for those that are built in.
#[cfg(feature = "fixtures")]
pub(crate) fn pack(manifest: &Manifest) -> std::io::Result<Vec<u8>> {
    let head = Head {
        version: manifest.version.clone(),
        revision: manifest.revision.clone(),
        ambient: manifest.profile == ManifestProfile::Ambient,
        not_read: manifest.not_read.clone(),
        digest: manifest.digest.clone(),
    };
    let mut writer = crate::frame::Writer::new(CONTENT);
    writer.frame(HEAD, &[serde_json::to_vec(&head)?])?;
    let schemas = manifest.schemas.iter().map(|schemas| serde_json::to_vec(&schemas));
    writer.frame(SCHEMAS, &schemas.collect::<Result<Vec<_>, _>>()?)?;
    for section in crate::sections::object_sections(&manifest.objects)? {
        writer.frame(section.name, &section.lines)?;
    }
    Ok(writer.finish())
}

fn unpack(bytes: &[u8], place: &str) -> Result<Manifest, SnapshotError> {
    let mut frames = Frames::open(bytes, CONTENT, place)?;
    let mut head: Option<Head> = None;
    let mut schemas = Schemas::new();
    let mut assembly = Assembly::default();
    while let Some(frame) = frames.next()? {
        frames.lines(&frame, |number, line| {
            let taken = match frame.name {
                HEAD => serde_json::from_str(line).map(|found| head = Some(found)),
                SCHEMAS => serde_json::from_str(line).map(|(name, found)| drop(schemas.insert(name, found))),
                _ => return assembly.take(frame.name, number, line).map_err(|what| damaged(place, what)),
            };
            taken.map_err(|error| damaged(place, error.to_string()))
        })?;
    }
    let head = head.ok_or_else(|| frames.damaged("it has no frame head".into()))?;
    let objects = assembly.into_objects().map_err(|problem| {
        frames.damaged(format!("{}, {}: {}", problem.source, problem.place, problem.problem))
    })?;
    Ok(Manifest {
        version: head.version,
        revision: head.revision,
        profile: if head.ambient { ManifestProfile::Ambient } else { ManifestProfile::Default },
        objects,
        schemas,
        not_read: head.not_read,
        digest: head.digest,
    })
}

fn damaged(place: &str, what: String) -> SnapshotError {
    SnapshotError::Damaged { place: place.to_owned(), what }
}
