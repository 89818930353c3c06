. as $all | proxied("deployments.apps") | select(is_gateway_template and outside($all)) | ref("Deployment")
