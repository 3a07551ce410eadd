//! Permutation tests of any statistic: of two samples, and of paired differences.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::finite;
use crate::{Estimate, PermutationNull, StatsError};

/// Above this many rearrangements, counting them all is refused.
const MOST_EXACT: f64 = 1e7;

/// Values this close, relative to the greatest of all, differ by rounding alone and count as ties.
const TIE: f64 = 1e-12;

/// Which values of a statistic count as at least as extreme as the one observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Those at least as great.
    Greater,
    /// Those at most as great.
    Less,
    /// Those at least as far from 0: two-sided, for a statistic that is 0 under the null.
    Absolute,
    /// Two-sided for any statistic: twice the smaller of the two one-sided p-values, at most 1.
    Doubled,
}

impl Tail {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Greater => "greater",
            Self::Less => "less",
            Self::Absolute => "two-sided by absolute value",
            Self::Doubled => "two-sided by doubling",
        }
    }
}

/// Which rearrangements a permutation test counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draws {
    /// All of them, the one observed included: p is the share at least as extreme. At most ten million.
    Exact,
    /// So many at random: `p = (1 + #) / (1 + n)`, the one observed counted as one of them (Phipson and Smyth 2010).
    Random {
        /// How many.
        n: usize,
        /// The seed they are drawn from.
        seed: u64,
    },
}

/// The result of a permutation test.
#[derive(Debug, Clone, PartialEq)]
pub struct PermutationTest {
    /// The statistic as observed, with its p-value.
    pub estimate: Estimate,
    /// The statistic over the rearrangements.
    pub null: PermutationNull,
}

/// A permutation test of whether two independent samples come from one distribution, by any statistic of the two.
///
/// Under the null every split of the pooled values into two parts of these sizes is as likely (Fisher 1935; Pitman
/// 1937), so p holds for any distribution and any sample size.
/// `name` says what the statistic is, such as `difference of means`.
///
/// The null is that the distributions are equal, not that the statistic is 0: samples of one mean and different spread
/// may be found to differ.
/// Rows must be exchangeable: for rows in groups, permute labels by [`permuted_classes`](crate::permuted_classes).
///
/// # Errors
///
/// [`StatsError::Empty`], [`StatsError::NotANumber`], [`StatsError::NotFinite`], [`StatsError::OutOfRange`] for too many
/// splits to count, [`StatsError::TooFew`] without draws; [`StatsError::NotANumber`] with what the statistic was given if
/// it has no value for a split.
///
/// ```
/// use isinglass_stats::{Draws, Tail, permutation_test};
///
/// let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
/// let difference = |a: &[f64], b: &[f64]| mean(a) - mean(b);
/// let test = permutation_test(&[5.0, 6.0], &[1.0, 2.0], "difference of means", difference, Tail::Greater, Draws::Exact)?;
/// assert_eq!(test.estimate.p().map(|p| p.value()), Some(1.0 / 6.0)); // one of the 6 splits
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn permutation_test(
    a: &[f64],
    b: &[f64],
    name: &str,
    statistic: impl Fn(&[f64], &[f64]) -> f64,
    tail: Tail,
    draws: Draws,
) -> Result<PermutationTest, StatsError> {
    finite("values of the first sample", a)?;
    finite("values of the second sample", b)?;
    let n_a = a.len();
    let mut pooled = [a, b].concat();
    check_draws(draws, n_splits(n_a, b.len()))?;
    let values = match draws {
        Draws::Exact => {
            let mut values = Vec::new();
            let (mut first, mut second) = (Vec::new(), Vec::new());
            for_each_split(pooled.len(), n_a, |in_first| {
                first.clear();
                second.clear();
                for (&value, &in_first) in pooled.iter().zip(in_first) {
                    if in_first { &mut first } else { &mut second }.push(value);
                }
                values.push(statistic(&first, &second));
            });
            values
        }
        Draws::Random { n, seed } => {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let shuffles = (0..n).map(|_| {
                pooled.shuffle(&mut rng);
                statistic(&pooled[..n_a], &pooled[n_a..])
            });
            shuffles.collect()
        }
    };
    test(statistic(a, b), values, (name, "splits of the pooled values"), tail, draws, n_a + b.len())
}

