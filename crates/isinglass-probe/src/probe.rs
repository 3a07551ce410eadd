//! What a kind of probe is.

use faer::Mat;
use isinglass_core::{Direction, SiteId};
use rayon::prelude::*;

use crate::error::FitError;
use crate::features::Features;
use crate::fold::{Fold, Scaling};
use crate::labels::Labels;

/// A kind of classifier: fitted to the training rows of a fold, it scores its test rows.
///
/// Give one to [`CrossFit`](crate::CrossFit), which splits, shuffles and compares.
pub trait Probe: Sync {
    /// What it is, with its settings, for reports.
    fn name(&self) -> String;

    /// How it wants its rows.
    fn scaling(&self) -> Scaling {
        Scaling::Standardised
    }

    /// Fits one probe to each labelling (a class for each training row) and scores the test rows, row after row: one score
    /// that is higher for class 1 if there are two classes, else one for each class.
    ///
    /// All labellings come at once so that what depends on the rows alone is computed once.
    ///
    /// # Errors
    /// [`FitError`] if a labelling cannot be fitted.
    fn score(&self, fold: &Fold, labellings: &[Vec<usize>], n_classes: usize) -> Result<Vec<Vec<f64>>, FitError>;
}

/// A probe whose scores are sums of weighted columns, so that it names a direction.
pub trait LinearProbe: Probe {
    /// Weights and intercepts for the rows as the fold has them, scaled.
    ///
    /// # Errors
    /// [`FitError`] if the labelling cannot be fitted.
    fn weigh(&self, fold: &Fold, labels: &[usize], n_classes: usize) -> Result<(Mat<f64>, Vec<f64>), FitError>;

    /// Fits one probe to all rows: to look at its weights and to steer with, not to say how good it is.
    ///
    /// # Errors
    /// [`FitError`] if rows and labels differ in number or cannot be fitted.
    fn fit(&self, features: &Features, labels: &Labels) -> Result<Linear, FitError> {
        labels.check(features.name(), features.len())?;
        let fold = Fold::whole(features, labels.groups().to_vec(), self.scaling());
        let how = format!("{} over {} rows", self.name(), features.len());
        fitted(self, &fold, labels.classes(), labels, features.site(), how)
    }

    /// Fits one probe to all rows for each of so many shuffles of the labels, as their design allows, and gives the classes
    /// that it was fitted to beside it: what chance makes of the weights.
    ///
    /// # Errors
    /// Those of [`fit`](Self::fit), [`FitError::NoPermutations`] for no shuffles.
    fn fit_null(
        &self,
        features: &Features,
        labels: &Labels,
        permutations: usize,
        seed: u64,
    ) -> Result<Vec<(Vec<usize>, Linear)>, FitError> {
        labels.check(features.name(), features.len())?;
        let fold = Fold::whole(features, labels.groups().to_vec(), self.scaling());
        let how = format!("{} over {} rows, {}", self.name(), features.len(), labels.null());
        let of = |classes: Vec<usize>| {
            let linear = fitted(self, &fold, &classes, labels, features.site(), how.clone())?;
            Ok((classes, linear))
        };
        labels.shuffles(permutations, seed)?.into_par_iter().map(of).collect()
    }
}

/// A probe of all rows of a fold, in their own units.
fn fitted<P: LinearProbe + ?Sized>(
    probe: &P,
    fold: &Fold,
    classes: &[usize],
    labels: &Labels,
    site: Option<SiteId>,
    how: String,
) -> Result<Linear, FitError> {
    let (mut weights, mut intercepts) = probe.weigh(fold, classes, labels.n_classes())?;
    fold.unscaled(&mut weights, &mut intercepts);
    let weights = (0..weights.ncols()).map(|j| weights.col_as_slice(j).to_vec()).collect();
    Ok(Linear { weights, intercepts, names: labels.names().to_vec(), site, how })
}

/// A fitted linear probe: `score = weights · row + intercept`, for rows in their own units.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// One vector as wide as a row if there are two classes, else one for each class.
    pub weights: Vec<Vec<f64>>,
    /// One for each of the weights.
    pub intercepts: Vec<f64>,
    names: Vec<String>,
    site: Option<SiteId>,
    how: String,
}

