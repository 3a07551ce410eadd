//! Reading a store: rows by number, checked as they are read, in memory that does not grow with the store.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use isinglass_core::{Device, Rows, SiteId};
use rayon::prelude::*;

use crate::block::RowOrigin;
use crate::error::StoreError;
use crate::manifest::Manifest;
use crate::shard::{Shard, checksum};
use crate::source::StoreSource;

/// Activations on disk: rows of any number of sites, all from the same tokens, numbered from 0 in the order of the texts.
///
/// Opening it reads the manifest and the header of each shard. Rows are read by their place in the files, not mapped, so
/// that memory stays what a batch takes; and each is held against its checksum.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    manifest: Manifest,
    shards: Vec<Shard>,
    /// The first row of each shard, and the number of rows at the end.
    first_rows: Vec<u64>,
    /// The files of the first shards, which stay open; a process may not have more than about a thousand.
    files: Vec<OnceLock<File>>,
}

/// Files kept open.
const MOST_FILES: usize = 256;

/// The number of a row, and where its values go.
type Wanted<'v> = (u64, &'v mut [f32]);

/// Bytes read at a time.
const PIECE: usize = 1 << 18;

/// Rows this far apart have their checksums read at once: more of those than are wanted cost less than another call.
const NEAR: u64 = 512;

/// Rows that one thread reads at a time.
const MOST_NEAR: usize = 256;

