//! Labelled texts for experiments: pairs, groups, manifests with hash and licence.
//!
//! A data set is a folder with a JSON Lines file and a `manifest.toml` beside it.
//! The file holds one matched pair a line: two texts about the same event that differ in the concept under study,
//! one in its positive and one in its negative sense.
//! The manifest says where the texts come from, who labelled them and under which licence they are,
//! and pins their SHA-256 and their number, so that a result names the data it was measured on.
//!
//! [`read_pairs`] reads both and checks one against the other;
//! [`Dataset::from_pairs_file`] reads a file that has no manifest, and then says "unstated" where nothing is known.
//! [`Dataset::examples`] gives each text with its label and its group: the pair.
//! A split has to keep a group on one side, for a probe that has seen one member knows much of the other.
//!
//! [`Texts`] is a file of any number of texts, plain, in named parts or conversations, without labels:
//! it is checked once and then read range by range, in memory that does not grow with the file.
//!
//! No tensors here, and no models.
//!
//! # Examples
//!
//! ```
//! use isinglass_data::Dataset;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("trains.jsonl");
//! std::fs::write(
//!     &path,
//!     r#"{"pair": "p01", "topic": "travel", "positive": "The train was early.", "negative": "The train was cut."}"#,
//! )?;
//!
//! let dataset = Dataset::from_pairs_file(&path)?;
//! let examples = dataset.examples();
//! assert_eq!(examples.len(), 2);
//! assert_eq!(examples[0].text, "The train was early.");
//! assert!(examples[0].label && !examples[1].label);
//! assert_eq!(examples[0].group, examples[1].group);
//! assert_eq!(dataset.manifest().licence, "unstated");
//! # Ok(())
//! # }
//! ```

mod dataset;
mod error;
mod manifest;
mod pair;
mod texts;

pub use dataset::{Dataset, read_pairs};
pub use error::DataError;
pub use manifest::{Manifest, UNSTATED};
pub use pair::{Example, Pair};
pub use texts::{Part, TextItem, Texts, Turn};
