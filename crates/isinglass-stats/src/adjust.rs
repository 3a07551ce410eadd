//! Many questions at once: p-values that count for all of them.

use crate::error::{StatsError, numbers};
use crate::estimate::Estimate;

/// How to adjust p-values for the number of questions asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Correction {
    /// Every p times the number of tests; keeps the chance of any false find at the level, at the cost of power.
    Bonferroni,
    /// Steps down from the least p; as safe as Bonferroni and never weaker (Holm 1979).
    Holm,
    /// Holm's steps with `1 - (1 - p)^m`; needs independent or positively dependent tests (Holland and Copenhaver 1987).
    HolmSidak,
    /// Closed testing with Simes; stronger than Holm, needs independent or positively dependent tests (Hommel 1988).
    Hommel,
    /// Keeps the expected share of false finds among the finds; independent or positively dependent tests (Benjamini and
    /// Hochberg 1995).
    Bh,
    /// As [`Bh`](Self::Bh) under any dependence, at the cost of a factor of about `ln m` (Benjamini and Yekutieli 2001).
    By,
}

impl Correction {
    /// The name a report gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bonferroni => "Bonferroni",
            Self::Holm => "Holm",
            Self::HolmSidak => "Holm-Sidak",
            Self::Hommel => "Hommel",
            Self::Bh => "BH",
            Self::By => "BY",
        }
    }
}

/// Adjusts the p-values of a family of estimates, in place: a find at level 0.05 is an adjusted p of at most 0.05.
///
/// The family is every question whose answer could have been reported, not the ones that came out well.
/// An estimate without a p-value is left alone and does not count.
///
/// # Errors
/// [`StatsError::Empty`] if no estimate has a p-value.
///
/// ```
/// use isinglass_stats::{Correction, PermutationNull, adjust, auroc_delong};
///
/// let estimate = auroc_delong(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?;
/// let null = PermutationNull::from_values(vec![0.3, 0.6, 0.5], "flips")?;
/// let mut layers = vec![estimate.with_permutation(&null); 2];
/// adjust(&mut layers, Correction::Holm)?;
/// assert_eq!(layers[0].p().and_then(|p| p.adjusted()).map(|a| a.value()), Some(0.5)); // 2 × 1/4
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn adjust(estimates: &mut [Estimate], correction: Correction) -> Result<(), StatsError> {
    let mut with_p: Vec<&mut Estimate> = estimates.iter_mut().filter(|e| e.p().is_some()).collect();
    let plain: Vec<f64> = with_p.iter().filter_map(|e| e.p().map(crate::PValue::value)).collect();
    let adjusted = adjusted_p(&plain, correction)?;
    let n_tests = adjusted.len();
    for (estimate, value) in with_p.iter_mut().zip(adjusted) {
        estimate.set_adjusted(value, correction.name(), n_tests);
    }
    Ok(())
}

/// Adjusted p-values, in the order given: reject those at most the level.
///
/// # Errors
/// [`StatsError::Empty`] without p-values, [`StatsError::NotANumber`], [`StatsError::NotAProbability`].
///
/// ```
/// use isinglass_stats::{Correction, adjusted_p};
///
/// let adjusted = adjusted_p(&[0.01, 0.04, 0.03], Correction::Holm)?;
/// assert!(adjusted.iter().zip([0.03, 0.06, 0.06]).all(|(a, b)| (a - b).abs() < 1e-12));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn adjusted_p(p: &[f64], correction: Correction) -> Result<Vec<f64>, StatsError> {
    numbers("p", p)?;
    if let Some(index) = p.iter().position(|p| !(0.0..=1.0).contains(p)) {
        return Err(StatsError::NotAProbability { what: "p", index, value: p[index] });
    }
    let m = p.len() as f64;
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let sorted: Vec<f64> = order.iter().map(|&i| p[i]).collect();
    // How many p-values are still in play when this one is looked at, for steps down.
    let left = |rank: usize| m - rank as f64;
    let ranked = || sorted.iter().enumerate();
    let stepped: Vec<f64> = match correction {
        Correction::Bonferroni => sorted.iter().map(|p| p * m).collect(),
        Correction::Holm => running_max(ranked().map(|(rank, p)| p * left(rank))),
        Correction::HolmSidak => running_max(ranked().map(|(rank, p)| -f64::exp_m1(left(rank) * f64::ln_1p(-p)))),
        Correction::Hommel => hommel(&sorted),
        Correction::Bh => running_min_from_end(ranked().map(|(rank, p)| p * m / (rank + 1) as f64)),
        Correction::By => {
            let harmonic: f64 = (1..=p.len()).map(|i| 1.0 / i as f64).sum();
            running_min_from_end(ranked().map(|(rank, p)| p * m * harmonic / (rank + 1) as f64))
        }
    };
    let mut adjusted = vec![0.0; p.len()];
    for (&i, value) in order.iter().zip(stepped) {
        adjusted[i] = value.min(1.0);
    }
    Ok(adjusted)
}

fn running_max(values: impl Iterator<Item = f64>) -> Vec<f64> {
    values
        .scan(0.0_f64, |max, value| {
            *max = max.max(value);
            Some(*max)
        })
        .collect()
}

fn running_min_from_end(values: impl DoubleEndedIterator<Item = f64> + ExactSizeIterator) -> Vec<f64> {
    let mut from_end: Vec<f64> = values
        .rev()
        .scan(f64::INFINITY, |min, value| {
            *min = min.min(value);
            Some(*min)
        })
        .collect();
    from_end.reverse();
    from_end
}

/// Hommel's procedure by the algorithm of Wright (1992), for ascending p-values.
fn hommel(sorted: &[f64]) -> Vec<f64> {
    let n = sorted.len();
    let mut adjusted = sorted.to_vec();
    for m in (2..=n).rev() {
        // The least of m p_(n-m+i) / i over the largest m p-values.
        let least = (1..=m).map(|i| m as f64 * sorted[n - m + i - 1] / i as f64).fold(f64::INFINITY, f64::min);
        for (value, &p) in adjusted.iter_mut().zip(sorted) {
            *value = value.max(least.min(m as f64 * p));
        }
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_by_hand() {
        let check = |correction, expected: [f64; 4]| {
            let adjusted = adjusted_p(&[0.04, 0.01, 0.5, 0.03], correction).unwrap();
            assert!(adjusted.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{correction:?}: {adjusted:?}");
        };
        check(Correction::Bonferroni, [0.16, 0.04, 1.0, 0.12]);
        check(Correction::Holm, [0.09, 0.04, 0.5, 0.09]);
        check(Correction::Bh, [0.16 / 3.0, 0.04, 0.5, 0.16 / 3.0]);
        let harmonic = 1.0 + 0.5 + 1.0 / 3.0 + 0.25;
        check(Correction::By, [0.16 / 3.0 * harmonic, 0.04 * harmonic, 1.0, 0.16 / 3.0 * harmonic]);
    }

    #[test]
    fn what_is_no_p_is_refused() {
        assert_eq!(adjusted_p(&[], Correction::Bh), Err(StatsError::Empty { what: "p" }));
        assert_eq!(
            adjusted_p(&[0.5, 1.5], Correction::Bh),
            Err(StatsError::NotAProbability { what: "p", index: 1, value: 1.5 })
        );
        assert_eq!(adjust(&mut [], Correction::Holm), Err(StatsError::Empty { what: "p" }));
    }
}
