//! Commands for whoever executes a run: written by any machine, taken by the executor.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use meshlift_model::journal::Command;
use meshlift_model::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::JoinHandle;

use super::api::{already_exists, ask, insist, may_pass};
use super::follow::{LOOK, until_changed};
use super::{FIELD_MANAGER, RUN_LABEL, RecordError, object_name};
use crate::Connection;
use crate::clock::now;

/// A command and who gave it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueuedCommand {
    /// When.
    pub at: Time,
    /// Who.
    pub by: String,
    /// What.
    pub command: Command,
}

/// Where the commands of one run are left.
///
/// One is taken away before it is given to the run, so that none counts twice: whoever left it looks for it in
/// the journal.
#[derive(Clone, Debug)]
pub struct Mailbox {
    connection: Connection,
    maps: Api<ConfigMap>,
    run: String,
}

impl Mailbox {
    /// The mailbox of a run.
    #[must_use]
    pub fn new(connection: &Connection, namespace: &str, run: &str) -> Self {
        let maps = Api::namespaced(connection.client().clone(), namespace);
        Self { connection: connection.clone(), maps, run: run.to_owned() }
    }

    /// Leaves a command.
    ///
    /// # Errors
    /// Where the API server refuses or does not answer.
    pub fn post(&self, command: &QueuedCommand) -> Result<(), RecordError> {
        self.connection.wait(self.leave(command))
    }

    async fn leave(&self, command: &QueuedCommand) -> Result<(), RecordError> {
        let name = self.name();
        let text = serde_json::to_string(command).map_err(|error| self.damaged(&error))?;
        let labels = [(RUN_LABEL, self.run.as_str()), ("app.kubernetes.io/managed-by", FIELD_MANAGER)];
        let map = ConfigMap {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                labels: Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
                ..ObjectMeta::default()
            },
            ..ConfigMap::default()
        };
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        match insist(format!("create ConfigMap {name}"), || self.maps.create(&params, &map)).await {
            Err(error) if !already_exists(&error) => return Err(error),
            Ok(_) | Err(_) => {}
        }
        let key = format!("{:015}-{}", command.at.millis(), std::process::id());
        let patch = json!({"data": {key: text}});
        let (params, patch) = (patch_params(), Patch::Merge(patch));
        insist(format!("patch ConfigMap {name}"), || self.maps.patch(&name, &params, &patch)).await.map(drop)
    }

    /// Takes what is there, oldest first, and says which version of the mailbox it looked at.
    async fn take(&self) -> Result<(Vec<QueuedCommand>, Option<String>), RecordError> {
        let name = self.name();
        let get = || insist(format!("get ConfigMap {name}"), || self.maps.get_opt(&name));
        let Some(map) = get().await? else { return Ok((Vec::new(), None)) };
        let (data, version) = (map.data.unwrap_or_default(), map.metadata.resource_version);
        if data.is_empty() {
            return Ok((Vec::new(), version));
        }
        let none: BTreeMap<&str, Option<()>> = data.keys().map(|key| (key.as_str(), None)).collect();
        // At the version that was read: two takers never both get one.
        let patch = json!({"metadata": {"resourceVersion": version}, "data": none});
        if let Err(error) = self.patch(patch).await {
            // Only the answer may have been lost: nobody else takes commands from this executor's mailbox.
            let left = get().await?.and_then(|map| map.data).unwrap_or_default();
            if !may_pass(&error) || data.keys().any(|key| left.contains_key(key)) {
                return Err(error);
            }
        }
        let read = data.values().map(|text| serde_json::from_str(text).map_err(|error| self.damaged(&error)));
        Ok((read.collect::<Result<_, _>>()?, version))
    }

    async fn patch(&self, patch: serde_json::Value) -> Result<(), RecordError> {
        let (name, patch) = (self.name(), Patch::Merge(patch));
        let params = patch_params();
        ask(format!("patch ConfigMap {name}"), self.maps.patch(&name, &params, &patch)).await.map(drop)
    }

    /// Hands every command that arrives over, until the receiver is gone; what cannot be read is told.
    pub fn watch(
        &self,
        mut take: impl FnMut(Result<QueuedCommand, RecordError>) -> bool + Send + 'static,
    ) -> JoinHandle<()> {
        let mailbox = self.clone();
        self.connection.runtime().spawn(async move {
            loop {
                let seen = match mailbox.take().await {
                    Ok((commands, version)) => {
                        commands.into_iter().all(|one| take(Ok(one))).then_some(version)
                    }
                    Err(error @ RecordError::Damaged { .. }) => take(Err(error)).then_some(None),
                    // Where the API server does not answer, the run itself says so. What was left there waits: only
                    // another look finds it.
                    Err(_) => {
                        tokio::time::sleep(LOOK).await;
                        continue;
                    }
                };
                let Some(version) = seen else { return };
                until_changed(&mailbox.maps, &mailbox.name(), version.as_deref()).await;
            }
        })
    }

    fn name(&self) -> String {
        format!("{}-commands", object_name(&self.run))
    }

    fn damaged(&self, error: &serde_json::Error) -> RecordError {
        RecordError::Damaged { run: self.run.clone(), reason: format!("ConfigMap {}: {error}", self.name()) }
    }
}

fn patch_params() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() }
}

impl QueuedCommand {
    /// A command, now.
    #[must_use]
    pub fn now(command: Command, by: &str) -> Self {
        Self { at: now(), by: by.to_owned(), command }
    }
}
