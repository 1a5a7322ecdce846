//! Canvas of charts: shapes and text in pixels of the page, in inks that the style sheet colours.

use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// plotters could not draw.
#[derive(Debug, thiserror::Error)]
#[error("could not draw; {0}")]
pub struct ChartError(String);

impl ChartError {
    pub(crate) fn new(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Drawn pixels for one pixel of the page.
const SCALE: f64 = 3.0;
/// plotters divides a font's size by this when it writes SVG.
const PLOTTERS_FONT: f64 = 1.24;
/// About how wide a letter is, of its height: SVG cannot measure.
const LETTER: f64 = 0.55;

/// Where the chart is shown; a phone gets its own drawing, so that its labels stay readable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) class: &'static str,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) font: f64,
    pub(crate) most_dates: i64,
}

impl Size {
    pub(crate) fn is_wide(self) -> bool {
        self.class == WIDE.class
    }

    pub(crate) fn tall(self, height: f64) -> Self {
        Self { height, ..self }
    }
}

/// For screens and paper.
pub(crate) const WIDE: Size =
    Size { class: "wide", width: 1080.0, height: 340.0, left: 58.0, right: 92.0, font: 13.0, most_dates: 11 };
/// For phones.
pub(crate) const NARROW: Size =
    Size { class: "narrow", width: 360.0, height: 280.0, left: 42.0, right: 74.0, font: 12.0, most_dates: 5 };

/// Words that go with every chart.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    /// Prefix of the ids in the page.
    pub(crate) id: &'static str,
    pub(crate) title: String,
    /// The finding, for those who do not see the chart, and below it for those who do.
    pub(crate) finding: String,
}

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

/// Marks that plotters wrote, without its outer element. Its text is escaped by plotters.
#[derive(Debug)]
struct Marks(String);

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Marks {}

macro_rules! inks {
    ($($name:ident $class:literal)+) => {
        /// Meaning of a stroke or a fill. Each is drawn in a colour of its own that [`themed`] replaces.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Ink { $($name),+ }

        impl Ink {
            const ALL: &[(Self, &'static str)] = &[$((Self::$name, $class)),+];
        }
    };
}

inks! {
    Text "text" Strong "strong" Grid "grid" Band "band" Bracket "bracket" Zero "zero" Page "page"
    Area "area" Used "used" Peak "peak" Requested "requested" Capacity "capacity" Allocatable "allocatable"
    Limit "limit" Total "total" Gain "gain" Loss "loss" Risky "risky" Here "here"
    Heat0 "heat0" Heat1 "heat1" Heat2 "heat2" Heat3 "heat3" Heat4 "heat4" Heat5 "heat5" Heat6 "heat6"
    Loss3 "loss3" Loss2 "loss2" Loss1 "loss1" Even "even" Gain1 "gain1" Gain2 "gain2" Gain3 "gain3"
}

impl Ink {
    /// The placeholder: its place in the list, so that no two are alike.
    fn colour(self) -> RGBColor {
        let at = Self::ALL.iter().position(|(ink, _)| *ink == self).unwrap_or_default();
        RGBColor(1, 2, u8::try_from(at + 1).unwrap_or(u8::MAX))
    }
}

type DrawError = Box<dyn std::error::Error>;

/// Where a text stands beside its point.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    /// To the right of it, at half height.
    Start,
    /// To the left of it, at half height.
    End,
    /// Around it.
    Middle,
    /// Above it.
    Above,
    /// Below it.
    Below,
    /// Above it, to the left of it.
    AboveEnd,
    /// Above it, to the right of it.
    AboveStart,
}

/// A surface to draw on. All coordinates are pixels of the page, from the top left.
pub(crate) struct Canvas<'a> {
    root: DrawingArea<SVGBackend<'a>, Shift>,
    pub(crate) size: Size,
}

