//! Conclusions of an analysis: the content of `analysis.json`, the contract between analyzer and reports.
//!
//! Field names carry their units. `null` means "not known" or "not modelled" and is explained by a note;
//! it never stands for zero. Fields are only ever added: a reader ignores those it does not know.

mod back_test;
mod bill;
mod grade;
mod inventory;
mod invoice;
mod limit_remedies;
mod missing_samples;
mod note;
mod price_origin;
mod replay_results;
mod rightsizing;
mod scenario;
mod steps;
mod utilisation;
mod verdict;
mod waste;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{CommitmentKind, HourSource};

pub use back_test::BackTest;
pub use bill::{
    Allocation, ClaimCost, Evidence, EvidenceLine, GroupCost, LabelCost, LabelWorkload, NamespaceCost, OverheadCost,
    Raise, Shares, WorkloadCost,
};
pub use grade::{Grade, GradeReason};
pub use inventory::{Inventory, Movable, NamespaceUsage, NodeGroup};
pub use invoice::{
    BillCompared, BillExport, BillHours, BillLine, BilledCommitment, BilledElsewhere, BilledMachine, BilledPurchase,
    BilledUnit, INVOICE_SCHEMA, Invoice, NegotiatedDiscount, OnlyBilled, OnlySeen,
};
pub use limit_remedies::Mend;
pub use missing_samples::{Silence, SilentHour};
pub use note::{Gravity, Note};
pub use price_origin::{PriceKind, PriceLayer, PriceOrigin};
pub use replay_results::{
    BreakEven, Combine, Exclusion, HostConsidered, Mobility, Plan, PoolPlan, Realised, Risk, ScenarioHour, Selection,
    TornadoBar, Waterfall, WaterfallChange, WaterfallStep, Wave, WhatIf, WhatIfPoint, WorkloadMovability, WorstSlot,
};
pub use rightsizing::{Caution, ContainerSize, RightSizing, SkipReason, SkippedContainer};
pub use scenario::{
    COST_LINES, CommitmentUse, ComputeCost, CostItem, CostLines, ExactLines, MachineHours, MachineRole, Scenario,
    Unpriced, Variant,
};
pub use steps::{Amount, CommitmentOffer, NextSteps, OfferPrices, Step, StepKind};
pub use utilisation::{
    Coincidence, CoincidenceRow, Distribution, HourPoint, ResourceUtilisation, SafeOvercommit, Spread, Steal,
    Utilisation,
};
pub use verdict::{
    AfterExpiry, Amounts, Confidence, ConfidenceLevel, Doubt, Flip, Headroom, Judged, LEAST_SAVING_FRACTION, Limit,
    LimitCheck, MOST_SILENT_FRACTION, Reason, Remedy, RemedyKind, ScenarioId, StrandedMonth, Verdict, WorkOwed,
    ZoneHosts, saves_most,
};
pub use waste::{Waste, WasteKind, WastePart};

/// The value of [`Analysis::schema`] this version writes.
pub const SCHEMA: &str = "emp-cost/analysis/v1";