impl Linear {
    /// Scores of rows, row after row: one for each of the weights.
    ///
    /// # Errors
    /// [`FitError::WrongWidth`] if the rows are of another width.
    pub fn scores(&self, features: &Features) -> Result<Vec<f64>, FitError> {
        let width = self.weights[0].len();
        if features.width() != width {
            let name = features.name().to_owned();
            return Err(FitError::WrongWidth { name, width: features.width(), expected: width });
        }
        let rows = (0..features.len()).map(|i| features.row(i));
        Ok(rows.flat_map(|row| self.weights.iter().zip(&self.intercepts).map(move |(w, b)| dot(w, row) + b)).collect())
    }

    /// The direction towards a class: of two classes, away from the other.
    ///
    /// Scores rise along it fastest in the rows' own units.
    /// It tells the classes apart; that the model uses it is another question, which steering and ablation ask.
    ///
    /// # Errors
    /// [`FitError::NoSite`] if the rows were no activations, [`FitError::NoSuchClass`].
    pub fn direction(&self, class: usize) -> Result<Direction, FitError> {
        let site = self.site.ok_or(FitError::NoSite)?;
        let name = self.names.get(class).ok_or(FitError::NoSuchClass { class, n_classes: self.names.len() })?;
        let (vector, sign) = match self.weights.get(class) {
            Some(vector) if self.weights.len() > 1 => (vector, 1.0),
            _ => (&self.weights[0], if class == 1 { 1.0 } else { -1.0 }),
        };
        let vector = vector.iter().map(|w| (sign * w) as f32).collect();
        Ok(Direction { site, vector, how: format!("towards {name}: {}", self.how) })
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// How many scores a row has: one of two classes, else one for each.
pub(crate) fn n_scores(n_classes: usize) -> usize {
    if n_classes == 2 { 1 } else { n_classes }
}

/// Scores of each labelling, row after row, from a matrix with the columns of the labellings side by side.
pub(crate) fn of_labellings(scores: &Mat<f64>, n_classes: usize) -> Vec<Vec<f64>> {
    let columns = n_scores(n_classes);
    let of_one = |first: usize| -> Vec<f64> {
        (0..scores.nrows()).flat_map(move |i| (first..first + columns).map(move |j| scores[(i, j)])).collect()
    };
    (0..scores.ncols()).step_by(columns).map(of_one).collect()
}

/// Scores row after row from probes of one class against the others: of two classes that of class 1 alone.
pub(crate) fn each_against_rest(
    n_classes: usize,
    scores: impl Fn(usize) -> Result<Vec<f64>, FitError>,
) -> Result<Vec<f64>, FitError> {
    let first = usize::from(n_classes == 2);
    let of: Vec<Vec<f64>> = (first..n_classes).map(scores).collect::<Result<_, _>>()?;
    Ok((0..of[0].len()).flat_map(|i| of.iter().map(move |of| of[i])).collect())
}

/// The classes that each labelling gives to some rows.
pub(crate) fn at_rows<L: AsRef<[usize]>>(labellings: &[L], rows: &[usize]) -> Vec<Vec<usize>> {
    labellings.iter().map(|labels| rows.iter().map(|&row| labels.as_ref()[row]).collect()).collect()
}

/// Puts scores of some rows in their places among those of all rows.
pub(crate) fn put_at_rows(all: &mut [f64], scores: &[f64], rows: &[usize], n_classes: usize) {
    let columns = n_scores(n_classes);
    for (of_row, &row) in scores.chunks(columns).zip(rows) {
        all[row * columns..(row + 1) * columns].copy_from_slice(of_row);
    }
}

/// The class of the greatest score; of two classes, class 1 if its score is above 0.
pub(crate) fn predicted(scores: &[f64]) -> usize {
    match scores {
        [score] => usize::from(*score > 0.0),
        _ => scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(class, _)| class),
    }
}
