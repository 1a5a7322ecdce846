//! Turns an hour's containers into an object, as often as it is asked to: `write LAKE CLUSTER`.
//!
//! Takes the first hour of the lake, and for every line it reads does what the line says, to a copy of the rows:
//! `rows` nothing, `columns` sort them and turn them into columns, `object` all there is to do up to the digest.
//! `scripts/bench/write.py` asks, in turns with pyarrow, and reads off the processor's time.
#![expect(clippy::print_stdout, reason = "a tool that prints")]

use std::error::Error;

use lake::tables::ContainerHour;
use lake::{HourEncoder, Lake, LakeUri, Table};
use types::{ClusterId, HourSource};

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
        let rows = containers.clone();
        let done = match line?.as_str() {
            "rows" => rows.len(),
            "columns" => columns(rows),
            "object" => {
                let mut encoder = HourEncoder::new(&cluster, read.hour, HourSource::Generator, "");
                encoder.add_rows(rows)?;
                let encoded = encoder.finish(String::new(), Vec::new());
                usize::try_from(encoded.manifest().objects.iter().map(|object| object.bytes).sum::<u64>())?
            }
            other => return Err(format!("no `{other}`; say `rows`, `columns` or `object`").into()),
        };
        println!("{done}");
    }
    Ok(())
}

/// Work of the encoder before it encodes.
fn columns(mut rows: Vec<ContainerHour>) -> usize {
    rows.sort_by(|a, b| a.key().cmp(&b.key()));
    let (mut waiting, mut columns) = (Vec::new(), 0);
    let mut rows = rows.into_iter().peekable();
    while let Some(row) = rows.next() {
        waiting.push(row);
        if waiting.len() == BATCH_ROWS || rows.peek().is_none() {
            columns += ContainerHour::to_columns(&waiting).len();
            waiting.clear();
        }
    }
    columns
}
