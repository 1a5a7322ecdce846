//! Checks of a prices file, field by field, against what the lists say.

use std::collections::BTreeSet;

use types::money::InvalidPrice;
use types::{CommitmentKind, UsdPerHour};

use super::PriceBook;
use super::service_prices::tier_item;
use super::user_prices_file::{UserBareMetal, UserCommitment, UserControlPlane, UserPrices, describe};
use crate::price_origin::INVOICE;

/// Ratio of the user's price to the list price, outside of which it is taken for another unit.
const USUAL: std::ops::RangeInclusive<f64> = 0.3..=3.0;
/// The dearest commitment accepted, in USD per hour: forty million dollars a year.
const MOST_COMMITTED_PER_HOUR: f64 = 5_000.0;

/// Error from reading a prices file.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// Not TOML, or with a field that does not exist.
    #[error("the prices file is not valid")]
    Toml(#[from] toml::de::Error),
    /// Not a price.
    #[error("the price of {what} is not usable")]
    Price {
        /// Row, in words.
        what: String,
        /// Why.
        source: InvalidPrice,
    },
    /// Too far from the list price to be the same unit.
    #[error(
        "the price of {what} is {given} USD, and the list says {listed} USD{unit}; if that is meant, add `unusual = true`"
    )]
    Unusual {
        /// Row, in words.
        what: String,
        /// The price given.
        given: f64,
        /// The list price.
        listed: f64,
        /// Unit of both.
        unit: &'static str,
    },
    /// Two rows for the same thing.
    #[error("{what} is priced twice in the prices file")]
    Twice {
        /// Row, in words.
        what: String,
    },
    /// A field that must be there, must not, or is out of range.
    #[error("{what}: {wrong}")]
    Field {
        /// The row.
        what: String,
        /// Fault, and what is expected instead.
        wrong: String,
    },
}

impl PriceBook {
    /// Puts the user's prices over the list prices. Import a list first: the user's prices are checked against it.
    ///
    /// # Errors
    /// [`PricesError`] names the row, the price given, and the list price it was compared with.
    pub fn with_user_toml(self, text: &str) -> Result<Self, PricesError> {
        let user = UserPrices::read(text, &self)?;
        let book = Self { user, user_sha256: crate::digest(text.as_bytes()), ..self };
        book.check_plan_rates()?;
        Ok(book)
    }
}

impl UserBareMetal {
    fn check(&self, book: &PriceBook) -> Result<(), PricesError> {
        if let Some(discount) = self.discount_fraction {
            fraction("bare_metal", "discount_fraction", discount)?;
        }
        for name in &self.hosts {
            if !book.instance_type(name).is_some_and(|kind| kind.bare_metal) {
                let wrong =
                    format!("`{name}` is no bare metal of the catalog; name types such as `m5.metal` in `hosts`");
                return Err(PricesError::Field { what: "bare_metal".to_owned(), wrong });
            }
        }
        Ok(())
    }
}

