//! Bar plots: groups of bars from 0, each with the whisker of its interval.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::axes::{Axes, Y_AREA};
use super::legend::{self, Key, Label};
use super::scale::Scale;
use super::{AXIS, COLOURS, Canvas, Chart, Drawn, Frame, GREY, HEIGHT, INK, LABEL, LABEL_CHARS, LEFT, WIDTH};
use super::{block_height, word, wrap};
use crate::bars::Bar;
use crate::plot::counted;
use crate::{BarPlot, Provenance};

/// Pixels that a bar and a group take at least.
const BAR: i32 = 14;
const GROUP: i32 = 64;
/// The share of a group's room that its bars fill, and of a bar's width that the cap of a whisker has.
const FILLED: f64 = 0.76;
const CAP: f64 = 0.4;
/// Words below a group are set in so many pixels, on so many lines.
const WORD: f64 = LABEL - 1.0;
const WORD_LINES: usize = 4;

pub(super) fn draw_into(svg: &mut String, plot: &BarPlot, provenance: &Provenance) -> Drawn {
    let y = y_range(plot);
    let labels = labels(plot, y[1]);
    let (n_groups, n_series) = (plot.groups.len() as i32, plot.series.len() as i32);
    let right = legend::width(&labels);
    let least = n_groups * GROUP.max((f64::from(n_series * BAR) / FILLED) as i32);
    let width = (LEFT + Y_AREA + least + right).max(WIDTH);
    let room = (width - LEFT - Y_AREA - right) / n_groups;
    let words: Vec<Vec<String>> = plot.groups.iter().map(|group| group_words(group, room)).collect();
    let below = words.iter().map(|lines| block_height(lines, WORD)).max().unwrap_or(0).max(1);

    let axes = Axes {
        x: [0.0, f64::from(n_groups)],
        y,
        scale: Scale::LINEAR,
        whole: false,
        x_label: &plot.x_label,
        y_label: &plot.y_label,
        right,
        below,
    };
    let frame = Frame::new(&plot.title, provenance);
    let canvas = frame.canvas(svg, (width, HEIGHT.max(axes.height(&frame, legend::height(&labels)))))?;
    let mut chart = axes.draw(&canvas, &frame)?;

    let bar_width = FILLED / f64::from(n_series);
    for (index, (series, colour)) in plot.series.iter().zip(COLOURS.into_iter().cycle()).enumerate() {
        for bar in &series.bars {
            let group = plot.groups.iter().position(|group| *group == bar.group).unwrap_or_default();
            let left = (index as f64).mul_add(bar_width, group as f64 + (1.0 - FILLED) / 2.0);
            draw_bar(&mut chart, bar, [left, left + bar_width], colour)?;
        }
    }
    chart.draw_series([PathElement::new([(axes.x[0], 0.0), (axes.x[1], 0.0)], AXIS.stroke_width(1))])?;
    // Over the bars, since most of them cross it.
    for reference in plot.references() {
        axes.dash(&mut chart, reference.y)?;
    }
    draw_words(&canvas, &chart, &words)?;
    legend::draw(&canvas, &chart, labels)?;
    canvas.present()
}

/// From 0 or below to 0 or above, with a margin where bars end.
fn y_range(plot: &BarPlot) -> [f64; 2] {
    let [low, high] = plot.y_extent();
    let [wide_low, wide_high] = Scale::LINEAR.range([low, high], if plot.y_range.is_some() { 0.0 } else { 0.05 });
    // Bars stand on the axis, or hang from it.
    [if low < 0.0 { wide_low } else { 0.0 }, if high > 0.0 || low >= 0.0 { wide_high } else { 0.0 }]
}

/// The series from the top down, and the reference lines at their heights.
fn labels(plot: &BarPlot, top: f64) -> Vec<Label> {
    let series = plot.series.iter().zip(COLOURS.into_iter().cycle()).map(|(series, colour)| {
        let text = counted(&series.label, series.bars.iter().map(|bar| bar.y.n()));
        Label::new(&text, LABEL_CHARS, top).key(Key::Box(colour))
    });
    let references =
        plot.references().map(|reference| Label::new(&reference.label, LABEL_CHARS, reference.y).ink(GREY));
    series.chain(references).collect()
}

/// A group's name on the lines that fit below it; of a longer one also the end, since many begin alike.
fn group_words(group: &str, room: i32) -> Vec<String> {
    let chars = ((f64::from(room - 6) / (WORD * 0.6)) as usize).max(4);
    let mut lines = wrap(group, chars);
    if lines.len() > WORD_LINES {
        let rest: Vec<char> = lines.split_off(WORD_LINES - 1).join(" ").chars().collect();
        let end = &rest[rest.len().saturating_sub(chars - 1)..];
        let end: String = end.iter().collect();
        lines.push(format!("…{}", end.trim_start()));
    }
    lines
}

fn draw_bar(chart: &mut Chart<'_, '_>, bar: &Bar, [left, right]: [f64; 2], colour: RGBColor) -> Drawn {
    let estimate = &bar.y;
    chart.draw_series([Rectangle::new([(left, 0.0), (right, estimate.value())], colour.mix(0.75).filled())])?;
    if let Some(interval) = estimate.interval() {
        let middle = f64::midpoint(left, right);
        let cap = (right - left) * CAP / 2.0;
        let upright = [(middle, interval.low()), (middle, interval.high())];
        let caps = [interval.low(), interval.high()].map(|y| [(middle - cap, y), (middle + cap, y)]);
        chart.draw_series([upright, caps[0], caps[1]].map(|line| PathElement::new(line, INK.stroke_width(2))))?;
    }
    Ok(())
}

fn draw_words(canvas: &Canvas<'_>, chart: &Chart<'_, '_>, words: &[Vec<String>]) -> Drawn {
    let bottom = chart.plotting_area().get_pixel_range().1.end;
    for (group, lines) in words.iter().enumerate() {
        let (middle, _) = chart.backend_coord(&(group as f64 + 0.5, chart.y_range().start));
        for (line, text) in lines.iter().enumerate() {
            let y = bottom + 14 + block_height(&lines[..line], WORD);
            word(canvas, text, (middle, y), HPos::Center, WORD, INK)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_end() {
        assert_eq!(group_words("complete, blunt", 130), ["complete, blunt"]);
        let lines = group_words("a group of which the name is much too long 12", 64);
        assert_eq!(lines, ["a group", "of", "which", "…ong 12"]);
        assert_eq!(group_words("", 64), Vec::<String>::new());
    }
}
