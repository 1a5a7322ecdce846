//! Sums of an export come out to the nano-dollar, whatever its format.

#![expect(
    clippy::unwrap_used,
    clippy::as_conversions,
    reason = "a test stops where it fails, and compares with floats"
)]

use std::path::Path;

use fixtures::Cluster;
use fixtures::invoice::{Bill, BillFormat, BillPlan, BillTruth};
use invoice::{Estimate, Export, ExportUri, InvoiceError, Matcher, Seen, SeenNode, SeenVolume, Terms, instance_id};
use lake::HourRows;
use types::analysis::{BillLine, Invoice};
use types::{CommitmentKind, Hour, UsdPerHour, Window};

/// 1 July 2026, midnight.
pub(crate) const START: i64 = 1_782_864_000;
pub(crate) const HOURS: i64 = 6;
const MONTH: i64 = 31 * 86_400;

pub(crate) const FORMATS: [BillFormat; 4] =
    [BillFormat::Cur, BillFormat::Cur2, BillFormat::Focus10, BillFormat::Focus12];

/// A list price that differs by type, as a list's do.
pub(crate) fn list(name: &str) -> Option<f64> {
    let letters: u32 = name.bytes().map(u32::from).sum();
    Some(0.05 + f64::from(letters % 97) / 100.0)
}

/// The cluster's hours.
pub(crate) fn hours() -> Vec<(Hour, HourRows)> {
    first_hours(HOURS)
}

/// So many hours of the cluster.
pub(crate) fn first_hours(count: i64) -> Vec<(Hour, HourRows)> {
    let first = Hour::starting_at(START).unwrap();
    let window = Window::try_new(first.start(), first.plus(count).start()).unwrap();
    let cluster = Cluster::generate(7, window);
    window.hours().map(|hour| (hour, cluster.hour_rows(hour))).collect()
}

/// The bill of these hours.
pub(crate) fn bill(plan: BillPlan, hours: &[(Hour, HourRows)]) -> Bill {
    let mut bill = Bill::new(plan);
    hours.iter().for_each(|(hour, rows)| bill.hour(*hour, rows, &list));
    bill.month(START, START + MONTH);
    bill
}

/// Machines and volumes by id of a lake with these hours.
pub(crate) fn seen(hours: &[(Hour, HourRows)]) -> Seen {
    let mut seen = Seen::new(&hours.iter().map(|(hour, _)| *hour).collect::<Vec<_>>());
    for (hour, rows) in hours {
        for node in &rows.nodes {
            let Some(id) = instance_id(&node.provider_id) else { continue };
            let kind = node.instance_type.clone().unwrap_or_default();
            seen.node(*hour, id, node.up_seconds.into(), || SeenNode {
                name: node.node.clone(),
                price: list(&kind).and_then(|usd| UsdPerHour::try_new(usd).ok()),
                instance_type: kind,
                capacity_type: node.capacity_type.as_deref().and_then(types::CapacityType::of).unwrap_or_default(),
            });
        }
        for volume in &rows.volumes {
            let Some(id) = &volume.volume_id else { continue };
            seen.volume(*hour, id, volume.present_seconds.into(), || SeenVolume {
                claim: format!("{}/{}", volume.namespace, volume.volume_claim),
                ..SeenVolume::default()
            });
        }
    }
    seen
}

pub(crate) fn read(path: &Path, seen: Seen, eks_cluster: Option<&str>) -> Result<Invoice, InvoiceError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let export = Export::open(&ExportUri::Path(path.to_owned())).await?;
        let (location, files) = (export.location.clone(), export.len());
        let matcher = Matcher::new(seen, "USD");
        let take = |matcher: &mut Matcher, format, charge: &invoice::Charge<'_>| matcher.take(format, charge);
        let matcher = invoice::read(export, matcher, take).await?;
        matcher.hours_in_both("demo")?;
        let terms = Terms {
            cluster_id: "demo".to_owned(),
            currency: "USD".to_owned(),
            eks_cluster: eks_cluster.map(ToOwned::to_owned),
        };
        Ok(invoice::conclude(&location, files, matcher, &Estimate::default(), &terms))
    })
}

