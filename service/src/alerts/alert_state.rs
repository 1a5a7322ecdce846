//! What a rule found on a cluster, as the bucket keeps it: changed by compare-and-swap, so that replicas agree.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lake::store::get_many;
use lake::{Store, StoreError};
use serde::{Deserialize, Serialize};
use types::ClusterId;

use super::measured_value::Measured;
use super::rule::Condition;
use crate::stored_records::{Records, text};
use crate::what_if_queue::Lease;

const ALERTS: Records = Records { folder: "service/alerts/", digits: 32 };
/// How often a message is tried.
const MOST_TRIES: u32 = 8;
/// Records that are listed.
const MOST_LISTED: usize = 2000;

/// Whether a limit is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It is kept.
    Ok,
    /// It is crossed.
    Firing,
}

/// A message that is still to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// What it tells: that the limit is crossed, or kept again.
    pub(crate) tells: State,
    /// Those who are still to be told.
    pub(crate) to: Vec<String>,
    /// How often it was tried.
    pub(crate) tries: u32,
    /// When it may be tried again.
    pub(crate) again: DateTime<Utc>,
    /// Who is sending it.
    pub(crate) lease: Option<Lease>,
}

/// What a rule found on a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Names it.
    pub(crate) id: String,
    /// The rule, by name.
    pub(crate) rule: String,
    /// The cluster.
    pub(crate) cluster: ClusterId,
    /// Whether the limit is kept.
    pub(crate) state: State,
    /// Since when.
    pub(crate) since: DateTime<Utc>,
    /// The last value that was known.
    pub(crate) value: Option<f64>,
    /// Currency of an amount.
    pub(crate) currency: Option<String>,
    /// The limit it was compared with.
    pub(crate) limit: f64,
    /// Why nothing is known now; the state is the last one that was.
    pub(crate) unknown: Option<String>,
    /// A message that is still to be sent.
    pub(crate) message: Option<Message>,
    /// Those whose last message did not arrive, and why.
    #[serde(default)]
    pub(crate) failed: Vec<(String, String)>,
}

/// The id of a rule's record on a cluster: a hash, so that any name of a rule is a key.
pub(super) fn id(rule: &str, cluster: &ClusterId) -> String {
    let digest = lake::digest(format!("{rule}\n{cluster}").as_bytes());
    digest.chars().take(ALERTS.digits).collect()
}

impl Record {
    /// The record of a rule that was never checked on a cluster.
    pub(super) fn new(rule: &str, cluster: &ClusterId, now: DateTime<Utc>) -> Self {
        Self {
            id: id(rule, cluster),
            rule: rule.to_owned(),
            cluster: cluster.clone(),
            state: State::Ok,
            since: now,
            value: None,
            currency: None,
            limit: 0.0,
            unknown: None,
            message: None,
            failed: Vec::new(),
        }
    }

    /// The record after something was found. What is not known changes no state: a report that is missing resolves nothing.
    /// A message replaces one that was not sent: whoever was not told that a limit is crossed is not told that it is kept.
    pub(super) fn after(
        &self,
        found: &Measured,
        condition: Condition,
        recipients: &[String],
        (owner, now): (&str, DateTime<Utc>),
    ) -> Self {
        let mut next = Self { limit: condition.limit(), ..self.clone() };
        let (value, currency) = match found {
            Measured::Value(value, currency) => (*value, currency),
            Measured::Unknown(why) => {
                next.unknown = Some(why.clone());
                return next;
            }
        };
        (next.value, next.currency, next.unknown) = (Some(value), currency.clone(), None);
        let state = if condition.is_crossed(value) { State::Firing } else { State::Ok };
        if state == self.state {
            return next;
        }
        (next.state, next.since) = (state, now);
        let untold = self.message.as_ref().filter(|message| message.tells == State::Firing);
        let to: Vec<String> = match state {
            State::Firing => recipients.to_vec(),
            State::Ok => {
                let told = |name: &&String| untold.is_none_or(|message| !message.to.contains(*name));
                recipients.iter().filter(told).cloned().collect()
            }
        };
        let lease = Some(Lease::of(owner, now));
        next.message = (!to.is_empty()).then_some(Message { tells: state, to, tries: 0, again: now, lease });
        next
    }

    /// Takes the message for a replica, if it is anybody's to send now.
    pub(super) fn taken(&self, owner: &str, now: DateTime<Utc>) -> Option<Self> {
        let message = self.message.as_ref()?;
        let held = message.lease.as_ref().is_some_and(|lease| lease.holds(now));
        if held || message.again > now {
            return None;
        }
        let lease = Some(Lease::of(owner, now));
        Some(Self { message: Some(Message { lease, ..message.clone() }), ..self.clone() })
    }

    /// The record after its message was tried: those who could not be told are tried again, later and later, and in the end
    /// given up.
    pub(super) fn tried(&self, failed: Vec<(String, String)>, now: DateTime<Utc>) -> Self {
        let mut next = Self { failed, ..self.clone() };
        let Some(message) = next.message.as_mut() else { return next };
        message.to = next.failed.iter().map(|(name, _)| name.clone()).collect();
        message.tries += 1;
        message.lease = None;
        message.again = now + TimeDelta::minutes(1_i64 << message.tries.min(6));
        if message.to.is_empty() || message.tries >= MOST_TRIES {
            next.message = None;
        }
        next
    }
}

