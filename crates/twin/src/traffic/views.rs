//! When each class of clients knows what a Service lists.

use meshlift_model::time::Time;
use meshlift_model::traffic_constants::{DEBOUNCE_MAX_MILLIS, DEBOUNCE_QUIET_MILLIS};

use super::clients::ClientClass;
use super::corner::Corner;
use super::timeline::{Listed, ServiceLife};

/// When istiod pushes, in order: after some quiet, or when events have kept coming for too long.
pub(super) fn pushes(events: &[Time]) -> Vec<Time> {
    let mut pushes = Vec::new();
    let mut pending: Option<(Time, Time)> = None;
    for event in events {
        pending = Some(match pending {
            Some((first, last)) => {
                let due = due(first, last);
                if *event > due {
                    pushes.push(due);
                    (*event, *event)
                } else {
                    (first, *event)
                }
            }
            None => (*event, *event),
        });
    }
    pushes.extend(pending.map(|(first, last)| due(first, last)));
    pushes
}

fn due(first: Time, last: Time) -> Time {
    last.plus_millis(DEBOUNCE_QUIET_MILLIS).min(first.plus_millis(DEBOUNCE_MAX_MILLIS))
}

/// What a class of clients knows from each time on. The list at the beginning is known from the beginning.
pub(super) fn view_of<'a>(
    life: &'a ServiceLife,
    class: ClientClass,
    pushes: &[Time],
    corner: Corner,
) -> Vec<(Time, &'a Listed)> {
    let mut known: Vec<(Time, &Listed)> = Vec::new();
    for (index, (at, listed)) in life.lists.iter().enumerate() {
        let known_at = if index == 0 { Some(*at) } else { known_at(*at, class, pushes, corner) };
        let Some(known_at) = known_at else { continue };
        // A later list that is known at the same time takes the place of this one.
        while known.last().is_some_and(|(last, _)| *last >= known_at) && known.len() > 1 {
            known.pop();
        }
        known.push((known_at, listed));
    }
    known
}

fn known_at(at: Time, class: ClientClass, pushes: &[Time], corner: Corner) -> Option<Time> {
    match class {
        ClientClass::MeshedHttp | ClientClass::MeshedGrpc | ClientClass::MeshedTcp => {
            // A push carries what was listed when it began; one at that very moment does.
            let next = pushes.partition_point(|push| *push < at);
            pushes.get(next).map(|push| push.plus_millis(corner.push_millis()))
        }
        ClientClass::Unmeshed => Some(at.plus_millis(corner.kube_proxy_millis())),
        ClientClass::LoadBalancer => {
            Some(at.plus_millis(corner.load_balancer_millis() - corner.slice_millis()))
        }
        ClientClass::Headless => Some(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(millis: &[i64]) -> Vec<Time> {
        millis.iter().map(|millis| Time::from_millis(*millis)).collect()
    }

    #[test]
    fn quiet_ends_a_debounce_and_so_does_its_maximum() {
        assert_eq!(pushes(&times(&[0])), times(&[100]));
        assert_eq!(pushes(&times(&[0, 50, 90, 1000])), times(&[190, 1100]));
        let busy: Vec<i64> = (0..200).map(|step| step * 90).collect();
        assert_eq!(pushes(&times(&busy)), times(&[10_000, 18_010]));
        assert_eq!(pushes(&[]), []);
    }
}
