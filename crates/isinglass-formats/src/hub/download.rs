//! Files of one commit, whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::HubError;
use super::client::{Client, Metadata};
use crate::hub_cache::{HubId, Progress};
use crate::{FormatError, sha256_file, write_atomically};

/// Attempts in a row that may break off.
const ATTEMPTS: usize = 3;

/// One commit of a model in the cache.
pub(super) struct Snapshot {
    repository: PathBuf,
    commit: String,
}

impl Snapshot {
    pub(super) fn new(repository: PathBuf, commit: &str) -> Self {
        Self { repository, commit: commit.into() }
    }

    /// The snapshot that a folder is.
    pub(super) fn at(folder: &Path) -> Option<Self> {
        let repository = folder.parent()?.parent()?.to_path_buf();
        Some(Self::new(repository, folder.file_name()?.to_str()?))
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.repository.join("snapshots").join(&self.commit)
    }

    /// Whether the hub is known to have no such file, as `huggingface_hub` marks it too.
    pub(super) fn is_absent(&self, name: &str) -> bool {
        self.absent(name).is_file()
    }

    pub(super) fn mark_absent(&self, name: &str) -> Result<(), HubError> {
        write(&self.absent(name), b"")
    }

    fn absent(&self, name: &str) -> PathBuf {
        self.repository.join(".no_exist").join(&self.commit).join(name)
    }

    /// Lets a branch or tag stand for this commit; done last, so that it never stands for less than was there before.
    pub(super) fn name(&self, revision: &str) -> Result<(), HubError> {
        if revision == self.commit {
            return Ok(());
        }
        write(&self.repository.join("refs").join(revision), self.commit.as_bytes())
    }

    /// The file of that name, downloaded if it is not there.
    pub(super) fn fetch(
        &self,
        client: &Client<'_>,
        id: &HubId,
        name: &str,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<PathBuf, HubError> {
        let pointer = self.folder().join(name);
        if pointer.is_file() {
            return Ok(pointer);
        }
        let metadata = client.metadata(&self.commit, name)?;
        let blob = self.repository.join("blobs").join(&metadata.etag);
        // One process at a time; the lock is dropped with the file.
        let _lock = self.lock(&metadata.etag)?;
        if !has_length(&blob, metadata.n_bytes) {
            let part = blob.with_file_name(format!("{}.incomplete", metadata.etag));
            make_folder_of(&part)?;
            let mut report = |done| progress(Progress::new(name, done, metadata.n_bytes));
            self.fill(client, id, name, &metadata, &part, &mut report)?;
            verify(id, name, &metadata, &part)?;
            fs::rename(&part, &blob).map_err(|source| cannot_write(&blob, source))?;
        }
        link(&blob, &pointer)?;
        Ok(pointer)
    }

    /// Where `huggingface_hub` has its locks: beside the models.
    fn lock(&self, etag: &str) -> Result<File, HubError> {
        let (cache, name) = (self.repository.parent(), self.repository.file_name());
        let locks = cache.unwrap_or(Path::new(".")).join(".locks").join(name.unwrap_or_default());
        let path = locks.join(format!("{etag}.lock"));
        make_folder_of(&path)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|source| cannot_write(&path, source))?;
        file.lock().map_err(|source| cannot_write(&path, source))?;
        Ok(file)
    }

    /// Appends to `part` until it is whole.
    fn fill(
        &self,
        client: &Client<'_>,
        id: &HubId,
        name: &str,
        metadata: &Metadata,
        part: &Path,
        report: &mut dyn FnMut(u64),
    ) -> Result<(), HubError> {
        let open = OpenOptions::new().create(true).append(true).open(part);
        let mut file = open.map_err(|source| cannot_write(part, source))?;
        let mut done = file.metadata().map_err(|source| cannot_write(part, source))?.len();
        let start_at = |file: &File, n: u64| file.set_len(n).map_err(|source| cannot_write(part, source));
        if done > metadata.n_bytes {
            start_at(&file, 0)?;
            done = 0;
        }
        report(done);
        for _ in 0..ATTEMPTS {
            if done == metadata.n_bytes {
                break;
            }
            let mut stream = client.bytes(&self.commit, name, done)?;
            if stream.start != done {
                start_at(&file, stream.start)?;
                done = stream.start;
            }
            // What comes beyond the length that was announced is not the file.
            let mut body = stream.body.as_reader().take(metadata.n_bytes - done);
            let mut piece = vec![0; 1 << 16];
            // Whether the end came too soon or the connection broke: what arrived is kept.
            while let Ok(n @ 1..) = body.read(&mut piece) {
                file.write_all(&piece[..n]).map_err(|source| cannot_write(part, source))?;
                done += n as u64;
                report(done);
            }
        }
        if done < metadata.n_bytes {
            let (id, file, expected) = (id.to_string(), name.to_owned(), metadata.n_bytes);
            return Err(HubError::Truncated { id, file, found: done, expected });
        }
        file.sync_all().map_err(|source| cannot_write(part, source))
    }
}

/// Holds a whole file against its hash, where its name is one; a wrong one is deleted, since nothing can be added to it.
fn verify(id: &HubId, name: &str, metadata: &Metadata, part: &Path) -> Result<(), HubError> {
    let expected = metadata.etag.to_ascii_lowercase();
    if expected.len() != 64 || !expected.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(());
    }
    let found = sha256_file(part)?;
    if found == expected {
        return Ok(());
    }
    fs::remove_file(part).map_err(|source| cannot_write(part, source))?;
    Err(HubError::Checksum { id: id.to_string(), file: name.into(), found, expected })
}

fn has_length(path: &Path, n_bytes: u64) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == n_bytes)
}

/// Lets a snapshot have a blob: as a link, or itself where there are none.
fn link(blob: &Path, pointer: &Path) -> Result<(), HubError> {
    make_folder_of(pointer)?;
    // A link to a blob that was deleted is in the way.
    if pointer.symlink_metadata().is_ok() {
        fs::remove_file(pointer).map_err(|source| cannot_write(pointer, source))?;
    }
    #[cfg(unix)]
    let linked = {
        let name = blob.file_name().unwrap_or_default();
        std::os::unix::fs::symlink(Path::new("../../blobs").join(name), pointer)
    };
    #[cfg(not(unix))]
    let linked = fs::rename(blob, pointer);
    linked.map_err(|source| cannot_write(pointer, source))
}

fn make_folder_of(path: &Path) -> Result<(), HubError> {
    let Some(folder) = path.parent() else { return Ok(()) };
    fs::create_dir_all(folder).map_err(|source| cannot_write(folder, source))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), HubError> {
    make_folder_of(path)?;
    write_atomically(path, bytes).map_err(|error| match error {
        FormatError::Write { path, source } => HubError::Write { path, source },
        other => other.into(),
    })
}

fn cannot_write(path: &Path, source: io::Error) -> HubError {
    HubError::Write { path: path.to_path_buf(), source }
}
