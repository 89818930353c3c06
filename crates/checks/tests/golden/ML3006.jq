. as $all | items("deployments.apps") | select(.metadata.labels["gateway.istio.io/managed"] and replicas == 1) | . as $d
| select(any($all | items("poddisruptionbudgets.policy"); .metadata.namespace == $d.metadata.namespace and (.spec.selector.matchLabels | subset_of($d.spec.template.metadata.labels))) | not)
| "Gateway/\(.metadata.namespace)/\(.metadata.labels["gateway.networking.k8s.io/gateway-name"])"
