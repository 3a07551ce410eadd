//! Cosines between the weights of probes, which say next to nothing.

use isinglass_probe::{Features, Labels, LinearProbe, Logistic};
use isinglass_stats::{
    Estimate, Matrix, PermutationNull, StatsError, cosine, cosine_floor, cosine_matrix, mean_pairwise_cosine,
};
use serde::{Deserialize, Serialize};

use super::{Null, logistic};
use crate::StudyError;
use crate::tripartite::{Config, Pool, Sample};

/// Cosines between the weights of the classes' probes, beside the least that is possible and what shuffled labels give.
///
/// The original study takes cosines of about −1/2 between three probes for a sign that the concepts are opposed. They are
/// not: one-vs-rest targets of K balanced classes sum to a constant, so the weights of the K probes sum to about zero
/// (exactly for least squares, nearly for logistic regression and the rows of a softmax), and K vectors that sum to zero
/// have a mean pairwise cosine of at least −1/(K − 1), which is reached if all are of one length and at one angle.
/// Three of them make a triangle, whose mean cosine is −(cos A + cos B + cos C)/3 ≥ −1/2 (Euler's inequality).
/// Random labels give such an equilateral triangle, with a tiny spread; **any** real difference between the classes makes the
/// triangle uneven and the mean greater.
///
/// So a distance from the null, to whichever side, says that the classes differ somehow, which an AUROC says better; how far
/// it is in standard deviations of so narrow a null is no size of anything. Which sign or size a cosine of two probes has
/// shows **nothing** about whether concepts oppose, exclude or resemble each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cosines {
    /// −1/(K − 1): no K vectors have a lower mean pairwise cosine.
    pub floor: f64,
    /// Of K probes, each one class against all others: those of the original.
    pub one_vs_rest: WeightCosines,
    /// Of the K rows of one softmax.
    pub softmax: WeightCosines,
}

/// Cosines between the weight vectors of one kind of probe, fitted to all rows, in the units of the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightCosines {
    /// The probe.
    pub probe: String,
    /// Every two classes.
    pub pairs: Vec<PairCosine>,
    /// The mean over the pairs, with a two-sided p against shuffled labels.
    pub mean: Estimate,
    /// The mean over the pairs when labels are shuffled.
    pub null: Null,
}

/// The cosine between the weights of two classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairCosine {
    /// The classes.
    pub classes: [String; 2],
    /// The cosine, with a two-sided p against shuffled labels.
    pub cosine: Estimate,
    /// The same cosine when labels are shuffled.
    pub null: Null,
}

/// Cosines between the weights of probes of each class; see [`Cosines`] for why they are shown at all.
///
/// # Errors
/// [`StudyError::Stats`] with fewer than three classes, of which two probes are one and its opposite; [`StudyError::Fit`] if
/// a probe cannot be fitted, [`StudyError::NotCaptured`], [`StudyError::NoLayer`].
pub fn cosines(sample: &Sample, pool: Pool, layer: usize, config: &Config) -> Result<Cosines, StudyError> {
    let (features, labels) = (sample.layer(pool, layer)?, sample.labels()?);
    let got = labels.n_classes();
    if got < 3 {
        let statistic = "a cosine between probes of classes";
        return Err(StatsError::TooFew { what: "classes", got, least: 3, statistic }.into());
    }
    Ok(Cosines {
        floor: cosine_floor(got)?,
        one_vs_rest: of_probe("one class against the others", &logistic().one_vs_rest(), features, &labels, config)?,
        softmax: of_probe("softmax", &logistic(), features, &labels, config)?,
    })
}

fn of_probe(
    kind: &str,
    probe: &Logistic,
    features: &Features,
    labels: &Labels,
    config: &Config,
) -> Result<WeightCosines, StudyError> {
    let (width, k) = (features.width(), labels.n_classes());
    let weights = probe.fit(features, labels)?.weights;
    // Of each shuffle the cosines of all pairs, row after row.
    let shuffled = probe.fit_null(features, labels, config.permutations, config.seed)?;
    let of_shuffle = |weights: &[Vec<f64>]| cosine_matrix(Matrix::new(&weights.concat(), width)?);
    let nulls: Vec<Vec<f64>> =
        shuffled.iter().map(|(_, linear)| of_shuffle(&linear.weights)).collect::<Result<_, _>>()?;
    let null_of = |of: &dyn Fn(&[f64]) -> f64| {
        PermutationNull::from_values(nulls.iter().map(|cosines| of(cosines)).collect(), labels.null())
    };

    let every_two: Vec<[usize; 2]> = (0..k).flat_map(|a| (a + 1..k).map(move |b| [a, b])).collect();
    let pair = |&[a, b]: &[usize; 2]| -> Result<PairCosine, StudyError> {
        let null = null_of(&|cosines| cosines[a * k + b])?;
        Ok(PairCosine {
            classes: [a, b].map(|class| labels.names()[class].clone()),
            cosine: cosine(&weights[a], &weights[b])?.qualified("weights").with_permutation_two_sided(&null),
            null: Null::of(&null)?,
        })
    };
    let n_pairs = every_two.len() as f64;
    let null = null_of(&|cosines| every_two.iter().map(|[a, b]| cosines[a * k + b]).sum::<f64>() / n_pairs)?;
    let mean = mean_pairwise_cosine(Matrix::new(&weights.concat(), width)?)?;
    Ok(WeightCosines {
        probe: format!("{kind}: {}", isinglass_probe::Probe::name(probe)),
        pairs: every_two.iter().map(pair).collect::<Result<_, _>>()?,
        mean: mean.with_permutation_two_sided(&null),
        null: Null::of(&null)?,
    })
}
