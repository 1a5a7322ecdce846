//! EC2 instance types, and which of them a machine of a given size may be.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{CatalogError, rows};

pub(crate) const INSTANCE_TYPES: &str = include_str!("../data/instance_types.csv");

/// Numbers of pods that people and AMIs set by hand (prefix delegation on small and on large nodes): they say nothing
/// about the type. (source: `max-pods-calculator.sh` of the EKS AMI, which caps at these two.)
const PODS_SET_BY_HAND: [i64; 2] = [110, 250];
/// Largest difference between nominal memory and what the kernel sees: firmware and kernel keep up to 7.5 % (the share
/// Karpenter assumes for every type) and, on the smallest, about 60 MiB.
const LEAST_PERMILLE_SEEN: i64 = 920;
const KEPT_BY_SMALL_MIB: i64 = 64;
/// The least share of a type's memory that a machine of it shows, in permille: with room for what is set aside for crash
/// dumps, and still more than the next smaller type of most families has.
const LEAST_PERMILLE_OF_A_TYPE: i64 = 750;

/// An EC2 instance type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct InstanceType {
    /// Its name, such as `m5.4xlarge`.
    #[serde(rename = "instance_type")]
    pub name: String,
    /// Threads.
    pub vcpu: i64,
    /// Nominal memory.
    pub memory_mib: i64,
    /// `amd64` or `arm64`.
    pub arch: String,
    /// True for bare metal.
    pub bare_metal: bool,
    /// GPUs; for other accelerators at least 1.
    pub accelerators: i64,
    /// Pods that the network interfaces have addresses for; what EKS sets unless told otherwise.
    pub max_pods: Option<i64>,
    /// Threads on each core: 2 with simultaneous multithreading.
    pub threads_per_core: i64,
    /// Devices that can be attached: volumes, the root volume among them.
    pub attachments: i64,
    /// True when network interfaces and local disks count against the same limit.
    pub attachments_shared: bool,
    /// Throughput to EBS, in Mbit/s; `None` when not known.
    pub ebs_mbps: Option<i64>,
}

/// Allocatable resources: what EKS leaves to pods on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocatable {
    /// CPU, in millicores.
    pub cpu_millicores: i64,
    /// Memory, in MiB.
    pub memory_mib: i64,
}

/// Memory that firmware and kernel keep, in thousandths: the share Karpenter assumes for every type.
const KEPT_BY_KERNEL_PERMILLE: i64 = 75;
/// Memory the kernel of arm64 images keeps for contiguous allocations.
const KEPT_ON_ARM_MIB: i64 = 64;
/// Memory at which the kubelet evicts.
const EVICTION_MIB: i64 = 100;

impl InstanceType {
    /// Its family, such as `m5`.
    pub fn family(&self) -> &str {
        self.name.split('.').next().unwrap_or(&self.name)
    }

    /// Allocatable resources with AL2023 and default settings; `None` where the number of pods is not known.
    ///
    /// CPU kept: 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest. Memory kept: 255
    /// MiB and 11 MiB a pod, and what kernel and eviction keep. (source: `nodeadm` of the EKS AMI and Karpenter, read
    /// 2026-07; `make.py` checks it against Karpenter's table for every type.)
    pub fn allocatable(&self) -> Option<Allocatable> {
        let core = |from: i64, to: i64| (self.vcpu.min(to) - from).max(0);
        // In hundredths of a millicore, because the last rate is 2.5 millicores a core.
        let kept = 6000 * core(0, 1) + 1000 * core(1, 2) + 500 * core(2, 4) + 250 * core(4, i64::MAX);
        let visible = self.memory_mib - if self.arch == "arm64" { KEPT_ON_ARM_MIB } else { 0 };
        let seen = visible * (1000 - KEPT_BY_KERNEL_PERMILLE) / 1000;
        Some(Allocatable {
            cpu_millicores: self.vcpu * 1000 - kept / 100,
            memory_mib: seen - 255 - 11 * self.max_pods? - EVICTION_MIB,
        })
    }

    /// Its size, such as `4xlarge` or `metal-24xl`.
    pub fn size(&self) -> &str {
        self.name.split_once('.').map_or("", |(_, size)| size)
    }
}

/// Observed size of a machine whose type is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size<'a> {
    /// CPUs the kernel sees.
    pub cpus: i64,
    /// Memory the kernel sees, a few percent less than the type has.
    pub memory_bytes: i64,
    /// Pods the kubelet accepts.
    pub pods: Option<i64>,
    /// `amd64` or `arm64`.
    pub arch: Option<&'a str>,
    /// GPUs that are there. `None` when none show: a GPU without its device plugin does not.
    pub gpus: Option<i64>,
    /// The family, where a label names it without the size.
    pub family: Option<&'a str>,
}

