//! One line of a bill, whatever the export calls its columns.

use std::borrow::Cow;

use types::CapacityType;

use crate::amount::Pico;

/// Purpose of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Something was used.
    Usage,
    /// A discount negotiated with AWS on everything (EDP), as a line of its own.
    Edp,
    /// Another discount, as a line of its own.
    Discount,
    /// A credit or a refund.
    Credit,
    /// A tax.
    Tax,
    /// A fee that no usage is behind, such as that of a support plan.
    Fee,
    /// A commitment's fee, of which `billed` is what nothing used.
    Commitment,
}

/// Way in which usage was bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purchase {
    /// On-demand.
    OnDemand,
    /// Spot.
    Spot,
    /// Under a Savings Plan.
    SavingsPlan,
    /// Under a reservation.
    Reserved,
}

impl Purchase {
    /// Its name in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => CapacityType::OnDemand.as_str(),
            Self::Spot => CapacityType::Spot.as_str(),
            Self::SavingsPlan => "savings-plan",
            Self::Reserved => "reserved",
        }
    }

    /// Capacity type of a machine bought so.
    pub(crate) const fn capacity_type(self) -> CapacityType {
        match self {
            Self::Spot => CapacityType::Spot,
            Self::OnDemand | Self::SavingsPlan | Self::Reserved => CapacityType::OnDemand,
        }
    }
}

/// The commitment behind a charge.
#[derive(Debug, Clone, Default)]
pub struct Commitment<'r> {
    /// Its ARN.
    pub id: Cow<'r, str>,
    /// Kind, as AWS calls it.
    pub offering: Cow<'r, str>,
    /// Family it is limited to; empty where it is not, or the export does not say.
    pub family: Cow<'r, str>,
    /// Region it is limited to; empty likewise.
    pub region: Cow<'r, str>,
    /// End of its term, as the export says it.
    pub ends: Cow<'r, str>,
    /// Amount committed to in the charge's time; of a fee only.
    pub committed: Option<Pico>,
    /// Part of it that was used; of a fee only.
    pub used: Option<Pico>,
}

/// One line of a bill. Amounts are what is paid for that usage in the end: commitments spread over what they cover,
/// negotiated discounts taken off where the export has amounts after them.
#[derive(Debug, Clone)]
pub struct Charge<'r> {
    /// First second.
    pub start: i64,
    /// First second after.
    pub end: i64,
    /// Purpose.
    pub kind: Kind,
    /// Code of the service, such as `AmazonEC2`.
    pub service: Cow<'r, str>,
    /// Usage type, such as `USE1-BoxUsage:m5.large`.
    pub usage_type: Cow<'r, str>,
    /// Operation, such as `RunInstances`.
    pub operation: Cow<'r, str>,
    /// Resource, as an id or an ARN; empty without one.
    pub resource: Cow<'r, str>,
    /// Way in which it was bought.
    pub purchase: Purchase,
    /// Quantity used.
    pub quantity: Option<Pico>,
    /// At public on-demand prices.
    pub list: Option<Pico>,
    /// Before discounts that were negotiated, where the export has amounts before and after.
    pub gross: Option<Pico>,
    /// Paid.
    pub billed: Pico,
    /// The commitment behind it.
    pub commitment: Option<Commitment<'r>>,
    /// EKS cluster that its tags or its ARN name.
    pub cluster: Option<String>,
    /// Persistent volume claim that its tags name.
    pub claim: Option<String>,
    /// Currency.
    pub currency: Cow<'r, str>,
}

impl Charge<'_> {
    /// Seconds it spans, one at least.
    pub(crate) fn span(&self) -> i64 {
        self.end.saturating_sub(self.start).max(1)
    }
}
