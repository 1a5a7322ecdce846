//! Right-sized requests as a table and as files that a shell, Kustomize and a cluster can read.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::sample;

use std::process::Command;

use crate::dom::Dom;
use reports::export::{Format, Report, files};
use reports::{Options, focus};
use serde_json::Value;
use types::analysis::Analysis;

/// Files of the folder, by name.
fn written(analysis: &Analysis) -> Vec<(String, String)> {
    let (options, settings) = (Options::default(), focus::Settings::default());
    let report = Report { analysis, json: b"{}", options: &options, focus: &settings };
    let files = files(&report, &[Format::RightSizing]).unwrap();
    files.into_iter().map(|file| (file.name, String::from_utf8(file.content).unwrap())).collect()
}

fn file<'a>(files: &'a [(String, String)], name: &str) -> &'a str {
    &files.iter().find(|file| file.0 == format!("right-sizing/{name}")).unwrap_or_else(|| panic!("no {name}")).1
}

/// Every document of a YAML file.
fn documents(yaml: &str) -> Vec<Value> {
    yaml.split("\n---\n").map(|one| serde_saphyr::from_str(one).unwrap()).collect()
}

#[test]
fn the_table_names_what_to_set_and_what_to_mind() {
    let dom = Dom::parse(&reports::page(&sample::right_sizing(), &Options::default()).unwrap());
    let text = dom.section("rightsizing").unwrap().replace('\u{a0}', " ");
    for part in [
        "5 of 9 containers request more than they use",
        "One requests too little and should be raised.",
        "CPU is the 95th percentile",
        "240m",
        "now 1,000m",
        "1,472Mi",
        "Throttled at its CPU limit",
        "−$64",
        "No sample of its usage",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn patches_set_what_the_table_says_and_raise_limits_with_it() {
    let files = written(&sample::right_sizing());
    let component = &documents(file(&files, "kustomization.yaml"))[0];
    assert_eq!(component["kind"], "Component");
    let listed = component["patches"].as_array().unwrap();
    // A Rollout has no patch that Kustomize can merge by name.
    assert_eq!(listed.len(), 5);
    let patches: Vec<Value> =
        listed.iter().map(|patch| documents(file(&files, patch["path"].as_str().unwrap())).remove(0)).collect();
    let patch = |name: &str| patches.iter().find(|patch| patch["metadata"]["name"] == name).unwrap();
    let api = &patch("checkout-api")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!((&api["name"], &api["resources"]["requests"]["cpu"]), (&"api".into(), &"240m".into()));
    assert_eq!(api["resources"]["requests"]["memory"], "1472Mi");
    assert!(api["resources"].get("limits").is_none());
    let cart = &patch("cart")["spec"]["template"]["spec"]["containers"][0]["resources"];
    assert_eq!((&cart["requests"]["memory"], &cart["limits"]["memory"]), (&"212Mi".into(), &"212Mi".into()));
    let job = &patch("reports")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!((&patch("reports")["apiVersion"], &job["name"]), (&"batch/v1".into(), &"job".into()));
}

#[test]
fn vpa_objects_change_nothing_and_leave_cpu_to_an_autoscaler() {
    let files = written(&sample::right_sizing());
    let objects = documents(file(&files, "vpa.yaml"));
    assert_eq!(objects.len(), 5);
    for object in &objects {
        assert_eq!(object["kind"], "VerticalPodAutoscaler");
        assert_eq!(object["spec"]["updatePolicy"]["updateMode"], "Off");
        let policy = &object["spec"]["resourcePolicy"]["containerPolicies"][0];
        let scaled = object["metadata"]["name"] == "checkout-api";
        assert_eq!(policy["controlledResources"].as_array().unwrap().len(), if scaled { 1 } else { 2 });
    }
}

/// Returns what a real shell hands to kubectl: the arguments of each call, a line each.
fn run(script: &str) -> Vec<Vec<String>> {
    let stub = "kubectl() { for arg in \"$@\"; do printf '%s\\037' \"$arg\"; done; printf '\\036'; }\n";
    let output = Command::new("sh").arg("-eu").arg("-c").arg(format!("{stub}{script}")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let calls = text.split('\u{1e}').filter(|call| !call.is_empty());
    calls.map(|call| call.split('\u{1f}').filter(|arg| !arg.is_empty()).map(str::to_owned).collect()).collect()
}

#[test]
fn commands_are_what_a_shell_runs() {
    let files = written(&sample::right_sizing());
    let calls = run(file(&files, "kubectl.sh"));
    assert_eq!(calls.len(), 5, "{calls:?}");
    let expect = [
        "set",
        "resources",
        "deployment/checkout-api",
        "--namespace",
        "checkout",
        "--containers",
        "api",
        "--requests=cpu=240m,memory=1472Mi",
    ];
    assert_eq!(calls[0], expect);
    assert_eq!(calls[4].last().unwrap(), "--limits=memory=212Mi");
}

#[test]
fn a_hostile_name_is_text_in_every_file() {
    let names = ["x'; touch /tmp/pwned; '", "$(id)", "a\nkubectl delete pod", "`id`", "\"quoted\": {}", "\u{202e}evil"];
    for name in names {
        let mut analysis = sample::right_sizing();
        for one in &mut analysis.right_sizing.as_mut().unwrap().containers {
            for text in [&mut one.namespace, &mut one.workload, &mut one.container] {
                *text = name.to_owned();
            }
        }
        let files = written(&analysis);
        let calls = run(file(&files, "kubectl.sh"));
        assert_eq!(calls.len(), 5, "{name}: {calls:?}");
        let plain: String = name.chars().filter(|c| !c.is_control() && *c != '\u{202e}').collect();
        assert!(calls.iter().all(|call| call[6] == plain), "{name}: {calls:?}");
        for (file, text) in files.iter().filter(|file| file.0.ends_with(".yaml")) {
            for document in documents(text) {
                let of = |value: &Value| value.as_str().is_none_or(|text| text == name);
                let is_object = document["kind"] != "Component";
                assert!(!is_object || of(&document["metadata"]["name"]), "{file}: {document}");
            }
        }
    }
}

#[test]
fn nothing_to_change_writes_nothing() {
    let mut analysis = sample::right_sizing();
    analysis.right_sizing.as_mut().unwrap().containers.clear();
    assert_eq!(written(&analysis), []);
    analysis.right_sizing = None;
    assert_eq!(written(&analysis), []);
}
