//! Nodes against a reference computed here from the samples as loaded, to the last integer: seconds, and bytes through
//! network interfaces and disks.

#![expect(clippy::as_conversions, reason = "counts lie far below two to the fifty-third")]

use std::collections::BTreeMap;
use std::sync::Arc;

use collector::server::{Server, ServerOptions};
use collector::{Bounds, HourResult, Settings, collect};
use fixtures::{Cluster, STALE_MARKER, Sample, SampleSink, SinkError, prometheus, services};
use lake::Lake;
use lake::store::MemoryStore;
use lake::tables::{NodeHour, PodHour, VolumeHour};
use types::{ClusterId, Hour, Window};

/// Start of the hour after the last one collected: 2026-07-01T00:00:00Z.
const END_SECONDS: i64 = 1_782_864_000;
const HOURS: i64 = 4;
/// Time for which a sample counts when none follows it: what a server looks back.
const LOOK_BACK_MS: i64 = 300_000;
const METRICS: [&str; 4] = [
    "node_network_receive_bytes_total",
    "node_network_transmit_bytes_total",
    "node_disk_read_bytes_total",
    "node_disk_written_bytes_total",
];

/// The samples as loaded.
#[derive(Default)]
struct Raw {
    /// Counters of the real devices, by metric and instance, stale markers left out.
    counters: BTreeMap<(String, String), Vec<(i64, f64)>>,
    /// By node.
    info: BTreeMap<String, Vec<i64>>,
    created: BTreeMap<String, i64>,
    /// Instance of node-exporter, by node.
    instances: BTreeMap<String, String>,
}

impl SampleSink for Raw {
    fn series(&mut self, labels: &[(&str, &str)], samples: &[Sample]) -> Result<(), SinkError> {
        let label = |name: &str| labels.iter().find(|(n, _)| *n == name).map_or("", |(_, value)| *value).to_owned();
        let points: Vec<_> =
            samples.iter().filter(|s| s.value.to_bits() != STALE_MARKER).map(|s| (s.milliseconds, s.value)).collect();
        let Some((_, last)) = points.last().copied() else { return Ok(()) };
        match label("__name__").as_str() {
            name if METRICS.contains(&name) && ["ens5", "nvme0n1"].contains(&label("device").as_str()) => {
                self.counters.entry((name.to_owned(), label("instance"))).or_default().extend(points);
            }
            "kube_node_info" => self.info.entry(label("node")).or_default().extend(points.iter().map(|(ms, _)| *ms)),
            "kube_node_created" => drop(self.created.insert(label("node"), last as i64)),
            "node_uname_info" => drop(self.instances.insert(label("nodename"), label("instance"))),
            _ => {}
        }
        Ok(())
    }
}

impl Raw {
    /// Seconds of the hour a node was there: from its creation to the last scrape that saw it.
    fn seconds(&self, node: &str, hour: Hour) -> i64 {
        let latest = self.info.values().filter_map(|seen| seen.last()).max().unwrap();
        let last = self.info[node].last().unwrap();
        let end = if last < latest { last.div_euclid(1000) } else { i64::MAX };
        (end.min(hour.end_seconds()) - self.created[node].max(hour.start_seconds())).max(0)
    }

