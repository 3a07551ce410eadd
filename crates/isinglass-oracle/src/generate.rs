//! Data sets written by a model: triplets and their controls.

mod answers;
mod config;

use std::{collections::BTreeMap, fs, io, marker::PhantomData, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Answer, AskError, Fault, Provider, ProviderError, Request, Retry, Triad,
    ask::{Asked, ask_checked},
    form::History,
    journal::{Journal, JournalError, replace},
    one_model::{OneModel, OtherModel},
    order::Order,
    plan::Plan,
    prompt,
};
use answers::{Criteria, Replies, Scenario};
pub(crate) use config::check_items;
pub use config::{Call, ConfigError, GenerateConfig};
use isinglass_data::{Control, StrippedControl, Triplet};

/// Writes scenarios and replies of the three kinds of empathy, as the original study's `generate_triplets` did.
pub type TripletGenerator = Generator<Triplet>;

/// Writes scenarios that trouble nobody, and replies of three styles, as `generate_controls non-empathy` did.
pub type ControlGenerator = Generator<Control>;

/// Writes replies without feeling to the scenarios of triplets, as `generate_controls valence-stripped` did.
pub type StrippedGenerator = Generator<StrippedControl>;

/// Writes a file of records of one kind.
///
/// For each record a model is asked three times: for a scenario (unless it is given), for three replies in one answer,
/// and whether these meet five criteria.
/// What the original left to chance is laid down: topic, register and voice of each scenario by a [`Plan`], and for
/// each reply how it opens, its length and how it ends, such that over the file no class has a form of its own.
/// Each answer is checked without a model too ([`FormRules`](crate::FormRules)); one that fails is asked again with the
/// reason, and what still fails is given up for the next scenario of the plan, which the file then says.
///
/// This does not make a data set good: the model's validation of its own texts is kept, but it is no proof of anything.
/// Let a [`Filter`](crate::Filter) judge them blind, audit them, and read them.
#[derive(Clone, Debug, PartialEq)]
pub struct Generator<R> {
    config: GenerateConfig,
    triplets: Vec<Triplet>,
    kind: PhantomData<R>,
}

/// A record, and how it came about: a line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item<R> {
    /// The record, whose fields are the line's own.
    #[serde(flatten)]
    pub record: R,
    /// How it came about.
    pub provenance: Provenance,
}

/// How a record came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Which model wrote it.
    pub model: String,
    /// The number of the scenario in the plan, or of the triplet, from 0.
    pub brief: usize,
    /// How it was to be told, and who tells it; empty where the scenario was given.
    pub register: String,
    /// Who tells it; empty where the scenario was given.
    pub voice: String,
    /// How often replies were written until they were found valid, from 1.
    pub attempt: u32,
    /// The seed of the request for the replies.
    pub seed: u64,
    /// What the model says of its own texts.
    pub validation: Validation,
    /// What stood around answers.
    pub notes: Vec<String>,
    /// The answers that could not be used.
    pub failed: Vec<Failure>,
    /// The scenarios before this one that were given up.
    pub given_up: Vec<GivenUp>,
}

/// What a model says of its own texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// Which criteria are met: `scenario`, one for each class, and `nothing_else`.
    pub met: BTreeMap<String, bool>,
    /// What is wrong.
    pub issues: Vec<String>,
}

/// An answer that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// What was asked for.
    pub step: Step,
    /// Why it could not be used.
    pub reason: String,
}

/// What a model is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A scenario.
    Scenario,
    /// Three replies.
    Replies,
    /// Whether they meet the criteria.
    Validation,
}

/// A scenario for which no record was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenUp {
    /// The number of the scenario in the plan, or of the triplet, from 0.
    pub brief: usize,
    /// What it was to be about.
    pub topic: String,
    /// The answers that could not be used.
    pub failed: Vec<Failure>,
}

/// What a run has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated<R> {
    /// All records of the file.
    pub items: Vec<Item<R>>,
    /// All scenarios that were given up.
    pub given_up: Vec<GivenUp>,
}

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many records are in the file.
    pub done: usize,
    /// How many there will be.
    pub of: usize,
    /// What happened.
    pub event: Event,
}

/// What happened in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The file was opened, and had what it had.
    Opened,
    /// A record of this name was added.
    Added(String),
    /// A scenario was given up.
    GivenUp(GivenUp),
}

