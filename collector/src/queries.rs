//! The PromQL the collector sends for each hour, one query a fact, for the whole cluster at once.
//!
//! Two habits run through all of them. `max by (identity)` collapses duplicates: a second kube-state-metrics, an
//! HA pair, two cAdvisor jobs. And facts that hardly change are asked once, over the hour and a little more:
//! the look-ahead is what tells that a pod ended in the last seconds of the hour.

use lake::digest;
use types::window::HOUR_SECONDS;
use types::{Hour, SLOT_SECONDS};

/// How far past the end of the hour facts about lives are read: two scrapes of kube-state-metrics at its usual
/// 60 s. An hour is collected only after it settled for longer than that.
pub const LOOK_AHEAD_SECONDS: i64 = 120;

/// When a query is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Once, [`LOOK_AHEAD_SECONDS`] after the end of the hour.
    Once,
    /// At the end of each of the twelve slots.
    Slots,
    /// At the start of the hour and at the end of each slot: thirteen points, for differences of counters.
    Edges,
}

impl Shape {
    /// First and last moment of evaluation, in seconds since the epoch.
    pub fn bounds(self, hour: Hour) -> (i64, i64) {
        match self {
            Self::Once => {
                let at = hour.end_seconds() + LOOK_AHEAD_SECONDS;
                (at, at)
            }
            Self::Slots => (hour.start_seconds() + SLOT_SECONDS, hour.end_seconds()),
            Self::Edges => (hour.start_seconds(), hour.end_seconds()),
        }
    }
}

/// What a query asks for. The names of the constants below, as values, so that the compiler sees to it that every
/// answer is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is documented at the constant of its name")]
pub enum Fact {
    ContainerCpu,
    ContainerMemoryMean,
    ContainerMemoryMax,
    ContainerStart,
    ContainerResources,
    InitContainers,
    PodInfo,
    PodLastSeen,
    PodTimes,
    PodEnded,
    PodOwner,
    ReplicasetOwner,
    JobOwner,
    PodQos,
    PodOverhead,
    PodClaims,
    NodeInfo,
    NodeLastSeen,
    NodeCreated,
    NodeResources,
    NodeLabels,
    NodeTaints,
    NodeCpu,
    NodeMemory,
    NodeUname,
    NodeDmi,
    ClaimInfo,
    VolumeInfo,
    VolumeCapacity,
    VolumeUsed,
}

/// One question to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// What it asks for.
    pub fact: Fact,
    /// Its name in `quality_hour` and in messages.
    pub name: &'static str,
    /// The metric, for messages about what is missing.
    pub metric: &'static str,
    /// When it is evaluated.
    pub shape: Shape,
    /// The labels read from the answer, in this order.
    pub labels: &'static [&'static str],
    /// The expression.
    pub promql: &'static str,
}

/// What selects real containers: not the pod's own cgroup (`container=""`), not the pause container.
macro_rules! containers {
    () => {
        r#"{container!="",container!="POD",image!=""}"#
    };
}

/// The identity of one container instance; a restart is another `id`.
const INSTANCE: &[&str] = &["namespace", "pod", "container", "id"];

/// Counter values of CPU, in core-seconds, at the edges of the slots.
pub const CONTAINER_CPU: Query = Query {
    fact: Fact::ContainerCpu,
    name: "container_cpu",
    metric: "container_cpu_usage_seconds_total",
    shape: Shape::Edges,
    labels: INSTANCE,
    promql: concat!(
        "max by (namespace,pod,container,id) (last_over_time(container_cpu_usage_seconds_total",
        containers!(),
        "[5m]))"
    ),
};

/// Mean working set of each slot, in bytes.
pub const CONTAINER_MEMORY_MEAN: Query = Query {
    fact: Fact::ContainerMemoryMean,
    name: "container_memory_mean",
    metric: "container_memory_working_set_bytes",
    shape: Shape::Slots,
    labels: INSTANCE,
    promql: concat!(
        "max by (namespace,pod,container,id) (avg_over_time(container_memory_working_set_bytes",
        containers!(),
        "[5m]))"
    ),
};

