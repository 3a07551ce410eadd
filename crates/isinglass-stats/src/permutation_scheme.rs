//! Which labels may change places.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::StatsError;
use crate::error::same_length;

/// What a permutation of class labels leaves alone: what the design fixed, or what rows share that has nothing to do
/// with their label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme<'a> {
    /// Nothing: any label may go to any row. For rows drawn independently.
    Free,
    /// How many rows of each class a stratum has: labels are shuffled within strata (a topic, a length bin, a session).
    /// A stratum may have one class only; its labels then stay.
    Stratified(&'a [u64]),
    /// Matched groups: labels are shuffled among the rows of a group (a pair, a triplet of one scenario), each of which
    /// has rows of several classes.
    WithinGroups(&'a [u64]),
    /// Groups that carry one label each (a conversation under one condition): the labels of whole groups are exchanged.
    /// Groups may differ in size; how many groups have each class stays, how many rows may not.
    WholeGroups(&'a [u64]),
}

impl Scheme<'_> {
    /// What it does, for the name of a null.
    pub(crate) fn how(self, seed: u64) -> String {
        let shuffled = match self {
            Self::Free => "labels shuffled",
            Self::Stratified(_) => "labels shuffled within strata",
            Self::WithinGroups(_) => "labels shuffled within groups",
            Self::WholeGroups(_) => "labels of whole groups shuffled",
        };
        format!("{shuffled}, seed {seed}")
    }
}

/// Labels of any number of classes under the null, permuted as the design allows; see [`Scheme`].
///
/// The iterator never ends: take as many as you want permutations.
/// The same seed gives the same label vectors, so call it with one seed for all sites of
/// [`PermutationNull::max_over`](crate::PermutationNull::max_over).
/// A scheme that permutes more than the design allows gives p-values that are too small: rows of one group that are
/// shuffled freely count as independent.
///
/// # Errors
///
/// [`StatsError::Empty`], [`StatsError::LengthMismatch`], [`StatsError::UnmatchedGroup`] with the least group of
/// [`Scheme::WithinGroups`] that has one class only, [`StatsError::MixedGroup`] with the least of
/// [`Scheme::WholeGroups`] that has several, and [`StatsError::NoSpread`] if no permutation would change a label.
///
/// ```
/// use isinglass_stats::{Scheme, permuted_classes};
///
/// let labels = [0, 1, 2, 1, 2, 0];
/// for permuted in permuted_classes(&labels, Scheme::WithinGroups(&[7, 7, 7, 9, 9, 9]), 3)?.take(10) {
///     assert_eq!(permuted[..3].iter().sum::<usize>(), 3); // each triplet keeps its 0, 1 and 2
/// }
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn permuted_classes(labels: &[usize], scheme: Scheme<'_>, seed: u64) -> Result<PermutedClasses, StatsError> {
    if labels.is_empty() {
        return Err(StatsError::Empty { what: "labels" });
    }
    let rows_of = |what, blocks: &[u64]| -> Result<BTreeMap<u64, Vec<usize>>, StatsError> {
        same_length((what, blocks.len()), ("labels", labels.len()))?;
        let mut rows_of: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (row, &block) in blocks.iter().enumerate() {
            rows_of.entry(block).or_default().push(row);
        }
        Ok(rows_of)
    };
    let one_class = |rows: &[usize]| rows.iter().all(|&row| labels[row] == labels[rows[0]]);
    // Within a block, the labels of units are shuffled; a unit is rows that go together.
    let each_row = |rows: Vec<usize>| -> Vec<Vec<usize>> { rows.into_iter().map(|row| vec![row]).collect() };
    let blocks: Vec<Vec<Vec<usize>>> = match scheme {
        Scheme::Free => vec![each_row((0..labels.len()).collect())],
        Scheme::Stratified(strata) => rows_of("strata", strata)?.into_values().map(each_row).collect(),
        Scheme::WithinGroups(groups) => {
            let rows_of = rows_of("groups", groups)?;
            if let Some((&group, _)) = rows_of.iter().find(|(_, rows)| one_class(rows)) {
                return Err(StatsError::UnmatchedGroup { group });
            }
            rows_of.into_values().map(each_row).collect()
        }
        Scheme::WholeGroups(groups) => {
            let rows_of = rows_of("groups", groups)?;
            if let Some((&group, _)) = rows_of.iter().find(|(_, rows)| !one_class(rows)) {
                return Err(StatsError::MixedGroup { group });
            }
            vec![rows_of.into_values().collect()]
        }
    };
    let changes = |block: &Vec<Vec<usize>>| block.iter().any(|unit| labels[unit[0]] != labels[block[0][0]]);
    if !blocks.iter().any(changes) {
        return Err(StatsError::NoSpread { what: "labels that may change places", statistic: "a permutation" });
    }
    Ok(PermutedClasses { labels: labels.to_vec(), blocks, rng: ChaCha8Rng::seed_from_u64(seed) })
}

/// The endless iterator of [`permuted_classes`].
#[derive(Debug, Clone)]
pub struct PermutedClasses {
    labels: Vec<usize>,
    blocks: Vec<Vec<Vec<usize>>>,
    rng: ChaCha8Rng,
}

impl Iterator for PermutedClasses {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let mut permuted = self.labels.clone();
        for block in &self.blocks {
            let mut shuffled: Vec<usize> = block.iter().map(|unit| self.labels[unit[0]]).collect();
            shuffled.shuffle(&mut self.rng);
            for (unit, label) in block.iter().zip(shuffled) {
                for &row in unit {
                    permuted[row] = label;
                }
            }
        }
        Some(permuted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often each label vector came up in 6000 permutations.
    fn counts(labels: &[usize], scheme: Scheme<'_>) -> BTreeMap<Vec<usize>, usize> {
        let draw = |seed| permuted_classes(labels, scheme, seed).unwrap().take(6000).collect::<Vec<_>>();
        let drawn = draw(1);
        assert_eq!(drawn, draw(1));
        assert_ne!(drawn, draw(2));
        drawn.into_iter().fold(BTreeMap::new(), |mut counts, labels| {
            *counts.entry(labels).or_insert(0) += 1;
            counts
        })
    }

    /// As many outcomes as expected, each as often as the others.
    fn check(labels: &[usize], scheme: Scheme<'_>, outcomes: usize) {
        let counts = counts(labels, scheme);
        assert_eq!(counts.len(), outcomes, "{scheme:?}");
        let mean = 6000.0 / outcomes as f64;
        assert!(counts.values().all(|&count| (count as f64 - mean).abs() < 5.0 * mean.sqrt()), "{counts:?}");
    }

    #[test]
    fn every_allowed_order_is_as_likely() {
        check(&[0, 1, 2], Scheme::Free, 6);
        check(&[0, 1, 1, 2], Scheme::Free, 12);
        check(&[0, 1, 5, 0, 1, 5], Scheme::WithinGroups(&[4, 4, 4, 9, 9, 9]), 36);
        check(&[0, 1, 1, 2, 2], Scheme::Stratified(&[1, 1, 2, 2, 3]), 4);
        check(&[3, 3, 0, 3, 1, 1], Scheme::WholeGroups(&[8, 8, 6, 8, 7, 7]), 6);
    }

    #[test]
    fn what_was_fixed_stays() {
        let (labels, groups) = ([3, 3, 0, 3, 1, 1], [8, 8, 6, 8, 7, 7]);
        for permuted in counts(&labels, Scheme::WholeGroups(&groups)).keys() {
            assert!(permuted[0] == permuted[1] && permuted[0] == permuted[3] && permuted[4] == permuted[5]);
        }
        let (labels, strata) = ([0, 1, 1, 2, 2], [1, 1, 2, 2, 3]);
        for permuted in counts(&labels, Scheme::Stratified(&strata)).keys() {
            assert_eq!((permuted[0] + permuted[1], permuted[2] + permuted[3], permuted[4]), (1, 3, 2));
        }
    }

    #[test]
    fn designs_that_do_not_fit_are_refused() {
        let check = |labels: &[usize], scheme| permuted_classes(labels, scheme, 0).map(|_| ()).unwrap_err();
        assert_eq!(check(&[], Scheme::Free), StatsError::Empty { what: "labels" });
        assert!(matches!(check(&[1, 1], Scheme::Free), StatsError::NoSpread { .. }));
        assert!(matches!(check(&[0, 1], Scheme::Stratified(&[0, 1])), StatsError::NoSpread { .. }));
        assert!(matches!(check(&[0, 0], Scheme::WholeGroups(&[0, 1])), StatsError::NoSpread { .. }));
        assert!(matches!(check(&[0, 1], Scheme::Stratified(&[0])), StatsError::LengthMismatch { what: "strata", .. }));
        assert_eq!(check(&[0, 1, 2, 2], Scheme::WithinGroups(&[1, 1, 5, 5])), StatsError::UnmatchedGroup { group: 5 });
        assert_eq!(check(&[0, 1, 2, 2], Scheme::WholeGroups(&[1, 1, 5, 5])), StatsError::MixedGroup { group: 1 });
    }
}
