//! Question about costs, read from a query; the same for pages, tables and the API.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::StatusCode;
use lake::store::InOrder;
use lake::{Day, WorkloadDay};
use types::ClusterId;

use crate::answer_cache;
use crate::authorization::{Call, Pairs};
use crate::cost_sums::{Answered, By, Filter, Looked, Summing};
use crate::problem::Problem;
use crate::published_reports::{Detail, Rows};

/// The most clusters one answer is summed over.
const MOST_CLUSTERS: usize = 500;
/// Clusters whose rows are read ahead.
const AHEAD: usize = 2;
/// Clusters whose sums, which are small, are read ahead: what takes long of many is the bucket's answer.
const SUMS_AHEAD: usize = 8;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// Of one cluster; all that may be seen without.
    pub cluster: Option<ClusterId>,
    /// Summed up by what.
    pub by: By,
    /// Of which rows.
    pub filter: Filter,
    /// Of the report of this date; of the latest without.
    pub report: Option<Day>,
}

impl Question {
    /// Reads a question.
    ///
    /// # Errors
    /// A [`Problem`] that names the value that makes no sense.
    pub(crate) fn read(query: &Pairs) -> Result<Self, Problem> {
        let text = |name: &str| query.get(name).map(ToOwned::to_owned);
        let cluster = cluster_of(query)?;
        let by = match query.get("by") {
            Some(name) => By::read(name).ok_or_else(|| {
                Problem::bad("`by` is none of cluster, namespace, workload, node_group, day, part and label:NAME")
            })?,
            None if cluster.is_some() => By::Namespace,
            None => By::Cluster,
        };
        let label = match query.get("label") {
            Some(label) => match label.split_once('=') {
                Some((name, value)) if !name.is_empty() => Some((name.to_owned(), value.to_owned())),
                _ => return Err(Problem::bad("`label` is no NAME=VALUE")),
            },
            None => None,
        };
        let filter = Filter {
            namespace: text("namespace"),
            workload: text("workload"),
            node_group: text("node_group"),
            label,
            from: day(query, "from")?,
            to: day(query, "to")?,
        };
        Ok(Self { cluster, by, filter, report: report_of(query)? })
    }

    /// Detail that it is answered from. The chart is of all groups of nodes, or of rows.
    fn detail(&self) -> Detail {
        let Filter { namespace: _, workload, node_group, label: _, from, to } = &self.filter;
        let by_sums = match &self.by {
            By::Workload | By::Day => false,
            By::Cluster | By::Namespace | By::NodeGroup | By::Part | By::Label(_) => true,
        };
        match by_sums && [workload, node_group, from, to].iter().all(|filter| filter.is_none()) {
            true => Detail::Sums,
            false => Detail::Workloads,
        }
    }

