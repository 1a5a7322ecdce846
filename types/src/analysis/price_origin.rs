//! Where a price comes from.

use serde::{Deserialize, Serialize};

/// Where a price comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PriceOrigin {
    /// The layer of the price book that gave it.
    #[serde(default)]
    pub layer: PriceLayer,
    /// How it is known.
    pub kind: PriceKind,
    /// Date of the price, as its source gives it.
    pub date: String,
    /// The list or file.
    pub source: String,
}

/// A layer of the price book. Ordered by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum PriceLayer {
    /// Not known: in analyses that predate the field.
    #[default]
    #[serde(rename = "")]
    Unknown,
    /// The catalog that ships with the program.
    Catalog,
    /// An imported list of AWS.
    Imported,
    /// The user's prices.
    User,
}

impl PriceLayer {
    /// Its name in `analysis.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Catalog => "catalog",
            Self::Imported => "imported",
            Self::User => "user",
        }
    }
}

/// How a price is known. Ordered by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum PriceKind {
    /// From another size.
    Derived,
    /// From another region, or list price less a typical saving.
    Estimated,
    /// Measured from the bill.
    Invoice,
    /// Seen in a list.
    Observed,
    /// The user says it.
    User,
}

impl PriceKind {
    /// Its name in the catalog and in `analysis.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Derived => "derived",
            Self::Estimated => "estimated",
            Self::Invoice => "invoice",
            Self::Observed => "observed",
            Self::User => "user",
        }
    }
}
