//! The conclusion as Markdown, for a pull request or a chat.
//!
//! Everything that comes from a cluster is escaped: a name cannot become a heading, a link, a mention or markup.

use types::analysis::{Analysis, Gravity, Remedy, RemedyKind, ScenarioId};
use types::wording;

use crate::backtick_prose::{Part, parts};
use crate::cluster_summary::{Cost, Standing};
use crate::confidence_words;
use crate::headline::nothing_left;
use crate::number_format;
use crate::page_currency::Money;
use crate::page_table::Table;
use crate::page_view::View;
use crate::scenario_words::{self, REPACKED, TODAY};

/// On EC2 and on a pool, with requests from use.
const RIGHT_SIZED: &str = "ec2-rightsized";
const POOL_RIGHT_SIZED: &str = "emp-rightsized";

/// Workloads and notes that are named; the page has the others.
const MOST: usize = 5;

/// A summary as GitHub-flavoured Markdown: verdict, confidence, every scenario that was judged, what makes them hold, the
/// workloads that save most, and what the numbers leave out; three figures and the two by two where the verdict predates
/// its data. Amounts are per month of 730 hours in the currency of `money`.
pub fn markdown(analysis: &Analysis, money: &Money) -> String {
    let mut text = format!("### Cost report of {}\n\n", code(&analysis.cluster_id));
    text.push_str(&format!(
        "**{}**\n\n",
        sentence(&money.sentence(&wording::verdict(&analysis.verdict, &analysis.currency)))
    ));
    if analysis.verdict.reason.is_some() {
        judged(&mut text, analysis, money);
    } else {
        figures(&mut text, analysis, money);
        two_by_two(&mut text, analysis, money);
    }
    steps(&mut text, analysis, money);
    workloads(&mut text, analysis, money);
    caveats(&mut text, analysis);
    text.push_str(&format!(
        "\n<sub>Per month of 730 hours, scaled from {} of {} in {}; {}. {} emp-cost {}.{}</sub>\n",
        number_format::hours(analysis.window.hours_present),
        number_format::count(analysis.window.hours_expected),
        sentence(&scenario_words::window(analysis)),
        sentence(&scenario_words::prices(analysis).replace("named under Provenance", "named on the page")),
        scenario_words::ROUNDED,
        sentence(&analysis.provenance.tool_version),
        money.converted().map(|how| format!(" {}", sentence(&how))).unwrap_or_default(),
    ));
    text
}

/// Confidence, today beside every scenario that was judged, and what makes them hold.
fn judged(text: &mut String, analysis: &Analysis, money: &Money) {
    let verdict = &analysis.verdict;
    if let Some(confidence) = verdict.confidence.as_ref().filter(|_| verdict.recommendation.is_some()) {
        let sure = money.sentence(&confidence_words::how_sure(confidence, Some(analysis)));
        text.push_str(&format!("How sure: {}\n\n", sentence(&sure)));
    }
    text.push_str("| | a month | saves against today | limits |\n|---|--:|--:|---|\n");
    let today = scenario_words::today_monthly(analysis);
    let recommends = |id: Option<ScenarioId>| verdict.recommended().is_some() && verdict.recommended() == id;
    let mark = |id| if recommends(Some(id)) { " **(recommended)**" } else { "" };
    text.push_str(&format!("| Today{} | {} | | |\n", mark(ScenarioId::Ec2Today), money.show_or_unknown(today)));
    let recommended = verdict.judged.iter().filter(|judged| recommends(Some(judged.scenario)));
    let others = verdict.judged.iter().filter(|judged| !recommends(Some(judged.scenario)));
    for judged in recommended.chain(others).filter(|judged| judged.scenario != ScenarioId::Ec2Today) {
        if scenario_words::is_twin(analysis, judged.scenario.as_str()) {
            continue;
        }
        let share = judged.saving_fraction.map(|f| format!(" ({})", number_format::percent(f))).unwrap_or_default();
        let broken: Vec<String> = judged
            .limits
            .iter()
            .filter(|check| !check.holds)
            .map(|check| wording::limit(check.limit).to_owned())
            .collect();
        let limits = match (judged.holds, broken.is_empty()) {
            (true, _) => "within all".to_owned(),
            (false, true) => "not known".to_owned(),
            (false, false) if broken.len() == 1 => format!("breaks this limit: {}", scenario_words::list(&broken)),
            (false, false) => format!("breaks these limits: {}", scenario_words::list(&broken)),
        };
        text.push_str(&format!(
            "| {}{} | {} | {}{share} | {limits} |\n",
            sentence(&scenario_words::scenario_name(analysis, judged.scenario)),
            mark(judged.scenario),
            money.show(judged.monthly_usd),
            money.show(judged.saving_monthly_usd),
        ));
    }
    text.push('\n');
    if let Some(said) = wording::today_breaches(&verdict.today_breaches) {
        text.push_str(&format!("{said}\n\n"));
    }
    let found: Vec<&Remedy> = verdict.remedies.iter().filter(|remedy| remedy.what != RemedyKind::NoneFound).collect();
    if found.is_empty() {
        return;
    }
    text.push_str("What makes scenarios hold their limits:\n\n");
    for remedy in found {
        let included = if remedy.included { "in its cost" } else { "on top of its cost" };
        text.push_str(&format!(
            "- {}: {}, {} a month, {included}\n",
            sentence(&scenario_words::scenario_name(analysis, remedy.scenario)),
            sentence(&wording::remedy(&remedy.what, remedy.scenario)),
            money.show_or_unknown(remedy.monthly_usd),
        ));
    }
    text.push('\n');
}

