//! The second phase: which layers tell the classes apart.

use isinglass_probe::{Baselines, CrossFitted, Labels, Logistic};
use isinglass_stats::{Correction, Estimate, PermutationNull, Resample, StatsError, adjust};
use serde::{Deserialize, Serialize};

use super::told::{of_rows, told};
use super::{Config, Pool, Sample, Told};
use crate::StudyError;

/// One question, asked of every layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// What was asked.
    pub what: String,
    /// Which tokens the rows are made of.
    pub pool: Pool,
    /// The layers in order; the first is the embeddings.
    pub layers: Vec<LayerFound>,
    /// The layer with the greatest AUROC, whose p counts for all layers.
    pub best: Told,
    /// Which one that is.
    pub best_layer: usize,
    /// The layer in the middle, chosen before anything was seen.
    pub middle: Told,
    /// Which one that is.
    pub middle_layer: usize,
    /// Where the AUROC arises; none if no layer is above chance.
    pub emergence: Option<Estimate>,
}

/// What one layer gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerFound {
    /// The site.
    pub site: String,
    /// AUROC out of fold, with an interval over scenarios and the p of this layer alone, corrected for all layers and questions
    /// where that was done.
    pub auroc: Estimate,
    /// Share of texts given their class, the mean over the classes.
    pub accuracy: Estimate,
    /// 2.5 % and 97.5 % quantiles of the AUROCs of shuffled labels.
    pub null: [f64; 2],
}

/// What the second phase found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probed {
    /// All three classes, by last token and by the mean over the response.
    pub three_way: Vec<Sweep>,
    /// Each two classes.
    pub pairs: Vec<Sweep>,
    /// Formal and casual messages.
    pub formality: Vec<Sweep>,
    /// By how many layers the classes arise after formality, with an interval; by pool.
    pub later_than_formality: Vec<(Pool, Estimate)>,
}

/// The pools that are swept.
pub const SWEPT: [Pool; 2] = [Pool::Last, Pool::Response];

