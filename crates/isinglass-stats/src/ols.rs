//! Ordinary least squares.

use std::collections::BTreeMap;

use faer::Mat;

use crate::coefficient::Coefficient;
use crate::decompose::{Cholesky, product};
use crate::design::Design;
use crate::error::{finite, same_length};
use crate::least_squares::{LeastSquares, diagonal};
use crate::tails::Null;
use crate::{Estimate, StatsError};

/// What messages call it.
const NAME: &str = "least squares";

/// Residuals below this share of the outcome's own size are rounding.
const ROUNDING: f64 = 1e-13;

/// Where the standard errors of a linear fit come from.
///
/// The coefficients are the same for all; what differs is what is taken to be true of the errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StandardErrors<'a> {
    /// Errors of one variance, independent: `σ² (X'X)⁻¹`, held against t.
    Classic,
    /// Errors of any variance, each estimated by its squared residual (White 1980); too small with few rows.
    /// Held against the normal distribution, as HC1 to HC3 are.
    Hc0,
    /// HC0 times `n / (n - k)` (Hinkley 1977).
    Hc1,
    /// Squared residuals over `1 - h`, where `h` is the row's leverage; unbiased if the variance is constant after all.
    Hc2,
    /// Squared residuals over `(1 - h)²`, close to the jackknife; for fewer than 250 rows the best of the four (Long
    /// and Ervin 2000).
    Hc3,
    /// Rows of one group resemble each other: residuals are summed within groups before they are squared, times
    /// `G / (G - 1) · (n - 1) / (n - k)` (CR1; Liang and Zeger 1986), held against t with `G - 1` degrees of freedom.
    /// Too small with fewer than about 40 groups.
    Clustered(&'a [u64]),
}

/// A linear model fitted by [`ols`].
#[derive(Debug, Clone, PartialEq)]
pub struct OlsFit {
    /// One for each column of the design, in order.
    pub coefficients: Vec<Coefficient>,
    /// The share of the outcome's variance that the columns explain; its p-value is that of F.
    /// Around zero instead of around the mean if the design has no intercept.
    pub r2: Estimate,
    /// R² with the variances over their degrees of freedom: columns of noise do not raise it on average.
    pub r2_adjusted: f64,
    /// The test of all columns but the intercept at once; none without such columns, or with too few groups for it.
    pub f: Option<FTest>,
    /// The variance of the errors, over `n - k`.
    pub sigma2: f64,
    /// Rows less columns.
    pub df_resid: usize,
    /// The logarithm of the normal likelihood at its maximum.
    pub log_likelihood: f64,
    /// `2 k - 2 ln L`, with one `k` for each coefficient.
    pub aic: f64,
    /// `k ln n - 2 ln L`.
    pub bic: f64,
    /// What the fit says for each row.
    pub fitted: Vec<f64>,
    /// The outcome less what the fit says.
    pub residuals: Vec<f64>,
}

impl OlsFit {
    /// The coefficient of a column, or of `Intercept`.
    pub fn coefficient(&self, name: &str) -> Option<&Coefficient> {
        self.coefficients.iter().find(|coefficient| coefficient.name == name)
    }
}

/// An F statistic with its degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FTest {
    /// The statistic.
    pub f: f64,
    /// Degrees of freedom above and below the line.
    pub df: (f64, f64),
    /// The probability of an F at least as large if all the coefficients are 0.
    pub p: f64,
}

