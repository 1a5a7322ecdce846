//! Words the parts of the page share: scenarios by id, sources of hours, the basis of a figure.

use types::HourSource;
use types::analysis::{Analysis, MachineRole, Saving, Scenario, ScenarioId};

use crate::number_format;

/// Id of what is paid today.
pub(crate) const TODAY: &str = "ec2-today";
/// The vendor's published arithmetic.
pub(crate) const VENDOR: &str = "emp-vendor";

/// Says why amounts that are shown add up to a little more or less than their sum.
pub(crate) const ROUNDED: &str = "Amounts are rounded, so a sum can be off by one.";

/// The elastic machine pool at documented ratios, replayed.
pub(crate) const POOL: &str = "emp";
/// The same at the ratios that hold the risk target.
pub(crate) const TUNED: &str = "emp-tuned";
/// The same pods on cheaper EC2 machines, replayed.
pub(crate) const REPACKED: &str = "ec2-repacked";

/// The scenario of an id.
pub(crate) fn scenario<'a>(analysis: &'a Analysis, id: &str) -> Option<&'a Scenario> {
    analysis.scenarios.iter().find(|scenario| scenario.id == id)
}

/// Returns true when a scenario of EC2 as it repacks came out as the default policy does, to the cent and on the same
/// machines: as Karpenter repacks, and whatever else is called after the default.
pub(crate) fn is_twin(analysis: &Analysis, id: &str) -> bool {
    let is_variant = id.strip_prefix(REPACKED).is_some_and(|rest| rest.starts_with('-'));
    let pair = is_variant.then(|| scenario(analysis, id).zip(scenario(analysis, REPACKED)));
    pair.flatten().is_some_and(|(variant, default)| {
        variant.cost_usd == default.cost_usd && variant.machine_hours == default.machine_hours
    })
}

/// Scenarios that are shown: one that came out as another to the cent, on the same machines, is not shown twice.
pub(crate) fn shown(analysis: &Analysis) -> impl Iterator<Item = &Scenario> {
    analysis.scenarios.iter().filter(move |scenario| !is_twin(analysis, &scenario.id))
}

/// Returns what today costs a month, on the hours that scenarios are compared on, so that differences are those that
/// are said; over the window where nothing was judged. `None` where compute has no price.
pub(crate) fn today_monthly(analysis: &Analysis) -> Option<f64> {
    let verdict = &analysis.verdict;
    let amounts = verdict.amounts.as_ref().map(|amounts| amounts.today_monthly_usd);
    let compared = || verdict.best_on_ec2().or(verdict.best_pool());
    let judged = || compared().map(|judged| judged.monthly_usd + judged.saving_monthly_usd);
    let total = || scenario(analysis, TODAY).filter(|today| today.cost_usd.compute.is_some())?.monthly_usd;
    amounts.or_else(judged).or_else(total)
}

/// The elastic machine pool the headline speaks of: the best of those judged; where none was, the tuned one if it holds
/// the risk target, else the one at documented ratios, else the vendor's arithmetic.
pub(crate) fn pool(analysis: &Analysis) -> &'static str {
    if let Some(pool) = analysis.verdict.best_pool() {
        return pool.scenario.as_str();
    }
    let holds = |id: &str| scenario(analysis, id).and_then(|s| s.risk.as_ref()).map(|risk| risk.holds_target);
    match (holds(TUNED), holds(POOL)) {
        (Some(true), _) => TUNED,
        (_, Some(_)) => POOL,
        _ => VENDOR,
    }
}

/// The pool that the plan builds.
pub(crate) fn planned(analysis: &Analysis) -> &str {
    analysis.plan.as_ref().and_then(|plan| plan.scenario.as_deref()).unwrap_or(POOL)
}

/// Fate of the EC2 nodes under what does not move to the pool that the plan builds, as a sentence.
pub(crate) fn what_stays(analysis: &Analysis) -> &'static str {
    if planned(analysis) == POOL && analysis.verdict.reason.is_some() {
        "What stays keeps today’s machine types."
    } else {
        "What stays is repacked once all has moved, so types may appear that are not there today."
    }
}

/// Returns what the elastic machine pool saves against today; `None` also where the analyzer forms no verdict from it,
/// say because only volumes are priced.
pub(crate) fn headline_saving(analysis: &Analysis) -> Option<&Saving> {
    saving_of(analysis, pool(analysis))
}

/// Returns what the vendor's arithmetic saves against today.
pub(crate) fn vendor_saving(analysis: &Analysis) -> Option<&Saving> {
    saving_of(analysis, VENDOR)
}

fn saving_of<'a>(analysis: &'a Analysis, id: &str) -> Option<&'a Saving> {
    let saving = analysis.savings.iter().find(|saving| saving.from == TODAY && saving.to == id);
    saving.filter(|_| analysis.verdict.saving_vs_today_usd.is_some())
}

/// The label of a scenario, or its name in a sentence where the analysis does not list it.
pub(crate) fn scenario_name(analysis: &Analysis, id: ScenarioId) -> String {
    scenario(analysis, id.as_str()).map_or_else(|| sentence(types::wording::scenario(id)), |one| one.label.clone())
}

