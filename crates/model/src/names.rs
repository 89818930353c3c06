//! Names with a type of their own, so that a tag is never taken for a revision.

use std::cmp::Ordering;
use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use ecow::EcoString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::read_text;
use crate::word::Word;

macro_rules! name {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        // Every pod names some: a copy costs nothing.
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the name as it is.
            pub fn new(name: impl AsRef<str>) -> Self {
                Self(name.as_ref().into())
            }

            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.into())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read_text(deserializer, |name| Ok::<_, Infallible>(Self::new(name)))
            }
        }
    };
}

name! {
    /// A control plane revision, as istiod's `REVISION` says it (`default` where it is unset).
    RevisionName
}
name! {
    /// A revision tag: a movable name for a revision.
    TagName
}

/// Kind, namespace and name of an object; prints as `Kind/namespace/name`. A copy costs nothing.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ObjectRef(Arc<ObjectWords>);

/// What an [`ObjectRef`] says.
#[derive(Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectWords {
    /// Kind, such as `Deployment`.
    pub kind: Word,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: EcoString,
    /// Name.
    pub name: EcoString,
}

impl Deref for ObjectRef {
    type Target = ObjectWords;

    fn deref(&self) -> &ObjectWords {
        &self.0
    }
}

impl PartialOrd for ObjectRef {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ObjectRef {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

impl fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ObjectWords { kind, namespace, name } = &**self;
        write!(f, "ObjectRef({kind}/{namespace}/{name})")
    }
}

impl ObjectRef {
    /// A reference to a namespaced object.
    #[must_use]
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self(Arc::new(ObjectWords { kind: kind.into(), namespace: namespace.into(), name: name.into() }))
    }

    /// A reference to a cluster-scoped object.
    #[must_use]
    pub fn cluster(kind: &str, name: &str) -> Self {
        Self::new(kind, "", name)
    }

    /// `namespace/name`, or `name`: how people say it.
    #[must_use]
    pub fn short(&self) -> String {
        if self.namespace.is_empty() {
            self.name.to_string()
        } else {
            format!("{}/{}", self.namespace, self.name)
        }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.pad(&format!("{}/{}", self.kind, self.name))
        } else {
            f.pad(&format!("{}/{}/{}", self.kind, self.namespace, self.name))
        }
    }
}

/// A text that is no `Kind/name` or `Kind/namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no object reference; write KIND/NAMESPACE/NAME or KIND/NAME")]
pub struct ObjectRefError(String);

impl FromStr for ObjectRef {
    type Err = ObjectRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            [kind, name] if !kind.is_empty() && !name.is_empty() => Ok(Self::cluster(kind, name)),
            [kind, namespace, name] if !kind.is_empty() && !namespace.is_empty() && !name.is_empty() => {
                Ok(Self::new(kind, namespace, name))
            }
            _ => Err(ObjectRefError(text.to_owned())),
        }
    }
}

impl Serialize for ObjectRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, str::parse)
    }
}

/// Minor versions that revisions may be apart in an upgrade from one to the other: each proxy is served by its own istiod
/// (<https://istio.io/latest/docs/setup/upgrade/canary/#before-you-upgrade>).
pub const REVISIONS_APART_MAX: u32 = 2;

/// An Istio version: `1.30.3`, optionally with a pre-release such as `rc.0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IstioVersion {
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// Patch number.
    pub patch: u32,
    /// Pre-release or build words after a dash; empty for a release.
    pub suffix: String,
}

/// A text that is no Istio version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no Istio version; write MAJOR.MINOR.PATCH, such as 1.30.3")]
pub struct IstioVersionError(String);

