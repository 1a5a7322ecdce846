//! Drafts are files that a cluster's tools can read, whatever the names in them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use crate::sample;

use reports::{Draft, drafts};
use serde_json::{Value, json};

fn yaml(draft: &Draft) -> Vec<Value> {
    serde_saphyr::from_multiple(&draft.text).unwrap_or_else(|error| panic!("{}: {error}\n{}", draft.name, draft.text))
}

fn find<'a>(drafts: &'a [Draft], name: &str) -> &'a Draft {
    drafts.iter().find(|draft| draft.name == name).unwrap()
}

/// The namespaces of a profile, out of the string of JSON that it holds.
fn namespaces(draft: &Draft) -> Vec<String> {
    let profile = &yaml(draft)[0];
    assert_eq!(profile["kind"], "ConfigMap");
    assert_eq!(profile["metadata"], json!({"name": "emp-profile-cm", "namespace": "default"}));
    let labels: Value = serde_json::from_str(profile["data"]["labels"].as_str().unwrap()).unwrap();
    assert!(labels.is_object());
    serde_json::from_str(profile["data"]["namespaces"].as_str().unwrap()).unwrap()
}

#[test]
fn there_are_none_without_a_plan() {
    assert_eq!(drafts(&sample::believable()), []);
    assert_eq!(drafts(&sample::full_losing()), []);
}

#[test]
fn every_draft_says_that_it_is_one() {
    let drafts = drafts(&sample::full());
    let names: Vec<&str> = drafts.iter().map(|draft| draft.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "emp-profile-cm-wave-1.yaml",
            "emp-profile-cm-wave-2.yaml",
            "emp-profile-cm-wave-3.yaml",
            "workload-patch.yaml",
            "baremetal-pool.yaml",
            "evm-pool.yaml",
            "node-groups.md"
        ]
    );
    for draft in &drafts {
        let first = draft.text.lines().next().unwrap();
        assert!(first.starts_with("# DRAFT") || first.starts_with("<!-- DRAFT"), "{}: {first}", draft.name);
        assert!(draft.text.contains("last seen 2025-02") && draft.text.contains("shop-production"), "{}", draft.name);
    }
}

#[test]
fn waves_are_cumulative() {
    let drafts = drafts(&sample::full());
    let of = |wave: usize| namespaces(find(&drafts, &format!("emp-profile-cm-wave-{wave}.yaml")));
    assert_eq!(of(1), ["ci", "data-platform"]);
    assert_eq!(of(2), ["ci", "data-platform", "recommendations"]);
    assert_eq!(of(3), ["checkout", "ci", "data-platform", "recommendations", "search"]);
}

#[test]
fn pools_say_what_the_replay_found_and_no_more() {
    let drafts = drafts(&sample::full());
    let metal = &yaml(find(&drafts, "baremetal-pool.yaml"))[0];
    assert_eq!((&metal["apiVersion"], &metal["kind"]), (&json!("emp.pf9.io/v1alpha1"), &json!("BaremetalPool")));
    let template = &metal["spec"]["poolTemplate"];
    assert_eq!(template["instanceType"], "m5.metal");
    assert_eq!(template["azs"], json!(["us-east-1a", "us-east-1b", "us-east-1c"]));
    assert_eq!((&template["minMachines"], &template["maxMachines"]), (&json!(3), &json!(4)));
    assert_eq!(template["network"]["subnets"].as_array().unwrap().len(), 6);
    assert_eq!(template["network"]["vpc"]["id"], "REPLACE_ME");
    let evms = yaml(find(&drafts, "evm-pool.yaml"));
    assert_eq!(evms.len(), 2);
    assert_eq!(evms[0]["spec"]["overcommitMultipler"], json!({"cpu": 3, "memory": 1.5}));
    assert_eq!((&evms[0]["spec"]["instanceType"], &evms[0]["spec"]["minEVMs"]), (&json!("m5.4xlarge"), &json!(17)));
    assert_eq!(evms[0]["spec"]["rootDiskConfig"]["size"], "50Gi");
    let patch = &yaml(find(&drafts, "workload-patch.yaml"))[0]["spec"]["template"]["spec"];
    assert_eq!(patch["tolerations"][0]["value"], "true");
    assert_eq!(patch["nodeSelector"], json!({"emp.pf9.io/owned": "true"}));
    let groups = &find(&drafts, "node-groups.md").text;
    assert!(groups.contains("| m5.4xlarge | on-demand | 17.6 | 0.0 | remove |"), "{groups}");
}

#[test]
fn hostile_names_stay_names() {
    let names: Vec<String> = sample::HOSTILE
        .iter()
        .map(|name| (*name).to_owned())
        .chain([
            "a: b\n- c # d".to_owned(),
            "\u{7f}\u{85}\u{2028}\u{0}\\\"".to_owned(),
            "--> | `x`\n---".to_owned(),
            "x".repeat(253),
        ])
        .collect();
    for name in &names {
        let mut analysis = sample::full();
        analysis.cluster_id.clone_from(name);
        analysis.region = Some(name.clone());
        let plan = analysis.plan.as_mut().unwrap();
        plan.host_type.clone_from(name);
        plan.evm_types[0].0.clone_from(name);
        plan.pools.iter_mut().for_each(|pool| pool.zone = Some(name.clone()));
        plan.waves[0].namespaces = vec![name.clone(), "plain".to_owned()];
        analysis.selection.as_mut().unwrap().labels = vec![format!("{name}={name}")];
        for machine in &mut analysis.scenarios[0].machine_hours {
            machine.instance_type.clone_from(name);
        }
        let drafts = drafts(&analysis);
        for draft in drafts.iter().filter(|draft| draft.name.ends_with(".yaml")) {
            assert!(draft.text.lines().take(3).all(|line| line.starts_with("# ")), "{}", draft.text);
            assert!(!yaml(draft).is_empty());
        }
        assert!(namespaces(find(&drafts, "emp-profile-cm-wave-1.yaml")).contains(name), "{name}");
        let metal = &yaml(find(&drafts, "baremetal-pool.yaml"))[0]["spec"]["poolTemplate"];
        assert_eq!((&metal["instanceType"], &metal["azs"][0]), (&json!(name), &json!(name)));
        let groups = &find(&drafts, "node-groups.md").text;
        assert_eq!(groups.matches("<!--").count(), 3, "{groups}");
        assert_eq!(groups.matches("-->").count(), 3, "{groups}");
        assert!(!groups.contains("<script"), "{groups}");
    }
}
