//! The same question on other data.

use std::collections::BTreeSet;

use isinglass_stats::{Estimate, Resample};
use serde::{Deserialize, Serialize};

use super::{folds, logistic};
use crate::StudyError;
use crate::tripartite::told::of_rows;
use crate::tripartite::{Config, Pool, Sample, Told, ask};

/// How well the classes of a control are told apart, and how much better those of the sample are.
///
/// A probe that tells three styles apart which have nothing to do with empathy as well as three kinds of empathy shows that a
/// model represents styles, of which these kinds may be some. A difference is no measure of empathy either: one set's classes
/// may simply lie further apart, in words or otherwise, which the baselines of both show.
/// Where both AUROCs are near 1 the difference is near 0 whatever the classes are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// The sample and the control.
    pub of: [String; 2],
    /// The classes of the control.
    pub told: Told,
    /// The AUROC of the sample less that of the control, out of fold, with a bootstrap interval over scenarios: over those that
    /// both have if they have the same, else over those of either by itself.
    pub difference: Estimate,
    /// Whether both have the same scenarios.
    pub same_scenarios: bool,
}

/// Asks the question of a sample about a control, at the same layer.
///
/// Both have the same scenarios if the same numbers occur in both; then one scenario's rows are drawn in both or in neither.
///
/// # Errors
/// [`StudyError::Fit`] if a sample has fewer scenarios than folds, [`StudyError::NotCaptured`], [`StudyError::NoLayer`].
pub fn control(
    sample: &Sample,
    control: &Sample,
    pool: Pool,
    layer: usize,
    config: &Config,
) -> Result<Contrast, StudyError> {
    let scored = |sample: &Sample| {
        let labels = sample.labels()?;
        let folds = folds(&labels, config)?;
        let scores = isinglass_probe::out_of_fold(&logistic(), sample.layer(pool, layer)?, &labels, &folds)?;
        Ok::<_, StudyError>((labels, scores))
    };
    let ((labels, scores), (of_control, of_control_scores)) = (scored(sample)?, scored(control)?);
    let what = format!("classes of {}", control.name);
    let told = ask(&what, &logistic(), control.layer(pool, layer)?, &of_control, &control.texts(), config)?;

    let n = labels.len();
    let of_either = |drawn: &[usize]| {
        let (first, second): (Vec<usize>, Vec<usize>) = drawn.iter().partition(|row| **row < n);
        let second: Vec<usize> = second.into_iter().map(|row| row - n).collect();
        Some(of_rows(&scores, &labels, &first)? - of_rows(&of_control_scores, &of_control, &second)?)
    };
    let numbers = |sample: &Sample| sample.groups().into_iter().collect::<BTreeSet<u64>>();
    let same_scenarios = numbers(sample) == numbers(control);
    let groups = [sample.groups(), control.groups()].concat();
    let strata: Vec<u64> = (0..groups.len()).map(|row| u64::from(row >= n)).collect();
    let units = if same_scenarios {
        Resample::Groups(&groups)
    } else {
        Resample::GroupsWithin { groups: &groups, strata: &strata }
    };
    let name = format!("AUROC above that of {}, out of fold", control.name);
    let difference = config.bootstrap().estimate(units, &name, of_either)?;
    Ok(Contrast { of: [sample.name.clone(), control.name.clone()], told, difference, same_scenarios })
}
