//! Items of one size: the least they can cost, exactly.

use super::Item;
use super::purchase_plan::{Bought, Kind};
use crate::number::{float, id, index};

/// Items up to which every mix of machines is weighed; what is beyond goes onto the machine that is cheapest an item.
const WEIGHED: usize = 512;
/// Costs this close are the same but for rounding.
const ROUNDING: f64 = 1.0 + 1e-12;

/// The cheapest machines for `which`, where all of them are of one size that something on offer holds.
///
/// A dynamic programme over how many are placed: the least for k is that of one more machine beside the least for what it
/// leaves. Each machine holds as many as it can, the last one what is left.
pub(super) fn pack(items: &[Item], which: &[u32], kinds: &[Kind]) -> Option<Vec<Bought>> {
    let mut sizes = which.iter().map(|i| items.get(index(*i)));
    let item = sizes.next()??;
    if !sizes.all(|other| other == Some(item)) {
        return None;
    }
    let held = |kind: &Kind| (index(most(item, kind)), *kind);
    let machines: Vec<(usize, Kind)> = kinds.iter().map(held).filter(|(n, _)| *n > 0).collect();
    let rate = |(n, kind): &(usize, Kind)| kind.price / float(id(*n).into());
    let best = machines.iter().min_by(|a, b| rate(a).total_cmp(&rate(b)))?;
    let mut bought = Vec::new();
    let mut rest = which;
    while rest.len() > WEIGHED.max(2 * best.0) {
        let (taken, others) = rest.split_at_checked(best.0)?;
        bought.push(Bought { kind: best.1, items: taken.to_vec() });
        rest = others;
    }
    let mut least: Vec<(f64, (usize, Kind))> = vec![(0.0, *best)];
    for k in 1..=rest.len() {
        let with = |machine: &(usize, Kind)| {
            let before = least.get(k.saturating_sub(machine.0)).map_or(0.0, |least| least.0);
            (before + machine.1.price, *machine)
        };
        // Rounding decides nothing: of machines that cost the same in the end the one that holds most is taken.
        let all = machines.iter().map(with);
        let cheaper = |a: (f64, (usize, Kind)), b: (f64, (usize, Kind))| if b.0 <= a.0 * ROUNDING { b } else { a };
        least.push(all.reduce(cheaper)?);
    }
    while let Some((_, (n, kind))) = least.get(rest.len()).filter(|_| !rest.is_empty()) {
        let (taken, others) = rest.split_at_checked((*n).min(rest.len()))?;
        bought.push(Bought { kind: *kind, items: taken.to_vec() });
        rest = others;
    }
    Some(bought)
}

/// Returns the number of items of one size that a machine holds.
fn most(item: &Item, kind: &Kind) -> u32 {
    let by = |has: u32, takes: u32| has.checked_div(takes).unwrap_or(u32::MAX);
    let room = &kind.room;
    by(room.cpu, item.cpu).min(by(room.memory, item.memory)).min(by(room.volumes, item.volumes)).min(room.pods)
}
