//! Names that try to be markup, to turn the text around, or to burst the page, in every place a name can be.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::sample;

use crate::dom::Dom;
use serde_json::Value;
use types::analysis::Analysis;

/// Keys whose strings are not names: moments, and words by which one part of an analysis finds another.
const NOT_NAMES: [&str; 18] = [
    "start",
    "end",
    "first",
    "last",
    "hour",
    "gravity",
    "id",
    "from",
    "to",
    "recommendation",
    "kind",
    "combine",
    "layer",
    "schema",
    "verdict",
    "effort",
    "cautions",
    "risk",
];

/// Keys of words that are one of a few inside a part of an analysis; `None` where the part has those of what it is in.
fn words_of(part: &str, value: &Value) -> Option<&'static [&'static str]> {
    match part {
        // The sentence of the verdict is a name; what a workload's verdict is stays.
        "verdict" if value.is_object() => Some(&NOT_NAMES_OF_VERDICT),
        // Why a container has no target is one of a few words too.
        "skipped" | "breaks" => Some(&NOT_NAMES_OF_VERDICT),
        "hours_by_source" | "hourly" => Some(&["source"]),
        "waterfall" => Some(&["what"]),
        _ => None,
    }
}

const NOT_NAMES_OF_VERDICT: [&str; 7] = ["scenario", "rival", "reason", "limit", "mends", "level", "then"];

/// Replaces every string that may be a name.
fn replace(value: &mut Value, key: &str, words: &[&str], with: &mut dyn FnMut() -> String) {
    match value {
        Value::String(_) if words.contains(&key) => {}
        Value::String(text) if !NOT_NAMES.contains(&key) => *text = with(),
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, key, words, with)),
        Value::Object(fields) => {
            for (key, value) in fields {
                let words = words_of(key, value).unwrap_or(words);
                let is_verdict = key == "verdict" && value.is_object();
                replace(value, if is_verdict { "" } else { key }, words, with);
            }
        }
        _ => {}
    }
}

fn replaced(analysis: &Analysis, with: &mut dyn FnMut() -> String) -> Analysis {
    let mut value = serde_json::to_value(analysis).unwrap();
    replace(&mut value, "", &[], with);
    serde_json::from_value(value).unwrap()
}

fn hostile(with: &mut dyn FnMut() -> String) -> Analysis {
    replaced(&sample::full(), with)
}

fn names() -> Vec<String> {
    sample::HOSTILE
        .iter()
        .map(|name| (*name).to_owned())
        .chain(["x".repeat(253), "\u{7f}\r\n\u{0}\u{85}\u{2028}".to_owned()])
        .collect()
}

fn page(analysis: &Analysis) -> String {
    reports::page(analysis, &reports::Options::default()).unwrap()
}

/// Returns true when a character turns the direction of the text after it.
fn steers(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(crate) fn check(page: &str, what: &str) {
    let dom = Dom::parse(page);
    for element in &dom.elements {
        assert!(!["script", "img", "b", "iframe", "object"].contains(&element.name.as_str()), "{what}: {element:?}");
        assert!(!element.attributes.iter().any(|(key, _)| key.starts_with("on")), "{what}: {element:?}");
        for (key, value) in &element.attributes {
            assert!(!value.contains(steers), "{what}: {} {key}={value}", element.name);
        }
    }
    for (inside, text) in &dom.texts {
        let is_kept = inside.iter().any(|name| name == "bdi" || name == "pre");
        assert!(is_kept || !text.contains(steers), "{what}: {text} in {inside:?}");
    }
}

#[test]
fn a_hostile_name_everywhere_is_text_everywhere() {
    for name in names() {
        let page = page(&hostile(&mut || name.clone()));
        check(&page, &name);
        let shown = Dom::parse(&page).text();
        let plain: String = name.chars().filter(|c| !c.is_control()).collect();
        assert!(shown.contains(&name) || plain.trim().len() < 5, "{name}");
    }
}

#[test]
fn a_hostile_name_in_a_verdict_is_text_in_every_format() {
    for (sample, analysis) in sample::decided() {
        for name in names() {
            let analysis = replaced(&analysis, &mut || name.clone());
            let what = format!("{sample}: {name}");
            check(&page(&analysis), &what);
            let summary = reports::summary(&analysis);
            assert!(!summary.contains(|c: char| steers(c) || (c.is_control() && c != '\n')), "{what}: {summary}");
            let markdown = reports::markdown(&analysis, &reports::Money::default());
            let tables = markdown.lines().filter(|line| line.starts_with('|') && line.contains("limits |"));
            assert_eq!(tables.count(), 1, "{what}: {markdown}");
            let outside = markdown.lines().filter(|line| !line.contains('`')).collect::<String>();
            assert!(!outside.contains("<script") && !markdown.contains(steers), "{what}: {markdown}");
        }
    }
}

#[test]
fn different_hostile_names_do_not_work_together() {
    let names = names();
    let mut n = 0;
    let analysis = hostile(&mut || {
        n += 1;
        format!("{}{n}", names[n % names.len()])
    });
    assert!(n > 500, "only {n} names were replaced");
    check(&page(&analysis), "mixed");
}

#[test]
fn a_hostile_page_has_the_elements_of_a_peaceful_one() {
    let count = |analysis: &Analysis| {
        let dom = Dom::parse(&page(analysis));
        assert_eq!(dom.errors, Vec::<String>::new());
        ["table", "svg", "section", "h2", "details", "figure", "nav"].map(|name| dom.named(name).len())
    };
    let mut n = 0;
    let mut peaceful = || {
        n += 1;
        format!("name-{n}")
    };
    let peace = hostile(&mut peaceful);
    let mut m = 0;
    let war = hostile(&mut || {
        m += 1;
        format!("{}{m}", sample::HOSTILE[m % sample::HOSTILE.len()])
    });
    assert_eq!(count(&peace), count(&war));
}
