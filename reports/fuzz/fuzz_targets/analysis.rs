//! Any bytes as an `analysis.json`: refused, or shown on a page, in a summary and beside itself; never a panic, and what
//! is in it never becomes markup.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reports::{Options, markdown, page, summary};
use types::analysis::Analysis;

fuzz_target!(|text: &[u8]| {
    let Ok(analysis) = serde_json::from_slice::<Analysis>(text) else { return };
    let options = Options::default();
    let html = page(&analysis, &options).expect("a page is text");
    assert!(!html.contains("<script"), "what is in an analysis is never markup");
    let _summary = summary(&analysis);
    let _markdown = markdown(&analysis, options.currency());
});
