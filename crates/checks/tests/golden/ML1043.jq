# istio-proxy among the containers, made by the sidecar template.
. as $all | items("deployments.apps") | . as $d
| select(any($all | injected; .metadata.namespace == $d.metadata.namespace and (.metadata.labels as $l | $d.spec.selector.matchLabels | subset_of($l))
    and .metadata.annotations["inject.istio.io/templates"] != "gateway" and any(.spec.containers[]; .name == "istio-proxy")))
| ref("Deployment")
