//! What is known about a data set.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::DataError;

/// What a manifest says where nothing is known.
pub const UNSTATED: &str = "unstated";

/// What is known about a data set: the `manifest.toml` beside its file.
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
    /// The number of pairs in the data file.
    pub n: usize,
    /// The licence of the texts, as an SPDX expression or [`UNSTATED`].
    pub licence: String,
    /// Where the texts come from, or [`UNSTATED`].
    pub source: String,
    /// Who wrote the texts, or [`UNSTATED`].
    pub written_by: String,
    /// Who gave the labels and how, or [`UNSTATED`].
    pub labelled_by: String,
    /// When the data were made, as `YYYY-MM-DD`, or [`UNSTATED`].
    pub created: String,
    /// What the labels mean and how the texts were made.
    pub description: String,
}

impl Manifest {
    /// Parses a manifest and checks that its fields say something; `path` is for the errors alone.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, DataError> {
        let manifest: Self = toml::from_str(text)
            .map_err(|source| DataError::BadManifest { path: path.to_owned(), source: Box::new(source) })?;
        let fields = [
            ("name", &manifest.name),
            ("title", &manifest.title),
            ("file", &manifest.file),
            ("sha256", &manifest.sha256),
            ("licence", &manifest.licence),
            ("source", &manifest.source),
            ("written_by", &manifest.written_by),
            ("labelled_by", &manifest.labelled_by),
            ("created", &manifest.created),
            ("description", &manifest.description),
        ];
        if let Some((field, _)) = fields.into_iter().find(|(_, value)| value.trim().is_empty()) {
            return Err(DataError::EmptyField { path: path.to_owned(), field });
        }
        Ok(manifest)
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
            labelled_by: UNSTATED.to_owned(),
            created: UNSTATED.to_owned(),
            description: UNSTATED.to_owned(),
        }
    }
}
