# Replicas minus what the rollout takes away is less than the budget wants.
. as $all
| (proxied("deployments.apps") | {ref: ref("Deployment"), w: ., missing: (if rolling then unavailable else replicas end)}),
  (proxied("statefulsets.apps") | select(ordered) | {ref: ref("StatefulSet"), w: ., missing: 1})
| . as $x | ($x.w | replicas) as $n
| select($x.missing > 0 and any($all | items("poddisruptionbudgets.policy");
    .metadata.namespace == $x.w.metadata.namespace and (.spec.selector.matchLabels | subset_of($x.w.spec.template.metadata.labels))
    and $n - $x.missing < (if .spec.minAvailable != null then (.spec.minAvailable | scaled($n; true)) else $n - (.spec.maxUnavailable | scaled($n; true)) end)))
| $x.ref
