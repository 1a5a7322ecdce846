//! The price book: the user's prices over an imported price list over the catalog. A missing price is `None`, never a
//! default.

mod list_file;
mod user;

use std::collections::{BTreeMap, BTreeSet};

use catalog::{Catalog, CatalogError, EksVersions, InstanceType, Listed, Provenance, Sighting, currency_of};
use serde::Deserialize;
use types::analysis::{PriceList, PriceOrigin};
use types::{NanoUsd, UsdPerHour};

use list_file::Imported;
pub use list_file::{ListFileError, ListPrice, read_list, write_list};
pub use user::{CommitmentKind, PricesError};
use user::{UserNode, UserPrices, describe};

/// A price with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced<P> {
    /// The price.
    pub price: P,
    /// Where it comes from.
    pub origin: PriceOrigin,
}

/// How a machine is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum CapacityType {
    /// At the on-demand price.
    #[default]
    OnDemand,
    /// At the spot price, and may be taken away.
    Spot,
}

impl CapacityType {
    /// Its name in labels and in `analysis.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Spot => "spot",
        }
    }
}

/// What AWS takes a licence fee for, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum OperatingSystem {
    /// Without a fee. Distributions that have one show in no metric that is collected.
    #[default]
    Linux,
    /// Windows Server.
    Windows,
}

/// What decides the price of a machine. Simulated machines leave `node_group` and `node` out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineKind {
    /// EC2 instance type.
    pub instance_type: String,
    /// Region, or the Local Zone or Wavelength Zone, as price lists name it.
    pub region: String,
    /// How it is bought.
    pub capacity_type: CapacityType,
    /// What runs on it.
    pub os: OperatingSystem,
    /// Node group, where the user prices that.
    pub node_group: Option<String>,
    /// Name of the node, where the user prices that.
    pub node: Option<String>,
}

impl MachineKind {
    /// Any machine of a type.
    pub fn new(instance_type: &str, capacity_type: CapacityType, region: &str) -> Self {
        Self {
            instance_type: instance_type.to_owned(),
            region: region.to_owned(),
            capacity_type,
            os: OperatingSystem::Linux,
            node_group: None,
            node: None,
        }
    }

    /// Its family, such as `m5`.
    pub fn family(&self) -> &str {
        self.instance_type.split('.').next().unwrap_or(&self.instance_type)
    }
}

/// One amount that lists gave for a price.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The amount for one unit, in the currency of the region.
    pub amount: f64,
    /// The lists that gave it.
    pub origins: Vec<PriceOrigin>,
    /// What is known of how it came, or why it holds no more.
    pub note: Option<String>,
}

/// A share of another price, over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The share, in billionths of one.
    pub now: Priced<NanoUsd>,
    /// What it was before it changed, and the first second after that.
    pub before: Option<(i64, Priced<NanoUsd>)>,
}

/// What an hour of a machine costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// On a public list; `None` when it is on none.
    pub list: Option<UsdPerHour>,
    /// By contract: the user's price, else the list less the discount on everything.
    pub contracted: Priced<UsdPerHour>,
}

/// Dollars promised for each hour, as the price book knows them.
#[derive(Debug, Clone, PartialEq)]
pub struct Commitment {
    /// Its name in the prices file.
    pub name: String,
    /// Its kind.
    pub kind: CommitmentKind,
    /// What is paid for each hour, used or not.
    pub usd_per_hour: UsdPerHour,
    /// The family it stays with, and the region; `None` when it follows any machine.
    pub family_and_region: Option<(String, String)>,
    /// First second at which it is not paid any more.
    pub expires_seconds: Option<i64>,
    rates: PlanRates,
}

#[derive(Debug, Clone, PartialEq)]
enum PlanRates {
    /// Off the contracted on-demand price.
    Discount(f64),
    /// The key of imported rates.
    Imported(String),
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
    /// The catalog that ships with the program.
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

    /// This book with an imported price list over the catalog.
    ///
    /// # Errors
    /// [`ListFileError`] names the row.
    pub fn with_list(self, text: &str) -> Result<Self, ListFileError> {
        let imported_sha256 = crate::digest(text.as_bytes());
        Ok(Self { imported: Imported::read(text)?, imported_sha256, ..self })
    }

    /// This book with the user's prices over it. An imported list comes first, because prices are held against it.
    ///
    /// # Errors
    /// [`PricesError`] names what is priced, the price given, and the list price it was held against.
    pub fn with_user_toml(self, text: &str) -> Result<Self, PricesError> {
        let user = UserPrices::read(text, &self)?;
        let book = Self { user, user_sha256: crate::digest(text.as_bytes()), ..self };
        for commitment in &book.user.commitment {
            if let PlanRates::Imported(plan) = plan_rates(commitment)
                && !book.imported.plan_rates.contains_key(&plan)
            {
                let wrong = format!(
                    "no rates of `{plan}` are imported; import AWS's savings-plan list with `emp-cost prices import` and pass it with --price-list, or give `discount_fraction`"
                );
                return Err(PricesError::Field { what: commitment.what(), wrong });
            }
        }
        Ok(book)
    }

