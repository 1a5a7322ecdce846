//! Series made by hand, loaded into a real Prometheus and collected.

use std::collections::BTreeMap;
use std::sync::Arc;

use collector::server::{Server, ServerOptions};
use collector::{Bounds, CollectError, HourResult, Settings, collect};
use fixtures::{Loaded, Sample, prometheus, services};
use lake::Lake;
use lake::store::MemoryStore;
use types::{ClusterId, Hour, Window};

/// The hour that is collected: 2026-06-30T12:00:00Z.
pub(crate) const HOUR: i64 = 1_782_820_800;
pub(crate) const UID: &str = "0f3a1b2c-1111-2222-3333-444455556666";

pub(crate) fn hour() -> Hour {
    Hour::starting_at(HOUR).unwrap()
}

pub(crate) type Labels = Vec<(String, String)>;

/// Series made by hand. Times are seconds of the hour.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) series: Vec<(Labels, Vec<Sample>)>,
}

impl World {
    /// A series scraped every `step` seconds from `from` to `to`, its value a function of the second.
    pub(crate) fn add(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        span: (i64, i64),
        step: i64,
        value: impl Fn(i64) -> f64,
    ) {
        let named = [("__name__", name)];
        let mut labels: Labels = named.iter().chain(labels).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        labels.sort();
        let times = (0..).map(|n| span.0 + n * step).take_while(|second| *second < span.1);
        let sample = |second| Sample { milliseconds: (HOUR + second) * 1000 + 337, value: value(second) };
        self.series.push((labels, times.map(sample).collect()));
    }

    /// A fact of kube-state-metrics, scraped every minute from a second of the hour on.
    pub(crate) fn fact_from(&mut self, name: &str, labels: &[(&str, &str)], value: f64, from: i64) {
        self.add(name, labels, (from, 3_900), 60, |_| value);
    }

    /// A node that was created at a second of the hour, and first scraped then or ten minutes before the hour.
    pub(crate) fn node(&mut self, name: &str, created: i64) {
        let from = created.max(-593);
        let id = format!("aws:///us-east-1a/i-{name}");
        self.fact_from("kube_node_info", &[("node", name), ("provider_id", &id)], 1.0, from);
        self.fact_from("kube_node_created", &[("node", name)], seconds(created), from);
        for (resource, value) in [("cpu", 4.0), ("memory", 16e9), ("pods", 58.0)] {
            self.fact_from("kube_node_status_capacity", &[("node", name), ("resource", resource)], value, from);
        }
    }

    /// A running pod with one container of one core, seen by kube-state-metrics and by cAdvisor until `end`.
    pub(crate) fn pod(&mut self, name: &str, uid: &str, end: i64) {
        let id = [("namespace", "ns"), ("pod", name), ("uid", uid)];
        let pod = |more: &[(&'static str, &'static str)]| [&id[..], more].concat();
        self.add("kube_pod_info", &pod(&[("node", "n1")]), (-593, end), 60, |_| 1.0);
        self.add("kube_pod_created", &id, (-593, end), 60, |_| seconds(-5000));
        self.add("kube_pod_status_scheduled_time", &id, (-593, end), 60, |_| seconds(-5000));
        let request = pod(&[("container", "app"), ("resource", "cpu")]);
        self.add("kube_pod_container_resource_requests", &request, (-593, end), 60, |_| 1.0);
        self.container(name, uid, "app", end);
    }

    /// A container that uses half a core and 100 MiB until `end`.
    pub(crate) fn container(&mut self, pod: &str, uid: &str, container: &str, end: i64) {
        let id = format!(
            "/kubepods.slice/kubepods-burstable-pod{}.slice/cri-containerd-{container}.scope",
            uid.replace('-', "_")
        );
        let labels = [("namespace", "ns"), ("pod", pod), ("container", container), ("image", "i"), ("id", &id)];
        self.add("container_start_time_seconds", &labels, (-590, end), 30, |_| seconds(-5000));
        self.add("container_memory_working_set_bytes", &labels, (-590, end), 30, |_| 104_857_600.0);
        let used = |second: i64| f64::from(i32::try_from(second + 5000).unwrap()) * 0.5;
        self.add("container_cpu_usage_seconds_total", &labels, (-590, end), 30, used);
    }

