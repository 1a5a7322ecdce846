//! `ec2-today`: what was observed, at the price of each thing.

use std::collections::BTreeMap;

use types::analysis::{CostItem, MachineHours, Note, PriceOrigin, Scenario, Unpriced};
use types::{NanoUsd, UsdPerHour};

use crate::assumptions::{self, Assumptions};
use crate::facts::{NodeKind, VolumeKind};
use crate::number::{float, whole};
use crate::observed::{FargateKind, NodeSums, Observed, VolumeSums};
use crate::prices::{CapacityType, PriceBook, Priced};
use crate::scenarios::{Lines, Month};

/// Its id.
pub(crate) const ID: &str = "ec2-today";

const MIB: i64 = 1 << 20;
const GIB: i128 = 1 << 30;
/// IOPS and throughput that a gp3 volume has without charge.
const GP3_FREE_IOPS: i64 = 3000;
const GP3_FREE_MIB_PER_SECOND: i64 = 125;
/// Above this io2 is charged in tiers the catalog does not know.
const IO2_FIRST_TIER_IOPS: i64 = 32_000;

/// Today's bill, exact, and by kind of node, so that other scenarios can take from it what stays.
#[derive(Debug)]
pub(crate) struct Bill {
    pub(crate) nodes: Vec<NodeCost>,
    pub(crate) lines: Lines,
    pub(crate) unpriced: Vec<Unpriced>,
    pub(crate) notes: Vec<Note>,
    pub(crate) origins: Vec<PriceOrigin>,
    /// What the lines other than compute are made of.
    items: Vec<Item>,
}

/// A quantity at a price. Rows alike in all but quantity and cost are one.
#[derive(Debug)]
struct Item {
    line: &'static str,
    what: String,
    unit: &'static str,
    quantity: f64,
    priced: Priced<NanoUsd>,
    cost: NanoUsd,
}

/// Nodes of one kind and what they cost.
#[derive(Debug, Clone)]
pub(crate) struct NodeCost {
    pub(crate) kind: NodeKind,
    pub(crate) up_seconds: i64,
    /// Up, and booting.
    pub(crate) billed_seconds: i64,
    /// The cost, or why there is none.
    pub(crate) cost: Result<NodePrice, String>,
}

/// What nodes of one kind cost over the window.
#[derive(Debug, Clone)]
pub(crate) struct NodePrice {
    pub(crate) usd: NanoUsd,
    pub(crate) capacity_type: CapacityType,
    pub(crate) unit: Priced<UsdPerHour>,
}

/// The capacity type by which a node is priced; `None` when it is to stay unpriced.
pub(crate) fn capacity_type(kind: &NodeKind, assumptions: &Assumptions) -> Option<CapacityType> {
    let name = kind.capacity_type.as_deref();
    match name.unwrap_or_else(|| assumptions.name(&assumptions::UNLABELLED_CAPACITY_TYPE)) {
        "on-demand" => Some(CapacityType::OnDemand),
        "spot" => Some(CapacityType::Spot),
        _ => None,
    }
}

/// The price of a node, or why there is none.
pub(crate) fn node_price(
    kind: &NodeKind,
    book: &PriceBook,
    assumptions: &Assumptions,
) -> Result<(CapacityType, Priced<UsdPerHour>), String> {
    if kind.emp_owned {
        return Err("already an elastic VM: AWS bills its host, which the cluster does not show".to_owned());
    }
    if kind.compute_type == "hybrid" {
        return Err("a hybrid node: not billed by EC2".to_owned());
    }
    if kind.os.as_deref().is_some_and(|os| os != "linux") {
        return Err("not Linux; the price book holds Linux prices only".to_owned());
    }
    let Some(instance_type) = &kind.instance_type else {
        return Err(
            "instance type not known; export the label node.kubernetes.io/instance-type through kube-state-metrics"
                .to_owned(),
        );
    };
    let Some(region) = &kind.region else {
        return Err("region not known; export the label topology.kubernetes.io/region".to_owned());
    };
    let Some(capacity_type) = capacity_type(kind, assumptions) else {
        return Err("no label says on-demand or spot".to_owned());
    };
    let unit = book.node(instance_type, capacity_type, region).ok_or_else(|| {
        let capacity_type = capacity_type.as_str();
        format!("no {capacity_type} price of {instance_type} in {region}; give one as [[node]] in the prices file")
    })?;
    Ok((capacity_type, unit))
}