/// Everything one analysis of one cluster concludes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Analysis {
    /// Name and version of this layout: [`SCHEMA`].
    pub schema: String,
    /// The cluster, as it is named in the lake.
    pub cluster_id: String,
    /// AWS region of the nodes; `null` when no node says it or they disagree.
    pub region: Option<String>,
    /// Currency of every amount, those called `usd` too: `USD`, or `CNY` in the regions of China, where AWS bills in it.
    #[serde(default = "dollars")]
    pub currency: String,
    /// The hours the analysis stands on.
    pub window: WindowCoverage,
    /// Nodes, pods and volumes of the cluster.
    pub inventory: Inventory,
    /// Use of the cluster.
    pub utilisation: Utilisation,
    /// Today's bill by who causes it; `null` in analyses that predate it.
    #[serde(default)]
    pub allocation: Option<Allocation>,
    /// Grades of today's bill by how well it is known; `null` in analyses that predate it.
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
    /// Notes that a reader must know beside the numbers, gravest first.
    pub notes: Vec<Note>,
    /// `ec2-today-replayed` over `ec2-today`, compute alone: how much cheaper the engine is than the cluster was; `null`
    /// where nothing could be replayed.
    #[serde(default)]
    pub model_optimism: Option<f64>,
    /// Bare-metal types, the cheapest bound first.
    #[serde(default)]
    pub hosts_considered: Vec<HostConsidered>,
    /// Results under other assumptions; `null` where nothing could be replayed on elastic VMs.
    #[serde(default)]
    pub what_if: Option<WhatIf>,
    /// Which workloads can move, most reserved memory first.
    #[serde(default)]
    pub movability: Vec<WorkloadMovability>,
    /// Selection of the pods that move; `null` where nothing was replayed.
    #[serde(default)]
    pub selection: Option<Selection>,
    /// Why pods stay on EC2, by reason, the most memory first.
    #[serde(default)]
    pub exclusions: Vec<Exclusion>,
    /// From today's cost to that of the scenario recommended, step by step; `null` where nothing was replayed.
    #[serde(default)]
    pub waterfall: Option<Waterfall>,
    /// Saving of elastic VMs that are there already, by the vendor's definition; `null` where there are none.
    #[serde(default)]
    pub realised: Option<Realised>,
    /// The replay of today's machines beside what was measured; `null` where nothing was replayed.
    #[serde(default)]
    pub back_test: Option<BackTest>,
    /// Use of pods without a sample, by hour of the day; `null` where nothing was replayed.
    #[serde(default)]
    pub silence: Option<Silence>,
    /// Plan of what to build; `null` unless elastic VMs are recommended or come close.
    #[serde(default)]
    pub plan: Option<Plan>,
    /// Waste: what is paid for and does no work; `null` in analyses that predate it, and where today's bill is not
    /// given out.
    #[serde(default)]
    pub waste: Option<Waste>,
    /// Steps to take, ranked by what they save; `null` in analyses that predate it.
    #[serde(default)]
    pub next_steps: Option<NextSteps>,
    /// Requests that usage says containers need; `null` in analyses that predate it.
    #[serde(default)]
    pub right_sizing: Option<RightSizing>,
    /// The bill of AWS beside today's; `null` where none was given.
    #[serde(default)]
    pub invoice: Option<Invoice>,
    /// Where the numbers come from.
    pub provenance: Provenance,
}

/// The currency of analyses that predate its field.
fn dollars() -> String {
    "USD".to_owned()
}

/// The hours asked for and those that are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

impl WindowCoverage {
    /// Factor from a number over the present hours to a month of 730 hours; `None` without an hour.
    pub fn months(&self) -> Option<f64> {
        (self.hours_present > 0).then(|| crate::HOURS_PER_MONTH / f64::from(self.hours_present))
    }
}

/// Hours that came from one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SourceHours {
    /// The source.
    pub source: HourSource,
    /// Number of hours.
    pub hours: u32,
    /// Start of the first of them.
    pub first: DateTime<Utc>,
    /// End of the last of them.
    pub last: DateTime<Utc>,
}

/// Saving of moving from one scenario to another, over lines priced in both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

/// One assumption in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Assumption {
    /// Its key in `assumptions.toml`.
    pub key: String,
    /// Its value in force.
    pub value: String,
    /// Unit of the value; empty for a ratio or a name.
    pub unit: String,
    /// Its default.
    pub default: String,
    /// `true` when the user changed it.
    pub changed: bool,
    /// Where the default comes from.
    pub source: String,
    /// Effect of the assumption.
    pub effect: String,
}

/// Where the numbers come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Hours replayed of all scenarios together, as a multiple of the hours present; `null` where nothing was replayed.
    #[serde(default)]
    pub replays: Option<f64>,
    /// Discounts and commitments in force; `null` in analyses that predate it.
    #[serde(default)]
    pub agreed: Option<AgreedPrices>,
}

/// What is agreed with AWS beside its list prices, as the prices file has it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgreedPrices {
    /// Share off every list price; zero without one.
    pub discount_fraction: f64,
    /// Share off list prices of bare metal, where that has one of its own.
    pub bare_metal_discount_fraction: Option<f64>,
    /// Commitments that have not expired by the end of the window, in the order in which they are consumed.
    pub commitments: Vec<AgreedCommitment>,
}

/// One commitment to AWS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgreedCommitment {
    /// Its name in the prices file.
    pub name: String,
    /// Its kind.
    pub kind: CommitmentKind,
    /// Amount paid for each hour, used or not.
    pub usd_per_hour: f64,
}

/// A list of prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
