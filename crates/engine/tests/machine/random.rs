//! Whatever arrives, in whatever order: never a panic, never a write without its journaled intent, never a
//! run that waits for nothing, and a journal that folds to the same run.

use std::collections::BTreeMap;

use meshlift_engine::Run;
use meshlift_model::effect::*;
use meshlift_model::finding::Severity;
use meshlift_model::journal::{Command, Input, InputEvent, Instruction, JournalLine, Record};
use meshlift_model::k8s::{
    Namespace, Object, Pod, Resource, ResourceQuota, RollingUpdate, StatefulSet, UpdateStrategy,
};
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::time::Time;
use proptest::prelude::*;

use crate::plan::{NEW, OLD, at, plan, started};

/// Choices, one after another; when they are used up, 0: the good answer.
struct Dice<'a>(std::slice::Iter<'a, u8>);

impl Dice<'_> {
    fn of(&mut self, sides: u8) -> u8 {
        self.0.next().map_or(0, |byte| byte % sides)
    }

    fn pick<'b, T>(&mut self, values: &'b [T]) -> &'b T {
        &values[usize::from(self.of(u8::try_from(values.len()).unwrap()))]
    }

    fn rarely(&mut self) -> bool {
        self.0.next().is_some_and(|byte| byte % 64 == 63)
    }
}

fn failure(dice: &mut Dice<'_>) -> Failure {
    let message = String::from("no");
    dice.pick(&[
        Failure::Unavailable { message: message.clone() },
        Failure::Conflict { message: message.clone() },
        Failure::Budget { message: message.clone() },
        Failure::NotFound { message: message.clone() },
        Failure::Refused { message: message.clone() },
        Failure::Forbidden { message: message.clone() },
        Failure::Unsupported { message },
    ])
    .clone()
}

/// What the world would answer; mostly as the newest write left it, sometimes anything.
#[derive(Default)]
struct World {
    labels: BTreeMap<String, Option<String>>,
    restarted_at: BTreeMap<ObjectRef, Option<String>>,
    moved: BTreeMap<ObjectRef, bool>,
    replicas: BTreeMap<ObjectRef, i32>,
    tag: Option<Option<RevisionName>>,
    gone: BTreeMap<ObjectRef, bool>,
    partition: Option<i32>,
    quota: Option<String>,
}

impl World {
    fn write(&mut self, write: &Write) {
        let target = write.target.clone();
        match &write.change {
            Change::Labels { labels } => self.labels.extend(labels.clone()),
            Change::TemplateAnnotation { value, .. } => {
                self.moved.insert(target.clone(), value.is_some());
                self.restarted_at.insert(target, value.clone());
            }
            Change::Replicas { replicas } => drop(self.replicas.insert(target, *replicas)),
            Change::SetTag { revision } => self.tag = Some(Some(revision.clone())),
            Change::RemoveTag => self.tag = Some(None),
            Change::Delete => drop(self.gone.insert(target, true)),
            Change::Restore { .. } => drop(self.gone.insert(target, false)),
            Change::Partition { partition } => self.partition = Some(*partition),
            Change::Quota { hard, .. } => self.quota = Some(hard.clone()),
            Change::RecreatePod | Change::Evict => {
                let moved = self.moved.entry(target).or_default();
                *moved = !*moved;
            }
            Change::AutoscalerMin { .. }
            | Change::Strategy { .. }
            | Change::ApplyCrds { .. }
            | Change::InstallRevision { .. } => {}
        }
    }

    fn answer(&self, query: &Query, dice: &mut Dice<'_>, now: Time) -> Observation {
        let new = || Some(RevisionName::from(NEW));
        let odd = dice.rarely();
        match query {
            Query::Object { object } => Observation::Object { object: self.object(object, odd) },
            Query::Stored { object } => {
                let stored = self.object(object, false).map(|object| object.to_value().unwrap());
                Observation::Stored { objects: stored.into_iter().collect() }
            }
            Query::Workload { workload } => {
                Observation::Workload { workload: (!odd).then(|| Box::new(self.view(workload, dice, now))) }
            }
            Query::Tag { .. } => {
                let webhook = self.tag.clone().unwrap_or(Some(OLD.into()));
                Observation::Tag { service: webhook.clone().filter(|_| !odd), webhook }
            }
            Query::DryRun { workloads, count, .. } => {
                let on_new = self.labels.get("istio.io/rev").is_some_and(|rev| rev.as_deref() == Some(NEW));
                let revision = if on_new != odd { new() } else { Some(OLD.into()) };
                let workload = workloads.first().cloned().unwrap_or_default();
                let proof = InjectionProof { workload, revision, refused: None };
                Observation::DryRun { proofs: vec![proof; *count] }
            }
            Query::Revision { revision } => {
                let (ready, root) = (if odd { 0 } else { 2 }, Some("root".to_owned()));
                let view = RevisionView {
                    revision: revision.clone(),
                    version: "1.30.3".parse().ok(),
                    ready,
                    replicas: 2,
                    root_ca: root,
                    other_root_cas: vec![],
                };
                Observation::Revision { revision: Some(view) }
            }
            Query::Consumers { .. } | Query::Followers { .. } => {
                let consumers = if odd { vec!["Pod/web/x".to_owned()] } else { vec![] };
                Observation::Consumers { consumers, unknown: vec![] }
            }
            Query::Census => Observation::Census { pods: 3, digest: if odd { "x" } else { "y" }.into() },
            Query::Findings => {
                let finding =
                    FindingView { key: "ML9".into(), severity: Severity::Warn, detail: String::new() };
                Observation::Findings { findings: if odd { vec![finding] } else { vec![] } }
            }
        }
    }

