//! What planning needs, gathered from the flags: mesh, intent, target, manifest.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use meshlift_mesh::Mesh;
use meshlift_model::intent::Intent;
use meshlift_model::manifest::Manifest;
use meshlift_model::names::IstioVersion;
use meshlift_model::plan::Plan;
use meshlift_planner::{Note, NoteSeverity, audit, is_fatal};
use meshlift_views::kubectl::quoted;

use crate::args::MeshArgs;
use crate::console::Console;
use crate::failure::{CliError, Failure};
use crate::mesh;
use crate::wish::WishArgs;

/// Flags of verbs that plan.
#[derive(Clone, Debug, Args)]
pub(crate) struct UpgradeArgs {
    #[command(flatten)]
    pub(crate) mesh: MeshArgs,
    #[command(flatten)]
    pub(crate) wish: WishArgs,
    /// The target's control plane: output of `istioctl manifest generate` or `helm template`
    #[arg(long, value_name = "FILE", help_heading = "Upgrade")]
    pub(crate) manifest: Option<PathBuf>,
}

/// What planning needs.
pub(crate) struct Upgrade {
    pub(crate) mesh: Mesh,
    pub(crate) snapshot_digest: String,
    pub(crate) intent: Intent,
    pub(crate) target: IstioVersion,
    /// Absent where none was given and none is built in.
    pub(crate) manifest: Option<Manifest>,
}

impl UpgradeArgs {
    /// Reads all that the flags name.
    pub(crate) fn gather(&self, console: &Console) -> Result<Upgrade, Failure> {
        let (intent, target) = self.wish.upgrade(&self.mesh)?;
        self.gather_for(intent, target, console)
    }

    /// Reads mesh and manifest for an intent and a target that are known already.
    pub(crate) fn gather_for(
        &self,
        intent: Intent,
        target: IstioVersion,
        console: &Console,
    ) -> Result<Upgrade, Failure> {
        let snapshot = mesh::read(&self.mesh, console)?;
        let snapshot_digest = meshlift_snapshot::digest(&snapshot);
        let mesh = Mesh::derive(Arc::new(snapshot));
        let manifest = self.manifest(&target, &mesh)?;
        Ok(Upgrade { mesh, snapshot_digest, intent, target, manifest })
    }

    /// The manifest that the flags name, else a built-in one.
    pub(crate) fn manifest(&self, target: &IstioVersion, mesh: &Mesh) -> Result<Option<Manifest>, Failure> {
        Ok(match &self.manifest {
            Some(path) => Some(meshlift_snapshot::read_manifest(path)?),
            None => meshlift_snapshot::shipped_manifest(target, !mesh.ambient.ztunnels.is_empty()),
        })
    }

    /// The same flags, for commands that meshlift proposes.
    pub(crate) fn flags(&self, intent: &Intent) -> String {
        format!("{}{}{}", self.mesh.flags(), self.wish.flags(intent), self.manifest_flag())
    }

    /// The flags beside a plan file, which has the intent in it and no manifest.
    pub(crate) fn flags_of_plan(&self) -> String {
        format!("{}{}", self.mesh.flags(), self.manifest_flag())
    }

    fn manifest_flag(&self) -> String {
        let flag = |path: &PathBuf| format!(" --manifest {}", quoted(&path.display().to_string()));
        self.manifest.as_ref().map_or(String::new(), flag)
    }
}

impl Upgrade {
    /// Plans, and says what is odd. The audit has its word too: it shares no belief with the planner.
    pub(crate) fn plan(&self, console: &Console) -> Result<Plan, Failure> {
        let (plan, report) =
            meshlift_planner::plan(&self.mesh, &self.intent, self.manifest.as_ref(), &self.snapshot_digest)?;
        let notes = audit(&plan, Some(&self.mesh));
        console.say(&notes_text(&report.notes));
        if is_fatal(&notes) {
            return Err(CliError::Audit(notes_text(&notes)).into());
        }
        Ok(plan)
    }
}

/// Notes, one line each.
pub(crate) fn notes_text(notes: &[Note]) -> String {
    let word = |note: &Note| match note.severity {
        NoteSeverity::Note => "note",
        NoteSeverity::Fatal => "fatal",
    };
    notes.iter().map(|note| format!("{}[{}]: {}\n", word(note), note.code, note.text)).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        upgrade: UpgradeArgs,
    }

    #[test]
    fn the_manifest_is_named_again_beside_a_plan() {
        let of = |words: &[&str]| Flags::parse_from([&["x"], words].concat()).upgrade.flags_of_plan();
        assert_eq!(of(&["--demo", "--to", "1.31.1"]), " --demo");
        assert_eq!(of(&["--demo", "--manifest", "of 1.31.yaml"]), " --demo --manifest 'of 1.31.yaml'");
    }
}
