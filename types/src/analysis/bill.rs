//! Today's bill by who causes it, and how well it is known.

use serde::{Deserialize, Serialize};

/// Today's bill by who causes it. `total = workloads + overhead + idle - oversubscribed + residual`, exactly: amounts
/// that end in `_nano_usd` are whole nano-dollars as decimal text, those in `_usd` the same for reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Allocation {
    /// The whole cluster.
    #[serde(flatten)]
    pub total: Shares,
    /// Parts of `overhead`, dearest first.
    pub overhead: Vec<OverheadCost>,
    /// Why `residual` is not zero; empty when it is.
    pub residual_causes: Vec<String>,
    /// Namespaces whose cost was shared out to the others.
    pub shared_namespaces: Vec<String>,
    /// Every namespace, dearest first.
    pub by_namespace: Vec<NamespaceCost>,
    /// Every workload, dearest first, daemonsets among them.
    pub by_workload: Vec<WorkloadCost>,
    /// The same identity by node group; the row without a name is what does not stand on nodes.
    pub by_node_group: Vec<GroupCost>,
    /// The same identity by zone; the row without a name is what does not stand on nodes.
    pub by_zone: Vec<GroupCost>,
    /// Cost of workloads by each label asked for.
    pub by_label: Vec<LabelCost>,
    /// Persistent volume claims, dearest first.
    #[serde(default)]
    pub by_volume_claim: Vec<ClaimCost>,
}

/// Cost of one persistent volume claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClaimCost {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub claim: String,
    /// Storage class, where the claim names one.
    pub storage_class: Option<String>,
    /// EBS volume type, such as `gp3`; `null` when it is not known.
    pub volume_type: Option<String>,
    /// Size, on average over its hours, in GiB; `null` when it is not known.
    pub gib_mean: Option<f64>,
    /// Hours it was there.
    pub hours: f64,
    /// `true` when no pod mounted it in any hour.
    pub unmounted: bool,
    /// Cost over the window; `null` when it has no price.
    pub usd: Option<f64>,
}

/// A cost and its five parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Shares {
    /// All of it.
    pub total_usd: f64,
    /// All of it, exact.
    pub total_nano_usd: String,
    /// Of pods that are not daemonsets, by the greater of request and use, with their volumes and Fargate.
    pub workloads_usd: f64,
    /// The same, exact.
    pub workloads_nano_usd: String,
    /// Overhead that no packing recovers: capacity the kubelet keeps, daemonsets, boots, control plane, network.
    pub overhead_usd: f64,
    /// The same, exact.
    pub overhead_nano_usd: String,
    /// Paid and neither requested nor used, volumes that nothing mounts among it.
    pub idle_usd: f64,
    /// The same, exact.
    pub idle_nano_usd: String,
    /// Requested or used beyond capacity, counted in workloads and paid by nobody.
    pub oversubscribed_usd: f64,
    /// The same, exact.
    pub oversubscribed_nano_usd: String,
    /// Rest that could not be given to anything.
    pub residual_usd: f64,
    /// The same, exact.
    pub residual_nano_usd: String,
}

/// A part of the overhead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OverheadCost {
    /// Kind of overhead, such as `daemonsets`.
    pub what: String,
    /// Its cost.
    pub usd: f64,
    /// Its cost, exact.
    pub nano_usd: String,
}

/// Cost of one namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NamespaceCost {
    /// The namespace.
    pub namespace: String,
    /// Its workloads, daemonsets apart, with what was shared out to it.
    pub workload_usd: f64,
    /// The same, exact.
    pub workload_nano_usd: String,
    /// Of that, shared out to it from the shared namespaces.
    pub shared_usd: f64,
    /// Its daemonsets, which are overhead.
    pub daemonset_usd: f64,
    /// The same, exact.
    pub daemonset_nano_usd: String,
    /// CPU reserved, in core-hours.
    pub cpu_request_core_hours: f64,
    /// CPU used, in core-hours.
    pub cpu_used_core_hours: f64,
    /// Memory reserved, in GiB-hours.
    pub memory_request_gib_hours: f64,
    /// Memory used (working set), in GiB-hours.
    pub memory_used_gib_hours: f64,
}

