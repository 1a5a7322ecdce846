//! One cluster: where it stands, its reports, and the finished page for those who may see all of it.

use std::collections::BTreeSet;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use reports::export::{Format, content_type};
use reports::{Comparison, Figures, Money, number_format};
use types::analysis::Analysis;

use crate::authorization::Call;
use crate::daily_chart::{self, Chart, Series};
use crate::page_frame::{self, Frame, page, see_other};
use crate::problem::{Answer, Problem};
use crate::published_reports::{Named, Report};

/// A finished page holds its own style, and nothing it says is run or sent.
const FINISHED: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; sandbox allow-popups allow-same-origin";

#[derive(Template)]
#[template(path = "cluster.html")]
struct Page {
    frame: Frame,
    name: String,
    where_: String,
    figures: Vec<(&'static str, String, String, &'static str)>,
    notes: Vec<String>,
    chart: Option<Chart>,
    trend: Vec<(String, String, Vec<String>)>,
    files: Vec<Listed>,
    folders: Vec<(String, Vec<Listed>)>,
    /// Dates that can be compared, the newest first.
    dates: Vec<String>,
    page: bool,
    what_if: bool,
    workbook: bool,
}

/// The page of a cluster. Who sees a part of it is sent to its costs.
pub(crate) async fn show(call: Call) -> Answer {
    let cluster = call.cluster()?;
    if !call.scope.sees_whole(&cluster) {
        return Ok(see_other(&format!("/costs?cluster={cluster}")));
    }
    let latest = call.app.shelf.latest(&call.scope, &cluster, call.now).await?;
    let trend = call.app.shelf.trend(&call.scope, &cluster, call.now).await?;
    let (trend, unread) = (trend.reports, trend.unread);
    let unread = unread.iter().map(|why| format!("{}.", types::wording::sentence_case(why)));
    let old = call.app.config.reports.is_stale(latest.pointer.window.end, call.now);
    let days = call.app.config.reports.stale_after_days;
    let old = old.then(|| format!("It ended more than {days} days ago, so it is in no sum over clusters."));
    let figures = latest.standing.as_ref().map(reports::Standing::figures);
    let page_ = Page {
        frame: call.frame(cluster.to_string(), ""),
        name: cluster.to_string(),
        where_: where_(&latest, figures.as_ref()),
        figures: figures.as_ref().map(shown).unwrap_or_default(),
        notes: notes(&latest, figures.as_ref()).into_iter().chain(old).chain(unread).collect(),
        chart: drawn(&trend),
        trend: trend.iter().rev().filter_map(|report| point(report, &latest)).collect(),
        dates: trend.iter().rev().map(|report| report.pointer.date.clone()).collect(),
        files: of_folder(&latest.pointer.files, None).map(|file| listed(&cluster, file)).collect(),
        folders: folders(&cluster, &latest.pointer.files),
        page: latest.pointer.files.iter().any(|file| file.name == "index.html"),
        what_if: call.scope.role_on_whole(&cluster) >= Some(crate::access_rules::Role::Analyst),
        workbook: latest.standing.is_some(),
    };
    page(&page_)
}

fn where_(report: &Report, figures: Option<&Figures>) -> String {
    let region = figures.and_then(|figures| figures.region.clone()).map(|region| format!("{region} · "));
    let window = report.pointer.window;
    format!(
        "{}{} to {} (UTC)",
        region.unwrap_or_default(),
        number_format::moment(window.start),
        number_format::moment(window.end)
    )
}

fn shown(figures: &Figures) -> Vec<(&'static str, String, String, &'static str)> {
    let money = Money::native(&figures.currency);
    let tone = |amount: Option<f64>| match amount {
        None => "absent",
        Some(amount) if amount < 0.0 => "loss",
        Some(_) => "gain",
    };
    let cost = |label, amount: Option<f64>, sub: &str| {
        let class = if amount.is_none() { "absent" } else { "" };
        (label, money.show_or_unknown(amount), sub.to_owned(), class)
    };
    let saving = |label, amount: Option<f64>, fraction: Option<f64>| {
        let sub = fraction.map(|fraction| format!("a month, {}", number_format::percent(fraction)));
        (label, money.show_or_unknown(amount), sub.unwrap_or_default(), tone(amount))
    };
    vec![
        cost("Today", figures.today_monthly_usd, "a month"),
        cost("Best EC2, its like", figures.ec2_monthly_usd, "a month"),
        saving("A pool saves against today", figures.saving_vs_today_monthly_usd, figures.saving_vs_today_fraction),
        saving("and against the best EC2", figures.saving_vs_ec2_monthly_usd, figures.saving_vs_ec2_fraction),
    ]
}

