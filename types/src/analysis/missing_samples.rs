//! Silence: use of pods that has no sample, and at which hours of the day.

use serde::{Deserialize, Serialize};

/// Use of pods without a sample, over the hours replayed. Something stands in for it (the model says what), so shares are
/// of what was used with that among it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Silence {
    /// Share of the core-seconds; `null` where no CPU was used.
    pub cpu_fraction: Option<f64>,
    /// Share of the GiB-seconds; `null` where no memory was used.
    pub memory_fraction: Option<f64>,
    /// `true` when it falls on the busiest hours: over 1 % of their core-seconds or GiB-seconds, and more than of the
    /// others'.
    pub in_busy_hours: bool,
    /// Each hour of the day (UTC) that is in the window, the first at midnight.
    pub by_hour_of_day: Vec<SilentHour>,
}

impl Silence {
    /// The larger of the shares of CPU and of memory; zero where neither was used.
    pub fn fraction(&self) -> f64 {
        [self.cpu_fraction, self.memory_fraction].into_iter().flatten().fold(0.0, f64::max)
    }
}

/// One hour of the day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SilentHour {
    /// Hour of the day, 0 to 23, UTC.
    pub hour: u32,
    /// CPU used in it, in cores, on average over the days.
    pub cpu_used_cores: f64,
    /// Share of that without a sample; `null` where no CPU was used.
    pub cpu_fraction: Option<f64>,
    /// Memory used in it, in GiB, on average over the days.
    pub memory_used_gib: f64,
    /// Share of that without a sample; `null` where no memory was used.
    pub memory_fraction: Option<f64>,
    /// `true` when it is one of the busiest: it, or the hour before or after it, uses over 1.1 times the mean of the
    /// day, of CPU or of memory.
    pub busy: bool,
}
