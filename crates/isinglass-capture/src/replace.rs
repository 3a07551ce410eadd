//! Files that are whole or not there, and that one process writes at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use isinglass_formats::FormatError;

use crate::error::StoreError;

/// What to do while another process writes the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Wait: it writes the same bytes and is soon done.
    ForOthers,
    /// Give up.
    No,
}

/// A file that is being made: all of it under the name `….partial`, which then becomes its own.
///
/// The name is the same each time, so what a killed process left is written over by the next; a lock keeps two that are
/// alive apart. (Where the file system has no locks, whoever starts the processes has to.)
/// What is dropped unfinished goes: it is written anew the next time, and a full disk wants the space.
#[derive(Debug)]
pub(crate) struct Partial {
    path: PathBuf,
    file: Arc<File>,
    is_finished: bool,
}

impl Partial {
    /// Begins a file; `None` if it is there meanwhile.
    pub(crate) fn begin(path: &Path, wait: Wait) -> Result<Option<Self>, StoreError> {
        let failed = |source| cannot_write(path, source);
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(partial(path)).map_err(failed)?;
        let locked = match wait {
            Wait::ForOthers => file.lock().map_err(TryLockError::Error),
            Wait::No => file.try_lock(),
        };
        match locked {
            Err(TryLockError::WouldBlock) => return Err(StoreError::Busy { path: path.into() }),
            Err(TryLockError::Error(source)) if source.kind() != io::ErrorKind::Unsupported => {
                return Err(failed(source));
            }
            _ => {}
        }
        let begun = Self { path: path.into(), file: Arc::new(file), is_finished: false };
        // Another process may have finished the file while this one waited, or just before it looked.
        if path.exists() {
            return Ok(None);
        }
        if begun.file.metadata().map_err(failed)?.len() > 0 {
            begun.file.set_len(0).map_err(failed)?;
        }
        Ok(Some(begun))
    }

    /// The file itself, to be filled.
    pub(crate) const fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Gives the file its name, once all of it is on disk.
    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        let finished = self
            .file
            .sync_all()
            .and_then(|()| fs::rename(partial(&self.path), &self.path))
            .and_then(|()| sync_folder(&self.path));
        self.is_finished = finished.is_ok();
        finished.map_err(|source| cannot_write(&self.path, source))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = fs::remove_file(partial(&self.path));
        }
    }
}

/// Writes a file that is not there yet.
pub(crate) fn write_whole(path: &Path, wait: Wait, bytes: &[u8]) -> Result<(), StoreError> {
    let Some(begun) = Partial::begin(path, wait)? else { return Ok(()) };
    write_at(begun.file(), 0, bytes).map_err(|source| cannot_write(path, source))?;
    begun.finish()
}

/// That a file cannot be written, under the name that it has meanwhile.
pub(crate) fn cannot_write(path: &Path, source: io::Error) -> StoreError {
    let source = Box::new(FormatError::Write { path: partial(path), source });
    StoreError::Write { path: path.into(), source }
}

/// The name that a file has while it is written.
pub(crate) fn partial(path: &Path) -> PathBuf {
    path.with_added_extension("partial")
}

/// Makes a new name last through a loss of power.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(unix)]
pub(crate) fn write_at(file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
pub(crate) fn write_at(file: &File, mut at: u64, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, at)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n => {
                bytes = &bytes[n..];
                at += n as u64;
            }
        }
    }
    Ok(())
}