impl Store {
    /// Opens a store that is complete.
    ///
    /// # Errors
    /// [`StoreError`] if there is none, it is another version's, shards are missing, or one is not what it must be.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let folder = folder.into();
        let manifest = Manifest::read(&folder)?;
        let found = present(&folder, &manifest)?;
        if let Some(first_missing) = found.iter().position(Option::is_none) {
            let (n_shards, present) = (found.len(), found.iter().flatten().count());
            return Err(StoreError::Incomplete { path: folder, present, n_shards, first_missing });
        }
        let shards: Vec<Shard> = found.into_iter().flatten().collect();
        let mut first_rows = vec![0];
        first_rows.extend(shards.iter().scan(0, |end, shard| {
            *end += shard.n_rows;
            Some(*end)
        }));
        let files = (0..shards.len().min(MOST_FILES)).map(|_| OnceLock::new()).collect();
        Ok(Self { folder, manifest, shards, first_rows, files })
    }

    /// The store itself, if its activations are those of the model with these weights.
    ///
    /// # Errors
    /// [`StoreError::OtherModel`] if they are another's.
    pub fn of_model(self, weights_sha256: &str) -> Result<Self, StoreError> {
        let subject = &self.manifest.subject;
        if subject.weights_sha256 == weights_sha256 {
            return Ok(self);
        }
        let (model, found) = (subject.model.clone(), subject.weights_sha256.clone());
        Err(StoreError::OtherModel { path: self.folder, model, found, expected: weights_sha256.into() })
    }

    /// What the store is of.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The folder it is in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Number of rows, the same at every site.
    pub fn len(&self) -> u64 {
        self.first_rows.last().copied().unwrap_or(0)
    }

    /// Whether there are none, as when a model had nothing to say.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sites, in the order of the forward pass.
    pub fn sites(&self) -> impl Iterator<Item = SiteId> {
        self.manifest.sites.iter().map(|info| info.site)
    }

    /// Rows of a site as batches on a device, in order or shuffled.
    ///
    /// # Errors
    /// [`StoreError::NoSite`] if the site was not captured.
    pub fn source(&self, site: impl Into<SiteId>, device: &Device) -> Result<StoreSource<'_>, StoreError> {
        let site = site.into();
        let index = self.index(site)?;
        Ok(StoreSource::new(self, site, index, device))
    }

    /// All rows of a site, in memory.
    ///
    /// # Errors
    /// [`StoreError`] if the site was not captured, or a row cannot be read or is damaged.
    pub fn rows(&self, site: impl Into<SiteId>) -> Result<Rows, StoreError> {
        let site = site.into();
        let index = self.index(site)?;
        let rows: Vec<u64> = (0..self.len()).collect();
        let values = self.read(index, &[rows])?.pop().unwrap_or_default();
        // Whole rows of a width that the manifest was checked to have.
        Rows::new(site, self.width(index), values)
            .map_err(|_| StoreError::ImpossibleManifest { path: Manifest::path(&self.folder) })
    }

    /// What these rows are the activations of.
    ///
    /// # Errors
    /// [`StoreError`] if there are fewer rows, or they cannot be read.
    pub fn origins(&self, rows: Range<u64>) -> Result<Vec<RowOrigin>, StoreError> {
        if rows.end > self.len() {
            return Err(self.no_row(rows.end.saturating_sub(1)));
        }
        let mut origins = Vec::new();
        let mut next = rows.start;
        while next < rows.end {
            let shard = self.shard_of(next);
            let (first, end) = (self.first_rows[shard], self.first_rows[shard + 1].min(rows.end));
            let read = |at, bytes: &mut [u8]| self.fill(shard, at, bytes);
            origins.extend(self.shards[shard].origins(next - first..end - first, read)?);
            next = end;
        }
        Ok(origins)
    }

    /// Holds every byte of every shard against its checksums; `progress` is told how many shards are done.
    ///
    /// # Errors
    /// [`StoreError`] names the first shard, and the row, that is damaged.
    pub fn verify(&self, mut progress: impl FnMut(usize)) -> Result<(), StoreError> {
        for (i, shard) in self.shards.iter().enumerate() {
            shard.verify(&self.manifest)?;
            progress(i + 1);
        }
        Ok(())
    }

    /// The number of a site in the manifest.
    fn index(&self, site: SiteId) -> Result<usize, StoreError> {
        let found = self.manifest.sites.iter().position(|info| info.site == site);
        found.ok_or_else(|| {
            let has: Vec<String> = self.sites().map(|site| format!("`{site}`")).collect();
            StoreError::NoSite { path: self.folder.clone(), site, has: has.join(", ") }
        })
    }

    pub(crate) fn width(&self, site: usize) -> usize {
        self.manifest.sites[site].width
    }

    fn no_row(&self, row: u64) -> StoreError {
        StoreError::NoRow { path: self.folder.clone(), row, n_rows: self.len() }
    }

    /// The shard that holds a row.
    fn shard_of(&self, row: u64) -> usize {
        self.first_rows.partition_point(|first| *first <= row) - 1
    }

    /// Batches of rows of a site, one after another, in any order; together they are read faster than one by one.
    pub(crate) fn read(&self, site: usize, batches: &[Vec<u64>]) -> Result<Vec<Vec<f32>>, StoreError> {
        if let Some(row) = batches.iter().flatten().find(|row| **row >= self.len()) {
            return Err(self.no_row(*row));
        }
        let width = self.width(site);
        let mut values: Vec<Vec<f32>> = batches.iter().map(|rows| zeros(rows.len() * width)).collect();
        let mut jobs: Vec<Wanted<'_>> = Vec::new();
        for (rows, values) in batches.iter().zip(&mut values) {
            jobs.extend(rows.iter().copied().zip(values.chunks_exact_mut(width)));
        }
        // In the order of the files, whatever order they are wanted in: disks like it, and neighbours are read together.
        jobs.par_sort_unstable_by_key(|(row, _)| *row);
        let mut near: Vec<(usize, &mut [Wanted<'_>])> = Vec::new();
        let mut rest = jobs.as_mut_slice();
        while let Some((first, _)) = rest.first() {
            let shard = self.shard_of(*first);
            let end = self.first_rows[shard + 1];
            let follows = |pair: &[Wanted<'_>]| pair[1].0 < end && pair[1].0 - pair[0].0 <= NEAR;
            let n = 1 + rest.windows(2).take(MOST_NEAR - 1).take_while(|pair| follows(pair)).count();
            let (piece, after) = rest.split_at_mut(n);
            near.push((shard, piece));
            rest = after;
        }
        near.into_par_iter().try_for_each_init(<[Vec<u8>; 2]>::default, |[crc, bytes], (shard, wanted)| {
            self.read_near(site, shard, wanted, crc, bytes)
        })?;
        Ok(values)
    }

    /// Rows of one shard that are near each other, in order: checksums all at once, values as they lie side by side.
    fn read_near(
        &self,
        site: usize,
        shard: usize,
        wanted: &mut [Wanted<'_>],
        crc: &mut Vec<u8>,
        bytes: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        const CRC: usize = size_of::<u32>();
        let (Some((first, _)), Some((last, _))) = (wanted.first(), wanted.last()) else { return Ok(()) };
        let (first, before) = (*first, self.first_rows[shard]);
        let place = &self.shards[shard].sites[site];
        crc.resize((last - first + 1) as usize * CRC, 0);
        self.fill(shard, place.checksums + (first - before) * CRC as u64, crc)?;
        let crc = crc.as_chunks().0;
        let precision = self.manifest.precision;
        let row_bytes = self.width(site) * precision.n_bytes();
        let most = (PIECE / row_bytes).max(1);
        for run in wanted.chunk_by_mut(|a, b| b.0 <= a.0 + 1) {
            for piece in run.chunks_mut(most) {
                let (from, to) = (piece[0].0, piece[piece.len() - 1].0);
                bytes.resize((to - from + 1) as usize * row_bytes, 0);
                self.fill(shard, place.values + (from - before) * row_bytes as u64, bytes)?;
                for (number, out) in piece {
                    let values = &bytes[(*number - from) as usize * row_bytes..][..row_bytes];
                    if checksum(values) != u32::from_le_bytes(crc[(*number - first) as usize]) {
                        let (path, site) = (self.shards[shard].path.clone(), self.manifest.sites[site].site);
                        return Err(StoreError::DamagedRow { path, site, row: *number });
                    }
                    precision.to_f32(values, out);
                }
            }
        }
        Ok(())
    }

    /// Bytes of a shard's file from a place on.
    fn fill(&self, shard: usize, at: u64, bytes: &mut [u8]) -> Result<(), StoreError> {
        let path = &self.shards[shard].path;
        let failed = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                StoreError::Damaged { path: path.clone(), what: "it was cut short after it was opened" }
            }
            _ => StoreError::Read { path: path.clone(), source },
        };
        let Some(kept) = self.files.get(shard) else {
            return read_at(&File::open(path).map_err(failed)?, at, bytes).map_err(failed);
        };
        let file = if let Some(file) = kept.get() {
            file
        } else {
            let file = File::open(path).map_err(failed)?;
            kept.get_or_init(|| file)
        };
        read_at(file, at, bytes).map_err(failed)
    }
}

/// So many zeros, by all threads: a batch is large enough for its clearing to be felt beside its reading.
fn zeros(n: usize) -> Vec<f32> {
    const AT_ONCE: usize = 256;
    let blocks: Vec<[f32; AT_ONCE]> = rayon::iter::repeat_n([0.0; AT_ONCE], n.div_ceil(AT_ONCE)).collect();
    let mut values = blocks.into_flattened();
    values.truncate(n);
    values
}

#[cfg(unix)]
fn read_at(file: &File, at: u64, bytes: &mut [u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, mut at: u64, mut bytes: &mut [u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, at)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => {
                bytes = &mut bytes[n..];
                at += n as u64;
            }
        }
    }
    Ok(())
}

/// The shards of a store, `None` where there is no file.
pub(crate) fn present(folder: &Path, manifest: &Manifest) -> Result<Vec<Option<Shard>>, StoreError> {
    (0..manifest.n_shards()).into_par_iter().map(|shard| Shard::open(folder, shard, manifest)).collect()
}
