//! Ways to make a true file false.
#![allow(unreachable_pub, missing_docs, reason = "it is part of tests")]

use proptest::prelude::*;

/// A change to a file; places count modulo its length, so that any number is one.
#[derive(Debug, Clone)]
pub enum Change {
    Set(usize, u8),
    Flip(usize, u32),
    /// Eight bytes, wherever they fall.
    Wide(usize, u64),
    /// Eight bytes that were a small number before: a length, a count, an axis or an offset.
    Length(usize, u64),
    /// A number written in digits, as JSON has its axes and offsets.
    Digits(usize, u64),
    Cut(usize),
    Remove(usize, usize),
    /// Bytes of the file at its end once more.
    Repeat(usize, usize),
    /// Bytes of the file, or of another, in the midst of it.
    Splice(usize, bool, usize, usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>, other: &[u8]) {
        let n = bytes.len().max(1);
        match *self {
            Self::Set(at, byte) => bytes.iter_mut().skip(at % n).take(1).for_each(|b| *b = byte),
            Self::Flip(at, bit) => bytes.iter_mut().skip(at % n).take(1).for_each(|b| *b ^= 1 << (bit % 8)),
            Self::Wide(at, x) => put(bytes, at % n, x),
            Self::Length(at, x) => {
                let is_small = |at: &usize| {
                    let number = bytes[*at..].first_chunk().map_or(u64::MAX, |chunk| u64::from_le_bytes(*chunk));
                    (1..=n as u64).contains(&number)
                };
                if let Some(at) = (at % n..bytes.len()).chain(0..at % n).find(is_small) {
                    put(bytes, at, x);
                }
            }
            Self::Digits(at, x) => {
                let is_digit = |at: &usize| bytes[*at].is_ascii_digit();
                if let Some(at) = (at % n..bytes.len()).chain(0..at % n).find(is_digit) {
                    let end = (at..bytes.len()).find(|at| !bytes[*at].is_ascii_digit()).unwrap_or(bytes.len());
                    bytes.splice(at..end, x.to_string().bytes());
                }
            }
            Self::Cut(at) => bytes.truncate(at % n),
            Self::Remove(at, len) => drop(bytes.drain(at % n..(at % n + len % 40).min(bytes.len()))),
            Self::Repeat(at, len) => {
                bytes.extend_from_within(at % n..(at % n + len % 400).min(bytes.len()));
            }
            Self::Splice(at, own, from, len) => {
                let source = if own { bytes.clone() } else { other.to_vec() };
                let from = from % source.len().max(1);
                let to = (from + len % 2000).min(source.len());
                bytes.splice((at % n).min(bytes.len())..(at % n).min(bytes.len()), source[from..to].iter().copied());
            }
        }
    }
}

fn put(bytes: &mut [u8], at: usize, x: u64) {
    bytes.iter_mut().skip(at).zip(x.to_le_bytes()).for_each(|(b, new)| *b = new);
}

/// One to four changes; places are anywhere, or near the start, where headers have what counts.
pub fn changes() -> impl Strategy<Value = Vec<Change>> {
    let at = || prop_oneof![any::<usize>(), 0..400_usize];
    let wide = || {
        prop_oneof![
            any::<u64>(),
            0..100_u64,
            0..1_000_000_u64,
            Just(u64::MAX),
            (0..64_u32).prop_map(|bit| 1 << bit),
            (0..64_u32).prop_map(|bit| (1 << bit) - 1)
        ]
    };
    let change = prop_oneof![
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        2 => (at(), any::<u32>()).prop_map(|(at, bit)| Change::Flip(at, bit)),
        2 => (at(), wide()).prop_map(|(at, x)| Change::Wide(at, x)),
        3 => (at(), wide()).prop_map(|(at, x)| Change::Length(at, x)),
        2 => (at(), wide()).prop_map(|(at, x)| Change::Digits(at, x)),
        1 => at().prop_map(Change::Cut),
        1 => (at(), any::<usize>()).prop_map(|(at, len)| Change::Remove(at, len)),
        1 => (at(), any::<usize>()).prop_map(|(at, len)| Change::Repeat(at, len)),
        2 => (at(), any::<bool>(), any::<usize>(), any::<usize>())
            .prop_map(|(at, own, from, len)| Change::Splice(at, own, from, len)),
    ];
    prop::collection::vec(change, 1..5)
}

/// A file with its changes made; what is spliced in comes from `other`.
pub fn changed(file: &[u8], other: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for change in changes {
        change.apply(&mut bytes, other);
    }
    bytes
}
