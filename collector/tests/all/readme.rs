//! The tables of settings and of metrics in the README are those of the program.

use clap::{Arg, Args, Command};
use collector::args::{CollectArgs, LogArgs, ScheduleArgs};
use collector::metric_catalogue::{METRICS, Metric, Need};

const START: &str = "<!-- settings: a test compares this table with the flags -->\n";
const END: &str = "<!-- end of settings -->\n";

fn row(arg: &Arg) -> Option<String> {
    let flag = format!("`--{}`", arg.get_long()?);
    let variable = arg.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default();
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let default = match defaults.join(",").as_str() {
        "" if arg.is_required_set() => "required".to_owned(),
        "" | "false" => String::new(),
        text => format!("`{text}`"),
    };
    let help = arg.get_help()?.to_string().replace('\n', " ").replace('|', "\\|");
    Some(format!("| {flag} | {variable} | {default} | {help} |\n"))
}

fn table() -> String {
    let command = LogArgs::augment_args(ScheduleArgs::augment_args(CollectArgs::augment_args(Command::new("x"))));
    let mut table = "| flag | environment | default | what |\n|---|---|---|---|\n".to_owned();
    command.get_arguments().filter_map(row).for_each(|row| table.push_str(&row));
    table
}

/// Returns what stands in the README between two lines.
fn listed(start: &str, end: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (_, rest) = readme.split_once(start).unwrap();
    rest.split_once(end).unwrap().0.to_owned()
}

#[test]
fn the_readme_lists_every_setting() {
    let (listed, table) = (listed(START, END), table());
    assert_eq!(listed, table, "the table of settings in README.md is not that of the flags; it must read:\n{table}");
}

fn metric_row(metric: &Metric) -> String {
    let need = match metric.need {
        Need::Required => "required",
        Need::Recommended => "advised",
        Need::Optional => "optional",
    };
    let flag = if metric.flag.is_empty() { String::new() } else { format!(", with `{}`", metric.flag) };
    let Metric { name, purpose, otherwise, .. } = metric;
    format!("| `{name}` | {}{flag} | {need} | {purpose} | {otherwise} |\n", metric.exporter.name())
}

#[test]
fn the_readme_lists_every_metric() {
    let mut table = "| metric | exporter | need | for | without it |\n|---|---|---|---|---|\n".to_owned();
    METRICS.iter().map(metric_row).for_each(|row| table.push_str(&row));
    let start = "<!-- metrics: a test compares this table with the catalogue -->\n";
    let listed = listed(start, "<!-- end of metrics -->\n");
    assert_eq!(listed, table, "the table of metrics in README.md is not the catalogue; it must read:\n{table}");
}
