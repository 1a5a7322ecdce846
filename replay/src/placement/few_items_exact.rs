//! A few items: the least they can cost, by looking at every way to group them.

use super::purchase_plan::{Bought, CHEAPER, Kind, cheapest};
use super::{Item, Room};
use crate::number::index;

/// Items whose groupings are all looked at: 4,140 ways for eight.
const FEW: usize = 8;

/// The cheapest machines for `which`, at least so many, where those are [`FEW`] at the most and each fits something on
/// offer.
pub(super) fn pack(items: &[Item], which: &[u32], machines: usize, kinds: &[Kind]) -> Option<Vec<Bought>> {
    if which.len() > FEW {
        return None;
    }
    let mut sorted: Vec<(Item, u32)> = which.iter().filter_map(|i| Some((*items.get(index(*i))?, *i))).collect();
    // Large ones first, so that what is dear is seen early.
    sorted.sort_unstable_by_key(|(item, i)| {
        (std::cmp::Reverse((u64::from(item.cpu) * 4 + u64::from(item.memory), *item)), *i)
    });
    let mut search = Search { kinds, machines, groups: Vec::new(), cost: 0.0, best: (f64::INFINITY, Vec::new()) };
    search.go(&sorted);
    let bought = |group: Group| Bought { kind: group.kind, items: group.items };
    Some(search.best.1.into_iter().map(bought).collect())
}

/// Items on one machine, and the cheapest that holds them.
#[derive(Clone)]
struct Group {
    kind: Kind,
    taken: Room,
    items: Vec<u32>,
}

struct Search<'a> {
    kinds: &'a [Kind],
    /// Groups there must be at the least.
    machines: usize,
    groups: Vec<Group>,
    /// Cost of the groups.
    cost: f64,
    best: (f64, Vec<Group>),
}

impl Search<'_> {
    /// Puts the first of `items` into each group there is, and into one of its own; then the others.
    fn go(&mut self, items: &[(Item, u32)]) {
        // A group never gets cheaper by what is added.
        if self.cost >= self.best.0 * CHEAPER || self.groups.len() + items.len() < self.machines {
            return;
        }
        let Some(((item, i), rest)) = items.split_first() else {
            self.best = (self.cost, self.groups.clone());
            return;
        };
        for at in 0..self.groups.len() {
            let Some(group) = self.groups.get_mut(at) else { break };
            let taken = group.taken.plus(item);
            let from = self.kinds.partition_point(|kind| kind.price < group.kind.price);
            let Some(kind) = cheapest(self.kinds.get(from..).unwrap_or_default(), &taken) else { continue };
            let before = (group.kind, group.taken, self.cost);
            self.cost += kind.price - group.kind.price;
            (group.kind, group.taken) = (kind, taken);
            group.items.push(*i);
            self.go(rest);
            if let Some(group) = self.groups.get_mut(at) {
                (group.kind, group.taken, self.cost) = before;
                group.items.pop();
            }
        }
        let taken = Room::default().plus(item);
        if let Some(kind) = cheapest(self.kinds, &taken) {
            let before = self.cost;
            self.cost += kind.price;
            self.groups.push(Group { kind, taken, items: vec![*i] });
            self.go(rest);
            self.groups.pop();
            self.cost = before;
        }
    }
}
