//! In how many directions rows vary.

use std::cell::{Cell, RefCell};

use crate::decompose::singular_values;
use crate::error::{numbers, same_length};
use crate::spectrum::Sampler;
use crate::{Bootstrap, Estimate, Matrix, StatsError};

/// What is meant by the number of directions in which rows vary: each reads the spectrum in its own way.
///
/// With singular values `s` of the centred rows, shares of variance `q = s² / Σ s²` and shares of singular values
/// `r = s / Σ s`.
/// None of them is the number of things a model represents: noise spreads over every direction, scale and outliers
/// decide, and all grow with the number of rows ([`rank_curve`](crate::rank_curve)).
/// Whether a direction is more than noise is asked by [`parallel_analysis`](crate::parallel_analysis).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum EffectiveRank {
    /// The least number of components that hold this share of the variance; 0.9 gives the "90 % rank".
    Share(f64),
    /// `(Σ s²)² / Σ s⁴ = 1 / Σ q²`: the number of directions if all had equal variance.
    Participation,
    /// `exp(-Σ q ln q)`, as the participation ratio but less ruled by the greatest.
    EntropyOfVariances,
    /// `exp(-Σ r ln r)` (Roy and Vetterli 2007), which counts weak directions for more.
    EntropyOfSingularValues,
    /// `Σ s² / s₁²` (Rudelson and Vershynin 2007): the total in units of the greatest.
    Stable,
    /// How many singular values exceed this share of the greatest: for 1e-10, the rank but for rounding.
    Numerical(f64),
    /// `-Σ q ln q` in nats: the logarithm of [`EntropyOfVariances`](Self::EntropyOfVariances), no rank itself.
    SpectralEntropy,
}

impl EffectiveRank {
    /// Every reading, with 0.9 for the share and 1e-10 for the numerical rank.
    pub const ALL: [Self; 7] = [
        Self::Share(0.9),
        Self::Participation,
        Self::EntropyOfVariances,
        Self::EntropyOfSingularValues,
        Self::Stable,
        Self::Numerical(1e-10),
        Self::SpectralEntropy,
    ];

    /// The rank that singular values have, in any order.
    ///
    /// # Errors
    ///
    /// [`StatsError::Empty`], [`StatsError::NotANumber`], [`StatsError::OutOfRange`] if one is negative or infinite or
    /// the setting is outside of 0 to 1, [`StatsError::NoSpread`] if all are zero.
    ///
    /// ```
    /// use isinglass_stats::EffectiveRank;
    ///
    /// // Two directions of equal variance, and none beside.
    /// assert_eq!(EffectiveRank::Participation.of(&[3.0, 3.0, 0.0])?, 2.0);
    /// assert_eq!(EffectiveRank::Share(0.9).of(&[3.0, 1.0])?, 1.0); // 9 of 10 parts
    /// # Ok::<(), isinglass_stats::StatsError>(())
    /// ```
    pub fn of(self, singular_values: &[f64]) -> Result<f64, StatsError> {
        checked(singular_values)?;
        let greatest = singular_values.iter().fold(0.0, |max: f64, &s| max.max(s));
        // In units of the greatest, so that no square overflows.
        let s = || singular_values.iter().map(move |s| s / greatest);
        let total: f64 = s().map(|s| s * s).sum();
        Ok(match self {
            Self::Share(share) => components_for(singular_values, share)? as f64,
            Self::Participation => total * total / s().map(|s| s.powi(4)).sum::<f64>(),
            Self::EntropyOfVariances => entropy(s().map(|s| s * s / total)).exp(),
            Self::EntropyOfSingularValues => {
                let sum: f64 = s().sum();
                entropy(s().map(|s| s / sum)).exp()
            }
            Self::Stable => total,
            Self::Numerical(tolerance) => {
                if !(0.0..1.0).contains(&tolerance) {
                    let range = "at least 0 and below 1";
                    return Err(StatsError::OutOfRange { what: "tolerance", value: tolerance, range });
                }
                s().filter(|&s| s > tolerance).count() as f64
            }
            Self::SpectralEntropy => entropy(s().map(|s| s * s / total)),
        })
    }

    /// The name a report gives it.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Share(share) => format!("components for {} % of the variance", share * 100.0),
            Self::Participation => "participation ratio".to_owned(),
            Self::EntropyOfVariances => "entropy rank of variances".to_owned(),
            Self::EntropyOfSingularValues => "entropy rank of singular values".to_owned(),
            Self::Stable => "stable rank".to_owned(),
            Self::Numerical(tolerance) => format!("numerical rank above {tolerance:e}"),
            Self::SpectralEntropy => "spectral entropy in nats".to_owned(),
        }
    }
}

