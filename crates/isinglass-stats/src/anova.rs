//! Whether several samples share a mean, a spread, or a distribution.

use serde::Serialize;
use statrs::function::gamma::ln_gamma;

use crate::bootstrap::LEVEL;
use crate::distribution::{beta_cdf, chi2_sf, f_sf, first};
use crate::error::enough;
use crate::estimate::Interval;
use crate::ranks::Ranks;
use crate::summary::{mean_of, quantile_of_sorted};
use crate::{Estimate, StatsError};

/// The share of variance that lies between samples, with the F it was tested by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OneWayAnova {
    /// `η²`: the sum of squares between samples divided by the total one, with interval and p-value.
    pub eta_squared: Estimate,
    /// The mean square between samples divided by that within.
    pub f: f64,
    /// Degrees of freedom between samples.
    pub df_between: f64,
    /// Degrees of freedom within samples.
    pub df_within: f64,
}

/// One-way analysis of variance of independent samples: whether their means are equal.
///
/// `F = (SSB / (k - 1)) / (SSW / (n - k))` (Fisher 1925).
/// The estimate is `η² = SSB / (SSB + SSW)`; its interval goes through the noncentrality `λ` for which the observed F is
/// a 2.5 % or a 97.5 % value, as `λ / (λ + n)` (Steiger 2004); there is none where that exceeds 10⁷.
/// `η²` of a sample is too great on average, the more so the more samples there are.
///
/// It treats values as independent, of equal variance and near normal, and does not say which means differ.
///
/// # Errors
///
/// [`StatsError::TooFew`] below 2 samples or without more values than samples, [`StatsError::NoSpread`] if values do not
/// differ within any sample, [`StatsError::Empty`], [`StatsError::NotANumber`], [`StatsError::NotFinite`].
///
/// ```
/// let test = isinglass_stats::one_way_anova(&[&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0], &[6.0, 7.0, 8.0]])?;
/// assert_eq!((test.f, test.df_between, test.df_within), (21.0, 2.0, 6.0)); // (42 / 2) / (6 / 6)
/// assert_eq!(test.eta_squared.value(), 42.0 / 48.0);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn one_way_anova(samples: &[&[f64]]) -> Result<OneWayAnova, StatsError> {
    f_test(samples, "eta squared", "one-way F", "an analysis of variance")
}

/// The test of Brown and Forsythe (1974): whether independent samples have the same spread.
///
/// Levene's test around medians: the [`one_way_anova`] of the absolute distances of values from their sample's median,
/// which keeps its level for skewed values too.
///
/// # Errors
///
/// Those of [`one_way_anova`]; [`StatsError::NoSpread`] also if all distances within each sample are equal.
///
/// ```
/// let test = isinglass_stats::brown_forsythe(&[&[1.0, 2.0, 3.0, 4.0], &[1.0, 5.0, 9.0, 20.0]])?;
/// assert!(test.f > 0.0 && test.df_within == 6.0);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn brown_forsythe(samples: &[&[f64]]) -> Result<OneWayAnova, StatsError> {
    let statistic = "a Brown-Forsythe test";
    let distances = samples.iter().map(|values| {
        enough("values", values, 1, statistic)?;
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let median = quantile_of_sorted(&sorted, 0.5);
        Ok(values.iter().map(|value| (value - median).abs()).collect())
    });
    let distances: Vec<Vec<f64>> = distances.collect::<Result<_, StatsError>>()?;
    let slices: Vec<&[f64]> = distances.iter().map(Vec::as_slice).collect();
    f_test(&slices, "eta squared of distances from the median", "Brown-Forsythe F", statistic)
}

