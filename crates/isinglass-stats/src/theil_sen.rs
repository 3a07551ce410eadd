//! A slope that far points do not move.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::bootstrap::LEVEL;
use crate::error::{finite, same_length};
use crate::estimate::Interval;
use crate::summary::{quantile_of_sorted, tie_sizes};
use crate::{Estimate, StatsError};

/// The line of [`theil_sen`].
#[derive(Debug, Clone, PartialEq)]
pub struct TheilSen {
    /// The median slope with its rank interval.
    pub slope: Estimate,
    /// The median of `y` less the slope times the median of `x`.
    pub intercept: f64,
}

/// The median of the slopes through all pairs of points, with its 95 % interval (Theil 1950; Sen 1968).
///
/// The ends of the interval are slopes themselves: those whose ranks lie `z σ / 2` from the middle, where
/// `σ² = (n (n - 1)(2n + 5) - Σ t (t - 1)(2t + 5)) / 18` is the variance of Kendall's S, `t` running over the numbers
/// of equal values in `x` and in `y` (Sen 1968, section 4).
/// Up to 29 % of the points may lie anywhere without moving the slope arbitrarily far.
///
/// Points must be independent: for a series whose errors resemble their neighbours' the interval is too narrow.
/// Pairs of equal `x` have no slope and do not count; time and memory are `O(n²)`.
/// No interval if its ends coincide.
///
/// # Errors
///
/// [`StatsError::Empty`], [`StatsError::NotANumber`], [`StatsError::NotFinite`] for infinite values,
/// [`StatsError::LengthMismatch`], [`StatsError::TooFew`] below 2 points, [`StatsError::NoSpread`] if all `x` are
/// equal.
///
/// ```
/// let line = isinglass_stats::theil_sen(&[0.0, 1.0, 2.0, 3.0, 4.0], &[0.0, 1.0, 2.0, 3.0, 900.0])?;
/// assert_eq!((line.slope.value(), line.intercept), (1.0, 0.0));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn theil_sen(x: &[f64], y: &[f64]) -> Result<TheilSen, StatsError> {
    finite("x", x)?;
    finite("y", y)?;
    same_length(("y", y.len()), ("x", x.len()))?;
    let n = x.len();
    if n < 2 {
        return Err(StatsError::TooFew { what: "points", got: n, least: 2, statistic: "the slope of Theil and Sen" });
    }
    let mut slopes = Vec::with_capacity(n * (n - 1) / 2);
    for i in 0..n {
        let pairs = x[..i].iter().zip(&y[..i]).map(|(xj, yj)| (x[i] - xj, y[i] - yj));
        slopes.extend(pairs.filter(|(dx, _)| *dx != 0.0).map(|(dx, dy)| dy / dx));
    }
    if slopes.is_empty() {
        return Err(StatsError::NoSpread { what: "x", statistic: "the slope of Theil and Sen" });
    }
    slopes.sort_by(f64::total_cmp);
    let slope = quantile_of_sorted(&slopes, 0.5);

    let (sorted_x, sorted_y) = (sorted(x), sorted(y));
    let term = |t: f64| t * (t - 1.0) * (2.0 * t + 5.0);
    let tied = |sorted: &[f64]| tie_sizes(sorted).into_iter().map(term).sum::<f64>();
    let variance = (term(n as f64) - tied(&sorted_x) - tied(&sorted_y)).max(0.0) / 18.0;
    let reach = Normal::standard().inverse_cdf(f64::midpoint(1.0, LEVEL)) * variance.sqrt();
    // Ranks from 1, rounded half to even as the reference does.
    let (middle, last) = (slopes.len() as f64, slopes.len() - 1);
    let low = slopes[(((middle - reach) / 2.0).round_ties_even() - 1.0).max(0.0) as usize];
    let high = slopes[(f64::midpoint(middle, reach).round_ties_even() as usize).min(last)];
    let interval = (low < high).then(|| Interval::new(low, high, LEVEL, "ranks of slopes (Sen)".to_owned()));
    Ok(TheilSen {
        slope: Estimate::new(slope, interval, n, "slope of Theil and Sen"),
        intercept: quantile_of_sorted(&sorted_y, 0.5) - slope * quantile_of_sorted(&sorted_x, 0.5),
    })
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "counts and small sums are exact")]
mod tests {
    use super::*;

    #[test]
    fn slopes_by_hand() {
        // Slopes between (0, 0), (1, 3), (3, 5), and (3, 2): 3, 5/3, 1, 2/3, -1/2; none between the last two.
        let line = theil_sen(&[0.0, 1.0, 3.0, 3.0], &[0.0, 3.0, 5.0, 2.0]).unwrap();
        assert_eq!((line.slope.value(), line.intercept), (1.0, 2.5 - 2.0));
        // Var S = (4·3·13 - 2·1·9) / 18 = 23/3: ranks (5 ± 5.4) / 2 are beyond both ends.
        assert_eq!(line.slope.interval().map(|i| (i.low(), i.high())), Some((-0.5, 3.0)));
    }

    #[test]
    fn what_has_no_slope_is_refused() {
        assert!(matches!(theil_sen(&[2.0, 2.0], &[1.0, 3.0]), Err(StatsError::NoSpread { what: "x", .. })));
        assert!(matches!(theil_sen(&[2.0], &[1.0]), Err(StatsError::TooFew { .. })));
        assert!(matches!(theil_sen(&[2.0], &[]), Err(StatsError::Empty { what: "y" })));
        assert!(matches!(theil_sen(&[2.0, 3.0], &[1.0]), Err(StatsError::LengthMismatch { .. })));
        let flat = theil_sen(&[1.0, 2.0, 3.0], &[7.0; 3]).unwrap();
        assert_eq!((flat.slope.value(), flat.slope.interval(), flat.intercept), (0.0, None, 7.0));
    }
}
