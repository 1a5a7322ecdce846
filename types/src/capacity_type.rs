//! Capacity type: how a machine is bought.

use std::fmt;

use serde::Deserialize;

/// Capacity type: how a machine is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum CapacityType {
    /// On-demand.
    #[default]
    OnDemand,
    /// Spot: interruptible.
    Spot,
}

impl CapacityType {
    /// Its name in the lake and in `analysis.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Spot => "spot",
        }
    }

    /// Reads its name; `None` for any other word.
    pub fn of(name: &str) -> Option<Self> {
        [Self::OnDemand, Self::Spot].into_iter().find(|one| one.as_str() == name)
    }
}

impl fmt::Display for CapacityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
