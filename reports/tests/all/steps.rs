//! Next steps and waste: they add up, no dollar is in two, and every format says the same.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::sample;

use crate::dom::Dom;
use reports::csv_tables::SHEETS;
use reports::{Money, Options};
use types::analysis::{Analysis, Headroom, Limit, NextSteps, Reason, ScenarioId, Step, StepKind};
use types::wording;

fn page(analysis: &Analysis) -> String {
    reports::page(analysis, &Options::default()).unwrap()
}

fn steps(analysis: &Analysis) -> &NextSteps {
    analysis.next_steps.as_ref().unwrap()
}

fn sum<'a>(steps: impl Iterator<Item = &'a Step>) -> f64 {
    steps.filter_map(|step| step.saving_monthly_usd).sum()
}

fn kinds<'a>(steps: impl Iterator<Item = &'a Step>) -> Vec<StepKind> {
    steps.map(|step| step.kind).collect()
}

#[test]
fn steps_of_the_recommended_change_come_to_no_more_than_it_saves() {
    for (name, analysis) in sample::decided() {
        let steps = steps(&analysis);
        let recommended = sum(steps.of_recommended());
        let saving = analysis.verdict.amounts.as_ref().map_or(0.0, |amounts| amounts.saving_monthly_usd);
        assert!(recommended <= saving + 1e-6, "{name}: {recommended} of {saving}");
        assert!((recommended - steps.recommended_monthly_usd).abs() < 1e-6, "{name}");
        assert!((sum(steps.beside()) - steps.beside_monthly_usd).abs() < 1e-6, "{name}");
        // What is in no step is said, so that the two together are the saving.
        let all = steps.recommended_monthly_usd + steps.model_error_monthly_usd;
        let changes = steps.of_recommended().next().is_some();
        assert!(!changes || (all - saving).abs() < 1e-6, "{name}: {all} of {saving}");
    }
}

#[test]
fn right_sizing_is_taken_apart_by_its_waterfall() {
    let analysis = sample::right_sizing();
    let steps = steps(&analysis);
    let expect = [StepKind::KeepReady, StepKind::RightSize, StepKind::Pack];
    assert_eq!(kinds(steps.of_recommended()), expect);
    let amounts: Vec<f64> = steps.of_recommended().filter_map(|step| step.saving_monthly_usd).collect();
    assert!((amounts[0] + 125.0).abs() < 0.01 && (amounts[2] - 2_600.0).abs() < 0.01, "{amounts:?}");
    assert!((steps.model_error_monthly_usd - 373.0).abs() < 0.01, "{steps:?}");
    let size = steps.of_recommended().nth(1).unwrap();
    assert_eq!(size.subjects.first().map(String::as_str), Some("checkout/checkout-api"));
    assert!(size.caution.contains("Four containers come with a caution"), "{size:?}");
}

#[test]
fn a_pool_is_moved_to_wave_by_wave() {
    let analysis = sample::pool_wins();
    let steps = steps(&analysis);
    let moves: Vec<&Step> = steps.of_recommended().filter(|step| step.kind == StepKind::MoveToPool).collect();
    assert_eq!(moves.len(), 3, "{steps:?}");
    assert_eq!(moves[0].subjects, ["ci", "data-platform"]);
    assert!(moves[0].place.starts_with("drafts/emp-profile-cm-wave-1.yaml"));
    // The fee, on which the saving depends, is asked about before anything is paid for.
    assert_eq!(kinds(steps.of_recommended())[..2], [StepKind::TestAssumption, StepKind::KeepReady]);
}

#[test]
fn no_volume_is_in_two_steps_and_no_dollar_of_waste_in_two_parts() {
    for (name, analysis) in sample::decided() {
        let of = |kind| steps(&analysis).steps.iter().filter(move |step| step.kind == kind);
        let deleted: Vec<&String> = of(StepKind::DeleteVolumes).flat_map(|step| &step.subjects).collect();
        assert!(!deleted.is_empty(), "{name}");
        assert!(of(StepKind::Gp2ToGp3).flat_map(|step| &step.subjects).all(|volume| !deleted.contains(&volume)));
        let waste = analysis.waste.as_ref().unwrap();
        let bill = analysis.allocation.as_ref().unwrap().total.total_usd * 730.0 / 720.0;
        let parts: f64 = waste.parts.iter().map(|part| part.monthly_usd).sum();
        assert!((parts - waste.monthly_usd).abs() < 1e-6 && parts <= bill, "{name}: {parts} of {bill}");
        assert_eq!(waste.unpriced_volumes, 1, "{name}");
    }
}

