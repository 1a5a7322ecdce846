//! Instance type of a machine, and its source.
//!
//! Layers, the highest first: what the user says, the labels, the firmware, the Kubernetes API, the size. A size that
//! fits several types names none of them.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{InstanceType, Size};
use lake::tables::NodeHour;
use types::ComputeType;

use crate::machine_limits;
use crate::node_rows::label_facts::{label, node_group};
use crate::numbers::whole;
use crate::overrides::{Overrides, is_instance_type};
use crate::snapshot::{Bound, Facts};

/// Most types listed as candidates of a machine.
const MOST_CANDIDATES: usize = 32;
/// Resources that count the GPUs and accelerators of a machine.
const ACCELERATORS: [&str; 5] =
    ["nvidia_com_gpu", "amd_com_gpu", "habana_ai_gaudi", "aws_amazon_com_neuron", "aws_amazon_com_neurondevice"];

/// Architectures of EC2 machines, as kubelets call them.
const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// Evidence of the type of one machine.
pub(crate) struct Evidence<'a> {
    pub(crate) node: &'a str,
    pub(crate) provider_id: &'a str,
    pub(crate) instance_id: Option<&'a str>,
    pub(crate) facts: &'a Facts,
    /// Product name in the firmware.
    pub(crate) product_name: Option<&'a str>,
    /// Facts of the Kubernetes API about it.
    pub(crate) api: Option<&'a Facts>,
    /// The types that are known, by name.
    pub(crate) types: &'a BTreeMap<String, InstanceType>,
}

/// Conclusion from the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Named {
    /// The type and how it is known.
    pub(crate) found: Option<(String, &'static str)>,
    /// A type that something names and that a machine of this size cannot be.
    pub(crate) contradicted: Option<Contradicted>,
}

/// A type that something names and that a machine of this size, or with these CPUs, cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contradicted {
    name: String,
    source: &'static str,
    /// What the machine has instead, in words.
    has: String,
}

impl Contradicted {
    /// In words, for the manifest.
    pub(crate) fn fault(&self, node: &str) -> String {
        let Self { name, source, has } = self;
        format!(
            "node `{node}` is said to be `{name}` (by {source}), and has {has}, which that type cannot have; it is not \
             taken for one"
        )
    }
}

/// The instance type and how it is known, as far as anything names it. Of an elastic machine (`is_elastic`) the size says
/// nothing about the type.
pub(crate) fn named(evidence: &Evidence<'_>, overrides: &Overrides, is_elastic: bool) -> Named {
    let Evidence { node, provider_id, instance_id, facts, product_name, api, types: known } = evidence;
    let group = node_group(facts).or_else(|| api.and_then(node_group));
    if let Some(name) = overrides.instance_type(node, provider_id, *instance_id, group) {
        return Named { found: Some((name.to_owned(), "override")), contradicted: None };
    }
    let by_label = labelled(facts).map(|name| (name, "label"));
    let by_firmware = product_name.map(|name| (name.to_owned(), "dmi"));
    let by_api = api.and_then(labelled).map(|name| (name, "api"));
    let mut contradicted = None;
    // A distribution may write its own name there, and the firmware of other machines names products: neither is a type.
    let types = [by_label.clone(), by_firmware, by_api.clone()].into_iter().flatten();
    for (name, source) in types.filter(|(name, _)| is_instance_type(name)) {
        match known.get(&name).and_then(|kind| contradiction(kind, facts)).filter(|_| !is_elastic) {
            None => return Named { found: Some((name, source)), contradicted },
            Some(has) => {
                contradicted.get_or_insert(Contradicted { name, source, has });
            }
        }
    }
    let found = by_label.or(by_api).filter(|_| contradicted.is_none());
    Named { found, contradicted }
}

