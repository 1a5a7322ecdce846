//! Queries of cAdvisor about containers, and of kube-state-metrics about their requests and limits.

use super::query_template::{Fact, Query, Shape, one_cpu};

/// Selector of real containers: not the pod's own cgroup (`container=""`), not the pause container.
macro_rules! containers {
    () => {
        r#"{$shard,container!="",container!="POD",image!=""}"#
    };
}

/// The identity of one container instance; a restart is another `id`.
const INSTANCE: &[&str] = &["namespace", "pod", "container", "id"];

/// Counter values of CPU, in core-seconds, at the edges of the slots.
pub const CONTAINER_CPU: Query = Query {
    fact: Fact::ContainerCpu,
    name: "container_cpu",
    metric: "container_cpu_usage_seconds_total",
    shard_by: "pod",
    shape: Shape::Edges,
    labels: INSTANCE,
    promql: concat!(
        "max by (namespace,pod,container,id) (last_over_time(container_cpu_usage_seconds_total",
        containers!(),
        "[5m]))"
    ),
};

/// Pattern of the parts of [`CONTAINER_CPU`] in a selector, for the probe.
pub const ONE_CPU: &str = one_cpu!();

/// In the place of [`CONTAINER_CPU`] where cAdvisor has a series for each processor: the total where there is one, else
/// the sum of the parts.
pub const CONTAINER_CPU_PARTS: Query = Query {
    promql: concat!(
        "max by (namespace,pod,container,id) (last_over_time(container_cpu_usage_seconds_total",
        "{$shard,container!=\"\",container!=\"POD\",image!=\"\",cpu!~\"",
        one_cpu!(),
        "\"}[5m])) or sum by (namespace,pod,container,id) (max by (namespace,pod,container,id,cpu) ",
        "(last_over_time(container_cpu_usage_seconds_total",
        "{$shard,container!=\"\",container!=\"POD\",image!=\"\",cpu=~\"",
        one_cpu!(),
        "\"}[5m])))"
    ),
    ..CONTAINER_CPU
};

/// Mean working set of each slot, in bytes.
pub const CONTAINER_MEMORY_MEAN: Query = Query {
    fact: Fact::ContainerMemoryMean,
    name: "container_memory_mean",
    metric: "container_memory_working_set_bytes",
    shard_by: "pod",
    shape: Shape::Slots,
    labels: INSTANCE,
    promql: concat!(
        "max by (namespace,pod,container,id) (avg_over_time(container_memory_working_set_bytes",
        containers!(),
        "[5m]))"
    ),
};

/// Largest working set of each slot, in bytes; and, as a series with the label `low`, the smallest of each slot in which
/// a scrape saw nothing or less than nothing: one such sample hardly shows in a mean.
pub const CONTAINER_MEMORY_MAX: Query = Query {
    fact: Fact::ContainerMemoryMax,
    name: "container_memory_max",
    metric: "container_memory_working_set_bytes",
    shard_by: "pod",
    shape: Shape::Slots,
    labels: &["namespace", "pod", "container", "id", "low"],
    promql: concat!(
        "label_replace(min by (namespace,pod,container,id) (min_over_time(container_memory_working_set_bytes",
        containers!(),
        "[5m]) <= 0),\"low\",\"1\",\"\",\"\") or ",
        "max by (namespace,pod,container,id) (max_over_time(container_memory_working_set_bytes",
        containers!(),
        "[5m]))"
    ),
};

/// When each container instance started, in seconds since the epoch; and whatever else the catalogue says is asked of
/// instances once an hour.
pub const CONTAINER_START: Query = Query {
    fact: Fact::ContainerStart,
    name: "container_start",
    metric: "container_start_time_seconds",
    shard_by: "pod",
    shape: Shape::Once,
    labels: INSTANCE,
    promql: concat!("max by (namespace,pod,container,id) ($function($metric", containers!(), "$span))"),
};

/// Requests and limits of containers and init containers, in cores, bytes and pieces, in the names of
/// kube-state-metrics 2 and of 1; and which containers are init containers, `restart_policy` being `Always` for those
/// that keep running beside the others. Slot by slot, since they change when a pod is resized.
pub const CONTAINER_RESOURCES: Query = Query {
    fact: Fact::ContainerResources,
    name: "container_resources",
    metric: "kube_pod_container_resource_requests",
    shard_by: "uid",
    shape: Shape::SlotsAndNext,
    labels: &["__name__", "namespace", "pod", "uid", "container", "resource", "restart_policy"],
    promql: concat!(
        "max by (__name__,namespace,pod,uid,container,resource,restart_policy) (last_over_time({$shard,__name__=~\"",
        "kube_pod_container_resource_requests|kube_pod_container_resource_limits|",
        "kube_pod_init_container_resource_requests|kube_pod_init_container_resource_limits|",
        "kube_pod_container_resource_requests_cpu_cores|kube_pod_container_resource_requests_memory_bytes|",
        "kube_pod_container_resource_limits_cpu_cores|kube_pod_container_resource_limits_memory_bytes|",
        "kube_pod_init_container_info",
        "\"}[5m]))"
    ),
};
