//! How often to fold, shuffle and resample.

use isinglass_probe::{CrossFit, Probe};
use isinglass_stats::Bootstrap;
use serde::{Deserialize, Serialize};

/// How the statistics of the study are computed; stored beside every result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Seed of folds, shuffles, resamples and clusters.
    pub seed: u64,
    /// Folds over scenarios.
    pub folds: usize,
    /// Shuffles of the labels behind each p.
    pub permutations: usize,
    /// Bootstrap resamples of scenarios behind each interval.
    pub resamples: usize,
}

impl Default for Config {
    /// Five folds, 200 shuffles, 1,000 resamples, seed 0: no p is below 0.005, and minutes are enough for a small model.
    fn default() -> Self {
        Self { seed: 0, folds: 5, permutations: 200, resamples: 1000 }
    }
}

impl Config {
    /// Cross-validation of a probe with these settings.
    pub fn cross_fit<'p>(&self, probe: &'p dyn Probe) -> CrossFit<'p> {
        let Self { seed, folds, permutations, resamples } = *self;
        CrossFit::new(probe).seed(seed).folds(folds).permutations(permutations).resamples(resamples)
    }

    /// The bootstrap of these settings.
    pub fn bootstrap(&self) -> Bootstrap {
        Bootstrap::resamples(self.resamples).seed(self.seed)
    }
}
