//! How far clusters and labels say the same.

use crate::cluster_validity::compressed;
use crate::error::same_length;
use crate::permutation::null_with_ties;
use crate::{Estimate, Scheme, StatsError, permuted_classes};

/// A figure of agreement between the labels of rows and their clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Agreement {
    /// [`adjusted_rand`]
    AdjustedRand,
    /// [`purity`]
    Purity,
    /// [`nmi`]
    Nmi,
}

/// The share of rows that carry the commonest label of their cluster, above 0 and at most 1.
///
/// `Σ over clusters of max over labels of n_ij / n` (Zhao and Karypis 2001).
/// It rises with the number of clusters, to 1 if each row is its own, and is never below the share of the commonest
/// label: a purity says nothing without its null ([`agreement_permuted`]).
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::Empty`].
///
/// ```
/// assert_eq!(isinglass_stats::purity(&[0, 0, 1, 1], &[5, 5, 5, 9])?, 0.75); // two of three, one of one
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn purity(labels: &[usize], clusters: &[usize]) -> Result<f64, StatsError> {
    Ok(Table::new(labels, clusters)?.purity())
}

/// The adjusted Rand index: agreement over all pairs of rows, 0 for chance and 1 for the same partition.
///
/// `(Σ C(n_ij, 2) - E) / ((Σ C(a_i, 2) + Σ C(b_j, 2)) / 2 - E)` with `E = Σ C(a_i, 2) Σ C(b_j, 2) / C(n, 2)`, what
/// chance gives with the same sizes (Hubert and Arabie 1985); 1 if both put all rows together or all apart.
/// It is symmetric, and may be negative.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::Empty`].
///
/// ```
/// let value = isinglass_stats::adjusted_rand(&[0, 0, 1, 1], &[5, 5, 5, 9])?;
/// assert_eq!(value, 0.0); // one pair of six together in both, and 2 · 3 / 6 expected
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn adjusted_rand(labels: &[usize], clusters: &[usize]) -> Result<f64, StatsError> {
    Ok(Table::new(labels, clusters)?.adjusted_rand())
}

/// The mutual information of labels and clusters over the mean of their entropies, from 0 to 1.
///
/// `2 I / (H(labels) + H(clusters))`, normalised by the arithmetic mean (Strehl and Ghosh 2002; Vinh, Epps and Bailey
/// 2010); 1 if neither has more than one value.
/// Not adjusted for chance: with many small clusters it is well above 0 for random labels.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::Empty`].
///
/// ```
/// assert_eq!(isinglass_stats::nmi(&[0, 0, 1, 1], &[7, 7, 3, 3])?, 1.0);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn nmi(labels: &[usize], clusters: &[usize]) -> Result<f64, StatsError> {
    Ok(Table::new(labels, clusters)?.nmi())
}

/// Homogeneity, completeness and their harmonic mean; made by [`v_measure`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct VMeasure {
    /// `I / H(labels)`: 1 if each cluster holds one label only, and if there is one label only.
    pub homogeneity: f64,
    /// `I / H(clusters)`: 1 if each label lies in one cluster only, and if there is one cluster only.
    pub completeness: f64,
    /// Their harmonic mean, which equals [`nmi`].
    pub v: f64,
}

/// Whether clusters hold one label each, and labels lie in one cluster each (Rosenberg and Hirschberg 2007).
///
/// Not adjusted for chance, as [`nmi`].
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::Empty`].
///
/// ```
/// let split = isinglass_stats::v_measure(&[0, 0, 1, 1], &[0, 1, 2, 2])?;
/// assert_eq!(split.homogeneity, 1.0); // no cluster is mixed
/// assert!((split.completeness - 2.0 / 3.0).abs() < 1e-12); // ln 2 of 3/2 ln 2
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn v_measure(labels: &[usize], clusters: &[usize]) -> Result<VMeasure, StatsError> {
    Ok(Table::new(labels, clusters)?.v_measure())
}