impl Bill {
    /// Prices what was observed.
    pub(crate) fn new(observed: &Observed, book: &PriceBook, assumptions: &Assumptions) -> Self {
        let mut bill = Self {
            nodes: Vec::new(),
            lines: Lines::default(),
            unpriced: Vec::new(),
            notes: Vec::new(),
            origins: Vec::new(),
            items: Vec::new(),
        };
        for (kind, sums) in observed.nodes.iter().filter(|(kind, _)| kind.compute_type != "fargate") {
            bill.add_nodes(kind, sums, book, assumptions);
        }
        bill.lines.compute = bill.compute_line();
        bill.lines.fargate = bill.add_fargate(&observed.fargate, book, assumptions);
        bill.lines.volumes = bill.add_volumes(observed, book, assumptions);
        bill.lines.control_plane = bill.add_control_plane(observed, book);
        // No elastic machine pool, no fee: a real zero.
        bill.lines.fee = Some(NanoUsd::ZERO);
        bill.items.sort_by(|a, b| (a.line, &a.what, a.priced.price).cmp(&(b.line, &b.what, b.priced.price)));
        bill.unpriced.sort_by(|a, b| (&a.what, &a.reason).cmp(&(&b.what, &b.reason)));
        bill.add_notes(observed);
        bill
    }

    fn add_nodes(&mut self, kind: &NodeKind, sums: &NodeSums, book: &PriceBook, assumptions: &Assumptions) {
        let boot_seconds = whole(assumptions.number(&assumptions::BOOT_SECONDS));
        let billed_seconds = sums.up_seconds + sums.created * boot_seconds;
        let cost = node_price(kind, book, assumptions).map(|(capacity_type, unit)| {
            self.origins.push(unit.origin.clone());
            NodePrice { usd: unit.price.for_seconds(billed_seconds).cost(), capacity_type, unit }
        });
        if let Err(reason) = &cost {
            let name = kind.instance_type.as_deref().unwrap_or("unknown type");
            let what = format!("{} node of {name}", kind.compute_type);
            self.add_unpriced(what, hours(billed_seconds), "node-hour", reason.clone());
        }
        self.nodes.push(NodeCost { kind: kind.clone(), up_seconds: sums.up_seconds, billed_seconds, cost });
    }

    /// The cost of the nodes that have a price; `None` when there are nodes and none of them has.
    fn compute_line(&self) -> Option<NanoUsd> {
        let priced: Vec<_> = self.nodes.iter().filter_map(|node| node.cost.as_ref().ok()).collect();
        (self.nodes.is_empty() || !priced.is_empty()).then(|| priced.iter().map(|price| price.usd).sum())
    }

    /// Adds a quantity to the items, and its cost.
    fn add_item(&mut self, item: Item) -> NanoUsd {
        self.origins.push(item.priced.origin.clone());
        let cost = item.cost;
        let same = |other: &&mut Item| {
            (other.line, &other.what, other.priced.price) == (item.line, &item.what, item.priced.price)
        };
        match self.items.iter_mut().find(same) {
            Some(there) => {
                there.quantity += item.quantity;
                there.cost += cost;
            }
            None => self.items.push(item),
        }
        cost
    }

    /// The items as they are written.
    pub(crate) fn cost_items(&self) -> Vec<CostItem> {
        let written = |item: &Item| CostItem {
            line: item.line.to_owned(),
            what: item.what.clone(),
            quantity: item.quantity,
            unit: item.unit.to_owned(),
            usd_per_unit: item.priced.price.usd(),
            cost_usd: item.cost.usd(),
            price: item.priced.origin.clone(),
        };
        self.items.iter().map(written).collect()
    }

