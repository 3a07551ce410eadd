//! Angles between subspaces, and what chance gives.

use faer::{Mat, MatRef};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::decompose::{column_basis, product, singular_values};
use crate::error::same_length;
use crate::normal::standard_normal;
use crate::permutation::null_with_ties;
use crate::{Estimate, Matrix, StatsError};

/// The principal angles between what the rows of `a` and the rows of `b` span, in radians from 0 to π/2, descending.
///
/// With orthonormal bases `A` and `B`, their cosines are the singular values of `AᵀB`; angles below π/4 are found from
/// the singular values of `B - A AᵀB`, their sines, since a cosine near 1 holds no digits of a small angle (Björck and
/// Golub 1973; Knyazev and Argentati 2002).
/// There are as many as the smaller subspace has dimensions; rows that depend on others linearly add none.
///
/// Random subspaces of many dimensions are nearly at right angles, and two of more than half the dimensions must meet:
/// read angles against chance ([`subspace_overlap`]).
///
/// # Errors
///
/// [`StatsError::LengthMismatch`] if the widths differ, [`StatsError::ZeroVector`] if all rows of one are zero,
/// [`StatsError::NotConverged`].
///
/// ```
/// use isinglass_stats::{Matrix, principal_angles};
///
/// let plane = Matrix::new(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], 3)?;
/// let tilted = Matrix::new(&[1.0, 0.0, 1e-9], 3)?;
/// assert!((principal_angles(plane, tilted)?[0] - 1e-9).abs() < 1e-20);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn principal_angles(a: Matrix<'_>, b: Matrix<'_>) -> Result<Vec<f64>, StatsError> {
    let (a, b) = bases(a, b)?;
    angles_between(a.as_ref(), b.as_ref())
}

/// How much of one subspace lies in another, against random subspaces; made by [`subspace_overlap`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SubspaceOverlap {
    /// The principal angles, in radians, descending.
    pub angles: Vec<f64>,
    /// The mean squared cosine of the principal angles: 1 if the smaller subspace lies in the other, 0 at right angles.
    pub overlap: Estimate,
    /// The cosine of the least principal angle.
    pub closest: Estimate,
    /// The overlap expected by chance: the dimensions of the larger subspace over those of the whole space.
    pub by_chance: f64,
}

/// How much the subspaces spanned by the rows of `a` and `b` overlap, and how often random ones of the same dimensions
/// overlap as much.
///
/// Each of the `draws` puts one of the two at random: the span of normal vectors, which prefers no direction.
/// A small p rules out only that: activations fill few of their dimensions, and any two subspaces fitted to them
/// overlap more than random ones.
/// For that question, fit the subspaces to permuted labels.
///
/// # Errors
///
/// Those of [`principal_angles`], [`StatsError::Empty`] without draws.
///
/// ```
/// use isinglass_stats::{Matrix, subspace_overlap};
///
/// let (mut a, mut b) = (vec![0.0; 200], vec![0.0; 200]);
/// (a[0], a[101], b[0], b[102]) = (1.0, 1.0, 1.0, 1.0); // two planes of 100 dimensions that share a direction
/// let found = subspace_overlap(Matrix::new(&a, 100)?, Matrix::new(&b, 100)?, 99, 1)?;
/// assert!((found.overlap.value() - 0.5).abs() < 1e-12 && found.by_chance == 0.02);
/// assert!(found.overlap.p().is_some_and(|p| p.value() == 0.01));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn subspace_overlap(a: Matrix<'_>, b: Matrix<'_>, draws: usize, seed: u64) -> Result<SubspaceOverlap, StatsError> {
    let n = a.n_rows() + b.n_rows();
    let width = a.width();
    let (a, b) = bases(a, b)?;
    let angles = angles_between(a.as_ref(), b.as_ref())?;
    let (small, large) = (a.ncols().min(b.ncols()), a.ncols().max(b.ncols()));
    let mean_square = |cosines: &[f64]| cosines.iter().map(|c| c * c).sum::<f64>() / small as f64;

    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut overlaps, mut nearest) = (Vec::with_capacity(draws), Vec::with_capacity(draws));
    for _ in 0..draws {
        let random = column_basis(Mat::from_fn(width, small, |_, _| standard_normal(&mut rng)).as_ref())?;
        // As no direction is preferred, the other subspace may as well be the first coordinates.
        let cosines = singular_values(random.subrows(0, large))?;
        overlaps.push(mean_square(&cosines));
        nearest.push(cosines[0].min(1.0));
    }
    let how = format!("random subspaces of {small} and {large} in {width} dimensions, seed {seed}");
    let cosines: Vec<f64> = angles.iter().map(|angle| angle.cos()).collect();
    let closest = cosines.last().copied().unwrap_or(0.0);
    let estimate = |value, method, null| -> Result<Estimate, StatsError> {
        Ok(Estimate::new(value, None, n, method).with_permutation(&null_with_ties(value, null, &how)?))
    };
    Ok(SubspaceOverlap {
        overlap: estimate(mean_square(&cosines), "mean squared cosine of principal angles", overlaps)?,
        closest: estimate(closest, "cosine of the least principal angle", nearest)?,
        by_chance: large as f64 / width as f64,
        angles,
    })
}