/// The agreement of labels and clusters, with the p-value of labels shuffled as the design allows ([`Scheme`]).
///
/// The clusters are kept as they are: they must have been found without the labels.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], those of [`permuted_classes`], [`StatsError::Empty`] without permutations.
///
/// ```
/// use isinglass_stats::{Agreement, Scheme, agreement_permuted};
///
/// let labels: Vec<usize> = (0..30).map(|i| i % 3).collect();
/// let clusters: Vec<usize> = (0..30).map(|i| if i < 3 { 0 } else { i % 3 }).collect();
/// let estimate = agreement_permuted(&labels, &clusters, Agreement::Purity, Scheme::Free, 99, 1)?;
/// assert_eq!(estimate.to_string(), "0.933 (n = 30, p = 0.010)");
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn agreement_permuted(
    labels: &[usize],
    clusters: &[usize],
    measure: Agreement,
    scheme: Scheme<'_>,
    permutations: usize,
    seed: u64,
) -> Result<Estimate, StatsError> {
    let of = |labels: &[usize]| -> Result<f64, StatsError> {
        let table = Table::new(labels, clusters)?;
        Ok(match measure {
            Agreement::AdjustedRand => table.adjusted_rand(),
            Agreement::Purity => table.purity(),
            Agreement::Nmi => table.nmi(),
        })
    };
    let value = of(labels)?;
    let shuffled = permuted_classes(labels, scheme, seed)?.take(permutations);
    let null = null_with_ties(value, shuffled.map(|labels| of(&labels)).collect::<Result<_, _>>()?, &scheme.how(seed))?;
    let method = match measure {
        Agreement::AdjustedRand => "adjusted Rand index",
        Agreement::Purity => "purity",
        Agreement::Nmi => "normalised mutual information",
    };
    Ok(Estimate::new(value, None, labels.len(), method).with_permutation(&null))
}

/// How many rows have each label in each cluster.
struct Table {
    /// One row for each label.
    counts: Vec<Vec<u64>>,
    of_label: Vec<u64>,
    of_cluster: Vec<u64>,
    n: u64,
}

impl Table {
    fn new(labels: &[usize], clusters: &[usize]) -> Result<Self, StatsError> {
        same_length(("clusters", clusters.len()), ("labels", labels.len()))?;
        if labels.is_empty() {
            return Err(StatsError::Empty { what: "labels" });
        }
        let ((labels, n_labels), (clusters, n_clusters)) = (compressed(labels), compressed(clusters));
        let mut counts = vec![vec![0; n_clusters]; n_labels];
        for (&label, &cluster) in labels.iter().zip(&clusters) {
            counts[label][cluster] += 1;
        }
        let of_label = counts.iter().map(|row| row.iter().sum()).collect();
        let of_cluster = (0..n_clusters).map(|cluster| counts.iter().map(|row| row[cluster]).sum()).collect();
        Ok(Self { counts, of_label, of_cluster, n: labels.len() as u64 })
    }

    fn purity(&self) -> f64 {
        let most = |cluster: usize| self.counts.iter().map(|row| row[cluster]).max().unwrap_or(0);
        (0..self.of_cluster.len()).map(most).sum::<u64>() as f64 / self.n as f64
    }

    fn adjusted_rand(&self) -> f64 {
        let pairs = |counts: &[u64]| counts.iter().map(|&n| n * (n - n.min(1)) / 2).sum::<u64>();
        let (labels, clusters) = (pairs(&self.of_label), pairs(&self.of_cluster));
        let both: u64 = self.counts.iter().map(|row| pairs(row)).sum();
        if both == labels && both == clusters {
            return 1.0;
        }
        let expected = labels as f64 * clusters as f64 / pairs(&[self.n]) as f64;
        (both as f64 - expected) / (f64::midpoint(labels as f64, clusters as f64) - expected)
    }

    fn nmi(&self) -> f64 {
        let total = self.entropy(&self.of_label) + self.entropy(&self.of_cluster);
        if total > 0.0 { 2.0 * self.information() / total } else { 1.0 }
    }

    fn v_measure(&self) -> VMeasure {
        let share = |entropy: f64| if entropy > 0.0 { self.information() / entropy } else { 1.0 };
        let (homogeneity, completeness) = (share(self.entropy(&self.of_label)), share(self.entropy(&self.of_cluster)));
        let sum = homogeneity + completeness;
        let v = if sum > 0.0 { 2.0 * homogeneity * completeness / sum } else { 0.0 };
        VMeasure { homogeneity, completeness, v }
    }

