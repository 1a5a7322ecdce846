//! Exports in several files, packed, and delivered more than once.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::io::Write;

use fixtures::invoice::{BillFormat, BillPlan};

use crate::planted::{bill, check, hours, read, seen};

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_bill_in_parts_is_one_bill_and_only_its_last_delivery_counts() {
    let hours = hours();
    let bill = bill(BillPlan::default(), &hours);
    let text = bill.csv(BillFormat::Cur);
    let (head, rows) = text.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    let (first, second) = rows.split_at(rows.len() / 2);
    let part = |rows: &[&str]| packed(&format!("{head}\n{}\n", rows.join("\n")));
    let folder = tempfile::tempdir().unwrap();
    let month = folder.path().join("cur/20260701-20260801");
    for (delivery, parts) in [("old", vec![first]), ("new", vec![first, second])] {
        std::fs::create_dir_all(month.join(delivery)).unwrap();
        for (n, rows) in (1..).zip(parts) {
            std::fs::write(month.join(format!("{delivery}/cur-0000{n}.csv.gz")), part(rows)).unwrap();
        }
    }
    let said = read(folder.path(), seen(&hours), None).unwrap_err().to_string();
    assert!(
        said.contains("several deliveries of 20260701-20260801") && said.contains("new") && said.contains("old"),
        "{said}"
    );
    let keys = r#"{"assemblyId":"new","reportKeys":["p/cur/20260701-20260801/new/cur-00001.csv.gz","p/cur/20260701-20260801/new/cur-00002.csv.gz"]}"#;
    std::fs::write(month.join("cur-Manifest.json"), keys).unwrap();
    let invoice = read(folder.path(), seen(&hours), None).unwrap();
    assert_eq!(invoice.export.files, 2);
    check(&invoice, &bill.truth, true);
    // Or the folder of one delivery.
    check(&read(&month.join("new"), seen(&hours), None).unwrap(), &bill.truth, true);
}
