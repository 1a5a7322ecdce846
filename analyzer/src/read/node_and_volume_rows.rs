//! Rows of nodes and volumes, without their lists.

use std::collections::BTreeSet;

use arrow::record_batch::RecordBatch;
use lake::tables::{load_balancer_hour, node_hour, volume_hour};
use types::ComputeType;

use crate::read::columns::{Misfit, columns};
use crate::sums::hour_facts::LoadBalancerRow;
use crate::sums::node_billing::{NodeKind, NodeRow, NodeSlots, os_name};
use crate::sums::volume_billing::{VolumeKind, VolumeRow, is_ebs_id, store};
use crate::sums::zone_regions::{placed, region_of_zone, zone_location};

columns! {
    /// The columns [`nodes`] reads.
    NODE_COLUMNS, NodeColumns of node_hour:
    hour_start_seconds: Int64s,
    node: Texts,
    provider_id: Texts,
    instance_type: Texts,
    instance_type_source: Texts,
    region: Texts,
    zone: Texts,
    capacity_type: Texts,
    compute_type: Texts,
    arch: Texts,
    os: Texts,
    emp_owned: Flags,
    cpu_capacity_millicores: Int32s,
    memory_capacity_bytes: Int64s,
    cpu_allocatable_millicores: Int32s,
    memory_allocatable_bytes: Int64s,
    created_seconds: Int64s,
    first_seen_seconds: Int64s,
    last_seen_seconds: Int64s,
    up_seconds: Int32s,
    node_group: Texts,
    kubelet_version: Texts,
    root_disk_bytes: Int64s,
    fargate_provisioned: Texts,
    os_image: Texts,
    network_receive_bytes: Int64s,
    network_transmit_bytes: Int64s,
    public_ipv4_addresses: Int32s,
    cpu_used_millicores_by_slot: Slots,
    cpu_steal_millicores_by_slot: Slots,
    memory_used_mib_by_slot: Slots,
    memory_touched_mib_by_slot: Slots,
}

/// The nodes of a batch that were up, each with the start of its hour. A node without a region takes that of its zone.
pub(crate) fn nodes(batch: &RecordBatch) -> Result<Vec<(i64, NodeRow)>, Misfit> {
    let of = NodeColumns::new(batch)?;
    let seen = |row: usize| {
        Ok(NodeSlots {
            cpu_used_millicores: of.cpu_used_millicores_by_slot.sampled(row)?,
            cpu_steal_millicores: of.cpu_steal_millicores_by_slot.sampled(row)?,
            memory_used_mib: of.memory_used_mib_by_slot.sampled(row)?,
            memory_touched_mib: of.memory_touched_mib_by_slot.sampled(row)?,
        })
    };
    let node = |row: usize| NodeRow {
        name: of.node.some(row).to_owned(),
        provider_id: of.provider_id.some(row).to_owned(),
        kind: NodeKind {
            instance_type: of.instance_type.owned(row),
            instance_type_source: of.instance_type_source.some(row).to_owned(),
            capacity_type: of.capacity_type.owned(row),
            compute_type: placed(ComputeType::of(of.compute_type.some(row)), of.zone.get(row)),
            arch: of.arch.owned(row),
            os: os_name(of.os.get(row), of.os_image.get(row)).map(ToOwned::to_owned),
            region: of.region.owned(row).or_else(|| region_of_zone(of.zone.get(row)?)),
            emp_owned: of.emp_owned.get(row).unwrap_or_default(),
        },
        zone: of.zone.owned(row),
        cpu_capacity_millicores: of.cpu_capacity_millicores.get(row),
        memory_capacity_bytes: of.memory_capacity_bytes.get(row),
        cpu_allocatable_millicores: of.cpu_allocatable_millicores.get(row),
        memory_allocatable_bytes: of.memory_allocatable_bytes.get(row),
        created_seconds: of.created_seconds.get(row),
        first_seen_seconds: of.first_seen_seconds.some(row),
        last_seen_seconds: of.last_seen_seconds.some(row),
        up_seconds: of.up_seconds.some(row),
        node_group: of.node_group.owned(row),
        kubelet: of.kubelet_version.get(row).and_then(catalog::minor),
        root_disk_bytes: of.root_disk_bytes.get(row),
        fargate_provisioned: of.fargate_provisioned.owned(row),
        network_bytes: of
            .network_receive_bytes
            .get(row)
            .zip(of.network_transmit_bytes.get(row))
            .map(|(received, sent)| received.saturating_add(sent)),
        public_ipv4_addresses: of.public_ipv4_addresses.get(row).filter(|count| *count >= 0),
        seen: NodeSlots::default(),
    };
    let was_up = (0..batch.num_rows()).filter(|row| of.up_seconds.some(*row) > 0);
    was_up.map(|row| Ok((of.hour_start_seconds.some(row), NodeRow { seen: seen(row)?, ..node(row) }))).collect()
}

