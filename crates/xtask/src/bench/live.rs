//! `check` of a live API server against `curl` that lists the same kinds, in one run.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use meshlift_cluster::{Cluster, Options};
use meshlift_model::k8s::{KINDS, Pod, Resource};
use meshlift_model::snapshot::Snapshot;

use super::{enlarge, measure};

/// Pods of one node: the fake nodes take 500.
const PODS_PER_NODE: usize = 400;
/// Kinds that are not loaded: nobody serves these webhooks, and quotas of the recording are for the recording.
const LEFT_OUT: [&str; 3] = [
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
    "resourcequotas",
];
/// Longest that pods are waited for, and the pause between two looks.
const UP: Duration = Duration::from_secs(900);
const LOOK: Duration = Duration::from_secs(2);
/// Runs of each; the fastest counts.
const RUNS: usize = 3;
/// Bytes of a page in which its metadata stands.
const HEAD_BYTES: usize = 2048;

/// Measures both on a real control plane with so many pods at least.
pub(super) fn run(binary: &Path, pods: usize) -> Result<String, String> {
    super::cargo(&["build", "--quiet", "--package", "meshlift-cluster"])?;
    let real = meshlift_snapshot::demo().map_err(|error| error.to_string())?;
    let large = injected(enlarge(&real, pods.div_ceil(real.objects.pods.len().max(1))));
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let options = Options { nodes: pods / PODS_PER_NODE + 2, ..Options::default() };
    let said = |error: meshlift_cluster::ClusterError| format!("{error}");
    let cluster = runtime.block_on(Cluster::up(options)).map_err(said)?;
    runtime.block_on(cluster.load(&large, &LEFT_OUT)).map_err(said)?;
    let curl = Curl::new(&cluster)?;
    let running = until_running(&curl, pods)?;
    let kubeconfig = cluster.kubeconfig();
    let arguments = ["check", "--to", "1.30.3", "--kubeconfig", kubeconfig.to_str().unwrap_or_default()];
    let (mut lists, mut checks, mut peak) = (Vec::new(), Vec::new(), 0);
    for _ in 0..RUNS {
        lists.push(curl.all_kinds()?);
        let check = measure(binary, &arguments)?;
        checks.push(check.time);
        peak = check.peak_kilobytes.max(peak);
    }
    let fastest = |times: &[Duration]| times.iter().min().map_or(0.0, Duration::as_secs_f64);
    let (list, check) = (fastest(&lists), fastest(&checks));
    Ok(format!(
        "live mesh: {running} running pods\ncurl, limit=500, one kind after another  {list:>6.2} s\n\
         check                                    {check:>6.2} s  {:.2} times curl  peak {} MB\n",
        check / list,
        peak / 1024
    ))
}

/// The mesh whose workloads make pods as injection left the recorded ones: no injector is needed.
fn injected(mut mesh: Snapshot) -> Snapshot {
    let pods = mesh.objects.pods.clone();
    for deployment in &mut mesh.objects.deployments {
        let selector = deployment.spec.selector.clone();
        let own = |pod: &&Pod| {
            pod.metadata.namespace == deployment.metadata.namespace && selector.matches(&pod.metadata.labels)
        };
        if let Some(pod) = pods.iter().find(own) {
            let template = &mut deployment.spec.template;
            template.metadata.annotations.clone_from(&pod.metadata.annotations);
            template.spec = pod.spec.clone();
            template.spec.node_name.clear();
        }
    }
    mesh
}

/// Plain requests as the cluster's administrator.
struct Curl {
    server: String,
    certificates: Vec<(&'static str, String)>,
}

impl Curl {
    fn new(cluster: &Cluster) -> Result<Self, String> {
        let text = std::fs::read_to_string(cluster.kubeconfig()).map_err(|error| error.to_string())?;
        let config: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let field = |place: &str| {
            let found = config.pointer(place).and_then(serde_json::Value::as_str);
            found.map(str::to_owned).ok_or_else(|| format!("the kubeconfig has no {place}"))
        };
        let certificates = vec![
            ("--cacert", field("/clusters/0/cluster/certificate-authority")?),
            ("--cert", field("/users/0/user/client-certificate")?),
            ("--key", field("/users/0/user/client-key")?),
        ];
        Ok(Self { server: field("/clusters/0/cluster/server")?, certificates })
    }

    /// One page, as it came.
    fn page(&self, path: &str) -> Result<Vec<u8>, String> {
        let arguments = self.certificates.iter().flat_map(|(flag, path)| [*flag, path.as_str()]);
        let output = Command::new("curl")
            .args(["--silent", "--show-error"])
            .args(arguments)
            .arg(format!("{}{path}", self.server))
            .output()
            .map_err(|error| format!("curl: {error}"))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(format!("curl {path}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }

    /// Every page of a kind; `look` sees each.
    fn list(&self, path: &str, look: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        let mut next = String::new();
        loop {
            let page = self.page(&format!("{path}?limit=500&continue={next}"))?;
            look(&page);
            let head = String::from_utf8_lossy(&page[..page.len().min(HEAD_BYTES)]).into_owned();
            match head.split_once("\"continue\":\"").and_then(|(_, rest)| rest.split_once('"')) {
                Some((token, _)) if !token.is_empty() => token.clone_into(&mut next),
                _ => return Ok(()),
            }
        }
    }

    /// Every kind that meshlift reads, one after another; how long it took.
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
    fn all_kinds(&self) -> Result<Duration, String> {
        let start = Instant::now();
        for kind in KINDS.iter().filter(|kind| kind.resource != "secrets") {
            let root = if kind.api_version.contains('/') { "apis" } else { "api" };
            let plural = kind.resource.split('.').next().unwrap_or(kind.resource);
            self.list(&format!("/{root}/{}/{plural}", kind.api_version), &mut |_| ())?;
        }
        Ok(start.elapsed())
    }
}

#[expect(clippy::disallowed_methods, reason = "pods of a real cluster take time to start")]
fn until_running(curl: &Curl, wanted: usize) -> Result<usize, String> {
    let deadline = Instant::now() + UP;
    loop {
        let mut running = 0;
        curl.list(&format!("/api/{}/{}", Pod::API_VERSION, Pod::RESOURCE), &mut |page| {
            running += String::from_utf8_lossy(page).matches("\"phase\":\"Running\"").count();
        })?;
        if running >= wanted {
            return Ok(running);
        }
        if Instant::now() >= deadline {
            return Err(format!("{running} of {wanted} pods run after {} s", UP.as_secs()));
        }
        std::thread::sleep(LOOK);
    }
}
