# target: 1.30.3
# A proxyVersion that holds for the proxies that run and not for the target, or the other way round.
. as $all | [items("envoyfilters.networking.istio.io")] as $filters
| items("deployments.apps") | . as $d
| [$all | injected | select(.metadata.namespace == $d.metadata.namespace and (.metadata.labels as $l | $d.spec.selector.matchLabels | subset_of($l)))] as $pods
| select(any($filters[] | . as $f | .spec.configPatches[] | .match.proxy.proxyVersion // empty | . as $v
    | $pods[] | select(.metadata.namespace == $f.metadata.namespace and (.metadata.labels as $l | $f.spec.workloadSelector.labels | subset_of($l)))
    | [.spec.initContainers[]?, .spec.containers[]] | map(select(.name == "istio-proxy"))[0].image | split(":")[-1]
    | test($v) != ("1.30.3" | test($v)); .))
| ref("Deployment")
