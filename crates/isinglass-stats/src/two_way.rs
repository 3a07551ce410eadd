//! Analysis of variance with two factors.

use std::collections::{BTreeMap, BTreeSet};

use crate::bootstrap::LEVEL;
use crate::error::{finite, same_length};
use crate::estimate::Interval;
use crate::least_squares::LeastSquares;
use crate::summary::mean_of;
use crate::tails::Null;
use crate::{Estimate, StatsError};

/// What messages call it.
const NAME: &str = "two-way analysis of variance";

/// Which sums of squares: what an effect is compared with.
///
/// All agree if every cell has the same number of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SumsOfSquares {
    /// One after the other: `a` against nothing, `b` after `a`, then the interaction. The order matters.
    I,
    /// Each main effect after the other, the interaction after both (Yates 1934); the strongest test of main effects
    /// where there is no interaction.
    II,
    /// Each effect after all others, with contrasts that sum to zero: main effects of the unweighted cell means.
    III,
}

/// The table of [`anova_two_way`].
#[derive(Debug, Clone, PartialEq)]
pub struct TwoWay {
    /// Whether the unweighted mean of the cells is 0; under [`SumsOfSquares::III`] alone.
    pub intercept: Option<Effect>,
    /// The main effect of the first factor.
    pub a: Effect,
    /// The main effect of the second factor.
    pub b: Effect,
    /// By how much the effect of one factor depends on the level of the other.
    pub interaction: Effect,
    /// The sum of squares within cells.
    pub residual_ss: f64,
    /// Rows less cells.
    pub residual_df: f64,
    /// The cells, by level of `a` and then of `b`.
    pub cells: Vec<Cell>,
}

/// A line of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Its sum of squares.
    pub ss: f64,
    /// Its degrees of freedom.
    pub df: f64,
    /// Its mean square over that within cells.
    pub f: f64,
    /// `SS / (SS + SS within)`, with the p-value of F.
    ///
    /// It is biased upwards, and large in a small study by chance alone.
    pub partial_eta2: Estimate,
}

/// The rows of one level of either factor.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The level of the first factor.
    pub a: usize,
    /// The level of the second.
    pub b: usize,
    /// Their mean, with a t interval from the variance within all cells.
    pub mean: Estimate,
}

