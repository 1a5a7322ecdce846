//! The collector against a real Prometheus that holds a synthetic cluster of known truth.
//!
//! Two yardsticks. A *reference* is computed here from the very samples that were loaded, by plain loops over raw
//! samples and without a grid of queries: what the collector writes must equal it. The *planted truth* is what really
//! happened between the scrapes: the distance to it is what sampling loses, and is printed by lifetime of the pod.

#![expect(clippy::as_conversions, reason = "counts lie far below two to the fifty-third")]

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use collector::server::{Server, ServerOptions};
use collector::{Bounds, Collected, HourResult, Settings, collect};
use fixtures::{Cluster, Lifetime, STALE_MARKER, Sample, SampleSink, SinkError, UsageTruth, prometheus, services};
use lake::Lake;
use lake::store::{DirStore, MemoryStore, Store};
use lake::tables::{ContainerHour, NodeHour, PodHour};
use types::{ClusterId, Hour, Window};

/// Start of the hour after the last one collected: 2026-07-01T00:00:00Z, a Wednesday.
const END_SECONDS: i64 = 1_782_864_000;
/// Hours that go through Prometheus: a rollout, a replaced node, and hundreds of short jobs lie in them.
const HOURS: i64 = 5;

/// One raw series.
type Series = Vec<(i64, f64)>;

/// The samples as loaded, of the metrics the reference needs, by the labels that identify them.
#[derive(Default)]
struct Raw {
    /// By namespace, pod, container and cgroup.
    cpu: BTreeMap<[String; 4], Series>,
    memory: BTreeMap<[String; 4], Series>,
    start: BTreeMap<[String; 4], Series>,
    /// By uid.
    info: BTreeMap<String, Series>,
    scheduled: BTreeMap<String, f64>,
    completed: BTreeMap<String, f64>,
    /// By uid, container and resource.
    requests: BTreeMap<[String; 3], f64>,
    /// Uid and container of init containers that do not stay.
    ordinary_init: BTreeMap<(String, String), bool>,
    /// By node.
    nodes: BTreeMap<String, Series>,
    node_created: BTreeMap<String, f64>,
}

impl SampleSink for Raw {
    fn series(&mut self, labels: &[(&str, &str)], samples: &[Sample]) -> Result<(), SinkError> {
        let label = |name: &str| labels.iter().find(|(n, _)| *n == name).map_or("", |(_, value)| *value).to_owned();
        let points = samples.iter().filter(|s| s.value.to_bits() != STALE_MARKER).map(|s| (s.milliseconds, s.value));
        let points: Series = points.collect();
        let Some(last) = points.last().map(|(_, value)| *value) else { return Ok(()) };
        let instance = || [label("namespace"), label("pod"), label("container"), label("id")];
        let real = !["", "POD"].contains(&label("container").as_str()) && !label("image").is_empty();
        match label("__name__").as_str() {
            "container_cpu_usage_seconds_total" if real => self.cpu.entry(instance()).or_default().extend(points),
            "container_memory_working_set_bytes" if real => self.memory.entry(instance()).or_default().extend(points),
            "container_start_time_seconds" if real => self.start.entry(instance()).or_default().extend(points),
            "kube_pod_info" if !label("node").is_empty() => self.info.entry(label("uid")).or_default().extend(points),
            "kube_pod_status_scheduled_time" => drop(self.scheduled.insert(label("uid"), last)),
            "kube_pod_completion_time" => drop(self.completed.insert(label("uid"), last)),
            "kube_pod_container_resource_requests" => {
                self.requests.insert([label("uid"), label("container"), label("resource")], last);
            }
            "kube_pod_init_container_resource_requests" => {
                self.requests.insert([label("uid"), label("container"), label("resource")], last);
                self.ordinary_init.entry((label("uid"), label("container"))).or_insert(true);
            }
            "kube_pod_init_container_info" => {
                let ordinary = label("restart_policy") != "Always";
                self.ordinary_init.insert((label("uid"), label("container")), ordinary);
            }
            "kube_node_info" => self.nodes.entry(label("node")).or_default().extend(points),
            "kube_node_created" => drop(self.node_created.insert(label("node"), last)),
            _ => {}
        }
        Ok(())
    }
}

/// Sums of one hour.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Sums {
    cpu_core_milliseconds: i64,
    memory_kib_seconds: i64,
    request_core_milliseconds: i64,
    request_byte_seconds: i64,
    pod_seconds: i64,
    node_seconds: i64,
}

