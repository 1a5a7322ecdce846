//! Alerts of several replicas as processes, and what a server on loopback really gets of them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use std::fs;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use fixtures::s3::S3Server;
use fixtures::services;
use serde_json::Value;

use super::deliver::{Got, server};
use super::mail;
use super::serving::{Serving, emp_cost, lake_of, run, serve};

/// A configuration with a budget of the whole cluster, one of a namespace, and a limit that is kept; messages go to
/// loopback because it is named twice.
fn alerts(deliver: &Path, budget: u64) -> String {
    format!(
        "[alerts]\ndeliver_file = {deliver:?}\nhosts = [\"127.0.0.1\"]\nprivate_networks = [\"127.0.0.0/8\"]\n\
         [[alert]]\nname = \"budget\"\nmonthly_cost_above = {budget}\n\
         [[alert]]\nname = \"payments\"\nnamespace = \"payments\"\nmonthly_cost_above = {budget}\n\
         [[alert]]\nname = \"absent\"\nnamespace = \"absent\"\nmonthly_cost_above = 1\n\
         [[alert]]\nname = \"coverage\"\ncoverage_below_percent = 0\n"
    )
}

/// Waits until a replica has checked all rules: its metric says how many fire.
async fn checked(serving: &Serving, firing: u32) {
    let begun = Instant::now();
    loop {
        let text = serving.http.get(format!("{}/metrics", serving.url)).send().await.unwrap().text().await.unwrap();
        if text.lines().any(|line| line == format!("emp_cost_service_alerts_firing {firing}")) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn received(hook: &Receiver<Got>) -> Vec<(Value, Value)> {
    let mut all = Vec::new();
    while let Ok(got) = hook.recv_timeout(Duration::from_millis(1500)) {
        let message: Value = serde_json::from_str(&got.body).unwrap();
        all.push((message["rule"].clone(), message["state"].clone()));
    }
    all.sort_by_key(|(rule, state)| (rule.to_string(), state.to_string()));
    all
}

/// Several replicas over one lake: each crossing and each return is told once.
async fn told_once(lake: &str, environment: &[(&str, String)]) {
    let folder = tempfile::tempdir().unwrap();
    let (url, hook) = server("204 No Content");
    let deliver = folder.path().join("deliver.toml");
    fs::write(&deliver, format!("[[webhook]]\nurl = \"{url}/cost\"\n")).unwrap();
    let config = alerts(&deliver, 1);
    // All at once, so that they race for the same records.
    let replicas: Vec<Serving> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..3)
            .map(|n| {
                let own = folder.path().join(n.to_string());
                fs::create_dir(&own).unwrap();
                let config = config.as_str();
                scope.spawn(move || serve(lake, &own, config, environment))
            })
            .collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    for replica in &replicas {
        checked(replica, 2).await;
    }
    let firing = [("budget", "firing"), ("payments", "firing")].map(|(rule, state)| (rule.into(), state.into()));
    assert_eq!(received(&hook), firing, "three replicas, and each crossing is told once");

    let one = &replicas[0];
    let who = one.sign_in().await;
    let page = one.page("/alerts", &who).await;
    assert!(page.contains("budget") && page.contains("firing") && page.contains("webhook-1"), "{page}");
    assert!(page.contains("the report has no cost of namespace absent"), "{page}");
    let list: Value = serde_json::from_str(&one.page("/api/v1/alerts", &who).await).unwrap();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 4, "{list}");
    assert_eq!((items[0]["rule"].as_str(), items[0]["state"].as_str()), (Some("budget"), Some("firing")));
    assert!(items[0]["value"].as_f64().unwrap() > 1.0 && items[0]["currency"] == "USD", "{list}");
    let tested = one.post("/alerts/test", &who, "").await;
    assert_eq!(tested.status(), 200);
    assert!(tested.text().await.unwrap().contains("webhook-1</bdi>: sent"));
    assert_eq!(received(&hook), [(Value::Null, "test".into())]);

    // A replica that comes back finds what was told, and tells nothing again.
    drop(replicas);
    let again = serve(lake, folder.path(), &config, environment);
    checked(&again, 2).await;
    assert_eq!(received(&hook), []);
    drop(again);
    // A budget that is raised is kept again, which is told once too.
    let raised = alerts(&deliver, 1_000_000_000);
    let replicas = [serve(lake, folder.path(), &raised, environment), serve(lake, folder.path(), &raised, environment)];
    for replica in &replicas {
        checked(replica, 0).await;
    }
    let resolved = [("budget", "resolved"), ("payments", "resolved")].map(|(rule, state)| (rule.into(), state.into()));
    assert_eq!(received(&hook), resolved);
    let who = replicas[1].sign_in().await;
    let audit = replicas[1].page("/audit", &who).await;
    let told = [("found a limit crossed", 2), ("found a limit kept again", 2), ("sent a test message", 1)];
    for (what, times) in told {
        assert_eq!(audit.matches(&format!("<bdi>{what}</bdi>")).count(), times, "{what}: {audit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_over_a_directory_tell_each_alert_once() {
    let lake = tempfile::tempdir().unwrap();
    lake_of(lake.path(), "prod-1", 3).await;
    let at = lake.path().to_str().unwrap();
    run(&mut emp_cost(&["run", "--lake", at, "--window", "all", "--bill-only"]));
    told_once(at, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_over_a_bucket_tell_each_alert_once() {
    let test = "replicas_over_a_bucket_tell_each_alert_once";
    let Some(minio) = services::program(test, "minio", "s3") else { return };
    let s3 = S3Server::start(&minio).await.unwrap();
    s3.make_bucket("bucket").unwrap();
    let local = tempfile::tempdir().unwrap();
    lake_of(local.path(), "prod-1", 3).await;
    // Hours go to the bucket as they lie in the directory.
    let config = S3Server::client(&s3.endpoint(), S3Server::SECRET_KEY);
    let bucket = lake::store::S3Store::with_config(&config, "bucket", "p", lake::S3Options::default());
    let directory = lake::store::DirStore::new(local.path());
    for key in lake::Store::list(&directory, "v1/").await.unwrap() {
        let object = lake::Store::get(&directory, &key).await.unwrap();
        lake::Store::put_new(&bucket, &key, object).await.unwrap();
    }
    let environment: Vec<_> = s3.environment().into_iter().collect();
    let mut report = emp_cost(&["run", "--lake", "s3://bucket/p", "--window", "all", "--bill-only"]);
    run(report.envs(s3.environment()));
    told_once("s3://bucket/p", &environment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_nowhere_that_an_administrator_did_not_name() {
    let (lake, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    lake_of(lake.path(), "prod-1", 3).await;
    let at = lake.path().to_str().unwrap();
    run(&mut emp_cost(&["run", "--lake", at, "--window", "all", "--bill-only"]));
    let (url, hook) = server("204 No Content");
    let deliver = folder.path().join("deliver.toml");
    let port = url.rsplit(':').next().unwrap();
    for (to, hosts, says) in [
        (format!("{url}/x"), "[]", "host `127.0.0.1` is not among `alerts.hosts`"),
        (format!("{url}/x"), "[\"127.0.0.1\"]", "not https"),
        (format!("https://127.0.0.1:{port}/x"), "[\"127.0.0.1\"]", "`127.0.0.1` is a private address"),
        (format!("https://localhost:{port}/x"), "[\"localhost\"]", "is a private address"),
    ] {
        fs::write(&deliver, format!("[[webhook]]\nurl = \"{to}\"\n")).unwrap();
        let config = format!(
            "[alerts]\ndeliver_file = {deliver:?}\nhosts = {hosts}\n[[alert]]\nname = \"budget\"\nmonthly_cost_above = 1\n"
        );
        let serving = serve(at, folder.path(), &config, &[]);
        checked(&serving, 1).await;
        let who = serving.sign_in().await;
        let tested = serving.post("/alerts/test", &who, "").await.text().await.unwrap();
        let plain = tested.replace("&#96;", "`").replace("&#39;", "'");
        assert!(plain.contains("failed: ") && plain.contains(says), "{says}: {plain}");
        assert!(serving.page("/alerts", &who).await.contains("not told"), "{to}");
    }
    assert!(hook.try_recv().is_err(), "nothing arrived");
    // A rule that tells somebody who is not in the file is an error before anything is served.
    let config = format!(
        "public_url = \"http://localhost:1\"\nkey_file = {:?}\n[alerts]\ndeliver_file = {deliver:?}\n[[alert]]\nname = \"a\"\nhours_behind_above = 1\nto = [\"mail-7\"]\n",
        folder.path().join("key")
    );
    let path = folder.path().join("wrong.toml");
    fs::write(&path, config).unwrap();
    let args = ["serve", "--lake", at, "--config", path.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let output = emp_cost(&args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("alert `a` tells `mail-7`") && said.contains("there are: webhook-1"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_goes_by_no_server_that_an_administrator_did_not_name() {
    let (lake, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    lake_of(lake.path(), "prod-1", 3).await;
    let at = lake.path().to_str().unwrap();
    run(&mut emp_cost(&["run", "--lake", at, "--window", "all", "--bill-only"]));
    let smtp = mail::server(mail::Offers::Nothing);
    let deliver = folder.path().join("deliver.toml");
    let row = format!(
        "[[mail]]\nserver = \"localhost\"\nport = {}\ntls = \"none\"\nfrom = \"cost@example.com\"\nto = [\"a@example.com\"]\n",
        smtp.port
    );
    fs::write(&deliver, row).unwrap();
    let alerts = |more: &str| {
        format!("[alerts]\ndeliver_file = {deliver:?}\n{more}\n[[alert]]\nname = \"b\"\nmonthly_cost_above = 1\n")
    };
    // A server that is not named is an error before anything is served.
    fs::write(folder.path().join("key"), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
    let config = folder.path().join("config.toml");
    let head = format!("public_url = \"http://localhost:1\"\nkey_file = {:?}\n", folder.path().join("key"));
    fs::write(&config, head + &alerts("")).unwrap();
    let args = ["serve", "--lake", at, "--config", config.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let output = emp_cost(&args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("host `localhost` is not among `alerts.hosts`"), "{said}");
    // One whose addresses are private is not spoken to, unless its network is named too.
    let private = serve(at, folder.path(), &alerts("hosts = [\"localhost\"]"), &[]);
    let who = private.sign_in().await;
    let tested = private.post("/alerts/test", &who, "").await.text().await.unwrap();
    assert!(tested.contains("is a private address"), "{tested}");
    drop(private);
    assert!(smtp.got.try_recv().is_err(), "nothing arrived");
    let networks = "hosts = [\"localhost\"]\nprivate_networks = [\"127.0.0.0/8\", \"::1/128\"]";
    let opened = serve(at, folder.path(), &alerts(networks), &[]);
    let who = opened.sign_in().await;
    let tested = opened.post("/alerts/test", &who, "").await.text().await.unwrap();
    assert!(tested.contains("sent") && !tested.contains("failed: "), "{tested}");
    let got = smtp.got.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(got.to, ["<a@example.com>"]);
    assert!(got.data.contains("Subject:"), "{}", got.data);
}