    fn add_unpriced(&mut self, what: String, quantity: f64, unit: &str, reason: String) {
        match self.unpriced.iter_mut().find(|line| line.what == what && line.reason == reason && line.unit == unit) {
            Some(line) => line.quantity += quantity,
            None => self.unpriced.push(Unpriced { what, quantity, unit: unit.to_owned(), reason }),
        }
    }

    fn add_fargate(
        &mut self,
        pods: &BTreeMap<FargateKind, i64>,
        book: &PriceBook,
        assumptions: &Assumptions,
    ) -> Option<NanoUsd> {
        let overhead_mib = whole(assumptions.number(&assumptions::FARGATE_OVERHEAD_GIB) * 1024.0);
        let mut line = pods.is_empty().then_some(NanoUsd::ZERO);
        for (kind, seconds) in pods {
            let priced = fargate_price(kind, overhead_mib, book);
            match priced {
                Ok((size, [vcpu, memory])) => {
                    let vcpu_seconds = i128::from(size.vcpu_thousandths) * i128::from(*seconds);
                    let memory_seconds = i128::from(size.memory_mib) * i128::from(*seconds);
                    let vcpu_cost = self.add_item(Item {
                        line: "fargate",
                        what: "vCPU".to_owned(),
                        unit: "vCPU-hour",
                        quantity: float(vcpu_seconds) / 3_600_000.0,
                        cost: vcpu.price.scaled(vcpu_seconds, 3_600_000),
                        priced: vcpu,
                    });
                    let memory_cost = self.add_item(Item {
                        line: "fargate",
                        what: "memory".to_owned(),
                        unit: "GiB-hour",
                        quantity: float(memory_seconds) / (1024.0 * 3600.0),
                        cost: memory.price.scaled(memory_seconds, 1024 * 3600),
                        priced: memory,
                    });
                    line = Some(line.unwrap_or_default() + vcpu_cost + memory_cost);
                }
                Err(reason) => self.add_unpriced("Fargate pod".to_owned(), hours(*seconds), "pod-hour", reason),
            }
        }
        line
    }

    fn add_volumes(&mut self, observed: &Observed, book: &PriceBook, assumptions: &Assumptions) -> Option<NanoUsd> {
        let month_seconds = i128::from(whole(types::HOURS_PER_MONTH * 3600.0));
        let mut line = observed.volumes.is_empty().then_some(NanoUsd::ZERO);
        for (kind, sums) in &observed.volumes {
            let region = kind.region.as_deref().or_else(|| observed.region());
            match volume_price(kind, region, book, assumptions) {
                Ok((volume_type, region, unit)) => {
                    let storage = self.add_item(Item {
                        line: "volumes",
                        what: format!("{volume_type} storage"),
                        unit: "GiB-month",
                        quantity: gib_months(sums, month_seconds),
                        cost: unit.price.scaled(sums.byte_seconds, GIB * month_seconds),
                        priced: unit,
                    });
                    let extras = self.volume_extras(kind, volume_type, region, sums, (book, month_seconds));
                    line = Some(line.unwrap_or_default() + storage + extras);
                }
                Err(reason) => {
                    let gib_months = gib_months(sums, month_seconds);
                    let name = kind.volume_type.as_deref().unwrap_or("unknown type");
                    self.add_unpriced(format!("volume of {name}"), gib_months, "GiB-month", reason);
                }
            }
        }
        line
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
        let iops = kind.iops.unwrap_or_default();
        let throughput = kind.throughput_mib_per_second.unwrap_or_default();
        let extras = match volume_type {
            "gp3" => vec![
                ("ebs.gp3.iops_above_3000", iops - GP3_FREE_IOPS),
                ("ebs.gp3.mib_per_second_above_125", throughput - GP3_FREE_MIB_PER_SECOND),
            ],
            "io1" => vec![("ebs.io1.iops", iops)],
            "io2" => vec![
                ("ebs.io2.iops_to_32000", iops.min(IO2_FIRST_TIER_IOPS)),
                ("ebs.io2.iops_above_32000", iops - IO2_FIRST_TIER_IOPS),
            ],
            _ => Vec::new(),
        };
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
        for (item, quantity) in extras.into_iter().filter(|(_, quantity)| *quantity > 0) {
            let amount = i128::from(quantity) * sums.seconds;
            let months = crate::number::ratio(float(amount), float(month_seconds)).unwrap_or_default();
            match book.other(item, region) {
                Some(unit) => {
                    cost += self.add_item(Item {
                        line: "volumes",
                        what: item.to_owned(),
                        unit: "unit-month",
                        quantity: months,
                        cost: unit.price.scaled(amount, month_seconds),
                        priced: unit,
                    });
                }
                None => {
                    let reason = format!("no price of {item} in {region}");
                    self.add_unpriced(format!("performance of {volume_type} volumes"), months, "unit-month", reason);
                }
            }
        }
        cost
    }

