//! The API: JSON under `/api/v1`, described by OpenAPI 3.1 that is made from these handlers.
//!
//! Fields are only ever added. Amounts are exact as `…_nano_usd`, whole nano-dollars in decimal text, and rounded as
//! `…_usd`; both are in the currency that the answer names.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use lake::WorkloadDay;
use serde::{Deserialize, Serialize};
use types::NanoUsd;
use utoipa::{OpenApi, ToSchema};

use crate::access_rules::Role;
use crate::alerts::{AlertRule, Record, State};
use crate::authorization::{Call, Need, Pairs, Route, Routes};
use crate::cost_query::{Question, asked, rows_of};
use crate::cost_sums::Sum;
use crate::page_frame::typed;
use crate::pages::{self, what_if};
use crate::problem::{Answer, Problem};
use crate::published_reports::Report;
use crate::what_if_queue::{self, Changes, Job};

/// Items of a page unless asked otherwise, and at most.
const LIMITS: (usize, usize) = (1000, 10_000);
/// The largest body.
const MOST_BODY: usize = 64 * 1024;

/// Adds the routes.
pub(crate) fn routes(routes: Routes) -> Routes {
    let get = |path| Route { path, method: Method::GET, need: Need::Role(Role::Viewer), body: 0 };
    let what_if =
        Route { path: "/api/v1/what-ifs", method: Method::POST, need: Need::Role(Role::Analyst), body: MOST_BODY };
    let cancel = Route { path: "/api/v1/what-ifs/{id}/cancel", ..what_if.clone() };
    let keep = Route { path: "/api/v1/what-ifs/{id}/keep", ..what_if.clone() };
    routes
        .add(get("/api/v1/openapi.json"), openapi)
        .add(get("/api/v1/me"), me)
        .add(get("/api/v1/clusters"), clusters)
        .add(get("/api/v1/clusters/{cluster}"), cluster)
        .add(get("/api/v1/clusters/{cluster}/workload-days"), workload_days)
        .add(get("/api/v1/costs"), costs)
        .add(get("/api/v1/alerts"), alerts)
        .add(get("/api/v1/what-ifs"), what_ifs)
        .add(what_if, ask)
        .add(get("/api/v1/what-ifs/{id}"), one_what_if)
        .add(cancel, cancel_what_if)
        .add(keep, keep_what_if)
}

#[derive(OpenApi)]
#[openapi(
    info(title = "EMP Cost Analyzer", version = "1", description = "Costs and reports of clusters, as far as the token that asks may see them. Errors are RFC 9457."),
    paths(openapi, me, clusters, cluster, workload_days, costs, alerts, what_ifs, ask, one_what_if, cancel_what_if, keep_what_if),
    modifiers(&Bearer)
)]
struct Api;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = openapi.components.get_or_insert_with(Default::default);
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
        openapi.security = Some(vec![SecurityRequirement::new("token", [""; 0])]);
    }
}

fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let text = serde_json::to_vec(value).map_err(|error| Problem::internal("write an answer", &error))?;
    Ok(typed(status, "application/json", text))
}

/// The first item of a page and how many it has.
fn page(query: &Pairs) -> Result<(usize, usize), Problem> {
    let number = |name: &str, otherwise: usize| match query.get(name) {
        None => Ok(otherwise),
        Some(text) => text
            .parse::<u32>()
            .ok()
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(|| Problem::bad(format!("`{name}` is no whole number up to {}", u32::MAX))),
    };
    let (usual, most) = LIMITS;
    let limit = number("limit", usual)?;
    if limit == 0 || limit > most {
        return Err(Problem::bad(format!("`limit` is out of range; use 1 to {most}")));
    }
    Ok((number("offset", 0)?, limit))
}

/// This description.
#[utoipa::path(get, path = "/api/v1/openapi.json", responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")))]
pub(crate) async fn openapi(_call: Call) -> Answer {
    json(StatusCode::OK, &description()?)
}

/// The description, with what holds of every operation.
fn description() -> Result<serde_json::Value, Problem> {
    let made = serde_json::to_value(Api::openapi());
    Ok(crate::openapi_description::finished(made.map_err(|error| Problem::internal("describe the API", &error))?))
}

/// Who asks, and what they may do.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// Who the token is of.
    subject: String,
    /// How that is known.
    how: String,
    /// The most they may do anywhere: `viewer`, `analyst` or `admin`.
    role: Option<String>,
}

