//! Which EC2 nodes go: without that, elastic VMs only add to the bill.

use std::collections::BTreeMap;

use types::analysis::{Analysis, MachineRole, Scenario};

use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::scenario_words::{self, TODAY};

/// EC2 nodes of one type and capacity type, at once on average.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    pub(crate) instance_type: &'a str,
    pub(crate) capacity_type: &'a str,
    pub(crate) today: f64,
    pub(crate) then: f64,
}

/// By how much a mean must change to be worth a word.
const SAME: f64 = 0.05;

impl Change<'_> {
    /// Says what to do with the nodes of this type.
    pub(crate) fn what_to_do(&self) -> String {
        let less = self.today - self.then;
        if self.then < SAME {
            "remove".to_owned()
        } else if self.today < SAME {
            format!("add {}", some(self.then))
        } else if less >= SAME {
            format!("shrink by {}", some(less))
        } else if less <= -SAME {
            format!("grow by {}", some(-less))
        } else {
            "leave".to_owned()
        }
    }
}

/// A mean number of nodes in words that can be acted on: there is no tenth of a node.
fn some(nodes: f64) -> String {
    if nodes < 0.75 { "one, part of the time".to_owned() } else { number_format::tenths(nodes) }
}

/// Every type of EC2 node there is today or with the pool, those that shrink most first.
pub(crate) fn changes(analysis: &Analysis) -> Vec<Change<'_>> {
    let hours = f64::from(analysis.window.hours_present);
    let planned = scenario_words::planned(analysis);
    let (Some(today), Some(pool)) =
        (scenario_words::scenario(analysis, TODAY), scenario_words::scenario(analysis, planned))
    else {
        return Vec::new();
    };
    if hours <= 0.0 {
        return Vec::new();
    }
    let mut types: BTreeMap<(&str, &str), (f64, f64)> = BTreeMap::new();
    let mut add = |scenario, is_today: bool| {
        for (key, at_once) in nodes(scenario, hours) {
            let entry = types.entry(key).or_default();
            if is_today { entry.0 += at_once } else { entry.1 += at_once }
        }
    };
    add(today, true);
    add(pool, false);
    let mut changes: Vec<Change<'_>> = types
        .into_iter()
        .map(|((instance_type, capacity_type), (today, then))| Change { instance_type, capacity_type, today, then })
        .filter(|change| change.today >= SAME || change.then >= SAME)
        .collect();
    changes.sort_by(|a, b| (b.today - b.then).total_cmp(&(a.today - a.then)));
    changes
}

fn nodes(scenario: &Scenario, hours: f64) -> impl Iterator<Item = ((&str, &str), f64)> {
    let nodes = scenario.machine_hours.iter().filter(|row| row.kind == MachineRole::Node);
    nodes.map(move |row| ((row.instance_type.as_str(), row.capacity_type.as_str()), row.hours / hours))
}

fn at_once(nodes: f64) -> Cell {
    if nodes < SAME { Cell::absent("none") } else { Cell::new(number_format::tenths(nodes)) }
}

/// The changes as a table; empty where they are not known.
pub(crate) fn table(analysis: &Analysis) -> Table {
    let row = |change: Change<'_>| {
        Row::new(vec![
            Cell::name(change.instance_type).sub(change.capacity_type),
            at_once(change.today),
            at_once(change.then),
            Cell::new(change.what_to_do()),
        ])
    };
    Table::new(
        "EC2 nodes at once, on average",
        vec![
            Column::text("Instance type"),
            Column::number("Today", "nodes"),
            Column::number("With EMP", "nodes"),
            Column::text("Action"),
        ],
        changes(analysis).into_iter().map(row).collect(),
    )
    .first(10)
}
