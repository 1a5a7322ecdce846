//! Work that starts late is done later: its end and what it uses are shifted by what it is late.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Due, NEVER, World};
use crate::cluster::{Cluster, Demand, FOLLOWED_SECONDS, Guess, KEPT_HOURS};
use crate::hour::{HOUR_SECONDS, NONE, SLOT_SECONDS, SLOTS};
use crate::number::unsigned;
use crate::observer::Observer;

/// Use of a pod in an hour, and the part of it that is imputed; `None` where nothing is.
#[derive(Debug, Clone, Copy)]
pub(super) struct PodUse<'a> {
    pub(super) demand: &'a Demand,
    pub(super) guess: Option<&'a Guess>,
}

/// The same, kept.
#[derive(Debug, Clone, Copy)]
struct Kept {
    demand: Demand,
    guess: Guess,
}

impl Kept {
    const NOTHING: Self = Self { demand: Demand::ZERO, guess: Guess::NONE };

    /// Returns what was recorded of a pod in the hour in work.
    fn of(cluster: &Cluster, pod: u32) -> Self {
        Self { demand: cluster.demand[pod], guess: cluster.guess_of(pod).copied().unwrap_or(Guess::NONE) }
    }
}

/// A pod whose work waits, or started late.
#[derive(Debug, Clone)]
struct Late {
    /// Moment of its recorded life at which it starts: the first, or later where the beginning is given up.
    from: i64,
    /// Seconds by which it is shifted; [`NEVER`] while it waits.
    by: i64,
    /// Use as recorded in this hour, in the one before it, and so on.
    recorded: [Kept; KEPT_HOURS],
    /// Use in this hour, shifted.
    now: Kept,
    /// `true` when the next run of its workload was asked for before it started.
    overtaken: bool,
}

/// Work that waits or started late, by the id of its pod.
#[derive(Debug, Clone, Default)]
pub(super) struct Lates(BTreeMap<u32, Late>);

impl Lates {
    /// Returns the use of a pod in the hour in work.
    pub(super) fn use_of<'a>(&'a self, cluster: &'a Cluster, pod: u32) -> PodUse<'a> {
        match self.0.get(&pod) {
            Some(Late { by, now, .. }) if *by < NEVER => PodUse { demand: &now.demand, guess: Some(&now.guess) },
            _ => PodUse { demand: &cluster.demand[pod], guess: cluster.guess_of(pod) },
        }
    }

    /// Returns true when the pod waits or started late, and is to do its work all the same.
    fn has(&self, pod: u32) -> bool {
        self.0.contains_key(&pod)
    }

    /// Returns true when the next run was asked for before this one started.
    pub(super) fn was_overtaken(&self, pod: u32) -> bool {
        self.0.get(&pod).is_some_and(|late| late.overtaken)
    }

    pub(super) fn forget(&mut self, pod: u32) {
        self.0.remove(&pod);
    }
}

impl Late {
    fn new(recorded: Kept) -> Self {
        let mut hours = [Kept::NOTHING; KEPT_HOURS];
        if let Some(now) = hours.first_mut() {
            *now = recorded;
        }
        Self { from: NEVER, by: NEVER, recorded: hours, now: Kept::NOTHING, overtaken: false }
    }

    /// Takes in what was recorded of the next hour.
    fn next_hour(&mut self, recorded: Kept) {
        self.recorded.rotate_right(1);
        if let Some(now) = self.recorded.first_mut() {
            *now = recorded;
        }
    }

    /// Returns the use in the hour that starts at `start`. It lived in `[since, until)` as recorded.
    ///
    /// What was used in a slot is spread over the seconds of the slot it lived in, and falls into the two slots these
    /// seconds come to lie in. Parts are rounded so that they add up to the whole; peaks and largest memory go to both.
    fn shifted(&self, start: i64, since: i64, until: i64) -> Kept {
        let mut shifted = Kept::NOTHING;
        let hours = self.recorded.iter().zip((0..).map(|back| start - back * HOUR_SECONDS));
        let slots = hours.flat_map(|(kept, hour)| (0..SLOTS).map(|k| kept.at(k)).zip((hour..).step_by(300)));
        for (used, slot) in slots {
            let (lived_from, to) = (slot.max(since), (slot + SLOT_SECONDS).min(until));
            let from = lived_from.max(self.from);
            if from >= to {
                continue;
            }
            let (_, used) = used.split(from - lived_from, to - lived_from);
            let (from, to) = (from + self.by - start, to + self.by - start);
            let place = from.div_euclid(SLOT_SECONDS);
            let border = (place + 1) * SLOT_SECONDS;
            let (first, second) = used.split(to.min(border) - from, to - from);
            shifted.put(place, first);
            if to > border {
                shifted.put(place + 1, second);
            }
        }
        shifted
    }
}

/// Use in one slot.
#[derive(Debug, Clone, Copy)]
struct Used {
    cpu: u32,
    guessed_cpu: u32,
    cpu_max: u32,
    memory: u32,
    memory_mean: u32,
    guessed_memory: u32,
}

