//! How alike two representations of the same rows are, whatever their axes.

use faer::{Mat, MatRef};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::decompose::{product, squared_norm};
use crate::error::same_length;
use crate::permutation::null_with_ties;
use crate::{Estimate, Matrix, StatsError};

/// Which estimator of the similarity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cka {
    /// The usual one; near 1 for any data of more columns than rows, related or not.
    Linear,
    /// From the unbiased estimator of the independence criterion: 0 on average if there is no relation.
    Debiased,
}

/// Linear centred kernel alignment of two representations of the same rows, from 0 to 1.
///
/// `‖XᵀY‖² / (‖XᵀX‖ ‖YᵀY‖)` with columns centred and Frobenius norms (Kornblith, Norouzi, Lee and Hinton 2019).
/// It is unchanged by rotations and by a common scale of either, not by other linear maps.
///
/// A few directions of great variance decide it, and with few rows it is biased upwards, to 1 where the columns by far
/// outnumber the rows: use [`debiased_cka`], and [`cka_permuted`] for a number to publish.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`] if the numbers of rows differ, [`StatsError::TooFew`] below 2 rows,
/// [`StatsError::NoSpread`] if all rows of one are equal.
///
/// ```
/// use isinglass_stats::{Matrix, linear_cka};
///
/// let x = [1.0, 2.0, 3.0, 5.0, -1.0, 0.5];
/// let turned = [-2.0, 1.0, -5.0, 3.0, -0.5, -1.0]; // by a right angle
/// assert!((linear_cka(Matrix::new(&x, 2)?, Matrix::new(&turned, 2)?)? - 1.0).abs() < 1e-12);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn linear_cka(x: Matrix<'_>, y: Matrix<'_>) -> Result<f64, StatsError> {
    similarity(x, y, Cka::Linear)
}

/// Linear centred kernel alignment from the unbiased estimator of HSIC: 0 on average without a relation, at most 1.
///
/// `HSIC(K, L) = (tr K̃L̃ + 1ᵀK̃1 1ᵀL̃1 / ((n-1)(n-2)) - 2 1ᵀK̃L̃1 / (n-2)) / (n(n-3))`, where `K̃` is `XXᵀ` with a
/// diagonal of zeros, and the result is `HSIC(K, L) / √(HSIC(K, K) HSIC(L, L))` (Song et al. 2012; Nguyen, Raghu and
/// Kornblith 2021).
/// The estimates of HSIC are unbiased, their quotient nearly so; it may be negative.
///
/// # Errors
///
/// Those of [`linear_cka`], with [`StatsError::TooFew`] below 4 rows, and [`StatsError::NoSpread`] also where nothing
/// but one row differs from the others.
///
/// ```
/// use isinglass_stats::{Matrix, debiased_cka};
///
/// let x = [1.0, 2.0, 3.0, 5.0, -1.0, 0.5, 0.0, 4.0, 1.0, 1.0];
/// assert!((debiased_cka(Matrix::new(&x, 2)?, Matrix::new(&x, 2)?)? - 1.0).abs() < 1e-12);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn debiased_cka(x: Matrix<'_>, y: Matrix<'_>) -> Result<f64, StatsError> {
    similarity(x, y, Cka::Debiased)
}

