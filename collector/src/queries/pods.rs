//! What kube-state-metrics says of pods and of who owns them.

use super::{Fact, Query, Shape};

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

/// The moments of a pod's life, in seconds since the epoch, and whether it ended at all: kube-state-metrics reports a
/// completion as soon as *any* container of a pod has terminated, be it beside others that run on.
pub const POD_TIMES: Query = Query {
    fact: Fact::PodTimes,
    name: "pod_times",
    metric: "kube_pod_created",
    shard_by: "uid",
    shape: Shape::Once,
    labels: &["__name__", "uid"],
    promql: concat!(
        "max by (__name__,uid) (last_over_time({$shard,__name__=~\"",
        "kube_pod_created|kube_pod_start_time|kube_pod_status_scheduled_time|kube_pod_completion_time|",
        "kube_pod_status_phase\",phase=~\"|Succeeded|Failed\"}[62m]))"
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

/// The controllers of pods.
pub const POD_OWNER: Query = Query {
    fact: Fact::PodOwner,
    name: "pod_owner",
    metric: "kube_pod_owner",
    shard_by: "uid",
    shape: Shape::Once,
    labels: &["uid", "owner_kind", "owner_name"],
    promql: concat!(
        "max by (uid,owner_kind,owner_name) ",
        "(last_over_time(kube_pod_owner{$shard,owner_is_controller=~\"true|\"}[62m]))"
    ),
};

/// The controllers of replica sets: deployments and rollouts.
pub const REPLICASET_OWNER: Query = Query {
    fact: Fact::ReplicasetOwner,
    name: "replicaset_owner",
    metric: "kube_replicaset_owner",
    shard_by: "replicaset",
    shape: Shape::Once,
    labels: &["namespace", "replicaset", "owner_kind", "owner_name"],
    promql: concat!(
        "max by (namespace,replicaset,owner_kind,owner_name) ",
        "(last_over_time(kube_replicaset_owner{$shard,owner_kind!~\"|<none>\"}[62m]))"
    ),
};

/// The controllers of jobs: cron jobs.
pub const JOB_OWNER: Query = Query {
    fact: Fact::JobOwner,
    name: "job_owner",
    metric: "kube_job_owner",
    shard_by: "job_name",
    shape: Shape::Once,
    labels: &["namespace", "job_name", "owner_kind", "owner_name"],
    promql: concat!(
        "max by (namespace,job_name,owner_kind,owner_name) ",
        "(last_over_time(kube_job_owner{$shard,owner_kind!~\"|<none>\"}[62m]))"
    ),
};

/// The quality of service class of pods.
pub const POD_QOS: Query = Query {
    fact: Fact::PodQos,
    name: "pod_qos",
    metric: "kube_pod_status_qos_class",
    shard_by: "uid",
    shape: Shape::Once,
    labels: &["uid", "qos_class"],
    promql: "max by (uid,qos_class) (last_over_time(kube_pod_status_qos_class{$shard,}[62m]) == 1)",
};

/// What a pod's sandbox needs beside its containers, in cores and bytes.
pub const POD_OVERHEAD: Query = Query {
    fact: Fact::PodOverhead,
    name: "pod_overhead",
    metric: "kube_pod_overhead_cpu_cores",
    shard_by: "uid",
    shape: Shape::Once,
    labels: &["__name__", "uid"],
    promql: concat!(
        "max by (__name__,uid) (last_over_time({$shard,__name__=~\"",
        "kube_pod_overhead_cpu_cores|kube_pod_overhead_memory_bytes",
        "\"}[62m]))"
    ),
};

/// The claims that pods mount.
pub const POD_CLAIMS: Query = Query {
    fact: Fact::PodClaims,
    name: "pod_claims",
    metric: "kube_pod_spec_volumes_persistentvolumeclaims_info",
    shard_by: "uid",
    shape: Shape::Once,
    labels: &["namespace", "pod", "uid", "persistentvolumeclaim"],
    promql: concat!(
        "max by (namespace,pod,uid,persistentvolumeclaim) ",
        "(last_over_time(kube_pod_spec_volumes_persistentvolumeclaims_info{$shard,}[62m]))"
    ),
};
