//! The verdict as two or three sentences, from its data alone.

use super::{
    AssumptionTest, WORTH_SAYING, action, breach, count, counted, grouped, headroom, in_currency, limits::and_more,
    percent_brief, remedy, scenario, sentence_case, share, spare_hosts, usd,
};
use crate::analysis::{
    Doubt, Judged, LEAST_SAVING_FRACTION, Reason, Remedy, RemedyKind, ScenarioId, Verdict, ZoneHosts, saves_most,
};

/// The verdict in sentences, amounts in the analysis' currency; the text it came with where it predates its data.
pub fn verdict(verdict: &Verdict, currency: &str) -> String {
    if verdict.reason.is_none() {
        return verdict.text.clone();
    }
    match in_currency(&clauses(verdict).join(" "), currency) {
        grounds if grounds.is_empty() => format!("{}.", stance(verdict)),
        grounds => format!("{}: {grounds}", stance(verdict)),
    }
}

/// Returns what to do, in a few words and without a full stop: `Right-size requests and repack`.
pub fn stance(verdict: &Verdict) -> &'static str {
    match (verdict.reason, verdict.recommended()) {
        (Some(Reason::SavesMost | Reason::ChangesLess), Some(id))
            if id.is_emp() && AssumptionTest::must_be_tried(verdict) =>
        {
            "Test an elastic machine pool"
        }
        // Which ratios a pool has is a detail of it.
        (Some(Reason::SavesMost | Reason::ChangesLess), Some(ScenarioId::EmpTuned)) => action(ScenarioId::Emp),
        (Some(Reason::SavesMost | Reason::ChangesLess), Some(id)) => action(id),
        (Some(Reason::NothingSaves | Reason::SavesTooLittle | Reason::LimitsBroken), _) => "Stay as you are",
        (Some(Reason::WindowTooShort), _) => "No recommendation yet",
        _ => "No recommendation",
    }
}

/// The sentences after it: what is saved and why, or the next step where nothing can be recommended. The text an
/// analysis came with where it predates its data.
pub fn grounds(verdict: &Verdict, currency: &str) -> String {
    match verdict.reason {
        None => verdict.text.clone(),
        Some(_) => in_currency(&sentence_case(&clauses(verdict).join(" ")), currency),
    }
}

/// Sentences that go on after what to do and a colon.
fn clauses(verdict: &Verdict) -> Vec<String> {
    let Some(reason) = verdict.reason else { return Vec::new() };
    let sentences = match (reason, verdict.recommended()) {
        (Reason::SavesMost, Some(id)) => vec![saves(verdict, id), beside(verdict, id)],
        (Reason::ChangesLess, Some(id)) => vec![saves(verdict, id), little_more(verdict, id), beside(verdict, id)],
        (Reason::NothingSaves, _) => {
            let which = if best_rejected(verdict).is_some() { " within the limits" } else { "" };
            vec![
                format!("no alternative{which} costs less than today."),
                rejected(verdict),
                pool_unless_rejected(verdict),
            ]
        }
        (Reason::SavesTooLittle, _) => stay_for_little(verdict),
        (Reason::LimitsBroken, _) => vec![
            "cheaper ways exist, but each breaks a limit.".to_owned(),
            rejected(verdict),
            pool_unless_rejected(verdict),
        ],
        (Reason::NoPods, _) => vec![
            "no pod ran in this window, so there is nothing to compare.".to_owned(),
            "Check that the collector reads this cluster's metrics; nodes that run nothing can simply go.".to_owned(),
        ],
        (Reason::WindowTooShort, _) => vec![too_short(verdict)],
        (Reason::UsageMissing, _) => vec![usage_missing(verdict)],
        (Reason::Unpriced, _) => vec![unpriced(verdict)],
        (Reason::NotReplayed | Reason::SavesMost | Reason::ChangesLess, _) => {
            vec![
                "no alternative could be replayed, so none can be compared. The warnings say what is missing."
                    .to_owned(),
            ]
        }
    };
    sentences.into_iter().filter(|sentence| !sentence.is_empty()).collect()
}

/// `$9,937 a month (61 %)`.
fn amount(usd_a_month: f64, fraction: Option<f64>) -> String {
    let share = fraction.filter(|fraction| fraction.is_finite());
    let share = share.map(|fraction| format!(" ({})", percent_brief(fraction)));
    format!("{} a month{}", usd(usd_a_month), share.unwrap_or_default())
}

/// Says what is saved, what is kept ready for it, and what is saved beyond EC2.
fn saves(verdict: &Verdict, id: ScenarioId) -> String {
    let judged = verdict.judged(id);
    let saving = match (&verdict.amounts, judged) {
        (Some(amounts), _) => Some((amounts.saving_monthly_usd, amounts.saving_fraction)),
        (None, judged) => judged.map(|judged| (judged.saving_monthly_usd, judged.saving_fraction)),
    };
    let Some((usd_a_month, fraction)) = saving else { return String::new() };
    let rival = if id.is_emp() { against_ec2(verdict, usd_a_month) } else { String::new() };
    let ready = judged.map(|judged| ready(verdict, judged)).unwrap_or_default();
    let saves = if id.is_emp() && AssumptionTest::must_be_tried(verdict) { "it would save" } else { "saves" };
    format!("{saves} {}{ready}{rival}.", amount(usd_a_month, fraction))
}

