//! A page says what its analysis carries, and no more.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::sample;

use crate::dom::Dom;
use types::analysis::Analysis;

fn page(analysis: &Analysis) -> String {
    reports::page(analysis, &reports::Options::default()).unwrap()
}

#[test]
fn a_loss_is_called_a_loss() {
    let page = page(&sample::losing());
    assert!(page.contains("It does not pay."));
    assert!(page.contains("\u{2212}$1,160") && page.contains("6.6\u{a0}% dearer"));
    assert!(!page.contains("It pays"));
    assert!(!page.contains("figure gain"));
}

#[test]
fn a_replayed_loss_is_called_a_loss() {
    let dom = Dom::parse(&page(&sample::full_losing()));
    let text = dom.text();
    assert!(text.contains("EC2 alone does better.") && !text.contains("It pays"));
    let sure = dom.section("sure").unwrap();
    assert!(sure.contains("turns the loss into a saving") || sure.contains("turn the loss into a saving"), "{sure}");
    assert!(dom.section("plan").unwrap().contains("There is no plan"));
    assert!(!text.contains("Drafts to review"));
}

#[test]
fn a_pool_that_pays_says_so_with_its_range() {
    let dom = Dom::parse(&page(&sample::full()));
    let text = dom.text();
    assert!(text.contains("It pays.") && text.contains("over the assumptions tried at the documented ratios"));
    let target =
        "at least 99.95\u{a0}% of pod-seconds served, at most 0.10\u{a0}% of host-slots over CPU, none swapping";
    assert!(text.contains(target));
    assert!(!text.contains("redrawn") && dom.section("sure").unwrap().contains("eight whole weeks"));
    let mut analysis = sample::full();
    analysis.verdict.interval_usd = Some([1_000.0, 3_000.0]);
    assert!(page(&analysis).contains("$1,014 to $3,042 in 90 % of redrawn weeks"));
}

#[test]
fn nothing_saved_is_no_saving() {
    let dom = Dom::parse(&page(&sample::no_difference()));
    assert!(!dom.text().contains("It pays") && dom.text().contains("Not worth it."));
    assert!(dom.elements.iter().all(|e| !e.attribute("class").unwrap_or_default().contains("figure gain")));
}

#[test]
fn half_a_bill_gives_no_answer() {
    let dom = Dom::parse(&page(&sample::half_unpriced()));
    let text = dom.text();
    assert!(text.contains("It cannot be said yet.") && !text.contains("It pays") && !text.contains("NaN"));
    assert!(dom.section("notes").unwrap().contains("nodes of a type on no list"));
    assert!(text.contains("no line is priced in both"));
    // What is left without compute is shown as such, and compared with nothing.
    let figures: Vec<&str> = dom
        .elements
        .iter()
        .filter(|element| element.attribute("class") == Some("value") && element.inside.contains(&"dl".to_owned()))
        .map(|element| element.text.as_str())
        .take(4)
        .collect();
    assert_eq!(figures, ["not known"; 4]);
    let money = dom.section("money").unwrap();
    assert!(money.contains("its compute has no price") && money.contains("without compute"));
    assert!(!money.contains("below today") && !dom.section("sure").unwrap().contains("Break-even"));
}

#[test]
fn ratios_that_risk_nothing_have_no_frontier() {
    let mut analysis = sample::full();
    for point in &mut analysis.what_if.as_mut().unwrap().grid {
        point.host_slots_over_cpu = 0.0;
        point.host_slots_over_memory = Some(0.0);
        point.holds_target = true;
    }
    let sure = Dom::parse(&page(&analysis)).section("sure").unwrap();
    assert!(sure.contains("there is no risk to weigh") && !sure.contains("What more risk would buy"));
    // Where a pair breaks another limit, the page does not say above its amber cell that there is no risk.
    analysis.what_if.as_mut().unwrap().grid[0].holds_target = false;
    let sure = Dom::parse(&page(&analysis)).section("sure").unwrap();
    assert!(sure.contains("what breaks is another limit") && !sure.contains("there is no risk"), "{sure}");
}

