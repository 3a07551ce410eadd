//! Words on the right of a plot: at the height of what they name, or from the top down.

use plotters::prelude::*;

use super::{Canvas, Chart, Drawn, INK, LABEL, block_height, font, text_block, text_width, wrap};

/// Pixels between labels, between plot and labels, and of a key with its gap.
const GAP: i32 = 4;
const BESIDE: i32 = 10;
const KEY: i32 = 18;

/// One label.
pub(super) struct Label {
    lines: Vec<String>,
    /// The height along the axis.
    y: f64,
    ink: RGBColor,
    key: Option<Key>,
}

/// What a label names, as it looks in the plot.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    Line(RGBColor),
    Box(RGBColor),
    Mark(Mark, RGBColor),
}

/// The shape of a point: classes can be told apart without their colours too.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    Disc,
    Triangle,
    Cross,
    Square,
    Ring,
}

impl Label {
    /// A label at a height along the axis, its lines broken after so many characters.
    pub(super) fn new(text: &str, chars: usize, y: f64) -> Self {
        Self { lines: wrap(text, chars), y, ink: INK, key: None }
    }

    pub(super) fn key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    pub(super) fn ink(mut self, ink: RGBColor) -> Self {
        self.ink = ink;
        self
    }
}

/// Pixels right of the plot that the labels take.
pub(super) fn width(labels: &[Label]) -> i32 {
    let widths = labels.iter().flat_map(|label| {
        let key = label.key.map_or(0, |_| KEY);
        label.lines.iter().map(move |line| key + text_width(line.chars().count(), LABEL))
    });
    24 + widths.max().unwrap_or(0)
}

/// Pixels that the labels take from the first to the last.
pub(super) fn height(labels: &[Label]) -> i32 {
    labels.iter().map(|label| block_height(&label.lines, LABEL) + GAP).sum()
}

/// Draws the labels at their heights, moved apart where they would overlap.
pub(super) fn draw(canvas: &Canvas<'_>, chart: &Chart<'_, '_>, mut labels: Vec<Label>) -> Drawn {
    labels.sort_by(|a, b| b.y.total_cmp(&a.y));
    let (across, down) = chart.plotting_area().get_pixel_range();
    let heights: Vec<i32> = labels.iter().map(|label| block_height(&label.lines, LABEL)).collect();
    let half_a_line = block_height(&[String::new()], LABEL) / 2;

    let mut tops = Vec::with_capacity(labels.len());
    let mut free_from = down.start - half_a_line;
    for (label, height) in labels.iter().zip(&heights) {
        let (_, y) = chart.backend_coord(&(chart.x_range().end, label.y));
        let top = (y - height / 2).max(free_from);
        free_from = top + height + GAP;
        tops.push(top);
    }
    // Whatever was pushed below the plot goes up again, from the last label on.
    let mut free_to = down.end + half_a_line;
    for (top, height) in tops.iter_mut().zip(&heights).rev() {
        *top = (*top).min(free_to - height);
        free_to = *top - GAP;
    }
    let left = across.end + BESIDE;
    for (label, top) in labels.iter().zip(tops) {
        let indent = label.key.map_or(0, |_| KEY);
        if let Some(key) = label.key {
            draw_key(canvas, key, (left, top + LABEL as i32 / 2))?;
        }
        text_block(canvas, &label.lines, (left + indent, top), &font(LABEL), label.ink)?;
    }
    Ok(())
}

/// Draws what a label names, from a place on its left, at the middle of its first line.
fn draw_key(canvas: &Canvas<'_>, key: Key, (left, middle): (i32, i32)) -> Drawn {
    match key {
        Key::Line(colour) => {
            canvas.draw(&PathElement::new([(left, middle), (left + 12, middle)], colour.stroke_width(3)))
        }
        Key::Box(colour) => {
            let ends = [(left, middle - 6), (left + 12, middle + 6)];
            canvas.draw(&Rectangle::new(ends, colour.filled()))
        }
        Key::Mark(mark, colour) => mark.draw(canvas, (left + 6, middle), colour.mix(1.0)),
    }
}

impl Mark {
    pub(super) const ALL: [Self; 5] = [Self::Disc, Self::Triangle, Self::Cross, Self::Square, Self::Ring];

    /// Draws the shape around a place.
    pub(super) fn draw(self, canvas: &Canvas<'_>, (x, y): (i32, i32), colour: RGBAColor) -> Drawn {
        match self {
            Self::Disc => canvas.draw(&Circle::new((x, y), 4, colour.filled())),
            Self::Triangle => canvas.draw(&TriangleMarker::new((x, y), 5, colour.filled())),
            Self::Cross => canvas.draw(&Cross::new((x, y), 4, colour.stroke_width(2))),
            Self::Square => canvas.draw(&Rectangle::new([(x - 4, y - 4), (x + 4, y + 4)], colour.filled())),
            Self::Ring => canvas.draw(&Circle::new((x, y), 4, colour.stroke_width(2))),
        }
    }
}
