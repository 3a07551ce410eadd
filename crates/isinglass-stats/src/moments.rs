//! Variance and covariance.

use crate::StatsError;
use crate::error::{enough, same_length};
use crate::summary::mean_of;

/// The sample variance: `Σ (x - mean)² / (n - 1)`.
///
/// Unbiased for independent values; its root is not an unbiased standard deviation.
///
/// # Errors
///
/// [`StatsError::TooFew`] below 2 values, [`StatsError::Empty`], [`StatsError::NotANumber`], [`StatsError::NotFinite`].
///
/// ```
/// assert_eq!(isinglass_stats::variance(&[1.0, 2.0, 6.0])?, 7.0); // (4 + 1 + 9) / 2
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn variance(values: &[f64]) -> Result<f64, StatsError> {
    enough("values", values, 2, "a variance")?;
    Ok(variance_of(values))
}

/// The sample covariance of paired values: `Σ (x - mean x)(y - mean y) / (n - 1)`.
///
/// Its size depends on the units of both; [`pearson`](crate::pearson) is free of them.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::TooFew`] below 2 pairs, [`StatsError::Empty`],
/// [`StatsError::NotANumber`], [`StatsError::NotFinite`].
///
/// ```
/// assert_eq!(isinglass_stats::covariance(&[1.0, 2.0, 3.0], &[2.0, 4.0, 9.0])?, 3.5); // (3 + 0 + 4) / 2
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn covariance(x: &[f64], y: &[f64]) -> Result<f64, StatsError> {
    same_length(("y", y.len()), ("x", x.len()))?;
    enough("x", x, 2, "a covariance")?;
    enough("y", y, 2, "a covariance")?;
    Ok(products(x, y) / (x.len() - 1) as f64)
}

/// [`variance`] of at least two values already checked.
pub(crate) fn variance_of(values: &[f64]) -> f64 {
    products(values, values) / (values.len() - 1) as f64
}

/// The sum of products of deviations from the means, of values already checked.
pub(crate) fn products(x: &[f64], y: &[f64]) -> f64 {
    let (mean_x, mean_y) = (mean_of(x), mean_of(y));
    x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_spread_to_speak_of_is_refused() {
        assert_eq!(
            variance(&[1.0]),
            Err(StatsError::TooFew { what: "values", got: 1, least: 2, statistic: "a variance" })
        );
        assert_eq!(variance(&[3.0, 3.0]), Ok(0.0));
        assert!(matches!(covariance(&[1.0, 2.0], &[1.0]), Err(StatsError::LengthMismatch { .. })));
        assert_eq!(
            covariance(&[1.0, 2.0], &[1.0, f64::INFINITY]),
            Err(StatsError::NotFinite { what: "y", index: 1, value: f64::INFINITY })
        );
    }
}