    /// Everything again with other labels on it, as a second scraper writes it.
    pub(crate) fn twice(mut self, label: &str) -> Self {
        let copy = self.series.clone().into_iter().map(|(mut labels, samples)| {
            labels.push((label.to_owned(), "b".to_owned()));
            labels.sort();
            (labels, samples)
        });
        let copies: Vec<_> = copy.collect();
        self.series.extend(copies);
        self
    }

    /// Every series goes on to a second of the hour as it went: the counters of CPU by half a core, the rest unchanged.
    pub(crate) fn going_on_to(mut self, end: i64) -> Self {
        for (labels, samples) in &mut self.series {
            let is = |prefix: &str| labels.iter().any(|(k, v)| k == "__name__" && v.starts_with(prefix));
            let step = if is("container_") { 30 } else { 60 };
            let (Some(first), Some(last)) = (samples.first().copied(), samples.last().copied()) else { continue };
            let mut at = last.milliseconds + step * 1_000;
            while at < (HOUR + end) * 1_000 {
                let seconds = f64::from(i32::try_from((at - first.milliseconds) / 1_000).unwrap());
                let more = if is("container_cpu_usage_seconds_total") { seconds * 0.5 } else { 0.0 };
                samples.push(Sample { milliseconds: at, value: first.value + more });
                at += step * 1_000;
            }
        }
        self
    }

    /// Removes a label from the series of the metrics that start with `prefix`.
    pub(crate) fn without(mut self, prefix: &str, label: &str) -> Self {
        for (labels, _) in &mut self.series {
            if labels.iter().any(|(k, v)| k == "__name__" && v.starts_with(prefix)) {
                labels.retain(|(k, _)| k != label);
            }
        }
        self
    }

    /// Renames a label of the series of the metrics that start with `prefix`.
    pub(crate) fn renamed(mut self, prefix: &str, from: &str, to: &str) -> Self {
        let starts = |labels: &Labels| labels.iter().any(|(k, v)| k == "__name__" && v.starts_with(prefix));
        for (labels, _) in self.series.iter_mut().filter(|(labels, _)| starts(labels)) {
            labels.iter_mut().filter(|(k, _)| k == from).for_each(|(k, _)| to.clone_into(k));
            labels.sort();
        }
        self
    }
}

/// The series of kube-state-metrics as a job without `honor_labels` writes them: what they say under other names, and
/// in its place where kube-state-metrics itself runs.
pub(crate) fn without_honor_labels(mut world: World) -> World {
    for label in ["namespace", "pod", "container", "node", "service"] {
        world = world.renamed("kube_", label, &format!("exported_{label}"));
    }
    for (labels, _) in world.series.iter_mut().filter(|(labels, _)| is_kube(labels)) {
        let own =
            [("namespace", "monitoring"), ("pod", "ksm-0"), ("container", "ksm"), ("node", "n9"), ("service", "ksm")];
        labels.extend(own.map(|(k, v)| (k.to_owned(), v.to_owned())));
        labels.sort();
    }
    world
}

fn is_kube(labels: &Labels) -> bool {
    labels.iter().any(|(k, v)| k == "__name__" && v.starts_with("kube_"))
}

/// A second of the hour as a value: seconds since the epoch.
pub(crate) fn seconds(second: i64) -> f64 {
    f64::from(u32::try_from(HOUR + second).unwrap())
}

/// One node, one pod of one core.
pub(crate) fn plain() -> World {
    let mut world = World::default();
    world.node("n1", -9000);
    world.pod("p1", UID, 3_900);
    world
}

