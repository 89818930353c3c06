//! What `inspect` is asked about: `ns/NAME`, `pod/NS/NAME`, `KIND/NS/NAME`.

use std::str::FromStr;

use meshlift_model::names::ObjectRef;

/// One thing of the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A namespace.
    Namespace(String),
    /// A pod, a workload, or a gateway.
    Object(ObjectRef),
}

/// A text that names nothing of a mesh.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// Not of the form.
    #[error("`{0}` names nothing: write ns/NAME, pod/NAMESPACE/NAME or KIND/NAMESPACE/NAME")]
    Form(String),
    /// A kind that inspect does not explain.
    #[error("`{kind}` in `{text}` is no kind that inspect explains: {known}", known = known_kinds())]
    Kind {
        /// The kind.
        kind: String,
        /// The whole text.
        text: String,
    },
    /// The mesh has no such thing.
    #[error("there is no {subject} in this mesh{near}")]
    NotThere {
        /// What was asked for.
        subject: String,
        /// `; there is X`, or empty.
        near: String,
    },
}

/// Kinds as kubectl spells them, long and short.
const KINDS: &[(&str, &[&str])] = &[
    ("Namespace", &["namespace", "namespaces", "ns"]),
    ("Pod", &["pod", "pods", "po"]),
    ("Deployment", &["deployment", "deployments", "deploy"]),
    ("StatefulSet", &["statefulset", "statefulsets", "sts"]),
    ("DaemonSet", &["daemonset", "daemonsets", "ds"]),
    ("ReplicaSet", &["replicaset", "replicasets", "rs"]),
    ("Job", &["job", "jobs"]),
    ("CronJob", &["cronjob", "cronjobs", "cj"]),
    ("Gateway", &["gateway", "gateways", "gw", "gtw"]),
];

fn known_kinds() -> String {
    KINDS.iter().map(|(kind, _)| *kind).collect::<Vec<_>>().join(", ")
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || SubjectError::Form(text.to_owned());
        let mut parts = text.split('/');
        let kind = parts.next().unwrap_or_default();
        let rest: Vec<&str> = parts.collect();
        if rest.is_empty() || rest.iter().any(|part| part.is_empty()) {
            return Err(form());
        }
        let lower = kind.to_ascii_lowercase();
        let known = KINDS.iter().find(|(_, words)| words.contains(&lower.as_str())).map(|(name, _)| *name);
        match (known, rest.as_slice()) {
            (None, _) => Err(SubjectError::Kind { kind: kind.to_owned(), text: text.to_owned() }),
            (Some("Namespace"), [name]) => Ok(Self::Namespace((*name).to_owned())),
            (Some(kind), [namespace, name]) if kind != "Namespace" => {
                Ok(Self::Object(ObjectRef::new(kind, namespace, name)))
            }
            (Some(_), _) => Err(form()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_spelled_as_kubectl_does() {
        assert_eq!("ns/web".parse(), Ok(Subject::Namespace("web".into())));
        let pod = Subject::Object(ObjectRef::new("Pod", "web", "bff-1"));
        assert_eq!("po/web/bff-1".parse(), Ok(pod));
        let deployment = Subject::Object(ObjectRef::new("Deployment", "web", "bff"));
        assert_eq!("Deployment/web/bff".parse(), Ok(deployment));
        for wrong in ["web", "pod/web", "ns/", "ns/a/b", "secret/web/x", "pod/web/bff/x", ""] {
            assert!(wrong.parse::<Subject>().is_err(), "{wrong}");
        }
    }
}
