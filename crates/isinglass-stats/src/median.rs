//! The median of repeated measurements.

use statrs::distribution::{Binomial, DiscreteCDF};

use crate::bootstrap::LEVEL;
use crate::error::numbers;
use crate::estimate::Interval;
use crate::summary::quantile_of_sorted;
use crate::{Estimate, StatsError};

/// The median of repeated measurements, with an interval that reaches from one of them to another.
///
/// The ends are the k-th least and the k-th greatest value, for the greatest k that covers the true median in at least
/// 95 % of repetitions, whatever continuous distribution the values have (the interval of the sign test); its exact share
/// is the interval's level.
/// No interval below 6 values, where even the extremes cover less, nor if its ends coincide.
///
/// The values must be independent: measurements under one disturbance, such as a busy machine, are not.
///
/// # Errors
///
/// [`StatsError::Empty`] without values, [`StatsError::NotANumber`] if one is NaN.
///
/// ```
/// let estimate = isinglass_stats::median(&[5.1, 5.0, 9.3, 5.2, 5.1, 5.3])?;
/// assert_eq!(estimate.to_string(), "5.150 [5.00, 9.30] (n = 6)");
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn median(values: &[f64]) -> Result<Estimate, StatsError> {
    numbers("values", values)?;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Ok(Estimate::new(quantile_of_sorted(&sorted, 0.5), interval(&sorted), sorted.len(), "median"))
}

fn interval(sorted: &[f64]) -> Option<Interval> {
    let n = sorted.len();
    let below = Binomial::new(0.5, n as u64).ok()?;
    // How many values at either end lie outside.
    let covers = |outside: usize| 1.0 - 2.0 * below.cdf(outside as u64);
    let outside = (0..n / 2).take_while(|&outside| covers(outside) >= LEVEL).last()?;
    let (low, high) = (sorted[outside], sorted[n - 1 - outside]);
    let method = format!("sign test, from value {} to value {} of {n}", outside + 1, n - outside);
    (low < high).then(|| Interval::new(low, high, covers(outside), method))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Least and greatest rank of the interval, and its level, for the values 1 to n.
    fn ranks(n: u32) -> Option<(f64, f64, f64)> {
        let values: Vec<f64> = (1..=n).rev().map(f64::from).collect();
        median(&values).unwrap().interval().map(|i| (i.low(), i.high(), i.level()))
    }

    /// The ranks are those of tables of the sign test's interval; the levels are sums of binomials by hand.
    #[test]
    fn the_ends_are_the_ranks_of_the_sign_test() {
        assert_eq!((ranks(1), ranks(5)), (None, None));
        for (n, low, high, level) in [
            (6, 1.0, 6.0, 1.0 - 2.0 / 64.0),
            (8, 1.0, 8.0, 1.0 - 2.0 / 256.0),
            (9, 2.0, 8.0, 1.0 - 2.0 * 10.0 / 512.0),
            (20, 6.0, 15.0, 1.0 - 2.0 * 21_700.0 / 1_048_576.0),
        ] {
            let found = ranks(n).unwrap();
            assert_eq!((found.0, found.1), (low, high), "{n}");
            assert!((found.2 - level).abs() < 1e-12, "{n}: {} {level}", found.2);
        }
    }

    #[test]
    fn equal_values_have_no_interval_and_no_values_no_median() {
        let same = median(&[2.0; 9]).unwrap();
        assert_eq!((same.value(), same.interval(), same.n(), same.method()), (2.0, None, 9, "median"));
        assert_eq!(median(&[]), Err(StatsError::Empty { what: "values" }));
        assert_eq!(median(&[1.0, f64::NAN]), Err(StatsError::NotANumber { what: "values", index: 1 }));
    }
}
