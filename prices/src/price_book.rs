//! The price book: the user's prices over an imported price list over the catalog. A missing price is `None`, never a
//! default.

mod commitments;
mod imported_list_file;
mod price_sources;
mod prices_file_checks;
mod service_prices;
mod user_prices_file;

use std::collections::BTreeSet;

use catalog::{Catalog, CatalogError, EksVersions, InstanceType, currency_of};
use types::analysis::{PriceKind, PriceLayer};
use types::{CapacityType, UsdPerHour};

use crate::machine_kind::{MachineKind, OperatingSystem};
use crate::price_origin::{Priced, imported_origin, priced, user_origin};
pub use commitments::Commitment;
use imported_list_file::Imported;
pub use imported_list_file::{ListFileError, ListPrice, read_list, write_list};
pub use price_sources::Figure;
pub use prices_file_checks::PricesError;
pub use service_prices::Share;
use user_prices_file::{UserNode, UserPrices};

/// Price of an hour of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// Public list price; `None` when no list has one.
    pub list: Option<UsdPerHour>,
    /// Contracted price: the user's own, else the list price less the EDP discount.
    pub contracted: Priced<UsdPerHour>,
}

/// Prices of machines, volumes and services, each with its origin.
#[derive(Debug, Clone)]
pub struct PriceBook {
    catalog: Catalog,
    imported: Imported,
    imported_sha256: String,
    user: UserPrices,
    user_sha256: String,
}

impl PriceBook {
    /// Opens the catalog that ships with the program.
    ///
    /// # Errors
    /// [`CatalogError`], which is a fault of the build.
    pub fn catalog() -> Result<Self, CatalogError> {
        Ok(Self {
            catalog: Catalog::read()?,
            imported: Imported::default(),
            imported_sha256: String::new(),
            user: UserPrices::default(),
            user_sha256: String::new(),
        })
    }

    /// Puts an imported price list over the catalog.
    ///
    /// # Errors
    /// [`ListFileError`] names the row.
    pub fn with_list(self, text: &str) -> Result<Self, ListFileError> {
        let imported_sha256 = crate::digest(text.as_bytes());
        Ok(Self { imported: Imported::read(text)?, imported_sha256, ..self })
    }

    /// Looks up a price in the region, or in every region of a currency when none is named.
    fn any_region(
        &self,
        region: &Option<String>,
        currency: &str,
        lookup: impl Fn(&Self, &str) -> Option<f64>,
    ) -> Vec<f64> {
        let here: Vec<_> = region.iter().filter_map(|region| lookup(self, region)).collect();
        if !here.is_empty() {
            return here;
        }
        let comparable = self.catalog.regions().filter(|region| currency_of(region) == currency);
        comparable.filter_map(|region| lookup(self, region)).collect()
    }

    /// Looks up an instance type; `None` when the catalog does not have it.
    pub fn instance_type(&self, name: &str) -> Option<&InstanceType> {
        self.catalog.types.get(name)
    }

    /// Iterates over the instance types of the catalog, sorted by name.
    pub fn instance_types(&self) -> impl Iterator<Item = &InstanceType> {
        self.catalog.types.values()
    }

    /// Iterates over the bare-metal types of a family, sorted by name.
    pub fn metal_of_family(&self, family: &str) -> impl Iterator<Item = &InstanceType> {
        self.catalog.types.values().filter(move |t| t.bare_metal && t.family() == family)
    }

    /// Contracted price of an hour of a Linux machine with tenancy Shared.
    pub fn node(&self, instance_type: &str, capacity_type: CapacityType, region: &str) -> Option<Priced<UsdPerHour>> {
        self.rate(&MachineKind::new(instance_type, capacity_type, region)).map(|rate| rate.contracted)
    }

    /// Prices an hour of a machine.
    ///
    /// The user's most specific row comes first (node, then node group, then type, then region), then the imported
    /// list, then the catalog. Spot is the on-demand list price times the user's fraction, or less the typical saving.
    pub fn rate(&self, machine: &MachineKind) -> Option<Rate> {
        let list = self.list(machine);
        if let Some(row) = self.users_row(machine) {
            let price = UsdPerHour::try_new(row.usd_per_hour).ok()?;
            let contracted = Priced { price, origin: user_origin(&row.date, &row.source) };
            return Some(Rate { list: list.map(|list| list.price), contracted });
        }
        self.contracted(machine, list?)
    }

    /// Prices an hour of a machine before its price in the catalog changed, with the first second of the new price.
    /// `None` where no change is known, or another layer of the book gives the price.
    pub fn rate_before(&self, machine: &MachineKind) -> Option<(i64, Rate)> {
        if self.users_row(machine).is_some() || self.imported_price(machine).is_some() {
            return None;
        }
        let earlier = self.catalog.earlier(&machine.region, &machine.instance_type)?;
        let list = self.list_from(machine, priced(&earlier.before, earlier.before.price))?;
        Some((earlier.until_seconds, self.contracted(machine, list)?))
    }

