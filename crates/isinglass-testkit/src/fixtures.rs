//! Reference values computed with the Python stack.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use isinglass_formats::{Safetensors, TensorFile};
use serde_json::Value;

/// The folder of fixtures in this repository.
pub fn own() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

/// The folder of fixtures: `ISINGLASS_FIXTURES`, or the one in this repository.
pub fn root() -> PathBuf {
    env::var_os("ISINGLASS_FIXTURES").map_or_else(own, PathBuf::from)
}

/// A folder below the root, or `None` if the root has none of that name.
pub fn in_root(name: &str) -> Option<PathBuf> {
    Some(root().join(name)).filter(|folder| folder.is_dir())
}

/// Every folder with reference values below a folder of the root, in order of name.
///
/// # Panics
/// If there is none: a test that walks nothing must not pass.
pub fn folders(name: &str) -> Vec<PathBuf> {
    let parent = root().join(name);
    let entries = fs::read_dir(&parent).unwrap_or_else(|e| panic!("{}: {e}", parent.display()));
    let folders = entries.map(|entry| entry.unwrap().path()).filter(|path| path.join("expected.json").is_file());
    let mut folders: Vec<PathBuf> = folders.collect();
    folders.sort();
    assert!(!folders.is_empty(), "no fixtures in {}", parent.display());
    folders
}

/// Reference values of one folder.
#[derive(Debug)]
pub struct Expected {
    /// `expected.json`.
    pub json: Value,
    tensors: Safetensors,
}

impl Expected {
    /// The reference values in a folder.
    ///
    /// # Panics
    /// If they cannot be read.
    pub fn in_folder(folder: &Path) -> Self {
        let json = fs::read_to_string(folder.join("expected.json")).unwrap();
        let tensors = Safetensors::open(folder.join("expected.safetensors")).unwrap();
        Self { json: serde_json::from_str(&json).unwrap(), tensors }
    }

    /// Names of all tensors.
    pub fn names(&self) -> Vec<&str> {
        self.tensors.names()
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains(name)
    }

    /// Shape of a tensor.
    ///
    /// # Panics
    /// If there is none of this name.
    pub fn shape(&self, name: &str) -> Vec<usize> {
        self.tensors.get(name).unwrap().shape().to_vec()
    }

    /// Values of a tensor of floats.
    ///
    /// # Panics
    /// If there is none of this name.
    pub fn floats(&self, name: &str) -> Vec<f32> {
        self.tensors.get(name).unwrap_or_else(|e| panic!("{e}")).to_f32().unwrap()
    }

    /// Values of a tensor of token ids.
    ///
    /// # Panics
    /// If there is none of this name.
    pub fn ids(&self, name: &str) -> Vec<u32> {
        let ids = self.tensors.get(name).unwrap_or_else(|e| panic!("{e}")).to_i64().unwrap();
        ids.into_iter().map(|id| u32::try_from(id).unwrap()).collect()
    }
}
