//! What can be wrong with a report.

use std::error::Error;
use std::path::PathBuf;

use crate::Origin;

/// Why a report could not be put together or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A measured artefact was to go into a synthetic report, or the other way round.
    #[error(
        "report `{report}` is {origin} and cannot include an artefact of model `{model}` that is {other}; \
         write a report of its own for it"
    )]
    MixedOrigins {
        /// The report's name.
        report: String,
        /// The report's origin.
        origin: Origin,
        /// The model of the artefact.
        model: String,
        /// The artefact's origin.
        other: Origin,
    },
    /// A name that becomes part of a file name holds something else than letters, digits, `_`, `-` and `.`.
    #[error("`{name}` cannot name a file; use ASCII letters, digits, `_`, `-` and `.`, the first not a `.`")]
    BadName {
        /// The name of the report or plot.
        name: String,
    },
    /// Two plots would be written to one file.
    #[error("there are two plots named `{plot}`; give each a name of its own")]
    DuplicatePlot {
        /// The name.
        plot: String,
    },
    /// A plot has no point to draw.
    #[error("plot `{plot}` has no points; add a series with at least one")]
    EmptyPlot {
        /// The plot's name.
        plot: String,
    },
    /// A plot holds NaN or an infinity, which has no place on an axis.
    #[error("plot `{plot}` has the value `{value}` in `{part}`; every coordinate must be finite")]
    NotFinite {
        /// The plot's name.
        plot: String,
        /// The series, band, line or range in question.
        part: String,
        /// The value.
        value: f64,
    },
    /// A plot with logarithmic axes holds zero or less, which has no place on them.
    #[error("plot `{plot}` has the value `{value}` in `{part}`; on logarithmic axes every coordinate must be above 0")]
    NotPositive {
        /// The plot's name.
        plot: String,
        /// The series, band, line or range in question.
        part: String,
        /// The value.
        value: f64,
    },
    /// A series of a bar plot has two bars for one group.
    #[error("series `{series}` of plot `{plot}` has two bars for `{group}`; give each group at most one")]
    DuplicateBar {
        /// The plot's name.
        plot: String,
        /// The series.
        series: String,
        /// The group.
        group: String,
    },
    /// A ROC curve has not one rate of each kind for every point, or fewer than two points.
    #[error(
        "curve `{curve}` of plot `{plot}` has {n_fpr} false-positive and {n_tpr} true-positive rates; \
         give as many of each, at least 2"
    )]
    CurveLengths {
        /// The plot's name.
        plot: String,
        /// The curve.
        curve: String,
        /// How many false-positive rates there are.
        n_fpr: usize,
        /// How many true-positive rates there are.
        n_tpr: usize,
    },
    /// Points that are no ROC curve.
    #[error(
        "point {point} of curve `{curve}` of plot `{plot}` is at ({fpr}, {tpr}); \
         a ROC curve begins at (0, 0), never falls in either rate, and ends at (1, 1)"
    )]
    NotARoc {
        /// The plot's name.
        plot: String,
        /// The curve.
        curve: String,
        /// The first point that is wrong, from 0.
        point: usize,
        /// Its false-positive rate.
        fpr: f64,
        /// Its true-positive rate.
        tpr: f64,
    },
    /// A row of a table has more or fewer cells than there are columns.
    #[error("row {row} of table `{table}` has {cells} cells; give one for each of its {columns} columns")]
    RaggedTable {
        /// The table's heading.
        table: String,
        /// The row, from 0.
        row: usize,
        /// How many cells it has.
        cells: usize,
        /// How many columns the table has.
        columns: usize,
    },
    /// A plot could not be drawn.
    #[error("cannot draw plot `{plot}`")]
    Draw {
        /// The plot's name.
        plot: String,
        /// What the drawing library said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The report could not be encoded as JSON.
    #[error("cannot encode report `{report}` as JSON")]
    Encode {
        /// The report's name.
        report: String,
        /// What the encoder said.
        #[source]
        source: serde_json::Error,
    },
    /// A file or its folder could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}
