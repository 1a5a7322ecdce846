//! The top of the page: the verdict, four figures, and what they stand on.

use askama::Template;
use askama::filters::HtmlSafe;
use types::analysis::{Analysis, Gravity, Reason, Scenario};

use crate::cost_lines::{all_partial, not_modelled};
use crate::first_screen::{self, Answer};
use crate::key_figure::KeyFigure;
use crate::number_format;
use crate::page_view::View;
use crate::scenario_words::{self, TODAY, VENDOR};

/// The top of the page.
#[derive(Debug, Template)]
#[template(path = "headline.html")]
pub(crate) struct Headline {
    pub(crate) cluster_id: String,
    pub(crate) region: String,
    pub(crate) window: String,
    /// Share of the window that was seen, in a few words.
    pub(crate) seen: String,
    /// That the data is synthetic, as a sentence; empty where it is not.
    pub(crate) synthetic: String,
    pub(crate) question: &'static str,
    /// `pays`, `loses` or `open`: the colour of the stance.
    pub(crate) tone: &'static str,
    pub(crate) stance: String,
    pub(crate) verdict: String,
    /// Recommendation, where the verdict predates its data.
    pub(crate) recommendation: String,
    /// Answer: how sure it is and what next, where the verdict has its data.
    pub(crate) answer: Option<Answer>,
    pub(crate) figures: Vec<KeyFigure>,
    pub(crate) basis: String,
    /// Caveats of the figures, as sentences.
    pub(crate) caveats: Vec<String>,
    pub(crate) warnings: String,
}

impl HtmlSafe for Headline {}

impl Headline {
    pub(crate) fn new(analysis: &View<'_>) -> Self {
        let answer = Answer::new(analysis);
        let (tone, stance) = if answer.is_some() { first_screen::stance(analysis) } else { stance(analysis) };
        let is_older = answer.is_none();
        Self {
            cluster_id: analysis.cluster_id.clone(),
            region: analysis.region.clone().unwrap_or_else(|| "region not known".to_owned()),
            window: scenario_words::window(analysis),
            seen: seen(analysis),
            synthetic: first_screen::synthetic(analysis),
            question: if is_older {
                "Would an elastic machine pool pay here?"
            } else {
                "Does an elastic machine pool pay here?"
            },
            tone,
            stance,
            verdict: analysis.sentence(&types::wording::grounds(&analysis.verdict, &analysis.currency)),
            recommendation: if is_older { recommendation(analysis) } else { String::new() },
            answer,
            figures: if is_older { figures(analysis) } else { first_screen::figures(analysis) },
            basis: first_screen::basis(analysis),
            caveats: caveats(analysis),
            warnings: warnings(analysis),
        }
    }
}

/// `720 hours`, and how many are missing or synthetic.
fn seen(analysis: &View<'_>) -> String {
    let window = &analysis.window;
    let missing = window.hours_expected.saturating_sub(window.hours_present);
    let synthetic = crate::cluster_summary::synthetic_hours(analysis);
    let mut text = number_format::hours(window.hours_present);
    if missing > 0 {
        text.push_str(&format!(", {} missing", number_format::count(missing)));
    }
    if synthetic > 0 && first_screen::synthetic(analysis).is_empty() {
        text.push_str(&format!(", {} of them synthetic", number_format::count(synthetic)));
    }
    text
}

/// The answer in a few words, from the numbers alone: it never says more than the saving carries.
fn stance(analysis: &View<'_>) -> (&'static str, String) {
    if analysis.window.hours_present == 0 {
        return ("open", "It cannot be said.".to_owned());
    }
    if scenario_words::scenario(analysis, scenario_words::REPACKED).is_some() {
        return replayed_stance(analysis);
    }
    let Some(saving) = scenario_words::headline_saving(analysis) else {
        return ("open", "It cannot be said.".to_owned());
    };
    if saving.monthly_usd < 0.0 {
        return ("loses", "It does not pay.".to_owned());
    }
    if saving.monthly_usd == 0.0 {
        return ("open", "It makes no difference.".to_owned());
    }
    match analysis.verdict.recommendation.as_deref() {
        Some(id) if id.starts_with("emp") => ("pays", "It pays.".to_owned()),
        _ if nothing_left(analysis, saving.monthly_usd) => ("open", "Only on nominal sizes.".to_owned()),
        _ => ("open", "It pays on paper.".to_owned()),
    }
}