    /// In nats.
    fn information(&self) -> f64 {
        let n = self.n as f64;
        let mut sum = 0.0;
        for (row, &a) in self.counts.iter().zip(&self.of_label) {
            for (&both, &b) in row.iter().zip(&self.of_cluster).filter(|(both, _)| **both > 0) {
                sum += both as f64 / n * (both as f64 * n / (a as f64 * b as f64)).ln();
            }
        }
        // A rounding may bring it below 0.
        sum.max(0.0)
    }

    /// In nats; exactly 0 for a single value.
    fn entropy(&self, counts: &[u64]) -> f64 {
        let n = self.n as f64;
        counts.iter().map(|&count| count as f64 / n * (n / count as f64).ln()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(labels: &[usize], clusters: &[usize], expected: [f64; 6]) {
        let split = v_measure(labels, clusters).unwrap();
        let got = [
            purity(labels, clusters).unwrap(),
            adjusted_rand(labels, clusters).unwrap(),
            nmi(labels, clusters).unwrap(),
            split.homogeneity,
            split.completeness,
            split.v,
        ];
        assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{got:?}");
    }

    #[test]
    fn agreement_by_hand() {
        check(&[0, 0, 1, 1], &[9, 9, 2, 2], [1.0; 6]);
        // Independent: every label in every cluster once; pairs together in both 0, 2 · 2 / 6 expected of 2.
        check(&[0, 0, 1, 1], &[0, 1, 0, 1], [0.5, (0.0 - 2.0 / 3.0) / (2.0 - 2.0 / 3.0), 0.0, 0.0, 0.0, 0.0]);
        // Labels of 2 and 2, clusters of 1, 1 and 2: information ln 2 of entropies ln 2 and 3/2 ln 2.
        let rand = (1.0 - 2.0 / 6.0) / (1.5 - 2.0 / 6.0);
        check(&[0, 0, 1, 1], &[0, 1, 2, 2], [1.0, rand, 0.8, 1.0, 2.0 / 3.0, 0.8]);
        // One cluster: nothing known, nothing torn apart.
        check(&[0, 0, 1, 1], &[3, 3, 3, 3], [0.5, 0.0, 0.0, 0.0, 1.0, 0.0]);
        check(&[4, 4], &[3, 3], [1.0; 6]);
        check(&[1, 2, 3], &[3, 1, 2], [1.0; 6]);
        check(&[1], &[3], [1.0; 6]);
    }

    #[test]
    fn random_labels_agree_by_chance_only() {
        let labels: Vec<usize> = (0..60).map(|i| i % 3).collect();
        let shuffled = permuted_classes(&labels, Scheme::Free, 9).unwrap().take(200);
        let (mut mean, mut small_p) = (0.0, 0);
        for (seed, clusters) in shuffled.enumerate() {
            let estimate =
                agreement_permuted(&labels, &clusters, Agreement::AdjustedRand, Scheme::Free, 39, seed as u64).unwrap();
            mean += estimate.value() / 200.0;
            small_p += usize::from(estimate.p().unwrap().value() <= 0.1);
        }
        assert!(mean.abs() < 0.01, "{mean}");
        assert!(small_p <= 37, "{small_p}"); // 20 expected at most, standard deviation 4.2
        let found = agreement_permuted(&labels, &labels, Agreement::Nmi, Scheme::Free, 99, 0).unwrap();
        assert_eq!((found.value(), found.p().map(crate::PValue::value)), (1.0, Some(0.01)));
    }

    #[test]
    fn what_does_not_match_is_refused() {
        assert!(matches!(purity(&[1], &[]), Err(StatsError::LengthMismatch { .. })));
        assert_eq!(nmi(&[], &[]), Err(StatsError::Empty { what: "labels" }));
        let shuffled = agreement_permuted(&[1, 1], &[0, 1], Agreement::Purity, Scheme::Free, 9, 0);
        assert!(matches!(shuffled, Err(StatsError::NoSpread { .. })));
    }
}
