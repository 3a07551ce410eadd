//! Taking a concept out of rows.

use faer::{Mat, MatRef};
use isinglass_core::Direction;

use crate::algebra::{multiply, product};
use crate::error::FitError;
use crate::features::Features;
use crate::fold::{Fold, Scaling};
use crate::labels::Labels;
use crate::probe::Probe;

/// A way to take a concept out of rows, learned from rows whose classes are known: [`Leace`](crate::Leace) or
/// [`Inlp`](crate::Inlp).
pub trait Eraser: Sync {
    /// What it is, with its settings, for reports.
    fn name(&self) -> String;

    /// The map that takes the classes out of these rows, `[rows, width]`.
    ///
    /// # Errors
    /// [`FitError`] if a class has no row, or the map cannot be found.
    fn fit_matrix(&self, rows: MatRef<'_, f64>, concept: &[usize], n_classes: usize) -> Result<Erasure, FitError>;

    /// The map that takes the concept out of these rows, to apply to them or to others.
    ///
    /// A probe of the rows that it was fitted to finds less than there is in new ones: to ask what is left, give the probe
    /// an [`Erased`] one, which fits the map inside the folds.
    ///
    /// # Errors
    /// [`FitError`] if rows and labels differ in number, or the map cannot be found.
    fn fit(&self, features: &Features, concept: &Labels) -> Result<Erasure, FitError> {
        concept.check(features.name(), features.len())?;
        let all: Vec<usize> = (0..features.len()).collect();
        self.fit_matrix(features.matrix(&all).as_ref(), concept.classes(), concept.n_classes())
    }
}

/// A map that takes something out of rows and leaves the rest: `r(x) = x − A B (x − m)`.
///
/// That a concept is gone to the eye of a linear probe does not mean that it is gone: a [curved](crate::Svm::rbf) one may
/// still find it, and so may the layers of a model that read the rows.
#[derive(Debug, Clone)]
pub struct Erasure {
    /// `A`, `[width, rank]`
    put: Mat<f64>,
    /// `B`, `[rank, width]`
    take: Mat<f64>,
    /// `m`
    origin: Vec<f64>,
}

/// Numbers below this share of the length of their row, from the origin, are rounding.
const ROUNDING: f64 = 1e-12;

impl Erasure {
    pub(crate) fn new(put: Mat<f64>, take: Mat<f64>, origin: Vec<f64>) -> Self {
        Self { put, take, origin }
    }

    /// Projects one direction out: `r(x) = x − v (v · x) / |v|²`.
    ///
    /// What else lies along it goes too, and what is known of the concept elsewhere stays:
    /// [`Leace`](crate::Leace) removes all that is linear, and less besides.
    ///
    /// # Errors
    /// [`FitError::NotFinite`] for a value that is not finite, [`FitError::BadSetting`] for a direction of length 0, [`FitError::Ragged`] for
    /// one without numbers.
    ///
    /// ```
    /// use isinglass_probe::{Erasure, Features};
    ///
    /// let rows = Features::new("rows", 2, vec![1.0, 5.0, -2.0, 7.0])?;
    /// let without = Erasure::project_out(&[2.0, 0.0])?.apply(&rows)?;
    /// assert_eq!((without.row(0), without.row(1)), (&[0.0, 5.0][..], &[0.0, 7.0][..]));
    /// # Ok::<(), isinglass_probe::FitError>(())
    /// ```
    pub fn project_out(direction: &[f64]) -> Result<Self, FitError> {
        // The features' own check of what rows are.
        let row = Features::new("direction", direction.len(), direction.to_vec())?;
        let length: f64 = row.row(0).iter().map(|v| v * v).sum();
        if !(length.is_finite() && length > 0.0) {
            let what = "squared length of the direction";
            return Err(FitError::BadSetting { what, value: length, range: "finite and above 0" });
        }
        let put = Mat::from_fn(direction.len(), 1, |i, _| direction[i]);
        let take = Mat::from_fn(1, direction.len(), |_, j| direction[j] / length);
        Ok(Self::new(put, take, vec![0.0; direction.len()]))
    }

    /// Projects a probe's direction out, as [`project_out`](Self::project_out) does.
    ///
    /// # Errors
    /// Those of [`project_out`](Self::project_out).
    pub fn of_direction(direction: &Direction) -> Result<Self, FitError> {
        Self::project_out(&direction.vector.iter().map(|v| f64::from(*v)).collect::<Vec<_>>())
    }

    /// How many dimensions it takes.
    pub fn rank(&self) -> usize {
        self.put.ncols()
    }

