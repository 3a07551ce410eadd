//! How far two samples lie apart, in units of their own spread.

use statrs::function::gamma::ln_gamma;

use crate::bootstrap::LEVEL;
use crate::distribution::normal_quantile;
use crate::error::{enough, numbers};
use crate::estimate::Interval;
use crate::moments::variance_of;
use crate::summary::mean_of;
use crate::t_test::pooled_variance;
use crate::{Estimate, StatsError, auroc_delong};

/// Cohen's d of two independent samples: the difference of their means in pooled standard deviations.
///
/// `d = (mean a - mean b) / s`, where `s²` pools both variances over `na + nb - 2` (Cohen 1988).
/// The interval is `d ± z √((na + nb) / (na nb) + d² / (2 (na + nb)))` (Hedges and Olkin 1985), for large samples of normal
/// values with one variance.
///
/// `d` of a small sample is too far from 0 on average; [`hedges_g`] is not.
/// Where spreads differ, no single standard deviation is right: see [`d_prime_held_out`] and [`glass_delta`].
///
/// # Errors
///
/// [`StatsError::TooFew`] below 2 values a sample, [`StatsError::NoSpread`], [`StatsError::Empty`],
/// [`StatsError::NotANumber`], [`StatsError::NotFinite`].
///
/// ```
/// let d = isinglass_stats::cohens_d(&[2.0, 3.0, 4.0], &[1.0, 2.0, 3.0])?;
/// assert_eq!(d.value(), 1.0);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn cohens_d(a: &[f64], b: &[f64]) -> Result<Estimate, StatsError> {
    let (d, se) = checked_d(a, b)?;
    Ok(Estimate::new(d, Some(standardised_interval(d, se, "Hedges-Olkin")), a.len() + b.len(), "Cohen's d"))
}

/// Hedges' g of two independent samples: [`cohens_d`] without its bias.
///
/// `g = J d` with `J = Γ(m / 2) / (√(m / 2) Γ((m - 1) / 2))` for `m = na + nb - 2` degrees of freedom (Hedges 1981).
/// The interval is that of `d` with its standard error times `J`, around `g`.
///
/// # Errors
///
/// Those of [`cohens_d`].
///
/// ```
/// let g = isinglass_stats::hedges_g(&[2.0, 3.0, 4.0], &[1.0, 2.0, 3.0])?;
/// assert!((g.value() - (2.0 / std::f64::consts::PI).sqrt()).abs() < 1e-9); // Γ(2) / (√2 Γ(3/2))
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn hedges_g(a: &[f64], b: &[f64]) -> Result<Estimate, StatsError> {
    let m = (a.len() + b.len()).saturating_sub(2) as f64;
    let exact = (ln_gamma(m / 2.0) - ln_gamma((m - 1.0) / 2.0)).exp() / (m / 2.0).sqrt();
    corrected(a, b, exact, "Hedges' g")
}

/// [`hedges_g`] with the usual approximation `J = 1 - 3 / (4 (na + nb) - 9)`, as many papers report it.
///
/// # Errors
///
/// Those of [`cohens_d`].
///
/// ```
/// let g = isinglass_stats::hedges_g_approximate(&[2.0, 3.0, 4.0], &[1.0, 2.0, 3.0])?;
/// assert_eq!(g.value(), 0.8); // 1 - 3 / 15
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn hedges_g_approximate(a: &[f64], b: &[f64]) -> Result<Estimate, StatsError> {
    corrected(a, b, 1.0 - 3.0 / (4.0 * (a.len() + b.len()) as f64 - 9.0), "Hedges' g, approximate correction")
}

