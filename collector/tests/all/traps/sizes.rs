//! Sizes that contradict one another: what a node has, what it is said to be, what pods ask of it, and what all of them
//! use together.

use lake::tables::{ContainerHour, NodeHour, PodHour};

use crate::world::*;

const OTHER: &str = "1f3a1b2c-1111-2222-3333-444455556666";

fn is_of(labels: &Labels, name: &str) -> bool {
    labels.iter().any(|(k, v)| k == "__name__" && v == name)
}

async fn faults(hours: &Hours) -> Vec<String> {
    hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest.faults
}

async fn node(hours: &Hours) -> NodeHour {
    hours.rows::<NodeHour>().await.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_more_to_give_than_it_has_gives_what_is_unknown() {
    let test = "a_node_that_has_more_to_give_than_it_has_gives_what_is_unknown";
    let with = |cores: f64, bytes: f64| {
        let mut world = plain();
        for (resource, value) in [("cpu", cores), ("memory", bytes)] {
            world.fact_from("kube_node_status_allocatable", &[("node", "n1"), ("resource", resource)], value, -593);
        }
        world
    };
    let Some(hours) = collected(test, with(3.9, 15e9)).await else { return };
    let row = node(&hours).await;
    assert_eq!((row.cpu_allocatable_millicores, row.memory_allocatable_bytes), (Some(3_900), Some(15_000_000_000)));
    assert_eq!(faults(&hours).await, Vec::<String>::new());
    let hours = collected(test, with(8.0, 32e9)).await.unwrap();
    let row = node(&hours).await;
    assert_eq!((row.cpu_allocatable_millicores, row.memory_allocatable_bytes), (None, None));
    assert_eq!(row.cpu_capacity_millicores, Some(4_000));
    let faults = faults(&hours).await;
    assert!(faults[0].contains("`node_resources`: 2 values") && faults[0].contains("`n1`"), "{faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_asks_for_more_than_its_node_has_asks_for_what_is_unknown() {
    let test = "a_pod_that_asks_for_more_than_its_node_has_asks_for_what_is_unknown";
    // A sidecar beside it asks for something that can be: the sum is unknown all the same.
    let mut world = plain();
    for (labels, samples) in &mut world.series {
        if is_of(labels, "kube_pod_container_resource_requests") {
            samples.iter_mut().for_each(|sample| sample.value = 64.0);
        }
    }
    let id = [("namespace", "ns"), ("pod", "p1"), ("uid", UID), ("container", "proxy"), ("resource", "cpu")];
    world.fact_from("kube_pod_container_resource_requests", &id, 0.1, -593);
    let Some(hours) = collected(test, world).await else { return };
    let pod = hours.rows::<PodHour>().await.remove(0);
    assert_eq!(pod.cpu_effective_request_millicores, None);
    let requests: Vec<_> = hours.rows::<ContainerHour>().await.iter().map(|c| c.cpu_request_millicores).collect();
    assert_eq!(requests, [None, Some(100)]);
    let faults = faults(&hours).await;
    assert!(faults[0].contains("`container_resources`: 1 values") && faults[0].contains("`ns/p1`"), "{faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_the_size_contradicts_gives_way_to_the_firmware_or_is_unknown() {
    let test = "a_type_that_the_size_contradicts_gives_way_to_the_firmware_or_is_unknown";
    let said = |name: &str| {
        let mut world = plain();
        world.fact_from(
            "kube_node_labels",
            &[("node", "n1"), ("label_node_kubernetes_io_instance_type", name)],
            1.0,
            -593,
        );
        world
    };
    // Four CPUs and 16 GB.
    let Some(hours) = collected(test, said("m5.xlarge")).await else { return };
    let row = node(&hours).await;
    assert_eq!((row.instance_type.as_deref(), row.instance_type_source.as_str()), (Some("m5.xlarge"), "label"));
    let hours = collected(test, said("m5.24xlarge")).await.unwrap();
    let row = node(&hours).await;
    assert_eq!((row.instance_type.as_deref(), row.instance_type_source.as_str()), (None, "unknown"));
    assert!(row.instance_type_candidates.unwrap().contains(&"m5.xlarge".to_owned()));
    let told = faults(&hours).await;
    assert!(told[0].contains("`n1` is said to be `m5.24xlarge` (by label), and has 4 CPUs"), "{told:?}");
    let mut world = said("m5.24xlarge");
    let exporter = [("instance", "n1:9100"), ("nodename", "n1")];
    world.fact_from("node_uname_info", &exporter, 1.0, -593);
    world.fact_from("node_dmi_info", &[("instance", "n1:9100"), ("product_name", "m5.xlarge")], 1.0, -593);
    world.fact_from("node_memory_MemTotal_bytes", &[("instance", "n1:9100")], 15.9e9, -593);
    let hours = collected(test, world).await.unwrap();
    let row = node(&hours).await;
    assert_eq!((row.instance_type.as_deref(), row.instance_type_source.as_str()), (Some("m5.xlarge"), "dmi"));
    assert_eq!(faults(&hours).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_that_use_more_together_than_the_node_has_are_told() {
    let test = "containers_that_use_more_together_than_the_node_has_are_told";
    let world = |metric: &str, factor: f64| {
        let mut world = plain();
        world.pod("p2", OTHER, 3_900);
        for (labels, samples) in &mut world.series {
            if is_of(labels, metric) {
                samples.iter_mut().for_each(|sample| sample.value *= factor);
            }
        }
        world
    };
    // Half a core and 100 MiB each, on four cores and 16 GB.
    for (metric, fits, exceeds, unit) in [
        ("container_cpu_usage_seconds_total", 4.0, 6.0, "6000 millicores of its 4000"),
        ("container_memory_working_set_bytes", 75.0, 100.0, "20000 MiB of its 15258"),
    ] {
        let Some(hours) = collected(test, world(metric, fits)).await else { return };
        assert_eq!(faults(&hours).await, Vec::<String>::new(), "{metric}");
        let hours = collected(test, world(metric, exceeds)).await.unwrap();
        let told = faults(&hours).await;
        assert!(told[0].contains(unit) && told[0].contains("`n1`"), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_of_other_processors_than_the_kubelet_runs_on_is_not_believed() {
    let test = "a_type_of_other_processors_than_the_kubelet_runs_on_is_not_believed";
    for (arch, expect) in [("arm64", Some("m7g.xlarge")), ("amd64", None)] {
        let mut world = plain();
        let labels = [
            ("node", "n1"),
            ("label_node_kubernetes_io_instance_type", "m7g.xlarge"),
            ("label_kubernetes_io_arch", arch),
        ];
        world.fact_from("kube_node_labels", &labels, 1.0, -593);
        let Some(hours) = collected(test, world).await else { return };
        assert_eq!(node(&hours).await.instance_type.as_deref(), expect);
        let told = faults(&hours).await;
        assert_eq!(told.iter().any(|fault| fault.contains("has CPUs of amd64")), expect.is_none(), "{told:?}");
    }
}
