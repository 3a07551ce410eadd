//! In how many directions rows vary.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use faer::Mat;
use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;

use crate::decompose::{eigenvalues, product, singular_values, singular_values_of_gram};
use crate::error::{numbers, same_length};
use crate::summary::{mean_of, quantile_of_sorted};
use crate::{Bootstrap, Estimate, Matrix, StatsError};

/// What is meant by the number of directions in which rows vary: each reads the spectrum in its own way.
///
/// With singular values `s` of the centred rows, shares of variance `q = s² / Σ s²` and shares of singular values
/// `r = s / Σ s`.
/// None of them is the number of things a model represents: noise spreads over every direction, scale and outliers
/// decide, and all grow with the number of rows ([`rank_curve`]).
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
    fn name(self) -> String {
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
/// Read their width, and compare samples by [`rank_curve`], which draws no row twice.
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

    // The spectrum of each resample is found once: every measure sees the same resamples in the same order.
    let sampler = Sampler::new(centred);
    let (spectra, failed) = (RefCell::new(Vec::new()), Cell::new(None));
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

/// One size of a [`rank_curve`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RankAtSize {
    /// How many groups were drawn.
    pub n_groups: usize,
    /// The mean rank over the draws; its count is that of all rows there were.
    pub rank: Estimate,
    /// The lowest and highest rank of the central 95 % of the draws: draws share rows, so this is no confidence
    /// interval.
    pub spread: [f64; 2],
}