/// Glass's delta: the difference of means in standard deviations of the control alone.
///
/// `Δ = (mean treated - mean control) / s_control` (Glass 1976), for a treatment that may change the spread.
/// The interval is `Δ ± z √(s²_treated / (s²_control n_treated) + 1 / n_control + Δ² / (2 (n_control - 1)))` (Bonett 2008), for
/// large samples of normal values.
///
/// # Errors
///
/// Those of [`cohens_d`]; [`StatsError::NoSpread`] if the control does not vary.
///
/// ```
/// let delta = isinglass_stats::glass_delta(&[3.0, 5.0, 10.0], &[1.0, 2.0, 3.0])?;
/// assert_eq!(delta.value(), 4.0);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn glass_delta(treated: &[f64], control: &[f64]) -> Result<Estimate, StatsError> {
    let statistic = "Glass's delta";
    enough("treated", treated, 2, statistic)?;
    enough("control", control, 2, statistic)?;
    let (of_treated, of_control) = (variance_of(treated), variance_of(control));
    if of_control <= 0.0 {
        return Err(StatsError::NoSpread { what: "control", statistic });
    }
    let delta = (mean_of(treated) - mean_of(control)) / of_control.sqrt();
    let n = control.len() as f64;
    let square = of_treated / of_control / treated.len() as f64 + 1.0 / n + delta * delta / (2.0 * (n - 1.0));
    let interval = standardised_interval(delta, square.sqrt(), "Bonett, control spread");
    Ok(Estimate::new(delta, Some(interval), treated.len() + control.len(), statistic))
}

/// The d-prime of a probe's scores on rows that it was **not** fitted on: the difference of the class means over the root
/// of the mean of the class variances.
///
/// `d' = (mean positive - mean negative) / √((s²_positive + s²_negative) / 2)`, with variances **within** classes.
/// The interval uses the variance `d'² (s₁⁴ / m₁ + s₂⁴ / m₂) / (8 s⁴) + (s₁² / m₁ + s₂² / m₂) / s²`, `m = n - 1` and `s²` the mean
/// variance (Bonett 2008), for large samples of near-normal scores of independent rows.
///
/// The scores must be out of fold; the name is there to say so, since this function cannot see where they came from.
/// Scores of the rows a direction was fitted on give a large d-prime from pure noise: with 30 rows of 4096 features,
/// projecting noise on its own difference of means gives about 6.6, and about 0 on the rows held out.
/// Dividing by the standard deviation of all rows together instead bounds d-prime near 2 whatever the classes do.
///
/// # Errors
///
/// Those of [`cohens_d`].
///
/// ```
/// let d_prime = isinglass_stats::d_prime_held_out(&[4.0, 5.0, 6.0], &[1.0, 2.0, 3.0])?;
/// assert_eq!(d_prime.value(), 3.0);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn d_prime_held_out(positive: &[f64], negative: &[f64]) -> Result<Estimate, StatsError> {
    let statistic = "d-prime";
    enough("positive", positive, 2, statistic)?;
    enough("negative", negative, 2, statistic)?;
    let [v1, v2] = [positive, negative].map(variance_of);
    let mean_variance = f64::midpoint(v1, v2);
    if mean_variance <= 0.0 {
        return Err(StatsError::NoSpread { what: "scores", statistic });
    }
    let value = (mean_of(positive) - mean_of(negative)) / mean_variance.sqrt();
    // Relative to the mean variance, so that no square overflows.
    let [(r1, m1), (r2, m2)] =
        [(v1, positive), (v2, negative)].map(|(v, rows)| (v / mean_variance, (rows.len() - 1) as f64));
    let square = value * value * (r1 * r1 / m1 + r2 * r2 / m2) / 8.0 + r1 / m1 + r2 / m2;
    let interval = standardised_interval(value, square.sqrt(), "Bonett");
    let n = positive.len() + negative.len();
    Ok(Estimate::new(value, Some(interval), n, "d-prime within classes, scores held out"))
}

/// Cliff's delta of two independent samples: how much likelier a value of `a` is above one of `b` than below.
///
/// `δ = (#{a > b} - #{a < b}) / (na nb) = 2 AUROC - 1` (Cliff 1993), with the interval of
/// [`auroc_delong`] carried over.
/// It sees the order of the values alone.
///
/// # Errors
///
/// [`StatsError::Empty`], [`StatsError::NotANumber`]. Infinities have their place.
///
/// ```
/// let delta = isinglass_stats::cliffs_delta(&[1.0, 3.0], &[0.0, 2.0])?;
/// assert_eq!(delta.value(), 0.5); // 3 pairs above, 1 below
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn cliffs_delta(a: &[f64], b: &[f64]) -> Result<Estimate, StatsError> {
    numbers("a", a)?;
    numbers("b", b)?;
    let labels: Vec<bool> = (0..a.len() + b.len()).map(|row| row < a.len()).collect();
    let auroc = auroc_delong(&[a, b].concat(), &labels)?;
    let interval = auroc
        .interval()
        .map(|i| Interval::new(2.0 * i.low() - 1.0, 2.0 * i.high() - 1.0, i.level(), i.method().to_owned()));
    Ok(Estimate::new(2.0 * auroc.value() - 1.0, interval, labels.len(), "Cliff's delta"))
}

