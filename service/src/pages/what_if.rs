//! Pages of what-ifs: assumptions changed, and the cluster's weeks replayed with them.

mod agreed_prices;
pub(crate) mod form;

use std::collections::BTreeMap;

use askama::Template;
use axum::http::StatusCode;
use reports::{Figures, Money, Standing};
use types::ClusterId;
use types::analysis::Analysis;

use crate::access_rules::Role;
use crate::audit::{self, Event};
use crate::authorization::{Call, Pairs};
use crate::page_frame::{self, Frame, page, see_other};
use crate::pages::cluster;
use crate::problem::{Answer, Problem};
use crate::published_reports;
use crate::what_if_queue::{self, Asked, Changes, Job, State};
use agreed_prices::InForce;
use form::Field;

#[derive(Template)]
#[template(path = "what_ifs.html")]
struct List {
    frame: Frame,
    clusters: Vec<String>,
    rows: Vec<(String, String, String, &'static str, String, String)>,
}

#[derive(Template)]
#[template(path = "what_if_form.html")]
struct Form {
    frame: Frame,
    cluster: String,
    title: String,
    wrong: String,
    groups: Vec<(&'static str, Vec<Field>)>,
    spot: Option<Field>,
    texts: Texts,
}

/// What was written into fields that are no assumptions.
struct Texts {
    toml: String,
    discount: String,
    metal_discount: String,
    hosts: String,
    /// The host that the report chose; empty where it chose none or cannot be read.
    host: String,
    /// Discounts and commitments of the report.
    in_report: InForce,
    commitment_usd: String,
    commitment_discount: String,
    machines: String,
    no_commitments: bool,
    prices: String,
    namespaces: String,
    labels: String,
}

#[derive(Template)]
#[template(path = "what_if.html")]
struct Page {
    frame: Frame,
    job: JobView,
    rows: Vec<[String; 4]>,
    /// What differs from the report: what it is, the text, and the file it is saved as.
    texts: Vec<(&'static str, String, &'static str)>,
    same_window: bool,
    may: bool,
    /// Whether who looks may cancel it.
    cancel: bool,
    /// Whether who looks may keep it, or no longer.
    keep: bool,
    /// Days after its end for which it is there unless it is kept.
    keep_days: u32,
    /// Whether a link to it can be made.
    share: bool,
}

struct JobView {
    id: String,
    cluster: String,
    title: String,
    by: String,
    since: String,
    state: &'static str,
    open: bool,
    done: bool,
    kept: bool,
    progress: String,
    error: String,
    /// Who cancelled it; empty where nobody did.
    cancelled_by: String,
}

/// The what-ifs there are, of clusters that may be seen whole; or the form, where a cluster is named.
pub(crate) async fn show(call: Call) -> Answer {
    if let Some(id) = call.query.get("cluster") {
        let cluster = may(&call, id)?;
        return asked(&call, &cluster, &begun_with(&call, &cluster).await?, "").await;
    }
    let jobs = what_if_queue::newest(&call.app.store).await?;
    let row = |job: &Job| {
        let since = reports::number_format::moment(job.since);
        (job.id.clone(), job.title.clone(), job.cluster.to_string(), state(job), job.by.clone(), since)
    };
    let rows = jobs.iter().filter(|job| call.scope.sees_whole(&job.cluster)).map(row).collect();
    let clusters = call.app.shelf.clusters(&call.scope, call.now).await?;
    let clusters = clusters.iter().filter(|cluster| call.scope.role_on_whole(cluster) >= Some(Role::Analyst));
    let clusters = clusters.map(ToString::to_string).collect();
    page(&List { frame: call.frame("What-if", "/what-if"), clusters, rows })
}

/// What the form begins with: nothing, or the scenario that it is to be another one of.
async fn begun_with(call: &Call, cluster: &ClusterId) -> Result<Pairs, Problem> {
    let Some(id) = call.query.get("from") else { return Ok(Pairs::default()) };
    let job = what_if_queue::get(call.app.store.as_ref(), id).await?.map(|taken| taken.job);
    let job = job.filter(|job| job.cluster == *cluster).ok_or_else(Problem::not_found)?;
    Ok(form::filled(&job.title, &job.changes))
}

fn state(job: &Job) -> &'static str {
    match job.state {
        State::Waiting => "waiting",
        State::Running => "running",
        State::Done => "done",
        State::Failed => "failed",
        State::Cancelled => "cancelled",
    }
}

/// The cluster of a name, for those who may replay all of it.
fn may(call: &Call, id: &str) -> Result<ClusterId, Problem> {
    let cluster: ClusterId = id.parse().map_err(|_| Problem::not_found())?;
    match call.scope.role_on_whole(&cluster) {
        None => Err(Problem::not_found()),
        Some(Role::Viewer) => Err(Problem::forbidden("your role on this cluster reads and runs no what-ifs")),
        Some(_) => Ok(cluster),
    }
}

async fn asked(call: &Call, cluster: &ClusterId, given: &Pairs, wrong: &str) -> Answer {
    // What the report was made with. Where it cannot be read, the form says that this is not known.
    let report = call.app.shelf.analysis_of_day(&call.scope, cluster, None, call.now).await;
    let report = report.ok();
    let agreed = report.as_ref().and_then(|analysis| analysis.provenance.agreed.as_ref());
    let in_report = agreed_prices::in_words(agreed, report.as_ref().map_or("", |analysis| &analysis.currency));
    let (listed, hosts) = report.map(|analysis| (analysis.assumptions, analysis.hosts_considered)).unwrap_or_default();
    let host = hosts.into_iter().find(|host| host.chosen).map(|host| host.instance_type).unwrap_or_default();
    let in_force: BTreeMap<String, String> = listed.into_iter().map(|one| (one.key, one.value)).collect();
    let text = |name: &str| given.get(name).unwrap_or_default().to_owned();
    let fields = |names: &[&str]| names.iter().filter_map(|name| form::field(name, given, &in_force)).collect();
    let page_ = Form {
        frame: call.frame(format!("What if, on {cluster}"), "/what-if"),
        cluster: cluster.to_string(),
        title: text("title"),
        wrong: wrong.to_owned(),
        groups: form::ASKED.iter().map(|(about, names)| (*about, fields(names))).collect(),
        spot: form::field(form::MOVE_SPOT, given, &in_force),
        texts: Texts {
            toml: text("toml"),
            discount: text("discount"),
            metal_discount: text("metal_discount"),
            hosts: text("hosts"),
            host,
            in_report,
            commitment_usd: text("commitment_usd"),
            commitment_discount: text("commitment_discount"),
            machines: text("machines"),
            no_commitments: given.get("no_commitments").is_some(),
            prices: text("prices"),
            namespaces: text("namespaces"),
            labels: text("labels"),
        },
    };
    page_frame::page_of(if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, &page_)
}

/// Takes a form, or says what is wrong with it and keeps what was written.
pub(crate) async fn ask(call: Call) -> Answer {
    let given = call.form();
    let cluster = may(&call, given.get("cluster").unwrap_or_default())?;
    let again =
        async |wrong: &str| asked(&call, &cluster, &given, &format!("{}.", types::wording::sentence_case(wrong))).await;
    let changes = match form::changes(&given) {
        Ok(changes) => form::checked(changes).await,
        Err(wrong) => Err(wrong),
    };
    let changes = match changes {
        Ok(changes) => changes,
        Err(wrong) => return again(&wrong).await,
    };
    let title: String = given.get("title").unwrap_or_default().trim().chars().take(100).collect();
    if title.is_empty() {
        return again("give it a name").await;
    }
    let job = submit(&call, cluster, title, changes).await?;
    Ok(see_other(&format!("/what-if/{}", job.id)))
}

/// Puts a checked what-if into the queue.
pub(crate) async fn submit(call: &Call, cluster: ClusterId, title: String, changes: Changes) -> Result<Job, Problem> {
    let store = call.app.store.as_ref();
    let open = what_if_queue::newest(&call.app.store).await?.iter().filter(|job| job.is_open()).count();
    if open >= what_if_queue::MOST_OPEN {
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "a hundred what-ifs wait already; try again when some are done",
        ));
    }
    let base = call.app.shelf.latest(&call.scope, &cluster, call.now).await?.pointer;
    let asked = Asked {
        cluster,
        title,
        changes,
        base: base.folder,
        window: (base.window.start, base.window.end),
        by: call.who.subject.clone(),
    };
    audit::write(store, &Event::of(&call.who, "what-if", format!("{}: {}", asked.cluster, asked.title), call.now))
        .await?;
    Ok(what_if_queue::submit(store, asked, call.now).await?)
}

