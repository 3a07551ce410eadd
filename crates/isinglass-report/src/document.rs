//! What a report tells people, in its order, before it is set as Markdown or HTML.

use std::borrow::Cow;
use std::collections::BTreeSet;

use isinglass_stats::Estimate;

use crate::bars::BarPlot;
use crate::plot::n_of;
use crate::report::{LabelledEstimate, Plot, Sample, Section};
use crate::{Cell, DataSource, HeatMap, LinePlot, Origin, Provenance, Report, RocPlot, Table};

/// What a synthetic report says before anything else.
const SYNTHETIC: &str = "SYNTHETIC: these numbers come from made-up data and measure no trained model.";

/// The warning that the report's origin asks for.
pub(crate) fn warning(report: &Report) -> Option<&'static str> {
    (report.provenance.origin() == Origin::Synthetic).then_some(SYNTHETIC)
}

/// One part, with a heading unless it goes on from the one before.
pub(crate) struct Part<'a> {
    pub(crate) heading: Option<Cow<'a, str>>,
    pub(crate) body: Body<'a>,
}

pub(crate) enum Body<'a> {
    Provenance(&'a Provenance),
    Grid(Grid<'a>),
    Plot(Figure<'a>),
    Samples(&'a [Sample]),
    /// Markdown.
    Note(&'a str),
}

/// A table, with a sentence for each way in which its numbers were computed.
pub(crate) struct Grid<'a> {
    pub(crate) columns: Vec<Cow<'a, str>>,
    pub(crate) rows: Vec<Vec<Shown<'a>>>,
    pub(crate) how: Vec<String>,
}

/// A picture, with a sentence for each thing to know about it, and its estimates.
pub(crate) struct Figure<'a> {
    pub(crate) plot: Plot<'a>,
    pub(crate) how: Vec<String>,
    /// None for readings, of which there may be thousands.
    pub(crate) numbers: Option<Grid<'a>>,
}

/// How a value is set in text.
#[derive(Debug)]
pub(crate) enum Shown<'a> {
    Bold(String),
    Text(Cow<'a, str>),
    Code(String),
    Data(&'a DataSource),
    /// A number with what belongs to it.
    Number(String),
}

/// Everything after title, warning and the report's own provenance.
pub(crate) fn parts(report: &Report) -> impl Iterator<Item = Part<'_>> {
    let included = report.includes.iter().map(|included| Part {
        heading: Some(format!("Included: {}", included.subject()).into()),
        body: Body::Provenance(included),
    });
    included.chain(report.sections.iter().map(part))
}

fn part(section: &Section) -> Part<'_> {
    let (heading, body) = match section {
        Section::Estimates { estimates } => (Some("Estimates"), Body::Grid(estimates_grid(estimates))),
        Section::Table(table) => (Some(table.heading()), Body::Grid(table_grid(table))),
        Section::Lines(plot) => (Some(plot.title.as_str()), Body::Plot(lines_figure(plot))),
        Section::Bars(plot) => (Some(plot.title.as_str()), Body::Plot(bars_figure(plot))),
        Section::Roc(plot) => (Some(plot.title.as_str()), Body::Plot(roc_figure(plot))),
        Section::Scatter(plot) => {
            let how = vec!["Each point is one reading, not an estimate.".to_owned()];
            (Some(plot.title.as_str()), Body::Plot(Figure { plot: Plot::Scatter(plot), how, numbers: None }))
        }
        Section::Heat(map) => (Some(map.title.as_str()), Body::Plot(heat_figure(map))),
        Section::Samples { heading, samples } => (Some(heading.as_str()), Body::Samples(samples)),
        Section::Note { text } => (None, Body::Note(text.trim())),
    };
    Part { heading: heading.map(Cow::Borrowed), body }
}

/// What stands above an estimate's own columns.
const COLUMNS: [&str; 5] = ["value", "interval", "n", "p", "method"];

/// An estimate in columns of its own.
fn columns(estimate: &Estimate) -> [Shown<'_>; 5] {
    let or_none = |text: Option<String>| Shown::Number(text.unwrap_or_else(|| "none".to_owned()));
    [
        Shown::Number(format!("{:.3}", estimate.value())),
        or_none(estimate.interval().map(ToString::to_string)),
        Shown::Number(estimate.n().to_string()),
        or_none(estimate.p().map(ToString::to_string)),
        Shown::Text(estimate.method().into()),
    ]
}

fn estimates_grid(estimates: &[LabelledEstimate]) -> Grid<'_> {
    let rows = estimates.iter().map(|LabelledEstimate { label, estimate }| {
        [Shown::Text(label.into())].into_iter().chain(columns(estimate)).collect()
    });
    Grid {
        columns: [""].into_iter().chain(COLUMNS).map(Cow::from).collect(),
        rows: rows.collect(),
        how: methods(estimates.iter().map(|labelled| &labelled.estimate)),
    }
}

