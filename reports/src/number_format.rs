//! Numbers and moments as text: with `types::wording`, which the sentences of an analysis use too, the only place that
//! rounds.
//!
//! Thousands are grouped with commas, a number and its unit are joined by a space that does not
//! break, negative numbers carry a real minus sign (U+2212), and what is not known says so.

use chrono::{DateTime, Utc};
pub(crate) use types::wording::grouped;
pub use types::wording::{UNKNOWN, usd};

/// Joins a number and its unit: a space that never breaks over a line. Not U+202F, which many fonts draw as
/// nothing.
pub const SPACE: char = '\u{a0}';

/// Formats an amount in USD that may not be known.
pub fn usd_or_unknown(amount: Option<f64>) -> String {
    amount.map_or_else(|| UNKNOWN.to_owned(), usd)
}

/// Formats a price per hour with up to four decimals, at least two: `$0.768`, `$4.608`, `$0.10`.
pub fn usd_per_hour(price: f64) -> String {
    if !price.is_finite() {
        return UNKNOWN.to_owned();
    }
    let mut text = grouped(price.abs(), 4);
    while text.ends_with('0') && text.rsplit('.').next().is_some_and(|decimals| decimals.len() > 2) {
        text.pop();
    }
    if price < 0.0 { format!("\u{2212}${text}") } else { format!("${text}") }
}

/// Formats a fraction as percent: one decimal below 100 %, none above.
pub fn percent(fraction: f64) -> String {
    let percent = fraction * 100.0;
    let text = signed(percent, if percent.abs() < 99.95 { 1 } else { 0 });
    if text == UNKNOWN { text } else { format!("{text}{SPACE}%") }
}

/// Formats a round fraction as percent, without decimals that are zero: `20 %`, `12.5 %`, `0.1 %`.
pub(crate) fn percent_round(fraction: f64) -> String {
    percent(fraction).replace(".0", "")
}

/// Formats a fraction as percent without its sign or decimals, for dense tables that name the unit.
pub(crate) fn whole_percent(fraction: f64) -> String {
    signed(fraction * 100.0, 0)
}

/// Formats a fraction that is compared with a small one as percent: two decimals.
pub fn percent_fine(fraction: f64) -> String {
    let text = signed(fraction * 100.0, 2);
    if text == UNKNOWN { text } else { format!("{text}{SPACE}%") }
}

/// Formats a fraction that may not be known as percent.
pub fn percent_or_unknown(fraction: Option<f64>) -> String {
    fraction.map_or_else(|| UNKNOWN.to_owned(), percent)
}

/// Formats a count.
pub fn count(n: u32) -> String {
    grouped(f64::from(n), 0)
}

