//! Labels dealt anew by chance.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::error::same_length;
use crate::{PermutationNull, StatsError};

/// Labels under the null that they have nothing to do with their rows: shuffled over all rows, or within strata.
///
/// Shuffle within strata if labels come with something that the rows show anyway, such as the scenario, whose variants
/// have one label each: labels shuffled over all rows would break that too, and any design would look like an effect.
/// For two labels in matched pairs [`permuted_labels`](crate::permuted_labels) does the same.
/// The iterator never ends: take as many as you want permutations.
///
/// # Errors
///
/// [`StatsError::Empty`] without labels, [`StatsError::LengthMismatch`] for the strata, [`StatsError::NoSpread`] if no
/// shuffle can change anything, as all labels of each stratum are equal.
///
/// ```
/// use isinglass_stats::shuffled_labels;
///
/// let (labels, scenario) = ([0, 1, 2, 2, 0, 1], [7, 7, 7, 8, 8, 8]);
/// for shuffled in shuffled_labels(&labels, Some(&scenario), 3)?.take(10) {
///     assert_eq!(shuffled[..3].iter().sum::<usize>(), 3); // each scenario keeps its three labels
/// }
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn shuffled_labels(labels: &[usize], strata: Option<&[u64]>, seed: u64) -> Result<ShuffledLabels, StatsError> {
    if labels.is_empty() {
        return Err(StatsError::Empty { what: "labels" });
    }
    let mut rows_of: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    match strata {
        None => {
            rows_of.insert(0, (0..labels.len()).collect());
        }
        Some(strata) => {
            same_length(("strata", strata.len()), ("labels", labels.len()))?;
            for (row, &stratum) in strata.iter().enumerate() {
                rows_of.entry(stratum).or_default().push(row);
            }
        }
    }
    if rows_of.values().all(|rows| rows.iter().all(|&row| labels[row] == labels[rows[0]])) {
        return Err(StatsError::NoSpread { what: "labels of each stratum", statistic: "a shuffle" });
    }
    let strata = rows_of.into_values().collect();
    Ok(ShuffledLabels { labels: labels.to_vec(), strata, rng: ChaCha8Rng::seed_from_u64(seed) })
}

/// The endless iterator of [`shuffled_labels`].
#[derive(Debug, Clone)]
pub struct ShuffledLabels {
    labels: Vec<usize>,
    strata: Vec<Vec<usize>>,
    rng: ChaCha8Rng,
}

impl Iterator for ShuffledLabels {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let mut shuffled = self.labels.clone();
        for rows in &self.strata {
            let mut hand: Vec<usize> = rows.iter().map(|&row| self.labels[row]).collect();
            hand.shuffle(&mut self.rng);
            for (&row, label) in rows.iter().zip(hand) {
                shuffled[row] = label;
            }
        }
        Some(shuffled)
    }
}

/// What [`shuffled_labels`] does, for the name of a null.
pub(crate) fn how_shuffled(strata: Option<&[u64]>, seed: u64) -> String {
    let within = if strata.is_some() { " within strata" } else { "" };
    format!("labels shuffled{within}, seed {seed}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffles_keep_the_labels_of_each_stratum_and_follow_the_seed() {
        let labels = [0, 1, 1, 5, 5, 5, 2];
        let strata = [3, 3, 3, 3, 9, 9, 9];
        let draw = |strata, seed| shuffled_labels(&labels, strata, seed).unwrap().take(500).collect::<Vec<_>>();
        let sorted = |labels: &[usize]| {
            let mut labels = labels.to_vec();
            labels.sort_unstable();
            labels
        };
        let mut first_is_five = 0;
        for shuffled in draw(Some(&strata[..]), 1) {
            assert_eq!(sorted(&shuffled[..4]), [0, 1, 1, 5]);
            assert_eq!(sorted(&shuffled[4..]), [2, 5, 5]);
            first_is_five += usize::from(shuffled[0] == 5);
        }
        assert!((85..=165).contains(&first_is_five), "{first_is_five}"); // 125 expected, standard deviation 10
        let over_all = draw(None, 1);
        assert!(over_all.iter().any(|shuffled| shuffled[0] == 2));
        assert!(over_all.iter().all(|shuffled| sorted(shuffled) == sorted(&labels)));
        assert_eq!(over_all, draw(None, 1));
        assert_ne!(over_all, draw(None, 2));
    }

    #[test]
    fn what_no_shuffle_changes_is_refused() {
        let check =
            |labels: &[usize], strata: Option<&[u64]>| shuffled_labels(labels, strata, 0).map(|_| ()).unwrap_err();
        assert_eq!(check(&[], None), StatsError::Empty { what: "labels" });
        assert!(matches!(check(&[1, 1], None), StatsError::NoSpread { .. }));
        assert!(matches!(check(&[1, 1, 2], Some(&[4, 4, 5])), StatsError::NoSpread { .. }));
        assert!(matches!(check(&[1, 2], Some(&[4])), StatsError::LengthMismatch { .. }));
    }

    #[test]
    fn roundings_are_ties() {
        let null = null_with_ties(0.5, vec![0.5 - 1e-15, 0.4, 0.6], "test").unwrap();
        assert_eq!(null.at_least(0.5), 2);
    }
}
