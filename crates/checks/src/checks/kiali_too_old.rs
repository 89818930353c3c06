//! ML5024: Kiali is older than the one that the target was released with.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::IstioVersion;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Kiali's release in `samples/addons/kiali.yaml` of the first release of each minor version of Istio 1.
const SHIPPED: [(u32, Kiali); 8] = [
    (24, (2, 0)),
    (25, (2, 5)),
    (26, (2, 8)),
    (27, (2, 12)),
    (28, (2, 17)),
    (29, (2, 21)),
    (30, (2, 22)),
    (31, (2, 27)),
];
/// Older ones do not work with Istio 1.24 and later (Kiali's table of compatible versions).
const LEAST: Kiali = (2, 0);

/// Names of its images.
const IMAGES: [&str; 2] = ["kiali", "kiali-server"];

/// Major and minor version.
type Kiali = (u32, u32);

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5024",
        layer: Layer::ControlPlane,
        versions: Versions::Target,
        title: "Kiali is older than the target",
        severity: Severity::Info,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "upgrade Kiali to the release that the target comes with, before or right after the upgrade",
        why: "Kiali is tested with the versions of Istio that are supported when it is released, and says nothing where they \
              do not fit. An older one may not know what the target writes or answers, and misleads just when somebody looks \
              whether the upgrade went well. From Istio 1.24 on Kiali 1 is not compatible at all.",
        see: "`kubectl get deploy -A -o wide | grep kiali`: column IMAGES.",
        fix: "Upgrade Kiali by its operator or helm chart, to the version in samples/addons/kiali.yaml of the target's release \
              or a later one. Kiali 2 chooses namespaces by discovery selectors: move accessible_namespaces first.",
        sources: &[
            "https://kiali.io/docs/installation/installation-guide/prerequisites/#version-compatibility",
            "https://github.com/kiali/kiali.io/blob/staging/data/compatibility/istio.yaml",
            "https://github.com/istio/istio/blob/master/samples/addons/kiali.yaml",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let Some((target, shipped)) = context.target.and_then(|target| Some((target, shipped(target)?))) else {
        return Vec::new();
    };
    let line = target.minor_line();
    let hits = context.running(is_kiali).filter_map(|(workload, image)| {
        let Some(kiali) = version(image) else {
            let hit = Hit::new(&workload.workload, format!("{image} does not tell which Kiali it is"));
            return Some(hit.hint("find out which Kiali runs there").offers(&["accept-unknown"]).unknown());
        };
        let ((major, minor), (shipped_major, shipped_minor)) = (kiali, shipped);
        let detail =
            format!("Kiali {major}.{minor} runs, Istio {line} comes with {shipped_major}.{shipped_minor}");
        let severity = if kiali < LEAST { Severity::Warn } else { Severity::Info };
        (kiali < shipped).then(|| Hit::new(&workload.workload, detail).because(image).severity(severity))
    });
    hits.collect()
}

fn shipped(target: &IstioVersion) -> Option<Kiali> {
    SHIPPED.iter().find(|(minor, _)| (1, *minor) == (target.major, target.minor)).map(|(_, kiali)| *kiali)
}

/// Version of an image by its tag, such as `v2.22` or `v2.22.1`.
fn version(image: &str) -> Option<Kiali> {
    let image = image.split_once('@').map_or(image, |(image, _)| image);
    let (_, tag) = image.rsplit_once(':')?;
    let mut numbers = tag.strip_prefix('v').unwrap_or(tag).split(['.', '-']).map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// True for an image of Kiali.
fn is_kiali(image: &str) -> bool {
    let name = image.split('@').next().and_then(|image| image.rsplit('/').next());
    name.and_then(|name| name.split(':').next()).is_some_and(|name| IMAGES.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_read_from_tags() {
        assert_eq!(version("quay.io/kiali/kiali:v2.22"), Some((2, 22)));
        assert_eq!(version("quay.io/kiali/kiali:v1.89.3-ubi9"), Some((1, 89)));
        assert_eq!(version("registry:5000/kiali/kiali:2.4.1@sha256:00"), Some((2, 4)));
        for image in
            ["quay.io/kiali/kiali", "kiali:latest", "registry:5000/kiali", "kiali@sha256:00", "kiali:v2"]
        {
            assert_eq!(version(image), None, "{image}");
        }
    }
}
