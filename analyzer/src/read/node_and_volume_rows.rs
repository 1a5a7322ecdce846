//! Rows of nodes and volumes, without their lists.

use std::collections::BTreeSet;

use arrow::record_batch::RecordBatch;
use lake::Column;
use lake::tables::{load_balancer_hour, node_hour, volume_hour};
use types::ComputeType;

use crate::read::columns::{Flags, Int32s, Int64s, Misfit, Slots, Texts};
use crate::sums::hour_facts::LoadBalancerRow;
use crate::sums::node_billing::{NodeKind, NodeRow, NodeSlots, os_name};
use crate::sums::volume_billing::{VolumeKind, VolumeRow, is_ebs_id, store};
use crate::sums::zone_regions::{placed, region_of_zone, zone_location};

/// The columns [`nodes`] reads.
pub(crate) const NODE_COLUMNS: &[Column] = &[
    node_hour::hour_start_seconds,
    node_hour::node,
    node_hour::provider_id,
    node_hour::instance_type,
    node_hour::instance_type_source,
    node_hour::region,
    node_hour::zone,
    node_hour::capacity_type,
    node_hour::compute_type,
    node_hour::arch,
    node_hour::os,
    node_hour::emp_owned,
    node_hour::cpu_capacity_millicores,
    node_hour::memory_capacity_bytes,
    node_hour::cpu_allocatable_millicores,
    node_hour::memory_allocatable_bytes,
    node_hour::created_seconds,
    node_hour::first_seen_seconds,
    node_hour::last_seen_seconds,
    node_hour::up_seconds,
    node_hour::node_group,
    node_hour::kubelet_version,
    node_hour::root_disk_bytes,
    node_hour::fargate_provisioned,
    node_hour::os_image,
    node_hour::network_receive_bytes,
    node_hour::network_transmit_bytes,
    node_hour::public_ipv4_addresses,
    node_hour::cpu_used_millicores_by_slot,
    node_hour::cpu_steal_millicores_by_slot,
    node_hour::memory_used_mib_by_slot,
    node_hour::memory_touched_mib_by_slot,
];

