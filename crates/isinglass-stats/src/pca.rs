//! Principal components.

use crate::decompose::{ThinSvd, product, thin_svd};
use crate::matrix::row_major;
use crate::rank::components_for;
use crate::{Matrix, StatsError};

/// The principal components of rows: orthogonal directions, each with the most variance that those before leave.
///
/// The singular value decomposition of the centred rows `X - mean = U diag(s) Vᵀ`: the components are the columns of
/// `V`, their variances `s² / (n - 1)` (Pearson 1901; Hotelling 1933).
/// There are as many as the smaller of the width and `n - 1`, the most directions in which `n` centred rows can vary.
///
/// A component's sign is arbitrary and fixed so: its entry of greatest magnitude is positive (the first of equals).
///
/// What varies most need not be what a model uses, nor what a label depends on; and components of nearly equal variance
/// rotate into each other from sample to sample.
///
/// ```
/// use isinglass_stats::{Matrix, Pca};
///
/// let rows = [0.0, 0.0, 3.0, 4.0, 6.0, 8.0]; // three rows along (3, 4)
/// let pca = Pca::fit(Matrix::new(&rows, 2)?)?;
/// assert!((pca.explained_variance()[0] - 25.0).abs() < 1e-12); // scores -5, 0 and 5 over n - 1
/// assert!((pca.component(0)[1] - 0.8).abs() < 1e-12);
/// assert_eq!(pca.n_components_for(0.9)?, 1); // the "90 % rank"
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    mean: Vec<f64>,
    singular_values: Vec<f64>,
    variances: Vec<f64>,
    ratios: Vec<f64>,
    /// Row after row.
    components: Vec<f64>,
}

impl Pca {
    /// The components of `rows`.
    ///
    /// # Errors
    ///
    /// [`StatsError::TooFew`] below 2 rows, [`StatsError::NoSpread`] if all are equal, [`StatsError::NotConverged`].
    pub fn fit(rows: Matrix<'_>) -> Result<Self, StatsError> {
        let centred = rows.centred("a principal component")?;
        let ThinSvd { mut s, v, .. } = thin_svd(centred.as_ref())?;
        s.truncate(rows.n_rows() - 1);
        let mut components = row_major(v.transpose());
        components.truncate(s.len() * rows.width());
        for component in components.chunks_exact_mut(rows.width()) {
            let greatest = component.iter().fold(0.0_f64, |most, &x| if x.abs() > most.abs() { x } else { most });
            if greatest < 0.0 {
                for x in component {
                    *x = -*x;
                }
            }
        }
        let variances: Vec<f64> = s.iter().map(|s| s * s / (rows.n_rows() - 1) as f64).collect();
        let total: f64 = variances.iter().sum();
        let ratios = variances.iter().map(|variance| variance / total).collect();
        Ok(Self { mean: rows.column_means(), singular_values: s, variances, ratios, components })
    }

    /// How many components there are: the smaller of the width and the number of rows less one.
    pub fn n_components(&self) -> usize {
        self.singular_values.len()
    }

    /// How many values a row has.
    pub fn width(&self) -> usize {
        self.mean.len()
    }

    /// The mean row.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The variance along each component, over `n - 1`, descending.
    pub fn explained_variance(&self) -> &[f64] {
        &self.variances
    }

    /// The share of the total variance along each component; they sum to 1.
    pub fn explained_variance_ratio(&self) -> &[f64] {
        &self.ratios
    }

    /// The singular values of the centred rows, descending.
    pub fn singular_values(&self) -> &[f64] {
        &self.singular_values
    }

    /// Component `i`, from 0: a unit vector.
    ///
    /// # Panics
    ///
    /// If there is no such component.
    pub fn component(&self, i: usize) -> &[f64] {
        &self.components[i * self.width()..(i + 1) * self.width()]
    }

    /// All components, one row each.
    pub fn components(&self) -> &[f64] {
        &self.components
    }

