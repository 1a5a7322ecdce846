//! Counters and start times that say what cannot be: of containers, and of whole nodes.

use fixtures::Sample;
use lake::manifest::Manifest;
use lake::tables::{ContainerHour, NodeHour};

use crate::world::*;

const CPU: &str = "container_cpu_usage_seconds_total";
const START: &str = "container_start_time_seconds";

fn is_of(labels: &Labels, name: &str) -> bool {
    labels.iter().any(|(k, v)| k == "__name__" && v == name)
}

/// Changes the samples of a metric: `value` has the second of the hour and what was there.
fn changed(mut world: World, name: &str, value: impl Fn(i64, f64) -> f64) -> World {
    for (_, samples) in world.series.iter_mut().filter(|(labels, _)| is_of(labels, name)) {
        for sample in samples {
            sample.value = value(second(sample), sample.value);
        }
    }
    world
}

fn second(sample: &Sample) -> i64 {
    sample.milliseconds.div_euclid(1000) - HOUR
}

/// The world without what was scraped in a span of seconds.
fn unscraped(mut world: World, span: std::ops::Range<i64>) -> World {
    for (_, samples) in &mut world.series {
        samples.retain(|sample| !span.contains(&second(sample)));
    }
    world
}

async fn manifest(hours: &Hours) -> Manifest {
    hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest
}

async fn container(hours: &Hours) -> ContainerHour {
    hours.rows::<ContainerHour>().await.remove(0)
}

