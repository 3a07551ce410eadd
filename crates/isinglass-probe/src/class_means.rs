//! The difference of class means, plain and corrected for the spread of the columns.

use faer::Mat;

use crate::covariance::Covariance;
use crate::discriminant::Discriminant;
use crate::error::FitError;
use crate::fold::{Fold, Scaling};
use crate::probe::{LinearProbe, Probe};

/// The difference of class means: `w = mean(x | class 1) − mean(x | class 0)`, scored from midway between them.
///
/// Of more than two classes, each row is compared with every class mean: `w_c = mean_c − mean of the class means`, with
/// intercepts that make the greatest score that of the nearest mean.
/// Rows are taken in their own units, so that the direction is one to steer along, and columns of large spread weigh more.
///
/// [`corrected`](Self::corrected) divides by the covariance within classes, as the mass-mean probe does (Marks and Tegmark,
/// "The geometry of truth", 2023).
///
/// ```
/// use isinglass_core::{Rows, site::resid_post};
/// use isinglass_probe::{ClassMeans, Features, Labels, LinearProbe};
///
/// // Twelve pairs of rows; the second member of each lies further along the first axis.
/// let values = (0..24).flat_map(|i| [(i % 2) as f32 * 3.0 + (i % 5) as f32, (i % 7) as f32]).collect();
/// let rows = Rows::new(resid_post(0), 2, values)?;
/// let labels = Labels::paired((0..24).map(|i| i % 2 == 1).collect(), (0..24).map(|i| i / 2).collect())?;
/// let direction = ClassMeans::new().fit(&Features::of_rows(&rows)?, &labels)?.direction(1)?;
/// assert!(direction.vector[0] > 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ClassMeans {
    covariance: Option<Covariance>,
}

impl ClassMeans {
    /// The plain difference of means.
    pub const fn new() -> Self {
        Self { covariance: None }
    }

    /// The difference of means times the inverse of the covariance within classes.
    #[must_use]
    pub const fn corrected(covariance: Covariance) -> Self {
        Self { covariance: Some(covariance) }
    }
}

impl Probe for ClassMeans {
    fn name(&self) -> String {
        match self.covariance {
            None => "class means".to_owned(),
            Some(covariance) => format!("mass mean, {covariance}"),
        }
    }

    fn scaling(&self) -> Scaling {
        Scaling::AsIs
    }

    fn score(&self, fold: &Fold, labellings: &[Vec<usize>], n_classes: usize) -> Result<Vec<Vec<f64>>, FitError> {
        Ok(Discriminant::of(fold, labellings, n_classes, self.covariance)?.scores(fold, n_classes))
    }
}

impl LinearProbe for ClassMeans {
    fn weigh(&self, fold: &Fold, labels: &[usize], n_classes: usize) -> Result<(Mat<f64>, Vec<f64>), FitError> {
        Ok(Discriminant::of(fold, &[labels.to_vec()], n_classes, self.covariance)?.over_columns(fold))
    }
}
