//! Intervals from the values a statistic took over resamples.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::StatsError;
use crate::bootstrap::{LEAST_RESAMPLES, LEVEL};
use crate::error::finite;
use crate::estimate::Interval;
use crate::summary::{mean_of, quantile_of_sorted};

/// How an interval is made of resamples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum BootstrapInterval {
    /// Between the 2.5 % and the 97.5 % quantile (Efron 1979).
    /// It keeps within the range of the statistic; too narrow where the statistic is biased or its spread depends on
    /// it.
    Percentile,
    /// Those quantiles mirrored at the estimate; it may leave the range of the statistic.
    Basic,
    /// The estimate ± 1.96 standard deviations over the resamples.
    Normal,
    /// Quantiles moved to account for the bias of the median, and for a spread that changes with the truth (Efron
    /// 1987); the best of the four for skewed statistics, at the cost of computing the statistic without each unit in
    /// turn.
    Bca,
}

impl BootstrapInterval {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Percentile => "percentile",
            Self::Basic => "basic",
            Self::Normal => "normal",
            Self::Bca => "BCa",
        }
    }
}

/// The values a statistic took over resamples, beside its value for the rows themselves.
///
/// [`Bootstrap`](crate::Bootstrap) resamples and gives an [`Estimate`](crate::Estimate); this is for values that were
/// computed elsewhere.
///
/// ```
/// use isinglass_stats::BootstrapDistribution;
///
/// let replicates: Vec<f64> = (0..=200).map(f64::from).collect();
/// let distribution = BootstrapDistribution::new(90.0, replicates)?;
/// let basic = distribution.basic().map(|interval| (interval.low(), interval.high()));
/// assert_eq!(basic, Some((180.0 - 195.0, 180.0 - 5.0)));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BootstrapDistribution {
    value: f64,
    sorted: Vec<f64>,
    how: String,
}

impl BootstrapDistribution {
    /// The value for the rows themselves, and those over the resamples in any order.
    ///
    /// # Errors
    ///
    /// [`StatsError::TooFewResamples`] below 40; [`StatsError::NotANumber`], [`StatsError::NotFinite`] for infinite
    /// values.
    pub fn new(value: f64, replicates: Vec<f64>) -> Result<Self, StatsError> {
        let how = format!(", {} resamples", replicates.len());
        Self::described(value, replicates, how)
    }

    /// `how` follows `percentile bootstrap` in the method of an interval.
    pub(crate) fn described(value: f64, mut replicates: Vec<f64>, how: String) -> Result<Self, StatsError> {
        finite("value", &[value])?;
        if replicates.len() < LEAST_RESAMPLES {
            return Err(StatsError::TooFewResamples { got: replicates.len(), least: LEAST_RESAMPLES });
        }
        finite("resampled values", &replicates)?;
        replicates.sort_by(f64::total_cmp);
        Ok(Self { value, sorted: replicates, how })
    }

    /// The standard deviation over the resamples, by `n - 1`: an estimate of the standard error.
    pub fn se(&self) -> f64 {
        let mean = mean_of(&self.sorted);
        let squares: f64 = self.sorted.iter().map(|value| (value - mean).powi(2)).sum();
        (squares / (self.sorted.len() - 1) as f64).sqrt()
    }

    /// Efron's `z0`: the normal quantile of the share of resamples strictly below the value; 0 without bias of the
    /// median.
    ///
    /// None if no resample is below the value, or all are.
    pub fn bias_correction(&self) -> Option<f64> {
        let below = self.sorted.partition_point(|&replicate| replicate < self.value);
        let inside = 0 < below && below < self.sorted.len();
        inside.then(|| Normal::standard().inverse_cdf(below as f64 / self.sorted.len() as f64))
    }

    /// See [`BootstrapInterval::Percentile`]; none if its ends coincide, as for all of these.
    pub fn percentile(&self) -> Option<Interval> {
        let [low, high] = tails().map(|q| quantile_of_sorted(&self.sorted, q));
        self.between(BootstrapInterval::Percentile, low, high)
    }

    /// See [`BootstrapInterval::Basic`].
    pub fn basic(&self) -> Option<Interval> {
        let [low, high] = tails().map(|q| 2.0 * self.value - quantile_of_sorted(&self.sorted, 1.0 - q));
        self.between(BootstrapInterval::Basic, low, high)
    }

    /// See [`BootstrapInterval::Normal`].
    pub fn normal(&self) -> Option<Interval> {
        let reach = Normal::standard().inverse_cdf(tails()[1]) * self.se();
        self.between(BootstrapInterval::Normal, self.value - reach, self.value + reach)
    }

    /// See [`BootstrapInterval::Bca`]; `acceleration` is that of [`acceleration`] of the values without each unit in
    /// turn.
    ///
    /// Between the quantiles `Φ(z0 + (z0 + z) / (1 - a (z0 + z)))` for `z = ±1.96`.
    /// None without a bias correction, or if the acceleration turns the order of the quantiles round.
    pub fn bca(&self, acceleration: f64) -> Option<Interval> {
        let normal = Normal::standard();
        let z0 = self.bias_correction()?;
        let moved = tails().map(|q| {
            let z = z0 + normal.inverse_cdf(q);
            let scale = 1.0 - acceleration * z;
            (scale > 0.0).then(|| quantile_of_sorted(&self.sorted, normal.cdf(z0 + z / scale)))
        });
        match moved {
            [Some(low), Some(high)] => self.between(BootstrapInterval::Bca, low, high),
            _ => None,
        }
    }

