//! Asking for one hour: every query, what must be there, and what is wrong with what came.

use lake::HourRows;
use types::{Hour, SLOTS_PER_HOUR};

use crate::decode::{Answer, DecodeError, decode};
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
pub(crate) async fn ask(
    server: &Server,
    hour: Hour,
    settings: &Settings,
    collected: &mut Collected,
) -> Result<Asked, HourResult> {
    let mut snapshot = Snapshot::default();
    let mut quality = Vec::new();
    for (sent, query) in queries::ALL.iter().enumerate() {
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
    quality::check_required(&quality, hour)?;
    quality::check_identity(&snapshot, &quality, hour)?;
    let slots = quality::scraped_slots(&snapshot);
    if slots < MIN_SLOTS {
        return Err(HourResult::NoData { slots });
    }
    for what in [Vanished::Pods, Vanished::Nodes] {
        ask_vanished(what, server, hour, &mut snapshot, collected).await?;
    }
    ask_reused(server, hour, &mut snapshot, collected).await?;
    let faults = quality::faults(&snapshot, &quality);
    let rows = tokio::task::block_in_place(|| rows::rows(&snapshot, settings, hour));
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

/// Learns what is said of each of the machines that had one name within the hour.
async fn ask_reused(
    server: &Server,
    hour: Hour,
    snapshot: &mut Snapshot,
    collected: &mut Collected,
) -> Result<(), HourResult> {
    let reused = snapshot.reused_nodes();
    for names in reused.chunks(VANISHED_AT_ONCE) {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let body = server.ask_after("nodes_reused", &queries::nodes_reused(&names), hour).await.map_err(failed)?;
        let answer = readable("nodes_reused", hour, snapshot.read_reused(&body))?;
        collected.queries += 1;
        collected.samples += answer.samples;
    }
    Ok(())
}
