//! Writing files whole or not at all.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use serde_json::{Map, json};

use crate::safetensors::{METADATA, dtype_name};
use crate::{Dtype, FormatError};

/// How many bytes are written at a time: as many as the buffer of a file holds, which then hands them on uncopied.
const PIECE: usize = 1 << 16;

/// The numbers of a tensor to be written.
#[derive(Debug, Clone, PartialEq)]
pub enum Values<'a> {
    /// Real ones.
    F32(Cow<'a, [f32]>),
    /// Integers.
    I64(Cow<'a, [i64]>),
    /// Those of any dtype that safetensors has, as their little-endian bytes.
    Raw(Dtype, Cow<'a, [u8]>),
}

impl Values<'_> {
    fn dtype(&self) -> Dtype {
        match self {
            Self::F32(_) => Dtype::F32,
            Self::I64(_) => Dtype::I64,
            Self::Raw(dtype, _) => *dtype,
        }
    }

    fn n_bytes(&self) -> usize {
        match self {
            Self::F32(values) => size_of_val(&**values),
            Self::I64(values) => size_of_val(&**values),
            Self::Raw(_, bytes) => bytes.len(),
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::F32(values) => write_numbers(out, values, f32::to_le_bytes),
            Self::I64(values) => write_numbers(out, values, i64::to_le_bytes),
            Self::Raw(_, bytes) => out.write_all(bytes),
        }
    }
}

/// Writes numbers of `N` bytes each; many at a time, since each call costs more than a number does.
fn write_numbers<T: Copy, const N: usize>(
    out: &mut dyn Write,
    values: &[T],
    bytes: impl Fn(T) -> [u8; N],
) -> io::Result<()> {
    let mut piece = vec![[0; N]; values.len().min(PIECE / N)];
    for values in values.chunks(PIECE / N) {
        let piece = &mut piece[..values.len()];
        piece.iter_mut().zip(values).for_each(|(to, x)| *to = bytes(*x));
        out.write_all(piece.as_flattened())?;
    }
    Ok(())
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

    /// A tensor of any dtype that safetensors has, as its little-endian bytes, borrowed or owned.
    pub fn raw(shape: impl Into<Vec<usize>>, dtype: Dtype, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { shape: shape.into(), values: Values::Raw(dtype, bytes.into()) }
    }
}

/// Writes a safetensors file, atomically; the same tensors and metadata always give the same bytes.
///
/// Numbers of more bytes come first, then names in order, so that every tensor is aligned for readers that use it in
/// place.
///
/// # Errors
///
/// Those of [`write_safetensors`]; what was there before then stays.
pub fn save_safetensors(
    path: impl AsRef<Path>,
    tensors: &BTreeMap<String, NewTensor<'_>>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), FormatError> {
    let path = path.as_ref();
    atomically(path, |file| write_safetensors(file, path, tensors, metadata))
}

/// Writes the bytes of a safetensors file to anything that takes bytes, and flushes it: to hash them on their way, say.
///
/// They are those of [`save_safetensors`]; `path` is for the errors alone.
///
/// # Errors
///
/// - [`FormatError::ReservedName`], [`FormatError::UnwritableDtype`]: the format has no such tensor.
/// - [`FormatError::ShapeMismatch`], [`FormatError::ShapeOverflow`], [`FormatError::WrongLength`]: a shape is not that
///   of its values, or of its raw bytes. Up to here nothing has been written.
/// - [`FormatError::Write`]: `out` does not take the bytes.
pub fn write_safetensors(
    out: &mut dyn Write,
    path: &Path,
    tensors: &BTreeMap<String, NewTensor<'_>>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), FormatError> {
    for (name, tensor) in tensors {
        check(path, name, tensor)?;
    }
    let described = tensors.iter().map(|(name, tensor)| (name.clone(), (tensor.values.dtype(), tensor.shape.clone())));
    let layout = SafetensorsLayout::new(path, &described.collect(), metadata)?;
    let mut order: Vec<_> = tensors.iter().map(|(name, tensor)| (layout.offset(name), tensor)).collect();
    // Those without elements share a place, and have no bytes.
    order.sort_by_key(|(offset, _)| offset.as_ref().map(|offset| (offset.start, offset.end)));
    let mut write = || {
        out.write_all(layout.header())?;
        order.iter().try_for_each(|(_, tensor)| tensor.values.write(out))?;
        out.flush()
    };
    write().map_err(|source| FormatError::Write { path: path.to_path_buf(), source })
}

/// Where everything in a safetensors file will be, told before the numbers are known: for files that are filled in place.
///
/// A file that begins with [`header`](Self::header) and has each tensor's little-endian bytes at its
/// [`offset`](Self::offset) is the one that [`save_safetensors`] writes of the same tensors and metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafetensorsLayout {
    header: Vec<u8>,
    offsets: BTreeMap<String, Range<u64>>,
}

