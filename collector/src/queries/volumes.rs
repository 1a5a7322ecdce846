//! Persistent volume claims, the volumes behind them, and how full they are.

use super::{Fact, Query, Shape};

/// Bound claims, slot by slot.
pub const CLAIM_INFO: Query = Query {
    fact: Fact::ClaimInfo,
    name: "claim_info",
    metric: "kube_persistentvolumeclaim_info",
    shard_by: "persistentvolumeclaim",
    shape: Shape::Slots,
    labels: &["namespace", "persistentvolumeclaim", "storageclass", "volumename"],
    promql: concat!(
        "max by (namespace,persistentvolumeclaim,storageclass,volumename) ",
        "(last_over_time(kube_persistentvolumeclaim_info{$shard,volumename!=\"\"}[5m]))"
    ),
};

/// Volumes and the EBS volumes behind them.
pub const VOLUME_INFO: Query = Query {
    fact: Fact::VolumeInfo,
    name: "volume_info",
    metric: "kube_persistentvolume_info",
    shard_by: "persistentvolume",
    shape: Shape::Once,
    labels: &["persistentvolume", "storageclass", "csi_driver", "csi_volume_handle", "ebs_volume_id"],
    promql: concat!(
        "max by (persistentvolume,storageclass,csi_driver,csi_volume_handle,ebs_volume_id) ",
        "(last_over_time(kube_persistentvolume_info{$shard,}[62m]))"
    ),
};

/// Capacity of volumes, in bytes.
pub const VOLUME_CAPACITY: Query = Query {
    fact: Fact::VolumeCapacity,
    name: "volume_capacity",
    metric: "kube_persistentvolume_capacity_bytes",
    shard_by: "persistentvolume",
    shape: Shape::Once,
    labels: &["persistentvolume"],
    promql: "max by (persistentvolume) (last_over_time(kube_persistentvolume_capacity_bytes{$shard,}[62m]))",
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
