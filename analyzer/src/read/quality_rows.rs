//! Scrapes of kube-state-metrics and what it shows, of the quality that the lake keeps of each hour.

use std::collections::BTreeSet;

use arrow::record_batch::RecordBatch;
use lake::Column;
use lake::tables::quality_hour;

use crate::read::columns::{Int64s, Misfit, Texts};
use crate::sums::unknown_slots::Scrapes;

/// Columns of the quality of hours that are read.
pub(crate) const QUALITY_COLUMNS: &[Column] = &[
    quality_hour::hour_start_seconds,
    quality_hour::query,
    quality_hour::series,
    quality_hour::scrapes_expected,
    quality_hour::scrapes_seen,
];

/// The query that tells which pods there are.
const PODS: &str = "pod_info";
/// The query for load balancers, which has series wherever Services are shown.
const LOAD_BALANCERS: &str = "load_balancers";

/// Takes the next batch of the quality of hours: scrapes, and the hours in which Services are shown.
pub(crate) fn take(
    scrapes: &mut Scrapes,
    services_show: &mut BTreeSet<i64>,
    batch: &RecordBatch,
) -> Result<(), Misfit> {
    let hour = Int64s::new(batch, quality_hour::hour_start_seconds)?;
    let query = Texts::new(batch, quality_hour::query)?;
    let series = Int64s::new(batch, quality_hour::series)?;
    let shown = (0..batch.num_rows()).filter(|row| query.some(*row) == LOAD_BALANCERS && series.some(*row) > 0);
    services_show.extend(shown.map(|row| hour.some(row)));
    let expected = Int64s::new(batch, quality_hour::scrapes_expected)?;
    let seen = Int64s::new(batch, quality_hour::scrapes_seen)?;
    for row in (0..batch.num_rows()).filter(|row| query.some(*row) == PODS) {
        if let Some((expected, seen)) = expected.get(row).zip(seen.get(row)) {
            scrapes.add(hour.some(row), expected, seen);
        }
    }
    Ok(())
}
