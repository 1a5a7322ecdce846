//! What a user tells the collector beside where to collect from and to.

use crate::kubernetes::ApiFacts;
use crate::overrides::Overrides;

/// How hours are collected. The default asks for what every cluster has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// What the user knows better than the metrics.
    pub overrides: Overrides,
    /// What the Kubernetes API says, where it is asked; nothing by default.
    pub api: ApiFacts,
}
