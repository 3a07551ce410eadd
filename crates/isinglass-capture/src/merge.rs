//! One store of several that each hold some of its shards, without copying.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::StoreError;
use crate::manifest::Manifest;
use crate::shard::{self, Shard};
use crate::store::Store;

/// How a merged store has shards that are in other folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Link {
    /// One more name of the same file, which stays when the other is deleted; needs one file system.
    #[default]
    Hard,
    /// A pointer to the file, which must stay where it is.
    Symbolic,
}

impl Store {
    /// Makes a store of folders that hold parts of it, as processes with disks of their own leave them: its manifest, and
    /// links to their shards. Shards that are there already stay.
    ///
    /// # Errors
    /// [`StoreError`] if they are of different captures, no folder has a certain shard, or it cannot be linked. Then nothing
    /// was changed but for the shards that were linked, and merging again goes on from there.
    pub fn merge<P: AsRef<Path>>(parts: &[P], into: impl Into<PathBuf>, link: Link) -> Result<Self, StoreError> {
        let into = into.into();
        let parts: Vec<&Path> = parts.iter().map(AsRef::as_ref).collect();
        let Some(first) = parts.first() else { return Err(StoreError::NoParts) };
        let manifest = Manifest::read(first)?;
        for part in &parts[1..] {
            manifest.expect_same(part, &Manifest::read(part)?)?;
        }
        let places: Vec<&Path> = std::iter::once(into.as_path()).chain(parts).collect();
        let mut found = Vec::with_capacity(manifest.n_shards());
        for shard in 0..manifest.n_shards() {
            let mut holder = None;
            for place in &places {
                if Shard::open(place, shard, &manifest)?.is_some() {
                    holder = Some(*place);
                    break;
                }
            }
            found.push(holder);
        }
        if let Some(first_missing) = found.iter().position(Option::is_none) {
            let (present, n_shards) = (found.iter().flatten().count(), found.len());
            return Err(StoreError::Incomplete { path: into, present, n_shards, first_missing });
        }
        manifest.establish(&into)?;
        for (number, holder) in found.into_iter().enumerate() {
            if let Some(holder) = holder.filter(|holder| *holder != into) {
                make(link, &shard::path(holder, number), &shard::path(&into, number))?;
            }
        }
        Self::open(into)
    }
}

fn make(link: Link, from: &Path, to: &Path) -> Result<(), StoreError> {
    let made = match link {
        Link::Hard => fs::hard_link(from, to),
        Link::Symbolic => fs::canonicalize(from).and_then(|from| symbolic(&from, to)),
    };
    made.map_err(|source| StoreError::Link { from: from.into(), to: to.into(), source })
}

#[cfg(unix)]
fn symbolic(from: &Path, to: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

#[cfg(windows)]
fn symbolic(from: &Path, to: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_file(from, to)
}
