//! What is still to be packed, and which of it is worth most where so much room is left.

use crate::number::{float32, id, index};
use crate::placement::{Item, Room};

/// Piles in a row.
const WIDE: usize = 32;
/// Rows looked into for one answer; beyond so many, what is found is within a thousandth of the best.
const ROWS: u32 = 24;

/// Items by size: those of one size are one pile.
///
/// Piles lie in rows by the resource that counts more, and within a row by the other. What is worth most in a row is
/// found from its end, and most rows are passed by since even the most of both resources in them would be worth less
/// than what is found already.
pub(super) struct Piles {
    rows: Vec<Row>,
    /// The piles, row by row; the last row is filled up with empty ones.
    piles: Vec<Pile>,
    /// Whether memory is the major resource.
    by_memory: bool,
    /// The most of the minor resource in a row or one before it.
    most_minor: Vec<f32>,
    /// Items, pile by pile.
    items: Vec<u32>,
    /// Piles that are not empty.
    left: usize,
    any_volumes: bool,
}

struct Row {
    major: [f32; WIDE],
    minor: [f32; WIDE],
    /// Which of its piles are not empty, one bit each.
    left: u32,
    least_major: f32,
    most_major: f32,
    most_minor: f32,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Pile {
    size: Item,
    /// Its items end there, of which so many are left and so many are packed for good.
    end: u32,
    left: u32,
    packed: u32,
}

/// A pile, until [`Piles::clear_away`].
pub(super) type Place = usize;

impl Piles {
    /// The piles of `which` of the items, in rows by memory or by CPU.
    pub(super) fn new(items: &[Item], which: &[u32], by_memory: bool) -> Self {
        let item = |i: &u32| items.get(index(*i)).copied().unwrap_or_default();
        let mut sorted: Vec<(Item, u32)> = which.iter().map(|i| (item(i), *i)).collect();
        sorted.sort_unstable();
        let mut end = 0;
        let pile = |group: &[(Item, u32)]| {
            let n = id(group.len());
            end += n;
            Some(Pile { size: group.first()?.0, end, left: n, packed: 0 })
        };
        let piles = sorted.chunk_by(|(a, _), (b, _)| a == b).filter_map(pile).collect();
        let mut all = Self {
            rows: Vec::new(),
            piles: Vec::new(),
            by_memory,
            most_minor: Vec::new(),
            items: sorted.iter().map(|(_, i)| *i).collect(),
            left: 0,
            any_volumes: sorted.iter().any(|(item, _)| item.volumes > 0),
        };
        all.lay_out(piles);
        all
    }

    /// Lays piles out in rows.
    fn lay_out(&mut self, mut piles: Vec<Pile>) {
        (self.left, self.piles) = (piles.len(), Vec::with_capacity(piles.len().next_multiple_of(WIDE)));
        self.rows.clear();
        self.most_minor.clear();
        let mut most = 0.0_f32;
        let by_memory = self.by_memory;
        piles.sort_unstable_by_key(|pile| (ordered((pile.size.cpu, pile.size.memory), by_memory), pile.size));
        for chunk in piles.chunks_mut(WIDE) {
            let of = |pile: &Pile| ordered((float32(pile.size.cpu), float32(pile.size.memory)), by_memory);
            let (least_major, most_major) =
                (chunk.first().map_or(0.0, |pile| of(pile).0), chunk.last().map_or(0.0, |pile| of(pile).0));
            chunk.sort_unstable_by_key(|pile| (ordered((pile.size.memory, pile.size.cpu), by_memory), pile.size));
            let most_minor = chunk.last().map_or(0.0, |pile| of(pile).1);
            let mut row = Row {
                major: [f32::INFINITY; WIDE],
                minor: [f32::INFINITY; WIDE],
                left: 0,
                least_major,
                most_major,
                most_minor,
            };
            for (at, (pile, (major, minor))) in (0..).zip(chunk.iter().zip(row.major.iter_mut().zip(&mut row.minor))) {
                (*major, *minor) = of(pile);
                row.left |= 1_u32 << at;
            }
            self.piles.extend_from_slice(chunk);
            self.piles.resize(self.piles.len().next_multiple_of(WIDE), Pile::default());
            most = most.max(most_minor);
            self.most_minor.push(most);
            self.rows.push(row);
        }
    }

