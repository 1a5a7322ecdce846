//! Servers that hold more than one cluster, and show it in other ways than by the label `cluster`; and one cluster that
//! looks like several.

use collector::Settings;
use lake::tables::PodHour;

use crate::world::*;

const OTHER: &str = "1f3a1b2c-1111-2222-3333-444455556666";

fn has(labels: &Labels, key: &str, start: &str) -> bool {
    labels.iter().any(|(k, v)| k == key && v.starts_with(start))
}

/// The world with a label on all its series.
fn labelled(mut world: World, label: &str, value: &str) -> World {
    for (labels, _) in &mut world.series {
        labels.push((label.to_owned(), value.to_owned()));
        labels.sort();
    }
    world
}

/// Another cluster: its names are its own, or those of the first; ids are always its own.
fn another(node: &str, pod: &str) -> World {
    let mut world = World::default();
    world.node(node, -9_000);
    world.pod(pod, OTHER, 3_900);
    for (labels, _) in &mut world.series {
        labels.iter_mut().filter(|(k, v)| k == "node" && v == "n1").for_each(|(_, v)| node.clone_into(v));
        labels.iter_mut().filter(|(k, _)| k == "provider_id").for_each(|(_, v)| *v = format!("{v}-of-b"));
    }
    world
}

fn both(mut one: World, other: World) -> World {
    one.series.extend(other.series);
    one
}

