//! Money, numbers and the verdict as text, the same in the sentences of an analysis and on its pages.

mod limits;
mod measures;
mod scenarios;
mod verdict;

pub use limits::{breach, limit, limit_values, limit_what};
pub use measures::{count, duration, percent_brief, share, told_apart};
pub use scenarios::{action, headroom, remedy, scenario, spare_hosts};
pub use verdict::{grounds, stance, verdict};

/// What stands for a number that is not known.
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

/// Formats a number that is not negative, with commas between thousands.
pub fn grouped(value: f64, decimals: usize) -> String {
    let plain = format!("{value:.decimals$}");
    let (whole, fraction) = plain.split_once('.').map_or((plain.as_str(), None), |(w, f)| (w, Some(f)));
    let mut text = String::with_capacity(plain.len() + plain.len() / 3);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// The first letter in upper case.
pub fn sentence_case(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
