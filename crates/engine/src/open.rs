//! How the mesh is before a step: what its gates compare with afterwards.

use meshlift_model::effect::{Observation, Query};
use meshlift_model::plan::Gate;

use crate::look::Look;
use crate::next::{Judged, Next};

/// Reads what the step's gates compare with.
pub(crate) fn judge(look: &Look<'_>) -> Next {
    match read(look) {
        Ok(next) | Err(next) => next,
    }
}

fn read(look: &Look<'_>) -> Judged {
    let needs = |gate: &Gate| look.plan_step().gates.contains(gate);
    let queries = [(Gate::NoNewFindings, Query::Findings), (Gate::NothingMoved, Query::Census)];
    look.ask_all(queries.into_iter().filter(|(gate, _)| needs(gate)).map(|(_, query)| query))?;
    Ok(Next::Done("what the step will be compared with is known".to_owned()))
}

/// The baseline: keys of findings, and the census where a gate compares with it.
pub(crate) fn baseline(answers: &[(Query, Observation)]) -> (Vec<String>, Option<String>) {
    let mut keys = Vec::new();
    let mut census = None;
    for (_, answer) in answers {
        if let Observation::Findings { findings } = answer {
            keys.extend(findings.iter().map(|finding| finding.key.clone()));
        }
        if let Observation::Census { digest, .. } = answer {
            census = Some(digest.clone());
        }
    }
    (keys, census)
}
