//! The central directory of a zip, walked where it lies.

use std::path::Path;

use super::{MOST_PER_BYTE, Member, Packing};
use crate::FormatError;
use crate::cursor::Cursor;

const END: u32 = 0x0605_4b50;
const END_BYTES: usize = 22;
const END_64: u32 = 0x0606_4b50;
const END_64_LOCATOR: u32 = 0x0706_4b50;
const END_64_LOCATOR_BYTES: usize = 20;
const ENTRY: u32 = 0x0201_4b50;
const ENTRY_BYTES: usize = 46;
const LOCAL: u32 = 0x0403_4b50;

/// The extra field that holds what 32 bits do not.
const EXTRA_64: u16 = 1;

/// Members that an error message names.
const MOST_NAMED: usize = 16;

/// The one member of a zip whose name ends in `.gguf`.
pub(crate) fn find_gguf<'a>(path: &'a Path, bytes: &'a [u8]) -> Result<Member<'a>, FormatError> {
    let (n_members, start) = find_directory(path, bytes)?;
    let mut cursor = start_at(path, bytes, start, "the central directory")?;
    let n_members = cursor.room(n_members, ENTRY_BYTES, "members")?;
    let directory = cursor;
    let (mut found, mut n_found) = (None, 0);
    for _ in 0..n_members {
        let entry = Entry::read(&mut cursor)?;
        if entry.is_gguf() {
            n_found += 1;
            found = Some(entry);
        }
    }
    match found {
        Some(entry) if n_found == 1 => entry.member(path, bytes),
        found => {
            // Walked again, so that names are kept only for the message.
            let (mut cursor, mut members) = (directory, Vec::new());
            let wanted = |entry: &Entry<'_>| found.is_none() || entry.is_gguf();
            for _ in 0..n_members {
                let entry = Entry::read(&mut cursor)?;
                if wanted(&entry) && members.len() < MOST_NAMED {
                    members.push(entry.name());
                }
            }
            let path = path.to_path_buf();
            Err(match n_found {
                0 => FormatError::NoGguf { path, members, n_members },
                n_members => FormatError::SeveralGgufs { path, members, n_members },
            })
        }
    }
}

/// The number of members and where the directory starts, from the record at the end of the file.
fn find_directory(path: &Path, bytes: &[u8]) -> Result<(u64, u64), FormatError> {
    // A comment of up to 2^16 - 1 bytes may follow the record; it must reach to the end of the file.
    let last = bytes.len().checked_sub(END_BYTES);
    let end = last.and_then(|last| {
        (last.saturating_sub(usize::from(u16::MAX))..=last).rev().find(|at| {
            let record = &bytes[*at..];
            record.starts_with(&END.to_le_bytes())
                && usize::from(u16::from_le_bytes([record[20], record[21]])) == record.len() - END_BYTES
        })
    });
    let end = end.ok_or_else(|| FormatError::NotAZip { path: path.to_path_buf() })?;
    let what = "the end record of a zip";
    if let Some(at) = end.checked_sub(END_64_LOCATOR_BYTES)
        && bytes[at..].starts_with(&END_64_LOCATOR.to_le_bytes())
    {
        let mut cursor = Cursor::new(path, bytes, at + 8);
        let at = cursor.u64(what)?;
        let mut cursor = start_at(path, bytes, at, "the zip64 end record")?;
        expect(&mut cursor, END_64, "the zip64 end record")?;
        cursor.take(28, what)?;
        let n_members = cursor.u64(what)?;
        cursor.take(8, what)?;
        return Ok((n_members, cursor.u64(what)?));
    }
    let mut cursor = Cursor::new(path, bytes, end + 10);
    let n_members = cursor.u16(what)?;
    cursor.take(4, what)?;
    Ok((n_members.into(), cursor.u32(what)?.into()))
}

/// One entry of the directory.
#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    name: &'a [u8],
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    unpacked: u64,
    local: u64,
}

