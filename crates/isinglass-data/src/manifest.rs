//! What is known about a data set.

use std::{
    io::{self, Write as _},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{DataError, Dataset, Record};

/// What a manifest says where nothing is known.
pub const UNSTATED: &str = "unstated";

/// Who or what made something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Maker {
    /// A language model or another AI.
    Ai,
    /// One person or more, without an AI.
    Person,
    /// Persons and an AI together.
    Both,
    /// A program that is no AI, from a template or a rule.
    Program,
}

/// What is known about a data set: the `manifest.toml` beside its file.
///
/// # Examples
///
/// A file of one's own, described:
///
/// ```
/// use isinglass_data::{Dataset, Maker, Manifest, RegisterPair};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("registers.csv");
/// std::fs::write(&path, "id,topic,formal,casual\nr1,rain,It is raining.,It's chucking it down.\n")?;
///
/// let manifest = Manifest {
///     title: "A shower in two registers".into(),
///     licence: "CC0-1.0".into(),
///     writer: Some(Maker::Person),
///     ..Manifest::describe::<RegisterPair>(&path)?
/// };
/// manifest.save(folder.path())?;
///
/// let dataset = Dataset::<RegisterPair>::open(folder.path())?;
/// assert_eq!(dataset.manifest(), &manifest);
/// assert_eq!(dataset.manifest().source, "unstated");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// A short name, fit for a path.
    pub name: String,
    /// What the data are, in a line.
    pub title: String,
    /// The data file's name in the manifest's folder.
    pub file: String,
    /// The SHA-256 of the data file, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The number of records in the data file.
    pub n: usize,
    /// The licence of the texts, as an SPDX expression or [`UNSTATED`].
    pub licence: String,
    /// Where the texts come from, or [`UNSTATED`].
    pub source: String,
    /// Who wrote the texts, or [`UNSTATED`].
    pub written_by: String,
    /// Who or what wrote the texts, in a word that programs can go by; none if it is not stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writer: Option<Maker>,
    /// Who gave the labels and how, or [`UNSTATED`].
    pub labelled_by: String,
    /// Who or what gave the labels, in a word that programs can go by; none if it is not stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labeller: Option<Maker>,
    /// When the data were made, as `YYYY-MM-DD`, or [`UNSTATED`].
    pub created: String,
    /// What the labels mean and how the texts were made.
    pub description: String,
}

impl Manifest {
    /// The manifest of a file of records that has none: hash and number are measured, and the rest says [`UNSTATED`],
    /// for you to state.
    ///
    /// # Errors
    ///
    /// What [`Dataset::from_file`] gives.
    pub fn describe<R: Record>(path: impl AsRef<Path>) -> Result<Self, DataError> {
        Ok(Dataset::<R>::from_file(path)?.manifest().clone())
    }

