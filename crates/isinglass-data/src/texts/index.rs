//! Where in a file its texts are: a place for every few hundred.

use std::{
    hash::{DefaultHasher, Hasher as _},
    ops::Range,
    path::Path,
};

use sha2::{Digest as _, Sha256};

use super::item::{Format, TextItem};
use super::lines::Lines;
use crate::{DataError, dataset::hex};

/// A block has no more texts than this.
const MOST_ITEMS: usize = 256;

/// A block with as many bytes takes no further line: long texts should not cost the reading of 255 others.
const ENOUGH_BYTES: u64 = 1 << 20;

/// Where the texts of a file are.
pub(super) struct Index {
    format: Format,
    n_items: usize,
    n_bytes: u64,
    blocks: Vec<Block>,
}

/// Lines that follow one another, blank ones among them; the next block starts where they end.
struct Block {
    /// How many texts come before.
    first: usize,
    /// How many lines come before.
    n_lines_before: usize,
    /// How many bytes come before.
    start: u64,
    /// Of its bytes.
    hash: u64,
}

impl Index {
    /// Reads a whole file, line by line, and checks each; gives its SHA-256 too.
    pub(super) fn of(path: &Path, format: Format) -> Result<(Self, String), DataError> {
        let mut lines = Lines::open(path, 0, 0)?;
        let (mut sha256, mut hasher) = (Sha256::new(), DefaultHasher::new());
        let mut blocks: Vec<Block> = Vec::new();
        let mut n_items = 0;
        loop {
            let (start, n_lines_before) = (lines.at(), lines.n_before());
            let line = lines.read_line()?;
            let is_full = |block: &Block| n_items - block.first == MOST_ITEMS || start - block.start >= ENOUGH_BYTES;
            if line.is_none() || blocks.last().is_none_or(is_full) {
                if let Some(block) = blocks.last_mut() {
                    block.hash = std::mem::take(&mut hasher).finish();
                }
                blocks.push(Block { first: n_items, n_lines_before, start, hash: 0 });
            }
            let Some(line) = line else { break };
            sha256.update(line.bytes);
            hasher.write(line.bytes);
            if let Some(content) = line.content()? {
                format.parse(content, path, line.number)?;
                n_items += 1;
            }
        }
        if n_items == 0 {
            return Err(DataError::NoTexts { path: path.to_owned() });
        }
        Ok((Self { format, n_items, n_bytes: lines.at(), blocks }, hex(&sha256.finalize())))
    }

    /// How many texts there are.
    pub(super) fn len(&self) -> usize {
        self.n_items
    }

    /// Reads a range of the texts, all of which there must be.
    pub(super) fn read(&self, path: &Path, range: Range<usize>) -> Result<Vec<TextItem>, DataError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        self.read_blocks(path, range).map_err(|error| match error {
            DataError::Read { .. } => error,
            // Each line was right when the file was opened.
            _ => DataError::Changed { path: path.to_owned() },
        })
    }

    fn read_blocks(&self, path: &Path, range: Range<usize>) -> Result<Vec<TextItem>, DataError> {
        let changed = || DataError::Changed { path: path.to_owned() };
        // Of blocks with one `first`, the last has texts.
        let from = self.blocks.partition_point(|block| block.first <= range.start) - 1;
        let to = self.blocks.partition_point(|block| block.first < range.end);
        let Block { start, n_lines_before, first: mut item, .. } = self.blocks[from];
        let mut lines = Lines::open(path, start, n_lines_before)?;
        if lines.file_bytes()? != self.n_bytes {
            return Err(changed());
        }
        let mut items = Vec::with_capacity(range.len());
        for (block, next) in self.blocks[from..to].iter().zip(&self.blocks[from + 1..]) {
            let mut hasher = DefaultHasher::new();
            while lines.at() < next.start {
                let line = lines.read_line()?.ok_or_else(changed)?;
                hasher.write(line.bytes);
                if let Some(content) = line.content()? {
                    if range.contains(&item) {
                        items.push(self.format.parse(content, path, line.number)?);
                    }
                    item += 1;
                }
            }
            if hasher.finish() != block.hash {
                return Err(changed());
            }
        }
        Ok(items)
    }
}
