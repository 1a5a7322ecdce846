//! Machine-seconds of each hour into money: on-demand, spot, and commitments consumed hour by hour.
//!
//! One function for every scenario ([`Pricing::hour`]): what was observed and what is simulated are priced alike.
//! A commitment is a fixed spend for each hour. Within an hour it covers machine-seconds at its own rate until it is
//! used up; what is left over runs at the contracted price, and what is not used is a cost of its own. Nothing is
//! carried from one hour to the next, as AWS does not. Where the book knows when a price changed, and what it was, an
//! hour before that is priced at what it was then.

use std::collections::BTreeMap;

use types::{CommitmentKind, Hour, NanoUsd, PriceSeconds, UsdPerHour, split, window::HOUR_SECONDS};

use crate::machine_kind::MachineKind;
use crate::price_book::{Commitment, PriceBook, Rate};

/// Prices machine-seconds hour by hour.
#[derive(Debug)]
pub struct Pricing<'a> {
    book: &'a PriceBook,
    rates: BTreeMap<MachineKind, Option<Rates>>,
    plans: Vec<PlanSums>,
    machines: BTreeMap<MachineKind, MachineSums>,
}

/// Rate of a machine, and its rate under each commitment that covers it.
#[derive(Debug, Clone)]
struct Rated {
    rate: Rate,
    /// By the number of the commitment.
    committed: BTreeMap<usize, UsdPerHour>,
}

/// The rates of a machine over time.
#[derive(Debug, Clone)]
struct Rates {
    now: Rated,
    /// Rates before the price changed, with the first second of the new price.
    before: Option<(i64, Rated)>,
}

impl Rates {
    fn at(&self, hour: Hour) -> &Rated {
        match &self.before {
            Some((until, before)) if hour.start_seconds() < *until => before,
            _ => &self.now,
        }
    }
}

#[derive(Debug)]
struct PlanSums {
    plan: Commitment,
    committed: PriceSeconds,
    used: PriceSeconds,
    covered: PriceSeconds,
}

#[derive(Debug, Clone, Copy, Default)]
struct MachineSums {
    seconds: i64,
    list: PriceSeconds,
    contracted: PriceSeconds,
    effective: PriceSeconds,
    covered_seconds: i64,
    /// Seconds before the price changed.
    before_seconds: i64,
}

/// Cost of machines of one kind over the hours priced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineCost {
    /// Machine-seconds.
    pub seconds: i64,
    /// Machine-seconds covered by commitments.
    pub covered_seconds: i64,
    /// Price without commitments, with its origin; the latest one where it changed within the hours priced.
    pub rate: Rate,
    /// Price before it changed, and the seconds at that price; `None` where no hour is from before.
    pub before: Option<(Rate, i64)>,
    /// Cost at the public list price; `None` when there is none.
    pub list: Option<NanoUsd>,
    /// Cost at the contracted price, without commitments.
    pub contracted: NanoUsd,
    /// Effective cost: with commitments, as far as they were used.
    pub effective: NanoUsd,
}

/// Use of one commitment over the hours priced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanCost {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: CommitmentKind,
    /// Amount paid.
    pub committed: NanoUsd,
    /// Part of it that was used.
    pub used: NanoUsd,
    /// Cost of what it covered, at contracted prices.
    pub covered: NanoUsd,
    /// First second after it has expired; `None` where the user gives no day.
    pub expires_seconds: Option<i64>,
}

/// Cost of the hours priced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HourlyCost {
    /// By kind of machine; those without a price are not here.
    pub machines: BTreeMap<MachineKind, MachineCost>,
    /// Seconds of machines without a price.
    pub unpriced_seconds: BTreeMap<MachineKind, i64>,
    /// Commitments, in the order in which they are consumed.
    pub plans: Vec<PlanCost>,
}

impl HourlyCost {
    /// Total at public list prices; `None` when a machine has none.
    pub fn list(&self) -> Option<NanoUsd> {
        self.machines.values().map(|machine| machine.list).sum()
    }

    /// Total at contracted prices, without commitments.
    pub fn contracted(&self) -> NanoUsd {
        self.machines.values().map(|machine| machine.contracted).sum()
    }

    /// Effective cost: with commitments, as far as they were used.
    pub fn effective(&self) -> NanoUsd {
        self.machines.values().map(|machine| machine.effective).sum()
    }

    /// Commitments paid for and not used.
    pub fn unused(&self) -> NanoUsd {
        self.plans.iter().map(|plan| plan.committed - plan.used).sum()
    }
}

