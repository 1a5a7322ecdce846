//! The conclusion as plain text, for a terminal.

use types::analysis::Analysis;

use crate::format;
use crate::words::{self, TODAY, VENDOR};

/// A plain-text summary: today, with EMP, the saving, the verdict and what they stand on.
///
/// Names lose their control characters, so that they cannot steer the terminal.
pub fn summary(analysis: &Analysis) -> String {
    let monthly = |id: &str| words::scenario(analysis, id).and_then(|scenario| scenario.monthly_usd);
    let partial = |id: &str| words::scenario(analysis, id).is_some_and(|scenario| scenario.partial);
    let yearly = |usd: Option<f64>| format::usd_or_unknown(usd.map(|usd| usd * types::MONTHS_PER_YEAR));
    let total = |label: &str, id: &str| {
        let label = if partial(id) { format!("{label} (partial)") } else { label.to_owned() };
        (label, format::usd_or_unknown(monthly(id)), yearly(monthly(id)), String::new())
    };
    let saving = words::headline_saving(analysis).map_or_else(
        || ("Saving".to_owned(), "cannot be said".to_owned(), "cannot be said".to_owned(), String::new()),
        |saving| {
            let share = saving.fraction.map(|fraction| format!("  {}", format::percent(fraction))).unwrap_or_default();
            let label = if saving.monthly_usd < 0.0 { "Saving (it does not pay)" } else { "Saving" };
            let label =
                if words::pool(analysis) == VENDOR { label.to_owned() } else { format!("{label} against today") };
            (label, format::usd(saving.monthly_usd), format::usd(saving.yearly_usd), share)
        },
    );
    let replayed = words::scenario(analysis, words::REPACKED).is_some();
    let mut rows = vec![total("Today", TODAY)];
    if replayed {
        rows.push(total("EC2 repacked, replayed", words::REPACKED));
        rows.push(total("Elastic machine pool, replayed", words::pool(analysis)));
    } else {
        rows.push(total("With EMP, vendor's arithmetic", VENDOR));
    }
    rows.push(saving);
    let width = rows.iter().map(|row| row.0.chars().count()).max().unwrap_or(0);

    let window = &analysis.window;
    let sources: Vec<String> = window
        .hours_by_source
        .iter()
        .map(|part| format!("{} {}", format::count(part.hours), words::source(&part.source)))
        .collect();
    let mut text = format!("Cluster   {}", words::plain(&analysis.cluster_id));
    if let Some(region) = &analysis.region {
        text.push_str(&format!(" in {}", words::plain(region)));
    }
    text.push_str(&format!("\nWindow    {}\n", words::window(analysis)));
    text.push_str(&format!(
        "Coverage  {} of {} hours",
        format::count(window.hours_present),
        format::count(window.hours_expected)
    ));
    if !sources.is_empty() {
        text.push_str(&format!(": {}", words::list(&sources)));
    }
    text.push_str(&format!("\n\n{:width$}  {:>14}  {:>14}\n", "", "a month", "a year"));
    for (label, month, year, share) in rows {
        text.push_str(&format!("{label:width$}  {month:>14}  {year:>14}{share}\n"));
    }
    text.push_str(&format!("\n{}\n", wrapped(&words::plain(&analysis.verdict.text))));
    text
}

/// Breaks a sentence into lines that fit a terminal.
fn wrapped(text: &str) -> String {
    const COLUMNS: usize = 88;
    let (mut lines, mut width) = (String::new(), 0);
    for word in text.split(' ') {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > COLUMNS {
            lines.push('\n');
            width = 0;
        } else if width > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += length;
    }
    lines
}
