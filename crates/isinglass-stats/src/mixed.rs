//! Linear models for rows that come in groups.

use crate::StatsError;
use crate::coefficient::Coefficient;
use crate::design::Design;
use crate::error::{finite, same_length};
use crate::least_squares::{LeastSquares, diagonal};
use crate::mixed_likelihood::{Group, LEVEL_ALONE, LEVEL_AND_SLOPE, Profile, Two, multiply, transposed};
use crate::newton::minimise;
use crate::summary::mean_of;
use crate::tails::Null;

/// What messages call it.
pub(crate) const NAME: &str = "the mixed model";

/// What differs from group to group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RandomEffects<'a> {
    /// Each group has a level of its own.
    Intercept,
    /// Each group has a level of its own and a slope of its own on this column of the design, correlated in any way.
    InterceptAndSlope(&'a str),
}

/// Which likelihood is made as great as it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likelihood {
    /// Of the outcome: comparable between models with different columns, but its variances are too small.
    Ml,
    /// Of what is left of the outcome once the columns are taken out (Patterson and Thompson 1971): variances without
    /// that bias; comparable only between models with the same columns.
    Reml,
}

/// A model fitted by [`mixed_model`].
#[derive(Debug, Clone, PartialEq)]
pub struct MixedFit {
    /// One for each column of the design, in order.
    pub coefficients: Vec<Coefficient>,
    /// The covariance of the groups' own levels (and slopes), row after row: 1 value, or 4.
    pub random_covariance: Vec<f64>,
    /// The variance of rows within a group.
    pub residual_variance: f64,
    /// The logarithm of the likelihood that was maximised, with all its constants.
    pub log_likelihood: f64,
    /// How many groups there are.
    pub n_groups: usize,
    /// Whether the random covariance lies at the edge of what is possible: a variance of 0, or a correlation of ±1.
    /// The rows then do not tell the random effects apart from noise, and a simpler model says as much.
    pub at_the_edge: bool,
    /// How many steps the optimiser took.
    pub iterations: usize,
}

impl MixedFit {
    /// The coefficient of a column, or of `Intercept`.
    pub fn coefficient(&self, name: &str) -> Option<&Coefficient> {
        self.coefficients.iter().find(|coefficient| coefficient.name == name)
    }
}

