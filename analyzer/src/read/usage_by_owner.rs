//! The scalar part of reading hours, as lazy pipelines over their frames.
//!
//! Sums are of integers, exact in any order. A frame holds some hours of one day; what a pipeline gives is
//! turned into structs here, and merged by the caller.

use std::collections::BTreeMap;
use std::io::Cursor;

use bytes::Bytes;
use lake::tables::{container_hour, pod_hour};
use lake::{Column, Kind};
use polars::prelude::{
    BooleanChunked, DataFrame, DataType, Expr, Int64Chunked, IntoColumn, IntoLazy, IntoSeries, LazyFrame, NamedFrom,
    PolarsError, PolarsResult, Series, col, lit,
};
use polars_io::SerReader;
use polars_io::parquet::read::ParquetReader;

use crate::sums::plausibility_bounds;
use crate::sums::workload_usage::WorkloadHour;

/// Number of the owner in the ledger, made by [`crate::read::slot_totals`].
const OWNER: &str = "owner";
/// Seconds of the hour a pod was alive: the sum of its list, made by [`crate::read::slot_totals`].
const ALIVE_SECONDS: &str = "alive_seconds";
const ALIVE_WITHOUT_REQUESTS: &str = "alive_seconds_without_requests";
/// Seconds in which a pod was alive that asks for resources as a whole, which no metric shows.
const ALIVE_POD_LEVEL: &str = "alive_seconds_pod_level";
const CPU_REQUEST: &str = "cpu_request_millicore_seconds";
const MEMORY_REQUEST: [&str; 2] = ["memory_request_high", "memory_request_low"];
const CPU_LIMIT: &str = "cpu_limit_millicore_seconds";
const MEMORY_LIMIT: [&str; 2] = ["memory_limit_high", "memory_limit_low"];
const MEMORY_USED: [&str; 2] = ["memory_used_high", "memory_used_low"];
const WITHOUT_USAGE: &str = "container_seconds_without_usage";

/// The columns of `pod_hour` the pipelines read.
pub(crate) const POD_COLUMNS: &[Column] = &[
    pod_hour::hour_start_seconds,
    pod_hour::cpu_effective_request_millicores,
    pod_hour::memory_effective_request_bytes,
    pod_hour::pod_level_requests,
];

/// The columns of `container_hour` the pipelines read.
pub(crate) const CONTAINER_COLUMNS: &[Column] = &[
    container_hour::hour_start_seconds,
    container_hour::container_kind,
    container_hour::cpu_limit_millicores,
    container_hour::memory_limit_bytes,
    container_hour::cpu_core_milliseconds,
    container_hour::memory_kib_seconds,
];

/// The frames of some hours of a day.
#[derive(Default)]
pub(crate) struct Frames {
    pub(crate) pods: DataFrame,
    pub(crate) containers: DataFrame,
}

/// Workloads by hour, in seconds since the epoch.
pub(crate) type ByHour<T> = BTreeMap<i64, T>;

/// The polars type of a scalar column.
fn dtype(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::String,
        Kind::Bool => DataType::Boolean,
        Kind::Int32 => DataType::Int32,
        Kind::Int64 => DataType::Int64,
        Kind::Int32BySlot => DataType::List(Box::new(DataType::Int32)),
        Kind::TextList => DataType::List(Box::new(DataType::String)),
    }
}

/// Reads scalar columns of a Parquet file; a nullable column the file lacks is null.
pub(crate) fn read(file: Bytes, columns: &[Column]) -> PolarsResult<DataFrame> {
    let mut reader = ParquetReader::new(Cursor::new(file));
    let schema = reader.schema()?;
    let there = |column: &&Column| schema.contains(column.name) || !column.nullable;
    let names = columns.iter().filter(there).map(|column| column.name.to_owned()).collect();
    let mut frame = reader.with_columns(Some(names)).finish()?;
    for column in columns.iter().filter(|column| !there(column)) {
        let nulls = Series::full_null(column.name.into(), frame.height(), &dtype(column.kind));
        frame.with_column(nulls.into_column())?;
    }
    for column in columns {
        let found = frame.column(column.name)?;
        let fits = *found.dtype() == dtype(column.kind) && (column.nullable || found.null_count() == 0);
        if !fits {
            return Err(PolarsError::SchemaMismatch(
                format!("column `{}` is not as its table says", column.name).into(),
            ));
        }
    }
    let mut frame = frame.select(columns.iter().map(|column| column.name))?;
    plausibility_bounds::bound_frame(&mut frame, columns)?;
    Ok(frame)
}

