//! The first phase: activations of every layer, pooled in six ways, in one pass.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use isinglass_capture::{Capture, Pos, Precision, Progress, Store, Subject, passages};
use isinglass_core::site::{resid_post, resid_pre};
use isinglass_core::{Forward, Passage, Rows, SiteId, SiteSet};
use isinglass_data::Labelled;
use isinglass_model::Model;
use isinglass_probe::Features;
use isinglass_report::{DataSource, Origin, Provenance};

use super::{Config, Data, Pool, Sample, Samples, Set};
use crate::StudyError;

/// How the first phase runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extraction {
    /// How values are kept.
    pub precision: Precision,
    /// Memory that a batch may take, in bytes.
    pub batch_bytes: u64,
}

impl Default for Extraction {
    /// f32, in batches of 128 MiB.
    fn default() -> Self {
        Self { precision: Precision::F32, batch_bytes: 128 << 20 }
    }
}

/// The span under which each pooled row is named, [`Pool::ALL`] in order.
const POOLED: &str = "pooled";

/// The fewest tokens of which there are quarters.
const LEAST_TOKENS: usize = 4;

impl Extraction {
    /// Captures a data set into `folder/activations/<set>`, or goes on where it was: a row for each text and [`Pool`], at the
    /// embeddings and after every layer. What is complete costs no pass.
    ///
    /// A text is read as `Scenario: …`, an empty line, `Response: …`, or alone if it answers nothing.
    ///
    /// # Errors
    /// [`StudyError::ShortResponse`] if a response has fewer than four tokens; [`StudyError::Capture`].
    pub fn run(
        &self,
        model: &Model,
        device: &str,
        data: &Data,
        set: Set,
        folder: &Path,
        progress: impl FnMut(Progress),
    ) -> Result<Store, StudyError> {
        let texts = data.texts(set);
        let read: Vec<Passage> =
            texts.iter().enumerate().map(|(i, text)| passage(model, set, i, text)).collect::<Result<_, _>>()?;
        let all = passages(read.len(), |range| Ok(read[range].to_vec()));
        let manifest = data.manifest(set);
        let subject = Subject {
            model: model.spec().name.clone(),
            weights_sha256: model.weights_sha256().map_err(|e| StudyError::Model { source: Box::new(e) })?,
            tokenizer_sha256: Some(model.tokenizer()?.sha256().map_err(|e| StudyError::Model { source: Box::new(e) })?),
            device: device.to_owned(),
            data: manifest.name.clone(),
            data_sha256: manifest.sha256.clone(),
            licence: manifest.licence.clone(),
            synthetic: model.is_random(),
        };
        let path = place(folder, set);
        Capture::new(sites(model.spec().n_layers), Pos::Mean)
            .of(POOLED)
            .precision(self.precision)
            .batch_bytes(self.batch_bytes)
            .store(model, &all, &subject, &path, progress)?;
        Ok(Store::open(path)?)
    }
}

fn place(folder: &Path, set: Set) -> PathBuf {
    folder.join("activations").join(set.folder())
}

/// The embeddings, then the stream after each layer: as many as there are hidden states.
fn sites(n_layers: usize) -> SiteSet {
    std::iter::once(resid_pre(0).id()).chain((0..n_layers).map(|layer| resid_post(layer).id())).collect()
}

/// A text as the model reads it, with a span for each pool.
fn passage(model: &Model, set: Set, index: usize, text: &Labelled) -> Result<Passage, StudyError> {
    let response = ("response", text.text.clone());
    let parts = match &text.scenario {
        Some(scenario) => vec![("scenario", format!("Scenario: {scenario}\n\nResponse: ")), response],
        None => vec![response],
    };
    let passage = model.passage_of(&parts)?;
    let span = passage.spans().iter().find(|span| span.name == "response").map(|span| span.tokens.clone());
    let places: Vec<usize> = span.into_iter().flatten().filter(|pos| !passage.is_special(*pos)).collect();
    let n = places.len();
    if n < LEAST_TOKENS {
        let set = set.folder().to_owned();
        return Err(StudyError::ShortResponse { set, text: index, n_tokens: n, least: LEAST_TOKENS });
    }
    let (first, last) = (places[0], places[n - 1]);
    let quarter = |q: usize| places[q * n / 4]..places[(q + 1) * n / 4 - 1] + 1;
    Pool::ALL.iter().try_fold(passage, |passage, pool| {
        let tokens = match pool {
            Pool::Last => last..last + 1,
            Pool::Response => first..last + 1,
            Pool::First => quarter(0),
            Pool::Second => quarter(1),
            Pool::Third => quarter(2),
            Pool::Fourth => quarter(3),
        };
        Ok(passage.with_span(POOLED, tokens)?)
    })
}

