//! Lower bound of what a scenario costs: a linear programme in every slot.
//!
//! The pods that ran in the slot, by their requests in that scenario, on machines that may be cut into parts. Pods that
//! cannot mix (zone, architecture, OS, capacity type) are bounded apart, and the bounds add. For the elastic machine pool
//! the caps of hosts and the hosts a zone keeps count; its threshold does not, since it is a target.
//!
//! Requests change within a slot; their mean over the slot is what is bounded. The programme's optimum is convex in what
//! is asked, so the bound of the mean is at most the mean of the bounds.

use microlp::{ComparisonOp, OptimizationDirection, Problem, SolveOutcome};
use types::NanoUsd;

use crate::input_hour::SLOTS;
use crate::number::{float, index};
use crate::outcome::{Group, Outcome, Served};
use crate::placement::{Offer, Room};
use crate::scenario_setup::{Buy, Setup, Zones};

/// A machine type as a column of the programme.
#[derive(Debug, Clone)]
struct Column {
    room: Room,
    /// Price of one an hour, in USD; zero for elastic VMs, whose hosts are paid for.
    usd: f64,
    vcpu: f64,
    memory_mib: f64,
}

/// The programme of one group of pods.
#[derive(Debug, Clone)]
struct Programme {
    columns: Vec<Column>,
    /// Price of a host, and the vCPU and memory its caps let onto it.
    host: Option<(f64, f64, f64)>,
}

impl Programme {
    /// The least USD an hour for so many millicores, MiB and pods; `None` where nothing on offer can hold them.
    fn least(&self, cpu: f64, memory: f64, pods: f64) -> Option<f64> {
        if cpu <= 0.0 && memory <= 0.0 && pods <= 0.0 {
            return Some(0.0);
        }
        let mut problem = Problem::new(OptimizationDirection::Minimize);
        let machines: Vec<_> =
            self.columns.iter().map(|column| problem.add_var(column.usd, (0.0, f64::INFINITY))).collect();
        let row = |of: &dyn Fn(&Column) -> f64| -> Vec<_> {
            machines.iter().copied().zip(self.columns.iter().map(of)).collect()
        };
        // In cores, GiB and tens of pods, so that the numbers are of one size.
        let asked = [
            (row(&|column| f64::from(column.room.cpu) / 1e3), cpu / 1e3),
            (row(&|column| f64::from(column.room.memory) / 1024.0), memory / 1024.0),
            (row(&|column| f64::from(column.room.pods) / 10.0), pods / 10.0),
        ];
        for (row, wanted) in asked {
            problem.add_constraint(row.as_slice(), ComparisonOp::Ge, wanted);
        }
        if let Some((usd, vcpu, memory_mib)) = self.host {
            let hosts = problem.add_var(usd, (0.0, f64::INFINITY));
            for (mut row, cap) in
                [(row(&|column| column.vcpu), vcpu), (row(&|column| column.memory_mib / 1024.0), memory_mib / 1024.0)]
            {
                row.push((hosts, -cap));
                problem.add_constraint(row.as_slice(), ComparisonOp::Le, 0.0);
            }
        }
        match problem.solve() {
            Ok(SolveOutcome::Solution(solution)) => Some(solution.objective()),
            _ => None,
        }
    }
}

/// Lower bounds of one scenario.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bound {
    /// Bound of the compute cost of each hour: nodes and hosts.
    pub hours: Vec<NanoUsd>,
}

impl Bound {
    /// The bound of the whole.
    pub fn total(&self) -> NanoUsd {
        self.hours.iter().copied().sum()
    }
}

fn programme(setup: &Setup, group: &Group) -> Option<Programme> {
    let room = |index: u32| {
        let kind = setup.catalog.machine(index)?;
        let room = Room {
            cpu: kind.allocatable_millicores.saturating_sub(setup.daemons.cpu_millicores),
            memory: kind.allocatable_mib.saturating_sub(setup.daemons.memory_mib),
            pods: kind.max_pods.saturating_sub(setup.daemon_pods),
            volumes: kind.max_volumes,
        };
        (kind.platform == group.platform).then_some((kind, room))
    };
    if group.evm {
        let pool = setup.pool.as_ref()?;
        let mut types: Vec<u32> = pool.evm_types.iter().chain(&pool.evm_of).copied().collect();
        types.sort_unstable();
        types.dedup();
        let columns = types.into_iter().filter_map(|index| {
            let (kind, room) = room(index)?;
            Some(Column { room, usd: 0.0, vcpu: kind.vcpu.into(), memory_mib: kind.memory_mib.into() })
        });
        let host = &pool.host;
        let caps = (
            host.price?.usd_per_hour(),
            f64::from(host.threads) * pool.cpu_overcommit,
            f64::from(host.memory_mib) * pool.memory_overcommit,
        );
        return Some(Programme { columns: columns.collect(), host: Some(caps) });
    }
    let all: Vec<u32> = (0..crate::number::id(setup.catalog.machines.len())).collect();
    let types = if setup.ec2.buy == Buy::AsObserved { &all } else { &setup.ec2.types };
    let offers: Vec<Offer> = types
        .iter()
        .filter_map(|index| {
            let (kind, room) = room(*index)?;
            Some(Offer { price: kind.price?, room, id: *index })
        })
        .collect();
    let column =
        |offer: Offer| Column { room: offer.room, usd: offer.price.usd_per_hour(), vcpu: 0.0, memory_mib: 0.0 };
    let columns: Vec<Column> = crate::placement::undominated(&offers).into_iter().map(column).collect();
    Some(Programme { columns, host: None })
}

