//! Collecting: which hours, one after another, and what became of each.

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use lake::{EncodedHour, Lake};
use tokio::task::JoinHandle;
use types::window::HOUR_SECONDS;
use types::{ClusterId, Hour, Window};

use crate::collection_results::{CollectError, Collected, HourResult};
use crate::decode::decode;
use crate::hour_fetch::fetch;
use crate::hours_to_collect;
use crate::queries;
use crate::server::Server;
use crate::settings::Settings;

/// Hours in a row whose queries fail before a run gives up: the server has a trouble that is not one hour's.
const MOST_FAILURES: u32 = 3;

/// Bounds of a run beside its window. The default bounds nothing.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// Hours asked for at most.
    pub most: Option<usize>,
    /// Hours asked for after all others: those that a run before left out, so that they do not take the place of hours that
    /// can be collected.
    pub last: BTreeSet<Hour>,
    /// Set from outside to end the run after the hour it is at.
    pub stop: Arc<AtomicBool>,
}

/// Times an incomplete hour is asked for again: what the server did not have an hour later it may
/// have had an outage for, and will not have.
const MOST_REPAIRS: u32 = 3;

/// Missing hours from which on the server is first asked which of them it has samples of: one query then spares two an
/// hour that it knows nothing of, at every run.
const WORTH_ASKING: usize = 3;

/// Collects the hours of `window` that are not in the lake yet, the newest first, then the oldest; each is told to `each`.
/// Hours that are there with something missing are asked for again, after all others and a bounded number of times.
///
/// While one hour is written, the next is asked for: still one query at a time. A failed hour does not
/// stop the others, unless the queries of [`MOST_FAILURES`] in a row fail, or one for what is true of all of them. An hour
/// is in the lake whole or not at all.
///
/// # Errors
/// [`CollectError::Lake`] when the lake cannot be listed, [`CollectError::Query`] when the server is gone or keeps
/// failing. An hour that cannot be collected, as one that is not one cluster's, is told to `each` and left out.
pub async fn collect(
    server: &Server,
    lake: &Lake,
    cluster: &ClusterId,
    window: Window,
    settings: &Settings,
    bounds: &Bounds,
    each: &mut (dyn FnMut(Hour, &HourResult) + Send),
) -> Result<Collected, CollectError> {
    let mut collected = Collected::default();
    let coverage = lake.coverage(cluster, window).await?;
    let present: BTreeSet<Hour> = coverage.present.into_iter().collect();
    let repairs: Vec<Hour> =
        coverage.incomplete.iter().filter(|hour| hour.tries < MOST_REPAIRS).map(|hour| hour.hour).collect();
    // An hour that is to be repaired is there already, but counts once: as what comes of the repair.
    let mut to_repair: BTreeSet<Hour> = repairs.iter().copied().collect();
    let mut told = |hour: Hour, result: &HourResult, collected: &mut Collected, to_repair: &mut BTreeSet<Hour>| {
        to_repair.remove(&hour);
        collected.count(hour, result);
        each(hour, result);
    };
    let settled: Vec<Hour> = present.difference(&to_repair).copied().collect();
    for hour in settled {
        told(hour, &HourResult::Present, &mut collected, &mut to_repair);
    }
    let unknown = unknown_hours(server, window, &present, settings, &mut collected).await?;
    for hour in &unknown {
        told(*hour, &HourResult::NoData { slots: 0 }, &mut collected, &mut to_repair);
    }
    let settled = present.union(&unknown).copied().collect();
    let missing = hours_to_collect::plan(window, &settled);
    collected.left = missing.len();
    let hours = in_order(missing, repairs, bounds);
    let mut failures_in_a_row = 0;
    let mut writing: Option<(Hour, JoinHandle<HourResult>)> = None;
    let mut gave_up = None;
    for (hour, kind) in hours {
        if bounds.stop.load(Ordering::Relaxed) {
            break;
        }
        let asking = fetch(server, cluster, hour, settings, &mut collected);
        let asked = caught(asking).await.unwrap_or_else(|reason| {
            // One hour that nobody foresaw must not keep all that come after it out of the lake.
            Err(HourResult::Failed(CollectError::Fault { hour, reason }))
        });
        if let Some((before, write)) = writing.take() {
            told(before, &finished(before, write).await, &mut collected, &mut to_repair);
        }
        match asked {
            Ok(encoded) => {
                failures_in_a_row = 0;
                writing = Some((hour, spawn_write(lake, kind, encoded)));
            }
            // What is in the lake stays; the server has less of it than it had.
            Err(HourResult::NoData { .. }) if kind == Kind::Repair => {}
            Err(result) => {
                told(hour, &result, &mut collected, &mut to_repair);
                match result {
                    HourResult::Failed(error @ CollectError::Query(_)) => {
                        failures_in_a_row = u32::saturating_add(failures_in_a_row, 1);
                        let of_the_server = matches!(&error, CollectError::Query(error) if error.is_of_the_server());
                        if of_the_server || failures_in_a_row == MOST_FAILURES {
                            gave_up = Some(error);
                            break;
                        }
                    }
                    _ => failures_in_a_row = 0,
                }
            }
        }
    }
    if let Some((hour, write)) = writing {
        told(hour, &finished(hour, write).await, &mut collected, &mut to_repair);
    }
    // Those that no repair was tried for, or for which the server has nothing any more.
    for hour in std::mem::take(&mut to_repair) {
        told(hour, &HourResult::Present, &mut collected, &mut to_repair);
    }
    gave_up.map_or(Ok(collected), Err)
}

