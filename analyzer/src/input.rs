//! EDGE: reads the hours of a lake, a day at a time, and turns them into facts.
//!
//! Manifests say which objects there are, those of a whole day or of single hours; every object is checked against
//! its manifest. The facts of an hour are the same whichever way its rows came. While one day is summed
//! the next waits for it and the one after is fetched, so three days of compressed objects, the facts of two and the
//! frames of a few hours, or of one day object, are all that is held.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use lake::tables::{ContainerHour, NodeHour, PodHour, Table, VolumeHour};
use lake::{Day, Lake, LakeError, Part};
use polars::prelude::PolarsError;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use types::{ClusterId, Hour, Window};

use crate::facts::{HourFacts, VolumeRow};
use crate::ledger::Ledger;
use crate::trace::{self, Choices, Names};
use crate::usage::{self, ByHour, Frames};
use crate::{rows, slots};

mod ahead;
mod sizes;

use ahead::{Ahead, Plan, Step, unreadable};
pub(crate) use sizes::read_sizes;

/// Why an analysis could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeError {
    /// The cluster is not in the lake.
    #[error("no cluster `{cluster}` in lake `{lake}`; {known}")]
    UnknownCluster {
        /// The cluster asked for.
        cluster: ClusterId,
        /// The lake.
        lake: String,
        /// Those that are there, in words.
        known: String,
    },
    /// The window holds no hour that exists.
    #[error("no hours of cluster `{cluster}` from {from} to {to}; the lake holds hours from {first} to {last}")]
    NoHours {
        /// The cluster.
        cluster: ClusterId,
        /// Start of the window.
        from: String,
        /// End of the window.
        to: String,
        /// First date with hours.
        first: String,
        /// Last date with hours.
        last: String,
    },
    /// The lake failed, or an object in it is damaged.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// An object matches its manifest and cannot be read.
    #[error("could not read object `{key}`")]
    Unreadable {
        /// Key of the object.
        key: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A pipeline over the hours failed.
    #[error("could not sum the hours of {date}")]
    Pipeline {
        /// The day.
        date: String,
        /// Why.
        source: PolarsError,
    },
    /// Something in a day makes this program fail.
    #[error(
        "something in the hours of {date} makes this program fail: {reason}; leave that day out with --from and --to, and report this with the version"
    )]
    Fault {
        /// The day.
        date: String,
        /// What the program said.
        reason: String,
    },
    /// A task died.
    #[error("a task of the analysis died")]
    Task(#[from] JoinError),
}

/// The hours asked for, and those that are there.
#[derive(Debug)]
pub(crate) struct Coverage {
    pub(crate) window: Window,
    pub(crate) hours: Vec<Hour>,
}

/// Finds the hours of a window, or all there are.
pub(crate) async fn coverage(
    lake: &Lake,
    cluster: &ClusterId,
    window: Option<Window>,
) -> Result<Coverage, AnalyzeError> {
    let Some((first, last)) = lake.dates(cluster).await? else {
        let names: Vec<_> = lake.clusters().await?.iter().map(|id| format!("`{id}`")).collect();
        let known =
            if names.is_empty() { "it holds no cluster".to_owned() } else { format!("it holds {}", names.join(", ")) };
        return Err(AnalyzeError::UnknownCluster { cluster: cluster.clone(), lake: lake.location(), known });
    };
    let day =
        |date: &str| date.parse::<chrono::NaiveDate>().ok().map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc());
    let whole = day(&first)
        .zip(day(&last))
        .and_then(|(first, last)| Window::try_new(first, last + chrono::TimeDelta::days(1)).ok());
    // Only days that exist are listed, whatever span was asked for.
    let listed = match (window, whole) {
        (Some(asked), Some(whole)) => {
            Window::try_new(asked.start().max(whole.start()), asked.end().min(whole.end())).ok()
        }
        (asked, whole) => whole.or(asked),
    };
    let hours = match listed {
        Some(listed) => lake.hours(cluster, listed).await?,
        None => Vec::new(),
    };
    let (Some(oldest), Some(newest)) = (hours.first(), hours.last()) else {
        let (from, to) = match window.or(whole) {
            Some(window) => (window.start().to_rfc3339(), window.end().to_rfc3339()),
            None => (first.clone(), last.clone()),
        };
        return Err(AnalyzeError::NoHours { cluster: cluster.clone(), from, to, first, last });
    };
    let present = Window::try_new(oldest.start(), newest.end()).ok();
    match window.or(present) {
        Some(window) => Ok(Coverage { window, hours }),
        None => {
            Err(AnalyzeError::NoHours { cluster: cluster.clone(), from: first.clone(), to: last.clone(), first, last })
        }
    }
}

