//! `emp-vendor`: what the vendor's published examples imply. Arithmetic, not a replay.
//!
//! Every node that could move becomes an elastic VM of its own type on the bare metal of its own family, in the
//! hours it was there. The examples know nominal sizes, no overhead and no zones; the variants do.
//!
//! **Families** are judged one by one: where the hosts of one would cost more than the nodes they replace, it stays on
//! EC2 ([`Vendor::leave_losing_families`]), since nobody would move it.
//!
//! **Hosts of an hour**: at each moment of the hour at which a node appears, the elastic VMs there are packed
//! ([`Packing::hosts`]); the most hosts any of these moments needs are billed for the whole hour. So a node that
//! replaces another within an hour adds nothing, and one that is there for a minute counts for an hour.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use types::analysis::{
    ExactLines, MachineHours, MachineRole, Note, PriceKind, PriceLayer, PriceOrigin, Scenario, Unpriced, Variant,
};
use types::wording::money;
use types::{ComputeType, NanoUsd, UsdPerHour};

use crate::assumptions::Assumptions;
use crate::bill::today::{Bill, NodeCost, capacity_type, compute_cost, hours, machine_hours};
use crate::monthly_scaling::Month;
use crate::number::whole;
use crate::prices::{CapacityType, MachineKind, PriceBook, Priced};
use crate::pricing::{HourlyCost, Pricing};
use crate::scenarios::vendor_host_count::{Overhead, Packing, Size};
use crate::sums::hour_facts::HourFacts;
use crate::sums::node_billing::{NodeKind, RHEL, SUSE};
use crate::sums::window_totals::{HourSums, Observed};
use catalog::InstanceType;

/// Its id.
pub(crate) const ID: &str = "emp-vendor";

/// Fate of nodes of one kind: to become elastic VMs, or to stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// They can: their size, and the hosts they go to.
    Moves(Size, Pool),
    /// They cannot, and why.
    Stays(String),
}

/// Hosts of one family in one region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pool {
    pub(crate) region: String,
    pub(crate) family: String,
}

/// The host type of a pool.
#[derive(Debug, Clone)]
struct Host {
    name: String,
    size: Size,
    unit: Priced<UsdPerHour>,
}

/// One reading of how elastic VMs are packed.
#[derive(Debug)]
struct PackedPlan {
    label: String,
    packing: Packing,
    /// Elastic VMs stay in their zone, so each zone in use has hosts of its own.
    by_zone: bool,
    /// Seconds of hosts, of the time that is known.
    host_seconds: BTreeMap<Pool, i64>,
    /// Seconds of hosts in each hour taken.
    by_hour: Vec<BTreeMap<Pool, i64>>,
}

/// Takes hours, and concludes.
#[derive(Debug)]
pub(crate) struct Vendor<'a> {
    book: &'a PriceBook,
    assumptions: &'a Assumptions,
    fates: BTreeMap<NodeKind, Fate>,
    hosts: BTreeMap<Pool, Result<Host, String>>,
    /// Where each kind of node that can move would go.
    pools: BTreeMap<NodeKind, Pool>,
    /// Cost of the nodes of each family today.
    before: BTreeMap<Pool, NanoUsd>,
    /// Families left on EC2, with what moving them would have cost more.
    left: BTreeMap<Pool, NanoUsd>,
    /// The first is the scenario, the others are its variants.
    plans: [PackedPlan; 5],
}

/// Conclusion of the scenario, exact.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) scenario: Scenario,
    pub(crate) lines: ExactLines,
    pub(crate) origins: Vec<PriceOrigin>,
    /// Nodes that moved, as kinds.
    pub(crate) moved_kinds: BTreeSet<NodeKind>,
    /// Saving a month of the variant with zones and overhead, in USD.
    pub(crate) strictest_saving_monthly_usd: Option<f64>,
}

impl PackedPlan {
    fn seconds_of(&self, pool: &Pool) -> i64 {
        self.host_seconds.get(pool).copied().unwrap_or_default()
    }
}

