//! A GGUF file: a quantised model with everything about it in one place.

mod header;
mod value;
mod write;

use std::fmt;
use std::ops::Range;
use std::path::Path;

use crate::cursor::Cursor;
use crate::map::Map;
use crate::nearest::nearest;
use crate::{FormatError, TensorFile, TensorView, sha256_bytes, wheel};

use header::Header;
pub use value::{Array, Kind, Value};
pub use write::{NewValue, save_gguf};

/// A GGUF file, version 2 or 3, little-endian: named tensors, and metadata by key.
///
/// Metadata stays in the file and is read when asked for.
pub struct Gguf {
    map: Map,
    bytes: Bytes,
    header: Header,
}

/// Where the GGUF lies.
enum Bytes {
    /// In a range of the mapped file: all of it, or a stored member.
    Mapped(Range<usize>),
    /// In memory: a deflated member.
    Inflated(Vec<u8>),
}

impl Gguf {
    /// Opens a `.gguf` file.
    ///
    /// # Errors
    ///
    /// [`FormatError`] where it cannot be opened, is not GGUF, or where its header is not true of its bytes.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FormatError> {
        let map = Map::open(path.as_ref())?;
        let all = 0..map.bytes().len();
        Self::read(map, Bytes::Mapped(all))
    }

    /// Opens the one `.gguf` member of a wheel or other zip.
    ///
    /// A stored member is used where it lies; a deflated one is inflated into memory, never to disk, and its checksum is
    /// held against that of the zip.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); and [`FormatError::NoGguf`] or [`FormatError::SeveralGgufs`] where there is not just one
    /// such member, or another variant where it cannot be unpacked.
    pub fn open_in_wheel(path: impl AsRef<Path>) -> Result<Self, FormatError> {
        let map = Map::open(path.as_ref())?;
        let member = wheel::find_gguf(map.path(), map.bytes())?;
        let bytes = match member.stored() {
            Some(range) => Bytes::Mapped(range),
            None => Bytes::Inflated(member.to_vec()?),
        };
        Self::read(map, bytes)
    }

    fn read(map: Map, bytes: Bytes) -> Result<Self, FormatError> {
        let header = Header::read(map.path(), bytes.of(&map))?;
        Ok(Self { map, bytes, header })
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.of(&self.map)
    }

    /// The version of the format: 2 or 3.
    pub fn version(&self) -> u32 {
        self.header.version
    }

    /// The SHA-256 of the GGUF itself, also where it lies in a wheel.
    pub fn sha256(&self) -> String {
        sha256_bytes(self.bytes())
    }

    /// The keys of the metadata, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.header.keys.keys().map(|key| &**key)
    }

    /// The metadata under a key, whatever it is.
    pub fn value(&self, key: &str) -> Option<Value<'_>> {
        let place = self.header.keys.get(key)?;
        let mut cursor = Cursor::new(self.map.path(), self.bytes(), place.at);
        // It was read once when the file was opened.
        Value::read(&mut cursor, place.kind, key, 0).ok()
    }

    /// The string under a key.
    ///
    /// # Errors
    ///
    /// [`FormatError::NoSuchKey`], or [`FormatError::WrongKind`] where it is no string.
    pub fn get_str(&self, key: &str) -> Result<&str, FormatError> {
        match self.want(key)? {
            Value::Str(x) => Ok(x),
            other => Err(self.wrong_kind(key, other, "a string")),
        }
    }

    /// The boolean under a key.
    ///
    /// # Errors
    ///
    /// [`FormatError::NoSuchKey`], or [`FormatError::WrongKind`] where it is no boolean.
    pub fn get_bool(&self, key: &str) -> Result<bool, FormatError> {
        match self.want(key)? {
            Value::Bool(x) => Ok(x),
            other => Err(self.wrong_kind(key, other, "a boolean")),
        }
    }

    /// The real number under a key, of either width.
    ///
    /// # Errors
    ///
    /// [`FormatError::NoSuchKey`], or [`FormatError::WrongKind`] where it is no real number.
    pub fn get_f64(&self, key: &str) -> Result<f64, FormatError> {
        match self.want(key)? {
            Value::F32(x) => Ok(x.into()),
            Value::F64(x) => Ok(x),
            other => Err(self.wrong_kind(key, other, "a real number")),
        }
    }

    /// The integer under a key, of any width, if it is not negative.
    ///
    /// # Errors
    ///
    /// [`FormatError::NoSuchKey`], [`FormatError::WrongKind`] where it is no integer, or [`FormatError::OutOfRange`] where
    /// it is negative.
    pub fn get_u64(&self, key: &str) -> Result<u64, FormatError> {
        self.get_int(key, "an integer of 0 to 2^64 - 1")
    }

    /// The integer under a key, of any width, if it fits 32 bits and is not negative: an id, a count.
    ///
    /// # Errors
    ///
    /// As [`get_u64`](Self::get_u64), and [`FormatError::OutOfRange`] where it is too large.
    pub fn get_u32(&self, key: &str) -> Result<u32, FormatError> {
        self.get_int(key, "an integer of 0 to 2^32 - 1")
    }

    fn get_int<T: TryFrom<i128>>(&self, key: &str, expected: &'static str) -> Result<T, FormatError> {
        let value = self.want(key)?;
        let found = value.as_int().ok_or_else(|| self.wrong_kind(key, value, expected))?;
        T::try_from(found).map_err(|_| self.out_of_range(key, found, expected))
    }

    /// The strings of the array under a key, in order.
    ///
    /// # Errors
    ///
    /// [`FormatError::NoSuchKey`], or [`FormatError::WrongKind`] where it is no array of strings.
    pub fn get_strings(&self, key: &str) -> Result<Vec<&str>, FormatError> {
        let expected = "an array of strings";
        let array = self.array(key, expected)?;
        let mut strings = Vec::with_capacity(array.len());
        for item in array.iter() {
            match item {
                Value::Str(x) => strings.push(x),
                _ => return Err(self.wrong_kind(key, Value::Array(array), expected)),
            }
        }
        Ok(strings)
    }

    /// The integers of the array under a key, in order, of any width.
    ///
    /// # Errors
    ///
    /// [`FormatError::NoSuchKey`], [`FormatError::WrongKind`] where it is no array of integers, or
    /// [`FormatError::OutOfRange`] where one does not fit.
    pub fn get_ints(&self, key: &str) -> Result<Vec<i64>, FormatError> {
        let expected = "an array of integers";
        let array = self.array(key, expected)?;
        let mut ints = Vec::with_capacity(array.len());
        for item in array.iter() {
            let found = item.as_int().ok_or_else(|| self.wrong_kind(key, Value::Array(array), expected))?;
            ints.push(i64::try_from(found).map_err(|_| self.out_of_range(key, found, "an i64"))?);
        }
        Ok(ints)
    }

    /// The real numbers of the array under a key, in order, of either width.
    ///
    /// # Errors
    ///
    /// [`FormatError::NoSuchKey`], or [`FormatError::WrongKind`] where it is no array of real numbers.
    pub fn get_floats(&self, key: &str) -> Result<Vec<f64>, FormatError> {
        let expected = "an array of real numbers";
        let array = self.array(key, expected)?;
        let mut floats = Vec::with_capacity(array.len());
        for item in array.iter() {
            match item {
                Value::F32(x) => floats.push(x.into()),
                Value::F64(x) => floats.push(x),
                _ => return Err(self.wrong_kind(key, Value::Array(array), expected)),
            }
        }
        Ok(floats)
    }

    fn array(&self, key: &str, expected: &'static str) -> Result<Array<'_>, FormatError> {
        match self.want(key)? {
            Value::Array(array) => Ok(array),
            other => Err(self.wrong_kind(key, other, expected)),
        }
    }

    fn want(&self, key: &str) -> Result<Value<'_>, FormatError> {
        self.value(key).ok_or_else(|| FormatError::NoSuchKey {
            path: self.map.path().to_path_buf(),
            key: key.to_string(),
            nearest: nearest(key, self.keys()),
        })
    }

    fn wrong_kind(&self, key: &str, found: Value<'_>, expected: &'static str) -> FormatError {
        let (path, key) = (self.map.path().to_path_buf(), key.to_string());
        FormatError::WrongKind { path, key, found: found.describe(), expected }
    }

    fn out_of_range(&self, key: &str, found: i128, expected: &'static str) -> FormatError {
        let (path, key) = (self.map.path().to_path_buf(), key.to_string());
        FormatError::OutOfRange { path, key, found, expected }
    }
}

impl Bytes {
    fn of<'a>(&'a self, map: &'a Map) -> &'a [u8] {
        match self {
            Self::Mapped(range) => &map.bytes()[range.clone()],
            Self::Inflated(bytes) => bytes,
        }
    }
}

impl TensorFile for Gguf {
    fn names(&self) -> Vec<&str> {
        self.header.tensors.names().collect()
    }

    fn get(&self, name: &str) -> Result<TensorView<'_>, FormatError> {
        self.header.tensors.view(self.map.path(), self.bytes(), name)
    }

    fn contains(&self, name: &str) -> bool {
        self.header.tensors.contains(name)
    }

    fn paths(&self) -> Vec<&Path> {
        vec![self.map.path()]
    }
}

impl fmt::Debug for Gguf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gguf")
            .field("path", &self.map.path())
            .field("n_keys", &self.header.keys.len())
            .field("n_tensors", &self.header.tensors.len())
            .finish_non_exhaustive()
    }
}
