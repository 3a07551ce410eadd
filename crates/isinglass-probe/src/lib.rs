//! Probes: which direction tells classes apart, and how well on rows it was not made from.
//!
//! Use this crate when you have rows with labels, from wherever they come. [`CrossFit`] asks how good a [`Probe`] is:
//! grouped folds, scalers fitted inside them, a null of shuffled labels, and beside it what the texts alone give away.
//! A [`LinearProbe`] fitted to all rows gives a direction to steer along.

mod algebra;
mod baselines;
mod class_means;
mod covariance;
mod cross_fit;
mod discriminant;
mod error;
mod features;
mod fold;
mod labels;
mod lda;
mod logistic;
mod probe;
mod ridge;

pub use baselines::Baselines;
pub use class_means::ClassMeans;
pub use covariance::{Covariance, ledoit_wolf};
pub use cross_fit::{CrossFit, CrossFitted, Scored, out_of_fold};
pub use error::FitError;
pub use features::Features;
pub use fold::{Fold, Scaling};
pub use labels::Labels;
pub use lda::Lda;
pub use logistic::Logistic;
pub use probe::{Linear, LinearProbe, Probe};
pub use ridge::Ridge;
