//! The bill of AWS beside the analysis: a section of the page, a page of its own, Markdown, and text for a terminal.

use askama::Template;
use askama::filters::HtmlSafe;
use types::CommitmentKind;
use types::analysis::{BilledMachine, Gravity, Invoice};

use crate::backtick_prose::Prose;
use crate::error::RenderError;
use crate::markdown;
use crate::number_format;
use crate::page_currency::Money;
use crate::page_table::{Cell, Column, Row, Table};
use crate::scenario_words;

/// Rows shown of a table of single things before the rest is folded away.
const FIRST: usize = 10;

/// The section.
#[derive(Debug, Template)]
#[template(path = "invoice.html")]
pub(crate) struct InvoicePart {
    lead: String,
    about: String,
    sentences: Vec<String>,
    lines: Table,
    machines: Table,
    folded: Vec<(&'static str, Table)>,
    /// Amounts of the rows of each folded table, in their order.
    amounts: Vec<Vec<f64>>,
    notes: Vec<(&'static str, &'static str, Prose<String>)>,
}

impl HtmlSafe for InvoicePart {}

/// The page.
#[derive(Template)]
#[template(path = "invoice_page.html")]
struct Page {
    cluster_id: String,
    hours: String,
    part: InvoicePart,
}

impl InvoicePart {
    pub(crate) fn new(invoice: &Invoice, money: &Money) -> Self {
        let folded = [
            ("Commitments in the bill", commitments(invoice, money)),
            ("In the bill and not in the lake", only_billed(invoice, money)),
            ("In the lake and not in the bill", only_seen(invoice, money)),
            ("What else was billed for this cluster, by the unit", units(invoice, money)),
            ("The rest of the bill: other clusters, and what no tag tells", elsewhere(invoice, money)),
        ];
        let folded = folded.into_iter().filter(|(_, (table, _))| !table.is_empty());
        let (folded, amounts) = folded.map(|(title, (table, amounts))| ((title, table), amounts)).unzip();
        let notes = invoice.notes.iter().map(|note| match note.gravity {
            Gravity::Warning => ("warning", "Warning", Prose(scenario_words::plain(&money.sentence(&note.text)))),
            Gravity::Info => ("info", "Note", Prose(scenario_words::plain(&money.sentence(&note.text)))),
        });
        Self {
            lead: lead(invoice, money),
            about: about(invoice),
            sentences: sentences(invoice, money),
            lines: lines(invoice, money),
            machines: machines(invoice, money),
            folded,
            amounts,
            notes: notes.collect(),
        }
    }
}

/// The invoice as a page: one file, no script, no request to anywhere.
///
/// # Errors
/// When the template cannot be filled, which memory aside does not happen.
pub fn invoice_page(invoice: &Invoice, money: &Money) -> Result<String, RenderError> {
    let page = Page {
        cluster_id: scenario_words::plain(&invoice.cluster_id),
        hours: hours(invoice),
        part: InvoicePart::new(invoice, money),
    };
    Ok(page.render()?)
}

/// The same as GitHub-flavoured Markdown.
pub fn invoice_markdown(invoice: &Invoice, money: &Money) -> String {
    let part = InvoicePart::new(invoice, money);
    let mut text = format!(
        "### The bill of {} beside its analysis\n\n**{}**\n\n{}\n\n",
        markdown::code(&invoice.cluster_id),
        markdown::sentence(&part.lead),
        markdown::sentence(&part.about)
    );
    text.push_str(&markdown::table(&part.lines, ""));
    let billed: Vec<f64> = invoice.machines.iter().map(|machine| machine.billed_usd).collect();
    let folded = part.folded.iter().map(|(_, table)| table).zip(&part.amounts);
    for (table, amounts) in std::iter::once((&part.machines, &billed)).chain(folded) {
        text.push_str(&markdown::table(table, &rest(table, amounts, money)));
    }
    for line in &part.sentences {
        text.push_str(&format!("{}\n\n", markdown::sentence(line)));
    }
    for (_, kind, note) in &part.notes {
        text.push_str(&format!("- {kind}: {}\n", markdown::sentence(&note.0)));
    }
    text
}

/// Amount of the rows of a table that are not shown, and where they are.
fn rest(table: &Table, amounts: &[f64], money: &Money) -> String {
    let shown = amounts.len().saturating_sub(table.hidden());
    let hidden: f64 = amounts.iter().skip(shown).sum();
    format!(", {} in all; invoice.json has them", money.show(hidden))
}

/// The same in short, as text for a terminal.
pub fn invoice_summary(invoice: &Invoice, money: &Money) -> String {
    let mut text = format!(
        "Cluster   {}\nHours     {}\nBill      {}\n\n{}\n\n",
        scenario_words::plain(&invoice.cluster_id),
        hours(invoice),
        about(invoice),
        lead(invoice, money)
    );
    let amount = |usd: Option<f64>| usd.map_or_else(|| "–".to_owned(), |usd| money.show(usd));
    text.push_str(&format!("{:<22}{:>12}{:>12}{:>12}{:>14}\n", "", "estimated", "at list", "billed", "rest of bill"));
    for row in &invoice.lines {
        text.push_str(&format!(
            "{:<22}{:>12}{:>12}{:>12}{:>14}\n",
            line_name(&row.line),
            amount(row.estimated_usd),
            amount(row.list_usd),
            amount(row.billed_usd),
            money.show(row.elsewhere_usd)
        ));
    }
    text.push('\n');
    for line in sentences(invoice, money) {
        text.push_str(&format!("{line}\n"));
    }
    for note in &invoice.notes {
        text.push_str(&format!(
            "{}: {}\n",
            if note.gravity == Gravity::Warning { "Warning" } else { "Note" },
            scenario_words::plain(&note.text)
        ));
    }
    text
}

/// The hours compared, in words.
fn hours(invoice: &Invoice) -> String {
    let of = &invoice.hours;
    format!(
        "{} from {} to {} (UTC)",
        number_format::hours(of.in_both),
        number_format::moment(of.start),
        number_format::moment(of.end)
    )
}

fn about(invoice: &Invoice) -> String {
    let export = &invoice.export;
    let files = if export.files == 1 { "file" } else { "files" };
    #[expect(clippy::as_conversions, reason = "a count of lines for display")]
    let lines = export.lines as f64;
    format!(
        "{}, {} {files}, {} lines, from {} to {}",
        scenario_words::plain(&export.format),
        number_format::count(export.files),
        types::wording::grouped(lines, 0),
        number_format::moment(export.start),
        number_format::moment(export.end)
    )
}

/// The finding in a sentence.
fn lead(invoice: &Invoice, money: &Money) -> String {
    let Some(compared) = &invoice.compared else {
        return "No line has an amount on both sides, so nothing can be compared.".to_owned();
    };
    let deviation = compared.deviation.map_or_else(String::new, |deviation| match deviation {
        of if of.abs() < 0.0005 => ": the same".to_owned(),
        of if of > 0.0 => format!(": {} above the bill", number_format::percent(of)),
        of => format!(": {} below the bill", number_format::percent(-of)),
    });
    format!(
        "Billed for this cluster: {}. Estimated for the same {}: {}{deviation}.",
        money.show(compared.billed_usd),
        number_format::hours(invoice.hours.in_both),
        money.show(compared.estimated_usd)
    )
}

/// Findings in sentences.
fn sentences(invoice: &Invoice, money: &Money) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some((discount, off)) =
        invoice.discount.as_ref().and_then(|of| Some((of, of.fraction?))).filter(|(_, off)| off.abs() >= 0.0005)
    {
        let how =
            if discount.uniform { "the same on every instance type" } else { "not the same on every instance type" };
        sentences.push(format!(
            "On-demand instances are billed {} below list price, {how}{}.",
            number_format::percent(off),
            if discount.edp_usd > 0.0 {
                format!("; {} of it is named as EDP", money.show(discount.edp_usd))
            } else {
                String::new()
            }
        ));
    }
    let of_purchases = invoice.machines.iter().flat_map(|machine| &machine.purchases);
    let all: f64 = of_purchases.clone().map(|of| of.hours).sum();
    let named = [
        ("on-demand", "on demand"),
        ("spot", "at spot"),
        ("savings-plan", "under Savings Plans"),
        ("reserved", "under reservations"),
    ];
    let parts: Vec<String> = named
        .into_iter()
        .filter_map(|(purchase, how)| {
            let hours: f64 = of_purchases.clone().filter(|of| of.purchase == purchase).map(|of| of.hours).sum();
            (hours > 0.0).then(|| format!("{} {how}", number_format::percent(hours / all)))
        })
        .collect();
    if !parts.is_empty() {
        sentences.push(format!("Of the hours of its instances, {} were bought.", scenario_words::list(&parts)));
    }
    let unmatched = |what: &str, usd: f64, n: usize| {
        (n > 0).then(|| {
            format!(
                "{what}: {} in {} {}.",
                money.show(usd),
                number_format::grouped(number_format::number(n), 0),
                if n == 1 { "row" } else { "rows" }
            )
        })
    };
    let billed: f64 = invoice.only_billed.iter().map(|row| row.billed_usd).sum();
    let seen: f64 = invoice.only_seen.iter().filter_map(|row| row.estimated_usd).sum();
    sentences.extend(unmatched("In the bill and not in the lake", billed, invoice.only_billed.len()));
    sentences.extend(unmatched("In the lake and not in the bill", seen, invoice.only_seen.len()));
    sentences
}

