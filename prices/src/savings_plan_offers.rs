//! Savings Plans that AWS offers for what a cluster always runs: what each would save, and from when it pays.
//!
//! An offer is for the base load, the least that ran on demand in any hour beside the commitments there are, so that
//! none of it would have been unused. What it saves is found by pricing the same hours again with it ([`Pricing`]).
//! Discounts are the catalog's by region and family, without upfront payment. An offer is a suggestion beside the bill
//! and never a part of it.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{SavingsPlan, Term};
use types::{CommitmentKind, Hour, NanoUsd, UsdPerHour};

use crate::PriceOrigin;
use crate::machine_kind::MachineKind;
use crate::price_book::{Commitment, PriceBook};
use crate::pricing::Pricing;

/// AWS takes commitments in steps of a tenth of a cent.
const STEP_NANOS: i128 = 1_000_000;

/// A Savings Plan that could be bought for the base load.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Kind of plan.
    pub kind: CommitmentKind,
    /// Length of the commitment.
    pub term: Term,
    /// Family and region of an EC2 Instance Savings Plan; `None` for a Compute Savings Plan.
    pub family_and_region: Option<(String, String)>,
    /// Commitment per hour, paid whether it is used or not.
    pub usd_per_hour: UsdPerHour,
    /// Number of hours that were priced again with it.
    pub hours: u32,
    /// Contracted on-demand cost that it would have covered in these hours.
    pub covered: NanoUsd,
    /// Commitment paid in these hours.
    pub committed: NanoUsd,
    /// Source of the discounts.
    pub origin: PriceOrigin,
}

impl Offer {
    /// Saving in an average month, in the currency of the region.
    pub fn saving_monthly(&self) -> f64 {
        let hours = f64::from(self.hours.max(1));
        (self.covered - self.committed).usd() / hours * types::HOURS_PER_MONTH
    }

    /// Base load that it covers, at contracted on-demand prices per hour.
    pub fn base_load_per_hour(&self) -> f64 {
        self.covered.usd() / f64::from(self.hours.max(1))
    }

    /// Months of base load after which on-demand would have cost as much as the whole term: from then on the plan pays,
    /// even if nothing runs any more.
    pub fn break_even_months(&self) -> f64 {
        let share = types::number::ratio(self.committed.usd(), self.covered.usd()).unwrap_or(1.0);
        f64::from(self.term.months()) * share
    }
}

/// Returns what AWS offers for the base load of these hours, the highest saving first, equal ones in the order of their
/// terms: of each term a Compute Savings Plan for all of it and an EC2 Instance Savings Plan for each family in a
/// region. Offers that would save nothing are left out.
pub fn offers(book: &PriceBook, hours: &[(Hour, BTreeMap<MachineKind, i64>)]) -> Vec<Offer> {
    let mut today = Pricing::new(book);
    let uncovered: Vec<_> = hours.iter().map(|(hour, used)| (*hour, owned(today.take(*hour, used)))).collect();
    let kinds = uncovered.iter().flat_map(|(_, used)| used.keys());
    let families: BTreeSet<_> = kinds.map(|kind| (kind.family().to_owned(), kind.region.clone())).collect();
    let scopes = std::iter::once(None).chain(families.into_iter().map(Some));
    let wanted = scopes.flat_map(|scope| [Term::OneYear, Term::ThreeYears].map(|term| (scope.clone(), term)));
    let mut offers: Vec<_> = wanted.filter_map(|(scope, term)| offer(book, &uncovered, scope, term)).collect();
    offers.sort_by(|a, b| {
        let saving = |offer: &Offer| offer.covered - offer.committed;
        saving(b).cmp(&saving(a)).then_with(|| a.term.cmp(&b.term))
    });
    offers
}

fn owned(used: BTreeMap<&MachineKind, i64>) -> BTreeMap<MachineKind, i64> {
    used.into_iter().map(|(machine, seconds)| (machine.clone(), seconds)).collect()
}

