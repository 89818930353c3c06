//! Codes of live clusters: ML97.

use super::other_codes::{OtherCode, row};

/// All of them, in order.
pub(super) const CLUSTER_CODES: &[OtherCode] = &[
    row(
        "ML9701",
        "The kubeconfig cannot be used",
        "It is not there, cannot be understood, has no such context, or names certificates and keys that cannot be read.",
        "Name a context that is there (`kubectl config get-contexts`), or repair what the message names.",
    ),
    row(
        "ML9702",
        "The API server cannot be reached",
        "Nobody answers at the kubeconfig's address: it is wrong, a VPN is not up, a firewall stands between, or the server is down.",
        "Bring the way to it up: `kubectl version` must answer with the same `--kubeconfig` and `--context`. \
         A recording (`--snapshot PATH`) and the built-in mesh (`--demo`) need none.",
    ),
    row(
        "ML9703",
        "The API server's certificate is not trusted",
        "Whoever answers cannot prove to be the server that the kubeconfig means: another authority signed, the name \
         differs, or the certificate has ended.",
        "Put the right `certificate-authority` (and `tls-server-name`) into the kubeconfig; \
         `openssl s_client -connect HOST:PORT -showcerts` shows what the server presents.",
    ),
    row(
        "ML9704",
        "The credentials are not accepted",
        "The token or certificate has ended, the login helper of the kubeconfig failed, or the user is not known there.",
        "Log in again, or renew them: `kubectl auth whoami` must work with the same `--kubeconfig` and `--context`.",
    ),
    row(
        "ML9705",
        "That is no API server",
        "Something answers at the kubeconfig's address, but not as an API server does: a proxy, a login page, another program.",
        "Correct `server` of the cluster in the kubeconfig; `kubectl get --raw /version` shows what answers.",
    ),
    row(
        "ML9706",
        "Nothing of the cluster could be read",
        "The API server knows who asks and shows nothing: every list is refused or broken. The message has its words \
         for the first of them.",
        "Grant the ClusterRole of `deploy/rbac/read.yaml` to whoever asks: `kubectl auth can-i list pods -A` must say yes.",
    ),
    row(
        "ML9707",
        "Reading stopped",
        "Threads for requests could not be started.",
        "Check the limits on processes (`ulimit -u`).",
    ),
];
