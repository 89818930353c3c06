//! A running cluster, from outside.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;

use crate::error::ClusterError;
use crate::parts::{Parts, version};
use crate::pods::{PodsAre, stages};
use crate::supervise::{DONE, ORDERS, READY, SOCKET};
use crate::{certificates, gate};

/// Time that a cluster may take to come up on a loaded machine.
const UP_SECONDS_MAX: u64 = 300;
/// Between two looks at whether it is up.
const LOOK: Duration = Duration::from_millis(50);
/// Time that a cluster's processes have to end.
const DOWN_SECONDS_MAX: u64 = 10;

/// What a cluster is like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Nodes, each with room for 500 pods.
    pub nodes: usize,
    /// How pods behave that say nothing of it.
    pub pods: PodsAre,
    /// Program and first arguments that call [`crate::supervise`] with the folder as last argument; default:
    /// the binary `meshlift-cluster` beside the running program.
    pub supervisor: Option<Vec<OsString>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { nodes: 4, pods: PodsAre::default(), supervisor: None }
    }
}

/// A real control plane. It ends when this is dropped, or when this process ends in any other way.
pub struct Cluster {
    folder: tempfile::TempDir,
    child: Child,
    client: Client,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("folder", &self.folder.path()).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Brings a cluster up: parts (built if need be), namespaces, certificates, nodes.
    ///
    /// # Errors
    /// Where any of it fails: the error says which part and shows the end of its log.
    pub async fn up(options: Options) -> Result<Self, ClusterError> {
        let parts = Parts::built()?;
        let folder = tempfile::Builder::new()
            .prefix("meshlift-cluster-")
            .tempdir()
            .map_err(ClusterError::file(std::env::temp_dir()))?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(ClusterError::file("127.0.0.1:0"))?;
        let port = listener.local_addr().map_err(ClusterError::file("127.0.0.1:0"))?.port();
        write_files(folder.path(), &options, port)?;
        let mut child = start(folder.path(), &parts, &options)?;
        wait(folder.path(), &mut child).await?;
        let socket = folder.path().join(SOCKET);
        thread::spawn(move || gate::outside(&listener, socket));
        let client = client(&folder.path().join("kubeconfig")).await?;
        let cluster = Self { folder, child, client };
        cluster.add_nodes(options.nodes).await?;
        Ok(cluster)
    }

    /// A client with all rights.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Kubeconfig with all rights, for other programs on this machine.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Folder with certificates, logs (`PART.log`) and the API server's audit log (`audit.log`).
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Command that runs a program among the cluster's processes and in its network, where every pod's address
    /// is local and the API server is reached by [`Cluster::kubeconfig_inside`]. The program ends with the
    /// cluster; killing the command alone does not end it.
    ///
    /// # Errors
    /// Where the cluster is not up any more.
    pub fn inside(&self, program: impl AsRef<OsStr>) -> Result<Command, ClusterError> {
        let ready = self.folder.path().join(READY);
        let supervisor = fs::read_to_string(&ready).map_err(ClusterError::file(&ready))?;
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", supervisor.trim()));
        if !is_root_outside() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.args(["--net", "--pid", "--"]).arg(program);
        Ok(command)
    }

    /// Kubeconfig of whoever has that token, for other programs on this machine.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn kubeconfig_of(&self, name: &str, token: &str) -> Result<PathBuf, ClusterError> {
        let admin = self.kubeconfig();
        let text = fs::read_to_string(&admin).map_err(ClusterError::file(&admin))?;
        let failed = |error: serde_json::Error| ClusterError::Failed {
            command: "kubeconfig".to_owned(),
            said: error.to_string(),
        };
        let mut config: serde_json::Value = serde_json::from_str(&text).map_err(failed)?;
        config["users"][0]["user"] = json!({"token": token});
        let path = self.folder.path().join(format!("{name}.kubeconfig"));
        fs::write(&path, config.to_string()).map_err(ClusterError::file(&path))?;
        Ok(path)
    }

    /// Kubeconfig with all rights, for programs inside.
    #[must_use]
    pub fn kubeconfig_inside(&self) -> PathBuf {
        self.folder.path().join("inside.kubeconfig")
    }

    /// Kills the API server and starts it again; returns when it is ready.
    ///
    /// # Errors
    /// Where it does not come up.
    pub fn restart_api_server(&self) -> Result<(), ClusterError> {
        self.order("restart kube-apiserver")
    }

    /// Does something to a part: `stop`, `restart`, `freeze` or `thaw`, and the name of its binary, such as
    /// `freeze etcd`.
    ///
    /// # Errors
    /// Where there is no such order or part, or it failed.
    pub fn order(&self, order: &str) -> Result<(), ClusterError> {
        let socket = self.folder.path().join(ORDERS);
        let mut stream = UnixStream::connect(&socket).map_err(ClusterError::file(&socket))?;
        let mut said = String::new();
        let asked = stream
            .write_all(format!("{order}\n").as_bytes())
            .and_then(|()| stream.shutdown(Shutdown::Write))
            .and_then(|()| stream.read_to_string(&mut said));
        asked.map_err(ClusterError::file(&socket))?;
        if said == DONE {
            return Ok(());
        }
        Err(ClusterError::Failed { command: order.to_owned(), said })
    }

    async fn add_nodes(&self, count: usize) -> Result<(), ClusterError> {
        let nodes: Api<Node> = Api::all(self.client());
        let kubelet = format!("v{}", version()?);
        for number in 1..=count {
            let created = nodes.create(&PostParams::default(), &node(number, &kubelet)).await;
            let api = |source| ClusterError::Api { what: format!("node-{number}"), source: Box::new(source) };
            created.map_err(api)?;
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The supervisor ends with its stdin, its process namespace with it.
        drop(self.child.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(DOWN_SECONDS_MAX);
        while self.child.try_wait().ok().flatten().is_none() {
            if Instant::now() >= deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            thread::sleep(LOOK);
        }
    }
}

fn write_files(folder: &Path, options: &Options, port: u16) -> Result<(), ClusterError> {
    certificates::write(folder)?;
    certificates::kubeconfig(folder, "admin", "kubeconfig", port)?;
    certificates::kubeconfig(folder, "admin", "inside.kubeconfig", 6443)?;
    certificates::kubeconfig(folder, "controller-manager", "controller-manager.kubeconfig", 6443)?;
    certificates::kubeconfig(folder, "scheduler", "scheduler.kubeconfig", 6443)?;
    let audit = json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata"}],
    });
    let put = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(ClusterError::file(&path))
    };
    put("audit-policy.json", audit.to_string())?;
    let stages = stages(options.pods);
    let documents: Vec<String> = stages.as_array().into_iter().flatten().map(ToString::to_string).collect();
    put("stages.json", documents.join("\n---\n"))
}

