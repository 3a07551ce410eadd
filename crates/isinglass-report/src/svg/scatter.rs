//! Scatter plots: a colour and a shape for each class.

use plotters::prelude::*;

use super::axes::Axes;
use super::legend::{self, Key, Label, Mark};
use super::scale::Scale;
use super::{COLOURS, Drawn, Frame, HEIGHT, LABEL_CHARS, WIDTH};
use crate::plot::counted;
use crate::{Provenance, ScatterPlot};

pub(super) fn draw_into(svg: &mut String, plot: &ScatterPlot, provenance: &Provenance) -> Drawn {
    let [x, y] = [0, 1].map(|axis| Scale::LINEAR.range(plot.extent(axis), 0.04));
    let looks = || Mark::ALL.into_iter().cycle().zip(COLOURS.into_iter().cycle());
    let labels: Vec<Label> = plot
        .classes
        .iter()
        .zip(looks())
        .map(|(class, (mark, colour))| {
            let text = counted(class.label.as_deref().unwrap_or_default(), [class.points.len()]);
            Label::new(&text, LABEL_CHARS, y[1]).key(Key::Mark(mark, colour))
        })
        .collect();
    let axes = Axes {
        x,
        y,
        scale: Scale::LINEAR,
        whole: plot.classes.iter().flat_map(|class| &class.points).all(|point| point[0].fract() == 0.0),
        x_label: &plot.x_label,
        y_label: &plot.y_label,
        right: legend::width(&labels),
        below: 0,
    };
    let frame = Frame::new(&plot.title, provenance);
    let canvas = frame.canvas(svg, (WIDTH, HEIGHT.max(axes.height(&frame, legend::height(&labels)))))?;
    let chart = axes.draw(&canvas, &frame)?;
    for (class, (mark, colour)) in plot.classes.iter().zip(looks()) {
        for &[x, y] in &class.points {
            // Seen through, so that points on points look denser.
            mark.draw(&canvas, chart.backend_coord(&(x, y)), colour.mix(0.7))?;
        }
    }
    legend::draw(&canvas, &chart, labels)?;
    canvas.present()
}
