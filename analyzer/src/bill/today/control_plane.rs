//! Fees of EKS: the control plane by the support its version has, and the fee for hybrid nodes.

use std::collections::BTreeMap;

use catalog::{Minor, Support};
use types::analysis::{GradeReason, Note};
use types::{ComputeType, NanoUsd};

use super::{Bill, Item};
use crate::assumptions::Assumptions;
use crate::assumptions::choices::EksSupport;
use crate::number::{float, ratio};
use crate::prices::PriceBook;
use crate::sums::window_totals::Observed;

/// Where the tiers of the fee for hybrid nodes end, in vCPU-hours a month, and what they are called.
const TIERS: [(f64, &str); 5] = [
    (576_000.0, "eks.hybrid_nodes.vcpu_hours_to_576000"),
    (1_152_000.0, "eks.hybrid_nodes.vcpu_hours_to_1152000"),
    (5_760_000.0, "eks.hybrid_nodes.vcpu_hours_to_5760000"),
    (11_520_000.0, "eks.hybrid_nodes.vcpu_hours_to_11520000"),
    (f64::INFINITY, "eks.hybrid_nodes.vcpu_hours_above_11520000"),
];

/// Hours of a control plane that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Alike {
    extended: bool,
    /// Reason that it is not measured, if it is not.
    reason: Option<GradeReason>,
}

impl Bill {
    /// The line of EKS: `None` where there is no price of the control plane.
    pub(super) fn add_control_plane(
        &mut self,
        observed: &Observed,
        book: &PriceBook,
        assumptions: &Assumptions,
    ) -> Option<NanoUsd> {
        let mut known: BTreeMap<Alike, i128> = BTreeMap::new();
        let mut extended: Option<(Minor, i128)> = None;
        for sums in &observed.hours {
            let alike = alike(sums.kubelet, sums.hour.start().date_naive(), book, assumptions);
            let seconds = crate::number::whole(observed.known_of(sums.hour.start_seconds()) * 3600.0);
            *known.entry(alike).or_default() += i128::from(seconds);
            if let (true, Some(version)) = (alike.extended, sums.kubelet) {
                let (newest, hours) = extended.get_or_insert((version, 0));
                (*newest, *hours) = (version.max(*newest), *hours + 1);
            }
        }
        let region = observed.region().unwrap_or("all");
        let mut line = None;
        for (alike, seconds) in known {
            let hours = super::hours(seconds);
            let Some(unit) = book.control_plane(region, alike.extended) else {
                let reason = "no price of the control plane; give one as [control_plane] in the prices file".to_owned();
                self.add_unpriced("EKS control plane".to_owned(), hours, "hour", reason);
                continue;
            };
            let support = if alike.extended { "extended" } else { "standard" };
            let item = Item {
                line: "control_plane",
                what: format!("one cluster, {support} support"),
                unit: "hour",
                quantity: hours,
                cost: unit.price.scaled(seconds, 3600),
                priced: unit,
            };
            let cost = self.add_item(item, alike.reason);
            line = Some(line.unwrap_or_default() + cost);
        }
        if let Some(((major, minor), hours)) = extended
            && assumptions.terms.eks_support == EksSupport::ByVersion
        {
            let since = book.eks_versions().extended_from((major, minor));
            let since = since.map(|day| format!(", which pays for extended support since {day}")).unwrap_or_default();
            self.notes.push(Note::warning(format!(
                "In {} the newest kubelet is of Kubernetes {major}.{minor}{since}, so the control plane is billed at that price; an upgrade ends it. If the control plane is newer than its nodes, set the assumption eks.support to \"standard\".",
                types::wording::counted(hours, "hour")
            )));
        }
        let hybrid = self.add_hybrid_nodes(observed, book, region);
        if hybrid == NanoUsd::ZERO { line } else { Some(line.unwrap_or_default() + hybrid) }
    }

    /// The fee of EKS for hybrid nodes, by the vCPU-hour, in tiers by the month.
    fn add_hybrid_nodes(&mut self, observed: &Observed, book: &PriceBook, region: &str) -> NanoUsd {
        let hybrid = observed.billed.iter().filter(|(billed_as, _)| billed_as.kind.compute_type == ComputeType::Hybrid);
        let (mut seconds, mut unknown) = (0, 0);
        for (_, sums) in hybrid {
            seconds += sums.millicore_seconds;
            unknown += if sums.millicore_seconds == 0 { sums.up_seconds } else { 0 };
        }
        if unknown > 0 {
            let reason = "CPU capacity not known, by which the fee goes; kube_node_status_capacity shows it".to_owned();
            self.add_unpriced("fee of hybrid nodes".to_owned(), super::hours(unknown), "node-hour", reason);
        }
        let vcpu_hours = float(seconds) / 3_600_000.0;
        let a_month = ratio(types::HOURS_PER_MONTH * 3600.0, float(observed.known_seconds())).unwrap_or_default();
        let monthly = vcpu_hours * a_month;
        let (mut line, mut below) = (NanoUsd::ZERO, 0.0);
        for (end, name) in TIERS {
            let share = ratio((monthly.min(end) - below).max(0.0), monthly).unwrap_or_default();
            below = end;
            if share == 0.0 {
                continue;
            }
            let Some(unit) = book.other(name, region) else {
                let reason = format!("no price of {name} in {region}; give one as [[item]] in the prices file");
                self.add_unpriced("fee of hybrid nodes".to_owned(), vcpu_hours * share, "vCPU-hour", reason);
                continue;
            };
            let millionths: i128 = crate::number::whole(share * 1e9).into();
            let item = Item {
                line: "control_plane",
                what: "hybrid nodes".to_owned(),
                unit: "vCPU-hour",
                quantity: vcpu_hours * share,
                cost: unit.price.scaled(seconds, 3_600_000).scaled(millionths, 1_000_000_000),
                priced: unit,
            };
            line += self.add_item(item, Some(GradeReason::HybridTiers));
        }
        line
    }
}

/// Returns what an hour of the control plane pays for, and how well that is known.
fn alike(kubelet: Option<Minor>, day: chrono::NaiveDate, book: &PriceBook, assumptions: &Assumptions) -> Alike {
    match (assumptions.terms.eks_support, kubelet) {
        (EksSupport::ByVersion, Some(version)) => match book.eks_versions().support(version, day).0 {
            Support::Standard => Alike { extended: false, reason: Some(GradeReason::NewestKubelet) },
            Support::Extended => Alike { extended: true, reason: Some(GradeReason::NewestKubelet) },
            Support::Ended => Alike { extended: true, reason: Some(GradeReason::UnsupportedVersion) },
        },
        (EksSupport::ByVersion, None) => Alike { extended: false, reason: Some(GradeReason::NoVersion) },
        (EksSupport::Standard, _) => Alike { extended: false, reason: None },
        (EksSupport::Extended, _) => Alike { extended: true, reason: None },
    }
}
