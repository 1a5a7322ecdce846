//! The page of many clusters: where a pool saves most, what all of them cost, and what that stands on.

use std::collections::BTreeMap;

use askama::Template;
use types::NanoUsd;

use crate::cluster_summary::{Compared, Cost, Standing};
use crate::confidence_words;
use crate::csv_tables::csv_table::{SheetError, write};
use crate::csv_tables::safe_cells::{Cell as Field, row};
use crate::error::RenderError;
use crate::key_figure::KeyFigure;
use crate::number_format;
use crate::page_currency::Money;
use crate::page_table::{Cell, Column, Row, Table};
use crate::scenario_words;

/// One cluster of a fleet.
#[derive(Debug, Clone)]
pub struct Member {
    /// Where it stands now.
    pub now: Standing,
    /// Where it stood at the ends of earlier windows, in any order.
    pub earlier: Vec<Standing>,
    /// Where its own page is, relative to the fleet's page.
    pub link: Option<String>,
}

/// The whole page.
#[derive(Template)]
#[template(path = "fleet.html")]
struct Page {
    title: String,
    where_: String,
    lead: String,
    figures: Vec<KeyFigure>,
    basis: String,
    caption: String,
    rows: Vec<ClusterRow>,
    total: Option<ClusterRow>,
    left_out: Option<Table>,
    runs: Option<Table>,
    foot: String,
    /// The day it was made, where one is given, and the end of the last window, as a sentence; empty without a cluster.
    made: String,
}

/// A cluster in the ranking.
struct ClusterRow {
    name: String,
    link: String,
    sub: String,
    /// Today, best EC2, pool, and what the pool saves against both.
    cells: [Text; 5],
    recommendation: String,
    recommendation_sub: Vec<String>,
    /// Empty in the row of the total.
    coverage: String,
    coverage_sub: Vec<String>,
    evidence: String,
}

/// Heads of the columns of a cluster's numbers, for phones.
const LABELS: [&str; 5] = ["Today", "Best EC2", "Pool", "Pool saves", "against best EC2"];

/// Numbers under their heads.
fn labelled(mut cells: [Text; 5]) -> [Text; 5] {
    for (cell, label) in cells.iter_mut().zip(LABELS) {
        cell.label = label;
    }
    cells
}

/// A number as text, with a smaller line below it.
#[derive(Default)]
struct Text {
    text: String,
    sub: String,
    badge: &'static str,
    class: &'static str,
    /// Set by [`labelled`].
    label: &'static str,
}

/// Totals of clusters. Only those whose savings are formed count, so that costs and savings are of the same.
#[derive(Debug, Default)]
struct Totals {
    clusters: u32,
    today: NanoUsd,
    vs_today: NanoUsd,
    /// Over the clusters that were replayed.
    replayed: u32,
    vs_ec2: NanoUsd,
    /// Of those, the ones on which a pool beats the best EC2, and by how much.
    beating: u32,
    beats_by: NanoUsd,
    /// Clusters on which a change is recommended, and what these changes save together.
    changing: u32,
    changes_save: NanoUsd,
}

impl Totals {
    fn of<'a>(standings: impl Iterator<Item = &'a Standing>) -> Self {
        let mut totals = Self::default();
        for standing in standings {
            if let Some(saved) = standing.recommended.and_then(|recommended| nanos(recommended.monthly_usd)) {
                totals.changing += 1;
                totals.changes_save += saved;
            }
            // Arithmetic on nominal sizes is no replay: no cluster's own page recommends by it, so no total has it.
            let saving = standing.saving_vs_today.as_ref().filter(|_| !standing.is_arithmetic());
            let (Some(today), Some(saving)) = (standing.today.monthly_usd, saving) else { continue };
            let (Some(today), Some(saved)) = (nanos(today), nanos(saving.monthly_usd)) else { continue };
            totals.clusters += 1;
            totals.today += today;
            totals.vs_today += saved;
            if let Some(saved) = standing.saving_vs_ec2.as_ref().and_then(|saving| nanos(saving.monthly_usd)) {
                totals.replayed += 1;
                totals.vs_ec2 += saved;
                if saved > NanoUsd::ZERO {
                    totals.beating += 1;
                    totals.beats_by += saved;
                }
            }
        }
        totals
    }
}

