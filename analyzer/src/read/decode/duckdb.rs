//! The sums of the ledger against DuckDB, which reads the same files: to the last integer.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use fixtures::{Cluster, services};
use lake::store::DirStore;
use lake::{HourOrigin, Lake};
use serde_json::Value;
use types::{ClusterId, Hour, Window};

use super::*;
use crate::read::lake_objects::{Days, SUMMED, coverage};
use crate::sums::cpu_and_memory::CpuMemory;
use crate::sums::node_usage_by_owner::GroupSums;
use crate::sums::window_totals::Observed;

/// Reads a lake as an analysis does.
async fn read(lake: &Lake, cluster: &ClusterId) -> (Ledger, Observed) {
    let coverage = coverage(lake, cluster, None).await.unwrap();
    let mut observed = Observed::new(&coverage.hours, std::collections::BTreeSet::new());
    let mut days = Days::new(lake, cluster, &coverage.hours, SUMMED);
    let mut decoder = Decoder::start(Ledger::default());
    while let Some(day) = days.next().await.unwrap() {
        let day = decoder.decode(day);
        decoder.facts(day).await.unwrap().iter().for_each(|facts| observed.take(facts));
    }
    let ledger = decoder.finish().await.unwrap();
    observed.end(&ledger.workloads);
    (ledger, observed)
}

fn number(value: &Value) -> i128 {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sum_of_the_ledger_is_that_of_duckdb() {
    let test = "every_sum_of_the_ledger_is_that_of_duckdb";
    if !services::wanted() {
        return services::skip(test, "COST_TEST_SERVICES is not 1");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("../target/tools/venv/bin/python");
    if !Command::new(&python).args(["-c", "import duckdb"]).output().is_ok_and(|output| output.status.success()) {
        return services::skip(test, "no Python with duckdb; `scripts/install.sh python` makes one");
    }
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::new(Arc::new(DirStore::new(folder.path())));
    let first = Hour::starting_at(1_782_853_200).unwrap();
    let window = Window::try_new(first.start(), first.plus(5).start()).unwrap();
    let (cluster, id) = (Cluster::generate(11, window), "prod-1".parse().unwrap());
    for hour in window.hours() {
        lake.write_hour(&id, hour, cluster.hour_rows(hour), HourOrigin::generator()).await.unwrap();
    }
    let output =
        Command::new(&python).arg(root.join("tests/ledger.py")).arg(folder.path()).arg("prod-1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (ledger, observed) = read(&lake, &id).await;

    let mut owners = std::collections::BTreeMap::<String, CpuMemory>::new();
    for (owner, held) in ledger.holders().into_values().flatten() {
        let (key, _) = ledger.owner_key(owner).unwrap();
        *owners.entry(format!("{}/{}/{}", key.namespace, key.kind, key.name)).or_default() += held;
    }
    let rows = theirs["owners"].as_array().unwrap();
    let theirs_by_owner = rows
        .iter()
        .map(|row| (row[0].as_str().unwrap().to_owned(), CpuMemory { cpu: number(&row[1]), memory: number(&row[2]) }));
    assert_eq!(owners, theirs_by_owner.collect());
    assert!(owners.len() > 20 && owners.values().all(|held| held.memory > 0), "there is something to compare");

    let all = ledger.group_sums.values().fold(GroupSums::default(), |mut all, sums| {
        all.up_seconds += sums.up_seconds;
        all.idle += sums.idle;
        all.kept += sums.kept;
        all.over += sums.over;
        all
    });
    assert_eq!(i128::from(all.up_seconds), number(&theirs["up"]));
    let cpu = [all.idle, all.kept, all.over].map(|both| both.cpu);
    let memory = [all.idle, all.kept, all.over].map(|both| both.memory);
    for (resource, ours) in [("cpu", cpu), ("memory", memory)] {
        assert_eq!(ours, [0, 1, 2].map(|n| number(&theirs[resource][n])), "{resource}: idle, kept, oversubscribed");
    }

    for row in theirs["namespaces"].as_array().unwrap() {
        let sums = observed.namespaces[row[0].as_str().unwrap()];
        let ours = [sums.requested.cpu, sums.requested.memory, sums.used.cpu, sums.used.memory];
        assert_eq!(ours, [1, 2, 3, 4].map(|n| number(&row[n])), "{}", row[0]);
    }
    assert_eq!(observed.namespaces.len(), theirs["namespaces"].as_array().unwrap().len());
    let peak = |slots: &[i64]| i128::from(slots.iter().copied().max().unwrap());
    assert_eq!(peak(&observed.cpu_slots), number(&theirs["peaks"][0]));
    assert_eq!(peak(&observed.memory_slots) * 1024, number(&theirs["peaks"][1]));
}
