//! Totals of tables, and scenarios that came out as another.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::sample;

use crate::dom::Dom;
use types::analysis::{Analysis, ClaimCost, EvidenceLine, Note, OverheadCost};

fn page(analysis: &Analysis) -> Dom {
    Dom::parse(&reports::page(analysis, &reports::Options::default()).unwrap())
}

/// Text of the rows whose head begins so.
fn rows(dom: &Dom, head: &str) -> Vec<String> {
    let text = dom.named("tr").into_iter().map(|row| row.text.trim().to_owned());
    text.filter(|text| text.starts_with(head)).collect()
}

fn claim(name: &str, usd: Option<f64>) -> ClaimCost {
    ClaimCost {
        namespace: "shop".to_owned(),
        claim: name.to_owned(),
        storage_class: None,
        volume_type: Some("gp3".to_owned()),
        gib_mean: Some(100.0),
        hours: 720.0,
        unmounted: false,
        usd,
    }
}

#[test]
fn tables_of_amounts_end_in_their_total() {
    let mut analysis = sample::full();
    let allocation = analysis.allocation.as_mut().unwrap();
    allocation.by_volume_claim = vec![claim("a", Some(72.0)), claim("b", Some(144.0)), claim("c", None)];
    allocation.overhead.push(OverheadCost { what: "boots".to_owned(), usd: 120.0, nano_usd: "0".to_owned() });
    let evidence = analysis.evidence.as_mut().unwrap();
    let row: EvidenceLine = evidence.lines.first().unwrap().clone();
    evidence.lines.push(EvidenceLine { usd: 1_800.0, ..row });
    let dom = page(&analysis);
    for (head, amount) in [
        // 6,000, 3,000 and 40 in 720 hours, as a month of 730.
        ("All workloadsdaemonsets too", "$9,166"),
        // Of the label's values.
        ("All workloads$", "$15,006"),
        ("All claims", "$219of those known"),
        ("All overhead", "$730"),
        ("All of today’s bill", "$20,075"),
        ("All families", "$"),
        ("Billed machinesEC2 today", "$"),
    ] {
        let found = rows(&dom, head);
        assert!(found.iter().any(|row| row.contains(amount)), "{head}: {found:?}");
    }
    // A total of each scenario, and none of scenarios that exclude each other.
    assert!(rows(&dom, "Billed machines").len() > 2);
}

#[test]
fn what_overlaps_has_no_total() {
    let mut analysis = sample::full();
    let allocation = analysis.allocation.as_mut().unwrap();
    let mut other = allocation.by_label.first().unwrap().clone();
    other.label = "stage".to_owned();
    allocation.by_label.push(other);
    assert_eq!(rows(&page(&analysis), "All workloads$"), Vec::<String>::new());
}

#[test]
fn the_total_counts_rows_that_are_not_on_the_page() {
    let mut analysis = sample::full();
    let allocation = analysis.allocation.as_mut().unwrap();
    let one = allocation.by_workload.first().unwrap().clone();
    allocation.by_workload = (0..1_200)
        .map(|n| types::analysis::WorkloadCost { workload: format!("w{n}"), workload_usd: 7.2, ..one.clone() })
        .collect();
    let dom = page(&analysis);
    let all = rows(&dom, "All workloads");
    assert!(all.iter().any(|row| row.contains("$8,760")), "{all:?}");
    // Of 1,200 rows 999 are on the page, and one is of the others.
    let others = rows(&dom, "Others");
    assert!(others.iter().any(|row| row.starts_with("Others201 workloads, in analysis.json$1,467")), "{others:?}");
}

#[test]
fn a_scenario_that_came_out_as_another_is_shown_and_counted_once() {
    let mut analysis = sample::full();
    let default = analysis.scenarios.iter().find(|one| one.id == "ec2-repacked").unwrap().clone();
    let twin = analysis.scenarios.iter_mut().find(|one| one.id == "ec2-repacked-karpenter").unwrap();
    (twin.cost_usd, twin.machine_hours, twin.risk) = (default.cost_usd, default.machine_hours, default.risk);
    twin.notes = vec![Note::warning("Once is enough.")];
    let label = twin.label.clone();
    let dom = page(&analysis);
    assert!(!dom.text().contains("Once is enough."));
    assert!(!dom.section("sure").unwrap().contains(&label), "{label}");
    let markdown = reports::markdown(&analysis, &reports::Money::default());
    assert!(!markdown.contains("Once is enough."), "{markdown}");
    // The first screen counts the warnings about the whole, today’s bill and the vendor’s arithmetic, of which an analysis
    // without the verdict’s data shows amounts, and no others.
    let of_scenarios = analysis.scenarios.iter().filter(|one| ["ec2-today", "emp-vendor"].contains(&one.id.as_str()));
    let notes = of_scenarios.flat_map(|one| &one.notes).chain(&analysis.notes);
    let counted = notes.filter(|note| note.gravity == types::analysis::Gravity::Warning).count();
    assert!(counted > 1 && dom.text().contains(&format!(", and {} more", counted - 1)), "{counted}");
}
