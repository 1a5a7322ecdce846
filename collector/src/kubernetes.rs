//! What the Kubernetes API says, an optional source of what metrics do not carry: labels of nodes and parameters of storage
//! classes. Pure; [`client`] asks for it.

mod client;
mod objects;

use std::collections::BTreeMap;

pub use client::{Access, KubernetesApi, KubernetesError};

use crate::dialect::label_spellings;
use crate::queries;
use crate::snapshot::Facts;

/// What the API says of nodes, volumes and storage classes now. The default says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiFacts {
    nodes: BTreeMap<String, ApiNode>,
    /// By name of the storage class.
    classes: BTreeMap<String, ApiClass>,
    /// Zone, by name of the persistent volume.
    volume_zones: BTreeMap<String, String>,
    /// What could not be read although it was asked for.
    warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct ApiNode {
    provider_id: String,
    /// In the spelling of kube-state-metrics.
    labels: BTreeMap<&'static str, String>,
}

/// What the parameters of a storage class of EBS say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ApiClass {
    pub(crate) volume_type: Option<String>,
    pub(crate) iops: Option<i64>,
    pub(crate) iops_per_gib: Option<i64>,
    pub(crate) throughput_mib_per_second: Option<i32>,
}

impl ApiFacts {
    /// What could not be read, to be logged: the hours are collected without it.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Nodes known.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// What is said of a machine. The API tells of now, and an hour may be long ago: only the same machine counts.
    pub(crate) fn node(&self, name: &str, provider_id: &str) -> Option<Facts> {
        let node = self.nodes.get(name).filter(|node| !provider_id.is_empty() && node.provider_id == provider_id)?;
        Some(Facts { labels: node.labels.clone(), ..Facts::default() })
    }

    pub(crate) fn class(&self, name: &str) -> Option<&ApiClass> {
        self.classes.get(name)
    }

    pub(crate) fn volume_zone(&self, volume: &str) -> Option<&str> {
        self.volume_zones.get(volume).map(String::as_str)
    }
}

/// A label as kube-state-metrics spells it, when it is one that is read.
fn spelled(key: &str) -> Option<&'static str> {
    let name = label_spellings(key).pop()?;
    queries::NODE_LABELS.labels.iter().find(|label| **label == name).copied()
}

impl ApiClass {
    /// The EBS driver takes its keys in any case.
    fn of(parameters: &BTreeMap<String, String>) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_spelled_as_kube_state_metrics_does() {
        assert_eq!(spelled("eks.amazonaws.com/capacityType"), Some("label_eks_amazonaws_com_capacity_type"));
        assert_eq!(spelled("node.kubernetes.io/instance-type"), Some("label_node_kubernetes_io_instance_type"));
        assert_eq!(spelled("example.com/other"), None);
    }

    #[test]
    fn a_machine_is_the_one_with_the_provider_id() {
        let node = ApiNode { provider_id: "aws:///a/i-1".to_owned(), ..ApiNode::default() };
        let facts = ApiFacts { nodes: [("n".to_owned(), node)].into(), ..ApiFacts::default() };
        assert!(facts.node("n", "aws:///a/i-1").is_some());
        assert!(facts.node("n", "aws:///a/i-2").is_none() && facts.node("n", "").is_none());
    }

    #[test]
    fn parameters_of_a_class_and_the_zone_of_a_volume_reach_the_rows() {
        let parameters = [("type", "io2"), ("iopsPerGB", "50"), ("throughput", "500")];
        let parameters = parameters.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let api = ApiFacts {
            classes: [("fast".to_owned(), ApiClass::of(&parameters))].into(),
            volume_zones: [("pvc-1".to_owned(), "us-east-1b".to_owned())].into(),
            ..ApiFacts::default()
        };
        let mut snapshot = crate::snapshot::Snapshot::default();
        let mut claim = crate::snapshot::Claim::default();
        "fast".clone_into(&mut claim.storage_class);
        "pvc-1".clone_into(&mut claim.volume);
        snapshot.claims.insert(("ns".to_owned(), "data".to_owned()), claim);
        let volume = crate::snapshot::Volume { capacity_bytes: Some(107_374_182_400.0), ..Default::default() };
        snapshot.volumes.insert("pvc-1".to_owned(), volume);
        let settings = crate::Settings { api, ..crate::Settings::default() };
        let hour = types::Hour::starting_at(7200).unwrap();
        let row = crate::volume::rows(&snapshot, &[], &settings, hour, &mut crate::doubt::Doubts::default()).remove(0);
        assert_eq!((row.volume_type.as_deref(), row.volume_type_source.as_str()), (Some("io2"), "api"));
        assert_eq!((row.iops, row.throughput_mib_per_second), (Some(5_000), Some(500)));
        assert_eq!((row.zone.as_deref(), row.zone_source.as_deref()), (Some("us-east-1b"), Some("api")));
    }
}
