//! An executor that is frozen between its journal line and the effect, while another one decides otherwise.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};

use meshlift_cluster::Fate;

use crate::lab::{Lab, NEW};
use crate::{everything_is_back, make_plan, refused, signal, start};

#[test]
fn what_a_frozen_executor_was_about_to_do_is_never_done() {
    let lab = Lab::up();
    let before = lab.mesh();
    let plan = make_plan(&lab);
    let said = lab.run(&lab.onward(&["apply", &plan, "--yes", "--run", "ice"], "wave-2"));
    assert_eq!(lab.revisions("ledger-classic"), [NEW, NEW], "{}{}", said.stdout, said.stderr);

    // The next effect applies a tag, which nothing binds to a resourceVersion: frozen when it was tried as a dry run.
    let victim = Arc::new(AtomicU32::new(0));
    let (frozen, freezes) = mpsc::channel();
    let (process, once) = (Arc::clone(&victim), AtomicBool::new(false));
    let proxy = lab.proxy(move |method, path| {
        let is_tag = method == "PATCH" && path.contains("/services/istiod-revision-tag-prod-");
        if !is_tag || !path.contains("dryRun") || once.swap(true, Ordering::SeqCst) {
            return Fate::Pass;
        }
        let (process, frozen) = (process.load(Ordering::SeqCst), frozen.clone());
        Fate::Answered(Box::new(move || {
            signal(process, "-STOP");
            frozen.send(()).unwrap();
        }))
    });
    let mut child = start(proxy.kubeconfig(), &["resume", "--grant-approvals", "ann"]);
    victim.store(child.id(), Ordering::SeqCst);
    freezes.recv_timeout(crate::WAIT).unwrap();

    // A second one is told who executes, and leaves everything to it; by force it takes everything back.
    refused(&lab.run(&["apply", &plan, "--yes", "--run", "other"]), "ML9527", "executes it");
    let said = lab.run(&["rollback", "--run", "ice", "--take-over"]);
    assert!(said.exit == 1 && said.stdout.contains("ROLLED BACK"), "{}{}", said.stdout, said.stderr);
    everything_is_back(&lab, &before);

    signal(child.id(), "-CONT");
    assert_eq!(child.wait().unwrap().code(), Some(2), "it learns that it was replaced");
    everything_is_back(&lab, &before);
    let status = lab.run(&["status", "--run", "ice"]);
    assert!(status.stdout.contains("ROLLED BACK"), "{}", status.stdout);
}
