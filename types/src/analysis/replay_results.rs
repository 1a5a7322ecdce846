//! Results of the replays: risk, hosts, what-if, movability and the plan.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::LimitCheck;

/// Risk found in a replay. Shares are of slots of five minutes, machine by machine, on the reported hours, the last of the
/// window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Risk {
    /// `true` when it holds every limit.
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
    /// The slot in which a host, or a machine where there are no hosts, was fullest, outside the first day; `null` in
    /// analyses that predate it.
    #[serde(default)]
    pub worst_slot: Option<WorstSlot>,
}

/// The slot of five minutes in which a machine was fullest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WorstSlot {
    /// Its start.
    pub start: DateTime<Utc>,
    /// The larger of the machine's shares of CPU and of memory; above one it was short of that.
    pub fraction: f64,
}

/// One hour of a replayed scenario: the most machines at once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScenarioHour {
    /// Start of the hour.
    pub start: DateTime<Utc>,
    /// EC2 nodes.
    pub nodes: u32,
    /// Elastic VMs.
    pub evms: u32,
    /// Hosts.
    pub hosts: u32,
    /// CPU used on nodes and hosts, in cores, on average; `null` in analyses that predate it.
    #[serde(default)]
    pub cpu_used_cores: Option<f64>,
    /// CPU of nodes and hosts, in cores, on average: what is paid for.
    #[serde(default)]
    pub cpu_capacity_cores: Option<f64>,
    /// Memory used on nodes and hosts, in GiB, on average.
    #[serde(default)]
    pub memory_used_gib: Option<f64>,
    /// Memory of nodes and hosts, in GiB, on average.
    #[serde(default)]
    pub memory_capacity_gib: Option<f64>,
    /// Fullest host of any slot of the hour, as a share of what the rebalancer fills hosts by; `null` without hosts.
    #[serde(default)]
    pub hottest_host_fraction: Option<f64>,
}

/// A bare-metal type that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HostConsidered {
    /// Its name.
    pub instance_type: String,
    /// Price of an hour.
    pub usd_per_hour: f64,
    /// Least compute cost of what would run on it, over the window.
    pub lower_bound_usd: Option<f64>,
    /// Cost of the scenario `emp` on it over the window, all lines; `null` where it was not replayed or not priced.
    pub total_usd: Option<f64>,
    /// `true` when it held every limit that neither warm machines nor spare hosts mend, on the hours that serve choices;
    /// `null` where it was not replayed.
    pub holds_target: Option<bool>,
    /// `true` when it is the host of the scenarios.
    pub chosen: bool,
    /// Why, or why not.
    pub reason: String,
}

/// Results under other assumptions. Savings of the grid and of break-even planes are of `emp` against
/// `ec2-repacked`, those of the tornado of one scenario against today, over the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WhatIf {
    /// `emp` at each pair of overcommit ratios.
    pub grid: Vec<WhatIfPoint>,
    /// One assumption, term or limit changed at a time, the largest effect first.
    pub tornado: Vec<TornadoBar>,
    /// The scenario the tornado is of, against today: the one recommended, or that comes closest; `null` in analyses that
    /// predate it, whose tornado is of `emp` against `ec2-repacked`.
    #[serde(default)]
    pub tornado_of: Option<String>,
    /// Where the saving turns into a loss, by pairs of terms that change money alone.
    #[serde(default)]
    pub break_even: Vec<BreakEven>,
}

/// The saving of `emp` against `ec2-repacked` over two terms that change what is paid, but nothing that happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BreakEven {
    /// Term that varies along a row: `fee_fraction`, `host_discount` or `ec2_discount`.
    pub x: String,
    /// Term that varies from row to row, of the same.
    pub y: String,
    /// Values of `x`, as fractions of one, rising.
    pub xs: Vec<f64>,
    /// Values of `y`, as fractions of one, rising.
    pub ys: Vec<f64>,
    /// The point in force: `x`, then `y`.
    pub here: [f64; 2],
    /// Saving over the window, a row for each of `ys`; `null` where it is not known.
    pub saving_usd: Vec<Vec<Option<f64>>>,
}

/// One pair of ratios.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WhatIfPoint {
    /// Memory of elastic VMs on a host, as a multiple of its own.
    pub memory_overcommit: f64,
    /// vCPU of elastic VMs on a host, as a multiple of its threads.
    pub cpu_overcommit: f64,
    /// Cost; `null` where a price is missing.
    pub total_usd: Option<f64>,
    /// Saving.
    pub saving_usd: Option<f64>,
    /// `true` when it holds every limit on the hours ratios were tried on: the first week, or all where nothing is tuned.
    pub holds_target: bool,
    /// Share of host-slots over CPU, on the same hours.
    pub host_slots_over_cpu: f64,
    /// Share of host-slots that swap; `null` in analyses that predate it.
    #[serde(default)]
    pub host_slots_over_memory: Option<f64>,
    /// Share of pod-seconds served; `null` in analyses that predate it.
    #[serde(default)]
    pub served_fraction: Option<f64>,
    /// `true` when no other pair of ratios saves as much at no more risk: fewer host-slots over CPU or memory together.
    #[serde(default)]
    pub on_frontier: bool,
}

