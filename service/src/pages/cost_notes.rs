//! What the pages of costs and of showback say alike.

use axum::http::StatusCode;
use types::{ClusterId, NanoUsd};

use crate::authorization::Call;
use crate::cost_sums::{By, Looked};
use crate::problem::Problem;

/// Clusters that a sentence names; it counts the others.
const MOST_NAMED: usize = 5;

/// Dollars of nano-dollars.
pub(super) fn usd(nanos: i128) -> f64 {
    NanoUsd::new(nanos).usd()
}

/// The clusters to choose from, each with whether it is chosen.
///
/// # Errors
/// A [`Problem`] when the store fails.
pub(super) async fn choices(call: &Call, chosen: Option<&ClusterId>) -> Result<Vec<(String, bool)>, Problem> {
    let seen = call.app.shelf.clusters(&call.scope, call.now).await?;
    Ok(seen.iter().map(|id| (id.to_string(), chosen == Some(id))).collect())
}

/// The clusters that were looked at, in words.
pub(super) fn clusters(looked: &Looked) -> String {
    match looked.clusters.as_slice() {
        [] => "No cluster".to_owned(),
        [one] => one.to_string(),
        several => format!("{} clusters", several.len()),
    }
}

/// Some clusters by name, and how many others.
pub(super) fn named(clusters: &[&ClusterId]) -> String {
    let names: Vec<&str> = clusters.iter().take(MOST_NAMED).map(|cluster| cluster.as_str()).collect();
    match clusters.len().saturating_sub(MOST_NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// The sentence that a page shows instead of sums, where there are none: too many clusters, several currencies, or a report
/// that cannot be read. Another problem is an answer of its own.
pub(super) fn instead(problem: &Problem) -> Option<String> {
    let said = [StatusCode::BAD_REQUEST, StatusCode::BAD_GATEWAY].contains(&problem.status);
    said.then(|| format!("{}.", types::wording::sentence_case(&problem.detail)))
}

/// What is to be known of the reports that were looked at.
pub(super) fn notes(call: &Call, looked: &Looked) -> Vec<String> {
    let mut notes = Vec::new();
    if !looked.without.is_empty() {
        let names = named(&looked.without.iter().collect::<Vec<_>>());
        let whose = if looked.without.len() == 1 { "The latest report of" } else { "The latest reports of" };
        let have = if looked.without.len() == 1 { "has" } else { "have" };
        notes.push(format!("{whose} {names} {have} no costs by day; the next `emp-cost run` writes them."));
    }
    let missing = looked.unread.iter().take(MOST_NAMED);
    notes.extend(missing.map(|(cluster, why)| format!("{cluster} is in no sum here: {why}.")));
    let more = looked.unread.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        notes.push(format!(
            "{more} more clusters are in no sum here, since their reports cannot be read; the page Clusters says why."
        ));
    }
    let old = looked.old(&call.app.config.reports, call.now);
    if !old.is_empty() {
        notes.push(format!(
            "The latest reports of these ended more than {} days ago: {}.",
            call.app.config.reports.stale_after_days,
            named(&old)
        ));
    }
    if looked.windows_differ {
        notes.push(
            "The reports of these clusters cover different windows, so their sums are over different days.".to_owned(),
        );
    }
    notes
}

/// The heading of a column.
pub(super) fn head(by: &By) -> String {
    match by {
        By::Cluster => "Cluster".to_owned(),
        By::Namespace => "Namespace".to_owned(),
        By::Workload => "Workload".to_owned(),
        By::NodeGroup => "Node group".to_owned(),
        By::Day => "Day".to_owned(),
        By::Part => "Part of the bill".to_owned(),
        By::Label(name) => format!("Label {name}"),
    }
}

/// Fields to sum up by: their names in a query, and for people, and whether it is this one, which is among them in any case.
pub(super) fn bys(mut all: Vec<By>, here: &By) -> Vec<(String, String, bool)> {
    if !all.contains(here) {
        all.push(here.clone());
    }
    all.iter().map(|by| (by.name(), head(by), by == here)).collect()
}
