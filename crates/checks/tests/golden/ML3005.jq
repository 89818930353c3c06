# A credential that no Secret has, in the namespace of the gateway's pods; or of a Gateway API listener.
. as $all | [items("secrets") | "\(.metadata.namespace)/\(.metadata.name)"] as $there
| (items("gateways.networking.istio.io") | . as $g
   | [$all | items("deployments.apps") | select(.spec.template.metadata.labels as $l | $g.spec.selector | subset_of($l)) | .metadata.namespace] as $n
   | select(any($g.spec.servers[]; .tls.credentialName as $c | $c and any($n[]; "\(.)/\($c)" as $s | $there | any(.[]; . == $s) | not)))
   | ref("Gateway.networking.istio.io")),
  (items("gateways.gateway.networking.k8s.io") | . as $g
   | select(any(.spec.listeners[] | .tls.certificateRefs // [] | .[]; "\(.namespace // $g.metadata.namespace)/\(.name)" as $s | $there | any(.[]; . == $s) | not))
   | ref("Gateway"))
