//! Hours are taken in: which pods come, stay and go, what they use, and what is known from then on.

use super::container_imputation::Guess;
use super::{Cluster, Demand, Event, KEPT_HOURS, NEVER, Pod, What, last_day_usage, usage_means};
use crate::input_hour::{Ask, HOUR_SECONDS, Hour, Lane, NONE, PodRow, Role, SLOTS, UNKNOWN};
use crate::number::{float, whole};
use crate::outcome::Evictions;
use crate::rightsized_requests::{RightSizing, Sizer};
use crate::slab::{FreePlaces, Table};

/// What scenarios share, with what is needed to bring it from hour to hour.
#[derive(Debug, Clone)]
pub(crate) struct Intake {
    pub(crate) cluster: Cluster,
    pub(super) sizer: Option<Sizer>,
    /// Pods that live on, by uid.
    pub(super) alive: Vec<(u128, u32)>,
    /// Containers of each pod by class, and what each requests.
    pub(super) containers: Table<Vec<(u32, Ask)>>,
    /// Pods that went in the hour in work, in the one before it, and so on; what is followed still needs their ids.
    gone: [Vec<u32>; KEPT_HOURS],
    free: FreePlaces,
    pub(super) scratch: usage_means::Scratch,
    pub(super) past: last_day_usage::Past,
    /// Pods of whose use a part is imputed.
    guessed: Vec<u32>,
}

impl Intake {
    pub(crate) fn new(right_sizing: Option<RightSizing>) -> Self {
        Self {
            cluster: Cluster::new(),
            sizer: right_sizing.map(Sizer::new),
            alive: Vec::new(),
            containers: Table::default(),
            gone: Default::default(),
            free: FreePlaces::default(),
            scratch: usage_means::Scratch::default(),
            past: last_day_usage::Past::default(),
            guessed: Vec::new(),
        }
    }

    /// Counts the pods of services in an hour, and how long they were there.
    fn count_evictable(&mut self, rows: &[PodRow]) {
        self.cluster.replicas.iter_mut().for_each(|replicas| *replicas = 0);
        let services = || rows.iter().filter(|row| !row.daemon && !row.role.shifts());
        for row in services() {
            let place = crate::number::index(row.workload);
            if place >= self.cluster.replicas.len() {
                self.cluster.replicas.resize(place + 1, 0);
            }
            if let Some(replicas) = self.cluster.replicas.get_mut(place) {
                *replicas += 1;
            }
        }
        let mut evictable = Evictions::default();
        for row in services() {
            let seconds = self.cluster.seconds_of(row);
            evictable.pod_seconds += seconds;
            if row.role == Role::Stateful || self.cluster.is_only_replica(row.workload) {
                evictable.single_pod_seconds += seconds;
            }
        }
        self.cluster.evictable = evictable;
    }

    /// Takes in the next hour.
    pub(crate) fn advance(&mut self, hour: &Hour) {
        self.cluster.resumed = self.cluster.hours == 0 || hour.start() != self.cluster.hour_start + HOUR_SECONDS;
        self.cluster.hours += 1;
        self.cluster.hour_start = hour.start();
        if self.cluster.hours == 1 {
            let there = hour.nodes().iter().filter(|node| i64::from(node.up_seconds) == HOUR_SECONDS);
            self.cluster.first_nodes = there.copied().collect();
        }
        self.count_empty(hour);
        self.freeze(hour);
        self.forget();
        self.cluster.resized.clear();
        self.cluster.events.clear();
        let ids = self.meet(hour.pods());
        self.count_evictable(hour.pods());
        self.cluster.events.sort_unstable();
        self.use_of(hour, &ids);
        if self.cluster.hours % 24 == 1 && self.cluster.hours > 1 {
            self.resize();
        }
        self.cluster.touched = touched(hour);
    }

    /// Counts nodes that nothing ran on in an hour; one whose pods are not known is none.
    fn count_empty(&mut self, hour: &Hour) {
        let placed = hour.pods().iter().filter(|row| !row.daemon);
        let mut used: Vec<u32> = placed.map(|row| row.node).filter(|node| *node != NONE).collect();
        used.sort_unstable();
        for node in hour.nodes().iter().filter(|node| node.node != NONE && node.machine_type != NONE) {
            if used.binary_search(&node.node).is_err() {
                *self.cluster.empty_nodes.entry(node.machine_type).or_default() += u64::from(node.up_seconds);
            }
        }
    }

