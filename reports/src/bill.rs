//! Today's bill: who causes it, how well it is known, and whether peaks meet.

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::{Allocation, CoincidenceRow, Evidence, GroupCost, Shares};

use crate::format;
use crate::table::{Cell, Column, Row, Table};
use crate::view::View;
use crate::words;

/// The section; nothing is shown of an analysis that has neither part.
#[derive(Debug, Template)]
#[template(path = "bill.html")]
pub(crate) struct Bill {
    pub(crate) lead: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) identity: String,
    pub(crate) shared: String,
    pub(crate) namespaces: Table,
    pub(crate) workloads: Table,
    pub(crate) groups: Table,
    pub(crate) zones: Table,
    pub(crate) labels: Table,
    pub(crate) overhead: Table,
    pub(crate) grades: Vec<Part>,
    pub(crate) evidence: Table,
    pub(crate) raise: Table,
    pub(crate) effective: Table,
    pub(crate) coincidence: Table,
    pub(crate) overcommit: Table,
}

impl HtmlSafe for Bill {}

/// A part of a bar.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) class: &'static str,
    pub(crate) width: String,
    pub(crate) name: &'static str,
    pub(crate) value: String,
}

impl Bill {
    /// The section; `None` for an analysis that predates it.
    pub(crate) fn new(analysis: &View<'_>) -> Option<Self> {
        let allocation = analysis.allocation.as_ref()?;
        let evidence = analysis.evidence.as_ref()?;
        words::months_per_window(analysis)?;
        let total = &allocation.total;
        Some(Self {
            lead: lead(total, analysis),
            parts: parts(total, analysis),
            identity: identity(total, analysis),
            shared: shared(allocation),
            namespaces: namespaces(allocation, analysis),
            workloads: workloads(allocation, analysis),
            groups: groups("Node group", &allocation.by_node_group, analysis),
            zones: groups("Zone", &allocation.by_zone, analysis),
            labels: labels(allocation, analysis),
            overhead: overhead(allocation, analysis),
            grades: grades(evidence, analysis),
            evidence: graded(evidence, analysis),
            raise: raise(evidence, analysis),
            effective: effective(analysis),
            coincidence: coincidence(analysis),
            overcommit: overcommit(analysis),
        })
    }
}

fn share(part: f64, of: f64) -> f64 {
    if of > 0.0 { part / of } else { 0.0 }
}

fn lead(total: &Shares, analysis: &View<'_>) -> String {
    if total.total_usd <= 0.0 {
        return "Nothing in the bill has a price, so there is nothing to give out.".to_owned();
    }
    format!(
        "Of {} a month, {} is for what workloads reserve or use, {} is idle, and {} is overhead that every plan has.",
        analysis.monthly(total.total_usd),
        format::percent(share(total.workloads_usd - total.oversubscribed_usd, total.total_usd)),
        format::percent(share(total.idle_usd, total.total_usd)),
        format::percent(share(total.overhead_usd, total.total_usd)),
    )
}

fn bar(parts: Vec<(&'static str, &'static str, f64)>, analysis: &View<'_>) -> Vec<Part> {
    let all: f64 = parts.iter().map(|(.., usd)| usd.max(0.0)).sum();
    let part = |(class, name, usd): (&'static str, &'static str, f64)| Part {
        class,
        name,
        width: format::css_percent(share(usd.max(0.0), all)),
        value: format!("{}, {}", analysis.monthly(usd), format::percent(share(usd, all))),
    };
    parts.into_iter().filter(|(.., usd)| *usd > 0.0).map(part).collect()
}

fn parts(total: &Shares, analysis: &View<'_>) -> Vec<Part> {
    let of = vec![
        // What is promised beyond capacity is in the workloads and paid by nobody.
        ("compute", "workloads", total.workloads_usd - total.oversubscribed_usd),
        ("idle", "idle", total.idle_usd),
        ("control-plane", "overhead", total.overhead_usd),
        ("fee", "residual", total.residual_usd),
    ];
    bar(of, analysis)
}

fn identity(total: &Shares, analysis: &View<'_>) -> String {
    format!(
        "Over the window, exactly: {} = {} workloads + {} overhead + {} idle − {} oversubscribed + {} residual.",
        analysis.usd(total.total_usd),
        analysis.usd(total.workloads_usd),
        analysis.usd(total.overhead_usd),
        analysis.usd(total.idle_usd),
        analysis.usd(total.oversubscribed_usd),
        analysis.usd(total.residual_usd),
    )
}

fn shared(allocation: &Allocation) -> String {
    if allocation.shared_namespaces.is_empty() {
        return String::new();
    }
    format!("The cost of {} is shared out to the others.", words::list(&allocation.shared_namespaces))
}

fn monthly(usd: f64, analysis: &View<'_>) -> Cell {
    Cell::new(analysis.monthly(usd))
}

