//! The bill beside the analysis: what is shown, and that names in it are text.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::dom::Dom;
use crate::hostile::check;
use crate::sample;

use reports::{Money, Options, invoice_markdown, invoice_page, invoice_summary};
use serde_json::Value;
use types::analysis::{BilledMachine, Invoice, OnlyBilled};

fn invoice() -> Invoice {
    sample::billed().invoice.unwrap()
}

#[test]
fn the_first_sentence_says_how_far_the_estimate_is_off() {
    let text =
        "Billed for this cluster: $10,610. Estimated for the same 720\u{a0}hours: $12,840: 21.0\u{a0}% above the bill.";
    let page = invoice_page(&invoice(), &Money::default()).unwrap();
    assert!(Dom::parse(&page).text().contains(text), "{page}");
    assert!(invoice_summary(&invoice(), &Money::default()).contains(text));
    assert!(invoice_markdown(&invoice(), &Money::default()).contains("21.0"));
    let report = reports::page(&sample::billed(), &Options::default()).unwrap();
    assert!(Dom::parse(&report).text().contains(text));
    assert!(report.contains("href=\"#invoice\""));
    assert!(!reports::page(&sample::full(), &Options::default()).unwrap().contains("id=\"invoice\""));
}

#[test]
fn what_was_learned_is_said_in_sentences() {
    let text = invoice_summary(&invoice(), &Money::default());
    for part in [
        "On-demand instances are billed 7.0\u{a0}% below list price, the same on every instance type",
        "69.4\u{a0}% on demand and 30.6\u{a0}% under Savings Plans",
        "In the bill and not in the lake: $64",
        "Data transfer",
        "Warning: The estimate is 21 % above the bill.",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_table_of_the_markdown_says_how_many_rows_it_leaves_out_and_what_they_come_to() {
    let mut invoice = invoice();
    let one = invoice.only_billed[0].clone();
    let row = |n: u32| OnlyBilled { resource: format!("i-{n:04}"), billed_usd: f64::from(100 - n), ..one.clone() };
    invoice.only_billed = (0..34).map(row).collect();
    let machine = invoice.machines[0].clone();
    let machine = |n: u32| BilledMachine { instance_type: format!("m{n}.large"), billed_usd: 10.0, ..machine.clone() };
    invoice.machines = (0..28).map(machine).collect();
    let text = invoice_markdown(&invoice, &Money::default());
    // Of 34 rows ten are shown; 90 down to 67 are not.
    assert!(text.contains("| i-0009 |") && !text.contains("i-0010"), "{text}");
    assert!(text.contains("And 24 more, $1,884 in all; invoice.json has them."), "{text}");
    assert!(text.contains("And 3 more, $30 in all; invoice.json has them."), "{text}");
}

#[test]
fn amounts_are_shown_in_another_currency_too() {
    let money = Money::try_new("EUR", 0.5).unwrap();
    assert!(invoice_summary(&invoice(), &money).contains("€5,305"));
}

/// Replaces every string but those that are one of a few words.
fn replace(value: &mut Value, key: &str, with: &str) {
    match value {
        Value::String(_) if ["start", "end", "gravity", "schema", "currency", "kind"].contains(&key) => {}
        Value::String(text) => with.clone_into(text),
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, key, with)),
        Value::Object(fields) => fields.iter_mut().for_each(|(key, value)| replace(value, key, with)),
        _ => {}
    }
}

#[test]
fn a_hostile_name_in_a_bill_is_text_everywhere() {
    for name in sample::HOSTILE {
        let mut value = serde_json::to_value(invoice()).unwrap();
        replace(&mut value, "", name);
        let invoice: Invoice = serde_json::from_value(value).unwrap();
        check(&invoice_page(&invoice, &Money::default()).unwrap(), name);
        let steers = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let summary = invoice_summary(&invoice, &Money::default());
        assert!(!summary.contains(|c: char| steers(c) || (c.is_control() && c != '\n')), "{name}: {summary}");
        // In a code span a name is text.
        let markdown = invoice_markdown(&invoice, &Money::default()).replace(&format!("`{name}`"), "");
        assert!(!markdown.contains("<script") && !markdown.contains(steers), "{name}: {markdown}");
    }
}
