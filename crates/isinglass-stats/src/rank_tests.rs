//! Tests of two samples by ranks: Mann-Whitney and Wilcoxon.

use serde::Serialize;

use crate::distribution::normal_sf;
use crate::error::{enough, numbers, same_length};
use crate::ranks::Ranks;
use crate::{Alternative, Estimate, StatsError, auroc_delong};

/// Where the p-value of [`mann_whitney`] comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RankNull {
    /// All orders of the values counted out; needs values that all differ.
    Exact,
    /// The normal distribution, its variance short of what ties take away.
    Normal {
        /// Moves the statistic by one half towards its mean, as it counts whole pairs.
        continuity: bool,
    },
}

/// What [`mann_whitney`] found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MannWhitney {
    /// How often a value of `a` is above one of `b`, ties counting one half: the AUROC, with DeLong's interval and the
    /// p-value of the test.
    pub superiority: Estimate,
    /// The number of pairs in which `a` is above, ties counting one half.
    pub u: f64,
}

/// The Mann-Whitney test of two independent samples: whether values of one tend to be above those of the other.
///
/// `U` counts the pairs in which `a` is above `b`, ties one half; under the null its mean is `na nb / 2` and its variance
/// `na nb / 12 · (n + 1 - Σ (t³ - t) / (n (n - 1)))` over ties of `t` values (Mann and Whitney 1947).
/// The exact null counts in how many of the equally likely orders `U` is as great.
///
/// Its null is that both distributions are the same: it is no test of medians.
/// Values are taken as independent; rows of one group are not.
///
/// # Errors
///
/// [`StatsError::Ties`] for the exact null, [`StatsError::NoSpread`] if all values are equal,
/// [`StatsError::Empty`], [`StatsError::NotANumber`]. Infinities have their place.
///
/// ```
/// use isinglass_stats::{Alternative, RankNull, mann_whitney};
///
/// let test = mann_whitney(&[7.0, 9.0, 8.0], &[1.0, 2.0, 6.0], Alternative::TwoSided, RankNull::Exact)?;
/// assert_eq!(test.u, 9.0);
/// assert_eq!(test.superiority.p().map(|p| p.value()), Some(0.1)); // 2 of the 20 orders
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn mann_whitney(a: &[f64], b: &[f64], alternative: Alternative, null: RankNull) -> Result<MannWhitney, StatsError> {
    numbers("a", a)?;
    numbers("b", b)?;
    let pooled = [a, b].concat();
    let ranks = Ranks::of(&pooled);
    if ranks.ties.len() < 2 {
        return Err(StatsError::NoSpread { what: "values", statistic: "a Mann-Whitney test" });
    }
    let (na, nb) = (a.len() as f64, b.len() as f64);
    let u = ranks.ranks[..a.len()].iter().sum::<f64>() - na * (na + 1.0) / 2.0;
    // As great as observed, from the side that is asked for.
    let extreme = match alternative {
        Alternative::TwoSided => u.max(na * nb - u),
        Alternative::Greater => u,
        Alternative::Less => na * nb - u,
    };
    let (tail, name) = match null {
        RankNull::Exact => {
            if ranks.has_ties() {
                return Err(StatsError::Ties { what: "values", statistic: "Mann-Whitney test" });
            }
            (at_least(a.len(), b.len(), extreme as usize), "exact")
        }
        RankNull::Normal { continuity } => {
            let n = na + nb;
            let variance = na * nb / 12.0 * (n + 1.0 - ranks.tie_term() / (n * (n - 1.0)));
            let moved = if continuity { 0.5 } else { 0.0 };
            let z = (extreme - na * nb / 2.0 - moved) / variance.sqrt();
            (normal_sf(z), if continuity { "normal with continuity correction" } else { "normal" })
        }
    };
    let p = if alternative == Alternative::TwoSided { (2.0 * tail).min(1.0) } else { tail };
    let labels: Vec<bool> = (0..pooled.len()).map(|row| row < a.len()).collect();
    let superiority =
        auroc_delong(&pooled, &labels)?.with_p(p, &format!("Mann-Whitney U, {name}, {}", alternative.name()));
    Ok(MannWhitney { superiority, u })
}

/// The share of orders of `na + nb` different values in which `U` is at least `u`.
///
/// The share of orders with a given `U` is the mean of those without the greatest value: it comes from `a` with
/// probability `na / (na + nb)` and is then above all of `b`.
fn at_least(na: usize, nb: usize, u: usize) -> f64 {
    // By number of values from `a`, for the number from `b` so far.
    let mut shares: Vec<Vec<f64>> = vec![vec![1.0]; na + 1];
    for b in 1..=nb {
        for a in 1..=na {
            let from_a = a as f64 / (a + b) as f64;
            let (less_a, less_b) = (&shares[a - 1], &shares[a]);
            let mixed = (0..=a * b).map(|u| {
                let with_a = if u >= b { less_a.get(u - b).copied().unwrap_or(0.0) } else { 0.0 };
                from_a * with_a + (1.0 - from_a) * less_b.get(u).copied().unwrap_or(0.0)
            });
            shares[a] = mixed.collect();
        }
    }
    // From the thin end, where the least terms are.
    shares[na][u..].iter().rev().sum()
}

