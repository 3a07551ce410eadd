//! How far two raters agree on classes.

use serde::Serialize;

use crate::bootstrap::LEVEL;
use crate::distribution::{normal_quantile, normal_sf};
use crate::error::{classes_below, same_length};
use crate::estimate::Interval;
use crate::proportion::wilson;
use crate::{Estimate, StatsError};

/// How much a disagreement counts, by how many classes apart it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum KappaWeights {
    /// Every disagreement alike: Cohen's kappa of classes without an order.
    Unweighted,
    /// In proportion to the distance.
    Linear,
    /// In proportion to its square.
    Quadratic,
}

impl KappaWeights {
    /// How well two of `n` classes agree, from 0 to 1.
    fn agreement(self, a: usize, b: usize, n: usize) -> f64 {
        let distance = a.abs_diff(b) as f64 / n.saturating_sub(1).max(1) as f64;
        match self {
            Self::Unweighted => f64::from(u8::from(a == b)),
            Self::Linear => 1.0 - distance,
            Self::Quadratic => 1.0 - distance * distance,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Unweighted => "Cohen's kappa",
            Self::Linear => "Cohen's kappa, linear weights",
            Self::Quadratic => "Cohen's kappa, quadratic weights",
        }
    }
}

/// The share of rows on which two raters agree, with Wilson's interval.
///
/// Raters who both mostly say the same class agree often by chance: see [`kappa`].
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::Empty`].
///
/// ```
/// let share = isinglass_stats::agreement(&[0, 1, 1, 2], &[0, 1, 2, 2])?;
/// assert_eq!(share.value(), 0.75);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn agreement(a: &[usize], b: &[usize]) -> Result<Estimate, StatsError> {
    same_length(("b", b.len()), ("a", a.len()))?;
    if a.is_empty() {
        return Err(StatsError::Empty { what: "a" });
    }
    let same = a.iter().zip(b).filter(|(a, b)| a == b).count();
    Ok(wilson(same as u64, a.len() as u64, "agreement"))
}

/// Cohen's kappa of two raters: agreement beyond what their own frequencies of classes give by chance.
///
/// `κ = (pₒ - pₑ) / (1 - pₑ)` with `pₒ` the mean agreement of the rows and `pₑ` that of rows paired at random (Cohen 1960; with
/// weights, for classes in order from 0 to `n_classes - 1`, Cohen 1968).
/// Interval and two-sided p-value use the large-sample variances of Fleiss, Cohen and Everitt (1969); p is for independent
/// raters.
///
/// It depends on how frequent the classes are, so values from different data do not compare; with quadratic weights it
/// grows with the number of classes.
/// Rows are taken as independent.
///
/// # Errors
///
/// [`StatsError::LengthMismatch`], [`StatsError::Empty`], [`StatsError::OutOfRange`] for a class that is not below
/// `n_classes`, [`StatsError::NoSpread`] if both raters give one and the same class throughout.
///
/// ```
/// use isinglass_stats::{KappaWeights, kappa};
///
/// let k = kappa(&[0, 0, 1, 1], &[0, 1, 1, 1], 2, KappaWeights::Unweighted)?;
/// assert_eq!(k.value(), 0.5); // (3/4 - 1/2) / (1 - 1/2)
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn kappa(a: &[usize], b: &[usize], n_classes: usize, weights: KappaWeights) -> Result<Estimate, StatsError> {
    same_length(("b", b.len()), ("a", a.len()))?;
    classes_below("a", a, n_classes)?;
    classes_below("b", b, n_classes)?;
    let n = a.len() as f64;
    let mut shares = vec![0.0; n_classes * n_classes];
    for (&a, &b) in a.iter().zip(b) {
        shares[a * n_classes + b] += 1.0 / n;
    }
    let table = Table { shares: &shares, width: n_classes, weights };
    let (observed, by_chance) = (table.observed(), table.by_chance());
    // One and the same class throughout, but for the rounding of sums of shares.
    if a.iter().chain(b).all(|&class| class == a[0]) {
        return Err(StatsError::NoSpread { what: "classes", statistic: "kappa" });
    }
    let value = (observed - by_chance) / (1.0 - by_chance);
    let (se, null_se) = table.standard_errors(n, observed, by_chance);
    let reach = normal_quantile(f64::midpoint(1.0, LEVEL)) * se;
    // All rows alike, as in perfect agreement, leave no variance to tell of.
    let interval = (se > 1e-9).then(|| {
        let [low, high] = [value - reach, value + reach].map(|end| end.clamp(-1.0, 1.0));
        Interval::new(low, high, LEVEL, "Fleiss-Cohen-Everitt".to_owned())
    });
    let estimate = Estimate::new(value, interval, a.len(), weights.name());
    // Where one rater gives a single class kappa is 0 whatever the other does: nothing is tested.
    Ok(if null_se > 1e-9 {
        estimate.with_p(2.0 * normal_sf((value / null_se).abs()), "independent raters, two-sided")
    } else {
        estimate
    })
}

/// Shares of rows by the classes of both raters.
struct Table<'a> {
    shares: &'a [f64],
    width: usize,
    weights: KappaWeights,
}

