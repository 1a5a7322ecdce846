//! The first machine with room, among thousands.

use super::{Item, Room};
use crate::number::{id, index};

/// Machines in a leaf, leaves in a branch.
const WIDE: usize = 16;
/// Items remembered that fitted nowhere.
const HOPELESS: usize = 16;

/// Machines in order, under two levels of the most room in each 16 and each 256 of them.
///
/// A part can have the CPU in one machine and the memory in another, so that looking into it may be in vain; then the
/// next part is looked at. The most of both together, and the most of what a machine has least of, make that rare: such
/// a part has little of either. Answers are those of a plain scan.
#[derive(Debug, Clone)]
pub struct FirstFit {
    machines: Vec<Room>,
    /// Weight of a MiB beside a millicore in `both`, in 256ths.
    memory_weight: u64,
    rooms: Columns,
    leaves: Columns,
    branches: Columns,
    /// Items that fitted nowhere since something was last removed: nothing as large fits either.
    hopeless: Vec<Item>,
}

/// Room side by side, so that many are compared at once.
#[derive(Debug, Clone, Default)]
struct Columns {
    /// −1 where no pod may come.
    cpu: Vec<i32>,
    memory: Vec<i32>,
    /// Both together.
    both: Vec<i32>,
    /// The lesser of both.
    lesser: Vec<i32>,
}

/// Resources looked for: CPU, memory, both together, the lesser of both.
type Wanted = [i32; 4];

fn signed(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

impl Columns {
    /// Makes room for so many parts.
    fn grow(&mut self, parts: usize) {
        // Whole chunks, so that the scan has no rest; what is added has nothing.
        let parts = parts.next_multiple_of(WIDE);
        for column in [&mut self.cpu, &mut self.memory, &mut self.both, &mut self.lesser] {
            if column.len() < parts {
                column.resize(parts, -1);
            }
        }
    }

    /// The chunk of a column that holds the parts of `part`.
    fn chunk(column: &[i32], part: usize) -> &[i32] {
        column.get(part * WIDE..(part + 1) * WIDE).unwrap_or_default()
    }

    /// The most of each in the parts of `part`.
    fn most(&self, part: usize) -> Wanted {
        let most = |column: &[i32]| Self::chunk(column, part).iter().copied().fold(-1, i32::max);
        [most(&self.cpu), most(&self.memory), most(&self.both), most(&self.lesser)]
    }

    /// Sets what a part has; says whether that changed.
    fn set(&mut self, part: usize, values: Wanted) -> bool {
        let mut changed = false;
        let columns = [&mut self.cpu, &mut self.memory, &mut self.both, &mut self.lesser];
        for (column, value) in columns.into_iter().zip(values) {
            if let Some(cell) = column.get_mut(part) {
                changed |= *cell != value;
                *cell = value;
            }
        }
        changed
    }

    /// Which of the parts of `part` have what is wanted, one bit each.
    fn having(&self, part: usize, [cpu, memory, both, lesser]: Wanted) -> u32 {
        let columns = Self::chunk(&self.cpu, part).iter().zip(Self::chunk(&self.memory, part));
        let mut has = [0_u32; WIDE];
        let together = Self::chunk(&self.both, part).iter().zip(Self::chunk(&self.lesser, part));
        for ((has, (c, m)), (b, l)) in has.iter_mut().zip(columns).zip(together) {
            *has = u32::from((*c >= cpu) & (*m >= memory) & (*b >= both) & (*l >= lesser));
        }
        let mut bits = 0;
        for (place, has) in (0..).zip(has) {
            bits |= has << place;
        }
        bits
    }
}

/// Returns the weight of a MiB beside a millicore, in 256ths, so that machines have as much of the one as of the other.
fn memory_weight(machines: &[Room]) -> u64 {
    let sum = |of: fn(&Room) -> u32| machines.iter().map(|room| u64::from(of(room))).sum::<u64>();
    256 * sum(|room| room.cpu) / sum(|room| room.memory).max(1)
}

/// The places of the bits set, lowest first.
fn places(mut bits: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (bits != 0).then(|| index(bits.trailing_zeros()))?;
        bits &= bits - 1;
        Some(place)
    })
}

