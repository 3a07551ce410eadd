//! How far apart two classes lie along the difference of their means, out of fold and in sample.

use isinglass_probe::{ClassMeans, Labels, LinearProbe, out_of_fold, out_of_fold_null};
use isinglass_stats::{Estimate, PermutationNull, Resample, StatsError, d_prime_held_out};
use serde::{Deserialize, Serialize};

use super::{Null, folds};
use crate::StudyError;
use crate::tripartite::{Config, Pool, Sample};

/// How far apart every two classes lie along the difference of their means.
///
/// d' is the difference of the mean projections over `√((s₁² + s₂²) / 2)`, the standard deviation **within** the classes;
/// dividing by that of all rows together would bound it near 2 whatever the classes do.
/// The direction is the difference of the class means of the training folds, in the units of the rows, and each row is
/// projected from midway between those means by the folds it is not in.
///
/// In sample, where the direction was made from the rows that it is asked about, d' is large for labels that mean nothing, all
/// the larger the more columns there are: the original's 12.1 has no such null beside it, and its first threshold (2) was
/// passed by noise. So `in_sample` is there to be compared with `in_sample_null` and with `held_out`, not to be quoted.
///
/// A d' says nothing of what the direction is about: length, tone or a word moves it as well.
/// It is one direction by class means, so a difference in spread alone, or one that turns, is not seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DPrimes {
    /// Every two classes.
    pub pairs: Vec<DPrime>,
}

/// How far apart two classes lie along the difference of their means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DPrime {
    /// The classes; above 0 the second lies where its mean was in the training folds.
    pub classes: [String; 2],
    /// Out of fold, with an interval over scenarios and a p against shuffled labels.
    pub held_out: Estimate,
    /// The same when labels are shuffled before everything.
    pub held_out_null: Null,
    /// In sample, with a p against shuffled labels: it flatters.
    pub in_sample: Estimate,
    /// The same when labels are shuffled before everything: how much it flatters.
    pub in_sample_null: Null,
}

/// d' of every two classes, held out and, for comparison, in sample.
///
/// # Errors
/// [`StudyError::Fit`] if there are fewer scenarios than folds or a class is missing from one, [`StudyError::Stats`] if
/// projections have no spread, [`StudyError::NotCaptured`], [`StudyError::NoLayer`].
pub fn d_prime(sample: &Sample, pool: Pool, layer: usize, config: &Config) -> Result<DPrimes, StudyError> {
    sample.layer(pool, layer)?;
    let pairs = sample.pairs().into_iter().map(|pair| of_pair(&sample.only(&pair), pool, layer, config));
    Ok(DPrimes { pairs: pairs.collect::<Result<_, _>>()? })
}

fn of_pair(sample: &Sample, pool: Pool, layer: usize, config: &Config) -> Result<DPrime, StudyError> {
    let (features, labels) = (sample.layer(pool, layer)?, sample.labels()?);
    let (folds, probe) = (folds(&labels, config)?, ClassMeans::new());
    let Config { permutations, seed, .. } = *config;

    let held_out = out_of_fold(&probe, features, &labels, &folds)?;
    let shuffled = out_of_fold_null(&probe, features, &labels, &folds, permutations, seed)?;
    let held_out_null = null_of(shuffled.into_iter().map(Ok), &labels)?;

    let in_sample = probe.fit(features, &labels)?.scores(features)?;
    let shuffled = probe.fit_null(features, &labels, permutations, seed)?;
    let projected = shuffled.into_iter().map(|(classes, linear)| Ok((classes, linear.scores(features)?)));
    let in_sample_null = null_of(projected, &labels)?;

    let estimate = |name, scores: &[f64], null: &PermutationNull| {
        let statistic = |rows: &[usize]| {
            let classes: Vec<usize> = rows.iter().map(|&row| labels.classes()[row]).collect();
            let scores: Vec<f64> = rows.iter().map(|&row| scores[row]).collect();
            d_prime_of(&scores, &classes).ok()
        };
        let estimate = config.bootstrap().estimate(Resample::Groups(labels.groups()), name, statistic)?;
        Ok::<_, StatsError>(estimate.with_permutation(null))
    };
    Ok(DPrime {
        classes: [0, 1].map(|class| sample.classes[class].clone()),
        held_out: estimate("d-prime within classes, projections out of fold", &held_out, &held_out_null)?,
        in_sample: estimate("d-prime within classes, in sample: too great", &in_sample, &in_sample_null)?,
        held_out_null: Null::of(&held_out_null)?,
        in_sample_null: Null::of(&in_sample_null)?,
    })
}

fn null_of(
    shuffled: impl Iterator<Item = Result<(Vec<usize>, Vec<f64>), StudyError>>,
    labels: &Labels,
) -> Result<PermutationNull, StudyError> {
    let d_primes = shuffled.map(|of| of.and_then(|(classes, scores)| Ok(d_prime_of(&scores, &classes)?)));
    Ok(PermutationNull::from_values(d_primes.collect::<Result<_, _>>()?, labels.null())?)
}

/// d' of the projections of two classes.
fn d_prime_of(scores: &[f64], classes: &[usize]) -> Result<f64, StatsError> {
    let of = |class: usize| -> Vec<f64> {
        scores.iter().zip(classes).filter(|(_, c)| **c == class).map(|(score, _)| *score).collect()
    };
    Ok(d_prime_held_out(&of(1), &of(0))?.value())
}
