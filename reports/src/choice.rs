//! Two questions kept apart: requests as they are or right-sized, on EC2 or on elastic VMs.

use crate::format;
use crate::table::{Cell, Column, Row, Table};
use crate::view::View;
use crate::words::{self, TODAY};

/// Scenarios of the choice: as they are and right-sized, on EC2 and on elastic VMs.
const CHOICE: [(&str, &str, &str); 2] =
    [("As they are", "ec2-repacked", "emp"), ("Right-sized from usage", "ec2-rightsized", "emp-rightsized")];

/// The table; empty where nothing was replayed.
pub(crate) fn choice(analysis: &View<'_>) -> Table {
    let is_replayed = CHOICE.iter().any(|(_, ec2, _)| words::scenario(analysis, ec2).is_some());
    let rows = CHOICE.iter().filter(|_| is_replayed).map(|(label, ec2, pool)| {
        Row::new(vec![Cell::new(*label), cost(analysis, ec2), cost(analysis, pool), difference(analysis, ec2, pool)])
    });
    let rows = rows.collect();
    Table::new(
        "Cost per month of 730 hours",
        vec![
            Column::text("Requests"),
            Column::number("On EC2", "repacked"),
            Column::number("On elastic VMs", "net of fee"),
            Column::number("EMP saves", "like for like"),
        ],
        rows,
    )
    .stacking()
}

fn cost(analysis: &View<'_>, id: &str) -> Cell {
    let Some(scenario) = words::scenario(analysis, id) else { return Cell::absent("not replayed") };
    let holds = scenario.risk.as_ref().is_some_and(|risk| risk.holds_target);
    let saved = words::scenario(analysis, TODAY).and_then(|today| analysis.month(words::less(today, scenario)?));
    let sub = match saved {
        Some(usd) if usd >= 0.0 => format!("{} below today", analysis.usd(usd)),
        Some(usd) => format!("{} above today", analysis.usd(-usd)),
        None => String::new(),
    };
    let badge = if holds { "" } else { "over the risk target" };
    match scenario.monthly_usd.filter(|_| scenario.cost_usd.compute.is_some()) {
        Some(usd) => Cell::new(analysis.usd(usd)).sub(sub).badge(badge),
        None => Cell::absent(format::UNKNOWN).sub("its compute has no price"),
    }
}

fn difference(analysis: &View<'_>, ec2: &str, pool: &str) -> Cell {
    let pair = words::scenario(analysis, ec2).zip(words::scenario(analysis, pool));
    match pair.and_then(|(ec2, pool)| analysis.month(words::less(ec2, pool)?)) {
        Some(usd) => Cell::new(analysis.usd(usd)).tone(usd),
        None => Cell::absent("cannot be said"),
    }
}
