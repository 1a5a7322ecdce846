//! Every scenario by the same limits: what it costs and saves, which limits it breaks, and what would mend that.

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::{Judged, LimitCheck, Remedy, RemedyKind};
use types::wording;

use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::scenario_words;

/// The part.
#[derive(Debug, Template)]
#[template(path = "scenario_limits.html")]
pub(crate) struct JudgedPart {
    lead: String,
    scenarios: Table,
    remedies: Table,
    limits: Table,
}

impl HtmlSafe for JudgedPart {}

impl JudgedPart {
    /// The part; `None` where nothing was judged.
    pub(crate) fn new(analysis: &View<'_>) -> Option<Self> {
        (!analysis.verdict.judged.is_empty()).then(|| Self {
            lead: lead(analysis),
            scenarios: scenarios(analysis),
            remedies: remedies(analysis),
            limits: limits(analysis),
        })
    }
}

fn lead(analysis: &View<'_>) -> String {
    let (reported, chosen) = (analysis.verdict.reported_hours, analysis.verdict.chosen_hours);
    let mut text = "All scenarios are held to the same limits, set from today’s cluster.".to_owned();
    if reported > 0 && chosen > 0 {
        text.push_str(&format!(
            " Tuning used the first {}; costs and limits are of the last {}.",
            number_format::hours(chosen),
            number_format::hours(reported)
        ));
    } else if reported > 0 {
        text.push_str(&format!(" Nothing was tuned; costs and limits are of {}.", number_format::hours(reported)));
    }
    text.extend(wording::today_breaches(&analysis.verdict.today_breaches).map(|said| format!(" {said}")));
    text
}

/// Scenarios that were judged, without those that came out as another.
fn shown<'a>(analysis: &'a View<'_>) -> impl Iterator<Item = &'a Judged> {
    analysis.verdict.judged.iter().filter(|judged| !scenario_words::is_twin(analysis, judged.scenario.as_str()))
}

fn label(analysis: &View<'_>, judged: &Judged) -> String {
    scenario_words::scenario_name(analysis, judged.scenario)
}

fn scenarios(analysis: &View<'_>) -> Table {
    let recommended = analysis.verdict.recommended();
    let row = |judged: &Judged| {
        let is_recommended = recommended == Some(judged.scenario);
        let share = judged.saving_fraction.map(number_format::percent).unwrap_or_default();
        let chosen = judged.chosen_monthly_usd.map(|usd| format!("{} where it was chosen", analysis.usd(usd)));
        let row = if is_recommended { Row::total } else { Row::new };
        row(vec![
            Cell::new(label(analysis, judged)).sub(if is_recommended { "recommended" } else { "" }),
            Cell::new(analysis.usd(judged.monthly_usd)).sub(chosen.unwrap_or_default()),
            Cell::new(analysis.usd(judged.saving_monthly_usd)).sub(share).tone(judged.saving_monthly_usd),
            rival(analysis, judged),
            broken(judged),
            ready(analysis, judged),
        ])
    };
    Table::new(
        "Scenarios, the largest saving first; per month of 730 hours",
        vec![
            Column::text("Scenario"),
            Column::number("Cost", "a\u{a0}month"),
            Column::number("Saves", "against today"),
            Column::number("Against EC2", "like for like"),
            Column::text("Limits"),
            Column::text("Kept ready"),
        ],
        shown(analysis).map(row).collect(),
    )
}

fn rival(analysis: &View<'_>, judged: &Judged) -> Cell {
    match (judged.rival, judged.saving_vs_rival_monthly_usd) {
        (None, _) => Cell::absent("is on EC2"),
        (Some(_), None) => Cell::absent("cannot be said"),
        (Some(rival), Some(usd)) => Cell::new(analysis.usd(usd))
            .sub(scenario_words::plain(&scenario_words::scenario_name(analysis, rival)))
            .tone(usd),
    }
}

/// The least cost of work owed that is worth a note: below a dollar a month the table shows zero.
const LEAST_SHOWN_USD: f64 = 1.0;

/// Limits that break and are named in a row; the table of limits has the others.
const MOST: usize = 3;

fn broken(judged: &Judged) -> Cell {
    if judged.holds {
        return Cell::new("within all");
    }
    let broken: Vec<&LimitCheck> = judged.limits.iter().filter(|check| !check.holds).collect();
    // The first with its values, the next by name: the table of limits has every value.
    let name = |check: &&LimitCheck| wording::limit(check.limit).to_owned();
    let first = broken.iter().take(1).map(|check| against(check));
    let mut named: Vec<String> = first.chain(broken.iter().skip(1).take(MOST - 1).map(name)).collect();
    if let Some(more) = broken.len().checked_sub(MOST).filter(|more| *more > 0) {
        named.push(format!("{} more", number_format::grouped(number_format::number(more), 0)));
    }
    let mut cell = Cell::new(scenario_words::sentence(&named.join("; ")));
    cell.tone = "risky";
    cell
}

