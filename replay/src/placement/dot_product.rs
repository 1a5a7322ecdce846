//! Bin-centric packing by dot product: one machine at a time takes the item that points most where it has room left.

use super::decreasing::{all, undominated};
use super::{Item, Offer, Packed, Packing, Room};
use crate::number::{float, float32, id, index};

/// Offers tried for one machine, the best by their price for what is wanted.
const TRIED: usize = 6;
/// Distinct sizes up to which each is a pile of its own; beyond, sizes within about 10 % share one.
const PILES: usize = 4096;
/// Piles the scan looks at together.
const WIDE: usize = 16;

/// The packer, made once for a set of offers.
///
/// Panigrahy and others, "Heuristics for vector bin packing" (2011), found the bin-centric dot product the best of the
/// quick ones; here the weights are the shadow prices of CPU and memory, and items of one size are one pile.
#[derive(Debug, Clone)]
pub struct DotProduct {
    offers: Vec<Offer>,
    /// Prices of a millicore and a MiB at which no offer is worth more than it costs, none of which can be raised.
    shadow_prices: Vec<(f64, f64)>,
}

/// What is still to be packed, by size; a pile's top is what the scan looks at.
struct Piles {
    cpu: Vec<f32>,
    memory: Vec<f32>,
    volumes: Vec<f32>,
    /// The least CPU each pile began with, ascending.
    least_cpu: Vec<f32>,
    /// Items of each pile, the next one last.
    items: Vec<Vec<u32>>,
    /// The pile each item comes from.
    home: Vec<u32>,
    /// Whether any item has volumes.
    any_volumes: bool,
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
        let Some(most) = self.offers.iter().map(|offer| offer.room).reduce(|a, b| Room {
            cpu: a.cpu.max(b.cpu),
            memory: a.memory.max(b.memory),
            pods: a.pods.max(b.pods),
            volumes: a.volumes.max(b.volumes),
        }) else {
            return Packing { machines: Vec::new(), unplaced: all(items) };
        };
        let mut packing = Packing::default();
        let fits_any = |item: &Item| most.fits(item) && self.offers.iter().any(|offer| offer.room.fits(item));
        let (fitting, unplaced): (Vec<u32>, Vec<u32>) =
            all(items).into_iter().partition(|i| items.get(index(*i)).is_some_and(fits_any));
        packing.unplaced = unplaced;
        let mut left = Sum::default();
        for item in fitting.iter().filter_map(|i| items.get(index(*i))) {
            left.add(item, 1);
        }
        let mut piles = Piles::new(items, fitting);
        while left.pods > 0 {
            piles.clear_away();
            let prices = self.prices_for(&left);
            let (offer, taken) = self.best(&mut piles, items, &left, prices);
            let Some(offer) = offer.filter(|_| !taken.is_empty()) else { break };
            for item in taken.iter().filter_map(|i| items.get(index(*i))) {
                left.add(item, -1);
            }
            packing.machines.push(Packed { id: offer.id, items: taken });
        }
        packing
    }

    /// The shadow prices at which what is left is worth most: those of the linear programme's optimum.
    fn prices_for(&self, left: &Sum) -> (f64, f64) {
        let worth = |(cpu, memory): &(f64, f64)| cpu * float(left.cpu) + memory * float(left.memory);
        let best = self.shadow_prices.iter().max_by(|a, b| worth(a).total_cmp(&worth(b)));
        best.copied().unwrap_or((1.0, 1.0))
    }

    /// The machine with the lowest price for the worth it takes in, and what it takes. Items stay off the piles.
    fn best(&self, piles: &mut Piles, items: &[Item], left: &Sum, prices: (f64, f64)) -> (Option<Offer>, Vec<u32>) {
        // What is left may fit one machine: then the cheapest that holds it is the end.
        let holds = |offer: &&Offer| {
            u64::from(offer.room.cpu) >= left.cpu
                && u64::from(offer.room.memory) >= left.memory
                && u64::from(offer.room.pods) >= left.pods
                && u64::from(offer.room.volumes) >= left.volumes
        };
        let mut tried: Vec<&Offer> = self.tried(prices);
        if let Some(last) = self.offers.iter().find(holds) {
            tried = vec![last];
        }
        if let [only] = tried.as_slice() {
            let taken = piles.fill(items, &only.room, left);
            if !taken.is_empty() {
                return (Some(**only), taken);
            }
            tried = Vec::new();
        }
        let mut best: Option<(f64, Offer)> = None;
        for offer in if tried.is_empty() { self.offers.iter().collect() } else { tried } {
            let taken = piles.fill(items, &offer.room, left);
            let worth: f64 = taken.iter().filter_map(|i| items.get(index(*i))).map(|i| worth(i, prices)).sum();
            let rate = offer.price.usd_per_hour() / worth.max(f64::MIN_POSITIVE);
            piles.put_back(items, &taken);
            if !taken.is_empty() && best.is_none_or(|(best, _)| rate < best) {
                best = Some((rate, *offer));
            }
        }
        let Some((_, offer)) = best else { return (None, Vec::new()) };
        (Some(offer), piles.fill(items, &offer.room, left))
    }

    /// The offers whose price is least above the worth of what they have.
    fn tried(&self, (cpu, memory): (f64, f64)) -> Vec<&Offer> {
        if let [only] = self.offers.as_slice() {
            return vec![only];
        }
        let excess = |offer: &Offer| {
            let worth = cpu * f64::from(offer.room.cpu) + memory * f64::from(offer.room.memory);
            worth / offer.price.usd_per_hour().max(f64::MIN_POSITIVE)
        };
        let mut sorted: Vec<&Offer> = self.offers.iter().collect();
        sorted.sort_by(|a, b| excess(b).total_cmp(&excess(a)).then_with(|| a.cmp(b)));
        sorted.truncate(TRIED);
        sorted
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
}

