//! Heat maps drawn as SVG: a file as large as its grid.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::scale::tick;
use super::{AXIS, Canvas, Drawn, Frame, GREY, INK, LABEL, LEAST_WIDTH, LEFT, cut, plain, text_width, word};
use crate::{HeatMap, Provenance};

/// Pixels of a cell with a word in it.
const CELL: (i32, i32) = (72, 22);
/// Cells of more columns than these have no words and share this many pixels.
const WORDY_COLUMNS: usize = 200;
const WORDLESS_WIDTH: i32 = 4000;
const WORD: f64 = 11.0;
/// Words in a cell and beside a row are cut to so many characters.
const WORD_CHARS: usize = 10;
const ROW_CHARS: usize = 24;

/// The ends of the colour scale: light to dark in one hue, so that it reads in grey too.
const LIGHT: [f64; 3] = [247.0, 251.0, 255.0];
const DARK: [f64; 3] = [8.0, 48.0, 107.0];

pub(super) fn draw_into(svg: &mut String, map: &HeatMap, provenance: &Provenance) -> Drawn {
    let columns = map.columns.len();
    let wordy = columns <= WORDY_COLUMNS;
    let cell = if wordy { CELL } else { ((WORDLESS_WIDTH / columns as i32).max(2), CELL.1) };
    let longest = map.rows.iter().map(|row| row.label.chars().count().min(ROW_CHARS)).max().unwrap_or(0);
    let left = LEFT + 28 + text_width(longest, LABEL);
    let (grid_width, grid_height) = (cell.0 * columns as i32, cell.1 * map.rows.len() as i32);
    let width = (left + grid_width + LEFT).max(LEAST_WIDTH);
    let frame = Frame::new(&map.title, provenance);
    let top = 54 + frame.above();
    let height = top + grid_height + 78 + frame.below();

    let canvas = frame.canvas(svg, (width, height))?;
    draw_scale(&canvas, map, (left, top - 30))?;

    for (index, row) in map.rows.iter().enumerate() {
        // The first row is the lowest.
        let y = top + grid_height - (index as i32 + 1) * cell.1;
        let middle = y + cell.1 / 2;
        word(&canvas, &cut(&row.label, ROW_CHARS), (left - 6, middle), HPos::Right, LABEL - 2.0, INK)?;
        for (column, reading) in row.cells.iter().enumerate() {
            let x = left + column as i32 * cell.0;
            let depth = depth(reading.value, map.range);
            let colour = shade(depth);
            canvas.draw(&Rectangle::new([(x, y), (x + cell.0, y + cell.1)], colour.filled()))?;
            if wordy {
                let ink = if depth > 0.5 { WHITE } else { INK };
                let at = (x + cell.0 / 2, middle);
                word(&canvas, &cut(&reading.label, WORD_CHARS), at, HPos::Center, WORD, ink)?;
            }
        }
    }
    let bottom = top + grid_height;
    canvas.draw(&Rectangle::new([(left, top), (left + grid_width, bottom)], AXIS.stroke_width(1)))?;
    if wordy {
        for (column, label) in map.columns.iter().enumerate() {
            let at = (left + column as i32 * cell.0 + cell.0 / 2, bottom + 12);
            word(&canvas, &cut(label, WORD_CHARS), at, HPos::Center, WORD, INK)?;
            word(&canvas, &column.to_string(), (at.0, bottom + 27), HPos::Center, WORD - 1.0, GREY)?;
        }
    }
    word(&canvas, &plain(&map.x_label), (left, bottom + 48), HPos::Left, LABEL, INK)?;
    word(&canvas, &plain(&map.y_label), (LEFT, top - 12), HPos::Left, LABEL, INK)?;
    canvas.present()
}

/// A bar from the lightest colour to the darkest, with its ends' values.
fn draw_scale(canvas: &Canvas<'_>, map: &HeatMap, (left, top): (i32, i32)) -> Drawn {
    const STEPS: i32 = 24;
    const STEP: i32 = 5;
    let [low, high] = map.range;
    let label = plain(&map.value_label);
    let after = left + 80 + text_width(label.chars().count(), LABEL - 2.0);
    word(canvas, &label, (left + 60, top + 6), HPos::Left, LABEL - 2.0, INK)?;
    for step in 0..STEPS {
        let x = after + 30 + step * STEP;
        let colour = shade(f64::from(step) / f64::from(STEPS - 1));
        canvas.draw(&Rectangle::new([(x, top), (x + STEP, top + 12)], colour.filled()))?;
    }
    word(canvas, &tick(low, high - low), (after + 24, top + 6), HPos::Right, LABEL - 2.0, INK)?;
    word(canvas, &tick(high, high - low), (after + 36 + STEPS * STEP, top + 6), HPos::Left, LABEL - 2.0, INK)
}

/// How dark a value is, from 0 to 1.
fn depth(value: f64, [low, high]: [f64; 2]) -> f64 {
    if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 }
}

fn shade(depth: f64) -> RGBColor {
    let [r, g, b] = [0, 1, 2].map(|i| (LIGHT[i] + (DARK[i] - LIGHT[i]) * depth).round() as u8);
    RGBColor(r, g, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_the_range_get_its_ends() {
        assert_eq!([-1.0, 0.0, 5.0, 10.0, 11.0].map(|v| (depth(v, [0.0, 10.0]) * 2.0) as i32), [0, 0, 1, 2, 2]);
        assert_eq!((shade(0.0), shade(1.0)), (RGBColor(247, 251, 255), RGBColor(8, 48, 107)));
        assert!(depth(3.0, [3.0, 3.0]).abs() < 1e-12);
    }
}
