//! Settings of the collector beside where to collect from and to.

use crate::kubernetes::facts::ApiFacts;
use crate::overrides::Overrides;

/// Settings of a collection. The default asks for what every cluster has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Corrections of the user to the metrics.
    pub overrides: Overrides,
    /// Facts of the Kubernetes API, where it is asked; nothing by default.
    pub api: ApiFacts,
    /// Keys of pod labels that go into the lake, as Kubernetes spells them: `app.kubernetes.io/name`.
    pub pod_labels: Vec<String>,
    /// Label and value that every series must have: which cluster is meant, on a server of several.
    pub selector: Option<(String, String)>,
}
