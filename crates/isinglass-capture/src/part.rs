//! One of several that share the work.

use std::fmt;
use std::str::FromStr;

/// Part `index` of `of` that share the work: every `of`-th shard, from shard `index` on.
///
/// Written `0/4` to `3/4`: what a Slurm array (`$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT`) or an indexed Kubernetes job
/// (`$JOB_COMPLETION_INDEX/4`) counts.
/// ```
/// use isinglass_capture::Part;
/// let part: Part = "1/4".parse()?;
/// assert_eq!(part, Part::new(1, 4)?);
/// assert_eq!("4/4".parse::<Part>().unwrap_err().to_string(), "`4/4` is no part: parts of 4 are `0/4` to `3/4`");
/// # Ok::<(), isinglass_capture::UnknownPart>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    index: usize,
    of: usize,
}

/// A text that is no [`Part`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownPart {
    /// No two numbers.
    #[error("`{found}` is no part: write `I/N`, for instance `0/4` for the first of four")]
    Text {
        /// The text.
        found: String,
    },
    /// More parts than there are.
    #[error("`{index}/{of}` is no part: parts of {of} are `0/{of}` to `{}/{of}`", of.saturating_sub(1))]
    Index {
        /// The index.
        index: usize,
        /// The number of parts.
        of: usize,
    },
}

impl Part {
    /// All of the work.
    pub const ALL: Self = Self { index: 0, of: 1 };

    /// Part `index`, counted from 0, of `of`.
    ///
    /// # Errors
    /// [`UnknownPart::Index`] if there are no more than `index` parts.
    pub const fn new(index: usize, of: usize) -> Result<Self, UnknownPart> {
        if index < of { Ok(Self { index, of }) } else { Err(UnknownPart::Index { index, of }) }
    }

    /// The shards of this part, of so many.
    pub(crate) fn shards(self, n_shards: usize) -> impl Iterator<Item = usize> {
        (self.index..n_shards).step_by(self.of)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Part {
    type Err = UnknownPart;

    fn from_str(text: &str) -> Result<Self, UnknownPart> {
        let numbers = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        let (index, of) = numbers.ok_or_else(|| UnknownPart::Text { found: text.into() })?;
        Self::new(index, of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_share_the_shards() {
        let shards = |part: &str| part.parse::<Part>().unwrap().shards(7).collect::<Vec<_>>();
        assert_eq!([shards("0/3"), shards("1/3"), shards("2/3")], [vec![0, 3, 6], vec![1, 4], vec![2, 5]]);
        assert_eq!(Part::ALL.shards(3).count(), 3);
        assert!(shards("8/9").is_empty());
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for wrong in ["", "1", "1/", "a/b", "-1/2", "1/0", "2/2"] {
            assert!(wrong.parse::<Part>().is_err(), "{wrong}");
        }
        assert_eq!(Part::new(0, 2).unwrap().to_string(), "0/2");
    }
}