impl<'a> Vendor<'a> {
    /// Nothing taken yet.
    pub(crate) fn new(book: &'a PriceBook, assumptions: &'a Assumptions) -> Self {
        let overhead = Overhead {
            evm_fraction: assumptions.replay.emp_evm_overhead_fraction,
            evm_mib: assumptions.replay.emp_evm_overhead_mib,
            evm_mib_per_vcpu: assumptions.replay.emp_evm_overhead_mib_per_vcpu,
            host_mib: assumptions.replay.emp_host_overhead_mib,
        };
        let plain = Packing {
            memory_overcommit: assumptions.replay.emp_memory_overcommit,
            cpu_overcommit: assumptions.replay.emp_cpu_overcommit,
            overhead: None,
        };
        let webinar = assumptions.terms.emp_webinar_overcommit;
        let dense = Packing { memory_overcommit: webinar, cpu_overcommit: webinar, overhead: None };
        let heavy = Packing { overhead: Some(overhead), ..plain };
        let plan = |label: String, packing, by_zone| PackedPlan {
            label,
            packing,
            by_zone,
            host_seconds: BTreeMap::new(),
            by_hour: Vec::new(),
        };
        Self {
            book,
            assumptions,
            fates: BTreeMap::new(),
            hosts: BTreeMap::new(),
            pools: BTreeMap::new(),
            before: BTreeMap::new(),
            left: BTreeMap::new(),
            plans: [
                plan("As published".to_owned(), plain, false),
                plan(format!("Overcommit {webinar} for memory and CPU, as in the vendor's webinar"), dense, false),
                plan("Elastic VMs stay in their zone, a host at least in each zone in use".to_owned(), plain, true),
                plan("With KubeVirt's memory overhead".to_owned(), heavy, false),
                plan("Elastic VMs stay in their zone, and KubeVirt's memory overhead".to_owned(), heavy, true),
            ],
        }
    }

    /// Adds an hour.
    pub(crate) fn take(&mut self, facts: &HourFacts) {
        let mut lives: BTreeMap<Pool, Vec<Life<'_>>> = BTreeMap::new();
        for node in &facts.nodes {
            if let Fate::Moves(size, pool) = self.fate(&node.kind) {
                let zone = node.zone.as_deref().unwrap_or_default();
                let life = Life { from: node.first_seen_seconds, to: node.last_seen_seconds, zone, size };
                lives.entry(pool).or_default().push(life);
            }
        }
        self.plans.iter_mut().for_each(|plan| plan.by_hour.push(BTreeMap::new()));
        let known = facts.known_seconds();
        for (pool, lives) in lives {
            let Some(Ok(host)) = self.hosts.get(&pool) else { continue };
            let zones: BTreeSet<_> = lives.iter().map(|life| life.zone).collect();
            for plan in &mut self.plans {
                let needed: i64 = if plan.by_zone {
                    let of = |zone| most_hosts(lives.iter().filter(|life| life.zone == zone), plan.packing, host.size);
                    zones.iter().map(|zone| of(*zone)).sum()
                } else {
                    most_hosts(lives.iter(), plan.packing, host.size)
                };
                *plan.host_seconds.entry(pool.clone()).or_default() += needed * known;
                if let Some(hour) = plan.by_hour.last_mut() {
                    hour.insert(pool.clone(), needed * known);
                }
            }
        }
    }

    /// Returns true when nodes of this kind can move; remembered.
    pub(crate) fn fate(&mut self, kind: &NodeKind) -> Fate {
        if let Some(fate) = self.fates.get(kind) {
            return fate.clone();
        }
        let fate = match self.movable(kind) {
            Ok((size, pool)) => Fate::Moves(size, pool),
            Err(reason) => Fate::Stays(reason),
        };
        self.fates.insert(kind.clone(), fate.clone());
        fate
    }

    /// Prices by another book from here on.
    pub(crate) fn use_prices(&mut self, book: &'a PriceBook) {
        self.book = book;
    }

