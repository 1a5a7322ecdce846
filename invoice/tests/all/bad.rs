//! Faults of an export are said with the file, the column and the next step.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::io::Write;

use fixtures::invoice::{BillFormat, BillPlan};
use types::Hour;

use crate::planted::{START, bill, hours, read, seen};

/// Error of an export with this content.
fn said(name: &str, content: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), content).unwrap();
    let hours = hours();
    let error = read(folder.path(), seen(&hours), None).unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

#[test]
fn a_file_that_is_no_export_is_named() {
    assert!(said("a.csv", "name,amount\nx,1\n").contains("`a.csv` lacks the columns of a cost export"));
    assert!(said("a.txt", "x").contains("holds no CSV or Parquet file"));
    assert!(said("a.csv.zip", "x").contains("`a.csv.zip` is a ZIP file; unpack it"));
    assert!(said("a.parquet", "not parquet").contains("could not read `a.parquet`"));
    assert!(said("a.csv.gz", "not packed").contains("could not read `a.csv.gz`"));
    assert!(said("a.csv", "").contains("lacks the columns"));
}

#[test]
fn a_bad_value_is_named_with_its_row_and_column() {
    let hours = hours();
    let text = bill(BillPlan::default(), &hours).csv(BillFormat::Cur);
    let row = text.lines().nth(1).unwrap();
    let broken = |from: &str, to: &str| said("a.csv", &text.replacen(row, &row.replacen(from, to, 1), 1));
    let start = "2026-07-01T00:00:00Z";
    let about = broken(start, "yesterday");
    assert!(about.contains("`a.csv`, row 1: `yesterday` in column `lineItem/UsageStartDate`"), "{about}");
    let about = broken(",USD,", ",USD,x");
    assert!(about.contains("column `lineItem/UnblendedCost` is not a number"), "{about}");
    let about = broken(",USD,", ",EUR,");
    assert!(about.contains("the bill is in EUR") && about.contains("export the bill in USD"), "{about}");
}

#[test]
fn a_bill_in_another_currency_is_read_no_further() {
    let hours = hours();
    let text = bill(BillPlan::default(), &hours).csv(BillFormat::Cur).replacen(",USD,", ",EUR,", 1);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    // The end of the file is missing, which whoever reads that far is told of.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv.gz"), &packed[..packed.len() / 2]).unwrap();
    let error = read(folder.path(), seen(&hours), None).unwrap_err().to_string();
    assert!(error.contains("the bill is in EUR"), "{error}");
}

#[test]
fn an_export_of_another_month_says_so() {
    let hours = hours();
    let text = bill(BillPlan::default(), &hours).csv(BillFormat::Focus10).replace("2026-07-", "2026-05-");
    let about = said("a.csv", &text);
    assert!(
        about.contains("no hour is in both")
            && about.contains("2026-05-01 00:00")
            && about.contains("2026-07-01 00:00"),
        "{about}"
    );
    assert!(Hour::starting_at(START).is_some());
}