/// Who asks, and what they may do.
#[utoipa::path(get, path = "/api/v1/me", responses((status = 200, body = Me)))]
pub(crate) async fn me(call: Call) -> Answer {
    json(
        StatusCode::OK,
        &Me {
            subject: call.who.subject.clone(),
            how: call.who.how.as_str().to_owned(),
            role: call.scope.role().map(role),
        },
    )
}

fn role(role: Role) -> String {
    match role {
        Role::Viewer => "viewer",
        Role::Analyst => "analyst",
        Role::Admin => "admin",
    }
    .to_owned()
}

/// A cluster.
#[derive(Serialize, ToSchema)]
pub(crate) struct Cluster {
    /// Its name.
    cluster: String,
    /// Whether all of it may be seen; otherwise there are no numbers here, and costs are of a part.
    whole: bool,
    /// Date of the last hour of the latest report's window.
    date: Option<String>,
    /// The numbers of its latest report; null where it may not be seen whole, or is of a version that is not read.
    #[schema(value_type = Option<Object>)]
    figures: Option<reports::Figures>,
    /// Whether that report is too old to say what the cluster costs today; null where there is none.
    old: Option<bool>,
    /// Why its latest report cannot be read; null where it can, and where the cluster may not be seen whole.
    error: Option<String>,
}

/// Clusters, a page at a time.
#[derive(Serialize, ToSchema)]
pub(crate) struct Clusters {
    /// By name.
    items: Vec<Cluster>,
    /// The `offset` of the next page; null after the last.
    next: Option<usize>,
}

/// Clusters with a report, by name.
#[utoipa::path(get, path = "/api/v1/clusters", params(("offset" = Option<usize>, Query, description = "First item"), ("limit" = Option<usize>, Query, description = "Items, 10000 at most")), responses((status = 200, body = Clusters)))]
pub(crate) async fn clusters(call: Call) -> Answer {
    let (offset, limit) = page(&call.query)?;
    let all = call.app.shelf.clusters(&call.scope, call.now).await?;
    let fleet = call.app.shelf.fleet(&call.scope, call.now).await?;
    let reports: BTreeMap<_, _> = fleet.reports.iter().map(|report| (&report.cluster, report)).collect();
    let errors: BTreeMap<_, _> = fleet.unread.iter().map(|unread| (&unread.cluster, &unread.problem.detail)).collect();
    let one = |id: &types::ClusterId| Cluster {
        error: errors.get(id).map(|error| (*error).clone()),
        ..described(&call, id, reports.get(id).copied())
    };
    let items = all.iter().skip(offset).take(limit).map(one).collect();
    let next = offset.saturating_add(limit);
    json(StatusCode::OK, &Clusters { items, next: (next < all.len()).then_some(next) })
}

/// A cluster with its latest report, where that may be seen and can be read.
fn described(call: &Call, id: &types::ClusterId, report: Option<&Report>) -> Cluster {
    let figures = report.and_then(|report| report.standing.as_ref()).map(reports::Standing::figures);
    Cluster {
        cluster: id.to_string(),
        whole: call.scope.sees_whole(id),
        date: report.map(|report| report.pointer.date.clone()),
        figures,
        old: report.map(|report| call.app.config.reports.is_stale(report.pointer.window.end, call.now)),
        error: None,
    }
}

/// One cluster.
#[utoipa::path(get, path = "/api/v1/clusters/{cluster}", params(("cluster" = String, Path, description = "Name of the cluster")), responses((status = 200, body = Cluster), (status = 404, description = "Not there, or not to be seen")))]
pub(crate) async fn cluster(call: Call) -> Answer {
    let id = call.cluster()?;
    if !call.scope.sees_whole(&id) {
        return json(StatusCode::OK, &described(&call, &id, None));
    }
    let (report, error) = match call.app.shelf.latest(&call.scope, &id, call.now).await {
        Ok(report) => (Some(report), None),
        Err(problem) if problem.status == StatusCode::NOT_FOUND => (None, None),
        Err(problem) if problem.status == StatusCode::BAD_GATEWAY => (None, Some(problem.detail)),
        Err(problem) => return Err(problem),
    };
    json(StatusCode::OK, &Cluster { error, ..described(&call, &id, report.as_ref()) })
}