#[test]
fn every_format_says_the_same_steps() {
    for (name, analysis) in sample::decided() {
        let page = Dom::parse(&page(&analysis)).section("steps").unwrap();
        let markdown = reports::markdown(&analysis, &Money::default()).replace('\\', "");
        let terminal = reports::summary(&analysis);
        let sheet = SHEETS.iter().find(|sheet| sheet.name == "next-steps").unwrap().csv(&analysis).unwrap();
        let rows: Vec<csv::StringRecord> =
            csv::Reader::from_reader(sheet.as_slice()).into_records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), steps(&analysis).steps.len(), "{name}");
        for (step, row) in steps(&analysis).steps.iter().zip(&rows) {
            let absent = || match step.kind {
                StepKind::AskDiscount => "if agreed".to_owned(),
                StepKind::HoldLimits => "if decided".to_owned(),
                StepKind::LetCommitmentsEnd => "once ended".to_owned(),
                _ => wording::UNKNOWN.to_owned(),
            };
            let amount = step.saving_monthly_usd.map_or_else(absent, wording::usd);
            for (format, text) in [("page", &page), ("markdown", &markdown)] {
                assert!(text.contains(&step.what) && text.contains(&amount), "{name}, {format}: {step:?} in {text}");
            }
            assert_eq!((&row[2], row[3].parse::<f64>().ok()), (step.what.as_str(), step.saving_monthly_usd), "{name}");
        }
        let first = &steps(&analysis).steps[0];
        assert!(terminal.contains(&first.what) && terminal.contains("Total waste: $"), "{name}: {terminal}");
        let json: Analysis = serde_json::from_str(&serde_json::to_string(&analysis).unwrap()).unwrap();
        assert_eq!(json.next_steps, analysis.next_steps, "{name}");
        let waste = wording::usd(analysis.waste.as_ref().unwrap().monthly_usd);
        assert!(page.contains(&waste) && markdown.contains(&waste) && terminal.contains(&waste), "{name}: {waste}");
    }
}

#[test]
fn what_would_hold_the_limits_is_a_step_with_its_price_and_in_no_sum() {
    let mut analysis = sample::limits_broken();
    let saving = analysis.verdict.judged(ScenarioId::Ec2Rightsized).unwrap().saving_monthly_usd;
    let found: Vec<&Step> = steps(&analysis).of_limits().collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].asked_monthly_usd, Some(saving - 1_210.0));
    assert!(
        found[0].what.contains("Decide whether to pay $1,210 a month for four spare m5a.large ready in each zone: "),
        "{found:?}"
    );
    assert!(found[0].caution.contains("2.1\u{a0}% of service starts") && found[0].caution.contains("In no sum"));
    assert_eq!(found[0].subjects, ["checkout/checkout-api"]);
    assert!(found[0].saving_monthly_usd.is_none() && !found[0].of_recommended);
    assert!((sum(steps(&analysis).beside()) - steps(&analysis).beside_monthly_usd).abs() < 1e-6);
    let page = Dom::parse(&page(&analysis)).section("steps").unwrap();
    assert!(page.contains("To decide on, not counted") && page.contains("if decided"), "{page}");

    let renewed = |analysis: &Analysis| NextSteps::of(analysis, &types::analysis::OfferPrices::default());
    // A remedy that does not mend all that breaks is none, and one that costs what it saves is not worth it.
    let mut other = analysis.clone();
    other.verdict.remedies[0].mends.clear();
    let decide = renewed(&other).of_limits().next().unwrap().clone();
    assert!(decide.what.starts_with("Decide whether these workloads can live with late starts of services: "));
    assert_eq!(decide.asked_monthly_usd, Some(saving));
    other = analysis.clone();
    other.verdict.remedies[0].monthly_usd = Some(saving + 1.0);
    assert!(renewed(&other).of_limits().next().unwrap().what.starts_with("Decide whether these workloads"));
    // Machines kept warm that cost more than is allowed mend the limit, and their price is in the cost already.
    let judged = analysis.verdict.judged.iter_mut().find(|row| row.scenario == ScenarioId::Ec2Rightsized).unwrap();
    judged.limits.iter_mut().for_each(|check| check.holds = check.limit != Limit::HeadroomCost);
    judged.headroom = Some(Headroom {
        warm_machines: 4,
        instance_types: vec!["m5a.large".to_owned()],
        empty_seconds: 0,
        monthly_usd: 1_210.0,
    });
    analysis.verdict.remedies.clear();
    let step = renewed(&analysis).of_limits().next().unwrap().clone();
    assert!(step.what.starts_with("Decide whether four spare m5a.large ready in each zone may cost $1,210 a month: "));
    assert_eq!(step.asked_monthly_usd, Some(saving));
    // Where something is recommended, no limit is to be decided on.
    for (name, analysis) in sample::decided() {
        let reason = analysis.verdict.reason == Some(Reason::LimitsBroken);
        assert_eq!(steps(&analysis).of_limits().next().is_some(), reason, "{name}");
    }
}

