//! Plots drawn as SVG: line plots here, heat maps below.

mod heat;
mod scale;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::FontStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use self::scale::Scale;
use crate::plot::{NullBand, Series};
use crate::report::Plot;
use crate::{LinePlot, Origin, Provenance, ReportError};

/// Pixels.
const WIDTH: u32 = 900;
const HEIGHT: u32 = 520;
const LEFT: i32 = 20;
const LABEL: f64 = 14.0;
const TITLE: f64 = 20.0;
const FOOT: f64 = 11.0;

/// Where lines of text are broken, in characters: beside the plot, above it and below it.
const LABEL_CHARS: usize = 24;
const TITLE_CHARS: usize = 56;
const FOOT_CHARS: usize = 130;

const INK: RGBColor = RGBColor(40, 40, 40);
const GREY: RGBColor = RGBColor(110, 110, 110);
const AXIS: RGBColor = RGBColor(150, 150, 150);
const GRID: RGBColor = RGBColor(230, 230, 230);

/// Told apart without red and green (Okabe and Ito, "Color universal design", 2008).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// The plot as an SVG file, marked with where its numbers come from.
pub(crate) fn draw(plot: Plot<'_>, provenance: &Provenance) -> Result<String, ReportError> {
    let mut svg = String::new();
    let drawn = match plot {
        Plot::Lines(lines) => draw_into(&mut svg, lines, provenance),
        Plot::Heat(map) => heat::draw_into(&mut svg, map, provenance),
    };
    drawn.map_err(|error| ReportError::Draw { plot: plot.name().to_owned(), source: Box::new(error) })?;
    Ok(svg)
}

