# More than twice the grace of ztunnel, among pods that ambient captured.
. as $all | ([items("daemonsets.apps") | select(.metadata.name == "ztunnel") | .spec.template.spec.terminationGracePeriodSeconds // 30] | min) as $grace
| select($grace) | items("deployments.apps", "statefulsets.apps") | . as $w
| select((.spec.template.spec.terminationGracePeriodSeconds // 30) > 2 * $grace)
| select(any($all | items("pods"); .metadata.namespace == $w.metadata.namespace and .metadata.annotations["ambient.istio.io/redirection"] == "enabled" and (.metadata.labels as $l | $w.spec.selector.matchLabels | subset_of($l))))
| ref(if .spec.serviceName then "StatefulSet" else "Deployment" end)
