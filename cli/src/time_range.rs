//! The range of time a command works on.

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use collector::args::SETTLE_MINUTES;
use types::Window;
use types::time_parsing::parse_moment;

use crate::exit_codes::Failure;

/// Time after its end at which an hour is collected.
pub(crate) const SETTLE: TimeDelta = TimeDelta::minutes(SETTLE_MINUTES);

/// Start and end of a range of time.
#[derive(Debug, Clone, Args)]
pub(crate) struct RangeArgs {
    /// Start of the range: RFC 3339, a date, or a span before now such as 36h, 30d, 4w
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,

    /// End of the range, in the same forms
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
}

/// Start and end, each `None` when open.
type OpenRange = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

impl RangeArgs {
    /// Parses the range; an open end is `None`.
    pub(crate) fn moments(&self, now: DateTime<Utc>) -> Result<OpenRange, Failure> {
        let parse = |text: &Option<String>| text.as_deref().map(|t| parse_moment(t, now)).transpose();
        Ok((parse(&self.from).map_err(Failure::usage)?, parse(&self.to).map_err(Failure::usage)?))
    }

    /// Parses the range; an open start is the beginning of time and an open end is now. `None` when both are open.
    pub(crate) fn open(&self, now: DateTime<Utc>) -> Result<Option<Window>, Failure> {
        let window = match self.moments(now)? {
            (None, None) => return Ok(None),
            (from, to) => Window::try_new(from.unwrap_or(DateTime::UNIX_EPOCH), to.unwrap_or(now)),
        };
        window.map(Some).map_err(Failure::usage)
    }

    /// The closed hours from `from`, or `reach` before now, to `to`, or now.
    pub(crate) fn closed(&self, now: DateTime<Utc>, reach: TimeDelta) -> Result<Window, Failure> {
        let (from, to) = self.moments(now)?;
        // No server has samples of before 1970, and some refuse to be asked for them.
        let (from, to) = (from.unwrap_or(now - reach).max(DateTime::UNIX_EPOCH), to.unwrap_or(now));
        let window = Window::try_new(from, to).map_err(Failure::usage)?;
        let closed = window.closed_at(now, SETTLE).filter(|closed| closed.hours().next().is_some());
        closed.ok_or_else(|| {
            Failure::from(anyhow::anyhow!(
                "no hour from {from} to {to} is closed at {}; an hour can be collected {} minutes after its end",
                now.format("%Y-%m-%d %H:%M UTC"),
                SETTLE.num_minutes()
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: Option<&str>, to: Option<&str>) -> Result<usize, String> {
        let now = DateTime::parse_from_rfc3339("2026-07-01T12:04:00Z").unwrap().with_timezone(&Utc);
        let args = RangeArgs { from: from.map(ToOwned::to_owned), to: to.map(ToOwned::to_owned) };
        match args.closed(now, TimeDelta::days(10)) {
            Ok(window) => Ok(window.hours().count()),
            Err(failure @ Failure::Usage(_)) => Err(format!("usage: {failure}")),
            Err(failure) => Err(failure.to_string()),
        }
    }

    #[test]
    fn only_closed_hours_are_in_range() {
        // 11:00 to 12:00 settles at 12:05.
        assert_eq!(check(Some("2026-07-01T00:00:00Z"), None), Ok(11));
        assert_eq!(check(Some("2026-07-01T00:00:00Z"), Some("2026-07-02")), Ok(11));
        assert_eq!(check(None, Some("2026-07-01")), Ok(227));
    }

    #[test]
    fn a_range_without_a_closed_hour_says_so() {
        assert!(
            check(Some("2026-07-02"), Some("2026-07-03")).unwrap_err().contains("is closed at 2026-07-01 12:04 UTC")
        );
        assert!(check(Some("2026-07-03"), Some("2026-07-02")).unwrap_err().starts_with("usage: the range"));
        assert!(check(Some("soon"), None).unwrap_err().starts_with("usage: `soon` is not a time"));
    }
}