/// Dollars as whole nano-dollars, which add up in any order.
fn nanos(usd: f64) -> Option<NanoUsd> {
    #[expect(clippy::as_conversions, reason = "rounded, and bounded well inside i128")]
    (usd.is_finite() && usd.abs() < 1e18).then(|| NanoUsd::new((usd * 1e9).round() as i128))
}

/// Clusters in order: the largest saving against the best EC2 first, then those that were not replayed by their saving
/// against today, then those of which nothing can be said, each by name where they are equal.
fn ranked(members: &[Member]) -> Vec<&Member> {
    let of = |saving: &Option<Compared>| saving.as_ref().map_or(f64::NEG_INFINITY, |saving| saving.monthly_usd);
    let mut ranked: Vec<&Member> = members.iter().collect();
    ranked.sort_by(|a, b| {
        of(&b.now.saving_vs_ec2)
            .total_cmp(&of(&a.now.saving_vs_ec2))
            .then_with(|| of(&b.now.saving_vs_today).total_cmp(&of(&a.now.saving_vs_today)))
            .then_with(|| a.now.cluster_id.cmp(&b.now.cluster_id))
    });
    ranked
}

/// Renders the page of a fleet: one file, no script, no request to anywhere. It says on which day, in UTC, it was made, where
/// that is given.
///
/// # Errors
/// When the template cannot be filled, which memory aside does not happen.
pub fn fleet(members: &[Member], money: &Money, made_on: Option<chrono::NaiveDate>) -> Result<String, RenderError> {
    let ranked = ranked(members);
    let totals = Totals::of(members.iter().map(|member| &member.now));
    let windows = span(members);
    let page = Page {
        title: format!("{}: savings report", types::wording::counted(members.len(), "cluster")),
        where_: windows,
        lead: lead(&totals, members.len(), money),
        figures: figures(&totals, members.len(), money),
        basis:
            "Per month of 730 hours, each cluster scaled from its own window. A saving is formed over the cost lines \
                priced on both sides; totals are of the clusters for which it can be formed."
                .to_owned(),
        caption: "Clusters, the largest saving against the best EC2 alternative first; per month of 730 hours"
            .to_owned(),
        rows: ranked.iter().map(|member| cluster(member, money)).collect(),
        total: (totals.clusters > 0 || totals.changing > 0).then(|| total(&totals, members.len(), money)),
        left_out: left_out(&ranked),
        runs: runs(members, money),
        foot: money.converted().unwrap_or_default(),
        made: made(members, made_on),
    };
    Ok(page.render()?)
}

fn made(members: &[Member], day: Option<chrono::NaiveDate>) -> String {
    let end = members.iter().map(|member| member.now.end).max();
    end.map(|end| crate::page::made(end, day)).unwrap_or_default()
}

fn count(n: usize) -> String {
    number_format::count(u32::try_from(n).unwrap_or(u32::MAX))
}

fn span(members: &[Member]) -> String {
    let start = members.iter().map(|member| member.now.start).min();
    let end = members.iter().map(|member| member.now.end).max();
    match start.zip(end) {
        Some((start, end)) => format!("{} to {} (UTC)", number_format::moment(start), number_format::moment(end)),
        None => "no cluster".to_owned(),
    }
}

fn lead(totals: &Totals, members: usize, money: &Money) -> String {
    let changes = match totals.changing {
        0 => String::new(),
        n => format!(
            "What is recommended saves {} a month on {} of {} clusters. ",
            money.show(totals.changes_save.usd()),
            number_format::count(n),
            count(members)
        ),
    };
    if totals.clusters == 0 {
        return format!("{changes}What a pool would save is known for no cluster.");
    }
    let pool = if totals.vs_today < NanoUsd::ZERO {
        format!("would cost {} a month more than they cost today", money.show((-totals.vs_today).usd()))
    } else {
        format!("would save {} a month against today", money.show(totals.vs_today.usd()))
    };
    let ec2 = match totals.replayed {
        0 => String::new(),
        _ if totals.vs_ec2 < NanoUsd::ZERO => format!(
            ", and cost {} a month more than repacking the same pods on EC2",
            money.show((-totals.vs_ec2).usd())
        ),
        _ => format!(", and {} a month against repacking the same pods on EC2", money.show(totals.vs_ec2.usd())),
    };
    let beats = match (totals.replayed, totals.beating) {
        (0, _) => String::new(),
        (_, 0) => " On none of them does a pool beat the best EC2 alternative.".to_owned(),
        (replayed, beating) if beating < replayed => format!(
            " On {} of them a pool beats the best EC2 alternative, by {} a month in all.",
            number_format::count(beating),
            money.show(totals.beats_by.usd())
        ),
        _ => String::new(),
    };
    let clusters = format!("{} of {} clusters", number_format::count(totals.clusters), count(members));
    format!("{changes}Elastic machine pools on {clusters} {pool}{ec2}.{beats}")
}

