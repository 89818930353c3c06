//! What findings do not say: which checks were not run, and what was accepted.

use std::collections::BTreeMap;

use meshlift_checks::assessment::NotRun;
use meshlift_model::finding::Finding;

use super::{Acceptance, Results};
use crate::text::count;

/// Codes that are named where so few checks were not run.
const NAMED_MAX: usize = 3;

/// That checks of the target were not run, where there is none.
pub(super) fn without_target(results: &Results<'_>) -> Option<String> {
    let codes = results.not_run(NotRun::NoTarget);
    let were = if codes.len() == 1 { "was" } else { "were" };
    let names = if codes.len() <= NAMED_MAX { format!(": {}", codes.join(", ")) } else { String::new() };
    let checks = count(codes.len(), "check");
    (!codes.is_empty()).then(|| format!("without --to, {checks} of the target {were} not run{names}"))
}

/// How many findings were accepted, by whom, and until when at least.
pub(super) fn accepted(all: &[Acceptance<'_>]) -> Option<String> {
    let mut owners: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for one in all {
        let (number, until) = owners.entry(one.owner).or_insert((0, one.until));
        *number += 1;
        // Days are written alike: the earlier text is the earlier day.
        *until = (*until).min(one.until);
    }
    let by = |(owner, (number, until)): (&&str, &(usize, &str))| format!("{number} by {owner} until {until}");
    let words: Vec<String> = owners.iter().map(by).collect();
    let findings = count(all.len(), "finding");
    (!all.is_empty()).then(|| format!("{findings} not shown: {}", words.join(", ")))
}

/// Where there is more to read of a finding, and where choices go.
pub(super) fn more(findings: &[&Finding]) -> Option<String> {
    findings.first()?;
    let chosen = findings.iter().any(|finding| finding.needs_choice());
    let chosen = if chosen { "; a choice goes into the intent, --intent FILE" } else { "" };
    Some(format!("`meshlift explain CODE` tells why, how to see it and how to mend it{chosen}"))
}

#[cfg(test)]
mod tests {
    use meshlift_model::finding::{Consequence, Severity};

    use super::*;
    use crate::check::samples::finding;

    #[test]
    fn what_is_accepted_is_counted_by_owner_with_the_day_that_comes_first() {
        let finding = finding("ML1040", Severity::Warn, Consequence::Exposed);
        let of = |owner, until| Acceptance { finding: &finding, owner, until, reason: "r" };
        let all = [of("web", "2027-03-01"), of("rates", "2027-01-31"), of("web", "2027-02-01")];
        let said = accepted(&all).unwrap();
        assert_eq!(said, "3 findings not shown: 1 by rates until 2027-01-31, 2 by web until 2027-02-01");
        assert_eq!(accepted(&[]), None);
    }
}
