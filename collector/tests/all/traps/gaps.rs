//! Spans without a sample, of counters that ran on all the while.

use std::sync::Arc;

use collector::server::{Server, ServerOptions};
use collector::{Bounds, HourResult, Settings, collect};
use fixtures::{prometheus, services};
use lake::Lake;
use lake::store::MemoryStore;
use lake::tables::ContainerHour;
use types::{Hour, Window};

use crate::world::*;

const END: i64 = 7_700;

/// A container that ran for two hours at half a core, scraped as a world says and as long as `scraped` does.
fn two_hours(scraped: impl Fn(i64) -> bool) -> World {
    let mut world = World::default();
    world.node("n1", -9_000);
    world.pod("p1", UID, END);
    let mut world = world.going_on_to(END);
    for (_, samples) in &mut world.series {
        samples.retain(|sample| scraped(sample.milliseconds.div_euclid(1_000) - HOUR));
    }
    world
}

/// Returns what two hours in a row say of the container, the later collected first, and their faults.
async fn collected_twice(test: &str, world: World) -> Option<Vec<(ContainerHour, Vec<String>)>> {
    let binary = services::program(test, "prometheus", "prometheus")?;
    let server = prometheus::Server::start(&binary).await.unwrap();
    load(world, server.url()).await;
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    let next = hour().next();
    let window = Window::try_new(hour().start(), next.end()).unwrap();
    let client = Server::connect(&ServerOptions::new(server.url()), None).await.unwrap();
    let mut each = |hour: Hour, result: &HourResult| {
        assert!(matches!(result, HourResult::Written { .. }), "{hour}: {result:?}");
    };
    let cluster = "c".parse().unwrap();
    collect(&client, &lake, &cluster, window, &Settings::default(), &Bounds::default(), &mut each).await.unwrap();
    let mut rows = Vec::new();
    for hour in [hour(), next] {
        let read = lake.manifest(&cluster, hour).await.unwrap();
        rows.push((lake.rows(&read).await.unwrap().remove(0), read.manifest.faults));
    }
    Some(rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_over_the_edge_of_an_hour_loses_nothing() {
    let test = "a_gap_over_the_edge_of_an_hour_loses_nothing";
    let Some(rows) = collected_twice(test, two_hours(|at| !(3_180..4_080).contains(&at))).await else { return };
    let [(first, faults), (second, _)] = rows.as_slice() else { panic!("{rows:?}") };
    let used = first.cpu_core_milliseconds.unwrap() + second.cpu_core_milliseconds.unwrap();
    assert_eq!(used, 3_600_000, "{first:?} {second:?}");
    for (row, slots) in [(first, 11..12), (second, 0..2)] {
        let means = row.cpu_mean_millicores_by_slot.unwrap();
        assert!(means[slots].iter().all(|mean| (450..=600).contains(&mean.unwrap())), "{means:?}");
        assert_eq!(row.memory_kib_seconds, Some(3_600 * 102_400));
        assert_eq!((row.running_seconds, row.instances), (Some(3_600), 1));
    }
    // From the last scrape before the gap, at 3,160, to the first edge after it, which sees one of twenty seconds ago.
    assert_eq!((first.interpolated_seconds, second.interpolated_seconds), (Some(440), Some(600)));
    assert_eq!(first.cpu_core_milliseconds, Some(1_590_000 + 510_000 * 440 / 1_040));
    assert!(faults.iter().any(|fault| fault.contains("cAdvisor has no samples in 1 of 12 slots")), "{faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_is_scraped_every_ten_minutes_is_whole() {
    let test = "an_hour_that_is_scraped_every_ten_minutes_is_whole";
    let sparse = |at: i64| {
        // The scrapes nearest to every tenth minute, of either interval.
        (at - 20).rem_euclid(600) < 60
    };
    let mut world = two_hours(sparse);
    for (_, samples) in &mut world.series {
        let mut last = i64::MIN;
        samples.retain(|sample| {
            let keep = sample.milliseconds - last.max(i64::MIN / 2) > 300_000;
            last = if keep { sample.milliseconds } else { last };
            keep
        });
    }
    let Some(rows) = collected_twice(test, world).await else { return };
    for (row, _) in rows.iter().take(1) {
        assert_eq!(row.cpu_core_milliseconds, Some(1_800_000), "{row:?}");
        assert_eq!(row.cpu_mean_millicores_by_slot, Some([Some(500); 12]));
        assert_eq!((row.memory_kib_seconds, row.running_seconds), (Some(3_600 * 102_400), Some(3_600)));
        assert_eq!((row.interpolated_seconds, row.memory_max_kib), (Some(3_600), Some(102_400)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_sample_at_the_edge_of_an_hour_loses_one_slot_at_the_most() {
    let test = "a_wrong_sample_at_the_edge_of_an_hour_loses_one_slot_at_the_most";
    for wrong in [0.0, 1.73e9] {
        let mut world = two_hours(|_| true);
        for (labels, samples) in &mut world.series {
            if labels.iter().any(|(_, v)| v == "container_cpu_usage_seconds_total") {
                let edge = |ms: i64| (HOUR + 3_570) * 1_000 < ms && ms <= (HOUR + 3_600) * 1_000;
                samples.iter_mut().filter(|sample| edge(sample.milliseconds)).for_each(|sample| sample.value = wrong);
            }
        }
        let Some(rows) = collected_twice(test, world).await else { return };
        let used: i64 = rows.iter().map(|(row, _)| row.cpu_core_milliseconds.unwrap()).sum();
        // A slot of half a core is 150,000 core-milliseconds.
        assert!((3_450_000..=3_600_000).contains(&used), "{wrong} {rows:?}");
        assert!(rows.iter().all(|(_, faults)| faults[0].contains("`container_cpu`: 1 values")), "{rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_ended_before_a_gap_does_not_run_on() {
    let test = "a_container_that_ended_before_a_gap_does_not_run_on";
    let mut world = two_hours(|at| !(1_200..2_000).contains(&at));
    for (labels, samples) in &mut world.series {
        if labels.iter().any(|(k, v)| k == "__name__" && v.starts_with("container_")) {
            samples.retain(|sample| sample.milliseconds < (HOUR + 1_200) * 1_000);
        }
    }
    // Another shows that the node is scraped again.
    world.container("p1", UID, "other", 7_700);
    let Some(rows) = collected_twice(test, world).await else { return };
    let (row, _) = &rows[0];
    assert_eq!((row.container.as_str(), row.cpu_core_milliseconds), ("app", Some(600_000)));
    assert_eq!((row.running_seconds, row.interpolated_seconds), (Some(1_200), Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_moves_in_a_gap_before_the_hour_does_not_make_all_it_counted_the_hours() {
    let test = "a_start_that_moves_in_a_gap_before_the_hour_does_not_make_all_it_counted_the_hours";
    let mut world = plain();
    for (labels, samples) in &mut world.series {
        let is = |key: &str, value: &str| labels.iter().any(|(k, v)| k == key && v == value);
        let second = |sample: &fixtures::Sample| sample.milliseconds.div_euclid(1_000) - HOUR;
        if is("__name__", "kube_node_status_capacity") && is("resource", "cpu") {
            samples.iter_mut().for_each(|sample| sample.value = 16.0);
        }
        // Sixteen cores count this much within the seconds since the start that is said.
        if is("__name__", "container_cpu_usage_seconds_total") {
            samples.iter_mut().for_each(|sample| {
                sample.value = 5_000.0 + f64::from(i32::try_from(second(sample) + 590).unwrap()) * 0.5;
            });
        }
        if is("__name__", "container_start_time_seconds") {
            let start = |at: i64| if at < -100 { seconds(-5_000) } else { seconds(-100) };
            samples.iter_mut().for_each(|sample| sample.value = start(second(sample)));
        }
        if labels.iter().any(|(k, v)| k == "__name__" && v.starts_with("container_")) {
            samples.retain(|sample| !(-420..180).contains(&second(sample)));
        }
    }
    let Some(hours) = collected(test, world).await else { return };
    assert_eq!(hours.failed, None);
    let row = hours.rows::<ContainerHour>().await.remove(0);
    let used = row.cpu_core_milliseconds.unwrap();
    assert!((1_650_000..=1_850_000).contains(&used), "{row:?}");
}