    /// First second of the present price of a machine, where the price before it is not known.
    pub fn unknown_before(&self, machine: &MachineKind) -> Option<i64> {
        let own = self.users_row(machine).is_some() || self.imported_price(machine).is_some();
        let changed = self.catalog.changed(&machine.region, &machine.instance_type).filter(|_| !own)?;
        self.rate_before(machine).is_none().then_some(changed)
    }

    /// Returns true when the user's amounts are in the currency of a region.
    fn user_speaks_of(&self, region: &str) -> bool {
        currency_of(region) == self.user.currency()
    }

    fn contracted(&self, machine: &MachineKind, list: Priced<UsdPerHour>) -> Option<Rate> {
        // A spot price from the user is what they pay, any discount included.
        let discount =
            if list.origin.layer == PriceLayer::User { 0.0 } else { self.discount_on(&machine.instance_type) };
        let contracted = Priced { price: list.price.less(discount)?, origin: list.origin };
        Some(Rate { list: Some(list.price), contracted })
    }

    fn users_row(&self, machine: &MachineKind) -> Option<&UserNode> {
        let rows = self.user.node.iter().filter(|row| row.is_of(machine) && self.user_speaks_of(&machine.region));
        rows.max_by_key(|row| row.particular())
    }

    /// Public list price of a machine, before any discount.
    pub fn list(&self, machine: &MachineKind) -> Option<Priced<UsdPerHour>> {
        let with_licence = machine.os != OperatingSystem::Linux && machine.capacity_type == CapacityType::OnDemand;
        if let Some(listed) = self.imported_price(machine).filter(|_| with_licence) {
            return Some(listed);
        }
        self.list_from(machine, self.on_demand_list(&machine.instance_type, &machine.region)?)
    }

    /// Derives a list price from the on-demand price for Linux: with a licence, or at spot.
    fn list_from(&self, machine: &MachineKind, on_demand: Priced<UsdPerHour>) -> Option<Priced<UsdPerHour>> {
        if machine.os != OperatingSystem::Linux {
            return self.with_licence(machine, on_demand);
        }
        if machine.capacity_type == CapacityType::OnDemand {
            return Some(on_demand);
        }
        let of_type = |row: &&user_prices_file::UserSpot| {
            row.instance_type.as_ref().is_none_or(|name| *name == machine.instance_type)
                && row.region.as_ref().is_none_or(|region| *region == machine.region)
        };
        let particular = |row: &&user_prices_file::UserSpot| (row.instance_type.is_some(), row.region.is_some());
        // A share of the list price has no currency.
        if let Some(row) = self.user.spot.iter().filter(of_type).max_by_key(particular) {
            let price = on_demand.price.less(1.0 - row.fraction_of_on_demand)?;
            return Some(Priced { price, origin: user_origin(&row.date, &row.source) });
        }
        let saving = self.catalog.spot(&machine.region, &machine.instance_type)?;
        let price = on_demand.price.less(f64::from(saving.price.percent) / 100.0)?;
        Some(priced(&saving, price))
    }

    /// Adds a licence, which AWS bills per vCPU. Spot prices with a licence are not known.
    fn with_licence(&self, machine: &MachineKind, linux: Priced<UsdPerHour>) -> Option<Priced<UsdPerHour>> {
        let shape = self.instance_type(&machine.instance_type)?;
        let item = licence_item(machine, shape)?;
        let licence =
            self.listed_item(&item, &machine.region).filter(|_| machine.capacity_type == CapacityType::OnDemand)?;
        let usd = linux.price.usd_per_hour() + licence.price.usd() * types::number::float(shape.vcpu.into());
        // The less certain of the two origins.
        let origin = if linux.origin.kind == PriceKind::Estimated { linux.origin } else { licence.origin };
        Some(Priced { price: UsdPerHour::try_new(usd).ok()?, origin })
    }

    fn imported_price(&self, machine: &MachineKind) -> Option<Priced<UsdPerHour>> {
        let of_os = match machine.os {
            OperatingSystem::Linux => &self.imported.on_demand,
            os => self.imported.licensed.get(&os)?,
        };
        let (price, row) = of_os.get(&machine.region)?.get(&machine.instance_type)?;
        Some(Priced { price: *price, origin: imported_origin(row) })
    }

