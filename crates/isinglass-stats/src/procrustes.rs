//! The rotation that brings one representation onto another.

use crate::decompose::{ThinSvd, product, squared_norm, thin_svd};
use crate::error::same_length;
use crate::matrix::row_major;
use crate::{Matrix, StatsError};

/// The rotation that brings one representation onto another; made by [`procrustes`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Procrustes {
    /// The orthogonal matrix `R`, row after row, of the width of the rows: centred rows of `x` times `R` come nearest
    /// to `y`.
    pub rotation: Vec<f64>,
    /// `‖x R - y‖`, the root of the summed squares, in the unit of `y`.
    pub residual: f64,
    /// `residual² / ‖y‖²`: the share of the spread of `y` that the rotation leaves.
    pub residual_share: f64,
}

/// The rotation or reflection of `x` that comes nearest to `y`, row by row, both centred.
///
/// `R = U Vᵀ` where `xᵀy = U S Vᵀ` minimises `‖x R - y‖` over the orthogonal matrices (Schönemann 1966).
/// The scale is not fitted; bring both to one scale first if it should not count.
///
/// With as many columns as rows some rotation fits almost anything: judge it on rows that it was not fitted to.
/// If `xᵀy` has not full rank, other rotations do as well.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`] if rows or widths differ in number, [`StatsError::TooFew`] below 2 rows,
/// [`StatsError::NoSpread`] if all rows of one are equal, [`StatsError::NotConverged`].
///
/// ```
/// use isinglass_stats::{Matrix, procrustes};
///
/// let x = [1.0, 2.0, 3.0, 5.0, -1.0, 0.5];
/// let turned = [-2.0, 1.0, -5.0, 3.0, -0.5, -1.0]; // (a, b) became (-b, a)
/// let found = procrustes(Matrix::new(&x, 2)?, Matrix::new(&turned, 2)?)?;
/// assert!(found.residual < 1e-12);
/// assert!(found.rotation.iter().zip([0.0, 1.0, -1.0, 0.0]).all(|(a, b)| (a - b).abs() < 1e-12));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn procrustes(x: Matrix<'_>, y: Matrix<'_>) -> Result<Procrustes, StatsError> {
    same_length(("rows of y", y.n_rows()), ("rows of x", x.n_rows()))?;
    same_length(("columns of y", y.width()), ("columns of x", x.width()))?;
    let (x, y) = (x.centred("a rotation")?, y.centred("a rotation")?);
    let ThinSvd { u, v, .. } = thin_svd(product(x.transpose(), y.as_ref()).as_ref())?;
    let rotation = product(u.as_ref(), v.transpose());
    let left = squared_norm((product(x.as_ref(), rotation.as_ref()) - &y).as_ref());
    Ok(Procrustes {
        rotation: row_major(rotation.as_ref()),
        residual: left.sqrt(),
        residual_share: left / squared_norm(y.as_ref()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_turned_is_left() {
        // x along the first axis with ±1, y along the second with ±3: turned they differ by 2 twice.
        let (x, y) = ([1.0, 0.0, -1.0, 0.0], [5.0, 3.0, 5.0, -3.0]);
        let found = procrustes(Matrix::new(&x, 2).unwrap(), Matrix::new(&y, 2).unwrap()).unwrap();
        assert!((found.residual - 8.0_f64.sqrt()).abs() < 1e-12);
        assert!((found.residual_share - 8.0 / 18.0).abs() < 1e-12);
        assert!((found.rotation[1] - 1.0).abs() < 1e-12);
        let refused = procrustes(Matrix::new(&x, 2).unwrap(), Matrix::new(&y, 4).unwrap());
        assert!(matches!(refused, Err(StatsError::LengthMismatch { .. })));
    }
}
