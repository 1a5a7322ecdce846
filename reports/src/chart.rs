//! One resource over the window as SVG: capacity, requested, used.
//!
//! plotters draws in placeholder colours; [`themed`] turns each into a class, so that the style sheet decides how
//! the chart looks on light, on dark and on paper. Drawn at three times its size, because plotters rounds to whole
//! pixels.

use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, TimeDelta, Utc};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::format;

/// plotters could not draw.
#[derive(Debug, thiserror::Error)]
#[error("could not draw; {0}")]
pub struct ChartError(String);

/// How many drawn pixels make one pixel of the page.
const SCALE: i32 = 3;
/// plotters divides a font's size by this when it writes SVG.
const PLOTTERS_FONT: f64 = 1.24;
const HOUR_SECONDS: i64 = 3600;

/// What is drawn.
#[derive(Debug)]
pub(crate) struct Chart {
    /// Prefix of the ids in the page.
    pub(crate) id: &'static str,
    pub(crate) title: String,
    /// The finding, for those who do not see the chart.
    pub(crate) desc: String,
    /// Unit of the vertical axis.
    pub(crate) unit: &'static str,
    pub(crate) start: DateTime<Utc>,
    pub(crate) end: DateTime<Utc>,
    /// One for each present hour, oldest first.
    pub(crate) points: Vec<Point>,
    /// Stretches of hours of one source, oldest first.
    pub(crate) spans: Vec<Span>,
}

/// One hour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub(crate) hour: DateTime<Utc>,
    pub(crate) capacity: f64,
    pub(crate) requested: f64,
    pub(crate) used: f64,
    pub(crate) peak: f64,
    /// Whether the hour was measured: the others are shaded.
    pub(crate) measured: bool,
}

/// Hours of one source.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) start: DateTime<Utc>,
    pub(crate) end: DateTime<Utc>,
    pub(crate) label: String,
}

/// Where the chart is shown; a phone gets its own drawing, so that its labels stay readable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) class: &'static str,
    width: i32,
    height: i32,
    left: i32,
    right: i32,
    font: i32,
    most_dates: i64,
}

/// For screens and paper.
pub(crate) const WIDE: Size =
    Size { class: "wide", width: 1080, height: 340, left: 58, right: 92, font: 13, most_dates: 11 };
/// For phones.
pub(crate) const NARROW: Size =
    Size { class: "narrow", width: 360, height: 280, left: 42, right: 74, font: 12, most_dates: 5 };

const TOP: i32 = 34;
const BOTTOM: i32 = 42;

/// A drawn chart.
#[derive(Debug, Template)]
#[template(path = "chart.html")]
pub(crate) struct Drawing {
    class: &'static str,
    id: String,
    title: String,
    desc: String,
    width: i32,
    height: i32,
    marks: Marks,
}

impl HtmlSafe for Drawing {}

/// What plotters wrote, without its outer element. Its text is escaped by plotters.
#[derive(Debug)]
struct Marks(String);

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Marks {}

/// What a stroke or a fill stands for. Each is drawn in a colour of its own that [`themed`] replaces.
#[derive(Debug, Clone, Copy)]
enum Ink {
    Text,
    Grid,
    Band,
    Bracket,
    Area,
    Used,
    Peak,
    Requested,
    Capacity,
}

impl Ink {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Text, "text"),
        (Self::Grid, "grid"),
        (Self::Band, "band"),
        (Self::Bracket, "bracket"),
        (Self::Area, "area"),
        (Self::Used, "used"),
        (Self::Peak, "peak"),
        (Self::Requested, "requested"),
        (Self::Capacity, "capacity"),
    ];

    fn colour(self) -> &'static RGBColor {
        match self {
            Self::Text => &RGBColor(1, 2, 1),
            Self::Grid => &RGBColor(1, 2, 2),
            Self::Band => &RGBColor(1, 2, 3),
            Self::Bracket => &RGBColor(1, 2, 4),
            Self::Area => &RGBColor(1, 2, 5),
            Self::Used => &RGBColor(1, 2, 6),
            Self::Peak => &RGBColor(1, 2, 7),
            Self::Requested => &RGBColor(1, 2, 8),
            Self::Capacity => &RGBColor(1, 2, 9),
        }
    }

    fn stroke(self, tenths: i32) -> ShapeStyle {
        let width = u32::try_from((tenths * SCALE + 5) / 10).unwrap_or(1).max(1);
        ShapeStyle { color: self.colour().to_rgba(), filled: false, stroke_width: width }
    }
}