/// The same where rivals were replayed: what is recommended says it.
fn replayed_stance(analysis: &View<'_>) -> (&'static str, String) {
    let (tone, text) = match analysis.verdict.recommendation.as_deref() {
        Some(id) if id.starts_with("emp") => ("pays", "It pays."),
        // Staying is no loss, and EC2 that does better is a gain: red stands over neither.
        Some(TODAY) => ("open", "Not worth it."),
        Some(_) => ("open", "EC2 alone does better."),
        None => ("open", "It cannot be said yet."),
    };
    (tone, text.to_owned())
}

/// The share of a saving below which a stricter reading leaves nothing of it.
const NOTHING_LEFT: f64 = 0.005;

/// Returns true when the strictest of the other readings leaves nothing of the saving.
pub(crate) fn nothing_left(analysis: &Analysis, monthly_usd: f64) -> bool {
    least_saving(analysis).is_some_and(|least| least < monthly_usd * NOTHING_LEFT)
}

/// The smallest saving a month among the other readings; `None` without any.
fn least_saving(analysis: &Analysis) -> Option<f64> {
    let variants = scenario_words::scenario(analysis, VENDOR)?.variants.iter();
    variants.map(|variant| variant.saving_monthly_usd).min_by(f64::total_cmp)
}

fn recommendation(analysis: &View<'_>) -> String {
    match &analysis.verdict.recommendation {
        Some(id) => {
            let label = scenario_words::scenario(analysis, id).map_or(id, |scenario| &scenario.label);
            format!("Recommended: {}.", scenario_words::plain(label))
        }
        None => "No recommendation: the evidence here does not carry one.".to_owned(),
    }
}

fn figures(analysis: &View<'_>) -> Vec<KeyFigure> {
    let today = scenario_words::scenario(analysis, TODAY);
    let vendor = scenario_words::scenario(analysis, VENDOR);
    let saving = scenario_words::headline_saving(analysis);
    let total = |label, scenario: Option<&types::analysis::Scenario>, sub: &str| {
        // A total without its compute is no figure to compare.
        let whole = scenario.filter(|s| s.cost_usd.compute.is_some());
        let monthly = whole.and_then(|s| s.monthly_usd);
        let sub = if scenario.is_some() && whole.is_none() { "its compute has no price" } else { sub };
        KeyFigure {
            label,
            value: analysis.money.show_or_unknown(monthly),
            sub: sub.to_owned(),
            class: if monthly.is_some() { "" } else { "absent" },
            badge: match scenario {
                Some(s) if s.risk.as_ref().is_some_and(|risk| !risk.holds_target) => "over the risk target",
                Some(s) if s.partial && !all_partial(analysis) => "partial",
                _ => "",
            },
        }
    };
    if let Some(repacked) = scenario_words::scenario(analysis, scenario_words::REPACKED) {
        return vec![
            total("Today, per month", today, "EC2 as it ran"),
            total(
                "Same requests on EC2, per month",
                Some(repacked),
                "repacked on the cheapest types that fit; replayed",
            ),
            total(
                "Elastic machine pool, per month",
                scenario_words::scenario(analysis, scenario_words::pool(analysis)),
                "elastic machine pool, net of the vendor's fee; replayed",
            ),
            against_ec2(analysis),
        ];
    }
    let mut figures = vec![
        total("Today, per month", today, "EC2 as it ran"),
        total(
            "Elastic machine pool, per month",
            vendor,
            if vendor.is_some_and(|s| s.cost_usd.fee.is_some()) {
                "the vendor’s published arithmetic, with its fee"
            } else {
                "the vendor’s published arithmetic, without its fee"
            },
        ),
    ];
    let (month, year, sub, class) = match saving {
        None => {
            ("cannot be said".to_owned(), "cannot be said".to_owned(), "no line is priced in both".to_owned(), "absent")
        }
        Some(saving) => (
            analysis.usd(saving.monthly_usd),
            analysis.about(saving.yearly_usd),
            match saving.fraction {
                Some(fraction) if saving.monthly_usd < 0.0 => {
                    format!("it does not pay: {} dearer", number_format::percent(-fraction))
                }
                Some(fraction) => match least_saving(analysis).filter(|least| *least < saving.monthly_usd) {
                    Some(least) => format!(
                        "{} of today's cost; {} by the strictest reading below",
                        number_format::percent(fraction),
                        analysis.usd(least)
                    ),
                    None => format!("{} of today's cost", number_format::percent(fraction)),
                },
                None => "share of today's cost not known".to_owned(),
            },
            if saving.monthly_usd < 0.0 {
                "loss"
            } else if saving.monthly_usd > 0.0 {
                "gain"
            } else {
                ""
            },
        ),
    };
    let known = saving.is_some();
    figures.push(KeyFigure { label: "Saving, per month", value: month, sub, class, badge: "" });
    figures.push(KeyFigure {
        label: "Saving, per year",
        value: year,
        sub: if known { "twelve such months".to_owned() } else { String::new() },
        class,
        badge: "",
    });
    figures
}