/// One table's object: its key and bytes; `None` when the part has no such table.
type Object = Option<(String, Bytes)>;

/// The objects of one part of a day: an hour, or the day itself.
pub(crate) struct PartObjects {
    pub(crate) part: Part,
    containers: Object,
    pods: Object,
    nodes: Object,
    volumes: Object,
}

/// The days of a lake, each fetched while the one before is worked on.
pub(crate) struct Days {
    lake: Lake,
    cluster: ClusterId,
    left: std::vec::IntoIter<Vec<Hour>>,
    next: JoinSet<Result<Vec<PartObjects>, AnalyzeError>>,
}

impl Days {
    /// Starts fetching the first day of `hours`, which are sorted.
    pub(crate) fn new(lake: &Lake, cluster: &ClusterId, hours: &[Hour]) -> Self {
        let days: Vec<_> = hours.chunk_by(|a, b| a.date() == b.date()).map(<[Hour]>::to_vec).collect();
        let mut days =
            Self { lake: lake.clone(), cluster: cluster.clone(), left: days.into_iter(), next: JoinSet::new() };
        days.fetch_next();
        days
    }

    fn fetch_next(&mut self) {
        if let Some(hours) = self.left.next() {
            self.next.spawn(fetch_day(self.lake.clone(), self.cluster.clone(), hours));
        }
    }

    /// The next day, oldest first; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<PartObjects>>, AnalyzeError> {
        let Some(fetched) = self.next.join_next().await else { return Ok(None) };
        let day = fetched??;
        self.fetch_next();
        Ok(Some(day))
    }
}

/// Parts fetched at once.
const FETCHES: usize = 4;
/// How often a day is looked at anew because objects went while they were fetched: it was being compacted.
const LOOKS: u32 = 3;

/// Fetches the parts of a day that hold `hours`, which are sorted.
async fn fetch_day(lake: Lake, cluster: ClusterId, hours: Vec<Hour>) -> Result<Vec<PartObjects>, AnalyzeError> {
    let Some(day) = hours.first().map(|hour| Day::of(*hour)) else { return Ok(Vec::new()) };
    let mut looks = 1;
    loop {
        let parts = lake.parts(&cluster, day, Some(&hours)).await?;
        match fetch_parts(&lake, parts).await {
            Err(AnalyzeError::Lake(error)) if error.is_gone() && looks < LOOKS => looks += 1,
            fetched => return fetched,
        }
    }
}

async fn fetch_parts(lake: &Lake, parts: Vec<Part>) -> Result<Vec<PartObjects>, AnalyzeError> {
    let mut day = Vec::with_capacity(parts.len());
    let mut left = parts.into_iter().enumerate();
    let mut fetches = JoinSet::new();
    let fetch = |(n, part)| {
        let lake = lake.clone();
        async move { (n, fetch_part(&lake, part).await) }
    };
    left.by_ref().take(FETCHES).for_each(|part| {
        fetches.spawn(fetch(part));
    });
    let mut failed: Option<(usize, LakeError)> = None;
    while let Some(fetched) = fetches.join_next().await {
        match fetched? {
            (n, Ok(objects)) => day.push((n, objects)),
            // Of several that fail, the oldest is named, whichever came back first.
            (n, Err(error)) => {
                if failed.as_ref().is_none_or(|(oldest, _)| n < *oldest) {
                    failed = Some((n, error));
                }
            }
        }
        if let Some(part) = left.next().filter(|_| failed.is_none()) {
            fetches.spawn(fetch(part));
        }
    }
    if let Some((_, error)) = failed {
        return Err(error.into());
    }
    day.sort_by_key(|(n, _)| *n);
    Ok(day.into_iter().map(|(_, objects)| objects).collect())
}

