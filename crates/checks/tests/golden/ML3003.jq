# A gateway's pods name a revision, and their namespace has a selector that wins.
. as $all | proxied("deployments.apps") | select(is_gateway_template and .spec.template.metadata.labels["istio.io/rev"])
| . as $d | select(any($all | items("namespaces"); .metadata.name == $d.metadata.namespace and (.metadata.labels["istio-injection"] or .metadata.labels["istio.io/rev"])))
| ref("Deployment")
