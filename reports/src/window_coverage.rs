//! Coverage of the window, and where it comes from.

use types::HourSource;

use crate::number_format;
use crate::page_view::View;
use crate::scenario_words;

/// Coverage of the window, and where it comes from.
#[derive(Debug)]
pub(crate) struct Coverage {
    pub(crate) text: String,
    pub(crate) parts: Vec<CoveragePart>,
    pub(crate) has_synthetic: bool,
}

/// Hours of one source, or missing ones.
#[derive(Debug)]
pub(crate) struct CoveragePart {
    pub(crate) class: &'static str,
    pub(crate) width: String,
    pub(crate) label: String,
}

/// The hours of the window by source, and those that are missing.
pub(crate) fn coverage(analysis: &View<'_>) -> Coverage {
    let window = &analysis.window;
    let expected = f64::from(window.hours_expected.max(window.hours_present).max(1));
    let sources: Vec<String> = window
        .hours_by_source
        .iter()
        .map(|part| format!("{} {}", number_format::count(part.hours), scenario_words::source(part.source)))
        .collect();
    let mut text = if window.hours_present == window.hours_expected {
        format!("All {} of the window are there", number_format::hours(window.hours_expected))
    } else {
        format!(
            "{} of {} are there ({})",
            number_format::count(window.hours_present),
            number_format::hours(window.hours_expected),
            number_format::percent(f64::from(window.hours_present) / expected)
        )
    };
    if !sources.is_empty() {
        text.push_str(": ");
        text.push_str(&scenario_words::list(&sources));
    }
    text.push('.');
    let mut parts: Vec<CoveragePart> = window
        .hours_by_source
        .iter()
        .map(|part| CoveragePart {
            class: match part.source {
                HourSource::Prometheus => "real",
                HourSource::Generator => "synthetic",
            },
            width: number_format::css_percent(f64::from(part.hours) / expected),
            label: format!(
                "{} {}, {} to {}",
                number_format::hours(part.hours),
                scenario_words::source(part.source),
                number_format::moment(part.first),
                number_format::moment(part.last)
            ),
        })
        .collect();
    let missing = window.hours_expected.saturating_sub(window.hours_present);
    if missing > 0 {
        parts.push(CoveragePart {
            class: "missing",
            width: number_format::css_percent(f64::from(missing) / expected),
            label: format!("{} missing", number_format::hours(missing)),
        });
    }
    Coverage {
        text,
        parts,
        has_synthetic: window.hours_by_source.iter().any(|part| part.source == HourSource::Generator && part.hours > 0),
    }
}
