//! Splits that keep a group on one side.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::cluster_validity::compressed;
use crate::error::same_length;
use crate::{Folds, StatsError};

/// How to split rows into folds, with every group whole on one side.
///
/// Rows of one group (the two sides of a pair, the variants of a scenario) resemble each other.
/// A probe that trains on one and is tested on the other is tested on what it has seen, so splitting single rows is
/// not offered.
///
/// A split does not balance the labels unless it is [`stratified`](Self::stratified): if the groups hold one class
/// each, a fold may hold one class only.
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
    pub(crate) groups: &'a [u64],
    pub(crate) classes: Option<&'a [usize]>,
    pub(crate) n_folds: usize,
    pub(crate) seed: u64,
}

impl<'a> Split<'a> {
    /// Five folds over the rows whose groups these are, one group per row.
    pub fn grouped(groups: &'a [u64]) -> Self {
        Self { groups, classes: None, n_folds: 5, seed: 0 }
    }

    /// One fold for each group, in ascending order of group: each is tested by what was trained on all others.
    ///
    /// For what a group names to be new at test time, such as a topic or a generator.
    /// Nothing is left to chance; with small groups a fold's figure is noise, so pool the rows of all folds.
    ///
    /// # Errors
    ///
    /// [`StatsError::Empty`] without rows, [`StatsError::TooFewFolds`] for a single group.
    ///
    /// ```
    /// use isinglass_stats::Split;
    ///
    /// let folds = Split::leave_one_group_out(&[8, 3, 8, 5])?;
    /// let tested: Vec<Vec<usize>> = folds.iter().map(|(_, test)| test).collect();
    /// assert_eq!(tested, [vec![1], vec![3], vec![0, 2]]);
    /// # Ok::<(), isinglass_stats::StatsError>(())
    /// ```
    pub fn leave_one_group_out(groups: &[u64]) -> Result<Folds, StatsError> {
        let rows_of = rows_of_groups(groups)?;
        if rows_of.len() < 2 {
            return Err(StatsError::TooFewFolds { n_folds: rows_of.len() });
        }
        let mut fold_of = vec![0; groups.len()];
        for (fold, rows) in rows_of.iter().enumerate() {
            for &row in rows {
                fold_of[row] = fold;
            }
        }
        Ok(Folds::new(fold_of, rows_of.len()))
    }

    /// Deals the groups so that every fold gets its share of each class, one class per row, as far as whole groups
    /// allow.
    ///
    /// A class that lies in fewer groups than there are folds is missing from some.
    ///
    /// ```
    /// use isinglass_stats::Split;
    ///
    /// let groups: Vec<u64> = (0..12).collect();
    /// let classes = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1];
    /// for (_, test) in &Split::grouped(&groups).stratified(&classes).folds(4).split()? {
    ///     assert_eq!(test.iter().filter(|&&row| classes[row] == 1).count(), 1); // one of four in each fold
    /// }
    /// # Ok::<(), isinglass_stats::StatsError>(())
    /// ```
    #[must_use]
    pub fn stratified(mut self, classes: &'a [usize]) -> Self {
        self.classes = Some(classes);
        self
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
    /// If stratified, the group with the largest shares of the classes comes first, and goes to the fold that has least
    /// of those classes: the choice after which the squared shares, summed over folds and classes, are least.
    /// The same groups and seed give the same folds.
    ///
    /// # Errors
    ///
    /// [`StatsError::Empty`] without rows, [`StatsError::TooFewFolds`] below 2 folds,
    /// [`StatsError::FewerGroupsThanFolds`] if a fold would stay empty, [`StatsError::LengthMismatch`] for the classes.
    pub fn split(self) -> Result<Folds, StatsError> {
        let Self { groups, classes, n_folds, seed } = self;
        let mut hand = rows_of_groups(groups)?;
        if n_folds < 2 {
            return Err(StatsError::TooFewFolds { n_folds });
        }
        if hand.len() < n_folds {
            return Err(StatsError::FewerGroupsThanFolds { n_groups: hand.len(), n_folds });
        }
        // Without classes all rows are of one, which evens out the rows of folds.
        let (classes, n_classes) = match classes {
            None => (vec![0; groups.len()], 1),
            Some(classes) => {
                same_length(("classes", classes.len()), ("groups", groups.len()))?;
                compressed(classes)
            }
        };
        let count = |rows: &[usize]| {
            let mut counts = vec![0.0; n_classes];
            for &row in rows {
                counts[classes[row]] += 1.0;
            }
            counts
        };
        // Products of counts are exact, so that folds which hold the same tie.
        let of_class = count(&(0..groups.len()).collect::<Vec<_>>());
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).zip(&of_class).map(|((a, b), n)| a * b / (n * n)).sum::<f64>();

        hand.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let mut hand: Vec<(Vec<f64>, Vec<usize>)> = hand.into_iter().map(|rows| (count(&rows), rows)).collect();
        // Stable, so that groups of one size stay shuffled.
        hand.sort_by(|(a, _), (b, _)| dot(b, b).total_cmp(&dot(a, a)));

        let mut held = vec![vec![0.0; n_classes]; n_folds];
        let mut sizes = vec![0; n_folds];
        let mut fold_of = vec![0; groups.len()];
        for (counts, rows) in hand {
            // (held + counts)² grows by 2 held · counts and by what is the same for all folds.
            // An empty fold has the least growth and the fewest rows, so none stays empty.
            let grows = |fold: usize| dot(&held[fold], &counts);
            let by_growth = |a: &usize, b: &usize| grows(*a).total_cmp(&grows(*b)).then(sizes[*a].cmp(&sizes[*b]));
            let fold = (0..n_folds).min_by(by_growth).unwrap_or_default();
            sizes[fold] += rows.len();
            held[fold].iter_mut().zip(&counts).for_each(|(held, count)| *held += count);
            for row in rows {
                fold_of[row] = fold;
            }
        }
        Ok(Folds::new(fold_of, n_folds))
    }
}

