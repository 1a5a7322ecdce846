//! `emp-cost run`: from a lake to reports beside it, as a scheduler asks for them.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use fixtures::Cluster;
use lake::store::DirStore;
use lake::{HourOrigin, HourRows, Lake, digest};
use types::{ClusterId, Hour, Window};

const END_SECONDS: i64 = 1_782_864_000;

fn run(lake: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_emp-cost"))
        .args(["run", "--lake", lake.to_str().unwrap(), "--window", "all"])
        .args(more)
        .env_remove("EMP_COST_LAKE")
        .env_remove("EMP_COST_CLUSTER_ID")
        .output()
        .unwrap()
}

/// A lake with three hours of each of these clusters, the end of 30 June 2026.
pub(crate) fn lake_of(folder: &Path, ids: &[&str]) {
    lake_with(folder, ids, |_| ());
}

/// The same, with rows changed before they are written.
fn lake_with(folder: &Path, ids: &[&str], change: impl Fn(&mut HourRows)) {
    let end = Hour::starting_at(END_SECONDS).unwrap();
    let window = Window::try_new(end.plus(-3).start(), end.start()).unwrap();
    let cluster = Cluster::generate(7, window);
    let lake = Lake::new(Arc::new(DirStore::new(folder)));
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    for id in ids {
        let id: ClusterId = id.parse().unwrap();
        for hour in window.hours() {
            let mut rows = cluster.hour_rows(hour);
            change(&mut rows);
            runtime.block_on(lake.write_hour(&id, hour, rows, HourOrigin::generator())).unwrap();
        }
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_window_may_reach_further_back_than_the_lake_and_the_calendar() {
    for window in ["4000w", "4294967295w", "4294967295m"] {
        let folder = tempfile::tempdir().unwrap();
        lake_of(folder.path(), &["a"]);
        let output = Command::new(env!("CARGO_BIN_EXE_emp-cost"))
            .args(["run", "--bill-only", "--lake", folder.path().to_str().unwrap(), "--window", window])
            .env_remove("EMP_COST_CLUSTER_ID")
            .output()
            .unwrap();
        assert!(output.status.success(), "{window}: {}", said(&output));
        let pointer = json(&folder.path().join("reports/cluster=a/latest/report.json"));
        assert_eq!(pointer["hours_present"], 3, "{window}");
    }
}

#[test]
fn a_report_lies_under_its_date_and_as_the_latest_and_the_pointer_names_it() {
    let folder = tempfile::tempdir().unwrap();
    lake_of(folder.path(), &["a"]);
    let output = run(folder.path(), &[]);
    assert!(output.status.success(), "{}", said(&output));
    let reports = folder.path().join("reports/cluster=a");
    let pointer = json(&reports.join("latest/report.json"));
    let dated = folder.path().join(pointer.get("folder").and_then(serde_json::Value::as_str).unwrap());
    let of_date = reports.join(format!("date={}", pointer["date"].as_str().unwrap()));
    assert_eq!(dated.parent(), Some(of_date.as_path()));
    assert_eq!(json(&of_date.join("report.json")), pointer, "the folder of the date points there too");
    assert_eq!(pointer["hours_present"], 3);
    for file in pointer.get("files").and_then(serde_json::Value::as_array).unwrap() {
        for place in [&dated, &reports.join("latest")] {
            let content = fs::read(place.join(file["name"].as_str().unwrap())).unwrap();
            assert_eq!(file["sha256"], digest(&content), "{file}");
        }
    }
    let analysis = json(&dated.join("analysis.json"));
    // The window begins with the first hour there is, and ends with the newest that may be: what is missing since shows.
    assert_eq!(analysis["window"]["start"], "2026-06-30T21:00:00Z");
    assert!(analysis["window"]["hours_expected"].as_u64().unwrap() > 3, "{}", analysis["window"]);
    let page = fs::read_to_string(dated.join("index.html")).unwrap();
    assert!(page.starts_with("<!") && page.contains("</html>"));
    assert!(page.contains("Made on ") && page.contains(" from hours until "), "the clock is the command's");
    assert!(folder.path().join("v1/manifest/cluster=a/date=2026-06-30/day.json").exists(), "the day is compacted");
    // Nothing of it disturbs the lake, and doing it again is no error.
    assert!(run(folder.path(), &[]).status.success());
    let verify = ["lake", "verify", "--lake", folder.path().to_str().unwrap()];
    let verified = Command::new(env!("CARGO_BIN_EXE_emp-cost")).args(verify).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn a_cluster_that_fails_keeps_no_other_from_its_report() {
    let folder = tempfile::tempdir().unwrap();
    lake_of(folder.path(), &["broken", "sound"]);
    let object = folder.path().join("v1/pod_hour/cluster=broken/date=2026-06-30/hour=22.parquet");
    fs::remove_file(object).unwrap();
    let output = run(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    let words = said(&output);
    assert!(words.contains("cluster `broken`") && words.contains("hour=22.parquet"), "{words}");
    assert!(words.contains("1 of 2 clusters failed"), "{words}");
    // What went wrong has one form in a run, whoever says it.
    assert!(words.lines().any(|line| line.starts_with("error: cluster `broken`")), "{words}");
    assert!(words.lines().any(|line| line.starts_with("error: 1 of 2 clusters failed")), "{words}");
    assert!(!words.contains("ERROR") && !words.contains("WARN"), "{words}");
    assert!(folder.path().join("reports/cluster=sound/latest/report.json").exists());
    assert!(!folder.path().join("reports/cluster=broken").exists());
    let output = run(folder.path(), &["--cluster-id", "sound,absent"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("cluster `absent`: it has no hour in"), "{}", said(&output));
}

#[test]
fn a_lake_of_several_clusters_gets_a_page_of_all_and_each_page_its_trend() {
    let folder = tempfile::tempdir().unwrap();
    lake_of(folder.path(), &["a", "b"]);
    let reports = folder.path().join("reports");
    assert!(run(folder.path(), &["--cluster-id", "a"]).status.success());
    assert!(!reports.join("fleet.html").exists(), "one cluster is no fleet");
    // A report of thirty days before, as an earlier run would have left it.
    let mut earlier = json(&reports.join("cluster=a/latest/analysis.json"));
    for edge in ["start", "end"] {
        let moment: chrono::DateTime<chrono::Utc> = earlier["window"][edge].as_str().unwrap().parse().unwrap();
        earlier["window"][edge] = (moment - chrono::TimeDelta::days(30)).to_rfc3339().into();
    }
    for (date, content) in [("2026-01-01", earlier.to_string()), ("2026-01-02", "{}".to_owned())] {
        let place = reports.join(format!("cluster=a/date={date}"));
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("analysis.json"), content).unwrap();
    }
    let output = run(folder.path(), &["--format", "html,json,csv,markdown"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("date=2026-01-02/analysis.json` is left out of the trend"), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("reports/fleet.html\n"));
    let page = |path: &str| fs::read_to_string(reports.join(path)).unwrap();
    assert!(page("cluster=a/latest/index.html").contains("id=\"trend\""));
    assert!(!page("cluster=b/latest/index.html").contains("id=\"trend\""));
    let fleet = page("fleet.html");
    for cluster in ["a", "b"] {
        assert!(fleet.contains(&format!("href=\"cluster={cluster}/latest/index.html\"")), "{cluster}");
    }
    assert!(fleet.contains("id=\"runs\"") && page("fleet.csv").lines().count() == 3);
    let pointer = json(&reports.join("cluster=a/latest/report.json"));
    let named = pointer
        .get("files")
        .and_then(serde_json::Value::as_array)
        .unwrap()
        .iter()
        .map(|file| file["name"].as_str().unwrap());
    let named: Vec<&str> = named.collect();
    assert!(named.contains(&"csv/workloads.csv") && named.contains(&"summary.md"), "{named:?}");
    // A cluster that fails is shown as it last was.
    fs::remove_file(folder.path().join("v1/pod_hour/cluster=b/date=2026-06-30/day.parquet")).unwrap();
    let output = run(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(page("fleet.html").contains("href=\"cluster=b/latest/index.html\""));
}

#[test]
fn reports_may_go_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, shelf) = (folder.path().join("lake"), folder.path().join("shelf"));
    lake_of(&lake, &["a"]);
    let output = run(&lake, &["--reports", shelf.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(shelf.join("reports/cluster=a/latest/index.html").exists() && !lake.join("reports").exists());
}

#[test]
fn a_report_without_prices_is_written_and_told_by_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    // Of one node nothing says what it is.
    lake_with(folder.path(), &["a"], |rows| {
        let known = rows.nodes.iter_mut().find(|node| node.instance_type.is_some());
        known.unwrap().instance_type = None;
    });
    let output = run(folder.path(), &["--max-unpriced", "100"]);
    assert!(output.status.success(), "{}", said(&output));
    fs::remove_dir_all(folder.path().join("reports")).unwrap();
    let output = run(folder.path(), &["--max-unpriced", "0"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("% of the node-hours have no price, more than 0 %"), "{}", said(&output));
    assert!(folder.path().join("reports/cluster=a/latest/report.json").exists(), "the report is there all the same");
}

#[test]
fn a_lake_without_hours_or_a_file_without_sense_is_named_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("no cluster is in"), "{}", said(&output));
    lake_of(folder.path(), &["a"]);
    let file = folder.path().join("a.toml");
    fs::write(&file, "[emp]\nmemory_overcomit = 2.0\n").unwrap();
    let output = run(folder.path(), &["--assumptions", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("emp.memory_overcommit"), "{}", said(&output));
    assert!(!folder.path().join("reports").exists());
    let end = ["run", "--lake", folder.path().to_str().unwrap(), "--window", "1h"];
    let output =
        Command::new(env!("CARGO_BIN_EXE_emp-cost")).args(end).env_remove("EMP_COST_CLUSTER_ID").output().unwrap();
    assert!(said(&output).contains("look further back with --window"), "{}", said(&output));
    assert_eq!(run(folder.path(), &["--max-unpriced", "101"]).status.code(), Some(2));
}

/// Checks that what the pointer names is there and whole, as at every moment.
fn check_pointer_fits(folder: &Path) {
    let pointer = json(&folder.join("reports/cluster=a/latest/report.json"));
    let report = folder.join(pointer.get("folder").and_then(serde_json::Value::as_str).unwrap());
    for file in pointer.get("files").and_then(serde_json::Value::as_array).unwrap() {
        let content = fs::read(report.join(file["name"].as_str().unwrap())).unwrap();
        assert_eq!(file["sha256"], digest(&content), "{file}");
    }
}

#[test]
fn a_run_that_is_killed_leaves_a_pointer_that_fits() {
    const KILLS: u32 = 24;
    let folder = tempfile::tempdir().unwrap();
    lake_of(folder.path(), &["a"]);
    let args = |format: &'static str| ["--bill-only", "--format", format];
    let begun = std::time::Instant::now();
    assert!(run(folder.path(), &args("html,json")).status.success());
    let most = begun.elapsed();
    let mut random = fastrand::Rng::with_seed(11);
    for n in 0..KILLS {
        // Another report each time, so that every pointer and folder is a new one.
        let more = args(["html,json,csv", "html,json,markdown", "html,json"][usize::try_from(n % 3).unwrap()]);
        let mut child = Command::new(env!("CARGO_BIN_EXE_emp-cost"))
            .args(["run", "--lake", folder.path().to_str().unwrap(), "--window", "all"])
            .args(more)
            .env_remove("EMP_COST_LAKE")
            .env_remove("EMP_COST_CLUSTER_ID")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Mostly late, where files are written.
        std::thread::sleep(most.mul_f64(0.5 + random.f64() / 2.0));
        let _ended_already = child.kill();
        child.wait().unwrap();
        check_pointer_fits(folder.path());
    }
    assert!(run(folder.path(), &args("html,json")).status.success());
    check_pointer_fits(folder.path());
}
