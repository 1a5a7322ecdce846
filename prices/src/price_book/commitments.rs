//! Savings Plans and reserved instances that the user has, and the rate each gives a machine.

use catalog::{SavingsPlan, Term};
use types::{CapacityType, CommitmentKind, UsdPerHour};

use super::prices_file_checks::PricesError;
use super::{PriceBook, user_prices_file};
use crate::machine_kind::{MachineKind, OperatingSystem};
use crate::price_origin::{Priced, priced};

/// A commitment: an amount paid for each hour, used or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Commitment {
    /// Its name in the prices file.
    pub name: String,
    /// Its kind.
    pub kind: CommitmentKind,
    /// Amount paid per hour.
    pub usd_per_hour: UsdPerHour,
    /// Family and region it is limited to; `None` when it applies to any machine.
    pub family_and_region: Option<(String, String)>,
    /// First second after it has expired.
    pub expires_seconds: Option<i64>,
    rates: PlanRates,
}

#[derive(Debug, Clone, PartialEq)]
enum PlanRates {
    /// Discount off the on-demand list price.
    Discount(f64),
    /// Key of imported rates.
    Imported(String),
    /// Discount in the catalog.
    Offered(SavingsPlan, Term),
}

impl Commitment {
    /// A commitment that AWS offers, without upfront payment: to a family in a region, or to any machine.
    pub(crate) fn offered(usd_per_hour: UsdPerHour, family_and_region: Option<(String, String)>, term: Term) -> Self {
        let (kind, plan) = match family_and_region {
            Some(_) => (CommitmentKind::Ec2InstanceSavingsPlan, SavingsPlan::Ec2Instance),
            None => (CommitmentKind::ComputeSavingsPlan, SavingsPlan::Compute),
        };
        let rates = PlanRates::Offered(plan, term);
        Self { name: String::new(), kind, usd_per_hour, family_and_region, expires_seconds: None, rates }
    }
}

/// The second in which a day begins, in UTC.
fn first_second(day: chrono::NaiveDate) -> i64 {
    day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp()
}

impl PriceBook {
    /// Discount off the on-demand list price of a family for a commitment without upfront payment, as a fraction of
    /// one; `None` where AWS offers none or no list has it.
    pub fn commitment_discount(
        &self,
        region: &str,
        family: &str,
        plan: SavingsPlan,
        term: Term,
    ) -> Option<Priced<f64>> {
        let listed = self.catalog.commitment_discount(region, family, plan, term)?;
        Some(priced(&listed, listed.price))
    }

    /// Checks that the imported lists have the rates that the user's commitments name.
    pub(super) fn check_plan_rates(&self) -> Result<(), PricesError> {
        for commitment in &self.user.commitment {
            if let PlanRates::Imported(plan) = plan_rates(commitment)
                && !self.imported.plan_rates.contains_key(&plan)
            {
                let wrong = format!(
                    "no rates of `{plan}` are imported; import AWS's savings-plan list with `emp-cost prices import` and pass it with --price-list, or give `discount_fraction`"
                );
                return Err(PricesError::Field { what: commitment.what(), wrong });
            }
        }
        Ok(())
    }

    /// Returns the user's commitments in the order in which they are consumed: by kind, then by their order in the
    /// file.
    pub fn commitments(&self) -> Vec<Commitment> {
        let commitment = |row: &user_prices_file::UserCommitment| {
            let expires = row.expires.map(first_second);
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

    /// The same book once commitments that expire up to this second have.
    pub fn once_expired(&self, seconds: i64) -> Self {
        let mut book = self.clone();
        let stays = |row: &user_prices_file::UserCommitment| row.expires.is_none_or(|day| first_second(day) > seconds);
        book.user.commitment.retain(stays);
        book
    }

    /// The same book without any commitment.
    pub fn without_commitments(&self) -> Self {
        let mut book = self.clone();
        book.user.commitment.clear();
        book
    }

    /// Rate of a machine with this list price under a commitment; `None` when the commitment does not cover it.
    ///
    /// AWS discounts the machine and not its licence, which is paid in full out of the commitment.
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
        if machine.capacity_type != CapacityType::OnDemand || !covers {
            return None;
        }
        // Reserved instances are for one operating system, which the prices file does not name.
        if commitment.kind == CommitmentKind::ReservedInstances && machine.os != OperatingSystem::Linux {
            return None;
        }
        let licence = self.licence_per_hour(machine)?;
        let of_machine = |list: Option<UsdPerHour>| Some(list?.usd_per_hour() - licence);
        let rate = match &commitment.rates {
            PlanRates::Discount(discount) => of_machine(list)? * (1.0 - discount),
            PlanRates::Imported(plan) => {
                let key = (machine.region.clone(), machine.instance_type.clone());
                self.imported.plan_rates.get(plan)?.get(&key)?.usd_per_hour()
            }
            PlanRates::Offered(plan, term) => {
                let discount = self.catalog.commitment_discount(&machine.region, machine.family(), *plan, *term)?;
                of_machine(list)? * (1.0 - discount.price)
            }
        };
        UsdPerHour::try_new(rate + licence).ok()
    }

    /// Returns the list price of a machine above that of the same machine with Linux; zero for Linux.
    fn licence_per_hour(&self, machine: &MachineKind) -> Option<f64> {
        if machine.os == OperatingSystem::Linux {
            return Some(0.0);
        }
        let linux = MachineKind { os: OperatingSystem::Linux, ..machine.clone() };
        let difference = self.list(machine)?.price.usd_per_hour() - self.list(&linux)?.price.usd_per_hour();
        Some(difference.max(0.0))
    }
}

fn plan_rates(row: &user_prices_file::UserCommitment) -> PlanRates {
    match (row.discount_fraction, &row.term, &row.payment) {
        (None, Some(term), Some(payment)) => PlanRates::Imported(format!("{}/{term}/{payment}", row.kind.as_str())),
        (discount, ..) => PlanRates::Discount(discount.unwrap_or_default()),
    }
}
