//! Logistic regression without a penalty.

use faer::Mat;

use crate::coefficient::Coefficient;
use crate::design::Design;
use crate::least_squares::{LeastSquares, diagonal};
use crate::tails::Null;
use crate::{Estimate, StatsError};

/// What messages call it.
const NAME: &str = "logistic regression";

/// Where a maximum exists, a dozen steps find it; where none does, each step moves the likelihood's logarithm by 1.
const MOST_ITERATIONS: usize = 60;

/// A change of the linear predictor by this share of its size is the last.
const LAST_STEP: f64 = 1e-8;

/// Rows with a linear predictor beyond this are as good as certain.
const FAR: f64 = 15.0;

/// A row that moves by this share of the greatest movement stays where it is.
const TIED: f64 = 1e-7;

/// A logistic model fitted by [`logit`].
#[derive(Debug, Clone, PartialEq)]
pub struct LogitFit {
    /// One for each column of the design, in order; each is a change of the log odds, held against the normal
    /// distribution (Wald).
    pub coefficients: Vec<Coefficient>,
    /// The logarithm of the likelihood at its maximum.
    pub log_likelihood: f64,
    /// The same with one probability for all rows.
    pub log_likelihood_null: f64,
    /// `1 - ln L / ln L0` (McFadden 1974), with the p-value of the likelihood ratio if there are columns and an
    /// intercept.
    ///
    /// It is no share of variance: 0.2 to 0.4 is already a very good fit.
    pub pseudo_r2: Estimate,
    /// How many steps were taken.
    pub iterations: usize,
}

impl LogitFit {
    /// The coefficient of a column, or of `Intercept`.
    pub fn coefficient(&self, name: &str) -> Option<&Coefficient> {
        self.coefficients.iter().find(|coefficient| coefficient.name == name)
    }
}

/// Logistic regression of a label on the columns of a design, without a penalty.
///
/// `P(true) = 1 / (1 + exp(-Xβ))`, its likelihood maximised by Newton's method (iteratively reweighted least squares);
/// standard errors are the roots of the diagonal of `(X'WX)⁻¹` with `W = P (1 - P)`.
///
/// Odds ratios of models with different columns do not compare, even without confounding.
/// Wald's p-values are too large where coefficients are large (Hauck and Donner 1977), and estimates are too large with
/// fewer than about 10 rows of the rarer class for each column.
///
/// # Errors
///
/// [`StatsError::Empty`], [`StatsError::LengthMismatch`], [`StatsError::OneClass`], [`StatsError::TooFew`] unless there
/// are more rows than columns, [`StatsError::Singular`] if columns depend on each other, [`StatsError::Separable`] if a
/// combination of columns tells the classes apart, all rows or some with the others tied (Albert and Anderson 1984),
/// and [`StatsError::NotConverged`].
///
/// ```
/// use isinglass_stats::{Design, logit};
///
/// let turn = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
/// let failed = [false, false, true, false, true, false, true, true];
/// let fit = logit(&Design::new().column("turn", &turn)?, &failed)?;
/// assert!((fit.coefficients[1].estimate.value() - 0.594_084).abs() < 1e-6);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn logit(design: &Design, labels: &[bool]) -> Result<LogitFit, StatsError> {
    if labels.is_empty() {
        return Err(StatsError::Empty { what: "labels" });
    }
    let columns = design.columns_for("labels", labels.len())?;
    let (n, k) = (labels.len(), columns.len());
    let n_true = labels.iter().filter(|&&label| label).count();
    if n_true == 0 || n_true == n {
        return Err(StatsError::OneClass { label: labels[0], n });
    }
    if n <= k {
        return Err(StatsError::TooFew { what: "rows", got: n, least: k + 1, statistic: NAME });
    }
    // In an orthonormal basis: columns far from 0 would otherwise blur which way the likelihood grows.
    let basis = LeastSquares::new("design", &columns)?;
    let rows: Vec<Vec<f64>> = (0..n).map(|row| basis.row(row)).collect();
    let orthonormal: Vec<Vec<f64>> = (0..k).map(|j| rows.iter().map(|row| row[j]).collect()).collect();
    let Maximum { beta, weighted, log_likelihood, iterations } = maximise(&orthonormal, labels)?;

    let beta = basis.coefficients(&beta);
    let covariance = basis.covariance(&weighted.covariance(&Mat::identity(k, k)));
    let coefficients =
        Coefficient::all(design.names(), (&beta, &diagonal(&covariance)), n, Null::Normal, (NAME, "Wald"))?;
    let share = n_true as f64 / n as f64;
    let log_likelihood_null = n_true as f64 * share.ln() + (n - n_true) as f64 * (1.0 - share).ln();
    let pseudo_r2 = Estimate::new(1.0 - log_likelihood / log_likelihood_null, None, n, "McFadden's pseudo-R²");
    let pseudo_r2 = if design.has_intercept() && k > 1 {
        let p = crate::distribution::chi2_sf(2.0 * (log_likelihood - log_likelihood_null), (k - 1) as f64);
        pseudo_r2.with_p(p, "all slopes 0, likelihood ratio")
    } else {
        pseudo_r2
    };
    Ok(LogitFit { coefficients, log_likelihood, log_likelihood_null, pseudo_r2, iterations })
}

