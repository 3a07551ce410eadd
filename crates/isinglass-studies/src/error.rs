//! What can go wrong with a study.

use std::io;
use std::path::PathBuf;

use isinglass_capture::{CaptureError, StoreError};
use isinglass_core::{SiteId, SourceError};
use isinglass_data::DataError;
use isinglass_probe::FitError;
use isinglass_report::ReportError;
use isinglass_stats::StatsError;

/// Why a study has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the facts that the message above them names")]
pub enum StudyError {
    /// A data set cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A text is too short for what is asked of it.
    #[error("text {text} of `{set}` has {n_tokens} tokens in its response, at least {least} are needed: leave it out")]
    ShortResponse { set: String, text: usize, n_tokens: usize, least: usize },
    /// The model cannot be used.
    #[error("the model cannot be used for this study")]
    Model { source: Box<dyn std::error::Error + Send + Sync> },
    /// A text cannot be read as tokens.
    #[error(transparent)]
    Text(#[from] isinglass_model::TextError),
    /// A text has not the parts that it needs.
    #[error(transparent)]
    Batch(#[from] isinglass_core::BatchError),
    /// Activations cannot be captured.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// Activations cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Rows of activations cannot be had.
    #[error(transparent)]
    Rows(#[from] SourceError),
    /// The store has other texts than the data.
    #[error("the activations in `{path}` are of other texts than `{set}` has: capture them again into a new folder")]
    OtherTexts { path: PathBuf, set: String },
    /// Layers or texts of a sample do not fit together.
    #[error("`{site}` has {found} rows where there are {expected} texts")]
    RowCount { site: SiteId, found: usize, expected: usize },
    /// A sample does not hold what is asked about.
    #[error("no activations of `{asked}` were captured: there are {has}")]
    NotCaptured { asked: String, has: String },
    /// A layer that the sample lacks.
    #[error("there is no layer {layer}: there are {n_layers}")]
    NoLayer { layer: usize, n_layers: usize },
    /// A probe refused its rows.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// A statistic refused its numbers.
    #[error(transparent)]
    Stats(#[from] StatsError),
    /// A report cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A result cannot be read or written.
    #[error("cannot use `{path}`")]
    File { path: PathBuf, source: io::Error },
    /// A result cannot be written.
    #[error(transparent)]
    Write(#[from] isinglass_formats::FormatError),
    /// A result is not one of this study, or of another version.
    #[error("`{path}` is no result of this phase of the study: delete it and run the phase again")]
    BadResult { path: PathBuf, source: serde_json::Error },
    /// A result was computed with other settings or data.
    #[error("`{path}` was made with another `{key}`: {found}, not {expected}; choose another folder, or delete it")]
    OtherSettings { path: PathBuf, key: String, found: String, expected: String },
    /// An earlier phase has not been run.
    #[error("`{path}` is not there: run the phase `{phase}` first")]
    MissingPhase { path: PathBuf, phase: &'static str },
}
