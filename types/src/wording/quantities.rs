//! Shares, counts and spans as text for a sentence.

use super::{UNKNOWN, grouped, with_commas};

/// Shows a share of a bill as percent: whole from 10 % on, one decimal below.
pub fn percent_brief(fraction: f64) -> String {
    if !fraction.is_finite() {
        return UNKNOWN.to_owned();
    }
    let percent = fraction.abs() * 100.0;
    let sign = if fraction < 0.0 { "\u{2212}" } else { "" };
    let text = grouped(percent, if percent < 9.95 { 1 } else { 0 });
    format!("{sign}{}\u{a0}%", text.trim_end_matches(".0"))
}

/// Shows a share that may be tiny as percent, to two digits at least: `12.5 %`, `0.13 %`, `0.0094 %`.
pub fn share(fraction: f64) -> String {
    percent_with(fraction, digits(fraction * 100.0))
}

/// Shows a share as percent to two digits beside a limit to the digits it has, with as many more as it takes to see that
/// they differ, and which is more.
pub fn told_apart(value: f64, limit: f64) -> [String; 2] {
    let [of_value, of_limit] = [two_digits(value * 100.0), digits(limit * 100.0)];
    let more = more_digits([value * 100.0, limit * 100.0], [of_value, of_limit]);
    [percent_with(value, of_value + more), percent_with(limit, of_limit + more)]
}

/// Decimals that keep two digits of a number, and of a larger one those before the point.
fn two_digits(number: f64) -> usize {
    if number.abs() >= 9.95 { 0 } else { digits(number) }
}

/// Shows two numbers the same way.
pub(super) fn numbers_apart(a: f64, b: f64) -> [String; 2] {
    let [of_a, of_b] = [a, b].map(digits);
    let more = more_digits([a, b], [of_a, of_b]);
    [number_with(a, of_a + more), number_with(b, of_b + more)]
}

/// Returns the fewest more decimals with which two rounded numbers stand in the order in which the numbers do; none where
/// none are enough.
fn more_digits([a, b]: [f64; 2], [of_a, of_b]: [usize; 2]) -> usize {
    let is_told = |more: &usize| rounded(a, of_a + more).partial_cmp(&rounded(b, of_b + more)) == a.partial_cmp(&b);
    (0..4).find(is_told).unwrap_or(0)
}

/// The number that is shown with so many decimals.
fn rounded(number: f64, decimals: usize) -> Option<f64> {
    format!("{number:.decimals$}").parse().ok()
}

fn percent_with(fraction: f64, decimals: usize) -> String {
    format!("{}\u{a0}%", number_with(fraction * 100.0, decimals))
}

fn number_with(number: f64, decimals: usize) -> String {
    if !number.is_finite() {
        return UNKNOWN.to_owned();
    }
    let text = grouped(number.abs(), decimals);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if number < 0.0 && text != "0" { format!("\u{2212}{text}") } else { text.to_owned() }
}

/// Decimals that keep two digits of a number, or more of a large one.
fn digits(number: f64) -> usize {
    match number.abs() {
        size if size == 0.0 || size >= 99.5 => 0,
        size if size >= 0.995 => 1,
        size if size >= 0.0995 => 2,
        size if size >= 0.00995 => 3,
        _ => 4,
    }
}

/// Shows a number as its place in an order: `91st`, `92nd`, `93rd`, `95th`, `99.5th`.
pub fn ordinal(number: f64) -> String {
    let text = number_with(number, 1);
    // Eleven to nineteen, and what has a fraction, end alike.
    let last = text.as_bytes().last().filter(|_| !matches!(text.as_bytes(), [.., b'.' | b'1', _]));
    let suffix = match last {
        Some(b'1') => "st",
        Some(b'2') => "nd",
        Some(b'3') => "rd",
        _ => "th",
    };
    format!("{text}{suffix}")
}

/// Shows a small count as a word: `three`, `12`.
pub fn count(n: u32) -> String {
    const WORDS: [&str; 10] = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let word = usize::try_from(n).ok().and_then(|n| WORDS.get(n));
    word.map_or_else(|| grouped(f64::from(n), 0), |word| (*word).to_owned())
}

/// Shows a count with what is counted: `1 hour`, `1,234 hours`.
pub fn counted<N: TryInto<u64>>(n: N, what: &str) -> String {
    let n = n.try_into().unwrap_or(u64::MAX);
    format!("{} {what}{}", with_commas(&n.to_string()), if n == 1 { "" } else { "s" })
}

/// Shows a quantity with its unit: `1 node-hour`, `9.5 node-hours`, `10,843 node-hours`.
pub fn quantity(value: f64, unit: &str) -> String {
    let text = brief(value);
    format!("{text} {unit}{}", if text == "1" { "" } else { "s" })
}