/// Ordinary least squares of an outcome on the columns of a design.
///
/// `β = (X'X)⁻¹ X'y`, by a QR decomposition (Golub 1965); the 95 % intervals are `β ± q · se`, with `q` of the
/// distribution that [`StandardErrors`] names.
/// With robust errors F is Wald's, `β' V⁻¹ β / q` over the slopes, held against F.
///
/// A slope is no cause: a column that was left out may be behind it.
/// Nor do p-values see that columns were chosen after looking at the outcome.
///
/// # Errors
///
/// [`StatsError::Empty`], [`StatsError::NotANumber`], [`StatsError::NotFinite`], [`StatsError::OutOfRange`] for a row that
/// alone decides a coefficient under HC2 and HC3; [`StatsError::LengthMismatch`]; [`StatsError::TooFew`] unless there
/// are more rows than columns; [`StatsError::Singular`] if columns depend on each other; [`StatsError::NoSpread`] if
/// the outcome is constant or fitted without residuals; [`StatsError::TooFewGroups`].
///
/// ```
/// use isinglass_stats::{Design, StandardErrors, ols};
///
/// let turn = [0.0, 1.0, 2.0, 3.0, 4.0];
/// let quality = [5.1, 4.4, 4.2, 3.1, 3.0];
/// let fit = ols(&Design::new().column("turn", &turn)?, &quality, StandardErrors::Classic)?;
/// assert_eq!(fit.coefficients[1].estimate.to_string(), "-0.550 [-0.80, -0.30] (n = 5, p = 0.006)");
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn ols(design: &Design, y: &[f64], errors: StandardErrors<'_>) -> Result<OlsFit, StatsError> {
    finite("y", y)?;
    let columns = design.columns_for("y", y.len())?;
    let (n, k) = (y.len(), columns.len());
    if n <= k {
        return Err(StatsError::TooFew { what: "rows", got: n, least: k + 1, statistic: NAME });
    }
    let least_squares = LeastSquares::new("design", &columns)?;
    let rotated = least_squares.rotated(y);
    let fitted = least_squares.fitted(&rotated);
    let residuals: Vec<f64> = y.iter().zip(&fitted).map(|(y, fitted)| y - fitted).collect();

    let squares = |values: &[f64], around: f64| values.iter().map(|v| (v - around).powi(2)).sum::<f64>();
    let mean = if design.has_intercept() { crate::summary::mean_of(y) } else { 0.0 };
    let (total, left) = (squares(y, mean), squares(&residuals, 0.0));
    let rounding = squares(y, 0.0) * ROUNDING * ROUNDING;
    if total <= rounding {
        return Err(StatsError::NoSpread { what: "y", statistic: NAME });
    }
    if left <= rounding {
        return Err(StatsError::NoSpread { what: "residuals", statistic: NAME });
    }

    let df_resid = n - k;
    let sigma2 = left / df_resid as f64;
    let (of_rotated, null, how) = match errors {
        StandardErrors::Classic => {
            (Mat::from_fn(k, k, |i, j| if i == j { sigma2 } else { 0.0 }), Null::T(df_resid as f64), "classic errors")
        }
        StandardErrors::Clustered(groups) => {
            let (meat, n_groups) = clustered(&least_squares, &residuals, groups)?;
            let small = n_groups as f64 / (n_groups - 1) as f64 * (n - 1) as f64 / df_resid as f64;
            (meat * faer::Scale(small), Null::T((n_groups - 1) as f64), "clustered errors CR1")
        }
        StandardErrors::Hc0 => (robust(&least_squares, &residuals, |_| 1.0)?, Null::Normal, "robust errors HC0"),
        StandardErrors::Hc1 => {
            let small = n as f64 / df_resid as f64;
            (robust(&least_squares, &residuals, |_| small)?, Null::Normal, "robust errors HC1")
        }
        StandardErrors::Hc2 => {
            (robust(&least_squares, &residuals, |h| 1.0 / (1.0 - h))?, Null::Normal, "robust errors HC2")
        }
        StandardErrors::Hc3 => {
            (robust(&least_squares, &residuals, |h| (1.0 - h).powi(-2))?, Null::Normal, "robust errors HC3")
        }
    };
    let covariance = least_squares.covariance(&of_rotated);
    let values = least_squares.coefficients(&rotated);
    let coefficients = Coefficient::all(design.names(), (&values, &diagonal(&covariance)), n, null, (NAME, how))?;

    let first = usize::from(design.has_intercept());
    let df = ((k - first) as f64, if let Null::T(df) = null { df } else { df_resid as f64 });
    let f = match errors {
        _ if first == k => None,
        // From the coordinates in Q, whose squares add up to what is explained: no difference of large sums.
        StandardErrors::Classic => Some(squares(&rotated[first..], 0.0) / df.0 / sigma2),
        StandardErrors::Clustered(_) if df.0 > df.1 => None,
        _ => wald(&covariance, &values, first).map(|wald| wald / df.0),
    };
    let f = f.map(|f| FTest { f, df, p: crate::distribution::f_sf(f, df.0, df.1) });
    let r2 = Estimate::new(1.0 - left / total, None, n, "R²");
    let (n, df_total) = (n as f64, (n - first) as f64);
    let log_likelihood = -n / 2.0 * ((2.0 * std::f64::consts::PI * left / n).ln() + 1.0);
    Ok(OlsFit {
        coefficients,
        r2: match f {
            Some(f) => r2.with_p(f.p, &format!("all slopes 0, F test, {how}")),
            None => r2,
        },
        r2_adjusted: 1.0 - sigma2 / (total / df_total),
        f,
        sigma2,
        df_resid,
        log_likelihood,
        aic: 2.0 * k as f64 - 2.0 * log_likelihood,
        bic: k as f64 * n.ln() - 2.0 * log_likelihood,
        fitted,
        residuals,
    })
}