/// Waste as one number, and the steps with their amounts.
fn steps(text: &mut String, analysis: &Analysis, money: &Money) {
    let view = &View::new(analysis, money);
    if let Some(waste) = &analysis.waste {
        let parts: Vec<String> =
            waste.parts.iter().map(|part| format!("{} {}", part.kind.name(), money.show(part.monthly_usd))).collect();
        let parts = if parts.is_empty() { String::new() } else { format!(" Of it: {}.", scenario_words::list(&parts)) };
        text.push_str(&format!(
            "Total waste: {}{}\n\n",
            crate::next_steps::waste_in_words(view, waste),
            sentence(&parts)
        ));
    }
    let Some(steps) = analysis.next_steps.as_ref().filter(|steps| !steps.steps.is_empty()) else { return };
    text.push_str("| next step | saves a month | effort | risk | where |\n|---|--:|---|---|---|\n");
    for step in &steps.steps {
        let names = crate::next_steps::subjects(step);
        let names = if names.is_empty() { String::new() } else { format!(": {}", sentence(&names)) };
        let beside = if steps.is_on_top(step) { " (on top)" } else { "" };
        text.push_str(&format!(
            "| {}{names}{beside} | {} | {} | {} | {} |\n",
            sentence(&money.sentence(&step.what)),
            crate::next_steps::saving(step, money),
            step.effort.name(),
            step.risk.name(),
            sentence(&step.place),
        ));
    }
    text.push('\n');
}

fn figures(text: &mut String, analysis: &Analysis, money: &Money) {
    let standing = Standing::of(analysis);
    let saving = |id: &str| {
        let pair = analysis.savings.iter().find(|saving| saving.from == TODAY && saving.to == id);
        pair.map_or_else(
            || "cannot be said".to_owned(),
            |saving| {
                let share = saving.fraction.map(|f| format!(" ({})", number_format::percent(f))).unwrap_or_default();
                let is_nominal = id == scenario_words::VENDOR && nothing_left(analysis, saving.monthly_usd);
                let mark = if is_nominal { ", on nominal sizes only" } else { "" };
                format!("{}{share}{mark}", money.show(saving.monthly_usd))
            },
        )
    };
    text.push_str("| | a month | saves against today |\n|---|--:|--:|\n");
    let mut row = |what: &str, cost: Cost, saving: String| {
        let partial = if cost.partial && cost.monthly_usd.is_some() { " (partial)" } else { "" };
        text.push_str(&format!("| {what} | {}{partial} | {saving} |\n", money.show_or_unknown(cost.monthly_usd)));
    };
    row("Today", standing.today, String::new());
    if scenario_words::scenario(analysis, REPACKED).is_some() {
        row("Best EC2 alternative, same requests", standing.ec2, saving(REPACKED));
    }
    row("Elastic machine pool, with the vendor’s fee", standing.pool, saving(&standing.pool_id));
    text.push('\n');
}

/// Requests as they are or right-sized, on EC2 or on a pool; nothing where nothing was replayed.
fn two_by_two(text: &mut String, analysis: &Analysis, money: &Money) {
    if scenario_words::scenario(analysis, REPACKED).is_none() {
        return;
    }
    let cost = |id: &str| {
        let scenario = scenario_words::scenario(analysis, id);
        let risky = scenario.and_then(|s| s.risk.as_ref()).is_some_and(|risk| !risk.holds_target);
        let monthly = money.show_or_unknown(scenario.and_then(|scenario| scenario.monthly_usd));
        if risky { format!("{monthly} (misses the risk target)") } else { monthly }
    };
    text.push_str("| a month | requests as they are | right-sized |\n|---|--:|--:|\n");
    text.push_str(&format!("| EC2 | {} | {} |\n", cost(REPACKED), cost(RIGHT_SIZED)));
    text.push_str(&format!(
        "| Elastic machine pool | {} | {} |\n\n",
        cost(scenario_words::pool(analysis)),
        cost(POOL_RIGHT_SIZED)
    ));
}

fn workloads(text: &mut String, analysis: &Analysis, money: &Money) {
    let mut savers: Vec<(f64, String)> = analysis
        .movability
        .iter()
        .filter_map(|w| {
            let usd = w.saving_usd.filter(|usd| *usd > 0.0)? * scenario_words::months_per_window(analysis)?;
            Some((usd, format!("{}/{}", w.namespace, w.workload)))
        })
        .collect();
    savers.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    if savers.is_empty() {
        return;
    }
    text.push_str("Workloads that save most against EC2 with the same requests:\n\n");
    for (usd, name) in savers.iter().take(MOST) {
        text.push_str(&format!("- {}: {} a month\n", code(name), money.show(*usd)));
    }
    text.push('\n');
}

