//! The files of the studies that this project repeats, read as they are.
//!
//! Each kind of record is what the original programs write; [`read`] takes any of them from a file, and says which
//! columns it did not read.
//! Texts without a topic get one when they become records of this project: the originals have none.
//!
//! # Examples
//!
//! ```
//! use isinglass_data::originals::{self, TraitSentence};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("brave.csv");
//! std::fs::write(&path, "sentence,concept_strength_label,note\nShe went in first.,3,x\n")?;
//!
//! let read = originals::read::<TraitSentence>(&path)?;
//! assert_eq!((read.records[0].sentence.as_str(), read.records[0].strength), ("She went in first.", 3));
//! assert_eq!(read.unread, ["note"]);
//! # Ok(())
//! # }
//! ```

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use crate::{ContextPair, Control, DataError, FromRow, Row, StrippedControl, Table, Triplet, Value, table};

/// A kind of record of one of the original studies.
pub trait Original: FromRow {
    /// The keys that are read; others are not, and [`read`] lists them.
    const KEYS: &'static [&'static str];
}

/// What was in a file of an original study.
#[derive(Clone, Debug, PartialEq)]
pub struct Read<R> {
    /// The records in the file's order.
    pub records: Vec<R>,
    /// The columns that were not read, in the file's order.
    pub unread: Vec<String>,
}

/// Reads a file of an original study.
///
/// # Errors
///
/// What [`Table::open`] gives for the file, and [`Table::records`] for its rows.
pub fn read<R: Original>(path: impl AsRef<Path>) -> Result<Read<R>, DataError> {
    let table = Table::open(path)?;
    let is_unread = |column: &&String| !R::KEYS.contains(&column.as_str());
    Ok(Read { records: table.records()?, unread: table.columns().iter().filter(is_unread).cloned().collect() })
}

/// Study 2: a scenario with three replies, and what became of it (`generate_triplets.py`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OriginalTriplet {
    /// Its name.
    pub id: String,
    /// The difficulty.
    pub scenario: String,
    /// The cognitive reply.
    pub cognitive: String,
    /// The affective reply.
    pub affective: String,
    /// The instrumental reply.
    pub instrumental: String,
    /// What the model that wrote it said about it, if it was asked.
    pub validation: Option<Validation>,
    /// Which attempt it is, if that was written down.
    pub attempt: Option<i64>,
    /// Whether no attempt passed.
    pub needs_review: bool,
}

/// What the writing model said about its own triplet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Validation {
    /// Whether it passed.
    pub valid: bool,
    /// What is wrong with it.
    pub issues: Vec<String>,
    /// How to better it.
    pub suggestions: Vec<String>,
}

impl Original for OriginalTriplet {
    const KEYS: &'static [&'static str] =
        &["id", "scenario", "cognitive", "affective", "instrumental", "validation", "attempt", "needs_review"];
}

impl FromRow for OriginalTriplet {
    fn from_row(row: &Row<'_>) -> Result<Self, DataError> {
        Ok(Self {
            id: row.name("id")?,
            scenario: row.words("scenario")?,
            cognitive: row.words("cognitive")?,
            affective: row.words("affective")?,
            instrumental: row.words("instrumental")?,
            validation: row.optional("validation").map(|value| validation(row, value)).transpose()?,
            attempt: row.optional("attempt").map(|_| row.integer("attempt")).transpose()?,
            needs_review: row.optional("needs_review").map_or(Ok(false), |_| row.flag("needs_review"))?,
        })
    }
}

fn validation(row: &Row<'_>, value: &Value) -> Result<Validation, DataError> {
    let wrong =
        || row.wrong("validation", value, "an object of the flag `valid` and the texts `issues` and `suggestions`");
    let Value::Map(fields) = value else { return Err(wrong()) };
    let field = |key| fields.iter().find(|(name, _)| name == key).map(|(_, value)| value);
    let Some(Value::Flag(valid)) = field("valid") else { return Err(wrong()) };
    // The model wrote these: a list as asked, or a text, or nothing.
    let texts = |key| match field(key) {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Text(text)) if text.is_empty() => Some(Vec::new()),
        Some(Value::Text(text)) => Some(vec![text.clone()]),
        Some(Value::List(values)) => values.iter().map(|value| value.as_text().map(str::to_owned)).collect(),
        Some(_) => None,
    };
    Ok(Validation {
        valid: *valid,
        issues: texts("issues").ok_or_else(wrong)?,
        suggestions: texts("suggestions").ok_or_else(wrong)?,
    })
}

impl OriginalTriplet {
    /// The triplet as a record of this project, about a topic that the original does not state.
    pub fn into_triplet(self, topic: impl Into<String>) -> Triplet {
        Triplet {
            id: self.id,
            topic: topic.into(),
            scenario: self.scenario,
            cognitive: self.cognitive,
            affective: self.affective,
            instrumental: self.instrumental,
        }
    }
}

