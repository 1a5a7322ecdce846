//! Question about costs, read from a query; the same for pages, tables and the API.

use std::collections::BTreeSet;

use lake::WorkloadDay;
use types::ClusterId;

use crate::costs::{Answer as Sums, By, Filter, Summing};
use crate::guard::{Call, Pairs};
use crate::problem::Problem;

/// The most clusters one answer is summed over.
const MOST_CLUSTERS: usize = 500;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// Of one cluster; all that may be seen without.
    pub cluster: Option<ClusterId>,
    /// Summed up by what.
    pub by: By,
    /// Of which rows.
    pub filter: Filter,
}

impl Question {
    /// Reads a question.
    ///
    /// # Errors
    /// A [`Problem`] that names the value that makes no sense.
    pub(crate) fn read(query: &Pairs) -> Result<Self, Problem> {
        let text = |name: &str| query.get(name).map(ToOwned::to_owned);
        let cluster = match query.get("cluster") {
            Some(id) => Some(id.parse::<ClusterId>().map_err(|error| Problem::bad(format!("{error}")))?),
            None => None,
        };
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
        Ok(Self { cluster, by, filter })
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
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

fn day(query: &Pairs, name: &str) -> Result<Option<String>, Problem> {
    match query.get(name) {
        Some(text) => match text.parse::<lake::Day>() {
            Ok(day) => Ok(Some(day.to_string())),
            Err(error) => Err(Problem::bad(format!("`{name}`: {error}"))),
        },
        None => Ok(None),
    }
}

/// An answer, with what it is of.
#[derive(Debug)]
pub(crate) struct Answered {
    /// The sums.
    pub sums: Sums,
    /// The currency of the amounts.
    pub currency: String,
    /// Clusters whose rows were looked at.
    pub clusters: Vec<ClusterId>,
    /// Clusters whose latest report has no rows by workload and day.
    pub without: Vec<ClusterId>,
    /// `true` when the windows of the reports differ.
    pub windows_differ: bool,
}

/// Answers a question with what the caller may see.
///
/// # Errors
/// A [`Problem`] when the cluster is not to be seen, the store fails, or amounts are in several currencies.
pub(crate) async fn asked(call: &Call, question: &Question) -> Result<Answered, Problem> {
    let asked = match &question.cluster {
        Some(cluster) => vec![cluster.clone()],
        None => call.app.shelf.clusters(&call.scope, call.now).await?,
    };
    if asked.len() > MOST_CLUSTERS {
        return Err(Problem::bad(format!("{} clusters are too many for one answer; choose one", asked.len())));
    }
    let mut summing = Summing::new(&call.scope, &question.by, &question.filter);
    let (mut clusters, mut without) = (Vec::new(), Vec::new());
    let (mut currencies, mut windows) = (BTreeSet::new(), BTreeSet::new());
    for cluster in asked {
        let Some(found) = call.app.shelf.rows(&call.scope, &cluster, call.now).await? else {
            without.push(cluster);
            continue;
        };
        summing.add(found.rows.iter());
        currencies.insert(found.currency);
        windows.insert((found.window.start, found.window.end));
        clusters.push(cluster);
    }
    if currencies.len() > 1 {
        return Err(Problem::bad(
            "the clusters are billed in several currencies, which do not add up; choose one cluster",
        ));
    }
    let currency = currencies.pop_first().unwrap_or_else(|| "USD".to_owned());
    Ok(Answered { sums: summing.finish(), currency, clusters, without, windows_differ: windows.len() > 1 })
}

/// The rows themselves, of one cluster, as far as the caller may see them, and the currency of their amounts.
///
/// # Errors
/// As [`asked`].
pub(crate) async fn rows_of(
    call: &Call,
    cluster: &ClusterId,
    filter: &Filter,
) -> Result<Option<(String, Vec<WorkloadDay>)>, Problem> {
    let Some(found) = call.app.shelf.rows(&call.scope, cluster, call.now).await? else { return Ok(None) };
    let rows = crate::costs::shown(found.rows.iter(), &call.scope, filter).cloned().collect();
    Ok(Some((found.currency, rows)))
}