/// Says what a pool saves beyond the best on EC2 that holds every limit.
fn against_ec2(verdict: &Verdict, saving: f64) -> String {
    match verdict.best_on_ec2() {
        Some(ec2) if ec2.holds && ec2.saving_monthly_usd >= WORTH_SAYING => match saving - ec2.saving_monthly_usd {
            more if more >= WORTH_SAYING => format!(", {} more than the best EC2 alternative", usd(more)),
            less if less <= -WORTH_SAYING => format!(", {} less than the best EC2 alternative", usd(-less)),
            _ => ", the same as the best EC2 alternative".to_owned(),
        },
        _ => String::new(),
    }
}

/// Says what is kept ready, and its cost: ` with one spare host in each zone ($2,100 a month, already taken off the saving)`.
fn ready(verdict: &Verdict, judged: &Judged) -> String {
    let kept = judged.headroom.as_ref().map(|kept| (headroom(kept, judged.scenario), Some(kept.monthly_usd)));
    let spares = (judged.spare_hosts_per_zone > 0).then(|| {
        let of = |remedy: &&Remedy| {
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
    let price =
        price.map(|price| format!(" ({} a month, already taken off the saving)", usd(price))).unwrap_or_default();
    format!(" with {}{price}", what.join(" and "))
}

/// Says what another scenario would save more, within what cannot be told apart.
fn little_more(verdict: &Verdict, id: ScenarioId) -> String {
    let saving = verdict.judged(id).map_or(f64::INFINITY, |judged| judged.saving_monthly_usd);
    let more = |judged: &&Judged| judged.holds && judged.saving_monthly_usd - saving >= WORTH_SAYING;
    let Some(other) = saves_most(verdict.changes().filter(more)) else { return String::new() };
    format!(
        "{} would save {} a month more, which is too little to tell apart; this changes less.",
        sentence_case(scenario(other.scenario)),
        usd(other.saving_monthly_usd - saving)
    )
}

/// Speaks of the other side: the pool beside EC2, and EC2 that is cheaper but breaks a limit beside the pool.
fn beside(verdict: &Verdict, id: ScenarioId) -> String {
    if !id.is_emp() {
        return if id == ScenarioId::Ec2Today { String::new() } else { pool(verdict) };
    }
    let saving = verdict.judged(id).map_or(f64::INFINITY, |judged| judged.saving_monthly_usd);
    let cheaper = |judged: &&Judged| {
        !judged.holds && !judged.scenario.is_emp() && judged.saving_monthly_usd - saving >= WORTH_SAYING
    };
    saves_most(verdict.changes().filter(cheaper)).map(but_breaks).unwrap_or_default()
}

/// Compares the best elastic machine pool with today.
fn pool(verdict: &Verdict) -> String {
    match verdict.best_pool() {
        Some(pool) => says(pool),
        None => "No elastic machine pool could be compared; the warnings say why.".to_owned(),
    }
}

/// Compares a scenario that is not recommended with today.
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
        _ => format!("{name} would cost the same as today{zones}."),
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
    let most = saves_most(verdict.changes().filter(saves));
    let is_small = most.and_then(|most| most.saving_fraction).is_none_or(|fraction| fraction <= LEAST_SAVING_FRACTION);
    let larger = best_rejected(verdict).filter(|one| one.saving_fraction.is_none_or(|f| f > LEAST_SAVING_FRACTION));
    let head = if is_small {
        let which = if larger.is_some() { " within the limits" } else { "" };
        format!("nothing{which} saves more than {} of today's cost.", percent_brief(LEAST_SAVING_FRACTION))
    } else {
        "what could be saved is within the error of the model.".to_owned()
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
    let rejected = larger.map(|_| rejected(verdict)).unwrap_or_default();
    let pool = if pool_is_most { String::new() } else { pool_unless_rejected(verdict) };
    vec![head, most_said.unwrap_or_default(), rejected, pool]
}

/// Says how far the replay of today is off, as a clause.
fn error(verdict: &Verdict) -> Option<String> {
    let doubts = &verdict.confidence.as_ref()?.doubts;
    doubts.iter().find_map(|doubt| match doubt {
        Doubt::BackTest { share } => {
            Some(format!("; our simulation of today's cluster is {} off", percent_brief(share.abs())))
        }
        _ => None,
    })
}

/// The largest saving that breaks a limit.
fn best_rejected(verdict: &Verdict) -> Option<&Judged> {
    saves_most(verdict.changes().filter(|judged| !judged.holds && judged.saving_monthly_usd >= WORTH_SAYING))
}

/// Says what it would save, and what would mend it at which price.
fn rejected(verdict: &Verdict) -> String {
    let Some(best) = best_rejected(verdict) else { return String::new() };
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

/// Compares the best pool with today, unless that was said of the largest saving that breaks a limit.
fn pool_unless_rejected(verdict: &Verdict) -> String {
    let rejected = best_rejected(verdict).map(|judged| judged.scenario);
    match verdict.best_pool() {
        Some(pool) if Some(pool.scenario) == rejected => String::new(),
        _ => pool(verdict),
    }
}

fn doubts(verdict: &Verdict) -> impl Iterator<Item = &Doubt> {
    verdict.confidence.iter().flat_map(|confidence| &confidence.doubts)
}

fn too_short(verdict: &Verdict) -> String {
    let seen = doubts(verdict).find_map(|doubt| match doubt {
        Doubt::ShortWindow { hours } => Some(format!(" of {}", counted(*hours, "hour"))),
        _ => None,
    });
    format!(
        "the window{} is too short to judge by. Collect at least three days, better three weeks, and \
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
        "usage is missing for {} of the CPU or memory that pods use, too much to judge by. See which metrics the collector \
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
        "the price of {} is missing, and the comparison depends on it. Add it to your price list and run the analysis again.",
        what.unwrap_or("something that changes")
    )
}

#[cfg(test)]
mod tests;
