//! The Kubernetes API, an optional source of what metrics do not carry: labels of nodes and parameters of storage classes.

mod client;
pub(crate) mod facts;
mod objects;

pub use client::{Access, KubernetesApi, KubernetesError};
pub use facts::ApiFacts;

#[cfg(test)]
mod tests {
    use super::client::spelled;
    use super::facts::{ApiClass, ApiNode};
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
        assert!(facts.node_labels("n", "aws:///a/i-1").is_some());
        assert!(facts.node_labels("n", "aws:///a/i-2").is_none() && facts.node_labels("n", "").is_none());
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
        let mut claim = crate::snapshot::ClaimSeries::default();
        "fast".clone_into(&mut claim.storage_class);
        "pvc-1".clone_into(&mut claim.volume);
        claim.present[0] = true;
        snapshot.claims.insert(("ns".to_owned(), "data".to_owned()), claim);
        let volume = crate::snapshot::Volume { capacity_bytes: Some(107_374_182_400.0), ..Default::default() };
        snapshot.volumes.insert("pvc-1".to_owned(), volume);
        let settings = crate::Settings { api, ..crate::Settings::default() };
        let hour = types::Hour::starting_at(7200).unwrap();
        let row = crate::volume_rows::rows(
            &snapshot,
            &[],
            &settings,
            hour,
            &mut crate::impossible_measurements::Doubts::default(),
        )
        .remove(0);
        assert_eq!((row.volume_type.as_deref(), row.volume_type_source.as_str()), (Some("io2"), "api"));
        assert_eq!((row.iops, row.throughput_mib_per_second), (Some(5_000), Some(500)));
        assert_eq!((row.zone.as_deref(), row.zone_source.as_deref()), (Some("us-east-1b"), Some("api")));
    }
}
