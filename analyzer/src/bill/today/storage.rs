//! Persistent volumes and root disks.

use std::collections::BTreeMap;

use invoice::Line;
use types::analysis::{GradeReason, Note};
use types::{ComputeType, NanoUsd};

use super::{Bill, Item, NodeCost, VolumeCost, hours};
use crate::assumptions::Assumptions;
use crate::number::{float, ratio, whole};
use crate::prices::{PriceBook, Priced};
use crate::sums::node_usage_by_owner::Ledger;
use crate::sums::volume_billing::{Store, VolumeKind};
use crate::sums::window_totals::{Observed, VolumeSums};
use crate::sums::zone_regions::OUTPOST;

const GIB: i128 = 1 << 30;
/// IOPS and throughput that a gp3 volume has without charge.
const GP3_FREE_IOPS: i64 = 3000;
const GP3_FREE_MIB_PER_SECOND: i64 = 125;
/// IOPS of gp2: three a GiB within these.
const GP2_LEAST_IOPS: i64 = 100;
const GP2_MOST_IOPS: i64 = 16_000;
/// Where the tiers of io2 end. AWS's list prices the second at 70 % and the third at 49 % of the first.
const IO2_FIRST_TIER_IOPS: i64 = 32_000;
const IO2_SECOND_TIER_IOPS: i64 = 64_000;

/// Reason that a volume has no price that is on an Outpost, or may be.
const ON_OUTPOST: &str = "on an Outpost, or mounted by no pod that tells; the rack of one, disks included, is paid for by the term: give what a GiB-month costs you as [[volume]] in the prices file, its region with -outpost behind it";

impl Bill {
    pub(super) fn add_volumes(
        &mut self,
        observed: &Observed,
        book: &PriceBook,
        assumptions: &Assumptions,
    ) -> Option<NanoUsd> {
        let month_seconds = crate::monthly_scaling::month_seconds();
        let mut line = observed.volumes.is_empty().then_some(NanoUsd::ZERO);
        if let Some(snapshots) = self.add_snapshots(observed, book, assumptions) {
            self.snapshots = snapshots;
            self.apart.insert(Line::Snapshots, snapshots);
            line = Some(line.unwrap_or_default() + snapshots);
        }
        for (kind, sums) in &observed.volumes {
            let region = kind.region.as_deref().or_else(|| observed.region());
            let priced = volume_price(kind, region, book, assumptions);
            if let (Store::Efs, Ok((_, _, unit))) = (kind.store, &priced) {
                if let Some(storage) = self.add_efs(sums, unit.clone(), month_seconds) {
                    self.volumes.insert(kind.clone(), VolumeCost { storage, performance: NanoUsd::ZERO });
                    *self.apart.entry(Line::Other).or_default() += storage;
                    line = Some(line.unwrap_or_default() + storage);
                }
                continue;
            }
            let unsized_seconds = sums.seconds - sums.sized_seconds;
            if unsized_seconds > 0 {
                let name = kind.price_name().unwrap_or("unknown type");
                let reason = "its size is not known; collect kube_persistentvolume_capacity_bytes".to_owned();
                self.add_unpriced(
                    format!("{name} volume of unknown size"),
                    hours(unsized_seconds),
                    "claim-hour",
                    reason,
                );
            }
            if sums.sized_seconds == 0 {
                continue;
            }
            match priced {
                Ok((volume_type, region, unit)) => {
                    let assumed = kind.store == Store::Ebs && kind.volume_type.is_none();
                    let item = Item {
                        line: "volumes",
                        what: format!("{volume_type} storage"),
                        unit: "GiB-month",
                        quantity: gib_months(sums, month_seconds),
                        cost: unit.price.scaled(sums.byte_seconds, GIB * month_seconds),
                        priced: unit,
                    };
                    let storage = self.add_item(item, assumed.then_some(GradeReason::VolumeType));
                    if kind.store == Store::Fsx {
                        *self.apart.entry(Line::Other).or_default() += storage;
                    }
                    let performance = self.volume_extras(kind, volume_type, region, sums, (book, month_seconds));
                    self.volumes.insert(kind.clone(), VolumeCost { storage, performance });
                    line = Some(line.unwrap_or_default() + storage + performance);
                }
                Err(reason) => {
                    let gib_months = gib_months(sums, month_seconds);
                    let name = kind.price_name().unwrap_or("unknown type");
                    self.add_unpriced(format!("volume of {name}"), gib_months, "GiB-month", reason);
                }
            }
        }
        line
    }

