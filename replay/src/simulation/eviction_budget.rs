//! Budget of pods that a scenario may restart, and which it may not.
//!
//! Draining is worth what it saves, and costs those whose pods restart. A scenario therefore keeps to a number of
//! evictions per pod and day over the last seven days, as a sensible operator would set disruption budgets, and drains no
//! machine that runs jobs, whose work would be lost. The warm-up has a budget of its own, as it is not judged: a short window
//! would otherwise spend on its judged days what it saved before them.

use super::Simulation;
use crate::cluster::Cluster;
use crate::decision_log::Observer;
use crate::input_hour::{HOUR_SECONDS, SLOT_SECONDS};
use crate::number::float;

/// Share of the limit that is used, so that a week that begins at any hour holds it though pods come and go.
const USED: f64 = 0.95;
/// Replicas of one workload that may restart one after another in a slot: each has a minute to come up.
const ONE_BY_ONE: usize = 5;

impl<O: Observer> Simulation<O> {
    /// Returns true when these pods may all be evicted now: none is a job, no workload loses more replicas than can
    /// restart one after another, and the limits hold.
    pub(super) fn may_evict(&self, cluster: &Cluster, pods: &[u32]) -> bool {
        // How many they are is known at once, and nearly always what decides.
        if !self.may_evict_so_many(pods.len()) || pods.iter().any(|pod| cluster.pods[*pod].role.shifts()) {
            return false;
        }
        let limits = &self.setup.evictions;
        if limits.per_pod_day.is_infinite() && limits.per_single_pod_day.is_infinite() {
            return true;
        }
        // None that restarts in this slot or later is asked for twice in one slot, whichever that is.
        let slot = self.slot_start();
        let restarts = self.recent.restarts.iter().filter(|(at, _)| *at >= slot).map(|(_, workload)| *workload);
        let mut workloads: Vec<u32> = pods.iter().map(|pod| cluster.workloads[*pod]).chain(restarts).collect();
        workloads.sort_unstable();
        if workloads.chunk_by(|a, b| a == b).any(|replicas| replicas.len() > ONE_BY_ONE) {
            return false;
        }
        let singles = pods.iter().filter(|pod| cluster.is_single(**pod)).count();
        let (sum, now) = (&self.recent.sum, &self.recent.now);
        within(singles, sum.singles + now.singles, sum.single_pod_seconds, limits.per_single_pod_day)
    }

    /// Returns true when the limit on all evictions lets so many more happen now.
    pub(super) fn may_evict_so_many(&self, pods: usize) -> bool {
        let (sum, now) = (&self.recent.sum, &self.recent.now);
        let limit = self.setup.evictions.per_pod_day;
        limit.is_infinite() || within(pods, sum.pods + now.pods, sum.pod_seconds, limit)
    }

    /// Start of the slot in work.
    pub(super) fn slot_start(&self) -> i64 {
        self.hour_start + i64::try_from(self.slot).unwrap_or_default() * SLOT_SECONDS
    }

    /// Notes that pods restart in the slot that starts at `at`, this one or one to come.
    pub(super) fn restart_at(&mut self, cluster: &Cluster, pods: &[u32], at: i64) {
        let slot = self.slot_start();
        self.recent.restarts.retain(|(at, _)| *at >= slot);
        self.recent.restarts.extend(pods.iter().map(|pod| (at, cluster.workloads[*pod])));
    }

    /// Counts evictions that are decided.
    pub(super) fn evict(&mut self, cluster: &Cluster, pods: &[u32]) {
        let singles = pods.iter().filter(|pod| cluster.is_single(**pod)).count();
        self.recent.now.pods += u64::try_from(pods.len()).unwrap_or_default();
        self.recent.now.singles += u64::try_from(singles).unwrap_or_default();
    }

    /// Ends the hour for the limits; outside the warm-up it counts.
    pub(super) fn end_hour_of_evictions(&mut self, cluster: &Cluster) {
        let hour = self.recent.end_hour(&cluster.evictable);
        if !self.warming_up(self.hour_start) {
            self.outcome.evictions = self.outcome.evictions.plus(&hour);
        } else if !self.warming_up(self.hour_start + HOUR_SECONDS) {
            self.recent.begin();
        }
    }
}

/// Returns true when so many evictions more keep to a limit per pod and day.
fn within(more: usize, done: u64, seconds: u64, limit: f64) -> bool {
    let more = float(u64::try_from(more).unwrap_or(u64::MAX));
    more == 0.0 || float(done) + more <= USED * limit * float(seconds) / 86_400.0
}
