//! What the model that writes has to answer with.

use std::{collections::BTreeMap, marker::PhantomData};

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value};

use super::Validation;
use crate::{Answer, FieldKind, Schema, Triad};

/// A scenario.
#[derive(Debug, Deserialize)]
pub(super) struct Scenario {
    pub(super) scenario: String,
}

/// The replies, in the order of the classes.
#[derive(Debug)]
pub(super) struct Replies<R>(pub(super) [String; 3], pub(super) PhantomData<R>);

/// Which of the five criteria are met.
#[derive(Debug)]
pub(super) struct Criteria<R>(pub(super) Validation, pub(super) PhantomData<R>);

impl Answer for Scenario {
    fn schema() -> Schema {
        Schema::of([("scenario", FieldKind::Text, "the scenario")])
    }
}

impl<R: Triad> Answer for Replies<R> {
    fn schema() -> Schema {
        Schema::of(R::KINDS.map(|class| (class.name, FieldKind::Text, "the reply of this kind")))
    }
}

impl<'de, R: Triad> Deserialize<'de> for Replies<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut texts = BTreeMap::<String, String>::deserialize(deserializer)?;
        let mut take = |name: &'static str| texts.remove(name).ok_or_else(|| D::Error::missing_field(name));
        let [a, b, c] = R::KINDS.map(|class| class.name);
        Ok(Self([take(a)?, take(b)?, take(c)?], PhantomData))
    }
}

impl<R: Triad> Answer for Criteria<R> {
    fn schema() -> Schema {
        let classes = R::KINDS.map(|class| (class.name, format!("whether the reply of this kind {}", class.rule)));
        let scenario = ("scenario", format!("whether in the scenario {}", R::SCENARIO));
        let rest =
            "whether the replies differ in this and in nothing else, each as natural and as particular as the others";
        let criteria = [scenario].into_iter().chain(classes).chain([("nothing_else", rest.to_owned())]);
        let issues = "for each criterion that is not met, what would have to change; else empty";
        let fields = criteria.map(|(name, meaning)| (name, FieldKind::Flag, meaning));
        Schema::of(fields.chain([("issues", FieldKind::Texts, issues.to_owned())]))
    }

    fn problems(&self) -> Vec<String> {
        let is_told = self.0.issues.iter().any(|issue| !issue.trim().is_empty());
        if self.0.is_valid() || is_told {
            Vec::new()
        } else {
            vec!["a criterion is not met, and `issues` does not say why".to_owned()]
        }
    }
}

impl<'de, R> Deserialize<'de> for Criteria<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Map::<String, Value>::deserialize(deserializer)?;
        let issues = object.remove("issues").ok_or_else(|| D::Error::missing_field("issues"))?;
        let issues = serde_json::from_value(issues).map_err(D::Error::custom)?;
        let met = serde_json::from_value(Value::Object(object)).map_err(D::Error::custom)?;
        Ok(Self(Validation { met, issues }, PhantomData))
    }
}
