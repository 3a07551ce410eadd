//! A number with what is needed to believe it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::PermutationNull;

/// A number with its interval, its count, and what was computed.
///
/// Only this crate makes one, so what a report prints has been computed and not typed in; it can be read back from a result
/// that it was written to.
/// `Display` gives a line for a person, such as `0.913 [0.84, 0.97] (n = 80, p = 0.001)`.
///
/// An interval speaks of sampling only: it knows nothing of a wrong label, a leaking split or a confounded design.
///
/// ```compile_fail,E0624
/// isinglass_stats::Estimate::new(0.7, None, 80, "typed in");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    value: f64,
    interval: Option<Interval>,
    n: usize,
    method: String,
    p: Option<PValue>,
}

/// A range that covers the true value in a stated share of repeated studies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    low: f64,
    high: f64,
    level: f64,
    method: String,
}

/// How often chance alone does at least as well.
///
/// It is not the probability that the effect is absent, and a small one does not make an effect large.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PValue {
    value: f64,
    null: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n_resamples: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    adjusted: Option<Adjusted>,
}

/// A p-value that counts for all the questions that were asked beside it; made by [`adjust`](crate::adjust).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adjusted {
    value: f64,
    method: String,
    n_tests: usize,
}

impl Estimate {
    pub(crate) fn new(value: f64, interval: Option<Interval>, n: usize, method: &str) -> Self {
        Self { value, interval, n, method: method.to_owned(), p: None }
    }

    /// The estimate itself, in the unit of its method.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The interval around the value; none where the data cannot give one (the method says when).
    pub fn interval(&self) -> Option<&Interval> {
        self.interval.as_ref()
    }

    /// How many rows it was computed from.
    pub fn n(&self) -> usize {
        self.n
    }

    /// What was computed, such as `AUROC, out of fold`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The p-value, if theory gave one or [`with_permutation`](Self::with_permutation) has.
    pub fn p(&self) -> Option<&PValue> {
        self.p.as_ref()
    }

    /// Adds to the method how the rows came about: `AUROC` qualified by `out of fold` is `AUROC, out of fold`.
    ///
    /// Only the caller knows this, and only words can be added: the numbers stay.
    #[must_use]
    pub fn qualified(mut self, how: &str) -> Self {
        self.method = format!("{}, {how}", self.method);
        self
    }

    /// Adds the one-sided p-value of this estimate against a permutation null: large values count as extreme.
    ///
    /// `p = (1 + #{null >= value}) / (1 + N)`: the estimate counts as one of its own permutations, which keeps the
    /// test exact and p above 0 (Phipson and Smyth, "Permutation p-values should never be zero", 2010).
    /// The least p is therefore `1 / (1 + N)`.
    ///
    /// The null must be of the same statistic on the same rows; this cannot be checked here.
    ///
    /// ```
    /// use isinglass_stats::{PermutationNull, auroc_delong};
    ///
    /// let scores = [0.1, 0.4, 0.35, 0.8, 0.7, 0.2];
    /// let estimate = auroc_delong(&scores, &[false, false, true, true, true, false])?;
    /// let null = PermutationNull::from_values(vec![0.4, 0.5, 0.6, 1.0], "shuffled labels")?;
    /// let p = estimate.with_permutation(&null).p().map(|p| p.value());
    /// assert_eq!(p, Some((1.0 + 1.0) / (1.0 + 4.0)));
    /// # Ok::<(), isinglass_stats::StatsError>(())
    /// ```
    #[must_use]
    pub fn with_permutation(self, null: &PermutationNull) -> Self {
        let n_resamples = null.n_resamples();
        let value = (1 + null.at_least(self.value)) as f64 / (1 + n_resamples) as f64;
        self.with_counted_p(value, null.how(), n_resamples)
    }

