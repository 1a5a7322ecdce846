//! Moments as exports write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// Reads `2026-07-01T00:00:00Z`, the same with fractions or a space, or a day; as seconds since the epoch, in UTC.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.timestamp());
    }
    let text = text.strip_suffix(" UTC").unwrap_or(text).trim_end_matches('Z');
    for form in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
        if let Ok(moment) = NaiveDateTime::parse_from_str(text, form) {
            return Some(moment.and_utc().timestamp());
        }
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp())
}

/// A moment of these seconds, for people: `2026-07-01 00:00`.
pub(crate) fn shown(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).map(|at| at.format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_an_export_writes_a_moment_is_read() {
        for text in [
            "2026-07-01T00:00:00Z",
            "2026-07-01T00:00:00.000Z",
            "2026-07-01 00:00:00.000",
            "2026-07-01 00:00:00 UTC",
            "2026-07-01",
            "2026-07-01T02:00:00+02:00",
        ] {
            assert_eq!(seconds(text), Some(1_782_864_000), "{text}");
        }
        assert_eq!(seconds("July"), None);
        assert_eq!(seconds(""), None);
        assert_eq!(shown(1_782_864_000), "2026-07-01 00:00");
    }
}
