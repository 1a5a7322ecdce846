//! Which EC2 node groups shrink, as a note in Markdown.

use types::analysis::Analysis;

use crate::number_format;
use crate::removed_ec2_nodes::{self, Change};
use crate::scenario_words;

/// The note.
pub(super) fn text(analysis: &Analysis, about: &[String]) -> String {
    let mut text: String = about.iter().map(|line| format!("<!-- {line} -->\n")).collect();
    text.push_str(&format!(
        "\n# EC2 nodes that go\n\nThe saving is only real once these node groups shrink. Numbers are nodes at once, on average \
         over the window; set minimum and maximum of a group from its own peaks. {}\n\n\
         | instance type | bought as | today | with elastic VMs | action |\n|---|---|---:|---:|---|\n",
        scenario_words::what_stays(analysis)
    ));
    for change in removed_ec2_nodes::changes(analysis) {
        let Change { instance_type, capacity_type, today, then } = &change;
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            cell(instance_type),
            cell(capacity_type),
            number_format::tenths(*today),
            number_format::tenths(*then),
            change.what_to_do()
        ));
    }
    let groups = analysis.allocation.iter().flat_map(|allocation| &allocation.by_node_group);
    let named: Vec<_> = groups.filter_map(|group| Some((group.name.as_ref()?, group))).collect();
    if !named.is_empty() {
        text.push_str("\nNode groups of today, and how much of their cost is idle:\n\n| node group | node-hours | idle |\n|---|---:|---:|\n");
        for (name, group) in named {
            let idle = if group.shares.total_usd > 0.0 {
                number_format::percent(group.shares.idle_usd / group.shares.total_usd)
            } else {
                number_format::UNKNOWN.to_owned()
            };
            text.push_str(&format!("| {} | {} | {idle} |\n", cell(name), number_format::quantity(group.node_hours)));
        }
    }
    text
}

/// A name in a cell of a table: what means something in Markdown or HTML is escaped.
fn cell(name: &str) -> String {
    let mut cell = String::new();
    for c in scenario_words::plain(name).chars() {
        match c {
            '<' => cell.push_str("&lt;"),
            '>' => cell.push_str("&gt;"),
            '&' => cell.push_str("&amp;"),
            '\u{2028}' | '\u{2029}' => cell.push(' '),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '!' | '#' | '~' => cell.extend(['\\', c]),
            c => cell.push(c),
        }
    }
    cell
}