    /// Adds what EFS bills: what is stored, of which the size of a claim says nothing.
    fn add_efs(&mut self, sums: &VolumeSums, unit: Priced<NanoUsd>, month_seconds: i128) -> Option<NanoUsd> {
        let unknown = sums.seconds - sums.used_seconds;
        if unknown > 0 {
            let reason =
                "EFS bills what is stored, which is not known; collect kubelet_volume_stats_used_bytes".to_owned();
            self.add_unpriced("claim on EFS".to_owned(), hours(unknown), "claim-hour", reason);
        }
        let item = Item {
            line: "volumes",
            what: "EFS storage, standard class".to_owned(),
            unit: "GiB-month",
            quantity: ratio(float(sums.used_byte_seconds), float(GIB * month_seconds)).unwrap_or_default(),
            cost: unit.price.scaled(sums.used_byte_seconds, GIB * month_seconds),
            priced: unit,
        };
        (sums.used_seconds > 0).then(|| self.add_item(item, Some(GradeReason::EfsUsage)))
    }

    /// Snapshots, as the assumptions count them.
    fn add_snapshots(&mut self, observed: &Observed, book: &PriceBook, assumptions: &Assumptions) -> Option<NanoUsd> {
        let gib = whole(assumptions.terms.volumes_snapshot_gib);
        if gib == 0 {
            return None;
        }
        let gib_seconds = i128::from(gib) * observed.known_seconds();
        let gib_months = ratio(float(gib_seconds), float(crate::monthly_scaling::month_seconds())).unwrap_or_default();
        let Some(unit) = book.other("ebs.snapshot", observed.region().unwrap_or("all")) else {
            let reason = "no price of ebs.snapshot; give one as [[item]] in the prices file".to_owned();
            self.add_unpriced("EBS snapshots".to_owned(), gib_months, "GiB-month", reason);
            return None;
        };
        let item = Item {
            line: "volumes",
            what: "EBS snapshots".to_owned(),
            unit: "GiB-month",
            quantity: gib_months,
            cost: unit.price.scaled(gib_seconds, crate::monthly_scaling::month_seconds()),
            priced: unit,
        };
        Some(self.add_item(item, Some(GradeReason::Counted)))
    }

    /// IOPS and throughput beyond what the storage price holds.
    fn volume_extras(
        &mut self,
        kind: &VolumeKind,
        volume_type: &str,
        region: &str,
        sums: &VolumeSums,
        (book, month_seconds): (&PriceBook, i128),
    ) -> NanoUsd {
        if kind.iops.is_none() && matches!(volume_type, "io1" | "io2") {
            let reason = "provisioned IOPS not known; only its storage is priced".to_owned();
            self.add_unpriced(
                format!("IOPS of {volume_type} volumes"),
                gib_months(sums, month_seconds),
                "GiB-month",
                reason,
            );
        }
        let mut cost = NanoUsd::ZERO;
        for (item, quantity) in extras(volume_type, kind).into_iter().filter(|(_, quantity)| *quantity > 0) {
            let amount = i128::from(quantity) * sums.seconds;
            let months = ratio(float(amount), float(month_seconds)).unwrap_or_default();
            match book.other(item, region) {
                Some(unit) => {
                    let item = Item {
                        line: "volumes",
                        what: item.to_owned(),
                        unit: "unit-month",
                        quantity: months,
                        cost: unit.price.scaled(amount, month_seconds),
                        priced: unit,
                    };
                    cost += self.add_item(item, None);
                }
                None => {
                    let reason = format!("no price of {item} in {region}");
                    self.add_unpriced(format!("performance of {volume_type} volumes"), months, "unit-month", reason);
                }
            }
        }
        cost
    }

