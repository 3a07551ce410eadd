//! A file's bytes, memory-mapped.
#![allow(unsafe_code, reason = "mapping a file is unsafe in every crate that offers it; this module is the only place")]

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::FormatError;

/// A whole file in memory, read page by page as it is used.
pub(crate) struct Map {
    path: PathBuf,
    bytes: Mmap,
}

impl Map {
    /// Maps a regular file that is not empty.
    pub(crate) fn open(path: &Path) -> Result<Self, FormatError> {
        let (file, n_bytes) = open_file(path)?;
        if n_bytes == 0 {
            return Err(FormatError::Empty { path: path.to_path_buf() });
        }
        // SAFETY: the map is read-only and private to this process's view. As with every reader of this kind, a file
        // that another process shortens meanwhile ends this one (SIGBUS); nothing keeps a Rust invariant about the
        // contents, which are checked again, as UTF-8 for instance, wherever they are turned into something else.
        let bytes = unsafe { Mmap::map(&file) };
        let bytes = bytes.map_err(|source| FormatError::Open { path: path.to_path_buf(), source })?;
        Ok(Self { path: path.to_path_buf(), bytes })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("path", &self.path).field("n_bytes", &self.bytes.len()).finish()
    }
}

/// Opens a regular file and tells its length; the kind is looked at first, since opening a pipe would wait for a writer.
pub(crate) fn open_file(path: &Path) -> Result<(File, u64), FormatError> {
    let cannot_open = |source| FormatError::Open { path: path.to_path_buf(), source };
    if !std::fs::metadata(path).map_err(cannot_open)?.is_file() {
        return Err(FormatError::NotAFile { path: path.to_path_buf() });
    }
    let file = File::open(path).map_err(cannot_open)?;
    let n_bytes = file.metadata().map_err(cannot_open)?.len();
    Ok((file, n_bytes))
}