/// A record and the mark of its content; `None` where there is none or it cannot be read.
pub(super) async fn read(store: &dyn Store, id: &str) -> Result<(Option<Record>, Option<String>), StoreError> {
    match store.get_marked(&ALERTS.key(id)).await {
        Ok((object, mark)) => Ok((parse(&object, id), Some(mark))),
        Err(StoreError::NotFound { .. }) => Ok((None, None)),
        Err(error) => Err(error),
    }
}

fn parse(object: &[u8], id: &str) -> Option<Record> {
    serde_json::from_slice::<Record>(object).ok().filter(|record| record.id == id)
}

/// Writes a record if nobody else did since it was read.
pub(super) async fn write(store: &dyn Store, record: &Record, mark: Option<&str>) -> Result<bool, StoreError> {
    store.swap(&ALERTS.key(&record.id), mark, text(record), "application/json").await
}

/// The records there are.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn all(store: &Arc<dyn Store>) -> Result<Vec<Record>, StoreError> {
    let mut ids = ALERTS.ids(store.as_ref()).await?;
    ids.truncate(MOST_LISTED);
    let mut reads = get_many(store, ids.iter().map(|id| ALERTS.key(id)).collect());
    let mut records = Vec::new();
    for id in &ids {
        match reads.next().await {
            Some((_, Ok(object))) => records.extend(parse(&object, id)),
            Some((_, Err(StoreError::NotFound { .. }))) | None => {}
            Some((_, Err(error))) => return Err(error),
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + 60 * minutes, 0).unwrap()
    }

    fn new() -> Record {
        Record::new("budget", &"prod".parse().unwrap(), at(0))
    }

    fn found(record: &Record, value: Option<f64>, minute: i64) -> Record {
        let found = match value {
            Some(value) => Measured::Value(value, Some("USD".to_owned())),
            None => Measured::Unknown("no report".to_owned()),
        };
        let everybody = ["a".to_owned(), "b".to_owned()];
        record.after(&found, Condition::CostAbove(10.0), &everybody, ("me", at(minute)))
    }

    #[test]
    fn a_limit_that_is_crossed_is_told_once_and_so_is_that_it_is_kept_again() {
        let kept = found(&new(), Some(5.0), 1);
        assert_eq!((kept.state, &kept.message), (State::Ok, &None), "nobody is told that all is well");
        let crossed = found(&kept, Some(11.0), 2);
        let message = crossed.message.clone().unwrap();
        assert_eq!((crossed.state, crossed.since, message.to.len()), (State::Firing, at(2), 2));
        let sent = crossed.tried(Vec::new(), at(2));
        assert_eq!(sent.message, None);
        assert_eq!(found(&sent, Some(12.0), 3).message, None, "it is told once");
        let unknown = found(&sent, None, 4);
        assert_eq!((unknown.state, unknown.unknown.as_deref()), (State::Firing, Some("no report")));
        let resolved = found(&unknown, Some(9.0), 5);
        assert_eq!((resolved.state, &resolved.unknown), (State::Ok, &None));
        assert_eq!(resolved.message.unwrap().tells, State::Ok);
    }

    #[test]
    fn whoever_was_not_told_of_the_first_is_not_told_of_the_second() {
        let crossed = found(&new(), Some(11.0), 1);
        assert_eq!(found(&crossed, Some(9.0), 2).message, None, "nobody was told");
        let half = crossed.tried(vec![("b".to_owned(), "refused".to_owned())], at(1));
        assert_eq!(half.message.as_ref().unwrap().to, ["b"]);
        assert_eq!(found(&half, Some(9.0), 2).message.unwrap().to, ["a"]);
    }

    #[test]
    fn a_message_is_one_replicas_until_its_lease_ends_and_is_given_up_in_the_end() {
        let mut record = found(&new(), Some(11.0), 0);
        assert_eq!(record.taken("other", at(1)), None, "whoever changed the record sends its message");
        let taken = record.taken("other", at(2)).unwrap();
        assert_eq!(taken.message.unwrap().lease.unwrap().owner, "other");
        let (mut minute, mut tries) = (0, 0);
        while record.message.is_some() {
            record = record.tried(vec![("a".to_owned(), "503".to_owned())], at(minute));
            tries += 1;
            if let Some(message) = &record.message {
                assert_eq!(record.taken("other", message.again - TimeDelta::seconds(1)), None);
                minute = (message.again - at(0)).num_minutes();
                assert!(record.taken("other", message.again).is_some());
            }
        }
        assert_eq!((tries, record.failed.len()), (MOST_TRIES, 1), "why is kept");
        assert!(minute > 60, "{minute}");
    }

    #[test]
    fn any_name_of_a_rule_is_a_key_of_its_own() {
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        let ids = [id("x", &a), id("x", &b), id("../x", &a), id("x\na", &b)];
        assert!(ids.iter().all(|id| ALERTS.is_id(id)), "{ids:?}");
        assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), ids.len());
    }
}
