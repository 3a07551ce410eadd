//! The third phase: what else could explain it, at one layer that was chosen before anything was seen.

use isinglass_stats::Estimate;
use serde::{Deserialize, Serialize};

use super::checks::{
    Agreements, Clustering, Contrast, Cosines, DPrimes, Erasures, LengthControl, Transfer, across_topics, against,
    agreement, centred, clusters, control, cosines, d_prime, erasure, length_control, quarters,
};
use super::told::embeddings_apart;
use super::{Config, Kept, Pool, Sample, Told, ask};
use crate::StudyError;

/// The samples that validation needs, each with the embeddings as layer 0 and the layer in question as layer 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// Three kinds of empathy.
    pub triplets: Sample,
    /// Three styles of reply to impersonal scenes.
    pub non_empathy: Sample,
    /// Replies to the scenarios of the triplets, without feeling.
    pub stripped: Sample,
    /// Formal and casual messages.
    pub register: Sample,
}

/// What validation found, at one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validated {
    /// The site of the layer.
    pub site: String,
    /// Which tokens rows are made of, where a check does not say otherwise.
    pub pool: Pool,
    /// All three classes.
    pub three_way: Told,
    /// The AUROC less that of the embeddings, pooled alike.
    pub beyond_embeddings: Estimate,
    /// Cosines between the weights of probes, and their floor.
    pub cosines: Cosines,
    /// How far apart the classes are along the difference of their means.
    pub d_prime: DPrimes,
    /// What length explains.
    pub length: LengthControl,
    /// What is left without formality.
    pub formality: Erasures,
    /// The quarters of the responses.
    pub quarters: Vec<(Pool, Told)>,
    /// Clusters found without labels.
    pub clusters: Vec<Clustering>,
    /// Whether kinds of probes agree.
    pub agreement: Agreements,
    /// Rows without the mean of their scenario.
    pub centred: Told,
    /// Topics that no probe was trained on.
    pub across_topics: Transfer,
    /// The same question about styles that are no kinds of empathy.
    pub non_empathy: Contrast,
    /// The same question about replies without feeling.
    pub stripped: Contrast,
    /// Kinds of empathy against replies to impersonal scenes.
    pub emotion: Told,
}

/// The layer of [`Samples`] that is asked about.
const LAYER: usize = 1;

/// How many checks there are.
const CHECKS: usize = 14;

/// Runs all checks by the mean over the response; each is kept when it is done.
///
/// `progress` is told of each, of how many.
///
/// # Errors
/// [`StudyError::Fit`] if a sample is too small for its folds, [`StudyError::NotCaptured`], those of [`Kept::get`].
pub fn validate(
    samples: &Samples,
    config: &Config,
    kept: &Kept,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Validated, StudyError> {
    let Samples { triplets, non_empathy, stripped, register } = samples;
    let pool = Pool::Response;
    let rows = triplets.layer(pool, LAYER)?;
    let mut done = 0;
    let mut next = || {
        done += 1;
        progress(done, CHECKS);
    };
    let ask_all = || {
        let probe = isinglass_probe::Logistic::l2(1.0);
        ask("all three classes", &probe, rows, &triplets.labels()?, &triplets.texts(), config)
    };
    macro_rules! checked {
        ($name:literal, $check:expr) => {{
            let found = kept.get($name, || $check)?;
            next();
            found
        }};
    }
    Ok(Validated {
        site: rows.name().to_owned(),
        pool,
        three_way: checked!("three_way", ask_all()),
        beyond_embeddings: checked!("beyond_embeddings", embeddings_apart(triplets, pool, LAYER, config)),
        cosines: checked!("cosines", cosines(triplets, pool, LAYER, config)),
        d_prime: checked!("d_prime", d_prime(triplets, pool, LAYER, config)),
        length: checked!("length", length_control(triplets, pool, LAYER, config)),
        formality: checked!("formality", erasure(triplets, register, pool, LAYER, config)),
        quarters: checked!("quarters", quarters(triplets, LAYER, config)),
        clusters: checked!("clusters", clusters(triplets, pool, LAYER, config)),
        agreement: checked!("agreement", agreement(triplets, pool, LAYER, config)),
        centred: checked!("centred", centred(triplets, pool, LAYER, config)),
        across_topics: checked!("across_topics", across_topics(triplets, pool, LAYER, config)),
        non_empathy: checked!("non_empathy", control(triplets, non_empathy, pool, LAYER, config)),
        stripped: checked!("stripped", control(triplets, stripped, pool, LAYER, config)),
        emotion: checked!("emotion", against(triplets, non_empathy, pool, LAYER, config)),
    })
}
