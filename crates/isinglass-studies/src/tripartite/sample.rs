//! Texts, their classes, and what a model made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use isinglass_probe::{Features, FitError, Labels};
use serde::{Deserialize, Serialize};

use crate::StudyError;

/// Which tokens of a text its row is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// The last token of the text.
    Last,
    /// The mean over the response.
    Response,
    /// The mean over the first quarter of the response's tokens.
    First,
    /// The second quarter.
    Second,
    /// The third.
    Third,
    /// The last.
    Fourth,
}

impl Pool {
    /// All of them, in the order in which they are captured.
    pub const ALL: [Self; 6] = [Self::Last, Self::Response, Self::First, Self::Second, Self::Third, Self::Fourth];

    /// The quarters of the response, in order.
    pub const QUARTERS: [Self; 4] = [Self::First, Self::Second, Self::Third, Self::Fourth];
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Last => "last token",
            Self::Response => "mean over the response",
            Self::First => "first quarter of the response",
            Self::Second => "second quarter of the response",
            Self::Third => "third quarter of the response",
            Self::Fourth => "last quarter of the response",
        })
    }
}

/// One text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The response, without the scenario.
    pub text: String,
    /// Its class, a place in the sample's names.
    pub class: usize,
    /// Its scenario.
    pub group: u64,
    /// What the scenario is about.
    pub topic: String,
}

/// Texts with their classes and their activations at every layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What the texts are.
    pub name: String,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// The texts.
    pub items: Vec<Item>,
    /// A row for each text at each layer.
    layers: BTreeMap<Pool, Vec<Features>>,
}

impl Sample {
    /// Texts and their rows, which come in the same order.
    ///
    /// # Errors
    /// [`StudyError::Fit`] if a layer has another number of rows than there are texts.
    pub fn new(
        name: impl Into<String>,
        classes: impl IntoIterator<Item = impl Into<String>>,
        items: Vec<Item>,
        layers: BTreeMap<Pool, Vec<Features>>,
    ) -> Result<Self, StudyError> {
        if let Some(features) = layers.values().flatten().find(|features| features.len() != items.len()) {
            let (name, rows, labels) = (features.name().to_owned(), features.len(), items.len());
            return Err(FitError::LengthMismatch { name, rows, labels }.into());
        }
        Ok(Self { name: name.into(), classes: classes.into_iter().map(Into::into).collect(), items, layers })
    }

    /// Rows of every layer, pooled so, the first layer first.
    ///
    /// # Errors
    /// [`StudyError::NotCaptured`].
    pub fn layers(&self, pool: Pool) -> Result<&[Features], StudyError> {
        let has = || self.layers.keys().map(|pool| format!("`{pool}`")).collect::<Vec<_>>().join(", ");
        let layers = self.layers.get(&pool).map(Vec::as_slice);
        layers.ok_or_else(|| StudyError::NotCaptured { asked: pool.to_string(), has: has() })
    }

    /// Rows of one layer.
    ///
    /// # Errors
    /// [`StudyError::NotCaptured`], [`StudyError::NoLayer`].
    pub fn layer(&self, pool: Pool, layer: usize) -> Result<&Features, StudyError> {
        let layers = self.layers(pool)?;
        layers.get(layer).ok_or(StudyError::NoLayer { layer, n_layers: layers.len() })
    }

    /// How the rows are pooled.
    pub fn pools(&self) -> impl Iterator<Item = Pool> {
        self.layers.keys().copied()
    }

    /// The classes, grouped by scenario, which holds several: chance shuffles within it.
    ///
    /// # Errors
    /// [`StudyError::Fit`] with fewer than two classes, or none that share a scenario.
    pub fn labels(&self) -> Result<Labels, StudyError> {
        let (classes, groups) = self.items.iter().map(|item| (item.class, item.group)).unzip();
        Ok(Labels::within_groups(classes, groups)?.named(self.classes.iter())?)
    }

    /// The responses.
    pub fn texts(&self) -> Vec<&str> {
        self.items.iter().map(|item| item.text.as_str()).collect()
    }

    /// The scenario of each text.
    pub fn groups(&self) -> Vec<u64> {
        self.items.iter().map(|item| item.group).collect()
    }

    /// A number for the topic of each text.
    pub fn topics(&self) -> Vec<u64> {
        let names: BTreeSet<&str> = self.items.iter().map(|item| item.topic.as_str()).collect();
        let numbers: BTreeMap<&str, u64> = names.into_iter().zip(0..).collect();
        self.items.iter().map(|item| numbers[item.topic.as_str()]).collect()
    }

    /// The texts of these classes alone, which are numbered anew in this order.
    #[must_use]
    pub fn only(&self, classes: &[usize]) -> Self {
        let place = |item: &Item| classes.iter().position(|class| *class == item.class);
        let rows: Vec<usize> = (0..self.items.len()).filter(|&i| place(&self.items[i]).is_some()).collect();
        let items = rows.iter().map(|&i| {
            let item = &self.items[i];
            Item { class: place(item).unwrap_or_default(), ..item.clone() }
        });
        let some = |features: &Features| features.rows(&rows);
        Self {
            name: self.name.clone(),
            classes: classes.iter().map(|&class| self.classes[class].clone()).collect(),
            items: items.collect(),
            layers: self.layers.iter().map(|(pool, all)| (*pool, all.iter().map(some).collect())).collect(),
        }
    }

    /// Every two classes.
    pub fn pairs(&self) -> Vec<[usize; 2]> {
        let n = self.classes.len();
        (0..n).flat_map(|a| (a + 1..n).map(move |b| [a, b])).collect()
    }
}
