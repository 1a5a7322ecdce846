//! Showback: what each team's part of the bill is.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use reports::{Money, format};
use types::{ClusterId, NanoUsd};

use crate::costs::By;
use crate::csv;
use crate::guard::{Answer, Call};
use crate::html::{self, Frame, escaped, page};
use crate::problem::Problem;
use crate::showback::{Share, shares};

/// Teams on the page; the table that can be saved has all.
const MOST: usize = 500;

#[derive(Template)]
#[template(path = "showback.html")]
struct Page {
    frame: Frame,
    where_: String,
    clusters: Vec<(String, bool)>,
    bys: Vec<(String, String, bool)>,
    head: String,
    rows: Vec<Row>,
    total: Row,
    more: usize,
    notes: Vec<String>,
    csv: String,
}

#[derive(Default)]
struct Row {
    name: String,
    absent: bool,
    href: String,
    cells: [String; 4],
}

/// Shares by team or namespace and cluster, of the window and of a month.
type Lines = BTreeMap<Option<String>, BTreeMap<ClusterId, (Share, Option<Share>)>>;

/// What was found: by team and cluster, of the window and of a month.
struct Found {
    by: By,
    cluster: Option<ClusterId>,
    labels: BTreeSet<String>,
    lines: Lines,
    currency: String,
    clusters: Vec<ClusterId>,
    without: Vec<ClusterId>,
    partly: bool,
}

async fn found(call: &Call) -> Result<Found, Problem> {
    let cluster = match call.query.get("cluster") {
        Some(id) => Some(id.parse::<ClusterId>().map_err(|error| Problem::bad(format!("{error}")))?),
        None => None,
    };
    let asked = match &cluster {
        Some(cluster) => vec![cluster.clone()],
        None => call.app.shelf.clusters(&call.scope, call.now).await?,
    };
    let mut tables = Vec::new();
    let (mut without, mut currencies, mut labels) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for cluster in asked {
        let Some(rows) = call.app.shelf.rows(&call.scope, &cluster, call.now).await? else {
            without.push(cluster);
            continue;
        };
        let shown = rows.rows.iter().filter(|row| call.scope.shows(row));
        for label in shown.flat_map(|row| row.labels.iter()) {
            let name = label.split('=').next().unwrap_or_default();
            if !labels.contains(name) {
                labels.insert(name.to_owned());
            }
        }
        currencies.insert(rows.currency.clone());
        tables.push((cluster, rows));
    }
    if currencies.len() > 1 {
        return Err(Problem::bad(
            "the clusters are billed in several currencies, which do not add up; choose one cluster",
        ));
    }
    // A label that is called `team` is what most ask for; without labels, a namespace is a team.
    let usual = || labels.get("team").or_else(|| labels.first()).map_or(By::Namespace, |name| By::Label(name.clone()));
    let by = match call.query.get("by") {
        None => usual(),
        Some(name) => By::read(name)
            .filter(|by| matches!(by, By::Namespace | By::Label(_)))
            .ok_or_else(|| Problem::bad("`by` is none of namespace and label:NAME"))?,
    };
    let mut lines: Lines = BTreeMap::new();
    let (mut clusters, mut partly) = (Vec::new(), false);
    for (cluster, rows) in tables {
        let whole = call.scope.sees_whole(&cluster);
        partly |= !whole;
        let shown = rows.rows.iter().filter(|row| call.scope.shows(row));
        for (team, share) in shares(shown, &by, whole) {
            lines.entry(team).or_default().insert(cluster.clone(), (share, share.monthly(rows.hours)));
        }
        clusters.push(cluster);
    }
    let currency = currencies.pop_first().unwrap_or_else(|| "USD".to_owned());
    Ok(Found { by, cluster, labels, lines, currency, clusters, without, partly })
}

/// The sum over clusters: of the windows, and of a month where every cluster has one.
fn summed<'a>(of: impl Iterator<Item = &'a (Share, Option<Share>)>) -> (Share, Option<Share>) {
    of.fold((Share::default(), Some(Share::default())), |(all, month), (share, monthly)| {
        (all.plus(*share), month.zip(*monthly).map(|(a, b)| a.plus(b)))
    })
}

