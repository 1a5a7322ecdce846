//! First-fit by decreasing size onto machines of one type, each of which then becomes the cheapest that holds what it
//! was given.

use super::purchase_plan::{Bought, Kind, cheapest};
use super::{FirstFit, Item, Room};
use crate::number::index;

/// Packs the items of `order`, in that order, each onto the first machine with room; those that fit `room` open machines
/// of it, others the cheapest offer that holds them. `None` where an item fits nothing on offer.
pub(super) fn pack(items: &[Item], order: &[u32], room: &Room, kinds: &[Kind]) -> Option<Vec<Bought>> {
    let mut machines = FirstFit::new(Vec::new());
    let mut opened: Vec<(Room, Vec<u32>)> = Vec::new();
    for i in order {
        let item = items.get(index(*i))?;
        if let Some(machine) = machines.place(item) {
            opened.get_mut(index(machine))?.1.push(*i);
            continue;
        }
        let new = if room.fits(item) { *room } else { kinds.iter().find(|kind| kind.room.fits(item))?.room };
        machines.push(new.less(item)?);
        opened.push((new, vec![*i]));
    }
    let downsized = |((all, items), left): ((Room, Vec<u32>), &Room)| {
        Some(Bought { kind: cheapest(kinds, &all.without(left))?, items })
    };
    opened.into_iter().zip(machines.rooms()).map(downsized).collect()
}
