//! The objects of a run, as bytes and back: pure.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use meshlift_model::digest::short_digest;

use super::{RUN_LABEL, object_name};

/// Lines that the head holds before they are sealed, in bytes: each append writes them all again.
const OPEN_BYTES_MAX: usize = 64 * 1024;
/// Compressed bytes of one sealed ConfigMap: etcd takes 1.5 MiB, the API server 1 MiB of data in a ConfigMap.
const SEALED_BYTES_MAX: usize = 900 * 1024;
/// Bytes that a chunk may unpack to: a damaged one must not fill the memory.
const UNPACKED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Keys of the head's data.
const OPEN: &str = "lines";
const SEALED: &str = "sealed";
/// Key of a sealed chunk's data.
const PACKED: &str = "lines.gz";
/// Annotation of the head: who extends it.
const EXECUTOR: &str = "meshlift.dev/executor";

/// Who extends the run of this head.
pub(crate) fn executor_of(head: &ConfigMap) -> String {
    let annotations = head.metadata.annotations.as_ref();
    annotations.and_then(|all| all.get(EXECUTOR)).cloned().unwrap_or_default()
}

/// A head, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Names of sealed chunks, oldest first.
    pub(super) sealed: Vec<String>,
    /// Lines that are not sealed yet.
    pub(super) open: String,
    /// Who extends it.
    pub(super) executor: String,
}

impl Head {
    pub(super) fn read(map: &ConfigMap) -> Self {
        let data = |key: &str| map.data.as_ref().and_then(|data| data.get(key)).cloned().unwrap_or_default();
        Self {
            sealed: data(SEALED).lines().map(str::to_owned).collect(),
            open: data(OPEN),
            executor: executor_of(map),
        }
    }

    /// The head as an object.
    pub(super) fn object(&self, run: &str, namespace: &str) -> ConfigMap {
        let mut metadata = meta(object_name(run), run, namespace);
        metadata.annotations = Some(BTreeMap::from([(EXECUTOR.to_owned(), self.executor.clone())]));
        let data = [(SEALED, self.sealed.join("\n")), (OPEN, self.open.clone())];
        ConfigMap {
            metadata,
            data: Some(data.map(|(key, value)| (key.to_owned(), value)).into()),
            ..ConfigMap::default()
        }
    }

    /// True once its lines are to be sealed.
    pub(super) fn is_full(&self) -> bool {
        self.open.len() > OPEN_BYTES_MAX
    }
}

/// Seals lines. The name tells content and owner: whoever seals the same lines writes the same object, and nobody
/// overwrites what another one sealed, or uses what garbage collection is about to take.
pub(super) fn seal(
    lines: &str,
    index: usize,
    run: &str,
    namespace: &str,
    owner: Option<&ObjectMeta>,
) -> Result<ConfigMap, String> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    let packed = packer.write_all(lines.as_bytes()).and_then(|()| packer.finish());
    let packed = packed.map_err(|error| error.to_string())?;
    if packed.len() > SEALED_BYTES_MAX {
        return Err(format!(
            "{} bytes compressed do not fit into a ConfigMap ({SEALED_BYTES_MAX}): split the upgrade",
            packed.len()
        ));
    }
    let uid = owner.and_then(|owner| owner.uid.clone()).unwrap_or_default();
    let digest = short_digest(format!("{uid}\n{lines}").as_bytes());
    let mut metadata = meta(format!("{}-{index:04}-{digest}", object_name(run)), run, namespace);
    metadata.owner_references = owner.map(|owner| {
        vec![OwnerReference {
            api_version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            name: owner.name.clone().unwrap_or_default(),
            uid,
            ..OwnerReference::default()
        }]
    });
    let data = BTreeMap::from([(PACKED.to_owned(), ByteString(packed))]);
    Ok(ConfigMap { metadata, immutable: Some(true), binary_data: Some(data), data: None })
}

/// The lines of a sealed chunk.
pub(super) fn unseal(map: &ConfigMap) -> Result<Vec<u8>, String> {
    let packed = map.binary_data.as_ref().and_then(|data| data.get(PACKED));
    let packed = packed.ok_or_else(|| format!("it has no {PACKED}"))?;
    let mut lines = Vec::new();
    let mut unpacker = GzDecoder::new(packed.0.as_slice()).take(UNPACKED_BYTES_MAX);
    unpacker.read_to_end(&mut lines).map_err(|error| error.to_string())?;
    Ok(lines)
}

fn meta(name: String, run: &str, namespace: &str) -> ObjectMeta {
    let labels = [("app.kubernetes.io/managed-by", super::FIELD_MANAGER), (RUN_LABEL, run)];
    ObjectMeta {
        name: Some(name),
        namespace: Some(namespace.to_owned()),
        labels: Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_comes_back_and_is_named_by_its_content() {
        let owner = ObjectMeta { uid: Some("6d3f".into()), ..ObjectMeta::default() };
        let lines = "{\"a\":1}\n".repeat(20_000);
        let sealed = seal(&lines, 3, "blue", "istio-system", Some(&owner)).unwrap();
        assert_eq!(unseal(&sealed).unwrap(), lines.as_bytes());
        let again = seal(&lines, 3, "blue", "istio-system", Some(&owner)).unwrap();
        assert_eq!(again.metadata.name, sealed.metadata.name);
        let other = seal(&lines[..8], 3, "blue", "istio-system", Some(&owner)).unwrap();
        assert_ne!(other.metadata.name, sealed.metadata.name);
        let ownerless = seal(&lines, 3, "blue", "istio-system", None).unwrap();
        assert_ne!(ownerless.metadata.name, sealed.metadata.name);
        assert!(unseal(&ConfigMap::default()).is_err());
    }

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let head =
            Head { sealed: vec!["a".into(), "b".into()], open: "{}\n{}\n".into(), executor: "me".into() };
        assert_eq!(Head::read(&head.object("blue", "istio-system")), head);
        assert_eq!(Head::read(&ConfigMap::default()), Head::default());
    }
}
