//! Parquet.

use std::panic::{self, AssertUnwindSafe};

use bytes::Bytes;
use parquet::{
    basic::{ConvertedType, LogicalType, Type as Physical},
    errors::ParquetError,
    file::reader::{FileReader as _, SerializedFileReader},
    record::Field,
    schema::types::Type,
};

use crate::{DataError, Place, Value};

use super::{MOST_BYTES, Table};

/// What a row takes at least, whatever its values are: a file may claim any number of rows.
const ROW_BYTES: u64 = 64;

/// All rows of a file.
pub(super) fn read(bytes: Vec<u8>, table: &mut Table) -> Result<(), DataError> {
    let path = table.path.clone();
    // The crate `parquet` gives errors for most broken files, but panics at some, as its fuzzing and ours show; what it
    // has half read is dropped, and so is the table by whoever gets the error.
    panic::catch_unwind(AssertUnwindSafe(|| read_rows(bytes, table))).unwrap_or_else(|cause| {
        let said = cause.downcast_ref::<String>().map(String::as_str).or_else(|| cause.downcast_ref::<&str>().copied());
        let source = ParquetError::General(said.unwrap_or("the parser panicked").to_owned());
        Err(DataError::BadParquet { path, source: Box::new(source) })
    })
}

fn read_rows(bytes: Vec<u8>, table: &mut Table) -> Result<(), DataError> {
    let path = table.path.clone();
    let bad = |source: ParquetError| DataError::BadParquet { path: path.clone(), source: Box::new(source) };
    let reader = SerializedFileReader::new(Bytes::from(bytes)).map_err(bad)?;
    let metadata = reader.metadata();
    let too_large = || DataError::TooLarge { path: path.clone(), most: MOST_BYTES };
    // What it says of itself is checked before anything is unfolded, and what is unfolded again below.
    let said = |n: i64| u64::try_from(n).map_err(|_| too_large());
    let mut n_bytes_said = said(metadata.file_metadata().num_rows())?.saturating_mul(ROW_BYTES);
    for group in metadata.row_groups() {
        n_bytes_said = n_bytes_said.saturating_add(said(group.total_byte_size())?);
        for column in group.columns() {
            n_bytes_said = n_bytes_said.saturating_add(said(column.uncompressed_size())?);
        }
    }
    // Each column counts twice: by itself, and in its group.
    if n_bytes_said / 2 > MOST_BYTES {
        return Err(too_large());
    }

    let schema = metadata.file_metadata().schema();
    for column in schema.get_fields() {
        expect_readable(column).map_err(|kind| DataError::ParquetColumn {
            path: path.clone(),
            column: column.name().to_owned(),
            kind,
        })?;
    }
    table.name_columns(schema.get_fields().iter().map(|column| column.name().to_owned()))?;
    if table.columns.is_empty() {
        return Err(DataError::NoRecords { path });
    }

    let mut n_bytes = 0;
    for (row, fields) in reader.get_row_iter(None).map_err(bad)?.enumerate() {
        let fields = fields.map_err(bad)?.into_columns();
        let mut cells = Vec::with_capacity(fields.len());
        n_bytes += ROW_BYTES;
        for (column, (name, field)) in fields.into_iter().enumerate() {
            let value = value(field, &mut n_bytes).map_err(|kind| DataError::ParquetColumn {
                path: path.clone(),
                column: name,
                kind,
            })?;
            cells.push((column, value));
        }
        if n_bytes > MOST_BYTES {
            return Err(too_large());
        }
        table.push(Place::Row(row), cells);
    }
    Ok(())
}

/// Whether values of a column can be told; else what they are.
///
/// The reader of the crate `parquet` panics at some of those that are refused here.
fn expect_readable(column: &Type) -> Result<(), &'static str> {
    let info = column.get_basic_info();
    if let Type::GroupType { fields, .. } = column {
        return match info.converted_type() {
            ConvertedType::NONE | ConvertedType::LIST => {
                if fields.is_empty() {
                    return Err("a group of nothing");
                }
                fields.iter().try_for_each(|field| expect_readable(field))
            }
            _ => Err("a map"),
        };
    }
    match (column.get_physical_type(), info.converted_type()) {
        (Physical::BYTE_ARRAY, ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON)
        | (Physical::BOOLEAN | Physical::FLOAT | Physical::DOUBLE, ConvertedType::NONE)
        | (
            Physical::INT32,
            ConvertedType::NONE
            | ConvertedType::INT_8
            | ConvertedType::INT_16
            | ConvertedType::INT_32
            | ConvertedType::UINT_8
            | ConvertedType::UINT_16
            | ConvertedType::UINT_32,
        )
        | (Physical::INT64, ConvertedType::INT_64 | ConvertedType::UINT_64) => Ok(()),
        // Nanoseconds have no converted type.
        (Physical::INT64, ConvertedType::NONE) => match info.logical_type_ref() {
            None | Some(LogicalType::Integer { .. }) => Ok(()),
            Some(_) => Err("a time"),
        },
        // Some writers name no type for texts; bytes that are none are refused when they are met.
        (Physical::BYTE_ARRAY, ConvertedType::NONE) => match info.logical_type_ref() {
            None | Some(LogicalType::String) => Ok(()),
            Some(_) => Err("bytes of a type of their own"),
        },
        (_, ConvertedType::DECIMAL) => Err("a decimal number"),
        (Physical::INT32 | Physical::INT64 | Physical::INT96, _) => Err("a time"),
        (_, _) => Err("bytes of a type of their own"),
    }
}

/// A field's value, and its bytes added to those before; else what it is.
fn value(field: Field, n_bytes: &mut u64) -> Result<Value, &'static str> {
    *n_bytes += size_of::<Value>() as u64;
    Ok(match field {
        Field::Null => Value::Null,
        Field::Bool(flag) => Value::Flag(flag),
        Field::Byte(integer) => Value::Integer(integer.into()),
        Field::Short(integer) => Value::Integer(integer.into()),
        Field::Int(integer) => Value::Integer(integer.into()),
        Field::Long(integer) => Value::Integer(integer),
        Field::UByte(integer) => Value::Integer(integer.into()),
        Field::UShort(integer) => Value::Integer(integer.into()),
        Field::UInt(integer) => Value::Integer(integer.into()),
        Field::ULong(integer) => Value::Integer(integer.try_into().map_err(|_| "a whole number above 2^63")?),
        Field::Float(number) => self::number(number.into())?,
        Field::Double(number) => self::number(number)?,
        Field::Str(text) => {
            *n_bytes += text.len() as u64;
            Value::Text(text)
        }
        Field::Bytes(bytes) => {
            let text = str::from_utf8(bytes.data()).map_err(|_| "bytes that are no UTF-8")?;
            *n_bytes += text.len() as u64;
            Value::Text(text.to_owned())
        }
        Field::Group(row) => {
            let fields = row.into_columns().into_iter();
            Value::Map(fields.map(|(name, field)| Ok((name, value(field, n_bytes)?))).collect::<Result<_, &str>>()?)
        }
        Field::ListInternal(list) => {
            let fields = list.elements().iter().cloned();
            Value::List(fields.map(|field| value(field, n_bytes)).collect::<Result<_, _>>()?)
        }
        // What `expect_readable` has refused.
        _ => return Err("of another type"),
    })
}

/// A number; what is none is a missing one, as pandas writes it.
fn number(number: f64) -> Result<Value, &'static str> {
    match number {
        number if number.is_nan() => Ok(Value::Null),
        number if number.is_infinite() => Err("an infinite number"),
        number => Ok(Value::Number(number)),
    }
}
