//! The JSON header of a safetensors file.
//!
//! The `safetensors` crate would read it too, but collects it generically first (some twenty times its size for a hostile
//! header) and lets the last of two tensors of one name win.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::cursor::Cursor;
use crate::table::{Entry, Gaps, MOST_DIMS, MOST_KEYS, Table};
use crate::text::Text;
use crate::{Dtype, FormatError};

/// The shortest entry: `"":{"dtype":"U8","shape":[],"data_offsets":[0,0]},`.
const LEAST_ENTRY: usize = 50;

/// The key whose value is text, not a tensor.
pub(crate) const METADATA: &str = "__metadata__";

/// Reads the metadata and the tensors of a whole file.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<(BTreeMap<String, String>, Table), FormatError> {
    let mut cursor = Cursor::new(path, bytes, 0);
    let found = cursor.u64("the length of the header")?;
    if found > cursor.left() as u64 {
        let room = cursor.left() as u64;
        return Err(FormatError::HeaderLength { path: path.to_path_buf(), found, room });
    }
    let text = std::str::from_utf8(cursor.take(found, "the header")?).map_err(|source| FormatError::NotUtf8 {
        path: path.to_path_buf(),
        what: "the header",
        at: (size_of::<u64>() + source.valid_up_to()) as u64,
    })?;
    let json = |source| FormatError::Header { path: path.to_path_buf(), source };
    // A tensor is an object, so there are no more of them than braces; allocated once, not doubled on the way.
    let most = text.matches('{').count().min(text.len() / LEAST_ENTRY);
    let mut header = Header { path, entries: Vec::with_capacity(most), metadata: None, wrong: None };
    let mut parser = serde_json::Deserializer::from_str(text);
    let parsed = parser.deserialize_map(&mut header).and_then(|()| parser.end());
    let Header { entries, metadata, wrong, .. } = header;
    parsed.map_err(|source| wrong.unwrap_or_else(|| json(source)))?;
    let tensors = Table::new(path, entries, cursor.at(), bytes.len(), Gaps::Refused)?;
    Ok((metadata.unwrap_or_default(), tensors))
}

/// The header being read; what is wrong in our own words goes to `wrong`, since serde's errors hold only text.
struct Header<'p> {
    path: &'p Path,
    entries: Vec<Entry>,
    metadata: Option<BTreeMap<String, String>>,
    wrong: Option<FormatError>,
}

impl Header<'_> {
    /// Keeps the error, and gives serde one to stop at.
    fn stop<E: Error>(&mut self, wrong: FormatError) -> E {
        self.wrong = Some(wrong);
        E::custom("not safetensors")
    }

    fn duplicate<E: Error>(&mut self, what: &'static str, name: &str) -> E {
        self.stop(FormatError::Duplicate { path: self.path.to_path_buf(), what, name: name.to_string() })
    }

    fn entry(&self, name: &str, raw: &Raw<'_>) -> Result<Entry, FormatError> {
        let (path, tensor) = (|| self.path.to_path_buf(), || name.to_string());
        let Some(dtype) = dtype(&raw.dtype) else {
            let found = raw.dtype.to_string();
            return Err(FormatError::UnknownDtype { path: path(), tensor: tensor(), found });
        };
        let Some(shape) = raw.shape.dims.get(..raw.shape.n) else {
            let found = raw.shape.n as u64;
            return Err(FormatError::TooManyDims { path: path(), tensor: tensor(), found, most: MOST_DIMS });
        };
        let (start, end) = raw.data_offsets;
        let Some(found) = end.checked_sub(start) else {
            return Err(FormatError::BackwardOffsets { path: path(), tensor: tensor(), start, end });
        };
        let entry = Entry::new(self.path, name, dtype, shape, start)?;
        let expected = entry.n_bytes() as u64;
        if found != expected {
            let shape = shape.to_vec();
            return Err(FormatError::WrongLength { path: path(), tensor: tensor(), dtype, shape, found, expected });
        }
        Ok(entry)
    }
}

/// The whole header.
impl<'de> Visitor<'de> for &mut Header<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(name)) = map.next_key()? {
            if name == METADATA {
                if self.metadata.is_some() {
                    return Err(self.duplicate("key", METADATA));
                }
                let metadata = map.next_value_seed(Metadata(self))?;
                self.metadata = Some(metadata);
            } else {
                let Object(raw) = map.next_value()?;
                let entry = self.entry(&name, &raw).map_err(|wrong| self.stop(wrong))?;
                self.entries.push(entry);
            }
        }
        Ok(())
    }
}

/// The object under `__metadata__`.
struct Metadata<'h, 'p>(&'h mut Header<'p>);

impl<'de> DeserializeSeed<'de> for Metadata<'_, '_> {
    type Value = BTreeMap<String, String>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Metadata<'_, '_> {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut metadata = BTreeMap::new();
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            if metadata.contains_key(&key) {
                return Err(self.0.duplicate("key", &key));
            }
            if metadata.len() == MOST_KEYS {
                let path = self.0.path.to_path_buf();
                return Err(self.0.stop(FormatError::TooMany { path, what: "keys", most: MOST_KEYS }));
            }
            metadata.insert(key, value);
        }
        Ok(metadata)
    }
}

/// A `T` written as an object; serde itself would also take an array of the fields.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Reading<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reading<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        json.deserialize_map(Reading(PhantomData))
    }
}

/// A tensor as the header writes it.
#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    dtype: Cow<'a, str>,
    shape: Dims,
    data_offsets: (u64, u64),
}

/// A shape, kept as far as shapes go and counted to its end.
struct Dims {
    dims: [usize; MOST_DIMS],
    n: usize,
}

impl<'de> Deserialize<'de> for Dims {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Dims;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of lengths")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Dims, A::Error> {
                let mut shape = Dims { dims: [0; MOST_DIMS], n: 0 };
                while let Some(dim) = seq.next_element()? {
                    if let Some(slot) = shape.dims.get_mut(shape.n) {
                        *slot = dim;
                    }
                    shape.n += 1;
                }
                Ok(shape)
            }
        }
        json.deserialize_seq(Reading)
    }
}

/// What the format calls the dtypes it has.
const NAMES: [(&str, Dtype); 13] = [
    ("F64", Dtype::F64),
    ("F32", Dtype::F32),
    ("F16", Dtype::F16),
    ("BF16", Dtype::Bf16),
    ("I64", Dtype::I64),
    ("I32", Dtype::I32),
    ("I16", Dtype::I16),
    ("I8", Dtype::I8),
    ("U64", Dtype::U64),
    ("U32", Dtype::U32),
    ("U16", Dtype::U16),
    ("U8", Dtype::U8),
    ("BOOL", Dtype::Bool),
];

fn dtype(name: &str) -> Option<Dtype> {
    NAMES.iter().find(|(theirs, _)| *theirs == name).map(|(_, dtype)| *dtype)
}

/// What the format calls it; `None` for ggml's blocks.
pub(crate) fn name(dtype: Dtype) -> Option<&'static str> {
    NAMES.iter().find(|(_, ours)| *ours == dtype).map(|(name, _)| *name)
}
