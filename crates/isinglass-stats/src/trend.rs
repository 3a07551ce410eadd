//! Whether values rise from one ordered class to the next.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::error::{numbers, same_length};
use crate::permutation_test::{Draws, Tail, check_draws, counted};
use crate::summary::tie_sizes;
use crate::tails::Null;
use crate::{Estimate, PermutationNull, StatsError};

/// What messages call it.
const NAME: &str = "the test of Jonckheere and Terpstra";

/// The result of [`jonckheere_terpstra`].
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    /// The share of pairs of rows from different classes in which the row of the higher class has the higher value, a
    /// tie counting one half: 0.5 is no trend. Its p-value is that of the test.
    pub concordance: Estimate,
    /// Those pairs, counted: the statistic J.
    pub j: f64,
    /// J less its mean under the null, over its standard deviation.
    pub z: f64,
}

/// Whether values rise with the level of an ordered class: the test of Jonckheere (1954) and Terpstra (1952).
///
/// J is the sum over pairs of levels of the Mann-Whitney count of the higher against the lower, ties one half.
/// Under the null its mean is `(N² - Σ n²) / 4`, and its variance is the one corrected for ties (Hollander, Wolfe and
/// Chicken 2014, equation 6.19); p is from the normal distribution without a continuity correction.
/// With few rows use [`jonckheere_terpstra_permuted`].
///
/// It sees rises and falls that cancel as no trend, and does not say between which levels values differ.
/// Rows are taken as independent.
///
/// # Errors
///
/// [`StatsError::Empty`], [`StatsError::NotANumber`], [`StatsError::LengthMismatch`], [`StatsError::TooFew`] below two
/// levels, [`StatsError::NoSpread`] if all values are equal.
///
/// ```
/// use isinglass_stats::{Tail, jonckheere_terpstra};
///
/// let trend = jonckheere_terpstra(&[1.0, 2.0, 2.5, 4.0, 3.0, 5.0], &[0, 0, 1, 1, 2, 2], Tail::Greater)?;
/// assert_eq!((trend.j, trend.concordance.value()), (11.0, 11.0 / 12.0));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn jonckheere_terpstra(values: &[f64], levels: &[usize], tail: Tail) -> Result<Trend, StatsError> {
    let (j, pairs, z) = statistic(values, levels)?;
    let greater = 0.5 * Null::Normal.two_sided(z);
    let (above, below) = if z >= 0.0 { (greater, 1.0 - greater) } else { (1.0 - greater, greater) };
    let p = match tail {
        Tail::Greater => above,
        Tail::Less => below,
        Tail::Absolute | Tail::Doubled => Null::Normal.two_sided(z),
    };
    let null = format!("no trend, Jonckheere and Terpstra, {}, normal", tail.name());
    Ok(Trend { concordance: concordance(j / pairs, values.len()).with_p(p, &null), j, z })
}

/// [`jonckheere_terpstra`] with p from shuffling the levels among the rows: `(1 + #) / (1 + n)` for `n` shuffles.
///
/// # Errors
///
/// Those of [`jonckheere_terpstra`], and [`StatsError::TooFew`] without shuffles.
pub fn jonckheere_terpstra_permuted(
    values: &[f64],
    levels: &[usize],
    tail: Tail,
    (n, seed): (usize, u64),
) -> Result<Trend, StatsError> {
    let (j, pairs, z) = statistic(values, levels)?;
    let draws = Draws::Random { n, seed };
    check_draws(draws, 0.0)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut shuffled = levels.to_vec();
    let drawn = (0..n).map(|_| {
        shuffled.shuffle(&mut rng);
        concordant(values, &shuffled) / pairs
    });
    let drawn: Vec<f64> = drawn.collect();
    let (p, how) = counted(j / pairs, &drawn, tail, draws);
    let null = PermutationNull::from_values(drawn, &format!("no trend, levels shuffled, {}, {how}", tail.name()))?;
    let concordance = concordance(j / pairs, values.len()).with_counted_p(p, null.how(), null.n_resamples());
    Ok(Trend { concordance, j, z })
}

fn concordance(value: f64, n: usize) -> Estimate {
    Estimate::new(value, None, n, "concordance of values and levels")
}

/// J, how many pairs it counts, and z.
fn statistic(values: &[f64], levels: &[usize]) -> Result<(f64, f64, f64), StatsError> {
    numbers("values", values)?;
    same_length(("levels", levels.len()), ("values", values.len()))?;
    let mut sorted_levels = levels.to_vec();
    sorted_levels.sort_unstable();
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let sizes: Vec<f64> = sorted_levels.chunk_by(|a, b| a == b).map(|level| level.len() as f64).collect();
    let ties = tie_sizes(&sorted);
    if sizes.len() < 2 {
        return Err(StatsError::TooFew { what: "levels", got: sizes.len(), least: 2, statistic: NAME });
    }
    if ties.len() < 2 {
        return Err(StatsError::NoSpread { what: "values", statistic: NAME });
    }
    let n = values.len() as f64;
    let sum = |counts: &[f64], term: fn(f64) -> f64| counts.iter().map(|&count| term(count)).sum::<f64>();
    let first = |m: f64| m * (m - 1.0) * (2.0 * m + 5.0);
    let (two, three) = (|m: f64| m * (m - 1.0), |m: f64| m * (m - 1.0) * (m - 2.0));
    let mut variance = (first(n) - sum(&sizes, first) - sum(&ties, first)) / 72.0
        + sum(&sizes, two) * sum(&ties, two) / (8.0 * two(n));
    if n > 2.0 {
        variance += sum(&sizes, three) * sum(&ties, three) / (36.0 * three(n));
    }
    let pairs = (n * n - sum(&sizes, |m| m * m)) / 2.0;
    let j = concordant(values, levels);
    Ok((j, pairs, (j - pairs / 2.0) / variance.sqrt()))
}