fn draw_into(svg: &mut String, plot: &LinePlot, provenance: &Provenance) -> Drawn {
    let canvas = SVGBackend::with_string(svg, (WIDTH, HEIGHT)).into_drawing_area();
    canvas.fill(&WHITE)?;

    let title = wrap(&plot.title, TITLE_CHARS);
    let foot = wrap(&provenance.line(), FOOT_CHARS);
    text_block(&canvas, &title, (LEFT, 14), &font(TITLE).style(FontStyle::Bold), INK)?;
    let foot_top = HEIGHT as i32 - 10 - block_height(&foot, FOOT);
    text_block(&canvas, &foot, (LEFT, foot_top), &font(FOOT), GREY)?;
    if provenance.origin() == Origin::Synthetic {
        let style = font(16.0).style(FontStyle::Bold).color(&COLOURS[1]).pos(Pos::new(HPos::Right, VPos::Top));
        canvas.draw(&Text::new("SYNTHETIC", (WIDTH as i32 - LEFT, 16), style))?;
    }

    let labels = end_labels(plot);
    let longest = labels.iter().flat_map(|label| &label.lines).map(|line| line.chars().count()).max().unwrap_or(0);
    let scale = Scale::of(plot);
    let [x_low, x_high] = scale.range(plot.x_extent(), 0.02);
    // A range that was asked for already says where to end.
    let [y_low, y_high] = scale.range(plot.y_extent(), if plot.y_range.is_some() { 0.0 } else { 0.05 });
    let mut chart = ChartBuilder::on(&canvas)
        .margin_top(28 + block_height(&title, TITLE))
        .margin_bottom(18 + block_height(&foot, FOOT))
        .margin_left(LEFT)
        .margin_right(24 + text_width(longest, LABEL))
        .x_label_area_size(48)
        .y_label_area_size(64)
        .build_cartesian_2d(x_low..x_high, y_low..y_high)?;

    let whole = plot.series.iter().flat_map(|series| &series.points).all(|point| point.x.fract() == 0.0);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(AXIS)
        .label_style(font(LABEL).color(&INK))
        .axis_desc_style(font(LABEL + 1.0).color(&INK))
        .x_labels(scale.ticks(x_high - x_low, 10))
        .y_labels(scale.ticks(y_high - y_low, 8))
        .x_label_formatter(&|&x| scale.x_tick(x, x_high - x_low, whole))
        .y_label_formatter(&|&y| scale.y_tick(y, y_high - y_low))
        .x_desc(plain(&plot.x_label))
        .y_desc(plain(&plot.y_label))
        .draw()?;

    if let Some(band) = &plot.null_band {
        draw_null(&mut chart, band, scale)?;
    }
    if let Some(reference) = &plot.reference {
        let y = scale.at(reference.y);
        let ends = [(x_low, y), (x_high, y)];
        chart.draw_series(DashedLineSeries::new(ends, 6, 5, GREY.stroke_width(1)))?;
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
    draw_end_labels(&canvas, &chart, labels)?;
    canvas.present()
}

/// The intervals of a series: an area where neighbouring points have one, an upright line where a point stands alone.
fn draw_intervals(chart: &mut Chart<'_, '_>, series: &Series, colour: RGBColor, scale: Scale) -> Drawn {
    let has = |point: &crate::plot::Point| point.y.interval().is_some();
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

/// Words beside the right end of what they name.
struct EndLabel {
    lines: Vec<String>,
    /// The height along the axis.
    y: f64,
    colour: RGBColor,
}

fn end_labels(plot: &LinePlot) -> Vec<EndLabel> {
    let scale = Scale::of(plot);
    let label = |text: &str, y, colour| EndLabel { lines: wrap(text, LABEL_CHARS), y: scale.at(y), colour };
    let mut labels = Vec::new();
    for (series, colour) in plot.series.iter().zip(COLOURS.into_iter().cycle()) {
        labels.extend(series.points.last().map(|last| label(&series.label, last.y.value(), colour)));
    }
    if let Some(reference) = &plot.reference {
        labels.push(label(&reference.label, reference.y, GREY));
    }
    if let Some(band) = &plot.null_band {
        // Near the top of the band, which often lies around the reference line.
        labels.extend(band.points.last().map(|last| label(&band.label, last.high, GREY)));
    }
    labels
}

/// Draws the labels at their heights, moved apart where they would overlap.
fn draw_end_labels(canvas: &Canvas<'_>, chart: &Chart<'_, '_>, mut labels: Vec<EndLabel>) -> Drawn {
    const GAP: i32 = 4;
    labels.sort_by(|a, b| b.y.total_cmp(&a.y));
    let (across, down) = chart.plotting_area().get_pixel_range();
    let heights: Vec<i32> = labels.iter().map(|label| block_height(&label.lines, LABEL)).collect();

    let mut tops = Vec::with_capacity(labels.len());
    let mut free_from = down.start - block_height(&[String::new()], LABEL) / 2;
    for (label, height) in labels.iter().zip(&heights) {
        let (_, y) = chart.backend_coord(&(chart.x_range().end, label.y));
        let top = (y - height / 2).max(free_from);
        free_from = top + height + GAP;
        tops.push(top);
    }
    // Whatever was pushed below the plot goes up again, from the last label on.
    let mut free_to = down.end + block_height(&[String::new()], LABEL) / 2;
    for (top, height) in tops.iter_mut().zip(&heights).rev() {
        *top = (*top).min(free_to - height);
        free_to = *top - GAP;
    }
    for (label, top) in labels.iter().zip(tops) {
        text_block(canvas, &label.lines, (across.end + 10, top), &font(LABEL), label.colour)?;
    }
    Ok(())
}

/// A font of this many pixels; plotters takes the height of a line, of which the letters are 1 / 1.24.
fn font(pixels: f64) -> FontDesc<'static> {
    FontDesc::new(FontFamily::SansSerif, pixels * 1.24, FontStyle::Normal)
}

/// Draws lines of text from the top left corner down.
fn text_block(
    canvas: &Canvas<'_>,
    lines: &[String],
    (x, top): (i32, i32),
    font: &FontDesc<'_>,
    colour: RGBColor,
) -> Drawn {
    let pixels = font.get_size() / 1.24;
    for (line, text) in lines.iter().enumerate() {
        let y = top + block_height(&lines[..line], pixels);
        let style = font.clone().color(&colour).pos(Pos::new(HPos::Left, VPos::Top));
        canvas.draw(&Text::new(text.as_str(), (x, y), style))?;
    }
    Ok(())
}

fn block_height(lines: &[String], pixels: f64) -> i32 {
    (lines.len() as f64 * pixels * 1.25).round() as i32
}

/// A guess that errs to the wide side: an SVG does not know its reader's font.
fn text_width(chars: usize, pixels: f64) -> i32 {
    (chars as f64 * pixels * 0.58).ceil() as i32
}

/// Breaks text at spaces into lines of at most `width` characters; a longer word is cut.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in plain(text).split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for piece in letters.chunks(width) {
            match lines.last_mut() {
                Some(line) if line.chars().count() + 1 + piece.len() <= width => {
                    line.push(' ');
                    line.extend(piece);
                }
                _ => lines.push(piece.iter().collect()),
            }
        }
    }
    lines
}

/// Text without the control characters that XML does not allow.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_within_endless_words() {
        assert_eq!(wrap("mass-mean probe, out of fold", 16), ["mass-mean probe,", "out of fold"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("", 5), Vec::<String>::new());
        assert_eq!(wrap("a\u{0}b\nc", 9), ["a b c"]);
    }
}
