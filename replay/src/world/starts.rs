//! Late starts of pods, and what is owed of them.

use std::collections::{BTreeMap, VecDeque};

use super::{NEVER, World};
use crate::cluster::Cluster;
use crate::hour::{HOUR_SECONDS, NONE, Role};
use crate::number::{float, unsigned, whole_u64};
use crate::observer::Observer;
use crate::outcome::{Owed, Start};

/// Seconds within which pods belong to one run, where nothing else says which they belong to.
const ONE_RUN_SECONDS: i64 = 60;
/// Runs of one workload that are remembered: more of them rarely overlap.
const REMEMBERED: usize = 8;

/// A run of a CronJob, and when its first pod was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    number: u64,
    asked: i64,
}

/// Runs of workloads that run by the clock.
#[derive(Debug, Clone, Default)]
pub(super) struct Runs {
    /// The last runs of each workload, by the order in which they were asked for.
    last: BTreeMap<u32, VecDeque<Run>>,
    /// The run of each pod that is there, and whether it is the first of it.
    of_pod: BTreeMap<u32, (Run, bool)>,
}

impl Runs {
    /// A pod of a workload is asked for at `t`.
    pub(super) fn asked(&mut self, pod: u32, workload: u32, number: u64, t: i64) {
        let runs = self.last.entry(workload).or_default();
        let known = runs.iter().find(|run| match number {
            0 => t < run.asked + ONE_RUN_SECONDS,
            number => run.number == number,
        });
        let (run, first) = match known {
            Some(run) => (*run, false),
            // Without a number of its own a run is known by when it began.
            None => (Run { number: if number == 0 { unsigned(t) } else { number }, asked: t }, true),
        };
        if first {
            runs.push_back(run);
        }
        if runs.len() > REMEMBERED {
            runs.pop_front();
        }
        self.of_pod.insert(pod, (run, first));
    }

    /// Returns true when a pod is the first of its run.
    fn begins(&self, pod: u32) -> bool {
        self.of_pod.get(&pod).is_some_and(|(_, first)| *first)
    }

    /// Returns true when a run after that of a pod was asked for before `t`.
    fn goes_on(&self, pod: u32, workload: u32, t: i64) -> bool {
        let Some((own, _)) = self.of_pod.get(&pod) else { return false };
        let later = |run: &Run| run.number != own.number && run.asked > own.asked && run.asked < t;
        self.last.get(&workload).is_some_and(|runs| runs.iter().any(later))
    }

    pub(super) fn forget(&mut self, pod: u32) {
        self.of_pod.remove(&pod);
    }
}

impl<O: Observer> World<O> {
    /// Returns true when the next run of a CronJob was asked for before the first pod of this one started at `t`, or
    /// while it still waits. Later pods of a run are no start of it.
    pub(super) fn is_overtaken(&self, cluster: &Cluster, pod: u32, t: i64) -> bool {
        let row = &cluster.pods[pod];
        row.role == Role::Periodic
            && t - row.since > self.setup.late_after_seconds
            && self.runs.begins(pod)
            && self.runs.goes_on(pod, row.workload, t)
    }

    /// Counts a pod that is still there at the end of the hours; work may yet be done.
    pub(super) fn count_unfinished(&mut self, cluster: &Cluster, pod: u32, t: i64) {
        let owed = self.count(cluster, pod, t);
        if self.places[pod].machine != NONE {
            self.outcome.service.unfinished.add(owed);
        }
    }

    /// Counts a pod up to `t`, at which it is over or the hours are. Gives what is owed of its work.
    pub(super) fn count(&mut self, cluster: &Cluster, pod: u32, t: i64) -> Owed {
        let (row, place) = (&cluster.pods[pod], self.places[pod]);
        let frozen = |from: i64, to: i64| cluster.frozen_past.seconds(row.zone, from, to);
        let asked = unsigned(row.until.min(t) - place.due) - frozen(place.due, row.until.min(t));
        let started = place.served_since().min(t);
        // Late work may run through other frozen slots than it was asked for in.
        let served = (unsigned(t - started) - frozen(started, t)).min(asked);
        let late = unsigned(started - place.due);
        let service = &mut self.outcome.service;
        service.served_seconds += served;
        service.unserved_seconds += asked - served;
        service.waited += u64::from(late > 0);
        let mut owed = Owed::default();
        if row.role.shifts() {
            owed = Owed::of(asked - served, &place.item);
            service.owed_batch.add(owed);
        }
        if row.starts && place.due >= self.setup.warm_up_seconds {
            let waits = place.up_since == NEVER;
            let start = Start {
                workload: row.workload,
                role: row.role,
                begins_run: self.runs.begins(pod),
                late_seconds: late,
                limit_seconds: self.late_limit(row.role, asked),
                waited_seconds: unsigned(place.up_since.min(t) - place.asked_since),
                recorded_seconds: row.waited.into(),
                overtaken: self.late.was_overtaken(pod) || waits && self.is_overtaken(cluster, pod, t),
            };
            let hour = usize::try_from(place.due / HOUR_SECONDS).unwrap_or(usize::MAX);
            if let Some(waiting) = self.outcome.waiting.get_mut(hour) {
                waiting.count(&start, unsigned(self.setup.late_after_seconds));
            }
        }
        owed
    }

    /// Seconds by which a pod may start late: work of `length` may by a share of it, where that is more.
    fn late_limit(&self, role: Role, length: u64) -> u64 {
        let share = if role.shifts() { whole_u64(self.setup.late_share_of_batch * float(length)) } else { 0 };
        unsigned(self.setup.late_after_seconds).max(share)
    }
}
