//! How well rows fall into given clusters.

use std::collections::BTreeMap;

use crate::cosine::unit_rows;
use crate::error::same_length;
use crate::kmeans::squared_distance;
use crate::permutation::null_with_ties;
use crate::summary::mean_of;
use crate::{Estimate, Matrix, Scheme, StatsError, permuted_classes};

/// How far apart two rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Distance {
    /// `|a - b|`
    Euclidean,
    /// `1 - cos(a, b)`, which leaves lengths out.
    Cosine,
}

/// The silhouette of each row: how much nearer its own cluster is than the next, from -1 to 1.
///
/// `(b - a) / max(a, b)`, where `a` is the mean distance from the other rows of its cluster and `b` the least mean
/// distance from the rows of another (Rousseeuw 1987); 0 for a row that is alone in its cluster.
/// Round clusters far apart score well and long ones badly, however plain they are to see; in many dimensions all
/// distances are alike and all silhouettes near 0.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::TooFew`] below 2 clusters, [`StatsError::OutOfRange`] if every row is
/// its own cluster, [`StatsError::ZeroVector`] for cosines of a row of zeros.
///
/// ```
/// use isinglass_stats::{Distance, Matrix, silhouette_samples};
///
/// let rows = Matrix::new(&[0.0, 1.0, 5.0], 1)?;
/// let silhouettes = silhouette_samples(rows, &[0, 0, 1], Distance::Euclidean)?;
/// assert_eq!(silhouettes, [0.8, 0.75, 0.0]); // 1 against 5, 1 against 4, alone
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn silhouette_samples(rows: Matrix<'_>, labels: &[usize], distance: Distance) -> Result<Vec<f64>, StatsError> {
    let (labels, n_clusters) = clusters(rows, labels, "a silhouette")?;
    Ok(silhouettes(&distances(rows, distance)?, &labels, n_clusters))
}

/// The mean silhouette of all rows; see [`silhouette_samples`].
///
/// # Errors
///
/// Those of [`silhouette_samples`].
pub fn silhouette(rows: Matrix<'_>, labels: &[usize], distance: Distance) -> Result<f64, StatsError> {
    Ok(mean_of(&silhouette_samples(rows, labels, distance)?))
}

/// The mean silhouette with the p-value of labels shuffled as the design allows ([`Scheme`]).
///
/// For labels that were given, such as conditions.
/// **Labels that a clustering found in these rows beat every shuffle**, since they were made to: for those, cluster
/// rows without structure in the same way and give [`Estimate::with_permutation`] their silhouettes.
/// It holds the distances of all rows from all rows.
///
/// # Errors
///
/// Those of [`silhouette_samples`] and [`permuted_classes`], [`StatsError::Empty`] without permutations.
///
/// ```
/// use isinglass_stats::{Distance, Matrix, Scheme, silhouette_permuted};
///
/// let rows: Vec<f64> = (0..20).map(|i| f64::from(i % 7) + 10.0 * f64::from(i % 2)).collect();
/// let labels: Vec<usize> = (0..20).map(|i| i % 2).collect();
/// let estimate = silhouette_permuted(Matrix::new(&rows, 1)?, &labels, Distance::Euclidean, Scheme::Free, 99, 1)?;
/// assert!(estimate.value() > 0.5 && estimate.p().is_some_and(|p| p.value() == 0.01));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn silhouette_permuted(
    rows: Matrix<'_>,
    labels: &[usize],
    distance: Distance,
    scheme: Scheme<'_>,
    permutations: usize,
    seed: u64,
) -> Result<Estimate, StatsError> {
    let (labels, n_clusters) = clusters(rows, labels, "a silhouette")?;
    let distances = distances(rows, distance)?;
    let mean = |labels: &[usize]| mean_of(&silhouettes(&distances, labels, n_clusters));
    let value = mean(&labels);
    let shuffled = permuted_classes(&labels, scheme, seed)?.take(permutations).map(|labels| mean(&labels)).collect();
    let null = null_with_ties(value, shuffled, &scheme.how(seed))?;
    let method = match distance {
        Distance::Euclidean => "mean silhouette",
        Distance::Cosine => "mean silhouette, cosine distance",
    };
    Ok(Estimate::new(value, None, rows.n_rows(), method).with_permutation(&null))
}