/// Picks the verb that goes with a quantity as it is shown: `has` of one, `have` of any other.
pub fn verb<'a>(value: f64, one: &'a str, many: &'a str) -> &'a str {
    if brief(value) == "1" { one } else { many }
}

/// Shows a quantity that is not negative: whole from ten on, one decimal below.
pub fn brief(value: f64) -> String {
    if !value.is_finite() {
        return UNKNOWN.to_owned();
    }
    if value > 0.0 && value < 0.05 {
        return "under 0.1".to_owned();
    }
    grouped(value, if value < 9.95 { 1 } else { 0 }).trim_end_matches(".0").to_owned()
}

/// Shows a span: `45 seconds`, `10 minutes`, `two hours`.
pub fn duration(seconds: u32) -> String {
    let (n, unit) = match seconds {
        s if s > 0 && s.is_multiple_of(3600) => (s / 3600, "hour"),
        s if s > 0 && s.is_multiple_of(60) => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{} {unit}{}", count(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_keep_two_digits() {
        for (fraction, expect) in [
            (0.125, "12.5\u{a0}%"),
            (0.01, "1\u{a0}%"),
            (0.0013, "0.13\u{a0}%"),
            (0.000_094, "0.0094\u{a0}%"),
            (0.0, "0\u{a0}%"),
            (1.5, "150\u{a0}%"),
            (f64::NAN, "not known\u{a0}%"),
        ] {
            assert_eq!(share(fraction), expect, "{fraction}");
        }
        for (fraction, expect) in
            [(0.613, "61\u{a0}%"), (0.0312, "3.1\u{a0}%"), (0.04, "4\u{a0}%"), (0.0996, "10\u{a0}%")]
        {
            assert_eq!(percent_brief(fraction), expect, "{fraction}");
        }
    }

    #[test]
    fn what_is_a_little_more_than_allowed_does_not_look_the_same() {
        assert_eq!(told_apart(0.0013, 0.0005), ["0.13\u{a0}%", "0.05\u{a0}%"]);
        assert_eq!(told_apart(0.000_514, 0.000_51), ["0.0514\u{a0}%", "0.051\u{a0}%"]);
        assert_eq!(told_apart(0.000_303, 0.000_1), ["0.03\u{a0}%", "0.01\u{a0}%"], "no digit more than it takes");
        assert_eq!(told_apart(0.2367, 0.125), ["24\u{a0}%", "12.5\u{a0}%"], "a limit as it is set");
        assert_eq!(told_apart(0.134, 0.132), ["13.4\u{a0}%", "13.2\u{a0}%"], "more than the limit looks like more");
        assert_eq!(told_apart(0.1258, 0.1262), ["12.6\u{a0}%", "12.62\u{a0}%"], "and less like less");
        assert_eq!(told_apart(0.2004, 0.2), ["20.04\u{a0}%", "20\u{a0}%"]);
        assert_eq!(told_apart(0.0005, 0.0005), ["0.05\u{a0}%", "0.05\u{a0}%"]);
        assert_eq!(numbers_apart(0.1004, 0.1), ["0.1004", "0.1"]);
    }

    #[test]
    fn a_place_has_the_ending_of_its_number() {
        for (number, expect) in [
            (1.0, "1st"),
            (2.0, "2nd"),
            (3.0, "3rd"),
            (11.0, "11th"),
            (12.0, "12th"),
            (13.0, "13th"),
            (50.0, "50th"),
            (91.0, "91st"),
            (92.0, "92nd"),
            (93.0, "93rd"),
            (95.0, "95th"),
            (99.1, "99.1th"),
        ] {
            assert_eq!(ordinal(number), expect);
        }
    }

    #[test]
    fn one_of_a_thing_is_singular() {
        assert_eq!([0, 1, 1_234].map(|n: u32| counted(n, "hour")), ["0 hours", "1 hour", "1,234 hours"]);
        assert_eq!(counted(5_000_000_000_u64, "byte"), "5,000,000,000 bytes");
        for (value, expect) in [
            (0.0, "0 node-hours"),
            (0.02, "under 0.1 node-hours"),
            (1.0, "1 node-hour"),
            (1.04, "1 node-hour"),
            (9.54, "9.5 node-hours"),
            (9.97, "10 node-hours"),
            (10_842.8, "10,843 node-hours"),
        ] {
            assert_eq!(quantity(value, "node-hour"), expect, "{value}");
        }
        assert_eq!([1.0, 1.3, 0.0].map(|value| verb(value, "has", "have")), ["has", "have", "have"]);
    }

    #[test]
    fn spans_and_counts_are_words_where_they_are_small() {
        assert_eq!([600, 3600, 7200, 45].map(duration), ["10 minutes", "one hour", "two hours", "45 seconds"]);
        assert_eq!([0, 1, 3, 12].map(count), ["no", "one", "three", "12"]);
    }
}
