//! Analyses whose verdict has its data, one for each kind of conclusion.

use types::analysis::*;
use types::wording;

use super::hours::HOURS;
use super::sizes::{add_steps, waterfall_to_right_sized};
use super::{full, full_losing};

/// Hours the verdict is of: the last of the window.
const REPORTED: u32 = 168;

/// Scenarios that are judged, in the order of the analysis.
const JUDGED: [ScenarioId; 6] = [
    ScenarioId::Ec2TodayReplayed,
    ScenarioId::Ec2Tuned,
    ScenarioId::Ec2Rightsized,
    ScenarioId::Emp,
    ScenarioId::EmpTuned,
    ScenarioId::EmpRightsized,
];

fn monthly(analysis: &Analysis, id: ScenarioId) -> f64 {
    let scenario = analysis.scenarios.iter().find(|scenario| scenario.id == id.as_str());
    scenario.and_then(|scenario| scenario.monthly_usd).unwrap_or_default()
}

fn check(limit: Limit, value: f64, allowed: f64, today: f64) -> LimitCheck {
    LimitCheck { limit, value: Some(value), allowed, today: Some(today), holds: value <= allowed, worst: None }
}

/// Every limit, held.
fn limits(emp: bool) -> Vec<LimitCheck> {
    let mut limits = vec![
        check(Limit::CpuLost, 0.000_36, 0.001, 0.000_31),
        LimitCheck {
            worst: Some("search/indexer".to_owned()),
            ..check(Limit::WorkloadCpuLost, 0.004_1, 0.01, 0.003_9)
        },
        check(Limit::MemoryOverMean, 0.0, 0.0, 0.0),
        check(Limit::MemoryOverMax, 0.000_02, 0.000_1, 0.0),
        check(Limit::Evictions, 0.031, 0.1, 0.012),
        check(Limit::SingleEvictions, 0.004, 0.03, 0.002),
        check(Limit::BlastRadius, 0.12, 0.2, 0.09),
        check(Limit::LateServices, 0.004, 0.01, 0.001),
        check(Limit::LateBatch, 0.006, 0.01, 0.002),
        check(Limit::OvertakenRuns, 0.0, 0.000_1, 0.0),
        check(Limit::Unplaceable, 0.0, 0.0, 0.0),
        check(Limit::HeadroomCost, 0.021, 0.1, 0.0),
    ];
    if emp {
        let unknown = LimitCheck { today: None, ..check(Limit::HostLoss, 0.0, 0.0, 0.0) };
        limits.push(unknown);
    }
    limits
}

fn judge(analysis: &Analysis, scenario: ScenarioId) -> Judged {
    let today = monthly(analysis, ScenarioId::Ec2Today);
    let cost = monthly(analysis, scenario);
    let rival = match scenario {
        ScenarioId::Emp | ScenarioId::EmpTuned => Some(ScenarioId::Ec2Tuned),
        ScenarioId::EmpRightsized => Some(ScenarioId::Ec2Rightsized),
        _ => None,
    };
    Judged {
        scenario,
        monthly_usd: cost,
        saving_monthly_usd: today - cost,
        saving_fraction: (today > 0.0).then(|| (today - cost) / today),
        rival,
        saving_vs_rival_monthly_usd: rival.map(|rival| monthly(analysis, rival) - cost),
        chosen_monthly_usd: (scenario == ScenarioId::EmpTuned).then_some(cost * 1.02),
        holds: true,
        limits: limits(scenario.is_emp()),
        headroom: None,
        spare_hosts_per_zone: 0,
        zone_hosts: None,
        work_owed: None,
    }
}

/// Breaks a limit of a scenario; what breaks stands first.
fn break_limit(judged: &mut Judged, limit: Limit, value: f64, worst: Option<&str>) {
    judged.holds = false;
    if let Some(check) = judged.limits.iter_mut().find(|check| check.limit == limit) {
        (check.value, check.holds, check.worst) = (Some(value), false, worst.map(str::to_owned));
    }
    judged.limits.sort_by_key(|check| check.holds);
}

/// The analysis with `ec2-tuned`, and a verdict without a conclusion.
fn judged(mut analysis: Analysis) -> Analysis {
    if let Some(repacked) = analysis.scenarios.iter().find(|scenario| scenario.id == "ec2-repacked") {
        let mut tuned = repacked.clone();
        (tuned.id, tuned.label) = ("ec2-tuned".to_owned(), "EC2 repacked, policy tuned".to_owned());
        tuned.cost_usd.compute = tuned.cost_usd.compute.map(|usd| usd * 0.97);
        tuned.cost_usd.total = Some(tuned.cost_usd.lines().iter().filter_map(|line| line.1).sum());
        tuned.monthly_usd = tuned.cost_usd.total.map(|total| total * 730.0 / f64::from(HOURS));
        analysis.scenarios.push(tuned);
    }
    let mut all: Vec<Judged> = JUDGED.into_iter().map(|id| judge(&analysis, id)).collect();
    all.sort_by(|a, b| b.saving_monthly_usd.total_cmp(&a.saving_monthly_usd));
    analysis.verdict.judged = all;
    analysis.verdict.reported_hours = REPORTED;
    analysis.verdict.chosen_hours = 504;
    analysis
}

