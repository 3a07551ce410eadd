//! Which outcomes count as extreme.

use serde::Serialize;

/// Which outcomes count as evidence against the null of a test.
///
/// One-sided only if the direction was fixed before the data were seen: chosen afterwards, it halves p for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Alternative {
    /// Either direction.
    TwoSided,
    /// The first sample, or the value, is greater.
    Greater,
    /// The first sample, or the value, is less.
    Less,
}

impl Alternative {
    /// The p-value of a statistic whose null is symmetric about 0 and exceeds a value with probability `sf`.
    pub(crate) fn p(self, statistic: f64, sf: impl Fn(f64) -> f64) -> f64 {
        match self {
            Self::TwoSided => 2.0 * sf(statistic.abs()),
            Self::Greater => sf(statistic),
            Self::Less => sf(-statistic),
        }
    }

    /// How a p-value names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TwoSided => "two-sided",
            Self::Greater => "one-sided, greater",
            Self::Less => "one-sided, less",
        }
    }
}
