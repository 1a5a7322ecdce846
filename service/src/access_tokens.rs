//! Tokens of ours: `emp_ID_SECRET`, of which the bucket keeps the SHA-256 of the secret alone.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use lake::{Store, StoreError};
use serde::{Deserialize, Serialize};
use types::ClusterId;

use crate::access_rules::{Limit, Role, Scope};
use crate::identity::{How, Identity, plain};
use crate::read_cache::Cached;
use crate::sealed_values::{random, random_name, same};
use crate::stored_records::Records;

/// Prefix of every token, by which scanners for secrets find it.
const MARK: &str = "emp_";
/// Where tokens lie.
const TOKENS: Records = Records { folder: "service/tokens/", digits: 16 };
/// Time for which what is known of a token is trusted: a revoked one is refused after that at the latest.
pub const TRUSTED: TimeDelta = TimeDelta::seconds(30);
/// Time for which a token that is not there is not asked for again.
const ABSENT: TimeDelta = TimeDelta::seconds(10);

/// Purpose of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A collector brings the hours of one cluster.
    Ingest {
        /// The cluster.
        cluster: ClusterId,
    },
    /// A program reads what the token's maker may see.
    Api {
        /// The rules of the maker, by name.
        rules: Vec<String>,
        /// Limit it is narrowed to.
        limit: Limit,
        /// The most it may do.
        most: Role,
    },
    /// A link that somebody shared.
    Share {
        /// The rules of the maker, by name.
        rules: Vec<String>,
        /// Limit it is narrowed to.
        limit: Limit,
        /// The page it opens.
        #[serde(default = "costs")]
        view: String,
    },
}

/// What a link opens that names nothing.
fn costs() -> String {
    "/costs".to_owned()
}

/// A token as the bucket keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Names it.
    pub id: String,
    /// Purpose.
    pub kind: Kind,
    /// SHA-256 of its secret, in hexadecimal.
    pub sha256: String,
    /// Title.
    pub note: String,
    /// Who made it.
    pub by: String,
    /// When.
    pub since: DateTime<Utc>,
    /// When it ends.
    pub until: DateTime<Utc>,
    /// When it was revoked.
    pub revoked: Option<DateTime<Utc>>,
}

impl Token {
    /// Returns true when it holds.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        self.revoked.is_none() && now < self.until
    }

    /// The one who has it.
    pub fn identity(&self) -> Identity {
        let (how, rules, limit, most) = match &self.kind {
            Kind::Ingest { .. } => (How::Collector, Vec::new(), Limit::default(), None),
            Kind::Api { rules, limit, most } => (How::Token, rules.clone(), limit.clone(), Some(*most)),
            Kind::Share { rules, limit, .. } => (How::Share, rules.clone(), limit.clone(), Some(Role::Viewer)),
        };
        let subject = match &self.kind {
            Kind::Ingest { cluster } => format!("collector of {cluster}"),
            Kind::Api { .. } => format!("token {}", self.id),
            Kind::Share { .. } => format!("link {}", self.id),
        };
        Identity { subject, how, id: self.id.clone(), rules, limit, most, since: self.since, until: self.until }
    }
}

/// A token that was just made.
#[derive(Debug)]
pub struct Issued {
    /// As the bucket keeps it.
    pub token: Token,
    /// Secret that its owner gets, once.
    pub secret: String,
}

/// The tokens in the bucket.
#[derive(Debug)]
pub struct Tokens {
    known: Cached<Token>,
    /// Ids of no token, apart from the others: made-up ones must not push those out.
    absent: Cached<()>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { known: Cached::new(4096, TRUSTED), absent: Cached::new(4096, ABSENT) }
    }
}

