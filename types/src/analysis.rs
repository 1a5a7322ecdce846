//! What an analysis concludes: the content of `analysis.json`, the contract between analyzer and reports.
//!
//! Field names carry their units. `null` means "not known" or "not modelled" and is explained by a note;
//! it never stands for zero. Fields are only ever added: a reader ignores those it does not know.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::NanoUsd;

/// The value of [`Analysis::schema`] this version writes.
pub const SCHEMA: &str = "emp-cost/analysis/v1";

/// Everything one analysis of one cluster concludes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// Name and version of this layout: [`SCHEMA`].
    pub schema: String,
    /// The cluster, as it is named in the lake.
    pub cluster_id: String,
    /// AWS region of the nodes; `null` when no node says it or they disagree.
    pub region: Option<String>,
    /// The hours the analysis stands on.
    pub window: WindowCoverage,
    /// What runs there.
    pub inventory: Inventory,
    /// How much of it is used.
    pub utilisation: Utilisation,
    /// Today's bill by who causes it; `null` in analyses that predate it.
    #[serde(default)]
    pub allocation: Option<Allocation>,
    /// How well today's bill is known; `null` in analyses that predate it.
    #[serde(default)]
    pub evidence: Option<Evidence>,
    /// Every scenario, `ec2-today` first.
    pub scenarios: Vec<Scenario>,
    /// Savings between pairs of scenarios.
    pub savings: Vec<Saving>,
    /// The conclusion in a sentence.
    pub verdict: Verdict,
    /// Every assumption in force, changed or not, by key.
    pub assumptions: Vec<Assumption>,
    /// What a reader must know beside the numbers, gravest first.
    pub notes: Vec<Note>,
    /// `ec2-today-replayed` over `ec2-today`, compute alone: how much cheaper the engine is than the cluster was; `null`
    /// where nothing could be replayed.
    #[serde(default)]
    pub model_optimism: Option<f64>,
    /// Bare-metal types, the cheapest bound first.
    #[serde(default)]
    pub hosts_considered: Vec<HostConsidered>,
    /// How the result changes with what is assumed; `null` where nothing could be replayed on elastic VMs.
    #[serde(default)]
    pub what_if: Option<WhatIf>,
    /// Which workloads can move, most reserved memory first.
    #[serde(default)]
    pub movability: Vec<WorkloadMovability>,
    /// What to build; `null` unless elastic VMs are recommended or come close.
    #[serde(default)]
    pub plan: Option<Plan>,
    /// Where the numbers come from.
    pub provenance: Provenance,
}

/// The hours asked for and those that are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowCoverage {
    /// First moment of the window.
    pub start: DateTime<Utc>,
    /// First moment after the window.
    pub end: DateTime<Utc>,
    /// Whole hours in the window.
    pub hours_expected: u32,
    /// Hours with a manifest in the lake; only these count, in every scenario.
    pub hours_present: u32,
    /// The present hours by where they came from.
    pub hours_by_source: Vec<SourceHours>,
}

/// Hours that came from one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceHours {
    /// `prometheus`, or `generator` for synthetic hours.
    pub source: String,
    /// How many hours.
    pub hours: u32,
    /// Start of the first of them.
    pub first: DateTime<Utc>,
    /// End of the last of them.
    pub last: DateTime<Utc>,
}

/// What runs in the cluster over the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
pub struct NodeGroup {
    /// EC2 instance type; `null` when not known, and for Fargate.
    pub instance_type: Option<String>,
    /// How the instance type is known: `label`, `dmi`, `unknown`.
    pub instance_type_source: String,
    /// `on-demand` or `spot`; `null` when no label says it.
    pub capacity_type: Option<String>,
    /// `ec2`, `fargate`, `auto` or `hybrid`.
    pub compute_type: String,
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
    /// Whether they could become elastic VMs, and why not.
    pub movable: Movable,
}

/// Whether a group of nodes could become elastic VMs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movable {
    /// True when nothing known speaks against it.
    pub moves: bool,
    /// The reason, in a few words.
    pub reason: String,
}

/// One namespace's reservation and use over the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

