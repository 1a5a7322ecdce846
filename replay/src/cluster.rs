//! Hour as every scenario shares it: which pods come, stay and go, and what they use.
//!
//! An hour is read once. Pods get dense ids while they live, so that a scenario keeps what it knows of them in plain
//! vectors; ids are used again once a pod is gone, so that memory grows with pods alive and not with days.

mod container_imputation;
mod imputed_amounts;
pub(crate) mod intake;
mod lane_bits;
mod last_day_usage;
mod pod_usage;
mod taken_hour;
mod usage_means;

pub(crate) use container_imputation::Guess;
pub(crate) use imputed_amounts::is_silent;
pub use imputed_amounts::{Amounts, Imputed};
pub(crate) use taken_hour::Shared;
pub use taken_hour::{HourIntake, SharedHour, TakenHour, Walk};

use std::collections::BTreeMap;

use crate::input_hour::{Ask, HOUR_SECONDS, Hour, Lane, NodeRow, PodRow, Role, SLOTS};
use crate::outcome::Evictions;
use crate::slab::Table;
use crate::unknown_zones::{FrozenPast, FrozenSlots};

/// Hours for which work that starts late is followed: it is shifted by at most so much, and the ids of pods that are
/// gone stay theirs so much longer.
const FOLLOWED_HOURS: usize = 2;
/// The same in seconds.
pub(crate) const FOLLOWED_SECONDS: i64 = 2 * HOUR_SECONDS;
/// Hours of use that work shifted so far draws on.
pub(crate) const KEPT_HOURS: usize = 1 + FOLLOWED_HOURS;
/// A moment that never comes.
pub(crate) const NEVER: i64 = i64::MAX;

/// A pod that is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pod {
    pub(crate) uid: u128,
    pub(crate) workload: u32,
    pub(crate) zone: u16,
    pub(crate) platform: u16,
    pub(crate) observed_type: u32,
    /// Node it ran on when it came, and the group of that.
    pub(crate) node: u32,
    pub(crate) node_group: u16,
    pub(crate) movable: crate::input_hour::Movable,
    pub(crate) volumes: u16,
    pub(crate) pausing_volumes: u16,
    /// Request as it is.
    pub(crate) as_is: Ask,
    /// Request right-sized.
    pub(crate) sized: Ask,
    pub(crate) role: Role,
    /// Moment from which it held its requests as recorded, in replay seconds; it may be asked for before.
    pub(crate) since: i64,
    /// Moment at which it ended as recorded; [`NEVER`] while that is not known.
    pub(crate) until: i64,
    /// Seconds it waited, as recorded.
    pub(crate) waited: u32,
    /// The run of a CronJob it belongs to; zero where not known.
    pub(crate) run: u64,
    /// `true` when it starts in the hours replayed, rather than being there when they begin or go on.
    pub(crate) starts: bool,
}

/// Use of a pod in the slots of the hour: known or imputed, and zero outside its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Demand {
    /// Mean, in millicores of the whole slot.
    pub(crate) cpu: Lane,
    /// Peak, where known; else the mean while alive.
    pub(crate) cpu_max: Lane,
    /// Largest memory, in MiB.
    pub(crate) memory: Lane,
    /// Mean memory, where known; else the largest.
    pub(crate) memory_mean: Lane,
}

impl Demand {
    pub(crate) const ZERO: Self =
        Self { cpu: Lane::ZERO, cpu_max: Lane::ZERO, memory: Lane::ZERO, memory_mean: Lane::ZERO };
}

/// Events of a pod, in the order of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// It ends as recorded.
    Ends,
    /// It was scheduled at this moment as recorded, and asked for before.
    IsDue,
    /// It is asked for.
    Asked,
}

/// Something happens to a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Event {
    /// Second of the hour.
    pub(crate) second: u16,
    pub(crate) what: What,
    /// Ties by uid.
    pub(crate) uid: u128,
    pub(crate) pod: u32,
}

/// Habit of pods of one workload: their past use, each hour counting a little less than the one after it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Habit {
    slots: f64,
    cpu: f64,
    memory: f64,
    seen_slots: u32,
}

impl Habit {
    /// Mean CPU and memory of one pod; `None` with under an hour of history.
    pub(crate) fn mean(&self) -> Option<(f64, f64)> {
        (self.seen_slots >= 12 && self.slots > 0.0).then(|| (self.cpu / self.slots, self.memory / self.slots))
    }
}

/// Use of daemons on one machine: their use in the cluster divided by its nodes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DaemonUse {
    pub(crate) cpu: Lane,
    pub(crate) memory: Lane,
    /// Part of it that is imputed.
    pub(crate) guess: Guess,
}