fn checked_d(a: &[f64], b: &[f64]) -> Result<(f64, f64), StatsError> {
    let statistic = "a standardised difference";
    enough("a", a, 2, statistic)?;
    enough("b", b, 2, statistic)?;
    cohens_d_of(a, b).ok_or(StatsError::NoSpread { what: "values", statistic })
}

/// Cohen's d and its standard error, of checked samples with at least three values in all; none without spread within.
pub(crate) fn cohens_d_of(a: &[f64], b: &[f64]) -> Option<(f64, f64)> {
    let pooled = if a.len() > 1 && b.len() > 1 {
        pooled_variance(a, b)
    } else {
        // A single value has no variance of its own.
        variance_of(if a.len() > 1 { a } else { b })
    };
    let (na, nb) = (a.len() as f64, b.len() as f64);
    let d = (mean_of(a) - mean_of(b)) / pooled.sqrt();
    (pooled > 0.0).then(|| (d, ((na + nb) / (na * nb) + d * d / (2.0 * (na + nb))).sqrt()))
}

fn corrected(a: &[f64], b: &[f64], factor: f64, method: &str) -> Result<Estimate, StatsError> {
    let (d, se) = checked_d(a, b)?;
    let interval = standardised_interval(factor * d, factor * se, "Hedges-Olkin");
    Ok(Estimate::new(factor * d, Some(interval), a.len() + b.len(), method))
}

/// `value ± z se`.
pub(crate) fn standardised_interval(value: f64, se: f64, method: &str) -> Interval {
    let reach = normal_quantile(f64::midpoint(1.0, LEVEL)) * se;
    Interval::new(value - reach, value + reach, LEVEL, method.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_d_by_hand() {
        // d = 1, se² = 6/9 + 1/12 = 3/4.
        let d = cohens_d(&[2.0, 3.0, 4.0], &[1.0, 2.0, 3.0]).unwrap();
        let reach = d.interval().map(|i| i.high() - d.value()).unwrap();
        assert!((reach - 1.959_963_984_540_054 * 0.75_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn with_equal_spread_and_size_d_prime_is_d() {
        let (a, b) = ([4.0, 5.5, 6.0], [1.0, 2.5, 3.0]);
        let (d, d_prime) = (cohens_d(&a, &b).unwrap(), d_prime_held_out(&a, &b).unwrap());
        assert!((d.value() - d_prime.value()).abs() < 1e-12);
        assert!((d.value() - glass_delta(&a, &b).unwrap().value()).abs() < 1e-12);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the ends are exact")]
    fn cliffs_delta_reaches_from_minus_one_to_one() {
        let value = |a: &[f64], b: &[f64]| cliffs_delta(a, b).unwrap().value();
        assert_eq!([value(&[3.0], &[1.0]), value(&[1.0], &[1.0]), value(&[1.0], &[3.0])], [1.0, 0.0, -1.0]);
    }

    #[test]
    fn samples_without_spread_are_refused() {
        assert!(matches!(cohens_d(&[1.0, 1.0], &[2.0, 2.0]), Err(StatsError::NoSpread { .. })));
        assert!(matches!(hedges_g(&[1.0], &[2.0, 2.0]), Err(StatsError::TooFew { what: "a", .. })));
        assert!(matches!(hedges_g(&[], &[]), Err(StatsError::Empty { .. })));
        assert!(matches!(glass_delta(&[1.0, 3.0], &[2.0, 2.0]), Err(StatsError::NoSpread { what: "control", .. })));
        assert!(matches!(d_prime_held_out(&[1.0, 1.0], &[2.0, 2.0]), Err(StatsError::NoSpread { .. })));
        assert!(matches!(cliffs_delta(&[f64::NAN], &[1.0]), Err(StatsError::NotANumber { .. })));
        assert!(matches!(cohens_d(&[1.0, f64::INFINITY], &[1.0, 2.0]), Err(StatsError::NotFinite { .. })));
    }
}