struct Maximum {
    beta: Vec<f64>,
    /// The decomposition of `W^(1/2) X` at the maximum.
    weighted: LeastSquares,
    log_likelihood: f64,
    iterations: usize,
}

fn maximise(columns: &[Vec<f64>], labels: &[bool]) -> Result<Maximum, StatsError> {
    let signs: Vec<f64> = labels.iter().map(|&label| if label { 1.0 } else { -1.0 }).collect();
    let predict = |beta: &[f64]| -> Vec<f64> {
        (0..labels.len()).map(|i| columns.iter().zip(beta).map(|(column, b)| column[i] * b).sum()).collect()
    };
    // ln(1 / (1 + exp(-s))) without overflow.
    let ln_likelihood = |eta: &[f64]| -> f64 {
        let rows = eta.iter().zip(&signs).map(|(eta, sign)| eta * sign);
        rows.map(|s| s.min(0.0) - (-s.abs()).exp().ln_1p()).sum()
    };
    let separable = StatsError::Separable { what: "design" };
    let mut beta = vec![0.0; columns.len()];
    let mut eta = vec![0.0; labels.len()];
    let mut value = ln_likelihood(&eta);
    let mut passed = vec![eta.clone()];
    for iteration in 1..=MOST_ITERATIONS {
        let Some((_, step)) = newton_step(columns, &signs, &eta) else { break };
        let last = greatest(&predict(&step)) <= LAST_STEP * (1.0 + greatest(&eta));
        let mut share = 1.0;
        loop {
            let next: Vec<f64> = beta.iter().zip(&step).map(|(b, s)| b + share * s).collect();
            let next_eta = predict(&next);
            let found = ln_likelihood(&next_eta);
            // The function is concave: a step short enough climbs, but for rounding.
            if last || found >= value - 1e-12 * value.abs() {
                (beta, eta, value) = (next, next_eta, found);
                break;
            }
            share /= 2.0;
            if share < 1e-12 {
                return Err(StatsError::NotConverged { what: NAME, iterations: iteration });
            }
        }
        passed.push(eta.clone());
        if last {
            // Far out, steps may also end because what is left to gain is below rounding.
            if greatest(&eta) > FAR && separates(&passed, &signs) {
                return Err(separable);
            }
            // With the weights of where the last step led.
            let Some((weighted, _)) = newton_step(columns, &signs, &eta) else { break };
            return Ok(Maximum { beta, weighted, log_likelihood: value, iterations: iteration });
        }
    }
    if separates(&passed, &signs) {
        return Err(separable);
    }
    Err(StatsError::NotConverged { what: NAME, iterations: passed.len() - 1 })
}

