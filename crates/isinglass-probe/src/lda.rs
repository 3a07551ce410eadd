//! Linear discriminant analysis.

use faer::Mat;

use crate::covariance::Covariance;
use crate::discriminant::Discriminant;
use crate::error::FitError;
use crate::fold::Fold;
use crate::probe::{LinearProbe, Probe};

/// Linear discriminant analysis: class means compared in the metric of the covariance within classes, classes weighted by
/// their shares of the rows (Fisher 1936; Hastie, Tibshirani and Friedman, "The elements of statistical learning", 4.3).
///
/// It is the optimum if classes are normal with one covariance, which activations are not; shrink it where columns are as
/// many as rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lda {
    covariance: Covariance,
}

impl Lda {
    /// With this estimate of the covariance.
    pub const fn new(covariance: Covariance) -> Self {
        Self { covariance }
    }

    fn solve(self, fold: &Fold, labellings: &[Vec<usize>], n_classes: usize) -> Result<Discriminant, FitError> {
        let n = fold.train().nrows();
        let mut found = Discriminant::of(fold, labellings, n_classes, Some(self.covariance))?;
        let share = |labels: &[usize], class: usize| labels.iter().filter(|&&c| c == class).count() as f64 / n as f64;
        let priors = labellings.iter().flat_map(|labels| match n_classes {
            2 => vec![(share(labels, 1) / share(labels, 0)).ln()],
            _ => (0..n_classes).map(|class| share(labels, class).ln()).collect(),
        });
        found.intercepts.iter_mut().zip(priors).for_each(|(b, prior)| *b += prior);
        Ok(found)
    }
}

impl Probe for Lda {
    fn name(&self) -> String {
        format!("linear discriminant, {}", self.covariance)
    }

    fn score(&self, fold: &Fold, labellings: &[Vec<usize>], n_classes: usize) -> Result<Vec<Vec<f64>>, FitError> {
        Ok(self.solve(fold, labellings, n_classes)?.scores(fold, n_classes))
    }
}

impl LinearProbe for Lda {
    fn weigh(&self, fold: &Fold, labels: &[usize], n_classes: usize) -> Result<(Mat<f64>, Vec<f64>), FitError> {
        Ok(self.solve(fold, &[labels.to_vec()], n_classes)?.over_columns(fold))
    }
}
