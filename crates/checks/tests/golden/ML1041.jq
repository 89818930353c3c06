proxied("deployments.apps") | select(rolling and replicas == 1 and unavailable == 0) | ref("Deployment")
