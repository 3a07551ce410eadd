//! How a rank grows with the rows.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;

use crate::decompose::singular_values;
use crate::error::same_length;
use crate::spectrum::Sampler;
use crate::summary::{mean_of, quantile_of_sorted};
use crate::{EffectiveRank, Estimate, Matrix, StatsError};

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
            let spectrum = match measure {
                // Asks for more digits than the sampler has.
                EffectiveRank::Numerical(_) => exact(rows, &times)?,
                _ => sampler.singular_values(&times)?,
            };
            ranks.push(measure.of(&spectrum)?);
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

/// The singular values of the rows drawn, to full precision.
fn exact(rows: Matrix<'_>, times: &[u64]) -> Result<Vec<f64>, StatsError> {
    let drawn: Vec<f64> =
        rows.rows().zip(times).filter(|(_, times)| **times > 0).flat_map(|(row, _)| row).copied().collect();
    singular_values(Matrix::new(&drawn, rows.width())?.centred("an effective rank")?.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let numerical = rank_curve(rows, &groups, EffectiveRank::Numerical(1e-10), &[5, 10], 20, 1).unwrap();
        assert_eq!(numerical.iter().map(|point| point.rank.value() as usize).collect::<Vec<_>>(), [3, 3]);
    }
}