/// Draws `chart` for one size of screen.
pub(crate) fn draw(chart: &Chart, size: Size) -> Result<Drawing, ChartError> {
    let mut svg = String::new();
    draw_into(&mut svg, chart, size).map_err(|error| ChartError(error.to_string()))?;
    Ok(Drawing {
        class: size.class,
        id: format!("{}-{}", chart.id, size.class),
        title: chart.title.clone(),
        desc: chart.desc.clone(),
        width: size.width * SCALE,
        height: size.height * SCALE,
        marks: Marks(themed(&svg)),
    })
}

type DrawError = Box<dyn std::error::Error>;

fn draw_into(svg: &mut String, chart: &Chart, size: Size) -> Result<(), DrawError> {
    let pixels = (u32::try_from(size.width * SCALE)?, u32::try_from(size.height * SCALE)?);
    let root = SVGBackend::with_string(svg, pixels).into_drawing_area();
    let seconds = (chart.end - chart.start).num_seconds().max(HOUR_SECONDS);
    let x = |moment: DateTime<Utc>| f64::from(i32::try_from((moment - chart.start).num_seconds()).unwrap_or(i32::MAX));
    let x_end = f64::from(i32::try_from(seconds)?);
    let largest = chart
        .points
        .iter()
        .flat_map(|p| [p.capacity, p.requested, p.used, p.peak])
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max);
    let (y_step, y_end) = y_axis(largest);

    let mut context = ChartBuilder::on(&root)
        .margin_top(TOP * SCALE)
        .margin_bottom(BOTTOM * SCALE)
        .margin_left(size.left * SCALE)
        .margin_right(size.right * SCALE)
        .build_cartesian_2d(0.0..x_end, 0.0..y_end)?;
    let at = |point: (f64, f64)| context.backend_coord(&point);
    let (left, floor) = at((0.0, 0.0));
    let (right, ceiling) = at((x_end, y_end));

    // Bands of hours that were not measured, under everything; a bracket with the name of each source above.
    let text = |ink: Ink, h: HPos, v: VPos| {
        let font = f64::from(size.font * SCALE) * PLOTTERS_FONT;
        ("sans-serif", font).into_text_style(&root).color(ink.colour()).pos(Pos::new(h, v))
    };
    let stretches = stretches(&chart.points);
    for run in stretches.iter().flat_map(|stretch| stretch.chunk_by(|a, b| a.measured == b.measured)) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        if !first.measured {
            let (from, _) = at((x(first.hour), 0.0));
            let (to, _) = at((x(last.hour + TimeDelta::seconds(HOUR_SECONDS)), 0.0));
            let fill = ShapeStyle { filled: true, ..Ink::Band.stroke(10) };
            root.draw(&Rectangle::new([(from, ceiling), (to, floor)], fill))?;
        }
    }
    let mut label_end = left - 1;
    for span in &chart.spans {
        let (from, _) = at((x(span.start), 0.0));
        let (to, _) = at((x(span.end), 0.0));
        let y = ceiling - 8 * SCALE;
        let tick = y + 4 * SCALE;
        let inset = (2 * SCALE).min((to - from) / 3);
        let bracket = vec![(from + inset, tick), (from + inset, y), (to - inset, y), (to - inset, tick)];
        root.draw(&PathElement::new(bracket, Ink::Bracket.stroke(10)))?;
        let width = text_width(&span.label, size.font);
        let is_last = span.end >= chart.end;
        let start = if is_last && from + width > right { right - width } else { from };
        if start > label_end && start + width <= right + size.right * SCALE {
            let style = text(Ink::Text, HPos::Left, VPos::Bottom);
            root.draw(&Text::new(span.label.clone(), (start, y - 4 * SCALE), style))?;
            label_end = start + width + 8 * SCALE;
        }
    }

    // Axes: the unit above the numbers, dates below, one thin line for each step.
    let unit = text(Ink::Text, HPos::Right, VPos::Bottom);
    root.draw(&Text::new(chart.unit, (left - 8 * SCALE, ceiling - 12 * SCALE), unit))?;
    let mut step = 0;
    while f64::from(step) * y_step <= y_end * 1.000_001 {
        let value = f64::from(step) * y_step;
        let (_, y) = at((0.0, value));
        root.draw(&PathElement::new(vec![(left, y), (right, y)], Ink::Grid.stroke(10)))?;
        let label = text(Ink::Text, HPos::Right, VPos::Center);
        root.draw(&Text::new(axis_number(value, y_step), (left - 8 * SCALE, y), label))?;
        step += 1;
    }
    let mut date_end = i32::MIN;
    for (moment, label) in dates(chart.start, chart.start + TimeDelta::seconds(seconds), size.most_dates) {
        let (px, _) = at((x(moment), 0.0));
        root.draw(&PathElement::new(vec![(px, floor), (px, floor + 5 * SCALE)], Ink::Bracket.stroke(10)))?;
        let half = text_width(&label, size.font) / 2;
        if px - half > date_end {
            date_end = px + half;
            let style = text(Ink::Text, HPos::Center, VPos::Top);
            root.draw(&Text::new(label, (px, floor + 7 * SCALE), style))?;
        }
    }
    let axis = text(Ink::Text, HPos::Center, VPos::Top);
    root.draw(&Text::new("time (UTC)", ((left + right) / 2, floor + 24 * SCALE), axis))?;

    // The series; hours that are not there are gaps.
    let mut end_of_data = left;
    for stretch in &stretches {
        let series = |value: fn(&Point) -> f64| line(stretch, &x, value);
        let fill = ShapeStyle { filled: true, ..Ink::Area.stroke(10) };
        context.draw_series(AreaSeries::new(series(|p| p.used), 0.0, fill))?;
        context.draw_series(LineSeries::new(series(|p| p.peak), Ink::Peak.stroke(12)))?;
        context.draw_series(LineSeries::new(series(|p| p.used), Ink::Used.stroke(20)))?;
        context.draw_series(LineSeries::new(series(|p| p.requested), Ink::Requested.stroke(20)))?;
        context.draw_series(LineSeries::new(series(|p| p.capacity), Ink::Capacity.stroke(20)))?;
    }
    let at = |point: (f64, f64)| context.backend_coord(&point);
    for pair in stretches.windows(2) {
        let [before, after] = pair else { continue };
        let (Some(last), Some(first)) = (before.last(), after.first()) else { continue };
        let (from, _) = at((x(last.hour + TimeDelta::seconds(HOUR_SECONDS)), 0.0));
        let (to, _) = at((x(first.hour), 0.0));
        if to - from > text_width("no data", size.font) {
            let style = text(Ink::Text, HPos::Center, VPos::Center);
            root.draw(&Text::new("no data", ((from + to) / 2, (floor + ceiling) / 2), style))?;
        }
    }

    // Names at the end of the lines.
    if let Some(last) = chart.points.last() {
        let ends = [
            (Ink::Capacity, "capacity", last.capacity),
            (Ink::Requested, "requested", last.requested),
            (Ink::Peak, "used, peak", last.peak),
            (Ink::Used, "used, mean", last.used),
        ];
        end_of_data = end_of_data.max(at((x(last.hour + TimeDelta::seconds(HOUR_SECONDS)), 0.0)).0);
        let mut labels: Vec<(i32, Ink, &str)> =
            ends.into_iter().map(|(ink, name, value)| (at((0.0, value)).1, ink, name)).collect();
        spread(&mut labels, (size.font + 3) * SCALE, ceiling, floor);
        for (y, ink, name) in labels {
            let style = text(ink, HPos::Left, VPos::Center);
            root.draw(&Text::new(name, (end_of_data + 6 * SCALE, y), style))?;
        }
    }
    root.present()?;
    Ok(())
}