/// What [`wilcoxon`] found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Wilcoxon {
    /// The rank-biserial correlation `(W+ - W-) / (W+ + W-)`, from -1 to 1 (Kerby 2014), with the p-value of the test.
    pub rank_biserial: Estimate,
    /// The sum of ranks of differences above 0.
    pub w_plus: f64,
    /// The sum of ranks of differences below 0.
    pub w_minus: f64,
}

/// Wilcoxon's signed-rank test of paired values: whether `a - b` lies symmetrically about 0.
///
/// Differences of 0 are left out (Wilcoxon 1945), the others ranked by size.
/// The sum of ranks above 0 is held against the normal distribution with variance
/// `n (n + 1) (2n + 1) / 24 - Σ (t³ - t) / 48` over ties of `t` sizes, without a correction for continuity.
///
/// Below about 10 differences the normal distribution is rough.
/// A small p speaks against symmetry about 0, which differs from a median of 0 if the differences are skewed.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::NoSpread`] if all differences are 0, [`StatsError::Empty`],
/// [`StatsError::NotANumber`], [`StatsError::NotFinite`].
///
/// ```
/// use isinglass_stats::{Alternative, wilcoxon};
///
/// let test = wilcoxon(&[5.0, 7.0, 6.0, 9.0], &[4.0, 5.0, 9.0, 9.0], Alternative::TwoSided)?;
/// assert_eq!((test.w_plus, test.w_minus, test.rank_biserial.value()), (3.0, 3.0, 0.0)); // of 1, 2 and -3
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn wilcoxon(a: &[f64], b: &[f64], alternative: Alternative) -> Result<Wilcoxon, StatsError> {
    same_length(("b", b.len()), ("a", a.len()))?;
    enough("a", a, 1, "a Wilcoxon test")?;
    enough("b", b, 1, "a Wilcoxon test")?;
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).filter(|&difference| difference != 0.0).collect();
    if differences.is_empty() {
        return Err(StatsError::NoSpread { what: "differences", statistic: "a Wilcoxon test" });
    }
    let sizes = Ranks::of(&differences.iter().map(|difference| difference.abs()).collect::<Vec<_>>());
    let w_plus: f64 = differences.iter().zip(&sizes.ranks).filter(|(d, _)| **d > 0.0).map(|(_, rank)| rank).sum();
    let n = differences.len() as f64;
    let total = n * (n + 1.0) / 2.0;
    let w_minus = total - w_plus;
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - sizes.tie_term() / 48.0;
    let p = alternative.p((w_plus - total / 2.0) / variance.sqrt(), normal_sf);
    let rank_biserial = Estimate::new((w_plus - w_minus) / total, None, a.len(), "rank-biserial correlation")
        .with_p(p, &format!("Wilcoxon signed ranks, normal, {}", alternative.name()));
    Ok(Wilcoxon { rank_biserial, w_plus, w_minus })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_counted_out() {
        // Of 2 and 2 values: U is 0, 1, 2, 2, 3, 4 in the six orders.
        let shares: Vec<f64> = (0..=4).map(|u| at_least(2, 2, u) * 6.0).collect();
        assert!(shares.iter().zip([6.0, 5.0, 4.0, 2.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{shares:?}");
        // One order in C(8, 3).
        assert!((at_least(3, 5, 15) * 56.0 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_sides_of_a_rank_test() {
        let p = |alternative, null| {
            mann_whitney(&[1.0, 3.0, 5.0], &[2.0, 7.0], alternative, null).unwrap().superiority.p().unwrap().value()
        };
        // U = 0 + 1 + 1 = 2 of 6; of the ten orders 8 have at least 2 and 4 at most 2.
        assert!((p(Alternative::Greater, RankNull::Exact) - 0.8).abs() < 1e-12);
        assert!((p(Alternative::Less, RankNull::Exact) - 0.4).abs() < 1e-12);
        assert!((p(Alternative::TwoSided, RankNull::Exact) - 0.8).abs() < 1e-12);
        let plain = RankNull::Normal { continuity: false };
        assert!((p(Alternative::Greater, plain) + p(Alternative::Less, plain) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_order_is_refused() {
        let test = |a: &[f64], b: &[f64]| mann_whitney(a, b, Alternative::TwoSided, RankNull::Exact).unwrap_err();
        assert_eq!(test(&[1.0, 2.0], &[2.0, 3.0]), StatsError::Ties { what: "values", statistic: "Mann-Whitney test" });
        assert!(matches!(test(&[1.0], &[1.0, 1.0]), StatsError::NoSpread { .. }));
        assert!(matches!(test(&[], &[1.0]), StatsError::Empty { what: "a" }));
        let signed = |a: &[f64], b: &[f64]| wilcoxon(a, b, Alternative::TwoSided).unwrap_err();
        assert!(matches!(signed(&[1.0, 2.0], &[1.0, 2.0]), StatsError::NoSpread { .. }));
        assert!(matches!(signed(&[f64::INFINITY], &[1.0]), StatsError::NotFinite { .. }));
    }
}
