//! Fields that somebody else wants otherwise.

use kube::api::{Patch, PatchParams};
use meshlift_model::effect::{Change, Failure};
use meshlift_model::names::ObjectRef;
use serde_json::{Value, json};

use crate::scene::Scene;

impl Scene {
    /// An object of which somebody applies some fields.
    fn applied_by(&self, manager: &str, kind: &str, object: &Value) {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap();
        let params = PatchParams::apply(manager).force();
        let api = self.api(&self.at(kind, name));
        self.connection.wait(api.patch(name, &params, &Patch::Apply(object))).unwrap();
    }
}

fn service(port: i32) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "istiod-7-7-7"},
        "spec": {"ports": [{"name": "https-webhook", "port": port}], "selector": {"app": "istiod"}},
    })
}

fn refused(written: Result<Vec<Value>, Failure>, words: &[&str]) {
    let Err(Failure::Refused { message }) = written else { panic!("{written:?}") };
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
}

/// Of a revision, nothing is written where one object is there already and says something else.
pub(crate) fn what_is_there_already_is_not_overwritten(
    scene: &mut Scene,
    group: &ObjectRef,
    install: &Change,
) {
    scene.applied_by("kubectl", "Service", &service(443));
    refused(
        scene.write(group.clone(), install.clone()),
        &["Service/install/istiod-7-7-7", "`kubectl` wants another .spec.selector", "nothing was written"],
    );
    assert_eq!(scene.get("Deployment", "istiod-7-7-7"), None);
    assert_eq!(scene.field("Service", "istiod-7-7-7", "/metadata/labels"), Value::Null);
    scene.write(scene.at("Service", "istiod-7-7-7"), Change::Delete).unwrap();
}

/// CRDs that an installer wrote are taken over; those that a controller would write again are not.
pub(crate) fn crds_are_taken_from_installers_and_not_from_controllers(
    scene: &mut Scene,
    crds: &ObjectRef,
    apply: &Change,
) {
    let serving = |served: bool| {
        let schema = json!({"openAPIV3Schema": {"type": "object"}});
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "sieves.example.istio.io"},
            "spec": {
                "group": "example.istio.io", "scope": "Namespaced", "names": {"kind": "Sieve", "plural": "sieves"},
                "versions": [{"name": "v1", "served": served, "storage": true, "schema": schema}],
            },
        })
    };
    let served = |scene: &Scene| {
        scene.field("CustomResourceDefinition", "sieves.example.istio.io", "/spec/versions/0/served")
    };
    scene.applied_by("helm", "CustomResourceDefinition", &serving(false));
    assert_eq!(scene.write(crds.clone(), apply.clone()), Ok(vec![]));
    assert_eq!(served(scene), true);
    scene.applied_by("kustomize-controller", "CustomResourceDefinition", &serving(false));
    refused(
        scene.write(crds.clone(), apply.clone()),
        &[
            "sieves.example.istio.io",
            "`kustomize-controller` wants another .spec.versions",
            "suspend the controller",
        ],
    );
    assert_eq!(served(scene), false);
    // It is of one mind with the manifest now.
    scene.applied_by("kustomize-controller", "CustomResourceDefinition", &serving(true));
}
