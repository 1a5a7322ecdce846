//! EDGE: reads the hours of a lake, a day at a time, and turns them into facts.
//!
//! Manifests say which objects there are; every object is checked against its manifest. The next day is fetched
//! while one is worked on, so two days of compressed objects and the frames of a few hours are all that is held.

use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use lake::tables::{ContainerHour, NodeHour, PodHour, Table, VolumeHour};
use lake::{Column, Lake, LakeError, Manifest, ReadHour, read_batches};
use polars::prelude::PolarsError;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use types::{ClusterId, Hour, Window};

use crate::facts::{HourFacts, SlotTotals};
use crate::usage::{self, ByHour, Frames};
use crate::{rows, slots};

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

/// One table's object: its key and bytes; `None` when the hour has no such table.
type Object = Option<(String, Bytes)>;

/// The objects of one hour.
pub(crate) struct HourObjects {
    hour: Hour,
    pub(crate) manifest: Manifest,
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
    next: JoinSet<Result<Vec<HourObjects>, AnalyzeError>>,
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
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<HourObjects>>, AnalyzeError> {
        let Some(fetched) = self.next.join_next().await else { return Ok(None) };
        let day = fetched??;
        self.fetch_next();
        Ok(Some(day))
    }
}

/// Hours fetched at once.
const FETCHES: usize = 4;

async fn fetch_day(lake: Lake, cluster: ClusterId, hours: Vec<Hour>) -> Result<Vec<HourObjects>, AnalyzeError> {
    let mut day = Vec::with_capacity(hours.len());
    let mut left = hours.into_iter();
    let mut fetches = JoinSet::new();
    let fetch = |hour| {
        let (lake, cluster) = (lake.clone(), cluster.clone());
        async move { fetch_hour(&lake, &cluster, hour).await }
    };
    left.by_ref().take(FETCHES).for_each(|hour| {
        fetches.spawn(fetch(hour));
    });
    let mut failed: Option<(Hour, LakeError)> = None;
    while let Some(fetched) = fetches.join_next().await {
        match fetched? {
            Ok(objects) => day.push(objects),
            // Of several that fail, the oldest is named, whichever came back first.
            Err((hour, error)) => {
                if failed.as_ref().is_none_or(|(oldest, _)| hour < *oldest) {
                    failed = Some((hour, error));
                }
            }
        }
        if let Some(hour) = left.next().filter(|_| failed.is_none()) {
            fetches.spawn(fetch(hour));
        }
    }
    if let Some((_, error)) = failed {
        return Err(error.into());
    }
    day.sort_by_key(|objects| objects.hour);
    Ok(day)
}

async fn fetch_hour(lake: &Lake, cluster: &ClusterId, hour: Hour) -> Result<HourObjects, (Hour, LakeError)> {
    let at = |error| (hour, error);
    let read: ReadHour = lake.manifest(cluster, hour).await.map_err(at)?;
    Ok(HourObjects {
        hour,
        containers: lake.table_bytes::<ContainerHour>(&read).await.map_err(at)?,
        pods: lake.table_bytes::<PodHour>(&read).await.map_err(at)?,
        nodes: lake.table_bytes::<NodeHour>(&read).await.map_err(at)?,
        volumes: lake.table_bytes::<VolumeHour>(&read).await.map_err(at)?,
        manifest: read.manifest,
    })
}

/// Container rows after which a frame is full: enough that a pipeline's fixed cost does not show, few enough that
/// frames stay small in a large cluster.
const ROWS_PER_FRAME: u64 = 50_000;

/// A thread that decodes one day after the other.
///
/// It is always the same thread, because memory freed by one thread is not readily used by another: with a task for
/// each day, the peak grew with the number of days (measured at 10,000 containers, 30 days: 390 MB, now 160).
pub(crate) struct Decoder {
    jobs: std::sync::mpsc::Sender<Job>,
    worker: JoinHandle<()>,
}

/// A day, and where its facts go.
type Job = (Vec<HourObjects>, oneshot::Sender<Result<Vec<HourFacts>, AnalyzeError>>);

impl Decoder {
    /// Starts the thread; it ends when the decoder is dropped.
    pub(crate) fn start() -> Self {
        let (jobs, queue) = std::sync::mpsc::channel::<Job>();
        let worker = tokio::task::spawn_blocking(move || {
            for (day, reply) in queue {
                // Nobody waits for the reply any more when the analysis was dropped.
                let _ = reply.send(decode_day(day));
            }
        });
        Self { jobs, worker }
    }

    /// Decodes the objects of a day and sums them by hour.
    pub(crate) async fn decode(&mut self, day: Vec<HourObjects>) -> Result<Vec<HourFacts>, AnalyzeError> {
        let (reply, facts) = oneshot::channel();
        if self.jobs.send((day, reply)).is_ok()
            && let Ok(facts) = facts.await
        {
            return facts;
        }
        // The thread ended without an answer, so it panicked.
        match (&mut self.worker).await {
            Err(died) => Err(died.into()),
            Ok(()) => Ok(Vec::new()),
        }
    }
}