/// Returns true when a scenario holds every limit, or the risk target where none were judged; `None` where it was not
/// replayed.
pub(crate) fn holds(analysis: &Analysis, scenario: &Scenario) -> Option<bool> {
    let judged = ScenarioId::parse(&scenario.id).and_then(|id| analysis.verdict.judged(id));
    judged.map(|judged| judged.holds).or_else(|| scenario.risk.as_ref().map(|risk| risk.holds_target))
}

/// Names that: one word for what holds, one for what does not.
pub(crate) fn holding(analysis: &Analysis, holds: bool) -> &'static str {
    match (analysis.verdict.judged.is_empty(), holds) {
        (true, true) => "holds the risk target",
        (true, false) => "over the risk target",
        (false, true) => "within all limits",
        (false, false) => "breaks a limit",
    }
}

/// The same where there is little room.
pub(crate) fn holding_briefly(analysis: &Analysis, holds: bool) -> &'static str {
    match (analysis.verdict.judged.is_empty(), holds) {
        (true, true) => "holds the target",
        (true, false) => "over the target",
        (false, _) => holding(analysis, holds),
    }
}

/// A name inside a sentence: characters that steer the direction of text or a terminal are replaced, because they
/// would reach beyond the name. In a cell of its own a name needs no such care.
pub(crate) fn plain(name: &str) -> String {
    let steers = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    name.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Names an hour's source as the page does.
pub(crate) const fn source(source: HourSource) -> &'static str {
    match source {
        HourSource::Prometheus => "from a real Prometheus",
        HourSource::Generator => "synthetic",
    }
}

/// The name of a cost line for people.
pub(crate) fn cost_line(line: &str) -> String {
    match line {
        "compute" => "compute",
        "fargate" => "Fargate",
        "root_disks" => "root disks",
        "volumes" => "persistent volumes",
        "auto_mode" => "EKS Auto Mode fee",
        "unused_commitments" => "unused commitments",
        "cpu_credits" => "CPU credits of burstable machines",
        "control_plane" => "EKS control plane",
        "network" => "network",
        "load_balancers" => "load balancers",
        "public_ipv4" => "public IPv4 addresses",
        "licences" => "licences",
        "pool_network" => "NAT of the machine pool",
        "spare_hosts" => "spare hosts",
        "work_owed" => "work still owed",
        "fee" => "EMP fee",
        other => return plain(&other.replace('_', " ")),
    }
    .to_owned()
}

/// Words as a list: `a`, `a and b`, `a, b and c`.
pub(crate) fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

pub(crate) use types::wording::sentence_case as sentence;

/// The window in words: `1 Jun 2025 to 1 Jul 2025 (UTC)`.
pub(crate) fn window(analysis: &Analysis) -> String {
    format!("{} to {} (UTC)", number_format::moment(analysis.window.start), number_format::moment(analysis.window.end))
}

/// Lists of prices that are named one by one; more are counted, and named under provenance.
const MOST_LISTS_NAMED: usize = 2;

/// The price lists in words: `prices: aws-ec2 of 1 Jun 2025 to 20 Jun 2025`, or how many there are and of when.
pub(crate) fn prices(analysis: &Analysis) -> String {
    let lists = &analysis.provenance.prices;
    if lists.len() > MOST_LISTS_NAMED {
        let dated = || lists.iter().filter(|list| !list.oldest.is_empty());
        let oldest = dated().map(|list| list.oldest.as_str()).min().unwrap_or_default();
        let newest = dated().map(|list| list.newest.as_str()).max().unwrap_or_default();
        let span = of_dates(oldest, newest);
        return format!("prices from {} lists {span}, named under Provenance", lists.len());
    }
    let named: Vec<String> =
        lists.iter().map(|l| format!("{} {}", plain(&l.name), of_dates(&l.oldest, &l.newest))).collect();
    if named.is_empty() { "no price list was used".to_owned() } else { format!("prices: {}", list(&named)) }
}

fn of_dates(oldest: &str, newest: &str) -> String {
    let (oldest, newest) = (plain(&number_format::date_text(oldest)), plain(&number_format::date_text(newest)));
    if newest.is_empty() {
        return "without a date".to_owned();
    }
    if oldest == newest { format!("of {newest}") } else { format!("of {oldest} to {newest}") }
}

/// Returns the factor from a number over the present hours to a month of 730 hours; `None` without an hour.
pub(crate) fn months_per_window(analysis: &Analysis) -> Option<f64> {
    analysis.window.months()
}

/// Returns what `from` costs more than `to` over the window, over the lines priced in both; `None` where compute is not
/// one of them: what is left then is no answer.
pub(crate) fn less(from: &Scenario, to: &Scenario) -> Option<f64> {
    from.cost_usd.compute.and(to.cost_usd.compute)?;
    let (from, to) = (from.cost_usd.lines(), to.cost_usd.lines());
    let both = from.into_iter().zip(to).filter_map(|((_, from), (_, to))| Some(from? - to?));
    both.map(Some).fold(None, |sum, saved| Some(sum.unwrap_or(0.0) + saved?))
}

