//! Where a result comes from.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::document::Shown;

/// Whether numbers were measured, on a model or on texts, or made up to try out the tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Computed from the activations or the text of a trained model, or from texts that were not made up for a test.
    Measured,
    /// Computed from data that were drawn or planted, or from a model with random weights.
    Synthetic,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Measured => "measured",
            Self::Synthetic => "synthetic",
        })
    }
}

/// One data set that went in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataSource {
    /// Its name, such as the file's.
    pub name: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Its licence, as an SPDX expression where there is one.
    pub licence: String,
}

/// What must be known to compute a result again: model, data, seed, versions and settings.
///
/// It heads every file of a [`Report`](crate::Report).
/// It holds no date and no machine, so that the same run gives the same bytes.
///
/// ```
/// use isinglass_report::{DataSource, Origin, Provenance};
///
/// let provenance = Provenance::new("SmolLM2-135M-Instruct", "5af571cb", Origin::Measured)
///     .data(DataSource { name: "pairs.jsonl".into(), sha256: "0c1d".into(), licence: "CC0-1.0".into() })
///     .seed(7)
///     .device("flex")
///     .version("burn", "0.22.1")
///     .setting("layers", 30);
/// assert_eq!(provenance.origin(), Origin::Measured);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    origin: Origin,
    model: String,
    weights_sha256: String,
    data: Vec<DataSource>,
    seed: u64,
    device: String,
    versions: BTreeMap<String, String>,
    settings: BTreeMap<String, Value>,
}

impl Provenance {
    /// The provenance of results from a model with these weights (SHA-256 in hexadecimal); knows this version of
    /// isinglass.
    pub fn new(model: impl Into<String>, weights_sha256: impl Into<String>, origin: Origin) -> Self {
        let versions = [("isinglass".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into();
        Self {
            origin,
            model: model.into(),
            weights_sha256: weights_sha256.into(),
            data: Vec::new(),
            seed: 0,
            device: String::new(),
            versions,
            settings: BTreeMap::new(),
        }
    }

    /// The provenance of results from these data alone: no model was run, and the fields of the model stay empty.
    ///
    /// ```
    /// use isinglass_report::{DataSource, Origin, Provenance};
    ///
    /// let data = DataSource { name: "pairs.jsonl".into(), sha256: "0c1d".into(), licence: "CC0-1.0".into() };
    /// assert_eq!(Provenance::of_data(data, Origin::Measured).model(), "");
    /// ```
    pub fn of_data(source: DataSource, origin: Origin) -> Self {
        Self::new("", "", origin).data(source)
    }

    /// Adds a data set.
    #[must_use]
    pub fn data(mut self, source: DataSource) -> Self {
        self.data.push(source);
        self
    }

    /// The seed from which every random choice came; 0 unless set.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// What it ran on, such as `flex` or `wgpu`.
    #[must_use]
    pub fn device(mut self, device: impl Into<String>) -> Self {
        self.device = device.into();
        self
    }

    /// Adds the version of something that computed.
    #[must_use]
    pub fn version(mut self, of: impl Into<String>, version: impl Into<String>) -> Self {
        self.versions.insert(of.into(), version.into());
        self
    }

    /// Adds a setting of the run: what was chosen, never what came out.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let mut value = value.into();
        // Objects may come from a hash map, whose order differs from run to run.
        value.sort_all_objects();
        self.settings.insert(name.into(), value);
        self
    }

    /// Measured or synthetic.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The model's name; empty where no model was run.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What the results are of, in a word: the model, or the data where no model was run.
    pub(crate) fn subject(&self) -> &str {
        match self.data.first() {
            Some(source) if self.model.is_empty() => &source.name,
            _ => &self.model,
        }
    }

    /// What to show of this, as pairs of name and value.
    pub(crate) fn rows(&self) -> Vec<(String, Shown<'_>)> {
        let mut rows = vec![("origin".to_owned(), Shown::Bold(self.origin.to_string()))];
        if self.model.is_empty() {
            rows.push(("model".to_owned(), Shown::Text("none was run".into())));
        } else {
            rows.push(("model".to_owned(), Shown::Text((&self.model).into())));
            rows.push(("weights, SHA-256".to_owned(), Shown::Code(self.weights_sha256.clone())));
        }
        for source in &self.data {
            rows.push((format!("data: {}", source.name), Shown::Data(source)));
        }
        rows.push(("seed".to_owned(), Shown::Code(self.seed.to_string())));
        if !self.device.is_empty() {
            rows.push(("device".to_owned(), Shown::Text((&self.device).into())));
        }
        for (of, version) in &self.versions {
            rows.push((format!("version: {of}"), Shown::Text(version.into())));
        }
        for (name, value) in &self.settings {
            rows.push((format!("setting: {name}"), Shown::Code(value.to_string())));
        }
        rows
    }

    /// One short line for the foot of a plot.
    pub(crate) fn line(&self) -> String {
        let (of, hash) = match self.data.first() {
            Some(source) if self.model.is_empty() => ("data", &source.sha256),
            _ => ("weights", &self.weights_sha256),
        };
        // Cut by characters: what stands in for a hash need not be ASCII.
        let hash: String = hash.chars().take(12).collect();
        format!("{} · {} · {of} {hash} · seed {}", self.origin, self.subject(), self.seed)
    }
}