/// Decodes the objects of a day and sums them by hour.
fn decode_day(day: Vec<HourObjects>) -> Result<Vec<HourFacts>, AnalyzeError> {
    let mut facts = Vec::with_capacity(day.len());
    let (mut hours, mut rows) = (Vec::new(), 0);
    for objects in day {
        rows += objects.manifest.object(ContainerHour::NAME).map_or(0, |object| object.rows);
        hours.push(objects);
        if rows >= ROWS_PER_FRAME {
            facts.extend(decode_hours(std::mem::take(&mut hours))?);
            rows = 0;
        }
    }
    if !hours.is_empty() {
        facts.extend(decode_hours(hours)?);
    }
    Ok(facts)
}

/// Decodes some hours and runs the pipelines over all of them at once.
fn decode_hours(objects: Vec<HourObjects>) -> Result<Vec<HourFacts>, AnalyzeError> {
    let date = objects.first().map(|objects| objects.hour.date()).unwrap_or_default();
    let mut frames = Frames::default();
    let mut nodes_by_hour = ByHour::new();
    let mut facts = Vec::with_capacity(objects.len());
    for objects in objects {
        let (hour, nodes) = decode_hour(objects, &mut frames)?;
        nodes_by_hour.insert(hour.hour.start_seconds(), nodes);
        facts.push(hour);
    }
    let pipeline = |source| AnalyzeError::Pipeline { date: date.clone(), source };
    let mut workloads = usage::workloads(&frames).map_err(pipeline)?;
    let mut fargate = usage::fargate_pods(&frames, &nodes_by_hour).map_err(pipeline)?;
    for hour in &mut facts {
        let start = hour.hour.start_seconds();
        hour.nodes = nodes_by_hour.remove(&start).unwrap_or_default();
        hour.workloads = workloads.remove(&start).unwrap_or_default();
        hour.fargate = fargate.remove(&start).unwrap_or_default();
    }
    Ok(facts)
}

/// Reads one hour: rows and slots into facts, scalars onto the frames of the day.
fn decode_hour(
    objects: HourObjects,
    frames: &mut Frames,
) -> Result<(HourFacts, Vec<crate::facts::NodeRow>), AnalyzeError> {
    let pod_batches = batches(&objects.pods, slots::POD_COLUMNS)?;
    let pods = slots::PodSlots::read(&pod_batches).map_err(|misfit| unreadable(&objects.pods, misfit))?;
    let mut totals = SlotTotals::default();
    let mut container_ids = Vec::new();
    for batch in batches(&objects.containers, slots::CONTAINER_COLUMNS)? {
        slots::add_containers(&batch, &pods, &mut totals, &mut container_ids)
            .map_err(|misfit| unreadable(&objects.containers, misfit))?;
    }
    let mut nodes = Vec::new();
    for batch in batches(&objects.nodes, rows::NODE_COLUMNS)? {
        nodes.extend(rows::nodes(&batch).map_err(|misfit| unreadable(&objects.nodes, misfit))?);
    }
    let mut volumes = Vec::new();
    for batch in batches(&objects.volumes, rows::VOLUME_COLUMNS)? {
        volumes.extend(rows::volumes(&batch).map_err(|misfit| unreadable(&objects.volumes, misfit))?);
    }
    let failed = |object: &Object, source: PolarsError| unreadable(object, source);
    let scalars = |object: &Object, columns: &[Column]| match object {
        Some((_, bytes)) => usage::read(bytes.clone(), columns).map_err(|source| failed(object, source)),
        None => Ok(usage::empty(columns)),
    };
    let pod_frame = scalars(&objects.pods, usage::POD_COLUMNS)?;
    let pod_frame =
        usage::with_alive_seconds(pod_frame, pods.alive_seconds).map_err(|source| failed(&objects.pods, source))?;
    frames.pods.vstack_mut(&pod_frame).map_err(|source| failed(&objects.pods, source))?;
    let container_frame = scalars(&objects.containers, usage::CONTAINER_COLUMNS)?;
    frames.containers.vstack_mut(&container_frame).map_err(|source| failed(&objects.containers, source))?;
    let facts = HourFacts {
        hour: objects.hour,
        nodes: Vec::new(),
        volumes,
        fargate: Vec::new(),
        workloads: std::collections::BTreeMap::new(),
        slots: totals,
        pod_ids: pods.ids,
        container_ids,
    };
    Ok((facts, nodes))
}

fn batches(object: &Object, columns: &[Column]) -> Result<Vec<RecordBatch>, AnalyzeError> {
    match object {
        None => Ok(Vec::new()),
        Some((key, bytes)) => {
            read_batches(bytes.clone(), columns).map_err(|source| LakeError::Decode { key: key.clone(), source }.into())
        }
    }
}

fn unreadable(object: &Object, source: impl std::error::Error + Send + Sync + 'static) -> AnalyzeError {
    let key = object.as_ref().map(|(key, _)| key.clone()).unwrap_or_default();
    AnalyzeError::Unreadable { key, source: Box::new(source) }
}

#[cfg(test)]
mod tests;
