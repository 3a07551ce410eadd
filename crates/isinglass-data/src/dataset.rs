//! A file of records, read and checked.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::{DataError, Example, Labelled, Manifest, Pair, Record, Table, record, table};

/// A file of records of one kind, with what is known about it.
///
/// Which kind is in its type; without one it is of [`Pair`]s.
///
/// A record's name stands once, each text and each scenario stands once, and no field is empty:
/// otherwise a split could have one text on both sides.
///
/// # Examples
///
/// ```
/// use isinglass_data::{Dataset, RegisterPair};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("registers.csv");
/// std::fs::write(&path, "id,topic,formal,casual\nr1,rain,It is raining.,It's chucking it down.\n")?;
///
/// let dataset = Dataset::<RegisterPair>::from_file(&path)?;
/// let texts = dataset.labelled();
/// assert_eq!((texts[1].text.as_str(), texts[1].class_name.as_str()), ("It's chucking it down.", "casual"));
/// assert_eq!((texts[1].class, texts[1].group, texts[1].group_name.as_str()), (1, 0, "r1"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset<R = Pair> {
    manifest: Manifest,
    records: Vec<R>,
}

/// Reads a data set of pairs and holds it against its `manifest.toml`: [`Dataset::open`] of [`Pair`]s.
///
/// # Errors
///
/// What [`Dataset::open`] gives.
pub fn read_pairs(path: impl AsRef<Path>) -> Result<Dataset, DataError> {
    Dataset::open(path)
}

impl<R: Record> Dataset<R> {
    /// Reads a data set and holds it against its `manifest.toml`.
    ///
    /// `path` is the data set's folder, or the data file in it.
    ///
    /// # Errors
    ///
    /// - [`DataError::NoManifest`]: the folder has no `manifest.toml`.
    /// - [`DataError::BadManifest`], [`DataError::EmptyField`]: the manifest is not complete, or has keys of its own.
    /// - [`DataError::OtherFile`]: the manifest describes another file.
    /// - [`DataError::HashMismatch`], [`DataError::CountMismatch`]: the file is not the one that the manifest describes.
    /// - what [`from_file`](Self::from_file) gives, for the data file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let (manifest, path) = manifest_of(path.as_ref())?;
        let bytes = table::read(&path)?;
        let found = sha256(&bytes);
        if found != manifest.sha256 {
            return Err(DataError::HashMismatch { path, expected: manifest.sha256, found });
        }
        let records = parse::<R>(bytes, &path)?;
        if records.len() != manifest.n {
            return Err(DataError::CountMismatch { path, expected: manifest.n, found: records.len() });
        }
        Ok(Self { manifest, records })
    }

    /// Reads a file of records that has no manifest: one's own data.
    ///
    /// The file may be of any kind that [`Table`] reads.
    /// Its hash and its number of records are measured;
    /// licence, source and the rest are [`UNSTATED`](crate::UNSTATED).
    /// A manifest that is there is not read: [`open`](Self::open) does that.
    ///
    /// # Errors
    ///
    /// - What [`Table::open`] gives: it is not there, not readable, or not what its name says.
    /// - [`DataError::MissingKey`], [`DataError::UnknownKey`], [`DataError::WrongValue`], [`DataError::EmptyText`]: a
    ///   record is of another kind.
    /// - [`DataError::DuplicateId`], [`DataError::DuplicateText`]: a name or a text stands twice.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let bytes = table::read(path)?;
        let sha256 = sha256(&bytes);
        let records = parse::<R>(bytes, path)?;
        Ok(Self { manifest: Manifest::unstated(path, sha256, records.len()), records })
    }

    /// The texts of all records with their classes: those of one record together, in the order of
    /// [`Record::CLASSES`].
    pub fn labelled(&self) -> Vec<Labelled> {
        record::labelled(&self.records)
    }
}

impl<R> Dataset<R> {
    /// What is known about the data.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The records in the file's order.
    pub fn records(&self) -> &[R] {
        &self.records
    }

    /// The SHA-256 of the data file, as found: 64 lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        // Equal to the file's: `open` refuses anything else.
        &self.manifest.sha256
    }
}

impl Dataset {
    /// Reads a file of pairs that has no manifest: [`from_file`](Self::from_file) of [`Pair`]s.
    ///
    /// # Errors
    ///
    /// What [`from_file`](Self::from_file) gives.
    pub fn from_pairs_file(path: impl AsRef<Path>) -> Result<Self, DataError> {
        Self::from_file(path)
    }

    /// The pairs in the file's order.
    pub fn pairs(&self) -> &[Pair] {
        &self.records
    }