/// What one workload cost on one day.
#[derive(Serialize, ToSchema)]
pub(crate) struct Row {
    date: Option<String>,
    part: &'static str,
    namespace: Option<String>,
    workload_kind: Option<String>,
    workload: Option<String>,
    labels: Vec<String>,
    node_group: Option<String>,
    cost_nano_usd: String,
    cpu_nano_usd: String,
    memory_nano_usd: String,
    volume_nano_usd: String,
    fargate_nano_usd: String,
    cpu_request_core_ms: Option<i64>,
    cpu_used_core_ms: Option<i64>,
    memory_request_kib_s: Option<i64>,
    memory_used_kib_s: Option<i64>,
}

/// Rows, a page at a time.
#[derive(Serialize, ToSchema)]
pub(crate) struct Rows {
    /// The cluster.
    cluster: String,
    /// The currency of the amounts.
    currency: String,
    /// The rows of the page.
    items: Vec<Row>,
    /// The `offset` of the next page; null after the last.
    next: Option<usize>,
}

fn row(row: &WorkloadDay) -> Row {
    let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(ToOwned::to_owned);
    Row {
        date: text(&row.date),
        part: row.part.as_str(),
        namespace: text(&row.namespace),
        workload_kind: text(&row.workload_kind),
        workload: text(&row.workload),
        labels: row.labels.iter().map(|label| label.as_ref().to_owned()).collect(),
        node_group: text(&row.node_group),
        cost_nano_usd: row.nano_usd().to_string(),
        cpu_nano_usd: row.cpu_nano_usd.to_string(),
        memory_nano_usd: row.memory_nano_usd.to_string(),
        volume_nano_usd: row.volume_nano_usd.to_string(),
        fargate_nano_usd: row.fargate_nano_usd.to_string(),
        cpu_request_core_ms: row.cpu_request_core_ms,
        cpu_used_core_ms: row.cpu_used_core_ms,
        memory_request_kib_s: row.memory_request_kib_s,
        memory_used_kib_s: row.memory_used_kib_s,
    }
}

/// What each workload of a cluster cost on each day of its latest report, or of that of a date.
#[utoipa::path(get, path = "/api/v1/clusters/{cluster}/workload-days", params(("cluster" = String, Path, description = "Name of the cluster"), ("offset" = Option<usize>, Query, description = "First row"), ("limit" = Option<usize>, Query, description = "Rows, 10000 at most"), ("namespace" = Option<String>, Query, description = "Of this namespace"), ("workload" = Option<String>, Query, description = "Of this workload, as Kind/name"), ("node_group" = Option<String>, Query, description = "On this group of nodes"), ("label" = Option<String>, Query, description = "With this label, as name=value"), ("from" = Option<String>, Query, description = "From this day on"), ("to" = Option<String>, Query, description = "To this day"), ("report" = Option<String>, Query, description = "Of the report of this date, the last day of its window; of the latest without. Of one cluster alone")), responses((status = 200, body = Rows), (status = 404, description = "Not there, or not to be seen")))]
pub(crate) async fn workload_days(call: Call) -> Answer {
    let id = call.cluster()?;
    let (offset, limit) = page(&call.query)?;
    let question = Question::read(&call.query)?;
    let (currency, rows) =
        rows_of(&call, &id, (&question.filter, question.report)).await?.ok_or_else(Problem::not_found)?;
    let items = rows.iter().skip(offset).take(limit).map(row).collect();
    let next = offset.saturating_add(limit);
    let next = (next < rows.len()).then_some(next);
    json(StatusCode::OK, &Rows { cluster: id.to_string(), currency, items, next })
}

/// A line of costs.
#[derive(Serialize, ToSchema)]
pub(crate) struct CostLine {
    /// What it is of; null for what has no such thing, such as idle capacity by namespace.
    key: Option<String>,
    /// Namespace of a workload.
    namespace: Option<String>,
    cost_usd: f64,
    cost_nano_usd: String,
    cpu_nano_usd: String,
    memory_nano_usd: String,
    volume_nano_usd: String,
    fargate_nano_usd: String,
    cpu_request_core_ms: String,
    cpu_used_core_ms: String,
    memory_request_kib_s: String,
    memory_used_kib_s: String,
}

