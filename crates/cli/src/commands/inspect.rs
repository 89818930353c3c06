//! `meshlift inspect [SUBJECT] [MESH]`.

use std::sync::Arc;

use clap::Args;
use meshlift_mesh::Mesh;
use meshlift_model::intent::Intent;
use meshlift_report::inspect::{self, SloCritical, Subject};

use crate::args::{Format, MeshArgs};
use crate::console::Console;
use crate::failure::Failure;
use crate::wish::WishArgs;
use crate::{Exit, mesh};

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// What to explain: ns/NAME, pod/NAMESPACE/NAME, KIND/NAMESPACE/NAME (default: the whole mesh)
    subject: Option<String>,
    #[command(flatten)]
    mesh: MeshArgs,
    #[command(flatten)]
    wish: WishArgs,
    /// Form of the result
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(crate) fn run(args: &InspectArgs, console: &Console) -> Result<Exit, Failure> {
    let subject: Option<Subject> = args.subject.as_deref().map(str::parse).transpose()?;
    let intent = args.wish.intent(&args.mesh)?;
    let mesh = Mesh::derive(Arc::new(mesh::read(&args.mesh, console)?));
    match (subject, args.output) {
        (None, Format::Json) => console.print_json(&inspect::inspect_json(&mesh))?,
        (None, Format::Table) => console.print(&screen(args, &mesh, &intent, console))?,
        (Some(subject), Format::Json) => console.print_json(&inspect::explain_json(&mesh, &subject)?)?,
        (Some(subject), Format::Table) => {
            console.print(&inspect::explain(&mesh, &subject, console.stdout)?)?;
        }
    }
    Ok(Exit::Good)
}

fn screen(args: &InspectArgs, mesh: &Mesh, intent: &Intent, console: &Console) -> String {
    let assessment = meshlift_checks::assess(mesh, intent, intent.target.as_ref());
    let because = match &intent.slo_critical {
        wish if wish.label.is_some() || !wish.namespaces.is_empty() => "named by the intent",
        _ => "label tier=slo-critical",
    };
    let slo = SloCritical {
        namespaces: mesh.slo_critical(&intent.slo_critical).into_iter().collect(),
        because: because.to_owned(),
    };
    let mut next = vec![format!("meshlift check{}{}", args.mesh.flags(), args.wish.flags(intent))];
    if let Some(pod) = mesh.pods.values().find(|pod| !pod.finished && pod.revision.is_some()) {
        next.push(format!("meshlift inspect {}{}", lower(&pod.workload.to_string()), args.mesh.flags()));
    }
    inspect::screen(mesh, &assessment, &slo, &next, console.stdout)
}

/// `Deployment/web/bff` as people type it.
fn lower(subject: &str) -> String {
    subject
        .split_once('/')
        .map_or(subject.to_owned(), |(kind, rest)| format!("{}/{rest}", kind.to_lowercase()))
}
