//! Answers of a server as numbers by label, for the doctor.

use chrono::{DateTime, Utc};

use crate::decode::decode;
use crate::server::{QueryError, Server};

/// Days a report wants, and the look back goes.
pub(super) const DAYS: i64 = 30;
pub(super) const DAY_SECONDS: i64 = 86_400;
/// A few numbers by label.
pub(super) type ByLabel = Vec<(Vec<String>, Vec<(i64, f64)>)>;

/// The points of an expression of one series, every `step` seconds of the last `span` before `end`.
pub(super) async fn history(
    server: &Server,
    promql: &str,
    end: i64,
    span: i64,
    step: i64,
) -> Result<Vec<(i64, f64)>, QueryError> {
    let bodies = server.ask_spans("doctor", promql, (end.saturating_sub(span), end), step).await?;
    let points = bodies.iter().filter_map(|body| series(body, &[]).into_iter().next());
    Ok(points.flat_map(|(_, points)| points).collect())
}

/// The series of an expression now.
pub(super) async fn instant(
    server: &Server,
    promql: &str,
    labels: &[&str],
    now: DateTime<Utc>,
) -> Result<ByLabel, QueryError> {
    let body = server.ask_at("doctor", promql, now.timestamp()).await?;
    Ok(series(&body, labels))
}

pub(super) fn series(body: &[u8], labels: &[&str]) -> ByLabel {
    let mut found = Vec::new();
    let mut take = |series: crate::decode::Series<'_, '_>| {
        found.push((series.labels.iter().map(ToString::to_string).collect(), series.points.to_vec()));
    };
    // An answer that is no answer says nothing; what is missing then is a finding of its own.
    let _malformed = decode(body, labels, &mut take);
    found.sort_by(|a: &(Vec<String>, Vec<_>), b| a.0.cmp(&b.0));
    found
}

/// A count, which PromQL gives as a float.
pub(super) fn whole(value: f64) -> i64 {
    crate::numbers::whole(value).unwrap_or_default()
}

pub(super) fn last(points: &[(i64, f64)]) -> i64 {
    points.last().map_or(0, |(_, value)| whole(*value))
}

/// A selector in braces, or none, with the matchers of the cluster that is meant.
pub(super) fn narrowed(own: &str, selector: &str) -> String {
    format!("{{{own}{}}}", selector.trim_start_matches('{').trim_end_matches('}'))
}

/// One number; `None` without a series.
pub(super) async fn number(server: &Server, promql: &str, now: DateTime<Utc>) -> Result<Option<f64>, QueryError> {
    let found = instant(server, promql, &[], now).await?;
    Ok(found.first().and_then(|(_, points)| points.last()).map(|(_, value)| *value))
}
