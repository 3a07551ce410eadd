//! A file that grows by one line at a time and can be continued.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::schema::short;

/// Why a file of results cannot be continued, or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// A file could not be read.
    #[error("`{path}` could not be read", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file could not be written.
    #[error("`{path}` could not be written", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// There are results, but not the settings that they came from.
    #[error(
        "`{path}` is there, but not its settings in `{settings}`; it is another's file, so choose another name",
        path = path.display(),
        settings = settings.display()
    )]
    NoSettings {
        /// The file of results.
        path: PathBuf,
        /// Where its settings should be.
        settings: PathBuf,
    },

    /// The settings are no JSON.
    #[error("`{path}` holds no settings", path = path.display())]
    BadSettings {
        /// The file of settings.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },

    /// The results came from other settings.
    #[error(
        "`{path}` was begun with `{setting}` = `{found}`, not `{asked}`; continue it with the settings it was begun \
         with, or choose another name",
        path = path.display()
    )]
    OtherSettings {
        /// The file of results.
        path: PathBuf,
        /// The first setting that differs.
        setting: String,
        /// What it was when the file was begun.
        found: String,
        /// What it is now.
        asked: String,
    },

    /// A line is no result of this kind.
    #[error(
        "line `{line}` of `{path}` is no result of such a run; restore the file, or choose another name",
        path = path.display()
    )]
    BadLine {
        /// The file of results.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser said.
        source: serde_json::Error,
    },

    /// A line has more than a result has.
    #[error(
        "line `{line}` of `{path}` has a `{key}` that no result of such a run has, or lacks it; restore the file",
        path = path.display()
    )]
    ChangedLine {
        /// The file of results.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Where it differs.
        key: String,
    },

    /// A line is not the result that belongs there.
    #[error(
        "line `{line}` of `{path}` is `{found}`, where `{expected}` belongs; restore the file",
        path = path.display()
    )]
    OtherItem {
        /// The file of results.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The item that is there.
        found: String,
        /// The item that should be.
        expected: String,
    },

    /// Another process writes the file.
    #[error("`{path}` is being written by another process; wait for it, or choose another name", path = path.display())]
    Busy {
        /// The file of results.
        path: PathBuf,
    },
}

/// A file of results, one a line, beside a file of the settings they come from.
#[derive(Debug)]
pub(crate) struct Journal<L> {
    path: PathBuf,
    text: String,
    lines: Vec<L>,
    /// Held, so that no other process writes.
    _settings: File,
}

impl<L: Serialize + DeserializeOwned> Journal<L> {
    /// Begins a file, or reads what there is of one that was begun with the same settings.
    pub(crate) fn open(path: &Path, settings: &Value) -> Result<Self, JournalError> {
        let settings_path = with_more(path, ".settings.json");
        let write = |source| JournalError::Write { path: settings_path.clone(), source };
        if path.exists() && !settings_path.exists() {
            return Err(JournalError::NoSettings { path: path.into(), settings: settings_path });
        }
        // Not cut here: what is in it may be another run's.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&settings_path)
            .map_err(write)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(JournalError::Busy { path: path.into() }),
            Err(TryLockError::Error(source)) if source.kind() != io::ErrorKind::Unsupported => {
                return Err(write(source));
            }
            _ => {}
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|source| JournalError::Read { path: settings_path.clone(), source })?;
        let bad = |source| JournalError::BadSettings { path: settings_path.clone(), source };
        let now = serde_json::to_string_pretty(settings).map_err(bad)? + "\n";
        // Where there are no results yet, settings are nobody's loss, whether of another run or half written.
        let is_ours = || {
            let keys = |text: &str| {
                serde_json::from_str::<serde_json::Map<_, Value>>(text)
                    .map(|map| map.into_iter().map(|(key, _)| key).collect::<Vec<String>>())
            };
            matches!((keys(&text), keys(&now)), (Ok(found), Ok(asked)) if found == asked)
        };
        if text.is_empty() || !path.exists() && (now.starts_with(&text) || is_ours()) {
            file.set_len(0).map_err(write)?;
            io::Seek::rewind(&mut file).map_err(write)?;
            file.write_all(now.as_bytes()).and_then(|()| file.sync_all()).map_err(write)?;
        } else {
            // Both as they are read, for numbers may change in their last digit on the way through a text.
            let found: Value = serde_json::from_str(&text).map_err(bad)?;
            let asked: Value = serde_json::from_str(&now).map_err(bad)?;
            if let Some((setting, found, asked)) = difference(&found, &asked, String::new()) {
                return Err(JournalError::OtherSettings { path: path.into(), setting, found, asked });
            }
        }
        let mut journal = Self { path: path.into(), text: String::new(), lines: Vec::new(), _settings: file };
        journal.read()?;
        Ok(journal)
    }

    fn read(&mut self) -> Result<(), JournalError> {
        let path = || self.path.clone();
        let text = match fs::read_to_string(&self.path) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
            text => text.map_err(|source| JournalError::Read { path: path(), source })?,
        };
        for (line, content) in (1..).zip(text.lines()) {
            let bad = |source| JournalError::BadLine { path: path(), line, source };
            let parsed: L = serde_json::from_str(content).map_err(bad)?;
            let found: Value = serde_json::from_str(content).map_err(bad)?;
            // Keys that the type does not have are not kept by it, and would be lost with the next line.
            let kept = serde_json::to_string(&parsed).map_err(bad)?;
            if let Some((key, ..)) = difference(&found, &serde_json::from_str(&kept).map_err(bad)?, String::new()) {
                return Err(JournalError::ChangedLine { path: path(), line, key });
            }
            self.text.push_str(&kept);
            self.text.push('\n');
            self.lines.push(parsed);
        }
        Ok(())
    }

    /// The results so far.
    pub(crate) fn lines(&self) -> &[L] {
        &self.lines
    }

    /// All results.
    pub(crate) fn into_lines(self) -> Vec<L> {
        self.lines
    }

    /// Adds a result; on disk the file has it wholly, or not at all.
    pub(crate) fn push(&mut self, line: L) -> Result<(), JournalError> {
        let write = |source| JournalError::Write { path: self.path.clone(), source };
        let text = serde_json::to_string(&line).map_err(|error| write(error.into()))?;
        self.text.push_str(&text);
        self.text.push('\n');
        self.lines.push(line);
        replace(&self.path, &self.text).map_err(write)
    }

    /// Holds that the item of each line is the one that belongs there.
    pub(crate) fn expect(
        &self,
        found: impl Fn(&L) -> &str,
        expected: impl Fn(usize) -> String,
    ) -> Result<(), JournalError> {
        for (i, line) in self.lines.iter().enumerate() {
            let (found, expected) = (found(line), expected(i));
            if found != expected {
                let (path, found) = (self.path.clone(), short(found, 60));
                return Err(JournalError::OtherItem { path, line: i + 1, found, expected });
            }
        }
        Ok(())
    }
}

