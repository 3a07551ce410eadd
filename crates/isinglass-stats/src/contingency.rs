//! Tables of counts: whether rows and columns go together.

use serde::Serialize;
use statrs::function::factorial::ln_binomial;

use crate::bootstrap::LEVEL;
use crate::distribution::{chi2_sf, normal_quantile};
use crate::estimate::Interval;
use crate::proportion::at_most_as_likely;
use crate::{Alternative, Estimate, StatsError};

/// What [`chi_squared_test`] found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChiSquaredTest {
    /// Cramér's V, `√(χ² / (n · min(rows - 1, columns - 1)))` without a correction, from 0 to 1, with the p-value of the
    /// test.
    pub cramers_v: Estimate,
    /// The statistic, with Yates' correction if it was asked for.
    pub chi2: f64,
    /// Degrees of freedom.
    pub df: f64,
}

/// Pearson's chi-squared test of a table of counts: whether rows and columns are independent.
///
/// `χ² = Σ (observed - expected)² / expected` with `(rows - 1)(columns - 1)` degrees of freedom (Pearson 1900).
/// `yates` takes up to one half off each difference, in tables of 2 by 2 only (Yates 1934), which makes p larger.
///
/// Each count must be of independent cases, counted once.
/// Where expected counts are below about 5, p is rough: see [`fisher_exact`].
/// V of a small table is too great on average, and has no interval here.
///
/// # Errors
///
/// [`StatsError::Ragged`] if the counts do not fill rows, [`StatsError::TooFew`] below 2 rows or columns,
/// [`StatsError::NoSpread`] if a row or column is empty, [`StatsError::OutOfRange`] for `yates` of a table that is
/// not 2 by 2.
///
/// ```
/// let test = isinglass_stats::chi_squared_test(&[10, 20, 20, 10], 2, false)?;
/// assert!((test.chi2 - 20.0 / 3.0).abs() < 1e-12 && test.df == 1.0); // 4 · 5² / 15
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn chi_squared_test(table: &[u64], width: usize, yates: bool) -> Result<ChiSquaredTest, StatsError> {
    let statistic = "a chi-squared test";
    if width == 0 || !table.len().is_multiple_of(width) {
        return Err(StatsError::Ragged { n_values: table.len(), width });
    }
    let height = table.len() / width;
    for (what, got) in [("rows", height), ("columns", width)] {
        if got < 2 {
            return Err(StatsError::TooFew { what, got, least: 2, statistic });
        }
    }
    if yates && (width, height) != (2, 2) {
        let value = table.len() as f64;
        return Err(StatsError::OutOfRange { what: "cells for Yates' correction", value, range: "2 rows of 2" });
    }
    let rows: Vec<f64> = table.chunks_exact(width).map(|row| row.iter().sum::<u64>() as f64).collect();
    let columns: Vec<f64> =
        (0..width).map(|column| table.iter().skip(column).step_by(width).sum::<u64>() as f64).collect();
    for (what, margin) in [("counts of a row", &rows), ("counts of a column", &columns)] {
        if margin.contains(&0.0) {
            return Err(StatsError::NoSpread { what, statistic });
        }
    }
    let n: f64 = rows.iter().sum();
    let sum = |correction: f64| {
        let cells = table.iter().enumerate().map(|(cell, &count)| {
            let expected = rows[cell / width] * columns[cell % width] / n;
            let difference = (count as f64 - expected).abs();
            (difference - correction.min(difference)).powi(2) / expected
        });
        cells.sum::<f64>()
    };
    let plain = sum(0.0);
    let chi2 = if yates { sum(0.5) } else { plain };
    let df = ((height - 1) * (width - 1)) as f64;
    let v = (plain / (n * (height.min(width) - 1) as f64)).sqrt();
    let null = if yates { "chi-squared, Yates' correction" } else { "chi-squared" };
    let cramers_v = Estimate::new(v, None, n as usize, "Cramér's V").with_p(chi2_sf(chi2, df), null);
    Ok(ChiSquaredTest { cramers_v, chi2, df })
}

