# target: 1.30.3
# What the old revision's values say, and the new one's do not; mesh configs and variables are alike in all recordings.
def told($revision): items("configmaps")
  | select(.metadata.labels["istio.io/rev"] == $revision and .data["original-values"])
  | .data["original-values"] | fromjson | del(.revision, .global.tag, .global.hub, .defaultRevision, .gateways, .ztunnel, .meshConfig);
def runs($revision): any(items("pods"); running and .metadata.annotations["istio.io/rev"] == $revision);
select(runs("1-29-6")) | told("1-29-6") as $old | told("1-30-3") as $new
  | select(any($old | paths(type == "boolean" or type == "string" or type == "number"); . as $path | ($old | getpath($path)) != ($new | getpath($path))))
  | "Revision/1-30-3"
