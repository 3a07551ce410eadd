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
    let mut hasher = Sha256Hasher::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(n) => hasher.update(&piece[..n]),
            Err(source) if source.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => return Err(FormatError::Read { path: path.to_path_buf(), source }),
        }
    }
}

/// The SHA-256 of bytes in memory.
pub fn sha256_bytes(bytes: &[u8]) -> String {
    let mut hasher = Sha256Hasher::new();
    hasher.update(bytes);
    hasher.finish()
}

/// The SHA-256 of bytes that come in pieces; where they are divided makes no difference.
///
/// # Examples
///
/// ```
/// use isinglass_formats::{Sha256Hasher, sha256_bytes};
///
/// let mut hasher = Sha256Hasher::new();
/// hasher.update(b"a");
/// hasher.update(b"bc");
/// assert_eq!(hasher.finish(), sha256_bytes(b"abc"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Sha256Hasher(Sha256);

impl Sha256Hasher {
    /// A hasher that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows it the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all it has seen: 64 lower-case hexadecimal digits.
    pub fn finish(self) -> String {
        self.0.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
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
    fn pieces_make_no_difference() {
        // The standard's second example, of 56 bytes: its padding takes a second block.
        let text = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        let whole = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
        for size in [1, 3, 55, 56, 100] {
            let mut hasher = Sha256Hasher::new();
            text.chunks(size).for_each(|piece| hasher.update(piece));
            assert_eq!(hasher.finish(), whole, "{size}");
        }
        assert_eq!(Sha256Hasher::new().finish(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn a_folder_and_a_missing_file_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(sha256_file(folder.path()), Err(FormatError::NotAFile { .. })));
        assert!(matches!(sha256_file(folder.path().join("none")), Err(FormatError::Open { .. })));
    }
}
