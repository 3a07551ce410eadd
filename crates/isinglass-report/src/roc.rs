//! ROC curves with the area that was estimated under each.

use isinglass_stats::Estimate;
use serde::Serialize;

use crate::ReportError;

/// How far from 0 or 1 the end of a curve may lie, which is a sum of shares.
const ROUNDING: f64 = 1e-9;

/// The share of positives found against the share of negatives taken for positives, at every threshold.
///
/// Each curve stands with its AUROC as an [`Estimate`], since the curve itself is what these rows gave: it has no
/// interval, and a threshold that is chosen on it does better on these rows than on others.
/// The diagonal is what scores give that know nothing.
///
/// A curve knows nothing of how common positives are: at a false-positive rate of 0.05, most finds can still be false.
///
/// ```
/// use isinglass_report::RocPlot;
/// use isinglass_stats::auroc_delong;
///
/// let auroc = auroc_delong(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?;
/// let plot = RocPlot::new("roc", "Finding what went well").curve(
///     "mass-mean probe",
///     &[0.0, 0.0, 0.5, 0.5, 1.0],
///     &[0.0, 0.5, 0.5, 1.0, 1.0],
///     &auroc,
/// );
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RocPlot {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) curves: Vec<Curve>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Curve {
    pub(crate) label: String,
    pub(crate) auroc: Estimate,
    pub(crate) fpr: Vec<f64>,
    pub(crate) tpr: Vec<f64>,
}

impl RocPlot {
    /// An empty plot; `name` becomes part of the file name `<report>.<name>.svg`.
    pub fn new(name: impl Into<String>, title: impl Into<String>) -> Self {
        Self { name: name.into(), title: title.into(), curves: Vec::new() }
    }

    /// Adds a curve through the points of false- and true-positive rates, from (0, 0) to (1, 1), with the area under it
    /// as it was estimated on the same scores.
    #[must_use]
    pub fn curve(mut self, label: impl Into<String>, fpr: &[f64], tpr: &[f64], auroc: &Estimate) -> Self {
        let (fpr, tpr) = (fpr.to_vec(), tpr.to_vec());
        self.curves.push(Curve { label: label.into(), auroc: auroc.clone(), fpr, tpr });
        self
    }

    /// Checks that there is something to draw and that each curve is one.
    pub(crate) fn check(&self) -> Result<(), ReportError> {
        if self.curves.is_empty() {
            return Err(ReportError::EmptyPlot { plot: self.name.clone() });
        }
        self.curves.iter().try_for_each(|curve| self.check_curve(curve))
    }

    fn check_curve(&self, curve: &Curve) -> Result<(), ReportError> {
        let Curve { label, fpr, tpr, .. } = curve;
        let (n_fpr, n_tpr) = (fpr.len(), tpr.len());
        if n_fpr != n_tpr || n_fpr < 2 {
            return Err(ReportError::CurveLengths { plot: self.name.clone(), curve: label.clone(), n_fpr, n_tpr });
        }
        let refuse = |point: usize| {
            let (plot, curve) = (self.name.clone(), label.clone());
            Err(ReportError::NotARoc { plot, curve, point, fpr: fpr[point], tpr: tpr[point] })
        };
        // Asked so that NaN fails.
        let at = |rate: f64, end: f64| (rate - end).abs() <= ROUNDING;
        let within = |rate: f64| (0.0..=1.0 + ROUNDING).contains(&rate);
        for point in 0..n_fpr {
            let rises = point == 0 || (fpr[point] >= fpr[point - 1] && tpr[point] >= tpr[point - 1]);
            if !(rises && within(fpr[point]) && within(tpr[point])) {
                return refuse(point);
            }
        }
        if !(at(fpr[0], 0.0) && at(tpr[0], 0.0)) {
            return refuse(0);
        }
        if !(at(fpr[n_fpr - 1], 1.0) && at(tpr[n_fpr - 1], 1.0)) {
            return refuse(n_fpr - 1);
        }
        Ok(())
    }
}
