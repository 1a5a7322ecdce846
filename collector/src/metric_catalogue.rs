//! Catalogue of every metric the collector reads: what exposes it, how much it is needed, what for, and what is known
//! without it. Queries, doctor and documents are held against it; add a metric here first.

use serde::Serialize;

/// Exporter of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exporter {
    /// kube-state-metrics: the objects of the Kubernetes API.
    KubeStateMetrics,
    /// The kubelets, on `/metrics/cadvisor`.
    Cadvisor,
    /// node-exporter.
    NodeExporter,
    /// The kubelets, on `/metrics`.
    Kubelet,
    /// The server itself, by recording rules of kubernetes-mixin.
    RecordingRule,
}

impl Exporter {
    /// Its name, as its project writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KubeStateMetrics => "kube-state-metrics",
            Self::Cadvisor => "cAdvisor",
            Self::NodeExporter => "node-exporter",
            Self::Kubelet => "kubelet",
            Self::RecordingRule => "recording rule",
        }
    }
}

/// Importance of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// Without it no report can be made.
    Required,
    /// Without it a report says less, or is less sure.
    Recommended,
    /// Its objects need not exist on every cluster.
    Optional,
}

/// Way in which a metric is asked for. What is not asked by a query that names it needs its row here alone: query and
/// snapshot follow from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// In a query that names it.
    ByName,
    /// As a counter of a node's devices, in bytes, with the others: `node_rows` has it by its name.
    OfDevices,
    /// For one value an hour of each instance of a container, two minutes after the hour, with the others: `container_rows`
    /// has it by its name. What was counted in the hour is the `increase` over `[1h] offset 2m`.
    OfInstances {
        /// The server's function that makes one value of the samples.
        function: &'static str,
        /// The time whose samples it takes.
        span: &'static str,
    },
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its exporter.
    pub exporter: Exporter,
    /// Its importance.
    pub need: Need,
    /// Its purpose.
    pub purpose: &'static str,
    /// Consequence of its absence.
    pub otherwise: &'static str,
    /// Its names in older releases of the exporter, which are read too.
    pub older: &'static [&'static str],
    /// The flag its exporter has to be started with to expose it; empty where it does by default.
    pub flag: &'static str,
    /// Way in which it is asked for.
    pub asked: Asked,
}

impl Metric {
    /// Matchers by which its series are counted: those of one kind where it has many of each object.
    pub fn counted(&self) -> &'static str {
        match self.name {
            _ if matches!(self.asked, Asked::OfInstances { .. }) => r#"container!="",image!="""#,
            "container_cpu_usage_seconds_total" | "container_memory_working_set_bytes" => {
                r#"container!="",container!="POD",image!="""#
            }
            "node_cpu_seconds_total" => r#"mode="user",cpu="0""#,
            _ => "",
        }
    }
}

/// The metric of a name, today's or an older one.
pub fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name || metric.older.contains(&name))
}

use Exporter::{Cadvisor, KubeStateMetrics, Kubelet, NodeExporter, RecordingRule};
use Need::{Optional, Recommended, Required};

/// A counter of a node's devices, by its name in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeviceCounter(&'static str);

impl DeviceCounter {
    /// The counter of a name; `None` of one that is not asked for, so that a constant of it does not compile.
    pub(crate) const fn named(name: &str) -> Option<Self> {
        let mut rest: &[Metric] = &METRICS;
        while let [metric, more @ ..] = rest {
            if matches!(metric.asked, Asked::OfDevices) && is_same(metric.name, name) {
                return Some(Self(metric.name));
            }
            rest = more;
        }
        None
    }
}

/// A value that each instance of a container has once an hour, by its place among those in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InstanceValue(usize);

impl InstanceValue {
    /// Number of them.
    pub(crate) const COUNT: usize = Self::before("");

    /// The value of a metric; `None` of one that is not asked for, so that a constant of it does not compile.
    pub(crate) const fn named(metric: &str) -> Option<Self> {
        let place = Self::before(metric);
        if place < Self::COUNT { Some(Self(place)) } else { None }
    }

    /// Its place, from zero on.
    pub(crate) const fn place(self) -> usize {
        self.0
    }

    /// Number of those before the one of a metric; of all where it is not among them.
    const fn before(name: &str) -> usize {
        let (mut rest, mut count): (&[Metric], usize) = (&METRICS, 0);
        while let [metric, more @ ..] = rest {
            if matches!(metric.asked, Asked::OfInstances { .. }) {
                if is_same(metric.name, name) {
                    return count;
                }
                count += 1;
            }
            rest = more;
        }
        count
    }
}

