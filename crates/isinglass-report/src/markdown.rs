//! The report for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use isinglass_stats::Estimate;

use crate::provenance::Shown;
use crate::report::{LabelledEstimate, Sample, Section};
use crate::{Cell, HeatMap, LinePlot, Origin, Provenance, Report, Table};

pub(crate) fn render(report: &Report) -> String {
    let mut blocks = vec![format!("# {}", inline(&report.title))];
    if report.provenance.origin() == Origin::Synthetic {
        blocks.push("SYNTHETIC: these numbers come from made-up data and measure no trained model.".to_owned());
    }
    blocks.push(provenance(&report.provenance));
    for included in &report.includes {
        blocks.push(format!("## Included: {}", inline(included.model())));
        blocks.push(provenance(included));
    }
    for section in &report.sections {
        match section {
            Section::Estimates { estimates } => blocks.extend(estimate_blocks(estimates)),
            Section::Table(table) => blocks.extend(table_blocks(table)),
            Section::Lines(plot) => blocks.extend(plot_blocks(plot, &report.plot_file(&plot.name))),
            Section::Heat(map) => blocks.extend(heat_blocks(map, &report.plot_file(&map.name))),
            Section::Samples { heading, samples } => blocks.extend(sample_blocks(heading, samples)),
            Section::Note { text } => blocks.push(text.trim().to_owned()),
        }
    }
    blocks.join("\n\n") + "\n"
}

fn provenance(provenance: &Provenance) -> String {
    let rows = provenance.rows().into_iter().map(|(name, value)| {
        let value = match value {
            Shown::Bold(text) => format!("**{}**", inline(&text)),
            Shown::Text(text) => inline(text),
            Shown::Code(text) => code(&text),
            Shown::Data(data) => format!("SHA-256 {}, licence {}", code(&data.sha256), inline(&data.licence)),
        };
        vec![inline(&name), value]
    });
    grid(&["provenance".to_owned(), String::new()], rows)
}

fn estimate_blocks(estimates: &[LabelledEstimate]) -> [String; 3] {
    let columns = ["", "value", "interval", "n", "p", "method"].map(str::to_owned);
    let rows = estimates.iter().map(|LabelledEstimate { label, estimate }| {
        vec![
            inline(label),
            format!("{:.3}", estimate.value()),
            estimate.interval().map_or_else(|| "none".to_owned(), ToString::to_string),
            estimate.n().to_string(),
            estimate.p().map_or_else(|| "none".to_owned(), ToString::to_string),
            inline(estimate.method()),
        ]
    });
    ["## Estimates".to_owned(), grid(&columns, rows), methods(estimates.iter().map(|labelled| &labelled.estimate))]
}

fn table_blocks(table: &Table) -> Vec<String> {
    let columns: Vec<String> = table.columns().iter().map(|column| inline(column)).collect();
    let rows = table.rows().iter().map(|row| row.iter().map(cell).collect());
    let mut blocks = vec![format!("## {}", inline(table.heading())), grid(&columns, rows)];
    let estimates = table.rows().iter().flatten().filter_map(|cell| match cell {
        Cell::Estimate(estimate) => Some(estimate),
        Cell::Text(_) | Cell::Integer(_) => None,
    });
    blocks.extend(Some(methods(estimates)).filter(|methods| !methods.is_empty()));
    blocks
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => inline(text),
        Cell::Integer(integer) => integer.to_string(),
        Cell::Estimate(estimate) => estimate.to_string(),
    }
}

fn plot_blocks(plot: &LinePlot, file: &str) -> Vec<String> {
    let mut blocks = vec![format!("## {}", inline(&plot.title)), format!("![{}]({file})", inline(&plot.title))];
    let estimates = plot.series.iter().flat_map(|series| series.points.iter().map(|point| &point.y));
    let mut how = methods(estimates);
    if let Some(band) = &plot.null_band {
        // One sentence a line, as everywhere.
        let nulls = band.nulls.iter().map(|null| inline(null)).collect::<Vec<_>>().join("; ");
        let _ = write!(how, "\nGrey band: the central {} % of {nulls}.", percent(band.level));
    }
    if plot.log_axes {
        how.push_str("\nBoth axes are logarithmic.");
    }
    blocks.push(how);
    blocks
}

