//! Two questions kept apart: requests as they are or right-sized, on EC2 or on elastic VMs.

use types::analysis::{Judged, saves_most};

use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::scenario_words::{self, TODAY};

/// Scenarios of the choice: as they are and right-sized, on EC2 and on elastic VMs.
const CHOICE: [(&str, &str, &str); 2] =
    [("As they are", "ec2-repacked", "emp"), ("Right-sized from usage", "ec2-rightsized", "emp-rightsized")];

/// The table; empty where nothing was replayed.
pub(crate) fn choice(analysis: &View<'_>) -> Table {
    let is_replayed = CHOICE.iter().any(|(_, ec2, _)| scenario_words::scenario(analysis, ec2).is_some());
    let replayed = |(label, ec2, pool): &(&'static str, &str, &str)| {
        Row::new(vec![Cell::new(*label), cost(analysis, ec2), cost(analysis, pool), difference(analysis, ec2, pool)])
    };
    let rows = match analysis.verdict.judged.is_empty() {
        true => CHOICE.iter().filter(|_| is_replayed).map(replayed).collect(),
        false => [false, true].into_iter().map(|rightsized| judged(analysis, rightsized)).collect(),
    };
    Table::new(
        "Cost per month of 730 hours",
        vec![
            Column::text("Requests"),
            Column::number("On EC2", "repacked"),
            Column::number("On elastic VMs", "with the vendor’s fee"),
            Column::number("EMP saves", "like for like"),
        ],
        rows,
    )
}

/// The pool with requests as they are or right-sized, and what it is compared with.
fn judged(analysis: &View<'_>, rightsized: bool) -> Row {
    let verdict = &analysis.verdict;
    let of = |emp: bool| {
        let fits =
            move |judged: &&Judged| judged.scenario.is_emp() == emp && judged.scenario.is_rightsized() == rightsized;
        let holding = saves_most(verdict.changes().filter(fits).filter(|judged| judged.holds));
        holding.or_else(|| saves_most(verdict.changes().filter(fits)))
    };
    let pool = of(true);
    let ec2 = pool.and_then(|pool| verdict.judged(pool.rival?)).or_else(|| of(false));
    let cell = |judged: Option<&Judged>| match judged {
        None => Cell::absent("not replayed"),
        Some(judged) => Cell::new(analysis.usd(judged.monthly_usd))
            .sub(beside_today(analysis, judged.saving_monthly_usd))
            .badge(if judged.holds { "" } else { scenario_words::holding(analysis, false) }),
    };
    let difference = match pool.and_then(|pool| pool.saving_vs_rival_monthly_usd) {
        Some(usd) => Cell::new(analysis.usd(usd)).tone(usd),
        None => Cell::absent("cannot be said"),
    };
    let label = if rightsized { "Right-sized from usage" } else { "As they are" };
    Row::new(vec![Cell::new(label), cell(ec2), cell(pool), difference])
}

fn beside_today(analysis: &View<'_>, saved_monthly_usd: f64) -> String {
    if saved_monthly_usd >= 0.0 {
        format!("{} below today", analysis.usd(saved_monthly_usd))
    } else {
        format!("{} above today", analysis.usd(-saved_monthly_usd))
    }
}

fn cost(analysis: &View<'_>, id: &str) -> Cell {
    let Some(scenario) = scenario_words::scenario(analysis, id) else { return Cell::absent("not replayed") };
    let holds = scenario.risk.as_ref().is_some_and(|risk| risk.holds_target);
    let saved = scenario_words::scenario(analysis, TODAY)
        .and_then(|today| analysis.month(scenario_words::less(today, scenario)?));
    let sub = saved.map(|usd| beside_today(analysis, usd)).unwrap_or_default();
    let badge = if holds { "" } else { "over the risk target" };
    match scenario.monthly_usd.filter(|_| scenario.cost_usd.compute.is_some()) {
        Some(usd) => Cell::new(analysis.usd(usd)).sub(sub).badge(badge),
        None => Cell::absent(number_format::UNKNOWN).sub("its compute has no price"),
    }
}

fn difference(analysis: &View<'_>, ec2: &str, pool: &str) -> Cell {
    let pair = scenario_words::scenario(analysis, ec2).zip(scenario_words::scenario(analysis, pool));
    match pair.and_then(|(ec2, pool)| analysis.month(scenario_words::less(ec2, pool)?)) {
        Some(usd) => Cell::new(analysis.usd(usd)).tone(usd),
        None => Cell::absent("cannot be said"),
    }
}
