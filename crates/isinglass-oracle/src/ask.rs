//! Asking until the answer is what was asked for.

use std::{fmt, time::Duration};

use crate::{
    Answer, Finish, Provider, ProviderError, Request,
    object::{Found, one_object},
    schema::short,
};

/// How often to ask, and how long to wait between.
#[derive(Clone, Copy)]
pub struct Retry<'a> {
    answers: u32,
    errors: u32,
    first_wait: Duration,
    longest_wait: Duration,
    sleep: &'a dyn Fn(Duration),
}

/// An answer that is what was asked for, and how it came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked<T> {
    /// The answer.
    pub answer: T,
    /// Which model gave it.
    pub model: String,
    /// What stood around it.
    pub notes: Vec<Note>,
    /// What was tried before, in order.
    pub failed: Vec<Attempt>,
}

/// A request that brought no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What the model wrote, where it wrote something.
    pub text: Option<String>,
    /// Why it cannot be used.
    pub fault: Fault,
}

/// What stood around an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The fence of a block of code.
    Fenced,
    /// Text.
    Surrounded,
}

/// Why a reply is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// There was no reply.
    #[error(transparent)]
    Provider(ProviderError),

    /// The model had no tokens left.
    #[error("the answer was cut off; it must be shorter")]
    CutOff,

    /// There is no object.
    #[error("the answer holds no JSON object")]
    NoObject,

    /// The object is not JSON.
    #[error("the JSON object is malformed: {reason}")]
    Malformed {
        /// What the parser said.
        reason: String,
    },

    /// There are more objects than one, or one within an array.
    #[error("the answer must hold one JSON object, and no other braces or brackets around it")]
    NotAlone,

    /// The reply is longer than any answer.
    #[error("the answer has `{n_bytes}` bytes; at most `{most}` are read")]
    TooLong {
        /// Its length.
        n_bytes: usize,
        /// What is read at most.
        most: usize,
    },

    /// The object is not what was asked for.
    #[error("{reason}")]
    Schema {
        /// Where it differs.
        reason: String,
    },

    /// The object is what was asked for, but what it says will not do.
    #[error("{}", reasons.join("; "))]
    Unfit {
        /// Why.
        reasons: Vec<String>,
    },
}

/// Why there is no usable answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The provider gives no answer, and asking again is of no use or was of none.
    #[error("no answer after `{}` requests", failed.len())]
    Provider {
        /// What it said last.
        source: ProviderError,
        /// All that was tried, that last one included.
        failed: Vec<Attempt>,
    },

    /// The answers cannot be used.
    #[error("none of `{n}` answers can be used")]
    NoUsableAnswer {
        /// How many there were.
        n: u32,
        /// What was wrong with the last.
        source: Fault,
        /// All that was tried.
        failed: Vec<Attempt>,
    },
}

impl<'a> Retry<'a> {
    /// At most 3 answers for one that can be used, and for each at most 5 requests that fail in a way that may pass,
    /// the first waited out for 1 second, each further one twice as long, up to 60.
    ///
    /// `sleep` does the waiting: `&std::thread::sleep`, or in a test something that only takes note.
    pub fn new(sleep: &'a dyn Fn(Duration)) -> Self {
        Self { answers: 3, errors: 5, first_wait: Duration::from_secs(1), longest_wait: Duration::from_mins(1), sleep }
    }

    /// The same with another number of answers, at least one.
    #[must_use]
    pub fn answers(self, answers: u32) -> Self {
        Self { answers: answers.max(1), ..self }
    }

    /// The same with another number of failures in a row that are waited out, which may be none.
    #[must_use]
    pub fn errors(self, errors: u32) -> Self {
        Self { errors, ..self }
    }

    /// The same with other waits: the first, and the longest.
    #[must_use]
    pub fn waits(self, first: Duration, longest: Duration) -> Self {
        Self { first_wait: first, longest_wait: longest, ..self }
    }

    /// How long to wait after `n_errors` failures in a row; `None` for no more.
    fn wait(&self, n_errors: u32, error: &ProviderError) -> Option<Duration> {
        if n_errors > self.errors || !error.may_pass() {
            return None;
        }
        let own = self.first_wait.saturating_mul(1_u32.checked_shl(n_errors - 1).unwrap_or(u32::MAX));
        match error {
            // A wait that is longer than the caller allows is not cut short: the provider would only say it again.
            ProviderError::RateLimited { wait: Some(wait) } if *wait > self.longest_wait => None,
            ProviderError::RateLimited { wait: Some(wait) } => Some(own.min(self.longest_wait).max(*wait)),
            _ => Some(own.min(self.longest_wait)),
        }
    }
}

impl fmt::Debug for Retry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("answers", &self.answers)
            .field("errors", &self.errors)
            .field("first_wait", &self.first_wait)
            .field("longest_wait", &self.longest_wait)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fenced => "the answer stood in a block of code",
            Self::Surrounded => "there was text around the answer",
        })
    }
}

