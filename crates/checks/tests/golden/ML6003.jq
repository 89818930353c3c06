items("daemonsets.apps") | select(.metadata.name == "ztunnel" or .metadata.name == "istio-cni-node") | ref("DaemonSet")