    fn movable(&mut self, kind: &NodeKind) -> Result<(Size, Pool), String> {
        let stays = |reason: &str| Err(reason.to_owned());
        match kind.compute_type {
            ComputeType::Fargate => return stays("Fargate pods have no node of their own"),
            ComputeType::AutoMode => return stays("the machine belongs to EKS Auto Mode"),
            ComputeType::Hybrid => return stays("not an EC2 machine"),
            ComputeType::Outpost => return stays("on an Outpost, whose rack is paid for all the same"),
            ComputeType::LocalZone | ComputeType::Wavelength => {
                return stays("in a Local Zone or Wavelength Zone, apart from the region");
            }
            _ if kind.emp_owned => return stays("already an elastic VM"),
            _ => {}
        }
        if kind.arch.as_deref().is_some_and(|arch| arch != "amd64") {
            return stays("elastic VMs are x86 only");
        }
        if matches!(kind.os.as_deref(), Some(RHEL | SUSE)) {
            return stays("elastic VMs do not run RHEL or SUSE");
        }
        if kind.os.as_deref().is_some_and(|os| os != "linux") {
            return stays("elastic VMs run Linux only");
        }
        match capacity_type(kind, self.assumptions) {
            Some(CapacityType::OnDemand) => {}
            Some(CapacityType::Spot) => return stays("spot stays spot unless asked otherwise"),
            None => return stays("no label says on-demand or spot"),
        }
        let Some(name) = kind.instance_type.as_deref() else { return stays("instance type not known") };
        let Some(shape) = self.book.instance_type(name).cloned() else {
            return Err(format!("{name} is not in the catalog of instance types"));
        };
        if shape.arch != "amd64" {
            return stays("elastic VMs are x86 only");
        }
        if shape.accelerators > 0 {
            return stays("it has a GPU or another accelerator");
        }
        if shape.bare_metal {
            return stays("already bare metal");
        }
        let Some(region) = kind.region.clone() else { return stays("region not known") };
        if self.book.node(name, CapacityType::OnDemand, &region).is_none() {
            return Err(format!("no price of {name} to compare with"));
        }
        let pool = Pool { region, family: shape.family().to_owned() };
        let host = self.host(&pool)?;
        let size = size_of(&shape);
        if size.vcpu > host.size.vcpu || size.memory_mib > host.size.memory_mib {
            return Err(format!("larger than its host, {}", host.name));
        }
        Ok((size, pool))
    }

    /// The host type of a pool: the size called `metal` where there is one, else the cheapest. A price that is only
    /// estimated does not count, because the region may not sell the type.
    fn host(&mut self, pool: &Pool) -> Result<&Host, String> {
        if !self.hosts.contains_key(pool) {
            let host = choose_host(pool, self.book);
            self.hosts.insert(pool.clone(), host);
        }
        match self.hosts.get(pool) {
            Some(Ok(host)) => Ok(host),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err("no host type".to_owned()),
        }
    }

    /// The hosts that were priced, as machines.
    pub(crate) fn host_machines_priced(&self) -> impl Iterator<Item = MachineKind> {
        self.hosts.keys().filter_map(|pool| self.host_machine(pool))
    }

    /// Leaves the families on EC2 whose hosts would cost at least as much as the nodes they replace, in each reading by
    /// itself: nobody would move those. Where no family gains, the one that loses least stays in, so that a loss is
    /// shown and grows without a step.
    pub(crate) fn leave_losing_families(&mut self, bill: &Bill) {
        for node in &bill.nodes {
            if let (Fate::Moves(_, pool), Ok(cost)) = (self.fate(&node.kind), &node.cost) {
                self.pools.insert(node.kind.clone(), pool.clone());
                *self.before.entry(pool).or_default() += cost.usd;
            }
        }
        let kept: Vec<BTreeSet<Pool>> = self.plans.iter().map(|plan| self.kept(plan)).collect();
        let left = |pool: &Pool| kept.first().is_some_and(|kept| !kept.contains(pool));
        for (pool, before) in self.before.iter().filter(|(pool, _)| left(pool)) {
            let loss = self.host_cost(pool, self.plans.first().map_or(0, |plan| plan.seconds_of(pool))) - *before;
            self.left.insert(pool.clone(), loss);
        }
        for fate in self.fates.values_mut() {
            if let Fate::Moves(_, pool) = fate
                && left(pool)
            {
                *fate = Fate::Stays(format!("its hosts, of family {}, would cost more than these nodes", pool.family));
            }
        }
        for (plan, kept) in self.plans.iter_mut().zip(kept) {
            plan.host_seconds.retain(|pool, _| kept.contains(pool));
        }
    }

