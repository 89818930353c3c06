//! `meshlift snapshot [MESH] --out PATH`.

use std::path::PathBuf;

use clap::Args;

use crate::args::MeshArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::{Exit, mesh};

/// Arguments of `snapshot`.
#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    #[command(flatten)]
    mesh: MeshArgs,
    /// File to write
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// Write a folder of kubectl lists instead of one file
    #[arg(long)]
    folder: bool,
}

pub(crate) fn run(args: &SnapshotArgs, console: &Console) -> Result<Exit, Failure> {
    let snapshot = mesh::read(&args.mesh, console)?;
    if args.folder {
        meshlift_snapshot::write_folder(&snapshot, &args.out)?;
    } else {
        meshlift_snapshot::write_file(&snapshot, &args.out)?;
    }
    console.say(&format!("wrote {} with {} objects\n", args.out.display(), snapshot.objects.len()));
    Ok(Exit::Good)
}
