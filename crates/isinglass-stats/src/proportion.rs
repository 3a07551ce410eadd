//! Shares of independent trials.

use statrs::function::factorial::ln_binomial;

use crate::bootstrap::LEVEL;
use crate::distribution::{beta_quantile, normal_quantile};
use crate::estimate::Interval;
use crate::{Alternative, Estimate, StatsError};

/// Outcomes within this factor of the observed probability count as equally likely: they differ by rounding.
const EQUALLY_LIKELY: f64 = 1.0 + 1e-7;

/// A share of independent trials with the interval of Wilson (1927).
///
/// `(p + z² / 2n ± z √(p (1 - p) / n + z² / 4n²)) / (1 + z² / n)`: the shares that a score test at the level does not reject.
/// It covers about 95 % on average, for some true shares a little less, and never leaves 0 to 1.
///
/// Trials must be independent: rows of one group are not, and make it too narrow.
///
/// # Errors
///
/// [`StatsError::Empty`] without trials, [`StatsError::OutOfRange`] with more successes than trials.
///
/// ```
/// let share = isinglass_stats::proportion(17, 29)?;
/// assert_eq!(share.to_string(), "0.586 [0.41, 0.74] (n = 29)");
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn proportion(successes: u64, trials: u64) -> Result<Estimate, StatsError> {
    check(successes, trials)?;
    Ok(wilson(successes, trials, "proportion"))
}

/// A share of independent trials with the exact interval of Clopper and Pearson (1934).
///
/// The ends are the shares at which as many successes, or as few, have probability 2.5 %: quantiles of beta distributions.
/// It covers at least 95 % for every true share, mostly more, and so is wider than that of [`proportion`].
///
/// # Errors
///
/// Those of [`proportion`].
///
/// ```
/// let share = isinglass_stats::proportion_exact(0, 10)?;
/// assert!(share.interval().is_some_and(|i| i.low() == 0.0 && (i.high() - 0.3085).abs() < 1e-4));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn proportion_exact(successes: u64, trials: u64) -> Result<Estimate, StatsError> {
    check(successes, trials)?;
    let [yes, no] = [successes, trials - successes].map(|count| count as f64);
    let tail = (1.0 - LEVEL) / 2.0;
    let low = if successes == 0 { 0.0 } else { beta_quantile(tail, yes, no + 1.0) };
    let high = if successes == trials { 1.0 } else { beta_quantile(1.0 - tail, yes + 1.0, no) };
    let interval = Interval::new(low, high, LEVEL, "Clopper-Pearson".to_owned());
    Ok(Estimate::new(yes / trials as f64, Some(interval), trials as usize, "proportion"))
}

/// The exact binomial test: whether the share of successes is `expected`, with the interval of [`proportion_exact`].
///
/// Two-sided, p sums the probabilities of all outcomes that are at most as likely as the observed one.
///
/// # Errors
///
/// Those of [`proportion`], and [`StatsError::NotAProbability`].
///
/// ```
/// use isinglass_stats::{Alternative, binomial_test};
///
/// let test = binomial_test(9, 10, 0.5, Alternative::Greater)?;
/// assert!(test.p().is_some_and(|p| (p.value() - 11.0 / 1024.0).abs() < 1e-12));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn binomial_test(
    successes: u64,
    trials: u64,
    expected: f64,
    alternative: Alternative,
) -> Result<Estimate, StatsError> {
    let estimate = proportion_exact(successes, trials)?;
    if !(0.0..=1.0).contains(&expected) {
        return Err(StatsError::NotAProbability { what: "expected", index: 0, value: expected });
    }
    let probability = |k: u64| {
        let term = |count: u64, share: f64| if count == 0 { 0.0 } else { count as f64 * share.ln() };
        (ln_binomial(trials, k) + term(k, expected) + term(trials - k, 1.0 - expected)).exp()
    };
    let p: f64 = match alternative {
        Alternative::Greater => (successes..=trials).map(probability).sum(),
        Alternative::Less => (0..=successes).map(probability).sum(),
        Alternative::TwoSided => at_most_as_likely((0..=trials).map(probability), probability(successes)),
    };
    Ok(estimate.with_p(p, &format!("binomial with share {expected}, {}", alternative.name())))
}

