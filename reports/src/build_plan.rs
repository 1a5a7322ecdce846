//! Plan of what to build, in which order, and which EC2 nodes then go.

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::{HostConsidered, Plan, PoolPlan, Wave};

use crate::manifest_drafts::{self, Draft};
use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::removed_ec2_nodes;
use crate::scenario_words;

/// The section.
#[derive(Debug, Template)]
#[template(path = "build_plan.html")]
pub(crate) struct PlanPart {
    lead: String,
    pool: Table,
    zones: Table,
    waves: Table,
    reduction: Table,
    /// Fate of the pods that do not move, as a sentence.
    stays: &'static str,
    hosts: Table,
    drafts: Vec<Draft>,
}

impl HtmlSafe for PlanPart {}

impl PlanPart {
    /// The section; `None` unless a pool is recommended or was asked for by a profile, or nothing was judged.
    pub(crate) fn new(analysis: &View<'_>) -> Option<Self> {
        let plan = analysis.plan.as_ref();
        let is_recommended = analysis.verdict.recommendation.as_deref().is_some_and(|id| id.starts_with("emp"));
        let is_asked_for = analysis.selection.as_ref().is_some_and(|selection| selection.profile.is_some());
        let is_older = analysis.verdict.reason.is_none();
        let is_there =
            (plan.is_some() || !analysis.hosts_considered.is_empty()) && (is_recommended || is_asked_for || is_older);
        let empty = || Table::new("", Vec::new(), Vec::new());
        is_there.then(|| Self {
            lead: lead(analysis, plan),
            pool: plan.map_or_else(empty, |plan| pool(analysis, plan)),
            zones: plan.map_or_else(empty, zones),
            waves: plan.map_or_else(empty, |plan| waves(analysis, plan)),
            reduction: if plan.is_some() { removed_ec2_nodes::table(analysis) } else { empty() },
            stays: scenario_words::what_stays(analysis),
            hosts: hosts(analysis),
            drafts: manifest_drafts::drafts(analysis),
        })
    }
}

fn lead(analysis: &View<'_>, plan: Option<&Plan>) -> String {
    let Some(plan) = plan else {
        return "There is no plan: no elastic machine pool is recommended or comes close.".to_owned();
    };
    let what = format!(
        "A pool of {} hosts, with elastic VMs that mirror EC2 types on them, filled namespace by namespace.",
        scenario_words::plain(&plan.host_type)
    );
    match analysis.verdict.recommendation.as_deref() {
        Some(id) if id.starts_with("emp") => what,
        Some(_) => format!("This is not what is recommended here; it shows what it would take. {what}"),
        None => format!("Nothing is recommended yet; this shows what it would take. {what}"),
    }
}

fn between((least, most): (u32, u32)) -> String {
    if least == most {
        number_format::count(least)
    } else {
        format!("{} to {}", number_format::count(least), number_format::count(most))
    }
}

/// The pool as a whole.
fn pool(analysis: &View<'_>, plan: &Plan) -> Table {
    let hours = f64::from(analysis.window.hours_present);
    let ratio = |ratio: Option<f64>| match ratio {
        Some(ratio) => Cell::new(format!("× {ratio}")),
        None => Cell::absent(number_format::UNKNOWN),
    };
    let spare = match plan.spare_hosts_per_zone {
        0 => "fewest and most at once after the first day".to_owned(),
        n => format!("fewest and most at once after the first day; and {}", types::wording::spare_hosts(n)),
    };
    let mut rows = vec![
        Row::new(vec![
            Cell::new("Host type"),
            Cell::name(&plan.host_type),
            Cell::new("bare metal, one type to a pool"),
        ]),
        Row::new(vec![Cell::new("Hosts"), Cell::new(between(plan.hosts)), Cell::new(spare)]),
        Row::new(vec![
            Cell::new("Memory overcommit"),
            ratio(plan.memory_overcommit),
            Cell::new("memory of elastic VMs on a host, as a multiple of its own"),
        ]),
        Row::new(vec![
            Cell::new("CPU overcommit"),
            ratio(plan.cpu_overcommit),
            Cell::new("vCPU of elastic VMs on a host, as a multiple of its threads"),
        ]),
    ];
    rows.extend(plan.evm_types.iter().map(|(name, of)| {
        let at_once = if hours > 0.0 {
            format!("{} at once on average", number_format::tenths(of / hours))
        } else {
            String::new()
        };
        Row::new(vec![Cell::new("Elastic VMs"), Cell::name(name), Cell::new(at_once)])
    }));
    Table::new("The pool", vec![Column::text("What"), Column::text("Value"), Column::text("Meaning")], rows)
}

