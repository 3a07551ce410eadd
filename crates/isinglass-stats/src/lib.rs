//! Statistics that can be believed: estimates with intervals, nulls that fit the design, splits that keep groups whole.
//!
//! Every function takes plain slices and gives an [`Estimate`]: a value with its interval, its count and what was
//! computed.
//! Nobody outside this crate can make an [`Estimate`], so a number in a report has come from a computation here.
//!
//! Rows come in groups (a scenario, a prompt, a pair), and rows of one group resemble each other.
//! So [`Split::grouped`] keeps a group on one side of a split, [`auroc_grouped`] resamples whole groups, and
//! [`permuted_classes`] exchanges labels as the design allows.
//!
//! | question | functions |
//! | --- | --- |
//! | how well do scores tell classes apart? | [`auroc_grouped`], [`auroc_one_vs_rest_grouped`], [`average_precision_grouped`], [`roc_curve`], [`classify_grouped`], [`Forecasts`] |
//! | how large is a difference? | [`cohens_d`], [`hedges_g`], [`cliffs_delta`], [`d_prime_held_out`], [`detection`] |
//! | do two things go together? | [`pearson`], [`spearman`], [`kendall`], [`point_biserial`] |
//! | do samples differ? | [`welch_test`], [`paired_test`], [`mann_whitney`], [`wilcoxon`], [`kruskal_wallis`], [`kolmogorov_smirnov`], [`brown_forsythe`], [`permutation_test`], [`sign_flip_test`] |
//! | do counts? | [`proportion`], [`chi_squared_test`], [`fisher_exact`], [`binomial_test`], [`mcnemar`] |
//! | what explains an outcome? | [`ols`], [`mixed_model`], [`logit`], [`one_way_anova`], [`anova_two_way`], [`theil_sen`], [`jonckheere_terpstra`] |
//! | do raters agree? | [`kappa`], [`icc`], [`agreement`] |
//! | in how many directions do rows vary? | [`Pca`], [`effective_rank`], [`rank_curve`], [`parallel_analysis`] |
//! | do two sets of directions resemble each other? | [`linear_cka`], [`canonical_correlations`], [`principal_angles`], [`subspace_overlap`], [`procrustes`], [`mean_pairwise_cosine`] |
//! | are there clusters? | [`KMeans`], [`silhouette_permuted`], [`agreement_permuted`] |
//! | how sure are we? | [`Bootstrap`], [`PermutationNull`], [`permuted_classes`], [`adjust`] |
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
mod bootstrap_interval;
mod calibration;
mod canonical;
mod cka;
mod classify;
mod cluster_agreement;
mod cluster_validity;
mod coefficient;
mod confusion;
mod contingency;
mod correlation;
mod cosine;
mod decompose;
mod design;
mod detection;
pub mod distribution;
mod effect;
mod error;
mod estimate;
mod folds;
mod icc;
mod kmeans;
mod kolmogorov;
mod ks;
mod least_squares;
mod logit;
mod matrix;
mod median;
mod mixed;
mod mixed_likelihood;
mod moments;
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
mod proportion;
mod rank;
mod rank_curve;
mod rank_tests;
mod ranks;
mod roc;
mod shapiro_wilk;
mod spectrum;
mod split;
mod subspace;
mod summary;
mod t_test;
mod tails;
mod theil_sen;
mod trend;
mod two_way;

pub use adjust::{Correction, adjust, adjusted_p};
pub use agreement::{KappaWeights, agreement, kappa};
pub use alternative::Alternative;
pub use anova::{KruskalWallis, OneWayAnova, brown_forsythe, kruskal_wallis, one_way_anova};
pub use auroc::{auroc, auroc_delong, auroc_grouped};
pub use bootstrap::{Bootstrap, Resample};
pub use bootstrap_interval::{BootstrapDistribution, BootstrapInterval, acceleration};
pub use calibration::{ForecastMetric, Forecasts, ReliabilityBin};
pub use canonical::{Canonical, canonical_correlations};
pub use cka::{Cka, cka_permuted, debiased_cka, linear_cka};
pub use classify::{classify, classify_grouped};
pub use cluster_agreement::{Agreement, VMeasure, adjusted_rand, agreement_permuted, nmi, purity, v_measure};
pub use cluster_validity::{
    Distance, calinski_harabasz, davies_bouldin, silhouette, silhouette_permuted, silhouette_samples,
};
pub use coefficient::Coefficient;
pub use confusion::{ClassMetric, Confusion};
pub use contingency::{ChiSquaredTest, chi_squared_test, fisher_exact};
pub use correlation::{kendall, pearson, point_biserial, spearman};
pub use cosine::{cosine, cosine_floor, cosine_matrix, mean_pairwise_cosine};
pub use design::Design;
pub use detection::{Detection, DetectionCounts, DetectionRates, detection};
pub use effect::{cliffs_delta, cohens_d, d_prime_held_out, glass_delta, hedges_g, hedges_g_approximate};
pub use error::StatsError;
pub use estimate::{Adjusted, Estimate, Interval, PValue};
pub use folds::Folds;
pub use icc::{Icc, IccModel, IccUnit, icc};
pub use kmeans::{Clusters, KMeans, lloyd};
pub use ks::{KsNull, kolmogorov_smirnov};
pub use logit::{LogitFit, logit};
pub use matrix::Matrix;
pub use median::median;
pub use mixed::{Likelihood, MixedFit, RandomEffects, mixed_model};
pub use moments::{covariance, variance};
pub use nested::NestedFold;
pub use ols::{FTest, Line, OlsFit, StandardErrors, line, ols};
pub use parallel_analysis::{NoStructure, ParallelAnalysis, parallel_analysis};
pub use pca::Pca;
pub use permutation::{PairFlips, PermutationNull, permuted_labels};
pub use permutation_scheme::{PermutedClasses, Scheme, permuted_classes};
pub use permutation_test::{Draws, PermutationTest, Tail, permutation_test, sign_flip_test};
pub use procrustes::{Procrustes, procrustes};
pub use proportion::{binomial_test, mcnemar, proportion, proportion_exact};
pub use rank::{EffectiveRank, effective_rank};
pub use rank_curve::{RankAtSize, rank_curve};
pub use rank_tests::{MannWhitney, RankNull, Wilcoxon, mann_whitney, wilcoxon};
pub use ranks::average_ranks;
pub use roc::{
    RocCurve, auroc_one_vs_rest, auroc_one_vs_rest_grouped, average_precision, average_precision_grouped, roc_curve,
};
pub use shapiro_wilk::shapiro_wilk;
pub use split::Split;
pub use subspace::{SubspaceOverlap, principal_angles, subspace_overlap};
pub use summary::{mean, quantile};
pub use t_test::{TTest, one_sample_test, paired_test, student_test, welch_test};
pub use theil_sen::{TheilSen, theil_sen};
pub use trend::{Trend, jonckheere_terpstra, jonckheere_terpstra_permuted};
pub use two_way::{Cell, Effect, SumsOfSquares, TwoWay, anova_two_way};
