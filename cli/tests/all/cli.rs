//! The command line as a person meets it: help, exit codes, and what is said when something is wrong.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use fixtures::Cluster;
use lake::store::DirStore;
use lake::{HourOrigin, Lake};
use types::{ClusterId, Hour, Window};

const END_SECONDS: i64 = 1_782_864_000;

fn emp_cost(args: &[&str]) -> Output {
    // Nothing of the machine's own configuration may leak in.
    Command::new(env!("CARGO_BIN_EXE_emp-cost")).args(args).env_remove("EMP_COST_LAKE").output().unwrap()
}

/// Runs a command that must fail with `code`, and checks that its message has every one of `words`.
fn check_failure(args: &[&str], code: i32, words: &[&str]) {
    let output = emp_cost(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{args:?} does not say `{word}`: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

fn help(args: &[&str]) -> String {
    let output = emp_cost(&[args, &["--help"]].concat());
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_is_what_was_read_and_accepted() {
    insta::assert_snapshot!("help", help(&[]));
    insta::assert_snapshot!("help_demo", help(&["demo"]));
    insta::assert_snapshot!("help_doctor", help(&["doctor"]));
    insta::assert_snapshot!("help_collect", help(&["collect"]));
    insta::assert_snapshot!("help_analyze", help(&["analyze"]));
    insta::assert_snapshot!("help_report", help(&["report"]));
    insta::assert_snapshot!("help_compare", help(&["compare"]));
    insta::assert_snapshot!("help_invoice", help(&["invoice"]));
    insta::assert_snapshot!("help_run", help(&["run"]));
    insta::assert_snapshot!("help_serve", help(&["serve"]));
    insta::assert_snapshot!("help_work", help(&["work"]));
    insta::assert_snapshot!("help_lake", help(&["lake"]));
    insta::assert_snapshot!("help_lake_ls", help(&["lake", "ls"]));
    insta::assert_snapshot!("help_lake_verify", help(&["lake", "verify"]));
    insta::assert_snapshot!("help_lake_compact", help(&["lake", "compact"]));
    insta::assert_snapshot!("help_lake_prune", help(&["lake", "prune"]));
    insta::assert_snapshot!("help_lake_schema", help(&["lake", "schema"]));
    insta::assert_snapshot!("help_lake_sql", help(&["lake", "sql"]));
    insta::assert_snapshot!("help_prices", help(&["prices"]));
    insta::assert_snapshot!("help_prices_explain", help(&["prices", "explain"]));
    insta::assert_snapshot!("help_prices_import", help(&["prices", "import"]));
    insta::assert_snapshot!("help_prices_show", help(&["prices", "show"]));
    insta::assert_snapshot!("help_prices_update", help(&["prices", "update"]));
    insta::assert_snapshot!("help_completions", help(&["completions"]));
    insta::assert_snapshot!("help_man", help(&["man"]));
}

#[test]
fn a_command_line_that_makes_no_sense_is_exit_code_2() {
    check_failure(&["colect"], 2, &["colect", "similar"]);
    check_failure(&["collect"], 2, &["--prometheus-url"]);
    let collect = |id, lake, from| {
        ["collect", "--prometheus-url", "http://127.0.0.1:1", "--cluster-id", id, "--lake", lake, "--from", from]
    };
    check_failure(&collect("../etc", "x", "1d"), 2, &["cluster id `../etc`"]);
    check_failure(&collect("a", "gs://b/c", "1d"), 2, &["`gs://b/c` is not a lake"]);
    check_failure(&collect("a", "x", "soon"), 2, &["`soon` is not a time", "30d"]);
    check_failure(&["demo", "--hours", "0"], 2, &["--hours", "1..=48"]);
}

#[test]
fn what_is_refused_is_quoted_without_secrets() {
    for (args, words) in [
        (&["lake", "ls", "--lake", "s3://KEY:hunter2@bucket/p"][..], &["is not a lake", "(hidden)@bucket/p"][..]),
        (&["analyze", "--lake=https://host?token=hunter2", "--cluster-id", "a"], &["token=(hidden)"]),
        (&["run", "--lake", "https://u:hunter2@host?token-file=f"], &["(hidden)@host?token-file=f"]),
        (&["run", "--lake", "x", "--remote-write-url", "//u:hunter2@host"], &["--remote-write-url"]),
        (&["lake", "ls", "--lake", "x", "https://u:hunter2@host"], &["unexpected argument"]),
    ] {
        check_failure(args, 2, words);
        let output = emp_cost(args);
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(!said.contains("hunter2"), "{args:?}: {said}");
    }
}

fn collect_from(url: &str, lake: &Path, range: &[&str]) -> Vec<String> {
    let lake = lake.to_str().unwrap();
    let args = ["collect", "--prometheus-url", url, "--lake", lake, "--cluster-id", "a"];
    args.iter().chain(range).map(|word| (*word).to_owned()).collect()
}

fn check_collect_failure(url: &str, range: &[&str], words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let args = collect_from(url, &lake, range);
    check_failure(&args.iter().map(String::as_str).collect::<Vec<_>>(), 1, words);
    assert!(!lake.exists(), "nothing may be written");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    check_collect_failure(
        "http://127.0.0.1:1",
        &["--from", "3h"],
        &["could not reach", "http://127.0.0.1:1", "refused"],
    );
    let lake = ["--lake", "x", "--cluster-id", "a"];
    let collect = [&["collect", "--prometheus-url", "prometheus:9090"], &lake[..]].concat();
    check_failure(&collect, 2, &["`prometheus:9090` is not the URL"]);
}

#[test]
fn an_answer_that_is_not_prometheus_is_quoted() {
    let page = "<html><body>502 Bad Gateway</body></html>";
    let url =
        serve(Box::new(move || format!("HTTP/1.1 502 Bad Gateway\r\ncontent-length: {}\r\n\r\n{page}", page.len())));
    check_collect_failure(&url, &["--from", "3h"], &["502", "Bad Gateway"]);
    let login = "<!doctype html><title>Sign in</title>";
    let url = serve(Box::new(move || format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{login}", login.len())));
    check_collect_failure(&url, &["--from", "3h"], &["Sign in", "check the URL"]);
}

/// A server that gives every request the same answer, for as long as the test runs.
fn serve(answer: Box<dyn Fn() -> String + Send>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _read = stream.read(&mut request);
            let _written = stream.write_all(answer().as_bytes());
        }
    });
    url
}

#[test]
fn credentials_in_a_url_are_never_shown() {
    let output = emp_cost(&[
        "collect",
        "--prometheus-url",
        "http://user:s3cret@127.0.0.1:1",
        "--cluster-id",
        "a",
        "--lake",
        "x",
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("http://127.0.0.1:1") && !said.contains("s3cret"), "{said}");
}

#[test]
fn a_range_in_the_future_is_refused_before_anything_is_asked() {
    let range = ["--from", "2999-01-01", "--to", "2999-01-02"];
    check_collect_failure("http://127.0.0.1:1", &range, &["no hour from 2999-01-01", "is closed"]);
}

/// A lake with three hours of a synthetic cluster.
fn small_lake(folder: &Path) {
    let end = Hour::starting_at(END_SECONDS).unwrap();
    let window = Window::try_new(end.plus(-3).start(), end.start()).unwrap();
    let cluster = Cluster::generate(7, window);
    let lake = Lake::new(Arc::new(DirStore::new(folder)));
    let id: ClusterId = "prod-7".parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    for hour in window.hours() {
        runtime.block_on(lake.write_hour(&id, hour, cluster.hour_rows(hour), HourOrigin::generator())).unwrap();
    }
}

fn analyze<'a>(lake: &'a Path, id: &'a str, out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let args = ["analyze", "--lake", lake.to_str().unwrap(), "--cluster-id", id, "--out", out.to_str().unwrap()];
    [&args, more].concat()
}

fn lake_json(args: &[&str]) -> serde_json::Value {
    let output = emp_cost(&[&["lake"], args, &["--format", "json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_lake_is_listed_with_its_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_str().unwrap();
    let said =
        |args: &[&str]| String::from_utf8(emp_cost(&[&["lake", "ls", "--lake", lake], args].concat()).stdout).unwrap();
    check_failure(&["lake", "ls", "--lake", lake], 1, &["nothing is in", lake, "check --lake"]);
    check_failure(&["lake", "verify", "--lake", lake], 1, &["nothing is in", lake]);
    small_lake(folder.path());
    for what in ["ls", "verify"] {
        let nope = ["lake", what, "--lake", lake, "--cluster-id", "nope"];
        check_failure(&nope, 1, &["`nope` is not in", "it holds `prod-7`"]);
    }
    std::fs::remove_file(folder.path().join("v1/manifest/cluster=prod-7/date=2026-06-30/hour=22.json")).unwrap();
    let listing = lake_json(&["ls", "--lake", lake]);
    assert_eq!(listing.pointer("/0/hours").unwrap(), 2);
    assert_eq!(listing.pointer("/0/gaps/0/from").unwrap(), "2026-06-30T22:00Z");
    let text = said(&["--cluster-id", "prod-7"]);
    assert!(text.contains("prod-7: 2 hours from 2026-06-30T21:00Z to 2026-07-01T00:00Z"), "{text}");
    assert!(text.contains("missing: 1 hour from 2026-06-30T22:00Z to 2026-06-30T23:00Z"), "{text}");
    let range = ["lake", "ls", "--lake", lake, "--to", "2026-06-30"];
    check_failure(&range, 1, &["nothing is in", "in the range given"]);
}

#[test]
fn a_lake_that_was_damaged_is_exit_code_1_and_every_key_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_str().unwrap();
    small_lake(folder.path());
    let sound = lake_json(&["verify", "--lake", lake]);
    assert_eq!((sound.pointer("/manifests").unwrap(), sound.pointer("/objects").unwrap()), (&3.into(), &15.into()));
    let day = |table: &str| folder.path().join(format!("v1/{table}/cluster=prod-7/date=2026-06-30"));
    let mut bytes = std::fs::read(day("pod_hour").join("hour=21.parquet")).unwrap();
    *bytes.get_mut(100).unwrap() ^= 1;
    std::fs::write(day("pod_hour").join("hour=21.parquet"), bytes).unwrap();
    std::fs::remove_file(day("node_hour").join("hour=22.parquet")).unwrap();
    std::fs::write(day("node_hour").join(".tmp-1-0-hour=22.parquet"), "half").unwrap();
    check_failure(&["lake", "verify", "--lake", lake], 1, &["2 faults in", lake]);
    let output = emp_cost(&["lake", "verify", "--lake", lake, "--clean"]);
    let said = String::from_utf8_lossy(&output.stdout);
    for words in [
        "pod_hour/cluster=prod-7/date=2026-06-30/hour=21.parquet`: its content is not",
        "node_hour/cluster=prod-7/date=2026-06-30/hour=22.parquet`: `v1/manifest/",
        "next: restore it from a copy",
        ".tmp-1-0-hour=22.parquet`: a temporary file of a writer that died; removed",
        "2 faults, 0 unfinished, 0 abandoned, 1 leftover",
    ] {
        assert!(said.contains(words), "no `{words}` in: {said}");
    }
    assert!(!day("node_hour").join(".tmp-1-0-hour=22.parquet").exists());
}

fn said(args: &[&str]) -> String {
    let output = emp_cost(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_compacted_lake_says_what_it_said_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lake");
    let lake = path.to_str().unwrap();
    small_lake(&path);
    let seen = |name: &str| {
        let out = folder.path().join(name);
        said(&analyze(&path, "prod-7", &out, &[]));
        let verified = lake_json(&["verify", "--lake", lake]);
        assert_eq!(verified.pointer("/faults").unwrap(), &serde_json::json!([]));
        let listing = lake_json(&["ls", "--lake", lake]);
        let facts = ["/0/hours", "/0/rows", "/0/gaps"].map(|at| listing.pointer(at).unwrap().clone());
        (std::fs::read(out.join("analysis.json")).unwrap(), facts)
    };
    let before = seen("before");
    let compact = ["lake", "compact", "--lake", lake, "--cluster-id", "prod-7"];
    let told = said(&compact);
    assert!(told.starts_with("2026-06-30: compacted: 3 hours, "), "{told}");
    assert_eq!(said(&compact), "2026-06-30: up to date\n");
    assert_eq!(seen("compacted"), before);
    let told = said(&[compact.as_slice(), &["--delete-hours-after", "7d"]].concat());
    assert_eq!(told, "2026-06-30: up to date; 15 outdated objects deleted\n");
    assert!(!path.join("v1/pod_hour/cluster=prod-7/date=2026-06-30/hour=22.parquet").exists());
    assert_eq!(seen("deleted"), before);
    check_failure(&["lake", "compact", "--lake", lake, "--cluster-id", "prod"], 1, &["`prod` is not in", "lake ls"]);
    check_failure(&[compact.as_slice(), &["--delete-hours-after", "soon"]].concat(), 2, &["soon", "400d"]);
}

#[test]
fn a_lake_is_pruned_by_whole_days_and_a_dry_run_removes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_str().unwrap();
    small_lake(folder.path());
    let prune = |more: &[&str]| said(&[&["lake", "prune", "--lake", lake], more].concat());
    let kept = prune(&["--keep", "2000w"]);
    assert!(kept.contains("prod-7: removed 0 days"), "{kept}");
    let dry = prune(&["--keep", "1d", "--dry-run"]);
    assert_eq!(dry.lines().filter(|line| line.starts_with("v1/")).count(), 3 + 15, "{dry}");
    assert!(dry.contains("prod-7: would remove 1 day before "), "{dry}");
    let verified = lake_json(&["verify", "--lake", lake]);
    assert_eq!(verified.pointer("/objects"), Some(&serde_json::json!(15)));
    let elsewhere = prune(&["--keep", "1d", "--cluster-id", "other"]);
    assert!(elsewhere.contains("other: removed 0 days"), "{elsewhere}");
    assert!(dry.lines().next_back().unwrap().starts_with("would remove 1 day before "), "{dry}");
    // Nobody is there to answer.
    let asked = ["lake", "prune", "--lake", lake, "--keep", "1h"];
    check_failure(&asked, 1, &["nothing was removed", "--yes"]);
    assert_eq!(lake_json(&["verify", "--lake", lake]).pointer("/objects"), Some(&serde_json::json!(15)));
    let removed = prune(&["--keep", "1d", "--yes"]);
    assert!(removed.contains(", from 2026-06-30 to 2026-06-30, 18 objects and manifests"), "{removed}");
    assert!(removed.lines().next_back().unwrap().starts_with("removed 1 day before "), "{removed}");
    check_failure(&["lake", "ls", "--lake", lake], 1, &["nothing is in"]);
    let dry = prune(&["--keep", "1h", "--dry-run"]);
    assert!(dry.lines().next_back().unwrap().starts_with("would remove 0 days before "), "{dry}");
    check_failure(&["lake", "prune", "--lake", lake], 2, &["--keep"]);
}

#[test]
fn the_dictionary_printed_is_that_of_the_readme() {
    let readme = include_str!("../../../lake/README.md");
    let printed = String::from_utf8(emp_cost(&["lake", "schema"]).stdout).unwrap();
    assert!(!printed.is_empty() && readme.contains(&printed));
    assert_eq!(lake_json(&["schema"]).as_array().unwrap().len(), 6);
}

#[test]
fn an_unknown_cluster_is_answered_with_those_that_exist() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, out) = (folder.path().join("lake"), folder.path().join("out"));
    small_lake(&lake);
    check_failure(&analyze(&lake, "prod", &out, &[]), 1, &["`prod`", "prod-7"]);
    check_failure(&analyze(&lake, "prod-7", &out, &["--from", "2020-01-01", "--to", "2020-01-02"]), 1, &["2026-06-30"]);
    check_failure(&analyze(&folder.path().join("empty"), "prod", &out, &[]), 1, &["`prod`"]);
    assert!(!out.exists());
}

#[test]
fn a_damaged_object_is_named_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, out) = (folder.path().join("lake"), folder.path().join("out"));
    small_lake(&lake);
    let key = "v1/container_hour/cluster=prod-7/date=2026-06-30/hour=22.parquet";
    let mut bytes = std::fs::read(lake.join(key)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(lake.join(key), bytes).unwrap();
    check_failure(&analyze(&lake, "prod-7", &out, &[]), 1, &[key]);
    std::fs::remove_file(lake.join(key)).unwrap();
    check_failure(&analyze(&lake, "prod-7", &out, &[]), 1, &[key]);
    assert!(!out.exists());
}

#[test]
fn an_assumption_that_does_not_exist_is_answered_with_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, out, file) = (folder.path().join("lake"), folder.path().join("out"), folder.path().join("a.toml"));
    small_lake(&lake);
    std::fs::write(&file, "[emp]\nmemory_overcomit = 2.0\n").unwrap();
    let more = ["--assumptions", file.to_str().unwrap()];
    let words = ["memory_overcomit", "emp.memory_overcommit", file.to_str().unwrap()];
    check_failure(&analyze(&lake, "prod-7", &out, &more), 2, &words);
    assert!(!out.exists());
}