    /// What `lookup` gives for the region, or for every region in a currency when none is named.
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

    /// What an instance type is; `None` when the catalog does not know it.
    pub fn instance_type(&self, name: &str) -> Option<&InstanceType> {
        self.catalog.types.get(name)
    }

    /// Every instance type of the catalog, by name.
    pub fn instance_types(&self) -> impl Iterator<Item = &InstanceType> {
        self.catalog.types.values()
    }

    /// Bare-metal types of a family, sorted by name.
    pub fn metal_of_family(&self, family: &str) -> impl Iterator<Item = &InstanceType> {
        self.catalog.types.values().filter(move |t| t.bare_metal && t.family() == family)
    }

    /// Price of a Linux machine, tenancy Shared, by the hour, as it is contracted.
    pub fn node(&self, instance_type: &str, capacity_type: CapacityType, region: &str) -> Option<Priced<UsdPerHour>> {
        self.rate(&MachineKind::new(instance_type, capacity_type, region)).map(|rate| rate.contracted)
    }

    /// What an hour of a machine costs. The user's most particular row comes first (node, then node group, then type,
    /// then region), then the imported list, then the catalog; spot is the on-demand list price times the user's
    /// fraction, or less the typical saving.
    pub fn rate(&self, machine: &MachineKind) -> Option<Rate> {
        let list = self.list(machine);
        if let Some(row) = self.users_row(machine) {
            let price = UsdPerHour::try_new(row.usd_per_hour).ok()?;
            let contracted = Priced { price, origin: user_origin(&row.date) };
            return Some(Rate { list: list.map(|list| list.price), contracted });
        }
        self.contracted(list?)
    }

    /// What an hour of a machine cost until the catalog's price of it changed, and the first second after that; `None`
    /// where no change is known, or another layer of the book gives the price.
    pub fn rate_before(&self, machine: &MachineKind) -> Option<(i64, Rate)> {
        if self.users_row(machine).is_some() || self.imported_price(machine).is_some() {
            return None;
        }
        let earlier = self.catalog.earlier(&machine.region, &machine.instance_type)?;
        let list = self.list_from(machine, priced(&earlier.before, earlier.before.price))?;
        Some((earlier.until_seconds, self.contracted(list)?))
    }

    /// The first second of the catalog's present price of a machine, where the price before is not known.
    pub fn unknown_before(&self, machine: &MachineKind) -> Option<i64> {
        let own = self.users_row(machine).is_some() || self.imported_price(machine).is_some();
        let changed = self.catalog.changed(&machine.region, &machine.instance_type).filter(|_| !own)?;
        self.rate_before(machine).is_none().then_some(changed)
    }

    /// Whether the user's amounts are in the currency of a region.
    fn user_speaks_of(&self, region: &str) -> bool {
        currency_of(region) == self.user.currency()
    }

    fn contracted(&self, list: Priced<UsdPerHour>) -> Option<Rate> {
        let contracted = Priced { price: list.price.less(self.edp_fraction())?, origin: list.origin };
        Some(Rate { list: Some(list.price), contracted })
    }

    fn users_row(&self, machine: &MachineKind) -> Option<&UserNode> {
        let rows = self.user.node.iter().filter(|row| row.is_of(machine) && self.user_speaks_of(&machine.region));
        rows.max_by_key(|row| row.particular())
    }

    /// The public list price of a machine, before any discount.
    pub fn list(&self, machine: &MachineKind) -> Option<Priced<UsdPerHour>> {
        self.list_from(machine, self.on_demand_list(&machine.instance_type, &machine.region)?)
    }

    /// The list price that follows from the on-demand price of Linux.
    fn list_from(&self, machine: &MachineKind, on_demand: Priced<UsdPerHour>) -> Option<Priced<UsdPerHour>> {
        if machine.os == OperatingSystem::Windows {
            return self.with_windows(machine, on_demand);
        }
        if machine.capacity_type == CapacityType::OnDemand {
            return Some(on_demand);
        }
        let of_type = |row: &&user::UserSpot| {
            row.instance_type.as_ref().is_none_or(|name| *name == machine.instance_type)
                && row.region.as_ref().is_none_or(|region| *region == machine.region)
        };
        let particular = |row: &&user::UserSpot| (row.instance_type.is_some(), row.region.is_some());
        // A share of the list price has no currency.
        if let Some(row) = self.user.spot.iter().filter(of_type).max_by_key(particular) {
            let price = on_demand.price.less(1.0 - row.fraction_of_on_demand)?;
            return Some(Priced { price, origin: user_origin(&row.date) });
        }
        let saving = self.catalog.spot(&machine.region, &machine.instance_type)?;
        let price = on_demand.price.less(f64::from(saving.price.percent) / 100.0)?;
        Some(priced(&saving, price))
    }

