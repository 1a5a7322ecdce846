//! The packer of the best EC2: the cheapest of several packings, improved a few machines at a time.

use std::ops::Range;

use super::dot_product::DotProduct;
use super::first_fit_decreasing::all;
use super::purchase_plan::{Bought, Kind, PurchasePlan, dominant_share, kinds};
use super::shadow_prices::{ShadowPrices, Sum, by_worth, worth};
use super::{Item, Offer, Packing};
use super::{equal_items, few_items_exact, one_type};
use crate::number::index;

/// Items placed in trials with a whole set: every type and order for small ones, the best for large ones.
const WHOLE: Trials = Trials { items: 100_000, types: usize::MAX };
/// Items placed in trials while machines are packed again, and the types tried for each few machines.
const AGAIN: Trials = Trials { items: 600_000, types: 5 };
/// Trials that an item counts as where the dot product packs it, beside first-fit.
const FILLING: usize = 12;
/// Types machines are filled as by the dot product alone: those that were cheapest by first-fit.
const FILLED: usize = 3;
/// Machines packed again together, in this order.
const TOGETHER: [usize; 7] = [2, 1, 3, 4, 6, 9, 14];
/// A packing that costs no more than this times what it must is left as it is.
const CLOSE: f64 = 1.002;

/// Trials that may be made.
#[derive(Debug, Clone, Copy)]
struct Trials {
    /// Items that may still be placed.
    items: usize,
    /// Types that whole packings are tried with.
    types: usize,
}

impl Trials {
    fn spend(&mut self, items: usize) {
        self.items = self.items.saturating_sub(items);
    }
}

/// The packer, made once for what is on offer.
///
/// No one rule is best on every set. Few items, and items of one size, are packed at the least cost there is. Others are
/// packed by the dot product over all types, by first-fit in three orders onto each type, and by the dot product onto the
/// best of these; every machine becomes the cheapest that holds what it got, and the cheapest packing counts. Then the
/// machines that cost most beyond what their items are worth are packed again, alone and together, while that is cheaper.
#[derive(Debug, Clone)]
pub struct Packer {
    /// By price.
    kinds: Vec<Kind>,
    prices: ShadowPrices,
    /// Price of the dearest, in nano-dollars an hour: prices are counted as shares of it.
    dearest: f64,
}

impl Packer {
    /// A packer for `offers`; those that another dominates are never bought.
    pub fn new(offers: &[Offer]) -> Self {
        let (kinds, dearest) = kinds(offers);
        let prices = ShadowPrices::of(&kinds);
        Self { kinds, prices, dearest }
    }

    /// Packs `items` onto machines to be bought.
    pub fn pack(&self, items: &[Item]) -> Packing {
        self.pack_on_at_least(items, 1)
    }

    /// Packs `items` onto machines to be bought, at least so many; no more than there are items, since none is bought
    /// for nothing.
    pub fn pack_on_at_least(&self, items: &[Item], machines: usize) -> Packing {
        let fits_any = |i: &u32| items.get(index(*i)).is_some_and(|item| self.kinds.iter().any(|k| k.room.fits(item)));
        let (fitting, unplaced): (Vec<u32>, Vec<u32>) = all(items).into_iter().partition(fits_any);
        let mut plan = self.best(items, &fitting, &mut { WHOLE });
        self.improve(items, &mut plan, &mut { AGAIN });
        let machines = machines.min(fitting.len());
        if plan.machines.len() < machines {
            plan = self.spread(items, &fitting, plan, machines);
        }
        Packing { machines: plan.into_packed(), unplaced }
    }

    /// Packs items of machines that run onto others, at least so many, and takes what is tried off `work`: items placed in
    /// trials. Where some of them fit nothing on offer, none is placed.
    pub(crate) fn repack(&self, items: &[Item], machines: usize, work: &mut usize) -> Packing {
        let mut trials = Trials { items: *work, types: AGAIN.types };
        let which = all(items);
        let mut plan = self.best(items, &which, &mut trials);
        self.improve(items, &mut plan, &mut trials);
        // Work that is too little to try all still took one trial.
        *work = trials.items.min(work.saturating_sub(FILLING * items.len().max(1)));
        let machines = machines.min(items.len());
        if plan.machines.len() < machines {
            plan = self.spread(items, &which, plan, machines);
        }
        let placed: usize = plan.machines.iter().map(|machine| machine.items.len()).sum();
        let unplaced = if placed == items.len() { Vec::new() } else { which };
        Packing { machines: plan.into_packed(), unplaced }
    }

    /// A price as this packer counts it: a share of the dearest machine's.
    pub(crate) fn relative(&self, price: types::UsdPerHour) -> f64 {
        (price.usd_per_hour() * 1e9).round() / self.dearest
    }

    /// Returns what a millicore and a MiB are worth where so much is asked for, as [`Self::relative`] counts: no
    /// machines cost less than what they hold is worth.
    pub(crate) fn shadow_prices(&self, cpu: u64, memory: u64) -> (f64, f64) {
        self.prices.dearest(&Sum { cpu, memory, ..Sum::default() }).0
    }

