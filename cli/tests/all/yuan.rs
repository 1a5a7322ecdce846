//! A cluster of Beijing: AWS bills it in CNY, so no output speaks of dollars.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use fixtures::Cluster;
use lake::store::DirStore;
use lake::{HourOrigin, HourRows, Lake};
use types::{ClusterId, Hour, Window};

/// 2026-07-01T00:00:00Z.
const END_SECONDS: i64 = 1_782_864_000;
/// Three days, the least that a recommendation is given for.
const HOURS: i64 = 72;
/// Amounts of the user, and a commitment that nothing uses up.
const PRICES: &str = r#"
currency = "CNY"

[[volume]]
volume_type = "gp3"
region = "cn-north-1"
usd_per_gib_month = 0.66

[control_plane]
usd_per_hour = 0.688

[[commitment]]
name = "stranded"
kind = "ec2-instance-savings-plan"
usd_per_hour = 40.0
family = "c6i"
region = "cn-north-1"
discount_fraction = 0.3
"#;

/// The rows of a synthetic cluster, as if it stood in Beijing.
fn in_beijing(rows: &mut HourRows) {
    for node in &mut rows.nodes {
        node.region = Some("cn-north-1".to_owned());
        node.zone = node.zone.as_ref().map(|zone| zone.replace("us-east-1", "cn-north-1"));
    }
    for volume in &mut rows.volumes {
        volume.zone = volume.zone.as_ref().map(|zone| zone.replace("us-east-1", "cn-north-1"));
    }
}

fn lake_of(folder: &Path) {
    let end = Hour::starting_at(END_SECONDS).unwrap();
    let window = Window::try_new(end.plus(-HOURS).start(), end.start()).unwrap();
    let cluster = Cluster::generate(7, window);
    let lake = Lake::new(Arc::new(DirStore::new(folder)));
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    for hour in window.hours() {
        let mut rows = cluster.hour_rows(hour);
        in_beijing(&mut rows);
        let id: ClusterId = "north".parse().unwrap();
        runtime.block_on(lake.write_hour(&id, hour, rows, HourOrigin::generator())).unwrap();
    }
}

/// Runs a command, and returns what it writes to both streams.
fn said(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_emp-cost")).args(args).env_remove("EMP_COST_LAKE").output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{args:?}: {err}");
    out + &err
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Lines that speak of another currency, each with where it stands.
fn foreign(name: &str, text: &str) -> Vec<String> {
    let speaks = |line: &&str| line.contains('$') || line.contains("dollar") || line.contains("USD");
    text.lines().filter(speaks).map(|line| format!("{name}: {}", line.trim())).collect()
}

#[test]
fn no_output_about_a_cluster_in_beijing_speaks_of_dollars() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    lake_of(&folder.path().join("lake"));
    fs::write(at("prices.toml"), PRICES).unwrap();
    let (lake, prices) = (at("lake"), at("prices.toml"));
    let mut found = Vec::new();
    let args = ["analyze", "--lake", &lake, "--cluster-id", "north", "--prices", &prices, "--out", &at("north")];
    found.extend(foreign("analyze", &said(&args)));
    let analyses = [format!("{}/analysis.json", at("north")), at("south.json")];
    let text = fs::read_to_string(&analyses[0]).unwrap();
    // A second cluster for the page of both.
    let mut south: serde_json::Value = serde_json::from_str(&text).unwrap();
    south.as_object_mut().unwrap().insert("cluster_id".to_owned(), "south".into());
    fs::write(&analyses[1], south.to_string()).unwrap();
    assert!(text.contains("\"currency\": \"CNY\"") || text.contains("\"currency\":\"CNY\""));
    assert!(text.contains("CNY\u{a0}"), "a sentence names an amount");
    assert!(!text.contains('$'), "{:?}", foreign("analysis.json", &text));

    let formats = "html,csv,focus-csv,markdown,drafts,right-sizing";
    let args = ["report", "--analysis", &analyses[0], "--out", &at("one"), "--format", formats];
    found.extend(foreign("report", &said(&args)));
    let fleet = ["report", "--analysis", &analyses[0], "--analysis", &analyses[1], "--out", &at("fleet")];
    found.extend(foreign("fleet", &said(&fleet)));
    let compare = ["compare", &analyses[0], &analyses[0], "--out", &at("compared")];
    found.extend(foreign("compare", &said(&compare)));
    for file in ["one", "fleet", "compared"].into_iter().flat_map(|name| files(&folder.path().join(name))) {
        let name = file.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned();
        // Keys of JSON and names of columns are the same for every currency.
        if name.ends_with(".json") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let rows = if name.ends_with(".csv") { text.split_once('\n').map_or("", |(_, rows)| rows) } else { &text };
        found.extend(foreign(&name, rows));
    }
    assert!(found.is_empty(), "{} lines:\n{}", found.len(), found.join("\n"));
}
