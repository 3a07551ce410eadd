//! One safetensors file, memory-mapped.

mod header;

pub(crate) use header::{METADATA, name as dtype_name};

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use crate::map::Map;
use crate::table::Table;
use crate::{FormatError, TensorFile, TensorView};

/// One safetensors file, memory-mapped.
pub struct Safetensors {
    map: Map,
    metadata: BTreeMap<String, String>,
    tensors: Table,
}

impl Safetensors {
    /// Opens a `.safetensors` file.
    ///
    /// # Errors
    ///
    /// [`FormatError`] where it cannot be opened, is not safetensors, or where its header is not true of its bytes.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FormatError> {
        let map = Map::open(path.as_ref())?;
        let (metadata, tensors) = header::read(map.path(), map.bytes())?;
        Ok(Self { map, metadata, tensors })
    }

    /// The text that its header carries beside the tensors, by key; empty where there is none.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Where in the file a tensor's bytes lie, from its first byte on: for reading a part of it without the map.
    ///
    /// # Errors
    ///
    /// [`FormatError::NoSuchTensor`], which names the nearest one.
    pub fn offset(&self, name: &str) -> Result<Range<u64>, FormatError> {
        let Range { start, end } = self.tensors.range(self.map.path(), name)?;
        Ok(start as u64..end as u64)
    }
}

impl TensorFile for Safetensors {
    fn names(&self) -> Vec<&str> {
        self.tensors.names().collect()
    }

    fn get(&self, name: &str) -> Result<TensorView<'_>, FormatError> {
        self.tensors.view(self.map.path(), self.map.bytes(), name)
    }

    fn contains(&self, name: &str) -> bool {
        self.tensors.contains(name)
    }

    fn paths(&self) -> Vec<&Path> {
        vec![self.map.path()]
    }
}

impl fmt::Debug for Safetensors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Safetensors")
            .field("path", &self.map.path())
            .field("n_tensors", &self.tensors.len())
            .finish_non_exhaustive()
    }
}
