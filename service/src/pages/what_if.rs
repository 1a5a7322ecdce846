//! Pages of what-ifs: assumptions changed, and the cluster's weeks replayed with them.

use std::fmt::Write;

use askama::Template;
use axum::http::StatusCode;
use reports::{Figures, Money, Standing};
use types::ClusterId;
use types::analysis::Analysis;

use crate::app::Knob;
use crate::audit::{self, Event};
use crate::guard::{Answer, Call, Pairs};
use crate::html::{self, Frame, page, see_other};
use crate::jobs::{self, Asked, Job, State};
use crate::pages::cluster;
use crate::problem::Problem;
use crate::rights::Role;
use crate::shelf;

/// The most characters of assumptions.
const MOST_TOML: usize = 16 * 1024;

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
    toml: String,
    wrong: String,
    fields: Vec<Field>,
}

struct Field {
    name: &'static str,
    unit: &'static str,
    effect: &'static str,
    default: String,
    value: String,
    /// Empty for a number.
    choices: Vec<&'static str>,
    least: String,
    most: String,
}

#[derive(Template)]
#[template(path = "what_if.html")]
struct Page {
    frame: Frame,
    job: JobView,
    rows: Vec<[String; 4]>,
    assumptions: String,
    same_window: bool,
    may: bool,
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
    progress: String,
    error: String,
}

/// The what-ifs there are, of clusters that may be seen whole; or the form, where a cluster is named.
pub(crate) async fn show(call: Call) -> Answer {
    if let Some(id) = call.query.get("cluster") {
        let cluster = may(&call, id)?;
        return form(&call, &cluster, &begun_with(&call, &cluster).await?, "").await;
    }
    let jobs = jobs::newest(call.app.store.as_ref()).await?;
    let row = |job: &Job| {
        let since = reports::format::moment(job.since);
        (job.id.clone(), job.title.clone(), job.cluster.to_string(), state(job), job.by.clone(), since)
    };
    let rows = jobs.iter().filter(|job| call.scope.sees_whole(&job.cluster)).map(row).collect();
    let clusters = call.app.shelf.clusters(&call.scope, call.now).await?;
    let clusters = clusters.iter().filter(|cluster| call.scope.role_on_whole(cluster) >= Some(Role::Analyst));
    let clusters = clusters.map(ToString::to_string).collect();
    page(&List { frame: Frame::of(&call, "What-if", "/what-if"), clusters, rows })
}

/// What the form begins with: nothing, or the scenario that it is to be another one of.
async fn begun_with(call: &Call, cluster: &ClusterId) -> Result<Pairs, Problem> {
    let Some(id) = call.query.get("from") else { return Ok(Pairs::default()) };
    let job = jobs::get(call.app.store.as_ref(), id).await?.map(|taken| taken.job);
    let job = job.filter(|job| job.cluster == *cluster).ok_or_else(Problem::not_found)?;
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("title", &job.title).append_pair("toml", &job.assumptions);
    Ok(Pairs::read(form.finish().as_bytes()))
}

