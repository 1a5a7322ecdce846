//! Turns the objects of a day into facts and sums.
//!
//! The facts of an hour are the same whichever way its rows came. While one day is summed the next waits for it and
//! the one after is fetched, so three days of compressed objects, the facts of two and the frames of a few hours, or of
//! one day object, are all that is held.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use lake::tables::{ContainerHour, PodHour, Table};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::read::decode_thread::{self, DecodePlan, DecodeThread, Step, unreadable};
use crate::read::error::AnalyzeError;
use crate::read::lake_objects::PartObjects;
use crate::read::quality_rows;
use crate::read::replay_input::{self, Choices, Names};
use crate::read::usage_by_owner::{self, ByHour, Frames};
use crate::read::{node_and_volume_rows, slot_totals};
use crate::sums::efs_file_systems::FileSystems;
use crate::sums::hour_facts::HourFacts;
use crate::sums::node_usage_by_owner::Ledger;
use crate::sums::unknown_slots;
use crate::sums::volume_billing::{VolumeRow, count_once};

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
    let pod_columns = slot_totals::pod_columns(!ledger.labels.is_empty());
    let plan = DecodePlan {
        batches: &[
            Step { of: |objects| &objects.nodes, columns: node_and_volume_rows::NODE_COLUMNS },
            Step { of: |objects| &objects.quality, columns: quality_rows::QUALITY_COLUMNS },
            Step { of: |objects| &objects.pods, columns: &pod_columns },
            Step { of: |objects| &objects.containers, columns: slot_totals::CONTAINER_COLUMNS },
            Step { of: |objects| &objects.volumes, columns: node_and_volume_rows::VOLUME_COLUMNS },
            Step { of: |objects| &objects.load_balancers, columns: node_and_volume_rows::LOAD_BALANCER_COLUMNS },
        ],
        scalars: &[
            Step { of: |objects| &objects.pods, columns: usage_by_owner::POD_COLUMNS },
            Step { of: |objects| &objects.containers, columns: usage_by_owner::CONTAINER_COLUMNS },
        ],
    };
    let mut facts = decode_thread::read(day, &plan, |mut ahead| {
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

/// Sums some parts by hour and runs the pipelines over all of them at once.
fn decode_parts(
    parts: &[PartObjects],
    ahead: &mut DecodeThread,
    ledger: &mut Ledger,
) -> Result<Vec<HourFacts>, AnalyzeError> {
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
    let mut workloads = usage_by_owner::workloads(&frames, workload).map_err(pipeline)?;
    for (start, hour) in &mut facts {
        hour.nodes = nodes_by_hour.remove(start).unwrap_or_default();
        hour.workloads = workloads.remove(start).unwrap_or_default();
    }
    Ok(facts.into_values().collect())
}

/// Takes one part: rows and slots into facts by hour, scalars onto the frames of the day.
fn decode_part(
    objects: &PartObjects,
    ahead: &mut DecodeThread,
    frames: &mut Frames,
    nodes_by_hour: &mut ByHour<Vec<crate::sums::node_billing::NodeRow>>,
    facts: &mut ByHour<HourFacts>,
    ledger: &mut Ledger,
) -> Result<(), AnalyzeError> {
    let part = &objects.part;
    for read in &part.hours {
        facts.insert(read.hour.start_seconds(), HourFacts::new(read.hour));
        nodes_by_hour.insert(read.hour.start_seconds(), Vec::new());
    }
    ahead.each_batch(&objects.nodes, |batch| {
        for (hour, node) in node_and_volume_rows::nodes(batch)? {
            if let Some(nodes) = nodes_by_hour.get_mut(&hour) {
                ledger.node(hour, &node);
                nodes.push(node);
            }
        }
        Ok(())
    })?;
    let rows = |table| part.object(table).and_then(|object| usize::try_from(object.rows).ok()).unwrap_or_default();
    let mut pods = slot_totals::PodSlots::of(rows(PodHour::NAME), rows(ContainerHour::NAME));
    let mut seen = unknown_slots::Scrapes::default();
    let mut services_show = BTreeSet::new();
    ahead.each_batch(&objects.quality, |batch| quality_rows::take(&mut seen, &mut services_show, batch))?;
    for hour in services_show.into_iter().filter(|hour| part.holds(*hour)) {
        facts.entry(hour).and_modify(|facts| facts.services_show = true);
    }
    pods.nodes(seen.lacking(), nodes_by_hour, ledger);
    ahead.each_batch(&objects.pods, |batch| pods.read(batch, ledger))?;
    for (hour, moved) in pods.moved(ledger) {
        facts.entry(hour).and_modify(|facts| facts.moved = moved);
    }
    ahead.each_batch(&objects.containers, |batch| slot_totals::add_containers(batch, &mut pods, facts, ledger))?;
    pods.end(facts, ledger);
    for (hour, spread) in pods.spread() {
        facts.entry(hour).and_modify(|facts| facts.spread = spread);
    }
    for (hour, zones) in pods.silent() {
        let unknown = unknown_slots::unknown_slots(hour, &zones, &seen);
        facts.entry(hour).and_modify(|facts| facts.unknown = unknown);
    }
    let mut billed: BTreeMap<(i64, String), i64> = BTreeMap::new();
    let mut file_systems = FileSystems::default();
    ahead.each_batch(&objects.volumes, |batch| {
        for (hour, mut volume) in node_and_volume_rows::volumes(batch)? {
            if let Some(facts) = facts.get_mut(&hour) {
                volume.place(nodes_by_hour.get(&hour).map_or(&[], Vec::as_slice));
                let Some(mut volume) = file_systems.keep(hour, volume) else { continue };
                count_once(&mut billed, hour, &mut volume);
                add_volume(hour, volume, facts, ledger);
            }
        }
        Ok(())
    })?;
    for (hour, volume) in file_systems.counted_once() {
        if let Some(facts) = facts.get_mut(&hour) {
            add_volume(hour, volume, facts, ledger);
        }
    }
    ahead.each_batch(&objects.load_balancers, |batch| {
        for (hour, mut row) in node_and_volume_rows::load_balancers(batch)? {
            if let Some(facts) = facts.get_mut(&hour).filter(|_| part.holds(hour)) {
                let unknown =
                    unknown_slots::seconds_of(unknown_slots::in_all(&facts.unknown), 0, types::window::HOUR_SECONDS);
                row.present_seconds = (row.present_seconds - unknown).max(0);
                facts.load_balancers.push(row);
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
        usage_by_owner::with_owners(ahead.scalars()?, owners)
            .and_then(|scalars| usage_by_owner::of_hours(scalars, kept))
            .and_then(|scalars| frame.vstack_mut(&scalars).map(|_| ()))
            .map_err(|source| unreadable(object, source))?;
    }
    Ok(())
}

/// Adds a volume, without the seconds of its hour of which nothing is known.
fn add_volume(hour: i64, mut volume: VolumeRow, facts: &mut HourFacts, ledger: &mut Ledger) {
    let unknown = unknown_slots::seconds_of(unknown_slots::in_all(&facts.unknown), 0, types::window::HOUR_SECONDS);
    volume.present_seconds = (volume.present_seconds - unknown).max(0);
    ledger.volume(hour, &volume);
    facts.volumes.push(volume);
}

/// The hours of a day as the replay takes them, oldest first.
pub(crate) fn read_traces(
    day: &[PartObjects],
    names: &mut Names,
    choices: &dyn Choices,
) -> Result<Vec<replay::Hour>, AnalyzeError> {
    let mut hours = Vec::new();
    each_trace(day, names, choices, |hour| hours.push(hour))?;
    Ok(hours)
}

/// Calls `take` with each of them: an hour is made of its rows once that before it is let go.
pub(crate) fn each_trace(
    day: &[PartObjects],
    names: &mut Names,
    choices: &dyn Choices,
    mut take: impl FnMut(replay::Hour),
) -> Result<(), AnalyzeError> {
    let pod_columns = replay_input::pod_columns(names, choices);
    let plan = DecodePlan {
        batches: &[
            Step { of: |objects| &objects.nodes, columns: replay_input::NODE_COLUMNS },
            Step { of: |objects| &objects.volumes, columns: replay_input::VOLUME_COLUMNS },
            Step { of: |objects| &objects.pods, columns: &pod_columns },
            Step { of: |objects| &objects.containers, columns: replay_input::CONTAINER_COLUMNS },
        ],
        scalars: &[],
    };
    let mut hours = decode_thread::read(day, &plan, |mut ahead| {
        let mut hours = Vec::new();
        for objects in day {
            let starts = objects.part.hours.iter().map(|read| read.hour.start_seconds());
            let mut rows = replay_input::Rows::of(starts);
            ahead.each_batch(&objects.nodes, |batch| rows.nodes(batch, names, choices))?;
            ahead.each_batch(&objects.volumes, |batch| rows.volumes(batch, names))?;
            ahead.each_batch(&objects.pods, |batch| rows.pods(batch, names, choices))?;
            ahead.each_batch(&objects.containers, |batch| rows.containers(batch, names))?;
            hours.extend(rows.by_hour().map(|(start, rows)| (start, rows, &objects.pods)));
        }
        Ok::<_, AnalyzeError>(hours)
    })?;
    hours.sort_by_key(|(start, ..)| *start);
    for (start, rows, object) in hours {
        take(rows.finish(start).map_err(|source| unreadable(object, source))?);
    }
    Ok(())
}

#[cfg(test)]
mod duckdb;
#[cfg(test)]
mod tests;