impl Table<'_> {
    /// Row, column, share and agreement of each cell.
    fn cells(&self) -> impl Iterator<Item = (usize, usize, f64, f64)> {
        self.shares.iter().enumerate().map(|(cell, &share)| {
            let (a, b) = (cell / self.width, cell % self.width);
            (a, b, share, self.weights.agreement(a, b, self.width))
        })
    }

    fn margins(&self) -> (Vec<f64>, Vec<f64>) {
        let (mut rows, mut columns) = (vec![0.0; self.width], vec![0.0; self.width]);
        for (a, b, share, _) in self.cells() {
            rows[a] += share;
            columns[b] += share;
        }
        (rows, columns)
    }

    fn observed(&self) -> f64 {
        self.cells().map(|(_, _, share, agreement)| share * agreement).sum()
    }

    fn by_chance(&self) -> f64 {
        let (rows, columns) = self.margins();
        self.cells().map(|(a, b, _, agreement)| rows[a] * columns[b] * agreement).sum()
    }

    /// The standard error of kappa, and that for independent raters.
    fn standard_errors(&self, n: f64, observed: f64, by_chance: f64) -> (f64, f64) {
        let (rows, columns) = self.margins();
        // The mean agreement of a class with what the other rater says.
        let (mut of_row, mut of_column) = (vec![0.0; self.width], vec![0.0; self.width]);
        for (a, b, _, agreement) in self.cells() {
            of_row[a] += columns[b] * agreement;
            of_column[b] += rows[a] * agreement;
        }
        let missing = 1.0 - by_chance;
        let (mut square, mut null_square) = (0.0, 0.0);
        for (a, b, share, agreement) in self.cells() {
            let expected = of_row[a] + of_column[b];
            square += share * (agreement * missing - expected * (1.0 - observed)).powi(2);
            null_square += rows[a] * columns[b] * (agreement - expected).powi(2);
        }
        let variance = square - (observed * by_chance - 2.0 * by_chance + observed).powi(2);
        let null_variance = null_square - by_chance * by_chance;
        ((variance.max(0.0) / n).sqrt() / (missing * missing), (null_variance.max(0.0) / n).sqrt() / missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [usize; 14] = [0, 1, 2, 3, 1, 2, 0, 3, 2, 1, 0, 2, 3, 1];
    const B: [usize; 14] = [0, 2, 2, 3, 1, 1, 0, 1, 2, 1, 1, 3, 3, 0];

    /// `sklearn.metrics.cohen_kappa_score` 1.9 for the values, `statsmodels.stats.inter_rater.cohens_kappa` 0.15 for
    /// standard errors and p.
    #[test]
    fn weighted_kappas() {
        let check = |weights, value: f64, se: f64, p: f64| {
            let k = kappa(&A, &B, 4, weights).unwrap();
            assert!((k.value() - value).abs() < 1e-12, "{weights:?}: {}", k.value());
            let reach = k.interval().unwrap().high() - k.value();
            assert!((reach / 1.959_963_984_540_054 - se).abs() < 1e-9, "{weights:?}: {reach}");
            assert!((k.p().unwrap().value() - p).abs() < 1e-9 * p, "{weights:?}: {:?}", k.p());
        };
        check(KappaWeights::Unweighted, 0.424_657_534_246_575_4, 0.180_733_000_555_519_94, 0.005_874_935_002_513_094);
        check(KappaWeights::Linear, 0.573_913_043_478_260_9, 0.155_365_720_877_370_24, 0.002_115_989_411_026_976_8);
        check(KappaWeights::Quadratic, 0.709_677_419_354_838_7, 0.140_507_216_289_336_35, 0.007_779_118_040_574_314);
    }

    #[test]
    fn perfect_and_opposite_agreement() {
        let value = |a: &[usize], b: &[usize]| kappa(a, b, 2, KappaWeights::Linear).unwrap();
        let perfect = value(&[0, 1, 1], &[0, 1, 1]);
        assert!((perfect.value() - 1.0).abs() < 1e-12 && perfect.interval().is_none());
        assert!((value(&[0, 1], &[1, 0]).value() + 1.0).abs() < 1e-12);
        let single = value(&[0, 1, 0, 1], &[1, 1, 1, 1]);
        assert!(single.value().abs() < 1e-12 && single.p().is_none());
    }

    #[test]
    fn what_cannot_agree_is_refused() {
        let k = |a: &[usize], b: &[usize]| kappa(a, b, 3, KappaWeights::Unweighted).unwrap_err();
        assert_eq!(k(&[2, 2], &[2, 2]), StatsError::NoSpread { what: "classes", statistic: "kappa" });
        assert!(matches!(k(&[0, 3], &[0, 1]), StatsError::OutOfRange { what: "a", value: 3.0, .. }));
        assert_eq!(k(&[], &[]), StatsError::Empty { what: "a" });
        assert!(matches!(agreement(&[1], &[]), Err(StatsError::LengthMismatch { .. })));
        assert_eq!(agreement(&[], &[]), Err(StatsError::Empty { what: "a" }));
    }
}
