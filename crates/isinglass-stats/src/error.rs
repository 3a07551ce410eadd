//! What can be wrong with the rows handed to a statistic.

/// Why a statistic could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StatsError {
    /// Two slices that describe the same rows have different lengths.
    #[error("got {got} `{what}` for {expected} `{of}`; give one of each per row")]
    LengthMismatch {
        /// The slice whose length differs.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The slice it was compared with.
        of: &'static str,
        /// The length of that one.
        expected: usize,
    },
    /// There is nothing to compute from.
    #[error("`{what}` is empty; give at least one")]
    Empty {
        /// What was empty.
        what: &'static str,
    },
    /// A value is not a number.
    #[error("`{what}` {index} is NaN; every value must be a number")]
    NotANumber {
        /// What the value was one of.
        what: &'static str,
        /// Its index, from 0.
        index: usize,
    },
    /// A value is infinite.
    #[error("`{what}` {index} is `{value}`; every value must be finite")]
    NotFinite {
        /// What the value was one of.
        what: &'static str,
        /// Its index, from 0.
        index: usize,
        /// The value.
        value: f64,
    },
    /// A vector of zeros points nowhere.
    #[error("`{what}` {index} is zero throughout; {statistic} needs a direction")]
    ZeroVector {
        /// What the vector was one of.
        what: &'static str,
        /// Its index, from 0.
        index: usize,
        /// What was to be computed.
        statistic: &'static str,
    },
    /// A value is no probability.
    #[error("`{what}` {index} is `{value}`; a probability lies between 0 and 1")]
    NotAProbability {
        /// What the value was one of.
        what: &'static str,
        /// Its index, from 0.
        index: usize,
        /// The value.
        value: f64,
    },
    /// There are too few values for the statistic.
    #[error("got {got} `{what}`; {statistic} needs at least {least}")]
    TooFew {
        /// What there is too little of.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// The fewest that do.
        least: usize,
        /// What was to be computed.
        statistic: &'static str,
    },
    /// All values are equal, and the statistic divides by their spread.
    #[error("all `{what}` are equal; {statistic} needs values that differ")]
    NoSpread {
        /// What does not vary.
        what: &'static str,
        /// What was to be computed.
        statistic: &'static str,
    },
    /// Values are equal, which the statistic does not allow for.
    #[error("some `{what}` are equal; {statistic} needs values that all differ")]
    Ties {
        /// What ties.
        what: &'static str,
        /// What was to be computed.
        statistic: &'static str,
    },
    /// A statistic would divide by nothing.
    #[error("{statistic} has no value here; it needs at least one {lacks}")]
    NoValue {
        /// What was to be computed.
        statistic: &'static str,
        /// What there is none of.
        lacks: &'static str,
    },
    /// Values do not fill whole rows.
    #[error("{n_values} values do not fill rows of width {width}; give rows one after another, all of one width")]
    Ragged {
        /// Number of values.
        n_values: usize,
        /// Width of a row.
        width: usize,
    },
    /// A setting lies outside of its range.
    #[error("`{what}` is `{value}`; it must be {range}")]
    OutOfRange {
        /// Which setting.
        what: &'static str,
        /// The value given.
        value: f64,
        /// Which values are allowed.
        range: &'static str,
    },
    /// Columns are combinations of each other, so that their coefficients have no single answer.
    #[error("the columns of `{what}` depend on each other linearly; leave out those that the others determine")]
    Singular {
        /// Which matrix.
        what: &'static str,
    },
    /// A column was asked for that the design does not have.
    #[error("the design has no column `{column}`; add it first")]
    UnknownColumn {
        /// The name asked for.
        column: String,
    },
    /// Two columns of a design have one name.
    #[error("the design already has a column `{column}`; give each a name of its own")]
    ColumnTwice {
        /// The name.
        column: String,
    },
    /// A combination of the columns tells the classes apart, so that the likelihood grows without end.
    #[error(
        "the columns of `{what}` separate the classes; their coefficients have no finite value: \
         leave out columns, pool levels, or fit with a penalty"
    )]
    Separable {
        /// Which columns.
        what: &'static str,
    },
    /// A fit did not reach its optimum.
    #[error("{what} did not converge in {iterations} steps")]
    NotConverged {
        /// What was fitted.
        what: &'static str,
        /// How many steps were taken.
        iterations: usize,
    },
    /// All rows carry the same label.
    #[error("all {n} labels are `{label}`; an AUROC compares rows of both classes")]
    OneClass {
        /// The label they carry.
        label: bool,
        /// How many rows there are.
        n: usize,
    },
    /// The groups are too few to resample.
    #[error("got {n_groups} group; resampling whole groups needs at least 2")]
    TooFewGroups {
        /// How many different groups there are.
        n_groups: usize,
    },
    /// The resamples are too few for the ends of an interval.
    #[error("got {got} resamples; a 95 % percentile interval needs at least {least}")]
    TooFewResamples {
        /// How many were asked for.
        got: usize,
        /// The fewest allowed.
        least: usize,
    },
    /// A statistic has no value for too many of the rows it was given.
    #[error("the statistic has no value for {n_undefined} of {n_drawn} draws of rows; resample so that it has one")]
    Undefined {
        /// Draws without a value.
        n_undefined: usize,
        /// All draws.
        n_drawn: usize,
    },
    /// A quantile was asked for outside of 0 to 1.
    #[error("there is no quantile `{q}`; it must lie between 0 and 1")]
    QuantileOutOfRange {
        /// The quantile asked for.
        q: f64,
    },
    /// A split into fewer than two folds leaves nothing to test or nothing to train on.
    #[error("cannot split into {n_folds} folds; there must be at least 2")]
    TooFewFolds {
        /// How many folds were asked for.
        n_folds: usize,
    },
    /// Some folds would hold no group.
    #[error("cannot deal {n_groups} groups into {n_folds} folds; ask for at most {n_groups} folds or give more groups")]
    FewerGroupsThanFolds {
        /// How many different groups there are.
        n_groups: usize,
        /// How many folds were asked for.
        n_folds: usize,
    },
    /// Folds that were given do not test every row once.
    #[error("row {row} is tested {times} times; the folds must test each row exactly once")]
    NotAPartition {
        /// The first such row, from 0.
        row: usize,
        /// How many folds test it.
        times: usize,
    },
    /// A group is not a matched pair.
    #[error(
        "group `{group}` has {n_true} rows labelled `true` and {n_false} labelled `false`; \
         a matched pair has one of each"
    )]
    NotAPair {
        /// The group.
        group: u64,
        /// Its rows labelled `true`.
        n_true: usize,
        /// Its rows labelled `false`.
        n_false: usize,
    },
    /// A group that should carry one label carries several.
    #[error("group `{group}` carries more than one label; groups can only be exchanged if each carries one")]
    MixedGroup {
        /// The group.
        group: u64,
    },
    /// A group that should carry several labels carries one.
    #[error("group `{group}` carries one label only; a matched group has rows of several, strata need not")]
    UnmatchedGroup {
        /// The group.
        group: u64,
    },
}