#[allow(clippy::unwrap_used, reason = "a sample without one of its scenarios is a mistake")]
fn of(analysis: &mut Analysis, id: ScenarioId) -> &mut Judged {
    analysis.verdict.judged.iter_mut().find(|judged| judged.scenario == id).unwrap()
}

/// Concludes: the reason, the recommendation and the confidence, and from these amounts and text.
fn conclude(analysis: &mut Analysis, reason: Reason, recommended: Option<ScenarioId>, doubts: Vec<Doubt>) {
    let verdict = &analysis.verdict;
    let judged = recommended.and_then(|id| verdict.judged(id));
    let lines = ["compute", "fargate", "root_disks", "volumes", "fee"].map(str::to_owned).to_vec();
    let today = monthly(analysis, ScenarioId::Ec2Today);
    let amounts = judged.map(|judged| Amounts {
        today_monthly_usd: today,
        monthly_usd: judged.monthly_usd,
        saving_monthly_usd: judged.saving_monthly_usd,
        saving_fraction: judged.saving_fraction,
        stranded_monthly_usd: 0.0,
        stranded_by_month: Vec::new(),
        saving_after_commitments_monthly_usd: judged.saving_monthly_usd,
        after_expiries: Vec::new(),
        transition_usd: Some(2_140.0),
        payback_days: Some(11.4),
        range_monthly_usd: Some([judged.saving_monthly_usd - 1_120.0, judged.saving_monthly_usd + 480.0]),
        lines,
    });
    let level = match doubts.len() {
        0 => ConfidenceLevel::High,
        1 => ConfidenceLevel::Medium,
        _ => ConfidenceLevel::Low,
    };
    let verdict = &mut analysis.verdict;
    verdict.amounts = amounts;
    verdict.confidence = Some(Confidence { level, doubts });
    verdict.reason = Some(reason);
    verdict.recommendation = recommended.map(|id| id.as_str().to_owned());
    verdict.text = wording::verdict(verdict, "USD");
    add_steps(analysis);
}

fn one_warm() -> Headroom {
    let instance_types = vec!["m5a.large".to_owned()];
    Headroom { warm_machines: 1, instance_types, empty_seconds: 600, monthly_usd: 125.0 }
}

/// Right-sizing on EC2 saves most, with a machine kept warm; the pool is dearer than today.
pub(crate) fn right_sizing() -> Analysis {
    let mut analysis = judged(full_losing());
    let right_sized = of(&mut analysis, ScenarioId::Ec2Rightsized);
    right_sized.headroom = Some(one_warm());
    for id in [ScenarioId::Emp, ScenarioId::EmpTuned, ScenarioId::EmpRightsized] {
        of(&mut analysis, id).zone_hosts = Some(ZoneHosts { zones: 3, hosts: 3.0, fill_fraction: 0.45 });
    }
    analysis.verdict.remedies = vec![Remedy {
        scenario: ScenarioId::Ec2Rightsized,
        mends: vec![Limit::LateServices, Limit::LateBatch],
        what: RemedyKind::KeepWarm { headroom: one_warm() },
        monthly_usd: Some(125.0),
        included: true,
    }];
    let doubts = vec![Doubt::BackTest { share: -0.023 }];
    conclude(&mut analysis, Reason::SavesMost, Some(ScenarioId::Ec2Rightsized), doubts);
    waterfall_to_right_sized(&mut analysis);
    add_steps(&mut analysis);
    analysis
}

/// A limit that today's machines are over themselves.
pub(crate) fn today_is_late() -> LimitCheck {
    LimitCheck {
        limit: Limit::LateBatch,
        value: Some(0.021),
        allowed: 0.01,
        today: Some(0.021),
        holds: false,
        worst: None,
    }
}