/// The nodes of a batch that were up, each with the start of its hour. A node without a region takes that of its zone.
pub(crate) fn nodes(batch: &RecordBatch) -> Result<Vec<(i64, NodeRow)>, Misfit> {
    let hour = Int64s::new(batch, node_hour::hour_start_seconds)?;
    let name = Texts::new(batch, node_hour::node)?;
    let provider_id = Texts::new(batch, node_hour::provider_id)?;
    let instance_type = Texts::new(batch, node_hour::instance_type)?;
    let instance_type_source = Texts::new(batch, node_hour::instance_type_source)?;
    let region = Texts::new(batch, node_hour::region)?;
    let zone = Texts::new(batch, node_hour::zone)?;
    let capacity_type = Texts::new(batch, node_hour::capacity_type)?;
    let compute_type = Texts::new(batch, node_hour::compute_type)?;
    let arch = Texts::new(batch, node_hour::arch)?;
    let os = Texts::new(batch, node_hour::os)?;
    let os_image = Texts::new(batch, node_hour::os_image)?;
    let emp_owned = Flags::new(batch, node_hour::emp_owned)?;
    let cpu_capacity = Int32s::new(batch, node_hour::cpu_capacity_millicores)?;
    let memory_capacity = Int64s::new(batch, node_hour::memory_capacity_bytes)?;
    let cpu_allocatable = Int32s::new(batch, node_hour::cpu_allocatable_millicores)?;
    let memory_allocatable = Int64s::new(batch, node_hour::memory_allocatable_bytes)?;
    let created = Int64s::new(batch, node_hour::created_seconds)?;
    let first_seen = Int64s::new(batch, node_hour::first_seen_seconds)?;
    let last_seen = Int64s::new(batch, node_hour::last_seen_seconds)?;
    let up = Int32s::new(batch, node_hour::up_seconds)?;
    let node_group = Texts::new(batch, node_hour::node_group)?;
    let kubelet = Texts::new(batch, node_hour::kubelet_version)?;
    let root_disk = Int64s::new(batch, node_hour::root_disk_bytes)?;
    let provisioned = Texts::new(batch, node_hour::fargate_provisioned)?;
    let received = Int64s::new(batch, node_hour::network_receive_bytes)?;
    let sent = Int64s::new(batch, node_hour::network_transmit_bytes)?;
    let public_ipv4 = Int32s::new(batch, node_hour::public_ipv4_addresses)?;
    let cpu_used = Slots::new(batch, node_hour::cpu_used_millicores_by_slot)?;
    let cpu_steal = Slots::new(batch, node_hour::cpu_steal_millicores_by_slot)?;
    let memory_used = Slots::new(batch, node_hour::memory_used_mib_by_slot)?;
    let memory_touched = Slots::new(batch, node_hour::memory_touched_mib_by_slot)?;
    let seen = |row: usize| {
        Ok(NodeSlots {
            cpu_used_millicores: cpu_used.sampled(row)?,
            cpu_steal_millicores: cpu_steal.sampled(row)?,
            memory_used_mib: memory_used.sampled(row)?,
            memory_touched_mib: memory_touched.sampled(row)?,
        })
    };
    let node = |row: usize| NodeRow {
        name: name.some(row).to_owned(),
        provider_id: provider_id.some(row).to_owned(),
        kind: NodeKind {
            instance_type: instance_type.owned(row),
            instance_type_source: instance_type_source.some(row).to_owned(),
            capacity_type: capacity_type.owned(row),
            compute_type: placed(ComputeType::of(compute_type.some(row)), zone.get(row)),
            arch: arch.owned(row),
            os: os_name(os.get(row), os_image.get(row)).map(ToOwned::to_owned),
            region: region.owned(row).or_else(|| region_of_zone(zone.get(row)?)),
            emp_owned: emp_owned.get(row).unwrap_or_default(),
        },
        zone: zone.owned(row),
        cpu_capacity_millicores: cpu_capacity.get(row),
        memory_capacity_bytes: memory_capacity.get(row),
        cpu_allocatable_millicores: cpu_allocatable.get(row),
        memory_allocatable_bytes: memory_allocatable.get(row),
        created_seconds: created.get(row),
        first_seen_seconds: first_seen.some(row),
        last_seen_seconds: last_seen.some(row),
        up_seconds: up.some(row),
        node_group: node_group.owned(row),
        kubelet: kubelet.get(row).and_then(catalog::minor),
        root_disk_bytes: root_disk.get(row),
        fargate_provisioned: provisioned.owned(row),
        network_bytes: received.get(row).zip(sent.get(row)).map(|(received, sent)| received.saturating_add(sent)),
        public_ipv4_addresses: public_ipv4.get(row).filter(|count| *count >= 0),
        seen: NodeSlots::default(),
    };
    let was_up = (0..batch.num_rows()).filter(|row| up.some(*row) > 0);
    was_up.map(|row| Ok((hour.some(row), NodeRow { seen: seen(row)?, ..node(row) }))).collect()
}

/// The columns [`volumes`] reads.
pub(crate) const VOLUME_COLUMNS: &[Column] = &[
    volume_hour::hour_start_seconds,
    volume_hour::namespace,
    volume_hour::volume_claim,
    volume_hour::storage_class,
    volume_hour::zone,
    volume_hour::volume_id,
    volume_hour::volume_type,
    volume_hour::iops,
    volume_hour::throughput_mib_per_second,
    volume_hour::capacity_bytes,
    volume_hour::used_max_bytes,
    volume_hour::present_seconds,
    volume_hour::csi_driver,
    volume_hour::on_outpost,
];

