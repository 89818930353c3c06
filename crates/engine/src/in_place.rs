//! Is a change in place? Asked of the world, never of memory: this makes every write safe to meet twice.

use std::collections::BTreeMap;

use meshlift_model::defaults::{INJECTION_LABEL, RESTARTED_AT, REV_LABEL};
use meshlift_model::effect::{Change, Write};
use meshlift_model::k8s::{
    Deployment, HorizontalPodAutoscaler, IntOrString, ObjectMeta, Resource, ResourceQuota, RollingUpdate,
    StatefulSet,
};
use meshlift_model::names::{ObjectRef, TagName};

use crate::look::Look;
use crate::next::{Judged, Next};

/// True if the write's target is as the write would leave it.
pub(crate) fn in_place(look: &Look<'_>, write: &Write) -> Judged<bool> {
    let target = &write.target;
    match &write.change {
        Change::Labels { labels } => Ok(labels_are(look.present(target)?.meta(), labels)),
        Change::TemplateAnnotation { key, value } if key == RESTARTED_AT => {
            Ok(look.present_workload(target)?.restarted_at == *value)
        }
        Change::TemplateAnnotation { key, .. } => {
            Err(Next::hold(format!("nothing tells the value of the annotation {key} of {target}")))
        }
        Change::Replicas { replicas } => Ok(look.present_workload(target)?.replicas == *replicas),
        Change::AutoscalerMin { replicas } => Ok(autoscaler_min(look, target)? == *replicas),
        Change::Partition { partition } => Ok(partition_of(look, target)? == *partition),
        Change::Strategy { max_unavailable, max_surge } => {
            let (unavailable, surge) = strategy_of(look, target)?;
            Ok(unavailable == *max_unavailable && surge == *max_surge)
        }
        Change::Quota { resource, hard } => Ok(quota_of(look, target, resource)?.as_ref() == Some(hard)),
        Change::Evict | Change::Delete | Change::RecreatePod => {
            let meta = look.meta(target)?;
            let uid = write.uid.as_deref();
            Ok(meta.is_none_or(|meta| {
                uid.is_some_and(|uid| meta.uid != uid) || meta.deletion_timestamp.is_some()
            }))
        }
        Change::Restore { .. } => {
            Ok(look.meta(target)?.is_some_and(|meta| meta.deletion_timestamp.is_none()))
        }
        // Nothing short of applying them again tells that all objects of a manifest are as rendered.
        Change::ApplyCrds { .. } | Change::InstallRevision { .. } => Ok(false),
        Change::SetTag { revision } => {
            let (webhook, service) = look.tag(&TagName::new(&target.name))?;
            Ok(webhook == Some(revision) && service == Some(revision))
        }
        Change::RemoveTag => Ok(look.tag(&TagName::new(&target.name))? == (None, None)),
    }
}

/// The write, bound to its target as it is now.
pub(crate) fn rebound(look: &Look<'_>, write: &Write) -> Judged<Write> {
    let target = &write.target;
    let mut bound = Write { uid: None, resource_version: None, ..write.clone() };
    match &write.change {
        Change::TemplateAnnotation { .. } | Change::Replicas { .. } => {
            bound = look.bound_to(bound, look.present_workload(target)?);
        }
        Change::Labels { .. }
        | Change::AutoscalerMin { .. }
        | Change::Partition { .. }
        | Change::Strategy { .. }
        | Change::Quota { .. } => bound = look.bound(bound, look.present(target)?.meta()),
        Change::Evict | Change::Delete | Change::RecreatePod => {
            // Status changes all the time; only another object of that name would be a mistake.
            bound = look.bound(bound, look.present(target)?.meta());
            bound.resource_version = None;
        }
        Change::Restore { .. }
        | Change::ApplyCrds { .. }
        | Change::InstallRevision { .. }
        | Change::SetTag { .. }
        | Change::RemoveTag => {}
    }
    Ok(bound)
}

fn labels_are(meta: &ObjectMeta, labels: &BTreeMap<String, Option<String>>) -> bool {
    labels.iter().all(|(key, value)| meta.label(key) == value.as_deref())
}

/// Injection labels as a patch; absent ones are removed by it.
pub(crate) fn selector_labels(
    selector: &meshlift_model::action::Selector,
) -> BTreeMap<String, Option<String>> {
    BTreeMap::from([
        (INJECTION_LABEL.to_owned(), selector.injection.clone()),
        (REV_LABEL.to_owned(), selector.rev.clone()),
    ])
}

fn typed<'a, R: Resource>(look: &Look<'a>, target: &ObjectRef) -> Judged<&'a R> {
    let object = look.present(target)?;
    R::from_object(object).ok_or_else(|| Next::hold(format!("{target} is no {}", R::KIND)))
}

/// An autoscaler's minReplicas; the API's default is 1.
pub(crate) fn autoscaler_min(look: &Look<'_>, target: &ObjectRef) -> Judged<i32> {
    Ok(typed::<HorizontalPodAutoscaler>(look, target)?.spec.min_replicas.unwrap_or(1))
}

/// A StatefulSet's partition; the API's default is 0.
pub(crate) fn partition_of(look: &Look<'_>, target: &ObjectRef) -> Judged<i32> {
    let set = typed::<StatefulSet>(look, target)?;
    let rolling = set.spec.update_strategy.rolling_update.as_ref();
    Ok(rolling.and_then(|rolling| rolling.partition).unwrap_or(0))
}

/// A Deployment's maxUnavailable and maxSurge as written; the API's default is 25 % each.
pub(crate) fn strategy_of(look: &Look<'_>, target: &ObjectRef) -> Judged<(String, String)> {
    let rolling: Option<&RollingUpdate> =
        typed::<Deployment>(look, target)?.spec.strategy.rolling_update.as_ref();
    let text = |value: Option<&IntOrString>| value.map_or_else(|| "25%".to_owned(), ToString::to_string);
    Ok((
        text(rolling.and_then(|rolling| rolling.max_unavailable.as_ref())),
        text(rolling.and_then(|rolling| rolling.max_surge.as_ref())),
    ))
}

/// A quota's hard limit.
pub(crate) fn quota_of(look: &Look<'_>, target: &ObjectRef, resource: &str) -> Judged<Option<String>> {
    Ok(typed::<ResourceQuota>(look, target)?.spec.hard.get(resource).cloned())
}

/// A quota's hard limit as it is enforced: admission reads the status.
pub(crate) fn quota_enforced(look: &Look<'_>, target: &ObjectRef, resource: &str) -> Judged<Option<String>> {
    Ok(typed::<ResourceQuota>(look, target)?.status.hard.get(resource).cloned())
}
