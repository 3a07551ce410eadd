//! The area under the ROC curve, and two intervals for it.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::bootstrap::LEVEL;
use crate::error::{numbers, same_length};
use crate::estimate::Interval;
use crate::moments::variance_of;
use crate::{Bootstrap, Estimate, StatsError};

/// How often a row labelled `true` scores higher than a row labelled `false`; a tie counts one half.
///
/// The Mann-Whitney statistic over all pairs of rows, which equals the area under the ROC curve (Bamber 1975):
/// `AUROC = mean over pairs of ([score+ > score-] + [score+ = score-] / 2)`.
/// 0.5 is chance, 1 a perfect order, 0 a perfect order turned round.
/// Time is `O(n log n)`.
///
/// It sees the order of the scores alone, neither their scale nor a threshold: a probe with a high AUROC may still
/// be miscalibrated.
/// For a number to publish use [`auroc_grouped`]; this one is for permutations and for checks.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::Empty`], [`StatsError::NotANumber`] with the row of a NaN score, or
/// [`StatsError::OneClass`].
///
/// ```
/// let value = isinglass_stats::auroc(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?;
/// assert_eq!(value, 0.75); // 3 of the 4 pairs are in order
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn auroc(scores: &[f64], labels: &[bool]) -> Result<f64, StatsError> {
    Ok(Ranked::new(scores, labels)?.auroc())
}

/// The AUROC of rows that come in groups, with a 95 % interval from resampling whole groups.
///
/// As many groups as there are, drawn with replacement; the interval reaches from the 2.5 % to the 97.5 % quantile of
/// the resampled AUROCs (the percentile cluster bootstrap: Efron and Tibshirani 1993, chapter 13; Field and Welsh
/// 2007), or is the one that [`Bootstrap::interval`] names.
/// A resample that holds one class only has no AUROC and is drawn again; a draw holds both classes with probability
/// 1/2 or more, so this ends.
/// There is no interval if its two ends coincide, as they do for perfectly separated rows: a width of zero would claim
/// a certainty that resampling cannot give.
///
/// The scores are taken as given: if a probe was fitted, the spread of refitting it is not in the interval.
/// With fewer than about 20 groups, percentile intervals are too narrow.
///
/// # Errors
///
/// Those of [`auroc`], [`StatsError::LengthMismatch`] for the groups, [`StatsError::TooFewGroups`] below 2 groups,
/// [`StatsError::TooFewResamples`], [`StatsError::Undefined`] for BCa if one group holds all rows of a class.
///
/// ```
/// use isinglass_stats::{Bootstrap, auroc_grouped};
///
/// let scores = [0.9, 0.2, 0.8, 0.4, 0.3, 0.5, 0.7, 0.1];
/// let labels = [true, false, true, false, true, false, true, false];
/// let scenario = [1, 1, 2, 2, 3, 3, 4, 4];
/// let estimate = auroc_grouped(&scores, &labels, &scenario, Bootstrap::resamples(2000).seed(7))?;
/// assert_eq!((estimate.value(), estimate.n()), (0.875, 8));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn auroc_grouped(
    scores: &[f64],
    labels: &[bool],
    groups: &[u64],
    bootstrap: Bootstrap,
) -> Result<Estimate, StatsError> {
    let ranked = Ranked::new(scores, labels)?;
    same_length(("groups", groups.len()), ("scores", scores.len()))?;
    let interval = bootstrap.over_groups(groups, |times| ranked.auroc_drawn(times))?;
    Ok(Estimate::new(ranked.auroc(), interval, scores.len(), "AUROC"))
}