fn figures(totals: &Totals, members: usize, money: &Money) -> Vec<KeyFigure> {
    let clusters = |n: u32| match usize::try_from(n) {
        Ok(n) if n == members => {
            if n == 1 {
                "one cluster".to_owned()
            } else {
                format!("all {} clusters", count(n))
            }
        }
        _ => format!("{} of {} clusters", number_format::count(n), count(members)),
    };
    let class = |amount: NanoUsd| if amount < NanoUsd::ZERO { "loss" } else { "gain" };
    let figure = |label, n: u32, amount: NanoUsd, class| match n {
        0 => KeyFigure { label, value: "cannot be said".to_owned(), sub: String::new(), class: "absent", badge: "" },
        n => KeyFigure {
            label,
            value: money.show(amount.usd()),
            sub: format!("a month, {}", clusters(n)),
            class,
            badge: "",
        },
    };
    let changes = (totals.changing > 0)
        .then(|| figure("What is recommended saves", totals.changing, totals.changes_save, class(totals.changes_save)));
    let pool = |amount| if totals.changing > 0 { "" } else { class(amount) };
    let mut figures = vec![figure("Today", totals.clusters, totals.today, "")];
    figures.extend(changes);
    figures.extend([
        figure("A pool saves against today", totals.clusters, totals.vs_today, pool(totals.vs_today)),
        figure("and against the best EC2", totals.replayed, totals.vs_ec2, pool(totals.vs_ec2)),
    ]);
    figures
}

fn cost(cost: Cost, money: &Money) -> Text {
    match cost.monthly_usd {
        Some(usd) => {
            Text { text: money.show(usd), badge: if cost.partial { "partial" } else { "" }, ..Text::default() }
        }
        None => Text { text: number_format::UNKNOWN.to_owned(), class: "absent", ..Text::default() },
    }
}

fn saving(saving: Option<&Compared>, money: &Money) -> Text {
    match saving {
        Some(saving) => Text {
            text: money.show(saving.monthly_usd),
            sub: saving.fraction.map(number_format::percent).unwrap_or_default(),
            badge: "",
            class: if saving.monthly_usd < 0.0 { "loss" } else { "gain" },
            label: "",
        },
        None => Text { text: "cannot be said".to_owned(), class: "absent", ..Text::default() },
    }
}

/// Formats what the pool saves: no gain in colour where it breaks a limit or was not replayed.
fn pool_saving(now: &Standing, compared: Option<&Compared>, money: &Money) -> Text {
    let text = saving(compared, money);
    if now.pool_note.is_empty() || text.class == "absent" { text } else { Text { class: "", ..text } }
}

fn cluster(member: &Member, money: &Money) -> ClusterRow {
    let now = &member.now;
    let mut coverage_sub = vec![format!("to {}", number_format::moment(now.end))];
    if now.hours_synthetic > 0 {
        coverage_sub.push(format!("{} synthetic", number_format::count(now.hours_synthetic)));
    }
    let (recommendation, recommendation_sub) = recommendation(now, money);
    ClusterRow {
        name: now.cluster_id.clone(),
        link: member.link.clone().unwrap_or_default(),
        sub: now.region.clone().unwrap_or_else(|| "region not known".to_owned()),
        cells: labelled([
            cost(now.today, money),
            cost(now.ec2_compared(), money),
            Text {
                badge: if now.pool_note.is_empty() { cost(now.pool, money).badge } else { now.pool_note },
                ..cost(now.pool_compared(), money)
            },
            pool_saving(now, now.saving_vs_today.as_ref(), money),
            pool_saving(now, now.saving_vs_ec2.as_ref(), money),
        ]),
        recommendation,
        recommendation_sub,
        coverage: format!(
            "{} of {} hours",
            number_format::count(now.hours_present),
            number_format::count(now.hours_expected)
        ),
        coverage_sub,
        evidence: now.seen_fraction.map_or_else(|| number_format::UNKNOWN.to_owned(), number_format::percent),
    }
}