/// A permutation test of whether paired differences are symmetric around 0, by any statistic of them.
///
/// Under the null each difference could as well have had the other sign (Fisher 1935), so every choice of signs is as
/// likely; differences of 0 stay.
///
/// A mean of 0 is not enough for the null: differences must be symmetric.
///
/// # Errors
///
/// Those of [`permutation_test`].
///
/// ```
/// use isinglass_stats::{Draws, Tail, sign_flip_test};
///
/// let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
/// let test = sign_flip_test(&[0.4, 0.9, 0.2], "mean difference", mean, Tail::Absolute, Draws::Exact)?;
/// assert_eq!(test.estimate.p().map(|p| p.value()), Some(2.0 / 8.0));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn sign_flip_test(
    differences: &[f64],
    name: &str,
    statistic: impl Fn(&[f64]) -> f64,
    tail: Tail,
    draws: Draws,
) -> Result<PermutationTest, StatsError> {
    finite("differences", differences)?;
    let n = differences.len();
    check_draws(draws, 2.0_f64.powi(n as i32))?;
    let mut flipped = differences.to_vec();
    let values = match draws {
        Draws::Exact => {
            let signs = (0..1_u64 << n).map(|signs| {
                for (i, (flipped, value)) in flipped.iter_mut().zip(differences).enumerate() {
                    *flipped = if signs >> i & 1 == 1 { -value } else { *value };
                }
                statistic(&flipped)
            });
            signs.collect()
        }
        Draws::Random { n, seed } => {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let signs = (0..n).map(|_| {
                for (flipped, value) in flipped.iter_mut().zip(differences) {
                    *flipped = if rng.random::<bool>() { -value } else { *value };
                }
                statistic(&flipped)
            });
            signs.collect()
        }
    };
    test(statistic(differences), values, (name, "sign flips"), tail, draws, n)
}

fn test(
    observed: f64,
    values: Vec<f64>,
    (name, what): (&str, &str),
    tail: Tail,
    draws: Draws,
    n: usize,
) -> Result<PermutationTest, StatsError> {
    finite("statistic as observed", &[observed])?;
    finite("statistic of a rearrangement", &values)?;
    let (p, how) = counted(observed, &values, tail, draws);
    let null = PermutationNull::from_values(values, &format!("{what}, {}, {how}", tail.name()))?;
    let estimate = Estimate::new(observed, None, n, name).with_counted_p(p, null.how(), null.n_resamples());
    Ok(PermutationTest { estimate, null })
}

/// Refuses no draws at all, and more rearrangements than can be counted.
pub(crate) fn check_draws(draws: Draws, n_exact: f64) -> Result<(), StatsError> {
    match draws {
        Draws::Exact if n_exact > MOST_EXACT => Err(StatsError::OutOfRange {
            what: "number of rearrangements",
            value: n_exact,
            range: "at most 10 million for an exact test; draw at random",
        }),
        Draws::Random { n: 0, .. } => {
            Err(StatsError::TooFew { what: "draws", got: 0, least: 1, statistic: "a permutation test" })
        }
        _ => Ok(()),
    }
}

/// The p-value of a value among those of the rearrangements, and how it was counted.
pub(crate) fn counted(observed: f64, values: &[f64], tail: Tail, draws: Draws) -> (f64, String) {
    let tie = TIE * values.iter().fold(observed.abs(), |max, v| max.max(v.abs()));
    let share = |is_extreme: &dyn Fn(f64) -> bool| {
        let count = values.iter().filter(|&&value| is_extreme(value)).count();
        match draws {
            Draws::Exact => count as f64 / values.len() as f64,
            Draws::Random { .. } => (1 + count) as f64 / (1 + values.len()) as f64,
        }
    };
    let greater = || share(&|value| value >= observed - tie);
    let less = || share(&|value| value <= observed + tie);
    let p = match tail {
        Tail::Greater => greater(),
        Tail::Less => less(),
        Tail::Absolute => share(&|value| value.abs() >= observed.abs() - tie),
        Tail::Doubled => (2.0 * greater().min(less())).min(1.0),
    };
    let how = match draws {
        Draws::Exact => format!("all {}", values.len()),
        Draws::Random { n, seed } => format!("{n} drawn, seed {seed}"),
    };
    (p, how)
}

/// How many ways there are to choose the first part.
fn n_splits(n_a: usize, n_b: usize) -> f64 {
    (1..=n_a.min(n_b)).fold(1.0, |ways, i| ways * (n_a.max(n_b) + i) as f64 / i as f64).round()
}

/// Calls `see` with every choice of `k` of `n` rows, in lexical order.
fn for_each_split(n: usize, k: usize, mut see: impl FnMut(&[bool])) {
    let mut chosen: Vec<bool> = (0..n).map(|i| i < k).collect();
    loop {
        see(&chosen);
        // The last chosen row that can move one to the right takes all those after it along.
        let Some(at) = (0..n.saturating_sub(1)).rev().find(|&i| chosen[i] && !chosen[i + 1]) else { return };
        let after = chosen[at + 1..].iter().filter(|&&c| c).count();
        chosen[at] = false;
        for (i, chosen) in chosen[at + 1..].iter_mut().enumerate() {
            *chosen = i <= after;
        }
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "counts and small sums are exact")]
mod tests {
    use super::*;

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    fn difference(a: &[f64], b: &[f64]) -> f64 {
        mean(a) - mean(b)
    }