impl DaemonUse {
    const NONE: Self = Self { cpu: Lane::ZERO, memory: Lane::ZERO, guess: Guess::NONE };
}
/// The hour in work and what is known of those before it, as all scenarios see it.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) pods: Table<Pod>,
    /// The workload of each pod.
    pub(crate) workloads: Table<u32>,
    pub(crate) demand: Table<Demand>,
    pub(crate) events: Vec<Event>,
    /// Pods whose right-sized request changed with this hour, by id.
    pub(crate) resized: Vec<u32>,
    pub(crate) habits: Table<Habit>,
    pub(crate) daemons: DaemonUse,
    /// Slots of the hour in which zones are frozen, and those of the hours so far.
    pub(crate) frozen: FrozenSlots,
    pub(crate) frozen_past: FrozenPast,
    /// Zones that were frozen when the hour before ended.
    frozen_before: Vec<u16>,
    /// Nodes that are there through the first hour, in order.
    pub(crate) first_nodes: Vec<NodeRow>,
    /// Seconds of nodes in hours in which no pod was on them, daemons aside, by type.
    pub(crate) empty_nodes: BTreeMap<u32, u64>,
    /// Share of memory touched on nodes in each slot, in millionths; unknown where no node tells.
    pub(crate) touched: Lane,
    /// Hours advanced so far; the hour in work is the last of them.
    pub(crate) hours: i64,
    /// Start of the hour in work, in seconds since the epoch.
    pub(crate) hour_start: i64,
    /// Pod-seconds asked for so far.
    pub(crate) asked_seconds: u64,
    /// Pods that could be evicted in the hour in work.
    pub(crate) evictable: Evictions,
    /// Pods of services in the hour in work, by workload.
    replicas: Vec<u32>,
    /// Core-milliseconds used so far, by workload.
    pub(crate) cpu_used: Vec<u64>,
    /// `true` when the hour in work is the first, or hours are missing before it.
    pub(crate) resumed: bool,
    pub(crate) imputed: Imputed,
    /// Slots of the hour in which use was seen of nothing at all, though pods were there.
    silent: [bool; SLOTS],
    /// Slots of the hours before this one that were not silent: histories know no others.
    known_slots: u64,
    /// Parts of the hour's use that are imputed: a row for each pod, [`NONE`](crate::input_hour::NONE) for nearly all of them.
    guesses: Vec<Guess>,
    guess_of: Table<u32>,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        Self {
            pods: Table::default(),
            workloads: Table::default(),
            demand: Table::default(),
            events: Vec::new(),
            resized: Vec::new(),
            habits: Table::default(),
            daemons: DaemonUse::NONE,
            touched: Lane::UNKNOWN,
            first_nodes: Vec::new(),
            empty_nodes: BTreeMap::new(),
            frozen: FrozenSlots::default(),
            frozen_past: FrozenPast::default(),
            frozen_before: Vec::new(),
            hours: 0,
            hour_start: 0,
            asked_seconds: 0,
            evictable: Evictions::default(),
            replicas: Vec::new(),
            cpu_used: Vec::new(),
            resumed: true,
            imputed: Imputed::default(),
            silent: [false; SLOTS],
            known_slots: 0,
            guesses: Vec::new(),
            guess_of: Table::default(),
        }
    }

    /// Start of the hour in work, in replay seconds: hours that are missing do not count.
    pub(crate) fn now(&self) -> i64 {
        (self.hours - 1) * HOUR_SECONDS
    }

    /// Returns true when a pod is of a stateful set, or the one replica of its workload.
    pub(crate) fn is_single(&self, pod: u32) -> bool {
        self.pods[pod].role == Role::Stateful || self.is_only_replica(self.workloads[pod])
    }

    fn is_only_replica(&self, workload: u32) -> bool {
        self.replicas.get(crate::number::index(workload)).is_none_or(|replicas| *replicas <= 1)
    }

    /// Returns true when requests are sized with this hour for the first time.
    pub(crate) fn sized_first(&self) -> bool {
        self.hours == 25
    }

    /// Returns true when any zone may go on in the hour that was frozen.
    pub(crate) fn may_thaw(&self) -> bool {
        !self.frozen.is_empty() || !self.frozen_before.is_empty()
    }

    /// Returns true when a zone that was frozen goes on with slot `k` of the hour.
    pub(crate) fn thaws(&self, zone: u16, k: usize) -> bool {
        let before = match k.checked_sub(1) {
            Some(before) => self.frozen.at(zone, before),
            None => self.frozen_before.contains(&zone),
        };
        before && !self.frozen.at(zone, k)
    }

    /// Seconds of its row in which a pod is not in a frozen zone.
    fn seconds_of(&self, row: &PodRow) -> u64 {
        let (from, to) = (self.now() + i64::from(row.alive_from), self.now() + i64::from(row.alive_to));
        u64::from(row.alive_to - row.alive_from) - self.frozen_past.seconds(row.zone, from, to)
    }

    /// Slots before slot `k` of the hour in which anything was seen: the clock of histories, for which others are no time.
    pub(crate) fn known_slots_before(&self, k: usize) -> u64 {
        let known = self.silent.iter().take(k).filter(|silent| !**silent).count();
        self.known_slots + u64::from(crate::number::id(known))
    }

    /// Returns true when use was seen of nothing at all in slot `k` of the hour, though pods were there.
    pub(crate) fn is_silent(&self, k: usize) -> bool {
        self.silent.get(k).copied().unwrap_or_default()
    }

    /// Returns the part of a pod's use in this hour that is imputed; `None` where all of it is known.
    pub(crate) fn guess_of(&self, pod: u32) -> Option<&Guess> {
        if self.guesses.is_empty() {
            return None;
        }
        self.guesses.get(crate::number::index(self.guess_of[pod]))
    }
}

