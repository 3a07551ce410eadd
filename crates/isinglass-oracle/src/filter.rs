//! A judge that does not know what it is meant to find.

mod verdict;

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    AskError, ConfigError, Fault, FormRules, Item, Provider, ProviderError, Request, Retry, Triad,
    ask::ask_checked,
    form::History,
    generate::{check_items, own_texts},
    journal::{Journal, JournalError},
    one_model::{OneModel, OtherModel},
    order::Order,
    schema::short,
};
use verdict::Verdict;
pub use verdict::{Decision, Distinction};

/// Changes with every change of a prompt, so that no file has items of two prompts.
const PROMPTS: u32 = 1;

/// Has a model judge records, one after another.
///
/// The judge reads a scenario and three replies without their classes, in an order that the seed gives, and says of
/// each which class it is of, how well they can be told apart, how good scenario and replies are, and whether to
/// accept, edit or reject the item, with reasons.
/// What it proposes as an edit is held to the same form as what a [`Generator`](crate::Generator) writes.
///
/// A judge that takes a reply for one of another class says by that alone that the item does not show what it should:
/// such an item is rejected, whatever else the judge says of it, for its edits too are of texts that it mistook.
///
/// A filter measures agreement with one judge, which may be the model that wrote the items and like its own texts;
/// that it removes little says nothing about the items ([`Summary`] says it plainly where it removes nothing).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// What orders and requests start from.
    pub seed: u64,
    /// The form that edited texts must have.
    pub form: FormRules,
    /// How freely the judge chooses words.
    pub temperature: f64,
    /// The most tokens it may answer with.
    pub max_tokens: u32,
    /// Which items it judges.
    pub judge: Judged,
}

/// Which items are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    /// All of them.
    All,
    /// Those that their own writer did not find valid; the others are accepted without being judged, which results say.
    ///
    /// The original's `--auto-accept-validated`. A [`Generator`](crate::Generator) writes only what it found valid, so
    /// this judges nothing of what it wrote.
    AutoAcceptValidated,
}

/// A record to be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate<R> {
    /// The record.
    pub record: R,
    /// Whether its own writer found it valid.
    pub validated: bool,
}

/// What was decided about an item: a line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome<R> {
    /// The item's name.
    pub id: String,
    /// What is done with it.
    pub decision: Decision,
    /// Why; never empty unless it is accepted.
    pub reasons: Vec<String>,
    /// Who decided.
    pub by: By,
    /// The record as it is kept: as it was, or edited; `None` if it is rejected.
    pub record: Option<R>,
}

/// Who decided about an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The judge.
    Judge(Judgement),
    /// Nobody: its writer found it valid, and [`Judged::AutoAcceptValidated`] was asked for.
    NotJudged,
    /// Nobody: the judge had no usable answer, for these reasons.
    NoAnswer(Vec<String>),
}

/// What the judge said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// Which model judged.
    pub model: String,
    /// The classes of the replies in the order in which the judge read them.
    pub order: [String; 3],
    /// The classes that the judge took them for.
    pub named: [String; 3],
    /// How well the replies can be told apart.
    pub distinction: Distinction,
    /// How good the scenario is, 1 to 5.
    pub scenario_quality: u8,
    /// How good the replies are, 1 to 5.
    pub response_quality: u8,
    /// What it would do; not done where it named a class wrongly.
    pub said: Decision,
    /// Its answers that could not be used.
    pub failed: Vec<String>,
}

/// All that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filtered<R> {
    /// The outcomes in the order of the items.
    pub outcomes: Vec<Outcome<R>>,
}

/// How many items met with what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// All items.
    pub n: usize,
    /// Those kept as they were.
    pub accepted: usize,
    /// Those kept with other texts.
    pub edited: usize,
    /// Those removed.
    pub rejected: usize,
    /// Of those accepted, the ones that nobody judged.
    pub not_judged: usize,
    /// Of those rejected, the ones for which the judge had no usable answer.
    pub no_answer: usize,
    /// Of those rejected, the ones of which the judge took a reply for one of another class.
    pub misnamed: usize,
    /// Of those judged, how many were clearly, moderately and weakly distinct.
    pub distinctions: [usize; 3],
}

/// How far a filter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterProgress {
    /// How many items are decided.
    pub done: usize,
    /// How many there are.
    pub of: usize,
    /// What was decided about the last one; `None` as long as the file has only what it had.
    pub decision: Option<Decision>,
}