    #[test]
    fn every_split_once() {
        let mut seen = std::collections::BTreeSet::new();
        for_each_split(7, 3, |chosen| {
            assert_eq!(chosen.iter().filter(|&&c| c).count(), 3);
            assert!(seen.insert(chosen.to_vec()));
        });
        assert_eq!((seen.len() as f64, n_splits(3, 4), n_splits(5, 5)), (35.0, 35.0, 252.0));
    }

    #[test]
    fn tails_by_hand() {
        // Splits of {1, 2, 3, 6} into 1 and 3: the single one is 6, 3, 2, 1; differences 4, 0, -4/3, -8/3.
        let p = |single: f64, rest: &[f64], tail| {
            let test = permutation_test(&[single], rest, "d", difference, tail, Draws::Exact).unwrap();
            assert_eq!(test.null.n_resamples(), 4);
            test.estimate.p().unwrap().value()
        };
        assert_eq!([Tail::Greater, Tail::Less].map(|tail| p(6.0, &[1.0, 2.0, 3.0], tail)), [0.25, 1.0]);
        assert_eq!([Tail::Greater, Tail::Less].map(|tail| p(1.0, &[6.0, 2.0, 3.0], tail)), [1.0, 0.25]);
        assert_eq!([Tail::Absolute, Tail::Doubled].map(|tail| p(1.0, &[6.0, 2.0, 3.0], tail)), [0.5, 0.5]);
        assert_eq!([Tail::Absolute, Tail::Doubled].map(|tail| p(3.0, &[6.0, 2.0, 1.0], tail)), [1.0, 1.0]);
        // An observed 0 that is a rounding away from 0 ties with the others of its kind.
        let test = sign_flip_test(&[0.1, 0.2, -0.3], "mean", mean, Tail::Absolute, Draws::Exact).unwrap();
        assert_eq!(test.estimate.p().unwrap().value(), 1.0);
    }

    #[test]
    fn random_draws_come_near_the_exact_p() {
        let (a, b) = ([1.2, 0.4, 2.2, 1.9, 1.1], [0.3, 0.8, -0.2, 1.0, 0.1]);
        let p = |draws| {
            let test = permutation_test(&a, &b, "d", difference, Tail::Absolute, draws).unwrap();
            test.estimate.p().unwrap().clone()
        };
        let (exact, random) = (p(Draws::Exact), p(Draws::Random { n: 9999, seed: 5 }));
        let sd = (exact.value() * (1.0 - exact.value()) / 9999.0).sqrt();
        assert!((exact.value() - random.value()).abs() < 4.0 * sd, "{exact} {random}");
        assert_eq!(random, p(Draws::Random { n: 9999, seed: 5 }));
        assert_eq!(random.null(), "splits of the pooled values, two-sided by absolute value, 9999 drawn, seed 5");
        assert_eq!((exact.n_resamples(), random.n_resamples()), (Some(252), Some(9999)));
    }

    #[test]
    fn what_cannot_be_tested_is_refused() {
        let check = |a: &[f64], b: &[f64], draws| {
            permutation_test(a, b, "d", difference, Tail::Less, draws).map(|_| ()).unwrap_err()
        };
        assert!(matches!(check(&[], &[1.0], Draws::Exact), StatsError::Empty { .. }));
        assert!(matches!(check(&[1.0], &[f64::NAN], Draws::Exact), StatsError::NotANumber { index: 0, .. }));
        assert!(matches!(check(&[1.0], &[f64::INFINITY], Draws::Exact), StatsError::NotFinite { .. }));
        assert!(matches!(check(&[1.0; 20], &[2.0; 20], Draws::Exact), StatsError::OutOfRange { .. }));
        assert!(matches!(check(&[1.0], &[2.0], Draws::Random { n: 0, seed: 1 }), StatsError::TooFew { .. }));
        let without_value = permutation_test(&[1.0], &[2.0], "d", |_, _| f64::NAN, Tail::Less, Draws::Exact);
        assert!(matches!(without_value, Err(StatsError::NotANumber { what: "statistic as observed", .. })));
        assert!(sign_flip_test(&[1.0; 30], "mean", mean, Tail::Less, Draws::Exact).is_err());
    }
}
