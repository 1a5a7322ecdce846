//! Queries about scrapes of the exporters, and duplicates.

use super::query_template::{Fact, Query, Shape};

/// Scrapes of each target in each slot that brought samples, counted on a metric of which an exporter has few series.
pub const EXPORTERS: Query = Query {
    fact: Fact::Exporters,
    name: "exporters",
    metric: "kube_node_created",
    shard_by: "instance",
    shape: Shape::Slots,
    labels: &["exporter", "instance"],
    promql: concat!(
        "label_replace(max by (instance) (count_over_time(kube_node_created{$shard,}[5m])),",
        "\"exporter\",\"kube-state-metrics\",\"\",\"\") or ",
        "label_replace(max by (instance) (count_over_time(machine_memory_bytes{$shard,}[5m])),",
        "\"exporter\",\"cadvisor\",\"\",\"\") or ",
        "label_replace(max by (instance) (count_over_time(node_memory_MemTotal_bytes{$shard,}[5m])),",
        "\"exporter\",\"node-exporter\",\"\",\"\")"
    ),
};

/// Series beyond one for each identity, after the hour: `max by` hides those that are equal. Named by the query whose
/// answer they are hidden in. And how many tolerations there are, and whether kube-state-metrics lists autoscalers
/// (where its own metrics are scraped too), which tell "none" from "not exposed".
pub const DUPLICATES: Query = Query {
    fact: Fact::Duplicates,
    name: "duplicates",
    metric: "kube_pod_info",
    shard_by: "pod",
    shape: Shape::Once,
    labels: &["query"],
    promql: concat!(
        "label_replace(count(kube_pod_info{$shard,}) - count(max by (namespace,pod,uid) (kube_pod_info{$shard,})),",
        "\"query\",\"pod_info\",\"\",\"\") or ",
        "label_replace(count(container_cpu_usage_seconds_total{$shard,container!=\"\",container!=\"POD\",image!=\"\"}) - ",
        "count(max by (namespace,pod,container,id,cpu) ",
        "(container_cpu_usage_seconds_total{$shard,container!=\"\",container!=\"POD\",image!=\"\"})),",
        "\"query\",\"container_cpu\",\"\",\"\") or ",
        "label_replace(count(kube_pod_container_resource_requests{$shard,}) - ",
        "count(max by (namespace,pod,uid,container,resource) (kube_pod_container_resource_requests{$shard,})),",
        "\"query\",\"container_resources\",\"\",\"\") or ",
        "label_replace(count(kube_pod_tolerations{$shard,}),\"query\",\"kube_pod_tolerations\",\"\",\"\") or ",
        "label_replace(count(kube_state_metrics_list_total{$shard,result=\"success\",",
        "resource=~\".*HorizontalPodAutoscaler\"}),\"query\",\"autoscalers_listed\",\"\",\"\")"
    ),
};
