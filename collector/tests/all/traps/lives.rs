//! Lives: what kube-state-metrics lists is not all that lives, and not all of it does.

use lake::tables::{ContainerHour, NodeHour, PodHour};

use crate::world::*;

const OTHER: &str = "1f3a1b2c-1111-2222-3333-444455556666";

fn has(labels: &Labels, key: &str, start: &str) -> bool {
    labels.iter().any(|(k, v)| k == key && v.starts_with(start))
}

fn alive(pod: &PodHour) -> i64 {
    pod.alive_seconds_by_slot.iter().flatten().map(|seconds| i64::from(*seconds)).sum()
}

async fn pod(hours: &Hours, name: &str) -> Option<PodHour> {
    hours.rows::<PodHour>().await.into_iter().find(|pod| pod.pod == name)
}

/// Removes what kube-state-metrics said of what `of` selects in a span of seconds.
fn unlisted(mut world: World, span: std::ops::Range<i64>, of: impl Fn(&Labels) -> bool) -> World {
    for (labels, samples) in &mut world.series {
        if has(labels, "__name__", "kube_") && of(labels) {
            samples.retain(|sample| !span.contains(&(sample.milliseconds.div_euclid(1000) - HOUR)));
        }
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_whose_shard_of_kube_state_metrics_is_gone_lives_as_long_as_its_containers() {
    let test = "a_pod_whose_shard_of_kube_state_metrics_is_gone_lives_as_long_as_its_containers";
    let world = || {
        let mut world = plain();
        world.pod("p2", OTHER, 3_900);
        world
    };
    // Gone from 3,240 until after the hour, as when it is rolled out.
    let of_pod = |labels: &Labels| has(labels, "pod", "p2");
    let Some(hours) = collected(test, unlisted(world(), 3_240..3_840, of_pod)).await else { return };
    let row = pod(&hours, "p2").await.unwrap();
    assert_eq!((alive(&row), row.ended_source), (3_600, None));
    let containers = hours.rows::<ContainerHour>().await;
    let used: Vec<_> = containers.iter().map(|c| (c.cpu_core_milliseconds, c.memory_kib_seconds)).collect();
    assert_eq!(used, [(Some(1_800_000), Some(3_600 * 102_400)); 2]);
    // From the middle of the hour on, and of a pod that holds memory and uses no CPU.
    let mut idle = unlisted(world(), 1_800..3_840, of_pod);
    for (labels, samples) in &mut idle.series {
        if has(labels, "pod", "p2") && has(labels, "__name__", "container_cpu") {
            samples.iter_mut().for_each(|sample| sample.value = 3.0);
        }
    }
    let hours = collected(test, idle).await.unwrap();
    assert_eq!(alive(&pod(&hours, "p2").await.unwrap()), 3_600);
    // One that really ended shows for a scrape more, and a last value for minutes.
    let mut world = plain();
    world.pod("p2", OTHER, 1_800);
    let hours = collected(test, world).await.unwrap();
    assert_eq!(alive(&pod(&hours, "p2").await.unwrap()), 1_747);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_shard_of_kube_state_metrics_is_gone_lives_as_long_as_its_pods() {
    let test = "a_node_whose_shard_of_kube_state_metrics_is_gone_lives_as_long_as_its_pods";
    let mut world = plain();
    world.node("n2", -9_000);
    world.pod("p2", OTHER, 3_900);
    for (labels, _) in &mut world.series {
        if has(labels, "pod", "p2") {
            labels.iter_mut().filter(|(k, _)| k == "node").for_each(|(_, v)| "n2".clone_into(v));
        }
    }
    let of_shard = |labels: &Labels| has(labels, "node", "n2") || has(labels, "pod", "p2");
    let Some(hours) = collected(test, unlisted(world, 3_120..3_840, of_shard)).await else { return };
    let up: Vec<_> = hours.rows::<NodeHour>().await.into_iter().map(|node| (node.node, node.up_seconds)).collect();
    assert_eq!(up, [("n1".to_owned(), 3_600), ("n2".to_owned(), 3_600)]);
    assert_eq!(alive(&pod(&hours, "p2").await.unwrap()), 3_600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_listed_after_its_node_is_gone_holds_nothing() {
    let test = "a_pod_that_is_listed_after_its_node_is_gone_holds_nothing";
    // Its node was deleted hours ago.
    let mut world = plain();
    world.pod("db-0", OTHER, 3_900);
    world.series.retain(|(labels, _)| !(has(labels, "pod", "db-0") && has(labels, "__name__", "container_")));
    for (labels, _) in &mut world.series {
        if has(labels, "pod", "db-0") {
            labels.iter_mut().filter(|(k, _)| k == "node").for_each(|(_, v)| "n-gone".clone_into(v));
        }
    }
    let Some(hours) = collected(test, world.clone()).await else { return };
    assert_eq!(pod(&hours, "db-0").await, None);
    assert_eq!(hours.rows::<ContainerHour>().await.len(), 1);
    // Its node is deleted at 1,200 and was scraped last at 1,147.
    world.node("n-gone", -9_000);
    for (labels, samples) in &mut world.series {
        if has(labels, "node", "n-gone") && !has(labels, "pod", "db-0") {
            samples.retain(|sample| sample.milliseconds < (HOUR + 1_200) * 1000);
        }
    }
    let hours = collected(test, world).await.unwrap();
    let row = pod(&hours, "db-0").await.unwrap();
    assert_eq!((alive(&row), row.ended_source.as_deref()), (1_147, Some("last_seen")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_on_a_node_that_is_not_listed_lives_where_it_is_measured() {
    let test = "a_pod_on_a_node_that_is_not_listed_lives_where_it_is_measured";
    let mut world = plain();
    world.pod("p2", OTHER, 3_900);
    for (labels, _) in &mut world.series {
        if has(labels, "pod", "p2") {
            labels.iter_mut().filter(|(k, _)| k == "node").for_each(|(_, v)| "n2".clone_into(v));
        }
    }
    let Some(hours) = collected(test, world).await else { return };
    assert_eq!(alive(&pod(&hours, "p2").await.unwrap()), 3_600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_still_listed_ends_when_the_next_of_its_name_is_created() {
    let test = "a_pod_that_is_still_listed_ends_when_the_next_of_its_name_is_created";
    let mut world = plain();
    // A replica of kube-state-metrics that is stuck lists it to the end; its container ended at 1,500.
    world.pod("db-0", OTHER, 3_900);
    for (labels, samples) in &mut world.series {
        if has(labels, "pod", "db-0") && has(labels, "__name__", "container_") {
            samples.retain(|sample| sample.milliseconds < (HOUR + 1_500) * 1000);
        }
    }
    let next = "2f3a1b2c-1111-2222-3333-444455556666";
    let id = [("namespace", "ns"), ("pod", "db-0"), ("uid", next)];
    let of = |more: &[(&'static str, &'static str)]| [&id[..], more].concat();
    world.fact_from("kube_pod_info", &of(&[("node", "n1")]), 1.0, 1_567);
    world.fact_from("kube_pod_created", &id, seconds(1_530), 1_567);
    world.fact_from("kube_pod_status_scheduled_time", &id, seconds(1_530), 1_567);
    let request = of(&[("container", "app"), ("resource", "cpu")]);
    world.fact_from("kube_pod_container_resource_requests", &request, 1.0, 1_567);
    let Some(hours) = collected(test, world).await else { return };
    let pods = hours.rows::<PodHour>().await;
    let lives: Vec<_> = pods.iter().filter(|pod| pod.pod == "db-0").map(alive).collect();
    assert_eq!(lives, [1_530, 2_070]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_pod_with_a_uid_of_its_own_is_found_by_its_name() {
    let test = "a_static_pod_with_a_uid_of_its_own_is_found_by_its_name";
    let of_manifest = "99999999-1111-2222-3333-44445555cccc";
    let world = |mirror: bool| {
        let mut world = plain();
        world.pod("proxy-n1", OTHER, 3_900);
        world.series.retain(|(labels, _)| !(has(labels, "pod", "proxy-n1") && has(labels, "__name__", "container_")));
        world.container("proxy-n1", of_manifest, "app", 3_900);
        for (labels, _) in &mut world.series {
            if mirror && has(labels, "pod", "proxy-n1") && has(labels, "__name__", "kube_pod_info") {
                labels.push(("created_by_kind".to_owned(), "Node".to_owned()));
                labels.push(("created_by_name".to_owned(), "n1".to_owned()));
                labels.sort();
            }
        }
        world
    };
    for mirror in [true, false] {
        let Some(hours) = collected(test, world(mirror)).await else { return };
        let containers = hours.rows::<ContainerHour>().await;
        let proxy = containers.iter().find(|container| container.pod == "proxy-n1").unwrap();
        assert_eq!((proxy.pod_uid.as_str(), proxy.cpu_core_milliseconds), (OTHER, Some(1_800_000)));
        let manifest = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
        assert!(manifest.complete, "{:?}", manifest.faults);
    }
    // What started before the pod of its name was created is of the one before it.
    let mut world = world(false);
    for (labels, samples) in &mut world.series {
        if has(labels, "pod", "proxy-n1") && has(labels, "__name__", "kube_pod_created") {
            samples.iter_mut().for_each(|sample| sample.value = seconds(-100));
        }
    }
    let hours = collected(test, world).await.unwrap();
    let containers = hours.rows::<ContainerHour>().await;
    let proxy = containers.iter().find(|container| container.pod == "proxy-n1").unwrap();
    assert_eq!(proxy.cpu_core_milliseconds, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_said_to_run_where_others_are_measured_and_it_is_not_is_told() {
    let test = "a_pod_that_is_said_to_run_where_others_are_measured_and_it_is_not_is_told";
    // A replica of kube-state-metrics that lost its watch lists it for days, under a name of its own.
    let listed = |phase: &'static str, namespace: &'static str| {
        let mut world = plain();
        world.pod("web-7d9c", OTHER, 3_900);
        world.series.retain(|(labels, _)| !(has(labels, "pod", "web-7d9c") && has(labels, "__name__", "container_")));
        for (labels, _) in &mut world.series {
            if has(labels, "pod", "web-7d9c") {
                labels.iter_mut().filter(|(k, _)| k == "namespace").for_each(|(_, v)| namespace.clone_into(v));
            }
        }
        for one in ["Pending", "Running", "Succeeded"] {
            let id = [("namespace", namespace), ("pod", "web-7d9c"), ("uid", OTHER), ("phase", one)];
            world.fact_from("kube_pod_status_phase", &id, f64::from(u8::from(one == phase)), -593);
        }
        world
    };
    // One whose image cannot be pulled holds its requests and runs nothing; of a namespace that a rule drops, nothing shows.
    for (phase, namespace, is_told) in
        [("Running", "ns", true), ("Pending", "ns", false), ("Running", "dropped", false)]
    {
        let Some(hours) = collected(test, listed(phase, namespace)).await else { return };
        let row = pod(&hours, "web-7d9c").await.unwrap();
        assert_eq!((alive(&row), row.cpu_effective_request_millicores), (3_600, Some(1_000)));
        let manifest = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
        assert_eq!(manifest.complete, !is_told, "{phase} {namespace}: {:?}", manifest.faults);
        let names_it = |fault: &String| fault.contains("1 pods are said to run") && fault.contains("`ns/web-7d9c`");
        assert_eq!(manifest.faults.iter().any(names_it), is_told, "{:?}", manifest.faults);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_waits_for_a_node_holds_requests_from_when_it_has_one() {
    let test = "a_pod_that_waits_for_a_node_holds_requests_from_when_it_has_one";
    let mut world = plain();
    let id = [("namespace", "ns"), ("pod", "late"), ("uid", OTHER)];
    let of = |more: &[(&'static str, &'static str)]| [&id[..], more].concat();
    world.add("kube_pod_info", &id, (-593, 1_800), 60, |_| 1.0);
    world.fact_from("kube_pod_info", &of(&[("node", "n1")]), 1.0, 1_807);
    world.fact_from("kube_pod_created", &id, seconds(-5_000), -593);
    world.fact_from("kube_pod_status_scheduled_time", &id, seconds(1_800), 1_807);
    let request = of(&[("container", "app"), ("resource", "cpu")]);
    world.add("kube_pod_container_resource_requests", &request, (-593, 1_800), 60, |_| 1.0);
    world.fact_from("kube_pod_container_resource_requests", &[&request[..], &[("node", "n1")]].concat(), 1.0, 1_807);
    let Some(hours) = collected(test, world).await else { return };
    let row = pod(&hours, "late").await.unwrap();
    assert_eq!((alive(&row), row.cpu_effective_request_millicores), (1_800, Some(1_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_pod_of_many_that_is_not_listed_and_runs_on_makes_the_hour_incomplete() {
    let test = "one_pod_of_many_that_is_not_listed_and_runs_on_makes_the_hour_incomplete";
    // One of 120 is within what may belong to pods that were deleted just after a scrape.
    let world = |unlisted_until: i64| {
        let mut world = World::default();
        world.node("n1", -9000);
        for n in 1..120 {
            world.pod(&format!("p{n}"), &format!("0f3a1b2c-1111-2222-3333-{n:012}"), 3_900);
        }
        world.container("strange", "1f3a1b2c-1111-2222-3333-444455556666", "app", unlisted_until);
        world
    };
    for (until, is_told) in [(3_900, true), (100, false)] {
        let Some(hours) = collected(test, world(until)).await else { return };
        let faults = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest.faults;
        let told = faults.iter().any(|fault| fault.contains("belong to no pod") && fault.contains("`ns/strange`"));
        assert_eq!(told, is_told, "{until}: {faults:?}");
    }
}