fn notes(report: &Report, figures: Option<&Figures>) -> Vec<String> {
    let mut notes = Vec::new();
    let (present, expected) = (report.pointer.hours_present, report.pointer.hours_expected);
    notes.push(format!(
        "{} of {} hours were collected.",
        number_format::count(present),
        number_format::count(expected)
    ));
    let Some(figures) = figures else {
        notes.push("This version does not read the numbers of this report; the files below hold them.".to_owned());
        return notes;
    };
    if figures.hours_synthetic > 0 {
        notes.push(format!("{} of them are synthetic.", number_format::count(figures.hours_synthetic)));
    }
    if let (Some(action), Some(amount)) = (figures.recommended_action, figures.recommended_saving_monthly_usd) {
        let money = Money::native(&figures.currency);
        let sure = figures.confidence.map(|level| format!(", with {level} confidence")).unwrap_or_default();
        notes.push(format!("Recommended: {action}. It saves {} a month{sure}.", money.show(amount)));
    } else if figures.change_recommended == Some(false) {
        notes.push("No change is recommended.".to_owned());
    } else {
        notes.push("The report does not say what to change; one that is made without `--bill-only` does.".to_owned());
    }
    if let Some(realised) = figures.realised_monthly_usd {
        let money = Money::native(&figures.currency);
        notes.push(format!("Elastic VMs that run already save {} a month.", money.show(realised)));
    }
    if let Some(hours) = report.unpriced_node_hours.filter(|hours| *hours > 0.0) {
        let without = types::wording::quantity(hours, "node-hour");
        notes.push(format!("No price is known for {without}; their cost is in no total."));
    }
    notes
}

/// A report in the trend, with where it is compared with the latest; empty for the latest itself.
fn point(report: &Report, latest: &Report) -> Option<(String, String, Vec<String>)> {
    let figures = report.standing.as_ref()?.figures();
    let money = Money::native(&figures.currency);
    let amounts = [
        figures.today_monthly_usd,
        figures.ec2_monthly_usd,
        figures.pool_monthly_usd,
        figures.saving_vs_today_monthly_usd,
        figures.saving_vs_ec2_monthly_usd,
        figures.realised_monthly_usd,
    ];
    let date = report.pointer.date.clone();
    let compared = match date == latest.pointer.date {
        true => String::new(),
        false => format!("/clusters/{}/compare?from={}", report.cluster, page_frame::escaped(&date)),
    };
    Some((date, compared, amounts.map(|amount| money.show_or_unknown(amount)).to_vec()))
}

/// The trend as a chart, where all of it is in one currency.
fn drawn(trend: &[Report]) -> Option<Chart> {
    let figures: Vec<(String, Figures)> = trend
        .iter()
        .filter_map(|report| Some((report.pointer.date.clone(), report.standing.as_ref()?.figures())))
        .collect();
    let (_, first) = figures.first()?;
    if figures.iter().any(|(_, other)| other.currency != first.currency) {
        return None;
    }
    let days: Vec<String> = figures.iter().map(|(date, _)| date.clone()).collect();
    let series = |name, of: fn(&Figures) -> Option<f64>| Series {
        name,
        values: figures.iter().map(|(_, figures)| of(figures)).collect(),
    };
    let all = [
        series("Today", |figures| figures.today_monthly_usd),
        series("Best EC2", |figures| figures.ec2_monthly_usd),
        series("Pool", |figures| figures.pool_monthly_usd),
        series("Realised", |figures| figures.realised_monthly_usd),
    ];
    daily_chart::lines("Cost of a month by report", &days, &all, &Money::native(&first.currency))
}

/// Name, path and size of a file.
type Listed = (String, String, String);

/// The folder a file is in; `None` for those beside the folders.
fn folder(file: &Named) -> Option<&str> {
    file.name.split_once('/').map(|(folder, _)| folder)
}

fn of_folder<'a>(files: &'a [Named], of: Option<&'a str>) -> impl Iterator<Item = &'a Named> {
    files.iter().filter(move |file| folder(file) == of)
}

/// The files of each folder, with the folder's name and how many they are; there may be one for each workload.
fn folders(cluster: &types::ClusterId, files: &[Named]) -> Vec<(String, Vec<Listed>)> {
    let names: BTreeSet<&str> = files.iter().filter_map(folder).collect();
    let of = |name: &str| -> Vec<Listed> { of_folder(files, Some(name)).map(|file| listed(cluster, file)).collect() };
    names.into_iter().map(|name| (name.to_owned(), of(name))).collect()
}