/// One assumption changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TornadoBar {
    /// The assumption.
    pub key: String,
    /// The other value.
    pub value: String,
    /// Saving with it.
    pub saving_usd: Option<f64>,
    /// That less what is saved without it.
    pub change_usd: Option<f64>,
    /// `true` when the scenario holds every limit with it.
    pub holds_target: bool,
    /// The first limit that the scenario breaks with it; `null` where it holds all, and in analyses before this field.
    #[serde(default)]
    pub breaks: Option<LimitCheck>,
    /// `true` when the recommendation is another with it.
    #[serde(default)]
    pub turns_around: bool,
}

impl TornadoBar {
    /// Returns true when it is an assumption that nobody can be sure of: neither a discount, which can be asked for, nor a
    /// limit, which is one's own to set.
    pub fn is_uncertain(&self) -> bool {
        !matches!(self.key.as_str(), "host_discount" | "ec2_discount") && !self.key.starts_with("risk.")
    }
}

/// Movability of a workload to elastic VMs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WorkloadMovability {
    /// Its namespace.
    pub namespace: String,
    /// Its kind, such as `Deployment`.
    pub workload_kind: String,
    /// Its name.
    pub workload: String,
    /// Answer to whether it can move.
    pub verdict: Mobility,
    /// Why.
    pub reason: String,
    /// Pod-hours over the window.
    pub pod_hours: f64,
    /// CPU reserved, in core-hours.
    pub cpu_request_core_hours: f64,
    /// Memory reserved, in GiB-hours.
    pub memory_request_gib_hours: f64,
    /// Its part of what `emp` saves against `ec2-repacked` over the window, by the larger of its shares of the CPU and
    /// the memory that move; `null` where nothing of it moves or the saving is not known.
    #[serde(default)]
    pub saving_usd: Option<f64>,
}

/// Answer to whether a workload can move to elastic VMs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mobility {
    /// All of its pods can.
    Moves,
    /// Some of its pods can.
    Partly,
    /// Its node selector asks for a label that elastic VMs do not have by themselves.
    Unsure,
    /// None of its pods can.
    Stays,
}

impl Mobility {
    /// Its name in `analysis.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Moves => "moves",
            Self::Partly => "partly",
            Self::Unsure => "unsure",
            Self::Stays => "stays",
        }
    }
}

/// Selection of the pods that move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Selection {
    /// Where the profile came from, such as a file's name; `null` where none was given, and then everything moves that
    /// can.
    pub profile: Option<String>,
    /// Namespaces the profile names; empty names none.
    pub namespaces: Vec<String>,
    /// Labels the profile names, as `key=value`.
    pub labels: Vec<String>,
    /// Combination of the two.
    pub combine: Combine,
    /// `true` when pods seen on spot capacity move too.
    pub moves_spot: bool,
}

/// How the parts of a profile combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Combine {
    /// A pod moves that is in a named namespace and has every label.
    #[default]
    All,
    /// A pod moves that is in a named namespace or has one of the labels.
    Any,
}

impl Combine {
    /// Every word, the default first.
    pub const WORDS: &'static [&'static str] = &["all", "any"];

    /// Its word in `assumptions.toml` and in `analysis.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Any => "any",
        }
    }

    /// Reads its word; `None` for any other.
    pub fn of(word: &str) -> Option<Self> {
        [Self::All, Self::Any].into_iter().find(|one| one.as_str() == word)
    }
}

/// A reason for which pods stay on EC2, and what it costs that they do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Exclusion {
    /// Why they stay, as the workloads say it.
    pub reason: String,
    /// Workloads with such pods.
    pub workloads: u32,
    /// Pod-hours of them over the window.
    pub pod_hours: f64,
    /// Memory they reserve, in GiB-hours.
    pub memory_request_gib_hours: f64,
    /// `true` when a choice of the user keeps them: another choice would let them move.
    pub by_choice: bool,
    /// Cost that `emp` would save over the window if they moved too, from a replay in which they do; negative where it
    /// would cost more, `null` where no choice lets them, and where no pool was replayed.
    pub costs_usd: Option<f64>,
}

/// From one scenario's cost to another's, over lines priced in all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Waterfall {
    /// Where it begins: `ec2-today`.
    pub from: String,
    /// Where it ends: the scenario recommended, `emp` where that is none with another cost.
    pub to: String,
    /// Cost it begins with, measured on the reported hours and scaled to the window.
    pub from_usd: f64,
    /// Cost it ends with; the steps add up to the difference, to the nano-dollar before they are rounded.
    pub to_usd: f64,
    /// The steps, in order.
    pub steps: Vec<WaterfallStep>,
    /// The cost lines it is formed over.
    pub lines: Vec<String>,
}