/// A limit, what the scenario comes to, what it may come to, and what today comes to.
fn against(check: &LimitCheck) -> String {
    let name = wording::limit(check.limit);
    let [value, allowed] = values(check);
    let today = today(check).map(|today| format!(", today {today}")).unwrap_or_default();
    format!("{name} {value}, limit {allowed}{today}")
}

fn values(check: &LimitCheck) -> [String; 2] {
    match check.value {
        Some(value) => wording::limit_values(check.limit, value, check.allowed),
        None => {
            let [allowed, _] = wording::limit_values(check.limit, check.allowed, check.allowed);
            [number_format::UNKNOWN.to_owned(), allowed]
        }
    }
}

fn today(check: &LimitCheck) -> Option<String> {
    let [today, _] = wording::limit_values(check.limit, check.today?, check.allowed);
    Some(today)
}

fn ready(analysis: &View<'_>, judged: &Judged) -> Cell {
    let mut what: Vec<String> = Vec::new();
    let mut price = String::new();
    if let Some(headroom) = &judged.headroom {
        what.push(scenario_words::clipped(&wording::headroom(headroom, judged.scenario), 72));
        if headroom.monthly_usd >= 0.005 {
            price = format!("{} a month, in its cost", analysis.usd(headroom.monthly_usd));
        }
    }
    if judged.spare_hosts_per_zone > 0 {
        what.push(wording::spare_hosts(judged.spare_hosts_per_zone));
    }
    if let Some(usd) = judged.work_owed.and_then(|owed| owed.monthly_usd).filter(|usd| *usd >= LEAST_SHOWN_USD) {
        what.push(format!("jobs not done by the end cost {} a month more", analysis.usd(usd)));
    }
    if let Some(hosts) = &judged.zone_hosts {
        what.push(format!("hosts stand {} full", number_format::percent(hosts.fill_fraction)));
    }
    if what.is_empty() {
        Cell::absent("nothing")
    } else {
        Cell::new(scenario_words::sentence(&what.join("; "))).sub(price)
    }
}

fn remedies(analysis: &View<'_>) -> Table {
    let row = |remedy: &Remedy| {
        let mends: Vec<String> = remedy.mends.iter().map(|limit| wording::limit(*limit).to_owned()).collect();
        let what = scenario_words::plain(&wording::remedy(&remedy.what, remedy.scenario));
        let price = match (&remedy.what, remedy.monthly_usd) {
            (RemedyKind::NoneFound, _) => Cell::absent("none"),
            (_, None) => Cell::absent(number_format::UNKNOWN),
            (_, Some(usd)) => Cell::new(analysis.usd(usd)),
        };
        let included = match (&remedy.what, remedy.included) {
            (RemedyKind::NoneFound, _) => "no",
            (_, true) => "yes",
            (_, false) => "no, added to it",
        };
        Row::new(vec![
            Cell::new(scenario_words::scenario_name(analysis, remedy.scenario)),
            Cell::new(scenario_words::sentence(&scenario_words::list(&mends))),
            Cell::new(scenario_words::sentence(&what)),
            price,
            Cell::new(included),
        ])
    };
    Table::new(
        "What makes scenarios hold that would break a limit, and its price; per month of 730 hours",
        vec![
            Column::text("Scenario"),
            Column::text("Limits that break without it"),
            Column::text("What to keep"),
            Column::number("Price", "a\u{a0}month"),
            Column::short("In its cost"),
        ],
        analysis.verdict.remedies.iter().map(row).collect(),
    )
}

fn limits(analysis: &View<'_>) -> Table {
    let row = |judged: &Judged, check: &LimitCheck| {
        let [value, allowed] = values(check);
        let mut value = if check.value.is_some() { Cell::new(value) } else { Cell::absent(value) };
        value.tone = if check.holds { "" } else { "risky" };
        Row::new(vec![
            Cell::new(label(analysis, judged)),
            Cell::new(scenario_words::sentence(wording::limit(check.limit))).sub(wording::limit_what(check.limit)),
            value,
            Cell::new(allowed),
            today(check).map_or_else(|| Cell::absent(number_format::UNKNOWN), Cell::new),
            Cell::new(if check.holds { "holds" } else { "breaks" }),
            check.worst.as_ref().map_or_else(|| Cell::absent("–"), Cell::name),
        ])
    };
    let of = |judged: &'_ Judged| judged.limits.iter().map(|check| row(judged, check)).collect::<Vec<_>>();
    Table::new(
        "Every limit of every scenario, outside the first day",
        vec![
            Column::text("Scenario"),
            Column::text("Limit"),
            Column::number("Comes to", ""),
            Column::number("Allowed", ""),
            Column::number("Today", "replayed"),
            Column::short("Holds"),
            Column::text("Worst"),
        ],
        shown(analysis).flat_map(of).collect(),
    )
}
