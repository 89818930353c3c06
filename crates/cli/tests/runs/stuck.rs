//! A new istiod that does not take the mesh's configuration: nothing moves. Pods of the new revision that never get Ready:
//! the wave is taken back, and a set gets past its stuck pod.

use meshlift_istiod_standin::Behaviour;

use crate::lab::{INTENT, Lab, NEW, OLD};
use crate::{announced, everything_is_back, plan_with};

/// `OrderedReady`, three replicas: its controller waits for a pod that never gets Ready, also on the way back.
const LEDGER: &str = "StatefulSet/payments/ledger";
/// Configuration that every istiod of the recorded mesh reads.
const POLICY: &str = "PeerAuthentication/istio-system/default";
const CHOICES: &str = "\
choices:
  - subject: StatefulSet/payments/ledger
    choose: allow-unavailable 1
    reason: two of three keep the quorum
";

#[test]
fn a_set_that_gets_stuck_on_the_new_revision_is_taken_back() {
    let lab = Lab::with(&[LEDGER]);
    let (before, watcher) = (lab.mesh(), lab.watcher());
    let plan = plan_with(&lab, &format!("{INTENT}{CHOICES}"));
    let unready = Behaviour { injected_pods_stay: Some("unready".to_owned()), ..Behaviour::default() };
    let refused = [(POLICY.to_owned(), "unknown field \"mtls.sternness\"".to_owned())].into();
    lab.behave(NEW, Behaviour { refuses_objects: refused, ..unready.clone() });
    let status = || lab.run(&["status", "--run", "fir"]).stdout;
    let said = lab.run(&lab.onward(&["apply", &plan, "--yes", "--run", "fir"], "tag-default"));
    let told = status();
    assert!(
        said.exit == 1 && told.contains(&format!("ML4005 {POLICY}")),
        "{}{}{told}",
        said.stdout,
        said.stderr
    );
    assert_eq!(lab.revisions("payments"), [OLD, OLD, OLD], "nothing moves before it takes everything");
    lab.behave(NEW, unready);
    let said = lab.run(&lab.onward(&["resume", "--run", "fir"], "tag-default"));
    let told = status();
    assert!(said.exit == 1 && told.contains("was taken back"), "{}{}{told}", said.stdout, said.stderr);
    assert!(told.contains("is not Ready after 120 s"), "{told}");
    assert_eq!(lab.revisions("payments"), [OLD, OLD, OLD]);
    assert!(lab.all_ready());
    let said = lab.run(&["rollback", "--run", "fir"]);
    assert!(said.stdout.contains("ROLLED BACK"), "{}{}", said.stdout, said.stderr);
    everything_is_back(&lab, &before);
    watcher.check(&announced(&plan));
}
