//! Logistic regression with a quadratic penalty.

mod newton;
mod sigmoid;

use faer::Mat;
use rayon::prelude::*;

use self::newton::{Design, Gram, Newton, Problems};
use crate::error::{FitError, positive};
use crate::fold::{Fold, scores};
use crate::probe::{LinearProbe, Probe, n_scores, of_labellings};

/// Logistic regression with a quadratic penalty, to the optimum that scikit-learn's `LogisticRegression` has.
///
/// Minimises `w·w / 2 + C Σ weight log-loss`, the intercept not penalised; with more than two classes the loss is that of
/// a softmax over them, unless [`one_vs_rest`](Self::one_vs_rest).
/// With few rows it is solved in the span of the rows, which is exact; all labellings of a fold go together.
///
/// Weights of separate one-vs-rest or softmax classes sum to about zero, so their cosines are negative whatever the
/// classes mean: see [`cosine_floor`](isinglass_stats::cosine_floor).
///
/// ```
/// use isinglass_probe::{Features, Labels, LinearProbe, Logistic};
///
/// let features = Features::new("toy", 2, vec![0.0, 1.0, 0.2, 0.0, 3.0, 1.0, 2.5, 0.0])?;
/// let labels = Labels::paired(vec![false, false, true, true], vec![0, 1, 0, 1])?;
/// let probe = Logistic::l2(1.0).fit(&features, &labels)?;
/// assert!(probe.weights[0][0] > 0.3 && probe.weights[0][1].abs() < 0.1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Logistic {
    c: f64,
    one_vs_rest: bool,
    intercept: bool,
    weighting: Weighting,
    tolerance: f64,
    max_steps: usize,
}

#[derive(Debug, Clone, PartialEq)]
enum Weighting {
    Even,
    Balanced,
    OfClasses(Vec<f64>),
}

/// Columns that are solved side by side in one job: few enough that what belongs to them stays in the cache.
const TOGETHER: usize = 128;

impl Logistic {
    /// With this `C`, the weight of the losses against the penalty: 1 is usual for standardised rows, less is simpler.
    pub fn l2(c: f64) -> Self {
        Self { c, one_vs_rest: false, intercept: true, weighting: Weighting::Even, tolerance: 1e-8, max_steps: 200 }
    }

    /// One probe for each class against all others, instead of a softmax.
    #[must_use]
    pub fn one_vs_rest(mut self) -> Self {
        self.one_vs_rest = true;
        self
    }

    /// Weights rows so that all classes weigh alike: `n / (classes × rows of the class)`.
    #[must_use]
    pub fn balanced(mut self) -> Self {
        self.weighting = Weighting::Balanced;
        self
    }

