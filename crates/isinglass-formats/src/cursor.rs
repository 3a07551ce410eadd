//! Reading little-endian numbers and strings out of bytes that may end too soon.

use std::path::Path;

use crate::FormatError;

/// A place in a file's bytes that only moves forward; reading past the end is an error, and nothing is copied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at byte `at`; a place behind the end has no bytes left.
    pub(crate) fn new(path: &'a Path, bytes: &'a [u8], at: usize) -> Self {
        Self { path, bytes, at: at.min(bytes.len()) }
    }

    pub(crate) fn path(&self) -> &'a Path {
        self.path
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next `n` bytes.
    pub(crate) fn take(&mut self, n: u64, what: &'static str) -> Result<&'a [u8], FormatError> {
        match usize::try_from(n) {
            Ok(n) if n <= self.left() => {
                let taken = &self.bytes[self.at..self.at + n];
                self.at += n;
                Ok(taken)
            }
            _ => Err(self.truncated(n, what)),
        }
    }

    /// The next `N` bytes, as a number's `from_le_bytes` wants them.
    pub(crate) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], FormatError> {
        match self.bytes[self.at..].first_chunk() {
            Some(chunk) => {
                self.at += N;
                Ok(*chunk)
            }
            None => Err(self.truncated(N as u64, what)),
        }
    }

    pub(crate) fn u16(&mut self, what: &'static str) -> Result<u16, FormatError> {
        self.array(what).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, FormatError> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, what: &'static str) -> Result<u64, FormatError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// A string after its length in 8 bytes.
    pub(crate) fn str(&mut self, what: &'static str) -> Result<&'a str, FormatError> {
        let n = self.u64(what)?;
        let at = self.at;
        std::str::from_utf8(self.take(n, what)?).map_err(|source| FormatError::NotUtf8 {
            path: self.path.to_path_buf(),
            what,
            at: (at + source.valid_up_to()) as u64,
        })
    }

    /// A count that a header claims, of things that take at least `least` bytes each, if the bytes left can hold them.
    pub(crate) fn room(&self, count: u64, least: usize, what: &'static str) -> Result<usize, FormatError> {
        let room = self.left() / least;
        match usize::try_from(count) {
            Ok(count) if count <= room => Ok(count),
            _ => Err(FormatError::Count { path: self.path.to_path_buf(), what, found: count, room: room as u64 }),
        }
    }

    fn truncated(&self, needed: u64, what: &'static str) -> FormatError {
        FormatError::Truncated {
            path: self.path.to_path_buf(),
            what,
            at: self.at as u64,
            needed,
            left: self.left() as u64,
        }
    }
}
