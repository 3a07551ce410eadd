//! How far raters agree on numbers: intraclass correlations.

use serde::Serialize;

use crate::bootstrap::LEVEL;
use crate::distribution::{f_quantile, f_sf};
use crate::error::enough;
use crate::estimate::Interval;
use crate::summary::mean_of;
use crate::{Estimate, StatsError};

/// Which intraclass correlation, in the terms of Shrout and Fleiss (1979) and, in brackets, of `McGraw` and Wong (1996).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum IccModel {
    /// Each subject has raters of its own: ICC(1) \[one-way random\].
    OneWay,
    /// All subjects have the same raters, a sample of many; that one rates higher than another counts as disagreement:
    /// ICC(2) \[two-way random, absolute agreement: A\].
    Agreement,
    /// All subjects have the same raters, and that one rates higher than another does not matter: ICC(3)
    /// \[two-way mixed, consistency: C\].
    Consistency,
}

/// Of what the reliability is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum IccUnit {
    /// The rating of a single rater: ICC(·, 1).
    Single,
    /// The mean of all the raters: ICC(·, k), which is greater.
    Mean,
}

/// An intraclass correlation with the F it was tested by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Icc {
    /// The correlation, with interval and the one-sided p-value against 0; `n` counts subjects.
    pub correlation: Estimate,
    /// The mean square between subjects divided by that of the error.
    pub f: f64,
    /// Degrees of freedom between subjects.
    pub df_subjects: f64,
    /// Degrees of freedom of the error.
    pub df_error: f64,
}

/// The intraclass correlation of ratings: the share of their variance that comes from the subjects.
///
/// `ratings` holds subject after subject, `n_raters` to each.
/// From the mean squares between subjects `B`, within them `W`, between raters `J` and of the error `E`, for `n` subjects and
/// `k` raters (Shrout and Fleiss 1979), single and mean:
///
/// - one way: `(B - W) / (B + (k - 1) W)` and `(B - W) / B`;
/// - agreement: `(B - E) / (B + (k - 1) E + k (J - E) / n)` and `(B - E) / (B + (J - E) / n)`;
/// - consistency: `(B - E) / (B + (k - 1) E)` and `(B - E) / B`.
///
/// Intervals come from quantiles of F, for agreement with Satterthwaite's degrees of freedom (`McGraw` and Wong 1996).
///
/// It depends on how much the subjects differ: among subjects alike, good raters have a low one.
/// Below 0 it means that subjects differ less than chance would have them.
///
/// # Errors
///
/// [`StatsError::Ragged`] if the ratings do not fill rows, [`StatsError::TooFew`] below 2 subjects or raters,
/// [`StatsError::NoSpread`] if there is no error to compare with, [`StatsError::Empty`], [`StatsError::NotANumber`],
/// [`StatsError::NotFinite`].
///
/// ```
/// use isinglass_stats::{IccModel, IccUnit, icc};
///
/// // Six subjects by four judges: table 2 of Shrout and Fleiss.
/// let ratings = [
///     9.0, 2.0, 5.0, 8.0, 6.0, 1.0, 3.0, 2.0, 8.0, 4.0, 6.0, 8.0, //
///     7.0, 1.0, 2.0, 6.0, 10.0, 5.0, 6.0, 9.0, 6.0, 2.0, 4.0, 7.0,
/// ];
/// let found = icc(&ratings, 4, IccModel::Agreement, IccUnit::Single)?;
/// assert_eq!(found.correlation.to_string(), "0.290 [0.02, 0.76] (n = 6, p = 1e-4)");
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn icc(ratings: &[f64], n_raters: usize, model: IccModel, unit: IccUnit) -> Result<Icc, StatsError> {
    let statistic = "an intraclass correlation";
    if n_raters == 0 || !ratings.len().is_multiple_of(n_raters) {
        return Err(StatsError::Ragged { n_values: ratings.len(), width: n_raters });
    }
    enough("ratings", ratings, 1, statistic)?;
    let n_subjects = ratings.len() / n_raters;
    for (what, got) in [("subjects", n_subjects), ("raters", n_raters)] {
        if got < 2 {
            return Err(StatsError::TooFew { what, got, least: 2, statistic });
        }
    }
    let squares = MeanSquares::of(ratings, n_raters);
    let MeanSquares { n, k, subjects, within, raters, error } = squares;
    let (against, df_subjects, df_error) = match model {
        IccModel::OneWay => (within, n - 1.0, n * (k - 1.0)),
        IccModel::Agreement | IccModel::Consistency => (error, n - 1.0, (n - 1.0) * (k - 1.0)),
    };
    if against <= 0.0 {
        return Err(StatsError::NoSpread { what: "ratings of a subject", statistic });
    }
    let f = subjects / against;
    let between_raters = if model == IccModel::Agreement { k * (raters - error) / n } else { 0.0 };
    let single = (subjects - against) / (subjects + (k - 1.0) * against + between_raters);
    let (low, high) = match model {
        IccModel::OneWay | IccModel::Consistency => {
            let q = f64::midpoint(1.0, LEVEL);
            let lower = f / f_quantile(q, df_subjects, df_error);
            let upper = f * f_quantile(q, df_error, df_subjects);
            ((lower - 1.0) / (lower + k - 1.0), (upper - 1.0) / (upper + k - 1.0))
        }
        IccModel::Agreement => squares.agreement_interval(single),
    };
    // The reliability of the mean of k (Spearman 1910, Brown 1910), which all formulas of the mean come to.
    let of_unit = |single: f64| match unit {
        IccUnit::Single => single,
        IccUnit::Mean => k * single / (1.0 + (k - 1.0) * single),
    };
    let name = match (model, unit) {
        (IccModel::OneWay, IccUnit::Single) => "ICC(1,1)",
        (IccModel::OneWay, IccUnit::Mean) => "ICC(1,k)",
        (IccModel::Agreement, IccUnit::Single) => "ICC(2,1)",
        (IccModel::Agreement, IccUnit::Mean) => "ICC(2,k)",
        (IccModel::Consistency, IccUnit::Single) => "ICC(3,1)",
        (IccModel::Consistency, IccUnit::Mean) => "ICC(3,k)",
    };
    let interval = Interval::new(of_unit(low), of_unit(high), LEVEL, "F".to_owned());
    let correlation = Estimate::new(of_unit(single), Some(interval), n_subjects, name)
        .with_p(f_sf(f, df_subjects, df_error), "F of subjects, one-sided");
    Ok(Icc { correlation, f, df_subjects, df_error })
}