impl Size<'_> {
    /// The types among `types` that such a machine may be, by name.
    ///
    /// The number of pods narrows the choice only where it is not one that is set by hand, and where some type of the
    /// right size has it by default; else it was set by hand too.
    pub fn fitting<'t>(&self, types: &'t BTreeMap<String, InstanceType>) -> Vec<&'t InstanceType> {
        let mut fitting: Vec<_> = types.values().filter(|kind| self.fits(kind)).collect();
        let by_default = |kind: &&InstanceType| kind.max_pods.is_some() && kind.max_pods == self.pods;
        let set_by_hand = self.pods.is_none_or(|pods| PODS_SET_BY_HAND.contains(&pods));
        if !set_by_hand && fitting.iter().any(by_default) {
            fitting.retain(by_default);
        }
        fitting
    }

    /// Returns true when a machine of a type can be of this size: some of its CPUs may be switched off, and the kernel
    /// keeps some of the memory.
    pub fn may_be(&self, kind: &InstanceType) -> bool {
        self.cpus <= kind.vcpu && self.has_memory_of(kind, LEAST_PERMILLE_OF_A_TYPE)
    }

    /// Returns true when the memory is that of a type, less what the kernel keeps: so many permille of it at the least.
    fn has_memory_of(&self, kind: &InstanceType, least_permille: i64) -> bool {
        let least = (kind.memory_mib * least_permille / 1000).min(kind.memory_mib - KEPT_BY_SMALL_MIB);
        (least..=kind.memory_mib).contains(&(self.memory_bytes >> 20))
    }

    fn fits(&self, kind: &InstanceType) -> bool {
        kind.vcpu == self.cpus
            && self.has_memory_of(kind, LEAST_PERMILLE_SEEN)
            && self.arch.is_none_or(|arch| arch == kind.arch)
            && self.gpus.is_none_or(|gpus| gpus == kind.accelerators)
            && self.family.is_none_or(|family| family == kind.family())
    }
}

/// All instance types, by name.
///
/// # Errors
/// [`CatalogError`] when the file that is part of the program is malformed.
pub fn instance_types() -> Result<BTreeMap<String, InstanceType>, CatalogError> {
    let types = rows::<InstanceType>("instance_types.csv", INSTANCE_TYPES)?;
    Ok(types.into_iter().map(|kind| (kind.name.clone(), kind)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(size: Size<'_>) -> Vec<String> {
        let types = instance_types().unwrap();
        size.fitting(&types).into_iter().map(|kind| kind.name.clone()).collect()
    }

    const M5_4XLARGE: Size<'_> =
        Size { cpus: 16, memory_bytes: 64_890_000 << 10, pods: None, arch: Some("amd64"), gpus: None, family: None };

    #[test]
    fn what_eks_leaves_to_pods_is_what_karpenter_lists() {
        let types = instance_types().unwrap();
        let of = |name: &str| types[name].allocatable().map(|left| (left.cpu_millicores, left.memory_mib));
        assert_eq!(of("a1.2xlarge"), Some((7910, 14103)));
        assert_eq!(of("c4.8xlarge"), Some((35840, 53903)));
        assert_eq!(of("c4.large"), Some((1930, 2878)));
    }

    #[test]
    fn every_type_leaves_something_and_takes_volumes() {
        let mut unknown = Vec::new();
        for (name, kind) in instance_types().unwrap() {
            let Some(left) = kind.allocatable() else {
                unknown.push(kind.family().to_owned());
                continue;
            };
            assert!(left.cpu_millicores > 0 && left.cpu_millicores < kind.vcpu * 1000, "{name}");
            assert!(left.memory_mib < kind.memory_mib, "{name}");
            assert!((3..=128).contains(&kind.attachments), "{name}");
            assert!([1, 2].contains(&kind.threads_per_core) && kind.vcpu % kind.threads_per_core == 0, "{name}");
            assert!(kind.arch != "arm64" || kind.threads_per_core == 1, "{name}");
        }
        // No source has the addresses of the newest types yet.
        unknown.dedup();
        assert_eq!(unknown, ["r9g", "r9gd", "t8i"]);
    }

    #[test]
    fn a_common_size_fits_many_types_and_a_family_or_an_odd_size_one() {
        let all = names(M5_4XLARGE);
        assert!(all.len() > 10 && all.contains(&"m5.4xlarge".to_owned()), "{all:?}");
        assert!(!all.contains(&"m6g.4xlarge".to_owned()) && !all.contains(&"r5.2xlarge".to_owned()));
        assert_eq!(names(Size { family: Some("m5"), ..M5_4XLARGE }), ["m5.4xlarge"]);
        // 36 threads and 60 GiB.
        let odd = Size { cpus: 36, memory_bytes: 61_000_000 << 10, ..M5_4XLARGE };
        assert_eq!(names(odd), ["c4.8xlarge"]);
    }

    #[test]
    fn gpus_narrow_only_where_they_show() {
        assert!(names(M5_4XLARGE).contains(&"g4dn.4xlarge".to_owned()));
        let with_gpu = names(Size { gpus: Some(1), ..M5_4XLARGE });
        assert!(with_gpu.contains(&"g4dn.4xlarge".to_owned()) && !with_gpu.contains(&"m5.4xlarge".to_owned()));
    }

    #[test]
    fn pods_narrow_unless_they_were_set_by_hand() {
        let all = names(M5_4XLARGE);
        assert_eq!(names(Size { pods: Some(110), ..M5_4XLARGE }), all);
        assert_eq!(names(Size { pods: Some(17_000), ..M5_4XLARGE }), all);
        let types = instance_types().unwrap();
        for name in names(Size { pods: Some(234), ..M5_4XLARGE }) {
            assert_eq!(types[&name].max_pods, Some(234), "{name}");
        }
    }

    #[test]
    fn every_type_fits_itself_as_the_kubelet_sees_it() {
        let types = instance_types().unwrap();
        for kind in types.values() {
            let size = Size {
                cpus: kind.vcpu,
                memory_bytes: (kind.memory_mib << 20) / 1000 * 940,
                pods: kind.max_pods,
                arch: Some(&kind.arch),
                gpus: None,
                family: Some(kind.family()),
            };
            assert!(size.fitting(&types).contains(&kind), "{}", kind.name);
        }
    }
}
