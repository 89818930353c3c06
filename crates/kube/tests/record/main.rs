//! Runs in a real cluster: durable, found by any machine, extended by one executor alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use meshlift_cluster::{Cluster, Fate, Options, Proxy};
use meshlift_kube::record::{ClusterJournal, Holder, Mailbox, QueuedCommand, RecordError, RunBook};
use meshlift_kube::{Access, Connection};
use meshlift_model::journal::{Command, JournalLine, Record};
use meshlift_model::time::Time;
use meshlift_ports::{JournalError, JournalPort};
use serde_json::json;

const RUN: &str = "blue";

/// A connection, as a process of its own would have it.
fn connection(cluster: &Cluster) -> Connection {
    Connection::open(&Access { kubeconfig: Some(cluster.kubeconfig()), context: None }).unwrap()
}

fn holder(name: &str) -> Holder {
    Holder(name.to_owned())
}

/// A line of about that many bytes.
fn line(sequence: u64, bytes: usize) -> JournalLine {
    let by = format!("{sequence} {}", "x".repeat(bytes));
    let command = Command::Approve { step: "canary".to_owned(), by };
    JournalLine { sequence, at: Time::from_millis(1), record: Record::Command { command } }
}

fn append(journal: &mut ClusterJournal, lines: std::ops::Range<u64>, bytes: usize) {
    lines.for_each(|sequence| journal.append(&line(sequence, bytes)).unwrap());
}

fn maps(connection: &Connection, namespace: &str) -> Api<ConfigMap> {
    Api::namespaced(connection.client().clone(), namespace)
}

fn names(connection: &Connection, namespace: &str) -> Vec<String> {
    let params = ListParams::default().labels("meshlift.dev/run=blue");
    let found = connection.wait(maps(connection, namespace).list(&params)).unwrap();
    found.items.into_iter().filter_map(|map| map.metadata.name).collect()
}

type Scenario = fn(&Cluster, &str);

/// One cluster, a namespace for each scenario.
#[test]
fn runs_in_a_real_cluster() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = runtime.block_on(Cluster::up(Options::default())).unwrap();
    let scenarios: [(&str, Scenario); 9] = [
        ("any-machine", any_machine_reads_what_one_wrote),
        ("one-executor", one_executor_at_a_time),
        ("released", a_lease_is_released_where_the_api_server_refuses_at_first),
        ("fenced", whoever_was_taken_over_appends_nothing),
        ("deleted", a_deleted_journal_is_written_anew),
        ("deleted-on-1-32", a_journal_whose_absence_is_a_conflict_is_written_anew),
        ("labelled", others_may_label_and_may_not_write_lines),
        ("lease", a_deleted_lease_does_not_stop_its_holder),
        ("commands", a_command_is_taken_once),
    ];
    for (namespace, scenario) in scenarios {
        let connection = connection(&cluster);
        let namespaces: Api<Namespace> = Api::all(connection.client().clone());
        let object = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
        connection.wait(namespaces.create(&PostParams::default(), &object)).unwrap();
        eprintln!("{namespace}");
        scenario(&cluster, namespace);
    }
}

fn any_machine_reads_what_one_wrote(cluster: &Cluster, namespace: &str) {
    let (here, there) = (connection(cluster), connection(cluster));
    let book = RunBook::new(&there, namespace);
    assert!(matches!(book.lines(RUN), Err(RecordError::NoRun { .. })));
    let mut journal = ClusterJournal::create(&here, namespace, RUN, &holder("a")).unwrap();
    // Lines of 30 kB: every third append seals what is there.
    append(&mut journal, 0..10, 30_000);
    let lines = book.lines(RUN).unwrap();
    assert_eq!(lines, (0..10).map(|sequence| line(sequence, 30_000)).collect::<Vec<_>>());
    assert_eq!(journal.lines().unwrap(), lines);
    // A line that alone is more than a ConfigMap holds is kept compressed.
    journal.append(&line(10, 2_000_000)).unwrap();
    assert_eq!(book.lines(RUN).unwrap().len(), 11);
    assert_eq!(names(&there, namespace).len(), 1 + 4);
    assert_eq!(book.runs().unwrap().len(), 1);
    let refused = journal.append(&line(17, 1)).unwrap_err();
    assert!(matches!(refused, JournalError::Stale { expected: 17, found: 11, .. }), "{refused}");
    let again = ClusterJournal::create(&there, namespace, RUN, &holder("b")).unwrap_err();
    assert!(matches!(again, RecordError::Taken { .. }), "{again}");
}

