//! Versions of the specification that can be written.

use std::fmt;
use std::str::FromStr;

/// A version of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Version {
    /// 1.2, of May 2025.
    #[default]
    V1_2,
    /// 1.3, which has columns for costs that are split.
    V1_3,
}

impl Version {
    /// Every version that can be written.
    pub const ALL: [Self; 2] = [Self::V1_2, Self::V1_3];
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        })
    }
}

/// A version that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("FOCUS `{0}` cannot be written; use 1.2 or 1.3")]
pub struct UnknownVersion(String);

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|version| version.to_string() == text).ok_or_else(|| UnknownVersion(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_named_as_the_specification_names_them() {
        assert_eq!("1.2".parse::<Version>(), Ok(Version::V1_2));
        assert_eq!("1.3".parse::<Version>(), Ok(Version::V1_3));
        assert_eq!("1.4".parse::<Version>().unwrap_err().to_string(), "FOCUS `1.4` cannot be written; use 1.2 or 1.3");
    }
}
