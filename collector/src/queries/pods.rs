//! Queries of kube-state-metrics about pods and their owners.

use super::query_template::{Fact, Query, Shape};

/// Pods bound to a node.
pub const POD_INFO: Query = Query {
    fact: Fact::PodInfo,
    name: "pod_info",
    metric: "kube_pod_info",
    shard_by: "uid",
    shape: Shape::Once,
    labels: &[
        "namespace",
        "pod",
        "uid",
        "node",
        "created_by_kind",
        "created_by_name",
        "priority_class",
        "host_network",
    ],
    promql: concat!(
        "max by (namespace,pod,uid,node,created_by_kind,created_by_name,priority_class,host_network) ",
        "(last_over_time(kube_pod_info{$shard,node!=\"\"}[62m]))"
    ),
};

/// When a scrape last saw each pod that is still there after the hour, in seconds since the epoch.
pub const POD_LAST_SEEN: Query = Query {
    fact: Fact::PodLastSeen,
    name: "pod_last_seen",
    metric: "kube_pod_info",
    shard_by: "uid",
    shape: Shape::Once,
    labels: &["uid"],
    promql: "max by (uid) (timestamp(kube_pod_info{$shard,node!=\"\"}))",
};

/// The moments of a pod's life, in seconds since the epoch; whether it ended at all, since kube-state-metrics reports a
/// completion as soon as *any* container of a pod has terminated, be it beside others that run on; its class; and what
/// its sandbox needs beside its containers, in cores and bytes. What does not hold has the value 0, and stays there.
pub const POD_FACTS: Query = Query {
    fact: Fact::PodFacts,
    name: "pod_facts",
    metric: "kube_pod_created",
    shard_by: "uid",
    shape: Shape::Once,
    labels: &["__name__", "uid", "qos_class"],
    promql: concat!(
        "max by (__name__,uid,qos_class) (last_over_time({$shard,__name__=~\"",
        "kube_pod_created|kube_pod_start_time|kube_pod_status_scheduled_time|kube_pod_status_initialized_time|",
        "kube_pod_completion_time|",
        "kube_pod_status_phase|kube_pod_status_qos_class|kube_pod_overhead_cpu_cores|kube_pod_overhead_memory_bytes",
        "\",phase=~\"|Succeeded|Failed\"}[62m])) > 0"
    ),
};

/// Slots in which a pod had ended; such a pod keeps its request series until it is deleted.
pub const POD_ENDED: Query = Query {
    fact: Fact::PodEnded,
    name: "pod_ended",
    metric: "kube_pod_status_phase",
    shard_by: "uid",
    shape: Shape::Slots,
    labels: &["uid"],
    promql: "max by (uid) (last_over_time(kube_pod_status_phase{$shard,phase=~\"Succeeded|Failed\"}[5m]) == 1)",
};

/// The controllers of pods, the claims they mount, their labels, what they tolerate, and what Fargate provisioned for one,
/// and with it for the node it has to itself, where kube-state-metrics is allowed to show the annotation
/// `CapacityProvisioned`. The labels that are asked for are added to those grouped by. Without the tolerations that every
/// pod gets.
pub const POD_SPEC: Query = Query {
    fact: Fact::PodSpec,
    name: "pod_spec",
    metric: "kube_pod_owner",
    shard_by: "uid",
    shape: Shape::Once,
    labels: &[
        "__name__",
        "uid",
        "owner_kind",
        "owner_name",
        "persistentvolumeclaim",
        "key",
        "operator",
        "value",
        "effect",
        "annotation_capacity_provisioned",
    ],
    promql: concat!(
        "max by (__name__,uid,owner_kind,owner_name,persistentvolumeclaim,key,operator,value,effect,",
        "annotation_capacity_provisioned) ",
        "(last_over_time({$shard,__name__=~\"kube_pod_owner|kube_pod_spec_volumes_persistentvolumeclaims_info|",
        "kube_pod_labels|kube_pod_tolerations|kube_pod_annotations\",owner_is_controller=~\"true|\",",
        "key!~\"node.kubernetes.io/(not-ready|unreachable)\"}[62m]))"
    ),
};

/// The node selectors of pods. Their keys are in the names of labels, so nothing can be grouped by.
pub const POD_NODE_SELECTOR: Query = Query {
    fact: Fact::PodNodeSelector,
    name: "pod_node_selector",
    metric: "kube_pod_nodeselectors",
    shard_by: "uid",
    shape: Shape::Once,
    labels: &["uid", "nodeselector_*"],
    promql: "last_over_time(kube_pod_nodeselectors{$shard,}[62m])",
};

/// The controllers of replica sets (deployments, rollouts) and of jobs (cron jobs), without owners that only track them, and
/// what autoscalers drive.
pub const OWNERS: Query = Query {
    fact: Fact::Owners,
    name: "owners",
    metric: "kube_replicaset_owner",
    shard_by: "namespace",
    shape: Shape::Once,
    labels: &[
        "__name__",
        "namespace",
        "replicaset",
        "job_name",
        "owner_kind",
        "owner_name",
        "scaletargetref_kind",
        "scaletargetref_name",
    ],
    promql: concat!(
        "max by (__name__,namespace,replicaset,job_name,owner_kind,owner_name,scaletargetref_kind,",
        "scaletargetref_name) (last_over_time({$shard,__name__=~\"kube_replicaset_owner|kube_job_owner|",
        "kube_horizontalpodautoscaler_info\",owner_kind!=\"<none>\",owner_is_controller=~\"true|\"}[62m]))"
    ),
};