/// Capacity, reservation and use over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Utilisation {
    /// CPU, in cores.
    pub cpu: ResourceUtilisation,
    /// Memory, in GiB.
    pub memory: ResourceUtilisation,
    /// One point for each present hour, oldest first.
    pub hourly: Vec<HourPoint>,
    /// CPU time that the hypervisor gave to others, of all CPU time, in nodes that report it; `null` where none does.
    #[serde(default)]
    pub steal: Option<Steal>,
    /// Distribution of use by node group, namespace and workload.
    #[serde(default)]
    pub distributions: Vec<Distribution>,
    /// Whether peaks meet, and what overcommit follows; `null` in analyses that predate it.
    #[serde(default)]
    pub coincidence: Option<Coincidence>,
}

/// CPU time given to others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Steal {
    /// Share of the CPU time of the nodes that report it.
    pub mean_fraction: f64,
    /// The largest share of one node in one slot.
    pub peak_fraction: f64,
    /// Share of the up time of nodes for which it is known.
    pub known_fraction: f64,
}

/// Use of CPU and memory by one part of the cluster, over five-minute slots in which it had pods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// `node_group`, `namespace` or `workload`.
    pub level: String,
    /// Its name; of a workload, `namespace/kind/name`.
    pub name: String,
    /// CPU, in cores.
    pub cpu: Spread,
    /// Memory, in GiB.
    pub memory: Spread,
}

/// How a quantity is spread over slots. Mean and maximum are exact; percentiles are up to 1.6 % high, never low.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean reserved in the same slots.
    pub requested_mean: f64,
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Maximum.
    pub max: f64,
}

/// What went wrong in a replay. Shares are of slots of five minutes, machine by machine, on the last third of the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// Whether it holds the risk target.
    pub holds_target: bool,
    /// Share of pod-seconds asked for that a machine served.
    pub served_fraction: f64,
    /// Share of machine-slots (EC2 nodes, elastic VMs) whose mean CPU was over capacity.
    pub machine_slots_over_cpu: f64,
    /// Share of machine-slots whose memory was over capacity.
    pub machine_slots_over_memory: f64,
    /// Share of host-slots whose mean CPU was over capacity; `null` without hosts.
    pub host_slots_over_cpu: Option<f64>,
    /// Share of host-slots that swap; `null` without hosts.
    pub host_slots_over_memory: Option<f64>,
    /// Core-hours asked for beyond what machines and hosts have, by slot means: the least that was lost.
    pub lost_core_hours: f64,
    /// The same by slot peaks: the most; `null` where peaks are not known.
    pub lost_core_hours_at_peaks: Option<f64>,
    /// GiB-hours beyond the memory of hosts.
    pub swap_gib_hours: f64,
    /// Live migrations.
    pub migrations: u64,
    /// Pods restarted elsewhere.
    pub restarted_pods: u64,
    /// Most pods that stood on one host, or one node where there are no hosts.
    pub pods_on_busiest: u32,
    /// Most workloads all of whose pods stood there.
    pub workloads_on_busiest: u32,
}

/// One hour of a replayed scenario: the most machines at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioHour {
    /// Start of the hour.
    pub start: DateTime<Utc>,
    /// EC2 nodes.
    pub nodes: u32,
    /// Elastic VMs.
    pub evms: u32,
    /// Hosts.
    pub hosts: u32,
}

/// A bare-metal type that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostConsidered {
    /// Its name.
    pub instance_type: String,
    /// Price of an hour.
    pub usd_per_hour: f64,
    /// Least compute cost of what would run on it, over the window.
    pub lower_bound_usd: Option<f64>,
    /// What the scenario `emp` costs on it over the window, all lines; `null` where it was not replayed or not priced.
    pub total_usd: Option<f64>,
    /// Whether it held the risk target in the first two thirds of the window; `null` where it was not replayed.
    pub holds_target: Option<bool>,
    /// Whether it is the host of the scenarios.
    pub chosen: bool,
    /// Why, or why not.
    pub reason: String,
}

/// How the result changes with what is assumed. Savings are of `emp` against `ec2-repacked`, over the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WhatIf {
    /// `emp` at each pair of overcommit ratios.
    pub grid: Vec<WhatIfPoint>,
    /// One assumption changed at a time, the largest effect first.
    pub tornado: Vec<TornadoBar>,
}

