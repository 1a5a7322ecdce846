//! Hours as scenarios take them, in a small form, kept to be replayed again.
//!
//! A window is replayed some forty times over a dozen passes, and taking its hours in costs as much as several replays.
//! What comes of that is the same in every pass: it is kept by what changes from hour to hour, and use in as many bits as
//! it needs.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::intake::Intake;
use super::lane_bits::{Bits, Reader};
use super::{Cluster, DaemonUse, Demand, Event, Guess, Habit, Imputed, NEVER, Pod, What};
use crate::input_hour::{Ask, Hour, Lane, Movable, NONE, NodeRow, Role, SLOTS};
use crate::number::{id, index, unsigned};
use crate::outcome::Evictions;
use crate::rightsized_requests::RightSizing;
use crate::slab::Table;
use crate::unknown_zones::FrozenSlots;

/// Hours being taken in: what is known after the last of them.
#[derive(Debug, Clone)]
pub struct HourIntake {
    intake: Intake,
    /// The cluster as the last hour was packed, by what differs in the next.
    last: Before,
}

/// Tables of the last hour that was packed.
#[derive(Debug, Clone, Default)]
struct Before {
    pods: Table<Pod>,
    replicas: Vec<u32>,
    kinds: Numbers<PodKind>,
    seats: Numbers<Seat>,
}

/// What many pods have in common, whatever they ran on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct PodKind {
    workload: u32,
    movable: Movable,
    volumes: u16,
    pausing_volumes: u16,
    as_is: Ask,
    sized: Ask,
    role: Role,
}

/// What a pod ran on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Seat {
    node: u32,
    zone: u16,
    platform: u16,
    observed_type: u32,
    node_group: u16,
}

/// Numbers given to values as they are first met.
#[derive(Debug, Clone)]
struct Numbers<T> {
    of: HashMap<T, u32>,
    /// Those that are new in the hour in work, in the order of their numbers.
    new: Vec<T>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { of: HashMap::new(), new: Vec::new() }
    }
}

impl<T: Copy + Eq + Hash> Numbers<T> {
    fn of(&mut self, value: T) -> u32 {
        let next = id(self.of.len());
        *self.of.entry(value).or_insert_with(|| {
            self.new.push(value);
            next
        })
    }
}

/// One hour that was taken in.
#[derive(Debug)]
pub struct TakenHour(Kind);

#[derive(Debug)]
enum Kind {
    Replayed(Box<Packed>),
    /// Nothing is known of anybody in it: as if the hour were missing.
    Frozen(i64, FrozenSlots),
}

/// What a [`Cluster`] is in an hour, but for what [`Walk`] knows from the hours before.
#[derive(Debug)]
struct Packed {
    /// Pods at places that are new or taken anew, and the events of all.
    came: u32,
    n_events: u32,
    came_and_events: Box<[u8]>,
    /// Kinds and seats of pods that none had before.
    kinds: Box<[PodKind]>,
    seats: Box<[Seat]>,
    /// Places of other pods whose end came to be known, and of those whose right-sized request changed.
    ends: Box<[(u32, i64)]>,
    sized: Box<[(u32, Ask)]>,
    resized: Box<[u32]>,
    habits: Box<[Habit]>,
    /// Replicas that changed, by workload.
    replicas: Box<[(u32, u32)]>,
    workloads_used: usize,
    /// Use of pods, place by place.
    use_of_pods: Box<[u8]>,
    daemons: DaemonUse,
    frozen: FrozenSlots,
    frozen_before: Vec<u16>,
    /// Those of the first hour alone.
    first_nodes: Vec<NodeRow>,
    empty_nodes: Box<[(u32, u64)]>,
    touched: Lane,
    hours: i64,
    hour_start: i64,
    asked_seconds: u64,
    evictable: Evictions,
    resumed: bool,
    imputed: Imputed,
    silent: [bool; SLOTS],
    known_slots: u64,
}