/// The volumes of a batch, each with the start of its hour; the region is that of the zone.
pub(crate) fn volumes(batch: &RecordBatch) -> Result<Vec<(i64, VolumeRow)>, Misfit> {
    let hour = Int64s::new(batch, volume_hour::hour_start_seconds)?;
    let namespace = Texts::new(batch, volume_hour::namespace)?;
    let claim = Texts::new(batch, volume_hour::volume_claim)?;
    let storage_class = Texts::new(batch, volume_hour::storage_class)?;
    let zone = Texts::new(batch, volume_hour::zone)?;
    let volume_id = Texts::new(batch, volume_hour::volume_id)?;
    let volume_type = Texts::new(batch, volume_hour::volume_type)?;
    let iops = Int64s::new(batch, volume_hour::iops)?;
    let throughput = Int32s::new(batch, volume_hour::throughput_mib_per_second)?;
    let capacity = Int64s::new(batch, volume_hour::capacity_bytes)?;
    let used = Int64s::new(batch, volume_hour::used_max_bytes)?;
    let present = Int32s::new(batch, volume_hour::present_seconds)?;
    let driver = Texts::new(batch, volume_hour::csi_driver)?;
    let on_outpost = Flags::new(batch, volume_hour::on_outpost)?;
    let with_id =
        (0..batch.num_rows()).filter(|row| volume_id.get(*row).is_some_and(is_ebs_id)).map(|row| hour.some(row));
    let ids_show: BTreeSet<i64> = with_id.collect();
    let volume = |row: usize| VolumeRow {
        namespace: namespace.some(row).to_owned(),
        claim: claim.some(row).to_owned(),
        storage_class: storage_class.owned(row),
        volume_id: volume_id.owned(row),
        kind: VolumeKind {
            region: zone.get(row).and_then(|zone| zone_location(zone).or_else(|| region_of_zone(zone))),
            store: store(
                volume_id.get(row),
                storage_class.get(row),
                volume_type.get(row),
                driver.get(row),
                ids_show.contains(&hour.some(row)),
            ),
            volume_type: volume_type.owned(row),
            iops: iops.get(row),
            throughput_mib_per_second: throughput.get(row),
        },
        capacity_bytes: capacity.get(row),
        used_bytes: used.get(row),
        present_seconds: present.some(row),
        on_outpost: on_outpost.get(row),
    };
    Ok((0..batch.num_rows()).map(|row| (hour.some(row), volume(row))).collect())
}

/// The columns [`load_balancers`] reads.
pub(crate) const LOAD_BALANCER_COLUMNS: &[Column] = &[
    load_balancer_hour::hour_start_seconds,
    load_balancer_hour::address,
    load_balancer_hour::object,
    load_balancer_hour::load_balancer_type,
    load_balancer_hour::region,
    load_balancer_hour::internet_facing,
    load_balancer_hour::ingress_class,
    load_balancer_hour::ingress_group,
    load_balancer_hour::present_seconds,
];

/// The load balancers of a batch, each with the start of its hour.
pub(crate) fn load_balancers(batch: &RecordBatch) -> Result<Vec<(i64, LoadBalancerRow)>, Misfit> {
    let hour = Int64s::new(batch, load_balancer_hour::hour_start_seconds)?;
    let address = Texts::new(batch, load_balancer_hour::address)?;
    let object = Texts::new(batch, load_balancer_hour::object)?;
    let load_balancer_type = Texts::new(batch, load_balancer_hour::load_balancer_type)?;
    let region = Texts::new(batch, load_balancer_hour::region)?;
    let internet_facing = Flags::new(batch, load_balancer_hour::internet_facing)?;
    let ingress_class = Texts::new(batch, load_balancer_hour::ingress_class)?;
    let ingress_group = Texts::new(batch, load_balancer_hour::ingress_group)?;
    let present = Int32s::new(batch, load_balancer_hour::present_seconds)?;
    let load_balancer = |row: usize| LoadBalancerRow {
        address: address.some(row).to_owned(),
        object: object.some(row).to_owned(),
        load_balancer_type: load_balancer_type.owned(row),
        region: region.owned(row),
        internet_facing: internet_facing.get(row),
        ingress_class: ingress_class.owned(row),
        ingress_group: ingress_group.owned(row),
        present_seconds: present.some(row),
    };
    Ok((0..batch.num_rows()).map(|row| (hour.some(row), load_balancer(row))).collect())
}
