//! Which bytes exactly: SHA-256, in lower-case hexadecimal.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::FormatError;
use crate::map::open_file;

/// The SHA-256 of a file, read in pieces.
///
/// # Errors
///
/// [`FormatError::Open`] and [`FormatError::NotAFile`] where there is no such file, [`FormatError::Read`] where it cannot
/// be read to its end.
pub fn sha256_file(path: impl AsRef<Path>) -> Result<String, FormatError> {
    let path = path.as_ref();
    let (mut file, _) = open_file(path)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(hex(hasher)),
            Ok(n) => hasher.update(&piece[..n]),
            Err(source) if source.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => return Err(FormatError::Read { path: path.to_path_buf(), source }),
        }
    }
}

/// The SHA-256 of bytes in memory.
pub fn sha256_bytes(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

/// What a hasher has seen, as text.
pub(crate) fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_s_own_example() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_bytes(b"abc"), abc);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, b"abc").unwrap();
        assert_eq!(sha256_file(&path).unwrap(), abc);
    }

    #[test]
    fn a_folder_and_a_missing_file_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(sha256_file(folder.path()), Err(FormatError::NotAFile { .. })));
        assert!(matches!(sha256_file(folder.path().join("none")), Err(FormatError::Open { .. })));
    }
}
