//! The order in which a server sends the series of an answer changes no row.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::decode::Answer;
use crate::dialect::Dialect;
use crate::queries::{self, Query, Question};

const START: i64 = 1_782_864_000;

type Labels = BTreeMap<&'static str, String>;

/// One answer: labels, and one value on every point of the query's grid.
fn body(query: &Query, hour: Hour, series: &[(Labels, f64)]) -> Vec<u8> {
    let (first, last) = query.shape.bounds(hour);
    let points = |value: f64| -> Vec<_> {
        (0..)
            .map(|n| first + n * 300)
            .take_while(|t| *t <= last)
            .map(|t| serde_json::json!([t, value.to_string()]))
            .collect()
    };
    let result: Vec<_> =
        series.iter().map(|(labels, value)| serde_json::json!({"metric": labels, "values": points(*value)})).collect();
    let data = serde_json::json!({"resultType": "matrix", "result": result});
    serde_json::to_vec(&serde_json::json!({"status": "success", "data": data})).unwrap()
}

/// Any values for the labels of a query, from few, so that series of one object disagree.
fn series(query: Query) -> impl Strategy<Value = Vec<(Labels, f64)>> {
    let words = |label: &'static str| match label {
        "__name__" => {
            let names: Vec<&'static str> = match query.name {
                "node_resources" => {
                    vec!["kube_node_created", "kube_node_status_capacity", "kube_node_status_allocatable"]
                }
                "node_io" => vec!["node_network_receive_bytes_total", "node_disk_written_bytes_total"],
                "node_labels" => vec!["kube_node_labels", "kube_node_spec_taint", "kube_node_status_addresses"],
                "load_balancers" => vec![
                    "kube_service_spec_type",
                    "kube_service_status_load_balancer_ingress",
                    "kube_ingress_info",
                    "kube_ingress_annotations",
                ],
                "node_memory" => vec!["node_memory_MemTotal_bytes", "node_memory_MemFree_bytes"],
                _ => vec![
                    "kube_persistentvolume_info",
                    "kube_persistentvolume_capacity_bytes",
                    "kube_persistentvolume_labels",
                ],
            };
            names
        }
        "node" | "nodename" | "kubernetes_node" => vec!["", "n1", "n2"],
        "provider_id" => vec!["", "aws:///us-east-1a/i-1", "aws:///us-east-1b/i-2"],
        "instance" => vec!["10.0.0.1:9100", "10.0.0.2:9100"],
        "resource" => vec!["cpu", "memory", "nvidia_com_gpu"],
        "mode" => vec!["user", "steal"],
        "internal_ip" => vec!["", "10.0.0.1"],
        "product_name" => vec!["", "m5.large", "c5.large"],
        "namespace" | "persistentvolumeclaim" | "persistentvolume" | "service" | "ingress" => vec!["a", "b"],
        "type" => vec!["LoadBalancer", "ExternalIP"],
        "ingressclass" => vec!["alb", "alb-internal"],
        "key" | "effect" | "value" => vec!["", "x"],
        _ => vec!["", "", "v1", "v2"],
    };
    let labels: Vec<_> = query
        .labels
        .iter()
        .map(|label| prop::sample::select(words(label)).prop_map(move |word| (*label, word.to_owned())))
        .collect();
    let one = (labels, prop_oneof![Just(1.0), Just(2.0), 1_782_860_000.0..1_782_868_000.0_f64]);
    // The server sends each set of labels once: it groups by them.
    prop::collection::vec(one, 0..6).prop_map(|series| {
        let named = series.into_iter().map(|(labels, value)| (labels.into_iter().collect::<Labels>(), value));
        named.collect::<BTreeMap<_, _>>().into_iter().collect()
    })
}

const ASKED: [Query; 13] = [
    queries::NODE_CREATED,
    queries::NODE_INFO,
    queries::NODE_LAST_SEEN,
    queries::NODE_RESOURCES,
    queries::NODE_LABELS,
    queries::NODE_CPU,
    queries::NODE_MEMORY,
    queries::NODE_IO,
    queries::NODE_EXPORTERS,
    queries::LOAD_BALANCERS,
    queries::CLAIM_INFO,
    queries::VOLUME_INFO,
    queries::VOLUME_USED,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn permuting_the_series_of_every_answer_changes_no_row(
        answers in ASKED.into_iter().map(series).collect::<Vec<_>>()
            .prop_flat_map(|first| {
                let shuffled: Vec<_> = first.iter().map(|series| Just(series.clone()).prop_shuffle()).collect();
                (Just(first), shuffled)
            }),
    ) {
        let hour = Hour::starting_at(START).unwrap();
        let rows = |answers: &[Vec<(Labels, f64)>]| {
            let mut snapshot = Snapshot::default();
            for (query, series) in ASKED.iter().zip(answers) {
                let question = Question::new(query, &Settings::default(), &Dialect::default());
                let _: Answer = snapshot.read(&question, &body(query, hour, series), START).unwrap();
            }
            snapshot.settle();
            let settings = Settings::default();
            let nodes = super::rows(&snapshot, &settings, hour, &mut Doubts::default());
            let volumes = crate::volume_rows::rows(&snapshot, &nodes, &settings, hour, &mut Doubts::default());
            (nodes, volumes, crate::load_balancer_rows::rows(&snapshot.load_balancers, hour))
        };
        prop_assert_eq!(rows(&answers.0), rows(&answers.1));
    }
}
