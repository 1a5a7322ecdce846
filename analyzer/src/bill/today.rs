//! `ec2-today`: what was observed, at the price of each thing.

mod control_plane;
mod cpu_credits;
mod fargate;
mod network;
mod notes;
mod storage;

use std::collections::{BTreeMap, BTreeSet};

use invoice::Line;
use types::analysis::{
    CommitmentUse, ComputeCost, CostItem, ExactLines, GradeReason, MachineHours, MachineRole, Note, PriceLayer,
    PriceOrigin, Scenario, Unpriced,
};
use types::{ComputeType, NanoUsd, PriceSeconds, UsdPerHour};

use crate::assumptions::Assumptions;
use crate::assumptions::choices::{PoolVolumes, Subscriptions};
use crate::bill::grade::{Graded, price_reason};
use crate::bill::no_price::NoPrice;
use crate::monthly_scaling::Month;
use crate::number::{float, whole};
use crate::prices::{CapacityType, MachineKind, OperatingSystem, PriceBook, Priced};
use crate::pricing::{HourlyCost, Pricing, share};
use crate::sums::node_billing::{BilledAs, NodeKind, RHEL, SUSE, is_linux};
use crate::sums::node_usage_by_owner::{FargateKind, Ledger};
use crate::sums::volume_billing::VolumeKind;
use crate::sums::window_totals::Observed;

/// Its id.
pub(crate) const ID: &str = "ec2-today";

/// Today's bill, exact, and by how nodes are billed, so that other scenarios can take from it what stays.
#[derive(Debug)]
pub(crate) struct Bill {
    pub(crate) nodes: Vec<NodeCost>,
    pub(crate) lines: ExactLines,
    pub(crate) unpriced: Vec<Unpriced>,
    /// Names of what could differ between scenarios: machines that would be replaced, and their disks. The rest costs
    /// the same in all.
    pub(crate) unpriced_moving: BTreeSet<String>,
    pub(crate) notes: Vec<Note>,
    pub(crate) origins: Vec<PriceOrigin>,
    /// The compute line in detail.
    pub(crate) compute: HourlyCost,
    /// Cost of Fargate pods, by what decides their price.
    pub(crate) fargate: BTreeMap<FargateKind, NanoUsd>,
    /// Cost of volumes, by what decides their price.
    pub(crate) volumes: BTreeMap<VolumeKind, VolumeCost>,
    /// Cost that volumes would have on top under a pool: zero unless they become io2 there, `None` where a price is
    /// missing.
    pub(crate) more_for_volumes: Option<NanoUsd>,
    /// Of the volumes line, what snapshots cost, which no claim pays.
    pub(crate) snapshots: NanoUsd,
    /// Parts of the lines that AWS's bill has on other lines; file systems on that of everything else.
    pub(crate) apart: BTreeMap<Line, NanoUsd>,
    /// The bill by how well it is known.
    pub(crate) graded: Vec<Graded>,
    /// Items of the lines other than compute.
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

/// Nodes billed alike and what they cost.
#[derive(Debug, Clone)]
pub(crate) struct NodeCost {
    pub(crate) billed_as: BilledAs,
    pub(crate) kind: NodeKind,
    pub(crate) up_seconds: i64,
    /// Up, and booting.
    pub(crate) billed_seconds: i64,
    /// The cost, or why there is none.
    pub(crate) cost: Result<NodePrice, NoPrice>,
    /// The fee of EKS Auto Mode.
    pub(crate) auto_mode: NanoUsd,
    /// Surplus CPU credits.
    pub(crate) cpu_credits: NanoUsd,
    /// Licences that others take for each node.
    pub(crate) licences: NanoUsd,
    pub(crate) root_disks: NanoUsd,
}

/// Cost of nodes billed alike over the window.
#[derive(Debug, Clone)]
pub(crate) struct NodePrice {
    /// With commitments.
    pub(crate) usd: NanoUsd,
    pub(crate) capacity_type: CapacityType,
    pub(crate) machine: MachineKind,
    pub(crate) unit: Priced<UsdPerHour>,
}

impl NodePrice {
    /// Returns true when a list's price holds a subscription of Linux.
    fn pays_subscription(&self) -> bool {
        self.machine.os.is_subscription() && self.unit.origin.layer != PriceLayer::User
    }

