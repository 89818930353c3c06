(proxied("statefulsets.apps") | select(.spec.updateStrategy.type == "OnDelete") | ref("StatefulSet")),
(proxied("daemonsets.apps") | select(.spec.updateStrategy.type == "OnDelete") | ref("DaemonSet"))