/// An effective rank as it grows with the number of groups: the mean over `draws` random subsets of each size.
///
/// Ranks of samples of different sizes cannot be compared, since every rank grows with the rows until it saturates.
/// So compare two data sets at one size, and read off the slope whether either has saturated: if the curve still rises
/// at its end, the rank is a fact about the number of rows.
/// Whole groups are drawn without replacement, so no row occurs twice.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::Empty`] without sizes or draws, [`StatsError::OutOfRange`] for a size
/// below 2 or above the number of groups, [`StatsError::NoSpread`] if a subset's rows are all equal, and those of
/// [`EffectiveRank::of`].
///
/// ```
/// use isinglass_stats::{EffectiveRank, Matrix, rank_curve};
///
/// let rows: Vec<f64> = (0..60).map(|i| f64::from(i * i % 17)).collect();
/// let groups: Vec<u64> = (0..20).collect();
/// let curve = rank_curve(Matrix::new(&rows, 3)?, &groups, EffectiveRank::Participation, &[5, 20], 50, 1)?;
/// assert!(curve[0].rank.value() < curve[1].rank.value());
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn rank_curve(
    rows: Matrix<'_>,
    groups: &[u64],
    measure: EffectiveRank,
    sizes: &[usize],
    draws: usize,
    seed: u64,
) -> Result<Vec<RankAtSize>, StatsError> {
    same_length(("groups", groups.len()), ("rows", rows.n_rows()))?;
    if sizes.is_empty() || draws == 0 {
        return Err(StatsError::Empty { what: if draws == 0 { "draws" } else { "sizes" } });
    }
    let mut rows_of: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (row, &group) in groups.iter().enumerate() {
        rows_of.entry(group).or_default().push(row);
    }
    let rows_of: Vec<Vec<usize>> = rows_of.into_values().collect();
    let sampler = Sampler::new(rows.centred("an effective rank")?);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut curve = Vec::with_capacity(sizes.len());
    for &size in sizes {
        if !(2..=rows_of.len()).contains(&size) {
            let range = "at least 2 and at most the number of groups";
            return Err(StatsError::OutOfRange { what: "size", value: size as f64, range });
        }
        let mut ranks = Vec::with_capacity(draws);
        for _ in 0..draws {
            let mut times = vec![0; groups.len()];
            for group in sample(&mut rng, rows_of.len(), size) {
                rows_of[group].iter().for_each(|&row| times[row] = 1);
            }
            ranks.push(measure.of(&sampler.singular_values(&times)?)?);
        }
        ranks.sort_by(f64::total_cmp);
        let method = format!("{}, mean over {draws} draws of {size} groups, seed {seed}", measure.name());
        curve.push(RankAtSize {
            n_groups: size,
            rank: Estimate::new(mean_of(&ranks), None, rows.n_rows(), &method),
            spread: [quantile_of_sorted(&ranks, 0.025), quantile_of_sorted(&ranks, 0.975)],
        });
    }
    Ok(curve)
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

/// Spectra of rows drawn from a matrix, in the smaller of its dimensions.
struct Sampler {
    rows: Mat<f64>,
    /// Products of rows with rows, if they are fewer than the columns.
    gram: Option<Mat<f64>>,
}

impl Sampler {
    fn new(rows: Mat<f64>) -> Self {
        let gram = (rows.nrows() < rows.ncols()).then(|| product(rows.as_ref(), rows.transpose()));
        Self { rows, gram }
    }

    /// The singular values where row `i` occurs `times[i]` times, centred anew; good to 1e-8 of the greatest.
    fn singular_values(&self, times: &[u64]) -> Result<Vec<f64>, StatsError> {
        let drawn: Vec<usize> = (0..times.len()).filter(|&row| times[row] > 0).collect();
        let weight: Vec<f64> = drawn.iter().map(|&row| times[row] as f64).collect();
        let n: f64 = weight.iter().sum();
        let Some(gram) = &self.gram else {
            let mean = |j: usize| drawn.iter().zip(&weight).map(|(&i, w)| w * self.rows[(i, j)]).sum::<f64>() / n;
            let means: Vec<f64> = (0..self.rows.ncols()).map(mean).collect();
            let scaled =
                Mat::from_fn(drawn.len(), means.len(), |i, j| weight[i].sqrt() * (self.rows[(drawn[i], j)] - means[j]));
            return singular_values_of_gram(scaled.as_ref());
        };
        // (x_i - m)·(x_j - m) from products of the x alone.
        let with_mean: Vec<f64> =
            drawn.iter().map(|&i| drawn.iter().zip(&weight).map(|(&j, w)| w * gram[(j, i)]).sum::<f64>() / n).collect();
        let of_mean = with_mean.iter().zip(&weight).map(|(x, w)| w * x).sum::<f64>() / n;
        let centred = Mat::from_fn(drawn.len(), drawn.len(), |i, j| {
            let about_mean = gram[(drawn[i], drawn[j])] - with_mean[i] - with_mean[j] + of_mean;
            (weight[i] * weight[j]).sqrt() * about_mean
        });
        Ok(eigenvalues(centred.as_ref())?.into_iter().map(f64::sqrt).collect())
    }
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
    fn a_draw_is_the_rows_written_out() {
        let values: Vec<f64> = (0..28).map(|i| f64::from(i * i % 13) - 3.0).collect();
        let times = [2, 0, 1, 3, 0, 1, 1];
        // Both ways round: more rows than columns, and fewer.
        for (width, times) in [(4, &times[..]), (7, &times[..4])] {
            let rows = Matrix::new(&values, width).unwrap();
            let written: Vec<f64> = rows
                .rows()
                .zip(times)
                .flat_map(|(row, &times)| std::iter::repeat_n(row, times as usize).flatten().copied())
                .collect();
            let expected =
                singular_values(Matrix::new(&written, width).unwrap().centred("").unwrap().as_ref()).unwrap();
            let got = Sampler::new(rows.centred("").unwrap()).singular_values(times).unwrap();
            for (i, expected) in expected.iter().enumerate() {
                let got = got.get(i).copied().unwrap_or(0.0);
                assert!((got - expected).abs() < 1e-6, "{width}, {i}: {got} {expected}");
            }
        }
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

    #[test]
    fn a_curve_ends_at_the_rank_of_all_rows() {
        let values: Vec<f64> = (0..60).map(|i| f64::from(i * i % 23)).collect();
        let rows = Matrix::new(&values, 3).unwrap();
        let groups: Vec<u64> = (0..20).map(|row| row / 2).collect();
        let curve = |sizes: &[usize], draws| rank_curve(rows, &groups, EffectiveRank::Stable, sizes, draws, 1);
        let points = curve(&[4, 10], 30).unwrap();
        let whole = EffectiveRank::Stable.of(&singular_values(rows.centred("").unwrap().as_ref()).unwrap()).unwrap();
        assert!((points[1].rank.value() - whole).abs() < 1e-9);
        assert!(points[1].spread.iter().all(|end| (end - whole).abs() < 1e-9));
        assert!(points[0].spread[0] < points[0].rank.value() && points[0].rank.value() < points[0].spread[1]);
        assert!(matches!(curve(&[11], 3), Err(StatsError::OutOfRange { value: 11.0, .. })));
        assert!(matches!(curve(&[1], 3), Err(StatsError::OutOfRange { .. })));
        assert_eq!(curve(&[], 3), Err(StatsError::Empty { what: "sizes" }));
        assert_eq!(curve(&[3], 0), Err(StatsError::Empty { what: "draws" }));
    }
}
