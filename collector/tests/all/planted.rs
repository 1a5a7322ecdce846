//! Answers of a real kube-state-metrics about planted objects, scraped as the chart sets it up, collected, and compared
//! with what was planted.

mod cluster;
mod expect;

use std::collections::BTreeMap;

use collector::Settings;
use fixtures::kubernetes::{Api, Exposed, StateMetrics};
use fixtures::{Sample, SampleSink, services};
use lake::tables::{ContainerHour, LoadBalancerHour, NodeHour, PodHour, VolumeHour};

use crate::catalogue::{Names, of_the_demo};
use crate::world::{HOUR, Labels, World, collected_with};
use cluster::{Planted, STAGES};

/// Seconds between two scrapes, and how far before the hour and after it there are any.
const SCRAPE_SECONDS: i64 = 60;
const FIRST_SECOND: i64 = -600;
const LAST_SECOND: i64 = 3_900;

/// The lists of the chart's values under a key of its kube-state-metrics.
fn chart_list(key: &str) -> Vec<String> {
    let values = include_str!("../../../charts/emp-cost-agent/values.yaml");
    let after = values.split_once("  kube-state-metrics:\n").unwrap().1.split_once(&format!("    {key}:\n")).unwrap().1;
    let items = after.lines().map_while(|line| line.strip_prefix("      - "));
    items.map(|item| item.trim_matches(['\'', '"']).to_owned()).collect()
}

/// The flags that the chart gives kube-state-metrics.
fn chart_flags() -> Vec<String> {
    let labels = format!("--metric-labels-allowlist={}", chart_list("metricLabelsAllowlist").join(","));
    let annotations = format!("--metric-annotations-allowlist={}", chart_list("metricAnnotationsAllowList").join(","));
    [labels, annotations].into_iter().chain(chart_list("extraArgs")).collect()
}

/// Adds what was exposed to the series, as scrapes from one second of the hour to another.
fn scrape(series: &mut BTreeMap<Labels, Vec<Sample>>, exposed: &[Exposed], from: i64, to: i64) {
    for one in exposed {
        let mut labels = one.labels.clone();
        labels.push(("__name__".to_owned(), one.name.clone()));
        labels.push(("job".to_owned(), "kube-state-metrics".to_owned()));
        labels.push(("instance".to_owned(), "10.0.0.9:8080".to_owned()));
        // A server takes an empty label for none.
        labels.retain(|(_, value)| !value.is_empty());
        labels.sort();
        let times = (from..to).step_by(usize::try_from(SCRAPE_SECONDS).unwrap());
        let sample = |second: i64| Sample { milliseconds: (HOUR + second) * 1000 + 337, value: one.value };
        series.entry(labels).or_default().extend(times.map(sample));
    }
}

/// Plants the cluster stage by stage and scrapes it; `None` where a program is missing, which is said.
async fn observed(test: &str, planted: &Planted) -> Option<World> {
    let binary = services::program(test, "kube-state-metrics", "kube-state-metrics")?;
    let api = Api::start().await.unwrap();
    let metrics = StateMetrics::start(&binary, &api, &chart_flags()).await.unwrap();
    let mut series = BTreeMap::new();
    let ends = STAGES.into_iter().skip(1).chain([LAST_SECOND]);
    for (stage, (from, to)) in STAGES.into_iter().zip(ends).enumerate() {
        planted.plant(&api, stage);
        let exposed = metrics.settled(&Planted::marker(stage)).await.unwrap();
        scrape(&mut series, &exposed, from, to);
    }
    let mut world = World { series: series.into_iter().collect() };
    planted.measure(&mut world);
    Some(world)
}

fn check<T: PartialEq + std::fmt::Debug>(what: &str, got: &[T], expect: &[T]) {
    for (got, expect) in got.iter().zip(expect) {
        assert_eq!(got, expect, "{what}");
    }
    assert_eq!(got.len(), expect.len(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_planted_in_kubernetes_is_in_the_lake() {
    let test = "what_was_planted_in_kubernetes_is_in_the_lake";
    let planted = Planted::default();
    let Some(world) = observed(test, &planted).await else { return };
    let pod_labels = vec!["app.kubernetes.io/name".to_owned(), "team".to_owned()];
    let settings = Settings { pod_labels, ..Settings::default() };
    let Some(hours) = collected_with(test, world, &settings).await else { return };
    assert_eq!((hours.failed.as_deref(), hours.outcome.as_ref().err().map(ToString::to_string)), (None, None));
    check("node", &hours.rows::<NodeHour>().await, &expect::nodes(&planted));
    check("pod", &hours.rows::<PodHour>().await, &expect::pods(&planted));
    // The shape over time is judged elsewhere, to the last integer.
    let whole = |row: ContainerHour| ContainerHour {
        cpu_max_millicores: None,
        cpu_mean_millicores_by_slot: None,
        memory_mean_mib_by_slot: None,
        memory_max_mib_by_slot: None,
        ..row
    };
    let containers: Vec<_> = hours.rows::<ContainerHour>().await.into_iter().map(whole).collect();
    check("container", &containers, &expect::containers(&planted));
    check("volume", &hours.rows::<VolumeHour>().await, &expect::volumes(&planted));
    check("load balancer", &hours.rows::<LoadBalancerHour>().await, &expect::load_balancers());
    let manifest = hours.lake.manifest(&"c".parse().unwrap(), crate::world::hour()).await.unwrap();
    assert_eq!(manifest.manifest.faults, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_names_its_labels_as_kube_state_metrics_does() {
    let test = "the_demo_names_its_labels_as_kube_state_metrics_does";
    let Some(world) = observed(test, &Planted::default()).await else { return };
    let mut real = Names::default();
    for (labels, samples) in &world.series {
        let labels: Vec<_> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        real.series(&labels, samples).unwrap();
    }
    let demo = of_the_demo().0.into_iter().filter(|(metric, _)| metric.starts_with("kube_"));
    // The chart allows no label of volumes to be shown, and then kube-state-metrics has no such metric at all.
    for (metric, labels) in demo.filter(|(metric, _)| metric != "kube_persistentvolume_labels") {
        let known = real.0.get(&metric).unwrap_or_else(|| panic!("kube-state-metrics has no `{metric}`"));
        let unknown: Vec<_> = labels.difference(known).filter(|label| !label.starts_with("label_")).collect();
        assert_eq!(unknown, Vec::<&String>::new(), "{metric}");
    }
}
