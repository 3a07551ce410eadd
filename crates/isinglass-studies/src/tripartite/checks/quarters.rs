//! Where in the response the classes can be told apart.

use isinglass_probe::{Baselines, Features};

use super::logistic;
use crate::StudyError;
use crate::tripartite::told::told;
use crate::tripartite::{Config, Pool, Sample, Told};

/// How well the classes are told apart by the mean over each quarter of the response's tokens; each p counts for all four.
///
/// A causal model has read no more of a text than its tokens so far, so an early quarter that does well is not led by how the
/// response ends. It has read the scenario and the response's opening, though: a template shows in the first words.
/// The baselines look at **whole** responses in every quarter, so the lead of an early quarter is that over a reader who knows
/// more. Later quarters carry what earlier tokens left in the stream; that they do well does not show that the later words
/// tell.
///
/// # Errors
/// [`StudyError::NotCaptured`] unless all four quarters were captured, [`StudyError::NoLayer`], [`StudyError::Fit`].
pub fn quarters(sample: &Sample, layer: usize, config: &Config) -> Result<Vec<(Pool, Told)>, StudyError> {
    let (labels, texts) = (sample.labels()?, sample.texts());
    let rows = Pool::QUARTERS.iter().map(|pool| sample.layer(*pool, layer).cloned());
    let rows: Vec<Features> = rows.collect::<Result<_, _>>()?;
    let found = config.cross_fit(&logistic()).run(&rows, &labels, &Baselines::of(&texts))?;
    let of = |(i, pool): (usize, Pool)| {
        let what = format!("classes by the {pool}");
        Ok((pool, told(&what, &found, i, &labels, config)?))
    };
    Pool::QUARTERS.into_iter().enumerate().map(of).collect()
}
