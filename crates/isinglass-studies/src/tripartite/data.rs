//! The data sets of the study.

use std::fmt;
use std::path::Path;

use isinglass_data::{Control, Dataset, Labelled, Manifest, RegisterPair, StrippedControl, Triplet};
use serde::{Deserialize, Serialize};

use super::Item;
use crate::StudyError;

/// Which of the data sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Set {
    /// Accounts of a difficulty, each with a cognitive, an affective and an instrumental reply.
    Triplets,
    /// Moving but impersonal scenes, each with three replies in other styles.
    NonEmpathy,
    /// The scenarios of the triplets with replies from which the feeling was taken.
    Stripped,
    /// One message, formal and casual.
    Register,
}

impl Set {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Triplets, Self::NonEmpathy, Self::Stripped, Self::Register];

    /// The folder of the data set, and of its activations.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Triplets => "empathy_triplets",
            Self::NonEmpathy => "controls_non_empathy",
            Self::Stripped => "controls_valence_stripped",
            Self::Register => "register_pairs",
        }
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.folder())
    }
}

/// The data sets, read and held against their manifests.
#[derive(Debug, Clone)]
pub struct Data {
    triplets: Dataset<Triplet>,
    non_empathy: Dataset<Control>,
    stripped: Dataset<StrippedControl>,
    register: Dataset<RegisterPair>,
}

impl Data {
    /// Reads the folders [`Set::folder`] in this one.
    ///
    /// # Errors
    /// [`StudyError::Data`] if one is not there, not as its manifest says, or of another kind.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StudyError> {
        let of = |set: Set| folder.as_ref().join(set.folder());
        Ok(Self {
            triplets: Dataset::open(of(Set::Triplets))?,
            non_empathy: Dataset::open(of(Set::NonEmpathy))?,
            stripped: Dataset::open(of(Set::Stripped))?,
            register: Dataset::open(of(Set::Register))?,
        })
    }

    /// What is known about a data set.
    pub fn manifest(&self, set: Set) -> &Manifest {
        match set {
            Set::Triplets => self.triplets.manifest(),
            Set::NonEmpathy => self.non_empathy.manifest(),
            Set::Stripped => self.stripped.manifest(),
            Set::Register => self.register.manifest(),
        }
    }

    /// The texts of a data set. Groups have the same numbers in the triplets and in the controls made from them.
    pub fn texts(&self, set: Set) -> Vec<Labelled> {
        match set {
            Set::Triplets => self.triplets.labelled(),
            Set::NonEmpathy => self.non_empathy.labelled(),
            Set::Stripped => {
                let triplets = self.triplets.labelled();
                let n = triplets.len();
                let mut stripped = Labelled::join([triplets, self.stripped.labelled()]).split_off(n);
                let first = stripped.iter().map(|text| text.class).min().unwrap_or(0);
                for text in &mut stripped {
                    text.class -= first;
                }
                stripped
            }
            Set::Register => self.register.labelled(),
        }
    }

    /// The names of a data set's classes.
    pub fn classes(set: Set) -> &'static [&'static str] {
        use isinglass_data::Record;
        match set {
            Set::Triplets => Triplet::CLASSES,
            Set::NonEmpathy => Control::CLASSES,
            Set::Stripped => StrippedControl::CLASSES,
            Set::Register => RegisterPair::CLASSES,
        }
    }

    /// The texts as items of a sample.
    pub(crate) fn items(&self, set: Set) -> Vec<Item> {
        let item = |text: Labelled| Item {
            text: text.text,
            class: text.class,
            group: text.group,
            topic: text.topic.unwrap_or_default(),
        };
        self.texts(set).into_iter().map(item).collect()
    }
}
