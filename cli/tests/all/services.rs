//! The binaries against real servers: Prometheus to S3 to a page.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::process::{Command, Output};
use std::sync::Arc;

use fixtures::s3::S3Server;
use fixtures::{Cluster, prometheus, services};
use types::{Hour, Window};

/// 2026-07-01T00:00:00Z.
const END_SECONDS: i64 = 1_782_864_000;

struct Servers {
    prometheus: prometheus::Server,
    s3: S3Server,
}

/// Prometheus with the last two hours of a cluster, and S3 with a bucket; `None` where one is missing, which is said.
async fn start(test: &str) -> Option<Servers> {
    let prometheus = services::program(test, "prometheus", "prometheus")?;
    let minio = services::program(test, "minio", "s3")?;
    let end = Hour::starting_at(END_SECONDS).unwrap();
    let hours = Window::try_new(end.plus(-2).start(), end.start()).unwrap();
    let cluster = Arc::new(Cluster::generate(3, hours));
    let server = prometheus::Server::start(&prometheus).await.unwrap();
    prometheus::load(&cluster, Cluster::scrape_span(hours), server.url(), |_| {}).await.unwrap();
    let s3 = S3Server::start(&minio).await.unwrap();
    s3.make_bucket("bucket").unwrap();
    Some(Servers { prometheus: server, s3 })
}

fn emp_cost(s3: &S3Server, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_emp-cost")).args(args).envs(s3.environment()).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_become_a_page_by_way_of_a_bucket() {
    let Some(servers) = start("metrics_become_a_page_by_way_of_a_bucket").await else { return };
    let run = |args: &[&str]| {
        let output = emp_cost(&servers.s3, args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        said
    };
    let url = servers.prometheus.url();
    let lake = ["--lake", "s3://bucket/some/prefix", "--cluster-id", "c1"];
    let range = ["--from", "2026-06-30T20:00:00Z", "--to", "2026-07-01"];
    let collect = [&["collect", "--prometheus-url", url], &lake[..], &range[..]].concat();
    let said = run(&collect);
    // Two hours before the samples begin, the server knows nothing.
    assert!(said.contains("2 hours written") && said.contains("2 without data"), "{said}");
    let said = run(&collect);
    assert!(said.contains("0 hours written") && said.contains("2 already there"), "{said}");

    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    run(&[&["analyze", "--out", out], &lake[..]].concat());
    let analysis = folder.path().join("analysis.json");
    run(&["report", "--analysis", analysis.to_str().unwrap(), "--out", out]);
    let page = std::fs::read_to_string(folder.path().join("index.html")).unwrap();
    assert!(
        page.contains("s3://bucket/some/prefix") && page.contains("All 2\u{a0}hours"),
        "the page names its lake and hours"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_cannot_be_used_is_named_and_nothing_is_lost() {
    let Some(servers) = start("a_bucket_that_cannot_be_used_is_named_and_nothing_is_lost").await else { return };
    let url = servers.prometheus.url();
    let lake = ["--lake", "s3://absent/p", "--cluster-id", "c1"];
    let collect =
        [&["collect", "--prometheus-url", url], &lake[..], &["--from", "2026-06-30", "--to", "2026-07-01"]].concat();
    let output = emp_cost(&servers.s3, &collect);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("s3://absent/p") && said.contains("bucket does not exist"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_a_cluster_fit_for_a_report() {
    let Some(servers) = start("the_doctor_finds_a_cluster_fit_for_a_report").await else { return };
    let doctor = ["doctor", "--prometheus-url", servers.prometheus.url(), "--at", "2026-07-01T00:05:00Z"];
    let output = emp_cost(&servers.s3, &doctor);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.lines().last().unwrap().starts_with("ready: a report can be made from 3 hours of data"), "{said}");

    let json = emp_cost(&servers.s3, &[&doctor[..], &["--format", "json"]].concat());
    let diagnosis: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(diagnosis["ready"], true);
    let sample = &diagnosis["sample"];
    assert_eq!(sample["hour"], "2026-06-30T23:00Z");
    assert!(sample["rows"][0].as_u64().unwrap() > 100 && sample["queries"].as_u64().unwrap() >= 27, "{sample}");
    assert_eq!(diagnosis["duplicates"][0]["series"], diagnosis["duplicates"][0]["objects"]);
    assert_eq!(diagnosis["jobs"][0]["succeeded_per_thousand"], 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_what_an_empty_server_lacks_and_how_to_mend_it() {
    let test = "the_doctor_says_what_an_empty_server_lacks_and_how_to_mend_it";
    let Some(binary) = services::program(test, "prometheus", "prometheus") else { return };
    let server = prometheus::Server::start(&binary).await.unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_emp-cost"))
        .args(["doctor", "--prometheus-url", server.url()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    for words in [
        "blocks   kube-state-metrics is not scraped",
        "`kubelet.serviceMonitor.cAdvisor: true`",
        "nodeExporter.enabled",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(said.lines().last().unwrap().starts_with("not ready: "), "{said}");
}

/// Nobody has 76 years of samples, and somebody will ask for them.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_server_is_asked_for_decades_in_a_moment() {
    let test = "an_empty_server_is_asked_for_decades_in_a_moment";
    let Some(binary) = services::program(test, "prometheus", "prometheus") else { return };
    let server = prometheus::Server::start(&binary).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_str().unwrap();
    let args = ["collect", "--prometheus-url", server.url(), "--lake", lake, "--cluster-id", "c1", "--from", "4000w"];
    let begun = std::time::Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_emp-cost")).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("hours from 1970-01-01T00:00Z to ") && said.contains("has no data from"), "{said}");
    assert!(said.lines().count() < 12, "years are told in a line: {said}");
    // It took hours; the bound is for a busy machine.
    assert!(begun.elapsed() < std::time::Duration::from_secs(120), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tries_a_lake_when_it_is_told_of_one() {
    let Some(servers) = start("the_doctor_tries_a_lake_when_it_is_told_of_one").await else { return };
    let doctor = ["doctor", "--prometheus-url", servers.prometheus.url(), "--at", "2026-07-01T00:05:00Z", "--lake"];
    let output = emp_cost(&servers.s3, &[&doctor[..], &["s3://bucket/lake"]].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(!said.contains("If-None-Match"), "this server honours it: {said}");
    let output = emp_cost(&servers.s3, &[&doctor[..], &["s3://absent/lake"]].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("the bucket does not exist") && said.contains("`s3://absent/lake` cannot be written"),
        "{said}"
    );
}
