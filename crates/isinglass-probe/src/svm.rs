//! Support vector machines.

mod smo;

use faer::{Mat, MatRef};
use rayon::prelude::*;

use self::smo::Smo;
use crate::algebra::{gram, product};
use crate::error::{FitError, positive};
use crate::fold::{Fold, scores};
use crate::logistic::all_present;
use crate::probe::{LinearProbe, Probe, of_labellings};
use crate::ridge::indicators;

/// A support vector machine, to the optimum that scikit-learn's `SVC` has (Cortes and Vapnik, "Support-vector networks",
/// 1995).
///
/// Minimises `|f|² / 2 + C Σ max(0, 1 − y f(x))` over functions `f(x) = Σ β_i K(x, x_i) + b`, with `y` 1 for rows of the
/// class and -1 for others; more than two classes each have one against the others.
/// Its dual is solved until the optimality conditions hold within the [tolerance](Self::tolerance).
/// Only rows near the boundary shape it, so its direction depends on fewer rows than that of a logistic probe.
///
/// Scores are distances from the boundary in units of the margin, not log odds: their order means something, chances must
/// not be read off them.
/// What a [curved](Svm::rbf) one finds and a linear one does not is no direction, and there is nothing to steer along; nor
/// does it show that the model reads it.
///
/// ```
/// use isinglass_probe::{Baselines, CrossFit, Features, Labels, Svm};
///
/// // Class 1 lies around class 0: no straight boundary tells them apart.
/// let angle = |i: i32| f64::from(i) * 2.399_963;
/// let radius = |i: i32| if i % 2 == 1 { 3.0 } else { 1.0 };
/// let values = (0..60).flat_map(|i| [radius(i) * angle(i).cos(), radius(i) * angle(i).sin()]).collect();
/// let rings = Features::new("rings", 2, values)?;
/// let labels = Labels::of_independent_rows((0..60).map(|i| i % 2).collect())?;
/// let probe = Svm::rbf(1.0);
/// let no_texts = Baselines::left_out("points have no texts");
/// let found = CrossFit::new(&probe).permutations(20).run(&[rings], &labels, &no_texts)?;
/// assert!(found.probes[0].auroc.value() > 0.95);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Svm<K> {
    c: f64,
    kernel: K,
    tolerance: f64,
}

/// Straight boundaries: `K(x, z) = x · z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Straight;

/// Curved boundaries: `K(x, z) = exp(−gamma |x − z|²)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curved {
    gamma: Option<f64>,
}

/// Steps after which a fit is given up.
const MAX_STEPS: usize = 1_000_000;

impl Svm<Straight> {
    /// With straight boundaries and this weight of the errors against the width of the margin.
    pub const fn linear(c: f64) -> Self {
        Self { c, kernel: Straight, tolerance: 1e-6 }
    }
}

impl Svm<Curved> {
    /// With boundaries of a Gaussian kernel, `exp(−gamma |x − z|²)`, and this weight of the errors against smoothness.
    ///
    /// Unless set, gamma is one over the number of columns times the variance of all entries of the training rows, the
    /// `scale` of scikit-learn.
    pub const fn rbf(c: f64) -> Self {
        Self { c, kernel: Curved { gamma: None }, tolerance: 1e-6 }
    }

    /// How quickly rows stop to resemble each other with their squared distance.
    #[must_use]
    pub const fn gamma(mut self, gamma: f64) -> Self {
        self.kernel.gamma = Some(gamma);
        self
    }
}

/// What two rows have to do with each other.
/// Sealed: users name the two there are.
pub trait Kernel: Sync {
    fn name(&self) -> String;

    /// Of the training rows with each other and of the test rows with them.
    fn of(&self, fold: &Fold) -> Result<[Mat<f64>; 2], FitError>;
}

impl Kernel for Straight {
    fn name(&self) -> String {
        "linear".to_owned()
    }

    fn of(&self, fold: &Fold) -> Result<[Mat<f64>; 2], FitError> {
        Ok([gram(fold.train()), product(fold.test(), fold.train().transpose())])
    }
}

impl Kernel for Curved {
    fn name(&self) -> String {
        self.gamma.map_or("rbf".to_owned(), |gamma| format!("rbf, gamma = {gamma}"))
    }

