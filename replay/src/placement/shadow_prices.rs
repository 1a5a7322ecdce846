//! Worth of CPU and memory at the prices of what is on offer, and with it the least that items can cost.

use super::purchase_plan::Kind;
use super::{Item, Room};
use crate::number::float;

/// Sum of several items.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    pub(super) cpu: u64,
    pub(super) memory: u64,
    pub(super) pods: u64,
    pub(super) volumes: u64,
}

impl Sum {
    pub(super) fn of<'a>(items: impl Iterator<Item = &'a Item>) -> Self {
        let mut sum = Self::default();
        items.for_each(|item| sum.add(item, 1));
        sum
    }

    pub(super) fn add(&mut self, item: &Item, sign: i64) {
        let add = |sum: &mut u64, n: u32| *sum = sum.saturating_add_signed(sign * i64::from(n));
        add(&mut self.cpu, item.cpu);
        add(&mut self.memory, item.memory);
        add(&mut self.pods, 1);
        add(&mut self.volumes, item.volumes);
    }

    /// Returns true when a machine with so much room holds all of it.
    pub(super) fn fits(&self, room: &Room) -> bool {
        u64::from(room.cpu) >= self.cpu
            && u64::from(room.memory) >= self.memory
            && u64::from(room.pods) >= self.pods
            && u64::from(room.volumes) >= self.volumes
    }
}

/// Pairs of prices of a millicore and a MiB at which no kind is worth more than it costs, none of which can be raised:
/// the vertices of the dual of the linear programme over machines in any parts.
#[derive(Debug, Clone)]
pub(super) struct ShadowPrices(Vec<(f64, f64)>);

impl ShadowPrices {
    pub(super) fn of(kinds: &[Kind]) -> Self {
        let rows: Vec<(f64, f64, f64)> =
            kinds.iter().map(|kind| (f64::from(kind.room.cpu), f64::from(kind.room.memory), kind.price)).collect();
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
        Self(vertices)
    }

    /// The pair at which `sum` is worth most, and what it is worth then: no machines that hold it cost less.
    pub(super) fn dearest(&self, sum: &Sum) -> ((f64, f64), f64) {
        let worth = |(cpu, memory): (f64, f64)| cpu * float(sum.cpu) + memory * float(sum.memory);
        let start = ((0.0, 0.0), 0.0);
        self.0
            .iter()
            .map(|pair| (*pair, worth(*pair)))
            .fold(start, |most, next| if next.1 > most.1 { next } else { most })
    }

    /// Prices that add up to one: the shadow prices, each counted the more the more it makes of `sum`.
    ///
    /// The linear programme's optimum has the one pair of prices at which `sum` is worth most. Where two resources are
    /// about as scarce that pair turns over from machine to machine, and machines would be filled in one resource at the
    /// other's cost; this is the same without the edge.
    pub(super) fn blended(&self, sum: &Sum) -> (f64, f64) {
        let (_, most) = self.dearest(sum);
        if most <= 0.0 {
            return (0.5, 0.5);
        }
        let mut prices = (0.0, 0.0);
        for pair in &self.0 {
            let weight = eighth_power((pair.0 * float(sum.cpu) + pair.1 * float(sum.memory)) / most);
            prices = (prices.0 + weight * pair.0, prices.1 + weight * pair.1);
        }
        let both = prices.0 + prices.1;
        (prices.0 / both, prices.1 / both)
    }
}

/// Sharpens how prices lean to what is wanted most: by the first power both resources would count by how much of them
/// is wanted, by an endless one only the scarcer, as in the linear programme. Written out, so that it is the same
/// everywhere.
fn eighth_power(share: f64) -> f64 {
    let square = share * share;
    let fourth = square * square;
    fourth * fourth
}

/// Returns the worth of an item. One that asks for nothing is still worth taking in.
pub(super) fn worth(item: &Item, (cpu, memory): (f64, f64)) -> f64 {
    (cpu * f64::from(item.cpu) + memory * f64::from(item.memory)).max(f64::MIN_POSITIVE)
}

/// The kinds that are worth most for their price at such prices of a millicore and a MiB, best first.
pub(super) fn by_worth(kinds: &[Kind], (cpu, memory): (f64, f64)) -> Vec<Kind> {
    let rate = |kind: &Kind| {
        let worth = cpu * f64::from(kind.room.cpu) + memory * f64::from(kind.room.memory);
        worth / kind.price.max(f64::MIN_POSITIVE)
    };
    let mut sorted: Vec<(f64, Kind)> = kinds.iter().map(|kind| (rate(kind), *kind)).collect();
    // Of equals the cheaper comes first, as before.
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    sorted.into_iter().map(|(_, kind)| kind).collect()
}
