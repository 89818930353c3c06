//! What can go wrong, with a code and a hint for the person who sees it.

use std::io;
use std::path::PathBuf;

use crate::limits::FORMAT_VERSION;

/// Why a snapshot could not be read or written.
///
/// Damage to single sources or objects is no error: it is in [`Snapshot::sources`] and [`Snapshot::problems`].
///
/// [`Snapshot::sources`]: meshlift_model::snapshot::Snapshot::sources
/// [`Snapshot::problems`]: meshlift_model::snapshot::Snapshot::problems
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The path cannot be opened.
    #[error("cannot read {}", path.display())]
    Io {
        /// What was to be read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is neither a folder nor meshlift's own.
    #[error("{place} is no snapshot: {what}")]
    NotASnapshot {
        /// Where.
        place: String,
        /// What it is instead.
        what: String,
    },
    /// Written by a newer meshlift.
    #[error("{place} has format {found}; this meshlift reads formats up to {FORMAT_VERSION}")]
    NewerFormat {
        /// Where.
        place: String,
        /// Format version that it says.
        found: u32,
    },
    /// Cut off or changed since it was written.
    #[error("{place} is damaged: {what}")]
    Damaged {
        /// Where.
        place: String,
        /// What does not fit.
        what: String,
    },
    /// Asks for more memory than any mesh needs.
    #[error("{place} is too large: {what} is over the limit of {limit_bytes} bytes")]
    TooLarge {
        /// Where.
        place: String,
        /// Which part.
        what: String,
        /// The limit, in bytes.
        limit_bytes: u64,
    },
    /// A folder without recorded objects.
    #[error("{} holds no recording: {what}", path.display())]
    NoRecording {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        what: String,
    },
    /// `sources.json` cannot be understood.
    #[error("{} is no list of sources", path.display())]
    Sources {
        /// The file.
        path: PathBuf,
        /// Where it fails.
        source: serde_json::Error,
    },
    /// There are files, but not one could be read.
    #[error("nothing in {} could be read: {failed} sources are broken or refused, first {first}", path.display())]
    NothingRead {
        /// The folder.
        path: PathBuf,
        /// Sources that could not be read.
        failed: usize,
        /// The first of them, and why.
        first: String,
    },
    /// The target cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The target folder holds something.
    #[error("{} is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
}

impl SnapshotError {
    /// Stable code, for `meshlift explain`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "ML9001",
            Self::NotASnapshot { .. } => "ML9002",
            Self::NewerFormat { .. } => "ML9003",
            Self::Damaged { .. } => "ML9004",
            Self::TooLarge { .. } => "ML9005",
            Self::NoRecording { .. } => "ML9006",
            Self::Sources { .. } => "ML9007",
            Self::NothingRead { .. } => "ML9008",
            Self::Write { .. } => "ML9009",
            Self::NotEmpty { .. } => "ML9010",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => "give the path of a snapshot file, or of a folder of kubectl lists",
            Self::NotASnapshot { .. } => {
                "give a file that `meshlift snapshot` wrote, or a folder with api/RESOURCE.json from \
                 `kubectl get RESOURCE -A -o json`"
            }
            Self::NewerFormat { .. } => "update meshlift, or record the mesh again with this version",
            Self::Damaged { .. } => "copy the file again from where it was written, or record the mesh again",
            Self::TooLarge { .. } => "no mesh needs that much: do not trust this file; record the mesh again",
            Self::NoRecording { .. } => {
                "record at least pods, namespaces, deployments.apps and \
                 mutatingwebhookconfigurations.admissionregistration.k8s.io: \
                 `kubectl get RESOURCE -A -o json > FOLDER/api/RESOURCE.json`"
            }
            Self::Sources { .. } => {
                "repair sources.json, or delete it: without it, what has no file counts as unknown"
            }
            Self::NothingRead { .. } => {
                "record the mesh again: each api/RESOURCE.json must hold a whole list"
            }
            Self::Write { .. } => "check that the folder exists and may be written to",
            Self::NotEmpty { .. } => "give a folder that does not exist yet, or an empty one",
        }
    }
}

/// Why a rendered manifest could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The path cannot be opened.
    #[error("cannot read {}", path.display())]
    Io {
        /// What was to be read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Larger than any rendered control plane.
    #[error("{place} is over the limit of {limit_bytes} bytes for a manifest")]
    TooLarge {
        /// Where.
        place: String,
        /// The limit, in bytes.
        limit_bytes: u64,
    },
    /// A document is no YAML, or not of its kind's shape.
    #[error("{place}, document {document} cannot be read: {what}")]
    Document {
        /// Where.
        place: String,
        /// Number of the document, from 1.
        document: usize,
        /// What the parser said.
        what: String,
    },
    /// No istiod in it.
    #[error("{place} is no manifest of a control plane: no Deployment in it is an istiod (label app=istiod)")]
    NoIstiod {
        /// Where.
        place: String,
    },
    /// More than one control plane.
    #[error("{place} holds more than one control plane: {found}")]
    SeveralRevisions {
        /// Where.
        place: String,
        /// Which.
        found: String,
    },
    /// The version is nowhere.
    #[error("{place} does not say its version: istiod's image is `{image}`")]
    NoVersion {
        /// Where.
        place: String,
        /// Image of istiod.
        image: String,
    },
}

impl ManifestError {
    /// Stable code, for `meshlift explain`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "ML9011",
            Self::TooLarge { .. } => "ML9012",
            Self::Document { .. } => "ML9013",
            Self::NoIstiod { .. } => "ML9014",
            Self::SeveralRevisions { .. } => "ML9015",
            Self::NoVersion { .. } => "ML9016",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } | Self::TooLarge { .. } | Self::NoIstiod { .. } => {
                "give the output of `istioctl manifest generate --set revision=REV`, or of `helm template` of the istiod chart"
            }
            Self::Document { .. } => "render it again; redirect stdout alone, so that no message is mixed in",
            Self::SeveralRevisions { .. } => "give one revision's manifest: render the target alone",
            Self::NoVersion { .. } => "render it with a tag that names the version, such as --set tag=1.30.3",
        }
    }
}
