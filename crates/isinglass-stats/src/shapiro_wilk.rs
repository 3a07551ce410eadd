//! The test of Shapiro and Wilk for normality.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_3, FRAC_PI_6};

use crate::distribution::{normal_quantile, normal_sf};
use crate::error::enough;
use crate::summary::mean_of;
use crate::{Estimate, StatsError};

/// The greatest sample that Royston's approximation was made for.
const MOST: usize = 5000;

/// The test of Shapiro and Wilk (1965): how straight the sorted values lie against those expected of a normal sample.
///
/// `W = (Σ aᵢ x₍ᵢ₎)² / Σ (x - mean)²`, at most 1, with weights and p-value by the approximation of Royston (1995, algorithm
/// AS R94).
///
/// A large p does not show that values are normal: a small sample hides most departures, and a large one reveals those
/// that do not matter.
/// It should not choose the next test: the choice would change the level of both.
///
/// # Errors
///
/// [`StatsError::TooFew`] below 3 values, [`StatsError::OutOfRange`] above 5000, [`StatsError::NoSpread`],
/// [`StatsError::Empty`], [`StatsError::NotANumber`], [`StatsError::NotFinite`].
///
/// ```
/// // The weights of men in the paper of 1965, whose W is 0.79.
/// let weights = [148.0, 154.0, 158.0, 160.0, 161.0, 162.0, 166.0, 170.0, 182.0, 195.0, 236.0];
/// let test = isinglass_stats::shapiro_wilk(&weights)?;
/// assert!((test.value() - 0.79).abs() < 0.005 && test.p().is_some_and(|p| p.value() < 0.01));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn shapiro_wilk(values: &[f64]) -> Result<Estimate, StatsError> {
    let statistic = "a Shapiro-Wilk test";
    enough("values", values, 3, statistic)?;
    let n = values.len();
    if n > MOST {
        return Err(StatsError::OutOfRange { what: "number of values", value: n as f64, range: "at most 5000" });
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let range = sorted[n - 1] - sorted[0];
    if range <= 0.0 {
        return Err(StatsError::NoSpread { what: "values", statistic });
    }
    // Scaled, so that squares neither overflow nor vanish.
    let scaled: Vec<f64> = sorted.iter().map(|value| (value - sorted[n / 2]) / range).collect();
    let mean = mean_of(&scaled);
    let weights = weights(n);
    // Antisymmetric, so that the mean drops out.
    let straight: f64 = weights.iter().enumerate().map(|(i, a)| a * (scaled[n - 1 - i] - scaled[i])).sum();
    let spread: f64 = scaled.iter().map(|value| (value - mean).powi(2)).sum();
    let length = 2.0 * weights.iter().map(|a| a * a).sum::<f64>();
    // 1 - W from factors, as W is close to 1.
    let root = (spread * length).sqrt();
    let missing = ((root - straight) * (root + straight) / (spread * length)).max(0.0);
    let p = p_value(missing, n);
    Ok(Estimate::new(1.0 - missing, None, n, "Shapiro-Wilk W").with_p(p, "normal values, Royston's approximation"))
}

/// The weights of the greatest values from the greatest down; those of the least are their negatives.
fn weights(n: usize) -> Vec<f64> {
    if n == 3 {
        return vec![FRAC_1_SQRT_2];
    }
    // Blom's approximation of the expected values of a sorted normal sample.
    let scores: Vec<f64> = (0..n / 2).map(|i| -normal_quantile((i as f64 + 0.625) / (n as f64 + 0.25))).collect();
    let squares = 2.0 * scores.iter().map(|m| m * m).sum::<f64>();
    let u = 1.0 / (n as f64).sqrt();
    let ends = [
        scores[0] / squares.sqrt() + polynomial(&[0.0, 0.221_157, -0.147_981, -2.071_19, 4.434_685, -2.706_056], u),
        scores[1] / squares.sqrt() + polynomial(&[0.0, 0.042_981, -0.293_762, -1.752_461, 5.682_633, -3.582_633], u),
    ];
    // The outermost weights are fitted; the others keep the shape of the scores and fill up the length.
    let fitted = if n > 5 { 2 } else { 1 };
    let taken: f64 = ends[..fitted].iter().map(|a| a * a).sum();
    let left: f64 = scores[..fitted].iter().map(|m| m * m).sum();
    let scale = ((squares - 2.0 * left) / (1.0 - 2.0 * taken)).sqrt();
    ends[..fitted].iter().copied().chain(scores[fitted..].iter().map(|m| m / scale)).collect()
}

/// The probability of a `1 - W` at least as great.
fn p_value(missing: f64, n: usize) -> f64 {
    let size = n as f64;
    if n == 3 {
        // Exact; W is at least 3/4.
        return ((1.0 - missing).max(0.0).sqrt().asin() - FRAC_PI_3).max(0.0) / FRAC_PI_6;
    }
    let y = missing.ln();
    let z = if n <= 11 {
        let bound = -2.273 + 0.459 * size;
        if y >= bound {
            return 0.0;
        }
        let mean = polynomial(&[0.544, -0.399_78, 0.025_054, -6.714e-4], size);
        let sd = polynomial(&[1.3822, -0.778_57, 0.062_767, -0.002_032_2], size).exp();
        (-(bound - y).ln() - mean) / sd
    } else {
        let ln_n = size.ln();
        let mean = polynomial(&[-1.5861, -0.310_82, -0.083_751, 0.003_891_5], ln_n);
        let sd = polynomial(&[-0.4803, -0.082_676, 0.003_030_2], ln_n).exp();
        (y - mean) / sd
    };
    normal_sf(z)
}

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against scipy 1.17, whose W has about nine digits.
    #[test]
    fn small_and_large_samples() {
        let check = |values: &[f64], w: f64, p: f64| {
            let test = shapiro_wilk(values).unwrap();
            let (got_w, got_p) = (test.value(), test.p().unwrap().value());
            assert!((got_w - w).abs() < 1e-9 && (got_p - p).abs() <= 1e-7 * p, "W = {got_w}, p = {got_p}");
        };
        let squares: Vec<f64> = (1..=200).map(|i| f64::from(i * i)).collect();
        check(&[1.0, 2.0, 4.0], 0.964_285_714_285_714_2, 0.636_886_845_028_968_9);
        check(&[1.0, 2.0, 4.0, 4.5], 0.915_686_067_967_583_6, 0.513_040_090_061_047_8);
        check(&[1.0, 2.0, 4.0, 4.5, 9.0], 0.917_604_378_377_395_8, 0.514_604_694_685_061_8);
        check(&squares[..6], 0.940_924_028_973_600_7, 0.666_653_038_281_966_2);
        check(&squares[..11], 0.918_632_044_707_622_9, 0.307_410_847_075_926_25);
        check(&squares[..12], 0.916_292_441_513_941_5, 0.256_673_467_955_518_26);
        check(&squares, 0.895_509_453_732_921_9, 1.313_194_756_137_004_2e-10);
    }

    #[test]
    fn what_has_no_shape_is_refused() {
        assert!(matches!(shapiro_wilk(&[1.0, 2.0]), Err(StatsError::TooFew { got: 2, least: 3, .. })));
        assert!(matches!(shapiro_wilk(&[4.0; 5]), Err(StatsError::NoSpread { .. })));
        assert!(matches!(shapiro_wilk(&vec![0.0; 5001]), Err(StatsError::OutOfRange { .. })));
    }
}
