//! One shard: a safetensors file with the rows of some texts at every site.
//!
//! Its tensors are, for each site, `<site>` `[rows, width]` and `<site>.crc32` `[rows]`, the CRC-32 of each row's bytes; and
//! for each row `text`, `pos`, `token` and `n_tokens`, what [`RowOrigin`] says of it.
//! Its metadata name the manifest and the shard, and hold the SHA-256 of all checksums and origins: a row is checked whenever
//! it is read, and the checksums against the metadata when the whole shard is.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use isinglass_core::SiteId;
use isinglass_formats::{Dtype, FormatError, NewTensor, Safetensors, Sha256Hasher, TensorFile, write_safetensors};

use crate::block::{Block, RowOrigin, SiteRows};
use crate::error::StoreError;
use crate::manifest::Manifest;
use crate::precision::Precision;
use crate::replace::{Wait, write_whole};

/// The tensors that say where rows are from, in order of their names.
const ORIGINS: [&str; 4] = ["n_tokens", "pos", "text", "token"];

/// The file of a shard.
pub(crate) fn path(folder: &Path, shard: usize) -> PathBuf {
    folder.join("shards").join(format!("{shard:06}.safetensors"))
}

fn checksums(site: SiteId) -> String {
    format!("{site}.crc32")
}

/// The CRC-32 of a row's bytes.
pub(crate) fn checksum(row: &[u8]) -> u32 {
    crc32fast::hash(row)
}

/// Writes a shard that is not there yet.
pub(crate) fn write(folder: &Path, shard: usize, manifest: &Manifest, block: &Block) -> Result<(), StoreError> {
    let path = path(folder, shard);
    let rows = block.origins.len();
    let mut tensors = BTreeMap::new();
    for site in &block.sites {
        let (values, crc) = encode(site, manifest.precision, &block.origins)?;
        tensors.insert(site.site.to_string(), values);
        tensors.insert(checksums(site.site), NewTensor::raw([rows], Dtype::U32, crc));
    }
    for name in ORIGINS {
        let of = |origin: &RowOrigin| match name {
            "n_tokens" => origin.n_tokens as u32,
            "pos" => origin.pos as u32,
            "text" => origin.text as u32,
            _ => origin.token,
        };
        let bytes: Vec<u8> = block.origins.iter().flat_map(|origin| of(origin).to_le_bytes()).collect();
        tensors.insert(name.to_owned(), NewTensor::raw([rows], Dtype::U32, bytes));
    }
    let mut hasher = Sha256Hasher::new();
    for (name, tensor) in &tensors {
        if let isinglass_formats::Values::Raw(Dtype::U32, bytes) = &tensor.values {
            hasher.update(name.as_bytes());
            hasher.update(bytes);
        }
    }
    let metadata = metadata(shard, manifest).into_iter().chain([(CHECKSUMS.to_owned(), hasher.finish())]).collect();
    write_whole(&path, Wait::No, |out| Ok(write_safetensors(out, &path, &tensors, &metadata)?))
}

const CHECKSUMS: &str = "checksums_sha256";

/// What the metadata of a shard say besides its checksums.
fn metadata(shard: usize, manifest: &Manifest) -> [(String, String); 4] {
    let origin = if manifest.subject.synthetic { "synthetic" } else { "measured" };
    [
        ("format".into(), "isinglass-activations".into()),
        ("manifest_sha256".into(), manifest.sha256()),
        ("origin".into(), origin.into()),
        ("shard".into(), shard.to_string()),
    ]
}

/// The values as they are kept, and the checksum of each row.
fn encode<'b>(
    rows: &'b SiteRows,
    precision: Precision,
    origins: &[RowOrigin],
) -> Result<(NewTensor<'b>, Vec<u8>), StoreError> {
    let SiteRows { site, width, values } = rows;
    let n = origins.len();
    let out_of_range = |at: usize| {
        let RowOrigin { text, pos, .. } = origins[at / width];
        StoreError::OutOfRange { site: *site, text, pos, found: values[at], precision }
    };
    let mut crc = Vec::with_capacity(n * size_of::<u32>());
    let tensor = if precision == Precision::F32 {
        let mut bytes = vec![0; width * size_of::<f32>()];
        for row in values.chunks_exact(*width) {
            for (bytes, value) in bytes.as_chunks_mut().0.iter_mut().zip(row) {
                *bytes = value.to_le_bytes();
            }
            crc.extend(checksum(&bytes).to_le_bytes());
        }
        NewTensor::new([n, *width], values.as_slice())
    } else {
        let bytes = precision.to_bytes(values).map_err(out_of_range)?;
        crc.extend(bytes.chunks_exact(width * precision.n_bytes()).flat_map(|row| checksum(row).to_le_bytes()));
        NewTensor::raw([n, *width], precision.dtype(), bytes)
    };
    Ok((tensor, crc))
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
