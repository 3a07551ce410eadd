//! Probes of a few columns.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use crate::error::FitError;
use crate::features::Features;
use crate::fold::{Fold, Scaling};
use crate::labels::Labels;
use crate::logistic::{Logistic, all_present};
use crate::probe::{LinearProbe, Probe};

/// A logistic probe on the `k` columns that tell the classes apart best one by one (Gurnee et al., "Finding neurons in a
/// haystack", 2023).
///
/// In the training rows of each fold, and for each labelling anew, it picks the columns of greatest
/// `|mean of class 1 − mean of class 0| / deviation within classes`; of more than two classes the greatest over the classes,
/// each against the others.
/// As the shuffled labels pick their own columns, the null knows how well the best of many meaningless columns do.
///
/// That few columns suffice says that the basis is aligned with the concept, not that these columns are about nothing else.
/// Columns are picked one by one: those that say the same are all picked, and one that helps only beside another is missed.
///
/// ```
/// use isinglass_probe::{Features, KSparse, Labels};
///
/// // Forty rows of eight neurons; the fourth fires for class 1.
/// let fires = |i: usize, j: usize| if j == 3 { 2.0 * (i % 2) as f64 } else { 0.0 };
/// let values = (0..40).flat_map(|i| (0..8).map(move |j| fires(i, j) + ((i * (j + 3)) % 7) as f64 / 3.0)).collect();
/// let neurons = Features::new("neurons", 8, values)?;
/// let labels = Labels::of_independent_rows((0..40).map(|i| i % 2).collect())?;
/// assert_eq!(KSparse::new(1, 1.0).columns(&neurons, &labels)?, [3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct KSparse {
    k: usize,
    c: f64,
}

/// Shares of the spread of a column below which what is left within classes is rounding.
const NEGLIGIBLE: f64 = 1e-12;

impl KSparse {
    /// With this many columns, and this `C` for the logistic probe on them.
    pub const fn new(k: usize, c: f64) -> Self {
        Self { k, c }
    }

    /// The columns that it picks in all rows, the best first: to look at, not to say how good they are.
    ///
    /// # Errors
    /// [`FitError`] if rows and labels differ in number, or there are fewer columns than it should pick.
    pub fn columns(&self, features: &Features, labels: &Labels) -> Result<Vec<usize>, FitError> {
        labels.check(features.name(), features.len())?;
        let fold = Fold::whole(features, labels.groups().to_vec(), Scaling::Standardised);
        self.pick(&fold, labels.classes(), labels.n_classes())
    }

    fn pick(&self, fold: &Fold, labels: &[usize], n_classes: usize) -> Result<Vec<usize>, FitError> {
        let width = fold.train().ncols();
        if self.k == 0 || self.k > width {
            let range = "at least 1 and no more than there are columns";
            return Err(FitError::BadSetting { what: "k", value: self.k as f64, range });
        }
        all_present(labels, n_classes)?;
        let separation: Vec<f64> =
            (0..width).map(|j| separation(fold.train().col(j).iter().copied(), labels, n_classes)).collect();
        let mut columns: Vec<usize> = (0..width).collect();
        // Stable: of equals the first.
        columns.sort_by(|&a, &b| separation[b].total_cmp(&separation[a]));
        columns.truncate(self.k);
        Ok(columns)
    }

    /// The fold with these columns alone.
    fn narrow(fold: &Fold, columns: &[usize]) -> Fold {
        let of = |rows: MatRef<'_, f64>| Mat::from_fn(rows.nrows(), columns.len(), |i, j| rows[(i, columns[j])]);
        fold.with(of(fold.train()), of(fold.test()), Scaling::AsIs)
    }
}

/// The squared difference of means over the variance within, the greatest of each class against the others.
fn separation(column: impl Iterator<Item = f64>, labels: &[usize], n_classes: usize) -> f64 {
    let (mut counts, mut sums, mut squares) = (vec![0.0; n_classes], vec![0.0; n_classes], 0.0);
    for (value, &class) in column.zip(labels) {
        counts[class] += 1.0;
        sums[class] += value;
        squares += value * value;
    }
    let (n, sum) = (labels.len() as f64, sums.iter().sum::<f64>());
    let of = |class: usize| {
        let (inside, outside) = (counts[class], n - counts[class]);
        let means = [sums[class] / inside, (sum - sums[class]) / outside];
        let within = squares - inside * means[0].powi(2) - outside * means[1].powi(2);
        let difference = (means[0] - means[1]).powi(2);
        if difference > 0.0 { difference * n / within.max(NEGLIGIBLE * squares) } else { 0.0 }
    };
    (usize::from(n_classes == 2)..n_classes).map(of).fold(0.0, f64::max)
}

impl Probe for KSparse {
    fn name(&self) -> String {
        format!("logistic on {} columns, C = {}", self.k, self.c)
    }

