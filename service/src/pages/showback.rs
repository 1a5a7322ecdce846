//! Showback: what each team's part of the bill is.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use lake::Day;
use reports::{Money, number_format};
use types::ClusterId;

use super::cost_notes::{self, usd};
use crate::authorization::Call;
use crate::cost_query::{about, cluster_of, each, report_of};
use crate::cost_sums::{By, add_labels};
use crate::page_frame::{self, Frame, escaped};
use crate::problem::{Answer, Problem};
use crate::published_reports::Detail;
use crate::showback::{Lines, Share, Shown, shares};
use crate::{answer_cache, csv_cells};

/// Teams on the page; the table that can be saved has all.
const MOST: usize = 500;

#[derive(Template)]
#[template(path = "showback.html")]
struct Page {
    frame: Frame,
    where_: String,
    /// Why there are no shares; empty where there are.
    said: String,
    clusters: Vec<(String, bool)>,
    /// The date of the report; empty for the latest.
    report: String,
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

/// What was found, and the cluster that was asked for.
struct Found {
    shown: Arc<Shown>,
    cluster: Option<ClusterId>,
    report: Option<Day>,
}

/// The cluster that is asked for, what a team is, and the date of the report.
type Asked = (Option<ClusterId>, Option<By>, Option<Day>);

fn asked(call: &Call) -> Result<Asked, Problem> {
    let cluster = cluster_of(&call.query)?;
    let by = call.query.get("by").map(|name| {
        let by = By::read(name).filter(|by| matches!(by, By::Namespace | By::Label(_)));
        by.ok_or_else(|| Problem::bad("`by` is none of namespace and label:NAME"))
    });
    Ok((cluster, by.transpose()?, report_of(&call.query)?))
}

async fn found(call: &Call, (cluster, by, report): Asked) -> Result<Found, Problem> {
    let reports = about(call, cluster.as_ref(), report).await?;
    let shown = match cluster {
        Some(_) => Arc::new(made(call, (&reports, report), by).await?),
        None => {
            let name = answer_cache::name(&call.scope, &by.as_ref().map(By::name).unwrap_or_default(), &reports);
            call.app.answers.showback(&name, call.now, made(call, (&reports, report), by)).await?
        }
    };
    Ok(Found { shown, cluster, report })
}

/// The shares of teams in some clusters.
async fn made(
    call: &Call,
    (reports, report): (&[(ClusterId, String)], Option<Day>),
    by: Option<By>,
) -> Result<Shown, Problem> {
    let by = match by {
        Some(by) => by,
        None => usual(call, reports, report).await?,
    };
    let (mut lines, mut labels, mut parts) = (Lines::new(), BTreeSet::new(), BTreeSet::new());
    let looked = each(call, reports, (Detail::Sums, report), |cluster, rows| {
        let whole = call.scope.sees_whole(cluster);
        if !whole {
            parts.insert(cluster.clone());
        }
        let seen = || rows.rows.iter().filter(|row| call.scope.shows(row));
        seen().for_each(|row| add_labels(&mut labels, row));
        for (team, share) in shares(seen(), &by, whole) {
            lines.entry(team).or_default().insert(cluster.clone(), (share, share.monthly(rows.hours)));
        }
    });
    let looked = looked.await?;
    Ok(Shown { by, labels, lines, looked, parts })
}

/// What a team is unless somebody says: a label that is called `team` is what most ask for; without labels, a namespace is
/// a team.
async fn usual(call: &Call, reports: &[(ClusterId, String)], report: Option<Day>) -> Result<By, Problem> {
    let mut labels = BTreeSet::new();
    each(call, reports, (Detail::Sums, report), |_, rows| {
        let seen = rows.rows.iter().filter(|row| call.scope.shows(row));
        seen.for_each(|row| add_labels(&mut labels, row));
    })
    .await?;
    Ok(labels.get("team").or_else(|| labels.first()).map_or(By::Namespace, |name| By::Label(name.clone())))
}

/// The sum over clusters: of the windows, and of a month where every cluster has one.
fn summed<'a>(of: impl Iterator<Item = &'a (Share, Option<Share>)>) -> (Share, Option<Share>) {
    of.fold((Share::default(), Some(Share::default())), |(all, month), (share, monthly)| {
        (all.plus(*share), month.zip(*monthly).map(|(a, b)| a.plus(b)))
    })
}

/// The page.
pub(crate) async fn show(call: Call) -> Answer {
    let asked = asked(&call)?;
    match found(&call, asked.clone()).await {
        Ok(found) => shown(&call, &found, StatusCode::OK, String::new()).await,
        Err(problem) => {
            let said = cost_notes::instead(&problem).ok_or_else(|| problem.clone())?;
            // A question that no answer fits is one that the form below answers: choose a cluster.
            let status = if problem.status == StatusCode::BAD_REQUEST { StatusCode::OK } else { problem.status };
            let (cluster, by, report) = asked;
            let shown_ = Arc::new(Shown::nothing(by.unwrap_or(By::Namespace)));
            shown(&call, &Found { shown: shown_, cluster, report }, status, said).await
        }
    }
}