fn state(job: &Job) -> &'static str {
    match job.state {
        State::Waiting => "waiting",
        State::Running => "running",
        State::Done => "done",
        State::Failed => "failed",
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

async fn form(call: &Call, cluster: &ClusterId, given: &Pairs, wrong: &str) -> Answer {
    let field = |knob: &Knob| Field {
        name: knob.name,
        unit: knob.unit,
        effect: knob.effect,
        default: knob.default.clone(),
        value: given.get(knob.name).unwrap_or_default().to_owned(),
        choices: knob.choices.clone(),
        least: knob.range.map(|(least, _)| least.to_string()).unwrap_or_default(),
        most: knob.range.map(|(_, most)| most.to_string()).unwrap_or_default(),
    };
    let page_ = Form {
        frame: Frame::of(call, format!("What if, on {cluster}"), "/what-if"),
        cluster: cluster.to_string(),
        title: given.get("title").unwrap_or_default().to_owned(),
        toml: given.get("toml").unwrap_or_default().to_owned(),
        wrong: wrong.to_owned(),
        fields: call.app.replays.knobs.iter().map(field).collect(),
    };
    html::page_of(if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, &page_)
}

/// Takes a form, or says what is wrong with it and keeps what was written.
pub(crate) async fn ask(call: Call) -> Answer {
    let given = call.form();
    let cluster = may(&call, given.get("cluster").unwrap_or_default())?;
    let toml = match written(&call.app.replays.knobs, &given) {
        Ok(toml) => toml,
        Err(wrong) => return form(&call, &cluster, &given, &wrong).await,
    };
    if let Err(wrong) = (call.app.replays.check)(&toml) {
        return form(&call, &cluster, &given, &types::show::sentence_case(&wrong)).await;
    }
    let title: String = given.get("title").unwrap_or_default().trim().chars().take(100).collect();
    if title.is_empty() {
        return form(&call, &cluster, &given, "Give it a name.").await;
    }
    let job = submit(&call, cluster, title, toml).await?;
    Ok(see_other(&format!("/what-if/{}", job.id)))
}

/// Puts a checked what-if into the queue.
pub(crate) async fn submit(call: &Call, cluster: ClusterId, title: String, toml: String) -> Result<Job, Problem> {
    let store = call.app.store.as_ref();
    let open = jobs::newest(store).await?.iter().filter(|job| job.is_open()).count();
    if open >= jobs::MOST_OPEN {
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "a hundred what-ifs wait already; try again when some are done",
        ));
    }
    let base = call.app.shelf.latest(&call.scope, &cluster, call.now).await?.pointer;
    let asked = Asked {
        cluster,
        title,
        assumptions: toml,
        base: base.folder,
        window: (base.window.start, base.window.end),
        by: call.who.subject.clone(),
    };
    audit::write(store, &Event::of(&call.who, "what-if", format!("{}: {}", asked.cluster, asked.title), call.now))
        .await?;
    Ok(jobs::submit(store, asked, call.now).await?)
}

/// The assumptions of a form as TOML: its fields, and what was written below them.
fn written(knobs: &[Knob], given: &Pairs) -> Result<String, String> {
    let mut toml = String::new();
    for knob in knobs {
        let Some(value) = given.get(knob.name).map(str::trim).filter(|value| !value.is_empty()) else { continue };
        if knob.choices.is_empty() {
            let number: f64 = value.parse().map_err(|_| format!("`{}` is {value:?}, which is no number", knob.name))?;
            if !number.is_finite() {
                return Err(format!("`{}` is {value}, which is no number", knob.name));
            }
            let _ = writeln!(toml, "{} = {number:?}", knob.name);
        } else if knob.choices.contains(&value) {
            let _ = writeln!(toml, "{} = \"{value}\"", knob.name);
        } else {
            return Err(format!("`{}` is none of {}", knob.name, knob.choices.join(", ")));
        }
    }
    toml.push_str(given.get("toml").unwrap_or_default().replace("\r\n", "\n").trim());
    if toml.trim().is_empty() {
        return Err("Change something: a what-if without a change is the report.".to_owned());
    }
    if toml.len() > MOST_TOML {
        return Err("The assumptions are longer than 16 KiB.".to_owned());
    }
    if !toml.ends_with('\n') {
        toml.push('\n');
    }
    Ok(toml)
}

/// The job in the path, if its cluster may be seen whole.
async fn found(call: &Call) -> Result<Job, Problem> {
    let job = jobs::get(call.app.store.as_ref(), call.path("id")).await?.map(|taken| taken.job);
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
        frame: Frame::of(&call, job.title.clone(), "/what-if"),
        rows,
        same_window,
        may: call.scope.role_on_whole(&job.cluster) >= Some(Role::Analyst),
        assumptions: job.assumptions.clone(),
        job: JobView {
            id: job.id.clone(),
            cluster: job.cluster.to_string(),
            title: job.title.clone(),
            by: job.by.clone(),
            since: reports::format::moment(job.since),
            state: state(&job),
            open: job.is_open(),
            done: job.state == State::Done,
            progress: job.progress.map(|(done, all)| format!("{done} of {all} hours read")).unwrap_or_default(),
            error: job.error.clone().unwrap_or_default(),
        },
    };
    page(&page_)
}

