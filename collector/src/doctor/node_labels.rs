//! Which node labels are there, and the Helm values that bring those that are not.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::finding::{Finding, Severity};
use super::series_by_label::{instant, last, narrowed, number, whole};
use crate::dialect::label_spellings;
use crate::metric_catalogue::METRICS;
use crate::server::{QueryError, Server};

/// A fact about nodes that labels tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabelReport {
    /// The fact it tells.
    pub fact: &'static str,
    /// The label keys that tell it; one is enough.
    pub keys: &'static [&'static str],
    /// Nodes that have one of them.
    pub nodes: i64,
    /// Fate of the others.
    pub otherwise: &'static str,
}

struct Fact {
    name: &'static str,
    keys: &'static [&'static str],
    /// Tells whether a node without it is known less well.
    matters: bool,
    otherwise: &'static str,
}

/// The facts, with every label that is known to tell them. Kubernetes' own first.
const FACTS: [Fact; 6] = [
    Fact {
        name: "instance type",
        keys: &["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"],
        matters: true,
        otherwise: "node_dmi_info, the Kubernetes API, or the size of the node tell it, the last not always",
    },
    Fact {
        name: "on-demand or spot",
        keys: &[
            "eks.amazonaws.com/capacityType",
            "karpenter.sh/capacity-type",
            "node-lifecycle",
            "node.kubernetes.io/lifecycle",
        ],
        matters: true,
        otherwise: "the node is priced as on-demand, and the report says that this is assumed",
    },
    Fact {
        name: "zone",
        keys: &["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"],
        matters: false,
        otherwise: "the provider id tells it",
    },
    Fact {
        name: "region",
        keys: &["topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"],
        matters: false,
        otherwise: "the zone tells it",
    },
    Fact {
        name: "architecture",
        keys: &["kubernetes.io/arch", "beta.kubernetes.io/arch"],
        matters: false,
        otherwise: "the instance type tells it",
    },
    Fact {
        name: "node group or pool",
        keys: &["eks.amazonaws.com/nodegroup", "karpenter.sh/nodepool", "alpha.eksctl.io/nodegroup-name"],
        matters: false,
        otherwise: "the report has no breakdown by node group",
    },
];

/// Every key worth allow-listing, in the order of the Helm values.
pub const ALLOW: [&str; 13] = [
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "eks.amazonaws.com/nodegroup",
    "eks.amazonaws.com/capacityType",
    "eks.amazonaws.com/compute-type",
    "karpenter.sh/nodepool",
    "karpenter.sh/capacity-type",
    "alpha.eksctl.io/nodegroup-name",
    "emp.pf9.io/owned",
    "topology.ebs.csi.aws.com/outpost-id",
];

/// Annotations worth allow-listing, by the resource they are of: those that tell load balancers apart.
const ALLOW_ANNOTATIONS: [(&str, &[&str]); 2] = [
    ("ingresses", &["alb.ingress.kubernetes.io/group.name", "alb.ingress.kubernetes.io/scheme"]),
    (
        "services",
        &[
            "service.beta.kubernetes.io/aws-load-balancer-scheme",
            "service.beta.kubernetes.io/aws-load-balancer-internal",
        ],
    ),
];

/// The flags of kube-state-metrics for what it exposes only when asked.
pub fn opt_in_flags() -> Vec<&'static str> {
    METRICS.iter().map(|metric| metric.flag).filter(|flag| !flag.is_empty()).collect()
}

/// The Helm values that make kube-state-metrics show the labels of nodes, and what it exposes only when asked.
pub fn helm_values() -> String {
    let annotations = ALLOW_ANNOTATIONS.map(|(of, keys)| format!("    - {of}=[{}]\n", keys.join(","))).concat();
    format!(
        "# Values of the Helm chart kube-prometheus-stack; for the chart kube-state-metrics itself, without the first line.\n\
         kube-state-metrics:\n  metricLabelsAllowlist:\n    - nodes=[{}]\n  metricAnnotationsAllowList:\n{annotations}  \
         extraArgs:\n    - {}\n",
        ALLOW.join(","),
        opt_in_flags().join("\n    - ")
    )
}

