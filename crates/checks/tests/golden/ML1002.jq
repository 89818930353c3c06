proxied("deployments.apps") | select(.spec.strategy.type == "Recreate") | ref("Deployment")
