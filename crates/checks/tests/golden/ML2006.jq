# Labelled ambient in a cluster without ztunnel.
if any(items("daemonsets.apps"); .metadata.labels["app"] == "ztunnel" or .metadata.name == "ztunnel") then empty
else items("namespaces") | select(.metadata.labels["istio.io/dataplane-mode"] == "ambient") | ref("Namespace") end