    /// Adds the two-sided p-value of this estimate against a permutation null: twice the smaller of the two one-sided ones,
    /// at most 1.
    ///
    /// For a statistic that chance does not leave around 0, such as a mean cosine of classifiers: what counts is the
    /// distance from the null, to either side. The least p is `2 / (1 + N)`.
    ///
    /// The null must be of the same statistic on the same rows; this cannot be checked here.
    ///
    /// ```
    /// use isinglass_stats::{PermutationNull, cosine};
    ///
    /// let null = PermutationNull::from_values(vec![-0.5, 0.1, 0.3, 0.2, 0.4, 0.3, 0.5], "shuffled labels")?;
    /// let estimate = cosine(&[1.0, 0.0], &[-0.6, 0.8])?.with_permutation_two_sided(&null);
    /// assert_eq!(estimate.p().map(|p| p.value()), Some(0.25)); // below all: 2 · (1 + 0) / (1 + 7)
    /// # Ok::<(), isinglass_stats::StatsError>(())
    /// ```
    #[must_use]
    pub fn with_permutation_two_sided(self, null: &PermutationNull) -> Self {
        let n_resamples = null.n_resamples();
        let fewer = null.at_least(self.value).min(null.at_most(self.value));
        let value = (2.0 * (1 + fewer) as f64 / (1 + n_resamples) as f64).min(1.0);
        self.with_counted_p(value, &format!("{}, two-sided by doubling", null.how()), n_resamples)
    }

    /// The p-value of a distribution that theory gives; `null` says what chance was taken to do, such as
    /// `Welch's t, two-sided`.
    pub(crate) fn with_p(mut self, value: f64, null: &str) -> Self {
        // Tails that are summed up may leave the range by a rounding.
        let value = value.clamp(0.0, 1.0);
        self.p = Some(PValue { value, null: null.to_owned(), n_resamples: None, adjusted: None });
        self
    }

    /// The p-value of `n_resamples` permutations that were counted elsewhere.
    pub(crate) fn with_counted_p(mut self, value: f64, null: &str, n_resamples: usize) -> Self {
        self.p = Some(PValue { value, null: null.to_owned(), n_resamples: Some(n_resamples), adjusted: None });
        self
    }

    /// Sets what [`adjust`](crate::adjust) found for a p-value that is there.
    pub(crate) fn set_adjusted(&mut self, value: f64, method: &str, n_tests: usize) {
        if let Some(p) = &mut self.p {
            p.adjusted = Some(Adjusted { value, method: method.to_owned(), n_tests });
        }
    }
}

impl Interval {
    pub(crate) fn new(low: f64, high: f64, level: f64, method: String) -> Self {
        Self { low, high, level, method }
    }

    /// The lower end.
    pub fn low(&self) -> f64 {
        self.low
    }

    /// The upper end.
    pub fn high(&self) -> f64 {
        self.high
    }

    /// The share of repeated studies whose interval covers the true value, such as 0.95.
    pub fn level(&self) -> f64 {
        self.level
    }

    /// How it was computed.
    pub fn method(&self) -> &str {
        &self.method
    }
}

impl PValue {
    /// The probability, above 0 and at most 1.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// What chance was taken to do, such as `label flips within pairs, maximum over 30 sites`.
    pub fn null(&self) -> &str {
        &self.null
    }

    /// How many times chance was drawn or counted out; none for a p-value from theory.
    pub fn n_resamples(&self) -> Option<usize> {
        self.n_resamples
    }

    /// The p-value adjusted for the other questions that were asked, once [`adjust`](crate::adjust) has seen them.
    pub fn adjusted(&self) -> Option<&Adjusted> {
        self.adjusted.as_ref()
    }
}

impl Adjusted {
    /// The adjusted probability, at least the plain one and at most 1.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// How it was adjusted, such as `Holm`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// How many questions it counts for.
    pub fn n_tests(&self) -> usize {
        self.n_tests
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.value)?;
        if let Some(interval) = &self.interval {
            write!(f, " {interval}")?;
        }
        write!(f, " (n = {}", self.n)?;
        if let Some(p) = &self.p {
            write!(f, ", p = {p}")?;
        }
        f.write_str(")")
    }
}

