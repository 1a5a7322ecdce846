//! Prices of a what-if over those of the scheduled reports: two prices files as one. A function of its arguments.

use anyhow::Context;
use toml::{Table, Value};

/// Keys that say what a row of a prices file is about; rows that are equal in all of them are about the same thing.
const ABOUT: [&str; 9] =
    ["name", "instance_type", "node_group", "node", "region", "capacity_type", "volume_type", "item", "tier"];

/// The text of one file, in which rows of `over` stand for those of `base` about the same thing. A list that is empty in
/// `over` takes away those of `base`: `commitment = []`.
pub(super) fn merged(base: &str, over: &str) -> anyhow::Result<String> {
    let read = |text: &str, whose| text.parse::<Table>().with_context(|| format!("read the prices of {whose}"));
    let (mut all, over) = (read(base, "the scheduled reports")?, read(over, "the what-if")?);
    for (name, value) in over {
        let value = match (all.remove(&name), value) {
            (Some(Value::Array(below)), Value::Array(mut rows)) if !rows.is_empty() => {
                let kept: Vec<Value> = below.into_iter().filter(|row| !rows.iter().any(|new| same(row, new))).collect();
                rows.extend(kept);
                Value::Array(rows)
            }
            (Some(Value::Table(mut below)), Value::Table(fields)) => {
                below.extend(fields);
                Value::Table(below)
            }
            (_, value) => value,
        };
        all.insert(name, value);
    }
    toml::to_string(&all).context("write the prices of the what-if")
}

fn same(a: &Value, b: &Value) -> bool {
    ABOUT.iter().all(|key| a.get(key) == b.get(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_stands_for_the_one_about_the_same_and_an_empty_list_for_none() {
        let base = "[[node]]\ninstance_type = \"a\"\nusd_per_hour = 1.0\n[[node]]\ninstance_type = \"b\"\nusd_per_hour = 2.0\n[discount]\nedp_fraction = 0.1\n[[commitment]]\nname = \"x\"\n";
        let over =
            "commitment = []\n[[node]]\ninstance_type = \"b\"\nusd_per_hour = 3.0\n[discount]\nedp_fraction = 0.2\n";
        let all: Table = merged(base, over).unwrap().parse().unwrap();
        let nodes: Vec<_> = all["node"].as_array().unwrap().iter().map(|row| row["usd_per_hour"].as_float()).collect();
        assert_eq!(nodes, [Some(3.0), Some(1.0)]);
        assert_eq!(all["discount"]["edp_fraction"].as_float(), Some(0.2));
        assert!(all["commitment"].as_array().unwrap().is_empty());
        assert_eq!(merged("", over).unwrap().parse::<Table>().unwrap()["node"].as_array().unwrap().len(), 1);
        assert!(merged("x", "").is_err());
    }
}
