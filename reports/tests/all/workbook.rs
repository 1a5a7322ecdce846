//! The Excel workbook, unpacked and read as XML: every cell says what the CSV table says, and nothing in it runs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use chrono::{DateTime, TimeDelta, Utc};
use reports::csv_tables::SHEETS;
use reports::workbook;
use types::analysis::Analysis;
use xmlparser::{ElementEnd, Token, Tokenizer};

use crate::sample;

/// A cell as the file has it.
#[derive(Debug, Clone, PartialEq)]
enum Field {
    Text(String),
    Number(f64),
    Flag(bool),
}

/// A sheet as the file has it.
#[derive(Debug, Default)]
struct Content {
    cells: BTreeMap<(usize, usize), Field>,
    styles: BTreeMap<(usize, usize), usize>,
    elements: Vec<String>,
}

/// An element with its attributes, or the text before the end of one.
fn events(xml: &str) -> Vec<(String, BTreeMap<String, String>, String)> {
    let mut events: Vec<(String, BTreeMap<String, String>, String)> = Vec::new();
    let mut open = Vec::new();
    for token in Tokenizer::from(xml) {
        match token.unwrap() {
            Token::ElementStart { local, .. } => {
                events.push((local.as_str().to_owned(), BTreeMap::new(), String::new()));
                open.push(events.len() - 1);
            }
            Token::Attribute { local, value, .. } => {
                let last = *open.last().unwrap();
                events[last].1.insert(local.as_str().to_owned(), entities(value.as_str()));
            }
            Token::Text { text } => {
                if let Some(last) = open.last() {
                    events[*last].2.push_str(&entities(text.as_str()));
                }
            }
            Token::ElementEnd { end: ElementEnd::Empty | ElementEnd::Close(..), .. } => {
                open.pop().unwrap();
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "an element is not closed");
    events
}

fn entities(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#xA;", "\n").replace("&amp;", "&")
}

/// `_xHHHH_` as Excel reads it.
fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let code = rest.get(at + 2..at + 6).filter(|_| rest.get(at + 6..at + 7) == Some("_"));
        let code = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
        plain.push_str(&rest[..at]);
        match code {
            Some(c) => {
                plain.push(c);
                rest = &rest[at + 7..];
            }
            None => {
                plain.push_str("_x");
                rest = &rest[at + 2..];
            }
        }
    }
    plain + rest
}

fn parts(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut parts = BTreeMap::new();
    for n in 0..archive.len() {
        let mut file = archive.by_index(n).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        parts.insert(file.name().unwrap().into_owned(), text);
    }
    parts
}

/// Row and column, from 0, of a reference such as `B3`.
fn place(reference: &str) -> (usize, usize) {
    let letters: String = reference.chars().take_while(char::is_ascii_uppercase).collect();
    let column = letters.bytes().fold(0, |sum, letter| sum * 26 + usize::from(letter - b'A') + 1) - 1;
    (reference[letters.len()..].parse::<usize>().unwrap() - 1, column)
}

/// Every sheet by its name, in order.
fn read(bytes: &[u8]) -> Vec<(String, Content)> {
    let parts = parts(bytes);
    let mut strings: Vec<String> = Vec::new();
    for (name, _, text) in events(&parts["xl/sharedStrings.xml"]) {
        match name.as_str() {
            "si" => strings.push(String::new()),
            "t" => strings.last_mut().unwrap().push_str(&unescaped(&text)),
            "sst" => {}
            other => panic!("<{other}> among the strings"),
        }
    }
    let names = events(&parts["xl/workbook.xml"]).into_iter().filter(|(name, ..)| name == "sheet");
    let mut sheets = Vec::new();
    for (n, (_, attributes, _)) in names.enumerate() {
        let mut sheet = Content::default();
        let mut at = ((0, 0), String::new());
        for (name, attributes, text) in events(&parts[&format!("xl/worksheets/sheet{}.xml", n + 1)]) {
            if name == "c" {
                at = (place(&attributes["r"]), attributes.get("t").cloned().unwrap_or_default());
                sheet.styles.insert(at.0, attributes.get("s").map_or(0, |s| s.parse().unwrap()));
            } else if name == "v" {
                let field = match at.1.as_str() {
                    "s" => Field::Text(strings[text.parse::<usize>().unwrap()].clone()),
                    "b" => Field::Flag(text == "1"),
                    "" => Field::Number(text.parse().unwrap()),
                    other => panic!("a cell of type {other}"),
                };
                sheet.cells.insert(at.0, field);
            }
            sheet.elements.push(name);
        }
        sheets.push((attributes["name"].clone(), sheet));
    }
    sheets
}

/// A moment of Excel, to the second.
fn moment(days: f64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "1899-12-30T00:00:00Z".parse().unwrap();
    start + TimeDelta::seconds(types::number::whole((days * 86_400.0).round()))
}

/// Whether a cell says what a field of CSV says.
fn same(field: &str, cell: Option<&Field>) -> bool {
    match cell {
        None => field.is_empty(),
        Some(Field::Text(text)) => {
            let guarded = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\'']);
            text == field || (guarded && format!("'{text}") == field) || (text.ends_with('…') && text.len() > 30_000)
        }
        Some(Field::Flag(flag)) => flag.to_string() == field,
        Some(Field::Number(number)) => match field.parse::<f64>() {
            Ok(expect) => (number - expect).abs() <= 1e-12 * expect.abs(),
            Err(_) => field.parse::<DateTime<Utc>>().is_ok_and(|expect| moment(*number) == expect),
        },
    }
}

