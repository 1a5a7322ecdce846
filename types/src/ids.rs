//! Identifiers that become part of object keys, checked before they can.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a cluster in the lake: 1 to 63 of `a-z`, `0-9` and `-`, not starting with `-`.
///
/// It becomes a path segment, so nothing that could climb out of a prefix is accepted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterId(String);

/// Why a cluster id was rejected.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "cluster id `{given}` is not valid; use 1 to 63 characters of a-z, 0-9 and `-`, starting with a letter or digit"
)]
pub struct InvalidClusterId {
    given: String,
}

impl ClusterId {
    /// The longest accepted id, in bytes: that of a DNS label.
    pub const MAX_LEN: usize = 63;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClusterId {
    type Err = InvalidClusterId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let valid =
            !text.is_empty() && text.len() <= Self::MAX_LEN && !text.starts_with('-') && text.chars().all(allowed);
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidClusterId { given: text.chars().take(80).collect() }) }
    }
}

impl TryFrom<String> for ClusterId {
    type Error = InvalidClusterId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ClusterId> for String {
    fn from(id: ClusterId) -> Self {
        id.0
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, valid: bool) {
        assert_eq!(text.parse::<ClusterId>().is_ok(), valid, "{text:?}");
    }

    #[test]
    fn ids_that_could_leave_their_prefix_are_rejected() {
        check("prod-eu-1", true);
        check("0", true);
        check(&"a".repeat(63), true);
        check(&"a".repeat(64), false);
        for hostile in ["", "-a", "..", "a/b", "a=b", "Prod", "a b", "a\0", "ä", "a%2fb"] {
            check(hostile, false);
        }
    }

    #[test]
    fn the_error_names_the_id_and_what_is_allowed() {
        let error = "../x".parse::<ClusterId>().unwrap_err().to_string();
        assert!(error.contains("`../x`") && error.contains("1 to 63"), "{error}");
    }
}
