//! Steps beside the recommended change: what no scenario changes.

use super::step_amounts::{OfferPrices, WORTH_DOING, change, counted, is_worth_a_contract, step};
use crate::analysis::{Analysis, ClaimCost, Scenario, Step, StepKind, WorkloadCost};
use crate::wording;

/// Size, in GiB, up to which a gp2 volume has no more IOPS than a gp3 volume has without extra.
const GP3_IOPS_GIB: f64 = 1000.0;

/// The steps, the largest saving first; those of unknown amount last.
pub(super) fn steps(analysis: &Analysis, prices: &OfferPrices) -> Vec<Step> {
    let Some(months) = analysis.window.months() else { return Vec::new() };
    let spot = spot(analysis, prices, months);
    let bill = today(analysis).and_then(|today| today.cost_usd.total).unwrap_or_default() * months;
    let worth = |step: &Step| step.saving_monthly_usd.is_some_and(|usd| is_worth_a_contract(usd, bill));
    let buy = buy(analysis, prices, spot.is_some()).filter(worth);
    let mut steps: Vec<Step> = [
        delete_volumes(analysis, months),
        gp3(analysis, prices, months),
        upgrade(analysis, prices, months),
        spot,
        commitments(analysis, months),
        buy,
    ]
    .into_iter()
    .flatten()
    .filter(|step| step.saving_monthly_usd.is_none_or(|usd| usd >= WORTH_DOING))
    .collect();
    let rank = |step: &Step| step.saving_monthly_usd.unwrap_or(f64::NEG_INFINITY);
    steps.sort_by(|a, b| rank(b).total_cmp(&rank(a)).then_with(|| a.kind.cmp(&b.kind)));
    steps
}

fn today(analysis: &Analysis) -> Option<&Scenario> {
    analysis.scenarios.iter().find(|scenario| scenario.id == "ec2-today")
}

fn recommended(analysis: &Analysis) -> Option<&Scenario> {
    let id = change(analysis)?;
    analysis.scenarios.iter().find(|scenario| scenario.id == id.as_str())
}

fn claims(analysis: &Analysis) -> impl Iterator<Item = &ClaimCost> {
    analysis.allocation.iter().flat_map(|allocation| &allocation.by_volume_claim)
}

fn names(claims: &[&ClaimCost]) -> Vec<String> {
    claims.iter().map(|claim| format!("{}/{}", claim.namespace, claim.claim)).collect()
}

/// Sums the monthly cost of claims, as far as it is known.
fn cost(claims: &[&ClaimCost], months: f64) -> Option<f64> {
    let known: Vec<f64> = claims.iter().filter_map(|claim| claim.usd).collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() * months)
}

fn delete_volumes(analysis: &Analysis, months: f64) -> Option<Step> {
    let unmounted: Vec<&ClaimCost> = claims(analysis).filter(|claim| claim.unmounted).collect();
    (!unmounted.is_empty()).then(|| {
        let what = format!("Delete {} that no pod mounted", counted(unmounted.len(), "volume", "volumes"));
        let hours = wording::grouped(f64::from(analysis.window.hours_present), 0);
        step(StepKind::DeleteVolumes, what, cost(&unmounted, months)).about(names(&unmounted)).with(
            format!(
                "Their data goes with them: take a snapshot first, and ask whose they are. Seen for {hours} hours."
            ),
            "kubectl delete pvc; where the reclaim policy is Retain, the EBS volume too",
        )
    })
}

/// Returns true when the recommended change treats volumes otherwise than today.
fn volumes_change(analysis: &Analysis) -> bool {
    let line = |scenario: Option<&Scenario>| scenario.and_then(|scenario| scenario.cost_usd.volumes);
    match (line(today(analysis)), line(recommended(analysis))) {
        (Some(today), Some(then)) => (then - today).abs() > 0.01 * today.abs(),
        _ => false,
    }
}

