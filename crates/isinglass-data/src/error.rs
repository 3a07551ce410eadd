//! What can be wrong with a data set or a file of texts.

use std::{fmt, io, path::PathBuf};

/// Why a data set or a file of texts could not be read.
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

    /// What is there is of no kind that holds texts.
    #[error(
        "`{path}` is no file of texts; give a `.txt` file with a text on each line, a `.jsonl` file with a JSON object \
         on each line, or the folder of a data set of pairs",
        path = path.display()
    )]
    NotTexts {
        /// What was asked for.
        path: PathBuf,
    },

    /// The file has no text at all.
    #[error("`{path}` has no texts; write one on each line", path = path.display())]
    NoTexts {
        /// The file.
        path: PathBuf,
    },

    /// A line is longer than any text.
    #[error("line `{line}` of `{path}` has more than `{most}` bytes; write one text a line", path = path.display())]
    LongLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// How many bytes it may have, its end among them.
        most: usize,
    },

    /// A line is not a text in JSON.
    #[error(
        "line `{line}` of `{path}` is not a text; a line is one JSON object with the string `text`, or with `parts`, \
         an array of objects of the strings `name` and `text`, or with `messages`, an array of objects of the strings \
         `role` and `content`",
        path = path.display()
    )]
    BadText {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser said; its line number is the file's too.
        source: serde_json::Error,
    },

    /// A line has no text, or more than one.
    #[error(
        "line `{line}` of `{path}` must be a JSON object with one of the keys `text`, `parts` and `messages`; \
         it has {}",
        Keys(found),
        path = path.display()
    )]
    NotOneText {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Those of the three that it has.
        found: Vec<&'static str>,
    },

    /// A line has a place for text, and none there.
    #[error(
        "`{key}` in line `{line}` of `{path}` has no text; write some, or leave out the line",
        path = path.display()
    )]
    EmptyItem {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key of the place.
        key: &'static str,
    },

    /// More texts are asked for than there are, or backwards.
    #[error(
        "`{path}` has `{n}` texts, of which `{start}..{end}` is no range; give a range within `0..{n}`",
        path = path.display()
    )]
    NoSuchTexts {
        /// The file.
        path: PathBuf,
        /// The first text asked for, from 0.
        start: usize,
        /// The one behind the last.
        end: usize,
        /// How many there are.
        n: usize,
    },

    /// A file is not what it was.
    #[error(
        "`{path}` has changed since it was opened; open it again, and leave it as it is while it is read",
        path = path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

/// Keys that were found, for a message.
struct Keys<'a>(&'a [&'static str]);

impl fmt::Display for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("none of them") } else { write!(f, "`{}`", self.0.join("` and `")) }
    }
}
