//! Input of the engine: one closed hour of a cluster, in memory alone.

use crate::number::index;
use crate::unknown_zones::{FrozenSlots, Known};

pub use types::{SLOT_SECONDS, SLOTS_PER_HOUR as SLOTS};

/// Seconds in an hour.
pub const HOUR_SECONDS: i64 = 3600;
/// No sample: not known, and never zero.
pub const UNKNOWN: u32 = u32::MAX;
/// An index that names nothing.
pub const NONE: u32 = u32::MAX;

/// One value for each slot of an hour; [`UNKNOWN`] where there is no sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane(pub [u32; SLOTS]);

impl Lane {
    /// Nothing in every slot.
    pub const ZERO: Self = Self([0; SLOTS]);
    /// No sample in any slot.
    pub const UNKNOWN: Self = Self([UNKNOWN; SLOTS]);

    /// The value of slot `k`; zero beyond the hour.
    pub fn at(&self, k: usize) -> u32 {
        self.0.get(k).copied().unwrap_or_default()
    }

    pub(crate) fn set(&mut self, k: usize, value: u32) {
        if let Some(cell) = self.0.get_mut(k) {
            *cell = value;
        }
    }

    /// Core-milliseconds of an hour of so many millicores: a millicore in a slot is 300 of them.
    pub(crate) fn core_milliseconds(&self) -> u64 {
        self.0.iter().map(|millicores| u64::from(*millicores) * 300).sum()
    }

    /// Adds `other`. Known values only; a machine's sum stays far below 2^32 millicores or MiB.
    pub(crate) fn add(&mut self, other: &Self) {
        for (cell, add) in self.0.iter_mut().zip(&other.0) {
            *cell = cell.wrapping_add(*add);
        }
    }

    /// Takes away what [`Self::add`] added.
    pub(crate) fn sub(&mut self, other: &Self) {
        for (cell, sub) in self.0.iter_mut().zip(&other.0) {
            *cell = cell.wrapping_sub(*sub);
        }
    }
}

/// Request of a pod to a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ask {
    /// CPU the scheduler reserves, in millicores; zero where nothing in the pod requests any.
    pub cpu_millicores: u32,
    /// Memory the scheduler reserves, in MiB, rounded up; zero where nothing in the pod requests any.
    pub memory_mib: u32,
}

/// Flags of whether a pod may move to elastic VMs, selection by selection: a scenario goes by one of them
/// ([`crate::Setup::selection`]), so that scenarios that move different pods advance together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Movable(u16);

impl Movable {
    /// Under no selection.
    pub const NEVER: Self = Self(0);
    /// Under every selection.
    pub const ALWAYS: Self = Self(u16::MAX);
    /// Selections there can be.
    pub const MOST: u8 = 16;

    /// The same, moving under `selection` too. One beyond [`Self::MOST`] is not kept.
    pub const fn and_under(self, selection: u8) -> Self {
        if selection < Self::MOST { Self(self.0 | 1 << selection) } else { self }
    }

    /// Returns true when it moves under `selection`.
    pub const fn under(self, selection: u8) -> bool {
        selection < Self::MOST && self.0 >> selection & 1 == 1
    }
}

impl From<bool> for Movable {
    fn from(moves: bool) -> Self {
        if moves { Self::ALWAYS } else { Self::NEVER }
    }
}

/// Role of a pod: what becomes of it when it starts late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Role {
    /// It serves: its end stays, and what it was late by is lost. Deployments, and whatever is not known.
    #[default]
    Service,
    /// The same, with a name and a disk of its own: a StatefulSet.
    Stateful,
    /// It works: a late one does the same work later. Jobs, bare pods, and those of batch frameworks.
    Batch,
    /// The same, run by the clock: a CronJob.
    Periodic,
}

impl Role {
    /// Returns true when work that starts late is done later, rather than lost.
    pub const fn shifts(self) -> bool {
        matches!(self, Self::Batch | Self::Periodic)
    }
}