async fn shown(call: &Call, found: &Found, status: StatusCode, said: String) -> Answer {
    let of = &found.shown;
    let money = Money::native(&of.looked.currency);
    let mut lines: Vec<_> = of.lines.iter().map(|(team, of)| (team, summed(of.values()))).collect();
    // The dearest first, and what is of no team last.
    lines.sort_by_key(|(team, (share, _))| (team.is_none(), std::cmp::Reverse(share.total()), (*team).clone()));
    let all = summed(lines.iter().map(|(_, sums)| sums));
    let mut bys: Vec<By> = of.labels.iter().map(|label| By::Label(label.clone())).collect();
    bys.push(By::Namespace);
    let page_ = Page {
        frame: call.frame("Showback", "/showback"),
        where_: if said.is_empty() { cost_notes::clusters(&of.looked) } else { String::new() },
        said,
        clusters: cost_notes::choices(call, found.cluster.as_ref()).await?,
        report: found.report.map(|report| report.to_string()).unwrap_or_default(),
        bys: cost_notes::bys(bys, &of.by),
        head: cost_notes::head(&of.by),
        rows: lines.iter().take(MOST).map(|(team, sums)| row(found, team.as_deref(), *sums, &money)).collect(),
        total: Row { name: "All".to_owned(), cells: cells(all, &money), ..Row::default() },
        more: lines.len().saturating_sub(MOST),
        notes: notes(call, of),
        csv: format!("/showback.csv?{}", query(found)),
    };
    page_frame::page_of(status, &page_)
}

fn notes(call: &Call, of: &Shown) -> Vec<String> {
    let mut notes = cost_notes::notes(call, &of.looked);
    let (parts, all) = (of.parts.len(), of.looked.clusters.len());
    if parts < all || all == 0 {
        notes.push("Idle capacity, overhead and daemonsets of each cluster are shared in proportion to the cost of workloads on it.".to_owned());
    }
    if parts > 0 && parts == all {
        notes.push(
            "You see your own workloads. Shares of what is nobody’s are shown to those who see whole clusters."
                .to_owned(),
        );
    } else if parts > 0 {
        let names = cost_notes::named(&of.parts.iter().collect::<Vec<_>>());
        notes.push(format!(
            "Of {names} you see your own workloads: what is nobody’s there is in no share, and the totals leave it out."
        ));
    }
    notes
}

fn query(found: &Found) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("by", &found.shown.by.name());
    if let Some(cluster) = &found.cluster {
        query.append_pair("cluster", cluster.as_str());
    }
    if let Some(report) = found.report {
        query.append_pair("report", &report.to_string());
    }
    query.finish()
}

fn row(found: &Found, team: Option<&str>, sums: (Share, Option<Share>), money: &Money) -> Row {
    let cluster = found.cluster.as_ref().map(|id| format!("&cluster={id}")).unwrap_or_default();
    let report = found.report.map(|report| format!("&report={report}")).unwrap_or_default();
    let cluster = format!("{cluster}{report}");
    let href = team.map(|team| match &found.shown.by {
        By::Label(name) => format!("/costs?by=workload&label={}{cluster}", escaped(&format!("{name}={team}"))),
        _ => format!("/costs?by=workload&namespace={}{cluster}", escaped(team)),
    });
    let nobody = match found.shown.by {
        By::Label(_) => "without this label",
        _ => "of no namespace",
    };
    Row {
        name: team.unwrap_or(nobody).to_owned(),
        absent: team.is_none(),
        href: href.unwrap_or_default(),
        cells: cells(sums, money),
    }
}

fn cells((share, monthly): (Share, Option<Share>), money: &Money) -> [String; 4] {
    let show = |amount: i128| money.show(usd(amount));
    let shared = share.shared.map_or_else(|| number_format::UNKNOWN.to_owned(), show);
    let month = monthly.map_or_else(|| number_format::UNKNOWN.to_owned(), |monthly| show(monthly.total()));
    [show(share.own), shared, show(share.total()), month]
}

/// The same by team and cluster, as CSV.
pub(crate) async fn csv(call: Call) -> Answer {
    let found = found(&call, asked(&call)?).await?.shown;
    let mut text = String::from("key,cluster,currency,workloads,shared,total,monthly\n");
    for (team, of) in &found.lines {
        for (cluster, (share, monthly)) in of {
            // Empty where a part of the cluster is seen: then the total is that of its workloads.
            let shared = share.shared.map(csv_cells::decimal).unwrap_or_default();
            let monthly = monthly.map(|monthly| csv_cells::decimal(monthly.total())).unwrap_or_default();
            let fields = [
                csv_cells::field(team.as_deref().unwrap_or_default()),
                csv_cells::field(cluster.as_str()),
                csv_cells::field(&found.looked.currency),
                csv_cells::decimal(share.own),
                shared,
                csv_cells::decimal(share.total()),
                monthly,
            ];
            text.push_str(&fields.join(","));
            text.push('\n');
        }
    }
    // What is not known is empty: of these clusters no line above has anything.
    for (cluster, _) in &found.looked.unread {
        text.push_str(&format!("\"left out\",{},\"\",,,,\n", csv_cells::field(cluster.as_str())));
    }
    Ok(page_frame::download("text/csv; charset=utf-8", "showback.csv", text.into_bytes()))
}
