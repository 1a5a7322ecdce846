use super::stance;
use crate::analysis::{
    Amounts, Confidence, ConfidenceLevel, Doubt, Headroom, Judged, Limit, LimitCheck, Reason, Remedy, RemedyKind,
    ScenarioId, Verdict, ZoneHosts,
};

const BILL: f64 = 16_344.0;

fn sentence(verdict: &Verdict) -> String {
    super::verdict(verdict, "USD")
}

fn grounds(verdict: &Verdict) -> String {
    super::grounds(verdict, "USD")
}

fn judged(scenario: ScenarioId, saving: f64) -> Judged {
    Judged {
        scenario,
        monthly_usd: BILL - saving,
        saving_monthly_usd: saving,
        saving_fraction: Some(saving / BILL),
        rival: None,
        saving_vs_rival_monthly_usd: None,
        chosen_monthly_usd: None,
        holds: true,
        limits: Vec::new(),
        headroom: None,
        spare_hosts_per_zone: 0,
        zone_hosts: None,
        work_owed: None,
    }
}

fn late(mut judged: Judged) -> Judged {
    let (limit, worst) = (Limit::LateServices, Some("shop/checkout".to_owned()));
    let check = LimitCheck { limit, value: Some(0.021), allowed: 0.01, today: Some(0.001), holds: false, worst };
    (judged.holds, judged.limits) = (false, vec![check]);
    judged
}

fn one_warm() -> Headroom {
    let instance_types = vec!["m5a.large".to_owned()];
    Headroom { warm_machines: 1, instance_types, empty_seconds: 600, monthly_usd: 125.0 }
}

fn verdict(reason: Reason, recommendation: Option<ScenarioId>, judged: Vec<Judged>) -> Verdict {
    let of = recommendation.and_then(|id| judged.iter().find(|judged| judged.scenario == id));
    let amounts = of.map(|judged| Amounts {
        today_monthly_usd: BILL,
        monthly_usd: judged.monthly_usd,
        saving_monthly_usd: judged.saving_monthly_usd,
        saving_fraction: judged.saving_fraction,
        stranded_monthly_usd: 0.0,
        stranded_by_month: Vec::new(),
        saving_after_commitments_monthly_usd: judged.saving_monthly_usd,
        after_expiries: Vec::new(),
        transition_usd: None,
        payback_days: None,
        range_monthly_usd: None,
        lines: vec!["compute".to_owned()],
    });
    Verdict {
        recommendation: recommendation.map(|id| id.as_str().to_owned()),
        reason: Some(reason),
        amounts,
        judged,
        ..Verdict::default()
    }
}

fn check(verdict: &Verdict, expect: &str) {
    let text = sentence(verdict).replace('\u{a0}', " ");
    assert_eq!(text, expect);
    if verdict.reason.is_some() {
        let parts = format!("{}: {}", stance(verdict), grounds(verdict)).replace('\u{a0}', " ");
        assert_eq!(parts.to_lowercase(), text.to_lowercase(), "the page says the same in two parts");
    }
    assert!(!text.contains('\u{2212}') && !text.contains("NaN") && !text.contains(".."), "{text}");
}

#[test]
fn the_text_of_an_older_analysis_stays() {
    check(&Verdict { text: "As it was.".to_owned(), ..Verdict::default() }, "As it was.");
}

#[test]
fn right_sizing_with_headroom_and_a_dearer_pool() {
    let mut right_sized = judged(ScenarioId::Ec2Rightsized, 9_937.0);
    right_sized.headroom = Some(one_warm());
    let pools = vec![right_sized, judged(ScenarioId::Emp, -2_482.0), judged(ScenarioId::EmpTuned, -2_900.0)];
    let mut said = verdict(Reason::SavesMost, Some(ScenarioId::Ec2Rightsized), pools);
    check(
        &said,
        "Right-size requests and repack: saves $9,937 a month (61 %) with one spare m5a.large ready in each zone \
         ($125 a month, already taken off the saving). An elastic machine pool would cost $2,482 a month more than today.",
    );
    said.judged[0].headroom = None;
    said.judged[1].zone_hosts = Some(ZoneHosts { zones: 3, hosts: 3.0, fill_fraction: 0.45 });
    check(
        &said,
        "Right-size requests and repack: saves $9,937 a month (61 %). An elastic machine pool would cost $2,482 a month more than \
         today: its three zones need three hosts, which stand 45 % full.",
    );
}

