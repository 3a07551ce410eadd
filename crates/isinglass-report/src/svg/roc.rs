//! ROC curves in a square, with the diagonal of chance.

use plotters::prelude::*;

use super::axes::{Axes, Y_AREA, dash};
use super::legend::{self, Key, Label};
use super::scale::Scale;
use super::{COLOURS, Drawn, Frame, GREY, LEAST_WIDTH, LEFT};
use crate::{Provenance, RocPlot};

/// Pixels of the square, which grows with its labels.
const SIDE: i32 = 420;
/// An estimate with its interval, n and p fits on one line.
const LABEL_CHARS: usize = 40;

pub(super) fn draw_into(svg: &mut String, plot: &RocPlot, provenance: &Provenance) -> Drawn {
    // From the top down: every curve ends in the same corner.
    let labels: Vec<Label> = plot
        .curves
        .iter()
        .zip(COLOURS.into_iter().cycle())
        .map(|(curve, colour)| {
            let text = format!("{}: AUROC {}", curve.label, curve.auroc);
            Label::new(&text, LABEL_CHARS, 1.0).key(Key::Line(colour))
        })
        .chain([Label::new("diagonal: chance", LABEL_CHARS, 0.0).ink(GREY)])
        .collect();
    let side = SIDE.max(legend::height(&labels));
    let width = (LEFT + Y_AREA + side + legend::width(&labels)).max(LEAST_WIDTH);
    let ends = Scale::LINEAR.range([0.0, 1.0], 0.02);
    let axes = Axes {
        x: ends,
        y: ends,
        scale: Scale::LINEAR,
        whole: false,
        x_label: "false-positive rate",
        y_label: "true-positive rate",
        right: width - LEFT - Y_AREA - side,
        below: 0,
    };
    let frame = Frame::new(&plot.title, provenance);
    let canvas = frame.canvas(svg, (width, axes.height(&frame, side)))?;
    let mut chart = axes.draw(&canvas, &frame)?;
    dash(&mut chart, [(0.0, 0.0), (1.0, 1.0)])?;
    for (curve, colour) in plot.curves.iter().zip(COLOURS.into_iter().cycle()) {
        let points = curve.fpr.iter().copied().zip(curve.tpr.iter().copied());
        chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
    }
    legend::draw(&canvas, &chart, labels)?;
    canvas.present()
}
