# A name that no webhook configuration carries, and pods that were injected.
(revisions + tags) as $served | [injected | .metadata.namespace] as $injected
| items("namespaces") | select(.metadata.labels["istio-injection"] | not)
| select(.metadata.labels["istio.io/rev"] as $r | $r and ($served | any(.[]; . == $r) | not))
| select(.metadata.name as $n | $injected | any(.[]; . == $n)) | ref("Namespace")
