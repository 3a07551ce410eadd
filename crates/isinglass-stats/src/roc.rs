//! Scores at every threshold: ROC curves, average precision, and AUROC of several classes.

use serde::Serialize;

use crate::auroc::Ranked;
use crate::error::{classes_below, numbers, same_length};
use crate::{Bootstrap, Estimate, StatsError};

/// The trade-off between hits and false alarms at every threshold.
///
/// A row is called `true` if its score is at least the threshold; the first threshold is infinite and calls none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RocCurve {
    /// The share of rows labelled `false` that are called `true`.
    pub false_positive_rates: Vec<f64>,
    /// The share of rows labelled `true` that are called `true`.
    pub true_positive_rates: Vec<f64>,
    /// The thresholds: infinity, then each different score from the greatest down.
    pub thresholds: Vec<f64>,
}

/// The ROC curve of scores, a point for each different score.
///
/// The area below it is [`auroc`](crate::auroc).
/// A threshold picked from it must be tested on other rows.
///
/// # Errors
///
/// Those of [`auroc`](crate::auroc).
///
/// ```
/// let curve = isinglass_stats::roc_curve(&[0.1, 0.4, 0.4, 0.8], &[false, false, true, true])?;
/// assert_eq!(curve.thresholds, [f64::INFINITY, 0.8, 0.4, 0.1]);
/// assert_eq!(curve.true_positive_rates, [0.0, 0.5, 1.0, 1.0]);
/// assert_eq!(curve.false_positive_rates, [0.0, 0.0, 0.5, 1.0]);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn roc_curve(scores: &[f64], labels: &[bool]) -> Result<RocCurve, StatsError> {
    let ranked = Ranked::new(scores, labels)?;
    let positives = labels.iter().filter(|&&label| label).count();
    let negatives = labels.len() - positives;
    let mut curve =
        RocCurve { false_positive_rates: vec![0.0], true_positive_rates: vec![0.0], thresholds: vec![f64::INFINITY] };
    let (mut hits, mut false_alarms) = (0, 0);
    for tie in from_the_greatest(&ranked) {
        let with = tie.iter().filter(|&&row| labels[row]).count();
        hits += with;
        false_alarms += tie.len() - with;
        curve.thresholds.push(scores[tie[0]]);
        curve.true_positive_rates.push(hits as f64 / positives as f64);
        curve.false_positive_rates.push(false_alarms as f64 / negatives as f64);
    }
    Ok(curve)
}

/// The mean precision over the rows labelled `true`, each at the threshold of its own score.
///
/// `AP = Σ (Rₖ - Rₖ₋₁) Pₖ` over thresholds from the greatest score down, with recall `R` and precision `P`, without
/// interpolation.
/// Chance gives the share of rows labelled `true`, so values from data with other shares do not compare.
/// For a number to publish use [`average_precision_grouped`].
///
/// # Errors
///
/// Those of [`auroc`](crate::auroc).
///
/// ```
/// let value = isinglass_stats::average_precision(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?;
/// assert!((value - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn average_precision(scores: &[f64], labels: &[bool]) -> Result<f64, StatsError> {
    // `new` has seen both classes.
    Ok(average_precision_drawn(&Ranked::new(scores, labels)?, labels, |_| 1).unwrap_or(f64::NAN))
}

/// The [`average_precision`] of rows that come in groups, with a 95 % interval from resampling whole groups.
///
/// The percentile cluster bootstrap of [`auroc_grouped`](crate::auroc_grouped), which see; give each row a group of its own
/// if rows are independent.
///
/// # Errors
///
/// Those of [`auroc_grouped`](crate::auroc_grouped).
///
/// ```
/// use isinglass_stats::{Bootstrap, average_precision_grouped};
///
/// let scores = [0.9, 0.2, 0.8, 0.4, 0.3, 0.5, 0.7, 0.1];
/// let labels = [true, false, true, false, true, false, true, false];
/// let scenario = [1, 1, 2, 2, 3, 3, 4, 4];
/// let estimate = average_precision_grouped(&scores, &labels, &scenario, Bootstrap::resamples(2000).seed(7))?;
/// assert!((estimate.value() - (3.0 + 4.0 / 6.0) / 4.0).abs() < 1e-12);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn average_precision_grouped(
    scores: &[f64],
    labels: &[bool],
    groups: &[u64],
    bootstrap: Bootstrap,
) -> Result<Estimate, StatsError> {
    let value = average_precision(scores, labels)?;
    let ranked = Ranked::new(scores, labels)?;
    same_length(("groups", groups.len()), ("scores", scores.len()))?;
    let interval = bootstrap.over_groups(groups, |times| average_precision_drawn(&ranked, labels, |row| times[row]))?;
    Ok(Estimate::new(value, interval, scores.len(), "average precision"))
}

