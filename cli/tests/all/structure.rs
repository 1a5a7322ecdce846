//! The rules of the architecture that only the dependency graph can show.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What each crate of the workspace may depend on, tests aside.
const MAY_KNOW: [(&str, &[&str]); 9] = [
    ("emp-cost-types", &[]),
    ("emp-cost-catalog", &["emp-cost-types"]),
    ("emp-cost-lake", &["emp-cost-types"]),
    ("emp-cost-collector", &["emp-cost-types", "emp-cost-catalog", "emp-cost-lake"]),
    ("emp-cost-analyzer", &["emp-cost-types", "emp-cost-catalog", "emp-cost-lake"]),
    ("emp-cost-reports", &["emp-cost-types"]),
    ("emp-cost-service", &["emp-cost-types", "emp-cost-lake", "emp-cost-reports"]),
    ("emp-cost-fixtures", &["emp-cost-types", "emp-cost-lake"]),
    (
        "emp-cost",
        &[
            "emp-cost-types",
            "emp-cost-lake",
            "emp-cost-collector",
            "emp-cost-analyzer",
            "emp-cost-reports",
            "emp-cost-service",
            "emp-cost-fixtures",
        ],
    ),
];

/// Normal dependencies of every package, by name, as cargo resolved them.
fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO")).args(["metadata", "--format-version", "1", "--locked"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeMap<&str, &str> =
        packages.iter().map(|p| (p["id"].as_str().unwrap(), p["name"].as_str().unwrap())).collect();
    let normal = |dep: &&Value| dep["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null());
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let deps = node["deps"].as_array().unwrap().iter().filter(normal);
        let deps = deps.map(|dep| names[dep["pkg"].as_str().unwrap()].to_owned());
        graph.entry(names[node["id"].as_str().unwrap()].to_owned()).or_default().extend(deps);
    }
    graph
}

/// Everything a package pulls in.
fn closure(graph: &BTreeMap<String, BTreeSet<String>>, package: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![package.to_owned()];
    while let Some(next) = open.pop() {
        for dep in &graph[&next] {
            if found.insert(dep.clone()) {
                open.push(dep.clone());
            }
        }
    }
    found
}

#[test]
fn dependencies_between_crates_point_down() {
    let graph = graph();
    let ours: BTreeSet<&str> = MAY_KNOW.iter().map(|(name, _)| *name).collect();
    for (name, may_know) in MAY_KNOW {
        let knows: Vec<_> = graph[name].iter().filter(|dep| ours.contains(dep.as_str())).collect();
        assert!(knows.iter().all(|dep| may_know.contains(&dep.as_str())), "{name} knows {knows:?}");
    }
}

#[test]
fn polars_stays_out_of_the_nouns_of_the_cluster_and_of_the_service() {
    let graph = graph();
    for package in ["emp-cost-types", "emp-cost-catalog", "emp-cost-lake", "emp-cost-collector", "emp-cost-service"] {
        let polars: Vec<_> = closure(&graph, package).into_iter().filter(|dep| dep.starts_with("polars")).collect();
        assert!(polars.is_empty(), "{package} pulls in {polars:?}");
    }
    // The test can fail: the analyzer does use it.
    assert!(closure(&graph, "emp-cost-analyzer").contains("polars"));
}

/// Packages that depend on this one themselves, by name.
fn users<'g>(graph: &'g BTreeMap<String, BTreeSet<String>>, package: &str) -> Vec<&'g str> {
    graph.iter().filter(|(_, deps)| deps.contains(package)).map(|(name, _)| name.as_str()).collect()
}

#[test]
fn each_sdk_has_one_user() {
    let graph = graph();
    for (sdk, user) in [
        ("aws-sdk-s3", "emp-cost-lake"),
        ("aws-sdk-pricing", "emp-cost"),
        ("polars", "emp-cost-analyzer"),
        ("prometheus-http-query", "emp-cost-collector"),
    ] {
        assert_eq!(users(&graph, sdk), [user], "{sdk}");
    }
    // Templates are where pages are made, and nowhere else.
    assert_eq!(users(&graph, "askama"), ["emp-cost-reports", "emp-cost-service"]);
}

#[test]
fn there_is_one_tls_stack() {
    let all = closure(&graph(), "emp-cost");
    for unwanted in ["openssl-sys", "native-tls", "hyper-tls"] {
        assert!(!all.contains(unwanted), "{unwanted}");
    }
    // The older stack of the AWS SDK would bring second versions of these.
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).unwrap();
    for once in ["rustls", "hyper", "h2"] {
        let versions = lock.lines().filter(|line| *line == format!("name = \"{once}\"")).count();
        assert!(versions <= 1, "{versions} versions of {once}");
    }
}
