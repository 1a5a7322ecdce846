//! Use of all pods in an hour, measured or imputed, and the part of it that enters the means of workloads.

use super::container_imputation::{Guess, Used, alive_in, is_silent, own};
use super::intake::Intake;
use super::usage_means::{Means, Scratch, means};
use super::{Amounts, DaemonUse, Demand, Habit, habit, nodes_by_slot};
use crate::input_hour::{ContainerRow, HOUR_SECONDS, Hour, Lane, NONE, PodRow, SLOTS};
use crate::number::{index, whole};
use crate::slab::Table;

impl Scratch {
    /// Lets the hour's means enter what is known of each workload.
    pub(super) fn enter_habits(&self, habits: &mut Table<Habit>) {
        for (workload, Means { cpu, memory }) in (0..).zip(&self.workloads) {
            for ((n, cpu), memory) in cpu.n.iter().zip(&cpu.sum).zip(&memory.sum).filter(|((n, _), _)| **n > 0) {
                let habit = habit(habits, workload);
                habit.seen_slots = habit.seen_slots.saturating_add(1);
                habit.slots += f64::from(*n);
                habit.cpu += crate::number::float(*cpu);
                habit.memory += crate::number::float(*memory);
            }
        }
    }
}

/// Sums of an hour, as its pods are gone through.
struct Tally {
    amounts: Amounts,
    daemons: DaemonUse,
    /// Slots of which something is measured, and of which something is imputed.
    measured: [bool; SLOTS],
    imputed: [bool; SLOTS],
}

impl Tally {
    /// Counts what a pod uses, and returns how much that is.
    fn see(&mut self, used: &Used, alive: &[u32; SLOTS]) -> Amounts {
        // Nearly every pod is measured in every slot, and one of them tells as much as all.
        let tells_nothing = self.measured == ALL && !used.has_gaps();
        for k in alive_in(alive).filter(|_| !tells_nothing) {
            let marks = [(&mut self.measured, &used.measured), (&mut self.imputed, &used.imputed)];
            for (all, of_pod) in marks {
                if let Some((all, of_pod)) = all.get_mut(k).zip(of_pod.get(k)) {
                    *all |= of_pod;
                }
            }
        }
        let own = Amounts::of(used, alive);
        self.amounts = self.amounts.plus(&own);
        own
    }
}

impl Intake {
    /// Fills in what the hour's pods use. `ids` has the pod of each row.
    pub(super) fn use_of(&mut self, hour: &Hour, ids: &[u32]) {
        self.scratch.begin_hour();
        self.forget_guesses();
        if let Some(sizer) = &mut self.sizer {
            for row in of_classes(hour, ids) {
                sizer.observe(row.class, &row.cpu_mean_millicores, &row.memory_max_mib);
            }
        }
        let (no, daemons) = ([false; SLOTS], DaemonUse::NONE);
        let mut tally = Tally { amounts: Amounts::default(), daemons, measured: no, imputed: no };
        let mut containers = hour.containers();
        let mut unnamed = Vec::new();
        for (at, (row, pod)) in (0_u32..).zip(hour.pods().iter().zip(ids)) {
            let own = containers.iter().take_while(|container| container.pod == at).count();
            let (own, rest) = containers.split_at_checked(own).unwrap_or_default();
            containers = rest;
            self.meet_containers(*pod, own);
            if self.names_none(*pod, own) {
                unnamed.push((row, *pod));
                continue;
            }
            let alive = alive(hour, row);
            let whole_hour = alive == WHOLE_HOUR;
            let known = Used::known(own).filter(|_| whole_hour && self.are_all(*pod, own));
            let used = known.unwrap_or_else(|| self.with_gaps(hour, row.uid, *pod, own, &alive));
            self.take(row, *pod, &used, &alive, &mut tally);
        }
        // Last, since the means of their workloads come from the others.
        for (row, pod) in unnamed {
            let alive = alive(hour, row);
            let used = self.scratch.of_workload(row.workload, row.ask, &alive);
            self.take(row, pod, &used, &alive, &mut tally);
        }
        self.past.keep(hour);
        let (cpu, memory) = self.scratch.requested;
        tally.amounts.requested_core_milliseconds += cpu;
        tally.amounts.requested_mib_seconds += memory;
        self.cluster.imputed.enter(hour.start(), &tally.amounts);
        self.cluster.daemons = tally.daemons.shared_by(&nodes_by_slot(hour));
        let slots = self.cluster.silent.iter_mut().zip(tally.measured.iter().zip(&tally.imputed)).enumerate();
        slots.for_each(|(k, (silent, (measured, imputed)))| {
            *silent = (*imputed || hour.frozen().any_at(k)) && !measured;
        });
    }

