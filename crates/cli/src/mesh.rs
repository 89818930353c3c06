//! Gets the mesh that the flags name.

use meshlift_model::snapshot::Snapshot;

use crate::args::MeshArgs;
use crate::console::Console;
use crate::failure::Failure;
use crate::live;

/// Reads the snapshot that the flags name, and says what of it could not be read.
pub(crate) fn read(args: &MeshArgs, console: &Console) -> Result<Snapshot, Failure> {
    let snapshot = match &args.snapshot {
        Some(path) => meshlift_snapshot::read(path)?,
        None if args.demo => meshlift_snapshot::demo()?,
        None => live::read(args, console)?,
    };
    warn(&snapshot, console);
    Ok(snapshot)
}

/// Objects that were skipped are said each time: what a mesh holds and meshlift did not read may matter.
fn warn(snapshot: &Snapshot, console: &Console) {
    const SHOWN_MAX: usize = 5;
    for problem in snapshot.problems.iter().take(SHOWN_MAX) {
        console.say(&format!("warning: skipped {} {}: {}\n", problem.source, problem.place, problem.problem));
    }
    let rest = snapshot.problems.len().saturating_sub(SHOWN_MAX);
    if rest > 0 {
        console.say(&format!("warning: and {rest} more\n"));
    }
}
