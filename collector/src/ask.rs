//! Asking for one hour: every query, what must be there, and what is wrong with what came.

use lake::HourRows;
use lake::tables::QualityHour;
use types::{Hour, SLOTS_PER_HOUR};

use crate::decode::{Answer, DecodeError, decode};
use crate::prometheus::Server;
use crate::queries::{self, Query, Shape};
use crate::rows;
use crate::run::{CollectError, Collected, HourResult};
use crate::snapshot::{Snapshot, Vanished};

/// Slots of an hour that must hold samples for the hour to be written. Below half, what is missing weighs more than
/// what is there, and its sums would pass for those of an hour; from there on the manifest tells what is missing.
const MIN_SLOTS: usize = SLOTS_PER_HOUR / 2;
/// Containers in a thousand that may belong to no known pod before the hour counts as incomplete: a pod that is
/// deleted just after a scrape of kube-state-metrics is seen by cAdvisor alone.
const STRANGERS_PER_THOUSAND: usize = 10;
/// Names asked for in one query about what vanished: keeps the query text short.
const VANISHED_AT_ONCE: usize = 200;

/// The rows of an hour and what was wrong with it.
pub(crate) struct Asked {
    pub(crate) rows: HourRows,
    pub(crate) faults: Vec<String>,
}

/// Refuses a server whose series are not those of one cluster under their own names.
pub(crate) async fn check_server(server: &Server, hour: Hour) -> Result<(), CollectError> {
    let mut clusters = Vec::new();
    let body = server.ask_after("clusters", queries::CLUSTERS, hour).await?;
    let unreadable = |query: &str, source| CollectError::Answer { query: query.to_owned(), hour, source };
    decode(&body, &["cluster"], &mut |series| clusters.extend(series.labels.iter().map(ToString::to_string)))
        .map_err(|source| unreadable("clusters", source))?;
    if clusters.len() > 1 {
        clusters.sort_unstable();
        let names = clusters.iter().take(5).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        return Err(CollectError::ManyClusters { count: clusters.len(), names });
    }
    let body = server.ask_after("renamed", queries::RENAMED, hour).await?;
    let renamed = decode(&body, &[], &mut |_| {}).map_err(|source| unreadable("renamed", source))?;
    if renamed.series > 0 { Err(CollectError::Renamed) } else { Ok(()) }
}

/// Sends every query of an hour, one at a time. `Err` when there is nothing to write.
pub(crate) async fn ask(server: &Server, hour: Hour, collected: &mut Collected) -> Result<Asked, HourResult> {
    let mut snapshot = Snapshot::default();
    let mut quality = Vec::new();
    for (sent, query) in queries::ALL.iter().enumerate() {
        if sent == queries::DECISIVE {
            check_known(&quality)?;
        }
        let body = server.ask(query, hour).await.map_err(failed)?;
        let answer = tokio::task::block_in_place(|| snapshot.read(query, &body, hour.start_seconds()));
        let answer = readable(query.name, hour, answer)?;
        collected.queries += 1;
        collected.samples += answer.samples;
        quality.push(quality_row(query.name, &snapshot, &answer, server, hour));
    }
    check_required(&quality, hour)?;
    check_identity(&snapshot, &quality, hour)?;
    let slots = scraped_slots(&snapshot);
    if slots < MIN_SLOTS {
        return Err(HourResult::NoData { slots });
    }
    for what in [Vanished::Pods, Vanished::Nodes] {
        ask_vanished(what, server, hour, &mut snapshot, collected).await?;
    }
    let faults = faults(&snapshot, &quality);
    let rows = tokio::task::block_in_place(|| rows::rows(&snapshot, hour));
    Ok(Asked { rows: HourRows { quality, ..rows }, faults })
}

fn failed(error: impl Into<CollectError>) -> HourResult {
    HourResult::Failed(error.into())
}

fn readable(query: &str, hour: Hour, answer: Result<Answer, DecodeError>) -> Result<Answer, HourResult> {
    answer.map_err(|source| failed(CollectError::Answer { query: query.to_owned(), hour, source }))
}

/// Learns when the pods or nodes were last seen that no longer show after the hour.
async fn ask_vanished(
    what: Vanished,
    server: &Server,
    hour: Hour,
    snapshot: &mut Snapshot,
    collected: &mut Collected,
) -> Result<(), HourResult> {
    let vanished = snapshot.vanished(what, hour);
    for names in vanished.chunks(VANISHED_AT_ONCE) {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let (name, promql) = match what {
            Vanished::Pods => ("pods_seen", queries::pods_seen(&names)),
            Vanished::Nodes => ("nodes_seen", queries::nodes_seen(&names)),
        };
        let body = server.ask_after(name, &promql, hour).await.map_err(failed)?;
        let answer = readable(name, hour, snapshot.read_last_seen(what, &body))?;
        collected.queries += 1;
        collected.samples += answer.samples;
    }
    Ok(())
}

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
fn check_known(quality: &[QualityHour]) -> Result<(), HourResult> {
    let mut in_hour = REQUIRED.iter().filter(|(query, _)| query.shape != Shape::Once);
    if in_hour.all(|(query, _)| is_empty(quality, query)) { Err(HourResult::NoData { slots: 0 }) } else { Ok(()) }
}

fn check_required(quality: &[QualityHour], hour: Hour) -> Result<(), HourResult> {
    match REQUIRED.into_iter().find(|(query, _)| is_empty(quality, query)) {
        None => Ok(()),
        Some((query, exporter)) => Err(failed(CollectError::Missing { metric: query.metric, hour, exporter })),
    }
}

/// Fails where more than a few series of a metric lack the label that tells them apart: their usage would be missing.
fn check_identity(snapshot: &Snapshot, quality: &[QualityHour], hour: Hour) -> Result<(), HourResult> {
    for query in [&queries::CONTAINER_CPU, &queries::CONTAINER_MEMORY_MEAN] {
        let lacking = snapshot.without_identity.get(query.name).copied().unwrap_or_default();
        let series = quality.iter().find(|row| row.query == query.name).map_or(0, |row| row.series);
        if lacking * 100 > series {
            return Err(failed(CollectError::MissingLabel { metric: query.metric, label: "id", hour }));
        }
    }
    Ok(())
}

fn quality_row(name: &'static str, snapshot: &Snapshot, answer: &Answer, server: &Server, hour: Hour) -> QualityHour {
    QualityHour {
        hour_start_seconds: hour.start_seconds(),
        query: name.to_owned(),
        server_version: server.version().to_owned(),
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
fn scraped_slots(snapshot: &Snapshot) -> usize {
    let both = snapshot.scraped_slots.into_iter().zip(snapshot.measured_slots());
    both.filter(|(scraped, measured)| *scraped && *measured).count()
}

/// What is wrong with an hour, in words.
fn faults(snapshot: &Snapshot, quality: &[QualityHour]) -> Vec<String> {
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
    let reused = snapshot.nodes.values().filter(|node| node.machines.keys().filter(|id| !id.is_empty()).count() > 1);
    match reused.count() {
        0 => {}
        names => faults.push(format!("{names} node names were used by two machines; only the later is counted")),
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