impl Raw {
    /// The sums of an hour, from the samples alone.
    fn sums(&self, hour: Hour) -> Sums {
        let (from, to) = (hour.start_seconds(), hour.end_seconds());
        let within = |start: i64, end: i64| (end.min(to) - start.max(from)).max(0);
        let mut sums = Sums::default();
        let last_scrape = self.info.values().filter_map(|s| s.last()).map(|(ms, _)| *ms).max().unwrap();
        for (node, seen) in &self.nodes {
            let gone = seen.last().filter(|(ms, _)| *ms < last_scrape).map(|(ms, _)| ms.div_euclid(1000));
            let known = seen.iter().any(|(ms, _)| (from * 1000..(to + 120) * 1000).contains(ms));
            let seconds = within(self.node_created[node] as i64, gone.unwrap_or(i64::MAX));
            sums.node_seconds += if known { seconds } else { 0 };
        }
        for (uid, seen) in &self.info {
            if !seen.iter().any(|(ms, _)| (from * 1000..=(to + 120) * 1000).contains(ms)) {
                continue;
            }
            let (start, end) = self.pod_life(uid, last_scrape);
            let alive = within(start, end);
            sums.pod_seconds += alive;
            for ([_, container, resource], amount) in
                self.requests.range([uid.clone(), String::new(), String::new()]..).take_while(|(key, _)| key[0] == *uid)
            {
                if self.ordinary_init.get(&(uid.clone(), container.clone())) == Some(&true) {
                    continue;
                }
                match resource.as_str() {
                    "cpu" => sums.request_core_milliseconds += (amount * 1000.0).round() as i64 * alive,
                    "memory" => sums.request_byte_seconds += *amount as i64 * alive,
                    _ => {}
                }
            }
        }
        self.add_usage(hour, last_scrape, &mut sums);
        sums
    }

    /// From binding to completion, else to the last scrape that saw it, else for ever.
    fn pod_life(&self, uid: &str, last_scrape: i64) -> (i64, i64) {
        let seen = self.info[uid].last().unwrap().0;
        let vanished = (seen < last_scrape).then(|| seen.div_euclid(1000));
        let end = self.completed.get(uid).map(|s| *s as i64).or(vanished).unwrap_or(i64::MAX);
        (self.scheduled[uid] as i64, end)
    }

    fn add_usage(&self, hour: Hour, last_scrape: i64, sums: &mut Sums) {
        let (from, to) = (hour.start_seconds(), hour.end_seconds());
        // Instances of one container, in order of their start: each ends where the next begins.
        let mut of_container: BTreeMap<[&String; 3], Vec<(i64, &[String; 4])>> = BTreeMap::new();
        for (key, start) in &self.start {
            let uid = uid_of(key);
            of_container.entry([&key[0], &key[1], &key[2]]).or_default().push((start[0].1 as i64, key));
            assert!(uid.len() == 36, "{uid}");
        }
        for instances in of_container.values_mut() {
            instances.sort();
            for (n, (start, key)) in instances.iter().enumerate() {
                let uid = uid_of(key);
                let Some(seen) = self.info.get(&uid) else { continue };
                if !seen.iter().any(|(ms, _)| (from * 1000..=(to + 120) * 1000).contains(ms)) {
                    continue;
                }
                let (pod_start, pod_end) = self.pod_life(&uid, last_scrape);
                if pod_end <= from || pod_start >= to {
                    continue;
                }
                let next = instances.get(n + 1).filter(|(_, k)| uid_of(k) == uid).map(|(next, _)| *next);
                let end = next.unwrap_or(i64::MAX).min(pod_end).min(self.init_end(&uid, key));
                sums.cpu_core_milliseconds += used(&self.cpu[*key], from, to);
                sums.memory_kib_seconds += occupied(&self.memory[*key], (*start).max(pod_start), end, from, to);
            }
        }
    }

    /// An ordinary init container ends when the first main container starts.
    fn init_end(&self, uid: &str, key: &[String; 4]) -> i64 {
        let is_init = |container: &str| self.ordinary_init.get(&(uid.to_owned(), container.to_owned()));
        if is_init(&key[2]) != Some(&true) {
            return i64::MAX;
        }
        let of_pod = self.start.range([key[0].clone(), key[1].clone(), String::new(), String::new()]..);
        let of_pod = of_pod.take_while(|(k, _)| k[0] == key[0] && k[1] == key[1]);
        let main = of_pod.filter(|(k, _)| is_init(&k[2]).is_none() && uid_of(k) == uid);
        main.map(|(_, start)| start[0].1 as i64).min().unwrap_or(i64::MAX)
    }
}

/// Returns the growth of a counter in an hour, from the last value before it to the last value in it.
fn used(counter: &Series, from: i64, to: i64) -> i64 {
    let millis = |value: f64| (value * 1000.0).round() as i64;
    let before = counter.iter().rfind(|(ms, _)| *ms <= from * 1000).map_or(0, |(_, value)| millis(*value));
    let in_hour = counter.iter().rfind(|(ms, _)| (from * 1000 + 1..=to * 1000).contains(ms));
    in_hour.map_or(0, |(_, value)| millis(*value) - before)
}

