//! A matrix of savings over two terms, with the line where nothing is saved and the point in force.

use super::canvas::{Anchor, Canvas, ChartError, Drawing, Ink, Size, Words, paint};
use crate::number_format;

/// Content of the chart.
#[derive(Debug)]
pub(crate) struct Matrix {
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) xs: Vec<f64>,
    pub(crate) ys: Vec<f64>,
    pub(crate) here: (f64, f64),
    /// A row for each of `ys`: what is saved, and how it is written.
    pub(crate) cells: Vec<Vec<Option<(f64, String)>>>,
}

const TOP: f64 = 30.0;
const BOTTOM: f64 = 46.0;

/// Draws a matrix for one size of screen.
pub(crate) fn draw(words: &Words, matrix: &Matrix, size: Size) -> Result<Drawing, ChartError> {
    let cell = if size.is_wide() { 34.0 } else { 26.0 };
    let height = TOP + cell * number_format::number(matrix.ys.len()) + BOTTOM;
    paint(words, size.tall(height), |canvas| draw_on(canvas, matrix, cell))
}

fn draw_on(canvas: &Canvas<'_>, matrix: &Matrix, height: f64) -> Result<(), Box<dyn std::error::Error>> {
    let left = if canvas.size.is_wide() { 64.0 } else { 50.0 };
    let columns = number_format::number(matrix.xs.len()).max(1.0);
    let width = (canvas.size.width - left - 10.0) / columns;
    let known = matrix.cells.iter().flatten().flatten().map(|cell| cell.0);
    let largest = known.map(f64::abs).filter(|size| size.is_finite()).fold(0.0, f64::max);
    // Where one number does not fit, none is written: they stand in the table.
    let fits = matrix.cells.iter().flatten().flatten().all(|(_, text)| canvas.width_of(text) < width);
    let centre = |column: f64, row: f64| (left + width * (column + 0.5), TOP + height * (row + 0.5));

    canvas.text(&matrix.y, (2.0, TOP - 10.0), Ink::Text, Anchor::AboveStart)?;
    for (row, (value, cells)) in matrix.ys.iter().zip(&matrix.cells).enumerate() {
        let (_, middle) = centre(0.0, number_format::number(row));
        canvas.text(&number_format::percent_round(*value), (left - 6.0, middle), Ink::Text, Anchor::End)?;
        for (column, cell) in cells.iter().enumerate() {
            let (x, y) = centre(number_format::number(column), number_format::number(row));
            let (from, to) = ((x - width / 2.0, y - height / 2.0), (x + width / 2.0 - 1.0, y + height / 2.0 - 1.0));
            match cell {
                Some((saving, text)) => {
                    canvas.fill(from, to, tint(*saving, largest))?;
                    if fits {
                        canvas.text(text, (x, y), Ink::Strong, Anchor::Middle)?;
                    }
                }
                None => canvas.text("?", (x, y), Ink::Text, Anchor::Middle)?,
            }
        }
    }
    let floor = TOP + height * number_format::number(matrix.ys.len());
    let mut label_end = f64::MIN;
    for (column, value) in matrix.xs.iter().enumerate() {
        let (x, _) = centre(number_format::number(column), 0.0);
        let label = number_format::percent_round(*value);
        let half = canvas.width_of(&label) / 2.0;
        if x - half > label_end {
            canvas.text(&label, (x, floor + 6.0), Ink::Text, Anchor::Below)?;
            label_end = x + half;
        }
    }
    canvas.text(&matrix.x, (left + width * columns / 2.0, floor + 24.0), Ink::Text, Anchor::Below)?;

    for (from, to) in zero_line(matrix) {
        let corner = |(column, row): (f64, f64)| (left + width * column - 0.5, TOP + height * row - 0.5);
        canvas.line(&[corner(from), corner(to)], Ink::Zero, 2.6)?;
    }
    if let (Some(column), Some(row)) = (place(&matrix.xs, matrix.here.0), place(&matrix.ys, matrix.here.1)) {
        let (x, y) = centre(column, row);
        canvas.frame(
            (x - width / 2.0 + 1.5, y - height / 2.0 + 1.5),
            (x + width / 2.0 - 2.5, y + height / 2.0 - 2.5),
            Ink::Here,
            2.4,
        )?;
    }
    Ok(())
}

/// Three tints to each side, by thirds of the largest.
fn tint(saving: f64, largest: f64) -> Ink {
    let share = if largest > 0.0 { saving / largest } else { 0.0 };
    match share {
        s if s > 2.0 / 3.0 => Ink::Gain3,
        s if s > 1.0 / 3.0 => Ink::Gain2,
        s if s > 0.004 => Ink::Gain1,
        s if s < -2.0 / 3.0 => Ink::Loss3,
        s if s < -1.0 / 3.0 => Ink::Loss2,
        s if s < -0.004 => Ink::Loss1,
        _ => Ink::Even,
    }
}

/// Where a value stands among rising values, as a fraction of steps; `None` outside them.
fn place(values: &[f64], value: f64) -> Option<f64> {
    if let Some(at) = values.iter().position(|v| (v - value).abs() < 1e-9) {
        return Some(number_format::number(at));
    }
    let at = values.windows(2).position(|pair| matches!(pair, [a, b] if *a <= value && value <= *b))?;
    let (a, b) = (values.get(at)?, values.get(at + 1)?);
    Some(number_format::number(at) + (value - a) / (b - a))
}

/// The line of zero, between the cells where something is saved and those where nothing is, as stretches between corners
/// of cells in (column, row): it never runs through a number.
fn zero_line(matrix: &Matrix) -> Vec<((f64, f64), (f64, f64))> {
    let saves = |column: usize, row: usize| Some(matrix.cells.get(row)?.get(column)?.as_ref()?.0 > 0.0);
    let differ = |a: Option<bool>, b: Option<bool>| a.zip(b).is_some_and(|(a, b)| a != b);
    let mut line = Vec::new();
    for row in 0..matrix.ys.len() {
        for column in 0..matrix.xs.len() {
            let (x, y) = (number_format::number(column), number_format::number(row));
            if differ(saves(column, row), saves(column + 1, row)) {
                line.push(((x + 1.0, y), (x + 1.0, y + 1.0)));
            }
            if differ(saves(column, row), saves(column, row + 1)) {
                line.push(((x, y + 1.0), (x + 1.0, y + 1.0)));
            }
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(savings: [[f64; 3]; 2]) -> Matrix {
        Matrix {
            x: "x".to_owned(),
            y: "y".to_owned(),
            xs: vec![0.0, 0.1, 0.2],
            ys: vec![0.0, 0.1],
            here: (0.1, 0.05),
            cells: savings.map(|row| row.map(|saving| Some((saving, String::new()))).to_vec()).to_vec(),
        }
    }

    #[test]
    fn the_line_of_zero_runs_where_the_sign_changes() {
        assert_eq!(zero_line(&matrix([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])), []);
        let line = zero_line(&matrix([[-1.0, 1.0, 3.0], [-3.0, -1.0, 3.0]]));
        assert_eq!(line, [((1.0, 0.0), (1.0, 1.0)), ((1.0, 1.0), (2.0, 1.0)), ((2.0, 1.0), (2.0, 2.0))]);
    }

    #[test]
    fn a_point_between_values_has_its_place() {
        assert_eq!(place(&[0.0, 0.1, 0.2], 0.15), Some(1.5));
        assert_eq!(place(&[0.0, 0.1, 0.2], 0.2), Some(2.0));
        assert_eq!(place(&[0.0, 0.1, 0.2], 0.3), None);
    }
}