    /// The scores of rows, one row of [`n_components`](Self::n_components) for each: their distances from the mean
    /// along each component.
    ///
    /// # Errors
    ///
    /// [`StatsError::LengthMismatch`] for rows of another width than those fitted.
    pub fn transform(&self, rows: Matrix<'_>) -> Result<Vec<f64>, StatsError> {
        crate::error::same_length(("columns", rows.width()), ("columns fitted", self.width()))?;
        let centred = faer::Mat::from_fn(rows.n_rows(), self.width(), |i, j| rows.row(i)[j] - self.mean[j]);
        let components = faer::MatRef::from_row_major_slice(&self.components, self.n_components(), self.width());
        Ok(row_major(product(centred.as_ref(), components.transpose()).as_ref()))
    }

    /// The least number of components that hold a `share` of the variance: 0.9 gives the "90 % rank".
    ///
    /// It depends on the number of rows, which bounds it: compare it between samples of one size only
    /// ([`rank_curve`](crate::rank_curve)).
    ///
    /// # Errors
    ///
    /// [`StatsError::OutOfRange`] unless `0 < share <= 1`.
    pub fn n_components_for(&self, share: f64) -> Result<usize, StatsError> {
        components_for(&self.singular_values, share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], width: usize) -> Pca {
        let rows = Matrix::new(values, width).unwrap();
        let pca = Pca::fit(rows).unwrap();
        let (n, k) = (rows.n_rows(), pca.n_components());
        let scores = pca.transform(rows).unwrap();
        // The scores and components give the rows back.
        for i in 0..n {
            for j in 0..width {
                let back = pca.mean()[j] + (0..k).map(|c| scores[i * k + c] * pca.component(c)[j]).sum::<f64>();
                assert!((back - values[i * width + j]).abs() < 1e-12, "{i} {j}: {back}");
            }
        }
        assert!((pca.explained_variance_ratio().iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(
            pca.components().chunks_exact(width).all(|c| (c.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-12)
        );
        pca
    }

    #[test]
    fn components_by_hand() {
        // Centred: (±2, 0) and (0, ±1): variances 8 / 3 and 2 / 3.
        let pca = check(&[3.0, 5.0, -1.0, 5.0, 1.0, 6.0, 1.0, 4.0], 2);
        assert_eq!((pca.mean(), pca.n_components()), (&[1.0, 5.0][..], 2));
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(pca.explained_variance()[0], 8.0 / 3.0);
        close(pca.explained_variance_ratio()[1], 0.2);
        close(pca.component(0)[0], 1.0);
        close(pca.component(1)[1], 1.0);
        assert_eq!([0.5, 0.8, 0.81, 1.0].map(|share| pca.n_components_for(share).unwrap()), [1, 1, 2, 2]);
    }

    #[test]
    fn rows_fewer_than_columns_have_one_component_less_than_rows() {
        let pca = check(&[1.0, 2.0, 0.0, 4.0, 0.5, -1.0, 3.0, 0.0, 2.0, 2.0, 2.0, 7.0], 4);
        assert_eq!(pca.n_components(), 2);
        assert!(pca.singular_values()[1] > 0.1);
    }

    #[test]
    fn what_has_no_components_is_refused() {
        let check = |values: &[f64], width| Pca::fit(Matrix::new(values, width).unwrap()).unwrap_err();
        assert!(matches!(check(&[1.0, 2.0], 2), StatsError::TooFew { got: 1, least: 2, .. }));
        assert!(matches!(check(&[0.1, 0.2, 0.1, 0.2, 0.1, 0.2], 2), StatsError::NoSpread { .. }));
        let pca = Pca::fit(Matrix::new(&[1.0, 2.0], 1).unwrap()).unwrap();
        assert!(matches!(pca.transform(Matrix::new(&[1.0, 2.0], 2).unwrap()), Err(StatsError::LengthMismatch { .. })));
        assert!(matches!(pca.n_components_for(0.0), Err(StatsError::OutOfRange { .. })));
        assert!(matches!(pca.n_components_for(f64::NAN), Err(StatsError::OutOfRange { .. })));
    }
}