/// The pairs in which the row of the higher level has the higher value, a tie of values counting one half.
#[expect(clippy::float_cmp, reason = "a tie is two equal values, however close others come")]
fn concordant(values: &[f64], levels: &[usize]) -> f64 {
    let mut halves = 0_u64;
    for (i, (value, level)) in values.iter().zip(levels).enumerate() {
        for (other, other_level) in values[..i].iter().zip(levels) {
            halves += match level.cmp(other_level) {
                std::cmp::Ordering::Equal => 0,
                _ if value == other => 1,
                order => 2 * u64::from((value > other) == order.is_gt()),
            };
        }
    }
    halves as f64 / 2.0
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "counts and small sums are exact")]
mod tests {
    use super::*;

    #[test]
    fn counted_by_hand() {
        // Levels 0: 1, 3; 1: 2, 3; 2: 4. 0 against 1: 1<2, 1<3, 3=3; against 2: both; 1 against 2: both.
        let trend = jonckheere_terpstra(&[1.0, 3.0, 2.0, 3.0, 4.0], &[0, 0, 1, 1, 2], Tail::Greater).unwrap();
        assert_eq!((trend.j, trend.concordance.value()), (6.5, 6.5 / 8.0));
        // Over all 5! orders the counts have this variance.
        let variance = variance_over_all(&[1.0, 3.0, 2.0, 3.0, 4.0], &mut [0, 0, 1, 1, 2]);
        assert!((trend.z - 2.5 / variance.sqrt()).abs() < 1e-12, "{} {variance}", trend.z);
    }

    /// Variance of J over every order of the levels, by Heap's algorithm.
    fn variance_over_all(values: &[f64], levels: &mut [usize]) -> f64 {
        fn visit(k: usize, levels: &mut [usize], see: &mut dyn FnMut(&[usize])) {
            if k == 1 {
                return see(levels);
            }
            for i in 0..k {
                visit(k - 1, levels, see);
                levels.swap(if k.is_multiple_of(2) { i } else { 0 }, k - 1);
            }
        }
        let mut all = Vec::new();
        visit(levels.len(), levels, &mut |levels| all.push(concordant(values, levels)));
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        all.iter().map(|j| (j - mean).powi(2)).sum::<f64>() / all.len() as f64
    }

    #[test]
    fn two_levels_are_mann_whitney_and_tails_mirror() {
        let values = [0.3, 1.2, 0.7, 2.2, 1.9, 0.1];
        let p = |levels: &[usize], tail| {
            jonckheere_terpstra(&values, levels, tail).unwrap().concordance.p().unwrap().value()
        };
        let labels = [0, 1, 0, 1, 1, 0];
        let area = crate::auroc(&values, &labels.map(|l| l == 1)).unwrap();
        assert_eq!(jonckheere_terpstra(&values, &labels, Tail::Less).unwrap().concordance.value(), area);
        let turned = labels.map(|l| 5 - l);
        assert!((p(&labels, Tail::Greater) - p(&turned, Tail::Less)).abs() < 1e-15);
        assert!((p(&labels, Tail::Absolute) - 2.0 * p(&labels, Tail::Greater)).abs() < 1e-15);
        // One of C(6, 3) = 20 splits is as extreme: about 1/20 of the shuffles.
        let shuffled = jonckheere_terpstra_permuted(&values, &labels, Tail::Greater, (4000, 3)).unwrap();
        let shuffled = shuffled.concordance.p().unwrap().value();
        assert!((shuffled - 0.05).abs() < 4.0 * (0.05 * 0.95 / 4000.0_f64).sqrt(), "{shuffled}");
    }

    #[test]
    fn what_has_no_trend_is_refused() {
        let check = |values: &[f64], levels: &[usize]| jonckheere_terpstra(values, levels, Tail::Less).unwrap_err();
        assert!(matches!(check(&[1.0, 2.0], &[4, 4]), StatsError::TooFew { what: "levels", .. }));
        assert!(matches!(check(&[1.0, 1.0], &[4, 5]), StatsError::NoSpread { what: "values", .. }));
        assert!(matches!(check(&[1.0], &[4, 5]), StatsError::LengthMismatch { .. }));
        assert!(matches!(check(&[1.0, f64::NAN], &[4, 5]), StatsError::NotANumber { .. }));
        assert!(jonckheere_terpstra_permuted(&[1.0, 2.0], &[0, 1], Tail::Less, (0, 1)).is_err());
        assert!(jonckheere_terpstra(&[1.0, 2.0], &[0, 1], Tail::Less).is_ok());
    }
}