/// A pipe gives what is in it once.
#[test]
fn what_is_piped_in_counts() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    small_lake(&lake);
    let script =
        "\"$0\" analyze --bill-only --lake \"$1\" --cluster-id prod-7 --out \"$2\" --prices <(printf '%s' \"$3\")";
    let analyzed = |prices: &str, name: &str| {
        let out = folder.path().join(name);
        let mut command = Command::new("bash");
        command.args(["-c", script, env!("CARGO_BIN_EXE_emp-cost")]).args([&lake, &out]).arg(prices);
        (command.env_remove("EMP_COST_LAKE").output().unwrap(), out.join("analysis.json"))
    };
    let (output, analysis) = analyzed("[control_plane]\nusd_per_hour = 0.1234\n", "with");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(std::fs::read_to_string(analysis).unwrap().contains("0.1234"), "the price counts");
    let (output, _) = analyzed("", "without");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("is empty, so it gives no price"), "{said}");
}

#[test]
fn a_range_that_is_left_open_ends_at_the_newest_hour() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, out) = (folder.path().join("lake"), folder.path().join("out"));
    small_lake(&lake);
    let window = |more: &[&str]| {
        said(&[&analyze(&lake, "prod-7", &out, &["--bill-only"])[..], more].concat());
        let analysis = std::fs::read(out.join("analysis.json")).unwrap();
        let analysis: serde_json::Value = serde_json::from_slice(&analysis).unwrap();
        ["hours_present", "hours_expected"].map(|what| analysis["window"][what].as_u64().unwrap())
    };
    assert_eq!(window(&["--from", "2026-06-30T22:00:00Z"]), [2, 2]);
    assert_eq!(window(&["--to", "2026-06-30T23:00:00Z"]), [2, 23]);
    assert_eq!(window(&[]), [3, 3]);
}