/// One line: from the start of the first hour, through the middle of each, to the end of the last.
fn line(stretch: &[Point], x: &dyn Fn(DateTime<Utc>) -> f64, value: fn(&Point) -> f64) -> Vec<(f64, f64)> {
    let half = TimeDelta::seconds(HOUR_SECONDS / 2);
    let mut line = Vec::with_capacity(stretch.len() + 2);
    line.extend(stretch.first().map(|p| (x(p.hour), value(p))));
    line.extend(stretch.iter().map(|p| (x(p.hour + half), value(p))));
    line.extend(stretch.last().map(|p| (x(p.hour + half + half), value(p))));
    line
}

/// Splits the hours where one is missing.
fn stretches(points: &[Point]) -> Vec<&[Point]> {
    points
        .chunk_by(|a, b| (b.hour - a.hour).num_seconds() <= HOUR_SECONDS)
        .filter(|stretch| !stretch.is_empty())
        .collect()
}

/// Moves labels apart, lowest first, and back into the plot.
fn spread(labels: &mut [(i32, Ink, &str)], apart: i32, ceiling: i32, floor: i32) {
    // Equal heights keep the order given: what is listed first stands higher.
    labels.sort_by_key(|label| label.0);
    let mut lowest = floor - apart / 4;
    for label in labels.iter_mut().rev() {
        label.0 = label.0.min(lowest);
        lowest = label.0 - apart;
    }
    let mut highest = ceiling;
    for label in labels.iter_mut() {
        label.0 = label.0.max(highest);
        highest = label.0 + apart;
    }
}

