//! What objects hold alike, and keep once.

use super::{Container, Known, ObjectMeta, Objects, OwnerReference, PodSpec, StringMap, Toleration, Volume};

/// Finds equal values and keeps one of each.
#[derive(Debug, Default)]
pub struct Sharing {
    containers: Known<Vec<Container>>,
    volumes: Known<Vec<Volume>>,
    tolerations: Known<Vec<Toleration>>,
    maps: Known<StringMap>,
    owners: Known<Vec<OwnerReference>>,
}

impl Sharing {
    /// Lets all objects share what they hold alike, with each other and with those of earlier calls.
    pub fn share(&mut self, objects: &mut Objects) {
        objects.for_each_meta(|meta| self.meta(meta));
        objects.selectors_mut().for_each(|selector| self.maps.join(selector));
        objects.pods.iter_mut().for_each(|pod| self.spec(&mut pod.spec));
        objects.templates_mut().for_each(|template| {
            self.meta(&mut template.metadata);
            self.spec(&mut template.spec);
        });
    }

    fn meta(&mut self, meta: &mut ObjectMeta) {
        self.maps.join(&mut meta.labels);
        self.maps.join(&mut meta.annotations);
        self.owners.join(&mut meta.owner_references);
    }

    fn spec(&mut self, spec: &mut PodSpec) {
        let Self { containers, maps, .. } = self;
        containers.join_fitted(&mut spec.containers, |own| fit(own, maps));
        containers.join_fitted(&mut spec.init_containers, |own| fit(own, maps));
        maps.join(&mut spec.node_selector);
        self.volumes.join(&mut spec.volumes);
        self.tolerations.join(&mut spec.tolerations);
    }
}

/// Gives back spare room, and keeps equal resources once.
fn fit(containers: &mut Vec<Container>, maps: &mut Known<StringMap>) {
    containers.shrink_to_fit();
    for container in containers {
        container.env.shrink_to_fit();
        container.env_from.shrink_to_fit();
        container.ports.shrink_to_fit();
        maps.join(&mut container.resources.requests);
        maps.join(&mut container.resources.limits);
    }
}
