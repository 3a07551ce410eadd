//! Files that are whole or not there, and that one process writes at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

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

/// Writes a file that is not there yet: all of it under the name `….partial`, which then becomes its own.
///
/// The name is the same each time, so what a killed process left is written over by the next; a lock keeps two that are
/// alive apart. (Where the file system has no locks, whoever starts the processes has to.)
pub(crate) fn write_whole(
    path: &Path,
    wait: Wait,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), StoreError> {
    let partial = partial(path);
    let failed = |failure: Failure| StoreError::Write { path: path.into(), source: Box::new(failure.at(&partial)) };
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&partial);
    let file = file.map_err(|e| failed(e.into()))?;
    let locked = match wait {
        Wait::ForOthers => file.lock().map_err(TryLockError::Error),
        Wait::No => file.try_lock(),
    };
    match locked {
        Err(TryLockError::WouldBlock) => return Err(StoreError::Busy { path: path.into() }),
        Err(TryLockError::Error(source)) if source.kind() != io::ErrorKind::Unsupported => {
            return Err(failed(source.into()));
        }
        _ => {}
    }
    // Another process may have finished the file while this one waited, or just before it looked.
    let written = if path.exists() { Err(None) } else { write(&file, fill).map_err(Some) };
    match written {
        Ok(()) => {
            fs::rename(&partial, path).map_err(|e| failed(e.into()))?;
            sync_folder(path).map_err(|e| failed(e.into()))
        }
        Err(failure) => {
            // Nothing that anyone needs: it is written anew the next time, and a full disk wants the space.
            let _ = fs::remove_file(&partial);
            failure.map_or(Ok(()), |failure| Err(failed(failure)))
        }
    }
}

/// The name that a file has while it is written.
pub(crate) fn partial(path: &Path) -> PathBuf {
    path.with_added_extension("partial")
}

fn write(file: &File, fill: impl FnOnce(&mut dyn Write) -> Result<(), Failure>) -> Result<(), Failure> {
    if file.metadata()?.len() > 0 {
        file.set_len(0)?;
    }
    // Tensors come in pieces that are larger than the buffer, and go past it.
    let mut out = BufWriter::new(file);
    fill(&mut out)?;
    out.flush()?;
    Ok(file.sync_all()?)
}

/// Makes a new name last through a loss of power.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// Why a file could not be filled.
#[derive(Debug)]
pub(crate) enum Failure {
    Io(io::Error),
    Format(FormatError),
}

impl Failure {
    fn at(self, path: &Path) -> FormatError {
        match self {
            Self::Io(source) => FormatError::Write { path: path.into(), source },
            Self::Format(error) => error,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<FormatError> for Failure {
    fn from(error: FormatError) -> Self {
        Self::Format(error)
    }
}