    /// Two examples a pair, the positive one first, in the file's order; the pair is the group.
    pub fn examples(&self) -> Vec<Example> {
        let example = |group, pair: &Pair, label| Example {
            text: if label { &pair.positive } else { &pair.negative }.clone(),
            label,
            group,
            group_name: pair.pair.clone(),
        };
        (0..)
            .zip(&self.records)
            .flat_map(|(group, pair)| [true, false].map(|label| example(group, pair, label)))
            .collect()
    }
}

/// The manifest of a data set, and the file that it describes; the path is its folder's or the file's.
pub(crate) fn manifest_of(path: &Path) -> Result<(Manifest, PathBuf), DataError> {
    let (folder, asked) = if path.is_dir() {
        (path, None)
    } else {
        (path.parent().unwrap_or(Path::new("")), path.file_name().map(|name| name.to_string_lossy()))
    };

    let manifest_path = folder.join("manifest.toml");
    let manifest = match table::read(&manifest_path) {
        Err(DataError::Read { path: manifest, source }) if source.kind() == io::ErrorKind::NotFound => {
            // Where the data are missing too, that is the thing to say.
            fs::metadata(path).map_err(|source| DataError::Read { path: path.to_path_buf(), source })?;
            return Err(DataError::NoManifest { path: manifest });
        }
        bytes => Manifest::parse(table::text(&bytes?, &manifest_path)?, &manifest_path)?,
    };
    let is_plain_name = Path::new(&manifest.file).file_name().is_some_and(|name| *name == *manifest.file);
    if !is_plain_name || asked.as_ref().is_some_and(|asked| **asked != manifest.file) {
        return Err(DataError::OtherFile {
            path: manifest_path,
            found: asked.map_or_else(|| folder.display().to_string(), Cow::into_owned),
            expected: manifest.file,
        });
    }
    let path = folder.join(&manifest.file);
    Ok((manifest, path))
}

/// The records in a file's bytes; what stands twice is refused.
fn parse<R: Record>(bytes: Vec<u8>, path: &Path) -> Result<Vec<R>, DataError> {
    let table = Table::parse(bytes, path, None)?;
    let records: Vec<R> = table.records()?;
    let (mut place_of_id, mut place_of_text) = (BTreeMap::new(), BTreeMap::new());
    for (row, record) in table.rows().zip(&records) {
        let place = row.place();
        if let Some(first) = place_of_id.insert(record.id(), place) {
            let (path, id) = (path.to_owned(), record.id().to_owned());
            return Err(DataError::DuplicateId { path, place, id, first });
        }
        for text in record.texts().into_iter().chain(record.scenario()) {
            if let Some(first) = place_of_text.insert(text, place) {
                return Err(DataError::DuplicateText { path: path.to_owned(), place, first });
            }
        }
    }
    Ok(records)
}

