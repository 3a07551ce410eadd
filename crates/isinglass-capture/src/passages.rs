//! Where the texts come from: anything that can give any of them again.

use std::error::Error;
use std::fmt;
use std::ops::Range;

use isinglass_core::Passage;

/// Why a text could not be had: whatever the place they come from says.
pub type TextError = Box<dyn Error + Send + Sync>;

/// Texts as token ids, any range of which can be asked for, more than once.
///
/// A capture reads them twice, a piece at a time: first to lay out shards, then to run them. So a file of any size can be
/// captured, and texts in memory are just a slice of `Vec<u32>` or [`Passage`].
pub trait Passages {
    /// Number of texts.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// These texts, in order; the same each time.
    ///
    /// # Errors
    /// What the place they come from says.
    fn read(&self, texts: Range<usize>) -> Result<Vec<Passage>, TextError>;
}

impl<T: Clone + TryInto<Passage, Error: Into<TextError>>> Passages for [T] {
    fn len(&self) -> usize {
        self.len()
    }

    fn read(&self, texts: Range<usize>) -> Result<Vec<Passage>, TextError> {
        let start = texts.start;
        let passage = |(i, text): (usize, &T)| {
            text.clone().try_into().map_err(|e| TextError::from(BadText { index: start + i, source: e.into() }))
        };
        self[texts].iter().enumerate().map(passage).collect()
    }
}

impl<T> Passages for Vec<T>
where
    [T]: Passages,
{
    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn read(&self, texts: Range<usize>) -> Result<Vec<Passage>, TextError> {
        self.as_slice().read(texts)
    }
}

impl<T, const N: usize> Passages for [T; N]
where
    [T]: Passages,
{
    fn len(&self) -> usize {
        N
    }

    fn read(&self, texts: Range<usize>) -> Result<Vec<Passage>, TextError> {
        self.as_slice().read(texts)
    }
}

/// A text that makes no passage.
#[derive(Debug, thiserror::Error)]
#[error("text {index} cannot be run")]
struct BadText {
    index: usize,
    source: TextError,
}

/// Texts that a function gives; made by [`passages`].
#[derive(Clone, Copy)]
pub struct PassagesFrom<F> {
    len: usize,
    read: F,
}

/// Texts that a function gives by their range: from a file, a database, a generator.
///
/// ```
/// use isinglass_capture::{Passages, passages};
/// use isinglass_core::Passage;
/// let texts = passages(1000, |range| range.map(|i| Ok(Passage::new([i as u32])?)).collect());
/// assert_eq!(texts.read(7..9)?[1].ids(), [8]);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub fn passages<F>(len: usize, read: F) -> PassagesFrom<F>
where
    F: Fn(Range<usize>) -> Result<Vec<Passage>, TextError>,
{
    PassagesFrom { len, read }
}

impl<F: Fn(Range<usize>) -> Result<Vec<Passage>, TextError>> Passages for PassagesFrom<F> {
    fn len(&self) -> usize {
        self.len
    }

    fn read(&self, texts: Range<usize>) -> Result<Vec<Passage>, TextError> {
        (self.read)(texts)
    }
}

impl<F> fmt::Debug for PassagesFrom<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassagesFrom").field("len", &self.len).finish_non_exhaustive()
    }
}
