//! Sessions that were ended before their time.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use lake::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::cache::Cached;
use crate::identity::Identity;
use crate::problem::Problem;
use crate::tokens::TRUSTED;

const KEY: &str = "service/revoked.json";
/// The longest a session may last; who was revoked before that has none left.
const LONGEST: TimeDelta = TimeDelta::days(31);

/// Revocations, each with its time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct List {
    /// Sessions, by id.
    #[serde(default)]
    sessions: BTreeMap<String, DateTime<Utc>>,
    /// People: every session from before that moment.
    #[serde(default)]
    subjects: BTreeMap<String, DateTime<Utc>>,
}

/// Thing to revoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of<'a> {
    /// One session, by id.
    Session(&'a str),
    /// Everything somebody has now.
    Subject(&'a str),
}

/// The list, as it was a moment ago.
#[derive(Debug)]
pub struct Revoked {
    known: Cached<List>,
}

impl Default for Revoked {
    fn default() -> Self {
        Self { known: Cached::new(1, TRUSTED) }
    }
}

impl Revoked {
    /// Returns true when a session was ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot say; nobody is let in then.
    pub async fn includes(&self, store: &dyn Store, who: &Identity, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let list = match self.known.get(KEY, now) {
            Some(list) => list,
            None => {
                let (list, _) = read(store).await?;
                self.known.put(KEY, list.clone(), now);
                list
            }
        };
        let before = list.subjects.get(&who.subject).is_some_and(|moment| who.since <= *moment);
        Ok(before || list.sessions.contains_key(&who.id))
    }

    /// Ends a session, or all that somebody has.
    ///
    /// # Errors
    /// A [`Problem`] when the store fails or others change the list again and again.
    pub async fn revoke(&self, store: &dyn Store, of: Of<'_>, now: DateTime<Utc>) -> Result<(), Problem> {
        for _ in 0..10 {
            let (mut list, mark) = read(store).await?;
            list.sessions.retain(|_, moment| now - *moment < LONGEST);
            list.subjects.retain(|_, moment| now - *moment < LONGEST);
            match of {
                Of::Session(id) => list.sessions.insert(id.to_owned(), now),
                Of::Subject(subject) => list.subjects.insert(subject.to_owned(), now),
            };
            let text: Bytes = serde_json::to_vec_pretty(&list).unwrap_or_default().into();
            if store.swap(KEY, mark.as_deref(), text, "application/json").await? {
                self.known.forget(KEY);
                return Ok(());
            }
        }
        Err(Problem::new(axum::http::StatusCode::CONFLICT, "others change the same list; try again"))
    }
}

/// The list and its mark. One that cannot be read is an error: it might have named somebody.
async fn read(store: &dyn Store) -> Result<(List, Option<String>), StoreError> {
    match store.get_marked(KEY).await {
        Ok((object, mark)) => match serde_json::from_slice(&object) {
            Ok(list) => Ok((list, Some(mark))),
            Err(error) => Err(StoreError::Failed {
                action: "read",
                key: KEY.to_owned(),
                store: store.location(),
                hint: "; put back what it was, or delete it to let everybody in again".to_owned(),
                source: Box::new(error),
            }),
        },
        Err(StoreError::NotFound { .. }) => Ok((List::default(), None)),
        Err(error) => Err(error),
    }
}
