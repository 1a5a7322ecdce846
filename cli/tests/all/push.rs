//! A collector as a process that pushes the hours of a real Prometheus through the service, by a token of the Install page.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use fixtures::{Cluster, prometheus, services};
use types::{Hour, Window};

use super::serving::{Running, Serving, SignedIn, emp_cost, run, serve};

/// Hours that the Prometheus has.
const HOURS: i64 = 3;

#[expect(clippy::disallowed_methods, reason = "a test is where the clock comes from")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A real Prometheus with the last hours that a collector may take, and their window; `None` where there is none.
pub(crate) async fn scraped(test: &str) -> Option<(prometheus::Server, Window)> {
    let binary = services::program(test, "prometheus", "prometheus")?;
    // An hour is collected five minutes after its end at the earliest.
    let end = Hour::containing(now() - chrono::TimeDelta::minutes(6));
    let window = Window::try_new(end.plus(-HOURS).start(), end.start()).unwrap();
    let server = prometheus::Server::start(&binary).await.unwrap();
    let cluster = Arc::new(Cluster::generate(3, window));
    prometheus::load(&cluster, Cluster::scrape_span(window), server.url(), |_| {}).await.unwrap();
    Some((server, window))
}

/// Looks at the page of a cluster's hours until it says something.
async fn until(serving: &Serving, who: &SignedIn, path: &str, says: &str) -> String {
    let begun = Instant::now();
    loop {
        let page = serving.page(path, who).await;
        if page.contains(says) {
            return page;
        }
        assert!(begun.elapsed() < Duration::from_secs(180), "{says}: {page}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The objects of a lake in a directory: SHA-256 by key. Manifests say which program wrote them, and are left out.
fn objects(folder: &Path, cluster: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.join("v1")];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let key = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_dir() {
                open.push(path);
            } else if key.contains(&format!("cluster={cluster}/")) && key.ends_with(".parquet") {
                found.insert(key, lake::digest(&fs::read(path).unwrap()));
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_pushes_with_a_token_and_the_install_page_shows_its_first_hour() {
    let test = "a_collector_pushes_with_a_token_and_the_install_page_shows_its_first_hour";
    let Some((server, window)) = scraped(test).await else { return };
    let (lake, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = lake.path().to_str().unwrap().to_owned();
    let serving = serve(&at, folder.path(), "", &[]);
    let who = serving.sign_in().await;
    let token = folder.path().join("ingest-token");
    fs::write(&token, serving.install(&who, "new-1").await).unwrap();
    assert!(serving.page("/install/new-1", &who).await.contains("No hour has arrived yet"));

    let behind = format!("{}?token-file={}", serving.url, token.display());
    let source = ["--prometheus-url", server.url(), "--lake", behind.as_str(), "--cluster-id", "new-1"];
    // As the in-cluster program runs it: at once, then when the schedule fires.
    let collector =
        emp_cost(&[&["collect", "--schedule", "--from", "6h"], &source[..]].concat()).stderr(Stdio::null()).spawn();
    let collector = Running(collector.unwrap());
    let page = until(&serving, &who, "/install/new-1", &format!("{HOURS} hours have arrived")).await;
    let first = Hour::containing(window.start()).to_string();
    assert!(page.contains(&format!("the first of them {first}")), "{page}");
    assert!(serving.page("/install", &who).await.contains("/install/new-1"));
    drop(collector);

    // What arrived is, byte for byte, what a collector with rights to the bucket writes.
    let direct = tempfile::tempdir().unwrap();
    let at_direct = direct.path().to_str().unwrap();
    let same = ["--prometheus-url", server.url(), "--lake", at_direct, "--cluster-id", "new-1", "--from", "6h"];
    run(&mut emp_cost(&[&["collect"], &same[..]].concat()));
    let (pushed, written) = (objects(lake.path(), "new-1"), objects(direct.path(), "new-1"));
    assert!(pushed.len() >= 12, "{pushed:?}");
    assert_eq!(pushed, written);
    run(&mut emp_cost(&["lake", "verify", "--lake", &at]));

    // A collector that is started again has nothing to do, and one of another cluster is told why it may not.
    let said = run(&mut emp_cost(&[&["collect", "--from", "6h"], &source[..]].concat()));
    assert!(said.contains("0 hours written") && said.contains("already there"), "{said}");
    let other = ["--prometheus-url", server.url(), "--lake", behind.as_str(), "--cluster-id", "other"];
    let output = emp_cost(&[&["collect", "--from", "6h"], &other[..]].concat()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("this token brings hours of cluster `new-1`"), "{said}");

    // The next `emp-cost run` makes its report, which is then in the ranking.
    run(&mut emp_cost(&["run", "--lake", &at, "--window", "all", "--bill-only"]));
    let fleet = until(&serving, &who, "/", "/clusters/new-1").await;
    assert!(fleet.contains("a month today"), "{fleet}");
}

/// The binary of the chart. It is built with the whole workspace, and this test is about it only where it is there.
#[tokio::test(flavor = "multi_thread")]
async fn the_small_binary_pushes_too() {
    let test = "the_small_binary_pushes_too";
    let binary = Path::new(env!("CARGO_BIN_EXE_emp-cost")).with_file_name("emp-cost-collector");
    if !binary.exists() {
        services::skip(test, "`emp-cost-collector` is not built; build the whole workspace");
        return;
    }
    let Some((server, _)) = scraped(test).await else { return };
    let (lake, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let serving = serve(lake.path().to_str().unwrap(), folder.path(), "", &[]);
    let who = serving.sign_in().await;
    let token = folder.path().join("ingest-token");
    fs::write(&token, serving.install(&who, "new-2").await).unwrap();
    let behind = format!("{}?token-file={}", serving.url, token.display());
    let mut collector = std::process::Command::new(binary);
    collector.args(["--once", "--reach", "6h", "--prometheus-url", server.url(), "--lake", &behind]);
    run(collector.args(["--cluster-id", "new-2"]));
    let page = serving.page("/install/new-2", &who).await;
    assert!(page.contains(&format!("{HOURS} hours have arrived")), "{page}");
}
