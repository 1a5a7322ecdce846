//! Work starts late, goes on beyond its recorded end, and is over.

use std::cmp::Reverse;

use super::Simulation;
use super::state::{Due, Kept, Late, PodUse};
use crate::cluster::{Cluster, FOLLOWED_SECONDS, NEVER};
use crate::decision_log::Observer;
use crate::input_hour::NONE;

impl<O: Observer> Simulation<O> {
    /// A pod is due, and waits for its machine: work will be done later.
    pub(super) fn waits(&mut self, cluster: &Cluster, pod: u32) {
        if cluster.pods[pod].role.shifts() && self.places[pod].machine != NONE {
            self.late.insert(pod, Late::new(Kept::of(cluster, pod)));
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
        if let Some(late) = self.late.get_mut(pod) {
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
        for (pod, late) in self.late.iter_mut() {
            late.next_hour(Kept::of(cluster, pod));
            if late.by == NEVER {
                continue;
            }
            let row = &cluster.pods[pod];
            late.now = late.shifted(self.hour_start, row.since, row.until);
            let machine = &mut self.machines[self.places[pod].machine];
            machine.carries_no_more(PodUse { demand: &cluster.demand[pod], guess: cluster.guess_of(pod) });
            machine.carries(PodUse { demand: &late.now.demand, guess: Some(&late.now.guess) });
        }
    }
}
