//! EDGE: network. The look at an hour before it is asked for: whether one cluster is in it, and how the server names things.

use types::Hour;

use crate::collection_results::{CollectError, Collected};
use crate::decode::decode;
use crate::dialect::Dialect;
use crate::numbers::whole;
use crate::queries;
use crate::server::Server;
use crate::settings::Settings;
use crate::single_cluster_check::{self, LABELS_AT_ONCE, USED_LABELS_AT_ONCE};

/// Learns how a server names things in an hour. An hour with several clusters of which none is named is refused.
///
/// This is done for each hour anew, since a cluster comes and an exporter is replaced at any time of a day. It takes one
/// query; where labels tell nodes apart beyond their own, one more for every eight of them, and where pods are under one
/// value each, one for every four of those.
///
/// # Errors
/// [`CollectError::ManyClusters`] and [`CollectError::ManyKubeSystems`], or when the server gives no answer to read.
pub(crate) async fn look(
    server: &Server,
    hour: Hour,
    settings: &Settings,
    collected: &mut Collected,
) -> Result<Dialect, CollectError> {
    let own = queries::matchers(settings, &Dialect::default());
    collected.queries = collected.queries.saturating_add(1);
    let body = server.ask_after("hour", &queries::hour_probe(settings), hour).await?;
    let unreadable = |source| CollectError::Answer { query: "hour".to_owned(), hour, source };
    let probed = single_cluster_check::probed(&body).map_err(unreadable)?;
    // By convention this label is a cluster's, whatever it splits.
    let conventional = probed.labels.iter().find(|label| *label == "cluster" && settings.selector.is_none());
    let of_clusters = match conventional {
        Some(label) => Some(label),
        None => splitting(server, hour, &own, &probed.labels, collected).await?,
    };
    if let Some(label) = of_clusters {
        let clusters = words_of(server, "clusters", &single_cluster_check::values(&own, label), label, hour).await?;
        let names = clusters.iter().take(5).map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        return Err(CollectError::ManyClusters { label: label.clone(), count: clusters.len(), names, hour });
    }
    let mut dialect = Dialect::default();
    for (what, count) in probed.found {
        if what == queries::KUBE_SYSTEMS {
            return Err(CollectError::ManyKubeSystems { count: whole(count).unwrap_or(i64::MAX), hour });
        }
        dialect.found(&what);
    }
    Ok(dialect)
}

/// Finds the label of clusters among those that differ between nodes: one that splits pods and, where its name does not
/// give it away, what they use.
async fn splitting<'a>(
    server: &Server,
    hour: Hour,
    own: &str,
    labels: &'a [String],
    collected: &mut Collected,
) -> Result<Option<&'a String>, CollectError> {
    let mut unsure = Vec::new();
    for labels in labels.chunks(LABELS_AT_ONCE) {
        collected.queries = collected.queries.saturating_add(1);
        let promql = single_cluster_check::pods_by(own, labels);
        let found = words_of(server, "clusters", &promql, "found", hour).await?;
        for (_, label) in labels.iter().enumerate().filter(|(n, _)| single_cluster_check::splits_pods(*n, &found)) {
            if single_cluster_check::sounds_like_a_cluster(label) {
                return Ok(Some(label));
            }
            unsure.push(label);
        }
    }
    for labels in unsure.chunks(USED_LABELS_AT_ONCE) {
        collected.queries = collected.queries.saturating_add(1);
        let names: Vec<String> = labels.iter().map(|label| (*label).clone()).collect();
        let promql = single_cluster_check::usage_by(own, &names);
        let found = words_of(server, "clusters", &promql, "found", hour).await?;
        let alike = labels.iter().enumerate().find(|(n, _)| single_cluster_check::splits_usage_alike(*n, &found));
        if let Some((_, label)) = alike {
            return Ok(Some(*label));
        }
    }
    Ok(None)
}

/// The values of one label of an answer, with the last sample of each, sorted.
pub(crate) async fn words_of(
    server: &Server,
    name: &str,
    promql: &str,
    label: &str,
    hour: Hour,
) -> Result<Vec<(String, f64)>, CollectError> {
    let body = server.ask_after(name, promql, hour).await?;
    let mut words = Vec::new();
    decode(&body, &[label], &mut |series| {
        let value = series.points.last().map_or(0.0, |(_, value)| *value);
        words.extend(series.labels.first().map(|word| (word.to_string(), value)));
    })
    .map_err(|source| CollectError::Answer { query: name.to_owned(), hour, source })?;
    words.sort_by(|(a, n), (b, m)| a.cmp(b).then(n.total_cmp(m)));
    Ok(words)
}
