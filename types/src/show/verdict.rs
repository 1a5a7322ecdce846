//! The verdict as two or three sentences, from its data alone.

use super::{
    action, breach, count, grouped, headroom, limits::and_more, percent_brief, remedy, scenario, sentence_case, share,
    spare_hosts, usd,
};
use crate::analysis::{Doubt, Judged, LEAST_SAVING_FRACTION, Reason, RemedyKind, ScenarioId, Verdict, ZoneHosts};

/// The verdict in sentences, amounts in USD; the text it came with where it predates its data.
pub fn verdict(verdict: &Verdict) -> String {
    let Some(reason) = verdict.reason else { return verdict.text.clone() };
    let recommended = verdict.recommendation.as_deref().and_then(ScenarioId::parse);
    let sentences = match (reason, recommended) {
        (Reason::SavesMost | Reason::ChangesLess, Some(id)) => vec![
            recommend(verdict, id),
            if reason == Reason::ChangesLess { little_more(verdict, id) } else { String::new() },
            beside(verdict, id),
        ],
        (Reason::NothingSaves, _) => {
            vec!["Stay as you are: no alternative costs less than today.".to_owned(), pool(verdict)]
        }
        (Reason::SavesTooLittle, _) => stay_for_little(verdict),
        (Reason::LimitsBroken, _) => {
            let broken = "Stay as you are: cheaper ways exist, but each breaks a limit.".to_owned();
            vec![broken, rejected(verdict), unless_said(verdict, pool(verdict))]
        }
        (Reason::NoPods, _) => vec![
            "No recommendation: no pod ran in this window, so there is nothing to compare.".to_owned(),
            "Check that the collector reads this cluster's metrics; nodes that run nothing can simply go.".to_owned(),
        ],
        (Reason::WindowTooShort, _) => vec![too_short(verdict)],
        (Reason::UsageMissing, _) => vec![usage_missing(verdict)],
        (Reason::Unpriced, _) => vec![unpriced(verdict)],
        (Reason::NotReplayed | Reason::SavesMost | Reason::ChangesLess, _) => vec![
            "No recommendation: no alternative could be replayed, so none can be compared.".to_owned(),
            "The warnings say what is missing.".to_owned(),
        ],
    };
    let said: Vec<String> = sentences.into_iter().filter(|sentence| !sentence.is_empty()).collect();
    said.join(" ")
}

/// Least amount, in USD a month, that a sentence speaks of.
const WORTH_SAYING: f64 = 1.0;

fn judged(verdict: &Verdict, id: ScenarioId) -> Option<&Judged> {
    verdict.judged.iter().find(|judged| judged.scenario == id)
}

/// Whether a scenario is a change that can be recommended.
fn is_change(judged: &&Judged) -> bool {
    !matches!(judged.scenario, ScenarioId::Ec2Today | ScenarioId::Ec2TodayReplayed | ScenarioId::EmpVendor)
}

/// The largest saving of some scenarios; of equals the one that changes less.
fn best<'a>(scenarios: impl Iterator<Item = &'a Judged>) -> Option<&'a Judged> {
    scenarios
        .max_by(|a, b| a.saving_monthly_usd.total_cmp(&b.saving_monthly_usd).then_with(|| b.scenario.cmp(&a.scenario)))
}

/// `$9,937 a month (61 %)`.
fn amount(usd_a_month: f64, fraction: Option<f64>) -> String {
    let share =
        fraction.filter(|fraction| fraction.is_finite()).map(|fraction| format!(" ({})", percent_brief(fraction)));
    format!("{} a month{}", usd(usd_a_month), share.unwrap_or_default())
}

/// What to do, what it saves, what is kept ready for it, and what it saves beyond EC2.
fn recommend(verdict: &Verdict, id: ScenarioId) -> String {
    let judged = judged(verdict, id);
    let saving = match (&verdict.amounts, judged) {
        (Some(amounts), _) => Some((amounts.saving_monthly_usd, amounts.saving_fraction)),
        (None, judged) => judged.map(|judged| (judged.saving_monthly_usd, judged.saving_fraction)),
    };
    let Some((usd_a_month, fraction)) = saving else { return format!("{}.", action(id)) };
    let rival = if id.is_emp() { against_ec2(verdict, usd_a_month) } else { String::new() };
    let ready = judged.map(|judged| ready(verdict, judged)).unwrap_or_default();
    format!("{}: saves {}{ready}{rival}.", action(id), amount(usd_a_month, fraction))
}

/// What a pool saves beyond the best on EC2 that holds every limit.
fn against_ec2(verdict: &Verdict, saving: f64) -> String {
    let holds = |judged: &&Judged| judged.holds && !judged.scenario.is_emp();
    match best(verdict.judged.iter().filter(is_change).filter(holds)) {
        Some(ec2) if ec2.saving_monthly_usd >= WORTH_SAYING => match saving - ec2.saving_monthly_usd {
            more if more >= WORTH_SAYING => format!(", {} more than the best EC2 alternative", usd(more)),
            less if less <= -WORTH_SAYING => format!(", {} less than the best EC2 alternative", usd(-less)),
            _ => ", as much as the best EC2 alternative".to_owned(),
        },
        _ => String::new(),
    }
}