/// The decomposition of `W^(1/2) X` and the step `(X'WX)⁻¹ X'(y - P)`; none if the weights have vanished.
fn newton_step(columns: &[Vec<f64>], signs: &[f64], eta: &[f64]) -> Option<(LeastSquares, Vec<f64>)> {
    // √(P (1 - P)), from the smaller of the two.
    let half = eta.iter().map(|eta| (-eta.abs() / 2.0).exp());
    let roots: Vec<f64> = half.map(|half| half / (1.0 + half * half)).collect();
    let scaled: Vec<Vec<f64>> =
        columns.iter().map(|column| column.iter().zip(&roots).map(|(x, root)| x * root).collect()).collect();
    let weighted = LeastSquares::new("design", &scaled).ok()?;
    // y - P without a difference.
    let off: Vec<f64> = eta.iter().zip(signs).map(|(eta, sign)| sign / (1.0 + (sign * eta).exp())).collect();
    let slopes = columns.iter().map(|column| column.iter().zip(&off).map(|(x, off)| x * off).sum::<f64>());
    let slopes: Vec<f64> = slopes.collect();
    let k = columns.len();
    let inverse = weighted.covariance(&Mat::identity(k, k));
    let step: Vec<f64> = (0..k).map(|i| slopes.iter().enumerate().map(|(j, g)| inverse[(i, j)] * g).sum()).collect();
    step.iter().all(|v| v.is_finite()).then_some((weighted, step))
}

/// Whether the linear predictors that were passed move without end: their last half goes the way of the label in every
/// row, or not at all, which proves that the columns separate the classes; or the last of them has every label right.
fn separates(passed: &[Vec<f64>], signs: &[f64]) -> bool {
    let (halfway, end) = (&passed[passed.len() / 2], &passed[passed.len() - 1]);
    let moved: Vec<f64> = end.iter().zip(halfway).map(|(end, halfway)| end - halfway).collect();
    [&moved, end].into_iter().any(|way| {
        let greatest = greatest(way);
        greatest > 0.0 && way.iter().zip(signs).all(|(way, sign)| way * sign >= -TIED * greatest)
    })
}

fn greatest(values: &[f64]) -> f64 {
    values.iter().fold(0.0_f64, |max, v| max.max(v.abs()))
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "counts and small sums are exact")]
mod tests {
    use super::*;

    fn fit(x: &[f64], signs: &str) -> Result<LogitFit, StatsError> {
        let labels: Vec<bool> = signs.chars().map(|sign| sign == '+').collect();
        logit(&Design::new().column("x", x).unwrap(), &labels)
    }

