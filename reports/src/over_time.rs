//! The window hour by hour: use, machines by scenario, how full hosts are, and whether peaks meet.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};
use types::ComputeType;
use types::analysis::{Analysis, HourPoint, MachineRole, NodeGroup, Scenario, ScenarioHour};

use crate::chart::heat::{self, Heat};
use crate::chart::{self, Figure, Ink, Line, Lines, Words};
use crate::error::RenderError;
use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::peak_coincidence::Peaks;
use crate::scenario_words::{self, REPACKED, VENDOR};
use crate::utilisation::{self, UtilisationPart};

/// The section.
#[derive(Debug, Template)]
#[template(path = "over_time.html")]
pub(crate) struct OverTime {
    utilisation: UtilisationPart,
    machines: Option<Figure>,
    heat: Vec<Figure>,
    /// Why there is no heat map, where hosts were replayed.
    no_heat: &'static str,
    peaks: Option<Peaks>,
}

impl HtmlSafe for OverTime {}

impl OverTime {
    pub(crate) fn new(analysis: &View<'_>) -> Result<Self, RenderError> {
        let pool = scenario_words::scenario(analysis, scenario_words::pool(analysis)).filter(|pool| pool.id != VENDOR);
        let heat = pool.map(host_heat).transpose()?.unwrap_or_default();
        Ok(Self {
            utilisation: UtilisationPart::new(analysis)?,
            machines: pool.map(|pool| machines(analysis, pool)).transpose()?.flatten(),
            no_heat: match pool {
                Some(pool) if heat.is_empty() && pool.by_hour.iter().any(|hour| hour.cpu_used_cores.is_some()) => {
                    "Machines are about as full in every hour, so a map of the hours would have one colour."
                }
                Some(_) if heat.is_empty() => {
                    "How full the hosts are in each hour is not in this analysis; analyze again with this version to see it."
                }
                _ => "",
            },
            heat,
            peaks: Peaks::new(analysis),
        })
    }
}

/// EC2 nodes today and repacked, hosts and elastic VMs of the pool.
fn machines(analysis: &View<'_>, pool: &Scenario) -> Result<Option<Figure>, RenderError> {
    let of = |hours: &[ScenarioHour], count: fn(&ScenarioHour) -> u32| {
        hours.iter().map(|hour| (hour.start, f64::from(count(hour)))).collect::<Vec<_>>()
    };
    let repacked = scenario_words::scenario(analysis, REPACKED).map_or(&[][..], |repacked| &repacked.by_hour);
    let line = |name: &str, ink, width, points| Line { name: name.to_owned(), ink, width, area: false, points };
    let all = [
        line("EC2 today", Ink::Capacity, 2.0, today(analysis)),
        line("repacked", Ink::Requested, 1.6, of(repacked, |hour| hour.nodes)),
        line("EC2 left", Ink::Limit, 1.4, of(&pool.by_hour, |hour| hour.nodes)),
        line("EMP VMs", Ink::Peak, 1.6, of(&pool.by_hour, |hour| hour.evms)),
        line("EMP hosts", Ink::Used, 2.6, of(&pool.by_hour, |hour| hour.hosts)),
    ];
    let is_drawn = |line: &Line| line.points.iter().any(|point| point.1 > 0.0);
    let lines: Vec<Line> = all.into_iter().filter(is_drawn).collect();
    if pool.by_hour.is_empty() || lines.is_empty() {
        return Ok(None);
    }
    let table = machine_table(analysis, &lines);
    // As in the plan: while the first day fills the pool, hosts come and go.
    let settled = if pool.by_hour.len() > 48 { 24 } else { 0 };
    let hosts = || pool.by_hour.iter().skip(settled).map(|hour| hour.hosts);
    let (fewest, most) = (hosts().min().unwrap_or(0), hosts().max().unwrap_or(0));
    let words = Words {
        id: "machines",
        title: "Machines at once".to_owned(),
        finding: format!(
            "After the first day the pool runs on {}{}, where today {} EC2 nodes run on average. Most at once in each \
             hour, today’s on average; “EC2 left” is what the pool leaves on EC2.{} {}.",
            match (fewest, most) {
                (1, 1) => "one host throughout".to_owned(),
                (a, b) if a == b => format!("{a} hosts throughout"),
                (a, b) => format!("{a} to {b} hosts"),
            },
            left(analysis, pool),
            number_format::tenths(ec2_nodes(analysis)),
            hottest(pool),
            scenario_words::sentence(&utilisation::window(analysis)),
        ),
    };
    let hourly = &analysis.utilisation.hourly;
    let chart = Lines {
        unit: "machines".to_owned(),
        start: analysis.window.start,
        end: analysis.window.end,
        lines,
        bands: utilisation::bands(hourly),
        spans: Vec::new(),
    };
    let figure = Figure::new(words, |words, size| chart::draw(words, &chart, size))?;
    Ok(Some(figure.folded("Fewest, mean and most", table)))
}

/// EC2 nodes of each hour; none where an older analysis does not tell them from others that were there.
fn today(analysis: &Analysis) -> Vec<(DateTime<Utc>, f64)> {
    let all_are = analysis.inventory.node_groups.iter().all(is_ec2);
    let nodes = |hour: &HourPoint| hour.ec2_nodes.or_else(|| all_are.then_some(hour.nodes));
    analysis.utilisation.hourly.iter().filter_map(|hour| Some((hour.hour, nodes(hour)?))).collect()
}

