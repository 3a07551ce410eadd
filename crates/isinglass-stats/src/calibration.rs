//! Whether probabilities are what they say: losses, calibration, reliability.

use serde::Serialize;

use crate::error::{classes_below, same_length};
use crate::proportion::wilson;
use crate::t_test::mean_estimate;
use crate::{Bootstrap, Estimate, StatsError};

/// Probabilities of several classes must add up to 1 within this.
const SUM: f64 = 1e-6;

/// What is asked of [`Forecasts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ForecastMetric {
    /// The mean of `-ln p` of what came true, in nats: 0 at best, `ln n_classes` for even guessing, infinite for one
    /// certain error.
    LogLoss,
    /// The mean squared error of Brier (1950): for labels `(p - label)²`, from 0 to 1; for classes
    /// `Σ (p - \[class\])²` over all of them, from 0 to 2.
    Brier,
    /// The expected calibration error (Naeini, Cooper and Hauskrecht 2015) with bins that hold equally many rows: the mean
    /// distance, over rows, between what their bin was said to and what it did.
    ///
    /// For classes it is that of the greatest probability being right (Guo and others 2017).
    /// It depends on the bins and is too great on average, even for perfect probabilities.
    CalibrationError {
        /// How many bins; 10 or 15 are usual.
        n_bins: usize,
    },
}

/// Probabilities with what came true.
///
/// ```
/// use isinglass_stats::{ForecastMetric, Forecasts};
///
/// let forecasts = Forecasts::binary(&[0.9, 0.2, 0.6, 0.3], &[true, false, false, true])?;
/// let brier = forecasts.estimate(ForecastMetric::Brier)?;
/// assert!((brier.value() - (0.01 + 0.04 + 0.36 + 0.49) / 4.0).abs() < 1e-12);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Forecasts {
    log_losses: Vec<f64>,
    brier: Vec<f64>,
    /// What was said with which probability, and whether it came true: the label, or the likeliest class.
    claims: Vec<f64>,
    came_true: Vec<bool>,
}

/// Rows of like probability: how often they came true.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// The mean of their probabilities.
    pub predicted: f64,
    /// The share of them that came true, with Wilson's interval; `n` is their number.
    pub observed: Estimate,
}

impl Forecasts {
    /// The probability of `true` for each label.
    ///
    /// # Errors
    ///
    /// [`StatsError::LengthMismatch`], [`StatsError::Empty`], [`StatsError::NotAProbability`], also for NaN.
    pub fn binary(probabilities: &[f64], labels: &[bool]) -> Result<Self, StatsError> {
        same_length(("labels", labels.len()), ("probabilities", probabilities.len()))?;
        all_probabilities(probabilities)?;
        let rows = || probabilities.iter().zip(labels);
        Ok(Self {
            // ln(1 - p) from p, so that small ones keep their digits.
            log_losses: rows().map(|(&p, &label)| if label { -p.ln() } else { -f64::ln_1p(-p) }).collect(),
            brier: rows().map(|(&p, &label)| (p - f64::from(u8::from(label))).powi(2)).collect(),
            claims: probabilities.to_vec(),
            came_true: labels.to_vec(),
        })
    }

    /// The probabilities of `n_classes` classes, row after row, for each true class.
    ///
    /// Of classes that are equally likely the first counts as the likeliest.
    ///
    /// # Errors
    ///
    /// [`StatsError::Ragged`] if the probabilities do not fill rows, [`StatsError::LengthMismatch`], [`StatsError::Empty`],
    /// [`StatsError::OutOfRange`] for a class that is not below `n_classes` or a row whose sum is not 1 within 1e-6,
    /// [`StatsError::NotAProbability`], also for NaN.
    pub fn of_classes(probabilities: &[f64], n_classes: usize, classes: &[usize]) -> Result<Self, StatsError> {
        if n_classes == 0 || !probabilities.len().is_multiple_of(n_classes) {
            return Err(StatsError::Ragged { n_values: probabilities.len(), width: n_classes });
        }
        all_probabilities(probabilities)?;
        same_length(("classes", classes.len()), ("rows of probabilities", probabilities.len() / n_classes))?;
        classes_below("classes", classes, n_classes)?;
        let n = classes.len();
        let mut forecasts = Self {
            log_losses: Vec::with_capacity(n),
            brier: Vec::with_capacity(n),
            claims: Vec::with_capacity(n),
            came_true: Vec::with_capacity(n),
        };
        for (row, &class) in probabilities.chunks_exact(n_classes).zip(classes) {
            let sum: f64 = row.iter().sum();
            if (sum - 1.0).abs() > SUM {
                return Err(StatsError::OutOfRange { what: "sum of probabilities", value: sum, range: "1" });
            }
            let likeliest = (1..n_classes).fold(0, |best, c| if row[c] > row[best] { c } else { best });
            let others: f64 = row.iter().enumerate().filter(|(c, _)| *c != class).map(|(_, p)| p * p).sum();
            forecasts.log_losses.push(-row[class].ln());
            forecasts.brier.push((1.0 - row[class]).powi(2) + others);
            forecasts.claims.push(row[likeliest]);
            forecasts.came_true.push(likeliest == class);
        }
        Ok(forecasts)
    }

