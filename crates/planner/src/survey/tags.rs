//! Tags: which may move, what returns to them, and which namespaces only need another label.

use meshlift_mesh::{Follows, Tag};
use meshlift_model::action::Selector;
use meshlift_model::names::{ObjectRef, RevisionName, TagName};

use super::{Survey, Surveyor, names, waits_because};
use crate::report::Fate;

/// A tag that moves.
#[derive(Clone, Debug)]
pub(crate) struct TagMove {
    pub(crate) tag: TagName,
    pub(crate) from: RevisionName,
    /// Namespaces that get its label (back), with their labels before and after.
    pub(crate) returns: Vec<Relabel>,
}

/// A namespace that gets another label and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Relabel {
    pub(crate) namespace: String,
    pub(crate) from: Selector,
    pub(crate) to: Selector,
    /// Templates that prove what new pods get.
    pub(crate) templates: Vec<ObjectRef>,
}

impl Surveyor<'_, '_> {
    /// Tags that point at an old revision, in order of their names, `default` last.
    pub(super) fn tags(&self, survey: &mut Survey) {
        let mut tags: Vec<&Tag> = self.situation.mesh.tags.values().collect();
        tags.sort_by_key(|tag| (tag.name.as_str() == "default", &tag.name));
        for tag in tags {
            let old = tag.revision.as_ref().filter(|revision| self.situation.is_old(revision));
            let (Some(from), false) = (old, self.is_removed(&tag.name)) else { continue };
            let obstacles = self.obstacles(tag, survey);
            if obstacles.is_empty() {
                let returns = self.returns(&tag.name, survey);
                survey.tags.push(TagMove { tag: tag.name.clone(), from: from.clone(), returns });
            } else {
                self.hold_tag(tag, from, &obstacles, survey);
            }
        }
    }

    /// What keeps a tag where it is.
    fn obstacles(&self, tag: &Tag, survey: &Survey) -> Vec<String> {
        let mut obstacles = Vec::new();
        let namespaces = self.situation.mesh.namespaces.values();
        let followers = namespaces.filter(|facts| facts.follows == Follows::Tag { tag: tag.name.clone() });
        let held = followers.filter(|facts| survey.held.contains_key(&facts.name));
        obstacles.extend(held.map(|facts| format!("namespace {}", facts.name)));
        if let Some(bound) = survey.bound.get(tag.name.as_str()) {
            obstacles.extend(bound.waiting.iter().map(ObjectRef::short));
        }
        obstacles.extend(self.gateways_of_tag(&tag.name).into_iter().map(|name| format!("Gateway {name}")));
        if tag.service_revision.is_some() && tag.service_revision != tag.revision {
            obstacles.push("its own Service, which names another revision".to_owned());
        }
        // `default` also owns what selects nothing, Gateways among it: it comes after all of those.
        if tag.name.as_str() == "default" && !survey.not_built.is_empty() {
            obstacles.push("what this version cannot move yet".to_owned());
        }
        obstacles
    }

    fn hold_tag(&self, tag: &Tag, from: &RevisionName, obstacles: &[String], survey: &mut Survey) {
        let bound = survey.bound.get_mut(tag.name.as_str());
        let holds: Vec<ObjectRef> = bound.map_or_else(Vec::new, |bound| {
            let movers = std::mem::take(&mut bound.movers);
            movers.iter().map(|mover| mover.workload().clone()).collect()
        });
        for workload in &holds {
            let why = format!("tag {} stays on {from}, and its own template follows that", tag.name);
            survey.fates.insert(workload.clone(), Fate::Held { why });
        }
        let reason = format!("stays on {from} for {}", names(obstacles));
        let subject = ObjectRef::cluster("RevisionTag", tag.name.as_str());
        survey.waiting.push(waits_because(subject, reason, holds));
    }