/// Linear CKA with the p-value of permuted rows: how often it is as great if rows of `y` belong to any row of `x`.
///
/// Rows must be independent of each other under the null: the rows of one scenario are not.
/// A small p says that the two are related, which two layers of one model always are; the size is the finding.
/// It holds the products of all rows with all rows.
///
/// # Errors
///
/// Those of [`debiased_cka`], [`StatsError::Empty`] without permutations.
///
/// ```
/// use isinglass_stats::{Cka, Matrix, cka_permuted};
///
/// let x: Vec<f64> = (0..40).map(|i| f64::from(i * i % 19)).collect();
/// let y: Vec<f64> = x.iter().map(|v| v + 1.0).collect();
/// let estimate = cka_permuted(Matrix::new(&x, 2)?, Matrix::new(&y, 2)?, Cka::Debiased, 99, 1)?;
/// assert!((estimate.value() - 1.0).abs() < 1e-12 && estimate.p().is_some_and(|p| p.value() == 0.01));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn cka_permuted(
    x: Matrix<'_>,
    y: Matrix<'_>,
    form: Cka,
    permutations: usize,
    seed: u64,
) -> Result<Estimate, StatsError> {
    let [x, y] = centred(x, y, form)?;
    let n = x.nrows();
    let scale = scale(x.as_ref(), y.as_ref(), form)?;
    let gram = |rows: &Mat<f64>| product(rows.as_ref(), rows.transpose());
    let (k, l) = (gram(&x), gram(&y));
    let mut order: Vec<usize> = (0..n).collect();
    let of_order = |order: &[usize]| {
        let cross: f64 = (0..n).map(|j| (0..n).map(|i| k[(i, j)] * l[(order[i], order[j])]).sum::<f64>()).sum();
        let diagonals: Vec<[f64; 2]> = (0..n).map(|i| [k[(i, i)], l[(order[i], order[i])]]).collect();
        hsic(cross, &diagonals, form) / scale
    };
    let value = of_order(&order);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let null = (0..permutations)
        .map(|_| {
            order.shuffle(&mut rng);
            of_order(&order)
        })
        .collect();
    let null = null_with_ties(value, null, &format!("rows permuted, seed {seed}"))?;
    let method = match form {
        Cka::Linear => "linear CKA",
        Cka::Debiased => "linear CKA, debiased",
    };
    Ok(Estimate::new(value, None, n, method).with_permutation(&null))
}

fn similarity(x: Matrix<'_>, y: Matrix<'_>, form: Cka) -> Result<f64, StatsError> {
    let [x, y] = centred(x, y, form)?;
    let (x, y) = (x.as_ref(), y.as_ref());
    Ok(hsic_of(x, y, form) / scale(x, y, form)?)
}

/// `√(HSIC(K, K) HSIC(L, L))`
fn scale(x: MatRef<'_, f64>, y: MatRef<'_, f64>, form: Cka) -> Result<f64, StatsError> {
    let scale = hsic_of(x, x, form).sqrt() * hsic_of(y, y, form).sqrt();
    // Not `<=`: a rounding below zero has no root.
    if scale > 0.0 { Ok(scale) } else { Err(StatsError::NoSpread { what: "rows", statistic: "CKA" }) }
}

fn centred(x: Matrix<'_>, y: Matrix<'_>, form: Cka) -> Result<[Mat<f64>; 2], StatsError> {
    same_length(("rows of y", y.n_rows()), ("rows of x", x.n_rows()))?;
    let (got, least) = (x.n_rows(), if form == Cka::Debiased { 4 } else { 2 });
    if got < least {
        return Err(StatsError::TooFew { what: "rows", got, least, statistic: "CKA" });
    }
    Ok([x.centred("CKA")?, y.centred("CKA")?])
}

fn hsic_of(x: MatRef<'_, f64>, y: MatRef<'_, f64>, form: Cka) -> f64 {
    let (n, p, q) = (x.nrows(), x.ncols(), y.ncols());
    // ‖XᵀY‖² = tr(XXᵀ YYᵀ), by the way with the fewer products.
    let cross = if p * q <= n * (p + q) {
        squared_norm(product(x.transpose(), y).as_ref())
    } else {
        let (k, l) = (product(x, x.transpose()), product(y, y.transpose()));
        k.col_iter().zip(l.col_iter()).map(|(k, l)| k.iter().zip(l.iter()).map(|(k, l)| k * l).sum::<f64>()).sum()
    };
    let length = |rows: MatRef<'_, f64>, i: usize| rows.row(i).iter().map(|v| v * v).sum::<f64>();
    let diagonals: Vec<[f64; 2]> = (0..n).map(|i| [length(x, i), length(y, i)]).collect();
    hsic(cross, &diagonals, form)
}

