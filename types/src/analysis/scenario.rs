//! Scenarios and what they cost, line by line.

use serde::{Deserialize, Serialize};

pub use cost_lines::{CostLines, ExactLines};

use super::note::Note;
use super::price_origin::PriceOrigin;
use super::replay_results::{Risk, ScenarioHour};
use crate::{CapacityType, CommitmentKind, NanoUsd};

/// Number of cost lines.
pub const COST_LINES: usize = cost_lines::COUNT;

/// One way to run the cluster, and what it costs over the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Scenario {
    /// Stable id, such as `ec2-today`.
    pub id: String,
    /// Name for people.
    pub label: String,
    /// Cost over the window, by line.
    pub cost_usd: CostLines,
    /// True when something is not known that could differ between scenarios, so that comparing totals may mislead: a line
    /// that machines decide, or the price of a node that could be replaced. What costs the same in all and has no price is
    /// in `unpriced` alone, and what nobody named (network, licences) is in neither.
    pub partial: bool,
    /// The total scaled to a month of 730 hours; `null` without a total.
    pub monthly_usd: Option<f64>,
    /// The same usage at list, contracted and effective prices; `null` where that is not modelled.
    #[serde(default)]
    pub compute_cost: Option<ComputeCost>,
    /// Machines by type, with the price each was given.
    pub machine_hours: Vec<MachineHours>,
    /// Items of the lines other than compute, by line, then name.
    #[serde(default)]
    pub items: Vec<CostItem>,
    /// Usage that could not be priced; outside every total.
    pub unpriced: Vec<Unpriced>,
    /// Lower bound of its compute cost, fee and boots left out; `null` where it was not replayed.
    #[serde(default)]
    pub lower_bound_usd: Option<f64>,
    /// Risk on the machines, outside the first day; `null` where it was not replayed.
    #[serde(default)]
    pub risk: Option<Risk>,
    /// Machines in each hour present, oldest first; empty where it was not replayed.
    #[serde(default)]
    pub by_hour: Vec<ScenarioHour>,
    /// The same scenario under other readings of what is assumed, for comparison.
    pub variants: Vec<Variant>,
    /// Notes about this scenario.
    pub notes: Vec<Note>,
}

/// The one place where cost lines are named: each becomes a field of [`CostLines`] and of [`ExactLines`].
mod cost_lines {
    use crate::NanoUsd;
    use serde::{Deserialize, Serialize};

    macro_rules! cost_lines {
        ($( $(#[doc = $doc:literal])+ $name:ident; )+) => {
            pub(super) const COUNT: usize = [$(stringify!($name)),+].len();

            /// Cost over the window in USD. `null`: not modelled in this scenario, and then in no total.
            #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
            #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
                /// The line of a name; `None` also where there is no such line.
                pub fn line(&self, name: &str) -> Option<NanoUsd> {
                    self.named().into_iter().find(|(of, _)| *of == name)?.1
                }

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
        /// EC2 instances, bare-metal hosts included, at effective cost; unused commitments and spare hosts apart.
        compute;
        /// Fargate pods.
        fargate;
        /// Root disks of nodes.
        root_disks;
        /// Persistent volumes of pods.
        volumes;
        /// The fee of EKS Auto Mode on the nodes it manages.
        auto_mode;
        /// Surplus CPU credits of burstable machines in unlimited mode; as today in every scenario.
        cpu_credits;
        /// EKS control plane, extended support and the fee for hybrid nodes with it.
        control_plane;
        /// NAT gateways and interface endpoints, as assumptions count them.
        network;
        /// Load balancers by the hour, without their capacity units; as today in every scenario.
        load_balancers;
        /// Public IPv4 addresses of nodes and, the least there are, of load balancers; as today in every scenario.
        public_ipv4;
        /// Licences paid per node.
        licences;
        /// Commitments paid and not used.
        unused_commitments;
        /// NAT gateways that an elastic machine pool needs in each of its zones; zero in scenarios without one.
        pool_network;
        /// Hosts that stand empty so that a lost one can be taken over from, their disks among it; zero in scenarios without.
        spare_hosts;
        /// Work of jobs, CronJobs and bare pods that is still owed at the end, at what a scenario's own work costs; zero today,
        /// which owes none.
        work_owed;
        /// The fee of the elastic machine pool's vendor.
        fee;
    }
}

impl ExactLines {
    /// The sum of what is priced; `None` when nothing is.
    pub fn total(&self) -> Option<NanoUsd> {
        let priced: Vec<_> = self.named().into_iter().filter_map(|(_, line)| line).collect();
        (!priced.is_empty()).then(|| priced.into_iter().sum())
    }

    /// Cost of all machines, spare hosts among them; `None` where the compute of it is not known.
    pub fn machines(&self) -> Option<NanoUsd> {
        Some(self.compute? + self.spare_hosts.unwrap_or_default())
    }

    /// Returns true when a line is missing that could differ between scenarios. Fargate, volumes, the control plane and
    /// the like cost the same in all of them; licences are none where nobody names any.
    pub fn partial(&self) -> bool {
        [self.compute, self.root_disks, self.unused_commitments, self.pool_network, self.fee].contains(&None)
    }

    /// Returns what `self` costs more than `other`, over the lines priced in both, with what `self` costs over them and
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CommitmentUse {
    /// Its name in the prices file.
    pub name: String,
    /// Its kind.
    pub kind: CommitmentKind,
    /// Paid in the hours present before it expired.
    pub committed_usd: f64,
    /// Of that, used.
    pub used_usd: f64,
    /// Of that, not used.
    pub unused_usd: f64,
    /// Cost that the usage it covered would have had without it.
    pub covered_on_demand_usd: f64,
    /// `used_usd / committed_usd`; `null` when it had expired before the window.
    pub utilisation: Option<f64>,
}

/// Role of a machine. Ordered by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum MachineRole {
    /// An elastic VM, which AWS does not bill.
    Evm,
    /// A bare-metal host of elastic VMs.
    Host,
    /// A node on EC2.
    Node,
}

impl MachineRole {
    /// Its name in `analysis.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evm => "evm",
            Self::Host => "host",
            Self::Node => "node",
        }
    }
}

/// Hours of one kind of machine at one price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MachineHours {
    /// What it is: a node, a host or an elastic VM.
    pub kind: MachineRole,
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

impl MachineHours {
    /// Capacity type; `None` where it is not known.
    pub fn capacity(&self) -> Option<CapacityType> {
        CapacityType::of(&self.capacity_type)
    }

    /// Returns true for EC2 nodes that are bought on demand.
    pub fn are_on_demand_nodes(&self) -> bool {
        self.kind == MachineRole::Node && self.capacity() == Some(CapacityType::OnDemand)
    }
}

/// A quantity at a price, part of a cost line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CostItem {
    /// The cost line: `fargate`, `volumes` or `control_plane`.
    pub line: String,
    /// Name of the item, such as `gp3 storage`.
    pub what: String,
    /// Quantity over the window.
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

/// Something that has no price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unpriced {
    /// Name of the thing.
    pub what: String,
    /// Quantity.
    pub quantity: f64,
    /// Unit of `quantity`, such as `node-hour`.
    pub unit: String,
    /// Why it has no price, and what would give it one.
    pub reason: String,
}

/// A scenario under another reading of its assumptions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Variant {
    /// Name of the variant.
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
