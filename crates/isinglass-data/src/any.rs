//! A data set whose kind is in its file, and not in its type.

use std::path::Path;

use crate::{
    ContextPair, Control, DataError, Dataset, Labelled, Manifest, Pair, Record, RegisterPair, StrippedControl, Table,
    Triplet, dataset, table,
};

/// A data set of whichever kind its file is: for programs that take any.
///
/// # Examples
///
/// ```
/// use isinglass_data::{AnyDataset, Manifest, RegisterPair};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("registers.csv");
/// std::fs::write(&path, "id,topic,formal,casual\nr1,rain,It is raining.,It's chucking it down.\n")?;
/// Manifest::describe::<RegisterPair>(&path)?.save(folder.path())?;
///
/// let dataset = AnyDataset::open(folder.path())?;
/// assert!(matches!(dataset, AnyDataset::RegisterPairs(_)));
/// assert_eq!(dataset.classes(), ["formal", "casual"]);
/// assert_eq!(dataset.labelled()[0].text, "It is raining.");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnyDataset {
    /// Texts that have a concept or its opposite.
    Pairs(Dataset<Pair>),
    /// Three kinds of empathy.
    Triplets(Dataset<Triplet>),
    /// Emotion without empathy.
    Controls(Dataset<Control>),
    /// Replies without feeling.
    StrippedControls(Dataset<StrippedControl>),
    /// Messages that call for empathy or do not, by kind of conversation.
    ContextPairs(Dataset<ContextPair>),
    /// Messages in two registers.
    RegisterPairs(Dataset<RegisterPair>),
}

/// Does the same with the data set, whatever its kind.
macro_rules! for_any {
    ($any:expr, $dataset:ident => $body:expr) => {
        match $any {
            AnyDataset::Pairs($dataset) => $body,
            AnyDataset::Triplets($dataset) => $body,
            AnyDataset::Controls($dataset) => $body,
            AnyDataset::StrippedControls($dataset) => $body,
            AnyDataset::ContextPairs($dataset) => $body,
            AnyDataset::RegisterPairs($dataset) => $body,
        }
    };
}

impl AnyDataset {
    /// Reads a data set and holds it against its `manifest.toml`; the kind is the one whose classes are all among the
    /// keys of the file.
    ///
    /// # Errors
    ///
    /// What [`Dataset::open`] gives, and [`DataError::NoKind`]: the keys are of none of the kinds.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let (_, file) = dataset::manifest_of(path)?;
        let keys = Table::parse(table::read(&file)?, &file, None)?.columns().to_vec();
        if has::<Pair>(&keys) {
            Dataset::open(path).map(Self::Pairs)
        } else if has::<Triplet>(&keys) {
            Dataset::open(path).map(Self::Triplets)
        } else if has::<Control>(&keys) {
            Dataset::open(path).map(Self::Controls)
        } else if has::<StrippedControl>(&keys) {
            Dataset::open(path).map(Self::StrippedControls)
        } else if has::<ContextPair>(&keys) {
            Dataset::open(path).map(Self::ContextPairs)
        } else if has::<RegisterPair>(&keys) {
            Dataset::open(path).map(Self::RegisterPairs)
        } else {
            Err(DataError::NoKind { path: file, found: keys })
        }
    }

    /// What is known about the data.
    pub fn manifest(&self) -> &Manifest {
        for_any!(self, dataset => dataset.manifest())
    }

    /// The SHA-256 of the data file, as found: 64 lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        for_any!(self, dataset => dataset.sha256())
    }

    /// The names of the classes, in the order of their numbers.
    pub fn classes(&self) -> &'static [&'static str] {
        fn classes<R: Record>(_: &Dataset<R>) -> &'static [&'static str] {
            R::CLASSES
        }
        for_any!(self, dataset => classes(dataset))
    }

    /// The texts of all records with their classes, as [`Dataset::labelled`] gives them.
    pub fn labelled(&self) -> Vec<Labelled> {
        for_any!(self, dataset => dataset.labelled())
    }
}

fn has<R: Record>(keys: &[String]) -> bool {
    R::CLASSES.iter().all(|class| keys.iter().any(|key| key == class))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Opens a folder with this file; its manifest says nothing of the file but its name.
    fn check(text: &str) -> Result<AnyDataset, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, text).unwrap();
        let sha256 = dataset::sha256(text.as_bytes());
        Manifest::unstated(&path, sha256, 1).save(folder.path()).unwrap();
        AnyDataset::open(folder.path())
    }

    #[test]
    fn the_kind_is_told_by_the_classes() {
        for (keys, classes) in [
            ("pair,topic,positive,negative", Pair::CLASSES),
            ("id,topic,scenario,cognitive,affective,instrumental", Triplet::CLASSES),
            ("id,topic,scenario,enthusiastic,analytical,reflective", Control::CLASSES),
            ("id,triplet_id,topic,scenario,factual,informational,procedural", StrippedControl::CLASSES),
            ("id,context,topic,empathetic,neutral", ContextPair::CLASSES),
            ("topic,casual,id,formal", RegisterPair::CLASSES),
        ] {
            // Each cell says what its column is called.
            let dataset = check(&format!("{keys}\n{keys}\n")).unwrap();
            assert_eq!(dataset.classes(), classes);
            let texts: Vec<_> = dataset.labelled().into_iter().map(|labelled| labelled.text).collect();
            assert_eq!(texts, classes);
            assert_eq!((dataset.manifest().n, dataset.sha256().len()), (1, 64));
        }
    }

    #[test]
    fn another_kind_and_another_key_are_refused() {
        let error = check("a,b\n1,2\n").unwrap_err().to_string();
        assert!(error.contains("its keys are `a` and `b`; read it with `Table`"), "{error}");
        let error = check("id,topic,formal,casual,mood\n1,2,3,4,5\n").unwrap_err();
        assert!(matches!(&error, DataError::UnknownKey { key, .. } if key == "mood"), "{error:?}");
    }
}
