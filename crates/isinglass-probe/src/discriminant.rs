//! Rows compared with class means, in the metric of a covariance.

use faer::{Mat, MatRef};

use crate::algebra::product;
use crate::covariance::Covariance;
use crate::error::FitError;
use crate::fold::{Fold, scores};
use crate::logistic::all_present;
use crate::probe::{n_scores, of_labellings};

/// `score_c = (x − (μ_c + m) / 2) · Σ⁻¹ (μ_c − m)`, where `m` is the mean of the class means; of two classes, class 1 against
/// class 0 instead.
#[derive(Debug)]
pub(crate) struct Discriminant {
    /// Over the columns of the rows, or over the fold's coordinates.
    weights: Mat<f64>,
    pub(crate) intercepts: Vec<f64>,
    in_columns: bool,
}

impl Discriminant {
    /// One for each labelling, in columns side by side; without a covariance, in the metric that the rows have.
    pub(crate) fn of(
        fold: &Fold,
        labellings: &[Vec<usize>],
        n_classes: usize,
        covariance: Option<Covariance>,
    ) -> Result<Self, FitError> {
        labellings.iter().try_for_each(|labels| all_present(labels, n_classes))?;
        let in_columns = covariance.is_some_and(|covariance| !covariance.turns_with_the_axes());
        let [coordinates, _] = fold.coordinates();
        let rows = if in_columns { fold.train() } else { coordinates };
        let means = means(rows, labellings, n_classes);
        let columns = n_scores(n_classes);
        let (mut weights, mut intercepts) = (Mat::zeros(rows.ncols(), labellings.len() * columns), Vec::new());
        for (p, labels) in labellings.iter().enumerate() {
            let of = |class: usize| means.col_as_slice(p * n_classes + class);
            let middle = |i: usize| (0..n_classes).map(|class| of(class)[i]).sum::<f64>() / n_classes as f64;
            let difference =
                |i: usize, c: usize| if n_classes == 2 { of(1)[i] - of(0)[i] } else { of(c)[i] - middle(i) };
            let mut turned = Mat::from_fn(rows.ncols(), columns, difference);
            if let Some(covariance) = covariance {
                turned = covariance.within(rows, labels, n_classes, fold.train().ncols())?.times(turned);
            }
            for c in 0..columns {
                let w = turned.col_as_slice(c);
                weights.col_as_slice_mut(p * columns + c).copy_from_slice(w);
                let halfway = |i: usize| if n_classes == 2 { middle(i) } else { f64::midpoint(of(c)[i], middle(i)) };
                intercepts.push(-w.iter().enumerate().map(|(i, w): (usize, &f64)| w * halfway(i)).sum::<f64>());
            }
        }
        Ok(Self { weights, intercepts, in_columns })
    }

    /// Scores of the fold's test rows, for each labelling.
    pub(crate) fn scores(&self, fold: &Fold, n_classes: usize) -> Vec<Vec<f64>> {
        let [_, coordinates] = fold.coordinates();
        let test = if self.in_columns { fold.test() } else { coordinates };
        of_labellings(&scores(test, self.weights.as_ref(), &self.intercepts), n_classes)
    }

    /// Weights over the columns, and intercepts.
    pub(crate) fn over_columns(self, fold: &Fold) -> (Mat<f64>, Vec<f64>) {
        let weights = if self.in_columns { self.weights } else { fold.over_columns(self.weights) };
        (weights, self.intercepts)
    }
}

/// Mean of the rows of each class: `[width, labellings × classes]`.
fn means(rows: MatRef<'_, f64>, labellings: &[Vec<usize>], n_classes: usize) -> Mat<f64> {
    let mut shares = Mat::zeros(rows.nrows(), labellings.len() * n_classes);
    for (p, labels) in labellings.iter().enumerate() {
        let mut counts = vec![0_usize; n_classes];
        for &class in labels {
            counts[class] += 1;
        }
        labels
            .iter()
            .enumerate()
            .for_each(|(i, &class)| shares[(i, p * n_classes + class)] = 1.0 / counts[class] as f64);
    }
    product(rows.transpose(), shares.as_ref())
}