#[test]
fn jobs_go_to_spot_as_far_as_they_run_on_demand() {
    let spot = |analysis: &Analysis| {
        let prices = types::analysis::OfferPrices { spot_saving_fraction: Some(0.6), ..Default::default() };
        NextSteps::of(analysis, &prices).steps.into_iter().find(|step| step.kind == StepKind::SpotForJobs)
    };
    let mut analysis = sample::nothing_pays();
    let rows = &mut analysis.allocation.as_mut().unwrap().by_workload;
    rows[0].workload_kind = "CronJob".to_owned();
    let (name, on_demand) = (format!("{}/{}", rows[0].namespace, rows[0].workload), rows[0].on_demand_usd.unwrap());
    let step = spot(&analysis).unwrap();
    assert_eq!(step.subjects, [name]);
    let expect = on_demand * analysis.window.months().unwrap() * 0.6;
    assert!((step.saving_monthly_usd.unwrap() - expect).abs() < 1e-6, "{step:?} and {expect}");
    // A half that ran on spot capacity already cannot go there again.
    analysis.allocation.as_mut().unwrap().by_workload[0].on_demand_usd = Some(on_demand / 2.0);
    assert!((spot(&analysis).unwrap().saving_monthly_usd.unwrap() - expect / 2.0).abs() < 1e-6);
    // What a commitment pays is paid all the same.
    let today = analysis.scenarios.iter_mut().find(|scenario| scenario.id == "ec2-today").unwrap();
    let rows = today.machine_hours.iter().filter(|row| row.are_on_demand_nodes());
    let all: f64 = rows.filter_map(|row| row.cost_usd).sum();
    today.compute_cost = Some(types::analysis::ComputeCost {
        list_usd: None,
        contracted_usd: all,
        effective_usd: all,
        commitments: vec![types::analysis::CommitmentUse {
            name: "plan".to_owned(),
            kind: types::CommitmentKind::ComputeSavingsPlan,
            committed_usd: all / 4.0,
            used_usd: all / 4.0,
            unused_usd: 0.0,
            covered_on_demand_usd: all / 3.0,
            utilisation: Some(1.0),
        }],
    });
    assert!((spot(&analysis).unwrap().saving_monthly_usd.unwrap() - expect * 3.0 / 8.0).abs() < 1e-6);
    analysis.allocation.as_mut().unwrap().by_workload[0].on_demand_usd = Some(0.0);
    assert_eq!(spot(&analysis), None, "all of it runs on spot capacity");
}

/// The same steps for an analysis whose machines cost so much of their list price.
fn at_list(mut analysis: Analysis, contracted: f64) -> Analysis {
    let today = analysis.scenarios.iter_mut().find(|scenario| scenario.id == "ec2-today").unwrap();
    let compute = today.cost_usd.compute.unwrap();
    today.compute_cost = Some(types::analysis::ComputeCost {
        list_usd: Some(compute),
        contracted_usd: compute * contracted,
        effective_usd: compute,
        commitments: Vec::new(),
    });
    analysis.next_steps = Some(NextSteps::of(&analysis, &types::analysis::OfferPrices::default()));
    analysis
}

