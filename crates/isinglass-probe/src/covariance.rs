//! The covariance within classes, shrunk or not.

use std::fmt;

use faer::{Mat, MatRef};

use crate::algebra::{Cholesky, eigen, gram, product};
use crate::error::FitError;
use crate::features::Features;

/// How the covariance within classes is estimated.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Covariance {
    /// Over all rows, each from the mean of its class; where rows are few it has no inverse, and its pseudo-inverse ignores
    /// what lies outside of the spread within classes.
    Pooled,
    /// The mean of the classes' covariances, weighted by their shares of the rows, each shrunk by this share towards equal
    /// variances: `(1 − s) S + s tr(S) / d`.
    Shrunk(f64),
    /// As [`Shrunk`](Self::Shrunk), each class by the share that Ledoit and Wolf ("A well-conditioned estimator for
    /// large-dimensional covariance matrices", 2004) find for its rows, on columns scaled to variance 1 in the class.
    LedoitWolf,
}

impl fmt::Display for Covariance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pooled => f.write_str("pooled covariance"),
            Self::Shrunk(share) => write!(f, "covariance shrunk by {share}"),
            Self::LedoitWolf => f.write_str("Ledoit-Wolf covariance"),
        }
    }
}

/// A covariance ready to be divided by.
#[derive(Debug)]
pub(crate) enum Inverse {
    Factor(Cholesky),
    /// The inverses of the eigenvalues, zero for those that are none, and the eigenvectors.
    Pseudo(Vec<f64>, Mat<f64>),
}

/// Eigenvalues below this share of the greatest are rounding.
const NEGLIGIBLE: f64 = 1e-12;

impl Covariance {
    /// The covariance within classes, over n, of rows in coordinates of a space of `dimensions`, which may be more than the
    /// rows have coordinates.
    pub(crate) fn within(
        self,
        rows: MatRef<'_, f64>,
        labels: &[usize],
        n_classes: usize,
        dimensions: usize,
    ) -> Result<Inverse, FitError> {
        let (n, d) = (rows.nrows() as f64, rows.ncols());
        if let Self::Shrunk(share) = self
            && !(0.0..=1.0).contains(&share)
        {
            return Err(FitError::BadSetting { what: "shrinkage", value: share, range: "between 0 and 1" });
        }
        let mut sum = Mat::zeros(d, d);
        for class in 0..n_classes {
            let of_class: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == class).collect();
            let centred = centred(rows, &of_class);
            let share = of_class.len() as f64 / n;
            let covariance = match self {
                Self::Pooled => over_n(&centred),
                Self::Shrunk(by) => shrink(over_n(&centred), by, dimensions),
                Self::LedoitWolf => {
                    let deviations: Vec<f64> = centred.col_iter().map(|c| deviation(c.iter())).collect();
                    let scaled = Mat::from_fn(centred.nrows(), d, |i, j| centred[(i, j)] / deviations[j]);
                    let shrunk = shrink(over_n(&scaled), ledoit_wolf_of(&scaled), d);
                    Mat::from_fn(d, d, |i, j| deviations[i] * shrunk[(i, j)] * deviations[j])
                }
            };
            for j in 0..d {
                let from = covariance.col_as_slice(j);
                sum.col_as_slice_mut(j).iter_mut().zip(from).for_each(|(to, from): (&mut f64, _)| *to += share * from);
            }
        }
        Ok(Inverse::of(&sum))
    }

    /// Whether it is the same whichever way the axes are turned, so that it may be estimated in the span of the rows.
    pub(crate) fn turns_with_the_axes(self) -> bool {
        self != Self::LedoitWolf
    }
}

/// The share by which Ledoit and Wolf shrink the covariance of the rows, from their mean, towards equal variances.
///
/// # Errors
/// [`FitError::Ragged`] or [`FitError::NotFinite`] if the values are no rows of numbers.
///
/// ```
/// // Four rows say little of a covariance in three dimensions: it is shrunk far.
/// let rows = [1.0, 0.0, 2.0, 0.0, 1.0, 1.0, 3.0, 2.0, 0.0, 1.0, 1.0, 4.0];
/// assert!(isinglass_probe::ledoit_wolf(&rows, 3)? > 0.5);
/// # Ok::<(), isinglass_probe::FitError>(())
/// ```
pub fn ledoit_wolf(rows: &[f64], width: usize) -> Result<f64, FitError> {
    let features = Features::new("rows", width, rows.to_vec())?;
    let all: Vec<usize> = (0..features.len()).collect();
    Ok(ledoit_wolf_of(&centred(features.matrix(&all).as_ref(), &all)))
}

