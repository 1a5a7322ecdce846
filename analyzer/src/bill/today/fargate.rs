//! Fargate: what pods were provisioned with, by the second.

use std::collections::BTreeMap;

use types::NanoUsd;
use types::analysis::GradeReason;

use super::{Bill, Item, hours};
use crate::assumptions::Assumptions;
use crate::number::{float, whole};
use crate::prices::{PriceBook, Priced};
use crate::sums::node_usage_by_owner::FargateKind;

const MIB: i64 = 1 << 20;

impl Bill {
    pub(super) fn add_fargate(
        &mut self,
        pods: &BTreeMap<FargateKind, i64>,
        book: &PriceBook,
        assumptions: &Assumptions,
    ) -> Option<NanoUsd> {
        let overhead_mib = whole(assumptions.terms.fargate_memory_overhead_gib * 1024.0);
        let mut line = pods.is_empty().then_some(NanoUsd::ZERO);
        for (kind, seconds) in pods {
            let priced = fargate_price(kind, overhead_mib, book);
            match priced {
                Ok((size, [vcpu, memory])) => {
                    let vcpu_seconds = i128::from(size.vcpu_thousandths) * i128::from(*seconds);
                    let memory_seconds = i128::from(size.memory_mib) * i128::from(*seconds);
                    let reason = (!size.provisioned).then_some(GradeReason::FargateSize);
                    let vcpu_cost = self.add_item(
                        Item {
                            line: "fargate",
                            what: "vCPU".to_owned(),
                            unit: "vCPU-hour",
                            quantity: float(vcpu_seconds) / 3_600_000.0,
                            cost: vcpu.price.scaled(vcpu_seconds, 3_600_000),
                            priced: vcpu,
                        },
                        reason,
                    );
                    let memory_cost = self.add_item(
                        Item {
                            line: "fargate",
                            what: "memory".to_owned(),
                            unit: "GiB-hour",
                            quantity: float(memory_seconds) / (1024.0 * 3600.0),
                            cost: memory.price.scaled(memory_seconds, 1024 * 3600),
                            priced: memory,
                        },
                        reason,
                    );
                    self.fargate.insert(kind.clone(), vcpu_cost + memory_cost);
                    line = Some(line.unwrap_or_default() + vcpu_cost + memory_cost);
                }
                Err(reason) => self.add_unpriced("Fargate pod".to_owned(), hours(*seconds), "pod-hour", reason),
            }
        }
        line
    }
}

/// A size Fargate sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FargateSize {
    vcpu_thousandths: i64,
    memory_mib: i64,
    /// `true` when the node says it.
    provisioned: bool,
}

/// vCPU in thousandths, least and most memory and its step in MiB: the sizes AWS documents for pods on Fargate.
const FARGATE_SIZES: [(i64, i64, i64, i64); 7] = [
    (250, 512, 2048, 512),
    (500, 1024, 4096, 1024),
    (1000, 2048, 8192, 1024),
    (2000, 4096, 16384, 1024),
    (4000, 8192, 30720, 1024),
    (8000, 16384, 61440, 4096),
    (16000, 32768, 122_880, 8192),
];

/// The smallest size that holds a request; `None` when Fargate sells none.
fn fargate_size(cpu_millicores: i64, memory_mib: i64) -> Option<FargateSize> {
    let fits = |(vcpu, _, most, _): &&(i64, i64, i64, i64)| *vcpu >= cpu_millicores && *most >= memory_mib;
    let (vcpu_thousandths, least, _, step) = *FARGATE_SIZES.iter().find(fits)?;
    // A quarter vCPU has 0.5, 1 or 2 GiB, not 1.5.
    let step = if vcpu_thousandths == 250 && memory_mib > 1024 { 1024 } else { step };
    let steps = |mib: i64| mib.div_euclid(step) + i64::from(mib.rem_euclid(step) != 0);
    Some(FargateSize { vcpu_thousandths, memory_mib: (steps(memory_mib) * step).max(least), provisioned: false })
}

/// Reads the size that a node says it was provisioned with, such as `0.25vCPU 0.5GB`.
fn provisioned(text: &str) -> Option<FargateSize> {
    let (vcpu, memory) = text.split_once(' ')?;
    let thousandths = |text: &str, unit: &str| Some(crate::number::thousandths(text.strip_suffix(unit)?.parse().ok()?));
    let (vcpu_thousandths, gib_thousandths) = (thousandths(vcpu, "vCPU")?, thousandths(memory, "GB")?);
    let memory_mib = gib_thousandths * 1024 / 1000;
    (vcpu_thousandths > 0 && memory_mib > 0).then_some(FargateSize { vcpu_thousandths, memory_mib, provisioned: true })
}

fn fargate_price(
    kind: &FargateKind,
    overhead_mib: i64,
    book: &PriceBook,
) -> Result<(FargateSize, [Priced<NanoUsd>; 2]), String> {
    let Some(region) = kind.region.as_deref() else { return Err("region not known".to_owned()) };
    let bytes = kind.memory_request_bytes;
    let memory_mib = bytes.div_euclid(MIB) + i64::from(bytes.rem_euclid(MIB) != 0) + overhead_mib;
    let size = kind.provisioned.as_deref().and_then(provisioned);
    let size = size
        .or_else(|| fargate_size(kind.cpu_request_millicores, memory_mib))
        .ok_or_else(|| "larger than the largest size Fargate sells".to_owned())?;
    let unit = |item: &str| {
        book.other(item, region)
            .ok_or_else(|| format!("no price of {item} in {region}; give one as [[item]] in the prices file, or import AWS's list of AmazonECS"))
    };
    Ok((size, [unit("fargate.vcpu")?, unit("fargate.memory")?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(cpu: i64, memory_mib: i64) -> Option<(i64, i64)> {
        fargate_size(cpu, memory_mib).map(|size| (size.vcpu_thousandths, size.memory_mib))
    }

    #[test]
    fn fargate_rounds_up_to_a_size_it_sells() {
        assert_eq!(size(0, 256), Some((250, 512)));
        assert_eq!(size(250, 1024), Some((250, 1024)));
        assert_eq!(size(250, 1025), Some((250, 2048)));
        assert_eq!(size(250, 2304), Some((500, 3072)));
        assert_eq!(size(251, 256), Some((500, 1024)));
        assert_eq!(size(1000, 8192), Some((1000, 8192)));
        assert_eq!(size(1000, 8193), Some((2000, 9216)));
        assert_eq!(size(5000, 17_000), Some((8000, 20480)));
        assert_eq!(size(16_000, 122_880), Some((16_000, 122_880)));
        assert_eq!(size(16_001, 1024), None);
        assert_eq!(size(100, 122_881), None);
    }

    #[test]
    fn what_a_node_says_it_was_provisioned_with_is_believed() {
        let read = |text: &str| provisioned(text).map(|size| (size.vcpu_thousandths, size.memory_mib));
        assert_eq!(read("0.25vCPU 0.5GB"), Some((250, 512)));
        assert_eq!(read("4vCPU 20GB"), Some((4000, 20480)));
        assert_eq!((read("4vCPU"), read("4 20"), read("0vCPU 1GB"), read("")), (None, None, None, None));
    }
}
