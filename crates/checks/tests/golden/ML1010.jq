# Nothing may be missing, and the quota of pods is full.
. as $all | proxied("deployments.apps") | select(rolling and unavailable == 0) | . as $d
| select(any($all | items("resourcequotas"); .metadata.namespace == $d.metadata.namespace
    and .status.hard.pods and (.status.used.pods | tonumber) + 1 > (.status.hard.pods | tonumber)))
| ref("Deployment")