    /// The price with the licence of Windows, by the vCPU. What spot takes off is not known for it.
    fn with_windows(&self, machine: &MachineKind, linux: Priced<UsdPerHour>) -> Option<Priced<UsdPerHour>> {
        let shape = self.instance_type(&machine.instance_type)?;
        let item = match (machine.family(), machine.family().ends_with("-flex")) {
            ("t3", _) => format!("ec2.os.windows.{}", machine.instance_type),
            // Of the other bursting families no list gives the licence.
            ("t2" | "t3a" | "t4g" | "t8i", _) => return None,
            (_, true) => "ec2.os.windows.flex".to_owned(),
            _ => "ec2.os.windows".to_owned(),
        };
        let licence =
            self.listed_item(&item, &machine.region).filter(|_| machine.capacity_type == CapacityType::OnDemand)?;
        let usd = linux.price.usd_per_hour() + licence.price.usd() * types::number::float(shape.vcpu.into());
        // As well known as the lesser of the two.
        let origin = if linux.origin.kind == "estimated" { linux.origin } else { licence.origin };
        Some(Priced { price: UsdPerHour::try_new(usd).ok()?, origin })
    }

    fn imported_price(&self, machine: &MachineKind) -> Option<Priced<UsdPerHour>> {
        let (price, row) = self.imported.on_demand.get(&machine.region)?.get(&machine.instance_type)?;
        Some(Priced { price: *price, origin: imported_origin(row) })
    }

    fn on_demand_list(&self, instance_type: &str, region: &str) -> Option<Priced<UsdPerHour>> {
        if let Some((price, row)) = self.imported.on_demand.get(region).and_then(|of| of.get(instance_type)) {
            return Some(Priced { price: *price, origin: imported_origin(row) });
        }
        let listed = self.catalog.on_demand(region, instance_type)?;
        Some(priced(&listed, listed.price))
    }

    /// Every layer's on-demand list price of a type in a region, the winning one first.
    pub fn every_list(&self, instance_type: &str, region: &str) -> Vec<Priced<UsdPerHour>> {
        let imported = self.imported.on_demand.get(region).and_then(|of| of.get(instance_type));
        let imported = imported.map(|(price, row)| Priced { price: *price, origin: imported_origin(row) });
        let listed = self.catalog.on_demand(region, instance_type);
        imported.into_iter().chain(listed.map(|listed| priced(&listed, listed.price))).collect()
    }

    /// Every figure that a list of the catalog gave for the on-demand price of a type, the one in force first.
    pub fn sightings(&self, instance_type: &str, region: &str) -> Vec<Sighting<UsdPerHour>> {
        self.catalog.sightings(region, instance_type)
    }

    /// Every figure that a layer of this book has for a type or an item, the one in force first, each with the lists that
    /// gave it, and a note on what became of it.
    pub fn figures(&self, name: &str, region: &str) -> Vec<Figure> {
        let machine = MachineKind::new(name, CapacityType::OnDemand, region);
        let catalog = match self.knows_item(name) {
            true => {
                self.catalog.other_sightings(region, name).iter().map(|s| figure(&s.lists, s.price.usd())).collect()
            }
            false => self.figures_of_type(name, region),
        };
        let own = match self.knows_item(name) {
            true => self.other(name, region).map(|own| (own.price.usd(), own.origin)),
            false => self.rate(&machine).map(|rate| (rate.contracted.price.usd_per_hour(), rate.contracted.origin)),
        };
        let imported = match self.knows_item(name) {
            true => self.imported_item(name, region).map(|(price, row)| (price.usd_per_hour(), imported_origin(row))),
            false => self.imported_price(&machine).map(|price| (price.price.usd_per_hour(), price.origin)),
        };
        let own = own.filter(|(_, origin)| origin.layer == "user");
        let above = own.into_iter().chain(imported);
        let above = above.map(|(amount, origin)| Figure { amount, origins: vec![origin], note: None });
        above.chain(catalog).collect()
    }

    fn figures_of_type(&self, name: &str, region: &str) -> Vec<Figure> {
        let sightings = self.sightings(name, region);
        let mut figures: Vec<_> = sightings.iter().map(|s| figure(&s.lists, s.price.usd_per_hour())).collect();
        if let Some(earlier) = self.catalog.earlier(region, name) {
            let day = chrono::DateTime::from_timestamp(earlier.until_seconds, 0);
            let day = day.map(|at| at.date_naive().to_string()).unwrap_or_default();
            let before = earlier.before.price.usd_per_hour();
            if let Some(figure) = figures.iter_mut().skip(1).find(|figure| figure.amount == before) {
                figure.note = Some(format!("the price until {day}, when it changed ({})", earlier.source));
            }
        }
        let family = name.split('.').next().unwrap_or(name);
        match (figures.is_empty(), self.estimate_of(family, region), self.catalog.on_demand(region, name)) {
            (true, Some(how), Some(estimated)) => {
                let mut estimate = figure(&[estimated.from], estimated.price.usd_per_hour());
                estimate.note = Some(format!("estimated as {how}; the region may not sell it"));
                vec![estimate]
            }
            _ => figures,
        }
    }