/// The AUROC of independent rows, with DeLong's 95 % interval.
///
/// `AUROC ± z √(var(V10) / n+ + var(V01) / n-)`, cut at 0 and 1, where `V10` is for each row labelled `true` the share
/// of rows labelled `false` that it beats, and `V01` for each row labelled `false` the share of rows labelled `true`
/// that beat it (DeLong, DeLong and Clarke-Pearson 1988), computed from midranks in `O(n log n)` (Sun and Xu 2014).
///
/// It treats rows as independent and is too narrow for rows in groups: use [`auroc_grouped`] for those.
/// There is no interval if a class has a single row, or if the variance is zero, as for perfectly separated rows.
/// Close to 0 or 1, or with few rows, the normal approximation is poor.
///
/// # Errors
///
/// Those of [`auroc`].
///
/// ```
/// let scores = [0.1, 0.4, 0.35, 0.8, 0.9, 0.2];
/// let estimate = isinglass_stats::auroc_delong(&scores, &[false, false, true, true, true, false])?;
/// assert!(estimate.interval().is_some_and(|i| i.low() < estimate.value() && i.high() <= 1.0));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn auroc_delong(scores: &[f64], labels: &[bool]) -> Result<Estimate, StatsError> {
    let ranked = Ranked::new(scores, labels)?;
    let value = ranked.auroc();
    let (v10, v01) = ranked.placements();
    let interval = if v10.len() < 2 || v01.len() < 2 {
        None
    } else {
        let se = (variance_of(&v10) / v10.len() as f64 + variance_of(&v01) / v01.len() as f64).sqrt();
        let z = Normal::standard().inverse_cdf(f64::midpoint(1.0, LEVEL));
        (se > 0.0).then(|| {
            let [low, high] = [value - z * se, value + z * se].map(|end| end.clamp(0.0, 1.0));
            Interval::new(low, high, LEVEL, "DeLong".to_owned())
        })
    };
    Ok(Estimate::new(value, interval, scores.len(), "AUROC"))
}

/// Rows in the order of their scores, sorted once for all resamples.
pub(crate) struct Ranked<'a> {
    scores: &'a [f64],
    labels: &'a [bool],
    order: Vec<usize>,
}

