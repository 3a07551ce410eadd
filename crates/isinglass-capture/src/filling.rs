//! A shard while it is made: rows go into its file as they are computed, so that none is kept in memory.
//!
//! How long everything is in the file is known before anything is run, and the header too but for one checksum of fixed
//! length. So each batch's rows are written where they belong, by all threads; what is left for the end is the checksums,
//! the origins and the header.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use isinglass_core::SiteId;
use isinglass_formats::{Dtype, SafetensorsLayout, Sha256Hasher};
use rayon::prelude::*;

use crate::block::{KeepRows, RowOrigin, TextRows};
use crate::error::{CaptureError, StoreError};
use crate::manifest::Manifest;
use crate::precision::Precision;
use crate::replace::{Partial, Wait, cannot_write, write_at};
use crate::shard::{self, CHECKSUMS, ORIGINS, checksum, checksums};

/// A shard that is being filled.
#[derive(Debug)]
pub(crate) struct Filling {
    partial: Partial,
    path: PathBuf,
    tensors: BTreeMap<String, (Dtype, Vec<usize>)>,
    metadata: BTreeMap<String, String>,
    /// The origins by column, in the order of [`ORIGINS`].
    origins: [Vec<u8>; 4],
    /// In the order of the manifest.
    pub(crate) sites: Vec<SiteFile>,
}

/// The part of a shard's file that holds the rows of one site.
#[derive(Debug)]
pub(crate) struct SiteFile {
    site: SiteId,
    width: usize,
    precision: Precision,
    path: PathBuf,
    file: Arc<File>,
    /// The byte where its rows start.
    start: u64,
    /// CRC-32 of each row.
    crc: Vec<u32>,
}

impl Filling {
    /// Begins a shard with these rows; `None` if it is there meanwhile.
    pub(crate) fn begin(
        folder: &Path,
        shard: usize,
        manifest: &Manifest,
        origins: &[RowOrigin],
    ) -> Result<Option<Self>, StoreError> {
        let path = shard::path(folder, shard);
        let Some(partial) = Partial::begin(&path, Wait::No)? else { return Ok(None) };
        let n = origins.len();
        let mut tensors = BTreeMap::new();
        for info in &manifest.sites {
            tensors.insert(info.site.to_string(), (manifest.precision.dtype(), vec![n, info.width]));
            tensors.insert(checksums(info.site), (Dtype::U32, vec![n]));
        }
        tensors.extend(ORIGINS.map(|name| (name.to_owned(), (Dtype::U32, vec![n]))));
        // Of the length of the one that will be there.
        let unknown = (CHECKSUMS.to_owned(), Sha256Hasher::new().finish());
        let metadata = shard::metadata(shard, manifest).into_iter().chain([unknown]).collect();
        let layout = layout(&path, &tensors, &metadata)?;
        let site = |info: &crate::manifest::SiteInfo| SiteFile {
            site: info.site,
            width: info.width,
            precision: manifest.precision,
            path: path.clone(),
            file: Arc::clone(partial.file()),
            start: layout.offset(&info.site.to_string()).map_or(0, |bytes| bytes.start),
            crc: vec![0; n],
        };
        let sites = manifest.sites.iter().map(site).collect();
        let column = |of: fn(&RowOrigin) -> usize| le_bytes(origins.iter().map(|origin| of(origin) as u32));
        let origins = [
            column(|origin| origin.n_tokens),
            column(|origin| origin.pos),
            column(|origin| origin.text),
            le_bytes(origins.iter().map(|origin| origin.token)),
        ];
        Ok(Some(Self { partial, path, tensors, metadata, origins, sites }))
    }

    /// The file, so that what is written can be sent to the disk meanwhile.
    pub(crate) fn file(&self) -> Arc<File> {
        Arc::clone(self.partial.file())
    }

    /// Writes what is not rows, waits for the disk and gives the file its name.
    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        let columns = ORIGINS.map(str::to_owned).into_iter().zip(self.origins);
        let sums = self.sites.into_iter().map(|site| (checksums(site.site), le_bytes(site.crc.into_iter())));
        let numbers: BTreeMap<String, Vec<u8>> = columns.chain(sums).collect();
        let mut hasher = Sha256Hasher::new();
        for (name, bytes) in &numbers {
            hasher.update(name.as_bytes());
            hasher.update(bytes);
        }
        self.metadata.insert(CHECKSUMS.to_owned(), hasher.finish());
        let layout = layout(&self.path, &self.tensors, &self.metadata)?;
        let write = |at, bytes: &[u8]| {
            write_at(self.partial.file(), at, bytes).map_err(|source| cannot_write(&self.path, source))
        };
        for (name, bytes) in &numbers {
            write(layout.offset(name).map_or(0, |bytes| bytes.start), bytes)?;
        }
        write(0, layout.header())?;
        self.partial.finish()
    }
}

fn layout(
    path: &Path,
    tensors: &BTreeMap<String, (Dtype, Vec<usize>)>,
    metadata: &BTreeMap<String, String>,
) -> Result<SafetensorsLayout, StoreError> {
    SafetensorsLayout::new(path, tensors, metadata)
        .map_err(|source| StoreError::Write { path: path.into(), source: Box::new(source) })
}

fn le_bytes(numbers: impl Iterator<Item = u32>) -> Vec<u8> {
    numbers.flat_map(u32::to_le_bytes).collect()
}

impl KeepRows for SiteFile {
    fn keep(&mut self, texts: &[TextRows<'_>]) -> Result<(), CaptureError> {
        let written = texts.par_iter().map_init(<(Vec<f32>, Vec<u8>)>::default, |(chosen, bytes), text| {
            let values = text.values(chosen)?;
            self.write(text, values, bytes)
        });
        let written = written.collect::<Result<Vec<Vec<u32>>, CaptureError>>()?;
        for (text, crc) in texts.iter().zip(written) {
            self.crc[text.first..][..crc.len()].copy_from_slice(&crc);
        }
        Ok(())
    }
}

impl SiteFile {
    /// Writes the rows of a text where they belong; gives the CRC-32 of each. `bytes` is memory for them.
    fn write(&self, text: &TextRows<'_>, values: &[f32], bytes: &mut Vec<u8>) -> Result<Vec<u32>, CaptureError> {
        let Self { site, width, precision, .. } = *self;
        precision.to_bytes(values, bytes).map_err(|at| {
            let RowOrigin { text, pos, .. } = text.origins[at / width];
            StoreError::OutOfRange { site, text, pos, found: values[at], precision }
        })?;
        let row_bytes = width * precision.n_bytes();
        let at = self.start + (text.first * row_bytes) as u64;
        write_at(&self.file, at, bytes).map_err(|source| cannot_write(&self.path, source))?;
        Ok(bytes.chunks_exact(row_bytes).map(checksum).collect())
    }
}
