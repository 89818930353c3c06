# target: 1.30.3
# A proxyVersion that holds for the proxies that run and not for the target, or the other way round.
[items("envoyfilters.networking.istio.io") | . as $f | .spec.configPatches[] | .match.proxy.proxyVersion // empty
  | {namespace: $f.metadata.namespace, labels: $f.spec.workloadSelector.labels, version: .}] as $pins
| [injected | . as $p | $pins[] | . as $pin
    | select($pin.namespace == $p.metadata.namespace and ($pin.labels | subset_of($p.metadata.labels)))
    | ([$p.spec.initContainers[]?, $p.spec.containers[]] | map(select(.name == "istio-proxy"))[0].image | split(":")[-1]) as $runs
    | select(($runs | test($pin.version)) != ("1.30.3" | test($pin.version))) | $p] as $pods
| items("deployments.apps") | . as $d
| select(any($pods[]; .metadata.namespace == $d.metadata.namespace and (.metadata.labels as $labels | $d.spec.selector.matchLabels | subset_of($labels))))
| ref("Deployment")
