//! Right-sized requests, container by container: the table of the page. The files are in [`manifest_files`].

pub(crate) mod manifest_files;

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::{Caution, ContainerSize, RightSizing, SkipReason, SkippedContainer};
use types::wording::{counted, quantity};

use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table, cut, others};
use crate::page_view::View;
use crate::scenario_words;

/// The section.
#[derive(Debug, Template)]
#[template(path = "rightsizing.html")]
pub(crate) struct SizesPart {
    lead: String,
    rule: String,
    containers: Table,
    skipped: Table,
    commands: String,
}

impl HtmlSafe for SizesPart {}

/// Rows shown before the fold.
const SHOWN: usize = 5;
/// Containers whose command stands on the page; the file has all.
const COMMANDS: usize = 20;

impl SizesPart {
    /// The section; `None` for an analysis that predates it, and where no container was seen.
    pub(crate) fn new(analysis: &View<'_>) -> Option<Self> {
        let sizes = analysis.right_sizing.as_ref()?;
        (!sizes.containers.is_empty() || !sizes.skipped.is_empty()).then(|| Self {
            lead: lead(analysis, sizes),
            rule: rule(sizes),
            containers: containers(analysis, sizes),
            skipped: skipped(sizes),
            commands: manifest_files::commands(sizes.savers().take(COMMANDS)),
        })
    }
}

fn count(n: usize) -> String {
    number_format::grouped(number_format::number(n), 0)
}

fn lead(analysis: &View<'_>, sizes: &RightSizing) -> String {
    let savers = sizes.savers().count();
    let saved: f64 = sizes.savers().filter_map(|one| one.saving_monthly_usd).sum();
    let raised = sizes.containers.iter().filter(|one| one.saving_monthly_usd.is_some_and(|usd| usd < 0.0)).count();
    if sizes.containers.is_empty() {
        return "The requests of every container fit what it uses.".to_owned();
    }
    let mut text = format!(
        "{} of {} {} more than {}; the excess costs {} a month at today’s prices. How much of it is saved depends on how \
         many whole nodes go: see the steps above.",
        count(savers),
        counted(sizes.containers.len() + sizes.skipped.len(), "container"),
        if savers == 1 { "requests" } else { "request" },
        if savers == 1 { "it uses" } else { "they use" },
        analysis.usd(saved)
    );
    if raised > 0 {
        let which = if raised == 1 { "One requests".to_owned() } else { format!("{} request", count(raised)) };
        text.push_str(&format!(" {which} too little and should be raised."));
    }
    text
}

fn rule(sizes: &RightSizing) -> String {
    format!(
        "CPU is the {} percentile of five-minute means over all pods of the workload, memory the largest sample plus {}, \
         from the last {} of the window. Changes of less than {} are left out.",
        types::wording::ordinal(sizes.cpu_percentile),
        number_format::percent_round(sizes.memory_margin),
        counted(sizes.days, "day"),
        number_format::percent_round(sizes.tolerance),
    )
}

/// CPU as Kubernetes writes it, in plain words where there is none.
fn cpu(millicores: Option<u32>) -> String {
    millicores.map_or_else(|| "none".to_owned(), |millicores| format!("{}m", number_format::count(millicores)))
}

/// Memory as Kubernetes writes it.
fn memory(mib: Option<u32>) -> String {
    mib.map_or_else(|| "none".to_owned(), |mib| format!("{}Mi", number_format::count(mib)))
}

fn containers(analysis: &View<'_>, sizes: &RightSizing) -> Table {
    let row = |one: &ContainerSize| {
        let cautions: Vec<String> = one.cautions.iter().map(|caution| caution.name().to_owned()).collect();
        Row::new(vec![
            Cell::name(&one.container).sub(format!(
                "{} {}/{}, {}",
                one.workload_kind,
                one.namespace,
                one.workload,
                quantity(one.pods_mean, "pod")
            )),
            Cell::new(cpu(Some(one.cpu_target_millicores))).sub(format!("now {}", cpu(one.cpu_request_millicores))),
            Cell::new(memory(Some(one.memory_target_mib))).sub(format!("now {}", memory(one.memory_request_mib))),
            Cell::new(cpu(Some(one.cpu_max_millicores))).sub(format!("p99 {}", cpu(Some(one.cpu_p99_millicores)))),
            Cell::new(memory(Some(one.memory_max_mib))),
            Cell::new(number_format::count(one.days_seen)),
            match one.saving_monthly_usd {
                Some(usd) => Cell::new(analysis.usd(usd)).tone(usd),
                None => Cell::absent(number_format::UNKNOWN),
            },
            if cautions.is_empty() {
                Cell::absent("–")
            } else {
                Cell::new(scenario_words::sentence(&cautions.join("; ")))
            },
        ])
    };
    let mut rows: Vec<Row> = sizes.containers.iter().map(row).collect();
    let together = |head: Cell, containers: &[ContainerSize]| {
        let freed: Vec<Option<f64>> = containers.iter().map(|one| one.saving_monthly_usd).collect();
        let mut cells = vec![head];
        cells.extend((0..5).map(|_| Cell::new("")));
        cells.push(analysis.total_cell(&freed, |view, usd| Cell::new(view.usd(usd)).tone(usd)));
        cells.push(Cell::new(""));
        cells
    };
    cut(&mut rows, |from| {
        let rest = sizes.containers.get(from..).unwrap_or_default();
        Row::new(together(others(rest.len(), "container"), rest))
    });
    if rows.len() > 1 {
        rows.push(Row::total(together(Cell::new("All containers").sub(raised_too(sizes)), &sizes.containers)));
    }
    Table::new(
        "Requests to set, the largest saving first; per month of 730 hours",
        vec![
            Column::text("Container"),
            Column::number("Set CPU", "request"),
            Column::number("Set memory", "request"),
            Column::number("CPU peak", "five minutes"),
            Column::number("Memory peak", ""),
            Column::number("Days", "seen"),
            Column::number("Frees", "a\u{a0}month"),
            Column::text("Cautions"),
        ],
        rows,
    )
    .first(SHOWN)
}

/// Names what is in the sum of what is freed and lessens it.
fn raised_too(sizes: &RightSizing) -> &'static str {
    let is_raised = |one: &ContainerSize| one.saving_monthly_usd.is_some_and(|usd| usd < 0.0);
    if sizes.containers.iter().any(is_raised) { "less what raised requests cost" } else { "" }
}

fn skipped(sizes: &RightSizing) -> Table {
    let row = |one: &SkippedContainer| {
        Row::new(vec![
            Cell::name(&one.container).sub(format!("{} {}/{}", one.workload_kind, one.namespace, one.workload)),
            Cell::new(scenario_words::sentence(one.reason.name())),
        ])
    };
    Table::new(
        "Containers without a target",
        vec![Column::text("Container"), Column::text("Why")],
        sizes.skipped.iter().map(row).collect(),
    )
}

/// Names of cautions and reasons for the documentation of the tables.
pub(crate) fn caution(caution: Caution) -> &'static str {
    match caution {
        Caution::MemoryNearLimit => "memory_near_limit",
        Caution::CpuThrottled => "cpu_throttled",
        Caution::Restarted => "restarted",
        Caution::Autoscaled => "autoscaled",
        Caution::FewDays => "few_days",
        Caution::LimitBelowTarget => "limit_below_target",
    }
}

/// The name of a reason as it is written.
pub(crate) fn skip_reason(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::NoUsage => "no_usage",
        SkipReason::TooFewDays => "too_few_days",
        SkipReason::Fits => "fits",
        SkipReason::NoOwner => "no_owner",
    }
}