/// The name of a line.
fn line_name(line: &str) -> String {
    let name = match line {
        "compute" => "Instances",
        "fargate" => "Fargate",
        "root_disks" => "Root disks",
        "volumes" => "Persistent volumes",
        "ebs" => "EBS volumes",
        "auto_mode" => "EKS Auto Mode",
        "cpu_credits" => "CPU credits",
        "control_plane" => "EKS control plane",
        "nat_gateways" => "NAT gateways",
        "load_balancers" => "Load balancers",
        "public_ipv4" => "Public IPv4 addresses",
        "interface_endpoints" => "Interface endpoints",
        "data_transfer" => "Data transfer",
        "snapshots" => "Snapshots",
        "unused_commitments" => "Unused commitments",
        "support" => "Support",
        "tax" => "Tax",
        "credits" => "Credits and refunds",
        "other" => "Other services",
        other => return scenario_words::plain(other),
    };
    name.to_owned()
}

fn amount(money: &Money, usd: Option<f64>, absent: &str) -> Cell {
    usd.map_or_else(|| Cell::absent(absent), |usd| Cell::new(money.show(usd)))
}

fn unit(money: &Money, usd: Option<f64>) -> Cell {
    usd.map_or_else(|| Cell::absent("not known"), |usd| Cell::new(money.unit_price(usd)))
}

