//! Scrapes of kube-state-metrics and what it shows, of the quality that the lake keeps of each hour.

use std::collections::BTreeSet;

use arrow::record_batch::RecordBatch;
use lake::tables::quality_hour;

use crate::read::columns::{Misfit, columns};
use crate::sums::unknown_slots::Scrapes;

columns! {
    /// Columns of the quality of hours that are read.
    QUALITY_COLUMNS, QualityColumns of quality_hour:
    hour_start_seconds: Int64s,
    query: Texts,
    series: Int64s,
    scrapes_expected: Int64s,
    scrapes_seen: Int64s,
}

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
    let of = QualityColumns::new(batch)?;
    let shown = (0..batch.num_rows()).filter(|row| of.query.some(*row) == LOAD_BALANCERS && of.series.some(*row) > 0);
    services_show.extend(shown.map(|row| of.hour_start_seconds.some(row)));
    for row in (0..batch.num_rows()).filter(|row| of.query.some(*row) == PODS) {
        if let Some((expected, seen)) = of.scrapes_expected.get(row).zip(of.scrapes_seen.get(row)) {
            scrapes.add(of.hour_start_seconds.some(row), expected, seen);
        }
    }
    Ok(())
}
