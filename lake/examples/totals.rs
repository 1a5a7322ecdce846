//! Five-minute totals of CPU and memory from the lists of a lake: `totals LAKE CLUSTER`.
//!
//! What `scripts/bench/totals.sql` asks of DuckDB, the way the analyzer reads lists: a day at a time, flat.
#![expect(clippy::print_stdout, clippy::indexing_slicing, reason = "a tool that prints")]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use arrow::array::{Array, AsArray, ListArray};
use arrow::datatypes::{Int32Type, Int64Type};
use lake::tables::{ContainerHour, container_hour};
use lake::{Lake, LakeUri, batches};
use types::{ClusterId, SLOTS_PER_HOUR};

type Totals = BTreeMap<i64, [[i64; SLOTS_PER_HOUR]; 2]>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [uri, cluster] = args.as_slice() else { return Err("LAKE CLUSTER".into()) };
    let lake = Lake::new(uri.parse::<LakeUri>()?.open().await);
    let cluster: ClusterId = cluster.parse()?;
    let begun = Instant::now();
    let (mut totals, mut rows, mut buffers) = (Totals::new(), 0, 0);
    for day in lake.days(&cluster).await? {
        for part in lake.parts(&cluster, day, None).await? {
            let Some((_, bytes)) = lake.part_bytes::<ContainerHour>(&part).await? else { continue };
            buffers = bytes.len().max(buffers);
            let columns = [
                container_hour::hour_start_seconds,
                container_hour::cpu_mean_millicores_by_slot,
                container_hour::memory_mean_mib_by_slot,
            ];
            for batch in batches(bytes, &columns, 16 * 1024)? {
                let batch = batch?;
                rows += batch.num_rows();
                let hours = batch.column(0).as_primitive::<Int64Type>();
                for (which, column) in [1, 2].into_iter().enumerate() {
                    let lists = batch.column(column).as_list::<i32>();
                    add(hours.values(), lists, which, &mut totals)?;
                }
            }
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let sum = |which: usize| totals.values().map(|slots| slots[which].iter().sum::<i64>()).sum::<i64>();
    println!("{rows} rows, {} slots, cpu {} memory {}", totals.len() * SLOTS_PER_HOUR, sum(0), sum(1));
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    println!("{seconds:.2} s, {peak}, largest object {} KiB", buffers / 1024);
    Ok(())
}

fn add(hours: &[i64], lists: &ListArray, which: usize, totals: &mut Totals) -> Result<(), Box<dyn Error>> {
    let numbers = lists.values().as_primitive::<Int32Type>();
    let (values, offsets) = (numbers.values(), lists.value_offsets());
    for (row, hour) in hours.iter().enumerate() {
        let (from, to) = (usize::try_from(offsets[row])?, usize::try_from(offsets[row + 1])?);
        if lists.is_null(row) || to - from != SLOTS_PER_HOUR {
            continue;
        }
        let slots = &mut totals.entry(*hour).or_default()[which];
        for (k, slot) in slots.iter_mut().enumerate() {
            if numbers.is_valid(from + k) {
                *slot += i64::from(values[from + k]);
            }
        }
    }
    Ok(())
}
