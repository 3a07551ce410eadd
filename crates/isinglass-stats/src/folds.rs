//! Rows dealt into folds.

use crate::StatsError;

/// Rows dealt into folds: each fold is tested once, by what was trained on the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folds {
    fold_of: Vec<usize>,
    n_folds: usize,
}

impl Folds {
    /// Fold by row; every fold from 0 below `n_folds` must occur.
    pub(crate) fn new(fold_of: Vec<usize>, n_folds: usize) -> Self {
        Self { fold_of, n_folds }
    }

    /// Folds that were dealt elsewhere, from the rows that each tests.
    ///
    /// Whether groups are whole cannot be seen from here: prefer [`Split`](crate::Split).
    ///
    /// # Errors
    ///
    /// [`StatsError::TooFewFolds`] below 2, [`StatsError::Empty`] for a fold without rows, [`StatsError::OutOfRange`]
    /// for a row of `n_rows` or above, [`StatsError::NotAPartition`] with the first row that is not tested exactly
    /// once.
    ///
    /// ```
    /// use isinglass_stats::Folds;
    ///
    /// let folds = Folds::from_test(&[vec![0, 3], vec![2, 1]], 4)?;
    /// assert_eq!(folds.iter().next(), Some((vec![1, 2], vec![0, 3])));
    /// # Ok::<(), isinglass_stats::StatsError>(())
    /// ```
    pub fn from_test(test_folds: &[Vec<usize>], n_rows: usize) -> Result<Self, StatsError> {
        if test_folds.len() < 2 {
            return Err(StatsError::TooFewFolds { n_folds: test_folds.len() });
        }
        let (mut fold_of, mut times) = (vec![0; n_rows], vec![0_usize; n_rows]);
        for (fold, rows) in test_folds.iter().enumerate() {
            if rows.is_empty() {
                return Err(StatsError::Empty { what: "test fold" });
            }
            for &row in rows {
                if row >= n_rows {
                    let range = "less than the number of rows";
                    return Err(StatsError::OutOfRange { what: "test row", value: row as f64, range });
                }
                fold_of[row] = fold;
                times[row] += 1;
            }
        }
        match times.iter().position(|&times| times != 1) {
            Some(row) => Err(StatsError::NotAPartition { row, times: times[row] }),
            None => Ok(Self { fold_of, n_folds: test_folds.len() }),
        }
    }

    /// How many folds there are.
    pub fn n_folds(&self) -> usize {
        self.n_folds
    }

    /// How many rows were dealt.
    pub fn n_rows(&self) -> usize {
        self.fold_of.len()
    }

    /// The rows to train on and the rows to test on, fold by fold, each ascending.
    ///
    /// Every row is tested exactly once, and, if a [`Split`](crate::Split) dealt them, never in a fold that trains on
    /// its group.
    pub fn iter(&self) -> impl Iterator<Item = (Vec<usize>, Vec<usize>)> {
        (0..self.n_folds).map(|fold| self.sides(fold))
    }

    fn sides(&self, fold: usize) -> (Vec<usize>, Vec<usize>) {
        (0..self.fold_of.len()).partition(|&row| self.fold_of[row] != fold)
    }
}

impl<'a> IntoIterator for &'a Folds {
    type Item = (Vec<usize>, Vec<usize>);
    type IntoIter = Box<dyn Iterator<Item = Self::Item> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Split;

    #[test]
    fn given_folds_must_test_each_row_once() {
        let check = |folds: &[&[usize]], n_rows| {
            Folds::from_test(&folds.iter().map(|rows| rows.to_vec()).collect::<Vec<_>>(), n_rows).unwrap_err()
        };
        assert_eq!(check(&[&[0, 1]], 2), StatsError::TooFewFolds { n_folds: 1 });
        assert_eq!(check(&[&[0], &[]], 1), StatsError::Empty { what: "test fold" });
        assert!(matches!(check(&[&[0], &[2]], 2), StatsError::OutOfRange { value: 2.0, .. }));
        assert_eq!(check(&[&[0], &[2]], 3), StatsError::NotAPartition { row: 1, times: 0 });
        assert_eq!(check(&[&[0, 1], &[1, 2]], 3), StatsError::NotAPartition { row: 1, times: 2 });
        let groups: Vec<u64> = (0..20).collect();
        let dealt = Split::grouped(&groups).split().unwrap();
        let tests: Vec<Vec<usize>> = dealt.iter().map(|(_, test)| test).collect();
        assert_eq!(Folds::from_test(&tests, 20), Ok(dealt));
    }
}
