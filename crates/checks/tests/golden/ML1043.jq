# istio-proxy among the containers, made by the sidecar template.
([injected | select(.metadata.annotations["inject.istio.io/templates"] != "gateway" and any(.spec.containers[]; .name == "istio-proxy"))] | by_namespace) as $pods
| items("deployments.apps") | . as $d
| select(any($pods[$d.metadata.namespace] // [] | .[]; . as $labels | $d.spec.selector.matchLabels | subset_of($labels)))
| ref("Deployment")
