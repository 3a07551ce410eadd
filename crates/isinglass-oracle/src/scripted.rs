//! A provider that says what it was told to say.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Finish, Provider, ProviderError, Reply, Request, schema::short};

/// A provider that answers from a script: what tests ask instead of a model.
///
/// For each request the first rule that fits it and is not used up answers.
/// A request that no rule fits is an error, [`ProviderError::Unscripted`]: there is no default.
/// Everything that was asked is kept.
#[derive(Debug)]
pub struct Scripted {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rules: Vec<Rule>,
    asked: Vec<Request>,
}

/// A line of a script: what is answered, and to what.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    request: Option<usize>,
    contains: Vec<String>,
    times: Option<usize>,
    answer: Result<Reply, ProviderError>,
}

/// Why a script could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The file could not be read.
    #[error("`{path}` could not be read", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A line is no rule.
    #[error(
        "line `{line}` of `{path}` is no rule; a line is a JSON object with one of `text`, `json` and `error`, and \
         maybe `request`, `contains`, `times`, `always`, `cut_off`, `model`",
        path = path.display()
    )]
    BadRule {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser said.
        source: serde_json::Error,
    },

    /// A rule says not one thing, but none or several.
    #[error(
        "line `{line}` of `{path}` must have one of `text`, `json` and `error`, `cut_off` and `model` only with the \
         first two, and not both `times` and `always`",
        path = path.display()
    )]
    NotOneAnswer {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

/// A rule in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    request: Option<usize>,
    #[serde(default)]
    contains: Vec<String>,
    times: Option<usize>,
    #[serde(default)]
    always: bool,
    text: Option<String>,
    json: Option<Value>,
    error: Option<ProviderError>,
    #[serde(default)]
    cut_off: bool,
    model: Option<String>,
}

/// Which model a rule names that names none.
const MODEL: &str = "scripted";

impl Rule {
    /// Answers one request with a text.
    pub fn text(text: impl Into<String>) -> Self {
        let reply = Reply { text: text.into(), model: MODEL.to_owned(), finish: Finish::Complete };
        Self { request: None, contains: Vec::new(), times: Some(1), answer: Ok(reply) }
    }

    /// Answers one request with an object.
    pub fn json(value: &Value) -> Self {
        Self::text(value.to_string())
    }

    /// Answers one request with an error.
    pub fn error(error: ProviderError) -> Self {
        Self { answer: Err(error), ..Self::text("") }
    }

    /// Answers one request with: too many, wait so long.
    pub fn rate_limited(wait: Option<Duration>) -> Self {
        Self::error(ProviderError::RateLimited { wait })
    }

    /// The same, for the request of this number alone, from 0.
    #[must_use]
    pub fn on_request(self, number: usize) -> Self {
        Self { request: Some(number), ..self }
    }

    /// The same, for requests that hold this text, system or message; called again, also that.
    #[must_use]
    pub fn on_text(mut self, text: impl Into<String>) -> Self {
        self.contains.push(text.into());
        self
    }

    /// The same, for so many requests.
    #[must_use]
    pub fn times(self, n: usize) -> Self {
        Self { times: Some(n), ..self }
    }

    /// The same, for all requests that it fits.
    #[must_use]
    pub fn always(self) -> Self {
        Self { times: None, ..self }
    }

    /// The same, said to have been cut off; an error stays as it is.
    #[must_use]
    pub fn cut_off(mut self) -> Self {
        if let Ok(reply) = &mut self.answer {
            reply.finish = Finish::CutOff;
        }
        self
    }

    /// The same, said to come from this model; an error stays as it is.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        if let Ok(reply) = &mut self.answer {
            reply.model = model.into();
        }
        self
    }

    fn fits(&self, number: usize, text: &str) -> bool {
        self.times != Some(0)
            && self.request.is_none_or(|request| request == number)
            && self.contains.iter().all(|part| text.contains(part))
    }

    fn from_line(line: Line) -> Option<Self> {
        let cut_off_or_named = line.cut_off || line.model.is_some();
        let mut rule = match (line.text, line.json, line.error) {
            (Some(text), None, None) => Self::text(text),
            (None, Some(json), None) => Self::json(&json),
            (None, None, Some(error)) if !cut_off_or_named => Self::error(error),
            _ => return None,
        };
        if line.always && line.times.is_some() {
            return None;
        }
        rule.request = line.request;
        rule.contains = line.contains;
        rule.times = if line.always { None } else { Some(line.times.unwrap_or(1)) };
        if line.cut_off {
            rule = rule.cut_off();
        }
        Some(match line.model {
            Some(model) => rule.model(model),
            None => rule,
        })
    }
}

