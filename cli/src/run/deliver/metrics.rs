//! Cost and saving as an OpenMetrics text, for node-exporter's textfile collector or any scraper of files.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use types::analysis::{Analysis, ConfidenceLevel, ScenarioId, Verdict};

/// Labels of a sample, and its value.
type Sample = (Vec<(&'static str, String)>, f64);

/// One family of metrics.
pub(super) struct Family {
    pub(super) name: &'static str,
    help: &'static str,
    pub(super) samples: Vec<Sample>,
}

/// Writes the metrics of the clusters' analyses, each family once, in the order of the analyses. Amounts are for a month of
/// 730 hours, in the currency of the label. What is not known has no sample.
pub(crate) fn openmetrics(analyses: &[Analysis]) -> String {
    let mut text = String::new();
    for family in families(analyses) {
        let _infallible = writeln!(text, "# TYPE {} gauge\n# HELP {} {}", family.name, family.name, family.help);
        for (labels, value) in family.samples {
            let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            let _infallible = writeln!(text, "{}{{{}}} {value}", family.name, labels.join(","));
        }
    }
    text.push_str("# EOF\n");
    text
}

/// The samples of one analysis for one family.
type Of = fn(&Analysis) -> Vec<Sample>;

/// Every family: its name, what it is, and its samples.
const FAMILIES: [(&str, &str, Of); 12] = [
    ("emp_cost_scenario_monthly", "Cost of a scenario in a month of 730 hours.", |analysis| {
        let known = analysis.scenarios.iter().filter_map(|one| Some((&one.id, one.monthly_usd?)));
        known.map(|(id, monthly)| (with(analysis, "scenario", id), monthly)).collect()
    }),
    (
        "emp_cost_scenario_saving_monthly",
        "Saving of a judged scenario against today in a month of 730 hours.",
        |analysis| {
            let judged = analysis.verdict.judged.iter();
            judged.map(|one| (with(analysis, "scenario", one.scenario.as_str()), one.saving_monthly_usd)).collect()
        },
    ),
    (
        "emp_cost_recommended_saving_monthly",
        "Saving of the recommended scenario against today in a month of 730 hours; 0 where nothing is to be changed.",
        |analysis| {
            let of = recommended_saving(&analysis.verdict);
            of.map(|(id, saving)| (with(analysis, "scenario", id), saving)).into_iter().collect()
        },
    ),
    ("emp_cost_namespace_monthly", "Cost of a namespace's workloads today in a month of 730 hours.", |analysis| {
        let rows = analysis.allocation.iter().flat_map(|allocation| &allocation.by_namespace);
        let months = analysis.window.months();
        rows.filter_map(|row| Some((with(analysis, "namespace", &row.namespace), row.workload_usd * months?))).collect()
    }),
    (
        "emp_cost_namespace_waste_monthly",
        "Cost of what a namespace's workloads request and do not use, today, in a month of 730 hours.",
        |analysis| {
            let rows = analysis.allocation.iter().flat_map(|allocation| &allocation.by_workload);
            let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
            rows.filter(|row| !row.overhead)
                .for_each(|row| *sums.entry(&row.namespace).or_default() += row.unused_usd());
            let months = analysis.window.months();
            let sample = |(name, usd): (&str, f64)| Some((with(analysis, "namespace", name), usd * months?));
            sums.into_iter().filter_map(sample).collect()
        },
    ),
    (
        "emp_cost_idle_monthly",
        "Cost of capacity that nothing requests or uses, today, in a month of 730 hours.",
        |analysis| {
            let idle = analysis.allocation.as_ref().map(|allocation| allocation.total.idle_usd);
            let idle = idle.and_then(|usd| Some(usd * analysis.window.months()?));
            idle.map(|idle| (of(analysis), idle)).into_iter().collect()
        },
    ),
    ("emp_cost_waste_monthly", "Cost of what does no work, by kind, today, in a month of 730 hours.", |analysis| {
        let parts = analysis.waste.iter().flat_map(|waste| &waste.parts);
        parts.map(|part| (with(analysis, "kind", part.kind.as_str()), part.monthly_usd)).collect()
    }),
    ("emp_cost_confidence_level", "Confidence in the recommendation: 1 low, 2 medium, 3 high.", |analysis| {
        let level = analysis.verdict.confidence.as_ref().map(|confidence| match confidence.level {
            ConfidenceLevel::Low => 1.0,
            ConfidenceLevel::Medium => 2.0,
            ConfidenceLevel::High => 3.0,
        });
        level.map(|level| (cluster(analysis), level)).into_iter().collect()
    }),
    ("emp_cost_window_present_ratio", "Hours that were analyzed, as a share of those of the window.", |analysis| {
        let window = &analysis.window;
        let share = types::number::ratio(window.hours_present.into(), window.hours_expected.into());
        share.map(|share| (cluster(analysis), share)).into_iter().collect()
    }),
    ("emp_cost_unpriced_node_hours", "Node-hours of the window without a price.", |analysis| {
        let evidence = analysis.evidence.as_ref();
        evidence.map(|evidence| (cluster(analysis), evidence.unpriced_node_hours)).into_iter().collect()
    }),
    (
        "emp_cost_invoice_deviation_ratio",
        "Estimate over what AWS billed for the same hours, less one; only with an invoice.",
        |analysis| {
            let compared = analysis.invoice.as_ref().and_then(|invoice| invoice.compared.as_ref()?.deviation);
            compared.map(|deviation| (cluster(analysis), deviation)).into_iter().collect()
        },
    ),
    ("emp_cost_window_end_timestamp_seconds", "End of the window that was analyzed.", |analysis| {
        #[expect(clippy::as_conversions, reason = "seconds of this century are exact in a float")]
        let end = analysis.window.end.timestamp() as f64;
        vec![(cluster(analysis), end)]
    }),
];

/// The metrics of the clusters' analyses, in the order of the families.
pub(super) fn families(analyses: &[Analysis]) -> Vec<Family> {
    let family = |(name, help, of): (&'static str, &'static str, Of)| Family {
        name,
        help,
        samples: analyses.iter().flat_map(of).collect(),
    };
    FAMILIES.into_iter().map(family).collect()
}

/// The recommended scenario and its saving in USD a month: nothing where today's is recommended; `None` where nothing can be
/// recommended.
fn recommended_saving(verdict: &Verdict) -> Option<(&str, f64)> {
    let id = verdict.recommendation.as_deref()?;
    match &verdict.amounts {
        Some(amounts) => Some((id, amounts.saving_monthly_usd)),
        None => (id == ScenarioId::Ec2Today.as_str()).then_some((id, 0.0)),
    }
}

type Labels = Vec<(&'static str, String)>;

fn cluster(analysis: &Analysis) -> Labels {
    vec![("cluster", analysis.cluster_id.clone())]
}

fn of(analysis: &Analysis) -> Labels {
    [cluster(analysis), vec![("currency", analysis.currency.clone())]].concat()
}

fn with(analysis: &Analysis, name: &'static str, value: &str) -> Labels {
    [of(analysis), vec![(name, value.to_owned())]].concat()
}

/// Escapes a label's value as OpenMetrics asks for.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_stay_saves_nothing_and_what_cannot_be_recommended_has_no_sample() {
        let of = |id: Option<&str>| Verdict { recommendation: id.map(str::to_owned), ..Verdict::default() };
        assert_eq!(recommended_saving(&of(Some("ec2-today"))), Some(("ec2-today", 0.0)));
        assert_eq!(recommended_saving(&of(None)), None);
        // A change whose amounts are not known.
        assert_eq!(recommended_saving(&of(Some("ec2-tuned"))), None);
    }
}
