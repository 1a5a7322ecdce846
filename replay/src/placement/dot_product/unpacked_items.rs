//! Items still to be packed, and which of them is worth most where so much room is left.

use crate::number::{float32, id, index};
use crate::placement::{Item, Room};

/// Piles in a row.
const WIDE: usize = 32;
/// Factor by which fewer rows of one layout must fit for it to be preferred.
const FEWER: usize = 4;
/// Machines after which it is looked what rows still have at the most.
const EVERY: u32 = 16;
/// Factor of worth from which nothing better is looked for.
const NEAR: f32 = 1.001;

/// Items by size: those of one size are one pile.
pub(super) struct Piles {
    piles: Vec<Pile>,
    /// The same piles, laid out by CPU and by memory.
    by_cpu: Layout,
    by_memory: Layout,
    /// The most CPU and memory of an item.
    most: (f32, f32),
    /// Items, pile by pile.
    items: Vec<u32>,
    /// Piles that are not empty.
    left: usize,
    any_volumes: bool,
    /// Machines filled so far.
    machines: u32,
}

#[derive(Clone, Copy, Default)]
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
    /// The piles of `which` of the items.
    pub(super) fn new(items: &[Item], which: &[u32]) -> Self {
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
            piles,
            by_cpu: Layout::default(),
            by_memory: Layout::default(),
            most: (0.0, 0.0),
            items: sorted.iter().map(|(_, i)| *i).collect(),
            left: 0,
            any_volumes: sorted.iter().any(|(item, _)| item.volumes > 0),
            machines: 0,
        };
        all.lay_out();
        all
    }

    fn lay_out(&mut self) {
        self.left = self.piles.len();
        let sizes: Vec<(u32, u32)> = self.piles.iter().map(|pile| (pile.size.cpu, pile.size.memory)).collect();
        self.most =
            sizes.iter().fold((0.0, 0.0), |most, size| (most.0.max(float32(size.0)), most.1.max(float32(size.1))));
        self.by_cpu = Layout::new(sizes.iter().copied());
        self.by_memory = Layout::new(sizes.iter().map(|(cpu, memory)| (*memory, *cpu)));
    }

    /// Between two machines: forgets empty piles, once half of them are. Places are others afterwards.
    pub(super) fn clear_away(&mut self) {
        if self.piles.len() > WIDE && 2 * self.left <= self.piles.len() {
            self.piles.retain(|pile| pile.left > 0);
            self.lay_out();
            return;
        }
        self.machines += 1;
        if self.machines.is_multiple_of(EVERY) {
            self.by_cpu.look();
            self.by_memory.look();
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
            self.by_cpu.show(place, false);
            self.by_memory.show(place, false);
        }
    }

    /// Lays an item back where it was taken.
    pub(super) fn put_back(&mut self, place: Place) {
        let Some(pile) = self.piles.get_mut(place) else { return };
        pile.left += 1;
        if pile.left == 1 {
            self.left += 1;
            self.by_cpu.show(place, true);
            self.by_memory.show(place, true);
        }
    }

    /// The next item of a pile, which was taken off and is packed for good.
    pub(super) fn packed(&mut self, place: Place) -> Option<u32> {
        let pile = self.piles.get_mut(place)?;
        pile.packed += 1;
        self.items.get(index(pile.end - pile.packed)).copied()
    }

    /// The pile whose items are worth most of those that fit `room`, at a price for a millicore and a MiB, neither of
    /// them negative, or one that is worth nearly as much; and what it is worth.
    pub(super) fn best(&self, room: &Room, (per_cpu, per_memory): (f32, f32)) -> Option<(f32, Place)> {
        let fits = |place: Place| !self.any_volumes || self.size(place).volumes <= room.volumes;
        let (cpu, memory) = ((float32(room.cpu), per_cpu), (float32(room.memory), per_memory));
        // Laid out by what counts more, few rows are within reach of the best; by what is scarce, few rows fit at all.
        let (by_cpu, by_memory) = (self.by_cpu.fitting(cpu.0), self.by_memory.fitting(memory.0));
        let leans = per_cpu * self.most.0 >= per_memory * self.most.1;
        if FEWER * by_cpu <= by_memory || (leans && by_cpu < FEWER * by_memory) {
            self.by_cpu.best(by_cpu, cpu, memory, fits)
        } else {
            self.by_memory.best(by_memory, memory, cpu, fits)
        }
    }
}

/// Piles in rows by a major resource, and within a row by the minor one.
///
/// What is worth most in a row is found from its end, and most rows are passed by since even the most of both resources
/// in them would be worth no more than what is found already.
#[derive(Default)]
struct Layout {
    heads: Vec<Head>,
    rows: Vec<Row>,
    /// Where each pile lies: its row, times [`WIDE`], and its place in it.
    lies: Vec<usize>,
}

/// Room that piles of a row have.
#[derive(Clone, Copy)]
struct Head {
    least_major: f32,
    most_major: f32,
    /// The most of the minor resource in this row, and in this row or one before it. Less may be left.
    most_minor: f32,
    most_minor_before: f32,
}

struct Row {
    /// Which of its piles are not empty, one bit each.
    left: u32,
    major: [f32; WIDE],
    minor: [f32; WIDE],
    piles: [Place; WIDE],
}

