//! Failures of commands and their exit codes.

use std::fmt;
use std::process::ExitCode;

/// Exit code of wrong usage.
pub(crate) const USAGE: u8 = 2;

/// A failure of a command.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong usage, which a file named on the command line that cannot be read or is not valid is too: exit code 2.
    Usage(anyhow::Error),
    /// An error while running: exit code 1.
    Failed(anyhow::Error),
    /// A negative result that the output already explains: exit code 1.
    Told,
}

impl Failure {
    /// Wraps an error as wrong usage.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::Usage(error.into())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(USAGE),
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