/// The Davies-Bouldin index: how wide clusters are for their distance from the most similar other; less is better.
///
/// `mean over i of max over j of (s_i + s_j) / d_ij`, with `s` the mean distance of a cluster's rows from its mean and
/// `d` the distance of two means (Davies and Bouldin 1979).
/// It has no scale of its own: compare it between clusterings of the same rows only.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::TooFew`] below 2 clusters, [`StatsError::OutOfRange`] if every row is
/// its own cluster, [`StatsError::NoSpread`] if two clusters have the same mean.
///
/// ```
/// use isinglass_stats::{Matrix, davies_bouldin};
///
/// let rows = Matrix::new(&[0.0, 2.0, 10.0, 12.0], 1)?;
/// assert_eq!(davies_bouldin(rows, &[0, 0, 1, 1])?, 0.2); // widths 1 and 1, 10 apart
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn davies_bouldin(rows: Matrix<'_>, labels: &[usize]) -> Result<f64, StatsError> {
    let statistic = "the Davies-Bouldin index";
    let (labels, n_clusters) = clusters(rows, labels, statistic)?;
    let (means, counts) = cluster_means(rows, &labels, n_clusters);
    let mean = |cluster: usize| &means[cluster * rows.width()..][..rows.width()];
    let mut widths = vec![0.0; n_clusters];
    for (row, &label) in rows.rows().zip(&labels) {
        widths[label] += squared_distance(row, mean(label)).sqrt() / counts[label] as f64;
    }
    let mut worst = vec![0.0_f64; n_clusters];
    for i in 0..n_clusters {
        for j in (0..n_clusters).filter(|&j| j != i) {
            let apart = squared_distance(mean(i), mean(j)).sqrt();
            if apart <= 0.0 {
                return Err(StatsError::NoSpread { what: "means of two clusters", statistic });
            }
            worst[i] = worst[i].max((widths[i] + widths[j]) / apart);
        }
    }
    Ok(mean_of(&worst))
}

/// The Calinski-Harabasz index: the spread of the cluster means over the spread within clusters; more is better.
///
/// `(Σ n_i |m_i - m|² / (k - 1)) / (Σ |x - m_i|² / (n - k))`, an F ratio over all columns (Caliński and Harabasz 1974).
/// It has no p-value as an F, since columns are not independent, nor clusters given if they were fitted.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::TooFew`] below 2 clusters, [`StatsError::OutOfRange`] if every row is
/// its own cluster, [`StatsError::NoSpread`] if the rows within each cluster are equal.
///
/// ```
/// use isinglass_stats::{Matrix, calinski_harabasz};
///
/// let rows = Matrix::new(&[0.0, 2.0, 10.0, 12.0], 1)?;
/// assert_eq!(calinski_harabasz(rows, &[0, 0, 1, 1])?, 50.0); // 4 · 5² / 1 over 4 · 1² / 2
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn calinski_harabasz(rows: Matrix<'_>, labels: &[usize]) -> Result<f64, StatsError> {
    let statistic = "the Calinski-Harabasz index";
    let (labels, n_clusters) = clusters(rows, labels, statistic)?;
    let (means, counts) = cluster_means(rows, &labels, n_clusters);
    let centre = rows.column_means();
    let of_means = means.chunks_exact(rows.width()).zip(&counts);
    let between: f64 = of_means.map(|(mean, &count)| count as f64 * squared_distance(mean, &centre)).sum();
    let of_rows = rows.rows().zip(&labels);
    let within: f64 =
        of_rows.map(|(row, &label)| squared_distance(row, &means[label * row.len()..][..row.len()])).sum();
    if within <= 0.0 {
        return Err(StatsError::NoSpread { what: "rows within clusters", statistic });
    }
    Ok(between / (n_clusters - 1) as f64 / (within / (rows.n_rows() - n_clusters) as f64))
}