/// What is kept ready and what that costs: ` with one spare host in each zone ($2,100 a month, already deducted)`.
fn ready(verdict: &Verdict, judged: &Judged) -> String {
    let kept = judged.headroom.as_ref().map(|kept| (headroom(kept, judged.scenario), Some(kept.monthly_usd)));
    let spares = (judged.spare_hosts_per_zone > 0).then(|| {
        let of = |remedy: &&crate::analysis::Remedy| {
            remedy.scenario == judged.scenario
                && remedy.included
                && matches!(remedy.what, RemedyKind::SpareHosts { .. })
        };
        let price = verdict.remedies.iter().find(of).and_then(|remedy| remedy.monthly_usd);
        (spare_hosts(judged.spare_hosts_per_zone), price)
    });
    let (what, prices): (Vec<String>, Vec<Option<f64>>) = [kept, spares].into_iter().flatten().unzip();
    if what.is_empty() {
        return String::new();
    }
    let price: Option<f64> = prices.into_iter().sum();
    let price = price.filter(|usd| *usd >= WORTH_SAYING);
    let price = price.map(|price| format!(" ({} a month, already deducted)", usd(price))).unwrap_or_default();
    format!(" with {}{price}", what.join(" and "))
}

/// What another scenario would save more, within what cannot be told apart.
fn little_more(verdict: &Verdict, id: ScenarioId) -> String {
    let saving = judged(verdict, id).map_or(f64::INFINITY, |judged| judged.saving_monthly_usd);
    let more = |judged: &&Judged| judged.holds && judged.saving_monthly_usd - saving >= WORTH_SAYING;
    let Some(other) = best(verdict.judged.iter().filter(is_change).filter(more)) else { return String::new() };
    format!(
        "{} would save {} a month more, which is too little to tell apart; this changes less.",
        sentence_case(scenario(other.scenario)),
        usd(other.saving_monthly_usd - saving)
    )
}

/// What the other side comes to: the pool beside EC2, and EC2 that is cheaper but breaks a limit beside the pool.
fn beside(verdict: &Verdict, id: ScenarioId) -> String {
    if !id.is_emp() {
        return if id == ScenarioId::Ec2Today { String::new() } else { pool(verdict) };
    }
    let saving = judged(verdict, id).map_or(f64::INFINITY, |judged| judged.saving_monthly_usd);
    let cheaper = |judged: &&Judged| {
        !judged.holds && !judged.scenario.is_emp() && judged.saving_monthly_usd - saving >= WORTH_SAYING
    };
    best(verdict.judged.iter().filter(is_change).filter(cheaper)).map(but_breaks).unwrap_or_default()
}

/// What the best elastic machine pool comes to against today; of those that hold every limit where one does.
fn pool(verdict: &Verdict) -> String {
    best_pool(verdict).map(says).unwrap_or_default()
}

fn best_pool(verdict: &Verdict) -> Option<&Judged> {
    let pools = || verdict.judged.iter().filter(is_change).filter(|judged| judged.scenario.is_emp());
    best(pools().filter(|pool| pool.holds)).or_else(|| best(pools()))
}

/// What a scenario that is not recommended comes to.
fn says(judged: &Judged) -> String {
    let name = sentence_case(scenario(judged.scenario));
    let zones = judged.zone_hosts.as_ref().map(zones).unwrap_or_default();
    match judged.saving_monthly_usd {
        saving if saving >= WORTH_SAYING && judged.holds => {
            format!("{name} would save {}{zones}.", amount(saving, judged.saving_fraction))
        }
        saving if saving >= WORTH_SAYING => but_breaks(judged),
        saving if saving <= -WORTH_SAYING => {
            format!("{name} would cost {} a month more than today{zones}.", usd(-saving))
        }
        _ => format!("{name} would cost as much as today{zones}."),
    }
}

/// Hosts that zones force: `: its three zones need three hosts, which stand 45 % full`.
fn zones(hosts: &ZoneHosts) -> String {
    let zones = if hosts.zones == 1 { "zone needs".to_owned() } else { format!("{} zones need", count(hosts.zones)) };
    let as_many = (hosts.hosts - f64::from(hosts.zones)).abs() < 0.05;
    let of = match (as_many, hosts.zones) {
        (true, 1) => "one host".to_owned(),
        (true, n) => format!("{} hosts", count(n)),
        (false, _) => format!("{} hosts on average", grouped(hosts.hosts, 1)),
    };
    format!(": its {zones} {of}, which stand {} full", percent_brief(hosts.fill_fraction))
}

/// A scenario that saves and breaks a limit.
fn but_breaks(judged: &Judged) -> String {
    let mut broken = judged.limits.iter().filter(|check| !check.holds);
    let why = match broken.next() {
        Some(first) => format!("{}{}", breach(first), and_more(broken.count())),
        None => "does not hold every limit".to_owned(),
    };
    let name = sentence_case(scenario(judged.scenario));
    format!("{name} would save {}, but {why}.", amount(judged.saving_monthly_usd, judged.saving_fraction))
}