/// Why a filter ended early; what was decided stays, and the same call goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// The settings cannot be followed, or the items not be told apart.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// The file cannot be begun, continued or written.
    #[error(transparent)]
    Journal(#[from] JournalError),

    /// The provider gives no answers.
    #[error("no judgement of `{id}`; run the same again to go on from there")]
    Provider {
        /// The item that was to be judged.
        id: String,
        /// What the provider said.
        source: AskError,
    },

    /// Another model judges than before.
    #[error(transparent)]
    OtherModel(#[from] OtherModel),
}

impl<R: Triad> From<&Item<R>> for Candidate<R> {
    fn from(item: &Item<R>) -> Self {
        Self { record: item.record.clone(), validated: item.provenance.validation.is_valid() }
    }
}

impl<R> From<R> for Candidate<R> {
    /// A record that nobody found valid.
    fn from(record: R) -> Self {
        Self { record, validated: false }
    }
}

impl Filter {
    /// A filter that judges all items at temperature 0.
    pub fn new(seed: u64) -> Self {
        Self { seed, form: FormRules::default(), temperature: 0.0, max_tokens: 1500, judge: Judged::All }
    }

    /// Judges items into a file, or goes on with it where a run with the same settings and items ended.
    ///
    /// After each item the file is replaced by one that has it; beside it stands `<path>.settings.json`, which holds
    /// the items too. With a judge that answers the same to the same, the file is the same in the end however often the
    /// run was interrupted. `progress` hears of each item. Nothing is printed.
    ///
    /// # Errors
    ///
    /// - [`FilterError::Config`]: there are no items, two of one name or blank ones, or rules that no text can follow.
    /// - [`FilterError::Journal`]: the file is of other settings or items, which the error names, or no such file, or
    ///   cannot be written.
    /// - [`FilterError::Provider`]: the provider fails, and waiting did not help.
    /// - [`FilterError::OtherModel`]: another model judges than the one that the file is from.
    pub fn run<R: Triad>(
        &self,
        provider: &dyn Provider,
        candidates: &[Candidate<R>],
        path: impl AsRef<Path>,
        retry: &Retry<'_>,
        progress: &mut dyn FnMut(FilterProgress),
    ) -> Result<Filtered<R>, FilterError> {
        self.check(candidates)?;
        let settings =
            json!({"kind": format!("{} filtered", R::NAME), "prompts": PROMPTS, "filter": self, "items": candidates});
        let mut journal = Journal::<Outcome<R>>::open(path.as_ref(), &settings)?;
        let expected = |i: usize| candidates.get(i).map_or("nothing", |candidate| candidate.record.id()).to_owned();
        journal.expect(|outcome| &outcome.id, expected)?;

        let before = journal.lines().iter().find_map(|outcome| match &outcome.by {
            By::Judge(judgement) => Some(judgement.model.as_str()),
            _ => None,
        });
        let (model, of) = (OneModel::of(before), candidates.len());
        progress(FilterProgress { done: journal.lines().len(), of, decision: None });
        for (i, candidate) in candidates.iter().enumerate().skip(journal.lines().len()) {
            let outcome = if candidate.validated && self.judge == Judged::AutoAcceptValidated {
                Outcome::kept(candidate.record.clone(), Decision::Accept, Vec::new(), By::NotJudged)
            } else {
                self.judge(i, candidates, journal.lines(), provider, retry, &model)?
            };
            let decision = Some(outcome.decision);
            journal.push(outcome)?;
            progress(FilterProgress { done: i + 1, of, decision });
        }
        Ok(Filtered { outcomes: journal.into_lines() })
    }

    fn check<R: Triad>(&self, candidates: &[Candidate<R>]) -> Result<(), ConfigError> {
        if candidates.is_empty() {
            return Err(ConfigError::Zero { setting: "items" });
        }
        if self.max_tokens == 0 {
            return Err(ConfigError::Zero { setting: "max_tokens" });
        }
        if !(0.0..=2.0).contains(&self.temperature) {
            return Err(ConfigError::BadTemperature { temperature: self.temperature });
        }
        if let Some(rule) = self.form.flaw() {
            return Err(ConfigError::BadForm { rule });
        }
        check_items(candidates.iter().map(|candidate| &candidate.record))
    }

    fn judge<R: Triad>(
        &self,
        i: usize,
        candidates: &[Candidate<R>],
        before: &[Outcome<R>],
        provider: &dyn Provider,
        retry: &Retry<'_>,
        model: &OneModel,
    ) -> Result<Outcome<R>, FilterError> {
        let record = &candidates[i].record;
        let order: [usize; 3] = {
            let mut order = [0, 1, 2];
            Order::of(self.seed, &[0, i as u64]).shuffle(&mut order);
            order
        };
        let request = Request::new(verdict::JUDGE, verdict::prompt(record, order))
            .temperature(self.temperature)
            .max_tokens(self.max_tokens)
            .seed(Order::of(self.seed, &[1, i as u64]).next() >> 33);

        let edited = |verdict: &Verdict<R>| {
            let edit = verdict.edit()?;
            let mut replies = record.replies().map(str::to_owned);
            for (text, class) in edit.replies.into_iter().zip(order) {
                replies[class] = text;
            }
            Some(record.with_texts(edit.scenario.unwrap_or_else(|| record.said().to_owned()), replies))
        };
        let check = |verdict: &Verdict<R>| {
            let Some(edited) = edited(verdict) else { return Vec::new() };
            if edited == *record {
                return vec!["the edit changes nothing".to_owned()];
            }
            // Against the items before as they are kept, and those behind as they are.
            let mut history = History::default();
            for record in before.iter().filter_map(|outcome| outcome.record.as_ref()) {
                history.add(own_texts(record), &self.form);
            }
            for candidate in &candidates[i + 1..] {
                history.add(own_texts(&candidate.record), &self.form);
            }
            verdict::problems(&edited, record, order, &self.form, &history)
        };
        match ask_checked::<Verdict<R>>(provider, &request, retry, check) {
            Ok(asked) => {
                model.hold(&asked.model)?;
                let edited = edited(&asked.answer);
                let failed = failures(&asked.failed);
                Ok(asked.answer.outcome(record, edited, order, asked.model, failed))
            }
            Err(
                error @ (AskError::NoUsableAnswer { .. }
                | AskError::Provider { source: ProviderError::Refused { .. }, .. }),
            ) => Ok(Outcome {
                id: record.id().to_owned(),
                decision: Decision::Reject,
                reasons: vec!["the judge gave no usable answer".to_owned()],
                by: By::NoAnswer(failures(error.failed())),
                record: None,
            }),
            Err(source) => Err(FilterError::Provider { id: record.id().to_owned(), source }),
        }
    }
}

/// The reasons why answers could not be used; what the network did is none.
fn failures(attempts: &[crate::Attempt]) -> Vec<String> {
    let failures = attempts.iter().filter(|attempt| !matches!(&attempt.fault, Fault::Provider(e) if e.may_pass()));
    failures.map(|attempt| short(&attempt.fault.to_string(), 2000)).collect()
}

impl<R: Triad> Outcome<R> {
    fn kept(record: R, decision: Decision, reasons: Vec<String>, by: By) -> Self {
        Self { id: record.id().to_owned(), decision, reasons, by, record: Some(record) }
    }
}

impl<R: Triad> Filtered<R> {
    /// The records that are kept.
    pub fn records(&self) -> Vec<R> {
        self.outcomes.iter().filter_map(|outcome| outcome.record.clone()).collect()
    }

    /// How many items met with what.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary { n: self.outcomes.len(), ..Summary::default() };
        for outcome in &self.outcomes {
            *match outcome.decision {
                Decision::Accept => &mut summary.accepted,
                Decision::Edit => &mut summary.edited,
                Decision::Reject => &mut summary.rejected,
            } += 1;
            match &outcome.by {
                By::Judge(judgement) => {
                    summary.distinctions[judgement.distinction as usize] += 1;
                    summary.misnamed += usize::from(judgement.named != judgement.order);
                }
                By::NotJudged => summary.not_judged += 1,
                By::NoAnswer(_) => summary.no_answer += 1,
            }
        }
        summary
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n, accepted, edited, rejected, not_judged, no_answer, misnamed, distinctions } = self;
        if accepted == n {
            write!(f, "accepted all {n}: the filter removed nothing")?;
        } else {
            write!(f, "accepted {accepted}, edited {edited}, rejected {rejected} of {n}")?;
            if *rejected == 0 {
                f.write_str(": the filter removed nothing")?;
            }
        }
        for (n, what) in [
            (not_judged, "accepted without being judged"),
            (misnamed, "rejected because the judge took a reply for one of another class"),
            (no_answer, "rejected because the judge gave no usable answer"),
        ] {
            if *n > 0 {
                write!(f, "; {n} {what}")?;
            }
        }
        let [clear, moderate, weak] = distinctions;
        write!(f, "; distinction clear {clear}, moderate {moderate}, weak {weak}")
    }
}