    /// Weights rows by their class.
    #[must_use]
    pub fn class_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.weighting = Weighting::OfClasses(weights.into());
        self
    }

    /// Without an intercept.
    #[must_use]
    pub fn without_intercept(mut self) -> Self {
        self.intercept = false;
        self
    }

    /// Length of the gradient, over `C Σ weight`, at which a fit is done; 1e-8 unless set.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// What `finish` makes of the weights over the fold's coordinates, in jobs side by side.
    fn solve<T: Send>(
        &self,
        fold: &Fold,
        labellings: &[Vec<usize>],
        n_classes: usize,
        finish: impl Fn(&Mat<f64>, &[f64]) -> Vec<T> + Sync,
    ) -> Result<Vec<T>, FitError> {
        self.check(labellings, n_classes)?;
        let [rows, _] = fold.coordinates();
        let gram = if fold.is_wide() { Gram::Orthogonal(&fold.span().lengths) } else { Gram::Full(fold.gram()) };
        let design = Design { rows, gram };
        let newton =
            Newton { c: self.c, intercept: self.intercept, tolerance: self.tolerance, max_steps: self.max_steps };
        let columns = n_scores(n_classes);
        let jobs = labellings.par_chunks(TOGETHER.div_ceil(columns)).map(|labellings| {
            let mut optima = newton.solve(design, self.problems(labellings, n_classes));
            if optima.unfinished > 0 {
                return Err(FitError::NotConverged {
                    probe: self.name(),
                    steps: optima.steps,
                    unfinished: optima.unfinished,
                });
            }
            if columns > 1 && !self.one_vs_rest {
                // A softmax does not see what is added to all intercepts.
                for of_one in optima.b.chunks_mut(columns) {
                    let mean = of_one.iter().sum::<f64>() / columns as f64;
                    for b in of_one {
                        *b -= mean;
                    }
                }
            }
            Ok(finish(&optima.w, &optima.b))
        });
        Ok(jobs.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    fn problems(&self, labellings: &[Vec<usize>], n_classes: usize) -> Problems {
        let n = labellings[0].len();
        let columns = n_scores(n_classes);
        let of_column = |j: usize| if n_classes == 2 { (j, 1) } else { (j / columns, j % columns) };
        let targets = Mat::from_fn(n, labellings.len() * columns, |i, j| {
            let (labelling, class) = of_column(j);
            f64::from(u8::from(labellings[labelling][i] == class))
        });
        let weights = (self.weighting != Weighting::Even).then(|| {
            let of_classes: Vec<Vec<f64>> =
                labellings.iter().map(|labels| self.weights_of_classes(labels, n_classes)).collect();
            // One for each problem: a softmax is one over all its columns.
            let per_labelling = if self.one_vs_rest { columns } else { 1 };
            Mat::from_fn(n, labellings.len() * per_labelling, |i, p| {
                of_classes[p / per_labelling][labellings[p / per_labelling][i]]
            })
        });
        Problems { classes: if self.one_vs_rest { 1 } else { columns }, targets, weights }
    }

    fn weights_of_classes(&self, labels: &[usize], n_classes: usize) -> Vec<f64> {
        match &self.weighting {
            Weighting::Even => vec![1.0; n_classes],
            Weighting::OfClasses(weights) => weights.clone(),
            Weighting::Balanced => {
                let mut counts = vec![0_usize; n_classes];
                for &class in labels {
                    counts[class] += 1;
                }
                counts.into_iter().map(|count| labels.len() as f64 / (n_classes * count) as f64).collect()
            }
        }
    }

    fn check(&self, labellings: &[Vec<usize>], n_classes: usize) -> Result<(), FitError> {
        positive([("C", self.c), ("tolerance", self.tolerance)])?;
        if let Weighting::OfClasses(weights) = &self.weighting {
            if weights.len() != n_classes {
                let name = "weights of classes".into();
                return Err(FitError::LengthMismatch { name, rows: weights.len(), labels: n_classes });
            }
            if let Some(&value) = weights.iter().find(|w| !(w.is_finite() && **w > 0.0)) {
                return Err(FitError::BadSetting { what: "weight of a class", value, range: "finite and above 0" });
            }
        }
        labellings.iter().try_for_each(|labels| all_present(labels, n_classes))
    }
}

/// # Errors
/// [`FitError::FewClasses`] if a class has no row: nothing says where it is.
pub(crate) fn all_present(labels: &[usize], n_classes: usize) -> Result<(), FitError> {
    let present: Vec<usize> = (0..n_classes).filter(|class| labels.contains(class)).collect();
    if present.len() == n_classes { Ok(()) } else { Err(FitError::FewClasses { present, n_classes }) }
}

impl Probe for Logistic {
    fn name(&self) -> String {
        let kind = if self.one_vs_rest { "one-vs-rest logistic" } else { "logistic" };
        format!("{kind}, C = {}", self.c)
    }

    fn score(&self, fold: &Fold, labellings: &[Vec<usize>], n_classes: usize) -> Result<Vec<Vec<f64>>, FitError> {
        let [_, test] = fold.coordinates();
        self.solve(fold, labellings, n_classes, |w, b| of_labellings(&scores(test, w.as_ref(), b), n_classes))
    }
}

impl LinearProbe for Logistic {
    fn weigh(&self, fold: &Fold, labels: &[usize], n_classes: usize) -> Result<(Mat<f64>, Vec<f64>), FitError> {
        let mut fitted =
            self.solve(fold, &[labels.to_vec()], n_classes, |w, b| vec![(fold.over_columns(w.clone()), b.to_vec())])?;
        // One labelling in, one fit out.
        Ok(fitted.swap_remove(0))
    }
}