/// Largest working set of each slot, in bytes.
pub const CONTAINER_MEMORY_MAX: Query = Query {
    fact: Fact::ContainerMemoryMax,
    name: "container_memory_max",
    metric: "container_memory_working_set_bytes",
    shape: Shape::Slots,
    labels: INSTANCE,
    promql: concat!(
        "max by (namespace,pod,container,id) (max_over_time(container_memory_working_set_bytes",
        containers!(),
        "[5m]))"
    ),
};

/// When each container instance started, in seconds since the epoch.
pub const CONTAINER_START: Query = Query {
    fact: Fact::ContainerStart,
    name: "container_start",
    metric: "container_start_time_seconds",
    shape: Shape::Once,
    labels: INSTANCE,
    promql: concat!(
        "max by (namespace,pod,container,id) (last_over_time(container_start_time_seconds",
        containers!(),
        "[62m]))"
    ),
};

/// Requests and limits of containers and init containers, in cores and bytes.
pub const CONTAINER_RESOURCES: Query = Query {
    fact: Fact::ContainerResources,
    name: "container_resources",
    metric: "kube_pod_container_resource_requests",
    shape: Shape::Once,
    labels: &["__name__", "namespace", "pod", "uid", "container", "resource"],
    promql: concat!(
        "max by (__name__,namespace,pod,uid,container,resource) (last_over_time({__name__=~\"",
        "kube_pod_container_resource_requests|kube_pod_container_resource_limits|",
        "kube_pod_init_container_resource_requests|kube_pod_init_container_resource_limits",
        "\",resource=~\"cpu|memory\"}[62m]))"
    ),
};

/// Init containers; `restart_policy` is `Always` for those that keep running beside the others.
pub const INIT_CONTAINERS: Query = Query {
    fact: Fact::InitContainers,
    name: "init_containers",
    metric: "kube_pod_init_container_info",
    shape: Shape::Once,
    labels: &["namespace", "pod", "uid", "container", "restart_policy"],
    promql: "max by (namespace,pod,uid,container,restart_policy) (last_over_time(kube_pod_init_container_info[62m]))",
};

/// Pods bound to a node.
pub const POD_INFO: Query = Query {
    fact: Fact::PodInfo,
    name: "pod_info",
    metric: "kube_pod_info",
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
        "(last_over_time(kube_pod_info{node!=\"\"}[62m]))"
    ),
};

/// When a scrape last saw each pod that is still there after the hour, in seconds since the epoch.
pub const POD_LAST_SEEN: Query = Query {
    fact: Fact::PodLastSeen,
    name: "pod_last_seen",
    metric: "kube_pod_info",
    shape: Shape::Once,
    labels: &["uid"],
    promql: "max by (uid) (timestamp(kube_pod_info{node!=\"\"}))",
};

/// The moments of a pod's life, in seconds since the epoch, and whether it ended at all: kube-state-metrics reports a
/// completion as soon as *any* container of a pod has terminated, be it beside others that run on.
pub const POD_TIMES: Query = Query {
    fact: Fact::PodTimes,
    name: "pod_times",
    metric: "kube_pod_created",
    shape: Shape::Once,
    labels: &["__name__", "uid"],
    promql: concat!(
        "max by (__name__,uid) (last_over_time({__name__=~\"",
        "kube_pod_created|kube_pod_start_time|kube_pod_status_scheduled_time|kube_pod_completion_time|",
        "kube_pod_status_phase\",phase=~\"|Succeeded|Failed\"}[62m]))"
    ),
};

/// Slots in which a pod had ended; such a pod keeps its request series until it is deleted.
pub const POD_ENDED: Query = Query {
    fact: Fact::PodEnded,
    name: "pod_ended",
    metric: "kube_pod_status_phase",
    shape: Shape::Slots,
    labels: &["uid"],
    promql: "max by (uid) (last_over_time(kube_pod_status_phase{phase=~\"Succeeded|Failed\"}[5m]) == 1)",
};

