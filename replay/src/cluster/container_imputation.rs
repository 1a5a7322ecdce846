//! Use of the containers of one pod, and what stands in where nothing was measured: never zero, and never the future.
//!
//! Each container stands for itself, and its CPU and its memory each for themselves. Where one of them has no sample
//! while the pod lives, these are asked in turn: its own last known slots, for as many slots of the gap as are kept; the
//! slot a day earlier; its class in the same slot; its own last known slots, however long the gap; what it requests.

use super::last_day_usage::{self, Past, Recent};
use crate::input_hour::{Ask, ContainerRow, Lane, NONE, SLOTS, UNKNOWN};

/// Request taken for a container that requests nothing and of which nothing is known: what kube-scheduler's scores
/// count for it.
const UNREQUESTED: Ask = Ask { cpu_millicores: 100, memory_mib: 200 };

/// A request; where there is none, what stands in for it.
pub(super) const fn requested(ask: Ask) -> Ask {
    Ask {
        cpu_millicores: if ask.cpu_millicores == 0 { UNREQUESTED.cpu_millicores } else { ask.cpu_millicores },
        memory_mib: if ask.memory_mib == 0 { UNREQUESTED.memory_mib } else { ask.memory_mib },
    }
}

/// CPU and memory that are imputed, in millicores and MiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guess {
    pub(crate) cpu: Lane,
    pub(crate) memory: Lane,
}

impl Guess {
    pub(crate) const NONE: Self = Self { cpu: Lane::ZERO, memory: Lane::ZERO };
}

/// Use of the containers of a pod together in each slot, while it was alive.
#[derive(Debug, Clone)]
pub(super) struct Used {
    pub(super) cpu: Lane,
    /// Peak, where known; else the mean.
    pub(super) peak: Lane,
    /// Largest memory.
    pub(super) memory: Lane,
    /// Mean memory, where known; else the largest.
    pub(super) memory_mean: Lane,
    /// Part of that which is imputed.
    pub(super) guess: Guess,
    /// Slots of which something is measured.
    pub(super) measured: [bool; SLOTS],
    /// Slots of which something is imputed.
    pub(super) imputed: [bool; SLOTS],
    /// Slots of which some CPU is measured and its peak is not.
    pub(super) without_peak: [bool; SLOTS],
}

impl Used {
    pub(super) const NOTHING: Self = Self {
        cpu: Lane::ZERO,
        peak: Lane::ZERO,
        memory: Lane::ZERO,
        memory_mean: Lane::ZERO,
        guess: Guess::NONE,
        measured: [false; SLOTS],
        imputed: [false; SLOTS],
        without_peak: [false; SLOTS],
    };

    /// The sum of containers of which every slot of the hour is known; `None` where that is not so.
    #[expect(clippy::indexing_slicing, reason = "every lane has as many slots as the loop")]
    pub(super) fn known(containers: &[ContainerRow]) -> Option<Self> {
        let mut used = Self::NOTHING;
        let (mut missing, mut measured, mut without_peak) = (0_u32, [0_u32; SLOTS], [0_u32; SLOTS]);
        for row in containers {
            let counts = u32::from(row.class != NONE);
            let (cpus, peaks, memories, means) =
                (&row.cpu_mean_millicores.0, &row.cpu_max_millicores.0, &row.memory_max_mib.0, &row.memory_mean_mib.0);
            // A machine's sum stays far below 2^32 millicores or MiB.
            for k in 0..SLOTS {
                let (cpu, memory, peak) = (cpus[k] != UNKNOWN, memories[k] != UNKNOWN, peaks[k] != UNKNOWN);
                let most = if peak { peaks[k].max(cpus[k]) } else { cpus[k] };
                used.cpu.0[k] = used.cpu.0[k].wrapping_add(if cpu { cpus[k] } else { 0 });
                used.peak.0[k] = used.peak.0[k].wrapping_add(if cpu { most } else { 0 });
                used.memory.0[k] = used.memory.0[k].wrapping_add(if memory { memories[k] } else { 0 });
                // An unknown mean is the largest number there is, so the smaller of the two is what is known.
                let mean = means[k].min(memories[k]);
                used.memory_mean.0[k] = used.memory_mean.0[k].wrapping_add(if memory { mean } else { 0 });
                missing |= u32::from(!(cpu & memory)) & counts;
                measured[k] |= u32::from(cpu | memory);
                without_peak[k] |= u32::from(cpu & !peak);
            }
        }
        for k in 0..SLOTS {
            used.measured[k] = measured[k] > 0;
            used.without_peak[k] = without_peak[k] > 0;
        }
        (missing == 0).then_some(used)
    }