impl FirstFit {
    /// Over the room left in each machine.
    pub fn new(machines: Vec<Room>) -> Self {
        let mut tree = Self {
            memory_weight: memory_weight(&machines),
            machines,
            rooms: Columns::default(),
            leaves: Columns::default(),
            branches: Columns::default(),
            hopeless: Vec::new(),
        };
        tree.look_at(0);
        tree
    }

    /// Makes the levels above the machines from one on; a few machines need none.
    fn look_at(&mut self, from: usize) {
        let n = self.machines.len();
        if n > WIDE {
            self.rooms.grow(n);
            self.leaves.grow(n.div_ceil(WIDE));
            self.branches.grow(n.div_ceil(WIDE * WIDE));
            (from..n).for_each(|machine| self.renew(machine));
        }
    }

    /// Adds a machine after all others.
    pub fn push(&mut self, room: Room) {
        if self.machines.is_empty() {
            self.memory_weight = memory_weight(&[room]);
        }
        self.machines.push(room);
        self.hopeless.clear();
        let last = self.machines.len() - 1;
        self.look_at(if last == WIDE { 0 } else { last });
    }

    /// Puts `item` onto the first machine it fits and returns that machine; `None` when it fits none.
    pub fn place(&mut self, item: &Item) -> Option<u32> {
        let at_least = |a: &Item, b: &Item| a.cpu >= b.cpu && a.memory >= b.memory && a.volumes >= b.volumes;
        if self.hopeless.iter().any(|hopeless| at_least(item, hopeless)) {
            return None;
        }
        let Some(machine) = self.first(item) else {
            self.hopeless.retain(|hopeless| !at_least(hopeless, item));
            if self.hopeless.len() < HOPELESS {
                self.hopeless.push(*item);
            }
            return None;
        };
        let room = self.machines.get_mut(index(machine))?;
        *room = room.less(item)?;
        self.renew(index(machine));
        Some(machine)
    }

    /// Takes `item` off `machine`.
    pub fn remove(&mut self, machine: u32, item: &Item) {
        if let Some(room) = self.machines.get_mut(index(machine)) {
            *room = room.plus(item);
        }
        self.hopeless.clear();
        self.renew(index(machine));
    }

    /// Room left in each machine.
    pub fn rooms(&self) -> &[Room] {
        &self.machines
    }

    /// The first machine `item` fits.
    pub fn first(&self, item: &Item) -> Option<u32> {
        if self.machines.len() <= WIDE {
            return self.machines.iter().position(|room| room.fits(item)).map(id);
        }
        let wanted = self.wanted(item.cpu, item.memory);
        for tops in 0..self.branches.cpu.len() / WIDE {
            for branch in places(self.branches.having(tops, wanted)) {
                let branch = tops * WIDE + branch;
                for leaf in places(self.leaves.having(branch, wanted)) {
                    let leaf = branch * WIDE + leaf;
                    let own = places(self.rooms.having(leaf, wanted)).map(|machine| leaf * WIDE + machine);
                    let fits = |machine: &usize| self.machines.get(*machine).is_some_and(|room| room.fits(item));
                    let found = own.into_iter().find(fits);
                    if found.is_some() {
                        return found.map(id);
                    }
                }
            }
        }
        None
    }

    fn wanted(&self, cpu: u32, memory: u32) -> Wanted {
        let weighed = u32::try_from(u64::from(memory) * self.memory_weight / 256).unwrap_or(u32::MAX);
        [signed(cpu), signed(memory), signed(cpu.saturating_add(weighed)), signed(cpu.min(weighed))]
    }

    fn renew(&mut self, machine: usize) {
        if self.machines.len() <= WIDE {
            return;
        }
        let Some(room) = self.machines.get(machine) else { return };
        let seen = if room.pods > 0 { self.wanted(room.cpu, room.memory) } else { [-1; 4] };
        let (leaf, branch) = (machine / WIDE, machine / WIDE / WIDE);
        if self.rooms.set(machine, seen) && self.leaves.set(leaf, self.rooms.most(leaf)) {
            self.branches.set(branch, self.leaves.most(branch));
        }
    }
}