#[test]
fn a_price_list_without_prices_is_refused_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, out) = (folder.path().join("lake"), folder.path().join("out"));
    small_lake(&lake);
    let (list, empty) = (folder.path().join("index.csv"), folder.path().join("prices.csv"));
    let heading =
        "\"FormatVersion\",\"v1.0\"\n\"Publication Date\",\"2026-07-01T00:00:00Z\"\n\"OfferCode\",\"AmazonEC2\"\n";
    let names = "\"SKU\",\"TermType\",\"StartingRange\",\"PricePerUnit\",\"Currency\",\"Product Family\",\"Instance Type\",\"Tenancy\",\"Operating System\",\"Pre Installed S/W\",\"usageType\",\"operation\",\"CapacityStatus\",\"Region Code\"\n";
    let row = "\"A\",\"OnDemand\",\"0\",\"1.5\",\"EUR\",\"Compute Instance\",\"m5.large\",\"Shared\",\"Linux\",\"NA\",\"CNN1-BoxUsage:m5.large\",\"RunInstances\",\"Used\",\"cn-north-1\"\n";
    std::fs::write(&list, [heading, names, row].concat()).unwrap();
    let (list, path) = (list.to_str().unwrap(), empty.to_str().unwrap());
    check_failure(&["prices", "import", "--from", list, "--out", path], 2, &["are in EUR", "another currency"]);
    assert!(!empty.exists());
    std::fs::write(&empty, "kind,region,name,plan,usd,unit,date,source\n").unwrap();
    check_failure(
        &analyze(&lake, "prod-7", &out, &["--price-list", path]),
        2,
        &[path, "holds no price", "prices import"],
    );
    check_failure(&analyze(&lake, "prod-7", &out, &["--price-list", list]), 2, &[list, "prices import"]);
}