fn gp3(analysis: &Analysis, prices: &OfferPrices, months: f64) -> Option<Step> {
    let fits = |claim: &&ClaimCost| {
        claim.volume_type.as_deref() == Some("gp2")
            && !claim.unmounted
            && claim.gib_mean.is_some_and(|gib| gib <= GP3_IOPS_GIB)
    };
    let gp2: Vec<&ClaimCost> = claims(analysis).filter(fits).collect();
    if gp2.is_empty() || volumes_change(analysis) || prices.gp3_over_gp2.is_some_and(|ratio| ratio >= 1.0) {
        return None;
    }
    let saved = cost(&gp2, months).zip(prices.gp3_over_gp2).map(|(usd, ratio)| usd * (1.0 - ratio));
    let what = format!("Change {} from gp2 to gp3", counted(gp2.len(), "volume", "volumes"));
    Some(step(StepKind::Gp2ToGp3, what, saved).about(names(&gp2)).with(
        "The change runs while they are in use. Volumes over 1,000 GiB are left out; from 334 GiB on, gp2 may give up to \
         250 MiB/s where gp3 gives 125 unless more is bought.",
        "aws ec2 modify-volume --volume-type gp3, and the StorageClass for new volumes",
    ))
}

fn upgrade(analysis: &Analysis, prices: &OfferPrices, months: f64) -> Option<Step> {
    let items = today(analysis)?.items.iter();
    let extended: Vec<_> =
        items.filter(|item| item.line == "control_plane" && item.what.contains("extended support")).collect();
    if extended.is_empty() {
        return None;
    }
    let saved = prices.control_plane_usd_per_hour.map(|standard| {
        extended.iter().map(|item| item.cost_usd - item.quantity * standard).sum::<f64>().max(0.0) * months
    });
    let what = "Upgrade Kubernetes, which ends extended support of its version".to_owned();
    Some(step(StepKind::UpgradeKubernetes, what, saved).with(
        "Versions go up one at a time; check removed APIs and add-ons before each.",
        "aws eks update-cluster-version, then the node groups",
    ))
}

/// Kinds of workload whose pods end by themselves and are started again where they fail.
const JOBS: [&str; 3] = ["Job", "CronJob", "Workflow"];

/// Jobs that ran on demand, and what they cost there; what ran on spot capacity already is not among it.
fn jobs_on_demand(analysis: &Analysis) -> Vec<(&WorkloadCost, f64)> {
    let is_job = |row: &&WorkloadCost| JOBS.contains(&row.workload_kind.as_str()) && !row.overhead;
    let rows = analysis.allocation.iter().flat_map(|allocation| &allocation.by_workload).filter(is_job);
    let cost = |row| Some((row, WorkloadCost::on_demand(row)?));
    let mut jobs: Vec<(&WorkloadCost, f64)> = rows.filter_map(cost).collect();
    jobs.sort_by(|a, b| b.1.total_cmp(&a.1));
    jobs
}

/// Share of today's on-demand compute that jobs cause, which spot capacity would take out of the base load.
fn jobs_fraction(analysis: &Analysis) -> f64 {
    let rows = analysis.allocation.iter().flat_map(|allocation| &allocation.by_workload);
    let all: f64 = rows.filter_map(WorkloadCost::on_demand).sum();
    let jobs: f64 = jobs_on_demand(analysis).iter().map(|(_, usd)| usd).sum();
    if all > 0.0 { (jobs / all).clamp(0.0, 1.0) } else { 0.0 }
}

/// The commitment to buy; what jobs run on is not committed to where another step takes them to spot.
fn buy(analysis: &Analysis, prices: &OfferPrices, jobs_to_spot: bool) -> Option<Step> {
    let offer = prices.commitment.filter(|_| carries_a_contract(analysis))?;
    let kept = if jobs_to_spot { 1.0 - jobs_fraction(analysis) } else { 1.0 };
    let money = |amount: f64| wording::money(amount * kept, &analysis.currency);
    let (when, after) = match change(analysis) {
        Some(_) => (
            " once the change is made",
            " after the recommended change. Bought before, it would commit to what the change makes needless",
        ),
        None => ("", ""),
    };
    let what = format!(
        "Buy a Compute Savings Plan of {} an hour for one year{when}, for a base load of {} an hour",
        money(offer.usd_per_hour),
        money(offer.base_load_usd_per_hour)
    );
    let most = offer.most_monthly_usd.map_or_else(String::new, |most| {
        format!(
            " Plans for three years or for one family save up to {} a month, and bind longer or tighter.",
            money(most)
        )
    });
    let step = step(StepKind::BuyCommitment, what, Some(offer.saving_monthly_usd * kept)).with(
        format!(
            "By list discounts without upfront payment, for what runs on demand in every hour{after}. It is paid whether \
             anything runs or not, and has paid off once the base load ran for {} of the 12 months.{most}",
            wording::grouped(offer.break_even_months, 1)
        ),
        "AWS Billing: Savings Plans, Purchase",
    );
    Some(step)
}

