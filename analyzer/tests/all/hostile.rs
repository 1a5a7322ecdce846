//! A lake with numbers in it that cannot be: an analysis of it neither fails nor believes them.
#![allow(clippy::as_conversions, reason = "a test")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop, helpers outside `#[test]` too")]

use std::sync::Arc;

use analyzer::{Assumptions, PriceBook, Request, Sharing, analyze};
use arrow::array::{ArrayRef, AsArray, Int32Array, Int64Array, ListArray, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, Field, Int32Type, Int64Type, Schema};
use arrow::record_batch::RecordBatch;
use fixtures::Cluster;
use lake::store::MemoryStore;
use lake::{HourOrigin, HourRows, Kind, Lake, Table};
use types::analysis::Analysis;
use types::{Hour, Window};

fn first() -> Hour {
    Hour::starting_at(1_782_907_200).unwrap()
}

const HOURS: i64 = 3;

async fn analyzed(bill_only: bool, mut change: impl FnMut(&mut HourRows)) -> Analysis {
    let window = Window::try_new(first().start(), first().plus(HOURS).start()).unwrap();
    let cluster = Cluster::generate(5, window);
    let lake = Lake::new(Arc::new(MemoryStore::default()));
    let id = Cluster::ID.parse().unwrap();
    for hour in window.hours() {
        let mut rows = cluster.hour_rows(hour);
        change(&mut rows);
        lake.write_hour(&id, hour, rows, HourOrigin::generator()).await.unwrap();
    }
    let request = Request {
        cluster: id,
        window: None,
        assumptions: Assumptions::default(),
        prices: PriceBook::catalog().unwrap(),
        sharing: Sharing::default(),
        profile: None,
        bill_only,
    };
    analyze(&lake, request, |_, _| {}).await.unwrap()
}

/// The identity of the bill, which saturated or wrapped sums would break.
fn check(analysis: &Analysis) {
    let total = &analysis.allocation.as_ref().unwrap().total;
    let nanos = |text: &str| text.parse::<i128>().unwrap();
    let parts = nanos(&total.workloads_nano_usd) + nanos(&total.overhead_nano_usd) + nanos(&total.idle_nano_usd)
        - nanos(&total.oversubscribed_nano_usd)
        + nanos(&total.residual_nano_usd);
    assert_eq!(nanos(&total.total_nano_usd), parts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mean_near_the_end_of_64_bits_costs_itself_and_is_told_of() {
    let sound = analyzed(true, |_| {}).await;
    // As a counter of unsigned bytes that fell below zero was written: 2^64 / 1024 for five minutes.
    let analysis = analyzed(true, |rows| rows.containers[0].memory_kib_seconds = Some(5_404_319_552_844_595_200)).await;
    check(&analysis);
    let used = |analysis: &Analysis| -> f64 {
        analysis.inventory.by_namespace.iter().map(|namespace| namespace.memory_used_gib_hours).sum()
    };
    assert!(used(&analysis) < used(&sound), "{} {}", used(&analysis), used(&sound));
    let told =
        |note: &&types::analysis::Note| note.text.contains("`memory_kib_seconds`") && note.text.contains("hour=");
    assert!(analysis.notes.iter().any(|note| told(&note)), "{:#?}", analysis.notes);
    assert!(!sound.notes.iter().any(|note| note.text.contains("more than any machine has")));
}

/// Numbers of columns that are replaced, about one in `one_in`.
struct Hostile {
    random: fastrand::Rng,
    one_in: usize,
}

impl Hostile {
    fn numbers<T>(&mut self, numbers: &PrimitiveArray<T>, hostile: &[T::Native]) -> PrimitiveArray<T>
    where
        T: ArrowPrimitiveType,
    {
        let one_in = self.one_in;
        let replaced = numbers.iter().map(|number| match self.random.usize(0..one_in) {
            0 => Some(hostile[self.random.usize(0..hostile.len())]),
            _ => number,
        });
        replaced.collect()
    }

    fn rows<T: Table>(&mut self, rows: &mut Vec<T>) {
        let int32s = [i32::MIN, -1, 0, 1, i32::MAX, 3601, 1 << 24];
        let int64s =
            [i64::MIN, -1, 0, 1, i64::MAX, 1 << 46, (1 << 46) + 1, 1 << 54, 1 << 62, 5_404_319_552_844_595_200];
        let columns = T::COLUMNS.iter().zip(T::to_columns(rows)).map(|(column, array)| -> ArrayRef {
            match column.kind {
                _ if column.name == "hour_start_seconds" => array,
                Kind::Int32 => Arc::new(self.numbers::<Int32Type>(array.as_primitive(), &int32s)) as Arc<Int32Array>,
                Kind::Int64 => Arc::new(self.numbers::<Int64Type>(array.as_primitive(), &int64s)) as Arc<Int64Array>,
                Kind::Int32BySlot => {
                    let (field, offsets, values, nulls) = array.as_list::<i32>().clone().into_parts();
                    let values = self.numbers::<Int32Type>(values.as_primitive(), &int32s);
                    Arc::new(ListArray::new(field, offsets, Arc::new(values), nulls))
                }
                Kind::Text | Kind::Bool | Kind::TextList => array,
            }
        });
        let columns: Vec<_> = columns.collect();
        let fields = T::COLUMNS.iter().map(|column| Field::new(column.name, column.kind.arrow_type(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let batch = RecordBatch::try_new(schema, columns).unwrap();
        *rows = (0..batch.num_rows()).map(|row| T::from_batch(&batch, row).unwrap()).collect();
    }

    fn hour(&mut self, rows: &mut HourRows) {
        self.rows(&mut rows.containers);
        self.rows(&mut rows.pods);
        self.rows(&mut rows.nodes);
        self.rows(&mut rows.volumes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_of_a_lake_makes_a_bill_fail() {
    for seed in 0..24 {
        let mut hostile = Hostile { random: fastrand::Rng::with_seed(seed), one_in: [2, 7, 50][seed as usize % 3] };
        check(&analyzed(true, |rows| hostile.hour(rows)).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_of_a_lake_makes_a_replay_fail() {
    for seed in 0..6 {
        let mut hostile = Hostile { random: fastrand::Rng::with_seed(seed), one_in: [7, 50, 500][seed as usize % 3] };
        check(&analyzed(false, |rows| hostile.hour(rows)).await);
    }
}
