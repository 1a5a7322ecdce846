//! Facts of the Kubernetes API about a cluster, as far as they are used.

use std::collections::BTreeMap;

/// Facts of the API about nodes, volumes and storage classes now. The default says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiFacts {
    pub(super) nodes: BTreeMap<String, ApiNode>,
    /// By name of the storage class.
    pub(super) classes: BTreeMap<String, ApiClass>,
    /// Zone, by name of the persistent volume.
    pub(super) volume_zones: BTreeMap<String, String>,
    /// Warnings about what could not be read although it was asked for.
    pub(super) warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ApiNode {
    pub(super) provider_id: String,
    /// In the spelling of kube-state-metrics.
    pub(super) labels: BTreeMap<&'static str, String>,
}

/// Parameters of a storage class of EBS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ApiClass {
    pub(crate) volume_type: Option<String>,
    pub(crate) iops: Option<i64>,
    pub(crate) iops_per_gib: Option<i64>,
    pub(crate) throughput_mib_per_second: Option<i32>,
}

impl ApiFacts {
    /// Warnings about what could not be read, to be logged: the hours are collected without it.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Nodes known.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Labels of a machine. The API tells of now, and an hour may be long ago: only the same machine counts.
    pub(crate) fn node_labels(&self, name: &str, provider_id: &str) -> Option<&BTreeMap<&'static str, String>> {
        let node = self.nodes.get(name).filter(|node| !provider_id.is_empty() && node.provider_id == provider_id)?;
        Some(&node.labels)
    }

    pub(crate) fn class(&self, name: &str) -> Option<&ApiClass> {
        self.classes.get(name)
    }

    pub(crate) fn volume_zone(&self, volume: &str) -> Option<&str> {
        self.volume_zones.get(volume).map(String::as_str)
    }
}

impl ApiClass {
    /// The EBS driver takes its keys in any case.
    pub(super) fn of(parameters: &BTreeMap<String, String>) -> Self {
        let lower: BTreeMap<String, &str> =
            parameters.iter().map(|(key, value)| (key.to_ascii_lowercase(), value.as_str())).collect();
        let number = |key: &str| lower.get(key).and_then(|value| value.parse::<i64>().ok()).filter(|n| *n > 0);
        Self {
            volume_type: lower.get("type").map(|value| value.to_ascii_lowercase()),
            iops: number("iops"),
            iops_per_gib: number("iopspergb"),
            throughput_mib_per_second: number("throughput").and_then(|mib| i32::try_from(mib).ok()),
        }
    }
}
