//! The objects of the Kubernetes API, with as much of them as is read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Page<'a, T> {
    #[serde(borrow, default)]
    pub(super) metadata: PageMetadata<'a>,
    #[serde(default = "Vec::new")]
    pub(super) items: Vec<T>,
}

#[derive(Deserialize, Default)]
pub(super) struct PageMetadata<'a> {
    #[serde(rename = "continue", borrow)]
    pub(super) next: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(super) struct Metadata {
    pub(super) name: String,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
pub(super) struct Node {
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) spec: NodeSpec,
}

#[derive(Deserialize, Default)]
pub(super) struct NodeSpec {
    #[serde(rename = "providerID", default)]
    pub(super) provider_id: String,
}

#[derive(Deserialize)]
pub(super) struct Class {
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) provisioner: String,
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, String>,
}

#[derive(Deserialize)]
pub(super) struct Volume {
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) spec: VolumeSpec,
}

#[derive(Deserialize, Default)]
pub(super) struct VolumeSpec {
    #[serde(rename = "nodeAffinity", default)]
    node_affinity: NodeAffinity,
}

#[derive(Deserialize, Default)]
pub(super) struct NodeAffinity {
    #[serde(default)]
    required: Required,
}

#[derive(Deserialize, Default)]
pub(super) struct Required {
    #[serde(rename = "nodeSelectorTerms", default)]
    terms: Vec<Term>,
}

#[derive(Deserialize, Default)]
pub(super) struct Term {
    #[serde(rename = "matchExpressions", default)]
    expressions: Vec<Expression>,
}

#[derive(Deserialize)]
pub(super) struct Expression {
    key: String,
    operator: String,
    #[serde(default)]
    values: Vec<String>,
}

impl Volume {
    /// The one zone its nodes must be in.
    pub(super) fn zone(&self) -> Option<String> {
        let expressions = self.spec.node_affinity.required.terms.iter().flat_map(|term| &term.expressions);
        let of_zone = |expression: &&Expression| {
            ["topology.kubernetes.io/zone", "topology.ebs.csi.aws.com/zone", "failure-domain.beta.kubernetes.io/zone"]
                .contains(&expression.key.as_str())
                && expression.operator == "In"
        };
        let mut zones: Vec<&String> = expressions.filter(of_zone).flat_map(|expression| &expression.values).collect();
        zones.sort_unstable();
        zones.dedup();
        match zones.as_slice() {
            [one] => Some((*one).clone()),
            _ => None,
        }
    }
}