/// Two-way analysis of variance with interaction, for factors of any number of levels and cells of any size.
///
/// `y = μ + a + b + ab + error`, with errors of one variance; `F = (SS / df) / (SS within / df within)` (Fisher 1925).
/// Sums of squares are lengths in an orthogonal basis that takes in one effect after another, not differences of large
/// sums.
///
/// F is about any difference between levels, and does not say which; a main effect beside an interaction is an average
/// over effects that differ.
/// Rows are taken as independent: repeated rows of one conversation need [`mixed_model`](crate::mixed_model).
///
/// # Errors
///
/// [`StatsError::Empty`], [`StatsError::NotANumber`], [`StatsError::NotFinite`] for infinite values,
/// [`StatsError::LengthMismatch`], [`StatsError::TooFew`] if a factor has one level or no cell has two rows,
/// [`StatsError::Singular`] if a cell is empty, [`StatsError::NoSpread`] if all rows equal the mean of their cell.
///
/// ```
/// use isinglass_stats::{SumsOfSquares, anova_two_way};
///
/// let y = [1.0, 3.0, 2.0, 4.0, 3.0, 5.0, 8.0, 10.0];
/// let (a, b) = ([0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 0, 0, 1, 1]);
/// let table = anova_two_way(&y, &a, &b, SumsOfSquares::III)?;
/// assert!((table.interaction.f - 4.0).abs() < 1e-12); // cell means 2, 3, 4 and 9; mean square within 2
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn anova_two_way(y: &[f64], a: &[usize], b: &[usize], sums: SumsOfSquares) -> Result<TwoWay, StatsError> {
    finite("y", y)?;
    same_length(("levels of a", a.len()), ("y", y.len()))?;
    same_length(("levels of b", b.len()), ("y", y.len()))?;
    let (in_a, in_b) = (contrasts("levels of a", a)?, contrasts("levels of b", b)?);
    let n_cells = (in_a.len() + 1) * (in_b.len() + 1);
    let mut rows: BTreeMap<(usize, usize), Vec<f64>> = BTreeMap::new();
    for (y, cell) in y.iter().zip(a.iter().copied().zip(b.iter().copied())) {
        rows.entry(cell).or_default().push(*y);
    }
    if rows.len() < n_cells {
        return Err(StatsError::Singular { what: "cells of two factors" });
    }
    if y.len() == n_cells {
        return Err(StatsError::TooFew { what: "rows", got: y.len(), least: n_cells + 1, statistic: NAME });
    }

    let within = |rows: &Vec<f64>| {
        let mean = mean_of(rows);
        rows.iter().map(|y| (y - mean).powi(2)).sum::<f64>()
    };
    let residual = Within { ss: rows.values().map(within).sum(), df: (y.len() - n_cells) as f64, n: y.len() };
    if residual.ss <= 1e-26 * y.iter().map(|y| y * y).sum::<f64>() {
        return Err(StatsError::NoSpread { what: "rows of a cell", statistic: NAME });
    }

    let ones = vec![vec![1.0; y.len()]];
    let in_both: Vec<Vec<f64>> = in_a.iter().flat_map(|a| in_b.iter().map(|b| product(a, b))).collect();
    // The sum of squares of the last block, after those before it.
    let last = |method: &str, blocks: &[&[Vec<f64>]]| -> Result<Effect, StatsError> {
        let least_squares = LeastSquares::new("cells of two factors", &blocks.concat())?;
        let df = blocks.last().map_or(0, |block| block.len());
        let rotated = least_squares.rotated(y);
        let ss = rotated[rotated.len() - df..].iter().map(|v| v * v).sum();
        Ok(residual.effect(method, ss, df as f64))
    };
    let (a_name, b_name) = ("partial η² of the first factor", "partial η² of the second factor");
    let (intercept, of_a, of_b) = match sums {
        SumsOfSquares::I => (None, last(a_name, &[&ones, &in_a])?, last(b_name, &[&ones, &in_a, &in_b])?),
        SumsOfSquares::II => (None, last(a_name, &[&ones, &in_b, &in_a])?, last(b_name, &[&ones, &in_a, &in_b])?),
        SumsOfSquares::III => (
            Some(last("partial η² of the intercept", &[&in_a, &in_b, &in_both, &ones])?),
            last(a_name, &[&ones, &in_b, &in_both, &in_a])?,
            last(b_name, &[&ones, &in_a, &in_both, &in_b])?,
        ),
    };
    let interaction = last("partial η² of the interaction", &[&ones, &in_a, &in_b, &in_both])?;
    let cells = rows.iter().map(|(&(a, b), rows)| Cell { a, b, mean: residual.cell_mean(rows) }).collect();
    Ok(TwoWay { intercept, a: of_a, b: of_b, interaction, residual_ss: residual.ss, residual_df: residual.df, cells })
}

/// The variance within cells, which everything is held against.
struct Within {
    ss: f64,
    df: f64,
    n: usize,
}

impl Within {
    fn effect(&self, method: &str, ss: f64, df: f64) -> Effect {
        let f = ss / df / (self.ss / self.df);
        let null = format!("no effect, F with {df} and {} degrees of freedom", self.df);
        let partial_eta2 = Estimate::new(ss / (ss + self.ss), None, self.n, method)
            .with_p(crate::distribution::f_sf(f, df, self.df), &null);
        Effect { ss, df, f, partial_eta2 }
    }

    fn cell_mean(&self, rows: &[f64]) -> Estimate {
        let mean = mean_of(rows);
        let null = Null::T(self.df);
        let reach = null.reach() * (self.ss / self.df / rows.len() as f64).sqrt();
        let method = format!("variance within all cells ({})", null.name());
        let interval = Interval::new(mean - reach, mean + reach, LEVEL, method);
        Estimate::new(mean, Some(interval), rows.len(), "mean of a cell")
    }
}