/// What every scenario shares of an hour.
#[derive(Debug, Clone)]
pub struct SharedHour(pub(crate) Shared);

#[derive(Debug, Clone)]
pub(crate) enum Shared {
    Replayed(Arc<Cluster>),
    /// Nothing is known of anybody in it: as if the hour were missing.
    Frozen(i64, FrozenSlots),
}

impl HourIntake {
    /// Nothing yet; requests are right-sized by a rule.
    pub fn new(rule: RightSizing) -> Self {
        Self { intake: Intake::new(Some(rule)), last: Before::default() }
    }

    /// Takes in the next hour.
    pub fn take_in(&mut self, hour: &Hour) -> TakenHour {
        if hour.frozen().whole {
            return TakenHour(Kind::Frozen(hour.start(), hour.frozen().clone()));
        }
        self.intake.advance(hour);
        let packed = Packed::of(&self.intake.cluster, &mut self.last);
        self.last.pods.clone_from(&self.intake.cluster.pods);
        self.last.replicas.clone_from(&self.intake.cluster.replicas);
        self.intake.end_hour();
        TakenHour(Kind::Replayed(Box::new(packed)))
    }
}

impl TakenHour {
    /// Memory that is taken, in bytes.
    pub fn bytes(&self) -> usize {
        match &self.0 {
            Kind::Frozen(..) => size_of::<Self>(),
            Kind::Replayed(packed) => {
                size_of::<Packed>()
                    + packed.came_and_events.len()
                    + size_of_val(&*packed.kinds)
                    + size_of_val(&*packed.seats)
                    + size_of_val(&*packed.ends)
                    + size_of_val(&*packed.sized)
                    + size_of_val(&*packed.resized)
                    + size_of_val(&*packed.habits)
                    + size_of_val(&*packed.replicas)
                    + size_of_val(&*packed.first_nodes)
                    + packed.use_of_pods.len()
            }
        }
    }
}

impl Packed {
    fn of(cluster: &Cluster, before: &mut Before) -> Self {
        let (mut came, mut ends, mut sized) = (Vec::new(), Vec::new(), Vec::new());
        for (place, pod) in (0_u32..).zip(cluster.pods.iter()) {
            match before.pods.try_row(place) {
                Some(was) if (was.uid, was.since) == (pod.uid, pod.since) => {
                    if was.until != pod.until {
                        ends.push((place, pod.until));
                    }
                    if was.sized != pod.sized {
                        sized.push((place, pod.sized));
                    }
                }
                _ => came.push((place, pod)),
            }
        }
        let came_and_events = came_and_events(cluster, &came, before);
        let was = before.replicas.iter().copied().map(Some).chain(std::iter::repeat(None));
        let replicas = (0_u32..).zip(cluster.replicas.iter().zip(was));
        let changed =
            replicas.filter(|(_, (now, was))| Some(**now) != *was).map(|(workload, (now, _))| (workload, *now));
        Self {
            came: id(came.len()),
            n_events: id(cluster.events.len()),
            came_and_events,
            kinds: std::mem::take(&mut before.kinds.new).into(),
            seats: std::mem::take(&mut before.seats.new).into(),
            ends: ends.into(),
            sized: sized.into(),
            resized: cluster.resized.as_slice().into(),
            habits: cluster.habits.iter().copied().collect(),
            replicas: changed.collect(),
            workloads_used: cluster.cpu_used.len(),
            use_of_pods: use_of_pods(cluster),
            daemons: cluster.daemons,
            frozen: cluster.frozen.clone(),
            frozen_before: cluster.frozen_before.clone(),
            first_nodes: if cluster.hours == 1 { cluster.first_nodes.clone() } else { Vec::new() },
            empty_nodes: cluster.empty_nodes.iter().map(|(kind, seconds)| (*kind, *seconds)).collect(),
            touched: cluster.touched,
            hours: cluster.hours,
            hour_start: cluster.hour_start,
            asked_seconds: cluster.asked_seconds,
            evictable: cluster.evictable,
            resumed: cluster.resumed,
            imputed: cluster.imputed,
            silent: cluster.silent,
            known_slots: cluster.known_slots,
        }
    }
}

