//! Splits that keep a group on one side.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::StatsError;

/// How to split rows into folds, with every group whole on one side.
///
/// Rows of one group (the two sides of a pair, the variants of a scenario) resemble each other.
/// A probe that trains on one and is tested on the other is tested on what it has seen, so splitting single rows is
/// not offered.
///
/// A split does not balance the labels: if the groups hold one class each, a fold may hold one class only.
/// It guards against what the groups name and nothing else: near-duplicates in different groups still leak.
///
/// ```
/// use isinglass_stats::Split;
///
/// let scenario = [1, 1, 2, 2, 3, 3, 4, 4];
/// let folds = Split::grouped(&scenario).folds(4).seed(7).split()?;
/// for (train, test) in &folds {
///     assert_eq!((train.len(), test.len()), (6, 2));
///     assert_eq!(scenario[test[0]], scenario[test[1]]); // a scenario is whole
/// }
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split<'a> {
    groups: &'a [u64],
    n_folds: usize,
    seed: u64,
}

impl<'a> Split<'a> {
    /// Five folds over the rows whose groups these are, one group per row.
    pub fn grouped(groups: &'a [u64]) -> Self {
        Self { groups, n_folds: 5, seed: 0 }
    }

    /// Into how many folds; at least 2, and 5 unless set.
    #[must_use]
    pub fn folds(mut self, n_folds: usize) -> Self {
        self.n_folds = n_folds;
        self
    }

    /// The seed of the shuffle; 0 unless set.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Shuffles the groups and deals them out, the largest first, each to the fold with the fewest rows so far.
    ///
    /// Folds then differ by at most one largest group.
    /// The same groups and seed give the same folds.
    ///
    /// # Errors
    ///
    /// [`StatsError::Empty`] without rows, [`StatsError::TooFewFolds`] below 2 folds,
    /// [`StatsError::FewerGroupsThanFolds`] if a fold would stay empty.
    pub fn split(self) -> Result<Folds, StatsError> {
        let Self { groups, n_folds, seed } = self;
        if groups.is_empty() {
            return Err(StatsError::Empty { what: "groups" });
        }
        if n_folds < 2 {
            return Err(StatsError::TooFewFolds { n_folds });
        }
        let mut rows_of: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (row, &group) in groups.iter().enumerate() {
            rows_of.entry(group).or_default().push(row);
        }
        if rows_of.len() < n_folds {
            return Err(StatsError::FewerGroupsThanFolds { n_groups: rows_of.len(), n_folds });
        }

        let mut hand: Vec<Vec<usize>> = rows_of.into_values().collect();
        hand.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        // Stable, so that groups of one size stay shuffled.
        hand.sort_by_key(|rows| std::cmp::Reverse(rows.len()));

        let mut sizes = vec![0; n_folds];
        let mut fold_of = vec![0; groups.len()];
        for rows in hand {
            let smallest = (0..n_folds).min_by_key(|&fold| sizes[fold]).unwrap_or_default();
            sizes[smallest] += rows.len();
            for row in rows {
                fold_of[row] = smallest;
            }
        }
        Ok(Folds { fold_of, n_folds })
    }
}

/// Rows dealt into folds: each fold is tested once, by what was trained on the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folds {
    fold_of: Vec<usize>,
    n_folds: usize,
}

impl Folds {
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
    /// Every row is tested exactly once, and never in a fold that trains on its group.
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
    use std::collections::BTreeSet;

    use super::*;

    fn check(groups: &[u64], n_folds: usize, seed: u64) -> Folds {
        let folds = Split::grouped(groups).folds(n_folds).seed(seed).split().unwrap();
        assert_eq!((folds.n_folds(), folds.n_rows()), (n_folds, groups.len()));
        let mut tested = Vec::new();
        let mut sizes = Vec::new();
        for (train, test) in &folds {
            let side = |rows: &[usize]| rows.iter().map(|&row| groups[row]).collect::<BTreeSet<_>>();
            assert!(side(&train).is_disjoint(&side(&test)), "a group is on both sides");
            assert_eq!(train.len() + test.len(), groups.len());
            assert!(!test.is_empty());
            sizes.push(test.len());
            tested.extend(test);
        }
        tested.sort_unstable();
        assert_eq!(tested, (0..groups.len()).collect::<Vec<_>>(), "each row is tested exactly once");
        let largest = side_sizes(groups).into_values().max().unwrap();
        let spread = sizes.iter().max().unwrap() - sizes.iter().min().unwrap();
        assert!(spread <= largest, "folds of {sizes:?} rows");
        folds
    }

    fn side_sizes(groups: &[u64]) -> BTreeMap<u64, usize> {
        groups.iter().fold(BTreeMap::new(), |mut sizes, &group| {
            *sizes.entry(group).or_insert(0) += 1;
            sizes
        })
    }

    #[test]
    fn groups_stay_whole_and_folds_are_even() {
        for seed in 0..50 {
            let pairs: Vec<u64> = (0..80).map(|row| row / 2).collect();
            let folds = check(&pairs, 5, seed);
            assert!(folds.iter().all(|(_, test)| test.len() == 16));
            // Groups of 1 to 12 rows, interleaved.
            let uneven: Vec<u64> =
                (0..78_u64).map(|row| (0..12).find(|k| row < (k + 1) * (k + 2) / 2).unwrap_or(0)).collect();
            check(&uneven, 4, seed);
            check(&[3, 1, 2, 1, 3, 3], 3, seed);
        }
    }

    #[test]
    fn the_seed_decides_and_decides_alone() {
        let groups: Vec<u64> = (0..40).collect();
        assert_eq!(check(&groups, 5, 1), check(&groups, 5, 1));
        assert_ne!(check(&groups, 5, 1), check(&groups, 5, 2));
        // Shuffled, not dealt in the order given.
        let (_, test) = check(&groups, 5, 1).sides(0);
        assert_ne!(test, vec![0, 5, 10, 15, 20, 25, 30, 35]);
    }

    #[test]
    fn an_impossible_split_is_refused() {
        let check = |groups: &[u64], n_folds| Split::grouped(groups).folds(n_folds).split().unwrap_err();
        assert_eq!(check(&[], 2), StatsError::Empty { what: "groups" });
        assert_eq!(check(&[1, 2, 3], 1), StatsError::TooFewFolds { n_folds: 1 });
        assert_eq!(check(&[1, 1, 2, 2, 2], 3), StatsError::FewerGroupsThanFolds { n_groups: 2, n_folds: 3 });
    }
}