/// The job in the path, if its cluster may be seen whole.
pub(crate) async fn found(call: &Call) -> Result<Job, Problem> {
    let job = what_if_queue::get(call.app.store.as_ref(), call.path("id")).await?.map(|taken| taken.job);
    job.filter(|job| call.scope.sees_whole(&job.cluster)).ok_or_else(Problem::not_found)
}

/// A what-if: how far it is, and its result beside the report it is compared with.
pub(crate) async fn one(call: Call) -> Answer {
    let job = found(&call).await?;
    let (rows, same_window) = match compared(&call, &job).await? {
        Some((base, with)) => (differences(&base, &with), base.start == with.start && base.end == with.end),
        None => (Vec::new(), true),
    };
    let page_ = Page {
        frame: call.frame(job.title.clone(), "/what-if"),
        rows,
        same_window,
        may: call.scope.role_on_whole(&job.cluster) >= Some(Role::Analyst),
        cancel: job.is_open() && may_cancel(&call, &job),
        keep: may_cancel(&call, &job),
        keep_days: call.app.config.what_ifs.keep_days,
        texts: changed(&job),
        share: shareable(&call, &job),
        job: JobView {
            id: job.id.clone(),
            cluster: job.cluster.to_string(),
            title: job.title.clone(),
            by: job.by.clone(),
            since: reports::number_format::moment(job.since),
            state: state(&job),
            open: job.is_open(),
            done: job.state == State::Done,
            kept: job.kept,
            progress: job.progress.map(|(done, all)| format!("{done} of {all} hours read")).unwrap_or_default(),
            error: job.error.clone().unwrap_or_default(),
            cancelled_by: job.cancelled_by.clone().unwrap_or_default(),
        },
    };
    page(&page_)
}

