//! Use that is not measured.

use crate::input_hour::{Ask, HOUR_SECONDS};
use crate::number::{float, index, whole_u64};

/// Hours of a day.
const HOURS: usize = 24;
/// Share of imputed use above which a slot of a machine, and a window, tells nothing.
const MOST: f64 = 0.05;

/// CPU and memory times time, and what of them is imputed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts {
    /// Core-milliseconds.
    pub core_milliseconds: u64,
    /// Of these, imputed.
    pub imputed_core_milliseconds: u64,
    /// MiB-seconds.
    pub mib_seconds: u64,
    /// Of these, imputed.
    pub imputed_mib_seconds: u64,
    /// Of the imputed core-milliseconds, plain requests, since nothing else was known.
    pub requested_core_milliseconds: u64,
    /// Of the imputed MiB-seconds, plain requests.
    pub requested_mib_seconds: u64,
}

impl Amounts {
    /// Share of the core-seconds that is imputed; `None` where there are none.
    pub fn cpu_share(&self) -> Option<f64> {
        share(self.imputed_core_milliseconds, self.core_milliseconds)
    }

    /// Share of the GiB-seconds that is imputed; `None` where there are none.
    pub fn memory_share(&self) -> Option<f64> {
        share(self.imputed_mib_seconds, self.mib_seconds)
    }

    pub(super) fn plus(self, other: &Self) -> Self {
        Self {
            core_milliseconds: self.core_milliseconds + other.core_milliseconds,
            imputed_core_milliseconds: self.imputed_core_milliseconds + other.imputed_core_milliseconds,
            mib_seconds: self.mib_seconds + other.mib_seconds,
            imputed_mib_seconds: self.imputed_mib_seconds + other.imputed_mib_seconds,
            requested_core_milliseconds: self.requested_core_milliseconds + other.requested_core_milliseconds,
            requested_mib_seconds: self.requested_mib_seconds + other.requested_mib_seconds,
        }
    }

    fn less(self, other: &Self) -> Self {
        Self {
            core_milliseconds: self.core_milliseconds - other.core_milliseconds,
            imputed_core_milliseconds: self.imputed_core_milliseconds - other.imputed_core_milliseconds,
            mib_seconds: self.mib_seconds - other.mib_seconds,
            imputed_mib_seconds: self.imputed_mib_seconds - other.imputed_mib_seconds,
            requested_core_milliseconds: self.requested_core_milliseconds - other.requested_core_milliseconds,
            requested_mib_seconds: self.requested_mib_seconds - other.requested_mib_seconds,
        }
    }
}

fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| float(part) / float(of))
}

/// Use that is measured, and the requests of the same pods at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct UseOfRequests {
    core_milliseconds: u64,
    of_core_milliseconds: u64,
    mib_seconds: u64,
    of_mib_seconds: u64,
}

impl UseOfRequests {
    /// Adds a pod that lived through the hour, all of it measured, and what it requested.
    pub(super) fn see(&mut self, used: &Amounts, ask: Ask) {
        const HOUR: u64 = 3600;
        if ask.cpu_millicores > 0 {
            self.core_milliseconds += used.core_milliseconds;
            self.of_core_milliseconds += u64::from(ask.cpu_millicores) * HOUR;
        }
        if ask.memory_mib > 0 {
            self.mib_seconds += used.mib_seconds;
            self.of_mib_seconds += u64::from(ask.memory_mib) * HOUR;
        }
    }

    fn less(self, other: &Self) -> Self {
        Self {
            core_milliseconds: self.core_milliseconds - other.core_milliseconds,
            of_core_milliseconds: self.of_core_milliseconds - other.of_core_milliseconds,
            mib_seconds: self.mib_seconds - other.mib_seconds,
            of_mib_seconds: self.of_mib_seconds - other.of_mib_seconds,
        }
    }
}

/// The part of plain requests that is beyond the use that is usual of requests.
fn beyond_use(requested: u64, used: u64, of: u64) -> u64 {
    let expected = share(used, of).map_or(requested, |usual| whole_u64(float(requested) * usual));
    requested.saturating_sub(expected)
}

/// Returns true when more of a use is imputed than tells something.
pub(crate) fn is_silent(imputed: u32, of: u32) -> bool {
    imputed > 0 && f64::from(imputed) > MOST * f64::from(of)
}

/// Amounts of use that are not measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imputed {
    /// Pod-slots in which a pod was alive.
    pub pod_slots: u64,
    /// Those for which CPU or memory of a container was not known.
    pub imputed_pod_slots: u64,
    /// Pod-slots of which some CPU was measured and its peak was not, for which the mean stands in.
    pub pod_slots_without_peak: u64,
    /// Use in each hour of the day (UTC), daemons among it.
    pub by_hour_of_day: [Amounts; HOURS],
    /// Use where it is known, of requests.
    pub(crate) usual: UseOfRequests,
}

impl Imputed {
    /// Returns the use over all hours.
    pub fn total(&self) -> Amounts {
        self.by_hour_of_day.iter().fold(Amounts::default(), |sum, amounts| sum.plus(amounts))
    }

    /// Returns the same with plain requests at the use that is usual of requests: what is silent from the first hour on has
    /// no past, and its requests, mostly far above what is used, would make it look like more than it is.
    #[must_use]
    pub fn at_usual_use(&self) -> Self {
        let mut same = *self;
        let usual = &self.usual;
        for amounts in &mut same.by_hour_of_day {
            let cpu =
                beyond_use(amounts.requested_core_milliseconds, usual.core_milliseconds, usual.of_core_milliseconds);
            let memory = beyond_use(amounts.requested_mib_seconds, usual.mib_seconds, usual.of_mib_seconds);
            let parts = [
                (&mut amounts.core_milliseconds, cpu),
                (&mut amounts.imputed_core_milliseconds, cpu),
                (&mut amounts.requested_core_milliseconds, cpu),
                (&mut amounts.mib_seconds, memory),
                (&mut amounts.imputed_mib_seconds, memory),
                (&mut amounts.requested_mib_seconds, memory),
            ];
            parts.into_iter().for_each(|(sum, less)| *sum = sum.saturating_sub(less));
        }
        same
    }

    pub(super) fn enter(&mut self, hour_start: i64, amounts: &Amounts) {
        let of_day = u32::try_from(hour_start.div_euclid(HOUR_SECONDS).rem_euclid(24)).unwrap_or_default();
        if let Some(sum) = self.by_hour_of_day.get_mut(index(of_day)) {
            *sum = sum.plus(amounts);
        }
    }

    /// Returns what came after `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let mut by_hour_of_day = self.by_hour_of_day;
        for (sum, earlier) in by_hour_of_day.iter_mut().zip(&earlier.by_hour_of_day) {
            *sum = sum.less(earlier);
        }
        Self {
            pod_slots: self.pod_slots - earlier.pod_slots,
            imputed_pod_slots: self.imputed_pod_slots - earlier.imputed_pod_slots,
            pod_slots_without_peak: self.pod_slots_without_peak - earlier.pod_slots_without_peak,
            by_hour_of_day,
            usual: self.usual.less(&earlier.usual),
        }
    }
}
