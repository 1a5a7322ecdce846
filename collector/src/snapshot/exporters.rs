//! How the exporters were scraped.

use super::{Slots, Snapshot, slots, text, value};
use crate::decode::Series;
use crate::queries;

/// Scrapes of one target, slot by slot.
pub(crate) type Scrapes = Slots;

/// The exporters, by the names the query gives them.
pub(crate) const EXPORTERS: [&str; 3] = ["kube-state-metrics", "cadvisor", "node-exporter"];

pub(super) fn scrapes(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let exporter = EXPORTERS.into_iter().find(|exporter| Some(*exporter) == text(series, 0))?;
    let target = text(series, 1).unwrap_or_default().to_owned();
    let seen = slots(series, start);
    let there = s.scrapes.entry((exporter, target)).or_default();
    for (there, seen) in there.iter_mut().zip(seen) {
        *there = [*there, seen].into_iter().flatten().reduce(f64::max);
    }
    Some(())
}

/// Counts add up over the parts a question was asked in.
pub(super) fn duplicates(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let counted = text(series, 0)?;
    let number = value(series).and_then(crate::pod::whole)?;
    let query = match counted {
        "kube_pod_tolerations" => {
            s.tolerations_exposed |= number > 0;
            return Some(());
        }
        "autoscalers_listed" => {
            s.autoscalers_listed |= number > 0;
            return Some(());
        }
        "pod_info" => queries::POD_INFO.name,
        "container_cpu" => queries::CONTAINER_CPU.name,
        "container_resources" => queries::CONTAINER_RESOURCES.name,
        _ => return None,
    };
    *s.duplicates.entry(query).or_default() += number;
    Some(())
}
