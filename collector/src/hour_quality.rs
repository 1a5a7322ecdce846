//! Checks whether the answers of an hour make an hour: what must be there, and what is wrong with what came. Pure.

use std::collections::BTreeMap;

use lake::tables::{ContainerHour, PodHour, QualityHour};
use types::Hour;

use crate::collection_results::{CollectError, HourResult};
use crate::metric_catalogue::{Exporter, metric};
use crate::queries::{self, Query, Shape};
use crate::server::{Reply, Server};
use crate::snapshot::{Instance, Snapshot};

/// Containers in a thousand that may belong to no known pod before the hour counts as incomplete: a pod that is
/// deleted just after a scrape of kube-state-metrics is seen by cAdvisor alone.
const STRANGERS_PER_THOUSAND: usize = 10;

/// Slots in which the counter of a container rises that is not one of a pod that was just deleted.
const LASTING_SLOTS: usize = types::SLOTS_PER_HOUR / 2;

/// Most pods that are named of those that nothing was measured of.
const MOST_NAMED: usize = 20;

/// Most scrapes a slot can hold, one every millisecond: more is no count of scrapes.
const MOST_SCRAPES: i64 = 1000 * types::SLOT_SECONDS;

/// The queries without which an hour says nothing.
pub(crate) const REQUIRED: [&Query; 4] =
    [&queries::NODE_CREATED, &queries::POD_INFO, &queries::CONTAINER_CPU, &queries::CONTAINER_MEMORY_MEAN];

/// Where a metric is scraped from, for messages about what is missing.
fn scraped_from(name: &str) -> &'static str {
    match metric(name).map(|metric| metric.exporter) {
        Some(Exporter::Cadvisor) => "the kubelets' cAdvisor endpoint (/metrics/cadvisor)",
        Some(exporter) => exporter.name(),
        None => "its exporter",
    }
}

/// Returns whether a query, sent or not, has brought no series.
fn is_empty(quality: &[QualityHour], query: &Query) -> bool {
    !quality.iter().any(|row| row.query == query.name && row.series > 0)
}

/// Returns whether cAdvisor's counter was asked for and is not there, so that a rule may stand in for it.
pub(crate) fn lacks_cpu(quality: &[QualityHour]) -> bool {
    is_empty(quality, &queries::CONTAINER_CPU)
}

/// Ends the hour when the server knows nothing of it. What is asked over the look-ahead too may have samples although
/// the hour has none, so that does not count.
pub(crate) fn check_known(quality: &[QualityHour]) -> Result<(), HourResult> {
    let mut in_hour = REQUIRED.iter().filter(|query| query.shape != Shape::Once);
    if in_hour.all(|query| is_empty(quality, query)) { Err(HourResult::NoData { slots: 0 }) } else { Ok(()) }
}

pub(crate) fn check_required(quality: &[QualityHour], hour: Hour) -> Result<(), HourResult> {
    match REQUIRED.into_iter().find(|query| is_empty(quality, query)) {
        None => Ok(()),
        Some(query) => {
            let exporter = scraped_from(query.metric);
            Err(HourResult::Failed(CollectError::Missing { metric: query.metric, hour, exporter }))
        }
    }
}