    /// Forgets empty piles, once half of them are, and lays out the others anew. Places are others afterwards.
    pub(super) fn clear_away(&mut self, by_memory: bool) {
        if self.rows.len() > 1 && 2 * self.left <= self.piles.len() {
            self.by_memory = by_memory;
            let kept = self.piles.iter().filter(|pile| pile.left > 0).copied().collect();
            self.lay_out(kept);
        }
    }

    /// Places there are, empty ones among them.
    pub(super) fn places(&self) -> usize {
        self.piles.len()
    }

    /// The size of the items at a place.
    pub(super) fn size(&self, place: Place) -> Item {
        self.piles.get(place).map(|pile| pile.size).unwrap_or_default()
    }

    pub(super) fn is_empty(&self, place: Place) -> bool {
        self.piles.get(place).is_none_or(|pile| pile.left == 0)
    }

    /// Takes an item off a pile that is not empty.
    pub(super) fn take(&mut self, place: Place) {
        let Some(pile) = self.piles.get_mut(place) else { return };
        pile.left -= 1;
        if pile.left == 0 {
            self.left -= 1;
            if let Some(row) = self.rows.get_mut(place / WIDE) {
                row.left &= !(1_u32 << (place % WIDE));
            }
        }
    }

    /// Lays an item back where it was taken.
    pub(super) fn put_back(&mut self, place: Place) {
        let Some(pile) = self.piles.get_mut(place) else { return };
        pile.left += 1;
        if pile.left == 1 {
            self.left += 1;
            if let Some(row) = self.rows.get_mut(place / WIDE) {
                row.left |= 1_u32 << (place % WIDE);
            }
        }
    }

    /// The next item of a pile, which was taken off and is packed for good.
    pub(super) fn packed(&mut self, place: Place) -> Option<u32> {
        let pile = self.piles.get_mut(place)?;
        pile.packed += 1;
        self.items.get(index(pile.end - pile.packed)).copied()
    }

    /// The pile whose items are worth most of those that fit `room`, at a price for a millicore and a MiB, neither of
    /// them negative; and what one is worth. Among thousands of piles, one that is worth nearly as much.
    pub(super) fn best(&self, room: &Room, prices: (f32, f32)) -> Option<(f32, Place)> {
        let (per_major, per_minor) = ordered(prices, self.by_memory);
        let (major, minor) = ordered((float32(room.cpu), float32(room.memory)), self.by_memory);
        let mut best: Option<(f32, Place)> = None;
        let end = self.rows.partition_point(|row| row.least_major <= major);
        let rows = self.rows.get(..end)?.iter().zip(&self.most_minor).enumerate().rev();
        let mut searched = 0;
        for (at, (row, most_minor)) in rows {
            let falls_short = |worth: f32| best.is_some_and(|(best, _)| worth <= best);
            let of_major = row.most_major.min(major) * per_major;
            if falls_short(of_major + most_minor.min(minor) * per_minor) {
                break;
            }
            if falls_short(of_major + row.most_minor.min(minor) * per_minor) {
                continue;
            }
            if searched >= ROWS && best.is_some() {
                break;
            }
            searched += 1;
            let fitting: u32 = row.minor.iter().map(|pile| u32::from(*pile <= minor)).sum();
            let mut places = row.left & low_bits(fitting);
            while let Some(within) = places.checked_ilog2() {
                places &= !(1_u32 << within);
                let within = index(within);
                let (Some(pile_major), Some(pile_minor)) = (row.major.get(within), row.minor.get(within)) else {
                    break;
                };
                let of_minor = pile_minor * per_minor;
                if best.is_some_and(|(best, _)| of_major + of_minor <= best) {
                    break;
                }
                let place = at * WIDE + within;
                let worth = pile_major * per_major + of_minor;
                let fits = *pile_major <= major && (!self.any_volumes || self.size(place).volumes <= room.volumes);
                if fits && best.is_none_or(|(best, _)| worth > best) {
                    best = Some((worth, place));
                }
            }
        }
        best
    }
}

/// The major resource first.
fn ordered<T>((cpu, memory): (T, T), by_memory: bool) -> (T, T) {
    if by_memory { (memory, cpu) } else { (cpu, memory) }
}

/// So many of the lowest bits.
fn low_bits(n: u32) -> u32 {
    u32::MAX.checked_shr(u32::BITS - n).unwrap_or(0)
}
