//! What the judge is told, and what it has to answer with.

use std::{fmt, fmt::Write as _, marker::PhantomData};

use serde::{Deserialize, Deserializer, Serialize};

use super::{By, Judgement, Outcome};
use crate::{
    Answer, FieldKind, FormRules, Schema, Triad,
    form::{History, Problem},
};

/// Who judges.
pub(super) const JUDGE: &str = "You judge texts for research on language, on your own and strictly. Most sets of texts \
    have flaws; say which. You are not told what the texts are meant to be.";

/// What replies are called before the judge.
pub(super) const LETTERS: [&str; 3] = ["A", "B", "C"];

/// The least quality of what can be accepted.
const LEAST_QUALITY: u8 = 3;

/// What is done with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Decision {
    /// It is kept as it is.
    Accept,
    /// It is kept with other texts.
    Edit,
    /// It is removed.
    Reject,
}

/// How well the replies of an item can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Distinction {
    /// Each is plainly of its class.
    Clear,
    /// One has a trait of another class.
    Moderate,
    /// One could as well be of another class.
    Weak,
}

/// The judge's answer.
#[derive(Debug)]
pub(super) struct Verdict<R> {
    answer: Fields,
    kind: PhantomData<R>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    classes: Lettered,
    distinction: Distinction,
    scenario_quality: u8,
    response_quality: u8,
    decision: Decision,
    reasons: Vec<String>,
    edit: Option<EditFields>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lettered {
    #[serde(rename = "A")]
    a: String,
    #[serde(rename = "B")]
    b: String,
    #[serde(rename = "C")]
    c: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EditFields {
    // Records of another's scenario have none; the schema says which.
    scenario: Option<String>,
    #[serde(rename = "A")]
    a: String,
    #[serde(rename = "B")]
    b: String,
    #[serde(rename = "C")]
    c: String,
}

/// The texts of an edit, replies in the order in which the judge read them.
pub(super) struct Edit {
    pub(super) scenario: Option<String>,
    pub(super) replies: [String; 3],
}

impl<'de, R> Deserialize<'de> for Verdict<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { answer: Fields::deserialize(deserializer)?, kind: PhantomData })
    }
}

impl<R: Triad> Answer for Verdict<R> {
    fn schema() -> Schema {
        let one_of = |values: &[&str]| FieldKind::OneOf(values.iter().map(|&value| value.to_owned()).collect());
        let classes = one_of(&R::KINDS.map(|class| class.name));
        let classes =
            Schema::of(LETTERS.map(|letter| (letter, classes.clone(), format!("the kind of reply {letter}"))));
        let scenario = R::OWNS_SCENARIO.then(|| ("scenario", FieldKind::Text, "the scenario".to_owned()));
        let replies = LETTERS.map(|letter| (letter, FieldKind::Text, format!("reply {letter}")));
        let edit = Schema::of(scenario.into_iter().chain(replies));
        Schema::of([
            (
                "classes",
                FieldKind::Object(classes),
                "which kind each reply is of, as you read it; a kind may come twice or never",
            ),
            (
                "distinction",
                one_of(&["CLEAR", "MODERATE", "WEAK"]),
                "CLEAR if each reply is plainly of one kind, MODERATE if one has a trait of another kind, WEAK if one \
                 could as well be of another",
            ),
            ("scenario_quality", FieldKind::Whole(1, 5), "1 unusable, 3 passable, 5 natural and particular"),
            (
                "response_quality",
                FieldKind::Whole(1, 5),
                "1 unusable, 3 passable, 5 natural and particular, all three alike",
            ),
            (
                "decision",
                one_of(&["ACCEPT", "EDIT", "REJECT"]),
                "ACCEPT only what needs no change, is not WEAK and of quality 3 or more; EDIT what you can mend; \
                 else REJECT",
            ),
            ("reasons", FieldKind::Texts, "for EDIT and REJECT, each thing that is wrong"),
            (
                "edit",
                FieldKind::ObjectOrNull(edit),
                "for EDIT all texts as they should be, changed or not, each reply about as long as it was and with \
                 the same last character; else null",
            ),
        ])
    }