/// Ten-billionths as nano-dollars.
fn nano(ten_billionths: i64) -> i64 {
    let half = if ten_billionths < 0 { -5 } else { 5 };
    (ten_billionths + half) / 10
}

fn nanos(usd: f64) -> i64 {
    (usd * 1e9).round() as i64
}

fn line<'i>(invoice: &'i Invoice, name: &str) -> &'i BillLine {
    invoice.lines.iter().find(|line| line.line == name).unwrap_or_else(|| panic!("{name} in {:?}", invoice.lines))
}

/// Holds an invoice against the sums its export was made with.
pub(crate) fn check(invoice: &Invoice, truth: &BillTruth, with_list: bool) {
    for (name, billed) in &truth.billed {
        let line = line(invoice, name);
        assert_eq!(line.billed_usd.map(nanos), Some(nano(*billed)), "{name} billed");
        let list = nano(*truth.list.get(name).unwrap());
        assert_eq!(line.list_usd.map(nanos), Some(list).filter(|_| with_list), "{name} at list");
    }
    for ((kind, purchase), [quantity, list, billed]) in &truth.machines {
        let capacity = if *purchase == "spot" { "spot" } else { "on-demand" };
        let machine = invoice.machines.iter().find(|of| of.instance_type == *kind && of.capacity_type == capacity);
        let of = machine.unwrap().purchases.iter().find(|of| of.purchase == *purchase);
        // What is in the bill alone is of the cluster too, by its tag.
        let stray = (kind == "m5.large" && *purchase == "on-demand").then_some(());
        let of = of.unwrap();
        if stray.is_none() {
            assert_eq!(nanos(of.billed_usd), nano(*billed), "{kind} {purchase}");
            assert_eq!(nanos(of.hours), nano(*quantity), "{kind} {purchase}");
            let per_hour = *list as f64 / *quantity as f64;
            assert!((of.list_usd_per_hour.unwrap() - per_hour).abs() < 1e-9, "{kind} {purchase}");
        }
    }
    let plan = invoice.commitments.iter().find(|one| one.kind == CommitmentKind::ComputeSavingsPlan).unwrap();
    let [committed, unused] = truth.plan;
    assert_eq!((nanos(plan.committed_usd), nanos(plan.unused_usd)), (nano(committed), nano(unused)));
    assert!((plan.discount_fraction.unwrap() - 0.27).abs() < 1e-6, "{plan:?}");
    let reserved = invoice.commitments.iter().find(|one| one.kind == CommitmentKind::ReservedInstances).unwrap();
    assert!((reserved.discount_fraction.unwrap() - 0.4).abs() < 1e-6, "{reserved:?}");
    for (resource, billed) in &truth.only_billed {
        let row = invoice.only_billed.iter().find(|row| row.resource == *resource).unwrap();
        assert_eq!((nanos(row.billed_usd), row.reason.as_str()), (nano(*billed), "not_seen"), "{resource}");
    }
    assert_eq!(invoice.only_seen.len(), truth.only_seen.len(), "{:?}", invoice.only_seen);
    for (resource, seconds) in &truth.only_seen {
        let row = invoice.only_seen.iter().find(|row| row.resource == *resource).unwrap();
        assert!((row.hours * 3600.0 - *seconds as f64).abs() < 1e-6, "{resource}");
    }
    for (name, billed) in &truth.elsewhere {
        let of_line = invoice.elsewhere.iter().filter(|row| row.line == *name);
        assert_eq!(nanos(of_line.map(|row| row.billed_usd).sum()), nano(*billed), "{name} elsewhere");
    }
}