/// A frame of these columns without rows, for an hour without the table.
pub(crate) fn empty(columns: &[Column]) -> DataFrame {
    let column = |c: &Column| Series::full_null(c.name.into(), 0, &dtype(c.kind)).into_column();
    DataFrame::new_infer_height(columns.iter().map(column).collect()).unwrap_or_default()
}

/// Adds whose each row is and for how many seconds its pod was alive, in the order of the rows: what [`crate::read::slot_totals`]
/// found in the same file. So nothing is joined, and no name becomes a column.
pub(crate) fn with_owners(mut frame: DataFrame, owners: Owners) -> PolarsResult<DataFrame> {
    frame.with_column(Series::new(OWNER.into(), owners.numbers).into_column())?;
    frame.with_column(Series::new(ALIVE_SECONDS.into(), owners.alive_seconds).into_column())?;
    Ok(frame)
}

/// Number of the owner of each row of a file, and the seconds of its pod.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Owners {
    pub(crate) numbers: Vec<u32>,
    pub(crate) alive_seconds: Vec<i64>,
}

impl Owners {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self { numbers: Vec::with_capacity(rows), alive_seconds: Vec::with_capacity(rows) }
    }

    pub(crate) fn push(&mut self, number: u32, alive_seconds: i64) {
        self.numbers.push(number);
        self.alive_seconds.push(alive_seconds);
    }
}

/// The rows of the hours that start at `kept`; all rows for `None`.
pub(crate) fn of_hours(frame: DataFrame, kept: Option<&[i64]>) -> PolarsResult<DataFrame> {
    let Some(kept) = kept else { return Ok(frame) };
    let starts = frame.column(pod_hour::hour_start_seconds.name)?.i64()?;
    let mask: BooleanChunked = starts.iter().map(|start| start.is_some_and(|s| kept.contains(&s))).collect();
    frame.filter(&mask)
}

fn int64(column: Column) -> Expr {
    col(column.name).cast(DataType::Int64)
}

/// A flag as 1 or 0, to multiply by.
fn one_if(flag: Expr) -> Expr {
    flag.cast(DataType::Int64)
}

/// Memory quantities are added up in two halves, because the sum of a few hundred would not fit 64 bits, and polars would
/// not say so.
const LOW_BITS: u32 = 20;

