//! Tails and quantiles of the distributions that tests refer to.
//!
//! Each `*_sf` is the probability of a greater value, computed from the tail itself, so that a p-value far out keeps its
//! digits; each `*_quantile` is the value with the given probability below it.
//! Outside of its domain (a NaN, a probability above 1, degrees of freedom of 0) a function gives NaN, as those of
//! `f64` do.
//!
//! The functions themselves are those of `statrs`; its quantiles are not used, as Student's t lost digits or did not end
//! at 10⁵ degrees of freedom and more.
//!
//! ```
//! use isinglass_stats::distribution::{normal_sf, t_quantile, t_sf};
//!
//! assert!((normal_sf(1.959964) - 0.025).abs() < 1e-8);
//! assert!((t_quantile(0.975, 10.0) - 2.228139).abs() < 1e-6);
//! assert!(t_sf(40.0, 10.0) < 1e-11);
//! ```

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::beta::checked_beta_reg;
use statrs::function::gamma::checked_gamma_ur;

/// Above this many degrees of freedom Student's t is a normal one with its first correction.
const NEARLY_NORMAL: f64 = 1e7;

/// The probability that a standard normal value exceeds `z`.
pub fn normal_sf(z: f64) -> f64 {
    Normal::standard().sf(z)
}

/// The standard normal value with probability `p` below it.
pub fn normal_quantile(p: f64) -> f64 {
    if (0.0..=1.0).contains(&p) { Normal::standard().inverse_cdf(p) } else { f64::NAN }
}

/// The probability that Student's t with `df` degrees of freedom, a whole number or not, exceeds `t`.
///
/// `I_x(df / 2, 1 / 2) / 2` at `x = df / (df + t²)`, the regularised incomplete beta function.
pub fn t_sf(t: f64, df: f64) -> f64 {
    if t < 0.0 {
        return 1.0 - t_sf(-t, df);
    }
    let square = t * t;
    if df > NEARLY_NORMAL {
        // Abramowitz and Stegun 26.7.8.
        normal_sf((1.0 - 0.25 / df) / (1.0 / t).hypot((0.5 / df).sqrt()))
    } else if square < 3.0 {
        // Near 0, `x` is so close to 1 that its complement has few digits.
        0.5 * (1.0 - beta_cdf(square / (df + square), 0.5, df / 2.0))
    } else {
        0.5 * beta_cdf(df / (df + square), df / 2.0, 0.5)
    }
}

/// The value of Student's t with `df` degrees of freedom with probability `p` below it.
pub fn t_quantile(p: f64, df: f64) -> f64 {
    if p < 0.5 { -upper_quantile(p, &[df], |t| t_sf(t, df)) } else { upper_quantile(1.0 - p, &[df], |t| t_sf(t, df)) }
}

/// The probability that F with `df1` and `df2` degrees of freedom exceeds `f`.
///
/// `I_x(df2 / 2, df1 / 2)` at `x = df2 / (df2 + df1 f)`.
pub fn f_sf(f: f64, df1: f64, df2: f64) -> f64 {
    if f <= 0.0 { 1.0 } else { beta_cdf(df2 / (df2 + df1 * f), df2 / 2.0, df1 / 2.0) }
}

/// The value of F with `df1` and `df2` degrees of freedom with probability `p` below it.
pub fn f_quantile(p: f64, df1: f64, df2: f64) -> f64 {
    if p < 0.5 {
        // The reciprocal is an F with the degrees of freedom exchanged.
        1.0 / upper_quantile(p, &[df1, df2], |f| f_sf(f, df2, df1))
    } else {
        upper_quantile(1.0 - p, &[df1, df2], |f| f_sf(f, df1, df2))
    }
}

/// The probability that chi-squared with `df` degrees of freedom exceeds `chi2`.
pub fn chi2_sf(chi2: f64, df: f64) -> f64 {
    match chi2 {
        chi2 if chi2 <= 0.0 => 1.0,
        f64::INFINITY => 0.0,
        chi2 => checked_gamma_ur(df / 2.0, chi2 / 2.0).unwrap_or(f64::NAN),
    }
}

/// The probability that a beta value with parameters `a` and `b` is at most `x`: `I_x(a, b)`.
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    checked_beta_reg(a, b, x).unwrap_or(f64::NAN)
}

/// The beta value with parameters `a` and `b` with probability `p` below it.
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    match p {
        p if !in_domain(p, &[a, b]) => f64::NAN,
        1.0 => 1.0,
        // Near 1, its distance from there has the digits.
        p if p > 0.5 && a > b => 1.0 - beta_quantile(1.0 - p, b, a),
        p => first(|x| x >= 1.0 || beta_cdf(x, a, b) >= p),
    }
}

