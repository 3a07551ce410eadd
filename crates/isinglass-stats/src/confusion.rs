//! Classes given against classes true.

use serde::Serialize;

use crate::StatsError;
use crate::error::{classes_below, same_length};

/// What is asked of a [`Confusion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ClassMetric {
    /// The share of rows given their true class.
    Accuracy,
    /// The mean over true classes of the share of rows given it, so that rare classes count as much as frequent ones.
    BalancedAccuracy,
    /// Of the rows given this class, the share of which it is the true one.
    Precision(usize),
    /// Of the rows of this true class, the share given it.
    Recall(usize),
    /// The harmonic mean of precision and recall of this class: `2 TP / (2 TP + FP + FN)`.
    F1(usize),
    /// The mean of F1 over the classes that occur, true or given.
    MacroF1,
    /// The correlation of Matthews (1975), for more than two classes as Gorodkin (2004) has it: from -1 to 1, 0 by chance.
    Mcc,
    /// Cohen's kappa (1960): agreement beyond what the frequencies of classes give by chance.
    Kappa,
}

impl ClassMetric {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Accuracy => "accuracy".to_owned(),
            Self::BalancedAccuracy => "balanced accuracy".to_owned(),
            Self::Precision(class) => format!("precision of class {class}"),
            Self::Recall(class) => format!("recall of class {class}"),
            Self::F1(class) => format!("F1 of class {class}"),
            Self::MacroF1 => "macro F1".to_owned(),
            Self::Mcc => "Matthews correlation".to_owned(),
            Self::Kappa => "Cohen's kappa".to_owned(),
        }
    }

    fn class(self) -> Option<usize> {
        match self {
            Self::Precision(class) | Self::Recall(class) | Self::F1(class) => Some(class),
            _ => None,
        }
    }
}

/// How many rows of each true class were given each class.
///
/// ```
/// use isinglass_stats::{ClassMetric, Confusion};
///
/// let confusion = Confusion::new(&[0, 0, 1, 1, 1], &[0, 1, 1, 1, 0], 2)?;
/// assert_eq!(confusion.counts(), [1, 1, 1, 2]); // true class after true class
/// assert_eq!(confusion.value(ClassMetric::Accuracy)?, 0.6);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confusion {
    counts: Vec<u64>,
    n_classes: usize,
}

impl Confusion {
    /// Counts rows by true and given class, each from 0 to `n_classes - 1`.
    ///
    /// # Errors
    ///
    /// [`StatsError::LengthMismatch`], [`StatsError::Empty`], [`StatsError::OutOfRange`] for a class that is not below
    /// `n_classes`.
    pub fn new(truth: &[usize], given: &[usize], n_classes: usize) -> Result<Self, StatsError> {
        same_length(("given", given.len()), ("truth", truth.len()))?;
        classes_below("truth", truth, n_classes)?;
        classes_below("given", given, n_classes)?;
        Ok(Self::drawn(truth, given, n_classes, |_| 1))
    }

    /// Counts row `i` so many times, of rows already checked.
    pub(crate) fn drawn(truth: &[usize], given: &[usize], n_classes: usize, times: impl Fn(usize) -> u64) -> Self {
        let mut counts = vec![0; n_classes * n_classes];
        for (row, (&truth, &given)) in truth.iter().zip(given).enumerate() {
            counts[truth * n_classes + given] += times(row);
        }
        Self { counts, n_classes }
    }