/// Fewest and most of everything in each zone.
fn zones(plan: &Plan) -> Table {
    let mut rows = Vec::new();
    for PoolPlan { zone, hosts, evms } in &plan.pools {
        let cell = || zone.as_ref().map_or_else(|| Cell::absent("zone not known"), Cell::name);
        rows.push(Row::total(vec![
            cell(),
            Cell::name(&plan.host_type).sub("host"),
            Cell::new(number_format::count(hosts.0)),
            Cell::new(number_format::count(hosts.1)),
        ]));
        rows.extend(evms.iter().map(|(name, least, most)| {
            Row::new(vec![
                cell(),
                Cell::name(name).sub("elastic VM"),
                Cell::new(number_format::count(*least)),
                Cell::new(number_format::count(*most)),
            ])
        }));
    }
    Table::new(
        "Machines of the pool in each zone, after the first day",
        vec![
            Column::text("Zone"),
            Column::text("Machine"),
            Column::number("Fewest", "at once"),
            Column::number("Most", "at once"),
        ],
        rows,
    )
}

fn waves(analysis: &View<'_>, plan: &Plan) -> Table {
    let row = |(n, wave): (usize, &Wave)| {
        let names: Vec<String> = wave.namespaces.iter().map(|name| scenario_words::plain(name)).collect();
        Row::new(vec![
            Cell::new(format!("Wave {}", n + 1)).sub(names.join(", ")),
            analysis.monthly_cell(wave.saving_usd).tone(wave.saving_usd.unwrap_or(0.0)),
            analysis.monthly_cell(wave.marginal_saving_usd).tone(wave.marginal_saving_usd.unwrap_or(0.0)),
            wave.dual_running_usd
                .map_or_else(|| Cell::absent(number_format::UNKNOWN), |usd| Cell::new(analysis.usd(usd))),
            match wave.payback_days {
                Some(days) => Cell::new(crate::first_screen::span(days)),
                None => Cell::absent("never"),
            },
        ])
    };
    Table::new(
        if analysis.verdict.reason.is_some() {
            "Waves, each a replay of everything moved so far, against today’s machines, on which the rest stays"
        } else {
            "Waves, each a replay of everything moved so far, against EC2 repacked"
        },
        vec![
            Column::text("Wave"),
            Column::number("Saving so far", "per month"),
            Column::number("By this wave", "per month"),
            Column::number("Running both", "two weeks, once"),
            Column::number("Paid back in", ""),
        ],
        plan.waves.iter().enumerate().map(row).collect(),
    )
}

fn hosts(analysis: &View<'_>) -> Table {
    let row = |host: &HostConsidered| {
        let cells = vec![
            Cell::name(&host.instance_type).badge(if host.chosen { "chosen" } else { "" }),
            Cell::new(analysis.money.unit_price(host.usd_per_hour)),
            analysis.monthly_cell(host.lower_bound_usd),
            host.total_usd.map_or_else(|| Cell::absent("not replayed"), |usd| analysis.monthly_cell(Some(usd))),
            Cell::new(analysis.sentence(&host.reason)),
        ];
        if host.chosen { Row::total(cells) } else { Row::new(cells) }
    };
    Table::new(
        "Bare-metal types, by the least their hosts could cost",
        vec![
            Column::text("Host type"),
            Column::number("Price", "per hour"),
            Column::number("Compute at least", "per month"),
            Column::number("Whole scenario", "per month"),
            Column::text("Why"),
        ],
        analysis.hosts_considered.iter().map(row).collect(),
    )
    .first(10)
}
