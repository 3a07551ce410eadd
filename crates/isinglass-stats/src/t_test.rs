//! Tests of means by Student's t.

use serde::Serialize;

use crate::bootstrap::LEVEL;
use crate::distribution::{t_quantile, t_sf};
use crate::error::{enough, same_length};
use crate::estimate::Interval;
use crate::moments::variance_of;
use crate::summary::mean_of;
use crate::{Alternative, Estimate, StatsError};

/// A difference of means with the t it was tested by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TTest {
    /// The difference in the unit of the values, with a two-sided 95 % interval whatever the alternative, and the p-value.
    pub difference: Estimate,
    /// The difference divided by its standard error.
    pub t: f64,
    /// Degrees of freedom; not a whole number for Welch's test.
    pub df: f64,
}

/// Welch's test of two independent samples, which may differ in variance.
///
/// `t = (mean a - mean b) / √(s²a / na + s²b / nb)` with the degrees of freedom of Welch (1947) and Satterthwaite (1946),
/// `df = (va + vb)² / (va² / (na - 1) + vb² / (nb - 1))` where `v = s² / n`.
/// The one to use unless equal variances are known.
///
/// It treats values as independent: rows of one prompt or conversation are not, and make p too small.
/// With few values from a skewed distribution it is off as well; [`mann_whitney`](crate::mann_whitney) is not.
///
/// # Errors
///
/// [`StatsError::TooFew`] below 2 values a sample, [`StatsError::NoSpread`] if the values of neither differ,
/// [`StatsError::Empty`], [`StatsError::NotANumber`], [`StatsError::NotFinite`].
///
/// ```
/// use isinglass_stats::{Alternative, welch_test};
///
/// let test = welch_test(&[5.1, 4.8, 6.0, 5.5], &[4.1, 4.4, 3.9, 5.0, 4.2], Alternative::TwoSided)?;
/// assert_eq!(test.difference.to_string(), "1.030 [0.24, 1.82] (n = 9, p = 0.019)");
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn welch_test(a: &[f64], b: &[f64], alternative: Alternative) -> Result<TTest, StatsError> {
    enough("a", a, 2, "Welch's test")?;
    enough("b", b, 2, "Welch's test")?;
    let [va, vb] = [a, b].map(|values| variance_of(values) / values.len() as f64);
    let df = (va + vb).powi(2) / (va.powi(2) / (a.len() - 1) as f64 + vb.powi(2) / (b.len() - 1) as f64);
    let means = Means { difference: mean_of(a) - mean_of(b), se: (va + vb).sqrt(), df, n: a.len() + b.len() };
    means.test("difference of means", "Welch's t", alternative)
}

/// Student's test of two independent samples of equal variance.
///
/// `t = (mean a - mean b) / (s √(1 / na + 1 / nb))` where `s²` pools both samples, with `na + nb - 2` degrees of freedom
/// (Student 1908).
///
/// If variances differ, and samples in size, p is wrong in either direction: use [`welch_test`].
///
/// # Errors
///
/// Those of [`welch_test`].
///
/// ```
/// use isinglass_stats::{Alternative, student_test};
///
/// let test = student_test(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], Alternative::Less)?;
/// assert!((test.t + 3.0 / (2.0_f64 / 3.0).sqrt()).abs() < 1e-12 && test.df == 4.0);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn student_test(a: &[f64], b: &[f64], alternative: Alternative) -> Result<TTest, StatsError> {
    enough("a", a, 2, "Student's test")?;
    enough("b", b, 2, "Student's test")?;
    let df = (a.len() + b.len() - 2) as f64;
    let se = (pooled_variance(a, b) * (1.0 / a.len() as f64 + 1.0 / b.len() as f64)).sqrt();
    let means = Means { difference: mean_of(a) - mean_of(b), se, df, n: a.len() + b.len() };
    means.test("difference of means", "Student's t", alternative)
}

/// Student's test of paired values: whether `a - b` is 0 in the mean.
///
/// The [`one_sample_test`] of the differences; `n` counts pairs.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], and those of [`one_sample_test`].
///
/// ```
/// use isinglass_stats::{Alternative, paired_test};
///
/// let test = paired_test(&[5.0, 7.0, 6.0], &[4.0, 5.0, 3.0], Alternative::Greater)?;
/// assert_eq!((test.difference.value(), test.difference.n(), test.df), (2.0, 3, 2.0));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn paired_test(a: &[f64], b: &[f64], alternative: Alternative) -> Result<TTest, StatsError> {
    same_length(("b", b.len()), ("a", a.len()))?;
    enough("a", a, 2, "a paired test")?;
    enough("b", b, 2, "a paired test")?;
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    one_sample(&differences, 0.0, "mean of differences", "paired t", alternative)
}

