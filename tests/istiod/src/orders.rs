//! The process, and the socket on which it takes orders: one line of JSON each, answered by `done` or an error.

use std::path::Path;
use std::time::{Duration, Instant};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use meshlift_model::k8s::{
    ConfigMap, MutatingWebhookConfiguration, Namespace, Node, Pod, ValidatingWebhookConfiguration,
};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::behaviour::Behaviours;
use crate::certificates::Authority;
use crate::error::StandinError;
use crate::mirror::Key;
use crate::reconcile::reconcile;
use crate::shared::Shared;
use crate::watch::follow;

/// Time that proxies have to answer a push.
const SHOWN_MAX: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// What the process may be told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Order {
    /// From now on, behave like this, by revision.
    Behave(Behaviours),
    /// Say how many proxies are connected.
    Proxies,
    /// Say the root's certificate.
    Root,
}

/// The process: returns when stdin ends.
///
/// # Errors
/// Where it cannot start.
pub fn run(kubeconfig: &Path, socket: &Path) -> Result<(), StandinError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(StandinError::io("tokio"))?.block_on(serve(kubeconfig, socket))
}

async fn serve(kubeconfig: &Path, socket: &Path) -> Result<(), StandinError> {
    let shared = Shared::new(client(kubeconfig).await?, Authority::new()?);
    let client = shared.client().clone();
    tokio::spawn(follow::<Pod>(client.clone(), shared.clone()));
    tokio::spawn(follow::<Node>(client.clone(), shared.clone()));
    tokio::spawn(follow::<Namespace>(client.clone(), shared.clone()));
    tokio::spawn(follow::<ConfigMap>(client.clone(), shared.clone()));
    tokio::spawn(follow::<MutatingWebhookConfiguration>(client.clone(), shared.clone()));
    tokio::spawn(follow::<ValidatingWebhookConfiguration>(client, shared.clone()));
    tokio::spawn(reconcile(shared.clone()));
    let listener = UnixListener::bind(socket).map_err(StandinError::io(socket.display()))?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Err(error) = obey(stream, &shared).await {
                eprintln!("an order: {error}");
            }
        }
    });
    // Whoever started this holds the other end and never writes.
    let ended = std::thread::spawn(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    let _ = tokio::task::spawn_blocking(move || ended.join()).await;
    Ok(())
}

async fn client(kubeconfig: &Path) -> Result<Client, StandinError> {
    let failed = |said: String| StandinError::Failed { what: kubeconfig.display().to_string(), said };
    let read = Kubeconfig::read_from(kubeconfig).map_err(|error| failed(error.to_string()))?;
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
    Client::try_from(config.map_err(|error| failed(error.to_string()))?)
        .map_err(StandinError::api("a client"))
}

async fn obey(stream: UnixStream, shared: &Shared) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let said = match serde_json::from_str(&line) {
        Ok(Order::Behave(behaviours)) => {
            let push = shared.behave(behaviours);
            until_proxies_show_it(shared, push).await
        }
        Ok(Order::Proxies) => shared.clients().proxies().to_string(),
        Ok(Order::Root) => shared.authority().root(),
        Err(error) => format!("not understood: {error}"),
    };
    stream.get_mut().write_all(said.as_bytes()).await
}

/// Waits until every proxy got the push, and said what it is told to say.
async fn until_proxies_show_it(shared: &Shared, push: u64) -> String {
    let began = Instant::now();
    while !proxies_show_it(shared, push) {
        if began.elapsed() > SHOWN_MAX {
            return "proxies did not answer a push in time".to_owned();
        }
        tokio::time::sleep(LOOK).await;
    }
    "done".to_owned()
}

fn proxies_show_it(shared: &Shared, push: u64) -> bool {
    let behaviour = |istiod: &Key| shared.istiod(istiod).map(|(_, revision)| shared.behaviour(&revision));
    // Proxies of an istiod that is gone or refuses are about to be gone.
    let speaks = |istiod: &Key| behaviour(istiod).is_some_and(|one| !one.refuses);
    let answers = |istiod: &Key| behaviour(istiod).is_some_and(|one| !one.refuses && !one.proxies_are_stale);
    let clients = shared.clients();
    clients.got(push, speaks) && clients.answered(answers)
}

/// Sends an order and returns what the process says.
pub(crate) async fn ask(socket: &Path, order: &Order) -> Result<String, StandinError> {
    let failed = || StandinError::io(socket.display());
    let mut line = serde_json::to_string(order).unwrap_or_default();
    line.push('\n');
    let mut stream = UnixStream::connect(socket).await.map_err(failed())?;
    stream.write_all(line.as_bytes()).await.map_err(failed())?;
    let mut said = String::new();
    stream.read_to_string(&mut said).await.map_err(failed())?;
    Ok(said)
}
