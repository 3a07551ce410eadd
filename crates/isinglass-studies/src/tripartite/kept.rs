//! Results that are kept as they are found, so that a run that was stopped goes on where it was.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use isinglass_formats::write_atomically;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::StudyError;

/// A folder of results, each with the settings that it was computed with.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    folder: Option<PathBuf>,
    settings: Value,
}

#[derive(Deserialize)]
struct Read {
    settings: Value,
    result: Value,
}

#[derive(Serialize)]
struct Written<'a, T> {
    settings: &'a Value,
    result: &'a T,
}

impl Kept {
    /// Results in this folder that were computed with these settings, an object.
    pub fn in_folder(folder: impl Into<PathBuf>, settings: Value) -> Self {
        Self { folder: Some(folder.into()), settings }
    }

    /// Keeps nothing: everything is computed.
    pub const fn nothing() -> Self {
        Self { folder: None, settings: Value::Null }
    }

    /// The result of this name, read if it is there, else computed and written.
    ///
    /// # Errors
    /// Those of `compute`; [`StudyError::OtherSettings`] if the result there was computed otherwise, [`StudyError::BadResult`]
    /// if it is none, [`StudyError::File`] and [`StudyError::Write`] if it can be neither read nor written.
    pub fn get<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        compute: impl FnOnce() -> Result<T, StudyError>,
    ) -> Result<T, StudyError> {
        let Some(folder) = &self.folder else { return compute() };
        let path = folder.join(format!("{name}.json"));
        if let Some(result) = self.read(&path)? {
            return Ok(result);
        }
        let result = compute()?;
        fs::create_dir_all(folder).map_err(|source| StudyError::File { path: folder.clone(), source })?;
        let bad = |source| StudyError::BadResult { path: path.clone(), source };
        let text = serde_json::to_string_pretty(&Written { settings: &self.settings, result: &result }).map_err(bad)?;
        write_atomically(&path, format!("{text}\n").as_bytes())?;
        Ok(result)
    }

    /// The result of this name, if it is there.
    ///
    /// # Errors
    /// [`StudyError::MissingPhase`] if it is not, and those of [`get`](Self::get).
    pub fn expect<T: DeserializeOwned>(&self, name: &str, phase: &'static str) -> Result<T, StudyError> {
        let path = self.folder.clone().unwrap_or_default().join(format!("{name}.json"));
        self.read(&path)?.ok_or(StudyError::MissingPhase { path, phase })
    }

    fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, StudyError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StudyError::File { path: path.into(), source }),
        };
        let bad = |source| StudyError::BadResult { path: path.into(), source };
        let Read { settings, result } = serde_json::from_str(&text).map_err(bad)?;
        let keys = self.settings.as_object().into_iter().flatten().map(|(key, _)| key);
        for key in keys.chain(settings.as_object().into_iter().flatten().map(|(key, _)| key)) {
            if settings[key] != self.settings[key] {
                let (found, expected) = (settings[key].to_string(), self.settings[key].to_string());
                return Err(StudyError::OtherSettings { path: path.into(), key: key.clone(), found, expected });
            }
        }
        serde_json::from_value(result).map(Some).map_err(bad)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_there_is_not_computed_again() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::in_folder(folder.path().join("new"), json!({ "seed": 1 }));
        assert!(matches!(kept.expect::<u32>("one", "probe"), Err(StudyError::MissingPhase { phase: "probe", .. })));
        assert_eq!(kept.get("one", || Ok(7)).unwrap(), 7);
        assert_eq!(kept.get("one", || Ok(8)).unwrap(), 7);
        assert_eq!(kept.expect::<u32>("one", "probe").unwrap(), 7);

        let other = Kept::in_folder(folder.path().join("new"), json!({ "seed": 2 }));
        let error = other.get("one", || Ok(8)).unwrap_err().to_string();
        assert!(error.contains("another `seed`: 1, not 2"), "{error}");
        fs::write(folder.path().join("new/one.json"), "{").unwrap();
        assert!(matches!(kept.get("one", || Ok(8)), Err(StudyError::BadResult { .. })));
    }

    #[test]
    fn a_failure_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::in_folder(folder.path(), json!({}));
        let failed = kept.get::<u32>("one", || Err(StudyError::NoLayer { layer: 3, n_layers: 2 }));
        assert!(failed.is_err());
        assert_eq!(kept.get("one", || Ok(8)).unwrap(), 8);
    }
}