/// One container, with the means of its slots and the faults of its hour.
async fn used(test: &str, world: World) -> Option<(ContainerHour, [Option<i32>; 12], Vec<String>)> {
    let hours = collected(test, world).await?;
    let row = container(&hours).await;
    let slots = row.cpu_mean_millicores_by_slot.unwrap_or_default();
    Some((row, slots, manifest(&hours).await.faults))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sample_of_a_container_that_cannot_be_changes_no_sum_and_is_told() {
    let test = "one_sample_of_a_container_that_cannot_be_changes_no_sum_and_is_told";
    // At the edge of the sixth slot: as nothing, as more than was ever used, as 2^63 and beyond, as what was long ago, as
    // what four cores cannot have done in five minutes.
    for wrong in [0.0, 1.73e9, 9.3e18, -1.0, 1_000.0, 52_895.0] {
        let world = changed(plain(), CPU, |at, value| if at == 1_780 { wrong } else { value + 48_000.0 });
        let Some((row, slots, faults)) = used(test, world).await else { return };
        assert_eq!(row.cpu_core_milliseconds, Some(1_800_000), "{wrong}");
        assert_eq!(slots, [Some(500); 12], "{wrong}");
        assert_eq!((row.cpu_max_millicores, row.running_seconds, row.instances), (Some(500), Some(3_600), 1));
        assert!(faults[0].contains("`container_cpu`: 1 values of 1 objects, such as `ns/p1/app`"), "{faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_sample_at_the_edge_of_an_hour_costs_no_slot() {
    let test = "a_wrong_sample_at_the_edge_of_an_hour_costs_no_slot";
    // Looked at at the start of the hour, at its end, and at both edges of its first slot.
    for edges in [vec![-20], vec![3_580], vec![-20, 280], vec![-20, 3_280, 3_580]] {
        for wrong in [0.0, 1.73e9, 9.3e18] {
            let value = |at, value| if edges.contains(&at) { wrong } else { value + 48_000.0 };
            let Some((row, slots, faults)) = used(test, changed(plain(), CPU, value)).await else { return };
            assert_eq!((row.cpu_core_milliseconds, slots), (Some(1_800_000), [Some(500); 12]), "{edges:?} {wrong}");
            assert!(faults[0].contains("`container_cpu`"), "{faults:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lagging_sample_climbs_again_counts_once() {
    let test = "what_a_lagging_sample_climbs_again_counts_once";
    // For a quarter of an hour it shows what it showed ten minutes before.
    let world = changed(plain(), CPU, |at, value| if (1_500..2_400).contains(&at) { value - 300.0 } else { value });
    let Some((row, slots, faults)) = used(test, world).await else { return };
    assert_eq!(row.cpu_core_milliseconds, Some(1_800_000), "{slots:?}");
    assert!(faults[0].contains("`container_cpu`"), "{faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_that_falls_and_stays_low_is_a_restart_only_where_the_start_moved() {
    let test = "a_counter_that_falls_and_stays_low_is_a_restart_only_where_the_start_moved";
    let fallen = || changed(plain(), CPU, |at, value| if at < 1_950 { value + 48_000.0 } else { value - 3_475.0 });
    let Some((row, slots, faults)) = used(test, fallen()).await else { return };
    // Nothing says what it is from then on; the longer part counts.
    assert_eq!(row.cpu_core_milliseconds, Some(900_000), "{slots:?}");
    assert_eq!(slots.iter().filter(|slot| slot.is_none()).count(), 6, "{slots:?}");
    assert!(faults[0].contains("`container_cpu`: 6 values"), "{faults:?}");

    // As Docker restarts a container: in the same cgroup, with another start. From zero, and both runs count.
    let world = changed(fallen(), START, |at, value| if at < 1_950 { value } else { seconds(1_950) });
    let (row, slots, faults) = used(test, world).await.unwrap();
    // Until the edge at 1,800 (scraped at 1,780), and from 1,950 to the last scrape of the hour.
    assert_eq!(row.cpu_core_milliseconds, Some(900_000 + (3_580 - 1_950) * 500), "{slots:?}");
    assert_eq!((row.instances, row.running_seconds, faults), (2, Some(3_600), Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_node_has_for_a_whole_hour_is_unknown() {
    let test = "more_than_the_node_has_for_a_whole_hour_is_unknown";
    // Five cores of four: two series in one.
    let world = changed(plain(), CPU, |_, value| value * 10.0);
    let Some((row, _, faults)) = used(test, world).await else { return };
    assert_eq!(
        (row.cpu_core_milliseconds, row.cpu_mean_millicores_by_slot, row.cpu_max_millicores),
        (None, None, None)
    );
    assert!(faults[0].contains("`container_cpu`: 13 values"), "{faults:?}");
    // All four of them are possible.
    let world = changed(plain(), CPU, |_, value| value * 8.0);
    let (row, slots, faults) = used(test, world).await.unwrap();
    assert_eq!((row.cpu_core_milliseconds, slots, faults), (Some(14_400_000), [Some(4_000); 12], Vec::new()));
}

/// The hour with an exporter of the whole node: two cores of use, and a hundredth of a core stolen.
fn with_node_exporter() -> World {
    with_node_exporter_to(3_900)
}

/// The same, of which the exporter is scraped to a second of the hour.
fn with_node_exporter_to(end: i64) -> World {
    let mut world = plain();
    let exporter = [("instance", "n1:9100"), ("job", "node-exporter")];
    let of = |more: &[(&'static str, &'static str)]| [&exporter[..], more].concat();
    let counted = |per_second: f64| move |at: i64| (f64::from(i32::try_from(at).unwrap()) + 5_000.0) * per_second;
    for (mode, rate) in [("user", 1.5), ("system", 0.5), ("steal", 0.01)] {
        world.add("node_cpu_seconds_total", &of(&[("cpu", "0"), ("mode", mode)]), (-590, end), 30, counted(rate));
    }
    let device = [("device", "eth0")];
    world.add("node_network_receive_bytes_total", &of(&device), (-590, end), 30, counted(1_000.0));
    world.add("node_disk_read_bytes_total", &of(&[("device", "nvme0n1")]), (-590, end), 30, counted(500.0));
    world.add("node_uname_info", &of(&[("nodename", "n1")]), (-590, end), 30, |_| 1.0);
    world
}

async fn node(test: &str, world: World) -> Option<(NodeHour, Vec<String>)> {
    let hours = collected(test, world).await?;
    Some((hours.rows::<NodeHour>().await.remove(0), manifest(&hours).await.faults))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sample_of_a_node_that_cannot_be_changes_no_rate_and_is_told() {
    let test = "one_sample_of_a_node_that_cannot_be_changes_no_rate_and_is_told";
    let Some((good, faults)) = node(test, with_node_exporter()).await else { return };
    assert_eq!((good.cpu_used_millicores_by_slot, faults), (Some([Some(2_000); 12]), Vec::new()));
    assert_eq!(good.cpu_steal_millicores_by_slot, Some([Some(10); 12]));
    assert_eq!((good.network_receive_bytes, good.disk_read_bytes), (Some(3_600_000), Some(1_800_000)));
    for (name, query) in [
        ("node_cpu_seconds_total", "node_cpu"),
        ("node_network_receive_bytes_total", "node_io"),
        ("node_disk_read_bytes_total", "node_io"),
    ] {
        for wrong in [0.0, 1.8446744073e11, 1.8446744073709552e19] {
            // A disk may do more in five minutes than 1.8e11 bytes.
            if name == "node_network_receive_bytes_total" && wrong < 1e12 && wrong > 0.0 {
                continue;
            }
            let world = changed(with_node_exporter(), name, |at, value| if at == 1_780 { wrong } else { value });
            let (row, faults) = node(test, world).await.unwrap();
            assert!(faults[0].contains(&format!("query `{query}`")), "{faults:?}");
            assert_eq!(row, good, "{name} {wrong}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_steal_counter_that_falls_back_touches_no_other_mode() {
    let test = "a_steal_counter_that_falls_back_touches_no_other_mode";
    let world = changed(with_node_exporter(), "node_cpu_seconds_total", |at, value| {
        // Steal is the only mode below a hundred core-seconds; it falls back by a tenth of what it counts in the hour.
        if at >= 1_800 && value < 100.0 { value - 3.6 } else { value }
    });
    let Some((row, faults)) = node(test, world).await else { return };
    assert_eq!(row.cpu_used_millicores_by_slot, Some([Some(2_000); 12]));
    let steal = row.cpu_steal_millicores_by_slot.unwrap();
    assert!(steal.iter().flatten().all(|steal| *steal <= 10) && steal[0] == Some(10), "{steal:?}");
    assert!(faults[0].contains("`node_cpu`"), "{faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_of_a_node_begin_anew_only_where_it_was_booted() {
    let test = "counters_of_a_node_begin_anew_only_where_it_was_booted";
    let rebooted = || {
        let mut world = with_node_exporter();
        for (labels, samples) in world.series.iter_mut().filter(|(labels, _)| {
            labels.iter().any(|(k, v)| k == "__name__" && v.starts_with("node_") && v.ends_with("_total"))
        }) {
            let bytes = labels.iter().any(|(_, v)| v.ends_with("_bytes_total"));
            let rate = (samples[1].value - samples[0].value) / 30.0;
            for sample in samples.iter_mut().filter(|sample| second(sample) >= 1_950) {
                sample.value = f64::from(i32::try_from(second(sample) - 1_950).unwrap()) * rate;
            }
            assert!(bytes || rate < 2.0);
        }
        world
    };
    let Some((row, faults)) = node(test, rebooted()).await else { return };
    assert_eq!((row.network_receive_bytes, row.disk_read_bytes), (None, None), "half of an hour is not the hour");
    assert!(faults.iter().any(|fault| fault.contains("`node_io`")), "{faults:?}");
    let mut world = rebooted();
    let exporter = [("instance", "n1:9100"), ("job", "node-exporter")];
    let booted = |at: i64| seconds(if at < 1_950 { -9_000 } else { 1_950 });
    world.add("node_boot_time_seconds", &exporter, (-590, 3_900), 30, booted);
    let (row, faults) = node(test, world).await.unwrap();
    assert_eq!(row.network_receive_bytes, Some((1_800 + 3_580 - 1_950) * 1_000));
    let used = row.cpu_used_millicores_by_slot.unwrap();
    assert_eq!((used[5], used[6], used[7], faults), (Some(2_000), None, Some(2_000), Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_shows_late_with_an_old_counter_is_not_new() {
    let test = "a_device_that_shows_late_with_an_old_counter_is_not_new";
    // More than goes through in an hour, and more than in the five minutes since nobody saw it.
    for before in [9e13, 9e12] {
        let mut world = with_node_exporter();
        let labels = [("instance", "n1:9100"), ("job", "node-exporter"), ("device", "eth1")];
        let counted = |at: i64| before + f64::from(i32::try_from(at).unwrap()) * 100.0;
        world.add("node_network_receive_bytes_total", &labels, (1_210, 3_900), 30, counted);
        let Some((row, _)) = node(test, world).await else { return };
        assert_eq!(row.network_receive_bytes, Some(3_600_000 + (3_580 - 1_480) * 100), "{before}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_goes_while_others_stay_counts_until_it_went() {
    let test = "a_device_that_goes_while_others_stay_counts_until_it_went";
    let mut world = with_node_exporter();
    let labels = [("instance", "n1:9100"), ("job", "node-exporter"), ("device", "eth1")];
    let counted = |at: i64| f64::from(i32::try_from(at).unwrap() + 5_000) * 100.0;
    world.add("node_network_receive_bytes_total", &labels, (-590, 1_800), 30, counted);
    let Some((row, faults)) = node(test, world).await else { return };
    // From 20 s before the hour to the last scrape that saw it.
    assert_eq!((row.network_receive_bytes, faults), (Some(3_600_000 + 1_800 * 100), Vec::new()));
}

/// The world without the samples of some metrics in a span of seconds.
fn without(mut world: World, prefix: &str, span: std::ops::Range<i64>) -> World {
    for (labels, samples) in &mut world.series {
        if labels.iter().any(|(k, v)| k == "__name__" && v.starts_with(prefix)) {
            samples.retain(|sample| !span.contains(&second(sample)));
        }
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_a_part_of_the_hour_are_not_those_of_the_hour() {
    let test = "bytes_of_a_part_of_the_hour_are_not_those_of_the_hour";
    // To the end of the hour and from its beginning: the exporter, or the devices alone.
    for (prefix, span) in
        [("node_", 1_800..4_200), ("node_network_", 1_800..4_200), ("node_", -600..1_200), ("node_disk_", -600..1_200)]
    {
        let Some((row, faults)) = node(test, without(with_node_exporter(), prefix, span.clone())).await else { return };
        let [network, disk] = ["node_network_", "node_disk_"].map(|kind| kind.starts_with(prefix));
        let expect = (Some(3_600_000).filter(|_| !network), Some(1_800_000).filter(|_| !disk));
        assert_eq!((row.network_receive_bytes, row.disk_read_bytes), expect, "{prefix} {span:?}");
        let told = faults.iter().any(|fault| fault.contains("`node_io`: 1 objects, such as `n1`, have no samples"));
        assert!(told, "{prefix} {span:?}: {faults:?}");
    }
    // Over a gap within the hour its counters ran on.
    let (row, faults) = node(test, without(with_node_exporter(), "node_", 1_200..2_700)).await.unwrap();
    assert_eq!((row.network_receive_bytes, row.disk_read_bytes), (Some(3_600_000), Some(1_800_000)));
    assert_eq!(faults, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_of_a_node_that_ran_on_over_an_edge_of_the_hour_tell_what_was_used() {
    let test = "counters_of_a_node_that_ran_on_over_an_edge_of_the_hour_tell_what_was_used";
    for span in [1_800..4_200, -300..1_200] {
        let world = without(with_node_exporter_to(7_200), "node_", span.clone());
        let Some((row, faults)) = node(test, world).await else { return };
        assert_eq!((row.network_receive_bytes, row.disk_read_bytes), (Some(3_600_000), Some(1_800_000)), "{span:?}");
        assert_eq!(row.cpu_used_millicores_by_slot, Some([Some(2_000); 12]), "{span:?}");
        assert!(!faults.iter().any(|fault| fault.contains("node_io")), "{faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn modes_that_are_more_together_than_the_machine_has_are_unknown() {
    let test = "modes_that_are_more_together_than_the_machine_has_are_unknown";
    let world = |modes: &[(&str, f64)]| {
        let mut world = plain();
        let at = [("instance", "n1:9100")];
        world.add("node_uname_info", &[&at[..], &[("nodename", "n1")]].concat(), (-590, 3_900), 30, |_| 1.0);
        for (mode, rate) in modes {
            let labels = [at[0], ("cpu", "0"), ("mode", *mode)];
            let counted = |at: i64| f64::from(i32::try_from(at).unwrap() + 5_000) * rate;
            world.add("node_cpu_seconds_total", &labels, (-590, 3_900), 30, counted);
        }
        world
    };
    // Each is within the four cores, and within what a slot may show of the one before it.
    for modes in [[("user", 2.5), ("system", 2.0)], [("user", 3.0), ("steal", 1.5)]] {
        let Some((row, faults)) = node(test, world(&modes)).await else { return };
        assert_eq!((row.cpu_used_millicores_by_slot, row.cpu_steal_millicores_by_slot), (None, None), "{modes:?}");
        assert!(faults[0].contains("`node_cpu`: 12 values of 1 objects, such as `n1`"), "{faults:?}");
    }
    let (row, faults) = node(test, world(&[("user", 2.5), ("system", 1.5)])).await.unwrap();
    assert_eq!((row.cpu_used_millicores_by_slot, faults), (Some([Some(4_000); 12]), Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_shows_no_more_than_the_node_has() {
    let test = "a_slot_shows_no_more_than_the_node_has";
    // Half a core, and all four of them from 1,440 on. The scrapes from 1,450 to 1,510 are missing, so that what the edge at
    // 1,500 shows is older than usual, and the slot after it shows sixty seconds more than it has.
    let used = |at: i64| f64::from(i32::try_from(at).unwrap());
    let world = changed(plain(), CPU, |at, _| used(at + 5_000) * 0.5 + used((at - 1_440).max(0)) * 3.5);
    let Some((row, slots, faults)) = self::used(test, without(world, CPU, 1_450..1_530)).await else { return };
    assert!(slots.iter().all(|slot| slot.is_some_and(|slot| slot <= 4_000)), "{slots:?}");
    assert_eq!((row.cpu_max_millicores, faults), (Some(4_000), Vec::new()));
    // Nothing is lost: half a core until 1,440, and four from then to the last scrape of the hour.
    assert_eq!(row.cpu_core_milliseconds, Some((1_440 + 20) * 500 + (3_580 - 1_440) * 4_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_was_sampled_before_its_start_ran() {
    let test = "a_container_that_was_sampled_before_its_start_ran";
    // Its cgroup was touched at half past, or shows a start in the next century, or before there was time.
    for start in [seconds(1_800), 9e9, -62_135_596_800.0, 0.0] {
        let world = changed(plain(), START, |at, value| if at < 1_800 { value } else { start });
        let Some((row, slots, faults)) = used(test, world).await else { return };
        assert_eq!((row.cpu_core_milliseconds, slots), (Some(1_800_000), [Some(500); 12]), "{start}");
        assert_eq!((row.memory_kib_seconds, row.running_seconds), (Some(3_600 * 102_400), Some(3_600)), "{start}");
        assert_eq!(row.memory_mean_mib_by_slot, Some([Some(100); 12]), "{start}");
        assert_eq!(faults, Vec::<String>::new(), "{start}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_counter_is_not_counted_from_zero_because_its_start_moved_in_a_gap() {
    let test = "an_old_counter_is_not_counted_from_zero_because_its_start_moved_in_a_gap";
    // The start moves after the gap, and in it; both times the server has nothing over the start of the hour.
    for moved in [1_800, 100, -100] {
        let world = changed(plain(), CPU, |_, value| value + 48_000.0);
        let world = changed(world, START, |at, value| if at < moved { value } else { seconds(moved) });
        let Some((row, slots, _)) = used(test, unscraped(world, -420..180)).await else { return };
        let used = row.cpu_core_milliseconds.unwrap();
        // What a gap counted is spread evenly from the last scrape before it to the first edge after it, which sees a
        // sample of twenty seconds ago.
        // A start within the gap leaves open what of it was before the start: the slot is unknown, never counted from zero.
        let least = if moved == -100 { 1_650_000 } else { 1_790_000 };
        assert!((least..=1_800_000).contains(&used), "{moved}: {used} {slots:?}");
        assert!(slots.iter().flatten().all(|slot| (480..=500).contains(slot)), "{moved}: {slots:?}");
        assert!(slots.iter().skip(1).all(Option::is_some), "{moved}: {slots:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_none_leaves_the_start_of_the_pod() {
    let test = "a_start_that_is_none_leaves_the_start_of_the_pod";
    let mut world = World::default();
    world.node("n1", -9_000);
    world.pod("p1", UID, 3_900);
    let begun = |at: i64| f64::from(i32::try_from(at - 605).unwrap()) * 2.0;
    let mut world = changed(world, CPU, |at, _| begun(at));
    world = changed(world, START, |_, _| -62_135_596_800.0);
    world = changed(world, "kube_pod_created", |_, _| seconds(600));
    world = changed(world, "kube_pod_status_scheduled_time", |_, _| seconds(600));
    let id = [("namespace", "ns"), ("pod", "p1"), ("uid", UID)];
    world.fact_from("kube_pod_start_time", &id, seconds(600), 610);
    for (labels, samples) in &mut world.series {
        if labels.iter().any(|(_, v)| v == "p1") {
            samples.retain(|sample| second(sample) >= 610);
        }
    }
    let Some((row, _, faults)) = used(test, world).await else { return };
    // The one container of the world begins with the third slot.
    let silent = "cAdvisor has no samples in 2 of 12 slots".to_owned();
    assert_eq!((row.cpu_core_milliseconds, faults), (Some((3_580 - 605) * 2_000), vec![silent]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_restarts_at_the_edge_of_an_hour_runs_all_of_it() {
    let test = "a_container_that_restarts_at_the_edge_of_an_hour_runs_all_of_it";
    for (start, last, first) in [(-5, -20, 10), (0, -5, 5), (-200, -230, -190), (3, -10, 15)] {
        let mut world = plain();
        let mut again = world.clone();
        for (labels, samples) in world.series.iter_mut().filter(|(labels, _)| is_container(labels)) {
            samples.retain(|sample| second(sample) < last);
            labels.sort();
        }
        again.series.retain(|(labels, _)| is_container(labels));
        for (labels, samples) in &mut again.series {
            samples.retain(|sample| second(sample) >= first);
            labels.iter_mut().filter(|(k, _)| k == "id").for_each(|(_, v)| *v = v.replace("-app", "-again"));
            for sample in samples.iter_mut() {
                if is_of(labels, "container_start_time_seconds") {
                    sample.value = seconds(start);
                } else if is_of(labels, "container_cpu_usage_seconds_total") {
                    sample.value -= 0.5 * f64::from(i32::try_from(start + 5_000).unwrap());
                }
            }
        }
        world.series.extend(again.series);
        let Some(hours) = collected(test, world).await else { return };
        let row = container(&hours).await;
        assert_eq!(row.running_seconds, Some(i32::try_from(3_600 - start.max(0)).unwrap()), "{start}");
        assert_eq!(row.memory_kib_seconds.unwrap() / 102_400, 3_600 - start.max(0), "{start}");
        let used = row.cpu_core_milliseconds.unwrap();
        assert!((1_780_000..=1_900_000).contains(&used), "{start}: {used}");
        assert!(row.cpu_max_millicores.unwrap() <= 850, "{start}: {row:?}");
    }
}

fn is_container(labels: &Labels) -> bool {
    labels.iter().any(|(k, v)| k == "__name__" && v.starts_with("container_"))
}
