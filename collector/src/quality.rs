//! Whether the answers of an hour make an hour: what must be there, and what is wrong with what came. Pure.

use lake::tables::QualityHour;
use types::Hour;

use crate::queries::{self, Query, Shape};
use crate::rows;
use crate::run::{CollectError, HourResult};
use crate::server::{Reply, Server};
use crate::snapshot::Snapshot;

/// Containers in a thousand that may belong to no known pod before the hour counts as incomplete: a pod that is
/// deleted just after a scrape of kube-state-metrics is seen by cAdvisor alone.
const STRANGERS_PER_THOUSAND: usize = 10;

/// The queries without which an hour says nothing, and what exposes their metrics.
const REQUIRED: [(&Query, &str); 4] = [
    (&queries::NODE_CREATED, "kube-state-metrics"),
    (&queries::POD_INFO, "kube-state-metrics"),
    (&queries::CONTAINER_CPU, "the kubelets' cAdvisor endpoint (/metrics/cadvisor)"),
    (&queries::CONTAINER_MEMORY_MEAN, "the kubelets' cAdvisor endpoint (/metrics/cadvisor)"),
];

/// Whether a query, sent or not, has brought no series.
fn is_empty(quality: &[QualityHour], query: &Query) -> bool {
    !quality.iter().any(|row| row.query == query.name && row.series > 0)
}

/// Ends the hour when the server knows nothing of it. What is asked over the look-ahead too may have samples although
/// the hour has none, so that does not count.
pub(crate) fn check_known(quality: &[QualityHour]) -> Result<(), HourResult> {
    let mut in_hour = REQUIRED.iter().filter(|(query, _)| query.shape != Shape::Once);
    if in_hour.all(|(query, _)| is_empty(quality, query)) { Err(HourResult::NoData { slots: 0 }) } else { Ok(()) }
}

pub(crate) fn check_required(quality: &[QualityHour], hour: Hour) -> Result<(), HourResult> {
    match REQUIRED.into_iter().find(|(query, _)| is_empty(quality, query)) {
        None => Ok(()),
        Some((query, exporter)) => {
            Err(HourResult::Failed(CollectError::Missing { metric: query.metric, hour, exporter }))
        }
    }
}

/// Fails where more than a few series of a metric lack the label that tells them apart: their usage would be missing.
pub(crate) fn check_identity(snapshot: &Snapshot, quality: &[QualityHour], hour: Hour) -> Result<(), HourResult> {
    for query in [&queries::CONTAINER_CPU, &queries::CONTAINER_MEMORY_MEAN] {
        let lacking = snapshot.without_identity.get(query.name).copied().unwrap_or_default();
        let series = quality.iter().find(|row| row.query == query.name).map_or(0, |row| row.series);
        if lacking * 100 > series {
            return Err(HourResult::Failed(CollectError::MissingLabel { metric: query.metric, label: "id", hour }));
        }
    }
    Ok(())
}

pub(crate) fn quality_row(
    name: &'static str,
    snapshot: &Snapshot,
    reply: &Reply,
    server: &Server,
    hour: Hour,
) -> QualityHour {
    let answer = &reply.answer;
    QualityHour {
        hour_start_seconds: hour.start_seconds(),
        query: name.to_owned(),
        server_version: server.version().to_owned(),
        server_flavor: Some(server.flavor().name().to_owned()),
        query_set: Some(queries::query_set()),
        shards: Some(reply.parts),
        series: answer.series,
        samples: answer.samples,
        duplicates_dropped: snapshot.duplicates.get(name).copied().unwrap_or_default(),
        not_finite_dropped: answer.not_finite,
        warnings: answer.warnings.clone(),
        histograms_only: Some(answer.histograms_only),
        without_identity: Some(snapshot.without_identity.get(name).copied().unwrap_or_default()),
        ..QualityHour::default()
    }
}

/// Slots in which both exporters were scraped.
pub(crate) fn scraped_slots(snapshot: &Snapshot) -> usize {
    let both = snapshot.scraped_slots.into_iter().zip(snapshot.measured_slots());
    both.filter(|(scraped, measured)| *scraped && *measured).count()
}

/// What is wrong with an hour, in words.
pub(crate) fn faults(snapshot: &Snapshot, quality: &[QualityHour]) -> Vec<String> {
    let mut faults = Vec::new();
    for row in quality {
        faults.extend(row.warnings.iter().map(|warning| format!("query `{}`: {warning}", row.query)));
        if row.not_finite_dropped > 0 {
            faults.push(format!("query `{}`: {} values are not finite", row.query, row.not_finite_dropped));
        }
    }
    for (query, series) in &snapshot.without_identity {
        faults.push(format!("query `{query}`: {series} series lack a label that identifies them"));
    }
    let unscraped = snapshot.scraped_slots.iter().filter(|scraped| !**scraped).count();
    if unscraped > 0 {
        faults.push(format!("kube-state-metrics has no samples in {unscraped} of 12 slots"));
    }
    let unmeasured = snapshot.measured_slots().iter().filter(|measured| !**measured).count();
    if unmeasured > 0 {
        faults.push(format!("cAdvisor has no samples in {unmeasured} of 12 slots"));
    }
    let strangers = rows::instances_without_pod(snapshot).len();
    if strangers * 1000 > snapshot.instances.len() * STRANGERS_PER_THOUSAND {
        faults.push(format!("{strangers} container instances belong to no pod that kube-state-metrics knows"));
    }
    faults.sort_unstable();
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour() -> Hour {
        Hour::starting_at(1_782_864_000).unwrap()
    }

    fn check_series(present: &[&Query]) -> Result<(), String> {
        let row = |query: &&Query| QualityHour { query: query.name.to_owned(), series: 1, ..QualityHour::default() };
        let quality: Vec<_> = present.iter().map(row).collect();
        check_known(&quality).and_then(|()| check_required(&quality, hour())).map_err(|result| match result {
            HourResult::NoData { .. } => "no data".to_owned(),
            HourResult::Failed(error) => error.to_string(),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn an_hour_without_a_required_metric_is_not_written() {
        use queries::{CONTAINER_CPU, CONTAINER_MEMORY_MEAN, NODE_CREATED, POD_INFO};
        let all = [&NODE_CREATED, &POD_INFO, &CONTAINER_CPU, &CONTAINER_MEMORY_MEAN];
        assert_eq!(check_series(&all), Ok(()));
        assert_eq!(check_series(&[]).unwrap_err(), "no data");
        // Seen in the look-ahead only: the hour itself is empty.
        assert_eq!(check_series(&[&POD_INFO]).unwrap_err(), "no data");
        let error = check_series(&[&NODE_CREATED, &POD_INFO]).unwrap_err();
        assert!(error.contains("`container_cpu_usage_seconds_total`") && error.contains("cAdvisor"), "{error}");
    }
}