async fn fetch_part(lake: &Lake, part: Part) -> Result<PartObjects, LakeError> {
    Ok(PartObjects {
        containers: lake.part_bytes::<ContainerHour>(&part).await?,
        pods: lake.part_bytes::<PodHour>(&part).await?,
        nodes: lake.part_bytes::<NodeHour>(&part).await?,
        volumes: lake.part_bytes::<VolumeHour>(&part).await?,
        part,
    })
}

/// Container rows after which a frame is full: enough that a pipeline's fixed cost does not show, few enough that
/// frames stay small in a large cluster.
const ROWS_PER_FRAME: u64 = 50_000;

/// A thread that decodes one day after the other.
///
/// It is always the same thread, because memory freed by one thread is not readily used by another, and most of what a
/// day takes is allotted here; batches alone come from a thread that lives for a day.
pub(crate) struct Decoder {
    jobs: std::sync::mpsc::Sender<Job>,
    worker: JoinHandle<Ledger>,
}

/// A day, and where its facts go.
type Job = (Vec<PartObjects>, oneshot::Sender<Result<Vec<HourFacts>, AnalyzeError>>);
/// Where the facts of a day will come from.
type Decoding = oneshot::Receiver<Result<Vec<HourFacts>, AnalyzeError>>;

impl Decoder {
    /// Starts the thread, which keeps `ledger`; it ends when the decoder is dropped.
    pub(crate) fn start(mut ledger: Ledger) -> Self {
        let (jobs, queue) = std::sync::mpsc::channel::<Job>();
        let worker = tokio::task::spawn_blocking(move || {
            for (day, reply) in queue {
                // Nobody waits for the reply any more when the analysis failed or was dropped.
                if reply.is_closed() {
                    continue;
                }
                let decoded = catch_unwind(AssertUnwindSafe(|| decode_day(&day, &mut ledger)));
                let _ = reply.send(decoded.unwrap_or_else(|panic| Err(fault(&day, &*panic))));
            }
            ledger
        });
        Self { jobs, worker }
    }

    /// Gives a day to the thread; its facts come from [`Decoder::facts`].
    pub(crate) fn decode(&self, day: Vec<PartObjects>) -> Decoding {
        let (reply, facts) = oneshot::channel();
        // A thread that is gone drops the reply, which `facts` sees.
        let _ = self.jobs.send((day, reply));
        facts
    }

    /// The facts of a day by hour, when the thread has summed them.
    pub(crate) async fn facts(&mut self, day: Decoding) -> Result<Vec<HourFacts>, AnalyzeError> {
        if let Ok(facts) = day.await {
            return facts;
        }
        // The thread ended without an answer, so it panicked.
        match (&mut self.worker).await {
            Err(died) => Err(died.into()),
            Ok(_) => Ok(Vec::new()),
        }
    }

    /// The ledger over all days decoded.
    pub(crate) async fn finish(self) -> Result<Ledger, AnalyzeError> {
        let Self { jobs, worker } = self;
        drop(jobs);
        Ok(worker.await?)
    }
}

/// A fault of the program that something in a day brought out; the analysis ends with it.
fn fault(day: &[PartObjects], panic: &(dyn Any + Send)) -> AnalyzeError {
    let first = day.iter().flat_map(|objects| &objects.part.hours).next();
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let reason = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    AnalyzeError::Fault { date: first.map(|read| read.hour.date()).unwrap_or_default(), reason }
}