/// The pool saves most of what holds, with a spare host in each zone; commitments are stranded.
pub(crate) fn pool_wins() -> Analysis {
    let mut analysis = judged(full());
    let late = Some("checkout/checkout-api");
    break_limit(of(&mut analysis, ScenarioId::Ec2Rightsized), Limit::LateServices, 0.021, late);
    let right_sized = of(&mut analysis, ScenarioId::EmpRightsized);
    break_limit(right_sized, Limit::CpuLost, 0.001_04, None);
    break_limit(right_sized, Limit::WorkloadCpuLost, 0.031, Some("search/indexer"));
    break_limit(right_sized, Limit::MemoryOverMax, 0.002, None);
    break_limit(right_sized, Limit::Evictions, 0.104, late);
    let tuned = of(&mut analysis, ScenarioId::EmpTuned);
    tuned.spare_hosts_per_zone = 1;
    tuned.headroom =
        Some(Headroom { instance_types: vec!["m5.4xlarge".to_owned(), "c6a.2xlarge".to_owned()], ..one_warm() });
    let remedy = |scenario, mends: &[Limit], what, monthly_usd, included| Remedy {
        scenario,
        mends: mends.to_vec(),
        what,
        monthly_usd,
        included,
    };
    analysis.verdict.remedies = vec![
        remedy(ScenarioId::EmpTuned, &[Limit::HostLoss], RemedyKind::SpareHosts { per_zone: 1 }, Some(2_100.0), true),
        remedy(
            ScenarioId::Ec2Rightsized,
            &[Limit::LateServices],
            RemedyKind::KeepWarm { headroom: Headroom { warm_machines: 4, ..one_warm() } },
            Some(1_210.0),
            false,
        ),
        remedy(ScenarioId::EmpRightsized, &[Limit::CpuLost, Limit::Evictions], RemedyKind::NoneFound, None, false),
    ];
    let doubts = vec![
        Doubt::FlipsWith { key: "emp.fee_fraction".to_owned(), value: "0.35".to_owned(), then: Flip::AnotherWins },
        Doubt::EmpFactsDated,
        Doubt::Unpriced { what: "traffic between zones".to_owned() },
        Doubt::FlipsWith {
            key: "limits.service_start_seconds".to_owned(),
            value: "20".to_owned(),
            then: Flip::BreaksLimit,
        },
    ];
    conclude(&mut analysis, Reason::SavesMost, Some(ScenarioId::EmpTuned), doubts);
    if let Some(amounts) = &mut analysis.verdict.amounts {
        amounts.stranded_monthly_usd = 900.0;
        amounts.stranded_by_month =
            ["2026-08", "2026-09"].map(|month| StrandedMonth { month: month.to_owned(), usd: 900.0 }).to_vec();
        amounts.saving_after_commitments_monthly_usd += 900.0;
    }
    analysis
}

/// Returns an analysis in which less than 3 % of the bill can be saved.
pub(crate) fn nothing_pays() -> Analysis {
    let mut analysis = judged(full_losing());
    let today = monthly(&analysis, ScenarioId::Ec2Today);
    for judged in analysis.verdict.judged.iter_mut().filter(|judged| !judged.scenario.is_emp()) {
        judged.saving_monthly_usd = if judged.scenario == ScenarioId::Ec2Rightsized { 210.0 } else { -40.0 };
        judged.saving_fraction = Some(judged.saving_monthly_usd / today);
        judged.monthly_usd = today - judged.saving_monthly_usd;
    }
    let doubts = vec![Doubt::ShortWindow { hours: 336 }];
    conclude(&mut analysis, Reason::SavesTooLittle, Some(ScenarioId::Ec2Today), doubts);
    analysis.verdict.chosen_hours = 0;
    analysis
}

/// All that is cheaper lets services start late; warm machines would mend it.
pub(crate) fn limits_broken() -> Analysis {
    let mut analysis = judged(full_losing());
    for id in [ScenarioId::Ec2Tuned, ScenarioId::Ec2Rightsized] {
        break_limit(of(&mut analysis, id), Limit::LateServices, 0.021, Some("checkout/checkout-api"));
    }
    analysis.verdict.remedies = vec![Remedy {
        scenario: ScenarioId::Ec2Rightsized,
        mends: vec![Limit::LateServices],
        what: RemedyKind::KeepWarm { headroom: Headroom { warm_machines: 4, ..one_warm() } },
        monthly_usd: Some(1_210.0),
        included: false,
    }];
    let doubts = vec![Doubt::HoursMissing { share: 0.021 }];
    conclude(&mut analysis, Reason::LimitsBroken, Some(ScenarioId::Ec2Today), doubts);
    analysis
}

/// Usage is missing for too much of the time.
pub(crate) fn undecided() -> Analysis {
    let mut analysis = judged(full());
    conclude(&mut analysis, Reason::UsageMissing, None, vec![Doubt::UsagePartlyMissing { share: 0.083 }]);
    analysis
}

/// Every one of them with a name.
pub(crate) fn decided() -> Vec<(&'static str, Analysis)> {
    vec![
        ("right-sizing", right_sizing()),
        ("pool-wins", pool_wins()),
        ("nothing-pays", nothing_pays()),
        ("limits-broken", limits_broken()),
        ("undecided", undecided()),
    ]
}
