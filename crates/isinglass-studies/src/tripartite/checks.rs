//! What else could explain that classes are told apart.
//!
//! Each check is one question about the rows of one layer, with its own null and, where texts could answer as well, with what
//! they give; none needs a model or a file. Probes are logistic with C = 1 unless a check says otherwise, folds keep
//! scenarios whole, and labels are shuffled within them.
//! What a check does not show stands with it, which is the greater part of some.

mod across_topics;
mod against;
mod agreement;
mod centred;
mod clusters;
mod control;
mod cosines;
mod d_prime;
mod erasure;
mod length;
mod quarters;

use isinglass_probe::{Features, Labels, Logistic};
use isinglass_stats::{Folds, PermutationNull, Split, StatsError};
use serde::{Deserialize, Serialize};

pub use across_topics::{Topic, Transfer, across_topics};
pub use against::against;
pub use agreement::{Agreements, Kappa, agreement};
pub use centred::centred;
pub use clusters::{Clustering, Likeness, RowsAs, clusters};
pub use control::{Contrast, control};
pub use cosines::{Cosines, PairCosine, WeightCosines, cosines};
pub use d_prime::{DPrime, DPrimes, d_prime};
pub use erasure::{Erasures, Leakage, Removal, RemovedAtRandom, TowardsClass, erasure};
pub use length::{LengthControl, Matched, length_control};
pub use quarters::quarters;

use super::{Config, Item};
use crate::StudyError;

/// What a figure is when chance alone decides, in the figure's own unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Null {
    /// The mean over the shuffles.
    pub mean: f64,
    /// Their standard deviation.
    pub sd: f64,
    /// The value below which 2.5 % of them lie.
    pub low: f64,
    /// The value above which 2.5 % of them lie.
    pub high: f64,
    /// How many there are.
    pub n: usize,
    /// What was shuffled.
    pub how: String,
}

impl Null {
    fn of(null: &PermutationNull) -> Result<Self, StatsError> {
        let (low, high) = (null.quantile(0.025)?, null.quantile(0.975)?);
        Ok(Self { mean: null.mean(), sd: null.sd(), low, high, n: null.n_resamples(), how: null.how().to_owned() })
    }
}

/// The probe of the checks.
fn logistic() -> Logistic {
    Logistic::l2(1.0)
}

/// The folds that [`Config::cross_fit`] has.
fn folds(labels: &Labels, config: &Config) -> Result<Folds, StatsError> {
    let split = Split::grouped(labels.groups()).folds(config.folds).seed(config.seed);
    split.stratified(labels.classes()).split()
}

/// The classes that scores give: of two classes, class 1 if its score is above 0, else that of the greatest score.
fn given(scores: &[f64], n_classes: usize) -> Vec<usize> {
    match n_classes {
        2 => scores.iter().map(|&score| usize::from(score > 0.0)).collect(),
        n => {
            let greatest = |of_row: &[f64]| {
                of_row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(class, _)| class)
            };
            scores.chunks(n).map(greatest).collect()
        }
    }
}

/// Rows from each of which the mean of its scenario's rows is taken.
fn from_scenario_means(features: &Features, items: &[Item]) -> Result<Features, StudyError> {
    let width = features.width();
    let mut sums: std::collections::BTreeMap<u64, (usize, Vec<f64>)> = std::collections::BTreeMap::new();
    for (i, item) in items.iter().enumerate() {
        let (n, sum) = sums.entry(item.group).or_insert_with(|| (0, vec![0.0; width]));
        *n += 1;
        sum.iter_mut().zip(features.row(i)).for_each(|(sum, v)| *sum += v);
    }
    let row = |(i, item): (usize, &Item)| {
        let (n, sum) = &sums[&item.group];
        let n = *n as f64;
        features.row(i).iter().zip(sum).map(|(v, sum)| v - sum / n).collect::<Vec<_>>()
    };
    let values = items.iter().enumerate().flat_map(row).collect();
    Ok(Features::new(format!("{}, from the mean of the scenario", features.name()), width, values)?)
}