impl AskError {
    /// All that was tried, in order.
    pub fn failed(&self) -> &[Attempt] {
        match self {
            Self::Provider { failed, .. } | Self::NoUsableAnswer { failed, .. } => failed,
        }
    }
}

/// Asks for an answer of a type.
///
/// The fields of [`Answer::schema`] are told at the end of the question, and to the provider as a schema.
/// The reply has to hold one JSON object of exactly these fields; a fence of a block of code and text around it are
/// noted, and nothing else is let pass.
/// Otherwise the same is asked again, with what was wrong at the end of the question.
/// A provider that fails in a way that may pass is asked the same again after a wait.
///
/// # Errors
///
/// - [`AskError::Provider`]: the provider failed in a way that does not pass, or too often in a row.
/// - [`AskError::NoUsableAnswer`]: it answered as often as `retry` allows, and never with what was asked for.
///
/// # Examples
///
/// ```
/// use isinglass_oracle::{Answer, FieldKind, Request, Retry, Rule, Schema, Scripted, ask};
///
/// #[derive(serde::Deserialize)]
/// struct Grade {
///     grade: u64,
/// }
///
/// impl Answer for Grade {
///     fn schema() -> Schema {
///         Schema::of([("grade", FieldKind::Whole(1, 5), "how clear the text is, 5 at best")])
///     }
/// }
///
/// # fn main() -> Result<(), isinglass_oracle::AskError> {
/// let judge = Scripted::new([Rule::text(r#"{"grade": 9}"#), Rule::text("```json\n{\"grade\": 4}\n```")]);
/// let retry = Retry::new(&std::thread::sleep);
/// let asked = ask::<Grade>(&judge, &Request::new("You grade texts.", "Grade this: It rained."), &retry)?;
/// assert_eq!(asked.answer.grade, 4);
/// assert_eq!(asked.failed[0].fault.to_string(), "`grade` must be: whole number from 1 to 5");
/// assert!(judge.asked()[1].text().contains("`grade` must be: whole number from 1 to 5"));
/// # Ok(())
/// # }
/// ```
pub fn ask<T: Answer>(provider: &dyn Provider, request: &Request, retry: &Retry<'_>) -> Result<Asked<T>, AskError> {
    ask_checked(provider, request, retry, |_| Vec::new())
}

/// Asks for an answer of a type that also passes a check of the caller's.
///
/// `check` gives what is wrong with an answer, in words for the model; nothing if it will do.
///
/// # Errors
///
/// Those of [`ask`]; an answer that the check finds wrong is one that cannot be used.
pub fn ask_checked<T: Answer>(
    provider: &dyn Provider,
    request: &Request,
    retry: &Retry<'_>,
    check: impl Fn(&T) -> Vec<String>,
) -> Result<Asked<T>, AskError> {
    let schema = T::schema();
    let mut question = request.followed_by(&format!(
        "Answer with one JSON object of exactly these fields and nothing else, no text before or after it:\n{}",
        schema.describe().trim_end()
    ));
    question.schema = Some(schema);

    let mut failed: Vec<Attempt> = Vec::new();
    let (mut n_answers, mut n_errors) = (0, 0);
    loop {
        let reply = match provider.complete(&question) {
            Ok(reply) => reply,
            Err(error) => {
                failed.push(Attempt { text: None, fault: Fault::Provider(error.clone()) });
                n_errors += 1;
                let Some(wait) = retry.wait(n_errors, &error) else {
                    return Err(AskError::Provider { source: error, failed });
                };
                (retry.sleep)(wait);
                continue;
            }
        };
        (n_answers, n_errors) = (n_answers + 1, 0);
        let fault = match (reply.finish, read::<T>(&reply.text)) {
            (Finish::CutOff, _) => Fault::CutOff,
            (Finish::Complete, Err(fault)) => fault,
            (Finish::Complete, Ok((answer, notes))) => {
                let reasons = [answer.problems(), check(&answer)].concat();
                if reasons.is_empty() {
                    return Ok(Asked { answer, model: reply.model, notes, failed });
                }
                Fault::Unfit { reasons }
            }
        };
        failed.push(Attempt { text: Some(reply.text), fault: fault.clone() });
        if n_answers >= retry.answers {
            return Err(AskError::NoUsableAnswer { n: n_answers, source: fault, failed });
        }
        // What the model said is not repeated: it may be long, or meant to mislead.
        question = question.followed_by(&format!(
            "An earlier answer to this could not be used: {}.\nAnswer anew, with one JSON object that puts this right.",
            short(&fault.to_string(), 2000).trim_end_matches('.')
        ));
    }
}

fn read<T: Answer>(reply: &str) -> Result<(T, Vec<Note>), Fault> {
    let Found { object, text, notes } = one_object(reply)?;
    if let Some(reason) = T::schema().mismatch(&object) {
        return Err(Fault::Schema { reason });
    }
    // From the text, for of a nested object a map would keep the last of two fields of one name.
    let answer = serde_json::from_str(text).map_err(|error| Fault::Schema { reason: error.to_string() })?;
    Ok((answer, notes))
}