/// Step and end of an axis from zero that holds `largest`, with about five steps of a round size.
fn y_axis(largest: f64) -> (f64, f64) {
    if largest <= 0.0 {
        return (0.5, 1.0);
    }
    let rough = largest / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough * 0.999_999)
        .unwrap_or(10.0 * power);
    (step, (largest / step * 1.02).ceil() * step)
}

fn axis_number(value: f64, step: f64) -> String {
    let decimals = if step >= 1.0 && step.fract() == 0.0 {
        0
    } else if step >= 0.1 {
        1
    } else {
        3
    };
    format::grouped(value, decimals)
}

/// Round moments of the window with their names, at most `most` of them.
fn dates(start: DateTime<Utc>, end: DateTime<Utc>, most: i64) -> Vec<(DateTime<Utc>, String)> {
    const DAY: i64 = 24;
    let hours = ((end - start).num_seconds() / HOUR_SECONDS).max(1);
    let steps = [1, 2, 3, 6, 12, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 182 * DAY];
    let step = steps.into_iter().find(|step| hours / step < most).unwrap_or(364 * DAY) * HOUR_SECONDS;
    // Weeks begin on Monday; the epoch was a Thursday.
    let offset = if step >= 7 * DAY * HOUR_SECONDS { 4 * DAY * HOUR_SECONDS } else { 0 };
    let mut second = start.timestamp() + (offset - start.timestamp()).rem_euclid(step);
    let mut dates = Vec::new();
    while second <= end.timestamp() {
        if let Some(moment) = DateTime::from_timestamp(second, 0) {
            let midnight = second.rem_euclid(DAY * HOUR_SECONDS) == 0;
            let label = if midnight { moment.format("%-d %b") } else { moment.format("%H:%M") };
            dates.push((moment, label.to_string()));
        }
        second += step;
    }
    dates
}

/// About how wide a text is, in drawn pixels: SVG cannot measure.
fn text_width(text: &str, font: i32) -> i32 {
    let chars = i32::try_from(text.chars().count()).unwrap_or(i32::MAX / 1000);
    chars * font * SCALE * 11 / 20
}

