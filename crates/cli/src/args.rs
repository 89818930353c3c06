//! The grammar of the command line. What a flag does is decided in `commands`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use meshlift_views::kubectl::quoted;

use crate::commands::{
    apply, check, cleanup, completions, explain, inspect, plan, rehearse, snapshot, status, steer, versions,
};

/// Upgrades Istio step by step: finds what would break, plans, rehearses, carries out, and takes back.
#[derive(Debug, Parser)]
#[command(name = "meshlift", version, propagate_version = true, max_term_width = 80)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Forms of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
}

/// One verb, one file in `commands`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Write what was read of a mesh to one compressed file (or a folder of lists)
    Snapshot(snapshot::SnapshotArgs),
    /// The mesh at a glance, or one thing of it explained
    Inspect(inspect::InspectArgs),
    /// Findings, grouped by what follows for an upgrade
    Check(check::CheckArgs),
    /// The path to a version: which hops and patch levels, and why
    Versions(versions::VersionsArgs),
    /// The whole upgrade as a file to review
    Plan(plan::PlanArgs),
    /// Carry out the upgrade on the twin, and show what it would cost
    Rehearse(rehearse::RehearseArgs),
    /// Carry out a plan on the cluster; its journal is kept there, and any machine can resume it
    Apply(apply::ApplyArgs),
    /// The runs of the cluster, or how one stands
    Status(status::StatusArgs),
    /// Start nothing new; what is under way ends
    Pause(steer::SteerArgs),
    /// Go on with a run, wherever it was left
    Resume(steer::ResumeArgs),
    /// Say yes to a step that waits for it, and go on
    Approve(steer::ApproveArgs),
    /// Take the step at work back, and stop
    Abort(steer::SteerArgs),
    /// Take everything back, step by step, as the journal says
    Rollback(steer::RollbackArgs),
    /// Finish a run: remove the old revision, then what the run left in the cluster
    Cleanup(cleanup::CleanupArgs),
    /// A finding or error code at length: why, how to see it, what to do
    Explain(explain::ExplainArgs),
    /// Completion for a shell
    Completions(completions::CompletionsArgs),
}

/// Where the mesh is read from.
#[derive(Clone, Debug, Args)]
pub(crate) struct MeshArgs {
    /// A file that `meshlift snapshot` wrote, or a folder of `kubectl get -o json` lists
    #[arg(long, value_name = "PATH", conflicts_with = "demo", help_heading = "Mesh")]
    pub(crate) snapshot: Option<PathBuf>,
    /// The built-in recorded mesh, with its manifests and its intent
    #[arg(long, help_heading = "Mesh")]
    pub(crate) demo: bool,
    /// Kubeconfig of a live cluster; without any of these flags the mesh is read as kubectl would: KUBECONFIG,
    /// ~/.kube/config, or the service account of the pod that this runs in
    #[arg(long, value_name = "PATH", conflicts_with_all = ["demo", "snapshot"], help_heading = "Mesh")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["demo", "snapshot"], help_heading = "Mesh")]
    pub(crate) context: Option<String>,
}

impl MeshArgs {
    /// True if any flag names a mesh.
    pub(crate) fn is_given(&self) -> bool {
        self.demo || self.snapshot.is_some() || self.kubeconfig.is_some() || self.context.is_some()
    }

    /// The same flags, each with a space before it, for commands that meshlift proposes.
    pub(crate) fn flags(&self) -> String {
        let path = |flag: &str, path: &Option<PathBuf>| {
            path.as_ref()
                .map_or(String::new(), |path| format!(" {flag} {}", quoted(&path.display().to_string())))
        };
        let demo = if self.demo { " --demo" } else { "" };
        let context =
            self.context.as_ref().map_or(String::new(), |name| format!(" --context {}", quoted(name)));
        format!(
            "{}{demo}{}{context}",
            path("--snapshot", &self.snapshot),
            path("--kubeconfig", &self.kubeconfig)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }
}
