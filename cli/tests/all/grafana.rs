//! Metrics of a report in a real Prometheus, and every query of the dashboards and rules asked of it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use std::fs;
use std::path::Path;
use std::process::Command;

use fixtures::invoice::{BillFormat, BillPlan};
use fixtures::{prometheus, services};
use serde_json::Value;

use crate::invoice::billed;

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/emp-cost-agent");

/// Every query of the dashboards, with what Grafana puts in for the cluster, and of the recording rules.
fn queries() -> Vec<String> {
    let mut queries = Vec::new();
    for name in ["namespaces", "savings"] {
        let text = fs::read(Path::new(CHART).join(format!("dashboards/{name}.json"))).unwrap();
        let dashboard: Value = serde_json::from_slice(&text).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                queries.push(target["expr"].as_str().unwrap().replace("$cluster", ".*"));
            }
        }
    }
    let rules = fs::read_to_string(Path::new(CHART).join("templates/prometheusrule-recording.yaml")).unwrap();
    queries.extend(rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).map(ToOwned::to_owned));
    queries
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_and_rule_finds_what_a_run_pushed() {
    let test = "every_panel_and_rule_finds_what_a_run_pushed";
    let Some(binary) = services::program(test, "prometheus", "prometheus") else { return };
    let server = prometheus::Server::start(&binary).await.unwrap();
    let billed = tokio::task::spawn_blocking(|| billed(BillPlan::default(), BillFormat::Cur)).await.unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_emp-cost"))
        .args(["run", "--window", "all", "--invoice"])
        .arg(billed.bill())
        .arg("--lake")
        .arg(billed.lake())
        .args(["--remote-write-url", &format!("{}/api/v1/write", server.url())])
        .env_remove("EMP_COST_LAKE")
        .env_remove("EMP_COST_CLUSTER_ID")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let (mut asked, mut empty) = (0, Vec::new());
    for query in queries() {
        let url =
            reqwest::Url::parse_with_params(&format!("{}/api/v1/query", server.url()), [("query", &query)]).unwrap();
        let answer = client.get(url).send().await.unwrap().bytes().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        asked += 1;
        if answer["data"]["result"].as_array().unwrap().is_empty() {
            empty.push(query);
        }
    }
    assert!(asked > 25, "{asked}");
    // The collector is not there, and four hours carry no recommendation; everything else has a value.
    let expected = |query: &String| {
        ["emp_cost_collector_", "emp_cost_recommended_saving_monthly", "emp_cost_scenario_saving_monthly"]
            .iter()
            .any(|name| query.contains(name))
    };
    let missing: Vec<_> = empty.iter().filter(|query| !expected(query)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    // A server that takes none says why.
    let refused = Command::new(env!("CARGO_BIN_EXE_emp-cost"))
        .args(["run", "--bill-only", "--window", "all", "--lake"])
        .arg(billed.lake())
        .args(["--remote-write-url", &format!("{}/nowhere", server.url())])
        .env_remove("EMP_COST_CLUSTER_ID")
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("--web.enable-remote-write-receiver"), "{said}");
}
