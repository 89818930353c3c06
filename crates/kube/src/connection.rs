//! The way to a cluster: kubeconfig or service account, client, runtime.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::runtime::{Builder, Runtime};

/// Threads that requests run on: they wait for the network, and answers are decoded beside each other.
const THREADS: usize = 2;

/// Which cluster is meant, in kubectl's terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// `--kubeconfig`; default: `KUBECONFIG`, `~/.kube/config`, then the pod's service account.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`; default: the current one.
    pub context: Option<String>,
}

/// Why there is no way to the cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No configuration, or one that does not fit.
    #[error("no cluster is configured")]
    Config {
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The client could not be made.
    #[error("no client for the cluster could be made")]
    Client {
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Threads could not be started.
    #[error("no threads for requests could be started")]
    Threads {
        /// What happened.
        #[from]
        source: std::io::Error,
    },
}

/// A client with the runtime that its requests run on.
#[derive(Clone)]
pub struct Connection {
    runtime: Arc<Runtime>,
    client: Client,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Connection {
    /// Finds the cluster as kubectl does. Nothing is asked of it yet.
    ///
    /// # Errors
    /// Where no configuration is found or it cannot be used.
    pub fn open(access: &Access) -> Result<Self, ConnectError> {
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
        let client = runtime.block_on(async {
            let mut config = config(access).await?;
            // The client would send writes again too, for minutes, on 429 and 5xx: whoever asks decides about that.
            config.default_retry = false;
            Client::try_from(config).map_err(|source| ConnectError::Client { source: Box::new(source) })
        })?;
        Ok(Self { runtime: Arc::new(runtime), client })
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Runs requests to their end. Not to be called from within a request.
    pub fn wait<F: Future>(&self, requests: F) -> F::Output {
        self.runtime.block_on(requests)
    }

    /// The runtime, for whatever goes on beside.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

async fn config(access: &Access) -> Result<Config, ConnectError> {
    let boxed = |source| ConnectError::Config { source };
    let options = KubeConfigOptions { context: access.context.clone(), ..KubeConfigOptions::default() };
    match &access.kubeconfig {
        Some(path) => {
            let read = Kubeconfig::read_from(path).map_err(|source| boxed(Box::new(source)))?;
            Config::from_custom_kubeconfig(read, &options).await.map_err(|source| boxed(Box::new(source)))
        }
        None if access.context.is_some() => {
            Config::from_kubeconfig(&options).await.map_err(|source| boxed(Box::new(source)))
        }
        None => Config::infer().await.map_err(|source| boxed(Box::new(source))),
    }
}
