//! The lines of a file, one after another, in memory that one line needs.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use crate::DataError;

/// The most bytes of a line with its end: no text is as long, and a file without line ends is no file of texts.
pub(super) const LONGEST: usize = 64 << 20;

/// What some programs write at the start of a file to say that it is UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines of a file from some place on.
pub(super) struct Lines<'a> {
    path: &'a Path,
    file: BufReader<File>,
    /// How many bytes of the file come before the next line.
    at: u64,
    /// How many lines come before it.
    n_before: usize,
    line: Vec<u8>,
}

/// One line.
pub(super) struct Line<'a> {
    path: &'a Path,
    /// Its bytes with its end.
    pub(super) bytes: &'a [u8],
    /// Its number in the file, from 1.
    pub(super) number: usize,
}

impl<'a> Lines<'a> {
    /// The lines from byte `at` on, before which there are `n_before`.
    pub(super) fn open(path: &'a Path, at: u64, n_before: usize) -> Result<Self, DataError> {
        let open = || {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(at))?;
            Ok(BufReader::with_capacity(1 << 16, file))
        };
        let file = open().map_err(|source| cannot_read(path, source))?;
        Ok(Self { path, file, at, n_before, line: Vec::new() })
    }

    /// How many bytes the file has now.
    pub(super) fn file_bytes(&self) -> Result<u64, DataError> {
        Ok(self.file.get_ref().metadata().map_err(|source| cannot_read(self.path, source))?.len())
    }

    /// How many bytes of the file come before the next line.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// How many lines come before the next.
    pub(super) fn n_before(&self) -> usize {
        self.n_before
    }

    /// Reads a line; `None` at the end of the file.
    pub(super) fn read_line(&mut self) -> Result<Option<Line<'_>>, DataError> {
        self.line.clear();
        let mut bounded = self.file.by_ref().take(LONGEST as u64 + 1);
        let n_bytes = bounded.read_until(b'\n', &mut self.line).map_err(|source| cannot_read(self.path, source))?;
        if n_bytes == 0 {
            return Ok(None);
        }
        self.at += n_bytes as u64;
        self.n_before += 1;
        if n_bytes > LONGEST {
            return Err(DataError::LongLine { path: self.path.to_owned(), line: self.n_before, most: LONGEST });
        }
        Ok(Some(Line { path: self.path, bytes: &self.line, number: self.n_before }))
    }
}

impl<'a> Line<'a> {
    /// What it says without its end and, in the first line, without a byte order mark; `None` where it is blank.
    pub(super) fn content(&self) -> Result<Option<&'a str>, DataError> {
        let marked = if self.number == 1 { self.bytes.strip_prefix(BYTE_ORDER_MARK) } else { None };
        let bytes = marked.unwrap_or(self.bytes);
        let bytes = bytes.strip_suffix(b"\n").map_or(bytes, |line| line.strip_suffix(b"\r").unwrap_or(line));
        match std::str::from_utf8(bytes) {
            Ok(content) if content.trim_start().is_empty() => Ok(None),
            Ok(content) => Ok(Some(content)),
            Err(_) => Err(DataError::NotUtf8 { path: self.path.to_owned(), line: self.number }),
        }
    }
}

fn cannot_read(path: &Path, source: io::Error) -> DataError {
    DataError::Read { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a file of these bytes from byte `at` on, each with its number.
    fn check(bytes: &[u8], at: u64, n_before: usize) -> Result<Vec<(usize, Option<String>)>, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.txt");
        std::fs::write(&path, bytes).unwrap();
        let mut lines = Lines::open(&path, at, n_before)?;
        let mut found = Vec::new();
        while let Some(line) = lines.read_line()? {
            found.push((line.number, line.content()?.map(str::to_owned)));
        }
        assert_eq!((lines.at(), lines.n_before()), (bytes.len() as u64, n_before + found.len()));
        Ok(found)
    }

    fn line(number: usize, text: &str) -> (usize, Option<String>) {
        (number, Some(text.to_owned()))
    }

    #[test]
    fn ends_and_marks_are_no_text() {
        let bytes = b"\xef\xbb\xbf a \r\n\r\n \t\nb\rc\n\nd\r";
        let expected = [line(1, " a "), (2, None), (3, None), line(4, "b\rc"), (5, None), line(6, "d\r")];
        assert_eq!(check(bytes, 0, 0).unwrap(), expected);
        assert_eq!(check(bytes, 8, 1).unwrap(), expected[1..]);
        assert_eq!(check(b"a\n\xef\xbb\xbfb", 0, 0).unwrap(), [line(1, "a"), line(2, "\u{feff}b")]);
        assert_eq!(check(b"\xef\xbb\xbf", 0, 0).unwrap(), [(1, None)]);
        assert_eq!(check(b"", 0, 0).unwrap(), []);
    }

    #[test]
    fn bytes_that_are_no_text_are_named_with_their_line() {
        let error = check(b"a\nb\n\xff\n", 0, 0).unwrap_err();
        assert!(matches!(error, DataError::NotUtf8 { line: 3, .. }), "{error:?}");
    }

    #[test]
    fn a_line_may_be_long_but_not_longer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.txt");
        // A hole, which takes no room on disk: as many zeros as a line may have, then its end.
        std::fs::write(&path, "a\n").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(2 + LONGEST as u64).unwrap();
        let mut lines = Lines::open(&path, 2, 1).unwrap();
        assert_eq!(lines.read_line().unwrap().unwrap().bytes.len(), LONGEST);
        file.set_len(2 + 10 * LONGEST as u64).unwrap();
        let mut lines = Lines::open(&path, 2, 1).unwrap();
        let error = lines.read_line().err().unwrap();
        assert!(matches!(error, DataError::LongLine { line: 2, most: LONGEST, .. }), "{error:?}");
        assert!(lines.line.capacity() <= 4 * LONGEST);
    }
}
