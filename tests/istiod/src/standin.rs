//! What a test holds: the stand-in's process, and what it can be told.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use kube::api::{Api, DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};
use meshlift_cluster::Cluster;
use meshlift_model::k8s::{Deployment, Object, Resource};
use meshlift_model::snapshot::Snapshot;
use serde_json::Value;

use crate::behaviour::{Behaviour, Behaviours};
use crate::error::StandinError;
use crate::inject::base64;
use crate::orders::{Order, ask};

/// Name of the binary.
const BINARY: &str = "meshlift-istiod-standin";
/// Time that the process has to answer, and istiods to come up, on a loaded machine.
const UP_SECONDS_MAX: u64 = 120;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// Kinds without which an istiod does not run, or its webhook is not reached.
const CONTROL_PLANE: [&str; 5] =
    ["serviceaccounts", "configmaps", "services", "deployments.apps", "persistentvolumeclaims"];
/// Kinds of webhooks.
const WEBHOOKS: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Istiods and proxies of a cluster. They end when this is dropped.
pub struct Standin {
    child: Child,
    socket: PathBuf,
    behaviours: Behaviours,
}

impl std::fmt::Debug for Standin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Standin").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Standin {
    /// Starts the process inside the cluster: from now on every istiod's pod that runs there answers.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn start(cluster: &Cluster) -> Result<Self, StandinError> {
        let folder = cluster.folder();
        let (socket, log) = (folder.join("standin.sock"), folder.join("standin.log"));
        let _ = std::fs::remove_file(&socket);
        let err = File::create(&log).map_err(StandinError::io(log.display()))?;
        let mut command = cluster.inside(binary())?;
        command.arg(cluster.kubeconfig_inside()).arg(&socket);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(err);
        let child = command.spawn().map_err(StandinError::io("nsenter"))?;
        let mut standin = Self { child, socket, behaviours: Behaviours::new() };
        let deadline = Instant::now() + Duration::from_secs(UP_SECONDS_MAX);
        while ask(&standin.socket, &Order::Proxies).await.is_err() {
            let ended = standin.child.try_wait().ok().flatten().is_some();
            if ended || Instant::now() >= deadline {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                let hint = format!("{said} (is {BINARY} built? `cargo build -p {BINARY}`)");
                return Err(StandinError::Failed { what: BINARY.to_owned(), said: hint });
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(standin)
    }

    /// Loads a recorded mesh as it came to be: the control planes first, then, once their webhooks answer, all
    /// else, so that real admission calls the stand-in for every pod. Kinds in `without` are left out.
    ///
    /// # Errors
    /// Where the API server refuses an object, or the istiods do not come up.
    pub async fn load(
        &self,
        cluster: &Cluster,
        recording: &Snapshot,
        without: &[&str],
    ) -> Result<(), StandinError> {
        let namespaces = istiod_namespaces(recording);
        cluster
            .load_where(recording, |object| {
                is_control_plane(object, &namespaces) && !without.contains(&object.info().resource)
            })
            .await?;
        self.until_webhooks_answer(cluster).await?;
        cluster.load(recording, without).await?;
        Ok(())
    }

    /// Waits until every istiod is Ready and every webhook of theirs carries the stand-in's root.
    ///
    /// # Errors
    /// Where that takes too long.
    pub async fn until_webhooks_answer(&self, cluster: &Cluster) -> Result<(), StandinError> {
        let bundle = base64(self.root().await?.as_bytes());
        let deadline = Instant::now() + Duration::from_secs(UP_SECONDS_MAX);
        loop {
            let waits_for = waits_for(cluster, &bundle).await?;
            let Some(waits_for) = waits_for else { return Ok(()) };
            if Instant::now() >= deadline {
                return Err(StandinError::Failed {
                    what: "istiods do not come up".to_owned(),
                    said: waits_for,
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// From now on, the istiods of the revision behave like this.
    ///
    /// # Errors
    /// Where the process does not answer.
    pub async fn behave(&mut self, revision: &str, behaviour: Behaviour) -> Result<(), StandinError> {
        self.behaviours.insert(revision.to_owned(), behaviour);
        let said = ask(&self.socket, &Order::Behave(self.behaviours.clone())).await?;
        if said == "done" {
            return Ok(());
        }
        Err(StandinError::Failed { what: "behave".to_owned(), said })
    }

    /// Proxies that are connected, over all istiods.
    ///
    /// # Errors
    /// Where the process does not answer.
    pub async fn proxies(&self) -> Result<usize, StandinError> {
        let said = ask(&self.socket, &Order::Proxies).await?;
        said.parse().map_err(|_| StandinError::Failed { what: "proxies".to_owned(), said })
    }

    /// The mesh's root certificate, as PEM.
    ///
    /// # Errors
    /// Where the process does not answer.
    pub async fn root(&self) -> Result<String, StandinError> {
        ask(&self.socket, &Order::Root).await
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        // The process ends with its stdin.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The binary beside this program: tests lie one folder deeper.
fn binary() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    let found = exe.ancestors().skip(1).take(2).map(|folder| folder.join(BINARY)).find(|path| path.is_file());
    found.unwrap_or_else(|| Path::new(BINARY).to_owned())
}

/// Namespaces in which istiods run.
fn istiod_namespaces(recording: &Snapshot) -> Vec<String> {
    let is_istiod = |deployment: &&Deployment| {
        deployment.spec.template.spec.containers.iter().any(|container| container.name == "discovery")
    };
    recording
        .objects
        .deployments
        .iter()
        .filter(is_istiod)
        .map(|found| found.metadata.namespace.to_string())
        .collect()
}

fn is_control_plane(object: &Object, namespaces: &[String]) -> bool {
    let (resource, meta) = (object.info().resource, object.meta());
    resource == "namespaces"
        || object.info().kind.ends_with("WebhookConfiguration")
        || (CONTROL_PLANE.contains(&resource) && namespaces.iter().any(|one| *one == meta.namespace))
}

/// What is not there yet; `None` once all is.
async fn waits_for(cluster: &Cluster, bundle: &str) -> Result<Option<String>, StandinError> {
    let list = |group: &str, kind: &str| {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        let api: Api<DynamicObject> = Api::all_with(cluster.client(), &resource);
        let what = format!("listing {kind}");
        async move { api.list(&ListParams::default()).await.map_err(StandinError::api(what)) }
    };
    let mut revisions = Vec::new();
    for found in list("apps", Deployment::KIND).await?.items.iter().filter_map(value) {
        let containers = found.pointer("/spec/template/spec/containers").and_then(Value::as_array);
        if !containers.into_iter().flatten().any(|container| container["name"] == "discovery") {
            continue;
        }
        let wanted = found.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
        let ready = found.pointer("/status/readyReplicas").and_then(Value::as_i64).unwrap_or(0);
        if ready < wanted {
            return Ok(Some(format!("{}: {ready} of {wanted} ready", found["metadata"]["name"])));
        }
        if wanted > 0 {
            revisions.push(found["metadata"]["labels"]["istio.io/rev"].clone());
        }
    }
    for kind in WEBHOOKS {
        for found in list("admissionregistration.k8s.io", kind).await?.items.iter().filter_map(value) {
            if !revisions.contains(&found["metadata"]["labels"]["istio.io/rev"]) {
                continue;
            }
            let mut bundles = found["webhooks"].as_array().into_iter().flatten();
            if !bundles.all(|webhook| webhook["clientConfig"]["caBundle"] == bundle) {
                return Ok(Some(format!("{} has another caBundle", found["metadata"]["name"])));
            }
        }
    }
    Ok(None)
}

fn value(object: &DynamicObject) -> Option<Value> {
    serde_json::to_value(object).ok()
}