/// Used over reserved, or over nothing.
fn used_of_reserved(used: f64, reserved: f64) -> Cell {
    if reserved > 0.0 { Cell::new(format::percent(used / reserved)) } else { Cell::absent("none reserved") }
}

fn namespaces(allocation: &Allocation, analysis: &View<'_>) -> Table {
    let rows = allocation.by_namespace.iter().map(|row| {
        let shared = if row.shared_usd > 0.0 {
            format!("{} of it shared out to it", analysis.monthly(row.shared_usd))
        } else {
            String::new()
        };
        Row::new(vec![
            Cell::name(&row.namespace),
            monthly(row.workload_usd, analysis)
                .sub(shared)
                .meter(format::css_percent(share(row.workload_usd, allocation.total.total_usd))),
            monthly(row.daemonset_usd, analysis),
            used_of_reserved(row.cpu_used_core_hours, row.cpu_request_core_hours),
            used_of_reserved(row.memory_used_gib_hours, row.memory_request_gib_hours),
        ])
    });
    Table::new(
        "By namespace, per month of 730 hours",
        vec![
            Column::text("Namespace"),
            Column::number("Workloads", "per month"),
            Column::number("Daemonsets", "overhead"),
            Column::number("CPU", "used of reserved"),
            Column::number("Memory", "used of reserved"),
        ],
        rows.collect(),
    )
}

fn workloads(allocation: &Allocation, analysis: &View<'_>) -> Table {
    let rows = allocation.by_workload.iter().map(|row| {
        let kind = format!("{} in {}", row.workload_kind, row.namespace);
        let name = Cell::name(&row.workload).sub(kind);
        Row::new(vec![
            if row.overhead { name.badge("overhead") } else { name },
            monthly(row.workload_usd, analysis),
            monthly(row.cpu_usd, analysis),
            monthly(row.memory_usd, analysis),
            monthly(row.volume_usd + row.fargate_usd, analysis),
            used_of_reserved(row.cpu_used_core_hours, row.cpu_request_core_hours),
            used_of_reserved(row.memory_used_gib_hours, row.memory_request_gib_hours),
        ])
    });
    Table::new(
        "By workload, per month of 730 hours",
        vec![
            Column::text("Workload"),
            Column::number("Cost", "per month"),
            Column::number("CPU", "per month"),
            Column::number("Memory", "per month"),
            Column::number("Volumes, Fargate", "per month"),
            Column::number("CPU", "used of reserved"),
            Column::number("Memory", "used of reserved"),
        ],
        rows.collect(),
    )
}

fn groups(label: &'static str, groups: &[GroupCost], analysis: &View<'_>) -> Table {
    let rows = groups.iter().map(|row| {
        let name = match &row.name {
            Some(name) => Cell::name(name),
            None => Cell::new("not on nodes").sub("control plane, volumes, Fargate"),
        };
        let shares = &row.shares;
        Row::new(vec![
            name,
            Cell::new(format::quantity(row.node_hours)),
            monthly(shares.total_usd, analysis),
            monthly(shares.workloads_usd, analysis),
            monthly(shares.overhead_usd, analysis),
            monthly(shares.idle_usd, analysis)
                .sub(format!("{} of it", format::percent(share(shares.idle_usd, shares.total_usd)))),
            monthly(shares.oversubscribed_usd, analysis),
        ])
    });
    Table::new(
        format!("By {}, per month of 730 hours", label.to_lowercase()),
        vec![
            Column::text(label),
            Column::number("Node-hours", "in the window"),
            Column::number("Cost", "per month"),
            Column::number("Workloads", "per month"),
            Column::number("Overhead", "per month"),
            Column::number("Idle", "per month"),
            Column::number("Oversubscribed", "per month"),
        ],
        rows.collect(),
    )
}

fn labels(allocation: &Allocation, analysis: &View<'_>) -> Table {
    let rows = allocation.by_label.iter().map(|row| {
        let value = row.value.as_ref().map_or_else(|| Cell::absent("no such label"), Cell::name);
        Row::new(vec![value.sub(&row.label), monthly(row.workload_usd, analysis)])
    });
    Table::new(
        "By label, per month of 730 hours",
        vec![Column::text("Value"), Column::number("Workloads", "per month")],
        rows.collect(),
    )
}

fn overhead(allocation: &Allocation, analysis: &View<'_>) -> Table {
    let rows = allocation
        .overhead
        .iter()
        .map(|row| Row::new(vec![Cell::new(words::sentence(&row.what)), monthly(row.usd, analysis)]));
    Table::new(
        "Overhead, per month of 730 hours",
        vec![Column::text("What"), Column::number("Cost", "per month")],
        rows.collect(),
    )
}

fn grades(evidence: &Evidence, analysis: &View<'_>) -> Vec<Part> {
    let of = vec![
        ("compute", "measured", evidence.measured_usd),
        ("fargate", "from a list", evidence.listed_usd),
        ("volumes", "inferred", evidence.inferred_usd),
        ("fee", "assumed", evidence.assumed_usd),
    ];
    bar(of, analysis)
}