    /// Returns how well the price is known. What is derived of a machine with a licence is the licence, and what is
    /// estimated of one on spot capacity the saving.
    fn reason(&self) -> GradeReason {
        match price_reason(&self.unit.origin) {
            GradeReason::DerivedPrice if self.machine.os != OperatingSystem::Linux => GradeReason::LicenceSurcharge,
            GradeReason::EstimatedPrice if self.capacity_type == CapacityType::Spot => GradeReason::TypicalSpotSaving,
            reason => reason,
        }
    }
}

/// Cost of volumes of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct VolumeCost {
    /// By size.
    pub(crate) storage: NanoUsd,
    /// By time, for what was provisioned beyond.
    pub(crate) performance: NanoUsd,
}

/// The capacity type by which a node is priced; `None` when it is to stay unpriced.
pub(crate) fn capacity_type(kind: &NodeKind, assumptions: &Assumptions) -> Option<CapacityType> {
    capacity_type_of(kind.capacity_type.as_deref(), assumptions)
}

/// The same of a label's value, or its absence.
pub(crate) fn capacity_type_of(name: Option<&str>, assumptions: &Assumptions) -> Option<CapacityType> {
    name.map_or_else(|| assumptions.terms.ec2_unlabelled_capacity_type.capacity_type(), CapacityType::of)
}

/// Returns how a node is bought and the price of an hour of it, or why that is not known.
pub(crate) fn node_price(
    billed_as: &BilledAs,
    pricing: &mut Pricing<'_>,
    assumptions: &Assumptions,
) -> Result<(MachineKind, Priced<UsdPerHour>), NoPrice> {
    let kind = &billed_as.kind;
    if kind.emp_owned {
        return Err(NoPrice::ElasticVm);
    }
    if kind.compute_type == ComputeType::Hybrid {
        return Err(NoPrice::Hybrid);
    }
    let os = operating_system(kind.os.as_deref(), assumptions);
    let os = os.ok_or_else(|| NoPrice::OperatingSystem(kind.os.clone().unwrap_or_default()))?;
    let machine = MachineKind {
        instance_type: kind.instance_type.clone().ok_or(NoPrice::InstanceType)?,
        region: billed_as.location().ok_or(NoPrice::Region)?,
        capacity_type: capacity_type(kind, assumptions).ok_or(NoPrice::CapacityType)?,
        os,
        node_group: billed_as.node_group.clone(),
        node: billed_as.node.clone(),
    };
    match pricing.rate(&machine) {
        Some(rate) => Ok((machine, rate.contracted.clone())),
        None if kind.compute_type == ComputeType::Outpost => Err(NoPrice::Outpost),
        None => Err(NoPrice::Unlisted(MachineKind { node_group: None, node: None, ..machine })),
    }
}

/// The operating system a node is priced with; `None` where the price book does not know it. Under subscriptions of the
/// user, RHEL and SUSE cost what Linux does.
pub(crate) fn operating_system(os: Option<&str>, assumptions: &Assumptions) -> Option<OperatingSystem> {
    let own = assumptions.terms.ec2_subscriptions == Subscriptions::Own;
    match os {
        None | Some("linux") => Some(OperatingSystem::Linux),
        Some(RHEL | SUSE) if own => Some(OperatingSystem::Linux),
        Some(RHEL) => Some(OperatingSystem::Rhel),
        Some(SUSE) => Some(OperatingSystem::Suse),
        Some("windows") => Some(OperatingSystem::Windows),
        Some(_) => None,
    }
}

/// Unit of the fee of Auto Mode, a share of what machines cost on demand.
fn on_demand_unit(observed: &Observed) -> &'static str {
    if observed.currency() == "CNY" { "CNY on-demand" } else { "USD on-demand" }
}

/// Returns true when another scenario could run other machines in the place of such a node, were its price known.
fn may_be_replaced(kind: &NodeKind) -> bool {
    kind.compute_type == ComputeType::Ec2 && !kind.emp_owned && kind.os.as_deref().is_none_or(is_linux)
}