impl Scripted {
    /// A provider with these rules.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self { state: Mutex::new(State { rules: rules.into_iter().collect(), asked: Vec::new() }) }
    }

    /// Reads rules from a file of JSON Lines.
    ///
    /// A line has `text` (what is said), `json` (the object that is said) or `error`
    /// (`"overloaded"`, `"timed_out"`, `{"rate_limited": {"wait": null}}`, `{"refused": {"reason": ".."}}` ..);
    /// `request` (a number, from 0) and `contains` (an array of texts) say what it answers, `times` or `always` how
    /// often, else once; `cut_off` and `model` belong to a text.
    ///
    /// # Errors
    ///
    /// - [`ScriptError::Read`]: the file is not there, not readable or not UTF-8.
    /// - [`ScriptError::BadRule`], [`ScriptError::NotOneAnswer`]: a line is no rule.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ScriptError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|source| ScriptError::Read { path: path.to_owned(), source })?;
        let mut rules = Vec::new();
        for (line, content) in (1..).zip(text.lines()).filter(|(_, content)| !content.trim().is_empty()) {
            let parsed = serde_json::from_str(content).map_err(|source| ScriptError::BadRule {
                path: path.to_owned(),
                line,
                source,
            })?;
            rules.push(
                Rule::from_line(parsed).ok_or_else(|| ScriptError::NotOneAnswer { path: path.to_owned(), line })?,
            );
        }
        Ok(Self::new(rules))
    }

    /// All that was asked, in order, also what had no answer.
    pub fn asked(&self) -> Vec<Request> {
        self.lock().asked.clone()
    }

    /// The rules that would still answer something; those for all requests are always among them.
    pub fn left(&self) -> Vec<Rule> {
        self.lock().rules.iter().filter(|rule| rule.times != Some(0)).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked did so outside of what changes the state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Provider for Scripted {
    fn complete(&self, request: &Request) -> Result<Reply, ProviderError> {
        let mut state = self.lock();
        let (number, text) = (state.asked.len(), request.text());
        state.asked.push(request.clone());
        let Some(rule) = state.rules.iter_mut().find(|rule| rule.fits(number, &text)) else {
            let prompt = request.messages.last().map_or("", |message| &message.content);
            return Err(ProviderError::Unscripted { number, prompt: short(prompt, 120) });
        };
        rule.times = rule.times.map(|times| times - 1);
        rule.answer.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(provider: &Scripted, prompt: &str) -> String {
        provider.complete(&Request::new("", prompt)).unwrap().text
    }

    fn read(lines: &str) -> Result<Scripted, ScriptError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script.jsonl");
        fs::write(&path, lines).unwrap();
        Scripted::read(&path)
    }

    #[test]
    fn the_first_rule_that_fits_answers() {
        let provider = Scripted::new([
            Rule::text("second").on_request(1),
            Rule::text("cats").on_text("cat").on_text("dog").times(2),
            Rule::text("other").always(),
        ]);
        assert_eq!(text(&provider, "a cat, a dog"), "cats");
        assert_eq!(text(&provider, "a cat, a dog"), "second");
        assert_eq!(text(&provider, "a cat"), "other");
        assert_eq!(text(&provider, "a dog, a cat"), "cats");
        assert_eq!(text(&provider, "a dog, a cat"), "other");
        assert_eq!(provider.left().len(), 1);
        assert_eq!(provider.asked().len(), 5);
        assert_eq!(provider.asked()[2].messages[0].content, "a cat");
    }

    #[test]
    fn what_is_not_in_the_script_is_an_error() {
        let provider = Scripted::new([Rule::text("once")]);
        assert_eq!(text(&provider, "a"), "once");
        let error = provider.complete(&Request::new("", "b".repeat(500))).unwrap_err();
        let ProviderError::Unscripted { number: 1, prompt } = error else { panic!("{error:?}") };
        assert_eq!(prompt.chars().count(), 121);
        assert_eq!(provider.asked().len(), 2);
    }

    #[test]
    fn a_script_in_a_file() {
        let provider = read(
            r#"{"request": 0, "error": {"rate_limited": {"wait": {"secs": 2, "nanos": 0}}}}

{"contains": ["x"], "json": {"a": 1}, "times": 2, "model": "m"}
{"text": "{\"a\": ", "cut_off": true, "always": true}
"#,
        )
        .unwrap();
        let error = provider.complete(&Request::new("", "x")).unwrap_err();
        assert_eq!(error, ProviderError::RateLimited { wait: Some(Duration::from_secs(2)) });
        let reply = provider.complete(&Request::new("", "x")).unwrap();
        assert_eq!((reply.text.as_str(), reply.model.as_str(), reply.finish), (r#"{"a":1}"#, "m", Finish::Complete));
        let reply = provider.complete(&Request::new("", "y")).unwrap();
        assert_eq!((reply.text.as_str(), reply.model.as_str(), reply.finish), ("{\"a\": ", "scripted", Finish::CutOff));
    }

    #[test]
    fn lines_that_are_no_rules() {
        for line in [r#"{"text": "a", "colour": 1}"#, "3", "{", r#"{"error": "tired"}"#] {
            let error = read(&format!("{{\"text\": \"a\"}}\n{line}")).unwrap_err();
            assert!(matches!(error, ScriptError::BadRule { line: 2, .. }), "{line}: {error:?}");
        }
        for line in [
            "{}",
            r#"{"text": "a", "json": {}}"#,
            r#"{"error": "overloaded", "cut_off": true}"#,
            r#"{"text": "a", "times": 2, "always": true}"#,
        ] {
            let error = read(line).unwrap_err();
            assert!(matches!(error, ScriptError::NotOneAnswer { line: 1, .. }), "{line}: {error:?}");
        }
        let error = Scripted::read("no/such/file").unwrap_err();
        assert_eq!(error.to_string(), "`no/such/file` could not be read");
    }
}
