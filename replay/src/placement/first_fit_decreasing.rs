//! First-fit by decreasing CPU over machines to be bought: what Karpenter would give.

use super::{Item, Offer, Packed, Packing, Room};
use crate::number::id;

/// A machine about to be bought: what it must hold, and which offers still hold it.
struct MachineToBuy {
    taken: Room,
    offers: Vec<Offer>,
    items: Vec<u32>,
}

impl MachineToBuy {
    /// Takes `item`, where some offer holds it beside what is there; offers that no longer do are struck off.
    fn take(&mut self, item: &Item, index: u32) -> bool {
        let taken = self.taken.plus(item);
        let holds = |offer: &Offer| offer.room.holds(&taken);
        if !self.offers.iter().any(holds) {
            return false;
        }
        self.offers.retain(holds);
        self.taken = taken;
        self.items.push(index);
        true
    }
}

/// Packs `items` by decreasing CPU, then memory, each into the first machine that can still grow to hold it; every
/// machine becomes the cheapest offer that holds what it got.
pub fn first_fit_decreasing(items: &[Item], offers: &[Offer]) -> Packing {
    let offers = undominated(offers);
    let mut order: Vec<(u32, &Item)> = (0..).zip(items).collect();
    order.sort_unstable_by_key(|(index, item)| (std::cmp::Reverse((item.cpu, item.memory, item.volumes)), *index));
    let mut claims: Vec<MachineToBuy> = Vec::new();
    let mut unplaced = Vec::new();
    for (index, item) in order {
        if claims.iter_mut().any(|claim| claim.take(item, index)) {
            continue;
        }
        let mut claim = MachineToBuy { taken: Room::default(), offers: offers.clone(), items: Vec::new() };
        if claim.take(item, index) {
            claims.push(claim);
        } else {
            unplaced.push(index);
        }
    }
    let packed = |claim: MachineToBuy| {
        let cheapest = claim.offers.iter().min()?;
        Some(Packed { id: cheapest.id, items: claim.items })
    };
    Packing { machines: claims.into_iter().filter_map(packed).collect(), unplaced }
}

/// The offers less those that cost no less than another that has no less of anything. Sorted by price.
pub(crate) fn undominated(offers: &[Offer]) -> Vec<Offer> {
    let mut sorted = offers.to_vec();
    sorted.sort_unstable_by_key(|offer| (offer.price, std::cmp::Reverse(offer.room), offer.id));
    let mut kept: Vec<Offer> = Vec::with_capacity(sorted.len());
    for offer in sorted {
        if offer.room.pods > 0 && !kept.iter().any(|kept| kept.room.holds(&offer.room)) {
            kept.push(offer);
        }
    }
    kept
}

/// The indexes of all items, for a packer that has nothing on offer.
pub(super) fn all(items: &[Item]) -> Vec<u32> {
    (0..id(items.len())).collect()
}