    fn of(&self, fold: &Fold) -> Result<[Mat<f64>; 2], FitError> {
        let gamma = if let Some(gamma) = self.gamma {
            positive([("gamma", gamma)])?;
            gamma
        } else {
            let entries = || fold.train().col_iter().flat_map(faer::col::ColRef::iter);
            let n = (fold.train().nrows() * fold.train().ncols()) as f64;
            let mean = entries().sum::<f64>() / n;
            let variance = entries().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
            // Rows that are all one have no scale, and no gamma tells them apart.
            if variance > 0.0 { 1.0 / (fold.train().ncols() as f64 * variance) } else { 1.0 }
        };
        let lengths = |rows: MatRef<'_, f64>| -> Vec<f64> {
            rows.row_iter().map(|row| row.iter().map(|v| v * v).sum::<f64>()).collect()
        };
        let of_train = lengths(fold.train());
        let curved = |mut inner: Mat<f64>, lengths: &[f64]| {
            for (j, other) in of_train.iter().enumerate() {
                for (inner, length) in inner.col_as_slice_mut(j).iter_mut().zip(lengths) {
                    *inner = (-gamma * (length + other - 2.0 * *inner).max(0.0)).exp();
                }
            }
            inner
        };
        let [train, test] = Straight.of(fold)?;
        Ok([curved(train, &of_train), curved(test, &lengths(fold.test()))])
    }
}

/// `β` of the training rows and intercepts, a column for each labelling and class.
struct Coefficients {
    betas: Mat<f64>,
    intercepts: Vec<f64>,
}

impl<K: Kernel> Svm<K> {
    /// Optimality conditions hold within this share of the margin; 1e-6 unless set.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    fn solve(&self, kernel: &Mat<f64>, labellings: &[Vec<usize>], n_classes: usize) -> Result<Coefficients, FitError> {
        positive([("C", self.c), ("tolerance", self.tolerance)])?;
        labellings.iter().try_for_each(|labels| all_present(labels, n_classes))?;
        let signs = indicators(labellings, n_classes);
        let smo = Smo { c: self.c, tolerance: self.tolerance, max_steps: MAX_STEPS };
        let solved: Vec<Option<(Vec<f64>, f64)>> =
            (0..signs.ncols()).into_par_iter().map(|j| smo.solve(kernel, signs.col_as_slice(j))).collect();
        let unfinished = solved.iter().filter(|solved| solved.is_none()).count();
        if unfinished > 0 {
            return Err(FitError::NotConverged { probe: self.named(), steps: MAX_STEPS, unfinished });
        }
        let (betas, intercepts): (Vec<Vec<f64>>, Vec<f64>) = solved.into_iter().flatten().unzip();
        let betas = Mat::from_fn(kernel.nrows(), betas.len(), |i, j| betas[j][i]);
        Ok(Coefficients { betas, intercepts })
    }

    fn named(&self) -> String {
        format!("support vectors, {}, C = {}", self.kernel.name(), self.c)
    }
}

impl<K: Kernel> Probe for Svm<K> {
    fn name(&self) -> String {
        self.named()
    }

    fn score(&self, fold: &Fold, labellings: &[Vec<usize>], n_classes: usize) -> Result<Vec<Vec<f64>>, FitError> {
        let [train, test] = self.kernel.of(fold)?;
        let Coefficients { betas, intercepts } = self.solve(&train, labellings, n_classes)?;
        Ok(of_labellings(&scores(test.as_ref(), betas.as_ref(), &intercepts), n_classes))
    }
}