impl Layout {
    /// Lays out piles by the sizes of their items, the major resource first.
    fn new(sizes: impl ExactSizeIterator<Item = (u32, u32)>) -> Self {
        let mut sorted: Vec<((u32, u32), Place)> = sizes.zip(0..).collect();
        sorted.sort_unstable();
        let n = sorted.len().div_ceil(WIDE);
        let (heads, rows) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let mut layout = Self { heads, rows, lies: vec![0; sorted.len()] };
        for chunk in sorted.chunks_mut(WIDE) {
            let major = |pile: Option<&((u32, u32), Place)>| pile.map_or(0.0, |((major, _), _)| float32(*major));
            let (least_major, most_major) = (major(chunk.first()), major(chunk.last()));
            chunk.sort_unstable_by_key(|((major, minor), place)| (*minor, *major, *place));
            let mut row = Row { left: 0, major: [f32::INFINITY; WIDE], minor: [f32::INFINITY; WIDE], piles: [0; WIDE] };
            let cells = row.major.iter_mut().zip(&mut row.minor).zip(&mut row.piles);
            for (at, (((own_major, own_minor), own), ((major, minor), place))) in cells.zip(chunk.iter()).enumerate() {
                (*own_major, *own_minor, *own) = (float32(*major), float32(*minor), *place);
                row.left |= 1 << at;
                if let Some(lies) = layout.lies.get_mut(*place) {
                    *lies = layout.rows.len() * WIDE + at;
                }
            }
            layout.rows.push(row);
            layout.heads.push(Head { least_major, most_major, most_minor: 0.0, most_minor_before: 0.0 });
        }
        layout.look();
        layout
    }

    /// Looks what rows have of the minor resource.
    fn look(&mut self) {
        let mut before = 0.0_f32;
        for (head, row) in self.heads.iter_mut().zip(&self.rows) {
            let last = row.left.checked_ilog2().and_then(|at| row.minor.get(index(at)));
            head.most_minor = last.copied().unwrap_or_default();
            before = before.max(head.most_minor);
            head.most_minor_before = before;
        }
    }

    /// Shows whether a pile has something left.
    fn show(&mut self, place: Place, left: bool) {
        let Some(lies) = self.lies.get(place) else { return };
        let Some(row) = self.rows.get_mut(lies / WIDE) else { return };
        let bit = 1 << (lies % WIDE);
        row.left = if left { row.left | bit } else { row.left & !bit };
    }

    /// Rows that have a pile with no more of the major resource than so much.
    fn fitting(&self, major: f32) -> usize {
        self.heads.partition_point(|head| head.least_major <= major)
    }

    /// The pile that is worth most in the first so many rows, or nearly so; room and price come in pairs, of the major
    /// resource and of the minor one.
    fn best(
        &self,
        rows: usize,
        (major, per_major): (f32, f32),
        (minor, per_minor): (f32, f32),
        fits: impl Fn(Place) -> bool,
    ) -> Option<(f32, Place)> {
        // What is worth more than this is looked for.
        let (mut found, mut enough) = (None, -1.0_f32);
        for (head, row) in self.heads.iter().zip(&self.rows).take(rows).rev() {
            let of_major = head.most_major.min(major) * per_major;
            if of_major + head.most_minor_before.min(minor) * per_minor <= enough {
                break;
            }
            if of_major + head.most_minor.min(minor) * per_minor <= enough {
                continue;
            }
            let fitting: u32 = row.minor.iter().map(|pile| u32::from(*pile <= minor)).sum();
            let mut left = row.left & low_bits(fitting);
            while let Some(at) = left.checked_ilog2() {
                left &= !(1 << at);
                let at = index(at);
                let (Some(own_major), Some(own_minor)) = (row.major.get(at), row.minor.get(at)) else { break };
                let of_minor = own_minor * per_minor;
                if of_major + of_minor <= enough {
                    break;
                }
                let worth = own_major * per_major + of_minor;
                if *own_major <= major
                    && worth > enough
                    && let Some(place) = row.piles.get(at).filter(|place| fits(**place))
                {
                    (found, enough) = (Some((worth, *place)), worth * NEAR);
                }
            }
        }
        found
    }
}

/// So many of the lowest bits.
fn low_bits(n: u32) -> u32 {
    u32::MAX.checked_shr(u32::BITS - n).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_best_is_within_a_thousandth_of_what_a_scan_finds(
            sizes in prop::collection::vec((0_u32..4000, 0_u32..9000, 0_u32..3), 1..300),
            steps in prop::collection::vec((0_u32..5000, 0_u32..9000, 0_u32..3, 0_u8..11, 0_u8..8), 1..60),
        ) {
            let item = |(cpu, memory, volumes): &(u32, u32, u32)| Item { cpu: *cpu, memory: *memory, volumes: *volumes };
            let items: Vec<Item> = sizes.iter().map(item).collect();
            let all: Vec<u32> = (0..id(items.len())).collect();
            let mut piles = Piles::new(&items, &all);
            let mut left = items.clone();
            for (cpu, memory, volumes, lean, then) in steps {
                let room = Room { cpu, memory, volumes, pods: 1 };
                let prices = (f32::from(lean) / 10.0, f32::from(10 - lean) / 10.0);
                let worth = |item: &Item| float32(item.cpu) * prices.0 + float32(item.memory) * prices.1;
                let plain = left.iter().filter(|item| room.fits(item)).map(worth).reduce(f32::max);
                let found = piles.best(&room, prices);
                prop_assert_eq!(found.is_some(), plain.is_some());
                let (Some((value, place)), Some(plain)) = (found, plain) else { continue };
                let size = piles.size(place);
                prop_assert!(room.fits(&size) && value * NEAR >= plain * 0.999_999, "{value} {plain}");
                piles.take(place);
                if then == 0 {
                    piles.put_back(place);
                    continue;
                }
                let at = left.iter().position(|item| *item == size);
                prop_assert!(at.is_some(), "what was taken was there");
                left.swap_remove(at.unwrap());
                let packed = piles.packed(place).map(|i| items[index(i)]);
                prop_assert_eq!(packed, Some(size));
                piles.clear_away();
            }
        }
    }
}
