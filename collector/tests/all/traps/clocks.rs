//! Clocks of nodes that are wrong by minutes: the API server and Prometheus have others.

use fixtures::Sample;
use lake::tables::{ContainerHour, PodHour};

use crate::world::*;

const JOB: &str = "1f3a1b2c-1111-2222-3333-444455556666";

fn alive(pod: &PodHour) -> i32 {
    pod.alive_seconds_by_slot.iter().flatten().sum()
}

/// A job beside what is there: bound at `bound` by the API server, started and completed by the clock of its node, and
/// seen ended from `ended` on.
fn with_job(bound: i64, started: i64, completed: i64, ended: i64) -> World {
    let mut world = plain();
    let from = bound.max(-593);
    let id = [("namespace", "ns"), ("pod", "job-x"), ("uid", JOB)];
    let of = |more: &[(&'static str, &'static str)]| [&id[..], more].concat();
    world.fact_from("kube_pod_info", &of(&[("node", "n1")]), 1.0, from);
    world.fact_from("kube_pod_created", &id, seconds(bound), from);
    world.fact_from("kube_pod_status_scheduled_time", &id, seconds(bound), from);
    world.fact_from("kube_pod_start_time", &id, seconds(started), from);
    world.fact_from("kube_pod_completion_time", &id, seconds(completed), ended);
    world.add("kube_pod_status_phase", &of(&[("phase", "Succeeded")]), (from, 3_900), 60, |at| {
        if at < ended { 0.0 } else { 1.0 }
    });
    let request = of(&[("container", "app"), ("resource", "cpu")]);
    world.fact_from("kube_pod_container_resource_requests", &request, 1.0, from);
    world
}

async fn job(hours: &Hours) -> Option<PodHour> {
    hours.rows::<PodHour>().await.into_iter().find(|pod| pod.pod == "job-x")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_on_a_node_whose_clock_is_behind_ran_as_long_as_it_did() {
    let test = "a_job_on_a_node_whose_clock_is_behind_ran_as_long_as_it_did";
    // Four minutes: started at 602, completed at 640, and so says nobody.
    let Some(hours) = collected(test, with_job(600, 362, 400, 667)).await else { return };
    assert_eq!(job(&hours).await.map(|pod| alive(&pod)), Some(38));
    let hours = collected(test, with_job(600, 602, 640, 667)).await.unwrap();
    assert_eq!(job(&hours).await.map(|pod| alive(&pod)), Some(40));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_seen_ended_had_ended_whatever_the_clock_of_its_node_says() {
    let test = "a_job_that_was_seen_ended_had_ended_whatever_the_clock_of_its_node_says";
    let Some(hours) = collected(test, with_job(-1_000, -400, 1_860, 1_207)).await else { return };
    // To the end of the slot in which it was seen ended.
    assert_eq!(job(&hours).await.map(|pod| alive(&pod)), Some(1_500));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_starts_in_the_future_counts_from_when_it_is_sampled() {
    let test = "a_container_that_starts_in_the_future_counts_from_when_it_is_sampled";
    let mut world = plain();
    for (labels, samples) in &mut world.series {
        let is = |name: &str| labels.iter().any(|(k, v)| k == "__name__" && v.starts_with(name));
        if is("container_") {
            samples.retain(|sample| sample.milliseconds >= (HOUR + 610) * 1000);
        }
        for Sample { value, .. } in samples.iter_mut() {
            if is("container_start_time_seconds") {
                *value = seconds(900);
            } else if is("container_cpu_usage_seconds_total") {
                *value -= 0.5 * 5_600.0;
            } else if is("kube_pod_created") || is("kube_pod_status_scheduled_time") {
                *value = seconds(600);
            }
        }
    }
    let Some(hours) = collected(test, world).await else { return };
    let row = hours.rows::<ContainerHour>().await.remove(0);
    // From its binding at 600 to the last sample, of 3,580.
    assert_eq!((row.cpu_core_milliseconds, row.memory_kib_seconds), (Some(1_490_000), Some(3_000 * 102_400)));
}
