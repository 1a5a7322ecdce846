use super::*;

const START: i64 = 1_782_864_000;

fn hour() -> Hour {
    Hour::starting_at(START).unwrap()
}

fn machine(first: Option<i64>, last: Option<i64>, created: Option<i64>) -> Machine {
    Machine {
        first_seen_ms: first.map(|s| (START + s) * 1000 + 337),
        last_seen_seconds: last.map(|s| START + s),
        facts: created.map(|s| Facts { created_seconds: [START + s].into(), ..Facts::default() }),
        ..Machine::default()
    }
}

fn node(machines: &[(&str, Machine)], created: &[i64], in_hour: bool) -> Node {
    Node {
        machines: machines.iter().map(|(id, machine)| ((*id).to_owned(), machine.clone())).collect(),
        in_hour,
        facts: Facts { created_seconds: created.iter().map(|s| START + s).collect(), ..Facts::default() },
    }
}

/// Start and end of each life, in seconds of the hour.
fn check(node: &Node, latest: i64, expect: &[(&str, i64, i64)]) {
    let lives = lives(node, (Some(START + latest), None), hour());
    let found: Vec<_> = lives.iter().map(|(id, _, life)| (*id, life.start - START, life.end - START)).collect();
    assert_eq!(found, expect);
}

#[test]
fn a_node_born_after_the_hour_is_not_in_it() {
    let seen = |created: &[i64], in_hour| node(&[("", machine(None, Some(3700), None))], created, in_hour);
    check(&seen(&[3590], false), 3700, &[("", 3590, 3600)]);
    check(&seen(&[3610], false), 3700, &[]);
    check(&seen(&[], false), 3700, &[]);
    check(&seen(&[], true), 3700, &[("", 0, 3600)]);
}

#[test]
fn a_node_that_vanished_ends_when_it_was_last_seen() {
    let node = node(&[("i", machine(None, Some(1900), None))], &[100], true);
    check(&node, 3700, &[("i", 100, 1900)]);
    check(&node, 1900, &[("i", 100, 3600)]);
    assert_eq!(lives(&node, (Some(START + 3700), None), hour().next()), []);
}

#[test]
fn an_object_made_anew_for_the_same_machine_does_not_make_it_younger() {
    check(&node(&[("i", machine(None, Some(3700), None))], &[-9000, 1200], true), 3700, &[("i", 0, 3600)]);
}

#[test]
fn two_machines_of_one_name_have_a_life_each() {
    let first = machine(Some(20), Some(1480), Some(-9000));
    let second = machine(Some(1700), Some(3700), Some(1690));
    let node_of = |a: &Machine, b: &Machine| node(&[("i-z", a.clone()), ("i-a", b.clone())], &[-9000, 1690], true);
    check(&node_of(&first, &second), 3700, &[("i-a", 1690, 3600), ("i-z", 0, 1480)]);
    // A second scraper that lags saw the first after the second was created.
    let lagging = Machine { last_seen_seconds: Some(START + 1720), ..first.clone() };
    check(&node_of(&lagging, &second), 3700, &[("i-a", 1690, 3600), ("i-z", 0, 1690)]);
    // No word of the second's creation: from when it was seen.
    let unknown = Machine { facts: None, ..second };
    check(&node_of(&first, &unknown), 3700, &[("i-a", 1700, 3600), ("i-z", 0, 1480)]);
}

#[test]
fn a_machine_that_shows_before_it_registered_is_one_machine() {
    let early = machine(None, Some(200), None);
    let whole = machine(None, Some(3700), None);
    check(&node(&[("", early), ("i", whole)], &[100], true), 3700, &[("i", 100, 3600)]);
}

#[test]
fn extended_capacity_is_what_has_no_column() {
    let with = |resources: &[(&str, f64)]| {
        let resources = resources.iter().map(|(name, amount)| ((Bound::Capacity, (*name).to_owned()), *amount));
        extended_capacity(&Facts { resources: resources.collect(), ..Facts::default() }, &mut Doubts::default(), "n")
    };
    assert_eq!(with(&[]), None);
    assert_eq!(with(&[("cpu", 4.0), ("vpc_amazonaws_com_pod_eni", 0.0)]), Some(vec![]));
    let gpu = with(&[("cpu", 4.0), ("nvidia_com_gpu", 4.0), ("aws_amazon_com_neuron", 1.0)]);
    assert_eq!(gpu, Some(vec!["aws_amazon_com_neuron=1".to_owned(), "nvidia_com_gpu=4".to_owned()]));
}
