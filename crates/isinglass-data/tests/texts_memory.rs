//! A file of texts takes no more memory than a few of its texts and a sparse index.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

#[path = "../../isinglass-formats/tests/support/peak.rs"]
mod peak;

use std::fmt::Write as _;

use isinglass_data::{TextItem, Texts};
use peak::peak;

/// A buffer, a line, and for every 256 texts 32 bytes, in lists that double.
const MOST_BYTES: usize = 256 << 10;

#[test]
fn a_large_file_takes_little() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.jsonl");
    let mut lines = String::new();
    for i in 0..400_000 {
        writeln!(lines, "{{\"id\": {i}, \"text\": \"The train number {i} was early again, and left late.\"}}").unwrap();
    }
    assert!(lines.len() > 100 * MOST_BYTES);
    std::fs::write(&path, lines).unwrap();
    let (texts, n_bytes) = peak(|| Texts::open(&path).unwrap());
    assert!(n_bytes < MOST_BYTES, "{n_bytes}");
    assert_eq!(texts.len(), 400_000);
    let (items, n_bytes) = peak(|| texts.read(399_990..400_000).unwrap());
    assert!(n_bytes < MOST_BYTES, "{n_bytes}");
    assert_eq!(items[9], TextItem::Plain("The train number 399999 was early again, and left late.".into()));
}
