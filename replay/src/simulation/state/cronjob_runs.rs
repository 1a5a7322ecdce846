//! Runs of CronJobs, and the pods that belong to each.

use std::collections::VecDeque;

use crate::number::unsigned;
use crate::slab::Table;

/// Seconds within which pods belong to one run, where nothing else says which they belong to.
pub(crate) const ONE_RUN_SECONDS: i64 = 60;
/// Runs of one workload that are remembered: more of them rarely overlap.
pub(crate) const REMEMBERED: usize = 8;

/// A run of a CronJob, and when its first pod was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) number: u64,
    pub(crate) asked: i64,
}

/// Runs of workloads that run by the clock.
#[derive(Debug, Clone, Default)]
pub(crate) struct Runs {
    /// The last runs of each workload, by the order in which they were asked for.
    pub(crate) last: Table<VecDeque<Run>>,
    /// The run of each pod that is there, and whether it is the first of it.
    pub(crate) of_pod: Table<Option<(Run, bool)>>,
}

impl Runs {
    /// A pod of a workload is asked for at `t`.
    pub(crate) fn asked(&mut self, pod: u32, workload: u32, number: u64, t: i64) {
        self.last.grow(workload + 1, VecDeque::new);
        let runs = &mut self.last[workload];
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
        self.of_pod.grow(pod + 1, || None);
        self.of_pod[pod] = Some((run, first));
    }

    /// Returns true when a pod is the first of its run.
    pub(crate) fn begins(&self, pod: u32) -> bool {
        self.of(pod).is_some_and(|(_, first)| first)
    }

    /// Returns true when a run after that of a pod was asked for before `t`.
    pub(crate) fn goes_on(&self, pod: u32, workload: u32, t: i64) -> bool {
        let Some((own, _)) = self.of(pod) else { return false };
        let later = |run: &Run| run.number != own.number && run.asked > own.asked && run.asked < t;
        self.last.try_row(workload).is_some_and(|runs| runs.iter().any(later))
    }

    fn of(&self, pod: u32) -> Option<(Run, bool)> {
        self.of_pod.try_row(pod).copied().flatten()
    }

    pub(crate) fn forget(&mut self, pod: u32) {
        if let Some(run) = self.of_pod.try_row_mut(pod) {
            *run = None;
        }
    }
}