/// Writes a file under another name, which then becomes its own.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let partial = with_more(path, ".partial");
    let mut file = File::create(&partial)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&partial, path)
}

fn with_more(path: &Path, more: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(more);
    name.into()
}

/// The first place where two values differ, and what is there in each.
fn difference(found: &Value, asked: &Value, at: String) -> Option<(String, String, String)> {
    let say = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), |value| short(&value.to_string(), 80));
    let under = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    let either = |key: String, found: Option<&Value>, asked: Option<&Value>| match (found, asked) {
        (Some(found), Some(asked)) => difference(found, asked, key),
        _ => Some((key, say(found), say(asked))),
    };
    match (found, asked) {
        (Value::Object(a), Value::Object(b)) => a
            .keys()
            .chain(b.keys().filter(|key| !a.contains_key(*key)))
            .find_map(|key| either(under(key), a.get(key), b.get(key))),
        (Value::Array(a), Value::Array(b)) => {
            (0..a.len().max(b.len())).find_map(|i| either(format!("{at}[{i}]"), a.get(i), b.get(i)))
        }
        _ => (found != asked).then(|| (at, say(Some(found)), say(Some(asked)))),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Line {
        id: String,
        x: f64,
    }

    fn line(id: &str) -> Line {
        Line { id: id.into(), x: 0.1 + 0.2 }
    }

    fn settings() -> Value {
        json!({"count": 3, "plan": {"topics": ["a", "b"]}, "t": 0.1 + 0.2})
    }

    /// A folder with a journal of two lines, and the journal's path.
    fn begun() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.jsonl");
        let mut journal = Journal::open(&path, &settings()).unwrap();
        journal.push(line("a")).unwrap();
        journal.push(line("b")).unwrap();
        (folder, path)
    }

    fn message(path: &Path, settings: &Value) -> String {
        let message = Journal::<Line>::open(path, settings).unwrap_err().to_string();
        message.replace(path.to_str().unwrap(), "some.jsonl")
    }

    #[test]
    fn it_goes_on_where_it_was() {
        let (folder, path) = begun();
        let before = fs::read_to_string(&path).unwrap();
        let mut journal = Journal::<Line>::open(&path, &settings()).unwrap();
        assert_eq!(journal.lines(), [line("a"), line("b")]);
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
        journal.push(line("c")).unwrap();
        drop(journal);
        let whole = folder.path().join("whole.jsonl");
        let mut journal = Journal::open(&whole, &settings()).unwrap();
        for id in ["a", "b", "c"] {
            journal.push(line(id)).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), fs::read(&whole).unwrap());
        let names = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 4, "two files of results, two of settings, and no partial one");
    }

    #[test]
    fn other_settings_are_named() {
        let (_folder, path) = begun();
        let other = |change: fn(&mut Value)| {
            let mut settings = settings();
            change(&mut settings);
            message(&path, &settings)
        };
        let end = "; continue it with the settings it was begun with, or choose another name";
        assert_eq!(
            other(|s| s["count"] = json!(4)),
            format!("`some.jsonl` was begun with `count` = `3`, not `4`{end}")
        );
        let topic = other(|s| s["plan"]["topics"][1] = json!("c"));
        assert_eq!(topic, format!("`some.jsonl` was begun with `plan.topics[1]` = `\"b\"`, not `\"c\"`{end}"));
        let more = other(|s| s["plan"]["topics"] = json!(["a", "b", "c"]));
        assert_eq!(more, format!("`some.jsonl` was begun with `plan.topics[2]` = `nothing`, not `\"c\"`{end}"));
        let new = other(|s| s["seed"] = json!(1));
        assert_eq!(new, format!("`some.jsonl` was begun with `seed` = `nothing`, not `1`{end}"));
    }

    #[test]
    fn foreign_files_are_refused() {
        let (_folder, path) = begun();
        fs::remove_file(with_more(&path, ".settings.json")).unwrap();
        let foreign = message(&path, &settings());
        assert!(foreign.starts_with("`some.jsonl` is there, but not its settings in"), "{foreign}");

        let (_folder, path) = begun();
        let text = fs::read_to_string(&path).unwrap();
        for (line, content, expected) in [
            (3, "{\"id\": 1}\n", "no result of such a run"),
            (3, "\n", "no result of such a run"),
            (3, "{\"id\": \"c\", \"x\": 1.0, \"label\": 2}", "has a `label`"),
            (3, "{\"id\": \"c\", ", "no result of such a run"),
        ] {
            fs::write(&path, format!("{text}{content}")).unwrap();
            let message = message(&path, &settings());
            assert!(message.starts_with(&format!("line `{line}` of")) && message.contains(expected), "{message}");
        }
        fs::write(&path, b"\xff\n").unwrap();
        assert!(matches!(Journal::<Line>::open(&path, &settings()), Err(JournalError::Read { .. })));
    }

    #[test]
    fn items_are_the_ones_that_belong_there() {
        let (_folder, path) = begun();
        let journal = Journal::<Line>::open(&path, &settings()).unwrap();
        let expected = |ids: [&'static str; 2]| journal.expect(|line| &line.id, move |i| ids[i].to_owned());
        expected(["a", "b"]).unwrap();
        let JournalError::OtherItem { line: 2, found, expected, .. } = expected(["a", "c"]).unwrap_err() else {
            panic!()
        };
        assert_eq!((found.as_str(), expected.as_str()), ("b", "c"));
    }

    #[test]
    fn two_do_not_write_at_once() {
        let (_folder, path) = begun();
        let first = Journal::<Line>::open(&path, &settings()).unwrap();
        assert!(matches!(Journal::<Line>::open(&path, &settings()), Err(JournalError::Busy { .. })));
        drop(first);
        Journal::<Line>::open(&path, &settings()).unwrap();
    }

    #[test]
    fn settings_that_were_half_written_are_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.jsonl");
        let whole = serde_json::to_string_pretty(&settings()).unwrap() + "\n";
        let settings_path = with_more(&path, ".settings.json");
        for half in [0, 1, 20, whole.len()] {
            fs::write(&settings_path, &whole[..half]).unwrap();
            drop(Journal::<Line>::open(&path, &settings()).unwrap());
            assert_eq!(fs::read_to_string(&settings_path).unwrap(), whole);
        }
        // Nor those of another run that brought nothing.
        let mut other = settings();
        other["count"] = json!(4);
        drop(Journal::<Line>::open(&path, &other).unwrap());
        assert_eq!(serde_json::from_str::<Value>(&fs::read_to_string(&settings_path).unwrap()).unwrap(), other);
        // But a file of others is.
        fs::write(&settings_path, "{\"a\": 1}").unwrap();
        assert!(matches!(Journal::<Line>::open(&path, &settings()), Err(JournalError::OtherSettings { .. })));
        fs::write(&settings_path, "{\"other\": ").unwrap();
        assert!(matches!(Journal::<Line>::open(&path, &settings()), Err(JournalError::BadSettings { .. })));
    }

    #[test]
    fn a_place_that_cannot_be_written() {
        let error = Journal::<Line>::open(Path::new("no/such/folder/some.jsonl"), &settings()).unwrap_err();
        assert!(matches!(error, JournalError::Write { .. }), "{error:?}");
    }
}