impl UserPrices {
    /// Reads and checks a file against the prices of `book`.
    pub(super) fn read(text: &str, book: &PriceBook) -> Result<Self, PricesError> {
        let user: Self = toml::from_str(text)?;
        if !["USD", "CNY"].contains(&user.currency()) {
            let wrong = format!(
                "`{}` is no currency in which AWS lists prices; give \"USD\", or \"CNY\" for the regions of China",
                user.currency()
            );
            return Err(PricesError::Field { what: "currency".to_owned(), wrong });
        }
        let mut seen = BTreeSet::new();
        user.check_nodes(book, &mut seen)?;
        for row in &user.spot {
            let name = row.instance_type.as_ref().map_or("every type".to_owned(), |name| format!("`{name}`"));
            let what = describe(&format!("spot of {name}"), &row.region);
            fraction(&what, "fraction_of_on_demand", row.fraction_of_on_demand)?;
            first(&mut seen, what)?;
        }
        for volume in &user.volume {
            let what = describe(&format!("volume type `{}`", volume.volume_type), &volume.region);
            let given = checked(&what, volume.usd_per_gib_month)?;
            let listed = book.any_region(&volume.region, user.currency(), |book, region| {
                Some(book.volume(&volume.volume_type, region)?.price.usd())
            });
            usual(&what, given, &listed, volume.unusual || measured(&what, &volume.source)?, " per GiB-month")?;
            first(&mut seen, what)?;
        }
        for item in &user.item {
            let what = describe(&format!("item `{}`", item.item), &item.region);
            if !book.knows_item(&item.item) {
                let wrong = format!("no such item; known are {}", book.items().join(", "));
                return Err(PricesError::Field { what, wrong });
            }
            let given = checked(&what, item.usd_per_unit)?;
            let listed = book.any_region(&item.region, user.currency(), |book, region| {
                Some(book.other(&item.item, region)?.price.usd())
            });
            usual(&what, given, &listed, item.unusual || measured(&what, &item.source)?, " per unit")?;
            first(&mut seen, what)?;
        }
        for licence in &user.licence {
            let what = format!("licence `{}`", licence.name);
            let given = checked(&what, licence.usd_per_node_hour)?;
            if given > MOST_LICENCE_PER_HOUR {
                let wrong = format!(
                    "usd_per_node_hour is {given}; a licence over {MOST_LICENCE_PER_HOUR} USD an hour looks like a monthly figure"
                );
                return Err(PricesError::Field { what, wrong });
            }
            first(&mut seen, what)?;
        }
        for commitment in &user.commitment {
            commitment.check()?;
            first(&mut seen, commitment.what())?;
        }
        if let Some(control_plane) = &user.control_plane {
            control_plane.check(book, user.currency())?;
        }
        if let Some(discount) = &user.discount {
            fraction("discount", "edp_fraction", discount.edp_fraction)?;
        }
        user.bare_metal.check(book)?;
        Ok(user)
    }

    fn check_nodes(&self, book: &PriceBook, seen: &mut BTreeSet<String>) -> Result<(), PricesError> {
        for node in &self.node {
            let what = node.what();
            if node.instance_type.is_none() && node.node_group.is_none() && node.node.is_none() {
                let wrong = "names nothing; give `instance_type`, `node_group` or `node`".to_owned();
                return Err(PricesError::Field { what: "a [[node]] row".to_owned(), wrong });
            }
            let given = checked(&what, node.usd_per_hour)?;
            let listed = node.instance_type.as_ref().map_or_else(Vec::new, |name| {
                book.any_region(&node.region, self.currency(), |book, region| {
                    Some(book.node(name, node.capacity_type, region)?.price.usd_per_hour())
                })
            });
            usual(&what, given, &listed, node.unusual || measured(&what, &node.source)?, " per hour")?;
            if listed.is_empty() && given > MOST_UNLISTED_PER_HOUR && !node.unusual && node.source.is_empty() {
                let wrong = format!(
                    "usd_per_hour is {given}, over {MOST_UNLISTED_PER_HOUR}, and no list has the type to hold it against; a monthly figure? if it is meant, add `unusual = true`"
                );
                return Err(PricesError::Field { what, wrong });
            }
            first(seen, what)?;
        }
        Ok(())
    }
}

/// Hourly price of an unlisted machine above which it is taken for a monthly figure, in USD.
const MOST_UNLISTED_PER_HOUR: f64 = 50.0;
/// Hourly price of a licence above which it is taken for a monthly figure, in USD.
const MOST_LICENCE_PER_HOUR: f64 = 20.0;