/// The effective ranks of rows that come in groups, one estimate for each of `measures`, with 95 % intervals from
/// resampling whole groups.
///
/// A resample holds some rows several times and about a third not at all, so its rank is lower than that of as many
/// new rows: **the intervals lie too low**, the more so the nearer the rank comes to the number of rows, and may not
/// even hold the estimate.
/// Read their width, and compare samples by [`rank_curve`](crate::rank_curve), which draws no row twice.
/// The numerical rank has no interval, since duplicates alone would make it.
/// For independent rows give each a group of its own.
///
/// # Errors
///
/// [`StatsError::TooFew`] below 2 rows, [`StatsError::NoSpread`] if all are equal, [`StatsError::LengthMismatch`],
/// [`StatsError::TooFewGroups`], [`StatsError::TooFewResamples`], and those of [`EffectiveRank::of`].
///
/// ```
/// use isinglass_stats::{Bootstrap, EffectiveRank, Matrix, effective_rank};
///
/// let rows = [2.0, 0.1, -2.0, 0.2, 1.0, -0.1, -1.0, 0.3, 3.0, 0.0, -3.0, -0.2];
/// let groups = [0, 1, 2, 3, 4, 5];
/// let ranks = effective_rank(Matrix::new(&rows, 2)?, &groups, &EffectiveRank::ALL, Bootstrap::resamples(200))?;
/// assert_eq!(ranks[0].value(), 1.0); // one direction holds 90 %
/// assert!(ranks[1].value() > 1.0 && ranks[1].interval().is_some());
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn effective_rank(
    rows: Matrix<'_>,
    groups: &[u64],
    measures: &[EffectiveRank],
    bootstrap: Bootstrap,
) -> Result<Vec<Estimate>, StatsError> {
    same_length(("groups", groups.len()), ("rows", rows.n_rows()))?;
    let centred = rows.centred("an effective rank")?;
    let whole = singular_values(centred.as_ref())?;
    let values: Vec<f64> = measures.iter().map(|measure| measure.of(&whole)).collect::<Result<_, _>>()?;

    // The spectrum of each resample is found once: every measure sees the same resamples in the same order, the first of
    // which is all rows.
    let sampler = Sampler::new(centred);
    let (spectra, failed) = (RefCell::new(vec![whole]), Cell::new(None));
    let spectrum_of = |times: &[u64], draw: usize| {
        let mut spectra = spectra.borrow_mut();
        if spectra.len() == draw {
            spectra.push(sampler.singular_values(times).unwrap_or_else(|error| {
                failed.set(Some(error));
                vec![1.0]
            }));
        }
        spectra[draw].clone()
    };
    let mut estimates = Vec::with_capacity(measures.len());
    for (measure, value) in measures.iter().zip(values) {
        let draw = Cell::new(0);
        let interval = match measure {
            EffectiveRank::Numerical(_) => None,
            measure => bootstrap.over_groups(groups, |times| {
                let spectrum = spectrum_of(times, draw.replace(draw.get() + 1));
                // Equal rows have no rank: drawn again.
                measure.of(&spectrum).ok()
            })?,
        };
        if let Some(error) = failed.take() {
            return Err(error);
        }
        estimates.push(Estimate::new(value, interval, rows.n_rows(), &measure.name()));
    }
    Ok(estimates)
}

/// The least number of components that hold a `share` of the variance, for singular values in any order.
pub(crate) fn components_for(singular_values: &[f64], share: f64) -> Result<usize, StatsError> {
    if !(share > 0.0 && share <= 1.0) {
        return Err(StatsError::OutOfRange { what: "share", value: share, range: "above 0 and at most 1" });
    }
    let mut sorted = singular_values.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let greatest = sorted.first().copied().unwrap_or(1.0);
    let total: f64 = sorted.iter().map(|s| (s / greatest).powi(2)).sum();
    let mut held = 0.0;
    let below = sorted.iter().take_while(|&&s| {
        held += (s / greatest).powi(2);
        // But for rounding: nine of ten equal variances hold 0.9.
        held < (share - 1e-12) * total
    });
    Ok((below.count() + 1).min(sorted.len()))
}

