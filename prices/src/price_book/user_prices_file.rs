//! The user's own prices: `prices.toml`, as it is written.

use serde::Deserialize;
use types::{CapacityType, CommitmentKind};

use crate::machine_kind::{MachineKind, OperatingSystem};

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserPrices {
    /// Currency of every amount in the file; `USD` when absent.
    currency: Option<String>,
    #[serde(default)]
    pub(super) node: Vec<UserNode>,
    #[serde(default)]
    pub(super) spot: Vec<UserSpot>,
    #[serde(default)]
    pub(super) volume: Vec<UserVolume>,
    #[serde(default)]
    pub(super) item: Vec<UserItem>,
    #[serde(default)]
    pub(super) licence: Vec<UserLicence>,
    #[serde(default)]
    pub(super) commitment: Vec<UserCommitment>,
    pub(super) control_plane: Option<UserControlPlane>,
    pub(super) discount: Option<UserDiscount>,
    #[serde(default)]
    pub(super) bare_metal: UserBareMetal,
}

/// The price of machines: of a type, of a node group, or of one node.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserNode {
    pub(super) instance_type: Option<String>,
    /// Absent: every region.
    pub(super) region: Option<String>,
    pub(super) node_group: Option<String>,
    pub(super) node: Option<String>,
    #[serde(default)]
    pub(super) capacity_type: CapacityType,
    pub(super) usd_per_hour: f64,
    #[serde(default)]
    pub(super) unusual: bool,
    #[serde(default)]
    pub(super) date: String,
    /// Origin of the price: `invoice`, or nothing for what somebody says.
    #[serde(default)]
    pub(super) source: String,
}

/// Spot price as a fraction of the on-demand list price.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserSpot {
    /// Absent: every type.
    pub(super) instance_type: Option<String>,
    pub(super) region: Option<String>,
    pub(super) fraction_of_on_demand: f64,
    #[serde(default)]
    pub(super) date: String,
    /// Origin of the price: `invoice`, or nothing for what somebody says.
    #[serde(default)]
    pub(super) source: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserVolume {
    pub(super) volume_type: String,
    pub(super) region: Option<String>,
    pub(super) usd_per_gib_month: f64,
    #[serde(default)]
    pub(super) unusual: bool,
    #[serde(default)]
    pub(super) date: String,
    /// Origin of the price: `invoice`, or nothing for what somebody says.
    #[serde(default)]
    pub(super) source: String,
}

/// The price of another item of the catalog, by its name there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserItem {
    pub(super) item: String,
    pub(super) region: Option<String>,
    pub(super) usd_per_unit: f64,
    #[serde(default)]
    pub(super) unusual: bool,
    #[serde(default)]
    pub(super) date: String,
    /// Origin of the price: `invoice`, or nothing for what somebody says.
    #[serde(default)]
    pub(super) source: String,
}

/// Licence fee per node that is not paid to AWS.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserLicence {
    pub(super) name: String,
    pub(super) usd_per_node_hour: f64,
    /// Absent: every type.
    pub(super) instance_type: Option<String>,
    pub(super) node_group: Option<String>,
    #[serde(default)]
    pub(super) date: String,
}

/// A commitment to AWS, per hour.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserCommitment {
    pub(super) name: String,
    pub(super) kind: CommitmentKind,
    pub(super) usd_per_hour: f64,
    pub(super) family: Option<String>,
    pub(super) region: Option<String>,
    /// Off the on-demand price of what it covers.
    pub(super) discount_fraction: Option<f64>,
    /// Term as in AWS's list, such as `1yr`; with `payment`, selects imported rates.
    pub(super) term: Option<String>,
    /// Payment option as in AWS's list, such as `No Upfront`.
    pub(super) payment: Option<String>,
    /// First day on which it is not paid any more.
    pub(super) expires: Option<chrono::NaiveDate>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserControlPlane {
    /// Price of the whole control plane. Absent: the list price, with `tier`.
    pub(super) usd_per_hour: Option<f64>,
    /// A tier of the provisioned control plane, such as `xl`, which no metric shows.
    pub(super) tier: Option<String>,
    #[serde(default)]
    pub(super) unusual: bool,
    #[serde(default)]
    pub(super) date: String,
    /// Origin of the price: `invoice`, or nothing for what somebody says.
    #[serde(default)]
    pub(super) source: String,
}

/// Discount negotiated with AWS on everything (EDP).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserDiscount {
    pub(super) edp_fraction: f64,
}

/// Bare metal: what it costs, and of which types hosts may be.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserBareMetal {
    /// Off list prices of bare metal, in place of the discount on everything.
    pub(super) discount_fraction: Option<f64>,
    /// Types of which a pool may have hosts; empty for all.
    #[serde(default)]
    pub(super) hosts: Vec<String>,
}

impl UserNode {
    pub(super) fn what(&self) -> String {
        let mut what = self.capacity_type.to_string();
        let parts = [("", &self.instance_type), ("node group ", &self.node_group), ("node ", &self.node)];
        for (prefix, value) in parts {
            if let Some(value) = value {
                what.push_str(&format!(" {prefix}`{value}`"));
            }
        }
        describe(&what, &self.region)
    }
}

impl UserCommitment {
    pub(super) fn what(&self) -> String {
        format!("commitment `{}`", self.name)
    }
}

impl UserPrices {
    /// The currency of every amount in the file.
    pub(super) fn currency(&self) -> &str {
        self.currency.as_deref().unwrap_or("USD")
    }
}

pub(super) fn describe(what: &str, region: &Option<String>) -> String {
    match region {
        Some(region) => format!("{what} in `{region}`"),
        None => what.to_owned(),
    }
}

impl UserNode {
    /// Returns true when this row prices such a machine. A row for a type prices Linux only; machines with another
    /// operating system are priced by a row for their node group or for the node.
    pub(super) fn is_of(&self, machine: &MachineKind) -> bool {
        let is = |row: &Option<String>, of: Option<&str>| row.is_none() || row.as_deref() == of;
        let named = self.node.is_some() || self.node_group.is_some();
        (named || machine.os == OperatingSystem::Linux)
            && self.capacity_type == machine.capacity_type
            && is(&self.instance_type, Some(&machine.instance_type))
            && is(&self.region, Some(&machine.region))
            && is(&self.node_group, machine.node_group.as_deref())
            && is(&self.node, machine.node.as_deref())
    }

    /// Specificity: a row for a node comes before one for a node group, a type, a region.
    pub(super) fn particular(&self) -> (bool, bool, bool, bool) {
        (self.node.is_some(), self.node_group.is_some(), self.instance_type.is_some(), self.region.is_some())
    }
}
