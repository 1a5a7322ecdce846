//! Where an hour comes from.

use serde::{Deserialize, Serialize};

/// Where an hour comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum HourSource {
    /// Collected from a server that speaks the Prometheus API.
    Prometheus,
    /// Written by the generator of synthetic clusters.
    Generator,
}

impl HourSource {
    /// Its name in the lake and in `analysis.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Generator => "generator",
        }
    }
}
