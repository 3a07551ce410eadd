//! What is asked of a model elsewhere, and what it answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Schema;

/// A model that answers one request at a time.
///
/// It is asked through [`ask`](crate::ask), which checks and repeats; a provider does neither.
pub trait Provider: Sync {
    /// Answers a request.
    ///
    /// # Errors
    ///
    /// There was no answer; [`ProviderError::may_pass`] says whether the same request may have one later.
    /// A model that declines to answer gives [`ProviderError::Refused`], never a reply that says so.
    fn complete(&self, request: &Request) -> Result<Reply, ProviderError>;
}

/// What a model is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Who the model is to be; empty for nobody.
    pub system: String,
    /// The conversation so far, the question last.
    pub messages: Vec<Message>,
    /// How freely it chooses words: 0 always takes the likeliest.
    pub temperature: f64,
    /// The most tokens it may answer with.
    pub max_tokens: u32,
    /// What sampling starts from, for providers that can be asked for that.
    pub seed: u64,
    /// What the answer has to be, for providers that can hold a model to it; [`ask`](crate::ask) fills it in.
    pub schema: Option<Schema>,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Whose turn it is.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Who asks.
    User,
    /// The model.
    Assistant,
}

/// What a model answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The text.
    pub text: String,
    /// Which model wrote it, as the provider says.
    pub model: String,
    /// Why it ended.
    pub finish: Finish,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model was done.
    Complete,
    /// It had no tokens left.
    CutOff,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProviderError {
    /// Too much was asked in too short a time.
    #[error("the provider limits how much is asked; ask again later")]
    RateLimited {
        /// How long it asks to be left alone, where it says so.
        wait: Option<Duration>,
    },

    /// No answer came in time.
    #[error("the provider did not answer in time")]
    TimedOut,

    /// The provider has too much to do.
    #[error("the provider is overloaded")]
    Overloaded,

    /// The provider could not be reached.
    #[error("the provider could not be reached: `{reason}`")]
    Unreachable {
        /// What the network said.
        reason: String,
    },

    /// The model declined to answer this request.
    #[error("the model refused to answer: `{reason}`")]
    Refused {
        /// What it said.
        reason: String,
    },

    /// The provider does not take such requests, or not from us.
    #[error("the provider does not take the request: `{reason}`")]
    BadRequest {
        /// What it said.
        reason: String,
    },

    /// A [`Scripted`](crate::Scripted) provider has no answer left for this request.
    #[error("request `{number}` is not in the script; it asks `{prompt}`")]
    Unscripted {
        /// The request's number, from 0.
        number: usize,
        /// How its last message begins.
        prompt: String,
    },
}

impl Request {
    /// A request of one message: temperature 0, 1024 tokens, seed 0, any answer.
    pub fn new(system: impl Into<String>, prompt: impl Into<String>) -> Self {
        Self {
            system: system.into(),
            messages: vec![Message { role: Role::User, content: prompt.into() }],
            temperature: 0.0,
            max_tokens: 1024,
            seed: 0,
            schema: None,
        }
    }

    /// The same with another temperature.
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Self {
        Self { temperature, ..self }
    }

    /// The same with another limit of tokens.
    #[must_use]
    pub fn max_tokens(self, max_tokens: u32) -> Self {
        Self { max_tokens, ..self }
    }

    /// The same with another seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Everything that the model reads, one piece after another: the system's text, then the messages.
    pub fn text(&self) -> String {
        let messages = self.messages.iter().map(|message| message.content.as_str());
        std::iter::once(self.system.as_str()).chain(messages).collect::<Vec<_>>().join("\n\n")
    }

    /// The same with more text at the end of the question.
    pub(crate) fn followed_by(&self, text: &str) -> Self {
        let mut request = self.clone();
        match request.messages.last_mut() {
            Some(Message { role: Role::User, content }) => {
                content.push_str("\n\n");
                content.push_str(text);
            }
            _ => request.messages.push(Message { role: Role::User, content: text.to_owned() }),
        }
        request
    }
}

impl ProviderError {
    /// Whether the same request may be answered when it is asked again.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::TimedOut | Self::Overloaded | Self::Unreachable { .. } => true,
            Self::Refused { .. } | Self::BadRequest { .. } | Self::Unscripted { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_stands_in_the_question() {
        let request = Request::new("You count.", "How many?").followed_by("Be quick.");
        assert_eq!(request.messages.len(), 1);
        assert_eq!(request.text(), "You count.\n\nHow many?\n\nBe quick.");
        let mut answered = request;
        answered.messages.push(Message { role: Role::Assistant, content: "Three.".into() });
        let asked = answered.followed_by("Sure?");
        assert_eq!(asked.messages.len(), 3);
        assert_eq!((asked.messages[1].content.as_str(), asked.messages[2].role), ("Three.", Role::User));
    }

    #[test]
    fn a_provider_is_used_behind_a_reference() {
        struct Echo;
        impl Provider for Echo {
            fn complete(&self, request: &Request) -> Result<Reply, ProviderError> {
                Ok(Reply { text: request.text(), model: "echo".into(), finish: Finish::Complete })
            }
        }
        let provider: &dyn Provider = &Echo;
        assert_eq!(provider.complete(&Request::new("", "Hi")).unwrap().text, "\n\nHi");
    }

    #[test]
    fn only_some_errors_pass() {
        let reason = String::from("x");
        assert!(ProviderError::RateLimited { wait: None }.may_pass());
        assert!(ProviderError::TimedOut.may_pass() && ProviderError::Overloaded.may_pass());
        assert!(ProviderError::Unreachable { reason: reason.clone() }.may_pass());
        assert!(!ProviderError::Refused { reason: reason.clone() }.may_pass());
        assert!(!ProviderError::BadRequest { reason }.may_pass());
        assert!(!ProviderError::Unscripted { number: 0, prompt: String::new() }.may_pass());
    }
}
