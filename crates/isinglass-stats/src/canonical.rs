//! Canonical correlations: what two representations share up to any linear map.

use faer::Mat;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::decompose::{column_basis, product, singular_values};
use crate::error::same_length;
use crate::permutation::null_with_ties;
use crate::summary::mean_of;
use crate::{Estimate, Matrix, StatsError};

/// What two representations share; made by [`canonical_correlations`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Canonical {
    /// The canonical correlations, descending, from 0 to 1: as many as the smaller rank of the two.
    pub correlations: Vec<f64>,
    /// How many of them are 1 whatever the data, for want of rows: `rank x + rank y - (n - 1)` where that is positive.
    pub n_forced: usize,
    /// Their mean, with p from permuted rows.
    pub mean: Estimate,
    /// The first of them, with p from permuted rows.
    pub first: Estimate,
}

/// The canonical correlations of two representations of the same rows: the greatest correlation between a combination
/// of the columns of `x` and one of `y`, then the greatest among what is uncorrelated with those, and so on.
///
/// With orthonormal bases `Qx` and `Qy` of the centred columns, the singular values of `QxᵀQy` (Hotelling 1936; Björck
/// and Golub 1973).
/// They are unchanged by any invertible linear map of either side, so a direction of tiny variance counts as much as
/// the greatest.
///
/// They are biased upwards, grossly so unless rows outnumber columns many times: take principal components first, or
/// read them against the permutations, which have the same bias.
/// Rows must be independent of each other under the null.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`] if the numbers of rows differ, [`StatsError::TooFew`] below 2 rows,
/// [`StatsError::NoSpread`] if all rows of one are equal, [`StatsError::Empty`] without permutations.
///
/// ```
/// use isinglass_stats::{Matrix, canonical_correlations};
///
/// let x: Vec<f64> = (0..40).map(|i| f64::from(i * i % 19)).collect();
/// let y: Vec<f64> = x.chunks(2).map(|row| 3.0 * row[0] - row[1]).collect();
/// let shared = canonical_correlations(Matrix::new(&x, 2)?, Matrix::new(&y, 1)?, 99, 1)?;
/// assert!((shared.correlations[0] - 1.0).abs() < 1e-12 && shared.n_forced == 0);
/// assert!(shared.first.p().is_some_and(|p| p.value() == 0.01));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn canonical_correlations(
    x: Matrix<'_>,
    y: Matrix<'_>,
    permutations: usize,
    seed: u64,
) -> Result<Canonical, StatsError> {
    same_length(("rows of y", y.n_rows()), ("rows of x", x.n_rows()))?;
    let n = x.n_rows();
    let basis = |rows: Matrix<'_>| column_basis(rows.centred("a canonical correlation")?.as_ref());
    let (x, y) = (basis(x)?, basis(y)?);
    let of_order = |order: &[usize]| -> Result<Vec<f64>, StatsError> {
        let y = Mat::from_fn(n, y.ncols(), |i, j| y[(order[i], j)]);
        let cosines = singular_values(product(x.transpose(), y.as_ref()).as_ref())?;
        Ok(cosines.into_iter().map(|c| c.min(1.0)).collect())
    };
    let mut order: Vec<usize> = (0..n).collect();
    let correlations = of_order(&order)?;

    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut means, mut firsts) = (Vec::with_capacity(permutations), Vec::with_capacity(permutations));
    for _ in 0..permutations {
        order.shuffle(&mut rng);
        let permuted = of_order(&order)?;
        means.push(mean_of(&permuted));
        firsts.push(permuted[0]);
    }
    let estimate = |value, method, null| -> Result<Estimate, StatsError> {
        let null = null_with_ties(value, null, &format!("rows permuted, seed {seed}"))?;
        Ok(Estimate::new(value, None, n, method).with_permutation(&null))
    };
    Ok(Canonical {
        n_forced: (x.ncols() + y.ncols()).saturating_sub(n - 1),
        mean: estimate(mean_of(&correlations), "mean canonical correlation", means)?,
        first: estimate(correlations[0], "first canonical correlation", firsts)?,
        correlations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal::standard_normal;

    #[test]
    fn correlations_by_hand() {
        // Centred already: (1, 1, -1, -1) and (1, -1, 1, -1) against (1, 1, -1, -1) + (1, -1, 1, -1) and a constant
        // column.
        let x = Matrix::new(&[1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0], 2).unwrap();
        let y = Matrix::new(&[2.0, 7.0, 0.0, 7.0, 0.0, 7.0, -2.0, 7.0], 2).unwrap();
        let shared = canonical_correlations(x, y, 5, 0).unwrap();
        assert_eq!(shared.correlations.len(), 1);
        assert!((shared.correlations[0] - 1.0).abs() < 1e-12);
        // One column on each side: Pearson's correlation, here 8 / √(4 · 20).
        let z = Matrix::new(&[3.0, 1.0, -1.0, -3.0], 1).unwrap();
        let u = Matrix::new(&[1.0, 1.0, -1.0, -1.0], 1).unwrap();
        let pearson = canonical_correlations(u, z, 5, 0).unwrap().first.value();
        assert!((pearson - 8.0 / 80.0_f64.sqrt()).abs() < 1e-12, "{pearson}");
    }

    #[test]
    fn too_few_rows_force_ones() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let draw: Vec<f64> = (0..12 * 14).map(|_| standard_normal(&mut rng)).collect();
        // 8 + 6 dimensions where 12 centred rows have 11: three must be shared.
        let (x, y) = draw.split_at(12 * 8);
        let shared = canonical_correlations(Matrix::new(x, 8).unwrap(), Matrix::new(y, 6).unwrap(), 49, 0).unwrap();
        assert_eq!(shared.n_forced, 3);
        assert!((shared.correlations[2] - 1.0).abs() < 1e-9 && shared.correlations[3] < 1.0 - 1e-6);
        assert!(shared.mean.p().unwrap().value() > 0.05);
    }

    #[test]
    fn rows_that_do_not_match_are_refused() {
        let check = |x: &[f64], y: &[f64], permutations| {
            canonical_correlations(Matrix::new(x, 1).unwrap(), Matrix::new(y, 1).unwrap(), permutations, 0).unwrap_err()
        };
        assert!(matches!(check(&[1.0, 2.0], &[1.0], 9), StatsError::LengthMismatch { .. }));
        assert!(matches!(check(&[1.0, 2.0], &[1.0, 1.0], 9), StatsError::NoSpread { .. }));
        assert!(matches!(check(&[1.0], &[1.0], 9), StatsError::TooFew { .. }));
        assert!(matches!(check(&[1.0, 2.0], &[1.0, 3.0], 0), StatsError::Empty { .. }));
    }
}