fn lines(invoice: &Invoice, money: &Money) -> Table {
    let off = |estimated: Option<f64>, billed: Option<f64>| match estimated.zip(billed) {
        Some((estimated, billed)) => Cell::new(money.show(estimated - billed)),
        None => Cell::absent("–"),
    };
    let rows = invoice.lines.iter().map(|row| {
        Row::new(vec![
            Cell::new(line_name(&row.line)),
            amount(money, row.estimated_usd, "not estimated"),
            amount(money, row.list_usd, "–"),
            amount(money, row.billed_usd, "none known"),
            off(row.estimated_usd, row.billed_usd),
            Cell::new(money.show(row.elsewhere_usd)),
        ])
    });
    let mut rows: Vec<Row> = rows.collect();
    if let Some(compared) = &invoice.compared {
        rows.push(Row::total(vec![
            Cell::new("Lines with both"),
            amount(money, Some(compared.estimated_usd), ""),
            Cell::absent("–"),
            amount(money, Some(compared.billed_usd), ""),
            off(Some(compared.estimated_usd), Some(compared.billed_usd)),
            Cell::absent("–"),
        ]));
    }
    let columns = vec![
        Column::text("Line"),
        Column::number("Estimated", "by this program"),
        Column::number("At list price", "in the bill"),
        Column::number("Billed", "for this cluster"),
        Column::number("Estimate less bill", ""),
        Column::number("Rest of the bill", "others and not known"),
    ];
    Table::new("Estimated and billed, over the hours compared", columns, rows).whole()
}

fn machines(invoice: &Invoice, money: &Money) -> Table {
    let row = |machine: &BilledMachine| {
        let ways: Vec<String> = machine
            .purchases
            .iter()
            .map(|of| {
                format!(
                    "{} {}",
                    number_format::percent(of.hours / machine.billed_hours),
                    scenario_words::plain(&of.purchase.replace('-', " "))
                )
            })
            .collect();
        Row::new(vec![
            Cell::name(scenario_words::plain(&machine.instance_type)).sub(ways.join(", ")),
            Cell::new(scenario_words::plain(&machine.capacity_type)),
            Cell::new(number_format::quantity(machine.seen_hours)),
            Cell::new(number_format::quantity(machine.billed_hours)),
            unit(money, machine.list_usd_per_hour),
            unit(money, machine.estimated_usd_per_hour),
            unit(money, machine.billed_usd_per_hour),
            Cell::new(money.show(machine.billed_usd)),
        ])
    };
    let columns = vec![
        Column::text("Instance type"),
        Column::short("Capacity"),
        Column::number("Hours seen", "in the lake"),
        Column::number("Hours billed", ""),
        Column::number("List price", "an hour"),
        Column::number("Estimated", "an hour"),
        Column::number("Billed", "an hour"),
        Column::number("Billed", ""),
    ];
    Table::new("Prices of instances as billed", columns, invoice.machines.iter().map(row).collect())
}

