# A budget that wants all pods of a workload with a proxy.
. as $all
| [proxied("deployments.apps"), proxied("statefulsets.apps")] as $w
| items("poddisruptionbudgets.policy") | . as $b
| ([$w[] | select(.metadata.namespace == $b.metadata.namespace) | select(.spec.template.metadata.labels as $l | $b.spec.selector.matchLabels | subset_of($l)) | replicas] | add // 0) as $n
| select($n > 0 and $n <= (if .spec.minAvailable != null then (.spec.minAvailable | scaled($n; true)) else $n - (.spec.maxUnavailable | scaled($n; true)) end))
| ref("PodDisruptionBudget")
