//! Codes of runs on live clusters: ML952 and ML953.

use super::other_codes::{OtherCode, row};

/// All of them, in order.
pub(super) const RUN_CODES: &[OtherCode] = &[
    row(
        "ML9520",
        "A run cannot be read or written in the cluster",
        "The API server refused, failed, or did not answer: the message names verb and object. Runs are ConfigMaps and \
         a Lease in the namespace of the control plane.",
        "Grant the Role of `deploy/rbac/apply.yaml` to whoever asks. Where the API server did not answer, try again: the \
         run goes on where its journal ends.",
    ),
    row(
        "ML9521",
        "There is no such run",
        "No ConfigMap of that namespace keeps a run of that name.",
        "`meshlift status` lists the runs; `--namespace` says where else they are kept.",
    ),
    row(
        "ML9522",
        "A run of that name is there already",
        "A run is never written over: its journal is the only way back.",
        "Go on with it (`meshlift resume --run NAME`), or name the new one otherwise (`--run NAME`).",
    ),
    row(
        "ML9523",
        "Somebody else executes the run",
        "One process at a time extends a run: it holds the run's Lease and gives a sign of life every few seconds.",
        "Follow it with `meshlift status --run NAME --watch`. If that process is gone for good, `meshlift resume --run \
         NAME --take-over` goes on in its place: the former one finds its next line refused, and what it left open is \
         closed by writing it again.",
    ),
    row(
        "ML9524",
        "A run is damaged",
        "Lines of its journal are missing, were changed, or are of a newer meshlift. Half a journal is no journal: what \
         was done could not be taken back.",
        "Restore ConfigMap `meshlift-run-NAME` and its chunks from a backup, or use the version that wrote it. The \
         intents that can still be read say what was written and what takes it back.",
    ),
    row(
        "ML9525",
        "A run stopped while it was driven",
        "Its journal could not be extended, or something arrived that nobody asked for. Nothing is done on the strength \
         of a line that is not durable, so the mesh is as the journal says.",
        "`meshlift status --run NAME` shows where it stands, `meshlift resume --run NAME` goes on.",
    ),
    row(
        "ML9526",
        "No run, or several, are under way",
        "Without `--run` the only run that is not over is meant.",
        "`meshlift status` lists all of them; name one with `--run NAME`.",
    ),
    row(
        "ML9527",
        "A run is not over",
        "Two runs would change one mesh under each other's hands; and a run that is under way is never forgotten.",
        "Go on with it (`meshlift resume`), or take it back (`meshlift rollback`).",
    ),
    row(
        "ML9528",
        "A command was not taken in time",
        "It lies in the run's mailbox; whoever executes the run looks there every two seconds and writes it into the \
         journal. That did not happen.",
        "`meshlift status --run NAME` shows who executes it. If that process is gone for good, `meshlift resume --run \
         NAME --take-over` goes on in its place, and takes the command.",
    ),
    row(
        "ML9529",
        "A command does not fit how the run stands",
        "A run that was rolled back is over; cleanup comes after everything else; an approval is for a step that is there.",
        "`meshlift status --run NAME` shows where it stands, and the next command.",
    ),
    row(
        "ML9530",
        "A manifest is needed, whole",
        "CRDs and the new control plane are installed from what `istioctl manifest generate` or `helm template` prints. \
         The manifests that meshlift has built in hold only the fields that it reads: enough to plan and to rehearse.",
        "Give `--manifest FILE`: the file that the plan was made with.",
    ),
    row(
        "ML9531",
        "A person holds every run",
        "Annotation `meshlift.dev/hold` is on the namespace in which runs are kept. It is read before every effect; its \
         value says why.",
        "`kubectl annotate namespace istio-system meshlift.dev/hold-` lets runs go on; then `meshlift resume`.",
    ),
    row(
        "ML9532",
        "Somebody takes back what the run writes",
        "A label or the restart annotation that the run wrote was gone again: a GitOps controller applies its own \
         version of the object, or a person does. A run does not fight for a field: each turn would roll pods.",
        "Pause the sync of that object (Argo CD: no automated sync; Flux: `flux suspend`), or make it ignore the field \
         (Argo CD: `ignoreDifferences` with `RespectIgnoreDifferences=true`), or change the value in Git as well. \
         Then `meshlift resume`: the value is written again; or `meshlift rollback`.",
    ),
];
