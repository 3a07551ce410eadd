//! Taking out of rows what other numbers already say of them, such as the length of their texts.

use faer::{Accum, Mat, MatRef};

use crate::algebra::{eigen, gram, multiply, product};
use crate::error::FitError;
use crate::features::Features;
use crate::fold::{Fold, Scaling};
use crate::probe::Probe;

/// A probe of what least squares on other numbers leaves of rows, fitted inside each fold.
///
/// The numbers (covariates) are known of every row, such as how long its text is: does what the probe finds outlast them?
/// Each column of the rows is regressed on the covariates and a constant over the training rows, and what the same
/// coefficients say of a row is taken from it, be it a training row or a test row.
/// The covariates stay with their rows when the null shuffles the labels of the probe.
///
/// Fitted to all rows at once, the regression would see the test rows; and it takes out what is **linear** in the covariates
/// alone: give their squares or roots as well, or compare rows that are matched.
/// Where the covariates differ between the classes, what is taken may have belonged to the classes: a score that falls does
/// not show that the probe read the covariates, while one that stays shows that it need not.
///
/// ```
/// use isinglass_probe::{Baselines, CrossFit, Features, Labels, Logistic, Residualised};
///
/// // One class is longer, and the rows say no more than the length.
/// let length: Vec<f64> = (0..60).map(|i| f64::from(i % 2 * 20 + i * 7 % 30)).collect();
/// let values = length.iter().enumerate().flat_map(|(i, l)| [2.0 * l + 3.0, (i * 11 % 13) as f64]).collect();
/// let layer = Features::new("layer 3", 2, values)?;
/// let length = Features::new("length", 1, length)?;
/// let labels = Labels::of_independent_rows((0..60).map(|i| i % 2).collect())?;
/// let none = Baselines::left_out("numbers have no texts");
/// let score = |probe| CrossFit::new(probe).permutations(20).run(std::slice::from_ref(&layer), &labels, &none);
/// let probe = Logistic::l2(1.0);
/// assert!(score(&probe)?.probes[0].auroc.value() > 0.8);
/// assert!(score(&Residualised::new(&probe, &length))?.probes[0].auroc.value() < 0.6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Residualised<'a> {
    probe: &'a dyn Probe,
    covariates: &'a Features,
}

/// What is left of a column, in shares of its greatest value, when all of it is linear in the covariates.
const ROUNDING: f64 = 1e-12;

/// Squared lengths of the covariates' axes below this share of the greatest are rounding.
const NEGLIGIBLE: f64 = 1e-12;

impl std::fmt::Debug for Residualised<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Residualised({})", self.name())
    }
}

impl<'a> Residualised<'a> {
    /// This probe, of rows without what the covariates say; `covariates` has a row for each of all rows that are
    /// cross-validated.
    pub fn new(probe: &'a dyn Probe, covariates: &'a Features) -> Self {
        Self { probe, covariates }
    }
}

impl Probe for Residualised<'_> {
    fn name(&self) -> String {
        format!("{}, after least squares on {}", self.probe.name(), self.covariates.name())
    }

    /// The probe's own, after the regression.
    fn scaling(&self) -> Scaling {
        Scaling::AsIs
    }

    fn score(&self, fold: &Fold, labellings: &[Vec<usize>], n_classes: usize) -> Result<Vec<Vec<f64>>, FitError> {
        let n = self.covariates.len();
        if let Some(&last) = fold.rows().iter().chain(fold.test_rows()).max()
            && last >= n
        {
            return Err(FitError::LengthMismatch {
                name: self.covariates.name().to_owned(),
                rows: n,
                labels: last + 1,
            });
        }
        let [train, test] = [fold.rows(), fold.test_rows()].map(|rows| self.covariates.matrix(rows));
        let known = Fold::new(train, test, fold.groups().to_vec(), Scaling::Standardised);
        let [train, test] = residuals([fold.train(), fold.test()], [known.train(), known.test()]);
        self.probe.score(&fold.with(train, test, self.probe.scaling()), labellings, n_classes)
    }
}

