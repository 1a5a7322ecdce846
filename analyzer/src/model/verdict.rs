//! The conclusion in a sentence: what to do, by one rule.
//!
//! The cheapest scenario is recommended that holds the risk target, serving nearly every pod-second among it; today's own
//! counts as one that does. What it saves is said against today and, where elastic VMs win, against the best
//! alternative on EC2 with the same requests.

use types::NanoUsd;
use types::analysis::{ExactLines, Saving, Scenario, Verdict, WhatIf};
use types::show::usd;

use super::report::{Conclusion, Made, fits, judged};
use super::terms::is_uncertain;
use crate::scenarios::{Month, saving, today};

/// Scenarios that may be recommended, and whether they have elastic VMs.
const CANDIDATES: [(&str, bool); 5] =
    [("ec2-repacked", false), ("ec2-rightsized", false), ("emp", true), ("emp-tuned", true), ("emp-rightsized", true)];
/// The rivals on EC2 of scenarios with the same requests.
const RIVALS: [(&str, &str); 3] =
    [("emp", "ec2-repacked"), ("emp-tuned", "ec2-repacked"), ("emp-rightsized", "ec2-rightsized")];
/// Largest share of imputed use that carries a recommendation.
const IMPUTED: f64 = 0.05;
/// Hours below which nothing is recommended: a day to warm up, and two to choose and to judge by.
const HOURS: f64 = 72.0;

/// The verdict, and the savings it speaks of, those against today first.
pub(crate) fn verdict(
    conclusion: &Conclusion,
    today: (&Scenario, &ExactLines),
    month: Month,
) -> Option<(Verdict, Vec<Saving>)> {
    let find = |id: &str| conclusion.scenario(id);
    find("ec2-repacked")?;
    let pair = |made: &'_ Made| saving(today, (&made.scenario, &made.lines), month);
    let mut savings: Vec<Saving> = CANDIDATES.iter().filter_map(|(id, _)| find(id)).filter_map(pair).collect();
    let against = |id: &str, rival: &str| {
        let (made, rival) = (find(id)?, find(rival)?);
        saving((&rival.scenario, &rival.lines), (&made.scenario, &made.lines), month)
    };
    savings.extend(RIVALS.iter().filter_map(|(id, rival)| against(id, rival)));
    let saved = |made: &Made| today.1.less(&made.lines).map(|(saved, ..)| saved);
    let best = CANDIDATES
        .iter()
        .filter_map(|(id, emp)| Some((find(id).filter(|made| fits(made))?, *emp)))
        .filter_map(|(made, emp)| Some((saved(made)?, made, emp)))
        .max_by(|a, b| a.0.cmp(&b.0).then_with(|| b.1.scenario.id.cmp(&a.1.scenario.id)));
    let pool = judged(&conclusion.scenarios);
    let vs_today = pool.and_then(saved);
    let of_repacked = |made: &Made| Some(find("ec2-repacked")?.lines.less(&made.lines)?.0);
    let vs_ec2 = pool.and_then(of_repacked);
    let (recommendation, text) = match (barred(conclusion, month), best) {
        (Some(why), _) => (None, why),
        (None, Some((saved, made, emp))) if saved > NanoUsd::ZERO => {
            (Some(made.scenario.id.clone()), recommended(made, saved, emp, conclusion, today, month))
        }
        (None, _) => (Some(today::ID.to_owned()), stay(conclusion, today.1, month)),
    };
    let verdict = Verdict {
        text,
        recommendation,
        saving_vs_today_usd: vs_today.map(NanoUsd::usd),
        saving_vs_best_ec2_usd: vs_ec2.map(NanoUsd::usd),
        range_usd: conclusion.what_if.as_ref().and_then(|what_if| range(what_if, find("emp").and_then(of_repacked))),
        interval_usd: conclusion.interval_usd,
        ..Verdict::default()
    };
    Some((verdict, savings))
}