/// One pair of ratios.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WhatIfPoint {
    /// Memory of elastic VMs on a host, as a multiple of its own.
    pub memory_overcommit: f64,
    /// vCPU of elastic VMs on a host, as a multiple of its threads.
    pub cpu_overcommit: f64,
    /// What it costs; `null` where a price is missing.
    pub total_usd: Option<f64>,
    /// What it saves.
    pub saving_usd: Option<f64>,
    /// Whether it holds the risk target on the last third of the window.
    pub holds_target: bool,
    /// Share of host-slots over CPU, on the last third.
    pub host_slots_over_cpu: f64,
}

/// One assumption changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TornadoBar {
    /// The assumption.
    pub key: String,
    /// The other value.
    pub value: String,
    /// What is saved with it.
    pub saving_usd: Option<f64>,
    /// That less what is saved without it.
    pub change_usd: Option<f64>,
    /// Whether it holds the risk target on the last third.
    pub holds_target: bool,
}

/// Whether a workload can move to elastic VMs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkloadMovability {
    /// Its namespace.
    pub namespace: String,
    /// Its kind, such as `Deployment`.
    pub workload_kind: String,
    /// Its name.
    pub workload: String,
    /// `moves`, `stays`, or `partly` where some of its pods can.
    pub verdict: String,
    /// Why.
    pub reason: String,
    /// Pod-hours over the window.
    pub pod_hours: f64,
    /// CPU reserved, in core-hours.
    pub cpu_request_core_hours: f64,
    /// Memory reserved, in GiB-hours.
    pub memory_request_gib_hours: f64,
}

/// What to build, from the scenario `emp`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The host type of the pool.
    pub host_type: String,
    /// Most and fewest hosts at once, after the first day.
    pub hosts: (u32, u32),
    /// Elastic VMs by type, in hours over the window, most first.
    pub evm_types: Vec<(String, f64)>,
    /// Steps in order; each is a replay of everything moved up to and with it.
    pub waves: Vec<Wave>,
}

/// One step of a migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wave {
    /// Namespaces that move in it.
    pub namespaces: Vec<String>,
    /// What everything moved so far costs, over the window.
    pub total_usd: Option<f64>,
    /// What everything moved so far saves against `ec2-repacked`, over the window.
    pub saving_usd: Option<f64>,
    /// Of that, by this step alone.
    pub marginal_saving_usd: Option<f64>,
    /// Today's machines of these pods for two weeks beside the new ones: what running both costs.
    pub dual_running_usd: Option<f64>,
    /// Days until the step has paid for that; `null` where it never does.
    pub payback_days: Option<f64>,
}

/// Whether peaks meet: the sum of each part's daily peak against the peak of the cluster's sum on that day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coincidence {
    /// CPU, in cores.
    pub cpu: Vec<CoincidenceRow>,
    /// Memory, in GiB.
    pub memory: Vec<CoincidenceRow>,
    /// How many times its capacity a host could promise, were all nodes on hosts like one, at 80 % of capacity in the
    /// worst slot seen; by what is counted as use.
    pub safe_overcommit: Vec<SafeOvercommit>,
}

/// One level of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoincidenceRow {
    /// `workload`, `namespace` or `node`; pods come and go within a day, so their peaks do not add up to anything.
    pub level: String,
    /// Sum over the parts of their peaks, on the day of the cluster's highest peak.
    pub sum_of_peaks: f64,
    /// Peak of the cluster's sum on that day.
    pub peak_of_sum: f64,
    /// `peak_of_sum / sum_of_peaks`: 1 when all peaks meet; `null` without use.
    pub coincidence: Option<f64>,
}

/// An overcommit ratio that would have held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SafeOvercommit {
    /// `cpu` or `memory`.
    pub resource: String,
    /// What is counted: `used`, `high_water` or `touched`.
    pub measure: String,
    /// Use over capacity in the worst slot; `null` when not known.
    pub worst_of_capacity: Option<f64>,
    /// 0.8 over that; `null` when not known.
    pub ratio: Option<f64>,
}