/// What is left of rows, from the mean of the first, by least squares of the first on their covariates, which have mean 0.
fn residuals(rows: [MatRef<'_, f64>; 2], known: [MatRef<'_, f64>; 2]) -> [Mat<f64>; 2] {
    let n = rows[0].nrows() as f64;
    let means: Vec<f64> = rows[0].col_iter().map(|column| column.iter().sum::<f64>() / n).collect();
    let centred = rows.map(|rows| Mat::from_fn(rows.nrows(), rows.ncols(), |i, j| rows[(i, j)] - means[j]));
    let greatest: Vec<f64> =
        centred[0].col_iter().map(|column| column.iter().fold(0.0, |max: f64, v| max.max(v.abs()))).collect();

    // (Zᵀ Z)⁺ Zᵀ X, whichever covariates repeat each other.
    let (squares, axes) = eigen(gram(known[0].transpose()).as_ref());
    let floor = NEGLIGIBLE * squares.last().copied().unwrap_or(0.0);
    let inverse: Vec<f64> = squares.iter().map(|&square| if square > floor { 1.0 / square } else { 0.0 }).collect();
    let across = product(known[0].transpose(), centred[0].as_ref());
    let mut along = product(axes.transpose(), across.as_ref());
    for column in along.col_iter_mut() {
        column.iter_mut().zip(&inverse).for_each(|(v, inverse)| *v *= inverse);
    }
    let coefficients = product(axes.as_ref(), along.as_ref());

    let mut left = centred;
    for (left, known) in left.iter_mut().zip(known) {
        multiply(left.as_mut(), Accum::Add, known, coefficients.as_ref(), -1.0);
        // What rounding leaves of a column that is gone still knows the covariates, and would be scaled up to a column again.
        for (j, greatest) in greatest.iter().enumerate() {
            left.col_as_slice_mut(j).iter_mut().filter(|v| v.abs() <= ROUNDING * greatest).for_each(|v| *v = 0.0);
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Baselines, CrossFit, Labels, Logistic};

    fn column(values: &[f64]) -> Mat<f64> {
        Mat::from_fn(values.len(), 1, |i, _| values[i])
    }

    /// Through (0, 1), (1, 3), (2, 8): slope 7/2 from the mean 4; residuals 1/2, −1, 1/2.
    #[test]
    fn a_line_by_hand_and_the_test_row_takes_its_slope() {
        let (rows, known) = (column(&[1.0, 3.0, 8.0]), column(&[-1.0, 0.0, 1.0]));
        // At 3 the line says 4 + 2 · 7/2 = 11.
        let [train, test] =
            residuals([rows.as_ref(), column(&[20.0]).as_ref()], [known.as_ref(), column(&[2.0]).as_ref()]);
        for (got, expected) in [(train[(0, 0)], 0.5), (train[(1, 0)], -1.0), (train[(2, 0)], 0.5), (test[(0, 0)], 9.0)]
        {
            assert!((got - expected).abs() < 1e-12, "{got} {expected}");
        }
    }

    #[test]
    fn covariates_that_repeat_each_other_or_say_nothing_do_no_harm() {
        let rows = Mat::from_fn(9, 2, |i, j| ((i * 7 + j * 5 + i * i) % 11) as f64);
        let once = Mat::from_fn(9, 1, |i, _| i as f64 - 4.0);
        let thrice = Mat::from_fn(9, 3, |i, j| if j == 2 { 0.0 } else { (i as f64 - 4.0) * [1.0, -2.0][j] });
        let none = |width| Mat::<f64>::zeros(0, width);
        let [one, _] = residuals([rows.as_ref(), none(2).as_ref()], [once.as_ref(), none(1).as_ref()]);
        let [many, _] = residuals([rows.as_ref(), none(2).as_ref()], [thrice.as_ref(), none(3).as_ref()]);
        assert!((0..9).all(|i| (0..2).all(|j| (one[(i, j)] - many[(i, j)]).abs() < 1e-10)));
    }

    /// The first column is the length alone, the second the class alone.
    #[test]
    fn length_goes_and_the_class_stays() {
        let length: Vec<f64> = (0..80).map(|i| f64::from(i % 2 * 15 + i * 7 % 30)).collect();
        let labels = Labels::of_independent_rows((0..80).map(|i| i % 2).collect()).unwrap();
        let covariates = Features::new("length", 1, length.clone()).unwrap();
        let (probe, none) = (Logistic::l2(1.0), Baselines::left_out("numbers have no texts"));
        let check = |column: &dyn Fn(usize) -> f64| {
            let features = Features::new("rows", 1, (0..80).map(column).collect()).unwrap();
            let auroc = |probe: &dyn Probe| {
                let crossed = CrossFit::new(probe).permutations(19).resamples(50);
                crossed.run(std::slice::from_ref(&features), &labels, &none).unwrap().probes[0].auroc.value()
            };
            (auroc(&probe), auroc(&Residualised::new(&probe, &covariates)))
        };
        let (raw, left) = check(&|i| 5.0 - 3.0 * length[i]);
        assert!(raw > 0.7 && (left - 0.5).abs() < 1e-12, "{raw} {left}");
        let (raw, left) = check(&|i| (i % 2 * 3) as f64 + (i * 11 % 7) as f64 + 2.0 * length[i]);
        // Length goes with the class here, so that some of the class goes with it.
        assert!(raw > 0.7 && left > 0.65, "{raw} {left}");
    }

    #[test]
    fn rows_without_covariates_are_refused() {
        let labels = Labels::of_independent_rows((0..20).map(|i| i % 2).collect()).unwrap();
        let features = Features::new("rows", 1, (0..20).map(f64::from).collect()).unwrap();
        let few = Features::new("length", 1, vec![1.0, 2.0]).unwrap();
        let probe = Logistic::l2(1.0);
        let refused = CrossFit::new(&Residualised::new(&probe, &few)).permutations(9).run(
            &[features],
            &labels,
            &Baselines::left_out("numbers"),
        );
        assert!(matches!(refused, Err(FitError::LengthMismatch { rows: 2, .. })));
    }
}
