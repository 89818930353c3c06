//! Prove by dry-run creation what pods would get, after caches had time to settle.

use meshlift_model::defaults::POLL_SECONDS;
use meshlift_model::effect::InjectionProof;
use meshlift_model::names::{ObjectRef, RevisionName};

use crate::look::Look;
use crate::next::{Judged, Next};
use crate::others;
use crate::preconditions::some_of;

/// Seconds in which answers may still disagree: caches of several API servers and istiods.
const AGREE_SECONDS_MAX: i64 = 60;

/// What is to be proven.
pub(crate) struct Proof<'a> {
    pub(crate) namespace: &'a str,
    /// Revision that pods must get; absent for no sidecar.
    pub(crate) revision: Option<&'a RevisionName>,
    pub(crate) workloads: &'a [ObjectRef],
    pub(crate) settle_seconds: i64,
    pub(crate) count: usize,
}

pub(crate) fn judge(look: &Look<'_>, proof: Proof<'_>) -> Judged {
    settled(look, proof.settle_seconds)?;
    let proofs = look.dry_run(proof.namespace, proof.workloads, proof.count)?;
    let wrong: Vec<String> =
        proofs.iter().filter(|one| one.revision.as_ref() != proof.revision).map(words).collect();
    let wanted = revision_words(proof.revision);
    if !wrong.is_empty() {
        others::selector_kept(look, proof.namespace)?;
        let why = format!("pods in {} would not get {wanted}: {}", proof.namespace, some_of(&wrong));
        let since = look.ledger.last_selector_change().unwrap_or(look.began).max(look.began);
        if look.now >= since.plus_seconds(proof.settle_seconds + AGREE_SECONDS_MAX) {
            return Err(Next::blame(why));
        }
        return Err(look.wait_until(look.now.plus_seconds(POLL_SECONDS), why));
    }
    if proofs.len() < proof.count {
        let (made, count) = (proofs.len(), proof.count);
        return Err(Next::hold(format!(
            "{made} of {count} dry-run creations in {} were made",
            proof.namespace
        )));
    }
    Ok(Next::Done(how_it_was_proven(proofs, &wanted)))
}

/// Waits until the newest change of a selector is old enough.
pub(crate) fn settled(look: &Look<'_>, settle_seconds: i64) -> Judged<()> {
    let changed = look.ledger.last_selector_change();
    let until = changed.map(|changed| changed.plus_seconds(settle_seconds)).filter(|until| *until > look.now);
    match until {
        Some(until) => Err(look.wait_until(until, "caches of API servers and istiods settle")),
        None => Ok(()),
    }
}

fn how_it_was_proven(proofs: &[InjectionProof], wanted: &str) -> String {
    let refused = proofs.iter().filter(|one| one.refused.is_some()).count();
    let made = proofs.len() - refused;
    if refused == 0 {
        return format!("{made} dry-run creations get {wanted}");
    }
    format!(
        "{made} dry-run creations get {wanted}; {refused} were refused, there the injector itself says so"
    )
}

fn words(proof: &InjectionProof) -> String {
    let refused = proof.refused.as_ref().map(|why| format!(" (creation refused: {why})")).unwrap_or_default();
    format!("{} gets {}{refused}", proof.workload, revision_words(proof.revision.as_ref()))
}

fn revision_words(revision: Option<&RevisionName>) -> String {
    revision.map_or_else(|| "no sidecar".to_owned(), ToString::to_string)
}
