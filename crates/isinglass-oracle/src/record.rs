//! What is generated and filtered: a scenario and three replies.
//!
//! The records are those of this project's data sets; here is what a model is told of them.

use std::fmt::Debug;

use isinglass_data::{Control, Record, StrippedControl, Triplet};
use serde::{Serialize, de::DeserializeOwned};

/// A record that is a scenario and a reply to it of each of three classes.
pub trait Triad: Record + Clone + Debug + PartialEq + Serialize + DeserializeOwned {
    /// What many are called.
    const NAME: &'static str;

    /// What the scenario is, for who writes or judges it.
    const SCENARIO: &'static str;

    /// What the replies of each class are, in the order of the [`CLASSES`](Record::CLASSES).
    const KINDS: [Class; 3];

    /// Whether the scenario belongs to the record, and may be edited with it.
    const OWNS_SCENARIO: bool;

    /// What the names of records begin with.
    const PREFIX: &'static str;

    /// A record of these texts; `triplet_id` is kept by records whose scenario is a triplet's, and by no others.
    fn new(id: String, triplet_id: &str, topic: String, scenario: String, replies: [String; 3]) -> Self;

    /// What the replies answer: the record's scenario.
    fn said(&self) -> &str;

    /// The replies, in the order of the classes.
    fn replies(&self) -> [&str; 3];

    /// The same record with other texts.
    #[must_use]
    fn with_texts(&self, scenario: String, replies: [String; 3]) -> Self;
}

/// What the replies of a class have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its name, which is also its field's.
    pub name: &'static str,
    /// What such a reply does and what it does not, for who writes or judges it.
    pub rule: &'static str,
}

/// Where the texts of a kind of record are.
macro_rules! texts {
    ($a:ident, $b:ident, $c:ident) => {
        fn said(&self) -> &str {
            &self.scenario
        }

        fn replies(&self) -> [&str; 3] {
            [&self.$a, &self.$b, &self.$c]
        }
    };
}

impl Triad for Triplet {
    const NAME: &'static str = "triplets";
    const SCENARIO: &'static str = "someone says, in their own words, what weighs on them: a situation with other \
        people, told as it happened, with at least one detail that belongs to this one life; they ask for nothing in \
        particular";
    const KINDS: [Class; 3] = [
        Class {
            name: "cognitive",
            rule: "puts into words how the matter looks from where the speaker stands, what they may be thinking and \
                why that makes sense; stays level, names no feeling of its own, consoles nobody and gives no advice",
        },
        Class {
            name: "affective",
            rule: "shares the feeling, warmly and personally, and stays with it; explains nothing, analyses nothing \
                and gives no advice",
        },
        Class {
            name: "instrumental",
            rule: "names something particular that the speaker can do or have done next; keeps to the matter, with no \
                word about feelings and none about how understandable they are",
        },
    ];
    const OWNS_SCENARIO: bool = true;
    const PREFIX: &'static str = "t";

    fn new(
        id: String,
        _: &str,
        topic: String,
        scenario: String,
        [cognitive, affective, instrumental]: [String; 3],
    ) -> Self {
        Self { id, topic, scenario, cognitive, affective, instrumental }
    }

    texts!(cognitive, affective, instrumental);

    fn with_texts(&self, scenario: String, [cognitive, affective, instrumental]: [String; 3]) -> Self {
        Self { scenario, cognitive, affective, instrumental, ..self.clone() }
    }
}

impl Triad for Control {
    const NAME: &'static str = "controls_non_empathy";
    const SCENARIO: &'static str = "someone tells of something that stirs, such as an event, a work or a sight, and \
        that is no one's private trouble: neither the speaker nor anyone they know needs comfort, understanding \
        or help";
    const KINDS: [Class; 3] = [
        Class {
            name: "enthusiastic",
            rule: "is delighted or excited about the thing itself and says what about it is so good; says nothing \
                about the speaker's state",
        },
        Class {
            name: "analytical",
            rule: "takes the thing apart: causes, parts, comparisons, how it came about or works; says nothing about \
                the speaker's state and is not excited",
        },
        Class {
            name: "reflective",
            rule: "ponders what the thing may mean beyond itself, calmly and in general terms; says nothing about the \
                speaker's state and explains no workings",
        },
    ];
    const OWNS_SCENARIO: bool = true;
    const PREFIX: &'static str = "n";

