//! Surplus CPU credits: what burstable machines in unlimited mode use beyond their baseline, over each day.

use std::collections::BTreeMap;

use types::NanoUsd;
use types::analysis::GradeReason;

use super::{Bill, Item};
use crate::assumptions::Assumptions;
use crate::assumptions::choices::CpuCredits;
use crate::number::{float, whole};
use crate::prices::{OperatingSystem, PriceBook};
use crate::sums::node_billing::BilledAs;
use crate::sums::window_totals::Observed;

/// Share of each vCPU that a size gives all the time. (source: AWS documentation of burstable instances; the same for
/// T3, T3a and T4g. T2 starts in standard mode, in which a machine slows down and pays nothing.)
const BASELINES: [(&str, f64); 7] = [
    ("nano", 0.05),
    ("micro", 0.10),
    ("small", 0.20),
    ("medium", 0.20),
    ("large", 0.30),
    ("xlarge", 0.40),
    ("2xlarge", 0.40),
];
/// Families that are in unlimited mode unless somebody says otherwise.
const UNLIMITED: [&str; 3] = ["t3", "t3a", "t4g"];
/// Millicore-seconds of a vCPU-hour.
const VCPU_HOUR: i128 = 3_600_000;

impl Bill {
    /// The line of surplus credits: zero where no such machine runs, `None` where none of them tells its CPU.
    pub(super) fn add_cpu_credits(
        &mut self,
        observed: &Observed,
        book: &PriceBook,
        assumptions: &Assumptions,
    ) -> Option<NanoUsd> {
        if assumptions.terms.ec2_cpu_credits == CpuCredits::Standard {
            return Some(NanoUsd::ZERO);
        }
        let (mut known, mut seen) = (false, false);
        let mut surplus: BTreeMap<&BilledAs, i128> = BTreeMap::new();
        for (billed_as, day) in observed.burst.days() {
            let Some(baseline) = baseline_millicores(billed_as, book) else { continue };
            seen = true;
            known |= day.seconds > 0;
            let beyond = day.used - i128::from(baseline) * i128::from(day.seconds);
            *surplus.entry(billed_as).or_default() += beyond.max(0);
        }
        if observed.burst.unknown_seconds > 0 && seen {
            let hours = super::hours(observed.burst.unknown_seconds);
            let reason =
                "CPU of burstable machines not known, so neither are surplus credits; run node-exporter on them";
            self.add_unpriced("surplus CPU credits".to_owned(), hours, "node-hour", reason.to_owned());
        }
        let mut line = (!seen || known).then_some(NanoUsd::ZERO);
        for (billed_as, beyond) in surplus.into_iter().filter(|(_, beyond)| *beyond > 0) {
            let region = billed_as.location().unwrap_or_default();
            let family = family(billed_as);
            let quantity = float(beyond) / float(VCPU_HOUR);
            match book.surplus_credits(family, os(billed_as), &region) {
                Some(unit) => {
                    let item = Item {
                        line: "cpu_credits",
                        what: format!("surplus CPU credits of {family}"),
                        unit: "vCPU-hour",
                        quantity,
                        cost: unit.price.scaled(beyond, VCPU_HOUR),
                        priced: unit,
                    };
                    let cost = self.add_item(item, Some(GradeReason::CpuCredits));
                    if let Some(node) = self.nodes.iter_mut().find(|node| node.billed_as == *billed_as) {
                        node.cpu_credits += cost;
                    }
                    line = Some(line.unwrap_or_default() + cost);
                }
                None => {
                    let reason = format!(
                        "no price of ec2.unlimited.{family} in {region}; give one as [[item]] in the prices file"
                    );
                    self.add_unpriced("surplus CPU credits".to_owned(), quantity, "vCPU-hour", reason);
                }
            }
        }
        line
    }
}

fn family(billed_as: &BilledAs) -> &str {
    billed_as.kind.instance_type.as_deref().and_then(|name| name.split('.').next()).unwrap_or_default()
}

fn os(billed_as: &BilledAs) -> OperatingSystem {
    match billed_as.kind.os.as_deref() {
        Some("windows") => OperatingSystem::Windows,
        _ => OperatingSystem::Linux,
    }
}

/// Returns the CPU that a machine gives all the time; `None` where it is none that pays for more.
fn baseline_millicores(billed_as: &BilledAs, book: &PriceBook) -> Option<i64> {
    let name = billed_as.kind.instance_type.as_deref()?;
    let (family, size) = name.split_once('.')?;
    let (_, share) = BASELINES.iter().find(|(of, _)| *of == size).filter(|_| UNLIMITED.contains(&family))?;
    Some(whole(float(book.instance_type(name)?.vcpu.into()) * share * 1000.0))
}
