//! What a store is of: everything that its bytes follow from.

use std::fs;
use std::path::{Path, PathBuf};

use isinglass_core::{BURN_VERSION, Sampler, SiteId};
use isinglass_formats::sha256_bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::StoreError;
use crate::position::Positions;
use crate::precision::Precision;
use crate::replace::{Wait, write_whole};

/// Model and data of a capture, for provenance: what a store is refused by if it is not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The model's name.
    pub model: String,
    /// SHA-256 of its weights.
    pub weights_sha256: String,
    /// SHA-256 of its tokenizer, if the texts went through one.
    pub tokenizer_sha256: Option<String>,
    /// Where it ran, for instance `cpu`: another device gives other last bits.
    pub device: String,
    /// The name of the data.
    pub data: String,
    /// SHA-256 of the data.
    pub data_sha256: String,
    /// Licence of the texts, as an SPDX expression or `unstated`.
    pub licence: String,
    /// Whether weights or texts are made up, so that nothing in the store was measured.
    pub synthetic: bool,
}

/// The texts as they were run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextsInfo {
    /// How many.
    pub n: usize,
    /// Their tokens, without those that the model added.
    pub n_tokens: u64,
    /// SHA-256 of ids, special ids and spans.
    pub sha256: String,
}

/// A site and the width of its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteInfo {
    /// The site.
    pub site: SiteId,
    /// Values in a row; heads lie side by side.
    pub width: usize,
}

/// Programs that wrote the store; others may compute other last bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenBy {
    /// Version of this crate.
    pub isinglass: String,
    /// Version of Burn.
    pub burn: String,
}

/// `manifest.json` of a store.
///
/// It is written before the first shard, says everything that the shards follow from, and never changes: whoever runs a part
/// of the capture writes the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: String,
    version: u64,
    /// Model and data.
    pub subject: Subject,
    /// The texts as they were run.
    pub texts: TextsInfo,
    /// Sites in the order of the forward pass.
    pub sites: Vec<SiteInfo>,
    /// Which positions gave rows.
    pub positions: Positions,
    /// How the texts were continued, if they were.
    pub generation: Option<Sampler>,
    /// How values are kept.
    pub precision: Precision,
    /// Budget of a batch; how texts are batched can change last bits.
    pub batch_bytes: u64,
    /// Programs that wrote it.
    pub written_by: WrittenBy,
    /// The first text of each shard, and the number of texts at the end.
    pub shard_starts: Vec<usize>,
}

const FORMAT: &str = "isinglass-activations";
const VERSION: u64 = 1;

/// What a manifest says of a capture.
pub(crate) struct Content {
    pub(crate) subject: Subject,
    pub(crate) texts: TextsInfo,
    pub(crate) sites: Vec<SiteInfo>,
    pub(crate) positions: Positions,
    pub(crate) generation: Option<Sampler>,
    pub(crate) precision: Precision,
    pub(crate) batch_bytes: u64,
    pub(crate) shard_starts: Vec<usize>,
}

impl Manifest {
    pub(crate) fn new(content: Content) -> Self {
        let Content { subject, texts, sites, positions, generation, precision, batch_bytes, shard_starts } = content;
        let written_by = WrittenBy { isinglass: env!("CARGO_PKG_VERSION").into(), burn: BURN_VERSION.into() };
        let (format, version) = (FORMAT.into(), VERSION);
        Self {
            format,
            version,
            subject,
            texts,
            sites,
            positions,
            generation,
            precision,
            batch_bytes,
            written_by,
            shard_starts,
        }
    }

    /// Number of shards.
    pub fn n_shards(&self) -> usize {
        self.shard_starts.len().saturating_sub(1)
    }

    /// The file of the manifest in a store.
    pub(crate) fn path(folder: &Path) -> PathBuf {
        folder.join("manifest.json")
    }

    fn text(&self) -> String {
        // Plain data, whose keys are texts: it always has a JSON form.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// SHA-256 of the file, which each shard names.
    pub(crate) fn sha256(&self) -> String {
        sha256_bytes(self.text().as_bytes())
    }

    /// Reads the manifest of a store.
    pub(crate) fn read(folder: &Path) -> Result<Self, StoreError> {
        let path = Self::path(folder);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(StoreError::NotAStore { path: folder.into() });
            }
            Err(source) => return Err(StoreError::Read { path, source }),
        };
        Self::parse(&path, &bytes)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, StoreError> {
        let bad = |source| StoreError::BadManifest { path: path.into(), source };
        let value: Value = serde_json::from_slice(bytes).map_err(bad)?;
        if value["format"] != FORMAT {
            return Err(StoreError::Foreign { path: path.into(), found: value["format"].to_string() });
        }
        if let Some(found) = value["version"].as_u64().filter(|found| *found > VERSION) {
            return Err(StoreError::Newer { path: path.into(), found, known: VERSION });
        }
        let manifest: Self = serde_json::from_value(value).map_err(bad)?;
        let starts = &manifest.shard_starts;
        let is_sound =
            starts.len() > 1 && starts.is_sorted() && starts[0] == 0 && starts.last() == Some(&manifest.texts.n);
        let has_rows = !manifest.sites.is_empty() && manifest.sites.iter().all(|site| site.width > 0);
        if is_sound && has_rows { Ok(manifest) } else { Err(StoreError::ImpossibleManifest { path: path.into() }) }
    }

    /// Writes it, or holds it against the one that is there.
    pub(crate) fn establish(&self, folder: &Path) -> Result<(), StoreError> {
        let path = Self::path(folder);
        if !path.exists() {
            check_folder(folder)?;
            let made = fs::create_dir_all(folder.join("shards"));
            made.map_err(|source| StoreError::Folder { path: folder.into(), source })?;
            write_whole(&path, Wait::ForOthers, self.text().as_bytes())?;
        }
        self.expect_same(folder, &Self::read(folder)?)
    }

    /// Refuses the manifest of another capture.
    pub(crate) fn expect_same(&self, folder: &Path, found: &Self) -> Result<(), StoreError> {
        let json = |manifest: &Self| serde_json::to_value(manifest).unwrap_or_default();
        match difference("", &json(found), &json(self)) {
            None => Ok(()),
            Some((key, found, expected)) => Err(StoreError::OtherCapture { path: folder.into(), key, found, expected }),
        }
    }
}

/// Refuses a folder that holds other things than a store's; one that another process is just making is fine.
fn check_folder(folder: &Path) -> Result<(), StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(StoreError::Folder { path: folder.into(), source }),
    };
    for entry in entries {
        let entry = entry.map_err(|source| StoreError::Folder { path: folder.into(), source })?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !["manifest.json", "manifest.json.partial", "shards"].contains(&name.as_str()) {
            return Err(StoreError::Occupied { path: folder.into(), found: name });
        }
    }
    Ok(())
}

/// The first key, by its path, at which two values differ, and what stands there.
fn difference(key: &str, found: &Value, expected: &Value) -> Option<(String, String, String)> {
    match (found, expected) {
        (Value::Object(a), Value::Object(b)) => {
            let child = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
            let keys = b.keys().chain(a.keys().filter(|name| !b.contains_key(*name)));
            keys.into_iter().find_map(|name| difference(&child(name), &found[name.as_str()], &expected[name.as_str()]))
        }
        _ if found == expected => None,
        _ => Some((key.into(), shown(found), shown(expected))),
    }
}

/// A value in a message: whole if it is short.
fn shown(value: &Value) -> String {
    const MOST: usize = 80;
    let text = value.to_string();
    if text.chars().count() <= MOST { text } else { text.chars().take(MOST).chain("…".chars()).collect() }
}
