//! Pods, containers, and whole servers.

use lake::tables::{ContainerHour, NodeHour, PodHour};

use crate::world::*;

fn alive(pod: &PodHour) -> i32 {
    pod.alive_seconds_by_slot.iter().flatten().sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_terminated_does_not_end_its_pod() {
    let mut world = plain();
    // A job whose main container finished beside a sidecar that runs on, and is then deleted.
    let job = "1f3a1b2c-1111-2222-3333-444455556666";
    world.pod("job", job, 2_400);
    let labels = [("namespace", "ns"), ("pod", "job"), ("uid", job)];
    world.add("kube_pod_completion_time", &labels, (607, 2_400), 60, |_| seconds(600));
    let Some(hours) = collected("a_container_that_terminated_does_not_end_its_pod", world).await else { return };
    let pods = hours.rows::<PodHour>().await;
    let job = pods.iter().find(|pod| pod.pod == "job").unwrap();
    // The last scrape before 2400 that saw it: 2347.
    assert_eq!((alive(job), job.ended_source.as_deref()), (2_347, Some("last_seen")));
    assert_eq!(alive(pods.iter().find(|pod| pod.pod == "p1").unwrap()), 3600);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_scraped_twice_counts_once() {
    let Some(once) = collected("everything_scraped_twice_counts_once", plain()).await else { return };
    let twice = collected("everything_scraped_twice_counts_once", plain().twice("prometheus_replica")).await.unwrap();
    assert_eq!(twice.rows::<ContainerHour>().await, once.rows::<ContainerHour>().await);
    assert_eq!(twice.rows::<PodHour>().await, once.rows::<PodHour>().await);
    assert_eq!(twice.rows::<NodeHour>().await, once.rows::<NodeHour>().await);
    let container = &once.rows::<ContainerHour>().await[0];
    assert_eq!(container.cpu_core_milliseconds, Some(1_800_000));
    assert_eq!(container.memory_kib_seconds, Some(3600 * 102_400));
}

async fn check_refused(test: &str, world: World, words: &[&str]) {
    let Some(hours) = collected(test, world).await else { return };
    let said = hours.refusal().await;
    for word in words {
        assert!(said.contains(word), "no `{word}` in: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_several_clusters_is_refused() {
    let world = plain().twice("cluster");
    check_refused("a_server_of_several_clusters_is_refused", world, &["2 clusters", "`b`", "one cluster"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn renamed_labels_are_refused() {
    let world = plain().renamed("pod", "exported_pod");
    check_refused("renamed_labels_are_refused", world, &["exported_pod", "honor_labels: true"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cadvisor_without_the_cgroup_is_refused_by_name() {
    let world = plain().without("container_", "id");
    let words = ["container_cpu_usage_seconds_total", "`id`", "relabeling"];
    check_refused("cadvisor_without_the_cgroup_is_refused_by_name", world, &words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_without_cadvisor_is_refused() {
    let mut world = plain();
    world.series.retain(|(labels, _)| !labels.iter().any(|(k, v)| k == "__name__" && v.starts_with("container_")));
    let words = ["container_cpu_usage_seconds_total", "no series", "cAdvisor"];
    check_refused("a_prometheus_without_cadvisor_is_refused", world, &words).await;
}