/// One step of a waterfall.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WaterfallStep {
    /// Kind of change.
    pub what: WaterfallChange,
    /// The scenario reached with it; `null` inside a scenario.
    pub scenario: Option<String>,
    /// Addition to the cost; negative where it saves.
    pub usd: f64,
}

/// Kind of change on the way of a waterfall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WaterfallChange {
    /// From what was measured to the replay of it.
    BackTest,
    /// Nodes that nothing ran on, which every replay lets go.
    EmptyNodes,
    /// Repacked on EC2.
    Repack,
    /// Requests from usage.
    RightSize,
    /// Compute of a pool in place of EC2's.
    Overcommit,
    /// Lines that a pool has in another form.
    Pool,
    /// Every other line.
    Leftovers,
    /// The vendor's fee.
    Fee,
    /// Machines kept ready.
    Headroom,
    /// Spare hosts.
    SpareHosts,
    /// Work not done by the end.
    WorkOwed,
}

impl WaterfallChange {
    /// Its name in `analysis.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BackTest => "back_test",
            Self::EmptyNodes => "empty_nodes",
            Self::Repack => "repack",
            Self::RightSize => "right_size",
            Self::Overcommit => "overcommit",
            Self::Pool => "pool",
            Self::Leftovers => "leftovers",
            Self::Fee => "fee",
            Self::Headroom => "headroom",
            Self::SpareHosts => "spare_hosts",
            Self::WorkOwed => "work_owed",
        }
    }
}

/// Saving of elastic VMs that run already: Before less After, and the fee on that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Realised {
    /// Hours of elastic VMs seen.
    pub evm_hours: f64,
    /// Elastic VMs seen by instance type, in hours, most first.
    pub evm_types: Vec<(String, f64)>,
    /// Cost as EC2 instances at contracted prices; `null` where one has no type or price.
    pub before_usd: Option<f64>,
    /// Cost of their hosts, as the user says; no metric of the cluster shows hosts. `null` where it was not said.
    pub after_usd: Option<f64>,
    /// The fee on the difference; `null` where that is not known.
    pub fee_usd: Option<f64>,
    /// Saving that is left; negative where there is a loss.
    pub saving_usd: Option<f64>,
}

/// Plan of what to build: the pool that is recommended, else `emp`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Plan {
    /// Scenario it builds; `null` in analyses that predate it, where it is `emp`.
    #[serde(default)]
    pub scenario: Option<String>,
    /// The host type of the pool.
    pub host_type: String,
    /// Spare hosts of each zone that the scenario is priced with; they come on top of `hosts` and of those in `pools`.
    #[serde(default)]
    pub spare_hosts_per_zone: u32,
    /// Fewest and most hosts at once, after the warm-up.
    pub hosts: (u32, u32),
    /// Elastic VMs by type, in hours over the window, most first.
    pub evm_types: Vec<(String, f64)>,
    /// Elastic VMs and hosts in each zone and of each type, by zone.
    #[serde(default)]
    pub pools: Vec<PoolPlan>,
    /// Memory of elastic VMs on a host, as a multiple of its own; `null` in analyses that predate it.
    #[serde(default)]
    pub memory_overcommit: Option<f64>,
    /// vCPU of elastic VMs on a host, as a multiple of its threads.
    #[serde(default)]
    pub cpu_overcommit: Option<f64>,
    /// Steps in order; each is a replay of everything moved up to and with it. None where no pool is cheaper than today.
    pub waves: Vec<Wave>,
}

/// Hosts and elastic VMs of a pool in one zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PoolPlan {
    /// The zone; `null` where the nodes' zone is not known.
    pub zone: Option<String>,
    /// Fewest and most hosts at once, after the first day.
    pub hosts: (u32, u32),
    /// Fewest and most elastic VMs at once, after the first day, by instance type.
    pub evms: Vec<(String, u32, u32)>,
}

/// One step of a migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Wave {
    /// Namespaces that move in it.
    pub namespaces: Vec<String>,
    /// Cost of everything moved so far, over the window.
    pub total_usd: Option<f64>,
    /// Saving of everything moved so far against `ec2-today-replayed`, on whose machines the rest stays, over the
    /// window.
    pub saving_usd: Option<f64>,
    /// Of that, by this step alone.
    pub marginal_saving_usd: Option<f64>,
    /// Today's machines of these pods for two weeks beside the new ones: what running both costs.
    pub dual_running_usd: Option<f64>,
    /// Days until the step has paid for that; `null` where it never does.
    pub payback_days: Option<f64>,
}