    /// The families that move in a plan.
    fn kept(&self, plan: &PackedPlan) -> BTreeSet<Pool> {
        let gain = |(pool, before): (&Pool, &NanoUsd)| {
            (*before - self.host_cost(pool, plan.seconds_of(pool)), Reverse(pool.clone()))
        };
        let gains: Vec<_> = self.before.iter().map(gain).collect();
        let gaining: BTreeSet<Pool> =
            gains.iter().filter(|(gain, _)| *gain > NanoUsd::ZERO).map(|(_, Reverse(pool))| pool.clone()).collect();
        if gaining.is_empty() {
            return gains.into_iter().max().map(|(_, Reverse(pool))| pool).into_iter().collect();
        }
        gaining
    }

    /// Concludes what it would have cost, and how that changes by variant.
    pub(crate) fn conclude(mut self, bill: &Bill, observed: &Observed, month: Month) -> Outcome {
        let moves = |vendor: &mut Self, node: &NodeCost| matches!(vendor.fate(&node.kind), Fate::Moves(..));
        let (moved, stays): (Vec<_>, Vec<_>) = bill.nodes.iter().partition(|node| moves(&mut self, node));
        let fee_fraction = self.assumptions.replay.emp_fee_fraction;
        let lines_of = |plan: &PackedPlan| {
            let cost = self.price(plan, bill, observed);
            let hosts: NanoUsd =
                plan.host_seconds.iter().map(|(pool, n)| self.effective_host_cost(&cost, pool, *n)).sum();
            let before: NanoUsd = plan.host_seconds.keys().filter_map(|pool| self.before.get(pool)).copied().sum();
            let nothing_moves = plan.host_seconds.values().all(|hours| *hours == 0);
            let lines = ExactLines {
                // Without a priced node there is no compute line today, and none here.
                compute: bill.lines.compute.map(|_| cost.effective()),
                unused_commitments: Some(cost.unused()),
                fee: Some(replay::fee(before, hosts, fee_fraction)),
                // The examples know no NAT gateways, spare hosts or pods that wait; without hosts there are none.
                pool_network: bill.lines.pool_network.filter(|_| nothing_moves),
                spare_hosts: bill.lines.spare_hosts.filter(|_| nothing_moves),
                work_owed: bill.lines.work_owed.filter(|_| nothing_moves),
                ..bill.lines
            };
            (lines, cost)
        };
        let [published, variants @ ..] = &self.plans;
        let (lines, cost) = lines_of(published);
        let variants: Vec<_> =
            variants.iter().filter_map(|plan| variant(plan, &lines_of(plan).0, bill, month)).collect();
        let mut machines = self.host_machines(published);
        machines.extend(evm_machines(&moved));
        machines.extend(machine_hours(stays.iter().copied()));
        let origins = self.hosts.values().flatten().map(|host| host.unit.origin.clone()).collect();
        let unpriced: Vec<Unpriced> = bill.unpriced.clone();
        Outcome {
            strictest_saving_monthly_usd: variants.last().map(|variant| variant.saving_monthly_usd),
            scenario: Scenario {
                id: ID.to_owned(),
                label: "Elastic machine pool, vendor's arithmetic".to_owned(),
                cost_usd: lines.cost(),
                partial: lines.partial() || !bill.unpriced_moving.is_empty(),
                monthly_usd: lines.total().map(|total| month.usd(total)),
                compute_cost: lines.compute.map(|_| compute_cost(&cost)),
                machine_hours: machines,
                items: bill.cost_items(),
                unpriced,
                lower_bound_usd: None,
                risk: None,
                by_hour: Vec::new(),
                variants,
                notes: self.notes(&moved, month),
            },
            lines,
            origins,
            moved_kinds: moved.into_iter().map(|node| node.kind.clone()).collect(),
        }
    }

