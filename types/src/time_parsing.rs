//! Times as people write them: RFC 3339, or a span before now such as `30d`.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// Why a text is not a time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{given}` is not a time; use RFC 3339 such as 2026-07-01T00:00:00Z, a date such as 2026-07-01, or a span before now such as 36h, 30d or 4w"
)]
pub struct InvalidMoment {
    given: String,
}

/// Reads a moment: RFC 3339, a date (its midnight, UTC), or a span before `now`.
///
/// # Errors
/// [`InvalidMoment`] when it is none of these.
pub fn parse_moment(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, InvalidMoment> {
    let invalid = || InvalidMoment { given: text.to_owned() };
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(moment.with_timezone(&Utc));
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    let span = parse_span(text).ok_or_else(invalid)?;
    now.checked_sub_signed(span).ok_or_else(invalid)
}

/// Reads a span: a whole number and one of `m`, `h`, `d`, `w`; `None` for anything else.
pub fn parse_span(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.parse::<u32>().ok()?.into();
    match unit {
        'm' => TimeDelta::try_minutes(count),
        'h' => TimeDelta::try_hours(count),
        'd' => TimeDelta::try_days(count),
        'w' => TimeDelta::try_weeks(count),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        let now = DateTime::parse_from_rfc3339("2026-07-31T12:00:00Z").unwrap().with_timezone(&Utc);
        let got = parse_moment(text, now).ok().map(|m| m.format("%Y-%m-%dT%H:%M").to_string());
        assert_eq!(got.as_deref(), expect, "{text:?}");
    }

    #[test]
    fn moments_are_absolute_or_before_now() {
        check("2026-07-01T02:00:00+02:00", Some("2026-07-01T00:00"));
        check("2026-07-01", Some("2026-07-01T00:00"));
        check("30d", Some("2026-07-01T12:00"));
        check("36h", Some("2026-07-30T00:00"));
        check("1w", Some("2026-07-24T12:00"));
        check("90m", Some("2026-07-31T10:30"));
        for bad in ["", "d", "-3d", "3", "3y", "yesterday", "99999999999w", "4294967295w", "é"] {
            check(bad, None);
        }
    }
}
