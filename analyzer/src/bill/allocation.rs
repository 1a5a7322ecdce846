//! Today's bill by who causes it, in whole nano-dollars.
//!
//! `total = workloads + overhead + idle - oversubscribed + residual` holds exactly for the cluster, for each node group
//! and for each zone. Money is divided once for each group of nodes and resource, by largest remainder.

pub(crate) mod by_day;
mod costs_by_owner;
mod rollup;
mod volume_owners;

use std::collections::BTreeMap;

use types::analysis::{Allocation, ClaimCost, ExactLines};
use types::{NanoUsd, split};

use crate::assumptions::Assumptions;
use crate::bill::today::Bill;
use crate::number::thousandths;
use crate::prices::CapacityType;
use crate::sums::cpu_and_memory::CpuMemory;
use crate::sums::node_usage_by_owner::{GroupSums, Ledger, NodeGroup};
use crate::sums::window_totals::Observed;
use costs_by_owner::{Books, OwnerCost, Parts, group_name};

const KEPT: &str = "capacity kept from pods by system and kubelet";
const BOOTS: &str = "nodes booting";
const CONTROL_PLANE: &str = "control plane";
const NETWORK: &str = "network";
const LOAD_BALANCERS: &str = "load balancers";
const PUBLIC_IPV4: &str = "public IPv4 addresses";
const SNAPSHOTS: &str = "EBS snapshots";
const UNUSED: &str = "unused commitments";

/// Gives out the bill.
pub(crate) fn allocate(
    bill: &Bill,
    ledger: &Ledger,
    observed: &Observed,
    assumptions: &Assumptions,
    shared_namespaces: &[String],
) -> Allocation {
    let (books, claims) = give_out(bill, ledger, assumptions);
    Allocation { by_volume_claim: claims, ..rollup::write(books, observed, shared_namespaces) }
}

/// The bill, given out, and what each claim costs.
fn give_out(bill: &Bill, ledger: &Ledger, assumptions: &Assumptions) -> (Books, Vec<ClaimCost>) {
    let mut books = Books::default();
    node_costs(&mut books, bill, ledger, thousandths(assumptions.terms.allocation_cpu_core_to_memory_gib));
    books.here = None;
    let claims = volume_owners::give(&mut books, bill, ledger);
    fargate_costs(&mut books, bill, ledger);
    let ExactLines { control_plane, network, load_balancers, public_ipv4, unused_commitments, .. } = bill.lines;
    let snapshots = Some(bill.snapshots).filter(|cost| *cost != NanoUsd::ZERO);
    let overhead = [
        (CONTROL_PLANE, control_plane),
        (NETWORK, network),
        (LOAD_BALANCERS, load_balancers),
        (PUBLIC_IPV4, public_ipv4),
        (UNUSED, unused_commitments),
        (SNAPSHOTS, snapshots),
    ];
    for (what, line) in overhead {
        if let Some(cost) = line {
            let parts = books.overhead(what, cost);
            books.book(None, parts);
        }
    }
    // Every line is given out above but the fee, which is zero today.
    debug_assert_eq!(Some(books.cluster.total), bill.lines.total().or(Some(NanoUsd::ZERO)));
    (books, claims)
}

/// Nodes with what comes with them: fee of Auto Mode, CPU credits, licences, root disks.
fn node_costs(books: &mut Books, bill: &Bill, ledger: &Ledger, cpu_to_memory_thousandths: i64) {
    let mut holders = ledger.holders();
    let mut by_billed: BTreeMap<_, Vec<(u32, &NodeGroup, GroupSums)>> = BTreeMap::new();
    for (number, sums) in &ledger.group_sums {
        if let Some(group) = ledger.groups.name(*number) {
            by_billed.entry(&group.billed_as).or_default().push((*number, group, *sums));
        }
    }
    for node in &bill.nodes {
        let mut groups = by_billed.remove(&node.billed_as).unwrap_or_default();
        groups.sort_by_key(|(_, group, _)| *group);
        let compute = node.cost.as_ref().map_or(NanoUsd::ZERO, |price| price.usd);
        let boot = compute.scaled((node.billed_seconds - node.up_seconds).into(), node.billed_seconds.into());
        let seconds: Vec<_> = groups.iter().map(|(_, _, sums)| i128::from(sums.up_seconds)).collect();
        let disks: Vec<_> = groups
            .iter()
            .map(|(_, group, sums)| i128::from(group.root_disk_bytes.unwrap_or_default()) * i128::from(sums.up_seconds))
            .collect();
        let by_time = compute - boot + node.auto_mode + node.cpu_credits + node.licences;
        let is_on_demand = node.cost.as_ref().is_ok_and(|price| price.capacity_type == CapacityType::OnDemand);
        let on_demand = if is_on_demand { compute - boot } else { NanoUsd::ZERO };
        books.on_demand = (on_demand.nanos(), (by_time + node.root_disks).nanos());
        let shares = split(by_time, &seconds).zip(split(boot, &seconds));
        let Some((up, boots)) = shares else {
            let all = by_time + boot + node.root_disks;
            let parts = books.residual("nodes that were up for no second of the window".to_owned(), all);
            books.book(None, parts);
            continue;
        };
        let root = split(node.root_disks, &disks).unwrap_or_else(|| vec![NanoUsd::ZERO; groups.len()]);
        for ((((number, group, sums), up), boot), root) in groups.into_iter().zip(up).zip(boots).zip(root) {
            let parts = books.overhead(BOOTS, boot);
            let place = Some((group, sums.up_seconds));
            books.book(place, parts);
            let held = holders.remove(&number).unwrap_or_default();
            give_group(books, ledger, (group, sums), up + root, held, cpu_to_memory_thousandths);
        }
    }
}

