//! A coefficient of a fitted model.

use serde::Serialize;

use crate::bootstrap::LEVEL;
use crate::estimate::Interval;
use crate::tails::Null;
use crate::{Estimate, StatsError};

/// A coefficient of a fitted model: how much the outcome changes with one unit of its column, the others held.
///
/// It is what a change of the column goes along with in these rows, not what changing it would do: that depends on how
/// the rows came about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coefficient {
    /// The column, or `Intercept`.
    pub name: String,
    /// The coefficient with its 95 % interval, and the two-sided p-value of the null that it is 0.
    pub estimate: Estimate,
    /// Its standard error.
    pub se: f64,
    /// The coefficient divided by its standard error: t or z, as the interval's method says.
    pub statistic: f64,
}

impl Coefficient {
    /// One for each name; `what` was fitted, and `errors` says how the standard errors came about.
    pub(crate) fn all(
        names: &[String],
        (values, variances): (&[f64], &[f64]),
        n: usize,
        null: Null,
        (what, errors): (&'static str, &str),
    ) -> Result<Vec<Self>, StatsError> {
        let reach = null.reach();
        names
            .iter()
            .zip(values.iter().zip(variances))
            .map(|(name, (&value, &variance))| {
                let se = variance.sqrt();
                if se <= 0.0 || !se.is_finite() {
                    return Err(StatsError::NoSpread { what: "residuals", statistic: what });
                }
                let statistic = value / se;
                let how = format!("{errors} ({})", null.name());
                let interval = Interval::new(value - reach * se, value + reach * se, LEVEL, how.clone());
                let estimate = Estimate::new(value, Some(interval), n, &format!("{what}, coefficient of `{name}`"))
                    .with_p(null.two_sided(statistic), &format!("coefficient 0, two-sided, {how}"));
                Ok(Self { name: name.clone(), estimate, se, statistic })
            })
            .collect()
    }
}