/// Bits of a second of an hour, its end among them.
const SECOND: u32 = 12;

/// Pods that came, each by how far its place is from the last; then the events, in order.
fn came_and_events(cluster: &Cluster, came: &[(u32, &Pod)], numbers: &mut Before) -> Box<[u8]> {
    let (mut bits, mut last) = (Bits::default(), 0);
    for (place, pod) in came {
        let Pod { workload, movable, volumes, pausing_volumes, as_is, sized, role, .. } = **pod;
        let kind = PodKind { workload, movable, volumes, pausing_volumes, as_is, sized, role };
        let Pod { node, zone, platform, observed_type, node_group, .. } = **pod;
        let seat = Seat { node, zone, platform, observed_type, node_group };
        bits.number(u64::from(place - last));
        last = *place;
        for part in pod.uid.to_le_bytes() {
            bits.push(part.into(), 8);
        }
        bits.number(numbers.kinds.of(kind).into());
        bits.number(numbers.seats.of(seat).into());
        bits.push(unsigned(pod.since - cluster.now()), SECOND);
        bits.push(u64::from(pod.until < NEVER), 1);
        if pod.until < NEVER {
            bits.push(unsigned(pod.until - cluster.now()), SECOND);
        }
        bits.number(pod.waited.into());
        bits.number(pod.run);
        bits.push(u64::from(pod.starts), 1);
    }
    for event in &cluster.events {
        bits.push(event.second.into(), SECOND);
        let what = match event.what {
            What::Ends => 0,
            What::IsDue => 1,
            What::Asked => 2,
        };
        bits.push(what, 2);
        bits.number(event.pod.into());
    }
    bits.finish()
}

/// Use of all pods: of each place whether anything is used, then the lanes of that; and whether a part is imputed, then
/// those.
fn use_of_pods(cluster: &Cluster) -> Box<[u8]> {
    let mut bits = Bits::default();
    for (place, demand) in (0_u32..).zip(cluster.demand.iter()) {
        let guess = cluster.guess_of(place);
        let uses = *demand != Demand::ZERO;
        bits.push(u64::from(uses) | u64::from(guess.is_some()) << 1, 2);
        if uses {
            bits.lane(&demand.cpu, None);
            bits.lane(&demand.cpu_max, Some(&demand.cpu));
            bits.lane(&demand.memory_mean, None);
            bits.lane(&demand.memory, Some(&demand.memory_mean));
        }
        if let Some(Guess { cpu, memory }) = guess {
            bits.lane(cpu, None);
            bits.lane(memory, None);
        }
    }
    bits.finish()
}

/// Hours that were taken in, gone through in order.
#[derive(Debug)]
pub struct Walk {
    /// The last hour, without what pods use.
    cluster: Cluster,
    /// Kinds and seats of pods, by their numbers.
    kinds: Vec<PodKind>,
    seats: Vec<Seat>,
    /// Hours handed out: once all are done with one, the next is made in its place.
    copies: Vec<Arc<Cluster>>,
}

impl Default for Walk {
    fn default() -> Self {
        Self { cluster: Cluster::new(), kinds: Vec::new(), seats: Vec::new(), copies: Vec::new() }
    }
}

impl Walk {
    /// The next hour as scenarios share it. Pods that come move as they do in `moving`, where that is given and has them.
    pub fn next(&mut self, hour: &TakenHour, moving: Option<&Hour>) -> SharedHour {
        let packed = match &hour.0 {
            Kind::Frozen(start, frozen) => return SharedHour(Shared::Frozen(*start, frozen.clone())),
            Kind::Replayed(packed) => packed,
        };
        self.take(packed, moving);
        let free = self.copies.iter().position(|copy| Arc::strong_count(copy) == 1);
        let mut own = free.map(|at| self.copies.swap_remove(at)).unwrap_or_else(|| Arc::new(Cluster::new()));
        if let Some(copy) = Arc::get_mut(&mut own) {
            let (demand, guess_of) = (std::mem::take(&mut copy.demand), std::mem::take(&mut copy.guess_of));
            copy.clone_from(&self.cluster);
            (copy.demand, copy.guess_of) = (demand, guess_of);
            unpack(&packed.use_of_pods, copy);
            // What is used so far is known from what is used now.
            self.cluster.cpu_used.clone_from(&copy.cpu_used);
        }
        self.copies.push(Arc::clone(&own));
        SharedHour(Shared::Replayed(own))
    }

