//! Objects are decoded on one thread while another works on the batches before.
//!
//! Decoding is nearly half of what an analysis does, and what follows keeps sums that only one thread may touch. The
//! order of batches is that of the parts and of the plan, so nothing hangs on which thread is faster.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use arrow::record_batch::RecordBatch;
use lake::{Column, LakeError};
use polars::prelude::DataFrame;

use crate::read::columns::Misfit;
use crate::read::error::AnalyzeError;
use crate::read::lake_objects::{Object, PartObjects};
use crate::read::usage_by_owner;
use crate::sums::plausibility_bounds::{self, Implausible};

/// Rows of a batch.
const BATCH_ROWS: usize = 16 * 1024;
/// Batches that wait to be taken: enough that neither thread waits for the other's every step, and some megabytes.
const BATCHES_AHEAD: usize = 2;
/// Frames that wait: those of one part.
const FRAMES_AHEAD: usize = 2;

/// A table of each part, and what is read of it.
pub(crate) struct Step<'a> {
    pub(crate) of: fn(&PartObjects) -> &Object,
    pub(crate) columns: &'a [Column],
}

/// Parts to read, in this order: batches of some tables, then scalar columns of some as frames.
pub(crate) struct DecodePlan<'a> {
    pub(crate) batches: &'a [Step<'a>],
    pub(crate) scalars: &'a [Step<'a>],
}

/// Part that the decoding thread has ready.
pub(crate) struct DecodeThread {
    /// `None` ends a table of a part.
    batches: Receiver<Result<Option<Found>, AnalyzeError>>,
    frames: Receiver<Result<DataFrame, AnalyzeError>>,
    /// Numbers taken for unknown in the batches taken so far.
    pub(crate) implausible: Implausible,
}

/// A batch, and how many numbers of its columns were taken for unknown.
type Found = (RecordBatch, Vec<(&'static str, u64)>);

impl DecodeThread {
    /// Calls `take` with the rows of the plan's next table, which is `object`.
    pub(crate) fn each_batch(
        &mut self,
        object: &Object,
        mut take: impl FnMut(&RecordBatch) -> Result<(), Misfit>,
    ) -> Result<(), AnalyzeError> {
        // Without a sender the other thread has panicked, and so will this one as soon as it has joined it.
        while let Some((batch, implausible)) = self.batches.recv().unwrap_or(Ok(None))? {
            self.implausible.add(implausible, object.as_ref().map_or("", |(key, _)| key));
            take(&batch).map_err(|misfit| unreadable(object, misfit))?;
        }
        Ok(())
    }

    /// The scalars of the plan's next table; they come after the part's batches.
    pub(crate) fn scalars(&mut self) -> Result<DataFrame, AnalyzeError> {
        self.frames.recv().unwrap_or_else(|_| Ok(DataFrame::default()))
    }
}

/// Runs `work` with the parts of a day decoded as `plan` says, one after the other.
pub(crate) fn read<R>(
    parts: &[PartObjects],
    plan: &DecodePlan<'_>,
    work: impl FnOnce(DecodeThread) -> Result<R, AnalyzeError>,
) -> Result<R, AnalyzeError> {
    let (batch_sender, batches) = sync_channel(BATCHES_AHEAD);
    let (frame_sender, frames) = sync_channel(FRAMES_AHEAD);
    std::thread::scope(|threads| {
        // When `work` fails nobody takes any more, sending fails, and the thread ends.
        threads.spawn(move || {
            parts.iter().try_for_each(|part| decode(part, plan, &batch_sender, &frame_sender));
        });
        work(DecodeThread { batches, frames, implausible: Implausible::default() })
    })
}

/// Sends what a part holds; whoever takes it stops at an error. `None` when nobody takes any more.
fn decode(
    part: &PartObjects,
    plan: &DecodePlan<'_>,
    batches: &SyncSender<Result<Option<Found>, AnalyzeError>>,
    frames: &SyncSender<Result<DataFrame, AnalyzeError>>,
) -> Option<()> {
    for table in plan.batches {
        let Some((key, bytes)) = (table.of)(part) else {
            batches.send(Ok(None)).ok()?;
            continue;
        };
        let failed = |source| LakeError::Decode { key: key.clone(), source }.into();
        match lake::batches(bytes.clone(), table.columns, BATCH_ROWS) {
            Ok(decoded) => {
                for batch in decoded {
                    let batch = batch.map(|batch| Some(plausibility_bounds::bounded(batch, table.columns)));
                    batches.send(batch.map_err(failed)).ok()?;
                }
                batches.send(Ok(None)).ok()?;
            }
            Err(source) => batches.send(Err(failed(source))).ok()?,
        }
    }
    for table in plan.scalars {
        let object = (table.of)(part);
        let frame = match object {
            Some((_, bytes)) => {
                usage_by_owner::read(bytes.clone(), table.columns).map_err(|source| unreadable(object, source))
            }
            None => Ok(usage_by_owner::empty(table.columns)),
        };
        frames.send(frame).ok()?;
    }
    Some(())
}

/// An object matches its manifest and cannot be read.
pub(crate) fn unreadable(object: &Object, source: impl std::error::Error + Send + Sync + 'static) -> AnalyzeError {
    let key = object.as_ref().map(|(key, _)| key.clone()).unwrap_or_default();
    AnalyzeError::Unreadable { key, source: Box::new(source) }
}
