//! The token check of the debug pages: a service account's token with audience `istio-ca`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use kube::Client;
use kube::api::{Api, PostParams};

use crate::shared::Shared;

/// Audience that istiods ask for.
const AUDIENCE: &str = "istio-ca";
/// Pages that a token of another namespace than istiod's may see (`ENABLE_DEBUG_ENDPOINT_AUTH`).
const FOR_ALL: [&str; 3] = ["config_dump", "ndsz", "edsz"];

/// Namespaces of the accounts whose tokens were reviewed.
pub(crate) type Reviewed = BTreeMap<String, Option<String>>;

/// What the check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    Unauthenticated,
    Forbidden,
}

/// Checks a request for a debug page; whoever comes from loopback needs no token.
pub(crate) async fn check(
    shared: &Shared,
    peer: IpAddr,
    authorization: Option<&str>,
    page: &str,
    istiod_namespace: &str,
) -> Verdict {
    if peer.is_loopback() {
        return Verdict::Allowed;
    }
    let Some(token) = authorization.and_then(|text| text.strip_prefix("Bearer ")) else {
        return Verdict::Unauthenticated;
    };
    let known = shared.reviewed().get(token).cloned();
    let namespace = match known {
        Some(namespace) => namespace,
        None => {
            // A review that failed says nothing of the token: the next request asks again.
            let Ok(namespace) = namespace_of(shared.client(), token).await else {
                return Verdict::Unauthenticated;
            };
            shared.reviewed().insert(token.to_owned(), namespace.clone());
            namespace
        }
    };
    match namespace {
        Some(namespace) if namespace == istiod_namespace || FOR_ALL.contains(&page) => Verdict::Allowed,
        Some(_) => Verdict::Forbidden,
        None => Verdict::Unauthenticated,
    }
}

/// Namespace of the token's account, if the API server knows the token for this audience.
async fn namespace_of(client: &Client, token: &str) -> Result<Option<String>, kube::Error> {
    let spec = TokenReviewSpec { audiences: Some(vec![AUDIENCE.to_owned()]), token: Some(token.to_owned()) };
    let review = TokenReview { spec, ..TokenReview::default() };
    let answer = Api::<TokenReview>::all(client.clone()).create(&PostParams::default(), &review).await?;
    let user =
        answer.status.filter(|status| status.authenticated == Some(true)).and_then(|status| status.user);
    let account = user.and_then(|user| user.username);
    let account = account.as_deref().and_then(|name| name.strip_prefix("system:serviceaccount:"));
    Ok(account.and_then(|account| account.split(':').next()).map(str::to_owned))
}