/// Orthonormal bases of the two row spaces.
fn bases(a: Matrix<'_>, b: Matrix<'_>) -> Result<(Mat<f64>, Mat<f64>), StatsError> {
    same_length(("columns of b", b.width()), ("columns of a", a.width()))?;
    let basis = |rows: Matrix<'_>, what| {
        let basis = column_basis(rows.to_faer().transpose())?;
        let empty = StatsError::ZeroVector { what, index: 0, statistic: "a principal angle" };
        if basis.ncols() == 0 { Err(empty) } else { Ok(basis) }
    };
    Ok((basis(a, "row of a")?, basis(b, "row of b")?))
}

fn angles_between(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Result<Vec<f64>, StatsError> {
    if a.ncols() < b.ncols() {
        return angles_between(b, a);
    }
    let within = product(a.transpose(), b);
    let cosines = singular_values(within.as_ref())?;
    let sines = singular_values((b - product(a, within.as_ref())).as_ref())?;
    // The greatest sine belongs to the least cosine.
    let angle =
        |(&sine, &cosine): (&f64, &f64)| if cosine * cosine >= 0.5 { sine.min(1.0).asin() } else { cosine.acos() };
    Ok(sines.iter().zip(cosines.iter().rev()).map(angle).collect())
}

#[cfg(test)]
mod tests {
    use std::f64::consts::FRAC_PI_2;

    use super::*;

    fn check(a: &[f64], b: &[f64], expected: &[f64]) {
        let [a, b] = [a, b].map(|values| Matrix::new(values, 3).unwrap());
        for got in [principal_angles(a, b).unwrap(), principal_angles(b, a).unwrap()] {
            assert_eq!(got.len(), expected.len());
            assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15 + 1e-9 * b), "{got:?} {expected:?}");
        }
    }

    #[test]
    fn angles_by_hand() {
        let (x, y) = ([1.0, 0.0, 0.0], [0.0, 2.0, 0.0]);
        check(&x, &y, &[FRAC_PI_2]);
        check(&x, &[-3.0, 0.0, 0.0], &[0.0]);
        check(&x, &[1.0, 3.0_f64.sqrt(), 0.0], &[FRAC_PI_2 * 2.0 / 3.0]);
        check(&x, &[3.0_f64.sqrt(), 1.0, 0.0], &[FRAC_PI_2 / 3.0]);
        // Planes through x that turn about it by 1e-7, whose cosine rounds to 1; the second is given by dependent rows.
        let turned = [1.0, 0.0, 0.0, 0.0, 1.0, 1e-7, 2.0, 5.0, 5e-7];
        check(&[x, y].concat(), &turned, &[1e-7, 0.0]);
    }

    #[test]
    fn chance_is_what_theory_says() {
        // E of the mean squared cosine of random subspaces is the larger dimension over that of the space.
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let mut draw = |n: usize| (0..n).map(|_| standard_normal(&mut rng)).collect::<Vec<f64>>();
        let mut small_p = 0;
        let mut mean = 0.0;
        for seed in 0..200 {
            let (a, b) = (draw(3 * 20), draw(2 * 20));
            let found = subspace_overlap(Matrix::new(&a, 20).unwrap(), Matrix::new(&b, 20).unwrap(), 39, seed).unwrap();
            mean += found.overlap.value() / 200.0;
            small_p += usize::from(found.closest.p().unwrap().value() <= 0.1);
            assert_eq!((found.by_chance, found.angles.len()), (0.15, 2));
        }
        assert!((mean - 0.15).abs() < 0.02, "{mean}");
        assert!((8..=34).contains(&small_p), "{small_p}"); // 20 expected, standard deviation 4
    }

    #[test]
    fn what_spans_nothing_is_refused() {
        let (x, zero) = (Matrix::new(&[1.0, 0.0], 2).unwrap(), Matrix::new(&[0.0, 0.0], 2).unwrap());
        assert!(matches!(principal_angles(x, zero), Err(StatsError::ZeroVector { what: "row of b", .. })));
        let wide = Matrix::new(&[1.0, 0.0, 0.0], 3).unwrap();
        assert!(matches!(principal_angles(x, wide), Err(StatsError::LengthMismatch { .. })));
        assert!(matches!(subspace_overlap(x, x, 0, 0), Err(StatsError::Empty { .. })));
    }
}