/// Costs, summed up.
#[derive(Serialize, ToSchema)]
pub(crate) struct Costs {
    /// What they are summed up by.
    by: String,
    /// The currency of the amounts.
    currency: String,
    /// Clusters that were looked at.
    clusters: Vec<String>,
    /// Clusters whose latest report has no costs by day.
    clusters_without: Vec<String>,
    /// Clusters whose latest report cannot be read, so that they are in no sum.
    clusters_unread: Vec<UnreadCluster>,
    /// Clusters of these sums whose latest report is too old to say what they cost today.
    clusters_old: Vec<String>,
    /// Whether the reports cover different windows.
    windows_differ: bool,
    /// The sum of all lines.
    total_nano_usd: String,
    /// The lines of the page, dearest first; days in their order.
    items: Vec<CostLine>,
    /// The `offset` of the next page; null after the last.
    next: Option<usize>,
}

/// A cluster whose latest report cannot be read.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnreadCluster {
    /// Its name.
    cluster: String,
    /// What is wrong with the report, and the next step.
    error: String,
}

fn unread((cluster, error): &(types::ClusterId, String)) -> UnreadCluster {
    UnreadCluster { cluster: cluster.to_string(), error: error.clone() }
}

fn cost_line(key: Option<String>, namespace: Option<String>, sum: &Sum) -> CostLine {
    CostLine {
        key,
        namespace,
        cost_usd: NanoUsd::new(sum.nano_usd).usd(),
        cost_nano_usd: sum.nano_usd.to_string(),
        cpu_nano_usd: sum.cpu_nano_usd.to_string(),
        memory_nano_usd: sum.memory_nano_usd.to_string(),
        volume_nano_usd: sum.volume_nano_usd.to_string(),
        fargate_nano_usd: sum.fargate_nano_usd.to_string(),
        cpu_request_core_ms: sum.cpu_request_core_ms.to_string(),
        cpu_used_core_ms: sum.cpu_used_core_ms.to_string(),
        memory_request_kib_s: sum.memory_request_kib_s.to_string(),
        memory_used_kib_s: sum.memory_used_kib_s.to_string(),
    }
}

/// Costs of one cluster or of all, summed up by cluster, namespace, workload, node group, day, part or label.
#[utoipa::path(get, path = "/api/v1/costs", params(("by" = Option<String>, Query, description = "cluster, namespace, workload, node_group, day, part or label:NAME"), ("cluster" = Option<String>, Query, description = "Of this cluster; all without"), ("offset" = Option<usize>, Query, description = "First line"), ("limit" = Option<usize>, Query, description = "Lines, 10000 at most"), ("namespace" = Option<String>, Query, description = "Of this namespace"), ("workload" = Option<String>, Query, description = "Of this workload, as Kind/name"), ("node_group" = Option<String>, Query, description = "On this group of nodes"), ("label" = Option<String>, Query, description = "With this label, as name=value"), ("from" = Option<String>, Query, description = "From this day on"), ("to" = Option<String>, Query, description = "To this day"), ("report" = Option<String>, Query, description = "Of the report of this date, the last day of its window; of the latest without. Of one cluster alone")), responses((status = 200, body = Costs), (status = 400, description = "A value makes no sense"), (status = 404, description = "No such cluster or report, or not to be seen")))]
pub(crate) async fn costs(call: Call) -> Answer {
    let (offset, limit) = page(&call.query)?;
    let question = Question::read(&call.query)?;
    let found = asked(&call, &question).await?;
    let lines = found.sums.lines.iter().skip(offset).take(limit);
    let items = lines.map(|line| cost_line(line.key.clone(), line.namespace.clone(), &line.sum)).collect();
    let next = offset.saturating_add(limit);
    let old = found.looked.old(&call.app.config.reports, call.now);
    json(
        StatusCode::OK,
        &Costs {
            by: question.by.name(),
            currency: found.looked.currency.clone(),
            clusters: found.looked.clusters.iter().map(ToString::to_string).collect(),
            clusters_without: found.looked.without.iter().map(ToString::to_string).collect(),
            clusters_unread: found.looked.unread.iter().map(unread).collect(),
            clusters_old: old.iter().map(ToString::to_string).collect(),
            windows_differ: found.looked.windows_differ,
            total_nano_usd: found.sums.total.nano_usd.to_string(),
            items,
            next: (next < found.sums.lines.len()).then_some(next),
        },
    )
}