    /// Whether the catalog knows a type, by its shape or by a price somewhere.
    pub fn knows_type(&self, name: &str) -> bool {
        self.catalog.types.contains_key(name) || self.catalog.has_price(name)
    }

    /// The known type whose name is most like another, when it is like enough.
    pub fn nearest_type(&self, name: &str) -> Option<&str> {
        let scored = self.catalog.types.keys().map(|known| (strsim::jaro_winkler(name, known), known.as_str()));
        // Of two as like, the first by name.
        let best = scored.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)));
        best.filter(|(score, _)| *score >= ALIKE).map(|(_, known)| known)
    }

    /// The currency in which AWS bills what runs in a region.
    pub fn currency(region: &str) -> &'static str {
        currency_of(region)
    }

    /// This book for a cluster in `region`: the user's prices, discounts and commitments stand aside where they are in
    /// another currency than AWS bills there, since nothing here converts one into the other. Whether they do comes with
    /// it.
    pub fn in_currency_of(self, region: Option<&str>) -> (Self, bool) {
        let same =
            region.is_none_or(|region| currency_of(region) == self.user.currency()) || self.user_sha256.is_empty();
        if same { (self, false) } else { (Self { user: UserPrices::default(), ..self }, true) }
    }

    /// Until when EKS supports which version.
    pub fn eks_versions(&self) -> &EksVersions {
        &self.catalog.eks_versions
    }

    /// How an estimated price of the catalog was made, in words.
    pub fn estimate_of(&self, family: &str, region: &str) -> Option<String> {
        let estimate = self.catalog.estimate(region, family)?;
        Some(format!(
            "the price in us-east-1 times {}, the ratio of family {} in {region}",
            estimate.ratio, estimate.via_family
        ))
    }

    /// Typical saving of spot and how often it is taken away, in percent; `None` when the catalog does not know it.
    pub fn spot_saving(&self, instance_type: &str, region: &str) -> Option<catalog::SpotSaving> {
        Some(self.catalog.spot(region, instance_type)?.price)
    }

    /// The regions the catalog knows, sorted.
    pub fn regions(&self) -> impl Iterator<Item = &'static str> {
        self.catalog.regions()
    }

    /// The discount negotiated on everything.
    pub fn edp_fraction(&self) -> f64 {
        self.user.discount.as_ref().map_or(0.0, |discount| discount.edp_fraction)
    }

    /// The nodes that have a price of their own.
    pub fn named_nodes(&self) -> BTreeSet<String> {
        self.user.node.iter().filter_map(|row| row.node.clone()).collect()
    }

    /// Price of a volume type for a GiB-month.
    pub fn volume(&self, volume_type: &str, region: &str) -> Option<Priced<NanoUsd>> {
        let mine = |volume: &&user::UserVolume| volume.volume_type == volume_type && self.user_speaks_of(region);
        let here = self.user.volume.iter().filter(mine).find(|volume| volume.region.as_deref() == Some(region));
        let anywhere = || self.user.volume.iter().filter(mine).find(|volume| volume.region.is_none());
        match here.or_else(anywhere) {
            Some(volume) => user_price(volume.usd_per_gib_month, &volume.date),
            None if volume_type == "efs" => self.other("efs.standard", region),
            None => self.other(&format!("ebs.{volume_type}"), region),
        }
    }

    /// Price of the EKS control plane for an hour.
    pub fn control_plane(&self, region: &str, extended: bool) -> Option<Priced<NanoUsd>> {
        match self.user.control_plane.as_ref().filter(|_| self.user_speaks_of(region)) {
            Some(control_plane) => user_price(control_plane.usd_per_hour, &control_plane.date),
            None => self.other(if extended { "eks.control_plane_extended" } else { "eks.control_plane" }, region),
        }
    }

    /// Price of one unit of another item of the catalog, such as `fargate.vcpu`, as it is contracted.
    pub fn other(&self, item: &str, region: &str) -> Option<Priced<NanoUsd>> {
        let mine = |row: &&user::UserItem| row.item == item && self.user_speaks_of(region);
        let here = self.user.item.iter().filter(mine).find(|row| row.region.as_deref() == Some(region));
        let anywhere = || self.user.item.iter().filter(mine).find(|row| row.region.is_none());
        if let Some(row) = here.or_else(anywhere) {
            return user_price(row.usd_per_unit, &row.date);
        }
        let list = self.listed_item(item, region)?;
        self.item_contracted(item, list)
    }

    /// The price of one unit of an item on a list.
    fn listed_item(&self, item: &str, region: &str) -> Option<Priced<NanoUsd>> {
        if let Some((price, row)) = self.imported_item(item, region) {
            return Some(Priced { price: price.for_seconds(3600).cost(), origin: imported_origin(row) });
        }
        let listed = self.catalog.other(region, item)?;
        Some(priced(&listed, listed.price))
    }

    fn imported_item(&self, item: &str, region: &str) -> Option<&(UsdPerHour, ListPrice)> {
        let of = |region: &str| self.imported.items.get(region)?.get(item);
        of(region).or_else(|| of("all").filter(|_| currency_of(region) == "USD"))
    }

    fn item_contracted(&self, item: &str, list: Priced<NanoUsd>) -> Option<Priced<NanoUsd>> {
        // A share of another price is no price: that one has its discount already.
        let edp = if item.starts_with(AUTO_MODE_SHARE) { 0.0 } else { self.edp_fraction() };
        let price = UsdPerHour::try_new(list.price.usd()).ok()?.less(edp)?.for_seconds(3600).cost();
        Some(Priced { price, origin: list.origin })
    }

    /// What one unit of an item cost until the catalog's price of it changed, and the first second after that.
    fn other_before(&self, item: &str, region: &str) -> Option<(i64, Priced<NanoUsd>)> {
        if self.user.item.iter().any(|row| row.item == item) || self.imported_item(item, region).is_some() {
            return None;
        }
        let earlier = self.catalog.other_earlier(region, item)?;
        let before = self.item_contracted(item, priced(&earlier.before, earlier.before.price))?;
        Some((earlier.until_seconds, before))
    }

    /// The fee of EKS Auto Mode on machines of a family, as a share of the on-demand list price.
    pub fn auto_mode_share(&self, family: &str, region: &str) -> Option<Share> {
        let class = family.split(|c: char| c.is_ascii_digit()).next().unwrap_or(family);
        let own = match class {
            "g" | "gr" => Some("eks.auto_mode_share.g"),
            "p" => Some("eks.auto_mode_share.p"),
            "trn" => Some("eks.auto_mode_share.trn"),
            _ => None,
        };
        let users = |item: &str| self.user.item.iter().any(|row| row.item == item);
        let item = match own {
            Some(own) if users(own) || !users(AUTO_MODE_SHARE) => own,
            _ => AUTO_MODE_SHARE,
        };
        Some(Share { now: self.other(item, region)?, before: self.other_before(item, region) })
    }

    fn items(&self) -> Vec<&str> {
        self.catalog.items().collect()
    }

    /// Whether the catalog has an item of this name.
    pub fn knows_item(&self, item: &str) -> bool {
        self.catalog.has_item(item)
    }

    /// Licences paid for a node of this type and group: each with its name and price.
    pub fn licences(&self, instance_type: Option<&str>, node_group: Option<&str>) -> Vec<(&str, Priced<UsdPerHour>)> {
        let of_node = |row: &&user::UserLicence| {
            row.instance_type.as_deref().is_none_or(|name| Some(name) == instance_type)
                && row.node_group.as_deref().is_none_or(|group| Some(group) == node_group)
        };
        let priced = |row: &'_ user::UserLicence| {
            Some(Priced { price: UsdPerHour::try_new(row.usd_per_node_hour).ok()?, origin: user_origin(&row.date) })
        };
        self.user.licence.iter().filter(of_node).filter_map(|row| Some((row.name.as_str(), priced(row)?))).collect()
    }

    /// Whether any licence is priced.
    pub fn has_licences(&self) -> bool {
        !self.user.licence.is_empty()
    }

    /// Every commitment, in the order in which they are consumed: by kind, then as they stand in the file.
    pub fn commitments(&self) -> Vec<Commitment> {
        let commitment = |row: &user::UserCommitment| {
            let expires = row.expires.map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp());
            Some(Commitment {
                name: row.name.clone(),
                kind: row.kind,
                usd_per_hour: UsdPerHour::try_new(row.usd_per_hour).ok()?,
                family_and_region: row.family.clone().zip(row.region.clone()),
                expires_seconds: expires,
                rates: plan_rates(row),
            })
        };
        let mut commitments: Vec<_> = self.user.commitment.iter().filter_map(commitment).collect();
        commitments.sort_by_key(|commitment| commitment.kind);
        commitments
    }

    /// What an hour of a machine whose list price is this costs under a commitment; `None` when it does not cover the
    /// machine.
    pub fn committed_rate(
        &self,
        commitment: &Commitment,
        machine: &MachineKind,
        list: Option<UsdPerHour>,
    ) -> Option<UsdPerHour> {
        let covers = match &commitment.family_and_region {
            Some((family, region)) => *family == machine.family() && *region == machine.region,
            None => true,
        };
        // What a plan takes off a licence is not known.
        if machine.capacity_type != CapacityType::OnDemand || machine.os != OperatingSystem::Linux || !covers {
            return None;
        }
        match &commitment.rates {
            PlanRates::Discount(discount) => list?.less(*discount),
            PlanRates::Imported(plan) => {
                let key = (machine.region.clone(), machine.instance_type.clone());
                self.imported.plan_rates.get(plan)?.get(&key).copied()
            }
        }
    }

    /// The user's rows that stand for nothing in this cluster, in words: a typing error would look just like a price
    /// that changes nothing. `machines` are those priced, hosts among them; `volumes` the volume types.
    pub fn unmatched(
        &self,
        region: Option<&str>,
        machines: &BTreeSet<MachineKind>,
        volumes: &BTreeSet<&str>,
    ) -> Vec<String> {
        let elsewhere = |of: &Option<String>| of.is_some() && of.as_deref() != region;
        let node = |row: &&UserNode| !machines.iter().any(|machine| row.is_of(machine));
        let volume = |v: &&user::UserVolume| elsewhere(&v.region) || !volumes.contains(v.volume_type.as_str());
        let nodes = self.user.node.iter().filter(node).map(|row| format!("price of {}", row.what()));
        let volumes = self.user.volume.iter().filter(volume);
        let volumes =
            volumes.map(|v| format!("price of {}", describe(&format!("volume type `{}`", v.volume_type), &v.region)));
        let covered = |commitment: &Commitment, machine: &MachineKind| {
            self.committed_rate(commitment, machine, self.list(machine).map(|list| list.price)).is_some()
        };
        let covers = |commitment: &Commitment| machines.iter().any(|machine| covered(commitment, machine));
        let idle = self.commitments().into_iter().filter(|commitment| !covers(commitment));
        let idle: Vec<_> = idle.map(|commitment| format!("commitment `{}`", commitment.name)).collect();
        nodes.chain(volumes).chain(idle).collect()
    }

    /// The lists behind these origins, sorted by name, each with the span of its dates.
    pub fn lists<'a>(&self, origins: impl IntoIterator<Item = &'a PriceOrigin>) -> Vec<PriceList> {
        let catalog_sha256 = crate::digest(Catalog::text().as_bytes());
        let mut lists: BTreeMap<&str, PriceList> = BTreeMap::new();
        for origin in origins {
            let sha256 = match origin.layer.as_str() {
                "user" => &self.user_sha256,
                "imported" => &self.imported_sha256,
                _ => &catalog_sha256,
            };
            let list = lists.entry(&origin.source).or_insert_with(|| PriceList {
                name: origin.source.clone(),
                oldest: origin.date.clone(),
                newest: origin.date.clone(),
                sha256: sha256.clone(),
            });
            if !origin.date.is_empty() {
                let oldest = Some(&list.oldest).filter(|oldest| !oldest.is_empty()).min(Some(&origin.date));
                list.oldest = oldest.unwrap_or(&origin.date).clone();
                list.newest = list.newest.clone().max(origin.date.clone());
            }
        }
        lists.into_values().collect()
    }
}

