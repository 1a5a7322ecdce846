//! Showback by label: a page and a table for each value, such as a team, and for what has none.

use std::collections::BTreeSet;

use askama::Template;
use types::analysis::{Analysis, LabelCost, LabelWorkload};

use crate::csv_tables::csv_table::{SheetError, write};
use crate::csv_tables::safe_cells::row;
use crate::error::RenderError;
use crate::export::file::{ExportError, File};
use crate::number_format;
use crate::page_currency::Money;
use crate::page_table::{Cell, Column, Row, Table};
use crate::page_view::View;
use crate::scenario_words::{self, share};

/// The page of one value.
#[derive(Template)]
#[template(path = "label_showback.html")]
struct Page {
    label: String,
    value: String,
    cluster_id: String,
    window: String,
    lead: String,
    workloads: Table,
    foot: String,
}

/// Columns of the table of one value.
const COLUMNS: [&str; 6] = ["label", "value", "namespace", "workload_kind", "workload", "workload_monthly_usd"];

/// A page and a table for each value of each label; none where the analysis was asked for none.
pub(crate) fn files(analysis: &Analysis, money: &Money) -> Result<Vec<File>, ExportError> {
    let view = &View::new(analysis, money);
    let rows = analysis.allocation.iter().flat_map(|allocation| &allocation.by_label);
    let (mut files, mut taken) = (Vec::new(), BTreeSet::new());
    for row in rows {
        let name = unique(&mut taken, &row.label, row.value.as_deref());
        files.push(File::new(format!("labels/{name}.csv"), table(analysis, row)?));
        files.push(File::new(format!("labels/{name}.html"), page(view, row)?));
    }
    Ok(files)
}

/// A path that any file system takes: a name that Kubernetes allows is kept, any other is made of its letters and
/// numbered where two would be the same.
fn unique(taken: &mut BTreeSet<String>, label: &str, value: Option<&str>) -> String {
    let plain = |text: &str| -> String {
        let kept = text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' });
        kept.take(80).collect()
    };
    let value = value.map_or_else(|| "without".to_owned(), |value| format!("is-{}", plain(value)));
    let base = format!("{}/{value}", plain(label));
    let mut name = base.clone();
    let mut n = 2;
    while !taken.insert(name.to_lowercase()) {
        name = format!("{base}-{n}");
        n += 1;
    }
    name
}

fn table(analysis: &Analysis, of: &LabelCost) -> Result<Vec<u8>, SheetError> {
    let months = analysis.window.months();
    let row = |one: &LabelWorkload| {
        row![
            &of.label,
            of.value.as_ref(),
            &one.namespace,
            &one.workload_kind,
            &one.workload,
            months.map(|months| one.workload_usd * months),
        ]
    };
    write(COLUMNS.into_iter(), of.workloads.iter().map(row).collect())
        .map_err(|source| SheetError { name: format!("labels/{}", of.label), source })
}

fn page(analysis: &View<'_>, of: &LabelCost) -> Result<String, RenderError> {
    let all: f64 = analysis.allocation.iter().map(|allocation| allocation.total.workloads_usd).sum();
    let value = of.value.as_deref().map_or_else(|| "without this label".to_owned(), scenario_words::plain);
    let page = Page {
        label: scenario_words::plain(&of.label),
        value,
        cluster_id: scenario_words::plain(&analysis.cluster_id),
        window: scenario_words::window(analysis),
        lead: format!(
            "{} a month, {} of what all workloads of the cluster cost.",
            analysis.monthly(of.workload_usd),
            number_format::percent(share(of.workload_usd, all))
        ),
        workloads: workloads(analysis, of),
        foot: format!(
            "A pod pays for the greater of what it requests and what it uses. Idle capacity, daemonsets and other overhead \
             are nobody’s and in no label. {}",
            crate::first_screen::basis(analysis)
        ),
    };
    Ok(page.render()?)
}

fn workloads(analysis: &View<'_>, of: &LabelCost) -> Table {
    let largest = of.workloads.iter().map(|one| one.workload_usd).fold(0.0, f64::max);
    let mut rows: Vec<Row> = of
        .workloads
        .iter()
        .map(|one| {
            Row::new(vec![
                Cell::name(&one.workload).sub(format!("{} in {}", one.workload_kind, one.namespace)),
                analysis
                    .monthly_cell(Some(one.workload_usd))
                    .meter(number_format::css_percent(share(one.workload_usd, largest))),
                Cell::new(number_format::percent(share(one.workload_usd, of.workload_usd))),
            ])
        })
        .collect();
    rows.push(Row::total(vec![
        Cell::new("Together"),
        analysis.monthly_cell(Some(of.workload_usd)),
        Cell::new(number_format::percent(1.0)),
    ]));
    Table::new(
        "Workloads, dearest first; per month of 730 hours",
        vec![Column::text("Workload"), Column::number("Cost", "per month"), Column::number("Share", "of these")],
        rows,
    )
}