/// What a rule of alerts found on a cluster.
#[derive(Serialize, ToSchema)]
pub(crate) struct Alert {
    /// The rule, by name.
    rule: String,
    /// The cluster.
    cluster: String,
    /// Namespace whose workloads it is about; null for another.
    namespace: Option<String>,
    /// Label whose workloads it is about, as `name=value`.
    label: Option<String>,
    /// `monthly_cost_above`, `monthly_saving_above`, `coverage_below_percent` or `hours_behind_above`.
    condition: String,
    /// `ok` or `firing`.
    state: String,
    /// Since when.
    since: String,
    /// The last value that was known.
    value: Option<f64>,
    /// Its limit.
    limit: f64,
    /// Currency of an amount.
    currency: Option<String>,
    /// Why nothing is known now.
    unknown: Option<String>,
}

/// Alerts, what fires first.
#[derive(Serialize, ToSchema)]
pub(crate) struct AlertList {
    /// Those of what may be seen.
    items: Vec<Alert>,
}

/// What the rules of alerts found, as far as it may be seen.
#[utoipa::path(get, path = "/api/v1/alerts", responses((status = 200, body = AlertList)))]
pub(crate) async fn alerts(call: Call) -> Answer {
    let item = |(record, rule): (Record, AlertRule)| {
        let condition = rule.condition().ok()?;
        Some(Alert {
            rule: record.rule,
            cluster: record.cluster.to_string(),
            namespace: rule.namespace,
            label: rule.label,
            condition: condition.name().to_owned(),
            state: if record.state == State::Firing { "firing" } else { "ok" }.to_owned(),
            since: record.since.to_rfc3339(),
            value: record.value,
            limit: condition.limit(),
            currency: record.currency,
            unknown: record.unknown,
        })
    };
    let items = pages::alerts::visible(&call).await?.into_iter().filter_map(item).collect();
    json(StatusCode::OK, &AlertList { items })
}

/// A what-if.
#[derive(Serialize, ToSchema)]
pub(crate) struct WhatIf {
    /// Names it.
    id: String,
    /// The cluster.
    cluster: String,
    /// What it is called.
    title: String,
    /// Assumptions other than the report's, as TOML.
    assumptions: String,
    /// Prices other than the report's, as TOML.
    prices: String,
    /// Which pods move, as a ConfigMap; empty where all do that can.
    profile: String,
    /// `waiting`, `running`, `done`, `failed` or `cancelled`.
    #[schema(value_type = String)]
    state: what_if_queue::State,
    /// Why it failed.
    error: Option<String>,
    /// Whether it is kept for good; others are removed some time after their end.
    kept: bool,
    /// Numbers of the report it is compared with, once it is done.
    #[schema(value_type = Option<Object>)]
    base: Option<reports::Figures>,
    /// Its own.
    #[schema(value_type = Option<Object>)]
    figures: Option<reports::Figures>,
}

/// What-ifs, the newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct WhatIfs {
    /// The newest two hundred.
    items: Vec<WhatIf>,
}

fn without_numbers(job: Job) -> WhatIf {
    WhatIf {
        id: job.id,
        cluster: job.cluster.to_string(),
        title: job.title,
        assumptions: job.changes.assumptions,
        prices: job.changes.prices,
        profile: job.changes.profile,
        state: job.state,
        error: job.error,
        kept: job.kept,
        base: None,
        figures: None,
    }
}

/// What-ifs of clusters that may be seen whole, without their numbers.
#[utoipa::path(get, path = "/api/v1/what-ifs", responses((status = 200, body = WhatIfs)))]
pub(crate) async fn what_ifs(call: Call) -> Answer {
    let jobs = what_if_queue::newest(&call.app.store).await?;
    let items = jobs.into_iter().filter(|job| call.scope.sees_whole(&job.cluster)).map(without_numbers).collect();
    json(StatusCode::OK, &WhatIfs { items })
}