/// Asks every layer about all three classes, every two of them, and formality.
///
/// `progress` is told of each question that is answered, of how many. The p of layers are corrected by Benjamini and Hochberg
/// over all layers, pairs and pools; those of formality, which is no claim of the study, among themselves.
///
/// # Errors
/// [`StudyError::NotCaptured`] if a sample lacks a pool; [`StudyError::Fit`].
pub fn probe(
    triplets: &Sample,
    register: &Sample,
    config: &Config,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Probed, StudyError> {
    let pairs = triplets.pairs();
    let of = SWEPT.len() * (2 + pairs.len());
    let mut done = 0;
    let mut next = |asked: Asked| {
        done += 1;
        progress(done, of);
        asked
    };
    let (mut three_way, mut two, mut formality, mut later) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for pool in SWEPT {
        let all = next(sweep("all three classes", triplets, pool, config)?);
        let formal = next(sweep(&register.classes.join(" / "), register, pool, config)?);
        later.extend(delay(&all, &formal, config)?.map(|delay| (pool, delay)));
        three_way.push(all.sweep);
        formality.push(formal.sweep);
        for classes in &pairs {
            let pair = triplets.only(classes);
            two.push(next(sweep(&pair.classes.join(" / "), &pair, pool, config)?).sweep);
        }
    }
    correct(three_way.iter_mut().chain(&mut two))?;
    correct(formality.iter_mut())?;
    Ok(Probed { three_way, pairs: two, formality, later_than_formality: later })
}

/// A sweep, with the scores that it rests on.
struct Asked {
    sweep: Sweep,
    scores: Vec<Vec<f64>>,
    labels: Labels,
}

fn sweep(what: &str, sample: &Sample, pool: Pool, config: &Config) -> Result<Asked, StudyError> {
    let (layers, labels, texts) = (sample.layers(pool)?, sample.labels()?, sample.texts());
    let found = config.cross_fit(&Logistic::l2(1.0)).run(layers, &labels, &Baselines::of(&texts))?;
    let layer = |i: usize| -> Result<LayerFound, StudyError> {
        let scored = &found.probes[i];
        let own = |null: &PermutationNull| (scored.auroc.clone().with_permutation(null), ends(null));
        let (auroc, null) = scored.null.as_ref().map_or((scored.auroc.clone(), Ok([f64::NAN; 2])), own);
        Ok(LayerFound { site: scored.name.clone(), auroc, accuracy: scored.accuracy.clone(), null: null? })
    };
    let scores: Vec<Vec<f64>> = found.probes.iter().map(|scored| scored.scores.clone()).collect();
    let name = "first layer (0: embeddings) with 90 % of the greatest lead over chance";
    let emergence = where_it_is(
        config
            .bootstrap()
            .estimate(Resample::Groups(labels.groups()), name, |rows| onset(&aurocs(&scores, &labels, rows)?)),
    )?;
    let middle = layers.len() / 2;
    let told = |of: usize, found: &CrossFitted| told(what, found, of, &labels, config);
    let sweep = Sweep {
        what: what.to_owned(),
        pool,
        layers: (0..layers.len()).map(layer).collect::<Result<_, _>>()?,
        best: told(found.best(), &found)?,
        best_layer: found.best(),
        middle: told(middle, &found)?,
        middle_layer: middle,
        emergence,
    };
    Ok(Asked { sweep, scores, labels })
}

fn ends(null: &PermutationNull) -> Result<[f64; 2], StudyError> {
    Ok([null.quantile(0.025)?, null.quantile(0.975)?])
}

/// The AUROC of each layer, of some rows.
fn aurocs(scores: &[Vec<f64>], labels: &Labels, rows: &[usize]) -> Option<Vec<f64>> {
    scores.iter().map(|scores| of_rows(scores, labels, rows)).collect()
}

/// The first layer whose AUROC is 90 % of the way from chance to the greatest; none if that is no better than chance.
fn onset(aurocs: &[f64]) -> Option<f64> {
    let greatest = aurocs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if greatest <= 0.5 {
        return None;
    }
    let enough = 0.5 + 0.9 * (greatest - 0.5);
    aurocs.iter().position(|auroc| *auroc >= enough).map(|layer| layer as f64)
}

/// By how many layers one arises after another, scenarios of both drawn together.
fn delay(one: &Asked, other: &Asked, config: &Config) -> Result<Option<Estimate>, StudyError> {
    let offset = one.labels.groups().iter().max().map_or(0, |max| max + 1);
    let groups: Vec<u64> =
        one.labels.groups().iter().copied().chain(other.labels.groups().iter().map(|group| group + offset)).collect();
    let n = one.labels.len();
    let name = format!("layers by which {} arise after {}", one.sweep.what, other.sweep.what);
    where_it_is(config.bootstrap().estimate(Resample::Groups(&groups), &name, |rows| {
        let of_one: Vec<usize> = rows.iter().copied().filter(|row| *row < n).collect();
        let of_other: Vec<usize> = rows.iter().filter_map(|row| row.checked_sub(n)).collect();
        let (one, other) =
            (aurocs(&one.scores, &one.labels, &of_one)?, aurocs(&other.scores, &other.labels, &of_other)?);
        Some(onset(&one)? - onset(&other)?)
    }))
}

/// None where there is nothing that arises, or hardly ever.
fn where_it_is(found: Result<Estimate, StatsError>) -> Result<Option<Estimate>, StudyError> {
    match found {
        Err(StatsError::Undefined { .. }) => Ok(None),
        found => Ok(Some(found?)),
    }
}

/// Corrects the p of all layers of these sweeps for each other.
fn correct<'s>(sweeps: impl Iterator<Item = &'s mut Sweep>) -> Result<(), StudyError> {
    let mut layers: Vec<&mut Estimate> = sweeps.flat_map(|s| &mut s.layers).map(|layer| &mut layer.auroc).collect();
    let mut estimates: Vec<Estimate> = layers.iter().map(|estimate| (**estimate).clone()).collect();
    adjust(&mut estimates, Correction::Bh)?;
    for (layer, estimate) in layers.iter_mut().zip(estimates) {
        **layer = estimate;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_begins_where_nine_tenths_are_reached() {
        assert_eq!(onset(&[0.5, 0.6, 0.87, 0.9, 0.88]), Some(2.0));
        assert_eq!(onset(&[0.9, 0.5]), Some(0.0));
        assert_eq!((onset(&[0.5, 0.4]), onset(&[])), (None, None));
    }
}