#[test]
fn an_analysis_becomes_a_page_and_the_same_bytes_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    small_lake(&lake);
    let make = |name: &str| {
        let out = folder.path().join(name);
        let analyzed = emp_cost(&analyze(&lake, "prod-7", &out, &[]));
        assert!(analyzed.status.success(), "{}", String::from_utf8_lossy(&analyzed.stderr));
        let analysis = out.join("analysis.json");
        let args = ["report", "--analysis", analysis.to_str().unwrap(), "--out", out.to_str().unwrap()];
        assert!(emp_cost(&args).status.success());
        let page = std::fs::read_to_string(out.join("index.html")).unwrap();
        // The day it was made on is the clock's, which may pass midnight between two pages.
        let (before, made) = page.split_once("Made on ").unwrap();
        let (day, after) = made.split_once(" from hours until ").unwrap();
        assert!(day.len() <= "31 Dec 2026".len() && day.split(' ').count() == 3, "{day}");
        (std::fs::read(analysis).unwrap(), format!("{before}{after}"))
    };
    let first = make("one");
    assert!(first.1.starts_with("<!"));
    assert_eq!(first, make("two"));
}

#[test]
fn a_file_that_is_no_analysis_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("analysis.json");
    let out = folder.path().join("out");
    let args = ["report", "--analysis", file.to_str().unwrap(), "--out", out.to_str().unwrap()];
    check_failure(&args, 2, &["read `", "analysis.json"]);
    std::fs::write(&file, "{\"schema\": \"emp-cost/analysis/v9\"}").unwrap();
    check_failure(&args, 2, &["emp-cost/analysis/v9", "emp-cost/analysis/v1"]);
    std::fs::write(&file, "<html>").unwrap();
    check_failure(&args, 2, &["as JSON"]);
    assert!(!out.exists());
}