fn graded(evidence: &Evidence, analysis: &View<'_>) -> Table {
    let rows = evidence.lines.iter().map(|row| {
        Row::new(vec![
            Cell::new(words::sentence(&row.reason)),
            Cell::new(words::sentence(&words::cost_line(&row.line))),
            Cell::new(&row.grade),
            monthly(row.usd, analysis),
        ])
    });
    Table::new(
        "Each dollar by the weakest of its quantity and its price, per month",
        vec![
            Column::text("Because"),
            Column::short("Cost line"),
            Column::short("Grade"),
            Column::number("Cost", "per month"),
        ],
        rows.collect(),
    )
}

fn raise(evidence: &Evidence, analysis: &View<'_>) -> Table {
    let rows = evidence.raise.iter().map(|row| {
        let bears = if row.node_hours > 0.0 {
            Cell::new(format!("{} node-hours", format::quantity(row.node_hours))).sub("without a price")
        } else {
            monthly(row.usd, analysis)
        };
        Row::new(vec![Cell::new(words::sentence(&row.what)), bears, Cell::new(&row.how)])
    });
    Table::new(
        "What would make more of it known",
        vec![Column::text("What"), Column::number("At stake", "per month"), Column::text("What to do")],
        rows.collect(),
    )
    .stacking()
}

/// List, contracted and effective cost, where they differ or commitments are given.
fn effective(analysis: &View<'_>) -> Table {
    let mut rows = Vec::new();
    for scenario in &analysis.scenarios {
        let Some(cost) = &scenario.compute_cost else { continue };
        if cost.commitments.is_empty() && cost.list_usd == Some(cost.effective_usd) {
            continue;
        }
        rows.push(Row::new(vec![
            Cell::new(&scenario.label),
            cost.list_usd.map_or_else(|| Cell::absent("not known"), |usd| monthly(usd, analysis)),
            monthly(cost.contracted_usd, analysis),
            monthly(cost.effective_usd, analysis),
            monthly(cost.commitments.iter().map(|plan| plan.unused_usd).sum(), analysis),
        ]));
    }
    Table::new(
        "Compute at three prices, per month",
        vec![
            Column::text("Scenario"),
            Column::number("List", "public prices"),
            Column::number("Contracted", "your prices"),
            Column::number("Effective", "with commitments"),
            Column::number("Unused", "commitments"),
        ],
        rows,
    )
}

fn coincidence(analysis: &View<'_>) -> Table {
    let Some(ledger) = &analysis.utilisation.coincidence else { return Table::new("", Vec::new(), Vec::new()) };
    let row = |(cpu, memory): (&CoincidenceRow, &CoincidenceRow)| {
        let of = |row: &CoincidenceRow, unit: fn(f64) -> String| {
            [
                Cell::new(unit(row.sum_of_peaks)).sub(format!("together {}", unit(row.peak_of_sum))),
                Cell::new(format::percent_or_unknown(row.coincidence)),
            ]
        };
        let [cpu_peaks, cpu_meet] = of(cpu, format::cores);
        let [memory_peaks, memory_meet] = of(memory, format::gib);
        let name = format!("each {} by itself", cpu.level);
        Row::new(vec![Cell::new(words::sentence(&name)), cpu_peaks, cpu_meet, memory_peaks, memory_meet])
    };
    Table::new(
        "Sum of peaks against peak of the sum, in the day of the highest peak",
        vec![
            Column::text("Peaks of"),
            Column::number("CPU", "sum of peaks"),
            Column::number("Meets", "of that"),
            Column::number("Memory", "sum of peaks"),
            Column::number("Meets", "of that"),
        ],
        ledger.cpu.iter().zip(&ledger.memory).map(row).collect(),
    )
}

fn overcommit(analysis: &View<'_>) -> Table {
    let Some(ledger) = &analysis.utilisation.coincidence else { return Table::new("", Vec::new(), Vec::new()) };
    let known = ledger.safe_overcommit.iter().filter(|row| row.ratio.is_some());
    let row = |row: &types::analysis::SafeOvercommit| {
        let measure = match (row.resource.as_str(), row.measure.as_str()) {
            ("cpu", _) => "CPU in use",
            (_, "used") => "memory in use",
            (_, "high_water") => "memory, the most each node ever used",
            _ => "memory touched, page cache included",
        };
        Row::new(vec![
            Cell::new(words::sentence(measure)),
            Cell::new(format::percent_or_unknown(row.worst_of_capacity)),
            Cell::new(row.ratio.map(format::tenths).unwrap_or_default()),
        ])
    };
    Table::new(
        "Overcommit that would have held",
        vec![
            Column::text("Counting"),
            Column::number("Fullest slot", "of all capacity"),
            Column::number("Overcommit", "at 80 % full"),
        ],
        known.map(row).collect(),
    )
}
