//! The JSON Schema of `analysis.json`: that it is of the types as they are, and that analyses keep to it.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::sample;

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;
use types::analysis::{
    Analysis, Combine, MachineRole, Mobility, PriceKind, PriceLayer, SCHEMA, ScenarioId, WaterfallChange,
};
use types::{CommitmentKind, HourSource};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/analysis.schema.json");

/// The schema of the types, as it is written.
fn schema() -> String {
    let mut schema = schemars::schema_for!(Analysis);
    schema.insert("$id".to_owned(), format!("urn:{}", SCHEMA.replace('/', ":")).into());
    serde_json::to_string_pretty(&schema).unwrap() + "\n"
}

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(reports::ANALYSIS_SCHEMA).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn faults(analysis: &Value) -> Vec<String> {
    validator().iter_errors(analysis).map(|error| format!("{error} at {}", error.instance_path())).collect()
}

#[test]
fn the_file_is_that_of_the_types() {
    let now = schema();
    // By value: the order of keys depends on how the workspace's crates are built together.
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    if value(reports::ANALYSIS_SCHEMA) == value(&now) {
        return;
    }
    let new = Path::new(FILE).with_extension("json.new");
    fs::write(&new, now).unwrap();
    panic!("the types of an analysis changed; read `{}` and rename it to `{FILE}`", new.display());
}

#[test]
fn every_scenario_of_the_schema_is_known_by_its_id() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let ids = schema["$defs"]["ScenarioId"]["oneOf"].as_array().unwrap();
    let ids: Vec<&str> = ids.iter().map(|id| id["const"].as_str().unwrap()).collect();
    assert_eq!(ids, ScenarioId::ALL.map(ScenarioId::as_str), "`ScenarioId::ALL` lists them all, in their order");
}

#[test]
fn every_word_of_the_schema_is_read_and_named_as_it_is_written() {
    fn check<W: DeserializeOwned>(schema: &Value, of: &str, name: fn(W) -> &'static str) {
        for word in schema["$defs"][of]["oneOf"].as_array().unwrap() {
            let word = &word["const"];
            let read = serde_json::from_value(word.clone()).unwrap();
            assert_eq!(name(read), word.as_str().unwrap(), "{of}");
        }
    }
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    check(&schema, "WaterfallChange", WaterfallChange::as_str);
    check(&schema, "Combine", Combine::as_str);
    check(&schema, "CommitmentKind", CommitmentKind::as_str);
    check(&schema, "HourSource", HourSource::as_str);
    check(&schema, "MachineRole", MachineRole::as_str);
    check(&schema, "Mobility", Mobility::as_str);
    check(&schema, "PriceKind", PriceKind::as_str);
    check(&schema, "PriceLayer", PriceLayer::as_str);
}

#[test]
fn every_sample_keeps_to_it() {
    for (name, analysis) in sample::all() {
        let value = serde_json::to_value(&analysis).unwrap();
        assert_eq!(faults(&value), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn it_tells_what_is_wrong_and_lets_pass_what_is_new() {
    let mut value = serde_json::to_value(sample::believable()).unwrap();
    value["a field of a later version"] = Value::from(1);
    assert_eq!(faults(&value), Vec::<String>::new());
    value["window"]["hours_present"] = Value::from("720");
    value["scenarios"][0]["cost_usd"]["compute"] = Value::from("much");
    value.as_object_mut().unwrap().remove("verdict");
    let faults = faults(&value).join("\n");
    for part in ["/window/hours_present", "/scenarios/0/cost_usd/compute", "verdict"] {
        assert!(faults.contains(part), "{part} is not in\n{faults}");
    }
}