/// Decodes the objects of a day and sums them by hour; the facts are in order of their hours.
fn decode_day(day: &[PartObjects], ledger: &mut Ledger) -> Result<Vec<HourFacts>, AnalyzeError> {
    let pod_columns = slots::pod_columns(!ledger.labels.is_empty());
    let plan = Plan {
        batches: &[
            Step { of: |objects| &objects.nodes, columns: rows::NODE_COLUMNS },
            Step { of: |objects| &objects.pods, columns: &pod_columns },
            Step { of: |objects| &objects.containers, columns: slots::CONTAINER_COLUMNS },
            Step { of: |objects| &objects.volumes, columns: rows::VOLUME_COLUMNS },
        ],
        scalars: &[
            Step { of: |objects| &objects.pods, columns: usage::POD_COLUMNS },
            Step { of: |objects| &objects.containers, columns: usage::CONTAINER_COLUMNS },
        ],
    };
    let mut facts = ahead::read(day, &plan, |mut ahead| {
        let mut facts = Vec::with_capacity(day.len());
        let mut rows = 0;
        // A frame ends with the part that fills it.
        let full = |objects: &PartObjects| {
            rows += objects.part.object(ContainerHour::NAME).map_or(0, |object| object.rows);
            let full = rows >= ROWS_PER_FRAME;
            rows = if full { 0 } else { rows };
            full
        };
        for parts in day.split_inclusive(full) {
            facts.extend(decode_parts(parts, &mut ahead, ledger)?);
        }
        ledger.implausible.merge(std::mem::take(&mut ahead.implausible));
        Ok::<_, AnalyzeError>(facts)
    })?;
    ledger.end_day();
    facts.sort_by_key(|hour| hour.hour);
    Ok(facts)
}

/// Leaves of a volume the seconds in which no claim before it had it: AWS bills a volume once, however many claims it is
/// behind.
fn count_once(billed: &mut BTreeMap<(i64, String), i64>, hour: i64, volume: &mut VolumeRow) {
    let Some(id) = &volume.volume_id else { return };
    let before = billed.entry((hour, id.clone())).or_default();
    volume.present_seconds = volume.present_seconds.min(types::window::HOUR_SECONDS - *before).max(0);
    *before += volume.present_seconds;
}

/// Sums some parts by hour and runs the pipelines over all of them at once.
fn decode_parts(parts: &[PartObjects], ahead: &mut Ahead, ledger: &mut Ledger) -> Result<Vec<HourFacts>, AnalyzeError> {
    let first = parts.iter().flat_map(|objects| &objects.part.hours).next();
    let date = first.map(|read| read.hour.date()).unwrap_or_default();
    let mut frames = Frames::default();
    let mut nodes_by_hour = ByHour::new();
    let mut facts = ByHour::new();
    for objects in parts {
        decode_part(objects, ahead, &mut frames, &mut nodes_by_hour, &mut facts, ledger)?;
    }
    let pipeline = |source| AnalyzeError::Pipeline { date: date.clone(), source };
    let workload = |owner| ledger.owners.name(owner).map(|owner| owner.workload).unwrap_or_default();
    let mut workloads = usage::workloads(&frames, workload).map_err(pipeline)?;
    for (start, hour) in &mut facts {
        hour.nodes = nodes_by_hour.remove(start).unwrap_or_default();
        hour.workloads = workloads.remove(start).unwrap_or_default();
    }
    Ok(facts.into_values().collect())
}

