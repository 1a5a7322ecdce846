//! Number of bare-metal hosts that a set of elastic VMs needs, by the vendor's capacity formula.

use crate::number::{thousandths, whole};

/// A share of a million, for exact products.
const MILLION: i64 = 1_000_000;
const KIB_PER_MIB: i64 = 1024;

/// Nominal size of a machine.
///
/// Ordered by memory, then vCPU: the order of packing, reversed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size {
    pub(crate) memory_mib: i64,
    pub(crate) vcpu: i64,
}

/// Rule by which elastic VMs are put on hosts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Packing {
    pub(crate) memory_overcommit: f64,
    pub(crate) cpu_overcommit: f64,
    /// Memory that virtualisation takes; `None` in the vendor's examples.
    pub(crate) overhead: Option<Overhead>,
}

/// Memory that KubeVirt takes beside the VMs' own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Overhead {
    pub(crate) evm_fraction: f64,
    pub(crate) evm_mib: f64,
    pub(crate) evm_mib_per_vcpu: f64,
    pub(crate) host_mib: f64,
}

/// Room left on a host, in thousandths, so that ratios stay exact.
#[derive(Debug, Clone, Copy)]
struct Room {
    vcpu: i64,
    memory_kib: i64,
}

impl Packing {
    /// `host_vcpu * cpu_overcommit` and `host_memory * memory_overcommit`, less the host's overhead.
    fn room(&self, host: Size) -> Room {
        let reserved = self.overhead.map_or(0, |overhead| whole(overhead.host_mib * 1024.0));
        Room {
            vcpu: host.vcpu * thousandths(self.cpu_overcommit),
            memory_kib: (host.memory_mib * KIB_PER_MIB - reserved).max(0) * thousandths(self.memory_overcommit),
        }
    }

    /// Returns the room that an elastic VM takes.
    fn taken(&self, evm: Size) -> Room {
        let memory_kib = evm.memory_mib * KIB_PER_MIB;
        let overhead = self.overhead.map_or(0, |overhead| {
            let share = memory_kib * whole(overhead.evm_fraction * 1e6) / MILLION;
            let vcpu = crate::number::float(evm.vcpu.into());
            share + whole((overhead.evm_mib + overhead.evm_mib_per_vcpu * vcpu) * 1024.0)
        });
        Room { vcpu: evm.vcpu * 1000, memory_kib: (memory_kib + overhead) * 1000 }
    }

    /// Hosts for these elastic VMs, each given as a size and how many of it, largest first.
    ///
    /// First fit by decreasing memory. For one size this is `ceil(n / per_host)` with the vendor's
    /// `per_host = min(floor(host_vcpu * cpu_overcommit / evm_vcpu), floor(host_memory * memory_overcommit /
    /// evm_memory))`. One that does not fit even alone gets a host of its own.
    pub(crate) fn hosts(&self, host: Size, evms: impl IntoIterator<Item = (Size, i64)>) -> i64 {
        let empty = self.room(host);
        let mut hosts: Vec<Room> = Vec::new();
        let mut alone = 0;
        for (size, mut left) in evms {
            let evm = self.taken(size);
            for room in &mut hosts {
                left -= room.fill(evm, left);
            }
            while left > 0 {
                let mut room = empty;
                let placed = room.fill(evm, left);
                if placed == 0 {
                    alone += left;
                    break;
                }
                left -= placed;
                hosts.push(room);
            }
        }
        i64::try_from(hosts.len()).unwrap_or(i64::MAX) + alone
    }
}

