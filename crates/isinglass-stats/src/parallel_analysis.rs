//! Which components are more than noise.

use faer::MatRef;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::decompose::singular_values_of_gram;
use crate::matrix::row_major;
use crate::normal::standard_normal;
use crate::summary::{mean_of, quantile_of_sorted};
use crate::{Estimate, Matrix, StatsError};

/// The share of null draws that a component's variance must exceed.
const QUANTILE: f64 = 0.95;

/// What rows without structure are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoStructure {
    /// Each column of the rows in an order of its own: every column keeps its values, and nothing goes with anything.
    PermutedColumns,
    /// Independent normal draws with the variance of each column (Horn's own).
    NormalColumns,
}

/// The components that beat rows without structure; made by [`parallel_analysis`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ParallelAnalysis {
    /// How many leading components exceed their threshold, up to the first that does not.
    pub n_components: Estimate,
    /// The variance of each component, descending.
    pub variances: Vec<f64>,
    /// The 0.95 quantile of each component's variance without structure.
    pub thresholds: Vec<f64>,
    /// For each component, `(1 + #{draws with at least its variance}) / (1 + draws)`.
    pub p: Vec<f64>,
}

/// How many principal components have more variance than rows without structure would give them.
///
/// The k-th variance is compared with the 0.95 quantile of the k-th variances of `draws` matrices without structure,
/// and the leading ones that exceed it are counted (Horn 1965; the quantile rather than Horn's mean: Glorfeld 1995).
///
/// A component that fails may still be real: the null keeps the columns' whole variance, so strong components raise the
/// bar for the weak, and one far below `variance · (1 + √(d / n))²` cannot be told from noise by its variance at all.
/// One that passes may be an artefact: rows are taken as independent, and near-duplicates (the variants of a scenario)
/// count as structure.
///
/// # Errors
///
/// [`StatsError::TooFew`] below 2 rows or 19 draws, which no 0.95 quantile can be read from, [`StatsError::NoSpread`]
/// if all rows are equal, [`StatsError::NotConverged`].
///
/// ```
/// use isinglass_stats::{Matrix, NoStructure, parallel_analysis};
///
/// // Four columns that follow one ramp, each with a ripple of its own.
/// let rows: Vec<f64> =
///     (0..160).map(|i| f64::from(i / 4) + f64::from(i * i * (i % 4 + 1) % 7)).collect();
/// let found = parallel_analysis(Matrix::new(&rows, 4)?, NoStructure::PermutedColumns, 99, 1)?;
/// assert_eq!(found.n_components.value(), 1.0);
/// assert_eq!(found.p[0], 0.01);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn parallel_analysis(
    rows: Matrix<'_>,
    null: NoStructure,
    draws: usize,
    seed: u64,
) -> Result<ParallelAnalysis, StatsError> {
    const LEAST_DRAWS: usize = 19;
    if draws < LEAST_DRAWS {
        let statistic = "parallel analysis";
        return Err(StatsError::TooFew { what: "draws", got: draws, least: LEAST_DRAWS, statistic });
    }
    let (n, width) = (rows.n_rows(), rows.width());
    // Column after column.
    let mut columns = row_major(rows.centred("parallel analysis")?.transpose());
    let most = (n - 1).min(width);
    let variances_of = |columns: &[f64]| -> Result<Vec<f64>, StatsError> {
        let values = singular_values_of_gram(MatRef::from_column_major_slice(columns, n, width))?;
        Ok(values.into_iter().take(most).map(|s| s * s / (n - 1) as f64).collect())
    };
    let variances = variances_of(&columns)?;

    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let deviation = |column: &[f64]| (column.iter().map(|x| x * x).sum::<f64>() / (n - 1) as f64).sqrt();
    let deviations: Vec<f64> = columns.chunks_exact(n).map(deviation).collect();
    // The k-th variance of every draw, for each k.
    let mut nulls = vec![Vec::with_capacity(draws); most];
    for _ in 0..draws {
        for (column, &deviation) in columns.chunks_exact_mut(n).zip(&deviations) {
            match null {
                // What is permuted already is permuted no less at random.
                NoStructure::PermutedColumns => column.shuffle(&mut rng),
                NoStructure::NormalColumns => normal_column(column, deviation, &mut rng),
            }
        }
        for (null, variance) in nulls.iter_mut().zip(variances_of(&columns)?) {
            null.push(variance);
        }
    }

    let mut thresholds = Vec::with_capacity(most);
    let mut p = Vec::with_capacity(most);
    for (null, &variance) in nulls.iter_mut().zip(&variances) {
        null.sort_by(f64::total_cmp);
        thresholds.push(quantile_of_sorted(null, QUANTILE));
        p.push((1 + draws - null.partition_point(|&v| v < variance)) as f64 / (1 + draws) as f64);
    }
    let n_components =
        variances.iter().zip(&thresholds).take_while(|(variance, threshold)| variance > threshold).count();
    let how = match null {
        NoStructure::PermutedColumns => "permuted columns",
        NoStructure::NormalColumns => "normal columns",
    };
    let method = format!("components that beat {how} in parallel analysis, {draws} draws, seed {seed}");
    Ok(ParallelAnalysis {
        n_components: Estimate::new(n_components as f64, None, n, &method),
        variances,
        thresholds,
        p,
    })
}

/// Fills a column with normal draws and centres it.
fn normal_column(column: &mut [f64], deviation: f64, rng: &mut ChaCha8Rng) {
    column.fill_with(|| deviation * standard_normal(rng));
    let mean = mean_of(column);
    for x in column {
        *x -= mean;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(null: NoStructure, rows: &[f64], width: usize, expected: usize) {
        let rows = Matrix::new(rows, width).unwrap();
        let found = parallel_analysis(rows, null, 99, 3).unwrap();
        assert_eq!(found.n_components.value() as usize, expected, "{null:?}: {found:?}");
        assert_eq!(found, parallel_analysis(rows, null, 99, 3).unwrap());
        assert_ne!(found.thresholds, parallel_analysis(rows, null, 99, 4).unwrap().thresholds);
        // The null keeps the total variance: what is permuted exactly, what is drawn nearly.
        let total = |v: &[f64]| v.iter().sum::<f64>();
        assert!(total(&found.thresholds) > total(&found.variances));
    }

    #[test]
    fn noise_has_no_component_and_one_column_copied_has_one() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let noise: Vec<f64> = (0..60 * 8).map(|_| standard_normal(&mut rng)).collect();
        let copied: Vec<f64> = noise.chunks(8).flat_map(|row| row.iter().map(move |x| x + 2.0 * row[0])).collect();
        for null in [NoStructure::PermutedColumns, NoStructure::NormalColumns] {
            check(null, &noise, 8, 0);
            check(null, &copied, 8, 1);
            // The same values as 8 rows of 60 columns.
            check(null, &noise, 60, 0);
        }
    }

    #[test]
    fn too_little_is_refused() {
        let check = |rows: &[f64], draws| {
            parallel_analysis(Matrix::new(rows, 1).unwrap(), NoStructure::PermutedColumns, draws, 0).unwrap_err()
        };
        assert!(matches!(check(&[1.0, 2.0], 18), StatsError::TooFew { got: 18, least: 19, .. }));
        assert!(matches!(check(&[1.0], 19), StatsError::TooFew { got: 1, least: 2, .. }));
        assert!(matches!(check(&[1.0, 1.0], 19), StatsError::NoSpread { .. }));
    }
}