#[test]
fn repacking_with_nodes_kept_and_a_pool_that_breaks_a_limit() {
    let mut tuned = judged(ScenarioId::Ec2Tuned, 1_300.0);
    tuned.headroom = Some(Headroom { warm_machines: 0, empty_seconds: 3600, monthly_usd: 0.0, ..one_warm() });
    let pool = late(judged(ScenarioId::Emp, 2_000.0));
    check(
        &verdict(Reason::SavesMost, Some(ScenarioId::Ec2Tuned), vec![pool, tuned]),
        "Repack on EC2 with a tuned policy: saves $1,300 a month (8 %) with empty nodes kept for one hour. An elastic machine \
         pool would save $2,000 a month (12 %), but 2.1 % of service starts would be more than a minute late (the limit set \
         here is 1 %).",
    );
}

#[test]
fn a_pool_with_a_spare_host_beats_what_holds_on_ec2() {
    let mut pool = judged(ScenarioId::Emp, 6_000.0);
    pool.spare_hosts_per_zone = 1;
    let ec2 = [judged(ScenarioId::Ec2Tuned, 4_000.0), late(judged(ScenarioId::Ec2Rightsized, 9_000.0))];
    let mut said = verdict(Reason::SavesMost, Some(ScenarioId::Emp), vec![pool]);
    said.judged.extend(ec2);
    said.remedies = vec![Remedy {
        scenario: ScenarioId::Emp,
        mends: vec![Limit::HostLoss],
        what: RemedyKind::SpareHosts { per_zone: 1 },
        monthly_usd: Some(2_100.0),
        included: true,
    }];
    check(
        &said,
        "Move to an elastic machine pool: saves $6,000 a month (37 %) with one spare host in each zone ($2,100 a month, \
         already taken off the saving), $2,000 more than the best EC2 alternative. Right-sizing requests on EC2 would save $9,000 a month \
         (55 %), but 2.1 % of service starts would be more than a minute late (the limit set here is 1 %).",
    );
    said.remedies.clear();
    said.judged[0].headroom = Some(one_warm());
    said.judged.truncate(2);
    check(
        &said,
        "Move to an elastic machine pool: saves $6,000 a month (37 %) with one spare m5a.large elastic VM ready in each zone \
         and one spare host in each zone, $2,000 more than the best EC2 alternative.",
    );
    said.recommendation = Some(ScenarioId::EmpTuned.as_str().to_owned());
    assert_eq!(stance(&said), "Move to an elastic machine pool", "ratios are no part of what to do");
    said.recommendation = Some(ScenarioId::Emp.as_str().to_owned());
    said.judged.truncate(1);
    said.judged[0].spare_hosts_per_zone = 0;
    said.judged[0].headroom = None;
    check(&said, "Move to an elastic machine pool: saves $6,000 a month (37 %).");
}

#[test]
fn between_equals_the_one_that_changes_less() {
    let scenarios = vec![judged(ScenarioId::Ec2Rightsized, 4_050.0), judged(ScenarioId::Ec2Tuned, 4_000.0)];
    check(
        &verdict(Reason::ChangesLess, Some(ScenarioId::Ec2Tuned), scenarios),
        "Repack on EC2 with a tuned policy: saves $4,000 a month (24 %). Right-sizing requests on EC2 would save $50 a month \
         more, which is too little to tell apart; this changes less. No elastic machine pool could be compared; the warnings say why.",
    );
}

