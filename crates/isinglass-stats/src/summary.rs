//! Mean and quantiles of plain values.

use crate::StatsError;
use crate::error::numbers;

/// The arithmetic mean.
///
/// It says nothing of the spread: put it in front of a reader only with an interval.
///
/// # Errors
///
/// [`StatsError::Empty`] without values, [`StatsError::NotANumber`] if one is NaN.
///
/// ```
/// assert_eq!(isinglass_stats::mean(&[1.0, 2.0, 6.0])?, 3.0);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn mean(values: &[f64]) -> Result<f64, StatsError> {
    numbers("values", values)?;
    Ok(mean_of(values))
}

/// The value below which a share `q` of the values lies, interpolated linearly between neighbours.
///
/// Type 7 of Hyndman and Fan, "Sample quantiles in statistical packages" (1996), the default of R and of numpy:
/// of `n` sorted values, the one at position `(n - 1) q` counted from 0.
/// It never leaves the range of the values, so it understates tails that were not sampled.
///
/// # Errors
///
/// [`StatsError::Empty`] without values, [`StatsError::NotANumber`] if one is NaN,
/// [`StatsError::QuantileOutOfRange`] unless `0 <= q <= 1`.
///
/// ```
/// assert_eq!(isinglass_stats::quantile(&[40.0, 10.0, 30.0, 20.0], 0.5)?, 25.0);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn quantile(values: &[f64], q: f64) -> Result<f64, StatsError> {
    numbers("values", values)?;
    if !(0.0..=1.0).contains(&q) {
        return Err(StatsError::QuantileOutOfRange { q });
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Ok(quantile_of_sorted(&sorted, q))
}

/// [`mean`] of values already checked.
pub(crate) fn mean_of(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// [`quantile`] of at least one value, sorted and checked, for a `q` within 0 to 1.
pub(crate) fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    let position = (sorted.len() - 1) as f64 * q;
    let below = sorted[position.floor() as usize];
    let above = sorted[position.ceil() as usize];
    // Equal neighbours are returned as they are: two infinities would otherwise give NaN.
    if below >= above { below } else { below + (above - below) * position.fract() }
}

/// How many values there are of each that occurs.
#[expect(clippy::float_cmp, reason = "a tie is two equal values, however close others come")]
pub(crate) fn tie_sizes(sorted: &[f64]) -> Vec<f64> {
    sorted.chunk_by(|a, b| a == b).map(|tie| tie.len() as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_between_neighbours() {
        let values = [5.0, 1.0, 4.0, 2.0];
        for (q, expected) in [(0.0, 1.0), (0.25, 1.75), (0.5, 3.0), (0.9, 4.7), (1.0, 5.0)] {
            let got = quantile(&values, q).unwrap();
            assert!((got - expected).abs() < 1e-12, "q = {q}: {got}");
        }
        assert_eq!(quantile(&[7.0], 0.3), Ok(7.0));
        assert_eq!(quantile(&[f64::NEG_INFINITY, f64::NEG_INFINITY, 0.0], 0.25), Ok(f64::NEG_INFINITY));
    }

    #[test]
    fn what_has_no_mean_or_quantile_is_refused() {
        assert_eq!(mean(&[]), Err(StatsError::Empty { what: "values" }));
        assert_eq!(mean(&[0.0, f64::NAN]), Err(StatsError::NotANumber { what: "values", index: 1 }));
        assert_eq!(quantile(&[1.0], 1.5), Err(StatsError::QuantileOutOfRange { q: 1.5 }));
        assert!(matches!(quantile(&[1.0], f64::NAN), Err(StatsError::QuantileOutOfRange { .. })));
    }
}