/// The covariance of `Q'y` when each error has the variance of its squared residual times `weight` of its leverage.
fn robust(
    least_squares: &LeastSquares,
    residuals: &[f64],
    weight: impl Fn(f64) -> f64,
) -> Result<Mat<f64>, StatsError> {
    let k = least_squares.row(0).len();
    let mut meat = Mat::zeros(k, k);
    for (i, residual) in residuals.iter().enumerate() {
        let row = least_squares.row(i);
        let leverage: f64 = row.iter().map(|q| q * q).sum();
        let weight = weight(leverage);
        // A row that a coefficient follows wherever it goes has no residual to tell its variance by.
        if !(0.0..1e20).contains(&weight) {
            let range = "below 1 for each row under HC2 and HC3; use HC1";
            return Err(StatsError::OutOfRange { what: "leverage", value: leverage, range });
        }
        add_outer(&mut meat, &row, residual * residual * weight);
    }
    Ok(meat)
}

/// The covariance of `Q'y` when errors of one group are related in any way, and the number of groups.
fn clustered(least_squares: &LeastSquares, residuals: &[f64], groups: &[u64]) -> Result<(Mat<f64>, usize), StatsError> {
    same_length(("groups", groups.len()), ("y", residuals.len()))?;
    let k = least_squares.row(0).len();
    let mut sums: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for (i, (residual, &group)) in residuals.iter().zip(groups).enumerate() {
        let sum = sums.entry(group).or_insert_with(|| vec![0.0; k]);
        for (sum, q) in sum.iter_mut().zip(least_squares.row(i)) {
            *sum += q * residual;
        }
    }
    if sums.len() < 2 {
        return Err(StatsError::TooFewGroups { n_groups: sums.len() });
    }
    let mut meat = Mat::zeros(k, k);
    for sum in sums.values() {
        add_outer(&mut meat, sum, 1.0);
    }
    Ok((meat, sums.len()))
}

fn add_outer(matrix: &mut Mat<f64>, v: &[f64], weight: f64) {
    for (j, b) in v.iter().enumerate() {
        for (i, a) in v.iter().enumerate() {
            matrix[(i, j)] += weight * a * b;
        }
    }
}

/// `β' V⁻¹ β` over the coefficients from `first` on; none if `V` has no inverse.
fn wald(covariance: &Mat<f64>, values: &[f64], first: usize) -> Option<f64> {
    let slopes = values.len() - first;
    let block = Mat::from_fn(slopes, slopes, |i, j| covariance[(first + i, first + j)]);
    let beta = Mat::from_fn(slopes, 1, |i, _| values[first + i]);
    let solved = Cholesky::new(block)?.solve(beta.clone());
    let wald = product(beta.transpose(), solved.as_ref())[(0, 0)];
    wald.is_finite().then_some(wald)
}

/// A line through points: [`ols`] on one column and an intercept.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// How much `y` changes with one unit of `x`.
    pub slope: Coefficient,
    /// What `y` is at `x = 0`.
    pub intercept: Coefficient,
    /// Pearson's correlation, whose p-value is that of the slope.
    pub r: f64,
}

/// The line of least squares through points, with classic standard errors.
///
/// It finds what is straight: points along a parabola can have a slope of 0.
/// One far point can decide it; [`theil_sen`](crate::theil_sen) resists that.
///
/// # Errors
///
/// Those of [`ols`].
///
/// ```
/// let line = isinglass_stats::line(&[0.0, 1.0, 2.0, 3.0], &[1.0, 3.2, 4.8, 7.0])?;
/// assert!((line.slope.estimate.value() - 1.96).abs() < 1e-12);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn line(x: &[f64], y: &[f64]) -> Result<Line, StatsError> {
    let mut fit = ols(&Design::new().column("x", x)?, y, StandardErrors::Classic)?;
    let r = fit.r2.value().max(0.0).sqrt();
    // An intercept and one column: two coefficients, always.
    let slope = fit.coefficients.swap_remove(1);
    let intercept = fit.coefficients.swap_remove(0);
    let r = r.copysign(slope.statistic);
    Ok(Line { slope, intercept, r })
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "counts and small sums are exact")]
mod tests {
    use super::*;

    fn near(got: f64, expected: f64) {
        assert!((got - expected).abs() <= 1e-9 * expected.abs(), "got {got:e}, expected {expected:e}");
    }

    const TURN: [f64; 6] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
    const Y: [f64; 6] = [1.0, 2.0, 4.0, 3.0, 7.0, 5.0];