impl<'a> Pricing<'a> {
    /// Starts pricing with a price book and the user's commitments.
    pub fn new(book: &'a PriceBook) -> Self {
        Self::with_commitments(book, book.commitments())
    }

    /// Starts pricing with other commitments than the user's, in the order in which they are consumed.
    pub(crate) fn with_commitments(book: &'a PriceBook, commitments: Vec<Commitment>) -> Self {
        let sums = |plan| PlanSums {
            plan,
            committed: PriceSeconds::default(),
            used: PriceSeconds::default(),
            covered: PriceSeconds::default(),
        };
        let plans = commitments.into_iter().map(sums).collect();
        Self { book, rates: BTreeMap::new(), plans, machines: BTreeMap::new() }
    }

    /// Rate of a machine without commitments; `None` when the book has none.
    pub fn rate(&mut self, machine: &MachineKind) -> Option<&Rate> {
        self.rates(machine).map(|rates| &rates.now.rate)
    }

    fn rates(&mut self, machine: &MachineKind) -> Option<&Rates> {
        if !self.rates.contains_key(machine) {
            let rated = |rate: Rate| {
                let plans = self.plans.iter().enumerate();
                let committed = plans.filter_map(|(n, sums)| {
                    // A commitment's rate follows from the list price, so it changed with that.
                    Some((n, self.book.committed_rate(&sums.plan, machine, rate.list)?))
                });
                Rated { committed: committed.collect(), rate }
            };
            let rates = self.book.rate(machine).map(|now| Rates {
                now: rated(now),
                before: self.book.rate_before(machine).map(|(until, before)| (until, rated(before))),
            });
            self.rates.insert(machine.clone(), rates);
        }
        self.rates.get(machine)?.as_ref()
    }

    /// Prices an hour, given the seconds that machines of each kind ran in it. Hours may come in any order, each once.
    ///
    /// Every commitment in force is paid for the whole hour, whether anything runs or not.
    pub fn hour(&mut self, hour: Hour, used: &BTreeMap<MachineKind, i64>) {
        self.take(hour, used);
    }

