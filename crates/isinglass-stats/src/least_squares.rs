//! The decomposition that every linear fit of this crate rests on.

use faer::Mat;

use crate::StatsError;
use crate::decompose::{product, thin_qr};

/// Of a column, what must be left once the columns before it are taken out, as a share of its length.
const LEAST_LEFT: f64 = 1e-10;

/// `X = Q R` with orthonormal columns of `Q`, of a matrix of full column rank.
///
/// Normal equations would square the condition number; this does not.
#[derive(Debug)]
pub(crate) struct LeastSquares {
    q: Mat<f64>,
    r: Mat<f64>,
    r_inverse: Mat<f64>,
}

impl LeastSquares {
    /// Decomposes columns of one length; [`StatsError::Singular`] if one is a combination of those before it.
    pub(crate) fn new(what: &'static str, columns: &[Vec<f64>]) -> Result<Self, StatsError> {
        let (n, k) = (columns[0].len(), columns.len());
        if n < k {
            return Err(StatsError::Singular { what });
        }
        let x = Mat::from_fn(n, k, |row, column| columns[column][row]);
        let (q, r) = thin_qr(x);
        for (j, column) in columns.iter().enumerate() {
            let length = column.iter().map(|v| v * v).sum::<f64>().sqrt();
            let left = r[(j, j)].abs();
            if left <= LEAST_LEFT * length || left.is_nan() {
                return Err(StatsError::Singular { what });
            }
        }
        let r_inverse = upper_inverse(&r);
        Ok(Self { q, r, r_inverse })
    }

    /// `Q' y`.
    pub(crate) fn rotated(&self, y: &[f64]) -> Vec<f64> {
        (0..self.q.ncols()).map(|j| y.iter().enumerate().map(|(i, y)| self.q[(i, j)] * y).sum()).collect()
    }

    /// The coefficients of a vector in the span of `X`, given its coordinates in `Q`.
    pub(crate) fn coefficients(&self, rotated: &[f64]) -> Vec<f64> {
        let k = rotated.len();
        (0..k).map(|i| (i..k).map(|j| self.r_inverse[(i, j)] * rotated[j]).sum()).collect()
    }

    /// `Q c`: what the fit says for each row.
    pub(crate) fn fitted(&self, rotated: &[f64]) -> Vec<f64> {
        (0..self.q.nrows()).map(|i| rotated.iter().enumerate().map(|(j, c)| self.q[(i, j)] * c).sum()).collect()
    }

    /// The row of `Q`; its squared length is the row's leverage.
    pub(crate) fn row(&self, row: usize) -> Vec<f64> {
        (0..self.q.ncols()).map(|j| self.q[(row, j)]).collect()
    }

    /// `R⁻¹ M R⁻ᵀ`, the covariance of the coefficients when `M` is that of their coordinates in `Q`.
    pub(crate) fn covariance(&self, of_rotated: &Mat<f64>) -> Mat<f64> {
        product(product(self.r_inverse.as_ref(), of_rotated.as_ref()).as_ref(), self.r_inverse.transpose())
    }

    /// `ln |X'X|`.
    pub(crate) fn ln_det(&self) -> f64 {
        (0..self.r.ncols()).map(|j| 2.0 * self.r[(j, j)].abs().ln()).sum()
    }
}

/// The inverse of an upper triangle without zeros on its diagonal.
fn upper_inverse(r: &Mat<f64>) -> Mat<f64> {
    let k = r.ncols();
    let mut inverse = Mat::zeros(k, k);
    for j in 0..k {
        inverse[(j, j)] = 1.0 / r[(j, j)];
        for i in (0..j).rev() {
            let sum: f64 = (i + 1..=j).map(|l| r[(i, l)] * inverse[(l, j)]).sum();
            inverse[(i, j)] = -sum / r[(i, i)];
        }
    }
    inverse
}

/// The diagonal of a square matrix.
pub(crate) fn diagonal(matrix: &Mat<f64>) -> Vec<f64> {
    (0..matrix.ncols()).map(|j| matrix[(j, j)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_by_hand() {
        // Through (0, 1), (1, 3), (2, 8): slope 7/2, intercept 1/2; (X'X)⁻¹ = [5/6, -1/2; -1/2, 1/2].
        let fit = LeastSquares::new("design", &[vec![1.0; 3], vec![0.0, 1.0, 2.0]]).unwrap();
        let rotated = fit.rotated(&[1.0, 3.0, 8.0]);
        let near = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-14, "{got} {expected}");
        let coefficients = fit.coefficients(&rotated);
        near(coefficients[0], 0.5);
        near(coefficients[1], 3.5);
        near(fit.fitted(&rotated)[2], 7.5);
        let covariance = fit.covariance(&Mat::identity(2, 2));
        near(covariance[(0, 0)], 5.0 / 6.0);
        near(covariance[(1, 0)], -0.5);
        near(fit.ln_det(), 6.0_f64.ln());
        near(fit.row(0).iter().map(|v| v * v).sum(), 5.0 / 6.0);
    }

    #[test]
    fn dependent_columns_are_found_at_any_scale() {
        let a = vec![1e-9, 2e-9, 5e-9, 3e-9];
        let twice: Vec<f64> = a.iter().map(|v| 7e12 * v).collect();
        let check = |columns: &[Vec<f64>]| LeastSquares::new("design", columns).unwrap_err();
        assert_eq!(check(&[a.clone(), twice]), StatsError::Singular { what: "design" });
        assert_eq!(check(&[vec![0.0; 4]]), StatsError::Singular { what: "design" });
        assert_eq!(check(&[vec![1.0], vec![2.0]]), StatsError::Singular { what: "design" });
        assert!(LeastSquares::new("design", &[a, vec![1e12; 4]]).is_ok());
    }
}