fn one_executor_at_a_time(cluster: &Cluster, namespace: &str) {
    let (here, there) = (connection(cluster), connection(cluster));
    let mut journal = ClusterJournal::create(&here, namespace, RUN, &holder("alice@laptop")).unwrap();
    append(&mut journal, 0..3, 10);
    let refused = ClusterJournal::take_over(&there, namespace, RUN, &holder("bob"), false).unwrap_err();
    assert!(refused.to_string().contains("executed by alice@laptop since 20"), "{refused}");
    assert!(refused.hint().contains("--take-over"));
    let lease = RunBook::new(&there, namespace).lease(RUN).unwrap().unwrap();
    assert!(lease.is_alive && lease.holder == "alice@laptop", "{lease:?}");
    journal.release();
    let mut journal = ClusterJournal::take_over(&there, namespace, RUN, &holder("bob"), false).unwrap();
    assert_eq!(journal.lines().unwrap().len(), 3);
    append(&mut journal, 3..4, 10);
}

fn a_lease_is_released_where_the_api_server_refuses_at_first(cluster: &Cluster, namespace: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // The first update is turned away, of the second the answer is lost.
    let updates = AtomicUsize::new(0);
    let fates = move |method: &str, path: &str| match (method, path.contains("/leases/")) {
        ("PUT", true) => match updates.fetch_add(1, Ordering::SeqCst) {
            0 => Fate::Answer(503, Some(1)),
            1 => Fate::LoseAnswer(Box::new(|| ())),
            _ => Fate::Pass,
        },
        _ => Fate::Pass,
    };
    let user = runtime.block_on(token_user(cluster, namespace));
    let proxy = runtime.block_on(Proxy::start(&user, fates)).unwrap();
    let through = through(&proxy);
    ClusterJournal::create(&through, namespace, RUN, &holder("alice")).unwrap().release();
    let lease = RunBook::new(&connection(cluster), namespace).lease(RUN).unwrap().unwrap();
    assert!(!lease.is_alive && lease.holder.is_empty(), "{lease:?}");
}

fn through(proxy: &Proxy) -> Connection {
    Connection::open(&Access { kubeconfig: Some(proxy.kubeconfig().to_owned()), context: None }).unwrap()
}

