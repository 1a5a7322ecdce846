//! The rules of the architecture that only the dependency graph can show.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The graph of the workspace, as cargo resolved it.
struct Graph {
    /// Normal dependencies of every package, by name.
    dependencies: BTreeMap<String, BTreeSet<String>>,
    /// The crates of the workspace: package names by folder.
    members: BTreeMap<String, String>,
}

fn graph() -> Graph {
    let output = Command::new(env!("CARGO")).args(["metadata", "--format-version", "1", "--locked"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeMap<&str, &str> =
        packages.iter().map(|p| (p["id"].as_str().unwrap(), p["name"].as_str().unwrap())).collect();
    let normal = |dep: &&Value| dep["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null());
    let mut dependencies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let deps = node["deps"].as_array().unwrap().iter().filter(normal);
        let deps = deps.map(|dep| names[dep["pkg"].as_str().unwrap()].to_owned());
        dependencies.entry(names[node["id"].as_str().unwrap()].to_owned()).or_default().extend(deps);
    }
    let ids: BTreeSet<&str> =
        metadata["workspace_members"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let members = packages.iter().filter(|package| ids.contains(package["id"].as_str().unwrap()));
    let members = members.map(|package| (folder(package), package["name"].as_str().unwrap().to_owned())).collect();
    Graph { dependencies, members }
}

/// The folder a package lies in, by its own name.
fn folder(package: &Value) -> String {
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    manifest.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned()
}

/// The table of crates in ARCHITECTURE.md: by folder, the folders it says that the crate knows; `None` for `everybody`.
fn table() -> BTreeMap<String, Option<BTreeSet<String>>> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../ARCHITECTURE.md")).unwrap();
    let rows = text.lines().skip_while(|line| *line != "| folder | what it is | knows |").skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let in_ticks = |cell: &str| cell.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect::<Vec<_>>();
    let row = |line: &str| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let knows = (cells[2] != "everybody").then(|| in_ticks(cells[2]).into_iter().collect());
        (in_ticks(cells[0])[0].clone(), knows)
    };
    rows.map(row).collect()
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
fn the_table_in_architecture_is_the_graph_of_the_crates() {
    let graph = graph();
    let table = table();
    assert!(table.keys().eq(graph.members.keys()), "{:?} and {:?}", table.keys(), graph.members.keys());
    let folders: BTreeMap<_, _> = graph.members.iter().map(|(folder, package)| (package, folder)).collect();
    for (folder, package) in &graph.members {
        let known = graph.dependencies[package].iter().filter_map(|dep| folders.get(dep));
        let known: BTreeSet<String> = known.map(|folder| (*folder).clone()).collect();
        let Some(may_know) = &table[folder] else { continue };
        assert_eq!(known, *may_know, "`{folder}`: what it depends on, and what ARCHITECTURE.md says it knows");
    }
}

#[test]
fn polars_comes_with_the_analyzer_only() {
    let graph = graph();
    for package in graph.members.values() {
        let all = closure(&graph.dependencies, package);
        let analyzes = package == "emp-cost-analyzer" || all.contains("emp-cost-analyzer");
        let polars: Vec<_> = all.into_iter().filter(|dep| dep.starts_with("polars")).collect();
        assert_eq!(!polars.is_empty(), analyzes, "{package} pulls in {polars:?}");
    }
}

/// Packages that depend on this one themselves, by name.
fn users<'g>(graph: &'g BTreeMap<String, BTreeSet<String>>, package: &str) -> Vec<&'g str> {
    graph.iter().filter(|(_, deps)| deps.contains(package)).map(|(name, _)| name.as_str()).collect()
}

/// The program that serves is small and starts at once because it holds nothing that analyzes or replays.
#[test]
fn what_serves_holds_nothing_that_analyzes() {
    let graph = graph().dependencies;
    for program in ["emp-cost-service", "emp-cost-serve"] {
        let all = closure(&graph, program);
        for unwanted in ["emp-cost-analyzer", "emp-cost-replay", "emp-cost-fixtures", "polars"] {
            assert!(!all.contains(unwanted), "{program} pulls in {unwanted}");
        }
    }
}

#[test]
fn each_sdk_has_one_user() {
    let graph = graph().dependencies;
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
    let all = closure(&graph().dependencies, "emp-cost");
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