fn commitments(invoice: &Invoice, money: &Money) -> (Table, Vec<f64>) {
    let rows = invoice.commitments.iter().map(|one| {
        let kind = match one.kind {
            CommitmentKind::ReservedInstances => "Reserved Instances",
            CommitmentKind::Ec2InstanceSavingsPlan => "EC2 Instance Savings Plan",
            CommitmentKind::ComputeSavingsPlan => "Compute Savings Plan",
        };
        let short = one.id.rsplit('/').next().unwrap_or(&one.id);
        Row::new(vec![
            Cell::new(kind).sub(scenario_words::clipped(&scenario_words::plain(short), 40)),
            Cell::new(money.show(one.committed_usd)),
            Cell::new(number_format::percent_or_unknown(one.utilisation)),
            Cell::new(money.show(one.unused_usd)),
            Cell::new(money.show(one.by_this_cluster_usd)),
            Cell::new(number_format::percent_or_unknown(one.discount_fraction)),
        ])
    });
    let columns = vec![
        Column::text("Commitment"),
        Column::number("Paid", "by the account"),
        Column::number("Used", ""),
        Column::number("Not used", ""),
        Column::number("Used here", "by this cluster"),
        Column::number("Off list price", "of what it covers here"),
    ];
    let amounts = invoice.commitments.iter().map(|one| one.committed_usd);
    (Table::new("Commitments, over the hours compared", columns, rows.collect()), amounts.collect())
}

fn only_billed(invoice: &Invoice, money: &Money) -> (Table, Vec<f64>) {
    let rows = invoice.only_billed.iter().map(|row| {
        let why = match row.reason.as_str() {
            "not_seen" => "never seen",
            "other_hours" => "seen, but not in these hours",
            _ => "",
        };
        Row::new(vec![
            Cell::name(scenario_words::plain(&row.resource)).sub(scenario_words::plain(&row.what)),
            Cell::new(line_name(&row.line)),
            Cell::new(why),
            Cell::new(number_format::quantity(row.quantity)),
            Cell::new(money.show(row.billed_usd)),
        ])
    });
    let columns = vec![
        Column::text("Resource"),
        Column::short("Line"),
        Column::text("In the lake"),
        Column::number("Quantity", "billed"),
        Column::number("Billed", ""),
    ];
    let amounts = invoice.only_billed.iter().map(|row| row.billed_usd);
    let table = Table::new("Billed for this cluster, and not in the lake", columns, rows.collect());
    (table.first(FIRST), amounts.collect())
}

fn only_seen(invoice: &Invoice, money: &Money) -> (Table, Vec<f64>) {
    let rows = invoice.only_seen.iter().map(|row| {
        Row::new(vec![
            Cell::name(scenario_words::plain(&row.name)).sub(scenario_words::plain(&row.resource)),
            Cell::new(line_name(&row.line)),
            Cell::name(scenario_words::plain(&row.what)),
            Cell::new(number_format::quantity(row.hours)),
            amount(money, row.estimated_usd, "no price"),
        ])
    });
    let columns = vec![
        Column::text("Name"),
        Column::short("Line"),
        Column::text("Type"),
        Column::number("Hours", "not billed"),
        Column::number("Estimated", ""),
    ];
    let amounts = invoice.only_seen.iter().map(|row| row.estimated_usd.unwrap_or_default());
    (Table::new("In the lake, and not in the bill", columns, rows.collect()).first(FIRST), amounts.collect())
}

fn units(invoice: &Invoice, money: &Money) -> (Table, Vec<f64>) {
    let billed = || invoice.units.iter().filter(|row| row.billed_usd != 0.0);
    let rows = billed().map(|row| {
        Row::new(vec![
            Cell::new(line_name(&row.line)).sub(scenario_words::plain(&row.what)),
            Cell::new(number_format::quantity(row.quantity)),
            unit(money, row.list_usd_per_unit),
            unit(money, row.billed_usd_per_unit),
            Cell::new(money.show(row.billed_usd)),
        ])
    });
    let columns = vec![
        Column::text("Line"),
        Column::number("Quantity", ""),
        Column::number("List price", "a unit"),
        Column::number("Billed", "a unit"),
        Column::number("Billed", ""),
    ];
    let amounts = billed().map(|row| row.billed_usd);
    (Table::new("Other usage of this cluster as billed", columns, rows.collect()).first(FIRST), amounts.collect())
}

fn elsewhere(invoice: &Invoice, money: &Money) -> (Table, Vec<f64>) {
    let rows = invoice.elsewhere.iter().map(|row| {
        let whose = row
            .cluster
            .as_ref()
            .map_or_else(|| Cell::absent("not known"), |cluster| Cell::name(scenario_words::plain(cluster)));
        Row::new(vec![
            Cell::new(line_name(&row.line)).sub(scenario_words::plain(&row.service)),
            whose,
            Cell::new(money.show(row.billed_usd)),
        ])
    });
    let columns = vec![Column::text("Line"), Column::text("Cluster"), Column::number("Billed", "")];
    let amounts = invoice.elsewhere.iter().map(|row| row.billed_usd);
    let table = Table::new("Billed for others, or nothing says for whom", columns, rows.collect());
    (table.first(FIRST), amounts.collect())
}
