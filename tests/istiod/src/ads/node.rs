//! Who a proxy says that it is: the node of its first request (istio: pilot/pkg/model/context.go, pkg/model/proxy.go).

use std::collections::BTreeMap;

use envoy_types::pb::envoy::config::core::v3::Node as Wire;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};

use crate::mirror::Key;

/// A node, as far as the stand-in looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// `sidecar`, `router`, `waypoint` or `ztunnel`.
    pub(crate) kind: String,
    /// Address of the pod.
    pub(crate) ip: String,
    /// Namespace and name of the pod.
    pub(crate) pod: Key,
    /// Metadata that are text.
    metadata: BTreeMap<String, String>,
    /// Clients that are no proxies have none (`istioctl`).
    pub(crate) has_proxy_config: bool,
}

impl Node {
    /// Reads `TYPE~IP~POD.NAMESPACE~DOMAIN` and the metadata.
    pub(crate) fn read(wire: &Wire) -> Result<Self, String> {
        let parts: Vec<&str> = wire.id.split('~').collect();
        let [kind, ip, pod, _] = parts[..] else {
            return Err(format!("missing parts in the service node \"{}\"", wire.id));
        };
        let fields = wire.metadata.as_ref().map(|metadata| &metadata.fields);
        let text = |(key, value): (&String, &Value)| match &value.kind {
            Some(Kind::StringValue(text)) => Some((key.clone(), text.clone())),
            _ => None,
        };
        let (name, namespace) = pod.rsplit_once('.').unwrap_or((pod, ""));
        Ok(Self {
            kind: kind.to_owned(),
            ip: ip.to_owned(),
            pod: (namespace.to_owned(), name.to_owned()),
            metadata: fields.into_iter().flatten().filter_map(text).collect(),
            has_proxy_config: fields.is_some_and(|fields| fields.contains_key("PROXY_CONFIG")),
        })
    }

    /// The same, to be sent.
    pub(crate) fn write(kind: &str, ip: &str, (namespace, name): &Key, metadata: &[(&str, &str)]) -> Wire {
        let text = |text: &str| Value { kind: Some(Kind::StringValue(text.to_owned())) };
        let mut fields: Vec<(String, Value)> =
            metadata.iter().map(|(key, value)| ((*key).to_owned(), text(value))).collect();
        fields.push(("PROXY_CONFIG".to_owned(), Value { kind: Some(Kind::StructValue(Struct::default())) }));
        Wire {
            id: format!("{kind}~{ip}~{name}.{namespace}~{namespace}.svc.cluster.local"),
            metadata: Some(Struct { fields: fields.into_iter().collect() }),
            ..Wire::default()
        }
    }

    /// Metadata of that name; empty if there is none.
    pub(crate) fn metadata(&self, key: &str) -> &str {
        self.metadata.get(key).map(String::as_str).unwrap_or_default()
    }

    /// `POD.NAMESPACE`.
    pub(crate) fn proxy(&self) -> String {
        format!("{}.{}", self.pod.1, self.pod.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_reads_as_it_was_written() {
        let pod = ("web".to_owned(), "shop-1".to_owned());
        let wire = Node::write("sidecar", "10.1.2.3", &pod, &[("ISTIO_VERSION", "1.29.6")]);
        assert_eq!(wire.id, "sidecar~10.1.2.3~shop-1.web~web.svc.cluster.local");
        let node = Node::read(&wire).unwrap();
        assert_eq!((node.kind.as_str(), node.ip.as_str(), &node.pod), ("sidecar", "10.1.2.3", &pod));
        assert_eq!((node.metadata("ISTIO_VERSION"), node.metadata("NAME")), ("1.29.6", ""));
        assert!(node.has_proxy_config);
    }

    #[test]
    fn other_ids_are_refused() {
        for id in ["", "sidecar~10.1.2.3~shop-1.web", "a~b~c~d~e"] {
            assert!(Node::read(&Wire { id: id.to_owned(), ..Wire::default() }).is_err(), "{id}");
        }
    }
}