/// Why nothing is worth a change: too small a share of the bill, or within the error.
fn stay_for_little(verdict: &Verdict) -> Vec<String> {
    let saves = |judged: &&Judged| judged.holds && judged.saving_monthly_usd >= WORTH_SAYING;
    let most = best(verdict.judged.iter().filter(is_change).filter(saves));
    let is_small = most.and_then(|most| most.saving_fraction).is_none_or(|fraction| fraction <= LEAST_SAVING_FRACTION);
    let head = if is_small {
        format!("Stay as you are: nothing saves more than {} of the bill.", percent_brief(LEAST_SAVING_FRACTION))
    } else {
        "Stay as you are: what could be saved is within the error of the model.".to_owned()
    };
    let most_said = most.map(|most| {
        format!(
            "The most would come from {}: {}{}.",
            scenario(most.scenario).trim_end_matches(','),
            amount(most.saving_monthly_usd, most.saving_fraction),
            error(verdict).filter(|_| !is_small).unwrap_or_default()
        )
    });
    let pool_is_most = most.is_some_and(|most| most.scenario.is_emp());
    vec![head, most_said.unwrap_or_default(), if pool_is_most { String::new() } else { pool(verdict) }]
}

/// How far the replay of today is off, as a clause.
fn error(verdict: &Verdict) -> Option<String> {
    let doubts = &verdict.confidence.as_ref()?.doubts;
    doubts.iter().find_map(|doubt| match doubt {
        Doubt::BackTest { share } => {
            Some(format!("; replayed, today's own machines come out {} off", percent_brief(share.abs())))
        }
        _ => None,
    })
}

/// The largest saving that breaks a limit, and what would mend it at which price.
fn rejected(verdict: &Verdict) -> String {
    let breaks = |judged: &&Judged| !judged.holds && judged.saving_monthly_usd >= WORTH_SAYING;
    let Some(best) = best(verdict.judged.iter().filter(is_change).filter(breaks)) else { return String::new() };
    let said = but_breaks(best);
    let of = || verdict.remedies.iter().filter(|remedy| remedy.scenario == best.scenario && !remedy.included);
    let found: Vec<_> = of().filter(|remedy| remedy.what != RemedyKind::NoneFound).collect();
    if found.is_empty() {
        let tried = of().next().map(|_| " No level of headroom tried is enough to mend that.");
        return format!("{said}{}", tried.unwrap_or_default());
    }
    let what: Vec<String> = found.iter().map(|found| remedy(&found.what, best.scenario)).collect();
    let price: Option<f64> = found.iter().map(|found| found.monthly_usd).sum();
    let price = price.map_or_else(String::new, |price| format!(", for {} a month", usd(price)));
    format!("{said} It would hold with {}{price}.", what.join(" and "))
}

/// A sentence on the pool, unless the sentence before it was of the same.
fn unless_said(verdict: &Verdict, pool: String) -> String {
    let breaks = |judged: &&Judged| !judged.holds && judged.saving_monthly_usd >= WORTH_SAYING;
    let said = best(verdict.judged.iter().filter(is_change).filter(breaks)).map(|judged| judged.scenario);
    if best_pool(verdict).map(|pool| pool.scenario) == said { String::new() } else { pool }
}

fn doubts(verdict: &Verdict) -> impl Iterator<Item = &Doubt> {
    verdict.confidence.iter().flat_map(|confidence| &confidence.doubts)
}

fn too_short(verdict: &Verdict) -> String {
    let seen = doubts(verdict).find_map(|doubt| match doubt {
        Doubt::ShortWindow { hours } => Some(format!(" of {} hours", grouped(f64::from(*hours), 0))),
        _ => None,
    });
    format!(
        "No recommendation yet: the window{} is too short to judge by. Collect at least three days, better three weeks, and \
         run the analysis again.",
        seen.unwrap_or_default()
    )
}

fn usage_missing(verdict: &Verdict) -> String {
    let missing = doubts(verdict).find_map(|doubt| match doubt {
        Doubt::UsagePartlyMissing { share: missing } => Some(share(*missing)),
        _ => None,
    });
    format!(
        "No recommendation: usage is missing for {} of the pods' time, too much to judge by. See which metrics the collector \
         reports as missing, mend that, and run the analysis again.",
        missing.unwrap_or_else(|| "much".to_owned())
    )
}

fn unpriced(verdict: &Verdict) -> String {
    let what = doubts(verdict).find_map(|doubt| match doubt {
        Doubt::Unpriced { what } => Some(what.as_str()),
        _ => None,
    });
    format!(
        "No recommendation: {} has no price, and the comparison depends on it. Add the price to your price list and run the \
         analysis again.",
        what.unwrap_or("something that changes")
    )
}

#[cfg(test)]
mod tests;
