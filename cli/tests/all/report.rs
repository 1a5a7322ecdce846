//! `emp-cost report`: the files of analyses, in folders and on a shelf.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use fixtures::s3::S3Server;
use fixtures::{Cluster, services};
use lake::store::{DirStore, S3Store};
use lake::{HourOrigin, Lake, S3Options, Store};
use serde_json::Value;
use types::{ClusterId, Hour, Window};

/// 2026-07-01T00:00:00Z.
const END_SECONDS: i64 = 1_782_864_000;

fn emp_cost(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emp-cost"));
    command.args(args).env_remove("EMP_COST_LAKE").env_remove("EMP_COST_CLUSTER_ID").output().unwrap()
}

fn succeeds(args: &[&str]) -> String {
    let output = emp_cost(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// An analysis of a lake with the hours up to `END_SECONDS`, of this cluster.
fn analysis(folder: &Path, id: &str, hours: i64) -> PathBuf {
    let end = Hour::starting_at(END_SECONDS).unwrap();
    let window = Window::try_new(end.plus(-hours).start(), end.start()).unwrap();
    let (cluster, cluster_id): (_, ClusterId) = (Cluster::generate(7, window), id.parse().unwrap());
    let (place, out) = (folder.join("lake"), folder.join(format!("analysis-{id}")));
    let lake = Lake::new(Arc::new(DirStore::new(&place)));
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    for hour in window.hours() {
        let rows = cluster.hour_rows(hour);
        runtime.block_on(lake.write_hour(&cluster_id, hour, rows, HourOrigin::generator())).unwrap();
    }
    succeeds(&["analyze", "--lake", place.to_str().unwrap(), "--cluster-id", id, "--out", out.to_str().unwrap()]);
    out.join("analysis.json")
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The same analysis as if its window had ended so many days before, under another name where one is given.
fn moved(analysis: &Path, days: i64, to: &Path, cluster: Option<&str>) -> PathBuf {
    let mut value = json(analysis);
    for edge in ["start", "end"] {
        let moment: chrono::DateTime<chrono::Utc> = value["window"][edge].as_str().unwrap().parse().unwrap();
        value["window"][edge] = Value::from((moment - chrono::TimeDelta::days(days)).to_rfc3339());
    }
    if let Some(cluster) = cluster {
        value["cluster_id"] = Value::from(cluster);
    }
    fs::write(to, value.to_string()).unwrap();
    to.to_owned()
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => found.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_format_of_a_real_analysis_is_written_and_holds_together() {
    let folder = tempfile::tempdir().unwrap();
    let analysis = analysis(folder.path(), "prod-7", 3);
    let (given, out) = (analysis.to_str().unwrap(), folder.path().join("out"));
    let formats = "html,json,csv,focus,focus-csv,markdown,drafts,right-sizing";
    let said = succeeds(&["report", "--analysis", given, "--out", out.to_str().unwrap(), "--format", formats]);
    assert_eq!(said.lines().last().unwrap(), out.join("index.html").to_str().unwrap());
    for name in ["analysis.json", "csv", "focus", "summary.md"] {
        assert!(said.lines().any(|line| line == out.join(name).to_str().unwrap()), "{name} is not told of: {said}");
    }
    assert_eq!(fs::read(out.join("analysis.json")).unwrap(), fs::read(&analysis).unwrap());
    assert!(fs::read_to_string(out.join("summary.md")).unwrap().starts_with("### "));

    let value = json(&analysis);
    let schema: Value = serde_json::from_str(reports::ANALYSIS_SCHEMA).unwrap();
    let faults: Vec<String> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(&value)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert_eq!(faults, Vec::<String>::new(), "what the analyzer writes keeps to the schema");

    // Row by row, FOCUS is the analysis to the nano-dollar: its amounts are nano-dollars written as dollars.
    let nanos = |text: &str| -> i128 {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let size: i128 =
            format!("{}{:0<9}", whole.trim_start_matches('-'), decimals.get(..9.min(decimals.len())).unwrap())
                .parse()
                .unwrap();
        if text.starts_with('-') { -size } else { size }
    };
    let sum = |name: &str| -> i128 {
        let mut reader = csv::Reader::from_path(out.join("focus").join(name)).unwrap();
        let rows = reader.deserialize().map(|row| row.unwrap());
        rows.map(|row: BTreeMap<String, String>| nanos(&row["EffectiveCost"])).sum()
    };
    for scenario in value["scenarios"].as_array().unwrap() {
        let total = scenario["cost_usd"]["total"].as_f64().unwrap().to_string();
        assert_eq!(sum(&format!("{}.csv", scenario["id"].as_str().unwrap())), nanos(&total), "{}", scenario["id"]);
        let parquet = out.join("focus").join(format!("{}.parquet", scenario["id"].as_str().unwrap()));
        assert!(fs::read(parquet).unwrap().starts_with(b"PAR1"));
    }
    let total: i128 = value["allocation"]["total_nano_usd"].as_str().unwrap().parse().unwrap();
    assert_eq!(sum("ec2-today-by-workload.csv"), total);

    let drafts = files(&out).iter().filter(|file| file.starts_with("drafts/")).count();
    assert_eq!(drafts > 0, !value["plan"].is_null(), "drafts are of a plan");
    let rows = |name: &str| csv::Reader::from_path(out.join("csv").join(name)).unwrap().into_records().count();
    assert_eq!(rows("workloads.csv"), value["allocation"]["by_workload"].as_array().unwrap().len());
    assert_eq!(rows("hours.csv"), 3);
    assert_eq!(rows("scenarios.csv"), value["scenarios"].as_array().unwrap().len());
}

#[test]
fn an_earlier_analysis_that_is_not_earlier_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let now = analysis(folder.path(), "prod-7", 1);
    let later = moved(&now, -7, &folder.path().join("later.json"), None);
    let out = folder.path().join("out");
    let args = ["report", "--analysis", now.to_str().unwrap(), "--earlier", later.to_str().unwrap(), "--out"];
    let output = emp_cost(&[&args[..], &[out.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("later.json") && said.contains("is not earlier"), "{said}");
    assert!(!out.exists());
}

#[test]
fn two_analyses_are_compared_as_files_and_as_folders() {
    let folder = tempfile::tempdir().unwrap();
    let now = analysis(folder.path(), "prod-7", 2);
    let before = moved(&now, 30, &folder.path().join("may.json"), None);
    let in_folder = now.parent().unwrap();
    let said = succeeds(&["compare", before.to_str().unwrap(), in_folder.to_str().unwrap()]);
    assert!(said.starts_with("### What changed in `prod-7`") && said.contains("The bill is the same."), "{said}");
    let out = folder.path().join("compared");
    let said = succeeds(&["compare", before.to_str().unwrap(), now.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert_eq!(said.lines().last().unwrap(), out.join("compare.html").to_str().unwrap());
    assert_eq!(files(&out), ["compare.html", "compare.md"]);
    let other = moved(&now, 0, &folder.path().join("other.json"), Some("prod-8"));
    let output = emp_cost(&["compare", now.to_str().unwrap(), other.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let rate =
        emp_cost(&["compare", before.to_str().unwrap(), now.to_str().unwrap(), "--currency", "EUR", "--rate", "-1"]);
    assert_eq!(rate.status.code(), Some(2));
    let said = String::from_utf8_lossy(&rate.stderr);
    assert!(said.contains("rate -1 for `EUR` is not a positive number"), "{said}");
}

#[test]
fn the_page_and_the_analysis_are_written_unless_something_else_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let analysis = analysis(folder.path(), "prod-7", 1);
    let given = ["report", "--analysis", analysis.to_str().unwrap(), "--out"];
    let at = |name: &str| folder.path().join(name);
    succeeds(&[&given[..], &[at("plain").to_str().unwrap()]].concat());
    assert_eq!(files(&at("plain")), ["analysis.json", "index.html"]);
    let said = succeeds(&[&given[..], &[at("md").to_str().unwrap(), "--format", "markdown"]].concat());
    assert_eq!((files(&at("md")), said.trim()), (vec!["summary.md".to_owned()], at("md/summary.md").to_str().unwrap()));
    succeeds(
        &[&given[..], &[at("split").to_str().unwrap(), "--format", "focus-csv", "--focus-version", "1.3"]].concat(),
    );
    let text = fs::read_to_string(at("split").join("focus/ec2-today-by-workload.csv")).unwrap();
    assert!(text.starts_with("AllocatedMethodDetails,AllocatedMethodId,") && text.contains(",cluster/prod-7,"));
    let account = ["--format", "focus-csv", "--billing-account-id", "123456789012"];
    succeeds(&[&given[..], &[at("account").to_str().unwrap()], &account].concat());
    let text = fs::read_to_string(at("account").join("focus/ec2-today.csv")).unwrap();
    assert!(text.contains(",123456789012,") && !text.contains("AllocatedMethodId"));
}

#[test]
fn amounts_are_shown_in_another_currency_and_files_stay_in_usd() {
    let folder = tempfile::tempdir().unwrap();
    let analysis = analysis(folder.path(), "prod-7", 1);
    let out = folder.path().join("out");
    let given = ["report", "--analysis", analysis.to_str().unwrap(), "--out", out.to_str().unwrap()];
    succeeds(&[&given[..], &["--currency", "EUR", "--rate", "0.92", "--format", "html,csv,markdown"]].concat());
    let page = fs::read_to_string(out.join("index.html")).unwrap();
    assert!(page.contains('€') && page.contains("0.92 EUR for 1 USD"), "the rate is named");
    assert!(fs::read_to_string(out.join("summary.md")).unwrap().contains('€'));
    assert!(!fs::read_to_string(out.join("csv/scenarios.csv")).unwrap().contains('€'));
    for (more, words) in [
        (&["--currency", "EUR"][..], "--rate"),
        (&["--rate", "0.92"], "--currency"),
        (&["--currency", "euro", "--rate", "0.92"], "EUR"),
        (&["--currency", "EUR", "--rate", "0"], "rate 0 for `EUR`"),
        (&["--format", "pdf"], "markdown"),
        (&["--focus-version", "1.1"], "1.2 or 1.3"),
    ] {
        let output = emp_cost(&[&given[..], more].concat());
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(words), "{more:?}: {output:?}");
    }
}

#[test]
fn earlier_analyses_draw_a_trend_and_those_of_other_clusters_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let analysis = analysis(folder.path(), "prod-7", 1);
    let out = folder.path().join("out");
    let earlier = moved(&analysis, 30, &folder.path().join("may.json"), None);
    let other = moved(&analysis, 30, &folder.path().join("other.json"), Some("prod-8"));
    let given = ["report", "--analysis", analysis.to_str().unwrap(), "--out", out.to_str().unwrap()];
    succeeds(&[&given[..], &["--earlier", earlier.to_str().unwrap()]].concat());
    let page = fs::read_to_string(out.join("index.html")).unwrap();
    assert!(page.contains("id=\"trend\"") && page.contains("31 May 2026"), "the window before is in the table");
    let output = emp_cost(&[&given[..], &["--earlier", other.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`prod-8`, of which no analysis is given"), "{output:?}");
    let output = emp_cost(&[&given[..], &["--analysis", earlier.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("give the earlier one with --earlier"), "{output:?}");
}

#[test]
fn several_clusters_get_a_folder_each_and_a_page_together() {
    let folder = tempfile::tempdir().unwrap();
    let one = analysis(folder.path(), "prod-7", 1);
    let two = moved(&one, 0, &folder.path().join("two.json"), Some("prod-8"));
    let out = folder.path().join("out");
    let given = ["report", "--analysis", one.to_str().unwrap(), "--analysis", two.to_str().unwrap()];
    let said = succeeds(&[&given[..], &["--out", out.to_str().unwrap()]].concat());
    assert_eq!(said.lines().last().unwrap(), out.join("fleet.html").to_str().unwrap());
    assert_eq!(
        files(&out),
        [
            "fleet.csv",
            "fleet.html",
            "prod-7/analysis.json",
            "prod-7/index.html",
            "prod-8/analysis.json",
            "prod-8/index.html"
        ]
    );
    let page = fs::read_to_string(out.join("fleet.html")).unwrap();
    for cluster in ["prod-7", "prod-8"] {
        assert!(page.contains(&format!("<a href=\"{cluster}/index.html\">")), "{cluster}");
    }
    // A name that would climb out of the folder is refused before anything is written.
    let hostile = moved(&one, 0, &folder.path().join("three.json"), Some("../prod-9"));
    let away = folder.path().join("away");
    let output =
        emp_cost(&[&given[..3], &["--analysis", hostile.to_str().unwrap(), "--out", away.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("../prod-9"), "{output:?}");
    assert!(!folder.path().join("prod-9").exists() && !away.exists());
}

fn store(server: &S3Server, bucket: &str, prefix: &str) -> S3Store {
    let client = S3Server::client(&server.endpoint(), S3Server::SECRET_KEY);
    S3Store::with_config(&client, bucket, prefix, S3Options::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_gets_the_layout_that_a_scheduler_writes() {
    let test = "a_bucket_gets_the_layout_that_a_scheduler_writes";
    let Some(minio) = services::program(test, "minio", "s3") else { return };
    let s3 = S3Server::start(&minio).await.unwrap();
    s3.make_bucket("bucket").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_owned();
    let newest = tokio::task::spawn_blocking(move || analysis(&place, "prod-7", 1)).await.unwrap();
    let older = moved(&newest, 30, &folder.path().join("may.json"), None);
    let other = moved(&newest, 0, &folder.path().join("other.json"), Some("prod-8"));
    let report = |more: &[&Path]| {
        let given = more.iter().flat_map(|path| ["--analysis", path.to_str().unwrap()]);
        let args = ["report", "--out", "s3://bucket/lake"].into_iter().chain(given);
        let output = Command::new(env!("CARGO_BIN_EXE_emp-cost")).args(args).envs(s3.environment()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (said, _) = report(&[&newest]);
    let (folder, page) = said.trim().rsplit_once('/').unwrap();
    assert!(folder.starts_with("s3://bucket/lake/reports/cluster=prod-7/date=2026-06-30/report="), "{said}");
    assert_eq!(page, "index.html");
    let store = store(&s3, "bucket", "lake/reports");
    let object = async |key: &str| store.get(key).await.unwrap();
    let pointer = object("cluster=prod-7/latest/report.json").await;
    assert_eq!(serde_json::from_slice::<Value>(&pointer).unwrap()["date"], "2026-06-30");
    // An older window comes late: it gets its place by date, and the latest stays the latest.
    let (said, told) = report(&[&older]);
    assert!(told.contains("has a report of a later window"), "{told}");
    let key = said.trim().strip_prefix("s3://bucket/lake/reports/").unwrap();
    assert!(key.starts_with("cluster=prod-7/date=2026-05-31/report="), "{said}");
    assert!(object(key).await.starts_with(b"<!"));
    assert_eq!(object("cluster=prod-7/latest/report.json").await, pointer);
    // Made again, beside another cluster, the newest draws the trend from what lies there, and the fleet links both.
    let (said, _) = report(&[&newest, &other]);
    assert_eq!(said.lines().last().unwrap(), "s3://bucket/lake/reports/fleet.html");
    let page = object("cluster=prod-7/latest/index.html").await;
    let page = String::from_utf8_lossy(&page);
    assert!(page.contains("id=\"trend\"") && page.contains("31 May 2026"));
    let fleet = object("fleet.html").await;
    let fleet = String::from_utf8_lossy(&fleet);
    for cluster in ["prod-7", "prod-8"] {
        assert!(fleet.contains(&format!("href=\"cluster={cluster}/latest/index.html\"")), "{cluster}");
    }
}