/// Returns whether two names are the same: `==` of texts is nothing for constants.
const fn is_same(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    while let ([a, rest @ ..], [b, other_rest @ ..]) = (one, other) {
        if *a != *b {
            return false;
        }
        (one, other) = (rest, other_rest);
    }
    one.is_empty() && other.is_empty()
}

/// A metric without older names that its exporter has by default, in a query that names it.
const fn plain(
    name: &'static str,
    exporter: Exporter,
    need: Need,
    purpose: &'static str,
    otherwise: &'static str,
) -> Metric {
    Metric { name, exporter, need, purpose, otherwise, older: &[], flag: "", asked: Asked::ByName }
}

/// A counter of a node's devices.
const fn of_devices(name: &'static str, purpose: &'static str) -> Metric {
    Metric { asked: Asked::OfDevices, ..plain(name, NodeExporter, Optional, purpose, "they are not known") }
}

/// Every metric, by exporter, the required ones first.
pub const METRICS: [Metric; 60] = [
    plain("kube_node_created", KubeStateMetrics, Required, "which nodes there were", "the hour is not written"),
    plain(
        "kube_node_info",
        KubeStateMetrics,
        Required,
        "provider id, kubelet and image of nodes",
        "nodes have no machine",
    ),
    Metric {
        older: &[
            "kube_node_status_capacity_cpu_cores",
            "kube_node_status_capacity_memory_bytes",
            "kube_node_status_capacity_pods",
        ],
        ..plain("kube_node_status_capacity", KubeStateMetrics, Required, "size of nodes", "nodes have no size")
    },
    plain("kube_pod_info", KubeStateMetrics, Required, "which pods ran where", "the hour is not written"),
    Metric {
        older: &["kube_pod_container_resource_requests_cpu_cores", "kube_pod_container_resource_requests_memory_bytes"],
        ..plain(
            "kube_pod_container_resource_requests",
            KubeStateMetrics,
            Required,
            "what pods reserve",
            "pods reserve nothing",
        )
    },
    Metric {
        older: &[
            "kube_node_status_allocatable_cpu_cores",
            "kube_node_status_allocatable_memory_bytes",
            "kube_node_status_allocatable_pods",
        ],
        ..plain(
            "kube_node_status_allocatable",
            KubeStateMetrics,
            Recommended,
            "what nodes keep for themselves",
            "what EKS reserves by default",
        )
    },
    plain(
        "kube_node_labels",
        KubeStateMetrics,
        Recommended,
        "what nodes are",
        "node_dmi_info, the Kubernetes API, or their size",
    ),
    plain("kube_pod_created", KubeStateMetrics, Recommended, "lives of pods to the second", "lives to the scrape"),
    plain(
        "kube_pod_status_scheduled_time",
        KubeStateMetrics,
        Recommended,
        "since when a pod holds its requests",
        "its start or its creation",
    ),
    plain(
        "kube_pod_start_time",
        KubeStateMetrics,
        Recommended,
        "since when the kubelet runs a pod",
        "the start of its hour",
    ),
    plain("kube_pod_status_phase", KubeStateMetrics, Recommended, "ends of pods", "a pod ends when it is deleted"),
    plain(
        "kube_pod_status_qos_class",
        KubeStateMetrics,
        Recommended,
        "whether a pod asks for resources as a whole",
        "such pods look as if they reserved nothing",
    ),
    plain("kube_pod_owner", KubeStateMetrics, Recommended, "the workload of a pod", "the controller in kube_pod_info"),
    plain(
        "kube_replicaset_owner",
        KubeStateMetrics,
        Recommended,
        "the deployment of a pod",
        "each replica set is a workload",
    ),
    Metric {
        older: &["kube_pod_container_resource_limits_cpu_cores", "kube_pod_container_resource_limits_memory_bytes"],
        ..plain("kube_pod_container_resource_limits", KubeStateMetrics, Recommended, "limits", "limits are not known")
    },
    plain(
        "kube_pod_tolerations",
        KubeStateMetrics,
        Recommended,
        "which tainted nodes a pod may run on",
        "tolerations are not known",
    ),
    Metric {
        flag: "--metric-opt-in-list=kube_pod_nodeselectors",
        ..plain(
            "kube_pod_nodeselectors",
            KubeStateMetrics,
            Optional,
            "which pods are bound to nodes by a selector",
            "pods that are bound to some nodes look as if they could run on any",
        )
    },
    plain("kube_pod_labels", KubeStateMetrics, Optional, "the labels of pods that are kept", "no breakdown by label"),
    plain(
        "kube_pod_annotations",
        KubeStateMetrics,
        Optional,
        "what Fargate provisioned for a pod",
        "its size by its requests",
    ),
    plain("kube_pod_completion_time", KubeStateMetrics, Optional, "when pods completed", "their phase, to the slot"),
    plain(
        "kube_pod_status_initialized_time",
        KubeStateMetrics,
        Optional,
        "whether a sidecar started after the init containers",
        "it is taken to run beside all of them",
    ),
    plain("kube_pod_overhead_cpu_cores", KubeStateMetrics, Optional, "CPU that a sandbox needs", "none"),
    plain("kube_pod_overhead_memory_bytes", KubeStateMetrics, Optional, "memory that a sandbox needs", "none"),
    plain(
        "kube_pod_init_container_info",
        KubeStateMetrics,
        Optional,
        "init containers and sidecars",
        "they count as others",
    ),
    plain(
        "kube_pod_init_container_resource_requests",
        KubeStateMetrics,
        Optional,
        "what init containers and sidecars reserve",
        "they reserve nothing",
    ),
    plain(
        "kube_pod_init_container_resource_limits",
        KubeStateMetrics,
        Optional,
        "limits of init containers and sidecars",
        "limits are not known",
    ),
    plain(
        "kube_pod_spec_volumes_persistentvolumeclaims_info",
        KubeStateMetrics,
        Optional,
        "which pods mount a claim",
        "claims belong to no workload",
    ),
    plain("kube_node_spec_taint", KubeStateMetrics, Optional, "taints of nodes", "nodes have none"),
    plain(
        "kube_node_status_addresses",
        KubeStateMetrics,
        Optional,
        "public IPv4 addresses of nodes",
        "it is not known how many are paid for",
    ),
    plain(
        "kube_service_spec_type",
        KubeStateMetrics,
        Optional,
        "which Services have a load balancer, be there any or not",
        "load balancers are not known",
    ),
    plain(
        "kube_service_status_load_balancer_ingress",
        KubeStateMetrics,
        Optional,
        "the load balancer of a Service, by its DNS name",
        "its kind is not known, and it has no price",
    ),
    plain(
        "kube_service_annotations",
        KubeStateMetrics,
        Optional,
        "whether a Network Load Balancer is internet-facing",
        "it is not known whether it has public addresses",
    ),
    plain(
        "kube_ingress_info",
        KubeStateMetrics,
        Optional,
        "which Ingresses have an Application Load Balancer, by their class",
        "load balancers of Ingresses are not known",
    ),
    plain(
        "kube_ingress_annotations",
        KubeStateMetrics,
        Optional,
        "which Ingresses share a load balancer, and which are internet-facing",
        "one load balancer is counted for each class, as the least",
    ),
    plain(
        "kube_ingressclass_info",
        KubeStateMetrics,
        Optional,
        "the controller of an Ingress class",
        "its name: one with the word alb is of Application Load Balancers",
    ),
    plain(
        "gatewayapi_gateway_status_address_info",
        KubeStateMetrics,
        Optional,
        "the load balancer of a Gateway, where its state is exposed",
        "load balancers of Gateways are not known",
    ),
    plain("kube_job_owner", KubeStateMetrics, Optional, "the cron job of a pod", "each job is a workload"),
    plain(
        "kube_horizontalpodautoscaler_info",
        KubeStateMetrics,
        Optional,
        "workloads that scale by themselves",
        "it is not known which do",
    ),
    plain(
        "kube_persistentvolumeclaim_info",
        KubeStateMetrics,
        Optional,
        "volumes and who pays for them",
        "no volume has a price",
    ),
    plain("kube_persistentvolume_info", KubeStateMetrics, Optional, "volumes", "no volume has an id or a driver"),
    plain(
        "kube_persistentvolume_capacity_bytes",
        KubeStateMetrics,
        Optional,
        "size of volumes",
        "no volume has a price",
    ),
    plain(
        "kube_persistentvolume_labels",
        KubeStateMetrics,
        Optional,
        "zones of volumes",
        "the zone of the nodes of its pods",
    ),
    plain(
        "kube_state_metrics_list_total",
        KubeStateMetrics,
        Optional,
        "whether autoscalers are listed, be there any or not",
        "without any, it is not known whether there are",
    ),
    plain(
        "container_cpu_usage_seconds_total",
        Cadvisor,
        Required,
        "CPU that containers use",
        "rates of a recording rule; without them the hour is not written",
    ),
    plain(
        "container_memory_working_set_bytes",
        Cadvisor,
        Required,
        "memory that containers use",
        "a recording rule; without it the hour is not written",
    ),
    Metric {
        asked: Asked::OfInstances { function: "last_over_time", span: "[62m]" },
        ..plain(
            "container_start_time_seconds",
            Cadvisor,
            Recommended,
            "restarts to the second",
            "restarts by the fall of counters",
        )
    },
    plain("machine_memory_bytes", Cadvisor, Optional, "scrapes of the kubelets", "gaps in them are not counted"),
    plain(
        "node_cpu_seconds_total",
        NodeExporter,
        Recommended,
        "use and steal of whole nodes",
        "the sum of their containers",
    ),
    plain(
        "node_memory_MemTotal_bytes",
        NodeExporter,
        Recommended,
        "memory of whole nodes",
        "the sum of their containers",
    ),
    plain(
        "node_memory_MemAvailable_bytes",
        NodeExporter,
        Recommended,
        "memory that whole nodes use",
        "the sum of their containers",
    ),
    plain("node_memory_MemFree_bytes", NodeExporter, Optional, "memory that was touched at all", "it is not known"),
    plain(
        "node_uname_info",
        NodeExporter,
        Recommended,
        "which node an exporter runs on",
        "a label of the scrape job, or the address",
    ),
    plain("node_dmi_info", NodeExporter, Optional, "the instance type where no label says it", "the size of the node"),
    plain(
        "node_boot_time_seconds",
        NodeExporter,
        Optional,
        "restarts of nodes",
        "a counter that falls is not believed",
    ),
    of_devices("node_network_receive_bytes_total", "bytes that nodes receive"),
    of_devices("node_network_transmit_bytes_total", "bytes that nodes send"),
    of_devices("node_disk_read_bytes_total", "bytes read from disks"),
    of_devices("node_disk_written_bytes_total", "bytes written to disks"),
    plain("kubelet_volume_stats_used_bytes", Kubelet, Optional, "how full volumes are", "it is not known"),
    plain(
        crate::usage_source::INSTANT_RATE_RULE,
        RecordingRule,
        Optional,
        "peaks of CPU within five minutes",
        "peaks are means of five minutes",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::queries::{self, SHARD};

    /// The names of metrics in an expression.
    fn metrics_of(promql: &str) -> BTreeSet<String> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let prefixes = ["kube_", "gatewayapi_", "container_", "machine_", "node_", "kubelet_"];
        // What is grouped by is a label, and some labels begin as metrics do.
        let mut selectors = String::new();
        for piece in promql.split("by (") {
            selectors.push_str(if selectors.is_empty() { piece } else { piece.split_once(')').unwrap().1 });
            selectors.push(' ');
        }
        let words = selectors.split(|c: char| !is_name(c)).filter(|word| prefixes.iter().any(|p| word.starts_with(p)));
        // What is counted is labelled with the name of a query.
        let words = words.filter(|word| !queries::ALL.iter().any(|query| query.name == *word));
        words.map(ToOwned::to_owned).collect()
    }

    #[test]
    fn every_metric_asked_for_is_in_the_catalogue_and_every_one_in_it_is_asked_for() {
        let of_queries = queries::ALL.iter().flat_map(|query| metrics_of(&query.text().replace(SHARD, "")));
        let asked: BTreeSet<String> = of_queries.collect();
        let names = METRICS.iter().flat_map(|metric| std::iter::once(&metric.name).chain(metric.older));
        let names: BTreeSet<String> = names.map(|name| (*name).to_owned()).collect();
        assert_eq!(names, asked);
        assert_eq!(names.len(), METRICS.iter().map(|metric| 1 + metric.older.len()).sum::<usize>(), "each once");
    }

    #[test]
    fn a_name_that_is_not_asked_for_alike_is_no_counter_and_no_value() {
        assert!(DeviceCounter::named("node_disk_read_bytes_total").is_some());
        for name in ["node_disk_read_byte_total", "node_disk_read_bytes_total2", "node_cpu_seconds_total", ""] {
            assert_eq!(DeviceCounter::named(name), None, "{name}");
        }
        let of_instances = METRICS.iter().filter(|metric| matches!(metric.asked, Asked::OfInstances { .. }));
        let places: Vec<_> = of_instances.map(|metric| InstanceValue::named(metric.name).unwrap().place()).collect();
        assert_eq!(places, (0..InstanceValue::COUNT).collect::<Vec<_>>());
        for name in ["container_start_time_second", "container_cpu_usage_seconds_total", ""] {
            assert_eq!(InstanceValue::named(name), None, "{name}");
        }
    }

    #[test]
    fn every_query_is_named_for_a_metric_it_reads() {
        for query in queries::ALL {
            assert!(metric(query.metric).is_some() && query.text().contains(query.metric), "{}", query.name);
        }
    }

    #[test]
    fn what_is_required_is_what_an_hour_is_refused_without() {
        let refused = crate::hour_quality::REQUIRED.iter().map(|query| query.metric);
        assert!(refused.into_iter().all(|name| metric(name).unwrap().need == Required));
    }
}