/// One resource over the window. The unit is that of the field that holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResourceUtilisation {
    /// Mean capacity of all nodes together.
    pub capacity_mean: f64,
    /// Mean allocatable: capacity less what the node reserves.
    pub allocatable_mean: f64,
    /// Mean sum of the pods' requests.
    pub requested_mean: f64,
    /// Mean sum of the limits, of containers that have one.
    pub limit_mean: f64,
    /// Mean used by containers.
    pub used_mean: f64,
    /// Median of the five-minute totals used.
    pub used_median: f64,
    /// 95th percentile of the five-minute totals used.
    #[serde(default)]
    pub used_p95: f64,
    /// 99th percentile of the five-minute totals used.
    #[serde(default)]
    pub used_p99: f64,
    /// Largest five-minute total used.
    pub used_peak: f64,
    /// `used_mean / capacity_mean`; `null` without capacity.
    pub used_of_capacity: Option<f64>,
    /// `used_mean / requested_mean`; `null` without requests.
    pub used_of_requested: Option<f64>,
    /// `requested_mean / capacity_mean`; `null` without capacity.
    pub requested_of_capacity: Option<f64>,
}

/// The cluster in one hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HourPoint {
    /// Start of the hour.
    pub hour: DateTime<Utc>,
    /// Where the hour came from: `prometheus` or `generator`.
    pub source: String,
    /// Nodes up, on average.
    pub nodes: f64,
    /// CPU capacity, in cores.
    pub cpu_capacity_cores: f64,
    /// CPU requested, in cores.
    pub cpu_requested_cores: f64,
    /// CPU used, mean, in cores.
    pub cpu_used_cores: f64,
    /// CPU used, largest five-minute total, in cores.
    pub cpu_used_peak_cores: f64,
    /// Memory capacity, in GiB.
    pub memory_capacity_gib: f64,
    /// Memory requested, in GiB.
    pub memory_requested_gib: f64,
    /// Memory used (working set), mean, in GiB.
    pub memory_used_gib: f64,
    /// Memory used, largest five-minute total, in GiB.
    pub memory_used_peak_gib: f64,
}

/// Today's bill by who causes it. `total = workloads + overhead + idle - oversubscribed + residual`, exactly: amounts
/// that end in `_nano_usd` are whole nano-dollars as decimal text, those in `_usd` the same for reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Allocation {
    /// The whole cluster.
    #[serde(flatten)]
    pub total: Shares,
    /// What `overhead` is made of, dearest first.
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
}

/// A cost and its five parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// All of it.
    pub total_usd: f64,
    /// All of it, exact.
    pub total_nano_usd: String,
    /// Of pods that are not daemonsets, by the greater of request and use, with their volumes and Fargate.
    pub workloads_usd: f64,
    /// The same, exact.
    pub workloads_nano_usd: String,
    /// What no packing recovers: capacity the kubelet keeps, daemonsets, boots, control plane, network.
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
    /// What could not be given to anything.
    pub residual_usd: f64,
    /// The same, exact.
    pub residual_nano_usd: String,
}

/// A part of the overhead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OverheadCost {
    /// What it is, such as `daemonsets`.
    pub what: String,
    /// Its cost.
    pub usd: f64,
    /// Its cost, exact.
    pub nano_usd: String,
}

/// What one namespace costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

/// What one workload costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// CPU reserved, in core-hours.
    pub cpu_request_core_hours: f64,
    /// CPU used, in core-hours.
    pub cpu_used_core_hours: f64,
    /// Memory reserved, in GiB-hours.
    pub memory_request_gib_hours: f64,
    /// Memory used (working set), in GiB-hours.
    pub memory_used_gib_hours: f64,
}

/// What one group of nodes costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupCost {
    /// Its name; `null` for what has none or does not stand on nodes.
    pub name: Option<String>,
    /// Hours its nodes were up.
    pub node_hours: f64,
    /// The identity over its nodes.
    #[serde(flatten)]
    pub shares: Shares,
}

/// What the workloads with one value of a label cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelCost {
    /// The label.
    pub label: String,
    /// Its value; `null` for pods without it.
    pub value: Option<String>,
    /// Their cost.
    pub workload_usd: f64,
    /// The same, exact.
    pub workload_nano_usd: String,
}