/// What to replay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskWhatIf {
    /// The cluster.
    cluster: String,
    /// What to call it.
    title: String,
    /// Assumptions other than the report's, as TOML; empty where only others of these change.
    assumptions: String,
    /// Prices other than the report's, as TOML in the form of a prices file: `[discount]`, `[bare_metal]` with a discount
    /// and types of hosts, `[[commitment]]`, `[[node]]` and so on.
    #[serde(default)]
    prices: String,
    /// Namespaces whose pods may move; all without.
    #[serde(default)]
    namespaces: Vec<String>,
    /// Labels that pods must have to move; none without.
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// Asks for a what-if, of a cluster on which the token may.
#[utoipa::path(post, path = "/api/v1/what-ifs", request_body = AskWhatIf, responses((status = 202, body = WhatIf), (status = 400, description = "A value makes no sense"), (status = 403, description = "The role does not allow it"), (status = 404, description = "No such cluster, or not to be seen")))]
pub(crate) async fn ask(call: Call) -> Answer {
    let asked: AskWhatIf = serde_json::from_slice(&call.body)
        .map_err(|error| Problem::bad(format!("the body cannot be read: {error}")))?;
    let cluster = asked.cluster.parse().map_err(|_| Problem::not_found())?;
    match call.scope.role_on_whole(&cluster) {
        None => return Err(Problem::not_found()),
        Some(Role::Viewer) => return Err(Problem::forbidden("the role on this cluster reads and runs no what-ifs")),
        Some(_) => {}
    }
    let title: String = asked.title.trim().chars().take(100).collect();
    if title.is_empty() {
        return Err(Problem::bad("a what-if needs a title"));
    }
    let profile = what_if::form::profile(asked.namespaces, &asked.labels);
    let changes = Changes { assumptions: asked.assumptions, prices: asked.prices, profile };
    let changes = what_if::form::checked(changes).await.map_err(Problem::bad)?;
    let job = what_if::submit(&call, cluster, title, changes).await?;
    json(StatusCode::ACCEPTED, &without_numbers(job))
}

/// A what-if with its numbers.
#[utoipa::path(get, path = "/api/v1/what-ifs/{id}", params(("id" = String, Path, description = "Its id")), responses((status = 200, body = WhatIf), (status = 404, description = "Not there, or not to be seen")))]
pub(crate) async fn one_what_if(call: Call) -> Answer {
    let job = what_if_queue::get(call.app.store.as_ref(), call.path("id")).await?.map(|taken| taken.job);
    let job = job.filter(|job| call.scope.sees_whole(&job.cluster)).ok_or_else(Problem::not_found)?;
    let numbers = what_if::compared(&call, &job).await?;
    let (base, figures) = numbers.unzip();
    json(StatusCode::OK, &WhatIf { base, figures, ..without_numbers(job) })
}

/// Cancels a what-if that waits or runs: who asked for it, or who administers its cluster. One that ended stays as it ended.
#[utoipa::path(post, path = "/api/v1/what-ifs/{id}/cancel", params(("id" = String, Path, description = "Its id")), responses((status = 200, body = WhatIf), (status = 403, description = "Somebody else asked for it"), (status = 404, description = "Not there, or not to be seen")))]
pub(crate) async fn cancel_what_if(call: Call) -> Answer {
    what_if::cancelled(&call, &what_if::found(&call).await?).await?;
    // As it is now: it may have ended otherwise meanwhile.
    json(StatusCode::OK, &without_numbers(what_if::found(&call).await?))
}

/// Time for which a what-if stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeepWhatIf {
    /// `true` for good, `false` until some time after its end, as others are.
    kept: bool,
}

/// Keeps a what-if for good, or no longer: who asked for it, or who administers its cluster.
#[utoipa::path(post, path = "/api/v1/what-ifs/{id}/keep", params(("id" = String, Path, description = "Its id")), request_body = KeepWhatIf, responses((status = 200, body = WhatIf), (status = 400, description = "The body is none"), (status = 403, description = "Somebody else asked for it"), (status = 404, description = "Not there, or not to be seen")))]
pub(crate) async fn keep_what_if(call: Call) -> Answer {
    let asked: KeepWhatIf = serde_json::from_slice(&call.body)
        .map_err(|error| Problem::bad(format!("the body cannot be read: {error}")))?;
    what_if::kept(&call, &what_if::found(&call).await?, asked.kept).await?;
    json(StatusCode::OK, &without_numbers(what_if::found(&call).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let described = description().unwrap();
        assert!(
            described["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")),
            "{}",
            described["openapi"]
        );
        let source = include_str!("api.rs");
        let routed = source.split("fn routes").nth(1).unwrap().split("\n}\n").next().unwrap();
        let mut paths: Vec<&str> = routed.split('"').filter(|text| text.starts_with("/api/")).collect();
        paths.sort_unstable();
        paths.dedup();
        let mut found: Vec<&str> = described["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, paths);
    }
}