    /// Writes `manifest.toml` into the data file's folder, all of it or nothing.
    ///
    /// # Errors
    ///
    /// - [`DataError::EmptyField`]: a field says nothing.
    /// - [`DataError::AlreadyThere`]: the folder has a manifest.
    /// - [`DataError::Write`]: it cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<(), DataError> {
        let folder = folder.as_ref();
        let path = folder.join("manifest.toml");
        self.check(&path)?;
        let failed = |source| DataError::Write { path: path.clone(), source };
        let text = toml::to_string(self).map_err(|error| failed(io::Error::other(error)))?;
        // Without a folder it is the current one.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        // Refuses to replace a file, also one that came just now.
        file.persist_noclobber(&path).map(|_| ()).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => DataError::AlreadyThere { path: path.clone() },
            _ => failed(error.error),
        })
    }

    /// Parses a manifest and checks that its fields say something; `path` is for the errors alone.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, DataError> {
        let manifest: Self = toml::from_str(text)
            .map_err(|source| DataError::BadManifest { path: path.to_owned(), source: Box::new(source) })?;
        manifest.check(path)?;
        Ok(manifest)
    }

    /// Refuses a manifest with a field that says nothing.
    fn check(&self, path: &Path) -> Result<(), DataError> {
        let fields = [
            ("name", &self.name),
            ("title", &self.title),
            ("file", &self.file),
            ("sha256", &self.sha256),
            ("licence", &self.licence),
            ("source", &self.source),
            ("written_by", &self.written_by),
            ("labelled_by", &self.labelled_by),
            ("created", &self.created),
            ("description", &self.description),
        ];
        if let Some((field, _)) = fields.into_iter().find(|(_, value)| value.trim().is_empty()) {
            return Err(DataError::EmptyField { path: path.to_owned(), field });
        }
        Ok(())
    }

    /// The manifest of a file that came without one.
    pub(crate) fn unstated(path: &Path, sha256: String, n: usize) -> Self {
        let part = |part: Option<&std::ffi::OsStr>| {
            part.map_or_else(|| UNSTATED.to_owned(), |part| part.to_string_lossy().into_owned())
        };
        Self {
            name: part(path.file_stem()),
            title: UNSTATED.to_owned(),
            file: part(path.file_name()),
            sha256,
            n,
            licence: UNSTATED.to_owned(),
            source: UNSTATED.to_owned(),
            written_by: UNSTATED.to_owned(),
            writer: None,
            labelled_by: UNSTATED.to_owned(),
            labeller: None,
            created: UNSTATED.to_owned(),
            description: UNSTATED.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::RegisterPair;

    const OLD: &str = "name = \"a\"\ntitle = \"b\"\nfile = \"c\"\nsha256 = \"d\"\nn = 3\nlicence = \"e\"\n\
                       source = \"f\"\nwritten_by = \"g\"\nlabelled_by = \"h\"\ncreated = \"i\"\n\
                       description = \"j\"\n";

    fn check(text: &str) -> Result<Manifest, DataError> {
        Manifest::parse(text, Path::new("manifest.toml"))
    }

    #[test]
    fn makers_may_be_stated() {
        let old = check(OLD).unwrap();
        assert_eq!((old.writer, old.labeller, old.n), (None, None, 3));
        let new = check(&format!("{OLD}writer = \"ai\"\nlabeller = \"both\"\n")).unwrap();
        assert_eq!((new.writer, new.labeller), (Some(Maker::Ai), Some(Maker::Both)));
        let DataError::BadManifest { source, .. } = check(&format!("{OLD}writer = \"dog\"\n")).unwrap_err() else {
            panic!()
        };
        assert!(source.to_string().contains("`ai`, `person`, `both`, `program`"), "{source}");
    }

    #[test]
    fn what_is_saved_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        for (i, text) in ["plain", "two\nlines", "\"\"\" and \\", "é = #"].into_iter().enumerate() {
            let folder = folder.path().join(i.to_string());
            fs::create_dir(&folder).unwrap();
            let manifest = Manifest { description: text.into(), writer: Some(Maker::Program), ..check(OLD).unwrap() };
            manifest.save(&folder).unwrap();
            assert_eq!(check(&fs::read_to_string(folder.join("manifest.toml")).unwrap()).unwrap(), manifest);
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        }
    }

    #[test]
    fn nothing_is_replaced_or_left_half() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = check(OLD).unwrap();
        manifest.save(folder.path()).unwrap();
        let other = Manifest { n: 4, ..manifest.clone() };
        assert!(matches!(other.save(folder.path()), Err(DataError::AlreadyThere { .. })));
        assert_eq!(check(&fs::read_to_string(folder.path().join("manifest.toml")).unwrap()).unwrap().n, 3);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let empty = Manifest { title: " ".into(), ..manifest.clone() };
        assert!(matches!(empty.save(folder.path()), Err(DataError::EmptyField { field: "title", .. })));
        assert!(matches!(manifest.save(folder.path().join("nowhere")), Err(DataError::Write { .. })));
        assert!(matches!(Manifest::describe::<RegisterPair>("nowhere.csv"), Err(DataError::Read { .. })));
    }
}