/// `[0.84, 0.97]`
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:.2}, {:.2}]", self.low, self.high)
    }
}

/// `0.042`, and `4e-5` where three decimals would show nothing; adjusted, `0.004, 0.042 by Holm over 30`.
impl fmt::Display for PValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_p(f, self.value)?;
        match &self.adjusted {
            Some(adjusted) => {
                f.write_str(", ")?;
                write_p(f, adjusted.value)?;
                write!(f, " by {} over {}", adjusted.method, adjusted.n_tests)
            }
            None => Ok(()),
        }
    }
}

fn write_p(f: &mut fmt::Formatter<'_>, p: f64) -> fmt::Result {
    if p < 0.001 { write!(f, "{p:.0e}") } else { write!(f, "{p:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate() -> Estimate {
        let interval = Interval::new(0.841, 0.972, 0.95, "by hand".to_owned());
        Estimate::new(0.9131, Some(interval), 80, "AUROC")
    }

    /// A null of `n` values of which `above` lie above every estimate.
    fn null(n: usize, above: usize) -> PermutationNull {
        let values = (0..n).map(|i| if i < above { 2.0 } else { 0.5 }).collect();
        PermutationNull::from_values(values, "label flips").unwrap()
    }

    #[test]
    fn display_shows_what_is_there() {
        assert_eq!(estimate().to_string(), "0.913 [0.84, 0.97] (n = 80)");
        assert_eq!(estimate().with_permutation(&null(999, 0)).to_string(), "0.913 [0.84, 0.97] (n = 80, p = 0.001)");
        let bare = Estimate::new(1.0, None, 4, "AUROC").with_permutation(&null(19_999, 0));
        assert_eq!(bare.to_string(), "1.000 (n = 4, p = 5e-5)");
    }

    #[test]
    fn the_estimate_counts_as_one_of_its_permutations() {
        // 12 of 999 as extreme: (12 + 1) / (999 + 1).
        let p = estimate().with_permutation(&null(999, 12)).p().unwrap().clone();
        assert!((p.value() - 0.013).abs() < 1e-15);
        assert_eq!((p.null(), p.n_resamples()), ("label flips", Some(999)));
        // A tie counts against the estimate.
        let tie = PermutationNull::from_values(vec![0.9131], "tie").unwrap();
        assert_eq!(estimate().with_permutation(&tie).p().map(PValue::value), Some(1.0));
    }

    #[test]
    fn a_two_sided_p_doubles_the_smaller_tail() {
        let null = PermutationNull::from_values((0..19).map(|i| f64::from(i) / 20.0).collect(), "flips").unwrap();
        let p = |value: f64| {
            let estimate = Estimate::new(value, None, 4, "t").with_permutation_two_sided(&null);
            estimate.p().map(PValue::value).unwrap()
        };
        // Beyond all, below all, at the middle, and a tie with the least.
        for (value, expected) in [(2.0, 0.1), (-1.0, 0.1), (0.45, 1.0), (0.0, 0.2)] {
            assert!((p(value) - expected).abs() < 1e-15, "{value}: {}", p(value));
        }
    }

    #[test]
    fn a_qualification_adds_words_only() {
        let qualified = estimate().qualified("out of fold");
        assert_eq!(qualified.method(), "AUROC, out of fold");
        assert_eq!((qualified.value(), qualified.interval()), (0.9131, estimate().interval()));
    }

    #[test]
    fn json_holds_every_field() {
        let json = serde_json::to_string(&estimate().with_permutation(&null(1, 1))).unwrap();
        assert_eq!(
            json,
            r#"{"value":0.9131,"interval":{"low":0.841,"high":0.972,"level":0.95,"method":"by hand"},"n":80,"method":"AUROC","p":{"value":1.0,"null":"label flips","n_resamples":1}}"#
        );
    }
}
