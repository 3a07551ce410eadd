//! Estimates with intervals: AUROC, medians, grouped splits, permutation and bootstrap.
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
mod auroc;
mod bootstrap;
mod bootstrap_interval;
mod canonical;
mod cka;
mod cluster_agreement;
mod cluster_validity;
mod coefficient;
mod cosine;
mod decompose;
mod design;
mod error;
mod estimate;
mod folds;
mod kmeans;
mod least_squares;
mod logit;
mod matrix;
mod median;
mod mixed;
mod mixed_likelihood;
mod nested;
mod newton;
mod normal;
mod ols;
mod parallel_analysis;
mod pca;
mod permutation;
mod permutation_scheme;
mod permutation_test;
mod procrustes;
mod rank;
mod rank_curve;
mod spectrum;
mod split;
mod subspace;
mod summary;
mod tails;
mod theil_sen;
mod trend;
mod two_way;

pub use adjust::{Correction, adjust, adjusted_p};
pub use auroc::{auroc, auroc_delong, auroc_grouped};
pub use bootstrap::{Bootstrap, Resample};
pub use bootstrap_interval::{BootstrapDistribution, BootstrapInterval, acceleration};
pub use canonical::{Canonical, canonical_correlations};
pub use cka::{Cka, cka_permuted, debiased_cka, linear_cka};
pub use cluster_agreement::{Agreement, VMeasure, adjusted_rand, agreement_permuted, nmi, purity, v_measure};
pub use cluster_validity::{
    Distance, calinski_harabasz, davies_bouldin, silhouette, silhouette_permuted, silhouette_samples,
};
pub use coefficient::Coefficient;
pub use cosine::{cosine_floor, cosine_matrix, mean_pairwise_cosine};
pub use design::Design;
pub use error::StatsError;
pub use estimate::{Adjusted, Estimate, Interval, PValue};
pub use folds::Folds;
pub use kmeans::{Clusters, KMeans, lloyd};
pub use logit::{LogitFit, logit};
pub use matrix::Matrix;
pub use median::median;
pub use mixed::{Likelihood, MixedFit, RandomEffects, mixed_model};
pub use nested::NestedFold;
pub use ols::{FTest, Line, OlsFit, StandardErrors, line, ols};
pub use parallel_analysis::{NoStructure, ParallelAnalysis, parallel_analysis};
pub use pca::Pca;
pub use permutation::{PairFlips, PermutationNull, permuted_labels};
pub use permutation_scheme::{PermutedClasses, Scheme, permuted_classes};
pub use permutation_test::{Draws, PermutationTest, Tail, permutation_test, sign_flip_test};
pub use procrustes::{Procrustes, procrustes};
pub use rank::{EffectiveRank, effective_rank};
pub use rank_curve::{RankAtSize, rank_curve};
pub use split::Split;
pub use subspace::{SubspaceOverlap, principal_angles, subspace_overlap};
pub use summary::{mean, quantile};
pub use theil_sen::{TheilSen, theil_sen};
pub use trend::{Trend, jonckheere_terpstra, jonckheere_terpstra_permuted};
pub use two_way::{Cell, Effect, SumsOfSquares, TwoWay, anova_two_way};