/// CPUs and MiB of a machine that no machine of a type has, or an architecture it does not have, which kubelets say of
/// themselves; `None` where neither is known.
fn contradiction(kind: &InstanceType, facts: &Facts) -> Option<String> {
    let arch = label(facts, &["label_kubernetes_io_arch", "label_beta_kubernetes_io_arch"]);
    if let Some(arch) = arch.filter(|arch| ARCHITECTURES.contains(arch) && *arch != kind.arch) {
        return Some(format!("CPUs of {arch}"));
    }
    let capacity = |resource: &str| facts.resources.get(&(Bound::Capacity, resource.to_owned())).copied();
    let cpus = capacity("cpu").and_then(machine_limits::possible_cores).and_then(whole)?;
    let memory_bytes = capacity("memory").and_then(machine_limits::possible_memory).and_then(whole)?;
    let size = Size { cpus, memory_bytes, ..Size::default() };
    (!size.may_be(kind)).then(|| format!("{cpus} CPUs and {} MiB", memory_bytes >> 20))
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
pub(crate) fn infer(rows: &mut [NodeHour], families: &[Option<String>], types: &BTreeMap<String, InstanceType>) {
    let is_open = |row: &NodeHour| {
        let no_type = matches!(ComputeType::of(&row.compute_type), ComputeType::Fargate | ComputeType::Hybrid);
        row.instance_type.is_none() && !no_type && !row.emp_owned
    };
    if !rows.iter().any(is_open) {
        return;
    }
    let siblings = siblings(rows);
    for (row, family) in rows.iter_mut().zip(families) {
        if !is_open(row) {
            continue;
        }
        let candidates = candidates(row, family.as_deref(), types);
        let sibling = shape(row).and_then(|shape| siblings.get(&shape)).filter(|names| names.len() == 1);
        let sibling = sibling.and_then(BTreeSet::first).filter(|name| fits(name, &candidates, types));
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

/// Returns whether a sibling's type may be that of a machine: it is among its candidates, or too new for the catalog.
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
    let memory_gib = row.memory_capacity_bytes?.saturating_add(1 << 29) >> 30;
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
            compute_type: ComputeType::Ec2.to_string(),
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
        infer(&mut rows, &families, &catalog::instance_types().unwrap());
        rows.remove(0)
    }

    #[test]
    fn each_layer_gives_way_to_the_one_above() {
        let overrides = Overrides::read("[instance_types.nodes]\nn1 = \"m5.large\"").unwrap();
        let labels = facts(&[("label_beta_kubernetes_io_instance_type", "m5.xlarge")]);
        let api = facts(&[("label_node_kubernetes_io_instance_type", "m5.4xlarge")]);
        let none = facts(&[]);
        let check = |node, facts, product_name, api, expect: Option<(&str, &str)>| {
            let types = &BTreeMap::new();
            let evidence = Evidence { node, provider_id: "", instance_id: None, facts, product_name, api, types };
            let found = named(&evidence, &overrides, false).found;
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
    fn a_type_that_a_machine_of_the_size_cannot_be_is_not_believed() {
        let types = catalog::instance_types().unwrap();
        let sized = |label: &str, cpus: f64, bytes: f64| {
            let mut facts = facts(&[]);
            facts.labels.insert("label_node_kubernetes_io_instance_type", label.to_owned());
            facts.resources.insert((Bound::Capacity, "cpu".to_owned()), cpus);
            facts.resources.insert((Bound::Capacity, "memory".to_owned()), bytes);
            facts
        };
        let check = |facts: &Facts, product_name, is_elastic, expect: Option<(&str, &str)>, contradicted: bool| {
            let (node, provider_id, types) = ("n", "", &types);
            let evidence = Evidence { node, provider_id, instance_id: None, facts, product_name, api: None, types };
            let named = named(&evidence, &Overrides::default(), is_elastic);
            assert_eq!(named.found.as_ref().map(|(name, source)| (name.as_str(), *source)), expect, "{facts:?}");
            assert_eq!(named.contradicted.is_some(), contradicted, "{facts:?}");
        };
        let label = |name| Some((name, "label"));
        check(&sized("m5.4xlarge", 16.0, 66.4e9), None, false, label("m5.4xlarge"), false);
        // Threads switched off (CPU options).
        check(&sized("m5.4xlarge", 8.0, 66.4e9), None, false, label("m5.4xlarge"), false);
        check(&sized("m5.24xlarge", 16.0, 66.4e9), None, false, None, true);
        check(&sized("m5.2xlarge", 16.0, 66.4e9), None, false, None, true);
        check(&sized("c5.4xlarge", 16.0, 66.4e9), Some("m5.4xlarge"), false, Some(("m5.4xlarge", "dmi")), true);
        // Newer than the catalog, elastic, or of no size that could be.
        check(&sized("m99.4xlarge", 16.0, 66.4e9), None, false, label("m99.4xlarge"), false);
        check(&sized("m5.24xlarge", 16.0, 66.4e9), None, true, label("m5.24xlarge"), false);
        check(&sized("m5.24xlarge", 0.0, -1.0), None, false, label("m5.24xlarge"), false);
        // Of the right size, and with other CPUs.
        let mut graviton = sized("m7g.4xlarge", 16.0, 66.4e9);
        for (arch, contradicted) in [("arm64", false), ("amd64", true), ("riscv64", false)] {
            graviton.labels.insert("label_kubernetes_io_arch", arch.to_owned());
            check(&graviton, None, false, label("m7g.4xlarge").filter(|_| !contradicted), contradicted);
        }
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
            NodeHour { compute_type: ComputeType::Fargate.to_string(), ..row(None, None) },
            NodeHour { compute_type: ComputeType::Hybrid.to_string(), ..row(None, None) },
            NodeHour { emp_owned: true, ..row(None, None) },
        ] {
            let row = inferred(&[row], Some("m5"));
            assert_eq!((row.instance_type, row.instance_type_candidates), (None, None));
        }
    }
}
