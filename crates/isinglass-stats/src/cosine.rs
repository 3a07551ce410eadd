//! Cosines between vectors, and how low their mean can be.

use faer::Mat;

use crate::decompose::product;
use crate::error::{finite, same_length};
use crate::matrix::row_major;
use crate::{Estimate, Matrix, StatsError};

/// The cosine of every vector with every other, one row of the result for each.
///
/// `cos(a, b) = a · b / (|a| |b|)`.
/// Between activations it is ruled by what they all share (centre them first), and between separately trained
/// classifiers it reflects the classifiers, not the concepts: see [`cosine_floor`].
///
/// # Errors
///
/// [`StatsError::ZeroVector`] with the first vector of length zero.
///
/// ```
/// use isinglass_stats::{Matrix, cosine_matrix};
///
/// let cosines = cosine_matrix(Matrix::new(&[2.0, 0.0, 3.0, 3.0], 2)?)?;
/// assert!((cosines[1] - 0.5_f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn cosine_matrix(vectors: Matrix<'_>) -> Result<Vec<f64>, StatsError> {
    let unit = unit_rows(vectors, "a cosine")?;
    Ok(row_major(product(unit.as_ref(), unit.transpose()).as_ref()))
}

/// The cosine of two vectors.
///
/// `cos(a, b) = a · b / (|a| |b|)`, for which there is no interval: the vectors are taken as given.
/// If they were fitted, their null is the same fit on permuted labels ([`Estimate::with_permutation_two_sided`]): it need
/// not lie around 0, and its spread is not that of random directions, since fitted directions keep to where rows vary.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::Empty`] without numbers, [`StatsError::NotANumber`],
/// [`StatsError::NotFinite`], [`StatsError::ZeroVector`].
///
/// ```
/// let cosine = isinglass_stats::cosine(&[3.0, 4.0], &[5.0, 0.0])?;
/// assert!((cosine.value() - 0.6).abs() < 1e-15);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn cosine(a: &[f64], b: &[f64]) -> Result<Estimate, StatsError> {
    same_length(("b", b.len()), ("a", a.len()))?;
    finite("a", a)?;
    finite("b", b)?;
    let cosines = cosine_matrix(Matrix::new(&[a, b].concat(), a.len())?)?;
    Ok(Estimate::new(cosines[1].clamp(-1.0, 1.0), None, 2, "cosine of two vectors"))
}

/// The least mean pairwise cosine that `k` vectors can have: `-1 / (k - 1)`.
///
/// For unit vectors `0 <= |u₁ + … + u_k|² = k + k (k - 1) · mean cosine`, with equality where they sum to zero.
///
/// One-vs-rest classifiers on balanced classes come to lie there by themselves: their targets sum to a constant, so
/// their weights sum to zero (exactly for least squares, nearly for logistic regression and for the rows of a softmax),
/// and on random labels all are of one length.
/// So three of them have a mean cosine of about -1/2 **because there is nothing to find**, and any structure raises
/// it: a cosine near the floor says neither that concepts are opposed nor that they are separate.
///
/// # Errors
///
/// [`StatsError::TooFew`] below 2 vectors.
///
/// ```
/// assert_eq!(isinglass_stats::cosine_floor(3)?, -0.5);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn cosine_floor(k: usize) -> Result<f64, StatsError> {
    if k < 2 {
        return Err(StatsError::TooFew { what: "vectors", got: k, least: 2, statistic: "a pairwise cosine" });
    }
    Ok(-1.0 / (k - 1) as f64)
}

/// The mean cosine over all pairs of vectors; the method names the [`cosine_floor`] it must be read against.
///
/// The vectors are taken as given: if they were fitted, their null is the same fit on permuted labels
/// ([`Estimate::with_permutation`]), never a cosine of zero.
///
/// # Errors
///
/// [`StatsError::TooFew`] below 2 vectors, [`StatsError::ZeroVector`].
///
/// ```
/// use isinglass_stats::{Matrix, mean_pairwise_cosine};
///
/// let triangle = [1.0, 0.0, -0.5, 0.75_f64.sqrt(), -0.5, -(0.75_f64.sqrt())];
/// let estimate = mean_pairwise_cosine(Matrix::new(&triangle, 2)?)?;
/// assert!((estimate.value() + 0.5).abs() < 1e-15);
/// assert_eq!(estimate.method(), "mean pairwise cosine of 3 vectors (floor -1/2: lower is impossible)");
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn mean_pairwise_cosine(vectors: Matrix<'_>) -> Result<Estimate, StatsError> {
    let k = vectors.n_rows();
    cosine_floor(k)?;
    let unit = unit_rows(vectors, "a cosine")?;
    let cosines = product(unit.as_ref(), unit.transpose());
    let sum: f64 = (0..k).map(|i| (0..i).map(|j| cosines[(i, j)]).sum::<f64>()).sum();
    let floor = if k == 2 { "-1".to_owned() } else { format!("-1/{}", k - 1) };
    let method = format!("mean pairwise cosine of {k} vectors (floor {floor}: lower is impossible)");
    Ok(Estimate::new(sum / (k * (k - 1) / 2) as f64, None, k, &method))
}

/// The rows, each scaled to length 1.
pub(crate) fn unit_rows(rows: Matrix<'_>, statistic: &'static str) -> Result<Mat<f64>, StatsError> {
    let mut unit = rows.to_faer().to_owned();
    for i in 0..rows.n_rows() {
        let greatest = rows.row(i).iter().fold(0.0, |max: f64, x| max.max(x.abs()));
        if greatest <= 0.0 {
            return Err(StatsError::ZeroVector { what: "row", index: i, statistic });
        }
        // In units of the greatest, whose square does not vanish.
        let length = rows.row(i).iter().map(|x| (x / greatest).powi(2)).sum::<f64>().sqrt();
        unit.row_mut(i).iter_mut().for_each(|x| *x = *x / greatest / length);
    }
    Ok(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_by_hand() {
        let got = cosine_matrix(Matrix::new(&[3.0, 4.0, -4.0, 3.0, 1e-200, 0.0], 2).unwrap()).unwrap();
        for (got, expected) in got.iter().zip([1.0, 0.0, 0.6, 0.0, 1.0, -0.8, 0.6, -0.8, 1.0]) {
            assert!((got - expected).abs() < 1e-15, "{got} {expected}");
        }
        let mean = mean_pairwise_cosine(Matrix::new(&[3.0, 4.0, -4.0, 3.0, 1.0, 0.0], 2).unwrap()).unwrap();
        assert!((mean.value() + 0.2 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn vectors_without_a_cosine_are_refused() {
        let check = |values: &[f64]| mean_pairwise_cosine(Matrix::new(values, 2).unwrap()).unwrap_err();
        assert_eq!(
            check(&[1.0, 0.0, 0.0, 0.0]),
            StatsError::ZeroVector { what: "row", index: 1, statistic: "a cosine" }
        );
        assert!(matches!(cosine(&[0.0], &[1.0]), Err(StatsError::ZeroVector { index: 0, .. })));
        assert!(matches!(cosine(&[1.0], &[1.0, 2.0]), Err(StatsError::LengthMismatch { .. })));
        assert!(matches!(cosine(&[], &[]), Err(StatsError::Empty { .. })));
        assert!(matches!(cosine(&[1.0], &[f64::NAN]), Err(StatsError::NotANumber { .. })));
        assert!(matches!(check(&[1.0, 0.0]), StatsError::TooFew { got: 1, .. }));
        assert!(cosine_floor(1).is_err());
    }
}
