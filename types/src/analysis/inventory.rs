//! Inventory of the cluster.

use serde::{Deserialize, Serialize};

use crate::ComputeType;

/// Inventory of the cluster over the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Inventory {
    /// Nodes grouped by what decides their price and whether they can move, dearest first.
    pub node_groups: Vec<NodeGroup>,
    /// Distinct nodes seen.
    pub nodes: u32,
    /// Mean number of nodes up at once.
    pub nodes_mean: f64,
    /// Distinct pods seen.
    pub pods: u32,
    /// Mean number of pods alive at once.
    pub pods_mean: f64,
    /// Distinct containers seen, restarts not counted again.
    pub containers: u32,
    /// Distinct workloads (owners).
    pub workloads: u32,
    /// Namespaces.
    pub namespaces: u32,
    /// Distinct persistent volume claims.
    pub volume_claims: u32,
    /// Mean capacity of all claims together, in GiB.
    pub volume_gib_mean: f64,
    /// The namespaces that reserve most, dearest in reserved memory first, then by name.
    pub by_namespace: Vec<NamespaceUsage>,
    /// Pod-hours of pods that request neither CPU nor memory.
    pub pod_hours_without_requests: f64,
    /// Container-hours for which no usage was seen.
    pub container_hours_without_usage: f64,
}

/// Nodes alike in type, capacity type and compute type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeGroup {
    /// EC2 instance type; `null` when not known, and for Fargate.
    pub instance_type: Option<String>,
    /// Source of the instance type: `label`, `dmi`, `unknown`.
    pub instance_type_source: String,
    /// `on-demand` or `spot`; `null` when no label says it.
    pub capacity_type: Option<String>,
    /// `ec2`, `fargate`, `auto` or `hybrid`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub compute_type: ComputeType,
    /// CPU architecture, such as `amd64`.
    pub arch: Option<String>,
    /// Availability zones they are in, sorted.
    pub zones: Vec<String>,
    /// Distinct nodes.
    pub nodes: u32,
    /// Hours up, all nodes together.
    pub node_hours: f64,
    /// CPU capacity of one node, in cores.
    pub cpu_capacity_cores: Option<f64>,
    /// Memory capacity of one node, in GiB.
    pub memory_capacity_gib: Option<f64>,
    /// Answer to whether they could become elastic VMs, and why not.
    pub movable: Movable,
}

/// Answer to whether a group of nodes could become elastic VMs, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Movable {
    /// True when nothing known speaks against it.
    pub moves: bool,
    /// The reason, in a few words.
    pub reason: String,
}

/// One namespace's reservation and use over the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NamespaceUsage {
    /// The namespace.
    pub namespace: String,
    /// Distinct pods.
    pub pods: u32,
    /// CPU reserved, in core-hours.
    pub cpu_request_core_hours: f64,
    /// CPU used, in core-hours.
    pub cpu_used_core_hours: f64,
    /// Memory reserved, in GiB-hours.
    pub memory_request_gib_hours: f64,
    /// Memory used (working set), in GiB-hours.
    pub memory_used_gib_hours: f64,
}
