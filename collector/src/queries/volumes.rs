//! Persistent volume claims, the volumes behind them, and how full they are.

use super::query_template::{Fact, Query, Shape};

/// Bound claims, slot by slot, around the hour too: one that is there before and after was there meanwhile.
pub const CLAIM_INFO: Query = Query {
    fact: Fact::ClaimInfo,
    name: "claim_info",
    metric: "kube_persistentvolumeclaim_info",
    shard_by: "persistentvolumeclaim",
    shape: Shape::Around,
    labels: &["namespace", "persistentvolumeclaim", "storageclass", "volumename"],
    promql: concat!(
        "max by (namespace,persistentvolumeclaim,storageclass,volumename) ",
        "(last_over_time(kube_persistentvolumeclaim_info{$shard,volumename!=\"\"}[5m]))"
    ),
};

/// Volumes, what is behind them (a volume of a CSI driver, or of a driver that is part of Kubernetes), their capacity in
/// bytes, and their zone where kube-state-metrics is allowed to show the labels of volumes. Slot by slot, since a volume may
/// grow, and around the hour as their claims are.
pub const VOLUME_INFO: Query = Query {
    fact: Fact::VolumeInfo,
    name: "volume_info",
    metric: "kube_persistentvolume_info",
    shard_by: "persistentvolume",
    shape: Shape::Around,
    labels: &[
        "__name__",
        "persistentvolume",
        "csi_driver",
        "csi_volume_handle",
        "ebs_volume_id",
        "nfs_server",
        "host_path",
        "local_path",
        "iscsi_iqn",
        "fc_wwids",
        "fc_target_wwns",
        "gce_persistent_disk_name",
        "azure_disk_name",
        "label_topology_kubernetes_io_zone",
        "label_failure_domain_beta_kubernetes_io_zone",
        "label_topology_ebs_csi_aws_com_zone",
    ],
    promql: concat!(
        "max by (__name__,persistentvolume,csi_driver,csi_volume_handle,ebs_volume_id,nfs_server,host_path,local_path,",
        "iscsi_iqn,fc_wwids,fc_target_wwns,gce_persistent_disk_name,azure_disk_name,label_topology_kubernetes_io_zone,",
        "label_failure_domain_beta_kubernetes_io_zone,label_topology_ebs_csi_aws_com_zone) ",
        "(last_over_time({$shard,__name__=~\"kube_persistentvolume_info|kube_persistentvolume_capacity_bytes|",
        "kube_persistentvolume_labels\"}[5m]))"
    ),
};

/// Most bytes used of each claim, slot by slot.
pub const VOLUME_USED: Query = Query {
    fact: Fact::VolumeUsed,
    name: "volume_used",
    metric: "kubelet_volume_stats_used_bytes",
    shard_by: "persistentvolumeclaim",
    shape: Shape::Slots,
    labels: &["namespace", "persistentvolumeclaim"],
    promql: "max by (namespace,persistentvolumeclaim) (max_over_time(kubelet_volume_stats_used_bytes{$shard,}[5m]))",
};
