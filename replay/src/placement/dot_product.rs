//! Bin-centric packing by dot product: one machine at a time takes the item that points most where it has room left,
//! and then exchanges what it took while that fills it better.

mod piles;

use super::decreasing::{all, undominated};
use super::{Item, Offer, Packed, Packing, Room};
use crate::number::{float, float32, index};
use piles::{Piles, Place};

/// Offers tried for one machine, the best by their price for what is wanted.
const TRIED: usize = 6;
/// A machine whose load is worth this share of its room is left as it is.
const FULL: f32 = 0.995;
/// Sizes tried in the place of an item, together with the best that goes beside each.
const SAMPLED: usize = 16;
/// Rounds of exchanges at the most.
const ROUNDS: u32 = 4;
/// How much more a change must be worth, so that rounding never makes one.
const MORE: f32 = 1.001;

/// The packer, made once for a set of offers.
///
/// Panigrahy and others, "Heuristics for vector bin packing" (2011), found the bin-centric dot product the best of the
/// quick ones. It is greedy: a machine that takes the three largest pods may end with all its memory and three quarters
/// of its CPU, and at the end of the packing there is nothing left to go with what was passed over. So a machine also
/// exchanges an item for a better one, or for two, while that gains at the shadow prices of CPU and memory: in a few
/// rounds, over a sample of sizes.
#[derive(Debug, Clone)]
pub struct DotProduct {
    offers: Vec<Offer>,
    /// Prices of a millicore and a MiB at which no offer is worth more than it costs, none of which can be raised.
    shadow_prices: Vec<(f64, f64)>,
}

impl DotProduct {
    /// A packer for `offers`; those that another dominates are never bought.
    pub fn new(offers: &[Offer]) -> Self {
        let offers = undominated(offers);
        let shadow_prices = shadow_prices(&offers);
        Self { offers, shadow_prices }
    }

    /// Packs `items` onto machines to be bought.
    pub fn pack(&self, items: &[Item]) -> Packing {
        let fits_any = |i: &u32| items.get(index(*i)).is_some_and(|item| self.offers.iter().any(|o| o.room.fits(item)));
        let (fitting, unplaced): (Vec<u32>, Vec<u32>) = all(items).into_iter().partition(fits_any);
        let mut packing = Packing { machines: Vec::new(), unplaced };
        let mut left = Sum::default();
        for item in fitting.iter().filter_map(|i| items.get(index(*i))) {
            left.add(item, 1);
        }
        let mut piles = Piles::new(items, &fitting);
        while left.pods > 0 {
            piles.clear_away();
            let Some((offer, load)) = self.next(&mut piles, &left, packing.machines.len()) else {
                // Each fits some machine, so there is a next one; were there none, nothing may get lost.
                for place in 0..piles.places() {
                    while !piles.is_empty(place) {
                        piles.take(place);
                        packing.unplaced.extend(piles.packed(place));
                    }
                }
                break;
            };
            for place in &load.taken {
                left.add(&piles.size(*place), -1);
            }
            let items = load.taken.into_iter().filter_map(|place| piles.packed(place)).collect();
            packing.machines.push(Packed { id: offer.id, items });
        }
        packing
    }

    /// The next machine, and what it takes off the piles.
    fn next(&self, piles: &mut Piles, left: &Sum, turn: usize) -> Option<(Offer, Load)> {
        // What is left may fit one machine: then the cheapest that holds it is the end.
        if let Some(last) = self.offers.iter().find(|offer| left.fits(&offer.room)) {
            let mut load = Load::new(last.room);
            load.fill(piles, left.directions(&last.room));
            return Some((*last, load)).filter(|(_, load)| !load.taken.is_empty());
        }
        let prices = self.prices_for(left);
        let tried = self.tried(prices);
        let offer = match tried.as_slice() {
            [only] => *only,
            tried => self.best(piles, left, prices, tried).or_else(|| self.best(piles, left, prices, &self.offers))?,
        };
        let mut load = Load::new(offer.room);
        load.fill(piles, left.directions(&offer.room));
        load.improve(piles, left.directions(&offer.room), narrow(prices), turn);
        Some((offer, load)).filter(|(_, load)| !load.taken.is_empty())
    }

    /// The offer with the lowest price for the worth it takes in.
    fn best(&self, piles: &mut Piles, left: &Sum, prices: (f64, f64), tried: &[Offer]) -> Option<Offer> {
        let mut best: Option<(f64, Offer)> = None;
        for offer in tried {
            let mut load = Load::new(offer.room);
            load.fill(piles, left.directions(&offer.room));
            let worth: f64 = load.taken.iter().map(|place| worth(&piles.size(*place), prices)).sum();
            load.taken.iter().for_each(|place| piles.put_back(*place));
            let rate = offer.price.usd_per_hour() / worth.max(f64::MIN_POSITIVE);
            if !load.taken.is_empty() && best.is_none_or(|(best, _)| rate < best) {
                best = Some((rate, *offer));
            }
        }
        best.map(|(_, offer)| offer)
    }