/// Labels as indices from 0, in ascending order of label, and how many different ones there are.
pub(crate) fn compressed(labels: &[usize]) -> (Vec<usize>, usize) {
    let mut index_of: BTreeMap<usize, usize> = labels.iter().map(|&label| (label, 0)).collect();
    for (index, value) in index_of.values_mut().enumerate() {
        *value = index;
    }
    (labels.iter().map(|label| index_of[label]).collect(), index_of.len())
}

/// [`compressed`] labels, at least two and fewer than rows.
fn clusters(rows: Matrix<'_>, labels: &[usize], statistic: &'static str) -> Result<(Vec<usize>, usize), StatsError> {
    same_length(("labels", labels.len()), ("rows", rows.n_rows()))?;
    let (labels, n_clusters) = compressed(labels);
    if n_clusters < 2 {
        return Err(StatsError::TooFew { what: "clusters", got: n_clusters, least: 2, statistic });
    }
    if n_clusters == labels.len() {
        let range = "less than the number of rows";
        return Err(StatsError::OutOfRange { what: "number of clusters", value: n_clusters as f64, range });
    }
    Ok((labels, n_clusters))
}

/// The means, one row each, and how many rows each has.
fn cluster_means(rows: Matrix<'_>, labels: &[usize], n_clusters: usize) -> (Vec<f64>, Vec<usize>) {
    let mut counts = vec![0; n_clusters];
    let mut means = vec![0.0; n_clusters * rows.width()];
    for (row, &label) in rows.rows().zip(labels) {
        counts[label] += 1;
        means[label * row.len()..][..row.len()].iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    for (mean, &count) in means.chunks_exact_mut(rows.width()).zip(&counts) {
        for sum in mean {
            *sum /= count as f64;
        }
    }
    (means, counts)
}

/// The distance of every row from every other, row after row.
fn distances(rows: Matrix<'_>, distance: Distance) -> Result<Vec<f64>, StatsError> {
    let n = rows.n_rows();
    let unit = match distance {
        Distance::Euclidean => None,
        Distance::Cosine => Some(crate::matrix::row_major(unit_rows(rows, "a cosine distance")?.as_ref())),
    };
    let width = rows.width();
    let mut distances = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..i {
            let between = match &unit {
                None => squared_distance(rows.row(i), rows.row(j)).sqrt(),
                // |a - b|² = 2 - 2 cos(a, b) for unit vectors, without loss where they nearly coincide.
                Some(unit) => squared_distance(&unit[i * width..][..width], &unit[j * width..][..width]) / 2.0,
            };
            distances[i * n + j] = between;
            distances[j * n + i] = between;
        }
    }
    Ok(distances)
}

