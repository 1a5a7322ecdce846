//! The formats of exports, told by their columns.

use crate::cluster_tags::plain;

/// Kind of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// A Cost and Usage Report with names such as `lineItem/UsageStartDate`.
    Cur,
    /// A Cost and Usage Report as a table, with names such as `line_item_usage_start_date`.
    CurTable,
    /// CUR 2.0, whose tags are one column.
    Cur2,
    /// FOCUS 1.0.
    Focus10,
    /// FOCUS 1.1 or later, with `SkuMeter`.
    Focus11,
    /// FOCUS 1.2 or later, with the invoice's issuer and the pricing currency.
    Focus12,
}

impl Format {
    /// The format of a file with these columns; `None` when it is no export.
    pub(crate) fn of(names: &[String]) -> Option<Self> {
        let has = |name: &str| names.iter().any(|there| plain(there) == plain(name));
        let spelled = |name: &str| names.iter().any(|there| there == name);
        if has("ChargePeriodStart") {
            return Some(match (has("PricingCurrency"), has("SkuMeter")) {
                (true, _) => Self::Focus12,
                (false, true) => Self::Focus11,
                (false, false) => Self::Focus10,
            });
        }
        if !has("lineItem/UsageStartDate") {
            return None;
        }
        Some(match (names.iter().any(|name| name.contains('/')), spelled("resource_tags") || spelled("product")) {
            (true, _) => Self::Cur,
            (false, true) => Self::Cur2,
            (false, false) => Self::CurTable,
        })
    }

    /// Returns true for FOCUS.
    pub(crate) fn is_focus(self) -> bool {
        matches!(self, Self::Focus10 | Self::Focus11 | Self::Focus12)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cur | Self::CurTable => "a Cost and Usage Report",
            Self::Cur2 => "CUR 2.0",
            Self::Focus10 => "FOCUS 1.0",
            Self::Focus11 => "FOCUS 1.1",
            Self::Focus12 => "FOCUS 1.2",
        }
    }
}
