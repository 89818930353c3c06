//! ML5010: the root CA ends soon.

use meshlift_model::defaults::CA_DAYS_LEFT_MIN;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::Context;

const DAY_SECONDS: i64 = 86_400;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5010",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "The root CA ends soon",
        severity: Severity::Block,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: false,
        hint: "rotate the root CA first, as a change of its own",
        why: "When the root ends, every mutual TLS connection of the mesh fails at once. An upgrade takes days \
              with its bakes and its observation window; it must not run into that, and a rotation beside it \
              could not be told apart from it.",
        see: "`kubectl get cm istio-ca-root-cert -n istio-system -o jsonpath='{.data.root-cert\\.pem}' | openssl \
              crl2pkcs7 -nocrl -certfile /dev/stdin | openssl pkcs7 -print_certs -noout -text | grep 'Not After'`.",
        fix: "Put the new root beside the old one into root-cert.pem of Secret cacerts, and wait until \
              istio-ca-root-cert of every namespace holds both. Then let istiod sign with the new one, restart what \
              has certificates of the old one, take the old root away, and upgrade. Where there is no Secret \
              cacerts, do not create it for this: istiod renews a root of its own (Secret istio-ca-secret) by \
              itself, unless its CITADEL_SELF_SIGNED_ROOT_CERT_CHECK_INTERVAL is 0.",
        sources: &["https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/"],
    },
    needs: &[&["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let Some(now) = context.newest_time else { return Vec::new() };
    let hits = context.mesh.revisions.values().filter_map(|revision| {
        let subject = ObjectRef::cluster("Revision", revision.name.as_str());
        let Some(until) = revision.root_ca_until else {
            return (revision.pods > 0).then(|| not_told(&subject));
        };
        let days = until.millis_since(now).div_euclid(DAY_SECONDS * 1000);
        let detail = || format!("its root CA ends {until}, {days} days after the snapshot");
        (days < CA_DAYS_LEFT_MIN).then(|| Hit::new(&subject, detail()))
    });
    hits.collect()
}

fn not_told(subject: &ObjectRef) -> Hit {
    Hit::new(
        subject,
        "no istiod tells when its root CA ends, and its namespace has no certificate that can be read",
    )
    .severity(Severity::Warn)
    .hint("look at the root's end yourself, then accept that it is not known here")
    .offers(&["accept-unknown"])
    .unknown()
}
