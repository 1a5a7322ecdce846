//! Scrapes of the exporters.

use std::collections::BTreeMap;

use types::SLOT_SECONDS;

use super::{Slots, Snapshot, slots, value};
use crate::decode::Series;
use crate::queries;

/// Scrapes of one target, slot by slot.
pub(crate) type Scrapes = Slots;

/// The exporters, by the names the query gives them.
pub(crate) const EXPORTERS: [&str; 3] = [KUBE_STATE_METRICS, CADVISOR, "node-exporter"];
pub(super) const KUBE_STATE_METRICS: &str = "kube-state-metrics";
pub(super) const CADVISOR: &str = "cadvisor";

/// The interval at which kube-state-metrics is scraped where nobody says otherwise.
const DEFAULT_INTERVAL_SECONDS: i64 = 60;

pub(super) fn scrapes(s: &mut Snapshot, series: &Series<'_, '_>, start: i64) -> Option<()> {
    let exporter = EXPORTERS.into_iter().find(|exporter| Some(*exporter) == series.label("exporter"))?;
    let target = series.label("instance").unwrap_or_default().to_owned();
    let seen = slots(series, start);
    let there = s.scrapes.entry((exporter, target)).or_default();
    for (there, seen) in there.iter_mut().zip(seen) {
        *there = [*there, seen].into_iter().flatten().reduce(f64::max);
    }
    Some(())
}

/// Seconds from one scrape of an exporter to the next, as most slots have it; a minute where nothing tells.
pub(super) fn interval(scrapes: &BTreeMap<(&'static str, String), Scrapes>, exporter: &str) -> i64 {
    let mut by_count: BTreeMap<i64, usize> = BTreeMap::new();
    for (_, slots) in scrapes.iter().filter(|((of, _), _)| *of == exporter) {
        for count in slots.iter().flatten().filter_map(|count| crate::numbers::whole(*count)).filter(|count| *count > 0)
        {
            let slots = by_count.entry(count).or_insert(0_usize);
            *slots += 1;
        }
    }
    let usual = by_count.into_iter().max_by_key(|(count, slots)| (*slots, *count)).map(|(count, _)| count);
    usual.and_then(|count| SLOT_SECONDS.checked_div(count.min(SLOT_SECONDS))).unwrap_or(DEFAULT_INTERVAL_SECONDS)
}

/// Counts add up over the parts a question was asked in.
pub(super) fn duplicates(s: &mut Snapshot, series: &Series<'_, '_>, _: i64) -> Option<()> {
    let counted = series.label("query")?;
    let number = value(series).and_then(crate::numbers::whole)?;
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
    let duplicates = s.duplicates.entry(query).or_default();
    *duplicates = duplicates.saturating_add(number);
    Some(())
}
