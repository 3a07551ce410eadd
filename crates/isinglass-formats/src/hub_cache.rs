//! Models by name, in the cache that Python's `huggingface_hub` keeps.
//!
//! ```text
//! models--org--name/blobs/<etag>                 the bytes of a file, once
//! models--org--name/snapshots/<commit>/<file>    a link to them
//! models--org--name/refs/<revision>              the commit that a branch or tag was when it was last fetched
//! ```

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::FormatError;

/// A model's name on the hub: `name`, `org/name`, and with `@revision` a branch, tag or commit of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HubId {
    id: String,
    revision: String,
}

impl HubId {
    /// The name in `text`; `None` where it is none, as `a/b/c` or `..`.
    ///
    /// Every name stays below the folder it is looked for in, and needs no quoting in an address.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, revision) = text.split_once('@').unwrap_or((text, "main"));
        let is_word = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        let is_name = |part: &str| !matches!(part, "" | "." | "..") && is_word(part);
        let is_id = id.split('/').count() <= 2 && id.split('/').all(is_name);
        (is_id && revision.split('/').all(is_name)).then(|| Self { id: id.into(), revision: revision.into() })
    }

    /// `org/name`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The branch, tag or commit; `main` where none was named.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// Whether the owner is named too; a bare word may as well be a misspelt path.
    pub fn has_owner(&self) -> bool {
        self.id.contains('/')
    }
}

impl fmt::Display for HubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.revision.as_str() {
            "main" => f.write_str(&self.id),
            revision => write!(f, "{}@{revision}", self.id),
        }
    }
}

/// The local cache of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubCache {
    folder: PathBuf,
}

impl HubCache {
    /// The cache in a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// `HF_HUB_CACHE`, or `hub` below `HF_HOME`, or the default place.
    pub fn from_env() -> Self {
        Self::read(|variable| env::var_os(variable))
    }

    /// As [`from_env`](Self::from_env), of variables that `value` gives.
    pub(crate) fn read(value: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |variable: &str| value(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
        let named = set("HF_HUB_CACHE").or_else(|| set("HUGGINGFACE_HUB_CACHE"));
        Self::new(named.unwrap_or_else(|| hub_home(value).join("hub")))
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The snapshot of a model, complete or not, if there is one. Nothing is downloaded.
    ///
    /// # Errors
    ///
    /// [`FormatError::Read`] where the cache has a reference that cannot be read.
    pub fn snapshot(&self, id: &HubId) -> Result<Option<PathBuf>, FormatError> {
        let Some(commit) = self.commit(id)? else { return Ok(None) };
        let folder = self.repository(id).join("snapshots").join(commit);
        Ok(folder.is_dir().then_some(folder))
    }

    /// The folder of a model, all of its revisions.
    pub(crate) fn repository(&self, id: &HubId) -> PathBuf {
        self.folder.join(format!("models--{}", id.id.replace('/', "--")))
    }

    /// The commit that the revision was when it was last fetched, or may itself be.
    fn commit(&self, id: &HubId) -> Result<Option<String>, FormatError> {
        let path = self.repository(id).join("refs").join(&id.revision);
        let commit = if path.is_file() {
            fs::read_to_string(&path).map_err(|source| FormatError::Read { path, source })?.trim().to_owned()
        } else {
            id.revision.clone()
        };
        Ok(is_commit(&commit).then_some(commit))
    }
}

/// Whether a commit's name is a plain one, which stays in its folder; those of the hub are 40 hexadecimal digits.
pub(crate) fn is_commit(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// `HF_HOME`, or `huggingface` in the user's cache folder.
pub(crate) fn hub_home(value: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let set = |variable: &str| value(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let user = || set("HOME").or_else(|| set("USERPROFILE")).unwrap_or_default();
    let cache = || set("XDG_CACHE_HOME").unwrap_or_else(|| user().join(".cache"));
    set("HF_HOME").unwrap_or_else(|| cache().join("huggingface"))
}

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The file, as the hub names it.
    pub file: &'a str,
    /// Bytes of it that are here, those of an earlier attempt included.
    pub done: u64,
    /// Bytes it has.
    pub total: u64,
}

#[cfg(feature = "hub")]
impl<'a> Progress<'a> {
    pub(crate) fn new(file: &'a str, done: u64, total: u64) -> Self {
        Self { file, done, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_the_hub_keeps_it() {
        let cache = |set: &[(&str, &str)]| {
            HubCache::read(|name| set.iter().find(|(key, _)| *key == name).map(|(_, v)| OsString::from(v))).folder
        };
        let all = [("HF_HUB_CACHE", "/c"), ("HF_HOME", "/h"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/u")];
        assert_eq!(cache(&all), Path::new("/c"));
        assert_eq!(cache(&all[1..]), Path::new("/h/hub"));
        assert_eq!(cache(&all[2..]), Path::new("/x/huggingface/hub"));
        assert_eq!(cache(&all[3..]), Path::new("/u/.cache/huggingface/hub"));
        assert_eq!(cache(&[("HF_HUB_CACHE", ""), ("HF_HOME", "/h")]), Path::new("/h/hub"));
        assert_eq!(cache(&[("USERPROFILE", "/w")]), Path::new("/w/.cache/huggingface/hub"));
        assert_eq!(cache(&[("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HOME", "/h")]), Path::new("/old"));
    }

    #[test]
    fn ids_are_names_not_paths() {
        for text in ["gpt2", "org/name", "org/a--b", "org/Llama-3.2_1B", "org/name@main", "org/name@refs/pr/1"] {
            assert!(HubId::parse(text).is_some(), "{text}");
        }
        let wrong = [
            "", "/", "..", "../out", "a/..", "./a", "a/b/c", "/a/b", "a@", "a@..", "a@../x", "a@.", "a@x/..", "a@x/",
            "a\\..", "c:a", "@x", "a@b@c", "a b", "a?b", "a#b", "a%2e", "a/b ", "a@b\n", "é/a",
        ];
        for text in wrong {
            assert_eq!(HubId::parse(text), None, "{text:?}");
        }
        let id = HubId::parse("org/name@v1").unwrap();
        assert_eq!((id.id(), id.revision(), id.has_owner()), ("org/name", "v1", true));
        assert_eq!(id.to_string(), "org/name@v1");
        assert_eq!(HubId::parse("gpt2@main").unwrap().to_string(), "gpt2");
        assert!(!HubId::parse("gpt2").unwrap().has_owner());
    }

    #[test]
    fn ids_find_their_snapshot() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
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
        let cache = HubCache::new(folder.path());
        let find = |id: &str| cache.snapshot(&HubId::parse(id).unwrap()).unwrap();
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
    fn references_do_not_lead_out_of_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let cache = HubCache::new(folder.path().join("hub"));
        for outside in ["out", "hub/out", "hub/models--b/out", "hub/models--b/snapshots/x", "hub/models--b/refs"] {
            fs::create_dir_all(folder.path().join(outside)).unwrap();
        }
        for commit in ["../../../out", "/", "..", ".", "", "x/..", "../out"] {
            fs::write(cache.folder().join("models--b/refs/main"), commit).unwrap();
            assert_eq!(cache.snapshot(&HubId::parse("b").unwrap()).unwrap(), None, "{commit:?}");
        }
    }
}