    /// Root disks: their size is seen, their type is not.
    pub(super) fn add_root_disks(
        &mut self,
        observed: &Observed,
        book: &PriceBook,
        assumptions: &Assumptions,
    ) -> Option<NanoUsd> {
        let month_seconds = crate::monthly_scaling::month_seconds();
        // Whoever says that there are none has priced them.
        let Some(volume_type) = assumptions.terms.ec2_root_disk_type.volume_type() else {
            return Some(NanoUsd::ZERO);
        };
        let mut line = None;
        let mut nodes = std::mem::take(&mut self.nodes);
        for node in nodes.iter_mut().filter(|node| is_aws(node)) {
            let Some(sums) = observed.billed.get(&node.billed_as) else { continue };
            let unknown = node.up_seconds - sums.root_disk_seconds;
            let region = node.billed_as.location();
            let region = region.as_deref();
            let here = |name: &'static str| Some((name, book.volume(name, region?)?));
            // Most Local Zones and Wavelength Zones sell no gp3; what is there is gp2.
            let outside = matches!(node.kind.compute_type, ComputeType::LocalZone | ComputeType::Wavelength);
            let sold = here(volume_type).or_else(|| here("gp2").filter(|_| outside));
            let Some((volume_type, unit)) = sold else {
                let reason = region.map_or_else(
                    || "region not known".to_owned(),
                    |region| {
                        format!("no price of {volume_type} in {region}; give one as [[volume]] in the prices file")
                    },
                );
                self.add_unpriced_moving("root disk", hours(node.up_seconds), "node-hour", reason);
                continue;
            };
            if unknown > 0 {
                let reason = "size not known: kube-state-metrics shows no ephemeral-storage capacity".to_owned();
                self.add_unpriced_moving("root disk", hours(unknown), "node-hour", reason);
            }
            if sums.root_disk_seconds == 0 {
                continue;
            }
            node.root_disks = self.add_item(
                Item {
                    line: "root_disks",
                    what: format!("{volume_type} storage"),
                    unit: "GiB-month",
                    quantity: ratio(float(sums.root_disk_byte_seconds), float(GIB * month_seconds)).unwrap_or_default(),
                    cost: unit.price.scaled(sums.root_disk_byte_seconds, GIB * month_seconds),
                    priced: unit,
                },
                Some(GradeReason::RootDiskType),
            );
            line = Some(line.unwrap_or_default() + node.root_disks);
        }
        let any = nodes.iter().any(is_aws);
        self.nodes = nodes;
        if any { line } else { Some(NanoUsd::ZERO) }
    }
}

impl Bill {
    /// Returns what gp2, gp3 and io1 volumes would cost more as io2 with the IOPS they have now; `None` where a price
    /// is missing. What cannot be converted is noted.
    pub(super) fn more_as_io2(
        &mut self,
        observed: &Observed,
        ledger: &Ledger,
        book: &PriceBook,
        assumptions: &Assumptions,
    ) -> Option<NanoUsd> {
        let month_seconds = crate::monthly_scaling::month_seconds();
        // IOPS of gp2 go by the size of each volume.
        let mut claims: BTreeMap<(&VolumeKind, u32), (i128, i128)> = BTreeMap::new();
        for (of, share) in &ledger.volumes {
            let (bytes, seconds) = claims.entry((&of.kind, of.claim)).or_default();
            (*bytes, *seconds) = (*bytes + share.byte_seconds, *seconds + share.seconds);
        }
        let (mut more, mut without_iops) = (NanoUsd::ZERO, 0);
        for ((kind, _), (byte_seconds, seconds)) in claims.into_iter().filter(|(_, (_, seconds))| *seconds > 0) {
            let region = kind.region.as_deref().or_else(|| observed.region());
            let Ok((volume_type, region, unit)) = volume_price(kind, region, book, assumptions) else { continue };
            let gib = i64::try_from(byte_seconds / GIB / seconds).unwrap_or(i64::MAX);
            let iops = match (volume_type, kind.iops) {
                ("gp3", iops) => iops.unwrap_or(GP3_FREE_IOPS),
                ("gp2", _) => gib.saturating_mul(3).clamp(GP2_LEAST_IOPS, GP2_MOST_IOPS),
                ("io1", Some(iops)) => iops,
                ("io1", None) => {
                    without_iops += 1;
                    continue;
                }
                _ => continue,
            };
            let io2 = VolumeKind { volume_type: Some("io2".to_owned()), iops: Some(iops), ..kind.clone() };
            more += book.volume("io2", region)?.price.scaled(byte_seconds, GIB * month_seconds)
                - unit.price.scaled(byte_seconds, GIB * month_seconds);
            let of = |volume_type: &str, kind: &VolumeKind| -> Option<NanoUsd> {
                let extras = extras(volume_type, kind).into_iter().filter(|(_, quantity)| *quantity > 0);
                let cost = |(item, quantity): (&str, i64)| {
                    Some(book.other(item, region)?.price.scaled(i128::from(quantity) * seconds, month_seconds))
                };
                extras.map(cost).sum()
            };
            more += of("io2", &io2)? - of(volume_type, kind)?;
        }
        if without_iops > 0 {
            self.notes.push(Note::warning(format!(
                "{without_iops} io1 volumes show no IOPS, so what they would cost as io2 is not counted under a machine pool."
            )));
        }
        Some(more)
    }
}

