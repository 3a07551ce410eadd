//! How two columns of values go together.

use crate::bootstrap::LEVEL;
use crate::distribution::{normal_quantile, normal_sf, t_sf};
use crate::effect::{cohens_d_of, standardised_interval};
use crate::error::{enough, same_length};
use crate::estimate::Interval;
use crate::moments::products;
use crate::ranks::Ranks;
use crate::{Estimate, StatsError};

/// Pearson's correlation of paired values: how near they lie to a straight line.
///
/// `r = Σ (x - mean x)(y - mean y) / √(Σ (x - mean x)² Σ (y - mean y)²)`, with the two-sided p-value of
/// `t = r √((n - 2) / (1 - r²))` on `n - 2` degrees of freedom and the interval `tanh(artanh r ± z / √(n - 3))` (Fisher 1921),
/// which there is from 4 pairs on, and not at ±1.
///
/// Interval and p-value take pairs as independent and jointly normal; a single far pair can make `r`.
/// It says nothing of a bent relation, nor of cause.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::TooFew`] below 3 pairs, [`StatsError::NoSpread`],
/// [`StatsError::Empty`], [`StatsError::NotANumber`], [`StatsError::NotFinite`].
///
/// ```
/// let r = isinglass_stats::pearson(&[1.0, 2.0, 3.0, 4.0, 5.0], &[1.0, 3.0, 2.0, 5.0, 4.0])?;
/// assert!((r.value() - 0.8).abs() < 1e-12);
/// assert!(r.interval().is_some_and(|i| i.low() < 0.0 && i.high() > 0.9)); // five pairs say little
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn pearson(x: &[f64], y: &[f64]) -> Result<Estimate, StatsError> {
    check(x, y, "a correlation")?;
    let r = correlation_of(x, y, "a correlation")?;
    let interval = fisher_interval(r, 1.0, x.len(), 3, "Fisher z");
    Ok(Estimate::new(r, interval, x.len(), "Pearson correlation").with_p(p_of(r, x.len()), "t of r, two-sided"))
}

/// Spearman's correlation of paired values: how near one comes to rising with the other.
///
/// [`pearson`] of the [`average_ranks`](crate::average_ranks) (Spearman 1904), with the two-sided p-value of
/// `t = r √((n - 2) / (1 - r²))` on `n - 2` degrees of freedom and the interval
/// `tanh(artanh r ± z √((1 + r² / 2) / (n - 3)))` (Bonett and Wright 2000), which there is from 4 pairs on, and not at ±1.
///
/// The t is an approximation, rough below about 10 pairs or with many ties.
///
/// # Errors
///
/// Those of [`pearson`].
///
/// ```
/// let rho = isinglass_stats::spearman(&[1.0, 2.0, 3.0, 4.0], &[1.0, 10.0, 100.0, 1000.0])?;
/// assert_eq!(rho.value(), 1.0);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn spearman(x: &[f64], y: &[f64]) -> Result<Estimate, StatsError> {
    check(x, y, "a rank correlation")?;
    let rho = correlation_of(&Ranks::of(x).ranks, &Ranks::of(y).ranks, "a rank correlation")?;
    let interval = fisher_interval(rho, 1.0 + rho * rho / 2.0, x.len(), 3, "Fisher z, Bonett-Wright");
    let estimate = Estimate::new(rho, interval, x.len(), "Spearman correlation");
    Ok(estimate.with_p(p_of(rho, x.len()), "t of rank correlation, two-sided"))
}

