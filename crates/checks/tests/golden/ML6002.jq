if any(items("daemonsets.apps"); .metadata.name == "ztunnel") then [injected | .metadata.namespace] | unique[] | "Namespace/\(.)" else empty end
