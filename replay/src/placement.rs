//! Packing: pods onto machines that are there, and onto machines to be bought.
//!
//! [`FirstFit`] answers "which is the first machine with room" over thousands of machines. Two packers choose machines
//! to buy: [`first_fit_decreasing()`], what Karpenter would give, and [`Packer`], the best that is honest.

mod best_packing;
mod dot_product;
mod equal_items;
mod few_items_exact;
mod first_fit;
mod first_fit_decreasing;
mod one_type;
mod purchase_plan;
mod shadow_prices;

pub use best_packing::Packer;
pub use first_fit::FirstFit;
pub use first_fit_decreasing::first_fit_decreasing;
pub(crate) use first_fit_decreasing::undominated;
use types::UsdPerHour;

/// Size of one pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Item {
    /// CPU, in millicores.
    pub cpu: u32,
    /// Memory, in MiB.
    pub memory: u32,
    /// EBS volumes.
    pub volumes: u32,
}

impl Item {
    /// Returns what holds either of two, resource by resource.
    #[must_use]
    pub fn larger(&self, other: &Self) -> Self {
        Self {
            cpu: self.cpu.max(other.cpu),
            memory: self.memory.max(other.memory),
            volumes: self.volumes.max(other.volumes),
        }
    }
}

/// Room that a machine has, or has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Room {
    /// CPU, in millicores.
    pub cpu: u32,
    /// Memory, in MiB.
    pub memory: u32,
    /// Pods.
    pub pods: u32,
    /// EBS volumes.
    pub volumes: u32,
}

impl Room {
    /// Returns true when `item` fits.
    pub const fn fits(&self, item: &Item) -> bool {
        self.cpu >= item.cpu && self.memory >= item.memory && self.volumes >= item.volumes && self.pods > 0
    }

    /// Returns true when a machine with so much has as much of everything as `taken`.
    pub const fn holds(&self, taken: &Self) -> bool {
        self.cpu >= taken.cpu && self.memory >= taken.memory && self.pods >= taken.pods && self.volumes >= taken.volumes
    }

    /// Returns what a machine with so much holds, of which `left` is left.
    pub const fn without(&self, left: &Self) -> Self {
        Self {
            cpu: self.cpu - left.cpu,
            memory: self.memory - left.memory,
            pods: self.pods - left.pods,
            volumes: self.volumes - left.volumes,
        }
    }

    /// Returns what is left beside `item`; `None` where it does not fit.
    pub const fn less(self, item: &Item) -> Option<Self> {
        if !self.fits(item) {
            return None;
        }
        Some(Self {
            cpu: self.cpu - item.cpu,
            memory: self.memory - item.memory,
            pods: self.pods - 1,
            volumes: self.volumes - item.volumes,
        })
    }

    /// Returns what there is once `item` has left.
    pub const fn plus(self, item: &Item) -> Self {
        Self {
            cpu: self.cpu + item.cpu,
            memory: self.memory + item.memory,
            pods: self.pods + 1,
            volumes: self.volumes + item.volumes,
        }
    }
}

/// A machine that can be bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offer {
    /// Its price.
    pub price: UsdPerHour,
    /// Room for pods, daemonsets taken off.
    pub room: Room,
    /// Number the caller knows it by.
    pub id: u32,
}

/// One machine bought, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The offer's [`Offer::id`].
    pub id: u32,
    /// Indexes of its items.
    pub items: Vec<u32>,
}

/// Result of a packer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packing {
    /// Machines bought, in the order in which they were opened.
    pub machines: Vec<Packed>,
    /// Items that fit no machine on offer.
    pub unplaced: Vec<u32>,
}

crate::choice! {
    /// Score by which kube-scheduler ranks machines with room.
    pub enum Score {
        /// The emptiest by requests: kube-scheduler's default.
        LeastAllocated = "least_allocated",
        /// The fullest by requests.
        MostAllocated = "most_allocated",
    }
}

#[cfg(test)]
mod tests;