/// Adds what a reader must know beside the numbers: synthetic hours, then the warnings, of which missing hours are one.
fn caveats(text: &mut String, analysis: &Analysis) {
    let mut caveats = Vec::new();
    let synthetic = Standing::of(analysis).hours_synthetic;
    if synthetic > 0 {
        caveats.push(format!("{} are synthetic, not measured.", number_format::hours(synthetic)));
    }
    let notes = analysis.notes.iter().chain(scenario_words::shown(analysis).flat_map(|scenario| &scenario.notes));
    let warnings: Vec<&str> =
        notes.filter(|note| note.gravity == Gravity::Warning).map(|note| note.text.as_str()).collect();
    caveats.extend(warnings.iter().take(MOST).map(|warning| sentence(warning)));
    if let Some(more) = warnings.len().checked_sub(MOST).filter(|more| *more > 0) {
        let are = if more == 1 { "is" } else { "are" };
        caveats.push(format!("{} {are} on the page.", wording::counted(more, "more warning")));
    }
    if caveats.is_empty() {
        return;
    }
    text.push_str("To know beside the numbers:\n\n");
    for caveat in caveats {
        text.push_str(&format!("- {caveat}\n"));
    }
}

/// Text as text: what Markdown or HTML would read as markup is escaped, line ends are spaces, and what a host makes of
/// words by itself (mentions, numbers of issues, addresses) is broken by a character that is not seen. What stands between
/// backticks stays code.
pub(crate) fn sentence(text: &str) -> String {
    let part = |part: Part<'_>| match part {
        Part::Text(text) => escaped(text),
        // A bar would end the cell of a table.
        Part::Code(text) if text.trim().is_empty() || text.contains('|') => escaped(&format!("`{text}`")),
        Part::Code(text) => code(text),
    };
    parts(text).into_iter().map(part).collect()
}

fn escaped(text: &str) -> String {
    let plain = scenario_words::plain(&text.replace(['\n', '\r', '\t'], " "));
    let mut escaped = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '@' => escaped.push_str("@\u{200b}"),
            '#' => escaped.push_str("\\#\u{200b}"),
            '\\' | '`' | '*' | '_' | '~' | '[' | ']' | '!' | '|' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped.replace("://", ":\u{200b}//").replace("www.", "www\u{200b}.")
}

/// A table in Markdown: the rows that a page shows unfolded, and how many more there are; `rest` goes on about those.
pub(crate) fn table(table: &Table, rest: &str) -> String {
    if table.is_empty() {
        return String::new();
    }
    let heads: Vec<String> = table.columns.iter().map(|column| sentence(column.label)).collect();
    let rules: Vec<&str> = table.columns.iter().map(|of| if of.class == "number" { "--:" } else { "---" }).collect();
    let mut text = format!("{}\n\n| {} |\n|{}|\n", sentence(&table.caption), heads.join(" | "), rules.join("|"));
    for row in &table.shown {
        let cells: Vec<String> = row.cells.iter().map(|cell| sentence(&cell.text)).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    if table.hidden() > 0 {
        let more = number_format::grouped(number_format::number(table.hidden()), 0);
        text.push_str(&format!("\nAnd {more} more{}.\n", sentence(rest)));
    }
    text.push('\n');
    text
}

/// A name as code: nothing in it is markup, whatever it holds.
pub(crate) fn code(name: &str) -> String {
    let name = scenario_words::plain(&name.replace(['\n', '\r', '\t'], " "));
    let runs = name.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(runs + 1);
    // A space keeps a backtick of the name apart from the fence, and one of an empty name from the other.
    let pad = if name.starts_with('`') || name.ends_with('`') || name.trim().is_empty() { " " } else { "" };
    format!("{fence}{pad}{name}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        for (name, expect) in [
            ("checkout", "`checkout`"),
            ("a`b", "``a`b``"),
            ("``", "``` `` ```"),
            ("a\n# heading", "`a # heading`"),
            ("\u{202e}evil", "`\u{fffd}evil`"),
            ("", "`  `"),
        ] {
            assert_eq!(code(name), expect, "{name:?}");
        }
    }

    #[test]
    fn sentences_stay_sentences() {
        for (text, expect) in [
            ("saves $2,983 a month, 18 %.", "saves $2,983 a month, 18 %."),
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("[x](javascript:1)", "\\[x\\](javascript:1)"),
            ("ask @team about #12", "ask @\u{200b}team about \\#\u{200b}12"),
            ("see https://evil.example", "see https:\u{200b}//evil.example"),
            ("a | b\n\n# c", "a \\| b  \\#\u{200b} c"),
            ("&lt;", "&amp;lt;"),
            ("then `emp.fee_fraction` in *it*", "then `emp.fee_fraction` in \\*it\\*"),
            ("one ` alone", "one \\` alone"),
            ("`a|b` and ``", "\\`a\\|b\\` and \\`\\`"),
        ] {
            assert_eq!(sentence(text), expect, "{text:?}");
        }
    }
}
