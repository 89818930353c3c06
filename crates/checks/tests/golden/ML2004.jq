revisions as $revisions | items("namespaces") | select(.metadata.labels["istio-injection"] | not)
| select(.metadata.labels["istio.io/rev"] as $r | $revisions | any(.[]; . == $r)) | ref("Namespace")