/// Kendall's tau-b of paired values: how much likelier two pairs are in the same order than in opposite ones.
///
/// `τ = (C - D) / √((n₀ - n₁)(n₀ - n₂))` over the `n₀ = n (n - 1) / 2` comparisons, of which `C` agree, `D` disagree, and
/// `n₁`, `n₂` tie in `x`, in `y` (Kendall 1945), in time `O(n log n)` (Knight 1966).
/// The two-sided p-value holds `C - D` against the normal distribution with the variance that ties leave it.
/// The interval is `tanh(artanh τ ± z √(0.437 / (n - 4)))` (Fieller, Hartley and Pearson 1957), from 5 pairs on, and not at ±1.
///
/// # Errors
///
/// Those of [`pearson`].
///
/// ```
/// let tau = isinglass_stats::kendall(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0])?;
/// assert!((tau.value() - 4.0 / 6.0).abs() < 1e-12); // 5 comparisons agree, 1 does not
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn kendall(x: &[f64], y: &[f64]) -> Result<Estimate, StatsError> {
    check(x, y, "a rank correlation")?;
    let (of_x, of_y) = (Ranks::of(x), Ranks::of(y));
    let n = x.len() as f64;
    let all = n * (n - 1.0) / 2.0;
    let sum = |ties: &[f64], term: fn(f64) -> f64| ties.iter().map(|&t| term(t)).sum::<f64>();
    let pairs = |t: f64| t * (t - 1.0) / 2.0;
    let [tied_x, tied_y] = [&of_x, &of_y].map(|ranks| sum(&ranks.ties, pairs));
    if tied_x >= all || tied_y >= all {
        let what = if tied_x >= all { "x" } else { "y" };
        return Err(StatsError::NoSpread { what, statistic: "a rank correlation" });
    }
    let mut order: Vec<(f64, f64)> = of_x.ranks.iter().copied().zip(of_y.ranks.iter().copied()).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let tied_both: f64 = order.chunk_by(|a, b| a == b).map(|tie| pairs(tie.len() as f64)).sum();
    let mut by_x: Vec<f64> = order.into_iter().map(|row| row.1).collect();
    let disagree = sort_counting(&mut by_x) as f64;
    let difference = all - tied_x - tied_y + tied_both - 2.0 * disagree;
    let tau = (difference / ((all - tied_x) * (all - tied_y)).sqrt()).clamp(-1.0, 1.0);

    let m = n * (n - 1.0);
    let first = |t: f64| t * (t - 1.0) * (2.0 * t + 5.0);
    let second = |t: f64| t * (t - 1.0) * (t - 2.0);
    let variance = (m * (2.0 * n + 5.0) - sum(&of_x.ties, first) - sum(&of_y.ties, first)) / 18.0
        + 2.0 * tied_x * tied_y / m
        + sum(&of_x.ties, second) * sum(&of_y.ties, second) / (9.0 * m * (n - 2.0));
    let p = 2.0 * normal_sf(difference.abs() / variance.sqrt());
    let interval = fisher_interval(tau, 0.437, x.len(), 4, "Fisher z, Fieller");
    Ok(Estimate::new(tau, interval, x.len(), "Kendall tau-b").with_p(p, "Kendall tau, normal, two-sided"))
}

/// The point-biserial correlation of labels with values: [`pearson`] with the labels as 0 and 1.
///
/// Its p-value is that of [`student_test`](crate::student_test).
/// The interval is that of [`cohens_d`](crate::cohens_d) carried over by `r = d / √(d² + n (n - 2) / (n₁ n₀))`, as Fisher's
/// would want both columns normal.
///
/// Its size depends on how even the labels are: with 5 % of rows in one class it stays small however far the classes lie
/// apart.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::TooFew`] below 3 rows, [`StatsError::OneClass`],
/// [`StatsError::NoSpread`], [`StatsError::Empty`], [`StatsError::NotANumber`], [`StatsError::NotFinite`].
///
/// ```
/// let r = isinglass_stats::point_biserial(&[false, false, true, true], &[1.0, 2.0, 3.0, 4.0])?;
/// assert!((r.value() - 2.0 / 5.0_f64.sqrt()).abs() < 1e-12);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn point_biserial(labels: &[bool], values: &[f64]) -> Result<Estimate, StatsError> {
    let statistic = "a point-biserial correlation";
    same_length(("values", values.len()), ("labels", labels.len()))?;
    enough("values", values, 3, statistic)?;
    if labels.iter().all(|&label| label == labels[0]) {
        return Err(StatsError::OneClass { label: labels[0], n: labels.len() });
    }
    let indicator: Vec<f64> = labels.iter().map(|&label| f64::from(u8::from(label))).collect();
    let r = correlation_of(&indicator, values, statistic)?;
    let of = |class| values.iter().zip(labels).filter(move |row| *row.1 == class).map(|row| *row.0);
    let (with, without): (Vec<f64>, Vec<f64>) = (of(true).collect(), of(false).collect());
    let n = values.len() as f64;
    let scale = n * (n - 2.0) / (with.len() * without.len()) as f64;
    // None where the classes have no spread of their own: d is infinite then.
    let interval = cohens_d_of(&with, &without).map(|(d, se)| {
        let of_d = standardised_interval(d, se, "");
        let [low, high] = [of_d.low(), of_d.high()].map(|d| d / (d * d + scale).sqrt());
        Interval::new(low, high, LEVEL, "Hedges-Olkin interval of d".to_owned())
    });
    let estimate = Estimate::new(r, interval, values.len(), "point-biserial correlation");
    Ok(estimate.with_p(p_of(r, values.len()), "t of r, two-sided"))
}

fn check(x: &[f64], y: &[f64], statistic: &'static str) -> Result<(), StatsError> {
    same_length(("y", y.len()), ("x", x.len()))?;
    enough("x", x, 3, statistic)?;
    enough("y", y, 3, statistic)
}

