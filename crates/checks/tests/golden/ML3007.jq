# Follows a tag, and nothing freezes its template.
tags as $tags | items("gateways.gateway.networking.k8s.io")
| select(.metadata.labels["istio.io/rev"] as $r | $tags | any(.[]; . == $r)) | select(.spec.infrastructure.labels | not) | ref("Gateway")
