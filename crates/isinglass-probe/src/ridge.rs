//! Ridge regression on the classes.

use faer::Mat;

use crate::algebra::{Cholesky, product};
use crate::error::{FitError, positive};
use crate::features::Features;
use crate::fold::{Fold, Scaling, scores};
use crate::logistic::all_present;
use crate::probe::{LinearProbe, Probe, n_scores, of_labellings};

/// Least squares on the classes with a quadratic penalty: minimises `Σ (y − x·w − b)² + alpha w·w`, the intercept not
/// penalised, with `y` 1 for rows of a class and -1 for others, so that scores above 0 speak for it.
///
/// Solved in closed form (Hoerl and Kennard 1970), in the span of the rows where they are fewer than the columns.
/// It is quick and near a logistic probe in the order of its scores; they are no probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ridge {
    alpha: f64,
}

impl Ridge {
    /// With this weight of the penalty.
    pub fn new(alpha: f64) -> Self {
        Self { alpha }
    }

    /// Ridge regression on numbers, such as ratings: the weights and the intercept that predict them from rows in their own
    /// units, unscaled.
    ///
    /// # Errors
    /// [`FitError::LengthMismatch`] unless there is a number for each row, [`FitError::BadSetting`] unless alpha is finite
    /// and above 0.
    pub fn regress(&self, features: &Features, numbers: &[f64]) -> Result<(Vec<f64>, f64), FitError> {
        if numbers.len() != features.len() {
            let name = features.name().to_owned();
            return Err(FitError::LengthMismatch { name, rows: features.len(), labels: numbers.len() });
        }
        let fold = Fold::whole(features, vec![0; numbers.len()], Scaling::AsIs);
        let (w, b) = self.solve(&fold, &Mat::from_fn(numbers.len(), 1, |i, _| numbers[i]))?;
        Ok((fold.over_columns(w).col_as_slice(0).to_vec(), b[0]))
    }

    /// Weights over the fold's coordinates.
    fn solve(self, fold: &Fold, targets: &Mat<f64>) -> Result<(Mat<f64>, Vec<f64>), FitError> {
        positive([("alpha", self.alpha)])?;
        let [rows, _] = fold.coordinates();
        let n = rows.nrows() as f64;
        // Without a penalty on it, the intercept centres both sides.
        let means: Vec<f64> = rows.col_iter().map(|column| column.iter().sum::<f64>() / n).collect();
        let target_means: Vec<f64> = targets.col_iter().map(|column| column.iter().sum::<f64>() / n).collect();
        let centred = Mat::from_fn(targets.nrows(), targets.ncols(), |i, j| targets[(i, j)] - target_means[j]);
        let mut w = product(rows.transpose(), centred.as_ref());
        let mut hessian = if fold.is_wide() {
            Mat::from_fn(means.len(), means.len(), |i, j| if i == j { fold.span().lengths[i] } else { 0.0 })
        } else {
            fold.gram().to_owned()
        };
        for j in 0..hessian.ncols() {
            for i in 0..hessian.nrows() {
                hessian[(i, j)] -= n * means[i] * means[j];
            }
            hessian[(j, j)] += self.alpha;
        }
        let singular =
            || FitError::BadSetting { what: "alpha", value: self.alpha, range: "above the rounding of the rows" };
        Cholesky::new(hessian).ok_or_else(singular)?.solve(w.as_mut());
        let b = (0..w.ncols())
            .map(|j| target_means[j] - w.col_as_slice(j).iter().zip(&means).map(|(w, m)| w * m).sum::<f64>())
            .collect();
        Ok((w, b))
    }
}

/// 1 where a row is of the column's class and -1 elsewhere, for two classes that of class 1 alone; the columns of labellings
/// side by side.
pub(crate) fn indicators(labellings: &[Vec<usize>], n_classes: usize) -> Mat<f64> {
    let columns = n_scores(n_classes);
    let first = usize::from(n_classes == 2);
    Mat::from_fn(labellings[0].len(), labellings.len() * columns, |i, j| {
        if labellings[j / columns][i] == first + j % columns { 1.0 } else { -1.0 }
    })
}

impl Probe for Ridge {
    fn name(&self) -> String {
        format!("ridge, alpha = {}", self.alpha)
    }

    fn score(&self, fold: &Fold, labellings: &[Vec<usize>], n_classes: usize) -> Result<Vec<Vec<f64>>, FitError> {
        labellings.iter().try_for_each(|labels| all_present(labels, n_classes))?;
        let (w, b) = self.solve(fold, &indicators(labellings, n_classes))?;
        let [_, test] = fold.coordinates();
        Ok(of_labellings(&scores(test, w.as_ref(), &b), n_classes))
    }
}

impl LinearProbe for Ridge {
    fn weigh(&self, fold: &Fold, labels: &[usize], n_classes: usize) -> Result<(Mat<f64>, Vec<f64>), FitError> {
        all_present(labels, n_classes)?;
        let (w, b) = self.solve(fold, &indicators(&[labels.to_vec()], n_classes))?;
        Ok((fold.over_columns(w), b))
    }
}
