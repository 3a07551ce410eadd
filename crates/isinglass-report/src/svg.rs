//! Plots drawn as SVG: what all kinds share here, each kind below.

mod axes;
mod bars;
mod heat;
mod legend;
mod lines;
mod roc;
mod scale;
mod scatter;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::FontStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::escape::escape;
use crate::report::Plot;
use crate::{Origin, Provenance, ReportError};

/// Pixels; a picture grows where more is to be shown.
const WIDTH: i32 = 900;
const HEIGHT: i32 = 520;
const LEFT: i32 = 20;
const LABEL: f64 = 14.0;
const TITLE: f64 = 20.0;
const FOOT: f64 = 11.0;

/// Where lines of text are broken, in characters: beside the plot, above it and below it.
const LABEL_CHARS: usize = 24;
const TITLE_CHARS: usize = 56;
const FOOT_CHARS: usize = 130;
/// Title and foot need so many pixels, however narrow the plot.
const LEAST_WIDTH: i32 = 760;

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
        Plot::Lines(lines) => lines::draw_into(&mut svg, lines, provenance),
        Plot::Bars(bars) => bars::draw_into(&mut svg, bars, provenance),
        Plot::Scatter(scatter) => scatter::draw_into(&mut svg, scatter, provenance),
        Plot::Roc(roc) => roc::draw_into(&mut svg, roc, provenance),
        Plot::Heat(map) => heat::draw_into(&mut svg, map, provenance),
    };
    drawn.map_err(|error| ReportError::Draw { plot: plot.name().to_owned(), source: Box::new(error) })?;
    Ok(told(&svg, plot, provenance))
}

/// Gives the picture a name and a description for those who do not see it.
fn told(svg: &str, plot: Plot<'_>, provenance: &Provenance) -> String {
    let title = if plot.title().trim().is_empty() { plot.name() } else { plot.title() };
    let [title, source] = [title, &provenance.line()].map(|text| escape(&plain(text)));
    svg.replacen(">\n", &format!(" role=\"img\">\n<title>{title}</title>\n<desc>{source}</desc>\n"), 1)
}

/// What stands above and below every plot.
struct Frame {
    title: Vec<String>,
    foot: Vec<String>,
    synthetic: bool,
}

impl Frame {
    fn new(title: &str, provenance: &Provenance) -> Self {
        Self {
            title: wrap(title, TITLE_CHARS),
            foot: wrap(&provenance.line(), FOOT_CHARS),
            synthetic: provenance.origin() == Origin::Synthetic,
        }
    }

    /// Pixels of the title.
    fn above(&self) -> i32 {
        block_height(&self.title, TITLE)
    }

    /// Pixels of the foot.
    fn below(&self) -> i32 {
        block_height(&self.foot, FOOT)
    }

    /// An empty picture of this size within its frame.
    fn canvas<'a>(
        &self,
        svg: &'a mut String,
        (width, height): (i32, i32),
    ) -> Result<Canvas<'a>, DrawingAreaErrorKind<std::io::Error>> {
        let canvas = SVGBackend::with_string(svg, (width as u32, height as u32)).into_drawing_area();
        canvas.fill(&WHITE)?;
        text_block(&canvas, &self.title, (LEFT, 14), &font(TITLE).style(FontStyle::Bold), INK)?;
        text_block(&canvas, &self.foot, (LEFT, height - 10 - self.below()), &font(FOOT), GREY)?;
        if self.synthetic {
            let style = font(16.0).style(FontStyle::Bold).color(&COLOURS[1]).pos(Pos::new(HPos::Right, VPos::Top));
            canvas.draw(&Text::new("SYNTHETIC", (width - LEFT, 16), style))?;
        }
        Ok(canvas)
    }
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

/// At most so many characters, the last an ellipsis where some are left out.
fn cut(text: &str, chars: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= chars {
        return text;
    }
    text.chars().take(chars - 1).chain(['…']).collect()
}

fn word(canvas: &Canvas<'_>, text: &str, at: (i32, i32), across: HPos, pixels: f64, ink: RGBColor) -> Drawn {
    canvas.draw(&Text::new(text, at, font(pixels).color(&ink).pos(Pos::new(across, VPos::Center))))
}

/// Text without the characters that XML does not allow, nor any other that controls.
fn plain(text: &str) -> String {
    text.replace(|c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'), " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_within_endless_words() {
        assert_eq!(wrap("mass-mean probe, out of fold", 16), ["mass-mean probe,", "out of fold"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("", 5), Vec::<String>::new());
        assert_eq!(wrap("a\u{0}b\nc\u{ffff}d", 9), ["a b c d"]);
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        assert_eq!([cut("später", 6), cut("spätere", 6)], ["später", "späte…"]);
        assert_eq!(cut("a\nb", 9), "a b");
    }
}
