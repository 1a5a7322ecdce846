//! Pods that a scenario's own draining and resizing restarts elsewhere.

use crate::number::float;

const DAY_SECONDS: f64 = 86_400.0;

/// Evictions outside the warm-up, and the pods that could have been evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evictions {
    /// Pods of services.
    pub pods: u64,
    /// Of these, pods of stateful sets and single replicas.
    pub singles: u64,
    /// Seconds of pods of services.
    pub pod_seconds: u64,
    /// Of these, seconds of pods of stateful sets and single replicas.
    pub single_pod_seconds: u64,
}

impl Evictions {
    /// Evictions for each pod of a service and day; zero where there are none.
    pub fn per_pod_day(&self) -> f64 {
        per_day(self.pods, self.pod_seconds)
    }

    /// The same for stateful sets and single replicas.
    pub fn per_single_pod_day(&self) -> f64 {
        per_day(self.singles, self.single_pod_seconds)
    }

    pub(crate) fn plus(self, other: &Self) -> Self {
        Self {
            pods: self.pods + other.pods,
            singles: self.singles + other.singles,
            pod_seconds: self.pod_seconds + other.pod_seconds,
            single_pod_seconds: self.single_pod_seconds + other.single_pod_seconds,
        }
    }

    pub(crate) fn less(self, earlier: &Self) -> Self {
        Self {
            pods: self.pods - earlier.pods,
            singles: self.singles - earlier.singles,
            pod_seconds: self.pod_seconds - earlier.pod_seconds,
            single_pod_seconds: self.single_pod_seconds - earlier.single_pod_seconds,
        }
    }
}

fn per_day(evictions: u64, seconds: u64) -> f64 {
    if evictions == 0 { 0.0 } else { float(evictions) * DAY_SECONDS / float(seconds.max(1)) }
}
