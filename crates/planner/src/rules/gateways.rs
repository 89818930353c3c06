//! Injected gateways: each in a step of its own, after the workloads behind it.

use meshlift_model::names::ObjectWords;
use meshlift_model::plan::{Gate, Layer, Person, Stage, Step, StepUndo};

use super::draft::Draft;
use super::wave_step::{self, MOVE, PROVE, SELECT};
use crate::survey::GatewayMove;

pub(super) fn run(draft: &mut Draft<'_, '_>) -> String {
    let survey = draft.survey;
    let order = &draft.situation.intent.order;
    let rank = |names: &[String], name: &str| names.iter().position(|one| one == name);
    let mut gateways: Vec<&GatewayMove> = survey.gateways.iter().filter(|step| step.tag.is_none()).collect();
    // The one that sets its namespace's label comes before its neighbours.
    gateways.sort_by_key(|step| {
        let workload = step.mover.workload();
        let namespace = &workload.namespace;
        let first = rank(&order.first, namespace).unwrap_or(usize::MAX);
        (
            first,
            rank(&order.last, namespace),
            step.exposed_outside,
            namespace,
            step.selector.is_none(),
            workload,
        )
    });
    for gateway in &gateways {
        step(draft, gateway);
    }
    match gateways.len() {
        0 => "no injected gateway moves".to_owned(),
        _ => {
            "each alone, after all workloads that may be behind it; those open to the outside last".to_owned()
        }
    }
}

/// The step of one gateway.
pub(super) fn step(draft: &mut Draft<'_, '_>, gateway: &GatewayMove) {
    let workload = gateway.mover.workload();
    let id = format!("gateway-{}-{}", workload.namespace, workload.name);
    let title = format!("gateway {}", workload.short());
    let mut step = draft.step(id, Stage::Gateway, Layer::Gateways, title);
    step.reason = if gateway.exposed_outside {
        "it takes traffic from outside: whatever it routes to has moved before it".to_owned()
    } else {
        "whatever it routes to has moved before it".to_owned()
    };
    match &gateway.person {
        None => by_meshlift(draft, step, gateway),
        Some(why) => by_person(draft, step, gateway, why),
    }
}

fn by_meshlift(draft: &mut Draft<'_, '_>, mut step: Step, gateway: &GatewayMove) {
    let situation = draft.situation;
    let workload = gateway.mover.workload();
    let namespace = &workload.namespace;
    if let Some((from, to)) = &gateway.selector {
        step.actions.push(wave_step::select(situation, namespace, from, to, SELECT));
    }
    let templates = [workload.clone()];
    step.actions.extend(wave_step::prove(
        situation,
        namespace,
        &templates,
        gateway.selector.is_some(),
        PROVE,
    ));
    let beside = wave_step::selector_is(namespace, gateway.selector.as_ref().map(|(_, to)| to));
    step.actions.push(gateway.mover.action(MOVE, &beside));
    step.may_move.clone_from(&gateway.may_move);
    wave_step::finish(
        situation,
        &mut step,
        &[&gateway.mover],
        Vec::new(),
        situation.limits.bake_seconds_gateway,
    );
    match &gateway.mover.failover {
        None => draft.push(step),
        Some(failover) => {
            step.person = Some(wave_step::failover(&step.id, std::slice::from_ref(failover)));
            draft.push_aside(step, [namespace.to_string()].into());
        }
    }
}

/// A person shifts traffic away and runs the commands; the gates then say whether it is so.
fn by_person(draft: &mut Draft<'_, '_>, mut step: Step, gateway: &GatewayMove, why: &str) {
    let situation = draft.situation;
    let workload = gateway.mover.workload();
    let decide = format!("- {{subject: {workload}, choose: accept-loss, reason: \"…\"}}");
    step.person = Some(Person {
        why: format!("{why}. Or decide it in the intent's choices: {decide}"),
        commands: commands(gateway),
        approval: false,
    });
    let workloads = vec![workload.clone()];
    step.gates =
        vec![Gate::PodsOnRevision { revision: situation.revision.clone(), workloads }, Gate::NoNewFindings];
    step.undo = StepUndo::NotNeeded;
    step.pods = gateway.mover.pods;
    step.floors = vec![gateway.mover.floor.clone()];
    step.may_move.clone_from(&gateway.may_move);
    step.bake_seconds = situation.limits.bake_seconds_gateway;
    step.expected_seconds = gateway.mover.seconds;
    step.approve_after = true;
    draft.push_aside(step, [workload.namespace.to_string()].into());
}

/// What a person runs, in order.
fn commands(gateway: &GatewayMove) -> Vec<String> {
    let ObjectWords { kind, namespace, name } = &**gateway.mover.workload();
    let target = format!("{}/{name}", kind.to_ascii_lowercase());
    let mut commands = Vec::new();
    if let Some((from, to)) = &gateway.selector {
        let injection = if from.injection.is_some() { " istio-injection-" } else { "" };
        let rev = to.rev.as_deref().unwrap_or_default();
        commands
            .push(format!("kubectl label namespace {namespace} --overwrite{injection} istio.io/rev={rev}"));
    }
    let seconds = gateway.mover.action.seconds_max;
    commands.push(format!("kubectl -n {namespace} rollout restart {target}"));
    commands.push(format!("kubectl -n {namespace} rollout status {target} --timeout={seconds}s"));
    commands
}