    fn fit(errors: StandardErrors<'_>) -> Result<OlsFit, StatsError> {
        ols(&Design::new().column("turn", &TURN).unwrap(), &Y, errors)
    }

    #[test]
    fn a_line_by_hand() {
        let fit = fit(StandardErrors::Classic).unwrap();
        // Sxx = 17.5, Sxy = 17, Syy = 70/3, so slope 34/35 and RSS = 70/3 - 17²/17.5.
        let left: f64 = 70.0 / 3.0 - 17.0 * 17.0 / 17.5;
        let slope = fit.coefficient("turn").unwrap();
        near(slope.estimate.value(), 34.0 / 35.0);
        near(slope.se, (left / 4.0 / 17.5).sqrt());
        near(fit.sigma2, left / 4.0);
        near(fit.r2.value(), 1.0 - left / (70.0 / 3.0));
        near(fit.f.unwrap().f, slope.statistic.powi(2));
        near(fit.f.unwrap().p, slope.estimate.p().unwrap().value());
        near(line(&TURN, &Y).unwrap().r, 17.0 / (17.5_f64 * 70.0 / 3.0).sqrt());
        let falling: Vec<f64> = Y.iter().map(|y| -y).collect();
        assert!(line(&TURN, &falling).unwrap().r < 0.0);
    }

    #[test]
    fn a_group_per_row_is_hc1_and_without_intercept_the_mean_is_zero() {
        // With G = n, G / (G - 1) · (n - 1) / (n - k) is n / (n - k).
        let clustered = fit(StandardErrors::Clustered(&[0, 1, 2, 3, 4, 5])).unwrap();
        let hc1 = fit(StandardErrors::Hc1).unwrap();
        near(clustered.coefficients[1].se, hc1.coefficients[1].se);
        near(clustered.f.unwrap().f, hc1.f.unwrap().f);
        let through = ols(&Design::through_origin().column("turn", &TURN).unwrap(), &Y, StandardErrors::Classic);
        // Σxy = 72, Σxx = 55, Σyy = 104.
        let through = through.unwrap();
        near(through.coefficients[0].estimate.value(), 72.0 / 55.0);
        near(through.r2.value(), 72.0 * 72.0 / 55.0 / 104.0);
        let mean = ols(&Design::new(), &Y, StandardErrors::Classic).unwrap();
        near(mean.coefficients[0].estimate.value(), 22.0 / 6.0);
        assert_eq!(mean.f, None);
    }

    #[test]
    fn what_has_no_fit_is_refused() {
        let check = |x: &[f64], y: &[f64]| {
            ols(&Design::new().column("x", x).unwrap(), y, StandardErrors::Classic).map(|_| ()).unwrap_err()
        };
        assert_eq!(check(&[1.0; 4], &[1.0, 2.0, 3.0, 5.0]), StatsError::Singular { what: "design" });
        let no_spread = |what| StatsError::NoSpread { what, statistic: NAME };
        assert_eq!(check(&[1.0, 2.0, 4.0, 5.0], &[0.1; 4]), no_spread("y"));
        assert_eq!(check(&[1.0, 2.0, 4.0, 5.0], &[0.3, 0.5, 0.9, 1.1]), no_spread("residuals"));
        assert_eq!(
            check(&[1.0, 2.0], &[1.0, 2.0]),
            StatsError::TooFew { what: "rows", got: 2, least: 3, statistic: NAME }
        );
        assert!(matches!(check(&[1.0, 2.0, 4.0], &[1.0, 2.0]), StatsError::LengthMismatch { .. }));
        assert!(matches!(check(&[1.0, 2.0, 4.0], &[1.0, 2.0, f64::NAN]), StatsError::NotANumber { index: 2, .. }));
        assert!(matches!(check(&[1.0, 2.0, 4.0], &[1.0, 2.0, f64::INFINITY]), StatsError::NotFinite { what: "y", .. }));
        assert_eq!(fit(StandardErrors::Clustered(&[3; 6])), Err(StatsError::TooFewGroups { n_groups: 1 }));
        assert!(matches!(fit(StandardErrors::Clustered(&[3; 5])), Err(StatsError::LengthMismatch { .. })));
        // Row 0 alone decides its column.
        let alone = Design::new().column("alone", &[1.0, 0.0, 0.0, 0.0]).unwrap();
        let decided = ols(&alone, &[5.0, 1.0, 2.0, 4.0], StandardErrors::Hc3);
        assert!(matches!(decided, Err(StatsError::OutOfRange { what: "leverage", .. })), "{decided:?}");
    }
}