/// Kubeconfig of a service account with all rights: a proxy passes on tokens, not client certificates.
async fn token_user(cluster: &Cluster, namespace: &str) -> PathBuf {
    let params = PostParams::default();
    let accounts: Api<ServiceAccount> = Api::namespaced(cluster.client(), namespace);
    let account = serde_json::from_value(json!({"metadata": {"name": "user"}})).unwrap();
    accounts.create(&params, &account).await.unwrap();
    let binding = serde_json::from_value(json!({
        "metadata": {"name": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": "user"}],
    }));
    let bindings: Api<ClusterRoleBinding> = Api::all(cluster.client());
    bindings.create(&params, &binding.unwrap()).await.unwrap();
    let request = TokenRequest::default();
    let token = accounts.create_token_request("user", &params, &request).await.unwrap().status.unwrap().token;
    cluster.kubeconfig_of(namespace, &token).unwrap()
}

fn whoever_was_taken_over_appends_nothing(cluster: &Cluster, namespace: &str) {
    let (here, there) = (connection(cluster), connection(cluster));
    let mut frozen = ClusterJournal::create(&here, namespace, RUN, &holder("frozen")).unwrap();
    append(&mut frozen, 0..3, 10);
    let mut journal = ClusterJournal::take_over(&there, namespace, RUN, &holder("new"), true).unwrap();
    let refused = frozen.append(&line(3, 10)).unwrap_err();
    assert!(refused.to_string().contains("new executes this run now"), "{refused}");
    append(&mut journal, 3..5, 20);
    let lines = RunBook::new(&here, namespace).lines(RUN).unwrap();
    assert_eq!(lines[3..], [line(3, 20), line(4, 20)]);
}

fn a_deleted_journal_is_written_anew(cluster: &Cluster, namespace: &str) {
    is_written_anew(&connection(cluster), &connection(cluster), namespace, || ());
}

/// As the API server of 1.32 answers, whatever version this one is.
fn a_journal_whose_absence_is_a_conflict_is_written_anew(cluster: &Cluster, namespace: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let is_gone = Arc::new(AtomicBool::new(false));
    let gone = Arc::clone(&is_gone);
    let fates = move |method: &str, path: &str| match method {
        "PUT" if path.contains("/configmaps/") && gone.load(Ordering::SeqCst) => Fate::Answer(409, None),
        // What is made is there again.
        "POST" if path.contains("/configmaps") => {
            gone.store(false, Ordering::SeqCst);
            Fate::Pass
        }
        _ => Fate::Pass,
    };
    let user = runtime.block_on(token_user(cluster, namespace));
    let proxy = runtime.block_on(Proxy::start(&user, fates)).unwrap();
    is_written_anew(&through(&proxy), &connection(cluster), namespace, || {
        is_gone.store(true, Ordering::SeqCst)
    });
    assert!(!is_gone.load(Ordering::SeqCst));
}

fn is_written_anew(here: &Connection, there: &Connection, namespace: &str, is_gone: impl FnOnce()) {
    let mut journal = ClusterJournal::create(here, namespace, RUN, &holder("a")).unwrap();
    append(&mut journal, 0..5, 30_000);
    // The head last: once it is gone, garbage collection would be at the rest too.
    for name in names(there, namespace).into_iter().rev() {
        there.wait(maps(there, namespace).delete(&name, &DeleteParams::default())).unwrap();
    }
    is_gone();
    append(&mut journal, 5..7, 30_000);
    let lines = RunBook::new(there, namespace).lines(RUN).unwrap();
    assert_eq!(lines, (0..7).map(|sequence| line(sequence, 30_000)).collect::<Vec<_>>());
}

fn others_may_label_and_may_not_write_lines(cluster: &Cluster, namespace: &str) {
    let (here, there) = (connection(cluster), connection(cluster));
    let mut journal = ClusterJournal::create(&here, namespace, RUN, &holder("a")).unwrap();
    append(&mut journal, 0..2, 10);
    let change = |patch: serde_json::Value| {
        let (maps, patch) = (maps(&there, namespace), Patch::Merge(patch));
        there.wait(maps.patch("meshlift-run-blue", &PatchParams::default(), &patch)).unwrap();
    };
    change(json!({"metadata": {"labels": {"team": "platform"}}}));
    append(&mut journal, 2..3, 10);
    change(json!({"data": {"lines": "{}\n"}}));
    let refused = journal.append(&line(3, 10)).unwrap_err();
    assert!(refused.to_string().contains("somebody changed its lines"), "{refused}");
    let damaged = RunBook::new(&there, namespace).lines(RUN).unwrap_err();
    assert!(matches!(damaged, RecordError::Journal { .. }), "{damaged}");
}

fn a_deleted_lease_does_not_stop_its_holder(cluster: &Cluster, namespace: &str) {
    let (here, there) = (connection(cluster), connection(cluster));
    let mut journal = ClusterJournal::create(&here, namespace, RUN, &holder("a")).unwrap();
    let leases: Api<Lease> = Api::namespaced(there.client().clone(), namespace);
    there.wait(leases.delete("meshlift-run-blue", &DeleteParams::default())).unwrap();
    append(&mut journal, 0..1, 10);
    // Somebody who takes over meanwhile is the executor: the head decides, not the Lease.
    let mut other = ClusterJournal::take_over(&there, namespace, RUN, &holder("b"), false).unwrap();
    assert!(journal.append(&line(1, 10)).is_err());
    append(&mut other, 1..2, 10);
}

fn a_command_is_taken_once(cluster: &Cluster, namespace: &str) {
    let (here, there) = (connection(cluster), connection(cluster));
    let mailbox = Mailbox::new(&there, namespace, RUN);
    let approve = Command::Approve { step: "wave-1".to_owned(), by: "alice".to_owned() };
    for command in [Command::Pause, approve.clone()] {
        mailbox.post(&QueuedCommand::now(command, "alice")).unwrap();
    }
    let (sender, taken) = mpsc::channel();
    let watch = Mailbox::new(&here, namespace, RUN).watch(move |one| sender.send(one).is_ok());
    let next = || taken.recv_timeout(std::time::Duration::from_secs(30)).unwrap().unwrap().command;
    assert_eq!([next(), next()], [Command::Pause, approve]);
    mailbox.post(&QueuedCommand::now(Command::Resume, "alice")).unwrap();
    assert_eq!(next(), Command::Resume);
    watch.abort();
}