/// Groups that may mix, summed: those of one platform where pods may change zone.
fn merged(groups: &[Group], zones: Zones) -> Vec<Group> {
    if zones == Zones::Pinned {
        return groups.to_vec();
    }
    let mut merged: Vec<Group> = Vec::new();
    for group in groups {
        match merged.iter_mut().find(|other| (other.evm, other.platform) == (group.evm, group.platform)) {
            None => merged.push(group.clone()),
            Some(other) => {
                for (sums, more) in other.served.iter_mut().zip(&group.served) {
                    for (sum, more) in sums.iter_mut().zip(more) {
                        sum.cpu += more.cpu;
                        sum.memory += more.memory;
                        sum.pods += more.pods;
                    }
                }
            }
        }
    }
    merged
}

/// Fineness of the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// Every slot: the bound that is reported.
    Slot,
    /// The mean of each hour: still a bound, a little lower, twelve times as quick; for screening.
    Hour,
}

/// The lower bound of `setup`, for what `outcome` served.
///
/// `outcome` is the scenario's own for a bound of its cost. For screening it may be another's whose pods move alike.
/// `None` where a price is missing, or nothing on offer can hold what was served.
pub fn lower_bound(outcome: &Outcome, setup: &Setup, grain: Grain) -> Option<Bound> {
    let groups = merged(&outcome.groups, setup.zones);
    // Elastic VMs of one zone share its hosts, whatever their platform; everything else stands alone.
    let together = |a: &Group, b: &Group| a.evm && b.evm && a.zone == b.zone;
    let bounds = |groups: &[Group]| -> Option<Vec<f64>> {
        let programmes: Vec<Programme> = groups.iter().map(|group| programme(setup, group)).collect::<Option<_>>()?;
        let floor = groups.first().map_or(0.0, |group| host_floor(setup, group));
        let mut seen = false;
        let bound = |at: usize| {
            let slots: Vec<(&Programme, [Served; SLOTS])> = programmes
                .iter()
                .zip(groups)
                .map(|(programme, group)| (programme, group.served.get(at).copied().unwrap_or_default()))
                .collect();
            let zone = groups.first().map(|group| group.zone);
            let frozen = frozen_slots(outcome, at, zone);
            hour_bound(&slots, grain, Floor { usd: floor, frozen }, &mut seen)
        };
        (0..outcome.hours.len()).map(bound).collect()
    };
    // Solving takes most of the time there is, and no group waits for another.
    let bounds: Vec<Option<Vec<f64>>> = std::thread::scope(|threads| {
        let bounds = &bounds;
        let begin = |groups| threads.spawn(move || bounds(groups));
        let begun: Vec<_> = groups.chunk_by(together).map(begin).collect();
        begun.into_iter().map(|bound| bound.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let mut hours = vec![0.0; outcome.hours.len()];
    for bound in bounds {
        hours.iter_mut().zip(bound?).for_each(|(usd, more)| *usd += more);
    }
    Some(Bound { hours: hours.into_iter().map(nanos).collect() })
}

/// USD an hour that the hosts a zone keeps cost at the least.
fn host_floor(setup: &Setup, group: &Group) -> f64 {
    let pool = setup.pool.as_ref().filter(|_| group.evm);
    pool.and_then(|pool| Some(f64::from(pool.min_hosts_per_zone) * pool.host.price?.usd_per_hour())).unwrap_or(0.0)
}

/// Slots of the hour at `at` in which a zone is frozen, and its hosts unpaid.
fn frozen_slots(outcome: &Outcome, at: usize, zone: Option<u16>) -> u32 {
    let start = outcome.hours.get(at).map(|hour| hour.start);
    let row = outcome.frozen.iter().find(|row| Some(row.start) == start && Some(row.zone) == zone);
    row.map_or(0, |row| row.seconds / 300)
}

/// USD an hour of the hosts a zone keeps, and slots of the hour for which they are not paid.
#[derive(Clone, Copy)]
struct Floor {
    usd: f64,
    frozen: u32,
}

fn hour_bound(groups: &[(&Programme, [Served; SLOTS])], grain: Grain, floor: Floor, seen: &mut bool) -> Option<f64> {
    let slot_seconds = f64::from(300_u16);
    let least = |programme: &Programme, sum: &Served, seconds: f64| {
        programme.least(float(sum.cpu) / seconds, float(sum.memory) / seconds, float(sum.pods) / seconds)
    };
    // A zone keeps its hosts from its first pod on, which may come late in the slot or hour.
    let mut floored = |usd: f64, pods: u64, share: f64| {
        let before = std::mem::replace(seen, *seen || pods > 0);
        usd.max(if before { floor.usd * share } else { 0.0 })
    };
    if grain == Grain::Hour {
        let (mut usd, mut pods) = (0.0, 0);
        for (programme, slots) in groups {
            let sum = slots.iter().fold(Served::default(), |sum, slot| Served {
                cpu: sum.cpu + slot.cpu,
                memory: sum.memory + slot.memory,
                pods: sum.pods + slot.pods,
            });
            usd += least(programme, &sum, 12.0 * slot_seconds)?;
            pods += sum.pods;
        }
        return Some(floored(usd, pods, 1.0 - f64::from(floor.frozen) / 12.0));
    }
    let (mut usd, mut frozen) = (0.0, floor.frozen);
    for k in 0..SLOTS {
        let (mut slot_usd, mut pods) = (0.0, 0);
        for (programme, slots) in groups {
            let Some(slot) = slots.get(k) else { continue };
            slot_usd += least(programme, slot, slot_seconds)?;
            pods += slot.pods;
        }
        // In a frozen slot nothing was served; another without pods may stand in for it, which only lowers the bound.
        let unpaid = pods == 0 && frozen > 0;
        frozen -= u32::from(unpaid);
        usd += floored(slot_usd, pods, if unpaid { 0.0 } else { 1.0 }) / 12.0;
    }
    Some(usd)
}

/// Dollars as nano-dollars, a part in ten million lower, which is more than the solver's tolerance.
fn nanos(usd: f64) -> NanoUsd {
    let nanos = crate::number::whole_u64((usd * 1e9 * (1.0 - 1e-7)).floor());
    NanoUsd::new(nanos.into())
}

/// The cheapest of `candidates` by their bounds, the best first, at most `keep`: what is worth a replay.
///
/// All are bounded on what `outcome` served to elastic VMs. Candidates without a price, and those that cannot hold it,
/// are left out. Gives indexes and bounds.
pub fn screen(outcome: &Outcome, candidates: &[Setup], keep: usize) -> Vec<(usize, NanoUsd)> {
    let only_evms = Outcome {
        hours: outcome.hours.clone(),
        frozen: outcome.frozen.clone(),
        groups: outcome.groups.iter().filter(|group| group.evm).cloned().collect(),
        ..Outcome::default()
    };
    let mut bounds: Vec<(NanoUsd, usize)> = candidates
        .iter()
        .enumerate()
        .filter_map(|(at, setup)| Some((lower_bound(&only_evms, setup, Grain::Hour)?.total(), at)))
        .collect();
    bounds.sort_unstable();
    bounds.truncate(keep);
    bounds.into_iter().map(|(bound, at)| (at, bound)).collect()
}

/// Seconds of machines and hosts at their prices, hour by hour: what the bound bounds. `None` where a price is missing.
pub fn compute_cost(outcome: &Outcome, setup: &Setup) -> Option<Vec<NanoUsd>> {
    let host = setup.pool.as_ref().map(|pool| pool.host.price);
    let hour = |hour: &crate::outcome::HourBilled| {
        let mut sum = types::PriceSeconds::default();
        for (kind, seconds) in &hour.node_seconds {
            let price = setup.catalog.machines.get(index(*kind))?.price?;
            sum += price.for_seconds(i64::try_from(*seconds).ok()?);
        }
        let seconds = i64::try_from(hour.host_seconds + hour.spare_host_seconds).ok()?;
        if seconds > 0 {
            sum += host??.for_seconds(seconds);
        }
        Some(sum.cost())
    };
    outcome.hours.iter().map(hour).collect()
}