/// How well today's bill is known: each dollar by the weakest link of its quantity and its price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// What would make more of it known, the most dollars first.
    pub raise: Vec<Raise>,
}

/// A part of the bill with its grade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
pub struct Raise {
    /// What is not known well.
    pub what: String,
    /// Dollars of the bill it bears on.
    pub usd: f64,
    /// Node-hours it would price, where they have no price.
    pub node_hours: f64,
    /// What to do: exact Helm values or a command.
    pub how: String,
}

/// One way to run the cluster, and what it costs over the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Stable id, such as `ec2-today`.
    pub id: String,
    /// Name for people.
    pub label: String,
    /// Cost over the window, by line.
    pub cost_usd: CostLines,
    /// True when the total leaves something out: a line that is `null`, or anything in `unpriced`.
    pub partial: bool,
    /// The total scaled to a month of 730 hours; `null` without a total.
    pub monthly_usd: Option<f64>,
    /// The same usage at list, contracted and effective prices; `null` where that is not modelled.
    #[serde(default)]
    pub compute_cost: Option<ComputeCost>,
    /// Machines by type, with the price each was given.
    pub machine_hours: Vec<MachineHours>,
    /// What the lines other than compute are made of, by line, then name.
    #[serde(default)]
    pub items: Vec<CostItem>,
    /// What could not be priced; outside every total.
    pub unpriced: Vec<Unpriced>,
    /// What its compute cannot have cost less than, fee and boots left out; `null` where it was not replayed.
    #[serde(default)]
    pub lower_bound_usd: Option<f64>,
    /// What went wrong on the machines, outside the first day; `null` where it was not replayed.
    #[serde(default)]
    pub risk: Option<Risk>,
    /// Machines in each hour present, oldest first; empty where it was not replayed.
    #[serde(default)]
    pub by_hour: Vec<ScenarioHour>,
    /// The same scenario under other readings of what is assumed, for comparison.
    pub variants: Vec<Variant>,
    /// What a reader must know about this scenario.
    pub notes: Vec<Note>,
}

/// How many cost lines there are.
pub const COST_LINES: usize = cost_lines::COUNT;

/// The one place where cost lines are named: each becomes a field of [`CostLines`] and of [`ExactLines`].
mod cost_lines {
    use crate::NanoUsd;
    use serde::{Deserialize, Serialize};