impl SafetensorsLayout {
    /// Lays out tensors of these dtypes and shapes; `path` is for the errors alone.
    ///
    /// # Errors
    ///
    /// - [`FormatError::ReservedName`], [`FormatError::UnwritableDtype`]: the format has no such tensor.
    /// - [`FormatError::ShapeOverflow`]: nothing has so many elements.
    pub fn new(
        path: &Path,
        tensors: &BTreeMap<String, (Dtype, Vec<usize>)>,
        metadata: &BTreeMap<String, String>,
    ) -> Result<Self, FormatError> {
        let mut order: Vec<_> = tensors.iter().collect();
        order.sort_by_key(|(_, (dtype, _))| std::cmp::Reverse(dtype.block().1)); // stable: names stay in order
        let mut entries = Map::new();
        if !metadata.is_empty() {
            entries.insert(METADATA.to_string(), json!(metadata));
        }
        let mut offsets = BTreeMap::new();
        let mut end = 0_usize;
        for (name, (dtype, shape)) in order {
            let named = writable(path, name, *dtype)?;
            let start = end;
            let n_elements = shape.iter().try_fold(1, |n: usize, d| n.checked_mul(*d));
            let ends = n_elements.and_then(|n| dtype.n_bytes(n)).and_then(|n| start.checked_add(n));
            let overflow =
                || FormatError::ShapeOverflow { path: path.to_path_buf(), tensor: name.clone(), shape: shape.clone() };
            end = ends.ok_or_else(overflow)?;
            let entry = json!({ "dtype": named, "shape": shape, "data_offsets": [start, end] });
            entries.insert(name.clone(), entry);
            offsets.insert(name.clone(), start as u64..end as u64);
        }
        let mut text = serde_json::Value::Object(entries).to_string();
        while !text.len().is_multiple_of(8) {
            text.push(' ');
        }
        let header = [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
        for offset in offsets.values_mut() {
            *offset = offset.start + header.len() as u64..offset.end + header.len() as u64;
        }
        Ok(Self { header, offsets })
    }

    /// What the file begins with.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// Which bytes of the file a tensor takes; `None` if it was not laid out.
    pub fn offset(&self, name: &str) -> Option<Range<u64>> {
        self.offsets.get(name).cloned()
    }
}

/// The format's name for the dtype of a tensor of this name.
fn writable(path: &Path, name: &str, dtype: Dtype) -> Result<&'static str, FormatError> {
    if name == METADATA {
        return Err(FormatError::ReservedName { path: path.to_path_buf(), name: name.to_string() });
    }
    let (path, tensor) = (|| path.to_path_buf(), || name.to_string());
    dtype_name(dtype).ok_or_else(|| FormatError::UnwritableDtype { path: path(), tensor: tensor(), found: dtype })
}

/// Holds a tensor against the format and its own shape.
fn check(path: &Path, name: &str, tensor: &NewTensor<'_>) -> Result<(), FormatError> {
    let dtype = tensor.values.dtype();
    writable(path, name, dtype)?;
    let (to, named, shape) = (|| path.to_path_buf(), || name.to_string(), &tensor.shape);
    let n_elements = shape.iter().try_fold(1, |n: usize, d| n.checked_mul(*d));
    let (found, expected) = (tensor.values.n_bytes(), n_elements.and_then(|n| dtype.n_bytes(n)));
    if expected == Some(found) {
        return Ok(());
    }
    let (path, tensor, shape, raw) = (to(), named(), shape.clone(), matches!(tensor.values, Values::Raw(..)));
    Err(match expected {
        _ if !raw => FormatError::ShapeMismatch { path, tensor, shape, found: found / dtype.block().1 },
        None => FormatError::ShapeOverflow { path, tensor, shape },
        Some(expected) => {
            let (found, expected) = (found as u64, expected as u64);
            FormatError::WrongLength { path, tensor, dtype, shape, found, expected }
        }
    })
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
    let mut file = BufWriter::with_capacity(PIECE, temporary.as_file());
    fill(&mut file)?;
    file.flush().map_err(cannot_write)?;
    drop(file);
    temporary.as_file().sync_all().map_err(cannot_write)?;
    temporary.persist(path).map_err(|error| cannot_write(error.error))?;
    Ok(())
}
