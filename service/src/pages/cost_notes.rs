//! What the pages of costs and of showback say alike.

use types::{ClusterId, NanoUsd};

use crate::costs::{By, Looked};
use crate::guard::Call;
use crate::problem::Problem;

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

/// What is to be known of the reports that were looked at.
pub(super) fn notes(looked: &Looked) -> Vec<String> {
    let without = |cluster: &ClusterId| {
        format!("The latest report of {cluster} has no costs by day; the next `emp-cost run` writes them.")
    };
    let mut notes: Vec<String> = looked.without.iter().map(without).collect();
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