/// Student's test of one sample: whether the mean differs from `expected`.
///
/// `t = (mean - expected) / (s / √n)` with `n - 1` degrees of freedom; the estimate is the difference `mean - expected`.
///
/// # Errors
///
/// [`StatsError::TooFew`] below 2 values, [`StatsError::NoSpread`], [`StatsError::Empty`], [`StatsError::NotANumber`],
/// [`StatsError::NotFinite`].
///
/// ```
/// use isinglass_stats::{Alternative, one_sample_test};
///
/// let test = one_sample_test(&[1.0, 2.0, 3.0], 0.0, Alternative::TwoSided)?;
/// assert!((test.t - 12.0_f64.sqrt()).abs() < 1e-12); // 2 / (1 / √3)
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn one_sample_test(values: &[f64], expected: f64, alternative: Alternative) -> Result<TTest, StatsError> {
    enough("values", values, 2, "a t-test")?;
    enough("expected", &[expected], 1, "a t-test")?;
    one_sample(values, expected, "difference from the expected mean", "one-sample t", alternative)
}

fn one_sample(
    values: &[f64],
    expected: f64,
    method: &str,
    null: &str,
    alternative: Alternative,
) -> Result<TTest, StatsError> {
    let n = values.len();
    let se = (variance_of(values) / n as f64).sqrt();
    Means { difference: mean_of(values) - expected, se, df: (n - 1) as f64, n }.test(method, null, alternative)
}

/// The variance of two samples around their own means, over `na + nb - 2`.
pub(crate) fn pooled_variance(a: &[f64], b: &[f64]) -> f64 {
    let [na, nb] = [a, b].map(|values| (values.len() - 1) as f64);
    (na * variance_of(a) + nb * variance_of(b)) / (na + nb)
}

/// The mean of independent values with the interval of Student's t; none for a single value or without spread.
pub(crate) fn mean_estimate(values: &[f64], method: &str) -> Estimate {
    let n = values.len();
    let mean = mean_of(values);
    let interval = (n > 1).then(|| t_interval(mean, (variance_of(values) / n as f64).sqrt(), (n - 1) as f64));
    Estimate::new(mean, interval.filter(|interval| interval.low() < interval.high()), n, method)
}

fn t_interval(value: f64, se: f64, df: f64) -> Interval {
    let reach = t_quantile(f64::midpoint(1.0, LEVEL), df) * se;
    Interval::new(value - reach, value + reach, LEVEL, format!("t, {df:.4} degrees of freedom"))
}

struct Means {
    difference: f64,
    se: f64,
    df: f64,
    n: usize,
}

impl Means {
    fn test(self, method: &str, null: &str, alternative: Alternative) -> Result<TTest, StatsError> {
        let Self { difference, se, df, n } = self;
        // Written so that an overflow to infinity, and the NaN of `df` that comes with it, is caught as well.
        if !(se > 0.0 && df.is_finite()) {
            return Err(StatsError::NoSpread { what: "values", statistic: "a t-test" });
        }
        let t = difference / se;
        let p = alternative.p(t, |t| t_sf(t, df));
        let estimate = Estimate::new(difference, Some(t_interval(difference, se, df)), n, method)
            .with_p(p, &format!("{null}, {}", alternative.name()));
        Ok(TTest { difference: estimate, t, df })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sides_add_up() {
        let p = |alternative| {
            let test = welch_test(&[1.0, 4.0, 2.5], &[3.0, 3.5, 6.0, 2.0], alternative).unwrap();
            test.difference.p().unwrap().value()
        };
        let [two, greater, less] = [Alternative::TwoSided, Alternative::Greater, Alternative::Less].map(p);
        assert!((greater + less - 1.0).abs() < 1e-12);
        assert!(less < greater && (two - 2.0 * less).abs() < 1e-12);
    }

    #[test]
    fn samples_of_equal_size_and_spread_agree() {
        let (a, b) = ([1.0, 2.0, 4.0], [5.0, 6.0, 8.0]);
        let student = student_test(&a, &b, Alternative::TwoSided).unwrap();
        let welch = welch_test(&a, &b, Alternative::TwoSided).unwrap();
        assert!((student.t - welch.t).abs() < 1e-12 && (student.df - welch.df).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_tested_is_refused() {
        let two = Alternative::TwoSided;
        let no_spread = StatsError::NoSpread { what: "values", statistic: "a t-test" };
        assert_eq!(student_test(&[1.0, 1.0], &[2.0, 2.0], two), Err(no_spread.clone()));
        assert_eq!(welch_test(&[1.0, 1.0], &[2.0, 2.0], two), Err(no_spread.clone()));
        assert_eq!(paired_test(&[1.0, 2.0], &[2.0, 3.0], two), Err(no_spread));
        assert!(matches!(welch_test(&[1.0], &[2.0, 3.0], two), Err(StatsError::TooFew { what: "a", got: 1, .. })));
        assert!(matches!(paired_test(&[1.0], &[], two), Err(StatsError::LengthMismatch { .. })));
        assert!(matches!(
            one_sample_test(&[1.0, 2.0], f64::NAN, two),
            Err(StatsError::NotANumber { what: "expected", .. })
        ));
    }
}