/// The value above 0 that is exceeded with probability `p`.
fn upper_quantile(p: f64, parameters: &[f64], sf: impl Fn(f64) -> f64) -> f64 {
    match p {
        p if !in_domain(p, parameters) => f64::NAN,
        0.0 => f64::INFINITY,
        p => first(|x| sf(x) <= p),
    }
}

fn in_domain(p: f64, parameters: &[f64]) -> bool {
    (0.0..=1.0).contains(&p) && parameters.iter().all(|&parameter| parameter > 0.0)
}

/// The least number from 0 up that is past a border, where all above it are; infinite if none is.
///
/// Bisects the bits, whose order is that of numbers from 0 up: 64 steps reach neighbouring numbers, however great or
/// small they are.
pub(crate) fn first(is_past: impl Fn(f64) -> bool) -> f64 {
    if is_past(0.0) {
        return 0.0;
    }
    let (mut before, mut past) = (0_u64, f64::INFINITY.to_bits());
    while past - before > 1 {
        let middle = u64::midpoint(before, past);
        if is_past(f64::from_bits(middle)) {
            past = middle;
        } else {
            before = middle;
        }
    }
    f64::from_bits(past)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() <= 1e-9 * expected.abs(), "got {got:e}, expected {expected:e}");
    }

    /// Against scipy 1.17.
    #[test]
    fn far_tails_and_many_degrees_of_freedom() {
        close(t_sf(12.0, 7.0), 3.179_155_189_092_549e-6);
        close(t_sf(0.3, 38.0), 0.382_906_088_993_903_4);
        close(t_sf(1e-06, 1000.0), 0.499_999_601_157_442_7);
        close(t_sf(2.1, 1_000_000.0), 0.017_864_545_487_317_53);
        close(t_sf(40.0, 250.0), 6.008_939_163_294_199_4e-111);
        close(t_sf(1.0, 100_000_000.0), 0.158_655_255_141_310_6);
        close(t_sf(3.0, 20_000_000.0), 0.001_349_899_693_573_791_4);
        close(t_quantile(1e-10, 1.0), -3_183_098_861.837_906_4);
        close(t_quantile(0.975, 4.0), 2.776_445_105_197_793_4);
        close(t_quantile(0.025, 100_000.0), -1.959_987_707_534_61);
        close(t_quantile(0.2, 1000.0), -0.841_980_822_162_428_4);
        close(t_quantile(0.975, 100_000_000.0), 1.959_964_008_262_766_3);
        close(f_sf(5.5, 3.0, 47.0), 0.002_539_063_278_891_518_6);
        close(f_sf(800.0, 2.0, 30.0), 9.418_999_085_591_89e-27);
        close(f_sf(1.2, 4.0, 1_000_000.0), 0.308_441_772_729_986_5);
        close(f_sf(10_000_000_000.0, 1.0, 10.0), 2.460_937_488_720_702e-46);
        close(f_quantile(1e-06, 1.0, 1000.0), 1.571_581_921_210_422e-12);
        close(f_quantile(0.025, 3.0, 100_000.0), 0.071_931_478_831_142_8);
        close(f_quantile(0.975, 5.0, 18.0), 3.381_967_805_875_243);
        close(chi2_sf(120.0, 5.0), 3.138_579_772_755_301_7e-24);
        close(beta_quantile(0.025, 1.0, 1e5), 2.531_780_477_933_314e-7);
        close(beta_quantile(0.975, 18.0, 12.0), 0.764_759_790_247_101_5);
        close(normal_sf(30.0), 4.906_713_927_147_908e-198);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the ends are exact")]
    fn the_ends_and_what_lies_outside() {
        assert_eq!([t_quantile(0.0, 3.0), t_quantile(0.5, 3.0)], [f64::NEG_INFINITY, 0.0]);
        assert_eq!([t_quantile(1.0, 3.0), f_quantile(0.0, 2.0, 3.0), f_sf(-1.0, 2.0, 3.0)], [f64::INFINITY, 0.0, 1.0]);
        assert_eq!([beta_quantile(0.0, 2.0, 3.0), beta_quantile(1.0, 2.0, 3.0)], [0.0, 1.0]);
        assert_eq!([chi2_sf(0.0, 3.0), chi2_sf(f64::INFINITY, 3.0)], [1.0, 0.0]);
        assert_eq!([t_sf(f64::INFINITY, 3.0), t_sf(f64::NEG_INFINITY, 3.0)], [0.0, 1.0]);
        for outside in [
            normal_quantile(1.5),
            t_sf(1.0, 0.0),
            t_quantile(0.5, -1.0),
            t_quantile(f64::NAN, 3.0),
            f_sf(f64::NAN, 1.0, 1.0),
            f_quantile(2.0, 1.0, 1.0),
            chi2_sf(1.0, 0.0),
            beta_quantile(0.5, 0.0, 1.0),
        ] {
            assert!(outside.is_nan(), "{outside}");
        }
    }
}
