//! Facts about pods, nodes and owners that change within the hour: what was said last stays, whichever word is
//! greater, and what is said after the hour is of the next.

use collector::Settings;
use lake::tables::{ContainerHour, NodeHour, PodHour};

use crate::world::*;

const POD: [(&str, &str); 3] = [("namespace", "ns"), ("pod", "p1"), ("uid", UID)];

/// Series that end when the next begins: at half past, or just after the hour.
fn said_after_each_other(world: &mut World, name: &str, labels: [&[(&str, &str)]; 2], change: i64) {
    let [before, after] = labels;
    world.add(name, before, (-593, change), 60, |_| 1.0);
    world.add(name, after, (change + 7, 3_900), 60, |_| 1.0);
}

fn teams() -> Settings {
    Settings { pod_labels: vec!["team".into(), "stage".into()], ..Settings::default() }
}

/// The pod of an hour in which two things were said of it.
async fn pod(test: &str, world: World) -> Option<PodHour> {
    let hours = collected_with(test, world, &teams()).await?;
    assert_eq!(hours.failed, None);
    hours.rows::<PodHour>().await.into_iter().find(|pod| pod.pod == "p1")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_label_that_changes_is_what_it_was_last_whichever_word_is_greater() {
    let test = "a_node_label_that_changes_is_what_it_was_last";
    for (before, after, change) in
        [("ON_DEMAND", "SPOT", 1_800), ("SPOT", "ON_DEMAND", 1_800), ("ON_DEMAND", "SPOT", 3_600)]
    {
        let mut world = plain();
        let labels = |kind: &'static str| [("node", "n1"), ("label_eks_amazonaws_com_capacity_type", kind)];
        said_after_each_other(&mut world, "kube_node_labels", [&labels(before), &labels(after)], change);
        let Some(hours) = collected_with(test, world, &Settings::default()).await else { return };
        let last = if change == 1_800 { after } else { before };
        let expect = if last == "SPOT" { "spot" } else { "on-demand" };
        let node = &hours.rows::<NodeHour>().await[0];
        assert_eq!(node.capacity_type.as_deref(), Some(expect), "{before} to {after} at {change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_labels_of_a_pod_are_those_it_had_last() {
    let test = "the_labels_of_a_pod_are_those_it_had_last";
    for (before, after, change) in [("a", "z", 1_800), ("z", "a", 1_800), ("a", "z", 3_600), ("z", "a", 3_600)] {
        let mut world = plain();
        let labels = |team: &'static str| [&POD[..], &[("label_team", team)]].concat();
        // The label that only one of the two has came with it or went with it.
        let with_stage = [&labels(after)[..], &[("label_stage", "new")]].concat();
        said_after_each_other(&mut world, "kube_pod_labels", [&labels(before), &with_stage], change);
        let Some(pod) = pod(test, world).await else { return };
        let expect = if change == 1_800 {
            vec!["stage=new".to_owned(), format!("team={after}")]
        } else {
            vec![format!("team={before}")]
        };
        assert_eq!(pod.labels, Some(expect), "{before} to {after} at {change}");

        // The other way about: what is no longer said is gone.
        let mut world = plain();
        said_after_each_other(&mut world, "kube_pod_labels", [&with_stage, &labels(before)], 1_800);
        let pod = self::pod(test, world).await.unwrap();
        assert_eq!(pod.labels, Some(vec![format!("team={before}")]), "{after} to {before}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_a_pod_is_the_one_it_had_last() {
    let test = "the_owner_of_a_pod_is_the_one_it_had_last";
    for (before, after, change) in
        [("web-a", "web-z", 1_800), ("web-z", "web-a", 1_800), ("web-a", "web-z", 3_600), ("web-z", "", 1_800)]
    {
        let mut world = plain();
        let owner = |name: &'static str| {
            let kind = if name.is_empty() { "" } else { "StatefulSet" };
            [&POD[..], &[("owner_kind", kind), ("owner_name", name), ("owner_is_controller", "true")]].concat()
        };
        said_after_each_other(&mut world, "kube_pod_owner", [&owner(before), &owner(after)], change);
        let Some(pod) = pod(test, world).await else { return };
        let last = if change == 1_800 { after } else { before };
        let expect = if last.is_empty() { ("Pod", "p1") } else { ("StatefulSet", last) };
        assert_eq!((pod.workload_kind.as_str(), pod.workload.as_str()), expect, "{before} to {after} at {change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_a_replica_set_or_job_is_the_one_it_had_last() {
    let test = "the_owner_of_a_replica_set_or_job_is_the_one_it_had_last";
    for (metric, label, kind, above) in [
        ("kube_replicaset_owner", "replicaset", "ReplicaSet", "Deployment"),
        ("kube_job_owner", "job_name", "Job", "CronJob"),
    ] {
        for (before, after) in [("a", "z"), ("z", "a")] {
            let mut world = plain();
            let owner = [&POD[..], &[("owner_kind", kind), ("owner_name", "x-1"), ("owner_is_controller", "true")]];
            world.fact_from("kube_pod_owner", &owner.concat(), 1.0, -593);
            let of =
                |name: &'static str| [("namespace", "ns"), (label, "x-1"), ("owner_kind", above), ("owner_name", name)];
            said_after_each_other(&mut world, metric, [&of(before), &of(after)], 1_800);
            // The same name in another namespace stays what it is.
            let other = [("namespace", "other"), (label, "x-1"), ("owner_kind", above), ("owner_name", "m")];
            world.fact_from(metric, &other, 1.0, -593);
            let Some(pod) = pod(test, world).await else { return };
            let got = (pod.workload_kind.as_str(), pod.workload.as_str());
            assert_eq!(got, (above, after), "{metric}: {before} to {after}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_exporters_say_of_a_pod_at_the_same_time_is_all_kept() {
    let mut world = plain();
    let labels = |more: &[(&'static str, &'static str)]| [&POD[..], more].concat();
    world.fact_from("kube_pod_labels", &labels(&[("job", "a"), ("label_team", "web")]), 1.0, -593);
    world.fact_from("kube_pod_labels", &labels(&[("job", "b"), ("label_stage", "new")]), 1.0, -580);
    let test = "what_two_exporters_say_of_a_pod_at_the_same_time_is_all_kept";
    let Some(pod) = pod(test, world).await else { return };
    assert_eq!(pod.labels, Some(vec!["stage=new".to_owned(), "team=web".to_owned()]));
}

/// Makes a metric of one value until a second of the hour and of another from then on.
fn changed(mut world: World, name: &str, change: i64, before: f64, after: f64) -> World {
    for (labels, samples) in &mut world.series {
        if labels.iter().any(|(k, v)| k == "__name__" && v == name) {
            for sample in samples {
                let second = sample.milliseconds.div_euclid(1000) - HOUR;
                sample.value = if second < change { before } else { after };
            }
        }
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_counts_by_the_time_it_was_what_it_was() {
    let test = "a_request_counts_by_the_time_it_was_what_it_was";
    // In the middle of the hour, in its last slot, and after it.
    for (change, expect) in [(1_800, 2_000), (3_350, 1_167), (3_660, 1_000)] {
        let world = changed(plain(), "kube_pod_container_resource_requests", change, 1.0, 3.0);
        let Some(hours) = collected(test, world).await else { return };
        let container = hours.rows::<ContainerHour>().await.remove(0);
        assert_eq!(container.cpu_request_millicores, Some(expect), "{change}");
        let pod = hours.rows::<PodHour>().await.remove(0);
        assert_eq!(pod.cpu_effective_request_millicores, Some(expect), "{change}");
    }
    // After the hour, to more than the node has.
    let world = changed(plain(), "kube_pod_container_resource_requests", 3_660, 1.0, 8.0);
    let hours = collected(test, world).await.unwrap();
    assert_eq!(hours.rows::<ContainerHour>().await.remove(0).cpu_request_millicores, Some(1_000));
    let manifest = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
    assert_eq!(manifest.faults, Vec::<String>::new());
    // In the hour, to what no machine has: the mean does not hide it.
    let world = changed(plain(), "kube_pod_container_resource_requests", 3_350, 1.0, -1.0);
    let hours = collected(test, world).await.unwrap();
    assert_eq!(hours.rows::<ContainerHour>().await.remove(0).cpu_request_millicores, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_of_the_last_seconds_has_the_requests_that_show_after_the_hour() {
    let test = "a_pod_of_the_last_seconds_has_the_requests_that_show_after_the_hour";
    let mut world = plain();
    let id = [("namespace", "ns"), ("pod", "late"), ("uid", "1f3a1b2c-1111-2222-3333-444455556666")];
    let of = |more: &[(&'static str, &'static str)]| [&id[..], more].concat();
    world.fact_from("kube_pod_info", &of(&[("node", "n1")]), 1.0, 3_607);
    for moment in ["kube_pod_created", "kube_pod_status_scheduled_time"] {
        world.fact_from(moment, &id, seconds(3_590), 3_607);
    }
    let request = of(&[("container", "app"), ("resource", "cpu")]);
    world.fact_from("kube_pod_container_resource_requests", &request, 2.0, 3_607);
    let Some(hours) = collected(test, world).await else { return };
    let pods = hours.rows::<PodHour>().await;
    let late = pods.iter().find(|pod| pod.pod == "late").unwrap();
    assert_eq!(late.cpu_effective_request_millicores, Some(2_000));
    assert_eq!(late.alive_seconds_by_slot.iter().flatten().sum::<i32>(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_has_the_size_it_had_last_within_the_hour() {
    let test = "a_node_has_the_size_it_had_last_within_the_hour";
    for (change, expect) in [(1_800, 7), (3_660, 4)] {
        let mut world = plain();
        let gpus = [("node", "n1"), ("resource", "nvidia_com_gpu")];
        world.fact_from("kube_node_status_allocatable", &[("node", "n1"), ("resource", "cpu")], 3.9, -593);
        world.fact_from("kube_node_status_capacity", &gpus, 4.0, -593);
        let (labels, samples) = world.series.last_mut().unwrap();
        assert!(labels.iter().any(|(_, v)| v == "nvidia_com_gpu"));
        for sample in samples.iter_mut().filter(|sample| sample.milliseconds >= (HOUR + change) * 1000) {
            sample.value = 7.0;
        }
        let Some(hours) = collected(test, world).await else { return };
        let node = hours.rows::<NodeHour>().await.remove(0);
        assert_eq!(node.extended_capacity, Some(vec![format!("nvidia_com_gpu={expect}")]), "{change}");
        assert_eq!(node.cpu_allocatable_millicores, Some(3_900));
    }
}
