//! A server that keeps recording rules: of peaks beside cAdvisor's counters, and of usage in their place.

use collector::Settings;
use collector::decode::decode;
use collector::doctor::{Severity, examine};
use collector::server::{Server, ServerOptions};
use collector::usage_source::{INSTANT_RATE_RULE, MEMORY_RULE, RATE_RULE};
use fixtures::{Sample, prometheus, services};
use lake::tables::{ContainerHour, PodHour, QualityHour};

use crate::world::*;

/// The expressions of kubernetes-mixin, without the label of clusters.
const CPU: &str = "sum by (namespace,pod,container) (RATE(container_cpu_usage_seconds_total{image!=\"\"}[5m]))";
const MEMORY: &str = "container_memory_working_set_bytes{image!=\"\"}";
const ON_NODE: &str = " * on (namespace,pod) group_left(node) topk by (namespace,pod) (1, max by (namespace,pod,node) (kube_pod_info{node!=\"\"}))";

/// When a pod of [`lives`] was gone: from then on its series are marked stale, and rules record nothing of it.
fn gone(labels: &Labels) -> i64 {
    let pod = |name: &str| labels.iter().any(|(k, v)| k == "pod" && v == name);
    match () {
        () if pod("early") => HOUR + 2_000,
        () if pod("short") => HOUR + 2_700,
        () => i64::MAX / 1_000,
    }
}

/// Records what each rule gives on a Prometheus that holds `world`, evaluated every thirty seconds.
async fn recorded(test: &str, world: &World) -> Option<World> {
    let server = prometheus::Server::start(&services::program(test, "prometheus", "prometheus")?).await.unwrap();
    load(world.clone(), server.url()).await;
    let client = Server::connect(&ServerOptions::new(server.url()), None).await.unwrap();
    let mut rules = World::default();
    for (name, expression) in [
        (RATE_RULE, CPU.replace("RATE", "rate")),
        (INSTANT_RATE_RULE, CPU.replace("RATE", "irate")),
        (MEMORY_RULE, MEMORY.to_owned()),
    ] {
        let span = (HOUR - 585, HOUR + 3_885);
        let body = client.ask_range("rule", &format!("{expression}{ON_NODE}"), span, 30).await.unwrap();
        let labels = ["namespace", "pod", "container", "node", "id", "image"];
        let mut take = |series: collector::decode::Series<'_, '_>| {
            let own = labels.iter().zip(series.labels).filter(|(_, value)| !value.is_empty());
            let mut named: Labels = own.map(|(k, v)| ((*k).to_owned(), v.to_string())).collect();
            named.push(("__name__".to_owned(), name.to_owned()));
            named.sort();
            let sample = |(milliseconds, value): &(i64, f64)| Sample { milliseconds: *milliseconds, value: *value };
            let end = gone(&named) * 1_000;
            let points = series.points.iter().filter(|(milliseconds, _)| *milliseconds <= end);
            rules.series.push((named, points.map(sample).collect()));
        };
        assert!(decode(&body, &labels, &mut take).unwrap().series > 0, "{name}");
    }
    Some(rules)
}

fn is_of(labels: &Labels, prefix: &str) -> bool {
    labels.iter().any(|(k, v)| k == "__name__" && v.starts_with(prefix))
}

/// The rules, without those whose names start with any of `without`, beside what is not of cAdvisor.
fn instead(world: World, rules: World, without: &[&str]) -> World {
    let mut all = world;
    all.series.extend(rules.series);
    all.series.retain(|(labels, _)| !is_of(labels, "container_") && !without.iter().any(|name| is_of(labels, name)));
    all
}

const LATE: &str = "1f3a1b2c-1111-2222-3333-444455556666";
const EARLY: &str = "2f3a1b2c-1111-2222-3333-444455556666";
const SHORT: &str = "3f3a1b2c-1111-2222-3333-444455556666";

const DONE: &str = "4f3a1b2c-1111-2222-3333-444455556666";

