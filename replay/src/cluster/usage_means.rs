//! Known use of one hour, summed by class and by workload, that stands in for what is not known.

use super::container_imputation::{Guess, Own, Used, alive_in, requested};
use crate::input_hour::{Ask, ContainerRow, Hour, Lane, NONE, SLOTS, UNKNOWN};
use crate::number::index;

/// Sums and counts of one quantity in the slots of an hour.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    pub(super) sum: [u64; SLOTS],
    pub(super) n: [u32; SLOTS],
}

impl Sums {
    /// Counts one row in the slots in which it is known.
    pub(super) fn add(&mut self, values: &Lane, known: &[bool; SLOTS]) {
        for ((sum, n), (value, known)) in self.sum.iter_mut().zip(&mut self.n).zip(values.0.iter().zip(known)) {
            let known = u32::from(*known);
            *sum += u64::from(value.wrapping_mul(known));
            *n += known;
        }
    }

    fn mean(&self, k: usize) -> Option<u32> {
        u32::try_from(self.sum.get(k)?.checked_div(u64::from(*self.n.get(k)?))?).ok()
    }
}

/// Sums of CPU and of memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Means {
    pub(super) cpu: Sums,
    pub(super) memory: Sums,
}

/// The known use of one hour: nothing that is imputed is here.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    /// By class; empty until a container is silent of whose past nothing is known.
    classes: Vec<Means>,
    /// By workload, from the pods all of whose containers are known.
    pub(super) workloads: Vec<Means>,
    /// Core-milliseconds and MiB-seconds for which plain requests stand in.
    pub(super) requested: (u64, u64),
}

pub(super) fn means(rows: &mut Vec<Means>, row: u32) -> Option<&mut Means> {
    let place = index(row);
    if place >= rows.len() {
        rows.resize_with(place + 1, Default::default);
    }
    rows.get_mut(place)
}

impl Scratch {
    pub(super) fn begin_hour(&mut self) {
        self.classes.clear();
        self.requested = (0, 0);
        self.workloads.iter_mut().for_each(|row| *row = Means::default());
    }

    /// Returns true when any pod was known in any slot of the hour.
    pub(super) fn knows_something(&self) -> bool {
        self.workloads.iter().any(|means| means.cpu.n.iter().any(|n| *n > 0))
    }

    /// Sums by class, once in an hour.
    fn note_classes(&mut self, hour: &Hour) {
        if !self.classes.is_empty() {
            return;
        }
        for container in hour.containers().iter().filter(|row| row.class != NONE) {
            let (cpu, memory) = (&container.cpu_mean_millicores, &container.memory_max_mib);
            if let Some(means) = means(&mut self.classes, container.class) {
                means.cpu.add(cpu, &cpu.0.map(|value| value != UNKNOWN));
                means.memory.add(memory, &memory.0.map(|value| value != UNKNOWN));
            }
        }
    }

    /// Returns what stands in for a container: what its own past says, and where that says nothing its class in the
    /// slot, else its past however long ago, else what it requests.
    pub(super) fn stand_in(&mut self, hour: &Hour, row: &ContainerRow, own: &Own, alive: &[u32; SLOTS]) -> Guess {
        let mut guess = own.near;
        if !guess.cpu.0.contains(&UNKNOWN) && !guess.memory.0.contains(&UNKNOWN) {
            return guess;
        }
        self.note_classes(hour);
        let class = self.classes.get(index(row.class));
        let asked = requested(row.ask);
        let known = |value: u32| (value != UNKNOWN).then_some(value);
        // Lanes of its past are zero where it was not alive.
        for k in alive_in(alive) {
            let seconds = alive.get(k).map_or(0, |seconds| u64::from(*seconds));
            if guess.cpu.at(k) == UNKNOWN {
                let of_class = class.and_then(|means| means.cpu.mean(k));
                let known = of_class.or(known(own.old.cpu.at(k)));
                guess.cpu.set(k, known.unwrap_or(asked.cpu_millicores));
                self.requested.0 += if known.is_some() { 0 } else { u64::from(asked.cpu_millicores) * seconds };
            }
            if guess.memory.at(k) == UNKNOWN {
                let of_class = class.and_then(|means| means.memory.mean(k));
                let known = of_class.or(known(own.old.memory.at(k)));
                guess.memory.set(k, known.unwrap_or(asked.memory_mib));
                self.requested.1 += if known.is_some() { 0 } else { u64::from(asked.memory_mib) * seconds };
            }
        }
        guess
    }

    /// Returns what stands in for a pod of which no container is known: its workload in the slot, else what it
    /// requests.
    pub(super) fn of_workload(&mut self, workload: u32, ask: Ask, alive: &[u32; SLOTS]) -> Used {
        let (mut used, asked) = (Used::NOTHING, requested(ask));
        let means = self.workloads.get(index(workload));
        for k in alive_in(alive) {
            let seconds = alive.get(k).map_or(0, |seconds| u64::from(*seconds));
            let cpu = means.and_then(|means| means.cpu.mean(k));
            let memory = means.and_then(|means| means.memory.mean(k));
            self.requested.0 += if cpu.is_some() { 0 } else { u64::from(asked.cpu_millicores) * seconds };
            self.requested.1 += if memory.is_some() { 0 } else { u64::from(asked.memory_mib) * seconds };
            let (cpu, memory) = (cpu.unwrap_or(asked.cpu_millicores), memory.unwrap_or(asked.memory_mib));
            used.impute(k, cpu, memory);
        }
        used
    }
}
