//! Money, numbers and the verdict as text, the same in the sentences of an analysis and on its pages.

mod assumption_test;
mod grades;
mod limits;
mod quantities;
mod scenarios;
mod verdict;

pub use assumption_test::AssumptionTest;
pub use grades::{grade_reason, grade_remedy};
pub use limits::{breach, limit, limit_values, limit_what, today_breaches};
pub use quantities::{brief, count, counted, duration, ordinal, percent_brief, quantity, share, told_apart, verb};
pub use scenarios::{action, headroom, keep_ready, label, remedy, scenario, spare_hosts};
pub use verdict::{grounds, stance, verdict};

/// Least amount, in USD a month, that a sentence speaks of.
pub const WORTH_SAYING: f64 = 1.0;

/// Text for a number that is not known.
pub const UNKNOWN: &str = "not known";

/// Formats an amount in USD: whole dollars from 10 on, cents below, and nothing is `$0`.
pub fn usd(amount: f64) -> String {
    if !amount.is_finite() {
        return UNKNOWN.to_owned();
    }
    let size = amount.abs();
    // A loss of less than a cent is no loss a reader can see.
    if size < 0.005 {
        return "$0".to_owned();
    }
    let text = grouped(size, if size < 9.995 { 2 } else { 0 });
    if amount < 0.0 { format!("\u{2212}${text}") } else { format!("${text}") }
}

/// Formats an amount in USD that is an estimate: three digits of what is more than that, `about $124,000`.
pub fn usd_about(amount: f64) -> String {
    let size = amount.abs();
    if !size.is_finite() || size < 999.5 {
        return usd(amount);
    }
    let unit = 10_f64.powf(size.log10().floor() - 2.0).max(1.0);
    format!("about {}", usd((amount / unit).round() * unit))
}

/// Formats an amount of an analysis in the analysis' currency: `$1,234`, `CNY 1,234`.
pub fn money(amount: f64, currency: &str) -> String {
    in_currency(&usd(amount), currency)
}

/// Names another currency in a text whose amounts are written with a dollar sign; nothing is converted.
pub fn in_currency(text: &str, currency: &str) -> String {
    if currency == "USD" { text.to_owned() } else { text.replace('$', &format!("{currency}\u{a0}")) }
}

/// Formats a number that is not negative, with commas between thousands.
pub fn grouped(value: f64, decimals: usize) -> String {
    let plain = format!("{value:.decimals$}");
    let (whole, fraction) = plain.split_once('.').map_or((plain.as_str(), None), |(w, f)| (w, Some(f)));
    let mut text = with_commas(whole);
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// Digits with commas between thousands.
fn with_commas(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The first letter in upper case.
pub fn sentence_case(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_has_three_digits() {
        for (amount, expect) in [
            (123_586.0, "about $124,000"),
            (10_299.0, "about $10,300"),
            (999_600.0, "about $1,000,000"),
            (-2_517.0, "about \u{2212}$2,520"),
            (1_000.0, "about $1,000"),
            (999.4, "$999"),
            (49.0, "$49"),
            (0.0, "$0"),
            (f64::NAN, UNKNOWN),
        ] {
            assert_eq!(usd_about(amount), expect, "{amount}");
        }
    }

    #[test]
    fn an_amount_names_its_currency_where_that_is_not_the_dollar() {
        assert_eq!([money(1234.0, "USD"), money(-3.5, "USD")], ["$1,234", "\u{2212}$3.50"]);
        assert_eq!([money(1234.0, "CNY"), money(-3.5, "CNY")], ["CNY\u{a0}1,234", "\u{2212}CNY\u{a0}3.50"]);
        assert_eq!(money(f64::NAN, "CNY"), UNKNOWN);
    }
}
