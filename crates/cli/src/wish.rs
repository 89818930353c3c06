//! What the person wants: the intent, and the version to go to.

use std::path::PathBuf;

use clap::Args;
use meshlift_model::intent::Intent;
use meshlift_model::names::IstioVersion;
use meshlift_planner::intent;
use meshlift_views::kubectl::quoted;

use crate::args::MeshArgs;
use crate::failure::{CliError, Failure};
use crate::files;

/// The intent of the built-in mesh.
const DEMO_INTENT: &str = include_str!("../../../fixtures/demo-intent.yaml");

/// Flags of what is wanted.
#[derive(Clone, Debug, Args)]
pub(crate) struct WishArgs {
    /// Istio version to go to, such as 1.30.3
    #[arg(long, value_name = "VERSION", help_heading = "Upgrade")]
    pub(crate) to: Option<IstioVersion>,
    /// Intent file: limits, order, and a choice for each hazard
    #[arg(long, value_name = "FILE", help_heading = "Upgrade")]
    pub(crate) intent: Option<PathBuf>,
}

impl WishArgs {
    /// The intent: of the file, of the built-in mesh, or none; `--to` replaces its target.
    pub(crate) fn intent(&self, mesh: &MeshArgs) -> Result<Intent, Failure> {
        let mut intent = match &self.intent {
            Some(path) => {
                intent::parse(&files::read(path)?).map_err(|error| Failure::from(error).in_file(path))?
            }
            None if mesh.demo => intent::parse(DEMO_INTENT)?,
            None => Intent { format_version: meshlift_model::defaults::FORMAT_VERSION, ..Intent::default() },
        };
        if self.to.is_some() {
            intent.target.clone_from(&self.to);
        }
        Ok(intent)
    }

    /// The intent, with a target.
    pub(crate) fn upgrade(&self, mesh: &MeshArgs) -> Result<(Intent, IstioVersion), Failure> {
        let intent = self.intent(mesh)?;
        let target = intent.target.clone().ok_or(CliError::NoTarget)?;
        Ok((intent, target))
    }

    /// The same flags, for commands that meshlift proposes; a target that nobody named stands as VERSION.
    pub(crate) fn flags(&self, intent: &Intent) -> String {
        let missing = if intent.target.is_none() { " --to VERSION" } else { "" };
        format!("{missing}{}", self.again())
    }

    /// The flags as they were given.
    pub(crate) fn again(&self) -> String {
        let to = self.to.as_ref().map_or(String::new(), |to| format!(" --to {to}"));
        format!("{to}{}", self.intent_again())
    }

    /// The same flags with another target.
    pub(crate) fn flags_to(&self, target: &str) -> String {
        format!(" --to {target}{}", self.intent_again())
    }

    fn intent_again(&self) -> String {
        let path = self.intent.as_ref();
        path.map_or(String::new(), |path| format!(" --intent {}", quoted(&path.display().to_string())))
    }
}
