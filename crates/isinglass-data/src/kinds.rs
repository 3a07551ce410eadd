//! The kinds of records that this project's data sets have.

use serde::{Deserialize, Serialize};

use crate::{DataError, FromRow, Record, Row};

/// Makes a row readable whose keys are the fields, each a text that says something.
macro_rules! from_texts {
    ($kind:ident { $($field:ident),+ }) => {
        impl FromRow for $kind {
            fn from_row(row: &Row<'_>) -> Result<Self, DataError> {
                row.expect_keys(&[$(stringify!($field)),+], &[])?;
                Ok(Self { $($field: row.words(stringify!($field))?),+ })
            }
        }
    };
}

/// Two texts about the same event that differ in the concept under study.
///
/// One line of a pairs file is one of these as a JSON object; other keys are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The pair's name, unique in its file (`p01`).
    pub pair: String,
    /// What both texts are about, in a word or two.
    pub topic: String,
    /// The text that has the concept.
    pub positive: String,
    /// The text that has its opposite.
    pub negative: String,
}

from_texts!(Pair { pair, topic, positive, negative });

impl Record for Pair {
    const CLASSES: &'static [&'static str] = &["positive", "negative"];

    fn id(&self) -> &str {
        &self.pair
    }

    fn texts(&self) -> Vec<&str> {
        vec![&self.positive, &self.negative]
    }

    fn topic(&self) -> Option<&str> {
        Some(&self.topic)
    }
}

/// Someone's difficulty, and three kinds of empathy in answer to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Triplet {
    /// The triplet's name, unique in its file (`t01`).
    pub id: String,
    /// What it is about, in a word or two.
    pub topic: String,
    /// The difficulty, as the person tells it.
    pub scenario: String,
    /// A reply that understands how it looks to the person.
    pub cognitive: String,
    /// A reply that feels with the person.
    pub affective: String,
    /// A reply that says what can be done.
    pub instrumental: String,
}

from_texts!(Triplet { id, topic, scenario, cognitive, affective, instrumental });

impl Record for Triplet {
    const CLASSES: &'static [&'static str] = &["cognitive", "affective", "instrumental"];

    fn id(&self) -> &str {
        &self.id
    }

    fn texts(&self) -> Vec<&str> {
        vec![&self.cognitive, &self.affective, &self.instrumental]
    }

    fn topic(&self) -> Option<&str> {
        Some(&self.topic)
    }

    fn scenario(&self) -> Option<&str> {
        Some(&self.scenario)
    }
}

/// Something that moves people but befalls nobody, and three ways to speak of it: emotion without empathy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The control's name, unique in its file (`n01`).
    pub id: String,
    /// What it is about, in a word or two.
    pub topic: String,
    /// What happens.
    pub scenario: String,
    /// A delighted reply.
    pub enthusiastic: String,
    /// A reply that takes it apart.
    pub analytical: String,
    /// A reply that dwells on it.
    pub reflective: String,
}

from_texts!(Control { id, topic, scenario, enthusiastic, analytical, reflective });

impl Record for Control {
    const CLASSES: &'static [&'static str] = &["enthusiastic", "analytical", "reflective"];

    fn id(&self) -> &str {
        &self.id
    }

    fn texts(&self) -> Vec<&str> {
        vec![&self.enthusiastic, &self.analytical, &self.reflective]
    }

    fn topic(&self) -> Option<&str> {
        Some(&self.topic)
    }

    fn scenario(&self) -> Option<&str> {
        Some(&self.scenario)
    }
}

/// The difficulty of a [`Triplet`], and three replies without any feeling.
///
/// Its group is the triplet's, so that a split of both keeps them together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrippedControl {
    /// The control's name, unique in its file (`v01`).
    pub id: String,
    /// The triplet whose difficulty it is.
    pub triplet_id: String,
    /// What it is about, in a word or two.
    pub topic: String,
    /// The difficulty, as the person tells it.
    pub scenario: String,
    /// A reply that states what is the case.
    pub factual: String,
    /// A reply that tells what is known of such things.
    pub informational: String,
    /// A reply that tells how such things go.
    pub procedural: String,
}

from_texts!(StrippedControl { id, triplet_id, topic, scenario, factual, informational, procedural });

impl Record for StrippedControl {
    const CLASSES: &'static [&'static str] = &["factual", "informational", "procedural"];

    fn id(&self) -> &str {
        &self.id
    }

    fn texts(&self) -> Vec<&str> {
        vec![&self.factual, &self.informational, &self.procedural]
    }

    fn group(&self) -> &str {
        &self.triplet_id
    }

    fn topic(&self) -> Option<&str> {
        Some(&self.topic)
    }

    fn scenario(&self) -> Option<&str> {
        Some(&self.scenario)
    }
}

/// Two messages of one kind of conversation, of which one calls for empathy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextPair {
    /// The pair's name, unique in its file (`crisis_support_01`).
    pub id: String,
    /// The kind of conversation (`crisis_support`).
    pub context: String,
    /// What both messages are about, in a few words.
    pub topic: String,
    /// The message that calls for empathy.
    pub empathetic: String,
    /// The message that does not.
    pub neutral: String,
}

from_texts!(ContextPair { id, context, topic, empathetic, neutral });

impl Record for ContextPair {
    const CLASSES: &'static [&'static str] = &["empathetic", "neutral"];

    fn id(&self) -> &str {
        &self.id
    }

    fn texts(&self) -> Vec<&str> {
        vec![&self.empathetic, &self.neutral]
    }

    fn topic(&self) -> Option<&str> {
        Some(&self.topic)
    }

    fn context(&self) -> Option<&str> {
        Some(&self.context)
    }
}

/// One message in two registers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterPair {
    /// The pair's name, unique in its file (`r001`).
    pub id: String,
    /// What it is about, in a word or two.
    pub topic: String,
    /// The message as one would write it to an office.
    pub formal: String,
    /// The message as one would write it to a friend.
    pub casual: String,
}

from_texts!(RegisterPair { id, topic, formal, casual });

impl Record for RegisterPair {
    const CLASSES: &'static [&'static str] = &["formal", "casual"];

    fn id(&self) -> &str {
        &self.id
    }

    fn texts(&self) -> Vec<&str> {
        vec![&self.formal, &self.casual]
    }

    fn topic(&self) -> Option<&str> {
        Some(&self.topic)
    }
}
