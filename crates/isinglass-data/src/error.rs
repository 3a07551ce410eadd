//! What can be wrong with a data set.

use std::{io, path::PathBuf};

/// Why a data set could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file could not be read.
    #[error("`{path}` could not be read", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file holds bytes that are no text.
    #[error("line `{line}` of `{path}` is not UTF-8; save the file as UTF-8", path = path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line of the first such byte, from 1.
        line: usize,
    },

    /// A line is not a pair in JSON.
    #[error(
        "line `{line}` of `{path}` is not a pair; a line is one JSON object with the strings `pair`, `topic`, \
         `positive` and `negative`",
        path = path.display()
    )]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser said; its line number is the file's too.
        source: serde_json::Error,
    },

    /// A pair has a field without text.
    #[error("`{field}` in line `{line}` of `{path}` is empty; every field of a pair needs text", path = path.display())]
    EmptyText {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The field's key.
        field: &'static str,
    },

    /// Two pairs have one name.
    #[error(
        "pair `{pair}` in line `{line}` of `{path}` is already in line `{first_line}`; a pair's name is its group, so \
         give each its own",
        path = path.display()
    )]
    DuplicatePair {
        /// The file.
        path: PathBuf,
        /// The line of the second pair, from 1.
        line: usize,
        /// The name.
        pair: String,
        /// The line of the first pair, from 1.
        first_line: usize,
    },

    /// One text stands twice.
    ///
    /// In two pairs it could be on both sides of a split; in one it would have both labels.
    #[error(
        "line `{line}` of `{path}` repeats a text of line `{first_line}`; each text may stand once, or held-out \
         scores would be measured on training texts",
        path = path.display()
    )]
    DuplicateText {
        /// The file.
        path: PathBuf,
        /// The line of the second occurrence, from 1.
        line: usize,
        /// The line of the first, from 1; the same one if a pair's members are equal.
        first_line: usize,
    },

    /// The file has no pair at all.
    #[error("`{path}` has no pairs; write one JSON object a line", path = path.display())]
    NoPairs {
        /// The file.
        path: PathBuf,
    },

    /// There is no manifest beside the data.
    #[error(
        "`{path}` does not exist; describe the data in such a file, or read data without a manifest with \
         `Dataset::from_pairs_file`",
        path = path.display()
    )]
    NoManifest {
        /// Where the manifest was looked for.
        path: PathBuf,
    },

    /// The manifest is not what a manifest should be.
    #[error(
        "`{path}` is not a manifest; it needs `name`, `title`, `file`, `sha256`, `n`, `licence`, `source`, \
         `written_by`, `labelled_by`, `created` and `description`, and nothing else",
        path = path.display()
    )]
    BadManifest {
        /// The manifest.
        path: PathBuf,
        /// What the parser said.
        source: Box<toml::de::Error>,
    },

    /// The manifest has a field without text.
    #[error("`{field}` in `{path}` is empty; write `unstated` where nothing is known", path = path.display())]
    EmptyField {
        /// The manifest.
        path: PathBuf,
        /// The field's key.
        field: &'static str,
    },

    /// The manifest describes another file than the one asked for, or one in another folder.
    #[error(
        "`{path}` describes `{expected}`, not `{found}`; a manifest names the one data file beside it",
        path = path.display()
    )]
    OtherFile {
        /// The manifest.
        path: PathBuf,
        /// The file that the manifest names.
        expected: String,
        /// The file that was asked for.
        found: String,
    },

    /// The data are not the bytes that the manifest describes.
    #[error(
        "`{path}` has the SHA-256 `{found}`, but its manifest says `{expected}`; restore the file, or if the change is \
         meant, write the new hash into the manifest",
        path = path.display()
    )]
    HashMismatch {
        /// The data file.
        path: PathBuf,
        /// The manifest's hash.
        expected: String,
        /// The file's hash.
        found: String,
    },

    /// The data are not as many as the manifest says.
    #[error(
        "`{path}` has `{found}` pairs, but its manifest says `{expected}`; write the number of pairs into `n`",
        path = path.display()
    )]
    CountMismatch {
        /// The data file.
        path: PathBuf,
        /// The manifest's number of pairs.
        expected: usize,
        /// The file's number of pairs.
        found: usize,
    },
}