/// Returns true when what was seen carries a contract for a year: three whole weeks, of which something can be recommended.
fn carries_a_contract(analysis: &Analysis) -> bool {
    const THREE_WEEKS: u32 = 504;
    analysis.verdict.recommendation.is_some() && analysis.window.hours_present >= THREE_WEEKS
}

fn spot(analysis: &Analysis, prices: &OfferPrices, months: f64) -> Option<Step> {
    let saving = prices.spot_saving_fraction.filter(|share| *share > 0.0)?;
    // On a pool, jobs move with everything else.
    if change(analysis).is_some_and(|id| id.is_emp()) {
        return None;
    }
    let jobs = jobs_on_demand(analysis);
    let left = open_fraction(analysis)?;
    let saved = jobs.iter().map(|(_, usd)| usd).sum::<f64>() * months * left * saving;
    (saved >= WORTH_DOING).then(|| {
        let what = format!("Run {} on spot capacity", counted(jobs.len(), "job", "jobs"));
        let names = jobs.iter().map(|(row, _)| format!("{}/{}", row.namespace, row.workload)).collect();
        let after = if change(analysis).is_some() { ", after the recommended change" } else { "" };
        step(StepKind::SpotForJobs, what, Some(saved)).about(names).with(
            format!(
                "Estimated{after}: spot saves {} here, of what these jobs cost on demand and no commitment covers. Spot \
                 machines go at two minutes’ notice, so a job must be able to start again.",
                wording::percent_brief(saving),
            ),
            "a NodePool or node group of capacity type spot, and the jobs’ nodeSelector",
        )
    })
}

/// Cost of a scenario's on-demand machines, and of that what no commitment pays; `None` where it has no such machine.
fn on_demand(scenario: &Scenario) -> Option<(f64, f64)> {
    let rows = scenario.machine_hours.iter().filter(|row| row.are_on_demand_nodes());
    let all: f64 = rows.filter_map(|row| row.cost_usd).sum();
    let commitments = scenario.compute_cost.iter().flat_map(|cost| &cost.commitments);
    let committed: f64 = commitments.map(|one| one.used_usd).sum();
    (all > 0.0).then(|| (all, (all - committed).max(0.0)))
}

/// Share of what on-demand machines cost today that they still cost after the recommended change, and that no commitment
/// pays: that much of it spot capacity can save. `None` where nothing runs on demand today.
fn open_fraction(analysis: &Analysis) -> Option<f64> {
    let (all, open) = on_demand(today(analysis)?)?;
    let open = match recommended(analysis) {
        None => open,
        Some(then) if then.machine_hours.is_empty() => open * compute_left(analysis),
        Some(then) => on_demand(then).map_or(0.0, |(_, open)| open),
    };
    Some((open / all).clamp(0.0, 1.0))
}

/// Share of today's compute cost that is left after the recommended change; one where that is not known.
fn compute_left(analysis: &Analysis) -> f64 {
    let compute = |scenario: Option<&Scenario>| scenario.and_then(|scenario| scenario.cost_usd.compute);
    match (compute(today(analysis)), compute(recommended(analysis))) {
        (Some(today), Some(then)) if today > 0.0 => (then / today).clamp(0.0, 1.0),
        _ => 1.0,
    }
}

fn commitments(analysis: &Analysis, months: f64) -> Option<Step> {
    let today = today(analysis)?;
    let unused = today.cost_usd.unused_commitments? * months;
    let idle = today.compute_cost.iter().flat_map(|cost| &cost.commitments).filter(|one| one.unused_usd > 0.0);
    let names: Vec<String> = idle.map(|one| one.name.clone()).collect();
    (unused >= WORTH_DOING).then(|| {
        let what =
            format!("Let commitments end that stand unused for {} a month", wording::money(unused, &analysis.currency));
        step(StepKind::LetCommitmentsEnd, what, None).about(names).with(
            "They are paid until they end, so nothing is saved before. Standard Reserved Instances can be sold on AWS’s \
             marketplace, convertible ones exchanged for others worth at least as much; Savings Plans can be neither.",
            "AWS Billing: Savings Plans and Reserved Instances, automatic renewal",
        )
    })
}