/// The mean over classes of the AUROC of each class against all others.
///
/// `scores` holds row after row, one score for each class, of which there are `n_classes`; each column is compared within
/// itself alone, so its scale does not matter.
/// Every class counts the same, however rare (the macro average of Provost and Domingos 2000 without weights).
/// For a number to publish use [`auroc_one_vs_rest_grouped`].
///
/// # Errors
///
/// [`StatsError::Ragged`] if the scores do not fill rows, [`StatsError::LengthMismatch`], [`StatsError::OutOfRange`] for a
/// class that is not below `n_classes`, [`StatsError::OneClass`] if a class does not occur, [`StatsError::Empty`],
/// [`StatsError::NotANumber`].
///
/// ```
/// let scores = [0.7, 0.2, 0.1, 0.2, 0.5, 0.3, 0.1, 0.3, 0.6, 0.4, 0.35, 0.25];
/// let value = isinglass_stats::auroc_one_vs_rest(&scores, 3, &[0, 1, 2, 1])?;
/// assert_eq!(value, 1.0); // each row scores its class above those of other classes score it
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn auroc_one_vs_rest(scores: &[f64], n_classes: usize, classes: &[usize]) -> Result<f64, StatsError> {
    let columns = Columns::new(scores, n_classes, classes)?;
    let ranked = columns.ranked()?;
    Ok(ranked.iter().map(Ranked::auroc).sum::<f64>() / n_classes as f64)
}

/// [`auroc_one_vs_rest`] of rows that come in groups, with a 95 % interval from resampling whole groups.
///
/// The percentile cluster bootstrap of [`auroc_grouped`](crate::auroc_grouped), which see.
/// A resample that lacks a class is drawn again.
///
/// # Errors
///
/// Those of [`auroc_one_vs_rest`] and of [`auroc_grouped`](crate::auroc_grouped).
///
/// ```
/// use isinglass_stats::{Bootstrap, auroc_one_vs_rest_grouped};
///
/// let scores = [0.7, 0.2, 0.1, 0.2, 0.5, 0.3, 0.1, 0.3, 0.6, 0.4, 0.35, 0.25, 0.3, 0.3, 0.4, 0.1, 0.2, 0.7];
/// let estimate =
///     auroc_one_vs_rest_grouped(&scores, 3, &[0, 1, 2, 1, 0, 2], &[1, 1, 1, 2, 2, 2], Bootstrap::resamples(100))?;
/// assert_eq!(estimate.n(), 6);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn auroc_one_vs_rest_grouped(
    scores: &[f64],
    n_classes: usize,
    classes: &[usize],
    groups: &[u64],
    bootstrap: Bootstrap,
) -> Result<Estimate, StatsError> {
    let value = auroc_one_vs_rest(scores, n_classes, classes)?;
    let columns = Columns::new(scores, n_classes, classes)?;
    let ranked = columns.ranked()?;
    same_length(("groups", groups.len()), ("classes", classes.len()))?;
    let interval = bootstrap.over_groups(groups, |times| {
        let each: Option<Vec<f64>> = ranked.iter().map(|ranked| ranked.auroc_drawn(times)).collect();
        each.map(|each| each.iter().sum::<f64>() / n_classes as f64)
    })?;
    Ok(Estimate::new(value, interval, classes.len(), "AUROC, one class against the rest, mean of classes"))
}

/// The average precision where row `i` occurs so many times; none if no row labelled `true` does.
fn average_precision_drawn(ranked: &Ranked<'_>, labels: &[bool], times: impl Fn(usize) -> u64) -> Option<f64> {
    let (mut hits, mut called, mut sum) = (0, 0, 0.0);
    for tie in from_the_greatest(ranked) {
        let with: u64 = tie.iter().filter(|&&row| labels[row]).map(|&row| times(row)).sum();
        called += tie.iter().map(|&row| times(row)).sum::<u64>();
        hits += with;
        if with > 0 {
            sum += with as f64 * hits as f64 / called as f64;
        }
    }
    (hits > 0).then(|| sum / hits as f64)
}

