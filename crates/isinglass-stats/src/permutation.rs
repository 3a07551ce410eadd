//! What the statistic does by chance alone: permuted labels and the null they give.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::StatsError;
use crate::error::{numbers, same_length};
use crate::summary::{mean_of, quantile_of_sorted};

/// The values a statistic took when chance alone decided: once for each permutation of the labels.
///
/// Give it to [`Estimate::with_permutation`](crate::Estimate::with_permutation) for a p-value, or draw its quantiles
/// as a band.
/// It is a fair null only if the permutation leaves alone what the design fixed: for matched pairs, flip within
/// pairs ([`permuted_labels`]).
#[derive(Debug, Clone, PartialEq)]
pub struct PermutationNull {
    sorted: Vec<f64>,
    how: String,
}

impl PermutationNull {
    /// The null made of `values`, one per permutation; `how` says what was permuted.
    ///
    /// # Errors
    ///
    /// [`StatsError::Empty`] without values, [`StatsError::NotANumber`] if one is NaN.
    pub fn from_values(mut values: Vec<f64>, how: &str) -> Result<Self, StatsError> {
        numbers("permuted values", &values)?;
        values.sort_by(f64::total_cmp);
        Ok(Self { sorted: values, how: how.to_owned() })
    }

    /// The null of the best of many sites: for each permutation, the greatest value over the sites.
    ///
    /// `rows` has one row per site, and entry `j` of every row must come from the same permutation `j`, since sites
    /// share their examples (the same seed of [`permuted_labels`] gives this).
    /// A site whose estimate beats this null at p <= 0.05 is a false find in at most 5 % of studies in which no site
    /// has an effect, however many sites were looked at (Westfall and Young, "Resampling-based multiple testing",
    /// 1993; Nichols and Holmes, 2002).
    /// The other way round it says little: a site that does not beat the best of all may still have an effect.
    ///
    /// # Errors
    ///
    /// [`StatsError::Empty`] without rows or permutations, [`StatsError::LengthMismatch`] if a row is longer or
    /// shorter than the first, [`StatsError::NotANumber`] if a value is NaN.
    ///
    /// ```
    /// use isinglass_stats::PermutationNull;
    ///
    /// let first_site = vec![0.4, 0.7, 0.5];
    /// let second_site = vec![0.6, 0.3, 0.5];
    /// let null = PermutationNull::max_over(&[first_site, second_site], "label flips within pairs")?;
    /// assert_eq!(null.quantile(0.5)?, 0.6); // the maxima are 0.6, 0.7 and 0.5
    /// assert_eq!(null.how(), "label flips within pairs, maximum over 2 sites");
    /// # Ok::<(), isinglass_stats::StatsError>(())
    /// ```
    pub fn max_over(rows: &[Vec<f64>], how: &str) -> Result<Self, StatsError> {
        let Some(first) = rows.first() else {
            return Err(StatsError::Empty { what: "sites" });
        };
        let mut maxima = vec![f64::NEG_INFINITY; first.len()];
        for row in rows {
            same_length(("permuted values", row.len()), ("values of the first site", first.len()))?;
            numbers("permuted values", row)?;
            for (max, &value) in maxima.iter_mut().zip(row) {
                *max = max.max(value);
            }
        }
        Self::from_values(maxima, &format!("{how}, maximum over {} sites", rows.len()))
    }

    /// What was permuted.
    pub fn how(&self) -> &str {
        &self.how
    }

    /// How many permutations there are.
    pub fn n_resamples(&self) -> usize {
        self.sorted.len()
    }

    /// The mean over the permutations: what chance gives.
    pub fn mean(&self) -> f64 {
        mean_of(&self.sorted)
    }

    /// The standard deviation over the permutations, by `n - 1`; 0 of a single one.
    pub fn sd(&self) -> f64 {
        let mean = self.mean();
        let squares: f64 = self.sorted.iter().map(|value| (value - mean).powi(2)).sum();
        (squares / (self.sorted.len() - 1).max(1) as f64).sqrt()
    }

    /// The value below which a share `q` of the permutations lies; see [`quantile`](crate::quantile).
    ///
    /// # Errors
    ///
    /// [`StatsError::QuantileOutOfRange`] unless `0 <= q <= 1`.
    pub fn quantile(&self, q: f64) -> Result<f64, StatsError> {
        if (0.0..=1.0).contains(&q) {
            Ok(quantile_of_sorted(&self.sorted, q))
        } else {
            Err(StatsError::QuantileOutOfRange { q })
        }
    }

    /// How many permutations gave at least `value`.
    pub(crate) fn at_least(&self, value: f64) -> usize {
        self.sorted.len() - self.sorted.partition_point(|&null| null < value)
    }

    /// How many permutations gave at most `value`.
    pub(crate) fn at_most(&self, value: f64) -> usize {
        self.sorted.partition_point(|&null| null <= value)
    }
}

/// A null in which values that differ from the estimate by rounding alone are ties with it.
///
/// A permutation may add up the same terms in another order, and a tie must count against the estimate.
pub(crate) fn null_with_ties(value: f64, mut values: Vec<f64>, how: &str) -> Result<PermutationNull, StatsError> {
    for null in &mut values {
        if (*null - value).abs() <= 1e-12 * value.abs().max(1.0) {
            *null = value;
        }
    }
    PermutationNull::from_values(values, how)
}

