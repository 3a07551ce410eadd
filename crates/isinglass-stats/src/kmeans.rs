//! k-means clusters.

use std::cmp::Ordering;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::same_length;
use crate::{Matrix, StatsError};

const WHAT: &str = "k-means";

/// How to look for k-means clusters: the best of several starts by k-means++.
///
/// k-means puts rows into as many clusters as it is asked for, whether or not there are any: hold the result against a
/// null ([`silhouette_permuted`](crate::silhouette_permuted), [`agreement_permuted`](crate::agreement_permuted)).
/// It takes clusters for round and of one size, and columns of great variance decide.
///
/// ```
/// use isinglass_stats::{KMeans, Matrix};
///
/// let rows = [0.0, 0.1, 9.0, 9.2, 0.2, 8.9];
/// let clusters = KMeans::clusters(2).seed(7).fit(Matrix::new(&rows, 1)?)?;
/// assert!(clusters.labels[0] == clusters.labels[1] && clusters.labels[1] == clusters.labels[4]);
/// assert!(clusters.labels[0] != clusters.labels[2]);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KMeans {
    n_clusters: usize,
    n_init: usize,
    max_iter: usize,
    seed: u64,
}

/// Rows in clusters; made by [`KMeans::fit`] and [`lloyd`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Clusters {
    /// The cluster of each row, from 0: the one whose centre is nearest, the first of equals.
    pub labels: Vec<usize>,
    /// The mean of each cluster's rows, one row each.
    pub centres: Vec<f64>,
    /// The sum of the squared distances of rows from their centres.
    pub inertia: f64,
    /// How many steps it took, the last of which changed nothing.
    pub n_iter: usize,
}

impl KMeans {
    /// So many clusters, from the best of ten starts.
    pub fn clusters(n_clusters: usize) -> Self {
        Self { n_clusters, n_init: 10, max_iter: 300, seed: 0 }
    }

    /// From how many starts; at least 1, and 10 unless set.
    #[must_use]
    pub fn n_init(mut self, n_init: usize) -> Self {
        self.n_init = n_init;
        self
    }

    /// How many steps a start may take; 300 unless set.
    #[must_use]
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// The seed of the starts; 0 unless set.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The clusters of least inertia over all starts.
    ///
    /// Each start draws its centres from the rows, one by one, with probability in proportion to the squared distance
    /// from the nearest centre so far (k-means++: Arthur and Vassilvitskii 2007; scikit-learn tries a few rows for each
    /// centre), and goes on by [`lloyd`].
    ///
    /// # Errors
    ///
    /// [`StatsError::TooFew`] without clusters or starts or with fewer different rows than clusters,
    /// [`StatsError::NotConverged`] if a start is not at rest after `max_iter` steps.
    pub fn fit(self, rows: Matrix<'_>) -> Result<Clusters, StatsError> {
        if self.n_init == 0 {
            return Err(StatsError::TooFew { what: "starts", got: 0, least: 1, statistic: WHAT });
        }
        enough_rows(rows, self.n_clusters)?;
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut start = || descend(rows, plus_plus(rows, self.n_clusters, &mut rng), self.max_iter);
        let mut best = start()?;
        for _ in 1..self.n_init {
            let next = start()?;
            if next.inertia < best.inertia {
                best = next;
            }
        }
        Ok(best)
    }
}

/// Lloyd's algorithm from given centres: each row to the nearest centre, each centre to the mean of its rows, until
/// nothing changes.
///
/// A local optimum of the inertia `Σ |x - centre|²` (Lloyd 1982), which depends on the centres it starts from.
/// The tolerance is zero: it ends at a fixed point.
///
/// A centre that no row is nearest to takes, as in scikit-learn, the row that lies farthest from its own centre, the
/// next one if several are empty; a row that is alone in its cluster is passed over.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`] for centres of another width, [`StatsError::TooFew`] with fewer different rows than
/// centres, [`StatsError::NotConverged`] if not at rest after `max_iter` steps.
///
/// ```
/// use isinglass_stats::{Matrix, lloyd};
///
/// let clusters = lloyd(Matrix::new(&[0.0, 1.0, 10.0, 12.0], 1)?, Matrix::new(&[0.0, 1.0], 1)?, 300)?;
/// assert_eq!((clusters.labels, clusters.centres), (vec![0, 0, 1, 1], vec![0.5, 11.0]));
/// assert_eq!(clusters.inertia, 2.5); // 4 halves squared and 2 ones
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn lloyd(rows: Matrix<'_>, centres: Matrix<'_>, max_iter: usize) -> Result<Clusters, StatsError> {
    same_length(("columns of the centres", centres.width()), ("columns of the rows", rows.width()))?;
    enough_rows(rows, centres.n_rows())?;
    descend(rows, centres.values().to_vec(), max_iter)
}