/// The correlation of values already checked.
fn correlation_of(x: &[f64], y: &[f64], statistic: &'static str) -> Result<f64, StatsError> {
    let [spread_x, spread_y] = [x, y].map(|values| products(values, values));
    for (what, spread) in [("x", spread_x), ("y", spread_y)] {
        if spread <= 0.0 {
            return Err(StatsError::NoSpread { what, statistic });
        }
    }
    // One root gives 1 to the last digit where x is y, but the product may leave the range of numbers.
    let product = spread_x * spread_y;
    let root = if product.is_normal() { product.sqrt() } else { spread_x.sqrt() * spread_y.sqrt() };
    Ok((products(x, y) / root).clamp(-1.0, 1.0))
}

fn p_of(r: f64, n: usize) -> f64 {
    let df = (n - 2) as f64;
    // From factors, as 1 - r² of a strong correlation has few digits. At 1 and -1 t is infinite and p is 0.
    2.0 * t_sf(r.abs() * (df / ((1.0 - r) * (1.0 + r))).sqrt(), df)
}

/// The interval `tanh(artanh r ± z √(factor / (n - short)))`.
fn fisher_interval(r: f64, factor: f64, n: usize, short: usize, method: &str) -> Option<Interval> {
    if n <= short || r.abs() >= 1.0 {
        return None;
    }
    let reach = normal_quantile(f64::midpoint(1.0, LEVEL)) * (factor / (n - short) as f64).sqrt();
    Some(Interval::new((r.atanh() - reach).tanh(), (r.atanh() + reach).tanh(), LEVEL, method.to_owned()))
}

/// Sorts ascending, and counts the pairs that were in strictly descending order.
fn sort_counting(values: &mut [f64]) -> u64 {
    if values.len() < 2 {
        return 0;
    }
    let (left, right) = values.split_at_mut(values.len() / 2);
    let mut descents = sort_counting(left) + sort_counting(right);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut i, mut j) = (0, 0);
    while i < left.len() || j < right.len() {
        if j == right.len() || (i < left.len() && left[i] <= right[j]) {
            merged.push(left[i]);
            i += 1;
        } else {
            descents += (left.len() - i) as u64;
            merged.push(right[j]);
            j += 1;
        }
    }
    values.copy_from_slice(&merged);
    descents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_correlates_perfectly_and_without_interval() {
        let (x, y) = ([1.0, 2.0, 3.0, 4.0, 6.0], [8.0, 6.0, 4.0, 2.0, -2.0]);
        for estimate in [pearson(&x, &y).unwrap(), spearman(&x, &y).unwrap(), kendall(&x, &y).unwrap()] {
            assert!((estimate.value() + 1.0).abs() < 1e-12, "{estimate:?}");
        }
        assert_eq!(kendall(&x, &y).unwrap().interval(), None);
    }

    #[test]
    fn descents_are_counted() {
        let mut values = [3.0, 1.0, 2.0, 2.0, 0.0];
        // 3 above four, 1 above 0, both 2 above 0.
        assert_eq!((sort_counting(&mut values), values), (7, [0.0, 1.0, 2.0, 2.0, 3.0]));
    }

    /// C - D = 3 of x and y below, one comparison tied in both: by hand.
    #[test]
    fn tau_with_ties_by_hand() {
        let tau = kendall(&[1.0, 1.0, 2.0, 3.0], &[5.0, 5.0, 5.0, 7.0]).unwrap();
        // Agree: the three with the last row. Ties: one in x, three in y of six.
        assert!((tau.value() - 3.0 / (5.0_f64 * 3.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn the_point_biserial_interval_holds_its_value() {
        let labels = [true, false, true, false, true, false];
        let r = point_biserial(&labels, &[3.0, 1.0, 2.0, 2.5, 4.0, 0.5]).unwrap();
        assert!(r.interval().is_some_and(|i| i.low() < r.value() && r.value() < i.high() && i.high() < 1.0));
        let apart = point_biserial(&labels, &[1.0, 0.0, 1.0, 0.0, 1.0, 0.0]).unwrap();
        assert!((apart.value() - 1.0).abs() < 1e-12 && apart.interval().is_none());
    }

    #[test]
    fn what_does_not_vary_is_refused() {
        let no_spread = |what| Err(StatsError::NoSpread { what, statistic: "a rank correlation" });
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[4.0, 4.0, 4.0]), no_spread("y"));
        assert_eq!(kendall(&[4.0, 4.0, 4.0], &[1.0, 2.0, 3.0]), no_spread("x"));
        assert!(matches!(pearson(&[1.0, 2.0], &[1.0, 2.0]), Err(StatsError::TooFew { got: 2, .. })));
        assert!(matches!(pearson(&[1.0, 2.0, 3.0], &[1.0]), Err(StatsError::LengthMismatch { .. })));
        assert!(matches!(point_biserial(&[true; 3], &[1.0, 2.0, 3.0]), Err(StatsError::OneClass { .. })));
    }
}
