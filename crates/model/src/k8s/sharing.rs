//! What objects hold alike, and keep once.

use super::{
    Affinity, Container, ContainerStatus, Known, ObjectMeta, Objects, OwnerReference, PodSpec, Shared,
    StringMap, TemplateMeta, Toleration, TopologySpreadConstraint, Volume,
};

/// Finds equal values and keeps one of each.
#[derive(Debug, Default)]
pub struct Sharing {
    containers: Known<Vec<Container>>,
    volumes: Known<Vec<Volume>>,
    tolerations: Known<Vec<Toleration>>,
    affinities: Known<Affinity>,
    spreads: Known<Vec<TopologySpreadConstraint>>,
    maps: Known<StringMap>,
    owners: Known<Vec<OwnerReference>>,
    statuses: Known<Vec<ContainerStatus>>,
}

/// A part of an object that others may hold too.
#[derive(Debug)]
pub enum Part<'a> {
    /// Labels, annotations, what selects by them.
    Map(&'a mut Shared<StringMap>),
    /// Owners.
    Owners(&'a mut Shared<Vec<OwnerReference>>),
    /// Containers and init containers.
    Containers(&'a mut Shared<Vec<Container>>),
    /// Volumes.
    Volumes(&'a mut Shared<Vec<Volume>>),
    /// Tolerations.
    Tolerations(&'a mut Shared<Vec<Toleration>>),
    /// Affinity.
    Affinity(&'a mut Shared<Affinity>),
    /// Spread.
    Spread(&'a mut Shared<Vec<TopologySpreadConstraint>>),
    /// How containers fare: alike for most pods of a workload.
    Statuses(&'a mut Shared<Vec<ContainerStatus>>),
    /// What a ConfigMap holds.
    Data(&'a mut Shared<StringMap>),
}

/// Visits all parts of all objects, in an order that depends on their shape alone.
pub fn for_each_part(objects: &mut Objects, mut visit: impl FnMut(Part<'_>)) {
    objects.for_each_meta(|meta| of_meta(meta, &mut visit));
    objects.selectors_mut().for_each(|selector| visit(Part::Map(selector)));
    objects.pods.iter_mut().for_each(|pod| {
        of_spec(&mut pod.spec, &mut visit);
        visit(Part::Statuses(&mut pod.status.container_statuses));
        visit(Part::Statuses(&mut pod.status.init_container_statuses));
    });
    objects.config_maps.iter_mut().for_each(|map| visit(Part::Data(&mut map.data)));
    objects.templates_mut().for_each(|template| {
        // In the place of the owners that other metadata has: files have parts by their order.
        let TemplateMeta { labels, annotations, .. } = &mut template.metadata;
        visit(Part::Map(labels));
        visit(Part::Map(annotations));
        visit(Part::Owners(&mut Shared::default()));
        of_spec(&mut template.spec, &mut visit);
    });
}

/// Gives back the spare room of lists that most objects have, and to which nobody adds any more.
pub fn fit_lists(objects: &mut Objects) {
    objects.pods.iter_mut().for_each(|pod| pod.status.conditions.shrink_to_fit());
    objects.deployments.iter_mut().for_each(|one| one.status.conditions.shrink_to_fit());
    objects.services.iter_mut().for_each(|service| service.spec.ports.shrink_to_fit());
    for slice in &mut objects.endpoint_slices {
        slice.ports.shrink_to_fit();
        slice.endpoints.shrink_to_fit();
        slice.endpoints.iter_mut().for_each(|endpoint| endpoint.addresses.shrink_to_fit());
    }
}

fn of_meta(meta: &mut ObjectMeta, visit: &mut impl FnMut(Part<'_>)) {
    visit(Part::Map(&mut meta.labels));
    visit(Part::Map(&mut meta.annotations));
    visit(Part::Owners(&mut meta.owner_references));
}

fn of_spec(spec: &mut PodSpec, visit: &mut impl FnMut(Part<'_>)) {
    visit(Part::Containers(&mut spec.containers));
    visit(Part::Containers(&mut spec.init_containers));
    visit(Part::Map(&mut spec.node_selector));
    visit(Part::Volumes(&mut spec.volumes));
    visit(Part::Tolerations(&mut spec.tolerations));
    spec.affinity.iter_mut().for_each(|affinity| visit(Part::Affinity(affinity)));
    visit(Part::Spread(&mut spec.topology_spread_constraints));
}

impl Sharing {
    /// Lets all objects share what they hold alike, with each other and with those of earlier calls.
    pub fn share(&mut self, objects: &mut Objects) {
        for_each_part(objects, |part| self.join(part));
        fit_lists(objects);
    }

    fn join(&mut self, part: Part<'_>) {
        match part {
            Part::Map(map) | Part::Data(map) => self.maps.join_fitted(map, StringMap::shrink_to_fit),
            Part::Owners(owners) => self.owners.join(owners),
            Part::Containers(containers) => {
                let maps = &mut self.maps;
                self.containers.join_fitted(containers, |own| fit(own, maps));
            }
            Part::Volumes(volumes) => self.volumes.join(volumes),
            Part::Tolerations(tolerations) => self.tolerations.join(tolerations),
            Part::Affinity(affinity) => self.affinities.join(affinity),
            Part::Spread(spread) => self.spreads.join(spread),
            Part::Statuses(statuses) => self.statuses.join_fitted(statuses, Vec::shrink_to_fit),
        }
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