/// One pod in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodRow {
    /// Uid, as a number: the identity of the pod across hours, and what breaks ties.
    pub uid: u128,
    /// Workload, as an index the caller keeps stable.
    pub workload: u32,
    /// Zone of the node it ran on, as an index the caller keeps stable.
    pub zone: u16,
    /// Architecture, OS and capacity type it ran on, as an index into what the caller told [`crate::Catalog`].
    pub platform: u16,
    /// Type of the node it ran on, as an index into the machine types; [`NONE`] when not known.
    pub observed_type: u32,
    /// `true` when it may move to elastic VMs.
    pub movable: Movable,
    /// `true` when a daemonset runs it, or the kubelet itself: it is on every machine, and is not placed.
    pub daemon: bool,
    /// Role: what becomes of it when it starts late.
    pub role: Role,
    /// Effective request.
    pub ask: Ask,
    /// EBS volumes it mounts.
    pub volumes: u16,
    /// Those of them that stop an elastic VM for some seconds when it migrates: all but io2 with multi-attach.
    pub pausing_volumes: u16,
    /// Second of the hour from which it holds its requests.
    pub alive_from: u16,
    /// Second of the hour at which it no longer does; 3600 while it lives on.
    pub alive_to: u16,
    /// Seconds it waited to be scheduled, from its creation to `alive_from`; zero where that is not known, and where it
    /// was scheduled in an hour before.
    pub waited: u32,
    /// The run of a CronJob it belongs to: one number for the pods of one Job. Zero where that is not known; then pods
    /// asked for within a minute of a run's first belong to it.
    pub run: u64,
    /// Slots of the hour of which nothing is known of its life, slot `k` as bit `k`: no sample says that it was there,
    /// and none of its node says that it was not. It counts as alive in them by `alive_from` and `alive_to`.
    pub unknown_slots: u16,
    /// Node it ran on, as [`NodeRow::node`] names it; [`NONE`] when not known.
    pub node: u32,
    /// Node group or node pool of that node, as an index the caller keeps stable; nodes without one share an index.
    pub node_group: u16,
}

impl PodRow {
    /// Second of the hour from which it is asked for: that of its creation, or the hour's first where that lies before.
    pub(crate) fn asked_from(&self) -> u16 {
        self.alive_from.saturating_sub(u16::try_from(self.waited).unwrap_or(u16::MAX))
    }

    /// The seconds `[from, to)` in which a pod was alive, from its seconds in each slot.
    ///
    /// `scheduled` and `ended`, seconds of the hour, place a pod that lived within one slot; without them it
    /// lies at the slot's start. `None` when it was not alive at all.
    pub fn alive(seconds_by_slot: &[u16; SLOTS], scheduled: Option<i64>, ended: Option<i64>) -> Option<(u16, u16)> {
        let mut alive = seconds_by_slot.iter().zip((0_u16..).step_by(300)).filter(|(seconds, _)| **seconds > 0);
        let (first, first_start) = alive.next()?;
        let (last, last_start) = alive.last().unwrap_or((first, first_start));
        let (first, last) = ((*first).min(300), (*last).min(300));
        if first_start < last_start {
            return Some((first_start + 300 - first, last_start + last));
        }
        let latest = first_start + 300 - first;
        let offset = |second: i64| u16::try_from(second.clamp(first_start.into(), latest.into())).ok();
        let from = scheduled.and_then(offset).or_else(|| ended.and_then(|end| offset(end - i64::from(first))));
        let from = from.unwrap_or(first_start);
        Some((from, from + first))
    }
}

/// One container of a pod in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerRow {
    /// Index of its pod's row in the hour.
    pub pod: u32,
    /// Container of its workload, as an index the caller keeps stable: what is right-sized together. [`NONE`] for
    /// init containers, whose use counts and whose silence is not a gap.
    pub class: u32,
    /// Its own request; zero where it requests nothing.
    pub ask: Ask,
    /// Mean millicores of each slot while it ran in it.
    pub cpu_mean_millicores: Lane,
    /// Peak millicores of each slot, where a source finer than the slot exists.
    pub cpu_max_millicores: Lane,
    /// Mean memory of each slot, in MiB; [`UNKNOWN`] where only the largest is known, which then stands for it.
    pub memory_mean_mib: Lane,
    /// Largest memory sample of each slot, in MiB.
    pub memory_max_mib: Lane,
}

