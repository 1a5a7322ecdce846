//! Cost and saving as an OpenMetrics text, for node-exporter's textfile collector or any scraper of files.

use std::fmt::Write as _;

use types::analysis::Analysis;

/// Labels of a sample, and its value.
type Sample = (Vec<(&'static str, String)>, f64);

/// One family of metrics.
struct Family {
    name: &'static str,
    help: &'static str,
    samples: Vec<Sample>,
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

fn families(analyses: &[Analysis]) -> [Family; 5] {
    let of =
        |analysis: &Analysis| vec![("cluster", analysis.cluster_id.clone()), ("currency", analysis.currency.clone())];
    let with = |analysis: &Analysis, name, value: &str| [of(analysis), vec![(name, value.to_owned())]].concat();
    let each = |samples: &dyn Fn(&Analysis) -> Vec<Sample>| analyses.iter().flat_map(samples).collect::<Vec<_>>();
    [
        Family {
            name: "emp_cost_scenario_monthly",
            help: "Cost of a scenario in a month of 730 hours.",
            samples: each(&|analysis| {
                let known = analysis.scenarios.iter().filter_map(|one| Some((&one.id, one.monthly_usd?)));
                known.map(|(id, monthly)| (with(analysis, "scenario", id), monthly)).collect()
            }),
        },
        Family {
            name: "emp_cost_scenario_saving_monthly",
            help: "Saving of a judged scenario against today in a month of 730 hours.",
            samples: each(&|analysis| {
                let judged = analysis.verdict.judged.iter();
                judged.map(|one| (with(analysis, "scenario", one.scenario.as_str()), one.saving_monthly_usd)).collect()
            }),
        },
        Family {
            name: "emp_cost_namespace_monthly",
            help: "Cost of a namespace's workloads today in a month of 730 hours.",
            samples: each(&|analysis| {
                let hours = f64::from(analysis.window.hours_present);
                let rows = analysis.allocation.iter().flat_map(|allocation| &allocation.by_namespace);
                let monthly = |usd: f64| types::number::ratio(usd * types::HOURS_PER_MONTH, hours);
                rows.filter_map(|row| Some((with(analysis, "namespace", &row.namespace), monthly(row.workload_usd)?)))
                    .collect()
            }),
        },
        Family {
            name: "emp_cost_idle_monthly",
            help: "Cost of capacity that nothing requests or uses, today, in a month of 730 hours.",
            samples: each(&|analysis| {
                let hours = f64::from(analysis.window.hours_present);
                let idle = analysis.allocation.as_ref().map(|allocation| allocation.total.idle_usd);
                let idle = idle.and_then(|usd| types::number::ratio(usd * types::HOURS_PER_MONTH, hours));
                idle.map(|idle| (of(analysis), idle)).into_iter().collect()
            }),
        },
        Family {
            name: "emp_cost_window_end_timestamp_seconds",
            help: "End of the window that was analyzed.",
            samples: each(&|analysis| {
                #[expect(clippy::as_conversions, reason = "seconds of this century are exact in a float")]
                let end = analysis.window.end.timestamp() as f64;
                vec![(vec![("cluster", analysis.cluster_id.clone())], end)]
            }),
        },
    ]
}

/// Escapes a label's value as OpenMetrics asks for.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
