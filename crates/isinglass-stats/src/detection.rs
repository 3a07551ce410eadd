//! Signal detection: sensitivity and bias from counts of answers.

use serde::Serialize;
use statrs::distribution::{Continuous, Normal};

use crate::distribution::normal_quantile;
use crate::effect::standardised_interval;
use crate::{Estimate, StatsError};

/// Answers of a yes-no task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DetectionCounts {
    /// How often a signal was answered with yes.
    pub hits: u64,
    /// How often there was a signal.
    pub signal: u64,
    /// How often noise was answered with yes.
    pub false_alarms: u64,
    /// How often there was noise alone.
    pub noise: u64,
}

/// How rates are made from counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum DetectionRates {
    /// `hits / signal`; has no d' where a rate is 0 or 1.
    Raw,
    /// `(hits + 1/2) / (signal + 1)`, never 0 or 1 (Hautus 1995).
    LogLinear,
}

/// Sensitivity and bias of an observer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detection {
    /// `d' = z(hit rate) - z(false alarm rate)`; 0 is chance.
    pub d_prime: Estimate,
    /// `c = -(z(hit rate) + z(false alarm rate)) / 2`; above 0 leans to no.
    pub criterion: Estimate,
}

/// Sensitivity `d'` and criterion `c` of signal detection theory, from counts of answers.
///
/// `z` is the normal quantile (Green and Swets 1966).
/// Intervals are `± 1.96 se` with `se² = H (1 - H) / (n_signal φ(z_H)²) + F (1 - F) / (n_noise φ(z_F)²)` for `d'` (Gourevitch
/// and Galanter 1967) and a quarter of it for `c`; with few answers, or rates near 0 or 1, they are rough.
///
/// It takes answers as independent and evidence as normal with equal spread for signal and noise; an AUROC needs neither.
///
/// # Errors
///
/// [`StatsError::Empty`] without signal or noise, [`StatsError::OutOfRange`] if more answers are yes than there are, or for
/// [`DetectionRates::Raw`] at a rate of 0 or 1.
///
/// ```
/// use isinglass_stats::{DetectionCounts, DetectionRates, detection};
///
/// let counts = DetectionCounts { hits: 21, signal: 25, false_alarms: 6, noise: 30 };
/// let found = detection(counts, DetectionRates::LogLinear)?;
/// assert!((found.d_prime.value() - 1.7496).abs() < 1e-4 && found.d_prime.n() == 55);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn detection(counts: DetectionCounts, rates: DetectionRates) -> Result<Detection, StatsError> {
    let DetectionCounts { hits, signal, false_alarms, noise } = counts;
    let (z_hit, of_hit) = side("hits", hits, ("signal", signal), rates)?;
    let (z_false, of_false) = side("false alarms", false_alarms, ("noise", noise), rates)?;
    let se = (of_hit + of_false).sqrt();
    let (d_prime, criterion) = (z_hit - z_false, -f64::midpoint(z_hit, z_false));
    let name = match rates {
        DetectionRates::Raw => "raw rates",
        DetectionRates::LogLinear => "log-linear rates",
    };
    let estimate = |value, se, what: &str| {
        let interval = standardised_interval(value, se, "Gourevitch-Galanter");
        Estimate::new(value, Some(interval), (signal + noise) as usize, &format!("{what} of {name}"))
    };
    Ok(Detection { d_prime: estimate(d_prime, se, "d'"), criterion: estimate(criterion, se / 2.0, "criterion") })
}

/// The normal quantile of one rate and its variance.
fn side(
    what: &'static str,
    yes: u64,
    (of, n): (&'static str, u64),
    rates: DetectionRates,
) -> Result<(f64, f64), StatsError> {
    if n == 0 {
        return Err(StatsError::Empty { what: of });
    }
    let size = n as f64;
    if yes > n {
        return Err(StatsError::OutOfRange { what, value: yes as f64, range: "at most the number of trials" });
    }
    let rate = match rates {
        DetectionRates::Raw if yes == 0 || yes == n => {
            let range = "above 0 and below the number of trials; log-linear rates need not be";
            return Err(StatsError::OutOfRange { what, value: yes as f64, range });
        }
        DetectionRates::Raw => yes as f64 / size,
        DetectionRates::LogLinear => (yes as f64 + 0.5) / (size + 1.0),
    };
    let z = normal_quantile(rate);
    Ok((z, rate * (1.0 - rate) / (size * Normal::standard().pdf(z).powi(2))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unbiased_observer_has_no_criterion() {
        let counts = DetectionCounts { hits: 80, signal: 100, false_alarms: 20, noise: 100 };
        let found = detection(counts, DetectionRates::Raw).unwrap();
        assert!(found.criterion.value().abs() < 1e-12);
        // 2 z(0.8); each side's variance is 0.16 / (100 · 0.27996²).
        assert!((found.d_prime.value() - 1.683_242_467).abs() < 1e-8);
        let half = found.d_prime.interval().unwrap().high() - found.d_prime.value();
        assert!((half - 1.959_964 * (2.0 * 0.16 / (100.0 * 0.279_962_f64.powi(2))).sqrt()).abs() < 1e-5);
    }

    #[test]
    fn rates_of_zero_and_one() {
        let counts = DetectionCounts { hits: 10, signal: 10, false_alarms: 0, noise: 10 };
        assert!(matches!(
            detection(counts, DetectionRates::Raw),
            Err(StatsError::OutOfRange { what: "hits", value: 10.0, .. })
        ));
        let found = detection(counts, DetectionRates::LogLinear).unwrap();
        assert!(found.d_prime.value() > 3.0 && found.criterion.value().abs() < 1e-12);
        let none = DetectionCounts { noise: 0, ..counts };
        assert_eq!(detection(none, DetectionRates::LogLinear), Err(StatsError::Empty { what: "noise" }));
    }
}
