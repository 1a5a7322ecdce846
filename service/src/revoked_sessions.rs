//! Sessions that were ended before their time.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use lake::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::access_tokens::TRUSTED;
use crate::identity::Identity;
use crate::problem::Problem;
use crate::read_cache::Cached;

const KEY: &str = "service/revoked.json";
/// The longest a session may last; one that was revoked before that has ended by itself.
const LONGEST: TimeDelta = TimeDelta::days(31);

/// Revocations, each with its time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct List {
    /// Sessions, by id.
    #[serde(default)]
    sessions: BTreeMap<String, DateTime<Utc>>,
    /// People: every session and JWT from before that moment. They stay, since a JWT may hold for as long as its issuer
    /// likes.
    #[serde(default)]
    subjects: BTreeMap<String, DateTime<Utc>>,
    /// People who are kept out until an administrator lets them in again, where nothing says since when they are signed
    /// in.
    #[serde(default)]
    kept_out: BTreeMap<String, DateTime<Utc>>,
}

impl List {
    fn includes(&self, who: &Identity) -> bool {
        let ended = match who.since == Identity::UNDATED {
            true => self.kept_out.contains_key(&who.subject),
            false => self.subjects.get(&who.subject).is_some_and(|moment| who.since <= *moment),
        };
        ended || self.sessions.contains_key(&who.id)
    }
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
    /// Returns true when a session was ended, or its person is kept out.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot say; nobody is let in then.
    pub async fn includes(&self, store: &dyn Store, who: &Identity, now: DateTime<Utc>) -> Result<bool, StoreError> {
        if let Some(list) = self.known.get(KEY, now) {
            return Ok(list.includes(who));
        }
        self.includes_by_now(store, who, now).await
    }

    /// The same by the list as it is now, for what outlasts a session.
    ///
    /// # Errors
    /// As [`Self::includes`].
    pub async fn includes_by_now(
        &self,
        store: &dyn Store,
        who: &Identity,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let (list, _) = read(store).await?;
        let included = list.includes(who);
        self.known.put(KEY, list, now);
        Ok(included)
    }

    /// People who are kept out, and since when.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kept_out(&self, store: &dyn Store) -> Result<Vec<(String, DateTime<Utc>)>, StoreError> {
        let (list, _) = read(store).await?;
        Ok(list.kept_out.into_iter().collect())
    }

    /// Ends a session, or all that somebody has. Who comes through a proxy is then kept out, as is whoever has a JWT that
    /// does not say when it was made.
    ///
    /// # Errors
    /// A [`Problem`] when the store fails or others change the list again and again.
    pub async fn revoke(&self, store: &dyn Store, of: Of<'_>, now: DateTime<Utc>) -> Result<(), Problem> {
        let change = |list: &mut List| {
            list.sessions.retain(|_, moment| now - *moment < LONGEST);
            match of {
                Of::Session(id) => {
                    list.sessions.insert(id.to_owned(), now);
                }
                Of::Subject(subject) => {
                    list.subjects.insert(subject.to_owned(), now);
                    list.kept_out.insert(subject.to_owned(), now);
                }
            }
        };
        self.change(store, change).await
    }

    /// Lets somebody in again who is kept out. Sessions that were ended stay so.
    ///
    /// # Errors
    /// As [`Self::revoke`].
    pub async fn let_in(&self, store: &dyn Store, subject: &str) -> Result<(), Problem> {
        let change = |list: &mut List| {
            list.kept_out.remove(subject);
        };
        self.change(store, change).await
    }

    async fn change(&self, store: &dyn Store, change: impl Fn(&mut List)) -> Result<(), Problem> {
        for _ in 0..10 {
            let (mut list, mark) = read(store).await?;
            change(&mut list);
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

#[cfg(test)]
mod tests {
    use lake::store::MemoryStore;

    use super::*;
    use crate::identity::How;

    fn moment(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
    }

    fn ann(how: How, since: DateTime<Utc>) -> Identity {
        let who = Identity::person("ann", how, Vec::new(), moment(0), 1).unwrap();
        Identity { since, ..who }
    }

    #[tokio::test]
    async fn an_end_of_all_sessions_holds_for_every_way_to_come() {
        let (store, revoked) = (MemoryStore::default(), Revoked::default());
        let includes = async |who: &Identity, at| revoked.includes(&store, who, moment(at)).await.unwrap();
        let (proxied, undated) = (ann(How::Proxy, Identity::UNDATED), ann(How::Bearer, Identity::UNDATED));
        let (before, after) = (ann(How::Bearer, moment(10)), ann(How::Bearer, moment(101)));
        for who in [&proxied, &undated, &before] {
            assert!(!includes(who, 0).await);
        }
        revoked.revoke(&store, Of::Subject("ann"), moment(100)).await.unwrap();
        for who in [&proxied, &undated, &before, &ann(How::Oidc, moment(100)), &ann(How::Static, moment(1))] {
            assert!(includes(who, 101).await, "{who:?}");
        }
        assert!(!includes(&after, 102).await, "whoever signed in since is in");
        assert!(!includes(&Identity { subject: "eve".to_owned(), ..proxied.clone() }, 102).await);
        // Not for some days: a JWT may hold for a year, and a proxy never says that somebody signed in again.
        let year = 366 * 24 * 3600;
        revoked.revoke(&store, Of::Session("other"), moment(year)).await.unwrap();
        assert!(includes(&proxied, year).await && includes(&before, year).await);
        assert_eq!(revoked.kept_out(&store).await.unwrap(), [("ann".to_owned(), moment(100))]);
        revoked.let_in(&store, "ann").await.unwrap();
        assert!(!includes(&proxied, year).await && !includes(&undated, year).await);
        assert!(includes(&before, year).await, "what was ended stays ended");
        assert!(revoked.kept_out(&store).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn the_list_as_it_is_now_is_asked_past_what_is_remembered() {
        let (store, here, elsewhere) = (MemoryStore::default(), Revoked::default(), Revoked::default());
        let who = ann(How::Oidc, moment(0));
        assert!(!here.includes(&store, &who, moment(1)).await.unwrap());
        elsewhere.revoke(&store, Of::Subject("ann"), moment(2)).await.unwrap();
        assert!(!here.includes(&store, &who, moment(3)).await.unwrap(), "remembered for half a minute");
        assert!(here.includes_by_now(&store, &who, moment(3)).await.unwrap());
        assert!(here.includes(&store, &who, moment(4)).await.unwrap(), "and then known here too");
    }
}