/// A linear model whose level, or level and slope, differs from group to group.
///
/// `y = X β + Z b + e` with `b ~ N(0, σ² Λ Λ')` for each group and `e ~ N(0, σ²)` for each row (Laird and Ware 1982).
/// `β` and `σ²` have closed forms given `Λ`; the likelihood that this leaves is maximised over `Λ`, a lower triangle,
/// by Newton's method on its exact gradient (Bates and others 2015 profile it in the same way).
/// Standard errors are `σ² (X'V⁻¹X)⁻¹` with the variances taken as known; intervals and p-values are Wald's, against
/// the normal distribution.
///
/// With fewer than about 30 groups those intervals are too narrow, as the variances are not known but estimated.
/// A column that does not vary within groups has as many rows as there are groups, however many rows each has.
/// A random slope left out makes the p-value of that slope too small (Barr and others 2013).
///
/// # Errors
///
/// Those of [`ols`](crate::ols) for the design and the outcome; [`StatsError::TooFewGroups`]; [`StatsError::TooFew`] if
/// no group has more rows than there are random effects; [`StatsError::UnknownColumn`]; [`StatsError::Singular`] if the
/// rows say nothing about the random effects; [`StatsError::NotConverged`], for one if the outcome is constant within
/// groups.
///
/// ```
/// use isinglass_stats::{Design, Likelihood, RandomEffects, mixed_model};
///
/// let turn = [0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 1.0, 2.0];
/// let y = [3.1, 2.9, 2.2, 5.0, 4.4, 4.1, 1.2, 0.9, 0.1, 2.6, 2.1, 1.9];
/// let conversation = [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4];
/// let design = Design::new().column("turn", &turn)?;
/// let fit = mixed_model(&design, &y, &conversation, RandomEffects::Intercept, Likelihood::Reml)?;
/// assert_eq!(fit.coefficients[1].estimate.to_string(), "-0.450 [-0.55, -0.35] (n = 12, p = 8e-18)");
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn mixed_model(
    design: &Design,
    y: &[f64],
    groups: &[u64],
    random: RandomEffects<'_>,
    likelihood: Likelihood,
) -> Result<MixedFit, StatsError> {
    finite("y", y)?;
    let columns = design.columns_for("y", y.len())?;
    same_length(("groups", groups.len()), ("y", y.len()))?;
    let (n, k) = (y.len(), columns.len());
    if n <= k {
        return Err(StatsError::TooFew { what: "rows", got: n, least: k + 1, statistic: NAME });
    }
    let slope = match random {
        RandomEffects::Intercept => None,
        RandomEffects::InterceptAndSlope(name) => Some(Standardised::new(design.values(name)?)?),
    };

    // In an orthonormal basis, with what the columns explain alone taken out: nothing large is left to cancel.
    let basis = LeastSquares::new("design", &columns)?;
    let of_y = basis.rotated(y);
    let left: Vec<f64> = y.iter().zip(basis.fitted(&of_y)).map(|(y, fitted)| y - fitted).collect();
    let size = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>().sqrt();
    if size(&left) <= 1e-13 * size(y) {
        return Err(StatsError::NoSpread { what: "residuals", statistic: NAME });
    }
    let z = |row: usize| match &slope {
        None => [1.0, 0.0],
        Some(slope) => [1.0, slope.values[row]],
    };
    let collected = Group::collect(groups, |row| (z(row), basis.row(row), left[row]));
    let n_random = if slope.is_none() { 1 } else { 2 };
    let largest = collected.iter().map(|group| group.n).max().unwrap_or(0);
    if collected.len() < 2 {
        return Err(StatsError::TooFewGroups { n_groups: collected.len() });
    }
    if largest <= n_random {
        return Err(StatsError::TooFew { what: "rows of a group", got: largest, least: n_random + 1, statistic: NAME });
    }

    let triangles: &[_] = if slope.is_none() { &LEVEL_ALONE } else { &LEVEL_AND_SLOPE };
    let optima = triangles.iter().map(|triangle| {
        let left = left.iter().map(|v| v * v).sum();
        let profile = Profile::new(&collected, left, n, likelihood == Likelihood::Reml, triangle);
        let starts = [0.1, 0.3, 1.0, 3.0].map(|scale| profile.diagonal_start(scale));
        minimise(NAME, &starts, |theta| profile.deviance(theta)).map(|optimum| (profile, optimum))
    });
    // An error only if no triangle came to an end.
    let best = optima.reduce(|first, second| match (&first, &second) {
        (Ok((_, a)), Ok((_, b))) if b.better_than(a) => second,
        (Err(_), Ok(_)) => second,
        _ => first,
    });
    let (profile, optimum) = best.ok_or(StatsError::NotConverged { what: NAME, iterations: 0 })??;
    let at = profile.at(&optimum.at)?;

    let rotated: Vec<f64> = of_y.iter().zip(&at.shift).map(|(a, b)| a + b).collect();
    let covariance = basis.covariance(&(&at.inverse_information * faer::Scale(at.sigma2)));
    let values = basis.coefficients(&rotated);
    let how = match likelihood {
        Likelihood::Ml => "mixed model by ML",
        Likelihood::Reml => "mixed model by REML",
    };
    let coefficients =
        Coefficient::all(design.names(), (&values, &diagonal(&covariance)), n, Null::Normal, (NAME, how))?;

    let relative = profile.lambda(&optimum.at);
    let variance = multiply(relative, transposed(relative)).map(|row| row.map(|v| at.sigma2 * v));
    let random_covariance = match &slope {
        None => vec![variance[0][0]],
        Some(slope) => slope.undo(variance),
    };
    // Only restricted likelihood sees the scale of the columns.
    let of_columns = if likelihood == Likelihood::Reml { basis.ln_det() } else { 0.0 };
    Ok(MixedFit {
        coefficients,
        random_covariance,
        residual_variance: at.sigma2,
        log_likelihood: -0.5 * (optimum.value + profile.constant() + of_columns),
        n_groups: collected.len(),
        at_the_edge: at_the_edge(&optimum.at),
        iterations: optimum.iterations,
    })
}

/// Whether a triangle, of which the first and the last parameter are its diagonal, has no inverse.
fn at_the_edge(theta: &[f64]) -> bool {
    let greatest = theta.iter().fold(0.0_f64, |max, v| max.max(v.abs()));
    let least = theta.first().into_iter().chain(theta.last()).fold(f64::INFINITY, |min, v| min.min(v.abs()));
    least <= 1e-5 * greatest.max(1.0)
}

/// A column less its mean, over its standard deviation: levels and slopes are then of one size and nearly independent.
struct Standardised {
    values: Vec<f64>,
    mean: f64,
    sd: f64,
}

impl Standardised {
    fn new(column: &[f64]) -> Result<Self, StatsError> {
        let mean = mean_of(column);
        let sd = (column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / column.len() as f64).sqrt();
        if sd <= 1e-10 * mean.abs() || sd == 0.0 {
            return Err(StatsError::NoSpread { what: "the column of the random slope", statistic: NAME });
        }
        Ok(Self { values: column.iter().map(|v| (v - mean) / sd).collect(), mean, sd })
    }

