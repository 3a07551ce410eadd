//! Figures of a classifier with their intervals.

use crate::error::same_length;
use crate::proportion::wilson;
use crate::{Bootstrap, ClassMetric, Confusion, Estimate, KappaWeights, StatsError, kappa};

/// A figure of classes given to independent rows, with a 95 % interval where theory gives one.
///
/// Accuracy, precision and recall are shares and have Wilson's interval; `n` counts the rows they are shares of.
/// [`ClassMetric::Kappa`] has that of [`kappa`].
/// The others have none here: [`classify_grouped`] with a group for each row resamples one.
///
/// Rows of one group (a prompt, a pair, a scenario) are not independent: use [`classify_grouped`].
/// Accuracy where one class is frequent says little beside the share of that class.
///
/// # Errors
///
/// Those of [`Confusion::new`] and [`Confusion::value`].
///
/// ```
/// use isinglass_stats::{ClassMetric, classify};
///
/// let accuracy = classify(&[0, 0, 1, 1, 1], &[0, 1, 1, 1, 0], 2, ClassMetric::Accuracy)?;
/// assert_eq!(accuracy.to_string(), "0.600 [0.23, 0.88] (n = 5)");
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn classify(
    truth: &[usize],
    given: &[usize],
    n_classes: usize,
    metric: ClassMetric,
) -> Result<Estimate, StatsError> {
    let confusion = Confusion::new(truth, given, n_classes)?;
    let value = confusion.value(metric)?;
    if metric == ClassMetric::Kappa {
        return kappa(truth, given, n_classes, KappaWeights::Unweighted);
    }
    Ok(match confusion.trials(metric) {
        Some((successes, trials)) => wilson(successes, trials, &metric.name()),
        None => Estimate::new(value, None, truth.len(), &metric.name()),
    })
}

/// A figure of classes given to rows that come in groups, with a 95 % interval from resampling whole groups.
///
/// The percentile cluster bootstrap of [`auroc_grouped`](crate::auroc_grouped), which see; `n` counts all rows.
/// A resample in which the figure has no value is drawn again.
///
/// # Errors
///
/// Those of [`Confusion::new`] and [`Confusion::value`], [`StatsError::LengthMismatch`] for the groups,
/// [`StatsError::TooFewGroups`] below 2 groups, [`StatsError::TooFewResamples`].
///
/// ```
/// use isinglass_stats::{Bootstrap, ClassMetric, classify_grouped};
///
/// let (truth, given) = ([0, 1, 0, 1, 0, 1, 0, 1], [0, 1, 0, 0, 0, 1, 1, 1]);
/// let scenario = [1, 1, 2, 2, 3, 3, 4, 4];
/// let f1 = classify_grouped(&truth, &given, 2, ClassMetric::F1(1), &scenario, Bootstrap::resamples(1000))?;
/// assert_eq!((f1.value(), f1.n()), (0.75, 8));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn classify_grouped(
    truth: &[usize],
    given: &[usize],
    n_classes: usize,
    metric: ClassMetric,
    groups: &[u64],
    bootstrap: Bootstrap,
) -> Result<Estimate, StatsError> {
    let value = Confusion::new(truth, given, n_classes)?.value(metric)?;
    same_length(("groups", groups.len()), ("truth", truth.len()))?;
    let interval = bootstrap
        .over_groups(groups, |times| Confusion::drawn(truth, given, n_classes, |row| times[row]).value(metric).ok())?;
    Ok(Estimate::new(value, interval, truth.len(), &metric.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: [usize; 12] = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2];
    const GIVEN: [usize; 12] = [0, 0, 1, 0, 1, 1, 1, 2, 2, 2, 0, 2];

    #[test]
    fn shares_count_their_own_rows() {
        let n = |metric| classify(&TRUTH, &GIVEN, 3, metric).unwrap().n();
        assert_eq!(n(ClassMetric::Accuracy), 12);
        assert_eq!(n(ClassMetric::Recall(1)), 4);
        assert_eq!(n(ClassMetric::Precision(0)), 4);
        assert_eq!(n(ClassMetric::Mcc), 12);
    }

    #[test]
    fn every_metric_resamples_over_groups() {
        let groups = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6];
        for metric in [
            ClassMetric::Accuracy,
            ClassMetric::BalancedAccuracy,
            ClassMetric::Precision(1),
            ClassMetric::Recall(2),
            ClassMetric::F1(0),
            ClassMetric::MacroF1,
            ClassMetric::Mcc,
            ClassMetric::Kappa,
        ] {
            let plain = classify(&TRUTH, &GIVEN, 3, metric).unwrap();
            let grouped =
                classify_grouped(&TRUTH, &GIVEN, 3, metric, &groups, Bootstrap::resamples(300).seed(2)).unwrap();
            assert!((plain.value() - grouped.value()).abs() < 1e-12, "{metric:?}");
            assert_eq!(plain.method().split(',').next(), Some(grouped.method()));
            let interval = grouped.interval().unwrap();
            assert!(interval.low() <= grouped.value() && grouped.value() <= interval.high(), "{metric:?}");
        }
    }

    #[test]
    fn groups_must_fit_the_rows() {
        let check = |groups: &[u64]| {
            classify_grouped(&TRUTH, &GIVEN, 3, ClassMetric::Mcc, groups, Bootstrap::resamples(100)).unwrap_err()
        };
        assert!(matches!(check(&[1, 2]), StatsError::LengthMismatch { what: "groups", .. }));
        assert_eq!(check(&[7; 12]), StatsError::TooFewGroups { n_groups: 1 });
    }
}