/// Replaces the placeholder colours with classes and drops what the style sheet or the template sets.
fn themed(svg: &str) -> String {
    let inner = svg.split_once('>').map_or(svg, |(_, rest)| rest);
    let inner = inner.rsplit_once("</svg>").map_or(inner, |(inner, _)| inner);
    let mut themed = inner.replace(" opacity=\"1\"", "").replace(" font-family=\"sans-serif\"", "");
    for (ink, name) in Ink::ALL {
        let RGBColor(red, green, blue) = ink.colour();
        let hex = format!("#{red:02X}{green:02X}{blue:02X}");
        themed = themed
            .replace(&format!(" stroke=\"{hex}\""), &format!(" class=\"s-{name}\""))
            .replace(&format!(" fill=\"{hex}\""), &format!(" class=\"f-{name}\""));
    }
    themed.replace(" \"", "\"").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(hours: &[i64]) -> Chart {
        let start = DateTime::from_timestamp(1_748_736_000, 0).unwrap();
        let point = |h: &i64| Point {
            hour: start + TimeDelta::hours(*h),
            capacity: 320.0,
            requested: 210.0,
            used: 40.0,
            peak: 90.0,
            measured: *h > 0,
        };
        Chart {
            id: "cpu",
            title: "CPU <b>".to_owned(),
            desc: "40 of 320".to_owned(),
            unit: "cores",
            start,
            end: start + TimeDelta::hours(48),
            points: hours.iter().map(point).collect(),
            spans: Vec::new(),
        }
    }

    #[test]
    fn a_missing_hour_is_a_gap_in_every_line() {
        let whole = draw(&chart(&[0, 1, 2, 3, 4]), WIDE).unwrap().render().unwrap();
        let gap = draw(&chart(&[0, 1, 3, 4]), WIDE).unwrap().render().unwrap();
        assert_eq!(whole.matches("s-capacity").count() + 1, gap.matches("s-capacity").count());
        assert_eq!(whole.matches("f-area").count() + 1, gap.matches("f-area").count());
    }

    #[test]
    fn colours_come_from_the_style_sheet_alone() {
        let svg = draw(&chart(&[0, 1]), NARROW).unwrap().render().unwrap();
        assert!(!svg.contains("=\"#"), "{svg}");
        assert!(svg.contains("CPU &#60;b&#62;"), "{svg}");
    }

    #[test]
    fn axes_have_round_steps() {
        for (largest, expect) in [
            (0.0, (0.5, 1.0)),
            (320.0, (100.0, 400.0)),
            (7.0, (2.0, 8.0)),
            (2432.0, (500.0, 2500.0)),
            (0.9, (0.2, 1.0)),
        ] {
            let (step, end) = y_axis(largest);
            assert!((step - expect.0).abs() < 1e-9 && (end - expect.1).abs() < 1e-9, "{largest}: {step} {end}");
        }
        let start = DateTime::from_timestamp(1_748_736_000, 0).unwrap();
        let labels = |hours, most| -> Vec<String> {
            dates(start, start + TimeDelta::hours(hours), most).into_iter().map(|date| date.1).collect()
        };
        assert_eq!(labels(1, 11), ["1 Jun", "01:00"]);
        assert_eq!(labels(48, 5), ["1 Jun", "12:00", "2 Jun", "12:00", "3 Jun"]);
        assert_eq!(labels(720, 11), ["2 Jun", "9 Jun", "16 Jun", "23 Jun", "30 Jun"]);
    }

    #[test]
    fn labels_never_overlap_and_stay_inside() {
        let mut labels =
            vec![(100, Ink::Capacity, "a"), (101, Ink::Requested, "b"), (299, Ink::Peak, "c"), (300, Ink::Used, "d")];
        spread(&mut labels, 20, 0, 300);
        assert!(labels.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 20), "{labels:?}");
        assert!(labels.iter().all(|label| (0..=300).contains(&label.0)), "{labels:?}");
    }
}