    /// The covariance of level and slope for the column as it was.
    fn undo(&self, variance: Two) -> Vec<f64> {
        let ratio = self.mean / self.sd;
        let (level, both, slope) = (variance[0][0], variance[1][0], variance[1][1]);
        let between = (both - ratio * slope) / self.sd;
        vec![level - 2.0 * ratio * both + ratio * ratio * slope, between, between, slope / (self.sd * self.sd)]
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "counts and small sums are exact")]
mod tests {
    use super::*;

    /// Three groups of two rows.
    const Y: [f64; 6] = [1.0, 3.0, 4.0, 8.0, 9.0, 11.0];
    const GROUPS: [u64; 6] = [7, 7, 2, 2, 5, 5];

    fn near(got: f64, expected: f64) {
        assert!((got - expected).abs() <= 1e-9 * expected.abs(), "got {got:e}, expected {expected:e}");
    }

    #[test]
    fn balanced_groups_have_the_moments_of_the_analysis_of_variance() {
        // Means 2, 6, 10: between 2·16·2/2 = 32, within (2 + 8 + 2)/3 = 4; (32 - 4)/2 = 14 by REML.
        let fit = mixed_model(&Design::new(), &Y, &GROUPS, RandomEffects::Intercept, Likelihood::Reml).unwrap();
        near(fit.residual_variance, 4.0);
        near(fit.random_covariance[0], 14.0);
        near(fit.coefficients[0].estimate.value(), 6.0);
        near(fit.coefficients[0].se, (32.0_f64 / 6.0).sqrt());
        assert!(!fit.at_the_edge);
        // By ML the sum between groups is over 3 instead of 2: (64/3 - 4)/2.
        let fit = mixed_model(&Design::new(), &Y, &GROUPS, RandomEffects::Intercept, Likelihood::Ml).unwrap();
        near(fit.residual_variance, 4.0);
        near(fit.random_covariance[0], (64.0 / 3.0 - 4.0) / 2.0);
        // ln L = -(6 ln 2π + 3 ln 4 + 3 ln(64/3) + 6) / 2.
        let expected =
            -0.5 * (6.0 * std::f64::consts::TAU.ln() + 3.0 * 4.0_f64.ln() + 3.0 * (64.0_f64 / 3.0).ln() + 6.0);
        near(fit.log_likelihood, expected);
    }

    #[test]
    fn groups_that_differ_less_than_chance_are_at_the_edge() {
        let y = [1.0, 3.0, 3.0, 1.0, 2.0, 2.5];
        let fit = mixed_model(&Design::new(), &y, &GROUPS, RandomEffects::Intercept, Likelihood::Reml).unwrap();
        assert!(fit.at_the_edge && fit.random_covariance[0] < 1e-12, "{fit:?}");
        // The model is then ordinary least squares.
        let mean = 12.5 / 6.0;
        near(fit.residual_variance, y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 5.0);
    }

    #[test]
    fn what_has_no_fit_is_refused() {
        let check = |y: &[f64], groups: &[u64], random| {
            let design = Design::new().column("x", &[0.0, 1.0, 2.0, 0.0, 1.0, 2.5]).unwrap();
            mixed_model(&design, y, groups, random, Likelihood::Reml).map(|_| ()).unwrap_err()
        };
        assert_eq!(check(&Y, &[1; 6], RandomEffects::Intercept), StatsError::TooFewGroups { n_groups: 1 });
        assert!(matches!(
            check(&Y, &[1, 2, 3, 4, 5, 6], RandomEffects::Intercept),
            StatsError::TooFew { what: "rows of a group", got: 1, least: 2, .. }
        ));
        assert!(matches!(
            check(&Y, &GROUPS, RandomEffects::InterceptAndSlope("x")),
            StatsError::TooFew { what: "rows of a group", got: 2, least: 3, .. }
        ));
        assert_eq!(
            check(&Y, &GROUPS, RandomEffects::InterceptAndSlope("z")),
            StatsError::UnknownColumn { column: "z".to_owned() }
        );
        assert!(matches!(check(&Y, &GROUPS[1..], RandomEffects::Intercept), StatsError::LengthMismatch { .. }));
        assert!(matches!(check(&[f64::NAN; 6], &GROUPS, RandomEffects::Intercept), StatsError::NotANumber { .. }));
        // Rows of a group agree: the likelihood grows without end.
        let flat = mixed_model(
            &Design::new(),
            &[1.0, 1.0, 4.0, 4.0, 9.0, 9.0],
            &GROUPS,
            RandomEffects::Intercept,
            Likelihood::Reml,
        );
        assert!(matches!(flat, Err(StatsError::NotConverged { .. })), "{flat:?}");
    }
}