    /// A figure of independent rows.
    ///
    /// Losses are means, with the interval of Student's t; the calibration error has no interval here, and
    /// [`estimate_grouped`](Self::estimate_grouped) with a group for each row resamples one.
    ///
    /// # Errors
    ///
    /// [`StatsError::NotFinite`] for a log-loss if something came true that had probability 0,
    /// [`StatsError::OutOfRange`] for no bins, or more than rows.
    pub fn estimate(&self, metric: ForecastMetric) -> Result<Estimate, StatsError> {
        Ok(match self.losses(metric)? {
            Some(losses) => mean_estimate(losses, name(metric)),
            None => Estimate::new(self.value(metric, |_| 1)?, None, self.n(), name(metric)),
        })
    }

    /// A figure of rows that come in groups, with a 95 % interval from resampling whole groups.
    ///
    /// The percentile cluster bootstrap of [`auroc_grouped`](crate::auroc_grouped), which see.
    /// The calibration error of resamples is greater still than that of the rows, so its interval lies too high.
    ///
    /// # Errors
    ///
    /// Those of [`estimate`](Self::estimate), [`StatsError::LengthMismatch`] for the groups,
    /// [`StatsError::TooFewGroups`] below 2 groups, [`StatsError::TooFewResamples`].
    ///
    /// ```
    /// use isinglass_stats::{Bootstrap, ForecastMetric, Forecasts};
    ///
    /// let forecasts = Forecasts::binary(&[0.9, 0.2, 0.6, 0.3], &[true, false, false, true])?;
    /// let groups = [1, 1, 2, 2];
    /// let loss = forecasts.estimate_grouped(ForecastMetric::LogLoss, &groups, Bootstrap::resamples(100))?;
    /// assert!(loss.interval().is_some_and(|i| i.low() < loss.value() && loss.value() < i.high()));
    /// # Ok::<(), isinglass_stats::StatsError>(())
    /// ```
    pub fn estimate_grouped(
        &self,
        metric: ForecastMetric,
        groups: &[u64],
        bootstrap: Bootstrap,
    ) -> Result<Estimate, StatsError> {
        let value = self.value(metric, |_| 1)?;
        same_length(("groups", groups.len()), ("rows", self.n()))?;
        let interval = bootstrap.over_groups(groups, |times| self.value(metric, |row| times[row]).ok())?;
        Ok(Estimate::new(value, interval, self.n(), name(metric)))
    }

    /// The curve of what was said against what came true, in bins that hold about equally many rows.
    ///
    /// Rows of equal probability stay in one bin, so there may be fewer bins than asked for.
    ///
    /// # Errors
    ///
    /// [`StatsError::OutOfRange`] for no bins, or more than rows.
    ///
    /// ```
    /// let forecasts = isinglass_stats::Forecasts::binary(&[0.1, 0.2, 0.7, 0.9], &[false, true, true, true])?;
    /// let bins = forecasts.reliability(2)?;
    /// assert!((bins[0].predicted - 0.15).abs() < 1e-12 && bins[0].observed.value() == 0.5);
    /// assert!((bins[1].predicted - 0.8).abs() < 1e-12 && bins[1].observed.value() == 1.0);
    /// # Ok::<(), isinglass_stats::StatsError>(())
    /// ```
    pub fn reliability(&self, n_bins: usize) -> Result<Vec<ReliabilityBin>, StatsError> {
        let bins = self.bins(n_bins, |_| 1)?;
        let bins = bins.into_iter().map(|bin| ReliabilityBin {
            predicted: bin.claimed / bin.n as f64,
            observed: wilson(bin.came_true, bin.n, "share that came true"),
        });
        Ok(bins.collect())
    }

