//! What type a machine is, and how that is known.
//!
//! Layers, the highest first: what the user says, the labels, the firmware, the Kubernetes API, the size. A size that
//! fits several types names none of them.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{InstanceType, Size};
use lake::tables::NodeHour;

use crate::node::labels::{label, node_group};
use crate::overrides::{Overrides, is_instance_type};
use crate::snapshot::Facts;

/// Most types listed as candidates of a machine.
const MOST_CANDIDATES: usize = 32;
/// Resources that count the GPUs and accelerators of a machine.
const ACCELERATORS: [&str; 5] =
    ["nvidia_com_gpu", "amd_com_gpu", "habana_ai_gaudi", "aws_amazon_com_neuron", "aws_amazon_com_neurondevice"];

/// What may tell the type of one machine.
pub(crate) struct Evidence<'a> {
    pub(crate) node: &'a str,
    pub(crate) provider_id: &'a str,
    pub(crate) instance_id: Option<&'a str>,
    pub(crate) facts: &'a Facts,
    /// What the firmware calls it.
    pub(crate) product_name: Option<&'a str>,
    /// What the Kubernetes API says of it.
    pub(crate) api: Option<&'a Facts>,
}

/// The instance type and how it is known, as far as anything names it.
pub(crate) fn named(evidence: &Evidence<'_>, overrides: &Overrides) -> Option<(String, &'static str)> {
    let Evidence { node, provider_id, instance_id, facts, product_name, api } = evidence;
    let group = node_group(facts).or_else(|| api.and_then(node_group));
    if let Some(name) = overrides.instance_type(node, provider_id, *instance_id, group) {
        return Some((name.to_owned(), "override"));
    }
    let by_label = labelled(facts);
    let by_api = || api.and_then(labelled).map(|name| (name, "api"));
    // A distribution may write its own name there, and the firmware of other machines names products: neither is a type.
    let is_type = |(name, _): &(String, &str)| is_instance_type(name);
    let by_firmware = product_name.map(|name| (name.to_owned(), "dmi"));
    let by_label = by_label.map(|name| (name, "label"));
    by_label
        .clone()
        .filter(is_type)
        .or(by_firmware.filter(is_type))
        .or_else(|| by_api().filter(is_type))
        .or(by_label)
        .or_else(by_api)
}

/// The type by label: whole, or in two parts as Karpenter and EKS Auto Mode write it too.
fn labelled(facts: &Facts) -> Option<String> {
    let whole = ["label_node_kubernetes_io_instance_type", "label_beta_kubernetes_io_instance_type"];
    if let Some(name) = label(facts, &whole) {
        return Some(name.to_owned());
    }
    let part = |name| {
        label(
            facts,
            &[&format!("label_karpenter_k8s_aws_instance_{name}"), &format!("label_eks_amazonaws_com_instance_{name}")],
        )
    };
    let name = format!("{}.{}", part("family")?, part("size")?);
    is_instance_type(&name).then_some(name)
}

/// The family, where a label names it.
pub(crate) fn family(facts: &Facts) -> Option<&str> {
    label(facts, &["label_karpenter_k8s_aws_instance_family", "label_eks_amazonaws_com_instance_family"])
}

/// Infers the types of machines that nothing names, from their size and from the others of their group.
///
/// `families` holds the family by row, where a label names it. A machine of the size of others in its node group, which
/// all are of one type, is of that type. Fargate, hybrid and elastic machines are of no EC2 type.
pub(crate) fn infer(rows: &mut [NodeHour], families: &[Option<String>]) {
    let is_open = |row: &NodeHour| {
        row.instance_type.is_none() && !["fargate", "hybrid"].contains(&row.compute_type.as_str()) && !row.emp_owned
    };
    if !rows.iter().any(is_open) {
        return;
    }
    // The catalog is part of the program and tested to be readable; without it nothing can be inferred.
    let types = catalog::instance_types().unwrap_or_default();
    let siblings = siblings(rows);
    for (row, family) in rows.iter_mut().zip(families) {
        if !is_open(row) {
            continue;
        }
        let candidates = candidates(row, family.as_deref(), &types);
        let sibling = shape(row).and_then(|shape| siblings.get(&shape)).filter(|names| names.len() == 1);
        let sibling = sibling.and_then(BTreeSet::first).filter(|name| fits(name, &candidates, &types));
        let only = match candidates.as_slice() {
            [only] => Some(only),
            _ => None,
        };
        if let Some(name) = only.or(sibling) {
            row.instance_type = Some(name.clone());
            "inferred".clone_into(&mut row.instance_type_source);
        } else if !candidates.is_empty() {
            row.instance_type_candidates = Some(candidates.into_iter().take(MOST_CANDIDATES).collect());
        }
    }
}

