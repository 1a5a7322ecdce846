//! Traps in what containers use and request: what must not count, and what must count by time.

use fixtures::Sample;
use lake::tables::{ContainerHour, PodHour};

use crate::world::*;

const OTHER: &str = "1f3a1b2c-1111-2222-3333-444455556666";

/// The cgroup of a pod.
fn cgroup(uid: &str) -> String {
    format!("/kubepods.slice/kubepods-burstable-pod{}.slice", uid.replace('-', "_"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cgroups_above_containers_and_pause_containers_do_not_count() {
    let test = "the_cgroups_above_containers_and_pause_containers_do_not_count";
    let Some(expect) = collected(test, plain()).await else { return };
    let mut world = plain();
    let (pod, pause) = (cgroup(UID), format!("{}/pause.scope", cgroup(UID)));
    let above = [("namespace", "ns"), ("pod", "p1"), ("id", pod.as_str())];
    let docker = [("namespace", "ns"), ("pod", "p1"), ("container", "POD"), ("image", "pause"), ("id", pause.as_str())];
    let containerd = [("namespace", "ns"), ("pod", "p1"), ("image", "pause"), ("id", pause.as_str())];
    let service = [("container", "x"), ("id", "/system.slice/containerd.service")];
    for labels in [&above[..], &docker, &containerd, &service, &[("id", "/")]] {
        world.add("container_cpu_usage_seconds_total", labels, (-590, 3_900), 30, |second| seconds(second) / 2.0);
        world.add("container_memory_working_set_bytes", labels, (-590, 3_900), 30, |_| 1e9);
        world.add("container_start_time_seconds", labels, (-590, 3_900), 30, |_| seconds(-5000));
    }
    let hours = collected(test, world).await.unwrap();
    assert_eq!(hours.rows::<ContainerHour>().await, expect.rows::<ContainerHour>().await);
    assert_eq!(hours.rows::<PodHour>().await, expect.rows::<PodHour>().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_weighted_by_time_and_not_by_samples() {
    let mut world = plain();
    world.series.retain(|(labels, _)| !labels.iter().any(|(_, v)| v == "container_memory_working_set_bytes"));
    let id = format!("{}/cri-containerd-app.scope", cgroup(UID));
    let labels = [("namespace", "ns"), ("pod", "p1"), ("container", "app"), ("image", "i"), ("id", id.as_str())];
    // Half an hour at 15 s, half an hour at 60 s: by samples, the first half would weigh four times the second.
    world.add("container_memory_working_set_bytes", &labels, (-590, 1_800), 15, |_| 104_857_600.0);
    world.add("container_memory_working_set_bytes", &labels, (1_801, 3_900), 60, |_| 314_572_800.0);
    let Some(hours) = collected("memory_is_weighted_by_time_and_not_by_samples", world).await else { return };
    let container = &hours.rows::<ContainerHour>().await[0];
    assert_eq!(container.memory_kib_seconds, Some(1_800 * 102_400 + 1_800 * 307_200));
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_does_not_depend_on_how_often_it_is_scraped() {
    let test = "usage_does_not_depend_on_how_often_it_is_scraped";
    let Some(expect) = collected(test, plain()).await else { return };
    // Every fifteen seconds, every minute, and every fifteen seconds until half past and every minute from then on.
    for (before, after) in [(15_i64, 15_i64), (60, 60), (15, 60)] {
        let mut world = plain();
        for (labels, samples) in &mut world.series {
            if !labels.iter().any(|(k, v)| k == "__name__" && v.starts_with("container_")) {
                continue;
            }
            let (first, value, more) = (samples[0].milliseconds, samples[0].value, samples[1].value - samples[0].value);
            samples.clear();
            let mut second = first.div_euclid(1_000) - HOUR;
            while second < 3_900 {
                let intervals = f64::from(i32::try_from(second + 590).unwrap()) / 30.0;
                samples.push(Sample { milliseconds: (HOUR + second) * 1_000 + 337, value: value + more * intervals });
                second += if second < 1_800 { before } else { after };
            }
        }
        let hours = collected(test, world).await.unwrap();
        let (got, expect) = (&hours.rows::<ContainerHour>().await[0], &expect.rows::<ContainerHour>().await[0]);
        assert_eq!(got.memory_kib_seconds, expect.memory_kib_seconds, "{before} {after}");
        // What was used is counted up to the last sample seen, which is older where there are fewer.
        let [first, last] = [-1_i64, 3_599].map(|edge| {
            let step = if edge < 1_800 { before } else { after };
            let start = if edge < 1_800 { -590 } else { 1_810 };
            start + (edge - start).div_euclid(step) * step
        });
        assert_eq!(got.cpu_core_milliseconds, Some((last - first) * 500), "{before} {after}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_resized_in_place_has_what_it_asked_for_on_average() {
    let mut world = plain();
    for (labels, samples) in &mut world.series {
        if labels.iter().any(|(_, v)| v == "kube_pod_container_resource_requests") {
            // From one core to two and a half, halfway.
            let resized = (HOUR + 1_800) * 1_000;
            samples.iter_mut().filter(|sample| sample.milliseconds >= resized).for_each(|sample| sample.value = 2.5);
        }
    }
    let Some(hours) = collected("a_pod_that_is_resized_in_place", world).await else { return };
    assert_eq!(hours.rows::<ContainerHour>().await[0].cpu_request_millicores, Some(1_750));
    assert_eq!(hours.rows::<PodHour>().await[0].cpu_effective_request_millicores, Some(1_750));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_autoscaler_is_told_from_autoscalers_not_exposed() {
    let target = |labels: Option<(&'static str, &'static [(&'static str, &'static str)])>| async move {
        let mut world = plain();
        if let Some((name, labels)) = labels {
            world.fact_from(name, labels, 1.0, -593);
        }
        let hours = collected("no_autoscaler_is_told_from_autoscalers_not_exposed", world).await?;
        Some(hours.rows::<PodHour>().await[0].hpa_target)
    };
    let Some(unknown) = target(None).await else { return };
    assert_eq!(unknown, None);
    const LISTED: [(&str, &str); 2] = [("resource", "*v2.HorizontalPodAutoscaler"), ("result", "success")];
    assert_eq!(target(Some(("kube_state_metrics_list_total", &LISTED))).await, Some(Some(false)));
    const OF_ANOTHER: [(&str, &str); 4] = [
        ("namespace", "ns"),
        ("horizontalpodautoscaler", "a"),
        ("scaletargetref_kind", "Deployment"),
        ("scaletargetref_name", "web"),
    ];
    assert_eq!(target(Some(("kube_horizontalpodautoscaler_info", &OF_ANOTHER))).await, Some(Some(false)));
    const OF_THIS: [(&str, &str); 4] = [
        ("namespace", "ns"),
        ("horizontalpodautoscaler", "a"),
        ("scaletargetref_kind", "Pod"),
        ("scaletargetref_name", "p1"),
    ];
    assert_eq!(target(Some(("kube_horizontalpodautoscaler_info", &OF_THIS))).await, Some(Some(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_of_the_name_of_another_takes_nothing_of_it() {
    let mut world = plain();
    // The next pod of a stateful set: the same name, another uid, created when the first had ended.
    for (_, samples) in world.series.iter_mut().filter(|(labels, _)| labels.iter().any(|(_, v)| v == "p1")) {
        samples.retain(|sample| sample.milliseconds < (HOUR + 1_800) * 1_000);
    }
    let mut next = World::default();
    next.pod("p1", OTHER, 3_900);
    for (labels, samples) in &mut next.series {
        samples.retain(|sample| sample.milliseconds >= (HOUR + 1_830) * 1_000);
        let is = |end: &str| labels.iter().any(|(k, v)| k == "__name__" && v.ends_with(end));
        for sample in samples {
            if is("_created") || is("_scheduled_time") || is("_start_time_seconds") {
                sample.value = seconds(1_800);
            } else if is("_cpu_usage_seconds_total") {
                sample.value -= (5_000.0 + 1_800.0) * 0.5;
            }
        }
    }
    world.series.extend(next.series);
    let Some(hours) = collected("a_pod_of_the_name_of_another", world).await else { return };
    let containers = hours.rows::<ContainerHour>().await;
    let used: Vec<_> = containers.iter().map(|c| (c.pod_uid.as_str(), c.cpu_core_milliseconds)).collect();
    assert_eq!(used, [(UID, Some((1_780 + 20) * 500)), (OTHER, Some((3_580 - 1_800) * 500))]);
}

/// Checks a gauge of unsigned bytes that fell below zero, near 2^64: two such means in an hour are more than 64 bits
/// hold once they are added up.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_fits_nothing_costs_itself_and_not_the_hour() {
    let test = "a_number_that_fits_nothing_costs_itself_and_not_the_hour";
    let mut world = plain();
    world.pod("p2", OTHER, 3_900);
    for (labels, samples) in &mut world.series {
        let is = |name: &str| labels.iter().any(|(_, value)| value == name);
        if is("container_memory_working_set_bytes") && is("p1") {
            samples.iter_mut().for_each(|sample| sample.value = 18_446_744_073_709_551_000.0);
        }
    }
    let Some(hours) = collected(test, world).await else { return };
    assert!(hours.failed.is_none(), "{:?}", hours.failed);
    let containers = hours.rows::<ContainerHour>().await;
    let seen: Vec<_> = containers.iter().map(|c| (c.memory_kib_seconds, c.cpu_core_milliseconds)).collect();
    assert_eq!(seen, [(None, Some(1_800_000)), (Some(3600 * 102_400), Some(1_800_000))]);
    assert_eq!(containers[0].memory_max_mib_by_slot, None, "and never the greatest number a column can hold");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_no_spec_names_is_usage_of_its_pod() {
    let test = "a_container_that_no_spec_names_is_usage_of_its_pod";
    // As `kubectl debug` adds one.
    let mut world = plain();
    world.container("p1", UID, "debugger-x2z4q", 3_900);
    let Some(hours) = collected(test, world).await else { return };
    let rows = hours.rows::<ContainerHour>().await;
    let used: Vec<_> = rows
        .iter()
        .map(|row| (row.container.as_str(), row.cpu_request_millicores, row.cpu_core_milliseconds))
        .collect();
    assert_eq!(used, [("app", Some(1_000), Some(1_800_000)), ("debugger-x2z4q", None, Some(1_800_000))]);
}