impl Tokens {
    /// Makes a token.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be kept.
    pub async fn issue(
        &self,
        store: &dyn Store,
        kind: Kind,
        (by, note): (&str, &str),
        (now, until): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Issued, StoreError> {
        let failed = || TOKENS.failed(store, "no random numbers, or a name that is taken");
        let (Some(id), Some(secret)) = (random::<8>(), random_name::<32>()) else { return Err(failed()) };
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let sha256 = lake::digest(secret.as_bytes());
        let (note, by) = (plain(note), plain(by));
        let token = Token { id: id.clone(), kind, sha256, note, by, since: now, until, revoked: None };
        // By swap, since a token is an object that may change: it can be revoked.
        if !store.swap(&TOKENS.key(&id), None, text(&token), "application/json").await? {
            return Err(failed());
        }
        self.absent.forget(&id);
        Ok(Issued { token, secret: format!("{MARK}{id}_{secret}") })
    }

    /// Returns true when [`Self::check`] asks the store nothing about this secret, or asks it again at most.
    pub fn knows(&self, secret: &str, now: DateTime<Utc>) -> bool {
        let id = secret.strip_prefix(MARK).and_then(|rest| rest.split_once('_')).map_or("", |(id, _)| id);
        !TOKENS.is_id(id) || self.known.has(id) || self.absent.get(id, now).is_some()
    }

    /// The token that a secret is of, if it holds.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot say.
    pub async fn check(
        &self,
        store: &dyn Store,
        secret: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Token>, StoreError> {
        let Some((id, secret)) = secret.strip_prefix(MARK).and_then(|rest| rest.split_once('_')) else {
            return Ok(None);
        };
        let Some(token) = self.by_id(store, id, now).await? else { return Ok(None) };
        let good = same(&lake::digest(secret.as_bytes()), &token.sha256) && token.holds(now);
        Ok(good.then_some(token))
    }

    /// A token by its id, as it was known a moment ago.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub async fn by_id(&self, store: &dyn Store, id: &str, now: DateTime<Utc>) -> Result<Option<Token>, StoreError> {
        if !TOKENS.is_id(id) {
            return Ok(None);
        }
        if let Some(known) = self.known.get(id, now) {
            return Ok(Some(known));
        }
        if self.absent.get(id, now).is_some() {
            return Ok(None);
        }
        let token = read(store, id).await?;
        match &token {
            Some(token) => self.known.put(id, token.clone(), now),
            None => {
                self.known.forget(id);
                self.absent.put(id, (), now);
            }
        }
        Ok(token)
    }

    /// Ends a token; false when there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, or others change the token again and again.
    pub async fn revoke(&self, store: &dyn Store, id: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        if !TOKENS.is_id(id) {
            return Ok(false);
        }
        for _ in 0..10 {
            let (object, mark) = match store.get_marked(&TOKENS.key(id)).await {
                Ok(found) => found,
                Err(StoreError::NotFound { .. }) => return Ok(false),
                Err(error) => return Err(error),
            };
            let Some(mut token) = parse(&object, id) else { return Ok(false) };
            token.revoked.get_or_insert(now);
            if store.swap(&TOKENS.key(id), Some(&mark), text(&token), "application/json").await? {
                self.known.forget(id);
                return Ok(true);
            }
        }
        Err(TOKENS.failed(store, "another writer was quicker ten times"))
    }

    /// Every token, the newest first. What cannot be read is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn all(&self, store: &dyn Store) -> Result<Vec<Token>, StoreError> {
        let mut tokens = Vec::new();
        for id in TOKENS.ids(store).await? {
            tokens.extend(read(store, &id).await?);
        }
        tokens.sort_by(|a, b| (b.since, &a.id).cmp(&(a.since, &b.id)));
        Ok(tokens)
    }
}

/// The scope of a token.
pub fn scope_of(token: &Token, rules: &[crate::access_rules::Rule]) -> Scope {
    match &token.kind {
        Kind::Ingest { cluster } => Scope::of_collector(cluster.clone()),
        _ => token.identity().scope(rules),
    }
}