/// Returns true for who asked for a job and may still replay its cluster, and for who administers that.
fn may_cancel(call: &Call, job: &Job) -> bool {
    match call.scope.role_on_whole(&job.cluster) {
        Some(Role::Admin) => true,
        Some(Role::Analyst) => job.by == call.who.subject,
        _ => false,
    }
}

/// Cancels a what-if that waits or runs. One that ended meanwhile is shown as it ended.
pub(crate) async fn cancel(call: Call) -> Answer {
    let job = found(&call).await?;
    cancelled(&call, &job).await?;
    Ok(see_other(&format!("/what-if/{}", job.id)))
}

/// Cancels a job that is still open, for whoever may.
pub(crate) async fn cancelled(call: &Call, job: &Job) -> Result<(), Problem> {
    if !may_cancel(call, job) {
        return Err(Problem::forbidden("who asked for a what-if cancels it, or who administers its cluster"));
    }
    let store = call.app.store.as_ref();
    if job.is_open() {
        let about = format!("{}: {}", job.cluster, job.title);
        audit::write(store, &Event::of(&call.who, "what-if-cancelled", about, call.now)).await?;
        what_if_queue::cancel(store, &job.id, &call.who.subject, call.now).await?;
    }
    Ok(())
}

/// Keeps a what-if for good, or no longer.
pub(crate) async fn keep(call: Call) -> Answer {
    let job = found(&call).await?;
    kept(&call, &job, call.form().get("kept") == Some("yes")).await?;
    Ok(see_other(&format!("/what-if/{}", job.id)))
}

/// Keeps a job for good or no longer, for whoever may.
pub(crate) async fn kept(call: &Call, job: &Job, kept: bool) -> Result<(), Problem> {
    if !may_cancel(call, job) {
        return Err(Problem::forbidden("who asked for a what-if keeps it, or who administers its cluster"));
    }
    let store = call.app.store.as_ref();
    if job.kept != kept {
        let what = if kept { "what-if-kept" } else { "what-if-not-kept" };
        let about = format!("{}: {}", job.cluster, job.title);
        audit::write(store, &Event::of(&call.who, what, about, call.now)).await?;
        if !what_if_queue::hold(store, &job.id, kept).await? {
            return Err(Problem::not_found());
        }
    }
    Ok(())
}

