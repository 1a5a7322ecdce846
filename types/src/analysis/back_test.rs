//! Comparison of the replay of today's machines with what was measured.

use serde::{Deserialize, Serialize};

/// The replay of today's machines beside what was measured: what the model is off by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BackTest {
    /// Compute of the replay over that of today's bill, both at contracted prices; `null` where one has no price.
    pub cost_ratio: Option<f64>,
    /// Pods that started in the reported hours.
    pub starts: u64,
    /// Seconds pods waited for a machine in the replay, all starts together.
    pub replayed_wait_seconds: u64,
    /// Seconds from their creation to their being bound, as measured; what is not known counts as none.
    pub measured_wait_seconds: u64,
    /// Starts that waited for over a minute in the replay: about those that waited for a node to come up.
    pub replayed_long_waits: u64,
    /// The same as measured.
    pub measured_long_waits: u64,
    /// `true` when long waits are as many, to 20 % or to two of them; `null` where nothing waited either way.
    pub waits_agree: Option<bool>,
}

impl BackTest {
    /// The share of the measured long waits by which the replay may be off.
    pub const TOLERANCE: f64 = 0.2;
}
