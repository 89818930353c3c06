//! A person's word that stops every run.

use meshlift_model::defaults::HOLD;
use meshlift_model::effect::{Failure, Write};
use meshlift_model::k8s::{Namespace, Resource};
use meshlift_model::names::ObjectRef;
use serde_json::Value;

use super::{Hands, places};

impl Hands {
    /// Carries a write out, unless a person holds every run.
    pub(super) async fn change(&self, write: &Write) -> Result<Vec<Value>, Failure> {
        self.not_on_hold().await?;
        let stored = self.write(write).await?;
        self.tell_owner(write).await;
        Ok(stored)
    }

    async fn not_on_hold(&self) -> Result<(), Failure> {
        let namespace = &self.run.namespace;
        let path = places::object(&ObjectRef::cluster(Namespace::KIND, namespace))?;
        let found: Option<Namespace> = self.calls.get(&path).await?;
        let Some(why) = found.as_ref().and_then(|found| found.metadata.annotation(HOLD)) else {
            return Ok(());
        };
        let why = if why.is_empty() { "no reason given" } else { why };
        Err(Failure::OnHold {
            message: format!(
                "annotation {HOLD} on namespace {namespace} holds every run ({why}): `kubectl annotate namespace \
                 {namespace} {HOLD}-`, then `meshlift resume --run {}`",
                self.run.run
            ),
        })
    }
}