/// Mean squares of a table of subjects by raters.
#[derive(Clone, Copy)]
struct MeanSquares {
    n: f64,
    k: f64,
    subjects: f64,
    within: f64,
    raters: f64,
    error: f64,
}

impl MeanSquares {
    fn of(ratings: &[f64], n_raters: usize) -> Self {
        let (n, k) = ((ratings.len() / n_raters) as f64, n_raters as f64);
        let mean = mean_of(ratings);
        let subject_means: Vec<f64> = ratings.chunks_exact(n_raters).map(mean_of).collect();
        let rater_means: Vec<f64> =
            (0..n_raters).map(|rater| ratings.iter().skip(rater).step_by(n_raters).sum::<f64>() / n).collect();
        let spread = |means: &[f64]| means.iter().map(|m| (m - mean).powi(2)).sum::<f64>();
        let cells = || ratings.iter().enumerate().map(|(i, value)| (i / n_raters, i % n_raters, value));
        let within: f64 = cells().map(|(subject, _, value)| (value - subject_means[subject]).powi(2)).sum();
        let error: f64 = cells()
            .map(|(subject, rater, value)| (value - subject_means[subject] - rater_means[rater] + mean).powi(2))
            .sum();
        Self {
            n,
            k,
            subjects: k * spread(&subject_means) / (n - 1.0),
            within: within / (n * (k - 1.0)),
            raters: n * spread(&rater_means) / (k - 1.0),
            error: error / ((n - 1.0) * (k - 1.0)),
        }
    }