    fn new(
        id: String,
        _: &str,
        topic: String,
        scenario: String,
        [enthusiastic, analytical, reflective]: [String; 3],
    ) -> Self {
        Self { id, topic, scenario, enthusiastic, analytical, reflective }
    }

    texts!(enthusiastic, analytical, reflective);

    fn with_texts(&self, scenario: String, [enthusiastic, analytical, reflective]: [String; 3]) -> Self {
        Self { scenario, enthusiastic, analytical, reflective, ..self.clone() }
    }
}

impl Triad for StrippedControl {
    const NAME: &'static str = "controls_valence_stripped";
    const SCENARIO: &'static str = "someone says, in their own words, what weighs on them";
    const KINDS: [Class; 3] = [
        Class {
            name: "factual",
            rule: "states one or two facts about the matter that the scenario touches, as a reference book would; no \
                feeling, no explanation of why, no steps, no word to or about the speaker's state",
        },
        Class {
            name: "informational",
            rule: "gives background to the matter, what commonly lies behind such things and why; no feeling, no \
                steps, no word to or about the speaker's state",
        },
        Class {
            name: "procedural",
            rule: "describes how such a matter is usually handled, step after step, in general and not as advice to \
                the speaker; no feeling, no word to or about the speaker's state",
        },
    ];
    const OWNS_SCENARIO: bool = false;
    const PREFIX: &'static str = "v";

    fn new(
        id: String,
        triplet_id: &str,
        topic: String,
        scenario: String,
        [factual, informational, procedural]: [String; 3],
    ) -> Self {
        let triplet_id = triplet_id.to_owned();
        Self { id, triplet_id, topic, scenario, factual, informational, procedural }
    }

    texts!(factual, informational, procedural);

    /// The scenario stays as it is: it is the triplet's.
    fn with_texts(&self, _: String, [factual, informational, procedural]: [String; 3]) -> Self {
        Self { factual, informational, procedural, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check<R: Triad>(value: &Value) {
        let record: R = serde_json::from_value(value.clone()).unwrap();
        let classes = R::KINDS.map(|class| class.name);
        assert_eq!(classes, R::CLASSES);
        // Fields and classes go together.
        assert_eq!(record.replies(), classes.map(|name| value[name].as_str().unwrap()));
        let changed = record.with_texts("S".into(), ["A", "B", "C"].map(str::to_owned));
        assert_eq!(changed.replies(), ["A", "B", "C"]);
        assert_eq!(changed.said(), if R::OWNS_SCENARIO { "S" } else { "s" });
        assert_eq!((changed.id(), changed.topic()), ("i", Some("t")));
        assert_eq!(serde_json::to_value(&record).unwrap(), *value);
    }

    #[test]
    fn fields_and_classes_go_together() {
        let texts = |mut more: Value| {
            more["id"] = json!("i");
            more["topic"] = json!("t");
            more["scenario"] = json!("s");
            more
        };
        check::<Triplet>(&texts(json!({"cognitive": "a", "affective": "b", "instrumental": "c"})));
        check::<Control>(&texts(json!({"enthusiastic": "a", "analytical": "b", "reflective": "c"})));
        let stripped = json!({"factual": "a", "informational": "b", "procedural": "c", "triplet_id": "x"});
        check::<StrippedControl>(&texts(stripped));
    }

    #[test]
    fn other_fields_are_refused() {
        let line =
            r#"{"id":"i","topic":"t","scenario":"s","cognitive":"a","affective":"b","instrumental":"c","label":1}"#;
        assert!(serde_json::from_str::<Triplet>(line).is_err());
    }
}