impl IstioVersion {
    /// The version that an image tag or `/version` answer names, without `-distroless`, `-debug`, or the
    /// git revision and build status that `/version` appends.
    #[must_use]
    pub fn from_loose(text: &str) -> Option<Self> {
        let text = text.trim();
        let (numbers, rest) = text.split_once('-').unwrap_or((text, ""));
        let mut version: Self = numbers.parse().ok()?;
        let first = rest.split('-').next().unwrap_or("");
        if ["alpha", "beta", "rc"].iter().any(|word| first.starts_with(word)) {
            version.suffix = first.to_owned();
        }
        Some(version)
    }

    /// The revision name that meshlift gives it: the version with dashes.
    #[must_use]
    pub fn revision(&self) -> RevisionName {
        RevisionName::new(self.to_string().replace('.', "-"))
    }

    /// `1.30`.
    #[must_use]
    pub fn minor_line(&self) -> String {
        format!("{}.{}", self.major, self.minor)
    }

    /// Why a control plane of the other version must not serve what runs this one; `None` where it may: one minor version
    /// ahead (<https://istio.io/latest/docs/releases/supported-releases/#control-planedata-plane-skew>).
    #[must_use]
    pub fn too_far_from(&self, to: &Self) -> Option<&'static str> {
        self.not_forwards(to)
            .or_else(|| (to.minor > self.minor.saturating_add(1)).then_some("more than one minor version"))
    }

    /// Why a revision of the other version must not come beside one of this and take its proxies over, made anew; `None`
    /// where it may: [`REVISIONS_APART_MAX`].
    #[must_use]
    pub fn too_far_to_jump(&self, to: &Self) -> Option<&'static str> {
        let most = self.minor.saturating_add(REVISIONS_APART_MAX);
        self.not_forwards(to).or_else(|| (to.minor > most).then_some("more than two minor versions"))
    }

    fn not_forwards(&self, to: &Self) -> Option<&'static str> {
        if to.major != self.major {
            return Some("another major version");
        }
        ((to.minor, to.patch) < (self.minor, self.patch)).then_some("that is backwards")
    }

    /// True if an agent of the nodes of this version is ahead of that control plane: a newer patch of one minor version is
    /// not.
    #[must_use]
    pub fn is_ahead_of(&self, control_plane: &Self) -> bool {
        (self.major, self.minor) > (control_plane.major, control_plane.minor)
    }
}

/// Major and minor version of `1.30`, or of `v1.34.4` of Kubernetes.
#[must_use]
pub fn minor_of(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim_start_matches('v').split(['.', '+', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

impl FromStr for IstioVersion {
    type Err = IstioVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || IstioVersionError(text.to_owned());
        let (numbers, suffix) = text.split_once('-').unwrap_or((text, ""));
        let parts: Vec<u32> =
            numbers.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| error())?;
        match parts.as_slice() {
            [major, minor, patch] => {
                Ok(Self { major: *major, minor: *minor, patch: *patch, suffix: suffix.to_owned() })
            }
            _ => Err(error()),
        }
    }
}

impl fmt::Display for IstioVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dash = if self.suffix.is_empty() { "" } else { "-" };
        f.pad(&format!("{}.{}.{}{dash}{}", self.major, self.minor, self.patch, self.suffix))
    }
}

impl Serialize for IstioVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IstioVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, str::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_answers_and_images() {
        let version = IstioVersion::from_loose("1.29.6-lab-Clean").unwrap();
        assert_eq!(version.to_string(), "1.29.6");
        assert_eq!(version.revision().as_str(), "1-29-6");
        assert_eq!(IstioVersion::from_loose("1.31.0-rc.0").unwrap().to_string(), "1.31.0-rc.0");
        assert!(IstioVersion::from_loose("latest").is_none());
        assert!("1.30".parse::<IstioVersion>().is_err());
        assert!("1.9.0".parse::<IstioVersion>().unwrap() < "1.30.3".parse().unwrap());
    }

    #[test]
    fn references_round_trip() {
        let reference: ObjectRef = "Deployment/web/bff".parse().unwrap();
        assert_eq!(reference.to_string(), "Deployment/web/bff");
        assert!("web".parse::<ObjectRef>().is_err());
    }
}
