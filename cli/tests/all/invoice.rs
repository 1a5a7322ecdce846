//! The bill of a generated cluster against its lake, from the command line: what is learned makes the next estimate right.

#![expect(clippy::unwrap_used, clippy::as_conversions, reason = "a test stops where it fails")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use bytes::Bytes;
use fixtures::invoice::{Bill, BillFormat, BillPlan};
use fixtures::s3::S3Server;
use fixtures::{Cluster, services};
use lake::store::{DirStore, S3Store};
use lake::{HourOrigin, Lake, S3Options, Store};
use prices::{CapacityType, MachineKind, PriceBook};
use serde_json::Value;
use types::{Hour, Window};

/// 2026-07-01T00:00:00Z.
const START: i64 = 1_782_864_000;
const HOURS: i64 = 4;
const MONTH: i64 = 31 * 86_400;

/// A lake and a bill of it in a folder.
pub(crate) struct Billed {
    pub(crate) folder: tempfile::TempDir,
    truth: fixtures::invoice::BillTruth,
}

impl Billed {
    pub(crate) fn lake(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    pub(crate) fn bill(&self) -> PathBuf {
        self.folder.path().join("bill.csv")
    }
}

pub(crate) fn billed(plan: BillPlan, format: BillFormat) -> Billed {
    let folder = tempfile::tempdir().unwrap();
    let first = Hour::starting_at(START).unwrap();
    let window = Window::try_new(first.start(), first.plus(HOURS).start()).unwrap();
    let cluster = Cluster::generate(7, window);
    let lake = Lake::new(Arc::new(DirStore::new(folder.path().join("lake"))));
    let book = PriceBook::catalog().unwrap();
    let list = |name: &str| {
        let listed = book.list(&MachineKind::new(name, CapacityType::OnDemand, Cluster::REGION))?;
        Some(listed.price.usd_per_hour())
    };
    let mut bill = Bill::new(plan);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for hour in window.hours() {
        let rows = cluster.hour_rows(hour);
        bill.hour(hour, &rows, &list);
        let id = "demo".parse().unwrap();
        runtime.block_on(lake.write_hour(&id, hour, rows, HourOrigin::generator())).unwrap();
    }
    bill.month(START, START + MONTH);
    fs::write(folder.path().join("bill.csv"), bill.csv(format)).unwrap();
    Billed { folder, truth: bill.truth }
}

fn emp_cost(args: &[&str], paths: &[(&str, &Path)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emp-cost"));
    command.args(args);
    for (flag, path) in paths {
        if !flag.is_empty() {
            command.arg(flag);
        }
        command.arg(path);
    }
    command.env_remove("EMP_COST_LAKE").env_remove("EMP_COST_CLUSTER_ID").output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn line<'j>(invoice: &'j Value, name: &str) -> &'j Value {
    let mut lines = invoice["lines"].as_array().unwrap().iter();
    lines.find(|line| line["line"] == name).unwrap_or_else(|| panic!("{name} in {invoice}"))
}

#[test]
fn what_the_bill_says_makes_the_next_estimate_what_is_billed() {
    for format in [BillFormat::Cur, BillFormat::Focus12] {
        let billed = billed(BillPlan { unmatched: false, ..BillPlan::default() }, format);
        let [lake, bill] = [billed.lake(), billed.bill()];
        let out = billed.folder.path().join("out");
        let prices = billed.folder.path().join("prices.toml");
        let paths: &[(&str, &Path)] = &[("", &bill), ("--lake", &lake), ("--out", &out), ("--write-prices", &prices)];
        let output = emp_cost(&["invoice", "--cluster-id", "demo"], paths);
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("Billed for this cluster"), "{}", said(&output));
        let invoice = json(&out.join("invoice.json"));
        let compute = line(&invoice, "compute");
        let cents = |of: f64| (of * 100.0).round();
        let truth = billed.truth.billed["compute"] as f64 / 1e10;
        assert_eq!(cents(compute["billed_usd"].as_f64().unwrap()), cents(truth));
        // List prices are well above what is paid.
        assert!(compute["estimated_usd"].as_f64().unwrap() > truth * 1.05, "{compute}");
        let page = fs::read_to_string(out.join("invoice.html")).unwrap();
        assert!(page.contains("Against the invoice") && !page.contains("<script"), "{page}");
        assert!(fs::read_to_string(out.join("invoice.md")).unwrap().contains("| Instances |"));
        // The same with the prices it wrote.
        let again = billed.folder.path().join("again");
        let paths: &[(&str, &Path)] = &[("", &bill), ("--lake", &lake), ("--out", &again), ("--prices", &prices)];
        let output = emp_cost(&["invoice", "--cluster-id", "demo"], paths);
        assert!(output.status.success(), "{}", said(&output));
        let invoice = json(&again.join("invoice.json"));
        let compute = line(&invoice, "compute");
        let estimated = compute["estimated_usd"].as_f64().unwrap();
        assert!((estimated / truth - 1.0).abs() < 0.02, "{estimated} and {truth}: {format:?}");
        assert_eq!(cents(line(&invoice, "control_plane")["estimated_usd"].as_f64().unwrap()), cents(0.093 * 4.0));
        // And in an analysis, whose prices say where they come from.
        let report = billed.folder.path().join("report");
        let paths: &[(&str, &Path)] =
            &[("--invoice", &bill), ("--lake", &lake), ("--out", &report), ("--prices", &prices)];
        let output = emp_cost(&["analyze", "--bill-only", "--cluster-id", "demo"], paths);
        assert!(output.status.success(), "{}", said(&output));
        let analysis = json(&report.join("analysis.json"));
        assert_eq!(analysis["invoice"]["lines"], invoice["lines"]);
        let nodes = analysis["scenarios"][0]["machine_hours"].as_array().unwrap();
        let measured = nodes.iter().filter(|node| node["price"]["source"] == "measured from the invoice").count();
        assert!(measured >= 3, "{nodes:?}");
        assert!(analysis["notes"].to_string().contains("Against the invoice, over 4 hours"), "{}", analysis["notes"]);
    }
}