    /// The cheapest of several packings of `which` of the items, each of which fits something.
    fn best(&self, items: &[Item], which: &[u32], trials: &mut Trials) -> PurchasePlan {
        let exact = equal_items::pack(items, which, &self.kinds)
            .or_else(|| few_items_exact::pack(items, which, 1, &self.kinds));
        if let Some(machines) = exact {
            return PurchasePlan::of(machines);
        }
        let sum = Sum::of(sizes(items, which));
        let least = self.least(items, which, &sum);
        let mut best = self.on_one(items, which.to_vec()).map(|one| PurchasePlan::of(vec![one]));
        let mut is_enough = |machines: Vec<Bought>| {
            let all = machines.iter().map(|machine| machine.items.len()).sum::<usize>() == which.len();
            let plan = PurchasePlan::of(machines);
            if all && best.as_ref().is_none_or(|best| plan.is_better_than(best)) {
                best = Some(plan);
            }
            best.as_ref().is_some_and(|best| best.cost <= least * CLOSE)
        };
        trials.spend(FILLING * which.len());
        if !is_enough(self.filling(&self.kinds).pack(items, which)) {
            self.by_one_type(items, which, &sum, trials, &mut is_enough);
        }
        best.unwrap_or_default()
    }

    /// First-fit onto machines of each type, and the dot product onto the best of them, until `is_enough` says so.
    fn by_one_type(
        &self,
        items: &[Item],
        which: &[u32],
        sum: &Sum,
        trials: &mut Trials,
        is_enough: &mut impl FnMut(Vec<Bought>) -> bool,
    ) {
        let by_cpu = sorted(items, which, |item| (item.cpu.into(), item.memory));
        let by_memory = sorted(items, which, |item| (item.memory.into(), item.cpu));
        // One that holds everything is one machine, which is known already.
        let types = by_worth(&self.kinds, self.prices.blended(sum)).into_iter().filter(|kind| !sum.fits(&kind.room));
        let mut tried: Vec<(f64, Kind)> = Vec::new();
        for kind in types.take(trials.types) {
            let by_share = sorted(items, which, |item| (dominant_share(item, &kind.room), item.cpu));
            let mut orders = vec![&by_share, &by_cpu, &by_memory];
            orders.dedup();
            let mut cheapest = f64::INFINITY;
            for order in orders {
                trials.spend(which.len());
                let Some(machines) = one_type::pack(items, order, &kind.room, &self.kinds) else { continue };
                cheapest = cheapest.min(machines.iter().map(|machine| machine.kind.price).sum());
                if is_enough(machines) {
                    return;
                }
            }
            tried.push((cheapest, kind));
            if trials.items == 0 {
                return;
            }
        }
        tried.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, kind) in tried.into_iter().take(FILLED) {
            trials.spend(FILLING * which.len());
            if is_enough(self.filling(&[kind]).pack(items, which)) {
                return;
            }
        }
    }

    /// The dot product over machines opened as one of `opened`.
    fn filling<'a>(&'a self, opened: &'a [Kind]) -> DotProduct<'a> {
        DotProduct { kinds: &self.kinds, opened, prices: &self.prices }
    }

    /// Returns what no packing can cost less than: the worth of all at shadow prices, and the machine for the item
    /// worth most.
    fn least(&self, items: &[Item], which: &[u32], sum: &Sum) -> f64 {
        let (prices, bound) = self.prices.dearest(sum);
        let largest = sizes(items, which).max_by(|a, b| worth(a, prices).total_cmp(&worth(b, prices)));
        let machine = largest.and_then(|item| self.kinds.iter().find(|kind| kind.room.fits(item)));
        machine.map_or(bound, |kind| bound.max(kind.price))
    }

    /// Packs machines again that cost most beyond what they hold is worth, while that is cheaper.
    fn improve(&self, items: &[Item], plan: &mut PurchasePlan, trials: &mut Trials) {
        let placed = plan.machines.iter().flat_map(|machine| &machine.items);
        let (prices, least) = self.prices.dearest(&Sum::of(placed.filter_map(|i| items.get(index(*i)))));
        let mut cheaper = true;
        while cheaper && plan.cost > least * CLOSE {
            cheaper = false;
            plan.machines.sort_by(|a, b| excess(items, b, prices).total_cmp(&excess(items, a, prices)));
            for together in TOGETHER {
                let mut at = 0;
                while at < plan.machines.len() && trials.items > 0 {
                    let few = at..(at + together).min(plan.machines.len());
                    match self.again(items, plan, few.clone(), prices, trials) {
                        Again::Cheaper(new) => {
                            plan.machines.splice(few, new.machines);
                            *plan = PurchasePlan::of(std::mem::take(&mut plan.machines));
                            cheaper = true;
                        }
                        Again::NotCheaper => at += together.div_ceil(2),
                        // Those after them cost even less beyond what they hold.
                        Again::Close => break,
                    }
                }
            }
        }
    }

    /// Packs a few machines again.
    fn again(
        &self,
        items: &[Item],
        plan: &PurchasePlan,
        few: Range<usize>,
        prices: (f64, f64),
        trials: &mut Trials,
    ) -> Again {
        let old = PurchasePlan::of(plan.machines.get(few).unwrap_or_default().to_vec());
        let excess: f64 = old.machines.iter().map(|machine| excess(items, machine, prices)).sum();
        if excess <= (CLOSE - 1.0) * old.cost {
            return Again::Close;
        }
        let which: Vec<u32> = old.machines.iter().flat_map(|machine| machine.items.iter().copied()).collect();
        let new = self.best(items, &which, trials);
        if new.is_better_than(&old) { Again::Cheaper(new) } else { Again::NotCheaper }
    }

    /// A packing on `n` machines at the least. For few items the cheapest there is; for others the cheapest of those by
    /// one type that have as many, of `fewer` with items that leave it, and of all items dealt out evenly.
    fn spread(&self, items: &[Item], which: &[u32], fewer: PurchasePlan, n: usize) -> PurchasePlan {
        if let Some(machines) = few_items_exact::pack(items, which, n, &self.kinds) {
            return PurchasePlan::of(machines);
        }
        let mut best = self.dealt(items, which, n);
        let mut consider = |machines: Vec<Bought>| {
            let plan = PurchasePlan::of(machines);
            if plan.machines.len() >= n && plan.is_better_than(&best) {
                best = plan;
            }
            false
        };
        consider(self.left_alone(items, fewer, n).machines);
        self.by_one_type(items, which, &Sum::of(sizes(items, which)), &mut { WHOLE }, &mut consider);
        best
    }

    /// A packing with items taken off its machines onto machines of their own until there are `n`, each time the item for
    /// which that costs least.
    fn left_alone(&self, items: &[Item], mut plan: PurchasePlan, n: usize) -> PurchasePlan {
        while plan.machines.len() < n {
            let mut best: Option<(f64, usize, [Bought; 2])> = None;
            for (at, machine) in plan.machines.iter().enumerate().filter(|(_, machine)| machine.items.len() > 1) {
                for i in &machine.items {
                    let others = machine.items.iter().copied().filter(|other| other != i).collect();
                    let (Some(alone), Some(rest)) = (self.on_one(items, vec![*i]), self.on_one(items, others)) else {
                        continue;
                    };
                    let more = alone.kind.price + rest.kind.price - machine.kind.price;
                    if best.as_ref().is_none_or(|(least, ..)| more < *least) {
                        best = Some((more, at, [rest, alone]));
                    }
                }
            }
            let Some((_, at, two)) = best else { break };
            plan.machines.splice(at..=at, two);
        }
        PurchasePlan::of(plan.machines)
    }

    /// The cheapest machine that holds all of `which`.
    fn on_one(&self, items: &[Item], which: Vec<u32>) -> Option<Bought> {
        let sum = Sum::of(sizes(items, &which));
        let kind = self.kinds.iter().find(|kind| sum.fits(&kind.room))?;
        Some(Bought { kind: *kind, items: which })
    }

    /// Items dealt out to so many parts, the largest first and each to the part that has least; each part packed.
    fn dealt(&self, items: &[Item], which: &[u32], parts: usize) -> PurchasePlan {
        let (prices, _) = self.prices.dearest(&Sum::of(sizes(items, which)));
        let mut dealt: Vec<(f64, Vec<u32>)> = vec![(0.0, Vec::new()); parts];
        for i in sorted(items, which, |item| (worth(item, prices).to_bits(), item.cpu)) {
            let least = dealt.iter_mut().min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.len().cmp(&b.1.len())));
            if let (Some((sum, part)), Some(item)) = (least, items.get(index(i))) {
                *sum += worth(item, prices);
                part.push(i);
            }
        }
        let parts = dealt.iter().filter(|(_, part)| !part.is_empty());
        PurchasePlan::of(parts.flat_map(|(_, part)| self.best(items, part, &mut { WHOLE }).machines).collect())
    }
}

/// Outcome of packing machines again.
enum Again {
    Cheaper(PurchasePlan),
    NotCheaper,
    /// They cost hardly more than their items are worth.
    Close,
}

fn sizes<'a>(items: &'a [Item], which: &'a [u32]) -> impl Iterator<Item = &'a Item> {
    which.iter().filter_map(|i| items.get(index(*i)))
}

/// Returns the cost of a machine beyond the worth of what it holds.
fn excess(items: &[Item], machine: &Bought, prices: (f64, f64)) -> f64 {
    machine.kind.price - sizes(items, &machine.items).map(|item| worth(item, prices)).sum::<f64>()
}

/// `which` by decreasing size, the first of equals first.
fn sorted(items: &[Item], which: &[u32], size: impl Fn(&Item) -> (u64, u32)) -> Vec<u32> {
    let mut keyed: Vec<((u64, u32), u32)> =
        which.iter().filter_map(|i| Some((size(items.get(index(*i))?), *i))).collect();
    keyed.sort_unstable_by_key(|(size, i)| (std::cmp::Reverse(*size), *i));
    keyed.into_iter().map(|(_, i)| i).collect()
}