fn check(what: &str, analysis: &Analysis) {
    let bytes = workbook(analysis).unwrap();
    assert!(bytes == workbook(analysis).unwrap(), "{what}: the same bytes");
    let sheets = read(&bytes);
    let names: Vec<&str> = sheets.iter().map(|(name, _)| name.as_str()).collect();
    let mut expect = vec!["contents"];
    expect.extend(SHEETS.iter().map(|sheet| sheet.name));
    expect.push("columns");
    assert_eq!(names, expect, "{what}");
    for (table, (name, sheet)) in SHEETS.iter().zip(&sheets[1..]) {
        assert!(!sheet.elements.iter().any(|element| element == "f"), "{what} {name}: a formula");
        for element in ["pane", "autoFilter", "col"] {
            assert!(sheet.elements.iter().any(|one| one == element), "{what} {name}: no <{element}>");
        }
        let csv = table.csv(analysis).unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_slice());
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let widest = sheet.cells.keys().map(|(row, _)| row + 1).max().unwrap_or(0);
        assert!(widest <= records.len(), "{what} {name}: {widest} rows of {}", records.len());
        for (row, record) in records.iter().enumerate() {
            for (column, field) in record.iter().enumerate() {
                let cell = sheet.cells.get(&(row, column));
                assert!(same(field, cell), "{what} {name} {row} {column}: {field:?} is {cell:?}");
            }
        }
    }
}

#[test]
fn every_cell_says_what_the_table_says() {
    for (name, analysis) in sample::all().into_iter().chain([("full", sample::full())]) {
        check(name, &analysis);
    }
}

#[test]
fn a_hostile_name_is_text_in_a_cell() {
    let names = [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "@SUM(A1:A9)",
        "<r><t>rich</t></r>",
        "<r>]]></t></si><si><t></r>",
        "_x0041_ and _x000D_",
        "]]>&amp;<!--",
        "\u{0}\u{1}\u{b}\u{1f}\u{7f}\u{85}\u{2028}\u{fffe}\u{ffff}",
        " led and trailed ",
        "https://example.com/?a=b",
        "mailto:somebody@example.com",
    ];
    let names = names.into_iter().map(str::to_owned).chain([sample::HOSTILE.concat(), "🦀".repeat(40_000)]);
    for name in names {
        let mut analysis = sample::full();
        analysis.cluster_id = name.clone();
        for row in &mut analysis.allocation.as_mut().unwrap().by_workload {
            row.workload = name.clone();
        }
        let sheets = read(&workbook(&analysis).unwrap());
        let (_, workloads) = sheets.iter().find(|(sheet, _)| sheet == "workloads").unwrap();
        let shown = &workloads.cells[&(1, 2)];
        let cut = name.chars().count() > 30_000;
        let marked = name.starts_with("<r>") && name.ends_with("</r>");
        let expect = if marked { format!("'{name}") } else { name.clone() };
        assert!(cut || *shown == Field::Text(expect), "{name:?} is {shown:?}");
        for (sheet, read) in &sheets {
            let links = read.elements.iter().filter(|element| *element == "hyperlink").count();
            assert!(links == 0 || sheet == "contents", "{sheet}: {links} links");
            assert!(!read.elements.iter().any(|element| element == "f"), "{sheet}");
        }
        if marked {
            // The library's own markup would have been other elements among the strings, which `read` refuses.
            continue;
        }
        check(&name.chars().take(20).collect::<String>(), &analysis);
    }
}

#[test]
fn amounts_are_amounts_and_no_clock_is_in_the_file() {
    let analysis = sample::full();
    let bytes = workbook(&analysis).unwrap();
    let parts = parts(&bytes);
    let core = &parts["docProps/core.xml"];
    let end = analysis.window.end.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    assert_eq!(core.matches(&end).count(), 2, "{core}");
    let styles = events(&parts["xl/styles.xml"]);
    let formats: BTreeMap<String, String> = styles
        .iter()
        .filter(|(name, ..)| name == "numFmt")
        .map(|(_, attributes, _)| (attributes["numFmtId"].clone(), attributes["formatCode"].clone()))
        .collect();
    let used: Vec<&BTreeMap<String, String>> = styles
        .iter()
        .skip_while(|(name, ..)| name != "cellXfs")
        .filter(|(name, ..)| name == "xf")
        .map(|(_, attributes, _)| attributes)
        .collect();
    let (_, scenarios) = read(&bytes).into_iter().find(|(sheet, _)| sheet == "scenarios").unwrap();
    let of = |row: usize, column: usize| {
        let id = &used[scenarios.styles[&(row, column)]]["numFmtId"];
        formats.get(id).cloned().unwrap_or_else(|| id.clone())
    };
    assert_eq!(of(1, 4), "[$$-409]#,##0.00;-[$$-409]#,##0.00");
    assert!(matches!(scenarios.cells[&(1, 4)], Field::Number(_)));
    let mut yuan = analysis;
    yuan.currency = "CNY".to_owned();
    let styles = &self::parts(&workbook(&yuan).unwrap())["xl/styles.xml"];
    assert!(styles.contains("[$¥-804]#,##0.00") && !styles.contains("[$$-409]"), "{styles}");
}
