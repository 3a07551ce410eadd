//! The report for people, as one HTML file: nothing in it runs, and nothing outside it is needed.

mod note;

use std::collections::BTreeMap;

use crate::document::{self, Body, Figure, Grid, Shown};
use crate::escape::escape;
use crate::report::Sample;
use crate::{Provenance, Report};

const STYLE: &str = include_str!("html/style.css");
/// Nothing is fetched, run or sent, should an escape ever fail.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The page, with the pictures by the names of their plots.
pub(crate) fn render(report: &Report, pictures: &BTreeMap<&str, String>) -> String {
    let warning = document::warning(report);
    let title = escape(if report.title.trim().is_empty() { &report.name } else { &report.title });
    let mark = warning.map_or("", |_| "SYNTHETIC: ");
    let warning =
        warning.map(|text| format!("<p class=\"warning\" role=\"note\"><strong>{}</strong></p>\n", escape(text)));
    let parts: String =
        (1..).zip(document::parts(report)).map(|(number, part)| section(number, &part, pictures)).collect();
    format!(
        "<!DOCTYPE html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{mark}{title}</title>\n\
         <style>\n{STYLE}</style>\n\
         </head>\n\
         <body>\n\
         {warning}\
         <header>\n\
         <h1>{title}</h1>\n\
         {provenance}\
         </header>\n\
         <main>\n\
         {parts}\
         </main>\n\
         <footer>{foot}</footer>\n\
         </body>\n\
         </html>\n",
        warning = warning.unwrap_or_default(),
        provenance = provenance(&report.provenance),
        foot = escape(&report.provenance.line()),
    )
}

/// A part under its heading, or what has none, as it is.
fn section(number: usize, part: &document::Part<'_>, pictures: &BTreeMap<&str, String>) -> String {
    let heading = part.heading.as_deref().map(escape);
    let body = match &part.body {
        Body::Provenance(included) => provenance(included),
        Body::Grid(grid) => table(grid, &caption(&grid.how, heading.as_deref().unwrap_or_default())),
        Body::Plot(shown) => figure(shown, &pictures[shown.plot.name()], heading.as_deref().unwrap_or_default()),
        Body::Samples(samples) => samples.iter().map(sample).collect(),
        Body::Note(text) => format!("<div class=\"note\">\n{}</div>\n", note::render(text)),
    };
    match heading {
        None => body,
        Some(heading) => format!(
            "<section aria-labelledby=\"part-{number}\">\n<h2 id=\"part-{number}\">{heading}</h2>\n{body}</section>\n"
        ),
    }
}

fn provenance(provenance: &Provenance) -> String {
    let rows = provenance.rows().into_iter().map(|(name, value)| vec![Shown::Text(name.into()), value]);
    let grid = Grid { columns: Vec::new(), rows: rows.collect(), how: Vec::new() };
    table(&grid, "<caption>Provenance</caption>")
}

/// How a table's numbers were computed, or, for those who do not see the heading above it, the heading.
fn caption(how: &[String], heading: &str) -> String {
    if how.is_empty() {
        return format!("<caption class=\"unseen\">{heading}</caption>");
    }
    format!("<caption>{}</caption>", sentences(how))
}

fn sentences(sentences: &[String]) -> String {
    sentences.iter().map(|sentence| escape(sentence)).collect::<Vec<_>>().join("<br>\n")
}

/// A table whose first column says what its rows are.
fn table(grid: &Grid<'_>, caption: &str) -> String {
    let head = grid.columns.iter().map(|column| match column.trim() {
        // A heading that says nothing is none.
        "" => "<td></td>".to_owned(),
        column => format!("<th scope=\"col\">{}</th>", escape(column)),
    });
    let head: String = head.collect();
    let head = if head.is_empty() { head } else { format!("<thead>\n<tr>{head}</tr>\n</thead>\n") };
    let rows = grid.rows.iter().map(|row| {
        let cells = row.iter().enumerate().map(|(column, value)| cell(value, column == 0));
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    });
    let rows: String = rows.collect();
    format!("<div class=\"wide\">\n<table>\n{caption}\n{head}<tbody>\n{rows}</tbody>\n</table>\n</div>\n")
}

fn cell(value: &Shown<'_>, first: bool) -> String {
    let (class, text) = match value {
        Shown::Bold(text) => ("", format!("<strong>{}</strong>", escape(text))),
        Shown::Text(text) => ("", escape(text)),
        Shown::Code(text) => ("", format!("<code>{}</code>", escape(text))),
        Shown::Data(data) => {
            ("", format!("SHA-256 <code>{}</code>, licence {}", escape(&data.sha256), escape(&data.licence)))
        }
        Shown::Number(text) => (" class=\"number\"", escape(text)),
    };
    if first { format!("<th scope=\"row\"{class}>{text}</th>") } else { format!("<td{class}>{text}</td>") }
}

fn figure(figure: &Figure<'_>, picture: &str, heading: &str) -> String {
    let numbers = figure.numbers.as_ref().map_or_else(String::new, |grid| {
        let table = table(grid, &caption(&grid.how, heading));
        format!("<details>\n<summary>The numbers</summary>\n{table}</details>\n")
    });
    let how = sentences(&figure.how);
    format!("<figure>\n{picture}<figcaption>{how}</figcaption>\n</figure>\n{numbers}")
}

fn sample(Sample { label, text }: &Sample) -> String {
    // The first line's end within `pre` is not read.
    format!("<h3>{}</h3>\n<pre>\n{}</pre>\n", escape(label), escape(text))
}