/// Columns of a factor that sum to zero over its levels: 1 at a level, -1 at the last, one for each level but the last.
fn contrasts(what: &'static str, factor: &[usize]) -> Result<Vec<Vec<f64>>, StatsError> {
    let levels: BTreeSet<usize> = factor.iter().copied().collect();
    let Some(&last) = levels.last().filter(|_| levels.len() > 1) else {
        return Err(StatsError::TooFew { what, got: levels.len(), least: 2, statistic: NAME });
    };
    let code = |level: usize, at: usize| f64::from(u8::from(at == level)) - f64::from(u8::from(at == last));
    Ok(levels.iter().filter(|&&l| l != last).map(|&l| factor.iter().map(|&at| code(l, at)).collect()).collect())
}

fn product(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a * b).collect()
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "counts and small sums are exact")]
mod tests {
    use super::*;

    const A: [usize; 8] = [3, 3, 3, 3, 9, 9, 9, 9];
    const B: [usize; 8] = [0, 0, 1, 1, 0, 0, 1, 1];

    #[test]
    fn a_balanced_table_by_hand() {
        // Cell means 2, 3, 4, 9, each ± 1: total mean 4.5, rows 2.5 and 6.5, columns 3 and 6.
        let y = [1.0, 3.0, 2.0, 4.0, 3.0, 5.0, 8.0, 10.0];
        for sums in [SumsOfSquares::I, SumsOfSquares::II, SumsOfSquares::III] {
            let table = anova_two_way(&y, &A, &B, sums).unwrap();
            let near = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-12, "{got} {expected}");
            near(table.a.ss, 8.0 * 4.0);
            near(table.b.ss, 8.0 * 2.25);
            near(table.interaction.ss, 8.0);
            near(table.residual_ss, 8.0);
            near(table.a.f, 16.0);
            near(table.b.partial_eta2.value(), 18.0 / 26.0);
            assert_eq!((table.residual_df, table.a.df), (4.0, 1.0));
            assert_eq!(table.intercept.is_some(), sums == SumsOfSquares::III);
            let cells: Vec<_> = table.cells.iter().map(|cell| (cell.a, cell.b, cell.mean.value())).collect();
            assert_eq!(cells, [(3, 0, 2.0), (3, 1, 3.0), (9, 0, 4.0), (9, 1, 9.0)]);
            // ± 2.776 √(2 / 2).
            assert_eq!(table.cells[0].mean.to_string(), "2.000 [-0.78, 4.78] (n = 2)");
        }
    }

    #[test]
    fn what_has_no_table_is_refused() {
        let check = |y: &[f64], a: &[usize], b: &[usize]| anova_two_way(y, a, b, SumsOfSquares::II).unwrap_err();
        let y = [1.0, 3.0, 2.0, 4.0, 3.0, 5.0, 8.0, 10.0];
        assert!(matches!(check(&y, &[0; 8], &B), StatsError::TooFew { what: "levels of a", got: 1, .. }));
        assert!(matches!(check(&y, &A, &B[1..]), StatsError::LengthMismatch { what: "levels of b", .. }));
        assert!(matches!(check(&y[1..5], &A[2..6], &B[2..6]), StatsError::Singular { .. }));
        assert!(matches!(check(&y[..4], &[0, 0, 1, 1], &[0, 1, 0, 1]), StatsError::TooFew { what: "rows", .. }));
        assert!(matches!(
            check(&[0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.5, 0.5], &A, &B),
            StatsError::NoSpread { what: "rows of a cell", .. }
        ));
        assert!(matches!(check(&[f64::NAN; 8], &A, &B), StatsError::NotANumber { .. }));
        assert!(matches!(check(&[], &[], &[]), StatsError::Empty { .. }));
    }
}
