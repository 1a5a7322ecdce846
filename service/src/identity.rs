//! Who is asking: a session in a sealed cookie, or a token.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::access_rules::{Limit, Role, Rule, Scope, scope};

/// The purpose sessions are sealed for.
pub(crate) const SESSION: &str = "session";

/// Way in which somebody said who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// With the static token.
    Static,
    /// At the OpenID provider.
    Oidc,
    /// By a link somebody shared.
    Share,
    /// With a token of ours.
    Token,
    /// With a JWT.
    Bearer,
    /// Through a proxy.
    Proxy,
    /// Through a load balancer.
    Alb,
    /// A collector with its token.
    Collector,
}

impl How {
    /// Returns true when a browser sends what shows it with every request, whoever made it send that.
    pub fn is_ambient(self) -> bool {
        matches!(self, Self::Static | Self::Oidc | Self::Share | Self::Proxy | Self::Alb)
    }

    /// Returns true when somebody signed in in a browser, so that whoever asks is that person and no program.
    pub fn is_in_person(self) -> bool {
        matches!(self, Self::Static | Self::Oidc | Self::Proxy | Self::Alb)
    }

    /// The same for people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Static => "the access token",
            Self::Oidc => "single sign-on",
            Self::Share => "a shared link",
            Self::Token => "an API token",
            Self::Bearer => "a JWT",
            Self::Proxy => "a proxy",
            Self::Alb => "the load balancer",
            Self::Collector => "a collector’s token",
        }
    }

    /// The way of this name; `None` for a name of none.
    pub fn named(name: &str) -> Option<Self> {
        use How::{Alb, Bearer, Collector, Oidc, Proxy, Share, Static, Token};
        [Static, Oidc, Share, Token, Bearer, Proxy, Alb, Collector].into_iter().find(|how| how.as_str() == name)
    }

    /// Its name in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Oidc => "oidc",
            Self::Share => "share",
            Self::Token => "token",
            Self::Bearer => "bearer",
            Self::Proxy => "proxy",
            Self::Alb => "alb",
            Self::Collector => "collector",
        }
    }
}

/// Who is asking, and by which rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Who it is, for logs and pages.
    pub subject: String,
    /// Source of the scope.
    pub how: How,
    /// Names a session or a token, so that it can be revoked.
    pub id: String,
    /// The names of the rules that hold.
    pub rules: Vec<String>,
    /// Limit it is narrowed to.
    #[serde(default)]
    pub limit: Limit,
    /// The most it may do.
    #[serde(default)]
    pub most: Option<Role>,
    /// When it was made.
    pub since: DateTime<Utc>,
    /// When it ends.
    pub until: DateTime<Utc>,
}

impl Identity {
    /// The beginning of an identity that does not say when it began: who is said by a proxy anew at each request, or by
    /// a JWT without `iat`. No revocation is older, so one holds until it is lifted.
    pub const UNDATED: DateTime<Utc> = DateTime::UNIX_EPOCH;

    /// A person of these rules, from now for so long.
    pub fn person(subject: &str, how: How, rules: Vec<String>, now: DateTime<Utc>, hours: u32) -> Option<Self> {
        let until = now + TimeDelta::hours(i64::from(hours));
        let id = crate::sealed_values::random_name::<12>()?;
        Some(Self { subject: plain(subject), how, id, rules, limit: Limit::default(), most: None, since: now, until })
    }

    /// Returns true when it still holds.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        now < self.until
    }

    /// Returns what it may see.
    pub fn scope(&self, rules: &[Rule]) -> Scope {
        scope(rules, &self.rules, self.limit.clone(), self.most)
    }
}

/// A name as it may stand in a log and a cookie: no control characters, and not endless.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(200).collect()
}
