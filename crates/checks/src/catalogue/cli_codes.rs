//! Codes of the command line: ML95.

use super::other_codes::{OtherCode, row};

/// All of them, in order.
pub(super) const CLI_CODES: &[OtherCode] = &[
    row(
        "ML9501",
        "Arguments that cannot be understood",
        "A verb, flag or value that meshlift does not know, or flags that exclude each other.",
        "`--help` after any verb lists what it takes.",
    ),
    row(
        "ML9502",
        "No mesh to read",
        "Neither `--snapshot` nor `--demo` was given, there is no kubeconfig (`KUBECONFIG`, `~/.kube/config`), and this is \
         no pod of a cluster.",
        "Give `--kubeconfig FILE` for a live cluster, `--snapshot PATH` with a recording (README, \"Your own mesh\"), or \
         `--demo` for the built-in one.",
    ),
    row(
        "ML9503",
        "A result cannot be written",
        "stdout was closed, or its disk is full. A reader that went away (`| head`) is no error.",
        "Look where stdout goes.",
    ),
    row(
        "ML9504",
        "JSON or YAML cannot be written",
        "A result could not be put into JSON or YAML. That is a bug of meshlift.",
        "Please report it with the command.",
    ),
    row(
        "ML9505",
        "Unknown code",
        "No finding and no error has this code.",
        "`meshlift explain` without a code lists all.",
    ),
    row(
        "ML9506",
        "Subject that cannot be found",
        "`inspect` takes `ns/NAME`, `pod/NAMESPACE/NAME` or `KIND/NAMESPACE/NAME`, of things that the snapshot holds.",
        "`meshlift inspect` shows what there is; with `-o json` it lists all workloads.",
    ),
    row(
        "ML9507",
        "A file cannot be read or written",
        "A plan, an intent or a report. The cause is what the system said.",
        "Check the path and who may read or write there.",
    ),
    row(
        "ML9508",
        "No version to go to",
        "Neither `--to` nor the intent's `target` names one.",
        "Add `--to VERSION`.",
    ),
    row(
        "ML9509",
        "No manifest for the target",
        "What a rehearsal installs must be known object by object. meshlift ships the manifests of the versions that it has recordings of.",
        "Give `--manifest FILE` with the output of `istioctl manifest generate --set revision=REV`, or of `helm template` of the istiod chart.",
    ),
    row(
        "ML9510",
        "A rehearsal cannot go on",
        "The engine met something that it does not expect of its own journal or of the twin. That is a bug of meshlift.",
        "Please report it with the command and the seed.",
    ),
    row(
        "ML9511",
        "The audit refuses a plan that was just made",
        "The audit shares no belief with the planner. Where they disagree, one of them is wrong: a bug of meshlift.",
        "Please report it with the snapshot and the intent.",
    ),
    row(
        "ML9512",
        "The plan has no such step",
        "`--rollback-after`, `--until` and `approve` name a step of the plan by its id.",
        "Take one of the ids that the error lists.",
    ),
    row(
        "ML9513",
        "Nobody said yes",
        "`apply` changes a cluster. Without `--yes` it asks, and where no terminal is there to answer it does nothing.",
        "Review the plan (`meshlift plan show`), rehearse it, then answer yes or give `--yes`.",
    ),
    row(
        "ML9514",
        "Another manifest than the plan was made with",
        "A plan names the digest of its manifest: what was reviewed and rehearsed is what is installed.",
        "Give the file that the plan was made with, or plan again with this one.",
    ),
    row(
        "ML9515",
        "No version to start from",
        "A path begins at the version that carries proxies today. No istiod said its version, and no image shows it.",
        "`meshlift inspect` shows what was read; record the control plane's pods, Deployments and answers.",
    ),
    row(
        "ML9516",
        "A catalogue of releases cannot be used",
        "The file behind `--catalogue` is none of this form, is of another format version or of a day in the future, or contradicts itself.",
        "Start from `crates/planner/data/releases.yaml` of the version that you use, and change what is new.",
    ),
    row(
        "ML9517",
        "A baseline cannot be used",
        "The file behind `--baseline` is none of this form, names a finding twice or a check that does not exist, or has \
         an entry without an owner, a reason or a last day.",
        "docs/reference/baseline.md shows the form.",
    ),
];