/// Says what elastic VMs save against the best alternative on EC2, and the range of that.
fn against_ec2(analysis: &View<'_>) -> KeyFigure {
    let hours = f64::from(analysis.window.hours_present);
    let month = |usd: f64| usd * types::HOURS_PER_MONTH / hours;
    let saving = analysis.verdict.saving_vs_best_ec2_usd.filter(|_| hours > 0.0).map(month);
    let interval = analysis.verdict.interval_usd.filter(|_| hours > 0.0).map(|interval| interval.map(month));
    let range = analysis.verdict.range_usd.filter(|_| hours > 0.0).map(|range| range.map(month));
    let sub = match (saving, interval.or(range)) {
        (Some(_), Some([least, most])) if interval.is_some() => {
            format!("against those on EC2; {} to {} in 90 % of redrawn weeks", analysis.usd(least), analysis.usd(most))
        }
        (Some(_), Some([least, most])) => {
            let at =
                if scenario_words::pool(analysis) == scenario_words::TUNED { " at the documented ratios" } else { "" };
            let (least, most) = (analysis.usd(least), analysis.usd(most));
            format!("against those on EC2; {least} to {most} over the assumptions tried{at}")
        }
        (Some(_), None) => "against those on EC2".to_owned(),
        (None, _) => "no line is priced in both".to_owned(),
    };
    let class = match saving {
        None => "absent",
        Some(usd) if usd > 0.0 => "gain",
        Some(usd) if usd < 0.0 => "loss",
        Some(_) => "",
    };
    KeyFigure {
        label: "EMP saves, per month",
        value: analysis.money.show_or_unknown(saving),
        sub: scenario_words::unbroken(&sub),
        class,
        badge: "",
    }
}

fn caveats(analysis: &View<'_>) -> Vec<String> {
    let mut caveats: Vec<String> = analysis.money.converted().into_iter().collect();
    if analysis.verdict.reason.is_some() {
        caveats.extend(first_screen::caveats(analysis));
    } else if let Some(saving) = scenario_words::headline_saving(analysis) {
        let lines: Vec<String> = saving.lines.iter().map(|line| scenario_words::cost_line(line)).collect();
        let mut text = format!("The saving compares {}, the lines priced on both sides", scenario_words::list(&lines));
        let totals = (
            scenario_words::scenario(analysis, TODAY).and_then(|s| s.monthly_usd),
            scenario_words::scenario(analysis, scenario_words::pool(analysis)).and_then(|s| s.monthly_usd),
        );
        if let (Some(today), Some(vendor)) = totals
            && ((today - vendor) - saving.monthly_usd).abs() > 0.005 * today.abs().max(1.0)
        {
            text.push_str("; the two totals above do not cover the same lines, so their difference is not the saving");
        }
        text.push('.');
        if !lines.is_empty() {
            caveats.push(text);
        }
    }
    if all_partial(analysis) {
        let missing = not_modelled(analysis);
        caveats.push(match missing.as_slice() {
            [] => "Every total is partial: something has no price.".to_owned(),
            [one] => format!("Every total is partial: {one} is in none."),
            _ => format!("Every total is partial: {} are in none.", scenario_words::list(&missing)),
        });
    }
    let unpriced: usize = scenario_words::shown(analysis).map(|scenario| scenario.unpriced.len()).sum();
    if unpriced > 0 {
        caveats.push("Some of what runs has no price and is outside every total; see what is missing.".to_owned());
    }
    caveats
}

