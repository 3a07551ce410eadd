//! The test of Kolmogorov and Smirnov for two samples.

use serde::Serialize;

use crate::error::numbers;
use crate::kolmogorov::kolmogorov_sf;
use crate::{Estimate, StatsError};

/// Where the p-value of [`kolmogorov_smirnov`] comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum KsNull {
    /// All orders of the values counted out, in time `na nb`; needs values that all differ.
    Exact,
    /// The distribution of one sample of `na nb / (na + nb)` values, rounded.
    Asymptotic,
}

/// The test of Kolmogorov and Smirnov (1939): whether two independent samples have the same distribution.
///
/// The estimate is `D`, the greatest distance between the two empirical distribution functions.
/// It sees any difference, of place, spread or shape, and so each one less well than a test made for it.
///
/// With ties the asymptotic p is too great; if the samples do not overlap at all, it is 0: use the exact one.
///
/// # Errors
///
/// [`StatsError::Ties`] for the exact null, [`StatsError::Empty`], [`StatsError::NotANumber`]. Infinities have their place.
///
/// ```
/// use isinglass_stats::{KsNull, kolmogorov_smirnov};
///
/// let test = kolmogorov_smirnov(&[1.0, 2.0, 3.0], &[2.5, 4.0, 5.0, 6.0], KsNull::Exact)?;
/// assert_eq!(test.value(), 0.75); // below 4, all of one and a quarter of the other
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn kolmogorov_smirnov(a: &[f64], b: &[f64], null: KsNull) -> Result<Estimate, StatsError> {
    numbers("a", a)?;
    numbers("b", b)?;
    let mut rows: Vec<(f64, bool)> = a.iter().map(|&v| (v, true)).chain(b.iter().map(|&v| (v, false))).collect();
    rows.sort_by(|x, y| (x.0 + 0.0).total_cmp(&(y.0 + 0.0)));
    let (mut from_a, mut from_b, mut greatest, mut has_ties) = (0, 0, 0, false);
    #[expect(clippy::float_cmp, reason = "a tie is two equal values, however close others come")]
    for tie in rows.chunk_by(|x, y| x.0 == y.0) {
        has_ties |= tie.len() > 1;
        let of_a = tie.iter().filter(|row| row.1).count();
        from_a += of_a;
        from_b += tie.len() - of_a;
        greatest = greatest.max(distance(from_a, from_b, a.len(), b.len()));
    }
    let pairs = (a.len() * b.len()) as f64;
    let d = greatest as f64 / pairs;
    let (p, name) = match null {
        KsNull::Exact if has_ties => {
            return Err(StatsError::Ties { what: "values", statistic: "Kolmogorov-Smirnov test" });
        }
        KsNull::Exact => (reaches(greatest, a.len(), b.len()), "exact"),
        KsNull::Asymptotic => {
            let n = (pairs / rows.len() as f64).round_ties_even();
            (kolmogorov_sf(d, n as u64), "asymptotic")
        }
    };
    let estimate = Estimate::new(d, None, rows.len(), "Kolmogorov-Smirnov D");
    Ok(estimate.with_p(p, &format!("Kolmogorov-Smirnov, {name}, two-sided")))
}

/// The distance of two distribution functions times `na nb`, a whole number.
fn distance(from_a: usize, from_b: usize, na: usize, nb: usize) -> usize {
    (from_a * nb).abs_diff(from_b * na)
}

/// The share of orders in which the distance reaches `greatest` somewhere.
///
/// Of the orders of the first `i` values of `a` and `j` of `b`, the last one is from `a` in a share of `i / (i + j)`.
fn reaches(greatest: usize, na: usize, nb: usize) -> f64 {
    // By values from `b`, for values from `a` so far.
    let mut shares = vec![0.0; nb + 1];
    for i in 0..=na {
        for j in 0..=nb {
            shares[j] = if distance(i, j, na, nb) >= greatest {
                1.0
            } else {
                let with_b = if j > 0 { shares[j - 1] } else { 0.0 };
                (i as f64 * shares[j] + j as f64 * with_b) / (i + j).max(1) as f64
            };
        }
    }
    shares[nb]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_counted_out() {
        // All of `a` below all of `b`, or above: 2 of C(5, 2) orders.
        let separated = kolmogorov_smirnov(&[1.0, 2.0], &[3.0, 4.0, 5.0], KsNull::Exact).unwrap();
        assert!((separated.value() - 1.0).abs() < 1e-12);
        assert!((separated.p().unwrap().value() - 0.2).abs() < 1e-12);
        // D is at least 1/2 in every order of 2 and 2 values.
        let mixed = kolmogorov_smirnov(&[1.0, 3.0], &[2.0, 4.0], KsNull::Exact).unwrap();
        assert_eq!((mixed.value(), mixed.p().unwrap().value()), (0.5, 1.0));
        // Against scipy 1.17.
        let a = [0.0, 1.0, 4.0, 6.0, 7.0, 9.0, 16.0, 20.0, 25.0];
        let b: Vec<f64> = (3..24).map(|i| f64::from(i) + 0.5).collect();
        let p = kolmogorov_smirnov(&a, &b, KsNull::Exact).unwrap().p().unwrap().value();
        assert!((p - 0.255_683_626_718_109_5).abs() < 1e-12, "{p}");
    }

    #[test]
    fn ties_move_both_functions_at_once() {
        let test = |null| kolmogorov_smirnov(&[0.0, 1.0], &[-0.0, 1.0], null);
        let estimate = test(KsNull::Asymptotic).unwrap();
        assert_eq!((estimate.value(), estimate.p().unwrap().value()), (0.0, 1.0));
        assert!(matches!(test(KsNull::Exact), Err(StatsError::Ties { .. })));
        assert!(matches!(kolmogorov_smirnov(&[], &[1.0], KsNull::Exact), Err(StatsError::Empty { .. })));
    }
}
