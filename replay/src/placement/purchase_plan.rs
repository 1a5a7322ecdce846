//! Machines to be bought and what they hold, as packers compare them.

use super::first_fit_decreasing::undominated;
use super::{Item, Offer, Packed, Room};

/// Factor by which a plan must be cheaper to be preferred, so that rounding never decides.
pub(super) const CHEAPER: f64 = 1.0 - 1e-9;

/// A machine on offer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// Its price, as a share of the dearest's: all prices times two are the same numbers, and so the same choices.
    pub(super) price: f64,
    pub(super) room: Room,
    pub(super) id: u32,
}

/// The kinds worth buying, by price, and the nano-dollars an hour that the dearest costs.
pub(super) fn kinds(offers: &[Offer]) -> (Vec<Kind>, f64) {
    let offers = undominated(offers);
    // Whole nano-dollars, so that their quotients do not depend on the unit.
    let nanos = |offer: &Offer| (offer.price.usd_per_hour() * 1e9).round();
    let most = offers.iter().map(nanos).fold(1.0, f64::max);
    let kind = |offer: &Offer| Kind { price: nanos(offer) / most, room: offer.room, id: offer.id };
    (offers.iter().map(kind).collect(), most)
}

/// A machine to be bought, and the indexes of its items.
#[derive(Debug, Clone)]
pub(super) struct Bought {
    pub(super) kind: Kind,
    pub(super) items: Vec<u32>,
}

/// Machines to be bought, and what they cost together.
#[derive(Debug, Clone, Default)]
pub(super) struct PurchasePlan {
    pub(super) cost: f64,
    pub(super) machines: Vec<Bought>,
}

impl PurchasePlan {
    pub(super) fn of(machines: Vec<Bought>) -> Self {
        let cost = machines.iter().map(|machine| machine.kind.price).sum();
        Self { cost, machines }
    }

    /// Returns true when it costs less than `other`, or as much on fewer machines.
    pub(super) fn is_better_than(&self, other: &Self) -> bool {
        let fewer = self.machines.len() < other.machines.len();
        self.cost < other.cost * CHEAPER || (fewer && self.cost * CHEAPER <= other.cost)
    }

    pub(super) fn into_packed(self) -> Vec<Packed> {
        let packed = |machine: Bought| Packed { id: machine.kind.id, items: machine.items };
        self.machines.into_iter().map(packed).collect()
    }
}

/// The cheapest of `kinds`, which come by price, that holds what was given to a machine.
pub(super) fn cheapest(kinds: &[Kind], taken: &Room) -> Option<Kind> {
    kinds.iter().find(|kind| kind.room.holds(taken)).copied()
}

/// The larger share of CPU and memory of `room` that an item takes, in 2^-20.
pub(super) fn dominant_share(item: &Item, room: &Room) -> u64 {
    let share = |n: u32, has: u32| (u64::from(n) << 20) / u64::from(has.max(1));
    share(item.cpu, room.cpu).max(share(item.memory, room.memory))
}