    /// Brings all but what pods use to the next hour.
    fn take(&mut self, packed: &Packed, moving: Option<&Hour>) {
        self.kinds.extend_from_slice(&packed.kinds);
        self.seats.extend_from_slice(&packed.seats);
        self.cluster.hours = packed.hours;
        let mut bits = Reader::new(&packed.came_and_events);
        let mut place = 0;
        for _ in 0..packed.came {
            place += bits.small_number();
            let Some(pod) = self.pod(&mut bits) else { continue };
            let moves = moving.and_then(|moving| {
                let at = moving.pods().binary_search_by_key(&pod.uid, |row| row.uid).ok()?;
                moving.pods().get(at).map(|row| row.movable)
            });
            let pod = Pod { movable: moves.unwrap_or(pod.movable), ..pod };
            let cluster = &mut self.cluster;
            match (cluster.pods.try_row_mut(place), cluster.workloads.try_row_mut(place)) {
                (Some(row), Some(workload)) => (*row, *workload) = (pod, pod.workload),
                _ => {
                    cluster.pods.push(pod);
                    cluster.workloads.push(pod.workload);
                }
            }
        }
        let cluster = &mut self.cluster;
        packed.ends.iter().for_each(|(place, until)| cluster.pods[*place].until = *until);
        packed.sized.iter().for_each(|(place, sized)| cluster.pods[*place].sized = *sized);
        cluster.events.clear();
        for _ in 0..packed.n_events {
            let second = bits.second();
            let what = match bits.take(2) {
                0 => What::Ends,
                1 => What::IsDue,
                _ => What::Asked,
            };
            let pod = bits.small_number();
            cluster.events.push(Event { second, what, uid: cluster.pods[pod].uid, pod });
        }
        cluster.resized.clear();
        cluster.resized.extend(&packed.resized);
        cluster.habits.fill_from(&packed.habits);
        for (workload, replicas) in &packed.replicas {
            let place = index(*workload);
            if place >= cluster.replicas.len() {
                cluster.replicas.resize(place + 1, 0);
            }
            if let Some(cell) = cluster.replicas.get_mut(place) {
                *cell = *replicas;
            }
        }
        cluster.cpu_used.resize(packed.workloads_used, 0);
        (cluster.hour_start, cluster.asked_seconds) = (packed.hour_start, packed.asked_seconds);
        cluster.frozen.clone_from(&packed.frozen);
        cluster.frozen_before.clone_from(&packed.frozen_before);
        cluster.frozen_past.note(cluster.now(), &cluster.frozen);
        if packed.hours == 1 {
            cluster.first_nodes.clone_from(&packed.first_nodes);
        }
        cluster.empty_nodes = packed.empty_nodes.iter().copied().collect();
        (cluster.daemons, cluster.touched, cluster.evictable) = (packed.daemons, packed.touched, packed.evictable);
        (cluster.resumed, cluster.imputed) = (packed.resumed, packed.imputed);
        (cluster.silent, cluster.known_slots) = (packed.silent, packed.known_slots);
    }
}

