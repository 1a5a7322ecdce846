//! Bin-centric packing by dot product: one machine at a time takes the item that points most where it has room left,
//! and then exchanges what it took while that fills it better.

mod unpacked_items;

use super::purchase_plan::{Bought, CHEAPER, Kind, cheapest};
use super::shadow_prices::{ShadowPrices, Sum, by_worth, worth};
use super::{Item, Room};
use crate::number::{float, float32, index};
use unpacked_items::{Piles, Place};

/// Offers tried for one machine, the best by their price for what is wanted.
const TRIED: usize = 6;
/// A machine whose load is worth this share of its room is left as it is.
const FULL: f32 = 0.995;
/// Sizes tried in the place of an item, together with the best that goes beside each.
const SAMPLED: usize = 16;
/// Rounds of exchanges at the most.
const ROUNDS: u32 = 4;
/// Factor by which a change must be worth more, so that rounding never makes one.
const MORE: f32 = 1.001;

/// The packer, over what is on offer.
///
/// Panigrahy and others, "Heuristics for vector bin packing" (2011), found the bin-centric dot product the best of the
/// quick ones. It is greedy: a machine that takes the three largest pods may end with all its memory and three quarters
/// of its CPU, and at the end of the packing there is nothing left to go with what was passed over. So a machine also
/// exchanges an item for a better one, or for two, while that gains at the shadow prices of CPU and memory: in a few
/// rounds, over a sample of sizes.
#[derive(Clone, Copy)]
pub(super) struct DotProduct<'a> {
    /// Everything on offer, by price: each machine becomes the cheapest that holds what it took.
    pub(super) kinds: &'a [Kind],
    /// Kinds that a machine may be opened as, where that takes something in.
    pub(super) opened: &'a [Kind],
    pub(super) prices: &'a ShadowPrices,
}

/// A machine filled, and what it becomes.
struct Step {
    kind: Kind,
    load: Load,
}

impl DotProduct<'_> {
    /// Packs `which` of the items, each of which fits something on offer.
    pub(super) fn pack(&self, items: &[Item], which: &[u32]) -> Vec<Bought> {
        let mut left = Sum::of(which.iter().filter_map(|i| items.get(index(*i))));
        let mut piles = Piles::new(items, which);
        let mut machines = Vec::new();
        while left.pods > 0 && !self.kinds.iter().any(|kind| left.fits(&kind.room)) {
            piles.clear_away();
            let Some(step) = self.next(&mut piles, &mut left, machines.len()) else { break };
            machines.push(bought(step.kind, step.load.taken, &mut piles));
        }
        piles.clear_away();
        self.end(&mut piles, left, &mut machines);
        machines
    }

    /// Packs what one machine could hold: machine by machine as before, or from any point on all of it on one, whichever
    /// costs least. A large machine for a small rest is dear, and so are many small ones for what one would hold.
    fn end(&self, piles: &mut Piles, mut left: Sum, machines: &mut Vec<Bought>) {
        let mut steps: Vec<(Option<Kind>, Step)> = Vec::new();
        while left.pods > 0 {
            let one = self.kinds.iter().find(|kind| left.fits(&kind.room)).copied();
            let Some(step) = self.next(piles, &mut left, machines.len() + steps.len()) else { break };
            steps.push((one, step));
        }
        // From the last step to the first: what it costs from there on, and whether one machine takes it all.
        let mut rest = 0.0;
        let mut ends = vec![false; steps.len()];
        for ((one, step), ends) in steps.iter().zip(&mut ends).rev() {
            rest += step.kind.price;
            if let Some(one) = one.filter(|one| one.price * CHEAPER <= rest) {
                (rest, *ends) = (one.price, true);
            }
        }
        let mut steps = steps.into_iter().zip(ends);
        while let Some(((one, step), end)) = steps.next() {
            let Some(one) = one.filter(|_| end) else {
                machines.push(bought(step.kind, step.load.taken, piles));
                continue;
            };
            let mut taken = step.load.taken;
            steps.by_ref().for_each(|((_, step), _)| taken.extend(step.load.taken));
            machines.push(bought(one, taken, piles));
        }
    }

    /// The next machine, and what it takes off the piles.
    fn next(&self, piles: &mut Piles, left: &mut Sum, turn: usize) -> Option<Step> {
        let prices = self.prices.blended(left);
        let mut tried = by_worth(self.opened, prices);
        tried.truncate(TRIED);
        let opened = match tried.as_slice() {
            [only] => Some(*only),
            tried => self.best(piles, left, prices, tried),
        };
        let filled = opened.map(|opened| self.filled(opened, piles, left, prices, turn));
        // Nothing that is left may fit what machines are opened as.
        let load = match filled.filter(|load| !load.taken.is_empty()) {
            Some(load) => load,
            None => {
                let opened = self.best(piles, left, prices, self.kinds)?;
                self.filled(opened, piles, left, prices, turn)
            }
        };
        let kind = cheapest(self.kinds, &load.holds()).filter(|_| !load.taken.is_empty())?;
        load.taken.iter().for_each(|place| left.add(&piles.size(*place), -1));
        Some(Step { kind, load })
    }

    /// A machine of one type, filled.
    fn filled(&self, opened: Kind, piles: &mut Piles, left: &Sum, prices: (f64, f64), turn: usize) -> Load {
        let mut load = Load::new(opened.room);
        load.fill(piles, left.directions(&opened.room));
        load.improve(piles, left.directions(&opened.room), narrow(prices), turn);
        load
    }

    /// Chooses what to open a machine as: the lowest price for the worth it takes in, once it is the cheapest that
    /// holds that.
    fn best(&self, piles: &mut Piles, left: &Sum, prices: (f64, f64), tried: &[Kind]) -> Option<Kind> {
        let mut best: Option<(f64, Kind)> = None;
        for kind in tried {
            let mut load = Load::new(kind.room);
            load.fill(piles, left.directions(&kind.room));
            let worth: f64 = load.taken.iter().map(|place| worth(&piles.size(*place), prices)).sum();
            load.taken.iter().for_each(|place| piles.put_back(*place));
            let Some(becomes) = cheapest(self.kinds, &load.holds()) else { continue };
            let rate = becomes.price / worth.max(f64::MIN_POSITIVE);
            if !load.taken.is_empty() && best.is_none_or(|(best, _)| rate < best) {
                best = Some((rate, *kind));
            }
        }
        best.map(|(_, kind)| kind)
    }
}

/// A machine and the items that were taken off the piles for it.
fn bought(kind: Kind, taken: Vec<Place>, piles: &mut Piles) -> Bought {
    Bought { kind, items: taken.into_iter().filter_map(|place| piles.packed(place)).collect() }
}

impl Sum {
    /// Weights room left in the dot product: shares of the machine, weighed by how much of each is still wanted.
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

/// A machine being filled.
struct Load {
    /// Room that it has left.
    room: Room,
    /// The piles it took from, once for each item.
    taken: Vec<Place>,
    all: Room,
}

impl Load {
    fn new(room: Room) -> Self {
        Self { room, taken: Vec::new(), all: room }
    }

    /// Objects, and who watches them.
    fn holds(&self) -> Room {
        self.all.without(&self.room)
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