impl Sample {
    /// Reads what the first phase has left of a data set: these pools, at these layers or, without any, at all.
    ///
    /// Layer 0 is the embeddings, layer `l` the stream after `l` blocks, as hidden states are counted.
    ///
    /// # Errors
    /// [`StudyError::Store`] if the activations are not there, incomplete or damaged, [`StudyError::OtherTexts`] if they are
    /// of other data, [`StudyError::NoLayer`].
    pub fn read(
        data: &Data,
        set: Set,
        folder: &Path,
        pools: &[Pool],
        layers: Option<&[usize]>,
    ) -> Result<Self, StudyError> {
        let path = place(folder, set);
        let store = Store::open(&path)?;
        let items = data.items(set);
        let manifest = data.manifest(set);
        let expected = items.len() * Pool::ALL.len();
        if store.manifest().subject.data_sha256 != manifest.sha256 || store.len() != expected as u64 {
            return Err(StudyError::OtherTexts { path, set: set.to_string() });
        }
        let sites: Vec<SiteId> = store.sites().collect();
        let all: Vec<usize> = (0..sites.len()).collect();
        let mut read: BTreeMap<Pool, Vec<Features>> = BTreeMap::new();
        for &layer in layers.unwrap_or(&all) {
            let site = *sites.get(layer).ok_or(StudyError::NoLayer { layer, n_layers: sites.len() })?;
            let rows = store.rows(site)?;
            for &pool in pools {
                read.entry(pool).or_default().push(pooled(&rows, pool)?);
            }
        }
        Self::new(set.folder(), Data::classes(set).iter().copied(), items, read)
    }
}

/// The rows of one pool, which come for each text in the order of [`Pool::ALL`].
fn pooled(rows: &Rows, pool: Pool) -> Result<Features, StudyError> {
    let place = Pool::ALL.iter().position(|other| *other == pool).unwrap_or_default();
    let values = (place..rows.len()).step_by(Pool::ALL.len()).flat_map(|i| rows.row(i).iter().copied()).collect();
    Ok(Features::of_rows(&Rows::new(rows.site(), rows.width(), values)?)?)
}

/// Where results come from: the model and its texts, as the first phase stored them, and how they were computed.
///
/// # Errors
/// [`StudyError::Store`] if the activations of a data set are not there.
pub fn provenance(data: &Data, folder: &Path, config: &Config) -> Result<Provenance, StudyError> {
    let store = Store::open(place(folder, Set::Triplets))?;
    let manifest = store.manifest();
    let origin = if manifest.subject.synthetic { Origin::Synthetic } else { Origin::Measured };
    let provenance = Provenance::new(&manifest.subject.model, &manifest.subject.weights_sha256, origin)
        .device(&manifest.subject.device)
        .version("burn", &manifest.written_by.burn)
        .seed(config.seed)
        .setting("folds", config.folds)
        .setting("permutations", config.permutations)
        .setting("resamples", config.resamples)
        .setting("precision", manifest.precision.to_string());
    Ok(Set::ALL.into_iter().fold(provenance, |provenance, set| {
        let of = data.manifest(set);
        let source = DataSource { name: of.name.clone(), sha256: of.sha256.clone(), licence: of.licence.clone() };
        provenance.data(source)
    }))
}

/// What results follow from, to tell those of other settings by.
///
/// # Errors
/// [`StudyError::Store`] if the activations of a data set are not there.
pub fn settings(data: &Data, folder: &Path, config: &Config) -> Result<serde_json::Value, StudyError> {
    let store = Store::open(place(folder, Set::Triplets))?;
    let Config { seed, folds, permutations, resamples } = config;
    let sets: BTreeMap<&str, &str> =
        Set::ALL.into_iter().map(|set| (set.folder(), data.manifest(set).sha256.as_str())).collect();
    Ok(serde_json::json!({
        "isinglass": env!("CARGO_PKG_VERSION"),
        "weights_sha256": store.manifest().subject.weights_sha256,
        "precision": store.manifest().precision.to_string(),
        "data": sets,
        "seed": seed,
        "folds": folds,
        "permutations": permutations,
        "resamples": resamples,
    }))
}

impl Samples {
    /// Reads what the first phase has left, at the embeddings and one layer: the middle one unless another is named.
    ///
    /// # Errors
    /// Those of [`Sample::read`].
    pub fn read(data: &Data, folder: &Path, layer: Option<usize>) -> Result<Self, StudyError> {
        let middle = Store::open(place(folder, Set::Triplets))?.sites().count() / 2;
        let layers = [0, layer.unwrap_or(middle)];
        let read = |set: Set, pools: &[Pool]| Sample::read(data, set, folder, pools, Some(&layers));
        Ok(Self {
            triplets: read(Set::Triplets, &Pool::ALL)?,
            non_empathy: read(Set::NonEmpathy, &[Pool::Response])?,
            stripped: read(Set::Stripped, &[Pool::Response])?,
            register: read(Set::Register, &[Pool::Response])?,
        })
    }
}
