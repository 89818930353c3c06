//! Codes of errors and refusals that other rooms print. Whoever adds a code adds its row: ML7xxx for runs,
//! ML8xxx for plans and intents, ML9xxx for snapshots and manifests.

/// A code that is no finding.
pub(super) struct OtherCode {
    pub(super) code: &'static str,
    pub(super) title: &'static str,
    pub(super) why: &'static str,
    pub(super) fix: &'static str,
}

pub(super) const fn row(
    code: &'static str,
    title: &'static str,
    why: &'static str,
    fix: &'static str,
) -> OtherCode {
    OtherCode { code, title, why, fix }
}

/// All of them, in order.
pub(super) const OTHER_CODES: &[OtherCode] = &[
    row(
        "ML9001",
        "A snapshot cannot be opened",
        "The path does not exist, or may not be read.",
        "Give the path of a file that `meshlift snapshot` wrote, or of a folder of kubectl lists.",
    ),
    row(
        "ML9002",
        "That is no snapshot",
        "The file is neither a folder of kubectl lists nor a file of meshlift's own.",
        "Record one: `kubectl get RESOURCE -A -o json > FOLDER/api/RESOURCE.json` for each resource.",
    ),
    row(
        "ML9003",
        "A snapshot of a newer format",
        "A newer meshlift wrote it. Reading half of it would mean to decide on half of a mesh.",
        "Update meshlift, or record the mesh again with this version.",
    ),
    row(
        "ML9004",
        "A snapshot is damaged",
        "It was cut off or changed since it was written: its checksum does not fit.",
        "Copy it again from where it was written, or record the mesh again.",
    ),
    row(
        "ML9005",
        "A snapshot is too large",
        "It would take more memory than any mesh needs; a packed file may claim to be far larger than it is.",
        "Do not trust the file; record the mesh again.",
    ),
    row(
        "ML9006",
        "A folder holds no recording",
        "There is no api/ folder with lists in it, or none that says anything of a mesh.",
        "Record at least pods, namespaces, deployments.apps and mutatingwebhookconfigurations.admissionregistration.k8s.io.",
    ),
    row(
        "ML9007",
        "sources.json cannot be understood",
        "It tells what was asked and what came of it. If it cannot be read, nothing may be taken for absent.",
        "Repair it, or delete it: without it, what has no file counts as unknown.",
    ),
    row(
        "ML9008",
        "Nothing of a recording could be read",
        "All sources are broken or were refused.",
        "Look at the first that is named; record the mesh again with an account that may read.",
    ),
    row(
        "ML9009",
        "A snapshot cannot be written",
        "The folder does not exist, or may not be written to.",
        "Give a path in a folder that exists and may be written to.",
    ),
    row(
        "ML9010",
        "The target folder is not empty",
        "A snapshot written over something else would be a mixture of both.",
        "Give a folder that does not exist yet, or an empty one.",
    ),
    row(
        "ML9011",
        "A manifest cannot be opened",
        "The path does not exist, or may not be read.",
        "Give the output of `istioctl manifest generate --set revision=REV`, or of `helm template` of the istiod chart.",
    ),
    row(
        "ML9012",
        "A manifest is too large",
        "It is over the limit for rendered manifests.",
        "Render the target's revision alone.",
    ),
    row(
        "ML9013",
        "A manifest cannot be read",
        "A document in it is no YAML, or no object of its kind.",
        "Render it again; redirect stdout alone, so that no message is mixed in.",
    ),
    row(
        "ML9014",
        "A manifest without istiod",
        "There is no istiod Deployment in it, so it is no control plane.",
        "Render the istiod chart, or use `istioctl manifest generate`.",
    ),
    row(
        "ML9015",
        "A manifest of several revisions",
        "A plan installs one revision; which of these is meant cannot be told.",
        "Render the target alone.",
    ),
    row(
        "ML9016",
        "A manifest without a version",
        "The image of its istiod names no version, so it cannot be compared with the target.",
        "Render it with a tag that names the version, such as --set tag=1.30.3.",
    ),
];
