//! One sample's texts against another's.

use isinglass_probe::{Features, FitError, Labels};

use super::logistic;
use crate::StudyError;
use crate::tripartite::{Config, Pool, Sample, Told, ask};

/// How well the texts of one sample are told from those of another, whatever their classes.
///
/// Scenarios belong to one of the two, so labels go with whole scenarios, and chance exchanges those of scenarios. The numbers of
/// scenarios are each sample's own: samples whose responses answer the **same** scenarios are no question for this, since
/// one scenario would be trained on and tested on.
///
/// Two samples differ in more than in what they were made for: topics, who wrote them, when, with which instructions. That they
/// are told apart, by probe or baseline, shows that they differ, not in what; only if they are **not** told apart is something
/// learned for certain.
///
/// # Errors
/// [`StudyError::Fit`] if rows differ in width or there are fewer scenarios than folds, [`StudyError::NotCaptured`],
/// [`StudyError::NoLayer`].
pub fn against(a: &Sample, b: &Sample, pool: Pool, layer: usize, config: &Config) -> Result<Told, StudyError> {
    let (of_a, of_b) = (a.layer(pool, layer)?, b.layer(pool, layer)?);
    if of_a.width() != of_b.width() {
        let (name, width, expected) = (of_b.name().to_owned(), of_b.width(), of_a.width());
        return Err(FitError::WrongWidth { name, width, expected }.into());
    }
    let rows = Features::new(of_a.name(), of_a.width(), [of_a.values(), of_b.values()].concat())?;
    let classes = [vec![0; of_a.len()], vec![1; of_b.len()]].concat();
    let after = a.groups().into_iter().max().map_or(0, |last| last + 1);
    let groups = a.groups().into_iter().chain(b.groups().into_iter().map(|group| group + after)).collect();
    let labels = Labels::of_groups(classes, groups)?.named([&a.name, &b.name].map(String::as_str))?;
    let texts = [a.texts(), b.texts()].concat();
    let what = format!("{} against {}", a.name, b.name);
    ask(&what, &logistic(), &rows, &labels, &texts, config)
}
