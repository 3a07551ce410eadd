//! What a labelled record is, and the texts that it gives.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::FromRow;

/// A record of texts about one thing, one text of each class: what a [`Dataset`](crate::Dataset) holds.
///
/// A record of one's own needs [`FromRow`] to be read, and the four items here that have no default.
pub trait Record: FromRow {
    /// The names of the classes; a text's class is a place in this list.
    const CLASSES: &'static [&'static str];

    /// The record's name, unique in its file.
    fn id(&self) -> &str;

    /// One text of each class, in the order of [`CLASSES`](Self::CLASSES).
    fn texts(&self) -> Vec<&str>;

    /// The name of the group that a split must not divide: the record itself, unless it goes with one of another file.
    fn group(&self) -> &str {
        self.id()
    }

    /// What the texts are about, if it is stated.
    fn topic(&self) -> Option<&str> {
        None
    }

    /// The kind of conversation that the texts belong to, if it is stated.
    fn context(&self) -> Option<&str> {
        None
    }

    /// What the texts answer, if they are answers.
    fn scenario(&self) -> Option<&str> {
        None
    }
}

/// One text with its class, and the group that a split must not divide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Labelled {
    /// The name of the record that the text is from.
    pub id: String,
    /// The text.
    pub text: String,
    /// The class by number: its place in [`Record::CLASSES`].
    pub class: usize,
    /// The class by name.
    pub class_name: String,
    /// The group by number: groups count from 0 as they first appear in the file.
    pub group: u64,
    /// The group by name.
    pub group_name: String,
    /// What the text is about, if it is stated.
    pub topic: Option<String>,
    /// The kind of conversation that the text belongs to, if it is stated.
    pub context: Option<String>,
    /// What the text answers, if it is an answer.
    pub scenario: Option<String>,
}

impl Labelled {
    /// The texts of several data sets as one list, whose classes and groups are numbered anew by their names.
    ///
    /// What has one name in two data sets is one class, or one group: so a reply that has lost its feeling
    /// ([`StrippedControl`](crate::StrippedControl)) is in the group of its [`Triplet`](crate::Triplet), and a split
    /// keeps them together.
    /// Data sets that use one name for different things have to be renamed before.
    ///
    /// # Examples
    ///
    /// ```
    /// use isinglass_data::{Dataset, Labelled, StrippedControl, Triplet};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let folder = tempfile::tempdir()?;
    /// let (triplets, controls) = (folder.path().join("triplets.jsonl"), folder.path().join("controls.jsonl"));
    /// std::fs::write(
    ///     &triplets,
    ///     r#"{"id": "t1", "topic": "work", "scenario": "I lost my job.", "cognitive": "You did not see it coming.",
    /// "affective": "I am so sorry.", "instrumental": "Ask for a reference."}"#.replace('\n', " "),
    /// )?;
    /// std::fs::write(
    ///     &controls,
    ///     r#"{"id": "v1", "triplet_id": "t1", "topic": "work", "scenario": "I lost my job.", "factual": "Jobs end.",
    /// "informational": "A job is work for pay.", "procedural": "Notice is given in writing."}"#.replace('\n', " "),
    /// )?;
    /// let triplets = Dataset::<Triplet>::from_file(&triplets)?.labelled();
    /// let controls = Dataset::<StrippedControl>::from_file(&controls)?.labelled();
    /// let all = Labelled::join([triplets, controls]);
    /// assert!(all.iter().all(|text| text.group == 0));
    /// assert_eq!(all.iter().map(|text| text.class).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn join(sets: impl IntoIterator<Item = Vec<Self>>) -> Vec<Self> {
        let (mut classes, mut groups) = (BTreeMap::new(), BTreeMap::new());
        let mut all: Vec<_> = sets.into_iter().flatten().collect();
        for one in &mut all {
            let next = classes.len();
            one.class = *classes.entry(one.class_name.clone()).or_insert(next);
            let next = groups.len() as u64;
            one.group = *groups.entry(one.group_name.clone()).or_insert(next);
        }
        all
    }
}

/// The texts of records, those of one record together, in the order of the classes.
pub(crate) fn labelled<R: Record>(records: &[R]) -> Vec<Labelled> {
    let text = |record: &R, (class, (text, class_name)): (usize, (&str, &&str))| Labelled {
        id: record.id().to_owned(),
        text: text.to_owned(),
        class,
        class_name: (*class_name).to_owned(),
        group: 0,
        group_name: record.group().to_owned(),
        topic: record.topic().map(str::to_owned),
        context: record.context().map(str::to_owned),
        scenario: record.scenario().map(str::to_owned),
    };
    let texts = |record| {
        let texts: Vec<&str> = R::texts(record);
        let classes = texts.into_iter().zip(R::CLASSES).enumerate();
        classes.map(|class| text(record, class)).collect()
    };
    // Numbers the groups; the classes come in their order already.
    Labelled::join(records.iter().map(texts))
}