fn silhouettes(distances: &[f64], labels: &[usize], n_clusters: usize) -> Vec<f64> {
    let n = labels.len();
    let mut counts = vec![0_usize; n_clusters];
    for &label in labels {
        counts[label] += 1;
    }
    let of_row = |i: usize| {
        let own = labels[i];
        if counts[own] == 1 {
            return 0.0;
        }
        let mut sums = vec![0.0; n_clusters];
        distances[i * n..][..n].iter().zip(labels).for_each(|(distance, &label)| sums[label] += distance);
        let within = sums[own] / (counts[own] - 1) as f64;
        let means = (0..n_clusters).filter(|&label| label != own).map(|label| sums[label] / counts[label] as f64);
        let next = means.fold(f64::INFINITY, f64::min);
        let greater = within.max(next);
        // Rows that all coincide are no nearer to one cluster than to another.
        if greater > 0.0 { (next - within) / greater } else { 0.0 }
    };
    (0..n).map(of_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silhouettes_by_hand() {
        let check = |rows: &[f64], labels: &[usize], distance, expected: &[f64]| {
            let got = silhouette_samples(Matrix::new(rows, 2).unwrap(), labels, distance).unwrap();
            assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{got:?}");
        };
        // (0, 0) and (3, 4), 5 apart; (0, 12), 12 from the first and √73 from the second.
        let far = 73.0_f64.sqrt();
        let expected = [7.0 / 12.0, (far - 5.0) / far, 0.0];
        check(&[0.0, 0.0, 3.0, 4.0, 0.0, 12.0], &[8, 8, 3], Distance::Euclidean, &expected);
        // Directions: cosine distances 0 and 1, whatever the lengths; the last is alone.
        check(&[1.0, 0.0, 7.0, 0.0, 0.0, 2.0], &[0, 0, 1], Distance::Cosine, &[1.0, 1.0, 0.0]);
        check(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0], &[0, 0, 1], Distance::Euclidean, &[0.0; 3]);
    }

    #[test]
    fn given_labels_are_found_and_shuffled_ones_are_not() {
        let rows: Vec<f64> = (0..24).map(|i| f64::from(i * i % 11) + 4.0 * f64::from(i % 3)).collect();
        let rows = Matrix::new(&rows, 2).unwrap();
        let (real, other): (Vec<usize>, Vec<usize>) = (0..12).map(|i| (2 * i % 3, i / 6)).unzip();
        let p = |labels: &[usize], scheme| {
            let estimate = silhouette_permuted(rows, labels, Distance::Euclidean, scheme, 199, 1).unwrap();
            let plain = silhouette(rows, labels, Distance::Euclidean).unwrap();
            assert!((estimate.value() - plain).abs() < 1e-15);
            estimate.p().unwrap().clone()
        };
        let strata: Vec<u64> = (0..12).map(|i| i / 3).collect();
        assert!(p(&real, Scheme::Free).value() < 0.05);
        assert!(p(&other, Scheme::Free).value() > 0.05);
        assert_eq!(p(&real, Scheme::Stratified(&strata)).null(), "labels shuffled within strata, seed 1");
    }

    /// With six rows a tenth of all shuffles is the same partition, its names swapped or not: all are ties.
    #[test]
    fn the_same_partition_is_a_tie_whatever_its_names() {
        let rows = [0.1, 0.23, 0.37, 5.11, 5.29, 5.43];
        let rows = Matrix::new(&rows, 1).unwrap();
        let estimate =
            silhouette_permuted(rows, &[0, 0, 0, 1, 1, 1], Distance::Euclidean, Scheme::Free, 999, 1).unwrap();
        let p = estimate.p().unwrap().value();
        assert!((0.06..0.14).contains(&p), "{p}");
    }

    #[test]
    fn what_is_no_clustering_is_refused() {
        let rows = Matrix::new(&[1.0, 0.0, 3.0], 1).unwrap();
        let check = |labels: &[usize]| silhouette(rows, labels, Distance::Euclidean).unwrap_err();
        assert!(matches!(check(&[0, 1]), StatsError::LengthMismatch { .. }));
        assert!(matches!(check(&[4, 4, 4]), StatsError::TooFew { got: 1, .. }));
        assert!(matches!(check(&[0, 1, 2]), StatsError::OutOfRange { .. }));
        let zero = silhouette(rows, &[0, 0, 1], Distance::Cosine).unwrap_err();
        assert!(matches!(zero, StatsError::ZeroVector { index: 1, .. }));
        let equal = Matrix::new(&[1.0, 1.0, 2.0, 2.0], 1).unwrap();
        assert!(matches!(davies_bouldin(equal, &[0, 1, 0, 1]), Err(StatsError::NoSpread { .. })));
        assert_eq!(davies_bouldin(equal, &[0, 0, 1, 1]), Ok(0.0));
        assert!(matches!(calinski_harabasz(equal, &[0, 0, 1, 1]), Err(StatsError::NoSpread { .. })));
    }
}