/// Checks that `what` has one entry for each of `of`.
pub(crate) fn same_length(
    (what, got): (&'static str, usize),
    (of, expected): (&'static str, usize),
) -> Result<(), StatsError> {
    if got == expected { Ok(()) } else { Err(StatsError::LengthMismatch { what, got, of, expected }) }
}

/// Checks that there are values and that each is a number.
pub(crate) fn numbers(what: &'static str, values: &[f64]) -> Result<(), StatsError> {
    if values.is_empty() {
        return Err(StatsError::Empty { what });
    }
    match values.iter().position(|value| value.is_nan()) {
        Some(index) => Err(StatsError::NotANumber { what, index }),
        None => Ok(()),
    }
}

/// Checks that there are values and that each is finite.
pub(crate) fn finite(what: &'static str, values: &[f64]) -> Result<(), StatsError> {
    numbers(what, values)?;
    match values.iter().position(|value| value.is_infinite()) {
        Some(index) => Err(StatsError::NotFinite { what, index, value: values[index] }),
        None => Ok(()),
    }
}

/// Sums of squares of greater values could leave the range of numbers.
const GREATEST: f64 = 1e100;

/// Checks that there are `least` values for a statistic, and that squares of them can be summed up.
pub(crate) fn enough(
    what: &'static str,
    values: &[f64],
    least: usize,
    statistic: &'static str,
) -> Result<(), StatsError> {
    finite(what, values)?;
    if values.len() < least {
        return Err(StatsError::TooFew { what, got: values.len(), least, statistic });
    }
    match values.iter().find(|value| value.abs() > GREATEST) {
        Some(&value) => Err(StatsError::OutOfRange { what, value, range: "within 1e100 of 0" }),
        None => Ok(()),
    }
}

/// Checks that there are classes and that each is below their number.
pub(crate) fn classes_below(what: &'static str, classes: &[usize], n_classes: usize) -> Result<(), StatsError> {
    if classes.is_empty() {
        return Err(StatsError::Empty { what });
    }
    match classes.iter().find(|&&class| class >= n_classes) {
        Some(&class) => Err(StatsError::OutOfRange { what, value: class as f64, range: "below the number of classes" }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_hold_the_facts_and_the_way_out() {
        let shown = |error: StatsError| error.to_string();
        assert_eq!(
            shown(StatsError::LengthMismatch { what: "labels", got: 5, of: "scores", expected: 6 }),
            "got 5 `labels` for 6 `scores`; give one of each per row"
        );
        assert_eq!(
            shown(StatsError::OneClass { label: true, n: 12 }),
            "all 12 labels are `true`; an AUROC compares rows of both classes"
        );
        assert_eq!(
            shown(StatsError::NotAPair { group: 4, n_true: 2, n_false: 0 }),
            "group `4` has 2 rows labelled `true` and 0 labelled `false`; a matched pair has one of each"
        );
        assert_eq!(
            shown(StatsError::FewerGroupsThanFolds { n_groups: 3, n_folds: 5 }),
            "cannot deal 3 groups into 5 folds; ask for at most 3 folds or give more groups"
        );
    }
}