fn checked(singular_values: &[f64]) -> Result<(), StatsError> {
    numbers("singular values", singular_values)?;
    if let Some(&value) = singular_values.iter().find(|s| !(0.0..f64::INFINITY).contains(*s)) {
        return Err(StatsError::OutOfRange { what: "singular value", value, range: "finite and at least 0" });
    }
    if singular_values.iter().all(|&s| s <= 0.0) {
        return Err(StatsError::NoSpread { what: "rows", statistic: "an effective rank" });
    }
    Ok(())
}

fn entropy(shares: impl Iterator<Item = f64>) -> f64 {
    // `+ 0.0` since the sum for a single share is -0.
    -shares.filter(|&q| q > 0.0).map(|q| q * q.ln()).sum::<f64>() + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_by_hand() {
        let check = |measure: EffectiveRank, s: &[f64], expected: f64| {
            let got = measure.of(s).unwrap();
            assert!((got - expected).abs() < 1e-12, "{measure:?} of {s:?}: {got}");
        };
        // Variances 4, 1, 1, 0: shares 2/3, 1/6, 1/6.
        let s = [1.0, 2.0, 0.0, 1.0];
        check(EffectiveRank::Share(0.6), &s, 1.0);
        check(EffectiveRank::Share(0.8), &s, 2.0);
        check(EffectiveRank::Share(1.0), &s, 3.0);
        check(EffectiveRank::Participation, &s, 36.0 / 18.0);
        let nats = 2.0 / 3.0 * 1.5_f64.ln() + 6.0_f64.ln() / 3.0;
        check(EffectiveRank::SpectralEntropy, &s, nats);
        check(EffectiveRank::EntropyOfVariances, &s, nats.exp());
        // Shares of singular values: 1/2, 1/4, 1/4.
        check(EffectiveRank::EntropyOfSingularValues, &s, (1.5 * 2.0_f64.ln()).exp());
        check(EffectiveRank::Stable, &s, 1.5);
        check(EffectiveRank::Numerical(0.1), &s, 3.0);
        check(EffectiveRank::Numerical(0.5), &s, 1.0);
        // Ten equal directions, of any scale: 0.9 is nine of them, however 0.1 rounds.
        for measure in EffectiveRank::ALL {
            let expected = match measure {
                EffectiveRank::Share(_) => 9.0,
                EffectiveRank::SpectralEntropy => 10.0_f64.ln(),
                _ => 10.0,
            };
            check(measure, &[1e-180; 10], expected);
            check(measure, &[1e180; 10], expected);
        }
        check(EffectiveRank::SpectralEntropy, &[2.0, 0.0], 0.0);
    }

    #[test]
    fn what_is_no_spectrum_is_refused() {
        let check = |measure: EffectiveRank, s: &[f64]| measure.of(s).unwrap_err();
        let stable = EffectiveRank::Stable;
        assert_eq!(check(stable, &[]), StatsError::Empty { what: "singular values" });
        assert!(matches!(check(stable, &[1.0, f64::NAN]), StatsError::NotANumber { index: 1, .. }));
        assert!(matches!(check(stable, &[1.0, -1.0]), StatsError::OutOfRange { .. }));
        assert!(matches!(check(stable, &[0.0, 0.0]), StatsError::NoSpread { .. }));
        assert!(matches!(check(EffectiveRank::Share(1.1), &[1.0]), StatsError::OutOfRange { .. }));
        assert!(matches!(check(EffectiveRank::Numerical(1.0), &[1.0]), StatsError::OutOfRange { .. }));
    }

    #[test]
    fn each_measure_has_the_interval_it_would_have_alone() {
        let values: Vec<f64> = (0..40).map(|i| f64::from(i * i % 23)).collect();
        let rows = Matrix::new(&values, 4).unwrap();
        let groups = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4];
        let bootstrap = Bootstrap::resamples(100).seed(2);
        let all = effective_rank(rows, &groups, &EffectiveRank::ALL, bootstrap).unwrap();
        for (measure, together) in EffectiveRank::ALL.iter().zip(&all) {
            let alone = effective_rank(rows, &groups, &[*measure], bootstrap).unwrap();
            assert_eq!(alone, std::slice::from_ref(together));
            assert_eq!(together.interval().is_none(), matches!(measure, EffectiveRank::Numerical(_)), "{measure:?}");
        }
        assert_eq!(all[0].method(), "components for 90 % of the variance");
        let short = effective_rank(rows, &groups[1..], &EffectiveRank::ALL, bootstrap).unwrap_err();
        assert!(matches!(short, StatsError::LengthMismatch { .. }));
    }
}