/// `McNemar`'s exact test of paired yes-no answers: whether changes go both ways alike.
///
/// `b` pairs are yes then no, `c` pairs no then yes; the others say nothing.
/// The estimate is `b / (b + c)`, with the [`binomial_test`] against one half (`McNemar` 1947).
///
/// # Errors
///
/// [`StatsError::Empty`] if nothing changed.
///
/// ```
/// let test = isinglass_stats::mcnemar(1, 9)?;
/// assert!(test.p().is_some_and(|p| (p.value() - 22.0 / 1024.0).abs() < 1e-12));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn mcnemar(b: u64, c: u64) -> Result<Estimate, StatsError> {
    if b + c == 0 {
        return Err(StatsError::Empty { what: "changed pairs" });
    }
    binomial_test(b, b + c, 0.5, Alternative::TwoSided)
}

/// The probability of all outcomes that are no likelier than the observed one.
pub(crate) fn at_most_as_likely(outcomes: impl Iterator<Item = f64>, observed: f64) -> f64 {
    outcomes.filter(|&outcome| outcome <= observed * EQUALLY_LIKELY).sum()
}

/// [`proportion`] of counts already checked.
pub(crate) fn wilson(successes: u64, trials: u64, method: &str) -> Estimate {
    let (n, z) = (trials as f64, normal_quantile(f64::midpoint(1.0, LEVEL)));
    let share = successes as f64 / n;
    let square = z * z / n;
    let centre = share + square / 2.0;
    let reach = z * (share * (1.0 - share) / n + square / (4.0 * n)).sqrt();
    let end = |end: f64| (end / (1.0 + square)).clamp(0.0, 1.0);
    // At 0 and 1 the near end is the share itself but for rounding.
    let low = if successes == 0 { 0.0 } else { end(centre - reach) };
    let high = if successes == trials { 1.0 } else { end(centre + reach) };
    Estimate::new(share, Some(Interval::new(low, high, LEVEL, "Wilson".to_owned())), trials as usize, method)
}

fn check(successes: u64, trials: u64) -> Result<(), StatsError> {
    if trials == 0 {
        return Err(StatsError::Empty { what: "trials" });
    }
    if successes > trials {
        let (value, range) = (successes as f64, "at most the number of trials");
        return Err(StatsError::OutOfRange { what: "successes", value, range });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "the ends are exact")]
    fn all_or_nothing() {
        let ends = |estimate: Estimate| estimate.interval().map(|i| (i.low(), i.high())).unwrap();
        // Wilson's far end is 1 / (1 + z²/n) or its complement, Clopper-Pearson's the n-th root of 0.025.
        let far = 1.0 / (1.0 + 1.959_963_984_540_054_f64.powi(2) / 5.0);
        let (low, high) = ends(proportion(5, 5).unwrap());
        assert!((low - far).abs() < 1e-12 && high == 1.0);
        let (low, high) = ends(proportion(0, 5).unwrap());
        assert!(low == 0.0 && (high - (1.0 - far)).abs() < 1e-12);
        let (low, high) = ends(proportion_exact(5, 5).unwrap());
        assert!((low - 0.025_f64.powf(0.2)).abs() < 1e-12 && high == 1.0);
    }

    #[test]
    fn binomial_tails_by_hand() {
        let p = |k, share, alternative| binomial_test(k, 4, share, alternative).unwrap().p().unwrap().value();
        let close = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-12, "{got} for {expected}");
        close(p(3, 0.5, Alternative::Greater), 5.0 / 16.0);
        close(p(3, 0.5, Alternative::Less), 15.0 / 16.0);
        close(p(3, 0.5, Alternative::TwoSided), 10.0 / 16.0);
        close(p(2, 0.5, Alternative::TwoSided), 1.0);
        // With a share of 1/4: 0 to 4 successes have 81, 108, 54, 12 and 1 of 256; 12 and 1 are at most 12.
        close(p(3, 0.25, Alternative::TwoSided), 13.0 / 256.0);
        close(p(4, 1.0, Alternative::TwoSided), 1.0);
        close(p(3, 1.0, Alternative::TwoSided), 0.0);
    }

    #[test]
    fn impossible_counts_are_refused() {
        assert_eq!(proportion(0, 0), Err(StatsError::Empty { what: "trials" }));
        assert!(matches!(proportion_exact(3, 2), Err(StatsError::OutOfRange { what: "successes", .. })));
        assert!(matches!(
            binomial_test(1, 2, f64::NAN, Alternative::Less),
            Err(StatsError::NotAProbability { what: "expected", .. })
        ));
        assert_eq!(mcnemar(0, 0), Err(StatsError::Empty { what: "changed pairs" }));
    }
}