impl Clone for Cluster {
    fn clone(&self) -> Self {
        let mut same = Self::new();
        same.clone_from(self);
        same
    }

    /// Becomes the same in the memory it has: a copy is made of every hour.
    fn clone_from(&mut self, other: &Self) {
        self.pods.clone_from(&other.pods);
        self.workloads.clone_from(&other.workloads);
        self.demand.clone_from(&other.demand);
        self.events.clone_from(&other.events);
        self.resized.clone_from(&other.resized);
        self.habits.clone_from(&other.habits);
        self.frozen.clone_from(&other.frozen);
        self.frozen_past.clone_from(&other.frozen_past);
        self.frozen_before.clone_from(&other.frozen_before);
        self.first_nodes.clone_from(&other.first_nodes);
        self.empty_nodes.clone_from(&other.empty_nodes);
        self.replicas.clone_from(&other.replicas);
        self.cpu_used.clone_from(&other.cpu_used);
        self.guesses.clone_from(&other.guesses);
        self.guess_of.clone_from(&other.guess_of);
        (self.daemons, self.touched, self.evictable, self.imputed) =
            (other.daemons, other.touched, other.evictable, other.imputed);
        (self.hours, self.hour_start, self.asked_seconds) = (other.hours, other.hour_start, other.asked_seconds);
        (self.resumed, self.silent, self.known_slots) = (other.resumed, other.silent, other.known_slots);
    }
}

/// Nodes of an hour in zones that are not frozen, slot by slot; at least one.
fn nodes_by_slot(hour: &Hour) -> [u32; SLOTS] {
    let all = u32::try_from(nodes(hour)).unwrap_or(u32::MAX);
    if hour.frozen().is_empty() {
        return [all; SLOTS];
    }
    std::array::from_fn(|k| {
        let there = hour.nodes().iter().filter(|node| !hour.frozen().at(node.zone, k));
        let seconds: u64 = there.map(|node| u64::from(node.up_seconds)).sum();
        u32::try_from(seconds / 3600).unwrap_or(u32::MAX).max(1)
    })
}

/// Nodes of an hour, weighted by the time they were there; at least one.
fn nodes(hour: &Hour) -> u64 {
    let seconds: u64 = hour.nodes().iter().map(|node| u64::from(node.up_seconds)).sum();
    (seconds / 3600).max(1)
}

/// Returns what daemons ask for on each machine, from the hour's nodes: their requests divided by the nodes, rounded
/// up.
///
/// That is configuration, not behaviour, so the whole window may use it without looking ahead.
pub fn daemons_of(hour: &Hour) -> (Ask, u32) {
    let nodes = nodes(hour);
    let (mut cpu, mut memory, mut pods) = (0_u64, 0_u64, 0_u64);
    for row in hour.pods().iter().filter(|row| row.daemon) {
        let seconds = u64::from(row.alive_to - row.alive_from);
        cpu += u64::from(row.ask.cpu_millicores) * seconds;
        memory += u64::from(row.ask.memory_mib) * seconds;
        pods += seconds;
    }
    let each = |sum: u64| u32::try_from(sum.div_ceil(nodes * 3600)).unwrap_or(u32::MAX);
    (Ask { cpu_millicores: each(cpu), memory_mib: each(memory) }, each(pods))
}

/// Zones by what pods that are placed request in them in an hour, most first, 4 GiB counted as a core; the lower index of
/// equals.
///
/// Like [`daemons_of`] that is configuration: a user who builds a pool in fewer zones chooses them beforehand.
pub fn zones_of(hour: &Hour) -> Vec<u16> {
    let mut zones: Vec<(u64, u16)> = Vec::new();
    for row in hour.pods().iter().filter(|row| !row.daemon) {
        let seconds = u64::from(row.alive_to - row.alive_from);
        let asked = u64::from(row.ask.cpu_millicores) + u64::from(row.ask.memory_mib) * 1000 / 4096;
        match zones.iter_mut().find(|(_, zone)| *zone == row.zone) {
            Some((sum, _)) => *sum += asked * seconds,
            None => zones.push((asked * seconds, row.zone)),
        }
    }
    zones.sort_unstable_by_key(|(asked, zone)| (std::cmp::Reverse(*asked), *zone));
    zones.into_iter().map(|(_, zone)| zone).collect()
}

/// Adds `row` of a workload's habits, where it is not there yet.
fn habit(habits: &mut Table<Habit>, workload: u32) -> &mut Habit {
    habits.grow(workload + 1, Habit::default);
    &mut habits[workload]
}

#[cfg(test)]
mod tests;
