use super::*;
use crate::machine_types::{Catalog, HostType};

fn check(text: &str, expect: &str) {
    let error = Assumptions::from_toml(text).unwrap_err().to_string();
    assert!(error.contains(expect), "{text:?} gives {error:?}");
}

#[test]
fn unknown_keys_and_bad_values_are_named() {
    check("[emp]\nmemory_overcomit = 2", "`emp.memory_overcomit`; did you mean `emp.memory_overcommit`?");
    check("smt_yield = 1", "did you mean `machine.smt_yield`?");
    check("[emp]\nx = {}", "unknown assumption `emp.x`");
    check("emp.memory_overcommit = 0.5", "`emp.memory_overcommit` is 0.5; expected a number from 1 to 10");
    check("emp.memory_model = \"ballooned\"", "expected one of high_water, working_set, touched");
    check("emp.host_threshold = nan", "expected a number from 0.1 to 1");
    check("emp = [", "not valid TOML");
    check("emp.migration_bytes_per_second = 1000000000000", "expected a number from 1000000 to 100000000000");
}

#[test]
fn a_whole_number_may_be_as_large_as_its_domain() {
    let assumptions = Assumptions::from_toml("emp.migration_bytes_per_second = 50000000000").unwrap();
    assert_eq!(assumptions.emp_migration_bytes_per_second, 5e10);
}

#[test]
fn every_key_is_unique_and_explained_and_its_default_is_accepted() {
    let mut names: Vec<_> = Assumptions::KEYS.iter().map(|key| key.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Assumptions::KEYS.len());
    for key in Assumptions::KEYS {
        assert!(!key.source.is_empty() && !key.effect.is_empty(), "{}", key.name);
        let text = match key.domain.default_value() {
            Value::Number(number) => format!("{} = {number:?}", key.name),
            Value::Name(name) => format!("{} = \"{name}\"", key.name),
        };
        assert_eq!(Assumptions::from_toml(&text).unwrap(), Assumptions::default(), "{text}");
    }
    assert!(in_force(&Assumptions::default()).iter().all(|row| !row.changed && row.value == row.default));
}

fn host() -> HostType {
    HostType {
        name: "m5.metal".into(),
        threads: 96,
        memory_mib: 393_216,
        max_attachments: 31,
        max_ips: 737,
        price: None,
    }
}

fn setup() -> Setup {
    let mut setup = Setup::new("emp", Catalog::default().into());
    setup.pool = Some(Pool::new(host(), &Catalog::default(), &[]));
    setup
}

#[test]
fn the_defaults_are_those_of_the_engine() {
    let mut applied = setup();
    Assumptions::default().apply(&mut applied);
    assert_eq!(applied, setup());
    assert_eq!(Assumptions::default().right_sizing(), RightSizing::default());
}

#[test]
fn every_key_changes_something() {
    let state = |assumptions: &Assumptions| {
        let mut setup = setup();
        assumptions.apply(&mut setup);
        let fee = (
            assumptions.emp_fee_fraction,
            assumptions.emp_evm_disk_gib,
            assumptions.ec2_largest_machine,
            assumptions.risk_headroom_cost,
            assumptions.emp_zones,
        );
        format!("{setup:?}{:?}{:?}{fee:?}", assumptions.right_sizing(), assumptions.limits())
    };
    for key in Assumptions::KEYS {
        let other = match key.domain {
            Domain::Number { default, min, max } if default == max => format!("{min:?}"),
            Domain::Number { max, .. } => format!("{max:?}"),
            Domain::Name { allowed } => format!("\"{}\"", allowed[1]),
        };
        // Parameters of a predictor show only under it.
        let predictor = match key.name {
            "emp.predictor_sigmas" => "emp.predictor = \"n_sigma\"\n",
            "emp.predictor_percentile" => "emp.predictor = \"percentile\"\n",
            _ => "",
        };
        let before = Assumptions::from_toml(predictor).unwrap();
        let after = Assumptions::from_toml(&format!("{predictor}{} = {other}", key.name)).unwrap();
        assert_ne!(state(&before), state(&after), "{}", key.name);
        assert!(in_force(&after).iter().any(|row| row.key == key.name && row.changed));
    }
}

/// The table of keys as `MODEL.md` must hold it.
fn table() -> String {
    let mut rows =
        String::from("| key | default | unit | source of the default | what it changes |\n|---|---|---|---|---|\n");
    for row in in_force(&Assumptions::default()) {
        rows += &format!("| `{}` | {} | {} | {} | {} |\n", row.key, row.default, row.unit, row.source, row.effect);
    }
    rows
}

#[test]
fn the_model_document_holds_every_key() {
    let document = include_str!("../../MODEL.md");
    assert!(document.contains(&table()), "MODEL.md should hold this table:\n{}", table());
}