/// Whether a sibling's type may be that of a machine: it is among its candidates, or too new for the catalog.
fn fits(name: &str, candidates: &[String], types: &BTreeMap<String, InstanceType>) -> bool {
    candidates.iter().any(|candidate| candidate == name) || !types.contains_key(name)
}

fn candidates(row: &NodeHour, family: Option<&str>, types: &BTreeMap<String, InstanceType>) -> Vec<String> {
    let (Some(millicores), Some(memory_bytes)) = (row.cpu_capacity_millicores, row.memory_capacity_bytes) else {
        return Vec::new();
    };
    let counted = row.extended_capacity.iter().flatten().find_map(|resource| {
        let (name, count) = resource.split_once('=')?;
        ACCELERATORS.contains(&name).then(|| count.parse().ok()).flatten()
    });
    let size = Size {
        cpus: i64::from(millicores) / 1000,
        memory_bytes,
        pods: row.pods_capacity.map(i64::from),
        arch: row.arch.as_deref(),
        gpus: counted,
        family,
    };
    size.fitting(types).into_iter().map(|kind| kind.name.clone()).collect()
}

/// Node group, CPUs, memory in GiB and architecture: what siblings share.
type Shape = (String, i32, i64, Option<String>);

fn shape(row: &NodeHour) -> Option<Shape> {
    let memory_gib = (row.memory_capacity_bytes? + (1 << 29)) >> 30;
    Some((row.node_group.clone()?, row.cpu_capacity_millicores?, memory_gib, row.arch.clone()))
}

