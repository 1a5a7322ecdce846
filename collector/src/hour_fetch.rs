//! EDGE: network. One hour fetched: every query, what must be there, and what is wrong with what came.

use std::collections::BTreeSet;
use std::time::Instant;

use lake::{EncodedHour, HourEncoder};
use types::{ClusterId, Hour, HourSource, SLOT_SECONDS, SLOTS_PER_HOUR};

use crate::cadvisor_liveness;
use crate::cluster_probe::{look, words_of};
use crate::collection_results::{CollectError, Collected, HourResult};
use crate::decode::{DecodeError, decode};
use crate::dialect::{Dialect, Seen};
use crate::hour_edge_counters;
use crate::hour_quality::{self, quality_row};
use crate::queries::{self, Fact, Question, Shape};
use crate::server::{AskError, Event, Server};
use crate::settings::Settings;
use crate::single_cluster_check::{self, Twice};
use crate::snapshot::{Between, Snapshot, Vanished, slots};
use crate::snapshot_encoding::{self, Origin};
use crate::usage_source::UsageSource;

/// Slots of an hour that must hold samples for the hour to be written. Below half, what is missing weighs more than
/// what is there, and its sums would pass for those of an hour; from there on the manifest tells what is missing.
const MIN_SLOTS: usize = SLOTS_PER_HOUR / 2;
/// Names asked for in one query: keeps its text short.
const NAMES_AT_ONCE: usize = 200;