    #[test]
    fn two_by_two_is_the_log_odds_ratio() {
        // 3 of 4 against 1 of 5: odds 3 and 1/4, standard error √(1/3 + 1 + 1 + 1/4).
        let fit = fit(&[1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], "+++-+----").unwrap();
        let near = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-12, "{got} {expected}");
        near(fit.coefficient("x").unwrap().estimate.value(), 12.0_f64.ln());
        near(fit.coefficient("x").unwrap().se, (1.0_f64 / 3.0 + 2.25).sqrt());
        near(fit.coefficient("Intercept").unwrap().estimate.value(), -(4.0_f64.ln()));
        let log_likelihood = 3.0 * 0.75_f64.ln() + 0.25_f64.ln() + 0.2_f64.ln() + 4.0 * 0.8_f64.ln();
        near(fit.log_likelihood, log_likelihood);
        let null = 4.0 * (4.0_f64 / 9.0).ln() + 5.0 * (5.0_f64 / 9.0).ln();
        near(fit.pseudo_r2.value(), 1.0 - log_likelihood / null);
    }

    #[test]
    fn classes_that_columns_separate_are_refused() {
        let separable = Err(StatsError::Separable { what: "design" });
        // Apart; apart but for a tie; one cell without a label.
        assert_eq!(fit(&[1.0, 2.0, 3.0, 4.0], "--++"), separable);
        assert_eq!(fit(&[1.0, 2.0, 2.0, 4.0], "--++"), separable);
        assert_eq!(fit(&[1.0, 1.0, 0.0, 0.0, 0.0, 0.0], "+++-+-"), separable);
        // Whatever the scale, and from far away.
        assert_eq!(fit(&[1e6, 2e6, 3e6, 4e6], "++--"), separable);
        assert_eq!(fit(&[1001.0, 1002.0, 1003.0, 1004.0, 5000.0], "--+++"), separable);
        // By two columns, neither of which does alone.
        let design = Design::new().column("a", &[0.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 4.0]).unwrap();
        let design = design.column("b", &[1.0, 2.0, 3.0, 4.1, 0.0, 1.2, 2.0, 3.0]).unwrap();
        let labels = [true, true, true, true, false, false, false, false];
        assert_eq!(logit(&design, &labels), Err(StatsError::Separable { what: "design" }));
    }

    /// With one column, classes are separable if their values overlap in one value at most.
    #[test]
    fn random_classes_are_separable_or_have_a_fit() {
        use rand::{RngExt, SeedableRng};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let (mut n_separable, mut n_fitted) = (0, 0);
        for study in 0..3000 {
            let n = rng.random_range(3..12);
            let (shift, scale) = [(0.0, 1.0), (1e3, 1.0), (0.0, 1e-6), (-1e6, 1e4)][study % 4];
            let x: Vec<f64> = (0..n).map(|_| shift + scale * f64::from(rng.random_range(0_i32..8))).collect();
            let labels: Vec<bool> =
                x.iter().map(|x| x - shift + scale * rng.random_range(-4.0..4.0) > 4.0 * scale).collect();
            let of = |label: bool| x.iter().zip(&labels).filter(move |(_, l)| **l == label).map(|(x, _)| *x);
            let ends = |label| (of(label).fold(f64::INFINITY, f64::min), of(label).fold(f64::NEG_INFINITY, f64::max));
            let ((low_false, high_false), (low_true, high_true)) = (ends(false), ends(true));
            let apart = high_false <= low_true || high_true <= low_false;
            match logit(&Design::new().column("x", &x).unwrap(), &labels) {
                Err(StatsError::OneClass { .. }) => assert!(!low_true.is_finite() || !low_false.is_finite()),
                Err(StatsError::Singular { .. }) => assert!(x.iter().all(|v| *v == x[0])),
                Err(StatsError::Separable { .. }) => {
                    assert!(apart, "{x:?} {labels:?}");
                    n_separable += 1;
                }
                Ok(_) => {
                    assert!(!apart, "{x:?} {labels:?}");
                    n_fitted += 1;
                }
                Err(error) => panic!("{error}: {x:?} {labels:?}"),
            }
        }
        assert!(n_separable > 300 && n_fitted > 300, "{n_separable} {n_fitted}");
    }

    #[test]
    fn nearly_separated_classes_have_a_fit() {
        // One row in the wrong place, and one so far out that its probability is 1 to all digits.
        let fit = fit(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 1e4], "---+-+++").unwrap();
        assert!((0.5..5.0).contains(&fit.coefficients[1].estimate.value()), "{fit:?}");
    }

    #[test]
    fn what_has_no_fit_is_refused() {
        assert_eq!(fit(&[1.0, 2.0, 3.0], "+++"), Err(StatsError::OneClass { label: true, n: 3 }));
        assert_eq!(fit(&[2.0; 4], "+-+-"), Err(StatsError::Singular { what: "design" }));
        assert!(matches!(fit(&[1.0, 2.0], "+-"), Err(StatsError::TooFew { .. })));
        assert!(matches!(fit(&[1.0, 2.0], "+-+"), Err(StatsError::LengthMismatch { .. })));
        assert_eq!(logit(&Design::new(), &[]), Err(StatsError::Empty { what: "labels" }));
    }
}
