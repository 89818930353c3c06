# Input: {"RESOURCE": [objects]} of one recording. Output of each query: subjects, KIND/NAMESPACE/NAME.
def items($resource): .[$resource] // [] | .[];
def ref($kind): if .metadata.namespace then "\($kind)/\(.metadata.namespace)/\(.metadata.name)" else "\($kind)/\(.metadata.name)" end;
def subset_of($labels): (. // {}) | to_entries | all(.[]; . as $e | $labels[$e.key] == $e.value);
def running: (.status.phase == "Succeeded" or .status.phase == "Failed") | not;
def is_gateway_template: .spec.template.metadata.annotations["inject.istio.io/templates"] == "gateway";
def revisions: [items("mutatingwebhookconfigurations.admissionregistration.k8s.io") | select(.metadata.labels["istio.io/tag"] | not) | .metadata.labels["istio.io/rev"] // empty];
def tags: [items("mutatingwebhookconfigurations.admissionregistration.k8s.io") | .metadata.labels["istio.io/tag"] // empty];
# Pods with a proxy by injection, and by istiod's Gateway controller.
def injected: items("pods") | select(running and .metadata.annotations["sidecar.istio.io/status"]);
def managed: items("pods") | select(running and .metadata.labels["gateway.istio.io/managed"]);
# Labels of pods by namespace.
def by_namespace: reduce .[] as $p ({}; .[$p.metadata.namespace] += [$p.metadata.labels]);
# Workloads of one resource with a proxy.
def proxied($resource): ([injected, managed] | by_namespace) as $pods | items($resource)
  | . as $w | select(any($pods[$w.metadata.namespace] // [] | .[]; . as $labels | $w.spec.selector.matchLabels | subset_of($labels)));
# Services that select a workload's pods.
def services($all): . as $w | [$all | items("services") | select(.metadata.namespace == $w.metadata.namespace and (.spec.selector // {} | length > 0) and (.spec.selector | subset_of($w.spec.template.metadata.labels)))];
def outside($all): any(services($all)[]; .spec.type == "LoadBalancer" or .spec.type == "NodePort") and (is_gateway_template or .metadata.labels["gateway.istio.io/managed"]);
def scaled($total; $up): if type == "number" then . else (.[:-1] | tonumber) * $total / 100 | if $up then ceil else floor end end;
def replicas: .spec.replicas // 1;
# Counts of a rolling Deployment, as Kubernetes resolves them.
def surge: replicas as $n | (.spec.strategy.rollingUpdate.maxSurge // "25%") | scaled($n; true);
def unavailable: replicas as $n | surge as $s | ((.spec.strategy.rollingUpdate.maxUnavailable // "25%") | scaled($n; false)) as $u
  | if $u == 0 and $s == 0 then 1 else [$u, $n] | min end;
def rolling: .spec.strategy.type == "RollingUpdate";
def ordered: .spec.updateStrategy.type == "RollingUpdate";