fn is_ec2(group: &NodeGroup) -> bool {
    !matches!(group.compute_type, ComputeType::Fargate | ComputeType::Hybrid)
}

/// EC2 nodes that stay beside the pool, as a clause.
fn left(analysis: &Analysis, pool: &Scenario) -> String {
    let left = scenario_words::at_once(analysis, pool, MachineRole::Node).filter(|nodes| *nodes >= 0.05);
    left.map(|nodes| format!(" and {} EC2 nodes that stay", number_format::tenths(nodes))).unwrap_or_default()
}

/// Nodes up at once today, on average, Fargate and hybrid nodes apart.
fn ec2_nodes(analysis: &Analysis) -> f64 {
    let hours = f64::from(analysis.window.hours_present);
    let ec2 = analysis.inventory.node_groups.iter().filter(|group| is_ec2(group));
    let node_hours: f64 = ec2.map(|group| group.node_hours).sum();
    if hours > 0.0 { node_hours / hours } else { 0.0 }
}

/// Says how full a host ever was, by the measure that the rebalancer acts on.
fn hottest(pool: &Scenario) -> String {
    let hours = pool.by_hour.iter().filter_map(|hour| Some((hour.hottest_host_fraction?, hour.start)));
    // Of hours alike, the first.
    let hottest = hours.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    hottest.map_or_else(String::new, |(share, start)| {
        format!(
            " The fullest host stood at {} of what the rebalancer fills hosts to, in the hour of {}.",
            number_format::percent(share),
            number_format::moment(start)
        )
    })
}

fn machine_table(analysis: &Analysis, lines: &[Line]) -> Table {
    let row = |line: &Line| {
        let values = || line.points.iter().map(|point| point.1);
        let mean = values().sum::<f64>() / number_format::number(line.points.len()).max(1.0);
        Row::new(vec![
            Cell::new(&line.name),
            Cell::new(number_format::quantity(values().fold(f64::MAX, f64::min))),
            Cell::new(number_format::tenths(mean)),
            Cell::new(number_format::quantity(values().fold(0.0, f64::max))),
        ])
    };
    Table::new(
        format!("Machines at once, over the {} of the window", number_format::hours(analysis.window.hours_present)),
        vec![
            Column::text("Machines"),
            Column::number("Fewest", "in an hour"),
            Column::number("Mean", "of the hours"),
            Column::number("Most", "in an hour"),
        ],
        lines.iter().map(row).collect(),
    )
}

/// Used over capacity in an hour.
type Share = fn(&ScenarioHour) -> Option<f64>;

/// Resources that heat maps are drawn of.
const HEAT: [(&str, &str, Share); 2] = [
    ("heat-cpu", "CPU", |hour| ratio(hour.cpu_used_cores?, hour.cpu_capacity_cores?)),
    ("heat-memory", "memory", |hour| ratio(hour.memory_used_gib?, hour.memory_capacity_gib?)),
];

fn ratio(used: f64, capacity: f64) -> Option<f64> {
    (capacity > 0.0).then(|| used / capacity)
}

fn host_heat(pool: &Scenario) -> Result<Vec<Figure>, RenderError> {
    let mut figures = Vec::new();
    for (id, what, share) in HEAT {
        let hours: Vec<_> = pool.by_hour.iter().filter_map(|hour| Some((hour.start, share(hour)?))).collect();
        let heat = Heat::new(hours.iter().copied());
        if hours.is_empty() || heat.is_of_one_colour() {
            continue;
        }
        let mean = hours.iter().map(|hour| hour.1).sum::<f64>() / number_format::number(hours.len());
        let fullest = hours.iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        let words = Words {
            id,
            title: format!("How full the pool is: {what}, {} on average", number_format::percent(mean)),
            finding: format!(
                "Share of the {what} of hosts, and of the EC2 nodes that stay, that is used in each hour of “{}”.{}",
                scenario_words::plain(&pool.label),
                fullest.map_or_else(String::new, |(hour, share)| format!(
                    " The fullest hour, at {}, begins on {}.",
                    number_format::percent(*share),
                    number_format::moment(*hour)
                )),
            ),
        };
        let table = heat_table(what, &heat);
        let figure = Figure::new(words, |words, size| heat::draw(words, &heat, size))?;
        figures.push(figure.folded("Every hour as a number", table).not_printed());
    }
    Ok(figures)
}

/// A row for each day, a column for each hour.
fn heat_table(what: &str, heat: &Heat) -> Table {
    const HOURS: [&str; 24] = [
        "00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16", "17",
        "18", "19", "20", "21", "22", "23",
    ];
    let row = |(day, hours): (&chrono::NaiveDate, &[Option<f64>; 24])| {
        let cell = |share: &Option<f64>| match share {
            Some(share) => Cell::new(number_format::whole_percent(*share)),
            None => Cell::absent("–"),
        };
        Row::new([Cell::new(day.format("%-d %b").to_string())].into_iter().chain(hours.iter().map(cell)).collect())
    };
    let heads = HOURS.into_iter().map(|hour| Column::number(hour, ""));
    Table::new(
        format!("Used of {what}, in percent, by day and hour (UTC)"),
        [Column::short("Day")].into_iter().chain(heads).collect(),
        heat.days.iter().map(row).collect(),
    )
    .whole()
    .dense()
}
