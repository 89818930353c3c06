//! Where objects are found at the API server.

use meshlift_model::effect::Failure;
use meshlift_model::k8s::{KindInfo, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::selector::LabelSelector;

/// Facts of a kind by the name that effects use.
pub(super) fn info(kind: &str) -> Result<&'static KindInfo, Failure> {
    KindInfo::of(kind).ok_or_else(|| Failure::Unsupported {
        message: format!("{kind} is no kind that meshlift knows how to reach"),
    })
}

/// Path of a collection of any group and version; an empty namespace stands for all, or for none.
pub(super) fn collection_at(api_version: &str, plural: &str, namespace: &str) -> String {
    let root = if api_version.contains('/') { "/apis" } else { "/api" };
    if namespace.is_empty() {
        format!("{root}/{api_version}/{plural}")
    } else {
        format!("{root}/{api_version}/namespaces/{namespace}/{plural}")
    }
}

/// Path of a kind's collection.
pub(super) fn collection(info: &KindInfo, namespace: &str) -> String {
    let plural = info.resource.split('.').next().unwrap_or(info.resource);
    collection_at(info.api_version, plural, if info.namespaced { namespace } else { "" })
}

/// Path of the objects of a type.
pub(super) fn collection_of<R: Resource>(namespace: &str) -> String {
    let plural = R::RESOURCE.split('.').next().unwrap_or(R::RESOURCE);
    collection_at(R::API_VERSION, plural, if R::NAMESPACED { namespace } else { "" })
}

/// Path of an object.
pub(super) fn object(reference: &ObjectRef) -> Result<String, Failure> {
    let info = info(&reference.kind)?;
    Ok(format!("{}/{}", collection(info, &reference.namespace), reference.name))
}

/// A path with those parameters that have a value.
pub(super) fn query(path: &str, pairs: &[(&str, &str)]) -> String {
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<String> = given.map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// Percent-encoded, as a value of a query.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// A selector as a parameter of a list.
pub(super) fn selector(selector: &LabelSelector) -> String {
    let equal = selector.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
    let further = selector.match_expressions.iter().map(|one| {
        let (key, values) = (&one.key, one.values.join(","));
        match one.operator.as_str() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.clone(),
        }
    });
    equal.chain(further).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use meshlift_model::k8s::{Deployment, IstioGateway, Namespace};
    use meshlift_model::selector::Requirement;

    use super::*;

    #[test]
    fn paths_follow_group_and_scope() {
        let path = |kind: &str, namespace: &str| object(&ObjectRef::new(kind, namespace, "x")).unwrap();
        assert_eq!(path("Pod", "web"), "/api/v1/namespaces/web/pods/x");
        assert_eq!(path("Namespace", ""), "/api/v1/namespaces/x");
        assert_eq!(path(IstioGateway::KIND, "web"), "/apis/networking.istio.io/v1/namespaces/web/gateways/x");
        assert_eq!(collection_of::<Deployment>(""), "/apis/apps/v1/deployments");
        assert_eq!(collection_of::<Namespace>("ignored"), "/api/v1/namespaces");
        assert!(object(&ObjectRef::new("Volcano", "web", "x")).is_err());
    }

    #[test]
    fn selectors_are_written_as_kubectl_does() {
        let further = Requirement {
            key: "tier".into(),
            operator: "NotIn".into(),
            values: vec!["a".into(), "b".into()],
        };
        let labels = [("app".to_owned(), "web".to_owned())].into_iter().collect();
        let text = selector(&LabelSelector { match_labels: labels, match_expressions: vec![further] });
        assert_eq!(text, "app=web,tier notin (a,b)");
        assert_eq!(
            query("/x", &[("labelSelector", &text), ("continue", "")]),
            "/x?labelSelector=app%3Dweb%2Ctier%20notin%20%28a%2Cb%29"
        );
    }
}
