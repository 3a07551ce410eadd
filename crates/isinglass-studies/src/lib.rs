//! Published studies of language models, done again: configuration in, results out, nothing printed.
//!
//! [`tripartite`] asks whether a model tells three kinds of empathy apart, and what of the answer is more than words.

mod error;
pub mod tripartite;

pub use error::StudyError;
