//! Tables of the verdict: its amounts, how scenarios were judged, their limits, remedies, and what limits confidence.

use serde_json::{Value, to_value};
use types::analysis::{Doubt, Judged, LimitCheck, RemedyKind, ScenarioId};
use types::wording;

use super::csv_table::Sheet;
use super::safe_cells::{Cell, joined, row};

/// A value of an enum as `analysis.json` spells it.
fn word(value: Result<Value, serde_json::Error>) -> Cell {
    match value {
        Ok(Value::String(word)) => Cell::from(word),
        _ => Cell::Unknown,
    }
}

pub(super) const VERDICT: Sheet = Sheet {
    name: "verdict",
    about: "One row: what is recommended, what it comes to, and how far it can be trusted; empty amounts where nothing is.",
    columns: &[
        ("recommendation", "scenario recommended; empty where the evidence carries none"),
        ("reason", "why, such as `saves_most` or `limits_broken`; empty in analyses that predate it"),
        ("text", "the same in sentences, amounts in the currency of the analysis"),
        ("today_monthly_usd", "today, over the lines compared"),
        ("monthly_usd", "what is recommended, over the same lines"),
        ("saving_monthly_usd", "the difference"),
        ("saving_fraction", "of today's cost over the same lines"),
        ("stranded_monthly_usd", "of the cost, commitments that are paid unused until they expire"),
        ("saving_after_commitments_monthly_usd", "saved once they have expired"),
        ("transition_usd", "running old and new side by side while moving, once"),
        ("payback_days", "until the saving has paid for that"),
        ("range_least_monthly_usd", "least saving over the assumptions tried one at a time"),
        ("range_most_monthly_usd", "greatest saving over them"),
        ("lines", "the cost lines compared, joined by `;`"),
        ("confidence", "`high`, `medium` or `low`; empty where nothing is recommended"),
        ("reported_hours", "hours scenarios are compared on"),
        ("chosen_hours", "hours before them that variants were chosen on"),
    ],
    rows: |analysis| {
        let verdict = &analysis.verdict;
        let amounts = verdict.amounts.as_ref();
        let range = amounts.and_then(|amounts| amounts.range_monthly_usd);
        vec![row![
            verdict.recommendation.as_ref(),
            verdict.reason.map_or(Cell::Unknown, |reason| word(to_value(reason))),
            wording::verdict(verdict, &analysis.currency),
            amounts.map(|amounts| amounts.today_monthly_usd),
            amounts.map(|amounts| amounts.monthly_usd),
            amounts.map(|amounts| amounts.saving_monthly_usd),
            amounts.and_then(|amounts| amounts.saving_fraction),
            amounts.map(|amounts| amounts.stranded_monthly_usd),
            amounts.map(|amounts| amounts.saving_after_commitments_monthly_usd),
            amounts.and_then(|amounts| amounts.transition_usd),
            amounts.and_then(|amounts| amounts.payback_days),
            range.map(|[least, _]| least),
            range.map(|[_, most]| most),
            amounts.map(|amounts| joined(&amounts.lines)),
            verdict.confidence.as_ref().map_or(Cell::Unknown, |confidence| word(to_value(confidence.level))),
            verdict.reason.map(|_| verdict.reported_hours),
            verdict.reason.map(|_| verdict.chosen_hours),
        ]]
    },
};

pub(super) const JUDGED: Sheet = Sheet {
    name: "judged",
    about: "One row for each scenario that was judged, the largest saving first; do not add them up, they are alternatives.",
    columns: &[
        ("scenario", "the scenario"),
        ("recommended", "whether it is recommended"),
        ("holds", "whether it holds every limit"),
        ("monthly_usd", "its cost, what is kept ready included, over the lines priced in it and today"),
        ("saving_monthly_usd", "saved against today over the same lines; negative where it costs more"),
        ("saving_fraction", "of today's cost over the same lines"),
        ("rival", "scenario on EC2 it is compared with like for like; empty for those on EC2"),
        ("saving_vs_rival_monthly_usd", "saved against that"),
        ("chosen_monthly_usd", "its cost on the hours choices were made on; empty where nothing was chosen"),
        ("warm_machines", "machines kept warm in each lot; empty where nothing is kept ready"),
        ("warm_instance_types", "their instance types, joined by `;`"),
        ("empty_kept_hours", "how long an empty machine is kept"),
        ("headroom_monthly_usd", "what that costs, in the scenario's cost"),
        ("spare_hosts_per_zone", "spare hosts in each zone"),
        (
            "zone_hosts_mean",
            "hosts that stand mostly empty because each zone needs its own; empty where zones do not decide",
        ),
        (
            "zone_hosts_fill_fraction",
            "how full these are: the larger of CPU and memory, by use or by the elastic VMs that overcommit allows",
        ),
        ("owed_pod_hours", "work of jobs that is not done by the end of the reported hours; empty where none is owed"),
        ("owed_monthly_usd", "what that costs, in the scenario's cost"),
    ],
    rows: |analysis| {
        let recommended = analysis.verdict.recommended();
        let of = |judged: &Judged| {
            let headroom = judged.headroom.as_ref();
            let zone_hosts = judged.zone_hosts.as_ref();
            row![
                judged.scenario.as_str(),
                recommended == Some(judged.scenario),
                judged.holds,
                judged.monthly_usd,
                judged.saving_monthly_usd,
                judged.saving_fraction,
                judged.rival.map(|rival| rival.as_str()),
                judged.saving_vs_rival_monthly_usd,
                judged.chosen_monthly_usd,
                headroom.map(|headroom| headroom.warm_machines),
                headroom.map(|headroom| joined(&headroom.instance_types)),
                headroom.map(|headroom| f64::from(headroom.empty_seconds) / 3600.0),
                headroom.map(|headroom| headroom.monthly_usd),
                judged.spare_hosts_per_zone,
                zone_hosts.map(|hosts| hosts.hosts),
                zone_hosts.map(|hosts| hosts.fill_fraction),
                judged.work_owed.map(|owed| owed.pod_hours),
                judged.work_owed.and_then(|owed| owed.monthly_usd),
            ]
        };
        analysis.verdict.judged.iter().map(of).collect()
    },
};

