. as $all | items("horizontalpodautoscalers.autoscaling") | . as $h
| select(.spec.minReplicas < .spec.maxReplicas)
| $all | proxied("deployments.apps")
| select(.metadata.namespace == $h.metadata.namespace and .metadata.name == $h.spec.scaleTargetRef.name and replicas <= $h.spec.minReplicas)
| ref("Deployment")
