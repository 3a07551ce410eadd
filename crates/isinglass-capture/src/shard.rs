//! One shard: a safetensors file with the rows of some texts at every site. Here it is read; `filling` writes it.
//!
//! Its tensors are, for each site, `<site>` `[rows, width]` and `<site>.crc32` `[rows]`, the CRC-32 of each row's bytes; and
//! for each row `text`, `pos`, `token` and `n_tokens`, what [`RowOrigin`] says of it.
//! Its metadata name the manifest and the shard, and hold the SHA-256 of all checksums and origins: a row is checked whenever
//! it is read, and the checksums against the metadata when the whole shard is.

use std::ops::Range;
use std::path::{Path, PathBuf};

use isinglass_core::SiteId;
use isinglass_formats::{Dtype, FormatError, Safetensors, Sha256Hasher, TensorFile};

use crate::block::RowOrigin;
use crate::error::StoreError;
use crate::manifest::Manifest;

/// The tensors that say where rows are from, in order of their names.
pub(crate) const ORIGINS: [&str; 4] = ["n_tokens", "pos", "text", "token"];

/// The file of a shard.
pub(crate) fn path(folder: &Path, shard: usize) -> PathBuf {
    folder.join("shards").join(format!("{shard:06}.safetensors"))
}

pub(crate) fn checksums(site: SiteId) -> String {
    format!("{site}.crc32")
}

/// The CRC-32 of a row's bytes.
pub(crate) fn checksum(row: &[u8]) -> u32 {
    crc32fast::hash(row)
}

pub(crate) const CHECKSUMS: &str = "checksums_sha256";

/// What the metadata of a shard say besides its checksums.
pub(crate) fn metadata(shard: usize, manifest: &Manifest) -> [(String, String); 4] {
    let origin = if manifest.subject.synthetic { "synthetic" } else { "measured" };
    [
        ("format".into(), "isinglass-activations".into()),
        ("manifest_sha256".into(), manifest.sha256()),
        ("origin".into(), origin.into()),
        ("shard".into(), shard.to_string()),
    ]
}

/// Where the rows of a site lie in a shard's file, by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SitePlace {
    pub(crate) values: u64,
    pub(crate) checksums: u64,
}

/// A shard whose header was found to be what it must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) path: PathBuf,
    pub(crate) n_rows: u64,
    /// In the order of the manifest.
    pub(crate) sites: Vec<SitePlace>,
    /// In the order of [`ORIGINS`].
    origins: [u64; 4],
    checksums_sha256: String,
}

impl Shard {
    /// Looks at the header of a shard; `None` if there is no such file.
    pub(crate) fn open(folder: &Path, shard: usize, manifest: &Manifest) -> Result<Option<Self>, StoreError> {
        let path = path(folder, shard);
        if !path.try_exists().map_err(|source| StoreError::Read { path: path.clone(), source })? {
            return Ok(None);
        }
        let broken = |source| StoreError::Broken { path: path.clone(), source: Box::new(source) };
        let damaged = |what| StoreError::Damaged { path: path.clone(), what };
        let file = Safetensors::open(&path).map_err(broken)?;
        for (key, expected) in metadata(shard, manifest) {
            let found = file.metadata().get(&key);
            if found == Some(&expected) {
                continue;
            }
            return Err(match found {
                Some(found) if key == "manifest_sha256" => {
                    StoreError::ForeignShard { path: path.clone(), found: found.clone(), expected }
                }
                _ => damaged("its metadata are not those of this shard"),
            });
        }
        let checksums_sha256 = file.metadata().get(CHECKSUMS).ok_or_else(|| damaged("it has no checksums"))?.clone();
        let n_rows = file.get(ORIGINS[0]).map_err(broken)?.n_elements();
        let place = |name: &str, dtype: Dtype, shape: &[usize]| -> Result<u64, StoreError> {
            let view = file.get(name).map_err(broken)?;
            if view.dtype() != dtype || view.shape() != shape {
                return Err(damaged("a tensor has another shape or dtype than the manifest says"));
            }
            Ok(file.offset(name).map_err(broken)?.start)
        };
        let mut sites = Vec::with_capacity(manifest.sites.len());
        for info in &manifest.sites {
            let values = place(&info.site.to_string(), manifest.precision.dtype(), &[n_rows, info.width])?;
            sites.push(SitePlace { values, checksums: place(&checksums(info.site), Dtype::U32, &[n_rows])? });
        }
        let mut origins = [0; 4];
        for (origin, name) in origins.iter_mut().zip(ORIGINS) {
            *origin = place(name, Dtype::U32, &[n_rows])?;
        }
        if file.names().len() != 2 * sites.len() + origins.len() {
            return Err(damaged("it has more tensors than the manifest says"));
        }
        Ok(Some(Self { path: path.clone(), n_rows: n_rows as u64, sites, origins, checksums_sha256 }))
    }

    /// Reads origins of rows; `read` fills a buffer from a byte of the file on.
    pub(crate) fn origins(
        &self,
        rows: Range<u64>,
        mut read: impl FnMut(u64, &mut [u8]) -> Result<(), StoreError>,
    ) -> Result<Vec<RowOrigin>, StoreError> {
        let n = (rows.end - rows.start) as usize;
        let mut columns = [const { Vec::new() }; 4];
        for (column, start) in columns.iter_mut().zip(self.origins) {
            column.resize(n * 4, 0);
            read(start + 4 * rows.start, column)?;
        }
        let [n_tokens, pos, text, token] = columns;
        let at = |column: &[u8], i: usize| column.as_chunks().0.get(i).map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let origin = |i| RowOrigin {
            text: at(&text, i) as usize,
            pos: at(&pos, i) as usize,
            token: at(&token, i),
            n_tokens: at(&n_tokens, i) as usize,
        };
        Ok((0..n).map(origin).collect())
    }

    /// Holds every byte against the checksums, and those against the metadata.
    pub(crate) fn verify(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let broken = |source: FormatError| StoreError::Broken { path: self.path.clone(), source: Box::new(source) };
        let file = Safetensors::open(&self.path).map_err(broken)?;
        for info in &manifest.sites {
            let values = file.get(&info.site.to_string()).map_err(broken)?.bytes();
            let crc = file.get(&checksums(info.site)).map_err(broken)?.bytes();
            let rows = values.chunks_exact(info.width * manifest.precision.n_bytes());
            let fits = |(row, crc): (&[u8], &[u8; 4])| checksum(row) == u32::from_le_bytes(*crc);
            if let Some(row) = rows.zip(crc.as_chunks().0).position(|pair| !fits(pair)) {
                return Err(StoreError::DamagedRow { path: self.path.clone(), site: info.site, row: row as u64 });
            }
        }
        let mut hasher = Sha256Hasher::new();
        for name in file.names() {
            let view = file.get(name).map_err(broken)?;
            if view.dtype() == Dtype::U32 {
                hasher.update(name.as_bytes());
                hasher.update(view.bytes());
            }
        }
        if hasher.finish() == self.checksums_sha256 {
            return Ok(());
        }
        Err(StoreError::Damaged { path: self.path.clone(), what: "its checksums or origins are not those written" })
    }
}