/// The numbers of the report it is compared with, and of the result.
pub(crate) async fn compared(call: &Call, job: &Job) -> Result<Option<(Figures, Figures)>, Problem> {
    let Some(folder) = &job.result else { return Ok(None) };
    let store = call.app.store.as_ref();
    let Some(result) = jobs::file(store, folder, "analysis.json").await? else { return Ok(None) };
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
            difference.unwrap_or_else(|| reports::format::UNKNOWN.to_owned()),
        ]
    };
    vec![
        row("Today", |figures| figures.today_monthly_usd),
        row("Best EC2, its like", |figures| figures.ec2_monthly_usd),
        row("Pool, with its fee", |figures| figures.pool_monthly_usd),
        row("A pool saves against today", |figures| figures.saving_vs_today_monthly_usd),
        row("and against the best EC2", |figures| figures.saving_vs_ec2_monthly_usd),
        row("What is recommended saves", |figures| figures.recommended_saving_monthly_usd),
    ]
}

/// The page of the result.
pub(crate) async fn report(call: Call) -> Answer {
    let job = found(&call).await?;
    let folder = job.result.ok_or_else(Problem::not_found)?;
    let file = jobs::file(call.app.store.as_ref(), &folder, "index.html").await?.ok_or_else(Problem::not_found)?;
    Ok(cluster::finished(file.to_vec()))
}

/// Shows what differs between the report and the result, and why.
pub(crate) async fn compare(call: Call) -> Answer {
    let job = found(&call).await?;
    let folder = job.result.ok_or_else(Problem::not_found)?;
    let result = jobs::file(call.app.store.as_ref(), &folder, "analysis.json").await?.ok_or_else(Problem::not_found)?;
    let before = call.app.shelf.analysis_in(&call.scope, &job.cluster, &job.base).await?;
    cluster::compared(before, shelf::parsed(result).await?).await
}

/// Its assumptions, as `emp-cost analyze --assumptions` takes them.
pub(crate) async fn assumptions(call: Call) -> Answer {
    let job = found(&call).await?;
    Ok(html::download("application/toml", &format!("{}.toml", job.title), job.assumptions.into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knobs() -> Vec<Knob> {
        vec![
            Knob { name: "emp.a", unit: "", effect: "", default: "1".into(), choices: vec![], range: Some((0.0, 2.0)) },
            Knob { name: "emp.b", unit: "", effect: "", default: "x".into(), choices: vec!["x", "y"], range: None },
        ]
    }

    #[test]
    fn a_form_becomes_toml_and_nothing_else() {
        let check = |form: &str, expect: Result<&str, &str>| {
            let found = written(&knobs(), &Pairs::read(form.as_bytes()));
            match expect {
                Ok(toml) => assert_eq!(found.as_deref(), Ok(toml), "{form}"),
                Err(why) => assert!(found.as_ref().is_err_and(|wrong| wrong.contains(why)), "{form}: {found:?}"),
            }
        };
        check("emp.a=1.5&emp.b=y", Ok("emp.a = 1.5\nemp.b = \"y\"\n"));
        check("emp.a=2", Ok("emp.a = 2.0\n"));
        check("toml=emp.c+%3D+1", Ok("emp.c = 1\n"));
        check("", Err("Change something"));
        check("emp.a=x", Err("no number"));
        check("emp.a=inf", Err("no number"));
        check("emp.b=%22%0Aemp.a%3D9", Err("none of x, y"));
    }
}
