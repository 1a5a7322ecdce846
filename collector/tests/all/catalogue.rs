//! The demo exposes what the collector reads.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use collector::metric_catalogue::{Exporter, METRICS};
use fixtures::{Cluster, Sample, SampleSink, SinkError};
use types::Window;

use crate::world::HOUR;

/// Metrics that the demo's cluster has none of, and why.
const NOT_IN_THE_DEMO: [(&str, &str); 14] = [
    ("gatewayapi_gateway_status_address_info", "it has no Gateway"),
    ("kube_ingress_annotations", "it has no Ingress"),
    ("kube_ingress_info", "it has no Ingress"),
    ("kube_ingressclass_info", "it has no Ingress"),
    ("kube_pod_annotations", "shown only where the chart's values ask for it"),
    ("kube_pod_nodeselectors", "no pod is bound by a selector"),
    ("kube_pod_overhead_cpu_cores", "no pod has a sandbox"),
    ("kube_pod_overhead_memory_bytes", "no pod has a sandbox"),
    ("kube_pod_status_initialized_time", "no sidecar comes after an init container"),
    ("kube_service_annotations", "no Service has a load balancer"),
    ("kube_service_status_load_balancer_ingress", "no Service has a load balancer"),
    ("kube_state_metrics_list_total", "of kube-state-metrics itself, which is seldom scraped"),
    ("machine_memory_bytes", "scrapes of the kubelets are not counted"),
    ("node_boot_time_seconds", "no node is booted anew"),
];

/// Metrics that real exporters have too, and that a scrape would be odd without.
const UNREAD: [&str; 2] = ["kubelet_volume_stats_capacity_bytes", "up"];

/// The names of the labels of each metric.
#[derive(Default)]
pub(crate) struct Names(pub(crate) BTreeMap<String, BTreeSet<String>>);

impl SampleSink for Names {
    fn series(&mut self, labels: &[(&str, &str)], _: &[Sample]) -> Result<(), SinkError> {
        let (_, metric) = labels.iter().find(|(name, _)| *name == "__name__").unwrap();
        self.0.entry((*metric).to_owned()).or_default().extend(labels.iter().map(|(name, _)| (*name).to_owned()));
        Ok(())
    }

    fn end_of_block(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Returns the names that the demo exposes in an hour.
pub(crate) fn of_the_demo() -> Names {
    let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
    let cluster = Cluster::generate(42, Window::try_new(at(HOUR), at(HOUR + 4 * 3_600)).unwrap());
    let mut names = Names::default();
    cluster.samples(Window::try_new(at(HOUR), at(HOUR + 3_600)).unwrap(), &mut names).unwrap();
    names
}

#[test]
fn the_demo_exposes_every_metric_of_the_catalogue_but_those_named_here() {
    let demo = of_the_demo().0;
    let exposed = METRICS.iter().filter(|metric| metric.exporter != Exporter::RecordingRule);
    let missing: BTreeSet<&str> = exposed.map(|metric| metric.name).filter(|name| !demo.contains_key(*name)).collect();
    let named: BTreeSet<&str> = NOT_IN_THE_DEMO.iter().map(|(name, _)| *name).collect();
    assert_eq!(missing, named);
    let unread: Vec<_> = demo.keys().filter(|name| collector::metric_catalogue::metric(name).is_none()).collect();
    assert_eq!(unread, UNREAD, "the demo exposes what nothing reads");
}
