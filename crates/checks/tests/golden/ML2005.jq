# A pod template names a tag, in a namespace without an injection label.
tags as $tags | [items("namespaces") | select(.metadata.labels["istio-injection"] or .metadata.labels["istio.io/rev"] | not) | .metadata.name] as $open
| items("deployments.apps") | select(.metadata.namespace as $n | $open | any(.[]; . == $n))
| select(.metadata.labels["gateway.istio.io/managed"] | not)
| select(.spec.template.metadata.labels["istio.io/rev"] as $r | $tags | any(.[]; . == $r)) | ref("Deployment")