async fn check_refused(test: &str, world: World, words: &[&str]) {
    let Some(hours) = collected(test, world).await else { return };
    let said = hours.refusal().await;
    for word in words {
        assert!(said.contains(word), "no `{word}` in: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_are_told_by_any_label_that_splits_both_nodes_and_pods() {
    let test = "two_clusters_are_told_by_any_label_that_splits_both_nodes_and_pods";
    for label in ["cluster_id", "k8s_cluster_name", "tenant", "env"] {
        for (node, pod) in [("n2", "web"), ("n1", "p1")] {
            let world = both(labelled(plain(), label, "prod-a"), labelled(another(node, pod), label, "prod-b"));
            let named = format!("`--prometheus-cluster-label {label}=NAME`");
            check_refused(test, world, &["2 clusters", &format!("`{label}`"), "`prod-a`", "`prod-b`", &named]).await;
        }
    }
    // Only one of them has it.
    let world = both(plain(), labelled(another("n2", "web"), "cluster_id", "prod-b"));
    check_refused(test, world, &["2 clusters", "`cluster_id`", "`prod-b`"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_that_is_named_is_collected() {
    let test = "the_cluster_that_is_named_is_collected";
    let world = both(labelled(plain(), "cluster_id", "prod-a"), labelled(another("n2", "web"), "cluster_id", "prod-b"));
    let settings = Settings { selector: Some(("cluster_id".into(), "prod-b".into())), ..Settings::default() };
    let Some(hours) = collected_with(test, world, &settings).await else { return };
    let pods: Vec<_> = hours.rows::<PodHour>().await.into_iter().map(|pod| pod.pod).collect();
    assert_eq!(pods, ["web"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_without_a_label_are_told_by_what_one_has_once() {
    let test = "two_clusters_without_a_label_are_told_by_what_one_has_once";
    let world = both(plain(), another("n1", "web"));
    check_refused(test, world, &["node `n1` is there twice", "i-n1`", "i-n1-of-b`", "--prometheus-cluster-label"])
        .await;
    let world = both(plain(), another("n2", "p1"));
    check_refused(test, world, &["pod `ns/p1` is there twice", UID, OTHER]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_that_share_no_name_are_told_by_their_regions_and_by_when_they_began() {
    let test = "two_clusters_that_share_no_name_are_told_by_their_regions_and_by_when_they_began";
    let mut abroad = another("n2", "web");
    for (labels, _) in &mut abroad.series {
        labels.iter_mut().filter(|(k, _)| k == "provider_id").for_each(|(_, v)| *v = v.replace("us-east", "eu-west"));
    }
    let words = ["two regions", "`n1` in us-east-1", "`n2` in eu-west-1", "--prometheus-cluster-label"];
    check_refused(test, both(plain(), abroad), &words).await;
    let began = |mut world: World, at: i64, namespace: &[(&'static str, &'static str)]| {
        world.fact_from("kube_namespace_created", namespace, seconds(at), -593);
        world
    };
    let kube_system = |instance: &'static str| [("namespace", "kube-system"), ("instance", instance)];
    let world =
        both(began(plain(), -9_000, &kube_system("ksm-a")), began(another("n2", "web"), -800, &kube_system("ksm-b")));
    check_refused(test, world, &["`kube-system` was created at 2 moments", "--prometheus-cluster-label"]).await;
    // Two that list one namespace, and a job without `honor_labels`, which puts its own namespace on all of them.
    let world = began(began(plain(), -9_000, &kube_system("ksm-a")), -9_000, &kube_system("ksm-b"));
    let Some(hours) = collected(test, world).await else { return };
    assert_eq!(hours.failed, None);
    let renamed = |name: &'static str| [("namespace", "kube-system"), ("exported_namespace", name)];
    let world = began(began(plain(), -9_000, &renamed("kube-system")), -500, &renamed("shop"));
    let hours = collected(test, world).await.unwrap();
    assert_eq!(hours.failed, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_are_told_apart_in_an_hour_at_whose_end_nothing_was_scraped() {
    let test = "two_clusters_are_told_apart_in_an_hour_at_whose_end_nothing_was_scraped";
    let mut world =
        both(labelled(plain(), "cluster_id", "prod-a"), labelled(another("n2", "web"), "cluster_id", "prod-b"));
    for (_, samples) in &mut world.series {
        samples.retain(|sample| sample.milliseconds < (HOUR + 3_000) * 1000);
    }
    check_refused(test, world, &["2 clusters", "`cluster_id`", "`prod-a`", "`prod-b`"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_and_replicas_of_one_cluster_are_one() {
    let test = "shards_and_replicas_of_one_cluster_are_one";
    let mut world = both(plain(), another("n2", "web"));
    // Two shards of kube-state-metrics, each with the labels of its own pod and node; the kubelets have such too.
    for (labels, _) in &mut world.series {
        let second = labels.iter().any(|(_, v)| v == "n2" || v == "web");
        let (shard, host) = if has(labels, "__name__", "kube_") {
            (if second { "ksm-1" } else { "ksm-0" }, if second { "n1" } else { "n2" })
        } else {
            ("", if second { "n2" } else { "n1" })
        };
        for (name, value) in [("instance", host), ("kubernetes_host", host), ("statefulset_pod", shard)] {
            labels.push((name.to_owned(), value.to_owned()));
        }
        labels.retain(|(_, v)| !v.is_empty());
        labels.sort();
    }
    let Some(hours) = collected(test, world).await else { return };
    assert_eq!(hours.rows::<PodHour>().await.len(), 2);
    // A second scraper of everything, whatever it calls itself.
    let hours = collected(test, plain().twice("scraper")).await.unwrap();
    assert_eq!(hours.rows::<PodHour>().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_only_some_jobs_have_is_named() {
    let test = "a_label_that_only_some_jobs_have_is_named";
    let mut world = plain();
    for (labels, _) in world.series.iter_mut().filter(|(labels, _)| has(labels, "__name__", "kube_")) {
        labels.push(("cluster".to_owned(), "prod".to_owned()));
        labels.sort();
    }
    let settings = Settings { selector: Some(("cluster".into(), "prod".into())), ..Settings::default() };
    let Some(hours) = collected_with(test, world, &settings).await else { return };
    let said = hours.refusal().await;
    for word in ["`container_cpu_usage_seconds_total`", "cluster=`prod`", "has others", "cAdvisor"] {
        assert!(said.contains(word), "no `{word}` in: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_went_within_the_day_is_told_in_its_own_hour_and_the_others_are_collected() {
    let test = "a_cluster_that_went_within_the_day_is_told_in_its_own_hour_and_the_others_are_collected";
    let one = labelled(plain().going_on_to(11_300), "cluster_id", "prod-a");
    let mut other = labelled(another("n2", "web"), "cluster_id", "prod-b");
    for (_, samples) in &mut other.series {
        samples.retain(|sample| sample.milliseconds < (HOUR + 3_400) * 1000);
    }
    let Some(run) = collected_hours(test, both(one, other), 3).await else { return };
    assert_eq!(run.gave_up, None);
    let (refused, written) = (hour(), [hour().plus(1), hour().plus(2)]);
    let said = run.told[&refused].as_deref().unwrap();
    for word in ["2 clusters", "2026-06-30T12", "`cluster_id`", "`prod-a`", "`prod-b`"] {
        assert!(said.contains(word), "no `{word}` in: {said}");
    }
    for hour in written {
        assert_eq!(run.told[&hour], None);
        let pods: Vec<_> = run.rows::<PodHour>(hour).await.into_iter().map(|pod| pod.pod).collect();
        assert_eq!(pods, ["p1"]);
    }
    let window = types::Window::try_new(refused.start(), written[1].end()).unwrap();
    assert_eq!(run.lake.hours(&"c".parse().unwrap(), window).await.unwrap(), written);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_list_one_cluster_from_two_namespaces_are_one() {
    let test = "two_that_list_one_cluster_from_two_namespaces_are_one";
    // With `honor_labels`: what is said of pods has their namespace, and what is said of nodes that of the exporter.
    let mut world = plain();
    let mut second = World::default();
    second.pod("web", OTHER, 3_900);
    for (labels, _) in &mut second.series {
        labels.iter_mut().filter(|(k, _)| k == "namespace").for_each(|(_, v)| "other".clone_into(v));
    }
    world.series.extend(second.series);
    let listed_by = |namespace: &str| {
        let mut world = world.clone();
        for (labels, _) in &mut world.series {
            if has(labels, "__name__", "kube_node_") {
                labels.push(("namespace".to_owned(), namespace.to_owned()));
                labels.sort();
            }
        }
        world
    };
    let (a, mut b) = (listed_by("ns"), listed_by("other"));
    b.series.retain(|(labels, _)| has(labels, "__name__", "kube_node_"));
    let Some(hours) = collected(test, both(a, b)).await else { return };
    assert_eq!(hours.failed, None);
    assert_eq!(hours.rows::<PodHour>().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_of_clusters_is_found_among_many_that_differ() {
    let test = "a_label_of_clusters_is_found_among_many_that_differ";
    let of = |world: World, value: &str| {
        let mut world = labelled(world, "site", value);
        for (labels, _) in world.series.iter_mut().filter(|(labels, _)| has(labels, "__name__", "kube_")) {
            labels.extend((1..=8).map(|n| (format!("a{n}"), value.to_owned())));
            labels.sort();
        }
        world
    };
    let world = both(of(plain(), "east"), of(another("n2", "web"), "west"));
    check_refused(test, world, &["2 clusters", "`site`", "`east`", "`west`"]).await;
}