/// The controllers of pods.
pub const POD_OWNER: Query = Query {
    fact: Fact::PodOwner,
    name: "pod_owner",
    metric: "kube_pod_owner",
    shape: Shape::Once,
    labels: &["uid", "owner_kind", "owner_name"],
    promql: concat!(
        "max by (uid,owner_kind,owner_name) ",
        "(last_over_time(kube_pod_owner{owner_is_controller=~\"true|\"}[62m]))"
    ),
};

/// The controllers of replica sets: deployments and rollouts.
pub const REPLICASET_OWNER: Query = Query {
    fact: Fact::ReplicasetOwner,
    name: "replicaset_owner",
    metric: "kube_replicaset_owner",
    shape: Shape::Once,
    labels: &["namespace", "replicaset", "owner_kind", "owner_name"],
    promql: concat!(
        "max by (namespace,replicaset,owner_kind,owner_name) ",
        "(last_over_time(kube_replicaset_owner{owner_kind!~\"|<none>\"}[62m]))"
    ),
};

/// The controllers of jobs: cron jobs.
pub const JOB_OWNER: Query = Query {
    fact: Fact::JobOwner,
    name: "job_owner",
    metric: "kube_job_owner",
    shape: Shape::Once,
    labels: &["namespace", "job_name", "owner_kind", "owner_name"],
    promql: concat!(
        "max by (namespace,job_name,owner_kind,owner_name) ",
        "(last_over_time(kube_job_owner{owner_kind!~\"|<none>\"}[62m]))"
    ),
};

/// The quality of service class of pods.
pub const POD_QOS: Query = Query {
    fact: Fact::PodQos,
    name: "pod_qos",
    metric: "kube_pod_status_qos_class",
    shape: Shape::Once,
    labels: &["uid", "qos_class"],
    promql: "max by (uid,qos_class) (last_over_time(kube_pod_status_qos_class[62m]) == 1)",
};

/// What a pod's sandbox needs beside its containers, in cores and bytes.
pub const POD_OVERHEAD: Query = Query {
    fact: Fact::PodOverhead,
    name: "pod_overhead",
    metric: "kube_pod_overhead_cpu_cores",
    shape: Shape::Once,
    labels: &["__name__", "uid"],
    promql: concat!(
        "max by (__name__,uid) (last_over_time({__name__=~\"",
        "kube_pod_overhead_cpu_cores|kube_pod_overhead_memory_bytes",
        "\"}[62m]))"
    ),
};

/// The claims that pods mount.
pub const POD_CLAIMS: Query = Query {
    fact: Fact::PodClaims,
    name: "pod_claims",
    metric: "kube_pod_spec_volumes_persistentvolumeclaims_info",
    shape: Shape::Once,
    labels: &["namespace", "pod", "uid", "persistentvolumeclaim"],
    promql: concat!(
        "max by (namespace,pod,uid,persistentvolumeclaim) ",
        "(last_over_time(kube_pod_spec_volumes_persistentvolumeclaims_info[62m]))"
    ),
};

/// Nodes.
pub const NODE_INFO: Query = Query {
    fact: Fact::NodeInfo,
    name: "node_info",
    metric: "kube_node_info",
    shape: Shape::Once,
    labels: &["node", "provider_id", "kubelet_version", "os_image", "internal_ip"],
    promql: concat!(
        "max by (node,provider_id,kubelet_version,os_image,internal_ip) ",
        "(last_over_time(kube_node_info[62m]))"
    ),
};

/// When a scrape last saw each node that is still there after the hour, in seconds since the epoch.
pub const NODE_LAST_SEEN: Query = Query {
    fact: Fact::NodeLastSeen,
    name: "node_last_seen",
    metric: "kube_node_info",
    shape: Shape::Once,
    labels: &["node", "provider_id"],
    promql: "max by (node,provider_id) (timestamp(kube_node_info))",
};