/// A part of a whole as a fraction; zero where the whole is nothing.
pub(crate) fn share(part: f64, of: f64) -> f64 {
    if of > 0.0 { part / of } else { 0.0 }
}

/// Machines of a kind at once, on average over the hours present; `None` where there are none.
pub(crate) fn at_once(analysis: &Analysis, scenario: &Scenario, kind: MachineRole) -> Option<f64> {
    let hours: f64 = scenario.machine_hours.iter().filter(|row| row.kind == kind).map(|row| row.hours).sum();
    let present = f64::from(analysis.window.hours_present);
    (hours > 0.0 && present > 0.0).then(|| hours / present)
}

/// An assumption in words, where it is one of those that are tried, or that the form of a what-if asks for; its key
/// otherwise.
pub fn assumption(key: &str) -> String {
    match key {
        "emp.memory_overcommit" => "Memory of elastic VMs a host takes",
        "emp.cpu_overcommit" => "vCPU of elastic VMs a host takes",
        "emp.min_hosts_per_zone" => "Fewest hosts of a zone",
        "emp.max_hosts_per_zone" => "Most hosts of a zone",
        "emp.move_spot" => "Pods on spot capacity move",
        "ec2.today_consolidates" => "Today’s nodes are drained",
        "machine.warm" => "Machines kept ready",
        "emp.spare_hosts_per_zone" => "Spare hosts in each zone",
        "emp.memory_model" => "Memory that elastic VMs keep",
        "emp.evm_consolidation" => "How elastic VMs leave",
        "emp.host_threshold" => "How full hosts may be",
        "emp.guest_mib" => "MiB of a guest’s system",
        "scheduler.zones" => "Zone of a pod",
        "scheduler.score" => "Node a pod gets",
        "emp.fee_fraction" => "The vendor’s fee",
        "emp.volumes" => "Volumes under a pool",
        "host_discount" => "Further discount on hosts",
        "ec2_discount" => "Further discount on EC2",
        "emp.zones" => "Zones of a pool",
        "machine.smt_yield" => "Yield of a busy thread",
        "ec2.boot_seconds" => "Time a node takes to boot",
        "ec2.least_machines" => "Fewest nodes of a zone and kind",
        "ec2.largest_machine" => "Largest node, by today’s",
        "sizing.cpu_percentile" => "CPU percentile requested",
        "sizing.memory_margin" => "Memory requested above its peak",
        "risk.cpu_lost" => "Limit on CPU short",
        "risk.workload_cpu_lost" => "Limit on one workload’s CPU",
        "risk.memory_over_mean" => "Limit on memory short",
        "risk.memory_over_max" => "Limit on memory at peaks",
        "risk.evictions" => "Limit on evictions",
        "risk.single_evictions" => "Limit on single evictions",
        "risk.blast_radius" => "Limit on pods of one machine",
        "risk.host_loss" => "Limit on time without a spare",
        "risk.late_services" => "Limit on late services",
        "risk.late_batch" => "Limit on late jobs",
        "risk.overtaken" => "Limit on late CronJob runs",
        "risk.headroom_cost" => "Limit on cost of spare nodes",
        other => return plain(other),
    }
    .to_owned()
}

/// The value of an assumption in words, where it is a name, as percent where it is a share, else with its unit.
pub(crate) fn value(key: &str, value: &str) -> String {
    let number = value.parse::<f64>().ok();
    match (key, number) {
        (
            "emp.fee_fraction" | "host_discount" | "ec2_discount" | "emp.host_threshold" | "sizing.memory_margin",
            Some(share),
        ) => {
            return number_format::percent_round(share);
        }
        ("risk.evictions" | "risk.single_evictions", Some(_)) => return format!("{value} a pod and day"),
        (limit, Some(share)) if limit.starts_with("risk.") => {
            return types::wording::share(share);
        }
        ("ec2.boot_seconds", Some(_)) => return format!("{value}\u{a0}s"),
        ("ec2.largest_machine", Some(_)) => return format!("{value}\u{a0}×"),
        _ => {}
    }
    match value {
        "touched" => "page cache too",
        "working_set" => "what is in use",
        "high_water" => "the most ever used",
        "drain" => "drained",
        "empty_only" => "once empty",
        "free" => "free",
        "most_allocated" => "the fullest",
        "least_allocated" => "the emptiest",
        other => return plain(other),
    }
    .to_owned()
}

/// A sentence whose negative amounts do not break after their sign.
pub(crate) fn unbroken(sentence: &str) -> String {
    sentence.replace('\u{2212}', "\u{2212}\u{2060}")
}

/// At most `most` letters, with a sign that there were more.
pub(crate) fn clipped(text: &str, most: usize) -> String {
    let plain = plain(text);
    if plain.chars().count() <= most {
        return plain;
    }
    plain.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