impl Bill {
    /// Prices what was observed.
    pub(crate) fn new(observed: &Observed, ledger: &Ledger, book: &PriceBook, assumptions: &Assumptions) -> Self {
        let mut bill = Self {
            nodes: Vec::new(),
            lines: ExactLines::default(),
            unpriced: Vec::new(),
            unpriced_moving: BTreeSet::new(),
            notes: Vec::new(),
            origins: Vec::new(),
            compute: HourlyCost::default(),
            fargate: BTreeMap::new(),
            volumes: BTreeMap::new(),
            more_for_volumes: Some(NanoUsd::ZERO),
            snapshots: NanoUsd::ZERO,
            apart: BTreeMap::new(),
            graded: Vec::new(),
            items: Vec::new(),
        };
        bill.add_nodes(observed, book, assumptions);
        bill.lines.compute = bill.compute_line();
        bill.lines.unused_commitments = Some(bill.compute.unused());
        bill.grade_compute();
        let mut fargate: BTreeMap<FargateKind, i64> = BTreeMap::new();
        for ((kind, _), seconds) in &ledger.fargate {
            *fargate.entry(kind.clone()).or_default() += seconds;
        }
        bill.lines.fargate = bill.add_fargate(&fargate, book, assumptions);
        bill.lines.root_disks = bill.add_root_disks(observed, book, assumptions);
        bill.lines.volumes = bill.add_volumes(observed, book, assumptions);
        if assumptions.terms.emp_volumes == PoolVolumes::Io2 {
            bill.more_for_volumes = bill.more_as_io2(observed, ledger, book, assumptions);
        }
        bill.lines.auto_mode = bill.add_auto_mode(observed, book, assumptions);
        bill.lines.cpu_credits = bill.add_cpu_credits(observed, book, assumptions);
        bill.lines.control_plane = bill.add_control_plane(observed, book, assumptions);
        bill.lines.network = bill.add_network(observed, book, assumptions);
        bill.lines.load_balancers = bill.add_load_balancers(observed, book, assumptions);
        bill.lines.public_ipv4 = bill.add_public_ipv4(observed, book, assumptions);
        bill.lines.licences = bill.add_licences(book);
        // No elastic machine pool, no fee: a real zero.
        bill.lines.fee = Some(NanoUsd::ZERO);
        bill.lines.pool_network = Some(NanoUsd::ZERO);
        // Today keeps no host, and does its work when it does it.
        bill.lines.spare_hosts = Some(NanoUsd::ZERO);
        bill.lines.work_owed = Some(NanoUsd::ZERO);
        bill.items.sort_by(|a, b| (a.line, &a.what, a.priced.price).cmp(&(b.line, &b.what, b.priced.price)));
        bill.unpriced.sort_by(|a, b| (&a.what, &a.reason).cmp(&(&b.what, &b.reason)));
        bill.add_notes(observed, ledger, book);
        bill
    }

    /// Prices the nodes hour by hour, and shares the cost of each kind of machine over those billed alike.
    fn add_nodes(&mut self, observed: &Observed, book: &PriceBook, assumptions: &Assumptions) {
        let boot_seconds = whole(assumptions.replay.ec2_boot_seconds);
        let mut pricing = Pricing::new(book);
        let priced: BTreeMap<_, _> =
            observed.billed.keys().map(|billed| (billed, node_price(billed, &mut pricing, assumptions))).collect();
        let known = |sums: &&crate::sums::window_totals::HourSums| observed.known_of(sums.hour.start_seconds()) > 0.0;
        for (sums, hour) in observed.hours.iter().zip(&observed.billed_by_hour).filter(|(sums, _)| known(sums)) {
            let mut used: BTreeMap<MachineKind, i64> = BTreeMap::new();
            for (billed, of_hour) in hour {
                if let Some(Ok((machine, _))) = priced.get(billed) {
                    *used.entry(machine.clone()).or_default() += of_hour.up_seconds + of_hour.created * boot_seconds;
                }
            }
            pricing.hour(sums.hour, &used);
        }
        self.compute = pricing.finish();
        let mut by_machine: BTreeMap<MachineKind, Vec<usize>> = BTreeMap::new();
        for (billed, sums) in &observed.billed {
            let billed_seconds = sums.up_seconds + sums.created * boot_seconds;
            let priced = priced.get(billed).cloned().unwrap_or(Err(NoPrice::InstanceType));
            let cost = priced.map(|(machine, unit)| {
                by_machine.entry(machine.clone()).or_default().push(self.nodes.len());
                // The price of the last hour, and where it changed within the window the one before.
                let cost = self.compute.machines.get(&machine);
                let unit = cost.map_or(unit, |cost| cost.rate.contracted.clone());
                let before = cost.and_then(|cost| Some(cost.before.as_ref()?.0.contracted.origin.clone()));
                self.origins.extend(before.into_iter().chain([unit.origin.clone()]));
                NodePrice { usd: NanoUsd::ZERO, capacity_type: machine.capacity_type, machine, unit }
            });
            if let Err(reason) = &cost {
                let name = billed.kind.instance_type.as_deref().unwrap_or("unknown type");
                let what = format!("{} node of {name}", billed.kind.compute_type);
                if may_be_replaced(&billed.kind) {
                    self.unpriced_moving.insert(what.clone());
                }
                self.add_unpriced(what, hours(billed_seconds), "node-hour", reason.to_string());
            }
            self.nodes.push(NodeCost {
                billed_as: billed.clone(),
                kind: billed.kind.clone(),
                up_seconds: sums.up_seconds,
                billed_seconds,
                cost,
                auto_mode: NanoUsd::ZERO,
                cpu_credits: NanoUsd::ZERO,
                licences: NanoUsd::ZERO,
                root_disks: NanoUsd::ZERO,
            });
        }
        for (machine, nodes) in by_machine {
            let Some(cost) = self.compute.machines.get(&machine) else { continue };
            let seconds: Vec<_> =
                nodes.iter().filter_map(|n| self.nodes.get(*n)).map(|node| node.billed_seconds).collect();
            for (n, usd) in nodes.iter().zip(share(cost.effective, &seconds)) {
                if let Some(Ok(price)) = self.nodes.get_mut(*n).map(|node| node.cost.as_mut()) {
                    price.usd = usd;
                }
            }
        }
    }