/// Slot by slot, the mean of the samples times the seconds the instance ran.
fn occupied(gauge: &Series, start: i64, end: i64, from: i64, to: i64) -> i64 {
    let mut total = 0;
    for slot in (from..to).step_by(300) {
        let samples = gauge.iter().filter(|(ms, _)| (slot * 1000 + 1..=(slot + 300) * 1000).contains(ms));
        let values: Vec<f64> = samples.map(|(_, value)| *value).collect();
        if values.is_empty() {
            continue;
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let seconds = (end.min(slot + 300) - start.max(slot)).max(0);
        total += (mean * seconds as f64 / 1024.0).round() as i64;
    }
    total
}

fn uid_of(key: &[String; 4]) -> String {
    let (_, rest) = key[3].rsplit_once("-pod").unwrap();
    rest.split('.').next().unwrap().replace('_', "-")
}

/// The sums of the rows the collector wrote.
async fn collected_sums(lake: &Lake, id: &ClusterId, hour: Hour) -> (Sums, BTreeMap<String, UsageTruth>) {
    let read = lake.manifest(id, hour).await.unwrap();
    let pods: Vec<PodHour> = lake.rows(&read).await.unwrap();
    let containers: Vec<ContainerHour> = lake.rows(&read).await.unwrap();
    let nodes: Vec<NodeHour> = lake.rows(&read).await.unwrap();
    let alive: BTreeMap<&str, i64> = pods
        .iter()
        .map(|pod| (pod.pod_uid.as_str(), pod.alive_seconds_by_slot.iter().flatten().map(|s| i64::from(*s)).sum()))
        .collect();
    let mut sums = Sums { pod_seconds: alive.values().sum(), ..Sums::default() };
    sums.node_seconds = nodes.iter().map(|node| i64::from(node.up_seconds)).sum();
    let mut by_uid: BTreeMap<String, UsageTruth> = BTreeMap::new();
    for row in &containers {
        let used = by_uid.entry(row.pod_uid.clone()).or_default();
        used.cpu_core_milliseconds += row.cpu_core_milliseconds.unwrap_or(0);
        used.memory_kib_seconds += row.memory_kib_seconds.unwrap_or(0);
        if row.container_kind != "init" {
            let alive = alive[row.pod_uid.as_str()];
            sums.request_core_milliseconds += i64::from(row.cpu_request_millicores.unwrap_or(0)) * alive;
            sums.request_byte_seconds += row.memory_request_bytes.unwrap_or(0) * alive;
        }
    }
    sums.cpu_core_milliseconds = by_uid.values().map(|used| used.cpu_core_milliseconds).sum();
    sums.memory_kib_seconds = by_uid.values().map(|used| used.memory_kib_seconds).sum();
    (sums, by_uid)
}

/// A Prometheus that holds the last [`HOURS`] of a cluster; `None` where there is none, which is said.
async fn loaded(test: &str) -> Option<(Arc<Cluster>, prometheus::Server, Window)> {
    let binary = services::program(test, "prometheus", "prometheus")?;
    let end = Hour::starting_at(END_SECONDS).unwrap();
    let month = Window::try_new(end.plus(-24 * 7).start(), end.start()).unwrap();
    let hours = Window::try_new(end.plus(-HOURS).start(), end.start()).unwrap();
    let cluster = Arc::new(Cluster::generate(42, month));
    let server = prometheus::Server::start(&binary).await.unwrap();
    prometheus::load(&cluster, Cluster::scrape_span(hours), server.url(), |_| {}).await.unwrap();
    Some((cluster, server, hours))
}

async fn collect_all(server: &Server, lake: &Lake, hours: Window) -> Collected {
    let id: ClusterId = Cluster::ID.parse().unwrap();
    let mut failures = Vec::new();
    let mut each = |hour: Hour, result: &HourResult| {
        if let HourResult::Failed(error) = result {
            failures.push(format!("{hour}: {error}"));
        }
    };
    let collected =
        collect(server, lake, &id, hours, &Settings::default(), &Bounds::default(), &mut each).await.unwrap();
    assert_eq!(failures, Vec::<String>::new());
    collected
}

/// Signed distance in percent.
fn percent(got: i64, expect: i64) -> f64 {
    (got - expect) as f64 / expect as f64 * 100.0
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_collected_equals_the_samples_and_is_near_the_truth() {
    let Some((cluster, prometheus, hours)) = loaded("what_is_collected_equals_the_samples_and_is_near_the_truth").await
    else {
        return;
    };
    let mut raw = Raw::default();
    cluster.samples(Cluster::scrape_span(hours), &mut raw).unwrap();
    let server = Server::connect(&ServerOptions::new(prometheus.url()), None).await.unwrap();
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    let collected = collect_all(&server, &lake, hours).await;
    assert_eq!(collected.written, u32::try_from(HOURS).unwrap());

    let id: ClusterId = Cluster::ID.parse().unwrap();
    let mut planted = [UsageTruth::default(); 4];
    let mut seen = [UsageTruth::default(); 4];
    let (mut asked, mut node_seconds) = ((0, 0), (0, 0));
    for hour in hours.hours() {
        let (got, by_uid) = collected_sums(&lake, &id, hour).await;
        let expect = raw.sums(hour);
        // Requests and lives are exact; so is CPU, whose differences telescope. Memory is rounded slot by slot.
        let exact = |sums: &Sums| Sums { memory_kib_seconds: 0, ..*sums };
        assert_eq!(exact(&got), exact(&expect), "{hour}");
        let off = percent(got.memory_kib_seconds, expect.memory_kib_seconds);
        assert!(off.abs() < 0.01, "{hour}: memory is {off} % off the loaded samples");

        let truth = cluster.truth(hour);
        asked = (asked.0 + got.request_core_milliseconds, asked.1 + truth.cpu_request_core_milliseconds);
        let up: i64 = truth.node_seconds.iter().map(|(_, seconds)| seconds).sum();
        node_seconds = (node_seconds.0 + got.node_seconds, node_seconds.1 + up);
        for class in Lifetime::ALL {
            let class_truth = truth.by_lifetime[class as usize];
            planted[class as usize].cpu_core_milliseconds += class_truth.cpu_core_milliseconds;
            planted[class as usize].memory_kib_seconds += class_truth.memory_kib_seconds;
        }
        for (uid, class) in cluster.lifetimes(hour) {
            let used = by_uid.get(&uid).copied().unwrap_or_default();
            seen[class as usize].cpu_core_milliseconds += used.cpu_core_milliseconds;
            seen[class as usize].memory_kib_seconds += used.memory_kib_seconds;
        }
    }

    let mut table = format!("\nagainst the planted truth, {HOURS} hours, cAdvisor every 30 s\n");
    for class in Lifetime::ALL {
        let (seen, planted) = (seen[class as usize], planted[class as usize]);
        let cpu = percent(seen.cpu_core_milliseconds, planted.cpu_core_milliseconds);
        let memory = percent(seen.memory_kib_seconds, planted.memory_kib_seconds);
        table += &format!("  {:<16} CPU {cpu:+8.3} %   memory {memory:+8.3} %\n", format!("{class:?}"));
    }
    table += &format!(
        "  requests {:+.4} %, node-hours {:+.4} %\n",
        percent(asked.0, asked.1),
        percent(node_seconds.0, node_seconds.1)
    );
    // Past the capture of the harness: these are figures to quote.
    std::io::stderr().write_all(table.as_bytes()).unwrap();
    let longer = (seen[Lifetime::Longer as usize], planted[Lifetime::Longer as usize]);
    assert!(percent(longer.0.cpu_core_milliseconds, longer.1.cpu_core_milliseconds).abs() < 0.2);
    assert!(percent(longer.0.memory_kib_seconds, longer.1.memory_kib_seconds).abs() < 0.2);
    assert!(percent(asked.0, asked.1).abs() < 0.1);
    assert!(percent(node_seconds.0, node_seconds.1).abs() < 0.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn collecting_twice_changes_no_byte() {
    let Some((_, prometheus, hours)) = loaded("collecting_twice_changes_no_byte").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(DirStore::new(folder.path()));
    let lake = Lake::new(Arc::<DirStore>::clone(&store));
    let server = Server::connect(&ServerOptions::new(prometheus.url()), None).await.unwrap();
    let first = collect_all(&server, &lake, hours).await;
    let before = contents(&store).await;
    let second = collect_all(&server, &lake, hours).await;
    assert_eq!((first.written, second.written, second.present), (first.written, 0, first.written));
    assert_eq!(second.queries, 0, "what is there is not asked for");
    assert_eq!(contents(&store).await, before);

    // And into another lake, from the same server: the same bytes again.
    let other = tempfile::tempdir().unwrap();
    let other_store = Arc::new(DirStore::new(other.path()));
    collect_all(&server, &Lake::new(Arc::<DirStore>::clone(&other_store)), hours).await;
    assert_eq!(contents(&other_store).await, before);
}

/// Every key with the digest of its bytes.
async fn contents(store: &DirStore) -> Vec<(String, String)> {
    let mut contents = Vec::new();
    for key in store.list("v1/").await.unwrap() {
        contents.push((key.clone(), lake::digest(&store.get(&key).await.unwrap())));
    }
    assert!(!contents.is_empty());
    contents
}
