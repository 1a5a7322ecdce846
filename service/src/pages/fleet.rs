//! The clusters, ranked.

use askama::Template;
use reports::{Figures, Money, number_format};

use crate::authorization::Call;
use crate::page_frame::{Frame, escaped, page};
use crate::problem::Answer;
use crate::published_reports::Unread;

#[derive(Template)]
#[template(path = "fleet.html")]
struct Page {
    frame: Frame,
    lead: String,
    q: String,
    sort: String,
    sorts: Vec<Sort>,
    rows: Vec<Row>,
    /// Clusters whose report cannot be read, and why.
    failed: Vec<(String, String)>,
    /// `true` where a total is marked as partial.
    has_partial: bool,
    /// `true` where a report is marked as old.
    has_stale: bool,
    /// Days after which one is.
    stale_after_days: u32,
    unread: Vec<String>,
    parts: Vec<String>,
    /// Clusters that bring hours and have no report yet.
    new: Vec<String>,
    admin: bool,
    hidden: usize,
}

/// A way to order the table.
struct Sort {
    label: &'static str,
    unit: &'static str,
    class: &'static str,
    /// Empty for the order that is there.
    href: String,
    /// Order as a screen reader tells it; empty for a column that is not ordered by.
    order: &'static str,
}

struct Row {
    name: String,
    region: String,
    cells: Vec<Cell>,
    action: String,
    action_sub: String,
    window: String,
    coverage: String,
    stale: bool,
}

struct Cell {
    text: String,
    sub: String,
    class: &'static str,
    partial: bool,
}

/// The columns, by the name their order has in the query.
const COLUMNS: [(&str, &str, &str, &str); 7] = [
    ("name", "Cluster", "", "text"),
    ("today", "Today", "a month", "number"),
    ("ec2", "Best EC2", "its like", "number"),
    ("pool", "Pool", "with the vendor’s fee", "number"),
    ("saving", "Saves", "against today", "number"),
    ("saving_ec2", "Saves", "against best EC2", "number"),
    ("recommended", "Recommended", "", "short"),
];
/// The order unless another is asked for.
const DEFAULT: &str = "saving_ec2";

/// The page of all clusters that may be seen as a whole, and links to those of which a part may be.
pub(crate) async fn show(call: Call) -> Answer {
    let fleet = call.app.shelf.fleet(&call.scope, call.now).await?;
    let clusters = call.app.shelf.clusters(&call.scope, call.now).await?;
    let new = call.app.shelf.without_report(&call.scope, call.now).await?;
    let (fleet, failed) = (fleet.reports, fleet.unread);
    let unread = fleet.iter().filter(|report| report.standing.is_none());
    let unread = unread.map(|report| report.cluster.to_string()).collect();
    let parts = clusters.iter().filter(|cluster| !call.scope.sees_whole(cluster)).map(ToString::to_string).collect();
    let mut figures: Vec<Figures> =
        fleet.iter().filter_map(|report| report.standing.as_ref()).map(reports::Standing::figures).collect();
    let all = figures.len();
    let q = call.query.get("q").unwrap_or_default().trim().to_lowercase();
    let fits = |figures: &Figures| {
        figures.cluster_id.contains(&q) || figures.region.as_deref().is_some_and(|region| region.contains(&q))
    };
    figures.retain(fits);
    let all_failed = failed.len();
    let failed: Vec<_> = failed.iter().filter(|one| one.cluster.as_str().contains(&q)).map(told).collect();
    let stale = |figures: &Figures| call.app.config.reports.is_stale(figures.end, call.now);
    let sort = call.query.get("sort").filter(|asked| COLUMNS.iter().any(|(name, ..)| name == asked));
    let sort = sort.unwrap_or(DEFAULT);
    order(&mut figures, sort);
    let rows: Vec<Row> = figures.iter().map(|figures| row(figures, stale(figures))).collect();
    let page_ = Page {
        frame: call.frame("Clusters", "/"),
        has_partial: rows.iter().any(|row| row.cells.iter().any(|cell| cell.partial)),
        has_stale: rows.iter().any(|row| row.stale),
        lead: lead(&figures, stale, failed.len(), call.app.config.reports.stale_after_days),
        sorts: COLUMNS.iter().map(|column| heading(*column, sort, &q)).collect(),
        rows,
        hidden: (all - figures.len()) + (all_failed - failed.len()),
        failed,
        stale_after_days: call.app.config.reports.stale_after_days,
        sort: sort.to_owned(),
        q,
        unread,
        parts,
        new: new.iter().map(ToString::to_string).collect(),
        admin: call.scope.administers(),
    };
    page(&page_)
}

