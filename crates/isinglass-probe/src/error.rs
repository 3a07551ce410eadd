//! Why a probe could not be fitted.

use isinglass_core::SourceError;
use isinglass_stats::StatsError;

/// # Errors
/// [`FitError::BadSetting`] with the first of the settings that is not finite and above 0.
pub(crate) fn positive<const N: usize>(settings: [(&'static str, f64); N]) -> Result<(), FitError> {
    match settings.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
        Some((what, value)) => Err(FitError::BadSetting { what, value, range: "finite and above 0" }),
        None => Ok(()),
    }
}

/// Why a probe could not be fitted.
#[derive(Debug, thiserror::Error)]
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
    /// Values do not fill whole rows.
    #[error("the {n_values} values of `{name}` do not fill rows of width {width}; give at least one row")]
    Ragged {
        /// What the rows are.
        name: String,
        /// Number of values.
        n_values: usize,
        /// Width of a row.
        width: usize,
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
    /// Rows are not as wide as those that a probe was fitted to.
    #[error("rows of `{name}` have {width} columns; the probe was fitted to {expected}")]
    WrongWidth {
        /// What the rows are.
        name: String,
        /// Their width.
        width: usize,
        /// The width they should have.
        expected: usize,
    },
    /// Some class has no row, or there is one class only.
    #[error(
        "only the classes {present:?} of {n_classes} have rows; a probe needs two classes, and rows of each in every fold"
    )]
    FewClasses {
        /// The classes that have rows.
        present: Vec<usize>,
        /// How many classes there are.
        n_classes: usize,
    },
    /// A group is not a matched pair.
    #[error(
        "group `{group}` has {negative} rows labelled `false` and {positive} labelled `true`; a pair has one of each"
    )]
    NotAPair {
        /// The group.
        group: u64,
        /// Its rows labelled `false`.
        negative: usize,
        /// Its rows labelled `true`.
        positive: usize,
    },
    /// No group holds two classes.
    #[error("none of the {n_groups} groups holds two classes; labels of whole groups are `Labels::of_groups`")]
    NoContrast {
        /// How many groups there are.
        n_groups: usize,
    },
    /// A group that should have one class has two.
    #[error(
        "group `{group}` holds the classes {classes:?}; labels that differ within groups are `Labels::within_groups`"
    )]
    MixedGroup {
        /// The group.
        group: u64,
        /// Two of its classes.
        classes: [usize; 2],
    },
    /// A class has texts in too few groups for the folds.
    #[error(
        "class `{class}` has texts in {n_groups} groups, and {least} folds need {least} at least; give more texts, or ask for fewer folds"
    )]
    FewGroups {
        /// The class.
        class: String,
        /// How many groups have a text of it.
        n_groups: usize,
        /// How many are needed.
        least: usize,
    },
    /// There is nothing to compare with.
    #[error("0 shuffles of the labels give no null; leave it out by `CrossFit::without_null`, which says why")]
    NoPermutations,
    /// A fold tests on a group that it trains on.
    #[error("a fold trains and tests on rows of group `{group}`; keep groups whole")]
    LeakingGroup {
        /// The group.
        group: u64,
    },
    /// A setting lies outside of its range.
    #[error("`{what}` is `{value}`; it must be {range}")]
    BadSetting {
        /// Which setting.
        what: &'static str,
        /// The value given.
        value: f64,
        /// Which values are allowed.
        range: &'static str,
    },
    /// Fits did not reach their optimum.
    #[error("{unfinished} fits of `{probe}` did not converge in {steps} steps; is `C` very large?")]
    NotConverged {
        /// The probe.
        probe: String,
        /// How many steps were taken.
        steps: usize,
        /// How many fits were left.
        unfinished: usize,
    },
    /// Rows that are no activations have no direction to steer along.
    #[error("the rows come from no site of a model, so they have no direction to steer along")]
    NoSite,
    /// There is no class of this number.
    #[error("there is no class {class}; there are {n_classes}, from 0")]
    NoSuchClass {
        /// The class asked for.
        class: usize,
        /// How many there are.
        n_classes: usize,
    },
    /// A library behind a probe refused.
    #[error("`{probe}` could not be fitted: {reason}")]
    Refused {
        /// The probe.
        probe: String,
        /// What the library says.
        reason: String,
    },
    /// The rows could not be read from their source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The statistics refused the labels, groups or scores.
    #[error(transparent)]
    Stats(#[from] StatsError),
}
