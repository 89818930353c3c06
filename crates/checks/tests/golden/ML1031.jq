proxied("statefulsets.apps") | select(ordered and (.spec.updateStrategy.rollingUpdate.partition // 0) > 0) | ref("StatefulSet")