fn f_test(samples: &[&[f64]], method: &str, null: &str, statistic: &'static str) -> Result<OneWayAnova, StatsError> {
    let pooled = pool(samples, statistic)?;
    let (n, k) = (pooled.len(), samples.len());
    if n <= k {
        return Err(StatsError::TooFew { what: "values", got: n, least: k + 1, statistic });
    }
    let mean = mean_of(&pooled);
    let (mut between, mut within) = (0.0, 0.0);
    for values in samples {
        let own = mean_of(values);
        between += values.len() as f64 * (own - mean).powi(2);
        within += values.iter().map(|value| (value - own).powi(2)).sum::<f64>();
    }
    if within <= 0.0 {
        return Err(StatsError::NoSpread { what: "values", statistic });
    }
    let (df_between, df_within) = ((k - 1) as f64, (n - k) as f64);
    let f = (between / df_between) / (within / df_within);
    let end = |q: f64| noncentrality(f, df_between, df_within, q).map(|lambda| lambda / (lambda + n as f64));
    let interval = end(f64::midpoint(1.0, LEVEL))
        .zip(end((1.0 - LEVEL) / 2.0))
        .filter(|(low, high)| low < high)
        .map(|(low, high)| Interval::new(low, high, LEVEL, "noncentral F".to_owned()));
    let eta_squared =
        Estimate::new(between / (between + within), interval, n, method).with_p(f_sf(f, df_between, df_within), null);
    Ok(OneWayAnova { eta_squared, f, df_between, df_within })
}

/// The greatest noncentrality that is looked for.
const MOST_NONCENTRAL: f64 = 1e7;

/// The noncentrality at which a noncentral F is at most `f` with probability `q`: 0 if it is less likely at every one, none
/// if it is likelier at every one up to 10⁷.
fn noncentrality(f: f64, df1: f64, df2: f64, q: f64) -> Option<f64> {
    let (part, whole) = (df1 * f, df1 * f + df2);
    let (ln_x, ln_rest, b) = ((part / whole).ln(), (df2 / whole).ln(), df2 / 2.0);
    // A Poisson mixture of central ones: `Σ weight(j) I_x(a + j, b)`.
    let cdf = |lambda: f64| {
        let half = lambda / 2.0;
        let weight = |j: f64| if half > 0.0 { (j * half.ln() - half - ln_gamma(j + 1.0)).exp() } else { 1.0 };
        // Weights beyond 9 standard deviations of the Poisson are below 1e-16 in all.
        let reach = if half > 0.0 { 9.0 * half.sqrt() + 30.0 } else { 0.0 };
        let (least, most) = ((half - reach).max(0.0).floor() as u64, (half + reach).floor() as u64);
        // From the greatest `j` down: `I_x(a, b)` is `I_x(a + 1, b) + xᵃ (1 - x)ᵇ / (a B(a, b))`.
        let mut central = beta_cdf(part / whole, df1 / 2.0 + most as f64, b);
        let mut sum = weight(most as f64) * central;
        for j in (least..most).rev().map(|j| j as f64) {
            let a = df1 / 2.0 + j;
            central += (a * ln_x + b * ln_rest + ln_gamma(a + b) - ln_gamma(a + 1.0) - ln_gamma(b)).exp();
            sum += weight(j) * central;
        }
        sum
    };
    let found = first(|lambda| lambda > MOST_NONCENTRAL || cdf(lambda) <= q);
    (found <= MOST_NONCENTRAL).then_some(found)
}

/// What [`kruskal_wallis`] found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KruskalWallis {
    /// `ε² = H / (n - 1)`: the share of the variance of ranks that lies between samples, with the p-value of the test.
    pub epsilon_squared: Estimate,
    /// The statistic, corrected for ties.
    pub h: f64,
    /// Degrees of freedom.
    pub df: f64,
}

