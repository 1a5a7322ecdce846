//! The bill of AWS beside the analysis: what was estimated, what was billed, and what is in one of them alone.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Note;
use crate::CommitmentKind;

/// The value of [`Invoice::schema`] this version writes.
pub const INVOICE_SCHEMA: &str = "emp-cost/invoice/v1";

/// A bill held against the analysis of a cluster, over the hours that are in both. Amounts are in the currency of the
/// cluster's region; those billed are effective: commitments spread over what they cover, negotiated discounts taken off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Invoice {
    /// Name and version of this layout: [`INVOICE_SCHEMA`].
    pub schema: String,
    /// The cluster, as it is named in the lake.
    pub cluster_id: String,
    /// Currency of every amount.
    pub currency: String,
    /// The export that was read.
    pub export: BillExport,
    /// The hours compared.
    pub hours: BillHours,
    /// The lines where both sides have an amount, added up; `null` where there is none.
    pub compared: Option<BillCompared>,
    /// Every line with an amount on either side.
    pub lines: Vec<BillLine>,
    /// Prices of machines, as billed, dearest first.
    pub machines: Vec<BilledMachine>,
    /// Prices of everything else of this cluster, as billed, by line and name.
    pub units: Vec<BilledUnit>,
    /// Discount negotiated off list prices; `null` where the export has no list prices.
    pub discount: Option<NegotiatedDiscount>,
    /// Commitments in the bill, those this cluster uses most first.
    pub commitments: Vec<BilledCommitment>,
    /// In the bill and not in the lake: what the cluster's tags name and the lake did not see, dearest first.
    pub only_billed: Vec<OnlyBilled>,
    /// In the lake and not in the bill, dearest first.
    pub only_seen: Vec<OnlySeen>,
    /// Of the rest of the bill: other clusters, and what no tag says to whom it belongs, dearest first.
    pub elsewhere: Vec<BilledElsewhere>,
    /// Notes that a reader must know beside the numbers, gravest first.
    pub notes: Vec<Note>,
}

/// The export that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BillExport {
    /// Where it is.
    pub location: String,
    /// Its format, such as `CUR 2.0` or `FOCUS 1.0`.
    pub format: String,
    /// Files read.
    pub files: u32,
    /// Lines read.
    pub lines: u64,
    /// First moment of usage in it.
    pub start: DateTime<Utc>,
    /// End of its last usage.
    pub end: DateTime<Utc>,
    /// Hours that a line of usage spans: 1, 24 for a daily export, or a month's.
    pub hours_per_line: u32,
    /// EKS clusters that tags or ARNs name and that are taken for this one.
    pub cluster_names: Vec<String>,
}

/// The hours compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BillHours {
    /// Hours of the lake in the window.
    pub in_lake: u32,
    /// Of those, hours that the export covers too; only these count.
    pub in_both: u32,
    /// First of them.
    pub start: DateTime<Utc>,
    /// End of the last of them.
    pub end: DateTime<Utc>,
}

/// Both sides over the lines where both have an amount.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BillCompared {
    /// As this program prices what it saw.
    pub estimated_usd: f64,
    /// As billed.
    pub billed_usd: f64,
    /// `estimated_usd / billed_usd - 1`: how far the estimate is above the bill; `null` where nothing was billed.
    pub deviation: Option<f64>,
    /// The lines.
    pub lines: Vec<String>,
}

/// One line of the bill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BillLine {
    /// Its name: that of the cost line, or one the analysis does not have, such as `data_transfer` or `support`.
    pub line: String,
    /// As this program prices it; `null` where it does not.
    pub estimated_usd: Option<f64>,
    /// This cluster's usage at public on-demand prices; `null` where the export does not say.
    pub list_usd: Option<f64>,
    /// Billed for this cluster; `null` where no line of the bill is known to be this cluster's.
    pub billed_usd: Option<f64>,
    /// Billed for other clusters, and where nothing says to whom it belongs.
    pub elsewhere_usd: f64,
}

