//! Files of texts, read piece by piece.

mod index;
mod item;
mod lines;

use std::{fmt, fs, ops::Range, path::Path, path::PathBuf};

use crate::{DataError, UNSTATED, dataset};

use index::Index;
use item::Format;

pub use item::{Part, TextItem, Turn};

/// A file of texts, of which any range can be read without the rest: for files larger than memory.
///
/// What is there decides how it is read:
///
/// - A `.txt` file has a text on each line.
/// - A `.jsonl` file has a JSON object on each line, with just one of `"text": "..."`,
///   `"parts": [{"name": "...", "text": "..."}, ...]` and `"messages": [{"role": "...", "content": "..."}, ...]`.
///   Other keys may stand beside it, and are not read; null counts as not there.
/// - A folder with a `manifest.toml`, or the `.jsonl` file that a manifest beside it names, is a data set of pairs:
///   [`read_pairs`](crate::read_pairs) checks it, and its texts are those of
///   [`Dataset::examples`](crate::Dataset::examples), in their order.
///   Only such a data set is held in memory.
///
/// Lines without text are skipped, lines may end as on Windows, and a byte order mark at the start is no text.
///
/// Opening a file reads it once, in pieces, and checks each line.
/// What is kept is the SHA-256 of its bytes, and for every 256 texts or every MiB, whichever comes first, where they
/// start and a hash of their bytes.
/// A text that is read is held against that hash, so what is read is what was opened: a change to it is an error, even
/// one that leaves the length as it was.
///
/// # Examples
///
/// ```
/// use isinglass_data::{TextItem, Texts, Turn};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("stations.jsonl");
/// std::fs::write(
///     &path,
///     r#"{"id": 7, "text": "The train was early."}
/// {"id": 8, "messages": [{"role": "user", "content": "When does it leave?"}]}"#,
/// )?;
///
/// let texts = Texts::open(&path)?;
/// assert_eq!((texts.name(), texts.len(), texts.licence()), ("stations", 2, "unstated"));
/// let question = Turn { role: "user".into(), content: "When does it leave?".into() };
/// assert_eq!(texts.read(1..2)?, [TextItem::Chat(vec![question])]);
///
/// std::fs::write(&path, "{\"id\": 7}\n")?;
/// let error = Texts::open(&path).unwrap_err().to_string();
/// assert!(error.ends_with("with one of the keys `text`, `parts` and `messages`; it has none of them"));
/// # Ok(())
/// # }
/// ```
pub struct Texts {
    path: PathBuf,
    name: String,
    licence: String,
    sha256: String,
    held: Held,
}

/// Where the texts are.
enum Held {
    /// In memory.
    Items(Vec<TextItem>),
    /// In the file, and where in it.
    Index(Index),
}

impl Texts {
    /// Opens a file of texts, or a data set of pairs, and checks all of it.
    ///
    /// # Errors
    ///
    /// - [`DataError::Read`]: nothing is there, or it is not readable.
    /// - [`DataError::NotTexts`]: it is of another kind.
    /// - [`DataError::NotUtf8`], [`DataError::LongLine`], [`DataError::BadText`], [`DataError::NotOneText`],
    ///   [`DataError::EmptyItem`]: a line is not a text.
    /// - [`DataError::NoTexts`]: every line is blank.
    /// - What [`read_pairs`](crate::read_pairs) gives, for a data set of pairs;
    ///   [`DataError::BadManifest`] also where the `manifest.toml` beside a `.jsonl` file is not TOML.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let metadata = fs::metadata(path).map_err(|source| DataError::Read { path: path.to_owned(), source })?;
        let extension = path.extension().unwrap_or_default();
        let format = if metadata.is_dir() {
            return Self::pairs(path);
        } else if metadata.is_file() && extension.eq_ignore_ascii_case("txt") {
            Format::Plain
        } else if metadata.is_file() && extension.eq_ignore_ascii_case("jsonl") {
            if dataset::is_named_by_its_manifest(path)? {
                return Self::pairs(path);
            }
            Format::Json
        } else {
            return Err(DataError::NotTexts { path: path.to_owned() });
        };
        let (index, sha256) = Index::of(path, format)?;
        Ok(Self {
            path: path.to_owned(),
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            licence: UNSTATED.to_owned(),
            sha256,
            held: Held::Index(index),
        })
    }

    fn pairs(path: &Path) -> Result<Self, DataError> {
        let dataset = dataset::read_pairs(path)?;
        let items = dataset.examples().into_iter().map(|example| TextItem::Plain(example.text)).collect();
        Ok(Self {
            path: path.to_owned(),
            name: dataset.manifest().name.clone(),
            licence: dataset.manifest().licence.clone(),
            sha256: dataset.sha256().to_owned(),
            held: Held::Items(items),
        })
    }

    /// What it is called: a file's name less its ending, or the name in a data set's manifest.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The licence of the texts: what a data set's manifest says, else [`UNSTATED`].
    pub fn licence(&self) -> &str {
        &self.licence
    }

    /// The SHA-256 of the file when it was opened: 64 lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        match &self.held {
            Held::Items(items) => items.len(),
            Held::Index(index) => index.len(),
        }
    }

    /// Whether there are none, which [`open`](Self::open) refuses.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads a range of the texts, in the file's order; the first is number 0.
    ///
    /// The file is opened anew each time, so that several threads may read at once.
    ///
    /// # Errors
    ///
    /// - [`DataError::NoSuchTexts`]: the range is not one of `0..len()`.
    /// - [`DataError::Changed`]: the file is not what it was when it was opened.
    /// - [`DataError::Read`]: the file is gone, or not readable.
    pub fn read(&self, range: Range<usize>) -> Result<Vec<TextItem>, DataError> {
        if range.start > range.end || range.end > self.len() {
            let (path, Range { start, end }) = (self.path.clone(), range);
            return Err(DataError::NoSuchTexts { path, start, end, n: self.len() });
        }
        match &self.held {
            Held::Items(items) => Ok(items[range].to_vec()),
            Held::Index(index) => index.read(&self.path, range),
        }
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").field("path", &self.path).field("n_texts", &self.len()).finish_non_exhaustive()
    }
}
