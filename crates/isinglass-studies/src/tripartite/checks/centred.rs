//! Whether a response differs from the others to its scenario, whatever the scenario is.

use std::collections::BTreeMap;

use super::{from_scenario_means, logistic};
use crate::StudyError;
use crate::tripartite::{Config, Pool, Sample, Told, ask};

/// How well the classes are told apart by rows from each of which the mean of its scenario's rows was taken.
///
/// It asks for the difference between responses to one scenario, with all that they share (topic, severity, who speaks) gone.
/// Only scenarios with as many responses of each class as of every other are used, so that the mean has the same share of
/// each class everywhere: were a class missing somewhere, how far a row is from the mean would tell which.
///
/// This is no leak: the mean uses **no labels**, and scenarios are whole in a fold, so no test row is centred by a training row
/// or the other way round; the shuffles exchange labels within a scenario, where centring treats all rows alike.
/// It does assume that all responses to a scenario are at hand when one of them is judged: it answers "which of these is which",
/// an easier question than "of which class is this one". The baselines judge single texts, so the lead over them holds that
/// easier question against them.
///
/// # Errors
/// [`StudyError::Fit`] if too few scenarios have all classes, [`StudyError::NotCaptured`], [`StudyError::NoLayer`].
pub fn centred(sample: &Sample, pool: Pool, layer: usize, config: &Config) -> Result<Told, StudyError> {
    let features = sample.layer(pool, layer)?;
    let n_classes = sample.classes.len();
    let mut counts: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for item in &sample.items {
        counts.entry(item.group).or_insert_with(|| vec![0; n_classes])[item.class] += 1;
    }
    let is_even = |counts: &[usize]| counts.iter().all(|n| *n == counts[0]);
    let whole: Vec<usize> = (0..sample.items.len()).filter(|&i| is_even(&counts[&sample.items[i].group])).collect();
    let items = whole.iter().map(|&i| sample.items[i].clone()).collect();
    let n_whole = counts.values().filter(|counts| is_even(counts)).count();
    let what = format!("classes within a scenario, {n_whole} of {} scenarios", counts.len());
    let some = Sample::new(sample.name.clone(), &sample.classes, items, BTreeMap::default())?;
    // Labels first: rows of no scenario are an error of the labels.
    let labels = some.labels()?;
    let rows = from_scenario_means(&features.rows(&whole), &some.items)?;
    ask(&what, &logistic(), &rows, &labels, &some.texts(), config)
}
