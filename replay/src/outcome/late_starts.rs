//! Late starts of pods, and work that is owed.

use crate::input_hour::Role;
use crate::placement::Item;

/// Work of pods, done or owed, and the requests it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owed {
    /// Pod-seconds.
    pub seconds: u64,
    /// Requested CPU times seconds, in millicore-seconds.
    pub millicore_seconds: u64,
    /// Requested memory times seconds, in MiB-seconds.
    pub mib_seconds: u64,
}

impl Owed {
    pub(crate) fn of(seconds: u64, item: &Item) -> Self {
        Self {
            seconds,
            millicore_seconds: seconds * u64::from(item.cpu),
            mib_seconds: seconds * u64::from(item.memory),
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.millicore_seconds += other.millicore_seconds;
        self.mib_seconds += other.mib_seconds;
    }

    pub(crate) fn less(&self, earlier: &Self) -> Self {
        Self {
            seconds: self.seconds - earlier.seconds,
            millicore_seconds: self.millicore_seconds - earlier.millicore_seconds,
            mib_seconds: self.mib_seconds - earlier.mib_seconds,
        }
    }

    /// Returns this and what was done by the measure in which it is the larger share: CPU or memory requested, or time where
    /// its pods request neither. `None` where nothing was done in any of them.
    pub fn largest_share(&self, done: &Self) -> Option<(u64, u64)> {
        let requested = [(self.millicore_seconds, done.millicore_seconds), (self.mib_seconds, done.mib_seconds)];
        let by_time = (self.seconds, done.seconds);
        let there = requested.into_iter().filter(|(part, of)| *part > 0 && *of > 0);
        let wide = |a: u64, b: u64| u128::from(a) * u128::from(b);
        let larger = |a: (u64, u64), b: (u64, u64)| if wide(b.0, a.1) > wide(a.0, b.1) { b } else { a };
        there.reduce(larger).or(Some(by_time).filter(|(_, of)| *of > 0))
    }

    /// Returns what is owed now, of what was not lost before: `earlier`, less what of it could still be done.
    pub(crate) fn since(&self, earlier: &Self, unfinished: &Self) -> Self {
        Self {
            seconds: self.seconds + unfinished.seconds - earlier.seconds,
            millicore_seconds: self.millicore_seconds + unfinished.millicore_seconds - earlier.millicore_seconds,
            mib_seconds: self.mib_seconds + unfinished.mib_seconds - earlier.mib_seconds,
        }
    }
}

/// Starts of pods that were scheduled, as recorded, outside the warm-up: the same pods in every scenario.
///
/// A pod is late by its start less the second at which it was scheduled as recorded, at least 0. What had not started
/// when it ended, or at the end of the hours, counts as late by then.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Waiting {
    /// Starts of services, StatefulSets among them.
    pub services: Starts,
    /// Starts of jobs, CronJobs and bare pods.
    pub batch: Starts,
    /// Runs of CronJobs among them, each counted by its first pod.
    pub periodic: u64,
    /// Runs of CronJobs that started later than the limit for services, and after the next run was asked for.
    pub overtaken: u64,
}

/// Starts of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Starts {
    /// Number of them.
    pub starts: u64,
    /// Those later than they may be.
    pub late: u64,
    /// The largest lateness.
    pub largest_seconds: u64,
    /// Seconds from when pods were asked for to when their machine was ready.
    pub waited_seconds: u64,
    /// Starts for which these were more than the limit for services.
    pub waited_long: u64,
    /// Seconds from when pods were created to when they were scheduled, as recorded; zero where not known.
    pub recorded_seconds: u64,
    /// Starts for which these were more than the limit for services.
    pub recorded_long: u64,
    /// Late starts by workload, where there are any; by workload.
    pub late_by_workload: Vec<(u32, u64)>,
}

/// One start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    pub(crate) workload: u32,
    pub(crate) role: Role,
    /// `true` when it is the first pod of a run of a CronJob.
    pub(crate) begins_run: bool,
    pub(crate) late_seconds: u64,
    /// The most that may be.
    pub(crate) limit_seconds: u64,
    pub(crate) waited_seconds: u64,
    pub(crate) recorded_seconds: u64,
    pub(crate) overtaken: bool,
}

impl Waiting {
    pub(crate) fn count(&mut self, start: &Start, long_seconds: u64) {
        self.periodic += u64::from(start.begins_run);
        self.overtaken += u64::from(start.overtaken);
        if start.role.shifts() { &mut self.batch } else { &mut self.services }.count(start, long_seconds);
    }

    /// Starts of services and of batch pods.
    pub const fn all_starts(&self) -> u64 {
        self.services.starts + self.batch.starts
    }

    /// Both together.
    pub(crate) fn add(&mut self, other: &Self) {
        self.services.add(&other.services);
        self.batch.add(&other.batch);
        self.periodic += other.periodic;
        self.overtaken += other.overtaken;
    }
}

impl Starts {
    /// The workload with most late starts, and how many; the lowest index of equals. `None` where none was late.
    pub fn worst(&self) -> Option<(u32, u64)> {
        let worst = self.late_by_workload.iter().max_by_key(|(workload, late)| (*late, std::cmp::Reverse(*workload)));
        worst.copied()
    }

    fn count(&mut self, start: &Start, long_seconds: u64) {
        let late = start.late_seconds > start.limit_seconds;
        self.starts += 1;
        self.late += u64::from(late);
        self.largest_seconds = self.largest_seconds.max(start.late_seconds);
        self.waited_seconds += start.waited_seconds;
        self.waited_long += u64::from(start.waited_seconds > long_seconds);
        self.recorded_seconds += start.recorded_seconds;
        self.recorded_long += u64::from(start.recorded_seconds > long_seconds);
        if late {
            self.add_late(start.workload, 1);
        }
    }

    fn add_late(&mut self, workload: u32, late: u64) {
        match self.late_by_workload.binary_search_by_key(&workload, |(workload, _)| *workload) {
            Ok(at) => self.late_by_workload.get_mut(at).into_iter().for_each(|(_, all)| *all += late),
            Err(at) => self.late_by_workload.insert(at, (workload, late)),
        }
    }

    fn add(&mut self, other: &Self) {
        self.starts += other.starts;
        self.late += other.late;
        self.largest_seconds = self.largest_seconds.max(other.largest_seconds);
        self.waited_seconds += other.waited_seconds;
        self.waited_long += other.waited_long;
        self.recorded_seconds += other.recorded_seconds;
        self.recorded_long += other.recorded_long;
        for (workload, late) in &other.late_by_workload {
            self.add_late(*workload, *late);
        }
    }
}