/// Why no recommendation can be made, if so.
fn barred(conclusion: &Conclusion, month: Month) -> Option<String> {
    if month.hours_present < HOURS {
        return Some(format!(
            "No recommendation can be made yet: the window holds {:.0} hours, and three days are the least; collect on, and ask again.",
            month.hours_present
        ));
    }
    (conclusion.imputed > IMPUTED).then(|| {
        format!(
            "No recommendation can be made: no use was seen in {:.1}\u{a0}% of the pods' time, and beyond 5\u{a0}% a replay stands on guesses; see what the collector reports as missing.",
            conclusion.imputed * 100.0
        )
    })
}

fn recommended(
    made: &Made,
    saved: NanoUsd,
    emp: bool,
    conclusion: &Conclusion,
    today: (&Scenario, &ExactLines),
    month: Month,
) -> String {
    let find = |id: &str| conclusion.scenario(id);
    let amount = |saved: NanoUsd, of: NanoUsd| {
        let share = crate::number::ratio(saved.usd(), of.usd()).unwrap_or_default() * 100.0;
        format!("{} a month, {share:.0}\u{a0}%", usd(month.usd(saved)))
    };
    let base = today.1.less(&made.lines).map(|(_, base, _)| base).unwrap_or_default();
    let head = amount(saved, base);
    let what = match made.scenario.id.as_str() {
        "ec2-repacked" => "Repack the same pods on cheaper EC2 machines, without an elastic machine pool",
        "ec2-rightsized" => "Right-size the requests and repack on EC2, without an elastic machine pool",
        "emp-rightsized" => "Right-size the requests and move to an elastic machine pool",
        "emp-tuned" => "Move to an elastic machine pool at tuned ratios",
        _ => "Move to an elastic machine pool at the documented ratios",
    };
    let mut text = format!("{what}: that saves {head} of what is compared");
    let rival = RIVALS.iter().find(|(id, _)| *id == made.scenario.id).and_then(|(_, rival)| find(rival));
    if let Some((more, ..)) = rival.and_then(|rival| rival.lines.less(&made.lines)) {
        let amount = usd(month.usd(more).abs());
        text.push_str(&if more < NanoUsd::ZERO {
            format!(", net of the fee; the best alternative on EC2 with the same requests would save {amount} a month more, but misses the risk target")
        } else {
            format!(", net of the fee, and {amount} a month more than the best alternative on EC2 with the same requests")
        });
    }
    if !emp {
        let pools = ["emp-tuned", "emp"].iter().find_map(|id| find(id));
        if let Some((less, ..)) = pools.and_then(|pool| pool.lines.less(&made.lines)) {
            let more = if less < NanoUsd::ZERO { "less" } else { "more" };
            let usd = usd(month.usd(less).abs());
            text.push_str(&format!(
                "; an elastic machine pool with the requests as they are would cost {usd} a month {more}"
            ));
        }
    }
    let gap = conclusion.optimism.map(|optimism| (1.0 - optimism).abs());
    let compute = today.1.compute.unwrap_or_default();
    if gap.is_some_and(|gap| saved.usd() < gap * compute.usd()) {
        text.push_str("; this is within the model's own error, as the replay of today's machines shows");
    }
    text.push('.');
    text
}