/// The first warning about what is recommended, today's bill or the data, in a few words, and how many more there are; empty
/// for none. Those of other scenarios stand with them.
pub(crate) fn warnings(analysis: &View<'_>) -> String {
    let verdict = &analysis.verdict;
    // Whatever the first screen has an amount of.
    let spoken_of = match verdict.reason {
        None => Some(VENDOR),
        Some(Reason::LimitsBroken) => {
            let mended = verdict.mend().map(|mend| mend.judged);
            mended.or_else(|| Some(verdict.largest_rejected()?.0)).map(|judged| judged.scenario.as_str())
        }
        Some(_) => None,
    };
    let of = [verdict.recommendation.as_deref(), Some(TODAY), spoken_of];
    let is_of = move |scenario: &&Scenario| of.contains(&Some(scenario.id.as_str()));
    let of_scenarios = scenario_words::shown(analysis).filter(is_of).flat_map(|scenario| &scenario.notes);
    let mut all = of_scenarios.chain(&analysis.notes).filter(|note| note.gravity == Gravity::Warning);
    let Some(first) = all.next() else { return String::new() };
    let first = first_clause(&analysis.sentence(&first.text));
    match all.count() {
        0 => format!("Warning: {first}"),
        more => format!("Warnings: {first}, and {more} more"),
    }
}

/// The first clause of a note, as it goes on after a colon: what comes after is what follows from it, or its parts.
fn first_clause(note: &str) -> String {
    /// Letters that say something by themselves, and those there is room for.
    const LEAST: usize = 20;
    const MOST: usize = 90;
    let note = note.replace('`', "");
    let says = |clause: &&str| clause.chars().count() >= LEAST;
    let mut clause = note.trim_end_matches('.');
    for end in [". ", "; ", ": "] {
        clause = clause.split_once(end).map(|(first, _)| first).filter(says).unwrap_or(clause);
    }
    let fits = |clause: &&str| clause.chars().count() <= MOST;
    if !fits(&clause) {
        let whole = clause;
        let shorter = whole.match_indices(", ").filter_map(|(at, _)| whole.get(..at));
        clause = shorter.filter(says).filter(fits).last().unwrap_or(clause);
    }
    let mut letters = clause.chars();
    let is_word = clause.chars().nth(1).is_some_and(|second| second.is_lowercase() || second == ' ');
    let first = letters.next().filter(|_| is_word).map(|first| first.to_lowercase().to_string());
    let clause = first.map_or_else(|| clause.to_owned(), |first| first + letters.as_str());
    scenario_words::clipped(&clause, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_told_by_its_first_clause() {
        for (note, expect) in [
            ("One node has no known instance type; it is in no total.", "one node has no known instance type"),
            ("12 hours are incomplete: no samples of cAdvisor (12 hours).", "12 hours are incomplete"),
            ("Namespace `a` cannot be shared out: it is not there.", "namespace a cannot be shared out"),
            ("EKS bills extended support for this version. Upgrade it.", "EKS bills extended support for this version"),
            (
                "In 12 host-slots a host was over the rebalancer's threshold with one elastic VM alone, which no move mends, whatever.",
                "in 12 host-slots a host was over the rebalancer's threshold with one elastic VM alone",
            ),
        ] {
            assert_eq!(first_clause(note), expect);
        }
        let long = first_clause(&"word ".repeat(40));
        assert_eq!((long.chars().count(), long.ends_with('…')), (90, true), "{long}");
    }
}
