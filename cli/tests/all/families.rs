//! The demo's families of clusters, through the whole pipeline, and what is said of each.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use std::fs;
use std::path::Path;
use std::process::Command;

use fixtures::services;
use serde_json::Value;

/// Makes the demo of a family and returns its analysis.
fn analysis(family: &str, out: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_emp-cost"))
        .args(["demo", "--family", family, "--cluster-id", "shop-7", "--seed", "5", "--hours", "1", "--out"])
        .arg(out)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let analysis: Value = serde_json::from_slice(&fs::read(out.join("analysis.json")).unwrap()).unwrap();
    assert_eq!(analysis["cluster_id"], "shop-7");
    // The last hour came from the server, the others from the generator; none is missing.
    let window = &analysis["window"];
    assert_eq!(window["hours_present"], window["hours_expected"]);
    let sources = window["hours_by_source"].as_array().unwrap();
    assert_eq!(sources.len(), 2, "{window}");
    assert_eq!(sources.last().unwrap()["hours"], 1, "{window}");
    // Pods of both have the label that costs are summed up by.
    let labels = analysis["allocation"]["by_label"].as_array().unwrap();
    assert!(labels.iter().any(|row| row["label"] == "team"), "{labels:?}");
    assert_the_first_screen_names_no_key(out, &analysis);
    analysis
}

/// What stands above the menu is in words, not in keys of the assumptions.
fn assert_the_first_screen_names_no_key(out: &Path, analysis: &Value) {
    let page = fs::read_to_string(out.join("index.html")).unwrap();
    let (screen, _) = page.split_once("<nav").unwrap();
    for one in analysis["assumptions"].as_array().unwrap() {
        let key = one["key"].as_str().unwrap();
        assert!(!screen.contains(key), "`{key}` is on the first screen");
    }
}

#[test]
fn a_pool_pays_for_the_family_with_staggered_peaks() {
    let test = "a_pool_pays_for_the_family_with_staggered_peaks";
    if services::program(test, "prometheus", "prometheus").is_none() {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let analysis = analysis("staggered-peaks", out.path());
    let verdict = &analysis["verdict"];
    assert!(verdict["recommendation"].as_str().unwrap().starts_with("emp"), "{}", verdict["text"]);
    let steps = analysis["next_steps"]["steps"].as_array().unwrap();
    let moves: Vec<&Value> = steps.iter().filter(|step| step["kind"] == "move_to_pool").collect();
    assert!(!moves.is_empty() && moves.iter().all(|step| step["of_recommended"] == true), "{steps:?}");
    let ask = steps.iter().find(|step| step["kind"] == "ask_discount" && step["place"].to_string().contains("vendor"));
    assert!(ask.unwrap()["asked_monthly_usd"].as_f64().unwrap() > 0.0, "{steps:?}");
}

#[test]
fn nothing_pays_for_the_family_that_is_sized_well_and_committed_to() {
    let test = "nothing_pays_for_the_family_that_is_sized_well_and_committed_to";
    if services::program(test, "prometheus", "prometheus").is_none() {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let analysis = analysis("well-sized", out.path());
    let verdict = &analysis["verdict"];
    assert_eq!(
        (&verdict["recommendation"], &verdict["amounts"]),
        (&"ec2-today".into(), &Value::Null),
        "{}",
        verdict["text"]
    );
    let prices = fs::read_to_string(out.path().join("prices.toml")).unwrap();
    assert!(prices.contains("ec2-instance-savings-plan"), "{prices}");
    // What is at list prices is covered by a plan; the list itself was not negotiated.
    let page = fs::read_to_string(out.path().join("index.html")).unwrap();
    assert!(page.contains("Stay as you are") || page.contains("stay as you are"), "the page says what to do");
}