    /// Notes the containers of a pod when they are first seen.
    fn meet_containers(&mut self, pod: u32, own: &[ContainerRow]) {
        if pod != NONE && self.containers[pod].is_empty() {
            let containers = own.iter().filter(|row| row.class != NONE).map(|row| (row.class, row.ask));
            self.containers[pod].extend(containers);
            self.cluster.pods[pod].sized = self.sized(pod);
        }
    }

    /// Returns true when no container of a pod is known by name, so that it can only be looked at as a whole.
    fn names_none(&self, pod: u32, own: &[ContainerRow]) -> bool {
        if pod == NONE { own.is_empty() } else { self.containers[pod].is_empty() }
    }

    /// Returns true when every container seen of a pod so far has a row in this hour.
    fn are_all(&self, pod: u32, own: &[ContainerRow]) -> bool {
        pod == NONE || own.iter().filter(|row| row.class != NONE).count() >= self.containers[pod].len()
    }

    /// Adds the use of a pod that does not live through the hour, or of which something is silent.
    fn with_gaps(&mut self, hour: &Hour, uid: u128, pod: u32, rows: &[ContainerRow], alive: &[u32; SLOTS]) -> Used {
        let mut used = Used::NOTHING;
        let mut add = |row: &ContainerRow, (past, scratch): (&super::last_day_usage::Past, &mut Scratch)| {
            // Init containers are silent once they are over, which is no gap.
            let silent = row.class != NONE && is_silent(row, alive);
            let guess = silent.then(|| scratch.stand_in(hour, row, &own(past, hour.start(), uid, row, alive), alive));
            used.add(row, guess.as_ref(), alive);
        };
        for row in rows {
            add(row, (&self.past, &mut self.scratch));
        }
        // Containers that were there before, and of which this hour does not even have a row.
        if pod != NONE {
            for (class, ask) in &self.containers[pod] {
                if rows.iter().all(|row| row.class != *class) {
                    add(&ContainerRow::silent(*class, *ask), (&self.past, &mut self.scratch));
                }
            }
        }
        used
    }

    /// Counts what a pod uses; `pod` is [`NONE`] for daemons.
    fn take(&mut self, row: &PodRow, pod: u32, used: &Used, alive: &[u32; SLOTS], tally: &mut Tally) {
        let own = tally.see(used, alive);
        let whole_hour = *alive == WHOLE_HOUR;
        let is_known = whole_hour && used.measured == ALL && !used.has_gaps();
        if is_known {
            self.cluster.imputed.usual.see(&own, row.ask);
        }
        if pod == NONE {
            tally.daemons.add(used, alive);
            return;
        }
        for k in alive_in(alive) {
            let is = |slots: &[bool; SLOTS]| u64::from(slots.get(k).copied().unwrap_or_default());
            self.cluster.imputed.pod_slots += 1;
            self.cluster.imputed.imputed_pod_slots += is(&used.imputed);
            self.cluster.imputed.pod_slots_without_peak += is(&used.without_peak);
        }
        if let Some(means) = means(&mut self.scratch.workloads, row.workload) {
            let mut known = ALL;
            if !is_known {
                let slots = alive.iter().zip(used.measured.iter().zip(&used.imputed));
                for (known, (seconds, (measured, imputed))) in known.iter_mut().zip(slots) {
                    *known = *seconds > 0 && *measured && !imputed;
                }
            }
            means.cpu.add(&used.cpu, &known);
            means.memory.add(&used.memory, &known);
        }
        let demand = Demand::of(used, alive);
        self.count_cpu(row.workload, &demand.cpu);
        self.cluster.demand[pod] = demand;
        if used.has_gaps() {
            self.guess(pod, Guess { cpu: spread(&used.guess.cpu, alive), memory: used.guess.memory });
        }
    }
}