    fn score(&self, fold: &Fold, labellings: &[Vec<usize>], n_classes: usize) -> Result<Vec<Vec<f64>>, FitError> {
        let logistic = Logistic::l2(self.c);
        labellings
            .par_iter()
            .map(|labels| {
                let narrow = Self::narrow(fold, &self.pick(fold, labels, n_classes)?);
                // One labelling in, one out.
                Ok(logistic.score(&narrow, std::slice::from_ref(labels), n_classes)?.swap_remove(0))
            })
            .collect()
    }
}

impl LinearProbe for KSparse {
    fn weigh(&self, fold: &Fold, labels: &[usize], n_classes: usize) -> Result<(Mat<f64>, Vec<f64>), FitError> {
        let columns = self.pick(fold, labels, n_classes)?;
        let (few, intercepts) = Logistic::l2(self.c).weigh(&Self::narrow(fold, &columns), labels, n_classes)?;
        let mut weights = Mat::zeros(fold.train().ncols(), few.ncols());
        for (at, &column) in columns.iter().enumerate() {
            (0..few.ncols()).for_each(|j| weights[(column, j)] = few[(at, j)]);
        }
        Ok((weights, intercepts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Baselines, CrossFit};

    /// Twelve columns of noise without a pattern; `planted` adds to some.
    fn rows(n: usize, planted: impl Fn(usize, usize) -> f64) -> Features {
        let noise = |i: usize, j: usize| ((i * 131 + j * 71 + i * i * (j + 5) * 7) % 101) as f64 / 50.0 - 1.0;
        let values = (0..n).flat_map(|i| (0..12).map(move |j| (i, j))).map(|(i, j)| noise(i, j) + planted(i, j));
        Features::new("planted", 12, values.collect()).unwrap()
    }

    /// Means 1 and 4 with deviations 1 within: a difference of 3 of them.
    #[test]
    fn separation_is_the_difference_in_deviations_squared() {
        let got = separation([0.0, 2.0, 3.0, 5.0].into_iter(), &[0, 0, 1, 1], 2);
        assert!((got - 9.0).abs() < 1e-12, "{got}");
        assert!(separation([0.0; 4].into_iter(), &[0, 0, 1, 1], 2).abs() < 1e-300);
    }

    #[test]
    fn the_planted_columns_are_picked_and_weighed_alone() {
        let features = rows(120, |i, j| if j == 4 || j == 9 { 1.4 * (i % 2) as f64 } else { 0.0 });
        let labels = Labels::of_independent_rows((0..120).map(|i| i % 2).collect()).unwrap();
        let probe = KSparse::new(2, 1.0);
        let mut columns = probe.columns(&features, &labels).unwrap();
        columns.sort_unstable();
        assert_eq!(columns, [4, 9]);
        let weights = probe.fit(&features, &labels).unwrap().weights.remove(0);
        assert!((0..12).all(|j| (weights[j] > 0.5) == (j == 4 || j == 9) && (weights[j] == 0.0) != (j == 4 || j == 9)));
        let none = Baselines::left_out("planted");
        let found = CrossFit::new(&probe).permutations(60).run(&[features], &labels, &none).unwrap();
        let scored = &found.probes[0];
        assert!(scored.auroc.value() > 0.85 && scored.auroc.p().unwrap().value() < 0.02, "{found}");
        assert!((scored.null.as_ref().unwrap().mean() - 0.5).abs() < 0.05);
    }

    /// Each class has a column of its own, so the greatest separation is over classes.
    #[test]
    fn of_three_classes_each_finds_its_column() {
        let features = rows(150, |i, j| if j == 2 + 3 * (i % 3) { 2.5 } else { 0.0 });
        let labels = Labels::of_independent_rows((0..150).map(|i| i % 3).collect()).unwrap();
        let mut columns = KSparse::new(3, 1.0).columns(&features, &labels).unwrap();
        columns.sort_unstable();
        assert_eq!(columns, [2, 5, 8]);
    }

    /// The best of many meaningless columns looks good in the rows it was picked in; out of fold it does not.
    #[test]
    fn without_a_signal_there_is_none() {
        let features = rows(80, |_, _| 0.0);
        let classes: Vec<usize> = (0..80).map(|i| usize::from(i * i % 17 > 7)).collect();
        let labels = Labels::of_independent_rows(classes).unwrap();
        let none = Baselines::left_out("nothing is planted");
        let found = CrossFit::new(&KSparse::new(2, 1.0)).permutations(99).run(&[features], &labels, &none).unwrap();
        assert!(found.probes[0].auroc.p().unwrap().value() > 0.05, "{found}");
    }

    #[test]
    fn more_columns_than_there_are_is_refused() {
        let labels = Labels::of_independent_rows(vec![0, 1]).unwrap();
        let features = Features::new("two", 2, vec![0.0, 1.0, 2.0, 3.0]).unwrap();
        let refused = |k| KSparse::new(k, 1.0).columns(&features, &labels).unwrap_err();
        assert!(matches!(refused(0), FitError::BadSetting { what: "k", .. }));
        assert!(matches!(refused(3), FitError::BadSetting { what: "k", .. }));
    }
}