fn from_the_greatest<'a>(ranked: &'a Ranked<'_>) -> impl Iterator<Item = &'a [usize]> {
    let ties: Vec<&[usize]> = ranked.ties().collect();
    ties.into_iter().rev()
}

/// Scores and labels of each class against the rest.
struct Columns {
    scores: Vec<Vec<f64>>,
    labels: Vec<Vec<bool>>,
}

impl Columns {
    fn new(scores: &[f64], n_classes: usize, classes: &[usize]) -> Result<Self, StatsError> {
        if n_classes == 0 || !scores.len().is_multiple_of(n_classes) {
            return Err(StatsError::Ragged { n_values: scores.len(), width: n_classes });
        }
        numbers("scores", scores)?;
        same_length(("classes", classes.len()), ("rows of scores", scores.len() / n_classes))?;
        classes_below("classes", classes, n_classes)?;
        let each = 0..n_classes;
        Ok(Self {
            scores: each.clone().map(|class| scores.iter().skip(class).step_by(n_classes).copied().collect()).collect(),
            labels: each.map(|class| classes.iter().map(|&c| c == class).collect()).collect(),
        })
    }

    fn ranked(&self) -> Result<Vec<Ranked<'_>>, StatsError> {
        self.scores.iter().zip(&self.labels).map(|(scores, labels)| Ranked::new(scores, labels)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_one_threshold() {
        let labels = [true, false, true, false, false];
        let curve = roc_curve(&[2.0, 2.0, 1.0, 1.0, 1.0], &labels).unwrap();
        assert_eq!(curve.thresholds, [f64::INFINITY, 2.0, 1.0]);
        assert_eq!(curve.true_positive_rates, [0.0, 0.5, 1.0]);
        assert_eq!(curve.false_positive_rates, [0.0, 1.0 / 3.0, 1.0]);
        // Half of recall at a precision of 1/2, half at 2/5.
        assert!((average_precision(&[2.0, 2.0, 1.0, 1.0, 1.0], &labels).unwrap() - 0.45).abs() < 1e-12);
    }

    #[test]
    fn drawing_a_row_twice_is_having_it_twice() {
        let (scores, labels) = ([0.3, 0.1, 0.3, 0.9], [true, false, false, true]);
        let ranked = Ranked::new(&scores, &labels).unwrap();
        let drawn = average_precision_drawn(&ranked, &labels, |row| [2, 1, 1, 0][row]);
        let twice = average_precision(&[0.3, 0.3, 0.1, 0.3], &[true, true, false, false]).unwrap();
        assert_eq!(drawn, Some(twice));
        assert_eq!(average_precision_drawn(&ranked, &labels, |row| [0, 1, 1, 0][row]), None);
    }

    #[test]
    fn of_two_classes_one_against_the_rest_is_the_auroc() {
        let scores = [0.1, 0.9, 0.6, 0.4, 0.35, 0.65, 0.8, 0.2];
        let classes = [1, 1, 0, 1];
        let second: Vec<f64> = scores.iter().skip(1).step_by(2).copied().collect();
        let plain = crate::auroc(&second, &classes.map(|class| class == 1)).unwrap();
        assert_eq!(auroc_one_vs_rest(&scores, 2, &classes), Ok(plain));
        let bootstrap = Bootstrap::resamples(100).seed(1);
        let (labels, groups) = (classes.map(|class| class == 1), [1, 2, 3, 4]);
        assert_eq!(
            auroc_one_vs_rest_grouped(&scores, 2, &classes, &groups, bootstrap).unwrap().interval(),
            crate::auroc_grouped(&second, &labels, &groups, bootstrap).unwrap().interval()
        );
    }

    #[test]
    fn rows_without_a_class_are_refused() {
        let check = |scores: &[f64], classes: &[usize]| auroc_one_vs_rest(scores, 2, classes).unwrap_err();
        assert_eq!(check(&[1.0, 2.0, 3.0], &[0]), StatsError::Ragged { n_values: 3, width: 2 });
        assert!(matches!(check(&[1.0, 2.0, 3.0, 4.0], &[0, 0]), StatsError::OneClass { .. }));
        assert!(matches!(check(&[1.0, 2.0], &[0, 1]), StatsError::LengthMismatch { .. }));
        assert!(matches!(check(&[1.0, 2.0], &[2]), StatsError::OutOfRange { .. }));
        assert!(matches!(roc_curve(&[1.0], &[true]), Err(StatsError::OneClass { .. })));
    }
}
