//! Five-minute totals of CPU and memory from the lists of a lake: `totals LAKE CLUSTER`.
//!
//! The sums that `scripts/bench/totals.py` asks of DuckDB, the way the analyzer reads lists: a day at a time, flat.
#![expect(clippy::print_stdout, clippy::indexing_slicing, reason = "a tool that prints")]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use arrow::array::{Array, AsArray, ListArray};
use arrow::datatypes::{Int32Type, Int64Type};
use bytes::Bytes;
use lake::tables::{ContainerHour, container_hour};
use lake::{Lake, LakeUri, batches};
use tokio::task::JoinSet;
use types::{ClusterId, SLOTS_PER_HOUR};

type Failure = Box<dyn Error + Send + Sync>;
type Totals = BTreeMap<i64, [[i64; SLOTS_PER_HOUR]; 2]>;

fn main() -> Result<(), Failure> {
    let threads = std::thread::available_parallelism()?.get();
    // As many threads as there are cores: what one frees, another hardly ever gets to use.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().worker_threads(1).max_blocking_threads(threads).build()?.block_on(run(threads))
}

async fn run(threads: usize) -> Result<(), Failure> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [uri, cluster] = args.as_slice() else { return Err("LAKE CLUSTER".into()) };
    let lake = Lake::new(uri.parse::<LakeUri>()?.open().await);
    let cluster: ClusterId = cluster.parse()?;
    let begun = Instant::now();
    let mut parts = Vec::new();
    for day in lake.days(&cluster).await? {
        parts.extend(lake.parts(&cluster, day, None).await?);
    }
    let (mut totals, mut rows, mut buffers) = (Totals::new(), 0, 0);
    let (mut left, mut reading) = (parts.into_iter(), JoinSet::new());
    loop {
        // One part a thread, as many as there are cores.
        while reading.len() < threads
            && let Some(part) = left.next()
        {
            let lake = lake.clone();
            reading.spawn(async move {
                let Some((_, bytes)) = lake.part_bytes::<ContainerHour>(&part).await? else {
                    return Ok((Totals::new(), 0, 0));
                };
                let size = bytes.len();
                let (totals, rows) = tokio::task::spawn_blocking(move || read(bytes)).await??;
                Ok::<_, Failure>((totals, rows, size))
            });
        }
        let Some(read) = reading.join_next().await else { break };
        let (of_part, rows_of_part, size) = read??;
        rows += rows_of_part;
        buffers = size.max(buffers);
        for (hour, slots) in of_part {
            let sums = totals.entry(hour).or_default();
            for (sum, slot) in sums.iter_mut().flatten().zip(slots.iter().flatten()) {
                *sum += slot;
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

/// The totals of one object, and its rows.
fn read(bytes: Bytes) -> Result<(Totals, usize), Failure> {
    let columns = [
        container_hour::hour_start_seconds,
        container_hour::cpu_mean_millicores_by_slot,
        container_hour::memory_mean_mib_by_slot,
    ];
    let (mut totals, mut rows) = (Totals::new(), 0);
    for batch in batches(bytes, &columns, 8 * 1024)? {
        let batch = batch?;
        rows += batch.num_rows();
        let hours = batch.column(0).as_primitive::<Int64Type>();
        for (which, column) in [1, 2].into_iter().enumerate() {
            add(hours.values(), batch.column(column).as_list::<i32>(), which, &mut totals)?;
        }
    }
    Ok((totals, rows))
}

/// A null counts as nothing: its place in the values is masked, because a branch for each would cost more.
fn add(hours: &[i64], lists: &ListArray, which: usize, totals: &mut Totals) -> Result<(), Failure> {
    let numbers = lists.values().as_primitive::<Int32Type>();
    let (values, nulls) = (numbers.values(), numbers.nulls().filter(|nulls| nulls.null_count() > 0));
    let Some((first, last)) = hours.iter().min().zip(hours.iter().max()) else { return Ok(()) };
    let mut sums = vec![[0; SLOTS_PER_HOUR]; usize::try_from((last - first) / 3600)? + 1];
    for (row, (hour, range)) in hours.iter().zip(lists.value_offsets().windows(2)).enumerate() {
        let (from, to) = (usize::try_from(range[0])?, usize::try_from(range[1])?);
        if lists.is_null(row) || to - from != SLOTS_PER_HOUR {
            continue;
        }
        let sums: &mut [i64; SLOTS_PER_HOUR] = &mut sums[usize::try_from((hour - first) / 3600)?];
        let slots: &[i32; SLOTS_PER_HOUR] = values[from..to].try_into()?;
        match nulls {
            None => sums.iter_mut().zip(slots).for_each(|(sum, slot)| *sum += i64::from(*slot)),
            Some(nulls) => {
                let valid = |k: usize| i64::from(nulls.is_valid(from + k));
                sums.iter_mut().zip(slots).enumerate().for_each(|(k, (sum, slot))| *sum += i64::from(*slot) * valid(k));
            }
        }
    }
    for (n, sums) in sums.into_iter().enumerate().filter(|(_, sums)| sums.iter().any(|sum| *sum != 0)) {
        let slots = &mut totals.entry(first + 3600 * i64::try_from(n)?).or_default()[which];
        slots.iter_mut().zip(sums).for_each(|(slot, sum)| *slot += sum);
    }
    Ok(())
}
