//! How well classes are told apart, and what of it the words alone give.

use isinglass_probe::{Baselines, CrossFitted, Features, Labels, Logistic, Probe, Scored};
use isinglass_stats::{Estimate, Resample, StatsError, auroc, auroc_one_vs_rest};
use serde::{Deserialize, Serialize};

use super::{Config, Pool, Sample};
use crate::StudyError;

/// How well a probe tells classes apart, beside its null and what the texts alone give.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// What was asked.
    pub what: String,
    /// How: the probe, the folds, the seed.
    pub how: String,
    /// Out of fold, with an interval over scenarios and a p against shuffled labels; of more than two classes the mean over
    /// them, each against the others.
    pub auroc: Estimate,
    /// Share of texts given their class, the mean over the classes.
    pub accuracy: Estimate,
    /// Mean AUROC of shuffled labels.
    pub null: f64,
    /// What the texts alone give: words, first words, length, punctuation.
    pub baselines: Vec<(String, Estimate)>,
    /// The AUROC less that of the best baseline, both on the same folds, with an interval over scenarios.
    pub lead: Estimate,
}

impl Told {
    /// The baseline with the greatest AUROC.
    pub fn best_baseline(&self) -> Option<&(String, Estimate)> {
        self.baselines.iter().max_by(|a, b| a.1.value().total_cmp(&b.1.value()))
    }
}

/// Asks one probe about one set of rows.
///
/// # Errors
/// [`StudyError::Fit`] if the probe cannot be cross-validated on them.
pub fn ask(
    what: &str,
    probe: &dyn Probe,
    features: &Features,
    labels: &Labels,
    texts: &[&str],
    config: &Config,
) -> Result<Told, StudyError> {
    let found = config.cross_fit(probe).run(std::slice::from_ref(features), labels, &Baselines::of(texts))?;
    told(what, &found, 0, labels, config)
}

/// The answer of one set of rows, among many.
pub(crate) fn told(
    what: &str,
    found: &CrossFitted,
    of: usize,
    labels: &Labels,
    config: &Config,
) -> Result<Told, StudyError> {
    let scored = &found.probes[of];
    Ok(Told {
        what: what.to_owned(),
        how: found.how.clone(),
        auroc: scored.auroc.clone(),
        accuracy: scored.accuracy.clone(),
        null: scored.null.as_ref().map_or(f64::NAN, isinglass_stats::PermutationNull::mean),
        baselines: found.baselines.iter().map(|b| (b.name.clone(), b.auroc.clone())).collect(),
        lead: lead(scored, &found.baselines, labels, config)?,
    })
}

/// How far a probe's AUROC is above the best baseline's.
///
/// The best is chosen on all rows, which favours the baseline a little.
pub(crate) fn lead(
    scored: &Scored,
    baselines: &[Scored],
    labels: &Labels,
    config: &Config,
) -> Result<Estimate, StudyError> {
    let best = baselines.iter().max_by(|a, b| a.auroc.value().total_cmp(&b.auroc.value()));
    let Some(best) = best else { return Err(StatsError::Empty { what: "baselines" }.into()) };
    let name = format!("AUROC above that of {}, out of fold", best.name);
    difference(&scored.scores, &best.scores, labels, labels, &name, config)
}

/// The AUROC of some scores less that of others, with an interval over groups that both share.
pub(crate) fn difference(
    one: &[f64],
    other: &[f64],
    labels: &Labels,
    other_labels: &Labels,
    name: &str,
    config: &Config,
) -> Result<Estimate, StudyError> {
    let statistic = |rows: &[usize]| Some(of_rows(one, labels, rows)? - of_rows(other, other_labels, rows)?);
    Ok(config.bootstrap().estimate(Resample::Groups(labels.groups()), name, statistic)?)
}

/// The AUROC of some rows; none if a class is missing among them.
pub(crate) fn of_rows(scores: &[f64], labels: &Labels, rows: &[usize]) -> Option<f64> {
    let columns = scores.len() / labels.len();
    let drawn: Vec<f64> = rows.iter().flat_map(|&i| &scores[i * columns..(i + 1) * columns]).copied().collect();
    let classes: Vec<usize> = rows.iter().map(|&i| labels.classes()[i]).collect();
    match labels.n_classes() {
        2 => auroc(&drawn, &classes.iter().map(|class| *class == 1).collect::<Vec<_>>()).ok(),
        n => auroc_one_vs_rest(&drawn, n, &classes).ok(),
    }
}

/// How far the AUROC of a layer is above that of the first, the embeddings, with an interval over scenarios.
pub(crate) fn embeddings_apart(
    sample: &Sample,
    pool: Pool,
    layer: usize,
    config: &Config,
) -> Result<Estimate, StudyError> {
    let (labels, texts) = (sample.labels()?, sample.texts());
    let both = [sample.layer(pool, 0)?.clone(), sample.layer(pool, layer)?.clone()];
    let why = "only the difference between two layers is asked for";
    let baselines = Baselines::of(&texts);
    let found = config.cross_fit(&Logistic::l2(1.0)).without_null(why).run(&both, &labels, &baselines)?;
    let [embeddings, at] = &found.probes[..] else { return Err(StatsError::Empty { what: "layers" }.into()) };
    difference(&at.scores, &embeddings.scores, &labels, &labels, "AUROC above that of the embeddings", config)
}
