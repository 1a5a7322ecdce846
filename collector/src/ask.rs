//! Asking for one hour: every query, what must be there, and what is wrong with what came.

use lake::HourRows;
use types::{Hour, SLOTS_PER_HOUR};

use crate::decode::{Answer, DecodeError, decode};
use crate::dialect::Dialect;
use crate::quality::{self, quality_row};
use crate::queries;
use crate::rows;
use crate::run::{CollectError, Collected, HourResult};
use crate::server::{AskError, Server};
use crate::settings::Settings;
use crate::snapshot::{Snapshot, Vanished};

/// Slots of an hour that must hold samples for the hour to be written. Below half, what is missing weighs more than
/// what is there, and its sums would pass for those of an hour; from there on the manifest tells what is missing.
const MIN_SLOTS: usize = SLOTS_PER_HOUR / 2;
/// Names asked for in one query about what vanished: keeps the query text short.
const VANISHED_AT_ONCE: usize = 200;

/// The rows of an hour and what was wrong with it.
pub(crate) struct Asked {
    pub(crate) rows: HourRows,
    pub(crate) faults: Vec<String>,
}

/// Refuses a server that holds several clusters of which none is named, and learns how it names things.
pub(crate) async fn check_server(server: &Server, hour: Hour, settings: &Settings) -> Result<Dialect, CollectError> {
    if settings.selector.is_none() {
        let clusters = words_of(server, "clusters", queries::CLUSTERS, "cluster", hour).await?;
        if clusters.len() > 1 {
            let names = clusters.iter().take(5).map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            return Err(CollectError::ManyClusters { count: clusters.len(), names });
        }
    }
    let mut dialect = Dialect::default();
    for (what, _) in words_of(server, "dialect", &Dialect::probe(settings), "found", hour).await? {
        dialect.found(&what);
    }
    Ok(dialect)
}

/// The values of one label of an answer, with the last sample of each, sorted.
async fn words_of(
    server: &Server,
    name: &str,
    promql: &str,
    label: &str,
    hour: Hour,
) -> Result<Vec<(String, f64)>, CollectError> {
    let body = server.ask_after(name, promql, hour).await?;
    let mut words = Vec::new();
    decode(&body, &[label], &mut |series| {
        let value = series.points.last().map_or(0.0, |(_, value)| *value);
        words.extend(series.labels.first().map(|word| (word.to_string(), value)));
    })
    .map_err(|source| CollectError::Answer { query: name.to_owned(), hour, source })?;
    words.sort_by(|(a, n), (b, m)| a.cmp(b).then(n.total_cmp(m)));
    Ok(words)
}

/// Sends every query of an hour, one at a time. `Err` when there is nothing to write.
pub(crate) async fn ask(
    server: &Server,
    hour: Hour,
    settings: &Settings,
    dialect: &Dialect,
    collected: &mut Collected,
) -> Result<Asked, HourResult> {
    let pinned = match dialect.replicas(settings) {
        None => dialect.clone(),
        Some(promql) => {
            let label = dialect.replica_label.as_deref().unwrap_or_default();
            collected.queries += 1;
            dialect.pinned_to_best(&words_of(server, "replicas", &promql, label, hour).await.map_err(failed)?)
        }
    };
    let mut snapshot = Snapshot::new(settings);
    let mut quality = Vec::new();
    for (sent, query) in queries::questions(settings, &pinned).iter().enumerate() {
        if sent == queries::DECISIVE {
            quality::check_known(&quality)?;
        }
        let mut take = |body: &[u8]| tokio::task::block_in_place(|| snapshot.read(query, body, hour.start_seconds()));
        let reply = server.ask(query, hour, &mut take).await.map_err(|error| match error {
            AskError::Query(error) => failed(error),
            AskError::Answer(source) => unreadable(query.name, hour, source),
        })?;
        collected.queries += reply.requests;
        collected.samples += reply.answer.samples;
        quality.push(quality_row(query.name, &snapshot, &reply, server, hour));
    }
    snapshot.settle();
    quality::check_required(&quality, hour)?;
    quality::check_identity(&snapshot, &quality, hour)?;
    let slots = quality::scraped_slots(&snapshot);
    if slots < MIN_SLOTS {
        return Err(HourResult::NoData { slots });
    }
    let matchers = queries::matchers(settings, &pinned);
    for what in [Vanished::Pods, Vanished::Nodes] {
        ask_vanished(what, server, hour, &matchers, &mut snapshot, collected).await?;
    }
    ask_reused(server, hour, &matchers, &mut snapshot, collected).await?;
    let faults = quality::faults(&snapshot, &quality);
    let rows = tokio::task::block_in_place(|| rows::rows(&snapshot, settings, hour));
    let set = [vec![queries::query_set(settings)], pinned.words()].concat();
    quality::complete(&mut quality, &snapshot, &rows, &set);
    Ok(Asked { rows: HourRows { quality, ..rows }, faults })
}

fn failed(error: impl Into<CollectError>) -> HourResult {
    HourResult::Failed(error.into())
}

fn readable(query: &str, hour: Hour, answer: Result<Answer, DecodeError>) -> Result<Answer, HourResult> {
    answer.map_err(|source| unreadable(query, hour, source))
}

fn unreadable(query: &str, hour: Hour, source: DecodeError) -> HourResult {
    failed(CollectError::Answer { query: query.to_owned(), hour, source })
}

/// Learns when the pods or nodes were last seen that no longer show after the hour.
async fn ask_vanished(
    what: Vanished,
    server: &Server,
    hour: Hour,
    matchers: &str,
    snapshot: &mut Snapshot,
    collected: &mut Collected,
) -> Result<(), HourResult> {
    let vanished = snapshot.vanished(what, hour);
    for names in vanished.chunks(VANISHED_AT_ONCE) {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let (name, promql) = match what {
            Vanished::Pods => ("pods_seen", queries::pods_seen(matchers, &names)),
            Vanished::Nodes => ("nodes_seen", queries::nodes_seen(matchers, snapshot.node_label(), &names)),
        };
        let body = server.ask_after(name, &promql, hour).await.map_err(failed)?;
        let answer = readable(name, hour, snapshot.read_last_seen(what, &body))?;
        collected.queries += 1;
        collected.samples += answer.samples;
    }
    Ok(())
}

/// Learns what is said of each of the machines that had one name within the hour.
async fn ask_reused(
    server: &Server,
    hour: Hour,
    matchers: &str,
    snapshot: &mut Snapshot,
    collected: &mut Collected,
) -> Result<(), HourResult> {
    let reused = snapshot.reused_nodes();
    for names in reused.chunks(VANISHED_AT_ONCE) {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let promql = queries::nodes_reused(matchers, snapshot.node_label(), &names);
        let body = server.ask_after("nodes_reused", &promql, hour).await.map_err(failed)?;
        let answer = readable("nodes_reused", hour, snapshot.read_reused(&body))?;
        collected.queries += 1;
        collected.samples += answer.samples;
    }
    Ok(())
}