    /// The cost of the nodes that have a price; `None` when there are nodes and none of them has.
    fn compute_line(&self) -> Option<NanoUsd> {
        let priced: Vec<_> = self.nodes.iter().filter_map(|node| node.cost.as_ref().ok()).collect();
        (self.nodes.is_empty() || !priced.is_empty()).then(|| priced.iter().map(|price| price.usd).sum())
    }

    fn grade_compute(&mut self) {
        let mut graded = Vec::new();
        for node in &self.nodes {
            let Ok(price) = &node.cost else { continue };
            let kind = &node.kind;
            let quantity = match (kind.instance_type_source.as_str(), &kind.capacity_type) {
                (_, None) => Some(GradeReason::CapacityType),
                ("inferred", _) => Some(GradeReason::InstanceType),
                _ if kind.os.is_none() => Some(GradeReason::OperatingSystem),
                _ if price.pays_subscription() => Some(GradeReason::Subscriptions),
                _ => None,
            };
            graded.push(Graded::new("compute", quantity, price.reason(), price.usd));
        }
        self.graded.extend(graded);
        let unused = self.compute.unused();
        if unused != NanoUsd::ZERO {
            self.graded.push(Graded { line: "unused_commitments", reason: GradeReason::OwnPrice, cost: unused });
        }
    }

    /// The fee of EKS Auto Mode: a share, which goes by the family and changed, of the on-demand list price, however the
    /// machine is bought.
    fn add_auto_mode(&mut self, observed: &Observed, book: &PriceBook, assumptions: &Assumptions) -> Option<NanoUsd> {
        let boot_seconds = whole(assumptions.replay.ec2_boot_seconds);
        let mut line = NanoUsd::ZERO;
        let mut nodes = std::mem::take(&mut self.nodes);
        for node in nodes.iter_mut().filter(|node| node.kind.compute_type == ComputeType::AutoMode) {
            let Ok(price) = &node.cost else { continue };
            let on_demand = MachineKind { capacity_type: CapacityType::OnDemand, ..price.machine.clone() };
            let known = book.list(&on_demand).zip(book.auto_mode_share(on_demand.family(), &on_demand.region));
            let Some((list, share)) = known else {
                let reason = "no list price to take the fee of EKS Auto Mode from".to_owned();
                self.add_unpriced("fee of EKS Auto Mode".to_owned(), hours(node.billed_seconds), "node-hour", reason);
                continue;
            };
            let list_before = book.rate_before(&on_demand).and_then(|(until, rate)| Some((until, rate.list?)));
            // What the seconds list at, before the share changed and since.
            let [mut before, mut since] = [PriceSeconds::default(); 2];
            for (hour, seconds) in observed.billed_seconds(&node.billed_as, boot_seconds) {
                let is_before = |until: i64| hour.start_seconds() < until;
                let list = list_before.filter(|(until, _)| is_before(*until)).map_or(list.price, |(_, before)| before);
                let of_share = if share.before.as_ref().is_some_and(|(until, _)| is_before(*until)) {
                    &mut before
                } else {
                    &mut since
                };
                *of_share += list.for_seconds(seconds);
            }
            let shares = [(before, share.before.map(|(_, share)| share)), (since, Some(share.now))];
            for (listed, share) in shares {
                let (listed, Some(share)) = (listed.cost(), share) else { continue };
                if listed == NanoUsd::ZERO {
                    continue;
                }
                let item = Item {
                    line: "auto_mode",
                    what: "fee of EKS Auto Mode".to_owned(),
                    unit: on_demand_unit(observed),
                    quantity: listed.usd(),
                    cost: listed.scaled(share.price.nanos(), 1_000_000_000),
                    priced: share,
                };
                node.auto_mode += self.add_item(item, Some(GradeReason::AutoModeShare));
            }
            line += node.auto_mode;
        }
        self.nodes = nodes;
        Some(line)
    }

