//! Small GGUF files: a few tensors of f32 with a few values about them.

use std::io::Write;
use std::path::Path;

use crate::FormatError;
use crate::write::atomically;

/// A value of the metadata to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NewValue {
    /// Text.
    Str(String),
    /// A count.
    U32(u32),
}

/// Where tensors begin, as a multiple of bytes: the format's default.
const ALIGNMENT: usize = 32;

/// Writes a GGUF file (version 3, little-endian) of f32 tensors, atomically, metadata and tensors in the order given.
///
/// A shape is row-major as everywhere here; the file has it the other way round.
///
/// # Errors
///
/// [`FormatError::ShapeMismatch`] before anything is written, [`FormatError::Write`] where the file cannot be.
pub fn save_gguf(
    path: impl AsRef<Path>,
    metadata: &[(&str, NewValue)],
    tensors: &[(String, Vec<usize>, &[f32])],
) -> Result<(), FormatError> {
    let path = path.as_ref();
    for (name, shape, values) in tensors {
        if shape.iter().try_fold(1, |n: usize, d| n.checked_mul(*d)) != Some(values.len()) {
            let (path, tensor, shape) = (path.to_path_buf(), name.clone(), shape.clone());
            return Err(FormatError::ShapeMismatch { path, tensor, shape, found: values.len() });
        }
    }
    let mut header = Vec::new();
    header.extend(b"GGUF");
    header.extend(3_u32.to_le_bytes());
    header.extend((tensors.len() as u64).to_le_bytes());
    header.extend((metadata.len() as u64).to_le_bytes());
    for (key, value) in metadata {
        text(&mut header, key);
        match value {
            NewValue::U32(value) => {
                header.extend(4_u32.to_le_bytes());
                header.extend(value.to_le_bytes());
            }
            NewValue::Str(value) => {
                header.extend(8_u32.to_le_bytes());
                text(&mut header, value);
            }
        }
    }
    let mut offset = 0;
    for (name, shape, values) in tensors {
        text(&mut header, name);
        header.extend((shape.len() as u32).to_le_bytes());
        shape.iter().rev().for_each(|&d| header.extend((d as u64).to_le_bytes()));
        // The type f32.
        header.extend(0_u32.to_le_bytes());
        header.extend((offset as u64).to_le_bytes());
        offset += size_of_val(*values).next_multiple_of(ALIGNMENT);
    }
    header.resize(header.len().next_multiple_of(ALIGNMENT), 0);
    atomically(path, |file| {
        let mut write = || {
            file.write_all(&header)?;
            tensors.iter().try_for_each(|(_, _, values)| {
                values.iter().try_for_each(|value| file.write_all(&value.to_le_bytes()))?;
                let size = size_of_val(*values);
                file.write_all(&[0; ALIGNMENT][..size.next_multiple_of(ALIGNMENT) - size])
            })
        };
        write().map_err(|source| FormatError::Write { path: path.to_path_buf(), source })
    })
}

fn text(header: &mut Vec<u8>, text: &str) {
    header.extend((text.len() as u64).to_le_bytes());
    header.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gguf, TensorFile};

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small.gguf");
        let metadata = [("general.architecture", NewValue::Str("controlvector".into())), ("n", NewValue::U32(7))];
        let (first, second) = ([1.0_f32, -2.5, 3.0], [0.5_f32; 4]);
        let tensors = [("a".to_owned(), vec![3], &first[..]), ("b".to_owned(), vec![2, 2], &second[..])];
        save_gguf(&path, &metadata, &tensors).unwrap();
        let file = Gguf::open(&path).unwrap();
        assert_eq!((file.get_str("general.architecture").unwrap(), file.get_u32("n").unwrap()), ("controlvector", 7));
        assert_eq!(file.get("a").unwrap().to_f32().unwrap(), first);
        assert_eq!(
            (file.get("b").unwrap().shape(), file.get("b").unwrap().to_f32().unwrap()),
            (&[2, 2][..], vec![0.5; 4])
        );
        let wrong = save_gguf(&path, &[], &[("a".to_owned(), vec![2], &first[..])]);
        assert!(matches!(wrong, Err(FormatError::ShapeMismatch { found: 3, .. })));
    }
}
