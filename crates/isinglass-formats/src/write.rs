//! Writing files whole or not at all.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::{Map, json};

use crate::FormatError;
use crate::safetensors::METADATA;

/// The numbers of a tensor to be written.
#[derive(Debug, Clone, PartialEq)]
pub enum Values<'a> {
    /// Real ones.
    F32(Cow<'a, [f32]>),
    /// Integers.
    I64(Cow<'a, [i64]>),
}

impl Values<'_> {
    fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::I64(values) => values.len(),
        }
    }

    /// The format's name for them, and their bytes each.
    fn dtype(&self) -> (&'static str, usize) {
        match self {
            Self::F32(_) => ("F32", size_of::<f32>()),
            Self::I64(_) => ("I64", size_of::<i64>()),
        }
    }
}

impl From<Vec<f32>> for Values<'_> {
    fn from(values: Vec<f32>) -> Self {
        Self::F32(values.into())
    }
}

impl<'a> From<&'a [f32]> for Values<'a> {
    fn from(values: &'a [f32]) -> Self {
        Self::F32(values.into())
    }
}

impl From<Vec<i64>> for Values<'_> {
    fn from(values: Vec<i64>) -> Self {
        Self::I64(values.into())
    }
}

impl<'a> From<&'a [i64]> for Values<'a> {
    fn from(values: &'a [i64]) -> Self {
        Self::I64(values.into())
    }
}

/// A tensor to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTensor<'a> {
    /// The lengths of its axes, row-major.
    pub shape: Vec<usize>,
    /// Its numbers, row-major.
    pub values: Values<'a>,
}

impl<'a> NewTensor<'a> {
    /// A tensor of `f32` or `i64`, borrowed or owned.
    pub fn new(shape: impl Into<Vec<usize>>, values: impl Into<Values<'a>>) -> Self {
        Self { shape: shape.into(), values: values.into() }
    }
}

/// Writes a safetensors file, atomically; the same tensors and metadata always give the same bytes.
///
/// Integers come first, then names in order, so that every tensor is aligned for readers that use it in place.
///
/// # Errors
///
/// [`FormatError::ShapeMismatch`] and [`FormatError::ReservedName`] before anything is written, [`FormatError::Write`]
/// where the file cannot be.
pub fn save_safetensors(
    path: impl AsRef<Path>,
    tensors: &BTreeMap<String, NewTensor<'_>>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), FormatError> {
    let path = path.as_ref();
    let mut order: Vec<_> = tensors.iter().collect();
    order.sort_by_key(|(_, tensor)| std::cmp::Reverse(tensor.values.dtype().1)); // stable: names stay in order
    let mut header = Map::new();
    if !metadata.is_empty() {
        header.insert(METADATA.to_string(), json!(metadata));
    }
    let mut end = 0;
    for (name, tensor) in &order {
        check(path, name, tensor)?;
        let (dtype, n_bytes) = tensor.values.dtype();
        let start = end;
        end += tensor.values.len() * n_bytes;
        let entry = json!({ "dtype": dtype, "shape": tensor.shape, "data_offsets": [start, end] });
        header.insert((*name).clone(), entry);
    }
    let mut header = serde_json::Value::Object(header).to_string();
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    atomically(path, |file| {
        let mut write = || {
            file.write_all(&(header.len() as u64).to_le_bytes())?;
            file.write_all(header.as_bytes())?;
            order.iter().try_for_each(|(_, tensor)| match &tensor.values {
                Values::F32(values) => values.iter().try_for_each(|x| file.write_all(&x.to_le_bytes())),
                Values::I64(values) => values.iter().try_for_each(|x| file.write_all(&x.to_le_bytes())),
            })
        };
        write().map_err(|source| FormatError::Write { path: path.to_path_buf(), source })
    })
}

fn check(path: &Path, name: &str, tensor: &NewTensor<'_>) -> Result<(), FormatError> {
    if name == METADATA {
        return Err(FormatError::ReservedName { path: path.to_path_buf(), name: name.to_string() });
    }
    let (shape, found) = (&tensor.shape, tensor.values.len());
    if shape.iter().try_fold(1, |n: usize, d| n.checked_mul(*d)) != Some(found) {
        let (path, tensor, shape) = (path.to_path_buf(), name.to_string(), shape.clone());
        return Err(FormatError::ShapeMismatch { path, tensor, shape, found });
    }
    Ok(())
}

/// Writes a file whole or not at all: what was there before stays until all of the new one is on disk.
///
/// # Errors
///
/// [`FormatError::Write`].
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), FormatError> {
    let path = path.as_ref();
    atomically(path, |file| {
        file.write_all(bytes).map_err(|source| FormatError::Write { path: path.to_path_buf(), source })
    })
}

/// Lets `fill` write a temporary file in the same folder, which then takes the name.
pub(crate) fn atomically(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    let cannot_write = |source| FormatError::Write { path: path.to_path_buf(), source };
    // The parent of a bare name is empty.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // As for any new file, less the umask; a temporary file is its owner's alone otherwise.
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let temporary = builder.prefix(".").tempfile_in(folder).map_err(cannot_write)?;
    let mut file = BufWriter::with_capacity(1 << 16, temporary.as_file());
    fill(&mut file)?;
    file.flush().map_err(cannot_write)?;
    drop(file);
    temporary.as_file().sync_all().map_err(cannot_write)?;
    temporary.persist(path).map_err(|error| cannot_write(error.error))?;
    Ok(())
}
