//! Reservation and use of workloads: of an hour as they are read, and over the window.

use std::ops::AddAssign;

use crate::sums::cpu_and_memory::CpuMemory;

/// Reservation and use of one workload in one hour, in exact units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct WorkloadHour {
    pub(crate) alive_seconds: i64,
    pub(crate) alive_seconds_without_requests: i64,
    /// Alive seconds of pods that ask for resources as a whole, which no metric shows.
    pub(crate) alive_seconds_pod_level: i64,
    pub(crate) cpu_request_millicore_seconds: i64,
    pub(crate) memory_request_byte_seconds: i128,
    pub(crate) cpu_limit_millicore_seconds: i64,
    pub(crate) memory_limit_byte_seconds: i128,
    pub(crate) cpu_core_milliseconds: i64,
    pub(crate) memory_kib_seconds: i128,
    /// Alive seconds of containers without any usage sample.
    pub(crate) container_seconds_without_usage: i64,
}

impl WorkloadHour {
    /// What its pods reserve.
    pub(crate) fn requested(&self) -> CpuMemory {
        CpuMemory { cpu: self.cpu_request_millicore_seconds.into(), memory: self.memory_request_byte_seconds }
    }

    /// The limits of its containers.
    pub(crate) fn limit(&self) -> CpuMemory {
        CpuMemory { cpu: self.cpu_limit_millicore_seconds.into(), memory: self.memory_limit_byte_seconds }
    }

    /// What its containers use.
    pub(crate) fn used(&self) -> CpuMemory {
        CpuMemory { cpu: self.cpu_core_milliseconds.into(), memory: self.memory_kib_seconds * 1024 }
    }
}

/// One workload over the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct WorkloadSums {
    pub(crate) requested: CpuMemory,
    pub(crate) used: CpuMemory,
}

impl AddAssign<&WorkloadHour> for WorkloadSums {
    fn add_assign(&mut self, hour: &WorkloadHour) {
        self.requested += hour.requested();
        self.used += hour.used();
    }
}