impl Used {
    /// What falls on the first `seconds` of `all`, and the rest: of CPU and mean memory, which are means of the whole slot,
    /// a part each, of peak and largest memory all.
    fn split(self, seconds: i64, all: i64) -> (Self, Self) {
        let (cpu, guessed_cpu) = (part(self.cpu, seconds, all), part(self.guessed_cpu, seconds, all));
        let memory_mean = part(self.memory_mean, seconds, all);
        let rest = Self {
            cpu: self.cpu - cpu,
            guessed_cpu: self.guessed_cpu - guessed_cpu,
            memory_mean: self.memory_mean - memory_mean,
            ..self
        };
        (Self { cpu, guessed_cpu, memory_mean, ..self }, rest)
    }
}

impl Kept {
    fn at(&self, k: usize) -> Used {
        let (demand, guess) = (&self.demand, &self.guess);
        Used {
            cpu: demand.cpu.at(k),
            guessed_cpu: guess.cpu.at(k),
            cpu_max: demand.cpu_max.at(k),
            memory: demand.memory.at(k),
            memory_mean: demand.memory_mean.at(k),
            guessed_memory: guess.memory.at(k),
        }
    }

    /// Adds what was used in some seconds to a slot of the hour, where it lies in it: CPU and mean memory are added, peak and
    /// largest memory are the most of what comes there.
    fn put(&mut self, place: i64, used: Used) {
        let Ok(k) = usize::try_from(place) else { return };
        let before = self.at(k);
        let (demand, guess) = (&mut self.demand, &mut self.guess);
        demand.cpu.set(k, before.cpu + used.cpu);
        guess.cpu.set(k, before.guessed_cpu + used.guessed_cpu);
        demand.cpu_max.set(k, before.cpu_max.max(used.cpu_max));
        if used.memory > before.memory {
            demand.memory.set(k, used.memory);
            guess.memory.set(k, used.guessed_memory);
        }
        demand.memory_mean.set(k, (before.memory_mean + used.memory_mean).min(demand.memory.at(k)));
    }
}

/// The part of an amount that falls on `seconds` of `all`, to the nearest.
fn part(amount: u32, seconds: i64, all: i64) -> u32 {
    let (seconds, all) = (unsigned(seconds), unsigned(all).max(1));
    u32::try_from((2 * u64::from(amount) * seconds + all) / (2 * all)).unwrap_or(amount)
}

impl<O: Observer> World<O> {
    /// A pod is due, and waits for its machine: work will be done later.
    pub(super) fn waits(&mut self, cluster: &Cluster, pod: u32) {
        if cluster.pods[pod].role.shifts() && self.places[pod].machine != NONE {
            self.late.0.insert(pod, Late::new(Kept::of(cluster, pod)));
        }
    }

    /// A pod that waited when it was due has its machine.
    pub(super) fn starts_late(&mut self, cluster: &Cluster, pod: u32, t: i64) {
        let row = &cluster.pods[pod];
        if !self.late.has(pod) {
            return;
        }
        if t == row.since {
            self.late.forget(pod);
            return;
        }
        let overtaken = self.is_overtaken(cluster, pod, t);
        if let Some(late) = self.late.0.get_mut(&pod) {
            late.overtaken = overtaken;
            late.by = (t - row.since).min(FOLLOWED_SECONDS);
            late.from = t - late.by;
            late.now = late.shifted(self.hour_start, row.since, row.until);
        }
        if row.until < t {
            self.end_work(cluster, pod);
        }
    }

    /// Returns true when a pod goes on beyond its recorded end.
    pub(super) fn goes_on(&mut self, cluster: &Cluster, pod: u32) -> bool {
        let goes_on = self.late.has(pod);
        if goes_on {
            self.end_work(cluster, pod);
        }
        goes_on
    }

    /// Puts the end of late work down as due.
    fn end_work(&mut self, cluster: &Cluster, pod: u32) {
        let due = Due::WorkEnds(cluster.pods[pod].uid, pod);
        self.queue.push(Reverse((self.work_until(cluster, pod), due)));
    }

    /// When late work whose recorded end is known is over: as much later as it started, and given up after two hours.
    fn work_until(&self, cluster: &Cluster, pod: u32) -> i64 {
        let place = &self.places[pod];
        cluster.pods[pod].until + place.up_since.saturating_sub(place.due).min(FOLLOWED_SECONDS)
    }

    /// Late work is over, unless it started since this was put down, and takes longer.
    pub(super) fn work_ends(&mut self, cluster: &Cluster, pod: u32, t: i64) {
        if self.late.has(pod) && self.work_until(cluster, pod) == t {
            self.leave(cluster, pod, t);
        }
    }

    /// Machines use what late work on them uses in this hour, and not what it used as recorded.
    pub(super) fn shift_late(&mut self, cluster: &Cluster) {
        for (pod, late) in &mut self.late.0 {
            late.next_hour(Kept::of(cluster, *pod));
            if late.by == NEVER {
                continue;
            }
            let row = &cluster.pods[*pod];
            late.now = late.shifted(self.hour_start, row.since, row.until);
            let machine = &mut self.machines[self.places[*pod].machine];
            machine.carries_no_more(PodUse { demand: &cluster.demand[*pod], guess: cluster.guess_of(*pod) }, 0);
            machine.carries(PodUse { demand: &late.now.demand, guess: Some(&late.now.guess) }, 0);
        }
    }
}

#[cfg(test)]
mod tests;
