//! The machines there are: EC2 types, the elastic VMs that mirror them, and the hosts under those.

use types::UsdPerHour;

use crate::input_hour::NONE;

/// A machine pods run on: an EC2 instance type in one platform, or the elastic VM that mirrors it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineType {
    /// Name, such as `m5.4xlarge`.
    pub name: String,
    /// Architecture, OS and capacity type it offers, as an index the caller keeps.
    pub platform: u16,
    /// Threads.
    pub vcpu: u32,
    /// Nominal memory, in MiB.
    pub memory_mib: u32,
    /// CPU the kubelet leaves to pods.
    pub allocatable_millicores: u32,
    /// Memory the kubelet leaves to pods.
    pub allocatable_mib: u32,
    /// Pods the kubelet accepts.
    pub max_pods: u32,
    /// EBS volumes beside the root disk that attach to it.
    pub max_volumes: u32,
    /// Price by which packers choose; `None` keeps it from being chosen.
    pub price: Option<UsdPerHour>,
}

/// A bare-metal machine that carries elastic VMs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostType {
    /// Name, such as `m5.metal`.
    pub name: String,
    /// Threads.
    pub threads: u32,
    /// Nominal memory, in MiB.
    pub memory_mib: u32,
    /// EBS volumes that attach to it, its own root disk not counted: root disks of elastic VMs and volumes of pods.
    pub max_attachments: u32,
    /// Addresses its network interfaces carry, for elastic VMs and pods.
    pub max_ips: u32,
    /// Price by which candidates are screened; `None` leaves it out.
    pub price: Option<UsdPerHour>,
}

/// Every machine type by index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    /// The types; their indexes are what [`crate::PodRow::observed_type`] names.
    pub machines: Vec<MachineType>,
}

impl Catalog {
    /// The type at `index`.
    pub fn machine(&self, index: u32) -> Option<&MachineType> {
        self.machines.get(crate::number::index(index))
    }

    /// Those of `types` that have no more vCPU and no more memory than a cap on size allows.
    ///
    /// What [`crate::Setup`] has on offer is what packers buy, what consolidation replaces machines by, and what the lower
    /// bound may use, so a cap belongs there. A pod that only a larger machine holds is unplaceable under it.
    pub fn no_larger_than(&self, types: &[u32], vcpu: u32, memory_mib: u32) -> Vec<u32> {
        let within = |kind: &MachineType| kind.vcpu <= vcpu && kind.memory_mib <= memory_mib;
        types.iter().copied().filter(|index| self.machine(*index).is_some_and(within)).collect()
    }
}

impl HostType {
    /// Which elastic VM takes the place of each machine type, as indexes into `catalog`: itself where `family` has it,
    /// else the smallest of `family` with at least its vCPU and memory; [`NONE`] where none is large enough.
    ///
    /// `family` holds the indexes of the types elastic VMs may have. Smallest is by memory, then vCPU, then name.
    pub fn mirror(&self, catalog: &Catalog, family: &[u32]) -> Vec<u32> {
        let fits = |evm: &MachineType| evm.vcpu <= self.threads && evm.memory_mib <= self.memory_mib;
        let mut sizes: Vec<(u32, &MachineType)> = family
            .iter()
            .filter_map(|index| Some((*index, catalog.machine(*index)?)))
            .filter(|(_, e)| fits(e))
            .collect();
        sizes.sort_by(|(_, a), (_, b)| (a.memory_mib, a.vcpu, &a.name).cmp(&(b.memory_mib, b.vcpu, &b.name)));
        let mirrored = |(index, kind): (u32, &MachineType)| {
            let own = sizes.iter().find(|(size, _)| *size == index);
            let large = |(_, size): &&(u32, &MachineType)| size.vcpu >= kind.vcpu && size.memory_mib >= kind.memory_mib;
            own.or_else(|| sizes.iter().find(large)).map_or(NONE, |(size, _)| *size)
        };
        (0..).zip(&catalog.machines).map(mirrored).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_leaves_what_has_no_more_of_either() {
        let kind = |vcpu: u32, gib: u32| MachineType {
            name: format!("{vcpu}x{gib}"),
            platform: 0,
            vcpu,
            memory_mib: gib * 1024,
            allocatable_millicores: vcpu * 950,
            allocatable_mib: gib * 900,
            max_pods: 58,
            max_volumes: 26,
            price: None,
        };
        let catalog = Catalog { machines: vec![kind(16, 64), kind(32, 128), kind(36, 72), kind(16, 256), kind(2, 8)] };
        // Twice an m5.4xlarge: exactly that is within; more vCPU or more memory is not, nor what is not in the catalog.
        assert_eq!(catalog.no_larger_than(&[4, 0, 1, 2, 3, 99], 32, 128 * 1024), [4, 0, 1]);
        assert!(catalog.no_larger_than(&[0, 1], 8, 8 * 1024).is_empty());
    }
}