    fn add_control_plane(&mut self, observed: &Observed, book: &PriceBook) -> Option<NanoUsd> {
        let unit = book.control_plane(observed.region().unwrap_or("all"))?;
        Some(self.add_item(Item {
            line: "control_plane",
            what: "one cluster, standard support".to_owned(),
            unit: "hour",
            quantity: float(observed.seconds()) / 3600.0,
            cost: unit.price.scaled(observed.seconds(), 3600),
            priced: unit,
        }))
    }

    fn add_notes(&mut self, observed: &Observed) {
        let node_hours = |of: &dyn Fn(&NodeCost) -> bool| {
            hours(self.nodes.iter().filter(|node| of(node)).map(|node| node.billed_seconds).sum())
        };
        let unpriced = node_hours(&|node| node.cost.is_err());
        let all = node_hours(&|_| true);
        let emp_owned = node_hours(&|node| node.kind.emp_owned);
        let hybrid = node_hours(&|node| node.kind.compute_type == "hybrid");
        let auto = node_hours(&|node| node.kind.compute_type == "auto");
        let unlabelled = node_hours(&|node| node.kind.capacity_type.is_none() && node.cost.is_ok());
        let no_os = node_hours(&|node| node.kind.os.is_none() && node.cost.is_ok());
        let estimated = |node: &NodeCost| node.cost.as_ref().is_ok_and(|price| price.unit.origin.kind == "estimated");
        let spot = node_hours(&|node| {
            estimated(node) && node.cost.as_ref().is_ok_and(|p| p.capacity_type == CapacityType::Spot)
        });
        let estimated = node_hours(&estimated) - spot;
        let mut notes = Vec::new();
        if unpriced > 0.0 {
            notes.push(Note::warning(format!(
                "{unpriced:.1} of {all:.1} node-hours have no price and stand outside every total; the list of what is unpriced says why."
            )));
        }
        if emp_owned > 0.0 {
            notes.push(Note::warning(format!(
                "{emp_owned:.1} node-hours are of elastic VMs that are there already; their hosts are not visible, so today's bill lacks them."
            )));
        }
        if hybrid > 0.0 {
            notes.push(Note::warning(format!("{hybrid:.1} node-hours are of hybrid nodes, which EC2 does not bill.")));
        }
        if auto > 0.0 {
            notes.push(Note::warning(format!(
                "{auto:.1} node-hours run under EKS Auto Mode, whose fee (about 12 % of the on-demand price) is not in the bill yet."
            )));
        }
        if unlabelled > 0.0 {
            notes.push(Note::warning(format!(
                "No label says whether {unlabelled:.1} node-hours are on-demand or spot; they are priced by the assumption ec2.unlabelled_capacity_type."
            )));
        }
        if no_os > 0.0 {
            notes.push(Note::warning(format!(
                "The operating system of {no_os:.1} node-hours is not known; they are taken for Linux."
            )));
        }
        if estimated > 0.0 {
            notes.push(Note::warning(format!(
                "{estimated:.1} node-hours are priced by an estimate from another region; give the real price as [[node]] in the prices file."
            )));
        }
        let guessed: Vec<_> = self.items.iter().filter(|item| item.priced.origin.kind == "estimated").collect();
        if !guessed.is_empty() {
            let names: Vec<_> = guessed.iter().map(|item| item.what.as_str()).collect();
            notes.push(Note::warning(format!("Priced by an estimate that nobody looked up: {}.", names.join(", "))));
        }
        if spot > 0.0 {
            notes.push(Note::info(format!(
                "{spot:.1} spot node-hours are priced at the on-demand list price less the typical saving of their type and region, which is an estimate."
            )));
        }
        if !observed.fargate.is_empty() {
            notes.push(Note::info(
                "What Fargate provisions is inferred: the pod's request and its overhead, rounded up to a size Fargate sells, per second with a minute at least. The capacity its nodes report is that of a larger machine.",
            ));
        }
        notes.push(Note::info("Prices that are not your own are list prices of Linux at tenancy Shared, without commitments or discounts."));
        notes.push(Note::info("Root disks, network and licences per node are not in the bill yet."));
        self.notes.extend(notes);
    }

