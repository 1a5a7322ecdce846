//! Showback by label: a page and a table for each value, and for what has none.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::sample;

use crate::dom::Dom;
use reports::export::{File, Format, Report, files};
use reports::{Options, focus};
use types::analysis::Analysis;

fn written(analysis: &Analysis) -> Vec<File> {
    let (options, settings) = (Options::default(), focus::Settings::default());
    let report = Report { analysis, json: b"{}", options: &options, focus: &settings };
    files(&report, &[Format::Labels]).unwrap()
}

fn text(files: &[File], name: &str) -> String {
    let file = files.iter().find(|file| file.name == name).unwrap_or_else(|| panic!("no {name} in {files:?}"));
    String::from_utf8(file.content.clone()).unwrap()
}

#[test]
fn every_value_has_a_page_and_a_table_and_what_has_none_is_named() {
    let files = written(&sample::right_sizing());
    assert_eq!(files.len(), 6, "two teams, and what has none");
    let page = text(&files, "labels/team/without.html");
    let dom = Dom::parse(&page);
    assert_eq!(dom.errors, Vec::<String>::new());
    assert!(dom.text().contains("without this label") && page.contains("Together"));
    let table = text(&files, "labels/team/is-checkout.csv");
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_reader(table.as_bytes()).into_records().map(Result::unwrap).collect();
    let sum: f64 = rows.iter().map(|row| row[5].parse::<f64>().unwrap()).sum();
    assert!((sum - 9_000.0 * 730.0 / 720.0).abs() < 1e-6, "{sum}");
    assert!(rows.iter().all(|row| &row[0] == "team" && &row[1] == "checkout"));
}

#[test]
fn names_become_no_paths_and_no_markup() {
    let mut analysis = sample::right_sizing();
    let rows = &mut analysis.allocation.as_mut().unwrap().by_label;
    for (row, value) in rows.iter_mut().zip(["../../etc/x", "..\\..\\etc_x", "<b>"]) {
        (row.label, row.value) = ("../team".to_owned(), Some(value.to_owned()));
    }
    let files = written(&analysis);
    let mut names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    names.dedup();
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(names.iter().all(|name| !name.contains("..") && name.starts_with("labels/___team/")), "{names:?}");
    let pages = files.iter().filter(|file| file.name.ends_with(".html"));
    assert!(pages.into_iter().all(|file| !String::from_utf8_lossy(&file.content).contains("<b>")));
}

#[test]
fn without_labels_there_are_no_files() {
    let mut analysis = sample::right_sizing();
    analysis.allocation.as_mut().unwrap().by_label.clear();
    assert_eq!(written(&analysis), []);
}
