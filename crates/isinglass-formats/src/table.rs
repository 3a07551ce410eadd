//! The tensors of one file: where each one lies, checked once when the file is opened.

use std::ops::Range;
use std::path::Path;

use crate::nearest::nearest;
use crate::{Dtype, FormatError, TensorView};

/// More axes than any model's tensor has; a header that claims more would cost more memory than it takes.
pub(crate) const MOST_DIMS: usize = 8;

/// More keys than any model file's metadata has (tens); a tree of more would cost more memory than the file takes.
pub(crate) const MOST_KEYS: usize = 1024;

/// Where one tensor lies.
///
/// Kept small, since a hostile header may claim an entry for every 24 bytes: the length follows from dtype and shape.
#[derive(Debug)]
pub(crate) struct Entry {
    name: Box<str>,
    shape: Box<[usize]>,
    /// From the start of the data, as both formats count.
    start: usize,
    dtype: Dtype,
}

impl Entry {
    /// An entry whose blocks are whole and whose size is a number; whether it lies in the file is for [`Table::new`].
    pub(crate) fn new(path: &Path, name: &str, dtype: Dtype, shape: &[usize], start: u64) -> Result<Self, FormatError> {
        let (path, tensor) = (|| path.to_path_buf(), || name.to_string());
        let overflow = || FormatError::ShapeOverflow { path: path(), tensor: tensor(), shape: shape.to_vec() };
        let n_elements = shape.iter().try_fold(1, |n: usize, d| n.checked_mul(*d)).ok_or_else(overflow)?;
        let n_bytes = dtype.n_bytes(n_elements).ok_or_else(overflow)?;
        let end = usize::try_from(start).ok().and_then(|start| start.checked_add(n_bytes));
        let Some(end) = end else {
            return Err(FormatError::OffsetOverflow { path: path(), tensor: tensor(), offset: start });
        };
        let (block, fastest) = (dtype.block().0, shape.last().copied().unwrap_or(1));
        if !fastest.is_multiple_of(block) {
            return Err(FormatError::PartialBlock { path: path(), tensor: tensor(), dtype, found: fastest, block });
        }
        Ok(Self { name: name.into(), shape: shape.into(), start: end - n_bytes, dtype })
    }

    pub(crate) fn n_bytes(&self) -> usize {
        // Neither step overflows: `new` took both.
        self.shape.iter().product::<usize>() / self.dtype.block().0 * self.dtype.block().1
    }

    fn end(&self) -> usize {
        self.start + self.n_bytes()
    }
}

/// What may lie between tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gaps {
    /// Padding, as in GGUF.
    Allowed,
    /// Nothing: safetensors promises that every byte belongs to a tensor.
    Refused,
}

/// The tensors of one file, by name.
#[derive(Debug)]
pub(crate) struct Table {
    /// Sorted by name.
    entries: Vec<Entry>,
    /// Where in the file the data starts.
    data_start: usize,
}

impl Table {
    /// Checks that the tensors lie between `data_start` and the end of the file, apart, and have names of their own.
    pub(crate) fn new(
        path: &Path,
        mut entries: Vec<Entry>,
        data_start: usize,
        file_bytes: usize,
        gaps: Gaps,
    ) -> Result<Self, FormatError> {
        // The padding before the data is missing where there are no tensors.
        let data_start = data_start.min(file_bytes);
        let data_bytes = file_bytes - data_start;
        let unclaimed = |from: usize, to: usize| FormatError::Unclaimed {
            path: path.to_path_buf(),
            at: (data_start + from) as u64,
            n_bytes: (to - from) as u64,
        };
        entries.sort_unstable_by_key(|entry| (entry.start, entry.n_bytes()));
        let (mut end, mut before) = (0, "");
        for entry in &entries {
            if entry.end() > data_bytes {
                return Err(FormatError::OutsideFile {
                    path: path.to_path_buf(),
                    tensor: entry.name.to_string(),
                    start: entry.start as u64,
                    end: entry.end() as u64,
                    data_bytes: data_bytes as u64,
                });
            }
            if entry.start < end {
                return Err(FormatError::Overlap {
                    path: path.to_path_buf(),
                    tensor: entry.name.to_string(),
                    other: before.to_string(),
                });
            }
            if entry.start > end && gaps == Gaps::Refused {
                return Err(unclaimed(end, entry.start));
            }
            (end, before) = (entry.end(), &entry.name);
        }
        if end < data_bytes && gaps == Gaps::Refused {
            return Err(unclaimed(end, data_bytes));
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        match entries.windows(2).find(|pair| pair[0].name == pair[1].name) {
            None => Ok(Self { entries, data_start }),
            Some(pair) => {
                Err(FormatError::Duplicate { path: path.to_path_buf(), what: "tensor", name: pair[0].name.to_string() })
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| &*entry.name)
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    pub(crate) fn view<'a>(
        &'a self,
        path: &'a Path,
        bytes: &'a [u8],
        name: &str,
    ) -> Result<TensorView<'a>, FormatError> {
        let entry = self.entry(path, name)?;
        Ok(TensorView {
            path,
            name: &entry.name,
            dtype: entry.dtype,
            shape: &entry.shape,
            bytes: &bytes[self.place(entry)],
        })
    }

    /// Where in the file a tensor's bytes lie.
    pub(crate) fn range(&self, path: &Path, name: &str) -> Result<Range<usize>, FormatError> {
        Ok(self.place(self.entry(path, name)?))
    }

    fn place(&self, entry: &Entry) -> Range<usize> {
        // No overflow: `new` held the end against the length of the file.
        self.data_start + entry.start..self.data_start + entry.end()
    }

    fn entry(&self, path: &Path, name: &str) -> Result<&Entry, FormatError> {
        self.find(name).ok_or_else(|| FormatError::NoSuchTensor {
            path: path.to_path_buf(),
            tensor: name.to_string(),
            nearest: nearest(name, self.names()),
        })
    }

    fn find(&self, name: &str) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|entry| (*entry.name).cmp(name)).ok()?;
        Some(&self.entries[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_stays_small() {
        // The least tensor of a GGUF header takes 24 bytes; the bound of tests/memory.rs is twice the file.
        assert!(size_of::<Entry>() <= 48);
    }
}
