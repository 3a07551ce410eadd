//! The metadata of a GGUF file, read where it lies.

use std::fmt;

use crate::FormatError;
use crate::cursor::Cursor;

/// Arrays in arrays: none is known in a real file, and each level is a level of the stack.
const DEEPEST: usize = 4;

/// What a metadata value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the Rust types")]
pub enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    Str,
    Array,
    U64,
    I64,
    F64,
}

impl Kind {
    /// In GGUF's order: a kind's number is its place.
    const ALL: [Self; 13] = [
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::F32,
        Self::Bool,
        Self::Str,
        Self::Array,
        Self::U64,
        Self::I64,
        Self::F64,
    ];

    /// The least bytes a value takes: a string its length, an array its kind and length.
    fn least_bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 | Self::Str => 8,
            Self::Array => 12,
        }
    }

    pub(super) fn read(cursor: &mut Cursor<'_>, key: &str) -> Result<Self, FormatError> {
        let found = cursor.u32("the kind of a value")?;
        Self::ALL.get(found as usize).copied().ok_or_else(|| FormatError::UnknownKind {
            path: cursor.path().to_path_buf(),
            key: key.to_string(),
            found,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::U16 => "u16",
            Self::I16 => "i16",
            Self::U32 => "u32",
            Self::I32 => "i32",
            Self::F32 => "f32",
            Self::Bool => "bool",
            Self::Str => "string",
            Self::Array => "array",
            Self::U64 => "u64",
            Self::I64 => "i64",
            Self::F64 => "f64",
        })
    }
}

/// A metadata value; strings and arrays stay in the file.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names are those of the Rust types")]
pub enum Value<'a> {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    Str(&'a str),
    Array(Array<'a>),
    U64(u64),
    I64(i64),
    F64(f64),
}

impl<'a> Value<'a> {
    /// The integer it is, if it is one.
    pub fn as_int(&self) -> Option<i128> {
        Some(match *self {
            Self::U8(x) => x.into(),
            Self::I8(x) => x.into(),
            Self::U16(x) => x.into(),
            Self::I16(x) => x.into(),
            Self::U32(x) => x.into(),
            Self::I32(x) => x.into(),
            Self::U64(x) => x.into(),
            Self::I64(x) => x.into(),
            _ => return None,
        })
    }

    /// What it is: ``a `u32` ``, ``an array of `string` ``.
    pub(super) fn describe(&self) -> String {
        let kind = match self {
            Self::Array(array) => return format!("an array of `{}`", array.kind),
            Self::U8(_) => Kind::U8,
            Self::I8(_) => Kind::I8,
            Self::U16(_) => Kind::U16,
            Self::I16(_) => Kind::I16,
            Self::U32(_) => Kind::U32,
            Self::I32(_) => Kind::I32,
            Self::F32(_) => Kind::F32,
            Self::Bool(_) => Kind::Bool,
            Self::Str(_) => Kind::Str,
            Self::U64(_) => Kind::U64,
            Self::I64(_) => Kind::I64,
            Self::F64(_) => Kind::F64,
        };
        format!("a `{kind}`")
    }

    /// Reads the value of `key`; `depth` counts the arrays around it.
    pub(super) fn read(cursor: &mut Cursor<'a>, kind: Kind, key: &str, depth: usize) -> Result<Self, FormatError> {
        let what = "a metadata value";
        Ok(match kind {
            Kind::U8 => Self::U8(u8::from_le_bytes(cursor.array(what)?)),
            Kind::I8 => Self::I8(i8::from_le_bytes(cursor.array(what)?)),
            Kind::U16 => Self::U16(cursor.u16(what)?),
            Kind::I16 => Self::I16(i16::from_le_bytes(cursor.array(what)?)),
            Kind::U32 => Self::U32(cursor.u32(what)?),
            Kind::I32 => Self::I32(i32::from_le_bytes(cursor.array(what)?)),
            Kind::F32 => Self::F32(f32::from_le_bytes(cursor.array(what)?)),
            Kind::Bool => match cursor.array(what)? {
                [0] => Self::Bool(false),
                [1] => Self::Bool(true),
                [found] => {
                    let path = cursor.path().to_path_buf();
                    return Err(FormatError::NotABool { path, key: key.to_string(), found });
                }
            },
            Kind::Str => Self::Str(cursor.str("a metadata string")?),
            Kind::Array => Self::Array(Array::read(cursor, key, depth + 1)?),
            Kind::U64 => Self::U64(cursor.u64(what)?),
            Kind::I64 => Self::I64(i64::from_le_bytes(cursor.array(what)?)),
            Kind::F64 => Self::F64(f64::from_le_bytes(cursor.array(what)?)),
        })
    }
}

/// An array in the metadata, read item by item.
#[derive(Clone, Copy)]
pub struct Array<'a> {
    kind: Kind,
    len: usize,
    items: Cursor<'a>,
}

impl<'a> Array<'a> {
    /// What its items are.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How many items it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its items, in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let mut items = self.items;
        let kind = self.kind;
        // Every item was read once when the file was opened, so none is lost here.
        (0..self.len).map_while(move |_| Value::read(&mut items, kind, "", 0).ok())
    }

    /// Walks over the items, so that a count is believed only as far as there are bytes behind it.
    fn read(cursor: &mut Cursor<'a>, key: &str, depth: usize) -> Result<Self, FormatError> {
        if depth > DEEPEST {
            let path = cursor.path().to_path_buf();
            return Err(FormatError::TooDeep { path, key: key.to_string(), most: DEEPEST });
        }
        let kind = Kind::read(cursor, key)?;
        let len = cursor.u64("the length of an array")?;
        let len = cursor.room(len, kind.least_bytes(), "items of an array")?;
        let items = *cursor;
        match kind {
            Kind::Str | Kind::Array | Kind::Bool => {
                for _ in 0..len {
                    Value::read(cursor, kind, key, depth)?;
                }
            }
            // Any bytes are a number.
            _ => _ = cursor.take((len * kind.least_bytes()) as u64, "the items of an array")?,
        }
        Ok(Self { kind, len, items })
    }
}

impl fmt::Debug for Array<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Array").field("kind", &self.kind).field("len", &self.len).finish_non_exhaustive()
    }
}