/// From `tr KL` of centred rows and the diagonals of both; but for a factor that CKA divides out.
fn hsic(cross: f64, diagonals: &[[f64; 2]], form: Cka) -> f64 {
    match form {
        Cka::Linear => cross,
        // The rows of K sum to zero, so those of K̃ to minus the diagonal.
        Cka::Debiased => {
            let n = diagonals.len() as f64;
            let (k, l): (f64, f64) = diagonals.iter().fold((0.0, 0.0), |sum, [k, l]| (sum.0 + k, sum.1 + l));
            let both: f64 = diagonals.iter().map(|[k, l]| k * l).sum();
            cross - both + k * l / ((n - 1.0) * (n - 2.0)) - 2.0 * both / (n - 2.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal::standard_normal;

    /// The formula of Song et al. as it is written, without centring.
    fn by_definition(x: Matrix<'_>, y: Matrix<'_>) -> f64 {
        let n = x.n_rows();
        let kernel = |rows: Matrix<'_>| {
            let dot = |i, j| rows.row(i).iter().zip(rows.row(j)).map(|(a, b)| a * b).sum::<f64>();
            Mat::from_fn(n, n, |i, j| if i == j { 0.0 } else { dot(i, j) })
        };
        let total = |m: &Mat<f64>| m.col_iter().map(|c| c.iter().sum::<f64>()).sum::<f64>();
        let hsic = |k: &Mat<f64>, l: &Mat<f64>| {
            let both = product(k.as_ref(), l.as_ref());
            let trace: f64 = (0..n).map(|i| both[(i, i)]).sum();
            let n = n as f64;
            trace + total(k) * total(l) / ((n - 1.0) * (n - 2.0)) - 2.0 / (n - 2.0) * total(&both)
        };
        let (k, l) = (kernel(x), kernel(y));
        hsic(&k, &l) / (hsic(&k, &k) * hsic(&l, &l)).sqrt()
    }

    #[test]
    fn every_way_gives_one_number() {
        let values: Vec<f64> = (0..60).map(|i| f64::from(i * i % 29) + 3.0).collect();
        // Wide, narrow and square, so that both ways to the trace are taken.
        for (n, p, q) in [(6, 9, 1), (4, 10, 8), (12, 2, 3), (5, 5, 5)] {
            let (x, y) = (Matrix::new(&values[..n * p], p).unwrap(), Matrix::new(&values[60 - n * q..], q).unwrap());
            let debiased = debiased_cka(x, y).unwrap();
            assert!((debiased - by_definition(x, y)).abs() < 1e-12, "{debiased}");
            for (form, value) in [(Cka::Debiased, debiased), (Cka::Linear, linear_cka(x, y).unwrap())] {
                let estimate = cka_permuted(x, y, form, 19, 4).unwrap();
                assert!((estimate.value() - value).abs() < 1e-12);
                assert_eq!(estimate, cka_permuted(x, y, form, 19, 4).unwrap());
            }
        }
    }

    #[test]
    fn without_a_relation_only_the_debiased_is_zero() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (n, width, studies) = (30, 200, 50);
        let (mut linear, mut debiased, mut small_p) = (0.0, 0.0, 0);
        for study in 0..studies {
            let mut draw = || (0..n * width).map(|_| standard_normal(&mut rng)).collect::<Vec<f64>>();
            let (x, y) = (draw(), draw());
            let (x, y) = (Matrix::new(&x, width).unwrap(), Matrix::new(&y, width).unwrap());
            linear += linear_cka(x, y).unwrap() / f64::from(studies);
            let estimate = cka_permuted(x, y, Cka::Debiased, 19, study as u64).unwrap();
            debiased += estimate.value() / f64::from(studies);
            small_p += usize::from(estimate.p().unwrap().value() <= 0.1);
        }
        assert!(linear > 0.8, "{linear}");
        assert!(debiased.abs() < 0.02, "{debiased}");
        assert!(small_p <= 13, "{small_p}"); // 5 expected, standard deviation 2.1
    }

    #[test]
    fn what_has_no_similarity_is_refused() {
        let check = |x: &[f64], y: &[f64], form| {
            cka_permuted(Matrix::new(x, 1).unwrap(), Matrix::new(y, 1).unwrap(), form, 9, 0).unwrap_err()
        };
        assert!(matches!(check(&[1.0, 2.0], &[1.0], Cka::Linear), StatsError::LengthMismatch { .. }));
        assert!(matches!(check(&[1.0, 2.0], &[1.0, 1.0], Cka::Linear), StatsError::NoSpread { .. }));
        assert!(matches!(
            check(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], Cka::Debiased),
            StatsError::TooFew { least: 4, .. }
        ));
        let x = Matrix::new(&[1.0, 2.0], 1).unwrap();
        assert!(matches!(cka_permuted(x, x, Cka::Linear, 0, 0), Err(StatsError::Empty { .. })));
    }
}