/// Whether there is a `manifest.toml` beside a file, and the file is the one it names.
pub(crate) fn is_named_by_its_manifest(path: &Path) -> Result<bool, DataError> {
    let manifest = path.with_file_name("manifest.toml");
    let bytes = match table::read(&manifest) {
        Err(DataError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(false),
        bytes => bytes?,
    };
    // Not as a `Manifest`: one that has not all of its fields may still name the file.
    let fields: toml::Table = table::text(&bytes, &manifest)?
        .parse()
        .map_err(|source| DataError::BadManifest { path: manifest, source: Box::new(source) })?;
    let named = fields.get("file").and_then(toml::Value::as_str);
    Ok(named.is_some_and(|named| path.file_name().is_some_and(|name| name == named)))
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::UNSTATED;

    const PAIRS: &str = r#"{"pair": "a", "topic": "rope", "positive": "It held.", "negative": "It broke."}

{"pair": "b", "topic": "boat", "positive": "It floats.", "negative": "It sank."}
"#;

    fn manifest(file: &str, sha256: &str, n: usize) -> String {
        format!(
            "name = \"ropes\"\ntitle = \"Ropes\"\nfile = \"{file}\"\nsha256 = \"{sha256}\"\nn = {n}\n\
             licence = \"CC0-1.0\"\nsource = \"here\"\nwritten_by = \"us\"\nlabelled_by = \"us\"\n\
             created = \"2026-11-21\"\ndescription = \"Ropes and boats.\"\n"
        )
    }

    fn folder(pairs: &str, manifest: &str) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ropes.jsonl"), pairs).unwrap();
        fs::write(folder.path().join("manifest.toml"), manifest).unwrap();
        folder
    }

    /// Reads a folder with these files; the error if there is one.
    fn check(pairs: &str, manifest: &str) -> Option<DataError> {
        read_pairs(folder(pairs, manifest).path()).err()
    }

    #[test]
    fn the_hash_is_sha_256() {
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), hex);
    }

    #[test]
    fn a_folder_and_its_file_read_the_same() {
        let folder = folder(PAIRS, &manifest("ropes.jsonl", &sha256(PAIRS.as_bytes()), 2));
        let dataset = read_pairs(folder.path()).unwrap();
        assert_eq!(read_pairs(folder.path().join("ropes.jsonl")).unwrap(), dataset);
        assert_eq!(dataset.manifest().licence, "CC0-1.0");
        assert_eq!(dataset.sha256(), sha256(PAIRS.as_bytes()));
        assert_eq!(dataset.pairs()[1].topic, "boat");
    }

    #[test]
    fn a_pair_gives_two_examples_in_one_group() {
        let folder = folder(PAIRS, "");
        let dataset = Dataset::from_pairs_file(folder.path().join("ropes.jsonl")).unwrap();
        let rows: Vec<_> = dataset.examples();
        let rows: Vec<_> = rows.iter().map(|e| (e.text.as_str(), e.label, e.group, e.group_name.as_str())).collect();
        let expected = [
            ("It held.", true, 0, "a"),
            ("It broke.", false, 0, "a"),
            ("It floats.", true, 1, "b"),
            ("It sank.", false, 1, "b"),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_file_of_ones_own_is_measured_and_the_rest_unstated() {
        let folder = folder(PAIRS, "");
        let dataset = Dataset::from_pairs_file(folder.path().join("ropes.jsonl")).unwrap();
        let manifest = dataset.manifest();
        assert_eq!((manifest.name.as_str(), manifest.file.as_str(), manifest.n), ("ropes", "ropes.jsonl", 2));
        assert_eq!((manifest.licence.as_str(), manifest.source.as_str()), (UNSTATED, UNSTATED));
        assert_eq!(dataset.sha256(), sha256(PAIRS.as_bytes()));
    }

    #[test]
    fn a_changed_file_is_refused() {
        let hash = sha256(PAIRS.as_bytes());
        let error = check(&PAIRS.replace("held", "tore"), &manifest("ropes.jsonl", &hash, 2)).unwrap();
        let DataError::HashMismatch { expected, found, .. } = error else { panic!("{error:?}") };
        assert_eq!(expected, hash);
        assert_ne!(found, hash);
    }

    #[test]
    fn a_wrong_count_is_refused() {
        let error = check(PAIRS, &manifest("ropes.jsonl", &sha256(PAIRS.as_bytes()), 3)).unwrap();
        assert!(matches!(error, DataError::CountMismatch { expected: 3, found: 2, .. }), "{error:?}");
    }

    #[test]
    fn a_manifest_is_complete_and_has_no_keys_of_its_own() {
        let good = manifest("ropes.jsonl", &sha256(PAIRS.as_bytes()), 2);
        assert!(check(PAIRS, &good).is_none());
        let error = check(PAIRS, &good.replace("licence = \"CC0-1.0\"\n", "")).unwrap();
        assert!(matches!(error, DataError::BadManifest { .. }), "{error:?}");
        let error = check(PAIRS, &format!("{good}colour = \"red\"\n")).unwrap();
        assert!(matches!(error, DataError::BadManifest { .. }), "{error:?}");
        let error = check(PAIRS, &good.replace("\"CC0-1.0\"", "\" \"")).unwrap();
        assert!(matches!(error, DataError::EmptyField { field: "licence", .. }), "{error:?}");
    }

    #[test]
    fn a_manifest_names_the_file_beside_it() {
        let hash = sha256(PAIRS.as_bytes());
        let error = check(PAIRS, &manifest("../ropes.jsonl", &hash, 2)).unwrap();
        assert!(matches!(error, DataError::OtherFile { .. }), "{error:?}");

        let folder = folder(PAIRS, &manifest("ropes.jsonl", &hash, 2));
        let error = read_pairs(folder.path().join("boats.jsonl")).unwrap_err();
        let DataError::OtherFile { expected, found, .. } = error else { panic!("{error:?}") };
        assert_eq!((expected.as_str(), found.as_str()), ("ropes.jsonl", "boats.jsonl"));
    }

    #[test]
    fn missing_files_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let error = read_pairs(folder.path()).unwrap_err();
        assert!(matches!(error, DataError::NoManifest { .. }), "{error:?}");
        assert!(error.to_string().contains("Dataset::from_file"), "{error}");
        let error = Dataset::from_pairs_file(folder.path().join("ropes.jsonl")).unwrap_err();
        assert!(matches!(error, DataError::Read { .. }), "{error:?}");
    }

    #[test]
    fn bytes_that_are_no_text_are_named_with_their_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ropes.jsonl");
        fs::write(&path, [PAIRS.as_bytes(), b"\xff"].concat()).unwrap();
        let error = Dataset::from_pairs_file(&path).unwrap_err();
        assert!(matches!(error, DataError::NotUtf8 { line: 4, .. }), "{error:?}");
    }
}
