//! The rules: one file per stage, and their order as data.

mod canary;
mod cleanup;
mod control_plane;
mod crds;
mod dark;
mod draft;
mod gateways;
mod not_built;
mod observe;
mod partition;
mod preflight;
mod relabel;
mod tag_bound;
mod tags;
mod wave_step;
mod waves;

use meshlift_model::plan::Stage;
use meshlift_model::plant::{Plant, is_planted};

use crate::report::StageReport;

pub(crate) use control_plane::obstacles;
pub(crate) use draft::Draft;

/// One stage: what must come before it, and what makes its steps and says why there are these or none.
pub(crate) struct Rule {
    pub(crate) stage: Stage,
    /// Stages whose steps come before its own, wherever both have some.
    pub(crate) after: &'static [Stage],
    run: fn(&mut Draft<'_, '_>) -> String,
}

/// All stages. A stage runs after all that it names; the list is in such an order.
pub(crate) const RULES: &[Rule] = &[
    Rule { stage: Stage::Preflight, after: &[], run: preflight::run },
    Rule { stage: Stage::Crds, after: &[Stage::Preflight], run: crds::run },
    Rule { stage: Stage::ControlPlane, after: &[Stage::Crds], run: control_plane::run },
    Rule { stage: Stage::Canary, after: &[Stage::ControlPlane], run: canary::run },
    Rule { stage: Stage::Wave, after: &[Stage::Canary], run: waves::run },
    Rule { stage: Stage::Gateway, after: &[Stage::Wave], run: gateways::run },
    // A tag's tag-bound workloads come right after their tag: see `tags`.
    Rule { stage: Stage::Tag, after: &[Stage::Wave], run: tags::run },
    Rule { stage: Stage::TagBound, after: &[Stage::Wave], run: tag_bound::run },
    Rule { stage: Stage::Relabel, after: &[Stage::Tag, Stage::TagBound], run: relabel::run },
    Rule { stage: Stage::Observe, after: &[Stage::Gateway, Stage::Relabel], run: observe::run },
    Rule { stage: Stage::Dark, after: &[Stage::Observe], run: dark::run },
    Rule { stage: Stage::Cleanup, after: &[Stage::Dark], run: cleanup::run },
    Rule { stage: Stage::NotBuilt, after: &[Stage::Cleanup], run: not_built::run },
];

/// Runs all rules in order.
pub(crate) fn run(draft: &mut Draft<'_, '_>) -> Vec<StageReport> {
    let mut reports = Vec::new();
    let early = is_planted(Plant::OldRevisionRemovedEarly);
    for rule in RULES.iter().filter(|rule| !early || rule.stage != Stage::Cleanup) {
        let first = draft.steps.len();
        let blocked = draft.survey.blocked && rule.stage != Stage::NotBuilt;
        let reason = if blocked { "the whole run waits".to_owned() } else { (rule.run)(draft) };
        let steps = draft.steps.iter().skip(first).map(|step| step.id.clone()).collect();
        reports.push(StageReport { stage: rule.stage, steps, reason });
        if early && rule.stage == Stage::ControlPlane {
            cleanup::run(draft);
        }
    }
    reports
}

/// All stages that come before a stage, directly or not.
pub(crate) fn before(stage: Stage) -> Vec<Stage> {
    let mut all = Vec::new();
    let mut next = vec![stage];
    while let Some(stage) = next.pop() {
        let after = RULES.iter().find(|rule| rule.stage == stage).map_or(&[][..], |rule| rule.after);
        for earlier in after {
            if !all.contains(earlier) {
                all.push(*earlier);
                next.push(*earlier);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_an_order_that_its_arrows_allow() {
        for (index, rule) in RULES.iter().enumerate() {
            for earlier in rule.after {
                assert!(RULES.iter().take(index).any(|one| one.stage == *earlier), "{:?}", rule.stage);
            }
        }
        assert_eq!(before(Stage::Cleanup).len(), 11);
        assert!(!before(Stage::Tag).contains(&Stage::Gateway));
    }
}