fn heading((name, label, unit, class): (&str, &'static str, &'static str, &'static str), sort: &str, q: &str) -> Sort {
    let here = name == sort;
    let query = if q.is_empty() { String::new() } else { format!("&q={}", escaped(q)) };
    Sort {
        label,
        unit,
        class,
        href: if here { String::new() } else { format!("/?sort={name}{query}") },
        order: match (here, name) {
            (false, _) => "",
            (true, "name") => "ascending",
            (true, _) => "descending",
        },
    }
}

/// Orders by a column, the greatest first and what is not known last; ties by name.
pub(crate) fn order(figures: &mut [Figures], by: &str) {
    let of = |figures: &Figures| match by {
        "today" => figures.today_monthly_usd,
        "ec2" => figures.ec2_monthly_usd,
        "pool" => figures.pool_monthly_usd,
        "saving" => figures.saving_vs_today_monthly_usd,
        "recommended" => figures.recommended_saving_monthly_usd,
        "name" => None,
        _ => figures.saving_vs_ec2_monthly_usd,
    };
    figures.sort_by(|a, b| {
        let (a_of, b_of) = (of(a).unwrap_or(f64::NEG_INFINITY), of(b).unwrap_or(f64::NEG_INFINITY));
        b_of.total_cmp(&a_of).then_with(|| a.cluster_id.cmp(&b.cluster_id))
    });
}

/// A cluster whose report cannot be read, with the reason.
fn told(unread: &Unread) -> (String, String) {
    (unread.cluster.to_string(), unread.problem.detail.clone())
}

/// The sentences above the table: a sum over the clusters whose reports are of today, and how many others are not in it.
fn lead(figures: &[Figures], stale: impl Fn(&Figures) -> bool, failed: usize, days: u32) -> String {
    let fresh: Vec<&Figures> = figures.iter().filter(|one| !stale(one)).collect();
    let mut said = Vec::new();
    if !fresh.is_empty() {
        said.push(sums(&fresh));
    }
    match figures.len() - fresh.len() {
        0 => {}
        1 => said.push(format!("The report of 1 cluster ended more than {days} days ago, so it is in no sum.")),
        n => said.push(format!("The reports of {n} clusters ended more than {days} days ago, so they are in no sum.")),
    }
    match failed {
        0 => {}
        1 => said.push("The report of 1 cluster cannot be read, so it is in no sum.".to_owned()),
        n => said.push(format!("The reports of {n} clusters cannot be read, so they are in no sum.")),
    }
    said.join(" ")
}

/// Sums clusters up, where they are in one currency.
fn sums(figures: &[&Figures]) -> String {
    let Some(first) = figures.first() else { return String::new() };
    if figures.iter().any(|other| other.currency != first.currency) {
        return "Amounts are in the currency AWS bills each cluster in, so they are not added up.".to_owned();
    }
    let money = Money::native(&first.currency);
    let sum = |of: fn(&Figures) -> Option<f64>| {
        let amounts: Vec<i128> = figures.iter().filter_map(|one| of(one)).filter_map(nanos).collect();
        (amounts.len(), usd(amounts.iter().sum()))
    };
    let (priced, today) = sum(|figures| figures.today_monthly_usd);
    let (changing, saved) = sum(|figures| figures.recommended_saving_monthly_usd);
    let clusters = |n: usize| if n == 1 { "1 cluster costs".to_owned() } else { format!("{n} clusters cost") };
    let today = match (priced, figures.len() - priced) {
        (0, _) => "What the clusters cost is not known.".to_owned(),
        (_, 0) => format!("{} {} a month today.", clusters(priced), money.show(today)),
        (_, n) => format!("{} {} a month today; of {n} more it is not known.", clusters(priced), money.show(today)),
    };
    let undecided = figures.iter().filter(|one| one.change_recommended.is_none()).count();
    let changes = match (changing, undecided) {
        (0, 0) => "No change is recommended on any of them.".to_owned(),
        (0, n) if n == figures.len() => "What to change is not known of any of them.".to_owned(),
        (0, n) => format!("No change is recommended; of {n} of them it is not known what to change."),
        (n, 0) => format!("What is recommended on {n} of them saves {} a month.", money.show(saved)),
        (n, more) => {
            let saved = money.show(saved);
            format!(
                "What is recommended on {n} of them saves {saved} a month; of {more} it is not known what to change."
            )
        }
    };
    format!("{today} {changes} {}", first_to_move(figures, &money))
}

/// Names the cluster that moving to a pool serves best, by what it saves against the best EC2.
fn first_to_move(figures: &[&Figures], money: &Money) -> String {
    let mut ranked: Vec<(&Figures, f64)> =
        figures.iter().filter_map(|one| Some((*one, one.saving_vs_ec2_monthly_usd?))).collect();
    ranked
        .sort_by(|(a, a_saves), (b, b_saves)| b_saves.total_cmp(a_saves).then_with(|| a.cluster_id.cmp(&b.cluster_id)));
    let Some((best, saving)) = ranked.first().copied() else {
        return "What a pool saves against the best EC2 is not known of any.".to_owned();
    };
    let name = &best.cluster_id;
    match saving > 0.0 {
        true => format!(
            "To move, {name} is the first to look at: a pool saves {} a month there against the best EC2.",
            money.show(saving)
        ),
        false => format!(
            "To move, {name} is the first to look at, and even there a pool costs {} a month more than the best EC2.",
            money.show(-saving)
        ),
    }
}

fn nanos(amount: f64) -> Option<i128> {
    #[expect(clippy::as_conversions, reason = "rounded, and bounded well inside i128")]
    (amount.is_finite() && amount.abs() < 1e18).then(|| (amount * 1e9).round() as i128)
}

fn usd(nanos: i128) -> f64 {
    types::NanoUsd::new(nanos).usd()
}

fn row(figures: &Figures, stale: bool) -> Row {
    let money = Money::native(&figures.currency);
    let cost = |amount: Option<f64>, partial: bool| match amount {
        Some(amount) => Cell { text: money.show(amount), sub: String::new(), class: "", partial },
        None => absent(),
    };
    let saving = |amount: Option<f64>, fraction: Option<f64>| match amount {
        Some(amount) => Cell {
            text: money.show(amount),
            sub: fraction.map(number_format::percent).unwrap_or_default(),
            class: if amount < 0.0 { "loss" } else { "gain" },
            partial: false,
        },
        None => absent(),
    };
    let sub = figures.recommended_saving_monthly_usd.map(|amount| format!("saves {}", money.show(amount)));
    let confidence = figures.confidence.map(|level| format!(", {level} confidence")).unwrap_or_default();
    Row {
        name: figures.cluster_id.clone(),
        region: figures.region.clone().unwrap_or_else(|| "region not known".to_owned()),
        cells: vec![
            cost(figures.today_monthly_usd, figures.today_partial),
            cost(figures.ec2_monthly_usd, false),
            Cell { sub: figures.pool_note.unwrap_or_default().to_owned(), ..cost(figures.pool_monthly_usd, false) },
            saving(figures.saving_vs_today_monthly_usd, figures.saving_vs_today_fraction),
            saving(figures.saving_vs_ec2_monthly_usd, figures.saving_vs_ec2_fraction),
        ],
        action: match (figures.recommended_action, figures.change_recommended) {
            (Some(action), _) => action.to_owned(),
            (None, Some(false)) => "none".to_owned(),
            (None, _) => number_format::UNKNOWN.to_owned(),
        },
        action_sub: sub.map(|sub| format!("{sub}{confidence}")).unwrap_or_default(),
        window: format!("to {}", number_format::day(figures.end)),
        coverage: format!(
            "{} of {} hours",
            number_format::count(figures.hours_present),
            number_format::count(figures.hours_expected)
        ),
        stale,
    }
}

fn absent() -> Cell {
    Cell { text: number_format::UNKNOWN.to_owned(), sub: String::new(), class: "absent", partial: false }
}