/// The page.
pub(crate) async fn show(call: Call) -> Answer {
    let found = found(&call).await?;
    let money = Money::native(&found.currency);
    let mut lines: Vec<_> = found.lines.iter().map(|(team, of)| (team, summed(of.values()))).collect();
    // The dearest first, and what is of no team last.
    lines.sort_by_key(|(team, (share, _))| (team.is_none(), std::cmp::Reverse(share.total()), (*team).clone()));
    let all = summed(lines.iter().map(|(_, sums)| sums));
    let seen = call.app.shelf.clusters(&call.scope, call.now).await?;
    let page_ = Page {
        frame: Frame::of(&call, "Showback", "/showback"),
        where_: match found.clusters.as_slice() {
            [] => "No cluster".to_owned(),
            [one] => one.to_string(),
            several => format!("{} clusters", several.len()),
        },
        clusters: seen.iter().map(|id| (id.to_string(), found.cluster.as_ref() == Some(id))).collect(),
        bys: bys(&found),
        head: head(&found.by),
        rows: lines.iter().take(MOST).map(|(team, sums)| row(&found, team.as_deref(), *sums, &money)).collect(),
        total: Row { name: "All".to_owned(), cells: cells(&found, all, &money), ..Row::default() },
        more: lines.len().saturating_sub(MOST),
        notes: notes(&found),
        csv: format!("/showback.csv?{}", query(&found)),
    };
    page(&page_)
}

fn query(found: &Found) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("by", &found.by.name());
    if let Some(cluster) = &found.cluster {
        query.append_pair("cluster", cluster.as_str());
    }
    query.finish()
}

fn head(by: &By) -> String {
    match by {
        By::Label(name) => format!("Label {name}"),
        _ => "Namespace".to_owned(),
    }
}

fn bys(found: &Found) -> Vec<(String, String, bool)> {
    let mut all: Vec<By> = found.labels.iter().map(|label| By::Label(label.clone())).collect();
    all.push(By::Namespace);
    if !all.contains(&found.by) {
        all.push(found.by.clone());
    }
    all.iter().map(|by| (by.name(), head(by), *by == found.by)).collect()
}

fn notes(found: &Found) -> Vec<String> {
    let mut notes = Vec::new();
    for cluster in &found.without {
        notes.push(format!("The latest report of {cluster} has no costs by day; the next `emp-cost run` writes them."));
    }
    notes.push(match found.partly {
        true => "You see your own workloads. Shares of what is nobody’s are shown to those who see whole clusters.".to_owned(),
        false => "Idle capacity, overhead and daemonsets of each cluster are shared in proportion to the cost of workloads on it.".to_owned(),
    });
    notes
}

fn row(found: &Found, team: Option<&str>, sums: (Share, Option<Share>), money: &Money) -> Row {
    let cluster = found.cluster.as_ref().map(|id| format!("&cluster={id}")).unwrap_or_default();
    let href = team.map(|team| match &found.by {
        By::Label(name) => format!("/costs?by=workload&label={}{cluster}", escaped(&format!("{name}={team}"))),
        _ => format!("/costs?by=workload&namespace={}{cluster}", escaped(team)),
    });
    let nobody = match found.by {
        By::Label(_) => "without this label",
        _ => "of no namespace",
    };
    Row {
        name: team.unwrap_or(nobody).to_owned(),
        absent: team.is_none(),
        href: href.unwrap_or_default(),
        cells: cells(found, sums, money),
    }
}

fn cells(found: &Found, (share, monthly): (Share, Option<Share>), money: &Money) -> [String; 4] {
    let usd = |amount: i128| money.show(NanoUsd::new(amount).usd());
    let shared = if found.partly { format::UNKNOWN.to_owned() } else { usd(share.shared) };
    let month = monthly.map_or_else(|| format::UNKNOWN.to_owned(), |monthly| usd(monthly.total()));
    [usd(share.own), shared, usd(share.total()), month]
}

/// The same by team and cluster, as CSV.
pub(crate) async fn csv(call: Call) -> Answer {
    let found = found(&call).await?;
    let mut text = String::from("key,cluster,currency,workloads,shared,total,monthly\n");
    for (team, of) in &found.lines {
        for (cluster, (share, monthly)) in of {
            let shared = if found.partly { String::new() } else { csv::decimal(share.shared) };
            let monthly = monthly.map(|monthly| csv::decimal(monthly.total())).unwrap_or_default();
            let fields = [
                csv::field(team.as_deref().unwrap_or_default()),
                csv::field(cluster.as_str()),
                csv::field(&found.currency),
                csv::decimal(share.own),
                shared,
                csv::decimal(share.total()),
                monthly,
            ];
            text.push_str(&fields.join(","));
            text.push('\n');
        }
    }
    Ok(html::download("text/csv; charset=utf-8", "showback.csv", text.into_bytes()))
}