    /// Prices of a millicore and a MiB, which add up to one: the shadow prices, each counted the more the more it makes of
    /// what is left.
    ///
    /// The linear programme's optimum has the one pair of prices at which what is left is worth most. Where two resources
    /// are about as scarce that pair turns over from machine to machine, and machines would be filled in one resource at
    /// the other's cost; this is the same without the edge.
    fn prices_for(&self, left: &Sum) -> (f64, f64) {
        let worth = |(cpu, memory): &(f64, f64)| cpu * float(left.cpu) + memory * float(left.memory);
        let most = self.shadow_prices.iter().map(worth).fold(0.0, f64::max);
        if most <= 0.0 {
            return (0.5, 0.5);
        }
        let mut prices = (0.0, 0.0);
        for pair in &self.shadow_prices {
            let weight = eighth_power(worth(pair) / most);
            prices = (prices.0 + weight * pair.0, prices.1 + weight * pair.1);
        }
        let both = prices.0 + prices.1;
        (prices.0 / both, prices.1 / both)
    }

    /// The offers whose price is least above the worth of what they have.
    fn tried(&self, (cpu, memory): (f64, f64)) -> Vec<Offer> {
        let excess = |offer: &Offer| {
            let worth = cpu * f64::from(offer.room.cpu) + memory * f64::from(offer.room.memory);
            worth / offer.price.usd_per_hour().max(f64::MIN_POSITIVE)
        };
        let mut sorted: Vec<(f64, Offer)> = self.offers.iter().map(|offer| (excess(offer), *offer)).collect();
        sorted.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        sorted.truncate(TRIED);
        sorted.into_iter().map(|(_, offer)| offer).collect()
    }
}

#[derive(Default)]
struct Sum {
    cpu: u64,
    memory: u64,
    pods: u64,
    volumes: u64,
}

impl Sum {
    fn add(&mut self, item: &Item, sign: i64) {
        let add = |sum: &mut u64, n: u32| *sum = sum.saturating_add_signed(sign * i64::from(n));
        add(&mut self.cpu, item.cpu);
        add(&mut self.memory, item.memory);
        add(&mut self.pods, 1);
        add(&mut self.volumes, item.volumes);
    }

    fn fits(&self, room: &Room) -> bool {
        u64::from(room.cpu) >= self.cpu
            && u64::from(room.memory) >= self.memory
            && u64::from(room.pods) >= self.pods
            && u64::from(room.volumes) >= self.volumes
    }

    /// What room left counts for in the dot product: shares of the machine, weighed by how much of each is still wanted.
    fn directions(&self, room: &Room) -> (f32, f32) {
        let wanted = |left: u64, has: u32| (float(left) / f64::from(has.max(1)), f64::from(has.max(1)));
        let ((cpu, cpu_unit), (memory, memory_unit)) = (wanted(self.cpu, room.cpu), wanted(self.memory, room.memory));
        let all = (cpu + memory).max(f64::MIN_POSITIVE);
        narrow((cpu / all / cpu_unit / cpu_unit, memory / all / memory_unit / memory_unit))
    }
}

#[expect(clippy::as_conversions, reason = "weights of a choice; their last digits do not matter")]
fn narrow((a, b): (f64, f64)) -> (f32, f32) {
    (a as f32, b as f32)
}

/// How sharply prices lean to what is wanted most: by the first power both resources would count by how much of them is
/// wanted, by an endless one only the scarcer, as in the linear programme. Written out, so that it is the same everywhere.
fn eighth_power(share: f64) -> f64 {
    let square = share * share;
    let fourth = square * square;
    fourth * fourth
}

fn worth(item: &Item, (cpu, memory): (f64, f64)) -> f64 {
    // A pod that asks for nothing is still worth taking in.
    (cpu * f64::from(item.cpu) + memory * f64::from(item.memory)).max(f64::MIN_POSITIVE)
}

/// A machine being filled.
struct Load {
    /// What it has left.
    room: Room,
    /// The piles it took from, once for each item.
    taken: Vec<Place>,
    all: Room,
}

impl Load {
    fn new(room: Room) -> Self {
        Self { room, taken: Vec::new(), all: room }
    }

