//! What goes wrong on real clusters, made by hand and loaded into a real Prometheus: each trap is a few series.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::sync::Arc;

use collector::prometheus::Server;
use collector::{CollectError, HourResult, collect};
use fixtures::{Loaded, Sample, prometheus, services};
use lake::Lake;
use lake::store::MemoryStore;
use lake::tables::{ContainerHour, NodeHour, PodHour};
use types::{ClusterId, Hour, Window};

/// The hour that is collected: 2026-06-30T12:00:00Z.
const HOUR: i64 = 1_782_820_800;
const UID: &str = "0f3a1b2c-1111-2222-3333-444455556666";

fn hour() -> Hour {
    Hour::starting_at(HOUR).unwrap()
}

type Labels = Vec<(String, String)>;

/// Series made by hand. Times are seconds of the hour.
#[derive(Clone, Default)]
struct World {
    series: Vec<(Labels, Vec<Sample>)>,
}

impl World {
    /// A series scraped every `step` seconds from `from` to `to`, its value a function of the second.
    fn add(&mut self, name: &str, labels: &[(&str, &str)], span: (i64, i64), step: i64, value: impl Fn(i64) -> f64) {
        let named = [("__name__", name)];
        let mut labels: Labels = named.iter().chain(labels).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        labels.sort();
        let times = (0..).map(|n| span.0 + n * step).take_while(|second| *second < span.1);
        let sample = |second| Sample { milliseconds: (HOUR + second) * 1000 + 337, value: value(second) };
        self.series.push((labels, times.map(sample).collect()));
    }

    /// A fact of kube-state-metrics, scraped every minute from a second of the hour on.
    fn fact_from(&mut self, name: &str, labels: &[(&str, &str)], value: f64, from: i64) {
        self.add(name, labels, (from, 3_900), 60, |_| value);
    }

    /// A node that was created at a second of the hour, and first scraped then or ten minutes before the hour.
    fn node(&mut self, name: &str, created: i64) {
        let from = created.max(-593);
        let id = format!("aws:///us-east-1a/i-{name}");
        self.fact_from("kube_node_info", &[("node", name), ("provider_id", &id)], 1.0, from);
        self.fact_from("kube_node_created", &[("node", name)], seconds(created), from);
        for (resource, value) in [("cpu", 4.0), ("memory", 16e9), ("pods", 58.0)] {
            self.fact_from("kube_node_status_capacity", &[("node", name), ("resource", resource)], value, from);
        }
    }