fn descend(rows: Matrix<'_>, mut centres: Vec<f64>, max_iter: usize) -> Result<Clusters, StatsError> {
    let width = rows.width();
    let mut labels = Vec::new();
    for n_iter in 1..=max_iter {
        let (mut nearest, distances): (Vec<usize>, Vec<f64>) = rows.rows().map(|row| nearest(row, &centres)).unzip();
        let moved = fill_empty(&mut nearest, &distances, centres.len() / width);
        if !moved && nearest == labels {
            // The centres are the means of these very labels, and the distances were taken from them.
            return Ok(Clusters { labels, centres, inertia: distances.iter().sum(), n_iter });
        }
        labels = nearest;
        let mut counts = vec![0_usize; centres.len() / width];
        let mut sums = vec![0.0; centres.len()];
        for (row, &label) in rows.rows().zip(&labels) {
            counts[label] += 1;
            sums[label * width..][..width].iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        for (label, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let mean = sums[label * width..][..width].iter().map(|sum| sum / count as f64);
            centres[label * width..][..width].iter_mut().zip(mean).for_each(|(centre, mean)| *centre = mean);
        }
    }
    Err(StatsError::NotConverged { what: WHAT, iterations: max_iter })
}

/// The nearest centre, the first of equals, and the squared distance from it.
fn nearest(row: &[f64], centres: &[f64]) -> (usize, f64) {
    let distances = centres.chunks_exact(row.len()).map(|centre| squared_distance(row, centre)).enumerate();
    distances.fold((0, f64::INFINITY), |best, next| if next.1 < best.1 { next } else { best })
}

/// Gives each empty cluster the farthest row that is not alone in its own; whether there was one.
fn fill_empty(labels: &mut [usize], distances: &[f64], n_clusters: usize) -> bool {
    let mut counts = vec![0_usize; n_clusters];
    for &label in labels.iter() {
        counts[label] += 1;
    }
    let mut empty = (0..n_clusters).filter(|&label| counts[label] == 0).collect::<Vec<_>>().into_iter().peekable();
    if empty.peek().is_none() {
        return false;
    }
    let mut farthest: Vec<usize> = (0..labels.len()).collect();
    farthest.sort_by(|&a, &b| distances[b].total_cmp(&distances[a]));
    for row in farthest {
        if counts[labels[row]] > 1
            && let Some(label) = empty.next()
        {
            counts[labels[row]] -= 1;
            counts[label] += 1;
            labels[row] = label;
        }
    }
    true
}

fn plus_plus(rows: Matrix<'_>, n_clusters: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut centres = rows.row(rng.random_range(0..rows.n_rows())).to_vec();
    let mut distances = vec![f64::INFINITY; rows.n_rows()];
    for _ in 1..n_clusters {
        let newest = centres[centres.len() - rows.width()..].to_vec();
        for (distance, row) in distances.iter_mut().zip(rows.rows()) {
            *distance = distance.min(squared_distance(row, &newest));
        }
        let mut left = rng.random::<f64>() * distances.iter().sum::<f64>();
        let drawn = distances.iter().position(|&distance| {
            left -= distance;
            left < 0.0
        });
        // Rounding may leave a little: then it is the last row that could be drawn.
        let drawn = drawn.or_else(|| distances.iter().rposition(|&distance| distance > 0.0));
        centres.extend(rows.row(drawn.unwrap_or_default()));
    }
    centres
}

/// Summed in eight lanes, which the compiler makes one instruction of.
pub(crate) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0.0; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| (a - b) * (a - b)).sum();
    for (a, b) in a.zip(b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += (a - b) * (a - b);
        }
    }
    lanes.iter().sum::<f64>() + rest
}

