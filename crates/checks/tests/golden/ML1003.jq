# No container but the proxy has a readiness probe, and a Service sends requests to it.
. as $all | proxied("deployments.apps") | select(is_gateway_template | not)
| select(all(.spec.template.spec.containers[]; .name == "istio-proxy" or (.readinessProbe or .startupProbe | not)))
| select(all(.spec.template.spec.containers[]; .name != "istio-proxy"))
| select(services($all) | length > 0) | ref("Deployment")