    /// The scenario as it is written.
    pub(crate) fn scenario(&self, month: Month) -> Scenario {
        Scenario {
            id: ID.to_owned(),
            label: "EC2 today".to_owned(),
            cost_usd: self.lines.cost(),
            partial: self.lines.partial() || !self.unpriced.is_empty(),
            monthly_usd: self.lines.total().map(|total| month.usd(total)),
            machine_hours: machine_hours(self.nodes.iter()),
            items: self.cost_items(),
            unpriced: self.unpriced.clone(),
            variants: Vec::new(),
            notes: self.notes.clone(),
        }
    }
}

/// Nodes by type, capacity type and price: dearest first, then by name.
pub(crate) fn machine_hours<'a>(nodes: impl Iterator<Item = &'a NodeCost>) -> Vec<MachineHours> {
    let mut rows = BTreeMap::new();
    for node in nodes {
        let instance_type = node.kind.instance_type.as_deref().unwrap_or("unknown");
        let price = node.cost.as_ref().ok();
        let capacity_type = match price {
            Some(price) => price.capacity_type.as_str(),
            None => node.kind.capacity_type.as_deref().unwrap_or("unknown"),
        };
        let key = (instance_type, capacity_type, price.map(|price| price.unit.price));
        let (seconds, cost, unit) = rows.entry(key).or_insert((0, NanoUsd::ZERO, price.map(|price| &price.unit)));
        *seconds += node.billed_seconds;
        *cost += price.map_or(NanoUsd::ZERO, |price| price.usd);
        *unit = unit.or(price.map(|price| &price.unit));
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by(|(a_key, a), (b_key, b)| b.1.cmp(&a.1).then_with(|| a_key.cmp(b_key)));
    let row = |((instance_type, capacity_type, _), (seconds, cost, unit)): (
        _,
        (i64, NanoUsd, Option<&Priced<UsdPerHour>>),
    )| {
        let (instance_type, capacity_type): (&str, &str) = (instance_type, capacity_type);
        MachineHours {
            kind: "node".to_owned(),
            instance_type: instance_type.to_owned(),
            capacity_type: capacity_type.to_owned(),
            hours: hours(seconds),
            usd_per_hour: unit.map(|unit| unit.price.usd_per_hour()),
            cost_usd: unit.map(|_| cost.usd()),
            price: unit.map(|unit| unit.origin.clone()),
        }
    };
    rows.into_iter().map(|((a, b, c), sums)| row(((a, b, c), sums))).collect()
}

/// Seconds as hours, for display.
pub(crate) fn hours(seconds: i64) -> f64 {
    float(seconds.into()) / 3600.0
}

fn gib_months(sums: &VolumeSums, month_seconds: i128) -> f64 {
    crate::number::ratio(float(sums.byte_seconds), float(GIB * month_seconds)).unwrap_or_default()
}

/// The type and region a volume is priced by, and its price; or why there is none.
fn volume_price<'a>(
    kind: &'a VolumeKind,
    region: Option<&'a str>,
    book: &PriceBook,
    assumptions: &Assumptions,
) -> Result<(&'a str, &'a str, Priced<NanoUsd>), String> {
    let assumed = Some(assumptions.name(&assumptions::VOLUMES_UNKNOWN_TYPE)).filter(|name| *name != "none");
    let Some(volume_type) = kind.volume_type.as_deref().or(assumed) else {
        return Err("volume type not known; set the assumption volumes.unknown_type to price it as one".to_owned());
    };
    let Some(region) = region else { return Err("region not known".to_owned()) };
    let unit = book
        .volume(volume_type, region)
        .ok_or_else(|| format!("no price of {volume_type} in {region}; give one as [[volume]] in the prices file"))?;
    Ok((volume_type, region, unit))
}