    fn between(&self, kind: BootstrapInterval, low: f64, high: f64) -> Option<Interval> {
        let method = format!("{} bootstrap{}", kind.name(), self.how);
        (low < high).then(|| Interval::new(low, high, LEVEL, method))
    }
}

/// Efron's acceleration from the values of a statistic without each row (or group) in turn.
///
/// `Σ d³ / (6 (Σ d²)^(3/2))` with `d` the mean of the values less each of them (Efron and Tibshirani 1993, equation
/// 14.15): a sixth of the skewness of the rows' influence.
///
/// # Errors
///
/// [`StatsError::Empty`], [`StatsError::NotANumber`], [`StatsError::NotFinite`] for infinite values,
/// [`StatsError::NoSpread`] if all are equal.
///
/// ```
/// // Without each of 1, 2 and 6, the mean is 4, 3.5 and 1.5: d = -1, -0.5 and 1.5.
/// let found = isinglass_stats::acceleration(&[4.0, 3.5, 1.5])?;
/// assert!((found - 2.25 / (6.0 * 3.5_f64.powf(1.5))).abs() < 1e-15);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn acceleration(jackknife: &[f64]) -> Result<f64, StatsError> {
    finite("jackknife values", jackknife)?;
    let mean = mean_of(jackknife);
    let influence: Vec<f64> = jackknife.iter().map(|value| mean - value).collect();
    acceleration_of(&influence)
}

/// The acceleration from influences, up to a common factor.
pub(crate) fn acceleration_of(influence: &[f64]) -> Result<f64, StatsError> {
    let sum = |power: i32| influence.iter().map(|d| d.powi(power)).sum::<f64>();
    let found = sum(3) / (6.0 * sum(2).powf(1.5));
    let no_spread = StatsError::NoSpread { what: "jackknife values", statistic: "an acceleration" };
    if found.is_finite() { Ok(found) } else { Err(no_spread) }
}

/// The shares below the two ends.
fn tails() -> [f64; 2] {
    [(1.0 - LEVEL) / 2.0, f64::midpoint(1.0, LEVEL)]
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "counts and small sums are exact")]
mod tests {
    use super::*;

    /// The values 0 to 200, whose quantile q is 200 q, around a value of which 100 lie below.
    fn symmetric() -> BootstrapDistribution {
        BootstrapDistribution::new(100.0, (0..=200).rev().map(f64::from).collect()).unwrap()
    }

    fn ends(interval: Option<Interval>) -> (f64, f64) {
        interval.map(|i| (i.low(), i.high())).unwrap()
    }

    #[test]
    fn intervals_by_hand() {
        let near = |got: (f64, f64), low: f64, high: f64| {
            assert!((got.0 - low).abs() < 1e-9 && (got.1 - high).abs() < 1e-9, "{got:?} [{low}, {high}]");
        };
        near(ends(symmetric().percentile()), 5.0, 195.0);
        near(ends(symmetric().basic()), 5.0, 195.0);
        // Variance of 0 to 200 by n - 1: 201 · 202 / 12.
        let se = (201.0 * 202.0 / 12.0_f64).sqrt();
        assert!((symmetric().se() - se).abs() < 1e-9);
        near(ends(symmetric().normal()), 100.0 - 1.959_963_984_540_054 * se, 100.0 + 1.959_963_984_540_054 * se);
        assert_eq!(symmetric().percentile().unwrap().method(), "percentile bootstrap, 201 resamples");
    }

    #[test]
    fn bca_moves_both_ends_the_way_of_bias_and_skewness() {
        let plain = ends(symmetric().bca(0.0));
        let skewed = ends(symmetric().bca(0.1));
        assert!(skewed.0 > plain.0 && skewed.1 > plain.1);
        // More than half of the resamples below: z0 above 0.
        let biased = BootstrapDistribution::new(120.0, (0..=200).map(f64::from).collect()).unwrap();
        assert!(biased.bias_correction().unwrap() > 0.0 && ends(biased.bca(0.0)).0 > plain.0);
        let outside = BootstrapDistribution::new(-1.0, (0..=200).map(f64::from).collect()).unwrap();
        assert_eq!((outside.bias_correction(), outside.bca(0.0)), (None, None));
        assert_eq!(symmetric().bca(2.0), None);
    }

    #[test]
    fn what_has_no_interval_is_refused() {
        let new = |value, replicate, n| BootstrapDistribution::new(value, vec![replicate; n]).map(|_| ()).unwrap_err();
        assert_eq!(new(0.0, 1.0, 39), StatsError::TooFewResamples { got: 39, least: 40 });
        assert!(matches!(new(0.0, f64::NAN, 40), StatsError::NotANumber { .. }));
        assert!(matches!(new(f64::INFINITY, 1.0, 40), StatsError::NotFinite { .. }));
        let constant = BootstrapDistribution::new(1.0, vec![1.0; 40]).unwrap();
        assert_eq!((constant.percentile(), constant.basic(), constant.normal()), (None, None, None));
        assert!(matches!(acceleration(&[2.0; 5]), Err(StatsError::NoSpread { .. })));
    }
}