/// The missing hours of which the server has no sample at all: before its retention, or in an outage. When it has no
/// sample of any, the newest few are asked for all the same, because then the reason may be another, which that tells.
async fn unknown_hours(
    server: &Server,
    window: Window,
    present: &BTreeSet<Hour>,
    settings: &Settings,
    collected: &mut Collected,
) -> Result<BTreeSet<Hour>, CollectError> {
    let missing: BTreeSet<Hour> = window.hours().filter(|hour| !present.contains(hour)).collect();
    let (Some(first), Some(last)) = (missing.first(), missing.last()) else { return Ok(BTreeSet::new()) };
    if missing.len() <= WORTH_ASKING {
        return Ok(BTreeSet::new());
    }
    let mut known = BTreeSet::new();
    let promql = queries::hours_known(settings);
    let mut from = *first;
    while from <= *last {
        let to = from.plus(POINTS_AT_ONCE - 1).min(*last);
        let bounds = (from.end_seconds(), to.end_seconds());
        for body in server.ask_spans("hours_known", &promql, bounds, HOUR_SECONDS).await? {
            collected.queries = collected.queries.saturating_add(1);
            let unreadable = |source| CollectError::Answer { query: "hours_known".to_owned(), hour: from, source };
            let answer = decode(&body, &[], &mut |series| {
                known.extend(
                    series
                        .points
                        .iter()
                        .filter_map(|(ms, _)| Hour::starting_at((ms / 1000).saturating_sub(HOUR_SECONDS))),
                );
            });
            collected.samples = collected.samples.saturating_add(answer.map_err(unreadable)?.samples);
        }
        from = to.next();
    }
    if known.is_empty() {
        return Ok(missing.into_iter().rev().skip(WORTH_ASKING).collect());
    }
    Ok(missing.difference(&known).copied().collect())
}

/// Points asked for in one range query: a server gives 11,000 at most.
const POINTS_AT_ONCE: i64 = 10_000;

/// The hours to ask for, in order, no more than a run may.
fn in_order(missing: Vec<Hour>, repairs: Vec<Hour>, bounds: &Bounds) -> Vec<(Hour, Kind)> {
    let (last, first): (Vec<Hour>, Vec<Hour>) = missing.into_iter().partition(|hour| bounds.last.contains(hour));
    let of = |hours: Vec<Hour>, kind: Kind| hours.into_iter().map(move |hour| (hour, kind));
    let all = of(first, Kind::Missing).chain(of(repairs, Kind::Repair)).chain(of(last, Kind::Missing));
    all.take(bounds.most.unwrap_or(usize::MAX)).collect()
}

fn spawn_write(lake: &Lake, kind: Kind, encoded: EncodedHour) -> JoinHandle<HourResult> {
    let lake = lake.clone();
    tokio::spawn(async move {
        let result = match kind {
            Kind::Missing => lake.write_encoded(encoded).await.map(HourResult::from),
            Kind::Repair => lake.correct_encoded(encoded).await.map(HourResult::from),
        };
        result.unwrap_or_else(|error| HourResult::Failed(error.into()))
    })
}

/// Why an hour is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is not in the lake.
    Missing,
    /// It is, and something of it is missing.
    Repair,
}

async fn finished(hour: Hour, write: JoinHandle<HourResult>) -> HourResult {
    write.await.unwrap_or_else(|error| {
        HourResult::Failed(match error.try_into_panic() {
            Ok(panic) => CollectError::Fault { hour, reason: words(&*panic) },
            Err(error) => CollectError::Interrupted(error.to_string()),
        })
    })
}

/// Awaits a future; its message where it panicked. Nothing of it is used after that.
async fn caught<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(move |context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(words(&*panic))),
        }
    })
    .await
}

/// The words of a panic.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it did not say why".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_left_out_before_take_no_place_of_others() {
        let hour = |n: i64| Hour::starting_at(1_782_864_000).unwrap().plus(n);
        let last = [hour(1), hour(2)].into();
        let bounds = Bounds { most: Some(4), last, ..Bounds::default() };
        let hours = in_order(vec![hour(9), hour(1), hour(2), hour(3)], vec![hour(5)], &bounds);
        let (missing, repair) = (Kind::Missing, Kind::Repair);
        assert_eq!(hours, [(hour(9), missing), (hour(3), missing), (hour(5), repair), (hour(1), missing)]);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_of_what_panicked_and_says_its_words() {
        assert_eq!(caught(async { 7 }).await, Ok(7));
        let late = async {
            tokio::task::yield_now().await;
            let words: Result<u8, std::num::ParseIntError> = "x".parse();
            words.unwrap_or_else(|_| panic!("a number"))
        };
        assert_eq!(caught(late).await, Err("a number".to_owned()));
    }
}