    /// Prices an hour, and returns the seconds of priced machines that no commitment covered.
    pub(crate) fn take<'u>(
        &mut self,
        hour: Hour,
        used: &'u BTreeMap<MachineKind, i64>,
    ) -> BTreeMap<&'u MachineKind, i64> {
        let mut uncovered = BTreeMap::new();
        for (machine, seconds) in used {
            let Some(rates) = self.rates(machine) else {
                self.add(machine, *seconds, |_| {});
                continue;
            };
            let before = rates.before.as_ref().is_some_and(|(until, _)| hour.start_seconds() < *until);
            let rated = rates.at(hour).clone();
            self.add(machine, *seconds, |sums| {
                sums.before_seconds += if before { *seconds } else { 0 };
                sums.contracted += rated.rate.contracted.price.for_seconds(*seconds);
                sums.list += rated.rate.list.map(|list| list.for_seconds(*seconds)).unwrap_or_default();
            });
            uncovered.insert(machine, (*seconds, rated));
        }
        for n in 0..self.plans.len() {
            self.consume(n, hour, &mut uncovered);
        }
        for (machine, (seconds, rated)) in &uncovered {
            self.add(machine, 0, |sums| sums.effective += rated.rate.contracted.price.for_seconds(*seconds));
        }
        uncovered.into_iter().map(|(machine, (seconds, _))| (machine, seconds)).collect()
    }

    fn add(&mut self, machine: &MachineKind, seconds: i64, add: impl FnOnce(&mut MachineSums)) {
        let sums = match self.machines.get_mut(machine) {
            Some(sums) => sums,
            None => self.machines.entry(machine.clone()).or_default(),
        };
        sums.seconds += seconds;
        add(sums);
    }

    /// Applies one commitment: to the deepest discount first, as AWS does, then to the lower rate, then by name.
    fn consume(&mut self, n: usize, hour: Hour, uncovered: &mut BTreeMap<&MachineKind, (i64, Rated)>) {
        let Some(sums) = self.plans.get_mut(n) else { return };
        if sums.plan.expires_seconds.is_some_and(|expires| hour.start_seconds() >= expires) {
            return;
        }
        let mut budget = sums.plan.usd_per_hour.for_seconds(HOUR_SECONDS);
        sums.committed += budget;
        let mut candidates: Vec<_> = uncovered
            .iter()
            .filter_map(|(machine, (_, rated))| {
                let rate = *rated.committed.get(&n)?;
                let contracted = rated.rate.contracted.price;
                let paid = types::number::ratio(rate.usd_per_hour(), contracted.usd_per_hour()).unwrap_or(1.0);
                // A user's own price may be lower than the commitment's rate; AWS would still use it up.
                Some((types::number::whole(paid * 1e9), rate, *machine))
            })
            .collect();
        candidates.sort();
        for (_, rate, machine) in candidates {
            let Some((left, rated)) = uncovered.get_mut(machine) else { continue };
            let seconds = budget.seconds_at(rate).map_or(*left, |affordable| affordable.min(*left));
            let cost = rate.for_seconds(seconds);
            budget = budget - cost;
            *left -= seconds;
            sums.used += cost;
            sums.covered += rated.rate.contracted.price.for_seconds(seconds);
            if let Some(of_machine) = self.machines.get_mut(machine) {
                of_machine.effective += cost;
                of_machine.covered_seconds += seconds;
            }
        }
    }

    /// Returns the cost of the hours priced. Each kind of machine is rounded once, to a nano-dollar.
    pub fn finish(self) -> HourlyCost {
        let mut cost = HourlyCost::default();
        for (machine, sums) in self.machines {
            let Some(Some(rates)) = self.rates.get(&machine) else {
                cost.unpriced_seconds.insert(machine, sums.seconds);
                continue;
            };
            let before = rates.before.as_ref().map(|(_, before)| &before.rate).filter(|_| sums.before_seconds > 0);
            let only_before = before.filter(|_| sums.before_seconds == sums.seconds);
            let of_machine = MachineCost {
                seconds: sums.seconds,
                covered_seconds: sums.covered_seconds,
                rate: only_before.unwrap_or(&rates.now.rate).clone(),
                before: before.map(|before| (before.clone(), sums.before_seconds)),
                list: rates.now.rate.list.map(|_| sums.list.cost()),
                contracted: sums.contracted.cost(),
                effective: sums.effective.cost(),
            };
            cost.machines.insert(machine, of_machine);
        }
        for sums in self.plans {
            cost.plans.push(PlanCost {
                name: sums.plan.name,
                kind: sums.plan.kind,
                committed: sums.committed.cost(),
                used: sums.used.cost(),
                covered: sums.covered.cost(),
                expires_seconds: sums.plan.expires_seconds,
            });
        }
        cost
    }
}