/// Labels for matched pairs under the null: each pair keeps its labels or swaps them, with probability 1/2 each.
///
/// Within a pair everything but the label is shared (the scenario, the length, the topic), so under the null the two
/// labels can be swapped; across pairs they cannot.
/// The iterator never ends: take as many as you want permutations.
/// The same seed gives the same label vectors, so call it with one seed for all sites of
/// [`PermutationNull::max_over`].
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::Empty`], or [`StatsError::NotAPair`] with the least group that is
/// not exactly one row of each label.
///
/// ```
/// use isinglass_stats::permuted_labels;
///
/// let labels = [true, false, false, true];
/// for permuted in permuted_labels(&labels, &[7, 7, 9, 9], 3)?.take(10) {
///     assert!(permuted[0] != permuted[1] && permuted[2] != permuted[3]);
/// }
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn permuted_labels(labels: &[bool], groups: &[u64], seed: u64) -> Result<PairFlips, StatsError> {
    same_length(("labels", labels.len()), ("groups", groups.len()))?;
    if labels.is_empty() {
        return Err(StatsError::Empty { what: "labels" });
    }
    let mut rows_of: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (row, &group) in groups.iter().enumerate() {
        rows_of.entry(group).or_default().push(row);
    }
    let mut pairs = Vec::with_capacity(rows_of.len());
    for (group, rows) in rows_of {
        match rows[..] {
            [first, second] if labels[first] != labels[second] => pairs.push([first, second]),
            _ => {
                let n_true = rows.iter().filter(|&&row| labels[row]).count();
                return Err(StatsError::NotAPair { group, n_true, n_false: rows.len() - n_true });
            }
        }
    }
    Ok(PairFlips { labels: labels.to_vec(), pairs, rng: ChaCha8Rng::seed_from_u64(seed) })
}

/// The endless iterator of [`permuted_labels`].
#[derive(Debug, Clone)]
pub struct PairFlips {
    labels: Vec<bool>,
    pairs: Vec<[usize; 2]>,
    rng: ChaCha8Rng,
}

impl Iterator for PairFlips {
    type Item = Vec<bool>;

    fn next(&mut self) -> Option<Vec<bool>> {
        let mut labels = self.labels.clone();
        for &[first, second] in &self.pairs {
            if self.rng.random::<bool>() {
                labels.swap(first, second);
            }
        }
        Some(labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_null_knows_its_mean_quantiles_and_tail() {
        let null = PermutationNull::from_values(vec![0.6, 0.4, 0.5, 0.5], "flips").unwrap();
        assert!((null.mean() - 0.5).abs() < 1e-15);
        assert_eq!(null.quantile(1.0), Ok(0.6));
        // Squared distances from 0.5: 0.01 twice and 0 twice, over 3.
        assert!((null.sd() - (0.02_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!([0.3, 0.4, 0.5, 0.7].map(|value| null.at_most(value)), [0, 1, 3, 4]);
        assert_eq!(null.quantile(-0.1), Err(StatsError::QuantileOutOfRange { q: -0.1 }));
        assert_eq!([0.3, 0.5, 0.55, 0.6, 0.7].map(|value| null.at_least(value)), [4, 3, 1, 1, 0]);
    }

    #[test]
    fn roundings_are_ties() {
        let null = null_with_ties(0.5, vec![0.5 - 1e-15, 0.4, 0.6], "test").unwrap();
        assert_eq!(null.at_least(0.5), 2);
    }

    #[test]
    fn sites_of_unequal_length_or_with_nan_are_refused() {
        assert_eq!(PermutationNull::max_over(&[], "flips"), Err(StatsError::Empty { what: "sites" }));
        assert!(matches!(
            PermutationNull::max_over(&[vec![0.1, 0.2], vec![0.1]], "flips"),
            Err(StatsError::LengthMismatch { got: 1, expected: 2, .. })
        ));
        // `f64::max` would otherwise drop the NaN in silence.
        assert!(matches!(
            PermutationNull::max_over(&[vec![0.1, 0.2], vec![0.1, f64::NAN]], "flips"),
            Err(StatsError::NotANumber { index: 1, .. })
        ));
    }

    #[test]
    fn flips_stay_within_pairs_are_even_and_follow_the_seed() {
        let labels = [true, false, true, false];
        let groups = [5, 2, 2, 5]; // pairs are rows (0, 3) and (1, 2)
        let draw = |seed| permuted_labels(&labels, &groups, seed).unwrap().take(2000).collect::<Vec<_>>();
        let drawn = draw(1);
        let mut seen = BTreeMap::new();
        for labels in &drawn {
            assert!(labels[0] != labels[3] && labels[1] != labels[2]);
            *seen.entry((labels[0], labels[1])).or_insert(0) += 1;
        }
        // Four outcomes of probability 1/4: 500 each, standard deviation 19.
        assert_eq!(seen.len(), 4);
        assert!(seen.values().all(|&count| (400..600).contains(&count)), "{seen:?}");
        assert_eq!(drawn, draw(1));
        assert_ne!(drawn, draw(2));
    }

    #[test]
    fn a_group_that_is_no_pair_is_named() {
        let check = |labels: &[bool], groups: &[u64]| permuted_labels(labels, groups, 0).map(|_| ()).unwrap_err();
        assert_eq!(
            check(&[true, false, true, true], &[1, 1, 8, 8]),
            StatsError::NotAPair { group: 8, n_true: 2, n_false: 0 }
        );
        assert_eq!(check(&[true, false, true], &[1, 1, 1]), StatsError::NotAPair { group: 1, n_true: 2, n_false: 1 });
        assert_eq!(check(&[true], &[3]), StatsError::NotAPair { group: 3, n_true: 1, n_false: 0 });
        assert_eq!(check(&[], &[]), StatsError::Empty { what: "labels" });
        assert!(matches!(check(&[true], &[]), StatsError::LengthMismatch { .. }));
    }
}
