//! How fast an hour's containers are encoded, from rows to bytes and digest: `write LAKE CLUSTER`.
//!
//! Takes the first hour of the lake; `scripts/bench/write.py` lets pyarrow write the same table.
#![expect(clippy::print_stdout, reason = "a tool that prints")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lake::store::MemoryStore;
use lake::tables::ContainerHour;
use lake::{HourOrigin, HourRows, Lake, LakeUri, WriteOutcome};
use types::ClusterId;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [uri, cluster] = args.as_slice() else { return Err("LAKE CLUSTER".into()) };
    let lake = Lake::new(uri.parse::<LakeUri>()?.open().await);
    let cluster: ClusterId = cluster.parse()?;
    let day = *lake.days(&cluster).await?.first().ok_or("no day")?;
    let read = lake.manifest(&cluster, day.first_hour()).await?;
    let containers: Vec<ContainerHour> = lake.rows(&read).await?;
    let count = containers.len();
    let mut best = Duration::MAX;
    for _ in 0..7 {
        let rows = HourRows { containers: containers.clone(), ..HourRows::default() };
        let empty = Lake::new(Arc::new(MemoryStore::default()));
        let begun = Instant::now();
        let written = empty.write_hour(&cluster, read.hour, rows, HourOrigin::generator()).await?;
        best = best.min(begun.elapsed());
        assert!(matches!(written, WriteOutcome::Written { .. }), "an empty lake takes the hour");
    }
    println!("{count} rows, rows to bytes and digest, best of 7: {:.1} ms", best.as_secs_f64() * 1e3);
    Ok(())
}
