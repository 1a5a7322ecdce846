//! How fast an hour's containers become an object: `write LAKE CLUSTER`.
//!
//! Takes the first hour of the lake. Encodes it once for every line it reads, and answers with microseconds: of
//! everything, of that for sorting rows and turning them into columns, and for the digest. `scripts/bench/write.py` asks,
//! in turns with pyarrow.
#![expect(clippy::print_stdout, reason = "a tool that prints")]

use std::error::Error;
use std::time::{Duration, Instant};

use lake::tables::ContainerHour;
use lake::{HourEncoder, Lake, LakeUri, Source, Table, digest};
use types::{ClusterId, Hour};

/// Rows that are columns at once, as in the encoder.
const BATCH_ROWS: usize = 1024;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [uri, cluster] = args.as_slice() else { return Err("LAKE CLUSTER".into()) };
    let lake = Lake::new(uri.parse::<LakeUri>()?.open().await);
    let cluster: ClusterId = cluster.parse()?;
    let day = *lake.days(&cluster).await?.first().ok_or("no day")?;
    let read = lake.manifest(&cluster, day.first_hour()).await?;
    let containers: Vec<ContainerHour> = lake.rows(&read).await?;
    for line in std::io::stdin().lines() {
        line?;
        let (all, bytes) = whole(&cluster, read.hour, containers.clone())?;
        let columns = columns(containers.clone());
        let begun = Instant::now();
        let sha256 = digest(&vec![1; bytes]);
        let digest = begun.elapsed();
        assert_eq!(sha256.len(), 64);
        println!("{} {} {} {bytes}", all.as_micros(), columns.as_micros(), digest.as_micros());
    }
    Ok(())
}

/// From rows to an object and its digest; also how large it is.
fn whole(cluster: &ClusterId, hour: Hour, rows: Vec<ContainerHour>) -> Result<(Duration, usize), Box<dyn Error>> {
    let begun = Instant::now();
    let mut encoder = HourEncoder::new(cluster, hour, Source::Generator, "");
    encoder.add_rows(rows)?;
    let encoded = encoder.finish(String::new(), Vec::new());
    let elapsed = begun.elapsed();
    let bytes = encoded.manifest().objects.iter().map(|object| object.bytes).sum::<u64>();
    Ok((elapsed, usize::try_from(bytes)?))
}

/// What of that is for sorting the rows and turning them into columns.
fn columns(mut rows: Vec<ContainerHour>) -> Duration {
    let begun = Instant::now();
    rows.sort_by(|a, b| a.key().cmp(&b.key()));
    let mut columns = 0;
    for batch in rows.chunks(BATCH_ROWS) {
        columns += ContainerHour::to_columns(batch).len();
    }
    let elapsed = begun.elapsed();
    assert!(columns > 0, "there are rows");
    elapsed
}
