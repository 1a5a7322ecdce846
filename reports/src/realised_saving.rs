//! Saving of elastic VMs that run already, by the vendor's own definition: Before less After, and the fee on that.

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::Realised;

use crate::number_format;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;

/// The part.
#[derive(Debug, Template)]
#[template(path = "realised_saving.html")]
pub(crate) struct RealisedPart {
    lead: String,
    table: Table,
    types: Table,
}

impl HtmlSafe for RealisedPart {}

impl RealisedPart {
    /// The part; `None` where no elastic VM runs.
    pub(crate) fn new(analysis: &View<'_>) -> Option<Self> {
        let realised = analysis.realised.as_ref()?;
        Some(Self { lead: lead(analysis, realised), table: table(analysis, realised), types: types(realised) })
    }
}

fn lead(analysis: &View<'_>, realised: &Realised) -> String {
    let hours = types::wording::quantity(realised.evm_hours, "hour");
    match realised.saving_usd {
        Some(usd) if usd >= 0.0 => format!(
            "Elastic VMs ran for {hours} and saved {} a month after the fee, by the vendor’s definition.",
            analysis.monthly(usd)
        ),
        Some(usd) => format!(
            "Elastic VMs ran for {hours} and cost {} a month more than EC2 would have, by the vendor’s definition.",
            analysis.monthly(-usd)
        ),
        None => format!(
            "Elastic VMs ran for {hours}. What their hosts cost is in no metric of the cluster, so what they saved \
             cannot be said; give emp.running_hosts_usd_per_month in the assumptions file."
        ),
    }
}

fn table(analysis: &View<'_>, realised: &Realised) -> Table {
    let row = |what: &str, usd: Option<f64>, why: &str| {
        Row::new(vec![Cell::new(what), analysis.monthly_cell(usd), Cell::new(why)])
    };
    Table::new(
        "Realised saving, per month of 730 hours",
        vec![Column::text("What"), Column::number("Amount", "per month"), Column::text("How it is formed")],
        vec![
            row("Before", realised.before_usd, "the elastic VMs’ hours at the price of the EC2 types they mirror"),
            row("After", realised.after_usd, "the hosts, as you say what they cost"),
            row("Fee", realised.fee_usd, "the vendor’s share of the difference"),
            row("Saved", realised.saving_usd, "Before less After less the fee"),
        ],
    )
}

fn types(realised: &Realised) -> Table {
    let row =
        |(name, hours): &(String, f64)| Row::new(vec![Cell::name(name), Cell::new(number_format::quantity(*hours))]);
    Table::new(
        "Elastic VMs that ran",
        vec![Column::text("Instance type"), Column::number("Hours", "in the window")],
        realised.evm_types.iter().map(row).collect(),
    )
}