fn start(folder: &Path, parts: &Parts, options: &Options) -> Result<Child, ClusterError> {
    let supervisor = match &options.supervisor {
        Some(supervisor) => supervisor.clone(),
        None => vec![beside(), "supervise".into()],
    };
    let log = folder.join("supervisor.log");
    let err = fs::File::create(&log).map_err(ClusterError::file(&log))?;
    let mut command = Command::new("unshare");
    // Who is not root becomes root in a user namespace: only there may it have a network of its own.
    if !is_root_outside() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--net", "--pid", "--fork", "--kill-child=SIGKILL", "--"]);
    command.args(supervisor).arg(folder).arg(parts.folder());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(err);
    let hint = "install util-linux; namespaces must be allowed to whoever runs the tests";
    command.spawn().map_err(|source| ClusterError::Start { command: "unshare".to_owned(), hint, source })
}

/// True where this process may make a network namespace without a user namespace.
fn is_root_outside() -> bool {
    // `/proc/self` belongs to the effective user.
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    // Root of a container may lack the right.
    is_root && Command::new("unshare").args(["--net", "true"]).output().is_ok_and(|ran| ran.status.success())
}

/// The supervisor beside this program: tests lie one folder deeper.
fn beside() -> OsString {
    let exe = std::env::current_exe().unwrap_or_default();
    let folders = exe.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join("meshlift-cluster")).find(|path| path.is_file());
    found.unwrap_or_else(|| PathBuf::from("meshlift-cluster")).into_os_string()
}

async fn wait(folder: &Path, child: &mut Child) -> Result<(), ClusterError> {
    let deadline = Instant::now() + Duration::from_secs(UP_SECONDS_MAX);
    while !folder.join(READY).is_file() {
        let ended = child.try_wait().ok().flatten().is_some();
        if ended || Instant::now() >= deadline {
            let said = fs::read_to_string(folder.join("supervisor.log")).unwrap_or_default();
            let said = format!("{} (tests need network and process namespaces)", said.trim());
            return Err(ClusterError::Failed { command: "unshare".to_owned(), said });
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

pub(crate) async fn client(kubeconfig: &Path) -> Result<Client, ClusterError> {
    let read = Kubeconfig::read_from(kubeconfig).map_err(Box::new)?;
    let config =
        Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await.map_err(Box::new)?;
    Client::try_from(config)
        .map_err(|source| ClusterError::Api { what: "a client".to_owned(), source: Box::new(source) })
}

/// A node with a real kubelet's version: with any other, istiod falls back to classic sidecars.
fn node(number: usize, kubelet: &str) -> Node {
    let room = json!({"cpu": "64", "memory": "256Gi", "pods": "500"});
    let node = json!({
        "metadata": {
            "name": format!("node-{number}"),
            "labels": {
                "kubernetes.io/hostname": format!("node-{number}"),
                "kubernetes.io/os": "linux",
                "topology.kubernetes.io/zone": format!("zone-{}", number % 3),
            },
        },
        "status": {
            "allocatable": room,
            "capacity": room,
            "nodeInfo": {
                "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "containerd://2.1.4",
                "kernelVersion": "6.12", "kubeProxyVersion": "", "kubeletVersion": kubelet,
                "machineID": "", "operatingSystem": "linux", "osImage": "test", "systemUUID": "",
            },
        },
    });
    serde_json::from_value(node).unwrap_or_default()
}
