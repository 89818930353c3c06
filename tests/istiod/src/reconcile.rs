//! Keeps listeners, links, caBundles, roots and port-forwards as the mirror demands.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use meshlift_model::k8s::Pod;
use tokio::task::JoinSet;

use crate::bundle;
use crate::error::StandinError;
use crate::mirror::{Key, key};
use crate::proxies::{Accepting, Proxies};
use crate::serve::{Place, Secrets, serve};
use crate::shared::Shared;

/// Changes that come together are looked at together.
const QUIET: Duration = Duration::from_millis(10);
/// Pause after a write that failed.
const PAUSE: Duration = Duration::from_millis(200);

/// An istiod that is served; dropping it closes its ports and connections.
struct Served {
    uid: String,
    _tasks: JoinSet<()>,
}

/// Runs for ever.
pub(crate) async fn reconcile(shared: Shared) {
    let mut changes = shared.changes();
    let mut served: BTreeMap<Key, Served> = BTreeMap::new();
    let mut proxies = Proxies::default();
    loop {
        changes.borrow_and_update();
        if shared.mirror().is_complete()
            && let Err(error) = turn(&shared, &mut served, &mut proxies).await
        {
            eprintln!(
                "{error}: {}",
                std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default()
            );
            tokio::time::sleep(PAUSE).await;
            shared.touch();
        }
        if changes.changed().await.is_err() {
            return;
        }
        tokio::time::sleep(QUIET).await;
    }
}

async fn turn(
    shared: &Shared,
    served: &mut BTreeMap<Key, Served>,
    proxies: &mut Proxies,
) -> Result<(), StandinError> {
    let wanted: BTreeMap<Key, (Pod, String)> = {
        let mirror = shared.mirror();
        mirror.istiods().map(|(pod, revision)| (key(pod), (pod.clone(), revision))).collect()
    };
    served.retain(|key, own| {
        wanted
            .get(key)
            .is_some_and(|(pod, revision)| pod.metadata.uid == own.uid && !shared.behaviour(revision).refuses)
    });
    let mut failed = Ok(());
    for (key, (pod, revision)) in &wanted {
        if served.contains_key(key) || shared.behaviour(revision).refuses {
            continue;
        }
        let Ok(address) = pod.status.pod_ip.parse() else { continue };
        // An address that is not free yet (the pod before is on its way out) keeps no other istiod waiting.
        match begin(shared, pod, revision, address).await {
            Ok(tasks) => {
                drop(served.insert(key.clone(), Served { uid: pod.metadata.uid.clone(), _tasks: tasks }))
            }
            Err(error) => failed = Err(error),
        }
    }
    let accepting = wanted
        .iter()
        .filter(|(key, (pod, _))| served.contains_key(*key) && pod.metadata.deletion_timestamp.is_none());
    let accepting: Vec<Accepting> = accepting
        .map(|(key, (pod, revision))| Accepting {
            pod: key.clone(),
            address: pod.status.pod_ip.to_string(),
            revision: revision.clone(),
        })
        .collect();
    proxies.update(shared, &accepting);
    let root = shared.authority().root();
    let due = bundle::due(&shared.mirror(), &root);
    for write in due {
        bundle::write(shared.client(), &write, &root).await?;
    }
    failed
}

/// Serves an istiod at its address, and lets port-forwards reach it.
async fn begin(
    shared: &Shared,
    pod: &Pod,
    revision: &str,
    address: IpAddr,
) -> Result<JoinSet<()>, StandinError> {
    let tls = |protocols| shared.authority().tls(revision, &pod.metadata.namespace, protocols);
    let secrets = Secrets { webhooks: tls(&[])?, ads: tls(&["h2"])? };
    let place = Place { shared: shared.clone(), istiod: key(pod), address };
    let tasks = serve(&place, &secrets).await.map_err(StandinError::io(&pod.status.pod_ip))?;
    bundle::forward(shared.client(), pod).await?;
    Ok(tasks)
}