    /// Hosts and the nodes that stay, priced hour by hour as today's are, commitments among it.
    fn price(&self, plan: &PackedPlan, bill: &Bill, observed: &Observed) -> HourlyCost {
        let boot_seconds = whole(self.assumptions.replay.ec2_boot_seconds);
        let staying =
            |node: &&NodeCost| self.pools.get(&node.kind).is_none_or(|pool| !plan.host_seconds.contains_key(pool));
        let machines: BTreeMap<_, _> = bill
            .nodes
            .iter()
            .filter(staying)
            .filter_map(|node| Some((&node.billed_as, &node.cost.as_ref().ok()?.machine)))
            .collect();
        let mut pricing = Pricing::new(self.book);
        let hours = observed.hours.iter().zip(&observed.billed_by_hour).zip(&plan.by_hour);
        let known = |sums: &HourSums| observed.known_of(sums.hour.start_seconds()) > 0.0;
        for ((sums, nodes), hosts) in hours.filter(|((sums, _), _)| known(sums)) {
            let mut used: BTreeMap<MachineKind, i64> = BTreeMap::new();
            for (billed, of_hour) in nodes {
                if let Some(machine) = machines.get(billed) {
                    *used.entry((*machine).clone()).or_default() += of_hour.up_seconds + of_hour.created * boot_seconds;
                }
            }
            for (pool, seconds) in hosts.iter().filter(|(pool, _)| plan.host_seconds.contains_key(pool)) {
                if let Some(machine) = self.host_machine(pool) {
                    *used.entry(machine).or_default() += seconds;
                }
            }
            pricing.hour(sums.hour, &used);
        }
        pricing.finish()
    }

    fn host_machine(&self, pool: &Pool) -> Option<MachineKind> {
        let host = self.hosts.get(pool)?.as_ref().ok()?;
        Some(MachineKind::new(&host.name, CapacityType::OnDemand, &pool.region))
    }

    /// Returns the cost of the hosts of a pool with commitments.
    fn effective_host_cost(&self, cost: &HourlyCost, pool: &Pool, host_seconds: i64) -> NanoUsd {
        let machine = self.host_machine(pool);
        let of_machine = machine.and_then(|machine| cost.machines.get(&machine));
        of_machine.map_or(NanoUsd::ZERO, |all| all.effective.scaled(host_seconds.into(), all.seconds.into()))
    }

    /// A family that moves whose nodes are priced by the user and its hosts by a list, or the other way round.
    fn half_yours(&self, moved: &[&NodeCost]) -> Option<Pool> {
        let half = |node: &&NodeCost| {
            let Some(Fate::Moves(_, pool)) = self.fates.get(&node.kind) else { return None };
            let host = self.hosts.get(pool)?.as_ref().ok()?;
            let nodes = &node.cost.as_ref().ok()?.unit.origin;
            (is_yours(nodes) != is_yours(&host.unit.origin)).then(|| pool.clone())
        };
        moved.iter().find_map(half)
    }

    fn host_cost(&self, pool: &Pool, host_seconds: i64) -> NanoUsd {
        let host = self.hosts.get(pool).and_then(|host| host.as_ref().ok());
        host.map_or(NanoUsd::ZERO, |host| host.unit.price.for_seconds(host_seconds).cost())
    }

    fn host_machines(&self, plan: &PackedPlan) -> Vec<MachineHours> {
        let row = |(pool, n): (&Pool, &i64)| {
            let host = self.hosts.get(pool)?.as_ref().ok()?;
            Some(MachineHours {
                kind: MachineRole::Host,
                instance_type: host.name.clone(),
                capacity_type: CapacityType::OnDemand.to_string(),
                hours: hours(*n),
                usd_per_hour: Some(host.unit.price.usd_per_hour()),
                cost_usd: Some(self.host_cost(pool, *n).usd()),
                price: Some(host.unit.origin.clone()),
            })
        };
        plan.host_seconds.iter().filter_map(row).collect()
    }

    fn notes(&self, moved: &[&NodeCost], month: Month) -> Vec<Note> {
        let mut notes = vec![
            Note::warning(
                "This is the arithmetic of the vendor's published examples on nominal sizes: no zones, no overhead, no use of the machines looked at, no migration. The cluster's hours are not replayed for it.",
            ),
            Note::info(
                "Hosts are billed for every hour in which they are needed, as many as the fullest moment of the hour needs; their boot, root disks and spare hosts are not counted.",
            ),
            Note::info(
                "What does not move costs what it costs today. The fee is taken on the saving of the moved nodes over the whole window.",
            ),
        ];
        for (pool, loss) in &self.left {
            notes.push(Note::info(format!(
                "Family {} stays on EC2: its bare-metal hosts would cost {} a month more than its nodes.",
                pool.family,
                money(month.usd(*loss), PriceBook::currency(&pool.region))
            )));
        }
        if let Some(pool) = self.half_yours(moved) {
            notes.insert(0, Note::warning(format!(
                "Of family {}, either the nodes or the hosts have a price of yours, and the others have not. Give both in the prices file, or the saving compares a discount with a list price.",
                pool.family
            )));
        }
        if moved.is_empty() {
            notes.insert(0, Note::warning("No node can move; the inventory says why for each group."));
        }
        notes
    }
}