/// Why nothing is to be done: what would have saved, and what keeps it from being recommended.
fn stay(conclusion: &Conclusion, today: &ExactLines, month: Month) -> String {
    let saved = |made: &Made| today.less(&made.lines).map(|(saved, ..)| saved);
    let best = |emp: bool| {
        let of = CANDIDATES.iter().filter(|(_, of)| *of == emp);
        of.filter_map(|(id, _)| conclusion.scenario(id))
            .filter_map(|made| Some((saved(made)?, made)))
            .max_by_key(|(saved, _)| *saved)
    };
    let says = |found: Option<(NanoUsd, &Made)>, what: &str| match found {
        None => format!("{what} could not be replayed"),
        Some((saved, made)) if saved <= NanoUsd::ZERO => {
            format!("{} would cost {} a month more than today", phrase(made, what), usd(month.usd(saved).abs()))
        }
        Some((saved, made)) => format!(
            "{} would save {} a month, but {}",
            phrase(made, what),
            usd(month.usd(saved)),
            why_not(made, conclusion.unserved_allowed)
        ),
    };
    let (pool, ec2) = (best(true), best(false));
    let waits = [pool, ec2].into_iter().flatten().any(|(saved, made)| {
        saved > NanoUsd::ZERO && waiting(made).is_some_and(|waiting| waiting > conclusion.unserved_allowed)
    });
    let remedy = if waits { " Where such a wait is fine, raise risk.unserved in the assumptions." } else { "" };
    format!(
        "Not worth it as things are: {}; {}.{remedy}",
        says(pool, "an elastic machine pool"),
        says(ec2, "the best alternative on EC2")
    )
}

/// A scenario in words.
fn phrase<'w>(made: &Made, otherwise: &'w str) -> &'w str {
    match made.scenario.id.as_str() {
        "emp-tuned" => "an elastic machine pool at tuned ratios",
        "emp-rightsized" => "an elastic machine pool with right-sized requests",
        "ec2-repacked" => "repacking on EC2",
        "ec2-rightsized" => "right-sizing and repacking on EC2",
        _ => otherwise,
    }
}

/// Share of the pods' time that passes waiting.
fn waiting(made: &Made) -> Option<f64> {
    made.scenario.risk.as_ref().map(|risk| 1.0 - risk.served_fraction)
}

/// What keeps a scenario from being recommended.
fn why_not(made: &Made, unserved_allowed: f64) -> String {
    let percent = |share: f64| format!("{:.2}\u{a0}%", share * 100.0);
    let Some(risk) = &made.scenario.risk else { return "it was not replayed".to_owned() };
    if let Some(waiting) = waiting(made).filter(|waiting| *waiting > unserved_allowed) {
        let [waiting, allowed] = told_apart(waiting, unserved_allowed);
        return format!("{waiting} of the pods' time would pass waiting for machines, where {allowed} is allowed");
    }
    match (risk.host_slots_over_cpu, risk.host_slots_over_memory) {
        (_, Some(share)) if share > 0.0 => format!("hosts would swap in {} of their time", percent(share)),
        (Some(share), _) => format!("hosts would be short of CPU in {} of their time", percent(share)),
        _ => format!("machines would be short of CPU in {} of their time", percent(risk.machine_slots_over_cpu)),
    }
}

/// Two shares in per cent, with as many digits as it takes to see that they differ; two at least.
fn told_apart(a: f64, b: f64) -> [String; 2] {
    let percent = |digits: usize| [a, b].map(|share| format!("{:.digits$}\u{a0}%", share * 100.0));
    (2..6).map(percent).find(|[a, b]| a != b).unwrap_or_else(|| percent(6))
}

/// Least and greatest saving of `emp` over the assumptions tried one at a time.
fn range(what_if: &WhatIf, base: Option<NanoUsd>) -> Option<[f64; 2]> {
    let bars = what_if.tornado.iter().filter(|bar| is_uncertain(bar));
    let tried = bars.filter_map(|bar| bar.saving_usd).chain(base.map(NanoUsd::usd));
    tried.fold(None, |range, saving| match range {
        None => Some([saving, saving]),
        Some([least, most]) => Some([least.min(saving), most.max(saving)]),
    })
}

#[cfg(test)]
mod tests {
    use super::told_apart;

    #[test]
    fn what_is_a_little_more_than_allowed_does_not_look_the_same() {
        assert_eq!(told_apart(0.0013, 0.0005), ["0.13\u{a0}%", "0.05\u{a0}%"]);
        assert_eq!(told_apart(0.000_514, 0.0005), ["0.051\u{a0}%", "0.050\u{a0}%"]);
        assert_eq!(told_apart(0.0005, 0.0005), ["0.050000\u{a0}%", "0.050000\u{a0}%"]);
    }
}
