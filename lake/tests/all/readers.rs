//! Anyone can read the lake: DuckDB, pyarrow, polars (of Python), Iceberg's library and Spark get our sums, to the last
//! integer. Spark where there is Java and `pyspark`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use arrow_of_lake::column_sums;
use fixtures::{Cluster, services};
use lake::store::DirStore;
use lake::tables::{ContainerHour, LoadBalancerHour, NodeHour, PodHour, QualityHour, VolumeHour};
use lake::{CompactOutcome, Compaction, CorrectOutcome, Day, HourOrigin, HourRows, Lake, Table};
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

/// Adds up a table as a reader finds it: part by part, and of each part the hours that are its own.
async fn add_table<T: Table>(lake: &Lake, cluster: &ClusterId, day: Day, sums: &mut Sums) {
    let of_table = sums.entry(T::NAME.to_owned()).or_default();
    for part in lake.parts(cluster, day, None).await.unwrap() {
        let (_, bytes) = lake.part_bytes::<T>(&part).await.unwrap().unwrap();
        for batch in lake::read_batches(bytes, T::COLUMNS).unwrap() {
            let starts = batch.column_by_name("hour_start_seconds").unwrap().as_primitive::<Int64Type>();
            let own: BooleanArray = starts.iter().map(|start| Some(part.holds(start.unwrap()))).collect();
            let batch = filter_record_batch(&batch, &own).unwrap();
            for column in T::COLUMNS {
                let Some(more) = column_sums(column, batch.column_by_name(column.name).unwrap()) else { continue };
                let sum = of_table.entry(column.name.to_owned()).or_insert_with(|| vec![0; more.len()]);
                sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            }
        }
    }
}

async fn our_sums(lake: &Lake, cluster: &ClusterId, day: Day) -> Sums {
    let mut sums = Sums::new();
    add_table::<ContainerHour>(lake, cluster, day, &mut sums).await;
    add_table::<PodHour>(lake, cluster, day, &mut sums).await;
    add_table::<NodeHour>(lake, cluster, day, &mut sums).await;
    add_table::<VolumeHour>(lake, cluster, day, &mut sums).await;
    add_table::<QualityHour>(lake, cluster, day, &mut sums).await;
    add_table::<LoadBalancerHour>(lake, cluster, day, &mut sums).await;
    sums
}

/// An hour of the generator. It asks no server, so it has nothing to say of queries; something is said here.
fn hour_rows(cluster: &Cluster, hour: Hour) -> HourRows {
    let mut rows = cluster.hour_rows(hour);
    for (n, query) in ["container_cpu", "pod_info"].into_iter().enumerate() {
        rows.quality.push(QualityHour {
            hour_start_seconds: hour.start_seconds(),
            query: query.to_owned(),
            samples: i64::try_from(n).unwrap() + 1_000_000_007,
            shards: (n == 0).then_some(3),
            ..QualityHour::default()
        });
    }
    // The generator has no load balancer either.
    rows.load_balancers = vec![LoadBalancerHour {
        hour_start_seconds: hour.start_seconds(),
        address: "k8s-a-b-0a1b2c3d4e-0123456789abcdef.elb.us-east-1.amazonaws.com".to_owned(),
        object: "Service/a/b".to_owned(),
        internet_facing: Some(true),
        present_seconds: 3_300,
        ..LoadBalancerHour::default()
    }];
    rows
}