#[test]
fn a_discount_to_ask_for_is_in_dollars_and_in_no_sum() {
    for (name, analysis) in sample::decided() {
        let analysis = at_list(analysis, 1.0);
        let steps = steps(&analysis);
        let asked: Vec<&Step> = steps.asked().collect();
        if analysis.verdict.recommendation.is_none() {
            assert!(asked.is_empty(), "{name}: nothing is known well enough to ask for it");
            continue;
        }
        assert!(asked.iter().any(|step| step.what.contains("EDP")), "{name}: {asked:?}");
        for step in &asked {
            let amount = step.asked_monthly_usd.unwrap();
            assert!(amount > 0.0 && step.saving_monthly_usd.is_none() && !step.of_recommended, "{name}: {step:?}");
            assert!(step.what.contains(&wording::usd(amount)) && step.caution.contains("In no sum"), "{step:?}");
        }
        assert!((sum(steps.beside()) - steps.beside_monthly_usd).abs() < 1e-6, "{name}");
        let all = sum(steps.steps.iter());
        assert!((all - steps.recommended_monthly_usd - steps.beside_monthly_usd).abs() < 1e-6, "{name}");
        // A percent of what is left to AWS is less than a percent of today's bill.
        let of_aws = asked.iter().find(|step| step.what.contains("EDP")).unwrap().asked_monthly_usd.unwrap();
        let today = analysis.scenarios[0].monthly_usd.unwrap();
        assert!(of_aws <= today / 100.0 + 1e-6, "{name}: {of_aws} of {today}");
        let page = Dom::parse(&page(&analysis)).section("steps").unwrap();
        assert!(page.contains("Discounts to ask for, not counted") && page.contains("if agreed"), "{name}: {page}");
        // Whoever pays less than the list has asked already.
        let negotiated = at_list(analysis, 0.93);
        assert!(!self::steps(&negotiated).asked().any(|step| step.what.contains("EDP")), "{name}");
    }
}

#[test]
fn a_pool_that_is_not_recommended_says_what_would_make_it_pay() {
    let mut analysis = at_list(sample::right_sizing(), 1.0);
    let saving = analysis.verdict.amounts.as_ref().unwrap().saving_monthly_usd;
    let pool =
        analysis.verdict.judged.iter_mut().find(|judged| judged.scenario.is_emp() && judged.scenario.is_change());
    let pool = pool.unwrap();
    (pool.holds, pool.saving_monthly_usd) = (true, saving - 700.0);
    analysis.next_steps = Some(NextSteps::of(&analysis, &types::analysis::OfferPrices::default()));
    let step = steps(&analysis).asked().find(|step| step.what.contains("elastic machine pool")).unwrap();
    assert!((step.asked_monthly_usd.unwrap() - 700.0).abs() < 1e-6, "{step:?}");
    assert!(step.what.contains("$700") && step.caution.contains("what is recommended"), "{step:?}");
    assert!(
        step.caution.contains("off the list price of bare-metal hosts") || step.caution.contains("off the fee"),
        "{step:?}"
    );
    // One that breaks a limit would not pay at any price.
    analysis.verdict.judged.iter_mut().for_each(|judged| judged.holds &= !judged.scenario.is_emp());
    analysis.next_steps = Some(NextSteps::of(&analysis, &types::analysis::OfferPrices::default()));
    assert!(!steps(&analysis).asked().any(|step| step.what.contains("elastic machine pool")));
}

#[test]
fn the_fee_of_a_pool_that_is_recommended_is_asked_about() {
    let analysis = at_list(sample::pool_wins(), 1.0);
    let step = steps(&analysis).asked().find(|step| step.what.contains("lower fee")).unwrap();
    let then = analysis.verdict.recommendation.as_deref().unwrap();
    let then = analysis.scenarios.iter().find(|scenario| scenario.id == then).unwrap();
    let fee = then.cost_usd.fee.unwrap() * analysis.window.months().unwrap();
    assert!((step.asked_monthly_usd.unwrap() - fee / 10.0).abs() < 1e-6, "{step:?}");
}

#[test]
fn an_analysis_that_predates_them_has_no_steps() {
    let mut analysis = sample::right_sizing();
    (analysis.next_steps, analysis.waste, analysis.right_sizing) = (None, None, None);
    let dom = Dom::parse(&page(&analysis));
    assert!(dom.section("steps").is_none() && dom.section("rightsizing").is_none());
    assert!(!dom.text().contains("Total waste") && !reports::summary(&analysis).contains("Next steps"));
}