impl Intake {
    fn count_cpu(&mut self, workload: u32, cpu: &Lane) {
        let place = index(workload);
        if place >= self.cluster.cpu_used.len() {
            self.cluster.cpu_used.resize(place + 1, 0);
        }
        if let Some(sum) = self.cluster.cpu_used.get_mut(place) {
            *sum += cpu.core_milliseconds();
        }
    }
}

/// Containers that are sized by class: of pods that are placed, init containers aside.
fn of_classes<'h>(hour: &'h Hour, ids: &'h [u32]) -> impl Iterator<Item = &'h ContainerRow> {
    let daemon = |row: &ContainerRow| ids.get(index(row.pod)).is_none_or(|pod| *pod == NONE);
    hour.containers().iter().filter(move |row| row.class != NONE && !daemon(row))
}

/// Seconds of a slot.
const WHOLE_SLOT: u32 = 300;
/// Every slot of the hour.
const ALL: [bool; SLOTS] = [true; SLOTS];
/// Seconds of the slots of a pod that lives through the hour.
const WHOLE_HOUR: [u32; SLOTS] = [WHOLE_SLOT; SLOTS];

/// Seconds of each slot in which a pod is alive; none of those in which its zone is frozen.
fn alive(hour: &Hour, row: &PodRow) -> [u32; SLOTS] {
    match hour.frozen().of_zone(row.zone) {
        None if row.alive_from == 0 && i64::from(row.alive_to) == HOUR_SECONDS => WHOLE_HOUR,
        None => std::array::from_fn(|k| row.alive_in(k)),
        Some(frozen) => std::array::from_fn(|k| match frozen.get(k) {
            Some(true) => 0,
            _ => row.alive_in(k),
        }),
    }
}

/// Means over the seconds a pod is alive as means over whole slots.
fn spread(lane: &Lane, alive: &[u32; SLOTS]) -> Lane {
    let mut spread = Lane::ZERO;
    for (k, seconds) in alive.iter().enumerate() {
        let mean = lane.at(k);
        spread.set(k, if *seconds >= 300 { mean } else { whole(f64::from(mean) * f64::from(*seconds) / 300.0) });
    }
    spread
}

impl Demand {
    /// Returns the use of a pod that is alive for so many seconds of each slot.
    fn of(used: &Used, alive: &[u32; SLOTS]) -> Self {
        if *alive == WHOLE_HOUR {
            return Self { cpu: used.cpu, cpu_max: used.peak, memory: used.memory, memory_mean: used.memory_mean };
        }
        // Lanes are zero where it is not alive, but for what is known in the whole hour.
        let mean = |lane: &Lane| spread(lane, alive);
        Self { cpu: mean(&used.cpu), cpu_max: used.peak, memory: used.memory, memory_mean: mean(&used.memory_mean) }
    }
}

impl DaemonUse {
    fn add(&mut self, used: &Used, alive: &[u32; SLOTS]) {
        self.cpu.add(&spread(&used.cpu, alive));
        self.memory.add(&used.memory);
        self.guess.cpu.add(&spread(&used.guess.cpu, alive));
        self.guess.memory.add(&used.guess.memory);
    }

    /// Returns the part of it that falls to each of so many nodes.
    fn shared_by(mut self, nodes: &[u32; SLOTS]) -> Self {
        for lane in [&mut self.cpu, &mut self.memory, &mut self.guess.cpu, &mut self.guess.memory] {
            lane.0.iter_mut().zip(nodes).for_each(|(sum, nodes)| *sum /= (*nodes).max(1));
        }
        self
    }
}

impl Amounts {
    /// Returns what a pod used in the seconds it was alive.
    fn of(used: &Used, alive: &[u32; SLOTS]) -> Self {
        let sum = |lane: &Lane| -> u64 {
            lane.0.iter().zip(alive).map(|(value, seconds)| u64::from(*value) * u64::from(*seconds)).sum()
        };
        let guessed = |lane: &Lane| if used.has_gaps() { sum(lane) } else { 0 };
        Self {
            core_milliseconds: sum(&used.cpu),
            imputed_core_milliseconds: guessed(&used.guess.cpu),
            mib_seconds: sum(&used.memory),
            imputed_mib_seconds: guessed(&used.guess.memory),
            ..Self::default()
        }
    }
}