    /// A running pod with one container of one core, seen by kube-state-metrics and by cAdvisor until `end`.
    fn pod(&mut self, name: &str, uid: &str, end: i64) {
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
    fn container(&mut self, pod: &str, uid: &str, container: &str, end: i64) {
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
    fn twice(mut self, label: &str) -> Self {
        let copy = self.series.clone().into_iter().map(|(mut labels, samples)| {
            labels.push((label.to_owned(), "b".to_owned()));
            labels.sort();
            (labels, samples)
        });
        let copies: Vec<_> = copy.collect();
        self.series.extend(copies);
        self
    }

    /// Removes a label from the series of the metrics that start with `prefix`.
    fn without(mut self, prefix: &str, label: &str) -> Self {
        for (labels, _) in &mut self.series {
            if labels.iter().any(|(k, v)| k == "__name__" && v.starts_with(prefix)) {
                labels.retain(|(k, _)| k != label);
            }
        }
        self
    }

    /// Renames a label wherever it is.
    fn renamed(mut self, from: &str, to: &str) -> Self {
        for (labels, _) in &mut self.series {
            labels.iter_mut().filter(|(k, _)| k == from).for_each(|(k, _)| to.clone_into(k));
            labels.sort();
        }
        self
    }
}

/// A second of the hour as a value: seconds since the epoch.
fn seconds(second: i64) -> f64 {
    f64::from(u32::try_from(HOUR + second).unwrap())
}

/// One node, one pod of one core.
fn plain() -> World {
    let mut world = World::default();
    world.node("n1", -9000);
    world.pod("p1", UID, 3_900);
    world
}

/// What collecting a world gave.
struct Hours {
    lake: Lake,
    outcome: Result<(), CollectError>,
    failed: Option<String>,
}

impl Hours {
    async fn rows<T: lake::Table>(&self) -> Vec<T> {
        let read = self.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap();
        self.lake.rows(&read).await.unwrap()
    }

    /// Why the hour or the run failed; nothing may be in the lake then.
    async fn refusal(self) -> String {
        assert_eq!(self.lake.clusters().await.unwrap(), [], "nothing may be written");
        self.failed.or(self.outcome.err().map(|error| error.to_string())).unwrap()
    }
}

/// Loads a world into an empty Prometheus and collects its hour; `None` where there is no Prometheus, which is said.
async fn collected(test: &str, world: World) -> Option<Hours> {
    if !services::wanted() {
        services::skip(test, "COST_TEST_SERVICES is not 1");
        return None;
    }
    let Some(binary) = prometheus::find_binary() else {
        services::skip(test, "no `prometheus` on the PATH; `scripts/install.sh prometheus` installs it");
        return None;
    };
    let server = prometheus::Server::start(&binary).await.unwrap();
    let stream = move |sink: &mut dyn fixtures::SampleSink| {
        for (labels, samples) in &world.series {
            let labels: Vec<_> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            sink.series(&labels, samples)?;
        }
        Ok(Loaded::default())
    };
    prometheus::load_stream(stream, server.url(), |_| {}).await.unwrap();
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    let window = Window::try_new(hour().start(), hour().end()).unwrap();
    let client = Server::connect(server.url()).await.unwrap();
    let cluster: ClusterId = "c".parse().unwrap();
    let mut failed = None;
    let mut each = |_: Hour, result: &HourResult| {
        if let HourResult::Failed(error) = result {
            failed = Some(error.to_string());
        }
    };
    let outcome = collect(&client, &lake, &cluster, window, &mut each).await.map(|_| ());
    Some(Hours { lake, outcome, failed })
}

fn alive(pod: &PodHour) -> i32 {
    pod.alive_seconds_by_slot.iter().flatten().sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_counts_from_its_creation_and_one_born_after_the_hour_not_at_all() {
    let mut world = plain();
    world.node("n2", 3_590);
    world.node("n3", 3_610);
    let Some(hours) = collected("a_node_counts_from_its_creation", world).await else { return };
    let up: Vec<_> = hours.rows::<NodeHour>().await.into_iter().map(|n| (n.node, n.up_seconds)).collect();
    assert_eq!(up, [("n1".to_owned(), 3600), ("n2".to_owned(), 10)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_name_used_by_two_machines_makes_the_hour_incomplete() {
    let mut world = plain();
    let info = |id: &'static str| [("node", "n9"), ("provider_id", id)];
    world.add("kube_node_info", &info("aws:///us-east-1a/i-a"), (-593, 1_500), 60, |_| 1.0);
    world.add("kube_node_info", &info("aws:///us-east-1a/i-b"), (1_700, 3_900), 60, |_| 1.0);
    let created = |second: i64| seconds(if second < 1_600 { -9000 } else { 1_690 });
    world.add("kube_node_created", &[("node", "n9")], (-593, 3_900), 60, created);
    let Some(hours) = collected("a_node_name_used_by_two_machines", world).await else { return };
    let nodes = hours.rows::<NodeHour>().await;
    let later = nodes.iter().find(|node| node.node == "n9").unwrap();
    assert_eq!((later.instance_id.as_deref(), later.up_seconds), (Some("i-b"), 3600 - 1_690));
    let manifest = hours.lake.manifest(&"c".parse().unwrap(), hour()).await.unwrap().manifest;
    assert!(!manifest.complete && manifest.faults.iter().any(|f| f.contains("used by two machines")), "{manifest:?}");
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

#[tokio::test(flavor = "multi_thread")]
async fn without_node_exporter_a_node_has_no_usage_and_that_is_null() {
    let Some(hours) = collected("without_node_exporter", plain()).await else { return };
    let node = &hours.rows::<NodeHour>().await[0];
    assert_eq!((node.cpu_used_millicores_by_slot, &node.usage_source), (None, &None));
    assert_eq!((node.instance_type.as_deref(), node.instance_type_source.as_str()), (None, "unknown"));
    assert_eq!((node.zone.as_deref(), node.region.as_deref()), (Some("us-east-1a"), Some("us-east-1")));
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