/// Study 2: a scenario that is emotional but concerns nobody (`generate_controls.py non-empathy`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OriginalControl {
    /// Its name.
    pub id: String,
    /// What happens.
    pub scenario: String,
    /// `response_1`: an enthusiastic reply.
    pub enthusiastic: String,
    /// `response_2`: an analytical reply.
    pub analytical: String,
    /// `response_3`: a reflective reply.
    pub reflective: String,
}

impl Original for OriginalControl {
    const KEYS: &'static [&'static str] = &["id", "scenario", "response_1", "response_2", "response_3"];
}

impl FromRow for OriginalControl {
    fn from_row(row: &Row<'_>) -> Result<Self, DataError> {
        Ok(Self {
            id: row.name("id")?,
            scenario: row.words("scenario")?,
            enthusiastic: row.words("response_1")?,
            analytical: row.words("response_2")?,
            reflective: row.words("response_3")?,
        })
    }
}

impl OriginalControl {
    /// The control as a record of this project, about a topic that the original does not state.
    pub fn into_control(self, topic: impl Into<String>) -> Control {
        Control {
            id: self.id,
            topic: topic.into(),
            scenario: self.scenario,
            enthusiastic: self.enthusiastic,
            analytical: self.analytical,
            reflective: self.reflective,
        }
    }
}

/// Study 2: the scenario of a triplet with replies without feeling (`generate_controls.py valence-stripped`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OriginalStripped {
    /// Its name.
    pub id: String,
    /// The triplet's name.
    pub triplet_id: String,
    /// The difficulty.
    pub scenario: String,
    /// The factual reply.
    pub factual: String,
    /// The informational reply.
    pub informational: String,
    /// The procedural reply.
    pub procedural: String,
}

impl Original for OriginalStripped {
    const KEYS: &'static [&'static str] = &["id", "triplet_id", "scenario", "factual", "informational", "procedural"];
}

impl FromRow for OriginalStripped {
    fn from_row(row: &Row<'_>) -> Result<Self, DataError> {
        Ok(Self {
            id: row.name("id")?,
            triplet_id: row.name("triplet_id")?,
            scenario: row.words("scenario")?,
            factual: row.words("factual")?,
            informational: row.words("informational")?,
            procedural: row.words("procedural")?,
        })
    }
}

impl OriginalStripped {
    /// The control as a record of this project, about a topic that the original does not state.
    pub fn into_control(self, topic: impl Into<String>) -> StrippedControl {
        StrippedControl {
            id: self.id,
            triplet_id: self.triplet_id,
            topic: topic.into(),
            scenario: self.scenario,
            factual: self.factual,
            informational: self.informational,
            procedural: self.procedural,
        }
    }
}

/// Study 4: a sentence, and how strongly it shows a trait (`seed_data/*.csv`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraitSentence {
    /// The sentence.
    pub sentence: String,
    /// `concept_strength_label`, 0 (not at all) to 3 (strongly).
    pub strength: u8,
}

impl Original for TraitSentence {
    const KEYS: &'static [&'static str] = &["sentence", "concept_strength_label"];
}

impl FromRow for TraitSentence {
    fn from_row(row: &Row<'_>) -> Result<Self, DataError> {
        const LABEL: &str = "concept_strength_label";
        let strength = u8::try_from(row.integer(LABEL)?).ok().filter(|strength| *strength <= 3);
        let strength = strength.ok_or_else(|| match row.get(LABEL) {
            Some(value) => row.wrong(LABEL, value, "one of `0`, `1`, `2` and `3`"),
            None => row.wrong(LABEL, &Value::Null, "one of `0`, `1`, `2` and `3`"),
        })?;
        Ok(Self { sentence: row.words("sentence")?, strength })
    }
}

/// Study 5: a question of MMLU-Pro with its options (`TIGER-Lab/MMLU-Pro`, in Parquet).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    /// Its number.
    pub question_id: i64,
    /// The question.
    pub question: String,
    /// What may be answered, at most ten.
    pub options: Vec<String>,
    /// The letter of the right option: `A` is the first.
    pub answer: char,
    /// The place of the right option, from 0.
    pub answer_index: usize,
    /// How one could come to the answer, where the file says so.
    pub cot_content: String,
    /// The subject.
    pub category: String,
    /// Where the question is from.
    pub src: String,
}

impl Original for Question {
    const KEYS: &'static [&'static str] =
        &["question_id", "question", "options", "answer", "answer_index", "cot_content", "category", "src"];
}

