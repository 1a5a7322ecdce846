//! Queries of the rules of kubernetes-mixin about containers, where a server records them: as most do that come with
//! kube-prometheus-stack. Their series are of whole containers, whatever instances there were.

use super::query_template::{Fact, Query, Shape};

/// Selector of containers in a rule, which has no image.
macro_rules! containers {
    () => {
        r#"{$shard,container!="",container!="POD"}"#
    };
}

/// Labels of a container; the one that would tell instances apart is read, and not there.
const CONTAINER: &[&str] = &["namespace", "pod", "container", "id"];

/// The greatest CPU of each slot, in cores: of the rates between two scrapes that the rule was evaluated at.
pub const CONTAINER_CPU_PEAK: Query = Query {
    fact: Fact::ContainerCpuPeak,
    name: "container_cpu_peak",
    metric: crate::usage_source::INSTANT_RATE_RULE,
    shard_by: "pod",
    shape: Shape::Slots,
    labels: &["namespace", "pod", "container"],
    promql: concat!(
        "max by (namespace,pod,container) (max_over_time(",
        "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate",
        containers!(),
        "[5m]))"
    ),
};

/// In the place of [`super::CONTAINER_CPU`]: the mean rate of the five minutes before the end of each slot, in cores.
pub const RECORDED_RATE: Query = Query {
    fact: Fact::ContainerRate,
    name: "container_cpu",
    metric: crate::usage_source::RATE_RULE,
    shard_by: "pod",
    shape: Shape::Slots,
    labels: CONTAINER,
    promql: concat!(
        "max by (namespace,pod,container) (last_over_time(",
        "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_rate5m",
        containers!(),
        "[5m]))"
    ),
};

/// In the place of [`super::CONTAINER_CPU`]: the mean over each slot of the rates between two scrapes, in cores.
pub const RECORDED_INSTANT_RATE: Query = Query {
    fact: Fact::ContainerRate,
    name: "container_cpu",
    metric: crate::usage_source::INSTANT_RATE_RULE,
    shard_by: "pod",
    shape: Shape::Slots,
    labels: CONTAINER,
    promql: concat!(
        "max by (namespace,pod,container) (avg_over_time(",
        "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate",
        containers!(),
        "[5m]))"
    ),
};

/// In the place of [`CONTAINER_CPU_PEAK`] where the mean of a slot is over the same rates: of a slot in which one was less
/// than nothing, that one.
pub const INSTANT_RATE_PEAK: Query = Query {
    promql: concat!(
        "min by (namespace,pod,container) (min_over_time(",
        "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate",
        containers!(),
        "[5m]) < 0) or max by (namespace,pod,container) (max_over_time(",
        "node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate",
        containers!(),
        "[5m]))"
    ),
    ..CONTAINER_CPU_PEAK
};

/// Mean working set of each slot of whole containers.
macro_rules! memory_mean {
    ($metric:literal, $containers:expr) => {
        Query {
            fact: Fact::ContainerMemoryMean,
            name: "container_memory_mean",
            metric: $metric,
            shard_by: "pod",
            shape: Shape::Slots,
            labels: CONTAINER,
            promql: concat!("max by (namespace,pod,container) (avg_over_time(", $metric, $containers, "[5m]))"),
        }
    };
}

/// Largest working set of each slot of whole containers, and the smallest where that is nothing or less.
macro_rules! memory_max {
    ($metric:literal, $containers:expr) => {
        Query {
            fact: Fact::ContainerMemoryMax,
            name: "container_memory_max",
            metric: $metric,
            shard_by: "pod",
            shape: Shape::Slots,
            labels: &["namespace", "pod", "container", "id", "low"],
            promql: concat!(
                "label_replace(min by (namespace,pod,container) (min_over_time(",
                $metric,
                $containers,
                "[5m]) <= 0),\"low\",\"1\",\"\",\"\") or max by (namespace,pod,container) (max_over_time(",
                $metric,
                $containers,
                "[5m]))"
            ),
        }
    };
}

/// In the place of [`super::CONTAINER_MEMORY_MEAN`], from the rule.
pub const RECORDED_MEMORY_MEAN: Query =
    memory_mean!("node_namespace_pod_container:container_memory_working_set_bytes", containers!());

/// In the place of [`super::CONTAINER_MEMORY_MAX`], from the rule.
pub const RECORDED_MEMORY_MAX: Query =
    memory_max!("node_namespace_pod_container:container_memory_working_set_bytes", containers!());

/// In the place of [`super::CONTAINER_MEMORY_MEAN`] beside a rule for CPU: of whole containers as that is.
pub const WHOLE_MEMORY_MEAN: Query =
    memory_mean!("container_memory_working_set_bytes", r#"{$shard,container!="",container!="POD",image!=""}"#);

/// In the place of [`super::CONTAINER_MEMORY_MAX`] beside a rule for CPU: of whole containers as that is.
pub const WHOLE_MEMORY_MAX: Query =
    memory_max!("container_memory_working_set_bytes", r#"{$shard,container!="",container!="POD",image!=""}"#);
