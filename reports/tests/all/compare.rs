//! Two analyses side by side: amounts add up, and what changed is named.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::sample;

use crate::dom::Dom;
use reports::{CompareError, Comparison, Money};
use types::analysis::Analysis;

/// An amount as it is shown, with its sign.
fn amount(text: &str) -> f64 {
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    let size: f64 = digits.parse().unwrap_or_else(|_| panic!("no amount: {text}"));
    if text.contains('\u{2212}') { -size } else { size }
}

/// The first column and the amounts of each table of amounts.
fn tables(before: &Analysis, after: &Analysis) -> Vec<Vec<(String, f64)>> {
    let page = Comparison::try_new(before, after).unwrap().page(&Money::default()).unwrap();
    let money = page.split("<section id=\"money\">").nth(1).unwrap().split("</section>").next().unwrap();
    let table = |html: &str| {
        let dom = Dom::parse(&format!("<table>{}", html.split("</table>").next().unwrap()));
        let text = |name: &str| dom.named(name).into_iter().map(|cell| cell.text.trim().to_owned()).collect::<Vec<_>>();
        let heads: Vec<String> = text("th").into_iter().skip(3).collect();
        let amounts = dom.named("td").into_iter().filter(|td| td.attribute("data-label") == Some("Amount"));
        heads.into_iter().zip(amounts.map(|td| amount(&td.text))).collect()
    };
    money.split("<table>").skip(1).map(table).collect()
}

/// The same cluster a month later: a tenth more is requested, m5.4xlarge costs 5 % more, and a volume line grew.
fn later() -> Analysis {
    let mut analysis = sample::right_sizing();
    for resource in [&mut analysis.utilisation.cpu, &mut analysis.utilisation.memory] {
        resource.requested_mean *= 1.1;
        resource.used_mean *= 1.2;
    }
    for scenario in &mut analysis.scenarios {
        let mut added = 0.0;
        for row in scenario.machine_hours.iter_mut().filter(|row| row.cost_usd.is_some()) {
            let price = if row.instance_type == "m5.4xlarge" { 1.05 } else { 1.0 };
            let old = row.cost_usd.unwrap();
            row.hours *= 1.08;
            row.cost_usd = Some(old * 1.08 * price);
            row.usd_per_hour = row.usd_per_hour.map(|usd| usd * price);
            added += row.cost_usd.unwrap() - old;
        }
        scenario.cost_usd.compute = scenario.cost_usd.compute.map(|usd| usd + added);
        scenario.cost_usd.volumes = scenario.cost_usd.volumes.map(|usd| usd + 50.0);
        scenario.cost_usd.total = Some(scenario.cost_usd.lines().iter().filter_map(|line| line.1).sum());
    }
    let length = analysis.window.end - analysis.window.start;
    (analysis.window.start, analysis.window.end) = (analysis.window.end, analysis.window.end + length);
    analysis.provenance.tool_version = "0.2.0".to_owned();
    analysis
}

#[test]
fn amounts_add_up_to_what_changed() {
    let (before, after) = (sample::right_sizing(), later());
    let pairs = [
        (before.clone(), after.clone()),
        (after, before.clone()),
        (sample::pool_wins(), before.clone()),
        (before.clone(), before),
    ];
    for (before, after) in pairs {
        let tables = tables(&before, &after);
        assert_eq!(tables.len(), 3);
        for table in tables {
            let (first, rest) = table.split_first().unwrap();
            let (last, steps) = rest.split_last().unwrap();
            assert_eq!((first.0.as_str(), last.0.as_str()), ("Before", "After"));
            let sum: f64 = first.1 + steps.iter().map(|step| step.1).sum::<f64>();
            // Each is rounded to a dollar.
            let rounding: f64 = steps.iter().map(|_| 0.5).sum();
            assert!((sum - last.1).abs() <= 1.0 + rounding, "{table:?}: {sum}");
        }
    }
}

#[test]
fn what_changed_is_named_with_its_reason() {
    let (before, after) = (sample::right_sizing(), later());
    let bill = &tables(&before, &after)[0];
    let step = |name: &str| bill.iter().find(|step| step.0 == name).unwrap_or_else(|| panic!("{name} in {bill:?}")).1;
    // Prices of before's m5.4xlarge, 5 % more of two thirds of the bill; then a tenth more requested of all of it.
    assert!(step("Prices") > 100.0 && step("Requests") > 1_000.0 && step("Persistent volumes") > 50.0, "{bill:?}");
    // Machines grew by 8 % where requests grew by 10 %: they are packed a little fuller.
    assert!(step("The model and packing") < 0.0, "{bill:?}");
    let markdown = Comparison::try_new(&before, &after).unwrap().markdown(&Money::default());
    for part in [
        "The bill went up by $",
        "The recommendation is the same: “Right-size requests and repack”.",
        "Right-size requests and repack, medium confidence",
        "| All namespaces |",
        "version 0.1.0 and 0.2.0",
        "pods request 10.0",
        "pods use 20.0",
    ] {
        assert!(markdown.contains(part), "{part}: {markdown}");
    }
}

#[test]
fn another_recommendation_is_a_step_of_its_own() {
    let (before, after) = (sample::pool_wins(), sample::right_sizing());
    let markdown = Comparison::try_new(&before, &after).unwrap().markdown(&Money::default());
    assert!(markdown.contains("right-sizing requests on EC2 instead of an elastic machine pool"), "{markdown}");
    for part in [
        "The recommendation changed: “Move to an elastic machine pool with tuned overcommit” before, “Right-size requests and repack” now.",
        "Confidence was low and is medium now.",
    ] {
        assert!(markdown.contains(part), "{part}: {markdown}");
    }
}

#[test]
fn what_has_no_recommendation_is_not_the_same_as_another() {
    let lead =
        |before: &Analysis, after: &Analysis| Comparison::try_new(before, after).unwrap().markdown(&Money::default());
    let (with, without) = (sample::right_sizing(), sample::undecided());
    let neither = lead(&without, &without);
    assert!(neither.contains("Neither analysis has a recommendation.") && !neither.contains("the same:"), "{neither}");
    let lost = lead(&with, &without);
    assert!(lost.contains("Only the first analysis has a recommendation: “Right-size requests and repack”."), "{lost}");
    let found = lead(&without, &with);
    assert!(found.contains("Only the second analysis has a recommendation"), "{found}");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let (before, mut after) = (sample::right_sizing(), later());
    after.cluster_id = "other\u{202e}".to_owned();
    let error = Comparison::try_new(&before, &after).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`shop-production` and `other\u{fffd}` are different clusters; compare two analyses of one"
    );
    let mut after = later();
    after.currency = "CNY".to_owned();
    assert!(matches!(Comparison::try_new(&before, &after), Err(CompareError::Currencies { .. })));
    assert_eq!(Comparison::try_new(&before, &sample::empty()).unwrap_err(), CompareError::Empty("second"));
}

#[test]
fn hostile_names_are_text() {
    let analysis = sample::hostile();
    let comparison = Comparison::try_new(&analysis, &analysis).unwrap();
    let page = comparison.page(&Money::default()).unwrap();
    let dom = Dom::parse(&page);
    assert_eq!(dom.errors, Vec::<String>::new());
    assert!(dom.elements.iter().all(|element| !["script", "img", "b"].contains(&element.name.as_str())));
    // What stands between backticks is code, whatever it holds.
    let markdown = comparison.markdown(&Money::default());
    assert!(markdown.lines().filter(|line| !line.contains('`')).all(|line| !line.contains("<script")));
}
