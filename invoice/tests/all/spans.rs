//! Exports by the day and by the month, whose lines are of no single hour.

#![expect(
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "a test stops where it fails, and compares with floats"
)]

use fixtures::invoice::{Bill, BillFormat, BillPlan};
use types::analysis::Invoice;

use crate::planted::{FORMATS, START, bill, check, first_hours, read, seen};

const DAY: i64 = 86_400;
const MONTH: i64 = 31 * DAY;

fn invoice(bill: &Bill, format: BillFormat, lake: &[(types::Hour, lake::HourRows)]) -> Invoice {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bill.csv"), bill.csv(format)).unwrap();
    read(folder.path(), seen(lake), None).unwrap()
}

fn billed(invoice: &Invoice, line: &str) -> f64 {
    invoice.lines.iter().find(|row| row.line == line).unwrap().billed_usd.unwrap()
}

/// Ten-billionths of a dollar in dollars.
fn usd(bill: &Bill, line: &str) -> f64 {
    bill.truth.billed[line] as f64 / 1e10
}

fn says(invoice: &Invoice, words: &str) -> bool {
    invoice.notes.iter().any(|note| note.text.contains(words))
}

#[test]
fn a_daily_export_of_whole_days_says_what_an_hourly_one_does() {
    let hours = first_hours(24);
    let daily = bill(BillPlan::default(), &hours).by_span(START, DAY);
    for format in FORMATS {
        let invoice = invoice(&daily, format, &hours);
        // A day with one billed hour counts as billed: what was left out for all of it is still found.
        check(&invoice, &daily.truth, true);
        assert_eq!((invoice.export.hours_per_line, invoice.hours.in_both), (24, 24), "{format:?}");
        assert!(
            says(&invoice, "The export is by the day: instances and volumes are matched by id and day"),
            "{invoice:?}"
        );
    }
}

#[test]
fn of_a_day_that_the_lake_has_in_part_an_instance_is_charged_for_what_was_seen() {
    let hours = first_hours(24);
    let daily = bill(BillPlan { unmatched: false, ..BillPlan::default() }, &hours).by_span(START, DAY);
    let (some, _) = hours.split_at(6);
    let expected = bill(BillPlan { unmatched: false, ..BillPlan::default() }, some);
    let invoice = invoice(&daily, BillFormat::Cur2, some);
    assert_eq!((invoice.hours.in_lake, invoice.hours.in_both), (6, 6));
    // A plan covers the same machines in every hour here, so a quarter of the day costs what its first six hours do.
    let off = billed(&invoice, "compute") / usd(&expected, "compute") - 1.0;
    assert!(off.abs() < 0.02, "{off}");
    assert!(invoice.only_seen.is_empty(), "{:?}", invoice.only_seen);
}

#[test]
fn a_monthly_export_is_matched_by_the_month_and_names_what_the_lake_never_saw() {
    let hours = first_hours(24);
    let hourly = bill(BillPlan::default(), &hours);
    let monthly = hourly.by_span(START, MONTH);
    for format in [BillFormat::Cur, BillFormat::Focus12] {
        let invoice = invoice(&monthly, format, &hours);
        assert_eq!((invoice.export.hours_per_line, invoice.hours.in_both), (744, 24), "{format:?}");
        assert!(says(&invoice, "The export is by the month"), "{:?}", invoice.notes);
        // Instances were billed for the hours seen, whatever the span; a stray one, in the bill alone, goes by time.
        let stray = invoice.only_billed.iter().find(|row| row.resource == "i-0feedfacefeedface").unwrap();
        assert_eq!(stray.reason, "not_seen");
        let of_stray = hourly.truth.only_billed["i-0feedfacefeedface"] as f64 / 1e10;
        let seen = usd(&hourly, "compute") - of_stray;
        assert!((billed(&invoice, "compute") - seen - stray.billed_usd).abs() < 1e-6, "{format:?}");
        assert!((stray.billed_usd - of_stray * 24.0 / 744.0).abs() < 1e-8, "{stray:?}");
        // A volume's price is by the time, of which the lake has 24 of 744 hours.
        let volumes = billed(&invoice, "volumes") / usd(&hourly, "volumes");
        assert!((volumes - 24.0 / 744.0).abs() < 1e-6, "{volumes}");
    }
}

#[test]
fn a_service_that_is_sold_by_the_month_makes_no_monthly_export() {
    let hours = first_hours(6);
    let (first, _) = hours.split_at(2);
    let text = bill(BillPlan { unmatched: false, ..BillPlan::default() }, first).csv(BillFormat::Cur2);
    // Usage of another service over the whole month, in an export that has two of its hours.
    let database = text.lines().find(|line| line.contains("AmazonRDS")).unwrap();
    let month = database.replacen("2026-07-01T01:00:00Z", "2026-08-01T00:00:00Z", 1);
    assert_ne!(database, month);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bill.csv"), format!("{text}{month}\n")).unwrap();
    let invoice = read(folder.path(), seen(&hours), None).unwrap();
    assert_eq!((invoice.hours.in_both, invoice.export.hours_per_line), (2, 1));
}

#[test]
fn pods_on_fargate_are_known_by_the_cluster_in_their_arn() {
    let hours = first_hours(2);
    let bill = bill(BillPlan { tags: false, ..BillPlan::default() }, &hours);
    assert!(bill.truth.billed["fargate"] > 0);
    let csv = bill.csv(BillFormat::Cur2);
    assert!(
        csv.contains("arn:aws:eks:us-east-1:111122223333:pod/demo-eks/payments/vault-proxy"),
        "a pod of the cluster"
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bill.csv"), csv).unwrap();
    // Without a tag anywhere, the name that was given is found in the ARNs; a name of another cluster is not.
    let of = |name: &str| {
        let invoice = read(folder.path(), seen(&hours), Some(name)).unwrap();
        let line = invoice.lines.iter().find(|row| row.line == "fargate").unwrap().clone();
        (line.billed_usd, line.elsewhere_usd)
    };
    let all = usd(&bill, "fargate");
    let (mine, others) = of("demo-eks");
    assert!((mine.unwrap() - all).abs() < 1e-8 && others == 0.0, "{mine:?} {others}");
    let (mine, others) = of("other-eks");
    assert!(mine.is_none() && (others - all).abs() < 1e-8, "{mine:?} {others}");
}