/// An AWS price list with one machine, prices made up.
const PRICE_LIST: &str = "\"OfferCode\",\"AmazonEC2\"
\"Publication Date\",\"2026-07-15T20:00:00Z\"
SKU,TermType,StartingRange,Unit,PricePerUnit,Currency,Product Family,Instance Type,Tenancy,Operating System,usageType,operation,CapacityStatus,Region Code,Pre Installed S/W
A1,OnDemand,0,Hrs,0.7990000000,USD,Compute Instance,m5.4xlarge,Shared,Linux,EU-BoxUsage:m5.4xlarge,RunInstances,Used,eu-west-1,NA
A2,OnDemand,0,Hrs,0.9990000000,USD,Compute Instance,m5.4xlarge,Dedicated,Linux,EU-DedicatedUsage:m5.4xlarge,RunInstances,Used,eu-west-1,NA
";

#[test]
fn an_imported_price_list_is_added_to_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(at("aws")).unwrap();
    std::fs::write(at("aws/index.csv"), PRICE_LIST).unwrap();
    std::fs::write(at("aws/region_index.json"), "{\"regions\": {}}").unwrap();
    let output = emp_cost(&["prices", "import", "--from", &at("aws"), "--out", &at("prices.csv")]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        said.contains("2 prices of 2026-07-15") && said.contains("kept 1 ec2") && said.contains("skipped"),
        "{said}"
    );
    std::fs::write(at("more.csv"), PRICE_LIST.replace("0.7990000000", "0.7770000000").replace("m5.4x", "m5.8x"))
        .unwrap();
    let output = emp_cost(&["prices", "import", "--from", &at("more.csv"), "--out", &at("prices.csv")]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("prices.csv: 2 prices"), "{output:?}");
    let show = ["prices", "show", "m5.4xlarge", "--region", "eu-west-1", "--price-list", &at("prices.csv")];
    let said = String::from_utf8(emp_cost(&show).stdout).unwrap();
    assert!(said.contains("on-demand  0.799 USD per hour: imported, observed (AWS price list AmazonEC2"), "{said}");
    assert!(said.contains("also       0.856 USD per hour: catalog"), "{said}");
    check_failure(&["prices", "import", "--from", &at("aws/region_index.json")], 2, &["no `products`"]);
    check_failure(&["prices", "import", "--from", &at("nothing")], 2, &["nothing"]);
    // A list to add to that is none, told before AWS is asked for anything.
    std::fs::write(at("notes.csv"), "a,b\n1,2\n").unwrap();
    let import = ["prices", "import", "--from", &at("more.csv"), "--out", &at("notes.csv")];
    check_failure(&import, 2, &["notes.csv", "is not a file that `emp-cost prices import` wrote"]);
    let update = ["prices", "update", "--region", "eu-west-1", "--out", &at("notes.csv")];
    check_failure(&update, 2, &["add to", "notes.csv"]);
}

