//! Notes of an analysis on its window: hours that are missing, incomplete or unknown, and what no metric shows.

use types::analysis::{Allocation, Inventory, Note, Scenario, WindowCoverage};
use types::wording::{brief, counted, money, quantity, verb};
use types::{Hour, HourSource};

use super::provenance::Origins;
use crate::monthly_scaling::HOURS_A_WEEK;
use crate::number::float;
use crate::sums::node_usage_by_owner::Ledger;
use crate::sums::window_totals::Observed;

/// Says which numbers were left out because no machine can have them, and where the first of each column lies.
pub(super) fn implausible_notes(ledger: &Ledger) -> impl Iterator<Item = Note> {
    ledger.implausible.0.iter().map(|(column, (count, object))| {
        let numbers = if *count == 1 { "number" } else { "numbers" };
        Note::warning(format!(
            "{count} {numbers} of `{column}` are negative or more than any machine has, and count as not known; the first is in `{object}`."
        ))
    })
}

/// Notes on what the ledger could not place, and on what was asked of it and not there.
pub(super) fn ledger_notes(
    ledger: &Ledger,
    allocation: &Allocation,
    shared_namespaces: &[String],
    currency: &str,
) -> Vec<Note> {
    let mut notes = Vec::new();
    if ledger.nodeless_pod_seconds > 0 {
        let hours = float(ledger.nodeless_pod_seconds) / 3600.0;
        notes.push(Note::info(format!(
            "{} {} on nodes that are not in the data, and {} nothing in the allocation.",
            quantity(hours, "pod-hour"),
            verb(hours, "is", "are"),
            verb(hours, "holds", "hold")
        )));
    }
    if !allocation.residual_causes.is_empty() {
        notes.push(Note::warning(format!(
            "{} of today's bill could be given to nothing: {}.",
            money(allocation.total.residual_usd, currency),
            allocation.residual_causes.join("; ")
        )));
    }
    for namespace in shared_namespaces.iter().filter(|name| !allocation.shared_namespaces.contains(name)) {
        notes.push(Note::warning(format!(
            "Namespace `{namespace}` cannot be shared out: it is not there, or no other namespace pays anything."
        )));
    }
    for label in ledger.labels.iter().filter(|label| !allocation.by_label.iter().any(|row| row.label == **label)) {
        notes.push(Note::warning(format!(
            "No pod shows the label `{label}`; the collector exports only labels it was told to, and kube-state-metrics only those of metricLabelsAllowlist."
        )));
    }
    notes
}

/// Says so where some hours of the week are in the window more often than others, once there is a week: a month is scaled
/// in plain proportion, in which those then weigh more.
fn uneven_week(hours: &[(Hour, HourSource)]) -> Option<Note> {
    let mut counts = vec![0_u32; HOURS_A_WEEK];
    for (hour, _) in hours {
        let at = usize::try_from(hour.start_seconds() / 3600).unwrap_or_default() % HOURS_A_WEEK;
        if let Some(count) = counts.get_mut(at) {
            *count += 1;
        }
    }
    let (least, most) = counts.iter().min().zip(counts.iter().max())?;
    (hours.len() > HOURS_A_WEEK && least != most).then(|| {
        Note::info(format!(
            "Some hours of the week are in the window more often than others ({most} against {least}), so they weigh more in a month. Take whole weeks, such as 4w."
        ))
    })
}

/// Warnings and notes on what the window holds: hours missing, incomplete or unknown, and what no metric shows.
pub(super) fn notes(
    coverage: &WindowCoverage,
    origins: &Origins,
    observed: &Observed,
    inventory: &Inventory,
    today: &Scenario,
) -> Vec<Note> {
    let mut notes = Vec::new();
    let missing = coverage.hours_expected.saturating_sub(coverage.hours_present);
    if missing > 0 {
        notes.push(Note::warning(format!(
            "{} of {} of the window {} not in the lake and {} in no scenario.",
            brief(missing.into()),
            counted(coverage.hours_expected, "hour"),
            verb(missing.into(), "is", "are"),
            verb(missing.into(), "counts", "count")
        )));
    }
    let unknown = float(observed.seconds()) / 3600.0 - observed.known_hours();
    if unknown > 0.0 {
        notes.push(Note::warning(format!(
            "Which pods ran is not known for {} in all: in {}, slots have samples of neither kube-state-metrics nor the containers of a zone. No scenario bills them, today's included; a month is scaled from the rest.",
            quantity(unknown, "hour"),
            counted(observed.unknown.len(), "hour")
        )));
    }
    if coverage.hours_present < 168 {
        notes.push(Note::warning(format!(
            "The window holds {}, less than a week; a month scaled from it may be far off.",
            counted(coverage.hours_present, "hour")
        )));
    }
    notes.extend(uneven_week(&origins.sources));
    if origins.incomplete > 0 {
        let faults: Vec<_> =
            origins.faults.iter().take(3).map(|(fault, n)| format!("{fault} ({})", counted(*n, "hour"))).collect();
        let faults = if faults.is_empty() { String::new() } else { format!(": {}", faults.join("; ")) };
        notes.push(Note::warning(format!(
            "{} {} incomplete{faults}.",
            counted(origins.incomplete, "hour"),
            verb(origins.incomplete.into(), "is", "are")
        )));
    }
    for (rule, hours) in &origins.usage_rules {
        notes.push(Note::warning(format!(
            "In {} of {} the CPU of containers is inferred from the recording rule {rule}, because cAdvisor's \
             counters are not kept: sums are rates times seconds, and restarts and what lived for a minute or two are not \
             seen.",
            brief(f64::from(*hours)),
            counted(coverage.hours_present, "hour")
        )));
    }
    if today.cost_usd.compute.is_none() {
        notes.push(Note::warning("No node could be priced, so there is no compute line in any scenario."));
    }
    if let Some(synthetic) = coverage.hours_by_source.iter().find(|hours| hours.source == HourSource::Generator) {
        notes.push(Note::info(format!(
            "{} of {} {} synthetic: written by a generator, not read from a server.",
            brief(synthetic.hours.into()),
            counted(coverage.hours_present, "hour"),
            verb(synthetic.hours.into(), "is", "are")
        )));
    }
    if observed.region().is_none() {
        notes.push(Note::warning("The nodes name no region, or several; what has no region of its own is unpriced."));
    }
    if inventory.container_hours_without_usage > 0.0 {
        notes.push(Note::info(format!(
            "No usage was seen for {}: it is in no sum of usage, and total waste takes what the replays put in its place.",
            quantity(inventory.container_hours_without_usage, "container-hour")
        )));
    }
    if inventory.pod_hours_without_requests > 0.0 {
        notes.push(Note::info(format!(
            "Pods that request neither CPU nor memory ran for {}: they reserve nothing and still use the nodes.",
            quantity(inventory.pod_hours_without_requests, "pod-hour")
        )));
    }
    if observed.alive_seconds_pod_level > 0 {
        notes.push(Note::warning(format!(
            "Pods that request CPU and memory for the whole pod (`spec.resources`) ran for {}. No metric shows what they \
             reserve: it is in no sum of requests and no replay.",
            quantity(float(observed.alive_seconds_pod_level) / 3600.0, "pod-hour")
        )));
    }
    notes.push(Note::info(
        "A month is 730 hours, scaled in plain proportion to the hours present, not by hour of the week.",
    ));
    notes.push(Note::info(
        "Network and licences are in no total unless they are given, since nothing in a cluster's metrics shows them. Network costs the same in every scenario.",
    ));
    notes.sort_by_key(|note| note.gravity);
    notes
}