    fn add_licences(&mut self, book: &PriceBook) -> Option<NanoUsd> {
        if !book.has_licences() {
            return None;
        }
        let mut line = NanoUsd::ZERO;
        let mut nodes = std::mem::take(&mut self.nodes);
        for node in &mut nodes {
            let licences = book.licences(node.kind.instance_type.as_deref(), node.billed_as.node_group.as_deref());
            for (name, unit) in licences {
                let item = Item {
                    line: "licences",
                    what: name.to_owned(),
                    unit: "node-hour",
                    quantity: hours(node.up_seconds),
                    cost: unit.price.for_seconds(node.up_seconds).cost(),
                    priced: Priced { price: unit.price.for_seconds(3600).cost(), origin: unit.origin },
                };
                node.licences += self.add_item(item, None);
            }
            line += node.licences;
        }
        self.nodes = nodes;
        Some(line)
    }

    /// Adds a quantity to the items, and its cost; `quantity` is the reason that it is not measured, if it is not.
    fn add_item(&mut self, item: Item, quantity: Option<GradeReason>) -> NanoUsd {
        self.origins.push(item.priced.origin.clone());
        self.graded.push(Graded::new(item.line, quantity, price_reason(&item.priced.origin), item.cost));
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

    /// Adds something unpriced that could differ between scenarios.
    fn add_unpriced_moving(&mut self, what: &str, quantity: f64, unit: &str, reason: String) {
        self.unpriced_moving.insert(what.to_owned());
        self.add_unpriced(what.to_owned(), quantity, unit, reason);
    }

    fn add_unpriced(&mut self, what: String, quantity: f64, unit: &str, reason: String) {
        match self.unpriced.iter_mut().find(|line| line.what == what && line.reason == reason && line.unit == unit) {
            Some(line) => line.quantity += quantity,
            None => self.unpriced.push(Unpriced { what, quantity, unit: unit.to_owned(), reason }),
        }
    }

    /// The scenario as it is written.
    pub(crate) fn scenario(&self, month: Month) -> Scenario {
        Scenario {
            id: ID.to_owned(),
            label: "EC2 today".to_owned(),
            cost_usd: self.lines.cost(),
            partial: self.lines.partial() || !self.unpriced_moving.is_empty(),
            monthly_usd: self.lines.total().map(|total| month.usd(total)),
            compute_cost: self.lines.compute.map(|_| compute_cost(&self.compute)),
            machine_hours: machine_hours(self.nodes.iter()),
            items: self.cost_items(),
            unpriced: self.unpriced.clone(),
            lower_bound_usd: None,
            risk: None,
            by_hour: Vec::new(),
            variants: Vec::new(),
            notes: self.notes.clone(),
        }
    }
}

/// The compute line in the words of FOCUS.
pub(crate) fn compute_cost(cost: &HourlyCost) -> ComputeCost {
    let plan = |plan: &crate::pricing::PlanCost| CommitmentUse {
        name: plan.name.clone(),
        kind: plan.kind,
        committed_usd: plan.committed.usd(),
        used_usd: plan.used.usd(),
        unused_usd: (plan.committed - plan.used).usd(),
        covered_on_demand_usd: plan.covered.usd(),
        utilisation: crate::number::ratio(plan.used.usd(), plan.committed.usd()),
    };
    ComputeCost {
        list_usd: cost.list().map(NanoUsd::usd),
        contracted_usd: cost.contracted().usd(),
        effective_usd: cost.effective().usd(),
        commitments: cost.plans.iter().map(plan).collect(),
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
            kind: MachineRole::Node,
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
pub(crate) fn hours(seconds: impl Into<i128>) -> f64 {
    float(seconds.into()) / 3600.0
}