/// Which nodes there were, slot by slot: it tells in which slots kube-state-metrics was scraped at all.
pub const NODE_CREATED: Query = Query {
    fact: Fact::NodeCreated,
    name: "node_created",
    metric: "kube_node_created",
    shape: Shape::Slots,
    labels: &["node"],
    promql: "max by (node) (last_over_time(kube_node_created[5m]))",
};

/// Capacity and allocatable of nodes, in cores, bytes and pods, and when each was created, in seconds since the epoch.
/// Over the look-ahead too, so that a node that shows only after the hour is known to be born after it.
pub const NODE_RESOURCES: Query = Query {
    fact: Fact::NodeResources,
    name: "node_resources",
    metric: "kube_node_status_capacity",
    shape: Shape::Once,
    labels: &["__name__", "node", "resource"],
    promql: concat!(
        "max by (__name__,node,resource) (last_over_time({__name__=~\"",
        "kube_node_created|kube_node_status_capacity|kube_node_status_allocatable",
        "\",resource=~\"|cpu|memory|pods|ephemeral_storage\"}[62m]))"
    ),
};

/// The labels of nodes that say what they are, in every spelling known.
pub const NODE_LABELS: Query = Query {
    fact: Fact::NodeLabels,
    name: "node_labels",
    metric: "kube_node_labels",
    shape: Shape::Once,
    labels: &[
        "node",
        "label_node_kubernetes_io_instance_type",
        "label_beta_kubernetes_io_instance_type",
        "label_topology_kubernetes_io_zone",
        "label_failure_domain_beta_kubernetes_io_zone",
        "label_topology_kubernetes_io_region",
        "label_failure_domain_beta_kubernetes_io_region",
        "label_kubernetes_io_arch",
        "label_kubernetes_io_os",
        "label_eks_amazonaws_com_capacity_type",
        "label_eks_amazonaws_com_capacityType",
        "label_karpenter_sh_capacity_type",
        "label_node_lifecycle",
        "label_eks_amazonaws_com_compute_type",
        "label_eks_amazonaws_com_nodegroup",
        "label_karpenter_sh_nodepool",
        "label_karpenter_sh_provisioner_name",
        "label_alpha_eksctl_io_nodegroup_name",
        "label_emp_pf9_io_owned",
    ],
    promql: concat!(
        "max by (node,label_node_kubernetes_io_instance_type,label_beta_kubernetes_io_instance_type,",
        "label_topology_kubernetes_io_zone,label_failure_domain_beta_kubernetes_io_zone,",
        "label_topology_kubernetes_io_region,label_failure_domain_beta_kubernetes_io_region,",
        "label_kubernetes_io_arch,label_kubernetes_io_os,label_eks_amazonaws_com_capacity_type,",
        "label_eks_amazonaws_com_capacityType,label_karpenter_sh_capacity_type,label_node_lifecycle,",
        "label_eks_amazonaws_com_compute_type,label_eks_amazonaws_com_nodegroup,label_karpenter_sh_nodepool,",
        "label_karpenter_sh_provisioner_name,label_alpha_eksctl_io_nodegroup_name,label_emp_pf9_io_owned) ",
        "(last_over_time(kube_node_labels[62m]))"
    ),
};

/// The taints of nodes.
pub const NODE_TAINTS: Query = Query {
    fact: Fact::NodeTaints,
    name: "node_taints",
    metric: "kube_node_spec_taint",
    shape: Shape::Once,
    labels: &["node", "key", "value", "effect"],
    promql: "max by (node,key,value,effect) (last_over_time(kube_node_spec_taint[62m]))",
};

