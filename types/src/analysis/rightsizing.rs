//! Right-sized requests, container by container: what to set, what it rests on, and what to be careful about.

use serde::{Deserialize, Serialize};

/// Requests that usage says containers need, by one rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RightSizing {
    /// Days of usage looked at, the last of the window.
    pub days: u32,
    /// Percentile of five-minute CPU means that becomes the CPU request, from 0 to 100.
    pub cpu_percentile: f64,
    /// Margin on the largest memory seen, as a share of it.
    pub memory_margin: f64,
    /// Requests that change by no more than this share, in CPU and in memory, are left as they are.
    pub tolerance: f64,
    /// Containers whose requests should change, the largest saving first, then by name.
    pub containers: Vec<ContainerSize>,
    /// Containers that get no target, with the reason, by name.
    pub skipped: Vec<SkippedContainer>,
}

/// One container of a workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ContainerSize {
    /// Namespace of its workload.
    pub namespace: String,
    /// Kind of its workload, such as `Deployment`.
    pub workload_kind: String,
    /// Name of its workload.
    pub workload: String,
    /// Name of the container.
    pub container: String,
    /// Pods that ran it at once, on average over the days looked at.
    pub pods_mean: f64,
    /// Days with a sample of its usage.
    pub days_seen: u32,
    /// CPU request as last seen, in millicores; `null` where it has none.
    pub cpu_request_millicores: Option<u32>,
    /// Memory request as last seen, in MiB; `null` where it has none.
    pub memory_request_mib: Option<u32>,
    /// CPU limit as last seen, in millicores; `null` where it has none.
    pub cpu_limit_millicores: Option<u32>,
    /// Memory limit as last seen, in MiB; `null` where it has none.
    pub memory_limit_mib: Option<u32>,
    /// Median of its five-minute CPU means, in millicores.
    pub cpu_p50_millicores: u32,
    /// 95th percentile of them.
    pub cpu_p95_millicores: u32,
    /// 99th percentile of them.
    pub cpu_p99_millicores: u32,
    /// The largest of them.
    pub cpu_max_millicores: u32,
    /// The largest memory (working set) seen, in MiB.
    pub memory_max_mib: u32,
    /// CPU request to set, in millicores.
    pub cpu_target_millicores: u32,
    /// Memory request to set, in MiB.
    pub memory_target_mib: u32,
    /// Value of what the change frees, at today's price of what the workload reserves, in USD a month; negative where
    /// the request rises, `null` where that price is not known.
    pub saving_monthly_usd: Option<f64>,
    /// Cautions.
    pub cautions: Vec<Caution>,
}

/// A container without a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SkippedContainer {
    /// Namespace of its workload.
    pub namespace: String,
    /// Kind of its workload.
    pub workload_kind: String,
    /// Name of its workload.
    pub workload: String,
    /// Name of the container.
    pub container: String,
    /// Why it has no target.
    pub reason: SkipReason,
}

/// Why a container gets no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// No sample of its CPU or its memory.
    NoUsage,
    /// Samples on less than one whole day.
    TooFewDays,
    /// Its requests fit what it uses.
    Fits,
    /// Nothing owns the pod, or the owner is not known, so there is no object to change.
    NoOwner,
}

/// Caution for a request that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Caution {
    /// Its memory came within a tenth of its limit: it may have been killed there, and would use more if it could.
    MemoryNearLimit,
    /// Its CPU came within a twentieth of its limit: it was throttled there, and would use more if it could.
    CpuThrottled,
    /// It restarted, so its usage has starts in it, and perhaps kills.
    Restarted,
    /// A horizontal autoscaler drives its workload: with a lower CPU request that runs more replicas.
    Autoscaled,
    /// Usage was seen on fewer days than are looked at.
    FewDays,
    /// The target is above the limit, so the limit has to rise with it.
    LimitBelowTarget,
}

impl SkipReason {
    /// The reason in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoUsage => "no sample of its usage",
            Self::TooFewDays => "usage of less than one day",
            Self::Fits => "its requests fit",
            Self::NoOwner => "nothing that owns its pods is known",
        }
    }
}

impl Caution {
    /// The caution in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MemoryNearLimit => "memory came close to its limit: out-of-memory kills hide what it needs",
            Self::CpuThrottled => "throttled at its CPU limit: raise the limit and measure again",
            Self::Restarted => "it restarted in these days",
            Self::Autoscaled => {
                "its horizontal pod autoscaler compares CPU with the request, so it runs more replicas; raise its target"
            }
            Self::FewDays => "seen on few days",
            Self::LimitBelowTarget => "its limit has to rise too",
        }
    }
}

impl RightSizing {
    /// Containers that save something.
    pub fn savers(&self) -> impl Iterator<Item = &ContainerSize> {
        self.containers.iter().filter(|container| container.saving_monthly_usd.is_some_and(|usd| usd > 0.0))
    }
}
