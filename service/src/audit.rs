//! The audit log: who signed in or failed to, and who changed what. Objects that are only ever added.

use std::net::IpAddr;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use lake::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::identity::{How, Identity};
use crate::problem::Problem;
use crate::sealed_values::random_name;

const FOLDER: &str = "service/audit/";
/// End of the names of objects about sign-ins that failed, which are told apart unread: whoever sends many of them must
/// not hide what else happened.
const FAILED: &str = ".failed.jsonl";

/// Action of somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// Name of the action, such as `token.issued`.
    pub what: String,
    /// Who, by name; empty where that is not known, as of a sign-in that failed.
    pub subject: String,
    /// Source of the scope.
    pub how: String,
    /// The session or token it was done with.
    pub id: String,
    /// Object of the action, such as the id of a token; never a secret.
    pub about: String,
    /// The address it came from, of a sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
}

/// Events that are shown together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Whatever was done.
    Actions,
    /// Sign-ins that failed.
    Failures,
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
            from: None,
        }
    }

    /// A sign-in that failed, and why.
    pub fn failed(how: How, why: &str, from: IpAddr, at: DateTime<Utc>) -> Self {
        Self {
            at,
            what: "sign-in-failed".to_owned(),
            subject: String::new(),
            how: how.as_str().to_owned(),
            id: String::new(),
            about: why.to_owned(),
            from: Some(from),
        }
    }

    /// The same with the address it came from.
    #[must_use]
    pub fn coming_from(self, address: IpAddr) -> Self {
        Self { from: Some(address), ..self }
    }
}

/// Writes an event. What cannot be written down is not done: callers write first.
///
/// # Errors
/// A [`Problem`] when the store fails.
pub async fn write(store: &dyn Store, event: &Event) -> Result<(), Problem> {
    let name = random_name::<9>().ok_or_else(Problem::no_chance)?;
    let at = event.at;
    let end = if event.what == "sign-in-failed" { FAILED } else { ".jsonl" };
    let key = format!("{FOLDER}date={}/{}-{name}{end}", at.format("%Y-%m-%d"), at.format("%H%M%S%3f"));
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    tracing::info!(what = event.what, subject = event.subject, about = event.about, "audit");
    store.put_new(&key, Bytes::from(line)).await?;
    Ok(())
}

/// The newest events of a day of one kind, at most so many, the newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn of_day(store: &dyn Store, day: lake::Day, of: Of, most: usize) -> Result<Vec<Event>, StoreError> {
    let folder = format!("{FOLDER}date={day}/");
    let mut names = store.list_names(&folder).await?;
    names.reverse();
    let mut events = Vec::new();
    let is_of = |name: &String| name.ends_with(FAILED) == (of == Of::Failures);
    for name in names.into_iter().filter(is_of).take(most) {
        let object = store.get(&format!("{folder}{name}")).await?;
        events.extend(serde_json::from_slice::<Event>(&object));
    }
    Ok(events)
}
