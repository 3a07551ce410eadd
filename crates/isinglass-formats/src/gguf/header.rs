//! The header of a GGUF file: its keys and its tensors, believed only as far as the file reaches.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::path::Path;

use super::value::{Kind, Value};
use crate::cursor::Cursor;
use crate::table::{Entry, Gaps, MOST_KEYS, Table};
use crate::{Dtype, FormatError};

/// ggml's own bound on the axes of a tensor.
const MOST_DIMS: usize = 4;

/// The least bytes a key takes: the length of its name, its kind, and a value of one byte.
const LEAST_KEY: usize = 8 + 4 + 1;

/// The least bytes a tensor takes: the length of its name, the number of its axes, its type and its offset.
const LEAST_TENSOR: usize = 8 + 4 + 4 + 8;

/// Where the value of a key lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

/// What the header says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) keys: BTreeMap<Box<str>, Place>,
    pub(super) tensors: Table,
}

impl Header {
    pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Self, FormatError> {
        let mut cursor = Cursor::new(path, bytes, 0);
        let version = read_version(&mut cursor)?;
        let n_tensors = cursor.u64("the number of tensors")?;
        let n_keys = cursor.u64("the number of keys")?;
        let mut alignment = 32;
        let keys = read_keys(&mut cursor, n_keys, &mut alignment)?;
        let n_tensors = cursor.room(n_tensors, LEAST_TENSOR, "tensors")?;
        let mut entries = Vec::with_capacity(n_tensors);
        for _ in 0..n_tensors {
            entries.push(read_tensor(&mut cursor, alignment)?);
        }
        // A start beyond the file leaves no room for data, which is what the table then says.
        let data_start = usize::try_from(alignment).ok().and_then(|n| cursor.at().checked_next_multiple_of(n));
        let data_start = data_start.unwrap_or(usize::MAX);
        let tensors = Table::new(path, entries, data_start, bytes.len(), Gaps::Allowed)?;
        Ok(Self { version, keys, tensors })
    }
}

fn read_version(cursor: &mut Cursor<'_>) -> Result<u32, FormatError> {
    let path = || cursor.path().to_path_buf();
    let mut ahead = *cursor;
    let magic = ahead.array("the magic number")?;
    if &magic != b"GGUF" {
        return Err(FormatError::NotGguf { path: path(), found: magic });
    }
    match ahead.u32("the version")? {
        version @ (2 | 3) => {
            *cursor = ahead;
            Ok(version)
        }
        version if matches!(version.swap_bytes(), 1..=3) => Err(FormatError::BigEndian { path: path() }),
        found => Err(FormatError::Version { path: path(), found }),
    }
}

fn read_keys(
    cursor: &mut Cursor<'_>,
    n_keys: u64,
    alignment: &mut u64,
) -> Result<BTreeMap<Box<str>, Place>, FormatError> {
    let n_keys = cursor.room(n_keys, LEAST_KEY, "keys")?;
    let path = cursor.path();
    if n_keys > MOST_KEYS {
        return Err(FormatError::TooMany { path: path.to_path_buf(), what: "keys", most: MOST_KEYS });
    }
    let mut keys = BTreeMap::new();
    for _ in 0..n_keys {
        let key = cursor.str("a key")?;
        let kind = Kind::read(cursor, key)?;
        let at = cursor.at();
        let value = Value::read(cursor, kind, key, 0)?;
        if key == "general.alignment" {
            *alignment = read_alignment(path, value)?;
        }
        match keys.entry(key.into()) {
            Slot::Vacant(slot) => _ = slot.insert(Place { kind, at }),
            Slot::Occupied(_) => {
                let path = path.to_path_buf();
                return Err(FormatError::Duplicate { path, what: "key", name: key.to_string() });
            }
        }
    }
    Ok(keys)
}

/// Powers of two beyond u32, which is what the format says it is, would only be mistakes.
fn read_alignment(path: &Path, value: Value<'_>) -> Result<u64, FormatError> {
    let path = || path.to_path_buf();
    let Value::U32(found) = value else {
        return Err(FormatError::WrongKind {
            path: path(),
            key: "general.alignment".to_string(),
            found: value.describe(),
            expected: "a `u32`",
        });
    };
    if !found.is_power_of_two() {
        return Err(FormatError::Alignment { path: path(), found });
    }
    Ok(found.into())
}

fn read_tensor(cursor: &mut Cursor<'_>, alignment: u64) -> Result<Entry, FormatError> {
    let path = cursor.path();
    let name = cursor.str("the name of a tensor")?;
    let n_dims = cursor.u32("the number of axes of a tensor")?;
    let mut dims = [0; MOST_DIMS];
    let Some(shape) = dims.get_mut(..n_dims as usize) else {
        return Err(FormatError::TooManyDims {
            path: path.to_path_buf(),
            tensor: name.to_string(),
            found: n_dims.into(),
            most: MOST_DIMS,
        });
    };
    // GGUF lists the fastest axis first.
    for dim in shape.iter_mut().rev() {
        // What no usize holds overflows in any product.
        *dim = usize::try_from(cursor.u64("an axis of a tensor")?).unwrap_or(usize::MAX);
    }
    let ggml_type = cursor.u32("the type of a tensor")?;
    let offset = cursor.u64("the offset of a tensor")?;
    let dtype = dtype(ggml_type).ok_or_else(|| FormatError::Quantisation {
        path: path.to_path_buf(),
        tensor: name.to_string(),
        found: ggml_name(ggml_type),
    })?;
    if !offset.is_multiple_of(alignment) {
        return Err(FormatError::Misaligned { path: path.to_path_buf(), tensor: name.to_string(), offset, alignment });
    }
    Entry::new(path, name, dtype, shape, offset)
}

fn dtype(ggml_type: u32) -> Option<Dtype> {
    Some(match ggml_type {
        0 => Dtype::F32,
        1 => Dtype::F16,
        2 => Dtype::Q4_0,
        3 => Dtype::Q4_1,
        6 => Dtype::Q5_0,
        7 => Dtype::Q5_1,
        8 => Dtype::Q8_0,
        12 => Dtype::Q4K,
        13 => Dtype::Q5K,
        14 => Dtype::Q6K,
        24 => Dtype::I8,
        25 => Dtype::I16,
        26 => Dtype::I32,
        27 => Dtype::I64,
        28 => Dtype::F64,
        30 => Dtype::Bf16,
        _ => return None,
    })
}

/// What people call a type that cannot be read.
fn ggml_name(ggml_type: u32) -> String {
    let name = match ggml_type {
        9 => "q8_1",
        10 => "q2_k",
        11 => "q3_k",
        15 => "q8_k",
        16 => "iq2_xxs",
        17 => "iq2_xs",
        18 => "iq3_xxs",
        19 => "iq1_s",
        20 => "iq4_nl",
        21 => "iq3_s",
        22 => "iq2_s",
        23 => "iq4_xs",
        29 => "iq1_m",
        34 => "tq1_0",
        35 => "tq2_0",
        39 => "mxfp4",
        other => return format!("ggml type {other}"),
    };
    name.to_string()
}
