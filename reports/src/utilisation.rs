//! Capacity, reservation and use over the window: two charts and the same numbers in tables.

use std::collections::BTreeMap;

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{NaiveDate, TimeDelta};
use types::HourSource;
use types::analysis::{Analysis, HourPoint, ResourceUtilisation};

use crate::chart::{self, Band, Figure, Ink, Line, Lines, Span, Words};
use crate::error::RenderError;
use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::scenario_words;

/// The part.
#[derive(Debug, Template)]
#[template(path = "utilisation.html")]
pub(crate) struct UtilisationPart {
    pub(crate) lead: String,
    pub(crate) figures: Vec<Figure>,
    pub(crate) table: Table,
    pub(crate) days: Table,
}

impl HtmlSafe for UtilisationPart {}

/// Line of a resource in a chart: a name, its ink, its width, and its value in an hour where it is known.
type Drawn = (&'static str, Ink, f64, fn(&HourPoint) -> Option<f64>);

const CPU: [Drawn; 6] = [
    ("limit", Ink::Limit, 1.4, |h| h.cpu_limit_cores),
    ("capacity", Ink::Capacity, 2.0, |h| Some(h.cpu_capacity_cores)),
    ("allocatable", Ink::Allocatable, 1.2, |h| h.cpu_allocatable_cores),
    ("requested", Ink::Requested, 2.0, |h| Some(h.cpu_requested_cores)),
    ("used, peak", Ink::Peak, 1.2, |h| Some(h.cpu_used_peak_cores)),
    ("used, mean", Ink::Used, 2.0, |h| Some(h.cpu_used_cores)),
];

const MEMORY: [Drawn; 6] = [
    ("limit", Ink::Limit, 1.4, |h| h.memory_limit_gib),
    ("capacity", Ink::Capacity, 2.0, |h| Some(h.memory_capacity_gib)),
    ("allocatable", Ink::Allocatable, 1.2, |h| h.memory_allocatable_gib),
    ("requested", Ink::Requested, 2.0, |h| Some(h.memory_requested_gib)),
    ("used, peak", Ink::Peak, 1.2, |h| Some(h.memory_used_peak_gib)),
    ("used, mean", Ink::Used, 2.0, |h| Some(h.memory_used_gib)),
];

impl UtilisationPart {
    pub(crate) fn new(analysis: &Analysis) -> Result<Self, RenderError> {
        let utilisation = &analysis.utilisation;
        let cpu = figure(analysis, "cpu", "CPU", "cores", number_format::cores, &utilisation.cpu, &CPU)?;
        let memory = figure(analysis, "memory", "Memory", "GiB", number_format::gib, &utilisation.memory, &MEMORY)?;
        Ok(Self {
            lead: format!(
                "Of the CPU capacity, {} was reserved and {} used; of the memory, {} was reserved and {} used.",
                number_format::percent_or_unknown(utilisation.cpu.requested_of_capacity),
                number_format::percent_or_unknown(utilisation.cpu.used_of_capacity),
                number_format::percent_or_unknown(utilisation.memory.requested_of_capacity),
                number_format::percent_or_unknown(utilisation.memory.used_of_capacity),
            ),
            figures: vec![cpu, memory],
            table: summary(analysis),
            days: days(analysis),
        })
    }
}

fn figure(
    analysis: &Analysis,
    id: &'static str,
    name: &'static str,
    unit: &'static str,
    with_unit: fn(f64) -> String,
    resource: &ResourceUtilisation,
    drawn: &[Drawn],
) -> Result<Figure, RenderError> {
    let title = format!(
        "{name}: {} of {} used on average",
        number_format::quantity(resource.used_mean),
        with_unit(resource.capacity_mean)
    );
    let finding = format!(
        "On average {} were requested and {} used; the highest five-minute total was {}, {} of mean capacity.",
        with_unit(resource.requested_mean),
        with_unit(resource.used_mean),
        with_unit(resource.used_peak),
        share(resource.used_peak, resource.capacity_mean),
    );
    let hourly = &analysis.utilisation.hourly;
    let line = |(name, ink, width, value): &Drawn| Line {
        name: (*name).to_owned(),
        ink: *ink,
        width: *width,
        area: *ink == Ink::Used,
        points: hourly.iter().filter_map(|hour| Some((hour.hour, value(hour)?))).collect(),
    };
    let lines = Lines {
        unit: unit.to_owned(),
        start: analysis.window.start,
        end: analysis.window.end,
        lines: drawn.iter().map(line).filter(|line| !line.points.is_empty()).collect(),
        bands: bands(hourly),
        spans: spans(hourly),
    };
    let words = Words { id, title, finding: format!("{finding} Hourly values, {}.", window(analysis)) };
    Figure::new(words, |words, size| chart::draw(words, &lines, size))
}

/// The window in words, with what is missing and what is synthetic.
pub(crate) fn window(analysis: &Analysis) -> String {
    let window = &analysis.window;
    let missing = window.hours_expected.saturating_sub(window.hours_present);
    let mut text = scenario_words::window(analysis);
    if missing > 0 {
        text.push_str(&format!("; {} missing, left blank", number_format::hours(missing)));
    }
    if window.hours_by_source.iter().any(|part| part.source != HourSource::Prometheus) {
        text.push_str("; shaded hours are synthetic");
    }
    text
}

/// Stretches of hours that were not measured; a missing hour ends one.
pub(crate) fn bands(hourly: &[HourPoint]) -> Vec<Band> {
    let follows = |a: &HourPoint, b: &HourPoint| a.source == b.source && b.hour - a.hour <= TimeDelta::hours(1);
    let runs = hourly.chunk_by(follows).filter_map(|run| Some((run.first()?, run.last()?)));
    let synthetic = runs.filter(|(first, _)| first.source != HourSource::Prometheus);
    synthetic.map(|(first, last)| Band { start: first.hour, end: last.hour + TimeDelta::hours(1) }).collect()
}

/// Stretches of hours of one source; a missing hour does not end one.
pub(crate) fn spans(hourly: &[HourPoint]) -> Vec<Span> {
    hourly
        .chunk_by(|a, b| a.source == b.source)
        .filter_map(|run| {
            let (first, last) = (run.first()?, run.last()?);
            Some(Span {
                start: first.hour,
                end: last.hour + TimeDelta::hours(1),
                label: match first.source {
                    HourSource::Prometheus => "Prometheus".to_owned(),
                    HourSource::Generator => "synthetic".to_owned(),
                },
            })
        })
        .collect()
}

fn share(part: f64, whole: f64) -> String {
    number_format::percent_or_unknown((whole > 0.0).then(|| part / whole))
}

fn summary(analysis: &Analysis) -> Table {
    let (cpu, memory) = (&analysis.utilisation.cpu, &analysis.utilisation.memory);
    let row = |name: &str, value: fn(&ResourceUtilisation) -> f64| {
        Row::new(vec![
            Cell::new(name),
            Cell::new(number_format::three_digits(value(cpu))),
            Cell::new(share(value(cpu), cpu.capacity_mean)),
            Cell::new(number_format::three_digits(value(memory))),
            Cell::new(share(value(memory), memory.capacity_mean)),
        ])
    };
    Table::new(
        format!("CPU and memory, {}", scenario_words::window(analysis)),
        vec![
            Column::text("All nodes together"),
            Column::number("CPU", "cores"),
            Column::number("CPU", "of capacity"),
            Column::number("Memory", "GiB"),
            Column::number("Memory", "of capacity"),
        ],
        vec![
            row("Capacity, mean", |r| r.capacity_mean),
            row("Allocatable, mean", |r| r.allocatable_mean),
            row("Requested, mean", |r| r.requested_mean),
            row("Limits of containers that have one, mean", |r| r.limit_mean),
            row("Used, mean", |r| r.used_mean),
            row("Used, median of five minutes", |r| r.used_median),
            row("Used, peak of five minutes", |r| r.used_peak),
        ],
    )
}

/// The present hours of one day, summed or at their largest.
#[derive(Debug, Default)]
struct Day {
    hours: u32,
    synthetic: u32,
    nodes: f64,
    cpu: [f64; 4],
    memory: [f64; 4],
}

fn days(analysis: &Analysis) -> Table {
    let mut days: BTreeMap<NaiveDate, Day> = BTreeMap::new();
    for hour in &analysis.utilisation.hourly {
        let day = days.entry(hour.hour.date_naive()).or_default();
        day.hours += 1;
        day.synthetic += u32::from(hour.source != HourSource::Prometheus);
        day.nodes += hour.nodes;
        let [capacity, requested, used, peak] = &mut day.cpu;
        *capacity += hour.cpu_capacity_cores;
        *requested += hour.cpu_requested_cores;
        *used += hour.cpu_used_cores;
        *peak = peak.max(hour.cpu_used_peak_cores);
        let [capacity, requested, used, peak] = &mut day.memory;
        *capacity += hour.memory_capacity_gib;
        *requested += hour.memory_requested_gib;
        *used += hour.memory_used_gib;
        *peak = peak.max(hour.memory_used_peak_gib);
    }
    let rows = days
        .into_iter()
        .map(|(date, day)| {
            let hours = f64::from(day.hours);
            let means = |[capacity, requested, used, peak]: [f64; 4]| {
                [capacity / hours, requested / hours, used / hours, peak]
                    .map(|value| Cell::new(number_format::three_digits(value)))
            };
            let kind = match day.synthetic {
                0 => "Prometheus".to_owned(),
                n if n == day.hours => "synthetic".to_owned(),
                n => format!("{} synthetic", number_format::count(n)),
            };
            let mut cells = vec![
                Cell::new(date.format("%a %-d %b").to_string()),
                Cell::new(number_format::count(day.hours)).sub(kind),
                Cell::new(number_format::tenths(day.nodes / hours)),
            ];
            cells.extend(means(day.cpu));
            cells.extend(means(day.memory));
            Row::new(cells)
        })
        .collect();
    Table::new(
        "Day by day (UTC): means over the hours present, and the highest five-minute total",
        vec![
            Column::text("Day"),
            Column::number("Hours", "present"),
            Column::number("Nodes", "mean"),
            Column::number("CPU capacity", "cores"),
            Column::number("CPU requested", "cores"),
            Column::number("CPU used", "cores"),
            Column::number("CPU peak", "cores"),
            Column::number("Memory capacity", "GiB"),
            Column::number("Memory requested", "GiB"),
            Column::number("Memory used", "GiB"),
            Column::number("Memory peak", "GiB"),
        ],
        rows,
    )
    .whole()
}