fn worth(item: &Item, (cpu, memory): (f64, f64)) -> f64 {
    // A pod that asks for nothing is still worth taking in.
    (cpu * f64::from(item.cpu) + memory * f64::from(item.memory)).max(f64::MIN_POSITIVE)
}

/// Eight steps to a doubling; every value has one step, equal values the same, larger ones no smaller.
fn step(n: u32) -> u32 {
    let bits = 32 - n.leading_zeros();
    let top = n.checked_shr(bits.saturating_sub(4)).unwrap_or_default();
    bits * 16 + top
}

/// The least value of a value's step.
fn floor(n: u32) -> u32 {
    let bits = (32 - n.leading_zeros()).saturating_sub(4);
    (n >> bits) << bits
}

impl Piles {
    fn new(items: &[Item], fitting: Vec<u32>) -> Self {
        let item = |i: &u32| items.get(index(*i)).copied().unwrap_or_default();
        let mut sorted: Vec<(Item, u32)> = fitting.iter().map(|i| (item(i), *i)).collect();
        sorted.sort_unstable();
        let distinct = sorted.chunk_by(|(a, _), (b, _)| a == b).count();
        if distinct > PILES {
            sorted.sort_by_key(|(item, _)| (step(item.cpu), step(item.memory), item.volumes));
        }
        let same = |a: &Item, b: &Item| {
            if distinct > PILES {
                (step(a.cpu), step(a.memory), a.volumes) == (step(b.cpu), step(b.memory), b.volumes)
            } else {
                a == b
            }
        };
        let mut piles = Self {
            cpu: Vec::new(),
            memory: Vec::new(),
            volumes: Vec::new(),
            items: Vec::new(),
            least_cpu: Vec::new(),
            any_volumes: items.iter().any(|item| item.volumes > 0),
            home: vec![0; items.len()],
        };
        for group in sorted.chunk_by(|(a, _), (b, _)| same(a, b)) {
            let pile = id(piles.items.len());
            for (_, item) in group {
                if let Some(home) = piles.home.get_mut(index(*item)) {
                    *home = pile;
                }
            }
            piles.items.push(group.iter().map(|(_, i)| *i).collect());
            piles.cpu.push(0.0);
            piles.memory.push(0.0);
            piles.volumes.push(0.0);
            let least = group.first().map_or(0, |(item, _)| if distinct > PILES { floor(item.cpu) } else { item.cpu });
            piles.least_cpu.push(float32(least));
            piles.show(items, index(pile));
        }
        piles.fill_chunks();
        piles
    }

    /// Forgets empty piles, once a quarter of them are.
    fn clear_away(&mut self) {
        let n = self.items.len();
        let kept: Vec<usize> =
            self.items.iter().enumerate().filter(|(_, pile)| !pile.is_empty()).map(|(at, _)| at).collect();
        if 4 * kept.len() > 3 * n || n < 4 * WIDE {
            return;
        }
        for column in [&mut self.cpu, &mut self.memory, &mut self.volumes, &mut self.least_cpu] {
            *column = kept.iter().filter_map(|at| column.get(*at).copied()).collect();
        }
        self.items = kept.iter().filter_map(|at| self.items.get_mut(*at).map(std::mem::take)).collect();
        for (pile, items) in (0..).zip(&self.items) {
            for item in items {
                if let Some(home) = self.home.get_mut(index(*item)) {
                    *home = pile;
                }
            }
        }
        self.fill_chunks();
    }

