//! Rows of numbers, borrowed and checked once.

use faer::{Mat, MatRef};

use crate::StatsError;

/// The greatest magnitude of a value: its fourth powers can still be summed, as linear CKA does.
const GREATEST: f64 = 1e60;

/// Rows of equal width, borrowed and checked: every value is a number, finite, and there is at least one.
///
/// A row is an example (an activation, a direction), a column one of its coordinates.
///
/// ```
/// use isinglass_stats::Matrix;
///
/// let rows = Matrix::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3)?;
/// assert_eq!((rows.n_rows(), rows.width(), rows.row(1)), (2, 3, &[4.0, 5.0, 6.0][..]));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Matrix<'a> {
    values: &'a [f64],
    width: usize,
}

impl<'a> Matrix<'a> {
    /// Takes `values` as rows of `width`, one after another.
    ///
    /// # Errors
    ///
    /// [`StatsError::Empty`] without values, [`StatsError::Ragged`] if they do not fill whole rows,
    /// [`StatsError::NotANumber`], [`StatsError::NotFinite`], [`StatsError::OutOfRange`] for a magnitude above 1e60,
    /// whose powers would overflow.
    pub fn new(values: &'a [f64], width: usize) -> Result<Self, StatsError> {
        if values.is_empty() {
            return Err(StatsError::Empty { what: "rows" });
        }
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(StatsError::Ragged { n_values: values.len(), width });
        }
        // `!(.. <=)` so that a NaN is found too.
        #[expect(clippy::neg_cmp_op_on_partial_ord, reason = "a NaN must not pass")]
        match values.iter().position(|value| !(value.abs() <= GREATEST)) {
            None => Ok(Self { values, width }),
            Some(index) => Err(match values[index] {
                value if value.is_nan() => StatsError::NotANumber { what: "value", index },
                value if value.is_infinite() => StatsError::NotFinite { what: "value", index, value },
                value => StatsError::OutOfRange { what: "value", value, range: "between -1e60 and 1e60" },
            }),
        }
    }

    /// How many rows there are; at least 1.
    pub fn n_rows(self) -> usize {
        self.values.len() / self.width
    }

    /// How many values a row has; at least 1.
    pub fn width(self) -> usize {
        self.width
    }

    /// The values, row after row.
    pub fn values(self) -> &'a [f64] {
        self.values
    }

    /// Row `i`, from 0.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn row(self, i: usize) -> &'a [f64] {
        &self.values[i * self.width..(i + 1) * self.width]
    }

    /// The rows in their order.
    pub fn rows(self) -> impl ExactSizeIterator<Item = &'a [f64]> + Clone {
        self.values.chunks_exact(self.width)
    }

    pub(crate) fn to_faer(self) -> MatRef<'a, f64> {
        MatRef::from_row_major_slice(self.values, self.n_rows(), self.width)
    }

    /// The mean of each column.
    pub(crate) fn column_means(self) -> Vec<f64> {
        let mut means = vec![0.0; self.width];
        for row in self.rows() {
            for (mean, value) in means.iter_mut().zip(row) {
                *mean += value;
            }
        }
        means.iter().map(|sum| sum / self.n_rows() as f64).collect()
    }

    /// The rows less their mean, as columns of faer; `statistic` names what needs them in the error.
    ///
    /// Equal rows are refused here, since rounding may leave them a spread.
    pub(crate) fn centred(self, statistic: &'static str) -> Result<Mat<f64>, StatsError> {
        if self.n_rows() < 2 {
            return Err(StatsError::TooFew { what: "rows", got: self.n_rows(), least: 2, statistic });
        }
        let first = self.row(0);
        if self.rows().all(|row| row == first) {
            return Err(StatsError::NoSpread { what: "rows", statistic });
        }
        let means = self.column_means();
        Ok(Mat::from_fn(self.n_rows(), self.width, |i, j| self.values[i * self.width + j] - means[j]))
    }
}

/// The values of a matrix of faer, row after row.
pub(crate) fn row_major(matrix: MatRef<'_, f64>) -> Vec<f64> {
    (0..matrix.nrows()).flat_map(|i| (0..matrix.ncols()).map(move |j| matrix[(i, j)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_matrix_is_refused() {
        let check = |values: &[f64], width| Matrix::new(values, width).unwrap_err();
        assert_eq!(check(&[], 2), StatsError::Empty { what: "rows" });
        assert_eq!(check(&[1.0, 2.0, 3.0], 2), StatsError::Ragged { n_values: 3, width: 2 });
        assert_eq!(check(&[1.0], 0), StatsError::Ragged { n_values: 1, width: 0 });
        assert_eq!(check(&[1.0, f64::NAN], 1), StatsError::NotANumber { what: "value", index: 1 });
        let infinite = f64::NEG_INFINITY;
        assert_eq!(check(&[infinite, 0.0], 2), StatsError::NotFinite { what: "value", index: 0, value: infinite });
        assert!(matches!(check(&[1e200], 1), StatsError::OutOfRange { .. }));
    }

    #[test]
    fn centring_takes_the_column_means_off() {
        let rows = Matrix::new(&[1.0, 10.0, 3.0, 40.0], 2).unwrap();
        assert_eq!(rows.column_means(), [2.0, 25.0]);
        assert_eq!(row_major(rows.centred("a test").unwrap().as_ref()), [-1.0, -15.0, 1.0, 15.0]);
        let equal = Matrix::new(&[0.1, 0.1, 0.1], 1).unwrap().centred("a test").unwrap_err();
        assert_eq!(equal, StatsError::NoSpread { what: "rows", statistic: "a test" });
        let one = Matrix::new(&[0.1, 0.1], 2).unwrap().centred("a test").unwrap_err();
        assert_eq!(one, StatsError::TooFew { what: "rows", got: 1, least: 2, statistic: "a test" });
    }
}
