# Namespaces whose injected pods carry more than one revision.
[injected | {n: .metadata.namespace, r: .metadata.annotations["istio.io/rev"]}] | group_by(.n)[]
| select([.[].r] | unique | length > 1) | "Namespace/\(.[0].n)"