/// The types of known machines, by shape.
fn siblings(rows: &[NodeHour]) -> BTreeMap<Shape, BTreeSet<String>> {
    let mut siblings: BTreeMap<Shape, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        if let (Some(shape), Some(name)) = (shape(row), &row.instance_type) {
            siblings.entry(shape).or_default().insert(name.clone());
        }
    }
    siblings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(labels: &[(&'static str, &str)]) -> Facts {
        Facts { labels: labels.iter().map(|(k, v)| (*k, (*v).to_owned())).collect(), ..Facts::default() }
    }

    fn row(instance_type: Option<&str>, group: Option<&str>) -> NodeHour {
        NodeHour {
            instance_type: instance_type.map(ToOwned::to_owned),
            instance_type_source: if instance_type.is_some() { "label" } else { "unknown" }.to_owned(),
            compute_type: "ec2".to_owned(),
            node_group: group.map(ToOwned::to_owned),
            arch: Some("amd64".to_owned()),
            cpu_capacity_millicores: Some(16_000),
            memory_capacity_bytes: Some(64_890_000 << 10),
            pods_capacity: Some(110),
            ..NodeHour::default()
        }
    }

    fn inferred(rows: &[NodeHour], family: Option<&str>) -> NodeHour {
        let mut rows = rows.to_vec();
        let families = vec![family.map(ToOwned::to_owned); rows.len()];
        infer(&mut rows, &families);
        rows.remove(0)
    }

    #[test]
    fn each_layer_gives_way_to_the_one_above() {
        let overrides = Overrides::read("[instance_types.nodes]\nn1 = \"m5.large\"").unwrap();
        let labels = facts(&[("label_beta_kubernetes_io_instance_type", "m5.xlarge")]);
        let api = facts(&[("label_node_kubernetes_io_instance_type", "m5.4xlarge")]);
        let none = facts(&[]);
        let check = |node, facts, product_name, api, expect: Option<(&str, &str)>| {
            let evidence = Evidence { node, provider_id: "", instance_id: None, facts, product_name, api };
            let found = named(&evidence, &overrides);
            assert_eq!(found.as_ref().map(|(name, source)| (name.as_str(), *source)), expect);
        };
        let dmi = Some("m5.2xlarge");
        check("n1", &labels, dmi, Some(&api), Some(("m5.large", "override")));
        check("n2", &labels, dmi, Some(&api), Some(("m5.xlarge", "label")));
        check("n2", &none, dmi, Some(&api), Some(("m5.2xlarge", "dmi")));
        check("n2", &none, Some("VMware7.1"), Some(&api), Some(("m5.4xlarge", "api")));
        // What a distribution writes there is not a type, and all there is where nothing else tells.
        let words = facts(&[("label_node_kubernetes_io_instance_type", "rke2")]);
        check("n2", &words, dmi, Some(&api), Some(("m5.2xlarge", "dmi")));
        check("n2", &words, Some("VMware7.1"), Some(&api), Some(("m5.4xlarge", "api")));
        check("n2", &words, Some("VMware7.1"), None, Some(("rke2", "label")));
        check("n2", &none, Some("Standard PC (i440FX + PIIX, 1996)"), None, None);
        let parts = [
            ("label_karpenter_k8s_aws_instance_family", "c7i"),
            ("label_karpenter_k8s_aws_instance_size", "metal-24xl"),
        ];
        check("n2", &facts(&parts), None, None, Some(("c7i.metal-24xl", "label")));
    }

    #[test]
    fn several_types_of_one_size_are_candidates_and_one_is_inferred() {
        let open = inferred(&[row(None, None)], None);
        let candidates = open.instance_type_candidates.unwrap();
        assert_eq!((open.instance_type, open.instance_type_source.as_str()), (None, "unknown"));
        assert!(candidates.len() > 10 && candidates.len() <= MOST_CANDIDATES && candidates.is_sorted());
        let by_family = inferred(&[row(None, None)], Some("m5"));
        assert_eq!(by_family.instance_type.as_deref(), Some("m5.4xlarge"));
        assert_eq!((by_family.instance_type_source.as_str(), by_family.instance_type_candidates), ("inferred", None));
    }

    #[test]
    fn siblings_of_one_type_and_size_tell_the_type_and_others_do_not() {
        let open = row(None, Some("g"));
        let known = |name, group| row(Some(name), Some(group));
        let check = |siblings: &[NodeHour], expect: Option<&str>| {
            let rows: Vec<_> = std::iter::once(&open).chain(siblings).cloned().collect();
            assert_eq!(inferred(&rows, None).instance_type.as_deref(), expect, "{siblings:?}");
        };
        check(&[known("m5.4xlarge", "g")], Some("m5.4xlarge"));
        check(&[known("m5.4xlarge", "g"), known("m6i.4xlarge", "g")], None);
        check(&[known("m5.4xlarge", "other")], None);
        // Newer than the catalog.
        check(&[known("m99.4xlarge", "g")], Some("m99.4xlarge"));
        // Of another size by name: its label is wrong, or the size is.
        check(&[known("m5.large", "g")], None);
        let larger = NodeHour { memory_capacity_bytes: Some(130_000_000 << 10), ..known("r5.4xlarge", "g") };
        check(&[larger], None);
    }

    #[test]
    fn what_is_not_ec2_has_no_type() {
        for row in [
            NodeHour { compute_type: "fargate".to_owned(), ..row(None, None) },
            NodeHour { compute_type: "hybrid".to_owned(), ..row(None, None) },
            NodeHour { emp_owned: true, ..row(None, None) },
        ] {
            let row = inferred(&[row], Some("m5"));
            assert_eq!((row.instance_type, row.instance_type_candidates), (None, None));
        }
    }
}