#[test]
fn a_bill_that_cannot_be_read_leaves_the_report_and_fails_the_run() {
    let billed = billed(BillPlan::default(), BillFormat::Cur2);
    let lake = billed.lake();
    let run = |invoice: &Path| {
        let paths: &[(&str, &Path)] = &[("--lake", &lake), ("--invoice", invoice)];
        emp_cost(&["run", "--bill-only", "--window", "all"], paths)
    };
    let output = run(&billed.bill());
    assert!(output.status.success(), "{}", said(&output));
    let page = lake.join("reports/cluster=demo/latest/index.html");
    assert!(fs::read_to_string(&page).unwrap().contains("id=\"invoice\""));
    let broken = billed.folder.path().join("broken.csv");
    fs::write(&broken, "a,b\n1,2\n").unwrap();
    let output = run(&broken);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("`broken.csv` lacks the columns of a cost export"), "{}", said(&output));
    let wrong = emp_cost(&["invoice", "--cluster-id", "demo"], &[("", &broken), ("--lake", &lake)]);
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    let page = fs::read_to_string(&page).unwrap();
    assert!(page.contains("The invoice could not be compared") && !page.contains("id=\"invoice\""));
}

/// Puts objects into a bucket of a real S3 server, over HTTP.
async fn put(server: &S3Server, bucket: &str, objects: &[(&str, Vec<u8>)]) {
    let config = S3Server::client(&server.endpoint(), S3Server::SECRET_KEY);
    let store = S3Store::with_config(&config, bucket, "", S3Options::default());
    for (key, content) in objects {
        store.put_new(key, Bytes::from(content.clone())).await.unwrap();
    }
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_in_a_bucket_is_read_as_aws_delivers_it() {
    let Some(minio) = services::program("a_bill_in_a_bucket_is_read_as_aws_delivers_it", "minio", "s3") else { return };
    let server = S3Server::start(&minio).await.unwrap();
    server.make_bucket("bills").unwrap();
    let billed =
        tokio::task::spawn_blocking(|| billed(BillPlan { unmatched: false, ..BillPlan::default() }, BillFormat::Cur));
    let billed = billed.await.unwrap();
    let text = fs::read_to_string(billed.bill()).unwrap();
    let (head, rows) = text.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    let (first, second) = rows.split_at(rows.len() / 2);
    let part = |rows: &[&str]| packed(&format!("{head}\n{}\n", rows.join("\n")));
    let month = "cur/monthly/20260701-20260801";
    let keys = format!(r#"{{"assemblyId":"b","reportKeys":["{month}/b/m-00001.csv.gz","{month}/b/m-00002.csv.gz"]}}"#);
    // An earlier delivery of the month lies beside the last one, and a report of another kind beside both.
    let objects = [
        (format!("{month}/a/m-00001.csv.gz"), part(first)),
        (format!("{month}/b/m-00001.csv.gz"), part(first)),
        (format!("{month}/b/m-00002.csv.gz"), part(second)),
        (format!("{month}/m-Manifest.json"), keys.into_bytes()),
        ("cur/other/notes.txt".to_owned(), b"not a bill".to_vec()),
    ];
    let objects: Vec<(&str, Vec<u8>)> = objects.iter().map(|(key, content)| (key.as_str(), content.clone())).collect();
    put(&server, "bills", &objects).await;
    let run = |export: &str, out: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emp-cost"));
        command.args(["invoice", export, "--cluster-id", "demo", "--lake"]).arg(billed.lake()).arg("--out").arg(out);
        command.env_remove("EMP_COST_LAKE").env_remove("EMP_COST_CLUSTER_ID").envs(server.environment());
        command.output().unwrap()
    };
    let out = billed.folder.path().join("out");
    let output = run("s3://bills/cur/monthly", &out);
    assert!(output.status.success(), "{}", said(&output));
    let invoice = json(&out.join("invoice.json"));
    assert_eq!(invoice["export"]["files"], 2, "the last delivery alone counts");
    let truth = billed.truth.billed["compute"] as f64 / 1e10;
    assert!((line(&invoice, "compute")["billed_usd"].as_f64().unwrap() - truth).abs() < 1e-6, "{invoice}");
    // One file, and what is not there.
    let output = run("s3://bills/cur/other", &out);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("holds no CSV or Parquet file"), "{}", said(&output));
    let output = run("s3://nowhere/cur", &out);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("s3://nowhere/cur"), "{}", said(&output));
}

#[test]
fn an_export_that_is_not_there_is_told_of_before_the_lake_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let paths: &[(&str, &Path)] = &[("", &nowhere), ("--lake", folder.path())];
    let output = emp_cost(&["invoice", "--cluster-id", "demo"], paths);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("nowhere"), "{}", said(&output));
    // Beside an analysis and a run too.
    for command in [&["analyze", "--cluster-id", "demo", "--out", "never"][..], &["run"]] {
        let output = emp_cost(command, &[("--invoice", &nowhere), ("--lake", folder.path())]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains("nowhere"), "{}", said(&output));
    }
    let output = emp_cost(&["invoice", "gs://bucket/x", "--cluster-id", "demo"], &[("--lake", folder.path())]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("names no export"), "{}", said(&output));
}