/// Returns true when a price comes from the user's own file.
fn is_yours(origin: &PriceOrigin) -> bool {
    origin.layer == PriceLayer::User
}

/// One elastic VM in one hour.
#[derive(Debug, Clone, Copy)]
struct Life<'a> {
    from: i64,
    to: i64,
    zone: &'a str,
    size: Size,
}

/// The most hosts needed at any moment at which an elastic VM appears.
fn most_hosts<'l>(lives: impl Iterator<Item = &'l Life<'l>> + Clone, packing: Packing, host: Size) -> i64 {
    let moments: BTreeSet<_> = lives.clone().map(|life| life.from).collect();
    let at = |moment: i64| {
        let mut sizes: BTreeMap<Reverse<Size>, i64> = BTreeMap::new();
        for life in lives.clone().filter(|life| life.from <= moment && moment < life.to) {
            *sizes.entry(Reverse(life.size)).or_default() += 1;
        }
        packing.hosts(host, sizes.into_iter().map(|(Reverse(size), n)| (size, n)))
    };
    moments.into_iter().map(at).max().unwrap_or_default()
}

fn size_of(shape: &InstanceType) -> Size {
    Size { memory_mib: shape.memory_mib, vcpu: shape.vcpu }
}

fn choose_host(pool: &Pool, book: &PriceBook) -> Result<Host, String> {
    let candidates: Vec<_> = book.metal_of_family(&pool.family).filter(|metal| metal.arch == "amd64").collect();
    if candidates.is_empty() {
        return Err(format!("family {} has no bare metal", pool.family));
    }
    let candidates: Vec<_> = candidates.into_iter().filter(|metal| book.is_host(&metal.name)).collect();
    if candidates.is_empty() {
        return Err(format!("the prices file names no {} bare metal as hosts", pool.family));
    }
    let price = |metal: &&InstanceType| {
        let unit = book.node(&metal.name, CapacityType::OnDemand, &pool.region)?;
        (unit.origin.kind != PriceKind::Estimated).then_some((metal.size() != "metal", unit))
    };
    let priced = candidates.iter().filter_map(|metal| Some((price(metal)?, *metal)));
    let best = priced.min_by(|((a_other, a), a_metal), ((b_other, b), b_metal)| {
        (a_other, a.price, &a_metal.name).cmp(&(b_other, b.price, &b_metal.name))
    });
    let ((_, unit), metal) = best.ok_or_else(|| {
        format!("no price of {} bare metal in {} that is more than an estimate", pool.family, pool.region)
    })?;
    Ok(Host { name: metal.name.clone(), size: size_of(metal), unit })
}

/// Elastic VMs by the type they mirror, most hours first; AWS does not bill them.
fn evm_machines(moved: &[&NodeCost]) -> Vec<MachineHours> {
    let mut seconds: BTreeMap<&str, i64> = BTreeMap::new();
    for node in moved {
        *seconds.entry(node.kind.instance_type.as_deref().unwrap_or_default()).or_default() += node.up_seconds;
    }
    let mut seconds: Vec<_> = seconds.into_iter().collect();
    seconds.sort_by_key(|(name, seconds)| (Reverse(*seconds), *name));
    let row = |(name, seconds): (&str, i64)| MachineHours {
        kind: MachineRole::Evm,
        instance_type: name.to_owned(),
        capacity_type: CapacityType::OnDemand.to_string(),
        hours: hours(seconds),
        usd_per_hour: None,
        cost_usd: None,
        price: None,
    };
    seconds.into_iter().map(row).collect()
}

fn variant(plan: &PackedPlan, lines: &ExactLines, bill: &Bill, month: Month) -> Option<Variant> {
    let total = lines.total()?;
    let (saved, _, _) = bill.lines.less(lines)?;
    Some(Variant {
        label: plan.label.clone(),
        total_usd: total.usd(),
        monthly_usd: month.usd(total),
        host_hours: hours(plan.host_seconds.values().sum::<i64>()),
        saving_monthly_usd: month.usd(saved),
    })
}

#[cfg(test)]
mod tests;