/// A list of AWS's of Beijing, prices made up.
const YUAN_LIST: &str = "\"OfferCode\",\"AmazonEC2\"
\"Publication Date\",\"2026-07-15T20:00:00Z\"
SKU,TermType,StartingRange,Unit,PricePerUnit,Currency,Product Family,Instance Type,Tenancy,Operating System,usageType,operation,CapacityStatus,Region Code,Pre Installed S/W
Y1,OnDemand,0,Hrs,6.1000000000,CNY,Compute Instance,m5.4xlarge,Shared,Linux,CNN1-BoxUsage:m5.4xlarge,RunInstances,Used,cn-north-1,NA
Y2,OnDemand,0,Hrs,0.9000000000,USD,Compute Instance,m5.4xlarge,Shared,Linux,CNN1-BoxUsage:m5.4xlarge,RunInstances,Used,cn-north-1,NA
Y3,OnDemand,0,GB-Mo,0.5400000000,CNY,Storage,,,,CNN1-EBS:VolumeUsage.gp3,,,cn-north-1,
";

#[test]
fn a_list_in_yuan_is_read_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("index.csv"), YUAN_LIST).unwrap();
    let output = emp_cost(&["prices", "import", "--from", &at("index.csv"), "--out", &at("prices.csv")]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("kept 1 ec2, 1 item"), "{said}");
    let show = ["prices", "show", "m5.4xlarge", "--region", "cn-north-1", "--price-list", &at("prices.csv")];
    let said = String::from_utf8(emp_cost(&show).stdout).unwrap();
    assert!(said.contains("on-demand  6.1 CNY per hour: imported"), "{said}");
}

