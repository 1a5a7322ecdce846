//! Use of the cluster.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::HourSource;

/// Capacity, reservation and use over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Coincidence of peaks, and the overcommit that follows; `null` in analyses that predate it.
    #[serde(default)]
    pub coincidence: Option<Coincidence>,
}

/// CPU time given to others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

/// Distribution of a quantity over slots. Mean and maximum are exact; percentiles are up to 1.6 % high, never low.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

/// Coincidence of peaks: the sum of each part's daily peak against the peak of the cluster's sum on that day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Coincidence {
    /// CPU, in cores.
    pub cpu: Vec<CoincidenceRow>,
    /// Memory, in GiB.
    pub memory: Vec<CoincidenceRow>,
    /// Multiple of its capacity that a host could promise, were all nodes on hosts like one, at 80 % of capacity in the
    /// worst slot seen; by what is counted as use.
    pub safe_overcommit: Vec<SafeOvercommit>,
}

/// One level of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SafeOvercommit {
    /// `cpu` or `memory`.
    pub resource: String,
    /// Measure that is counted: `used`, `high_water` or `touched`.
    pub measure: String,
    /// Use over capacity in the worst slot; `null` when not known.
    pub worst_of_capacity: Option<f64>,
    /// 0.8 over that; `null` when not known.
    pub ratio: Option<f64>,
}

/// One resource over the window. The unit is that of the field that holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HourPoint {
    /// Start of the hour.
    pub hour: DateTime<Utc>,
    /// Where the hour came from.
    pub source: HourSource,
    /// Nodes up, on average.
    pub nodes: f64,
    /// Of those, EC2 nodes: without nodes of Fargate and hybrid nodes. `null` in analyses that predate it.
    #[serde(default)]
    pub ec2_nodes: Option<f64>,
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
    /// CPU pods may use, allocatable of the nodes; `null` in analyses that predate it, as the three below.
    #[serde(default)]
    pub cpu_allocatable_cores: Option<f64>,
    /// CPU limits of the containers that have one.
    #[serde(default)]
    pub cpu_limit_cores: Option<f64>,
    /// Memory pods may use, allocatable of the nodes.
    #[serde(default)]
    pub memory_allocatable_gib: Option<f64>,
    /// Memory limits of the containers that have one.
    #[serde(default)]
    pub memory_limit_gib: Option<f64>,
}