/// The offer of one scope and term; `None` where nothing always runs that it would cover, or it would save nothing.
fn offer(
    book: &PriceBook,
    hours: &[(Hour, BTreeMap<MachineKind, i64>)],
    scope: Option<(String, String)>,
    term: Term,
) -> Option<Offer> {
    let plan = if scope.is_some() { SavingsPlan::Ec2Instance } else { SavingsPlan::Compute };
    let trial = Commitment::offered(UsdPerHour::try_new(0.0).ok()?, scope.clone(), term);
    let at_its_rates = |used: &BTreeMap<MachineKind, i64>| {
        let rated = used.iter().filter_map(|(machine, seconds)| {
            let list = book.rate(machine)?.list;
            Some(book.committed_rate(&trial, machine, list)?.for_seconds(*seconds))
        });
        rated.fold(types::PriceSeconds::default(), std::ops::Add::add).cost()
    };
    let least = hours.iter().map(|(_, used)| at_its_rates(used)).min()?;
    let whole = NanoUsd::new(least.nanos() - least.nanos().rem_euclid(STEP_NANOS));
    let usd_per_hour = UsdPerHour::try_new(whole.usd()).ok().filter(|_| whole > NanoUsd::ZERO)?;
    let commitment = Commitment::offered(usd_per_hour, scope.clone(), term);
    let mut pricing = Pricing::with_commitments(book, vec![commitment.clone()]);
    hours.iter().for_each(|(hour, used)| pricing.hour(*hour, used));
    let cost = pricing.finish().plans.pop()?;
    let mut discounted = hours.iter().flat_map(|(_, used)| used.keys());
    let origin =
        discounted.find_map(|machine| book.commitment_discount(&machine.region, machine.family(), plan, term))?.origin;
    let offer = Offer {
        kind: commitment.kind,
        term,
        family_and_region: scope,
        usd_per_hour,
        hours: types::number::count(hours.len()),
        covered: cost.covered,
        committed: cost.committed,
        origin,
    };
    (offer.covered > offer.committed).then_some(offer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::CapacityType;

    fn kind(name: &str) -> MachineKind {
        MachineKind::new(name, CapacityType::OnDemand, "us-east-1")
    }

    fn hour(n: i64) -> Hour {
        Hour::starting_at(1_782_864_000).unwrap().plus(-n)
    }

    /// A day with ten m5.4xlarge at noon and four of them otherwise, and a spot machine that no plan covers.
    fn day() -> Vec<(Hour, BTreeMap<MachineKind, i64>)> {
        let spot = MachineKind::new("m5.4xlarge", CapacityType::Spot, "us-east-1");
        let used = |n: i64| BTreeMap::from([(kind("m5.4xlarge"), n * 3600), (spot.clone(), 3600)]);
        (1..=24).map(|n| (hour(n), used(if n == 12 { 10 } else { 4 }))).collect()
    }

    fn book(text: &str) -> PriceBook {
        PriceBook::catalog().unwrap().with_user_toml(text).unwrap()
    }

    #[test]
    fn the_base_load_is_what_ran_in_every_hour_and_saves_its_discount() {
        let book = book("");
        let offers = offers(&book, &day());
        assert_eq!(offers.len(), 4);
        for offer in &offers {
            let plan = if offer.family_and_region.is_some() { SavingsPlan::Ec2Instance } else { SavingsPlan::Compute };
            let discount = book.commitment_discount("us-east-1", "m5", plan, offer.term).unwrap().price;
            // Four machines at 0.768, at the plan's rate, down to a tenth of a cent.
            let expect = 4.0 * 0.768 * (1.0 - discount);
            let committed = offer.usd_per_hour.usd_per_hour();
            assert!(committed <= expect + 1e-9 && committed > expect - 0.001, "{committed} for {expect}");
            assert!((offer.base_load_per_hour() - 4.0 * 0.768).abs() < 0.003, "{offer:?}");
            assert!((offer.saving_monthly() - 730.0 * 4.0 * 0.768 * discount).abs() < 1.0, "{offer:?}");
            let months = f64::from(offer.term.months()) * (1.0 - discount);
            assert!((offer.break_even_months() - months).abs() < 0.05, "{offer:?}");
            assert_eq!(offer.origin.date, "2025-04-04");
        }
        // The longer and the narrower, the more.
        assert_eq!((offers[0].term, offers[0].kind), (Term::ThreeYears, CommitmentKind::Ec2InstanceSavingsPlan));
        assert_eq!((offers[3].term, offers[3].kind), (Term::OneYear, CommitmentKind::ComputeSavingsPlan));
    }

    #[test]
    fn what_is_committed_already_is_not_offered_again() {
        let all = "[[commitment]]\nname = \"all\"\nkind = \"compute-savings-plan\"\nusd_per_hour = 100.0\ndiscount_fraction = 0.2";
        assert_eq!(offers(&book(all), &day()), []);
        let half = "[[commitment]]\nname = \"half\"\nkind = \"compute-savings-plan\"\nusd_per_hour = 1.2288\ndiscount_fraction = 0.2";
        let offers = offers(&book(half), &day());
        assert!((offers[0].base_load_per_hour() - 2.0 * 0.768).abs() < 0.003, "{:?}", offers[0]);
    }

    #[test]
    fn an_hour_in_which_nothing_ran_leaves_no_base_load() {
        let mut hours = day();
        hours.push((hour(25), BTreeMap::new()));
        assert_eq!(offers(&book(""), &hours), []);
        assert_eq!(offers(&book(""), &[]), []);
    }

    #[test]
    fn a_price_below_the_plan_is_left_alone() {
        let own = "[[node]]\ninstance_type = \"m5.4xlarge\"\nusd_per_hour = 0.3";
        assert_eq!(offers(&book(own), &day()), []);
    }
}