/// Hours collected of a world.
pub(crate) struct Hours {
    pub(crate) lake: Lake,
    pub(crate) outcome: Result<(), CollectError>,
    pub(crate) failed: Option<String>,
}

impl Hours {
    pub(crate) async fn rows<T: lake::Table>(&self) -> Vec<T> {
        let read = self.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap();
        self.lake.rows(&read).await.unwrap()
    }

    /// Why the hour or the run failed; nothing may be in the lake then.
    pub(crate) async fn refusal(self) -> String {
        assert_eq!(self.lake.clusters().await.unwrap(), [], "nothing may be written");
        self.failed.or(self.outcome.err().map(|error| error.to_string())).unwrap()
    }
}

/// Loads a world into a server.
pub(crate) async fn load(world: World, url: &str) {
    let stream = move |sink: &mut dyn fixtures::SampleSink| {
        for (labels, samples) in &world.series {
            let labels: Vec<_> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            sink.series(&labels, samples)?;
        }
        Ok(Loaded::default())
    };
    prometheus::load_stream(stream, url, |_| {}).await.unwrap();
}

/// Several hours collected in one run.
pub(crate) struct Run {
    pub(crate) lake: Lake,
    /// Why the run ended early.
    pub(crate) gave_up: Option<String>,
    /// Hours asked for, with why one was left out.
    pub(crate) told: BTreeMap<Hour, Option<String>>,
}

impl Run {
    pub(crate) async fn rows<T: lake::Table>(&self, hour: Hour) -> Vec<T> {
        let read = self.lake.manifest(&"c".parse().unwrap(), hour).await.unwrap();
        self.lake.rows(&read).await.unwrap()
    }
}

/// Loads a world into an empty Prometheus and collects so many hours in one run: the last first, then from the first on.
pub(crate) async fn collected_hours(test: &str, world: World, hours: i64) -> Option<Run> {
    let binary = services::program(test, "prometheus", "prometheus")?;
    let server = prometheus::Server::start(&binary).await.unwrap();
    load(world, server.url()).await;
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    let window = Window::try_new(hour().start(), hour().plus(hours).start()).unwrap();
    let client = Server::connect(&ServerOptions::new(server.url()), None).await.unwrap();
    let mut told = BTreeMap::new();
    let mut each = |hour: Hour, result: &HourResult| {
        let why = match result {
            HourResult::Written { .. } => None,
            HourResult::Failed(error) => Some(error.to_string()),
            other => Some(format!("{other:?}")),
        };
        told.insert(hour, why);
    };
    let (cluster, bounds) = ("c".parse().unwrap(), Bounds::default());
    let outcome = collect(&client, &lake, &cluster, window, &Settings::default(), &bounds, &mut each).await;
    Some(Run { lake, gave_up: outcome.err().map(|error| error.to_string()), told })
}

/// Loads a world into an empty Prometheus and collects its hour; `None` where there is no Prometheus, which is said.
pub(crate) async fn collected(test: &str, world: World) -> Option<Hours> {
    collected_with(test, world, &Settings::default()).await
}

/// The same with what a user says beside.
pub(crate) async fn collected_with(test: &str, world: World, settings: &Settings) -> Option<Hours> {
    let binary = services::program(test, "prometheus", "prometheus")?;
    let server = prometheus::Server::start(&binary).await.unwrap();
    load(world, server.url()).await;
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    let window = Window::try_new(hour().start(), hour().end()).unwrap();
    let client = Server::connect(&ServerOptions::new(server.url()), None).await.unwrap();
    let cluster: ClusterId = "c".parse().unwrap();
    let mut failed = None;
    let mut each = |_: Hour, result: &HourResult| {
        if let HourResult::Failed(error) = result {
            failed = Some(error.to_string());
        }
    };
    let outcome = collect(&client, &lake, &cluster, window, settings, &Bounds::default(), &mut each).await.map(|_| ());
    Some(Hours { lake, outcome, failed })
}