    /// Namespaces that get a tag's label once it has moved.
    fn returns(&self, tag: &TagName, survey: &Survey) -> Vec<Relabel> {
        let mut returns = Vec::new();
        for facts in self.situation.mesh.namespaces.values() {
            let moved = self.selected(&facts.name, survey);
            let goes = self.choices.relabels.get(&facts.name);
            let to = match goes {
                Some(name) if name == tag.as_str() && !survey.held.contains_key(&facts.name) => by_name(name),
                Some(_) => continue,
                None if moved && facts.follows == (Follows::Tag { tag: tag.clone() }) => {
                    back(&facts.selector, tag)
                }
                None => continue,
            };
            let from = if moved { self.new_selector() } else { facts.selector.clone() };
            if from != to {
                returns.push(self.relabel(&facts.name, from, to));
            }
        }
        returns
    }

    /// True if a step of this plan points the namespace at the new revision itself.
    fn selected(&self, namespace: &str, survey: &Survey) -> bool {
        let site = survey.sites.get(namespace).is_some_and(|site| site.selector.is_some());
        let by_gateway = |step: &&super::GatewayMove| step.mover.workload().namespace == namespace;
        site || survey.gateways.iter().filter(by_gateway).any(|step| step.selector.is_some())
    }

    fn relabel(&self, namespace: &str, from: Selector, to: Selector) -> Relabel {
        let injected =
            self.workloads_of(namespace).filter(|one| !one.pod_bound && one.workload.kind != "CronJob");
        let templates = injected.filter(|one| one.now.keys().any(Option::is_some));
        let templates = templates.map(|one| one.workload.clone()).collect();
        Relabel { namespace: namespace.to_owned(), from, to, templates }
    }

    /// Namespaces that only get another label: choices whose name means the new revision already, and
    /// namespaces without pods that name an old revision itself.
    pub(super) fn relabels(&self, survey: &mut Survey) {
        for facts in self.situation.mesh.namespaces.values() {
            if survey.held.contains_key(&facts.name) {
                continue;
            }
            let moved = self.selected(&facts.name, survey);
            let from = if moved { self.new_selector() } else { facts.selector.clone() };
            let to = match self.choices.relabels.get(&facts.name) {
                Some(name) => {
                    if !self.resolves_new(name) {
                        self.relabel_waits(&facts.name, name, survey);
                        continue;
                    }
                    by_name(name)
                }
                None if !moved && self.names_old_revision(&facts.follows) => self.new_selector(),
                None => continue,
            };
            if from != to {
                survey.relabels.push(self.relabel(&facts.name, from, to));
            }
        }
    }

    fn names_old_revision(&self, follows: &Follows) -> bool {
        matches!(follows, Follows::Revision { revision } if self.situation.old.contains(revision))
    }

    /// True if the name means the new revision today.
    fn resolves_new(&self, name: &str) -> bool {
        let tag = self.situation.mesh.tags.get(&TagName::new(name)).and_then(|tag| tag.revision.as_ref());
        name == self.situation.revision.as_str() || tag == Some(&self.situation.revision)
    }

    /// A relabelling to a tag that stays: said, unless the tag's own step does it.
    fn relabel_waits(&self, namespace: &str, name: &str, survey: &mut Survey) {
        if survey.tags.iter().any(|tag| tag.tag.as_str() == name) {
            return;
        }
        let subject = ObjectRef::cluster("RevisionTag", name);
        let reason = format!("namespace {namespace} gets it for good when it has moved");
        survey.waiting.push(waits_because(subject, reason, Vec::new()));
    }
}

fn by_name(name: &str) -> Selector {
    Selector { injection: None, rev: Some(name.to_owned()) }
}

/// The label that a namespace returns to: what decided before, alone.
fn back(before: &Selector, tag: &TagName) -> Selector {
    let by_injection = tag.as_str() == "default" && before.injection.as_deref() == Some("enabled");
    if by_injection {
        return Selector { injection: before.injection.clone(), rev: None };
    }
    by_name(tag.as_str())
}