    /// Notes which zones are frozen when.
    fn freeze(&mut self, hour: &Hour) {
        let last = std::mem::replace(&mut self.cluster.frozen, hour.frozen().clone());
        let zones = last.seconds().map(|(zone, _)| zone);
        self.cluster.frozen_before = zones.filter(|zone| !self.cluster.resumed && last.at(*zone, SLOTS - 1)).collect();
        self.cluster.frozen_past.note(self.cluster.now(), &self.cluster.frozen);
    }

    /// Pods that went in the hour before use nothing any more; those that went long enough ago give their ids back.
    fn forget(&mut self) {
        if let Some(gone) = self.gone.first() {
            for pod in gone {
                self.cluster.demand[*pod] = Demand::ZERO;
            }
        }
        self.gone.rotate_right(1);
        if let Some(oldest) = self.gone.first_mut() {
            for pod in oldest.drain(..) {
                self.free.give_back(pod);
            }
        }
    }

    /// Ends the hour: what was seen in it may be known from now on.
    pub(crate) fn end_hour(&mut self) {
        const HALF_LIFE_HOURS: f64 = 24.0;
        let keep = 0.5_f64.powf(1.0 / HALF_LIFE_HOURS);
        // What fades is what was seen; an hour in which nothing was seen is none.
        if self.scratch.knows_something() {
            for habit in self.cluster.habits.iter_mut() {
                (habit.slots, habit.cpu, habit.memory) = (habit.slots * keep, habit.cpu * keep, habit.memory * keep);
            }
            self.scratch.enter_habits(&mut self.cluster.habits);
        }
        self.cluster.known_slots = self.cluster.known_slots_before(SLOTS);
        if self.cluster.hours % 24 == 0
            && let Some(sizer) = &mut self.sizer
        {
            sizer.end_day();
        }
    }

    pub(super) fn guess(&mut self, pod: u32, guess: Guess) {
        self.cluster.guess_of[pod] = crate::number::id(self.cluster.guesses.len());
        self.cluster.guesses.push(guess);
        self.guessed.push(pod);
    }

    pub(super) fn forget_guesses(&mut self) {
        self.cluster.guesses.clear();
        for pod in self.guessed.drain(..) {
            self.cluster.guess_of[pod] = NONE;
        }
    }

    /// Walks the pods alive and the rows of the hour side by side, both by uid. Gives the pod of each row, [`NONE`]
    /// for daemons.
    fn meet(&mut self, rows: &[PodRow]) -> Vec<u32> {
        let before = std::mem::take(&mut self.alive);
        let mut before = before.into_iter().peekable();
        let mut ids = Vec::with_capacity(rows.len());
        for row in rows {
            while let Some((uid, pod)) = before.next_if(|(uid, _)| *uid < row.uid) {
                self.leaves(0, uid, pod);
            }
            let known = before.next_if(|(uid, _)| *uid == row.uid).map(|(_, pod)| pod);
            let began_frozen = row.alive_from == 0 && self.cluster.frozen_before.contains(&row.zone);
            let as_recorded = row.alive_from;
            let thawed = (!self.cluster.frozen.is_empty()).then(|| row.thawed(&self.cluster.frozen, known.is_some()));
            let row = thawed.as_ref().unwrap_or(row);
            if row.daemon || row.alive_from >= row.alive_to {
                if let Some(pod) = known {
                    self.leaves(0, row.uid, pod);
                }
                ids.push(NONE);
                continue;
            }
            let pod = match known {
                Some(pod) if row.alive_from == 0 => pod,
                known => {
                    if let Some(pod) = known {
                        self.leaves(0, row.uid, pod);
                    }
                    let starts = as_recorded == row.alive_from && !began_frozen;
                    self.comes(row, starts)
                }
            };
            ids.push(pod);
            self.cluster.asked_seconds += self.cluster.seconds_of(row);
            if i64::from(row.alive_to) < HOUR_SECONDS {
                self.leaves(row.alive_to, row.uid, pod);
            } else {
                self.alive.push((row.uid, pod));
            }
        }
        for (uid, pod) in before {
            self.leaves(0, uid, pod);
        }
        ids
    }

