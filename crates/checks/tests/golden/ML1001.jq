# One replica, or as many missing as there are; a Service sends requests to it.
. as $all
| (proxied("deployments.apps") | select(rolling and replicas > 0 and unavailable >= replicas) | select(services($all) | length > 0) | ref("Deployment")),
  (proxied("statefulsets.apps") | select(replicas == 1) | select(services($all) | length > 0) | ref("StatefulSet"))
