//! The way to a cluster: kubeconfig or service account, client, runtime.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tokio::runtime::{Builder, Runtime};

use crate::line::Way;

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
    /// Neither a kubeconfig nor a service account.
    #[error("no cluster is configured: there is no kubeconfig, and this is no pod of a cluster")]
    NoCluster {
        /// What happened to the kubeconfig.
        source: KubeconfigError,
    },
    /// The kubeconfig is not there or does not fit.
    #[error("{place} cannot be used")]
    Kubeconfig {
        /// The file, or all of them.
        place: String,
        /// What happened.
        source: KubeconfigError,
    },
    /// The kubeconfig has no such context.
    #[error("{place} has no context `{name}`; it has {known}")]
    Context {
        /// The file, or all of them.
        place: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The client could not be made: certificates or keys that cannot be read.
    #[error("the credentials for {server} cannot be used")]
    Client {
        /// Address of the API server.
        server: String,
        /// What happened.
        source: Box<kube::Error>,
    },
    /// Threads could not be started.
    #[error("no threads for requests could be started")]
    Threads {
        /// What happened.
        #[from]
        source: std::io::Error,
    },
}

impl ConnectError {
    /// Stable code, for `meshlift explain`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoCluster { .. } => "ML9502",
            Self::Kubeconfig { .. } | Self::Context { .. } | Self::Client { .. } => "ML9701",
            Self::Threads { .. } => "ML9707",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoCluster { .. } => {
                "give --kubeconfig FILE for a live cluster, --snapshot PATH for a recording of your mesh \
                 (README: \"Your own mesh\"), or --demo for the built-in one"
            }
            Self::Kubeconfig { .. } | Self::Client { .. } => {
                "check that `kubectl version` answers with the same --kubeconfig and --context; without a cluster, \
                 --snapshot PATH reads a recording and --demo the built-in one"
            }
            Self::Context { .. } => {
                "give one of them with --context; `kubectl config get-contexts` lists them"
            }
            Self::Threads { .. } => "check the limits on processes (ulimit -u)",
        }
    }
}

/// What requests say of their sender.
const OURS: &str = concat!("meshlift/", env!("CARGO_PKG_VERSION"));

/// A client with the runtime that its requests run on.
#[derive(Clone)]
pub struct Connection {
    runtime: Arc<Runtime>,
    client: Client,
    server: String,
    way: Way,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Connection {
    /// Finds the cluster as kubectl does. Nothing is asked of it yet.
    ///
    /// # Errors
    /// Where no configuration is found or it cannot be used.
    pub fn open(access: &Access) -> Result<Self, ConnectError> {
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
        let (client, server, way) = runtime.block_on(async {
            let (mut config, way) = config(access).await?;
            // The client would send writes again too, for minutes, on 429 and 5xx: whoever asks decides about that.
            config.default_retry = false;
            // The audit log tells whoever looks what it was that asked.
            config.headers.push((USER_AGENT, HeaderValue::from_static(OURS)));
            let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
            let client = Client::try_from(config).map_err(|source| ConnectError::Client {
                server: server.clone(),
                source: Box::new(source),
            })?;
            Ok::<_, ConnectError>((client, server, way))
        })?;
        Ok(Self { runtime: Arc::new(runtime), client, server, way })
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Address of the API server, for people.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// How pods are reached from here.
    #[must_use]
    pub fn way(&self) -> Way {
        self.way
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

async fn config(access: &Access) -> Result<(Config, Way), ConnectError> {
    let place = access
        .kubeconfig
        .as_ref()
        .map_or_else(|| "the kubeconfig".to_owned(), |path| format!("the kubeconfig {}", path.display()));
    let read = access.kubeconfig.as_ref().map_or_else(Kubeconfig::read, Kubeconfig::read_from);
    let failed = |source| ConnectError::Kubeconfig { place: place.clone(), source };
    let read = match read {
        Ok(read) => read,
        // Without any flag, a pod of the cluster needs no kubeconfig.
        Err(source) if access.kubeconfig.is_none() && access.context.is_none() => {
            return match Config::incluster_env() {
                Ok(config) => Ok((config, Way::Direct)),
                Err(_) if is_missing(&source) => Err(ConnectError::NoCluster { source }),
                Err(_) => Err(failed(source)),
            };
        }
        Err(source) => return Err(failed(source)),
    };
    if let Some(name) = &access.context
        && !read.contexts.iter().any(|context| context.name == *name)
    {
        let known: Vec<&str> = read.contexts.iter().map(|context| context.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(ConnectError::Context { place, name: name.clone(), known });
    }
    let options = KubeConfigOptions { context: access.context.clone(), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(read, &options).await.map_err(failed)?;
    Ok((config, Way::PortForward))
}

/// True where there is simply no file.
fn is_missing(error: &KubeconfigError) -> bool {
    match error {
        KubeconfigError::FindPath => true,
        KubeconfigError::ReadConfig(source, _) => source.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}
