//! Anyone can read the lake: DuckDB, pyarrow and polars (of Python) get our sums, to the last integer.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow_of_lake::column_sums;
use fixtures::{Cluster, services};
use lake::store::DirStore;
use lake::tables::{ContainerHour, NodeHour, PodHour, QualityHour, VolumeHour};
use lake::{HourOrigin, Lake, Table};
use types::{ClusterId, Hour, Window};

/// Sums by table and column.
type Sums = BTreeMap<String, BTreeMap<String, Vec<i64>>>;

/// Sums of the integer columns of record batches.
mod arrow_of_lake {
    use arrow::array::{Array, ArrayRef, AsArray};
    use arrow::datatypes::{Int32Type, Int64Type};
    use lake::{Column, Kind};

    /// `[sum, nulls]`, or for lists `[sum of elements, null elements, null lists]`; `None` for other columns.
    pub(crate) fn column_sums(column: &Column, array: &ArrayRef) -> Option<Vec<i64>> {
        let count = |n: usize| i64::try_from(n).unwrap();
        match column.kind {
            Kind::Int32 => {
                let values = array.as_primitive::<Int32Type>();
                Some(vec![values.iter().flatten().map(i64::from).sum(), count(values.null_count())])
            }
            Kind::Int64 => {
                let values = array.as_primitive::<Int64Type>();
                Some(vec![values.iter().flatten().sum(), count(values.null_count())])
            }
            Kind::Int32BySlot => {
                let lists = array.as_list::<i32>();
                let elements =
                    lists.iter().flatten().flat_map(|list| list.as_primitive::<Int32Type>().iter().collect::<Vec<_>>());
                let elements: Vec<_> = elements.collect();
                let nulls = elements.iter().filter(|element| element.is_none()).count();
                let sum = elements.iter().flatten().copied().map(i64::from).sum();
                Some(vec![sum, count(nulls), count(lists.null_count())])
            }
            Kind::Text | Kind::Bool | Kind::TextList => None,
        }
    }
}

async fn add_table<T: Table>(lake: &Lake, cluster: &ClusterId, hour: Hour, sums: &mut Sums) {
    let read = lake.manifest(cluster, hour).await.unwrap();
    let (_, bytes) = lake.table_bytes::<T>(&read).await.unwrap().unwrap();
    let of_table = sums.entry(T::NAME.to_owned()).or_default();
    for batch in lake::read_batches(bytes, T::COLUMNS).unwrap() {
        for column in T::COLUMNS {
            let Some(more) = column_sums(column, batch.column_by_name(column.name).unwrap()) else { continue };
            let sum = of_table.entry(column.name.to_owned()).or_insert_with(|| vec![0; more.len()]);
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_engines_get_the_same_sums() {
    let test = "other_engines_get_the_same_sums";
    if !services::wanted() {
        return services::skip(test, "COST_TEST_SERVICES is not 1");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("../target/tools/venv/bin/python");
    let engines = "import duckdb, pyarrow, polars";
    if !Command::new(&python).args(["-c", engines]).output().is_ok_and(|output| output.status.success()) {
        return services::skip(
            test,
            "no Python with duckdb, pyarrow and polars; `scripts/install.sh python` makes one",
        );
    }
    let end = Hour::starting_at(1_782_864_000).unwrap();
    let window = Window::try_new(end.plus(-3).start(), end.start()).unwrap();
    let cluster = Cluster::generate(7, window);
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::new(Arc::new(DirStore::new(folder.path())));
    let id: ClusterId = "prod-7".parse().unwrap();
    let mut ours = Sums::new();
    for hour in window.hours() {
        let mut rows = cluster.hour_rows(hour);
        // The generator asks no server, so it has nothing to say of queries.
        for (n, query) in ["container_cpu", "pod_info"].into_iter().enumerate() {
            let (start, samples) = (hour.start_seconds(), i64::try_from(n).unwrap() + 1_000_000_007);
            let shards = (n == 0).then_some(3);
            let quality = QualityHour {
                hour_start_seconds: start,
                query: query.to_owned(),
                samples,
                shards,
                ..QualityHour::default()
            };
            rows.quality.push(quality);
        }
        lake.write_hour(&id, hour, rows, HourOrigin::generator()).await.unwrap();
        add_table::<ContainerHour>(&lake, &id, hour, &mut ours).await;
        add_table::<PodHour>(&lake, &id, hour, &mut ours).await;
        add_table::<NodeHour>(&lake, &id, hour, &mut ours).await;
        add_table::<VolumeHour>(&lake, &id, hour, &mut ours).await;
        add_table::<QualityHour>(&lake, &id, hour, &mut ours).await;
    }
    assert!(ours["container_hour"]["cpu_core_milliseconds"][0] > 0, "there is something to sum");
    assert!(ours["container_hour"]["cpu_mean_millicores_by_slot"][0] > 0, "in lists, too");

    let output = Command::new(&python)
        .arg(root.join("tests/readers.py"))
        .args([folder.path(), &root.join("README.md")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: BTreeMap<String, Sums> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(theirs.keys().collect::<Vec<_>>(), ["duckdb", "polars", "pyarrow"]);
    for (engine, sums) in theirs {
        assert_eq!(sums.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>(), "{engine}");
        for (table, sums) in sums {
            assert_eq!(sums, ours[&table], "{engine}: {table}");
        }
    }
}