    fn n(&self) -> usize {
        self.claims.len()
    }

    /// The loss of each row, of metrics that are means of losses.
    fn losses(&self, metric: ForecastMetric) -> Result<Option<&[f64]>, StatsError> {
        match metric {
            ForecastMetric::LogLoss => match self.log_losses.iter().position(|loss| loss.is_infinite()) {
                Some(index) => Err(StatsError::NotFinite { what: "log-loss", index, value: self.log_losses[index] }),
                None => Ok(Some(&self.log_losses)),
            },
            ForecastMetric::Brier => Ok(Some(&self.brier)),
            ForecastMetric::CalibrationError { .. } => Ok(None),
        }
    }

    /// A metric where row `i` occurs so many times, and at least one row does.
    fn value(&self, metric: ForecastMetric, times: impl Fn(usize) -> u64) -> Result<f64, StatsError> {
        let n: u64 = (0..self.n()).map(&times).sum();
        let sum: f64 = match (self.losses(metric)?, metric) {
            (Some(losses), _) => losses.iter().enumerate().map(|(row, loss)| times(row) as f64 * loss).sum(),
            (None, ForecastMetric::CalibrationError { n_bins }) => {
                self.bins(n_bins, times)?.iter().map(|bin| (bin.claimed - bin.came_true as f64).abs()).sum()
            }
            (None, _) => f64::NAN,
        };
        Ok(sum / n as f64)
    }

    /// Rows in order of their probability, cut into bins at equal shares; rows of equal probability go where the middle
    /// of them falls, whatever their order.
    #[expect(clippy::float_cmp, reason = "a tie is two equal probabilities, however close others come")]
    fn bins(&self, n_bins: usize, times: impl Fn(usize) -> u64) -> Result<Vec<Bin>, StatsError> {
        if n_bins == 0 || n_bins > self.n() {
            let (value, range) = (n_bins as f64, "at least 1 and at most the number of rows");
            return Err(StatsError::OutOfRange { what: "n_bins", value, range });
        }
        let mut order: Vec<usize> = (0..self.n()).filter(|&row| times(row) > 0).collect();
        order.sort_by(|&a, &b| (self.claims[a] + 0.0).total_cmp(&(self.claims[b] + 0.0)));
        let n: u64 = order.iter().map(|&row| times(row)).sum();
        let mut bins = vec![Bin::default(); n_bins];
        let mut before = 0;
        for tie in order.chunk_by(|&a, &b| self.claims[a] == self.claims[b]) {
            let tied: u64 = tie.iter().map(|&row| times(row)).sum();
            // The middle lies below the end, so the index is below the number of bins.
            let bin = &mut bins[(u128::from(2 * before + tied) * n_bins as u128 / u128::from(2 * n)) as usize];
            for &row in tie {
                bin.n += times(row);
                bin.claimed += times(row) as f64 * self.claims[row];
                bin.came_true += if self.came_true[row] { times(row) } else { 0 };
            }
            before += tied;
        }
        bins.retain(|bin| bin.n > 0);
        Ok(bins)
    }
}

/// Sums over the rows of a bin.
#[derive(Clone, Default)]
struct Bin {
    n: u64,
    claimed: f64,
    came_true: u64,
}

const fn name(metric: ForecastMetric) -> &'static str {
    match metric {
        ForecastMetric::LogLoss => "log-loss",
        ForecastMetric::Brier => "Brier score",
        ForecastMetric::CalibrationError { .. } => "expected calibration error, equal-mass bins",
    }
}

