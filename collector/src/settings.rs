//! What a user tells the collector beside where to collect from and to.

use crate::kubernetes::facts::ApiFacts;
use crate::overrides::Overrides;

/// How hours are collected. The default asks for what every cluster has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// What the user knows better than the metrics.
    pub overrides: Overrides,
    /// What the Kubernetes API says, where it is asked; nothing by default.
    pub api: ApiFacts,
    /// Keys of pod labels that go into the lake, as Kubernetes spells them: `app.kubernetes.io/name`.
    pub pod_labels: Vec<String>,
    /// Label and value that every series must have: which cluster is meant, on a server of several.
    pub selector: Option<(String, String)>,
}