impl FromRow for Question {
    fn from_row(row: &Row<'_>) -> Result<Self, DataError> {
        let wrong = |key, expected| match row.get(key) {
            Some(value) => row.wrong(key, value, expected),
            None => row.wrong(key, &Value::Null, expected),
        };
        let options = row.texts("options")?;
        if options.is_empty() || options.len() > 10 {
            return Err(wrong("options", "a list of one to ten texts"));
        }
        let answer_index = usize::try_from(row.integer("answer_index")?).ok().filter(|index| *index < options.len());
        let answer_index = answer_index.ok_or_else(|| wrong("answer_index", "the place of an option, from 0"))?;
        // At most ten options: the letter is one of A to J.
        let answer = char::from(b'A' + answer_index as u8);
        if row.text("answer")? != answer.to_string() {
            return Err(wrong("answer", "the letter of the option at `answer_index`, `A` for 0"));
        }
        Ok(Self {
            question_id: row.integer("question_id")?,
            question: row.words("question")?,
            options,
            answer,
            answer_index,
            cot_content: row.optional("cot_content").map_or(Ok(""), |_| row.text("cot_content"))?.to_owned(),
            category: row.words("category")?,
            src: row.text("src")?.to_owned(),
        })
    }
}

/// Study 1: pairs of prompts by context, `{"contexts": {"crisis_support": [{"id", "empathetic", "neutral"}, ..], ..},
/// "metadata": ..}`.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextPrompts {
    /// The contexts with their pairs, in the file's order.
    pub contexts: Vec<(String, Vec<PromptPair>)>,
    /// What the file says of itself, unread: it states 250 pairs where the original study has 50.
    pub metadata: Option<Value>,
    /// The other keys of the file, in its order.
    pub unread: Vec<String>,
}

/// Two prompts about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PromptPair {
    /// Its name.
    pub id: String,
    /// The prompt of someone in distress.
    pub empathetic: String,
    /// The impersonal one.
    pub neutral: String,
}

impl FromRow for PromptPair {
    fn from_row(row: &Row<'_>) -> Result<Self, DataError> {
        row.expect_keys(&["id", "empathetic", "neutral"], &[])?;
        Ok(Self { id: row.name("id")?, empathetic: row.words("empathetic")?, neutral: row.words("neutral")? })
    }
}

impl ContextPrompts {
    /// Reads a file of study 1.
    ///
    /// # Errors
    ///
    /// - [`DataError::Read`], [`DataError::TooLarge`], [`DataError::NotUtf8`], [`DataError::BadJson`]: it is no JSON
    ///   file.
    /// - [`DataError::NoArray`]: it has no object `contexts`, or one without contexts.
    /// - [`DataError::NoSuchArray`]: a context is no array of objects, or has none.
    /// - What [`Table::records`] gives for a pair; its place is that in its context.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let bytes = table::read(path)?;
        let value = serde_json::from_str(table::text(&bytes, path)?).map_err(|source| {
            let line = source.line().max(1);
            DataError::BadJson { path: path.to_owned(), line, source }
        })?;
        let keys = |object: &[(String, Value)]| object.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        let no_array = |found| DataError::NoArray { path: path.to_owned(), found };
        let Value::Map(mut fields) = value else { return Err(no_array(Vec::new())) };
        let found = keys(&fields);
        let mut take = |key| fields.iter().position(|(name, _)| name == key).map(|at| fields.remove(at).1);
        let (contexts, metadata) = (take("contexts"), take("metadata"));
        let contexts = match contexts {
            Some(Value::Map(contexts)) if !contexts.is_empty() => contexts,
            _ => return Err(no_array(found)),
        };
        let names = keys(&contexts);
        let contexts = contexts.into_iter().map(|(context, value)| match value {
            Value::List(objects) if !objects.is_empty() => {
                let pairs = Table::of_objects(path, objects)?.records()?;
                Ok((context, pairs))
            }
            _ => Err(DataError::NoSuchArray { path: path.to_owned(), key: context, found: names.clone() }),
        });
        Ok(Self { contexts: contexts.collect::<Result<_, _>>()?, metadata, unread: keys(&fields) })
    }

    /// The pairs as records of this project; the context stands for the topic, which the original does not state.
    ///
    /// An id that stands in several contexts gets its context's name before it.
    pub fn into_pairs(self) -> Vec<ContextPair> {
        let mut n_of_id = BTreeMap::new();
        for (_, pairs) in &self.contexts {
            for pair in pairs {
                *n_of_id.entry(pair.id.clone()).or_insert(0) += 1;
            }
        }
        let pair = |context: &str, pair: PromptPair| ContextPair {
            id: if n_of_id[&pair.id] > 1 { format!("{context}_{}", pair.id) } else { pair.id },
            context: context.to_owned(),
            topic: context.to_owned(),
            empathetic: pair.empathetic,
            neutral: pair.neutral,
        };
        self.contexts
            .into_iter()
            .flat_map(|(context, pairs)| pairs.into_iter().map(|of| pair(&context, of)).collect::<Vec<_>>())
            .collect()
    }
}
