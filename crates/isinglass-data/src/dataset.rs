//! A file of pairs, read and checked.

use std::{
    borrow::Cow,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::{DataError, Example, Manifest, Pair, pair};

/// A file of pairs, with what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    manifest: Manifest,
    pairs: Vec<Pair>,
}

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
/// - what [`Dataset::from_pairs_file`] gives, for the data file.
pub fn read_pairs(path: impl AsRef<Path>) -> Result<Dataset, DataError> {
    let path = path.as_ref();
    let (folder, asked) = if path.is_dir() {
        (path, None)
    } else {
        (path.parent().unwrap_or(Path::new("")), path.file_name().map(|name| name.to_string_lossy()))
    };

    let manifest_path = folder.join("manifest.toml");
    let manifest = match read(&manifest_path) {
        Err(DataError::Read { path: manifest, source }) if source.kind() == io::ErrorKind::NotFound => {
            // Where the data are missing too, that is the thing to say.
            fs::metadata(path).map_err(|source| DataError::Read { path: path.to_path_buf(), source })?;
            return Err(DataError::NoManifest { path: manifest });
        }
        bytes => Manifest::parse(&utf8(bytes?, &manifest_path)?, &manifest_path)?,
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
    let bytes = read(&path)?;
    let found = sha256(&bytes);
    if found != manifest.sha256 {
        return Err(DataError::HashMismatch { path, expected: manifest.sha256, found });
    }
    let pairs = pair::parse(&utf8(bytes, &path)?, &path)?;
    if pairs.len() != manifest.n {
        return Err(DataError::CountMismatch { path, expected: manifest.n, found: pairs.len() });
    }
    Ok(Dataset { manifest, pairs })
}

impl Dataset {
    /// Reads a file of pairs that has no manifest: one's own data.
    ///
    /// The file's hash and its number of pairs are measured;
    /// licence, source and the rest are [`UNSTATED`](crate::UNSTATED).
    /// A manifest that is there is not read: [`read_pairs`] does that.
    ///
    /// # Errors
    ///
    /// - [`DataError::Read`]: the file is not there, or not readable.
    /// - [`DataError::NotUtf8`], [`DataError::BadLine`], [`DataError::EmptyText`]: a line is not a pair of texts.
    /// - [`DataError::DuplicatePair`], [`DataError::DuplicateText`]: a name or a text stands twice.
    /// - [`DataError::NoPairs`]: the file is empty.
    pub fn from_pairs_file(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let bytes = read(path)?;
        let sha256 = sha256(&bytes);
        let pairs = pair::parse(&utf8(bytes, path)?, path)?;
        Ok(Self { manifest: Manifest::unstated(path, sha256, pairs.len()), pairs })
    }

    /// What is known about the data.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The pairs in the file's order.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// The SHA-256 of the data file, as found: 64 lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        // Equal to the file's: `read_pairs` refuses anything else.
        &self.manifest.sha256
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
            .zip(&self.pairs)
            .flat_map(|(group, pair)| [true, false].map(|label| example(group, pair, label)))
            .collect()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    fs::read(path).map_err(|source| DataError::Read { path: path.to_owned(), source })
}

fn utf8(bytes: Vec<u8>, path: &Path) -> Result<String, DataError> {
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|&byte| byte == b'\n').count();
        DataError::NotUtf8 { path: PathBuf::from(path), line }
    })
}

/// Whether there is a `manifest.toml` beside a file, and the file is the one it names.
pub(crate) fn is_named_by_its_manifest(path: &Path) -> Result<bool, DataError> {
    let manifest = path.with_file_name("manifest.toml");
    let bytes = match read(&manifest) {
        Err(DataError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(false),
        bytes => bytes?,
    };
    // Not as a `Manifest`: one that has not all of its fields may still name the file.
    let fields: toml::Table = utf8(bytes, &manifest)?
        .parse()
        .map_err(|source| DataError::BadManifest { path: manifest, source: Box::new(source) })?;
    let named = fields.get("file").and_then(toml::Value::as_str);
    Ok(named.is_some_and(|named| path.file_name().is_some_and(|name| name == named)))
}

fn sha256(bytes: &[u8]) -> String {
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
        assert!(error.to_string().contains("Dataset::from_pairs_file"), "{error}");
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
