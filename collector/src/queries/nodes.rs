//! Queries of kube-state-metrics and node-exporter about nodes.

use super::query_template::{Fact, Query, Shape, one_cpu};

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

/// Capacity and allocatable of nodes, in cores, bytes (of huge pages too), pods and pieces (GPUs), and when each was created, in seconds since the epoch.
/// Slot by slot, since they may change, and beyond the hour too, so that a node that shows only after it is known to be born
/// after it.
pub const NODE_RESOURCES: Query = Query {
    fact: Fact::NodeResources,
    name: "node_resources",
    metric: "kube_node_status_capacity",
    shard_by: "node",
    shape: Shape::SlotsAndNext,
    labels: &["__name__", "node", "resource"],
    promql: concat!(
        "max by (__name__,node,resource) (last_over_time({$shard,__name__=~\"",
        "kube_node_created|kube_node_status_capacity|kube_node_status_allocatable|",
        // kube-state-metrics 1.
        "kube_node_status_capacity_cpu_cores|kube_node_status_allocatable_cpu_cores|",
        "kube_node_status_capacity_memory_bytes|kube_node_status_allocatable_memory_bytes|",
        "kube_node_status_capacity_pods|kube_node_status_allocatable_pods",
        "\",resource!~\"attachable_volumes_.*\"}[5m]))"
    ),
};

/// The query for labels and taints of nodes, and their addresses but those within the VPC. Two label keys that kube-state-metrics would spell alike get `_conflict1`
/// and `_conflict2` behind their names.
macro_rules! node_labels {
    ($($label:literal),+ $(,)?) => {
        Query {
            fact: Fact::NodeLabels,
            name: "node_labels",
            metric: "kube_node_labels",
            shard_by: "node",
            shape: Shape::Once,
            labels: &[
                "__name__", "node", "key", "value", "effect", "type", "address",
                $(concat!("label_", $label), concat!("label_", $label, "_conflict1"), concat!("label_", $label, "_conflict2")),+
            ],
            promql: concat!(
                "max by (__name__,node,key,value,effect,type,address",
                $(",label_", $label, ",label_", $label, "_conflict1,label_", $label, "_conflict2",)+
                ") (last_over_time({$shard,__name__=~\"kube_node_labels|kube_node_spec_taint|kube_node_status_addresses\",",
                // Every node has a name among its addresses, which tells that they are shown.
                "type=~\"ExternalIP|Hostname|\"}[62m]))"
            ),
        }
    };
}

/// The labels of nodes that say what they are, in every spelling known, their taints, names and public addresses.
pub const NODE_LABELS: Query = node_labels!(
    "node_kubernetes_io_instance_type",
    "beta_kubernetes_io_instance_type",
    "karpenter_k8s_aws_instance_family",
    "karpenter_k8s_aws_instance_size",
    "eks_amazonaws_com_instance_family",
    "eks_amazonaws_com_instance_size",
    "topology_kubernetes_io_zone",
    "failure_domain_beta_kubernetes_io_zone",
    "topology_kubernetes_io_region",
    "failure_domain_beta_kubernetes_io_region",
    "kubernetes_io_arch",
    "beta_kubernetes_io_arch",
    "kubernetes_io_os",
    "beta_kubernetes_io_os",
    "eks_amazonaws_com_capacity_type",
    "eks_amazonaws_com_capacityType",
    "karpenter_sh_capacity_type",
    "node_lifecycle",
    "lifecycle",
    "kubernetes_io_lifecycle",
    "node_kubernetes_io_lifecycle",
    "spotinst_io_node_lifecycle",
    "node_role_kubernetes_io_spot_worker",
    "eks_amazonaws_com_compute_type",
    "eks_amazonaws_com_nodegroup",
    "karpenter_sh_nodepool",
    "karpenter_sh_provisioner_name",
    "alpha_eksctl_io_nodegroup_name",
    "kops_k8s_io_instancegroup",
    "emp_pf9_io_owned",
    "topology_ebs_csi_aws_com_outpost_id",
);

/// Counter values of a node's CPU by mode, in core-seconds: the sum of the cores where there is a series for each, be there
/// one of them together beside, else that one. Duplicates collapse before the cores are summed. The label of the node tells
/// exporters apart where the server gave all the same instance.
pub const NODE_CPU: Query = Query {
    fact: Fact::NodeCpu,
    name: "node_cpu",
    metric: "node_cpu_seconds_total",
    shard_by: "instance",
    shape: Shape::Edges,
    labels: &["instance", "mode", "node"],
    promql: concat!(
        "sum by (instance,mode,node) (max by (instance,cpu,mode,node) (last_over_time(node_cpu_seconds_total",
        "{$shard,mode!~\"idle|iowait\",cpu=~\"",
        one_cpu!(),
        "\"}[5m]))) or max by (instance,mode,node) (last_over_time(node_cpu_seconds_total",
        "{$shard,mode!~\"idle|iowait\",cpu!~\"",
        one_cpu!(),
        "\"}[5m]))"
    ),
};

/// A node's memory, in bytes, at the end of each slot.
pub const NODE_MEMORY: Query = Query {
    fact: Fact::NodeMemory,
    name: "node_memory",
    metric: "node_memory_MemTotal_bytes",
    shard_by: "instance",
    shape: Shape::Slots,
    labels: &["__name__", "instance", "node"],
    promql: concat!(
        "max by (__name__,instance,node) (last_over_time({$shard,__name__=~\"",
        "node_memory_MemTotal_bytes|node_memory_MemAvailable_bytes|node_memory_MemFree_bytes",
        "\"}[5m]))"
    ),
};

/// Bytes through the physical network interfaces and block devices of a node, by the counters of the catalogue. Virtual ones
/// repeat what the physical ones carry (`lo`, `veth*`, `eni*`, `cni*`, `docker*`, `dm-*`, `md*`), and partitions what their
/// disk does.
pub const NODE_IO: Query = Query {
    fact: Fact::NodeIo,
    name: "node_io",
    metric: "node_network_receive_bytes_total",
    shard_by: "instance",
    shape: Shape::Edges,
    labels: &["__name__", "instance", "device", "node"],
    promql: concat!(
        "max by (__name__,instance,device,node) (last_over_time({$shard,__name__=~\"$counters\",",
        "device=~\"eth[0-9]+|ens[0-9]+|eno[0-9]+|enp[0-9]+s[0-9]+(f[0-9]+)?|enX[0-9]+|",
        "nvme[0-9]+n[0-9]+|xvd[a-z]+|sd[a-z]+|vd[a-z]+\"}[5m]))"
    ),
};

/// Which node an instance of node-exporter runs on, what the firmware calls the machine (on EC2 its instance type), and
/// when it was booted, in seconds since the epoch: counters that fall without that did not begin anew.
pub const NODE_EXPORTERS: Query = Query {
    fact: Fact::NodeExporters,
    name: "node_exporters",
    metric: "node_uname_info",
    shard_by: "instance",
    shape: Shape::Once,
    labels: &["instance", "nodename", "product_name", "node", "kubernetes_node", "__name__"],
    promql: concat!(
        "max by (instance,nodename,product_name,node,kubernetes_node,__name__) ",
        "(last_over_time({$shard,__name__=~\"node_uname_info|node_dmi_info|node_boot_time_seconds\"}[62m]))"
    ),
};
