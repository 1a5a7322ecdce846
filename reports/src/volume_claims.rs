//! Persistent volume claims and what they cost.

use types::analysis::{Allocation, ClaimCost};

use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table, cut, others};
use crate::page_view::View;

/// Every claim, dearest first; empty where the analysis has none.
pub(crate) fn claims(analysis: &View<'_>, allocation: &Allocation) -> Table {
    let row = |claim: &ClaimCost| {
        let badge = if claim.unmounted { "not mounted" } else { "" };
        Row::new(vec![
            Cell::name(&claim.claim).sub(&claim.namespace).badge(badge),
            match &claim.volume_type {
                Some(name) => Cell::name(name),
                None => Cell::absent(number_format::UNKNOWN),
            }
            .sub(claim.storage_class.clone().unwrap_or_default()),
            claim.gib_mean.map_or_else(
                || Cell::absent(number_format::UNKNOWN),
                |gib| Cell::new(number_format::three_digits(gib)),
            ),
            Cell::new(number_format::quantity(claim.hours)),
            match claim.usd {
                Some(_) => analysis.monthly_cell(claim.usd),
                None => Cell::absent("no price"),
            },
        ])
    };
    let all = &allocation.by_volume_claim;
    let mut rows: Vec<Row> = all.iter().map(row).collect();
    let together = |head: Cell, claims: &[ClaimCost]| {
        let amounts: Vec<Option<f64>> = claims.iter().map(|claim| claim.usd).collect();
        let blank = || Cell::new("");
        vec![head, blank(), blank(), blank(), analysis.monthly_total(&amounts)]
    };
    cut(&mut rows, |from| {
        let rest = all.get(from..).unwrap_or_default();
        Row::new(together(others(rest.len(), "claim"), rest))
    });
    if rows.len() > 1 {
        rows.push(Row::total(together(Cell::new("All claims"), all)));
    }
    Table::new(
        "Persistent volume claims, per month of 730 hours",
        vec![
            Column::text("Claim"),
            Column::text("Volume type"),
            Column::number("Size", "GiB, mean"),
            Column::number("Hours", "in the window"),
            Column::number("Cost", "per month"),
        ],
        rows,
    )
}