/// Fisher's exact test of a table of 2 by 2: whether rows and columns are independent, given all margins.
///
/// The estimate is the odds ratio `ad / (bc)` of `[[a, b], [c, d]]`, above 1 if the first row leans to the first column.
/// It is infinite if `b` or `c` is 0.
/// The p-value sums hypergeometric probabilities (Fisher 1922); two-sided, of all tables that are at most as likely as the
/// observed one.
/// The interval is `exp(ln OR ± z √(1/a + 1/b + 1/c + 1/d))` (Woolf 1955), which is not exact and need not agree with p; none if
/// a count is 0.
///
/// # Errors
///
/// [`StatsError::NoSpread`] if a row or column is empty.
///
/// ```
/// use isinglass_stats::{Alternative, fisher_exact};
///
/// // Who tasted whether milk or tea came first: 3 of 4 right.
/// let test = fisher_exact([[3, 1], [1, 3]], Alternative::Greater)?;
/// assert_eq!(test.value(), 9.0);
/// assert!(test.p().is_some_and(|p| (p.value() - 17.0 / 70.0).abs() < 1e-12));
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn fisher_exact(table: [[u64; 2]; 2], alternative: Alternative) -> Result<Estimate, StatsError> {
    let [[a, b], [c, d]] = table;
    let statistic = "Fisher's exact test";
    for (what, margins) in [("counts of a row", [a + b, c + d]), ("counts of a column", [a + c, b + d])] {
        if margins.contains(&0) {
            return Err(StatsError::NoSpread { what, statistic });
        }
    }
    let (row, column, n) = (a + b, a + c, a + b + c + d);
    // The first cell decides the others.
    let (least, most) = (column.saturating_sub(n - row), row.min(column));
    let total = ln_binomial(n, column);
    let probability = |cell: u64| (ln_binomial(row, cell) + ln_binomial(n - row, column - cell) - total).exp();
    let p: f64 = match alternative {
        Alternative::Greater => (a..=most).map(probability).sum(),
        Alternative::Less => (least..=a).map(probability).sum(),
        Alternative::TwoSided => at_most_as_likely((least..=most).map(probability), probability(a)),
    };
    let [fa, fb, fc, fd] = [a, b, c, d].map(|count| count as f64);
    let interval = ![a, b, c, d].contains(&0);
    let interval = interval.then(|| {
        let se = (1.0 / fa + 1.0 / fb + 1.0 / fc + 1.0 / fd).sqrt();
        let factor = (normal_quantile(f64::midpoint(1.0, LEVEL)) * se).exp();
        let ratio = fa * fd / (fb * fc);
        Interval::new(ratio / factor, ratio * factor, LEVEL, "Woolf".to_owned())
    });
    // A division by 0 is an infinite ratio: no margin is empty, so the other diagonal has counts.
    let estimate = Estimate::new(fa * fd / (fb * fc), interval, n as usize, "odds ratio");
    Ok(estimate.with_p(p, &format!("Fisher's exact, {}", alternative.name())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_independent_counts() {
        let test = chi_squared_test(&[1, 2, 3, 2, 4, 6], 3, false).unwrap();
        assert!(test.chi2.abs() < 1e-12 && test.cramers_v.value() < 1e-6);
        assert_eq!((test.df, test.cramers_v.n()), (2.0, 18));
        assert!((test.cramers_v.p().unwrap().value() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn yates_takes_no_more_than_there_is() {
        // Differences of 0.25 from the expected 0.75, 2.25 ...: all taken.
        let test = chi_squared_test(&[1, 2, 0, 1], 2, true).unwrap();
        assert_eq!((test.chi2, test.cramers_v.p().unwrap().value()), (0.0, 1.0));
        assert!((test.cramers_v.value() - (1.0_f64 / 9.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn fisher_by_hand() {
        let p = |table, alternative| fisher_exact(table, alternative).unwrap().p().unwrap().value();
        // Tables with these margins have 1, 16, 36, 16 and 1 of 70.
        assert!((p([[3, 1], [1, 3]], Alternative::TwoSided) - 34.0 / 70.0).abs() < 1e-12);
        assert!((p([[3, 1], [1, 3]], Alternative::Less) - 69.0 / 70.0).abs() < 1e-12);
        let perfect = fisher_exact([[4, 0], [0, 4]], Alternative::Greater).unwrap();
        assert_eq!((perfect.value(), perfect.interval()), (f64::INFINITY, None));
        assert!(fisher_exact([[0, 4], [4, 0]], Alternative::Less).unwrap().value().abs() < 1e-300);
    }

    #[test]
    fn tables_that_say_nothing_are_refused() {
        let test = |table: &[u64], width, yates| chi_squared_test(table, width, yates).unwrap_err();
        assert_eq!(test(&[1, 2, 3], 2, false), StatsError::Ragged { n_values: 3, width: 2 });
        assert!(matches!(test(&[1, 2], 2, false), StatsError::TooFew { what: "rows", got: 1, .. }));
        assert!(matches!(test(&[1, 0, 2, 0], 2, false), StatsError::NoSpread { what: "counts of a column", .. }));
        assert!(matches!(test(&[1, 1, 1, 1, 1, 1], 3, true), StatsError::OutOfRange { .. }));
        assert!(matches!(test(&[], 2, false), StatsError::TooFew { .. }));
        assert!(matches!(
            fisher_exact([[0, 0], [1, 2]], Alternative::Less),
            Err(StatsError::NoSpread { what: "counts of a row", .. })
        ));
    }
}