/// The same rows as of hours that went well, come about in every way there is: the first hour short, compacted and
/// only then corrected; the last hour late; the objects of the compacted hours gone; asked again in vain.
async fn write_by_detours(lake: &Lake, id: &ClusterId, cluster: &Cluster, hours: &[Hour; 3]) {
    let [first, second, last] = *hours;
    let faulty = || HourOrigin { faults: vec!["a warning".to_owned()], ..HourOrigin::generator() };
    let mut short = hour_rows(cluster, first);
    short.containers.truncate(short.containers.len() / 2);
    lake.write_hour(id, first, short.clone(), faulty()).await.unwrap();
    lake.write_hour(id, second, hour_rows(cluster, second), HourOrigin::generator()).await.unwrap();
    assert_eq!(lake.correct_hour(id, first, short, faulty()).await.unwrap(), CorrectOutcome::NotBetter);
    let day = Day::of(first);
    let compacted = lake.compact_day(id, day, Compaction::default(), day.plus(9).end()).await.unwrap();
    assert!(matches!(compacted, CompactOutcome::Compacted { hours: 2, .. }), "{compacted:?}");
    assert_eq!(lake.delete_hours(id, day).await.unwrap().len(), 12);
    let corrected = lake.correct_hour(id, first, hour_rows(cluster, first), HourOrigin::generator()).await.unwrap();
    assert!(matches!(corrected, CorrectOutcome::Corrected { revision: 1, .. }), "{corrected:?}");
    lake.write_hour(id, last, hour_rows(cluster, last), HourOrigin::generator()).await.unwrap();
}

fn check_engines(python: &Path, lake: &Path, ours: &Sums, whole_files: bool) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output =
        Command::new(python).arg(root.join("tests/readers.py")).args([lake, &root.join("README.md")]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: BTreeMap<String, Sums> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(["duckdb", "polars", "pyarrow"].iter().all(|engine| theirs.contains_key(*engine)), "{:?}", theirs.keys());
    if !theirs.contains_key("spark") {
        services::say(
            "other_engines_get_the_same_sums: not with Spark: there is no Java, or no `pyspark` beside the other engines; `scripts/install.sh spark` adds it",
        );
    }
    for (engine, sums) in theirs {
        // Of Iceberg's library, which takes whole files, only what a whole file is asked for can be the same.
        if engine == "iceberg" && !whole_files {
            continue;
        }
        assert_eq!(sums.keys().collect::<Vec<_>>(), ours.keys().collect::<Vec<_>>(), "{engine}");
        for (table, sums) in sums {
            assert_eq!(sums, ours[&table], "{engine}: {table}");
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
    let day: Day = "2026-06-30".parse().unwrap();
    let hours: [Hour; 3] = day.hours().skip(21).collect::<Vec<_>>().try_into().unwrap();
    let window = Window::try_new(hours[0].start(), hours[2].end()).unwrap();
    let cluster = Cluster::generate(7, window);
    let id: ClusterId = "prod-7".parse().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let plain = Lake::new(Arc::new(DirStore::new(folder.path())));
    for hour in hours {
        plain.write_hour(&id, hour, hour_rows(&cluster, hour), HourOrigin::generator()).await.unwrap();
    }
    let ours = our_sums(&plain, &id, day).await;
    assert!(ours["container_hour"]["cpu_core_milliseconds"][0] > 0, "there is something to sum");
    assert!(ours["container_hour"]["cpu_mean_millicores_by_slot"][0] > 0, "in lists, too");
    check_engines(&python, folder.path(), &ours, true);

    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::new(Arc::new(DirStore::new(folder.path())));
    write_by_detours(&lake, &id, &cluster, &hours).await;
    assert_eq!(our_sums(&lake, &id, day).await, ours);
    check_engines(&python, folder.path(), &ours, false);
    lake.compact_day(&id, day, Compaction::default(), day.plus(9).end()).await.unwrap();
    check_engines(&python, folder.path(), &ours, true);
    // What a compaction that was stopped left behind: whole, readable, and of other hours than the manifests say.
    for table in ["container_hour", "load_balancer_hour", "node_hour", "pod_hour", "quality_hour", "volume_hour"] {
        let files = folder.path().join(format!("v1/{table}/cluster=prod-7/date=2026-06-30"));
        std::fs::copy(files.join("day.r1.parquet"), files.join("day.r2.parquet")).unwrap();
    }
    check_engines(&python, folder.path(), &ours, true);
}