    fn object(&self, name: &ObjectRef, odd: bool) -> Option<Box<Object>> {
        if odd || self.gone.get(name).copied().unwrap_or(false) {
            return None;
        }
        let object = match name.kind.as_str() {
            "Namespace" => {
                let mut one = Namespace::default();
                let prod = Some("prod".to_owned());
                let rev = self.labels.get("istio.io/rev").cloned().unwrap_or(prod);
                one.metadata.labels.extend(rev.map(|rev| ("istio.io/rev".to_owned(), rev)));
                one.into_object()
            }
            "ResourceQuota" => {
                let mut one = ResourceQuota::default();
                one.spec.hard.insert("pods".into(), self.quota.clone().unwrap_or("3".into()));
                one.into_object()
            }
            "StatefulSet" => {
                let mut one = StatefulSet::default();
                let rolling =
                    RollingUpdate { partition: self.partition.or(Some(1)), ..RollingUpdate::default() };
                one.spec.update_strategy =
                    UpdateStrategy { type_: "OnDelete".into(), rolling_update: Some(rolling) };
                one.into_object()
            }
            _ => Pod::default().into_object(),
        };
        let mut object = object;
        object.meta_mut().name = name.name.to_string();
        object.meta_mut().namespace.clone_from(&name.namespace);
        object.meta_mut().uid = "u".into();
        Some(Box::new(object))
    }

    fn view(&self, workload: &ObjectRef, dice: &mut Dice<'_>, now: Time) -> WorkloadView {
        let moved = self.moved.get(workload).copied().unwrap_or(workload.name == "shop");
        let replicas = self.replicas.get(workload).copied().unwrap_or(2);
        let pod = |number: i32, dice: &mut Dice<'_>| {
            let me = ObjectRef::new("Pod", &workload.namespace, &format!("{}-{number}", workload.name));
            let moved = moved || self.moved.get(&me).copied().unwrap_or(false);
            let revision = if moved != dice.rarely() { NEW } else { OLD };
            PodView {
                name: format!("{}-{number}", workload.name),
                uid: format!("{moved}-{number}"),
                created: if moved { now.plus_seconds(-1) } else { at(-1000) },
                terminating: dice.rarely(),
                updated: true,
                ready_since: (!dice.rarely()).then(|| now.plus_seconds(-1)),
                restarts: 0,
                revision: (!dice.rarely()).then(|| revision.into()),
                image_version: revision.replace('-', ".").parse().ok(),
                connected_to: (!dice.rarely()).then(|| revision.into()),
                synced: !dice.rarely(),
                nack: dice.rarely().then(|| "no".into()),
            }
        };
        WorkloadView {
            workload: workload.clone(),
            uid: "u".into(),
            resource_version: "1".into(),
            generation: 1,
            observed_generation: 1,
            template_digest: "t".into(),
            restarted_at: self.restarted_at.get(workload).cloned().unwrap_or_default(),
            replicas,
            min_ready_seconds: 0,
            rolled_out: !dice.rarely(),
            trouble: None,
            pods: (0..replicas).map(|number| pod(number, dice)).collect(),
        }
    }
}