    /// The same question as a query.
    pub(crate) fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(cluster) = &self.cluster {
            query.append_pair("cluster", cluster.as_str());
        }
        query.append_pair("by", &self.by.name());
        for (name, value) in self.filters() {
            query.append_pair(name, &value);
        }
        query.finish()
    }

    /// The filters that are set, by the names they have in a query.
    pub(crate) fn filters(&self) -> Vec<(&'static str, String)> {
        let filter = &self.filter;
        let label = filter.label.as_ref().map(|(name, value)| format!("{name}={value}"));
        let all = [
            ("namespace", filter.namespace.clone()),
            ("workload", filter.workload.clone()),
            ("node_group", filter.node_group.clone()),
            ("label", label),
            ("from", filter.from.clone()),
            ("to", filter.to.clone()),
            ("report", self.report.map(|day| day.to_string())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

fn day(query: &Pairs, name: &str) -> Result<Option<String>, Problem> {
    Ok(date(query, name)?.map(|day| day.to_string()))
}

fn date(query: &Pairs, name: &str) -> Result<Option<Day>, Problem> {
    let day = query.get(name).map(str::parse::<Day>);
    day.transpose().map_err(|error| Problem::bad(format!("`{name}`: {error}")))
}

/// The date of the report that a query names, if it names one.
///
/// # Errors
/// A [`Problem`] for what is no date.
pub(crate) fn report_of(query: &Pairs) -> Result<Option<Day>, Problem> {
    date(query, "report")
}

/// The cluster that a query names, if it names one.
///
/// # Errors
/// A [`Problem`] for what is no name of a cluster.
pub(crate) fn cluster_of(query: &Pairs) -> Result<Option<ClusterId>, Problem> {
    let named = query.get("cluster").map(|id| id.parse::<ClusterId>());
    named.transpose().map_err(|error| Problem::bad(format!("{error}")))
}

/// The clusters that a question is about, each with the folder of its latest report; that is empty where one cluster is
/// asked for, which is looked up when it is read.
///
/// # Errors
/// A [`Problem`] when the store fails, or when there are too many clusters for one answer.
pub(crate) async fn about(
    call: &Call,
    cluster: Option<&ClusterId>,
    report: Option<Day>,
) -> Result<Vec<(ClusterId, String)>, Problem> {
    if cluster.is_none() && report.is_some() {
        return Err(Problem::bad("an earlier report is one cluster’s; choose one cluster, or the latest reports"));
    }
    let asked = match cluster {
        Some(cluster) => vec![(cluster.clone(), String::new())],
        None => call.app.shelf.folders(&call.scope, call.now).await?,
    };
    if asked.len() > MOST_CLUSTERS {
        let all = asked.len();
        return Err(Problem::bad(format!(
            "{all} clusters are too many for one sum, which takes {MOST_CLUSTERS}; choose one cluster"
        )));
    }
    if cluster.is_none() {
        // Known from the few numbers of each report, before the rows of hundreds are read.
        one_currency(&call.app.shelf.currencies(&call.scope, call.now).await?)?;
    }
    Ok(asked)
}

/// Refuses a sum over several currencies.
fn one_currency(currencies: &BTreeSet<String>) -> Result<(), Problem> {
    if currencies.len() < 2 {
        return Ok(());
    }
    let names: Vec<&str> = currencies.iter().map(String::as_str).collect();
    Err(Problem::bad(format!(
        "the clusters are billed in {}, and amounts in several currencies do not add up; choose one cluster",
        names.join(" and ")
    )))
}

/// Hands the rows of each cluster, of this detail or more, to `take`, one cluster after the other, so that those of few are held. A cluster whose
/// report cannot be read is left out of the rest, and is named with the reason in what is returned. Of one cluster alone the report of a date may be
/// asked for; otherwise it is the latest.
///
/// # Errors
/// A [`Problem`] when the one cluster that is asked for cannot be read or is not to be seen, when the store answers for
/// none, or when amounts are in several currencies.
pub(crate) async fn each(
    call: &Call,
    asked: &[(ClusterId, String)],
    (detail, report): (Detail, Option<Day>),
    mut take: impl FnMut(&ClusterId, &Rows),
) -> Result<Looked, Problem> {
    let (shelf, scope, now) = (&call.app.shelf, &call.scope, call.now);
    let one_alone = asked.len() == 1;
    let one = |(cluster, folder): &(ClusterId, String)| {
        let (shelf, scope, cluster, folder) = (Arc::clone(shelf), scope.clone(), cluster.clone(), folder.clone());
        async move {
            let rows = match one_alone {
                true => shelf.rows(&scope, &cluster, report, now).await,
                false => shelf.rows_once(&scope, (&cluster, &folder), detail, now).await,
            };
            (cluster, rows)
        }
    };
    let ahead = if detail == Detail::Sums { SUMS_AHEAD } else { AHEAD };
    let mut reading = InOrder::new(asked.iter().map(one), ahead);
    let mut looked = Looked::default();
    let (mut currencies, mut windows) = (BTreeSet::new(), BTreeSet::new());
    let mut failed = None;
    while let Some((cluster, read)) = reading.next().await {
        let rows = match read {
            Ok(Some(rows)) => rows,
            Ok(None) => {
                looked.without.push(cluster);
                continue;
            }
            Err(problem) if one_alone => return Err(problem),
            Err(problem) => {
                looked.unread.push((cluster, problem.detail.clone()));
                failed = Some(problem);
                continue;
            }
        };
        take(&cluster, &rows);
        windows.insert((rows.window.start, rows.window.end));
        looked.ends.insert(cluster.clone(), rows.window.end);
        currencies.insert(rows.currency);
        looked.clusters.push(cluster);
    }
    if let Some(problem) = failed
        && problem.status == StatusCode::SERVICE_UNAVAILABLE
        && looked.clusters.is_empty()
        && looked.without.is_empty()
    {
        return Err(problem);
    }
    one_currency(&currencies)?;
    looked.currency = currencies.pop_first().unwrap_or_else(|| "USD".to_owned());
    looked.windows_differ = windows.len() > 1;
    Ok(looked)
}

/// Answers a question with what the caller may see.
///
/// # Errors
/// As [`about`] and [`each`].
pub(crate) async fn asked(call: &Call, question: &Question) -> Result<Arc<Answered>, Problem> {
    let reports = about(call, question.cluster.as_ref(), question.report).await?;
    if question.cluster.is_some() {
        return Ok(Arc::new(made(call, question, &reports).await?));
    }
    let name = answer_cache::name(&call.scope, &question.query(), &reports);
    call.app.answers.costs(&name, call.now, made(call, question, &reports)).await
}

/// The answer, from the rows of some clusters.
async fn made(call: &Call, question: &Question, reports: &[(ClusterId, String)]) -> Result<Answered, Problem> {
    let mut summing = Summing::new(&call.scope, &question.by, &question.filter);
    let looked = each(call, reports, (question.detail(), question.report), |_, rows| match &rows.sums {
        Some(sums) => summing.add_sums(sums),
        None => summing.add(rows.rows.iter()),
    });
    let looked = looked.await?;
    Ok(Answered { sums: summing.finish(), looked })
}

/// The rows themselves, of one cluster, as far as the caller may see them, and the currency of their amounts.
///
/// # Errors
/// As [`asked`].
pub(crate) async fn rows_of(
    call: &Call,
    cluster: &ClusterId,
    (filter, report): (&Filter, Option<Day>),
) -> Result<Option<(String, Vec<WorkloadDay>)>, Problem> {
    let Some(found) = call.app.shelf.rows(&call.scope, cluster, report, call.now).await? else { return Ok(None) };
    let rows = crate::cost_sums::shown(found.rows.iter(), &call.scope, filter).cloned().collect();
    Ok(Some((found.currency, rows)))
}
