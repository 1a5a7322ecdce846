//! The same things said by more than one exporter, or scraped by more than one job, at moments of their own: each counts
//! once, and of two measurements one is believed throughout.

use collector::Settings;
use fixtures::Sample;
use lake::tables::{ContainerHour, NodeHour, PodHour, QualityHour};

use crate::world::*;

/// Adds labels to the series of the metrics that start with `prefix`.
fn labelled(mut world: World, prefix: &str, more: &[(&str, &str)]) -> World {
    for (labels, _) in world.series.iter_mut().filter(|(labels, _)| is_of(labels, prefix)) {
        labels.extend(more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        labels.sort();
    }
    world
}

fn is_of(labels: &Labels, prefix: &str) -> bool {
    labels.iter().any(|(k, v)| k == "__name__" && v.starts_with(prefix))
}

/// The world with every scrape `later` seconds later: a counter of half a core has counted on, whatever changes all the
/// time is another value, and the rest is what it was.
fn scraped_later(mut world: World, later: i64) -> World {
    for (labels, samples) in &mut world.series {
        let counter = is_of(labels, "container_cpu_usage_seconds_total");
        let gauge = is_of(labels, "container_memory_working_set_bytes");
        for Sample { milliseconds, value } in samples {
            *milliseconds += later * 1_000;
            if counter {
                *value += 0.5 * f64::from(i32::try_from(later).unwrap());
            }
            if gauge {
                *value *= 1.5;
            }
        }
    }
    world
}

fn only(mut world: World, prefix: &str) -> World {
    world.series.retain(|(labels, _)| is_of(labels, prefix));
    world
}

fn both(mut one: World, other: World) -> World {
    one.series.extend(other.series);
    one
}

async fn check_same(test: &str, world: World, settings: &Settings, expect: World) -> Option<Hours> {
    let expect = collected_with(test, expect, settings).await?;
    let got = collected_with(test, world, settings).await?;
    assert_eq!(got.failed, None);
    assert_eq!(got.rows::<ContainerHour>().await, expect.rows::<ContainerHour>().await);
    assert_eq!(got.rows::<NodeHour>().await, expect.rows::<NodeHour>().await);
    assert_eq!(got.rows::<PodHour>().await, expect.rows::<PodHour>().await);
    let manifest = got.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
    assert_eq!((manifest.complete, manifest.faults), (true, Vec::new()));
    Some(got)
}

async fn quality(hours: &Hours, query: &str) -> QualityHour {
    hours.rows::<QualityHour>().await.into_iter().find(|row| row.query == query).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_kube_state_metrics_scraped_at_other_moments_count_once() {
    let test = "two_kube_state_metrics_scraped_at_other_moments_count_once";
    let target = |world: World, instance: &'static str| {
        labelled(world, "kube_", &[("instance", instance), ("job", "kube-state-metrics")])
    };
    let one = target(plain(), "10.0.0.5:8080");
    let other = target(scraped_later(only(plain(), "kube_"), 13), "10.0.0.6:8080");
    let Some(hours) = check_same(test, both(one, other), &Settings::default(), plain()).await else { return };
    for query in ["pod_info", "container_resources"] {
        assert_eq!(quality(&hours, query).await.duplicates_dropped, 1, "{query}");
    }
    // A pod that vanished was there until the last scrape of either.
    let mut world = plain();
    world.pod("gone", "1f3a1b2c-1111-2222-3333-444455556666", 2_400);
    let other = target(scraped_later(only(world.clone(), "kube_"), 13), "10.0.0.6:8080");
    let hours = collected(test, both(target(world, "10.0.0.5:8080"), other)).await.unwrap();
    let gone = hours.rows::<PodHour>().await.into_iter().find(|pod| pod.pod == "gone").unwrap();
    assert_eq!(gone.ended_seconds, Some(HOUR + 2_347 + 13));
}

/// Returns what OpenCost exposes under the names of kube-state-metrics, unless it is told not to: owners of pods have
/// no uid in most of its versions, labels keep their capitals, and nodes have a uid.
fn of_opencost() -> World {
    let mut world = World::default();
    let pod = |more: &[(&'static str, &'static str)]| [&[("namespace", "ns"), ("pod", "p1")], more].concat();
    let owner = pod(&[("owner_kind", "ReplicaSet"), ("owner_name", "web-1"), ("owner_is_controller", "true")]);
    world.fact_from("kube_pod_owner", &owner, 1.0, -580);
    let labels = pod(&[("uid", UID), ("label_team", "web"), ("label_costCenter", "7"), ("label_other", "x")]);
    world.fact_from("kube_pod_labels", &labels, 1.0, -580);
    for (phase, value) in [("Running", 1.0), ("Succeeded", 0.0), ("Failed", 0.0)] {
        world.fact_from("kube_pod_status_phase", &pod(&[("uid", UID), ("phase", phase)]), value, -580);
    }
    let request = pod(&[("uid", UID), ("node", "n1"), ("container", "app"), ("resource", "cpu"), ("unit", "core")]);
    world.fact_from("kube_pod_container_resource_requests", &request, 1.0, -580);
    let node = |more: &[(&'static str, &'static str)]| [&[("node", "n1"), ("uid", "5b1e")], more].concat();
    world.fact_from("kube_node_labels", &node(&[("label_eks_amazonaws_com_capacityType", "SPOT")]), 1.0, -580);
    world.fact_from("kube_node_status_capacity", &node(&[("resource", "cpu"), ("unit", "core")]), 4.0, -580);
    world.fact_from("kube_node_status_capacity_cpu_cores", &node(&[]), 4.0, -580);
    world.fact_from("kube_node_status_capacity_memory_bytes", &node(&[]), 16e9, -580);
    labelled(world, "kube_", &[("job", "opencost"), ("instance", "10.0.0.7:9003")])
}

#[tokio::test(flavor = "multi_thread")]
async fn opencost_beside_kube_state_metrics_changes_nothing() {
    let test = "opencost_beside_kube_state_metrics_changes_nothing";
    let mut world = plain();
    let pod = [("namespace", "ns"), ("pod", "p1"), ("uid", UID)];
    let owner = [("owner_kind", "ReplicaSet"), ("owner_name", "web-1"), ("owner_is_controller", "true")];
    world.fact_from("kube_pod_owner", &[&pod[..], &owner].concat(), 1.0, -593);
    world.fact_from(
        "kube_pod_labels",
        &[&pod[..], &[("label_team", "web"), ("label_cost_center", "7")]].concat(),
        1.0,
        -593,
    );
    world.fact_from(
        "kube_node_labels",
        &[("node", "n1"), ("label_eks_amazonaws_com_capacity_type", "SPOT")],
        1.0,
        -593,
    );
    let settings = Settings { pod_labels: vec!["team".into(), "costCenter".into()], ..Settings::default() };
    let world = labelled(world, "kube_", &[("job", "kube-state-metrics"), ("instance", "10.0.0.5:8080")]);
    let Some(hours) = check_same(test, both(world.clone(), of_opencost()), &settings, world).await else { return };
    let row = &hours.rows::<PodHour>().await[0];
    assert_eq!((row.workload.as_str(), row.labels.as_ref().map(Vec::len)), ("web-1", Some(2)));
    assert_eq!(quality(&hours, "pod_spec").await.without_identity, Some(1), "it is counted all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_without_a_uid_are_missing_where_nobody_else_says_them() {
    let test = "owners_without_a_uid_are_missing_where_nobody_else_says_them";
    let Some(hours) = collected(test, both(plain(), of_opencost())).await else { return };
    let manifest = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
    assert!(!manifest.complete && manifest.faults.join(" ").contains("`pod_spec`: 1 series lack"), "{manifest:?}");
}

const KUBELET: [(&str, &str); 2] = [("job", "kubelet"), ("metrics_path", "/metrics/cadvisor")];

#[tokio::test(flavor = "multi_thread")]
async fn of_two_jobs_that_scrape_cadvisor_the_kubelets_own_path_is_believed() {
    let test = "of_two_jobs_that_scrape_cadvisor_the_kubelets_own_path_is_believed";
    let own = || labelled(plain(), "container_", &KUBELET);
    // By name this one would come first.
    let other = || {
        let world = scraped_later(only(plain(), "container_"), 13);
        labelled(world, "container_", &[("job", "cadvisor"), ("metrics_path", "/metrics")])
    };
    // A third endpoint of the kubelet has the counter of each container too, without its image and cgroup.
    let mut resource = only(plain(), "container_");
    for (labels, _) in &mut resource.series {
        labels.retain(|(k, _)| k != "image" && k != "id");
    }
    let resource = labelled(resource, "container_", &[("job", "kubelet"), ("metrics_path", "/metrics/resource")]);
    let all = both(both(own(), other()), resource);
    let Some(hours) = check_same(test, all, &Settings::default(), plain()).await else { return };
    assert_eq!(quality(&hours, "container_cpu").await.duplicates_dropped, 1);

    // Where it was not scraped for a quarter of an hour, the other stands in, and nothing is counted twice or lost.
    let mut gap = own();
    let unscraped = (HOUR + 1_200) * 1_000..(HOUR + 2_100) * 1_000;
    for (_, samples) in gap.series.iter_mut().filter(|(labels, _)| is_of(labels, "container_")) {
        samples.retain(|sample| !unscraped.contains(&sample.milliseconds));
    }
    let hours = collected(test, both(gap, other())).await.unwrap();
    let container = &hours.rows::<ContainerHour>().await[0];
    assert_eq!(container.cpu_core_milliseconds, Some(1_800_000));
    let used = container.cpu_mean_millicores_by_slot.unwrap();
    assert_eq!((used[3], used[5], used[8]), (Some(500), Some(500), Some(500)), "{used:?}");
    assert!(used.iter().all(Option::is_some), "{used:?}");
    // Of the other come the three slots without a sample: 150 MiB instead of 100.
    assert_eq!(container.memory_kib_seconds, Some((2_700 * 100 + 900 * 150) * 1_024));
    assert_eq!((container.instances, container.running_seconds), (1, Some(3_600)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_jobs_on_the_same_path_the_first_by_name_is_believed() {
    let test = "of_two_jobs_on_the_same_path_the_first_by_name_is_believed";
    let job = |world: World, name: &'static str| labelled(world, "container_", &[("job", name)]);
    let later = scraped_later(only(plain(), "container_"), 13);
    let first = both(job(plain(), "a"), job(later.clone(), "b"));
    let Some(_) = check_same(test, first, &Settings::default(), plain()).await else { return };
    let expect = both(only(plain(), "kube_"), later.clone());
    let second = both(job(plain(), "b"), job(later, "a"));
    check_same(test, second, &Settings::default(), expect).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_exporter_scraped_by_two_jobs_measures_once() {
    let test = "a_node_exporter_scraped_by_two_jobs_measures_once";
    let exporter = |later: i64, job: &'static str| {
        let mut world = World::default();
        let at =
            |more: &[(&'static str, &'static str)]| [&[("instance", "10.0.0.1:9100"), ("job", job)], more].concat();
        let counted = |rate: i64| move |second: i64| f64::from(i32::try_from((second + 5_000) * rate).unwrap());
        let span = (-590 + later, 3_900);
        for (cpu, rate) in [("0", 1), ("1", 2)] {
            world.add("node_cpu_seconds_total", &at(&[("cpu", cpu), ("mode", "user")]), span, 30, counted(rate));
        }
        world.add("node_network_receive_bytes_total", &at(&[("device", "eth0")]), span, 30, counted(1_000));
        world.add("node_memory_MemTotal_bytes", &at(&[]), span, 30, |_| 16.0 * 1_073_741_824.0);
        world.add("node_memory_MemAvailable_bytes", &at(&[]), span, 30, |_| 12.0 * 1_073_741_824.0);
        world.add("node_uname_info", &at(&[("nodename", "n1")]), span, 30, |_| 1.0);
        world
    };
    let one = both(plain(), exporter(0, "node-exporter"));
    let two = both(one.clone(), exporter(13, "other"));
    let Some(hours) = check_same(test, two, &Settings::default(), one).await else { return };
    let node = &hours.rows::<NodeHour>().await[0];
    assert_eq!(node.cpu_used_millicores_by_slot, Some([Some(3_000); 12]));
    assert_eq!(node.memory_used_mib_by_slot, Some([Some(4_096); 12]));
    assert_eq!(node.network_receive_bytes, Some(3_600_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_counter_are_added_and_are_no_duplicates() {
    let test = "parts_of_a_counter_are_added_and_are_no_duplicates";
    let parts = |names: &[&'static str]| {
        let mut world = plain();
        let is_cpu = |labels: &Labels| is_of(labels, "container_cpu_usage_seconds_total");
        let whole: Vec<_> = world.series.iter().filter(|(labels, _)| is_cpu(labels)).cloned().collect();
        world.series.retain(|(labels, _)| !is_cpu(labels));
        for (labels, samples) in whole {
            for name in names {
                let mut labels = labels.clone();
                labels.push(("cpu".to_owned(), (*name).to_owned()));
                labels.sort();
                world.series.push((labels, samples.clone()));
            }
        }
        world
    };
    for (names, expect) in [
        (&["total"][..], 1_800_000),
        (&["cpu00", "cpu01", "cpu02", "cpu03"], 7_200_000),
        (&["0", "1"], 3_600_000),
        (&["total", "cpu00", "cpu01"], 1_800_000),
    ] {
        let Some(hours) = collected(test, parts(names)).await else { return };
        assert_eq!(hours.rows::<ContainerHour>().await[0].cpu_core_milliseconds, Some(expect), "{names:?}");
        assert_eq!(quality(&hours, "container_cpu").await.duplicates_dropped, 0, "{names:?}");
        // Two jobs scrape the parts: each part counts once.
        let twice = both(labelled(parts(names), "container_", &[("job", "a")]), {
            labelled(scraped_later(only(parts(names), "container_"), 13), "container_", &[("job", "b")])
        });
        let hours = collected(test, twice).await.unwrap();
        assert_eq!(hours.rows::<ContainerHour>().await[0].cpu_core_milliseconds, Some(expect), "{names:?} twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_counter_are_added_up_to_the_hour_in_which_the_total_takes_their_place() {
    let test = "parts_of_a_counter_are_added_up_to_the_hour_in_which_the_total_takes_their_place";
    let mut world = plain().going_on_to(7_700);
    let is_cpu = |labels: &Labels| is_of(labels, "container_cpu_usage_seconds_total");
    let whole: Vec<_> = world.series.iter().filter(|(labels, _)| is_cpu(labels)).cloned().collect();
    world.series.retain(|(labels, _)| !is_cpu(labels));
    let end = (HOUR + 3_600) * 1_000;
    for (labels, samples) in whole {
        for cpu in ["cpu00", "cpu01", "cpu02", "cpu03", "total"] {
            let mut labels = labels.clone();
            labels.push(("cpu".to_owned(), cpu.to_owned()));
            labels.sort();
            let mut samples = samples.clone();
            samples.retain(|sample| (sample.milliseconds < end) == (cpu != "total"));
            if cpu == "total" {
                samples.iter_mut().for_each(|sample| sample.value *= 4.0);
            }
            world.series.push((labels, samples));
        }
    }
    let Some(run) = collected_hours(test, world, 2).await else { return };
    for hour in [hour(), hour().plus(1)] {
        assert_eq!(run.told[&hour], None);
        let row = run.rows::<ContainerHour>(hour).await.remove(0);
        assert_eq!(row.cpu_core_milliseconds, Some(7_200_000), "{hour}");
        assert_eq!(row.cpu_mean_millicores_by_slot, Some([Some(2_000); 12]), "{hour}");
    }
}

/// Two nodes, with an exporter each that uses its own number of cores; `labels` are those of one of them, by its node.
fn two_exporters(labels: impl Fn(&'static str) -> Vec<(&'static str, String)>) -> World {
    let mut world = plain();
    world.node("n2", -9000);
    for (node, rate) in [("n1", 1), ("n2", 3)] {
        let own = labels(node);
        let of = |more: &[(&'static str, &'static str)]| -> Vec<(&'static str, String)> {
            own.iter().cloned().chain(more.iter().map(|(k, v)| (*k, (*v).to_owned()))).collect()
        };
        let mut add = |name: &str, labels: &[(&'static str, String)], value: &dyn Fn(i64) -> f64| {
            let labels: Vec<_> = labels.iter().map(|(k, v)| (*k, v.as_str())).collect();
            world.add(name, &labels, (-590, 3_900), 30, value);
        };
        let counted = move |second: i64| f64::from(i32::try_from((second + 5_000) * rate).unwrap());
        add("node_cpu_seconds_total", &of(&[("cpu", "0"), ("mode", "user")]), &counted);
        add("node_uname_info", &of(&[("nodename", node)]), &|_| 1.0);
        add("node_memory_MemTotal_bytes", &of(&[]), &|_| 15.0 * 1_073_741_824.0);
        let free = if node == "n1" { 12.0 } else { 5.0 };
        add("node_memory_MemAvailable_bytes", &of(&[]), &|_| free * 1_073_741_824.0);
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn exporters_behind_one_address_are_told_apart_or_serve_nobody() {
    let test = "exporters_behind_one_address_are_told_apart_or_serve_nobody";
    let used = |hours: &[NodeHour]| -> Vec<_> {
        hours.iter().map(|node| (node.cpu_used_millicores_by_slot, node.memory_used_mib_by_slot)).collect()
    };
    let own = vec![
        (Some([Some(1_000); 12]), Some([Some(3 * 1_024); 12])),
        (Some([Some(3_000); 12]), Some([Some(10 * 1_024); 12])),
    ];
    // Of a server that federates, without `honor_labels`; and where a rule gave all one instance, and the node's name.
    let federated = |node: &'static str| {
        vec![
            ("instance", "edge:9090".to_owned()),
            ("job", "federate".to_owned()),
            ("exported_instance", format!("{node}:9100")),
        ]
    };
    let named = |node: &'static str| vec![("instance", "node-exporter".to_owned()), ("node", node.to_owned())];
    for world in [two_exporters(federated), two_exporters(named)] {
        let Some(hours) = collected(test, world).await else { return };
        assert_eq!(used(&hours.rows::<NodeHour>().await), own);
        let manifest = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
        assert!(manifest.complete, "{:?}", manifest.faults);
    }
    // Nothing tells them apart.
    let one = |_: &'static str| vec![("instance", "node-exporter:9100".to_owned())];
    let mut world = two_exporters(one);
    // Of samples at one moment the server would keep one.
    let mut seen = std::collections::BTreeSet::new();
    world.series.retain(|(labels, _)| seen.insert(labels.clone()));
    let hours = collected(test, world).await.unwrap();
    assert_eq!(used(&hours.rows::<NodeHour>().await), [(None, None); 2]);
    let manifest = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
    let told = manifest.faults.iter().any(|fault| fault.contains("on `n1` and on `n2` at once"));
    assert!(told, "{:?}", manifest.faults);
}

/// The world as a replica of Prometheus writes it, or one of its shards.
fn of_replica(world: World, name: &'static str) -> World {
    labelled(world, "", &[("prometheus_replica", name)])
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_of_which_each_has_a_gap_fill_each_others() {
    let test = "replicas_of_which_each_has_a_gap_fill_each_others";
    let without = |mut world: World, gap: std::ops::Range<i64>| {
        for (_, samples) in &mut world.series {
            samples.retain(|sample| !gap.contains(&(sample.milliseconds / 1000 - HOUR)));
        }
        world
    };
    let one = of_replica(without(plain(), 600..1_800), "a");
    let other = of_replica(without(scraped_later(plain(), 7), 2_400..3_600), "b");
    let Some(hours) = collected(test, both(one, other)).await else { return };
    let row = hours.rows::<ContainerHour>().await.remove(0);
    assert_eq!((row.running_seconds, row.interpolated_seconds), (Some(3_600), Some(0)));
    let used = row.cpu_core_milliseconds.unwrap();
    assert!((1_796_000..=1_804_000).contains(&used), "{used}");
    assert!(quality(&hours, "container_cpu").await.query_set.unwrap().contains("prometheus_replica=*"));
    let manifest = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
    assert!(manifest.complete, "{:?}", manifest.faults);
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_of_prometheus_under_the_label_of_replicas_are_parts() {
    let test = "shards_of_prometheus_under_the_label_of_replicas_are_parts";
    let second = || {
        let mut world = World::default();
        world.node("n2", -9_000);
        world.pod("p2", "1f3a1b2c-1111-2222-3333-444455556666", 3_900);
        for (labels, _) in &mut world.series {
            labels.iter_mut().filter(|(k, v)| k == "node" && v == "n1").for_each(|(_, v)| "n2".clone_into(v));
        }
        world
    };
    // The kubelet of the second node is a target of the second shard; kube-state-metrics is one of the first, or is in
    // shards itself.
    for kube_in_shards in [false, true] {
        let mut world =
            both(labelled(plain(), "", &[("instance", "n1")]), labelled(second(), "", &[("instance", "n2")]));
        let capacity = |node: &'static str| [("node", node), ("instance", node)];
        for node in ["n1", "n2"] {
            world.add("machine_memory_bytes", &capacity(node), (-590, 3_900), 30, |_| 16e9);
        }
        for (labels, _) in &mut world.series {
            let is_second = labels.iter().any(|(k, v)| k == "instance" && v == "n2");
            let of_second = is_second && (kube_in_shards || !is_of(labels, "kube_"));
            let shard = if of_second { "prometheus-k8s-shard-1-0" } else { "prometheus-k8s-0" };
            labels.push(("prometheus_replica".to_owned(), shard.to_owned()));
            labels.sort();
        }
        let Some(hours) = collected(test, world).await else { return };
        let containers = hours.rows::<ContainerHour>().await;
        let used: Vec<_> = containers.iter().map(|c| (c.pod.as_str(), c.cpu_core_milliseconds)).collect();
        assert_eq!(used, [("p1", Some(1_800_000)), ("p2", Some(1_800_000))], "{kube_in_shards}");
        assert_eq!(hours.rows::<NodeHour>().await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_shown_under_two_cgroups_counts_once() {
    let test = "a_container_shown_under_two_cgroups_counts_once";
    // As where the kubelet runs in a container itself.
    let mut nested = only(plain(), "container_");
    for (labels, _) in &mut nested.series {
        labels.iter_mut().filter(|(k, _)| k == "id").for_each(|(_, v)| *v = format!("/docker/5b1e/kubelet{v}"));
    }
    let Some(_) = check_same(test, both(plain(), nested), &Settings::default(), plain()).await else { return };
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_restarts_and_says_it_started_with_its_pod_loses_nothing() {
    let test = "a_container_that_restarts_and_says_it_started_with_its_pod_loses_nothing";
    let mut world = plain();
    let mut restarted = only(plain(), "container_");
    for (labels, samples) in &mut world.series {
        if is_of(labels, "container_") {
            samples.retain(|sample| sample.milliseconds < (HOUR + 1_200) * 1000);
        }
    }
    for (labels, samples) in &mut restarted.series {
        samples.retain(|sample| sample.milliseconds >= (HOUR + 1_210) * 1000);
        if is_of(labels, "container_cpu_usage_seconds_total") {
            samples.iter_mut().for_each(|sample| sample.value -= 0.5 * 6_200.0);
        }
        labels.iter_mut().filter(|(k, _)| k == "id").for_each(|(_, v)| *v = v.replace("-app", "-again"));
    }
    let Some(hours) = collected(test, both(world, restarted)).await else { return };
    let row = hours.rows::<ContainerHour>().await.remove(0);
    assert_eq!((row.running_seconds, row.instances), (Some(3_600), 2));
    assert_eq!(row.memory_kib_seconds, Some(3_600 * 102_400));
    let used = row.cpu_core_milliseconds.unwrap();
    assert!((1_780_000..=1_800_000).contains(&used), "{used}");
    assert!(row.cpu_max_millicores.unwrap() <= 510, "{row:?}");
}