/// Pods of half a core: all hour, from second 1,000 on, until 2,000, from 2,400 to 2,700, and from 2,400 until it completes
/// at 3,050 and stays.
fn lives() -> World {
    let mut world = plain();
    world.pod("early", EARLY, 2_000);
    let done = [("namespace", "ns"), ("pod", "done"), ("uid", DONE)];
    world.fact_from("kube_pod_completion_time", &done, seconds(3_050), 3_060);
    world.fact_from("kube_pod_status_phase", &[&done[..], &[("phase", "Succeeded")]].concat(), 1.0, 3_060);
    let lives = [
        ("late", LATE, 1_000, 3_900, 3_900),
        ("short", SHORT, 2_400, 2_700, 2_700),
        ("done", DONE, 2_400, 3_050, 3_900),
    ];
    for (name, uid, start, end, known) in lives {
        let id = [("namespace", "ns"), ("pod", name), ("uid", uid)];
        let pod = |more: &[(&'static str, &'static str)]| [&id[..], more].concat();
        world.add("kube_pod_info", &pod(&[("node", "n1")]), (start + 7, known), 60, |_| 1.0);
        world.add("kube_pod_created", &id, (start + 7, known), 60, |_| seconds(start));
        world.add("kube_pod_status_scheduled_time", &id, (start + 7, known), 60, |_| seconds(start));
        world.add("kube_pod_start_time", &id, (start + 7, known), 60, |_| seconds(start));
        let path = format!("/kubepods.slice/kubepods-pod{}.slice/cri-containerd-x.scope", uid.replace('-', "_"));
        let labels = [("namespace", "ns"), ("pod", name), ("container", "app"), ("image", "i"), ("id", &path)];
        world.add("container_start_time_seconds", &labels, (start + 10, end), 30, |_| seconds(start));
        world.add("container_memory_working_set_bytes", &labels, (start + 10, end), 30, |_| 104_857_600.0);
        let used = |second: i64| f64::from(i32::try_from(second - start).unwrap()) * 0.5;
        world.add("container_cpu_usage_seconds_total", &labels, (start + 10, end), 30, used);
    }
    world
}

/// Core-milliseconds by pod.
async fn used(hours: &Hours) -> Vec<(String, i64)> {
    let rows = hours.rows::<ContainerHour>().await;
    let mut used: Vec<_> = rows.into_iter().map(|row| (row.pod, row.cpu_core_milliseconds.unwrap())).collect();
    used.sort();
    used
}

