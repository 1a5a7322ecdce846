//! Size of a row: a change of the encoding that makes a lake larger is to be seen, not found on a bill.

use std::sync::Arc;

use fixtures::Cluster;
use lake::store::MemoryStore;
use lake::{Compaction, Day, HourOrigin, Lake, Part};
use types::Window;

/// Rows of `container_hour`, and hundredths of a byte each takes, as the parts' manifests say.
fn size(parts: &[Part]) -> (u64, u64) {
    let objects = parts.iter().filter_map(|part| part.object("container_hour"));
    let (rows, bytes) = objects.fold((0, 0), |(rows, bytes), object| (rows + object.rows, bytes + object.bytes));
    (rows, 100 * bytes / rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_takes_no_more_bytes_than_it_did_when_the_encoding_was_chosen() {
    let day: Day = "2026-06-24".parse().unwrap();
    let cluster = Cluster::generate(3, Window::try_new(day.first_hour().start(), day.end()).unwrap());
    let id = "demo".parse().unwrap();
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    for hour in day.hours() {
        lake.write_hour(&id, hour, cluster.hour_rows(hour), HourOrigin::generator()).await.unwrap();
    }
    let (rows, of_hours) = size(&lake.parts(&id, day, None).await.unwrap());
    assert!(rows > 20_000, "in small objects what is fixed would count");
    lake.compact_day(&id, day, Compaction::default(), day.end()).await.unwrap();
    let parts = lake.parts(&id, day, None).await.unwrap();
    assert_eq!(parts.len(), 1, "the day is compacted");
    let (_, of_day) = size(&parts);
    // The generator gives the same rows on every machine, and zstd the same bytes.
    assert!(of_hours <= 7290, "a row of an hour takes {of_hours} hundredths of a byte");
    assert!(of_day <= 3910, "a row of a day takes {of_day} hundredths of a byte");
}