/// Counter values of a node's CPU by mode, in core-seconds. Duplicates collapse before the cores are summed.
pub const NODE_CPU: Query = Query {
    fact: Fact::NodeCpu,
    name: "node_cpu",
    metric: "node_cpu_seconds_total",
    shape: Shape::Edges,
    labels: &["instance", "mode"],
    promql: concat!(
        "sum by (instance,mode) (max by (instance,cpu,mode) ",
        "(last_over_time(node_cpu_seconds_total{mode!~\"idle|iowait\"}[5m])))"
    ),
};

/// A node's memory, in bytes, at the end of each slot.
pub const NODE_MEMORY: Query = Query {
    fact: Fact::NodeMemory,
    name: "node_memory",
    metric: "node_memory_MemTotal_bytes",
    shape: Shape::Slots,
    labels: &["__name__", "instance"],
    promql: concat!(
        "max by (__name__,instance) (last_over_time({__name__=~\"",
        "node_memory_MemTotal_bytes|node_memory_MemAvailable_bytes|node_memory_MemFree_bytes",
        "\"}[5m]))"
    ),
};

/// Which node an instance of node-exporter runs on.
pub const NODE_UNAME: Query = Query {
    fact: Fact::NodeUname,
    name: "node_uname",
    metric: "node_uname_info",
    shape: Shape::Once,
    labels: &["instance", "nodename"],
    promql: "max by (instance,nodename) (last_over_time(node_uname_info[62m]))",
};

/// What the firmware calls the machine: on EC2 the instance type.
pub const NODE_DMI: Query = Query {
    fact: Fact::NodeDmi,
    name: "node_dmi",
    metric: "node_dmi_info",
    shape: Shape::Once,
    labels: &["instance", "product_name"],
    promql: "max by (instance,product_name) (last_over_time(node_dmi_info[62m]))",
};

/// Bound claims, slot by slot.
pub const CLAIM_INFO: Query = Query {
    fact: Fact::ClaimInfo,
    name: "claim_info",
    metric: "kube_persistentvolumeclaim_info",
    shape: Shape::Slots,
    labels: &["namespace", "persistentvolumeclaim", "storageclass", "volumename"],
    promql: concat!(
        "max by (namespace,persistentvolumeclaim,storageclass,volumename) ",
        "(last_over_time(kube_persistentvolumeclaim_info{volumename!=\"\"}[5m]))"
    ),
};

/// Volumes and the EBS volumes behind them.
pub const VOLUME_INFO: Query = Query {
    fact: Fact::VolumeInfo,
    name: "volume_info",
    metric: "kube_persistentvolume_info",
    shape: Shape::Once,
    labels: &["persistentvolume", "storageclass", "csi_driver", "csi_volume_handle", "ebs_volume_id"],
    promql: concat!(
        "max by (persistentvolume,storageclass,csi_driver,csi_volume_handle,ebs_volume_id) ",
        "(last_over_time(kube_persistentvolume_info[62m]))"
    ),
};

/// Capacity of volumes, in bytes.
pub const VOLUME_CAPACITY: Query = Query {
    fact: Fact::VolumeCapacity,
    name: "volume_capacity",
    metric: "kube_persistentvolume_capacity_bytes",
    shape: Shape::Once,
    labels: &["persistentvolume"],
    promql: "max by (persistentvolume) (last_over_time(kube_persistentvolume_capacity_bytes[62m]))",
};

/// Most bytes used of each claim, slot by slot.
pub const VOLUME_USED: Query = Query {
    fact: Fact::VolumeUsed,
    name: "volume_used",
    metric: "kubelet_volume_stats_used_bytes",
    shape: Shape::Slots,
    labels: &["namespace", "persistentvolumeclaim"],
    promql: "max by (namespace,persistentvolumeclaim) (max_over_time(kubelet_volume_stats_used_bytes[5m]))",
};