fn all_probabilities(values: &[f64]) -> Result<(), StatsError> {
    if values.is_empty() {
        return Err(StatsError::Empty { what: "probabilities" });
    }
    match values.iter().position(|p| !(0.0..=1.0).contains(p)) {
        Some(index) => Err(StatsError::NotAProbability { what: "probabilities", index, value: values[index] }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-12, "{got} for {expected}");
    }

    #[test]
    fn losses_of_labels_and_of_two_classes_agree() {
        let (p, labels) = ([0.9, 0.2, 0.6], [true, false, false]);
        let pairs: Vec<f64> = p.iter().flat_map(|p| [1.0 - p, *p]).collect();
        let binary = Forecasts::binary(&p, &labels).unwrap();
        let classes = Forecasts::of_classes(&pairs, 2, &labels.map(usize::from)).unwrap();
        let value = |forecasts: &Forecasts, metric| forecasts.estimate(metric).unwrap().value();
        close(value(&binary, ForecastMetric::LogLoss), -(0.9_f64 * 0.8 * 0.4).ln() / 3.0);
        close(value(&classes, ForecastMetric::LogLoss), -(0.9_f64 * 0.8 * 0.4).ln() / 3.0);
        close(value(&binary, ForecastMetric::Brier), (0.01 + 0.04 + 0.36) / 3.0);
        close(value(&classes, ForecastMetric::Brier), 2.0 * (0.01 + 0.04 + 0.36) / 3.0);
    }

    #[test]
    fn calibration_by_hand() {
        let labels = [false, true, true, true, false, true];
        let forecasts = Forecasts::binary(&[0.1, 0.3, 0.5, 0.5, 0.8, 0.9], &labels).unwrap();
        let error = |n_bins| forecasts.estimate(ForecastMetric::CalibrationError { n_bins }).unwrap().value();
        // 3.1 said, 4 came true.
        close(error(1), 0.9 / 6.0);
        // (0.4, 1), (1.0, 2), (1.7, 1).
        close(error(3), (0.6 + 1.0 + 0.7) / 6.0);
        // The tie in the middle stays whole, in the upper half.
        close(error(2), (0.6 + 0.3) / 6.0);
        // Confidence 0.8 right, 0.6 wrong.
        let classes = Forecasts::of_classes(&[0.8, 0.1, 0.1, 0.3, 0.6, 0.1], 3, &[0, 2]).unwrap();
        close(
            classes.estimate(ForecastMetric::CalibrationError { n_bins: 2 }).unwrap().value(),
            f64::midpoint(0.2, 0.6),
        );
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let forecasts = |order: [usize; 4]| {
            let (p, labels) = ([0.4, 0.4, 0.4, 0.7], [true, false, false, true]);
            Forecasts::binary(&order.map(|row| p[row]), &order.map(|row| labels[row])).unwrap()
        };
        let bins = forecasts([0, 1, 2, 3]).reliability(2).unwrap();
        assert_eq!(bins, forecasts([3, 2, 1, 0]).reliability(2).unwrap());
        assert_eq!(bins.iter().map(|bin| bin.observed.n()).collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn a_certain_error_has_no_log_loss_but_a_brier_score() {
        let forecasts = Forecasts::binary(&[1.0, 0.5], &[false, true]).unwrap();
        assert!(matches!(
            forecasts.estimate(ForecastMetric::LogLoss),
            Err(StatsError::NotFinite { what: "log-loss", index: 0, .. })
        ));
        close(forecasts.estimate(ForecastMetric::Brier).unwrap().value(), 1.25 / 2.0);
    }

    #[test]
    fn what_is_no_forecast_is_refused() {
        assert!(matches!(Forecasts::binary(&[0.5, f64::NAN], &[true; 2]), Err(StatsError::NotAProbability { .. })));
        assert!(matches!(Forecasts::binary(&[], &[]), Err(StatsError::Empty { .. })));
        assert!(matches!(Forecasts::of_classes(&[0.5, 0.6], 2, &[0]), Err(StatsError::OutOfRange { .. })));
        assert!(matches!(Forecasts::of_classes(&[0.5, 0.5], 2, &[2]), Err(StatsError::OutOfRange { .. })));
        let forecasts = Forecasts::binary(&[0.5], &[true]).unwrap();
        assert!(matches!(forecasts.reliability(0), Err(StatsError::OutOfRange { what: "n_bins", .. })));
        assert!(forecasts.reliability(2).is_err());
    }
}