    /// Returns what a counter counted between the last sample before the hour and the last in it, from zero when the
    /// node began in it. The synthetic counters never reset.
    fn bytes(&self, metric: &str, node: &str, hour: Hour) -> Option<i64> {
        let points = self.counters.get(&(metric.to_owned(), self.instances.get(node)?.clone()))?;
        let (from, to) = (hour.start_seconds() * 1000, hour.end_seconds() * 1000);
        let before = points.iter().rfind(|(ms, _)| (from - LOOK_BACK_MS + 1..=from).contains(ms));
        let within: Vec<_> = points.iter().filter(|(ms, _)| (from + 1..=to).contains(ms)).collect();
        let born = self.created[node] > hour.start_seconds();
        let first = before.or(within.first().copied())?;
        let base = if born { 0.0 } else { first.1 };
        let last = within.last().map_or(first.1, |point| point.1);
        Some((last - base) as i64)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn node_seconds_and_bytes_equal_the_samples_as_loaded() {
    let test = "node_seconds_and_bytes_equal_the_samples_as_loaded";
    let Some(binary) = services::program(test, "prometheus", "prometheus") else { return };
    let (first, end) =
        (Hour::starting_at(END_SECONDS - HOURS * 3600).unwrap(), Hour::starting_at(END_SECONDS).unwrap());
    let window = Window::try_new(first.start(), end.start()).unwrap();
    let cluster = Arc::new(Cluster::generate(7, window));
    let span = Cluster::scrape_span(window);
    let prometheus_server = prometheus::Server::start(&binary).await.unwrap();
    let streamed = Arc::clone(&cluster);
    let stream = move |sink: &mut dyn SampleSink| streamed.samples(span, sink);
    prometheus::load_stream(stream, prometheus_server.url(), |_| {}).await.unwrap();
    let mut raw = Raw::default();
    cluster.samples(span, &mut raw).unwrap();

    let lake = Lake::new(Arc::new(MemoryStore::default()));
    let id: ClusterId = Cluster::ID.parse().unwrap();
    let client = Server::connect(&ServerOptions::new(prometheus_server.url()), None).await.unwrap();
    let mut each =
        |hour: Hour, result: &HourResult| assert!(matches!(result, HourResult::Written { .. }), "{hour} {result:?}");
    let settings = Settings { pod_labels: vec!["team".into(), "app.kubernetes.io/name".into()], ..Settings::default() };
    collect(&client, &lake, &id, window, &settings, &Bounds::default(), &mut each).await.unwrap();

    let (mut born, mut gone, mut compared, mut labelled, mut all_pods) = (0, 0, 0, 0, 0);
    for hour in (0..HOURS).map(|n| Hour::starting_at(first.start_seconds() + n * 3600).unwrap()) {
        let read = lake.manifest(&id, hour).await.unwrap();
        let rows: Vec<NodeHour> = lake.rows(&read).await.unwrap();
        for row in &rows {
            assert_eq!(i64::from(row.up_seconds), raw.seconds(&row.node, hour), "{hour} {}", row.node);
            let got =
                [row.network_receive_bytes, row.network_transmit_bytes, row.disk_read_bytes, row.disk_written_bytes];
            let expect = METRICS.map(|metric| raw.bytes(metric, &row.node, hour));
            assert_eq!(got, expect, "{hour} {}", row.node);
            compared += usize::from(got[0].is_some());
            born += usize::from(row.first_seen_seconds > hour.start_seconds());
            gone += usize::from(row.last_seen_seconds < hour.end_seconds());
        }
        // What the perfect observer knows of zones is what the collector finds.
        let zones = |volumes: &[VolumeHour]| -> Vec<_> {
            volumes.iter().map(|v| (v.volume_claim.clone(), v.zone.clone(), v.zone_source.clone())).collect()
        };
        let truth = cluster.hour_rows(hour);
        let beside = |pods: Vec<PodHour>| -> BTreeMap<String, _> {
            pods.into_iter().map(|p| (p.pod_uid, (p.hpa_target, p.tolerations, p.extended_requests))).collect()
        };
        let pods: Vec<PodHour> = lake.rows(&read).await.unwrap();
        labelled += pods.iter().filter(|pod| pod.labels.as_ref().is_some_and(|labels| labels.len() == 2)).count();
        all_pods += pods.len();
        let (pods, planted) = (beside(pods), beside(truth.pods));
        for (uid, pod) in &pods {
            assert_eq!(Some(pod), planted.get(uid), "{hour} {uid}");
        }
        let extended = |nodes: &[NodeHour]| -> BTreeMap<String, _> {
            nodes.iter().map(|node| (node.node.clone(), node.extended_capacity.clone())).collect()
        };
        assert_eq!(extended(&rows), extended(&truth.nodes), "{hour}");
        let volumes: Vec<VolumeHour> = lake.rows(&read).await.unwrap();
        assert_eq!(zones(&volumes), zones(&truth.volumes), "{hour}");
    }
    assert!(labelled > 1_000 && labelled == all_pods, "{labelled} of {all_pods}");
    assert!(compared > 100 && born > 0 && gone > 0, "{compared} {born} {gone}");
}