/// Why a run ended early; what was written stays, and the same call goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The settings cannot be followed.
    #[error(transparent)]
    Config(#[from] ConfigError),

    /// The file cannot be begun, continued or written.
    #[error(transparent)]
    Journal(#[from] JournalError),

    /// The provider gives no answers.
    #[error("no answer for `{id}`; run the same again to go on from there")]
    Provider {
        /// The record that was to be written.
        id: String,
        /// What the provider said.
        source: AskError,
    },

    /// Another model answers than before.
    #[error(transparent)]
    OtherModel(#[from] OtherModel),

    /// Too little of what the model writes can be used.
    #[error("`{n}` scenarios were given up, the last for {}; at most `{most}` may be", last_reason(last))]
    TooManyGivenUp {
        /// How many.
        n: usize,
        /// How many may be.
        most: usize,
        /// The last of them.
        last: GivenUp,
    },
}

fn last_reason(given_up: &GivenUp) -> String {
    given_up.failed.last().map_or_else(|| "no reason".into(), |failure| format!("`{}`", failure.reason))
}

impl Validation {
    /// Whether all criteria are met.
    pub fn is_valid(&self) -> bool {
        !self.met.is_empty() && self.met.values().all(|&met| met)
    }
}

impl TripletGenerator {
    /// A generator of so many triplets, with the settings of the original where it had any.
    pub fn new(count: usize, seed: u64) -> Self {
        Self::with_config(GenerateConfig::new(count, seed, Plan::troubles()))
    }
}

impl ControlGenerator {
    /// A generator of so many controls, with the settings of the original where it had any.
    pub fn new(count: usize, seed: u64) -> Self {
        Self::with_config(GenerateConfig::new(count, seed, Plan::impersonal()))
    }
}

impl StrippedGenerator {
    /// A generator of a control for each of these triplets, with the settings of the original where it had any.
    ///
    /// No triplet is given up, unless [`GenerateConfig::most_given_up`] is raised.
    pub fn new(triplets: Vec<Triplet>, seed: u64) -> Self {
        let mut config = GenerateConfig::new(triplets.len(), seed, Plan::troubles());
        config.replies.temperature = 0.5;
        config.most_given_up = 0;
        Self { config, triplets, kind: PhantomData }
    }
}

impl<R: Triad> Generator<R> {
    fn with_config(config: GenerateConfig) -> Self {
        Self { config, triplets: Vec::new(), kind: PhantomData }
    }

    /// The settings.
    pub fn config(&self) -> &GenerateConfig {
        &self.config
    }

    /// The settings, to be changed.
    pub fn config_mut(&mut self) -> &mut GenerateConfig {
        &mut self.config
    }

    /// Writes the file, or goes on with it where a run with the same settings ended.
    ///
    /// After each record the file is replaced by one that has it, so it is whole at any time; beside it stands
    /// `<path>.settings.json`. With a provider that answers the same to the same, the file is the same in the end
    /// however often the run was interrupted.
    /// `progress` hears of each record. Nothing is printed.
    ///
    /// # Errors
    ///
    /// - [`GenerateError::Config`]: the settings cannot be followed.
    /// - [`GenerateError::Journal`]: the file is of other settings, which the error names, or no such file, or cannot
    ///   be written.
    /// - [`GenerateError::Provider`]: the provider fails, and waiting did not help.
    /// - [`GenerateError::OtherModel`]: another model answers than the one that the file is from.
    /// - [`GenerateError::TooManyGivenUp`]: too many scenarios brought no record.
    pub fn run(
        &self,
        provider: &dyn Provider,
        path: impl AsRef<Path>,
        retry: &Retry<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Generated<R>, GenerateError> {
        self.config.check::<R>(&self.triplets)?;
        let settings = json!({
            "kind": R::NAME,
            "prompts": prompt::VERSION,
            "config": self.config,
            "triplets": self.triplets,
        });
        let count = self.config.count;
        let mut journal = Journal::<Item<R>>::open(path.as_ref(), &settings)?;
        journal.expect(|item| item.record.id(), |i| if i < count { id::<R>(i) } else { "nothing".into() })?;

        let model = OneModel::of(journal.lines().first().map(|item| item.provenance.model.as_str()));
        let mut given_up: Vec<_> = journal.lines().iter().flat_map(|item| item.provenance.given_up.clone()).collect();
        // Those since the last record, which the next one will name.
        let mut pending = Vec::new();
        let mut tell = |done, event| progress(Progress { done, of: count, event });
        tell(journal.lines().len(), Event::Opened);
        self.hold_given_up(&given_up)?;
        while journal.lines().len() + if R::OWNS_SCENARIO { 0 } else { given_up.len() } < count {
            let done = journal.lines().len();
            let mut work = Work {
                generator: self,
                provider,
                retry,
                model: &model,
                items: journal.lines(),
                brief: done + given_up.len(),
                failed: Vec::new(),
            };
            if let Some(mut item) = work.item()? {
                item.provenance.given_up = std::mem::take(&mut pending);
                tell(done + 1, Event::Added(item.record.id().to_owned()));
                journal.push(item)?;
                continue;
            }
            let last = GivenUp { brief: work.brief, topic: work.topic(), failed: work.failed };
            given_up.push(last.clone());
            pending.push(last.clone());
            tell(done, Event::GivenUp(last));
            self.hold_given_up(&given_up)?;
        }
        Ok(Generated { items: journal.into_lines(), given_up })
    }

    fn hold_given_up(&self, given_up: &[GivenUp]) -> Result<(), GenerateError> {
        let (n, most) = (given_up.len(), self.config.most_given_up);
        match given_up.last() {
            Some(last) if n > most => Err(GenerateError::TooManyGivenUp { n, most, last: last.clone() }),
            _ => Ok(()),
        }
    }
}

/// The name of record `item`, from 0.
fn id<R: Triad>(item: usize) -> String {
    format!("{}{:03}", R::PREFIX, item + 1)
}

/// The work on one record.
struct Work<'a, R> {
    generator: &'a Generator<R>,
    provider: &'a dyn Provider,
    retry: &'a Retry<'a>,
    model: &'a OneModel,
    items: &'a [Item<R>],
    brief: usize,
    failed: Vec<Failure>,
}

/// A scenario with what is known of it.
struct Told {
    triplet_id: String,
    topic: String,
    scenario: String,
    register: String,
    voice: String,
    notes: Vec<String>,
}

impl<R: Triad> Work<'_, R> {
    fn topic(&self) -> String {
        let Generator { config, triplets, .. } = self.generator;
        match triplets.get(self.brief) {
            Some(triplet) => triplet.topic.clone(),
            None => config.plan.brief(self.brief, config.seed).topic,
        }
    }

    /// The record, or `None` if it has to be given up.
    fn item(&mut self) -> Result<Option<Item<R>>, GenerateError> {
        let config = &self.generator.config;
        let rules = &config.form;
        let mut history = History::default();
        for Item { record, .. } in self.items {
            history.add(own_texts(record), rules);
        }
        let openings = self.items.iter().flat_map(|item| own_texts(&item.record)).map(|text| rules.opening_of(text));
        let openings: Vec<_> = openings.collect();

        let Some(told) = self.scenario(&history, &openings)? else { return Ok(None) };
        let mut notes = told.notes;
        let forms = rules.forms(self.items.len(), config.seed);
        let mut complaints: Vec<String> = Vec::new();
        for attempt in 1..=config.rounds {
            let text = prompt::replies::<R>(&told.scenario, rules, &forms, &openings, &complaints);
            let request = self.request(Step::Replies, attempt, &text);
            let seed = request.seed;
            let check = |Replies(replies, _): &Replies<R>| {
                let mut own = vec![("scenario", told.scenario.as_str())];
                let replies = [0, 1, 2].map(|i| (R::KINDS[i].name, replies[i].as_str()));
                own.extend(replies);
                // The scenario has been checked, or is not ours; it is here so that no reply opens as it does.
                let problems = rules.check_texts(&own, &history).into_iter().filter(|p| p.text() != Some("scenario"));
                let formal =
                    replies.iter().zip(&forms).flat_map(|((name, reply), form)| rules.check_form(name, reply, form));
                problems.chain(formal).chain(rules.check_lengths(&replies)).map(|problem| problem.to_string()).collect()
            };
            let Some(asked) = self.ask(Step::Replies, &request, check)? else { return Ok(None) };
            notes.extend(asked.notes.iter().map(ToString::to_string));
            let Replies(replies, _) = asked.answer;

            let text = prompt::validation::<R>(&told.scenario, &replies);
            let request = self.request(Step::Validation, attempt, &text);
            let Some(asked) = self.ask(Step::Validation, &request, |_: &Criteria<R>| Vec::new())? else {
                return Ok(None);
            };
            notes.extend(asked.notes.iter().map(ToString::to_string));
            let Criteria(validation, _) = asked.answer;
            if validation.is_valid() {
                let record = R::new(id::<R>(self.items.len()), &told.triplet_id, told.topic, told.scenario, replies);
                let provenance = Provenance {
                    model: asked.model,
                    brief: self.brief,
                    register: told.register,
                    voice: told.voice,
                    attempt,
                    seed,
                    validation,
                    notes,
                    failed: std::mem::take(&mut self.failed),
                    given_up: Vec::new(),
                };
                return Ok(Some(Item { record, provenance }));
            }
            self.failed.push(Failure { step: Step::Validation, reason: validation.issues.join("; ") });
            // Other replies do not mend a scenario.
            if R::OWNS_SCENARIO && validation.met.get("scenario") == Some(&false) {
                return Ok(None);
            }
            complaints = validation.issues;
        }
        Ok(None)
    }

    /// The scenario: the triplet's, or a new one.
    fn scenario(&mut self, history: &History, openings: &[String]) -> Result<Option<Told>, GenerateError> {
        let Generator { config, triplets, .. } = self.generator;
        if let Some(triplet) = triplets.get(self.brief) {
            return Ok(Some(Told {
                triplet_id: triplet.id.clone(),
                topic: triplet.topic.clone(),
                scenario: triplet.scenario.clone(),
                register: String::new(),
                voice: String::new(),
                notes: Vec::new(),
            }));
        }
        let rules = &config.form;
        let brief = config.plan.brief(self.brief, config.seed);
        let earlier =
            self.items.iter().map(|item| &item.record).filter(|record| record.topic() == Some(brief.topic.as_str()));
        let earlier: Vec<_> = earlier.map(Triad::said).collect();
        let text = prompt::scenario::<R>(&brief, rules, &earlier, openings);
        let check = |Scenario { scenario }: &Scenario| {
            rules.check_texts(&[("scenario", scenario)], history).iter().map(ToString::to_string).collect()
        };
        let request = self.request(Step::Scenario, 1, &text);
        let Some(asked) = self.ask(Step::Scenario, &request, check)? else { return Ok(None) };
        Ok(Some(Told {
            triplet_id: String::new(),
            topic: brief.topic,
            scenario: asked.answer.scenario,
            register: brief.register,
            voice: brief.voice,
            notes: asked.notes.iter().map(ToString::to_string).collect(),
        }))
    }

    fn request(&self, step: Step, attempt: u32, text: &str) -> Request {
        let config = &self.generator.config;
        let (system, call) = match step {
            Step::Scenario => (prompt::WRITER, config.scenario),
            Step::Replies => (prompt::WRITER, config.replies),
            Step::Validation => (prompt::READER, config.validation),
        };
        // Of 31 bits, for there are providers that take no more.
        let seed = Order::of(config.seed, &[self.brief as u64, step as u64, u64::from(attempt)]).next() >> 33;
        Request::new(system, text).temperature(call.temperature).max_tokens(call.max_tokens).seed(seed)
    }

    /// Asks; `None` if the model has no usable answer to this, or will not answer it.
    fn ask<T: Answer>(
        &mut self,
        step: Step,
        request: &Request,
        check: impl Fn(&T) -> Vec<String>,
    ) -> Result<Option<Asked<T>>, GenerateError> {
        let asked = ask_checked(self.provider, request, self.retry, check);
        let attempts = match &asked {
            Ok(asked) => &asked.failed,
            Err(error) => error.failed(),
        };
        // What the network did is no part of how a text came about.
        let failures = attempts.iter().filter(|attempt| !matches!(&attempt.fault, Fault::Provider(e) if e.may_pass()));
        self.failed.extend(failures.map(|attempt| Failure { step, reason: attempt.fault.to_string() }));
        match asked {
            Ok(asked) => {
                self.model.hold(&asked.model)?;
                Ok(Some(asked))
            }
            Err(AskError::NoUsableAnswer { .. } | AskError::Provider { source: ProviderError::Refused { .. }, .. }) => {
                Ok(None)
            }
            Err(source) => Err(GenerateError::Provider { id: id::<R>(self.items.len()), source }),
        }
    }
}

/// The texts that a record does not share with another kind of records.
pub(crate) fn own_texts<R: Triad>(record: &R) -> Vec<&str> {
    let scenario = R::OWNS_SCENARIO.then(|| record.said());
    scenario.into_iter().chain(record.replies()).collect()
}

/// Reads the file of a run, finished or not.
///
/// # Errors
///
/// - [`JournalError::Read`]: the file is not there, not readable or not UTF-8.
/// - [`JournalError::BadLine`]: a line is no such record.
pub fn read_items<R: Triad>(path: impl AsRef<Path>) -> Result<Vec<Item<R>>, JournalError> {
    let path = path.as_ref();
    let text = fs::read_to_string(path).map_err(|source| JournalError::Read { path: path.to_owned(), source })?;
    let parse = |(line, content)| {
        serde_json::from_str(content).map_err(|source| JournalError::BadLine { path: path.to_owned(), line, source })
    };
    (1..).zip(text.lines()).map(parse).collect()
}

/// Writes records alone, one JSON object a line: the file of a data set.
///
/// # Errors
///
/// [`JournalError::Write`]: the file cannot be written; one that was there is then as it was.
pub fn write_records<R: Triad>(path: impl AsRef<Path>, records: &[R]) -> Result<(), JournalError> {
    let path = path.as_ref();
    let lines: Result<Vec<_>, _> = records.iter().map(serde_json::to_string).collect();
    let text =
        lines.map_err(io::Error::from).map(|lines| lines.iter().map(|line| line.clone() + "\n").collect::<String>());
    text.and_then(|text| replace(path, &text)).map_err(|source| JournalError::Write { path: path.to_owned(), source })
}