    /// The counts: row after row of true classes, each with the counts of given classes.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// How many classes there are.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// How many rows were counted.
    pub fn n(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// One figure of the table, without an interval: for a number to publish use [`classify`](crate::classify) or
    /// [`classify_grouped`](crate::classify_grouped).
    ///
    /// # Errors
    ///
    /// [`StatsError::OutOfRange`] for a class that is not below the number of classes, [`StatsError::NoValue`] if there
    /// is nothing to divide by, such as precision of a class that no row was given.
    pub fn value(&self, metric: ClassMetric) -> Result<f64, StatsError> {
        if let Some(class) = metric.class() {
            classes_below("class", &[class], self.n_classes)?;
        }
        let (value, statistic, lacks) = match metric {
            ClassMetric::Accuracy => (share(self.correct(), self.n()), "accuracy", "row"),
            ClassMetric::BalancedAccuracy => {
                let recalls = (0..self.n_classes).filter_map(|class| share(self.hits(class), self.of_truth(class)));
                (mean(recalls), "balanced accuracy", "row")
            }
            ClassMetric::Precision(class) => {
                (share(self.hits(class), self.of_given(class)), "precision", "row that was given the class")
            }
            ClassMetric::Recall(class) => (share(self.hits(class), self.of_truth(class)), "recall", "row of the class"),
            ClassMetric::F1(class) => (self.f1(class), "F1", "row that is of the class or was given it"),
            ClassMetric::MacroF1 => (mean((0..self.n_classes).filter_map(|class| self.f1(class))), "macro F1", "row"),
            ClassMetric::Mcc => (self.mcc(), "Matthews correlation", "second class among the true and the given ones"),
            ClassMetric::Kappa => (self.kappa(), "kappa", "second class"),
        };
        value.ok_or(StatsError::NoValue { statistic, lacks })
    }

    /// Successes and trials of a metric that is a share of rows.
    pub(crate) fn trials(&self, metric: ClassMetric) -> Option<(u64, u64)> {
        match metric {
            ClassMetric::Accuracy => Some((self.correct(), self.n())),
            ClassMetric::Precision(class) => Some((self.hits(class), self.of_given(class))),
            ClassMetric::Recall(class) => Some((self.hits(class), self.of_truth(class))),
            _ => None,
        }
    }

    fn hits(&self, class: usize) -> u64 {
        self.counts[class * self.n_classes + class]
    }

    fn correct(&self) -> u64 {
        (0..self.n_classes).map(|class| self.hits(class)).sum()
    }

    fn of_truth(&self, class: usize) -> u64 {
        self.counts[class * self.n_classes..][..self.n_classes].iter().sum()
    }

    fn of_given(&self, class: usize) -> u64 {
        self.counts.iter().skip(class).step_by(self.n_classes).sum()
    }

    fn f1(&self, class: usize) -> Option<f64> {
        share(2 * self.hits(class), self.of_truth(class) + self.of_given(class))
    }

    /// True and given counts of each class.
    fn margins(&self) -> impl Iterator<Item = (f64, f64)> {
        (0..self.n_classes).map(|class| (self.of_truth(class) as f64, self.of_given(class) as f64))
    }

    fn mcc(&self) -> Option<f64> {
        let (n, correct) = (self.n() as f64, self.correct() as f64);
        let sum = |term: fn((f64, f64)) -> f64| self.margins().map(term).sum::<f64>();
        let spread_truth = n * n - sum(|(truth, _)| truth * truth);
        let spread_given = n * n - sum(|(_, given)| given * given);
        let covariance = correct * n - sum(|(truth, given)| truth * given);
        (spread_truth > 0.0 && spread_given > 0.0).then(|| covariance / spread_truth.sqrt() / spread_given.sqrt())
    }

    fn kappa(&self) -> Option<f64> {
        let (n, correct) = (self.n() as f64, self.correct() as f64);
        let by_chance: f64 = self.margins().map(|(truth, given)| truth * given).sum();
        let beyond = n * n - by_chance;
        (beyond > 0.0).then(|| (correct * n - by_chance) / beyond)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0), |(sum, n), value| (sum + value, n + 1));
    (n > 0).then(|| sum / f64::from(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(confusion: &Confusion, metric: ClassMetric, expected: f64) {
        let got = confusion.value(metric).unwrap();
        assert!((got - expected).abs() < 1e-12, "{metric:?}: {got} for {expected}");
    }

    #[test]
    fn two_classes_by_hand() {
        // 1 true negative, 2 false positives, 1 false negative, 4 true positives.
        let confusion = Confusion::new(&[0, 0, 0, 1, 1, 1, 1, 1], &[0, 1, 1, 0, 1, 1, 1, 1], 2).unwrap();
        check(&confusion, ClassMetric::Accuracy, 5.0 / 8.0);
        check(&confusion, ClassMetric::BalancedAccuracy, f64::midpoint(1.0 / 3.0, 4.0 / 5.0));
        check(&confusion, ClassMetric::Precision(1), 4.0 / 6.0);
        check(&confusion, ClassMetric::Recall(0), 1.0 / 3.0);
        check(&confusion, ClassMetric::F1(1), 8.0 / 11.0);
        check(&confusion, ClassMetric::MacroF1, f64::midpoint(2.0 / 5.0, 8.0 / 11.0));
        check(&confusion, ClassMetric::Mcc, (4.0 - 2.0) / (6.0_f64 * 5.0 * 3.0 * 2.0).sqrt());
        // By chance 6/64 + 30/64.
        check(&confusion, ClassMetric::Kappa, (5.0 / 8.0 - 36.0 / 64.0) / (28.0 / 64.0));
    }

    /// scikit-learn 1.9 on the same rows.
    #[test]
    fn three_classes_of_four() {
        let truth = [0, 0, 0, 1, 1, 2, 2, 2, 2, 1];
        let given = [0, 1, 0, 1, 1, 2, 0, 2, 3, 2];
        let confusion = Confusion::new(&truth, &given, 4).unwrap();
        check(&confusion, ClassMetric::Accuracy, 0.6);
        check(&confusion, ClassMetric::BalancedAccuracy, 0.611_111_111_111_111);
        check(&confusion, ClassMetric::MacroF1, 0.476_190_476_190_476_16);
        check(&confusion, ClassMetric::Mcc, 0.435_194_139_889_244_6);
        check(&confusion, ClassMetric::Kappa, 0.428_571_428_571_428_6);
        check(&confusion, ClassMetric::F1(3), 0.0);
    }

    #[test]
    fn what_has_no_value_is_refused() {
        let confusion = Confusion::new(&[0, 0], &[0, 0], 3).unwrap();
        for metric in [ClassMetric::Precision(1), ClassMetric::Recall(1), ClassMetric::F1(1), ClassMetric::Mcc] {
            assert!(matches!(confusion.value(metric), Err(StatsError::NoValue { .. })), "{metric:?}");
        }
        assert!(matches!(confusion.value(ClassMetric::Kappa), Err(StatsError::NoValue { .. })));
        assert!(matches!(confusion.value(ClassMetric::F1(3)), Err(StatsError::OutOfRange { what: "class", .. })));
        assert!(matches!(Confusion::new(&[0, 3], &[0, 0], 3), Err(StatsError::OutOfRange { what: "truth", .. })));
        assert_eq!(Confusion::new(&[], &[], 3), Err(StatsError::Empty { what: "truth" }));
    }
}
