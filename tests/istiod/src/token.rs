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

/// A service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// The accounts whose tokens were reviewed; `None` where the API server does not know the token.
pub(crate) type Reviewed = BTreeMap<String, Option<Account>>;

/// What the check says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Proxies of this namespace alone, if one is named.
    Allowed {
        only: Option<String>,
    },
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
        return Verdict::Allowed { only: None };
    }
    match account(shared, authorization).await {
        Some(account) if may_see(&account, page, istiod_namespace) => {
            Verdict::Allowed { only: only(&account, istiod_namespace) }
        }
        Some(_) => Verdict::Forbidden,
        None => Verdict::Unauthenticated,
    }
}

/// True if the account's token opens a debug page.
pub(crate) fn may_see(account: &Account, page: &str, istiod_namespace: &str) -> bool {
    account.namespace == istiod_namespace || FOR_ALL.contains(&page)
}

/// The namespace whose proxies alone the account may look at, if there is one.
pub(crate) fn only(account: &Account, istiod_namespace: &str) -> Option<String> {
    (account.namespace != istiod_namespace).then(|| account.namespace.clone())
}

/// Whose token it is, if it is one.
pub(crate) async fn account(shared: &Shared, authorization: Option<&str>) -> Option<Account> {
    let token = authorization?.strip_prefix("Bearer ")?;
    let known = shared.reviewed().get(token).cloned();
    if let Some(known) = known {
        return known;
    }
    // A review that failed says nothing of the token: the next request asks again.
    let found = review(shared.client(), token).await.ok()?;
    shared.reviewed().insert(token.to_owned(), found.clone());
    found
}

/// The token's account, if the API server knows the token for this audience.
async fn review(client: &Client, token: &str) -> Result<Option<Account>, kube::Error> {
    let spec = TokenReviewSpec { audiences: Some(vec![AUDIENCE.to_owned()]), token: Some(token.to_owned()) };
    let review = TokenReview { spec, ..TokenReview::default() };
    let answer = Api::<TokenReview>::all(client.clone()).create(&PostParams::default(), &review).await?;
    let user =
        answer.status.filter(|status| status.authenticated == Some(true)).and_then(|status| status.user);
    let account = user.and_then(|user| user.username);
    let account = account.as_deref().and_then(|name| name.strip_prefix("system:serviceaccount:"));
    let parts = account.and_then(|account| account.split_once(':'));
    Ok(parts.map(|(namespace, name)| Account { namespace: namespace.to_owned(), name: name.to_owned() }))
}