#[test]
fn every_source_of_a_price_is_named_and_where_they_differ() {
    let explain = |region: &str, name: &str| {
        let output = emp_cost(&["prices", "explain", region, name]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let ireland = "p4d.24xlarge in eu-west-1
  96 threads, 1152 GiB, amd64
  in force   23.71569 USD
             AWS pricing pages (as copied by aws-price), 2025-10-28: catalog, observed
  differs    35.3965 USD, 49.3 % more
             Apache Libcloud, 2022-05-15: catalog, observed
             the price until 2025-06-01, when it changed (AWS announcement of 2025-06-05: on-demand prices from 2025-06-01)
";
    assert_eq!(explain("eu-west-1", "p4d.24xlarge"), ireland);
    // Agreeing lists, a list of another tenancy, a price carried over, an estimate, an item, nothing.
    for (region, name, words) in [
        ("eu-west-1", "m5.4xlarge", "AWS pricing pages (as copied by aws-price), 2025-10-28: catalog, observed"),
        ("eu-north-1", "r5b.large", "tenancy Dedicated above Shared"),
        ("eu-south-2", "c7i.metal-24xl", "price of the VM of its shape, 2025-10-28: catalog, derived"),
        ("af-south-1", "c4.8xlarge", "estimated as the price in us-east-1 times 1.34118, the ratio of family c5"),
        ("us-east-1", "eks.auto_mode_share.g", "differs    0.12 USD, 53.8 % more"),
        ("cn-north-1", "m7i.xlarge", "no price: no list of the region has it"),
    ] {
        let said = explain(region, name);
        assert!(said.contains(words), "{words}: {said}");
    }
    check_failure(&["prices", "explain", "us-east-1", "m5.4xlrge"], 2, &["did you mean `m5.4xlarge`?"]);
}

#[test]
fn a_price_is_explained_with_its_origin_and_commitments() {
    let folder = tempfile::tempdir().unwrap();
    let prices = folder.path().join("prices.toml");
    let text = "[discount]\nedp_fraction = 0.1\n[[commitment]]\nname = \"c\"\nkind = \"compute-savings-plan\"\nusd_per_hour = 1.0\ndiscount_fraction = 0.25\n";
    std::fs::write(&prices, text).unwrap();
    let show = |name: &str, region: &str, more: &[&str]| {
        let output = emp_cost(&[&["prices", "show", name, "--region", region], more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let said = show("m5.4xlarge", "us-east-1", &["--prices", prices.to_str().unwrap()]);
    for words in ["0.6912 USD per hour", "10.0 % off", "0.576 USD per hour, `c`", "typically", "16 threads, 64 GiB"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(show("c4.large", "af-south-1", &[]).contains("estimated as the price in us-east-1 times"));
    // Known, and sold nowhere near.
    assert!(show("p5.48xlarge", "af-south-2", &[]).contains("no price"));
    check_failure(
        &["prices", "show", "m5.4xlrge", "--region", "us-east-1"],
        2,
        &["`m5.4xlrge`", "did you mean `m5.4xlarge`?"],
    );
    check_failure(&["prices", "show", "zebra", "--region", "us-east-1"], 2, &["`zebra` is no instance type"]);
    let beijing = show("m5.xlarge", "cn-north-1", &[]);
    assert!(
        beijing.contains("on-demand  2.026 CNY per hour: catalog, observed (Karpenter's price table, 2024-11-06)"),
        "{beijing}"
    );
    std::fs::write(&prices, "[discount]\nedp_percent = 7\n").unwrap();
    check_failure(
        &["prices", "show", "m5.large", "--region", "x", "--prices", prices.to_str().unwrap()],
        2,
        &["edp_percent"],
    );
}

/// Answers each request in turn with a status and a body, on a loopback port; returns the URL and what was asked.
fn scripted(answers: Vec<(u16, String)>) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            asked.push(read_request(&mut stream));
            let length = body.len();
            let head = "content-type: application/x-amz-json-1.1\r\nconnection: close";
            write!(stream, "HTTP/1.1 {status} x\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        }
        asked
    });
    (url, server)
}

/// Head and body of a request.
fn read_request(stream: &mut impl Read) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text.into_owned();
            }
        }
        let n = stream.read(&mut buffer).unwrap();
        assert!(n > 0, "a request that breaks off");
        request.extend(buffer.iter().take(n));
    }
}