/// The frame with both halves of a memory quantity, which is not negative; null where it is.
fn with_halves(frame: &mut DataFrame, quantity: Column, [high, low]: [&'static str; 2]) -> PolarsResult<()> {
    let numbers = frame.column(quantity.name)?.i64()?.clone();
    let half = |of: fn(i64) -> i64| numbers.iter().map(|number| number.map(of)).collect::<Int64Chunked>();
    let highs = half(|number| number >> LOW_BITS).into_series().with_name(high.into());
    let lows = half(|number| number & ((1 << LOW_BITS) - 1)).into_series().with_name(low.into());
    frame.with_column(highs.into_column())?;
    frame.with_column(lows.into_column())?;
    Ok(())
}

/// The sums of both halves times `times`, which is small.
fn halves(names: [&'static str; 2], times: Expr) -> [Expr; 2] {
    names.map(|name| (col(name) * times.clone()).sum())
}

/// The sum of which two halves were added up.
fn whole(high: i64, low: i64) -> i128 {
    (i128::from(high) << LOW_BITS) + i128::from(low)
}

/// Sums what each owner's pods reserve.
///
/// In: `pod_hour` with owners and halves. Out: one row per hour and owner.
fn requests_by_owner(pods: LazyFrame) -> LazyFrame {
    let alive = || col(ALIVE_SECONDS);
    let none_known = int64(pod_hour::cpu_effective_request_millicores)
        .is_null()
        .and(int64(pod_hour::memory_effective_request_bytes).is_null());
    let as_a_whole = col(pod_hour::pod_level_requests.name).fill_null(lit(false));
    let without = none_known.clone().and(as_a_whole.clone().not());
    let [high, low] = halves(MEMORY_REQUEST, alive());
    pods.group_by(owner_keys()).agg([
        alive().sum(),
        (alive() * one_if(without)).sum().alias(ALIVE_WITHOUT_REQUESTS),
        (alive() * one_if(none_known.and(as_a_whole))).sum().alias(ALIVE_POD_LEVEL),
        (int64(pod_hour::cpu_effective_request_millicores) * alive()).sum().alias(CPU_REQUEST),
        high,
        low,
    ])
}

/// Sums what each owner's containers use, and the limits they have while their pod is alive.
///
/// In: `container_hour` with owners and halves; a container whose pod has no row has an owner without a name, and no seconds. Out:
/// one row per hour and owner. Init containers that end count with what they use, not with their limits: they hold
/// nothing while the others run.
fn usage_by_owner(containers: LazyFrame) -> LazyFrame {
    let lasting = || one_if(col(container_hour::container_kind.name).neq(lit("init"))) * col(ALIVE_SECONDS);
    let without =
        int64(container_hour::cpu_core_milliseconds).is_null().and(int64(container_hour::memory_kib_seconds).is_null());
    let [limit_high, limit_low] = halves(MEMORY_LIMIT, lasting());
    let [used_high, used_low] = halves(MEMORY_USED, lit(1_i64));
    containers.group_by(owner_keys()).agg([
        (int64(container_hour::cpu_limit_millicores) * lasting()).sum().alias(CPU_LIMIT),
        limit_high,
        limit_low,
        col(container_hour::cpu_core_milliseconds.name).sum(),
        used_high,
        used_low,
        (one_if(without) * lasting()).sum().alias(WITHOUT_USAGE),
    ])
}

fn owner_keys() -> [Expr; 2] {
    [col(pod_hour::hour_start_seconds.name), col(OWNER)]
}

/// Reservation and use by hour and workload; `workload` gives the number of an owner's workload.
pub(crate) fn workloads(
    frames: &Frames,
    workload: impl Fn(u32) -> u32,
) -> PolarsResult<ByHour<BTreeMap<u32, WorkloadHour>>> {
    let mut hours = ByHour::<BTreeMap<u32, WorkloadHour>>::new();
    let (mut pods, mut containers) = (frames.pods.clone(), frames.containers.clone());
    with_halves(&mut pods, pod_hour::memory_effective_request_bytes, MEMORY_REQUEST)?;
    with_halves(&mut containers, container_hour::memory_limit_bytes, MEMORY_LIMIT)?;
    with_halves(&mut containers, container_hour::memory_kib_seconds, MEMORY_USED)?;
    let reserved = requests_by_owner(pods.lazy()).collect()?;
    each_owner(
        &reserved,
        [ALIVE_SECONDS, ALIVE_WITHOUT_REQUESTS, ALIVE_POD_LEVEL, CPU_REQUEST, MEMORY_REQUEST[0], MEMORY_REQUEST[1]],
        |hour, owner, [alive, without_requests, pod_level, cpu, high, low]| {
            let sums = hours.entry(hour).or_default().entry(workload(owner)).or_default();
            sums.alive_seconds += alive;
            sums.alive_seconds_without_requests += without_requests;
            sums.alive_seconds_pod_level += pod_level;
            sums.cpu_request_millicore_seconds += cpu;
            sums.memory_request_byte_seconds += whole(high, low);
        },
    )?;
    let used = usage_by_owner(containers.lazy()).collect()?;
    let cpu = container_hour::cpu_core_milliseconds.name;
    each_owner(
        &used,
        [CPU_LIMIT, MEMORY_LIMIT[0], MEMORY_LIMIT[1], cpu, MEMORY_USED[0], MEMORY_USED[1], WITHOUT_USAGE],
        |hour, owner, [cpu_limit, limit_high, limit_low, cpu, used_high, used_low, without_usage]| {
            let sums = hours.entry(hour).or_default().entry(workload(owner)).or_default();
            sums.cpu_limit_millicore_seconds += cpu_limit;
            sums.memory_limit_byte_seconds += whole(limit_high, limit_low);
            sums.cpu_core_milliseconds += cpu;
            sums.memory_kib_seconds += whole(used_high, used_low);
            sums.container_seconds_without_usage += without_usage;
        },
    )?;
    Ok(hours)
}

/// Calls `take` with the hour, the owner and the sums of each row; a sum over nothing but nulls is zero.
fn each_owner<const N: usize>(
    frame: &DataFrame,
    sums: [&str; N],
    mut take: impl FnMut(i64, u32, [i64; N]),
) -> PolarsResult<()> {
    let hours = frame.column(pod_hour::hour_start_seconds.name)?.i64()?;
    let owners = frame.column(OWNER)?.u32()?;
    let mut columns = Vec::with_capacity(N);
    for name in sums {
        columns.push(frame.column(name)?.i64()?);
    }
    for row in 0..frame.height() {
        let sum = |n: usize| columns.get(n).and_then(|column| column.get(row)).unwrap_or_default();
        take(hours.get(row).unwrap_or_default(), owners.get(row).unwrap_or_default(), std::array::from_fn(sum));
    }
    Ok(())
}