impl LinearProbe for Svm<Straight> {
    fn weigh(&self, fold: &Fold, labels: &[usize], n_classes: usize) -> Result<(Mat<f64>, Vec<f64>), FitError> {
        let found = self.solve(&gram(fold.train()), &[labels.to_vec()], n_classes)?;
        Ok((product(fold.train().transpose(), found.betas.as_ref()), found.intercepts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::Scaling;
    use crate::{Features, Labels};

    fn fixture(topic: &str) -> (Features, Vec<usize>) {
        let path = format!("{}/../../tests/fixtures/stats/{topic}.json", env!("CARGO_MANIFEST_DIR"));
        let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let rows = file["input"]["X"].as_array().unwrap();
        let values: Vec<f64> =
            rows.iter().flat_map(|row| row.as_array().unwrap()).map(|v| v.as_f64().unwrap()).collect();
        let width = values.len() / rows.len();
        let classes = file["input"]["y"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect();
        (Features::new("X", width, values).unwrap(), classes)
    }

    /// The first scores of the rows that it was fitted to.
    fn check<K: Kernel>(probe: &Svm<K>, topic: &str, expected: &[f64]) {
        let (features, classes) = fixture(topic);
        let all: Vec<usize> = (0..features.len()).collect();
        let rows = features.matrix(&all);
        let fold = Fold::new(rows.clone(), rows, vec![0; all.len()], Scaling::Standardised);
        let n_classes = classes.iter().max().unwrap() + 1;
        let got = probe.score(&fold, &[classes], n_classes).unwrap();
        for (got, expected) in got[0].iter().zip(expected) {
            // LIBSVM holds its kernel in single precision, so the reference is no nearer to the optimum itself.
            assert!((got - expected).abs() < 5e-6, "{}: {got}, expected {expected}", probe.name());
        }
    }

    /// `SVC(C=c, kernel=.., gamma=.., tol=1e-10).fit(Z, y).decision_function(Z)[:5]` of scikit-learn 1.9.1, where Z is
    /// `StandardScaler().fit_transform(X)`; of more classes, fitted to `y == class` for each.
    #[test]
    fn scores_are_those_of_scikit_learn() {
        let at = |c| Svm::linear(c).tolerance(1e-9);
        check(&at(0.1), "probe_binary", &[0.710_685_392, 1.154_165_843, -0.435_570_174, -0.779_715_412, 0.713_281_01]);
        check(&at(1.0), "probe_binary", &[0.727_275_664, 1.318_747_267, -0.774_362_898, -0.687_402_336, 0.655_276_921]);
        let curved = Svm::rbf(1.0);
        check(&curved, "probe_binary", &[1.041_575_285, 0.037_748_666, -0.384_654_074, -0.525_745_262, 0.999_999_929]);
        let quick = Svm::rbf(10.0).gamma(0.05);
        check(&quick, "probe_binary", &[2.045_609_486, -1.000_001_032, -0.480_885_775, -1.000_000_61, 1.000_000_162]);
        let first = [1.000_000_011, -1.000_000_004, -1.000_000_005, -1.317_628_059];
        let second = [-1.569_955_42, 1.623_165_993, -1.318_619_387, -1.424_376_182];
        check(&curved, "probe_multiclass", &[first, second].concat());
    }

    /// What is minimised and what its dual maximises meet at the optimum alone.
    #[test]
    fn there_is_no_gap_to_the_dual() {
        let (features, classes) = fixture("probe_binary");
        let labels = Labels::of_independent_rows(classes.clone()).unwrap();
        for c in [0.1, 1.0, 10.0] {
            let all: Vec<usize> = (0..features.len()).collect();
            let rows = features.matrix(&all);
            let fold = Fold::new(rows, Mat::zeros(0, features.width()), vec![0; all.len()], Scaling::Standardised);
            let kernel = gram(fold.train());
            let found = Svm::linear(c).tolerance(1e-9).solve(&kernel, std::slice::from_ref(&classes), 2).unwrap();
            let (beta, b) = (found.betas.col_as_slice(0), found.intercepts[0]);
            let own = product(kernel.as_ref(), found.betas.as_ref());
            let signs = labels.classes().iter().map(|&class| if class == 1 { 1.0 } else { -1.0 });
            let (mut squared, mut hinge, mut linear) = (0.0, 0.0, 0.0);
            for (i, y) in signs.enumerate() {
                squared += beta[i] * own[(i, 0)];
                hinge += f64::max(0.0, 1.0 - y * (own[(i, 0)] + b));
                linear += y * beta[i];
            }
            let (primal, dual) = (squared / 2.0 + c * hinge, linear - squared / 2.0);
            assert!(primal - dual > -1e-9 && primal - dual < 1e-6 * primal, "C = {c}: {primal}, {dual}");
        }
    }

    /// Two rows at 0 and 2: the boundary is at 1, and the margin reaches both.
    #[test]
    fn the_margin_lies_midway() {
        let features = Features::new("toy", 1, vec![0.0, 2.0]).unwrap();
        let labels = Labels::of_independent_rows(vec![0, 1]).unwrap();
        let fitted = Svm::linear(100.0).fit(&features, &labels).unwrap();
        assert!((fitted.weights[0][0] - 1.0).abs() < 1e-9 && (fitted.intercepts[0] + 1.0).abs() < 1e-9);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let features = Features::new("toy", 1, vec![0.0, 2.0]).unwrap();
        let fold = Fold::new(features.matrix(&[0, 1]), features.matrix(&[0]), vec![0, 1], Scaling::Standardised);
        let refused = |probe: &dyn Probe| probe.score(&fold, &[vec![0, 1]], 2).unwrap_err();
        assert!(matches!(refused(&Svm::linear(0.0)), FitError::BadSetting { what: "C", .. }));
        assert!(matches!(refused(&Svm::rbf(1.0).gamma(f64::NAN)), FitError::BadSetting { what: "gamma", .. }));
        assert!(matches!(refused(&Svm::rbf(1.0).tolerance(0.0)), FitError::BadSetting { what: "tolerance", .. }));
        let one = Svm::linear(1.0).score(&fold, &[vec![0, 0]], 2);
        assert!(matches!(one, Err(FitError::FewClasses { .. })));
    }
}
