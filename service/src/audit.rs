//! The audit log: who signed in, and who changed what. Objects that are only ever added.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use lake::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::identity::Identity;
use crate::problem::Problem;
use crate::seal::random_name;

const FOLDER: &str = "service/audit/";

/// Action of somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// Name of the action, such as `token.issued`.
    pub what: String,
    /// Who, by name.
    pub subject: String,
    /// Source of the scope.
    pub how: String,
    /// The session or token it was done with.
    pub id: String,
    /// Object of the action, such as the id of a token; never a secret.
    pub about: String,
}

impl Event {
    /// Something that somebody did.
    pub fn of(who: &Identity, what: &str, about: impl Into<String>, at: DateTime<Utc>) -> Self {
        Self {
            at,
            what: what.to_owned(),
            subject: who.subject.clone(),
            how: who.how.as_str().to_owned(),
            id: who.id.clone(),
            about: about.into(),
        }
    }
}

/// Writes an event. What cannot be written down is not done: callers write first.
///
/// # Errors
/// A [`Problem`] when the store fails.
pub async fn write(store: &dyn Store, event: &Event) -> Result<(), Problem> {
    let name = random_name::<9>().ok_or_else(Problem::no_chance)?;
    let at = event.at;
    let key = format!("{FOLDER}date={}/{}-{name}.jsonl", at.format("%Y-%m-%d"), at.format("%H%M%S%3f"));
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    tracing::info!(what = event.what, subject = event.subject, about = event.about, "audit");
    store.put_new(&key, Bytes::from(line)).await?;
    Ok(())
}

/// The newest events of a day, at most so many, the newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn of_day(store: &dyn Store, day: lake::Day, most: usize) -> Result<Vec<Event>, StoreError> {
    let folder = format!("{FOLDER}date={day}/");
    let mut names = store.list_names(&folder).await?;
    names.reverse();
    let mut events = Vec::new();
    for name in names.into_iter().take(most) {
        let object = store.get(&format!("{folder}{name}")).await?;
        events.extend(serde_json::from_slice::<Event>(&object));
    }
    Ok(events)
}