/// Machines of one type, as the lake saw them and as they were billed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BilledMachine {
    /// EC2 instance type.
    pub instance_type: String,
    /// `on-demand` or `spot`.
    pub capacity_type: String,
    /// Hours that the lake saw.
    pub seen_hours: f64,
    /// Hours billed of the same instances.
    pub billed_hours: f64,
    /// Price used by the analysis; `null` without one.
    pub estimated_usd_per_hour: Option<f64>,
    /// Public on-demand price in the bill; `null` where the export does not say.
    pub list_usd_per_hour: Option<f64>,
    /// Price of an hour in the end.
    pub billed_usd_per_hour: Option<f64>,
    /// Billed.
    pub billed_usd: f64,
    /// The same by how it was bought.
    pub purchases: Vec<BilledPurchase>,
}

/// Part of machines of one type that was bought in one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BilledPurchase {
    /// `on-demand`, `spot`, `savings-plan` or `reserved`.
    pub purchase: String,
    /// Hours.
    pub hours: f64,
    /// Public on-demand price; `null` where the export does not say.
    pub list_usd_per_hour: Option<f64>,
    /// Price of an hour in the end.
    pub billed_usd_per_hour: Option<f64>,
    /// Billed.
    pub billed_usd: f64,
}

/// A quantity of something other than machines, as billed for this cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BilledUnit {
    /// The line.
    pub line: String,
    /// Usage type without its region, such as `VolumeUsage.gp3`.
    pub what: String,
    /// Quantity billed.
    pub quantity: f64,
    /// At list price, one unit; `null` where the export does not say.
    pub list_usd_per_unit: Option<f64>,
    /// Price of one unit in the end.
    pub billed_usd_per_unit: Option<f64>,
    /// Billed.
    pub billed_usd: f64,
}

/// Discount negotiated with AWS, as far as the cluster's on-demand usage shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NegotiatedDiscount {
    /// On-demand usage of this cluster at list prices.
    pub list_usd: f64,
    /// The same as billed.
    pub billed_usd: f64,
    /// Share taken off; `null` where nothing is at list.
    pub fraction: Option<f64>,
    /// True when it is the same share on every instance type, as an EDP is.
    pub uniform: bool,
    /// Of it, what lines or columns of the bill name as EDP.
    pub edp_usd: f64,
}

/// One commitment in the bill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BilledCommitment {
    /// Its ARN.
    pub id: String,
    /// Its kind.
    pub kind: CommitmentKind,
    /// Family it is limited to, where that is known.
    pub family: Option<String>,
    /// Region it is limited to, where that is known.
    pub region: Option<String>,
    /// Paid for these hours, by the whole account.
    pub committed_usd: f64,
    /// Of that, used.
    pub used_usd: f64,
    /// Of that, not used.
    pub unused_usd: f64,
    /// `used_usd / committed_usd`; `null` where nothing was paid.
    pub utilisation: Option<f64>,
    /// Of what was used, by this cluster.
    pub by_this_cluster_usd: f64,
    /// Cost that this cluster's covered usage would have had on demand.
    pub covered_list_usd: f64,
    /// Share it takes off the on-demand price of this cluster's usage; `null` where that is not known.
    pub discount_fraction: Option<f64>,
    /// End of its term, as the bill says it.
    pub ends: Option<String>,
}

/// Something that was billed for this cluster and is not in the lake.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OnlyBilled {
    /// The line.
    pub line: String,
    /// Resource, as the bill names it; empty for those that are too many to list.
    pub resource: String,
    /// Usage type without its region, or the claim a volume was made for.
    pub what: String,
    /// Reason that it is here: `not_seen` (never in the lake), `other_hours` (in the lake, but not in these hours).
    pub reason: String,
    /// Quantity billed.
    pub quantity: f64,
    /// Billed.
    pub billed_usd: f64,
}

/// Something that the lake saw and that was not billed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OnlySeen {
    /// The line.
    pub line: String,
    /// Id of the instance or the volume.
    pub resource: String,
    /// Name of the node, or `namespace/claim`.
    pub name: String,
    /// Instance type or volume type; empty where it is not known.
    pub what: String,
    /// Hours in which the lake saw it and the bill does not have it.
    pub hours: f64,
    /// Amount the analysis charges for them; `null` without a price.
    pub estimated_usd: Option<f64>,
}

/// A part of the bill that is not this cluster's, or not known to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BilledElsewhere {
    /// Another cluster that tags or ARNs name; `null` where nothing says to whom it belongs.
    pub cluster: Option<String>,
    /// The line.
    pub line: String,
    /// Service, for what no line of its own is for; else empty.
    pub service: String,
    /// Billed.
    pub billed_usd: f64,
}