impl<'a> Ranked<'a> {
    pub(crate) fn new(scores: &'a [f64], labels: &'a [bool]) -> Result<Self, StatsError> {
        same_length(("labels", labels.len()), ("scores", scores.len()))?;
        numbers("scores", scores)?;
        if labels.iter().all(|&label| label == labels[0]) {
            return Err(StatsError::OneClass { label: labels[0], n: labels.len() });
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        Ok(Self { scores, labels, order })
    }

    /// Rows of equal score together, from the lowest score up.
    #[expect(clippy::float_cmp, reason = "a tie is two equal scores, however close others come")]
    pub(crate) fn ties(&self) -> impl Iterator<Item = &[usize]> {
        self.order.chunk_by(|&a, &b| self.scores[a] == self.scores[b])
    }

    pub(crate) fn auroc(&self) -> f64 {
        // `new` has seen both classes.
        self.area(|_| 1).unwrap_or(f64::NAN)
    }

    /// The AUROC where row `i` occurs `times[i]` times; none if a class does not occur.
    pub(crate) fn auroc_drawn(&self, times: &[u64]) -> Option<f64> {
        self.area(|row| times[row])
    }

    /// Counts in half pairs, so that the sum is exact.
    fn area(&self, times: impl Fn(usize) -> u64) -> Option<f64> {
        let (mut positives, mut negatives, mut half_wins) = (0, 0, 0);
        for tie in self.ties() {
            let (mut tied_positives, mut tied_negatives) = (0, 0);
            for &row in tie {
                *(if self.labels[row] { &mut tied_positives } else { &mut tied_negatives }) += times(row);
            }
            half_wins += tied_positives * (2 * negatives + tied_negatives);
            positives += tied_positives;
            negatives += tied_negatives;
        }
        let pairs = positives * negatives;
        (pairs > 0).then(|| half_wins as f64 / (2 * pairs) as f64)
    }

    /// DeLong's `V10`, one for each row labelled `true`, and `V01`, one for each row labelled `false`.
    fn placements(&self) -> (Vec<f64>, Vec<f64>) {
        let n_positive = self.labels.iter().filter(|&&label| label).count() as f64;
        let n_negative = self.labels.len() as f64 - n_positive;
        let (mut v10, mut v01) = (Vec::new(), Vec::new());
        for tie in self.ties() {
            let tied_positives = tie.iter().filter(|&&row| self.labels[row]).count();
            let tied_negatives = tie.len() - tied_positives;
            let beaten = v01.len() as f64 + tied_negatives as f64 / 2.0;
            let beating = n_positive - v10.len() as f64 - tied_positives as f64 / 2.0;
            v10.extend(std::iter::repeat_n(beaten / n_negative, tied_positives));
            v01.extend(std::iter::repeat_n(beating / n_positive, tied_negatives));
        }
        (v10, v01)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels written as `+` and `-`.
    fn labels(signs: &str) -> Vec<bool> {
        signs.chars().map(|sign| sign == '+').collect()
    }

    #[test]
    fn aurocs_counted_by_hand() {
        let check = |scores: &[f64], signs: &str, expected: f64| {
            assert_eq!(auroc(scores, &labels(signs)), Ok(expected), "{scores:?} {signs}");
        };
        check(&[0.1, 0.4, 0.35, 0.8], "--++", 0.75);
        check(&[1.0, 2.0, 3.0, 4.0], "--++", 1.0);
        check(&[1.0, 2.0, 3.0, 4.0], "++--", 0.0);
        // All tied: every pair counts one half.
        check(&[2.0, 2.0, 2.0], "+--", 0.5);
        // Positives 1, 2, 2 against negatives 2, 1, 0: half, win; tie, win, win; tie, win, win: 7 of 9 pairs.
        check(&[1.0, 2.0, 2.0, 2.0, 1.0, 0.0], "+++---", (0.0 + 0.5 + 1.0 + 2.0 * 2.5) / 9.0);
        // The two zeros are one score, and infinities have their place.
        check(&[0.0, -0.0], "+-", 0.5);
        check(&[f64::INFINITY, f64::NEG_INFINITY, 0.0], "+--", 1.0);
    }

    #[test]
    fn rows_that_have_no_auroc_are_refused() {
        let check = |scores: &[f64], signs: &str| auroc(scores, &labels(signs)).unwrap_err();
        assert_eq!(
            check(&[1.0, 2.0], "+-+"),
            StatsError::LengthMismatch { what: "labels", got: 3, of: "scores", expected: 2 }
        );
        assert_eq!(check(&[], ""), StatsError::Empty { what: "scores" });
        assert_eq!(check(&[1.0, f64::NAN], "+-"), StatsError::NotANumber { what: "scores", index: 1 });
        assert_eq!(check(&[1.0, 2.0], "++"), StatsError::OneClass { label: true, n: 2 });
        assert_eq!(
            auroc_grouped(&[1.0, 2.0], &[true, false], &[1], Bootstrap::resamples(100)).unwrap_err(),
            StatsError::LengthMismatch { what: "groups", got: 1, of: "scores", expected: 2 }
        );
    }

    #[test]
    fn drawing_a_row_twice_is_having_it_twice() {
        let scores = [0.3, 0.1, 0.3, 0.9, 0.2];
        let signs = labels("+--+-");
        let ranked = Ranked::new(&scores, &signs).unwrap();
        let twice = auroc(&[0.3, 0.3, 0.1, 0.3, 0.3, 0.3], &labels("++----")).unwrap();
        assert_eq!(ranked.auroc_drawn(&[2, 1, 3, 0, 0]), Some(twice));
        assert_eq!(ranked.auroc_drawn(&[0, 1, 1, 0, 1]), None);
    }

    #[test]
    fn delong_placements_by_hand() {
        let scores = [1.0, 2.0, 2.0, 3.0, 2.0];
        let signs = labels("-+-++");
        let (v10, v01) = Ranked::new(&scores, &signs).unwrap().placements();
        // Positives 2, 2, 3 against negatives 1, 2.
        assert_eq!(v10, [0.75, 0.75, 1.0]);
        assert_eq!(v01, [1.0, 2.0 / 3.0]);
    }

    #[test]
    fn without_spread_there_is_no_interval() {
        let separated = labels("----++++");
        let scores: Vec<f64> = (0..8).map(f64::from).collect();
        let groups = [1, 2, 3, 4, 1, 2, 3, 4];
        for estimate in [
            auroc_delong(&scores, &separated).unwrap(),
            auroc_grouped(&scores, &separated, &groups, Bootstrap::resamples(100)).unwrap(),
        ] {
            assert_eq!((estimate.value(), estimate.interval(), estimate.n()), (1.0, None, 8));
        }
        let one_positive = auroc_delong(&[1.0, 3.0, 2.0], &labels("--+")).unwrap();
        assert_eq!((one_positive.value(), one_positive.interval()), (0.5, None));
    }

    #[test]
    fn one_row_of_a_class_still_resamples() {
        // Draws without the only positive group are repeated until they hold it.
        let estimate =
            auroc_grouped(&[0.5, 0.1, 0.9, 0.4], &labels("+---"), &[1, 2, 3, 4], Bootstrap::resamples(200)).unwrap();
        assert_eq!(estimate.interval().map(|i| (i.low(), i.high())), Some((0.0, 1.0)));
    }
}
