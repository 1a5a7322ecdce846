//! Why a command did not succeed, and with which exit code it says so.

use std::fmt;
use std::process::ExitCode;

/// A failure of a command.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was asked makes no sense: exit code 2.
    Usage(anyhow::Error),
    /// It could not be done: exit code 1.
    Failed(anyhow::Error),
    /// The answer is no, and the output says why: exit code 1.
    Told,
}

impl Failure {
    /// A failure of usage.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::Usage(error.into())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) | Self::Told => ExitCode::FAILURE,
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) | Self::Failed(error) => write!(f, "{error:#}"),
            Self::Told => f.write_str("see the output"),
        }
    }
}
