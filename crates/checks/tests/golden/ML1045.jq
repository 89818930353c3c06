[proxied("deployments.apps")] as $w | items("horizontalpodautoscalers.autoscaling") | . as $h
| select(.spec.minReplicas < .spec.maxReplicas)
| $w[] | select(.metadata.namespace == $h.metadata.namespace and .metadata.name == $h.spec.scaleTargetRef.name and replicas <= $h.spec.minReplicas)
| ref("Deployment")
