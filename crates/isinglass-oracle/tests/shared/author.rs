//! A model that writes what it is asked for, in words of its own that are never the same, unless it is told to
//! misbehave.

use std::sync::Mutex;

use isinglass_oracle::{FieldKind, Finish, Provider, ProviderError, Reply, Request};
use serde_json::{Map, Value, json};

use crate::words::text;

/// Writes by the seed of the request; `spoil` may change an answer, given the number of the request.
pub(crate) struct Author<F: Fn(usize, &Request, &mut Value) -> Result<(), ProviderError> + Sync> {
    spoil: F,
    asked: Mutex<Vec<Request>>,
}

impl<F: Fn(usize, &Request, &mut Value) -> Result<(), ProviderError> + Sync> Author<F> {
    pub(crate) fn new(spoil: F) -> Self {
        Self { spoil, asked: Mutex::new(Vec::new()) }
    }

    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

impl<F: Fn(usize, &Request, &mut Value) -> Result<(), ProviderError> + Sync> Provider for Author<F> {
    fn complete(&self, request: &Request) -> Result<Reply, ProviderError> {
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(request.clone());
            asked.len() - 1
        };
        let schema = request.schema.as_ref().expect("every request has a schema");
        let mut answer = Map::new();
        for field in &schema.fields {
            let value = match field.kind {
                FieldKind::Flag => json!(true),
                FieldKind::Texts => json!([]),
                FieldKind::Text => {
                    let (words, end) = asked_form(request, &field.name);
                    json!(text(request.seed, &field.name, words, end))
                }
                _ => panic!("no generator asks for {field:?}"),
            };
            answer.insert(field.name.clone(), value);
        }
        let mut answer = Value::Object(answer);
        (self.spoil)(number, request, &mut answer)?;
        let text = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
        Ok(Reply { text, model: "author-1".into(), finish: Finish::Complete })
    }
}

/// The number of words and the end that a field's line asks for; a scenario is asked for neither.
fn asked_form(request: &Request, name: &str) -> (usize, char) {
    let prompt = request.text();
    let Some(line) = prompt.lines().find(|line| line.starts_with(&format!("- \"{name}\": "))) else { return (30, '.') };
    let Some((_, rest)) = line.split_once("has about ") else { return (30, '.') };
    let words = rest.split(' ').next().unwrap().parse().unwrap();
    let end = rest.split("last character is \"").nth(1).unwrap().chars().next().unwrap();
    (words, end)
}
