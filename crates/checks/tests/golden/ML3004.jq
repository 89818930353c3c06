proxied("deployments.apps") | select(is_gateway_template and all(.spec.template.spec.containers[]; .readinessProbe | not)) | ref("Deployment")