#[test]
fn a_page_without_risk_does_not_speak_of_it() {
    let mut analysis = sample::full();
    analysis.scenarios.iter_mut().for_each(|scenario| scenario.risk = None);
    let dom = Dom::parse(&page(&analysis));
    assert!(!dom.text().contains("What could go wrong"));
    assert!(!dom.text().contains("NaN"));
}

#[test]
fn an_analysis_without_the_newer_parts_still_has_a_page() {
    let mut analysis = sample::full();
    for scenario in &mut analysis.scenarios {
        for hour in &mut scenario.by_hour {
            hour.cpu_used_cores = None;
            hour.memory_used_gib = None;
            hour.hottest_host_fraction = None;
        }
    }
    for hour in &mut analysis.utilisation.hourly {
        hour.cpu_limit_cores = None;
        hour.cpu_allocatable_cores = None;
    }
    analysis.waterfall = None;
    analysis.allocation = None;
    analysis.utilisation.coincidence = None;
    let what_if = analysis.what_if.as_mut().unwrap();
    what_if.break_even.clear();
    let dom = Dom::parse(&page(&analysis));
    let time = dom.section("time").unwrap();
    assert!(time.contains("is not in this analysis") && !time.contains("How full the pool is"));
    assert!(dom.section("bill").is_none() && dom.section("inventory").unwrap().contains("Who reserves, and who uses"));
    assert!(!dom.text().contains("Break-even"));
}

#[test]
fn a_saving_without_a_recommendation_is_one_on_paper() {
    let mut analysis = sample::believable();
    let losing = |scenario: &mut types::analysis::Scenario| scenario.variants.retain(|v| v.saving_monthly_usd > 0.0);
    analysis.scenarios.iter_mut().for_each(losing);
    let page = page(&analysis);
    assert!(page.contains("It pays on paper.") && page.contains("No recommendation"));
    assert!(page.contains("published arithmetic is not a replay"));
}

#[test]
fn a_saving_that_a_stricter_reading_takes_away_says_so_at_the_top() {
    let page = page(&sample::believable());
    assert!(page.contains("Only on nominal sizes.") && !page.contains("It pays"));
    assert!(page.contains("by the strictest reading below"));
}

#[test]
fn what_is_not_known_is_not_zero() {
    for analysis in [sample::empty(), sample::full_empty()] {
        let page = page(&analysis);
        assert!(page.contains("not known") && page.contains("not modelled"));
        assert!(!page.contains("NaN") && !page.contains(">inf"));
    }
    let full = page(&sample::full_empty());
    assert!(full.contains("It cannot be said.") && !full.contains("It pays"));
    let page = page(&sample::empty());
    assert!(page.contains("It cannot be said.") && !page.contains("$0"));
}

#[test]
fn a_saving_over_volumes_alone_is_no_answer() {
    let mut analysis = sample::believable();
    analysis.verdict.saving_vs_today_usd = None;
    let page = page(&analysis);
    assert!(page.contains("It cannot be said.") && !page.contains("It pays") && !page.contains("figure gain"));
}

#[test]
fn synthetic_hours_and_missing_hours_are_named() {
    let page = page(&sample::with_gaps());
    assert!(page.contains("600 synthetic and 23 from a real Prometheus"), "coverage");
    assert!(page.contains("shaded hours are synthetic"));
    assert!(page.contains("97\u{a0}hours missing"));
    assert!(page.contains("Hours without data (UTC)") && page.contains("no data"));
}

#[test]
fn elastic_vms_that_run_already_have_their_saving_first() {
    let mut analysis = sample::full();
    analysis.realised = Some(types::analysis::Realised {
        evm_hours: 7_200.0,
        evm_types: vec![("m5.4xlarge".to_owned(), 7_200.0)],
        before_usd: Some(5_529.6),
        after_usd: None,
        fee_usd: None,
        saving_usd: None,
    });
    let money = Dom::parse(&page(&analysis)).section("money").unwrap();
    assert!(money.starts_with("Costs compared What elastic VMs already save here"), "{}", &money[..80]);
    assert!(money.contains("cannot be said; give emp.running_hosts_usd_per_month") && money.contains("$5,606"));
}
