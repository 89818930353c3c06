. as $all | items("destinationrules.networking.istio.io") | . as $r
| select(any(.spec.subsets[]; .labels as $l | any($all | items("pods"); .metadata.namespace == $r.metadata.namespace and .metadata.labels.app == $r.spec.host and (.metadata.labels as $p | $l | subset_of($p))) | not))
| ref("DestinationRule")