fn changed(job: &Job) -> Vec<(&'static str, String, &'static str)> {
    let texts = [
        ("Assumptions", job.changes.assumptions.clone(), "assumptions.toml"),
        ("Prices", job.changes.prices.clone(), "prices.toml"),
        ("What moves", job.changes.profile.clone(), "profile.yaml"),
    ];
    texts.into_iter().filter(|(_, text, _)| !text.is_empty()).collect()
}

/// Returns true when whoever asks may hand the whole cluster on, and is no token or link.
fn shareable(call: &Call, job: &Job) -> bool {
    call.scope.role_on_whole(&job.cluster) >= Some(Role::Analyst)
}

/// The numbers of the report it is compared with, and of the result.
pub(crate) async fn compared(call: &Call, job: &Job) -> Result<Option<(Figures, Figures)>, Problem> {
    let Some(folder) = &job.result else { return Ok(None) };
    let store = call.app.store.as_ref();
    let Some(result) = what_if_queue::file(store, folder, "analysis.json").await? else { return Ok(None) };
    let base = call.app.shelf.figures_of(&call.scope, &job.cluster, &job.base, call.now).await?;
    let result = serde_json::from_slice::<Analysis>(&result).ok().map(|analysis| Standing::of(&analysis).figures());
    Ok(base.zip(result))
}

fn differences(base: &Figures, with: &Figures) -> Vec<[String; 4]> {
    let money = Money::native(&base.currency);
    let row = |label: &str, of: fn(&Figures) -> Option<f64>| {
        let difference = of(base).zip(of(with)).map(|(base, with)| with - base);
        let difference =
            difference.map(|amount| format!("{}{}", if amount > 0.0 { "+" } else { "" }, money.show(amount)));
        [
            label.to_owned(),
            money.show_or_unknown(of(base)),
            money.show_or_unknown(of(with)),
            difference.unwrap_or_else(|| reports::number_format::UNKNOWN.to_owned()),
        ]
    };
    vec![
        row("Today", |figures| figures.today_monthly_usd),
        row("Best EC2, its like", |figures| figures.ec2_monthly_usd),
        row("Pool, with the vendor’s fee", |figures| figures.pool_monthly_usd),
        row("A pool saves against today", |figures| figures.saving_vs_today_monthly_usd),
        row("and against the best EC2", |figures| figures.saving_vs_ec2_monthly_usd),
        row("What is recommended saves", |figures| figures.recommended_saving_monthly_usd),
    ]
}

/// The page of the result.
pub(crate) async fn report(call: Call) -> Answer {
    let job = found(&call).await?;
    let folder = job.result.ok_or_else(Problem::not_found)?;
    let file =
        what_if_queue::file(call.app.store.as_ref(), &folder, "index.html").await?.ok_or_else(Problem::not_found)?;
    Ok(cluster::finished(file.to_vec()))
}

/// Shows what differs between the report and the result, and why.
pub(crate) async fn compare(call: Call) -> Answer {
    let job = found(&call).await?;
    let folder = job.result.ok_or_else(Problem::not_found)?;
    let result =
        what_if_queue::file(call.app.store.as_ref(), &folder, "analysis.json").await?.ok_or_else(Problem::not_found)?;
    let before = call.app.shelf.analysis_in(&call.scope, &job.cluster, &job.base).await?;
    cluster::compared(before, published_reports::parsed(result).await?).await
}

/// A file of what it changes, as `emp-cost analyze` takes it.
pub(crate) async fn file(call: Call) -> Answer {
    let job = found(&call).await?;
    let name = call.path("name");
    let (_, text, name) =
        changed(&job).into_iter().find(|(_, _, file)| *file == name).ok_or_else(Problem::not_found)?;
    let content_type = if name.ends_with(".toml") { "application/toml" } else { "application/yaml" };
    Ok(page_frame::download(content_type, &format!("{}-{name}", job.title), text.into_bytes()))
}