/// Takes one part: rows and slots into facts by hour, scalars onto the frames of the day.
fn decode_part(
    objects: &PartObjects,
    ahead: &mut Ahead,
    frames: &mut Frames,
    nodes_by_hour: &mut ByHour<Vec<crate::facts::NodeRow>>,
    facts: &mut ByHour<HourFacts>,
    ledger: &mut Ledger,
) -> Result<(), AnalyzeError> {
    let part = &objects.part;
    for read in &part.hours {
        facts.insert(read.hour.start_seconds(), HourFacts::new(read.hour));
        nodes_by_hour.insert(read.hour.start_seconds(), Vec::new());
    }
    ahead.each_batch(&objects.nodes, |batch| {
        for (hour, node) in rows::nodes(batch)? {
            if let Some(nodes) = nodes_by_hour.get_mut(&hour) {
                ledger.node(hour, &node);
                nodes.push(node);
            }
        }
        Ok(())
    })?;
    let rows = |table| part.object(table).and_then(|object| usize::try_from(object.rows).ok()).unwrap_or_default();
    let mut pods = slots::PodSlots::of(rows(PodHour::NAME), rows(ContainerHour::NAME));
    ahead.each_batch(&objects.pods, |batch| pods.read(batch, ledger))?;
    ahead.each_batch(&objects.containers, |batch| slots::add_containers(batch, &mut pods, facts, ledger))?;
    pods.end(facts, ledger);
    let mut billed: BTreeMap<(i64, String), i64> = BTreeMap::new();
    ahead.each_batch(&objects.volumes, |batch| {
        for (hour, mut volume) in rows::volumes(batch)? {
            if let Some(facts) = facts.get_mut(&hour) {
                count_once(&mut billed, hour, &mut volume);
                ledger.volume(hour, &volume);
                facts.volumes.push(volume);
            }
        }
        Ok(())
    })?;
    ledger.end_part();
    let starts: Vec<_> = part.hours.iter().map(|read| read.hour.start_seconds()).collect();
    let kept = (!part.whole).then_some(starts.as_slice());
    let (pod_owners, container_owners, ids) = pods.into_owners_and_ids();
    for (hour, ids) in ids {
        facts.entry(hour).and_modify(|facts| facts.pod_ids = ids);
    }
    let tables = [
        (&objects.pods, pod_owners, &mut frames.pods),
        (&objects.containers, container_owners, &mut frames.containers),
    ];
    for (object, owners, frame) in tables {
        usage::with_owners(ahead.scalars()?, owners)
            .and_then(|scalars| usage::of_hours(scalars, kept))
            .and_then(|scalars| frame.vstack_mut(&scalars).map(|_| ()))
            .map_err(|source| unreadable(object, source))?;
    }
    Ok(())
}

/// The hours of a day as the replay takes them, oldest first.
pub(crate) fn read_traces(
    day: &[PartObjects],
    names: &mut Names,
    choices: &dyn Choices,
) -> Result<Vec<replay::Hour>, AnalyzeError> {
    let pod_columns = trace::pod_columns(names, choices);
    let plan = Plan {
        batches: &[
            Step { of: |objects| &objects.nodes, columns: trace::NODE_COLUMNS },
            Step { of: |objects| &objects.volumes, columns: trace::VOLUME_COLUMNS },
            Step { of: |objects| &objects.pods, columns: &pod_columns },
            Step { of: |objects| &objects.containers, columns: trace::CONTAINER_COLUMNS },
        ],
        scalars: &[],
    };
    let mut hours = ahead::read(day, &plan, |mut ahead| {
        let mut hours = Vec::new();
        for objects in day {
            let starts = objects.part.hours.iter().map(|read| read.hour.start_seconds());
            let mut rows = trace::Rows::of(starts);
            ahead.each_batch(&objects.nodes, |batch| rows.nodes(batch, names, choices))?;
            ahead.each_batch(&objects.volumes, |batch| rows.volumes(batch, names))?;
            ahead.each_batch(&objects.pods, |batch| rows.pods(batch, names, choices))?;
            ahead.each_batch(&objects.containers, |batch| rows.containers(batch, names))?;
            hours.extend(rows.finish().map_err(|source| unreadable(&objects.pods, source))?);
        }
        Ok::<_, AnalyzeError>(hours)
    })?;
    hours.sort_by_key(replay::Hour::start);
    Ok(hours)
}

#[cfg(test)]
mod duckdb;
#[cfg(test)]
mod tests;