    fn on_demand_list(&self, instance_type: &str, region: &str) -> Option<Priced<UsdPerHour>> {
        if let Some((price, row)) = self.imported.on_demand.get(region).and_then(|of| of.get(instance_type)) {
            return Some(Priced { price: *price, origin: imported_origin(row) });
        }
        let listed = self.catalog.on_demand(region, instance_type)?;
        Some(priced(&listed, listed.price))
    }

    /// Returns true when the catalog has a type, or a price of it in some region.
    pub fn knows_type(&self, name: &str) -> bool {
        self.catalog.types.contains_key(name) || self.catalog.has_price(name)
    }

    /// Finds the known type with the most similar name, when it is similar enough to suggest.
    pub fn nearest_type(&self, name: &str) -> Option<&str> {
        let scored = self.catalog.types.keys().map(|known| (strsim::jaro_winkler(name, known), known.as_str()));
        // Ties go to the first by name.
        let best = scored.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)));
        best.filter(|(score, _)| *score >= ALIKE).map(|(_, known)| known)
    }

    /// Currency in which AWS bills usage in a region.
    pub fn currency(region: &str) -> &'static str {
        currency_of(region)
    }

    /// Adapts the book to a cluster in `region`. The user's prices, discounts and commitments are dropped when they are
    /// in another currency than AWS bills there, since nothing here converts currencies; the flag says whether they
    /// were.
    pub fn in_currency_of(self, region: Option<&str>) -> (Self, bool) {
        let same =
            region.is_none_or(|region| currency_of(region) == self.user.currency()) || self.user_sha256.is_empty();
        if same { (self, false) } else { (Self { user: UserPrices::default(), ..self }, true) }
    }

    /// Release calendar of EKS.
    pub fn eks_versions(&self) -> &EksVersions {
        &self.catalog.eks_versions
    }

    /// Typical spot saving and interruption rate, in percent; `None` when the catalog does not have them.
    pub fn spot_saving(&self, instance_type: &str, region: &str) -> Option<catalog::SpotSaving> {
        Some(self.catalog.spot(region, instance_type)?.price)
    }

    /// Iterates over the regions of the catalog, sorted.
    pub fn regions(&self) -> impl Iterator<Item = &'static str> {
        self.catalog.regions()
    }

    /// EDP discount, as a fraction of one; zero without one.
    pub fn edp_fraction(&self) -> f64 {
        self.user.discount.as_ref().map_or(0.0, |discount| discount.edp_fraction)
    }

    /// Discount off list prices of bare metal, as a fraction of one; `None` where it has none of its own.
    pub fn bare_metal_fraction(&self) -> Option<f64> {
        self.user.bare_metal.discount_fraction
    }

    /// Discount off the list price of machines of a type, as a fraction of one: that on bare metal where there is one, else
    /// that on everything.
    pub fn discount_on(&self, instance_type: &str) -> f64 {
        let own = self.bare_metal_fraction();
        let own = own.filter(|_| self.instance_type(instance_type).is_some_and(|kind| kind.bare_metal));
        own.unwrap_or_else(|| self.edp_fraction())
    }

    /// Returns true when a pool may have hosts of this type: any, unless the user names those it may have.
    pub fn is_host(&self, instance_type: &str) -> bool {
        let hosts = &self.user.bare_metal.hosts;
        hosts.is_empty() || hosts.iter().any(|name| name == instance_type)
    }

    /// Names of the nodes that the user priced by name.
    pub fn named_nodes(&self) -> BTreeSet<String> {
        self.user.node.iter().filter_map(|row| row.node.clone()).collect()
    }
}

/// Name of the catalog item for the licence of a machine's operating system, per vCPU-hour; `None` where no list has
/// it.
fn licence_item(machine: &MachineKind, shape: &InstanceType) -> Option<String> {
    match (machine.os, machine.family()) {
        (OperatingSystem::Linux | OperatingSystem::Suse, _) => None,
        (OperatingSystem::Rhel, _) => Some(
            match shape.vcpu {
                ..=8 => "ec2.os.rhel.to_8_vcpu",
                9..=96 => "ec2.os.rhel.to_96_vcpu",
                _ => "ec2.os.rhel.above_96_vcpu",
            }
            .to_owned(),
        ),
        (OperatingSystem::Windows, "t3") => Some(format!("ec2.os.windows.{}", machine.instance_type)),
        // No list has the licence for the other burstable families.
        (OperatingSystem::Windows, "t2" | "t3a" | "t4g" | "t8i") => None,
        (OperatingSystem::Windows, family) if family.ends_with("-flex") => Some("ec2.os.windows.flex".to_owned()),
        (OperatingSystem::Windows, _) => Some("ec2.os.windows".to_owned()),
    }
}

/// Similarity from which one name is suggested for another.
const ALIKE: f64 = 0.75;

#[cfg(test)]
mod tests;