pub(super) const LIMITS: Sheet = Sheet {
    name: "limits",
    about: "One row for each limit that today's machines are over themselves, then for each scenario that was judged and each limit, those that do not hold first.",
    columns: &[
        ("scenario", "the scenario"),
        ("limit", "the limit, such as `late_services`"),
        ("holds", "whether the scenario holds it"),
        ("value", "what the scenario comes to, outside the first day; empty where it cannot be known"),
        ("allowed", "the most allowed"),
        ("today", "the same of today's machines, replayed"),
        ("worst", "where it is worst, such as a workload"),
        ("about", "what it measures, with its unit; shares are fractions of one"),
    ],
    rows: |analysis| {
        let of = |scenario: ScenarioId, limits: &[LimitCheck]| {
            let rows = limits.iter().map(|check| {
                row![
                    scenario.as_str(),
                    word(to_value(check.limit)),
                    check.holds,
                    check.value,
                    check.allowed,
                    check.today,
                    check.worst.as_ref(),
                    wording::limit_what(check.limit),
                ]
            });
            rows.collect::<Vec<_>>()
        };
        let verdict = &analysis.verdict;
        let today = of(ScenarioId::Ec2TodayReplayed, &verdict.today_breaches);
        let judged = verdict.judged.iter().flat_map(|judged| of(judged.scenario, &judged.limits));
        today.into_iter().chain(judged).collect()
    },
};

pub(super) const REMEDIES: Sheet = Sheet {
    name: "remedies",
    about: "One row for each thing that makes a scenario hold its limits, with its price.",
    columns: &[
        ("scenario", "the scenario"),
        ("mends", "limits that break without it, joined by `;`"),
        ("remedy", "`keep_warm`, `spare_hosts` or `none_found`"),
        ("what", "the same in words"),
        ("monthly_usd", "its price; empty where none was found"),
        ("included", "whether it is part of the scenario's cost"),
    ],
    rows: |analysis| {
        let remedies = analysis.verdict.remedies.iter().map(|remedy| {
            let mends: Vec<String> = remedy.mends.iter().filter_map(|limit| word(to_value(limit)).text()).collect();
            let kind = match remedy.what {
                RemedyKind::KeepWarm { .. } => "keep_warm",
                RemedyKind::SpareHosts { .. } => "spare_hosts",
                RemedyKind::NoneFound => "none_found",
            };
            row![
                remedy.scenario.as_str(),
                joined(&mends),
                kind,
                wording::remedy(&remedy.what, remedy.scenario),
                remedy.monthly_usd,
                remedy.included,
            ]
        });
        remedies.collect()
    },
};

pub(super) const DOUBTS: Sheet = Sheet {
    name: "doubts",
    about: "One row for each thing that limits the confidence, the gravest first.",
    columns: &[
        ("doubt", "its kind, such as `short_window`"),
        ("text", "the same in words"),
        ("assumption", "the assumption that turns the recommendation around"),
        ("value", "the value at which it does"),
        ("seen_hours", "hours, where they are too few"),
        ("share_fraction", "the share it speaks of"),
    ],
    rows: |analysis| {
        let doubts = analysis.verdict.confidence.iter().flat_map(|confidence| &confidence.doubts);
        let of = |doubt: &Doubt| {
            let (assumption, value, hours, fraction) = match doubt {
                Doubt::FlipsWith { key, value, .. } => (Some(key), Some(value), None, None),
                Doubt::ShortWindow { hours } => (None, None, Some(*hours), None),
                Doubt::UsagePartlyMissing { share }
                | Doubt::HoursMissing { share }
                | Doubt::BackTest { share }
                | Doubt::AutoscalersAddReplicas { share }
                | Doubt::SavingNearThreshold { share } => (None, None, None, Some(*share)),
                Doubt::EmpFactsDated | Doubt::SilentBusyHours | Doubt::NothingCompared | Doubt::Unpriced { .. } => {
                    (None, None, None, None)
                }
            };
            let text = crate::confidence_words::doubt(doubt, Some(analysis));
            let text = wording::in_currency(&text, &analysis.currency);
            row![kind(doubt), text, assumption, value, hours, fraction]
        };
        doubts.map(of).collect()
    },
};

/// The kind of a doubt as `analysis.json` spells it.
fn kind(doubt: &Doubt) -> &'static str {
    match doubt {
        Doubt::FlipsWith { .. } => "flips_with",
        Doubt::ShortWindow { .. } => "short_window",
        Doubt::EmpFactsDated => "emp_facts_dated",
        Doubt::SilentBusyHours => "silent_busy_hours",
        Doubt::AutoscalersAddReplicas { .. } => "autoscalers_add_replicas",
        Doubt::UsagePartlyMissing { .. } => "usage_partly_missing",
        Doubt::HoursMissing { .. } => "hours_missing",
        Doubt::BackTest { .. } => "back_test",
        Doubt::Unpriced { .. } => "unpriced",
        Doubt::SavingNearThreshold { .. } => "saving_near_threshold",
        Doubt::NothingCompared => "nothing_compared",
    }
}