    /// A pod comes; `starts` is whether it does so in a time that is replayed, but for hours that are missing before it.
    fn comes(&mut self, row: &PodRow, starts: bool) -> u32 {
        let asked = row.asked_from();
        let pod = Pod {
            uid: row.uid,
            workload: row.workload,
            zone: row.zone,
            platform: row.platform,
            observed_type: row.observed_type,
            node: row.node,
            node_group: row.node_group,
            movable: row.movable,
            volumes: row.volumes,
            pausing_volumes: row.pausing_volumes,
            as_is: row.ask,
            sized: row.ask,
            role: row.role,
            since: self.cluster.now() + i64::from(row.alive_from),
            until: NEVER,
            waited: row.waited,
            run: row.run,
            starts: starts && !(self.cluster.resumed && row.alive_from == 0),
        };
        let place = match self.free.take() {
            Some(place) => {
                self.cluster.pods[place] = pod;
                self.cluster.workloads[place] = row.workload;
                self.cluster.demand[place] = Demand::ZERO;
                self.containers[place].clear();
                place
            }
            None => {
                self.cluster.demand.push(Demand::ZERO);
                self.cluster.guess_of.push(NONE);
                self.cluster.workloads.push(row.workload);
                self.containers.push(Vec::new());
                self.cluster.pods.push(pod)
            }
        };
        self.cluster.events.push(Event { second: asked, what: What::Asked, uid: row.uid, pod: place });
        if asked < row.alive_from {
            self.cluster.events.push(Event { second: row.alive_from, what: What::IsDue, uid: row.uid, pod: place });
        }
        place
    }

    fn leaves(&mut self, second: u16, uid: u128, pod: u32) {
        if second == 0 {
            self.cluster.demand[pod] = Demand::ZERO;
        }
        self.cluster.pods[pod].until = self.cluster.now() + i64::from(second);
        self.cluster.events.push(Event { second, what: What::Ends, uid, pod });
        if let Some(gone) = self.gone.first_mut() {
            gone.push(pod);
        }
    }

    /// The request of a pod with its containers right-sized; as it is where one of them is not known.
    pub(super) fn sized(&self, pod: u32) -> Ask {
        let (as_is, containers) = (self.cluster.pods[pod].as_is, &self.containers[pod]);
        let Some(sizer) = self.sizer.as_ref().filter(|_| !containers.is_empty()) else { return as_is };
        let mut ask = Ask::default();
        for (class, _) in containers {
            let Some(size) = sizer.size(*class) else { return as_is };
            ask.cpu_millicores += size.cpu_millicores;
            ask.memory_mib += size.memory_mib;
        }
        ask
    }

    /// Renews the right-sized requests of running pods, where they change by more than the tolerance.
    fn resize(&mut self) {
        let Some(tolerance) = self.sizer.as_ref().map(|sizer| sizer.rule().tolerance) else { return };
        let differs = |a: u32, b: u32| f64::from(a.abs_diff(b)) > tolerance * f64::from(a.max(1));
        for (_, pod) in self.alive.clone() {
            let (now, before) = (self.sized(pod), self.cluster.pods[pod].sized);
            if self.cluster.pods[pod].since >= self.cluster.now() {
                continue;
            }
            if differs(before.cpu_millicores, now.cpu_millicores) || differs(before.memory_mib, now.memory_mib) {
                self.cluster.pods[pod].sized = now;
                self.cluster.resized.push(pod);
            }
        }
    }
}

/// Mean share of memory touched on the nodes, in millionths.
fn touched(hour: &Hour) -> Lane {
    let mut shares = Lane::UNKNOWN;
    for k in 0..SLOTS {
        let known = hour.nodes().iter().filter(|node| node.memory_mib > 0 && node.touched_mib.at(k) != UNKNOWN);
        let (mut touched, mut all) = (0_u64, 0_u64);
        for node in known {
            touched += u64::from(node.touched_mib.at(k));
            all += u64::from(node.memory_mib);
        }
        if all > 0 {
            shares.set(k, whole(float(touched * 1_000_000) / float(all)));
        }
    }
    shares
}