impl ContainerRow {
    /// A container without a sample, whichever its pod.
    pub(crate) const fn silent(class: u32, ask: Ask) -> Self {
        Self {
            pod: NONE,
            class,
            ask,
            cpu_mean_millicores: Lane::UNKNOWN,
            cpu_max_millicores: Lane::UNKNOWN,
            memory_mean_mib: Lane::UNKNOWN,
            memory_max_mib: Lane::UNKNOWN,
        }
    }
}

/// One node as observed in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeRow {
    /// Zone.
    pub zone: u16,
    /// Architecture, OS and capacity type.
    pub platform: u16,
    /// Type, as an index into the machine types; [`NONE`] when not known.
    pub machine_type: u32,
    /// Seconds of the hour in which it was there.
    pub up_seconds: u16,
    /// Memory of the node, in MiB.
    pub memory_mib: u32,
    /// Memory touched, page cache included, in MiB.
    pub touched_mib: Lane,
    /// Node, as an index the caller keeps stable.
    pub node: u32,
    /// Node group or node pool, as an index the caller keeps stable; nodes without one share an index.
    pub node_group: u16,
}

/// One closed hour. Rows are sorted when it is made, so that their order says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    start: i64,
    pods: Vec<PodRow>,
    containers: Vec<ContainerRow>,
    nodes: Vec<NodeRow>,
    frozen: FrozenSlots,
}

/// Why rows are not an hour.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidHour {
    /// The hour does not start at a full hour.
    #[error("an hour cannot start at `{0}`; expected a multiple of 3600")]
    Start(i64),
    /// Two rows of one pod.
    #[error("pod `{uid:032x}` has two rows in one hour; merge them first")]
    TwoRows {
        /// The pod.
        uid: u128,
    },
    /// A pod lives backwards, or beyond the hour.
    #[error("pod `{uid:032x}` cannot live from second {from} to {to} of an hour")]
    Life {
        /// The pod.
        uid: u128,
        /// Its start.
        from: u16,
        /// Its end.
        to: u16,
    },
    /// A container names a row that is not there.
    #[error("a container names pod row {row}, and the hour has {rows}")]
    Container {
        /// The row named.
        row: u32,
        /// Rows there are.
        rows: usize,
    },
}

/// The same rows, those of one pod together, by pod. Rows are large, and each is moved once.
fn by_pod(containers: &[ContainerRow], pods: usize) -> Vec<ContainerRow> {
    let mut next = vec![0_u32; pods + 1];
    for container in containers {
        if let Some(cell) = next.get_mut(index(container.pod) + 1) {
            *cell += 1;
        }
    }
    let mut before = 0;
    for cell in &mut next {
        before += *cell;
        *cell = before;
    }
    let mut order = vec![0_u32; containers.len()];
    for (row, container) in (0_u32..).zip(containers) {
        let Some(place) = next.get_mut(index(container.pod)) else { continue };
        if let Some(cell) = order.get_mut(index(*place)) {
            *cell = row;
        }
        *place += 1;
    }
    order.iter().filter_map(|row| containers.get(index(*row)).copied()).collect()
}

/// Slots in which nothing is known of the lives of pods that request over half of a zone's core-seconds. A pod that
/// requests nothing counts as a millicore.
fn frozen_slots(pods: &[PodRow]) -> FrozenSlots {
    if pods.iter().all(|pod| pod.unknown_slots == 0) {
        return FrozenSlots::default();
    }
    let mut zones: Vec<(u16, Known)> = Vec::new();
    for pod in pods {
        let at = zones.binary_search_by_key(&pod.zone, |(zone, _)| *zone).unwrap_or_else(|at| {
            zones.insert(at, (pod.zone, [(0, 0); SLOTS]));
            at
        });
        let Some((_, known)) = zones.get_mut(at) else { continue };
        for (k, (asked, unknown)) in known.iter_mut().enumerate() {
            let core_ms = u64::from(pod.ask.cpu_millicores.max(1)) * u64::from(pod.alive_in(k));
            *asked += core_ms;
            *unknown += if pod.unknown_slots >> k & 1 == 1 { core_ms } else { 0 };
        }
    }
    FrozenSlots::of(zones)
}