impl Room {
    /// Takes as many as fit, `most` at most; how many it took.
    fn fill(&mut self, evm: Self, most: i64) -> i64 {
        let by = |room: i64, evm: i64| if evm > 0 { room / evm } else { most };
        let n = by(self.vcpu, evm.vcpu).min(by(self.memory_kib, evm.memory_kib)).min(most);
        self.vcpu -= n * evm.vcpu;
        self.memory_kib -= n * evm.memory_kib;
        n
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const M5_METAL: Size = Size { memory_mib: 384 * 1024, vcpu: 96 };
    const M5_4XLARGE: Size = Size { memory_mib: 64 * 1024, vcpu: 16 };
    const KUBEVIRT: Overhead = Overhead { evm_fraction: 0.002, evm_mib: 218.0, evm_mib_per_vcpu: 8.0, host_mib: 360.0 };

    fn packing(memory: f64, cpu: f64, overhead: Option<Overhead>) -> Packing {
        Packing { memory_overcommit: memory, cpu_overcommit: cpu, overhead }
    }

    /// The most of one size that a single host takes.
    fn per_host(packing: Packing, host: Size, evm: Size) -> i64 {
        (1..).find(|n| packing.hosts(host, [(evm, n + 1)]) > 1).unwrap()
    }

    #[test]
    fn published_examples_of_the_capacity_formula() {
        let check = |memory, cpu, overhead, expect| {
            assert_eq!(per_host(packing(memory, cpu, overhead), M5_METAL, M5_4XLARGE), expect);
        };
        check(1.0, 3.0, None, 6);
        check(1.5, 3.0, None, 9);
        check(2.5, 2.5, None, 15);
        check(2.5, 2.5, Some(KUBEVIRT), 14);
        check(1.5, 3.0, Some(KUBEVIRT), 8);
        check(1.0, 3.0, Some(KUBEVIRT), 5);
        // The sample pool: 14 m5.8xlarge at 3 and 2.5 are exactly its two hosts.
        let m5_8xlarge = Size { memory_mib: 128 * 1024, vcpu: 32 };
        assert_eq!(packing(2.5, 3.0, None).hosts(M5_METAL, [(m5_8xlarge, 14)]), 2);
        assert_eq!(packing(2.5, 3.0, None).hosts(M5_METAL, [(m5_8xlarge, 15)]), 3);
    }

    #[test]
    fn one_that_does_not_fit_alone_gets_its_own_host() {
        let whole = Size { memory_mib: 384 * 1024, vcpu: 96 };
        assert_eq!(packing(1.0, 1.0, Some(KUBEVIRT)).hosts(M5_METAL, [(whole, 3), (M5_4XLARGE, 5)]), 4);
        assert_eq!(packing(1.5, 3.0, None).hosts(M5_METAL, []), 0);
    }

    /// First fit by decreasing memory, one VM at a time.
    fn one_by_one(packing: Packing, host: Size, evms: &[(Size, i64)]) -> i64 {
        let empty = packing.room(host);
        let mut hosts: Vec<(i64, i64)> = Vec::new();
        for (size, n) in evms {
            let evm = packing.taken(*size);
            for _ in 0..*n {
                let fits = |room: &&mut (i64, i64)| room.0 >= evm.vcpu && room.1 >= evm.memory_kib;
                match hosts.iter_mut().find(fits) {
                    Some(room) => *room = (room.0 - evm.vcpu, room.1 - evm.memory_kib),
                    None => hosts.push((empty.vcpu - evm.vcpu, empty.memory_kib - evm.memory_kib)),
                }
            }
        }
        i64::try_from(hosts.len()).unwrap()
    }

    proptest! {
        #[test]
        fn packing_by_size_equals_packing_one_by_one(
            evms in prop::collection::btree_map((1_i64..=24, 1_i64..=96), 0_i64..20, 0..6),
            memory in 1.0..3.0_f64, cpu in 1.0..4.0_f64,
        ) {
            let evms: Vec<_> = evms.into_iter().rev()
                .map(|((memory, vcpu), n)| (Size { memory_mib: memory * 16 * 1024, vcpu }, n)).collect();
            let packing = packing(memory, cpu, None);
            prop_assert_eq!(packing.hosts(M5_METAL, evms.clone()), one_by_one(packing, M5_METAL, &evms));
        }

        #[test]
        fn one_size_needs_what_the_formula_says(n in 1_i64..200, memory in 1.0..3.0_f64, cpu in 1.0..4.0_f64) {
            let (memory, cpu) = ((memory * 100.0).round() / 100.0, (cpu * 100.0).round() / 100.0);
            let by_cpu = 96 * whole(cpu * 100.0) / (16 * 100);
            let by_memory = 384 * whole(memory * 100.0) / (64 * 100);
            let per_host = by_cpu.min(by_memory);
            prop_assert_eq!(packing(memory, cpu, None).hosts(M5_METAL, [(M5_4XLARGE, n)]), (n + per_host - 1) / per_host);
        }

        #[test]
        fn ratio_one_without_overhead_never_exceeds_the_host(
            evms in prop::collection::vec((1_i64..=24, 1_i64..=96), 1..30),
        ) {
            let evms: Vec<_> = evms.into_iter().map(|(m, vcpu)| (Size { memory_mib: m * 16 * 1024, vcpu }, 1)).collect();
            let hosts = packing(1.0, 1.0, None).hosts(M5_METAL, evms.clone());
            prop_assert!(evms.iter().map(|(size, _)| size.vcpu).sum::<i64>() <= hosts * M5_METAL.vcpu);
            prop_assert!(evms.iter().map(|(size, _)| size.memory_mib).sum::<i64>() <= hosts * M5_METAL.memory_mib);
        }
    }
}
