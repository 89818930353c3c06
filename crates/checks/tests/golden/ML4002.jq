# A destination with a weight, or alone, whose subset selects no pod.
. as $all | items("virtualservices.networking.istio.io") | . as $v
| select(any(.spec.http[]? | .route as $r | $r[] | select((.weight // 0) > 0 or ($r | length == 1)); .destination as $to
    | $to.subset and (any($all | items("destinationrules.networking.istio.io") | select(.metadata.namespace == $v.metadata.namespace and .spec.host == $to.host) | .spec.subsets[] | select(.name == $to.subset);
        .labels as $l | any($all | items("pods"); .metadata.namespace == $v.metadata.namespace and .metadata.labels.app == $to.host and (.metadata.labels as $p | $l | subset_of($p)))) | not)))
| ref("VirtualService")
