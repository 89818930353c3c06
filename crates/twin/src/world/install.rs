//! What an installer applies: CRDs, and the objects of a revision.

use meshlift_model::effect::Outcome;
use meshlift_model::k8s::{CustomResourceDefinition, MutatingWebhookConfiguration, Object, Resource};
use meshlift_model::manifest::Manifest;
use meshlift_views::install;

use super::changes::unsupported;
use super::tags::apply;
use super::{TwinWorld, done, failed};
use crate::error::ApiError;
use crate::store::Store;

impl TwinWorld {
    fn manifest(&self, digest: &str) -> Result<&Manifest, Outcome> {
        match &self.manifest {
            Some(manifest) if manifest.digest == digest => Ok(manifest),
            Some(manifest) => Err(unsupported(format!(
                "this world was given manifest {}, the plan wants {digest}",
                manifest.digest
            ))),
            None => Err(unsupported("this world was given no manifest to install")),
        }
    }

    pub(super) fn apply_crds(&mut self, digest: &str) -> Outcome {
        let crds = match self.manifest(digest) {
            Ok(manifest) => manifest.objects.crds.clone(),
            Err(outcome) => return outcome,
        };
        for crd in crds {
            if let Err(error) = apply_crd(&mut self.twin.cluster.store, crd) {
                return failed(error);
            }
        }
        done()
    }

    pub(super) fn install_revision(&mut self, digest: &str, replicas_min: i32) -> Outcome {
        let manifest = match self.manifest(digest) {
            Ok(manifest) => manifest.clone(),
            Err(outcome) => return outcome,
        };
        let store = &mut self.twin.cluster.store;
        let mut objects: Vec<Object> = manifest
            .objects
            .to_vec()
            .into_iter()
            .filter(|object| install::is_of_revision(object.info().kind, object.meta(), &manifest.revision))
            .collect();
        objects.sort_by_key(|object| install::comes_last(object.info().kind));
        for mut object in objects {
            install::label(object.meta_mut(), &manifest);
            hold_replicas(&mut object, store, replicas_min);
            if let Err(error) = apply_own(store, object) {
                return failed(error);
            }
        }
        done()
    }
}

/// Creates a CRD, or serves the versions that it adds. Versions that objects are stored in stay.
fn apply_crd(store: &mut Store, crd: CustomResourceDefinition) -> Result<(), ApiError> {
    let name = crd.metadata.name.clone();
    let stored: Vec<String> = crd
        .spec
        .versions
        .iter()
        .filter(|version| version.storage)
        .map(|version| version.name.clone())
        .collect();
    let target = crd.object_ref();
    if store.object(&target).is_some() {
        store.patch("", &name, |live: &mut CustomResourceDefinition| live.spec = crd.spec)?;
    } else {
        store.create(crd)?;
    }
    store
        .patch_status("", &name, |live: &mut CustomResourceDefinition| {
            for version in stored {
                if !live.status.stored_versions.contains(&version) {
                    live.status.stored_versions.push(version);
                }
            }
        })
        .map(drop)
}

/// istiod has so many replicas at least; an autoscaler that runs already owns them.
fn hold_replicas(object: &mut Object, store: &Store, least: i32) {
    let target = crate::store::reference(object);
    let is_there = store.object(&target).is_some();
    if let Object::HorizontalPodAutoscaler(autoscaler) = object {
        let spec = &mut autoscaler.spec;
        spec.min_replicas = Some(spec.min_replicas.unwrap_or(1).max(least));
        spec.max_replicas = spec.max_replicas.max(least);
    } else if let Object::Deployment(deployment) = object {
        let live = store.get::<meshlift_model::k8s::Deployment>(&target.namespace, &target.name);
        let live = live.and_then(|live| live.spec.replicas).filter(|_| is_there);
        deployment.spec.replicas = Some(install::held_replicas(live, deployment.spec.replicas, least));
    }
}

/// Applies an object; certificates that an istiod wrote stay.
fn apply_own(store: &mut Store, object: Object) -> Result<(), ApiError> {
    let mut object = object;
    if let Object::MutatingWebhookConfiguration(configuration) = &mut object {
        let live = store.get::<MutatingWebhookConfiguration>("", &configuration.metadata.name);
        let bundle = live
            .and_then(|live| live.webhooks.first())
            .map(|webhook| webhook.client_config.ca_bundle.clone());
        for webhook in &mut configuration.webhooks {
            webhook.client_config.ca_bundle = bundle.clone().unwrap_or_default();
        }
    }
    apply(store, object)
}