/// Splits the cost of machines of one kind over groups of them, by their seconds.
pub fn share(cost: NanoUsd, seconds: &[i64]) -> Vec<NanoUsd> {
    let weights: Vec<i128> = seconds.iter().copied().map(i128::from).collect();
    split(cost, &weights).unwrap_or_else(|| vec![NanoUsd::ZERO; weights.len()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use types::CapacityType;

    const PLANS: &str = r#"
[[commitment]]
name = "any"
kind = "compute-savings-plan"
usd_per_hour = 1.0
discount_fraction = 0.25
expires = "2026-07-01"

[[commitment]]
name = "m5"
kind = "ec2-instance-savings-plan"
usd_per_hour = 0.5
family = "m5"
region = "us-east-1"
discount_fraction = 0.5
"#;

    fn book(text: &str) -> PriceBook {
        PriceBook::catalog().unwrap().with_user_toml(text).unwrap()
    }

    fn kind(name: &str) -> MachineKind {
        MachineKind::new(name, CapacityType::OnDemand, "us-east-1")
    }

    /// The hour that starts so many hours before July 2026.
    fn hour_before(n: i64) -> Hour {
        Hour::starting_at(1_782_864_000).unwrap().plus(-n)
    }

    fn cost(text: &str, hours: &[(Hour, BTreeMap<MachineKind, i64>)]) -> HourlyCost {
        let book = book(text);
        let mut pricing = Pricing::new(&book);
        hours.iter().for_each(|(hour, used)| pricing.hour(*hour, used));
        pricing.finish()
    }

    #[test]
    fn the_plan_of_a_family_is_consumed_before_the_one_that_follows_any_machine() {
        // Two m5.4xlarge at 0.768: 0.5 USD covers 1.302 hours of them at half price; 0.698 hours are left, and cost
        // 0.698 x 0.768 x 0.75 = 0.402 of the compute plan; c5.4xlarge at 0.68 takes 0.51 more; 0.088 is unused.
        let used = BTreeMap::from([(kind("m5.4xlarge"), 7200), (kind("c5.4xlarge"), 3600)]);
        let cost = cost(PLANS, &[(hour_before(1), used)]);
        let [m5, any] = &cost.plans[..] else { panic!("two plans") };
        assert_eq!((m5.name.as_str(), any.name.as_str()), ("m5", "any"));
        assert!((m5.used.usd() - 0.5).abs() < 1e-3 && (m5.covered.usd() - 1.0).abs() < 1e-3);
        assert!((any.used.usd() - 0.912).abs() < 1e-3, "{any:?}");
        assert!((cost.unused().usd() - 0.088).abs() < 1e-3);
        assert_eq!(cost.list(), Some(cost.contracted()));
        assert!((cost.contracted().usd() - 2.216).abs() < 1e-9);
        assert!((cost.effective().usd() - 1.412).abs() < 1e-3);
    }

    #[test]
    fn an_expired_plan_is_neither_paid_nor_used() {
        let used = BTreeMap::from([(kind("c5.4xlarge"), 3600)]);
        let cost = cost(PLANS, &[(hour_before(0), used)]);
        assert_eq!(cost.plans[1].committed, NanoUsd::ZERO);
        assert_eq!(cost.plans[0].committed.usd(), 0.5);
        assert_eq!((cost.effective().usd(), cost.unused().usd()), (0.68, 0.5));
    }

    #[test]
    fn an_hour_is_paid_for_whether_anything_runs_or_not_and_nothing_is_carried_over() {
        let full = BTreeMap::from([(kind("m5.4xlarge"), 36_000)]);
        let hours = [(hour_before(3), BTreeMap::new()), (hour_before(2), full)];
        let cost = cost(PLANS, &hours);
        assert_eq!(cost.plans.iter().map(|plan| plan.committed.usd()).sum::<f64>(), 3.0);
        assert!((cost.unused().usd() - 1.5).abs() < 1e-3);
    }

    #[test]
    fn spot_and_other_regions_are_not_covered() {
        let spot = MachineKind::new("m5.4xlarge", CapacityType::Spot, "us-east-1");
        let ohio = MachineKind::new("m5.4xlarge", CapacityType::OnDemand, "us-east-2");
        let cost = cost(PLANS, &[(hour_before(0), BTreeMap::from([(spot, 3600), (ohio, 3600)]))]);
        assert_eq!(cost.plans[0].used, NanoUsd::ZERO);
        assert_eq!(cost.effective(), cost.contracted());
    }

    #[test]
    fn a_machine_without_a_price_is_counted_apart() {
        let cost = cost("", &[(hour_before(0), BTreeMap::from([(kind("m99.large"), 60), (kind("m5.large"), 3600)]))]);
        assert_eq!(cost.unpriced_seconds, BTreeMap::from([(kind("m99.large"), 60)]));
        assert_eq!(cost.effective().usd(), 0.096);
    }

    proptest! {
        #[test]
        fn used_and_overflow_are_the_effective_cost_and_no_plan_is_overdrawn(
            seconds in prop::collection::vec((0_i64..200_000, 0_i64..200_000, 0_i64..200_000), 1..10),
        ) {
            let hours: Vec<_> = seconds.iter().enumerate().map(|(n, (a, b, c))| {
                let used = [("m5.4xlarge", *a), ("m5.large", *b), ("r5.large", *c)].map(|(name, s)| (kind(name), s));
                (hour_before(i64::try_from(n).unwrap() + 1), BTreeMap::from(used))
            }).collect();
            let with = cost(PLANS, &hours);
            for plan in &with.plans {
                prop_assert!(plan.used <= plan.committed && plan.used <= plan.covered);
            }
            // What commitments do not cover costs the contracted price, to a nano-dollar a machine.
            let covered: NanoUsd = with.plans.iter().map(|plan| plan.covered).sum();
            let used: NanoUsd = with.plans.iter().map(|plan| plan.used).sum();
            let difference = with.contracted() - covered + used - with.effective();
            prop_assert!(difference.nanos().abs() <= 8, "{difference:?}");
            prop_assert!(with.effective() <= with.contracted());
            // Without plans, effective is contracted.
            let without = cost("", &hours);
            prop_assert_eq!(without.effective(), without.contracted());
            // The order of hours does not matter.
            let mut turned = hours;
            turned.reverse();
            prop_assert_eq!(with, cost(PLANS, &turned));
        }
    }
}