/// With as many different rows as clusters, an empty cluster can always be given one.
fn enough_rows(rows: Matrix<'_>, n_clusters: usize) -> Result<(), StatsError> {
    if n_clusters == 0 {
        return Err(StatsError::TooFew { what: "clusters", got: 0, least: 1, statistic: WHAT });
    }
    let mut sorted: Vec<&[f64]> = rows.rows().collect();
    sorted.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    sorted.dedup();
    let got = sorted.len();
    if got < n_clusters {
        return Err(StatsError::TooFew { what: "different rows", got, least: n_clusters, statistic: WHAT });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rows: &[f64], centres: &[f64], labels: &[usize], expected: &[f64]) {
        let clusters = lloyd(Matrix::new(rows, 1).unwrap(), Matrix::new(centres, 1).unwrap(), 300).unwrap();
        assert_eq!((&clusters.labels[..], &clusters.centres[..]), (labels, expected));
        let inertia: f64 = rows.iter().zip(labels).map(|(x, &label)| (x - expected[label]).powi(2)).sum();
        assert!((clusters.inertia - inertia).abs() < 1e-12);
    }

    #[test]
    fn clusters_by_hand() {
        check(&[0.0, 2.0, 7.0, 9.0], &[1.0, 6.0], &[0, 0, 1, 1], &[1.0, 8.0]);
        check(&[0.0, 2.0, 7.0, 9.0], &[3.0], &[0, 0, 0, 0], &[4.5]);
        // A row between two centres goes to the first.
        check(&[0.0, 1.0, 2.0], &[0.0, 2.0], &[0, 0, 1], &[0.5, 2.0]);
        // No row is near the second and third centre: they get 9 and 0, which lie farthest from the first.
        check(&[0.0, 5.0, 9.0], &[4.0, 100.0, 200.0], &[2, 0, 1], &[5.0, 9.0, 0.0]);
        // All are nearest to 50, and a 1 is farthest from it: the second centre gets that, and then the other ones.
        check(&[1.0, 1.0, 1.0, 4.0], &[50.0, 60.0], &[1, 1, 1, 0], &[4.0, 1.0]);
    }

    #[test]
    fn the_best_start_wins_and_follows_the_seed() {
        // Nine places on a line, three by three: a single start often ends elsewhere.
        let rows: Vec<f64> = (0..9).map(|i| f64::from(i / 3) * 100.0 + f64::from(i % 3)).collect();
        let rows = Matrix::new(&rows, 1).unwrap();
        for seed in 0..20 {
            let fit = KMeans::clusters(3).seed(seed).fit(rows).unwrap();
            assert!((fit.inertia - 6.0).abs() < 1e-12);
            assert_eq!(fit, KMeans::clusters(3).seed(seed).fit(rows).unwrap());
        }
        let every_row = KMeans::clusters(9).n_init(1).fit(rows).unwrap();
        assert!(every_row.inertia.abs() < 1e-300);
        let first = |seed| KMeans::clusters(3).n_init(1).seed(seed).fit(rows).unwrap().labels[0];
        assert!((0..20).any(|seed| first(seed) != first(0)), "the seed decides the start");
    }

    #[test]
    fn lanes_add_up() {
        let a: Vec<f64> = (0..21).map(f64::from).collect();
        let b: Vec<f64> = a.iter().map(|x| x + x * x).collect();
        let expected: f64 = a.iter().map(|x| x.powi(4)).sum();
        assert!((squared_distance(&a, &b) - expected).abs() < 1e-9);
    }

    #[test]
    fn impossible_clusters_are_refused() {
        let rows = Matrix::new(&[1.0, 1.0, 0.0, -0.0], 1).unwrap();
        let check = |kmeans: KMeans| kmeans.fit(rows).unwrap_err();
        assert!(matches!(check(KMeans::clusters(3)), StatsError::TooFew { got: 2, least: 3, .. }));
        assert!(matches!(check(KMeans::clusters(0)), StatsError::TooFew { .. }));
        assert!(matches!(check(KMeans::clusters(1).n_init(0)), StatsError::TooFew { what: "starts", .. }));
        let unfinished = KMeans::clusters(2).max_iter(1);
        assert_eq!(check(unfinished), StatsError::NotConverged { what: "k-means", iterations: 1 });
        let wide = Matrix::new(&[1.0, 2.0], 2).unwrap();
        assert!(matches!(lloyd(rows, wide, 9), Err(StatsError::LengthMismatch { .. })));
    }
}