/// Gives the cost of a group of nodes to those who hold its capacity.
fn give_group(
    books: &mut Books,
    ledger: &Ledger,
    (group, sums): (&NodeGroup, GroupSums),
    cost: NanoUsd,
    held: Vec<(u32, CpuMemory)>,
    cpu_to_memory_thousandths: i64,
) {
    let place = Some((group, 0));
    books.here = Some(group_name(group));
    let capacity = group.cpu_capacity_millicores.zip(group.memory_capacity_bytes);
    let weights = capacity.map(|(cpu, memory)| {
        // A core against a GiB: millicores and bytes brought to one scale, in integers.
        [i128::from(cpu) * i128::from(cpu_to_memory_thousandths) * (1 << 30), i128::from(memory) * 1_000_000]
    });
    let shares = weights.and_then(|weights| split(cost, &weights)).and_then(|shares| <[_; 2]>::try_from(shares).ok());
    let Some([cpu_cost, memory_cost]) = shares else {
        if cost != NanoUsd::ZERO {
            let name = group.billed_as.kind.instance_type.as_deref().unwrap_or("unknown type");
            let parts = books.residual(format!("capacity of nodes of {name} is not reported"), cost);
            books.book(place, parts);
        }
        return;
    };
    let pick = |of: fn(&CpuMemory) -> i128| {
        let held: Vec<_> = held.iter().map(|(_, held)| of(held)).collect();
        (held, of(&sums.idle), of(&sums.kept), of(&sums.over))
    };
    let resources = [(cpu_cost, pick(|both| both.cpu), true), (memory_cost, pick(|both| both.memory), false)];
    for (cost, (held_amounts, idle, kept, over), is_cpu) in resources {
        // What pods hold beyond capacity costs as much again, and nobody pays for it: it is counted on both sides.
        let all: i128 = held_amounts.iter().sum::<i128>() + idle + kept;
        let capacity = all - over;
        let oversubscribed = split(cost, &[over, (capacity - over).max(0)])
            .filter(|_| over <= capacity)
            .and_then(|parts| parts.first().copied())
            .unwrap_or_else(|| times(cost, over, capacity));
        let mut amounts = held_amounts;
        amounts.extend([idle, kept]);
        let Some(mut given) = split(cost + oversubscribed, &amounts) else {
            let parts = books.residual("nodes up for no second of a slot".to_owned(), cost);
            books.book(place, parts);
            continue;
        };
        let (kept_cost, idle_cost) = (given.pop().unwrap_or_default(), given.pop().unwrap_or_default());
        let mut parts = Parts { total: idle_cost, idle: idle_cost, ..Parts::default() };
        parts.add(books.overhead(KEPT, kept_cost));
        for ((owner, _), cost) in held.iter().zip(given) {
            let Some((workload, labels)) = ledger.owner_key(*owner) else { continue };
            let cost = OwnerCost::of_nodes(cost, is_cpu, books.on_demand);
            parts.add(books.give((workload.clone(), labels.clone()), cost));
        }
        parts.oversubscribed += oversubscribed;
        parts.total = parts.total - oversubscribed;
        books.book(place, parts);
    }
}

/// `cost * over / capacity`, where that is more than the whole.
fn times(cost: NanoUsd, over: i128, capacity: i128) -> NanoUsd {
    if capacity <= 0 {
        return NanoUsd::ZERO;
    }
    let whole = over.div_euclid(capacity);
    let rest = split(cost, &[over.rem_euclid(capacity), capacity - over.rem_euclid(capacity)]);
    NanoUsd::new(cost.nanos() * whole) + rest.and_then(|rest| rest.first().copied()).unwrap_or_default()
}

/// Fargate pods pay for what they were provisioned with.
fn fargate_costs(books: &mut Books, bill: &Bill, ledger: &Ledger) {
    for (kind, cost) in &bill.fargate {
        let mut shares: Vec<_> = ledger
            .fargate
            .iter()
            .filter(|((of, _), _)| of == kind)
            .filter_map(|((_, owner), seconds)| Some((ledger.owner_key(*owner)?, i128::from(*seconds))))
            .collect();
        shares.sort();
        let seconds: Vec<_> = shares.iter().map(|(_, seconds)| *seconds).collect();
        let given = split(*cost, &seconds).unwrap_or_else(|| vec![NanoUsd::ZERO; shares.len()]);
        for (((workload, labels), _), cost) in shares.into_iter().zip(given) {
            let cost = OwnerCost { fargate: cost, ..OwnerCost::default() };
            let parts = books.give((workload.clone(), labels.clone()), cost);
            books.book(None, parts);
        }
    }
}
