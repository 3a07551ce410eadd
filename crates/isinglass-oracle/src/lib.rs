//! Ask an outside model: providers, answers checked against a schema, generators and filters of data sets.
//!
//! A [`Provider`] answers a [`Request`], or says whether asking again may help.
//! [`ask`] holds its answer to a [`Schema`]: one JSON object of exactly the fields of a type, or the same is asked
//! again with what was wrong.
//! [`Scripted`] is the provider of tests; providers that reach a real model implement the same trait.
//!
//! A [`Generator`] has a model write a data set: [`TripletGenerator`] the three kinds of empathy, [`ControlGenerator`]
//! and [`StrippedGenerator`] their controls.
//! What a careless generator leaves to the model, and a bag of words then finds, is laid down beforehand:
//! which topics come how often, and how each text opens, how long it is and how it ends, in turn for each class.
//! A [`Filter`] has a model judge the records without telling it which reply is meant as which class.
//! Both write a file that is whole after each record, and go on where they were interrupted.
//!
//! Nothing here prints, waits by itself or looks at a clock: the caller passes what sleeps ([`Retry`]), what hears of
//! the progress, and a seed. No tensors, and no models of ours.
//!
//! # Examples
//!
//! Records of any origin, judged by a model that here is a script:
//!
//! ```
//! use isinglass_data::Triplet;
//! use isinglass_oracle::{Filter, Retry, Rule, Scripted};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let triplet = Triplet {
//!     id: "t001".into(),
//!     topic: "work".into(),
//!     scenario: "They gave the post to Maren. I had trained her.".into(),
//!     cognitive: "Maren got it with what she learnt from you. That turns your own work against you.".into(),
//!     affective: "My heart sank at that last part. I would be sore for weeks.".into(),
//!     instrumental: "Three lines to the board would do. Ask them what decided it.".into(),
//! };
//! let judge = Scripted::new([Rule::text(
//!     r#"{"classes": {"A": "affective", "B": "affective", "C": "affective"}, "distinction": "CLEAR",
//!         "scenario_quality": 4, "response_quality": 4, "decision": "ACCEPT", "reasons": [], "edit": null}"#,
//! )]);
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("judged.jsonl");
//! let retry = Retry::new(&std::thread::sleep);
//!
//! let filtered = Filter::new(7).run(&judge, &[triplet.into()], &path, &retry, &mut |_| ())?;
//! // It said ACCEPT, but could not tell the replies apart.
//! assert!(filtered.records().is_empty());
//! assert!(filtered.summary().to_string().starts_with("accepted 0, edited 0, rejected 1 of 1"));
//! # Ok(())
//! # }
//! ```

mod ask;
mod filter;
mod form;
mod generate;
mod journal;
mod object;
mod one_model;
mod order;
mod plan;
mod prompt;
mod provider;
mod record;
mod schema;
mod scripted;

pub use ask::{AskError, Asked, Attempt, Fault, Note, Retry, ask, ask_checked};
pub use filter::{
    By, Candidate, Decision, Distinction, Filter, FilterError, FilterProgress, Filtered, Judged, Judgement, Outcome,
    Summary,
};
pub use form::FormRules;
pub use generate::{
    Call, ConfigError, ControlGenerator, Event, Failure, GenerateConfig, GenerateError, Generated, Generator, GivenUp,
    Item, Progress, Provenance, Step, StrippedGenerator, TripletGenerator, Validation, read_items, write_records,
};
pub use journal::JournalError;
pub use one_model::OtherModel;
pub use plan::Plan;
pub use provider::{Finish, Message, Provider, ProviderError, Reply, Request, Role};
pub use record::{Class, Triad};
pub use schema::{Answer, Field, FieldKind, Schema};
pub use scripted::{Rule, ScriptError, Scripted};
