//! ML4190: who sees Services and VirtualServices that do not say so.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{ConfigMap, Resource};
use serde_json::Value;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::new_rules::not_judged;

/// Fields of the mesh config, and what they are for.
const FIELDS: [(&str, &str); 2] =
    [("defaultServiceExportTo", "Services"), ("defaultVirtualServiceExportTo", "VirtualServices")];

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4190",
        layer: Layer::Configuration,
        versions: Versions::SincePatches(&[(30, 3)]),
        title: "The mesh's default of exportTo is read as it stands",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "write what counts today: [\".\"] where the list has a dot, [\"~\"] where it has neither dot nor star",
        why: "Of defaultServiceExportTo and defaultVirtualServiceExportTo istiod took a dot (the own namespace), else a star, \
              else nothing: names of namespaces had no effect, and a list of them alone hid everything. From 1.30.3 on the \
              whole list counts, as in an object's own exportTo: a star shows all to everybody, `~` hides all, and names add \
              their namespaces. Clients there get routes and mTLS for hosts that they reached as unknown ones, and \
              VirtualServices begin to apply to them.",
        see: "`kubectl get cm -n istio-system -l istio.io/rev -o yaml | grep -A4 ExportTo`; `istioctl proxy-config \
              cluster POD.NAMESPACE` in a namespace that the list names.",
        fix: "Before the control plane moves, write into the mesh configs of both revisions `[\".\"]` where the list \
              has a dot, `[\"~\"]` where it has neither dot nor star: all versions read that alike. Widen it later \
              on purpose. defaultDestinationRuleExportTo is read as before.",
        sources: &[
            "https://github.com/istio/istio/blob/1.30.2/pilot/pkg/model/push_context.go",
            "https://github.com/istio/istio/blob/1.30.3/pilot/pkg/model/push_context.go",
        ],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context.objects().config_maps.iter().filter_map(hit).collect()
}

/// A mesh config, if a ConfigMap holds one that can be read.
pub(super) fn mesh_of(map: &ConfigMap) -> Option<Value> {
    serde_saphyr::from_str(map.data.get("mesh")?).ok()
}

fn hit(map: &ConfigMap) -> Option<Hit> {
    let text = map.data.get("mesh")?;
    if !FIELDS.iter().any(|(field, _)| text.contains(field)) {
        return None;
    }
    let Some(mesh) = mesh_of(map) else {
        let detail = "its mesh config cannot be read as YAML".to_owned();
        return Some(not_judged(&map.object_ref(), detail, "read its defaults of exportTo by hand"));
    };
    let changes: Vec<(String, String)> =
        FIELDS.iter().filter_map(|(field, kind)| change(field, kind, &mesh[*field])).collect();
    let (first, _) = changes.first()?;
    let hit = Hit::new(&map.object_ref(), first);
    Some(changes.iter().fold(hit, |hit, (_, fact)| hit.because(fact)))
}

/// Who sees objects of a kind from now on, and the list that says so; `None` where nothing changes.
fn change(field: &str, kind: &str, listed: &Value) -> Option<(String, String)> {
    let names: Vec<&str> = listed.as_array()?.iter().filter_map(Value::as_str).collect();
    let has = |name: &str| names.contains(&name);
    let others: Vec<&str> = names.iter().copied().filter(|name| ![".", "*", "~"].contains(name)).collect();
    let before = match (has("."), has("*")) {
        (true, _) => "their own namespace",
        (false, true) => "everybody",
        (false, false) => "nobody",
    };
    let own = if has(".") { "their own namespace and " } else { "" };
    let after = match (has("*"), has("~")) {
        (true, _) => "everybody".to_owned(),
        (false, true) => "nobody".to_owned(),
        (false, false) if others.is_empty() => before.to_owned(),
        (false, false) => format!("{own}{}", others.join(", ")),
    };
    let detail = format!("{kind} without exportTo were seen by {before}, and are by {after} from now on");
    (before != after).then(|| (detail, format!("{field}: [{}]", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_of_which_a_part_counted_change() {
        let seen = |names: &[&str]| change("f", "Services", &json!(names)).map(|(detail, _)| detail);
        for names in [&["."][..], &["*"], &["~"], &["*", "one"], &["*", "~"], &[]] {
            assert_eq!(seen(names), None, "{names:?}");
        }
        let cases = [
            (&[".", "*"][..], "their own namespace", "everybody"),
            (&[".", "~"], "their own namespace", "nobody"),
            (&[".", "one"], "their own namespace", "their own namespace and one"),
            (&["one", "two"], "nobody", "one, two"),
        ];
        for (names, before, after) in cases {
            let wanted =
                format!("Services without exportTo were seen by {before}, and are by {after} from now on");
            assert_eq!(seen(names), Some(wanted));
        }
    }
}
