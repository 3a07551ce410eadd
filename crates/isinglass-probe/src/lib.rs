//! Probes: which direction tells classes apart, and how well on rows it was not made from.
//!
//! Use this crate when you have rows with labels, from wherever they come. [`CrossFit`] asks how good a [`Probe`] is:
//! grouped folds, scalers fitted inside them, a null of shuffled labels, and beside it what the texts alone give away.
//! [`audit`] asks the same of texts alone, before any model reads them.
//! A [`LinearProbe`] fitted to all rows gives a direction to steer along.

mod algebra;
mod attention;
pub mod audit;
mod baselines;
mod chosen;
mod class_means;
mod clusters;
mod covariance;
mod cross_fit;
mod discriminant;
mod erase;
mod error;
mod features;
mod fold;
mod forest;
mod inlp;
mod k_sparse;
mod labels;
mod lda;
mod leace;
mod logistic;
mod probe;
mod residualised;
mod ridge;
mod sequences;
mod svm;

pub use attention::{Attention, AttentionFound, AttentionProbe};
pub use baselines::Baselines;
pub use chosen::{Choice, Chosen};
pub use class_means::ClassMeans;
pub use clusters::{Clustered, cluster};
pub use covariance::{Covariance, ledoit_wolf};
pub use cross_fit::{CrossFit, CrossFitted, Scored, ShuffledScores, out_of_fold, out_of_fold_null};
pub use erase::{Erased, Eraser, Erasure};
pub use error::FitError;
pub use features::Features;
pub use fold::{Fold, Scaling};
pub use forest::Forest;
pub use inlp::Inlp;
pub use k_sparse::KSparse;
pub use labels::Labels;
pub use lda::Lda;
pub use leace::Leace;
pub use logistic::Logistic;
pub use probe::{Linear, LinearProbe, Probe};
pub use residualised::Residualised;
pub use ridge::Ridge;
pub use sequences::Sequences;
pub use svm::{Curved, Straight, Svm};