/// The picture; its numbers are in the JSON.
fn heat_blocks(map: &HeatMap, file: &str) -> [String; 3] {
    let title = inline(&map.title);
    let [low, high] = map.range;
    let how = format!("Colours: {}, from {low} (light) to {high} (dark).", inline(&map.value_label));
    [format!("## {title}"), format!("![{title}]({file})"), how]
}

fn sample_blocks(heading: &str, samples: &[Sample]) -> Vec<String> {
    let mut blocks = vec![format!("## {}", inline(heading))];
    for Sample { label, text } in samples {
        blocks.push(format!("**{}**", inline(label)));
        let fence = "`".repeat(longest_run(text, '`').max(2) + 1);
        let end = if text.ends_with('\n') { "" } else { "\n" };
        blocks.push(format!("{fence}text\n{text}{end}{fence}"));
    }
    blocks
}

/// How the estimates, their intervals and their p-values were computed, each way once and on a line of its own.
fn methods<'a>(estimates: impl Iterator<Item = &'a Estimate>) -> String {
    let (mut values, mut intervals, mut nulls) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for estimate in estimates {
        values.insert(format!("Estimate: {}.", inline(estimate.method())));
        if let Some(i) = estimate.interval() {
            intervals.insert(format!("Interval: {} %, {}.", percent(i.level()), inline(i.method())));
        }
        if let Some(p) = estimate.p() {
            nulls.insert(match p.n_resamples() {
                Some(n) => format!("p: one-sided, against {n} {}.", inline(p.null())),
                None => format!("p: {}.", inline(p.null())),
            });
            if let Some(adjusted) = p.adjusted() {
                nulls.insert(format!("Adjusted p: {} over {} tests.", inline(adjusted.method()), adjusted.n_tests()));
            }
        }
    }
    values.into_iter().chain(intervals).chain(nulls).collect::<Vec<_>>().join("\n")
}

/// A share as a percentage, without the digits that binary fractions add.
fn percent(share: f64) -> f64 {
    (share * 1e4).round() / 1e2
}

/// A table of cells that are Markdown already.
fn grid(columns: &[String], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let mut lines = vec![line(columns), line(&vec!["---".to_owned(); columns.len()])];
    lines.extend(rows.map(|row| line(&row)));
    lines.join("\n")
}

/// Plain text within a line of Markdown: nothing in it is markup, and it stays one line.
fn inline(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut escaped = String::with_capacity(text.len());
    for (i, &c) in chars.iter().enumerate() {
        let within_a_word = |i: Option<usize>| i.and_then(|i| chars.get(i)).is_some_and(|c| c.is_alphanumeric());
        match c {
            '\n' | '\r' => escaped.push(' '),
            // An underscore within a word is no markup, and names of sites are full of them.
            '_' if within_a_word(i.checked_sub(1)) && within_a_word(Some(i + 1)) => escaped.push(c),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '&' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Text as code within a table cell.
fn code(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ").replace('|', "\\|");
    let ticks = "`".repeat(longest_run(&text, '`') + 1);
    // A space keeps a backtick at the edge apart from the delimiter; Markdown takes it off again.
    let pad = if ticks.len() > 1 { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_markup() {
        let check = |text: &str, expected: &str| assert_eq!(inline(text), expected);
        check("blocks.12.hook_resid_post", "blocks.12.hook_resid_post");
        check("_loud_ *louder*", "\\_loud\\_ \\*louder\\*");
        check("<|im_end|>", "\\<\\|im_end\\|\\>");
        check("[link](there)", "\\[link\\](there)");
        check("two\nlines", "two lines");
    }

    #[test]
    fn code_keeps_its_backticks_and_its_cell() {
        assert_eq!(code("30"), "`30`");
        assert_eq!(code("a`b|c"), "`` a`b\\|c ``");
    }

    #[test]
    fn a_fence_outgrows_the_backticks_inside() {
        let check = |text: &str, expected: &str| {
            let sample = Sample { label: "steered".to_owned(), text: text.to_owned() };
            assert_eq!(sample_blocks("Samples", &[sample])[2], expected);
        };
        check("plain", "```text\nplain\n```");
        check("ends\n", "```text\nends\n```");
        check("```rust\nfn main() {}\n```\n# no heading", "````text\n```rust\nfn main() {}\n```\n# no heading\n````");
        check("`````", "``````text\n`````\n``````");
    }
}
