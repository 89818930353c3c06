# Behind a load balancer or a node port, and nothing prolongs the drain of 5 s.
. as $all | proxied("deployments.apps") | select(outside($all))
| select((.spec.template.metadata.annotations["proxy.istio.io/config"] // "" | test("terminationDrainDuration")) | not)
| ref("Deployment")