fn listed(cluster: &types::ClusterId, file: &Named) -> Listed {
    #[expect(clippy::as_conversions, reason = "for display")]
    let kib = file.bytes as f64 / 1024.0;
    let path: Vec<String> = file.name.split('/').map(page_frame::escaped).collect();
    (
        file.name.clone(),
        format!("/clusters/{cluster}/files/{}", path.join("/")),
        format!("{} KiB", number_format::quantity(kib)),
    )
}

/// The finished page, which holds the whole cluster.
pub(crate) async fn report(call: Call) -> Answer {
    let cluster = call.cluster()?;
    let file = call.app.shelf.file(&call.scope, &cluster, "index.html", call.now).await?;
    Ok(finished(file.to_vec()))
}

/// Shows what changed between the report of a day and that of another, or the latest.
pub(crate) async fn compare(call: Call) -> Answer {
    let cluster = call.cluster()?;
    let day = |name: &str| match call.query.get(name) {
        Some(text) => text.parse::<lake::Day>().map(Some).map_err(|error| Problem::bad(error.to_string())),
        None => Ok(None),
    };
    let (from, to) = (day("from")?, day("to")?);
    let from = from.ok_or_else(|| Problem::bad("`from` names no day"))?;
    let before = call.app.shelf.analysis_of_day(&call.scope, &cluster, Some(from), call.now).await?;
    let after = call.app.shelf.analysis_of_day(&call.scope, &cluster, to, call.now).await?;
    compared(before, after).await
}

/// Two analyses as a finished page.
pub(crate) async fn compared(before: Analysis, after: Analysis) -> Answer {
    let page = tokio::task::spawn_blocking(move || {
        let comparison = Comparison::try_new(&before, &after).map_err(|error| Problem::bad(error.to_string()))?;
        let page = comparison.page(&Money::native(&before.currency));
        page.map_err(|error| Problem::internal("render a page", &error))
    });
    let page = page.await.map_err(|error| Problem::internal("render a page", &error))??;
    Ok(finished(page.into_bytes()))
}

/// A page that holds its own style.
pub(crate) fn finished(page: Vec<u8>) -> axum::response::Response {
    let mut response = page_frame::typed(StatusCode::OK, "text/html; charset=utf-8", page);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(FINISHED));
    response
}

/// The latest report as a workbook, whether or not it was written as one.
pub(crate) async fn workbook(call: Call) -> Answer {
    made(&call, Format::Xlsx, "report.xlsx").await
}

/// Today's charges in the FOCUS format, as CSV.
pub(crate) async fn focus_csv(call: Call) -> Answer {
    made(&call, Format::FocusCsv, "focus/ec2-today.csv").await
}

/// The same as Parquet.
pub(crate) async fn focus_parquet(call: Call) -> Answer {
    made(&call, Format::Focus, "focus/ec2-today.parquet").await
}

/// A file of a format, made of the latest report now.
async fn made(call: &Call, format: Format, name: &'static str) -> Answer {
    let cluster = call.cluster()?;
    let analysis = call.app.shelf.analysis_of_day(&call.scope, &cluster, None, call.now).await?;
    let made = tokio::task::spawn_blocking(move || {
        let options = reports::Options::default().money(Money::native(&analysis.currency));
        let focus = reports::focus::Settings::default();
        let report = reports::export::Report { analysis: &analysis, json: &[], options: &options, focus: &focus };
        let files = reports::export::files(&report, &[format]);
        files.map_err(|error| Problem::internal("make a file", &error))
    });
    let files = made.await.map_err(|error| Problem::internal("make a file", &error))??;
    let file = files.into_iter().find(|file| file.name == name).ok_or_else(Problem::not_found)?;
    Ok(page_frame::download(file.content_type, &format!("{cluster}-{}", name.replace('/', "-")), file.content))
}

/// A file of the report, to be saved.
pub(crate) async fn file(call: Call) -> Answer {
    let cluster = call.cluster()?;
    let name = call.path("name").to_owned();
    let file = call.app.shelf.file(&call.scope, &cluster, &name, call.now).await?;
    let saved = name.rsplit('/').next().ok_or_else(Problem::not_found)?;
    Ok(page_frame::download(content_type(&name), &format!("{cluster}-{saved}"), file.to_vec()))
}
