//! What kube-state-metrics and node-exporter say of nodes.

use super::{Fact, Query, Shape};

/// Nodes.
pub const NODE_INFO: Query = Query {
    fact: Fact::NodeInfo,
    name: "node_info",
    metric: "kube_node_info",
    shard_by: "node",
    shape: Shape::Once,
    labels: &["node", "provider_id", "kubelet_version", "os_image", "internal_ip"],
    promql: concat!(
        "max by (node,provider_id,kubelet_version,os_image,internal_ip) ",
        "(last_over_time(kube_node_info{$shard,}[62m]))"
    ),
};

/// When a scrape last saw each node that is still there after the hour, in seconds since the epoch.
pub const NODE_LAST_SEEN: Query = Query {
    fact: Fact::NodeLastSeen,
    name: "node_last_seen",
    metric: "kube_node_info",
    shard_by: "node",
    shape: Shape::Once,
    labels: &["node", "provider_id"],
    promql: "max by (node,provider_id) (timestamp(kube_node_info{$shard,}))",
};

/// Which nodes there were, slot by slot: it tells in which slots kube-state-metrics was scraped at all.
pub const NODE_CREATED: Query = Query {
    fact: Fact::NodeCreated,
    name: "node_created",
    metric: "kube_node_created",
    shard_by: "node",
    shape: Shape::Slots,
    labels: &["node"],
    promql: "max by (node) (last_over_time(kube_node_created{$shard,}[5m]))",
};

/// Capacity and allocatable of nodes, in cores, bytes and pods, and when each was created, in seconds since the epoch.
/// Over the look-ahead too, so that a node that shows only after the hour is known to be born after it.
pub const NODE_RESOURCES: Query = Query {
    fact: Fact::NodeResources,
    name: "node_resources",
    metric: "kube_node_status_capacity",
    shard_by: "node",
    shape: Shape::Once,
    labels: &["__name__", "node", "resource"],
    promql: concat!(
        "max by (__name__,node,resource) (last_over_time({$shard,__name__=~\"",
        "kube_node_created|kube_node_status_capacity|kube_node_status_allocatable|",
        // kube-state-metrics 1.
        "kube_node_status_capacity_cpu_cores|kube_node_status_allocatable_cpu_cores|",
        "kube_node_status_capacity_memory_bytes|kube_node_status_allocatable_memory_bytes|",
        "kube_node_status_capacity_pods|kube_node_status_allocatable_pods",
        "\",resource=~\"|cpu|memory|pods|ephemeral_storage\"}[62m]))"
    ),
};

/// The labels of nodes that say what they are, in every spelling known.
pub const NODE_LABELS: Query = Query {
    fact: Fact::NodeLabels,
    name: "node_labels",
    metric: "kube_node_labels",
    shard_by: "node",
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
        "(last_over_time(kube_node_labels{$shard,}[62m]))"
    ),
};

/// The taints of nodes.
pub const NODE_TAINTS: Query = Query {
    fact: Fact::NodeTaints,
    name: "node_taints",
    metric: "kube_node_spec_taint",
    shard_by: "node",
    shape: Shape::Once,
    labels: &["node", "key", "value", "effect"],
    promql: "max by (node,key,value,effect) (last_over_time(kube_node_spec_taint{$shard,}[62m]))",
};

/// Counter values of a node's CPU by mode, in core-seconds. Duplicates collapse before the cores are summed.
pub const NODE_CPU: Query = Query {
    fact: Fact::NodeCpu,
    name: "node_cpu",
    metric: "node_cpu_seconds_total",
    shard_by: "instance",
    shape: Shape::Edges,
    labels: &["instance", "mode"],
    promql: concat!(
        "sum by (instance,mode) (max by (instance,cpu,mode) ",
        "(last_over_time(node_cpu_seconds_total{$shard,mode!~\"idle|iowait\"}[5m])))"
    ),
};

/// A node's memory, in bytes, at the end of each slot.
pub const NODE_MEMORY: Query = Query {
    fact: Fact::NodeMemory,
    name: "node_memory",
    metric: "node_memory_MemTotal_bytes",
    shard_by: "instance",
    shape: Shape::Slots,
    labels: &["__name__", "instance"],
    promql: concat!(
        "max by (__name__,instance) (last_over_time({$shard,__name__=~\"",
        "node_memory_MemTotal_bytes|node_memory_MemAvailable_bytes|node_memory_MemFree_bytes",
        "\"}[5m]))"
    ),
};

/// Which node an instance of node-exporter runs on.
pub const NODE_UNAME: Query = Query {
    fact: Fact::NodeUname,
    name: "node_uname",
    metric: "node_uname_info",
    shard_by: "instance",
    shape: Shape::Once,
    labels: &["instance", "nodename"],
    promql: "max by (instance,nodename) (last_over_time(node_uname_info{$shard,}[62m]))",
};

/// What the firmware calls the machine: on EC2 the instance type.
pub const NODE_DMI: Query = Query {
    fact: Fact::NodeDmi,
    name: "node_dmi",
    metric: "node_dmi_info",
    shard_by: "instance",
    shape: Shape::Once,
    labels: &["instance", "product_name"],
    promql: "max by (instance,product_name) (last_over_time(node_dmi_info{$shard,}[62m]))",
};