    fn problems(&self) -> Vec<String> {
        let Fields { distinction, scenario_quality, response_quality, decision, reasons, edit, .. } = &self.answer;
        let mut problems = Vec::new();
        if *decision != Decision::Accept && !reasons.iter().any(|reason| !reason.trim().is_empty()) {
            problems.push(format!("{decision} needs `reasons`"));
        }
        if (*decision == Decision::Edit) != edit.is_some() {
            problems.push("`edit` must hold the texts for EDIT, and be null otherwise".to_owned());
        }
        let is_poor = *distinction == Distinction::Weak || *scenario_quality.min(response_quality) < LEAST_QUALITY;
        if *decision == Decision::Accept && is_poor {
            problems.push(format!("what is WEAK, or of a quality below {LEAST_QUALITY}, cannot be accepted"));
        }
        problems
    }
}

impl<R: Triad> Verdict<R> {
    pub(super) fn edit(&self) -> Option<Edit> {
        let EditFields { scenario, a, b, c } = self.answer.edit.as_ref()?;
        Some(Edit { scenario: scenario.clone(), replies: [a, b, c].map(Clone::clone) })
    }

    /// What is done with the record; `edited` is what the judge made of it.
    pub(super) fn outcome(
        self,
        record: &R,
        edited: Option<R>,
        order: [usize; 3],
        model: String,
        failed: Vec<String>,
    ) -> Outcome<R> {
        let Fields { classes, distinction, scenario_quality, response_quality, decision: said, reasons, .. } =
            self.answer;
        let order = order.map(|class| R::KINDS[class].name.to_owned());
        let named = [classes.a, classes.b, classes.c];
        let mut reasons: Vec<_> = reasons.into_iter().filter(|reason| !reason.trim().is_empty()).collect();
        let wrong = order.iter().zip(&named).filter(|(class, named)| class != named);
        let misnamed: Vec<_> = wrong.map(|(class, named)| format!("the judge took `{class}` for `{named}`")).collect();
        let decision = if misnamed.is_empty() { said } else { Decision::Reject };
        reasons.extend(misnamed);
        let by =
            By::Judge(Judgement { model, order, named, distinction, scenario_quality, response_quality, said, failed });
        let kept = match decision {
            Decision::Accept => Some(record.clone()),
            Decision::Edit => edited,
            Decision::Reject => None,
        };
        match kept {
            Some(kept) => Outcome::kept(kept, decision, reasons, by),
            None => Outcome { id: record.id().to_owned(), decision: Decision::Reject, reasons, by, record: None },
        }
    }
}

/// Shows a record without saying which reply is meant as what.
pub(super) fn prompt<R: Triad>(record: &R, order: [usize; 3]) -> String {
    let mut prompt = format!("In the scenario {}. The replies are of up to three kinds:", R::SCENARIO);
    for class in R::KINDS {
        // Writing to a string cannot fail.
        let _ = write!(prompt, "\n- {}: {}", class.name, class.rule);
    }
    let _ = write!(prompt, "\n\nScenario:\n{}\n", record.said());
    for (letter, class) in LETTERS.iter().zip(order) {
        let _ = write!(prompt, "\nReply {letter}:\n{}\n", record.replies()[class]);
    }
    prompt.push_str("\nSay which kind each reply is of, then judge the whole.");
    prompt
}

/// What is wrong with the form of an edit, in the judge's names for the texts.
pub(super) fn problems<R: Triad>(
    edited: &R,
    record: &R,
    order: [usize; 3],
    form: &FormRules,
    history: &History,
) -> Vec<String> {
    let (after, before) = (edited.replies(), record.replies());
    let replies = [0, 1, 2].map(|i| (LETTERS[i], after[order[i]]));
    let originals = [0, 1, 2].map(|i| (LETTERS[i], before[order[i]]));
    let keeps_length = form.check_lengths(&originals).is_none();
    let mut texts = vec![("scenario", edited.said())];
    texts.extend(replies);
    let problems = form.check_texts(&texts, history).into_iter();
    let own = problems.filter(|problem| R::OWNS_SCENARIO || problem.text() != Some("scenario"));
    let kept = replies.iter().zip(&originals);
    let kept = kept.flat_map(|(&(name, reply), (_, original))| form.check_edit(name, reply, original, keeps_length));
    own.chain(kept).chain(form.check_lengths(&replies)).map(|problem: Problem| problem.to_string()).collect()
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accept => "ACCEPT",
            Self::Edit => "EDIT",
            Self::Reject => "REJECT",
        })
    }
}
