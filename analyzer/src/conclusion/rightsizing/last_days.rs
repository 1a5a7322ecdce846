//! The last days of the window once more, for what containers use and request.

use lake::Lake;
use types::{ClusterId, Hour};

use super::{CONTAINER_COLUMNS, POD_COLUMNS, Sizes};
use crate::read::decode_thread::{self, DecodePlan, Step};
use crate::read::error::AnalyzeError;
use crate::read::lake_objects::{Days, PartObjects, SIZED};

/// Reads the hours that `sizes` looks at, of those that are there.
pub(crate) async fn read_sizes(
    lake: &Lake,
    cluster: &ClusterId,
    hours: &[Hour],
    mut sizes: Sizes,
) -> Result<Sizes, AnalyzeError> {
    let from = hours.partition_point(|hour| !sizes.looks_at(*hour));
    let mut days = Days::new(lake, cluster, hours.get(from..).unwrap_or_default(), SIZED);
    while let Some(day) = days.next().await? {
        sizes = tokio::task::spawn_blocking(move || take_day(&day, sizes)).await??;
    }
    Ok(sizes)
}

fn take_day(day: &[PartObjects], mut sizes: Sizes) -> Result<Sizes, AnalyzeError> {
    let plan = DecodePlan {
        batches: &[
            Step { of: |objects| &objects.pods, columns: POD_COLUMNS },
            Step { of: |objects| &objects.containers, columns: CONTAINER_COLUMNS },
        ],
        scalars: &[],
    };
    decode_thread::read(day, &plan, |mut ahead| {
        for objects in day {
            let hours = objects.part.hours.iter().map(|read| read.hour);
            let mut part = sizes.part(hours);
            ahead.each_batch(&objects.pods, |batch| part.pods(batch))?;
            ahead.each_batch(&objects.containers, |batch| part.containers(batch))?;
        }
        Ok::<_, AnalyzeError>(())
    })?;
    Ok(sizes)
}
