# Its label names neither a revision nor a tag.
(revisions + tags) as $served | items("gateways.gateway.networking.k8s.io")
| select(.metadata.labels["istio.io/rev"] as $r | $r and ($served | any(.[]; . == $r) | not)) | ref("Gateway")