impl PodRow {
    /// Seconds of slot `k` in which it is alive.
    pub(crate) fn alive_in(&self, k: usize) -> u32 {
        let start = i64::try_from(k).unwrap_or_default() * SLOT_SECONDS;
        let seconds = i64::from(self.alive_to).min(start + SLOT_SECONDS) - i64::from(self.alive_from).max(start);
        u32::try_from(seconds).unwrap_or_default()
    }

    /// The same row with what lies in frozen slots moved to when its zone goes on: that it starts, that it was created,
    /// and that it ends. `known` is whether it was there when the hour began.
    pub(crate) fn thawed(&self, frozen: &FrozenSlots, known: bool) -> Self {
        if frozen.of_zone(self.zone).is_none() {
            return *self;
        }
        let at = |second: u16| frozen.thawed(self.zone, second);
        let goes_on = known && self.alive_from == 0;
        let from = if goes_on { 0 } else { at(self.alive_from) };
        let to = if i64::from(self.alive_to) < HOUR_SECONDS { at(self.alive_to) } else { self.alive_to };
        let waited = if from == self.alive_from {
            // Created in a frozen slot it is asked for when the zone goes on.
            let asked = at(self.asked_from()).min(from);
            if asked > self.asked_from() { u32::from(from - asked) } else { self.waited }
        } else {
            0
        };
        Self { alive_from: from, alive_to: to.max(from), waited, ..*self }
    }
}

/// Of a frozen slot nothing is known, whatever rows say of it.
fn forget_frozen(pods: &[PodRow], containers: &mut [ContainerRow], frozen: &FrozenSlots) {
    for row in containers {
        let Some(slots) = pods.get(index(row.pod)).and_then(|pod| frozen.of_zone(pod.zone)) else { continue };
        let lanes = [
            &mut row.cpu_mean_millicores,
            &mut row.cpu_max_millicores,
            &mut row.memory_mean_mib,
            &mut row.memory_max_mib,
        ];
        for lane in lanes {
            let cells = lane.0.iter_mut().zip(slots).filter(|(_, frozen)| **frozen);
            cells.for_each(|(cell, _)| *cell = UNKNOWN);
        }
    }
}

impl Hour {
    /// The hour that starts at `start`, in seconds since the epoch.
    ///
    /// # Errors
    /// [`InvalidHour`] when rows contradict themselves.
    pub fn new(
        start: i64,
        pods: Vec<PodRow>,
        mut containers: Vec<ContainerRow>,
        mut nodes: Vec<NodeRow>,
    ) -> Result<Self, InvalidHour> {
        if start.rem_euclid(HOUR_SECONDS) != 0 {
            return Err(InvalidHour::Start(start));
        }
        let rows = pods.len();
        let mut order: Vec<usize> = (0..rows).collect();
        order.sort_unstable_by_key(|row| pods.get(*row).map(|pod| pod.uid));
        let mut place_of = vec![0_u32; rows];
        for (place, row) in (0_u32..).zip(&order) {
            if let Some(cell) = place_of.get_mut(*row) {
                *cell = place;
            }
        }
        let pods: Vec<PodRow> = order.iter().filter_map(|row| pods.get(*row).copied()).collect();
        for pod in &pods {
            if pod.alive_from > pod.alive_to || i64::from(pod.alive_to) > HOUR_SECONDS {
                return Err(InvalidHour::Life { uid: pod.uid, from: pod.alive_from, to: pod.alive_to });
            }
        }
        if let Some([pod, _]) = pods.array_windows().find(|[a, b]| a.uid == b.uid) {
            return Err(InvalidHour::TwoRows { uid: pod.uid });
        }
        for container in &mut containers {
            let row = container.pod;
            container.pod = *place_of.get(index(row)).ok_or(InvalidHour::Container { row, rows })?;
        }
        if !containers.is_sorted_by_key(|container| container.pod) {
            containers = by_pod(&containers, rows);
        }
        for own in containers.chunk_by_mut(|a, b| a.pod == b.pod) {
            own.sort_unstable();
        }
        nodes.sort_unstable();
        let frozen = frozen_slots(&pods);
        if !frozen.is_empty() {
            forget_frozen(&pods, &mut containers, &frozen);
        }
        Ok(Self { start, pods, containers, nodes, frozen })
    }

