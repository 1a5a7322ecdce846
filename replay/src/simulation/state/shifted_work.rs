//! Work that starts late is done later: its end and what it uses are shifted by what it is late.

use crate::cluster::{Cluster, Demand, Guess, KEPT_HOURS, NEVER};
use crate::input_hour::{HOUR_SECONDS, NONE, SLOT_SECONDS, SLOTS};
use crate::number::{id, index, unsigned};
use crate::slab::Table;

/// Use of a pod in an hour, and the part of it that is imputed; `None` where nothing is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PodUse<'a> {
    pub(crate) demand: &'a Demand,
    pub(crate) guess: Option<&'a Guess>,
}

/// The same, kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) demand: Demand,
    pub(crate) guess: Guess,
}

impl Kept {
    pub(crate) const NOTHING: Self = Self { demand: Demand::ZERO, guess: Guess::NONE };

    /// Returns what was recorded of a pod in the hour in work.
    pub(crate) fn of(cluster: &Cluster, pod: u32) -> Self {
        Self { demand: cluster.demand[pod], guess: cluster.guess_of(pod).copied().unwrap_or(Guess::NONE) }
    }
}

/// A pod whose work waits, or started late.
#[derive(Debug, Clone)]
pub(crate) struct Late {
    /// Moment of its recorded life at which it starts: the first, or later where the beginning is given up.
    pub(crate) from: i64,
    /// Seconds by which it is shifted; [`NEVER`] while it waits.
    pub(crate) by: i64,
    /// Use as recorded in this hour, in the one before it, and so on.
    pub(crate) recorded: [Kept; KEPT_HOURS],
    /// Use in this hour, shifted.
    pub(crate) now: Kept,
    /// `true` when the next run of its workload was asked for before it started.
    pub(crate) overtaken: bool,
}

/// Work that waits or started late, in no order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lates {
    rows: Vec<(u32, Box<Late>)>,
    /// Row of each pod; [`NONE`] for nearly all of them.
    row_of: Table<u32>,
}

impl Lates {
    /// Returns the use of a pod in the hour in work.
    pub(crate) fn use_of<'a>(&'a self, cluster: &'a Cluster, pod: u32) -> PodUse<'a> {
        match self.get(pod) {
            Some(Late { by, now, .. }) if *by < NEVER => PodUse { demand: &now.demand, guess: Some(&now.guess) },
            _ => PodUse { demand: &cluster.demand[pod], guess: cluster.guess_of(pod) },
        }
    }

    /// Returns true when the pod waits or started late, and is to do its work all the same.
    pub(crate) fn has(&self, pod: u32) -> bool {
        self.get(pod).is_some()
    }

    /// Returns true when the next run was asked for before this one started.
    pub(crate) fn was_overtaken(&self, pod: u32) -> bool {
        self.get(pod).is_some_and(|late| late.overtaken)
    }

    fn row(&self, pod: u32) -> usize {
        self.row_of.try_row(pod).map_or(usize::MAX, |row| index(*row))
    }

    fn get(&self, pod: u32) -> Option<&Late> {
        self.rows.get(self.row(pod)).map(|(_, late)| &**late)
    }

    pub(crate) fn get_mut(&mut self, pod: u32) -> Option<&mut Late> {
        let row = self.row(pod);
        self.rows.get_mut(row).map(|(_, late)| &mut **late)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Late)> {
        self.rows.iter_mut().map(|(pod, late)| (*pod, &mut **late))
    }

    pub(crate) fn insert(&mut self, pod: u32, late: Late) {
        self.forget(pod);
        self.row_of.grow(pod + 1, || NONE);
        self.row_of[pod] = id(self.rows.len());
        self.rows.push((pod, Box::new(late)));
    }

    pub(crate) fn forget(&mut self, pod: u32) {
        let row = self.row(pod);
        if row >= self.rows.len() {
            return;
        }
        self.rows.swap_remove(row);
        self.row_of[pod] = NONE;
        if let Some((moved, _)) = self.rows.get(row) {
            self.row_of[*moved] = id(row);
        }
    }
}

impl Late {
    pub(crate) fn new(recorded: Kept) -> Self {
        let mut hours = [Kept::NOTHING; KEPT_HOURS];
        if let Some(now) = hours.first_mut() {
            *now = recorded;
        }
        Self { from: NEVER, by: NEVER, recorded: hours, now: Kept::NOTHING, overtaken: false }
    }

    /// Takes in what was recorded of the next hour.
    pub(crate) fn next_hour(&mut self, recorded: Kept) {
        self.recorded.rotate_right(1);
        if let Some(now) = self.recorded.first_mut() {
            *now = recorded;
        }
    }

    /// Returns the use in the hour that starts at `start`. It lived in `[since, until)` as recorded.
    ///
    /// What was used in a slot is spread over the seconds of the slot it lived in, and falls into the two slots these
    /// seconds come to lie in. Parts are rounded so that they add up to the whole; peaks and largest memory go to both.
    pub(crate) fn shifted(&self, start: i64, since: i64, until: i64) -> Kept {
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
pub(crate) struct Used {
    pub(crate) cpu: u32,
    pub(crate) guessed_cpu: u32,
    pub(crate) cpu_max: u32,
    pub(crate) memory: u32,
    pub(crate) memory_mean: u32,
    pub(crate) guessed_memory: u32,
}

impl Used {
    /// What falls on the first `seconds` of `all`, and the rest: of CPU and mean memory, which are means of the whole slot,
    /// a part each, of peak and largest memory all.
    pub(crate) fn split(self, seconds: i64, all: i64) -> (Self, Self) {
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
    pub(crate) fn at(&self, k: usize) -> Used {
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
    pub(crate) fn put(&mut self, place: i64, used: Used) {
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
pub(crate) fn part(amount: u32, seconds: i64, all: i64) -> u32 {
    let (seconds, all) = (unsigned(seconds), unsigned(all).max(1));
    u32::try_from((2 * u64::from(amount) * seconds + all) / (2 * all)).unwrap_or(amount)
}

#[cfg(test)]
mod tests;
