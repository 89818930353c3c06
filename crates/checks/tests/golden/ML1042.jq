(proxied("deployments.apps") | select(rolling and unavailable > 0 and unavailable < replicas) | ref("Deployment")),
(proxied("statefulsets.apps") | select(ordered and replicas > 1) | ref("StatefulSet"))