fn table_grid(table: &Table) -> Grid<'_> {
    let estimates = table.rows().iter().flatten().filter_map(|cell| match cell {
        Cell::Estimate(estimate) => Some(estimate),
        Cell::Text(_) | Cell::Integer(_) => None,
    });
    Grid {
        columns: table.columns().iter().map(Cow::from).collect(),
        rows: table.rows().iter().map(|row| row.iter().map(shown).collect()).collect(),
        how: methods(estimates),
    }
}

fn shown(cell: &Cell) -> Shown<'_> {
    match cell {
        Cell::Text(text) => Shown::Text(text.into()),
        Cell::Integer(integer) => Shown::Number(integer.to_string()),
        Cell::Estimate(estimate) => Shown::Number(estimate.to_string()),
    }
}

/// An estimate of a plot, with its series and, where there are several, its place in it.
type Placed<'a> = (Vec<Cow<'a, str>>, &'a Estimate);

/// The figure of a plot of estimates; `place` names the columns that say where each stands.
fn figure<'a>(plot: Plot<'a>, place: &[&'a str], points: Vec<Placed<'a>>) -> Figure<'a> {
    let estimates = || points.iter().map(|&(_, estimate)| estimate);
    let mut how = methods(estimates());
    how.push(format!("Counts: {}.", n_of(estimates().map(Estimate::n))));
    let rows = points
        .into_iter()
        .map(|(place, estimate)| place.into_iter().map(Shown::Text).chain(columns(estimate)).collect())
        .collect();
    let columns = place.iter().copied().chain(COLUMNS).map(Cow::from).collect();
    Figure { plot, how, numbers: Some(Grid { columns, rows, how: Vec::new() }) }
}

/// The name of an axis, or what else its column is called.
fn or<'a>(label: &'a str, otherwise: &'a str) -> &'a str {
    if label.trim().is_empty() { otherwise } else { label }
}

fn lines_figure(plot: &LinePlot) -> Figure<'_> {
    let points = plot.series.iter().flat_map(|series| {
        let label = &series.label;
        series.points.iter().map(move |point| (vec![label.into(), point.x.to_string().into()], &point.y))
    });
    let mut figure = figure(Plot::Lines(plot), &["series", or(&plot.x_label, "x")], points.collect());
    if let Some(band) = &plot.null_band {
        figure.how.push(format!("Grey band: the central {} % of {}.", percent(band.level), band.nulls.join("; ")));
    }
    if plot.log_axes {
        figure.how.push("Both axes are logarithmic.".to_owned());
    }
    figure
}

fn bars_figure(plot: &BarPlot) -> Figure<'_> {
    let points = plot.series.iter().flat_map(|series| {
        let label = &series.label;
        series.bars.iter().map(move |bar| (vec![label.into(), (&bar.group).into()], &bar.y))
    });
    figure(Plot::Bars(plot), &["series", or(&plot.x_label, "group")], points.collect())
}

fn roc_figure(plot: &RocPlot) -> Figure<'_> {
    let points = plot.curves.iter().map(|curve| (vec![(&curve.label).into()], &curve.auroc));
    figure(Plot::Roc(plot), &["curve"], points.collect())
}

fn heat_figure(map: &HeatMap) -> Figure<'_> {
    let [low, high] = map.range;
    let how = vec![format!("Colours: {}, from {low} (light) to {high} (dark).", map.value_label)];
    Figure { plot: Plot::Heat(map), how, numbers: None }
}

/// How the estimates, their intervals and their p-values were computed: a sentence for each way.
fn methods<'a>(estimates: impl Iterator<Item = &'a Estimate>) -> Vec<String> {
    let [mut values, mut intervals, mut nulls, mut corrections] = [const { BTreeSet::new() }; 4];
    for estimate in estimates {
        values.insert(format!("Estimate: {}.", estimate.method()));
        if let Some(i) = estimate.interval() {
            intervals.insert(format!("Interval: {} %, {}.", percent(i.level()), i.method()));
        }
        if let Some(p) = estimate.p() {
            nulls.insert(match p.n_resamples() {
                Some(n) => format!("p: one-sided, against {n} {}.", p.null()),
                None => format!("p: {}.", p.null()),
            });
            if let Some(adjusted) = p.adjusted() {
                corrections.insert(format!("Adjusted p: {} over {} tests.", adjusted.method(), adjusted.n_tests()));
            }
        }
    }
    [values, intervals, nulls, corrections].into_iter().flatten().collect()
}

/// A share as a percentage, without the digits that binary fractions add.
fn percent(share: f64) -> f64 {
    (share * 1e4).round() / 1e2
}
