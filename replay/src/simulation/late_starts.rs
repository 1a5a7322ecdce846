//! Late starts of pods, and what is owed of them.

use super::Simulation;
use crate::cluster::{Cluster, NEVER};
use crate::decision_log::Observer;
use crate::input_hour::{HOUR_SECONDS, NONE, Role};
use crate::number::{float, unsigned, whole_u64};
use crate::outcome::{Owed, Start};

/// Seconds that a pod waits for a machine that comes up: what waits longer at its end never had one.
const LONG_SECONDS: u64 = 3600;

impl<O: Observer> Simulation<O> {
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
        if place.up_since > t && (place.machine == NONE || asked >= LONG_SECONDS) {
            service.never_served_seconds += asked;
        }
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
