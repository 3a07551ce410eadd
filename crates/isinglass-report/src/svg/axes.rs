//! Axes with their numbers and names, for every plot that has them.

use plotters::prelude::*;

use super::scale::Scale;
use super::{AXIS, Canvas, Chart, Drawn, Frame, GREY, GRID, INK, LABEL, LEFT, font, plain};

/// Pixels of the numbers and names beside the axes.
const X_AREA: i32 = 48;
const X_AREA_BESIDE_WORDS: i32 = 32;
pub(super) const Y_AREA: i32 = 64;
/// Pixels between the plot and the frame.
const ABOVE: i32 = 28;
const BELOW: i32 = 18;

pub(super) struct Axes<'a> {
    /// Where the axes begin and end, along the scale.
    pub(super) x: [f64; 2],
    pub(super) y: [f64; 2],
    pub(super) scale: Scale,
    /// Whether only whole numbers stand below the level axis.
    pub(super) whole: bool,
    pub(super) x_label: &'a str,
    pub(super) y_label: &'a str,
    /// Pixels kept free on the right.
    pub(super) right: i32,
    /// Pixels kept free below the level axis for words, which then has no numbers.
    pub(super) below: i32,
}

impl Axes<'_> {
    fn x_area(&self) -> i32 {
        if self.below > 0 { X_AREA_BESIDE_WORDS + self.below } else { X_AREA }
    }

    /// How high a picture must be for this much between its upper and its lower end.
    pub(super) fn height(&self, frame: &Frame, inside: i32) -> i32 {
        inside + frame.above() + ABOVE + self.x_area() + BELOW + frame.below()
    }

    pub(super) fn draw<'a, 'b>(
        &self,
        canvas: &'a Canvas<'b>,
        frame: &Frame,
    ) -> Result<Chart<'a, 'b>, DrawingAreaErrorKind<std::io::Error>> {
        let ([x_low, x_high], [y_low, y_high]) = (self.x, self.y);
        let mut chart = ChartBuilder::on(canvas)
            .margin_top(ABOVE + frame.above())
            .margin_bottom(BELOW + frame.below())
            .margin_left(LEFT)
            .margin_right(self.right)
            .x_label_area_size(self.x_area())
            .y_label_area_size(Y_AREA)
            .build_cartesian_2d(x_low..x_high, y_low..y_high)?;
        let scale = self.scale;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(AXIS)
            .label_style(font(LABEL).color(&INK))
            .axis_desc_style(font(LABEL + 1.0).color(&INK))
            .x_labels(if self.below > 0 { 0 } else { scale.ticks(x_high - x_low, 10) })
            .y_labels(scale.ticks(y_high - y_low, 8))
            .x_label_formatter(&|&x| scale.x_tick(x, x_high - x_low, self.whole))
            .y_label_formatter(&|&y| scale.y_tick(y, y_high - y_low))
            .x_desc(plain(self.x_label))
            .y_desc(plain(self.y_label))
            .draw()?;
        Ok(chart)
    }

    /// A dashed line at a height along the scale, from end to end.
    pub(super) fn dash(&self, chart: &mut Chart<'_, '_>, y: f64) -> Drawn {
        dash(chart, [(self.x[0], y), (self.x[1], y)])
    }
}

/// A dashed line to compare with.
pub(super) fn dash(chart: &mut Chart<'_, '_>, ends: [(f64, f64); 2]) -> Drawn {
    chart.draw_series(DashedLineSeries::new(ends, 6, 5, GREY.stroke_width(1)))?;
    Ok(())
}