    /// The interval of ICC(2,1), with degrees of freedom for a sum of mean squares.
    fn agreement_interval(self, icc: f64) -> (f64, f64) {
        let Self { n, k, subjects, raters, error, .. } = self;
        let raters_part = k * icc * raters / error;
        let error_part = n * (1.0 + (k - 1.0) * icc) - k * icc;
        let df = (k - 1.0) * (n - 1.0) * (raters_part + error_part).powi(2)
            / ((n - 1.0) * raters_part.powi(2) + error_part.powi(2));
        let q = f64::midpoint(1.0, LEVEL);
        let (lower, upper) = (f_quantile(q, n - 1.0, df), f_quantile(q, df, n - 1.0));
        let rest = k * raters + (k * n - k - n) * error;
        let low = n * (subjects - lower * error) / (lower * rest + n * subjects);
        let high = n * (upper * subjects - error) / (rest + n * upper * subjects);
        (low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JUDGES: [f64; 24] = [
        9.0, 2.0, 5.0, 8.0, 6.0, 1.0, 3.0, 2.0, 8.0, 4.0, 6.0, 8.0, //
        7.0, 1.0, 2.0, 6.0, 10.0, 5.0, 6.0, 9.0, 6.0, 2.0, 4.0, 7.0,
    ];

    /// Values to two digits from table 4 of Shrout and Fleiss; intervals to three as R's `psych::ICC` prints them for
    /// the same table.
    #[test]
    fn the_table_of_shrout_and_fleiss() {
        let check = |model, unit, value: f64, [low, high]: [f64; 2]| {
            let found = icc(&JUDGES, 4, model, unit).unwrap().correlation;
            let interval = found.interval().unwrap();
            assert!((found.value() - value).abs() < 0.005, "{found:?}");
            assert!((interval.low() - low).abs() < 0.0006 && (interval.high() - high).abs() < 0.0006, "{found:?}");
        };
        check(IccModel::OneWay, IccUnit::Single, 0.17, [-0.133, 0.723]);
        check(IccModel::Agreement, IccUnit::Single, 0.29, [0.019, 0.761]);
        check(IccModel::Consistency, IccUnit::Single, 0.71, [0.342, 0.946]);
        check(IccModel::OneWay, IccUnit::Mean, 0.44, [-0.884, 0.912]);
        check(IccModel::Agreement, IccUnit::Mean, 0.62, [0.071, 0.927]);
        check(IccModel::Consistency, IccUnit::Mean, 0.91, [0.676, 0.986]);
    }

    /// Their mean squares: 11.24 between subjects, 6.26 within, 32.49 between judges, 1.02 error.
    #[test]
    fn the_mean_squares_of_the_paper() {
        let found = MeanSquares::of(&JUDGES, 4);
        for (got, expected) in
            [(found.subjects, 11.24), (found.within, 6.26), (found.raters, 32.49), (found.error, 1.02)]
        {
            assert!((got - expected).abs() < 0.005, "{got} for {expected}");
        }
    }

    #[test]
    fn a_rater_who_adds_a_constant_is_consistent_but_does_not_agree() {
        let ratings = [1.0, 4.0, 2.0, 5.5, 3.0, 5.5, 5.0, 8.0];
        let value = |model| icc(&ratings, 2, model, IccUnit::Single).unwrap().correlation.value();
        assert!(value(IccModel::Consistency) > 0.95 && value(IccModel::Agreement) < 0.5);
    }

    #[test]
    fn tables_without_error_or_shape_are_refused() {
        let check = |ratings: &[f64], k| icc(ratings, k, IccModel::Consistency, IccUnit::Single).unwrap_err();
        assert!(matches!(check(&[1.0, 2.0, 3.0, 4.0], 2), StatsError::NoSpread { .. }));
        assert_eq!(check(&[1.0, 2.0, 3.0], 2), StatsError::Ragged { n_values: 3, width: 2 });
        assert!(matches!(check(&[1.0, 2.0], 2), StatsError::TooFew { what: "subjects", .. }));
        assert!(matches!(check(&[1.0, 2.0], 1), StatsError::TooFew { what: "raters", .. }));
        assert!(matches!(check(&[], 2), StatsError::Empty { .. }));
    }
}
