//! The report for people, as Markdown.

use crate::document::{self, Body, Grid, Shown};
use crate::report::Sample;
use crate::{Provenance, Report};

pub(crate) fn render(report: &Report) -> String {
    let mut blocks = vec![format!("# {}", inline(&report.title))];
    blocks.extend(document::warning(report).map(str::to_owned));
    blocks.push(provenance(&report.provenance));
    for part in document::parts(report) {
        let heading = part.heading.map(|heading| inline(&heading)).unwrap_or_default();
        match part.body {
            Body::Provenance(included) => blocks.extend([format!("## {heading}"), provenance(included)]),
            Body::Grid(table) => {
                blocks.extend([format!("## {heading}"), grid(&table)]);
                blocks.extend((!table.how.is_empty()).then(|| sentences(&table.how)));
            }
            Body::Plot(figure) => {
                // The picture; its numbers are in the JSON and the HTML.
                let picture = format!("![{heading}]({})", report.plot_file(figure.plot.name()));
                blocks.extend([format!("## {heading}"), picture, sentences(&figure.how)]);
            }
            Body::Samples(samples) => {
                blocks.push(format!("## {heading}"));
                blocks.extend(samples.iter().flat_map(sample_blocks));
            }
            Body::Note(text) => blocks.push(text.to_owned()),
        }
    }
    blocks.join("\n\n") + "\n"
}

fn provenance(provenance: &Provenance) -> String {
    let rows = provenance.rows().into_iter().map(|(name, value)| vec![Shown::Text(name.into()), value]);
    grid(&Grid { columns: vec!["provenance".into(), "".into()], rows: rows.collect(), how: Vec::new() })
}

fn cell(cell: &Shown<'_>) -> String {
    match cell {
        Shown::Bold(text) => format!("**{}**", inline(text)),
        Shown::Text(text) => inline(text),
        Shown::Code(text) => code(text),
        Shown::Data(data) => format!("SHA-256 {}, licence {}", code(&data.sha256), inline(&data.licence)),
        // Its brackets are no link.
        Shown::Number(text) => text.clone(),
    }
}

fn grid(table: &Grid<'_>) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let columns: Vec<String> = table.columns.iter().map(|column| inline(column)).collect();
    let rule = vec!["---".to_owned(); columns.len()];
    let rows = table.rows.iter().map(|row| line(row.iter().map(cell).collect()));
    [line(columns), line(rule)].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// One sentence a line, as everywhere.
fn sentences(sentences: &[String]) -> String {
    sentences.iter().map(|sentence| inline(sentence)).collect::<Vec<_>>().join("\n")
}

fn sample_blocks(Sample { label, text }: &Sample) -> [String; 2] {
    let fence = "`".repeat(longest_run(text, '`').max(2) + 1);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    [format!("**{}**", inline(label)), format!("{fence}text\n{text}{end}{fence}")]
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
            assert_eq!(sample_blocks(&sample)[1], expected);
        };
        check("plain", "```text\nplain\n```");
        check("ends\n", "```text\nends\n```");
        check("```rust\nfn main() {}\n```\n# no heading", "````text\n```rust\nfn main() {}\n```\n# no heading\n````");
        check("`````", "``````text\n`````\n``````");
    }
}