impl Walk {
    /// The next pod that came; all of them have a kind and a seat.
    fn pod(&self, bits: &mut Reader<'_>) -> Option<Pod> {
        let uid = u128::from_le_bytes(std::array::from_fn(|_| bits.byte()));
        let PodKind { workload, movable, volumes, pausing_volumes, as_is, sized, role } =
            *self.kinds.get(index(bits.small_number()))?;
        let Seat { node, zone, platform, observed_type, node_group } = *self.seats.get(index(bits.small_number()))?;
        let now = self.cluster.now();
        let since = now + i64::from(bits.second());
        let until = if bits.take(1) == 1 { now + i64::from(bits.second()) } else { NEVER };
        let (waited, run, starts) = (bits.small_number(), bits.number(), bits.take(1) == 1);
        Some(Pod {
            uid,
            workload,
            zone,
            platform,
            observed_type,
            node,
            node_group,
            movable,
            volumes,
            pausing_volumes,
            as_is,
            sized,
            role,
            since,
            until,
            waited,
            run,
            starts,
        })
    }
}

/// Fills in what pods use, and adds it to what is used so far.
fn unpack(use_of_pods: &[u8], cluster: &mut Cluster) {
    let mut bits = Reader::new(use_of_pods);
    let places = cluster.pods.len();
    cluster.demand.grow(places, || Demand::ZERO);
    cluster.guess_of.grow(places, || NONE);
    cluster.guesses.clear();
    for (place, (demand, guess)) in (0_u32..).zip(cluster.demand.iter_mut().zip(cluster.guess_of.iter_mut())) {
        let (uses, guessed) = match bits.take(2) {
            0 => (false, false),
            1 => (true, false),
            2 => (false, true),
            _ => (true, true),
        };
        if uses {
            demand.cpu = bits.lane(None);
            demand.cpu_max = bits.lane(Some(&demand.cpu));
            demand.memory_mean = bits.lane(None);
            demand.memory = bits.lane(Some(&demand.memory_mean));
            if let Some(sum) = cluster.cpu_used.get_mut(index(cluster.workloads[place])) {
                *sum += demand.cpu.core_milliseconds();
            }
        } else {
            *demand = Demand::ZERO;
        }
        *guess = NONE;
        if guessed {
            *guess = id(cluster.guesses.len());
            cluster.guesses.push(Guess { cpu: bits.lane(None), memory: bits.lane(None) });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::input_hour::{ContainerRow, PodRow, Role, UNKNOWN};

    /// A pod of an hour: its uid, from when to when it lives, slots of which nothing is known, and its containers.
    type Own = (u8, u16, u16, bool, Vec<(u32, [Lane; 4])>);

    fn lane() -> impl Strategy<Value = Lane> {
        let value = prop_oneof![4 => 0_u32..300, 1 => Just(UNKNOWN)];
        prop_oneof![
            1 => Just(Lane::UNKNOWN),
            4 => prop::array::uniform12(1000_u32..1064).prop_map(Lane),
            2 => prop::array::uniform12(value).prop_map(Lane),
        ]
    }

    fn pods() -> impl Strategy<Value = Vec<Own>> {
        let from = || prop_oneof![4 => Just(0_u16), 1 => 0_u16..1800];
        let to = || prop_oneof![4 => Just(3600_u16), 1 => 1800_u16..3600];
        let containers = || prop::collection::vec((0_u32..3, prop::array::uniform4(lane())), 0..3);
        let unknown = || prop::bool::weighted(0.1);
        prop::collection::vec((0_u8..12, from(), to(), unknown(), containers()), 0..12)
    }

    fn hour(start: i64, pods: Vec<Own>) -> Hour {
        let (mut rows, mut containers) = (Vec::<PodRow>::new(), Vec::new());
        for (uid, alive_from, alive_to, unknown, own) in pods {
            if rows.iter().any(|row| row.uid == uid.into()) {
                continue;
            }
            let ask = Ask { cpu_millicores: 100, memory_mib: 200 };
            for (class, [cpu_mean_millicores, cpu_max_millicores, memory_mean_mib, memory_max_mib]) in own {
                containers.push(ContainerRow {
                    pod: id(rows.len()),
                    class,
                    ask,
                    cpu_mean_millicores,
                    cpu_max_millicores,
                    memory_mean_mib,
                    memory_max_mib,
                });
            }
            rows.push(PodRow {
                uid: uid.into(),
                workload: u32::from(uid) / 2,
                zone: u16::from(uid % 2),
                platform: 0,
                observed_type: NONE,
                movable: true.into(),
                daemon: uid == 3,
                role: if uid % 5 == 1 { Role::Batch } else { Role::Service },
                ask,
                volumes: 0,
                pausing_volumes: 0,
                alive_from,
                alive_to,
                waited: u32::from(uid),
                run: 0,
                unknown_slots: if unknown { 0b11 } else { 0 },
                node: u32::from(uid % 3),
                node_group: 0,
            });
        }
        let node = NodeRow {
            zone: 0,
            platform: 0,
            machine_type: 1,
            up_seconds: 3600,
            memory_mib: 9,
            touched_mib: Lane([4; SLOTS]),
            node: 7,
            node_group: 0,
        };
        Hour::new(3600 * start, rows, containers, vec![node]).unwrap()
    }

    /// Everything that scenarios read of a cluster.
    fn seen(cluster: &Cluster) -> Vec<String> {
        let guesses = cluster.pods.ids().map(|pod| format!("{:?}", cluster.guess_of(pod)));
        let tables = (&cluster.pods, &cluster.workloads, &cluster.demand, &cluster.events, &cluster.resized);
        let sums = (&cluster.habits, &cluster.replicas, &cluster.cpu_used, &cluster.empty_nodes, &cluster.imputed);
        let zones = (&cluster.frozen, &cluster.frozen_past, &cluster.frozen_before, &cluster.first_nodes);
        let now = (cluster.hours, cluster.hour_start, cluster.asked_seconds, cluster.resumed, cluster.known_slots);
        let slots = (&cluster.daemons, &cluster.touched, &cluster.evictable, &cluster.silent);
        let all = [
            format!("{tables:?}"),
            format!("{sums:?}"),
            format!("{zones:?}"),
            format!("{now:?}"),
            format!("{slots:?}"),
        ];
        all.into_iter().chain(guesses).collect()
    }

    proptest! {
        #[test]
        fn an_hour_is_handed_out_as_it_was_taken_in(
            hours in prop::collection::vec((pods(), prop::bool::weighted(0.1)), 1..40),
        ) {
            let rule = RightSizing { days: 1, ..RightSizing::default() };
            let (mut intake, mut plain) = (HourIntake::new(rule), Intake::new(Some(rule)));
            let (mut walk, mut shared, mut start) = (Walk::default(), Vec::new(), 0);
            for (at, (pods, missing)) in hours.into_iter().enumerate() {
                start += 1 + i64::from(missing);
                let hour = hour(start, pods);
                let taken = intake.take_in(&hour);
                if let SharedHour(Shared::Replayed(cluster)) = walk.next(&taken, None) {
                    plain.advance(&hour);
                    prop_assert_eq!(seen(&cluster), seen(&plain.cluster));
                    plain.end_hour();
                    // Some are held for longer than the next hour.
                    shared.retain(|_| at % 3 > 0);
                    shared.push(SharedHour(Shared::Replayed(cluster)));
                }
            }
        }
    }

    #[test]
    fn pods_that_come_move_as_they_are_said_to() {
        let own = || vec![(1, 0, 3600, false, Vec::new()), (2, 0, 3600, false, Vec::new())];
        let taken = HourIntake::new(RightSizing::default()).take_in(&hour(0, own()));
        let mut rows = hour(0, own()).pods().to_vec();
        rows.retain(|row| row.uid == 2);
        rows[0].movable = false.into();
        let moving = Hour::new(0, rows, vec![], vec![]).unwrap();
        let SharedHour(Shared::Replayed(cluster)) = Walk::default().next(&taken, Some(&moving)) else { panic!() };
        let moves: Vec<bool> = cluster.pods.iter().map(|pod| pod.movable.under(0)).collect();
        assert_eq!(moves, [true, false]);
    }
}
