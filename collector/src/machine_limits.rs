//! Limits of a machine, by which its measurements are judged.

use crate::numbers::whole;

/// Threads of the largest machine that EC2 sells (u7inh-32tb.480xlarge has 1,920), for machines of unknown size.
const MOST_CORES: f64 = 2_048.0;
/// Twice the memory of that machine.
const MOST_MEMORY_BYTES: f64 = 64.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0;
/// Bytes a second through the network of a machine, or through its disks: 50 Gbit/s, which the smallest types of some
/// families have for a while, and 17 more for each thread, as of the 3,200 that the largest accelerated types have.
const IO_BYTES_PER_SECOND: i64 = 6_250_000_000;
const IO_BYTES_PER_SECOND_AND_CORE: i64 = 2_125_000_000;

/// Limits of one machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// CPU, in core-milliseconds a second.
    pub(crate) millicores: i64,
    pub(crate) memory_bytes: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { millicores: whole(MOST_CORES * 1000.0).unwrap_or(i64::MAX), memory_bytes: MOST_MEMORY_BYTES }
    }
}

impl Limits {
    /// By the cores and bytes that a node tells of itself. Where those are none any machine can have, any machine's.
    pub(crate) fn of(cores: Option<f64>, bytes: Option<f64>) -> Self {
        let most = Self::default();
        let (cores, memory) = (cores.and_then(possible_cores), bytes.and_then(possible_memory));
        Self {
            millicores: cores.and_then(|cores| whole(cores * 1000.0)).unwrap_or(most.millicores),
            memory_bytes: memory.unwrap_or(most.memory_bytes),
        }
    }

    /// Returns whether so much CPU can be used at once.
    pub(crate) fn allow_cores(self, cores: f64) -> bool {
        whole(cores * 1000.0).is_some_and(|millicores| (0..=self.millicores).contains(&millicores))
    }

    /// Returns whether a rate between two scrapes can be so much CPU. The counter that the first of them saw may be a scrape
    /// old, so that the second saw twice as much.
    pub(crate) fn allow_cores_between_scrapes(self, cores: f64) -> bool {
        let most = self.millicores.saturating_mul(2);
        whole(cores * 1000.0).is_some_and(|millicores| (0..=most).contains(&millicores))
    }

    /// Returns whether a process can hold so much memory: not more than there is, and not none while it runs.
    pub(crate) fn allow_memory(self, bytes: f64, running: bool) -> bool {
        (0.0..=self.memory_bytes).contains(&bytes) && !(running && bytes == 0.0)
    }

    /// Bytes a second through its network, or through its disks.
    pub(crate) fn io_bytes_per_second(self) -> i64 {
        IO_BYTES_PER_SECOND
            .saturating_add(IO_BYTES_PER_SECOND_AND_CORE.saturating_mul((self.millicores / 1000).saturating_add(1)))
    }

    /// The greater of each: where a name was another machine's too.
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            millicores: self.millicores.max(other.millicores),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
        }
    }
}

/// Cores that a machine can have.
pub(crate) fn possible_cores(cores: f64) -> Option<f64> {
    (cores > 0.0 && cores <= MOST_CORES).then_some(cores)
}

/// Memory that a machine can have, in bytes.
pub(crate) fn possible_memory(bytes: f64) -> Option<f64> {
    (bytes > 0.0 && bytes <= MOST_MEMORY_BYTES).then_some(bytes)
}

/// Pieces of a device that a machine can have. Plugins that divide a GPU's memory count MiB.
const MOST_PIECES: f64 = 1_073_741_824.0;

/// Returns whether a machine can have so much of a resource, or a container ask for so much or be limited to it.
pub(crate) fn is_possible_amount(resource: &str, amount: f64) -> bool {
    let most = match resource {
        "cpu" => MOST_CORES,
        "memory" => MOST_MEMORY_BYTES,
        _ if resource.starts_with("hugepages_") => MOST_MEMORY_BYTES,
        _ if resource.contains("storage") => MOST_DISK_BYTES,
        _ => MOST_PIECES,
    };
    (0.0..=most).contains(&amount)
}

/// Bytes that a local disk of a machine can have: three times those of the largest storage-optimised type.
const MOST_DISK_BYTES: f64 = 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0;

/// Size that a local disk of a machine can have.
pub(crate) fn possible_disk(bytes: f64) -> Option<f64> {
    (bytes > 0.0 && bytes <= MOST_DISK_BYTES).then_some(bytes)
}

/// Bytes that an EBS volume can have: 64 TiB, the most of io2 Block Express.
pub(crate) fn possible_ebs_volume(bytes: f64) -> Option<f64> {
    (bytes > 0.0 && bytes <= 64.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0).then_some(bytes)
}

/// Pods that a kubelet can be told to accept: ten times what EKS sets for its largest machines.
pub(crate) fn possible_pods(pods: f64) -> Option<f64> {
    (0.0..=10_000.0).contains(&pods).then_some(pods)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_the_catalog_is_within_what_any_machine_can_do() {
        for kind in catalog::instance_types().unwrap().values() {
            let (cores, bytes) = (f64::from(i32::try_from(kind.vcpu).unwrap()), kind.memory_mib);
            let bytes = f64::from(i32::try_from(bytes).unwrap()) * 1_048_576.0;
            assert!(possible_cores(cores).is_some() && possible_memory(bytes).is_some(), "{}", kind.name);
        }
    }

    #[test]
    fn a_capacity_no_machine_has_is_no_limit() {
        let of = |cores: f64, bytes: f64| Limits::of(Some(cores), Some(bytes));
        assert_eq!(Limits::of(None, None), Limits::default());
        assert_eq!(of(4.0, 16e9), Limits { millicores: 4_000, memory_bytes: 16e9 });
        for wrong in [0.0, -1.0, 9.3e18] {
            assert_eq!(of(wrong, wrong), Limits::default());
        }
        for wrong in [0.0, -1.0, 9.3e18] {
            assert_eq!((possible_disk(wrong), possible_ebs_volume(wrong)), (None, None));
        }
        assert_eq!(possible_ebs_volume(1e9), Some(1e9));
        assert_eq!(
            of(4.0, 0.0).max(of(8.0, 1e9)),
            Limits { millicores: 8_000, memory_bytes: Limits::default().memory_bytes }
        );
    }
}