    /// Whole chunks for the scan; what is added fits nowhere.
    fn fill_chunks(&mut self) {
        let n = self.items.len().next_multiple_of(WIDE);
        self.cpu.resize(n, f32::INFINITY);
        self.memory.resize(n, 0.0);
        self.volumes.resize(n, 0.0);
    }

    /// Shows the scan what lies on top of `pile`; an empty pile fits nowhere.
    fn show(&mut self, items: &[Item], pile: usize) {
        let top = self.items.get(pile).and_then(|pile| pile.last()).and_then(|i| items.get(index(*i)));
        let (cpu, memory, volumes) =
            top.map_or((f32::INFINITY, 0.0, 0.0), |top| (float32(top.cpu), float32(top.memory), float32(top.volumes)));
        for (column, value) in [(&mut self.cpu, cpu), (&mut self.memory, memory), (&mut self.volumes, volumes)] {
            if let Some(cell) = column.get_mut(pile) {
                *cell = value;
            }
        }
    }

    /// Fills an empty machine and returns what it took, off the piles.
    ///
    /// Resources count as shares of the machine, weighed by how much of each is still wanted.
    fn fill(&mut self, items: &[Item], room: &Room, left: &Sum) -> Vec<u32> {
        let mut room = *room;
        let mut taken = Vec::new();
        let wanted = |left: u64, has: u32| (float(left) / f64::from(has.max(1)), f64::from(has.max(1)));
        let ((cpu, cpu_unit), (memory, memory_unit)) = (wanted(left.cpu, room.cpu), wanted(left.memory, room.memory));
        let all = (cpu + memory).max(f64::MIN_POSITIVE);
        let weight = |share: f64, unit: f64| {
            #[expect(clippy::as_conversions, reason = "a weight of the scan; its last digits do not matter")]
            let weight = (share / all / unit / unit) as f32;
            weight
        };
        let (cpu_weight, memory_weight) = (weight(cpu, cpu_unit), weight(memory, memory_unit));
        while room.pods > 0 {
            let (cpu, memory, volumes) = (float32(room.cpu), float32(room.memory), float32(room.volumes));
            let by = (cpu * cpu_weight, memory * memory_weight);
            let best = if self.any_volumes {
                self.scan::<true>((cpu, memory, volumes), by)
            } else {
                self.scan::<false>((cpu, memory, volumes), by)
            };
            let Some(item) = self.items.get_mut(best.1).and_then(Vec::pop) else { break };
            self.show(items, best.1);
            let Some(less) = items.get(index(item)).and_then(|item| room.less(item)) else { break };
            room = less;
            taken.push(item);
        }
        taken
    }

    /// The pile whose top points most to where there is room, among those that fit, and how much it does.
    fn scan<const VOLUMES: bool>(&self, room: (f32, f32, f32), by: (f32, f32)) -> (f32, usize) {
        let mut best = (-1.0_f32, usize::MAX);
        // Piles are sorted by CPU: those that begin above what is left cannot fit.
        let end = self.least_cpu.partition_point(|least| *least <= room.0).next_multiple_of(WIDE);
        let columns = (self.cpu.chunks_exact(WIDE)).zip(self.memory.chunks_exact(WIDE));
        let columns = columns.zip(self.volumes.chunks_exact(WIDE)).take(end / WIDE);
        for (chunk, ((cs, ms), vs)) in columns.enumerate() {
            let mut scores = [-1.0_f32; WIDE];
            for (score, ((c, m), v)) in scores.iter_mut().zip(cs.iter().zip(ms).zip(vs)) {
                let fits = (*c <= room.0) & (*m <= room.1) & (!VOLUMES | (*v <= room.2));
                *score = if fits { c * by.0 + m * by.1 } else { -1.0 };
            }
            let top = scores.iter().fold(-1.0_f32, |a, b| if *b > a { *b } else { a });
            if top > best.0 {
                let within = scores.iter().position(|score| *score >= top).unwrap_or_default();
                best = (top, chunk * WIDE + within);
            }
        }
        best
    }

    /// Lays items back where [`Self::fill`] took them, in the opposite order.
    fn put_back(&mut self, items: &[Item], taken: &[u32]) {
        for item in taken.iter().rev() {
            let Some(pile) = self.home.get(index(*item)).copied() else { continue };
            if let Some(pile) = self.items.get_mut(index(pile)) {
                pile.push(*item);
            }
            self.show(items, index(pile));
        }
    }
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