    /// The rows without what it takes.
    ///
    /// # Errors
    /// [`FitError::WrongWidth`] if the rows are of another width.
    pub fn apply(&self, features: &Features) -> Result<Features, FitError> {
        let (width, expected) = (features.width(), self.origin.len());
        if width != expected {
            return Err(FitError::WrongWidth { name: features.name().to_owned(), width, expected });
        }
        let all: Vec<usize> = (0..features.len()).collect();
        let mapped = self.apply_matrix(features.matrix(&all).as_ref());
        Ok(features.with_rows(format!("{}, erased", features.name()), mapped.as_ref()))
    }

    /// The same of `[rows, width]`.
    pub(crate) fn apply_matrix(&self, rows: MatRef<'_, f64>) -> Mat<f64> {
        let mut left = Mat::from_fn(rows.nrows(), rows.ncols(), |i, j| rows[(i, j)] - self.origin[j]);
        let lengths: Vec<f64> = left.row_iter().map(|row| row.iter().map(|v| v * v).sum::<f64>().sqrt()).collect();
        let along = product(left.as_ref(), self.take.transpose());
        multiply(left.as_mut(), faer::Accum::Add, along.as_ref(), self.put.transpose(), -1.0);
        // What rounding leaves of a column that is gone still knows the concept, and would be scaled up to a column again.
        let kept = |i: usize, j: usize| if left[(i, j)].abs() > ROUNDING * lengths[i] { left[(i, j)] } else { 0.0 };
        Mat::from_fn(rows.nrows(), rows.ncols(), |i, j| self.origin[j] + kept(i, j))
    }
}

/// A probe of rows from which a concept was taken, by a map that is fitted inside each fold.
///
/// The concept is another labelling of the rows, such as formality where the probe asks for empathy: does what the probe
/// finds outlast the concept?
/// The map is fitted to the training rows and their concept, and takes from the test rows without a look at theirs; the
/// concept stays as it is when the null shuffles the labels of the probe.
///
/// If the concept is what the probe asks for, a linear probe finds **less than chance** out of fold, an AUROC below 0.5:
/// the class means of the training rows are made equal, so those of the rows left out differ the other way round.
/// That is no sign of something left.
///
/// ```
/// use isinglass_probe::{Baselines, CrossFit, Erased, Features, Labels, Leace, Logistic};
///
/// // The class shows in the first column alone, where the tone shows too.
/// let tone: Vec<usize> = (0..80).map(|i| i / 2 % 2).collect();
/// let class: Vec<usize> = (0..80).map(|i| if i % 16 == 5 { 1 - tone[i] } else { tone[i] }).collect();
/// let values = (0..80).flat_map(|i| [3.0 * tone[i] as f64 + (i % 5) as f64, (i % 7) as f64]).collect();
/// let layer = Features::new("layer 3", 2, values)?;
/// let (labels, tone) = (Labels::of_independent_rows(class)?, Labels::of_independent_rows(tone)?);
/// let probe = Logistic::l2(1.0);
/// let without_tone = Erased::new(&probe, &Leace, &tone);
/// let none = Baselines::left_out("numbers have no texts");
/// let score = |probe| CrossFit::new(probe).permutations(20).run(std::slice::from_ref(&layer), &labels, &none);
/// assert!(score(&probe)?.probes[0].auroc.value() > 0.75);
/// assert!(score(&without_tone)?.probes[0].auroc.value() < 0.65);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Erased<'a> {
    probe: &'a dyn Probe,
    eraser: &'a dyn Eraser,
    concept: &'a Labels,
}

impl std::fmt::Debug for Erased<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Erased({})", self.name())
    }
}

impl<'a> Erased<'a> {
    /// This probe, of rows from which the eraser took the concept; `concept` has a class for each of all rows that are
    /// cross-validated.
    pub fn new(probe: &'a dyn Probe, eraser: &'a dyn Eraser, concept: &'a Labels) -> Self {
        Self { probe, eraser, concept }
    }
}

impl Probe for Erased<'_> {
    fn name(&self) -> String {
        let names = self.concept.names().join(" / ");
        format!("{}, after {} of {names}", self.probe.name(), self.eraser.name())
    }

    /// The probe's own, after erasing.
    fn scaling(&self) -> Scaling {
        Scaling::AsIs
    }

    fn score(&self, fold: &Fold, labellings: &[Vec<usize>], n_classes: usize) -> Result<Vec<Vec<f64>>, FitError> {
        let last = fold.rows().iter().copied().max().unwrap_or(0);
        if last >= self.concept.len() {
            return Err(FitError::LengthMismatch { name: "rows".into(), rows: last + 1, labels: self.concept.len() });
        }
        let concept: Vec<usize> = fold.rows().iter().map(|&row| self.concept.classes()[row]).collect();
        let erasure = self.eraser.fit_matrix(fold.train(), &concept, self.concept.n_classes())?;
        let [train, test] = [fold.train(), fold.test()].map(|rows| erasure.apply_matrix(rows));
        self.probe.score(&fold.with(train, test, self.probe.scaling()), labellings, n_classes)
    }
}
