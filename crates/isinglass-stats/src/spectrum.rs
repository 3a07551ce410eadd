//! Spectra of rows that are drawn again and again.

use faer::Mat;

use crate::StatsError;
use crate::decompose::{eigenvalues, product};

/// Spectra of rows drawn from a matrix, in the smaller of its dimensions.
pub(crate) struct Sampler {
    rows: Mat<f64>,
    /// Products of rows with rows, if they are fewer than the columns.
    gram: Option<Mat<f64>>,
}

impl Sampler {
    pub(crate) fn new(rows: Mat<f64>) -> Self {
        let gram = (rows.nrows() < rows.ncols()).then(|| product(rows.as_ref(), rows.transpose()));
        Self { rows, gram }
    }

    /// The singular values where row `i` occurs `times[i]` times, centred anew; good to 1e-7 of the greatest.
    ///
    /// What may be rounding alone is zero, so that equal rows have no spread.
    pub(crate) fn singular_values(&self, times: &[u64]) -> Result<Vec<f64>, StatsError> {
        let drawn: Vec<usize> = (0..times.len()).filter(|&row| times[row] > 0).collect();
        let weight: Vec<f64> = drawn.iter().map(|&row| times[row] as f64).collect();
        let n: f64 = weight.iter().sum();
        let Some(gram) = &self.gram else {
            let mean = |j: usize| drawn.iter().zip(&weight).map(|(&i, w)| w * self.rows[(i, j)]).sum::<f64>() / n;
            let means: Vec<f64> = (0..self.rows.ncols()).map(mean).collect();
            let scaled =
                Mat::from_fn(drawn.len(), means.len(), |i, j| weight[i].sqrt() * (self.rows[(drawn[i], j)] - means[j]));
            let lengths = (0..drawn.len()).map(|i| self.rows.row(drawn[i]).iter().map(|x| x * x).sum());
            let smaller = if drawn.len() < means.len() {
                product(scaled.as_ref(), scaled.transpose())
            } else {
                product(scaled.transpose(), scaled.as_ref())
            };
            return Ok(roots(&eigenvalues(smaller.as_ref())?, lengths, n));
        };
        // (x_i - m)·(x_j - m) from products of the x alone.
        let with_mean: Vec<f64> =
            drawn.iter().map(|&i| drawn.iter().zip(&weight).map(|(&j, w)| w * gram[(j, i)]).sum::<f64>() / n).collect();
        let of_mean = with_mean.iter().zip(&weight).map(|(x, w)| w * x).sum::<f64>() / n;
        let centred = Mat::from_fn(drawn.len(), drawn.len(), |i, j| {
            let about_mean = gram[(drawn[i], drawn[j])] - with_mean[i] - with_mean[j] + of_mean;
            (weight[i] * weight[j]).sqrt() * about_mean
        });
        Ok(roots(&eigenvalues(centred.as_ref())?, drawn.iter().map(|&i| gram[(i, i)]), n))
    }
}

/// The roots of eigenvalues that exceed the rounding of rows of such squared lengths.
fn roots(eigenvalues: &[f64], lengths: impl Iterator<Item = f64>, n: f64) -> Vec<f64> {
    let rounding = f64::EPSILON * n * lengths.fold(0.0, f64::max);
    eigenvalues.iter().map(|&value| if value > rounding { value.sqrt() } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;
    use crate::decompose::singular_values;

    #[test]
    fn a_draw_is_the_rows_written_out() {
        let values: Vec<f64> = (0..28).map(|i| f64::from(i * i % 13) - 3.0).collect();
        let times = [2, 0, 1, 3, 0, 1, 1];
        // Both ways round: more rows than columns, and fewer.
        for (width, times) in [(4, &times[..]), (7, &times[..4])] {
            let rows = Matrix::new(&values, width).unwrap();
            let written: Vec<f64> = rows
                .rows()
                .zip(times)
                .flat_map(|(row, &times)| std::iter::repeat_n(row, times as usize).flatten().copied())
                .collect();
            let expected =
                singular_values(Matrix::new(&written, width).unwrap().centred("").unwrap().as_ref()).unwrap();
            let got = Sampler::new(rows.centred("").unwrap()).singular_values(times).unwrap();
            for (i, expected) in expected.iter().enumerate() {
                let got = got.get(i).copied().unwrap_or(0.0);
                assert!((got - expected).abs() < 1e-6, "{width}, {i}: {got} {expected}");
            }
        }
    }

    #[test]
    fn one_row_however_often_has_no_spread() {
        let values: Vec<f64> = (0..15).map(|i| f64::from(i * i) / 7.0).collect();
        for (width, times) in [(5, &[3, 0, 0][..]), (3, &[0, 5, 0, 0, 0][..])] {
            let sampler = Sampler::new(Matrix::new(&values, width).unwrap().centred("").unwrap());
            assert!(sampler.singular_values(times).unwrap().iter().all(|&s| s.abs() < 1e-300));
        }
    }
}