impl<'a> Entry<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, FormatError> {
        let what = "an entry of the central directory";
        expect(cursor, ENTRY, what)?;
        cursor.take(4, what)?;
        let (flags, method) = (cursor.u16(what)?, cursor.u16(what)?);
        cursor.take(4, what)?;
        let crc = cursor.u32(what)?;
        let (packed, unpacked) = (cursor.u32(what)?, cursor.u32(what)?);
        let (n_name, n_extra, n_comment) = (cursor.u16(what)?, cursor.u16(what)?, cursor.u16(what)?);
        cursor.take(8, what)?;
        let local = cursor.u32(what)?;
        let name = cursor.take(n_name.into(), what)?;
        let extra = cursor.take(n_extra.into(), what)?;
        cursor.take(n_comment.into(), what)?;
        let mut wide = Cursor::new(cursor.path(), extra_64(extra), 0);
        let mut widen = |narrow: u32| match narrow {
            u32::MAX => wide.u64("the zip64 field of a member"),
            narrow => Ok(narrow.into()),
        };
        // The wide numbers stand in this order, and only those that are needed.
        let (unpacked, packed, local) = (widen(unpacked)?, widen(packed)?, widen(local)?);
        Ok(Self { name, flags, method, crc, packed, unpacked, local })
    }

    fn is_gguf(&self) -> bool {
        let end = self.name.len().saturating_sub(".gguf".len());
        self.name[end..].eq_ignore_ascii_case(b".gguf")
    }

    fn name(&self) -> String {
        String::from_utf8_lossy(self.name).into_owned()
    }

    /// The member behind the entry, if its bytes are there and can be unpacked.
    fn member(&self, path: &'a Path, bytes: &'a [u8]) -> Result<Member<'a>, FormatError> {
        let (own, member) = (|| path.to_path_buf(), || self.name());
        if self.flags & 1 != 0 {
            return Err(FormatError::Encrypted { path: own(), member: member() });
        }
        let (declared, compressed) = (self.unpacked, self.packed);
        let packing = match self.method {
            0 if declared < compressed => {
                return Err(FormatError::TooLong { path: own(), member: member(), declared });
            }
            0 if declared > compressed => {
                return Err(FormatError::TooShort { path: own(), member: member(), found: compressed, declared });
            }
            0 => Packing::Stored,
            8 if declared > compressed.saturating_mul(MOST_PER_BYTE) => {
                return Err(FormatError::ImpossibleSize { path: own(), member: member(), declared, compressed });
            }
            8 => Packing::Deflated,
            found => return Err(FormatError::Compression { path: own(), member: member(), found }),
        };
        let what = "the local header of a member";
        let mut cursor = start_at(path, bytes, self.local, what)?;
        expect(&mut cursor, LOCAL, what)?;
        cursor.take(22, what)?;
        let n_skipped = u64::from(cursor.u16(what)?) + u64::from(cursor.u16(what)?);
        cursor.take(n_skipped, what)?;
        let start = cursor.at();
        cursor.take(compressed, "a member of the zip")?;
        let range = start..cursor.at();
        Ok(Member { path, bytes, name: member(), packing, range, n_bytes: declared, crc: self.crc })
    }
}

/// The zip64 field among an entry's extra fields; empty where there is none.
fn extra_64(mut extra: &[u8]) -> &[u8] {
    while let Some(([id0, id1, n0, n1], rest)) = extra.split_first_chunk() {
        let n = usize::from(u16::from_le_bytes([*n0, *n1])).min(rest.len());
        if u16::from_le_bytes([*id0, *id1]) == EXTRA_64 {
            return &rest[..n];
        }
        extra = &rest[n..];
    }
    &[]
}

/// A cursor at an offset that the file gives itself.
fn start_at<'a>(path: &'a Path, bytes: &'a [u8], at: u64, what: &'static str) -> Result<Cursor<'a>, FormatError> {
    match usize::try_from(at) {
        Ok(at) if at < bytes.len() => Ok(Cursor::new(path, bytes, at)),
        _ => Err(FormatError::BadZip { path: path.to_path_buf(), what, at }),
    }
}

/// Steps over a signature.
fn expect(cursor: &mut Cursor<'_>, signature: u32, what: &'static str) -> Result<(), FormatError> {
    let at = cursor.at() as u64;
    if cursor.u32(what)? == signature {
        return Ok(());
    }
    Err(FormatError::BadZip { path: cursor.path().to_path_buf(), what, at })
}
