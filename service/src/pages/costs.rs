//! Who costs what: by namespace, workload, label, group of nodes and day.

use askama::Template;
use axum::http::StatusCode;
use reports::{Money, number_format};

use super::cost_notes::{self, usd};
use crate::authorization::Call;
use crate::cost_query::{Question, asked, rows_of};
use crate::cost_sums::{Answered, By, Line, Sum};
use crate::csv_cells;
use crate::daily_chart::{self, Chart};
use crate::page_frame::{self, Frame};
use crate::problem::{Answer, Problem};

/// Lines on a page; the table that can be saved has all.
const MOST_LINES: usize = 500;
const CORE_MS_PER_CORE_HOUR: f64 = 3_600_000.0;
const KIB_S_PER_GIB_HOUR: f64 = 3600.0 * 1024.0 * 1024.0;

#[derive(Template)]
#[template(path = "costs.html")]
struct Page {
    frame: Frame,
    where_: String,
    /// Why there are no sums; empty where there are.
    said: String,
    total: String,
    total_sub: String,
    clusters: Vec<(String, bool)>,
    bys: Vec<(String, String, bool)>,
    tags: Vec<(String, String)>,
    hidden: Vec<(&'static str, String)>,
    from: String,
    to: String,
    head: String,
    rows: Vec<Row>,
    more: usize,
    notes: Vec<String>,
    bars: Option<Chart>,
    csv: String,
    /// The rows behind one cluster's lines; empty for several.
    parquet: String,
    view: String,
    share: Option<Vec<(&'static str, String)>>,
}

struct Row {
    name: String,
    sub: String,
    href: String,
    absent: bool,
    cost: String,
    share: String,
    cells: [String; 3],
    cpu: String,
    memory: String,
}

/// The page.
pub(crate) async fn show(call: Call) -> Answer {
    let question = Question::read(&call.query)?;
    match asked(&call, &question).await {
        Ok(found) => shown(&call, &question, &found, StatusCode::OK, String::new()).await,
        Err(problem) => {
            let said = cost_notes::instead(&problem).ok_or_else(|| problem.clone())?;
            // A question that no answer fits is one that the form below answers: choose a cluster.
            let status = if problem.status == StatusCode::BAD_REQUEST { StatusCode::OK } else { problem.status };
            shown(&call, &question, &Answered::default(), status, said).await
        }
    }
}

async fn shown(call: &Call, question: &Question, found: &Answered, status: StatusCode, said: String) -> Answer {
    let money = Money::native(&found.looked.currency);
    let sums = &found.sums;
    let lines = sums.lines.iter().take(MOST_LINES);
    let page_ = Page {
        frame: call.frame("Costs", "/costs"),
        where_: if said.is_empty() { where_(found) } else { String::new() },
        said,
        total: money.show(usd(sums.total.nano_usd)),
        total_sub: days(sums.days.len()),
        clusters: cost_notes::choices(call, question.cluster.as_ref()).await?,
        bys: bys(question, &sums.labels),
        tags: tags(question),
        hidden: question.filters().into_iter().filter(|(name, _)| !matches!(*name, "from" | "to")).collect(),
        from: question.filter.from.clone().unwrap_or_default(),
        to: question.filter.to.clone().unwrap_or_default(),
        head: cost_notes::head(&question.by),
        rows: lines.map(|line| row(question, line, &sums.total, &money)).collect(),
        more: sums.lines.len().saturating_sub(MOST_LINES),
        notes: notes(call, question, found),
        bars: daily_chart::bars(&days_usd(&sums.days), &money),
        csv: format!("/costs.csv?{}", question.query()),
        parquet: question.cluster.as_ref().map(|_| format!("/costs.parquet?{}", question.query())).unwrap_or_default(),
        view: format!("/costs?{}", question.query()),
        share: shareable(call, question),
    };
    page_frame::page_of(status, &page_)
}

/// Returns what a link would be limited to, for those who may share one.
fn shareable(call: &Call, question: &Question) -> Option<Vec<(&'static str, String)>> {
    let may = call.scope.role() >= Some(crate::access_rules::Role::Analyst);
    let mut fields: Vec<(&'static str, String)> = Vec::new();
    fields.extend(question.cluster.as_ref().map(|cluster| ("cluster", cluster.to_string())));
    let limits = ["namespace", "label"];
    fields.extend(question.filters().into_iter().filter(|(name, _)| limits.contains(name)));
    (may && !fields.is_empty()).then_some(fields)
}

fn where_(found: &Answered) -> String {
    let clusters = cost_notes::clusters(&found.looked);
    let days = found.sums.days.first().zip(found.sums.days.last());
    let days = days.map(|((first, _), (last, _))| format!(" · {first} to {last} (UTC)")).unwrap_or_default();
    format!("{clusters}{days}")
}

fn days(n: usize) -> String {
    match n {
        0 => "on no day".to_owned(),
        1 => "on one day".to_owned(),
        n => format!("over {n} days"),
    }
}

fn notes(call: &Call, question: &Question, found: &Answered) -> Vec<String> {
    let mut notes = cost_notes::notes(call, &found.looked);
    let all = &found.looked.clusters;
    let parts: Vec<_> = all.iter().filter(|cluster| !call.scope.sees_whole(cluster)).collect();
    if !parts.is_empty() {
        notes.push(match parts.len() == all.len() {
            true => "You see a part of these costs: those of your namespaces or labels. Idle capacity and overhead are not among them.".to_owned(),
            false => format!("Of {} you see a part: the costs of your namespaces or labels, without idle capacity and overhead. Those of the other clusters are among the costs.", cost_notes::named(&parts)),
        });
    }
    if parts.len() < all.len() && question.by == By::Namespace && !question.filter.narrows() {
        notes.push("What is in no namespace is idle capacity and overhead: paid for, whoever asked for it.".to_owned());
    }
    notes
}

fn bys(question: &Question, labels: &[String]) -> Vec<(String, String, bool)> {
    let mut all = vec![By::Cluster, By::Namespace, By::Workload, By::NodeGroup, By::Day, By::Part];
    all.extend(labels.iter().map(|label| By::Label(label.clone())));
    cost_notes::bys(all, &question.by)
}

/// The filters that are set, each with the page without it.
fn tags(question: &Question) -> Vec<(String, String)> {
    let filters = question.filters();
    let tag = |(name, value): &(&'static str, String)| {
        let mut without = question.clone();
        match *name {
            "namespace" => without.filter.namespace = None,
            "workload" => without.filter.workload = None,
            "node_group" => without.filter.node_group = None,
            "label" => without.filter.label = None,
            "from" => without.filter.from = None,
            "report" => without.report = None,
            _ => without.filter.to = None,
        }
        (format!("{}: {value}", name.replace('_', " ")), format!("/costs?{}", without.query()))
    };
    filters.iter().map(tag).collect()
}

/// The question one step further down a line; `None` where there is no further.
fn further(question: &Question, line: &Line) -> Option<Question> {
    let key = line.key.clone()?;
    let mut next = question.clone();
    next.by = match &question.by {
        By::Cluster => {
            next.cluster = Some(key.parse().ok()?);
            By::Namespace
        }
        By::Namespace => {
            next.filter.namespace = Some(key);
            By::Workload
        }
        By::Workload => {
            next.filter.namespace.clone_from(&line.namespace);
            next.filter.workload = Some(key);
            By::Day
        }
        By::NodeGroup => {
            next.filter.node_group = Some(key);
            By::Namespace
        }
        By::Day => {
            (next.filter.from, next.filter.to) = (Some(key.clone()), Some(key));
            By::Namespace
        }
        By::Label(name) => {
            next.filter.label = Some((name.clone(), key));
            By::Workload
        }
        By::Part => return None,
    };
    (next != *question).then_some(next)
}

fn row(question: &Question, line: &Line, total: &Sum, money: &Money) -> Row {
    let sum = &line.sum;
    let absent = line.key.is_none();
    let nothing = match question.by {
        By::Label(_) => "without this label",
        By::Day => "of no one day",
        By::NodeGroup => "not on nodes",
        _ => "idle and overhead",
    };
    let share = if total.nano_usd > 0 {
        number_format::percent(usd(sum.nano_usd) / usd(total.nano_usd))
    } else {
        String::new()
    };
    Row {
        name: line.key.clone().unwrap_or_else(|| nothing.to_owned()),
        sub: line.namespace.clone().unwrap_or_default(),
        href: further(question, line).map(|next| format!("/costs?{}", next.query())).unwrap_or_default(),
        absent,
        cost: money.show(usd(sum.nano_usd)),
        share,
        cells: [sum.cpu_nano_usd, sum.memory_nano_usd, sum.volume_nano_usd + sum.fargate_nano_usd]
            .map(|amount| if amount == 0 { String::new() } else { money.show(usd(amount)) }),
        cpu: used(sum.cpu_used_core_ms, sum.cpu_request_core_ms, CORE_MS_PER_CORE_HOUR, "core-h"),
        memory: used(sum.memory_used_kib_s, sum.memory_request_kib_s, KIB_S_PER_GIB_HOUR, "GiB-h"),
    }
}

/// Formats the share of what was reserved that was used.
fn used(used: i128, requested: i128, unit: f64, name: &str) -> String {
    #[expect(clippy::as_conversions, reason = "for display")]
    let [used, requested] = [used, requested].map(|amount| amount as f64 / unit);
    if used <= 0.0 && requested <= 0.0 {
        return String::new();
    }
    format!("{} of {} {name}", number_format::quantity(used), number_format::quantity(requested))
}

fn days_usd(days: &[(String, i128)]) -> Vec<(String, f64)> {
    days.iter().map(|(date, cost)| (date.clone(), usd(*cost))).collect()
}

/// The same lines as CSV, all of them.
pub(crate) async fn csv(call: Call) -> Answer {
    let question = Question::read(&call.query)?;
    let found = asked(&call, &question).await?;
    let mut text = String::from(
        "key,namespace,currency,cost,cpu_cost,memory_cost,volume_cost,fargate_cost,cpu_request_core_hours,cpu_used_core_hours,memory_request_gib_hours,memory_used_gib_hours\n",
    );
    for line in &found.sums.lines {
        let sum = &line.sum;
        let key = line.key.as_deref().unwrap_or_default();
        let namespace = line.namespace.as_deref().unwrap_or_default();
        let fields = [csv_cells::field(key), csv_cells::field(namespace), csv_cells::field(&found.looked.currency)];
        let money = [sum.nano_usd, sum.cpu_nano_usd, sum.memory_nano_usd, sum.volume_nano_usd, sum.fargate_nano_usd];
        #[expect(clippy::as_conversions, reason = "a quantity for reading")]
        let quantities = [
            sum.cpu_request_core_ms as f64 / CORE_MS_PER_CORE_HOUR,
            sum.cpu_used_core_ms as f64 / CORE_MS_PER_CORE_HOUR,
            sum.memory_request_kib_s as f64 / KIB_S_PER_GIB_HOUR,
            sum.memory_used_kib_s as f64 / KIB_S_PER_GIB_HOUR,
        ];
        let numbers =
            money.into_iter().map(csv_cells::decimal).chain(quantities.into_iter().map(|amount| amount.to_string()));
        text.push_str(&fields.into_iter().chain(numbers).collect::<Vec<_>>().join(","));
        text.push('\n');
    }
    // What is not known is empty: of these clusters no line above has anything.
    for (cluster, _) in &found.looked.unread {
        text.push_str(&format!("{},\"\",\"\",,,,,,,,,\n", csv_cells::field(&format!("left out: {cluster}"))));
    }
    if text.lines().count() > 1_000_000 {
        return Err(Problem::bad("more than a million lines; choose a cluster"));
    }
    Ok(page_frame::download("text/csv; charset=utf-8", "costs.csv", text.into_bytes()))
}

/// The rows behind the lines of one cluster, by workload and day, as Parquet: those that whoever asks may see.
pub(crate) async fn parquet(call: Call) -> Answer {
    let question = Question::read(&call.query)?;
    let cluster = question.cluster.ok_or_else(|| Problem::bad("rows are of one cluster; name it as `cluster`"))?;
    let (_, rows) =
        rows_of(&call, &cluster, (&question.filter, question.report)).await?.ok_or_else(Problem::not_found)?;
    let made = tokio::task::spawn_blocking(move || lake::workload_day::encode(rows)).await;
    let made = made.map_err(|error| Problem::internal("write Parquet", &error))?;
    let made = made.map_err(|error| Problem::internal("write Parquet", &error))?;
    Ok(page_frame::download(
        "application/vnd.apache.parquet",
        &format!("{cluster}-workload_day.parquet"),
        made.to_vec(),
    ))
}