/// Returns what is recommended, what it saves and how sure that is; its id alone where the verdict predates its data.
fn recommendation(now: &Standing, money: &Money) -> (String, Vec<String>) {
    let Some(recommended) = now.recommended else {
        let of = |id: &str| {
            types::analysis::ScenarioId::parse(id)
                .map_or_else(|| scenario_words::plain(id), |id| types::wording::action(id).to_owned())
        };
        return (now.recommendation.as_deref().map_or_else(|| "No recommendation".to_owned(), of), Vec::new());
    };
    let share =
        recommended.fraction.map(|fraction| format!(" ({})", number_format::percent(fraction))).unwrap_or_default();
    let mut sub = vec![format!("saves {}{share}", money.show(recommended.monthly_usd))];
    sub.extend(recommended.confidence.map(|level| format!("{} confidence", confidence_words::level(level))));
    (types::wording::action(recommended.scenario).to_owned(), sub)
}

fn total(totals: &Totals, members: usize, money: &Money) -> ClusterRow {
    let amount = |n: u32, amount: NanoUsd| Text {
        text: if n == 0 { "cannot be said".to_owned() } else { money.show(amount.usd()) },
        class: if n == 0 { "absent" } else { "" },
        ..Text::default()
    };
    // Changes are recommended on other clusters than those that a pool is known for.
    let (recommendation, recommendation_sub) = match totals.changing {
        0 => (String::new(), Vec::new()),
        n => (
            format!("Saves {}", money.show(totals.changes_save.usd())),
            vec![format!("on {} of {} clusters", number_format::count(n), count(members))],
        ),
    };
    ClusterRow {
        name: match usize::try_from(totals.clusters) {
            Ok(0) => "All clusters".to_owned(),
            Ok(n) if n == members => "All clusters".to_owned(),
            _ => format!("{} of {} clusters", number_format::count(totals.clusters), count(members)),
        },
        link: String::new(),
        sub: String::new(),
        cells: labelled([
            amount(totals.clusters, totals.today),
            Text::default(),
            Text::default(),
            amount(totals.clusters, totals.vs_today),
            amount(totals.replayed, totals.vs_ec2),
        ]),
        recommendation,
        recommendation_sub,
        coverage: String::new(),
        coverage_sub: Vec::new(),
        evidence: String::new(),
    }
}

/// Clusters that are in no total, and those that are in one only, with the reason.
fn left_out(ranked: &[&Member]) -> Option<Table> {
    let why = |standing: &Standing| match (&standing.saving_vs_today, &standing.saving_vs_ec2) {
        (None, _) if standing.today.monthly_usd.is_none() => Some("every total: nothing has a price"),
        (None, _) => Some("every total: its saving is not known"),
        (Some(_), _) if standing.is_arithmetic() => {
            Some("totals of pools: not simulated, its saving is the vendor’s arithmetic")
        }
        (Some(_), None) => Some("total against the best EC2: not simulated, its saving is the vendor’s arithmetic"),
        _ => None,
    };
    let row = |member: &&Member| {
        let why = why(&member.now)?;
        Some(Row::new(vec![Cell::name(&member.now.cluster_id), Cell::new(why)]))
    };
    let rows: Vec<Row> = ranked.iter().filter_map(row).collect();
    let columns = vec![Column::text("Cluster"), Column::text("Left out of")];
    (!rows.is_empty()).then(|| Table::new("Clusters that are not in every total", columns, rows))
}

/// The fleet at the end of each run's windows; `None` where there is one only.
fn runs(members: &[Member], money: &Money) -> Option<Table> {
    let mut by_day: BTreeMap<chrono::NaiveDate, BTreeMap<&str, &Standing>> = BTreeMap::new();
    for member in members {
        // The newest of a day holds, and what stands now wins over what is called earlier.
        let mut of_cluster: Vec<&Standing> = member.earlier.iter().collect();
        of_cluster.sort_by_key(|standing| standing.end);
        for standing in of_cluster.into_iter().chain([&member.now]) {
            let day = (standing.end - chrono::TimeDelta::seconds(1)).date_naive();
            by_day.entry(day).or_default().insert(member.now.cluster_id.as_str(), standing);
        }
    }
    if by_day.len() < 2 {
        return None;
    }
    let row = |(day, clusters): (&chrono::NaiveDate, &BTreeMap<&str, &Standing>)| {
        let totals = Totals::of(clusters.values().copied());
        let amount = |n: u32, amount: NanoUsd| match n {
            0 => Cell::absent("cannot be said"),
            _ => Cell::new(money.show(amount.usd())),
        };
        Row::new(vec![
            Cell::new(day.format("%-d %b %Y").to_string()),
            Cell::new(number_format::count(totals.clusters)),
            amount(totals.clusters, totals.today),
            amount(totals.clusters, totals.vs_today),
            amount(totals.replayed, totals.vs_ec2),
        ])
    };
    let columns = vec![
        Column::short("Window up to"),
        Column::number("Clusters", "in the totals"),
        Column::number("Today", "per month"),
        Column::number("Saves against today", "per month"),
        Column::number("Saves against best EC2", "per month"),
    ];
    let caption = "Runs, newest last; a run counts the clusters whose window ended on that day";
    Some(Table::new(caption, columns, by_day.iter().map(row).collect()).whole())
}

