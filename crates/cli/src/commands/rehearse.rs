//! `meshlift rehearse [MESH]`: as far as it is built.

use std::sync::Arc;

use clap::Args;
use meshlift_mesh::Mesh;
use meshlift_report::check;

use crate::args::MeshArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::wish::WishArgs;
use crate::{Exit, mesh};

/// Arguments of `rehearse`.
#[derive(Debug, Args)]
pub(crate) struct RehearseArgs {
    #[command(flatten)]
    mesh: MeshArgs,
    #[command(flatten)]
    wish: WishArgs,
    /// Write no report file
    #[arg(long)]
    no_report: bool,
}

pub(crate) fn run(args: &RehearseArgs, console: &Console) -> Result<Exit, Failure> {
    let (intent, target) = args.wish.upgrade(&args.mesh)?;
    let mesh = Mesh::derive(Arc::new(mesh::read(&args.mesh, console)?));
    let assessment = meshlift_checks::assess(&mesh, &intent, Some(&target));
    let shown: Vec<_> = assessment.findings.iter().collect();
    let next = format!("meshlift inspect {}", args.mesh.flags());
    console.print(&check::screen(&shown, &assessment, &next, console.stdout))?;
    console.say("the rehearsal ends here: plan and twin are not connected yet\n");
    Ok(Exit::No)
}
