//! Watches the API while a run goes on: how few ready endpoints each Service ever had, and pods without a sidecar, or
//! with more than one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::{Client, ResourceExt};
use serde::de::DeserializeOwned;

/// Label that says whose endpoints a slice holds.
const SERVICE: &str = "kubernetes.io/service-name";

/// What was seen since the last look.
#[derive(Debug, Default)]
struct Seen {
    /// Ready endpoints now, by slice, and the Service of each.
    slices: BTreeMap<String, (String, usize)>,
    /// Fewest ready endpoints, by `NAMESPACE/SERVICE`.
    fewest: BTreeMap<String, usize>,
    wrong: Vec<String>,
    pods: usize,
}

/// Watches until it is dropped.
pub(crate) struct Watcher {
    seen: Arc<Mutex<Seen>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Watcher {
    /// Watches these namespaces, in which every pod is due a sidecar.
    pub(crate) fn start(client: &Client, runtime: &tokio::runtime::Runtime, namespaces: &[String]) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut tasks = Vec::new();
        for namespace in namespaces {
            let (pods, slices) = (Arc::clone(&seen), Arc::clone(&seen));
            let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
            tasks.push(runtime.spawn(follow(api, move |pod, _| pods.lock().unwrap().pod(&pod))));
            let api: Api<EndpointSlice> = Api::namespaced(client.clone(), namespace);
            let look = move |slice, gone| slices.lock().unwrap().slice(&slice, gone);
            tasks.push(runtime.spawn(follow(api, look)));
        }
        Self { seen, tasks }
    }

    /// Everything since the start: each Service kept as many ready endpoints as announced, each pod one sidecar.
    pub(crate) fn check(&self, announced: &BTreeMap<String, usize>) {
        let seen = self.seen.lock().unwrap();
        assert!(seen.wrong.is_empty(), "{:#?}", seen.wrong);
        assert!(seen.pods > 10, "it was blind: {} changes of pods", seen.pods);
        for (service, least) in announced {
            let fewest = seen.fewest.get(service).copied();
            assert!(fewest >= Some(*least), "{service}: {fewest:?} ready endpoints, {least} were announced");
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Seen {
    fn pod(&mut self, pod: &Pod) {
        self.pods += 1;
        let spec = pod.spec.as_ref().unwrap();
        let all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
        let proxies = all.filter(|container| container.name == "istio-proxy").count();
        let injected = pod.annotations().contains_key("sidecar.istio.io/status");
        if proxies != 1 || !injected {
            self.wrong.push(format!("{}: {proxies} sidecars, injected: {injected}", pod.name_any()));
        }
    }

    fn slice(&mut self, slice: &EndpointSlice, gone: bool) {
        let Some(service) = slice.labels().get(SERVICE) else { return };
        let service = format!("{}/{service}", slice.namespace().unwrap());
        let ready = slice.endpoints.iter().filter(|one| {
            !gone && one.conditions.as_ref().is_some_and(|conditions| conditions.ready == Some(true))
        });
        self.slices.insert(slice.name_any(), (service.clone(), ready.count()));
        let now = self.slices.values().filter(|(of, _)| *of == service).map(|(_, ready)| ready).sum();
        let fewest = self.fewest.entry(service).or_insert(now);
        *fewest = now.min(*fewest);
    }
}

/// Hands every state of every object over, and whether it is gone; begins anew where a watch ends.
async fn follow<K>(api: Api<K>, look: impl Fn(K, bool))
where
    K: Clone + DeserializeOwned + std::fmt::Debug + kube::Resource,
{
    loop {
        let Ok(list) = api.list(&ListParams::default()).await else { continue };
        let version = list.metadata.resource_version.clone().unwrap_or_default();
        list.items.into_iter().for_each(|one| look(one, false));
        let Ok(events) = api.watch(&WatchParams::default(), &version).await else { continue };
        let mut events = std::pin::pin!(events);
        while let Some(Ok(event)) = events.next().await {
            match event {
                WatchEvent::Added(one) | WatchEvent::Modified(one) => look(one, false),
                WatchEvent::Deleted(one) => look(one, true),
                WatchEvent::Bookmark(_) | WatchEvent::Error(_) => {}
            }
        }
    }
}