/// Lists what is paid by time beyond the storage, by the name of its price.
fn extras(volume_type: &str, kind: &VolumeKind) -> Vec<(&'static str, i64)> {
    let iops = kind.iops.unwrap_or_default();
    let throughput = kind.throughput_mib_per_second.unwrap_or_default();
    match volume_type {
        "gp3" => vec![
            ("ebs.gp3.iops_above_3000", iops - GP3_FREE_IOPS),
            ("ebs.gp3.mib_per_second_above_125", throughput - GP3_FREE_MIB_PER_SECOND),
        ],
        "io1" => vec![("ebs.io1.iops", iops)],
        "io2" => vec![
            ("ebs.io2.iops_to_32000", iops.min(IO2_FIRST_TIER_IOPS)),
            ("ebs.io2.iops_32000_to_64000", iops.min(IO2_SECOND_TIER_IOPS) - IO2_FIRST_TIER_IOPS),
            ("ebs.io2.iops_above_64000", iops - IO2_SECOND_TIER_IOPS),
        ],
        _ => Vec::new(),
    }
}

/// Returns true when AWS bills the node's disks by themselves; the rack of an Outpost includes them.
fn is_aws(node: &NodeCost) -> bool {
    !matches!(node.kind.compute_type, ComputeType::Hybrid | ComputeType::Outpost) && !node.kind.emp_owned
}

fn gib_months(sums: &VolumeSums, month_seconds: i128) -> f64 {
    ratio(float(sums.byte_seconds), float(GIB * month_seconds)).unwrap_or_default()
}

/// The type and region a volume is priced by, and its price; or why there is none.
fn volume_price<'a>(
    kind: &'a VolumeKind,
    region: Option<&'a str>,
    book: &PriceBook,
    assumptions: &Assumptions,
) -> Result<(&'a str, &'a str, Priced<NanoUsd>), String> {
    let assumed = assumptions.terms.volumes_unknown_type.volume_type();
    let volume_type = match kind.store {
        Store::Ebs => kind.volume_type.as_deref().or(assumed),
        Store::Efs => Some("efs"),
        Store::Fsx => Some("fsx"),
        Store::Other => {
            return Err("no EBS volume, and nothing says what else it is; if it is billed, name its type in the overrides of the collector (efs, fsx)".to_owned());
        }
    };
    let Some(volume_type) = volume_type else {
        return Err("volume type not known; set the assumption volumes.unknown_type to price it as one".to_owned());
    };
    let Some(region) = region else { return Err("region not known".to_owned()) };
    let unit = book.volume(volume_type, region).ok_or_else(|| match region.strip_suffix(OUTPOST) {
        Some(_) => ON_OUTPOST.to_owned(),
        None => format!("no price of {volume_type} in {region}; give one as [[volume]] in the prices file"),
    })?;
    Ok((volume_type, region, unit))
}