/// Looks at an hour, sends every query of it, one at a time, each while the answer before it is read, and encodes what came.
/// `Err` when there is nothing to write.
pub(crate) async fn fetch(
    server: &Server,
    cluster: &ClusterId,
    hour: Hour,
    settings: &Settings,
    collected: &mut Collected,
) -> Result<EncodedHour, HourResult> {
    let begun = Instant::now();
    let dialect = look(server, hour, settings, collected).await.map_err(failed)?;
    let mut pinned = match queries::replicas(&dialect, settings) {
        None => dialect,
        Some(promql) => {
            let label = dialect.replica_label.as_deref().unwrap_or_default();
            collected.queries = collected.queries.saturating_add(1);
            dialect.pinned_to_best(&seen_by_replica(server, &promql, label, hour).await?)
        }
    };
    let mut snapshot = Snapshot::new(settings, &pinned);
    let mut quality = Vec::new();
    let (mut questions, mut asking) = (queries::questions(settings, &pinned), server.asking(hour));
    let mut sent = 0;
    while let Some(query) = questions.get(sent) {
        if sent == queries::DECISIVE {
            hour_quality::check_known(&quality)?;
            if hour_quality::lacks_cpu(&quality) && pinned.usage == UsageSource::Cadvisor {
                pinned.usage = stand_in(server, settings, &pinned, hour, collected).await?;
                if pinned.usage != UsageSource::Cadvisor {
                    // The first answer stands, which is of no usage; that of the counter was empty.
                    snapshot.usage = pinned.usage;
                    quality.truncate(1);
                    (questions, sent) = (queries::questions(settings, &pinned), 1);
                    continue;
                }
            }
        }
        let mut take = |body: &[u8]| tokio::task::block_in_place(|| snapshot.read(query, body, hour.start_seconds()));
        // What decides whether the rest is worth asking for is waited for.
        let next = questions.get(sent + 1).filter(|_| sent + 1 != queries::DECISIVE);
        let reply = asking.ask(query, next, &mut take).await.map_err(|error| match error {
            AskError::Query(error) => failed(error),
            AskError::Answer(source) => unreadable(query.name, hour, source),
        })?;
        collected.queries = collected.queries.saturating_add(reply.requests);
        collected.samples = collected.samples.saturating_add(reply.answer.samples);
        quality.push(quality_row(query.name, &snapshot, &reply, server, hour));
        sent += 1;
    }
    snapshot.settle();
    if let Err(missing) = hour_quality::check_required(&quality, hour) {
        return Err(why_missing(missing, server, settings, hour).await);
    }
    hour_quality::check_identity(&snapshot, &quality, hour)?;
    let slots = hour_quality::scraped_slots(&snapshot);
    if slots < MIN_SLOTS {
        return Err(HourResult::NoData { slots });
    }
    let matchers = queries::matchers(settings, &pinned);
    for what in ByName::ALL {
        ask_by_name(what, server, hour, &matchers, &mut snapshot, collected).await?;
    }
    if let Some(Twice { what, name, ids }) = single_cluster_check::twice(&snapshot) {
        return Err(failed(CollectError::TwiceAtOnce { what, name, ids, hour }));
    }
    if let Some([one, other]) = single_cluster_check::two_regions(&snapshot).filter(|_| settings.selector.is_none()) {
        return Err(failed(CollectError::TwoRegions { one, other, hour }));
    }
    ask_beyond(server, hour, &questions, &mut snapshot, collected).await?;
    let faults = hour_quality::faults(&snapshot, &quality);
    let hash = queries::query_set(settings, &pinned);
    let query_set = [vec![hash.clone()], pinned.words()].concat().join(" ");
    let asked = [Some(hash), pinned.usage_word()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let encoder = HourEncoder::new(cluster, hour, HourSource::Prometheus, &asked);
    let origin = Origin { server: server.describe(), faults, quality, query_set };
    // Not beside the next hour's asking: then two hours would be in memory.
    let encoded = tokio::task::block_in_place(|| snapshot_encoding::encode(snapshot, settings, hour, encoder, origin));
    server.tell(&Event::HourReady { seconds: begun.elapsed().as_secs_f64() });
    encoded.map_err(failed)
}

/// Asks for the targets each replica saw in an hour.
async fn seen_by_replica(server: &Server, promql: &str, label: &str, hour: Hour) -> Result<Seen, HourResult> {
    let bounds = Shape::Slots.bounds(hour);
    let body = server.ask_range("replicas", promql, bounds, SLOT_SECONDS).await.map_err(failed)?;
    let mut seen = Seen::default();
    let answer = decode(&body, &[label], &mut |series| {
        let slots = slots(&series, hour.start_seconds());
        match series.label(label) {
            Some(replica) => {
                seen.by_replica.insert(replica.to_owned(), slots);
            }
            None => seen.together = slots,
        }
    });
    answer.map_err(|source| unreadable("replicas", hour, source))?;
    Ok(seen)
}

/// Why a metric is missing, where it is there without a label: the one of the cluster, or that of images, without which
/// containers are not told from what is above them.
async fn why_missing(missing: HourResult, server: &Server, settings: &Settings, hour: Hour) -> HourResult {
    let HourResult::Failed(CollectError::Missing { metric, exporter, .. }) = &missing else { return missing };
    let (metric, exporter) = (*metric, *exporter);
    if metric.starts_with("container_") {
        let own = queries::matchers(settings, &Dialect::default());
        let bare = format!(
            "count(last_over_time({metric}{{{own}container!=\"\",container!=\"POD\",id!=\"\",image=\"\"}}[62m]))"
        );
        if words_of(server, "without_image", &bare, "", hour).await.is_ok_and(|found| !found.is_empty()) {
            return failed(CollectError::MissingLabel { metric, label: "image", hour });
        }
    }
    let Some((label, value)) = settings.selector.clone() else { return missing };
    match words_of(server, "others", &format!("count(last_over_time({metric}[62m]))"), "", hour).await {
        Ok(others) if !others.is_empty() => {
            failed(CollectError::MissingLabelled { metric, label, value, hour, exporter })
        }
        _ => missing,
    }
}

/// Asks for the counters that were not scraped at an edge of the hour and may have run on: what they count over the gap
/// belongs to both hours.
async fn ask_beyond(
    server: &Server,
    hour: Hour,
    questions: &[Question],
    snapshot: &mut Snapshot,
    collected: &mut Collected,
) -> Result<(), HourResult> {
    snapshot.learn_limits();
    let asked = [beyond_of_containers(questions, snapshot, hour), beyond_of_nodes(questions, snapshot)].concat();
    for question in asked {
        let mut take =
            |body: &[u8]| tokio::task::block_in_place(|| snapshot.read(&question, body, hour.start_seconds()));
        let reply = server.asking(hour).ask(&question, None, &mut take).await.map_err(|error| match error {
            AskError::Query(error) => failed(error),
            AskError::Answer(source) => unreadable(question.name, hour, source),
        })?;
        collected.queries = collected.queries.saturating_add(reply.requests);
        collected.samples = collected.samples.saturating_add(reply.answer.samples);
    }
    Ok(())
}

/// The questions about counters of containers beyond the hour, and about when they were scraped.
fn beyond_of_containers(questions: &[Question], snapshot: &Snapshot, hour: Hour) -> Vec<Question> {
    let gaps = hour_edge_counters::of(snapshot, hour);
    let mut asked = Vec::new();
    let Some(cpu) = questions.iter().find(|question| question.fact == Fact::ContainerCpu) else { return asked };
    let within: BTreeSet<String> = gaps.before.union(&gaps.after).cloned().collect();
    for (shape, pods) in [(Shape::Before, gaps.before), (Shape::After, gaps.after), (Shape::Edges, within)] {
        if pods.is_empty() {
            continue;
        }
        let names: Vec<&str> = pods.iter().map(String::as_str).collect();
        let names = if names.len() > NAMES_AT_ONCE { &[] } else { &names[..] };
        asked.extend((shape != Shape::Edges).then(|| cpu.beyond(shape, names)));
        asked.extend(cpu.scraped(shape, names));
    }
    asked
}

/// The same about counters of node exporters.
fn beyond_of_nodes(questions: &[Question], snapshot: &Snapshot) -> Vec<Question> {
    let label = if snapshot.dialect.contains("exported_instance") { "exported_instance" } else { "instance" };
    let mut asked = Vec::new();
    for (shape, exporters) in [Shape::Before, Shape::After].into_iter().zip(snapshot.cut_off_exporters()) {
        if exporters.is_empty() {
            continue;
        }
        let names: Vec<&str> = exporters.into_iter().collect();
        let names = if names.len() > NAMES_AT_ONCE { &[] } else { &names[..] };
        asked.extend(questions.iter().filter_map(|question| question.beyond_of_nodes(shape, label, names)));
    }
    asked
}

/// Finds the source in the place of cAdvisor's counter for an hour that has none of it: recorded rules, where they
/// suffice. Else it stays with the counter, whose absence is told.
async fn stand_in(
    server: &Server,
    settings: &Settings,
    dialect: &Dialect,
    hour: Hour,
    collected: &mut Collected,
) -> Result<UsageSource, HourResult> {
    let promql = queries::stand_ins(&queries::matchers(settings, dialect));
    collected.queries = collected.queries.saturating_add(1);
    let there = words_of(server, "stand_ins", &promql, "__name__", hour).await.map_err(failed)?;
    let there: Vec<&str> = there.iter().map(|(name, _)| name.as_str()).collect();
    Ok(UsageSource::recorded(&there).unwrap_or_default())
}

fn failed(error: impl Into<CollectError>) -> HourResult {
    HourResult::Failed(error.into())
}

fn unreadable(query: &str, hour: Hour, source: DecodeError) -> HourResult {
    failed(CollectError::Answer { query: query.to_owned(), hour, source })
}

/// Questions about objects by name, because only the answers before tell which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ByName {
    /// When the pods were last seen that no longer show after the hour.
    VanishedPods,
    /// The same of nodes.
    VanishedNodes,
    /// Which of the pods that nothing was measured of were running.
    UnmeasuredPods,
    /// Facts with their times about nodes whose labels changed, or whose name two machines had.
    ChangedNodes,
    /// Facts with their times about pods whose owner or labels changed.
    ChangedPods,
    /// Which owner was said when of replica sets or jobs that had two.
    ChangedOwners(Between),
}