/// The test of Kruskal and Wallis (1952): whether values of some of several samples tend to be above those of others.
///
/// `H = (12 / (n (n + 1)) Σ R²ᵢ / nᵢ - 3 (n + 1)) / (1 - Σ (t³ - t) / (n³ - n))` over rank sums `R` and ties of `t` values,
/// held against chi-squared with `k - 1` degrees of freedom.
///
/// Its null is that all distributions are the same: it is no test of medians.
/// Below about 5 values a sample, chi-squared is rough.
///
/// # Errors
///
/// [`StatsError::TooFew`] below 2 samples, [`StatsError::NoSpread`] if all values are equal, [`StatsError::Empty`],
/// [`StatsError::NotANumber`], [`StatsError::NotFinite`].
///
/// ```
/// let test = isinglass_stats::kruskal_wallis(&[&[1.0, 2.0], &[3.0, 4.0]])?;
/// assert!((test.h - 2.4).abs() < 1e-12); // 12 / 20 · (9 / 2 + 49 / 2) - 15
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn kruskal_wallis(samples: &[&[f64]]) -> Result<KruskalWallis, StatsError> {
    let statistic = "a Kruskal-Wallis test";
    let pooled = pool(samples, statistic)?;
    let ranks = Ranks::of(&pooled);
    if ranks.ties.len() < 2 {
        return Err(StatsError::NoSpread { what: "values", statistic });
    }
    let n = pooled.len() as f64;
    let (mut start, mut squares) = (0, 0.0);
    for values in samples {
        let end = start + values.len();
        squares += ranks.ranks[start..end].iter().sum::<f64>().powi(2) / values.len() as f64;
        start = end;
    }
    let untied = 12.0 / (n * (n + 1.0)) * squares - 3.0 * (n + 1.0);
    let h = untied / (1.0 - ranks.tie_term() / (n.powi(3) - n));
    let df = (samples.len() - 1) as f64;
    let epsilon_squared = Estimate::new(h / (n - 1.0), None, pooled.len(), "epsilon squared of ranks")
        .with_p(chi2_sf(h, df), "Kruskal-Wallis H, chi-squared");
    Ok(KruskalWallis { epsilon_squared, h, df })
}

fn pool(samples: &[&[f64]], statistic: &'static str) -> Result<Vec<f64>, StatsError> {
    if samples.len() < 2 {
        return Err(StatsError::TooFew { what: "samples", got: samples.len(), least: 2, statistic });
    }
    for values in samples {
        enough("values", values, 1, statistic)?;
    }
    Ok(samples.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against `scipy.stats.ncf.cdf` solved for the noncentrality.
    #[test]
    fn the_interval_of_eta_squared() {
        let check = |f, df1, df2, [low, high]: [f64; 2]| {
            for (q, expected) in [(0.975, low), (0.025, high)] {
                let got = noncentrality(f, df1, df2, q).unwrap();
                assert!((got - expected).abs() <= 1e-6 * expected, "F = {f}, q = {q}: {got}");
            }
        };
        check(3.5, 2.0, 40.0, [0.0, 20.542_461_993_296_794]);
        assert_eq!(noncentrality(1e9, 2.0, 40.0, 0.025), None);
        check(25.0, 3.0, 80.0, [37.493_586_347_072_4, 119.173_942_605_767_05]);
        check(0.8, 4.0, 20.0, [0.0, 10.120_803_156_594_84]);
    }

    #[test]
    fn samples_that_cannot_be_compared_are_refused() {
        let anova = |samples: &[&[f64]]| one_way_anova(samples).unwrap_err();
        assert!(matches!(anova(&[&[1.0, 2.0]]), StatsError::TooFew { what: "samples", got: 1, .. }));
        assert!(matches!(anova(&[&[1.0], &[2.0]]), StatsError::TooFew { what: "values", least: 3, .. }));
        assert!(matches!(anova(&[&[1.0, 1.0], &[2.0]]), StatsError::NoSpread { .. }));
        assert!(matches!(anova(&[&[1.0, f64::NAN], &[2.0]]), StatsError::NotANumber { index: 1, .. }));
        assert!(matches!(brown_forsythe(&[&[1.0, 2.0], &[]]).unwrap_err(), StatsError::Empty { .. }));
        assert!(matches!(kruskal_wallis(&[&[1.0, 1.0], &[1.0]]).unwrap_err(), StatsError::NoSpread { .. }));
    }
}