fn ledoit_wolf_of(centred: &Mat<f64>) -> f64 {
    let (n, d) = (centred.nrows() as f64, centred.ncols() as f64);
    let covariance = over_n(centred);
    let squares: f64 = covariance.col_iter().map(|column| column.iter().map(|v| v * v).sum::<f64>()).sum();
    let trace: f64 = (0..covariance.ncols()).map(|j| covariance[(j, j)]).sum();
    // Sum over rows of their squared lengths, squared: what the products of entries vary by.
    let fourth: f64 = centred.row_iter().map(|row| row.iter().map(|v| v * v).sum::<f64>().powi(2)).sum();
    let noise = (fourth / n - squares) / (d * n);
    let distance = (squares - trace * trace / d) / d;
    let noise = noise.min(distance);
    if noise > 0.0 { noise / distance } else { 0.0 }
}

/// `(1 − by) covariance + by tr / dimensions`
fn shrink(mut covariance: Mat<f64>, by: f64, dimensions: usize) -> Mat<f64> {
    let trace: f64 = (0..covariance.ncols()).map(|j| covariance[(j, j)]).sum();
    for j in 0..covariance.ncols() {
        covariance.col_as_slice_mut(j).iter_mut().for_each(|v| *v *= 1.0 - by);
        covariance[(j, j)] += by * trace / dimensions as f64;
    }
    covariance
}

/// Some of the rows, from their mean.
fn centred(rows: MatRef<'_, f64>, of: &[usize]) -> Mat<f64> {
    let mut centred = Mat::from_fn(of.len(), rows.ncols(), |i, j| rows[(of[i], j)]);
    for j in 0..centred.ncols() {
        let column: &mut [f64] = centred.col_as_slice_mut(j);
        let mean = column.iter().sum::<f64>() / column.len() as f64;
        for value in column {
            *value -= mean;
        }
    }
    centred
}

fn over_n(centred: &Mat<f64>) -> Mat<f64> {
    let mut covariance = gram(centred.transpose());
    let n = centred.nrows() as f64;
    (0..covariance.ncols()).for_each(|j| covariance.col_as_slice_mut(j).iter_mut().for_each(|v: &mut f64| *v /= n));
    covariance
}

/// The deviation of centred values; 1 for those that do not vary.
fn deviation<'a>(values: impl ExactSizeIterator<Item = &'a f64>) -> f64 {
    let n = values.len() as f64;
    let deviation = (values.map(|v| v * v).sum::<f64>() / n).sqrt();
    if deviation > 0.0 { deviation } else { 1.0 }
}

impl Inverse {
    fn of(covariance: &Mat<f64>) -> Self {
        match Cholesky::new(covariance.clone()) {
            Some(factor) if factor.spread() > NEGLIGIBLE => Self::Factor(factor),
            _ => {
                let (values, vectors) = eigen(covariance.as_ref());
                let greatest = values.last().copied().unwrap_or(0.0);
                let inverse = |v: &f64| if *v > NEGLIGIBLE * greatest { 1.0 / v } else { 0.0 };
                Self::Pseudo(values.iter().map(inverse).collect(), vectors)
            }
        }
    }

    /// The inverse times the columns.
    pub(crate) fn times(&self, mut columns: Mat<f64>) -> Mat<f64> {
        match self {
            Self::Factor(factor) => {
                factor.solve(columns.as_mut());
                columns
            }
            Self::Pseudo(inverses, vectors) => {
                let mut along = product(vectors.transpose(), columns.as_ref());
                for j in 0..along.ncols() {
                    along
                        .col_as_slice_mut(j)
                        .iter_mut()
                        .zip(inverses)
                        .for_each(|(v, inverse): (&mut f64, _)| *v *= inverse);
                }
                product(vectors.as_ref(), along.as_ref())
            }
        }
    }
}