    /// Takes what points most to where there is room, until nothing fits.
    fn fill(&mut self, piles: &mut Piles, directions: (f32, f32)) {
        while self.room.pods > 0 {
            let by = (float32(self.room.cpu) * directions.0, float32(self.room.memory) * directions.1);
            let Some((_, place)) = piles.best(&self.room, by) else { return };
            let Some(room) = self.room.less(&piles.size(place)) else { return };
            piles.take(place);
            self.taken.push(place);
            self.room = room;
        }
    }

    /// Exchanges what it took for what is worth more.
    fn improve(&mut self, piles: &mut Piles, directions: (f32, f32), prices: (f32, f32), turn: usize) {
        for _ in 0..ROUNDS {
            if self.is_full(piles, prices) {
                return;
            }
            let mut better = self.exchange(piles, prices);
            if !self.is_full(piles, prices) {
                better |= self.split(piles, prices, turn);
            }
            if !better {
                return;
            }
            self.fill(piles, directions);
        }
    }

    fn is_full(&self, piles: &Piles, prices: (f32, f32)) -> bool {
        let worth: f32 = self.taken.iter().map(|place| worth_at(piles, *place, prices)).sum();
        worth >= FULL * at(prices, self.all.cpu, self.all.memory)
    }

    /// Each item for the best that fits in its stead.
    fn exchange(&mut self, piles: &mut Piles, prices: (f32, f32)) -> bool {
        let mut better = false;
        for own in &mut self.taken {
            let room = self.room.plus(&piles.size(*own));
            let Some((worth, other)) = piles.best(&room, prices) else { continue };
            if worth > MORE * worth_at(piles, *own, prices)
                && let Some(less) = room.less(&piles.size(other))
            {
                piles.take(other);
                piles.put_back(*own);
                (*own, self.room, better) = (other, less, true);
            }
        }
        better
    }

    /// Each item for two: one of a sample of sizes, and the best that fits beside it.
    fn split(&mut self, piles: &mut Piles, prices: (f32, f32), turn: usize) -> bool {
        let stride = (piles.places() / SAMPLED).max(1);
        let mut better = false;
        for at in 0..self.taken.len() {
            let Some(own) = self.taken.get(at).copied() else { break };
            let room = self.room.plus(&piles.size(own));
            // Of splits that are worth the same but for rounding the first counts.
            let mut least = MORE * worth_at(piles, own, prices);
            let mut best = None;
            for one in (turn % stride..piles.places()).step_by(stride) {
                let beside = room.less(&piles.size(one)).filter(|beside| beside.pods > 0);
                let Some(beside) = beside.filter(|_| one != own && !piles.is_empty(one)) else { continue };
                piles.take(one);
                if let Some((worth, two)) = piles.best(&beside, prices) {
                    let both = worth + worth_at(piles, one, prices);
                    if let Some(left) = beside.less(&piles.size(two)).filter(|_| both > least) {
                        (least, best) = (MORE * both, Some((one, two, left)));
                    }
                }
                piles.put_back(one);
            }
            let Some((one, two, left)) = best else { continue };
            piles.take(one);
            piles.take(two);
            piles.put_back(own);
            if let Some(cell) = self.taken.get_mut(at) {
                *cell = one;
            }
            self.taken.push(two);
            (self.room, better) = (left, true);
        }
        better
    }
}

fn at((per_cpu, per_memory): (f32, f32), cpu: u32, memory: u32) -> f32 {
    float32(cpu) * per_cpu + float32(memory) * per_memory
}

fn worth_at(piles: &Piles, place: Place, prices: (f32, f32)) -> f32 {
    let size = piles.size(place);
    at(prices, size.cpu, size.memory)
}

fn shadow_prices(offers: &[Offer]) -> Vec<(f64, f64)> {
    let rows: Vec<(f64, f64, f64)> = offers
        .iter()
        .map(|offer| (f64::from(offer.room.cpu), f64::from(offer.room.memory), offer.price.usd_per_hour()))
        .collect();
    let holds = |(x, y): (f64, f64)| {
        x >= 0.0 && y >= 0.0 && rows.iter().all(|(cpu, memory, price)| cpu * x + memory * y <= price * (1.0 + 1e-9))
    };
    let least = |of: &dyn Fn(&(f64, f64, f64)) -> f64| rows.iter().map(of).fold(f64::INFINITY, f64::min);
    let mut vertices =
        vec![(least(&|(cpu, _, price)| price / cpu), 0.0), (0.0, least(&|(_, memory, price)| price / memory))];
    for (i, (a, b, p)) in rows.iter().enumerate() {
        for (c, d, q) in rows.iter().skip(i + 1) {
            let determinant = a * d - b * c;
            vertices.push(((p * d - b * q) / determinant, (a * q - p * c) / determinant));
        }
    }
    vertices.retain(|v| v.0.is_finite() && v.1.is_finite() && holds(*v));
    vertices
}