impl UserControlPlane {
    fn check(&self, book: &PriceBook, currency: &str) -> Result<(), PricesError> {
        let refuse = |wrong: String| Err(PricesError::Field { what: "the control plane".to_owned(), wrong });
        match (self.usd_per_hour, &self.tier) {
            (Some(usd), None) => {
                let given = checked("the control plane", usd)?;
                // Extended support costs six times the standard price and is as usual.
                let listed = ["eks.control_plane", "eks.control_plane_extended"];
                let listed = listed.iter().filter(|_| currency == "USD");
                let listed: Vec<_> = listed.filter_map(|item| Some(book.other(item, "all")?.price.usd())).collect();
                usual(
                    "the control plane",
                    given,
                    &listed,
                    self.unusual || measured("the control plane", &self.source)?,
                    " per hour",
                )
            }
            (None, Some(tier)) if book.knows_item(&tier_item(tier)) => Ok(()),
            (None, Some(tier)) => {
                let (prefix, items) = (tier_item(""), book.items());
                let known: Vec<_> = items.iter().filter_map(|item| item.strip_prefix(&prefix)).collect();
                refuse(format!("tier is `{tier}`; expected one of {}", known.join(", ")))
            }
            (Some(_), Some(_)) => refuse("give `usd_per_hour` of all of it, or `tier` alone".to_owned()),
            (None, None) => refuse("give `usd_per_hour`, or the `tier` that is provisioned, such as \"xl\"".to_owned()),
        }
    }
}

impl UserCommitment {
    fn check(&self) -> Result<(), PricesError> {
        let refuse = |wrong: &str| Err(PricesError::Field { what: self.what(), wrong: wrong.to_owned() });
        if !self.usd_per_hour.is_finite() || !(0.0..=MOST_COMMITTED_PER_HOUR).contains(&self.usd_per_hour) {
            return refuse("usd_per_hour is not between 0 and 5000; is it a monthly or yearly figure?");
        }
        let of_family = self.kind != CommitmentKind::ComputeSavingsPlan;
        if of_family && (self.family.is_none() || self.region.is_none()) {
            return refuse("it stays with a family in a region; give `family` and `region`");
        }
        if !of_family && (self.family.is_some() || self.region.is_some()) {
            return refuse("a compute savings plan follows any machine; remove `family` and `region`");
        }
        match (self.discount_fraction, &self.term, &self.payment) {
            (Some(discount), ..) => fraction(&self.what(), "discount_fraction", discount),
            (None, Some(_), Some(_)) if self.kind != CommitmentKind::ReservedInstances => Ok(()),
            (None, ..) if self.kind == CommitmentKind::ReservedInstances => {
                refuse("give `discount_fraction`: what it takes off the on-demand price")
            }
            _ => refuse("give `discount_fraction`, or `term` and `payment` to use the rates of an imported price list"),
        }
    }
}

fn checked(what: &str, usd: f64) -> Result<f64, PricesError> {
    UsdPerHour::try_new(usd).map_err(|source| PricesError::Price { what: what.to_owned(), source })?;
    Ok(usd)
}

fn fraction(what: &str, key: &str, given: f64) -> Result<(), PricesError> {
    if (0.0..=0.95).contains(&given) {
        return Ok(());
    }
    let wrong = format!("{key} is {given}; expected a fraction from 0 to 0.95, such as 0.28 for 28 %");
    Err(PricesError::Field { what: what.to_owned(), wrong })
}

/// Returns true for a row that says its price was measured from the invoice, which is then what is paid, however unusual.
fn measured(what: &str, source: &str) -> Result<bool, PricesError> {
    match source {
        "" => Ok(false),
        INVOICE => Ok(true),
        other => {
            let wrong = format!(
                "source is `{other}`; leave it out, or write \"{INVOICE}\" for a price measured from the invoice"
            );
            Err(PricesError::Field { what: what.to_owned(), wrong })
        }
    }
}

/// Holds a price against the list prices of the same thing; without any there is nothing to hold it against.
fn usual(what: &str, given: f64, listed: &[f64], unusual: bool, unit: &'static str) -> Result<(), PricesError> {
    let fits = |list: &f64| USUAL.contains(&(given / list));
    match listed.first() {
        Some(first) if !unusual && !listed.iter().any(fits) => {
            Err(PricesError::Unusual { what: what.to_owned(), given, listed: *first, unit })
        }
        _ => Ok(()),
    }
}

fn first(seen: &mut BTreeSet<String>, what: String) -> Result<(), PricesError> {
    if seen.contains(&what) {
        return Err(PricesError::Twice { what });
    }
    seen.insert(what);
    Ok(())
}
