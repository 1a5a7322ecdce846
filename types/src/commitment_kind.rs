//! Kinds of commitment to AWS.

use serde::{Deserialize, Serialize};

/// Kinds of commitment, in the order in which AWS consumes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CommitmentKind {
    /// Reserved instances of a family in a region, flexible in size.
    ReservedInstances,
    /// A savings plan for a family in a region.
    Ec2InstanceSavingsPlan,
    /// A savings plan for any machine.
    ComputeSavingsPlan,
}

impl CommitmentKind {
    /// Its name in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReservedInstances => "reserved-instances",
            Self::Ec2InstanceSavingsPlan => "ec2-instance-savings-plan",
            Self::ComputeSavingsPlan => "compute-savings-plan",
        }
    }
}
