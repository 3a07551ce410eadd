//! Line plots: a line with its band for each series, labelled at its right end.

use plotters::prelude::*;

use super::axes::Axes;
use super::legend::{self, Key, Label};
use super::scale::Scale;
use super::{COLOURS, Chart, Drawn, Frame, GREY, HEIGHT, LABEL_CHARS, WIDTH};
use crate::plot::{NullBand, Point, Series, counted};
use crate::{LinePlot, Provenance};

pub(super) fn draw_into(svg: &mut String, plot: &LinePlot, provenance: &Provenance) -> Drawn {
    let scale = Scale::of(plot);
    let labels = end_labels(plot, scale);
    let axes = Axes {
        x: scale.range(plot.x_extent(), 0.02),
        // A range that was asked for already says where to end.
        y: scale.range(plot.y_extent(), if plot.y_range.is_some() { 0.0 } else { 0.05 }),
        scale,
        whole: plot.series.iter().flat_map(|series| &series.points).all(|point| point.x.fract() == 0.0),
        x_label: &plot.x_label,
        y_label: &plot.y_label,
        right: legend::width(&labels),
        below: 0,
    };
    let frame = Frame::new(&plot.title, provenance);
    let canvas = frame.canvas(svg, (WIDTH, HEIGHT.max(axes.height(&frame, legend::height(&labels)))))?;
    let mut chart = axes.draw(&canvas, &frame)?;

    if let Some(band) = &plot.null_band {
        draw_null(&mut chart, band, scale)?;
    }
    if let Some(reference) = &plot.reference {
        axes.dash(&mut chart, scale.at(reference.y))?;
    }
    // All bands first, so that no band dims another series' line.
    for (series, colour) in plot.series.iter().zip(COLOURS.into_iter().cycle()) {
        draw_intervals(&mut chart, series, colour, scale)?;
    }
    for (series, colour) in plot.series.iter().zip(COLOURS.into_iter().cycle()) {
        let points = series.points.iter().map(|point| (scale.at(point.x), scale.at(point.y.value())));
        chart.draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?;
        chart.draw_series(points.map(|at| Circle::new(at, 3, colour.filled())))?;
    }
    legend::draw(&canvas, &chart, labels)?;
    canvas.present()
}

/// The intervals of a series: an area where neighbouring points have one, an upright line where a point stands alone.
fn draw_intervals(chart: &mut Chart<'_, '_>, series: &Series, colour: RGBColor, scale: Scale) -> Drawn {
    let has = |point: &Point| point.y.interval().is_some();
    for run in series.points.chunk_by(|a, b| has(a) == has(b)) {
        let ends = run.iter().filter_map(|p| p.y.interval().map(|i| [p.x, i.low(), i.high()].map(|v| scale.at(v))));
        let ends: Vec<[f64; 3]> = ends.collect();
        draw_area(chart, &ends, colour)?;
    }
    Ok(())
}

fn draw_null(chart: &mut Chart<'_, '_>, band: &NullBand, scale: Scale) -> Drawn {
    let ends: Vec<[f64; 3]> =
        band.points.iter().map(|point| [point.x, point.low, point.high].map(|v| scale.at(v))).collect();
    draw_area(chart, &ends, GREY)
}

/// Fills between the low and the high ends, given as x, low, high.
fn draw_area(chart: &mut Chart<'_, '_>, ends: &[[f64; 3]], colour: RGBColor) -> Drawn {
    match ends {
        [] => {}
        &[[x, low, high]] => {
            let line = PathElement::new([(x, low), (x, high)], colour.mix(0.5).stroke_width(2));
            chart.draw_series([line])?;
        }
        _ => {
            let there = ends.iter().map(|&[x, low, _]| (x, low));
            let back = ends.iter().rev().map(|&[x, _, high]| (x, high));
            let outline: Vec<(f64, f64)> = there.chain(back).collect();
            chart.draw_series([Polygon::new(outline, colour.mix(0.18))])?;
        }
    }
    Ok(())
}

fn end_labels(plot: &LinePlot, scale: Scale) -> Vec<Label> {
    let mut labels = Vec::new();
    for (series, colour) in plot.series.iter().zip(COLOURS.into_iter().cycle()) {
        labels.extend(series.points.last().map(|last| {
            let text = counted(&series.label, series.points.iter().map(|point| point.y.n()));
            Label::new(&text, LABEL_CHARS, scale.at(last.y.value())).key(Key::Line(colour))
        }));
    }
    let grey = |text: &str, y| Label::new(text, LABEL_CHARS, scale.at(y)).ink(GREY);
    labels.extend(plot.reference.iter().map(|reference| grey(&reference.label, reference.y)));
    if let Some(band) = &plot.null_band {
        // Near the top of the band, which often lies around the reference line.
        labels.extend(band.points.last().map(|last| grey(&band.label, last.high)));
    }
    labels
}