/// How like two names must be for one to be suggested for the other.
const ALIKE: f64 = 0.75;
/// The catalog's name of the fee of EKS Auto Mode.
const AUTO_MODE_SHARE: &str = "eks.auto_mode_share";

impl UserNode {
    /// Whether this row prices such a machine. The price of a type is that of Linux; a machine with Windows is priced by a
    /// row for its group or for itself.
    fn is_of(&self, machine: &MachineKind) -> bool {
        let is = |row: &Option<String>, of: Option<&str>| row.is_none() || row.as_deref() == of;
        let named = self.node.is_some() || self.node_group.is_some();
        (named || machine.os == OperatingSystem::Linux)
            && self.capacity_type == machine.capacity_type
            && is(&self.instance_type, Some(&machine.instance_type))
            && is(&self.region, Some(&machine.region))
            && is(&self.node_group, machine.node_group.as_deref())
            && is(&self.node, machine.node.as_deref())
    }

    /// How particular it is: what names a node says more than what names its group, its type, its region.
    fn particular(&self) -> (bool, bool, bool, bool) {
        (self.node.is_some(), self.node_group.is_some(), self.instance_type.is_some(), self.region.is_some())
    }
}

fn plan_rates(row: &user::UserCommitment) -> PlanRates {
    match (row.discount_fraction, &row.term, &row.payment) {
        (None, Some(term), Some(payment)) => PlanRates::Imported(format!("{}/{term}/{payment}", row.kind.as_str())),
        (discount, ..) => PlanRates::Discount(discount.unwrap_or_default()),
    }
}