impl Canvas<'_> {
    /// A line through points.
    pub(crate) fn line(&self, points: &[(f64, f64)], ink: Ink, width: f64) -> Result<(), DrawError> {
        let path: Vec<(i32, i32)> = points.iter().map(|point| at(*point)).collect();
        Ok(self.root.draw(&PathElement::new(path, stroke(ink, width)))?)
    }

    /// A line of dashes between two points.
    pub(crate) fn dashes(&self, from: (f64, f64), to: (f64, f64), ink: Ink, width: f64) -> Result<(), DrawError> {
        const DASH: f64 = 4.0;
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let point = |at: f64| (from.0 + (to.0 - from.0) * at / length, from.1 + (to.1 - from.1) * at / length);
        let mut begin = 0.0;
        while begin < length {
            self.line(&[point(begin), point((begin + DASH).min(length))], ink, width)?;
            begin += DASH * 1.75;
        }
        Ok(())
    }

    /// A filled rectangle between two corners.
    pub(crate) fn fill(&self, from: (f64, f64), to: (f64, f64), ink: Ink) -> Result<(), DrawError> {
        Ok(self.root.draw(&Rectangle::new([at(from), at(to)], filled(ink)))?)
    }

    /// A rectangle's outline.
    pub(crate) fn frame(&self, from: (f64, f64), to: (f64, f64), ink: Ink, width: f64) -> Result<(), DrawError> {
        let path = [from, (to.0, from.1), to, (from.0, to.1), from];
        self.line(&path, ink, width)
    }

    /// A filled polygon.
    pub(crate) fn polygon(&self, points: &[(f64, f64)], ink: Ink) -> Result<(), DrawError> {
        let path: Vec<(i32, i32)> = points.iter().map(|point| at(*point)).collect();
        Ok(self.root.draw(&Polygon::new(path, filled(ink)))?)
    }

    /// A dot, filled or as a ring.
    pub(crate) fn dot(&self, centre: (f64, f64), radius: f64, ink: Ink, is_filled: bool) -> Result<(), DrawError> {
        let style = if is_filled { filled(ink) } else { stroke(ink, 1.6) };
        Ok(self.root.draw(&Circle::new(at(centre), px(radius * SCALE), style))?)
    }

    /// A text beside a point.
    pub(crate) fn text(&self, text: &str, point: (f64, f64), ink: Ink, anchor: Anchor) -> Result<(), DrawError> {
        let (h, v) = match anchor {
            Anchor::Start => (HPos::Left, VPos::Center),
            Anchor::End => (HPos::Right, VPos::Center),
            Anchor::Middle => (HPos::Center, VPos::Center),
            Anchor::Above => (HPos::Center, VPos::Bottom),
            Anchor::Below => (HPos::Center, VPos::Top),
            Anchor::AboveEnd => (HPos::Right, VPos::Bottom),
            Anchor::AboveStart => (HPos::Left, VPos::Bottom),
        };
        let font = self.size.font * SCALE * PLOTTERS_FONT;
        let colour = ink.colour();
        let style = ("sans-serif", font).into_text_style(&self.root).color(&colour).pos(Pos::new(h, v));
        Ok(self.root.draw(&Text::new(text.to_owned(), at(point), style))?)
    }

    /// A text beside a point, on a ground of its own, so that what runs behind it does not cross it out.
    pub(crate) fn text_on_ground(&self, text: &str, point: (f64, f64), anchor: Anchor) -> Result<(), DrawError> {
        let (width, half) = (self.width_of(text) + 2.0, self.size.font / 2.0 + 1.0);
        let from = match anchor {
            Anchor::End | Anchor::AboveEnd => point.0 - width,
            Anchor::Middle | Anchor::Above | Anchor::Below => point.0 - width / 2.0,
            Anchor::Start | Anchor::AboveStart => point.0 - 2.0,
        };
        let middle = match anchor {
            Anchor::Above | Anchor::AboveEnd | Anchor::AboveStart => point.1 - half,
            Anchor::Below => point.1 + half,
            Anchor::Start | Anchor::End | Anchor::Middle => point.1,
        };
        self.fill((from, middle - half), (from + width + 2.0, middle + half), Ink::Page)?;
        self.text(text, point, Ink::Strong, anchor)
    }

    /// About how wide a text is.
    pub(crate) fn width_of(&self, text: &str) -> f64 {
        self.size.font * LETTER * crate::number_format::number(text.chars().count())
    }
}