/// The rows of each group, in ascending order of group.
fn rows_of_groups(groups: &[u64]) -> Result<Vec<Vec<usize>>, StatsError> {
    if groups.is_empty() {
        return Err(StatsError::Empty { what: "groups" });
    }
    let mut rows_of: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (row, &group) in groups.iter().enumerate() {
        rows_of.entry(group).or_default().push(row);
    }
    Ok(rows_of.into_values().collect())
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
        let (_, test) = check(&groups, 5, 1).iter().next().unwrap();
        assert_ne!(test, vec![0, 5, 10, 15, 20, 25, 30, 35]);
    }

    #[test]
    fn an_impossible_split_is_refused() {
        let check = |groups: &[u64], n_folds| Split::grouped(groups).folds(n_folds).split().unwrap_err();
        assert_eq!(check(&[], 2), StatsError::Empty { what: "groups" });
        assert_eq!(check(&[1, 2, 3], 1), StatsError::TooFewFolds { n_folds: 1 });
        assert_eq!(check(&[1, 1, 2, 2, 2], 3), StatsError::FewerGroupsThanFolds { n_groups: 2, n_folds: 3 });
    }

    #[test]
    fn classes_are_dealt_as_evenly_as_groups_allow() {
        for seed in 0..30 {
            // Groups of 1 to 3 rows of one class each; the classes have 30, 20 and 10 rows.
            let (mut groups, mut classes) = (Vec::new(), Vec::new());
            for (class, n) in [(4, 30), (0, 20), (9, 10)] {
                for row in 0..n {
                    groups.push((class * 100 + row / (1 + seed as usize % 3)) as u64);
                    classes.push(class);
                }
            }
            let folds = Split::grouped(&groups).stratified(&classes).folds(5).seed(seed).split().unwrap();
            let plain = Split::grouped(&groups).folds(5).seed(seed).split().unwrap();
            let largest = 1 + seed as usize % 3;
            let spread_of = |folds: &Folds, class: usize| {
                let counts: Vec<usize> =
                    folds.iter().map(|(_, test)| test.iter().filter(|&&row| classes[row] == class).count()).collect();
                counts.iter().max().unwrap() - counts.iter().min().unwrap()
            };
            assert!([4, 0, 9].iter().all(|&class| spread_of(&folds, class) <= largest), "seed {seed}");
            assert_ne!(folds, plain);
            for (train, test) in &folds {
                assert!(!test.is_empty() && test.iter().all(|&t| train.iter().all(|&row| groups[row] != groups[t])));
            }
        }
        // Mixed groups: pairs of both classes, and single rows that must fill up where the pairs leave room.
        let groups: Vec<u64> = (0..20).map(|row| if row < 12 { row / 2 } else { row }).collect();
        let classes: Vec<usize> = (0..20).map(|row| usize::from(row < 12 && row % 2 == 0)).collect();
        let folds = Split::grouped(&groups).stratified(&classes).folds(2).split().unwrap();
        assert!(folds.iter().all(|(_, test)| test.iter().filter(|&&row| classes[row] == 1).count() == 3));
        assert!(folds.iter().all(|(_, test)| test.len() == 10));
    }

    #[test]
    fn a_single_group_cannot_be_left_out() {
        assert_eq!(Split::leave_one_group_out(&[]), Err(StatsError::Empty { what: "groups" }));
        assert_eq!(Split::leave_one_group_out(&[5, 5]), Err(StatsError::TooFewFolds { n_folds: 1 }));
    }
}