async fn read(store: &dyn Store, id: &str) -> Result<Option<Token>, StoreError> {
    match store.get(&TOKENS.key(id)).await {
        Ok(object) => Ok(parse(&object, id)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn parse(object: &Bytes, id: &str) -> Option<Token> {
    serde_json::from_slice::<Token>(object).ok().filter(|token| token.id == id)
}

fn text(token: &Token) -> Bytes {
    serde_json::to_vec_pretty(token).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use lake::store::MemoryStore;

    use super::*;

    fn moment(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
    }

    #[tokio::test]
    async fn a_token_holds_until_it_ends_or_is_revoked_and_its_secret_is_kept_nowhere() {
        let (store, tokens) = (MemoryStore::default(), Tokens::default());
        let kind = Kind::Ingest { cluster: "prod".parse().unwrap() };
        let times = (moment(0), moment(100));
        let Issued { token, secret } = tokens.issue(&store, kind, ("me", "note\n"), times).await.unwrap();
        assert_eq!(token.note, "note");
        let kept = store.get(&TOKENS.key(&token.id)).await.unwrap();
        let bare = secret.rsplit('_').next().unwrap();
        assert!(!String::from_utf8_lossy(&kept).contains(bare));
        assert_eq!(tokens.check(&store, &secret, moment(1)).await.unwrap().as_ref(), Some(&token));
        for wrong in ["", "emp_", &secret[1..], &format!("{secret}x"), &format!("emp_{}_x", token.id), "emp_../x_y"] {
            assert_eq!(tokens.check(&store, wrong, moment(1)).await.unwrap(), None, "{wrong}");
        }
        assert_eq!(tokens.check(&store, &secret, moment(100)).await.unwrap(), None, "ended");
        // Another replica's answer is old for half a minute at most.
        let other = Tokens::default();
        assert!(other.check(&store, &secret, moment(2)).await.unwrap().is_some());
        assert!(tokens.revoke(&store, &token.id, moment(3)).await.unwrap());
        assert_eq!(tokens.check(&store, &secret, moment(3)).await.unwrap(), None);
        assert_eq!(other.check(&store, &secret, moment(40)).await.unwrap(), None);
        assert!(!tokens.revoke(&store, "0123456789abcdef", moment(3)).await.unwrap());
        assert_eq!(tokens.all(&store).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn tokens_that_are_made_up_push_no_good_one_out_and_are_not_asked_for_again_at_once() {
        let (store, tokens) = (MemoryStore::default(), Tokens::default());
        let kind = Kind::Ingest { cluster: "prod".parse().unwrap() };
        let Issued { token, secret } =
            tokens.issue(&store, kind, ("me", "note"), (moment(0), moment(1000))).await.unwrap();
        assert!(!tokens.knows(&secret, moment(0)), "nobody asked for it yet");
        assert!(tokens.check(&store, &secret, moment(1)).await.unwrap().is_some());
        for n in 0..10_000 {
            let made_up = format!("emp_{n:016x}_x");
            assert_eq!(tokens.check(&store, &made_up, moment(1)).await.unwrap(), None);
        }
        assert!(tokens.knows(&secret, moment(1)));
        // Another object under its name is not read as long as the good answer is trusted.
        store.replace(&TOKENS.key(&token.id), "damaged".into(), "").await.unwrap();
        assert!(tokens.check(&store, &secret, moment(2)).await.unwrap().is_some(), "still remembered");
        // What is not there is remembered for a short time, and no longer.
        let absent = "emp_00000000000fffff_x";
        assert!(!tokens.knows(absent, moment(2)));
        assert_eq!(tokens.check(&store, absent, moment(2)).await.unwrap(), None);
        assert!(tokens.knows(absent, moment(3)) && !tokens.knows(absent, moment(13)));
        assert!(tokens.knows("emp_no-id_x", moment(2)) && tokens.knows("", moment(2)), "no store is asked of those");
    }
}