columns! {
    /// The columns [`volumes`] reads.
    VOLUME_COLUMNS, VolumeColumns of volume_hour:
    hour_start_seconds: Int64s,
    namespace: Texts,
    volume_claim: Texts,
    storage_class: Texts,
    zone: Texts,
    volume_id: Texts,
    volume_type: Texts,
    iops: Int64s,
    throughput_mib_per_second: Int32s,
    capacity_bytes: Int64s,
    used_max_bytes: Int64s,
    present_seconds: Int32s,
    csi_driver: Texts,
    on_outpost: Flags,
}

/// The volumes of a batch, each with the start of its hour; the region is that of the zone.
pub(crate) fn volumes(batch: &RecordBatch) -> Result<Vec<(i64, VolumeRow)>, Misfit> {
    let of = VolumeColumns::new(batch)?;
    let with_id = (0..batch.num_rows())
        .filter(|row| of.volume_id.get(*row).is_some_and(is_ebs_id))
        .map(|row| of.hour_start_seconds.some(row));
    let ids_show: BTreeSet<i64> = with_id.collect();
    let volume = |row: usize| VolumeRow {
        namespace: of.namespace.some(row).to_owned(),
        claim: of.volume_claim.some(row).to_owned(),
        storage_class: of.storage_class.owned(row),
        volume_id: of.volume_id.owned(row),
        kind: VolumeKind {
            region: of.zone.get(row).and_then(|zone| zone_location(zone).or_else(|| region_of_zone(zone))),
            store: store(
                of.volume_id.get(row),
                of.storage_class.get(row),
                of.volume_type.get(row),
                of.csi_driver.get(row),
                ids_show.contains(&of.hour_start_seconds.some(row)),
            ),
            volume_type: of.volume_type.owned(row),
            iops: of.iops.get(row),
            throughput_mib_per_second: of.throughput_mib_per_second.get(row),
        },
        capacity_bytes: of.capacity_bytes.get(row),
        used_bytes: of.used_max_bytes.get(row),
        present_seconds: of.present_seconds.some(row),
        on_outpost: of.on_outpost.get(row),
    };
    Ok((0..batch.num_rows()).map(|row| (of.hour_start_seconds.some(row), volume(row))).collect())
}

columns! {
    /// The columns [`load_balancers`] reads.
    LOAD_BALANCER_COLUMNS, LoadBalancerColumns of load_balancer_hour:
    hour_start_seconds: Int64s,
    address: Texts,
    object: Texts,
    load_balancer_type: Texts,
    region: Texts,
    internet_facing: Flags,
    ingress_class: Texts,
    ingress_group: Texts,
    present_seconds: Int32s,
}

/// The load balancers of a batch, each with the start of its hour.
pub(crate) fn load_balancers(batch: &RecordBatch) -> Result<Vec<(i64, LoadBalancerRow)>, Misfit> {
    let of = LoadBalancerColumns::new(batch)?;
    let load_balancer = |row: usize| LoadBalancerRow {
        address: of.address.some(row).to_owned(),
        object: of.object.some(row).to_owned(),
        load_balancer_type: of.load_balancer_type.owned(row),
        region: of.region.owned(row),
        internet_facing: of.internet_facing.get(row),
        ingress_class: of.ingress_class.owned(row),
        ingress_group: of.ingress_group.owned(row),
        present_seconds: of.present_seconds.some(row),
    };
    Ok((0..batch.num_rows()).map(|row| (of.hour_start_seconds.some(row), load_balancer(row))).collect())
}