/// One run under these choices; returns its journal and how often it stepped.
fn play(choices: &[u8]) -> (Vec<JournalLine>, Vec<Vec<Instruction>>) {
    let mut dice = Dice(choices.iter());
    let mut lines = vec![started(plan())];
    let mut run = Run::open(&lines[0]).unwrap();
    run.grant_approvals("test");
    let (mut world, mut now) = (World::default(), at(1));
    let mut under_way: Vec<(EffectId, Outcome)> = Vec::new();
    let mut event = InputEvent::Tick;
    let mut log = Vec::new();
    for _ in 0..3000 {
        let Ok(instructions) = run.step(Input { at: now, event }) else {
            // Only commands may be refused, and then nothing has happened.
            event = InputEvent::Tick;
            continue;
        };
        let mut wake = None;
        for instruction in &instructions {
            match instruction {
                Instruction::Journal(record) => {
                    let sequence = lines.len() as u64;
                    lines.push(JournalLine { sequence, at: now.max(run.last_at()), record: record.clone() });
                }
                Instruction::Submit { effect_id, effect } => {
                    let outcome = submit(&mut world, &lines, *effect_id, effect, &mut dice, now);
                    under_way.push((*effect_id, outcome));
                }
                Instruction::WakeAt(time) => wake = Some(*time),
                Instruction::Tell(_) | Instruction::Stop(_) => {}
            }
        }
        log.push(instructions);
        if run.ended().is_some() && (dice.0.len() == 0 || !dice.rarely()) {
            break;
        }
        assert!(run.ended().is_some() || wake.is_some(), "the run waits for nothing");
        event = next_event(&mut dice, &mut under_way, &mut now, wake);
        if dice.rarely() && under_way.is_empty() {
            // Another process takes over.
            run = folded(&lines);
            run.grant_approvals("test");
            event = InputEvent::Tick;
        }
    }
    assert_same_fold(&run, &lines);
    (lines, log)
}

fn submit(
    world: &mut World,
    lines: &[JournalLine],
    id: EffectId,
    effect: &Effect,
    dice: &mut Dice<'_>,
    now: Time,
) -> Outcome {
    let fails = dice.rarely();
    match effect {
        Effect::Read(_) if fails => Outcome::Failed { failure: failure(dice) },
        Effect::Read(query) => Outcome::Observed { observation: world.answer(query, dice, now) },
        Effect::Write(write) => {
            let meant = |line: &JournalLine| matches!(&line.record, Record::Intent { effect, write: meant, .. } if *effect == id && meant == write);
            assert!(lines.iter().any(meant), "a write without its intent: {write:?}");
            let failure = fails.then(|| failure(dice));
            if failure.is_none() || dice.of(2) == 1 && matches!(failure, Some(Failure::Unavailable { .. })) {
                world.write(write);
            }
            failure.map_or(Outcome::Done { stored: vec![] }, |failure| Outcome::Failed { failure })
        }
    }
}

fn next_event(
    dice: &mut Dice<'_>,
    under_way: &mut Vec<(EffectId, Outcome)>,
    now: &mut Time,
    wake: Option<Time>,
) -> InputEvent {
    if dice.rarely() {
        let step = (*dice.pick(&["wave", "crds", "tag", "moon"])).to_owned();
        let commands = [
            Command::Pause,
            Command::Resume,
            Command::Approve { step, by: "ann".into() },
            Command::Abort,
            Command::Rollback,
        ];
        return InputEvent::Command(dice.pick(&commands).clone());
    }
    if under_way.is_empty() || dice.rarely() {
        *now = wake.unwrap_or(*now).max(*now);
        return InputEvent::Tick;
    }
    *now = now.plus_millis(20);
    let which = usize::from(dice.of(4)) % under_way.len();
    let (effect, outcome) = under_way.remove(which);
    InputEvent::Outcome { effect, outcome }
}

fn folded(lines: &[JournalLine]) -> Run {
    let mut run = Run::open(&lines[0]).unwrap();
    for line in &lines[1..] {
        run.apply(line).unwrap();
    }
    run
}

fn assert_same_fold(run: &Run, lines: &[JournalLine]) {
    let again = folded(lines);
    assert_eq!(again.next_sequence(), run.next_sequence());
    assert_eq!(again.ended(), run.ended());
    assert_eq!(again.gates(), run.gates());
    let states =
        |run: &Run| run.steps().into_iter().map(|step| (step.state, step.started)).collect::<Vec<_>>();
    assert_eq!(states(&again), states(run));
}

#[test]
fn good_answers_end_the_run() {
    let (lines, _) = play(&[]);
    let last = &lines.last().unwrap().record;
    assert!(matches!(last, Record::Ended { .. }), "{last:?}");
    assert!(format!("{last:?}").contains("Done"), "{last:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn any_order_of_anything_is_survived(choices in proptest::collection::vec(any::<u8>(), 0..4000)) {
        let (_, log) = play(&choices);
        // The same inputs yield the same instructions.
        prop_assert_eq!(play(&choices).1, log);
    }
}
