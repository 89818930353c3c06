injected | select(.metadata.ownerReferences // [] | length == 0) | ref("Pod")