fn update(url: &str, out: &Path) -> Output {
    let args = ["prices", "update", "--region", "eu-west-1", "--out", out.to_str().unwrap()];
    Command::new(env!("CARGO_BIN_EXE_emp-cost"))
        .args(args)
        .env("AWS_ENDPOINT_URL", url)
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "not-a-secret")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .unwrap()
}

#[test]
fn prices_are_fetched_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let product = |name: &str, usd: &str| {
        let attributes = format!(
            "{{\"instanceType\":\"{name}\",\"tenancy\":\"Shared\",\"operatingSystem\":\"Linux\",\"capacitystatus\":\"Used\",\"preInstalledSw\":\"NA\",\"operation\":\"RunInstances\",\"usagetype\":\"EU-BoxUsage:{name}\",\"regionCode\":\"eu-west-1\"}}"
        );
        let text = format!(
            "{{\"product\":{{\"productFamily\":\"Compute Instance\",\"sku\":\"S\",\"attributes\":{attributes}}},\"serviceCode\":\"AmazonEC2\",\"publicationDate\":\"2026-07-15T20:00:00Z\",\"terms\":{{\"OnDemand\":{{\"S.J\":{{\"priceDimensions\":{{\"S.J.6\":{{\"beginRange\":\"0\",\"pricePerUnit\":{{\"USD\":\"{usd}\"}}}}}}}}}}}}}}"
        );
        serde_json::to_string(&text).unwrap()
    };
    let page = |products: &[String], next: Option<&str>| {
        let next = next.map(|token| format!(",\"NextToken\":\"{token}\"")).unwrap_or_default();
        format!("{{\"FormatVersion\":\"aws_v1\",\"PriceList\":[{}]{next}}}", products.join(","))
    };
    let mut answers = vec![
        (200, page(&[product("m5.large", "0.107")], Some("more"))),
        (200, page(&[product("m5.metal", "5.136")], None)),
    ];
    answers.extend((0..7).map(|_| (200, page(&[], None))));
    let (url, server) = scripted(answers);
    let out = folder.path().join("prices.csv");
    let output = update(&url, &out);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let asked = server.join().unwrap();
    assert!(asked.iter().all(|request| request.contains("GetProducts") && request.contains("eu-west-1")));
    assert!(asked.get(1).is_some_and(|request| request.contains("\"NextToken\":\"more\"")), "{asked:?}");
    let list = std::fs::read_to_string(&out).unwrap();
    assert!(list.contains("ec2,eu-west-1,m5.large,,0.107") && list.contains("ec2,eu-west-1,m5.metal,,5.136"), "{list}");
}

#[test]
fn a_missing_permission_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let denied = "{\"__type\":\"AccessDeniedException\",\"Message\":\"User is not authorized\"}";
    let (url, server) = scripted(vec![(400, denied.to_owned())]);
    let out = folder.path().join("prices.csv");
    let output = update(&url, &out);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("pricing:GetProducts is missing") && said.contains("prices import"), "{said}");
    assert!(!out.exists());
    server.join().unwrap();
}
