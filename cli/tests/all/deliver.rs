//! Delivery by `emp-cost run`: what servers on loopback really get.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::run::lake_of;

/// A request as a server got it.
pub(crate) struct Got {
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A server that answers every request with this status, and hands on what it got.
pub(crate) fn server(status: &'static str) -> (String, Receiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                reader.read_line(&mut head).unwrap();
            }
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
            });
            let mut body = vec![0; length.unwrap()];
            reader.read_exact(&mut body).unwrap();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 6\r\nconnection: close\r\n\r\nanswer");
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
            if send.send(Got { head, body: String::from_utf8(body).unwrap() }).is_err() {
                break;
            }
        }
    });
    (url, receive)
}

pub(crate) fn run(lake: &Path, deliver: &str, more: &[&str]) -> Output {
    let file = lake.join("deliver.toml");
    fs::write(&file, deliver).unwrap();
    let args = ["run", "--bill-only", "--window", "all", "--lake"];
    Command::new(env!("CARGO_BIN_EXE_emp-cost"))
        .args(args)
        .args([lake.as_os_str(), "--deliver".as_ref(), file.as_os_str()])
        .args(more)
        .env_remove("EMP_COST_LAKE")
        .env_remove("EMP_COST_CLUSTER_ID")
        .output()
        .unwrap()
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn secret(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn slack_and_a_webhook_get_the_message_with_what_is_over_budget() {
    let folder = tempfile::tempdir().unwrap();
    lake_of(folder.path(), &["prod-1"]);
    let ((slack, to_slack), (hook, to_hook)) = (server("200 OK"), server("204 No Content"));
    let slack = secret(folder.path(), "slack", &format!("{slack}/T0/B0\n"));
    let token = secret(folder.path(), "token", "s3cret\n");
    let deliver = format!(
        "[[slack]]\nurl_file = \"{slack}\"\n[[webhook]]\nurl = \"{hook}/cost\"\nbearer_token_file = \"{token}\"\n[[budget]]\nmonthly = 1\n[[budget]]\nmonthly = 9000000\n[[budget]]\ncluster = \"other\"\nmonthly = 1\n[[budget]]\nnamespace = \"absent\"\nmonthly = 1\n"
    );
    let output = run(folder.path(), &deliver, &[]);
    assert!(output.status.success(), "{}", said(&output));
    let got = to_slack.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(got.head.starts_with("POST /T0/B0 "), "{}", got.head);
    let text: Value = serde_json::from_str(&got.body).unwrap();
    let text = text["text"].as_str().unwrap();
    assert!(text.starts_with("*prod-1: $") && text.contains("over budget"), "{text}");
    assert!(text.contains("Over budget: the cluster costs $") && text.contains("the budget is $1"), "{text}");
    assert!(text.contains("no cost of namespace absent"), "{text}");
    let got = to_hook.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(got.head.starts_with("POST /cost ") && got.head.contains("Bearer s3cret"), "{}", got.head);
    let message: Value = serde_json::from_str(&got.body).unwrap();
    assert_eq!((message["cluster_id"].as_str(), message["currency"].as_str()), (Some("prod-1"), Some("USD")));
    let report = fs::read(folder.path().join("reports/cluster=prod-1/latest/analysis.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let scenarios = report["scenarios"].as_array().unwrap();
    let today = scenarios.iter().find(|one| one["id"] == "ec2-today").unwrap();
    assert_eq!(message["today_monthly"], today["monthly_usd"]);
    // The month that has the window's last hour, of which nothing is in the lake; a month of the report has 730 hours.
    assert_eq!(message["month_spent"], Value::Null);
    assert_eq!(message["over_budget"][0]["month_forecast"], message["month_forecast"]);
    let end = chrono::DateTime::parse_from_rfc3339(message["window"]["end"].as_str().unwrap()).unwrap();
    let last = end - chrono::TimeDelta::hours(1);
    assert_eq!(message["month"], last.format("%Y-%m").to_string());
    let hours = f64::from(chrono::Datelike::num_days_in_month(&last)) * 24.0;
    let forecast = message["month_forecast"].as_f64().unwrap() / today["monthly_usd"].as_f64().unwrap();
    assert!((forecast - hours / 730.0).abs() < 1e-9, "{message}");
    let over = message["over_budget"].as_array().unwrap();
    assert_eq!((over.len(), over[0]["monthly"].clone()), (1, today["monthly_usd"].clone()));
    assert_eq!(message["budgets_not_checked"][0], "namespace absent");
    assert_eq!(message["change_fraction"], Value::Null, "there is no report before");
}

#[test]
fn a_webhook_that_fails_is_named_by_its_server_and_no_secret_in_its_url_shows() {
    let folder = tempfile::tempdir().unwrap();
    lake_of(folder.path(), &["prod-1"]);
    let (hook, to_hook) = server("500 Internal Server Error");
    let host = hook.trim_start_matches("http://").to_owned();
    let deliver = format!("[[webhook]]\nurl = \"http://me:hunter2@{host}/T0/hunter2?token=hunter2\"\n");
    let output = run(folder.path(), &deliver, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains(&format!("post to the webhook `{hook}`")), "{}", said(&output));
    let all = said(&output) + &String::from_utf8_lossy(&output.stdout);
    assert!(!all.contains("hunter2"), "{all}");
    let got = to_hook.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(got.head.starts_with("POST /T0/hunter2?token=hunter2 "), "{}", got.head);
}

#[test]
fn below_every_threshold_nothing_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    lake_of(folder.path(), &["prod-1"]);
    let (hook, to_hook) = server("200 OK");
    let deliver = format!("[[webhook]]\nurl = \"{hook}\"\n[when]\nsaving_at_least = 9e9\n");
    let output = run(folder.path(), &deliver, &[]);
    assert!(output.status.success() && said(&output).contains("no threshold is reached"), "{}", said(&output));
    assert!(to_hook.try_recv().is_err());
    let more = format!("{deliver}[[budget]]\nmonthly = 1\n");
    assert!(run(folder.path(), &more, &[]).status.success());
    to_hook.recv_timeout(Duration::from_secs(10)).unwrap();
}

#[test]
fn a_delivery_that_fails_keeps_no_other_from_it_and_shows_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    lake_of(folder.path(), &["prod-1"]);
    let ((bad, _bad), (good, to_good)) = (server("403 Forbidden"), server("200 OK"));
    let bad = secret(folder.path(), "bad", &format!("{bad}/T0KEN"));
    let gone = secret(folder.path(), "gone", "http://127.0.0.1:9/T0KEN");
    let deliver =
        format!("[[slack]]\nurl_file = \"{bad}\"\n[[slack]]\nurl_file = \"{gone}\"\n[[webhook]]\nurl = \"{good}\"\n");
    let output = run(folder.path(), &deliver, &[]);
    let words = said(&output);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("403 Forbidden: answer") && words.contains("2 deliveries failed"), "{words}");
    assert!(!words.contains("T0KEN"), "{words}");
    to_good.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(folder.path().join("reports/cluster=prod-1/latest/report.json").exists());
    let output = run(folder.path(), "[[slack]]\nurl = \"x\"\n", &[]);
    assert!(output.status.code() == Some(2) && said(&output).contains("deliver.toml"), "{}", said(&output));
}

#[test]
fn metrics_of_every_cluster_are_written_as_openmetrics() {
    let folder = tempfile::tempdir().unwrap();
    lake_of(folder.path(), &["a", "b"]);
    let file = folder.path().join("cost.prom");
    let args = ["run", "--bill-only", "--window", "all", "--lake"];
    let output = Command::new(env!("CARGO_BIN_EXE_emp-cost"))
        .args(args)
        .args([folder.path().as_os_str(), "--metrics-file".as_ref(), file.as_os_str()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let text = fs::read_to_string(file).unwrap();
    assert!(text.ends_with("# EOF\n"));
    let value = |start: &str| {
        let line = text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start} in {text}"));
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    for cluster in ["a", "b"] {
        let path = folder.path().join(format!("reports/cluster={cluster}/latest/analysis.json"));
        let report: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let labels = format!("{{cluster=\"{cluster}\",currency=\"USD\"");
        let today = value(&format!("emp_cost_scenario_monthly{labels},scenario=\"ec2-today\"}}"));
        assert_eq!(Some(today), report["scenarios"][0]["monthly_usd"].as_f64());
        for row in report["allocation"]["by_namespace"].as_array().unwrap() {
            let name = row["namespace"].as_str().unwrap();
            let monthly = value(&format!("emp_cost_namespace_monthly{labels},namespace=\"{name}\"}}"));
            let hours = report["window"]["hours_present"].as_f64().unwrap();
            let expect = row["workload_usd"].as_f64().unwrap() * 730.0 / hours;
            assert!((monthly - expect).abs() <= 1e-9 * expect.abs(), "{name}: {monthly} and {expect}");
        }
    }
    // A family stands together, named once.
    for family in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        assert_eq!(text.matches(&format!("# TYPE {family}")).count(), 1, "{family}");
    }
}