/// The nodes and their labels. Fargate is left out: each of its nodes is one pod, and priced as that.
pub(super) async fn examine(
    server: &Server,
    own: &str,
    now: DateTime<Utc>,
    findings: &mut Vec<Finding>,
) -> Result<(i64, Vec<LabelReport>), QueryError> {
    let ec2 = narrowed(own, "node!~\"fargate-ip-.*\"");
    let named = narrowed(own, "product_name=~\"[a-z0-9-]+[.][a-z0-9-]+\"");
    let nodes = number(server, &format!("count(count by (node) (kube_node_info{ec2}))"), now).await?.map_or(0, whole);
    let mut reports = Vec::new();
    for fact in &FACTS {
        let labels: Vec<_> = fact.keys.iter().flat_map(|key| label_spellings(key)).collect();
        let names: Vec<_> = labels.iter().map(String::as_str).collect();
        let promql = format!("count by ({}) (count by (node,{0}) (kube_node_labels{ec2}))", names.join(","));
        let found = instant(server, &promql, &names, now).await?;
        let with = found.iter().filter(|(values, _)| values.iter().any(|value| !value.is_empty()));
        let with: i64 = with.map(|(_, points)| last(points)).sum();
        reports.push(LabelReport { fact: fact.name, keys: fact.keys, nodes: with, otherwise: fact.otherwise });
    }
    let dmi = number(server, &format!("count(count by (instance) (node_dmi_info{named}))"), now).await?;
    findings.extend(missing(nodes, &reports, dmi.map_or(0, whole)));
    Ok((nodes, reports))
}

/// One finding for all labels that matter and are missing; `dmi` is the number of nodes whose firmware tells the type.
fn missing(nodes: i64, reports: &[LabelReport], dmi: i64) -> Option<Finding> {
    let matters = |report: &&LabelReport| FACTS.iter().any(|fact| fact.name == report.fact && fact.matters);
    let lacking = reports.iter().filter(matters).filter(|report| report.nodes < nodes);
    let known = |report: &&LabelReport| report.fact == "instance type" && dmi >= nodes;
    let lacking: Vec<_> = lacking.filter(|report| !known(report)).collect();
    if lacking.is_empty() {
        return None;
    }
    let what = lacking.iter().map(|report| {
        format!(
            "{} of {nodes} nodes have no label that tells {}: {}",
            nodes.saturating_sub(report.nodes),
            report.fact,
            report.otherwise
        )
    });
    Some(Finding {
        severity: Severity::Weakens,
        what: what.collect::<Vec<_>>().join("; "),
        next: "let kube-state-metrics show the labels of nodes, with the Helm values below".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(instance_type: i64, capacity_type: i64, dmi: i64, words: Option<&str>) {
        let nodes = [instance_type, capacity_type, 0, 0, 0, 0];
        let report = |(fact, nodes): (&Fact, i64)| LabelReport {
            fact: fact.name,
            keys: fact.keys,
            nodes,
            otherwise: fact.otherwise,
        };
        let reports: Vec<_> = FACTS.iter().zip(nodes).map(report).collect();
        let found = missing(10, &reports, dmi).map(|finding| finding.what);
        match (words, &found) {
            (None, None) => {}
            (Some(words), Some(found)) => assert!(found.contains(words), "{found}"),
            _ => panic!("{found:?}"),
        }
    }

    #[test]
    fn labels_that_matter_are_asked_for_unless_something_else_tells() {
        check(10, 10, 0, None);
        check(0, 10, 10, None);
        check(4, 10, 0, Some("6 of 10 nodes have no label that tells instance type"));
        check(0, 0, 10, Some("10 of 10 nodes have no label that tells on-demand or spot"));
    }

    #[test]
    fn every_label_looked_for_is_one_the_values_ask_for_or_an_old_spelling() {
        let old = [
            "beta.kubernetes.io/",
            "failure-domain.beta.kubernetes.io/",
            "node-lifecycle",
            "node.kubernetes.io/lifecycle",
        ];
        for key in FACTS.iter().flat_map(|fact| fact.keys) {
            assert!(ALLOW.contains(key) || old.iter().any(|prefix| key.starts_with(prefix)), "{key}");
        }
    }
}