/// Cost of one workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WorkloadCost {
    /// Its namespace.
    pub namespace: String,
    /// Its kind, such as `Deployment`.
    pub workload_kind: String,
    /// Its name.
    pub workload: String,
    /// True of a daemonset, which is overhead.
    pub overhead: bool,
    /// Its cost, all parts together.
    pub workload_usd: f64,
    /// The same, exact.
    pub workload_nano_usd: String,
    /// For CPU.
    pub cpu_usd: f64,
    /// For memory.
    pub memory_usd: f64,
    /// For persistent volumes.
    pub volume_usd: f64,
    /// For Fargate.
    pub fargate_usd: f64,
    /// Of CPU and memory, what on-demand machines cost, their disks and fees apart; `null` in analyses that predate it.
    #[serde(default)]
    pub on_demand_usd: Option<f64>,
    /// CPU reserved, in core-hours.
    pub cpu_request_core_hours: f64,
    /// CPU used, in core-hours.
    pub cpu_used_core_hours: f64,
    /// Memory reserved, in GiB-hours.
    pub memory_request_gib_hours: f64,
    /// Memory used (working set), in GiB-hours.
    pub memory_used_gib_hours: f64,
}

/// Cost of one group of nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupCost {
    /// Its name; `null` for what has none or does not stand on nodes.
    pub name: Option<String>,
    /// Hours its nodes were up.
    pub node_hours: f64,
    /// The identity over its nodes.
    #[serde(flatten)]
    pub shares: Shares,
}

/// Cost of the workloads with one value of a label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LabelCost {
    /// The label.
    pub label: String,
    /// Its value; `null` for pods without it.
    pub value: Option<String>,
    /// Their cost.
    pub workload_usd: f64,
    /// The same, exact.
    pub workload_nano_usd: String,
    /// The workloads they are of, dearest first; empty in analyses that predate it.
    #[serde(default)]
    pub workloads: Vec<LabelWorkload>,
}

/// Cost of the pods of one workload with one value of a label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LabelWorkload {
    /// Namespace of the workload.
    pub namespace: String,
    /// Its kind, such as `Deployment`.
    pub workload_kind: String,
    /// Its name.
    pub workload: String,
    /// Their cost.
    pub workload_usd: f64,
}

/// Evidence of today's bill: each amount graded by the weakest link of its quantity and its price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evidence {
    /// Quantity seen, price your own.
    pub measured_usd: f64,
    /// Quantity seen, price seen in a public list.
    pub listed_usd: f64,
    /// Quantity or price derived from others by a rule.
    pub inferred_usd: f64,
    /// Quantity or price assumed, or estimated from another region.
    pub assumed_usd: f64,
    /// Hours of nodes without a price; their cost is in no total.
    pub unpriced_node_hours: f64,
    /// The bill by grade and reason, dearest first within a grade.
    pub lines: Vec<EvidenceLine>,
    /// Measures that would make more of it known, the largest amounts first.
    pub raise: Vec<Raise>,
}

/// A part of the bill with its grade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EvidenceLine {
    /// The cost line.
    pub line: String,
    /// `measured`, `listed`, `inferred` or `assumed`.
    pub grade: String,
    /// Why no better.
    pub reason: String,
    /// Its cost.
    pub usd: f64,
}

/// Something that would make more of the bill known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Raise {
    /// Part of the bill that is not known well.
    pub what: String,
    /// Dollars of the bill it bears on.
    pub usd: f64,
    /// Node-hours it would price, where they have no price.
    pub node_hours: f64,
    /// Remedy: exact Helm values or a command.
    pub how: String,
}
