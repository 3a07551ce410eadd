//! Directions from labelled activations, scored out of fold against their null.
//!
//! Use this crate when you have rows with labels and ask which direction tells them apart, and how well on rows it was
//! not made from. It does not know where the rows came from.

mod class_means;
mod error;
mod features;
mod gram;

pub use class_means::{ClassMeans, Scored};
pub use error::FitError;
pub use features::{Features, Labels};