/// A size Fargate sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FargateSize {
    vcpu_thousandths: i64,
    memory_mib: i64,
}

/// vCPU in thousandths, least and most memory and its step in MiB: the sizes AWS documents for pods on Fargate.
const FARGATE_SIZES: [(i64, i64, i64, i64); 7] = [
    (250, 512, 2048, 512),
    (500, 1024, 4096, 1024),
    (1000, 2048, 8192, 1024),
    (2000, 4096, 16384, 1024),
    (4000, 8192, 30720, 1024),
    (8000, 16384, 61440, 4096),
    (16000, 32768, 122_880, 8192),
];

/// The smallest size that holds a request; `None` when Fargate sells none.
fn fargate_size(cpu_millicores: i64, memory_mib: i64) -> Option<FargateSize> {
    let fits = |(vcpu, _, most, _): &&(i64, i64, i64, i64)| *vcpu >= cpu_millicores && *most >= memory_mib;
    let (vcpu_thousandths, least, _, step) = *FARGATE_SIZES.iter().find(fits)?;
    // A quarter vCPU has 0.5, 1 or 2 GiB, not 1.5.
    let step = if vcpu_thousandths == 250 && memory_mib > 1024 { 1024 } else { step };
    let steps = |mib: i64| mib.div_euclid(step) + i64::from(mib.rem_euclid(step) != 0);
    Some(FargateSize { vcpu_thousandths, memory_mib: (steps(memory_mib) * step).max(least) })
}

fn fargate_price(
    kind: &FargateKind,
    overhead_mib: i64,
    book: &PriceBook,
) -> Result<(FargateSize, [Priced<NanoUsd>; 2]), String> {
    let Some(region) = kind.region.as_deref() else { return Err("region not known".to_owned()) };
    let bytes = kind.memory_request_bytes;
    let memory_mib = bytes.div_euclid(MIB) + i64::from(bytes.rem_euclid(MIB) != 0) + overhead_mib;
    let size = fargate_size(kind.cpu_request_millicores, memory_mib)
        .ok_or_else(|| "larger than the largest size Fargate sells".to_owned())?;
    let unit = |item: &str| book.other(item, region).ok_or_else(|| format!("no price of {item} in {region}"));
    Ok((size, [unit("fargate.vcpu")?, unit("fargate.memory")?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(cpu: i64, memory_mib: i64) -> Option<(i64, i64)> {
        fargate_size(cpu, memory_mib).map(|size| (size.vcpu_thousandths, size.memory_mib))
    }

    #[test]
    fn fargate_rounds_up_to_a_size_it_sells() {
        assert_eq!(size(0, 256), Some((250, 512)));
        assert_eq!(size(250, 1024), Some((250, 1024)));
        assert_eq!(size(250, 1025), Some((250, 2048)));
        assert_eq!(size(250, 2304), Some((500, 3072)));
        assert_eq!(size(251, 256), Some((500, 1024)));
        assert_eq!(size(1000, 8192), Some((1000, 8192)));
        assert_eq!(size(1000, 8193), Some((2000, 9216)));
        assert_eq!(size(5000, 17_000), Some((8000, 20480)));
        assert_eq!(size(16_000, 122_880), Some((16_000, 122_880)));
        assert_eq!(size(16_001, 1024), None);
        assert_eq!(size(100, 122_881), None);
    }
}