/// The columns of `fleet.csv`.
pub const FLEET_COLUMNS: &[(&str, &str)] = &[
    ("cluster", "the cluster"),
    ("region", "its AWS region"),
    ("window_start", "first moment of its window"),
    ("window_end", "first moment after its window"),
    ("hours_present", "hours the numbers are of"),
    ("hours_expected", "whole hours in the window"),
    ("hours_synthetic", "of the hours present, those that are synthetic"),
    ("today_monthly_usd", "cost today, per month of 730 hours"),
    ("today_partial", "whether that leaves something out"),
    ("ec2_repacked_monthly_usd", "the same pods repacked on EC2: what the pool is compared with like for like"),
    ("pool_scenario", "scenario of the pool: the one recommended or the best of those judged, else `emp-vendor`"),
    ("pool_monthly_usd", "its cost, with the vendor’s fee"),
    ("pool_partial", "whether that leaves something out"),
    ("saving_vs_today_monthly_usd", "saved against today, over the lines priced in both"),
    ("saving_vs_today_fraction", "of today's cost over the same lines"),
    ("saving_vs_today_lines", "those lines, joined by `;`"),
    ("saving_vs_ec2_monthly_usd", "saved against repacking on EC2"),
    ("saving_vs_ec2_fraction", "of its cost over the same lines"),
    ("recommendation", "scenario the verdict recommends"),
    ("recommended_saving_monthly_usd", "what it saves against today; empty where no change is recommended"),
    ("recommended_saving_fraction", "of today's cost over the same lines"),
    ("confidence", "how far that can be trusted: `high`, `medium` or `low`"),
    ("seen_fraction", "of today's bill: quantity seen, price own or listed"),
    ("realised_monthly_usd", "saved by elastic VMs that run already"),
    ("cpu_used_of_capacity_fraction", "CPU used over capacity"),
    ("memory_used_of_capacity_fraction", "memory used over capacity"),
];

/// The fleet as CSV, in the order of the page; amounts in USD.
///
/// # Errors
/// [`SheetError`] when it cannot be written, which memory aside does not happen.
pub fn fleet_csv(members: &[Member]) -> Result<Vec<u8>, SheetError> {
    let of = |member: &&Member| -> Vec<Field> {
        let s = &member.now;
        let (today, ec2) = (s.saving_vs_today.as_ref(), s.saving_vs_ec2.as_ref());
        row![
            &s.cluster_id,
            s.region.as_ref(),
            s.start,
            s.end,
            s.hours_present,
            s.hours_expected,
            s.hours_synthetic,
            s.today.monthly_usd,
            s.today.partial,
            s.ec2_compared().monthly_usd,
            &s.pool_id,
            s.pool_compared().monthly_usd,
            s.pool.partial,
            today.map(|saving| saving.monthly_usd),
            today.and_then(|saving| saving.fraction),
            today.map(|saving| saving.lines.join(";")),
            ec2.map(|saving| saving.monthly_usd),
            ec2.and_then(|saving| saving.fraction),
            s.recommendation.as_ref(),
            s.recommended.map(|recommended| recommended.monthly_usd),
            s.recommended.and_then(|recommended| recommended.fraction),
            s.recommended.and_then(|recommended| recommended.confidence).map(confidence_words::level),
            s.seen_fraction,
            s.realised_monthly_usd,
            s.cpu_used_of_capacity,
            s.memory_used_of_capacity,
        ]
    };
    let rows = ranked(members).iter().map(of).collect();
    write(FLEET_COLUMNS.iter().map(|(name, _)| *name), rows)
        .map_err(|source| SheetError { name: "fleet".to_owned(), source })
}