impl ByName {
    const ALL: [Self; 7] = [
        Self::VanishedPods,
        Self::VanishedNodes,
        Self::UnmeasuredPods,
        Self::ChangedNodes,
        Self::ChangedPods,
        Self::ChangedOwners(Between::ReplicaSets),
        Self::ChangedOwners(Between::Jobs),
    ];
}

async fn ask_by_name(
    what: ByName,
    server: &Server,
    hour: Hour,
    matchers: &str,
    snapshot: &mut Snapshot,
    collected: &mut Collected,
) -> Result<(), HourResult> {
    let names = match what {
        ByName::VanishedPods => snapshot.vanished(Vanished::Pods, hour),
        ByName::VanishedNodes => snapshot.vanished(Vanished::Nodes, hour),
        ByName::UnmeasuredPods => cadvisor_liveness::unmeasured(snapshot, hour),
        ByName::ChangedNodes => snapshot.changed_nodes(),
        ByName::ChangedPods => snapshot.changed_pods(),
        ByName::ChangedOwners(what) => snapshot.changed_owners(what),
    };
    for names in names.chunks(NAMES_AT_ONCE) {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let (name, promql) = match what {
            ByName::VanishedPods => ("pods_seen", queries::pods_seen(matchers, &names)),
            ByName::VanishedNodes => ("nodes_seen", queries::nodes_seen(matchers, snapshot.node_label(), &names)),
            ByName::UnmeasuredPods => ("pods_running", queries::pods_running(matchers, &names)),
            ByName::ChangedNodes => ("nodes_changed", queries::nodes_changed(matchers, snapshot.node_label(), &names)),
            ByName::ChangedPods => ("pods_changed", queries::pods_changed(matchers, &names)),
            ByName::ChangedOwners(Between::ReplicaSets) => {
                ("owners_changed", queries::replicasets_changed(matchers, &names))
            }
            ByName::ChangedOwners(Between::Jobs) => ("owners_changed", queries::jobs_changed(matchers, &names)),
        };
        let body = server.ask_after(name, &promql, hour).await.map_err(failed)?;
        let answer = match what {
            ByName::VanishedPods => snapshot.read_last_seen(Vanished::Pods, &body),
            ByName::VanishedNodes => snapshot.read_last_seen(Vanished::Nodes, &body),
            ByName::UnmeasuredPods => snapshot.read_running(&body),
            ByName::ChangedNodes => snapshot.read_changed_nodes(&body, hour),
            ByName::ChangedPods => snapshot.read_changed_pods(&body, hour),
            ByName::ChangedOwners(what) => snapshot.read_changed_owners(what, &body, hour),
        };
        collected.queries = collected.queries.saturating_add(1);
        collected.samples =
            collected.samples.saturating_add(answer.map_err(|source| unreadable(name, hour, source))?.samples);
    }
    Ok(())
}