/// Formats a physical quantity for a sentence: about three digits, no trailing zeros: `1,234`, `56.7`, `16`.
pub fn quantity(value: f64) -> String {
    let text = three_digits(value);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Formats a physical quantity for a column, where trailing zeros keep neighbours alike: `9.40`, `71.0`, `140`.
pub fn three_digits(value: f64) -> String {
    let size = value.abs();
    let decimals = if size >= 99.95 || size == 0.0 {
        0
    } else if size >= 9.995 {
        1
    } else {
        2
    };
    signed(value, decimals)
}

/// Formats a quantity with its unit, which is one word for one thing: `6 slots`, `1 node-hour`, `12 GiB-months`.
pub(crate) fn with_unit(value: f64, unit: &str) -> String {
    format!("{}{SPACE}{}", quantity(value), unit_of(value, unit))
}

/// The unit alone, as it goes with a quantity: `slots`, `node-hour`.
pub(crate) fn unit_of(value: f64, unit: &str) -> String {
    let is_counted = ["hour", "month", "slot", "node", "day"].iter().any(|word| unit.ends_with(word));
    format!("{unit}{}", if is_counted && quantity(value) != "1" { "s" } else { "" })
}

/// Formats with one decimal, for columns of comparable numbers: `2.0`, `43.6`; `<0.1` for what is there but less.
pub fn tenths(value: f64) -> String {
    if value > 0.0 && value < 0.05 { "<0.1".to_owned() } else { signed(value, 1) }
}

/// A count as a number to reckon with; nothing on a page is counted beyond what this holds.
pub(crate) fn number(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

/// Formats a count of hours with its unit: `720 hours`, `1 hour`.
pub fn hours(n: u32) -> String {
    format!("{}{SPACE}{}", count(n), if n == 1 { "hour" } else { "hours" })
}

/// Formats CPU with its unit.
pub fn cores(value: f64) -> String {
    format!("{}{SPACE}cores", quantity(value))
}

/// Formats memory given in GiB with its unit, in TiB from 10 TiB on.
pub fn gib(value: f64) -> String {
    const GIB_PER_TIB: f64 = 1024.0;
    if value.abs() >= 10.0 * GIB_PER_TIB {
        format!("{}{SPACE}TiB", quantity(value / GIB_PER_TIB))
    } else {
        format!("{}{SPACE}GiB", quantity(value))
    }
}

/// Formats a date: `3 Jun 2025`.
pub(crate) fn date(day: chrono::NaiveDate) -> String {
    day.format("%-d %b %Y").to_string()
}

/// Formats the day of a moment: `3 Jun 2025`.
pub fn day(moment: DateTime<Utc>) -> String {
    date(moment.date_naive())
}

/// Formats a date given as text: `2025-06-03` as `3 Jun 2025`, anything else as it is.
pub fn date_text(date: &str) -> String {
    let parsed = chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d");
    parsed.map_or_else(|_| date.to_owned(), self::date)
}

/// Formats a moment in UTC, without the time where it is midnight: `3 Jun 2025`, `3 Jun 2025 14:00`.
pub fn moment(moment: DateTime<Utc>) -> String {
    if moment.timestamp().rem_euclid(86_400) == 0 { day(moment) } else { moment.format("%-d %b %Y %H:%M").to_string() }
}

/// Formats a share as a CSS length between `0%` and `100%`.
pub(crate) fn css_percent(fraction: f64) -> String {
    if fraction.is_finite() { format!("{:.2}%", fraction.clamp(0.0, 1.0) * 100.0) } else { "0%".to_owned() }
}

/// Formats with a real minus sign; what rounds to zero has none.
fn signed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return UNKNOWN.to_owned();
    }
    let text = grouped(value.abs(), decimals);
    let is_zero = text.chars().all(|c| matches!(c, '0' | '.'));
    if value < 0.0 && !is_zero { format!("\u{2212}{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_one_word_for_one_thing() {
        for (value, unit, expect) in [
            (6.0, "slot", "6\u{a0}slots"),
            (1.0, "node-hour", "1\u{a0}node-hour"),
            (10_842.8, "pod-hour", "10,843\u{a0}pod-hours"),
            (703.0, "node-hours", "703\u{a0}node-hours"),
            (3.0, "USD on-demand", "3\u{a0}USD on-demand"),
        ] {
            assert_eq!(with_unit(value, unit), expect);
        }
    }

    #[test]
    fn money_is_rounded_once_and_keeps_its_sign() {
        for (amount, expect) in [
            (0.0, "$0"),
            (0.004, "$0"),
            (-0.004, "$0"),
            (9.987, "$9.99"),
            (9.996, "$10"),
            (72.4, "$72"),
            (1234.5, "$1,234"),
            (1_234_567.8, "$1,234,568"),
            (-4321.0, "\u{2212}$4,321"),
            (f64::NAN, "not known"),
        ] {
            assert_eq!(usd(amount), expect, "{amount}");
        }
        assert_eq!(usd_or_unknown(None), "not known");
    }

    #[test]
    fn a_unit_price_keeps_what_tells_types_apart() {
        for (price, expect) in [(0.768, "$0.768"), (4.608, "$4.608"), (0.1, "$0.10"), (0.0416, "$0.0416")] {
            assert_eq!(usd_per_hour(price), expect);
        }
    }

    #[test]
    fn shares_and_quantities_have_no_false_digits() {
        for (fraction, expect) in [
            (0.3127, "31.3\u{a0}%"),
            (-0.05, "\u{2212}5.0\u{a0}%"),
            (1.5, "150\u{a0}%"),
            (0.9996, "100\u{a0}%"),
            (-0.0001, "0.0\u{a0}%"),
        ] {
            assert_eq!(percent(fraction), expect, "{fraction}");
        }
        for (value, expect) in [
            (0.0, "0"),
            (0.891, "0.89"),
            (56.66, "56.7"),
            (1234.4, "1,234"),
            (9.999, "10"),
            (16.04, "16"),
            (100.0, "100"),
        ] {
            assert_eq!(quantity(value), expect, "{value}");
        }
        assert_eq!([9.4, 71.0, 140.2, 0.0].map(three_digits), ["9.40", "71.0", "140", "0"]);
        assert_eq!([0.0, 0.01, 0.06, 512.0].map(tenths), ["0.0", "<0.1", "0.1", "512.0"]);
        assert_eq!(hours(1), "1\u{a0}hour");
        assert_eq!(hours(720), "720\u{a0}hours");
        assert_eq!(gib(20_480.0), "20\u{a0}TiB");
        assert_eq!(cores(f64::INFINITY), "not known\u{a0}cores");
    }

    #[test]
    fn midnight_is_written_as_the_day() {
        let midnight = DateTime::from_timestamp(1_748_736_000, 0).unwrap();
        assert_eq!(moment(midnight), "1 Jun 2025");
        assert_eq!(moment(midnight + chrono::TimeDelta::hours(5)), "1 Jun 2025 05:00");
    }
}
