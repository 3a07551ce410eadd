//! Splits within splits, and splits again.

use crate::error::same_length;
use crate::{Folds, Split, StatsError};

/// One fold, and the split of its training rows; made by [`Split::nested`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NestedFold {
    /// The rows to train on, ascending.
    pub train: Vec<usize>,
    /// The rows to test on, ascending.
    pub test: Vec<usize>,
    /// The split of the training rows; its rows are positions within `train`.
    pub inner: Folds,
}

impl Split<'_> {
    /// The split once for each of the seeds that follow on its own: `seed`, `seed + 1` and so on.
    ///
    /// The spread over repeats is that of dealing the same rows differently; it knows nothing of other rows, and is no
    /// standard error.
    ///
    /// # Errors
    ///
    /// Those of [`split`](Self::split), [`StatsError::Empty`] without repeats.
    pub fn repeated(self, n_repeats: usize) -> Result<Vec<Folds>, StatsError> {
        if n_repeats == 0 {
            return Err(StatsError::Empty { what: "repeats" });
        }
        (0..n_repeats as u64).map(|repeat| self.seed(self.seed.wrapping_add(repeat)).split()).collect()
    }

    /// The split of some training rows alone, for choosing a penalty without a look at the test rows: groups stay
    /// whole.
    ///
    /// Its rows are **positions within `train`**: row 0 is `train[0]`.
    ///
    /// # Errors
    ///
    /// Those of [`split`](Self::split), [`StatsError::OutOfRange`] for a row that there is not.
    pub fn inner(self, train: &[usize]) -> Result<Folds, StatsError> {
        if let Some(&row) = train.iter().find(|&&row| row >= self.groups.len()) {
            let range = "less than the number of rows";
            return Err(StatsError::OutOfRange { what: "training row", value: row as f64, range });
        }
        let groups: Vec<u64> = train.iter().map(|&row| self.groups[row]).collect();
        let classes: Option<Vec<usize>> = match self.classes {
            None => None,
            Some(classes) => {
                same_length(("classes", classes.len()), ("groups", self.groups.len()))?;
                Some(train.iter().map(|&row| classes[row]).collect())
            }
        };
        Split { groups: &groups, classes: classes.as_deref(), ..self }.split()
    }

    /// The split with, for each fold, the split of its training rows into `n_inner` folds.
    ///
    /// A penalty chosen by the folds it is then reported on flatters; chosen within each fold's training rows, it does
    /// not.
    ///
    /// # Errors
    ///
    /// Those of [`split`](Self::split), also for the inner folds: training rows have fewer groups than all rows.
    ///
    /// ```
    /// use isinglass_stats::Split;
    ///
    /// let scenario: Vec<u64> = (0..24).map(|row| row / 2).collect();
    /// for fold in Split::grouped(&scenario).folds(4).nested(3)? {
    ///     assert_eq!((fold.train.len(), fold.test.len()), (18, 6));
    ///     for (train, test) in &fold.inner {
    ///         assert_eq!((train.len(), test.len()), (12, 6)); // positions within `fold.train`
    ///     }
    /// }
    /// # Ok::<(), isinglass_stats::StatsError>(())
    /// ```
    pub fn nested(self, n_inner: usize) -> Result<Vec<NestedFold>, StatsError> {
        let folds = self.split()?;
        folds
            .iter()
            .map(|(train, test)| Ok(NestedFold { inner: self.folds(n_inner).inner(&train)?, train, test }))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn repeats_differ_and_the_first_is_the_split() {
        let groups: Vec<u64> = (0..40).map(|row| row / 2).collect();
        let split = Split::grouped(&groups).seed(3);
        let repeats = split.repeated(3).unwrap();
        assert_eq!((&repeats[0], &repeats[2]), (&split.split().unwrap(), &split.seed(5).split().unwrap()));
        assert!(repeats[0] != repeats[1] && repeats[1] != repeats[2]);
        assert_eq!(split.repeated(0), Err(StatsError::Empty { what: "repeats" }));
    }

    #[test]
    fn nested_folds_never_see_the_test_rows_and_keep_groups_whole() {
        let groups: Vec<u64> = (0..60).map(|row| row / 3).collect();
        let classes: Vec<usize> = (0..60).map(|row| row / 3 % 2).collect();
        let nested = Split::grouped(&groups).stratified(&classes).folds(4).nested(3).unwrap();
        assert_eq!(nested.len(), 4);
        for fold in &nested {
            assert_eq!((fold.inner.n_rows(), fold.inner.n_folds()), (fold.train.len(), 3));
            for (train, test) in &fold.inner {
                let group_of = |positions: &[usize]| -> BTreeSet<u64> {
                    positions.iter().map(|&position| groups[fold.train[position]]).collect()
                };
                let outer: BTreeSet<u64> = fold.test.iter().map(|&row| groups[row]).collect();
                assert!(group_of(&train).is_disjoint(&group_of(&test)));
                assert!(group_of(&train).is_disjoint(&outer) && group_of(&test).is_disjoint(&outer));
                let ones = test.iter().filter(|&&position| classes[fold.train[position]] == 1).count();
                assert!((6..=9).contains(&ones), "{ones}");
            }
        }
        let split = Split::grouped(&groups);
        assert!(matches!(split.inner(&[0, 60]), Err(StatsError::OutOfRange { value: 60.0, .. })));
        assert!(matches!(split.inner(&[0, 1, 2]), Err(StatsError::FewerGroupsThanFolds { n_groups: 1, .. })));
        assert!(matches!(split.stratified(&[1]).inner(&[0]), Err(StatsError::LengthMismatch { .. })));
        assert!(matches!(split.stratified(&[1]).split(), Err(StatsError::LengthMismatch { .. })));
    }
}
