//! Pods, containers, and whole servers.

use collector::Settings;
use lake::tables::{ContainerHour, NodeHour, PodHour, QualityHour};

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
    check_refused(
        "a_server_of_several_clusters_is_refused",
        world,
        &["2 clusters", "`b`", "--prometheus-cluster-label", "one cluster"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cadvisor_without_the_cgroup_is_refused_by_name() {
    let world = plain().without("container_", "id");
    let words = ["container_cpu_usage_seconds_total", "`id`", "relabeling"];
    check_refused("cadvisor_without_the_cgroup_is_refused_by_name", world, &words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cadvisor_without_images_is_refused_by_name() {
    let world = plain().without("container_", "image");
    check_refused("cadvisor_without_images_is_refused_by_name", world, &["`image` label", "relabeling"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_without_cadvisor_is_refused() {
    let mut world = plain();
    world.series.retain(|(labels, _)| !labels.iter().any(|(k, v)| k == "__name__" && v.starts_with("container_")));
    let words = ["container_cpu_usage_seconds_total", "no series", "cAdvisor"];
    check_refused("a_prometheus_without_cadvisor_is_refused", world, &words).await;
}

/// Collects two worlds; pods, containers and nodes must be the same.
async fn check_same(test: &str, world: World, settings: &Settings, expect: World) -> Option<Hours> {
    let expect = collected(test, expect).await?;
    let got = collected_with(test, world, settings).await?;
    assert_eq!(got.failed, None);
    assert_eq!(got.rows::<ContainerHour>().await, expect.rows::<ContainerHour>().await);
    assert_eq!(got.rows::<NodeHour>().await, expect.rows::<NodeHour>().await);
    assert_eq!(got.rows::<PodHour>().await, expect.rows::<PodHour>().await);
    assert_eq!(got.rows::<ContainerHour>().await.len(), 1);
    Some(got)
}

async fn quality(hours: &Hours, query: &str) -> QualityHour {
    hours.rows::<QualityHour>().await.into_iter().find(|row| row.query == query).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_renamed_by_the_server_are_read_under_their_new_names() {
    let test = "labels_renamed_by_the_server_are_read_under_their_new_names";
    let mut world = plain();
    // A pod that waits for a node shows the node of kube-state-metrics, because its own label is empty.
    let waiting = [("namespace", "ns"), ("pod", "waiting"), ("uid", "2f3a1b2c-1111-2222-3333-444455556666")];
    world.fact_from("kube_pod_info", &waiting, 1.0, -593);
    let renamed = without_honor_labels(world);
    let Some(hours) = check_same(test, renamed, &Settings::default(), plain()).await else { return };
    let set = quality(&hours, "pod_info").await.query_set.unwrap();
    assert!(set.contains("exported_node") && set.contains("exported_pod"), "{set}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_renames_beside_one_that_does_not_counts_once() {
    let test = "a_job_that_renames_beside_one_that_does_not_counts_once";
    let mut both = plain();
    both.series.extend(without_honor_labels(plain()).series);
    check_same(test, both, &Settings::default(), plain()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_cluster_of_several_is_collected_when_it_is_named() {
    let test = "one_cluster_of_several_is_collected_when_it_is_named";
    let labelled = |cluster: &str, mut world: World| {
        for (labels, _) in &mut world.series {
            labels.push(("cluster".to_owned(), cluster.to_owned()));
            labels.sort();
        }
        world
    };
    let mut other = World::default();
    other.node("n7", -9000);
    other.pod("p7", "7f3a1b2c-1111-2222-3333-444455556666", 3_900);
    let mut both = labelled("prod", plain());
    both.series.extend(labelled("dev", other).series);
    let settings = Settings { selector: Some(("cluster".into(), "prod".into())), ..Settings::default() };
    check_same(test, both, &settings, plain()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_kube_state_metrics_1_are_read() {
    let test = "names_of_kube_state_metrics_1_are_read";
    let mut old = plain();
    for (labels, _) in &mut old.series {
        let resource = labels.iter().find(|(k, _)| k == "resource").map(|(_, v)| v.clone());
        if let Some(resource) = resource {
            let suffix = match resource.as_str() {
                "cpu" => "_cpu_cores",
                "memory" => "_memory_bytes",
                other => &format!("_{other}"),
            };
            labels.retain(|(k, _)| k != "resource");
            labels.iter_mut().filter(|(k, _)| k == "__name__").for_each(|(_, v)| v.push_str(suffix));
        }
    }
    let Some(new) = collected(test, plain()).await else { return };
    let old = collected(test, old).await.unwrap();
    assert_eq!(old.rows::<ContainerHour>().await, new.rows::<ContainerHour>().await);
    let (node, same) = (old.rows::<NodeHour>().await, new.rows::<NodeHour>().await);
    assert_eq!(node[0].cpu_capacity_millicores, Some(4_000));
    assert_eq!(node[0].memory_capacity_bytes, same[0].memory_capacity_bytes);
    assert_eq!(node[0].pods_capacity, Some(58));
    let (pod, same) = (old.rows::<PodHour>().await, new.rows::<PodHour>().await);
    assert_eq!(pod[0].cpu_effective_request_millicores, Some(1_000));
    // Version 1 shows no other resources by these names; version 2 would.
    assert_eq!((&pod[0].extended_requests, &same[0].extended_requests), (&None, &Some(Vec::new())));
    let set = quality(&old, "container_resources").await.query_set.unwrap();
    assert!(set.contains("kube-state-metrics-1"), "{set}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_old_cadvisors_are_read() {
    let world = plain().renamed("container_", "pod", "pod_name").renamed("container_", "container", "container_name");
    let test = "names_of_old_cadvisors_are_read";
    let Some(hours) = check_same(test, world, &Settings::default(), plain()).await else { return };
    let set = quality(&hours, "container_cpu").await.query_set.unwrap();
    assert!(set.contains("cadvisor-container_name"), "{set}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_the_more_complete_one_is_read_and_recorded() {
    let test = "of_two_replicas_the_more_complete_one_is_read_and_recorded";
    let replica = |name: &str, mut world: World| {
        for (labels, _) in &mut world.series {
            labels.push(("prometheus_replica".to_owned(), name.to_owned()));
            labels.sort();
        }
        world
    };
    // The other was restarted: it lacks ten minutes, and its counters lead by a scrape.
    let mut lagging = plain();
    let gap = (HOUR + 1_200) * 1000..(HOUR + 1_800) * 1000;
    for (labels, samples) in &mut lagging.series {
        samples.retain(|sample| !gap.contains(&sample.milliseconds));
        if labels.iter().any(|(_, v)| v == "container_cpu_usage_seconds_total") {
            samples.iter_mut().for_each(|sample| sample.value += 15.0);
        }
    }
    let mut both = replica("a", lagging);
    both.series.extend(replica("b", plain()).series);
    let Some(hours) = check_same(test, both, &Settings::default(), plain()).await else { return };
    let row = quality(&hours, "container_cpu").await;
    assert!(row.query_set.unwrap().contains("prometheus_replica=b"));
    assert_eq!(row.duplicates_dropped, 0, "what is pinned has one series for each identity");
}

#[tokio::test(flavor = "multi_thread")]
async fn exact_duplicates_are_counted() {
    let Some(once) = collected("exact_duplicates_are_counted", plain()).await else { return };
    let twice = collected("exact_duplicates_are_counted", plain().twice("scraper")).await.unwrap();
    for query in ["pod_info", "container_cpu", "container_resources"] {
        assert_eq!(quality(&once, query).await.duplicates_dropped, 0, "{query}");
        assert_eq!(quality(&twice, query).await.duplicates_dropped, 1, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pod_asks_for_beside_cpu_and_memory_is_told() {
    let test = "what_a_pod_asks_for_beside_cpu_and_memory_is_told";
    let mut world = plain();
    let id = [("namespace", "ns"), ("pod", "p1"), ("uid", UID)];
    let pod = |more: &[(&'static str, &'static str)]| [&id[..], more].concat();
    let gpu = pod(&[("container", "app"), ("resource", "nvidia_com_gpu"), ("unit", "integer")]);
    world.fact_from("kube_pod_container_resource_requests", &gpu, 2.0, -593);
    for (key, effect, operator) in
        [("node.kubernetes.io/not-ready", "NoExecute", "Exists"), ("dedicated", "NoSchedule", "Equal")]
    {
        let value = if operator == "Equal" { "batch" } else { "" };
        let labels = pod(&[("key", key), ("operator", operator), ("value", value), ("effect", effect)]);
        world.fact_from("kube_pod_tolerations", &labels, 1.0, -593);
    }
    let labels = pod(&[("label_app_kubernetes_io_name", "web"), ("label_cost_center", "7"), ("label_other", "x")]);
    world.fact_from("kube_pod_labels", &labels, 1.0, -593);
    world.fact_from("kube_pod_nodeselectors", &pod(&[("nodeselector_disk", "ssd"), ("job", "k")]), 1.0, -593);
    let owner = pod(&[("owner_kind", "ReplicaSet"), ("owner_name", "web-1"), ("owner_is_controller", "true")]);
    world.fact_from("kube_pod_owner", &owner, 1.0, -593);
    let owner = [("namespace", "ns"), ("replicaset", "web-1"), ("owner_kind", "Rollout"), ("owner_name", "web")];
    world.fact_from("kube_replicaset_owner", &owner, 1.0, -593);
    let hpa = [("namespace", "ns"), ("scaletargetref_kind", "Rollout"), ("scaletargetref_name", "web")];
    world.fact_from("kube_horizontalpodautoscaler_info", &hpa, 1.0, -593);
    // A second pod of which nothing of this is true.
    world.pod("p2", "3f3a1b2c-1111-2222-3333-444455556666", 3_900);
    let second = [("namespace", "ns"), ("pod", "p2"), ("uid", "3f3a1b2c-1111-2222-3333-444455556666")];
    world.fact_from("kube_pod_labels", &second, 1.0, -593);

    let keys = ["app.kubernetes.io/name", "costCenter"].map(ToOwned::to_owned).to_vec();
    let settings = Settings { pod_labels: keys, ..Settings::default() };
    let Some(hours) = collected_with(test, world, &settings).await else { return };
    let pods = hours.rows::<PodHour>().await;
    let list = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    let (first, second) = (&pods[0], &pods[1]);
    assert_eq!((first.workload_kind.as_str(), first.workload.as_str()), ("Rollout", "web"));
    assert_eq!((first.hpa_target, second.hpa_target), (Some(true), Some(false)));
    assert_eq!((&first.extended_requests, &second.extended_requests), (&list(&["nvidia_com_gpu=2"]), &list(&[])));
    assert_eq!((&first.tolerations, &second.tolerations), (&list(&["dedicated=batch:NoSchedule"]), &list(&[])));
    assert_eq!(first.labels, list(&["app.kubernetes.io/name=web", "costCenter=7"]));
    assert_eq!(second.labels, list(&[]));
    assert_eq!((&first.node_selector, &second.node_selector), (&list(&["disk=ssd"]), &None));

    // Nothing of it is exposed: nothing is known, which is not the same as none.
    let bare = collected_with(test, plain(), &settings).await.unwrap();
    let pod = &bare.rows::<PodHour>().await[0];
    assert_eq!((pod.hpa_target, &pod.tolerations, &pod.labels, &pod.node_selector), (None, &None, &None, &None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_label_that_two_keys_share_is_left_out_and_told() {
    let test = "a_pod_label_that_two_keys_share_is_left_out_and_told";
    let mut world = plain();
    let labels = [("namespace", "ns"), ("pod", "p1"), ("uid", UID)];
    let labels = [&labels[..], &[("label_my_team_conflict1", "a"), ("label_my_team_conflict2", "b")]].concat();
    world.fact_from("kube_pod_labels", &labels, 1.0, -593);
    let settings = Settings { pod_labels: vec!["my-team".into()], ..Settings::default() };
    let Some(hours) = collected_with(test, world, &settings).await else { return };
    assert_eq!(hours.rows::<PodHour>().await[0].labels, Some(Vec::new()));
    let manifest = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap();
    let text = format!("{manifest:?}");
    assert!(text.contains("pod label `my-team` has the spelling of another one"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_lived_between_two_scrapes_of_usage_are_named() {
    let test = "pods_that_lived_between_two_scrapes_of_usage_are_named";
    let mut world = plain();
    let short = "4f3a1b2c-1111-2222-3333-444455556666";
    world.pod("short", short, 2_400);
    world.series.retain(|(labels, _)| {
        let has = |key: &str, start: &str| labels.iter().any(|(k, v)| k == key && v.starts_with(start));
        !(has("pod", "short") && has("__name__", "container_"))
    });
    let id = [("namespace", "ns"), ("pod", "short"), ("uid", short)];
    world.add("kube_pod_start_time", &id, (-593, 2_400), 60, |_| seconds(2_330));
    let Some(hours) = collected(test, world).await else { return };
    for query in ["container_cpu", "container_memory_mean"] {
        let row = quality(&hours, query).await;
        // From its start to the last scrape that saw it.
        assert_eq!(row.seconds_without_usage, Some(2_347 - 2_330), "{query}");
        assert_eq!(row.pods_without_usage, Some(vec!["ns/short".to_owned()]), "{query}");
    }
    assert_eq!(quality(&hours, "pod_info").await.seconds_without_usage, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn missed_scrapes_are_counted_by_exporter() {
    let test = "missed_scrapes_are_counted_by_exporter";
    let mut world = plain();
    world.add("machine_memory_bytes", &[("instance", "n1:10250")], (-590, 3_900), 30, |_| 16e9);
    let gap = (HOUR + 600) * 1000..(HOUR + 900) * 1000;
    for (_, samples) in &mut world.series {
        samples.retain(|sample| !gap.contains(&sample.milliseconds));
    }
    let Some(hours) = collected(test, world).await else { return };
    for (query, expected, seen) in [("pod_info", 60, 55), ("container_cpu", 120, 110)] {
        let row = quality(&hours, query).await;
        assert_eq!((row.scrapes_expected, row.scrapes_seen), (Some(expected), Some(seen)), "{query}");
    }
    let row = quality(&hours, "node_cpu").await;
    assert_eq!((row.scrapes_expected, row.scrapes_seen), (None, None), "there is no node-exporter");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stateful_pod_made_again_under_its_name_is_another_pod() {
    let test = "a_stateful_pod_made_again_under_its_name_is_another_pod";
    let mut world = plain();
    let (first, second) = ("5f3a1b2c-1111-2222-3333-444455556666", "6f3a1b2c-1111-2222-3333-444455556666");
    world.pod("db-0", first, 1_500);
    // The second: created at 1,500, its counter from zero.
    let id = [("namespace", "ns"), ("pod", "db-0"), ("uid", second)];
    let pod = |more: &[(&'static str, &'static str)]| [&id[..], more].concat();
    world.fact_from("kube_pod_info", &pod(&[("node", "n1")]), 1.0, 1_507);
    world.fact_from("kube_pod_created", &id, seconds(1_500), 1_507);
    world.fact_from("kube_pod_status_scheduled_time", &id, seconds(1_500), 1_507);
    let request = pod(&[("container", "app"), ("resource", "cpu")]);
    world.fact_from("kube_pod_container_resource_requests", &request, 2.0, 1_507);
    let path = format!("/kubepods.slice/kubepods-pod{}.slice/cri-containerd-x.scope", second.replace('-', "_"));
    let labels = [("namespace", "ns"), ("pod", "db-0"), ("container", "app"), ("image", "i"), ("id", &path)];
    world.add("container_start_time_seconds", &labels, (1_510, 3_900), 30, |_| seconds(1_505));
    world.add("container_memory_working_set_bytes", &labels, (1_510, 3_900), 30, |_| 1_048_576.0);
    let used = |second: i64| f64::from(i32::try_from(second - 1_505).unwrap()) * 0.25;
    world.add("container_cpu_usage_seconds_total", &labels, (1_510, 3_900), 30, used);
    let Some(hours) = collected(test, world).await else { return };
    let containers = hours.rows::<ContainerHour>().await;
    let of = |uid: &str| containers.iter().find(|container| container.pod_uid == uid).unwrap();
    assert_eq!((of(first).cpu_request_millicores, of(second).cpu_request_millicores), (Some(1_000), Some(2_000)));
    // Scrapes at …:10 and …:40, so the edge at 0 shows -20 and the last sample is at 1,480 and at 3,580.
    assert_eq!(of(first).cpu_core_milliseconds, Some(1_500_000 / 2));
    assert_eq!(of(second).cpu_core_milliseconds, Some((3_580 - 1_505) * 250));
    let pods = hours.rows::<PodHour>().await;
    let lives: Vec<_> = pods.iter().filter(|pod| pod.pod == "db-0").map(alive).collect();
    assert_eq!(lives, [1_447, 2_100]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loop_counts_each_run_once_and_from_zero() {
    let test = "a_crash_loop_counts_each_run_once_and_from_zero";
    let mut world = plain();
    world.series.retain(|(labels, _)| !labels.iter().any(|(k, v)| k == "__name__" && v.starts_with("container_")));
    // Four runs of 100 s, all in two slots; each is another cgroup.
    for n in 0..4_i64 {
        let start = 300 + n * 150;
        let path = format!("/kubepods/burstable/pod{UID}/run{n}");
        let labels = [("namespace", "ns"), ("pod", "p1"), ("container", "app"), ("image", "i"), ("id", &path)];
        let span = (start + 10, start + 100);
        world.add("container_start_time_seconds", &labels, span, 30, |_| seconds(start));
        world.add("container_memory_working_set_bytes", &labels, span, 30, |_| 1_048_576.0);
        let used = move |second: i64| f64::from(i32::try_from(second - start).unwrap());
        world.add("container_cpu_usage_seconds_total", &labels, span, 30, used);
    }
    world.container("other", "8f3a1b2c-1111-2222-3333-444455556666", "app", 3_900);
    let Some(hours) = collected(test, world).await else { return };
    let containers = hours.rows::<ContainerHour>().await;
    let crashing = containers.iter().find(|container| container.pod == "p1").unwrap();
    // The last sample of each run shows 70 core-seconds.
    assert_eq!((crashing.instances, crashing.cpu_core_milliseconds), (4, Some(4 * 70_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_pod_that_is_still_listed_holds_nothing() {
    let test = "a_finished_pod_that_is_still_listed_holds_nothing";
    let mut world = plain();
    let job = "9f3a1b2c-1111-2222-3333-444455556666";
    // Its requests are exposed to the end of the hour, and no marker says that its usage ended at 600.
    world.pod("job", job, 3_900);
    world.series.iter_mut().for_each(|(labels, samples)| {
        let has = |key: &str, start: &str| labels.iter().any(|(k, v)| k == key && v.starts_with(start));
        if has("pod", "job") && has("__name__", "container_") {
            samples.retain(|sample| sample.milliseconds < (HOUR + 600) * 1000);
        }
    });
    let id = [("namespace", "ns"), ("pod", "job"), ("uid", job)];
    world.fact_from("kube_pod_completion_time", &id, seconds(590), 607);
    world.fact_from("kube_pod_status_phase", &[&id[..], &[("phase", "Succeeded")]].concat(), 1.0, 607);
    let Some(hours) = collected(test, world).await else { return };
    let pods = hours.rows::<PodHour>().await;
    let job_row = pods.iter().find(|pod| pod.pod == "job").unwrap();
    assert_eq!((alive(job_row), job_row.ended_source.as_deref()), (590, Some("completed")));
    let containers = hours.rows::<ContainerHour>().await;
    let used = containers.iter().find(|container| container.pod == "job").unwrap();
    assert_eq!(used.cpu_core_milliseconds, Some(600_000 / 2));
    assert!(used.running_seconds.unwrap() <= 590);
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_are_known_without_kube_pod_owner_and_mirror_pods_belong_to_their_node() {
    let test = "owners_are_known_without_kube_pod_owner_and_mirror_pods_belong_to_their_node";
    let mut world = plain();
    let uid = "af3a1b2c-1111-2222-3333-444455556666";
    world.pod("kube-proxy-n1", uid, 3_900);
    for (labels, _) in &mut world.series {
        let info = labels.iter().any(|(k, v)| k == "__name__" && v == "kube_pod_info");
        let mirror = labels.iter().any(|(_, v)| v == "kube-proxy-n1");
        if info {
            let (kind, name) = if mirror { ("Node", "n1") } else { ("ReplicaSet", "web-1") };
            labels.push(("created_by_kind".to_owned(), kind.to_owned()));
            labels.push(("created_by_name".to_owned(), name.to_owned()));
            labels.sort();
        }
        // The path of a static pod has the hash of its manifest.
        if mirror {
            let id = labels.iter_mut().find(|(k, _)| k == "id");
            id.into_iter().for_each(|(_, v)| *v = "/kubepods/burstable/pod0123456789abcdef0123456789abcdef/c".into());
        }
    }
    let owner = [("namespace", "ns"), ("replicaset", "web-1"), ("owner_kind", "Deployment"), ("owner_name", "web")];
    world.fact_from("kube_replicaset_owner", &owner, 1.0, -593);
    let Some(hours) = collected(test, world).await else { return };
    let pods = hours.rows::<PodHour>().await;
    let workload = |name: &str| {
        let pod = pods.iter().find(|pod| pod.pod == name).unwrap();
        (pod.workload_kind.clone(), pod.workload.clone())
    };
    assert_eq!(workload("p1"), ("Deployment".into(), "web".into()));
    assert_eq!(workload("kube-proxy-n1"), ("Node".into(), "n1".into()));
    let containers = hours.rows::<ContainerHour>().await;
    let proxy = containers.iter().find(|container| container.pod == "kube-proxy-n1").unwrap();
    assert_eq!((proxy.pod_uid.as_str(), proxy.cpu_core_milliseconds), (uid, Some(1_800_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_does_not_control_is_not_the_workload() {
    let test = "an_owner_that_does_not_control_is_not_the_workload";
    let mut world = plain();
    let pod = [("namespace", "ns"), ("pod", "p1"), ("uid", UID), ("owner_is_controller", "true")];
    let owner = |kind, name| [("owner_kind", kind), ("owner_name", name)];
    world.fact_from("kube_pod_owner", &[&pod[..], &owner("ReplicaSet", "aa-two-1")].concat(), 1.0, -593);
    for (kind, name, controls) in [("Deployment", "aa-two", "true"), ("Zeta", "zz-tracker", "false")] {
        let object = [("namespace", "ns"), ("owner_is_controller", controls)];
        let of = |object_is: (&'static str, &'static str)| [&object[..], &owner(kind, name), &[object_is]].concat();
        world.fact_from("kube_replicaset_owner", &of(("replicaset", "aa-two-1")), 1.0, -593);
        world.fact_from("kube_job_owner", &of(("job_name", "job-1")), 1.0, -593);
    }
    let second = "cf3a1b2c-1111-2222-3333-444455556666";
    world.pod("p2", second, 3_900);
    let pod = [("namespace", "ns"), ("pod", "p2"), ("uid", second), ("owner_is_controller", "true")];
    world.fact_from("kube_pod_owner", &[&pod[..], &owner("Job", "job-1")].concat(), 1.0, -593);
    let Some(hours) = collected(test, world).await else { return };
    let workloads: Vec<_> =
        hours.rows::<PodHour>().await.into_iter().map(|pod| (pod.workload_kind, pod.workload)).collect();
    assert_eq!(workloads, vec![("Deployment".to_owned(), "aa-two".to_owned()); 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_a_pod_as_a_whole_are_unknown_and_not_none() {
    let test = "requests_of_a_pod_as_a_whole_are_unknown_and_not_none";
    let mut world = plain();
    let whole = "df3a1b2c-1111-2222-3333-444455556666";
    world.pod("whole", whole, 3_900);
    world.series.retain(|(labels, _)| {
        let has = |key: &str, value: &str| labels.iter().any(|(k, v)| k == key && v == value);
        !(has("pod", "whole") && has("__name__", "kube_pod_container_resource_requests"))
    });
    for (pod, uid, class) in [("p1", UID, "Burstable"), ("whole", whole, "Guaranteed")] {
        let labels = [("namespace", "ns"), ("pod", pod), ("uid", uid), ("qos_class", class)];
        world.fact_from("kube_pod_status_qos_class", &labels, 1.0, -593);
    }
    let Some(hours) = collected(test, world).await else { return };
    let pods = hours.rows::<PodHour>().await;
    let told: Vec<_> = pods.iter().map(|pod| (pod.pod_level_requests, pod.cpu_effective_request_millicores)).collect();
    assert_eq!(told, [(Some(false), Some(1_000)), (Some(true), None)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn init_containers_whose_requests_are_dropped_do_not_make_requests_those_of_the_pod() {
    let test = "init_containers_whose_requests_are_dropped_do_not_make_requests_those_of_the_pod";
    let of = |container: &'static str, resource: &'static str| {
        [("namespace", "ns"), ("pod", "p1"), ("uid", UID), ("container", container), ("resource", resource)]
    };
    let world = |init: &[(&'static str, f64)]| {
        let mut world = plain();
        world.fact_from("kube_pod_container_resource_requests", &of("app", "memory"), 1e9, -593);
        for (resource, limit) in [("cpu", 1.0), ("memory", 1e9)] {
            world.fact_from("kube_pod_container_resource_limits", &of("app", resource), limit, -593);
        }
        let pod = [("namespace", "ns"), ("pod", "p1"), ("uid", UID)];
        world.fact_from("kube_pod_init_container_info", &[&pod[..], &[("container", "setup")]].concat(), 1.0, -593);
        world.fact_from("kube_pod_status_qos_class", &[&pod[..], &[("qos_class", "Guaranteed")]].concat(), 1.0, -593);
        for (resource, amount) in init {
            let labels = of("setup", resource);
            world.fact_from("kube_pod_init_container_resource_requests", &labels, *amount, -593);
            world.fact_from("kube_pod_init_container_resource_limits", &labels, *amount, -593);
        }
        world
    };
    for (init, expect) in
        [(&[][..], (None, Some(1_000))), (&[("cpu", 2.0), ("memory", 1e9)], (Some(false), Some(2_000)))]
    {
        let Some(hours) = collected(test, world(init)).await else { return };
        let pod = hours.rows::<PodHour>().await.remove(0);
        assert_eq!((pod.pod_level_requests, pod.cpu_effective_request_millicores), expect, "{init:?}");
        assert_eq!(pod.memory_effective_request_bytes, Some(1_000_000_000), "{init:?}");
    }
}
