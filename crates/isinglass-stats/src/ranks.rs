//! Ranks of values, ties sharing one.

use crate::StatsError;
use crate::error::numbers;

/// The rank of each value from 1 up; equal values share the mean of the ranks they take up.
///
/// # Errors
///
/// [`StatsError::Empty`], [`StatsError::NotANumber`]. Infinities have their place.
///
/// ```
/// assert_eq!(isinglass_stats::average_ranks(&[3.0, 1.0, 3.0, 2.0])?, [3.5, 1.0, 3.5, 2.0]);
/// # Ok::<(), isinglass_stats::StatsError>(())
/// ```
pub fn average_ranks(values: &[f64]) -> Result<Vec<f64>, StatsError> {
    numbers("values", values)?;
    Ok(Ranks::of(values).ranks)
}

/// Ranks of values already checked, and how many share each.
pub(crate) struct Ranks {
    pub(crate) ranks: Vec<f64>,
    /// How many values are equal, for each different value in ascending order.
    pub(crate) ties: Vec<f64>,
}

impl Ranks {
    #[expect(clippy::float_cmp, reason = "a tie is two equal values, however close others come")]
    pub(crate) fn of(values: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..values.len()).collect();
        // The two zeros are one value.
        order.sort_by(|&a, &b| (values[a] + 0.0).total_cmp(&(values[b] + 0.0)));
        let (mut ranks, mut ties, mut below) = (vec![0.0; values.len()], Vec::new(), 0);
        for tie in order.chunk_by(|&a, &b| values[a] == values[b]) {
            for &row in tie {
                ranks[row] = below as f64 + (tie.len() + 1) as f64 / 2.0;
            }
            ties.push(tie.len() as f64);
            below += tie.len();
        }
        Self { ranks, ties }
    }

    /// `Σ (t³ - t)` over ties of `t` values, which variances of rank statistics are short of.
    pub(crate) fn tie_term(&self) -> f64 {
        self.ties.iter().map(|t| t.powi(3) - t).sum()
    }

    pub(crate) fn has_ties(&self) -> bool {
        self.ties.len() < self.ranks.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_mean_rank() {
        let ranks = Ranks::of(&[0.0, f64::INFINITY, -0.0, -1.0, 0.0]);
        assert_eq!(ranks.ranks, [3.0, 5.0, 3.0, 1.0, 3.0]);
        assert_eq!((ranks.ties.as_slice(), ranks.tie_term(), ranks.has_ties()), (&[1.0, 3.0, 1.0][..], 24.0, true));
        assert_eq!(average_ranks(&[]), Err(StatsError::Empty { what: "values" }));
    }
}