/// Every query of an hour, in the order they are sent: first those that tell whether the server has the hour at all.
pub const ALL: [Query; 30] = [
    NODE_CREATED,
    CONTAINER_CPU,
    POD_INFO,
    NODE_INFO,
    CONTAINER_MEMORY_MEAN,
    CONTAINER_MEMORY_MAX,
    CONTAINER_START,
    CONTAINER_RESOURCES,
    INIT_CONTAINERS,
    POD_LAST_SEEN,
    POD_TIMES,
    POD_ENDED,
    POD_OWNER,
    REPLICASET_OWNER,
    JOB_OWNER,
    POD_QOS,
    POD_OVERHEAD,
    POD_CLAIMS,
    NODE_LAST_SEEN,
    NODE_RESOURCES,
    NODE_LABELS,
    NODE_TAINTS,
    NODE_CPU,
    NODE_MEMORY,
    NODE_UNAME,
    NODE_DMI,
    CLAIM_INFO,
    VOLUME_INFO,
    VOLUME_CAPACITY,
    VOLUME_USED,
];

/// How many of the first of [`ALL`] decide whether the others are sent.
pub const DECISIVE: usize = 2;

/// The clusters a server holds, by the label that servers for several clusters put on everything.
pub const CLUSTERS: &str = "count by (cluster) (last_over_time(kube_node_info[62m]))";

/// Pods whose own labels the server renamed, because it scrapes kube-state-metrics without `honor_labels`.
pub const RENAMED: &str = "count(last_over_time(kube_pod_info{exported_pod!=\"\"}[62m]))";

/// All samples of the named pods over the hour and the look-ahead: asked for pods that vanished, to learn when
/// they were last seen.
pub fn pods_seen(uids: &[&str]) -> String {
    format!("kube_pod_info{{node!=\"\",uid=~\"{}\"}}[62m]", alternatives(uids))
}

/// All samples of the named nodes over the hour and the look-ahead.
pub fn nodes_seen(nodes: &[&str]) -> String {
    format!("kube_node_info{{node=~\"{}\"}}[62m]", alternatives(nodes))
}

/// A regular expression that matches exactly the given names, inside a PromQL string.
fn alternatives(names: &[&str]) -> String {
    let mut pattern = String::new();
    for (n, name) in names.iter().enumerate() {
        if n > 0 {
            pattern.push('|');
        }
        for c in name.chars() {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => pattern.push(c),
                '"' => pattern.push_str("\\\""),
                '\\' => pattern.push_str("\\\\\\\\"),
                '\n' => pattern.push_str("\\n"),
                _ => {
                    pattern.push_str("\\\\");
                    pattern.push(c);
                }
            }
        }
    }
    pattern
}

/// A short hash of everything asked, recorded with each hour: hours of different hashes were asked differently.
pub fn query_set() -> String {
    let mut text = format!("look-ahead {LOOK_AHEAD_SECONDS} hour {HOUR_SECONDS} slot {SLOT_SECONDS}\n");
    for query in &ALL {
        text.push_str(query.name);
        text.push(' ');
        text.push_str(query.promql);
        text.push('\n');
    }
    digest(text.as_bytes()).chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_read_is_a_label_grouped_by() {
        for query in ALL {
            for label in query.labels {
                assert!(query.promql.contains(label), "{}: {label}", query.name);
            }
        }
    }

    #[test]
    fn an_hour_takes_at_most_thirty_queries_with_distinct_names() {
        let mut names: Vec<_> = ALL.iter().map(|q| q.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        assert!(names.len() <= 30);
    }

    #[test]
    fn grids_lie_on_the_slots_of_the_hour() {
        let hour = Hour::starting_at(7200).unwrap();
        assert_eq!(Shape::Edges.bounds(hour), (7200, 10800));
        assert_eq!(Shape::Slots.bounds(hour), (7500, 10800));
        assert_eq!(Shape::Once.bounds(hour), (10920, 10920));
    }

    #[test]
    fn names_in_a_pattern_match_only_themselves() {
        assert_eq!(alternatives(&["ip-10-0-0-1.ec2.internal", "b"]), r"ip-10-0-0-1\\.ec2\\.internal|b");
        assert_eq!(alternatives(&["a\"} or x"]), r#"a\"\\}\\ or\\ x"#);
    }
}