    macro_rules! cost_lines {
        ($( $(#[doc = $doc:literal])+ $name:ident; )+) => {
            pub(super) const COUNT: usize = [$(stringify!($name)),+].len();

            /// Cost over the window in USD. `null`: not modelled in this scenario, and then in no total.
            #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
            pub struct CostLines {
                $( $(#[doc = $doc])+ #[serde(default)] pub $name: Option<f64>, )+
                /// Sum of the lines that are not `null`; `null` when none is.
                pub total: Option<f64>,
            }

            impl CostLines {
                /// The lines with their stable names, in the order of the fields, without the total.
                pub fn lines(&self) -> [(&'static str, Option<f64>); COUNT] {
                    [$((stringify!($name), self.$name)),+]
                }
            }

            /// Cost over the window, exact. `None`: not modelled, or nothing of it could be priced.
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
            pub struct ExactLines {
                $( $(#[doc = $doc])+ pub $name: Option<NanoUsd>, )+
            }

            impl ExactLines {
                /// The lines with their stable names, in the order of the fields.
                pub fn named(&self) -> [(&'static str, Option<NanoUsd>); COUNT] {
                    [$((stringify!($name), self.$name)),+]
                }

                /// The lines as they are written.
                pub fn cost(&self) -> CostLines {
                    let usd = |line: Option<NanoUsd>| line.map(NanoUsd::usd);
                    CostLines { $( $name: usd(self.$name), )+ total: usd(self.total()) }
                }
            }
        };
    }

    cost_lines! {
        /// EC2 instances, bare-metal hosts included, at effective cost; unused commitments apart.
        compute;
        /// Fargate pods.
        fargate;
        /// Root disks of nodes.
        root_disks;
        /// Persistent volumes of pods.
        volumes;
        /// The fee of EKS Auto Mode on the nodes it manages.
        auto_mode;
        /// EKS control plane.
        control_plane;
        /// NAT gateways and public addresses.
        network;
        /// Licences paid per node.
        licences;
        /// What was committed to and not used.
        unused_commitments;
        /// NAT gateways that an elastic machine pool needs in each of its zones; zero in scenarios without one.
        pool_network;
        /// The fee of the elastic machine pool's vendor.
        fee;
    }
}

pub use cost_lines::{CostLines, ExactLines};

impl ExactLines {
    /// The sum of what is priced; `None` when nothing is.
    pub fn total(&self) -> Option<NanoUsd> {
        let priced: Vec<_> = self.named().into_iter().filter_map(|(_, line)| line).collect();
        (!priced.is_empty()).then(|| priced.into_iter().sum())
    }

    /// Whether a line is missing.
    pub fn partial(&self) -> bool {
        self.named().iter().any(|(_, line)| line.is_none())
    }

    /// What `self` costs more than `other`, over the lines priced in both, with what `self` costs over them and
    /// their names; `None` when there is no such line.
    pub fn less(&self, other: &Self) -> Option<(NanoUsd, NanoUsd, Vec<&'static str>)> {
        let mut both = Vec::new();
        let (mut from, mut to) = (NanoUsd::ZERO, NanoUsd::ZERO);
        for ((name, ours), (_, theirs)) in self.named().into_iter().zip(other.named()) {
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                from += ours;
                to += theirs;
                both.push(name);
            }
        }
        (!both.is_empty()).then(|| (from - to, from, both))
    }
}

/// The compute line in the three words of FOCUS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComputeCost {
    /// At public on-demand or spot list prices; `null` when a machine has no list price.
    pub list_usd: Option<f64>,
    /// At the prices negotiated (your own prices, EDP), before commitments.
    pub contracted_usd: f64,
    /// After commitments, unused commitment apart: the compute line.
    pub effective_usd: f64,
    /// Commitments and what became of them, in the order in which they are consumed.
    pub commitments: Vec<CommitmentUse>,
}

/// One commitment over the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommitmentUse {
    /// Its name in the prices file.
    pub name: String,
    /// `reserved-instances`, `ec2-instance-savings-plan` or `compute-savings-plan`.
    pub kind: String,
    /// Paid in the hours present before it expired.
    pub committed_usd: f64,
    /// Of that, used.
    pub used_usd: f64,
    /// Of that, not used.
    pub unused_usd: f64,
    /// What the usage it covered would have cost without it.
    pub covered_on_demand_usd: f64,
    /// `used_usd / committed_usd`; `null` when it had expired before the window.
    pub utilisation: Option<f64>,
}

/// Hours of one kind of machine at one price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineHours {
    /// `node` (EC2, as observed), `host` (bare metal) or `evm` (elastic VM, not billed by AWS).
    pub kind: String,
    /// EC2 instance type, or the type an elastic VM mirrors.
    pub instance_type: String,
    /// `on-demand` or `spot`.
    pub capacity_type: String,
    /// Hours over the window.
    pub hours: f64,
    /// Price used; `null` when unpriced, and for what AWS does not bill.
    pub usd_per_hour: Option<f64>,
    /// Cost over the window after commitments; `null` when unpriced.
    pub cost_usd: Option<f64>,
    /// Where the price comes from; `null` when unpriced.
    pub price: Option<PriceOrigin>,
}

/// A quantity at a price, part of a cost line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CostItem {
    /// The cost line: `fargate`, `volumes` or `control_plane`.
    pub line: String,
    /// What it is, such as `gp3 storage`.
    pub what: String,
    /// How much of it over the window.
    pub quantity: f64,
    /// Unit of `quantity`, such as `GiB-month`.
    pub unit: String,
    /// Price of one unit.
    pub usd_per_unit: f64,
    /// Cost over the window.
    pub cost_usd: f64,
    /// Where the price comes from.
    pub price: PriceOrigin,
}

/// Where a price comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PriceOrigin {
    /// The layer of the price book that gave it: `user`, `imported` or `catalog`.
    #[serde(default)]
    pub layer: String,
    /// `user`, `observed` (seen in a list), `derived` (from another size), `estimated` (from another region,
    /// or list price less a typical saving).
    pub kind: String,
    /// Date of the price, as its source gives it.
    pub date: String,
    /// The list or file.
    pub source: String,
}

/// Something that has no price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unpriced {
    /// What it is.
    pub what: String,
    /// How much of it.
    pub quantity: f64,
    /// Unit of `quantity`, such as `node-hour`.
    pub unit: String,
    /// Why it has no price, and what would give it one.
    pub reason: String,
}

/// A scenario under another reading of its assumptions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// What is read differently.
    pub label: String,
    /// Total over the window, in USD.
    pub total_usd: f64,
    /// Total scaled to a month of 730 hours.
    pub monthly_usd: f64,
    /// Host-hours over the window.
    pub host_hours: f64,
    /// Saving per month against `ec2-today` over the same lines; negative when dearer.
    pub saving_monthly_usd: f64,
}

