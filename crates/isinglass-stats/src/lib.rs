//! Estimates with intervals: classifiers, effect sizes, correlations, tests, agreement, grouped splits, permutation and
//! bootstrap.
//!
//! Every function takes plain slices and gives an [`Estimate`]: a value with its interval, its count and what was
//! computed.
//! Nobody outside this crate can make an [`Estimate`], so a number in a report has come from a computation here.
//!
//! Rows come in groups (a scenario, a prompt, a pair), and rows of one group resemble each other.
//! So [`Split::grouped`] keeps a group on one side of a split, [`auroc_grouped`] resamples whole groups, and
//! [`permuted_labels`] flips labels within pairs.
//!
//! ```
//! use isinglass_stats::{Bootstrap, PermutationNull, auroc, auroc_grouped, permuted_labels};
//!
//! // Twelve pairs: in each, one row of either class.
//! let groups: Vec<u64> = (0..24).map(|row| row / 2).collect();
//! let labels: Vec<bool> = (0..24).map(|row| row % 2 == 0).collect();
//! let scores: Vec<f64> = (0..24).map(|row| f64::from(row % 7) + if row % 2 == 0 { 3.0 } else { 0.0 }).collect();
//!
//! let flipped: Vec<f64> = permuted_labels(&labels, &groups, 1)?
//!     .take(999)
//!     .map(|labels| auroc(&scores, &labels))
//!     .collect::<Result<_, _>>()?;
//! let null = PermutationNull::from_values(flipped, "label flips within pairs")?;
//!
//! let estimate = auroc_grouped(&scores, &labels, &groups, Bootstrap::resamples(2000).seed(1))?
//!     .with_permutation(&null);
//! assert!(estimate.value() > 0.8);
//! assert!(estimate.p().is_some_and(|p| p.value() < 0.05));
//! println!("{estimate}"); // value [low, high] (n, p)
//! # Ok::<(), isinglass_stats::StatsError>(())
//! ```

mod adjust;
mod agreement;
mod alternative;
mod anova;
mod auroc;
mod bootstrap;
mod calibration;
mod classify;
mod confusion;
mod contingency;
mod correlation;
mod detection;
pub mod distribution;
mod effect;
mod error;
mod estimate;
mod icc;
mod kolmogorov;
mod ks;
mod median;
mod moments;
mod permutation;
mod proportion;
mod rank_tests;
mod ranks;
mod roc;
mod shapiro_wilk;
mod split;
mod summary;
mod t_test;

pub use adjust::{Correction, adjust, adjusted_p};
pub use agreement::{KappaWeights, agreement, kappa};
pub use alternative::Alternative;
pub use anova::{FTest, KruskalWallis, brown_forsythe, kruskal_wallis, one_way_anova};
pub use auroc::{auroc, auroc_delong, auroc_grouped};
pub use bootstrap::Bootstrap;
pub use calibration::{ForecastMetric, Forecasts, ReliabilityBin};
pub use classify::{classify, classify_grouped};
pub use confusion::{ClassMetric, Confusion};
pub use contingency::{ChiSquaredTest, chi_squared_test, fisher_exact};
pub use correlation::{kendall, pearson, point_biserial, spearman};
pub use detection::{Detection, DetectionCounts, DetectionRates, detection};
pub use effect::{cliffs_delta, cohens_d, d_prime_held_out, glass_delta, hedges_g, hedges_g_approximate};
pub use error::StatsError;
pub use estimate::{Adjusted, Estimate, Interval, PValue};
pub use icc::{Icc, IccModel, IccUnit, icc};
pub use ks::{KsNull, kolmogorov_smirnov};
pub use median::median;
pub use moments::{covariance, variance};
pub use permutation::{PairFlips, PermutationNull, permuted_labels};
pub use proportion::{binomial_test, mcnemar, proportion, proportion_exact};
pub use rank_tests::{MannWhitney, RankNull, Wilcoxon, mann_whitney, wilcoxon};
pub use ranks::average_ranks;
pub use roc::{
    RocCurve, auroc_one_vs_rest, auroc_one_vs_rest_grouped, average_precision, average_precision_grouped, roc_curve,
};
pub use shapiro_wilk::shapiro_wilk;
pub use split::{Folds, Split};
pub use summary::{mean, quantile};
pub use t_test::{TTest, one_sample_test, paired_test, student_test, welch_test};
