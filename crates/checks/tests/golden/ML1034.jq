# CronJobs in a namespace that injects, whose template does not say no.
revisions as $revisions | tags as $tags
| [items("namespaces") | select(.metadata.labels["istio-injection"] == "enabled" or (.metadata.labels["istio.io/rev"] as $r | ($revisions + $tags) | any(.[]; . == $r))) | .metadata.name] as $namespaces
| items("cronjobs.batch") | select(.metadata.namespace as $n | $namespaces | any(.[]; . == $n))
| select(.spec.jobTemplate.spec.template.metadata.labels["sidecar.istio.io/inject"] != "false") | ref("CronJob")
