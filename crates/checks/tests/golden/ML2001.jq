items("namespaces") | select(.metadata.labels["istio-injection"] and .metadata.labels["istio.io/rev"]) | ref("Namespace")
