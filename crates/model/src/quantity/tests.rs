use super::*;

fn map(name: &str, quantity: &str) -> crate::k8s::Shared<StringMap> {
    StringMap::from([(name.to_owned(), quantity.to_owned())]).into()
}

fn container(cpu: &str, restart_policy: &str) -> Container {
    Container {
        resources: Resources { requests: map("cpu", cpu), ..Resources::default() },
        restart_policy: restart_policy.to_owned(),
        ..Container::default()
    }
}

#[test]
fn an_init_container_counts_with_the_sidecars_that_run_before_it() {
    let mut pod = PodSpec {
        init_containers: vec![container("300m", ""), container("1", "Always"), container("2", "")].into(),
        containers: vec![container("500m", "")].into(),
        ..PodSpec::default()
    };
    assert_eq!(of_pod(&pod, Ask::Requests, "cpu"), 3000);
    pod.containers.push(container("2", ""));
    assert_eq!(of_pod(&pod, Ask::Requests, "cpu"), 3500);
}

#[test]
fn what_a_pod_says_for_all_counts_before_what_its_containers_say() {
    let own = |requests: &str, limits: &str| {
        let own = |text: &str| if text.is_empty() { StringMap::default().into() } else { map("cpu", text) };
        Some(Box::new(Resources { requests: own(requests), limits: own(limits) }))
    };
    let mut pod = PodSpec { containers: vec![container("500m", "")].into(), ..PodSpec::default() };
    let cpu = |pod: &PodSpec| [Ask::Requests, Ask::Limits].map(|ask| of_pod(pod, ask, "cpu"));
    pod.resources = own("2", "3");
    assert_eq!(cpu(&pod), [2000, 3000]);
    pod.resources = own("", "3");
    assert_eq!(cpu(&pod), [500, 3000], "a container names a request");
    pod.containers = vec![Container::default()].into();
    assert_eq!(cpu(&pod), [3000, 3000], "none does: the limit is the request");
    assert_eq!(named(&pod, Ask::Requests), BTreeSet::from(["cpu"]));
    assert_eq!(of_pod(&pod, Ask::Requests, "memory"), 0);
}

#[test]
fn quantities_are_read_as_kubernetes_writes_them() {
    for (text, amount) in [
        ("100m", Some(100)),
        ("1.5", Some(1500)),
        ("3", Some(3000)),
        ("2Ki", Some(2_048_000)),
        ("1k", Some(1_000_000)),
        ("1e3", Some(1_000_000)),
        ("5E", Some(5_000_000_000_000_000_000_000)),
        ("1Ei", Some(1_152_921_504_606_846_976_000)),
        ("1e-3", Some(1)),
        ("1500u", Some(2)),
        ("100n", Some(1)),
        ("0.0001", Some(1)),
        ("-1.5Mi", Some(-1_572_864_000)),
        ("much", None),
        ("1e4294967295", None),
        ("", None),
        (".", None),
    ] {
        assert_eq!(thousandths(text), amount, "{text}");
    }
}

#[test]
fn quantities_are_written_canonically() {
    for text in ["100m", "2", "128Mi", "3Gi", "0"] {
        assert_eq!(thousandths(text).map(format_thousandths).as_deref(), Some(text));
    }
}