/// Checks what usage comes to by a rule, beside the counters: within so many per cent, in the order of the pods' names.
async fn check_stand_in(test: &str, rule: &str, without: &[&str], tolerances: [i64; 5]) {
    let Some(rules) = recorded(test, &lives()).await else { return };
    let exact = collected(test, lives()).await.unwrap();
    let hours = collected(test, instead(lives(), rules, without)).await.unwrap();
    assert_eq!(hours.failed, None);
    let (exact_used, inferred) = (used(&exact).await, used(&hours).await);
    for (((pod, exact), (_, inferred)), per_cent) in exact_used.iter().zip(&inferred).zip(tolerances) {
        assert!(
            (exact - inferred).abs() * 100 <= exact * per_cent,
            "{pod}: {exact} by the counter, {inferred} by {rule}"
        );
    }
    assert_eq!(exact_used.len(), inferred.len());
    // Lives do not hang on it, and memory does not where it does not change.
    assert_eq!(hours.rows::<PodHour>().await, exact.rows::<PodHour>().await);
    for (a, b) in exact.rows::<ContainerHour>().await.iter().zip(&hours.rows::<ContainerHour>().await) {
        assert_eq!((a.memory_max_kib, &a.node), (b.memory_max_kib, &b.node), "{}", a.pod);
        if a.pod == "p1" {
            assert_eq!((a.memory_kib_seconds, a.running_seconds), (b.memory_kib_seconds, b.running_seconds));
        }
    }
    let manifest = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
    assert_eq!((manifest.usage_rule(), manifest.complete), (Some(rule), true), "{:?}", manifest.faults);
    let manifest = exact.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
    assert_eq!(manifest.usage_rule(), None);
    let quality = hours.rows::<QualityHour>().await;
    assert!(quality.iter().all(|row| row.query_set.as_ref().unwrap().contains(rule)), "it is recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rate_of_five_minutes_stands_in_for_the_counter() {
    let test = "the_rate_of_five_minutes_stands_in_for_the_counter";
    check_stand_in(test, RATE_RULE, &[], [3, 3, 2, 0, 15]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rate_between_two_scrapes_stands_in_where_there_is_no_other() {
    let test = "the_rate_between_two_scrapes_stands_in_where_there_is_no_other";
    check_stand_in(test, INSTANT_RATE_RULE, &[RATE_RULE], [3, 3, 2, 0, 15]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_pods_of_one_name_the_newest_has_what_a_rule_says_of_its_time() {
    let test = "of_pods_of_one_name_the_newest_has_what_a_rule_says_of_its_time";
    let mut world = lives();
    // One that ends at 900 and one that begins at 1,000 have one name.
    for (labels, samples) in &mut world.series {
        if labels.iter().any(|(_, v)| v == "early") {
            samples.retain(|sample| sample.milliseconds < (HOUR + 900) * 1_000);
        }
        let names = labels.iter_mut().filter(|(k, v)| k == "pod" && (v == "early" || v == "late"));
        names.for_each(|(_, v)| "again".clone_into(v));
    }
    let id = [("namespace", "ns"), ("pod", "again"), ("uid", EARLY)];
    world.add("kube_pod_start_time", &id, (-593, 900), 60, |_| seconds(-5_000));
    let Some(rules) = recorded(test, &world).await else { return };
    let hours = collected(test, instead(world, rules, &[])).await.unwrap();
    let rows = hours.rows::<ContainerHour>().await;
    let of = |uid: &str| rows.iter().find(|row| row.pod_uid == uid).unwrap();
    assert_eq!((of(EARLY).cpu_core_milliseconds, of(EARLY).running_seconds), (None, None));
    let used = of(LATE).cpu_core_milliseconds.unwrap();
    assert!((used - 1_300_000).abs() < 26_000, "{used}");
    let quality = hours.rows::<QualityHour>().await;
    let cpu = quality.iter().find(|row| row.query == "container_cpu").unwrap();
    assert_eq!(cpu.pods_without_usage, Some(vec!["ns/again".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_may_be_cadvisors_where_cpu_is_a_rule() {
    let test = "memory_may_be_cadvisors_where_cpu_is_a_rule";
    let Some(rules) = recorded(test, &plain()).await else { return };
    let mut world = instead(plain(), rules, &[MEMORY_RULE]);
    let memory = plain().series.into_iter().filter(|(labels, _)| is_of(labels, "container_memory"));
    world.series.extend(memory);
    let hours = collected(test, world).await.unwrap();
    let container = &hours.rows::<ContainerHour>().await[0];
    assert_eq!(container.cpu_core_milliseconds, Some(1_800_000));
    assert_eq!(container.memory_kib_seconds, Some(3_600 * 102_400));
    assert_eq!((container.instances, container.running_seconds), (1, Some(3_600)));
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_cpu_alone_are_no_usage() {
    let test = "rules_of_cpu_alone_are_no_usage";
    let Some(rules) = recorded(test, &plain()).await else { return };
    let hours = collected(test, instead(plain(), rules, &[MEMORY_RULE])).await.unwrap();
    let said = hours.refusal().await;
    assert!(said.contains("`container_cpu_usage_seconds_total`") && said.contains("cAdvisor"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_that_a_rule_stands_in() {
    let test = "the_doctor_says_that_a_rule_stands_in";
    let Some(rules) = recorded(test, &plain()).await else { return };
    let binary = services::program(test, "prometheus", "prometheus").unwrap();
    let server = prometheus::Server::start(&binary).await.unwrap();
    load(instead(plain(), rules, &[]), server.url()).await;
    let client = Server::connect(&ServerOptions::new(server.url()), None).await.unwrap();
    let now = hour().end() + chrono::TimeDelta::seconds(290);
    let settled = hour().end() + chrono::TimeDelta::minutes(5);
    let found = examine(&client, &Settings::default(), now, settled).await.unwrap();
    assert!(found.ready, "{:?}", found.findings);
    let stands_in = found.findings.iter().find(|finding| finding.what.contains(RATE_RULE)).unwrap();
    assert_eq!(stands_in.severity, Severity::Weakens);
    assert!(stands_in.next.contains("writeRelabelConfigs"), "{}", stands_in.next);
    assert_eq!(found.sample.unwrap().rows, [1, 1, 1, 0]);
}

/// The world with a container that uses 2 cores in the second minute of every five, and a quarter of one in the others.
fn bursts() -> World {
    let mut world = plain();
    for (_, samples) in world.series.iter_mut().filter(|(labels, _)| is_of(labels, "container_cpu_usage_seconds_total"))
    {
        let mut counted = 0.0;
        for sample in samples {
            let second = (sample.milliseconds / 1_000 - HOUR).rem_euclid(300);
            counted += if (61..=120).contains(&second) { 60.0 } else { 7.5 };
            sample.value = counted;
        }
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn peaks_between_samples_come_from_the_rule_where_there_is_one() {
    let test = "peaks_between_samples_come_from_the_rule_where_there_is_one";
    let Some(rules) = recorded(test, &bursts()).await else { return };
    let without = collected(test, bursts()).await.unwrap();
    let mut world = bursts();
    world.series.extend(rules.series);
    let hours = collected_with(test, world, &Settings::default()).await.unwrap();
    let (row, plain) = (&hours.rows::<ContainerHour>().await[0], &without.rows::<ContainerHour>().await[0]);
    assert_eq!(plain.cpu_max_millicores_by_slot, None);
    assert_eq!(row.cpu_max_millicores_by_slot, Some([Some(2_000); 12]));
    assert_eq!((row.cpu_max_millicores, plain.cpu_max_millicores), (Some(2_000), Some(600)));
    // All else is what the counters say.
    assert_eq!(row.cpu_mean_millicores_by_slot, plain.cpu_mean_millicores_by_slot);
    assert_eq!(row.cpu_core_milliseconds, plain.cpu_core_milliseconds);
    let manifest = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
    assert_eq!((manifest.usage_rule(), manifest.complete), (None, true), "{:?}", manifest.faults);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_rate_that_cannot_be_is_not_hidden_by_the_mean_of_its_slot() {
    let test = "one_rate_that_cannot_be_is_not_hidden_by_the_mean_of_its_slot";
    let Some(rules) = recorded(test, &plain()).await else { return };
    // On a node of four cores; of ten rates in a slot, nine are half a core.
    for (wrong, is_hidden) in [(20.0, false), (-1.0, false), (4.5, true)] {
        let mut world = instead(plain(), rules.clone(), &[RATE_RULE]);
        for (_, samples) in world.series.iter_mut().filter(|(labels, _)| is_of(labels, INSTANT_RATE_RULE)) {
            let first = samples.iter_mut().find(|sample| sample.milliseconds / 1_000 - HOUR >= 1_600);
            first.unwrap().value = wrong;
        }
        let hours = collected(test, world).await.unwrap();
        let row = hours.rows::<ContainerHour>().await.remove(0);
        let mean = row.cpu_mean_millicores_by_slot.unwrap();
        assert_eq!((mean[4], mean[5].is_some(), mean[6]), (Some(500), is_hidden, Some(500)), "{wrong}");
        let manifest = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
        let is_told = manifest.faults.iter().any(|fault| fault.contains("`container_cpu`: 1 values"));
        assert_eq!((is_told, manifest.complete), (!is_hidden, is_hidden), "{wrong}: {:?}", manifest.faults);
    }
}