#[test]
fn stay_where_nothing_or_little_is_saved() {
    let dearer = vec![judged(ScenarioId::Ec2Tuned, 0.0), judged(ScenarioId::Emp, -800.0)];
    check(
        &verdict(Reason::NothingSaves, Some(ScenarioId::Ec2Today), dearer),
        "Stay as you are: no alternative costs less than today. An elastic machine pool would cost $800 a month more than \
         today.",
    );
    let little = vec![judged(ScenarioId::Ec2Tuned, 200.0), judged(ScenarioId::Emp, 0.0)];
    check(
        &verdict(Reason::SavesTooLittle, Some(ScenarioId::Ec2Today), little),
        "Stay as you are: nothing saves more than 3 % of today's cost. The most would come from repacking on EC2 with a tuned \
         policy: $200 a month (1.2 %). An elastic machine pool would cost the same as today.",
    );
    let mixed = vec![late(judged(ScenarioId::Emp, 3_000.0)), judged(ScenarioId::Ec2Tuned, 200.0)];
    check(
        &verdict(Reason::SavesTooLittle, Some(ScenarioId::Ec2Today), mixed),
        "Stay as you are: nothing within the limits saves more than 3 % of today's cost. The most would come from repacking on EC2 \
         with a tuned policy: $200 a month (1.2 %). An elastic machine pool would save $3,000 a month (18 %), but 2.1 % of \
         service starts would be more than a minute late (the limit set here is 1 %).",
    );
    let mut unsure = verdict(Reason::SavesTooLittle, Some(ScenarioId::Ec2Today), vec![judged(ScenarioId::Emp, 700.0)]);
    unsure.confidence = Some(Confidence { level: ConfidenceLevel::Low, doubts: vec![Doubt::BackTest { share: 0.06 }] });
    check(
        &unsure,
        "Stay as you are: what could be saved is within the error of the model. The most would come from an elastic machine \
         pool: $700 a month (4.3 %); our simulation of today's cluster is 6 % off.",
    );
}

#[test]
fn limits_broken_with_and_without_a_remedy() {
    let mut right_sized = late(judged(ScenarioId::Ec2Rightsized, 9_937.0));
    let second = LimitCheck { limit: Limit::CpuLost, ..right_sized.limits[0].clone() };
    right_sized.limits.push(second);
    let scenarios = vec![right_sized, judged(ScenarioId::Emp, -500.0)];
    let mut said = verdict(Reason::LimitsBroken, Some(ScenarioId::Ec2Today), scenarios);
    let broken = "Stay as you are: cheaper ways exist, but each breaks a limit. Right-sizing requests on EC2 would save \
         $9,937 a month (61 %), but 2.1 % of service starts would be more than a minute late (the limit set here is 1 %), and one \
         more limit breaks.";
    let pool = "An elastic machine pool would cost $500 a month more than today.";
    check(&said, &format!("{broken} {pool}"));
    let remedy = |what, monthly_usd| Remedy {
        scenario: ScenarioId::Ec2Rightsized,
        mends: vec![Limit::LateServices],
        what,
        monthly_usd,
        included: false,
    };
    said.remedies = vec![remedy(RemedyKind::KeepWarm { headroom: one_warm() }, Some(125.0))];
    check(
        &said,
        &format!("{broken} It would hold with one spare m5a.large ready in each zone, for $125 a month. {pool}"),
    );
    said.remedies = vec![remedy(RemedyKind::NoneFound, None)];
    check(&said, &format!("{broken} No level of headroom tried is enough to mend that. {pool}"));
}

#[test]
fn what_cannot_be_said_names_the_next_step() {
    let doubted = |reason, doubt: Option<Doubt>| Verdict {
        confidence: doubt.map(|doubt| Confidence { level: ConfidenceLevel::Low, doubts: vec![doubt] }),
        ..verdict(reason, None, Vec::new())
    };
    for (said, expect) in [
        (
            doubted(Reason::NoPods, None),
            "No recommendation: no pod ran in this window, so there is nothing to compare. Check that the collector reads \
             this cluster's metrics; nodes that run nothing can simply go.",
        ),
        (
            doubted(Reason::WindowTooShort, Some(Doubt::ShortWindow { hours: 31 })),
            "No recommendation yet: the window of 31 hours is too short to judge by. Collect at least three days, better three \
             weeks, and run the analysis again.",
        ),
        (
            doubted(Reason::UsageMissing, Some(Doubt::UsagePartlyMissing { share: 0.083 })),
            "No recommendation: usage is missing for 8.3 % of the CPU or memory that pods use, too much to judge by. See which metrics the \
             collector reports as missing, mend that, and run the analysis again.",
        ),
        (
            doubted(Reason::Unpriced, Some(Doubt::Unpriced { what: "m5.metal in eu-north-1".to_owned() })),
            "No recommendation: the price of m5.metal in eu-north-1 is missing, and the comparison depends on it. Add it to \
             your price list and run the analysis again.",
        ),
        (
            doubted(Reason::NotReplayed, None),
            "No recommendation: no alternative could be replayed, so none can be compared. The warnings say what is missing.",
        ),
    ] {
        check(&said, expect);
    }
}