    /// The same hour with pods that move as they do in `other`, which may have no containers. A pod that is not in it moves
    /// as before.
    #[must_use]
    pub fn moving_as(mut self, other: &Self) -> Self {
        let mut others = other.pods.iter().peekable();
        for pod in &mut self.pods {
            while others.next_if(|other| other.uid < pod.uid).is_some() {}
            if let Some(other) = others.next_if(|other| other.uid == pod.uid) {
                pod.movable = other.movable;
            }
        }
        self
    }

    /// Start of the hour, in seconds since the epoch.
    pub fn start(&self) -> i64 {
        self.start
    }

    /// Pods, by uid.
    pub fn pods(&self) -> &[PodRow] {
        &self.pods
    }

    /// Containers, by pod.
    pub fn containers(&self) -> &[ContainerRow] {
        &self.containers
    }

    /// Slots in which zones are frozen.
    pub(crate) const fn frozen(&self) -> &FrozenSlots {
        &self.frozen
    }

    /// Nodes as observed.
    pub fn nodes(&self) -> &[NodeRow] {
        &self.nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(seconds: &[(usize, u16)], scheduled: Option<i64>, ended: Option<i64>, expect: Option<(u16, u16)>) {
        let mut slots = [0; SLOTS];
        for (k, s) in seconds {
            slots[*k] = *s;
        }
        assert_eq!(PodRow::alive(&slots, scheduled, ended), expect);
    }

    #[test]
    fn a_life_is_read_off_the_seconds_of_its_slots() {
        check(&[], None, None, None);
        check(&[(0, 300), (1, 20)], None, None, Some((0, 320)));
        check(&[(2, 10), (3, 300), (4, 7)], None, None, Some((890, 1207)));
        check(&[(2, 40)], Some(650), Some(690), Some((650, 690)));
        check(&[(2, 40)], None, Some(700), Some((660, 700)));
        check(&[(2, 40)], Some(-5), None, Some((600, 640)));
        check(&[(2, 40)], Some(890), None, Some((860, 900)));
    }

    #[test]
    fn rows_that_contradict_themselves_are_no_hour() {
        let pod = PodRow {
            uid: 7,
            workload: 0,
            zone: 0,
            platform: 0,
            observed_type: NONE,
            movable: Movable::ALWAYS,
            daemon: false,
            role: Role::Service,
            ask: Ask::default(),
            volumes: 0,
            pausing_volumes: 0,
            alive_from: 0,
            alive_to: 3600,
            waited: 0,
            run: 0,
            unknown_slots: 0,
            node: NONE,
            node_group: 0,
        };
        let hour = |start, pods| Hour::new(start, pods, vec![], vec![]);
        assert_eq!(hour(1, vec![]), Err(InvalidHour::Start(1)));
        assert_eq!(hour(0, vec![pod, pod]), Err(InvalidHour::TwoRows { uid: 7 }));
        let backwards = PodRow { alive_from: 5, alive_to: 4, ..pod };
        assert_eq!(hour(0, vec![backwards]), Err(InvalidHour::Life { uid: 7, from: 5, to: 4 }));
        let container = ContainerRow { pod: 3, ..ContainerRow::silent(0, Ask::default()) };
        let error = Hour::new(0, vec![pod], vec![container], vec![]).unwrap_err();
        assert_eq!(error.to_string(), "a container names pod row 3, and the hour has 1");
    }
}
