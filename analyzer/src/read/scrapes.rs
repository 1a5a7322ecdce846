//! Scrapes of kube-state-metrics, of the quality that the lake keeps of each hour.

use arrow::record_batch::RecordBatch;
use lake::Column;
use lake::tables::quality_hour;

use crate::read::columns::{Int64s, Misfit, Texts};
use crate::sums::unknown::Scrapes;

/// Columns of the quality of hours that are read.
pub(crate) const QUALITY_COLUMNS: &[Column] = &[
    quality_hour::hour_start_seconds,
    quality_hour::query,
    quality_hour::scrapes_expected,
    quality_hour::scrapes_seen,
];

/// The query that tells which pods there are.
const PODS: &str = "pod_info";

/// Takes the next batch of the quality of hours.
pub(crate) fn take(scrapes: &mut Scrapes, batch: &RecordBatch) -> Result<(), Misfit> {
    let hour = Int64s::new(batch, quality_hour::hour_start_seconds)?;
    let query = Texts::new(batch, quality_hour::query)?;
    let expected = Int64s::new(batch, quality_hour::scrapes_expected)?;
    let seen = Int64s::new(batch, quality_hour::scrapes_seen)?;
    for row in (0..batch.num_rows()).filter(|row| query.some(*row) == PODS) {
        if let Some((expected, seen)) = expected.get(row).zip(seen.get(row)) {
            scrapes.add(hour.some(row), expected, seen);
        }
    }
    Ok(())
}