fn stroke(ink: Ink, width: f64) -> ShapeStyle {
    let stroke_width = u32::try_from(px(width * SCALE)).unwrap_or(1).max(1);
    ShapeStyle { color: ink.colour().to_rgba(), filled: false, stroke_width }
}

fn filled(ink: Ink) -> ShapeStyle {
    ShapeStyle { color: ink.colour().to_rgba(), filled: true, stroke_width: 0 }
}

fn at(point: (f64, f64)) -> (i32, i32) {
    (px(point.0 * SCALE), px(point.1 * SCALE))
}

/// The nearest drawn pixel.
#[expect(
    clippy::as_conversions,
    reason = "no other conversion exists; what is not finite is zero, the rest is clamped"
)]
fn px(value: f64) -> i32 {
    let value = if value.is_finite() { value } else { 0.0 };
    value.round().clamp(-1e6, 1e6) as i32
}

/// Draws on a surface of `size`.
pub(crate) fn paint(
    words: &Words,
    size: Size,
    draw: impl FnOnce(&Canvas<'_>) -> Result<(), DrawError>,
) -> Result<Drawing, ChartError> {
    let (width, height) = (px(size.width * SCALE), px(size.height * SCALE));
    let mut svg = String::new();
    let pixels = (u32::try_from(width).map_err(ChartError::new)?, u32::try_from(height).map_err(ChartError::new)?);
    let canvas = Canvas { root: SVGBackend::with_string(&mut svg, pixels).into_drawing_area(), size };
    draw(&canvas).and_then(|()| Ok(canvas.root.present()?)).map_err(ChartError::new)?;
    drop(canvas);
    Ok(Drawing {
        class: size.class,
        id: format!("{}-{}", words.id, size.class),
        title: words.title.clone(),
        desc: words.finding.clone(),
        width,
        height,
        marks: Marks(themed(&svg)),
    })
}

/// Replaces the placeholder colours with classes and drops what the style sheet or the template sets.
fn themed(svg: &str) -> String {
    let inner = svg.split_once('>').map_or(svg, |(_, rest)| rest);
    let inner = inner.rsplit_once("</svg>").map_or(inner, |(inner, _)| inner);
    let mut themed =
        inner.replace(" opacity=\"1\"", "").replace(" font-family=\"sans-serif\"", "").replace(" stroke=\"none\"", "");
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

    #[test]
    fn colours_come_from_the_style_sheet_alone() {
        let words = Words { id: "x", title: "CPU <b>".to_owned(), finding: "40 & 320".to_owned() };
        let drawing = paint(&words, NARROW, |canvas| {
            for (ink, _) in Ink::ALL {
                canvas.line(&[(0.0, 0.0), (9.0, 9.0)], *ink, 1.0)?;
                canvas.fill((0.0, 0.0), (9.0, 9.0), *ink)?;
            }
            canvas.dot((1.0, f64::NAN), 2.0, Ink::Here, false)?;
            canvas.text("a <b> \"c\"", (1.0, 1.0), Ink::Text, Anchor::Start)
        });
        let svg = drawing.unwrap().render().unwrap();
        assert!(!svg.contains("=\"#"), "{svg}");
        assert!(svg.contains("CPU &#60;b&#62;") && !svg.contains("<b>"), "{svg}");
        let style = include_str!("../../templates/style.css");
        for (_, name) in Ink::ALL {
            assert!(style.contains(&format!(".f-{name}")) || style.contains(&format!(".s-{name}")), "{name}");
        }
    }
}
