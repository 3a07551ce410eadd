//! Why a probe could not be fitted.

use isinglass_core::SourceError;
use isinglass_stats::StatsError;

/// Why a probe could not be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// Rows, labels and groups differ in number.
    #[error("`{name}` has {rows} rows, there are {labels} labels: they must be as many")]
    LengthMismatch {
        /// What the rows are.
        name: String,
        /// Number of rows.
        rows: usize,
        /// Number of labels.
        labels: usize,
    },
    /// A value is NaN or infinite.
    #[error("`{name}` holds `{value}` in row {row}: features must be finite")]
    NotFinite {
        /// What the rows are.
        name: String,
        /// Row of the value.
        row: usize,
        /// The value.
        value: f64,
    },
    /// The rows could not be read from their source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The statistics refused the labels, groups or scores.
    #[error(transparent)]
    Stats(#[from] StatsError),
}