/// Fails where more than a few series of a metric lack the label that tells them apart: their usage would be missing.
pub(crate) fn check_identity(snapshot: &Snapshot, quality: &[QualityHour], hour: Hour) -> Result<(), HourResult> {
    for query in [&queries::CONTAINER_CPU, &queries::CONTAINER_MEMORY_MEAN] {
        let lacking = snapshot.without_identity.get(query.name).copied().unwrap_or_default();
        let series = quality.iter().find(|row| row.query == query.name).map_or(0, |row| row.series);
        if lacking.saturating_mul(100) > series {
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
        shards: Some(reply.parts),
        series: answer.series,
        samples: answer.samples,
        not_finite_dropped: answer.not_finite,
        warnings: answer.warnings.clone(),
        histograms_only: Some(answer.histograms_only),
        without_identity: Some(snapshot.without_identity.get(name).copied().unwrap_or_default()),
        ..QualityHour::default()
    }
}

/// Adds what only the whole hour tells: how its exporters were scraped, what was there twice, and what ran unmeasured.
pub(crate) fn complete(quality: &mut [QualityHour], snapshot: &Snapshot, unmeasured: Unmeasured, query_set: &str) {
    let words = std::iter::once(query_set).chain(snapshot.dialect.iter().copied()).collect::<Vec<_>>().join(" ");
    let [cpu, memory] = unmeasured.longest();
    for row in quality {
        row.query_set = Some(words.clone());
        row.implausible_dropped = Some(snapshot.doubts.samples(&row.query));
        row.duplicates_dropped = snapshot.duplicates.get(row.query.as_str()).copied().unwrap_or_default();
        let query = queries::ALL.iter().find(|query| query.name == row.query);
        let exporter = match query.and_then(|query| metric(query.metric)).map(|metric| metric.exporter) {
            Some(Exporter::KubeStateMetrics) => Some("kube-state-metrics"),
            Some(Exporter::Cadvisor) => Some("cadvisor"),
            Some(Exporter::NodeExporter) => Some("node-exporter"),
            Some(Exporter::Kubelet | Exporter::RecordingRule) | None => None,
        };
        if let Some((expected, seen)) = exporter.and_then(|exporter| scrapes(snapshot, exporter)) {
            (row.scrapes_expected, row.scrapes_seen) = (Some(expected), Some(seen));
        }
        let (seconds, pods) = match row.query.as_str() {
            name if name == queries::CONTAINER_CPU.name => &cpu,
            name if name == queries::CONTAINER_MEMORY_MEAN.name => &memory,
            _ => continue,
        };
        (row.seconds_without_usage, row.pods_without_usage) = (Some(*seconds), Some(pods.clone()));
    }
}

/// Scrapes of an exporter that there should have been, and that there were; `None` when nothing tells.
///
/// The interval is told by what most slots hold. A target is expected from the slot that first sees it to the slot that
/// last does; those that are there at the first or the last slot of all, to the ends of the hour: what is missing there
/// is missing for all, and was not scraped.
fn scrapes(snapshot: &Snapshot, exporter: &str) -> Option<(i64, i64)> {
    let of_exporter = snapshot.scrapes.iter().filter(|((of, _), _)| *of == exporter);
    let targets: Vec<Vec<i64>> = of_exporter
        .map(|(_, slots)| slots.iter().map(|count| count.and_then(scrapes_of_slot).unwrap_or(0)).collect())
        .collect();
    let mut by_count: BTreeMap<i64, u32> = BTreeMap::new();
    for count in targets.iter().flatten().filter(|count| **count > 0) {
        let slots = by_count.entry(*count).or_default();
        *slots = slots.saturating_add(1);
    }
    let (usual, _) = by_count.into_iter().max_by_key(|(count, slots)| (*slots, *count))?;
    let first_of = |slots: &[i64]| slots.iter().position(|count| *count > 0);
    let last_of = |slots: &[i64]| slots.iter().rposition(|count| *count > 0);
    let first_of_all = targets.iter().filter_map(|slots| first_of(slots)).min();
    let last_of_all = targets.iter().filter_map(|slots| last_of(slots)).max();
    let (mut expected, mut seen) = (0, 0);
    for slots in &targets {
        let (Some(first), Some(last)) = (first_of(slots), last_of(slots)) else { continue };
        for (slot, count) in slots.iter().enumerate() {
            let count = (*count).min(usual);
            seen = i64::saturating_add(seen, count);
            let begins_inside = Some(first) != first_of_all;
            let ends_inside = Some(last) != last_of_all;
            let due = match slot {
                _ if (slot < first && begins_inside) || (slot > last && ends_inside) => 0,
                // It came or went in the course of this slot.
                _ if (slot == first && begins_inside) || (slot == last && ends_inside) => count,
                _ => usual,
            };
            expected = i64::saturating_add(expected, due);
        }
    }
    Some((expected, seen))
}

fn scrapes_of_slot(count: f64) -> Option<i64> {
    crate::numbers::whole(count).filter(|count| (0..=MOST_SCRAPES).contains(count))
}

/// Seconds in which containers may have run and of which nothing is known, of CPU and of memory, by pod.
#[derive(Debug, Default)]
pub(crate) struct Unmeasured([Vec<(i64, String)>; 2]);

impl Unmeasured {
    /// Takes in a pod with its containers.
    pub(crate) fn add(&mut self, pod: &PodHour, containers: &[ContainerHour]) {
        // A pod that the kubelet has not started yet holds its requests and runs nothing.
        let Some(started) = pod.started_seconds else { return };
        let hour_end = pod.hour_start_seconds.saturating_add(types::window::HOUR_SECONDS);
        let end = pod.ended_seconds.unwrap_or(hour_end).min(hour_end);
        let seconds = end.saturating_sub(started.max(pod.hour_start_seconds));
        let lacks: [fn(&ContainerHour) -> bool; 2] =
            [|c| c.cpu_core_milliseconds.is_none(), |c| c.memory_kib_seconds.is_none()];
        for (pods, lacks) in self.0.iter_mut().zip(lacks) {
            let count = containers.iter().filter(|c| c.container_kind != "init" && lacks(c)).count();
            if seconds > 0 && count > 0 {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                pods.push((seconds.saturating_mul(count), format!("{}/{}", pod.namespace, pod.pod)));
            }
        }
    }

    /// The sum of each, and the pods with the most of it.
    fn longest(self) -> [(i64, Vec<String>); 2] {
        self.0.map(|mut pods| {
            let total = pods.iter().map(|(seconds, _)| *seconds).fold(0, i64::saturating_add);
            pods.sort_by(|(a, name), (b, other)| b.cmp(a).then_with(|| name.cmp(other)));
            pods.truncate(MOST_NAMED);
            (total, pods.into_iter().map(|(_, name)| name).collect())
        })
    }
}

/// Slots in which both exporters were scraped.
pub(crate) fn scraped_slots(snapshot: &Snapshot) -> usize {
    let both = snapshot.scraped_slots.into_iter().zip(snapshot.measured_slots());
    both.filter(|(scraped, measured)| *scraped && *measured).count()
}

/// Returns whether the owner of every pod is known from a series with its uid. Then what lacks one says nothing new:
/// OpenCost exposes owners without uids beside those of kube-state-metrics.
fn owners_are_told(snapshot: &Snapshot) -> bool {
    snapshot.pods.values().filter(|pod| !pod.node.is_empty()).all(|pod| pod.owner_told)
}

/// Returns whether cAdvisor has no sample in the last slot, and none after the hour by which a counter would tell what
/// was used in it.
fn unseen_to_the_end(snapshot: &Snapshot) -> bool {
    let measured = snapshot.measured_slots().last().copied().unwrap_or_default();
    !measured && !snapshot.instances.values().any(|instance| instance.after().is_some())
}

/// Faults of an hour, in words.
pub(crate) fn faults(snapshot: &Snapshot, quality: &[QualityHour]) -> Vec<String> {
    let mut faults = Vec::new();
    for row in quality {
        faults.extend(row.warnings.iter().map(|warning| format!("query `{}`: {warning}", row.query)));
        if row.not_finite_dropped > 0 {
            faults.push(format!("query `{}`: {} values are not finite", row.query, row.not_finite_dropped));
        }
    }
    for (query, series) in &snapshot.without_identity {
        if *query == queries::POD_SPEC.name && owners_are_told(snapshot) {
            continue;
        }
        faults.push(format!("query `{query}`: {series} series lack a label that identifies them"));
    }
    for key in &snapshot.label_conflicts {
        faults.push(format!("pod label `{key}` has the spelling of another one, so it is left out"));
    }
    let unscraped = snapshot.scraped_slots.iter().filter(|scraped| !**scraped).count();
    if unscraped > 0 {
        faults.push(format!("kube-state-metrics has no samples in {unscraped} of 12 slots"));
    }
    let unmeasured = snapshot.measured_slots().iter().filter(|measured| !**measured).count();
    if unmeasured > 0 {
        faults.push(format!("cAdvisor has no samples in {unmeasured} of 12 slots"));
    }
    if unseen_to_the_end(snapshot) {
        faults.push(
            "what containers used after the last scrape of the hour is not known until they are seen again".to_owned(),
        );
    }
    let strangers = snapshot.instances_without_pod();
    if strangers.len() * 1000 > snapshot.instances.len() * STRANGERS_PER_THOUSAND {
        faults.push(format!("{} container instances belong to no pod that kube-state-metrics knows", strangers.len()));
    } else {
        // Few, and yet none that was deleted just after a scrape.
        let ran_on = |instance: &Instance| instance.rising_slots().len() >= LASTING_SLOTS;
        let lasting: Vec<_> = strangers.iter().filter(|(_, instance)| ran_on(instance)).map(|(key, _)| key).collect();
        if let Some(first) = lasting.first() {
            faults.push(format!(
                "{} container instances ran for most of the hour and belong to no pod that kube-state-metrics knows, such as \
                 `{}/{}`",
                lasting.len(),
                first.namespace,
                first.pod
            ));
        }
    }
    let unlisted = snapshot.unlisted_claims();
    if let Some(first) = unlisted.first() {
        faults.push(format!(
            "{} persistent volume claims are mounted that kube-state-metrics does not list, such as `{first}`, so their \
             volumes are missing",
            unlisted.len()
        ));
    }
    let silent = &snapshot.running_unmeasured;
    if let Some(first) = silent.first().filter(|_| silent.len() * 1000 > snapshot.pods.len() * STRANGERS_PER_THOUSAND) {
        faults.push(format!(
            "{} pods are said to run, and nothing of theirs is measured where other pods are, such as `{first}`: a \
             kube-state-metrics may list what is gone, or a cluster within this one",
            silent.len()
        ));
    }
    faults.sort_unstable();
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_scrapes(targets: &[[u8; 12]], expect: (i64, i64)) {
        let mut snapshot = Snapshot::default();
        for (n, slots) in targets.iter().enumerate() {
            let slots = slots.map(|count| (count > 0).then(|| f64::from(count)));
            snapshot.scrapes.insert(("cadvisor", n.to_string()), slots);
        }
        assert_eq!(scrapes(&snapshot, "cadvisor"), Some(expect), "{targets:?}");
        assert_eq!(scrapes(&snapshot, "node-exporter"), None);
    }

    #[test]
    fn scrapes_are_expected_while_a_target_is_there() {
        check_scrapes(&[[10; 12]], (120, 120));
        // A gap inside a life, and a sample on an edge that two slots see.
        check_scrapes(&[[10, 10, 0, 4, 10, 10, 11, 10, 10, 10, 10, 10]], (120, 104));
        // A node that comes and one that goes.
        let (come, gone) = ([0, 0, 0, 0, 0, 0, 3, 10, 10, 10, 10, 10], [10, 10, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        check_scrapes(&[[10; 12], come, gone], (120 + 53 + 27, 120 + 53 + 27));
        // Nothing was scraped for the first half of the hour.
        check_scrapes(&[[0, 0, 0, 0, 0, 0, 10, 10, 10, 10, 10, 10]; 2], (240, 120));
    }

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