/// What moving from one scenario to another saves, over lines priced in both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saving {
    /// Scenario id compared with.
    pub from: String,
    /// Scenario id.
    pub to: String,
    /// Saved over the window, in USD; negative when dearer.
    pub window_usd: f64,
    /// Scaled to a month of 730 hours.
    pub monthly_usd: f64,
    /// Twelve such months.
    pub yearly_usd: f64,
    /// Share of `from`'s cost over the same lines; `null` when that is zero.
    pub fraction: Option<f64>,
    /// The cost lines compared.
    pub lines: Vec<String>,
}

/// The conclusion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// One sentence.
    pub text: String,
    /// Recommended scenario id; `null` when the evidence does not carry a recommendation.
    pub recommendation: Option<String>,
    /// Saving of the best elastic machine pool against today over the window, in USD: of `emp-tuned` or `emp`, and where
    /// nothing could be replayed of `emp-vendor`; `null` when it cannot be formed.
    pub saving_vs_today_usd: Option<f64>,
    /// Saving of the same against the best alternative on EC2 with the same requests; `null` where nothing was replayed.
    #[serde(default)]
    pub saving_vs_best_ec2_usd: Option<f64>,
    /// Least and greatest of that over the assumptions tried, one at a time.
    #[serde(default)]
    pub range_usd: Option<[f64; 2]>,
    /// Bootstrap interval; only with eight whole weeks, so `null` otherwise.
    #[serde(default)]
    pub interval_usd: Option<[f64; 2]>,
}

/// One assumption in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assumption {
    /// Its key in `assumptions.toml`.
    pub key: String,
    /// Its value in force.
    pub value: String,
    /// Unit of the value; empty for a ratio or a name.
    pub unit: String,
    /// Its default.
    pub default: String,
    /// Whether the user changed it.
    pub changed: bool,
    /// Where the default comes from.
    pub source: String,
    /// What it changes.
    pub effect: String,
}

/// How grave a note is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    /// A number on the page is incomplete or may mislead.
    Warning,
    /// Worth knowing.
    Info,
}

/// Something a reader must know beside the numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Note {
    /// How grave it is.
    pub gravity: Gravity,
    /// One or two sentences, with the next step where there is one.
    pub text: String,
}

impl Note {
    /// A note on something incomplete or misleading.
    pub fn warning(text: impl Into<String>) -> Self {
        Self { gravity: Gravity::Warning, text: text.into() }
    }

    /// A note worth knowing.
    pub fn info(text: impl Into<String>) -> Self {
        Self { gravity: Gravity::Info, text: text.into() }
    }
}

/// Where the numbers come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of this program.
    pub tool_version: String,
    /// Where the lake is.
    pub lake: String,
    /// SHA-256 over the manifests read, in order: the same data gives the same hash.
    pub manifests_sha256: String,
    /// Hashes of the query sets that collected the hours, sorted.
    pub query_sets: Vec<String>,
    /// Servers the hours were collected from, sorted; empty for synthetic hours.
    pub servers: Vec<String>,
    /// The price lists used, each with its dates.
    pub prices: Vec<PriceList>,
}

/// A list of prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceList {
    /// Its name.
    pub name: String,
    /// Date of the oldest price used from it.
    pub oldest: String,
    /// Date of the newest price used from it.
    pub newest: String,
    /// SHA-256 of the list.
    pub sha256: String,
}
