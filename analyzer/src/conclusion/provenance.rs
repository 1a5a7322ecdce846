//! Provenance of the hours, as their manifests state it.

use std::collections::{BTreeMap, BTreeSet};

use types::{Hour, HourSource};

/// Sources, faults and checksums of the hours read.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    /// Start of each hour, oldest first, with its source.
    pub(crate) sources: Vec<(Hour, HourSource)>,
    pub(crate) query_sets: BTreeSet<String>,
    pub(crate) servers: BTreeSet<String>,
    /// Hours that are not complete, and what is wrong with them.
    pub(crate) incomplete: u32,
    pub(crate) faults: BTreeMap<String, u32>,
    /// Hours whose CPU of containers comes from a recording rule, by its name.
    pub(crate) usage_rules: BTreeMap<String, u32>,
    /// A line for each manifest, to be hashed.
    pub(crate) manifests: String,
}
