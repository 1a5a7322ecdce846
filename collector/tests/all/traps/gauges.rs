//! Gauges that say what cannot be, or what was true a while ago.

use lake::tables::{ContainerHour, NodeHour};

use crate::world::*;

const MEMORY: &str = "container_memory_working_set_bytes";
const MIB: f64 = 1_048_576.0;

fn is_of(labels: &Labels, name: &str) -> bool {
    labels.iter().any(|(k, v)| k == "__name__" && v == name)
}

/// Changes the samples of a metric from a second of the hour on, for five minutes.
fn for_a_slot(mut world: World, name: &str, from: i64, value: f64) -> World {
    for (_, samples) in world.series.iter_mut().filter(|(labels, _)| is_of(labels, name)) {
        for sample in samples {
            let second = sample.milliseconds.div_euclid(1000) - HOUR;
            if (from..from + 300).contains(&second) {
                sample.value = value;
            }
        }
    }
    world
}

async fn faults(hours: &Hours) -> Vec<String> {
    hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest.faults
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_no_container_can_hold_is_unknown_and_told() {
    let test = "memory_that_no_container_can_hold_is_unknown_and_told";
    // Nothing while it runs; more than the 16 GB of its node; 2^63, as an unset limit; less than nothing.
    for wrong in [0.0, 17e9, 9_223_372_036_854_775_807.0, 1.8e19, -4_096.0] {
        let world = for_a_slot(plain(), MEMORY, 1_500, wrong);
        let Some(hours) = collected(test, world).await else { return };
        let row = hours.rows::<ContainerHour>().await.remove(0);
        let (mean, max) = (row.memory_mean_mib_by_slot.unwrap(), row.memory_max_mib_by_slot.unwrap());
        assert_eq!((mean[4], mean[5], mean[6]), (Some(100), None, Some(100)), "{wrong}");
        assert_eq!((max[4], max[5], row.memory_max_kib), (Some(100), None, Some(102_400)), "{wrong}");
        assert_eq!(row.memory_kib_seconds, Some(3_300 * 102_400), "{wrong}");
        let faults = faults(&hours).await;
        assert!(
            faults[0].contains("`container_memory_mean`: 1 values of 1 objects, such as `ns/p1/app`"),
            "{faults:?}"
        );
    }
}

/// Changes one sample of a metric: the first from a second of the hour on.
fn for_a_scrape(mut world: World, name: &str, from: i64, value: f64) -> World {
    for (_, samples) in world.series.iter_mut().filter(|(labels, _)| is_of(labels, name)) {
        let first = samples.iter_mut().find(|sample| sample.milliseconds.div_euclid(1000) - HOUR >= from);
        first.unwrap().value = value;
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn one_scrape_of_memory_that_no_container_can_hold_is_not_hidden_by_the_mean_of_its_slot() {
    let test = "one_scrape_of_memory_that_no_container_can_hold_is_not_hidden_by_the_mean_of_its_slot";
    for (wrong, at, slot) in [
        (-1.0, 1_600, 5),
        (-1.0, 10, 0),
        (-9.3e18, 3_580, 11),
        (0.0, 1_600, 5),
        (0.0, 10, 0),
        (17e9, 1_600, 5),
        (9_223_372_036_854_775_807.0, 3_580, 11),
    ] {
        let Some(hours) = collected(test, for_a_scrape(plain(), MEMORY, at, wrong)).await else { return };
        let row = hours.rows::<ContainerHour>().await.remove(0);
        let expected = |value: i32| std::array::from_fn(|k| (k != slot).then_some(value));
        assert_eq!(row.memory_mean_mib_by_slot.unwrap(), expected(100), "{wrong} at {at}");
        assert_eq!(row.memory_max_mib_by_slot.unwrap(), expected(100), "{wrong} at {at}");
        assert_eq!((row.memory_kib_seconds, row.memory_max_kib), (Some(3_300 * 102_400), Some(102_400)), "{wrong}");
        let faults = faults(&hours).await;
        assert!(
            faults[0].contains("`container_memory_mean`: 1 values of 1 objects, such as `ns/p1/app`"),
            "{wrong} at {at}: {faults:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_is_just_made_may_hold_nothing_at_its_first_scrape() {
    let test = "a_container_that_is_just_made_may_hold_nothing_at_its_first_scrape";
    let mut world = plain();
    for (labels, samples) in &mut world.series {
        if labels.iter().any(|(k, v)| k == "__name__" && v.starts_with("container_")) {
            samples.retain(|sample| sample.milliseconds.div_euclid(1000) - HOUR >= 1_300);
        }
        if is_of(labels, "container_start_time_seconds") {
            samples.iter_mut().for_each(|sample| sample.value = seconds(1_295));
        }
        if is_of(labels, "container_cpu_usage_seconds_total") {
            samples.iter_mut().for_each(|sample| sample.value -= 0.5 * (5_000.0 + 1_295.0));
        }
        if is_of(labels, MEMORY) {
            samples[0].value = 0.0;
        }
    }
    let Some(hours) = collected(test, world).await else { return };
    let row = hours.rows::<ContainerHour>().await.remove(0);
    let (mean, max) = (row.memory_mean_mib_by_slot.unwrap(), row.memory_max_mib_by_slot.unwrap());
    assert!(mean[4].is_some_and(|mib| (80..100).contains(&mib)), "{mean:?}");
    assert_eq!((max[4], mean[5]), (Some(100), Some(100)), "{max:?}");
    assert!(!faults(&hours).await.iter().any(|fault| fault.contains("`container_memory_mean`")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_uses_nothing_may_hold_nothing() {
    let test = "a_container_that_uses_nothing_may_hold_nothing";
    let world = for_a_slot(plain(), MEMORY, 1_500, 0.0);
    let idle = |mut world: World| {
        for (labels, samples) in &mut world.series {
            if is_of(labels, "container_cpu_usage_seconds_total") {
                samples.iter_mut().for_each(|sample| sample.value = 7.0);
            }
        }
        world
    };
    let Some(hours) = collected(test, idle(world)).await else { return };
    let row = hours.rows::<ContainerHour>().await.remove(0);
    assert_eq!(row.memory_mean_mib_by_slot.unwrap()[5], Some(0));
    assert_eq!(faults(&hours).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shows_of_a_container_after_the_next_one_started_is_not_its_memory() {
    let test = "what_shows_of_a_container_after_the_next_one_started_is_not_its_memory";
    let mut world = World::default();
    world.node("n1", -9_000);
    world.pod("p1", UID, 3_900);
    world.series.retain(|(labels, _)| !labels.iter().any(|(k, v)| k == "__name__" && v.starts_with("container_")));
    let path = |n: u8| format!("/kubepods/burstable/pod{UID}/run{n}");
    // Killed at 880 with 8 GiB; its last values show until 1,160, beside those of the next one.
    for (n, span, start, bytes) in [(1, (-590, 1_160), -5_000, 8_192.0), (2, (910, 3_900), 890, 100.0)] {
        let id = path(n);
        let labels = [("namespace", "ns"), ("pod", "p1"), ("container", "app"), ("image", "i"), ("id", &id)];
        world.add("container_start_time_seconds", &labels, span, 30, |_| seconds(start));
        world.add(MEMORY, &labels, span, 30, |_| bytes * MIB);
        let used = |at: i64| f64::from(i32::try_from(if n == 1 { at.min(880) } else { at } - start).unwrap()) * 0.5;
        world.add("container_cpu_usage_seconds_total", &labels, span, 30, used);
    }
    let Some(hours) = collected(test, world).await else { return };
    let row = hours.rows::<ContainerHour>().await.remove(0);
    let (mean, max) = (row.memory_mean_mib_by_slot.unwrap(), row.memory_max_mib_by_slot.unwrap());
    assert_eq!((max[1], max[2], max[3], max[4]), (Some(8_192), Some(8_192), Some(100), Some(100)), "{max:?}");
    assert_eq!((mean[1], mean[3], mean[4]), (Some(8_192), Some(100), Some(100)), "{mean:?}");
    assert_eq!((row.instances, faults(&hours).await), (2, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_of_a_node_that_cannot_be_is_unknown_and_told() {
    let test = "memory_of_a_node_that_cannot_be_is_unknown_and_told";
    let world = || {
        let mut world = plain();
        let at = [("instance", "n1:9100")];
        world.add("node_memory_MemTotal_bytes", &at, (-590, 3_900), 30, |_| 15_000.0 * MIB);
        world.add("node_memory_MemAvailable_bytes", &at, (-590, 3_900), 30, |_| 10_000.0 * MIB);
        world.add("node_memory_MemFree_bytes", &at, (-590, 3_900), 30, |_| 5_000.0 * MIB);
        world.add("node_uname_info", &[("instance", "n1:9100"), ("nodename", "n1")], (-590, 3_900), 30, |_| 1.0);
        world
    };
    let Some(hours) = collected(test, world()).await else { return };
    let good = hours.rows::<NodeHour>().await.remove(0);
    assert_eq!(
        (good.memory_used_mib_by_slot, good.memory_touched_mib_by_slot),
        (Some([Some(5_000); 12]), Some([Some(10_000); 12]))
    );
    for (name, wrong) in [
        ("node_memory_MemAvailable_bytes", 15_001.0 * MIB),
        ("node_memory_MemAvailable_bytes", 1.8e19),
        ("node_memory_MemTotal_bytes", 0.0),
        ("node_memory_MemTotal_bytes", 9.3e18),
        ("node_memory_MemTotal_bytes", 40e9),
    ] {
        let hours = collected(test, for_a_slot(world(), name, 1_500, wrong)).await.unwrap();
        let used = hours.rows::<NodeHour>().await.remove(0).memory_used_mib_by_slot.unwrap();
        assert_eq!((used[4], used[5], used[6]), (Some(5_000), None, Some(5_000)), "{name} {wrong}");
        let faults = faults(&hours).await;
        assert!(faults.iter().any(|fault| fault.contains("`node_memory`")), "{faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_no_machine_has_is_unknown() {
    let test = "a_size_that_no_machine_has_is_unknown";
    for wrong in [0.0, -1.0, 9_223_372_036_854_775_807.0] {
        let mut world = plain();
        for (labels, samples) in &mut world.series {
            if is_of(labels, "kube_node_status_capacity") {
                samples.iter_mut().for_each(|sample| sample.value = wrong);
            }
        }
        let Some(hours) = collected(test, world).await else { return };
        let row = hours.rows::<NodeHour>().await.remove(0);
        assert_eq!((row.cpu_capacity_millicores, row.memory_capacity_bytes), (None, None), "{wrong}");
        assert_eq!(hours.rows::<ContainerHour>().await.remove(0).cpu_core_milliseconds, Some(1_800_000));
        let told = faults(&hours).await;
        // A node may accept no pods.
        let count = if wrong == 0.0 { 2 } else { 3 };
        let expect = format!("`node_resources`: {count} values of 1 objects, such as `n1`");
        assert!(told.iter().any(|fault| fault.contains(&expect)), "{wrong}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_no_node_can_hold_is_unknown_and_told() {
    let test = "a_request_that_no_node_can_hold_is_unknown_and_told";
    for wrong in [-1.0, 5_000.0, 9_223_372_036_854_775_807.0] {
        let mut world = plain();
        for (labels, samples) in &mut world.series {
            if is_of(labels, "kube_pod_container_resource_requests") {
                samples.iter_mut().for_each(|sample| sample.value = wrong);
            }
        }
        let Some(hours) = collected(test, world).await else { return };
        assert_eq!(hours.rows::<ContainerHour>().await.remove(0).cpu_request_millicores, None, "{wrong}");
        let faults = faults(&hours).await;
        assert!(faults[0].contains("`container_resources`: 1 values"), "{faults:?}");
    }
}