fn priced<L, P>(listed: &Listed<L>, price: P) -> Priced<P> {
    Priced { price, origin: catalog_origin(&listed.from) }
}

fn catalog_origin(from: &Provenance) -> PriceOrigin {
    PriceOrigin {
        layer: "catalog".to_owned(),
        kind: from.kind.clone(),
        date: from.date.clone(),
        source: from.source.clone(),
    }
}

fn figure(lists: &[std::sync::Arc<Provenance>], amount: f64) -> Figure {
    Figure { amount, origins: lists.iter().map(|list| catalog_origin(list)).collect(), note: None }
}

fn imported_origin(row: &ListPrice) -> PriceOrigin {
    PriceOrigin {
        layer: "imported".to_owned(),
        kind: "observed".to_owned(),
        date: row.date.clone(),
        source: row.source.clone(),
    }
}

fn user_origin(date: &str) -> PriceOrigin {
    PriceOrigin {
        layer: "user".to_owned(),
        kind: "user".to_owned(),
        date: date.to_owned(),
        source: "prices file".to_owned(),
    }
}

fn user_price(usd: f64, date: &str) -> Option<Priced<NanoUsd>> {
    Some(Priced { price: UsdPerHour::try_new(usd).ok()?.for_seconds(3600).cost(), origin: user_origin(date) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(text: &str) -> PriceBook {
        PriceBook::catalog().unwrap().with_user_toml(text).unwrap()
    }

    fn rejected(text: &str, expect: &str) {
        let error = PriceBook::catalog().unwrap().with_user_toml(text).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        let message = format!("{error}: {source}");
        assert!(message.contains(expect), "{message}");
    }

    fn row(rest: &str) -> String {
        format!("[[node]]\ninstance_type = \"m5.4xlarge\"\n{rest}")
    }

    #[test]
    fn a_missing_price_is_none_and_never_a_default() {
        let book = PriceBook::catalog().unwrap();
        assert_eq!(book.node("m5.4xlarge", CapacityType::OnDemand, "mars-1"), None);
        assert_eq!(book.node("m99.large", CapacityType::OnDemand, "us-east-1"), None);
        assert_eq!(book.volume("gp9", "us-east-1"), None);
        assert_eq!(book.other("fargate.memory", "mars-1"), None);
        assert_eq!(book.volume("gp3", "ap-southeast-7"), None);
    }

    #[test]
    fn spot_is_the_list_price_less_the_typical_saving_and_says_estimated() {
        let book = PriceBook::catalog().unwrap();
        let list = book.node("m5.4xlarge", CapacityType::OnDemand, "us-east-1").unwrap();
        let spot = book.node("m5.4xlarge", CapacityType::Spot, "us-east-1").unwrap();
        let saving = f64::from(book.spot_saving("m5.4xlarge", "us-east-1").unwrap().percent) / 100.0;
        assert!((spot.price.usd_per_hour() - list.price.usd_per_hour() * (1.0 - saving)).abs() < 1e-9);
        assert_eq!((list.origin.kind.as_str(), spot.origin.kind.as_str()), ("observed", "estimated"));
    }

    #[test]
    fn the_users_price_wins_and_the_one_for_the_region_first() {
        let book = book(&[row("usd_per_hour = 0.6"), row("region = \"us-east-1\"\nusd_per_hour = 0.5")].join("\n"));
        let price = |region| book.node("m5.4xlarge", CapacityType::OnDemand, region).unwrap();
        assert_eq!((price("us-east-1").price.usd_per_hour(), price("mars-1").price.usd_per_hour()), (0.5, 0.6));
        assert_eq!(price("us-east-1").origin.kind, "user");
        let spot = book.node("m5.4xlarge", CapacityType::Spot, "us-east-1").unwrap();
        assert_eq!(spot.origin.kind, "estimated");
    }

    #[test]
    fn a_price_in_another_unit_is_rejected_with_both_numbers() {
        rejected(&row("usd_per_hour = 560.0"), "is 560 USD, and the list says");
        rejected(
            &row("region = \"us-east-1\"\nusd_per_hour = 0.1"),
            "is 0.1 USD, and the list says 0.768 USD per hour",
        );
        rejected(&row("usd_per_hour = 99999.0"), "99999 USD per hour is not a price");
        rejected(&row("usd_per_hour = nan"), "is not a price");
        rejected(&row("usd_per_month = 560.0"), "usd_per_month");
        rejected(&[row("usd_per_hour = 0.6"), row("usd_per_hour = 0.7")].join("\n"), "twice");
        rejected("[[node]]\nusd_per_hour = 1.0", "names nothing");
        rejected("[[node]]\nnode_group = \"ours\"\nusd_per_hour = 560.0", "a monthly figure?");
        rejected("[[licence]]\nname = \"agent\"\nusd_per_node_hour = 30.0", "monthly figure");
        rejected("[[item]]\nitem = \"vpc.nat\"\nusd_per_unit = 0.1", "known are data.cross_az");
        rejected("[discount]\nedp_fraction = 8.0", "expected a fraction");
        rejected("[discounts]\nedp_fraction = 0.08", "discounts");
        rejected("[control_plane]\nusd_per_hour = 73.0", "the list says 0.1 USD per hour");
        rejected("[[volume]]\nvolume_type = \"gp3\"\nusd_per_gib_month = 8.0", "per GiB-month");
        let unusual = book(&row("usd_per_hour = 0.1\nunusual = true"));
        let price = unusual.node("m5.4xlarge", CapacityType::OnDemand, "us-east-1").unwrap();
        assert_eq!(price.price.usd_per_hour(), 0.1);
        book("[control_plane]\nusd_per_hour = 0.6");
        book("[[node]]\ninstance_type = \"ours.large\"\nusd_per_hour = 7.0");
    }

    #[test]
    fn lists_are_named_with_the_span_of_their_dates() {
        let book = PriceBook::catalog().unwrap();
        let origins: Vec<_> = ["eu-west-1", "us-west-2", "us-east-1"]
            .into_iter()
            .flat_map(|region| ["m5.large", "r5.large", "c6i.large"].map(|t| (t, region)))
            .filter_map(|(t, region)| Some(book.node(t, CapacityType::OnDemand, region)?.origin))
            .collect();
        let lists = book.lists(&origins);
        assert!(lists.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert!(lists.iter().all(|list| list.oldest <= list.newest && list.sha256.len() == 64));
    }

    #[test]
    fn the_most_particular_row_wins() {
        let text = "[[node]]\ninstance_type = \"m5.large\"\nusd_per_hour = 0.09
[[node]]\nnode_group = \"batch\"\nusd_per_hour = 0.08
[[node]]\nnode = \"ip-1\"\nusd_per_hour = 0.07
[[licence]]\nname = \"agent\"\nusd_per_node_hour = 0.01\nnode_group = \"batch\"";
        let book = book(text);
        let price = |group: Option<&str>, node: Option<&str>| {
            let kind = MachineKind {
                node_group: group.map(ToOwned::to_owned),
                node: node.map(ToOwned::to_owned),
                ..MachineKind::new("m5.large", CapacityType::OnDemand, "us-east-1")
            };
            let rate = book.rate(&kind).unwrap();
            assert_eq!(rate.list.unwrap().usd_per_hour(), 0.096);
            rate.contracted.price.usd_per_hour()
        };
        assert_eq!(price(None, None), 0.09);
        assert_eq!(price(Some("batch"), None), 0.08);
        assert_eq!(price(Some("batch"), Some("ip-1")), 0.07);
        assert_eq!(book.licences(Some("m5.large"), Some("batch")).len(), 1);
        assert_eq!(book.licences(Some("m5.large"), None).len(), 0);
    }

    #[test]
    fn a_discount_on_everything_leaves_the_users_own_prices_alone() {
        let book = book("[discount]\nedp_fraction = 0.1\n[[node]]\ninstance_type = \"m5.large\"\nusd_per_hour = 0.09");
        let of = |name: &str| book.rate(&MachineKind::new(name, CapacityType::OnDemand, "us-east-1")).unwrap();
        assert_eq!(of("m5.large").contracted.price.usd_per_hour(), 0.09);
        let rate = of("m5.4xlarge");
        assert_eq!((rate.list.unwrap().usd_per_hour(), rate.contracted.price.usd_per_hour()), (0.768, 0.6912));
        assert_eq!(book.other("ebs.gp3", "us-east-1").unwrap().price.usd(), 0.072);
        assert_eq!(book.auto_mode_share("m5", "us-east-1").unwrap().now.price.usd(), 0.12);
    }

    #[test]
    fn spot_by_the_users_fraction_is_his_price() {
        let book = book(
            "[[spot]]\nfraction_of_on_demand = 0.5\n[[spot]]\ninstance_type = \"m5.large\"\nfraction_of_on_demand = 0.25",
        );
        let of = |name: &str| book.node(name, CapacityType::Spot, "us-east-1").unwrap();
        assert_eq!((of("m5.large").price.usd_per_hour(), of("m5.4xlarge").price.usd_per_hour()), (0.024, 0.384));
        assert_eq!(of("m5.large").origin.kind, "user");
    }

    #[test]
    fn an_imported_price_wins_over_the_catalog_and_says_so() {
        let row = ListPrice {
            kind: "ec2".into(),
            region: "us-east-1".into(),
            name: "m5.large".into(),
            plan: String::new(),
            usd: "0.0990000000".into(),
            unit: "hour".into(),
            date: "2026-07-01".into(),
            source: "AWS price list AmazonEC2".into(),
            currency: "USD".into(),
        };
        let text = String::from_utf8(write_list([row.clone(), row]).unwrap()).unwrap();
        assert_eq!(text.lines().count(), 2);
        let book = PriceBook::catalog().unwrap().with_list(&text).unwrap();
        let unit = book.node("m5.large", CapacityType::OnDemand, "us-east-1").unwrap();
        assert_eq!((unit.price.usd_per_hour(), unit.origin.layer.as_str()), (0.099, "imported"));
        let other = book.node("m5.xlarge", CapacityType::OnDemand, "us-east-1").unwrap();
        assert_eq!(other.origin.layer, "catalog");
        assert_eq!(book.every_list("m5.large", "us-east-1").len(), 2);
        assert!(PriceBook::catalog().unwrap().with_list("a,b\n1,2\n").is_err());
    }
}
