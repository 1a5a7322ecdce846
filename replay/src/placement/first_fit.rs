//! The first machine with room, among thousands.

use super::{Item, Room};
use crate::number::{id, index};

/// Machines in one leaf of the tree; scanned one after the other.
const LEAF: usize = 16;

/// Machines in order, under a tree of the most room in each part.
///
/// A part can have the CPU in one machine and the memory in another, so that the way down may be in vain; it then
/// goes on to the next part. Answers are those of a plain scan.
#[derive(Debug, Clone)]
pub struct FirstFit {
    machines: Vec<Room>,
    /// The most of each resource in node `n`'s part; node 1 is the root, the children of `n` are `2 n` and `2 n + 1`.
    most: Vec<Room>,
    leaves: usize,
}

fn most(a: &Room, b: &Room) -> Room {
    Room {
        cpu: a.cpu.max(b.cpu),
        memory: a.memory.max(b.memory),
        pods: a.pods.max(b.pods),
        volumes: a.volumes.max(b.volumes),
    }
}

#[expect(clippy::indexing_slicing, reason = "the tree is built over the machines; every node and leaf exists")]
impl FirstFit {
    /// Over the room left in each machine.
    pub fn new(machines: Vec<Room>) -> Self {
        let leaves = machines.len().div_ceil(LEAF).next_power_of_two();
        let mut tree = Self { machines, most: vec![Room::default(); 2 * leaves], leaves };
        for leaf in 0..leaves {
            tree.most[leaves + leaf] = tree.leaf_most(leaf);
        }
        for node in (1..leaves).rev() {
            tree.most[node] = most(&tree.most[2 * node], &tree.most[2 * node + 1]);
        }
        tree
    }

    fn leaf(&self, leaf: usize) -> &[Room] {
        let end = self.machines.len().min((leaf + 1) * LEAF);
        &self.machines[(leaf * LEAF).min(end)..end]
    }

    fn leaf_most(&self, leaf: usize) -> Room {
        self.leaf(leaf).iter().fold(Room::default(), |all, machine| most(&all, machine))
    }

    /// Puts `item` onto the first machine it fits and returns that machine; `None` when it fits none.
    pub fn place(&mut self, item: &Item) -> Option<u32> {
        let machine = self.first(item)?;
        self.machines[index(machine)] = self.machines[index(machine)].less(item)?;
        self.renew(index(machine) / LEAF);
        Some(machine)
    }

    /// Takes `item` off `machine`.
    pub fn remove(&mut self, machine: u32, item: &Item) {
        self.machines[index(machine)] = self.machines[index(machine)].plus(item);
        self.renew(index(machine) / LEAF);
    }

    /// Room left in each machine.
    pub fn rooms(&self) -> &[Room] {
        &self.machines
    }

    /// The first machine `item` fits.
    pub fn first(&self, item: &Item) -> Option<u32> {
        let mut node = 1;
        loop {
            if self.most[node].fits(item) {
                if node < self.leaves {
                    node *= 2;
                    continue;
                }
                let leaf = node - self.leaves;
                if let Some(offset) = self.leaf(leaf).iter().position(|machine| machine.fits(item)) {
                    return Some(id(leaf * LEAF + offset));
                }
            }
            // On to the next part: up while this was a right child, then to the right.
            node = (node + 1) >> (node + 1).trailing_zeros();
            if node == 1 {
                return None;
            }
        }
    }

    fn renew(&mut self, leaf: usize) {
        let mut node = self.leaves + leaf;
        self.most[node] = self.leaf_most(leaf);
        while node > 1 {
            node /= 2;
            let renewed = most(&self.most[2 * node], &self.most[2 * node + 1]);
            if renewed == self.most[node] {
                return;
            }
            self.most[node] = renewed;
        }
    }
}