#[test]
fn every_format_says_the_same_to_the_nano_dollar() {
    let hours = hours();
    let bill = bill(BillPlan::default(), &hours);
    assert!(bill.truth.machines.len() >= 4 && !bill.truth.only_seen.is_empty(), "{:?}", bill.truth);
    for format in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bill.csv"), bill.csv(format)).unwrap();
        let invoice = read(folder.path(), seen(&hours), None).unwrap();
        check(&invoice, &bill.truth, true);
        assert_eq!(invoice.export.cluster_names, ["demo-eks"], "{format:?}");
        assert_eq!((i64::from(invoice.hours.in_both), invoice.export.hours_per_line), (HOURS, 1));
        // A thousand dollars a month, for six of its hours.
        let support = f64::from(1000 * 6) / 744.0;
        assert!((line(&invoice, "support").elsewhere_usd - support).abs() < 1e-8, "{format:?}");
        assert!((line(&invoice, "tax").elsewhere_usd - support).abs() < 1e-8, "{format:?}");
        let discount = invoice.discount.as_ref().unwrap();
        assert!((discount.fraction.unwrap() - 0.07).abs() < 1e-6 && discount.uniform, "{discount:?}");
        assert!(invoice.elsewhere.iter().any(|row| row.cluster.as_deref() == Some("other-eks")));
    }
}

#[test]
fn a_discount_in_lines_of_its_own_is_taken_off_what_it_is_for() {
    let hours = hours();
    let bill = bill(BillPlan { net_columns: false, ..BillPlan::default() }, &hours);
    for format in [BillFormat::Cur, BillFormat::Cur2] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bill.csv"), bill.csv(format)).unwrap();
        let invoice = read(folder.path(), seen(&hours), None).unwrap();
        check(&invoice, &bill.truth, true);
        let discount = invoice.discount.as_ref().unwrap();
        let edp = discount.list_usd - discount.billed_usd;
        assert!(discount.edp_usd > 0.0 && (discount.edp_usd - edp).abs() < 1e-8, "{discount:?}");
    }
}

#[test]
fn without_tags_the_cluster_is_known_by_what_was_seen_alone() {
    let hours = hours();
    let plan = BillPlan { tags: false, ..BillPlan::default() };
    let bill = bill(plan, &hours);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bill.csv"), bill.csv(BillFormat::Cur)).unwrap();
    let invoice = read(folder.path(), seen(&hours), None).unwrap();
    assert!(invoice.notes.iter().any(|note| note.text.contains("aws:eks:cluster-name")), "{:?}", invoice.notes);
    assert!(!invoice.lines.iter().any(|line| line.line == "control_plane" && line.billed_usd.is_some()));
    let compute = line(&invoice, "compute");
    assert_eq!(compute.billed_usd.map(nanos), bill.truth.billed.get("compute").map(|usd| nano(*usd)));
    // Its name tells the control plane, which has it in its ARN.
    let named = read(folder.path(), seen(&hours), Some("demo-eks")).unwrap();
    check(&named, &bill.truth, true);
}

#[test]
fn the_same_export_gives_the_same_invoice() {
    let hours = hours();
    let bill = bill(BillPlan::default(), &hours);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bill.csv"), bill.csv(BillFormat::Cur2)).unwrap();
    let [a, b] = [(), ()].map(|()| read(folder.path(), seen(&hours), None).unwrap());
    assert_eq!(a, b);
}

#[test]
fn hours_that_the_export_lacks_are_compared_on_neither_side() {
    let hours = hours();
    let (first, _) = hours.split_at(2);
    let bill = bill(BillPlan { unmatched: false, ..BillPlan::default() }, first);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bill.csv"), bill.csv(BillFormat::Cur)).unwrap();
    let invoice = read(folder.path(), seen(&hours), None).unwrap();
    assert_eq!((invoice.hours.in_lake, invoice.hours.in_both), (6, 2));
    assert!(invoice.notes.iter().any(|note| note.text.contains("covers 2 of the 6 hours")), "{:?}", invoice.notes);
    check(&invoice, &bill.truth, true);
}

#[test]
fn billed_prices_are_a_prices_file_marked_as_such() {
    let hours = hours();
    let bill = bill(BillPlan::default(), &hours);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bill.csv"), bill.csv(BillFormat::Cur)).unwrap();
    let invoice = read(folder.path(), seen(&hours), None).unwrap();
    let text = invoice::price_file(&invoice, Some("us-east-1"));
    for part in [
        "[discount]\nedp_fraction = 0.07\n",
        "kind = \"compute-savings-plan\"",
        "source = \"invoice\"",
        "[control_plane]\nusd_per_hour = 0.093\n",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let nodes = text.matches("[[node]]").count();
    assert!(nodes >= 3, "{text}");
}