    /// Counts one container in the slots in which its pod is alive, with what stands in for what has no sample.
    pub(super) fn add(&mut self, row: &ContainerRow, stand_in: Option<&Guess>, alive: &[u32; SLOTS]) {
        for k in alive_in(alive) {
            let (cpu, memory) = (row.cpu_mean_millicores.at(k), row.memory_max_mib.at(k));
            if cpu == UNKNOWN {
                if let Some(stand_in) = stand_in {
                    self.impute(k, stand_in.cpu.at(k), 0);
                }
            } else {
                let peak = row.cpu_max_millicores.at(k);
                add(&mut self.cpu, k, cpu);
                add(&mut self.peak, k, if peak == UNKNOWN { cpu } else { peak.max(cpu) });
                mark(&mut self.without_peak, k, peak == UNKNOWN);
            }
            if memory != UNKNOWN {
                add(&mut self.memory, k, memory);
                add(&mut self.memory_mean, k, row.memory_mean_mib.at(k).min(memory));
            } else if let Some(stand_in) = stand_in {
                self.impute(k, 0, stand_in.memory.at(k));
            }
            mark(&mut self.measured, k, cpu != UNKNOWN || memory != UNKNOWN);
        }
    }

    /// Adds what stands in for something in slot `k`.
    pub(super) fn impute(&mut self, k: usize, cpu: u32, memory: u32) {
        for lane in [&mut self.cpu, &mut self.peak, &mut self.guess.cpu] {
            add(lane, k, cpu);
        }
        for lane in [&mut self.memory, &mut self.memory_mean, &mut self.guess.memory] {
            add(lane, k, memory);
        }
        mark(&mut self.imputed, k, true);
    }

    /// Returns true when anything is imputed.
    pub(super) fn has_gaps(&self) -> bool {
        self.imputed.contains(&true)
    }
}

/// The slots in which a pod is alive.
pub(super) fn alive_in(alive: &[u32; SLOTS]) -> impl Iterator<Item = usize> {
    alive.iter().enumerate().filter(|(_, seconds)| **seconds > 0).map(|(k, _)| k)
}

fn add(lane: &mut Lane, k: usize, value: u32) {
    lane.set(k, lane.at(k).saturating_add(value));
}

fn mark(slots: &mut [bool; SLOTS], k: usize, so: bool) {
    if let Some(slot) = slots.get_mut(k) {
        *slot |= so;
    }
}

/// Returns true when a container has no sample of something in a slot in which its pod is alive.
pub(super) fn is_silent(row: &ContainerRow, alive: &[u32; SLOTS]) -> bool {
    alive_in(alive).any(|k| row.cpu_mean_millicores.at(k) == UNKNOWN || row.memory_max_mib.at(k) == UNKNOWN)
}

/// Estimate from a container's own past for the slots in which it has no sample and its pod is alive.
pub(super) struct Own {
    /// Its last known slots, then the slot a day earlier; [`UNKNOWN`] where neither says anything.
    pub(super) near: Guess,
    /// Its last known slots of the day before, however long the gap is by then; [`UNKNOWN`] where there are none.
    pub(super) old: Guess,
}

/// The own past of a container, in an hour that starts at `start`.
pub(super) fn own(past: &Past, start: i64, uid: u128, row: &ContainerRow, alive: &[u32; SLOTS]) -> Own {
    let (cpu, memory) = past.recent(uid, row.class);
    let (cpu_then, memory_then) = past.day_before(start, uid, row.class);
    let cpu = quantity(cpu, (&row.cpu_mean_millicores, &cpu_then), alive, last_day_usage::mean);
    let largest = |values: &[u32]| values.iter().copied().max();
    let memory = quantity(memory, (&row.memory_max_mib, &memory_then), alive, largest);
    Own { near: Guess { cpu: cpu.0, memory: memory.0 }, old: Guess { cpu: cpu.1, memory: memory.1 } }
}

fn quantity(
    mut recent: Recent,
    (now, day_before): (&Lane, &Lane),
    alive: &[u32; SLOTS],
    of: impl Fn(&[u32]) -> Option<u32>,
) -> (Lane, Lane) {
    let (mut near, mut old) = (Lane::ZERO, Lane::ZERO);
    for k in alive_in(alive) {
        match now.at(k) {
            UNKNOWN => {
                let fresh = recent.falls_silent();
                let own = of(recent.known());
                near.set(k, own.filter(|_| fresh).unwrap_or(day_before.at(k)));
                old.set(k, own.unwrap_or(UNKNOWN));
            }
            value => recent.see(value),
        }
    }
    (near, old)
}
