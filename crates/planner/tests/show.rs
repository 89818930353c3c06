//! Prints plans for a look at them: `cargo test -p meshlift-planner --test show -- --ignored --nocapture`.
use meshlift_mesh::Mesh;
use meshlift_planner::{intent, plan, write};
use meshlift_snapshot as snapshot;
use std::sync::Arc;

#[test]
#[ignore = "for a look"]
fn show() {
    let names = std::env::var("CL").unwrap_or("before".into());
    for name in names.split(',') {
        let snap = snapshot::fixtures::cluster(name).unwrap();
        let digest = snapshot::digest(&snap);
        let mesh = Mesh::derive(Arc::new(snap));
        let mut want = match std::env::var("INTENT") {
            Ok(p) => intent::parse(&std::fs::read_to_string(p).unwrap()).unwrap_or_else(|e| panic!("{e}")),
            Err(_) => Default::default(),
        };
        want.target = Some("1.30.3".parse().unwrap());
        let manifest = snapshot::shipped_manifest(&want.target.clone().unwrap(), name.starts_with("ambient"));
        println!("===== {name} manifest {:?}", manifest.is_some());
        let (plan, report) = match plan(&mesh, &want, manifest.as_ref(), &digest) {
            Ok(x) => x,
            Err(e) => {
                println!(
                    "ERR {} {e} {} {:?}",
                    e.code(),
                    e.hint(),
                    std::error::Error::source(&e).map(|s| s.to_string())
                );
                continue;
            }
        };
        for w in &plan.waiting {
            println!(
                "WAIT {} [{}] {} || {} || holds {}",
                w.subject,
                w.code.clone().unwrap_or_default(),
                w.reason,
                w.offers.join("|"),
                w.holds.iter().map(|h| h.to_string()).collect::<Vec<_>>().join(",")
            );
        }
        for s in &plan.steps {
            println!(
                "STEP {} {:?} needs {:?} pods {} surge {} exp {} undo {} bake {} appr {} person {:?}\n     {} -- {}",
                s.id,
                s.stage,
                s.needs,
                s.pods,
                s.surge_pods,
                s.expected_seconds,
                s.undo_seconds,
                s.bake_seconds,
                s.approve_after,
                s.person.as_ref().map(|p| (&p.why, &p.commands, p.approval)),
                s.title,
                s.reason
            );
            if std::env::var("FULL").is_ok() {
                for a in &s.actions {
                    println!(
                        "       {} {} {} {:?}",
                        a.phase,
                        a.kind.verb(),
                        a.kind.subject(),
                        match &a.kind {
                            meshlift_model::action::ActionKind::Move(m) => format!(
                                "{:?} {:?} {}/{} {}",
                                m.how, m.cures, m.ready_min, m.replicas, m.seconds_max
                            ),
                            meshlift_model::action::ActionKind::SelectRevision { from, to, .. } =>
                                format!("{from} -> {to}"),
                            _ => String::new(),
                        }
                    );
                }
            }
            if !s.may_move.is_empty() {
                println!("     may_move {:?}", s.may_move.iter().map(|o| o.to_string()).collect::<Vec<_>>());
            }
            if !s.announces.is_empty() {
                println!("     announces {:?}", s.announces);
            }
            for f in &s.floors {
                if f.accepted_loss.is_some() {
                    println!("     loss {} {:?}", f.workload, f.accepted_loss);
                }
            }
        }
        for n in meshlift_planner::audit(&plan, Some(&mesh)) {
            println!("AUDIT {:?} {} {}", n.severity, n.code, n.text);
        }
        let left = meshlift_planner::leaves_behind(&mesh, &plan, manifest.as_ref());
        let again =
            meshlift_planner::plan(&Mesh::derive(Arc::new(left)), &want, manifest.as_ref(), "x").unwrap();
        for s in &again.0.steps {
            println!("AGAIN {} {}", s.id, s.title);
        }
        for w in &again.0.waiting {
            println!("AGAIN WAIT {} {}", w.subject, w.reason);
        }
        for n in &again.1.notes {
            println!("AGAIN NOTE {} {}", n.code, n.text);
        }
        for n in &report.notes {
            println!("NOTE {} {}", n.code, n.text);
        }
        for s in &report.stages {
            println!("STAGE {:?} {:?} {}", s.stage, s.steps, s.reason);
        }
        if std::env::var("FATES").is_ok() {
            for (w, f) in &report.workloads {
                println!("FATE {w} {f:?}");
            }
        }
        if std::env::var("YAML").is_ok() {
            println!("{}", write(&plan));
        }
        println!("yaml bytes {}", write(&plan).len());
    }
}
