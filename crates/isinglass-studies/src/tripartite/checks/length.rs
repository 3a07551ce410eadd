//! Whether the classes are told apart by how long their texts are.

use std::collections::BTreeMap;

use isinglass_probe::{Baselines, Features, Labels, Residualised};
use isinglass_stats::Estimate;
use serde::{Deserialize, Serialize};

use super::logistic;
use crate::StudyError;
use crate::tripartite::told::{difference, told};
use crate::tripartite::{Config, Pool, Sample, Told, ask};

/// What the length of the texts explains.
///
/// Three ways to ask: what length tells by itself; what a probe finds in rows from which length was regressed, the regression
/// fitted inside the folds; and what it finds among scenarios whose responses are of about one length.
///
/// The regression takes what is linear in the characters, words and the roots of both: a probe may use length in another way,
/// such as a step. If length goes with the classes, it takes some of the classes as well: a fall does not show that the probe
/// read the length, though no fall shows that it need not have.
/// Nothing here is about what goes with length, such as the number of sentences or of details.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LengthControl {
    /// By characters and words alone.
    pub alone: Told,
    /// By the activations as they are.
    pub raw: Told,
    /// By the activations without what their folds' training rows say of length.
    pub residualised: Told,
    /// The AUROC of the activations as they are, less that without length; out of fold, with an interval over scenarios.
    pub lost: Estimate,
    /// How many scenarios have responses of about one length: the longest at most a fifth longer than the shortest.
    pub n_matched: usize,
    /// Those scenarios alone; none if there are fewer than 20.
    pub matched: Option<Matched>,
}

/// The scenarios whose responses are of about one length.
///
/// Within so narrow a range length may still go with the classes, which `alone` says; and these scenarios need not be like the
/// others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matched {
    /// By the activations.
    pub told: Told,
    /// By characters and words alone.
    pub alone: Told,
}

/// How much longer the longest of a scenario's responses may be than the shortest.
const ABOUT_ONE_LENGTH: f64 = 1.2;

/// With fewer scenarios, folds are too small and intervals too narrow to say anything.
const LEAST_SCENARIOS: usize = 20;

/// What the length of the texts explains.
///
/// # Errors
/// [`StudyError::Fit`] if a probe cannot be cross-validated, [`StudyError::NotCaptured`], [`StudyError::NoLayer`].
pub fn length_control(sample: &Sample, pool: Pool, layer: usize, config: &Config) -> Result<LengthControl, StudyError> {
    let (features, labels, texts) = (sample.layer(pool, layer)?, sample.labels()?, sample.texts());
    let (lengths, probe) = (lengths(&texts)?, logistic());
    let values = lengths.values().iter().flat_map(|length| [*length, length.sqrt()]).collect();
    let covariates = Features::new("length (characters, words, roots of both)", 4, values)?;

    let (rows, baselines) = (std::slice::from_ref(features), Baselines::of(&texts));
    let raw = config.cross_fit(&probe).run(rows, &labels, &baselines)?;
    let left = config.cross_fit(&Residualised::new(&probe, &covariates)).run(rows, &labels, &baselines)?;
    let (scores, left_scores) = (&raw.probes[0].scores, &left.probes[0].scores);
    let lost = difference(scores, left_scores, &labels, &labels, "AUROC lost with what length explains", config)?;

    let (n_matched, close) = of_about_one_length(sample, &lengths);
    let matched = if n_matched < LEAST_SCENARIOS {
        None
    } else {
        let (classes, groups) = close.iter().map(|&i| (sample.items[i].class, sample.items[i].group)).unzip();
        let labels = Labels::within_groups(classes, groups)?.named(&sample.classes)?;
        let texts: Vec<&str> = close.iter().map(|&i| texts[i]).collect();
        let of = |what: &str, rows: &Features| {
            let what = format!("classes by {what}, responses of about one length");
            ask(&what, &probe, &rows.rows(&close), &labels, &texts, config)
        };
        Some(Matched { told: of("activations", features)?, alone: of("length alone", &lengths)? })
    };
    Ok(LengthControl {
        alone: ask("classes by length alone", &probe, &lengths, &labels, &texts, config)?,
        raw: told("classes by activations", &raw, 0, &labels, config)?,
        residualised: told("classes by activations without length", &left, 0, &labels, config)?,
        lost,
        n_matched,
        matched,
    })
}

/// Characters and words of each text.
fn lengths(texts: &[&str]) -> Result<Features, StudyError> {
    let of = |text: &&str| [text.chars().count() as f64, text.split_whitespace().count() as f64];
    Ok(Features::new("length (characters, words)", 2, texts.iter().flat_map(of).collect())?)
}

/// How many scenarios have responses of about one length, and the rows of those.
fn of_about_one_length(sample: &Sample, lengths: &Features) -> (usize, Vec<usize>) {
    let mut ends: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for (i, item) in sample.items.iter().enumerate() {
        let length = lengths.row(i)[0];
        let (least, greatest) = ends.entry(item.group).or_insert((length, length));
        (*least, *greatest) = (least.min(length), greatest.max(length));
    }
    let is_close = |group: &u64| ends.get(group).is_some_and(|(least, most)| *most <= ABOUT_ONE_LENGTH * least);
    let rows = (0..sample.items.len()).filter(|&i| is_close(&sample.items[i].group)).collect();
    (ends.keys().filter(|group| is_close(group)).count(), rows)
}
