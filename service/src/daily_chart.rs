//! Charts of days as SVG, with the numbers beside them for the script that makes them zoomable. A function of its arguments.

use askama::Template;
use askama::filters::HtmlSafe;
use reports::Money;
use serde_json::json;

const WIDTH: f64 = 1080.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 170.0;

/// A line, or the bars: a name, and an amount for each day that has one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    /// Its name.
    pub(crate) name: &'static str,
    /// An amount for each day.
    pub(crate) values: Vec<Option<f64>>,
}

/// A chart, ready to be put on a page.
#[derive(Debug, Template)]
#[template(path = "chart.html")]
pub(crate) struct Chart {
    id: &'static str,
    title: String,
    desc: String,
    top: String,
    first: String,
    last: String,
    bars: Vec<Bar>,
    lines: Vec<Line>,
    data: String,
}

impl HtmlSafe for Chart {}

#[derive(Debug)]
struct Bar {
    x: String,
    y: String,
    width: String,
    height: String,
    title: String,
}

#[derive(Debug)]
struct Line {
    name: &'static str,
    class: String,
    /// Each run of days without a gap.
    runs: Vec<String>,
    dots: Vec<(String, String, String)>,
}

/// The cost of each day as bars; nothing for fewer than two days, or where nothing costs anything.
pub(crate) fn bars(days: &[(String, f64)], money: &Money) -> Option<Chart> {
    let (first, last) = days.first().zip(days.last())?;
    let dearest = days.iter().max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.cmp(&a.0)))?;
    if days.len() < 2 || dearest.1 <= 0.0 {
        return None;
    }
    let step = WIDTH / count(days.len());
    let bar = |(n, (date, cost)): (usize, &(String, f64))| {
        let height = (BOTTOM - TOP) * (cost / dearest.1).clamp(0.0, 1.0);
        Bar {
            x: format!("{:.2}", step * (count(n) + 0.1)),
            y: format!("{:.2}", BOTTOM - height),
            width: format!("{:.2}", step * 0.8),
            height: format!("{height:.2}"),
            title: format!("{date}: {}", money.show(*cost)),
        }
    };
    let series = [Series { name: "Cost", values: days.iter().map(|(_, cost)| Some(*cost)).collect() }];
    Some(Chart {
        id: "days",
        title: "Cost by day".to_owned(),
        desc: format!(
            "Cost of each day from {} to {}; the dearest is {} with {}.",
            first.0,
            last.0,
            dearest.0,
            money.show(dearest.1)
        ),
        top: money.show(dearest.1),
        first: first.0.clone(),
        last: last.0.clone(),
        bars: days.iter().enumerate().map(bar).collect(),
        lines: Vec::new(),
        data: data(days.iter().map(|(date, _)| date), &series, money, true),
    })
}

/// Amounts by day as lines, from zero up; nothing for fewer than two days, or without an amount above 0.
pub(crate) fn lines(title: &str, days: &[String], series: &[Series], money: &Money) -> Option<Chart> {
    let (first, last) = days.first().zip(days.last())?;
    let known = || series.iter().flat_map(|series| series.values.iter().flatten().copied());
    let most = known().fold(0.0_f64, f64::max);
    let least = known().fold(0.0_f64, f64::min);
    if days.len() < 2 || most <= 0.0 {
        return None;
    }
    let x = |n: usize| WIDTH * count(n) / count(days.len() - 1);
    let y = |amount: f64| BOTTOM - (BOTTOM - TOP) * (amount - least) / (most - least);
    let line = |(n, one): (usize, &Series)| {
        let mut runs = vec![String::new()];
        let mut dots = Vec::new();
        for (n, value) in one.values.iter().enumerate() {
            let Some(value) = value else {
                runs.push(String::new());
                continue;
            };
            let (x, y) = (format!("{:.2}", x(n)), format!("{:.2}", y(*value)));
            if let Some(run) = runs.last_mut() {
                if !run.is_empty() {
                    run.push(' ');
                }
                run.push_str(&format!("{x},{y}"));
            }
            let day = days.get(n).map(String::as_str).unwrap_or_default();
            dots.push((x, y, format!("{}, {day}: {}", one.name, money.show(*value))));
        }
        runs.retain(|run| !run.is_empty());
        Line { name: one.name, class: format!("ink-{n}"), runs, dots }
    };
    let shown = series.iter().filter(|one| one.values.iter().any(Option::is_some)).cloned().collect::<Vec<_>>();
    let change = |one: &Series| {
        let mut known = one.values.iter().flatten();
        let (from, to) = (known.next()?, known.next_back()?);
        Some(format!("{} from {} to {}", one.name, money.show(*from), money.show(*to)))
    };
    let changes: Vec<String> = shown.iter().filter_map(change).collect();
    Some(Chart {
        id: "lines",
        title: title.to_owned(),
        desc: format!("From {first} to {last}: {}.", changes.join("; ")),
        top: money.show(most),
        first: first.clone(),
        last: last.clone(),
        bars: Vec::new(),
        lines: shown.iter().enumerate().map(line).collect(),
        data: data(days.iter(), &shown, money, false),
    })
}

/// The numbers for the script.
fn data<'a>(days: impl Iterator<Item = &'a String>, series: &[Series], money: &Money, bars: bool) -> String {
    let prefix: String = money.show(0.0).chars().take_while(|c| !c.is_ascii_digit()).collect();
    let series: Vec<_> = series.iter().map(|one| json!({"name": one.name, "values": one.values})).collect();
    json!({"days": days.collect::<Vec<_>>(), "series": series, "bars": bars, "prefix": prefix}).to_string()
}

fn count(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(n: u32) -> Vec<String> {
        (1..=n).map(|day| format!("2026-07-{day:02}")).collect()
    }

    #[test]
    fn bars_reach_from_nothing_to_the_dearest_day() {
        let money = Money::native("USD");
        let costs: Vec<_> = days(3).into_iter().zip([1.0, 4.0, -1.0]).collect();
        let chart = bars(&costs, &money).unwrap();
        let heights: Vec<_> = chart.bars.iter().map(|bar| bar.height.as_str()).collect();
        assert_eq!(heights, ["37.50", "150.00", "0.00"]);
        assert!(chart.desc.contains("the dearest is 2026-07-02 with $4.00"), "{}", chart.desc);
        let data: serde_json::Value = serde_json::from_str(&chart.data).unwrap();
        assert_eq!((data["prefix"].as_str(), data["series"][0]["values"][1].as_f64()), (Some("$"), Some(4.0)));
        assert!(bars(&costs[..1], &money).is_none() && bars(&[], &money).is_none());
    }

    #[test]
    fn a_line_with_a_gap_is_in_two_runs_and_one_without_amounts_is_left_out() {
        let money = Money::native("USD");
        let series = [
            Series { name: "Today", values: vec![Some(1.0), None, Some(2.0), Some(3.0)] },
            Series { name: "Realised", values: vec![None; 4] },
        ];
        let chart = lines("Trend", &days(4), &series, &money).unwrap();
        assert_eq!(chart.lines.len(), 1);
        assert_eq!(chart.lines[0].runs, ["0.00,120.00", "720.00,70.00 1080.00,20.00"]);
        assert!(chart.desc.contains("Today from $1.00 to $3.00"), "{}", chart.desc);
        let page = chart.render().unwrap();
        assert!(page.contains("role=\"img\"") && page.contains("data-chart=\"{"), "{page}");
        assert!(lines("Trend", &days(1), &series, &money).is_none());
    }
}
